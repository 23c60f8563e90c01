//! `equal`: two solvers, or a solver and a value, agree within a margin.

use converge_bench::study::Label;
use converge_problems::Metric;
use serde::Deserialize;

use super::infer::{planned_margin, within};
use super::mean::{numbers, refuse_raw_mean};
use super::paired::Pair;
use super::{Finding, Kind, Setting};
use crate::claim::{At, Center, Mistake, require};
use crate::number::Failed;
use crate::verdict::{Detectable, Row};

/// `equal`: an equivalence test, supported when the whole interval lies inside the margin.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Equal {
    /// Column.
    pub metric: String,
    /// Row.
    #[serde(default)]
    pub at: At,
    /// The solver.
    #[serde(default)]
    pub solver: Option<String>,
    /// A probe, in place of the solver; needs `value`.
    #[serde(default)]
    pub probe: Option<String>,
    /// The other solver.
    #[serde(default)]
    pub than: Option<String>,
    /// Row of the other, if different.
    #[serde(default)]
    pub than_at: Option<At>,
    /// A value, in place of the other solver.
    #[serde(default)]
    pub value: Option<f64>,
    /// Difference that does not matter, above 0.
    pub margin: f64,
    /// What stands for the seeds: `mean` (of paired differences, or of what is no raw time, count,
    /// loss or error) or `median`.
    #[serde(default, alias = "centre")]
    pub center: Option<Center>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
    /// Problem of the other, if different; runs of one seed are paired.
    #[serde(default)]
    pub than_problem: Option<String>,
}

/// The number of each seed, what it measures, what left none, the value they are compared with, and
/// the name of the comparison.
type Compared = (Vec<Row>, Option<Metric>, Failed, f64, String);

impl Equal {
    fn name(&self) -> &str {
        self.solver.as_deref().or(self.probe.as_deref()).unwrap_or_default()
    }

    fn pair(&self) -> Option<Pair<'_>> {
        self.than.as_ref().map(|than| Pair {
            metric: &self.metric,
            solver: (self.name(), &self.at),
            than: (than, self.than_at.as_ref().unwrap_or(&self.at)),
            problem: self.problem.as_deref(),
            than_problem: self.than_problem.as_deref(),
        })
    }

    /// What is compared with which value: differences with 0, or numbers with the value.
    fn read(&self, setting: &Setting<'_>, path: &str) -> Result<Compared, Mistake> {
        let (name, problem) = (self.name(), self.problem.as_deref());
        if let Some(pair) = self.pair() {
            let found = pair.read(setting, path)?;
            let statistic = pair.statistic('−');
            let rows = found.differences(|x| x);
            return Ok((rows, found.metric, found.failed, 0.0, statistic));
        }
        let (rows, metric, failed) = numbers(setting, name, problem, &self.metric, &self.at, path)?;
        let value = self.value.unwrap_or(0.0);
        Ok((rows, metric, failed, value, format!("{}, {name}", self.metric)))
    }
}

impl Kind for Equal {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(self.margin > 0.0, &format!("{path}.margin"), "a margin above 0")?;
        require(self.solver.is_some() != self.probe.is_some(), path, "either `solver` or `probe`")?;
        require(self.than.is_some() != self.value.is_some(), path, "either `than` or `value`")?;
        require(
            self.probe.is_none() || self.value.is_some(),
            path,
            "a `value` to compare the probe with",
        )?;
        let center = matches!(self.center, None | Some(Center::Mean | Center::Median));
        require(center, &format!("{path}.center"), "center = \"mean\" or \"median\"")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        if let Some(probe) = &self.probe {
            return super::concerns_probe(label, probe);
        }
        match self.pair() {
            Some(pair) => pair.concerns(label),
            None => super::concerns(label, &[self.name()], self.problem.as_deref()),
        }
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let (rows, metric, failed, value, statistic) = self.read(setting, path)?;
        let Some(metric) = metric else { return Ok(Finding::nothing(statistic, failed)) };
        let center = self.center.unwrap_or(Center::Mean);
        if self.than.is_none() && !setting.exact {
            refuse_raw_mean(&metric, center, path)?;
        }
        if center == Center::Median {
            setting.require_fixed(&format!("{path}.center"), "center = \"mean\"")?;
        }
        let finding = within(&rows, value, self.margin, center, setting);
        Ok(finding.about(statistic, &metric.unit, failed))
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        let value = planned_margin(seeds.max(2), 1.0, alpha, sequential);
        Some(Detectable { value, unit: "sd of margin".to_owned() })
    }
}
