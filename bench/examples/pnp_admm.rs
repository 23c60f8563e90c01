//! Our side of `bench/peers/pnp_admm.py`: one run of a plug-and-play method.
//!
//! Answers every line of JSON on standard input ([`Request`]) with one on standard output ([`Answer`]), so
//! that the script can take turns with another library. One thread; seconds are those of the wall.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use converge_bench::clock::{Clock, Monotonic};
use converge_problems::imaging::{Imaging, ImagingConfig, Phantom, PhantomKind};
use converge_problems::{Problem, Seed};
use converge_solvers::{PnpAdmm, Solver};
use serde::{Deserialize, Serialize};

/// What the script asks for.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// Writes a phantom of `side x side` pixels to `file`, column by column, as doubles.
    Phantom { kind: PhantomKind, side: usize, file: PathBuf },
    /// Runs the method for `steps` steps on a problem, set-up included, `repeats` times; writes the last
    /// image to `file`.
    Run {
        problem: Box<ImagingConfig>,
        solver: Box<PnpAdmm>,
        steps: usize,
        repeats: usize,
        file: PathBuf,
    },
}

/// What it gets.
#[derive(Default, Serialize)]
struct Answer {
    /// Of the fastest run.
    seconds: f64,
}

fn run(
    problem: &Imaging,
    solver: &PnpAdmm,
    steps: usize,
) -> Result<(f64, Vec<f64>), Box<dyn Error>> {
    let mut x0 = vec![0.0; problem.dim()];
    let mut clock = Monotonic::start();
    problem.start(Seed::root(1), &mut x0);
    let mut state = solver.init(problem, &x0, Seed::root(2))?;
    for _ in 0..steps {
        solver.step(problem, &mut state)?;
    }
    let seconds = clock.now();
    let image = Solver::<Imaging>::iterate(solver, &state).to_vec();
    Ok((seconds, image))
}

fn answer(request: Request) -> Result<Answer, Box<dyn Error>> {
    match request {
        Request::Phantom { kind, side, file } => {
            let phantom = Phantom { kind, rows: side, columns: side };
            write(&file, &phantom.draw(Seed::root(0))?.pixels)?;
            Ok(Answer::default())
        }
        Request::Run { problem, solver, steps, repeats, file } => {
            let problem = Imaging::new(&problem, Seed::root(0))?;
            let mut seconds = f64::INFINITY;
            for _ in 0..repeats {
                let (spent, image) = run(&problem, &solver, steps)?;
                seconds = seconds.min(spent);
                write(&file, &image)?;
            }
            Ok(Answer { seconds })
        }
    }
}

fn write(path: &Path, numbers: &[f64]) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    for x in numbers {
        file.write_all(&x.to_le_bytes())?;
    }
    Ok(file.flush()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = answer(serde_json::from_str(&line?)?)?;
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
