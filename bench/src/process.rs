//! The pair (problem, solver), erased once: what the runner drives.

use std::sync::Arc;

use converge_problems::{Metric, Output, Problem, Seed, SetupError};
use converge_solvers::{Breakdown, Solver, Work};
use xxhash_rust::xxh3::xxh3_64;

/// How far one [`advance`](Process::advance) goes: until the count is reached or passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Steps since the start.
    Iterations(u64),
    /// Data terms read since the start.
    Samples(u64),
    /// Proximal maps since the start.
    Proxes(u64),
}

/// What one [`advance`](Process::advance) did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Burst {
    /// Steps taken.
    pub steps: u64,
    /// Work of these steps.
    pub work: Work,
    /// The method ended by its own test.
    pub converged: bool,
    /// Seconds, if the process times itself (an outside program); else the runner's clock counts.
    pub seconds: Option<f64>,
}

/// Why a process cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The numerics gave out: a result.
    Breakdown(Breakdown),
    /// An outside program failed.
    External {
        /// What happened.
        reason: String,
        /// The end of its standard error.
        stderr: String,
    },
}

/// A run in progress.
pub trait Process: Send {
    /// Problem metrics, then solver diagnostics.
    fn columns(&self) -> Vec<Metric>;
    /// Arrays to store at the end; the first is always the iterate.
    fn outputs(&self) -> Vec<Output>;
    /// Work that set-up did.
    fn setup_work(&self) -> Work;
    /// Number of data terms that a full pass reads, if the problem has such.
    fn terms(&self) -> Option<usize> {
        None
    }
    /// Model time of a step, for methods that integrate in time.
    fn time_step(&self) -> Option<f64> {
        None
    }
    /// Runs until the count is reached, or `steps` more steps are done. The only timed call.
    ///
    /// # Errors
    /// [`Failure`] ends the run. No counted step is lost to it: steps done before it are returned
    /// first, and the failure by the next call.
    fn advance(&mut self, until: Until, steps: u64) -> Result<Burst, Failure>;
    /// Measures the iterate; changes no later step.
    ///
    /// # Errors
    /// [`Failure::External`] from outside programs.
    fn evaluate(&mut self, row: &mut [f64]) -> Result<(), Failure>;
    /// Writes the output number `index`.
    ///
    /// # Errors
    /// [`Failure::External`] from outside programs.
    fn output(&mut self, index: usize, out: &mut [f64]) -> Result<(), Failure>;
    /// Writes the output number `index` of an earlier `iterate`, which is what output 0 was then.
    ///
    /// # Errors
    /// [`Failure::External`] from outside programs.
    fn output_of(&mut self, index: usize, iterate: &[f64], out: &mut [f64]) -> Result<(), Failure>;
    /// Digest of the iterate.
    fn digest(&self) -> u64;
}

/// A solver stepping on a problem.
pub(crate) struct Stepper<P: Problem, S: Solver<P>> {
    problem: Arc<P>,
    solver: S,
    state: S::State,
    scratch: P::Scratch,
    steps: u64,
    work: Work,
    failed: Option<Breakdown>,
}

impl<P: Problem, S: Solver<P>> Stepper<P, S> {
    /// Draws the start, initialises the solver.
    pub(crate) fn new(
        problem: Arc<P>,
        solver: S,
        start: Seed,
        noise: Seed,
    ) -> Result<Self, SetupError> {
        let mut x0 = vec![0.0; problem.dim() * solver.points()];
        problem.start(start, &mut x0);
        let state = solver.init(&problem, &x0, noise)?;
        let scratch = problem.scratch();
        let (steps, work, failed) = (0, Work::default(), None);
        Ok(Self { problem, solver, state, scratch, steps, work, failed })
    }
}

impl<P: Problem, S: Solver<P>> Process for Stepper<P, S> {
    fn columns(&self) -> Vec<Metric> {
        let mut columns = self.problem.metrics().to_vec();
        columns.extend(self.solver.diagnostics(&self.problem));
        columns
    }

