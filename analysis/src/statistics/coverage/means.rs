//! Means, medians and equivalence at a fixed number of seeds (1, 7.1).

use super::super::bootstrap::{corrected, percentile, studentized};
use super::super::crossed::Crossed;
use super::super::mean::{Moments, guarded, guarded_evidence, student};
use super::super::median::order_interval;
use super::super::{Evidence, equivalence, wilcoxon};
use super::*;

/// Repetitions behind the rates in the documentation.
const RUNS: u64 = 10_000;
/// Resamples where they are drawn; the documented rates used 1,999.
const DRAWS: usize = 499;

fn mean_of_log_normal() -> f64 {
    0.5_f64.exp()
}

#[test]
fn student_and_its_guard_cover_means() {
    let mut report = Report::new("Mean of one number a seed: Student 1.1, guarded 1.3");
    let rows = [
        Case(
            "normal",
            normal,
            0.0,
            [
                (5, [(2.3, 2.7), (1.6, 1.8)]),
                (10, [(2.5, 2.5), (1.9, 2.2)]),
                (20, [(2.8, 2.5), (2.4, 2.2)]),
                (50, [(2.7, 2.8), (2.6, 2.7)]),
            ],
        ),
        Case(
            "log-normal",
            log_normal,
            mean_of_log_normal(),
            [
                (5, [(0.1, 18.0), (0.0, 11.4)]),
                (10, [(0.1, 16.0), (0.1, 9.1)]),
                (20, [(0.2, 12.8), (0.2, 7.2)]),
                (50, [(0.3, 10.0), (0.3, 5.5)]),
            ],
        ),
        Case(
            "t3",
            student3,
            0.0,
            [
                (5, [(1.9, 2.0), (1.5, 1.5)]),
                (10, [(1.9, 2.0), (1.7, 1.8)]),
                (20, [(2.1, 2.2), (2.0, 2.1)]),
                (50, [(2.4, 2.3), (2.3, 2.3)]),
            ],
        ),
    ];
    for Case(name, law, truth, sizes) in rows {
        for (count, [plain, hull]) in sizes {
            let [one, other] = misses(count as u64, truth, |rng| {
                let moments = Moments::of(&sample(rng, count, law));
                [student(&moments, ALPHA), guarded(&moments, ALPHA)]
            });
            let label = |procedure: &str| format!("{procedure}, {name}, n = {count}");
            let mut asked = vec![Expect::Rates(plain.0, plain.1, RUNS)];
            if name == "normal" {
                asked.push(Expect::Nominal);
            }
            report.row(&label("Student"), one, &asked);
            let mut asked = vec![Expect::Rates(hull.0, hull.1, RUNS)];
            if name != "log-normal" {
                asked.push(Expect::AtMost);
            }
            report.row(&label("guarded"), other, &asked);
        }
    }
    report.finish();
}

/// Numbers that repetitions and samples have together: standard deviations of the effects of the
/// repetition, of the sample and of both.
fn crossed_rows(rng: &mut Pcg64, count: usize, samples: usize, effects: [f64; 3]) -> Vec<Vec<f64>> {
    let [repetition, sample, both] = effects;
    let own: Vec<f64> = (0..samples).map(|_| sample * normal(rng)).collect();
    let row = |_| {
        let shared = repetition * normal(rng);
        own.iter().map(|own| shared + own + both * normal(rng)).collect()
    };
    (0..count).map(row).collect()
}

