//! Effective sample size: how many independent values an autocorrelated run is worth.

use super::autocovariance::{Autocovariances, monotone_pairs};
use super::long_run::initial_monotone;
use super::mixing::{Spread, rank_normalized};
use crate::statistics::distribution::normal_quantile;

/// `Nγ₀/σ²` of one run, with σ² from the initial monotone sequence.
pub fn ess(gamma: &Autocovariances) -> f64 {
    let run = initial_monotone(gamma);
    gamma.count() as f64 * gamma.variance() / run.variance
}

/// Of several chunks together, on their rank-normalized values: as the bulk size of A. Vehtari,
/// A. Gelman, D. Simpson, B. Carpenter, P.-C. Bürkner, Rank-normalization, folding, and
/// localization, 2021, arXiv 1903.08008, equations 10 to 13, without its correction of the last
/// pair: within 1 % of it. At most S log₁₀ S for S values.
///
/// # Panics
/// If there is no chunk, or one has fewer than two values.
pub fn bulk_ess(chunks: &[&[f64]]) -> f64 {
    let normal = rank_normalized(&chunks.concat());
    let length = chunks[0].len();
    let chunks: Vec<&[f64]> = normal.chunks_exact(length).collect();
    let spread = Spread::of(&chunks);
    let n = length as f64;
    let gammas: Vec<Autocovariances> = chunks.iter().map(|x| Autocovariances::of(x)).collect();
    let total = (n - 1.0) / n * spread.within + spread.between;
    let correlations: Vec<f64> = (0..length)
        .map(|lag| {
            let mean =
                gammas.iter().map(|gamma| gamma.values[lag]).sum::<f64>() / chunks.len() as f64;
            if lag == 0 { 1.0 } else { 1.0 - (spread.within - mean * n / (n - 1.0)) / total }
        })
        .collect();
    let time = 2.0 * monotone_pairs(&correlations).iter().sum::<f64>() - 1.0;
    let all = normal.len() as f64;
    let most = all * all.log10();
    if time > 0.0 { (all / time).min(most) } else { most }
}

/// Effective size of chunks of equal length about their own means, so that a drift from chunk to
/// chunk does not pass for slow mixing. An estimated mean lowers every autocovariance by σ²/N'; for
/// the 4P − 1 lags of P pairs, both signs, that is undone here to first order.
pub(super) fn ess_within(chunks: &[&[f64]]) -> f64 {
    let n = chunks[0].len() as f64;
    let mut pooled = vec![0.0; chunks[0].len()];
    for chunk in chunks {
        let gamma = Autocovariances::of(chunk);
        pooled.iter_mut().zip(&gamma.values).for_each(|(sum, value)| *sum += value);
    }
    let gamma = Autocovariances { mean: 0.0, values: pooled };
    let lags = 4.0 * monotone_pairs(&gamma.values).len() as f64 - 1.0;
    let variance = initial_monotone(&gamma).variance / (1.0 - (lags / n).min(0.5));
    chunks.len() as f64 * (n * gamma.variance() / variance + 1.0)
}

/// What an average must tell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Goal {
    /// An interval of this half-width.
    HalfWidth(f64),
    /// Equality within this margin, with probability 0.9.
    Equivalence(f64),
    /// A difference of this size in one direction, with probability 0.9.
    Direction(f64),
}

/// The effective size that `goal` needs for values of this standard deviation:
/// `((z_{1−α/2} + z)·sd/h)²` with z = 0, `z_{0.95}`, `z_{0.9}`.
pub fn required_ess(goal: Goal, deviation: f64, alpha: f64) -> f64 {
    let (size, power) = match goal {
        Goal::HalfWidth(size) => (size, 0.0),
        Goal::Equivalence(size) => (size, normal_quantile(0.95)),
        Goal::Direction(size) => (size, normal_quantile(0.9)),
    };
    ((normal_quantile(1.0 - 0.5 * alpha) + power) * deviation / size).powi(2).ceil()
}

#[cfg(test)]
mod tests {
    use super::super::mixing::split;
    use super::super::test_chain;
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn the_size_of_one_run_matches_its_vector() {
        assert_close(ess(&Autocovariances::of(&test_chain(1, 1000))), 170.388_292_1, 1e-9);
    }

    #[test]
    fn the_size_of_several_chains_is_within_a_percent_of_arviz() {
        let mut chains: Vec<Vec<f64>> = (1..=4).map(|c| test_chain(c, 1000)).collect();
        let size = |chains: &[Vec<f64>]| {
            bulk_ess(&split(&chains.iter().map(Vec::as_slice).collect::<Vec<_>>()))
        };
        assert_close(size(&chains), 609.758, 1e-6);
        assert_close(size(&chains), 610.750_720_9, 0.01);
        chains[3].iter_mut().for_each(|x| *x += 0.5);
        assert_close(size(&chains), 19.550_055_61, 0.01);
    }

    #[test]
    fn independent_values_are_worth_themselves_and_alternating_ones_more() {
        let x: Vec<f64> = test_chain(1, 4000).windows(2).map(|x| x[1] - 0.7 * x[0]).collect();
        // The sampling error of a sum of a few pairs is about 2·√(pairs/N).
        assert_close(ess(&Autocovariances::of(&x)), 3999.0, 0.1);
        let x: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        assert_close(ess(&Autocovariances::of(&x)), 200.0, 1e-9);
        assert_close(bulk_ess(&[&x]), 200.0, 1e-9);
    }

    #[test]
    fn required_sizes_match_their_table() {
        assert_close(required_ess(Goal::Equivalence(0.2), 1.0, 0.05), 325.0, 1e-15);
        assert_close(required_ess(Goal::Direction(0.2), 1.0, 0.05), 263.0, 1e-15);
        assert_close(required_ess(Goal::HalfWidth(0.1), 1.0, 0.05), 385.0, 1e-15);
    }
}
