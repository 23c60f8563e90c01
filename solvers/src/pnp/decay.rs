//! How a penalty, a strength or a step size changes along a run.

use converge_problems::{SetupError, require, require_positive};
use serde::{Deserialize, Serialize};

/// A rule for the value of step `k`, counted from 0, of a parameter that starts at `a`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decay {
    /// `a`.
    #[default]
    Constant,
    /// `a (1 + k/steps)^-power`.
    Power {
        /// Steps after which the value has fallen to `a 2^-power`, above 0.
        steps: f64,
        /// Above 0.
        power: f64,
    },
    /// `a (to/a)^(k/steps)` up to `k = steps`, then `to`: equal steps of the logarithm, as the parameters
    /// of half-quadratic splitting fall in DPIR (K. Zhang et al., IEEE Trans. Pattern Anal. Mach. Intell.
    /// 44, 2022).
    Geometric {
        /// The last value, above 0.
        to: f64,
        /// Steps to it, at least 1.
        steps: u64,
    },
}

impl Decay {
    /// Checks the parameters of the schedule of `start`.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] that names the field.
    pub(super) fn check(self, start: f64) -> Result<(), SetupError> {
        match self {
            Self::Constant => Ok(()),
            Self::Power { steps, power } => {
                require_positive("power.steps", steps)?;
                require_positive("power.power", power)
            }
            Self::Geometric { to, steps } => {
                require_positive("geometric.to", to)?;
                require("geometric.steps", steps, steps >= 1, "at least 1")?;
                require("geometric", start, start > 0.0, "a start above 0")
            }
        }
    }

    /// The value of step `k`.
    pub(super) fn at(self, start: f64, step: u64) -> f64 {
        match self {
            Self::Constant => start,
            Self::Power { steps, power } => start * (1.0 + step as f64 / steps).powf(-power),
            Self::Geometric { to, steps } if step < steps => {
                start * (to / start).powf(step as f64 / steps as f64)
            }
            Self::Geometric { to, .. } => to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_as_planned() {
        let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-15, "{a} against {b}");
        close(Decay::Constant.at(0.3, 1000), 0.3);
        close(Decay::Power { steps: 100.0, power: 0.5 }.at(0.3, 300), 0.15);
        let geometric = Decay::Geometric { to: 0.01, steps: 8 };
        close(geometric.at(1.0, 0), 1.0);
        close(geometric.at(1.0, 4), 0.1);
        close(geometric.at(1.0, 8), 0.01);
        close(geometric.at(1.0, 80), 0.01);
    }

    #[test]
    fn impossible_schedules_name_their_field() {
        for (decay, words) in [
            (Decay::Power { steps: 0.0, power: 1.0 }, "power.steps = 0"),
            (Decay::Power { steps: 1.0, power: -1.0 }, "power.power = -1"),
            (Decay::Geometric { to: 0.0, steps: 8 }, "geometric.to = 0"),
            (Decay::Geometric { to: 1.0, steps: 0 }, "geometric.steps = 0"),
        ] {
            let error = decay.check(1.0).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
        let error = Decay::Geometric { to: 1.0, steps: 3 }.check(0.0).unwrap_err();
        assert_eq!(error.to_string(), "geometric = 0 is not admissible: a start above 0");
    }
}
