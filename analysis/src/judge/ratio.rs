//! `ratio`: the ratio of two solvers is at most or at least a factor.

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::{directional, plan_mean};
use super::paired::Pair;
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, At, Center, Mistake, require};
use crate::verdict::{Detectable, Side};

/// `ratio`, of geometric means over the seeds.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ratio {
    /// Column, positive.
    pub metric: String,
    /// Row of the solver.
    #[serde(default)]
    pub at: At,
    /// Numerator.
    pub solver: String,
    /// Denominator.
    pub than: String,
    /// Row of the denominator, if different.
    #[serde(default)]
    pub than_at: Option<At>,
    /// Claimed upper limit of the ratio.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// Claimed lower limit of the ratio.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
    /// Problem of the other, if different; runs of one seed are paired.
    #[serde(default)]
    pub than_problem: Option<String>,
}

impl Ratio {
    /// The claimed factor.
    pub(super) fn limit(&self) -> f64 {
        self.at_most.or(self.at_least).unwrap_or(f64::NAN)
    }

    /// The side of the factor that supports the claim.
    pub(super) fn side(&self) -> Side {
        if self.at_most.is_some() { Side::Below } else { Side::Above }
    }

    pub(super) fn pair(&self) -> Pair<'_> {
        Pair {
            metric: &self.metric,
            solver: (&self.solver, &self.at),
            than: (&self.than, self.than_at.as_ref().unwrap_or(&self.at)),
            problem: self.problem.as_deref(),
            than_problem: self.than_problem.as_deref(),
        }
    }
}

impl Kind for Ratio {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(
            self.at_most.is_some() != self.at_least.is_some(),
            path,
            "either `at-most` or `at-least`",
        )?;
        require(self.limit() > 0.0, path, "a factor above 0")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        self.pair().concerns(label)
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let found = self.pair().read(setting, path)?;
        let statistic = self.pair().statistic('/');
        if found.metric.is_none() {
            return Ok(Finding::nothing(statistic, found.failed));
        }
        if found.a.iter().chain(&found.b).any(|x| *x <= 0.0) {
            let mut finding = Finding::nothing(statistic, found.failed);
            finding.answer = Answer::Inconclusive;
            finding.flags.push("a ratio needs positive numbers".to_owned());
            return Ok(finding);
        }
        let logs = found.differences(f64::ln);
        Ok(directional(&logs, self.limit().ln(), self.side(), Center::Mean, setting)
            .about(statistic, "", found.failed)
            .exponential())
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_mean(seeds, alpha, sequential)
    }
}
