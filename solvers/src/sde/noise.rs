//! How strong the noise of a step is.

use converge_problems::{SetupError, require_positive};
use serde::{Deserialize, Serialize};

/// The strength of the noise of a game that is played with mini-batches, `dX = b dt + √v S dW` with
/// `S Sᵀ` the covariance of the gradient of one pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// `v = η/B`: mini-batches of `B > 0` pairs, whole or not. The noise fades with the learning rate.
    Batch(f64),
    /// `v = 2/β`, `β > 0`, whatever the learning rate: `B` in proportion to `η`. In this regime a
    /// weak error of first order is a statement about the noise, not only about the mean.
    InverseTemperature(f64),
}

impl Noise {
    /// `v` at the learning rate `η`.
    pub fn variance(self, learning_rate: f64) -> f64 {
        match self {
            Self::Batch(size) => learning_rate / size,
            Self::InverseTemperature(beta) => 2.0 / beta,
        }
    }

    /// What multiplies `S` times standard normals in a step of length `h`: `√(v h)`. A chain has
    /// `h = η`, so that its gradient noise is that of the Euler–Maruyama step of its length, bit by bit.
    pub(crate) fn amplitude(self, learning_rate: f64, h: f64) -> f64 {
        (self.variance(learning_rate) * h).sqrt()
    }

    pub(crate) fn require(self) -> Result<(), SetupError> {
        match self {
            Self::Batch(size) => require_positive("noise.batch", size),
            Self::InverseTemperature(beta) => require_positive("noise.inverse-temperature", beta),
        }
    }
}
