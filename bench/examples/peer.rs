//! Our side of `bench/peers/logistic_regression.py`: multinomial logistic regression on MNIST, all
//! 60,000 training samples, a ridge on the weights, a free bias.
//!
//! Answers every line of JSON on standard input ([`Request`]) with one on standard output
//! ([`Answer`]), so that the script can take turns with its own library. Threads are those of
//! `RAYON_NUM_THREADS`. Points and gradients are `p x K` column-major, the bias last in each class.
//! Seconds are those of the named call alone, on the wall or of the processor: reading requests and
//! looking at the objective between iterations happens outside the clock.

use std::error::Error;
use std::io::{BufRead, Write};

use converge_bench::clock::{Clock, Monotonic, ProcessorTime};
use converge_problems::data::{self, Dataset, DatasetChoice};
use converge_problems::mlr::{Bias, Mlr, MlrConfig, Precision, Ridge, SplitChoice};
use converge_problems::{Gradient, Problem, Seed, Value};
use converge_solvers::{AdmmSoftmax, Lbfgs, NewtonCg, Solver};
use serde::{Deserialize, Serialize};

/// What the script asks for.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// `repeats` joint evaluations of value and gradient at `x`.
    ValueGradient { precision: Precision, x: Vec<f64>, repeats: usize },
    /// `steps` iterations of ADMM-Softmax from zero, each followed by a joint evaluation of value and
    /// gradient at its iterate.
    AdmmSoftmax { precision: Precision, steps: usize },
    /// L-BFGS from zero until the objective is at most `target`, or `limit` iterations.
    Lbfgs { precision: Precision, target: f64, limit: usize },
    /// Newton-CG from zero until the norm of the gradient is at most `tolerance`.
    NewtonCg { precision: Precision, tolerance: f64 },
}

/// What it gets.
#[derive(Serialize)]
struct Answer {
    /// Seconds of packing the data, allocating and factorising.
    setup_seconds: f64,
    /// Seconds of every repeat or iteration.
    seconds: Vec<f64>,
    /// Seconds of the evaluation after each iteration of ADMM-Softmax.
    evaluation_seconds: Vec<f64>,
    /// The point of the evaluation, or the last iterate.
    x: Vec<f64>,
    /// Its objective: as evaluated, or in double precision for a solver.
    value: f64,
    /// The gradient as evaluated; empty for a solver.
    gradient: Vec<f64>,
}

/// Whose seconds count.
#[derive(Clone, Copy)]
enum ClockKind {
    Wall,
    Processor,
}

impl ClockKind {
    /// What `task` returns, and the seconds it took.
    fn time<T>(self, task: impl FnOnce() -> T) -> (T, f64) {
        let mut clock: Box<dyn Clock> = match self {
            Self::Wall => Box::new(Monotonic::start()),
            Self::Processor => Box::new(ProcessorTime::start()),
        };
        let result = task();
        (result, clock.now())
    }
}

/// Data, and one instance per precision for what needs no set-up in its time.
struct Peer {
    ridge: f64,
    clock: ClockKind,
    data: Dataset,
    double: Mlr,
    mixed: Mlr,
}

impl Peer {
    fn new(ridge: f64, clock: ClockKind) -> Result<Self, Box<dyn Error>> {
        let data = data::load(&DatasetChoice::Named("mnist".into()), Seed::root(0))?;
        let double = instance(&data, ridge, Precision::Double)?;
        let mixed = instance(&data, ridge, Precision::Mixed)?;
        Ok(Self { ridge, clock, data, double, mixed })
    }

    fn instance(&self, precision: Precision) -> &Mlr {
        match precision {
            Precision::Double => &self.double,
            Precision::Mixed => &self.mixed,
        }
    }

