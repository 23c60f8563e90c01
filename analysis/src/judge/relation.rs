//! `relation`: the stationary mean of a column is a value.

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::{SEEDS_MEAN, extreme, planned_margin, within};
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, Center, Mistake, require};
use crate::number::{Failed, singles};
use crate::statistics::dynamics::{
    Autocovariances, LongRun, agree, batch_means, burn_in, initial_monotone, resolved, stationarity,
};
use crate::statistics::mean::Moments;
use crate::statistics::{detectable, equivalence};
use crate::verdict::{Detectable, Row, Side, decide};

/// `relation`: both sides of a fluctuation–dissipation relation, or an invariant, recorded as their
/// difference. The start of each run is dropped, the rest must be stationary; then an equivalence
/// test on one time average per run from five runs on, within the run for fewer.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Relation {
    /// Column, recorded at every scheduled step.
    pub metric: String,
    /// The solver.
    #[serde(default)]
    pub solver: Option<String>,
    /// Or the probe.
    #[serde(default)]
    pub probe: Option<String>,
    /// Claimed mean.
    #[serde(default)]
    pub value: f64,
    /// Difference that does not matter; with `scale`, a share of that column's mean.
    pub margin: f64,
    /// Column whose stationary mean the margin is a share of: one side of the relation.
    #[serde(default)]
    pub scale: Option<String>,
    /// Spectral gap per row, if it is known: `ln(10⁶)/gap` rows are dropped. A fifth otherwise.
    #[serde(default)]
    pub gap: Option<f64>,
    /// Share of the rows that is dropped, in place of the gap.
    #[serde(default)]
    pub burn_in: Option<f64>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// Relative difference of two standard errors of an average that is still no disagreement.
const SHARE: f64 = 0.25;

impl Relation {
    fn name(&self) -> &str {
        self.solver.as_deref().or(self.probe.as_deref()).unwrap_or_default()
    }

    fn dropped(&self, count: usize) -> usize {
        self.burn_in.map_or_else(
            || burn_in(count, self.gap),
            |share| ((share * count as f64).ceil() as usize).min(count),
        )
    }
}

/// Error of the average of a run by the initial monotone sequence, and by batch means.
fn errors(x: &[f64]) -> (LongRun, LongRun) {
    (initial_monotone(&Autocovariances::of(x)), batch_means(x))
}

impl Kind for Relation {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(self.solver.is_some() != self.probe.is_some(), path, "either `solver` or `probe`")?;
        require(self.margin > 0.0, &format!("{path}.margin"), "a margin above 0")?;
        require(self.gap.is_none() || self.burn_in.is_none(), path, "either `gap` or `burn-in`")?;
        let gap = self.gap.is_none_or(|gap| gap > 0.0);
        require(gap, &format!("{path}.gap"), "a gap above 0")?;
        let share = self.burn_in.is_none_or(|share| (0.0..1.0).contains(&share));
        require(share, &format!("{path}.burn-in"), "a share in [0, 1)")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        match &self.probe {
            Some(probe) => super::concerns_probe(label, probe),
            None => super::concerns(label, &[self.name()], self.problem.as_deref()),
        }
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let (mut failed, mut chains, mut scales, mut seeds) =
            (Failed::new(), Vec::new(), Vec::new(), Vec::new());
        let mut unit = String::new();
        let problem = self.problem.as_deref();
        for run in singles(&setting.runs, self.name(), problem, true, path, "solver")?.values() {
            if !run.is_outcome() || run.record.trace.rows() == 0 {
                *failed.entry(run.record.header.status.word().to_owned()).or_insert(0) += 1;
                continue;
            }
            let column = |name: &str, key: &str| {
                run.series(name).ok_or_else(|| {
                    Mistake::new(format!("{path}.{key}"), format!("no column `{name}`"))
                })
            };
            let series = column(&self.metric, "metric")?;
            unit = series.metric.unit.to_string();
            let dropped = self.dropped(series.values.len());
            chains.push(series.values[dropped..].to_vec());
            if let Some(name) = &self.scale {
                scales.extend_from_slice(&column(name, "scale")?.values[dropped..]);
            }
            seeds.push(run.label.seed);
            if run.is_broken() {
                *failed.entry(run.record.header.status.word().to_owned()).or_insert(0) += 1;
            }
        }
        let statistic = format!("stationary mean of {}, {}", self.metric, self.name());
        if chains.is_empty() {
            return Ok(Finding::nothing(statistic, failed));
        }
        let margin = if self.scale.is_some() {
            self.margin * Moments::of(&scales).mean.abs()
        } else {
            self.margin
        };
        let parts: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
        let settled = stationarity(&parts).and_then(|found| found.check(Some(margin)));
        let means: Vec<f64> = chains.iter().map(|chain| Moments::of(chain).mean).collect();
        let rows: Vec<Row> = seeds
            .iter()
            .zip(&means)
            .map(|(seed, value)| Row { seed: *seed, value: *value })
            .collect();
        let mut finding = if settled.is_err() {
            // A run that has not settled gives no verdict at all.
            let mut finding =
                extreme(&rows, self.value, Side::Within, margin, Answer::Inconclusive);
            finding.procedure = "stationarity check";
            finding
        } else if chains.len() >= SEEDS_MEAN {
            let mut finding = within(&rows, self.value, margin, Center::Mean, setting);
            let within_runs: Vec<f64> = chains.iter().map(|c| errors(c).0.error()).collect();
            if !agree(&means, &within_runs).holds() {
                finding.flags.push("errors within the runs do not explain their spread".to_owned());
            }
            finding
        } else {
            self.within_runs(&rows, &parts, margin, setting)
        };
        if let Err(reason) = settled {
            finding.withhold(reason.to_string());
        }
        Ok(finding.about(statistic, &unit, failed))
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        let value = planned_margin(seeds, 1.0, alpha, sequential);
        (seeds >= SEEDS_MEAN).then(|| Detectable { value, unit: "sd of margin".to_owned() })
    }
}

impl Relation {
    /// The average of a few long runs, with the error that their autocorrelation leaves.
    fn within_runs(
        &self,
        rows: &[Row],
        chains: &[&[f64]],
        margin: f64,
        setting: &Setting<'_>,
    ) -> Finding {
        let found: Vec<(LongRun, LongRun)> = chains.iter().map(|chain| errors(chain)).collect();
        // Runs of one length: the mean of their averages, their errors added in squares.
        let count = found.len() as f64;
        let square: f64 = found.iter().map(|(run, _)| run.error().powi(2)).sum();
        let mean = found.iter().map(|(run, _)| run.mean).sum::<f64>() / count;
        let points: f64 = found.iter().map(|(run, _)| run.count as f64).sum();
        let error = square.sqrt() / count;
        let all = LongRun {
            mean,
            variance: error * error * points,
            count: points as usize,
            freedom: f64::INFINITY,
        };
        let interval = all.interval(setting.alpha);
        let evidence = equivalence::evidence(self.value, margin, |null| all.evidence(null));
        let answer = decide(interval, evidence, self.value, Side::Within, margin, setting.alpha);
        let value = detectable::normal(error, setting.alpha);
        let mut finding = Finding {
            procedure: "equivalence, initial monotone sequence",
            estimate: mean,
            interval,
            evidence: Some(evidence),
            detectable: Some(Detectable { value, unit: String::new() }),
            ..extreme(rows, self.value, Side::Within, margin, answer)
        };
        for (run, batches) in &found {
            if let Err(reason) = resolved(run.error(), batches, SHARE) {
                finding.withhold(reason.to_string());
            }
        }
        finding
    }
}
