//! Figures that are held against the rows of a probe: ladders, fields, laws, moments.

use std::path::Path;

use converge_bench::cell::Task;
use converge_bench::record::{Array, Column, Status, TIME_STEP};
use converge_bench::registry::Registry;
use converge_bench::study::{Size, Study};
use converge_problems::{Metric, Output};

use super::tests::{Run, run, says, section};
use crate::plot::{Figure, figures};

const STUDY: &str = r#"schema = 1
paper = "tiny"
title = "Games by hand"
[problem.digits]
kind = "lq-gan"
[solver.chain]
kind = "sga"
[probe.ladder]
kind = "moment-errors"
game = { lq-gan = {} }
chain = "simultaneous"
flow = "first-order"
batch = 10.0
learning-rates = [0.1]
time = 2.0
start = [2.0, -1.0]
[probe.field]
kind = "game-field"
game = { lq-gan = {} }
from = [-1.0, -1.0]
to = [1.0, 1.0]
[probe.law]
kind = "game-density"
game = { lq-gan = { law = { step-size = 0.1, batch = 10 } } }
[stop]
any = [{ iterations = 10 }]
"#;

fn parsed(plot: &str) -> Result<Study, converge_bench::study::StudyError> {
    let mut registry = Registry::default();
    converge_bench::catalog::register(&mut registry);
    let text = format!("{STUDY}[plot.it]\n{plot}\n");
    Study::parse(&text, Path::new("tiny/games.toml"), Size::Default, &registry)
}

fn one(plot: &str, runs: &[Run]) -> Figure {
    let mut drawn = figures(&parsed(plot).unwrap(), runs, &[]).unwrap();
    assert_eq!(drawn.len(), 1, "{plot}");
    drawn.remove(0)
}

fn column(name: &'static str, values: Vec<f64>) -> Column {
    Column { metric: Metric::diagnostic(name), values }
}

/// A run of the chain with these columns.
fn chain(seed: u64, columns: Vec<Column>) -> Run {
    let mut run = run("chain", seed, &[0.0], Status::Budget);
    run.1.as_mut().unwrap().trace.columns = columns;
    run
}

/// The rows of a probe.
fn probe(name: &str, columns: Vec<Column>) -> Run {
    let mut run = chain(0, columns);
    run.0.label.problem = name.to_owned();
    run.0.label.solver = name.to_owned();
    run.0.cell.task = Task::Probe { probe: section("any") };
    run
}

/// `e = h² (1 + h)` on five steps.
fn ladder(noise: f64) -> Run {
    let steps: Vec<f64> = (0..5).map(|k| 0.4 / f64::from(1 << k)).collect();
    let errors: Vec<f64> = steps.iter().map(|h| -h * h * (1.0 + h)).collect();
    let deviations = errors.iter().map(|e| noise * e.abs()).collect();
    let columns = vec![
        column("learning-rate", steps),
        column("maximizer", errors),
        column("maximizer-error", deviations),
    ];
    probe("ladder", columns)
}

#[test]
fn a_ladder_says_its_order_and_the_bands_that_it_is_held_against() {
    let plot = "kind = \"order\"\nprobe = \"ladder\"\ny = \"maximizer\"";
    let orders = "orders = [{ value = 1.0, margin = 0.1 }, { value = 2.0, margin = 0.25 }]";
    let figure = one(&format!("{plot}\n{orders}"), &[ladder(0.0)]);
    // Of the two finest steps: log₂ of 4 · 1.05/1.025.
    assert!(says(&figure.svg, "2.03"), "{}", figure.svg);
    assert!(figure.caption.contains("orders 1 ± 0.1 and 2 ± 0.25"), "{}", figure.caption);
    let noisy = one(&format!("{plot}\nerror = \"maximizer-error\""), &[ladder(0.05)]);
    assert!(noisy.caption.contains("weighted fits"), "{}", noisy.caption);
    let wrong = parsed(&format!("{plot}\norders = [{{ value = 1.0, margin = 0.0 }}]")).unwrap();
    let error = figures(&wrong, &[ladder(0.0)], &[]).unwrap_err().to_string();
    assert!(error.contains("above 0"), "{error}");
}

