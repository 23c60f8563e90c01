use statrs::distribution::{ContinuousCDF, Normal};

use super::*;

/// Numbers of one test of moments: deviations of `4/√N` and less show.
const MANY: usize = 1 << 22;

fn many(seed: u64) -> Vec<f64> {
    let mut numbers = vec![0.0; MANY];
    Normals::new(Seed::root(seed)).fill(0, 0, 0, &mut numbers);
    numbers
}

/// Vectors of the authors' file of known answers, key and counter of all zeros, all ones, digits of π.
#[test]
fn threefry_gives_the_published_answers() {
    let answers = [
        ([0; 2], [0; 2], [0xf167_b032_c3b4_80bd, 0xe91f_9fee_4b7a_6fb5]),
        ([u64::MAX; 2], [u64::MAX; 2], [0xccde_c5c9_17a8_74b1, 0x4df5_3abc_a26c_eb01]),
        (
            [0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89],
            [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344],
            [0xc3aa_c715_6104_2993, 0x3fe7_ae88_01af_f316],
        ),
    ];
    for (key, counter, expected) in answers {
        assert_eq!(threefry(key, counter), expected);
    }
}

#[test]
fn the_transform_is_exact_up_to_its_tails() {
    let mut words = Seed::root(3).child("words").rng();
    let extremes = [0, 1 << 12, u64::MAX, u64::MAX - (1 << 12), 1 << 63];
    let random = std::iter::repeat_with(|| rand::RngExt::random::<u64>(&mut words)).take(100_000);
    for radial in extremes.into_iter().chain(random) {
        // The middle of its cell, and the same cell of 1 - u: no rounding before the logarithm.
        let cell = ((radial >> 12) as f64 + 0.5) * f64::EPSILON;
        let exact = (-2.0 * (-cell).ln_1p()).sqrt();
        let near_one = (-2.0 * (1.0 - cell).ln()).sqrt();
        let expected = if cell < 0.5 { exact } else { near_one };
        let angular = radial.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (x, y) = box_muller(radial, angular);
        let radius = x.hypot(y);
        assert!((radius - expected).abs() <= 2e-15 * expected, "{radius} against {expected}");
        // t carries a rounding of at most half a cell into an angle of at most π/4.
        let t = ((angular >> 12) as f64 + 0.5) * f64::EPSILON - 0.5;
        let (sine, cosine) = (t * std::f64::consts::FRAC_PI_2).sin_cos();
        let sign = if angular & 1 == 0 { 1.0 } else { -1.0 };
        let (first, second) = if angular & 2 == 0 { (cosine, sine) } else { (sine, cosine) };
        for (ours, theirs) in [(x, first), (y, second)] {
            assert!((ours - sign * expected * theirs).abs() <= 2e-15 * expected.max(1e-8));
        }
    }
    // u = 2^-53 is the smallest.
    let (x, y) = box_muller(u64::MAX, 0);
    assert!((x.hypot(y) - (106.0 * std::f64::consts::LN_2).sqrt()).abs() <= 1e-14);
    assert!(x.hypot(y) > 8.5);
}

/// Each moment fails by chance once in 16,000 seeds.
#[test]
fn moments_up_to_the_eighth_are_those_of_the_normal_law() {
    let numbers = many(1);
    // E x^2k = (2k-1)!!
    let even = |k: i32| (1..=k).map(|i| f64::from(2 * i - 1)).product::<f64>();
    for power in 1..=8_i32 {
        let mean = numbers.iter().map(|x| x.powi(power)).sum::<f64>() / MANY as f64;
        let expected = if power % 2 == 0 { even(power / 2) } else { 0.0 };
        let variance = even(power) - expected * expected;
        let bound = 4.0 * (variance / MANY as f64).sqrt();
        assert!((mean - expected).abs() <= bound, "moment {power}: {mean}, bound {bound}");
    }
}

