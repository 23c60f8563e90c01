//! Whole studies, through real workers and a real store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use converge_bench::cell::Stage;
use converge_bench::conduct::{
    Advisor, FixedSeeds, Options, Progress, Report, Round, run_study, runs,
};
use converge_bench::plan::plan;
use converge_bench::record::Status;
use converge_bench::store::Store;
use converge_bench::study::{Planned, Size, Study};
use converge_bench::worker::{Outcome, Worker};

use crate::{registry, spawn};

const STUDY: &str = r#"
schema = 1
paper = "bowls"
title = "Descent in a bowl"

[problem.bowl]
dim = 200

[solver.slow]
kind = "faulty"
fault = "none"
step = 0.1
[solver.fast]
kind = "faulty"
fault = "FAULT"
step = 0.5

[seeds]
min = 3
max = 5
[sampling]
rule = "every"
n = 1
[stop]
any = [ { iterations = 10 } ]
"#;

struct Bench {
    folder: tempfile::TempDir,
    study: Study,
    store: Store,
}

impl Bench {
    fn new(fault: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let paper = folder.path().join("bowls");
        std::fs::create_dir(&paper).expect("it is writable");
        let path = paper.join("descent.toml");
        std::fs::write(&path, STUDY.replace("FAULT", fault) + more).expect("it is writable");
        let study = Study::read(&path, Size::Default, &registry()).expect("the study is right");
        let store = Store::open(folder.path().join("store")).expect("it is writable");
        Self { folder, study, store }
    }

    fn conduct(&self, options: &Options) -> Report {
        run_study(&self.study, &self.store, options, &mut FixedSeeds, &mut ()).expect("it conducts")
    }

    fn digests(&self) -> Vec<(String, u64, Option<u64>)> {
        let (runs, problems) = runs(&self.study, &self.store, 0..3, None);
        assert!(problems.is_empty(), "{problems:?}");
        let row = |(planned, record): (Planned, Option<converge_bench::record::Record>)| {
            let last = record.and_then(|record| record.trace.digests.last().copied());
            (planned.label.solver, planned.label.seed, last)
        };
        runs.into_iter().map(row).collect()
    }
}

fn options(jobs: usize) -> Options {
    Options {
        jobs,
        threads: 1,
        retry: false,
        keep_older: false,
        worker: spawn(),
        interrupt: Arc::new(AtomicBool::new(false)),
    }
}

pub(crate) fn a_study_runs_once_whatever_the_number_of_jobs(_: &mut Worker) {
    let (one, three) = (Bench::new("none", ""), Bench::new("none", ""));
    assert_eq!(one.conduct(&options(1)).ran, 6);
    assert_eq!(three.conduct(&options(3)).ran, 6);
    assert_eq!(one.digests(), three.digests());
    assert!(one.digests().iter().all(|(_, _, digest)| digest.is_some()));
    let again = one.conduct(&options(2));
    assert_eq!((again.ran, again.done, again.failed.len()), (0, 6, 0));
    let files = std::fs::read_dir(one.folder.path().join("store/traces")).expect("it is there");
    assert_eq!(files.count(), 1, "one pack and no journal");
}

pub(crate) fn a_crash_stops_nothing_and_is_tried_once_more(_: &mut Worker) {
    let bench = Bench::new("panic", "");
    for (attempt, ran) in [(1, 3), (2, 0), (3, 0)] {
        let report = bench.conduct(&options(2));
        assert_eq!((report.ran, report.failed.len()), (ran, 3), "attempt {attempt}");
        assert!(matches!(report.failed[0].1, Status::Crashed(_)));
    }
    let attempts = |bench: &Bench| {
        let survey = bench.store.survey();
        survey.attempts.values().map(Vec::len).max().expect("cells ran")
    };
    assert_eq!(attempts(&bench), 2, "the third command left failed cells alone");
    bench.conduct(&Options { retry: true, ..options(2) });
    assert_eq!(attempts(&bench), 3);
}

/// Interrupts after the second cell.
struct Impatient(Arc<AtomicBool>, usize);