#[test]
fn a_portrait_takes_its_field_from_the_rows_of_a_probe() {
    let path = || {
        let across = column("theta", vec![1.0, 0.0, -1.0, 0.0]);
        chain(0, vec![across, column("omega", vec![0.0, 1.0, 0.0, -1.0])])
    };
    let field = || {
        let columns = vec![
            column("theta", vec![-0.5, 0.5]),
            column("omega", vec![0.5, 0.5]),
            column("theta-drift", vec![1.0, 0.0]),
            column("omega-drift", vec![0.0, 1.0]),
        ];
        probe("field", columns)
    };
    let plain = "kind = \"phase-portrait\"\nx = \"theta\"\ny = \"omega\"";
    let plot = format!("{plain}\nfield = \"field\"");
    let with = one(&plot, &[path(), field()]);
    assert!(says(&with.svg, "θ") && says(&with.svg, "ω"), "{}", with.svg);
    assert!(with.svg.len() > one(plain, &[path(), field()]).svg.len());
    // Before the probe has run there is no portrait; a probe without rows is a mistake.
    assert!(figures(&parsed(&plot).unwrap(), &[path()], &[]).unwrap().is_empty());
    let empty = probe("field", vec![column("theta", Vec::new())]);
    let error = figures(&parsed(&plot).unwrap(), &[path(), empty], &[]).unwrap_err().to_string();
    assert!(error.contains("left no rows"), "{error}");
    let unknown = parsed(&plot.replace("\"field\"", "\"feild\"")).unwrap_err().to_string();
    assert!(unknown.contains("`field`"), "{unknown}");
}

#[test]
fn a_density_takes_one_coordinate_and_the_law_of_a_probe() {
    let places: Vec<f64> = (0..=100).map(|k| f64::from(k) / 100.0).collect();
    let law = probe(
        "law",
        vec![
            column("theta", places.clone()),
            column("theta-density", vec![1.0; 101]),
            column("theta-below", places),
        ],
    );
    let mut run = chain(0, vec![column("iteration", vec![0.0])]);
    // Uniform in the first coordinate, far away in the second.
    let points = (0..400).flat_map(|k| [(f64::from(k) + 0.5) / 400.0, 50.0]);
    run.1.as_mut().unwrap().arrays = vec![Array {
        output: Output { name: "iterate".into(), shape: vec![400, 2] },
        values: points.collect(),
    }];
    let plot = "kind = \"density\"\noutput = \"iterate\"\ncoordinate = 0\n\
                theory = { table = { probe = \"law\", column = \"theta\" } }";
    let figure = one(plot, &[run, law]);
    assert!(figure.caption.contains("400 values"), "{}", figure.caption);
    // Half a step from the uniform law.
    assert!(says(&figure.svg, "sup distance"), "{}", figure.svg);
    assert!(says(&figure.svg, "θ"));
}

#[test]
fn errors_of_rows_make_a_band_around_the_mean_and_a_table_a_line_in_ink() {
    let seed = |seed: u64, value: f64| {
        let mut run = chain(
            seed,
            vec![
                column("iteration", vec![0.0, 1.0, 2.0]),
                column("gap", vec![value; 3]),
                column("gap-error", vec![0.3, 0.3, 0.3]),
            ],
        );
        run.1.as_mut().unwrap().header.facts.insert(TIME_STEP.to_owned(), "0.5".to_owned());
        run
    };
    let law =
        probe("law", vec![column("model-time", vec![0.0, 1.0]), column("gap", vec![2.0, 2.0])]);
    let plot = "x = \"model-time\"\ny = \"gap\"\nerror = \"gap-error\"\nscale = \"linear\"\n\
                theory = { table = { probe = \"law\", column = \"gap\" } }\n\
                labels = { law = \"exact\" }";
    let figure = one(plot, &[seed(0, 1.0), seed(1, 3.0), law]);
    assert!(says(&figure.svg, "model time") && says(&figure.svg, "exact"), "{}", figure.svg);
    assert!(figure.caption.contains("mean of 2 seeds"), "{}", figure.caption);
    assert!(figure.caption.contains("the line in ink is exact"), "{}", figure.caption);
}
