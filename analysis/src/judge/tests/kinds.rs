//! The kinds that reduce a run to something else than one recorded number.

use serde_json::{Value, json};

use super::*;

/// Ten or more seeds of `a` and `b`, one row of losses each per iteration.
fn curves(seeds: u64, loss: impl Fn(&str, u64, usize) -> f64, rows: usize) -> Vec<(Label, Record)> {
    let rows = |solver: &str, seed: u64| {
        (0..rows).map(|k| (loss(solver, seed, k), 0.0)).collect::<Vec<(f64, f64)>>()
    };
    let one = |solver: &str, seed: u64| run(solver, seed, &rows(solver, seed), Status::Budget);
    (0..seeds).flat_map(|seed| [one("a", seed), one("b", seed)]).collect()
}

fn answered(runs: &[(Label, Record)], test: Value) -> Finding {
    answer(runs, test, false).unwrap()
}

#[test]
fn the_mean_of_a_raw_loss_is_refused_with_the_better_choices() {
    let test = json!({ "mean": { "metric": "validation-loss", "solver": "a", "at-most": 1,
        "center": "mean" } });
    let mistake = answer(&ten(0.0), test, false).unwrap_err();
    assert_eq!(mistake.path, "test.mean.center");
    assert!(mistake.finding.contains("log-mean") && mistake.finding.contains("median"));
    let test = json!({ "equal": { "metric": "validation-loss", "solver": "a", "value": 1,
        "margin": 0.5 } });
    let mistake = answer(&ten(0.0), test, false).unwrap_err();
    assert_eq!(mistake.path, "test.equal.center");
    // Of pairs it may be taken.
    let test = json!({ "equal": { "metric": "validation-loss", "solver": "a", "than": "b",
        "margin": 0.5 } });
    assert!(answer(&ten(0.0), test, false).is_ok());
}

#[test]
fn a_loss_is_judged_by_its_geometric_mean() {
    let spread = |seed: u64| (0.2 * wobble(seed)).exp();
    let runs = curves(10, |_, seed, _| 0.5 * spread(seed), 2);
    let mean = |limit: f64| json!({ "mean": { "metric": "validation-loss", "solver": "a", "at-most": limit } });
    let found = answered(&runs, mean(0.7));
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    let exact = (0..10).map(|seed| (0.5 * spread(seed)).ln()).sum::<f64>() / 10.0;
    assert!((found.estimate.ln() - exact).abs() < 1e-12);
    assert!((found.rows[3].value - 0.5 * spread(3)).abs() < 1e-12);
    assert_eq!(answered(&runs, mean(0.3)).answer, Answer::Refuted);
}

#[test]
fn a_number_of_known_range_needs_no_law() {
    let runs = ten(0.0);
    let mean = |at_least: f64| {
        json!({ "mean": { "metric": "test-accuracy", "solver": "b", "at-least": at_least,
            "range": [0, 1] } })
    };
    let found = answered(&runs, mean(0.4));
    assert_eq!((found.procedure, found.answer), ("betting", Answer::Supported), "{found:?}");
    let narrow = json!({ "mean": { "metric": "test-accuracy", "solver": "b", "at-least": 0.4,
        "range": [0, 0.5] } });
    assert_eq!(answer(&runs, narrow, false).unwrap_err().path, "test.mean.range");
}

#[test]
fn an_explicit_bound_is_tested_on_every_row_of_every_run() {
    let gap = |_: &str, seed: u64, k: usize| (1.5 + 0.4 * wobble(seed)) / (k as f64 + 1.0);
    let runs = curves(8, gap, 60);
    let below = |constant: f64| {
        json!({ "below-curve": { "metric": "validation-loss", "solver": "a",
            "constant": constant, "power": -1, "shift": 1 } })
    };
    let found = answered(&runs, below(2.0));
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!(found.estimate < 1.0 && found.estimate > 0.8);
    let found = answered(&runs, below(1.6));
    assert_eq!(found.answer, Answer::Refuted);
    assert!(found.flags[0].contains("seed"), "{:?}", found.flags);
}

