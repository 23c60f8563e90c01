//! `scaling`: a number grows with a parameter as a power of it, or does not depend on it.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::{directional, plan_mean, within};
use super::trend::sweep_value;
use super::{Finding, Kind, Setting};
use crate::claim::{At, Center, Mistake, Names, require};
use crate::number::{Failed, Selection, number};
use crate::statistics::slope::least_squares;
use crate::verdict::{Detectable, Row, Side};

/// `scaling`: one slope per seed, of a solver's number along a sweep axis, or of two columns of a
/// probe; inference is over the slopes.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scaling {
    /// Column.
    pub metric: String,
    /// Row of each run of the sweep; a probe gives all its rows.
    #[serde(default)]
    pub at: At,
    /// The sweep axis, or the probe's column, along which it grows.
    pub against: String,
    /// The solver.
    #[serde(default)]
    pub solver: Option<String>,
    /// Or the probe.
    #[serde(default)]
    pub probe: Option<String>,
    /// Slope of the plain numbers in place of an exponent.
    #[serde(default)]
    pub linear: bool,
    /// The claimed exponent (or slope), to the `margin`; 0 for "does not depend on it".
    #[serde(default)]
    pub value: Option<f64>,
    /// Above 0, with `value`.
    #[serde(default)]
    pub margin: Option<f64>,
    /// Claimed upper limit.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// Claimed lower limit.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

type Points = BTreeMap<u64, Vec<(f64, f64)>>;

impl Scaling {
    /// The points of each seed.
    fn points(
        &self,
        setting: &Setting<'_>,
        path: &str,
        failed: &mut Failed,
    ) -> Result<Points, Mistake> {
        let mut points = Points::new();
        let solver = self.solver.clone().map(Names::One);
        let selection = Selection {
            solver: solver.as_ref(),
            problem: self.problem.as_deref(),
            probe: self.probe.as_deref(),
        };
        for run in selection.of(&setting.runs) {
            let row = points.entry(run.label.seed).or_default();
            if self.probe.is_some() {
                let column = |name: &str, key: &str| {
                    run.series(name).ok_or_else(|| {
                        Mistake::new(format!("{path}.{key}"), format!("no column `{name}`"))
                    })
                };
                if !run.record.header.status.is_result() || run.record.trace.rows() == 0 {
                    *failed.entry(run.record.header.status.word().to_owned()).or_insert(0) += 1;
                    continue;
                }
                let (x, y) = (column(&self.against, "against")?, column(&self.metric, "metric")?);
                row.extend(x.values.iter().copied().zip(y.values.iter().copied()));
            } else {
                let at = sweep_value(&run, &self.against).ok_or_else(|| {
                    let finding = format!("no sweep axis `{}` of numbers", self.against);
                    Mistake::new(format!("{path}.against"), finding)
                })?;
                if let Some(number) = number(&run, &self.metric, &self.at, path, failed)? {
                    row.push((at, number.value));
                }
            }
        }
        Ok(points)
    }

    fn slope(&self, points: &[(f64, f64)]) -> Option<f64> {
        let scale = |x: f64| if self.linear { x } else { x.ln() };
        let (x, y): (Vec<f64>, Vec<f64>) =
            points.iter().map(|(x, y)| (scale(*x), scale(*y))).unzip();
        let usable = x.len() >= 3 && x.iter().chain(&y).all(|v| v.is_finite());
        usable.then(|| least_squares(&x, &y).0).filter(|slope| slope.is_finite())
    }
}

impl Kind for Scaling {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(self.solver.is_some() != self.probe.is_some(), path, "either `solver` or `probe`")?;
        let asked = [self.value.is_some(), self.at_most.is_some(), self.at_least.is_some()];
        let one = asked.iter().filter(|asked| **asked).count() == 1;
        require(one, path, "one of `value`, `at-most` and `at-least`")?;
        let margin = self.margin.is_some_and(|margin| margin > 0.0);
        let fits = if self.value.is_some() { margin } else { self.margin.is_none() };
        require(fits, &format!("{path}.margin"), "a margin above 0 where `value` is given, only")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        if let Some(probe) = &self.probe {
            return super::concerns_probe(label, probe);
        }
        let solvers: Vec<&str> = self.solver.iter().map(String::as_str).collect();
        super::concerns(label, &solvers, self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let mut failed = Failed::new();
        let points = self.points(setting, path, &mut failed)?;
        let what = if self.linear { "slope" } else { "exponent" };
        let statistic = format!("{what} of {} against {}", self.metric, self.against);
        let mut rows = Vec::new();
        for (seed, points) in &points {
            match self.slope(points) {
                Some(value) => rows.push(Row { seed: *seed, value }),
                None => *failed.entry("fewer than 3 usable points".to_owned()).or_insert(0) += 1,
            }
        }
        if rows.is_empty() {
            return Ok(Finding::nothing(statistic, failed));
        }
        let center = Center::Mean;
        let finding = match (self.value, self.at_most, self.at_least) {
            (Some(value), ..) => within(&rows, value, self.margin.unwrap_or(0.0), center, setting),
            (_, Some(limit), _) => directional(&rows, limit, Side::Below, center, setting),
            (.., limit) => directional(&rows, limit.unwrap_or(0.0), Side::Above, center, setting),
        };
        Ok(finding.about(statistic, "", failed))
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_mean(seeds, alpha, sequential)
    }
}
