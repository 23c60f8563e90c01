//! How the parts of ADMM-Softmax gain from threads.

use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{Better, Build, Metric, Problem, Seed, SetupError, Split, require};
use converge_solvers::{AdmmSoftmax, Breakdown, SoftmaxProxTiles, Solver};
use rayon::ThreadPoolBuilder;
use serde::Deserialize;

use super::admm::start;
use super::sizes::resized;
use super::timing::seconds;
use crate::registry::{Probe, ProbeError};

/// Samples of an instance whose data cost nothing beside its weights.
const FEW: usize = 64;

/// A part of the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The step in the split variable alone, from scores at hand: no data are read.
    ZStep,
    /// One pass over the data: scores, and the product with what stands in their place.
    DataPass,
    /// The Gram matrix.
    Gram,
    /// The factorisation of the normal matrix: set-up on 64 samples.
    Factor,
    /// The step in the weights, two triangular solves: an iteration on 64 samples.
    Solve,
    /// A whole iteration.
    Iteration,
}

/// Times a part of ADMM-Softmax on pools of several numbers of threads, with the same data:
/// `efficiency` is `c t_c / (T t_T)` with `c` the first number of threads.
///
/// One row per number of threads. Timing model: the smallest of `repeats` measurements after
/// `iterations` iterations. More threads than cores would measure the scheduler: their row is NaN, and
/// a machine that has only cores for the first number is skipped.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StrongScaling {
    /// The instance.
    pub problem: MlrConfig,
    /// What is timed.
    pub part: Part,
    /// Numbers of threads, rising, at least two.
    pub threads: Vec<usize>,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations before the first measurement.
    pub iterations: u32,
    /// Measurements of each time.
    pub repeats: u32,
}

/// As [`StrongScaling`], with data in proportion to the threads: `samples` are those of one thread,
/// `efficiency` is `t_c / t_T`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WeakScaling {
    /// The instance, with generated data whose number of samples is replaced.
    pub problem: MlrConfig,
    /// Samples per thread.
    pub samples: usize,
    /// What is timed.
    pub part: Part,
    /// Numbers of threads, rising, at least two.
    pub threads: Vec<usize>,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations before the first measurement.
    pub iterations: u32,
    /// Measurements of each time.
    pub repeats: u32,
}

fn columns() -> Vec<Metric> {
    vec![
        Metric::diagnostic("threads"),
        Metric::new("part-seconds", Better::Lower, Split::None).in_unit("s"),
        Metric::new("efficiency", Better::Higher, Split::None),
    ]
}

impl Probe for StrongScaling {
    const ID: &'static str = "strong-scaling";
    const ABOUT: &'static str = "parts of ADMM-Softmax over threads, with the same data";

    fn columns(&self) -> Vec<Metric> {
        columns()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        check(&self.threads, cores())?;
        let problem = Mlr::build(&self.problem, seed, None)?;
        let timed = Timed::new(self.part, self.penalty, self.iterations, self.repeats);
        let few = matches!(self.part, Part::Factor | Part::Solve)
            .then(|| resized(&self.problem, FEW, None).and_then(|few| Mlr::build(&few, seed, None)))
            .transpose()?;
        let problem = few.as_ref().unwrap_or(&problem);
        rows(&self.threads, cores(), push, |threads| {
            Ok((timed.seconds(problem, threads, seed)?, threads as f64))
        })
    }
}

impl Probe for WeakScaling {
    const ID: &'static str = "weak-scaling";
    const ABOUT: &'static str = "parts of ADMM-Softmax over threads, with data in proportion";

