//! From runs made by hand to figures: what each kind takes from a study, and what it refuses.

use std::collections::BTreeMap;
use std::path::Path;

use converge_bench::cell::{Cell, Identity, Sampling, Section, Stage, StopRule, Task, Unit};
use converge_bench::record::{Array, Column, Header, Record, Status, Trace};
use converge_bench::registry::Registry;
use converge_bench::study::{Label, Limits, Planned, Size, Study};
use converge_problems::{Better, Metric, Output, Split};
use serde_json::{Value, json};

use crate::plot::{Figure, PlotError, figures};

pub(super) type Run = (Planned, Option<Record>);

const STUDY: &str = r#"schema = 1
paper = "tiny"
title = "By hand"
[problem.digits]
kind = "mlr"
dataset = "digits"
[problem.more]
kind = "mlr"
dataset = "digits"
[solver.lbfgs]
[solver.newton-cg]
[solver.sgd]
step-size = { sweep = [0.01, 0.1] }
batch = { sweep = [8, 32] }
[seeds]
min = 6
max = 6
[stop]
any = [{ iterations = 10 }]
[claim.faster]
text = "L-BFGS is lower."
test = { better = { metric = "loss", solver = "lbfgs", than = "newton-cg", margin = 0.05 } }
[claim.across]
text = "L-BFGS is lower here than there."
test = { better = { metric = "loss", solver = "lbfgs", problem = "digits", than = "lbfgs", than-problem = "more" } }
[claim.bound]
text = "The loss stays low."
test = { at-most = { metric = "loss", limit = 9.0 } }
"#;

fn study(plot: &str) -> Study {
    let mut registry = Registry::default();
    converge_bench::catalog::register(&mut registry);
    let text = format!("{STUDY}[plot.it]\n{plot}\n");
    Study::parse(&text, Path::new("tiny/hand.toml"), Size::Default, &registry).unwrap()
}

pub(super) fn section(kind: &str) -> Section {
    Section { kind: kind.to_owned(), config: serde_json::Map::new() }
}

/// A run with a loss per iteration.
pub(super) fn run(solver: &str, seed: u64, loss: &[f64], status: Status) -> Run {
    let counts: Vec<f64> = (0..loss.len()).map(|k| k as f64).collect();
    let column = |metric: Metric, values: Vec<f64>| Column { metric, values };
    let cell = Cell {
        schema: Cell::SCHEMA,
        task: Task::Run { problem: section("mlr"), solver: section(solver) },
        root: 0,
        seed,
        stage: Stage::Main,
        sampling: Sampling::Every { n: 1, unit: Unit::Iterations },
        stop: vec![StopRule::Iterations(10)],
        reference: None,
        outputs: Vec::new(),
        metrics: Vec::new(),
    };
    let label = Label {
        variant: "corrected".into(),
        problem: "digits".into(),
        solver: solver.into(),
        sweep: BTreeMap::new(),
        seed,
    };
    let record = Record {
        identity: Identity(format!("{solver}-{seed}")),
        cell: cell.clone(),
        header: Header {
            status,
            setup_seconds: 2.0,
            setup_work: vec![0, 0, 3, 0, 0, 0, 0, 0],
            timed: true,
            concurrency: 1,
            threads: 1,
            code: "c".into(),
            started: 0.0,
            peak_bytes: 0,
            facts: BTreeMap::from([("train".to_owned(), "2".to_owned())]),
        },
        trace: Trace {
            columns: vec![
                column(Metric::diagnostic("iteration"), counts.clone()),
                column(Metric::diagnostic("seconds").in_unit("s"), counts.clone()),
                column(Metric::diagnostic("samples"), counts.clone()),
                column(Metric::diagnostic("gradients"), counts),
                column(Metric::new("loss", Better::Lower, Split::None), loss.to_vec()),
            ],
            digests: Vec::new(),
        },
        arrays: Vec::new(),
    };
    let limits = Limits { seconds: 1.0, memory: None };
    (Planned { label, cell, timed: true, limits }, Some(record))
}

/// Six seeds of both deterministic solvers; the second is a little worse each time.
fn six() -> Vec<Run> {
    (0..6_u64)
        .flat_map(|seed| {
            let first = 1.0 + 0.1 * seed as f64;
            let falling = |rate: f64| (0..=10).map(|k| first * rate.powi(k)).collect::<Vec<f64>>();
            [
                run("lbfgs", seed, &falling(0.5), Status::Budget),
                run("newton-cg", seed, &falling(0.6), Status::Budget),
            ]
        })
        .collect()
}

