//! The exact identities of the ADMM-Softmax iteration.

use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{Better, Build, Gradient, Metric, Problem, Seed, Split};
use converge_solvers::{AdmmSoftmax, Breakdown, Solver};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use serde::Deserialize;

use super::admm::{Variables, start};
use super::plain::{Plain, class_sums, distance_squared, norm};
use crate::registry::{Probe, ProbeError};

/// Runs ADMM-Softmax from zero and measures, after every iteration, how far four identities are from
/// exact. One row per iteration:
///
/// | column | identity | number |
/// |---|---|---|
/// | `dual-violation` | I1: `s U = C - softmax(Z)` | norm of the difference, relative to the right side |
/// | `sum-violation` | I2: `W`, `Z`, `U` sum to zero over the classes | largest sum, relative to the largest entry |
/// | `ridge-violation` | I3: the first `W` that is not zero is `2 t (C - 1/K) Dᵀ (D Dᵀ + (αN/s) LᵀL)⁻¹`, `s t (eᵗ + K - 1) = K` | norm of the difference, relative; the same in every row |
/// | `gradient-over-certificate` | I4: `‖∇J(W)‖ <= ‖D‖₂/(2N) ‖r‖ + ‖σ‖`, at most 1 | ratio of the two sides |
///
/// The left sides are the method's own variables, the right sides plain dense arithmetic.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SoftmaxIdentities {
    /// The instance, small: every iteration costs a dense pass over the data.
    pub problem: MlrConfig,
    /// The method.
    #[serde(default)]
    pub solver: AdmmSoftmax,
    /// Iterations, at least 2.
    pub iterations: u32,
}

impl Probe for SoftmaxIdentities {
    const ID: &'static str = "softmax-identities";
    const ABOUT: &'static str = "violations of the identities I1 to I4 of ADMM-Softmax";

    fn columns(&self) -> Vec<Metric> {
        ["dual-violation", "sum-violation", "ridge-violation", "gradient-over-certificate"]
            .map(|name| Metric::new(name, Better::Lower, Split::None))
            .to_vec()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let problem = Mlr::build(&self.problem, seed, None)?;
        let plain = Plain::new(&problem);
        let ridge = ridge_iterate(&problem, &plain, self.solver.penalty)?;
        let columns = self.solver.diagnostics(&problem);
        let certificate = columns.iter().position(|column| column.name == "certificate");
        let certificate = certificate.expect("the method reports its certificate");

        let mut state = start(&self.solver, &problem, seed)?;
        let mut scratch = problem.scratch();
        let mut diagnostics = vec![0.0; columns.len()];
        let mut gradient = vec![0.0; problem.dim()];
        let mut ridge_violation = f64::NAN;
        let mut rows = Vec::new();
        for _ in 0..self.iterations {
            self.solver.step(&problem, &mut state)?;
            let Variables { z, u } = Variables::of(&problem, &state);
            let w = self.solver.iterate(&state);

            let residuals = plain.residuals(&z);
            let scaled: Vec<f64> = u.iter().map(|u| self.solver.penalty * u).collect();
            let dual = distance_squared(&scaled, &residuals).sqrt() / norm(&residuals);
            let by_class: Vec<f64> = (0..plain.weights)
                .flat_map(|i| w.chunks_exact(plain.weights).map(move |column| column[i]))
                .collect();
            let sums = [&by_class, &z, &u].map(|array| class_sums(array, plain.classes));
            if ridge_violation.is_nan() && norm(w) > 0.0 {
                ridge_violation = distance_squared(w, &ridge).sqrt() / norm(&ridge);
            }
            problem.gradient(w, &mut gradient, &mut scratch);
            self.solver.diagnose(&problem, &state, &mut scratch, &mut diagnostics);
            let ratio = norm(&gradient) / diagnostics[certificate];
            rows.push([dual, sums.into_iter().fold(0.0, f64::max), ratio]);
        }
        for [dual, sums, ratio] in rows {
            push(&[dual, sums, ridge_violation, ratio]);
        }
        Ok(())
    }
}

/// I3: the first iterate that is not zero, from its closed form, `p x K` column-major.
fn ridge_iterate(problem: &Mlr, plain: &Plain, penalty: f64) -> Result<Vec<f64>, ProbeError> {
    let classes = plain.classes as f64;
    let mut centered = plain.targets();
    for entry in &mut centered {
        *entry -= 1.0 / classes;
    }
    let mut normal = plain.gram();
    let weight = problem.ridge_weight() * plain.samples as f64 / penalty;
    problem.operator().add_normal(weight, &mut normal);
    let factor =
        normal.llt(Side::Lower).map_err(|_| Breakdown::NotPositiveDefinite("normal matrix"))?;
    let mut solution: Mat<f64> = plain.times_transposed(&centered);
    factor.solve_in_place(&mut solution);
    let scale = 2.0 * first_step(penalty, classes);
    let columns = (0..plain.classes).flat_map(|k| (0..plain.weights).map(move |i| (i, k)));
    Ok(columns.map(|at| scale * solution[at]).collect())
}

/// The root `t` of `s t (eᵗ + K - 1) = K`, by bisection to the last bit.
fn first_step(penalty: f64, classes: f64) -> f64 {
    let excess = |t: f64| penalty * t * (t.exp() + classes - 1.0) - classes;
    let (mut low, mut high) = (0.0, 1.0 / penalty);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if excess(middle) > 0.0 { high = middle } else { low = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_that_of_the_specification() {
        // Section 2.7: MNIST, s = 4e-3; CIFAR-10, s = 3.2e-7; K = 10.
        assert!((first_step(4e-3, 10.0) - 6.009).abs() < 5e-4);
        assert!((first_step(3.2e-7, 10.0) - 14.578).abs() < 5e-4);
    }
}
