//! A problem that counts what its oracles are asked.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use converge_problems::{
    Batch, BatchGradient, BatchProx, Correction, Denoise, Diffusion, Game, Gradient, HessianVector,
    Inner, Linear, LinearDiffusion, Metric, Output, Problem, Prox, Seed, Value,
};
use faer::Mat;

use crate::Work;

/// `P`, counting. Has every capability of `P`. Evaluation is not counted: it is no work of a method.
#[derive(Debug)]
pub struct Counted<P> {
    problem: P,
    samples: AtomicU64,
    values: AtomicU64,
    gradients: AtomicU64,
    hessian_vectors: AtomicU64,
    proxes: AtomicU64,
}

impl<P> Counted<P> {
    /// Counts from 0.
    pub fn new(problem: P) -> Self {
        Self {
            problem,
            samples: AtomicU64::new(0),
            values: AtomicU64::new(0),
            gradients: AtomicU64::new(0),
            hessian_vectors: AtomicU64::new(0),
            proxes: AtomicU64::new(0),
        }
    }

    /// The counts since the last call.
    pub fn take(&self) -> Work {
        Work {
            samples: self.samples.swap(0, Relaxed),
            values: self.values.swap(0, Relaxed),
            gradients: self.gradients.swap(0, Relaxed),
            hessian_vectors: self.hessian_vectors.swap(0, Relaxed),
            proxes: self.proxes.swap(0, Relaxed),
            ..Work::default()
        }
    }
}

impl<P: Problem> Counted<P> {
    fn pass(&self) {
        self.samples.fetch_add(self.problem.terms().unwrap_or(0) as u64, Relaxed);
    }
}

impl<P: Problem> Problem for Counted<P> {
    type Scratch = P::Scratch;

    fn dim(&self) -> usize {
        self.problem.dim()
    }
    fn terms(&self) -> Option<usize> {
        self.problem.terms()
    }
    fn scratch(&self) -> Self::Scratch {
        self.problem.scratch()
    }
    fn start(&self, seed: Seed, x: &mut [f64]) {
        self.problem.start(seed, x);
    }
    fn metrics(&self) -> &[Metric] {
        self.problem.metrics()
    }
    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut Self::Scratch) {
        self.problem.evaluate(x, row, scratch);
    }
    fn outputs(&self) -> Vec<Output> {
        self.problem.outputs()
    }
    fn output(&self, index: usize, x: &[f64], out: &mut [f64], scratch: &mut Self::Scratch) {
        self.problem.output(index, x, out, scratch);
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        self.problem.facts()
    }
}

impl<P: Value> Value for Counted<P> {
    fn value(&self, x: &[f64], scratch: &mut Self::Scratch) -> f64 {
        self.pass();
        self.values.fetch_add(1, Relaxed);
        self.problem.value(x, scratch)
    }
}

impl<P: Gradient> Gradient for Counted<P> {
    fn value_gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut Self::Scratch) -> f64 {
        self.pass();
        self.values.fetch_add(1, Relaxed);
        self.gradients.fetch_add(1, Relaxed);
        self.problem.value_gradient(x, g, scratch)
    }

    fn gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut Self::Scratch) {
        self.pass();
        self.gradients.fetch_add(1, Relaxed);
        self.problem.gradient(x, g, scratch);
    }
}

impl<P: HessianVector> HessianVector for Counted<P> {
    type Linearization = P::Linearization;

    fn linearization(&self) -> Self::Linearization {
        self.problem.linearization()
    }

    fn linearize(&self, x: &[f64], at: &mut Self::Linearization, scratch: &mut Self::Scratch) {
        self.pass();
        self.problem.linearize(x, at, scratch);
    }

    fn hessian_vector(
        &self,
        at: &Self::Linearization,
        v: &[f64],
        hv: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        self.pass();
        self.hessian_vectors.fetch_add(1, Relaxed);
        self.problem.hessian_vector(at, v, hv, scratch);
    }
}

impl<P: BatchGradient> BatchGradient for Counted<P> {
    fn batch_gradient(
        &self,
        batch: Batch<'_>,
        x: &[f64],
        g: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        self.samples.fetch_add(batch.terms.len() as u64, Relaxed);
        self.gradients.fetch_add(1, Relaxed);
        self.problem.batch_gradient(batch, x, g, scratch);
    }
}

impl<P: Prox> Prox for Counted<P> {
    fn prox(&self, v: &[f64], step: f64, x: &mut [f64], scratch: &mut Self::Scratch) {
        self.pass();
        self.proxes.fetch_add(self.problem.terms().unwrap_or(1) as u64, Relaxed);
        self.problem.prox(v, step, x, scratch);
    }
}

/// A map reads its terms once, and once more in every iteration of an inner solver.
impl<P: BatchProx> BatchProx for Counted<P> {
    type Warm = P::Warm;

    fn warm(&self) -> Self::Warm {
        self.problem.warm()
    }

    fn batch_prox(
        &self,
        batch: Batch<'_>,
        v: &[f64],
        step: f64,
        x: &mut [f64],
        warm: &mut Self::Warm,
        scratch: &mut Self::Scratch,
    ) -> Inner {
        let inner = self.problem.batch_prox(batch, v, step, x, warm, scratch);
        let terms = batch.terms.len() as u64;
        self.samples.fetch_add(terms * (1 + inner.iterations), Relaxed);
        self.proxes.fetch_add(terms, Relaxed);
        inner
    }
}

/// Not counted: it reads no data.
impl<P: Denoise> Denoise for Counted<P> {
    fn denoise(&self, v: &[f64], strength: f64, x: &mut [f64], scratch: &mut Self::Scratch) {
        self.problem.denoise(v, strength, x, scratch);
    }
}

/// A field of one player counts as a gradient.
impl<P: Game> Game for Counted<P> {
    fn players(&self) -> [Range<usize>; 2] {
        self.problem.players()
    }

    fn player_field(
        &self,
        player: usize,
        batch: Batch<'_>,
        x: &[f64],
        g: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        self.samples.fetch_add(batch.terms.len() as u64, Relaxed);
        self.gradients.fetch_add(1, Relaxed);
        self.problem.player_field(player, batch, x, g, scratch);
    }

    fn project(&self, player: usize, x: &mut [f64]) {
        self.problem.project(player, x);
    }
}

/// A drift counts as a gradient for every lane, the noise of a mini-batch as its samples.
impl<P: Diffusion> Diffusion for Counted<P> {
    fn noises(&self) -> usize {
        self.problem.noises()
    }

    fn drift(&self, x: &[f64], b: &mut [f64], scratch: &mut Self::Scratch) {
        self.gradients.fetch_add((x.len() / self.problem.dim()) as u64, Relaxed);
        self.problem.drift(x, b, scratch);
    }

    fn correction(
        &self,
        correction: Correction,
        x: &[f64],
        b: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        self.problem.correction(correction, x, b, scratch);
    }

    fn noise(&self, x: &[f64], dw: &[f64], out: &mut [f64], scratch: &mut Self::Scratch) {
        self.problem.noise(x, dw, out, scratch);
    }

    fn batch_noise(
        &self,
        batch: usize,
        x: &[f64],
        normals: &[f64],
        out: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        self.samples.fetch_add((batch * x.len() / self.problem.dim()) as u64, Relaxed);
        self.problem.batch_noise(batch, x, normals, out, scratch);
    }
}

impl<P: LinearDiffusion> LinearDiffusion for Counted<P> {
    fn linear(&self) -> Linear {
        self.problem.linear()
    }

    fn linear_correction(&self, correction: Correction) -> Mat<f64> {
        self.problem.linear_correction(correction)
    }
}
