//! A study conducted: stages, rounds, workers, journal.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use crate::cell::{Identity, Stage};
use crate::clock::{Clock, Monotonic};
use crate::environment::code_digest;
use crate::ledger::{Counting, Ledger, Standing};
use crate::queue::Queue;
use crate::record::{Record, Status};
use crate::store::{Journal, Store, StoreError};
use crate::study::{Choices, Label, Planned, Study};
use crate::worker::{Outcome, Request, Spawn, Worker};

/// How a study is conducted.
#[derive(Clone)]
pub struct Options {
    /// Untimed cells that run at the same time.
    pub jobs: usize,
    /// Threads of each worker.
    pub threads: u32,
    /// Failed cells run again.
    pub retry: bool,
    /// Results of older code count.
    pub keep_older: bool,
    /// Starts a worker.
    pub worker: Spawn,
    /// Set from outside to end early.
    pub interrupt: Arc<AtomicBool>,
}

impl Options {
    /// Which stored runs count.
    pub fn counting(&self) -> Counting {
        Counting { threads: self.threads, retry: self.retry, keep_older: self.keep_older }
    }

    /// Code whose results count; `None` for any.
    fn code(&self) -> Option<&'static str> {
        (!self.keep_older).then(code_digest)
    }
}

/// What an advisor wants next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
    /// Nothing: every question is answered.
    Done,
    /// The main stage with this many repetitions in all.
    Seeds(u64),
}

/// Decides between rounds of the main stage whether more repetitions are needed.
pub trait Advisor {
    /// Called after `seeds` repetitions have run. Asking for no more than these is [`Round::Done`];
    /// asking for more than the study allows gets what it allows.
    fn next_round(&mut self, study: &Study, store: &Store, seeds: u64) -> Round;
}

/// Runs the study's fewest repetitions and asks for no more.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedSeeds;

impl Advisor for FixedSeeds {
    fn next_round(&mut self, _: &Study, _: &Store, _: u64) -> Round {
        Round::Done
    }
}

/// Hears how a study goes. Called on the thread that called [`run_study`].
pub trait Progress {
    /// A stage begins (or the main stage a round): cells that will run, and cells that need not.
    fn stage(&mut self, _stage: Stage, _to_run: usize, _done: usize) {}
    /// A cell starts.
    fn started(&mut self, _planned: &Planned) {}
    /// A cell ended by itself: not of one that the interrupt stopped, which will run again.
    fn finished(&mut self, _planned: &Planned, _outcome: &Outcome) {}
}

/// Says nothing.
impl Progress for () {}

/// What conducting a study came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Cells that ran to a result now.
    pub ran: usize,
    /// Cells that had their result before.
    pub done: usize,
    /// Cells that crashed, timed out or ran out of memory, now or before.
    pub failed: Vec<(Label, Status)>,
    /// Cells that could not run here, and why: missing data, a reference without result.
    pub skipped: Vec<(Label, String)>,
    /// Ended early; running again goes on from here.
    pub interrupted: bool,
    /// Repetitions of the main stage.
    pub seeds: u64,
    /// Files of the store that were skipped or dropped.
    pub problems: Vec<StoreError>,
    /// The pack that the last runs were sealed into.
    pub pack: Option<PathBuf>,
    /// Wall-clock seconds in all.
    pub seconds: f64,
}