#[test]
fn an_interval_that_knows_of_samples_holds_for_others() {
    const SAMPLES: usize = 100;
    let mut report = Report::new("Mean over repetitions and 100 samples: guarded 1.3, crossed 1.8");
    let cases = [
        // Without an effect of samples the interval over repetitions is right; with one it misses at
        // least so often.
        ("no effect of samples", [0.3, 0.0, 1.0], [0.0; 3]),
        ("as large an effect", [0.3, 1.0, 1.0], [5.0, 9.0, 20.0]),
        ("samples alone", [0.0, 1.0, 1.0], [20.0, 40.0, 55.0]),
    ];
    for (case, (name, effects, least)) in cases.into_iter().enumerate() {
        for (count, least) in [5, 10, 20].into_iter().zip(least) {
            let [one, other] = misses(150 + 10 * case as u64 + count as u64, 0.0, |rng| {
                let crossed = Crossed::of(&crossed_rows(rng, count, SAMPLES, effects));
                [guarded(&crossed.repetitions, ALPHA), crossed.interval(ALPHA)]
            });
            let asked = if case == 0 { Expect::AtMost } else { Expect::AtLeast(least) };
            report.row(&format!("guarded, {name}, n = {count}"), one, &[asked]);
            report.row(&format!("crossed, {name}, n = {count}"), other, &[Expect::AtMost]);
        }
    }
    report.finish();
}

#[test]
fn logarithms_rescue_log_normal_numbers() {
    let mut report = Report::new("Mean of logarithms of log-normal numbers: guarded 1.3");
    for count in [5, 10, 20] {
        let [found] = misses(100 + count as u64, 0.0, |rng| {
            let logs: Vec<f64> = sample(rng, count, log_normal).iter().map(|x| x.ln()).collect();
            [guarded(&Moments::of(&logs), ALPHA)]
        });
        report.row(&format!("n = {count}"), found, &[Expect::AtMost]);
    }
    report.finish();
}

#[test]
fn bootstrap_intervals_have_their_known_rates() {
    let mut report = Report::new("Mean by resampling: bootstrap-t 1.4, percentile and BCa 1.5");
    let laws = [
        Case(
            "normal",
            normal,
            0.0,
            [
                (5, [(2.8, 2.7), (8.1, 8.7), (8.1, 8.7)]),
                (10, [(2.5, 2.6), (5.0, 5.0), (5.3, 5.1)]),
                (20, [(2.7, 2.4), (3.9, 3.6), (3.9, 3.5)]),
            ],
        ),
        Case(
            "log-normal",
            log_normal,
            mean_of_log_normal(),
            [
                (5, [(0.2, 10.7), (1.6, 26.5), (2.2, 23.9)]),
                (10, [(0.5, 8.8), (1.0, 18.6), (2.2, 15.3)]),
                (20, [(1.2, 7.2), (1.0, 13.3), (2.6, 10.4)]),
            ],
        ),
        Case(
            "t3",
            student3,
            0.0,
            [
                (5, [(2.6, 2.5), (8.6, 8.3), (9.3, 9.1)]),
                (10, [(3.6, 3.3), (5.4, 5.0), (6.8, 6.4)]),
                (20, [(3.5, 3.8), (3.6, 4.1), (5.3, 5.6)]),
            ],
        ),
    ];
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    for Case(name, law, truth, sizes) in laws {
        for (count, rates) in sizes {
            let found = misses(200 + count as u64, truth, |rng| {
                let x = sample(rng, count, law);
                [
                    studentized(&x, ALPHA, DRAWS, rng),
                    percentile(&x, mean, ALPHA, DRAWS, rng),
                    corrected(&x, mean, ALPHA, DRAWS, rng).0,
                ]
            });
            let names = ["bootstrap-t", "percentile", "BCa"];
            for ((procedure, found), (above, below)) in names.iter().zip(found).zip(rates) {
                let label = format!("{procedure}, {name}, n = {count}");
                report.row(&label, found, &[Expect::Rates(above, below, RUNS)]);
            }
        }
    }
    report.finish();
}

