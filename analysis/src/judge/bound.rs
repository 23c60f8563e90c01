//! `at-most`, `at-least`: every run's number keeps a limit.

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::SEEDS_MEAN;
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, At, Mistake, Names, require};
use crate::load::Run;
use crate::number::{Failed, Number, Selection, number};
use crate::statistics::{Interval, detectable, proportion};
use crate::verdict::{Detectable, Row, Side};

/// `at-most`, `at-least`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bound {
    /// Column, derived column or header number.
    pub metric: String,
    /// The limit.
    pub limit: f64,
    /// Row; for a probe, `max` for `at-most` and `min` for `at-least` are what "every row" means.
    #[serde(default)]
    pub at: At,
    /// Solvers; all if left out.
    #[serde(default)]
    pub solver: Option<Names>,
    /// Problem; all if left out.
    #[serde(default)]
    pub problem: Option<String>,
    /// A probe, in place of solver and problem.
    #[serde(default)]
    pub probe: Option<String>,
}

/// [`Bound`] from above.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct AtMost(pub Bound);

/// [`Bound`] from below.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct AtLeast(pub Bound);

impl Bound {
    pub(super) fn selection(&self) -> Selection<'_> {
        Selection {
            solver: self.solver.as_ref(),
            problem: self.problem.as_deref(),
            probe: self.probe.as_deref(),
        }
    }

    pub(super) fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(!self.limit.is_nan(), &format!("{path}.limit"), "a number")?;
        require(
            self.probe.is_none() || (self.solver.is_none() && self.problem.is_none()),
            path,
            "either `probe`, or `solver` and `problem`",
        )
    }

    fn judge(&self, side: Side, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let mut failed = Failed::new();
        let mut numbers = Vec::new();
        for run in self.selection().of(&setting.runs) {
            if let Some(number) = number(&run, &self.metric, &self.at, path, &mut failed)? {
                numbers.push((run, number));
            }
        }
        let word = if side == Side::Below { "largest" } else { "smallest" };
        Ok(every(&numbers, self.limit, side, setting, &format!("{word} {}", self.metric), failed))
    }
}

/// Whether a number keeps its limit, with 64 units of rounding.
pub(super) fn keeps(x: f64, limit: f64, side: Side) -> bool {
    let slack = 64.0 * f64::EPSILON * limit.abs();
    if side == Side::Below { x <= limit + slack } else { x >= limit - slack }
}

/// A limit on the number of every run: one violation refutes it, none over the seeds supports it.
pub(super) fn every(
    numbers: &[(Run<'_>, Number)],
    limit: f64,
    side: Side,
    setting: &Setting<'_>,
    statistic: &str,
    failed: Failed,
) -> Finding {
    let Some((_, first)) = numbers.first() else { return Finding::nothing(statistic, failed) };
    let worse = |a: f64, b: f64| if side == Side::Below { b > a } else { b < a };
    let worst = numbers
        .iter()
        .reduce(|a, b| if worse(a.1.value, b.1.value) { b } else { a })
        .expect("not empty: checked above");
    // One row per seed: the worst of its runs.
    let mut rows: Vec<Row> = Vec::new();
    for (run, number) in numbers {
        let (seed, value) = (run.label.seed, number.value);
        match rows.iter_mut().find(|row| row.seed == seed) {
            Some(row) if worse(row.value, value) => row.value = value,
            Some(_) => {}
            None => rows.push(Row { seed, value }),
        }
    }
    let seeds = rows.len();
    let mut flags = Vec::new();
    let answer = if !keeps(worst.1.value, limit, side) {
        let label = worst.0.label;
        let place = (label.curve(), &label.problem, label.seed);
        flags.push(format!("violated by {} on {}, seed {}", place.0, place.1, place.2));
        Answer::Refuted
    } else if setting.exact {
        Answer::Supported
    } else if seeds < SEEDS_MEAN {
        flags.push("too few seeds".to_owned());
        Answer::Inconclusive
    } else {
        let new = 1.0 - proportion::unanimous(seeds as u64, setting.alpha);
        flags.push(format!(
            "no violation over {seeds} seeds: a new one violates with probability at most {new:.2}"
        ));
        Answer::Supported
    };
    let values = || numbers.iter().map(|(_, number)| number.value);
    Finding {
        procedure: if setting.exact { "tolerance" } else { "bound on every run" },
        unit: first.metric.unit.to_string(),
        estimate: worst.1.value,
        interval: Interval::new(
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        ),
        threshold: limit,
        side,
        answer,
        seeds,
        looks: 1,
        rows,
        flags,
        ..Finding::nothing(statistic, failed)
    }
}

/// Probability of a violation in a new seed that would have shown.
fn plan(seeds: usize, alpha: f64) -> Option<Detectable> {
    let value = detectable::violation(seeds as u64, alpha);
    (seeds >= SEEDS_MEAN)
        .then(|| Detectable { value, unit: "probability of a violation".to_owned() })
}

impl Kind for AtMost {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.0.validate(path)
    }
    fn columns(&self) -> Vec<&str> {
        vec![&self.0.metric]
    }
    fn concerns(&self, label: &Label) -> bool {
        self.0.selection().holds(label)
    }
    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        self.0.judge(Side::Below, setting, path)
    }
    fn plan(&self, seeds: usize, alpha: f64, _: bool) -> Option<Detectable> {
        plan(seeds, alpha)
    }
}

impl Kind for AtLeast {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.0.validate(path)
    }
    fn columns(&self) -> Vec<&str> {
        vec![&self.0.metric]
    }
    fn concerns(&self, label: &Label) -> bool {
        self.0.selection().holds(label)
    }
    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        self.0.judge(Side::Above, setting, path)
    }
    fn plan(&self, seeds: usize, alpha: f64, _: bool) -> Option<Detectable> {
        plan(seeds, alpha)
    }
}
