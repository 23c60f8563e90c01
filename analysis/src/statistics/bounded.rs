//! The mean of numbers in [0, 1], looked at after every seed: betting (2.4) and empirical Bernstein
//! (2.5), for any law.
//!
//! A bettor who stakes a share of the wealth on "above m" and another on "below m" grows rich only if
//! m is wrong. Rescale first; useless where the spread is a small part of the range (accuracies near
//! 0.96 with a spread of 0.01 have a half-width of 0.246 at ten seeds, Student's is 0.007). Source:
//! I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables by betting, 2024, arXiv
//! 2010.09686.

use super::distribution::bisect;
use super::{Evidence, Interval};

/// A bet before each number, from the numbers before it: `λ_t = √(2 ln(2/α)/(σ̂²_{t−1} t ln(1+t)))`,
/// and the running mean `μ̂_{t−1}` it came with.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Bet {
    stake: f64,
    mean: f64,
}

/// The bets of `x` in [0, 1], in the order of the seeds; `alpha` tunes them, any value is valid.
fn bets(x: &[f64], alpha: f64) -> Vec<Bet> {
    let scale = 2.0 * (2.0 / alpha).ln();
    // ½ and ¼ stand for one number before the first.
    let (mut sum, mut squares) = (0.5, 0.25);
    let mut mean = 0.5;
    x.iter()
        .enumerate()
        .map(|(before, x)| {
            let t = (before + 1) as f64;
            let variance = squares / t;
            let bet = Bet { stake: (scale / (variance * t * t.ln_1p())).sqrt(), mean };
            sum += x;
            mean = sum / (t + 1.0);
            squares += (x - mean).powi(2);
            bet
        })
        .collect()
}

/// Logarithm of the wealth from betting that the mean is above `null`, `Π(1 + min(λ, ½/m)(x − m))`.
fn ln_wealth(x: &[f64], bets: &[Bet], null: f64) -> f64 {
    x.iter().zip(bets).map(|(x, bet)| (bet.stake.min(0.5 / null) * (x - null)).ln_1p()).sum()
}

/// The evidence, as logarithm, that the mean of `x` in [0, 1] is above `null`; `alpha` only tunes the
/// bets and must be fixed beforehand.
pub fn ln_evidence_above(x: &[f64], null: f64, alpha: f64) -> f64 {
    ln_wealth(x, &bets(x, alpha), null)
}

/// The evidence, as logarithm, that the mean is below `null`.
pub fn ln_evidence_below(x: &[f64], null: f64, alpha: f64) -> f64 {
    ln_evidence_above(&mirrored(x), 1.0 - null, alpha)
}

/// Anytime-valid p-values of "the mean exceeds `null`", over all looks so far: `1/max K`.
pub fn evidence(x: &[f64], null: f64, alpha: f64) -> Evidence {
    let largest = |x: &[f64], null: f64| {
        let mut wealth = 0.0;
        x.iter().zip(bets(x, alpha)).fold(0.0_f64, |largest, (x, bet)| {
            wealth += (bet.stake.min(0.5 / null) * (x - null)).ln_1p();
            largest.max(wealth)
        })
    };
    Evidence {
        support: (-largest(x, null)).exp(),
        refute: (-largest(&mirrored(x), 1.0 - null)).exp(),
    }
}

/// Betting interval that holds at every look: the intersection of those of all looks so far.
pub fn interval(x: &[f64], alpha: f64) -> Interval {
    Interval::new(lower_end(x, alpha), 1.0 - lower_end(&mirrored(x), alpha))
}

/// The largest `m` that the wealth of some look refutes; wealth falls in m.
fn lower_end(x: &[f64], alpha: f64) -> f64 {
    let bets = bets(x, alpha);
    let limit = (2.0 / alpha).ln();
    let mut lower = 0.0;
    for look in 1..=x.len() {
        let refuted = |null: f64| ln_wealth(&x[..look], &bets, null) >= limit;
        // Only a look that refutes more than those before it moves the end.
        if refuted(f64::max(lower, f64::MIN_POSITIVE)) {
            lower = bisect(lower, 1.0, |null| null <= 0.0 || refuted(null));
        }
    }
    lower
}

