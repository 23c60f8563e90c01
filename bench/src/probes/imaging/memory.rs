//! The memory that a run of PnP-ADMM takes as measurements are added.

use converge_problems::imaging::{Imaging, ImagingConfig};
use converge_problems::{Better, Metric, Problem, Seed, Split, require};
use converge_solvers::PnpAdmm;
use serde::Deserialize;

use super::iteration::Run;
use crate::memory::{peak_bytes, reset_peak};
use crate::registry::{Probe, ProbeError};

/// Runs PnP-ADMM with rising numbers of blocks; the peak of the resident memory of the process, from after
/// set-up to the end. One row for every number:
///
/// | column | number |
/// |---|---|
/// | `blocks` | `b` |
/// | `peak` | in bytes |
/// | `measurements` | bytes of the measurements, which are part of it |
/// | `operator-growth` | `(peak - measurements)`, its growth a block since the first row, over the bytes that a block's transfer functions take, `16` a number of the unknown |
/// | `total-growth` | the same of the peak, over the bytes of transfer functions and measurements of a block |
/// | `paper-gibibytes` | `operator-growth` times `16 · 1024² · 600` bytes in GiB: the size of the paper |
///
/// Growths are NaN in the first row, and all is where the system does not tell its memory. Source:
/// specification 2.9, C16 and C17.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImagingMemory {
    /// The instance, but for its blocks.
    pub problem: ImagingConfig,
    /// The method.
    pub solver: PnpAdmm,
    /// Numbers of blocks, rising.
    pub blocks: Vec<usize>,
    /// Iterations.
    pub iterations: u32,
}

/// Bytes of a number of a transfer function.
const ENTRY: f64 = 16.0;
/// Such numbers at the size of the paper: pixels and lights.
const PAPER: f64 = 1024.0 * 1024.0 * 600.0;

impl Probe for ImagingMemory {
    const ID: &'static str = "imaging-memory";
    const ABOUT: &'static str = "peak memory of PnP-ADMM against the number of measurements";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![
            Metric::diagnostic("blocks"),
            lower("peak").in_unit("B"),
            lower("measurements").in_unit("B"),
            lower("operator-growth"),
            lower("total-growth"),
            lower("paper-gibibytes").in_unit("GiB"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let rising = self.blocks.windows(2).all(|pair| pair[0] < pair[1]);
        require("blocks", format!("{:?}", self.blocks), rising, "rising numbers")?;
        let mut first: Option<[f64; 3]> = None;
        for &blocks in &self.blocks {
            let config = ImagingConfig { blocks: Some(blocks), ..self.problem.clone() };
            let problem = Imaging::new(&config, seed)?;
            let mut run = Run::new(&problem, &self.solver, seed)?;
            reset_peak();
            for _ in 0..self.iterations {
                run.step()?;
            }
            let peak = peak_bytes("self").map_or(f64::NAN, |peak| peak as f64);
            let measurements = 8.0 * problem.data().values().len() as f64;
            let (count, table) = (blocks as f64, ENTRY * problem.dim() as f64);
            let growths = first.map_or([f64::NAN; 2], |[blocks, before, measured]| {
                let each = |bytes: f64| bytes / (count - blocks);
                let data = each(measurements - measured);
                [
                    each(peak - measurements - (before - measured)) / table,
                    each(peak - before) / (table + data),
                ]
            });
            first.get_or_insert([count, peak, measurements]);
            let paper = growths[0] * ENTRY * PAPER / f64::from(1 << 30);
            push(&[count, peak, measurements, growths[0], growths[1], paper]);
        }
        Ok(())
    }
}
