//! A line search for the strong Wolfe conditions that still works where values are all rounding.
//!
//! With `φ(t) = f(x + t d)`, a step `t` is accepted when
//!
//! ```text
//! φ(t) <= φ(0) + c₁ t φ'(0) + ν        sufficient decrease
//! |φ'(t)| <= c₂ |φ'(0)|                curvature
//! ```
//!
//! where `ν = noise · |φ(0)|` is the part of a value that is rounding. Once the decrease left to gain
//! is below `ν`, values say nothing and the slopes alone decide, which for a convex `f` is enough:
//! gradients are accurate long after values are not.
//!
//! Source: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed. 2006, algorithms 3.5 and 3.6;
//! safeguards of the trial steps as in J. Moré, D. Thuente, ACM TOMS 20 (1994) 286–307; slopes near
//! the floor after W. Hager, H. Zhang, SIAM J. Optim. 16 (2005) 170–192, section 3. Deviation: one
//! relaxed decrease test in place of their two alternative sets of conditions.

use converge_problems::{SetupError, require};

/// Constants of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LineSearch {
    /// `c₁`.
    pub(crate) decrease: f64,
    /// `c₂`, above `c₁`.
    pub(crate) curvature: f64,
    /// Relative size of the rounding in a value of the objective.
    pub(crate) noise: f64,
}

/// `φ` at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trial {
    /// `t`.
    pub(crate) step: f64,
    /// `φ(t)`.
    pub(crate) value: f64,
    /// `φ'(t)`.
    pub(crate) slope: f64,
}

/// Evaluations before the search settles for any decrease.
const EVALUATIONS: u32 = 30;
/// Factors by which a step that is too short grows at least and at most.
const GROWTH: (f64, f64) = (1.1, 4.0);
/// Share of a bracket that a trial keeps from its ends.
const MARGIN: f64 = 0.05;
/// A bracket that does not shrink to this share in two trials is halved.
const SHRINK: f64 = 0.66;

impl LineSearch {
    /// # Errors
    /// [`SetupError::Parameter`] unless `0 < c₁ < c₂ < 1` and the noise is in `[0, 1)`.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        require(
            "decrease",
            self.decrease,
            self.decrease > 0.0 && self.decrease < 0.5,
            "a number in (0, 0.5)",
        )?;
        require(
            "curvature",
            self.curvature,
            self.curvature > self.decrease && self.curvature < 1.0,
            "a number between `decrease` and 1",
        )?;
        require("noise", self.noise, (0.0..1.0).contains(&self.noise), "a number in [0, 1)")
    }

    /// Finds a step from `start` (`step = 0`, `slope < 0`), trying `first` first.
    ///
    /// `evaluate(t)` returns `(φ(t), φ'(t))`; the step that comes back is the last one evaluated, so
    /// what `evaluate` leaves behind belongs to it. `None` if no step lowers the value.
    pub(crate) fn search(
        &self,
        start: Trial,
        first: f64,
        mut evaluate: impl FnMut(f64) -> (f64, f64),
    ) -> Option<Trial> {
        let noise = self.noise * start.value.abs();
        let mut at = |step: f64| {
            let (value, slope) = evaluate(step);
            Trial { step, value, slope }
        };
        let mut low = start; // the best step so far; φ' points from it into the bracket
        let mut high: Option<Trial> = None; // the other end, once there is one
        let mut step = first;
        let mut widths = [f64::INFINITY; 2];
        for _ in 0..EVALUATIONS {
            let trial = at(step);
            // A value that is not finite is a step far too long.
            let finite = trial.value.is_finite() && trial.slope.is_finite();
            let bound = start.value + self.decrease * step * start.slope + noise;
            if !finite || trial.value > bound || trial.value > low.value + noise {
                high = Some(trial);
            } else if trial.slope.abs() <= self.curvature * start.slope.abs() {
                return Some(trial);
            } else {
                // The minimum lies where φ' of the new best step points to.
                let away = high.map_or(1.0, |high| high.step - low.step).signum();
                if trial.slope * away >= 0.0 {
                    high = Some(low);
                }
                low = trial;
            }
            let previous = step;
            step = match high {
                None => extend(start, low, previous),
                Some(high) => {
                    let width = (high.step - low.step).abs();
                    let slow = width > SHRINK * widths[0];
                    widths = [widths[1], width];
                    if slow { f64::midpoint(low.step, high.step) } else { within(low, high, noise) }
                }
            };
            let resolution = f64::EPSILON * low.step.abs().max(step.abs());
            if !step.is_finite() || (step - low.step).abs() <= resolution {
                break;
            }
        }
        // No step meets both conditions: take the best, if it is better than none.
        let lowered = low.step > 0.0 && low.value < start.value;
        lowered.then(|| at(low.step))
    }
}

