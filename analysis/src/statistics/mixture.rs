//! The t-mixture: the mean of one real number per seed, looked at after every seed.
//!
//! The evidence is a ratio of marginal likelihoods with the effect (θ − θ₀)/σ normal of variance
//! 1/c², c = 1 fixed in advance. Source: T. Lai, On confidence sequences, 1976; H. Wang, A. Ramdas,
//! Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance, arXiv
//! 2310.03722. Exact for normal numbers; the guard of [`super::mean`] is added for skewed ones.

use super::distribution::student_lower;
use super::mean::Moments;
use super::{Evidence, Interval};

/// Squared precision c² of the effect; fixed, never chosen from data.
const PRECISION: f64 = 1.0;

/// Logarithm of the two-sided evidence against a Student ratio `t` of n numbers.
pub fn ln_evidence(t: f64, count: usize) -> f64 {
    let n = count as f64;
    let r = PRECISION / (n + PRECISION);
    let tau = t * t / (n - 1.0);
    0.5 * r.ln() + 0.5 * n * (tau.ln_1p() - (r * tau).ln_1p())
}

/// Logarithm of the evidence that the mean is above the null; with `-t`, below it.
pub fn ln_evidence_above(t: f64, count: usize) -> f64 {
    std::f64::consts::LN_2
        + ln_evidence(t, count)
        + student_lower(shift(t, count), count as f64).ln()
}

/// p-values of `θ > null` at this look alone, guarded; a caller that looked before keeps the
/// smaller.
pub fn evidence(moments: &Moments, null: f64) -> Evidence {
    let t = moments.studentized(null);
    let u = moments.unskew(t);
    Evidence {
        support: (-ln_evidence_above(t.min(u), moments.count)).exp().min(1.0),
        refute: (-ln_evidence_above(-t.max(u), moments.count)).exp().min(1.0),
    }
}

/// Half-width in standard errors of the interval that holds at every look; infinite where too few
/// seeds are there (below five at 95 %).
pub fn critical(count: usize, alpha: f64) -> f64 {
    let n = count as f64;
    let r = PRECISION / (n + PRECISION);
    let ratio = (alpha * alpha * r).powf(-1.0 / n);
    if count < 2 || r * ratio >= 1.0 {
        return f64::INFINITY;
    }
    ((n - 1.0) * (ratio - 1.0) / (1.0 - r * ratio)).sqrt()
}

/// Guarded interval for the mean that holds at every look.
pub fn interval(moments: &Moments, alpha: f64) -> Interval {
    let critical = critical(moments.count, alpha);
    if critical.is_infinite() { Interval::LINE } else { moments.guarded(critical) }
}

/// The argument of Student's law that turns the two-sided evidence into a directional one.
fn shift(t: f64, count: usize) -> f64 {
    let n = count as f64;
    let r = PRECISION / (n + PRECISION);
    n / (n + PRECISION) * t * ((n + PRECISION) / (n - 1.0 + r * t * t)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::{DIFFERENCES, assert_close};
    use super::*;

    #[test]
    fn evidence_matches_its_vector() {
        let t = Moments::of(&DIFFERENCES).studentized(0.0);
        assert_close(ln_evidence(t, 10).exp(), 3.159_891_104, 1e-9);
        assert_close(shift(t, 10), 2.449_141_619, 1e-9);
        assert_close(ln_evidence_above(t, 10).exp(), 6.211_372_228, 1e-9);
        assert_close(ln_evidence_above(-t, 10).exp(), 0.108_409_980_1, 1e-9);
    }

    #[test]
    fn interval_matches_its_vector() {
        let moments = Moments::of(&DIFFERENCES);
        assert_close(critical(10, 0.05), 3.869_786_739, 1e-9);
        assert_close(critical(10, 0.05) * moments.error(), 0.597_386_120_4, 1e-9);
        let found = interval(&moments, 0.05);
        assert_close(found.lower, -0.209_386_120_4, 1e-9);
        assert_close(found.upper, 1.428_484_987, 1e-9);
    }

    #[test]
    fn interval_is_finite_from_five_seeds_at_95_percent() {
        assert!(critical(4, 0.05).is_infinite());
        assert!(critical(5, 0.05).is_finite());
    }

    #[test]
    fn widths_over_student_match_their_table() {
        use super::super::distribution::student_quantile;
        for (n, expected) in [(5, 3.04), (7, 1.90), (10, 1.71), (20, 1.64), (40, 1.64), (100, 1.69)]
        {
            let ratio = critical(n, 0.05) / student_quantile(0.975, n as f64 - 1.0);
            assert!((ratio - expected).abs() < 0.006, "n = {n}: {ratio}");
        }
    }
}