    fn columns(&self) -> Vec<Metric> {
        columns()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        check(&self.threads, cores())?;
        let grows = !matches!(self.part, Part::Factor | Part::Solve);
        require("part", format!("{:?}", self.part), grows, "a part that grows with the samples")?;
        let timed = Timed::new(self.part, self.penalty, self.iterations, self.repeats);
        rows(&self.threads, cores(), push, |threads| {
            let config = resized(&self.problem, threads * self.samples, None)?;
            let problem = Mlr::build(&config, seed, None)?;
            Ok((timed.seconds(&problem, threads, seed)?, 1.0))
        })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// That there is something to compare on this machine.
fn check(threads: &[usize], cores: usize) -> Result<(), SetupError> {
    let rising = threads.windows(2).all(|pair| pair[0] < pair[1]);
    let listed = threads.len() > 1 && threads[0] > 0;
    require("threads", threads.len(), rising && listed, "at least two rising numbers")?;
    if threads[1] > cores {
        return Err(SetupError::MissingData {
            name: format!("of {} threads", threads[1]),
            remedy: format!("this machine has {cores} cores"),
        });
    }
    Ok(())
}

/// Pushes a row per number of threads; `measure` gives the seconds and what they divide beside.
fn rows(
    threads: &[usize],
    cores: usize,
    push: &mut dyn FnMut(&[f64]),
    mut measure: impl FnMut(usize) -> Result<(f64, f64), ProbeError>,
) -> Result<(), ProbeError> {
    let mut base = None;
    for &threads in threads {
        if threads > cores {
            push(&[threads as f64, f64::NAN, f64::NAN]);
            continue;
        }
        let (seconds, share) = measure(threads)?;
        let base = *base.get_or_insert(seconds * share);
        push(&[threads as f64, seconds, base / (seconds * share)]);
    }
    Ok(())
}

/// What is timed, and how.
struct Timed {
    part: Part,
    solver: AdmmSoftmax,
    iterations: u32,
    repeats: u32,
}

impl Timed {
    fn new(part: Part, penalty: f64, iterations: u32, repeats: u32) -> Self {
        let solver = AdmmSoftmax { penalty, ..AdmmSoftmax::default() };
        Self { part, solver, iterations, repeats }
    }

    /// Seconds of the part on a pool of its own.
    fn seconds(&self, problem: &Mlr, threads: usize, seed: Seed) -> Result<f64, ProbeError> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| SetupError::Numerics(error.to_string()))?;
        pool.install(|| match self.part {
            Part::ZStep => self.z_step(problem, seed),
            Part::DataPass => Ok(self.data_pass(problem)),
            Part::Gram => Ok(seconds(self.repeats, || {
                std::hint::black_box(problem.gram());
            })),
            Part::Factor => {
                let mut ended = Ok(());
                let time = seconds(self.repeats, || {
                    ended = start(&self.solver, problem, seed).map(drop);
                });
                ended?;
                Ok(time)
            }
            Part::Solve | Part::Iteration => {
                let mut state = start(&self.solver, problem, seed)?;
                for _ in 0..self.iterations {
                    self.solver.step(problem, &mut state)?;
                }
                let mut ended = Ok(());
                let time = seconds(self.repeats, || {
                    if let Err(breakdown) = self.solver.step(problem, &mut state) {
                        ended = Err(breakdown);
                    }
                });
                ended?;
                Ok(time)
            }
        })
    }

    /// The step in the split variable of the last iteration once more: from the `Z` before it, with
    /// the argument `Z⁺ - U⁺` that gave it.
    fn z_step(&self, problem: &Mlr, seed: Seed) -> Result<f64, ProbeError> {
        let mut state = start(&self.solver, problem, seed)?;
        for _ in 0..self.iterations {
            self.solver.step(problem, &mut state)?;
        }
        let (classes, capacity) = (problem.classes(), problem.tile_capacity());
        let tile = capacity * classes;
        let before: Vec<f64> =
            state.split().chunks_exact(2 * tile).flat_map(|both| both[..tile].to_vec()).collect();
        self.solver.step(problem, &mut state)?;
        let both = state.split().chunks_exact(2 * tile);
        let reference: Vec<f64> = both
            .flat_map(|both| both[..tile].iter().zip(&both[tile..]).map(|(z, u)| z - u))
            .collect();
        let mut z = vec![0.0; before.len()];
        let mut unfinished = 0.0;
        let time = seconds(self.repeats, || {
            let effort = SoftmaxProxTiles {
                method: self.solver.prox,
                penalty: self.solver.penalty,
                classes,
                capacity,
                reference: &reference,
                start: &before,
                z: &mut z,
                labels: problem.labels(),
            }
            .solve();
            unfinished += effort.unfinished;
        });
        if unfinished > 0.0 {
            return Err(Breakdown::NotConverged("proximal map").into());
        }
        Ok(time)
    }

    fn data_pass(&self, problem: &Mlr) -> f64 {
        let mut scratch = problem.scratch();
        let (w, mut product) = (vec![0.01; problem.dim()], vec![0.0; problem.dim()]);
        seconds(self.repeats, || {
            problem.sweep(&w, 0, &mut [], Some(&mut product), &mut scratch, |_| {});
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_threads_than_cores_flatter_nobody() {
        let mut pushed: Vec<Vec<f64>> = Vec::new();
        let times = [1.0, 0.625, 0.4];
        let measured = rows(&[1, 2, 4], 3, &mut |row| pushed.push(row.to_vec()), |threads| {
            Ok((times[threads - 1], threads as f64))
        });
        measured.unwrap();
        assert!((pushed[0][2] - 1.0).abs() < 1e-15 && (pushed[1][2] - 0.8).abs() < 1e-15);
        assert!(pushed[2][1].is_nan() && pushed[2][2].is_nan(), "{pushed:?}");
        assert!(matches!(check(&[1, 2], 1), Err(SetupError::MissingData { .. })));
        assert!(check(&[1, 2], 2).is_ok() && check(&[2, 1], 2).is_err() && check(&[1], 2).is_err());
    }
}
