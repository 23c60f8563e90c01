//! The worker's own side: requests in, records out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use converge_problems::{Seed, SetupError};
use rustix::process::{Resource, Rlimit, Signal, getpid, getrlimit, kill_process, setrlimit};
use serde_json::Value;

use super::{Outcome, Request, receive, send};
use crate::cell::{Cell, Section, Stage, Task, canonical};
use crate::clock::{Clock, Monotonic, unix_seconds};
use crate::environment::code_digest;
use crate::memory::{peak_bytes, reset_peak};
use crate::plan::CELL_SECONDS;
use crate::process::{Process, Until};
use crate::record::{Header, Record, Status, TIME_STEP, Trace};
use crate::registry::{Instance, ProbeError, Registry, RegistryError};
use crate::runner::{probe, run};

/// Longest warm-up of a timed case, in seconds.
const WARM_UP: f64 = 0.2;

/// Serves requests on standard input until the parent closes it. The body of `converge worker`.
///
/// # Errors
/// If standard input is not the socket of a parent, or the socket breaks.
pub fn serve(registry: &Registry) -> io::Result<()> {
    faer::set_global_parallelism(faer::Par::Seq);
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let busy = Arc::new(AtomicBool::new(false));
    let requests = watch(stream.try_clone()?, Arc::clone(&busy));
    let panics = remember_panics();
    let mut desk = Desk { registry, instance: None, pool: None, warm: BTreeSet::new() };
    for request in requests {
        let outcome = desk.answer(&request, &panics);
        busy.store(false, Ordering::SeqCst);
        if send(&mut stream, &outcome).is_err() {
            break;
        }
    }
    Ok(())
}

/// Reads requests on a thread of its own. When the parent is gone it ends this process, which may
/// be in the midst of a cell that nobody waits for.
fn watch(mut stream: UnixStream, busy: Arc<AtomicBool>) -> mpsc::Receiver<Request> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok(Some(request)) = receive(&mut stream) {
            busy.store(true, Ordering::SeqCst);
            if sender.send(request).is_err() {
                return;
            }
        }
        if busy.load(Ordering::SeqCst) {
            // Nothing of this process is worth a clean end, and exit handlers could wait.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    });
    receiver
}

/// Keeps the first message and place of a panic, on whichever thread.
fn remember_panics() -> Arc<Mutex<Option<String>>> {
    let message = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&message);
    std::panic::set_hook(Box::new(move |info| {
        let what = info.payload_as_str().unwrap_or("a panic without message");
        let place = info.location().map_or(String::new(), |place| format!(" at {place}"));
        eprintln!("panic: {what}{place}");
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.get_or_insert(format!("panic: {what}{place}"));
    }));
    message
}

/// What a worker keeps from cell to cell.
struct Desk<'r> {
    registry: &'r Registry,
    /// The last instance.
    instance: Option<Kept>,
    pool: Option<(u32, Arc<rayon::ThreadPool>)>,
    /// Timed cases that have been warmed up.
    warm: BTreeSet<String>,
}

/// An instance and what it was built from.
struct Kept {
    key: String,
    problem: Section,
    seed: Seed,
    instance: Instance,
}

/// Why a cell has no result.
enum Fault {
    Missing(String),
    Crashed(String),
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Setup(missing @ SetupError::MissingData { .. }) => {
                Self::Missing(missing.to_string())
            }
            RegistryError::Config { path, reason } => {
                Self::Crashed(format!("set-up: {path}: {reason}"))
            }
            other => Self::Crashed(format!("set-up: {other}")),
        }
    }
}

