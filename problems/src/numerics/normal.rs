//! Standard normal numbers by their address: a pure function of (seed, step, noise, path).
//!
//! Ensembles ask for the numbers of many paths at once, in any order and on any thread, and a chain
//! and its diffusion must get the same ones. A generator with a state that is advanced (`rand_pcg`,
//! which stays the source of seeds) would need a jump for each; a counter-based one needs nothing.
//!
//! Bits come from Threefry-2x64 with 13 rounds (J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random
//! numbers: as easy as 1, 2, 3, SC 2011), the fewest rounds that pass all of `BigCrush`: additions,
//! rotations and exclusive ors, which every vector unit has, where Philox needs wide products. Two
//! words make two normals by the transform of Box and Muller (Ann. Math. Stat. 29 (1958) 610–611),
//! which has no branch: 1.4 ns a number with AVX-512, half the time of the ziggurat of `rand_distr`,
//! whose rejections do not vectorise.

use pulp::{Arch, Simd, WithSimd};

use crate::Seed;

/// Paths of one block: cosines of eight pairs, then their sines. Runs of normals start at a multiple.
pub const BLOCK: usize = 16;
/// Pairs of a block.
const PAIRS: usize = BLOCK / 2;
/// Bits of the counter that number the pairs of a noise; those above number the noises.
const PAIR_BITS: u32 = 40;

/// Standard normal numbers, one for every address (step, noise, path).
///
/// ```
/// use converge_problems::{Seed, numerics::Normals};
/// let normals = Normals::new(Seed::root(1));
/// let (mut all, mut some) = ([0.0; 64], [0.0; 5]);
/// normals.fill(7, 0, 0, &mut all);
/// normals.fill(7, 0, 32, &mut some);
/// assert_eq!(all[32..37], some);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Normals {
    key: [u64; 2],
}

impl Normals {
    /// The normals of `seed`.
    pub fn new(seed: Seed) -> Self {
        Self { key: seed.words() }
    }

    /// Writes the numbers of the paths `first..first + out.len()` for one `noise` of one `step`.
    ///
    /// Every number is exact to 2·10⁻¹⁵ relative to the transform of its two uniform numbers, which
    /// have 52 bits each and lie in the middle of their cells; the largest is 8.57.
    ///
    /// # Panics
    /// If `first` is no multiple of [`BLOCK`], or an address is too large: `2⁴¹` paths, `2²⁴` noises.
    pub fn fill(&self, step: u64, noise: usize, first: usize, out: &mut [f64]) {
        assert!(first.is_multiple_of(BLOCK), "paths are addressed in blocks of {BLOCK}");
        let pairs = (first + out.len()).div_ceil(2) as u64;
        assert!(pairs < 1 << PAIR_BITS && noise < 1 << (64 - PAIR_BITS), "address out of range");
        let counter = ((noise as u64) << PAIR_BITS) | (first / 2) as u64;
        Arch::new().dispatch(Fill { key: self.key, counter, step, out });
    }
}

struct Fill<'a> {
    key: [u64; 2],
    counter: u64,
    step: u64,
    out: &'a mut [f64],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { key, mut counter, step, out } = self;
        // Two blocks at a time: their chains of operations hide each other's latency.
        let mut twins = out.chunks_exact_mut(2 * BLOCK);
        for twin in &mut twins {
            let (cosines, sines) = pairs::<{ 2 * PAIRS }>(key, counter, step);
            for half in 0..2 {
                let (from, to) = (half * PAIRS, half * BLOCK);
                twin[to..to + PAIRS].copy_from_slice(&cosines[from..from + PAIRS]);
                twin[to + PAIRS..to + BLOCK].copy_from_slice(&sines[from..from + PAIRS]);
            }
            counter += 2 * PAIRS as u64;
        }
        for part in twins.into_remainder().chunks_mut(BLOCK) {
            let (cosines, sines) = pairs::<PAIRS>(key, counter, step);
            let block: [f64; BLOCK] =
                std::array::from_fn(|i| if i < PAIRS { cosines[i] } else { sines[i - PAIRS] });
            part.copy_from_slice(&block[..part.len()]);
            counter += PAIRS as u64;
        }
    }
}

/// The pairs of `N` counters from `counter`.
#[inline(always)]
fn pairs<const N: usize>(key: [u64; 2], counter: u64, step: u64) -> ([f64; N], [f64; N]) {
    let (mut radial, mut angular) = ([0; N], [0; N]);
    for l in 0..N {
        [radial[l], angular[l]] = threefry(key, [counter + l as u64, step]);
    }
    let (mut cosines, mut sines) = ([0.0; N], [0.0; N]);
    for l in 0..N {
        (cosines[l], sines[l]) = box_muller(radial[l], angular[l]);
    }
    (cosines, sines)
}