fn draw(plot: &str, runs: &[Run]) -> Vec<Figure> {
    figures(&study(plot), runs, &[]).unwrap()
}

fn one(plot: &str, runs: &[Run]) -> Figure {
    let mut drawn = draw(plot, runs);
    assert_eq!(drawn.len(), 1, "{plot}");
    drawn.remove(0)
}

/// The message of the error, which has to point at a line of the plot's section.
fn refused(plot: &str, runs: &[Run]) -> String {
    let error = figures(&study(plot), runs, &[]).unwrap_err();
    let PlotError::Study(mistake) = &error else { panic!("{error}") };
    assert!(mistake.line > STUDY.lines().count(), "{error}");
    error.to_string()
}

/// All text of a drawing, run by run.
pub(super) fn says(svg: &str, wanted: &str) -> bool {
    svg.split("<text")
        .skip(1)
        .any(|tag| tag.split_once('>').is_some_and(|(_, t)| t.starts_with(wanted)))
}

#[test]
fn a_study_without_runs_has_no_figures_and_no_errors() {
    for plot in [
        "y = \"loss\"",
        "kind = \"slope\"\ny = \"loss\"\nsolvers = [\"lbfgs\"]\nwindow = [1, 10]",
        "kind = \"time-to-target\"\ny = \"loss\"\ntarget = 0.1",
        "kind = \"profile\"\ny = \"loss\"\ntarget = 0.1",
        "kind = \"strip\"\ny = \"loss\"",
        "kind = \"paired\"\nclaim = \"faster\"",
        "kind = \"cost\"\nx = \"seconds\"",
        "kind = \"heat-map\"\nx = \"step-size\"\ny = \"batch\"\nvalue = \"loss\"",
        "kind = \"images\"\noutput = \"image\"",
        "kind = \"phase-portrait\"\nx = \"loss\"\ny = \"seconds\"",
        "kind = \"density\"\ny = \"loss\"\nsolvers = [\"lbfgs\"]",
        "kind = \"forest\"",
    ] {
        assert!(draw(plot, &[]).is_empty(), "{plot}");
    }
}

#[test]
fn columns_and_names_that_do_not_exist_are_refused_at_their_line() {
    let runs = six();
    let said = refused("y = \"lost\"", &runs);
    assert!(said.contains("no run has a column `lost`") && said.contains("`loss`"), "{said}");
    assert!(refused("x = \"epochs\"\ny = \"loss\"", &runs).contains("`epochs`"));
    assert!(
        refused("kind = \"strip\"\ny = \"loss\"\ntarget = 1.0", &runs).contains("does not use")
    );
    assert!(refused("kind = \"strip\"", &runs).contains("y = "));
    assert!(refused("kind = \"slope\"\nclaim = \"bound\"", &runs).contains("no claim on a rate"));
    assert!(refused("kind = \"paired\"\nclaim = \"bound\"", &runs).contains("compares no two"));
    let density = "kind = \"density\"\ny = \"loss\"";
    assert!(refused(density, &runs).contains("of one curve"));
    let theory = "theory = { normal = { mean = 0.0, deviation = -1.0 } }";
    let said = refused(&format!("{density}\nsolvers = [\"lbfgs\"]\n{theory}"), &runs);
    assert!(!said.is_empty());
    let images = "kind = \"images\"\noutput = \"image\"";
    assert!(refused(images, &runs).contains("outputs = [\"image\"]"));
}

#[test]
fn a_plot_of_a_study_without_solvers_has_to_name_its_probe() {
    let mut runs = six();
    for (planned, _) in &mut runs {
        planned.cell.task = Task::Probe { probe: section("least-squares-cost") };
        planned.label.problem = "speed".into();
        planned.label.solver = "speed".into();
    }
    assert!(refused("y = \"loss\"", &runs).contains("probe = \"speed\""));
}

#[test]
fn passes_are_samples_over_the_training_set() {
    let figure = one("x = \"passes\"\ny = \"loss\"\nscale = \"linear-log\"", &six());
    // Ten samples over two terms: the axis ends at five passes.
    assert!(says(&figure.svg, "5") && !says(&figure.svg, "6"), "{}", figure.caption);
    assert!(says(&figure.svg, "work, data passes"));
}

#[test]
fn a_slope_says_its_factor_and_shows_the_claimed_one() {
    let runs = six();
    let plot = "kind = \"slope\"\ny = \"loss\"\nsolvers = [\"lbfgs\"]\nrate = \"linear\"\nwindow = [1, 10]";
    let figure = one(plot, &runs);
    // Six seeds of one exact rate: an interval would say nothing.
    assert!(says(&figure.svg, "factor 0.5"), "{}", figure.svg);
    let short = one(&plot.replace("10]", "40]"), &runs);
    assert!(says(&short.svg, "no slope over [1, 40]"));
}

