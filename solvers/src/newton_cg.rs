//! Newton's method with inexact steps from conjugate gradients.

use converge_problems::{HessianVector, Metric, Seed, SetupError, require};
use serde::{Deserialize, Serialize};

use crate::cg::ConjugateGradient;
use crate::line_search::{LineSearch, Trial};
use crate::vector::{add_scaled, dot, norm};
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// Inexact Newton: the Newton system is solved by conjugate gradients, as accurately as the progress
/// so far deserves.
///
/// Solves `min f(x)` for smooth convex `f`. For other `f` the solve stops at negative curvature and
/// the step so far is taken.
///
/// ```text
/// ‖∇²f(x) d + ∇f(x)‖ <= η ‖∇f(x)‖,   x⁺ = x + t d,   t meets the strong Wolfe conditions
/// η = min(η_max, max(0.9 (‖∇f(x)‖ / ‖∇f(x⁻)‖)^φ, 0.9 η⁻^φ where that exceeds 0.1)),   φ = (1+√5)/2
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `η_max`, also the first `η` | `forcing` |
/// | bound on products per step | `products` |
/// | `c₁`, `c₂` | `decrease`, `curvature` |
/// | `‖∇f‖₂` at which it has converged | `gradient_tolerance` |
/// | relative rounding of a value of `f` | `noise` |
///
/// Needs: [`HessianVector`]. Cost of a step: one linearization, one product with the Hessian per inner
/// iteration, one joint value and gradient per trial of the search, mostly one; the first step
/// evaluates the start as well. Each of these reads the data once. Holds 8 vectors and a
/// linearization.
///
/// Not checked: convexity, beyond the curvature along the directions of the inner solve.
///
/// Source: S. Eisenstat, H. Walker, Choosing the forcing terms in an inexact Newton method, SIAM J.
/// Sci. Comput. 17 (1996) 16–32, choice 2; J. Nocedal, S. Wright, Numerical Optimization, 2nd ed.
/// 2006, algorithm 7.1. Deviation: the search accepts the strong Wolfe conditions, with values allowed
/// their rounding, so that the gradient reaches its own floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NewtonCg {
    /// Largest forcing term, in (0, 1).
    pub forcing: f64,
    /// Most products with the Hessian per step, at least 1.
    pub products: u64,
    /// Converged at `‖∇f(x)‖₂ <=` this; 0 never converges.
    pub gradient_tolerance: f64,
    /// Sufficient decrease `0 < c₁ < 1/2`.
    pub decrease: f64,
    /// Curvature `c₁ < c₂ < 1`.
    pub curvature: f64,
    /// Relative rounding of values, as in [`Lbfgs`](crate::Lbfgs::noise).
    pub noise: f64,
}

impl Default for NewtonCg {
    fn default() -> Self {
        Self {
            forcing: 0.5,
            products: 200,
            gradient_tolerance: 1e-12,
            decrease: 1e-4,
            curvature: 0.9,
            noise: 1e-13,
        }
    }
}

/// `φ` of the forcing term.
const GOLDEN: f64 = 1.618_033_988_749_895;

/// State of [`NewtonCg`].
#[derive(Clone)]
pub struct NewtonCgState<W, L> {
    x: Vec<f64>,
    gradient: Vec<f64>,
    gradient_norm: f64,
    value: f64,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    cg: ConjugateGradient,
    forcing: f64,
    started: bool,
    step_length: f64,
    linearization: L,
    scratch: W,
}

