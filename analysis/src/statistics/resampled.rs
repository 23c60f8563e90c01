//! What a bootstrap leaves behind: an estimate and its values over the resamples.
//!
//! Percentiles are read from the sorted values. They are for statistics of at least twenty seeds,
//! replicas or problems; means of fewer belong to [`super::mean`].

use rand::Rng;
use rand_pcg::Pcg64;

use super::{Evidence, Interval};
use crate::align::quantile;

/// An estimate and its values over resamples of the data.
#[derive(Clone, PartialEq, Debug)]
pub struct Resampled {
    /// From the data themselves.
    pub estimate: f64,
    sorted: Vec<f64>,
    unknown: usize,
}

impl Resampled {
    /// Sorts `values`, one a resample. A NaN, a resample without a value, speaks for neither side.
    pub fn new(estimate: f64, values: Vec<f64>) -> Self {
        let all = values.len();
        let mut sorted = values;
        sorted.retain(|value| !value.is_nan());
        sorted.sort_by(f64::total_cmp);
        Self { estimate, unknown: all - sorted.len(), sorted }
    }

    /// The percentile interval: quantiles alpha/2 and 1 − alpha/2, with resamples without a value
    /// below all others for the lower end and above them for the upper one.
    pub fn interval(&self, alpha: f64) -> Interval {
        let upper = |values: &mut dyn Iterator<Item = f64>| {
            let all: Vec<f64> =
                values.chain(std::iter::repeat_n(f64::INFINITY, self.unknown)).collect();
            quantile(&all, 1.0 - 0.5 * alpha)
        };
        // The lower end is the upper one of the mirrored values.
        let lower = -upper(&mut self.sorted.iter().rev().map(|value| -value));
        Interval::new(lower, upper(&mut self.sorted.iter().copied()))
    }

    /// p-values of `θ > null` that agree with [`interval`](Self::interval): the share of resamples
    /// on the wrong side, the data counted among them, so that no p-value is 0.
    pub fn evidence(&self, null: f64) -> Evidence {
        let against = |wrong: usize| {
            (1 + self.unknown + wrong) as f64 / (1 + self.unknown + self.sorted.len()) as f64
        };
        let at_most = self.sorted.partition_point(|value| *value <= null);
        let below = self.sorted.partition_point(|value| *value < null);
        Evidence { support: against(at_most), refute: against(self.sorted.len() - below) }
    }
}

/// A uniform index below `count`, by the high half of a product: off from uniform by less than
/// `count`·2⁻⁶⁴. Source: D. Lemire, Fast random integer generation in an interval, 2019.
pub fn index(generator: &mut Pcg64, count: usize) -> usize {
    ((u128::from(generator.next_u64()) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::assert_close;
    use super::*;

    #[test]
    fn interval_and_evidence_read_the_same_values() {
        let resampled = Resampled::new(50.0, (0..=100).rev().map(f64::from).collect());
        let interval = resampled.interval(0.1);
        assert_close(interval.lower, 5.0, 1e-12);
        assert_close(interval.upper, 95.0, 1e-12);
        let evidence = resampled.evidence(4.0);
        assert_close(evidence.support, 6.0 / 102.0, 1e-12);
        assert_close(evidence.refute, 98.0 / 102.0, 1e-12);
    }

    #[test]
    fn a_resample_without_a_value_widens_either_end() {
        let resampled = Resampled::new(1.0, vec![1.0, f64::NAN, 0.5]);
        let interval = resampled.interval(0.05);
        assert!(interval.lower.is_infinite() && interval.upper.is_infinite());
        assert_close(resampled.evidence(2.0).refute, 0.5, 1e-12);
        assert_close(resampled.evidence(0.0).support, 0.5, 1e-12);
    }

    #[test]
    fn indices_are_spread_evenly() {
        let mut generator = Pcg64::seed_from_u64(1);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[index(&mut generator, 7)] += 1;
        }
        // Bin(70000, 1/7): 4.89 standard deviations of 92.6 for 1e-6.
        assert!(counts.iter().all(|count| (9547..=10453).contains(count)), "{counts:?}");
    }
}
