//! The iteration of PnP-ADMM written down once more, in its fixed-point variable.

use converge_problems::imaging::{Imaging, ImagingScratch, Warm};
use converge_problems::{Batch, BatchProx, Denoise, Problem, Seed, SetupError};
use converge_solvers::{PnpAdmm, Reading, Solver};

use crate::registry::ProbeError;

/// A run of the method, with proximal maps and a denoiser beside it that share nothing with its state.
pub(super) struct Run<'a> {
    pub(super) problem: &'a Imaging,
    pub(super) solver: &'a PnpAdmm,
    pub(super) state: <PnpAdmm as Solver<Imaging>>::State,
    scratch: ImagingScratch,
    warm: Warm,
}

impl<'a> Run<'a> {
    /// From zero, or where the problem says.
    pub(super) fn new(
        problem: &'a Imaging,
        solver: &'a PnpAdmm,
        seed: Seed,
    ) -> Result<Self, SetupError> {
        let mut start = vec![0.0; problem.dim()];
        problem.start(seed.child("start"), &mut start);
        let state = solver.init(problem, &start, seed.child("solver"))?;
        Ok(Self { problem, solver, state, scratch: problem.scratch(), warm: problem.warm() })
    }

    pub(super) fn step(&mut self) -> Result<(), ProbeError> {
        self.solver.step(self.problem, &mut self.state)?;
        Ok(())
    }

    pub(super) fn x(&self) -> &[f64] {
        Solver::<Imaging>::iterate(self.solver, &self.state)
    }

    /// `D(v)` at the strength of the method.
    pub(super) fn denoise(&mut self, v: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; v.len()];
        self.problem.denoise(v, self.solver.strength, &mut x, &mut self.scratch);
        x
    }

    /// `Ĝ(u)` of some blocks, as the method reads them.
    pub(super) fn map(&mut self, blocks: &[u32], u: &[f64]) -> Vec<f64> {
        if self.solver.reading == Reading::Joint || blocks.len() == 1 {
            return self.joint(blocks, u);
        }
        let mut mean = vec![0.0; u.len()];
        for block in blocks {
            let z = self.joint(&[*block], u);
            mean.iter_mut().zip(&z).for_each(|(m, z)| *m += z / blocks.len() as f64);
        }
        mean
    }

    fn joint(&mut self, blocks: &[u32], u: &[f64]) -> Vec<f64> {
        let mut z = vec![0.0; u.len()];
        let batch = Batch { terms: blocks, draw: Seed::root(0) };
        let Self { problem, solver, warm, scratch, .. } = self;
        problem.batch_prox(batch, u, solver.penalty, &mut z, warm, scratch);
        z
    }

    /// All blocks.
    pub(super) fn all(&self) -> Vec<u32> {
        (0..self.problem.terms().unwrap_or_default() as u32).collect()
    }

    /// `S_I(v) = D(v) - G_I(2 D(v) - v)`.
    pub(super) fn residual(&mut self, blocks: &[u32], v: &[f64]) -> Vec<f64> {
        let d = self.denoise(v);
        let u: Vec<f64> = d.iter().zip(v).map(|(d, v)| 2.0 * d - v).collect();
        let g = self.map(blocks, &u);
        d.iter().zip(&g).map(|(d, g)| d - g).collect()
    }
}
