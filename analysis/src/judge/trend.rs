//! `trend`: a number rises along an ordered list of solvers, or along a sweep.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::extreme;
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, At, Mistake, require};
use crate::load::Run;
use crate::number::{Failed, number, singles};
use crate::statistics::median::sign_evidence;
use crate::statistics::trend::{Trend as Page, ordering};
use crate::statistics::{Evidence, Interval};
use crate::verdict::{Detectable, Row, Side};

/// `trend`: Page's test on the ranks within each seed. Support says "not all equal, in this order";
/// with `every-step`, that each neighbor is above the one before.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trend {
    /// Column.
    pub metric: String,
    /// Row.
    #[serde(default)]
    pub at: At,
    /// Solvers or curves in the order in which the number should rise; three or more.
    #[serde(default)]
    pub solvers: Vec<String>,
    /// Or: one solver, along its sweep axis `over`, by rising value.
    #[serde(default)]
    pub solver: Option<String>,
    /// Name of the sweep axis.
    #[serde(default)]
    pub over: Option<String>,
    /// The number should fall instead.
    #[serde(default)]
    pub falling: bool,
    /// Claims the whole ordering.
    #[serde(default)]
    pub every_step: bool,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// Value of the sweep axis `name` of a run: the last part of its dotted path, or the whole of it.
pub(super) fn sweep_value(run: &Run<'_>, name: &str) -> Option<f64> {
    let here = |path: &str| path == name || path.rsplit('.').next() == Some(name);
    run.label.sweep.iter().find(|(path, _)| here(path)).and_then(|(_, value)| value.as_f64())
}

impl Trend {
    /// Curves in the claimed order, as the names that select one run per seed each.
    fn curves(&self, setting: &Setting<'_>, path: &str) -> Result<Vec<String>, Mistake> {
        let (Some(solver), Some(over)) = (&self.solver, &self.over) else {
            return Ok(self.solvers.clone());
        };
        let mut places: Vec<(f64, String)> = Vec::new();
        for run in setting.runs.iter().filter(|run| run.label.solver == *solver) {
            let value = sweep_value(run, over).ok_or_else(|| {
                let finding = format!("`{solver}` has no sweep axis `{over}` of numbers");
                Mistake::new(format!("{path}.over"), finding)
            })?;
            let curve = run.label.curve();
            if places.iter().all(|(_, known)| *known != curve) {
                places.push((value, curve));
            }
        }
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(places.into_iter().map(|(_, curve)| curve).collect())
    }
}

impl Kind for Trend {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        let swept = self.solver.is_some() && self.over.is_some();
        let half = self.solver.is_some() != self.over.is_some();
        require(!half, path, "`solver` and `over` together")?;
        require(
            swept == self.solvers.is_empty(),
            path,
            "either `solvers`, or `solver` with `over`",
        )?;
        require(swept || self.solvers.len() >= 3, &format!("{path}.solvers"), "at least three")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        let names: Vec<&str> =
            self.solvers.iter().chain(&self.solver).map(String::as_str).collect();
        super::concerns(label, &names, self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        setting.require_fixed(path, "`better` on the two ends")?;
        let curves = self.curves(setting, path)?;
        let mut failed = Failed::new();
        let mut table: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        let sign = if self.falling { -1.0 } else { 1.0 };
        for (place, curve) in curves.iter().enumerate() {
            let problem = self.problem.as_deref();
            for run in singles(&setting.runs, curve, problem, true, path, "solvers")?.values() {
                let found = number(run, &self.metric, &self.at, path, &mut failed)?;
                let row = table.entry(run.label.seed).or_default();
                if let Some(number) = found.filter(|_| row.len() == place) {
                    row.push(sign * number.value);
                }
            }
        }
        table.retain(|_, row| row.len() == curves.len());
        let word = if self.falling { "falling" } else { "rising" };
        let statistic = format!("ranks of {}, {word} along {}", self.metric, curves.join(", "));
        if table.is_empty() || curves.len() < 3 {
            return Ok(Finding::nothing(statistic, failed));
        }
        let seeds: Vec<u64> = table.keys().copied().collect();
        let rows: Vec<Vec<f64>> = table.into_values().collect();
        let page = Page::of(&rows);
        let evidence = if self.every_step {
            let step = |place: usize| {
                let gaps: Vec<f64> = rows.iter().map(|row| row[place + 1] - row[place]).collect();
                sign_evidence(&gaps, 0.0)
            };
            ordering(&(0..curves.len() - 1).map(step).collect::<Vec<Evidence>>())
        } else {
            page.evidence(&mut setting.rng("trend"))
        };
        let half = 0.5 * setting.alpha;
        let answer = if evidence.support <= half {
            Answer::Supported
        } else if evidence.refute <= half {
            Answer::Refuted
        } else {
            Answer::Inconclusive
        };
        // Of each seed: last over first, the sign that a reader looks for.
        let ends = seeds
            .iter()
            .zip(&rows)
            .map(|(seed, row)| Row { seed: *seed, value: row[row.len() - 1] - row[0] });
        let count = rows.len() as f64;
        let k = curves.len() as f64;
        let mean = 0.25 * count * k * (k + 1.0).powi(2);
        Ok(Finding {
            procedure: if self.every_step { "ordering, sign tests" } else { "Page's trend test" },
            statistic,
            // The share of the way from no trend to a perfect one.
            estimate: (page.statistic() - mean) / (count * k * (k * k - 1.0) / 12.0),
            interval: Interval::LINE,
            evidence: Some(evidence),
            failed,
            ..extreme(&ends.collect::<Vec<_>>(), 0.0, Side::Above, 0.0, answer)
        })
    }

    fn plan(&self, _: usize, _: f64, _: bool) -> Option<Detectable> {
        None
    }
}
