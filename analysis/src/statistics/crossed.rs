//! The mean of numbers that repetitions and samples have together, both drawn at random.
//!
//! Every repetition meets the same samples, say the pictures of a test set. With the effects of the
//! repetition, of the sample and of both, `d_rs = μ + a_r + b_s + c_rs`, the mean over all has the
//! variance `σ_a²/R + σ_b²/S + σ_c²/(RS)`. An interval over the means of the repetitions knows the first
//! and the last term: it holds for these samples. Adding the variance of the means of the samples counts
//! the last term twice, which is conservative.
//!
//! Source: A. B. Owen, The pigeonhole bootstrap, 2007, Ann. Appl. Stat. 1, whose variance is the same
//! sum; Student's quantile with the freedom of the repetitions stands where he resamples.

use super::distribution::{student_lower, student_quantile, student_upper};
use super::mean::{Moments, guarded, guarded_evidence};
use super::{Evidence, Interval};

/// What the interval needs to know of the numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Crossed {
    /// Moments of the means of the repetitions.
    pub repetitions: Moments,
    /// Standard error of the mean from the draw of the samples, the one of both effects included.
    pub sample_error: f64,
}

impl Crossed {
    /// From one row of numbers per repetition, one number per sample.
    ///
    /// # Panics
    /// If there are no rows, or rows without or with different numbers of samples.
    pub fn of(rows: &[Vec<f64>]) -> Self {
        let samples = rows[0].len();
        let mut sums = vec![0.0; samples];
        let mut means = Vec::with_capacity(rows.len());
        for row in rows {
            assert_eq!(row.len(), samples, "every repetition meets the same samples");
            means.push(row.iter().sum::<f64>() / samples as f64);
            sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
        }
        sums.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
        Self { repetitions: Moments::of(&means), sample_error: Moments::of(&sums).error() }
    }

    /// Standard error of the mean over repetitions and samples.
    pub fn error(&self) -> f64 {
        self.repetitions.error().hypot(self.sample_error)
    }

    /// The hull of [`guarded`] Student over the repetitions and of Student's interval with the whole
    /// standard error.
    pub fn interval(&self, alpha: f64) -> Interval {
        let Moments { mean, .. } = self.repetitions;
        let q = student_quantile(1.0 - 0.5 * alpha, self.repetitions.freedom());
        let inner = guarded(&self.repetitions, alpha);
        let half = q * self.error();
        Interval::new(inner.lower.min(mean - half), inner.upper.max(mean + half))
    }

    /// p-values of `θ > null` that agree with [`interval`](Self::interval).
    pub fn evidence(&self, null: f64) -> Evidence {
        let freedom = self.repetitions.freedom();
        let t = (self.repetitions.mean - null) / self.error();
        let inner = guarded_evidence(&self.repetitions, null);
        Evidence {
            support: inner.support.max(student_upper(t, freedom)),
            refute: inner.refute.max(student_lower(t, freedom)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    fn rows() -> Vec<Vec<f64>> {
        vec![vec![1.0, 0.0, 2.0, 1.0], vec![2.0, 0.0, 3.0, 1.0], vec![0.0, -1.0, 3.0, 2.0]]
    }

    #[test]
    fn errors_and_interval_match_numpy() {
        // r = [1, 1.5, 1] and s = [1, -1/3, 8/3, 4/3]; np.std(ddof=1) / sqrt(len); t(0.975, 2).
        let crossed = Crossed::of(&rows());
        assert_close(crossed.repetitions.mean, 7.0 / 6.0, 1e-14);
        assert_close(crossed.repetitions.error(), 1.0 / 6.0, 1e-14);
        assert_close(crossed.sample_error, 0.616_140_917_022_745_3, 1e-12);
        assert_close(crossed.error(), 0.638_284_738_504_225_3, 1e-12);
        let half = 4.302_652_729_749_462 * 0.638_284_738_504_225_3;
        let interval = crossed.interval(0.05);
        assert_close(interval.lower, 7.0 / 6.0 - half, 1e-9);
        assert_close(interval.upper, 7.0 / 6.0 + half, 1e-9);
    }

    #[test]
    fn evidence_agrees_with_the_interval() {
        let crossed = Crossed::of(&rows());
        for alpha in [0.01, 0.05, 0.2, 0.5] {
            let interval = crossed.interval(alpha);
            assert_close(crossed.evidence(interval.lower).support, 0.5 * alpha, 1e-9);
            assert_close(crossed.evidence(interval.upper).refute, 0.5 * alpha, 1e-9);
        }
    }

    #[test]
    fn equal_samples_leave_the_interval_over_repetitions() {
        let rows: Vec<Vec<f64>> = [0.3, 0.9, 0.4, 0.5, 0.8].map(|mean| vec![mean; 7]).into();
        let crossed = Crossed::of(&rows);
        let inner = guarded(&crossed.repetitions, 0.05);
        assert_close(crossed.interval(0.05).lower, inner.lower, 1e-12);
        assert_close(crossed.interval(0.05).upper, inner.upper, 1e-12);
    }
}
