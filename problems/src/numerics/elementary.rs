//! Exponential, logarithms and hyperbolic tangent of `f64`.

/// `1.5 · 2^52`: adding it rounds to the nearest integer, which then sits in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// The upper part of ln 2: its last 20 bits are zero, so a product with an exponent is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// What is left of ln 2.
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `eˣ` with an error of at most 1.5 units in the last place of a normal result; subnormal results
/// lose the bits they do not have. `exp(-∞) = 0`, `exp(∞) = ∞`, NaN stays NaN.
///
/// Reduction to `|r| <= ln 2 / 2` in two parts, the Taylor polynomial of degree 13 (truncation
/// below 2^-57), scaling by two powers of two so that neither end of the range needs a branch.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let clamped = if x > 1000.0 { 1000.0 } else { x };
    let clamped = if clamped < -1000.0 { -1000.0 } else { clamped };
    let n = clamped.mul_add(std::f64::consts::LOG2_E, ROUND) - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, clamped));
    let r2 = r * r;
    let r4 = r2 * r2;
    // 1/k! from k = 2 upwards, in pairs: short dependency chains.
    let a = r.mul_add(1.0 / 6.0, 1.0 / 2.0);
    let b = r.mul_add(1.0 / 120.0, 1.0 / 24.0);
    let c = r.mul_add(1.0 / 5_040.0, 1.0 / 720.0);
    let d = r.mul_add(1.0 / 362_880.0, 1.0 / 40_320.0);
    let e = r.mul_add(1.0 / 39_916_800.0, 1.0 / 3_628_800.0);
    let f = r.mul_add(1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0);
    let low = r2.mul_add(b, a);
    let middle = r2.mul_add(d, c);
    let high = r2.mul_add(f, e);
    let q = r4.mul_add(r4.mul_add(high, middle), low);
    let p = 1.0 + r2.mul_add(q, r);
    let half = n.mul_add(0.5, ROUND);
    let rest = (n - (half - ROUND)) + ROUND;
    p * power_of_two(half) * power_of_two(rest)
}

/// `2ⁿ` for `shifted = n + ROUND`, |n| < 1023.
#[inline(always)]
fn power_of_two(shifted: f64) -> f64 {
    f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// Natural logarithm with an error of at most 1 unit in the last place. `ln 0 = -∞`, `ln ∞ = ∞`,
/// NaN for negative arguments and NaN.
///
/// `x = 2^k m` with `m` between `√½` and `√2`, then `ln m = 2 artanh(s)`, `s = (m-1)/(m+1)`, with
/// the polynomial in `s²` of the freely distributable math library (Sun Microsystems, 1993).
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    let tiny = x < f64::MIN_POSITIVE;
    let scaled = if tiny { x * 18_014_398_509_481_984.0 } else { x };
    let shift = if tiny { 54.0 } else { 0.0 };
    // sqrt(1/2) in bits: the exponent counted from there splits [√½, √2) from its powers of two.
    let offset = scaled.to_bits().wrapping_sub(0x3fe6_a09e_667f_3bcd);
    let exponent = offset.cast_signed() >> 52;
    let m = f64::from_bits(scaled.to_bits().wrapping_sub((exponent << 52).cast_unsigned()));
    let k = f64::from_bits(ROUND.to_bits().wrapping_add_signed(exponent)) - ROUND - shift;
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w.mul_add(0.153_138_376_992_093_73, 0.222_221_984_321_497_84);
    let even = w * w.mul_add(even, 0.399_999_999_994_094_2);
    let odd = w.mul_add(0.147_981_986_051_165_86, 0.181_835_721_616_180_5);
    let odd = z * w.mul_add(w.mul_add(odd, 0.285_714_287_436_623_9), 0.666_666_666_666_673_5);
    let r = even + odd;
    let half = 0.5 * f * f;
    let value = k * LN_2_HIGH - ((half - (s * (half + r) + k * LN_2_LOW)) - f);
    let value = if x > f64::MAX { x } else { value };
    let value = if x > 0.0 { value } else { f64::NAN };
    if x + 0.0 == 0.0 && x.to_bits() << 1 == 0 { f64::NEG_INFINITY } else { value }
}

