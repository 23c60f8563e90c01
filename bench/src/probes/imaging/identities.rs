//! PnP-ADMM against its recursion, and IPA with all blocks against PnP-ADMM.

use converge_problems::imaging::{Imaging, ImagingConfig};
use converge_problems::numerics::vector::norm;
use converge_problems::{Better, Metric, Problem, Seed, Split};
use converge_solvers::PnpAdmm;
use serde::Deserialize;

use super::iteration::Run;
use crate::registry::{Probe, ProbeError};

/// Runs PnP-ADMM, and again with a batch of all blocks. One row an iteration:
///
/// | column | number |
/// |---|---|
/// | `iteration` | `k`, from 2 |
/// | `recursion-violation` | `‖v_k - (v_{k-1} - S_I(v_{k-1}))‖ / ‖v_k‖` with the blocks `I` of step `k`, `v` as the method has it, `S` computed apart |
/// | `full-difference` | largest difference of the entries of `x` from those of the run with a batch of all blocks; NaN if the method has a batch below that |
///
/// Source: specification 2.2, C1 and C2.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PnpIdentities {
    /// The instance.
    pub problem: ImagingConfig,
    /// The method, with a constant penalty and strength and a denoiser weight of 1.
    pub solver: PnpAdmm,
    /// Iterations.
    pub iterations: u32,
}

impl Probe for PnpIdentities {
    const ID: &'static str = "pnp-identities";
    const ABOUT: &'static str =
        "PnP-ADMM against its fixed-point recursion, and against its full batch";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![
            Metric::diagnostic("iteration"),
            lower("recursion-violation"),
            lower("full-difference"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let problem = Imaging::new(&self.problem, seed)?;
        let blocks = problem.terms();
        let all = PnpAdmm { batch: blocks, ..self.solver.clone() };
        let mut run = Run::new(&problem, &self.solver, seed)?;
        let mut whole = Run::new(&problem, &all, seed)?;
        let comparable = self.solver.batch.is_none_or(|batch| Some(batch) == blocks);
        run.step()?;
        whole.step()?;
        for iteration in 2..=self.iterations {
            let v = run.state.fixed_point_variable().to_vec();
            run.step()?;
            whole.step()?;
            let blocks = run.state.blocks().to_vec();
            let residual = run.residual(&blocks, &v);
            let next = run.state.fixed_point_variable();
            let gap: Vec<f64> =
                next.iter().zip(&v).zip(&residual).map(|((n, v), s)| n - (v - s)).collect();
            let apart = run.x().iter().zip(whole.x()).map(|(a, b)| (a - b).abs());
            let apart = if comparable { apart.fold(0.0, f64::max) } else { f64::NAN };
            push(&[f64::from(iteration), norm(&gap) / norm(next), apart]);
        }
        Ok(())
    }
}