/// Why a study could not be conducted. What had run by then is in the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConductError {
    /// The store cannot be written: a full disk, for one.
    #[error("{0}; what ran before is kept, and the same command goes on from there")]
    Store(#[from] StoreError),
    /// No worker process can be started.
    #[error("no worker process can be started: {0}")]
    Worker(#[source] io::Error),
}

/// Runs what is missing of `study`: the reference stage, the tuning, then the main stage in rounds
/// while `advisor` asks for more. A failed cell never stops the sweep.
///
/// # Errors
/// [`ConductError`]; what had run by then is in the store.
pub fn run_study(
    study: &Study,
    store: &Store,
    options: &Options,
    advisor: &mut dyn Advisor,
    progress: &mut dyn Progress,
) -> Result<Report, ConductError> {
    let mut clock = Monotonic::start();
    let mut report = Report { problems: store.adopt()?, ..Report::default() };
    let mut survey = store.survey();
    report.problems.append(&mut survey.problems);
    let jobs = options.jobs.max(1);
    let mut conductor = Conductor {
        store,
        options,
        ledger: Ledger::new(&survey),
        journal: None,
        workers: (0..jobs).map(|_| Worker::new(Arc::clone(&options.worker))).collect(),
        before: survey.attempts.keys().cloned().collect(),
        report,
    };
    let result = conductor.conduct(study, advisor, progress);
    // Sealing what was appended comes first, whatever else went wrong.
    let sealed = conductor.journal.take().map(Journal::seal);
    let mut report = conductor.report;
    result?;
    report.pack = sealed.transpose()?.flatten();
    report.seconds = clock.now();
    Ok(report)
}

/// The runs of the main stage with their records, newest result first choice; `None` for cells that
/// have not run. With `code` given, records of other code are passed over. Also what was skipped.
pub fn runs(
    study: &Study,
    store: &Store,
    seeds: Range<u64>,
    code: Option<&str>,
) -> (Vec<(Planned, Option<Record>)>, Vec<StoreError>) {
    let (choices, mut problems) = choices(study, store, code);
    let Some(choices) = choices else { return (Vec::new(), problems) };
    let (runs, more) = gather(study.cells(Stage::Main, seeds, &choices), store, code);
    problems.extend(more);
    (runs, problems)
}

/// What the tuning chose, from the store; `None` while its runs are missing.
pub fn choices(
    study: &Study,
    store: &Store,
    code: Option<&str>,
) -> (Option<Choices>, Vec<StoreError>) {
    let planned = study.cells(Stage::Tune, 0..study.seeds.end, &Choices::default());
    if planned.is_empty() {
        return (study.choose(&[]), Vec::new());
    }
    let (tuned, problems) = gather(planned, store, code);
    (study.choose(&tuned), problems)
}

/// Loads the records of `planned`.
fn gather(
    planned: Vec<Planned>,
    store: &Store,
    code: Option<&str>,
) -> (Vec<(Planned, Option<Record>)>, Vec<StoreError>) {
    let wanted: BTreeSet<Identity> = planned.iter().map(|p| p.cell.identity()).collect();
    let loaded = store.load(&wanted, code);
    let runs = planned
        .into_iter()
        .map(|planned| {
            let record = loaded.records.get(&planned.cell.identity()).cloned();
            (planned, record)
        })
        .collect();
    (runs, loaded.problems)
}

struct Conductor<'a> {
    store: &'a Store,
    options: &'a Options,
    ledger: Ledger,
    journal: Option<Journal>,
    workers: Vec<Worker>,
    /// Cells that the store had at the start and that are not counted yet.
    before: BTreeSet<Identity>,
    report: Report,
}

/// What a worker thread tells the conductor.
enum Event {
    Started(Identity),
    Finished(Identity, io::Result<Outcome>),
}

