//! The error of a time average: estimates of the long-run variance `σ² = γ₀ + 2Σγ_k`.
//!
//! Measured coverage of the mean at 95 %, AR(1) with coefficient φ, 10⁴ values: all methods
//! 94.2–95.6 % at φ = 0.5 and 0.9 (effective size 3333 and 526); at φ = 0.99 (effective size 50) the
//! initial monotone sequence covers 93.7 % and the other three 76–77 %. Hence the order: initial
//! monotone for the interval, batch means beside it, and no verdict where the two disagree.
//!
//! Sources: C. Geyer, Practical Markov chain Monte Carlo, 1992; M. Meketon, B. Schmeiser,
//! Overlapping batch means, 1984; J. Flegal, G. Jones, Batch means and spectral variance estimators,
//! 2010, arXiv 0811.1729.

use super::autocovariance::{Autocovariances, monotone_pairs};
use crate::statistics::distribution::{
    chi_square_quantile, normal_lower, normal_quantile, normal_upper, student_lower,
    student_quantile, student_upper,
};
use crate::statistics::mean::Moments;
use crate::statistics::withheld::Withheld;
use crate::statistics::{Evidence, Interval};

/// A time average with its long-run variance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LongRun {
    /// Mean of the values used.
    pub mean: f64,
    /// Long-run variance σ².
    pub variance: f64,
    /// Values used.
    pub count: usize,
    /// Degrees of freedom of the interval; infinite for the normal quantile.
    pub freedom: f64,
}

impl LongRun {
    /// Standard error `√(σ²/N)` of the mean.
    pub fn error(&self) -> f64 {
        (self.variance / self.count as f64).sqrt()
    }

    /// Interval for the mean.
    pub fn interval(&self, alpha: f64) -> Interval {
        let level = 1.0 - 0.5 * alpha;
        let quantile = if self.freedom.is_finite() {
            student_quantile(level, self.freedom)
        } else {
            normal_quantile(level)
        };
        let half = quantile * self.error();
        Interval::new(self.mean - half, self.mean + half)
    }

    /// p-values of "the mean exceeds `null`".
    pub fn evidence(&self, null: f64) -> Evidence {
        let t = (self.mean - null) / self.error();
        if self.freedom.is_finite() {
            Evidence {
                support: student_upper(t, self.freedom),
                refute: student_lower(t, self.freedom),
            }
        } else {
            Evidence { support: normal_upper(t), refute: normal_lower(t) }
        }
    }
}

/// Length b = ⌊√N⌋ and number a = ⌊N/b⌋ of batches.
fn batches(count: usize) -> (usize, usize) {
    assert!(count >= 4, "a long-run variance of fewer than four values");
    let length = count.isqrt();
    (length, count / length)
}

/// Degrees of freedom 1.5(a − 1) of the two estimates that are smoother than batch means.
fn smooth_freedom(count: usize) -> f64 {
    1.5 * (batches(count).1 as f64 - 1.0)
}

/// Batch means: b times the variance of the means of a batches from the start, Student's law with
/// a − 1 degrees of freedom, mean of the part used.
///
/// # Panics
/// If `x` has fewer than four values.
pub fn batch_means(x: &[f64]) -> LongRun {
    let (length, number) = batches(x.len());
    let means: Vec<f64> = x
        .chunks_exact(length)
        .take(number)
        .map(|batch| batch.iter().sum::<f64>() / length as f64)
        .collect();
    let moments = Moments::of(&means);
    LongRun {
        mean: moments.mean,
        variance: length as f64 * moments.deviation.powi(2),
        count: length * number,
        freedom: moments.freedom(),
    }
}

/// Overlapping batch means, `σ² = Nb/((N−b)(N−b+1)) Σ_j (m_j − x̄)²` over all N − b + 1 batches; for a
/// mean, the large-sample variance of a moving-block bootstrap.
///
/// # Panics
/// If `x` has fewer than four values.
pub fn overlapping(x: &[f64]) -> LongRun {
    let (length, _) = batches(x.len());
    let (n, b) = (x.len() as f64, length as f64);
    let mean = x.iter().sum::<f64>() / n;
    let mut sum: f64 = x[..length].iter().map(|x| x - mean).sum();
    let mut square = (sum / b).powi(2);
    for (gone, new) in x.iter().zip(&x[length..]) {
        sum += new - gone;
        square += (sum / b).powi(2);
    }
    let variance = n * b / ((n - b) * (n - b + 1.0)) * square;
    LongRun { mean, variance, count: x.len(), freedom: smooth_freedom(x.len()) }
}

/// Bartlett's window, `γ₀ + 2Σ_{k<b} (1 − k/b)γ_k`.
///
/// # Panics
/// If the series has fewer than four values.
pub fn bartlett(gamma: &Autocovariances) -> LongRun {
    let (length, _) = batches(gamma.count());
    let tail: f64 = gamma.values[..length]
        .iter()
        .enumerate()
        .skip(1)
        .map(|(lag, value)| (1.0 - lag as f64 / length as f64) * value)
        .sum();
    LongRun {
        mean: gamma.mean,
        variance: gamma.variance() + 2.0 * tail,
        count: gamma.count(),
        freedom: smooth_freedom(gamma.count()),
    }
}

