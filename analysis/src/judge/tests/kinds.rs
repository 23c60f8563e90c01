//! The kinds that reduce a run to something else than one recorded number.

use serde_json::{Value, json};

use super::*;

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
