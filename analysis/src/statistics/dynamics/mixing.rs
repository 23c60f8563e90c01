//! Split rank-normalized R̂: whether the parts of a run, or several runs, look alike.
//!
//! Source: A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Bürkner, Rank-normalization,
//! folding, and localization: an improved R̂, 2021, arXiv 1903.08008, equations 1 to 4 and 14. Only
//! the bound is ours: the customary 1.01 rejects 37 % of stationary runs of effective size 420.

use super::ess::ess_within;
use crate::statistics::distribution::{chi_square_quantile, normal_quantile};
use crate::statistics::mean::Moments;
use crate::statistics::median::median;

/// Parts of a single run.
const PARTS: usize = 8;
/// The bound of large effective sizes.
const CUSTOMARY: f64 = 1.01;

/// Cuts runs into chunks of one length: a single run into eight, several into halves. What does not
/// divide falls off at the start.
///
/// # Panics
/// If there is no run, or one is shorter than its chunks are many.
pub fn split<'a>(chains: &[&'a [f64]]) -> Vec<&'a [f64]> {
    let parts = if chains.len() == 1 { PARTS } else { 2 };
    let shortest = chains.iter().map(|chain| chain.len()).min().unwrap_or(0);
    let length = shortest / parts;
    assert!(length > 0, "a run of {shortest} values has no {parts} parts");
    chains.iter().flat_map(|chain| chain[chain.len() - parts * length..].chunks(length)).collect()
}

/// Normal scores `Φ⁻¹((r − 3/8)/(S + 1/4))` of the ranks r among all S values; equal values share
/// their average rank.
pub fn rank_normalized(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut scores = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        // Ranks start + 1 ..= start + tied.len().
        let rank = start as f64 + 0.5 * (tied.len() as f64 + 1.0);
        let score = normal_quantile((rank - 0.375) / (values.len() as f64 + 0.25));
        tied.iter().for_each(|place| scores[*place] = score);
        start += tied.len();
    }
    scores
}

/// Spread of chunks of equal length.
pub(super) struct Spread {
    /// Mean W of the variances of the chunks.
    pub(super) within: f64,
    /// Variance B' of the means of the chunks.
    pub(super) between: f64,
}

impl Spread {
    pub(super) fn of(chunks: &[&[f64]]) -> Self {
        let moments: Vec<Moments> = chunks.iter().map(|chunk| Moments::of(chunk)).collect();
        let within =
            moments.iter().map(|chunk| chunk.deviation.powi(2)).sum::<f64>() / chunks.len() as f64;
        let means: Vec<f64> = moments.iter().map(|chunk| chunk.mean).collect();
        Self { within, between: Moments::of(&means).deviation.powi(2) }
    }

    /// `√((N' − 1)/N' + B'/W)` for chunks of N' values; 1 for values that are all equal.
    fn r_hat(&self, length: usize) -> f64 {
        let n = length as f64;
        if self.between <= 0.0 { 1.0 } else { ((n - 1.0) / n + self.between / self.within).sqrt() }
    }
}

/// R̂ of a quantity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RHat {
    /// From the ranks of the values: places differ.
    pub rank: f64,
    /// From the ranks of their distances to the common median: scales differ.
    pub folded: f64,
    /// What neither exceeds with probability above about 10⁻³ if the quantity is stationary.
    pub bound: f64,
}

impl RHat {
    /// The larger of the two.
    pub fn value(&self) -> f64 {
        self.rank.max(self.folded)
    }
}

/// R̂ of chunks of equal length, see [`split`], with the bound for the effective size *within* the
/// chunks, the smaller of both rank scores. The effective size of the whole run would not do: a
/// drift lowers it so far that R̂ stays below its bound.
///
/// # Panics
/// If there are fewer than two chunks.
pub fn r_hat(chunks: &[&[f64]]) -> RHat {
    assert!(chunks.len() > 1, "R̂ of fewer than two chunks");
    let values = chunks.concat();
    let length = chunks[0].len();
    let of = |values: &[f64]| {
        let scores = rank_normalized(values);
        let chunks: Vec<&[f64]> = scores.chunks_exact(length).collect();
        (Spread::of(&chunks).r_hat(length), ess_within(&chunks))
    };
    let center = median(&values);
    let folded: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    let ((rank, of_places), (folded, of_scales)) = (of(&values), of(&folded));
    RHat { rank, folded, bound: r_hat_bound(chunks.len(), of_places.min(of_scales)) }
}

