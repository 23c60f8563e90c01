//! Our side of `bench/peers/full_size.py`: the paper's MNIST experiment at its own size, 40,000 training
//! samples, nine random 3x3 filters and tanh (p = 7,057), the Laplacian of every channel.
//!
//! Answers every line of JSON on standard input ([`Request`]) with one on standard output
//! ([`Answer`]), so that the script can take turns with other libraries. Threads are those of
//! `RAYON_NUM_THREADS`, seconds those of the wall. Points are `p x K` column-major.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufWriter, Write};
use std::path::PathBuf;

use converge_bench::clock::{Clock, Monotonic};
use converge_problems::data::{self, DatasetChoice};
use converge_problems::mlr::{
    Amount, FeatureChoice, Mlr, MlrConfig, Precision, RandomConvolution, Ridge, SplitChoice,
};
use converge_problems::{Problem, Seed};
use converge_solvers::{AdmmSoftmax, LeastSquares, Solver};
use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What the script asks for.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// Writes the training features as doubles, sample after sample with the constant last, and the
    /// labels as bytes.
    Export { features: PathBuf, labels: PathBuf },
    /// Bytes and operations a second: reading an array larger than any cache, a large product.
    Limits,
    /// The Gram matrix.
    Gram,
    /// ADMM-Softmax from zero with the released penalty.
    AdmmSoftmax {
        precision: Precision,
        steps: usize,
        #[serde(default)]
        least_squares: LeastSquares,
    },
    /// The metrics at a point, in double precision.
    Evaluate { x: Vec<f64> },
}

/// What it gets.
#[derive(Default, Serialize)]
struct Answer {
    samples: usize,
    weights: usize,
    classes: usize,
    /// Seconds of the task, or of the set-up of a solver.
    seconds: f64,
    /// Seconds of every step.
    steps: Vec<f64>,
    /// Loss and accuracy on validation and test samples, after every step.
    validation: Vec<[f64; 2]>,
    test: Vec<[f64; 2]>,
    bytes_per_second: f64,
    operations_per_second: f64,
}

fn timed<T>(task: impl FnOnce() -> T) -> (T, f64) {
    let mut clock = Monotonic::start();
    let result = task();
    (result, clock.now())
}

fn instance(precision: Precision) -> Result<Mlr, Box<dyn Error>> {
    let dataset = DatasetChoice::Named("mnist".into());
    let data = data::load(&dataset, Seed::root(0))?;
    let config = MlrConfig {
        features: FeatureChoice::RandomConvolution(RandomConvolution::default()),
        ridge: Ridge::Laplacian(1e-6),
        split: SplitChoice {
            train: Some(Amount::Count(40_000)),
            validation: Some(Amount::Count(10_000)),
            test: None,
            balanced: true,
            in_order: false,
        },
        precision,
        ..MlrConfig::new(dataset)
    };
    Ok(Mlr::new(&data, &config, Seed::root(0), None)?)
}

/// Metrics of validation and test part.
fn assess(problem: &Mlr, x: &[f64]) -> ([f64; 2], [f64; 2]) {
    let mut row = vec![0.0; problem.metrics().len()];
    problem.evaluate(x, &mut row, &mut problem.scratch());
    let at = |name: &str| {
        let place = problem.metrics().iter().position(|metric| metric.name == name);
        place.map_or(f64::NAN, |place| row[place])
    };
    ([at("validation-loss"), at("validation-accuracy")], [at("test-loss"), at("test-accuracy")])
}

/// The fastest of five.
fn rate(count: f64, mut trial: impl FnMut()) -> f64 {
    let seconds = (0..5).map(|_| timed(&mut trial).1).fold(f64::INFINITY, f64::min);
    count / seconds
}

fn limits() -> (f64, f64) {
    let numbers = vec![1.0_f64; 96 << 20];
    let bytes = rate(8.0 * numbers.len() as f64, || {
        let sum: f64 = numbers
            .par_chunks(1 << 16)
            .map(|chunk| {
                let mut lanes = [0.0; 16];
                for part in chunk.chunks_exact(16) {
                    lanes.iter_mut().zip(part).for_each(|(lane, x)| *lane += x);
                }
                lanes.iter().sum::<f64>()
            })
            .sum();
        black_box(sum);
    });
    let order = 2048;
    let (a, b) = (Mat::full(order, order, 1.0), Mat::full(order, order, 2.0));
    let mut c = Mat::zeros(order, order);
    let operations = rate(2.0 * (order as f64).powi(3), || {
        let par = Par::rayon(rayon::current_num_threads());
        matmul(c.as_mut(), Accum::Replace, a.as_ref(), b.as_ref(), 1.0, par);
        black_box(&c);
    });
    (bytes, operations)
}

fn answer(request: Request, problem: &Mlr) -> Result<Answer, Box<dyn Error>> {
    let mut answer = Answer {
        samples: problem.samples(),
        weights: problem.weights(),
        classes: problem.classes(),
        ..Answer::default()
    };
    match request {
        Request::Export { features, labels } => {
            let mut file = BufWriter::new(File::create(features)?);
            let mut panel = Mat::<f64>::zeros(problem.weights(), 500);
            for from in (0..problem.samples()).step_by(500) {
                let count = 500.min(problem.samples() - from);
                problem.columns(from, panel.as_mut().subcols_mut(0, count));
                for j in 0..count {
                    for x in panel.col_as_slice(j) {
                        file.write_all(&x.to_le_bytes())?;
                    }
                }
            }
            file.flush()?;
            let bytes: Vec<u8> = problem.labels().iter().map(|&label| label as u8).collect();
            std::fs::write(labels, bytes)?;
        }
        Request::Limits => (answer.bytes_per_second, answer.operations_per_second) = limits(),
        Request::Gram => answer.seconds = timed(|| black_box(problem.gram())).1,
        Request::AdmmSoftmax { precision, steps, least_squares } => {
            let mixed;
            let problem = if precision == Precision::Double {
                problem
            } else {
                mixed = instance(precision)?;
                &mixed
            };
            let solver = AdmmSoftmax { penalty: 4e-3, least_squares, ..AdmmSoftmax::default() };
            let x0 = vec![0.0; problem.dim()];
            let (state, seconds) = timed(|| solver.init(problem, &x0, Seed::root(0)));
            let mut state = state?;
            answer.seconds = seconds;
            for _ in 0..steps {
                let (step, seconds) = timed(|| solver.step(problem, &mut state));
                step?;
                answer.steps.push(seconds);
                let (validation, test) = assess(problem, solver.iterate(&state));
                answer.validation.push(validation);
                answer.test.push(test);
            }
        }
        Request::Evaluate { x } => {
            let (validation, test) = assess(problem, &x);
            answer.validation.push(validation);
            answer.test.push(test);
        }
    }
    Ok(answer)
}

fn main() -> Result<(), Box<dyn Error>> {
    let problem = instance(Precision::Double)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = answer(serde_json::from_str(&line?)?, &problem)?;
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
