//! What a study resolves to.

use std::collections::{BTreeMap, BTreeSet};

use converge_problems::{Better, Metric, Split};
use serde_json::json;

use super::support::{WHOLE, study};
use crate::cell::{Cell, Sampling, Stage, StopRule, Task};
use crate::record::{Column, Header, Record, Status, Trace};
use crate::study::{Choices, Key, Planned, Size, Study};

fn main_cells(study: &Study) -> Vec<Planned> {
    study.cells(Stage::Main, 0..study.seeds.start, &Choices::new())
}

fn problem_of(planned: &Planned) -> serde_json::Value {
    match &planned.cell.task {
        Task::Run { problem, .. } => problem.config.clone().into(),
        Task::Probe { probe } => probe.config.clone().into(),
    }
}

#[test]
fn the_main_stage_is_the_product_of_variants_problems_solvers_sweeps_and_seeds() {
    let study = study(WHOLE, Size::Default).unwrap();
    let cells = main_cells(&study);
    // Per variant and seed: bowl with walk twice and jump, valley with walk twice, one probe.
    assert_eq!(cells.len(), 2 * 2 * (3 + 2 + 1));
    assert_eq!(study.variants, ["corrected", "published"]);
    assert_eq!(study.solvers, ["walk", "jump", "moments"]);
    assert_eq!(study.seeds, 2..4);
    let curves: BTreeSet<String> = cells.iter().map(|planned| planned.label.curve()).collect();
    let expected = ["jump", "moments", "walk (step-size 0.1)", "walk (step-size 0.2)"];
    assert_eq!(curves, expected.map(String::from).into());
    assert!(cells.iter().all(|planned| !planned.timed));
    assert!(cells.iter().all(|planned| planned.limits.memory == Some(8 << 30)));
}

#[test]
fn cells_of_one_instance_stand_side_by_side() {
    let study = study(WHOLE, Size::Default).unwrap();
    let mut seen: Vec<String> = Vec::new();
    for planned in main_cells(&study) {
        let Task::Run { .. } = planned.cell.task else { continue };
        let instance =
            format!("{} {} {}", planned.label.problem, problem_of(&planned), planned.cell.seed);
        if seen.last() != Some(&instance) {
            assert!(!seen.contains(&instance), "{instance} comes back");
            seen.push(instance);
        }
    }
    // The variant changes the bowl and leaves the valley: 2 seeds of 2 bowls and 1 valley.
    assert_eq!(seen.len(), 6);
}

#[test]
fn overlays_merge_tables_and_replace_the_rest() {
    let bowl = |size: Size, variant: &str| {
        let study = study(WHOLE, size).unwrap();
        let cells = main_cells(&study);
        let found = cells
            .iter()
            .find(|planned| planned.label.problem == "bowl" && planned.label.variant == variant);
        (problem_of(found.unwrap()), study)
    };
    let round = json!({ "round": { "radius": 1.0 } });
    assert_eq!(bowl(Size::Default, "corrected").0, json!({ "depth": 2.0, "shape": round }));
    assert_eq!(bowl(Size::Default, "published").0, json!({ "depth": 5.0, "shape": round }));
    assert_eq!(bowl(Size::Full, "published").0, json!({ "depth": 9.0, "shape": round }));
    let (quick, study) = bowl(Size::Quick, "published");
    assert_eq!(quick, json!({ "depth": 5.0, "shape": "flat" }));
    assert_eq!(study.seeds, 1..1);
    let cells = main_cells(&study);
    assert!(cells.iter().any(|planned| planned.cell.stop == [StopRule::Iterations(3)]));
    assert!(cells.iter().all(|planned| planned.cell.root == 11), "the root seed is kept");
}

#[test]
fn an_alternative_replaces_another_and_false_removes_a_section() {
    let text = WHOLE
        .replace("problem.bowl.shape = \"flat\"", "problem.bowl.shape = { square = { side = 2 } }")
        .replace("stop.iterations = 3", "stop.iterations = 3\nproblem.valley = false");
    let cells = main_cells(&study(&text, Size::Quick).unwrap());
    assert!(cells.iter().all(|planned| planned.label.problem != "valley"));
    assert_eq!(problem_of(&cells[0])["shape"], json!({ "square": { "side": 2 } }));
    let text = WHOLE.replace("stop.iterations = 3", "stop.iterations = 3\ntune = false");
    let tuned = |size| study(&text, size).unwrap().cells(Stage::Tune, 0..1, &Choices::new()).len();
    assert_eq!((tuned(Size::Default) > 0, tuned(Size::Quick)), (true, 0));
}

