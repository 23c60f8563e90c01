//! Spread, failure rates, trend and distance to a law (9).

use super::super::distribution::binomial_mass;
use super::super::failure::{Table, boschloo, fisher, mcnemar};
use super::super::law::Distance;
use super::super::proportion::{clopper_pearson, wilson};
use super::super::trend::Trend;
use super::super::{Evidence, spread};
use super::*;

/// Repetitions behind the documented rates.
const RUNS: u64 = 10_000;

/// Draws two numbers a seed with a correlation.
type Pairs = fn(&mut Pcg64, f64) -> (f64, f64);
/// The documented rates, unpaired and paired, at 5, 10, 20 and 50 seeds.
type Rates = [(f64, f64); 4];

fn normal_pair(rng: &mut Pcg64, correlation: f64) -> (f64, f64) {
    let (shared, own) = (normal(rng), normal(rng));
    (shared, correlation * shared + (1.0 - correlation * correlation).sqrt() * own)
}

fn log_normal_pair(rng: &mut Pcg64, correlation: f64) -> (f64, f64) {
    let (a, b) = normal_pair(rng, correlation);
    (a.exp(), b.exp())
}

/// One χ² for both: the bivariate Student law.
fn student3_pair(rng: &mut Pcg64, correlation: f64) -> (f64, f64) {
    let (a, b) = normal_pair(rng, correlation);
    let square: f64 = (0..3).map(|_| normal(rng).powi(2)).sum();
    let scale = (square / 3.0).sqrt();
    (a / scale, b / scale)
}

#[test]
fn tests_of_equal_spread_have_their_known_sizes() {
    let mut report = Report::of_shares("False alarms of equal spreads: Brown–Forsythe 9.1");
    let rows: [(&str, Pairs, f64, Rates); 4] = [
        ("normal, ρ = 0.7", normal_pair, 0.7, [(0.2, 0.8), (1.0, 3.8), (0.8, 3.8), (0.8, 4.2)]),
        (
            "log-normal, ρ = 0.7",
            log_normal_pair,
            0.7,
            [(0.4, 1.2), (1.4, 3.7), (0.8, 3.4), (0.3, 3.8)],
        ),
        ("t3, ρ = 0.7", student3_pair, 0.7, [(0.2, 0.7), (1.1, 3.2), (0.8, 3.5), (0.6, 4.3)]),
        ("normal, ρ = 0", normal_pair, 0.0, [(0.7, 0.7), (3.8, 3.7), (4.7, 4.6), (4.8, 4.7)]),
    ];
    for (name, law, correlation, rates) in rows {
        for (count, (unpaired, paired)) in [5, 10, 20, 50].into_iter().zip(rates) {
            let mut rng = generator(count);
            let (mut one, mut other) = (Misses::default(), Misses::default());
            for _ in 0..REPETITIONS {
                let pairs = (0..count).map(|_| law(&mut rng, correlation));
                let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
                let sides =
                    |found: Evidence| (found.support <= 0.5 * ALPHA, found.refute <= 0.5 * ALPHA);
                let (up, down) = sides(spread::unpaired(&a, &b).evidence(0.0));
                one.note(up, down);
                let (up, down) = sides(spread::paired(&a, &b).evidence(0.0));
                other.note(up, down);
            }
            let label = |form: &str| format!("{form}, {name}, n = {count}");
            report.row(&label("unpaired"), one, &[Expect::Rate(unpaired, RUNS)]);
            let known = Expect::Rate(paired, RUNS);
            report.row(&label("paired"), other, &[known, Expect::AtMost]);
        }
    }
    report.finish();
}

/// Smallest and mean coverage over p from 0.01 to 0.99, by enumeration. The smallest stands where p
/// just leaves an interval, so both sides of every end are tried.
fn coverage(trials: u64, interval: impl Fn(u64, u64, f64) -> Interval) -> (f64, f64) {
    let intervals: Vec<Interval> = (0..=trials).map(|k| interval(k, trials, ALPHA)).collect();
    let covered = |p: f64| -> f64 {
        (0..=trials)
            .zip(&intervals)
            .filter(|(_, found)| found.lower <= p && p <= found.upper)
            .map(|(k, _)| binomial_mass(k, trials, p))
            .sum()
    };
    let smallest = intervals
        .iter()
        .flat_map(|found| [found.lower, found.upper])
        .flat_map(|end| [end * (1.0 - 1e-12), end * (1.0 + 1e-12)])
        .filter(|p| (0.01..=0.99).contains(p))
        .map(covered)
        .fold(1.0, f64::min);
    let steps = 980;
    let all = (0..=steps).map(|i| covered(0.01 + 0.98 * f64::from(i) / f64::from(steps)));
    (smallest, all.sum::<f64>() / f64::from(steps + 1))
}