#[test]
fn diverged_runs_never_reach_a_target_and_budgets_censor() {
    let mut runs = six();
    for (planned, record) in &mut runs {
        let record = record.as_mut().unwrap();
        if planned.label.solver == "newton-cg" && planned.label.seed < 2 {
            record.header.status = Status::Diverged;
            record.trace.columns[4].values = vec![1.0, 5.0, 1e9];
            record.trace.columns.iter_mut().for_each(|column| column.values.truncate(3));
        }
    }
    let figure = one("kind = \"time-to-target\"\ny = \"loss\"\ntarget = 0.1", &runs);
    assert!(says(&figure.svg, "newton-cg, 4/6"), "{}", figure.caption);
    assert!(says(&figure.svg, "lbfgs") && !says(&figure.svg, "lbfgs,"));
    assert!(figure.caption.contains("loss ≤ 0.1"), "{}", figure.caption);
}

#[test]
fn a_profile_is_one_figure_over_all_problems_and_the_unsolved_stay_in_it() {
    let mut runs = six();
    let mut more = six();
    for (planned, record) in &mut more {
        planned.label.problem = "more".into();
        if planned.label.solver == "newton-cg" {
            let values = &mut record.as_mut().unwrap().trace.columns[4].values;
            for loss in values {
                *loss += 1.0;
            }
        }
    }
    runs.extend(more);
    let figure = one("kind = \"profile\"\ny = \"loss\"\ntarget = 0.1", &runs);
    assert!(says(&figure.svg, "1.00 lbfgs") && says(&figure.svg, "0.50 newton-cg"));
    assert!(says(&figure.svg, "2 problems"));
}

#[test]
fn a_paired_claim_brings_its_margin_and_its_reading_of_better() {
    let figure = one("kind = \"paired\"\nclaim = \"faster\"", &six());
    assert!(says(&figure.svg, "lbfgs") && says(&figure.svg, "newton-cg"));
    assert!(says(&figure.svg, "difference"));
    assert!(figure.caption.contains("the claim holds"));
    let ratio = "kind = \"paired\"\ny = \"loss\"\nsolvers = [\"lbfgs\"]\nthan = \"newton-cg\"\nscale = \"log\"";
    assert!(says(&one(ratio, &six()).svg, "ratio"));
}

#[test]
fn a_paired_claim_on_two_problems_shows_both() {
    let mut runs = six();
    for (mut planned, mut record) in six() {
        planned.label.problem = "more".into();
        for loss in &mut record.as_mut().unwrap().trace.columns[4].values {
            *loss += 1.0;
        }
        runs.push((planned, record));
    }
    let names = "labels = { \"lbfgs on more\" = \"elsewhere\" }";
    let plot = format!("kind = \"paired\"\nclaim = \"across\"\nproblem = \"digits\"\n{names}");
    let figure = one(&plot, &runs);
    assert!(says(&figure.svg, "lbfgs on digits") && says(&figure.svg, "elsewhere"));
    // The difference is 1 for every pair: its interval has no width.
    assert!(says(&figure.svg, "1.0") || says(&figure.svg, "−1.0"), "{}", figure.svg);
}

#[test]
fn costs_stack_set_up_and_steps_and_counts_know_that_of_the_set_up() {
    // Two seconds of set-up and ten of steps; three gradients and ten.
    let seconds = one("kind = \"cost\"\nx = \"total-seconds\"", &six());
    assert!(says(&seconds.svg, "set-up") && says(&seconds.svg, "12."), "{}", seconds.svg);
    assert!(says(&one("kind = \"cost\"\nx = \"gradients\"", &six()).svg, "13."));
    let steps = one("kind = \"cost\"\nx = \"seconds\"", &six());
    assert!(says(&steps.svg, "10.") && !says(&steps.svg, "set-up"));
}

fn swept(step: &Value, batch: u64, loss: &[f64], status: &Status) -> Vec<Run> {
    (0..3)
        .map(|seed| {
            let mut run = run("sgd", seed, loss, status.clone());
            run.0.label.sweep.insert("solver.sgd.step-size".into(), step.clone());
            run.0.label.sweep.insert("solver.sgd.batch".into(), json!(batch));
            run
        })
        .collect()
}