/// A longer step than `last`, where `φ` still falls: the secant on slopes, kept within [`GROWTH`].
fn extend(start: Trial, last: Trial, previous: f64) -> f64 {
    let secant = last.slope * (last.step - start.step) / (start.slope - last.slope);
    let guess = if secant.is_finite() && secant > 0.0 { last.step + secant } else { f64::INFINITY };
    guess.clamp(GROWTH.0 * previous, GROWTH.1 * previous)
}

/// A step between the ends of a bracket: the minimum of the cubic through both ends, or of the
/// parabola through both slopes where values are rounding.
fn within(low: Trial, high: Trial, noise: f64) -> f64 {
    let width = high.step - low.step;
    let finite = high.value.is_finite() && high.slope.is_finite();
    let guess = if !finite {
        low.step + 0.1 * width
    } else if (high.value - low.value).abs() <= 10.0 * noise && low.slope * high.slope < 0.0 {
        low.step + width * low.slope / (low.slope - high.slope)
    } else {
        // Nocedal and Wright (3.59), from the low end.
        let d1 = low.slope + high.slope - 3.0 * (low.value - high.value) / (low.step - high.step);
        let d2 = width.signum() * (d1 * d1 - low.slope * high.slope).max(0.0).sqrt();
        high.step - width * (high.slope + d2 - d1) / (high.slope - low.slope + 2.0 * d2)
    };
    let (from, to) = (low.step + MARGIN * width, high.step - MARGIN * width);
    if guess.is_finite() { guess.clamp(from.min(to), from.max(to)) } else { low.step + 0.5 * width }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: LineSearch = LineSearch { decrease: 1e-4, curvature: 0.9, noise: 1e-14 };

    fn run(
        search: LineSearch,
        first: f64,
        phi: impl Fn(f64) -> (f64, f64),
    ) -> (Option<Trial>, u32, f64) {
        let (value, slope) = phi(0.0);
        let (mut evaluations, mut last) = (0, f64::NAN);
        let found = search.search(Trial { step: 0.0, value, slope }, first, |t| {
            evaluations += 1;
            last = t;
            phi(t)
        });
        (found, evaluations, last)
    }

    #[test]
    fn steps_meet_both_wolfe_conditions_from_starts_far_too_short_and_too_long() {
        let functions: [fn(f64) -> (f64, f64); 3] = [
            |t| (-t / (t * t + 2.0), (t * t - 2.0) / (t * t + 2.0).powi(2)),
            |t| {
                let u = t + 0.004;
                (u.powi(5) - 2.0 * u.powi(4), 5.0 * u.powi(4) - 8.0 * u.powi(3))
            },
            |t| {
                (
                    (1.0 + (3.0 * (t - 2.0)).exp()).ln() - t,
                    3.0 / (1.0 + (-3.0 * (t - 2.0)).exp()) - 1.0,
                )
            },
        ];
        let search = LineSearch { curvature: 0.1, ..SEARCH };
        for (index, phi) in functions.into_iter().enumerate() {
            for first in [1e-3, 0.1, 10.0, 1e3] {
                let (found, evaluations, last) = run(search, first, phi);
                let found = found.unwrap_or_else(|| panic!("function {index} from {first}"));
                let (value, slope) = phi(0.0);
                assert!(found.value <= value + search.decrease * found.step * slope);
                assert!(found.slope.abs() <= search.curvature * slope.abs());
                assert!(
                    (found.step - last).abs() <= 0.0,
                    "the last evaluation is the accepted one"
                );
                assert!(evaluations <= 20, "function {index} from {first}: {evaluations}");
            }
        }
    }

    #[test]
    fn a_step_that_overflows_is_cut() {
        let (found, evaluations, _) =
            run(SEARCH, 1e4, |t| ((t - 1.0).exp() - t, (t - 1.0).exp() - 1.0));
        assert!(found.is_some_and(|found| found.value < 0.4 && found.step > 0.0));
        assert!(evaluations <= 15);
    }

    #[test]
    fn slopes_decide_where_values_are_rounding() {
        // The decrease to gain is 5e-19 of a value of 1: every value rounds to about 1.
        let phi = |t: f64| {
            let rounding = 3e-16 * (1e3 * t).sin();
            (1.0 + 1e-18 * (0.5 * t * t - t) + rounding, 1e-18 * (t - 1.0))
        };
        for first in [0.3, 1.0, 2.5, 40.0] {
            let (found, evaluations, _) = run(SEARCH, first, phi);
            let found = found.expect("slopes are exact");
            assert!((found.step - 1.0).abs() <= 0.9, "from {first}: {}", found.step);
            assert!(evaluations <= 8, "from {first}: {evaluations}");
        }
    }

    #[test]
    fn a_function_that_cannot_fall_gives_no_step() {
        // The slope lies: values rise in every direction.
        let (found, ..) = run(SEARCH, 1.0, |t| (1.0 + t, -1.0));
        assert_eq!(found, None);
    }

    #[test]
    fn constants_out_of_order_are_refused() {
        let error = LineSearch { curvature: 1e-5, ..SEARCH }.check().unwrap_err();
        assert!(error.to_string().contains("curvature = 0.00001"), "{error}");
    }
}
