//! Coverage of the procedures on 2,000 synthetic repetitions with known truth.
//!
//! The limits are exact binomial limits with a false-fail rate of 1e-6 per assertion; the seeds are
//! fixed, so a test that passes once passes always.

use rand::Rng;
use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::distribution::normal_quantile;
use super::mean::{Moments, guarded, student};
use super::median::order_interval;
use super::win::{Tally, evidence};
use super::{Interval, mixture};

const REPETITIONS: usize = 2000;
const ALPHA: f64 = 0.05;
/// Misses allowed at the nominal rate 0.05: both limits, and the upper one alone.
const BOTH: std::ops::RangeInclusive<usize> = 56..=151;
const AT_MOST: usize = 149;
/// The upper limit alone at 0.025 per side.
const SIDE_AT_MOST: usize = 86;

/// Uniform in (0, 1), from the top 53 bits; never 0.
fn uniform(generator: &mut Pcg64) -> f64 {
    ((generator.next_u64() >> 11) as f64 + 0.5) * 2.0_f64.powi(-53)
}

fn sample(generator: &mut Pcg64, count: usize, law: fn(f64) -> f64) -> Vec<f64> {
    (0..count).map(|_| law(uniform(generator))).collect()
}

/// Misses (interval above the truth, interval below it) over the repetitions.
fn misses(
    seed: u64,
    count: usize,
    law: fn(f64) -> f64,
    truth: f64,
    interval: impl Fn(&[f64]) -> Interval,
) -> (usize, usize) {
    let mut generator = Pcg64::seed_from_u64(seed);
    let mut missed = (0, 0);
    for _ in 0..REPETITIONS {
        let found = interval(&sample(&mut generator, count, law));
        missed.0 += usize::from(found.lower > truth);
        missed.1 += usize::from(found.upper < truth);
    }
    missed
}

fn normal(u: f64) -> f64 {
    normal_quantile(u)
}

fn log_normal(u: f64) -> f64 {
    normal_quantile(u).exp()
}

#[test]
fn student_covers_normal_means_exactly() {
    for (seed, count) in [(1, 5), (2, 10), (3, 20)] {
        let (above, below) = misses(seed, count, normal, 0.0, |x| student(&Moments::of(x), ALPHA));
        assert!(BOTH.contains(&(above + below)), "n = {count}: {above} + {below}");
    }
}

#[test]
fn guarded_student_covers_normal_means_on_either_side() {
    for (seed, count) in [(4, 5), (5, 10), (6, 20)] {
        let (above, below) = misses(seed, count, normal, 0.0, |x| guarded(&Moments::of(x), ALPHA));
        assert!(above <= SIDE_AT_MOST && below <= SIDE_AT_MOST, "n = {count}: {above}, {below}");
        assert!(above + below <= AT_MOST);
    }
}

#[test]
fn a_standard_error_too_small_by_1_3_is_found() {
    let (above, below) = misses(7, 20, normal, 0.0, |x| {
        let moments = Moments::of(x);
        let narrow = student(&moments, ALPHA);
        narrow.map(|end| moments.mean + (end - moments.mean) / 1.3)
    });
    assert!(!BOTH.contains(&(above + below)), "{above} + {below}");
}

#[test]
fn raw_log_normal_means_stay_the_known_failure() {
    // Measured 16.0 % below the truth for Student at ten seeds, 9.1 % for the guarded form; the
    // limits are those rates ± 4.89 standard errors of 2,000 repetitions.
    let truth = 0.5_f64.exp();
    let (_, below) = misses(8, 10, log_normal, truth, |x| student(&Moments::of(x), ALPHA));
    assert!((240..=400).contains(&below), "{below}");
    let (_, below) = misses(8, 10, log_normal, truth, |x| guarded(&Moments::of(x), ALPHA));
    assert!((119..=245).contains(&below), "{below}");
}

#[test]
fn median_interval_covers_skewed_medians() {
    for (seed, count) in [(9, 6), (10, 10), (11, 20)] {
        let (above, below) = misses(seed, count, log_normal, 1.0, |x| {
            order_interval(x, ALPHA).map_or(Interval::LINE, |found| found.0)
        });
        assert!(above <= SIDE_AT_MOST && below <= SIDE_AT_MOST, "n = {count}: {above}, {below}");
    }
}

#[test]
fn win_test_looked_at_after_every_pair_keeps_its_level() {
    let mut generator = Pcg64::seed_from_u64(12);
    let (mut supported, mut refuted) = (0, 0);
    for _ in 0..REPETITIONS {
        let mut tally = Tally::default();
        let (mut up, mut down) = (false, false);
        for _ in 0..40 {
            if uniform(&mut generator) < 0.5 {
                tally.wins += 1;
            } else {
                tally.losses += 1;
            }
            let found = evidence(&tally);
            up |= found.support <= 0.5 * ALPHA;
            down |= found.refute <= 0.5 * ALPHA;
        }
        supported += usize::from(up);
        refuted += usize::from(down);
    }
    // Exact: 1.07 % each; 2,000 repetitions stay below 50 with a false-fail rate under 1e-6.
    assert!(supported <= 50 && refuted <= 50, "{supported}, {refuted}");
}

#[test]
fn t_mixture_looked_at_after_every_seed_keeps_its_level() {
    let mut generator = Pcg64::seed_from_u64(13);
    let (mut above, mut below) = (0, 0);
    for _ in 0..REPETITIONS {
        let x = sample(&mut generator, 40, normal);
        let (mut up, mut down) = (false, false);
        for count in 5..=40 {
            let found = mixture::interval(&Moments::of(&x[..count]), ALPHA);
            up |= found.lower > 0.0;
            down |= found.upper < 0.0;
        }
        above += usize::from(up);
        below += usize::from(down);
    }
    assert!(above <= SIDE_AT_MOST && below <= SIDE_AT_MOST, "{above}, {below}");
}
