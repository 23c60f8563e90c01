//! Numbers of two solvers, seed by seed.

use converge_bench::study::Label;
use converge_problems::Metric;

use super::Setting;
use crate::claim::{At, Mistake};
use crate::load::Run;
use crate::number::{Failed, number, pairs, singles};
use crate::verdict::Row;

/// Whose numbers are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) metric: &'a str,
    /// The solver and its row.
    pub(super) solver: (&'a str, &'a At),
    /// The other and its row.
    pub(super) than: (&'a str, &'a At),
    pub(super) problem: Option<&'a str>,
    /// Problem of the other, if different: then seeds alone are paired.
    pub(super) than_problem: Option<&'a str>,
}

/// The numbers of the pairs that have both; a pair that lacks one is left out and counted.
pub(super) struct Paired {
    pub(super) seeds: Vec<u64>,
    pub(super) a: Vec<f64>,
    pub(super) b: Vec<f64>,
    pub(super) failed: Failed,
    /// What the numbers measure; `None` without a pair.
    pub(super) metric: Option<Metric>,
}

impl Pair<'_> {
    /// Reads the pairs.
    ///
    /// # Errors
    /// As [`pairs`] and [`number`].
    pub(super) fn read(&self, setting: &Setting<'_>, path: &str) -> Result<Paired, Mistake> {
        let mut found = Paired {
            seeds: Vec::new(),
            a: Vec::new(),
            b: Vec::new(),
            failed: Failed::new(),
            metric: None,
        };
        for (a, b) in self.runs(setting, !setting.exact, path)? {
            let seed = a.label.seed;
            let a = number(&a, self.metric, self.solver.1, path, &mut found.failed)?;
            let b = number(&b, self.metric, self.than.1, path, &mut found.failed)?;
            if let (Some(a), Some(b)) = (a, b) {
                found.seeds.push(seed);
                found.a.push(a.value);
                found.b.push(b.value);
                found.metric.get_or_insert(a.metric);
            }
        }
        Ok(found)
    }
}

impl Pair<'_> {
    /// The pairs of runs; `one_problem` refuses several.
    ///
    /// # Errors
    /// As [`pairs`].
    pub(super) fn runs<'r>(
        &self,
        setting: &Setting<'r>,
        one_problem: bool,
        path: &str,
    ) -> Result<Vec<(Run<'r>, Run<'r>)>, Mistake> {
        let (runs, names) = (&setting.runs, (self.solver.0, self.than.0));
        let Some(other) = self.than_problem else {
            return pairs(runs, names.0, names.1, self.problem, one_problem, path);
        };
        let a = singles(runs, names.0, self.problem, true, path, "solver")?;
        let b = singles(runs, names.1, Some(other), true, path, "than")?;
        let of_seed = |seed: u64| b.iter().find(|((own, _), _)| *own == seed).map(|(_, run)| *run);
        Ok(a.into_iter().filter_map(|((seed, _), run)| Some((run, of_seed(seed)?))).collect())
    }

    /// The terms that the numbers of `found` are the means of, of both solvers.
    ///
    /// # Errors
    /// As [`pairs`], and a [`Mistake`] where runs did not leave the terms, or those of another row.
    pub(super) fn terms<'r>(
        &self,
        found: &Paired,
        setting: &Setting<'r>,
        path: &str,
    ) -> Result<Vec<[&'r [f64]; 2]>, Mistake> {
        let runs = self.runs(setting, !setting.exact, path)?;
        let of_seed = |seed: &u64| runs.iter().find(|(a, _)| a.label.seed == *seed);
        let mut rows = Vec::with_capacity(found.seeds.len());
        for ((seed, x), y) in found.seeds.iter().zip(&found.a).zip(&found.b) {
            let Some((a, b)) = of_seed(seed) else { continue };
            rows.push([
                self.terms_of_run(*a, self.solver.1, *x, path)?,
                self.terms_of_run(*b, self.than.1, *y, path)?,
            ]);
        }
        Ok(rows)
    }

    fn terms_of_run<'r>(
        &self,
        run: Run<'r>,
        at: &At,
        mean: f64,
        path: &str,
    ) -> Result<&'r [f64], Mistake> {
        let path = format!("{path}.samples");
        let name = terms_of(self.metric, at, &path)?;
        let array = run.record.arrays.iter().find(|array| array.output.name == name);
        let Some(array) = array else {
            let finding = format!(
                "no run left the terms of its `{}` behind; name them in the study: \
                 outputs = [\"{name}\"]",
                self.metric
            );
            return Err(Mistake::new(path, finding));
        };
        let found = array.values.iter().sum::<f64>() / array.values.len() as f64;
        if (found - mean).abs() > 1e-9 * mean.abs().max(1.0) {
            let finding = format!(
                "the terms in `{name}` have the mean {found}, but `{}` is {mean} in that row",
                self.metric
            );
            return Err(Mistake::new(path, finding));
        }
        Ok(&array.values)
    }

    /// The metric and what tells its two numbers apart, with a sign between: solvers, or problems,
    /// or rows.
    pub(super) fn statistic(&self, sign: char) -> String {
        let Self { metric, solver, than, problem, than_problem } = self;
        if solver.0 != than.0 {
            return format!("{metric}, {} {sign} {}", solver.0, than.0);
        }
        match (problem, than_problem) {
            (Some(problem), Some(other)) if problem != other => {
                format!("{metric}, {problem} {sign} {other}")
            }
            _ => format!("{metric}, {} {sign} {}", solver.1, than.1),
        }
    }

    /// Whether the cell of `label` is one of the two.
    pub(super) fn concerns(&self, label: &Label) -> bool {
        let than = self.than_problem.or(self.problem);
        super::concerns(label, &[self.solver.0], self.problem)
            || super::concerns(label, &[self.than.0], than)
    }
}

impl Paired {
    /// Whether logarithms exist.
    pub(super) fn are_positive(&self) -> bool {
        self.a.iter().chain(&self.b).all(|x| *x > 0.0 && x.is_finite())
    }

    /// `f(a) - f(b)` of each seed. Two infinite numbers differ by nothing known: a tie.
    pub(super) fn differences(&self, f: impl Fn(f64) -> f64) -> Vec<Row> {
        let difference = |a: f64, b: f64| {
            if a.is_infinite() && a.total_cmp(&b).is_eq() { 0.0 } else { f(a) - f(b) }
        };
        let numbers = self.a.iter().zip(&self.b).map(|(a, b)| difference(*a, *b));
        self.seeds.iter().zip(numbers).map(|(seed, value)| Row { seed: *seed, value }).collect()
    }
}

/// Name of the output that holds the terms of `metric` in the row `at`.
///
/// # Errors
/// A [`Mistake`] for a row of which a run keeps no arrays.
pub(super) fn terms_of(metric: &str, at: &At, path: &str) -> Result<String, Mistake> {
    match at {
        At::End => Ok(metric.to_owned()),
        At::BestOf(_) | At::BestWithin { .. } => Ok(format!("{metric} {at}")),
        _ => {
            let finding = "the samples of the last row or of the best one can be kept, no others";
            Err(Mistake::new(path, finding))
        }
    }
}
