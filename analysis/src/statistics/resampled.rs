//! What a bootstrap leaves behind: an estimate and its replicates.

use super::bootstrap::Replicates;
use super::{Evidence, Interval};

/// An estimate and its values over resamples of the data. Percentiles of them are an interval from
/// twenty seeds, replicas or problems on.
#[derive(Clone, PartialEq, Debug)]
pub struct Resampled {
    /// From the data themselves.
    pub estimate: f64,
    /// Replicates with a resample without a value at −∞, and at +∞: it says nothing, so each end of
    /// the interval takes the worse.
    low: Replicates,
    high: Replicates,
}

impl Resampled {
    /// Of one value a resample; NaN is none.
    pub fn new(estimate: f64, values: &[f64]) -> Self {
        let with = |end: f64| {
            Replicates::of(values.iter().map(|x| if x.is_nan() { end } else { *x }).collect())
        };
        Self { estimate, low: with(f64::NEG_INFINITY), high: with(f64::INFINITY) }
    }

    /// The percentile interval. What it could have found: [`band`](super::detectable::band).
    pub fn interval(&self, alpha: f64) -> Interval {
        Interval::new(self.low.interval(alpha).lower, self.high.interval(alpha).upper)
    }

    /// p-values of `θ > null` that belong to the interval.
    pub fn evidence(&self, null: f64) -> Evidence {
        Evidence {
            support: self.low.evidence(null).support,
            refute: self.high.evidence(null).refute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn interval_and_evidence_read_the_same_values() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let resampled = Resampled::new(50.0, &values);
        let interval = resampled.interval(0.1);
        assert_close(interval.lower, 5.0, 1e-12);
        assert_close(interval.upper, 95.0, 1e-12);
        let evidence = resampled.evidence(4.0);
        assert_close(evidence.support, 6.0 / 102.0, 1e-12);
        assert_close(evidence.refute, 98.0 / 102.0, 1e-12);
    }

    #[test]
    fn a_resample_without_a_value_widens_either_end() {
        let resampled = Resampled::new(1.0, &[1.0, f64::NAN, 0.5]);
        let interval = resampled.interval(0.05);
        assert!(interval.lower.is_infinite() && interval.upper.is_infinite());
        assert_close(resampled.evidence(2.0).refute, 0.5, 1e-12);
        assert_close(resampled.evidence(0.0).support, 0.5, 1e-12);
    }
}
