//! Whose stationary law a problem is compared with.

use serde::{Deserialize, Serialize};

use super::lyapunov::Unstable;
use crate::{Correction, SetupError, require, require_positive};

/// A chain or a diffusion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dynamic {
    /// `dX = b₀ dt + √(η/B) S dW`.
    #[default]
    Diffusion,
    /// The same with the drift corrected for simultaneous updates.
    CorrectedSimultaneous,
    /// The same with the drift corrected for alternating updates.
    CorrectedAlternating,
    /// The chain of simultaneous updates.
    Simultaneous,
    /// The chain of alternating updates.
    Alternating,
}

impl Dynamic {
    /// The correction of its drift, if it is a diffusion that has one.
    pub fn correction(self) -> Option<Correction> {
        match self {
            Self::CorrectedSimultaneous => Some(Correction::Simultaneous),
            Self::CorrectedAlternating => Some(Correction::Alternating),
            _ => None,
        }
    }
}

/// A stationary law: of which dynamic, at which learning rate and batch size. They set the scale of
/// the noise, `η/B = 2/β`, in every expression that compares a run with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Law {
    /// `η > 0`, of both players.
    pub step_size: f64,
    /// `B`, at least 1.
    pub batch: usize,
    /// Whose law.
    #[serde(default)]
    pub of: Dynamic,
}

impl Law {
    /// `η/B`.
    pub fn noise(&self) -> f64 {
        self.step_size / self.batch as f64
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] that names one outside its set.
    pub fn check(&self) -> Result<(), SetupError> {
        require_positive("law.step-size", self.step_size)?;
        require("law.batch", self.batch, self.batch >= 1, "at least 1")
    }
}

/// The error of a problem that was asked for a stationary law that does not exist.
pub(super) fn no_law(reason: Unstable) -> SetupError {
    SetupError::Parameter {
        name: "law",
        value: reason.to_string(),
        admissible: "only where the dynamic is stable: more damping, a smaller law.step-size, or no law",
    }
}
