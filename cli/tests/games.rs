//! Bad input of games, as a user meets it: what, where, remedy; before anything runs where that can be known.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

mod support;

use serde_json::Value;
use support::{TINY, Workshop, stderr, stdout};

/// A study of one chain on one game; `problem` and `solver` are keys of its sections.
fn study(problem: &str, solver: &str) -> String {
    format!(
        "schema = 1\npaper = \"tiny\"\ntitle = \"A game\"\n\
         [problem.game]\n{problem}\n\
         [solver.chain]\nkind = \"gaussian-sga\"\n{solver}\n\
         [seeds]\nmin = 1\nmax = 1\n[sampling]\nrule = \"every\"\nn = 10\n\
         [stop]\nany = [{{ iterations = 2000 }}]\n"
    )
}

/// The message of a study that is refused before anything runs, which stands at `line`.
fn refused(problem: &str, line: usize) -> String {
    let workshop = Workshop::new();
    workshop.study("game", &study(problem, ""));
    let output = workshop.run(&["run"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{}{text}", stdout(&output));
    assert!(text.contains(&format!("game.toml:{line}")), "{text}");
    assert!(text.trim().lines().count() <= 3, "{text}");
    assert!(workshop.trace_files().is_empty(), "known before anything runs");
    text
}

#[test]
fn a_law_that_does_not_exist_is_refused_with_its_eigenvalue() {
    let law = "law = { step-size = 0.1, batch = 10 }";
    // The Dirac game without damping rotates: eigenvalues ±i/2.
    let text = refused(&format!("kind = \"dirac-gan\"\n{law}"), 6);
    assert!(text.contains("eigenvalue") && text.contains("0.500000i"), "{text}");
    assert!(text.contains("more damping"), "{text}");
    // So does the bilinear game, with eigenvalues ±i.
    let text = refused(&format!("kind = \"lq-gan\"\nkappa = 0.0\nlambda = 0.0\n{law}"), 8);
    assert!(text.contains("1.000000i"), "{text}");
    // A chain beyond its stability.
    let law = "law = { step-size = 1.5, batch = 10, of = \"simultaneous\" }";
    let text = refused(&format!("kind = \"lq-gan\"\n{law}"), 6);
    assert!(text.contains("spectral radius") && text.contains("smaller law.step-size"), "{text}");
}

#[test]
fn a_matrix_that_is_no_covariance_is_named_with_its_eigenvalue() {
    let rows = "data-covariance = [[1.0, 2.0], [2.0, 1.0]]";
    let text = refused(&format!("kind = \"lq-gan\"\ndimension = 2\n{rows}"), 7);
    assert!(text.contains("data-covariance") && text.contains("eigenvalue -1"), "{text}");
    assert!(text.contains("positive semidefinite"), "{text}");
    let text = refused("kind = \"lq-gan\"\nanchor-covariance = -0.5", 6);
    assert!(text.contains("anchor-covariance") && text.contains("eigenvalue -0.5"), "{text}");
    let text = refused("kind = \"lq-gan\"\nlatent-covariance = [1.0, 2.0, 3.0]", 6);
    assert!(text.contains("latent-covariance: expected 1, found 3"), "{text}");
}

#[test]
fn a_learning_rate_beyond_stability_ends_as_diverged_long_before_the_numbers_overflow() {
    let run = |solver: &str| -> (String, f64) {
        let workshop = Workshop::new();
        workshop.study("game", &study("kind = \"lq-gan\"", solver));
        let output = workshop.run(&["run", "--quiet"]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        let output = workshop.run(&["status", "--json"]);
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        let run = &status["runs"][0];
        (run["status"].as_str().unwrap().to_owned(), run["rows"].as_f64().unwrap())
    };
    // 1.0 is the largest stable rate of the simultaneous chain on this game.
    let (status, rows) = run("order = \"simultaneous\"\nlearning-rate = 1.3\npaths = 4");
    assert_eq!(status, "diverged");
    assert!(rows < 20.0, "{rows} rows of ten steps");
    let (status, rows) = run("order = \"simultaneous\"\nlearning-rate = 0.9\npaths = 4");
    assert_eq!((status.as_str(), rows as u32), ("budget", 201));
}

#[test]
fn an_order_that_does_not_exist_is_refused_with_the_nearest_one() {
    let workshop = Workshop::new();
    workshop.study("game", &study("kind = \"lq-gan\"", "order = \"simultanous\""));
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("game.toml:8") && text.contains("`simultaneous`"), "{text}");
}

#[test]
fn a_bad_game_stops_the_study_before_its_other_problems_run() {
    let workshop = Workshop::new();
    let game = "[problem.game]\nkind = \"dirac-gan\"\nlaw = { step-size = 0.1, batch = 10 }\n";
    workshop.study("mixed", &format!("{TINY}{game}"));
    let output = workshop.run(&["run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let text = stderr(&output);
    assert!(text.contains(&format!("mixed.toml:{}", TINY.lines().count() + 3)), "{text}");
    assert!(workshop.trace_files().is_empty(), "{text}");
}
