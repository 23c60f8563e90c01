//! Regularization by denoising, by steepest descent.

use converge_problems::{Batch, BatchGradient, Denoise, Metric, Seed, SetupError, require};
use serde::{Deserialize, Serialize};

use super::denoising::Denoising;
use super::gradients::Gradients;
use super::selection::Draws;
use super::settled::Settled;
use super::{Decay, Selection, StepSize, StrengthScaling, all_terms, observe, write};
use crate::vector::dot;
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// RED by steepest descent, and with a `batch` below the number of blocks its stochastic form. With
/// `weight = 0` gradient descent on the data term alone.
///
/// Looks for `∇g(x) + τ (x - D(x)) = 0`, `g = (1/b) Σ g_i`.
///
/// ```text
/// x⁺ = x - γ (∇g_I(x) + τ (x - D_σ(x))),   γ <= 1/(L + 2τ)
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `γ` | `step-size`; `relative = 1` is `1/(L + 2τ)` |
/// | `τ` | `weight` |
/// | `σ` | `strength`, `strength-schedule` |
/// | `\|I\|` | `batch` |
/// | `I` | `selection` |
///
/// Diagnostics: `red-residual` `‖∇g(x) + τ (x - D(x))‖²` with all blocks, in rows whose step is a multiple of
/// `residual-every`; `change` of the last step, relative; `step-size` `γ`; `strength` `σ` if it changes.
///
/// Needs: [`BatchGradient`], [`Denoise`]: a data term without gradient has no pair with this method. Cost
/// of a step: one gradient of the batch, in up to 8 parts on as many threads, one denoising unless `τ = 0`,
/// about 9 `dim` operations. Holds 3 vectors, and one a part.
///
/// Not checked: that `γ` is small enough.
///
/// Source: Y. Romano, M. Elad, P. Milanfar, The little engine that could: regularization by denoising
/// (RED), SIAM J. Imaging Sci. 10 (2017), 1804-1844; arXiv 2006.03224, sections 2.5 and 2.6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Red {
    /// `γ`.
    pub step_size: StepSize,
    /// `τ >= 0`; without it no denoiser is asked.
    pub weight: f64,
    /// `σ >= 0`, in the measure of the denoiser.
    pub strength: f64,
    /// How it changes.
    pub strength_schedule: Decay,
    /// `α > 0` of `D_α = (1 - α) I + α D`, which takes the place of `D`.
    pub denoiser_weight: f64,
    /// Blocks a step, all of them if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Which blocks.
    pub selection: Selection,
    /// Steps between two looks at the residual with all blocks; 0 leaves its column out.
    pub residual_every: u64,
    /// The run has converged after three steps with a relative change below this; 0 never.
    pub tolerance: f64,
}

impl Default for Red {
    fn default() -> Self {
        Self {
            step_size: StepSize::default(),
            weight: 0.1,
            strength: 0.02,
            strength_schedule: Decay::Constant,
            denoiser_weight: 1.0,
            batch: None,
            selection: Selection::Iid,
            residual_every: 1,
            tolerance: 0.0,
        }
    }
}

/// State of [`Red`].
#[derive(Clone)]
pub struct RedState<S> {
    x: Vec<f64>,
    gradient: Vec<f64>,
    /// The denoised point, then the next one.
    next: Vec<f64>,
    step_size: f64,
    gradients: Gradients<S>,
    draws: Draws,
    steps: u64,
    seed: Seed,
    settled: Settled,
}

impl Red {
    fn denoising(&self) -> Denoising {
        Denoising {
            strength: self.strength,
            schedule: self.strength_schedule,
            scaling: StrengthScaling::None,
            weight: self.denoiser_weight,
        }
    }

    /// Adds `τ (x - D(x))` to `g`; `denoised` holds `D(x)` after.
    fn add_pull<P: Denoise>(
        &self,
        problem: &P,
        step: u64,
        (x, g): (&[f64], &mut [f64]),
        denoised: &mut [f64],
        scratch: &mut P::Scratch,
    ) {
        if self.weight > 0.0 {
            self.denoising().apply(problem, (step, 1.0), x, denoised, scratch);
            for ((g, x), denoised) in g.iter_mut().zip(x).zip(&*denoised) {
                *g += self.weight * (x - denoised);
            }
        }
    }
}

impl<P: BatchGradient + Denoise> Solver<P> for Red {
    const ID: &'static str = "red";
    const ABOUT: &'static str = "Regularization by denoising, steepest descent";
    type State = RedState<P::Scratch>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        let full = (self.residual_every > 0).then_some("red-residual");
        let strength = self.denoising().changes(Decay::Constant).then_some("strength");
        let always = ["change", "step-size"];
        full.into_iter().chain(always).chain(strength).map(Metric::diagnostic).collect()
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        let (weight, admissible) = (self.weight, "a finite number of at least 0");
        require("weight", weight, weight >= 0.0 && weight.is_finite(), admissible)?;
        self.denoising().check()?;
        let settled = Settled::new(self.tolerance)?;
        let draws = Draws::new(problem.terms(), ("batch", self.batch), self.selection, seed)?;
        let all = all_terms(problem);
        let step_size = self.step_size.find(problem, &all, 2.0 * weight, x0, seed)?;
        Ok(RedState {
            x: x0.to_vec(),
            gradient: vec![0.0; x0.len()],
            next: vec![0.0; x0.len()],
            step_size,
            gradients: Gradients::new(problem, draws.size()),
            draws,
            steps: 0,
            seed: seed.child("draw"),
            settled,
        })
    }

    fn setup_work(&self, problem: &P) -> Work {
        self.step_size.work(problem.terms().unwrap_or(0))
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let RedState { x, gradient, next, step_size, gradients, draws, steps, seed, settled } =
            state;
        draws.advance();
        let terms = draws.last();
        gradients.of(problem, terms, seed.index(*steps), x, gradient);
        self.add_pull(problem, *steps, (x, gradient), next, gradients.scratch());
        for ((next, x), g) in next.iter_mut().zip(&*x).zip(&*gradient) {
            *next = x - *step_size * g;
        }
        let converged = settled.see(x, next, self.tolerance);
        std::mem::swap(x, next);
        *steps += 1;
        require_finite("iterate", x)?;
        let samples = terms.len() as u64;
        Ok(Step { work: Work { samples, gradients: 1, ..Work::default() }, converged })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        &state.x
    }

    fn diagnose(
        &self,
        problem: &P,
        state: &Self::State,
        scratch: &mut P::Scratch,
        row: &mut [f64],
    ) {
        let residual = observe(self.residual_every, state.steps, || {
            let x = &state.x;
            let (mut g, mut denoised) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let batch = Batch { terms: &all_terms(problem), draw: state.seed };
            problem.batch_gradient(batch, x, &mut g, scratch);
            self.add_pull(problem, state.steps, (x, &mut g), &mut denoised, scratch);
            dot(&g, &g)
        });
        let strength = self.denoising().strength(state.steps.saturating_sub(1), 1.0);
        let others = [state.settled.change, state.step_size, strength];
        write(row, residual.into_iter().chain(others));
    }
}
