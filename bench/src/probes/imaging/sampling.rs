//! Whether steps on a part of the measurements are right in the mean.

use converge_problems::imaging::{ImagingConfig, SmoothImaging};
use converge_problems::numerics::vector::{axpy, dot, norm};
use converge_problems::{Better, Gradient, Metric, Problem, Seed, SetupError, Split, require};
use converge_solvers::{PnpSgd, Solver, StepSize};
use serde::Deserialize;

use super::normals;
use crate::registry::{Probe, ProbeError};

/// One step of `pnp-sgd` without a denoiser from one point, `draws` times with draws of their own, against
/// the step along the full gradient. One row for every random direction `u`:
///
/// | column | number |
/// |---|---|
/// | `direction` | its number |
/// | `deviation` | `\|mean of <x, u> - its value\|` over the standard error |
///
/// A deviation beyond 4 has probability 6e-5 where the gradient is unbiased. Source: C30.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MinibatchUnbiased {
    /// The instance, with a gradient and without a denoiser.
    pub problem: ImagingConfig,
    /// The method; its step size is absolute.
    pub solver: PnpSgd,
    /// At least 100.
    pub draws: u32,
    /// Directions.
    pub directions: u32,
}

impl Probe for MinibatchUnbiased {
    const ID: &'static str = "minibatch-unbiased";
    const ABOUT: &'static str = "mean of stochastic steps against the full one, in standard errors";

    fn columns(&self) -> Vec<Metric> {
        vec![Metric::diagnostic("direction"), Metric::new("deviation", Better::Lower, Split::None)]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require("draws", self.draws, self.draws >= 100, "at least 100")?;
        let StepSize::Absolute(step) = self.solver.step_size else {
            return Err(SetupError::Parameter {
                name: "solver.step-size",
                value: "relative".into(),
                admissible: "absolute, so that a step tells its gradient",
            }
            .into());
        };
        let problem = SmoothImaging::new(&self.problem, seed)?;
        let start = normals(problem.dim(), seed.child("start"));
        let full = {
            let mut gradient = vec![0.0; start.len()];
            problem.gradient(&start, &mut gradient, &mut problem.scratch());
            gradient
        };
        let directions: Vec<Vec<f64>> = (0..u64::from(self.directions))
            .map(|i| normals(start.len(), seed.child("direction").index(i)))
            .collect();
        // Of each direction: sum and sum of squares of <x0 - x1, u>.
        let mut sums = vec![[0.0; 2]; directions.len()];
        for draw in 0..u64::from(self.draws) {
            let mut state = self.solver.init(&problem, &start, seed.child("draw").index(draw))?;
            self.solver.step(&problem, &mut state)?;
            let mut moved = start.clone();
            axpy(-1.0, Solver::<SmoothImaging>::iterate(&self.solver, &state), &mut moved);
            for (sums, u) in sums.iter_mut().zip(&directions) {
                let along = dot(&moved, u);
                sums[0] += along;
                sums[1] += along * along;
            }
        }
        let n = f64::from(self.draws);
        for (([sum, squares], u), place) in sums.into_iter().zip(&directions).zip(1_u32..) {
            let mean = sum / n;
            let error = ((squares / n - mean * mean) / (n - 1.0)).sqrt();
            let gap = (mean - step * dot(&full, u)).abs();
            push(&[f64::from(place), gap / error.max(f64::EPSILON * norm(u))]);
        }
        Ok(())
    }
}
