//! Claims that hold for other samples than those that were measured on.

use converge_bench::record::Array;
use converge_problems::Output;
use rand::RngExt;

use super::*;

const SAMPLES: usize = 400;
const NAME: &str = "test-accuracy at best validation-loss";

fn better(change: &Value) -> Value {
    let mut table = json!({ "metric": "test-accuracy", "at": "best-validation-loss", "solver": "a",
        "than": "b", "margin": 0.001, "center": "mean", "samples": true });
    table.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    json!({ "better": table })
}

/// Ten repetitions on the same samples, of which each is as hard as it is: `a` gets those right that
/// are no harder than 0.8, give or take little from repetition to repetition, `b` those that are no
/// harder than 0.8 by another measure of hardness, less `effect`.
fn ten_on_samples(effect: f64) -> Vec<(Label, Record)> {
    let mut rng = Seed::root(3).child("samples").rng();
    let hard: Vec<[f64; 2]> =
        (0..SAMPLES).map(|_| [rng.random_range(0.0..1.0), rng.random_range(0.0..1.0)]).collect();
    let one = |solver: &str, seed: u64, index: usize, ability: f64| {
        let ability = ability + 0.01 * wobble(seed + 50 * index as u64);
        let terms: Vec<f64> =
            hard.iter().map(|hard| f64::from(u8::from(hard[index] <= ability))).collect();
        let accuracy = terms.iter().sum::<f64>() / SAMPLES as f64;
        let (label, mut record) =
            run(solver, seed, &[(2.0, 0.1), (0.5, accuracy), (0.7, 0.2)], Status::Budget);
        let output = Output { name: NAME.into(), shape: vec![SAMPLES] };
        record.arrays.push(Array { output, values: terms });
        (label, record)
    };
    (0..10).flat_map(|seed| [one("a", seed, 0, 0.8), one("b", seed, 1, 0.8 - effect)]).collect()
}

#[test]
fn a_lead_that_other_samples_could_turn_is_open() {
    // Repetitions agree on a lead of three points, which 400 samples cannot tell from none: the
    // difference has a standard error of about √(0.32/400), three points.
    let runs = ten_on_samples(0.03);
    let these = answered(&runs, better(&json!({ "samples": false })));
    let others = answered(&runs, better(&json!({})));
    assert_eq!(these.answer, Answer::Supported, "{these:?}");
    assert_eq!(others.answer, Answer::Inconclusive, "{others:?}");
    assert!((these.estimate - others.estimate).abs() < 1e-12);
    assert!(others.interval.lower < these.interval.lower - 0.03);
    assert!(others.evidence.unwrap().support > 0.025);
    assert!(others.detectable.unwrap().value > 2.0 * these.detectable.unwrap().value);
    assert!(
        others.flags.iter().any(|flag| flag.contains("by sample, 400 of these")),
        "{:?}",
        others.flags
    );
    let single = |flag: &String| flag.contains("McNemar") && !flag.contains("10 of 10");
    assert!(others.flags.iter().any(single), "{:?}", others.flags);
    // Twenty points are more than they can turn, and McNemar's test sees them in each repetition.
    let found = answered(&ten_on_samples(0.2), better(&json!({})));
    assert_eq!(found.answer, Answer::Supported);
    assert!(found.flags.iter().any(|flag| flag.contains("10 of 10 seeds")));
    assert_eq!(answered(&ten_on_samples(-0.2), better(&json!({}))).answer, Answer::Refuted);
}

#[test]
fn terms_that_are_missing_or_of_another_row_are_named() {
    let mistake = |change: &dyn Fn(&mut Record)| {
        let mut runs = ten_on_samples(0.2);
        runs.iter_mut().for_each(|(_, record)| change(record));
        answer(&runs, better(&json!({})), false).unwrap_err()
    };
    let missing = mistake(&|record| record.arrays.clear());
    assert_eq!(missing.path, "test.better.samples");
    assert!(missing.finding.contains(&format!("outputs = [\"{NAME}\"]")), "{}", missing.finding);
    let other = mistake(&|record| record.arrays[0].values[7] += 0.5);
    assert!(other.finding.contains("in that row"), "{}", other.finding);
    let mut runs = ten_on_samples(0.2);
    let array = &mut runs[0].1.arrays[0].values;
    array.extend_from_within(..);
    let short = answer(&runs, better(&json!({})), false).unwrap_err();
    assert!(short.finding.contains("different numbers of samples"), "{}", short.finding);
}

#[test]
fn samples_need_a_mean_fixed_seeds_and_a_row_that_is_kept() {
    let refused = |change: Value, sequential: bool| {
        let mistake = answer(&ten_on_samples(0.2), better(&change), sequential).unwrap_err();
        mistake.path
    };
    assert_eq!(refused(json!({ "center": "win" }), false), "test.better.center");
    assert_eq!(refused(json!({ "at": "start" }), false), "test.better.at");
    assert_eq!(refused(json!({}), true), "test.better");
    // A run that diverged has no number, and no mean over repetitions is left.
    let mut runs = ten_on_samples(0.2);
    runs[0].1.header.status = Status::Diverged;
    let found = answered(&runs, better(&json!({})));
    assert_eq!((found.procedure, found.answer), ("sign test", Answer::Inconclusive));
}
