//! The backtracking of the released rivals of ADMM-Softmax.

use crate::vector::{add_scaled, dot, norm};

/// Armijo backtracking with a step that lasts from one search to the next.
///
/// Accepts `f(x + μ s) < f(x) + c μ ∇f(x)ᵀs`; as released the factor `μ` on the right is missing, so
/// that short steps must still give the decrease of a full one. `μ` starts at 1, is halved until a step
/// is accepted, stays for the next search, and grows by half (up to 1) after a search that accepted its
/// first trial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Armijo {
    /// `c`.
    pub(crate) decrease: f64,
    /// Most halvings.
    pub(crate) halvings: u32,
    /// Keep `μ` on the right-hand side.
    pub(crate) scaled: bool,
    /// The step that the next search tries first.
    pub(crate) step: f64,
}

impl Armijo {
    /// Writes the accepted point and returns its value; `evaluate` gives the value at a point, NaN
    /// where it has none. `None` if no trial is accepted.
    pub(crate) fn search(
        &mut self,
        x: &[f64],
        value: f64,
        slope: f64,
        direction: &[f64],
        trial: &mut [f64],
        mut evaluate: impl FnMut(&[f64]) -> f64,
    ) -> Option<f64> {
        for halving in 0..=self.halvings {
            let factor = if self.scaled { self.step } else { 1.0 };
            add_scaled(x, self.step, direction, trial);
            let found = evaluate(trial);
            if found < value + self.decrease * factor * slope {
                if halving == 0 {
                    self.step = (1.5 * self.step).min(1.0);
                }
                return Some(found);
            }
            self.step *= 0.5;
        }
        None
    }
}

/// Replaces a direction that does not descend by the normalised negative gradient, then scales it so
/// that no entry exceeds `cap` (0: no cap); returns the slope along it.
pub(crate) fn descend(gradient: &[f64], cap: f64, direction: &mut [f64]) -> f64 {
    let mut slope = dot(gradient, direction);
    if slope.is_nan() || slope >= 0.0 {
        slope = -norm(gradient);
        direction.iter_mut().zip(gradient).for_each(|(d, g)| *d = g / slope);
    }
    let largest = direction.iter().fold(0.0_f64, |m, d| m.max(d.abs()));
    if cap > 0.0 && largest > cap {
        direction.iter_mut().for_each(|d| *d *= cap / largest);
        slope *= cap / largest;
    }
    slope
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(scaled: bool, step: f64, start: f64) -> (Option<f64>, f64) {
        let mut armijo = Armijo { decrease: 0.4, halvings: 20, scaled, step };
        let mut trial = [0.0];
        // f = x²/2 from x with the direction -4x: a step of 1 overshoots threefold.
        let found = armijo.search(
            &[start],
            0.5 * start * start,
            -4.0 * start * start,
            &[-4.0 * start],
            &mut trial,
            |x| 0.5 * x[0] * x[0],
        );
        (found, armijo.step)
    }

    #[test]
    fn the_released_test_refuses_what_the_textbook_accepts() {
        // Textbook: 8 μ² - 4 μ < -1.6 μ, so μ < 0.3. Released: 8 μ² - 4 μ < -1.6 has no solution.
        let (found, step) = search(true, 1.0, 1.0);
        assert!(found.is_some() && (step - 0.25).abs() < 1e-15);
        assert!(search(false, 1.0, 1.0).0.is_none());
    }

    #[test]
    fn a_first_try_lets_the_step_grow_to_one_at_most() {
        assert!((search(true, 0.25, 1.0).1 - 0.375).abs() < 1e-15);
        let mut armijo = Armijo { decrease: 1e-3, halvings: 5, scaled: true, step: 0.9 };
        let found = armijo.search(&[1.0], 0.5, -1.0, &[-1.0], &mut [0.0], |x| 0.5 * x[0] * x[0]);
        assert!(found.is_some() && (armijo.step - 1.0).abs() < 1e-15);
    }

    #[test]
    fn directions_are_capped_and_made_to_descend() {
        let mut direction = [3.0, -4.0];
        let slope = descend(&[0.0, 2.0], 1.0, &mut direction);
        assert!((direction[0] - 0.75).abs() < 1e-15 && (direction[1] + 1.0).abs() < 1e-15);
        assert!((slope + 2.0).abs() < 1e-15);
        let mut direction = [1.0, 1.0];
        let slope = descend(&[3.0, 4.0], 0.0, &mut direction);
        assert!((slope + 5.0).abs() < 1e-15 && (direction[0] + 0.6).abs() < 1e-15);
        assert!((descend(&[1.0, 0.0], 0.0, &mut [-2.0, 0.0]) + 2.0).abs() < 1e-15);
    }
}
