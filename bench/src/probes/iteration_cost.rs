//! What an iteration costs as the data grow.

use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{Better, Build, Metric, Seed, Split, require};
use converge_solvers::{AdmmSoftmax, Solver};
use serde::Deserialize;

use super::admm::start;
use super::least_squares_cost::slope;
use super::sizes::resized;
use super::timing::seconds;
use crate::registry::{Probe, ProbeError};

/// Times an iteration of ADMM-Softmax for rising numbers of samples or of weights, on the threads of
/// the cell.
///
/// One row per size. Timing model: the smallest of `repeats` measurements after `iterations`
/// iterations. The slopes are those of `ln iteration-seconds` against `ln examples` and `ln weights`
/// over all rows so far; NaN for the one that stands still, and in the first row.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IterationCost {
    /// The instance, with generated data whose size is replaced.
    pub problem: MlrConfig,
    /// Numbers of samples, rising.
    pub samples: Vec<usize>,
    /// Numbers of inputs, rising; one of the two lists holds one number.
    pub inputs: Vec<usize>,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations before the first measurement.
    pub iterations: u32,
    /// Measurements of each time.
    pub repeats: u32,
}

impl Probe for IterationCost {
    const ID: &'static str = "iteration-cost";
    const ABOUT: &'static str =
        "time of an ADMM-Softmax iteration against the number of samples and of weights";

    fn columns(&self) -> Vec<Metric> {
        vec![
            Metric::diagnostic("examples"),
            Metric::diagnostic("weights"),
            Metric::new("iteration-seconds", Better::Lower, Split::None).in_unit("s"),
            Metric::diagnostic("samples-slope"),
            Metric::diagnostic("weights-slope"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let rises =
            |list: &[usize]| !list.is_empty() && list.windows(2).all(|pair| pair[0] < pair[1]);
        require("samples", self.samples.len(), rises(&self.samples), "rising numbers")?;
        require("inputs", self.inputs.len(), rises(&self.inputs), "rising numbers")?;
        let one = self.samples.len().min(self.inputs.len()) == 1;
        require("inputs", self.inputs.len(), one, "one number where there are several of samples")?;
        let solver = AdmmSoftmax { penalty: self.penalty, ..AdmmSoftmax::default() };
        let (mut by_samples, mut by_weights) = (Vec::new(), Vec::new());
        for &samples in &self.samples {
            for &inputs in &self.inputs {
                let config = resized(&self.problem, samples, Some(inputs))?;
                let problem = Mlr::build(&config, seed, None)?;
                let mut state = start(&solver, &problem, seed)?;
                for _ in 0..self.iterations {
                    solver.step(&problem, &mut state)?;
                }
                let mut ended = Ok(());
                let time = seconds(self.repeats, || {
                    if let Err(breakdown) = solver.step(&problem, &mut state) {
                        ended = Err(breakdown);
                    }
                });
                ended?;
                let (n, p) = (problem.samples() as f64, problem.weights() as f64);
                by_samples.push((n.ln(), time.ln()));
                by_weights.push((p.ln(), time.ln()));
                let still =
                    |list: &[usize], slope: f64| if list.len() > 1 { slope } else { f64::NAN };
                push(&[
                    n,
                    p,
                    time,
                    still(&self.samples, slope(&by_samples)),
                    still(&self.inputs, slope(&by_weights)),
                ]);
            }
        }
        Ok(())
    }
}
