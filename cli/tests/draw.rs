//! `converge draw`: every kind of plot from real runs, in every format, and mistakes at their line.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

mod support;

use support::{TINY, Workshop, stderr, stdout};

/// Plots of all kinds that the traces of a quick descent can feed.
const PLOTS: &str = r#"
[claim.T2]
text = "The gradient shrinks by a constant factor."
test = { rate = { metric = "gradient-norm", kind = "linear", at-most = 0.7, window = [1, 10], solver = "lbfgs" } }
[claim.T3]
text = "L-BFGS ends lower."
test = { better = { metric = "objective", solver = "lbfgs", than = "newton-cg" } }

[plot.slope]
kind = "slope"
claim = "T2"
[plot.own-slope]
kind = "slope"
y = "gradient-norm"
solvers = ["newton-cg"]
rate = "linear"
window = [1, 10]
[plot.reach]
kind = "time-to-target"
y = "gradient-norm"
target = 0.05
x = "passes"
[plot.profile]
kind = "profile"
y = "gradient-norm"
target = 0.05
x = "samples"
[plot.data-profile]
kind = "profile"
y = "gradient-norm"
target = 0.05
x = "passes"
ratio = false
[plot.strip]
kind = "box"
y = "train-loss"
at = "best"
[plot.paired]
kind = "paired"
claim = "T3"
[plot.own-paired]
kind = "paired"
y = "gradient-norm"
solvers = ["lbfgs"]
than = "newton-cg"
scale = "log"
[plot.cost]
kind = "cost"
x = "gradients"
[plot.portrait]
kind = "phase-portrait"
x = "objective"
y = "gradient-norm"
equilibria = [{ at = [0.0, 0.0], stable = true }]
[plot.density]
kind = "density"
y = "objective"
solvers = ["lbfgs"]
theory = { uniform = { from = 0.0, to = 3.0 } }
[plot.forest]
kind = "forest"
"#;

#[test]
fn every_kind_is_drawn_in_every_format_and_twice_with_the_same_bytes() {
    let workshop = Workshop::new();
    workshop.study("descent", &format!("{TINY}{PLOTS}"));
    let output = workshop.run(&["run", "--quiet"]);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}{}", stdout(&output), stderr(&output));
    let traces = workshop.trace_files();
    let draw = || {
        let output = workshop.run(&["draw", "--format", "png,svg,pdf", "--dpi", "96"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stdout(&output);
        let files: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        let bytes: Vec<Vec<u8>> =
            files.iter().map(|file| std::fs::read(workshop.path().join(file)).unwrap()).collect();
        (files, bytes)
    };
    let (files, bytes) = draw();
    let plots = PLOTS.matches("[plot.").count() + 1;
    assert_eq!(files.len(), 3 * plots, "{files:#?}");
    for (file, bytes) in files.iter().zip(&bytes) {
        let head: &[u8] = match file.rsplit('.').next() {
            Some("svg") => b"<svg",
            Some("pdf") => b"%PDF",
            _ => b"\x89PNG",
        };
        assert!(bytes.starts_with(head), "{file}");
    }
    assert!(draw().1 == bytes, "the same traces gave other figures");
    assert!(workshop.store().join("figures/tiny/descent/slope.pdf").is_file());
    assert_eq!(workshop.trace_files(), traces, "drawing measures nothing");
}

#[test]
fn a_column_that_no_run_has_is_an_error_at_its_line() {
    let workshop = Workshop::new();
    workshop.study("descent", &format!("{TINY}\n[plot.wrong]\ny = \"gradient-norn\"\n"));
    let lines = TINY.lines().count();
    let output = workshop.run(&["run", "--quiet"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let text = stderr(&output);
    assert!(text.contains(&format!("descent.toml:{}", lines + 3)), "{text}");
    assert!(text.contains("no run has a column `gradient-norn`"), "{text}");
    assert!(text.contains("`gradient-norm`"), "{text}");
}

#[test]
fn a_key_that_the_kind_does_not_use_is_an_error_at_its_line() {
    let workshop = Workshop::new();
    let plot = "\n[plot.wrong]\nkind = \"cost\"\nx = \"gradients\"\ntarget = 1e-6\n";
    workshop.study("descent", &format!("{TINY}{plot}"));
    let output = workshop.run(&["run", "--quiet"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let text = stderr(&output);
    assert!(text.contains(&format!("descent.toml:{}", TINY.lines().count() + 5)), "{text}");
    assert!(text.contains("does not use `target`"), "{text}");
    assert!(workshop.trace_files().is_empty(), "known before anything runs");
}
