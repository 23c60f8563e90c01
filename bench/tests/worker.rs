//! Faults of cells in real worker processes. This binary is its own worker: called with the
//! argument `worker` it serves, called otherwise it tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

#[path = "support/conduct.rs"]
mod conduct;
#[path = "support/cut.rs"]
mod cut;

use std::borrow::Cow;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conduct::{
    a_crash_stops_nothing_and_is_tried_once_more, a_store_that_cannot_be_written_ends_the_command,
    a_study_runs_once_whatever_the_number_of_jobs, an_endless_cell_is_ended_by_the_interrupt,
    an_interrupt_keeps_what_is_done_and_the_next_command_goes_on,
    rounds_add_seeds_up_to_the_most_and_each_cell_runs_once,
    the_reference_runs_first_and_its_point_reaches_every_run,
};
use converge_bench::cell::{Cell, Sampling, Section, Stage, StopRule, Task, Unit};
use converge_bench::record::{Record, Status};
use converge_bench::registry::Registry;
use converge_bench::worker::{Outcome, Request, Spawn, Worker, serve};
use converge_problems::mlr::Mlr;
use converge_problems::{Better, Build, Metric, Problem, Seed, SetupError, Split};
use converge_solvers::{Breakdown, Solver, Step, Work};
use cut::{Cutter, a_file_cut_during_a_run_crashes_it_with_the_place_and_the_sweep_goes_on};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// f(x) = `height` + Σ xᵢ²/2 in `dim` dimensions; its start depends on the seed. Bowls of one
/// dimension are made out of each other.
struct Bowl {
    dim: usize,
    height: f64,
    rebuilt: bool,
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(default)]
struct BowlConfig {
    dim: usize,
    height: f64,
    missing: bool,
    refuse: bool,
}

impl Default for BowlConfig {
    fn default() -> Self {
        Self { dim: 1000, height: 0.0, missing: false, refuse: false }
    }
}

impl Problem for Bowl {
    type Scratch = ();
    fn dim(&self) -> usize {
        self.dim
    }
    fn terms(&self) -> Option<usize> {
        Some(10)
    }
    fn scratch(&self) {}
    fn start(&self, seed: Seed, x: &mut [f64]) {
        use rand::RngExt as _;
        let mut rng = seed.rng();
        x.fill_with(|| rng.random());
    }
    fn metrics(&self) -> &[Metric] {
        &self.metrics
    }
    fn evaluate(&self, x: &[f64], row: &mut [f64], (): &mut ()) {
        row[0] = self.height + sum_of_squares(x);
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("terms", "10".into()), ("rebuilt", self.rebuilt.to_string())]
    }
}

/// Over fixed tiles reduced in order: the same for any number of threads.
fn sum_of_squares(x: &[f64]) -> f64 {
    let tiles: Vec<f64> =
        x.par_chunks(64).map(|tile| tile.iter().map(|v| v * v / 2.0).sum()).collect();
    tiles.iter().sum()
}

impl Build for Bowl {
    const ID: &'static str = "bowl";
    const ABOUT: &'static str = "A quadratic.";
    type Config = BowlConfig;
    fn build(config: &BowlConfig, _: Seed, reference: Option<&[f64]>) -> Result<Self, SetupError> {
        if config.missing {
            let (name, remedy) = ("moon-rocks".into(), "converge data fetch moon-rocks".into());
            return Err(SetupError::MissingData { name, remedy });
        }
        if config.refuse {
            return Err(SetupError::Numerics("the matrix is singular".into()));
        }
        let name = if reference.is_some() { "gap" } else { "objective" };
        let name: Cow<'static, str> = name.into();
        let objective = Metric { name, ..Metric::new("", Better::Lower, Split::Train) };
        let (dim, height) = (config.dim, config.height);
        Ok(Self { dim, height, rebuilt: false, metrics: vec![objective] })
    }
    fn rebuild(
        kin: &Self,
        of: &BowlConfig,
        config: &BowlConfig,
        reference: Option<&[f64]>,
    ) -> Option<Result<Self, SetupError>> {
        let build = || Self::build(config, Seed::root(0), reference);
        (of.dim == config.dim).then(|| Ok(Self { rebuilt: true, dim: kin.dim, ..build()? }))
    }
}