/// The default: `−γ₀ + 2ΣΓ` over the initial monotone sequence Γ, with the normal quantile. Not
/// below `γ₀/log₁₀ N`, so that an effective size never exceeds `N log₁₀ N` (A. Vehtari et al., 2021,
/// section 3.2): strongly alternating series could otherwise come out negative.
pub fn initial_monotone(gamma: &Autocovariances) -> LongRun {
    let pairs: f64 = monotone_pairs(&gamma.values).iter().sum();
    let least = gamma.variance() / (gamma.count() as f64).log10().max(1.0);
    LongRun {
        mean: gamma.mean,
        variance: (2.0 * pairs - gamma.variance()).max(least),
        count: gamma.count(),
        freedom: f64::INFINITY,
    }
}

/// Fails unless the standard error of `batch_means` is within `max(share, 3/√(2a))` of the primary
/// one, a being the number of batches: 0.25 for a plain average, 0.15 for the residual of a relation.
/// The second term is three standard deviations of a variance from a batches.
///
/// # Errors
/// The autocorrelation is not resolved: the run is too short.
pub fn resolved(primary: f64, batch_means: &LongRun, share: f64) -> Result<(), Withheld> {
    let second = batch_means.error();
    let allowed = share.max(3.0 / (2.0 * (batch_means.freedom + 1.0)).sqrt());
    if (second / primary - 1.0).abs() <= allowed {
        Ok(())
    } else {
        Err(Withheld::Unresolved { primary, second, allowed })
    }
}

/// Whether the errors within runs explain the spread between them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Agreement {
    /// `Σ (x_i − m)²/s_i²`, χ² with n − 1 degrees of freedom if they do.
    pub statistic: f64,
    /// Quantiles of that law at 10⁻³ and 1 − 10⁻³.
    pub limits: Interval,
}

impl Agreement {
    /// Whether the statistic lies within its limits.
    pub fn holds(&self) -> bool {
        self.limits.lower <= self.statistic && self.statistic <= self.limits.upper
    }
}

/// Compares the averages of independent runs with their standard errors.
///
/// # Panics
/// If there are fewer than two runs.
pub fn agree(means: &[f64], errors: &[f64]) -> Agreement {
    assert!(means.len() > 1, "agreement of fewer than two runs");
    let moments = Moments::of(means);
    let statistic =
        means.iter().zip(errors).map(|(x, s)| ((x - moments.mean) / s).powi(2)).sum::<f64>();
    let freedom = moments.freedom();
    Agreement {
        statistic,
        limits: Interval::new(
            chi_square_quantile(1e-3, freedom),
            chi_square_quantile(1.0 - 1e-3, freedom),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::autocovariance::positive_pairs;
    use super::super::test_chain;
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn batch_means_match_their_vector() {
        let found = batch_means(&test_chain(1, 1000));
        assert_close(found.variance, 1.059_436_568, 1e-9);
        assert_close(found.mean, -0.010_927_893_37, 1e-9);
        assert_close(found.error(), 0.032_679_969_57, 1e-9);
        assert_eq!(found.count, 31 * 32);
        assert_close(found.freedom, 31.0, 1e-15);
    }

    #[test]
    fn overlapping_and_bartlett_match_their_vectors() {
        let x = test_chain(1, 1000);
        assert_close(overlapping(&x).variance, 0.844_434_305_4, 1e-9);
        let found = bartlett(&Autocovariances::of(&x));
        assert_close(found.variance, 0.850_011_284_3, 1e-9);
        assert_close(found.freedom, 46.5, 1e-15);
    }

    #[test]
    fn the_initial_monotone_sequence_matches_its_vector() {
        let gamma = Autocovariances::of(&test_chain(1, 1000));
        assert_eq!(monotone_pairs(&gamma.values).len(), 11);
        let positive = 2.0 * positive_pairs(&gamma.values).sum::<f64>() - gamma.variance();
        assert_close(positive, 0.997_590_725_3, 1e-9);
        assert_close(initial_monotone(&gamma).variance, 0.929_838_744_6, 1e-9);
    }

    #[test]
    fn an_alternating_series_keeps_a_positive_variance() {
        let x: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let found = initial_monotone(&Autocovariances::of(&x));
        assert_close(found.variance, 0.5, 1e-12);
    }

    #[test]
    fn interval_and_evidence_agree_with_either_quantile() {
        let x = test_chain(1, 1000);
        for found in [batch_means(&x), initial_monotone(&Autocovariances::of(&x))] {
            let interval = found.interval(0.05);
            assert_close(found.evidence(interval.lower).support, 0.025, 1e-9);
            assert_close(found.evidence(interval.upper).refute, 0.025, 1e-9);
        }
    }

    #[test]
    fn errors_that_differ_too_much_are_not_resolved() {
        let second = batch_means(&test_chain(1, 1000));
        // 32 batches allow 3/√64 = 0.375.
        assert_eq!(resolved(second.error() / 1.37, &second, 0.25), Ok(()));
        let found = resolved(second.error() / 1.38, &second, 0.25);
        assert!(
            matches!(found, Err(Withheld::Unresolved { allowed, .. }) if (allowed - 0.375).abs() < 1e-12)
        );
    }

    #[test]
    fn runs_that_scatter_more_than_their_errors_do_not_agree() {
        let means = [1.0, 1.1, 0.9, 1.05, 0.95];
        let found = agree(&means, &[0.1; 5]);
        assert_close(found.statistic, 2.5, 1e-12);
        assert!(found.holds());
        assert!(!agree(&means, &[0.02; 5]).holds());
        assert!(!agree(&means, &[1.0; 5]).holds());
    }
}
