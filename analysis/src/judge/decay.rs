//! `decay`: a mean over the seeds decays to its limit at a rate.

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::extreme;
use super::{Finding, Kind, Setting};
use crate::claim::{Mistake, require};
use crate::number::{Failed, singles};
use crate::statistics::bootstrap::DRAWS;
use crate::statistics::dynamics::damped;
use crate::statistics::dynamics::decay::{self, Limit, Replicas};
use crate::statistics::resampled::Resampled;
use crate::statistics::withheld::Withheld;
use crate::statistics::{Evidence, Interval, equivalence};
use crate::verdict::{Detectable, Row, Side, decide};

/// `decay`: the mean of a column over the seeds goes to its limit as `e^{−ρt}`, or as a damped
/// oscillation, or the modulus of two columns does; seeds are resampled with their whole paths.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Decay {
    /// Column.
    pub metric: String,
    /// Column of the time.
    pub against: String,
    /// The solver.
    #[serde(default)]
    pub solver: Option<String>,
    /// Or the probe.
    #[serde(default)]
    pub probe: Option<String>,
    /// Column of the imaginary part, if `metric` is the real part of a complex observable whose modulus
    /// decays.
    #[serde(default)]
    pub imaginary: Option<String>,
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
    /// Time from which on the slowest mode rules: earlier rows are left out.
    #[serde(default)]
    pub from: Option<f64>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

fn slack() -> f64 {
    0.05
}

/// What the runs say: times, and of each seed its path, of a complex observable both parts.
#[derive(Default)]
struct Paths {
    times: Vec<f64>,
    real: Vec<Vec<f64>>,
    imaginary: Vec<Vec<f64>>,
    rows: Vec<Row>,
    failed: Failed,
}

impl Decay {
    fn name(&self) -> &str {
        self.solver.as_deref().or(self.probe.as_deref()).unwrap_or_default()
    }

    /// Reads the paths from `from` on.
    fn paths(&self, setting: &Setting<'_>, path: &str) -> Result<Paths, Mistake> {
        let mut found = Paths::default();
        let problem = self.problem.as_deref();
        for run in singles(&setting.runs, self.name(), problem, true, path, "solver")?.values() {
            let word = run.record.header.status.word();
            if !run.is_outcome() || run.is_broken() || run.record.trace.rows() == 0 {
                found.failed.note(word, run.label);
                continue;
            }
            let column = |name: &str, key: &str| {
                run.series(name).map(|series| series.values.into_owned()).ok_or_else(|| {
                    Mistake::new(format!("{path}.{key}"), format!("no column `{name}`"))
                })
            };
            let mut at = column(&self.against, "against")?;
            let first = self.from.map_or(0, |from| at.partition_point(|t| *t < from));
            at.drain(..first);
            if at.is_empty() {
                return Err(Mistake::new(format!("{path}.from"), "is after the last row"));
            }
            if found.times.is_empty() {
                found.times = at;
            } else if at.len() != found.times.len() {
                let words = format!("rows unlike the others ({word})");
                found.failed.note(words, run.label);
                continue;
            }
            let real = column(&self.metric, "metric")?[first..].to_vec();
            if let Some(name) = &self.imaginary {
                found.imaginary.push(column(name, "imaginary")?[first..].to_vec());
            }
            let value = real.last().copied().unwrap_or(f64::NAN);
            found.rows.push(Row { seed: run.label.seed, value });
            found.real.push(real);
        }
        Ok(found)
    }
}

impl Kind for Decay {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(self.rate > 0.0, &format!("{path}.rate"), "a rate above 0")?;
        require(self.margin > 0.0, &format!("{path}.margin"), "a relative slack above 0")?;
        require(self.solver.is_some() != self.probe.is_some(), path, "either `solver` or `probe`")?;
        require(self.limit.is_some() != self.tail.is_some(), path, "either `limit` or `tail`")?;
        let plain = self.imaginary.is_none() || (self.limit.is_some() && !self.oscillates);
        require(plain, &format!("{path}.imaginary"), "a known `limit`, and no `oscillates`")
    }

    fn columns(&self) -> Vec<&str> {
        let mut columns = vec![self.metric.as_str(), &self.against];
        columns.extend(self.imaginary.as_deref());
        columns
    }

    fn concerns(&self, label: &Label) -> bool {
        match &self.probe {
            Some(probe) => super::concerns_probe(label, probe),
            None => super::concerns(label, &[self.name()], self.problem.as_deref()),
        }
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        setting.require_fixed(path, "a study of its own with a fixed number of seeds")?;
        let Paths { times, real, imaginary, rows, failed } = self.paths(setting, path)?;
        let statistic = format!("rate of decay of {} in {}", self.metric, self.against);
        if real.is_empty() {
            return Ok(Finding::nothing(statistic, failed));
        }
        let limit = match (self.limit, self.tail) {
            (Some(limit), _) => Limit::Known(limit),
            (None, tail) => {
                let from = tail.unwrap_or(f64::INFINITY);
                Limit::Tail(times.partition_point(|t| *t < from).min(times.len() - 1))
            }
        };
        let imaginary = self.imaginary.is_some().then_some(&imaginary[..]);
        let replicas = Replicas { times: &times, paths: &real, imaginary, limit };
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
