//! What the W-steps of a run cost by one method.

use converge_problems::{Better, Metric, Seed, Split};
use converge_solvers::LeastSquares;
use serde::Deserialize;

use super::w_steps::WSteps;
use crate::registry::{Probe, ProbeError};

/// Runs ADMM-Softmax on smooth random images with random filters, and solves the W-steps of the run
/// by `method` alone, each from the last solution, with all threads of the worker.
///
/// One row for every number of samples and size of the images:
///
/// | column | number |
/// |---|---|
/// | `samples`, `weights` | `N`, `p` |
/// | `setup-seconds` | Gram matrix, factorisation, sketch, bounds |
/// | `solve-seconds` | one W-step, the mean of all |
/// | `iterations` | passes over the data of one W-step, the mean of all |
/// | `total-seconds` | set-up and all W-steps |
/// | `relative-error` | largest `‖W - W*‖ / ‖W*‖`, `W*` by `qr` if the method is `cholesky`, else by it |
///
/// Timing model: the smallest of `repeats` measurements of the set-up and of each W-step.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeastSquaresMethods {
    /// The method.
    pub method: LeastSquares,
    /// What it solves.
    pub run: WSteps,
}

impl Probe for LeastSquaresMethods {
    const ID: &'static str = "least-squares-methods";
    const ABOUT: &'static str = "time of the least-squares steps of an ADMM run by one method";

    fn columns(&self) -> Vec<Metric> {
        let time = |name| Metric::new(name, Better::Lower, Split::None).in_unit("s");
        vec![
            Metric::diagnostic("samples"),
            Metric::diagnostic("weights"),
            time("setup-seconds"),
            time("solve-seconds"),
            Metric::new("iterations", Better::Lower, Split::None),
            time("total-seconds"),
            Metric::new("relative-error", Better::Lower, Split::None),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let Self { method, run } = self;
        run.check()?;
        let by = match method {
            LeastSquares::Cholesky => LeastSquares::Qr,
            _ => LeastSquares::Cholesky,
        };
        for (samples, edge) in run.sizes() {
            let recording = run.record((samples, edge), by, seed)?;
            let measured = recording.measure(method, false, run.repeats, seed)?;
            let solve = measured.solves.iter().sum::<f64>() / measured.solves.len() as f64;
            push(&[
                samples as f64,
                recording.problem.weights() as f64,
                measured.setup,
                solve,
                measured.passes,
                measured.total(),
                measured.error,
            ]);
        }
        Ok(())
    }
}
