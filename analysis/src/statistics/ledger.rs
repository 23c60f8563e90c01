//! One error budget for the claims of a ledger (2.8).
//!
//! Verdicts are decided at fixed weights, `alpha` times the weight of the claim, whichever other
//! claims were run; so nothing here changes a verdict. The adjusted values are printed beside, and
//! e-values serve explorative sweeps. A ledger of K claims has 2K hypotheses, two a claim; one that
//! cannot be decided brings [`Evidence::NONE`]. Sources: S. Holm, A simple sequentially rejective
//! multiple test procedure, 1979, Scand. J. Statist. 6; Y. Benjamini, Y. Hochberg, Controlling the
//! false discovery rate, 1995, JRSS B 57; V. Vovk, R. Wang, E-values: calibration, combination and
//! applications, 2021, arXiv 1912.06116; R. Wang, A. Ramdas, False discovery rate control with
//! e-values, 2022, arXiv 2009.02824.

use super::Evidence;

/// Holm's adjusted p-values, in the order given: `max_{i ≤ j} min(1, (n − i + 1) p_(i))`. Valid
/// under any dependence.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = rising(p);
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        largest = largest.max((p.len() - place) as f64 * p[index]).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

/// Holm's adjustment of both directions of every claim together.
pub fn holm_of_claims(claims: &[Evidence]) -> Vec<Evidence> {
    let all: Vec<f64> = claims.iter().flat_map(|claim| [claim.support, claim.refute]).collect();
    holm(&all).chunks_exact(2).map(|pair| Evidence { support: pair[0], refute: pair[1] }).collect()
}

/// Adjusted p-values of Benjamini and Hochberg, in the order given: false discovery rate, for
/// independent or positively dependent hypotheses.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = rising(p);
    let mut adjusted = vec![0.0; p.len()];
    let mut smallest = 1.0_f64;
    for (place, index) in order.into_iter().enumerate().rev() {
        smallest = smallest.min(p.len() as f64 * p[index] / (place + 1) as f64);
        adjusted[index] = smallest;
    }
    adjusted
}

/// Adjusted e-values by closure with averages, in the order given: each with the mean of itself and
/// the j smallest others, for the worst j. Reject where it is at least `1/alpha`; valid under any
/// dependence.
pub fn e_holm(e: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; e.len()];
    let mut smaller: Vec<f64> = Vec::with_capacity(e.len());
    for index in rising(e) {
        let mut sum = e[index];
        let mut worst = sum;
        for (others, other) in smaller.iter().enumerate() {
            sum += other;
            worst = worst.min(sum / (others + 2) as f64);
        }
        adjusted[index] = worst;
        smaller.push(e[index]);
    }
    adjusted
}

/// How many of the largest e-values are discoveries at false discovery rate `alpha`: the largest k
/// with `e_[k] ≥ n/(kα)`. Valid under any dependence; explorative sweeps only.
pub fn e_discoveries(e: &[f64], alpha: f64) -> usize {
    let order = rising(e);
    (1..=e.len())
        .rev()
        .find(|k| e[order[e.len() - k]] >= e.len() as f64 / (*k as f64 * alpha))
        .unwrap_or(0)
}

/// An e-value from a fixed p-value, `κ p^{κ−1}` with κ = ½. Never `1/p`.
pub fn calibrated(p: f64) -> f64 {
    0.5 / p.sqrt()
}

/// An e-value from a fixed p-value, the average of all power calibrators: `(1 − p + p ln p)/(p ln² p)`;
/// its limit ½ at 1. Which of the two is fixed beforehand.
pub fn calibrated_by_average(p: f64) -> f64 {
    let log = p.ln();
    // Near 1 the formula cancels; its series in 1 − p is ½ + (1 − p)/6 + ….
    if log > -1e-4 { 0.5 - log / 6.0 } else { (1.0 - p + p * log) / (p * log * log) }
}

/// Places of the values from the smallest to the largest.
fn rising(x: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    const P: [f64; 5] = [0.001, 0.012, 0.03, 0.04, 0.2];
    const E: [f64; 5] = [60.0, 2.0, 35.0, 0.5, 110.0];

    fn all_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_close(*found, *expected, 1e-9);
        }
    }

    #[test]
    fn adjusted_p_values_match_statsmodels() {
        all_close(&holm(&P), &[0.005, 0.048, 0.09, 0.09, 0.2]);
        all_close(&benjamini_hochberg(&P), &[0.005, 0.03, 0.05, 0.05, 0.2]);
    }

    #[test]
    fn adjusted_p_values_keep_the_order_given() {
        let shuffled = [P[3], P[0], P[4], P[2], P[1]];
        all_close(&holm(&shuffled), &[0.09, 0.005, 0.2, 0.09, 0.048]);
        all_close(&benjamini_hochberg(&shuffled), &[0.05, 0.005, 0.2, 0.05, 0.03]);
    }

    #[test]
    fn both_directions_of_a_claim_are_adjusted_together() {
        let claims = [
            Evidence { support: P[0], refute: P[4] },
            Evidence { support: P[3], refute: P[1] },
            Evidence { support: 1.0, refute: P[2] },
        ];
        let all = holm(&[P[0], P[4], P[3], P[1], 1.0, P[2]]);
        let found = holm_of_claims(&claims);
        all_close(&[found[1].support, found[2].refute], &[all[2], all[5]]);
    }

    #[test]
    fn adjusted_e_values_match_their_vector() {
        all_close(&e_holm(&E), &[20.833_333_33, 1.25, 12.5, 0.5, 36.875]);
        assert_eq!(e_discoveries(&E, 0.05), 3);
        assert_eq!(e_discoveries(&[1.0, 2.0], 0.05), 0);
    }

    #[test]
    fn calibrators_match_their_vectors() {
        assert_close(calibrated_by_average(0.001), 20.791_133_54, 1e-9);
        assert_close(calibrated(0.001), 15.811_388_3, 1e-9);
    }

    #[test]
    fn calibrators_have_mean_one_at_most() {
        // ∫₀¹ f(p) dp = 1 for both; in u = √p the midpoint rule has a bounded integrand. The
        // average calibrator keeps 1/ln²p of its mass left of p = 4·10⁻¹¹: about 4 %.
        let mean = |f: &dyn Fn(f64) -> f64| -> f64 {
            let steps = 200_000;
            (0..steps)
                .map(|i| (i as f64 + 0.5) / steps as f64)
                .map(|u| f(u * u) * 2.0 * u / steps as f64)
                .sum()
        };
        assert_close(mean(&calibrated), 1.0, 1e-9);
        let average = mean(&calibrated_by_average);
        assert!((0.9..1.0).contains(&average), "{average}");
    }

    #[test]
    fn the_average_calibrator_is_smooth_at_one() {
        assert_close(calibrated_by_average(1.0), 0.5, 1e-15);
        assert_close(calibrated_by_average(1.0 - 9e-5), calibrated_by_average(1.0 - 1.1e-4), 1e-5);
    }
}
