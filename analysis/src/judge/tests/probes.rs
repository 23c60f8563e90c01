//! The kinds that read ladders, chains and laws.

use serde_json::{Value, json};

use super::*;

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
