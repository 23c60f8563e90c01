//! `spread`: one solver varies less over the seeds than another.

use converge_bench::study::Label;
use converge_problems::Metric;
use serde::Deserialize;

use super::infer::{center_of, extreme};
use super::paired::Pair;
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, At, Center, Mistake, require};
use crate::statistics::{detectable, spread};
use crate::verdict::{Detectable, Row, Side, decide};

/// `spread`: paired absolute deviations from the medians, of logarithms where the metric is better
/// lower (a spread is then relative).
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spread {
    /// Column.
    pub metric: String,
    /// Row of both.
    #[serde(default)]
    pub at: At,
    /// The solver that should vary less.
    pub solver: String,
    /// The other.
    pub than: String,
    /// Deviations of logarithms; by default for metrics that are better lower.
    #[serde(default)]
    pub log: Option<bool>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

impl Spread {
    fn in_logarithms(&self, metric: &Metric) -> bool {
        self.log.unwrap_or(center_of(metric) == Center::LogMean)
    }
}

impl Kind for Spread {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(self.solver != self.than, path, "two different solvers")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver, &self.than], self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        setting.require_fixed(path, "`better` on another metric")?;
        let found = Pair {
            metric: &self.metric,
            solver: (&self.solver, &self.at),
            than: (&self.than, &self.at),
            problem: self.problem.as_deref(),
            than_problem: None,
        }
        .read(setting, path)?;
        let Some(metric) = &found.metric else {
            return Ok(Finding::nothing("ratio of the deviations", found.failed));
        };
        let log = self.in_logarithms(metric);
        let usable = if log {
            found.are_positive()
        } else {
            found.a.iter().chain(&found.b).all(|x| x.is_finite())
        };
        let statistic = format!(
            "mean absolute deviation of {}{}, {} − {}",
            if log { "log " } else { "" },
            self.metric,
            self.solver,
            self.than
        );
        if !usable {
            let mut finding = Finding::nothing(statistic, found.failed);
            finding.answer = Answer::Inconclusive;
            finding.flags.push("a number without a deviation".to_owned());
            return Ok(finding);
        }
        let scale = |x: &f64| if log { x.ln() } else { *x };
        let a: Vec<f64> = found.a.iter().map(scale).collect();
        let b: Vec<f64> = found.b.iter().map(scale).collect();
        let contrast = spread::paired(&a, &b);
        let interval = contrast.interval(setting.alpha);
        let evidence = contrast.evidence(0.0).mirrored();
        let rows: Vec<Row> = found
            .seeds
            .iter()
            .zip(a.iter().zip(&b))
            .map(|(seed, (a, b))| Row { seed: *seed, value: a - b })
            .collect();
        let answer = decide(interval, evidence, 0.0, Side::Below, 0.0, setting.alpha);
        let mut finding = Finding {
            procedure: "Brown–Forsythe, paired",
            statistic,
            unit: if log { String::new() } else { metric.unit.to_string() },
            estimate: contrast.estimate,
            interval,
            evidence: Some(evidence),
            failed: found.failed,
            ..extreme(&rows, 0.0, Side::Below, 0.0, answer)
        };
        finding.flags.push(format!("ratio of the deviations {:.3}", spread::ratio(&a, &b)));
        if finding.seeds < spread::FEWEST {
            finding.withhold("too few seeds");
        }
        Ok(finding)
    }

    /// As a ratio of standard deviations of normal numbers.
    fn plan(&self, seeds: usize, alpha: f64, _: bool) -> Option<Detectable> {
        let value = detectable::spread_ratio((seeds, seeds), 3.0, alpha);
        (seeds >= spread::FEWEST).then(|| Detectable { value, unit: "ratio of sd".to_owned() })
    }
}
