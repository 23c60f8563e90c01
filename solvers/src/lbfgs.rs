//! Limited-memory BFGS.

use converge_problems::{Gradient, Metric, Seed, SetupError, require};
use serde::{Deserialize, Serialize};

use crate::line_search::{LineSearch, Trial};
use crate::pairs::Pairs;
use crate::vector::{add_scaled, dot, norm};
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// Limited-memory BFGS with a line search for the strong Wolfe conditions.
///
/// Solves `min f(x)` for smooth `f`; a local method where `f` is not convex.
///
/// ```text
/// x⁺ = x + t d,   d = -H ∇f(x),   t meets the strong Wolfe conditions
/// H  = the BFGS inverse from the last m pairs s = x⁺ - x, y = ∇f(x⁺) - ∇f(x),
///      seeded with γ I, γ = sᵀy / yᵀy of the newest pair
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `m` | `memory` |
/// | `c₁`, `c₂` | `decrease`, `curvature` |
/// | `‖∇f‖₂` at which it has converged | `gradient_tolerance` |
/// | relative rounding of a value of `f` | `noise` |
///
/// Before the first pair `γ = 1/‖∇f(x⁰)‖`: the first trial moves by a unit length. The line search always
/// starts at 1. A pair with `sᵀy <= ε yᵀy` is dropped. Where a search finds no step the pairs are forgotten and steepest
/// descent is tried once before the method breaks down.
///
/// Needs: [`Gradient`]. Cost of a step: one joint value and gradient per trial of the search, mostly
/// one, and `4m·dim` multiply-adds; the first step evaluates the start as well. Holds `2m + 4` vectors.
///
/// Not checked: that the gradient belongs to the value.
///
/// Source: D. Liu, J. Nocedal, On the limited memory BFGS method for large scale optimization, Math.
/// Prog. 45 (1989) 503–528; J. Nocedal, S. Wright, Numerical Optimization, 2nd ed. 2006, algorithms
/// 7.4 and 7.5. The line search tolerates rounding in the values, so that gradients go on falling when
/// values no longer do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Lbfgs {
    /// Pairs kept, `m >= 1`.
    pub memory: usize,
    /// Converged at `‖∇f(x)‖₂ <=` this; 0 never converges.
    pub gradient_tolerance: f64,
    /// Sufficient decrease `0 < c₁ < 1/2`.
    pub decrease: f64,
    /// Curvature `c₁ < c₂ < 1`.
    pub curvature: f64,
    /// Relative rounding of values: a few `ε` times the length of their sums; about 1e-7 for oracles
    /// that compute in single precision.
    pub noise: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self { memory: 10, gradient_tolerance: 1e-12, decrease: 1e-4, curvature: 0.9, noise: 1e-13 }
    }
}

/// State of [`Lbfgs`].
#[derive(Clone)]
pub struct LbfgsState<W> {
    x: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
    /// The point and the gradient of the trial; swapped with the iterate's when accepted.
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    direction: Vec<f64>,
    pairs: Pairs,
    started: bool,
    step_length: f64,
    scratch: W,
}

impl<P: Gradient> Solver<P> for Lbfgs {
    const ID: &'static str = "lbfgs";
    const ABOUT: &'static str = "Limited-memory BFGS with a strong Wolfe line search";
    type State = LbfgsState<P::Scratch>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        vec![Metric::diagnostic("step-length")]
    }

    fn init(&self, problem: &P, x0: &[f64], _seed: Seed) -> Result<Self::State, SetupError> {
        require("memory", self.memory, self.memory >= 1, "at least 1")?;
        require(
            "gradient-tolerance",
            self.gradient_tolerance,
            self.gradient_tolerance >= 0.0,
            "a number of at least 0",
        )?;
        self.line_search().check()?;
        let dim = x0.len();
        Ok(LbfgsState {
            x: x0.to_vec(),
            gradient: vec![0.0; dim],
            value: f64::NAN,
            trial: vec![0.0; dim],
            trial_gradient: vec![0.0; dim],
            direction: vec![0.0; dim],
            pairs: Pairs::new(self.memory, dim),
            started: false,
            step_length: 0.0,
            scratch: problem.scratch(),
        })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let mut evaluations = 0;
        if !state.started {
            state.value = problem.value_gradient(&state.x, &mut state.gradient, &mut state.scratch);
            evaluations += 1;
            state.started = true;
            require_finite("gradient", &state.gradient)?;
            state.pairs.gamma = norm(&state.gradient).recip();
        }
        let mut gradient_norm = norm(&state.gradient);
        if gradient_norm > self.gradient_tolerance {
            let mut moved = self.advance(problem, state, &mut evaluations);
            if moved.is_err() && state.pairs.count > 0 {
                state.pairs.forget();
                moved = self.advance(problem, state, &mut evaluations);
            }
            moved?;
            gradient_norm = norm(&state.gradient);
        }
        let samples = evaluations * problem.terms().unwrap_or(0) as u64;
        Ok(Step {
            work: Work::value_gradients(evaluations, samples),
            converged: gradient_norm <= self.gradient_tolerance,
        })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        &state.x
    }

    fn diagnose(&self, _: &P, state: &Self::State, _: &mut P::Scratch, row: &mut [f64]) {
        row[0] = state.step_length;
    }
}

impl Lbfgs {
    fn line_search(&self) -> LineSearch {
        LineSearch { decrease: self.decrease, curvature: self.curvature, noise: self.noise }
    }

    /// One move along `-H ∇f(x)`.
    fn advance<P: Gradient>(
        &self,
        problem: &P,
        state: &mut LbfgsState<P::Scratch>,
        evaluations: &mut u64,
    ) -> Result<(), Breakdown> {
        let LbfgsState { x, gradient, trial, trial_gradient, direction, pairs, scratch, .. } =
            state;
        let gamma = pairs.gamma;
        pairs.direction(gradient, direction, |d| d.iter_mut().for_each(|d| *d *= gamma));
        let slope = dot(gradient, direction);
        if slope.is_nan() || slope >= 0.0 {
            return Err(Breakdown::NotDescent);
        }
        let start = Trial { step: 0.0, value: state.value, slope };
        let found = self
            .line_search()
            .search(start, 1.0, |t| {
                *evaluations += 1;
                add_scaled(x, t, direction, trial);
                let value = problem.value_gradient(trial, trial_gradient, scratch);
                (value, dot(trial_gradient, direction))
            })
            .ok_or(Breakdown::LineSearch)?;
        pairs.push(x, trial, gradient, trial_gradient);
        std::mem::swap(x, trial);
        std::mem::swap(gradient, trial_gradient);
        state.value = found.value;
        state.step_length = found.step;
        require_finite("iterate", &state.x)
    }
}
