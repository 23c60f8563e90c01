//! `better`: one solver is better than another by more than a margin.

use converge_bench::study::Label;
use converge_problems::Better as Direction;
use serde::Deserialize;

use super::infer::{center_of, directional, plan_center};
use super::paired::{Pair, terms_of};
use super::samples::over_samples;
use super::{Finding, Kind, Setting};
use crate::claim::{At, Center, Mistake, require};
use crate::verdict::{Detectable, Side};

/// `better`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Better {
    /// Column; its direction says what better means.
    pub metric: String,
    /// Row of the solver.
    #[serde(default)]
    pub at: At,
    /// The solver that should be better.
    pub solver: String,
    /// The other.
    pub than: String,
    /// Row of the other, if different.
    #[serde(default)]
    pub than_at: Option<At>,
    /// Difference that matters, in the unit of the metric; for `log-mean` a share: better by a
    /// factor of at least `1 + margin`.
    #[serde(default)]
    pub margin: f64,
    /// What stands for the seeds; by default the mean of logarithms for metrics that are better
    /// lower, the mean for the others.
    #[serde(default, alias = "centre")]
    pub center: Option<Center>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
    /// Problem of the other, if different; runs of one seed are paired.
    #[serde(default)]
    pub than_problem: Option<String>,
    /// The samples that the metric is a mean over are a draw too, as the repetitions are: the interval
    /// holds for other samples; where repetitions draw samples of their own it does so anyway, and this
    /// widens it a little. Needs `center = "mean"`, and in the study the terms of the metric,
    /// `outputs = ["METRIC at best OTHER"]`.
    #[serde(default)]
    pub samples: bool,
}

impl Better {
    fn pair(&self) -> Pair<'_> {
        Pair {
            metric: &self.metric,
            solver: (&self.solver, &self.at),
            than: (&self.than, self.than_at.as_ref().unwrap_or(&self.at)),
            problem: self.problem.as_deref(),
            than_problem: self.than_problem.as_deref(),
        }
    }
}

impl Kind for Better {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(self.margin >= 0.0, &format!("{path}.margin"), "a margin of at least 0")?;
        if self.samples {
            let mean = self.center == Some(Center::Mean);
            require(mean, &format!("{path}.center"), "\"mean\" where samples are a draw")?;
            terms_of(&self.metric, &self.at, &format!("{path}.at"))?;
            let other = self.than_at.as_ref().unwrap_or(&self.at);
            terms_of(&self.metric, other, &format!("{path}.than-at"))?;
        }
        Ok(())
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        self.pair().concerns(label)
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let found = self.pair().read(setting, path)?;
        let statistic = self.pair().statistic('−');
        let Some(metric) = &found.metric else {
            return Ok(Finding::nothing(statistic, found.failed));
        };
        let side = match metric.better {
            Direction::Higher => Side::Above,
            Direction::Lower => Side::Below,
            Direction::Neither => {
                let finding = format!("`{}` has no better direction", self.metric);
                return Err(Mistake::new(format!("{path}.metric"), finding));
            }
        };
        let toward = if side == Side::Below { -1.0 } else { 1.0 };
        let mut center = self.center.unwrap_or_else(|| center_of(metric));
        let mut flag = None;
        if center == Center::LogMean {
            if found.are_positive() {
                let limit = toward * (1.0 + self.margin).ln();
                let logs = found.differences(f64::ln);
                let statistic = self.pair().statistic('/');
                let mut finding = directional(&logs, limit, side, Center::Mean, setting)
                    .about(statistic, "", found.failed)
                    .exponential();
                finding.margin = self.margin;
                return Ok(finding);
            }
            center = Center::Win;
            flag = Some("a number without a logarithm: wins in place of a mean".to_owned());
        }
        let differences = found.differences(|x| x);
        let unit = metric.unit.to_string();
        let mut finding = directional(&differences, toward * self.margin, side, center, setting)
            .about(statistic, &unit, found.failed.clone());
        finding.margin = self.margin;
        finding.flags.extend(flag);
        if self.samples {
            let terms = || self.pair().terms(&found, setting, path);
            over_samples(&mut finding, terms, setting, path)?;
        }
        Ok(finding)
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_center(self.center, seeds, alpha, sequential)
    }
}
