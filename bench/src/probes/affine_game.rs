//! The games whose moments close, and their dynamics.

use converge_problems::gan::affine::{AffineGame, AffineStep};
use converge_problems::gan::{LqGan, LqGanConfig, ScaleGan, ScaleGanConfig};
use converge_problems::{Build, Correction, Seed, SetupError};
use converge_solvers::{Drift, Noise, Order};
use serde::Deserialize;

/// A game in the plane with affine pair gradients.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Game {
    /// Linear–quadratic, additive noise.
    LqGan(LqGanConfig),
    /// Scale generator, noise that depends on the point.
    ScaleGan(ScaleGanConfig),
}

impl Game {
    /// As a random affine map.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters or more than one coordinate a player.
    pub(super) fn affine(&self, seed: Seed) -> Result<AffineGame, SetupError> {
        match self {
            Self::LqGan(config) => {
                let plane = config.dimension == 1;
                converge_problems::require("game.dimension", config.dimension, plane, "1")?;
                Ok(LqGan::build(config, seed, None)?.affine())
            }
            Self::ScaleGan(config) => Ok(ScaleGan::build(config, seed, None)?.model().affine()),
        }
    }
}

/// The order of the updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// Both players at once.
    Simultaneous,
    /// The maximizer first, the minimizer answers.
    Alternating,
}

impl Chain {
    /// As the methods of games name it.
    pub(super) fn order(self) -> Order {
        match self {
            Self::Simultaneous => Order::Simultaneous,
            Self::Alternating => Order::Alternating,
        }
    }

    pub(super) fn step(self, game: &AffineGame, eta: f64, batch: f64) -> AffineStep {
        match self {
            Self::Simultaneous => game.simultaneous(eta, batch),
            Self::Alternating => game.alternating(eta, batch),
        }
    }
}

/// The continuous dynamics that a chain is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// The field alone, without noise.
    Ode,
    /// SDE-0: the field and the noise.
    FirstOrder,
    /// SDE-1: the drift corrected for an order of the updates.
    Corrected(Correction),
}

impl Flow {
    /// Batch size and correction of the diffusion of a chain with `batch` pairs a step.
    pub(super) fn of(self, batch: f64) -> (f64, Option<Correction>) {
        match self {
            Self::Ode => (f64::INFINITY, None),
            Self::FirstOrder => (batch, None),
            Self::Corrected(correction) => (batch, Some(correction)),
        }
    }

    /// Drift and noise of the diffusion of a chain with that noise.
    pub(super) fn simulated(self, noise: Noise) -> (Drift, Noise) {
        match self {
            // As good as none: the strength is below the smallest of numbers.
            Self::Ode => (Drift::FirstOrder, Noise::InverseTemperature(f64::MAX)),
            Self::FirstOrder => (Drift::FirstOrder, noise),
            Self::Corrected(Correction::Simultaneous) => (Drift::CorrectedSimultaneous, noise),
            Self::Corrected(Correction::Alternating) => (Drift::CorrectedAlternating, noise),
            Self::Corrected(Correction::AlternatingShared { batch }) => {
                (Drift::CorrectedAlternatingShared(batch), noise)
            }
        }
    }
}
