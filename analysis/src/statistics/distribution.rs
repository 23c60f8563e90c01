//! Tails and quantiles of the laws that the procedures need. Upper tails are computed as such,
//! never as `1 − F`, so that small p-values keep their digits.

use rand::Rng;
use rand_pcg::Pcg64;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::{beta_reg, ln_beta};
use statrs::function::erf::erfc;
use statrs::function::factorial::ln_binomial;
use statrs::function::gamma::{gamma_ur, ln_gamma};

/// `P(T ≥ t)` for Student's law with `freedom` degrees of freedom.
pub fn student_upper(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let tail = 0.5 * beta_reg(0.5 * freedom, 0.5, freedom / (freedom + t * t));
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// `P(T ≤ t)` for Student's law.
pub fn student_lower(t: f64, freedom: f64) -> f64 {
    student_upper(-t, freedom)
}

/// The value that Student's law stays below with probability `level` in (0, 1).
pub fn student_quantile(level: f64, freedom: f64) -> f64 {
    if level < 0.5 {
        return -student_quantile(1.0 - level, freedom);
    }
    let mut high = 1.0;
    while student_upper(high, freedom) > 1.0 - level {
        high *= 2.0;
    }
    bisect(0.0, high, |t| student_upper(t, freedom) > 1.0 - level)
}

/// `P(T ≥ t)` for Student's law with `freedom` degrees of freedom and noncentrality `shift`, the law
/// of `(Z + shift)/√(χ²/freedom)`: the power of a t-test. Source: R. Lenth, Cumulative distribution
/// function of the non-central t distribution, 1989, Applied Statistics 38 (AS 243); here summed for
/// the upper tail, where all terms have one sign if `t` and `shift` are positive.
pub fn noncentral_student_upper(t: f64, freedom: f64, shift: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - noncentral_student_upper(-t, freedom, -shift);
    }
    let rate = 0.5 * shift * shift;
    let share = freedom / (freedom + t * t);
    // Poisson weights of rate δ²/2 beyond twelve deviations are below the last digit.
    let reach = 12.0 * rate.sqrt();
    let (from, to) = ((rate - reach - 20.0).max(0.0) as u64, (rate + reach + 60.0) as u64);
    let tail = |a: f64| beta_reg(0.5 * freedom, a, share);
    let weight = |a: f64| {
        let power = if rate > 0.0 { a * rate.ln() } else { 0.0 };
        if rate > 0.0 || a <= 0.0 { (power - rate - ln_gamma(a + 1.0)).exp() } else { 0.0 }
    };
    // The weights of the half-integers are those of the integers shifted by ½.
    0.5 * (from..=to)
        .map(|j| j as f64)
        .map(|j| weight(j) * tail(j + 0.5) + shift.signum() * weight(j + 0.5) * tail(j + 1.0))
        .sum::<f64>()
}

/// `P(Z ≥ z)` for the standard normal law.
pub fn normal_upper(z: f64) -> f64 {
    0.5 * erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// `P(Z ≤ z)` for the standard normal law.
pub fn normal_lower(z: f64) -> f64 {
    normal_upper(-z)
}

/// The value that the standard normal law stays below with probability `level` in (0, 1).
pub fn normal_quantile(level: f64) -> f64 {
    Normal::standard().inverse_cdf(level)
}

/// `I_x(a, b)`, the regularized incomplete beta function; the cdf of the beta law.
pub fn beta_lower(a: f64, b: f64, x: f64) -> f64 {
    beta_reg(a, b, x.clamp(0.0, 1.0))
}

/// The value that the beta law stays below with probability `level`.
pub fn beta_quantile(level: f64, a: f64, b: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_lower(a, b, x) < level)
}

/// `P(X ≥ x)` for the χ² law with `freedom` degrees of freedom.
pub fn chi_square_upper(x: f64, freedom: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { gamma_ur(0.5 * freedom, 0.5 * x) }
}

/// The value that the χ² law stays below with probability `level` in (0, 1).
pub fn chi_square_quantile(level: f64, freedom: f64) -> f64 {
    let above = |x: f64| chi_square_upper(x, freedom) > 1.0 - level;
    let mut high = freedom;
    while above(high) {
        high *= 2.0;
    }
    bisect(0.0, high, above)
}

/// `ln B(a, b)`.
pub fn ln_beta_function(a: f64, b: f64) -> f64 {
    ln_beta(a, b)
}

/// `P(Bin(trials, p) = successes)`.
pub fn binomial_mass(successes: u64, trials: u64, p: f64) -> f64 {
    // 0 · ln 0 = 0 at the ends.
    let term = |count: u64, x: f64| if count == 0 { 0.0 } else { count as f64 * x.ln() };
    (ln_binomial(trials, successes) + term(successes, p) + term(trials - successes, 1.0 - p)).exp()
}

/// `P(Bin(trials, p) ≤ successes)`.
pub fn binomial_lower(successes: u64, trials: u64, p: f64) -> f64 {
    (0..=successes.min(trials)).map(|k| binomial_mass(k, trials, p)).sum::<f64>().min(1.0)
}

