//! Whole ledgers (2.8): how often one of twenty claims is wrong, and what is found.

use super::super::failure::mcnemar;
use super::super::ledger::{
    calibrated, calibrated_by_average, e_discoveries, e_holm, holm_of_claims,
};
use super::super::log_rank::{Stratum, permuted};
use super::super::mean::{Moments, guarded_evidence};
use super::super::median::sign_evidence;
use super::super::win::{self, Tally};
use super::super::{Evidence, looks, mixture, spread, wilcoxon};
use super::*;

/// Claims of a ledger.
const CLAIMS: usize = 20;
/// Ledgers, and those behind the documented rates.
const LEDGERS: u64 = 400;
const RUNS: u64 = 4_000;

fn is_supported(found: Evidence, alpha: f64) -> bool {
    found.support <= 0.5 * alpha
}

fn is_clear(found: Evidence, alpha: f64) -> bool {
    found.support.min(found.refute) <= 0.5 * alpha
}

/// Anytime-valid evidence of `θ > null` over all looks from five on.
fn sequential(x: &[f64], null: f64) -> Evidence {
    (5..=x.len())
        .map(|n| mixture::evidence(&Moments::of(&x[..n]), null))
        .fold(Evidence::NONE, Evidence::strongest)
}

/// The evidence of every claim for one solver under two names: place i of the answer is the kind of
/// claim i modulo their number.
fn same_solver_twice(rng: &mut Pcg64, claim: usize) -> Evidence {
    let count = 20;
    // Shared difficulty of a seed, and noise of either run.
    let difficulty = sample(rng, count, normal);
    let mut metric = || -> Vec<f64> { difficulty.iter().map(|d| d + normal(rng)).collect() };
    let (a, b) = (metric(), metric());
    let gaps: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    match claim % 8 {
        0 => guarded_evidence(&Moments::of(&gaps), 0.0),
        1 => sequential(&gaps, 0.0),
        2 => (1..=count)
            .map(|n| win::evidence(&Tally::of_signs(&gaps[..n])))
            .fold(Evidence::NONE, Evidence::strongest),
        3 => sign_evidence(&gaps, 0.0),
        4 => wilcoxon::evidence(&gaps, 0.0),
        5 => looks::evidence(&gaps, &[5, 10, 20], 0.0),
        6 => spread::paired(&a, &b).evidence(0.0),
        _ => {
            let failed = |x: f64| x > 1.0;
            let only = |x: &[f64], y: &[f64]| {
                x.iter().zip(y).filter(|(x, y)| failed(**x) && !failed(**y)).count() as u64
            };
            mcnemar(only(&a, &b), only(&b, &a))
        }
    }
}

#[test]
fn the_same_solver_under_two_names_rarely_has_a_verdict() {
    let mut report = Report::of_shares("Ledgers of 20 claims with any false verdict, A/A");
    let mut rng = generator(1);
    let (mut weighted, mut adjusted) = (Misses::default(), Misses::default());
    let share = ALPHA / CLAIMS as f64;
    for _ in 0..LEDGERS {
        let claims: Vec<Evidence> =
            (0..CLAIMS).map(|claim| same_solver_twice(&mut rng, claim)).collect();
        weighted.note(claims.iter().any(|claim| is_clear(*claim, share)), false);
        let holm = holm_of_claims(&claims);
        adjusted.note(holm.iter().any(|claim| claim.support.min(claim.refute) <= ALPHA), false);
    }
    report.row("fixed weights", weighted, &[Expect::Within(5.0)]);
    report.row("Holm", adjusted, &[Expect::Within(5.0)]);
    report.finish();
}

#[test]
fn curves_of_one_solver_rarely_differ() {
    let mut report = Report::of_shares("Ledgers of 20 log-rank claims with any false verdict, A/A");
    let mut rng = generator(2);
    let mut found = Misses::default();
    let share = ALPHA / CLAIMS as f64;
    for _ in 0..LEDGERS {
        let any = (0..CLAIMS).any(|_| {
            let mut side = || -> Vec<(f64, bool)> {
                let run = |_| {
                    let time = exponential(&mut rng);
                    (time.min(1.0), time <= 1.0)
                };
                (0..10).map(run).collect()
            };
            let (a, b) = (side(), side());
            is_clear(permuted(&[Stratum { a: &a, b: &b }], &mut rng).evidence, share)
        });
        found.note(any, false);
    }
    report.row("fixed weights, n = 10", found, &[Expect::Within(5.0)]);
    report.finish();
}

