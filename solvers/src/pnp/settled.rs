//! How far a step moved, and whether steps have become short for good.

use converge_problems::{SetupError, require};

/// Short steps in a row that end a run: a single one may be chance (section 2.7).
const STEPS: u32 = 3;

/// The relative change of the iterate, and the short steps so far.
#[derive(Clone, Copy)]
pub(super) struct Settled {
    /// `‖x⁺ - x‖` over the larger of `‖x⁺‖` and `‖x‖`; before the first step NaN.
    pub(super) change: f64,
    short: u32,
}

impl Settled {
    /// # Errors
    /// [`SetupError::Parameter`] for a tolerance below 0 or not finite.
    pub(super) fn new(tolerance: f64) -> Result<Self, SetupError> {
        let holds = tolerance >= 0.0 && tolerance.is_finite();
        require("tolerance", tolerance, holds, "a finite number of at least 0")?;
        Ok(Self { change: f64::NAN, short: 0 })
    }

    /// Looks at a step. Says whether the last ones were all shorter than `tolerance`.
    pub(super) fn see(&mut self, old: &[f64], new: &[f64], tolerance: f64) -> bool {
        let (mut moved, mut sizes) = (0.0, [0.0, 0.0]);
        for (old, new) in old.iter().zip(new) {
            moved += (new - old) * (new - old);
            sizes = [sizes[0] + old * old, sizes[1] + new * new];
        }
        let size = f64::max(sizes[0], sizes[1]);
        self.change = if moved > 0.0 { (moved / size).sqrt() } else { 0.0 };
        self.short = if self.change < tolerance { self.short + 1 } else { 0 };
        self.short >= STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_short_steps_in_a_row_end_a_run() {
        let mut settled = Settled::new(0.1).unwrap();
        let ends: Vec<bool> = [0.01, 0.01, 0.5, 0.01, 0.01, 0.01]
            .map(|by| settled.see(&[1.0, 0.0], &[1.0 - by, 0.0], 0.1))
            .into();
        assert_eq!(ends, [false, false, false, false, false, true]);
        assert!((settled.change - 0.01).abs() <= 1e-15);
    }

    #[test]
    fn a_step_away_from_zero_has_length_one_and_none_has_length_zero() {
        let mut settled = Settled::new(0.0).unwrap();
        assert!(!settled.see(&[0.0; 2], &[3.0, 4.0], 0.0));
        assert!((settled.change - 1.0).abs() <= 0.0);
        assert!(!settled.see(&[0.0; 2], &[0.0; 2], 0.0));
        assert!(settled.change.abs() <= 0.0);
        assert!(Settled::new(f64::NAN).is_err());
    }
}
