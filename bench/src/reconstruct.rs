//! One reconstruction in this process: a model file, its instance, its run.
//!
//! Everything that can be wrong with a model, a file or a parameter is found by [`Prepared::new`],
//! before anything iterates.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use converge_problems::{Metric, Output, SetupError};
use serde_json::Value;

use crate::cell::Cell;
use crate::clock::{Clock, Monotonic, unix_seconds};
use crate::environment::code_digest;
use crate::memory::peak_bytes;
use crate::outputs::Outputs;
use crate::process::{Burst, Failure, Process, Until};
use crate::record::{Header, Record, Status, Trace};
use crate::registry::{Registry, RegistryError};
use crate::runner::{self, leading_columns};
use crate::schedule::Schedule;
use crate::stop::Stop;
use crate::study::Model;

/// A reconstruction that cannot start, with the finding and where one is known the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReconstructError(String);

/// A reconstruction that is ready to iterate.
pub struct Prepared {
    record: Record,
    process: Box<dyn Process>,
    pool: rayon::ThreadPool,
}

/// Looks at a measured row: the iteration, then problem metrics and diagnostics.
pub type Watch<'a> = dyn FnMut(u64, &[f64]) + Send + 'a;

impl Prepared {
    /// Reads the files of a model, builds its instance, sets its solver up.
    ///
    /// # Errors
    /// [`ReconstructError`] for a file, a parameter, a stop rule or a number of threads that does not
    /// fit.
    pub fn new(model: &Model, registry: &Registry, threads: u32) -> Result<Self, ReconstructError> {
        faer::set_global_parallelism(faer::Par::Seq);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1) as usize)
            .build()
            .map_err(|error| ReconstructError(format!("no pool of {threads} threads: {error}")))?;
        let (record, process) = pool.install(|| prepare(model, registry, threads))?;
        Ok(Self { record, process, pool })
    }

    /// What each watched row holds.
    pub fn columns(&self) -> Vec<Metric> {
        self.process.columns()
    }

    /// Facts of the instance: operator, denoiser, checksum of the measurements.
    pub fn facts(&self) -> &BTreeMap<String, String> {
        &self.record.header.facts
    }

    /// Iterates to the end, or until `interrupt` is set; the image so far is kept then.
    ///
    /// # Panics
    /// If an output cannot be taken from the process: a mistake in the problem.
    pub fn run(self, watch: &mut Watch<'_>, interrupt: &AtomicBool) -> Record {
        let Self { mut record, process, pool } = self;
        let mut watched = Watched { process, watch, interrupt, iteration: 0 };
        pool.install(|| {
            let Cell { sampling, stop, outputs, .. } = &record.cell;
            let mut clock = Monotonic::start();
            let ended = runner::run(&mut watched, &mut clock, sampling, stop, outputs);
            let ended = ended.expect("tables were checked against the columns");
            record.header.status = ended.status;
            record.trace = ended.trace;
            if interrupt.load(Ordering::SeqCst) {
                record.header.status = Status::Interrupted;
                forget_repetition(&mut record.trace);
            }
            record.arrays = ended.arrays;
        });
        record.header.peak_bytes = peak_bytes("self").unwrap_or(0);
        record
    }
}

fn prepare(
    model: &Model,
    registry: &Registry,
    threads: u32,
) -> Result<(Record, Box<dyn Process>), ReconstructError> {
    let cell = &model.cell;
    let (problem, solver) = model.sections();
    let file = model.path.display();
    let tables = |error: String| ReconstructError(format!("{file}: {error}"));
    let failed = |error: RegistryError| match error {
        // These name a file of their own.
        RegistryError::Setup(error @ (SetupError::Data(_) | SetupError::MissingData { .. })) => {
            ReconstructError(error.to_string())
        }
        error => tables(error.to_string()),
    };
    let config = Value::Object(problem.config.clone());
    let instance =
        registry.build(&problem.kind, &config, cell.instance_seed(), None).map_err(failed)?;
    let facts = registry.facts(&problem.kind, &instance).map_err(failed)?;
    let config = Value::Object(solver.config.clone());
    let mut clock = Monotonic::start();
    let seeds = (cell.start_seed(), cell.noise_seed());
    let process = registry
        .start(&problem.kind, &instance, &solver.kind, &config, seeds.0, seeds.1)
        .map_err(failed)?;
    let setup_seconds = clock.now();
    Schedule::new(&cell.sampling).map_err(|error| tables(error.to_string()))?;
    Stop::new(&cell.stop, &process.columns()).map_err(|error| tables(error.to_string()))?;
    Outputs::new(&cell.outputs, &*process).map_err(|error| tables(error.to_string()))?;
    let record = Record {
        identity: cell.identity(),
        cell: cell.clone(),
        header: Header {
            status: Status::Interrupted,
            setup_seconds,
            setup_work: process.setup_work().to_array().to_vec(),
            timed: false,
            concurrency: 1,
            threads,
            code: code_digest().to_owned(),
            started: unix_seconds(),
            peak_bytes: 0,
            facts: facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect(),
        },
        trace: Trace::default(),
        arrays: Vec::new(),
    };
    Ok((record, process))
}

/// A process that is looked at, and ends when it is told to.
struct Watched<'a> {
    process: Box<dyn Process>,
    watch: &'a mut Watch<'a>,
    interrupt: &'a AtomicBool,
    iteration: u64,
}

impl Process for Watched<'_> {
    fn columns(&self) -> Vec<Metric> {
        self.process.columns()
    }

    fn outputs(&self) -> Vec<Output> {
        self.process.outputs()
    }

    fn setup_work(&self) -> converge_solvers::Work {
        self.process.setup_work()
    }

    fn terms(&self) -> Option<usize> {
        self.process.terms()
    }

    /// One step at a time, so that an interrupt is seen after it.
    fn advance(&mut self, until: Until, steps: u64) -> Result<Burst, Failure> {
        if self.interrupt.load(Ordering::SeqCst) {
            return Ok(Burst { converged: true, ..Burst::default() });
        }
        let burst = self.process.advance(until, steps.min(1))?;
        self.iteration += burst.steps;
        Ok(burst)
    }

    fn evaluate(&mut self, row: &mut [f64]) -> Result<(), Failure> {
        self.process.evaluate(row)?;
        (self.watch)(self.iteration, row);
        Ok(())
    }

    fn output(&mut self, index: usize, out: &mut [f64]) -> Result<(), Failure> {
        self.process.output(index, out)
    }

    fn output_of(&mut self, index: usize, iterate: &[f64], out: &mut [f64]) -> Result<(), Failure> {
        self.process.output_of(index, iterate, out)
    }

    fn digest(&self) -> u64 {
        self.process.digest()
    }
}

/// The row of an interrupt repeats the one before it where that was a sampling point.
fn forget_repetition(trace: &mut Trace) {
    let Some(iterations) = trace.columns.first() else { return };
    if let [.., a, b] = iterations.values[..]
        && (a - b).abs() <= 0.0
    {
        trace.columns.iter_mut().for_each(|column| column.values.truncate(column.values.len() - 1));
        trace.digests.pop();
    }
}

/// Names of the columns that hold counts and seconds, not results.
pub fn is_count(name: &str) -> bool {
    leading_columns().iter().any(|metric| metric.name == name)
}
