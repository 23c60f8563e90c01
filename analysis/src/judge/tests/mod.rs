//! From runs made by hand to answers: one claim per kind, with planted effects and faults.

mod kinds;
mod probes;
mod samples;
mod several;

use std::collections::BTreeMap;

use converge_bench::cell::{Cell, Identity, Sampling, Section, Stage, StopRule, Task, Unit};
use converge_bench::record::{Column, Header, Record, Status, Trace};
use converge_bench::study::Label;
use converge_problems::{Better, Metric, Seed, Split};
use serde_json::{Value, json};

use super::{Finding, Setting, judge};
use crate::claim::{Answer, Claim, Mistake};
use crate::load::Run;

const LOSS: Metric = Metric::new("validation-loss", Better::Lower, Split::Validation);
const ACCURACY: Metric = Metric::new("test-accuracy", Better::Higher, Split::Test);

fn section(kind: &str) -> Section {
    Section { kind: kind.to_owned(), config: serde_json::Map::new() }
}

/// A run of `solver` with `rows` of (loss, accuracy), one per iteration and second.
fn run(solver: &str, seed: u64, rows: &[(f64, f64)], status: Status) -> (Label, Record) {
    let counts = || (0..rows.len()).map(|k| k as f64).collect::<Vec<f64>>();
    let column = |metric: Metric, values: Vec<f64>| Column { metric, values };
    let label = Label {
        variant: "corrected".into(),
        problem: "digits".into(),
        solver: solver.into(),
        sweep: BTreeMap::new(),
        seed,
    };
    let record = Record {
        identity: Identity(format!("{solver}-{seed}")),
        cell: Cell {
            schema: Cell::SCHEMA,
            task: Task::Run { problem: section("mlr"), solver: section(solver) },
            root: 0,
            seed,
            stage: Stage::Main,
            sampling: Sampling::Every { n: 1, unit: Unit::Iterations },
            stop: vec![StopRule::Iterations(100)],
            reference: None,
            outputs: Vec::new(),
            metrics: Vec::new(),
        },
        header: Header {
            status,
            setup_seconds: 0.5,
            setup_work: Vec::new(),
            timed: true,
            concurrency: 1,
            threads: 1,
            code: "c".into(),
            started: 0.0,
            peak_bytes: 0,
            facts: BTreeMap::new(),
        },
        trace: Trace {
            columns: vec![
                column(Metric::diagnostic("iteration"), counts()),
                column(Metric::diagnostic("seconds"), counts()),
                column(LOSS, rows.iter().map(|row| row.0).collect()),
                column(ACCURACY, rows.iter().map(|row| row.1).collect()),
            ],
            digests: Vec::new(),
        },
        arrays: Vec::new(),
    };
    (label, record)
}

/// A small deterministic spread over seeds, in [−1, 1].
fn wobble(seed: u64) -> f64 {
    ((seed * 7919 + 13) % 101) as f64 / 50.0 - 1.0
}

/// Ten seeds of `a` and `b`; `a` is better by `effect` in accuracy at its best validation loss.
fn ten(effect: f64) -> Vec<(Label, Record)> {
    (0..10)
        .flat_map(|seed| {
            let base = 0.9 + 0.01 * wobble(seed);
            let noise = 0.002 * wobble(seed + 50);
            let best = base + effect + noise;
            // The last row overfits: the best validation loss stands one row before.
            let a = [(2.0, 0.1), (0.5, best), (0.7, 0.2)];
            let b = [(2.0, 0.1), (1.0, 0.5), (0.6, base)];
            [run("a", seed, &a, Status::Budget), run("b", seed, &b, Status::Budget)]
        })
        .collect()
}

fn answer(runs: &[(Label, Record)], test: Value, sequential: bool) -> Result<Finding, Mistake> {
    let claim: Claim =
        serde_json::from_value(json!({ "text": "It holds.", "test": test })).unwrap();
    claim.validate()?;
    let runs = runs.iter().map(|(label, record)| Run { label, record }).collect();
    let draws = Seed::root(1);
    let exact = claim.deterministic;
    judge(
        &claim,
        &Setting { runs, alpha: 0.05, sequential, looks: claim.looks.clone(), exact, draws },
    )
}

