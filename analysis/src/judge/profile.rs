//! `profile`: one solver solves more of many problems than another, within a ratio of the better
//! cost or a number of units of work.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use serde::Deserialize;

use super::faster::reach;
use super::infer::{directional, plan_mean};
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, Center, Mistake, require};
use crate::number::{Failed, pairs};
use crate::statistics::profiles::{Place, data, performance};
use crate::statistics::withheld::Withheld;
use crate::verdict::{Detectable, Row, Side};

/// `profile`: the difference of two profiles at a ratio, or the area between them, with the problems
/// as the sample from eight of them on, the seeds for fewer.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Profile {
    /// Metric of the target.
    pub metric: String,
    /// Value to reach: the problem is then solved.
    pub target: f64,
    /// What is counted; `passes` is one full reading of the data.
    #[serde(default = "default_cost")]
    pub cost: String,
    /// The solver that should solve more.
    pub solver: String,
    /// The other.
    pub than: String,
    /// Costs over the smaller of the two (a performance profile), not plain costs (a data profile).
    #[serde(default)]
    pub relative: bool,
    /// The ratio, or the cost, at which they are compared.
    #[serde(default)]
    pub at: Option<f64>,
    /// Or: the ends between which the area is taken, in doublings.
    #[serde(default)]
    pub over: Option<[f64; 2]>,
    /// Difference that matters.
    #[serde(default)]
    pub margin: f64,
}

fn default_cost() -> String {
    "passes".to_owned()
}

/// Fewest problems that are a sample of "problems like these".
const PROBLEMS: usize = 8;

/// Costs of the two solvers: (problems, seeds, 2).
type Costs = Vec<Vec<Vec<f64>>>;

impl Profile {
    fn place(&self) -> Place {
        match (self.at, self.over) {
            (Some(at), _) => Place::At(at),
            (_, over) => {
                let [from, to] = over.unwrap_or([1.0, f64::INFINITY]);
                Place::Over(from..to)
            }
        }
    }

    /// Difference of the two profiles on each problem.
    fn differences(&self, costs: &Costs) -> Result<Vec<f64>, Withheld> {
        let profiles =
            if self.relative { performance(costs)? } else { data(costs, &vec![1.0; costs.len()])? };
        Ok(profiles.by_problem(0, 1, &self.place()))
    }
}

impl Kind for Profile {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(self.at.is_some() != self.over.is_some(), path, "either `at` or `over`")?;
        let rising = self.over.is_none_or(|[from, to]| 0.0 < from && from < to && to.is_finite());
        require(rising, &format!("{path}.over"), "two rising ends above 0")?;
        require(self.margin >= 0.0, &format!("{path}.margin"), "a margin of at least 0")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric, &self.cost]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver, &self.than], None)
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        setting.require_fixed(path, "`faster` on one problem")?;
        let mut failed = Failed::new();
        let mut table: BTreeMap<String, BTreeMap<u64, Vec<f64>>> = BTreeMap::new();
        for (a, b) in pairs(&setting.runs, &self.solver, &self.than, None, false, path)? {
            let mut cost = |run| -> Result<f64, Mistake> {
                Ok(reach(run, &self.metric, self.target, &self.cost, path, &mut failed)?.time())
            };
            let pair = vec![cost(&a)?, cost(&b)?];
            table.entry(a.label.problem.clone()).or_default().insert(a.label.seed, pair);
        }
        let what = if self.relative { "ratio" } else { self.cost.as_str() };
        let place = match (self.at, self.over) {
            (Some(at), _) => format!("at {what} {at}"),
            (_, over) => {
                let [from, to] = over.unwrap_or([1.0, 1.0]);
                format!("over {what} {from} to {to}")
            }
        };
        let statistic = format!("profile of {} − {} {place}", self.solver, self.than);
        if table.is_empty() {
            return Ok(Finding::nothing(statistic, failed));
        }
        let costs: Costs = table.values().map(|seeds| seeds.values().cloned().collect()).collect();
        let rows = if table.len() >= PROBLEMS {
            self.differences(&costs).map(|numbers| {
                let row = |(problem, value): (usize, f64)| Row { seed: problem as u64, value };
                numbers.into_iter().enumerate().map(row).collect::<Vec<Row>>()
            })
        } else {
            self.by_seed(&table)
        };
        let mut finding = match rows {
            Ok(rows) => directional(&rows, self.margin, Side::Above, Center::Mean, setting),
            Err(reason) => {
                let mut finding = Finding::nothing("", Failed::new());
                finding.answer = Answer::Inconclusive;
                finding.flags.push(reason.to_string());
                finding
            }
        };
        finding.statistic = statistic;
        finding.failed = failed;
        finding.margin = self.margin;
        finding.flags.push(if table.len() >= PROBLEMS {
            format!("on problems like these {}", table.len())
        } else {
            format!("on these {} problems", table.len())
        });
        Ok(finding)
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_mean(seeds, alpha, sequential)
    }
}

impl Profile {
    /// The mean difference over the problems, one number per seed that all problems have.
    fn by_seed(
        &self,
        table: &BTreeMap<String, BTreeMap<u64, Vec<f64>>>,
    ) -> Result<Vec<Row>, Withheld> {
        let mut rows = Vec::new();
        for seed in table.values().next().into_iter().flat_map(BTreeMap::keys) {
            let costs: Costs =
                table.values().filter_map(|seeds| Some(vec![seeds.get(seed)?.clone()])).collect();
            if costs.len() == table.len() {
                let numbers = self.differences(&costs)?;
                let value = numbers.iter().sum::<f64>() / numbers.len() as f64;
                rows.push(Row { seed: *seed, value });
            }
        }
        Ok(rows)
    }
}
