//! The variables of ADMM-Softmax, laid out plainly.

use converge_problems::mlr::Mlr;
use converge_problems::{Problem, Seed, SetupError};
use converge_solvers::{AdmmSoftmax, AdmmSoftmaxState, Solver};

/// Split variable and scaled dual, `(classes, samples)`, class index fastest.
pub(super) struct Variables {
    pub(super) z: Vec<f64>,
    pub(super) u: Vec<f64>,
}

impl Variables {
    /// Those of a state, out of the tiles it keeps them in.
    pub(super) fn of(problem: &Mlr, state: &AdmmSoftmaxState) -> Self {
        let (samples, classes) = (problem.samples(), problem.classes());
        let capacity = problem.tile_capacity();
        let half = capacity * classes;
        let (mut z, mut u) = (Vec::new(), Vec::new());
        for (tile, both) in state.split().chunks_exact(2 * half).enumerate() {
            let (from_z, from_u) = both.split_at(half);
            for j in 0..capacity.min(samples.saturating_sub(tile * capacity)) {
                z.extend((0..classes).map(|k| from_z[k * capacity + j]));
                u.extend((0..classes).map(|k| from_u[k * capacity + j]));
            }
        }
        Self { z, u }
    }
}

/// The state at zero weights, the start of the published runs.
pub(super) fn start(
    solver: &AdmmSoftmax,
    problem: &Mlr,
    seed: Seed,
) -> Result<AdmmSoftmaxState, SetupError> {
    solver.init(problem, &vec![0.0; problem.dim()], seed)
}