impl Desk<'_> {
    fn answer(&mut self, request: &Request, panics: &Mutex<Option<String>>) -> Outcome {
        let mut record = blank(request);
        let pool = match self.pool(request.threads) {
            Ok(pool) => pool,
            Err(reason) => {
                record.header.status = Status::Crashed(reason);
                return Outcome::Finished(Box::new(record));
            }
        };
        limit_memory(request.memory);
        // The peak is that of this cell, an instance that it takes over included.
        reset_peak();
        // An unwound cell leaves nothing behind: its instance is forgotten below.
        let result =
            catch_unwind(AssertUnwindSafe(|| pool.install(|| self.execute(request, &mut record))));
        limit_memory(None);
        let mut message = panics.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let message = message.take();
        match result {
            Ok(Ok(())) => {}
            Ok(Err(Fault::Missing(reason))) => return Outcome::Skipped { reason },
            Ok(Err(Fault::Crashed(reason))) => record.header.status = Status::Crashed(reason),
            Err(_) => {
                self.instance = None;
                let reason = message.unwrap_or_else(|| "panic".into());
                record = blank(request);
                record.header.status = Status::Crashed(reason);
            }
        }
        record.header.peak_bytes = peak_bytes("self").unwrap_or(0);
        Outcome::Finished(Box::new(record))
    }

    fn pool(&mut self, threads: u32) -> Result<Arc<rayon::ThreadPool>, String> {
        if let Some((count, pool)) = &self.pool
            && *count == threads
        {
            return Ok(Arc::clone(pool));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1) as usize)
            .build()
            .map_err(|error| format!("no pool of {threads} threads: {error}"))?;
        let pool = Arc::new(pool);
        self.pool = Some((threads, Arc::clone(&pool)));
        Ok(pool)
    }

    fn execute(&mut self, request: &Request, record: &mut Record) -> Result<(), Fault> {
        let mut clock = Monotonic::start();
        match &request.cell.task {
            Task::Run { problem, solver } => {
                self.execute_run(request, problem, solver, &mut clock, record)?;
            }
            Task::Probe { probe: section } => {
                let config = Value::Object(section.config.clone());
                let loaded = self.registry.load_probe(&section.kind, &config)?;
                let ended = probe(loaded.as_ref(), request.cell.noise_seed());
                let (status, trace) = match ended {
                    (trace, Ok(())) => (Status::Converged, trace),
                    (trace, Err(ProbeError::Breakdown(breakdown))) => {
                        (Status::Breakdown(breakdown.to_string()), trace)
                    }
                    (_, Err(ProbeError::Setup(error))) => {
                        return Err(RegistryError::Setup(error).into());
                    }
                };
                record.header.status = status;
                record.trace = trace;
            }
        }
        record.header.facts.insert(CELL_SECONDS.into(), format!("{:.6}", clock.now()));
        Ok(())
    }

    fn execute_run(
        &mut self,
        request: &Request,
        problem: &Section,
        solver: &Section,
        clock: &mut Monotonic,
        record: &mut Record,
    ) -> Result<(), Fault> {
        let cell = &request.cell;
        let instance = self.instance(cell, problem, request.reference.as_deref())?;
        for (name, fact) in self.registry.facts(&problem.kind, &instance)? {
            record.header.facts.insert(name.to_owned(), fact);
        }
        let config = Value::Object(solver.config.clone());
        let start = |registry: &Registry| {
            let (kind, seeds) = (&solver.kind, (cell.start_seed(), cell.noise_seed()));
            registry.start(&problem.kind, &instance, kind, &config, seeds.0, seeds.1)
        };
        if request.timed {
            let section = |s: &Section| canonical(&Value::Object(s.config.clone()));
            let names = [&problem.kind, &solver.kind, &section(problem), &section(solver)];
            if self.warm.insert(names.map(String::as_str).join("\n")) {
                warm_up(start(self.registry)?.as_mut(), clock);
            }
        }
        let on = clock.now();
        let mut process = start(self.registry)?;
        record.header.setup_seconds = clock.now() - on;
        record.header.setup_work = process.setup_work().to_array().to_vec();
        if let Some(time) = process.time_step() {
            record.header.facts.insert(TIME_STEP.into(), time.to_string());
        }
        let ended = run(process.as_mut(), clock, &cell.sampling, &cell.stop, &cell.outputs)
            .map_err(|error| Fault::Crashed(error.to_string()))?;
        record.header.status = ended.status;
        record.trace = ended.trace;
        record.arrays = ended.arrays;
        Ok(())
    }

    /// The instance of `cell`: the one at hand, if the last cell had the same, or one that shares
    /// with it what both hold.
    fn instance(
        &mut self,
        cell: &Cell,
        problem: &Section,
        reference: Option<&[f64]>,
    ) -> Result<Instance, Fault> {
        let (key, seed) = (cell.instance_key(), cell.instance_seed());
        let config = Value::Object(problem.config.clone());
        let shared = match self.instance.take() {
            Some(kept) if kept.key == key => {
                return Ok(Arc::clone(&self.instance.insert(kept).instance));
            }
            Some(kept) if kept.problem.kind == problem.kind && kept.seed == seed => {
                let of = Value::Object(kept.problem.config);
                self.registry.rebuild(&problem.kind, &kept.instance, &of, &config, reference)?
            }
            // What was at hand is dropped: two instances need not fit.
            _ => None,
        };
        let mut instance = match shared {
            Some(instance) => instance,
            None => self.registry.build(&problem.kind, &config, seed, reference)?,
        };
        if cell.stage == Stage::Tune {
            instance = self.registry.for_trials(&problem.kind, instance, &cell.metrics)?;
        }
        let (problem, kept) = (problem.clone(), Arc::clone(&instance));
        self.instance = Some(Kept { key, problem, seed, instance: kept });
        Ok(instance)
    }
}

/// Steps a process that is thrown away, so that caches and clock speeds are those of a later run.
fn warm_up(process: &mut dyn Process, clock: &mut dyn Clock) {
    let end = clock.now() + WARM_UP;
    while clock.now() < end {
        match process.advance(Until::Iterations(u64::MAX), 1) {
            Ok(burst) if burst.steps > 0 && !burst.converged => {}
            _ => break,
        }
    }
}

/// A record without rows.
pub(super) fn blank(request: &Request) -> Record {
    Record {
        identity: request.cell.identity(),
        cell: request.cell.clone(),
        header: Header {
            status: Status::Interrupted,
            setup_seconds: 0.0,
            setup_work: vec![0; converge_solvers::Work::NAMES.len()],
            timed: request.timed,
            concurrency: request.concurrency,
            threads: request.threads,
            code: code_digest().to_owned(),
            started: unix_seconds(),
            peak_bytes: 0,
            facts: BTreeMap::new(),
        },
        trace: Trace::default(),
        arrays: Vec::new(),
    }
}

/// Bounds the address space from now on. A system that refuses leaves the cell unbounded, which the
/// time limit still ends.
fn limit_memory(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::As).maximum;
    let current = match (bytes, maximum) {
        (Some(bytes), Some(maximum)) => Some(bytes.min(maximum)),
        (Some(bytes), None) => Some(bytes),
        (None, maximum) => maximum,
    };
    if let Err(error) = setrlimit(Resource::As, Rlimit { current, maximum }) {
        eprintln!("memory is not limited: {error}");
    }
}
