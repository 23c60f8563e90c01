//! The ridge classifier that ADMM-Softmax passes through.

use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Problem, Seed, SetupError, require_positive};
use serde::{Deserialize, Serialize};

use crate::admm_softmax::first_target;
use crate::normal::Normal;
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
///
/// Needs: [`Mlr`] itself. Set-up: the Gram matrix, `N p²` flops, and a Cholesky factorisation, `p³/3`.
/// The step: one pass over the data, `4 N p K` flops, and `2 p² K` for the solve; it reports
/// convergence, later steps repeat it. Holds the factor and `p K` doubles.
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
}

impl Default for RidgeClassifier {
    fn default() -> Self {
        Self { penalty: 0.1 }
    }
}

/// State of [`RidgeClassifier`].
#[derive(Clone)]
pub struct RidgeClassifierState {
    w: Vec<f64>,
    zero: Vec<f64>,
    /// `(α/ρ) LᵀL W_refᵀ`.
    prior: Option<Vec<f64>>,
    normal: Normal,
    scratch: MlrScratch,
}

impl Solver<Mlr> for RidgeClassifier {
    const ID: &'static str = "ridge-classifier";
    const ABOUT: &'static str =
        "least squares on one-hot labels: the first useful ADMM-Softmax iterate";
    type State = RidgeClassifierState;

    fn init(&self, problem: &Mlr, x0: &[f64], _: Seed) -> Result<RidgeClassifierState, SetupError> {
        require_positive("penalty", self.penalty)?;
        let dim = problem.dim();
        if x0.len() != dim {
            return Err(SetupError::Shape { what: "start", expected: dim, found: x0.len() });
        }
        let ratio = problem.ridge_weight() * problem.samples() as f64 / self.penalty;
        let prior = problem.prior().map(|prior| {
            let p = problem.weights();
            let (mut once, mut right) = (vec![0.0; p], vec![0.0; dim]);
            for (w, out) in prior.chunks_exact(p).zip(right.chunks_exact_mut(p)) {
                problem.operator().apply(w, &mut once);
                problem.operator().apply(&once, out);
                out.iter_mut().for_each(|v| *v *= ratio);
            }
            right
        });
        Ok(RidgeClassifierState {
            w: x0.to_vec(),
            zero: vec![0.0; dim],
            prior,
            normal: Normal::factor(&problem.gram(), 1.0, problem.operator(), ratio)?,
            scratch: problem.scratch(),
        })
    }

    fn setup_work(&self, problem: &Mlr) -> Work {
        Work { samples: problem.samples() as u64, factorizations: 1, ..Work::default() }
    }

    fn step(&self, problem: &Mlr, state: &mut RidgeClassifierState) -> Result<Step, Breakdown> {
        let RidgeClassifierState { w, zero, prior, normal, scratch } = state;
        let classes = problem.classes();
        let target = 2.0 * first_target(self.penalty, classes);
        problem.sweep(zero, 0, &mut [], Some(w), scratch, |tile| {
            tile.scores.fill(-target / classes as f64);
            for (j, &label) in tile.labels.iter().enumerate() {
                tile.scores[label as usize * tile.capacity + j] += target;
            }
        });
        if let Some(prior) = prior {
            w.iter_mut().zip(&*prior).for_each(|(w, c)| *w += c);
        }
        normal.solve_in_place(w);
        require_finite("iterate", w)?;
        let samples = problem.samples() as u64;
        let work = Work { samples, solves: classes as u64, ..Work::default() };
        Ok(Step { work, converged: true })
    }

    fn iterate<'s>(&self, state: &'s RidgeClassifierState) -> &'s [f64] {
        &state.w
    }
}