#[test]
fn a_bound_in_expectation_is_one_on_the_mean() {
    let gap = |_: &str, seed: u64, k: usize| (1.0 + 0.4 * wobble(seed)) * 0.9_f64.powf(k as f64);
    let runs = curves(20, gap, 40);
    let below = |constant: f64| {
        json!({ "below-curve": { "metric": "validation-loss", "solver": "a",
            "constant": constant, "factor": 0.9, "at": [5, 10, 20] } })
    };
    // Single runs stand above 1.25, their mean does not.
    assert_eq!(answered(&runs, below(1.25)).answer, Answer::Supported);
    assert_eq!(answered(&runs, below(0.7)).answer, Answer::Refuted);
}

#[test]
fn failures_are_counted_on_the_seeds_where_the_two_differ() {
    let mut runs = ten(0.0);
    for (label, record) in &mut runs {
        if label.solver == "b" && label.seed != 0 {
            record.header.status = Status::Diverged;
        }
    }
    let test = json!({ "fails-less": { "solver": "a", "than": "b" } });
    let found = answered(&runs, test.clone());
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!(found.flags.iter().any(|flag| flag == "a fails 0 of 10, b 9"), "{:?}", found.flags);
    // Nine unanimous pairs of ten: P(9 of 9) = 2^-9.
    assert!((found.evidence.unwrap().support - 0.5_f64.powi(9)).abs() < 1e-15);
    assert_eq!(answered(&ten(0.0), test).answer, Answer::Inconclusive);
}

#[test]
fn spreads_are_compared_in_pairs_of_twenty_seeds() {
    let wide = |solver: &str, seed: u64, _: usize| {
        let scale = if solver == "a" { 0.05 } else { 0.5 };
        (scale * wobble(seed * 3 + 7)).exp()
    };
    let test = json!({ "spread": { "metric": "validation-loss", "solver": "a", "than": "b" } });
    let found = answered(&curves(24, wide, 1), test.clone());
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!(found.flags.iter().any(|flag| flag.contains("0.100")), "{:?}", found.flags);
    assert_eq!(answered(&curves(12, wide, 1), test.clone()).answer, Answer::Inconclusive);
    assert!(answer(&curves(24, wide, 1), test, true).unwrap_err().finding.contains("seeds.min"));
}

/// Seeds of `a` with a sweep `penalty` of 1, 2, 4, 8 and a loss from the value.
fn swept(loss: impl Fn(f64, u64) -> f64) -> Vec<(Label, Record)> {
    let mut runs = Vec::new();
    for seed in 0..10 {
        for penalty in [1.0, 2.0, 4.0, 8.0] {
            let rows = [(2.0, 0.0), (loss(penalty, seed), 0.0)];
            let (mut label, record) = run("a", seed, &rows, Status::Budget);
            label.sweep.insert("solver.a.penalty".into(), json!(penalty));
            runs.push((label, record));
        }
    }
    runs
}

#[test]
fn a_trend_follows_the_sweep() {
    let trend = |falling: bool, every_step: bool| {
        json!({ "trend": { "metric": "validation-loss", "solver": "a", "over": "penalty",
            "falling": falling, "every-step": every_step } })
    };
    let rising = swept(|penalty, seed| penalty + 0.3 * wobble(seed));
    for every_step in [false, true] {
        assert_eq!(answered(&rising, trend(false, every_step)).answer, Answer::Supported);
        assert_eq!(answered(&rising, trend(true, every_step)).answer, Answer::Refuted);
    }
    let found = answered(&rising, trend(false, false));
    assert!((found.estimate - 1.0).abs() < 1e-12, "perfect in every seed: {}", found.estimate);
    // Half of the seeds rise, half fall.
    let torn = swept(|penalty, seed| if seed % 2 == 0 { penalty } else { 9.0 - penalty });
    for every_step in [false, true] {
        let answer = answered(&torn, trend(false, every_step)).answer;
        assert_eq!(answer, Answer::Inconclusive, "every step: {every_step}");
    }
}