fn better() -> Value {
    json!({ "better": { "metric": "test-accuracy", "at": "best-validation-loss",
        "solver": "a", "than": "b", "margin": 0.001 } })
}

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
fn planted_effects_are_found_with_their_sign() {
    for sequential in [false, true] {
        for (effect, expected) in
            [(0.02, Answer::Supported), (-0.02, Answer::Refuted), (0.001, Answer::Inconclusive)]
        {
            let found = answer(&ten(effect), better(), sequential).unwrap();
            assert_eq!(found.answer, expected, "{effect}: {found:?}");
            assert_eq!(found.seeds, 10);
            assert!((found.estimate - effect).abs() < 0.002);
            assert!(found.detectable.is_some_and(|detectable| detectable.value < 0.005));
        }
    }
}

#[test]
fn a_diverged_run_loses_its_pair_and_is_counted() {
    let mut runs = ten(0.02);
    runs[0].1.header.status = Status::Diverged;
    let found = answer(&runs, better(), false).unwrap();
    assert_eq!(found.procedure, "sign test");
    assert!((found.estimate - 0.9).abs() < 1e-12);
    assert_eq!(found.failed.counts().get("diverged"), Some(&1));
    assert_eq!(found.seeds, 10);
}

#[test]
fn a_crashed_run_leaves_its_seed_out() {
    let mut runs = ten(0.02);
    runs[0].1.header.status = Status::Crashed("signal 9".into());
    let found = answer(&runs, better(), false).unwrap();
    assert_eq!(found.seeds, 9);
    assert_eq!(found.failed.counts().get("crashed"), Some(&1));
}

#[test]
fn one_violation_refutes_a_bound_and_names_its_run() {
    let mut runs = ten(0.0);
    let test = json!({ "at-most": { "metric": "validation-loss", "limit": 0.7, "solver": "a" } });
    let found = answer(&runs, test.clone(), false).unwrap();
    assert_eq!(found.answer, Answer::Supported);
    assert!(found.flags[0].contains("0.31"), "{:?}", found.flags);
    runs[6].1.trace.columns[2].values[2] = 0.71;
    let found = answer(&runs, test, false).unwrap();
    assert_eq!(found.answer, Answer::Refuted);
    assert!(found.flags[0].contains("seed 3"), "{:?}", found.flags);
}

#[test]
fn equality_needs_an_interval_inside_the_margin() {
    let equal = |margin: f64| {
        json!({ "equal": { "metric": "test-accuracy", "at": { "iteration": 1 }, "than-at": "end",
            "solver": "a", "than": "b", "margin": margin } })
    };
    assert_eq!(answer(&ten(0.0), equal(0.005), false).unwrap().answer, Answer::Supported);
    assert_eq!(answer(&ten(0.0), equal(0.0005), false).unwrap().answer, Answer::Inconclusive);
    assert_eq!(answer(&ten(0.05), equal(0.005), false).unwrap().answer, Answer::Refuted);
}

#[test]
fn equal_numbers_use_no_interval() {
    let test = json!({ "better": { "metric": "validation-loss", "solver": "b", "than": "a" } });
    let found = answer(&ten(0.0), test, false).unwrap();
    assert_eq!((found.procedure, found.answer), ("no variation", Answer::Supported));
}

#[test]
fn ratios_are_reported_as_factors() {
    let test = json!({ "ratio": { "metric": "test-accuracy", "at": { "iteration": 1 },
        "than-at": "end", "solver": "a", "than": "b", "at-least": 1.01 } });
    let found = answer(&ten(0.05), test, false).unwrap();
    assert_eq!(found.answer, Answer::Supported);
    assert!((1.04..1.07).contains(&found.estimate), "{}", found.estimate);
    assert!((found.threshold - 1.01).abs() < 1e-12);
}