#[test]
fn medians_are_covered_whatever_the_law() {
    let mut report = Report::new("Median: order statistics 1.6, Wilcoxon 1.7");
    let rows = [
        Case(
            "normal",
            normal,
            0.0,
            [
                (10, [(1.0, 1.2), (2.3, 2.6)]),
                (20, [(2.2, 2.1), (2.6, 2.4)]),
                (50, [(1.7, 1.9), (2.7, 2.7)]),
            ],
        ),
        Case(
            "log-normal",
            log_normal,
            1.0,
            [
                (10, [(1.2, 0.9), (5.6, 1.0)]),
                (20, [(2.1, 2.2), (11.1, 0.7)]),
                (50, [(1.4, 1.8), (24.2, 0.2)]),
            ],
        ),
        Case(
            "t3",
            student3,
            0.0,
            [
                (10, [(1.2, 1.0), (2.5, 2.3)]),
                (20, [(2.1, 2.0), (2.4, 2.5)]),
                (50, [(1.9, 1.6), (2.7, 2.5)]),
            ],
        ),
    ];
    for Case(name, law, truth, sizes) in rows {
        for (count, [order, signed]) in sizes {
            let [one, other] = misses(300 + count as u64, truth, |rng| {
                let x = sample(rng, count, law);
                [order_interval(&x, ALPHA), wilcoxon::interval(&x, ALPHA)]
                    .map(|found| found.map_or(Interval::LINE, |found| found.0))
            });
            let label = |procedure: &str| format!("{procedure}, {name}, n = {count}");
            let known = Expect::Rates(order.0, order.1, RUNS);
            report.row(&label("order"), one, &[known, Expect::AtMost]);
            let mut asked = vec![Expect::Rates(signed.0, signed.1, RUNS)];
            if name != "log-normal" {
                asked.push(Expect::AtMost);
            }
            report.row(&label("Wilcoxon"), other, &asked);
        }
    }
    report.finish();
}

#[test]
fn equality_is_rarely_supported_at_the_edge_of_its_margin() {
    // The truth is the upper edge; the lower one is far away.
    let margin = 6.0;
    let mut report = Report::of_shares("False support of equality at the margin's edge: 7.1");
    let rows = [
        Case("normal", normal, 0.0, [2.5, 2.6, 2.4, 2.6]),
        Case("t3", student3, 0.0, [2.0, 2.0, 2.1, 2.1]),
        // The law falls short of its mean: 18, 16, 13 and 10 % in the documentation.
        Case("log-normal mean", log_normal, mean_of_log_normal(), [18.0, 16.0, 12.8, 10.0]),
    ];
    for Case(name, law, truth, rates) in rows {
        for (count, rate) in [5, 10, 20, 50].into_iter().zip(rates) {
            let mut rng = generator(400 + count as u64);
            let (mut plain, mut hull) = (Misses::default(), Misses::default());
            for _ in 0..REPETITIONS {
                let moments = Moments::of(&sample(&mut rng, count, law));
                let center = truth - margin;
                let student = |null: f64| {
                    let t = moments.studentized(null);
                    Evidence {
                        support: super::super::distribution::student_upper(t, moments.freedom()),
                        refute: super::super::distribution::student_lower(t, moments.freedom()),
                    }
                };
                let supported = |found: Evidence| found.support <= 0.5 * ALPHA;
                plain.note(supported(equivalence::evidence(center, margin, student)), false);
                let guard = |null: f64| guarded_evidence(&moments, null);
                hull.note(supported(equivalence::evidence(center, margin, guard)), false);
            }
            let label = |procedure: &str| format!("{procedure}, {name}, n = {count}");
            report.row(&label("Student"), plain, &[Expect::Rate(rate, RUNS)]);
            if name != "log-normal mean" {
                report.row(&label("guarded"), hull, &[Expect::Within(2.5)]);
            }
        }
    }
    report.finish();
}

#[test]
fn a_standard_error_too_small_by_1_3_is_found() {
    let mut report = Report::new("Standard error divided by 1.3");
    let narrow = |moments: &Moments, found: Interval| {
        found.map(|end| moments.mean + (end - moments.mean) / 1.3)
    };
    for count in [10, 20] {
        let [one, other] = misses(500 + count as u64, 0.0, |rng| {
            let moments = Moments::of(&sample(rng, count, normal));
            [student, guarded].map(|interval| narrow(&moments, interval(&moments, ALPHA)))
        });
        report.defect(&format!("Student, normal, n = {count}"), one, Expect::Nominal);
        report.defect(&format!("guarded, normal, n = {count}"), other, Expect::AtMost);
    }
    report.finish();
}