/// Fails by chance once in 1000 seeds.
#[test]
fn the_law_is_normal_by_kolmogorov_and_smirnov() {
    let mut numbers = many(2);
    numbers.sort_unstable_by(f64::total_cmp);
    let normal = Normal::standard();
    let distance = numbers
        .iter()
        .enumerate()
        .map(|(i, &x)| {
            let below = normal.cdf(x) - i as f64 / MANY as f64;
            below.abs().max((1.0 / MANY as f64 - below).abs())
        })
        .fold(0.0, f64::max);
    assert!(distance * (MANY as f64).sqrt() <= 1.95, "{distance}");
}

/// Counts are Poisson; 4.5 deviations allow for their skewness.
#[test]
fn tails_hold_what_they_must() {
    let normal = Normal::standard();
    let numbers: Vec<f64> = (3..7).flat_map(many).collect();
    for bound in [3.0, 4.0, 4.5, 5.0] {
        let expected = normal.sf(bound) * numbers.len() as f64;
        for sign in [1.0, -1.0] {
            let count = numbers.iter().filter(|x| sign * **x > bound).count() as f64;
            let gap = (count - expected).abs();
            assert!(gap <= 4.5 * expected.sqrt() + 1.0, "{count} beyond {bound}, not {expected}");
        }
    }
}

/// Each correlation fails by chance once in 16,000 seeds.
#[test]
fn neighbours_in_every_direction_are_uncorrelated() {
    const COUNT: usize = 1 << 18;
    let run = |seed: Seed, step: u64, noise: usize, first: usize| {
        let mut numbers = vec![0.0; COUNT];
        Normals::new(seed).fill(step, noise, first, &mut numbers);
        numbers
    };
    let seed = Seed::root(8);
    let base = run(seed, 5, 2, 0);
    let others = [
        ("step", run(seed, 6, 2, 0)),
        ("noise", run(seed, 5, 3, 0)),
        ("seed", run(Seed::root(9), 5, 2, 0)),
        ("next path", base[1..].to_vec()),
        ("other half of the block", base[8..].to_vec()),
        ("next block", base[16..].to_vec()),
    ];
    for (name, other) in others {
        let n = other.len() as f64;
        let correlation = |f: fn(f64) -> f64| {
            base.iter().zip(&other).map(|(a, b)| f(*a) * f(*b)).sum::<f64>() / n
        };
        let plain = correlation(|x| x);
        assert!(plain.abs() <= 4.0 / n.sqrt(), "{name}: {plain}");
        // x² - 1 has variance 2.
        let squares = correlation(|x| x * x - 1.0);
        assert!(squares.abs() <= 8.0 / n.sqrt(), "squares, {name}: {squares}");
    }
}

#[test]
fn a_number_depends_on_its_address_alone() {
    let normals = Normals::new(Seed::root(4));
    let mut all = vec![0.0; 16 * 13];
    normals.fill(9, 1, 0, &mut all);
    for first in (0..all.len()).step_by(BLOCK) {
        for count in [1, 7, 15, 16, 17, 31, 32, 33, 64] {
            let count = count.min(all.len() - first);
            let mut some = vec![f64::NAN; count];
            normals.fill(9, 1, first, &mut some);
            let expected = &all[first..first + count];
            assert!(some.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let mut expected = vec![0.0; 1000];
    let fill = |out: &mut [f64], wide: bool| {
        let fill = Fill { key: [3, 4], counter: 0, step: 2, out };
        if wide { Arch::new().dispatch(fill) } else { fill.with_simd(pulp::Scalar::new()) }
    };
    fill(&mut expected, true);
    let mut scalar = vec![0.0; 1000];
    fill(&mut scalar, false);
    assert!(scalar.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
#[should_panic(expected = "blocks of 16")]
fn a_run_starts_at_a_block() {
    Normals::new(Seed::root(1)).fill(0, 0, 8, &mut [0.0; 4]);
}
