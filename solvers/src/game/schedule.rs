//! How the learning rate of a game falls.

use converge_problems::{SetupError, require};
use serde::{Deserialize, Serialize};

use super::fdr::{Fdr, Watch};

/// A rule for the learning rates `η_n` of both players, from their start `η`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// `η`.
    #[default]
    Constant,
    /// `η / (1 + n/steps)`: in proportion to `1/n` in the long run.
    InverseTime {
        /// Steps after which the rate has halved, above 0.
        steps: f64,
    },
    /// `η factor^⌊n/every⌋`.
    StepDecay {
        /// Steps between two cuts, at least 1.
        every: u64,
        /// In (0, 1].
        factor: f64,
    },
    /// Falls when the fluctuation–dissipation relation holds, each path by itself.
    Fdr(Fdr),
}

impl Schedule {
    /// Checks the parameters for a game of `dim` coordinates.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] that names the field.
    pub(crate) fn require(&self, dim: usize) -> Result<(), SetupError> {
        match self {
            Self::Constant => Ok(()),
            Self::InverseTime { steps } => require(
                "schedule.inverse-time.steps",
                steps,
                *steps > 0.0 && steps.is_finite(),
                "a finite number above 0",
            ),
            Self::StepDecay { every, factor } => {
                require("schedule.step-decay.every", every, *every >= 1, "at least 1")?;
                let holds = *factor > 0.0 && *factor <= 1.0;
                require("schedule.step-decay.factor", factor, holds, "a number in (0, 1]")
            }
            Self::Fdr(fdr) => fdr.require(dim),
        }
    }

    pub(crate) fn fdr(&self) -> Option<&Fdr> {
        match self {
            Self::Fdr(fdr) => Some(fdr),
            _ => None,
        }
    }

    /// What multiplies the learning rates in step `n`, cuts of a relation apart.
    fn planned(&self, step: u64) -> f64 {
        match self {
            Self::Constant | Self::Fdr(_) => 1.0,
            Self::InverseTime { steps } => (1.0 + step as f64 / steps).recip(),
            Self::StepDecay { every, factor } => factor.powf((step / every) as f64),
        }
    }
}

/// The learning rates of one path.
#[derive(Clone)]
pub(crate) struct Rates {
    start: [f64; 2],
    /// Of both players, in this step.
    pub(crate) now: [f64; 2],
    /// One for each player, one for both, or none.
    watches: Vec<Watch>,
}

impl Rates {
    /// From the rates `start`.
    pub(crate) fn new(schedule: &Schedule, start: [f64; 2]) -> Self {
        let watches = schedule.fdr().map_or_else(Vec::new, Fdr::watches);
        Self { start, now: start, watches }
    }

    /// Sets the rates of step `n`.
    pub(crate) fn plan(&mut self, schedule: &Schedule, step: u64) {
        if self.watches.is_empty() {
            let factor = schedule.planned(step);
            self.now = self.start.map(|rate| rate * factor);
        }
    }

    /// Adds what a player saw in this step: `[(x - c)ᵀf, ½ η (1 + μ) |v|²]`, or some of it.
    pub(crate) fn see(&mut self, player: usize, sides: [f64; 2]) {
        let last = self.watches.len() - 1;
        self.watches[player.min(last)].see(sides);
    }

    /// Ends a step, and cuts the rates whose relation holds.
    pub(crate) fn close(&mut self, fdr: &Fdr) {
        match &mut self.watches[..] {
            [joint] => {
                if joint.close(fdr) {
                    self.now = self.now.map(|rate| rate * (1.0 - fdr.cut));
                }
            }
            each => {
                for (rate, watch) in self.now.iter_mut().zip(each) {
                    if watch.close(fdr) {
                        *rate *= 1.0 - fdr.cut;
                    }
                }
            }
        }
    }

    /// Cuts so far, of all watches.
    pub(crate) fn cuts(&self) -> u32 {
        self.watches.iter().map(|watch| watch.cuts).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_as_planned() {
        let at = |schedule: Schedule, step: u64| {
            let mut rates = Rates::new(&schedule, [0.1, 0.3]);
            rates.plan(&schedule, step);
            rates.now
        };
        let close = |a: [f64; 2], b: [f64; 2]| {
            assert!((a[0] - b[0]).abs() <= 1e-16 && (a[1] - b[1]).abs() <= 1e-16, "{a:?}, {b:?}");
        };
        close(at(Schedule::Constant, 1000), [0.1, 0.3]);
        close(at(Schedule::InverseTime { steps: 50.0 }, 150), [0.025, 0.075]);
        let decay = Schedule::StepDecay { every: 10, factor: 0.5 };
        close(at(decay.clone(), 9), [0.1, 0.3]);
        close(at(decay, 20), [0.025, 0.075]);
    }

    #[test]
    fn impossible_schedules_name_their_field() {
        let error = Schedule::StepDecay { every: 1, factor: 1.5 }.require(2).unwrap_err();
        let expected = "schedule.step-decay.factor = 1.5 is not admissible: a number in (0, 1]";
        assert_eq!(error.to_string(), expected);
        assert!(Schedule::InverseTime { steps: 0.0 }.require(2).is_err());
    }
}
