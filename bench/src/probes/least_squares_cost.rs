//! What the factorisation of the normal matrix costs, and what it saves.

use converge_problems::mlr::RidgeOperator;
use converge_problems::{Better, Metric, Seed, Split, require};
use converge_solvers::{Breakdown, Cholesky};
use faer::Mat;
use rand::RngExt;
use serde::Deserialize;

use super::timing::seconds;
use crate::registry::{Probe, ProbeError};

/// Times, for rising numbers of weights `p`, the Cholesky factorisation of a `p x p` matrix and the
/// two triangular solves with `classes` right-hand sides, by the code of the method itself, with all
/// threads of the worker. Factorising again includes forming the matrix from `G` and `LᵀL`.
///
/// One row per `p`. Timing model: the smallest of `repeats` measurements. The slopes are those of
/// `ln seconds` against `ln p` over all rows so far; NaN in the first.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeastSquaresCost {
    /// Numbers of weights, rising.
    pub weights: Vec<usize>,
    /// Right-hand sides.
    pub classes: usize,
    /// Measurements of each time.
    pub repeats: u32,
}

impl Probe for LeastSquaresCost {
    const ID: &'static str = "least-squares-cost";
    const ABOUT: &'static str = "time of a Cholesky factorisation against that of its solves";

    fn columns(&self) -> Vec<Metric> {
        let time = |name| Metric::new(name, Better::Lower, Split::None).in_unit("s");
        vec![
            Metric::diagnostic("weights"),
            time("solve-seconds"),
            time("factor-seconds"),
            Metric::new("cached-over-refactored", Better::Lower, Split::None),
            Metric::diagnostic("solve-slope"),
            Metric::diagnostic("factor-slope"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let rising = self.weights.windows(2).all(|pair| pair[0] < pair[1]);
        let listed = !self.weights.is_empty() && self.weights[0] > 0;
        require("weights", self.weights.len(), rising && listed, "rising numbers of at least 1")?;
        let mut solves = Vec::new();
        let mut factors = Vec::new();
        for &p in &self.weights {
            let mut rng = seed.child("matrix").index(p as u64).rng();
            let mut entry = || rng.random_range(-1.0..1.0);
            let gram = Mat::from_fn(p, p, |_, _| entry());
            let right: Vec<f64> = (0..p * self.classes).map(|_| entry()).collect();
            // Only the lower triangle is read; its diagonal dominates.
            let (operator, ridge) = (RidgeOperator::identity(p - 1, false), 2.0 * p as f64);
            let mut normal = Cholesky::factor(gram, 1.0, &operator, ridge)?;
            let mut broken = false;
            let refactor = seconds(self.repeats, || {
                broken |= normal.refactor(1.0, &operator, ridge).is_err();
            });
            if broken {
                return Err(Breakdown::NotPositiveDefinite("normal matrix").into());
            }
            let mut solution = right.clone();
            let solve = seconds(self.repeats, || {
                solution.copy_from_slice(&right);
                normal.solve_in_place(&mut solution);
            });
            let ln_p = (p as f64).ln();
            solves.push((ln_p, solve.ln()));
            factors.push((ln_p, refactor.ln()));
            let ratio = solve / (refactor + solve);
            push(&[p as f64, solve, refactor, ratio, slope(&solves), slope(&factors)]);
        }
        Ok(())
    }
}

/// Slope of the least-squares line; NaN for fewer than two points.
pub(super) fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let cross: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let spread: f64 = points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum();
    cross / spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_powers_are_their_exponents() {
        let points: Vec<_> = (1..6_i32).map(|i| (f64::from(i), 2.5 * f64::from(i) - 1.0)).collect();
        assert!((slope(&points) - 2.5).abs() < 1e-12);
        assert!(slope(&points[..1]).is_nan());
    }

    #[test]
    fn every_size_gives_a_row_of_positive_times() {
        let probe = LeastSquaresCost { weights: vec![8, 32], classes: 3, repeats: 1 };
        let mut rows = Vec::new();
        probe.run(Seed::root(1), &mut |row| rows.push(row.to_vec())).unwrap();
        assert_eq!(rows.len(), 2);
        for row in &rows {
            assert_eq!(row.len(), probe.columns().len());
            assert!(row[1] > 0.0 && row[2] > 0.0 && row[3] > 0.0 && row[3] < 1.0, "{row:?}");
        }
        assert!(rows[1][4].is_finite() && rows[1][5].is_finite());
    }

    #[test]
    fn sizes_that_do_not_rise_are_refused() {
        let probe = LeastSquaresCost { weights: vec![8, 8], classes: 3, repeats: 1 };
        assert!(probe.run(Seed::root(1), &mut |_| ()).is_err());
    }
}