#[test]
fn a_scaling_is_an_exponent_per_seed() {
    let scaling = |value: f64| {
        json!({ "scaling": { "metric": "validation-loss", "solver": "a", "against": "penalty",
            "value": value, "margin": 0.1 } })
    };
    let square =
        swept(|penalty, seed| (1.0 + 0.02 * wobble(seed + penalty as u64)) * penalty * penalty);
    let found = answered(&square, scaling(2.0));
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert_eq!(found.rows.len(), 10);
    assert_eq!(answered(&square, scaling(1.0)).answer, Answer::Refuted);
    let constant = swept(|penalty, seed| 3.0 + 0.05 * wobble(seed * 7 + penalty as u64));
    assert_eq!(answered(&constant, scaling(0.0)).answer, Answer::Supported);
}

#[test]
fn times_are_compared_by_wins_means_curves_and_restarts() {
    // a reaches 0.5 at iteration 3 to 5, b at 8 to 10 or, on every fourth seed, never.
    let loss = |solver: &str, seed: u64, k: usize| {
        let time = if solver == "a" { 3 + seed % 3 } else { 8 + seed % 3 };
        let never = solver == "b" && seed.is_multiple_of(4);
        if !never && k as u64 >= time { 0.4 } else { 0.9 }
    };
    let runs = curves(20, loss, 13);
    let faster = |by: &str, factor: f64| {
        json!({ "faster": { "metric": "validation-loss", "target": 0.5, "cost": "iteration",
            "solver": "a", "than": "b", "by": by, "factor": factor, "budget": 12 } })
    };
    for by in ["wins", "restricted-mean", "curve", "restart-cost"] {
        let found = answered(&runs, faster(by, 1.0));
        assert_eq!(found.answer, Answer::Supported, "{by}: {found:?}");
        assert_eq!(found.rows.len(), 20, "{by}");
    }
    // Expected cost: 4 against more than 9 of the successes alone.
    let found = answered(&runs, faster("restart-cost", 1.0));
    assert!(found.estimate < 4.0 / 9.0 && found.interval.upper < 1.0, "{found:?}");
    assert_eq!(answered(&runs, faster("restricted-mean", 10.0)).answer, Answer::Refuted);
    for by in ["curve", "restart-cost"] {
        let refused = answer(&runs, faster(by, 1.0), true).unwrap_err();
        assert_eq!(refused.path, "test.faster.by");
    }
}

#[test]
fn declared_looks_answer_at_their_numbers_of_seeds_only() {
    let judge_with = |runs: &[(Label, Record)], looks: &[usize]| {
        let claim: Claim = serde_json::from_value(json!({ "text": "It holds.", "test": better(),
            "looks": looks }))
        .unwrap();
        claim.validate().unwrap();
        let runs = runs.iter().map(|(label, record)| Run { label, record }).collect();
        let (looks, draws) = (claim.looks.clone(), Seed::root(1));
        let setting = Setting { runs, alpha: 0.05, sequential: true, looks, exact: false, draws };
        judge(&claim, &setting).unwrap()
    };
    let found = judge_with(&ten(0.02), &[5, 10]);
    assert_eq!((found.answer, found.looks), (Answer::Supported, 2), "{found:?}");
    let found = judge_with(&ten(0.02), &[20, 40]);
    assert_eq!((found.answer, found.looks), (Answer::Inconclusive, 0), "{found:?}");
}

#[test]
fn a_share_of_the_rows_gives_the_number_of_a_run() {
    let runs = curves(10, |_, seed, k| k as f64 + 0.1 * wobble(seed), 11);
    let at_most = |at: Value, limit: f64| {
        json!({ "at-most": { "metric": "validation-loss", "solver": "a", "at": at,
            "limit": limit } })
    };
    assert_eq!(answered(&runs, at_most(json!("mean"), 5.2)).answer, Answer::Supported);
    assert_eq!(answered(&runs, at_most(json!({ "quantile": 0.9 }), 9.2)).answer, Answer::Supported);
    assert_eq!(answered(&runs, at_most(json!({ "quantile": 0.9 }), 8.5)).answer, Answer::Refuted);
}

