//! Coverage of averages within runs, alarms of the stationarity checks and coverage of decay rates,
//! on synthetic runs with known truth.
//!
//! The limits are exact binomial limits with a false-fail rate of 1e-6 per assertion at the rate
//! named beside them; the seeds are fixed, so a test that passes once passes always.

use std::ops::RangeInclusive;

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::Interval;
use super::distribution::normal;
use super::dynamics::decay::{self, Limit, Replicas, relaxing_paths};
use super::dynamics::{
    Autocovariances, LongRun, bartlett, batch_means, initial_monotone, overlapping, resolved,
    stationarity,
};

const ALPHA: f64 = 0.05;

/// A stationary AR(1) of variance 1 and mean 0.
fn chain(phi: f64, count: usize, generator: &mut Pcg64) -> Vec<f64> {
    let noise = (1.0 - phi * phi).sqrt();
    let mut x = normal(generator);
    (0..count)
        .map(|_| {
            let now = x;
            x = phi * x + noise * normal(generator);
            now
        })
        .collect()
}

fn misses(interval: Interval, truth: f64) -> usize {
    usize::from(interval.lower > truth || interval.upper < truth)
}

/// Misses over 2,000 runs of 10⁴ values of: batch means, overlapping, Bartlett, initial monotone, the
/// formula for independent values, and initial monotone with its error divided by 1.3; and runs whose
/// autocorrelation is not resolved.
fn averages(seed: u64, phi: f64) -> ([usize; 6], usize) {
    let mut generator = Pcg64::seed_from_u64(seed);
    let (mut missed, mut unresolved) = ([0; 6], 0);
    for _ in 0..2000 {
        let x = chain(phi, 10_000, &mut generator);
        let gamma = Autocovariances::of(&x);
        let primary = initial_monotone(&gamma);
        let batches = batch_means(&x);
        unresolved += usize::from(resolved(primary.error(), &batches, 0.25).is_err());
        let independent = LongRun { variance: gamma.variance(), ..primary };
        let narrow = LongRun { variance: primary.variance / 1.69, ..primary };
        let runs = [batches, overlapping(&x), bartlett(&gamma), primary, independent, narrow];
        for (missed, run) in missed.iter_mut().zip(runs) {
            *missed += misses(run.interval(ALPHA), 0.0);
        }
    }
    (missed, unresolved)
}

/// 0.05 of 2,000.
const NOMINAL: RangeInclusive<usize> = 56..=151;

#[test]
fn averages_of_short_memory_are_covered_by_every_estimate() {
    // The last range: 0.259 and 0.65 of 2,000.
    for (seed, phi, independent) in [(1, 0.5, 424..=616), (2, 0.9, 1195..=1403)] {
        let (missed, unresolved) = averages(seed, phi);
        assert!(missed[..4].iter().all(|missed| NOMINAL.contains(missed)), "{phi}: {missed:?}");
        assert!(independent.contains(&missed[4]), "{phi}: {missed:?}");
        assert!(!NOMINAL.contains(&missed[5]), "the planted defect passed: {missed:?}");
        // Two estimates that agree are refused in less than 1 % of the runs: 39 at the limit.
        assert!(unresolved <= 39, "{phi}: {unresolved}");
    }
}

#[test]
fn averages_of_long_memory_keep_their_table_and_are_refused() {
    let (missed, unresolved) = averages(3, 0.99);
    // 0.231, 0.235, 0.239, 0.063 and 0.894 of 2,000.
    let table = [372..=556, 379..=565, 387..=573, 76..=182, 1718..=1852];
    for (missed, allowed) in missed.iter().zip(table) {
        assert!(allowed.contains(missed), "{missed} outside {allowed:?}");
    }
    // The rule refuses nearly all of them: an effective size of 50 resolves nothing.
    assert!(unresolved > 1850, "{unresolved}");
}

/// Alarms of R̂ and of the drift test over 500 runs of 8,000 values, with a drift of `change` standard
/// deviations over the run.
fn alarms(seed: u64, phi: f64, change: f64) -> (usize, usize) {
    let mut generator = Pcg64::seed_from_u64(seed);
    let mut alarms = (0, 0);
    for _ in 0..500 {
        let mut x = chain(phi, 8000, &mut generator);
        x.iter_mut().enumerate().for_each(|(i, x)| *x += change * i as f64 / 8000.0);
        let found = stationarity(&[&x]).unwrap();
        alarms.0 += usize::from(found.r_hat.value() > found.r_hat.bound);
        alarms.1 += usize::from(found.drift.p < 0.01);
    }
    alarms
}

#[test]
fn settled_runs_alarm_rarely() {
    // Effective sizes 2667, 421 and 122. Measured rates of R̂ up to 0.006, limits at 0.01; of the
    // drift test 0.010 to 0.016, limits at 0.02.
    for (seed, phi) in [(4, 0.5), (5, 0.9), (6, 0.97)] {
        let (r_hat, drift) = alarms(seed, phi, 0.0);
        assert!(r_hat <= 19 && drift <= 28, "{phi}: {r_hat}, {drift}");
    }
}

#[test]
fn a_drift_of_one_deviation_is_found_at_an_effective_size_of_420() {
    let (r_hat, drift) = alarms(7, 0.9, 1.0);
    // Probabilities 0.92 and 0.997 or more.
    assert!(r_hat >= 428 && drift >= 489, "{r_hat}, {drift}");
}

#[test]
fn redrawn_replicas_cover_decay_rates_and_the_regression_does_not() {
    let times: Vec<f64> = (0..=20).map(|t| 0.1 * f64::from(t)).collect();
    let mut generator = Pcg64::seed_from_u64(8);
    let (mut missed, mut regression) = (0, 0);
    for _ in 0..1000 {
        let paths = relaxing_paths(50, &times, 1.0, 4.0, &mut generator);
        let replicas = Replicas { times: &times, paths: &paths, limit: Limit::Known(0.0) };
        let found = decay::bootstrap(replicas, 399, &mut generator).unwrap();
        missed += misses(found.interval(ALPHA), 1.0);
        let alone = decay::decay(&replicas.means()).unwrap();
        let half = 1.959_964 * alone.regression_error;
        regression += misses(Interval::new(alone.rate - half, alone.rate + half), 1.0);
    }
    // 0.05 of 1,000.
    let nominal = 20..=87;
    assert!(nominal.contains(&missed), "{missed}");
    assert!(!nominal.contains(&regression), "the regression alone passed: {regression}");
}
