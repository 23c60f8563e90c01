//! Methods for two-player games `min_θ max_ω Φ(θ, ω)`.

mod consensus;
mod draw;
mod extragradient;
mod fdr;
mod gaussian_sga;
mod optimistic;
mod schedule;
mod sga;
#[cfg(test)]
mod tests;

use converge_problems::{Metric, SetupError, require};
use serde::{Deserialize, Serialize};

pub use consensus::{Consensus, ConsensusState};
pub use extragradient::{Extragradient, ExtragradientState};
pub use fdr::{Fdr, Players};
pub use gaussian_sga::{GaussianSga, GaussianSgaState, GradientNoise};
pub use optimistic::{Optimistic, OptimisticState};
use schedule::Rates;
pub use schedule::Schedule;
pub use sga::{Sga, SgaState};

/// Who moves when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Both players at once, from the same point.
    Simultaneous,
    /// The discriminator (maximizer) first, then the generator, which sees where it went.
    #[default]
    Alternating,
}

impl Order {
    fn require(self, discriminator_steps: u64) -> Result<(), SetupError> {
        let (holds, admissible) = match self {
            Self::Simultaneous => (discriminator_steps == 1, "1 where order = \"simultaneous\""),
            Self::Alternating => (discriminator_steps >= 1, "at least 1"),
        };
        require("discriminator-steps", discriminator_steps, holds, admissible)
    }

    /// Evaluations of the whole field in a step.
    fn evaluations(self, discriminator_steps: u64) -> u64 {
        match self {
            Self::Simultaneous => 1,
            Self::Alternating => discriminator_steps + 1,
        }
    }
}

/// Columns of learning rates that change.
fn rate_columns(schedule: &Schedule) -> Vec<Metric> {
    if *schedule == Schedule::Constant {
        return Vec::new();
    }
    ["generator-rate", "discriminator-rate", "cuts"].map(Metric::diagnostic).to_vec()
}

/// Their means over the paths, if there are such columns.
fn write_rates<'a>(rates: impl Iterator<Item = &'a Rates>, row: &mut [f64]) {
    let [generator, discriminator, cuts] = row else { return };
    let (mut sums, mut count) = ([0.0; 3], 0.0);
    for rates in rates {
        let [first, second] = rates.now;
        sums = [sums[0] + first, sums[1] + second, sums[2] + f64::from(rates.cuts())];
        count += 1.0;
    }
    [*generator, *discriminator, *cuts] = sums.map(|sum| sum / count);
}