#[test]
fn a_value_in_braces_is_the_whole_value_and_a_dotted_key_adds_to_it() {
    let base = "shape = { round = { radius = 1.0, pool = 2 } }";
    let shape = |overlay: &str| {
        let text = WHOLE
            .replace("shape = { round = { radius = 1.0 } }", base)
            .replace("problem.bowl.shape = \"flat\"", overlay);
        problem_of(&main_cells(&study(&text, Size::Quick).unwrap())[0])["shape"].clone()
    };
    // What stands beside a key that both have does not survive: not at the outer level, nor within.
    for braces in [
        "problem.bowl.shape = { round = { radius = 3.0 } }",
        "problem.bowl.shape.round = { radius = 3.0 }",
        "problem.bowl = { shape = { round = { radius = 3.0 } } }",
    ] {
        assert_eq!(shape(braces), json!({ "round": { "radius": 3.0 } }), "{braces}");
    }
    assert_eq!(
        shape("problem.bowl.shape.round.radius = 3.0"),
        json!({ "round": { "radius": 3.0, "pool": 2 } }),
    );
    // Tables of settings merge in braces too: the repetitions keep their root.
    assert_eq!(main_cells(&study(WHOLE, Size::Quick).unwrap())[0].cell.root, 11);
}

#[test]
fn main_and_tune_cells_name_the_reference_of_their_own_instance() {
    let text = WHOLE
        .replace("stop = { iterations = 7 }", "stop = { iterations = 7 }\nproblems = [\"bowl\"]");
    let study = study(&text, Size::Default).unwrap();
    let references = study.cells(Stage::Reference, 0..2, &Choices::new());
    // Two variants of the bowl, two seeds of the main stage and two of tuning.
    assert_eq!(references.len(), 8);
    for stage in [Stage::Main, Stage::Tune] {
        for planned in study.cells(stage, 0..2, &Choices::new()) {
            if planned.label.problem != "bowl" {
                assert_eq!(planned.cell.reference, None);
                continue;
            }
            let own = references
                .iter()
                .find(|one| Some(one.cell.identity()) == planned.cell.reference)
                .unwrap();
            assert_eq!(own.cell.instance_seed(), planned.cell.instance_seed());
            assert_eq!(problem_of(own), problem_of(&planned));
            assert_eq!(own.cell.outputs, ["iterate"]);
        }
    }
}

#[test]
fn a_field_of_the_problem_is_tuned_for_the_solver_that_names_it() {
    let text = WHOLE
        .replace("decay = { log = [1e-3, 1.0] }", "problem = { depth = { grid = [1.0, 4.0] } }")
        .replace("[reference]\nsolver = \"jump\"\nstop = { iterations = 7 }\n", "")
        .replace("[problem.valley]\n", "");
    let study = study(&text, Size::Default).unwrap();
    let depth = |planned: &Planned| problem_of(planned)["depth"].as_f64().unwrap();
    let tuned = study.cells(Stage::Tune, 0..2, &Choices::new());
    let bowls = tuned.iter().filter(|planned| planned.label.problem == "bowl");
    assert!(bowls.clone().all(|planned| planned.label.solver == "walk"));
    let depths: BTreeSet<String> = bowls.map(|planned| depth(planned).to_string()).collect();
    assert_eq!(depths, BTreeSet::from(["1".to_owned(), "4".to_owned()]));
    // The choice reaches the problem of that solver alone.
    let (variant, curve) = ("corrected".to_owned(), "bowl/walk (step-size 0.1)".to_owned());
    let key = Key { variant, curve, draw: 0 };
    let choice = BTreeMap::from([("problem.depth".to_owned(), json!(4.0))]);
    let choices = Choices::from([(key, choice)]);
    for planned in study.cells(Stage::Main, 0..1, &choices) {
        if planned.label.variant == "corrected" && planned.label.problem == "bowl" {
            let expected = match planned.label.curve().as_str() {
                "walk (step-size 0.1)" => 4.0,
                "walk (step-size 0.2)" => 1.0, // Not chosen yet: the first trial.
                _ => 2.0,
            };
            assert_eq!(depth(&planned).to_bits(), f64::to_bits(expected), "{:?}", planned.label);
        }
    }
    let text = WHOLE.replace("decay = {", "problem.depth = {");
    let error = super::support::study(&text, Size::Default).unwrap_err().to_string();
    assert!(error.contains("`problem.depth` is tuned, so that no reference"), "{error}");
}

