//! Our side of `bench/peers/denoisers.py`: one call of a denoiser.
//!
//! Answers every line of JSON on standard input ([`Request`]) with one on standard output ([`Answer`]),
//! so that the script can take turns with other programs. One thread; seconds are those of the wall.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use converge_bench::clock::{Clock, Monotonic};
use converge_problems::imaging::operators::Kernel;
use converge_problems::imaging::{
    DenoiserChoice, DenoiserMethod, ImageChoice, Imaging, ImagingConfig, Noise, OperatorChoice,
    Phantom, PhantomKind,
};
use converge_problems::{Denoise, Problem, Seed};
use serde::{Deserialize, Serialize};

/// What the script asks for.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// Another image and denoiser; writes the noisy image to `v`, column-major.
    Instance { side: usize, snr_db: f64, method: DenoiserMethod, folder: PathBuf },
    /// One denoised image, written to `answer`.
    Denoise { strength: f64, folder: PathBuf },
}

/// What it gets.
#[derive(Default, Serialize)]
struct Answer {
    /// Seconds of the call.
    seconds: f64,
}

/// A problem that holds the denoiser, and a noisy image: the measurements of a camera without blur.
struct Side {
    problem: Imaging,
    v: Vec<f64>,
}

impl Side {
    fn new(side: usize, snr_db: f64, method: DenoiserMethod) -> Result<Self, Box<dyn Error>> {
        let phantom = Phantom { kind: PhantomKind::Ellipses, rows: side, columns: side };
        let operator = OperatorChoice::Blur { kernels: vec![Kernel::Uniform(1)] };
        let denoiser =
            DenoiserChoice { method, range: [0.0, 1.0], nonnegative: false, real: false };
        let config = ImagingConfig {
            // Its measurements are kept as images.
            data_term: converge_problems::imaging::Loss::L1,
            noise: Noise { snr_db: Some(snr_db), impulses: None },
            denoiser: Some(denoiser),
            ..ImagingConfig::new(ImageChoice::Phantom(phantom), operator)
        };
        let problem = Imaging::new(&config, Seed::root(0))?;
        let v = problem.data().values().to_vec();
        Ok(Self { problem, v })
    }

    fn denoise(&self, strength: f64, folder: &Path) -> Result<Answer, Box<dyn Error>> {
        let (mut scratch, mut x) = (self.problem.scratch(), vec![0.0; self.v.len()]);
        let mut clock = Monotonic::start();
        self.problem.denoise(&self.v, strength, &mut x, &mut scratch);
        black_box(&x);
        let seconds = clock.now();
        write(&folder.join("answer"), &x)?;
        Ok(Answer { seconds })
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
    let mut side = None;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Instance { side: pixels, snr_db, method, folder } => {
                let instance = Side::new(pixels, snr_db, method)?;
                write(&folder.join("v"), &instance.v)?;
                side = Some(instance);
                Answer::default()
            }
            Request::Denoise { strength, folder } => {
                let instance: &Side = side.as_ref().ok_or("no instance yet")?;
                instance.denoise(strength, &folder)?
            }
        };
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