#[test]
fn binomial_intervals_have_their_exact_coverage() {
    let mut text = String::from("\nCoverage over p in [0.01, 0.99], smallest / mean: 9.3; %\n");
    // Scipy's binomial on 49,001 points: the smallest to a tenth, the mean to a hundredth.
    for (trials, exact, plot) in [
        (5, (97.5, 99.04), (83.2, 95.48)),
        (10, (96.1, 98.35), (83.5, 95.41)),
        (20, (95.8, 97.67), (89.4, 95.36)),
        (50, (95.1, 96.88), (89.5, 95.20)),
    ] {
        let rows = [
            ("Clopper–Pearson", coverage(trials, clopper_pearson), exact),
            ("Wilson", coverage(trials, wilson), plot),
        ];
        for (name, (smallest, mean), known) in rows {
            let (smallest, mean) = (100.0 * smallest, 100.0 * mean);
            let label = format!("{name}, n = {trials}");
            let _ = writeln!(text, "  {label:<44}{smallest:5.1} / {mean:4.1}");
            assert!((smallest - known.0).abs() < 0.06, "{label}: {smallest}");
            assert!((mean - known.1).abs() < 0.02, "{label}: {mean}");
        }
        assert!(rows[0].1.0 >= 1.0 - ALPHA, "{rows:?}");
    }
    show(&text);
}

/// The largest true size over common failure probabilities, by enumeration: the probability that a
/// test at 2.5 % supports "a fails less often".
fn size(runs: u64, test: impl Fn(&Table) -> Evidence) -> f64 {
    let mut rejected = Vec::new();
    for failed_a in 0..=runs {
        for failed_b in 0..=runs {
            let table = Table { failed_a, runs_a: runs, failed_b, runs_b: runs };
            if test(&table).support <= 0.5 * ALPHA {
                rejected.push((failed_a, failed_b));
            }
        }
    }
    let size = |p: f64| -> f64 {
        rejected.iter().map(|(a, b)| binomial_mass(*a, runs, p) * binomial_mass(*b, runs, p)).sum()
    };
    (1..100).map(|i| size(0.01 * f64::from(i))).fold(0.0, f64::max)
}

#[test]
fn failure_tests_never_exceed_their_level() {
    let mut text = String::from("\nLargest true size of \"fails less often\" at 2.5 %: 9.2; %\n");
    for runs in [5, 10] {
        let (fisher, boschloo) = (size(runs, fisher), size(runs, boschloo));
        let _ = writeln!(
            text,
            "  n = {runs:<3} Fisher {:.2}   Boschloo {:.2}",
            100.0 * fisher,
            100.0 * boschloo
        );
        assert!(boschloo <= 0.5 * ALPHA + 1e-12, "{boschloo}");
        assert!(fisher <= boschloo + 1e-12, "{fisher} {boschloo}");
    }
    show(&text);
}

#[test]
fn paired_failures_and_trends_keep_their_level() {
    let mut report = Report::new("False alarms: McNemar 9.2, Page 9.4");
    let mut rng = generator(1);
    let (mut discordant, mut exact, mut normal_law) =
        (Misses::default(), Misses::default(), Misses::default());
    let level = 0.5 * ALPHA;
    for _ in 0..REPETITIONS {
        let (mut only_a, mut only_b) = (0, 0);
        for _ in 0..20 {
            let hard = uniform(&mut rng);
            let (a, b) = (uniform(&mut rng) < hard, uniform(&mut rng) < hard);
            only_a += u64::from(a && !b);
            only_b += u64::from(b && !a);
        }
        let found = mcnemar(only_a, only_b);
        discordant.note(found.support <= level, found.refute <= level);
        let rows: Vec<Vec<f64>> = (0..6).map(|_| sample(&mut rng, 4, normal)).collect();
        let trend = Trend::of(&rows);
        let found = trend.evidence(&mut rng);
        exact.note(found.support <= level, found.refute <= level);
        let found = trend.normal_evidence();
        normal_law.note(found.support <= level, found.refute <= level);
    }
    report.row("McNemar, n = 20", discordant, &[Expect::AtMost]);
    report.row("Page, exact, 6 seeds × 4 conditions", exact, &[Expect::AtMost]);
    // The steps of a discrete statistic are not corrected for.
    report.row(
        "Page, normal law, 6 seeds × 4 conditions",
        normal_law,
        &[Expect::Rates(2.8, 2.7, MANY)],
    );
    report.finish();
}

#[test]
fn distances_to_a_law_are_covered() {
    let mut report = Report::new("Distance to a law, n = 100: 9.5");
    // The law x² against the uniform claim: the gap x − x² is largest at ½, a quarter.
    let bent: Law = |rng| uniform(rng).sqrt();
    let claim = |x: f64| x.clamp(0.0, 1.0);
    let [one] =
        misses(1, 0.25, |rng| [Distance::to_law(&sample(rng, 100, bent), claim).interval(ALPHA)]);
    let [two] = misses(2, 0.25, |rng| {
        let (x, y) = (sample(rng, 100, bent), sample(rng, 100, uniform));
        [Distance::between(&x, &y).interval(ALPHA)]
    });
    let [same] =
        misses(3, 0.0, |rng| [Distance::to_law(&sample(rng, 100, uniform), claim).interval(ALPHA)]);
    report.row("one sample", one, &[Expect::AtMost]);
    report.row("two samples", two, &[Expect::AtMost]);
    // Without margin both one-sided gaps add up above.
    report.row("one sample of the law itself", same, &[Expect::Nominal]);
    report.finish();
}