    fn answer(&self, request: Request) -> Result<Answer, Box<dyn Error>> {
        match request {
            Request::ValueGradient { precision, x, repeats } => {
                let problem = self.instance(precision);
                let (mut gradient, mut scratch) = (vec![0.0; problem.dim()], problem.scratch());
                let (mut value, mut seconds) = (f64::NAN, Vec::with_capacity(repeats));
                for _ in 0..repeats {
                    let evaluation =
                        self.clock.time(|| problem.value_gradient(&x, &mut gradient, &mut scratch));
                    value = evaluation.0;
                    seconds.push(evaluation.1);
                }
                let (setup_seconds, evaluation_seconds) = (0.0, Vec::new());
                Ok(Answer { setup_seconds, seconds, evaluation_seconds, x, value, gradient })
            }
            Request::AdmmSoftmax { precision, steps } => {
                let problem = self.instance(precision);
                let (mut gradient, mut scratch) = (vec![0.0; problem.dim()], problem.scratch());
                let mut evaluation_seconds = Vec::with_capacity(steps);
                let answer = self.solve(&AdmmSoftmax::default(), precision, |x| {
                    let evaluation =
                        self.clock.time(|| problem.value_gradient(x, &mut gradient, &mut scratch));
                    evaluation_seconds.push(evaluation.1);
                    evaluation_seconds.len() < steps
                })?;
                Ok(Answer { evaluation_seconds, ..answer })
            }
            Request::Lbfgs { precision, target, limit } => {
                let solver = Lbfgs { noise: noise(precision), ..Lbfgs::default() };
                let (mut left, mut scratch) = (limit, self.double.scratch());
                self.solve(&solver, precision, |x| {
                    left -= 1;
                    left > 0 && self.double.value(x, &mut scratch) > target
                })
            }
            Request::NewtonCg { precision, tolerance: gradient_tolerance } => {
                let noise = noise(precision);
                let solver = NewtonCg { noise, gradient_tolerance, ..NewtonCg::default() };
                self.solve(&solver, precision, |_| true)
            }
        }
    }

    /// Runs `solver` from zero for as long as `go_on` says, which is outside the clock.
    fn solve<S: Solver<Mlr>>(
        &self,
        solver: &S,
        precision: Precision,
        mut go_on: impl FnMut(&[f64]) -> bool,
    ) -> Result<Answer, Box<dyn Error>> {
        let (set_up, setup_seconds) = self.clock.time(|| -> Result<_, Box<dyn Error>> {
            let problem = instance(&self.data, self.ridge, precision)?;
            let state = solver.init(&problem, &vec![0.0; problem.dim()], Seed::root(0))?;
            Ok((problem, state))
        });
        let (problem, mut state) = set_up?;
        let mut seconds = Vec::new();
        loop {
            let (step, elapsed) = self.clock.time(|| solver.step(&problem, &mut state));
            seconds.push(elapsed);
            if step?.converged || !go_on(solver.iterate(&state)) {
                break;
            }
        }
        let x = solver.iterate(&state).to_vec();
        let value = self.double.value(&x, &mut self.double.scratch());
        let (evaluation_seconds, gradient) = (Vec::new(), Vec::new());
        Ok(Answer { setup_seconds, seconds, evaluation_seconds, x, value, gradient })
    }
}

/// Relative rounding of a value, for the line searches.
fn noise(precision: Precision) -> f64 {
    match precision {
        Precision::Double => Lbfgs::default().noise,
        Precision::Mixed => 1e-7,
    }
}

fn instance(data: &Dataset, ridge: f64, precision: Precision) -> Result<Mlr, Box<dyn Error>> {
    let config = MlrConfig {
        ridge: Ridge::Identity(ridge),
        bias: Bias::Free,
        split: SplitChoice::ALL,
        precision,
        ..MlrConfig::new(DatasetChoice::Named(data.name.clone()))
    };
    Ok(Mlr::new(data, &config, Seed::root(0), None)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (ridge, clock) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [ridge, "wall"] => (ridge.parse()?, ClockKind::Wall),
        [ridge, "processor"] => (ridge.parse()?, ClockKind::Processor),
        _ => return Err("usage: peer RIDGE wall|processor".into()),
    };
    let peer = Peer::new(ridge, clock)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = peer.answer(serde_json::from_str(&line?)?)?;
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
