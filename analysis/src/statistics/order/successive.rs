//! Orders between neighboring steps: the view beside a fit, the rule for errors without randomness,
//! and three grids where no exact value is known.

use super::Rung;
use crate::statistics::Interval;
use crate::statistics::distribution::bisect;
use crate::statistics::withheld::Withheld;

/// The order between two neighboring steps.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Order {
    /// `p = ln(e₁/e₂)/ln(h₁/h₂)`.
    pub order: f64,
    /// Standard error `√((s₁/e₁)² + (s₂/e₂)²)/ln(h₁/h₂)` for independent errors.
    pub error: f64,
}

/// The order between each step and the next finer one.
pub fn successive(rungs: &[Rung]) -> Vec<Order> {
    rungs
        .windows(2)
        .map(|pair| {
            let ratio = (pair[0].step / pair[1].step).ln();
            let relative = |rung: &Rung| rung.deviation / rung.error;
            Order {
                order: (pair[0].error / pair[1].error).ln() / ratio,
                error: relative(&pair[0]).hypot(relative(&pair[1])) / ratio,
            }
        })
        .collect()
}

/// Whether errors computed without randomness show the order `claimed` within `band`: the two
/// orders of the finest steps lie in the band and the last is no farther from `claimed`. They
/// contradict it if both lie outside on one side; otherwise there is no answer, as for fewer than
/// three steps. `deviation` of a rung is here the rounding bound of its error; it decides whether
/// two orders differ at all.
pub fn deterministic(rungs: &[Rung], claimed: f64, band: Interval) -> Option<bool> {
    let orders = successive(rungs);
    let [.., before, last] = orders.as_slice() else { return None };
    let inside = |order: &Order| band.lower < order.order && order.order < band.upper;
    let distance = |order: &Order| (order.order - claimed).abs();
    let settles = distance(last) <= distance(before) + before.error + last.error;
    if inside(before) && inside(last) && settles {
        return Some(true);
    }
    let below = before.order < band.lower && last.order < band.lower;
    let above = before.order > band.upper && last.order > band.upper;
    (below || above).then_some(false)
}

/// What three grids say without an exact value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Extrapolation {
    /// Order p.
    pub order: f64,
    /// Value at step 0 with that order.
    pub limit: f64,
}

/// Order and limit from values on three grids with falling `steps`. For one ratio r of the steps,
/// `p = ln((Q₁ − Q₂)/(Q₂ − Q₃))/ln r`; otherwise the p in [0.1, 10] with
/// `(Q₁ − Q₂)/(Q₂ − Q₃) = (h₁ᵖ − h₂ᵖ)/(h₂ᵖ − h₃ᵖ)`, whose right side rises with p.
///
/// # Errors
/// Differences of both signs, or no order that explains them.
pub fn three_grids(values: [f64; 3], steps: [f64; 3]) -> Result<Extrapolation, Withheld> {
    let [q1, q2, q3] = values;
    let [h1, h2, h3] = steps;
    let quotient = (q1 - q2) / (q2 - q3);
    if !quotient.is_finite() || !(h1 > h2 && h2 > h3 && h3 > 0.0) {
        return Err(Withheld::NoOrder);
    }
    if quotient <= 0.0 {
        return Err(Withheld::SignChange);
    }
    let (coarse, fine) = (h1 / h2, h2 / h3);
    let order = if (coarse - fine).abs() <= 8.0 * f64::EPSILON * fine {
        quotient.ln() / fine.ln()
    } else {
        // Divided by h₂ᵖ: (rᵖ − 1)/(1 − s⁻ᵖ) with r = h₁/h₂, s = h₂/h₃.
        let expected = |p: f64| (coarse.powf(p) - 1.0) / (1.0 - fine.powf(-p));
        if !(expected(0.1) <= quotient && quotient <= expected(10.0)) {
            return Err(Withheld::NoOrder);
        }
        bisect(0.1, 10.0, |p| expected(p) < quotient)
    };
    if order <= 0.0 {
        return Err(Withheld::NoOrder); // the values part, there is no limit
    }
    Ok(Extrapolation { order, limit: extrapolate(q2, q3, fine, order) })
}

