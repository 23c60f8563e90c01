//! `law`: numbers that runs leave behind follow a law.

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::extreme;
use super::{Finding, Kind, Setting};
use crate::claim::{Mistake, require};
use crate::number::{Failed, singles};
use crate::statistics::distribution::normal_lower;
use crate::statistics::law::Distance;
use crate::verdict::{Detectable, Row, Side, decide};

/// `law`: the sup distance of the empirical distribution to the claimed one is below a margin.
///
/// The numbers are an output array of each run, taken together over the seeds; they must be
/// independent, so an array of a chain is thinned by the run that leaves it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Law {
    /// Name of the output array.
    pub output: String,
    /// The solver.
    pub solver: String,
    /// The claimed law.
    pub is: Form,
    /// Largest distance that does not matter, in (0, 1).
    pub margin: f64,
    /// Every how many-th number is taken.
    #[serde(default = "every")]
    pub every: usize,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// A claimed law, or another array.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation, above 0.
        deviation: f64,
    },
    /// Uniform.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// That of the same output of another solver.
    Solver(String),
}

fn every() -> usize {
    1
}

impl Law {
    /// The numbers of one solver, and of each seed their mean.
    fn numbers(
        &self,
        solver: &str,
        setting: &Setting<'_>,
        path: &str,
        failed: &mut Failed,
    ) -> Result<(Vec<f64>, Vec<Row>), Mistake> {
        let (mut all, mut rows) = (Vec::new(), Vec::new());
        let problem = self.problem.as_deref();
        for run in singles(&setting.runs, solver, problem, true, path, "solver")?.values() {
            let status = &run.record.header.status;
            let array = run.record.arrays.iter().find(|a| a.output.name == self.output);
            let Some(array) = array.filter(|_| status.is_result()) else {
                failed.note(format!("no output ({})", status.word()), run.label);
                continue;
            };
            let taken: Vec<f64> = array.values.iter().step_by(self.every).copied().collect();
            let mean = taken.iter().sum::<f64>() / taken.len() as f64;
            rows.push(Row { seed: run.label.seed, value: mean });
            all.extend(taken);
        }
        Ok((all, rows))
    }
}

impl Kind for Law {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(self.every > 0, &format!("{path}.every"), "at least 1")?;
        let margin = self.margin > 0.0 && self.margin < 1.0;
        require(margin, &format!("{path}.margin"), "a distance between 0 and 1")?;
        match &self.is {
            Form::Normal { deviation, .. } => {
                require(*deviation > 0.0, &format!("{path}.is.normal"), "a deviation above 0")
            }
            Form::Uniform { low, high } => {
                require(low < high, &format!("{path}.is.uniform"), "two rising ends")
            }
            Form::Solver(_) => Ok(()),
        }
    }

    fn columns(&self) -> Vec<&str> {
        Vec::new()
    }

    fn concerns(&self, label: &Label) -> bool {
        let mut solvers = vec![self.solver.as_str()];
        if let Form::Solver(other) = &self.is {
            solvers.push(other);
        }
        super::concerns(label, &solvers, self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        setting.require_fixed(path, "`mean` on a moment")?;
        let mut failed = Failed::new();
        let (x, rows) = self.numbers(&self.solver, setting, path, &mut failed)?;
        let statistic = format!("distance of {} of {} to its law", self.output, self.solver);
        if x.is_empty() {
            return Ok(Finding::nothing(statistic, failed));
        }
        let distance = match &self.is {
            Form::Normal { mean, deviation } => {
                Distance::to_law(&x, |at| normal_lower((at - mean) / deviation))
            }
            Form::Uniform { low, high } => {
                Distance::to_law(&x, |at| ((at - low) / (high - low)).clamp(0.0, 1.0))
            }
            Form::Solver(other) => {
                let (y, _) = self.numbers(other, setting, path, &mut failed)?;
                if y.is_empty() {
                    return Ok(Finding::nothing(statistic, failed));
                }
                Distance::between(&x, &y)
            }
        };
        let interval = distance.interval(setting.alpha);
        let evidence = distance.evidence(self.margin);
        let answer = decide(interval, evidence, self.margin, Side::Below, 0.0, setting.alpha);
        let value = 2.0 * distance.error(setting.alpha);
        Ok(Finding {
            procedure: "Dvoretzky–Kiefer–Wolfowitz",
            statistic,
            estimate: distance.value,
            interval,
            evidence: Some(evidence),
            detectable: Some(Detectable { value, unit: String::new() }),
            failed,
            ..extreme(&rows, self.margin, Side::Below, 0.0, answer)
        })
    }

    fn plan(&self, _: usize, _: f64, _: bool) -> Option<Detectable> {
        None
    }
}