/// Gradient descent that does what it is told at step 3.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fault {
    None,
    Panic,
    PanicInPool,
    Abort,
    Exit,
    Hog,
    Loop,
    Garbage,
    Breakdown,
}

#[derive(Clone, Serialize, Deserialize)]
struct Faulty {
    fault: Fault,
    step: f64,
}

#[derive(Clone)]
struct State {
    x: Vec<f64>,
    steps: u64,
}

impl Solver<Bowl> for Faulty {
    const ID: &'static str = "faulty";
    const ABOUT: &'static str = "Gradient descent with a fault.";
    type State = State;
    fn init(&self, _: &Bowl, x0: &[f64], _: Seed) -> Result<State, SetupError> {
        Ok(State { x: x0.to_vec(), steps: 0 })
    }
    fn step(&self, _: &Bowl, state: &mut State) -> Result<Step, Breakdown> {
        state.steps += 1;
        if state.steps == 3 {
            self.fail()?;
        }
        let norm = sum_of_squares(&state.x);
        state.x.iter_mut().for_each(|v| *v -= self.step * *v / (1.0 + norm));
        Ok(Step { work: Work::value_gradients(1, 10), converged: false })
    }
    fn iterate<'s>(&self, state: &'s State) -> &'s [f64] {
        &state.x
    }
}

impl Faulty {
    fn fail(&self) -> Result<(), Breakdown> {
        match self.fault {
            Fault::None => {}
            Fault::Panic => panic!("index 7 is out of bounds"),
            Fault::PanicInPool => {
                (0..100).into_par_iter().for_each(|i| assert!(i != 50, "tile {i} is odd"));
            }
            Fault::Abort => std::process::abort(),
            Fault::Exit => std::process::exit(7),
            Fault::Hog => {
                let mut held: Vec<Vec<u8>> = Vec::new();
                loop {
                    held.push(vec![1; 16 << 20]);
                    std::hint::black_box(&held);
                }
            }
            Fault::Loop => loop {
                std::thread::sleep(Duration::from_millis(10));
            },
            Fault::Garbage => {
                let mut out = std::io::stdout();
                out.write_all(&vec![0xff; 100_000]).expect("standard output takes anything");
                out.flush().expect("standard output takes anything");
            }
            Fault::Breakdown => return Err(Breakdown::LineSearch),
        }
        Ok(())
    }
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.pair::<Bowl, Faulty>();
    registry.pair::<Mlr, Cutter>();
    registry
}

fn section(kind: &str, config: serde_json::Value) -> Section {
    Section { kind: kind.into(), config: config.as_object().expect("an object").clone() }
}

fn cell(problem: serde_json::Value, fault: &str) -> Cell {
    Cell {
        schema: Cell::SCHEMA,
        task: Task::Run {
            problem: section("bowl", problem),
            solver: section("faulty", json!({ "fault": fault, "step": 0.5 })),
        },
        root: 1,
        seed: 0,
        stage: Stage::Main,
        sampling: Sampling::Every { n: 1, unit: Unit::Iterations },
        stop: vec![StopRule::Iterations(10)],
        reference: None,
        outputs: vec!["iterate".into()],
        metrics: Vec::new(),
    }
}

fn request(fault: &str) -> Request {
    Request {
        cell: cell(json!({}), fault),
        reference: None,
        threads: 2,
        timed: false,
        concurrency: 1,
        memory: None,
    }
}

fn spawn() -> Spawn {
    Arc::new(|| {
        let mut command = Command::new(std::env::current_exe().expect("this binary has a path"));
        command.arg("worker");
        command
    })
}

fn run(worker: &mut Worker, request: &Request) -> Outcome {
    let never = AtomicBool::new(false);
    worker.run(request, 120.0, &[&never]).expect("a worker starts")
}

fn record(outcome: Outcome) -> Record {
    match outcome {
        Outcome::Finished(record) => *record,
        Outcome::Skipped { reason } => panic!("skipped: {reason}"),
    }
}

fn status(worker: &mut Worker, fault: &str) -> Status {
    record(run(worker, &request(fault))).header.status
}

fn crash(status: &Status) -> &str {
    match status {
        Status::Crashed(reason) => reason,
        other => panic!("expected a crash, found {other:?}"),
    }
}