impl Progress for Impatient {
    fn finished(&mut self, _: &Planned, _: &Outcome) {
        self.1 += 1;
        self.0.store(self.1 >= 2, Ordering::SeqCst);
    }
}

pub(crate) fn an_interrupt_keeps_what_is_done_and_the_next_command_goes_on(_: &mut Worker) {
    let bench = Bench::new("none", "");
    let options_here = options(1);
    let mut impatient = Impatient(Arc::clone(&options_here.interrupt), 0);
    let report =
        run_study(&bench.study, &bench.store, &options_here, &mut FixedSeeds, &mut impatient)
            .expect("it ends cleanly");
    assert!(report.interrupted && (2..6).contains(&report.ran), "{report:?}");
    let rest = bench.conduct(&options(1));
    assert_eq!((rest.ran + rest.done, rest.done), (6, report.ran));
}

/// Counts cells that ended.
struct Ended(usize);

impl Progress for Ended {
    fn finished(&mut self, _: &Planned, _: &Outcome) {
        self.0 += 1;
    }
}

pub(crate) fn an_endless_cell_is_ended_by_the_interrupt(_: &mut Worker) {
    let bench = Bench::new("loop", "");
    let here = options(1);
    let flag = Arc::clone(&here.interrupt);
    let timer = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(1500));
        flag.store(true, Ordering::SeqCst);
    });
    let mut ended = Ended(0);
    let report = run_study(&bench.study, &bench.store, &here, &mut FixedSeeds, &mut ended)
        .expect("it ends cleanly");
    timer.join().expect("the timer ends");
    assert!(report.interrupted);
    assert_eq!(ended.0, report.ran, "the stopped cell has not ended");
    assert!(report.failed.is_empty(), "an interrupt is no failure: {:?}", report.failed);
}

/// Asks for more than there is, always.
struct Greedy(Vec<u64>);

impl Advisor for Greedy {
    fn next_round(&mut self, _: &Study, _: &Store, seeds: u64) -> Round {
        self.0.push(seeds);
        Round::Seeds(seeds + 1)
    }
}

pub(crate) fn rounds_add_seeds_up_to_the_most_and_each_cell_runs_once(_: &mut Worker) {
    let bench = Bench::new("none", "");
    let mut greedy = Greedy(Vec::new());
    let report = run_study(&bench.study, &bench.store, &options(2), &mut greedy, &mut ())
        .expect("it conducts");
    assert_eq!((report.ran, report.done, report.seeds), (10, 0, 5));
    assert_eq!(greedy.0, [3, 4, 5]);
}

pub(crate) fn the_reference_runs_first_and_its_point_reaches_every_run(_: &mut Worker) {
    let reference = "\n[reference]\nsolver = \"slow\"\nstop = { any = [ { iterations = 50 } ] }\n";
    let bench = Bench::new("none", reference);
    let before = plan(&bench.study, &bench.store, 0..3, options(1).counting(), 1);
    assert_eq!(before.stages[0].stage, Stage::Reference);
    assert_eq!(before.to_run(), before.estimate().unknown);
    let report = bench.conduct(&options(2));
    assert_eq!(report.ran, before.to_run());
    let (runs, _) = runs(&bench.study, &bench.store, 0..3, None);
    for (_, record) in &runs {
        let record = record.as_ref().expect("it ran");
        assert!(record.trace.column("gap").is_some(), "the problem was built with its reference");
    }
    let after = plan(&bench.study, &bench.store, 0..4, options(1).counting(), 1);
    assert!(after.to_run() > 0 && after.estimate().unknown == 0 && after.estimate().seconds > 0.0);
}

pub(crate) fn a_store_that_cannot_be_written_ends_the_command(_: &mut Worker) {
    let bench = Bench::new("none", "");
    let traces = bench.store.dir().join("traces");
    let _ = std::fs::remove_dir_all(&traces);
    std::fs::write(Path::new(&traces), "a file where a folder was").expect("it is writable");
    let mut said = run_study(&bench.study, &bench.store, &options(1), &mut FixedSeeds, &mut ())
        .expect_err("there is nowhere to write")
        .to_string();
    said.make_ascii_lowercase();
    assert!(said.contains("traces"), "{said}");
}
