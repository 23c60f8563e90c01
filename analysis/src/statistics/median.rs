//! The median of any law, infinite values allowed: order statistics and the sign test.

use super::distribution::{binomial_lower, binomial_upper};
use super::{Evidence, Interval};

/// The middle value; the mean of the middle two for an even number. NaN if `x` is empty.
pub fn median(x: &[f64]) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (n, half) if n % 2 == 1 => sorted[half],
        // Equal infinities have no mean.
        (_, half) if sorted[half - 1].total_cmp(&sorted[half]).is_eq() => sorted[half],
        (_, half) => 0.5 * (sorted[half - 1] + sorted[half]),
    }
}

/// `[x_(j), x_(n+1−j)]` with the largest j that has `P(Bin(n, ½) ≤ j−1) ≤ alpha/2`, and its exact
/// level; `None` where no such j exists, as for five seeds at 95 %. Valid for any law.
pub fn order_interval(x: &[f64], alpha: f64) -> Option<(Interval, f64)> {
    let n = x.len() as u64;
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let j =
        (1..=n.div_ceil(2)).take_while(|j| binomial_lower(j - 1, n, 0.5) <= 0.5 * alpha).last()?;
    let level = 1.0 - 2.0 * binomial_lower(j - 1, n, 0.5);
    let j = j as usize;
    Some((Interval::new(sorted[j - 1], sorted[sorted.len() - j]), level))
}

/// p-values of "the median is above `null`" by the sign test; values at `null` are dropped.
pub fn sign_evidence(x: &[f64], null: f64) -> Evidence {
    let above = x.iter().filter(|x| **x > null).count() as u64;
    let below = x.iter().filter(|x| **x < null).count() as u64;
    Evidence {
        support: binomial_upper(above, above + below, 0.5),
        refute: binomial_upper(below, above + below, 0.5),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DIFFERENCES, assert_close};
    use super::*;

    #[test]
    fn interval_matches_its_vector() {
        let (interval, level) = order_interval(&DIFFERENCES, 0.05).unwrap();
        assert_close(interval.lower, -0.11, 1e-15);
        assert_close(interval.upper, 0.97, 1e-15);
        assert_close(level, 0.978_515_625, 1e-12);
    }

    #[test]
    fn five_seeds_have_no_interval_at_95_percent() {
        assert!(order_interval(&DIFFERENCES[..5], 0.05).is_none());
        assert!(order_interval(&DIFFERENCES[..6], 0.05).is_some());
    }

    #[test]
    fn infinite_values_may_be_the_median_or_an_end() {
        let x = [1.0, 2.0, f64::INFINITY, f64::INFINITY, f64::INFINITY, f64::INFINITY];
        assert_eq!(median(&x).total_cmp(&f64::INFINITY), std::cmp::Ordering::Equal);
        let (interval, _) = order_interval(&x, 0.05).unwrap();
        assert!(interval.lower.is_finite() && interval.upper.is_infinite());
    }

    #[test]
    fn sign_test_of_unanimous_seeds_is_a_power_of_two() {
        let evidence = sign_evidence(&[1.0, 2.0, 0.5, 3.0, 0.0], 0.0);
        assert_close(evidence.support, 1.0 / 16.0, 1e-12);
        assert_close(evidence.refute, 1.0, 1e-12);
    }

    #[test]
    fn discordant_pairs_match_exact_mcnemar() {
        let x = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0];
        assert_close(2.0 * sign_evidence(&x, 0.0).support, 0.039_062_5, 1e-12);
    }
}
