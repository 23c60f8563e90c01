//! `below-curve`: a gap stays below an explicit bound `c_k`, on every run or in the mean.

use converge_bench::study::Label;
use converge_problems::{Better, Metric, Split};
use serde::Deserialize;

use super::bound::every;
use super::infer::{directional, plan_mean};
use super::rate::epsilon;
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, Center, Mistake, require};
use crate::load::Run;
use crate::number::{Failed, Number, singles};
use crate::statistics::Evidence;
use crate::statistics::bound::{largest_ratio, tolerance};
use crate::statistics::slope::Floor;
use crate::verdict::{Detectable, Row, Side};

/// `below-curve`: `gap_k ≤ c_k` with `c_k = constant · (k + shift)^power`, `constant · factor^k`, or
/// another column of the run.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BelowCurve {
    /// A gap, residual or distance.
    pub metric: String,
    /// What k is.
    #[serde(default = "default_against")]
    pub against: String,
    /// Column that holds the bound.
    #[serde(default)]
    pub bound: Option<String>,
    /// Constant of an explicit bound.
    #[serde(default)]
    pub constant: Option<f64>,
    /// Its power of k, below 0.
    #[serde(default)]
    pub power: Option<f64>,
    /// Or its factor per k, in (0, 1).
    #[serde(default)]
    pub factor: Option<f64>,
    /// Added to k.
    #[serde(default)]
    pub shift: f64,
    /// First k that the bound is for.
    #[serde(default)]
    pub from: f64,
    /// The bound is one in expectation: the mean over the seeds, at these k (at most ten).
    #[serde(default)]
    pub at: Vec<f64>,
    /// Gaps below are noise; by default 64 units of rounding of the objective.
    #[serde(default)]
    pub floor: Option<f64>,
    /// Bound on the error of the reference value.
    #[serde(default)]
    pub reference_error: f64,
    /// The solver.
    pub solver: String,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

fn default_against() -> String {
    "iteration".to_owned()
}

/// Most places of a bound in expectation: each costs its share of the error.
const PLACES: usize = 10;

/// Gap and bound of a run, from the declared k on.
struct Pairs {
    counts: Vec<f64>,
    gap: Vec<f64>,
    bound: Vec<f64>,
    floor: f64,
}

impl BelowCurve {
    fn read(&self, run: &Run<'_>, path: &str) -> Result<Pairs, Mistake> {
        let column = |name: &str, key: &str| {
            run.series(name)
                .map(|series| series.values.into_owned())
                .ok_or_else(|| Mistake::new(format!("{path}.{key}"), format!("no column `{name}`")))
        };
        let (counts, gap) = (column(&self.against, "against")?, column(&self.metric, "metric")?);
        let bound = match &self.bound {
            Some(name) => column(name, "bound")?,
            None => counts.iter().map(|k| self.explicit(*k)).collect(),
        };
        let scale = run
            .series("objective")
            .and_then(|objective| objective.values.first().copied())
            .unwrap_or(0.0)
            .abs()
            .max(gap.first().copied().unwrap_or(0.0).abs());
        let floor = self
            .floor
            .unwrap_or_else(|| Floor::of(epsilon(run), scale, self.reference_error, 0.0).value);
        let first = counts.partition_point(|k| *k < self.from);
        let rest = |values: Vec<f64>| values.into_iter().skip(first).collect();
        Ok(Pairs { counts: rest(counts), gap: rest(gap), bound: rest(bound), floor })
    }

    fn explicit(&self, k: f64) -> f64 {
        let constant = self.constant.unwrap_or(f64::NAN);
        match (self.power, self.factor) {
            (Some(power), _) => constant * (k + self.shift).powf(power),
            (_, Some(factor)) => constant * factor.powf(k + self.shift),
            _ => f64::NAN,
        }
    }

