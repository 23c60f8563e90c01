//! Time to a target (3): restricted means, expected running time, log-rank.

use super::super::contrast::Contrast;
use super::super::log_rank::{Stratum, permuted};
use super::super::running_time::{self, Spent, ln_ratio};
use super::super::survival::{RestrictedMean, product_limit, restricted_mean, survival_interval};
use super::*;

/// Resamples, fewer than a verdict has.
const DRAWS: usize = 499;
/// Three runs in ten are censored at `−ln 0.3`, the common budget of unit exponential times.
const CENSORED: f64 = 0.3;

fn budget() -> f64 {
    -CENSORED.ln()
}

fn run(rng: &mut Pcg64) -> Spent {
    let time = exponential(rng);
    (time.min(budget()), time <= budget())
}

fn runs(rng: &mut Pcg64, count: usize) -> Vec<Spent> {
    (0..count).map(|_| run(rng)).collect()
}

#[test]
fn restricted_means_have_their_known_rates() {
    let mut report = Report::of_shares("Restricted mean, exponential, 30 % censored: 3.3");
    // ∫₀^τ e^{−t} dt.
    let truth = 1.0 - CENSORED;
    let normal_law = |mean: &RestrictedMean| {
        let error = mean.variance.sqrt();
        Contrast { estimate: mean.value, error, freedom: f64::INFINITY }.interval(ALPHA)
    };
    for (count, by_normal, by_student) in
        [(5, 14.0, 7.6), (10, 10.3, 6.0), (20, 7.6, 5.8), (50, 5.8, 4.7)]
    {
        let [one, other] = misses(count as u64, truth, |rng| {
            let mean = restricted_mean(&runs(rng, count), budget());
            [normal_law(&mean), mean.contrast().interval(ALPHA)]
        });
        let label = |law: &str| format!("{law}, n = {count}");
        report.row(&label("normal"), one, &[Expect::Rate(by_normal, REPETITIONS)]);
        report.row(&label("Student, n/(n − 1)"), other, &[Expect::Rate(by_student, REPETITIONS)]);
    }
    report.finish();
}

#[test]
fn contrasts_of_equal_restricted_means_keep_their_level() {
    // Differences of equal laws are symmetric: no skewness is left. The logarithm is conservative
    // where the error is a large part of the mean.
    let mut report = Report::new("Difference and log ratio of restricted means: 3.3");
    for count in [10, 20] {
        let found = misses(100 + count as u64, 0.0, |rng| {
            let [a, b] = [(); 2].map(|()| restricted_mean(&runs(rng, count), budget()));
            [a.minus(&b).interval(ALPHA), a.ln_ratio(&b).interval(ALPHA)]
        });
        report.row(&format!("difference, n = {count} each"), found[0], &[Expect::Nominal]);
        report.row(&format!("log ratio, n = {count} each"), found[1], &[Expect::AtMost]);
    }
    report.finish();
}

#[test]
fn survival_curves_are_covered_where_many_runs_are_at_risk() {
    let mut report = Report::new("Product-limit curve at the median, random censoring: 3.2");
    let median = 2.0_f64.ln();
    let [found] = misses(200, 0.5, |rng| {
        let runs: Vec<Spent> = (0..100)
            .map(|_| {
                let (time, censored) = (exponential(rng), 3.0 * uniform(rng));
                (time.min(censored), time <= censored)
            })
            .collect();
        let curve = product_limit(&runs);
        let step = curve.partition_point(|drop| drop.time <= median).checked_sub(1);
        [step.and_then(|step| survival_interval(&curve, step, ALPHA)).unwrap_or(Interval::LINE)]
    });
    report.row("n = 100", found, &[Expect::Nominal]);
    report.finish();
}

