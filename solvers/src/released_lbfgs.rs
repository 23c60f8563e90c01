//! The quasi-Newton method of the release of ADMM-Softmax.

use converge_problems::{HessianVector, Metric, Seed, SetupError, require};
use serde::{Deserialize, Serialize};

use crate::armijo::{Armijo, descend};
use crate::cg::ConjugateGradient;
use crate::pairs::Pairs;
use crate::vector::norm;
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// The matrix that the two-loop recursion starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seeding {
    /// The Hessian at the current point, inverted by conjugate gradients: as released, and no
    /// quasi-Newton method any more.
    #[default]
    Hessian,
    /// `γ I`, as in the textbook.
    Scaled,
}

/// Limited-memory BFGS whose recursion is seeded with the Hessian at the current point, applied by
/// conjugate gradients: the "l-BFGS" of the release of ADMM-Softmax.
///
/// ```text
/// d = -H ∇f(x),  H = BFGS inverse from the last m pairs, seeded with ∇²f(x)⁻¹ (CG: η, n)
/// d scaled to ‖d‖_∞ <= c,  x⁺ = x + μ d
/// ```
///
/// | symbol | field | release |
/// |---|---|---|
/// | `m` | `memory` | 10 |
/// | seed matrix | `seed` | the Hessian |
/// | `η`, `n` of its CG | `forcing`, `products` | 1e-2, 20 |
/// | `c`; 0: no cap | `step_cap` | 1 |
/// | Armijo constant | `decrease` | 1e-3 |
/// | most halvings of `μ` | `halvings` | 10 |
/// | `μ` stands on the right of Armijo's test | `scaled_decrease` | no |
///
/// With `seed = "scaled"`, what is left of the difference to [`Lbfgs`](crate::Lbfgs) is the line
/// search. Before the first pair the scale is `1/‖∇f(x⁰)‖`.
///
/// Needs: [`HessianVector`]. Cost of a step: up to `n` products with the Hessian and a linearization, one
/// joint value and gradient per trial, `4m·dim` multiply-adds. Holds `2m + 9` vectors.
///
/// A search that accepts no trial ends the run ([`Breakdown::LineSearch`]).
///
/// Source: the release of "ADMM-Softmax: An ADMM Approach for Multinomial Logistic Regression", ETNA
/// 52 (2020), 214–229. Deviation: its fallback for a zero direction, which points uphill, is a descent
/// direction here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ReleasedLbfgs {
    /// Pairs kept, at least 1.
    pub memory: usize,
    /// What the recursion starts from.
    pub seed: Seeding,
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

impl Default for ReleasedLbfgs {
    fn default() -> Self {
        Self {
            memory: 10,
            seed: Seeding::Hessian,
            forcing: 1e-2,
            products: 20,
            step_cap: 1.0,
            decrease: 1e-3,
            halvings: 10,
            scaled_decrease: false,
        }
    }
}

/// State of [`ReleasedLbfgs`].
#[derive(Clone)]
pub struct ReleasedLbfgsState<W, L> {
    x: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    direction: Vec<f64>,
    /// The negative of what the seed's inverse is applied to.
    right: Vec<f64>,
    pairs: Pairs,
    cg: ConjugateGradient,
    armijo: Armijo,
    started: bool,
    linearization: L,
    scratch: W,
}

impl<P: HessianVector> Solver<P> for ReleasedLbfgs {
    const ID: &'static str = "released-lbfgs";
    const ABOUT: &'static str = "L-BFGS seeded with the true Hessian, as ADMM-Softmax's release";
    type State = ReleasedLbfgsState<P::Scratch, P::Linearization>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        vec![Metric::diagnostic("step-length")]
    }

    fn init(&self, problem: &P, x0: &[f64], _seed: Seed) -> Result<Self::State, SetupError> {
        let fraction = |x: f64| x > 0.0 && x < 1.0;
        require("memory", self.memory, self.memory >= 1, "at least 1")?;
        require("forcing", self.forcing, fraction(self.forcing), "a number in (0, 1)")?;
        require("decrease", self.decrease, fraction(self.decrease), "a number in (0, 1)")?;
        require("products", self.products, self.products >= 1, "at least 1")?;
        require("step-cap", self.step_cap, self.step_cap >= 0.0, "at least 0")?;
        let zeros = || vec![0.0; x0.len()];
        Ok(ReleasedLbfgsState {
            x: x0.to_vec(),
            gradient: zeros(),
            value: f64::NAN,
            trial: zeros(),
            trial_gradient: zeros(),
            direction: zeros(),
            right: zeros(),
            pairs: Pairs::new(self.memory, x0.len()),
            cg: ConjugateGradient::new(x0.len()),
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
        let ReleasedLbfgsState {
            x,
            gradient,
            value,
            trial,
            trial_gradient,
            direction,
            right,
            pairs,
            cg,
            armijo,
            started,
            linearization,
            scratch,
        } = state;
        let mut evaluations = 0;
        if !*started {
            *value = problem.value_gradient(x, gradient, scratch);
            evaluations += 1;
            *started = true;
            require_finite("gradient", gradient)?;
            pairs.gamma = norm(gradient).recip();
        }
        if norm(gradient) <= 0.0 {
            let work = Work::value_gradients(evaluations, evaluations * terms);
            return Ok(Step { work, converged: true });
        }
        let (mut passes, mut products, gamma) = (0, 0, pairs.gamma);
        pairs.direction(gradient, direction, |d| match self.seed {
            Seeding::Scaled => d.iter_mut().for_each(|d| *d *= gamma),
            Seeding::Hessian => {
                right.iter_mut().zip(&*d).for_each(|(r, d)| *r = -d);
                problem.linearize(x, linearization, scratch);
                let solved = cg.solve(right, self.forcing, self.products, |v, hv| {
                    problem.hessian_vector(linearization, v, hv, scratch);
                });
                d.copy_from_slice(&cg.solution);
                products = solved.products;
                passes = 1 + products;
            }
        });
        let slope = descend(gradient, self.step_cap, direction);
        let found = armijo.search(x, *value, slope, direction, trial, |x| {
            evaluations += 1;
            problem.value_gradient(x, trial_gradient, scratch)
        });
        *value = found.ok_or(Breakdown::LineSearch)?;
        pairs.push(x, trial, gradient, trial_gradient);
        std::mem::swap(x, trial);
        std::mem::swap(gradient, trial_gradient);
        require_finite("iterate", x)?;
        let mut work = Work::value_gradients(evaluations, (evaluations + passes) * terms);
        work.hessian_vectors = products;
        work.inner = products;
        Ok(Step { work, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        &state.x
    }

    fn diagnose(&self, _: &P, state: &Self::State, _: &mut P::Scratch, row: &mut [f64]) {
        row[0] = state.armijo.step;
    }
}