#[test]
fn seconds_in_a_claim_time_the_cells_it_concerns() {
    let text = WHOLE.replace("metric = \"objective\", limit", "metric = \"total-seconds\", limit");
    for planned in main_cells(&study(&text, Size::Default).unwrap()) {
        let concerned = planned.label.problem == "bowl" && planned.label.solver == "walk";
        assert_eq!(planned.timed, concerned, "{:?}", planned.label);
    }
    let text = WHOLE.replace("order = 2", "order = 2\ntimed = true");
    for planned in main_cells(&study(&text, Size::Default).unwrap()) {
        assert_eq!(planned.timed, matches!(planned.cell.task, Task::Probe { .. }));
    }
    let text = WHOLE.replace("{ iterations = 20 }", "{ seconds = 20 }");
    for planned in main_cells(&study(&text, Size::Default).unwrap()) {
        assert_eq!(planned.timed, matches!(planned.cell.task, Task::Run { .. }));
    }
}

fn identities(text: &str) -> BTreeSet<String> {
    let study = study(text, Size::Default).unwrap();
    [Stage::Reference, Stage::Tune, Stage::Main]
        .into_iter()
        .flat_map(|stage| study.cells(stage, 0..2, &Choices::new()))
        .map(|planned| planned.cell.identity().0)
        .collect()
}

/// The same study with sections, and the lines in each, in the order that `keys` gives.
fn shuffled(keys: &[u32]) -> String {
    let mut keys = keys.iter().cycle();
    let mut sort = |pieces: Vec<String>, glue: &str| {
        let mut keyed: Vec<(u32, String)> =
            pieces.into_iter().map(|piece| (*keys.next().unwrap(), piece)).collect();
        keyed.sort();
        let pieces: Vec<String> = keyed.into_iter().map(|(_, piece)| piece).collect();
        pieces.join(glue)
    };
    // The head holds the keys of the file itself and stays first.
    let (head, rest) = WHOLE.split_once("\n\n").unwrap();
    let rest = rest.replace("\n[", "\n\n[");
    let mut sections = Vec::new();
    for section in rest.split("\n\n").filter(|section| !section.trim().is_empty()) {
        let (name, lines) = section.trim().split_once('\n').unwrap_or((section.trim(), ""));
        let lines = lines.lines().map(ToOwned::to_owned).collect();
        sections.push(format!("{name}\n{}", sort(lines, "\n")));
    }
    format!("{head}\n\n{}\n", sort(sections, "\n\n"))
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 32,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..Default::default()
    })]

    #[test]
    fn the_order_of_keys_and_sections_changes_no_identity(
        keys in proptest::collection::vec(0_u32..1000, 60),
    ) {
        proptest::prop_assert_eq!(identities(&shuffled(&keys)), identities(WHOLE));
    }
}

#[test]
fn inline_dotted_and_headed_tables_are_the_same() {
    let dotted = WHOLE.replace(
        "depth = 2.0\nshape = { round = { radius = 1.0 } }",
        "shape.round.radius = 1.0\ndepth = 2.0",
    );
    let headed = WHOLE.replace(
        "shape = { round = { radius = 1.0 } }\n",
        "[problem.bowl.shape.round]\nradius = 1.0\n",
    );
    assert_eq!(identities(&dotted), identities(WHOLE));
    assert_eq!(identities(&headed), identities(WHOLE));
}

#[test]
fn reading_twice_gives_the_same_cells_in_the_same_order() {
    for size in [Size::Quick, Size::Default, Size::Full] {
        let cells = || main_cells(&study(WHOLE, size).unwrap());
        assert_eq!(cells(), cells());
    }
}