/// `P(Bin(trials, p) ≥ successes)`.
pub fn binomial_upper(successes: u64, trials: u64, p: f64) -> f64 {
    (successes..=trials).rev().map(|k| binomial_mass(k, trials, p)).sum::<f64>().min(1.0)
}

/// `P(X = hits)` for the hits among `draws` items taken without return from `total`, of which
/// `marked` are hits.
pub fn hypergeometric_mass(hits: u64, draws: u64, marked: u64, total: u64) -> f64 {
    let missed = draws.checked_sub(hits).filter(|missed| *missed <= total - marked);
    let (true, Some(missed)) = (hits <= marked, missed) else { return 0.0 };
    let ways = ln_binomial(marked, hits) + ln_binomial(total - marked, missed);
    (ways - ln_binomial(total, draws)).exp()
}

/// Uniform in (0, 1), the middles of 2⁵² equal cells; never an end.
pub fn uniform(rng: &mut Pcg64) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * 2.0_f64.powi(-52)
}

/// The point of `[low, high]` where `below` turns from true to false, to the last digit.
pub fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn student_quantile_of_one_degree_is_the_tangent() {
        // F⁻¹(p) = tan(π(p − ½)) for the Cauchy law.
        for level in [0.6, 0.9, 0.975, 0.999_95] {
            let exact = (std::f64::consts::PI * (level - 0.5)).tan();
            assert_close(student_quantile(level, 1.0), exact, 1e-11);
        }
    }

    #[test]
    fn student_quantile_matches_scipy() {
        assert_close(student_quantile(0.975, 9.0), 2.262_157_163, 1e-9);
    }

    #[test]
    fn far_student_tail_keeps_its_digits() {
        // Cauchy: P(T ≥ t) = atan(1/t)/π.
        assert_close(student_upper(1e8, 1.0), (1e-8_f64).atan() / std::f64::consts::PI, 1e-12);
    }

    #[test]
    fn normal_quantile_matches_scipy() {
        assert_close(normal_quantile(0.999), 3.090_232_306, 1e-9);
        assert_close(normal_quantile(1.0 - 5e-7), 4.891_638_476, 1e-9);
    }

    #[test]
    fn normal_tails_match_scipy() {
        // The error function behind them has eleven digits.
        assert_close(normal_upper(1.959_963_984_540_054), 0.025, 1e-10);
        assert_close(normal_upper(6.0), 9.865_876_450_376_946e-10, 1e-9);
        assert_close(normal_lower(1.0) + normal_upper(1.0), 1.0, 1e-15);
    }

    #[test]
    fn noncentral_student_matches_scipy() {
        // nct.sf(t.ppf(.975, 9), 9, √10), and its mirror.
        let found = noncentral_student_upper(2.262_157_162_798_206, 9.0, 10.0_f64.sqrt());
        assert_close(found, 0.803_096_208_7, 1e-9);
        let mirror = noncentral_student_upper(-2.262_157_162_798_206, 9.0, -(10.0_f64.sqrt()));
        assert_close(mirror, 1.0 - found, 1e-12);
    }

    #[test]
    fn noncentral_student_without_shift_is_student() {
        for t in [0.0, 0.3, 2.0, 9.0] {
            assert_close(noncentral_student_upper(t, 7.0, 0.0), student_upper(t, 7.0), 1e-12);
        }
    }

    #[test]
    fn hypergeometric_masses_sum_to_one_and_vanish_outside() {
        let sum: f64 = (0..=10).map(|hits| hypergeometric_mass(hits, 10, 7, 20)).sum();
        assert_close(sum, 1.0, 1e-13);
        assert!(hypergeometric_mass(8, 10, 7, 20).abs() < f64::MIN_POSITIVE);
        assert!(hypergeometric_mass(0, 10, 15, 20).abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn chi_square_of_two_degrees_is_exponential() {
        for x in [1e-3, 0.362_472_001, 5.0, 60.0] {
            assert_close(chi_square_upper(x, 2.0), (-0.5 * x).exp(), 1e-12);
        }
        assert_close(chi_square_quantile(0.999, 2.0), 2.0 * 1000.0_f64.ln(), 1e-12);
        // One degree: the square of a normal number.
        let z = normal_quantile(0.9995);
        assert_close(chi_square_quantile(0.999, 1.0), z * z, 1e-10);
    }

    #[test]
    fn binomial_tails_sum_to_one() {
        for k in 1..=20 {
            let sum = binomial_lower(k - 1, 20, 0.3) + binomial_upper(k, 20, 0.3);
            assert_close(sum, 1.0, 1e-13);
        }
        assert_close(binomial_upper(10, 10, 0.5), 0.5_f64.powi(10), 1e-12);
        assert_close(binomial_upper(10, 10, 1.0), 1.0, 1e-15);
    }

    #[test]
    fn beta_quantile_of_a_power_law_is_its_root() {
        // Beta(a, 1) has the cdf x^a.
        assert_close(beta_quantile(0.2, 3.0, 1.0), 0.2_f64.powf(1.0 / 3.0), 1e-13);
    }
}