#[test]
fn expected_running_times_have_their_known_rates() {
    let mut report = Report::of_shares("Expected running time, bootstrap over seeds: 3.5");
    // E min(T, τ)/P(T ≤ τ) = 1 for unit exponential times.
    for (count, rate) in [(5, 19.4), (10, 8.3), (20, 7.4), (50, 5.7)] {
        let mut endless = Misses::default();
        let [found] = misses(300 + count as u64, 1.0, |rng| {
            let found = running_time::interval(&runs(rng, count), ALPHA, DRAWS, rng);
            endless.note(found.upper.is_infinite(), false);
            [found]
        });
        report.row(&format!("n = {count}"), found, &[Expect::Rate(rate, REPETITIONS)]);
        let infinite = match count {
            5 => 15.8,
            10 => 0.7,
            _ => 0.0,
        };
        let label = format!("n = {count}, upper limit infinite");
        report.row(&label, endless, &[Expect::Rate(infinite, REPETITIONS)]);
    }
    let [found] = misses(400, 1.0, |rng| {
        let pairs: Vec<(Spent, Spent)> = (0..20).map(|_| (run(rng), run(rng))).collect();
        [ln_ratio(&pairs, DRAWS, rng).interval(ALPHA).map(f64::exp)]
    });
    // Measured here, and documented there.
    report.row("ratio of equal methods, n = 20", found, &[Expect::Rate(7.2, MANY)]);
    report.finish();
}

#[test]
fn the_bound_without_success_covers() {
    let mut report = Report::new("Bound of the expected running time from failures: 3.5");
    // One run in ten succeeds at once, the others spend the budget 1: ERT = 0.9/0.1.
    let [found] = misses(500, 9.0, |rng| {
        let successes = (0..8).filter(|_| uniform(rng) < 0.1).count() as u64;
        let lower = running_time::lower_bound(successes, 8, 1.0, ALPHA);
        [Interval::new(lower, f64::INFINITY)]
    });
    report.row("n = 8", found, &[Expect::AtMost]);
    report.finish();
}

#[test]
fn the_permuted_log_rank_keeps_its_level_for_dependent_targets() {
    let mut report = Report::new("Log-rank, seeds swapped jointly over two targets: 3.4");
    for count in [8, 14] {
        let mut rng = generator(600 + count as u64);
        let mut found = Misses::default();
        // Fourteen seeds are permuted at random, which costs 9,999 sums a repetition.
        let repetitions = if count > 12 { 500 } else { REPETITIONS };
        for _ in 0..repetitions {
            // The second target comes later in the same run; seeds share their difficulty.
            let mut both = |difficulty: f64| {
                let first = difficulty * exponential(&mut rng);
                let second = first + 0.5 * difficulty * exponential(&mut rng);
                [first, second].map(|time| (time.min(2.0), time <= 2.0))
            };
            let (mut a, mut b) = ([vec![], vec![]], [vec![], vec![]]);
            for seed in 0..count {
                let difficulty = 1.0 + 0.2 * f64::from(seed);
                for side in [&mut a, &mut b] {
                    let [first, second] = both(difficulty);
                    side[0].push(first);
                    side[1].push(second);
                }
            }
            let strata = [0, 1].map(|target| Stratum { a: &a[target], b: &b[target] });
            let evidence = permuted(&strata, &mut rng).evidence;
            found.note(evidence.support <= 0.5 * ALPHA, evidence.refute <= 0.5 * ALPHA);
        }
        report.row(&format!("n = {count}"), found, &[Expect::AtMost]);
    }
    report.finish();
}

#[test]
fn a_restricted_mean_with_too_small_an_error_is_found() {
    let mut report = Report::new("Restricted mean with its standard error divided by 1.3");
    let [found] = misses(700, 1.0 - CENSORED, |rng| {
        let mean = restricted_mean(&runs(rng, 50), budget());
        let contrast = mean.contrast();
        [Contrast { error: contrast.error / 1.3, ..contrast }.interval(ALPHA)]
    });
    report.defect("n = 50", found, Expect::Nominal);
    report.finish();
}
