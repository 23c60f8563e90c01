//! The share of seeds that satisfy a condition (9.3). Sources: C. Clopper, E. Pearson, The use of
//! confidence or fiducial limits illustrated in the case of the binomial, 1934, Biometrika 26;
//! E. Wilson, Probable inference, the law of succession, and statistical inference, 1927, JASA 22.

use super::distribution::{beta_quantile, binomial_lower, binomial_upper, normal_quantile};
use super::{Evidence, Interval};

/// Exact interval for the probability behind `successes` of `trials`; conservative.
pub fn clopper_pearson(successes: u64, trials: u64, alpha: f64) -> Interval {
    let (k, n) = (successes as f64, trials as f64);
    let lower = if successes == 0 { 0.0 } else { beta_quantile(0.5 * alpha, k, n - k + 1.0) };
    let upper =
        if successes == trials { 1.0 } else { beta_quantile(1.0 - 0.5 * alpha, k + 1.0, n - k) };
    Interval::new(lower, upper)
}

/// Wilson's interval: for plots only. It covers 95 % on average but as little as 84 % at five seeds.
pub fn wilson(successes: u64, trials: u64, alpha: f64) -> Interval {
    let (n, z) = (trials as f64, normal_quantile(1.0 - 0.5 * alpha));
    let share = successes as f64 / n;
    let shrink = 1.0 + z * z / n;
    let center = (share + z * z / (2.0 * n)) / shrink;
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt() / shrink;
    Interval::new(center - half, center + half)
}

/// p-values of "the probability exceeds `null`", for a number of trials fixed before the data.
pub fn evidence(successes: u64, trials: u64, null: f64) -> Evidence {
    Evidence {
        support: binomial_upper(successes, trials, null),
        refute: binomial_lower(successes, trials, null),
    }
}

/// Smallest probability, at the level 1 − alpha/2, that a new seed behaves as all `trials` did.
pub fn unanimous(trials: u64, alpha: f64) -> f64 {
    (0.5 * alpha).powf(1.0 / trials as f64)
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn interval_matches_statsmodels() {
        let found = clopper_pearson(3, 20, 0.05);
        assert_close(found.lower, 0.032_070_937_19, 1e-9);
        assert_close(found.upper, 0.378_926_826_5, 1e-9);
        let found = clopper_pearson(0, 20, 0.05);
        assert!(found.lower.abs() < f64::MIN_POSITIVE);
        assert_close(found.upper, 0.168_433_471, 1e-9);
        let found = wilson(3, 20, 0.05);
        assert_close(found.lower, 0.052_368_745_9, 1e-9);
        assert_close(found.upper, 0.360_418_864_7, 1e-9);
    }

    #[test]
    fn unanimous_share_matches_its_closed_form() {
        for (n, expected) in [(5, 0.522), (10, 0.308), (20, 0.168)] {
            assert!((1.0 - unanimous(n, 0.05) - expected).abs() < 5e-4);
        }
        assert_close(1.0 - unanimous(8, 0.05), 0.369_416_647_6, 1e-9);
        assert_close(clopper_pearson(20, 20, 0.05).lower, unanimous(20, 0.05), 1e-12);
    }

    #[test]
    fn interval_contains_no_probability_that_its_test_rejects() {
        let found = clopper_pearson(17, 20, 0.05);
        assert_close(evidence(17, 20, found.lower).support, 0.025, 1e-9);
        assert_close(evidence(17, 20, found.upper).refute, 0.025, 1e-9);
    }
}
