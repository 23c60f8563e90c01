//! The share of the dual update in an iteration.

use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{Better, Build, Metric, Seed, Split};
use converge_solvers::{AdmmSoftmax, Solver};
use serde::Deserialize;

use super::admm::{Variables, start};
use super::plain::Plain;
use super::timing::seconds;
use crate::registry::{Probe, ProbeError};

/// Times an iteration of ADMM-Softmax, and `U ← U + Z - W D` with `W D` at hand as a pass of its own
/// over the arrays, on one thread: no less than what it costs inside the fused iteration.
///
/// One row. Timing model: the smallest of `repeats` measurements after `iterations` iterations.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DualShare {
    /// The instance.
    pub problem: MlrConfig,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations before the first measurement.
    pub iterations: u32,
    /// Measurements of each time.
    pub repeats: u32,
}

impl Probe for DualShare {
    const ID: &'static str = "dual-share";
    const ABOUT: &'static str = "share of the dual update in the time of an ADMM-Softmax iteration";

    fn columns(&self) -> Vec<Metric> {
        let time = |name| Metric::new(name, Better::Lower, Split::None).in_unit("s");
        vec![
            time("dual-seconds"),
            time("iteration-seconds"),
            Metric::new("dual-share", Better::Lower, Split::None),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let problem = Mlr::build(&self.problem, seed, None)?;
        let solver = AdmmSoftmax { penalty: self.penalty, ..AdmmSoftmax::default() };
        let mut state = start(&solver, &problem, seed)?;
        for _ in 0..self.iterations {
            solver.step(&problem, &mut state)?;
        }
        let Variables { z, mut u } = Variables::of(&problem, &state);
        let fitted = Plain::new(&problem).scores(solver.iterate(&state));
        let dual = seconds(self.repeats, || {
            for ((u, z), fitted) in u.iter_mut().zip(&z).zip(&fitted) {
                *u += z - fitted;
            }
            std::hint::black_box(&mut u);
        });
        let mut broken = None;
        let iteration = seconds(self.repeats, || {
            if let Err(breakdown) = solver.step(&problem, &mut state) {
                broken = Some(breakdown);
            }
        });
        if let Some(breakdown) = broken {
            return Err(breakdown.into());
        }
        push(&[dual, iteration, dual / iteration]);
        Ok(())
    }
}
