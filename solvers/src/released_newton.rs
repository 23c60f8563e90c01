//! Newton-CG as the release of ADMM-Softmax runs it.

use converge_problems::{HessianVector, Metric, Seed, SetupError, require};
use serde::{Deserialize, Serialize};

use crate::armijo::{Armijo, descend};
use crate::cg::ConjugateGradient;
use crate::vector::norm;
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// Newton–CG with a fixed inner tolerance, capped steps and Armijo backtracking: the rival of
/// ADMM-Softmax as its release runs it.
///
/// ```text
/// ‖∇²f(x) d + ∇f(x)‖ <= η ‖∇f(x)‖ or n products,  d scaled to ‖d‖_∞ <= c,  x⁺ = x + μ d
/// ```
///
/// | symbol | field | release |
/// |---|---|---|
/// | `η` | `forcing` | 1e-2 |
/// | `n` | `products` | 20 |
/// | `c`; 0: no cap | `step_cap` | 1 |
/// | Armijo constant | `decrease` | 1e-3 |
/// | most halvings of `μ` | `halvings` | 20 |
/// | `μ` stands on the right of Armijo's test | `scaled_decrease` | no |
///
/// The release has two more departures, which belong to the problem
/// ([`Defects`](converge_problems::mlr::Defects)): a damped Hessian and an interleaved ridge. A direction
/// that does not descend is replaced by the normalised negative gradient. `∇f` and `f` are evaluated
/// together at every trial of the search.
///
/// Needs: [`HessianVector`]. Cost of a step: one linearization, one product per inner iteration, one
/// joint value and gradient per trial. Holds 8 vectors and a linearization.
///
/// A search that accepts no trial ends the run ([`Breakdown::LineSearch`]).
///
/// Source: the release of "ADMM-Softmax: An ADMM Approach for Multinomial Logistic Regression", ETNA
/// 52 (2020), 214–229. For a Newton–CG at its best see [`NewtonCg`](crate::NewtonCg).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ReleasedNewton {
    /// Inner relative residual, in (0, 1).
    pub forcing: f64,
    /// Most products with the Hessian per step, at least 1.
    pub products: u64,
    /// Largest entry of a step; 0 for none.
    pub step_cap: f64,
    /// Sufficient decrease, in (0, 1).
    pub decrease: f64,
    /// Most halvings of a step.
    pub halvings: u32,
    /// The textbook's test of Armijo.
    pub scaled_decrease: bool,
}

impl Default for ReleasedNewton {
    fn default() -> Self {
        Self {
            forcing: 1e-2,
            products: 20,
            step_cap: 1.0,
            decrease: 1e-3,
            halvings: 20,
            scaled_decrease: false,
        }
    }
}

/// State of [`ReleasedNewton`].
#[derive(Clone)]
pub struct ReleasedNewtonState<W, L> {
    x: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    cg: ConjugateGradient,
    armijo: Armijo,
    started: bool,
    linearization: L,
    scratch: W,
}

impl<P: HessianVector> Solver<P> for ReleasedNewton {
    const ID: &'static str = "released-newton";
    const ABOUT: &'static str = "Newton-CG with capped steps and Armijo, as ADMM-Softmax's release";
    type State = ReleasedNewtonState<P::Scratch, P::Linearization>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        vec![Metric::diagnostic("step-length")]
    }

    fn init(&self, problem: &P, x0: &[f64], _seed: Seed) -> Result<Self::State, SetupError> {
        let fraction = |x: f64| x > 0.0 && x < 1.0;
        require("forcing", self.forcing, fraction(self.forcing), "a number in (0, 1)")?;
        require("decrease", self.decrease, fraction(self.decrease), "a number in (0, 1)")?;
        require("products", self.products, self.products >= 1, "at least 1")?;
        require("step-cap", self.step_cap, self.step_cap >= 0.0, "at least 0")?;
        let dim = x0.len();
        Ok(ReleasedNewtonState {
            x: x0.to_vec(),
            gradient: vec![0.0; dim],
            value: f64::NAN,
            trial: vec![0.0; dim],
            trial_gradient: vec![0.0; dim],
            cg: ConjugateGradient::new(dim),
            armijo: Armijo {
                decrease: self.decrease,
                halvings: self.halvings,
                scaled: self.scaled_decrease,
                step: 1.0,
            },
            started: false,
            linearization: problem.linearization(),
            scratch: problem.scratch(),
        })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let terms = problem.terms().unwrap_or(0) as u64;
        let ReleasedNewtonState {
            x,
            gradient,
            trial,
            trial_gradient,
            cg,
            armijo,
            linearization,
            scratch,
            ..
        } = state;
        let mut evaluations = 0;
        if !state.started {
            state.value = problem.value_gradient(x, gradient, scratch);
            evaluations += 1;
            state.started = true;
            require_finite("gradient", gradient)?;
        }
        if norm(gradient) <= 0.0 {
            return Ok(Step {
                work: Work::value_gradients(evaluations, evaluations * terms),
                converged: true,
            });
        }
        problem.linearize(x, linearization, scratch);
        let solved = cg.solve(gradient, self.forcing, self.products, |v, hv| {
            problem.hessian_vector(linearization, v, hv, scratch);
        });
        let direction = &mut cg.solution;
        let slope = descend(gradient, self.step_cap, direction);
        let found = armijo.search(x, state.value, slope, direction, trial, |x| {
            evaluations += 1;
            problem.value_gradient(x, trial_gradient, scratch)
        });
        state.value = found.ok_or(Breakdown::LineSearch)?;
        std::mem::swap(x, trial);
        std::mem::swap(gradient, trial_gradient);
        require_finite("iterate", x)?;
        let mut work = Work::value_gradients(evaluations, evaluations * terms);
        work.hessian_vectors = solved.products;
        work.inner = solved.products;
        work.samples += (1 + solved.products) * terms;
        Ok(Step { work, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        &state.x
    }

    fn diagnose(&self, _: &P, state: &Self::State, _: &mut P::Scratch, row: &mut [f64]) {
        row[0] = state.armijo.step;
    }
}