#[test]
fn the_identity_of_a_fixed_cell_never_changes() {
    let text = r#"schema = 1
title = "One"
[problem.bowl]
depth = 2.5
[solver.walk]
step-size = 0.125
[seeds]
min = 1
root = 3
[stop]
iterations = 9
"#;
    let study = study(text, Size::Default).unwrap();
    let cells = main_cells(&study);
    let [one] = cells.as_slice() else { panic!("{} cells", cells.len()) };
    assert_eq!(one.cell.sampling, Sampling::Every { n: 1, unit: crate::cell::Unit::Iterations });
    assert_eq!(one.cell.identity().0, "50ebd31df4486e4f20274b8981d06d8c");
}

#[test]
fn tuning_gives_every_trial_its_own_value_within_the_range_on_seeds_of_its_own() {
    let study = study(WHOLE, Size::Default).unwrap();
    let cells = study.cells(Stage::Tune, 0..1, &Choices::new());
    // Two variants, two problems, two sweep points, two seeds, four trials.
    assert_eq!(cells.len(), 2 * 2 * 2 * 2 * 4);
    let values: BTreeSet<String> = cells
        .iter()
        .map(|planned| {
            let value = &planned.label.sweep["solver.walk.decay"];
            assert!((1e-3..=1.0).contains(&value.as_f64().unwrap()), "{value}");
            assert!(planned.cell.seed >= Cell::FIRST_TUNE_SEED);
            // What selects, and what a stop rule watches.
            assert_eq!(planned.cell.metrics, ["objective", "validation-loss"]);
            value.to_string()
        })
        .collect();
    assert_eq!(values.len(), 4);
    assert!(study.choose(&[]).is_none());
}

/// A finished run of a tuning cell whose metric ends at `value`.
fn record(planned: &Planned, value: f64, status: Status) -> Record {
    let metric = Metric::new("validation-loss", Better::Lower, Split::Validation);
    Record {
        identity: planned.cell.identity(),
        cell: planned.cell.clone(),
        header: Header {
            status,
            setup_seconds: 0.0,
            setup_work: Vec::new(),
            timed: false,
            concurrency: 1,
            threads: 1,
            code: String::new(),
            started: 0.0,
            peak_bytes: 0,
            facts: BTreeMap::new(),
        },
        trace: Trace {
            columns: vec![Column { metric, values: vec![9.0, value] }],
            digests: vec![],
        },
        arrays: Vec::new(),
    }
}

#[test]
fn the_trial_with_the_best_median_runs_in_the_main_stage() {
    let study = study(WHOLE, Size::Default).unwrap();
    let cells = study.cells(Stage::Tune, 0..1, &Choices::new());
    let decay = |planned: &Planned| planned.label.sweep["solver.walk.decay"].as_f64().unwrap();
    // The best value is the one nearest to 0.1; the smallest crashes, so it cannot win.
    let smallest = cells.iter().map(decay).fold(f64::INFINITY, f64::min);
    let runs: Vec<(Planned, Option<Record>)> = cells
        .iter()
        .map(|planned| {
            let crashed = decay(planned) <= smallest;
            let cost = (decay(planned).ln() - 0.1_f64.ln()).abs();
            let status = if crashed { Status::Crashed("abort".into()) } else { Status::Budget };
            let cost = if crashed { -1.0 } else { cost };
            (planned.clone(), Some(record(planned, cost, status)))
        })
        .collect();
    let choices = study.choose(&runs).unwrap();
    let best = cells
        .iter()
        .map(decay)
        .filter(|value| *value > smallest)
        .min_by(|a, b| (a.ln() - 0.1_f64.ln()).abs().total_cmp(&(b.ln() - 0.1_f64.ln()).abs()))
        .unwrap();
    // Two variants, two problems, two sweep points, each with its own choice.
    assert_eq!(choices.len(), 8);
    for (key, choice) in &choices {
        assert_eq!(choice["decay"].as_f64(), Some(best), "{key:?}");
    }
    for planned in study.cells(Stage::Main, 0..1, &choices) {
        let Task::Run { solver, .. } = &planned.cell.task else { continue };
        if planned.label.solver == "walk" {
            assert_eq!(solver.config["decay"].as_f64(), Some(best));
            assert!(!planned.label.sweep.contains_key("solver.walk.decay"));
        }
    }
    let mut missing = runs.clone();
    missing[0].1 = None;
    assert!(study.choose(&missing).is_none());
}

