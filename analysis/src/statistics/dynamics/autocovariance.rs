//! Autocovariances at all lags by one transform.

use realfft::RealFftPlanner;

/// Mean and autocovariances `γ_k = (1/N) Σ (x_i − x̄)(x_{i+k} − x̄)` of a series, k = 0..N. The divisor
/// is N at every lag, which keeps the sequence positive definite.
#[derive(Clone, PartialEq, Debug)]
pub struct Autocovariances {
    /// Mean x̄.
    pub mean: f64,
    /// γ, one value a lag; as many as the series has.
    pub values: Vec<f64>,
}

impl Autocovariances {
    /// Of a series `x`. The transform is padded with zeros to at least 2N, so that the ends do not
    /// wrap around.
    ///
    /// # Panics
    /// If `x` is empty.
    pub fn of(x: &[f64]) -> Self {
        assert!(!x.is_empty(), "autocovariances of no numbers");
        let count = x.len();
        let mean = x.iter().sum::<f64>() / count as f64;
        let length = (2 * count).next_power_of_two();
        let mut planner = RealFftPlanner::<f64>::new();
        let forward = planner.plan_fft_forward(length);
        let mut padded = forward.make_input_vec();
        let mut spectrum = forward.make_output_vec();
        for (padded, x) in padded.iter_mut().zip(x) {
            *padded = x - mean;
        }
        forward.process(&mut padded, &mut spectrum).expect("the plan made both buffers");
        for value in &mut spectrum {
            *value = value.norm_sqr().into();
        }
        let inverse = planner.plan_fft_inverse(length);
        inverse.process(&mut spectrum, &mut padded).expect("the plan made both buffers");
        padded.truncate(count);
        // The unscaled pair of transforms multiplies by its length.
        padded.iter_mut().for_each(|value| *value /= length as f64 * count as f64);
        Self { mean, values: padded }
    }

    /// Length N of the series.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// γ₀, the variance with divisor N.
    pub fn variance(&self) -> f64 {
        self.values[0]
    }
}

/// The sums `γ_{2j} + γ_{2j+1}` of neighboring lags up to the first that is not positive, each
/// lowered to the smallest so far: the initial monotone sequence. For a reversible chain the true
/// sums are positive and fall; what breaks the rule is noise. Source: C. Geyer, Practical Markov
/// chain Monte Carlo, 1992, section 3.3.
pub(super) fn monotone_pairs(values: &[f64]) -> Vec<f64> {
    positive_pairs(values)
        .scan(f64::INFINITY, |least, pair| {
            *least = least.min(pair);
            Some(*least)
        })
        .collect()
}

/// The initial positive sequence: as [`monotone_pairs`] before lowering.
pub(super) fn positive_pairs(values: &[f64]) -> impl Iterator<Item = f64> {
    values.chunks_exact(2).map(|pair| pair[0] + pair[1]).take_while(|pair| *pair > 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::test_chain;
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn the_test_chain_is_the_one_of_the_vectors() {
        let x = test_chain(1, 1000);
        assert_close(x[0], -0.499_992_173_631, 1e-12);
        assert_close(x[2], -0.247_314_391_184, 1e-11);
        assert_close(x[999], 0.225_099_099_103, 1e-11);
    }

    #[test]
    fn autocovariances_match_their_vector() {
        let found = Autocovariances::of(&test_chain(1, 1000));
        assert_close(found.mean, -0.007_320_633_385, 1e-9);
        assert_close(found.values[0], 0.158_433_635_6, 1e-9);
        assert_close(found.values[1], 0.112_354_214_9, 1e-9);
    }

    #[test]
    fn the_transform_agrees_with_the_sums_at_every_lag() {
        for count in [1, 2, 3, 17, 64, 100] {
            let x = test_chain(3, count);
            let found = Autocovariances::of(&x);
            assert_eq!(found.count(), count);
            for (lag, value) in found.values.iter().enumerate() {
                let direct: f64 = x[lag..]
                    .iter()
                    .zip(&x)
                    .map(|(later, x)| (later - found.mean) * (x - found.mean))
                    .sum();
                // Rounding of a transform of 256 points: a few ε of the largest value.
                let gap = (value - direct / count as f64).abs();
                assert!(gap <= 64.0 * f64::EPSILON * found.variance(), "lag {lag}: {gap:e}");
            }
        }
    }

    #[test]
    fn pairs_end_at_the_first_that_is_not_positive_and_never_rise() {
        let values = [4.0, 2.0, 1.0, 1.0, 2.0, 1.0, -1.0, 0.5, 9.0, 9.0];
        assert_eq!(positive_pairs(&values).collect::<Vec<_>>(), [6.0, 2.0, 3.0]);
        assert_eq!(monotone_pairs(&values), [6.0, 2.0, 2.0]);
        assert_eq!(monotone_pairs(&values[..5]), [6.0, 2.0]);
    }
}
