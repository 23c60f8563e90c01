//! From runs to one number per seed: selection, reduction, pairs.

use std::collections::{BTreeMap, BTreeSet};

use converge_bench::study::Label;
use converge_problems::{Better, Metric, Split};

use crate::align::quantile;
use crate::claim::{At, Mistake, Names};
use crate::load::{Run, is_clocked};

/// Cells that left no number of their own, by status. Each is named, so that one which several tests
/// ask counts once.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Failed(BTreeMap<String, BTreeSet<Place>>);

/// Variant, problem and curve of a cell, and its seed.
type Place = ([String; 3], u64);

impl Failed {
    /// Nothing has failed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the cell of `label`.
    pub fn note(&mut self, word: impl Into<String>, label: &Label) {
        let cell = [label.variant.clone(), label.problem.clone(), label.curve()];
        self.0.entry(word.into()).or_default().insert((cell, label.seed));
    }

    /// Adds what all cells of `seed` together could not give.
    pub fn note_seed(&mut self, word: impl Into<String>, seed: u64) {
        self.0.entry(word.into()).or_default().insert((Default::default(), seed));
    }

    /// Adds what another test has found.
    pub fn merge(&mut self, other: Self) {
        for (word, places) in other.0 {
            self.0.entry(word).or_default().extend(places);
        }
    }

    /// How many there are, by status.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.0.iter().map(|(word, places)| (word.clone(), places.len())).collect()
    }
}

/// The runs a claim looks at.
#[derive(Clone, Debug, Default)]
pub struct Selection<'a> {
    /// Solver sections or curves; all if `None`.
    pub solver: Option<&'a Names>,
    /// Problem; all if `None`.
    pub problem: Option<&'a str>,
    /// Probe, in place of both.
    pub probe: Option<&'a str>,
}

impl Selection<'_> {
    /// The selected runs, in their order. Names were checked when the study was read, so an empty
    /// selection means that nothing has run yet.
    pub fn of<'r>(&self, runs: &[Run<'r>]) -> Vec<Run<'r>> {
        runs.iter().copied().filter(|run| self.holds(run.label)).collect()
    }

    /// Whether the cell of `label` is selected.
    pub fn holds(&self, label: &Label) -> bool {
        if let Some(probe) = self.probe {
            return label.problem == probe && label.solver == probe;
        }
        self.problem.is_none_or(|problem| label.problem == problem)
            && self
                .solver
                .is_none_or(|names| names.contains(&label.solver) || names.contains(&label.curve()))
    }
}

/// One number of one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Number {
    /// What it measures.
    pub metric: Metric,
    /// The number; the worst value in the metric's direction where the run has none of its own.
    pub value: f64,
}

/// Reduces a run to its number. A diverged or broken run counts as the worst value, unless `at`
/// names a row it has, or the best one of a budget, which whoever selects while training has kept;
/// `None` if the run says nothing about its method.
///
/// # Errors
/// If the run has no such column, or the selection would look at the test split.
pub fn number(
    run: &Run<'_>,
    metric: &str,
    at: &At,
    path: &str,
    failed: &mut Failed,
) -> Result<Option<Number>, Mistake> {
    let word = run.record.header.status.word();
    let mut fail = |word: &str| failed.note(word, run.label);
    if !run.is_outcome() {
        fail(word);
        return Ok(None);
    }
    if let Some((metric, value)) = run.header_number(metric) {
        return Ok(Some(Number { metric, value }));
    }
    let Some(series) = run.series(metric) else {
        if run.record.header.status.is_result() {
            let names: Vec<&str> = (run.record.trace.columns.iter())
                .map(|column| column.metric.name.as_ref())
                .collect();
            let finding = format!("no column `{metric}`; there are `{}`", names.join("`, `"));
            return Err(Mistake::new(format!("{path}.metric"), finding));
        }
        fail(word);
        return Ok(None);
    };
    let meaning = series.metric.into_owned();
    let values = series.values;
    // An attempt that ended at a declared limit, or a run that left every bound, has lost, unless a
    // row that was measured is asked for.
    let lost = (run.is_broken() || !run.record.header.status.is_result())
        && matches!(
            at,
            At::End | At::Best | At::BestOf(_) | At::Mean | At::MeanFrom { .. } | At::Quantile(_)
        );
    if lost {
        fail(word);
        return Ok(worst(&meaning).map(|value| Number { metric: meaning, value }));
    }
    let mut gap = "not finite";
    let value = match at {
        At::Start => values.first().copied(),
        At::End => values.last().copied(),
        At::Max => extreme(&values, |x, best| x >= best).map(|row| values[row]),
        At::Min => extreme(&values, |x, best| x <= best).map(|row| values[row]),
        At::Mean => (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64),
        At::MeanFrom { name, value } => {
            let places = run
                .series(name)
                .ok_or_else(|| Mistake::new(format!("{path}.at"), format!("no column `{name}`")))?;
            let rows = &values[places.values.partition_point(|place| place < value)..];
            (!rows.is_empty()).then(|| rows.iter().sum::<f64>() / rows.len() as f64)
        }
        At::Quantile(level) => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            (!sorted.is_empty()).then(|| quantile(&sorted, *level))
        }
        At::Best => best_row(&meaning, &values, path)?.map(|row| values[row]),
        At::BestOf(other) => {
            let selector = run.series(other).ok_or_else(|| {
                Mistake::new(format!("{path}.at"), format!("no column `{other}`"))
            })?;
            best_row(&selector.metric, &selector.values, path)?.map(|row| values[row])
        }
        At::BestWithin { metric: other, column, limit } => {
            let find = |name: &str| {
                run.series(name).ok_or_else(|| {
                    Mistake::new(format!("{path}.at"), format!("no column `{name}`"))
                })
            };
            let (selector, places) = (find(other)?, find(column)?);
            let rows = places.values.partition_point(|place| place <= limit);
            if rows == 0 {
                gap = "no row within the limit";
            }
            best_row(&selector.metric, &selector.values[..rows], path)?.map(|row| values[row])
        }
        At::Column { name, value } => {
            let places = run
                .series(name)
                .ok_or_else(|| Mistake::new(format!("{path}.at"), format!("no column `{name}`")))?;
            let row = places.values.partition_point(|place| place <= value).checked_sub(1);
            let short = places.values.last().is_some_and(|last| last < value);
            if short && run.is_broken() {
                fail(word);
                worst(&meaning)
            } else {
                if row.is_none() {
                    gap = "no row within the limit";
                }
                row.map(|row| values[row])
            }
        }
    };
    match value {
        Some(value) if !value.is_nan() => Ok(Some(Number { metric: meaning, value })),
        _ => {
            fail(gap);
            Ok(worst(&meaning).map(|value| Number { metric: meaning, value }))
        }
    }
}

