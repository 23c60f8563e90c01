//! `scaling`: a number grows with a parameter as a power of it, or does not depend on it.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::{directional, plan_mean, within};
use super::trend::sweep_value;
use super::{Finding, Kind, Setting};
use crate::claim::{At, Center, Mistake, require};
use crate::number::{Failed, number};
use crate::statistics::order::Rung;
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

/// Where the points of a seed come from: runs of a solver along a sweep axis, or rows of a probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder<'a> {
    pub(super) metric: &'a str,
    pub(super) at: &'a At,
    pub(super) against: &'a str,
    /// The probe's column of standard errors.
    pub(super) deviation: Option<&'a str>,
    pub(super) solver: Option<&'a str>,
    pub(super) probe: Option<&'a str>,
    pub(super) problem: Option<&'a str>,
}

impl Ladder<'_> {
    pub(super) fn concerns(&self, label: &Label) -> bool {
        match (self.probe, self.solver) {
            (Some(probe), _) => super::concerns_probe(label, probe),
            (_, Some(solver)) => super::concerns(label, &[solver], self.problem),
            _ => false,
        }
    }

    /// The points of each seed: a step is the place, an error the number. By falling place.
    pub(super) fn rungs(
        &self,
        setting: &Setting<'_>,
        path: &str,
        failed: &mut Failed,
    ) -> Result<BTreeMap<u64, Vec<Rung>>, Mistake> {
        let mut ladders: BTreeMap<u64, Vec<Rung>> = BTreeMap::new();
        let rung =
            |step: f64, error: f64, deviation: f64| Rung { step, error, deviation, replicas: 1 };
        for run in setting.runs.iter().filter(|run| self.concerns(run.label)) {
            let rungs = ladders.entry(run.label.seed).or_default();
            if self.probe.is_none() {
                let at = sweep_value(run, self.against).ok_or_else(|| {
                    let finding = format!("no sweep axis `{}` of numbers", self.against);
                    Mistake::new(format!("{path}.against"), finding)
                })?;
                if let Some(number) = number(run, self.metric, self.at, path, failed)? {
                    rungs.push(rung(at, number.value, 0.0));
                }
                continue;
            }
            let status = &run.record.header.status;
            if !status.is_result() || run.record.trace.rows() == 0 {
                failed.note(status.word(), run.label);
                continue;
            }
            let column = |name: &str, key: &str| {
                run.series(name).map(|series| series.values).ok_or_else(|| {
                    Mistake::new(format!("{path}.{key}"), format!("no column `{name}`"))
                })
            };
            let (x, y) = (column(self.against, "against")?, column(self.metric, "metric")?);
            let deviations = match self.deviation {
                Some(name) => column(name, "deviation")?.into_owned(),
                None => vec![0.0; x.len()],
            };
            let points = x.iter().zip(y.iter()).zip(deviations);
            rungs.extend(points.map(|((x, y), s)| rung(*x, *y, s)));
        }
        for rungs in ladders.values_mut() {
            rungs.sort_by(|a, b| b.step.total_cmp(&a.step));
        }
        Ok(ladders)
    }
}

impl Scaling {
    fn ladder(&self) -> Ladder<'_> {
        Ladder {
            metric: &self.metric,
            at: &self.at,
            against: &self.against,
            deviation: None,
            solver: self.solver.as_deref(),
            probe: self.probe.as_deref(),
            problem: self.problem.as_deref(),
        }
    }

    fn slope(&self, rungs: &[Rung]) -> Option<f64> {
        let scale = |x: f64| if self.linear { x } else { x.ln() };
        let (x, y): (Vec<f64>, Vec<f64>) =
            rungs.iter().map(|rung| (scale(rung.step), scale(rung.error))).unzip();
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
        self.ladder().concerns(label)
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let mut failed = Failed::new();
        let ladders = self.ladder().rungs(setting, path, &mut failed)?;
        let what = if self.linear { "slope" } else { "exponent" };
        let statistic = format!("{what} of {} against {}", self.metric, self.against);
        let mut rows = Vec::new();
        for (seed, rungs) in &ladders {
            match self.slope(rungs) {
                Some(value) => rows.push(Row { seed: *seed, value }),
                None => failed.note_seed("fewer than 3 usable points", *seed),
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