/// A probe with rows of (step, error, standard error).
fn probe(seed: u64, rows: &[(f64, f64, f64)]) -> (Label, Record) {
    let (mut label, mut record) =
        run("ladder", seed, &vec![(0.0, 0.0); rows.len()], Status::Converged);
    label.problem = "ladder".into();
    let column =
        |name: &'static str, values: Vec<f64>| Column { metric: Metric::diagnostic(name), values };
    record.trace.columns = vec![
        column("step", rows.iter().map(|row| row.0).collect()),
        column("error", rows.iter().map(|row| row.1).collect()),
        column("error-deviation", rows.iter().map(|row| row.2).collect()),
    ];
    (label, record)
}

const LADDER: [f64; 5] = [0.4, 0.2, 0.1, 0.05, 0.025];

#[test]
fn an_exact_order_is_read_off_the_finest_steps() {
    let rows: Vec<_> = LADDER.iter().map(|h| (*h, h * h * (1.0 + 0.2 * h), 0.0)).collect();
    let runs = [probe(0, &rows)];
    let asked = |value: f64| -> Finding {
        let claim: Claim = serde_json::from_value(json!({ "text": "It holds.",
            "deterministic": true, "test": { "order": { "probe": "ladder", "metric": "error",
            "against": "step", "value": value } } }))
        .unwrap();
        claim.validate().unwrap();
        let runs = runs.iter().map(|(label, record)| Run { label, record }).collect();
        let draws = Seed::root(1);
        let setting =
            Setting { runs, alpha: 0.0, sequential: false, looks: vec![], exact: true, draws };
        judge(&claim, &setting).unwrap()
    };
    assert_eq!(asked(2.0).answer, Answer::Supported);
    assert_eq!(asked(1.0).answer, Answer::Refuted);
    assert!((asked(2.0).estimate - 2.0).abs() < 0.01);
}

#[test]
fn a_simulated_order_waits_for_errors_clear_of_noise() {
    let rows = |noise: f64| -> Vec<_> { LADDER.iter().map(|h| (*h, h * h, noise)).collect() };
    let order = |kind: &str, value: f64| {
        json!({ "order": { "probe": "ladder", "metric": "error", "against": "step",
            "deviation": "error-deviation", kind: value } })
    };
    let sure = [probe(0, &rows(2e-5))];
    let found = answered(&sure, order("value", 2.0));
    assert_eq!((found.answer, found.seeds), (Answer::Supported, 1), "{found:?}");
    assert_eq!(answered(&sure, order("value", 1.0)).answer, Answer::Refuted);
    assert_eq!(answered(&sure, order("at-least", 1.5)).answer, Answer::Supported);
    let drowned = answered(&[probe(0, &rows(1e-3))], order("value", 2.0));
    assert_eq!(drowned.answer, Answer::Inconclusive);
    assert!(drowned.flags.iter().any(|flag| flag.contains("replicas needed")), "{drowned:?}");
}

#[test]
fn an_order_says_what_its_reference_adds_and_waits_where_that_is_much() {
    let rows: Vec<_> = LADDER.iter().map(|h| (*h, h * h, 1e-5)).collect();
    let with = |share: f64| {
        let (label, mut record) = probe(0, &rows);
        let values = LADDER.iter().map(|h| share * h * h).collect();
        let metric = Metric::diagnostic("error-reference");
        record.trace.columns.push(Column { metric, values });
        let test = json!({ "order": { "probe": "ladder", "metric": "error", "against": "step",
            "deviation": "error-deviation", "reference-column": "error-reference", "value": 2 } });
        answered(&[(label, record)], test)
    };
    let found = with(-0.01);
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!(found.flags.iter().any(|flag| flag.contains("1.00 %")), "{:?}", found.flags);
    let found = with(0.06);
    assert_eq!(found.answer, Answer::Inconclusive, "{found:?}");
}

#[test]
fn an_order_over_a_sweep_resamples_whole_seeds() {
    let mut runs = Vec::new();
    for seed in 0..40 {
        for h in LADDER {
            let error = h * (1.0 + 0.2 * wobble(seed));
            let (mut label, record) = run("a", seed, &[(error, 0.0)], Status::Budget);
            label.sweep.insert("solver.a.dt".into(), json!(h));
            runs.push((label, record));
        }
    }
    let order = |value: f64| {
        json!({ "order": { "solver": "a", "metric": "validation-loss", "against": "dt",
            "value": value } })
    };
    let found = answered(&runs, order(1.0));
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!((found.estimate - 1.0).abs() < 1e-9, "the seeds scale the whole ladder");
    assert_eq!(answered(&runs, order(2.0)).answer, Answer::Refuted);
}

