//! Accelerated plug-and-play proximal gradients (PnP-FISTA, PnP-APGM).

use converge_problems::{BatchGradient, Denoise, Metric, Seed, SetupError};
use serde::{Deserialize, Serialize};

use super::denoising::Denoising;
use super::forward::{Forward, ForwardState};
use super::{Decay, Selection, StepSize, StrengthScaling};
use crate::{Breakdown, Solver, Step, Work};

/// PnP-FISTA, also called PnP-APGM: a gradient step at an extrapolated point, then the denoiser.
///
/// Looks for `x = D(x - γ ∇g(x))`; with `D = prox_{γ h}` that is `min g(x) + h(x)`.
///
/// ```text
/// x⁺ = D_σ(q - γ ∇g(q)),   γ <= 1/L,   q = x at the start
/// t⁺ = (1 + √(1 + 4t²))/2,             t = 1 at the start
/// q⁺ = x⁺ + ((t - 1)/t⁺)(x⁺ - x)
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `γ` | `step-size` |
/// | `σ` | `strength`, `strength-schedule`, `strength-scaling` |
///
/// Diagnostics: `fixed-point-residual` `‖x - D(x - γ ∇g(x))‖²` with all blocks, in rows whose step is a
/// multiple of `residual-every`; `change` of the last step, relative; `step-size` `γ`; `strength` `σ` if it
/// changes.
///
/// Needs: [`BatchGradient`], [`Denoise`]: a data term without gradient has no pair with this method.
/// Cost of a step: one gradient with all blocks, in up to 8 parts on as many threads, one denoising, about
/// 11 `dim` operations. Holds 4 vectors, and one a part.
///
/// Not checked: that `γ <= 1/L`. With a denoiser that is no proximal map nothing is proven in general.
///
/// Source: arXiv 2006.03224, section 2.3; with a proximal map in place of the denoiser A. Beck, M.
/// Teboulle, A fast iterative shrinkage-thresholding algorithm, SIAM J. Imaging Sci. 2 (2009), 183-202.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PnpFista {
    /// `γ`.
    pub step_size: StepSize,
    /// `σ >= 0`, in the measure of the denoiser.
    pub strength: f64,
    /// How it changes.
    pub strength_schedule: Decay,
    /// What it is multiplied by.
    pub strength_scaling: StrengthScaling,
    /// `α > 0` of `D_α = (1 - α) I + α D`, which takes the place of `D`.
    pub denoiser_weight: f64,
    /// Works on so many evenly spaced blocks alone, on all of them if left out: the baseline that an
    /// incremental method has to beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_blocks: Option<usize>,
    /// Steps between two looks at the residual with all blocks; 0 leaves its column out.
    pub residual_every: u64,
    /// The run has converged after three steps with a relative change below this; 0 never.
    pub tolerance: f64,
}

impl Default for PnpFista {
    fn default() -> Self {
        Self {
            step_size: StepSize::default(),
            strength: 0.02,
            strength_schedule: Decay::Constant,
            strength_scaling: StrengthScaling::None,
            denoiser_weight: 1.0,
            fixed_blocks: None,
            residual_every: 1,
            tolerance: 0.0,
        }
    }
}

impl PnpFista {
    fn forward(&self) -> Forward {
        Forward {
            step_size: self.step_size,
            step_schedule: Decay::Constant,
            batch: ("fixed-blocks", self.fixed_blocks),
            selection: Selection::Fixed,
            accelerate: true,
            denoising: Denoising {
                strength: self.strength,
                schedule: self.strength_schedule,
                scaling: self.strength_scaling,
                weight: self.denoiser_weight,
            },
            residual_every: self.residual_every,
            tolerance: self.tolerance,
        }
    }
}

impl<P: BatchGradient + Denoise> Solver<P> for PnpFista {
    const ID: &'static str = "pnp-fista";
    const ABOUT: &'static str = "Accelerated plug-and-play proximal gradients";
    type State = ForwardState<P::Scratch>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        self.forward().diagnostics()
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        self.forward().init(problem, x0, seed)
    }

    fn setup_work(&self, problem: &P) -> Work {
        self.forward().setup_work(problem)
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        self.forward().step(problem, state)
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        state.x()
    }

    fn diagnose(
        &self,
        problem: &P,
        state: &Self::State,
        scratch: &mut P::Scratch,
        row: &mut [f64],
    ) {
        self.forward().diagnose(problem, state, scratch, row);
    }
}
