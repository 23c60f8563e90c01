//! Our side of `bench/peers/linear_game.py`: ensembles of the linear–quadratic game in the plane, the test
//! vector of the suite.
//!
//! Answers every line of JSON on standard input ([`Request`]) with one on standard output
//! ([`Answer`]), so that the script can take turns with other libraries. Threads are those of
//! `RAYON_NUM_THREADS`, seconds those of the wall.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};

use converge_bench::clock::{Clock, Monotonic};
use converge_problems::gan::{LqGan, LqGanConfig};
use converge_problems::numerics::Normals;
use converge_problems::{Build, Problem, Seed};
use converge_solvers::{EulerMaruyama, ExactLinear, GaussianSga, Order, Platen, Solver, WeakHeun};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Normals that are made at a time.
const RUN: usize = 256;
/// Runs of a task.
const RUNS: usize = 16;

/// A result that may leave its thread.
type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the script asks for.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// `count` normals, `repeats` times, each run overwriting the last.
    Normals { count: usize, repeats: u64, generator: Generator },
    /// `steps` steps of `paths` paths.
    Run { method: Method, paths: usize, steps: usize, substeps: u64 },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Generator {
    /// Ours.
    Counter,
    /// The ziggurat of `rand_distr` on `Pcg64`.
    Ziggurat,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    EulerMaruyama,
    WeakHeun,
    Platen,
    ExactLinear,
    Simultaneous,
    Alternating,
}

/// What it gets.
#[derive(Serialize)]
struct Answer {
    seconds: f64,
    /// Means of θ and ω, then of θ², θω, ω², over the paths at the end.
    moments: [f64; 5],
}

fn timed<T>(task: impl FnOnce() -> T) -> (T, f64) {
    let mut clock = Monotonic::start();
    let result = task();
    (result, clock.now())
}

/// Numbers that begin a cache line, as the buffers of ensembles do.
#[repr(align(64))]
struct Line([f64; RUN]);

fn normals(generator: Generator, count: usize, repeats: u64) {
    let tasks = count.div_ceil(RUN * RUNS);
    for repeat in 0..repeats {
        (0..tasks).into_par_iter().for_each(|task| {
            let Line(out) = &mut Line([0.0; RUN]);
            let seed = Seed::root(repeat);
            let (normals, mut rng) = (Normals::new(seed), seed.index(task as u64).rng());
            for run in 0..RUNS {
                match generator {
                    Generator::Counter => {
                        normals.fill(repeat, 0, (task * RUNS + run) * RUN, out);
                    }
                    Generator::Ziggurat => out.fill_with(|| StandardNormal.sample(&mut rng)),
                }
                black_box(&mut *out);
            }
        });
    }
}

fn run<S: Solver<LqGan>>(problem: &LqGan, solver: &S, steps: usize) -> Fallible<Answer> {
    let mut x = vec![0.0; 2 * solver.points()];
    problem.start(Seed::root(0), &mut x);
    let mut state = solver.init(problem, &x, Seed::root(1))?;
    // The first step touches the memory.
    solver.step(problem, &mut state)?;
    let mut state = solver.init(problem, &x, Seed::root(1))?;
    let (result, seconds) =
        timed(|| (0..steps).try_for_each(|_| solver.step(problem, &mut state).map(drop)));
    result?;
    let mut moments = [0.0; 5];
    for x in solver.iterate(&state).chunks_exact(2) {
        let terms = [x[0], x[1], x[0] * x[0], x[0] * x[1], x[1] * x[1]];
        moments.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    moments.iter_mut().for_each(|sum| *sum /= solver.points() as f64);
    Ok(Answer { seconds, moments })
}

fn answer(request: &Request, problem: &LqGan) -> Fallible<Answer> {
    match *request {
        Request::Normals { count, repeats, generator } => {
            let ((), seconds) = timed(|| normals(generator, count, repeats));
            Ok(Answer { seconds, moments: [f64::NAN; 5] })
        }
        Request::Run { method, paths, steps, substeps } => match method {
            Method::EulerMaruyama => {
                let solver = EulerMaruyama { paths, substeps, ..EulerMaruyama::default() };
                run(problem, &solver, steps)
            }
            Method::WeakHeun => {
                run(problem, &WeakHeun { paths, substeps, ..WeakHeun::default() }, steps)
            }
            Method::Platen => run(problem, &Platen { paths, substeps, ..Platen::default() }, steps),
            Method::ExactLinear => {
                run(problem, &ExactLinear { paths, substeps, ..ExactLinear::default() }, steps)
            }
            Method::Simultaneous | Method::Alternating => {
                let order = match method {
                    Method::Simultaneous => Order::Simultaneous,
                    _ => Order::Alternating,
                };
                let resolution = substeps;
                let solver = GaussianSga { paths, order, resolution, ..GaussianSga::default() };
                run(problem, &solver, steps)
            }
        },
    }
}

fn main() -> Fallible<()> {
    let problem = LqGan::build(&LqGanConfig::default(), Seed::root(0), None)?;
    // As in a worker, whose steps run inside of the pool.
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request = serde_json::from_str(&line?)?;
        let answer = pool.install(|| answer(&request, &problem))?;
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
