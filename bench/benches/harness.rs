//! What the harness costs: per iteration when nothing is due, per measured row, per cell.
//!
//! Called with the argument `worker` this binary serves cells instead, for the cost per cell.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use converge_bench::cell::{Cell, Sampling, Section, Stage, StopRule, Task, Unit};
use converge_bench::clock::Monotonic;
use converge_bench::registry::Registry;
use converge_bench::runner::run;
use converge_bench::worker::{Outcome, Request, Worker, serve};
use converge_problems::{Build, Metric, Problem, Seed, SetupError};
use converge_solvers::{Breakdown, Solver, Step, Work};
use criterion::{Criterion, Throughput, criterion_group};
use serde::{Deserialize, Serialize};
use serde_json::Map;

/// A problem without cost.
struct Nothing;

#[derive(Deserialize)]
struct NoConfig {}

impl Problem for Nothing {
    type Scratch = ();
    fn dim(&self) -> usize {
        1
    }
    fn scratch(&self) {}
    fn start(&self, _: Seed, x: &mut [f64]) {
        x.fill(0.0);
    }
    fn metrics(&self) -> &[Metric] {
        &[]
    }
    fn evaluate(&self, _: &[f64], _: &mut [f64], (): &mut ()) {}
}

impl Build for Nothing {
    const ID: &'static str = "nothing";
    const ABOUT: &'static str = "A problem without cost.";
    type Config = NoConfig;
    fn build(_: &NoConfig, _: Seed, _: Option<&[f64]>) -> Result<Self, SetupError> {
        Ok(Self)
    }
}

/// A solver without cost.
#[derive(Clone, Serialize, Deserialize)]
struct Idle {}

impl Solver<Nothing> for Idle {
    const ID: &'static str = "idle";
    const ABOUT: &'static str = "A solver without cost.";
    type State = Vec<f64>;
    fn init(&self, _: &Nothing, x0: &[f64], _: Seed) -> Result<Vec<f64>, SetupError> {
        Ok(x0.to_vec())
    }
    #[inline(never)]
    fn step(&self, _: &Nothing, x: &mut Vec<f64>) -> Result<Step, Breakdown> {
        std::hint::black_box(x);
        Ok(Step { work: Work::value_gradients(1, 10), converged: false })
    }
    fn iterate<'s>(&self, x: &'s Vec<f64>) -> &'s [f64] {
        x
    }
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.pair::<Nothing, Idle>();
    registry
}

fn harness(criterion: &mut Criterion) {
    let registry = registry();
    let config = serde_json::Value::Object(Map::new());
    let seed = Seed::root(0);
    let instance = registry.build("nothing", &config, seed, None).expect("it builds");
    let drive = |sampling: &Sampling, stop: &[StopRule]| {
        let mut process =
            registry.start("nothing", &instance, "idle", &config, seed, seed).expect("it starts");
        run(process.as_mut(), &mut Monotonic::start(), sampling, stop, &[]).expect("the tables fit")
    };

    let mut group = criterion.benchmark_group("harness");
    let steps = 100_000;
    group.throughput(Throughput::Elements(steps));
    let never = Sampling::List { points: Vec::new(), unit: Unit::Iterations };
    group.bench_function("iteration, nothing due", |bencher| {
        bencher.iter(|| drive(&never, &[StopRule::Iterations(steps)]));
    });
    group.bench_function("iteration, a time budget watched", |bencher| {
        bencher.iter(|| drive(&never, &[StopRule::Iterations(steps), StopRule::Seconds(1e9)]));
    });
    let rows = 1000;
    group.throughput(Throughput::Elements(rows));
    let every = Sampling::Every { n: 1, unit: Unit::Iterations };
    group.bench_function("row", |bencher| {
        bencher.iter(|| drive(&every, &[StopRule::Iterations(rows)]));
    });

    let mut worker = Worker::new(Arc::new(|| {
        let mut command = Command::new(std::env::current_exe().expect("this binary has a path"));
        command.arg("worker");
        command
    }));
    let section = |kind: &str| Section { kind: kind.into(), config: Map::new() };
    let task = Task::Run { problem: section("nothing"), solver: section("idle") };
    let cell = Cell {
        schema: Cell::SCHEMA,
        task,
        root: 0,
        seed: 0,
        stage: Stage::Main,
        sampling: every,
        stop: vec![StopRule::Iterations(10)],
        reference: None,
        outputs: Vec::new(),
        metrics: Vec::new(),
    };
    let request =
        Request { cell, reference: None, threads: 1, timed: false, concurrency: 1, memory: None };
    let flag = AtomicBool::new(false);
    group.throughput(Throughput::Elements(1));
    group.bench_function("cell of 10 iterations in a worker", |bencher| {
        bencher.iter(|| {
            let outcome = worker.run(&request, 60.0, &[&flag]).expect("a worker starts");
            assert!(matches!(outcome, Outcome::Finished(_)));
        });
    });
    group.finish();
}

criterion_group!(benches, harness);

fn main() {
    if std::env::args().nth(1).as_deref() == Some("worker") {
        return serve(&registry()).expect("the parent's socket works");
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