impl Conductor<'_> {
    fn conduct(
        &mut self,
        study: &Study,
        advisor: &mut dyn Advisor,
        progress: &mut dyn Progress,
    ) -> Result<(), ConductError> {
        let mut seeds = study.seeds.start;
        loop {
            self.report.seeds = seeds;
            let none = Choices::default();
            self.stage(Stage::Reference, study.cells(Stage::Reference, 0..seeds, &none), progress)?;
            self.stage(Stage::Tune, study.cells(Stage::Tune, 0..seeds, &none), progress)?;
            let (choices, _) = choices(study, self.store, self.options.code());
            // Without choices the main stage would run what nobody asked for.
            let Some(choices) = choices else { return Ok(()) };
            self.stage(Stage::Main, study.cells(Stage::Main, 0..seeds, &choices), progress)?;
            if self.report.interrupted {
                return Ok(());
            }
            match advisor.next_round(study, self.store, seeds) {
                Round::Seeds(more) if more.min(study.seeds.end) > seeds => {
                    seeds = more.min(study.seeds.end);
                }
                Round::Done | Round::Seeds(_) => return Ok(()),
            }
        }
    }

    /// Runs what is missing of one stage: untimed cells side by side, then timed ones one by one.
    fn stage(
        &mut self,
        stage: Stage,
        planned: Vec<Planned>,
        progress: &mut dyn Progress,
    ) -> Result<(), ConductError> {
        if self.report.interrupted || planned.is_empty() {
            return Ok(());
        }
        let references = self.references(&planned);
        let mut to_run: BTreeMap<Identity, Planned> = BTreeMap::new();
        let mut done = BTreeSet::new();
        for planned in planned {
            let identity = planned.cell.identity();
            match self.ledger.standing(&planned, self.options.counting()) {
                Standing::Done => {
                    done.insert(identity);
                }
                Standing::Failed(status) => self.fail(planned.label, status),
                _ if planned
                    .cell
                    .reference
                    .as_ref()
                    .is_some_and(|r| !references.contains_key(r)) =>
                {
                    self.skip(planned.label, "its reference run has no result".into());
                }
                _ => {
                    // Two places of one cell: it runs as the more demanding of them asks.
                    let timed = planned.timed;
                    to_run.entry(identity).or_insert(planned).timed |= timed;
                }
            }
        }
        for identity in &done {
            // What ran in an earlier round of this command is counted as run.
            if self.before.remove(identity) {
                self.report.done += 1;
            }
        }
        progress.stage(stage, to_run.len(), done.len());
        let (timed, untimed): (Vec<_>, Vec<_>) =
            to_run.into_values().partition(|planned| planned.timed);
        self.sweep(untimed, self.workers.len(), &references, progress)?;
        self.sweep(timed, 1, &references, progress)
    }

    /// The reference points that `planned` needs and the store has.
    fn references(&mut self, planned: &[Planned]) -> BTreeMap<Identity, Arc<Vec<f64>>> {
        let wanted: BTreeSet<Identity> =
            planned.iter().filter_map(|planned| planned.cell.reference.clone()).collect();
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let loaded = self.store.load(&wanted, self.options.code());
        loaded
            .records
            .into_iter()
            .filter(|(_, record)| record.header.status.is_result())
            .filter_map(|(identity, mut record)| {
                let at = record.arrays.iter().position(|array| array.output.name == "iterate")?;
                Some((identity, Arc::new(record.arrays.swap_remove(at).values)))
            })
            .collect()
    }

    /// Runs `cells` on the first `jobs` workers.
    fn sweep(
        &mut self,
        cells: Vec<Planned>,
        jobs: usize,
        references: &BTreeMap<Identity, Arc<Vec<f64>>>,
        progress: &mut dyn Progress,
    ) -> Result<(), ConductError> {
        if cells.is_empty() || self.report.interrupted {
            return Ok(());
        }
        if self.journal.is_none() {
            self.journal = Some(self.store.journal()?);
        }
        let by_identity: BTreeMap<Identity, Planned> =
            cells.iter().map(|planned| (planned.cell.identity(), planned.clone())).collect();
        let jobs = jobs.min(cells.len());
        let queue = Mutex::new(Queue::new(cells));
        // Ends the workers both on Ctrl-C and when the store fails.
        let halt = AtomicBool::new(false);
        let (events, inbox) = mpsc::channel();
        let mut workers: Vec<Worker> = self.workers.drain(..jobs).collect();
        let options = self.options;
        let mut result = Ok(());
        std::thread::scope(|scope| {
            for (index, worker) in workers.iter_mut().enumerate() {
                let (events, queue, halt) = (events.clone(), &queue, &halt);
                scope.spawn(move || {
                    while let Some(planned) = {
                        let stop =
                            halt.load(Ordering::SeqCst) || options.interrupt.load(Ordering::SeqCst);
                        let mut queue =
                            queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        if stop { None } else { queue.next(index) }
                    } {
                        let identity = planned.cell.identity();
                        let request = Request {
                            reference: planned
                                .cell
                                .reference
                                .as_ref()
                                .and_then(|id| references.get(id))
                                .map(|point| point.to_vec()),
                            threads: options.threads,
                            timed: planned.timed,
                            concurrency: jobs as u32,
                            memory: planned.limits.memory,
                            cell: planned.cell,
                        };
                        // The conductor hears of both as long as the scope lasts.
                        let _ = events.send(Event::Started(identity.clone()));
                        let outcome = worker.run(
                            &request,
                            planned.limits.seconds,
                            &[&options.interrupt, halt],
                        );
                        let _ = events.send(Event::Finished(identity, outcome));
                    }
                });
            }
            drop(events);
            for event in inbox {
                let heard = match event {
                    Event::Started(identity) => {
                        progress.started(&by_identity[&identity]);
                        Ok(())
                    }
                    Event::Finished(identity, outcome) => {
                        self.finished(&by_identity[&identity], outcome, progress)
                    }
                };
                if let (Err(error), true) = (heard, result.is_ok()) {
                    halt.store(true, Ordering::SeqCst);
                    result = Err(error);
                }
            }
        });
        workers.append(&mut self.workers);
        self.workers = workers;
        self.report.interrupted |= options.interrupt.load(Ordering::SeqCst);
        result
    }

    fn finished(
        &mut self,
        planned: &Planned,
        outcome: io::Result<Outcome>,
        progress: &mut dyn Progress,
    ) -> Result<(), ConductError> {
        let outcome = outcome.map_err(ConductError::Worker)?;
        match &outcome {
            Outcome::Skipped { reason } => self.skip(planned.label.clone(), reason.clone()),
            Outcome::Finished(record) => {
                let journal = self.journal.as_mut().expect("a sweep opens the journal");
                journal.append(record)?;
                self.ledger.enter(record.identity.clone(), record.header.clone());
                match &record.header.status {
                    status if status.is_result() => self.report.ran += 1,
                    Status::Interrupted => return Ok(()),
                    status => self.fail(planned.label.clone(), status.clone()),
                }
            }
        }
        progress.finished(planned, &outcome);
        Ok(())
    }

    fn fail(&mut self, label: Label, status: Status) {
        if self.report.failed.iter().all(|(other, _)| *other != label) {
            self.report.failed.push((label, status));
        }
    }

    fn skip(&mut self, label: Label, reason: String) {
        if self.report.skipped.iter().all(|(other, _)| *other != label) {
            self.report.skipped.push((label, reason));
        }
    }
}