/// A stationary chain `x ← 0.7x + e` around `mean`, uniform noise, plus a drift over the run.
fn chain(seed: u64, mean: f64, drift: f64) -> (Label, Record) {
    let mut rng = Seed::root(seed).child("chain").rng();
    let mut x = 0.0;
    let count = 20_000;
    let rows: Vec<(f64, f64)> = (0..count)
        .map(|k| {
            x = 0.7 * x + crate::statistics::distribution::uniform(&mut rng) - 0.5;
            (mean + x + drift * f64::from(k) / f64::from(count), 0.0)
        })
        .collect();
    run("a", seed, &rows, Status::Budget)
}

#[test]
fn a_relation_needs_a_run_that_has_settled() {
    // The drift of batch means over such a run has a deviation of 0.026: half the margin is 2.9 of
    // them away.
    let relation = |margin: f64| json!({ "relation": { "metric": "validation-loss", "solver": "a", "margin": margin } });
    let one = [chain(1, 0.0, 0.0)];
    let found = answered(&one, relation(0.15));
    assert_eq!((found.answer, found.seeds), (Answer::Supported, 1), "{found:?}");
    assert_eq!(answered(&[chain(2, 0.4, 0.0)], relation(0.15)).answer, Answer::Refuted);
    let drifting = answered(&[chain(3, 0.0, 1.0)], relation(0.15));
    assert_eq!(drifting.answer, Answer::Inconclusive);
    assert!(drifting.flags.iter().any(|flag| flag.contains("not stationary")), "{drifting:?}");
    let several: Vec<_> = (10..18).map(|seed| chain(seed, 0.0, 0.0)).collect();
    let found = answered(&several, relation(0.15));
    assert_eq!(found.procedure, "equivalence, guarded Student");
    assert_eq!((found.answer, found.seeds), (Answer::Supported, 8), "{found:?}");
}

