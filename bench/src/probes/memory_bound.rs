//! The memory that a run of ADMM-Softmax takes, against what it may take.

use converge_problems::data::{self, Features};
use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{Better, Metric, Seed, Split};
use converge_solvers::{AdmmSoftmax, Solver};
use serde::Deserialize;

use super::admm::start;
use crate::memory::{peak_bytes, reset_peak};
use crate::registry::{Probe, ProbeError};

/// Builds an instance and runs ADMM-Softmax on it; the peak of the resident memory of the process
/// meanwhile, against
///
/// ```text
/// D  +  I  +  2 p² · 8 B  +  8 B · K (4 N + 64 p)  +  16 N B  +  64 MiB
/// ```
///
/// the features as they are held, the data set that they are made of, Gram matrix and factor, `Z`, `U`
/// and as much again, the vectors of weights with the partial sums of a sweep, labels and orders, and
/// the program itself with tiles and panels.
///
/// `peak-over-ledger` leaves `I` out, as the specification's statement of the bound does.
///
/// One row. NaN where the system does not tell its memory. What an earlier cell left to the allocator
/// counts, so that the peak is never too low.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MemoryBound {
    /// The instance.
    pub problem: MlrConfig,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations.
    pub iterations: u32,
}

impl Probe for MemoryBound {
    const ID: &'static str = "memory-bound";
    const ABOUT: &'static str = "peak memory of ADMM-Softmax against data, two matrices and O(KN)";

    fn columns(&self) -> Vec<Metric> {
        let bytes = |name| Metric::new(name, Better::Lower, Split::None).in_unit("B");
        vec![
            bytes("peak"),
            bytes("bound"),
            bytes("features"),
            bytes("loaded"),
            bytes("matrices"),
            Metric::new("peak-over-bound", Better::Lower, Split::None),
            Metric::new("peak-over-ledger", Better::Lower, Split::None),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        reset_peak();
        let data = data::load(&self.problem.dataset, seed.child("data"))?;
        let loaded =
            std::iter::once(&data.train).chain(&data.test).map(|part| bytes(&part.features));
        let loaded = loaded.sum::<usize>() as f64;
        let problem = Mlr::new(&data, &self.problem, seed, None)?;
        drop(data);
        let solver = AdmmSoftmax { penalty: self.penalty, ..AdmmSoftmax::default() };
        let mut state = start(&solver, &problem, seed)?;
        for _ in 0..self.iterations {
            solver.step(&problem, &mut state)?;
        }
        let peak = peak_bytes("self").map_or(f64::NAN, |peak| peak as f64);
        let (n, p) = (problem.samples() as f64, problem.weights() as f64);
        let classes = problem.classes() as f64;
        let (held, matrices) = (problem.data_bytes() as f64, 16.0 * p * p);
        let rest = 8.0 * classes * (4.0 * n + 64.0 * p) + 16.0 * n + f64::from(64 << 20);
        let bound = held + loaded + matrices + rest;
        let ledger = peak / (bound - loaded);
        push(&[peak, bound, held, loaded, matrices, peak / bound, ledger]);
        Ok(())
    }
}

/// Bytes of memory that features take.
fn bytes(features: &Features) -> usize {
    match features {
        Features::U8 { values, .. } => values.len(),
        Features::F32(values) => 4 * values.len(),
        Features::F64(values) => 8 * values.len(),
        Features::Streamed(_) => 0,
    }
}
