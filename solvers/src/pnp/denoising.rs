//! The denoiser as the methods apply it.

use converge_problems::{Denoise, SetupError, require, require_positive};
use serde::{Deserialize, Serialize};

use super::Decay;

/// What the strength of the denoiser is multiplied by, with `γ` the penalty or step size of the step.
///
/// A denoiser that is the proximal map of `γ τ h` needs `linear` for its fixed points to be the minimisers
/// of `g + τ h` at every `γ`; read as the removal of noise of variance `γ τ` it needs `root`
/// (section 2.7). A network has one noise level: `none`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrengthScaling {
    /// 1.
    #[default]
    None,
    /// `√γ`.
    Root,
    /// `γ`.
    Linear,
}

impl StrengthScaling {
    fn factor(self, gamma: f64) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Root => gamma.sqrt(),
            Self::Linear => gamma,
        }
    }
}

/// `D_α = (1 - α) I + α D` at the strength of a step.
#[derive(Clone, Copy)]
pub(super) struct Denoising {
    pub(super) strength: f64,
    pub(super) schedule: Decay,
    pub(super) scaling: StrengthScaling,
    /// `α`.
    pub(super) weight: f64,
}

impl Denoising {
    pub(super) fn check(self) -> Result<(), SetupError> {
        let (strength, admissible) = (self.strength, "a finite number of at least 0");
        require("strength", strength, strength >= 0.0 && strength.is_finite(), admissible)?;
        require_positive("denoiser-weight", self.weight)?;
        self.schedule.check(strength)
    }

    /// Whether the strength changes along a run with this schedule of `γ`.
    pub(super) fn changes(self, gamma: Decay) -> bool {
        let follows = gamma != Decay::Constant && self.scaling != StrengthScaling::None;
        self.schedule != Decay::Constant || follows
    }

    /// `σ` of step `step`, whose penalty or step size is `gamma`.
    pub(super) fn strength(self, step: u64, gamma: f64) -> f64 {
        self.schedule.at(self.strength, step) * self.scaling.factor(gamma)
    }

    /// `x ← D_α(v)`.
    pub(super) fn apply<P: Denoise>(
        self,
        problem: &P,
        (step, gamma): (u64, f64),
        v: &[f64],
        x: &mut [f64],
        scratch: &mut P::Scratch,
    ) {
        problem.denoise(v, self.strength(step, gamma), x, scratch);
        if (self.weight - 1.0).abs() > 0.0 {
            x.iter_mut().zip(v).for_each(|(x, v)| *x = v + self.weight * (*x - v));
        }
    }
}