/// Empirical-Bernstein interval of this look: closed form, wider than betting. An intersection over
/// looks is valid too.
pub fn bernstein(x: &[f64], alpha: f64) -> Interval {
    let (center, half) = center_and_half_width(x, alpha);
    Interval::new((center - half).max(0.0), (center + half).min(1.0))
}

/// `Σλx/Σλ` and `(ln(2/α) + Σvψ(λ))/Σλ` with `v = 4(x − μ̂)²`, `ψ(λ) = (−ln(1−λ) − λ)/4`, λ ≤ ½.
fn center_and_half_width(x: &[f64], alpha: f64) -> (f64, f64) {
    let (mut stakes, mut weighted, mut spread) = (0.0, 0.0, (2.0 / alpha).ln());
    for (x, bet) in x.iter().zip(bets(x, alpha)) {
        let stake = bet.stake.min(0.5);
        stakes += stake;
        weighted += stake * x;
        // 4 · ¼ = 1.
        spread += (x - bet.mean).powi(2) * (-(-stake).ln_1p() - stake);
    }
    (weighted / stakes, spread / stakes)
}

fn mirrored(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| 1.0 - x).collect()
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    const X: [f64; 10] = [0.62, 0.48, 0.71, 0.55, 0.80, 0.66, 0.59, 0.74, 0.45, 0.68];
    const ALPHA: f64 = 0.05;

    #[test]
    fn bets_match_their_vector() {
        let bets = bets(&X, ALPHA);
        assert_close(bets[0].stake, 6.524_984_656, 1e-9);
        assert_close(bets[1].stake, 5.145_947_827, 1e-9);
        assert_close(bets[9].stake, 2.959_938_297, 1e-9);
    }

    #[test]
    fn wealth_matches_its_vector() {
        assert_close(ln_evidence_above(&X, 0.3, ALPHA).exp(), 73.195_575_36, 1e-9);
        assert_close(ln_evidence_below(&X, 0.3, ALPHA).exp(), 0.065_950_259_64, 1e-9);
        assert_close(ln_evidence_above(&X, 0.5, ALPHA).exp(), 3.186_206_395, 1e-9);
        assert_close(ln_evidence_below(&X, 0.5, ALPHA).exp(), 0.235_867_988_1, 1e-9);
    }

    #[test]
    fn interval_matches_its_vector() {
        let found = interval(&X, ALPHA);
        assert_close(found.lower, 0.328_664_582_4, 1e-9);
        assert_close(found.upper, 0.808_770_674_7, 1e-9);
    }

    #[test]
    fn bernstein_matches_its_vector() {
        let (center, half) = center_and_half_width(&X, ALPHA);
        assert_close(center, 0.628, 1e-9);
        assert_close(half, 0.743_973_292_2, 1e-9);
        assert_eq!(bernstein(&X, ALPHA), Interval::new(0.0, 1.0));
    }

    #[test]
    fn more_seeds_never_widen_the_interval() {
        let long: Vec<f64> = (0..60).map(|i| X[i % 10]).collect();
        let mut last = Interval::new(0.0, 1.0);
        for count in 1..=long.len() {
            let found = interval(&long[..count], ALPHA);
            assert!(found.lower >= last.lower && found.upper <= last.upper);
            last = found;
        }
        assert!(last.upper - last.lower < 0.2);
    }

    #[test]
    fn interval_and_evidence_agree_at_the_ends() {
        let found = interval(&X, ALPHA);
        assert_close(evidence(&X, found.lower, ALPHA).support, 0.025, 1e-9);
        assert_close(evidence(&X, found.upper, ALPHA).refute, 0.025, 1e-9);
    }

    #[test]
    fn accuracies_with_little_spread_have_a_useless_interval() {
        // Half-widths 0.246 (betting) and 0.75 (Bernstein) where Student's is 0.007.
        let x: Vec<f64> = (0..10).map(|i| 0.96 + 0.01 * [1.0, -1.0][i % 2]).collect();
        let found = interval(&x, ALPHA);
        assert!(0.5 * (found.upper - found.lower) > 0.2, "{found:?}");
        assert!(center_and_half_width(&x, ALPHA).1 > 0.7);
    }
}
