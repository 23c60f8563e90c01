//! Our side of `bench/peers/imaging.py`: the proximal map of one coded diffraction pattern.
//!
//! Answers every line of JSON on standard input ([`Request`]) with one on standard output ([`Answer`]),
//! so that the script can take turns with scipy. One thread; seconds are those of the wall.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use converge_bench::clock::{Clock, Monotonic};
use converge_problems::imaging::operators::{CodedDiffraction, Codes, Unknown};
use converge_problems::imaging::{
    ImageChoice, Imaging, ImagingConfig, Loss, Noise, OperatorChoice, Phantom, PhantomKind,
};
use converge_problems::{Batch, BatchProx, Problem, Seed};
use serde::{Deserialize, Serialize};

/// What the script asks for.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// Another instance: images of `side x side`, `blocks` patterns.
    Instance { side: usize, blocks: usize, data_term: Loss },
    /// Writes codes, measurements, and the point `v` as doubles: `codes`, `data`, `v`.
    Export { folder: PathBuf },
    /// The proximal map at `v` of every pattern in turn, `repeats` times; writes the last one's answer to
    /// `answer`.
    Prox { step: f64, repeats: usize, folder: PathBuf },
}

/// What it gets.
#[derive(Default, Serialize)]
struct Answer {
    /// Seconds of one proximal map, the fastest round over all patterns.
    seconds: f64,
}

/// An instance and the operator in it.
struct Side {
    problem: Imaging,
    operator: CodedDiffraction,
    v: Vec<f64>,
}

impl Side {
    fn new(side: usize, blocks: usize, data_term: Loss) -> Result<Self, Box<dyn Error>> {
        let phantom = Phantom { kind: PhantomKind::SheppLogan, rows: side, columns: side };
        let unknown = Unknown::Complex;
        let operator = OperatorChoice::CodedDiffraction { codes: Codes::Uniform, unknown };
        let config = ImagingConfig {
            blocks: Some(blocks),
            data_term,
            noise: Noise { snr_db: Some(25.0), impulses: None },
            ..ImagingConfig::new(ImageChoice::Phantom(phantom), operator)
        };
        let seed = Seed::root(0);
        let problem = Imaging::new(&config, seed)?;
        // The same seed as in the problem, so the same codes.
        let seed = seed.child("operator");
        let operator = CodedDiffraction::new([side, side], blocks, &Codes::Uniform, unknown, seed)?;
        let v = (0..problem.dim()).map(|i| ((i * 37 % 101) as f64 - 50.0) / 50.0).collect();
        Ok(Self { problem, operator, v })
    }

    fn export(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let codes = (0..self.problem.data().blocks()).flat_map(|block| self.operator.code(block));
        write(&folder.join("codes"), codes.flat_map(|code| [code.re, code.im]))?;
        write(&folder.join("data"), self.problem.data().values().iter().copied())?;
        write(&folder.join("v"), self.v.iter().copied())
    }

    fn prox(&self, step: f64, repeats: usize, folder: &Path) -> Result<Answer, Box<dyn Error>> {
        let (mut scratch, mut warm) = (self.problem.scratch(), self.problem.warm());
        let mut x = vec![0.0; self.v.len()];
        let blocks = self.problem.data().blocks() as u32;
        let mut seconds = f64::INFINITY;
        for _ in 0..repeats {
            let mut clock = Monotonic::start();
            for block in 0..blocks {
                let batch = Batch { terms: &[block], draw: Seed::root(0) };
                self.problem.batch_prox(batch, &self.v, step, &mut x, &mut warm, &mut scratch);
                black_box(&x);
            }
            seconds = seconds.min(clock.now() / f64::from(blocks));
        }
        write(&folder.join("answer"), x.into_iter())?;
        Ok(Answer { seconds })
    }
}

fn write(path: &Path, numbers: impl Iterator<Item = f64>) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    for x in numbers {
        file.write_all(&x.to_le_bytes())?;
    }
    Ok(file.flush()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut side = Side::new(256, 6, Loss::Amplitude)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Instance { side: pixels, blocks, data_term } => {
                side = Side::new(pixels, blocks, data_term)?;
                Answer::default()
            }
            Request::Export { folder } => {
                side.export(&folder)?;
                Answer::default()
            }
            Request::Prox { step, repeats, folder } => side.prox(step, repeats, &folder)?,
        };
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