/// An Ornstein–Uhlenbeck process `dX = -X dt + √2 dW` in steps of 0.05 from rest, and the residual
/// `x² - 1` of `f = x²/2`, as `f` and `|σᵀ∇f|² = 2x²` beside it. `scale`: on the noise that runs.
fn residual(seed: u64, scale: f64) -> (Label, Record) {
    let mut rng = Seed::root(seed).child("residual").rng();
    let (step, mut x) = (0.05_f64, 0.0);
    let (decay, noise) = ((-step).exp(), scale * (1.0 - (-2.0 * step).exp()).sqrt());
    let mut columns = vec![Vec::new(); 4];
    for k in 0..40_000 {
        x = decay * x + noise * crate::statistics::distribution::normal(&mut rng);
        let row = [f64::from(k) * step, x * x - 1.0, 2.0 * x * x, 0.5 * x * x];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let (mut label, mut record) = run("sides", seed, &[(0.0, 0.0); 2], Status::Converged);
    label.problem = "sides".into();
    record.trace.columns = ["time", "gap", "noise", "function"]
        .into_iter()
        .zip(columns)
        .map(|(name, values)| Column { metric: Metric::diagnostic(name), values })
        .collect();
    (label, record)
}

#[test]
fn a_residual_has_the_error_of_its_martingale() {
    let test = json!({ "relation": { "probe": "sides", "metric": "gap", "margin": 0.1,
        "burn-in": 0.01, "martingale": { "noise": "noise", "function": "function", "time": "time" } } });
    let runs: Vec<_> = (0..6).map(|seed| residual(seed, 1.0)).collect();
    let found = answered(&runs, test.clone());
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert_eq!((found.procedure, found.seeds), ("equivalence, martingale", 6));
    // √(2/T) with T = 6 · 1980 units of time.
    let half = 0.5 * (found.interval.upper - found.interval.lower);
    assert!((half / (1.96 * (2.0_f64 / 11_880.0).sqrt()) - 1.0).abs() < 0.1, "{found:?}");
    // A variance of 1.21 in place of 1.
    let broken: Vec<_> = (0..6).map(|seed| residual(seed, 1.1)).collect();
    assert_eq!(answered(&broken, test.clone()).answer, Answer::Refuted);
    // Half the variance: batch means contradict the martingale.
    let mut wrong = runs;
    for (_, record) in &mut wrong {
        record.trace.columns[2].values.iter_mut().for_each(|noise| *noise *= 0.5);
    }
    let found = answered(&wrong, test);
    assert_eq!(found.answer, Answer::Inconclusive, "{found:?}");
}

#[test]
fn a_rate_of_decay_comes_from_resampled_seeds() {
    let mut runs = Vec::new();
    for seed in 0..80 {
        let mut rng = Seed::root(seed).child("decay").rng();
        let rows: Vec<(f64, f64)> = (0..30)
            .map(|k| {
                let noise = crate::statistics::distribution::uniform(&mut rng) - 0.5;
                (2.0 * (-0.1 * f64::from(k)).exp() + 0.02 * noise, 0.0)
            })
            .collect();
        runs.push(run("a", seed, &rows, Status::Budget));
    }
    let decay = |rate: f64| {
        json!({ "decay": { "metric": "validation-loss", "against": "seconds", "solver": "a",
            "rate": rate, "limit": 0 } })
    };
    let found = answered(&runs, decay(0.1));
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!((found.estimate - 0.1).abs() < 0.002);
    assert_eq!(answered(&runs, decay(0.2)).answer, Answer::Refuted);
    assert_eq!(answered(&runs[..20], decay(0.1)).answer, Answer::Inconclusive, "few replicas");
}

#[test]
fn a_decay_begins_where_its_window_does() {
    let mut runs = Vec::new();
    for seed in 0..80 {
        let mut rng = Seed::root(seed).child("window").rng();
        let rows: Vec<(f64, f64)> = (0..40)
            .map(|k| {
                let noise = crate::statistics::distribution::uniform(&mut rng) - 0.5;
                let t = f64::from(k);
                (((-0.1 * t).exp() + 3.0 * (-0.6 * t).exp()) * (1.0 + 0.02 * noise), 0.0)
            })
            .collect();
        runs.push(run("a", seed, &rows, Status::Budget));
    }
    let decay = |from: f64| {
        json!({ "decay": { "metric": "validation-loss", "against": "seconds", "solver": "a",
            "rate": 0.1, "limit": 0, "from": from } })
    };
    assert_eq!(answered(&runs, decay(0.0)).answer, Answer::Refuted);
    assert_eq!(answered(&runs, decay(15.0)).answer, Answer::Supported);
    let mistake = answer(&runs, decay(99.0), false).unwrap_err();
    assert_eq!(mistake.path, "test.decay.from");
}

#[test]
fn a_mean_over_the_end_of_a_run_gives_its_number() {
    let loss = |_: &str, seed: u64, k: usize| if k < 10 { 9.0 } else { 1.0 + 0.1 * wobble(seed) };
    let runs = curves(10, loss, 20);
    let mean = |at: Value| json!({ "mean": { "metric": "validation-loss", "solver": "a", "at-most": 2, "at": at } });
    let found = answered(&runs, mean(json!({ "mean-from": { "iteration": 10 } })));
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert_eq!(answered(&runs, mean(json!("mean"))).answer, Answer::Refuted);
}

#[test]
fn the_law_of_what_runs_leave_is_a_distance() {
    let with_samples = |shift: f64| -> Vec<(Label, Record)> {
        let mut runs = Vec::new();
        for seed in 0..10 {
            let mut rng = Seed::root(seed).child("law").rng();
            let values: Vec<f64> = (0..2000)
                .map(|_| {
                    let u = crate::statistics::distribution::uniform(&mut rng);
                    shift + crate::statistics::distribution::normal_quantile(u)
                })
                .collect();
            let (label, mut record) = run("a", seed, &[(0.0, 0.0)], Status::Budget);
            let output = converge_problems::Output { name: "draws".into(), shape: vec![2000] };
            record.arrays.push(converge_bench::record::Array { output, values });
            runs.push((label, record));
        }
        runs
    };
    let law = json!({ "law": { "output": "draws", "solver": "a", "margin": 0.05,
        "is": { "normal": { "mean": 0, "deviation": 1 } } } });
    assert_eq!(answered(&with_samples(0.0), law.clone()).answer, Answer::Supported);
    assert_eq!(answered(&with_samples(0.5), law).answer, Answer::Refuted);
}

/// Twelve problems, five seeds: `a` solves all after 3 iterations, `b` every third problem after 6.
fn many_problems() -> Vec<(Label, Record)> {
    let mut runs = Vec::new();
    for problem in 0..12_u64 {
        for seed in 0..5 {
            for solver in ["a", "b"] {
                let time = if solver == "a" { 3 } else { 6 };
                let solved = solver == "a" || problem % 3 == 0;
                let level = 0.1 * wobble(problem) + 0.02 * wobble(seed);
                let loss = |k: usize| if solved && k >= time { 0.1 } else { 1.0 + level };
                let score = if solver == "a" { 0.9 } else { 0.7 };
                let rows: Vec<(f64, f64)> = (0..10).map(|k| (loss(k), score + level)).collect();
                let (mut label, record) = run(solver, seed, &rows, Status::Budget);
                label.problem = format!("p{problem:02}");
                runs.push((label, record));
            }
        }
    }
    runs
}

#[test]
fn a_profile_takes_problems_as_its_sample() {
    let runs = many_problems();
    let profile = |at: f64, relative: bool, margin: f64| {
        json!({ "profile": { "metric": "validation-loss", "target": 0.5, "cost": "iteration",
            "solver": "a", "than": "b", "at": at, "relative": relative, "margin": margin } })
    };
    // Within 4 iterations: all against none. Within 8: all against a third.
    let found = answered(&runs, profile(4.0, false, 0.1));
    assert_eq!((found.answer, found.seeds), (Answer::Supported, 12), "{found:?}");
    assert!((found.estimate - 1.0).abs() < 1e-12);
    let found = answered(&runs, profile(8.0, false, 0.1));
    assert!((found.estimate - 8.0 / 12.0).abs() < 1e-12);
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    // At twice the better cost the third counts too.
    let found = answered(&runs, profile(2.0, true, 0.9));
    assert!((found.estimate - 8.0 / 12.0).abs() < 1e-12);
    assert_ne!(found.answer, Answer::Supported);
    assert!(found.flags.iter().any(|flag| flag.contains("problems like these 12")));
}

#[test]
fn fewer_than_eight_problems_speak_for_themselves() {
    let runs: Vec<_> =
        many_problems().into_iter().filter(|(label, _)| label.problem.as_str() < "p06").collect();
    let test = json!({ "profile": { "metric": "validation-loss", "target": 0.5,
        "cost": "iteration", "solver": "a", "than": "b", "over": [1, 9] } });
    let found = answered(&runs, test);
    assert_eq!((found.answer, found.seeds), (Answer::Supported, 5), "{found:?}");
    assert!(found.flags.iter().any(|flag| flag == "on these 6 problems"), "{:?}", found.flags);
}

#[test]
fn an_interquartile_mean_is_one_number_per_seed() {
    let test = json!({ "interquartile": { "metric": "test-accuracy", "solver": "a", "than": "b",
        "margin": 0.1 } });
    let found = answered(&many_problems(), test);
    assert_eq!((found.answer, found.seeds), (Answer::Supported, 5), "{found:?}");
    assert!((found.estimate - 0.2).abs() < 1e-9);
}

#[test]
fn a_budget_hides_the_rows_beyond_it() {
    let runs = ten(0.02);
    let within = |limit: f64| {
        json!({ "better": { "metric": "test-accuracy", "solver": "a", "than": "b",
            "at": { "best": "validation-loss", "within": { "seconds": limit } } } })
    };
    // All three rows; then only the first two, where `b` stands at an accuracy of 0.5.
    let whole = answered(&runs, within(9.0));
    assert!((whole.estimate - 0.02).abs() < 0.002 && whole.answer == Answer::Supported);
    let short = answered(&runs, within(1.0));
    assert!(short.estimate > 0.35, "{short:?}");
    // A run that broke down afterwards keeps what was selected while it trained.
    let mut broken = ten(0.02);
    for (_, record) in &mut broken {
        record.header.status = Status::Breakdown("line search found no step".into());
    }
    assert!((answered(&broken, within(9.0)).estimate - whole.estimate).abs() < 1e-15);
}

#[test]
fn all_is_supported_when_every_test_is_and_refuted_when_one_is() {
    let runs = ten(0.02);
    let better = |margin: f64| {
        json!({ "better": { "metric": "test-accuracy", "at": "best-validation-loss",
            "solver": "a", "than": "b", "margin": margin } })
    };
    let all = |margins: &[f64]| {
        let tests: Vec<Value> = margins.iter().map(|margin| better(*margin)).collect();
        answered(&runs, json!({ "all": tests }))
    };
    let found = all(&[0.001, 0.002]);
    assert_eq!((found.answer, found.estimate), (Answer::Supported, 2.0), "{found:?}");
    let found = all(&[0.001, 0.1]);
    assert_eq!((found.answer, found.interval.upper), (Answer::Refuted, 1.0), "{found:?}");
    assert!(found.evidence.is_some_and(|evidence| evidence.refute < 0.01));
    // The part that fails is named with what it found, the others are not.
    let named = |found: &Finding, part: &str| found.flags.iter().any(|flag| flag.starts_with(part));
    assert!(named(&found, "test 2: refuted, test-accuracy"), "{:?}", found.flags);
    assert!(!named(&found, "test 1: refuted") && !named(&found, "test 1: inconclusive"));
    let found = all(&[0.001, 0.02]);
    assert_eq!(found.answer, Answer::Inconclusive, "{found:?}");
    assert!(found.estimate < 1.5 && found.seeds == 10);
    assert!(named(&found, "test 2: inconclusive, test-accuracy"), "{:?}", found.flags);
}

#[test]
fn a_shift_compares_the_advantage_with_that_of_the_other_variant() {
    let mut runs = ten(0.005);
    let released = ten(0.03)
        .into_iter()
        .map(|(label, record)| (Label { variant: "released".into(), ..label }, record));
    runs.extend(released);
    let shift = |margin: f64| {
        json!({ "shift": { "metric": "test-accuracy", "at": "best-validation-loss",
            "solver": "a", "than": "b", "from": "corrected", "margin": margin } })
    };
    let found = answered(&runs, shift(0.001));
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!((found.estimate - 0.025).abs() < 1e-12 && found.rows.len() == 10);
    assert_eq!(answered(&runs, shift(0.05)).answer, Answer::Refuted);
    // Toward the better side: for a loss a larger advantage is a lower number.
    let mut losses = curves(8, |solver, _, _| if solver == "a" { 0.5 } else { 0.6 }, 2);
    let other = curves(
        8,
        |solver, seed, _| {
            if solver == "a" { 0.2 + 0.01 * wobble(seed) } else { 0.6 }
        },
        2,
    );
    losses.extend(
        other
            .into_iter()
            .map(|(label, record)| (Label { variant: "released".into(), ..label }, record)),
    );
    let found = answered(
        &losses,
        json!({ "shift": { "metric": "validation-loss", "solver": "a",
        "than": "b", "from": "corrected" } }),
    );
    assert!((found.estimate - 0.3).abs() < 0.01 && found.answer == Answer::Supported);
}

#[test]
fn one_solver_on_two_problems_is_paired_by_seed() {
    let mut runs = ten(0.0);
    let other = ten(0.02)
        .into_iter()
        .map(|(label, record)| (Label { problem: "single".into(), ..label }, record));
    runs.extend(other);
    let test = json!({ "better": { "metric": "test-accuracy", "at": "best-validation-loss",
        "solver": "a", "than": "a", "problem": "single", "than-problem": "digits",
        "margin": 0.001 } });
    let found = answered(&runs, test);
    assert!((found.estimate - 0.02).abs() < 1e-12 && found.seeds == 10, "{found:?}");
    let equal = json!({ "equal": { "metric": "test-accuracy", "at": "best-validation-loss",
        "solver": "a", "than": "a", "problem": "single", "than-problem": "digits",
        "margin": 0.05 } });
    assert_eq!(answered(&runs, equal).answer, Answer::Supported);
}
