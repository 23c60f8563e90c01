//! Averages within runs, alarms of the stationarity checks, rates of decay (6).

use super::super::distribution::normal_quantile;
use super::super::dynamics::decay::{self, Limit, Replicas, relaxing_paths};
use super::super::dynamics::{
    Autocovariances, LongRun, bartlett, batch_means, initial_monotone, overlapping, resolved,
    stationarity,
};
use super::*;

/// A stationary AR(1) of variance 1 and mean 0.
fn chain(phi: f64, count: usize, rng: &mut Pcg64) -> Vec<f64> {
    let noise = (1.0 - phi * phi).sqrt();
    let mut x = normal(rng);
    (0..count)
        .map(|_| {
            let now = x;
            x = phi * x + noise * normal(rng);
            now
        })
        .collect()
}

/// The procedures of [`averages`], in its order.
const NAMES: [&str; 5] =
    ["batch means", "overlapping", "Bartlett", "initial monotone", "independent values"];

/// Misses of each procedure, of initial monotone with its error divided by 1.3, and how often the
/// autocorrelation is not resolved.
fn averages(seed: u64, phi: f64) -> ([Misses; 6], Misses) {
    let mut unresolved = Misses::default();
    let found = misses(seed, 0.0, |rng| {
        let x = chain(phi, 10_000, rng);
        let gamma = Autocovariances::of(&x);
        let primary = initial_monotone(&gamma);
        let batches = batch_means(&x);
        unresolved.note(resolved(primary.error(), &batches, 0.25).is_err(), false);
        let independent = LongRun { variance: gamma.variance(), ..primary };
        let narrow = LongRun { variance: primary.variance / 1.3_f64.powi(2), ..primary };
        [batches, overlapping(&x), bartlett(&gamma), primary, independent, narrow]
            .map(|run| run.contrast().interval(ALPHA))
    });
    (found, unresolved)
}

#[test]
fn averages_of_one_run() {
    let mut report = Report::new("Mean of one run: 6.2, AR(1) of coefficient φ, 10,000 values");
    // An effective size of 50, at 0.99, resolves nothing: hardly any of those runs gives a verdict.
    for (seed, phi, known, refused) in [
        (1, 0.5, [4.6, 4.7, 4.8, 4.5, 25.9], Expect::Within(1.0)),
        (2, 0.9, [5.4, 5.6, 5.8, 4.4, 65.0], Expect::Within(1.0)),
        (3, 0.99, [23.1, 23.5, 23.9, 6.3, 89.4], Expect::AtLeast(95.0)),
    ] {
        let (found, unresolved) = averages(seed, phi);
        for ((name, found), known) in NAMES.iter().zip(found).zip(known) {
            report.row(&format!("φ = {phi}, {name}"), found, &[Expect::Rate(known, REPETITIONS)]);
        }
        report.defect(&format!("φ = {phi}, se / 1.3"), found[5], Expect::Nominal);
        report.row(&format!("φ = {phi}, not resolved"), unresolved, &[refused]);
    }
    report.finish();
}

/// Alarms of R̂ and of the drift test over 500 runs of 8,000 values, with a drift of `change` standard
/// deviations over the run.
fn alarms(seed: u64, phi: f64, change: f64) -> [Misses; 2] {
    let mut rng = generator(seed);
    let mut alarms = [Misses::default(); 2];
    for _ in 0..500 {
        let mut x = chain(phi, 8000, &mut rng);
        for (i, x) in x.iter_mut().enumerate() {
            *x += change * i as f64 / 8000.0;
        }
        let found = stationarity(&[&x]).unwrap();
        alarms[0].note(found.r_hat.value() > found.r_hat.bound, false);
        alarms[1].note(found.drift.p < 0.01, false);
    }
    alarms
}

#[test]
fn stationarity_checks() {
    let mut report =
        Report::of_shares("Alarms of the stationarity checks: 6.1, AR(1), 8,000 values");
    for (seed, phi, size) in [(4, 0.5, 2667), (5, 0.9, 421), (6, 0.97, 122)] {
        let [r_hat, drift] = alarms(seed, phi, 0.0);
        report.row(&format!("R̂, settled, worth {size}"), r_hat, &[Expect::Within(1.0)]);
        report.row(&format!("drift test, settled, worth {size}"), drift, &[Expect::Within(2.0)]);
    }
    let [r_hat, drift] = alarms(7, 0.9, 1.0);
    report.row("R̂, drift of a deviation, worth 421", r_hat, &[Expect::AtLeast(90.0)]);
    report.row("drift test, the same", drift, &[Expect::AtLeast(99.0)]);
    report.finish();
}

#[test]
fn rates_of_decay() {
    let mut report = Report::new("Rate of decay: 6.5, 50 replicas, 21 times");
    let times: Vec<f64> = (0..=20).map(|t| 0.1 * f64::from(t)).collect();
    let [drawn, regression] = misses(8, 1.0, |rng| {
        let paths = relaxing_paths(50, &times, 1.0, 4.0, rng);
        let replicas =
            Replicas { times: &times, paths: &paths, imaginary: None, limit: Limit::Known(0.0) };
        let alone = decay::decay(&replicas.means()).unwrap();
        let half = normal_quantile(1.0 - 0.5 * ALPHA) * alone.regression_error;
        let drawn = decay::bootstrap(replicas, 399, rng).unwrap();
        [drawn.interval(ALPHA), Interval::new(alone.rate - half, alone.rate + half)]
    });
    report.row("whole replicas drawn anew", drawn, &[Expect::Rate(6.6, 20_000)]);
    report.defect("error of the regression alone", regression, Expect::Nominal);
    report.finish();
}