#[test]
fn a_heat_map_sorts_its_axes_as_numbers_and_says_why_a_cell_is_empty() {
    let mut runs = swept(&json!(0.1), 8, &[1.0, 9.0], &Status::Diverged);
    runs.extend(swept(&json!(0.01), 32, &[1.0, 0.25], &Status::Budget));
    runs.extend(swept(&json!(0.1), 32, &[1.0, 0.5], &Status::Budget));
    let plot = "kind = \"heat-map\"\nx = \"step-size\"\ny = \"batch\"\nvalue = \"loss\"";
    let figure = one(plot, &runs);
    for text in ["0.25", "0.50", "diverged", "–", "step size", "batch", "0.01", "32"] {
        assert!(says(&figure.svg, text), "{text}");
    }
    let place = |text: &str| {
        let tag = figure
            .svg
            .lines()
            .find(|line| line.starts_with("<text") && line.contains(&format!(">{text}<")));
        let x = tag.and_then(|tag| tag.split("x=\"").nth(1)).and_then(|x| x.split('"').next());
        x.and_then(|x| x.parse::<i32>().ok()).unwrap()
    };
    assert!(place("0.01") < place("0.1"));
    // A column of whole numbers against a sweep.
    let over = plot.replace("y = \"batch\"", "y = \"iteration\"");
    assert!(says(&one(&over, &runs).svg, "iteration"));
    assert!(refused(&over.replace("step-size", "samples"), &runs).contains("has to be a sweep"));
}

/// Images of 8 columns and 4 rows in one plane.
fn pictured(solver: &str, error: f64) -> Vec<Run> {
    (0..6)
        .map(|seed| {
            let mut run = run(solver, seed, &[1.0], Status::Budget);
            let truth: Vec<f64> = (0..32).map(|i| f64::from(i) / 64.0).collect();
            let image = truth.iter().map(|x| x + error * (1.0 + 0.01 * seed as f64)).collect();
            let array = |name: &'static str, values: Vec<f64>| Array {
                output: Output { name: name.into(), shape: vec![1, 8, 4] },
                values,
            };
            run.1.as_mut().unwrap().arrays = vec![array("image", image), array("truth", truth)];
            run
        })
        .collect()
}

#[test]
fn images_stand_behind_their_reference_with_their_quality_over_seeds() {
    let mut runs = pictured("lbfgs", 0.1);
    runs.extend(pictured("newton-cg", 0.01));
    let figure = one("kind = \"images\"\noutput = \"image\"\nreference = \"truth\"", &runs);
    assert!(says(&figure.svg, "reference") && says(&figure.svg, "lbfgs"));
    // Of the first seed errors of 0.1 and 0.01, of the others up to 5 % more.
    assert!(says(&figure.svg, "20.00 dB") && says(&figure.svg, "40.00 dB"), "{}", figure.svg);
    assert!(says(&figure.svg, "mean 19.") && says(&figure.svg, "mean 39."), "{}", figure.caption);
    assert!(figure.svg.matches("<image").count() >= 3);
}

#[test]
fn a_phase_portrait_shows_few_seeds_and_says_how_many() {
    let plot = "kind = \"phase-portrait\"\nx = \"iteration\"\ny = \"samples\"\nequilibria = [{ at = [1.0, 1.0], stable = true }]";
    let figure = one(plot, &six());
    assert!(says(&figure.svg, "3 of 6 seeds"));
    assert!(figure.caption.contains("points of rest"));
}

#[test]
fn a_density_is_held_against_its_law() {
    let mut runs = Vec::new();
    for seed in 0..10_u64 {
        let loss: Vec<f64> =
            (0..50_u64).map(|k| ((k * 37 + seed * 11) % 101) as f64 / 101.0).collect();
        runs.push(run("lbfgs", seed, &loss, Status::Budget));
    }
    let plot = "kind = \"density\"\ny = \"loss\"\nafter = 4.0\ntheory = { uniform = { from = 0.0, to = 1.0 } }";
    let figure = one(plot, &runs);
    assert!(figure.caption.contains("450 values"), "{}", figure.caption);
    assert!(says(&figure.svg, "sup distance") && says(&figure.svg, "theory"));
}

#[test]
fn variants_and_problems_make_figures_of_their_own_and_short_names_are_used() {
    let mut runs = six();
    let mut more = six();
    for (planned, _) in &mut more {
        planned.label.problem = "more".into();
    }
    runs.extend(more);
    let drawn = draw("y = \"loss\"\nlabels = { newton-cg = \"N\" }", &runs);
    let names: Vec<&str> = drawn.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["it-digits", "it-more"]);
    assert!(drawn.iter().all(|figure| says(&figure.svg, "N") && figure.variant == "corrected"));
}
