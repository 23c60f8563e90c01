//! `relation`: the stationary mean of a column is a value.

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::{SEEDS_MEAN, extreme, planned_margin, within};
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, Center, Mistake, require};
use crate::number::{Failed, singles};
use crate::statistics::contrast::Contrast;
use crate::statistics::dynamics::{
    self, Autocovariances, LongRun, agree, batch_means, burn_in, initial_monotone, resolved,
    stationarity,
};
use crate::statistics::mean::Moments;
use crate::statistics::{detectable, equivalence};
use crate::verdict::{Detectable, Row, Side, decide};

/// `relation`: both sides of a fluctuation–dissipation relation, or an invariant, recorded as their
/// difference. The start of each run is dropped, the rest must be stationary; then an equivalence
/// test on one time average per run from five runs on, within the run for fewer. With the columns of
/// its `martingale`, runs are taken together and the error needs no model of autocorrelation.
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
    /// What makes the residual that of a generator, `metric = ±𝓛f`.
    #[serde(default)]
    pub martingale: Option<Martingale>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// Columns beside a residual `±𝓛f` along a diffusion.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Martingale {
    /// `|σᵀ∇f|²`: the variance of the martingale per unit of time.
    pub noise: String,
    /// `f` where the row begins.
    pub function: String,
    /// Time, on an even grid.
    pub time: String,
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
        let about_zero = self.martingale.is_none() || self.value.abs() <= 0.0;
        require(about_zero, &format!("{path}.value"), "0 where there is a `martingale`")?;
        require(self.gap.is_none() || self.burn_in.is_none(), path, "either `gap` or `burn-in`")?;
        let gap = self.gap.is_none_or(|gap| gap > 0.0);
        require(gap, &format!("{path}.gap"), "a gap above 0")?;
        let share = self.burn_in.is_none_or(|share| (0.0..1.0).contains(&share));
        require(share, &format!("{path}.burn-in"), "a share in [0, 1)")
    }

    fn columns(&self) -> Vec<&str> {
        let mut columns = vec![self.metric.as_str()];
        columns.extend(self.scale.as_deref());
        if let Some(Martingale { noise, function, time }) = &self.martingale {
            columns.extend([noise.as_str(), function, time]);
        }
        columns
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
        let mut residuals = Vec::new();
        if self.martingale.is_some() {
            setting.require_fixed(&format!("{path}.martingale"), "no `martingale`")?;
        }
        let mut unit = String::new();
        let problem = self.problem.as_deref();
        for run in singles(&setting.runs, self.name(), problem, true, path, "solver")?.values() {
            if !run.is_outcome() || run.record.trace.rows() == 0 {
                failed.note(run.record.header.status.word(), run.label);
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
            if let Some(Martingale { noise, function, time }) = &self.martingale {
                let tail = |name: &str, key: &str| {
                    let key = format!("martingale.{key}");
                    column(name, &key).map(|series| series.values[dropped..].to_vec())
                };
                let parts =
                    [tail(noise, "noise")?, tail(function, "function")?, tail(time, "time")?];
                residuals.extend(residual(&series.values[dropped..], &parts));
            }
            seeds.push(run.label.seed);
            if run.is_broken() {
                failed.note(run.record.header.status.word(), run.label);
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
        } else if self.martingale.is_some() {
            of_martingale(&rows, &parts, &residuals, margin, setting)
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

/// The residual of one run by the martingale behind it; the last row closes the one before. None of
/// fewer than two rows.
fn residual(values: &[f64], [noise, function, time]: &[Vec<f64>; 3]) -> Option<dynamics::Relation> {
    let last = values.len().checked_sub(1).filter(|last| *last > 0)?;
    let step = (time[last] - time[0]) / last as f64;
    let ends = [function[0], function[last]];
    Some(dynamics::diffusion(&values[..last], &noise[..last], step, ends))
}

/// The average of all runs with the error of their martingales, batch means beside it.
fn of_martingale(
    rows: &[Row],
    chains: &[&[f64]],
    residuals: &[dynamics::Relation],
    margin: f64,
    setting: &Setting<'_>,
) -> Finding {
    let count = residuals.len() as f64;
    let mean = |of: fn(&dynamics::Relation) -> f64| residuals.iter().map(of).sum::<f64>() / count;
    let square: f64 = residuals.iter().map(|residual| residual.error.powi(2)).sum();
    let all = dynamics::Relation {
        mean: mean(|residual| residual.mean),
        error: square.sqrt() / count,
        boundary: mean(|residual| residual.boundary),
    };
    // Batch means of all runs as those of one: as many batches as all have.
    let batches: Vec<LongRun> = chains.iter().map(|chain| batch_means(chain)).collect();
    let over = |of: fn(&LongRun) -> f64| batches.iter().map(of).sum::<f64>();
    let batches = LongRun {
        mean: over(|run| run.mean) / count,
        variance: over(|run| run.variance) / count,
        count: batches.iter().map(|run| run.count).sum(),
        freedom: over(|run| run.freedom + 1.0) - 1.0,
    };
    let interval = all.contrast().interval(setting.alpha);
    let evidence = all.evidence(margin);
    let answer = decide(interval, evidence, 0.0, Side::Within, margin, setting.alpha);
    let value = detectable::normal(all.error, setting.alpha);
    let mut finding = Finding {
        procedure: "equivalence, martingale",
        estimate: all.mean,
        interval,
        evidence: Some(evidence),
        detectable: Some(Detectable { value, unit: String::new() }),
        ..extreme(rows, 0.0, Side::Within, margin, answer)
    };
    let ratio = batches.error() / all.error;
    finding.flags.push(format!(
        "boundary term {:.2} and batch means {ratio:.2} of the standard error",
        all.boundary.abs() / all.error
    ));
    if residuals.len() > 1 {
        let means: Vec<f64> = residuals.iter().map(|residual| residual.mean).collect();
        let errors: Vec<f64> = residuals.iter().map(|residual| residual.error).collect();
        if !agree(&means, &errors).holds() {
            finding.flags.push("errors of the runs do not explain their spread".to_owned());
        }
    }
    if let Err(reason) = all.check(&batches) {
        finding.withhold(reason.to_string());
    }
    finding
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
        let error = square.sqrt() / count;
        let all = Contrast { estimate: mean, error, freedom: f64::INFINITY };
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
