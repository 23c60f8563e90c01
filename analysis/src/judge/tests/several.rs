//! The kinds that speak of many problems, or of several tests.

use serde_json::{Value, json};

use super::*;

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
    assert!(named(&found, "test 2: refuted, 0.0"), "{:?}", found.flags);
    assert!(!named(&found, "test 1: refuted") && !named(&found, "test 1: inconclusive"));
    let found = all(&[0.001, 0.02]);
    assert_eq!(found.answer, Answer::Inconclusive, "{found:?}");
    assert!(found.estimate < 1.5 && found.seeds == 10);
    assert!(named(&found, "test 2: inconclusive, 0.0"), "{:?}", found.flags);
}

#[test]
fn a_cell_without_a_number_counts_once_however_many_tests_ask_it() {
    let mut runs = ten(0.02);
    for (label, record) in &mut runs {
        if label.solver == "a" && label.seed < 2 {
            // The set-up alone takes longer than the claim allows.
            record.trace.columns[1].values.iter_mut().for_each(|seconds| *seconds += 5.0);
        }
    }
    let within = |metric: &str| {
        json!({ "better": { "metric": metric, "solver": "a", "than": "b",
            "at": { "best": "validation-loss", "within": { "seconds": 4.0 } } } })
    };
    let found =
        answered(&runs, json!({ "all": [within("test-accuracy"), within("validation-loss")] }));
    let expected = BTreeMap::from([("no row within the limit".to_owned(), 2)]);
    assert_eq!(found.failed.counts(), expected, "{found:?}");
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