    fn outputs(&self) -> Vec<Output> {
        let mut shape = vec![self.problem.dim()];
        if self.solver.points() > 1 {
            shape.insert(0, self.solver.points());
        }
        let mut outputs = vec![Output { name: "iterate".into(), shape }];
        outputs.extend(self.problem.outputs());
        outputs
    }

    fn setup_work(&self) -> Work {
        self.solver.setup_work(&self.problem)
    }

    fn terms(&self) -> Option<usize> {
        self.problem.terms()
    }

    fn time_step(&self) -> Option<f64> {
        self.solver.time_step()
    }

    fn advance(&mut self, until: Until, steps: u64) -> Result<Burst, Failure> {
        if let Some(breakdown) = self.failed {
            return Err(Failure::Breakdown(breakdown));
        }
        // What is left of each count, so that the loop compares with this burst alone.
        let [mut steps_left, mut samples_left, mut proxes_left] = [steps, u64::MAX, u64::MAX];
        match until {
            Until::Iterations(n) => steps_left = steps.min(n.saturating_sub(self.steps)),
            Until::Samples(n) => samples_left = n.saturating_sub(self.work.samples),
            Until::Proxes(n) => proxes_left = n.saturating_sub(self.work.proxes),
        }
        let mut burst = Burst::default();
        while burst.steps < steps_left
            && burst.work.samples < samples_left
            && burst.work.proxes < proxes_left
        {
            let step = match self.solver.step(&self.problem, &mut self.state) {
                Ok(step) => step,
                Err(breakdown) => {
                    self.failed = Some(breakdown);
                    break;
                }
            };
            burst.steps += 1;
            burst.work += step.work;
            if step.converged {
                burst.converged = true;
                break;
            }
        }
        self.steps += burst.steps;
        self.work += burst.work;
        match self.failed {
            Some(breakdown) if burst.steps == 0 => Err(Failure::Breakdown(breakdown)),
            _ => Ok(burst),
        }
    }

    fn evaluate(&mut self, row: &mut [f64]) -> Result<(), Failure> {
        let (metrics, diagnostics) = row.split_at_mut(self.problem.metrics().len());
        self.problem.evaluate(self.solver.iterate(&self.state), metrics, &mut self.scratch);
        self.solver.diagnose(&self.problem, &self.state, &mut self.scratch, diagnostics);
        Ok(())
    }

    fn output(&mut self, index: usize, out: &mut [f64]) -> Result<(), Failure> {
        let x = self.solver.iterate(&self.state);
        write_output(&*self.problem, index, x, out, &mut self.scratch);
        Ok(())
    }

    fn output_of(&mut self, index: usize, iterate: &[f64], out: &mut [f64]) -> Result<(), Failure> {
        write_output(&*self.problem, index, iterate, out, &mut self.scratch);
        Ok(())
    }

    fn digest(&self) -> u64 {
        digest_of(self.solver.iterate(&self.state))
    }
}

/// Output 0 is the iterate, the others are those of the problem.
fn write_output<P: Problem>(
    problem: &P,
    index: usize,
    x: &[f64],
    out: &mut [f64],
    scratch: &mut P::Scratch,
) {
    match index.checked_sub(1) {
        None => out.copy_from_slice(x),
        Some(index) => problem.output(index, x, out, scratch),
    }
}

/// Digest of the bits of `x`, the same on every platform.
pub fn digest_of(x: &[f64]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut bytes = [0_u8; 512];
    for chunk in x.chunks(64) {
        for (slot, value) in bytes.chunks_exact_mut(8).zip(chunk) {
            slot.copy_from_slice(&value.to_bits().to_le_bytes());
        }
        hasher.update(&bytes[..8 * chunk.len()]);
    }
    hasher.digest()
}

/// Chains `next` onto the digests of all earlier rows.
pub fn chain(previous: u64, next: u64) -> u64 {
    let mut bytes = [0_u8; 16];
    bytes[..8].copy_from_slice(&previous.to_le_bytes());
    bytes[8..].copy_from_slice(&next.to_le_bytes());
    xxh3_64(&bytes)
}