    /// The largest `gap_k/c_k` of every run is at most 1.
    fn on_every_run(
        &self,
        runs: &[Run<'_>],
        setting: &Setting<'_>,
        path: &str,
        mut failed: Failed,
    ) -> Result<Finding, Mistake> {
        let mut numbers = Vec::new();
        let mut slack = 64.0 * f64::EPSILON;
        for run in runs {
            let pairs = self.read(run, path)?;
            let smallest = pairs.bound.iter().copied().fold(f64::INFINITY, f64::min);
            slack = slack.max(tolerance(self.reference_error, smallest));
            let worst = match largest_ratio(&pairs.gap, &pairs.bound, pairs.floor) {
                _ if run.is_broken() => f64::INFINITY,
                Some((_, ratio)) => ratio,
                // Below the floor from the start: nothing that could violate.
                None if !pairs.gap.is_empty() => 0.0,
                None => {
                    failed.note("no row in the range", run.label);
                    continue;
                }
            };
            let metric = Metric::new("gap over bound", Better::Lower, Split::None);
            numbers.push((*run, Number { metric, value: worst }));
        }
        let statistic = format!("largest {} over its bound", self.metric);
        let mut finding = every(&numbers, 1.0 + slack, Side::Below, setting, &statistic, failed);
        finding.threshold = 1.0;
        finding.margin = slack;
        Ok(finding)
    }

    /// The mean over the seeds is at most 1 at each declared k, at `alpha` divided by their number.
    fn in_expectation(
        &self,
        runs: &[Run<'_>],
        setting: &Setting<'_>,
        path: &str,
        failed: Failed,
    ) -> Result<Finding, Mistake> {
        let mut columns: Vec<Vec<Row>> = vec![Vec::new(); self.at.len()];
        for run in runs {
            let pairs = self.read(run, path)?;
            for (column, k) in columns.iter_mut().zip(&self.at) {
                let row = pairs.counts.partition_point(|count| count <= k).checked_sub(1);
                let value = row.map_or(f64::INFINITY, |row| {
                    if run.is_broken() { f64::INFINITY } else { pairs.gap[row] / pairs.bound[row] }
                });
                column.push(Row { seed: run.label.seed, value });
            }
        }
        let part = Setting { alpha: setting.alpha / self.at.len() as f64, ..setting.clone() };
        let findings: Vec<Finding> = columns
            .iter()
            .map(|rows| directional(rows, 1.0, Side::Below, Center::Mean, &part))
            .collect();
        let supported = findings.iter().all(|f| f.answer == Answer::Supported);
        let refuted = findings.iter().any(|f| f.answer == Answer::Refuted);
        // Of "all below" and of "one above", each place paying its share.
        let places = findings.len() as f64;
        let p = |f: &Finding| f.evidence.unwrap_or(Evidence::NONE);
        let evidence = Evidence {
            support: findings.iter().map(|f| places * p(f).support).fold(0.0, f64::max).min(1.0),
            refute: findings.iter().map(|f| places * p(f).refute).fold(1.0, f64::min),
        };
        // The place where the mean comes nearest to its bound stands for all.
        let (place, worst) = findings
            .into_iter()
            .enumerate()
            .reduce(|a, b| if b.1.interval.upper > a.1.interval.upper { b } else { a })
            .expect("at least one place: checked when read");
        let mut finding = Finding {
            statistic: format!("mean of {} over its bound", self.metric),
            evidence: Some(evidence),
            failed,
            ..worst
        };
        finding.answer = if supported {
            Answer::Supported
        } else if refuted {
            Answer::Refuted
        } else {
            Answer::Inconclusive
        };
        finding.flags.push(format!(
            "nearest to its bound at {} {} of {} places",
            self.against,
            self.at[place],
            self.at.len()
        ));
        Ok(finding)
    }
}

impl Kind for BelowCurve {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        let explicit = self.constant.is_some();
        require(explicit != self.bound.is_some(), path, "either `bound` or `constant`")?;
        let shapes = usize::from(self.power.is_some()) + usize::from(self.factor.is_some());
        require(shapes == usize::from(explicit), path, "`power` or `factor` with `constant`")?;
        let falls = self.power.is_none_or(|power| power < 0.0);
        require(falls, &format!("{path}.power"), "an exponent below 0")?;
        let falls = self.factor.is_none_or(|factor| factor > 0.0 && factor < 1.0);
        require(falls, &format!("{path}.factor"), "a factor between 0 and 1")?;
        require(self.at.len() <= PLACES, &format!("{path}.at"), "at most ten places")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric, &self.against]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver], self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let problem = self.problem.as_deref();
        let found = singles(&setting.runs, &self.solver, problem, !setting.exact, path, "solver")?;
        let mut failed = Failed::new();
        let mut runs = Vec::new();
        for run in found.into_values() {
            if run.is_outcome() && run.record.trace.rows() > 0 {
                runs.push(run);
            } else {
                failed.note(run.record.header.status.word(), run.label);
            }
        }
        if runs.is_empty() {
            return Ok(Finding::nothing(format!("{} over its bound", self.metric), failed));
        }
        if self.at.is_empty() {
            self.on_every_run(&runs, setting, path, failed)
        } else {
            self.in_expectation(&runs, setting, path, failed)
        }
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        if self.at.is_empty() {
            return None;
        }
        plan_mean(seeds, alpha / self.at.len() as f64, sequential)
    }
}
