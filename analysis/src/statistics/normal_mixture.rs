//! The normal mixture (2.7): sums of numbers whose variance, or a sub-Gaussian bound on it, is known,
//! looked at after every seed.
//!
//! `sum` is `S = Σ(x − θ₀)` and `variance` is `V = nσ²`; numbers in [a, b] have σ = (b − a)/2.
//! Sources: H. Robbins, Statistical methods related to the law of the iterated logarithm, 1970, doi
//! 10.1214/aoms/1177696786; S. Howard, A. Ramdas, J. `McAuliffe`, J. Sekhon, arXiv 1810.08240 (the
//! one-sided and the stitched boundary).

use super::Evidence;
use super::distribution::{bisect, normal_lower};

/// The prior variance ρ of the mixture whose boundary at `alpha` is tightest near `variance`:
/// `V*/(−2 ln α + ln(−2 ln α) + 1)`. Fixed before the data.
pub fn tuned(variance: f64, alpha: f64) -> f64 {
    let log = -2.0 * alpha.ln();
    variance / (log + log.ln() + 1.0)
}

/// Logarithm of the two-sided evidence against `E S = 0`: `√(ρ/(V+ρ)) exp(S²/(2(V+ρ)))`.
pub fn ln_evidence(sum: f64, variance: f64, rho: f64) -> f64 {
    0.5 * (rho / (variance + rho)).ln() + sum * sum / (2.0 * (variance + rho))
}

/// Logarithm of the evidence that the mean is above the null; with `-sum`, below it:
/// `√(4ρ/(V+ρ)) exp(S²/(2(V+ρ))) Φ(S/√(V+ρ))`.
pub fn ln_evidence_above(sum: f64, variance: f64, rho: f64) -> f64 {
    let z = sum / (variance + rho).sqrt();
    std::f64::consts::LN_2 + ln_evidence(sum, variance, rho) + normal_lower(z).ln()
}

/// Anytime-valid p-values of "the mean is above the null" at this look alone; a caller that looked
/// before keeps the smaller.
pub fn evidence(sum: f64, variance: f64, rho: f64) -> Evidence {
    Evidence {
        support: (-ln_evidence_above(sum, variance, rho)).exp().min(1.0),
        refute: (-ln_evidence_above(-sum, variance, rho)).exp().min(1.0),
    }
}

/// `|S|` that is ever exceeded with probability at most `alpha`: `√((V+ρ) ln((V+ρ)/(ρα²)))`.
pub fn boundary(variance: f64, rho: f64, alpha: f64) -> f64 {
    let total = variance + rho;
    (total * (total / (rho * alpha * alpha)).ln()).sqrt()
}

/// `S` that is ever exceeded with probability at most `error`, one-sided: where the evidence above
/// reaches `1/error`.
pub fn boundary_above(variance: f64, rho: f64, error: f64) -> f64 {
    // Evidence above is at most twice the two-sided one, so that the two-sided boundary at the half
    // error is beyond the root.
    bisect(0.0, boundary(variance, rho, 0.5 * error), |sum| {
        ln_evidence_above(sum, variance, rho) < -error.ln()
    })
}

/// Stitched boundary in closed form for `variance ≥ 1`, one-sided: `1.7 √(V(ln ln 2V + 0.72
/// ln(5.2/a)))`. Wider than the mixture near its ρ, narrower far from it.
///
/// # Panics
/// If `variance < 1`, where the boundary does not hold.
pub fn stitched(variance: f64, error: f64) -> f64 {
    assert!(variance >= 1.0, "the stitched boundary starts at variance 1, not {variance}");
    1.7 * (variance * ((2.0 * variance).ln().ln() + 0.72 * (5.2 / error).ln())).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn boundaries_match_their_vectors() {
        assert_close(boundary(10.0, 5.0, 0.05), 10.312_669_52, 1e-9);
        assert_close(boundary_above(10.0, 5.0, 0.025), 10.318_291_71, 1e-9);
        assert_close(stitched(10.0, 0.025), 11.948_734_07, 1e-9);
    }

    #[test]
    fn evidence_crosses_its_threshold_at_the_boundary() {
        let sum = boundary(10.0, 5.0, 0.05);
        assert_close(ln_evidence(sum, 10.0, 5.0), 20.0_f64.ln(), 1e-12);
        let sum = boundary_above(10.0, 5.0, 0.025);
        assert_close(evidence(sum, 10.0, 5.0).support, 0.025, 1e-12);
        assert_close(evidence(-sum, 10.0, 5.0).refute, 0.025, 1e-12);
    }

    #[test]
    fn one_sided_evidence_averages_to_two_sided() {
        for sum in [-3.0, 0.0, 2.0, 7.0] {
            let sides =
                ln_evidence_above(sum, 9.0, 2.0).exp() + ln_evidence_above(-sum, 9.0, 2.0).exp();
            assert_close(0.5 * sides, ln_evidence(sum, 9.0, 2.0).exp(), 1e-12);
        }
    }

    #[test]
    fn tuning_is_best_near_its_variance() {
        // The approximation is the leading part of Lambert's function: within 2 % of the best.
        let at = 20.0;
        let chosen = boundary(at, tuned(at, 0.05), 0.05);
        for factor in [0.1, 0.3, 0.6, 1.5, 3.0, 10.0] {
            assert!(chosen <= 1.02 * boundary(at, factor * tuned(at, 0.05), 0.05), "{factor}");
        }
    }
}
