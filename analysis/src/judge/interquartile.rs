//! `interquartile`: one solver's interquartile mean over many problems is better than another's.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use converge_problems::Better as Direction;
use serde::Deserialize;

use super::infer::{directional, plan_mean};
use super::{Finding, Kind, Setting};
use crate::claim::{At, Center, Mistake, require};
use crate::number::{Failed, number, pairs};
use crate::statistics::profiles::interquartile::interquartile_mean;
use crate::verdict::{Detectable, Row, Side};

/// `interquartile`: of each seed the mean over the problems without the best and the worst quarter;
/// inference is over the seeds. Scores of different problems must be on one scale.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Interquartile {
    /// Column; its direction says what better means.
    pub metric: String,
    /// Row of both.
    #[serde(default)]
    pub at: At,
    /// The solver that should be better.
    pub solver: String,
    /// The other.
    pub than: String,
    /// Difference that matters.
    #[serde(default)]
    pub margin: f64,
}

impl Kind for Interquartile {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(self.margin >= 0.0, &format!("{path}.margin"), "a margin of at least 0")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver, &self.than], None)
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let mut failed = Failed::new();
        let mut metric = None;
        let mut seeds: BTreeMap<u64, [Vec<f64>; 2]> = BTreeMap::new();
        for (a, b) in pairs(&setting.runs, &self.solver, &self.than, None, false, path)? {
            let seed = a.label.seed;
            let a = number(&a, &self.metric, &self.at, path, &mut failed)?;
            let b = number(&b, &self.metric, &self.at, path, &mut failed)?;
            if let (Some(a), Some(b)) = (a, b) {
                let scores = seeds.entry(seed).or_default();
                scores[0].push(a.value);
                scores[1].push(b.value);
                metric.get_or_insert(a.metric);
            }
        }
        let statistic =
            format!("interquartile mean of {}, {} − {}", self.metric, self.solver, self.than);
        let Some(metric) = metric else { return Ok(Finding::nothing(statistic, failed)) };
        // A seed that lacks a problem would be another mean.
        let most = seeds.values().map(|scores| scores[0].len()).max().unwrap_or(0);
        seeds.retain(|_, scores| scores[0].len() == most);
        let rows: Vec<Row> = seeds
            .iter()
            .map(|(seed, [a, b])| Row {
                seed: *seed,
                value: interquartile_mean(a) - interquartile_mean(b),
            })
            .collect();
        let (side, null) = match metric.better {
            Direction::Lower => (Side::Below, -self.margin),
            _ => (Side::Above, self.margin),
        };
        let mut finding = directional(&rows, null, side, Center::Mean, setting).about(
            statistic,
            &metric.unit,
            failed,
        );
        finding.margin = self.margin;
        finding.flags.push(format!("on these {most} problems"));
        Ok(finding)
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_mean(seeds, alpha, sequential)
    }
}
