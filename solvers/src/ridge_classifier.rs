//! The ridge classifier that ADMM-Softmax passes through.

use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Problem, Seed, SetupError, require_positive};
use serde::{Deserialize, Serialize};

use crate::admm_softmax::first_target;
use crate::least_squares::{LeastSquares, LeastSquaresSystem, Right};
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// Tikhonov least squares on one-hot labels, rescaled to the scores of softmax.
///
/// Solves, in one step, the first useful subproblem of [`AdmmSoftmax`](crate::AdmmSoftmax):
///
/// ```text
/// (G + (α/ρ) LᵀL) Wᵀ = 2t D (C - 1/K)ᵀ + (α/ρ) LᵀL W_refᵀ,   s t (eᵗ + K - 1) = K
/// ```
///
/// From zero weights without reference weights this is exactly the second iterate of ADMM-Softmax
/// with the same penalty and no over-relaxation: what that method adds is what comes after.
///
/// | symbol | field |
/// |---|---|
/// | `s = ρ N` | `penalty` |
/// | how the system is solved | `least_squares` |
///
/// Needs: [`Mlr`] itself. Set-up and solve as in the table of [`LeastSquares`]. The step: one pass over
/// the data, `4 N p K` flops, and the solve; it reports convergence, later steps repeat it. Holds
/// `3 p K` doubles beside the system.
///
/// Not checked: the conditioning of the normal matrix.
///
/// Source: identity derived from the iteration of "ADMM-Softmax: An ADMM Approach for Multinomial
/// Logistic Regression", ETNA 52 (2020), 214–229: with zero initial data, `Z¹ = U¹ = t (C - 1/K)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RidgeClassifier {
    /// `s > 0`.
    pub penalty: f64,
    /// How the system is solved.
    pub least_squares: LeastSquares,
}

impl Default for RidgeClassifier {
    fn default() -> Self {
        Self { penalty: 0.1, least_squares: LeastSquares::default() }
    }
}

/// State of [`RidgeClassifier`].
#[derive(Clone)]
pub struct RidgeClassifierState {
    w: Vec<f64>,
    zero: Vec<f64>,
    right: Vec<f64>,
    system: LeastSquaresSystem,
    scratch: MlrScratch,
}

impl Solver<Mlr> for RidgeClassifier {
    const ID: &'static str = "ridge-classifier";
    const ABOUT: &'static str =
        "least squares on one-hot labels: the first useful ADMM-Softmax iterate";
    type State = RidgeClassifierState;

    fn init(
        &self,
        problem: &Mlr,
        x0: &[f64],
        seed: Seed,
    ) -> Result<RidgeClassifierState, SetupError> {
        require_positive("penalty", self.penalty)?;
        let dim = problem.dim();
        if x0.len() != dim {
            return Err(SetupError::Shape { what: "start", expected: dim, found: x0.len() });
        }
        let ratio = problem.ridge_weight() * problem.samples() as f64 / self.penalty;
        Ok(RidgeClassifierState {
            w: x0.to_vec(),
            zero: vec![0.0; dim],
            right: vec![0.0; dim],
            system: LeastSquaresSystem::new(&self.least_squares, problem, ratio, seed)?,
            scratch: problem.scratch(),
        })
    }

    fn setup_work(&self, problem: &Mlr) -> Work {
        self.least_squares.setup_work(problem)
    }

    fn step(&self, problem: &Mlr, state: &mut RidgeClassifierState) -> Result<Step, Breakdown> {
        let RidgeClassifierState { w, zero, right, system, scratch } = state;
        let (classes, capacity) = (problem.classes(), problem.tile_capacity());
        let target = 2.0 * first_target(self.penalty, classes);
        let fill = |labels: &[u16], to: &mut [f64]| {
            to.fill(-target / classes as f64);
            for (j, &label) in labels.iter().enumerate() {
                to[label as usize * capacity + j] += target;
            }
        };
        problem.sweep(zero, 0, &mut [], Some(right), scratch, |tile| {
            fill(tile.labels, tile.scores);
        });
        let data = |first: usize, to: &mut [f64]| {
            let labels = &problem.labels()[first..];
            fill(&labels[..capacity.min(labels.len())], to);
        };
        let target = Right { product: right, data: &data, step: f64::NAN };
        let effort = system.solve(problem, &target, w, scratch)?;
        require_finite("iterate", w)?;
        let work = Work {
            samples: (1 + effort.passes) * problem.samples() as u64,
            solves: effort.solves,
            inner: effort.iterations,
            ..Work::default()
        };
        Ok(Step { work, converged: true })
    }

    fn iterate<'s>(&self, state: &'s RidgeClassifierState) -> &'s [f64] {
        &state.w
    }
}