/// The row where a metric is best; ties to the later row. `None` without a number.
///
/// # Errors
/// If the metric looks at the test split or has no direction.
pub fn best_row(metric: &Metric, values: &[f64], path: &str) -> Result<Option<usize>, Mistake> {
    let path = format!("{path}.at");
    if metric.split == Split::Test {
        let finding = format!("`{}` looks at the test split and may not select a row", metric.name);
        return Err(Mistake::new(path, finding));
    }
    match metric.better {
        Better::Lower => Ok(extreme(values, |x, best| x <= best)),
        Better::Higher => Ok(extreme(values, |x, best| x >= best)),
        Better::Neither => {
            Err(Mistake::new(path, format!("`{}` has no better direction", metric.name)))
        }
    }
}

/// The last row that no other beats; NaN rows are left out.
fn extreme(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (row, x) in values.iter().enumerate() {
        if !x.is_nan() && best.is_none_or(|best| beats(*x, values[best])) {
            best = Some(row);
        }
    }
    best
}

/// The worst value in a metric's direction; `None` where it has none.
fn worst(metric: &Metric) -> Option<f64> {
    match metric.better {
        Better::Lower => Some(f64::INFINITY),
        Better::Higher => Some(f64::NEG_INFINITY),
        Better::Neither => None,
    }
}

/// Runs of two solvers, paired by problem and seed, in the order of the seeds.
///
/// # Errors
/// If a name selects several runs of one seed, or the runs stand on several problems and
/// `one_problem` asks for one.
pub fn pairs<'r>(
    runs: &[Run<'r>],
    solver: &str,
    than: &str,
    problem: Option<&str>,
    one_problem: bool,
    path: &str,
) -> Result<Vec<(Run<'r>, Run<'r>)>, Mistake> {
    let a = singles(runs, solver, problem, one_problem, path, "solver")?;
    let b = singles(runs, than, problem, one_problem, path, "than")?;
    Ok(a.into_iter().filter_map(|(place, a)| b.get(&place).map(|b| (a, *b))).collect())
}

/// The runs of one solver, at most one per seed and problem.
///
/// # Errors
/// As [`pairs`].
pub fn singles<'r>(
    runs: &[Run<'r>],
    solver: &str,
    problem: Option<&str>,
    one_problem: bool,
    path: &str,
    key: &str,
) -> Result<BTreeMap<(u64, String), Run<'r>>, Mistake> {
    let path = format!("{path}.{key}");
    let names = Names::One(solver.to_owned());
    let selection = Selection { solver: Some(&names), problem, probe: None };
    let mut found = BTreeMap::new();
    let mut problems = BTreeSet::new();
    for run in selection.of(runs) {
        problems.insert(run.label.problem.clone());
        let place = (run.label.seed, run.label.problem.clone());
        if found.insert(place, run).is_some() {
            let finding = format!(
                "`{solver}` names several curves, one per sweep value; name one, such as \"{}\"",
                run.label.curve()
            );
            return Err(Mistake::new(path, finding));
        }
    }
    if one_problem && problems.len() > 1 {
        let problems: Vec<String> = problems.into_iter().collect();
        let finding =
            format!("stands on several problems; add `problem`: `{}`", problems.join("`, `"));
        return Err(Mistake::new(path, finding));
    }
    Ok(found)
}

/// What forbids comparing the seconds of these runs, if their claim reads a clock.
pub fn clock_flag(runs: &[Run<'_>], metrics: &[&str]) -> Option<String> {
    if !metrics.iter().any(|metric| is_clocked(metric)) {
        return None;
    }
    let headers = || runs.iter().map(|run| &run.record.header);
    if headers().any(|header| !header.timed) {
        return Some("seconds were measured beside other cells".to_owned());
    }
    let places: BTreeSet<(u32, u32)> =
        headers().map(|header| (header.concurrency, header.threads)).collect();
    (places.len() > 1).then(|| "seconds were measured under different loads".to_owned())
}