#[test]
fn every_repetition_can_have_a_tuning_of_its_own() {
    let text = WHOLE.replace("[tune]\n", "[tune]\nper-repetition = true\n");
    let once = study(WHOLE, Size::Default).unwrap();
    let study = study(&text, Size::Default).unwrap().with_seeds(3);
    assert!(once.shares_tuning("corrected", "walk") && !study.shares_tuning("corrected", "walk"));
    assert!(!once.shares_tuning("corrected", "jump"));
    let decay = |planned: &Planned| planned.label.sweep["solver.walk.decay"].as_f64().unwrap();
    let cells = study.cells(Stage::Tune, 0..3, &Choices::new());
    // Three repetitions of what one tuning of all has.
    assert_eq!(cells.len(), 3 * 64);
    let of = |draw: u64| {
        // Two instances a tuning.
        let own = move |p: &&Planned| (p.cell.seed - Cell::FIRST_TUNE_SEED) / 2 == draw;
        cells.iter().filter(own)
    };
    let values = |draw: u64| -> BTreeSet<String> {
        of(draw).map(|planned| decay(planned).to_string()).collect()
    };
    assert!((0..3).all(|draw| of(draw).count() == 64 && values(draw).len() == 4));
    assert!(values(0).is_disjoint(&values(1)) && values(1).is_disjoint(&values(2)));

    // The smallest is the best; the last repetition has one run to go.
    let cost = |planned: &Planned| Some(record(planned, decay(planned), Status::Budget));
    let mut runs: Vec<(Planned, Option<Record>)> =
        cells.iter().map(|planned| (planned.clone(), cost(planned))).collect();
    let last = |p: &Planned| p.cell.seed == Cell::FIRST_TUNE_SEED + 5;
    let to_go = runs.iter().position(|(planned, _)| last(planned)).unwrap();
    runs[to_go].1 = None;
    let choices = study.choose(&runs).unwrap();
    assert_eq!(choices.len(), 2 * 8 + 7);
    let least = |draw: u64| of(draw).map(decay).fold(f64::INFINITY, f64::min);
    let mut tuned = [0; 3];
    for planned in study.cells(Stage::Main, 0..3, &choices) {
        let Task::Run { solver, .. } = &planned.cell.task else { continue };
        if planned.label.solver == "walk" {
            assert_eq!(solver.config["decay"].as_f64(), Some(least(planned.label.seed)));
            tuned[planned.label.seed as usize] += 1;
        }
    }
    assert_eq!(tuned, [8, 8, 7]);
    runs.iter_mut().for_each(|(_, record)| *record = None);
    assert!(study.choose(&runs).is_none());
}

#[test]
fn of_two_trials_as_good_the_earlier_is_chosen() {
    let study = study(WHOLE, Size::Default).unwrap();
    let cells = study.cells(Stage::Tune, 0..1, &Choices::new());
    let runs: Vec<(Planned, Option<Record>)> = cells
        .iter()
        .map(|planned| (planned.clone(), Some(record(planned, 1.0, Status::Budget))))
        .collect();
    let first = cells[0].label.sweep["solver.walk.decay"].clone();
    for choice in study.choose(&runs).unwrap().values() {
        assert_eq!(choice["decay"], first);
    }
}

#[test]
fn claims_keep_their_lines_and_their_hash_follows_their_content() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Claim {
        #[serde(rename = "test")]
        _test: serde_json::Value,
    }
    let claim = |text: &str| study(text, Size::Default).unwrap().claims[0].clone();
    let whole = claim(WHOLE);
    let line = WHOLE.lines().position(|line| line == "[claim.C1]").unwrap() + 1;
    assert_eq!((whole.name.as_str(), whole.line), ("C1", line));
    let error = whole.read::<Claim>().unwrap_err();
    assert_eq!(error.line, line + 1);
    assert_eq!(error.finding, "unknown key `text` in claim.C1; did you mean `test`?");
    let error = whole.error("test.at-most.limit", "too small");
    assert_eq!((error.line, error.finding.as_str()), (line + 2, "too small"));
    assert_eq!(claim(&format!("# moved\n{WHOLE}")).hash(), whole.hash());
    assert_eq!(whole.hash().len(), 64);
    assert_ne!(claim(&WHOLE.replace("limit = 1.0", "limit = 1.5")).hash(), whole.hash());
}