fn a_cell_runs_and_its_record_is_whole(worker: &mut Worker) {
    let record = record(run(worker, &request("none")));
    assert_eq!(record.header.status, Status::Budget);
    assert_eq!(record.trace.rows(), 11);
    assert_eq!(record.trace.digests.len(), 11);
    assert_eq!(record.identity, record.cell.identity());
    assert_eq!(record.arrays[0].values.len(), 1000);
    assert_eq!(record.header.facts["terms"], "10");
    assert_eq!(record.header.threads, 2);
}

fn an_instance_is_made_out_of_the_last_one_of_its_repetition(worker: &mut Worker) {
    let mut ask = |dim: usize, height: f64, seed: u64| {
        let cell = Cell { seed, ..cell(json!({ "dim": dim, "height": height }), "none") };
        record(run(worker, &Request { cell, ..request("none") }))
    };
    // The first of a dimension; another height; another repetition; a height more; a dimension more.
    let asked = [(7, 1.0, 0), (7, 2.0, 0), (7, 2.0, 1), (7, 1.0, 1), (8, 1.0, 1)];
    let rebuilt = ["false", "true", "false", "true", "false"];
    let records: Vec<Record> = asked.iter().map(|&(d, h, seed)| ask(d, h, seed)).collect();
    for (place, (record, rebuilt)) in records.iter().zip(rebuilt).enumerate() {
        assert_eq!(record.header.facts["rebuilt"], rebuilt, "request {place}");
    }
    let start = |record: &Record| record.trace.column("objective").expect("measured").values[0];
    assert!((start(&records[1]) - start(&records[0]) - 1.0).abs() < 1e-10);
    assert!((start(&records[2]) - start(&records[3]) - 1.0).abs() < 1e-10);
}

/// The third asks for the instance of the second, the fourth for one that shares samples with it; the
/// last is read for a metric of the validation samples.
fn a_trial_measures_what_a_run_does_but_for_what_nobody_reads(worker: &mut Worker) {
    let mut ask = |stage: Stage, ridge: f64, metrics: &[&str]| {
        let problem = json!({ "dataset": "digits", "ridge": { "identity": ridge } });
        let task = Task::Run {
            problem: section("mlr", problem),
            // It cuts in its third step.
            solver: section("cutter", json!({ "file": "none" })),
        };
        let stop = vec![StopRule::Iterations(2)];
        let seed = Cell::FIRST_TUNE_SEED;
        let metrics = metrics.iter().map(|&name| name.to_owned()).collect();
        let cell = cell(json!({}), "none");
        let cell = Cell { task, stage, seed, stop, outputs: Vec::new(), metrics, ..cell };
        record(run(worker, &Request { cell, ..request("none") }))
    };
    let records = [
        ask(Stage::Main, 0.1, &[]),
        ask(Stage::Tune, 0.1, &[]),
        ask(Stage::Tune, 0.1, &["train-loss"]),
        ask(Stage::Tune, 0.2, &[]),
        ask(Stage::Main, 0.1, &[]),
        ask(Stage::Tune, 0.1, &["validation-loss"]),
    ];
    let measured = |record: &Record, tests: bool| {
        let columns = record.trace.columns.iter().filter(|column| column.metric.name != "seconds");
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        columns
            .filter(|column| tests || column.metric.split != Split::Test)
            .map(|column| (column.metric.clone(), bits(&column.values)))
            .collect::<Vec<_>>()
    };
    let (whole, open) = (measured(&records[0], true), measured(&records[0], false));
    assert_eq!(whole.len(), open.len() + 2);
    assert_eq!(measured(&records[1], true), open);
    assert_eq!(measured(&records[2], true), open);
    let names = |measured: &[(Metric, Vec<u64>)]| {
        measured.iter().map(|(metric, _)| metric.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&measured(&records[3], true)), names(&open));
    assert_eq!(measured(&records[4], true), whole);
    assert_eq!(records[1].trace.digests, records[0].trace.digests);
    let tested = records.iter().map(|record| record.header.facts["test"] != "0");
    assert_eq!(tested.collect::<Vec<_>>(), [true, false, false, false, true, false]);
    let untrained: Vec<_> =
        open.into_iter().filter(|(metric, _)| metric.split != Split::Train).collect();
    assert_eq!(measured(&records[5], true), untrained);
    assert_eq!(records[5].trace.digests, records[0].trace.digests);
}

