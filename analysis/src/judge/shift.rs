//! `shift`: the advantage of one solver over another is larger in this variant than in another.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use converge_problems::Better as Direction;
use serde::Deserialize;

use super::infer::{directional, plan_mean};
use super::paired::Pair;
use super::{Finding, Kind, Setting};
use crate::claim::{At, Center, Mistake, require};
use crate::verdict::{Detectable, Row, Side};

/// `shift`: what a variant of the experiment does to a comparison.
///
/// The advantage is the difference of the two solvers toward the better side of the metric. The number
/// of a seed is the advantage in the variant that is judged less the advantage in `from`, on the same
/// seed. The claim has no verdict for `from` itself.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shift {
    /// Column; its direction says what better means.
    pub metric: String,
    /// Row of both solvers.
    #[serde(default)]
    pub at: At,
    /// The solver whose advantage it is.
    pub solver: String,
    /// The other.
    pub than: String,
    /// The variant that it is compared with.
    pub from: String,
    /// Change that matters, in the unit of the metric.
    #[serde(default)]
    pub margin: f64,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

impl Kind for Shift {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(self.margin >= 0.0, &format!("{path}.margin"), "a margin of at least 0")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver, &self.than], self.problem.as_deref())
    }

    fn baseline(&self) -> Option<&str> {
        Some(&self.from)
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let pair = Pair {
            metric: &self.metric,
            solver: (&self.solver, &self.at),
            than: (&self.than, &self.at),
            problem: self.problem.as_deref(),
            than_problem: None,
        };
        let read = |base: bool| {
            let mut part = setting.clone();
            part.runs.retain(|run| (run.label.variant == self.from) == base);
            pair.read(&part, path)
        };
        let (here, there) = (read(false)?, read(true)?);
        let statistic = format!(
            "advantage in {} of {} over {}, against {}",
            self.metric, self.solver, self.than, self.from
        );
        let mut failed = here.failed.clone();
        failed.merge(there.failed.clone());
        let (Some(metric), Some(_)) = (&here.metric, &there.metric) else {
            return Ok(Finding::nothing(statistic, failed));
        };
        let toward = match metric.better {
            Direction::Higher => 1.0,
            Direction::Lower => -1.0,
            Direction::Neither => {
                let finding = format!("`{}` has no better direction", self.metric);
                return Err(Mistake::new(format!("{path}.metric"), finding));
            }
        };
        let base: BTreeMap<u64, f64> =
            there.differences(|x| x).into_iter().map(|row| (row.seed, row.value)).collect();
        let rows: Vec<Row> = (here.differences(|x| x).into_iter())
            .filter_map(|Row { seed, value }| {
                Some(Row { seed, value: toward * (value - base.get(&seed)?) })
            })
            .collect();
        let unit = metric.unit.to_string();
        let mut finding = directional(&rows, self.margin, Side::Above, Center::Mean, setting)
            .about(statistic, &unit, failed);
        finding.margin = self.margin;
        Ok(finding)
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_mean(seeds, alpha, sequential)
    }
}
