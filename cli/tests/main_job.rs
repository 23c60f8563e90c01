//! The main job as a user meets it: run, check, draw, report, and the faults between.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

mod support;

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use support::{TINY, Workshop, stderr, stdout};

/// The long-format export of a study: one line per run, row and metric.
fn exported(workshop: &Workshop, study: &str) -> Vec<String> {
    let file = workshop.path().join("traces.csv");
    let output =
        workshop.run(&["export", study, "--to", "csv", "--output", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::read_to_string(file).unwrap().lines().map(ToOwned::to_owned).collect()
}

/// Identities of the runs that the store would use, each once per run.
fn identities(workshop: &Workshop) -> Vec<String> {
    let output = workshop.run(&["status", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    value["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["identity"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn run_answers_draws_and_says_where() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("T1") && text.contains("supported"), "{text}");
    assert!(text.contains("report.html"), "{text}");
    assert!(workshop.store().join("report.html").is_file());
    assert!(workshop.store().join("verdicts.json").is_file());
    assert!(workshop.store().join("figures/tiny/descent/descent.svg").is_file(), "{text}");
    // Running never dirties the folder of the studies.
    let beside = std::fs::read_dir(workshop.path().join("figures/tiny")).unwrap().count();
    assert_eq!(beside, 2);
}

/// As people call it: from the folder of the studies, by a bare name; and further studies of a paper by
/// their folder, beside the others in the store.
#[test]
fn studies_are_run_from_where_they_stand_and_further_ones_by_their_folder() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    std::fs::create_dir(workshop.path().join("figures/tiny/further")).unwrap();
    workshop.study("further/again", &TINY.replace("T1", "T1-again"));
    let verdicts = |folder: &str, argument: &str| {
        let store = workshop.store();
        let arguments = ["run", "--quiet", "--json", "--store", store.to_str().unwrap(), argument];
        let mut command = workshop.command(&arguments);
        let output = command.current_dir(workshop.path().join(folder)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        let found: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        found.into_iter().map(|v| format!("{} {}", v["paper"], v["claim"])).collect::<Vec<_>>()
    };
    let (one, again) = (["\"tiny\" \"T1\""], ["\"tiny\" \"T1-again\""]);
    assert_eq!(verdicts("figures/tiny", "descent.toml"), one);
    assert_eq!(verdicts("figures/tiny/further", "again.toml"), again);
    assert_eq!(verdicts("", "figures/tiny"), one);
    assert_eq!(verdicts("", "figures/tiny/further"), again);
    assert!(workshop.store().join("figures/tiny/again/descent.svg").is_file());
}

#[test]
fn a_second_run_measures_nothing_again() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    assert!(workshop.run(&["run", "--quiet"]).status.success());
    let files = workshop.trace_files();
    let before = identities(&workshop);
    assert!(workshop.run(&["run", "--quiet"]).status.success());
    assert_eq!(workshop.trace_files(), files);
    assert_eq!(identities(&workshop), before);
    assert_eq!(before.len(), 10);
}

#[test]
fn verdicts_that_contradict_the_expectation_end_with_4() {
    let workshop = Workshop::new();
    workshop.study("descent", &TINY.replace("limit = 2.0", "limit = 1e-6"));
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(4), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("refuted"));
}

#[test]
fn a_claim_is_judged_in_the_variants_it_names() {
    let claim = |variants: &str| {
        let switch = "[variant.released.problem.digits.defects]\nhessian-damping = 1e-3\n";
        let key = format!("[claim.T1]\nvariants = [\"{variants}\"]");
        TINY.replace("[claim.T1]", &key)
            .replace("[solver.lbfgs]", &format!("{switch}\n[solver.lbfgs]"))
    };
    let workshop = Workshop::new();
    workshop.study("descent", &claim("released"));
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let verdicts = std::fs::read(workshop.store().join("verdicts.json")).unwrap();
    let verdicts: serde_json::Value = serde_json::from_slice(&verdicts).unwrap();
    let judged: Vec<&str> =
        verdicts.as_array().unwrap().iter().map(|v| v["variant"].as_str().unwrap()).collect();
    assert_eq!(judged, ["released"]);
    // A name that no variant has is found before anything runs.
    let workshop = Workshop::new();
    workshop.study("descent", &claim("relaesed"));
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("no variant named `relaesed`") && text.contains("released"), "{text}");
    assert!(workshop.trace_files().is_empty());
}

#[test]
fn a_verdict_says_where_all_seeds_have_one_tuning() {
    let flags = |own: bool| {
        let tune = format!(
            "[tune]\ntrials = 2\nper-repetition = {own}\n\
             best = {{ metric = \"objective\", at = \"end\" }}\n\
             over.lbfgs.memory = {{ grid = [3, 5] }}\n[seeds]"
        );
        let workshop = Workshop::new();
        workshop.study("descent", &TINY.replace("[seeds]", &tune));
        let output = workshop.run(&["run"]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        stdout(&output).contains("one tuning for all seeds")
    };
    assert_eq!((flags(false), flags(true)), (true, false));
}

#[test]
fn a_typo_in_a_study_points_at_its_line_and_suggests_the_name() {
    let workshop = Workshop::new();
    workshop.study("descent", &TINY.replace("[solver.lbfgs]", "[solver.lbfgs]\nmemmory = 5"));
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("descent.toml:11"), "{text}");
    assert!(text.contains("memmory") && text.contains("`memory`"), "{text}");
    assert!(text.trim().lines().count() <= 3, "{text}");
}

#[test]
fn digests_do_not_depend_on_jobs_or_threads() {
    let reference = Workshop::new();
    reference.study("descent", TINY);
    assert!(reference.run(&["run", "--quiet", "--jobs", "1"]).status.success());
    let digests = |workshop: &Workshop| {
        let output = workshop.run(&["status", "--json"]);
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut pairs: Vec<(String, String)> = value["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| (run["identity"].to_string(), run["digest"].to_string()))
            .collect();
        pairs.sort();
        pairs
    };
    let expected = digests(&reference);
    assert!(expected.iter().all(|(_, digest)| digest != "null"));
    for (jobs, threads) in [("2", "1"), ("1", "2"), ("1", "3"), ("2", "8")] {
        let workshop = Workshop::new();
        workshop.study("descent", TINY);
        let output = workshop.run(&["run", "--quiet", "--jobs", jobs, "--threads", threads]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(digests(&workshop), expected, "jobs {jobs}, threads {threads}");
    }
}

#[test]
fn replay_reproduces_a_recorded_run() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    assert!(workshop.run(&["run", "--quiet"]).status.success());
    let identity = identities(&workshop)[0].clone();
    let output = workshop.run(&["replay", &identity[..10], "--threads", "2"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let missing = workshop.run(&["replay", "ffffffffffffffff"]);
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
}

#[test]
fn forget_removes_what_is_selected_and_run_brings_it_back() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    assert!(workshop.run(&["run", "--quiet"]).status.success());
    let output = workshop.run(&["forget", "solver=lbfgs"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(identities(&workshop).len(), 5);
    assert!(workshop.run(&["run", "--quiet"]).status.success());
    assert_eq!(identities(&workshop).len(), 10);
}

#[test]
fn export_writes_every_row_of_every_metric() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    assert!(workshop.run(&["run", "--quiet"]).status.success());
    let lines = exported(&workshop, "descent");
    // `newton-cg` may converge before the last iteration: the store says how many rows there are.
    let output = workshop.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = status["runs"].as_array().unwrap();
    let rows: u64 = runs.iter().map(|run| run["rows"].as_u64().unwrap()).sum();
    assert!(runs.len() == 10 && rows > 5 * 11, "{runs:?}");
    for metric in [",objective,", ",gradient-norm,", ",test-accuracy,"] {
        let found = lines.iter().filter(|line| line.contains(metric)).count();
        assert_eq!(found as u64, rows, "{metric} in {}", lines[0]);
    }
}

#[test]
fn killed_half_way_and_resumed_every_cell_is_there_once_in_few_files() {
    let cells = 1000;
    let workshop = Workshop::new();
    workshop.study(
        "descent",
        &TINY.replace("min = 5\nmax = 5", "min = 500\nmax = 500").replace("n = 1\n", "n = 5\n"),
    );
    let mut child = workshop
        .command(&["run", "--quiet", "--jobs", "2"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Kill by what is there, not by time: the journal has grown to something like half.
    loop {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        let bytes: u64 = workshop
            .trace_files()
            .iter()
            .map(|file| file.metadata().map_or(0, |metadata| metadata.len()))
            .sum();
        if bytes > 400_000 {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = identities(&workshop).len();
    assert!(kept > 0 && kept < cells, "{kept} cells survived the kill");

    let output = workshop.run(&["run", "--quiet", "--jobs", "2"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mut found = identities(&workshop);
    assert_eq!(found.len(), cells);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), cells);
    assert!(workshop.trace_files().len() <= 3, "{:?}", workshop.trace_files());
}

#[test]
fn two_processes_at_once_do_every_cell_and_corrupt_nothing() {
    let workshop = Workshop::new();
    workshop.study("descent", &TINY.replace("min = 5\nmax = 5", "min = 40\nmax = 40"));
    let spawn = || {
        workshop
            .command(&["run", "--quiet", "--jobs", "1"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for mut child in [spawn(), spawn()] {
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success(), "{text}");
    }
    let output = workshop.run(&["status", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["problems"].as_array().unwrap().len(), 0, "{value}");
    assert_eq!(identities(&workshop).len(), 80);
}

#[test]
fn a_foreign_file_in_the_store_is_named_and_left_alone() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    assert!(workshop.run(&["run", "--quiet"]).status.success());
    let foreign = workshop.store().join("traces/foreign.h5");
    std::fs::write(&foreign, b"not a pack").unwrap();
    let output = workshop.run(&["check"]);
    assert!(stderr(&output).contains("foreign.h5"), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(0));
    assert!(foreign.is_file());
}

#[test]
fn data_that_is_not_here_is_skipped_by_name() {
    let workshop = Workshop::new();
    workshop.study("descent", &TINY.replace("dataset = \"digits\"", "dataset = \"mnist\""));
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(6), "{}{}", stdout(&output), stderr(&output));
    let text = format!("{}{}", stdout(&output), stderr(&output));
    assert!(text.contains("mnist") && text.contains("converge data fetch mnist"), "{text}");
}

#[test]
fn listings_name_what_is_registered() {
    let workshop = Workshop::new();
    workshop.study("descent", TINY);
    for (what, name) in [
        ("papers", "tiny"),
        ("studies", "descent"),
        ("problems", "mlr"),
        ("solvers", "admm-softmax"),
        ("datasets", "digits"),
        ("probes", "softmax-identities"),
        ("metrics", "objective"),
    ] {
        let output = workshop.run(&["list", what]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stdout(&output).contains(name), "{what}: {}", stdout(&output));
    }
}