fn a_panic_is_a_status_with_message_and_place_and_the_worker_lives(worker: &mut Worker) {
    for (fault, message) in
        [("panic", "index 7 is out of bounds"), ("panic-in-pool", "tile 50 is odd")]
    {
        let status = status(worker, fault);
        let reason = crash(&status);
        assert!(reason.contains(message) && reason.contains("worker.rs:"), "{reason}");
    }
    assert_eq!(status(worker, "none"), Status::Budget);
}

fn an_abort_and_an_exit_are_statuses_and_the_next_cell_runs(worker: &mut Worker) {
    let aborted = status(worker, "abort");
    assert!(crash(&aborted).starts_with("signal 6 (SIGABRT)"), "{aborted:?}");
    let exited = status(worker, "exit");
    assert!(crash(&exited).contains("code 7"), "{exited:?}");
    assert_eq!(status(worker, "none"), Status::Budget);
}

fn a_memory_hog_ends_at_its_limit(worker: &mut Worker) {
    let hog = Request { memory: Some(2 << 30), ..request("hog") };
    assert_eq!(record(run(worker, &hog)).header.status, Status::OutOfMemory);
    assert_eq!(status(worker, "none"), Status::Budget);
}

fn an_endless_cell_ends_at_its_time_limit_or_on_interrupt(worker: &mut Worker) {
    let flag = AtomicBool::new(false);
    let ended = worker.run(&request("loop"), 0.3, &[&flag]).expect("a worker starts");
    assert_eq!(record(ended).header.status, Status::TimedOut);
    flag.store(true, Ordering::SeqCst);
    let ended = worker.run(&request("loop"), 100.0, &[&flag]).expect("a worker starts");
    assert_eq!(record(ended).header.status, Status::Interrupted);
}

fn garbage_on_standard_output_disturbs_nothing(worker: &mut Worker) {
    let garbage = record(run(worker, &request("garbage")));
    assert_eq!(garbage.header.status, Status::Budget);
    assert_eq!(garbage.trace.rows(), 11);
}

fn a_breakdown_is_a_result_with_its_rows(worker: &mut Worker) {
    let broken = record(run(worker, &request("breakdown")));
    assert!(matches!(broken.header.status, Status::Breakdown(_)));
    assert_eq!(broken.trace.rows(), 4);
}

fn missing_data_skips_and_a_failing_set_up_crashes(worker: &mut Worker) {
    let missing = Request { cell: cell(json!({ "missing": true }), "none"), ..request("none") };
    let Outcome::Skipped { reason } = run(worker, &missing) else { panic!("it ran") };
    assert!(reason.contains("moon-rocks"), "{reason}");
    let refused = Request { cell: cell(json!({ "refuse": true }), "none"), ..request("none") };
    let refused = record(run(worker, &refused)).header.status;
    assert!(crash(&refused).contains("singular"), "{refused:?}");
}

fn mistakes_in_tables_and_outputs_are_named(worker: &mut Worker) {
    let mut unknown = request("none");
    unknown.cell.outputs = vec!["portrait".into()];
    let status = record(run(worker, &unknown)).header.status;
    assert!(crash(&status).contains("no output named portrait"), "{status:?}");
    let mut endless = request("none");
    endless.cell.stop = Vec::new();
    let status = record(run(worker, &endless)).header.status;
    assert!(crash(&status).contains("no rule bounds the run"), "{status:?}");
}

fn the_reference_reaches_the_problem(worker: &mut Worker) {
    let mut referred = request("none");
    referred.cell.reference = Some(referred.cell.identity());
    referred.reference = Some(vec![0.0; 1000]);
    assert!(record(run(worker, &referred)).trace.column("gap").is_some());
    assert!(record(run(worker, &request("none"))).trace.column("objective").is_some());
}

