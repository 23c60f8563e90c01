//! Plug-and-play stochastic gradients (PnP-SGD).

use converge_problems::{BatchGradient, Denoise, Metric, Seed, SetupError};
use serde::{Deserialize, Serialize};

use super::denoising::Denoising;
use super::forward::{Forward, ForwardState};
use super::{Decay, Selection, StepSize, StrengthScaling};
use crate::{Breakdown, Solver, Step, Work};

/// PnP-SGD, also called PnP-SPGM: a gradient step with some of the blocks, then the denoiser.
///
/// Looks for `x = D(x - γ ∇g(x))`, `g = (1/b) Σ g_i`, and stays at a distance from it that falls with `γ`.
///
/// ```text
/// x⁺ = D_σ(x - γ_k (1/p) Σ_{i in I} ∇g_i(x))
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `γ_k` | `step-size`, `step-schedule` |
/// | `σ` | `strength`, `strength-schedule`, `strength-scaling` |
/// | `p = \|I\|` | `batch` |
/// | `I` | `selection` |
///
/// Diagnostics: `fixed-point-residual` `‖x - D(x - γ ∇g(x))‖²` with all blocks, in rows whose step is a
/// multiple of `residual-every`; `change` of the last step, relative; `step-size` `γ`; `strength` `σ` if it
/// changes.
///
/// Needs: [`BatchGradient`], [`Denoise`]: a data term without gradient has no pair with this method.
/// Cost of a step: one gradient with `p` blocks, in up to 8 parts on as many threads, one denoising, about
/// 8 `dim` operations. Holds 3 vectors, and one a part.
///
/// Not checked: that `γ` is small enough; `1/L` is that of the mean of all blocks, a single one may be more
/// curved.
///
/// Source: Y. Sun, B. Wohlberg, U. Kamilov, An online plug-and-play algorithm for regularized image
/// reconstruction, IEEE Trans. Comput. Imaging 5 (2019), 395-408; arXiv 2006.03224, section 2.4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PnpSgd {
    /// `γ`.
    pub step_size: StepSize,
    /// How it changes.
    pub step_schedule: Decay,
    /// `σ >= 0`, in the measure of the denoiser.
    pub strength: f64,
    /// How it changes.
    pub strength_schedule: Decay,
    /// What it is multiplied by.
    pub strength_scaling: StrengthScaling,
    /// `α > 0` of `D_α = (1 - α) I + α D`, which takes the place of `D`.
    pub denoiser_weight: f64,
    /// Blocks a step.
    pub batch: usize,
    /// Which blocks.
    pub selection: Selection,
    /// The extrapolation of [`PnpFista`](super::PnpFista); nothing is proven of it here.
    pub momentum: bool,
    /// Steps between two looks at the residual with all blocks; 0 leaves its column out.
    pub residual_every: u64,
    /// The run has converged after three steps with a relative change below this; 0 never.
    pub tolerance: f64,
}

impl Default for PnpSgd {
    fn default() -> Self {
        Self {
            step_size: StepSize::default(),
            step_schedule: Decay::Constant,
            strength: 0.02,
            strength_schedule: Decay::Constant,
            strength_scaling: StrengthScaling::None,
            denoiser_weight: 1.0,
            batch: 1,
            selection: Selection::Iid,
            momentum: false,
            residual_every: 1,
            tolerance: 0.0,
        }
    }
}

impl PnpSgd {
    fn forward(&self) -> Forward {
        Forward {
            step_size: self.step_size,
            step_schedule: self.step_schedule,
            batch: ("batch", Some(self.batch)),
            selection: self.selection,
            accelerate: self.momentum,
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

impl<P: BatchGradient + Denoise> Solver<P> for PnpSgd {
    const ID: &'static str = "pnp-sgd";
    const ABOUT: &'static str = "Plug-and-play stochastic gradients";
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