#[test]
fn ledgers_of_means_have_their_known_rates() {
    let mut report =
        Report::of_shares("Ledgers of 20 means under Holm with any false verdict, n = 10");
    // Rates of all null, of half planted two deviations off, and of planted claims found.
    let pair = (2.0 * (1.0_f64.exp() - 1.0) * 1.0_f64.exp()).sqrt();
    let rows = [
        Case("normal", normal, 0.0, (1.0, [3.1, 2.6, 81.0])),
        Case("t3", student3, 0.0, (3.0_f64.sqrt(), [1.7, 1.4, 76.0])),
        Case("log-normal pairs", log_normal_pair, 0.0, (pair, [0.9, 0.5, 71.0])),
    ];
    for Case(name, law, truth, (deviation, [null, half, power])) in rows {
        let mut rng = generator(3);
        let (mut all, mut mixed, mut found) =
            (Misses::default(), Misses::default(), Misses::default());
        for _ in 0..LEDGERS {
            let moments: Vec<Moments> =
                (0..CLAIMS).map(|_| Moments::of(&sample(&mut rng, 10, law))).collect();
            let ledger = |planted: usize| {
                let claims: Vec<Evidence> = moments
                    .iter()
                    .enumerate()
                    .map(|(i, moments)| {
                        let shift = if i < planted { 2.0 * deviation } else { 0.0 };
                        guarded_evidence(moments, truth - shift)
                    })
                    .collect();
                holm_of_claims(&claims)
            };
            let wrong = |claims: &[Evidence]| {
                claims.iter().any(|claim| claim.support.min(claim.refute) <= ALPHA)
            };
            all.note(wrong(&ledger(0)), false);
            let planted = ledger(CLAIMS / 2);
            mixed.note(wrong(&planted[CLAIMS / 2..]), false);
            for claim in &planted[..CLAIMS / 2] {
                found.note(claim.support <= ALPHA, false);
            }
        }
        report.row(&format!("{name}, all null"), all, &[Expect::Rate(null, RUNS)]);
        report.row(&format!("{name}, half planted"), mixed, &[Expect::Rate(half, RUNS)]);
        let label = format!("{name}, planted claims found");
        report.row(&label, found, &[Expect::Rate(power, 10 * RUNS)]);
    }
    let mut rng = generator(4);
    let mut raw = Misses::default();
    for _ in 0..LEDGERS {
        let claims: Vec<Evidence> = (0..CLAIMS)
            .map(|_| {
                let moments = Moments::of(&sample(&mut rng, 10, log_normal));
                guarded_evidence(&moments, 0.5_f64.exp())
            })
            .collect();
        let holm = holm_of_claims(&claims);
        raw.note(holm.iter().any(|claim| claim.support.min(claim.refute) <= ALPHA), false);
    }
    report.row("raw log-normal means, all null", raw, &[Expect::Rate(34.0, RUNS)]);
    report.defect("raw log-normal means, all null", raw, Expect::Within(5.0));
    report.finish();
}

#[test]
fn sequential_ledgers_have_their_known_rates() {
    let mut report =
        Report::of_shares("Sequential ledgers of 20 means under Holm with any false verdict");
    let rows = [
        Case("normal", normal, 0.0, 1.3),
        Case("t3", student3, 0.0, 0.5),
        Case("log-normal pairs", log_normal_pair, 0.0, 0.1),
    ];
    for Case(name, law, truth, rate) in rows {
        let mut rng = generator(5);
        let mut found = Misses::default();
        for _ in 0..LEDGERS {
            let claims: Vec<Evidence> =
                (0..CLAIMS).map(|_| sequential(&sample(&mut rng, 40, law), truth)).collect();
            let holm = holm_of_claims(&claims);
            found.note(holm.iter().any(|claim| claim.support.min(claim.refute) <= ALPHA), false);
        }
        report.row(&format!("{name}, 5 to 40 seeds"), found, &[Expect::Rate(rate, 1000)]);
    }
    report.finish();
}

#[test]
fn e_values_of_true_hypotheses_rarely_lead_to_discoveries() {
    let mut report = Report::of_shares("Any discovery among 40 true hypotheses by e-values");
    let mut rng = generator(7);
    let mut found = [Misses::default(); 3];
    for _ in 0..REPETITIONS {
        let tallies: Vec<u64> = (0..2 * CLAIMS)
            .map(|_| (0..20).filter(|_| uniform(&mut rng) < 0.5).count() as u64)
            .collect();
        let wealth: Vec<f64> = tallies
            .iter()
            .map(|wins| win::ln_evidence_above(*wins, 20 - wins, 0.5).exp())
            .collect();
        let calibrators = [calibrated, calibrated_by_average];
        let calibrated =
            calibrators.map(|f| (0..2 * CLAIMS).map(|_| f(uniform(&mut rng))).collect::<Vec<_>>());
        for (misses, e) in found.iter_mut().zip([wealth].iter().chain(&calibrated)) {
            let closed = e_holm(e).iter().any(|e| *e >= 1.0 / ALPHA);
            misses.note(closed, false);
            // With no false hypothesis, the discovery rate is the chance of any discovery.
            misses.below += u64::from(e_discoveries(e, ALPHA) > 0 && !closed);
        }
    }
    for (name, found) in ["win test", "½/√p", "averaged calibrator"].iter().zip(found) {
        report.row(&format!("e-Holm or e-BH, {name}"), found, &[Expect::Within(5.0)]);
    }
    report.finish();
}

#[test]
fn claims_planted_at_the_detectable_difference_are_found_at_their_weight() {
    let mut report = Report::of_shares("Planted claims found at alpha/20, n = 20");
    let share = ALPHA / CLAIMS as f64;
    let effect = super::super::detectable::guarded(20, 1.0, share);
    let mut rng = generator(6);
    let mut found = Misses::default();
    for _ in 0..REPETITIONS {
        let moments = Moments::of(&sample(&mut rng, 20, normal));
        found.note(is_supported(guarded_evidence(&moments, -effect), share), false);
    }
    report.row("guarded Student", found, &[Expect::Rate(90.0, RUNS)]);
    report.finish();
}