fn threads_timing_and_sampling_change_no_digest(worker: &mut Worker) {
    let base = record(run(worker, &request("none")));
    for threads in [1, 2, 3, 8] {
        let again = record(run(worker, &Request { threads, timed: true, ..request("none") }));
        assert_eq!(again.trace.digests, base.trace.digests, "{threads} threads");
        assert_eq!(again.arrays, base.arrays);
    }
    for sampling in [
        Sampling::Every { n: u64::MAX, unit: Unit::Iterations },
        Sampling::Geometric { factor: 1.5, unit: Unit::Samples },
    ] {
        let mut other = request("none");
        other.cell.sampling = sampling;
        let other = record(run(worker, &other));
        assert_eq!(other.arrays, base.arrays);
        let column = |record: &Record, name| record.trace.column(name).unwrap().values.clone();
        for (at, value) in column(&other, "iteration").iter().zip(column(&other, "objective")) {
            let same = column(&base, "objective")[*at as usize];
            assert_eq!(value.to_bits(), same.to_bits(), "row {at}");
        }
    }
}

/// The parent is a process of this binary that dies by SIGKILL in the midst of an endless cell.
fn a_killed_parent_leaves_no_worker(_: &mut Worker) {
    if !std::path::Path::new("/proc/self/stat").exists() {
        eprintln!("skipped: this system has no /proc to see processes in");
        return;
    }
    let mut parent = Command::new(std::env::current_exe().expect("this binary has a path"))
        .arg("parent")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a parent starts");
    let mut line = String::new();
    let out = parent.stdout.take().expect("it is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("a line");
    let worker: u32 = line.trim().parse().expect("the worker's number");
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        // A zombie waits for whoever inherited it; it runs no more.
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
    };
    assert!(alive(), "the worker runs its cell");
    parent.kill().expect("it runs");
    parent.wait().expect("it was killed");
    let gone = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !alive()
    });
    assert!(gone, "the worker outlives its parent by more than five seconds");
}

/// Runs an endless cell and says which process runs it.
fn parent() {
    std::thread::spawn(|| {
        let mut worker = Worker::new(spawn());
        let never = AtomicBool::new(false);
        let _ = worker.run(&request("loop"), 1000.0, &[&never]);
    });
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let id = std::process::id();
        let mut children = String::new();
        for task in std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
            let file = task.path().join("children");
            children.push_str(&std::fs::read_to_string(file).unwrap_or_default());
        }
        if let Some(child) = children.split_whitespace().next() {
            // Time to read the request.
            std::thread::sleep(Duration::from_millis(300));
            println!("{child}");
            std::thread::sleep(Duration::from_secs(1000));
        }
    }
}

type Test = (&'static str, fn(&mut Worker));

macro_rules! tests {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), $name as fn(&mut Worker))),*] };
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => return serve(&registry()).expect("the parent's socket works"),
        Some("parent") => return parent(),
        _ => {}
    }
    let tests: Vec<Test> = tests![
        a_cell_runs_and_its_record_is_whole,
        an_instance_is_made_out_of_the_last_one_of_its_repetition,
        a_trial_measures_what_a_run_does_but_for_what_nobody_reads,
        a_panic_is_a_status_with_message_and_place_and_the_worker_lives,
        an_abort_and_an_exit_are_statuses_and_the_next_cell_runs,
        a_memory_hog_ends_at_its_limit,
        an_endless_cell_ends_at_its_time_limit_or_on_interrupt,
        garbage_on_standard_output_disturbs_nothing,
        a_breakdown_is_a_result_with_its_rows,
        missing_data_skips_and_a_failing_set_up_crashes,
        mistakes_in_tables_and_outputs_are_named,
        the_reference_reaches_the_problem,
        threads_timing_and_sampling_change_no_digest,
        a_killed_parent_leaves_no_worker,
        a_study_runs_once_whatever_the_number_of_jobs,
        a_crash_stops_nothing_and_is_tried_once_more,
        an_interrupt_keeps_what_is_done_and_the_next_command_goes_on,
        an_endless_cell_is_ended_by_the_interrupt,
        rounds_add_seeds_up_to_the_most_and_each_cell_runs_once,
        the_reference_runs_first_and_its_point_reaches_every_run,
        a_store_that_cannot_be_written_ends_the_command,
        a_file_cut_during_a_run_crashes_it_with_the_place_and_the_sweep_goes_on,
    ]
    .into();
    // As the test runner of Rust does: names given as arguments select.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let mut worker = Worker::new(spawn());
    println!("\nrunning {} tests", tests.len());
    let mut ran = 0;
    for (name, test) in tests {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            test(&mut worker);
            println!("test {name} ... ok");
            ran += 1;
        }
    }
    println!("\ntest result: ok. {ran} passed; 0 failed; 0 ignored");
}
