//! Newton with a fixed bound of the Hessian, factored once.

use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Gradient, Problem, Seed, SetupError, require};
use serde::{Deserialize, Serialize};

use crate::least_squares::Cholesky;
use crate::vector::norm;
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// Majorization by the classical bound of the softmax Hessian: the rival of ADMM-Softmax with the same
/// set-up, one Gram matrix and one factorisation.
///
/// Solves `min J(W)` of [`converge_problems::mlr`]. Since `diag(p) - p pᵀ <= ½ (I - 11ᵀ/K)`, the quadratic
/// with the fixed Hessian
///
/// ```text
/// B = ½ (I - 11ᵀ/K) ⊗ G/N + I ⊗ α LᵀL,   G = D Dᵀ,      W⁺ = W - B⁻¹ ∇J(W)
/// ```
///
/// lies above `J` and touches it at `W`: every step decreases `J`, without a line search. `B` splits
/// over classes: on differences between classes it is `G/2N + α LᵀL`, factored once; on their mean it is
/// `α LᵀL`, whose step leads to the mean of the reference weights at once.
///
/// | symbol | field |
/// |---|---|
/// | stop when `‖∇J‖` is at most this | `gradient_tolerance` |
///
/// Needs: [`Mlr`] itself. Set-up: `N p²` flops and a Cholesky factorisation, `p³/3`. A step: one joint
/// value and gradient (one pass, `4 N p K` flops) and `2 p² K` for the solves. Holds the factor and
/// `2 p K` doubles. Linear convergence, slow where the probabilities are near 0 and 1.
///
/// Not checked: the conditioning of the normal matrix.
///
/// Source: D. Böhning, Multinomial logistic regression algorithm, Ann. Inst. Statist. Math. 44 (1992)
/// 197–200.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BoundMajorizer {
    /// At least 0; 0 never stops.
    pub gradient_tolerance: f64,
}

/// State of [`BoundMajorizer`].
#[derive(Clone)]
pub struct BoundMajorizerState {
    w: Vec<f64>,
    gradient: Vec<f64>,
    normal: Cholesky,
    scratch: MlrScratch,
}

impl Solver<Mlr> for BoundMajorizer {
    const ID: &'static str = "bound-majorizer";
    const ABOUT: &'static str = "fixed upper bound of the Hessian, factored once";
    type State = BoundMajorizerState;

    fn init(&self, problem: &Mlr, x0: &[f64], _: Seed) -> Result<BoundMajorizerState, SetupError> {
        let tolerance = self.gradient_tolerance;
        require("gradient_tolerance", tolerance, tolerance >= 0.0, "a number, at least 0")?;
        let dim = problem.dim();
        if x0.len() != dim {
            return Err(SetupError::Shape { what: "start", expected: dim, found: x0.len() });
        }
        let weight = 0.5 / problem.samples() as f64;
        let operator = problem.operator();
        Ok(BoundMajorizerState {
            w: x0.to_vec(),
            gradient: vec![0.0; dim],
            normal: Cholesky::factor(problem.gram(), weight, operator, problem.ridge_weight())?,
            scratch: problem.scratch(),
        })
    }

    fn setup_work(&self, problem: &Mlr) -> Work {
        Work { samples: problem.samples() as u64, factorizations: 1, ..Work::default() }
    }

    fn step(&self, problem: &Mlr, state: &mut BoundMajorizerState) -> Result<Step, Breakdown> {
        let BoundMajorizerState { w, gradient, normal, scratch } = state;
        let (p, classes) = (problem.weights(), problem.classes());
        problem.value_gradient(w, gradient, scratch);
        require_finite("gradient", gradient)?;
        let converged = norm(gradient) <= self.gradient_tolerance;
        let work = Work::value_gradients(1, problem.samples() as u64);
        if converged {
            return Ok(Step { work, converged });
        }
        // Take the class mean out of the gradient, and move the mean of W to that of W_ref.
        let (over, regular) = (1.0 / classes as f64, problem.ridge_weight() > 0.0);
        for i in 0..p {
            let mean = gradient.iter().skip(i).step_by(p).sum::<f64>() * over;
            gradient.iter_mut().skip(i).step_by(p).for_each(|g| *g -= mean);
            if regular {
                let prior =
                    problem.prior().map_or(0.0, |w| w.iter().skip(i).step_by(p).sum::<f64>());
                let shift = (prior - w.iter().skip(i).step_by(p).sum::<f64>()) * over;
                w.iter_mut().skip(i).step_by(p).for_each(|w| *w += shift);
            }
        }
        normal.solve_in_place(gradient);
        w.iter_mut().zip(&*gradient).for_each(|(w, step)| *w -= step);
        require_finite("iterate", w)?;
        Ok(Step { work: Work { solves: classes as u64, ..work }, converged })
    }

    fn iterate<'s>(&self, state: &'s BoundMajorizerState) -> &'s [f64] {
        &state.w
    }
}