/// `max(1.01, 1 + m χ²_{0.999, m−1}/(2(m−1)·ESS))` for m chunks: to first order in 1/ESS, what R̂ of a
/// stationary run exceeds with probability 10⁻³.
pub fn r_hat_bound(chunks: usize, ess: f64) -> f64 {
    let m = chunks as f64;
    let spread = chi_square_quantile(0.999, m - 1.0) / (m - 1.0);
    (1.0 + m * spread / (2.0 * ess)).max(CUSTOMARY)
}

#[cfg(test)]
mod tests {
    use super::super::test_chain;
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn rank_normalization_matches_its_vector() {
        let expected = [
            0.201_893_479_1,
            -1.281_551_566,
            -0.412_463_129_4,
            -0.412_463_129_4,
            1.281_551_566,
            0.643_345_405_4,
        ];
        let found = rank_normalized(&[3.0, 1.0, 2.0, 2.0, 5.0, 4.0]);
        for (found, expected) in found.iter().zip(expected) {
            assert_close(*found, expected, 1e-9);
        }
    }

    #[test]
    fn r_hat_matches_arviz() {
        let mut chains: Vec<Vec<f64>> = (1..=4).map(|c| test_chain(c, 1000)).collect();
        let of = |chains: &[Vec<f64>]| {
            r_hat(&split(&chains.iter().map(Vec::as_slice).collect::<Vec<_>>()))
        };
        let found = of(&chains);
        assert_close(found.rank, 1.002_490_881, 1e-9);
        assert_close(found.folded, 0.999_670_142_4, 1e-9);
        assert_close(found.value(), 1.002_490_881, 1e-9);
        chains[3].iter_mut().for_each(|x| *x += 0.5);
        let found = of(&chains);
        assert_close(found.rank, 1.168_190_422, 1e-9);
        assert_close(found.folded, 1.027_031_051, 1e-9);
    }

    #[test]
    fn chunks_are_the_last_values_in_order() {
        let x: Vec<f64> = (0..19).map(f64::from).collect();
        let chunks = split(&[&x]);
        assert_eq!(chunks.len(), 8);
        assert_eq!(chunks[0], [3.0, 4.0]);
        assert_eq!(chunks[7], [17.0, 18.0]);
        let chunks = split(&[&x[..9], &x[..4]]);
        assert_eq!(chunks, [&[5.0, 6.0], &[7.0, 8.0], &[0.0, 1.0], &[2.0, 3.0]]);
    }

    #[test]
    fn a_change_of_scale_shows_in_the_folded_values_only() {
        let x = test_chain(1, 4000);
        let scaled: Vec<f64> =
            x.iter().enumerate().map(|(i, x)| if i < 2000 { *x } else { 3.0 * x }).collect();
        let found = r_hat(&split(&[&scaled]));
        assert!(found.rank < 1.02 && found.folded > 1.1, "{found:?}");
    }

    #[test]
    fn two_values_in_turn_fold_to_one_and_do_not_alarm() {
        let x: Vec<f64> = (0..80).map(|i| f64::from(i % 2)).collect();
        assert_close(r_hat(&split(&[&x])).folded, 1.0, 1e-15);
    }

    #[test]
    fn the_bound_is_customary_only_for_large_effective_sizes() {
        assert_close(r_hat_bound(8, 1e6), 1.01, 1e-15);
        // χ²_{0.999,7} = 24.3218863 (scipy.stats.chi2.ppf).
        assert_close(r_hat_bound(8, 400.0), 1.0 + 8.0 * 24.321_886_3 / (14.0 * 400.0), 1e-9);
    }
}