/// Richardson's limit `Q_fine + (Q_fine − Q_coarse)/(rᵖ − 1)` of two values whose steps have the
/// ratio r > 1, with a declared order p > 0.
pub fn extrapolate(coarse: f64, fine: f64, ratio: f64, order: f64) -> f64 {
    fine + (fine - coarse) / (ratio.powf(order) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::LADDER;
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn successive_orders_match_their_vector() {
        let expected = [
            (2.028_289_044, 0.045_083_378_3),
            (1.946_716_576, 0.118_172_776_4),
            (2.102_685_664, 0.260_891_214_2),
        ];
        for (found, (order, error)) in successive(&LADDER).iter().zip(expected) {
            assert_close(found.order, order, 1e-9);
            assert_close(found.error, error, 1e-9);
        }
    }

    #[test]
    fn three_grids_match_their_vector() {
        let values = [1.0412, 1.0101, 1.002_62];
        let found = three_grids(values, [0.2, 0.1, 0.05]).unwrap();
        assert_close(found.order, 2.055_804_405, 1e-9);
        assert_close(extrapolate(values[1], values[2], 2.0, 2.0), 1.000_126_667, 1e-9);
    }

    #[test]
    fn three_grids_of_any_ratio_find_an_exact_power_law() {
        for (order, steps) in
            [(0.5, [1.0, 0.7, 0.1]), (1.0, [0.3, 0.1, 0.05]), (3.3, [0.4, 0.2, 0.1])]
        {
            let found = three_grids(steps.map(|h: f64| 2.0 - 0.7 * h.powf(order)), steps).unwrap();
            // Differences down to 6e-3 of values near 2 lose three digits.
            assert_close(found.order, order, 1e-11);
            assert_close(found.limit, 2.0, 1e-12);
        }
    }

    #[test]
    fn three_grids_without_an_order_say_so() {
        let steps = [0.4, 0.2, 0.1];
        assert_eq!(three_grids([1.0, 1.1, 1.05], steps), Err(Withheld::SignChange));
        assert_eq!(three_grids([1.0, 1.1, 1.3], steps), Err(Withheld::NoOrder));
        assert_eq!(three_grids([1.0, 1.1, 1.1], steps), Err(Withheld::NoOrder));
        assert_eq!(three_grids([1.0, 1.1, 1.3], [0.4, 0.2, 0.15]), Err(Withheld::NoOrder));
    }

    fn exact(errors: &[f64]) -> Vec<Rung> {
        errors
            .iter()
            .enumerate()
            .map(|(i, error)| Rung {
                step: 0.5_f64.powi(i as i32),
                error: *error,
                deviation: 1e-16,
                replicas: 1,
            })
            .collect()
    }

    #[test]
    fn exact_errors_that_settle_in_the_band_hold() {
        let errors: Vec<f64> = (0..5).map(|i| 0.25_f64.powi(i) * (1.0 + 0.5_f64.powi(i))).collect();
        assert_eq!(deterministic(&exact(&errors), 2.0, Interval::new(1.8, 2.2)), Some(true));
        // Orders that are equal to rounding do not grow apart.
        let errors: Vec<f64> = (0..5).map(|i| 0.3 * 0.25_f64.powi(i)).collect();
        assert_eq!(deterministic(&exact(&errors), 2.0, Interval::new(1.9, 2.1)), Some(true));
    }

    #[test]
    fn exact_errors_on_one_side_of_the_band_contradict() {
        let errors: Vec<f64> = (0..5).map(|i| 0.5_f64.powi(i)).collect();
        assert_eq!(deterministic(&exact(&errors), 2.0, Interval::new(1.9, 2.1)), Some(false));
        assert_eq!(deterministic(&exact(&errors), 0.5, Interval::new(0.4, 0.6)), Some(false));
    }

    #[test]
    fn exact_errors_that_drift_off_or_straddle_the_band_give_no_answer() {
        let ladder = |orders: [f64; 2]| {
            let (a, b) = (2.0_f64.powf(-orders[0]), 2.0_f64.powf(-orders[0] - orders[1]));
            exact(&[1.0, a, b])
        };
        let band = Interval::new(1.9, 2.1);
        assert_eq!(deterministic(&ladder([2.01, 2.05]), 2.0, band), None);
        assert_eq!(deterministic(&ladder([1.5, 2.0]), 2.0, band), None);
        assert_eq!(deterministic(&ladder([1.5, 2.5]), 2.0, band), None);
        assert_eq!(deterministic(&ladder([2.05, 2.01])[..2], 2.0, band), None);
    }
}