#[test]
fn a_statistic_names_what_tells_its_numbers_apart() {
    let statistic = |than: &str, than_at: Value| {
        let test = json!({ "ratio": { "metric": "test-accuracy", "at": "best-validation-loss",
            "than-at": than_at, "solver": "a", "than": than, "at-least": 1.01 } });
        answered(&ten(0.0), test).statistic
    };
    assert_eq!(statistic("b", json!("end")), "test-accuracy, a / b");
    let rows = "test-accuracy, at best validation-loss / at iteration 1";
    assert_eq!(statistic("a", json!({ "iteration": 1 })), rows);
    let at = crate::claim::At::End;
    let (solver, problem, than_problem) = (("a", &at), Some("tuned"), Some("paper"));
    let pair =
        super::paired::Pair { metric: "objective", solver, than: solver, problem, than_problem };
    assert_eq!(pair.statistic('−'), "objective, tuned − paper");
}

#[test]
fn faster_counts_wins_and_lets_the_unreached_lose() {
    let test = json!({ "faster": { "metric": "validation-loss", "target": 0.65,
        "solver": "a", "than": "b", "factor": 2.0 } });
    let mut runs = ten(0.0);
    let found = answer(&runs, test.clone(), false).unwrap();
    // a reaches 0.65 after 1 s, b after 2 s: a tie at the factor 2.
    assert_eq!(found.answer, Answer::Inconclusive);
    for (label, record) in &mut runs {
        if label.solver == "b" {
            record.trace.columns[2].values[2] = 0.9;
            record.header.status = Status::Plateau;
        }
    }
    let found = answer(&runs, test, false).unwrap();
    assert_eq!(found.answer, Answer::Supported);
    assert_eq!(found.failed.counts().get("target not reached (plateau)"), Some(&10));
}

#[test]
fn seconds_beside_other_cells_decide_nothing() {
    let test = json!({ "faster": { "metric": "validation-loss", "target": 0.65,
        "solver": "a", "than": "b" } });
    let mut runs = ten(0.0);
    assert_eq!(answer(&runs, test.clone(), false).unwrap().answer, Answer::Supported);
    runs[3].1.header.timed = false;
    assert_eq!(answer(&runs, test, false).unwrap().answer, Answer::Inconclusive);
}

#[test]
fn linear_rates_are_read_per_seed() {
    let runs: Vec<_> = (0..10)
        .map(|seed| {
            let q = 0.9 + 0.002 * wobble(seed);
            let rows: Vec<(f64, f64)> = (0..=100).map(|k| (q.powi(k), 0.0)).collect();
            run("a", seed, &rows, Status::Budget)
        })
        .collect();
    let test = |q: f64| {
        json!({ "rate": { "metric": "validation-loss", "kind": "linear", "at-most": q,
            "solver": "a" } })
    };
    let found = answer(&runs, test(0.91), false).unwrap();
    assert_eq!(found.answer, Answer::Supported, "{found:?}");
    assert!((found.estimate - 0.9).abs() < 0.002);
    assert_eq!(answer(&runs, test(0.85), false).unwrap().answer, Answer::Refuted);
}

#[test]
fn shares_are_judged_by_their_exact_interval() {
    let runs = ten(0.0);
    let share = |at_least: f64| {
        json!({ "share": { "at-least": at_least, "test": { "at-most":
            { "metric": "validation-loss", "limit": 0.7, "solver": "a" } } } })
    };
    assert_eq!(answer(&runs, share(0.6), false).unwrap().answer, Answer::Supported);
    assert_eq!(answer(&runs, share(0.8), false).unwrap().answer, Answer::Inconclusive);
}

#[test]
fn a_wrong_metric_lists_the_right_ones() {
    let test = json!({ "at-most": { "metric": "losss", "limit": 1 } });
    let mistake = answer(&ten(0.0), test, false).unwrap_err();
    assert!(mistake.finding.contains("validation-loss"), "{}", mistake.finding);
}

#[test]
fn a_solver_without_runs_gets_no_verdict() {
    // The reader of studies refuses unknown names, so what selects nothing has not run yet.
    let test = json!({ "better": { "metric": "test-accuracy", "solver": "c", "than": "b" } });
    let found = answer(&ten(0.0), test, false).unwrap();
    assert_eq!((found.answer, found.seeds), (Answer::NoVerdict, 0));
}