/// `ln(1 + x)` for `0 <= x < 10^300`, with an error of at most 2 units in the last place also where
/// `1 + x` rounds to 1.
#[inline(always)]
pub fn ln_1p(x: f64) -> f64 {
    let u = 1.0 + x;
    ln(u) + (x - (u - 1.0)) / u
}

/// `tanh x` with an error of at most 2 units in the last place of 1: absolute, so that tiny arguments
/// lose relative accuracy.
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let t = exp(-2.0 * x.abs());
    ((1.0 - t) / (1.0 + t)).copysign(x)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::Seed;

    /// Distance in units in the last place of `b`.
    fn ulps(a: f64, b: f64) -> f64 {
        (a - b).abs() / (b.abs().max(f64::MIN_POSITIVE) * f64::EPSILON)
    }

    fn worst(range: std::ops::Range<f64>, ours: fn(f64) -> f64, theirs: fn(f64) -> f64) -> f64 {
        let mut rng = Seed::root(1).child("elementary").rng();
        (0..200_000)
            .map(|_| {
                let x = rng.random_range(range.clone());
                ulps(ours(x), theirs(x))
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn exp_is_within_two_ulps_over_the_whole_range() {
        assert!(worst(-1.0..1.0, exp, f64::exp) <= 1.5);
        assert!(worst(-708.0..709.7, exp, f64::exp) <= 1.5);
    }

    #[test]
    fn exp_meets_its_ends() {
        assert_eq!(exp(f64::NEG_INFINITY).to_bits(), 0);
        assert_eq!(exp(-800.0).to_bits(), 0);
        assert!(exp(f64::INFINITY).is_infinite() && exp(710.0).is_infinite());
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(exp(0.0).to_bits(), 1.0_f64.to_bits());
        let subnormal = exp(-740.0);
        assert!((subnormal - (-740.0_f64).exp()).abs() <= 5e-324 * 2.0);
    }

    #[test]
    fn ln_is_within_one_ulp_and_meets_its_ends() {
        assert!(worst(0.5..2.0, ln, f64::ln) <= 1.0);
        assert!(worst(1e-300..1e300, ln, f64::ln) <= 1.0);
        let exponents = worst(-700.0..700.0, |x| ln(x.exp()), |x| x.exp().ln());
        assert!(exponents <= 1.0, "{exponents}");
        assert!(ln(0.0).is_infinite() && ln(0.0) < 0.0);
        assert!(ln(f64::INFINITY).is_infinite());
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan());
        assert!(ulps(ln(3e-310), 3e-310_f64.ln()) <= 1.0);
    }

    #[test]
    fn ln_1p_keeps_tiny_arguments() {
        assert!(worst(0.0..3.0, ln_1p, f64::ln_1p) <= 2.0);
        let tiny = worst(-100.0..-20.0, |x| ln_1p(x.exp()), |x| x.exp().ln_1p());
        assert!(tiny <= 2.0, "{tiny}");
        assert_eq!(ln_1p(0.0).to_bits(), 0);
    }

    #[test]
    fn tanh_is_within_two_ulps_of_one() {
        let mut rng = Seed::root(2).child("elementary").rng();
        for _ in 0..200_000 {
            let x = rng.random_range(-30.0..30.0);
            assert!((tanh(x) - x.tanh()).abs() <= 2.0 * f64::EPSILON, "{x}");
        }
        assert_eq!(tanh(f64::NEG_INFINITY).to_bits(), (-1.0_f64).to_bits());
        assert_eq!(tanh(-0.0).to_bits(), (-0.0_f64).to_bits());
        assert!(tanh(f64::NAN).is_nan());
    }
}
