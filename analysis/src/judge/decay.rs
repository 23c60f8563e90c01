//! `decay`: a mean over the seeds decays to its limit at a rate.

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::extreme;
use super::{Finding, Kind, Setting};
use crate::claim::{Mistake, require};
use crate::number::{Failed, singles};
use crate::statistics::dynamics::damped;
use crate::statistics::dynamics::decay::{self, Limit, Replicas};
use crate::statistics::resampled::Resampled;
use crate::statistics::withheld::Withheld;
use crate::statistics::{Evidence, Interval, equivalence};
use crate::verdict::{Detectable, Row, Side, decide};

/// `decay`: the mean of a column over the seeds goes to its limit as `e^{−ρt}`, or as a damped
/// oscillation; seeds are resampled with their whole paths.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Decay {
    /// Column.
    pub metric: String,
    /// Column of the time.
    pub against: String,
    /// The solver.
    pub solver: String,
    /// Claimed rate ρ, per unit of the time.
    pub rate: f64,
    /// Relative slack on it.
    #[serde(default = "slack")]
    pub margin: f64,
    /// The rate is at least ρ, in place of equal to it.
    #[serde(default)]
    pub at_least: bool,
    /// The limit, if it is known.
    #[serde(default)]
    pub limit: Option<f64>,
    /// Time from which on the mean stands for the limit, if it is not.
    #[serde(default)]
    pub tail: Option<f64>,
    /// The mean oscillates on its way.
    #[serde(default)]
    pub oscillates: bool,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

fn slack() -> f64 {
    0.05
}

/// Resamples of the seeds.
const DRAWS: usize = 999;

impl Kind for Decay {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(self.rate > 0.0, &format!("{path}.rate"), "a rate above 0")?;
        require(self.margin > 0.0, &format!("{path}.margin"), "a relative slack above 0")?;
        require(self.limit.is_some() != self.tail.is_some(), path, "either `limit` or `tail`")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric, &self.against]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver], self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        setting.require_fixed(path, "a study of its own with a fixed number of seeds")?;
        let (mut failed, mut times, mut paths, mut rows) =
            (Failed::new(), Vec::new(), Vec::new(), Vec::new());
        let problem = self.problem.as_deref();
        for run in singles(&setting.runs, &self.solver, problem, true, path, "solver")?.values() {
            let word = run.record.header.status.word();
            if !run.is_outcome() || run.is_broken() || run.record.trace.rows() == 0 {
                *failed.entry(word.to_owned()).or_insert(0) += 1;
                continue;
            }
            let column = |name: &str, key: &str| {
                run.series(name).map(|series| series.values.into_owned()).ok_or_else(|| {
                    Mistake::new(format!("{path}.{key}"), format!("no column `{name}`"))
                })
            };
            let (at, values) = (column(&self.against, "against")?, column(&self.metric, "metric")?);
            if times.is_empty() {
                times = at;
            } else if at.len() != times.len() {
                *failed.entry(format!("rows unlike the others ({word})")).or_insert(0) += 1;
                continue;
            }
            rows.push(Row {
                seed: run.label.seed,
                value: values.last().copied().unwrap_or(f64::NAN),
            });
            paths.push(values);
        }
        let statistic = format!("rate of decay of {} in {}", self.metric, self.against);
        if paths.is_empty() {
            return Ok(Finding::nothing(statistic, failed));
        }
        let limit = match (self.limit, self.tail) {
            (Some(limit), _) => Limit::Known(limit),
            (None, tail) => {
                let from = tail.unwrap_or(f64::INFINITY);
                Limit::Tail(times.partition_point(|t| *t < from).min(times.len() - 1))
            }
        };
        let replicas = Replicas { times: &times, paths: &paths, limit };
        let mut rng = setting.rng("decay");
        let found: Result<Resampled, Withheld> = if self.oscillates {
            damped::bootstrap(replicas, DRAWS, &mut rng).map(|(rates, _)| rates)
        } else {
            decay::bootstrap(replicas, DRAWS, &mut rng)
        };
        let slack = self.margin * self.rate;
        let (null, side, width) = if self.at_least {
            (self.rate - slack, Side::Above, 0.0)
        } else {
            (self.rate, Side::Within, slack)
        };
        let (estimate, interval, evidence) = match &found {
            Ok(rates) => {
                let above = |null: f64| rates.evidence(null);
                let evidence = if self.at_least {
                    above(null)
                } else {
                    equivalence::evidence(null, slack, above)
                };
                (rates.estimate, rates.interval(setting.alpha), evidence)
            }
            Err(_) => (f64::NAN, Interval::LINE, Evidence::NONE),
        };
        let answer = decide(interval, evidence, null, side, width, setting.alpha);
        let mut finding = Finding {
            procedure: "decay of the mean, seeds resampled",
            statistic,
            estimate,
            interval,
            evidence: Some(evidence),
            failed,
            ..extreme(&rows, null, side, slack, answer)
        };
        if !self.oscillates
            && let Ok(line) = decay::decay(&replicas.means())
        {
            let last = times[line.end.saturating_sub(1)];
            finding.flags.push(format!("fitted up to {} {last}", self.against));
        }
        if let Err(reason) = found {
            finding.withhold(reason.to_string());
        }
        Ok(finding)
    }

    fn plan(&self, _: usize, _: f64, _: bool) -> Option<Detectable> {
        None
    }
}