impl<P: HessianVector> Solver<P> for NewtonCg {
    const ID: &'static str = "newton-cg";
    const ABOUT: &'static str = "Inexact Newton steps by conjugate gradients, with a line search";
    type State = NewtonCgState<P::Scratch, P::Linearization>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        vec![Metric::diagnostic("step-length"), Metric::diagnostic("forcing")]
    }

    fn init(&self, problem: &P, x0: &[f64], _seed: Seed) -> Result<Self::State, SetupError> {
        require(
            "forcing",
            self.forcing,
            self.forcing > 0.0 && self.forcing < 1.0,
            "a number in (0, 1)",
        )?;
        require("products", self.products, self.products >= 1, "at least 1")?;
        require(
            "gradient-tolerance",
            self.gradient_tolerance,
            self.gradient_tolerance >= 0.0,
            "a number of at least 0",
        )?;
        self.line_search().check()?;
        let dim = x0.len();
        Ok(NewtonCgState {
            x: x0.to_vec(),
            gradient: vec![0.0; dim],
            gradient_norm: f64::NAN,
            value: f64::NAN,
            trial: vec![0.0; dim],
            trial_gradient: vec![0.0; dim],
            cg: ConjugateGradient::new(dim),
            forcing: self.forcing,
            started: false,
            step_length: 0.0,
            linearization: problem.linearization(),
            scratch: problem.scratch(),
        })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let terms = problem.terms().unwrap_or(0) as u64;
        let mut work = Work::default();
        if !state.started {
            state.value = problem.value_gradient(&state.x, &mut state.gradient, &mut state.scratch);
            state.gradient_norm = norm(&state.gradient);
            state.started = true;
            work += Work::value_gradients(1, terms);
            require_finite("gradient", &state.gradient)?;
        }
        if state.gradient_norm > self.gradient_tolerance {
            work += self.advance(problem, state, terms)?;
        }
        Ok(Step { work, converged: state.gradient_norm <= self.gradient_tolerance })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        &state.x
    }

    fn diagnose(&self, _: &P, state: &Self::State, _: &mut P::Scratch, row: &mut [f64]) {
        row[0] = state.step_length;
        row[1] = state.forcing;
    }
}

impl NewtonCg {
    fn line_search(&self) -> LineSearch {
        LineSearch { decrease: self.decrease, curvature: self.curvature, noise: self.noise }
    }

    fn advance<P: HessianVector>(
        &self,
        problem: &P,
        state: &mut NewtonCgState<P::Scratch, P::Linearization>,
        terms: u64,
    ) -> Result<Work, Breakdown> {
        let NewtonCgState {
            x, gradient, trial, trial_gradient, cg, linearization, scratch, ..
        } = state;
        problem.linearize(x, linearization, scratch);
        let solved = cg.solve(gradient, state.forcing, self.products, |v, hv| {
            problem.hessian_vector(linearization, v, hv, scratch);
        });
        let direction = &cg.solution;
        let slope = dot(gradient, direction);
        if slope.is_nan() || slope >= 0.0 {
            return Err(Breakdown::NotDescent);
        }
        let mut evaluations = 0;
        let start = Trial { step: 0.0, value: state.value, slope };
        let found = self
            .line_search()
            .search(start, 1.0, |t| {
                evaluations += 1;
                add_scaled(x, t, direction, trial);
                let value = problem.value_gradient(trial, trial_gradient, scratch);
                (value, dot(trial_gradient, direction))
            })
            .ok_or(Breakdown::LineSearch)?;
        std::mem::swap(x, trial);
        std::mem::swap(gradient, trial_gradient);
        require_finite("iterate", &state.x)?;

        let previous = std::mem::replace(&mut state.gradient_norm, norm(&state.gradient));
        state.forcing = self.next_forcing(state.forcing, state.gradient_norm / previous);
        state.value = found.value;
        state.step_length = found.step;
        let mut work = Work::value_gradients(evaluations, evaluations * terms);
        work.hessian_vectors = solved.products;
        work.inner = solved.products;
        work.samples += (1 + solved.products) * terms;
        Ok(work)
    }

    /// Choice 2 of Eisenstat and Walker, with the safeguard that the term falls gradually.
    fn next_forcing(&self, forcing: f64, ratio: f64) -> f64 {
        let gradual = 0.9 * forcing.powf(GOLDEN);
        let wanted = 0.9 * ratio.powf(GOLDEN);
        let next = if gradual > 0.1 { wanted.max(gradual) } else { wanted };
        // Below 1e-8 the inner solve would chase rounding of the products.
        next.clamp(1e-8, self.forcing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forcing_follows_the_progress_and_falls_gradually() {
        let solver = NewtonCg::default();
        // No progress: the largest. Fast progress from a small term: the ratio decides.
        assert!((solver.next_forcing(0.5, 1.0) - 0.5).abs() < 1e-15);
        assert!((solver.next_forcing(0.1, 0.01) - 0.9 * 0.01_f64.powf(GOLDEN)).abs() < 1e-15);
        // Fast progress from a large term: not at once.
        assert!((solver.next_forcing(0.5, 1e-6) - 0.9 * 0.5_f64.powf(GOLDEN)).abs() < 1e-15);
        assert!((solver.next_forcing(1e-3, 1e-9) - 1e-8).abs() < 1e-20);
    }
}
