//! A file of features that is cut while a run streams it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use converge_bench::conduct::{FixedSeeds, Options, run_study, runs};
use converge_bench::record::Status;
use converge_bench::store::Store;
use converge_bench::study::{Size, Study};
use converge_bench::worker::Worker;
use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Gradient, Problem, Seed, SetupError};
use converge_solvers::{Breakdown, Solver, Step, Work};
use serde::{Deserialize, Serialize};

use crate::{registry, spawn};

/// Gradient descent that cuts a file in its third step, before it reads.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Cutter {
    file: PathBuf,
}

#[derive(Clone)]
pub(crate) struct State {
    x: Vec<f64>,
    g: Vec<f64>,
    steps: u64,
    scratch: MlrScratch,
}

impl Solver<Mlr> for Cutter {
    const ID: &'static str = "cutter";
    const ABOUT: &'static str = "Gradient descent that cuts a file.";
    type State = State;
    fn init(&self, problem: &Mlr, x0: &[f64], _: Seed) -> Result<State, SetupError> {
        let (x, g) = (x0.to_vec(), vec![0.0; x0.len()]);
        Ok(State { x, g, steps: 0, scratch: problem.scratch() })
    }
    fn step(&self, problem: &Mlr, state: &mut State) -> Result<Step, Breakdown> {
        state.steps += 1;
        if state.steps == 3 {
            let file = std::fs::OpenOptions::new().write(true).open(&self.file);
            file.and_then(|file| file.set_len(20_000)).expect("the file is there");
        }
        problem.value_gradient(&state.x, &mut state.g, &mut state.scratch);
        state.x.iter_mut().zip(&state.g).for_each(|(x, g)| *x -= 0.1 * g);
        Ok(Step { work: Work::value_gradients(1, problem.samples() as u64), converged: false })
    }
    fn iterate<'s>(&self, state: &'s State) -> &'s [f64] {
        &state.x
    }
}

const STUDY: &str = r#"
schema = 1
paper = "files"
title = "A file that is cut"

[problem.streamed]
kind = "mlr"
dataset = { path = "FOLDER/cut.npy", labels-path = "FOLDER/labels.npy", stream = true }
[problem.whole]
kind = "mlr"
dataset = { path = "FOLDER/whole.npy", labels-path = "FOLDER/labels.npy", stream = true }

[solver.cutter]
file = "FOLDER/cut.npy"

[seeds]
min = 1
[stop]
any = [ { iterations = 10 } ]
"#;

fn npy(path: &Path, descr: &str, shape: &str, numbers: &[u8]) {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers);
    std::fs::write(path, bytes).expect("it is writable");
}

pub(crate) fn a_file_cut_during_a_run_crashes_it_with_the_place_and_the_sweep_goes_on(
    _: &mut Worker,
) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let at = |name: &str| folder.path().join(name);
    let numbers: Vec<u8> =
        (0..600 * 10).flat_map(|i| f64::from(i * 7 % 13).to_le_bytes()).collect();
    let labels: Vec<u8> = (0..600).map(|j| (j % 3) as u8).collect();
    npy(&at("labels.npy"), "|u1", "(600,)", &labels);
    for name in ["cut.npy", "whole.npy"] {
        npy(&at(name), "<f8", "(600, 10)", &numbers);
    }
    let paper = at("files");
    std::fs::create_dir(&paper).expect("it is writable");
    let text = STUDY.replace("FOLDER", folder.path().to_str().expect("a plain path"));
    std::fs::write(paper.join("cut.toml"), text).expect("it is writable");
    let study = Study::read(&paper.join("cut.toml"), Size::Default, &registry());
    let study = study.expect("the study is right");
    let store = Store::open(at("store")).expect("it is writable");
    let options = Options {
        jobs: 1,
        threads: 2,
        retry: false,
        keep_older: false,
        worker: spawn(),
        interrupt: Arc::new(AtomicBool::new(false)),
    };
    let report = run_study(&study, &store, &options, &mut FixedSeeds, &mut ()).expect("it ends");
    assert_eq!((report.ran, report.failed.len()), (1, 1), "{report:?}");
    let (planned, status) = &report.failed[0];
    assert_eq!(planned.problem, "streamed");
    let Status::Crashed(reason) = status else { panic!("{status:?}") };
    for words in ["cut.npy: samples ", "from byte ", "holds 20000 bytes"] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    let (runs, _) = runs(&study, &store, 0..1, None);
    let rows = runs.iter().filter_map(|(_, record)| record.as_ref()).map(|r| r.trace.rows());
    assert_eq!(rows.max(), Some(11), "the other cell ran to its end");
}