/// Threefry-2x64-13.
#[inline(always)]
fn threefry(key: [u64; 2], counter: [u64; 2]) -> [u64; 2] {
    let keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd1_1bda_a9fc_1a22];
    let mut x = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
    x = inject(rounds(x, [16, 42, 12, 31]), keys[1], keys[2], 1);
    x = inject(rounds(x, [16, 32, 24, 21]), keys[2], keys[0], 2);
    x = inject(rounds(x, [16, 42, 12, 31]), keys[0], keys[1], 3);
    rounds(x, [16])
}

#[inline(always)]
fn rounds<const R: usize>([mut a, mut b]: [u64; 2], rotations: [u32; R]) -> [u64; 2] {
    for rotation in rotations {
        a = a.wrapping_add(b);
        b = b.rotate_left(rotation) ^ a;
    }
    [a, b]
}

#[inline(always)]
fn inject([a, b]: [u64; 2], first: u64, second: u64, index: u64) -> [u64; 2] {
    [a.wrapping_add(first), b.wrapping_add(second).wrapping_add(index)]
}

/// Half of a cell of the uniform numbers.
const HALF_CELL: f64 = f64::EPSILON / 2.0;
/// `-2 ln((1-s)/(1+s)) / s` in powers of `s²`, minimax for `|s| <= (√2-1)/(√2+1)`: relative error 2e-16.
const LOG: [f64; 7] = [
    4.000_000_000_000_001,
    1.333_333_333_331_044_6,
    0.800_000_001_240_315_5,
    0.571_428_319_627_040_3,
    0.444_468_743_060_256_24,
    0.362_437_114_687_033_1,
    0.336_771_025_837_475_26,
];
/// `sin(πt/2) / t` in powers of `t²`, minimax for `|t| <= 1/2`: relative error 4e-18.
const SINE: [f64; 7] = [
    std::f64::consts::FRAC_PI_2,
    -0.645_964_097_506_244_3,
    0.079_692_626_246_039_57,
    -0.004_681_754_132_282_408,
    0.000_160_441_150_291_563_77,
    -3.598_641_754_127_068e-6,
    5.633_720_968_681_623e-8,
];
/// `cos(πt/2)` in powers of `t²`, minimax for `|t| <= 1/2`: relative error 6e-17.
const COSINE: [f64; 7] = [
    0.999_999_999_999_999_9,
    -1.233_700_550_136_148_9,
    0.253_669_507_899_753_07,
    -0.020_863_480_733_058_32,
    0.000_919_259_935_578_646_1,
    -2.520_008_413_314_603_6e-5,
    4.654_617_621_725_773e-7,
];

/// Two independent normals from two uniform words: a radius `√(-2 ln u)`, and an angle made of a
/// uniform one within a quarter turn, a bit that exchanges sine and cosine and a bit that turns the
/// point by half a turn.
#[inline(always)]
fn box_muller(radial: u64, angular: u64) -> (f64, f64) {
    let u = (2.0 - mantissa(radial)) - HALF_CELL;
    let radius = minus_two_ln(u).sqrt();
    let radius = f64::from_bits(radius.to_bits() ^ (angular << 63));
    let t = (mantissa(angular) - 1.5) + HALF_CELL;
    let z = t * t;
    let sine = t * horner(&SINE, z);
    let cosine = horner(&COSINE, z);
    let (x, y) = if angular & 2 == 0 { (cosine, sine) } else { (sine, cosine) };
    (radius * x, radius * y)
}

/// The upper 52 bits as a number in `[1, 2)`.
#[inline(always)]
fn mantissa(bits: u64) -> f64 {
    f64::from_bits((bits >> 12) | 0x3ff0_0000_0000_0000)
}

#[inline(always)]
fn horner(coefficients: &[f64; 7], x: f64) -> f64 {
    let [first @ .., last] = coefficients;
    first.iter().rev().fold(*last, |sum, c| sum.mul_add(x, *c))
}

/// `-2 ln u` for normal `0 < u < 1`: `u = 2^k m` with `m` between `√½` and `√2`, and `s = (1-m)/(1+m)`.
#[inline(always)]
fn minus_two_ln(u: f64) -> f64 {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let offset = u.to_bits().wrapping_sub(0x3fe6_a09e_667f_3bcd);
    let exponent = offset.cast_signed() >> 52;
    let m = f64::from_bits(u.to_bits().wrapping_sub((exponent << 52).cast_unsigned()));
    let k = f64::from_bits(ROUND.to_bits().wrapping_add_signed(exponent)) - ROUND;
    let s = (1.0 - m) / (1.0 + m);
    let z = s * s;
    let w = z * z;
    // In pairs: short dependency chains.
    let low = w.mul_add(z.mul_add(LOG[3], LOG[2]), z.mul_add(LOG[1], LOG[0]));
    let high = w.mul_add(LOG[6], z.mul_add(LOG[5], LOG[4]));
    k.mul_add(-2.0 * std::f64::consts::LN_2, s * (w * w).mul_add(high, low))
}

#[cfg(test)]
mod tests;
