//! The oracles: value, gradient, products with the Hessian, gradients of batches.

use pulp::Arch;

use super::softmax::{Curvature, Residuals};
use super::sweep::{Buffers, SUMS, Samples, Sweep, Tile};
use super::{Mlr, Precision};
use crate::{Batch, BatchGradient, Gradient, HessianVector, Problem, Value};

/// Temporaries of the oracles.
#[derive(Clone, Debug)]
pub struct MlrScratch {
    buffers: AnyBuffers,
    /// Two vectors of one class, for the Tikhonov term.
    delta: Vec<f64>,
    operated: Vec<f64>,
    /// A gradient, for the metrics.
    pub(super) gradient: Vec<f64>,
}

#[derive(Clone, Debug)]
enum AnyBuffers {
    Double(Buffers<f64>),
    Mixed(Buffers<f32>),
}

/// Class probabilities of every training sample at one point.
#[derive(Clone, Debug)]
pub struct Linearization {
    probabilities: Vec<f64>,
}

impl Mlr {
    pub(super) fn new_scratch(&self) -> MlrScratch {
        let parts =
            [Some(&self.parts.train), self.parts.validation.as_ref(), self.parts.test.as_ref()];
        let capacity = parts.iter().flatten().map(|s| s.capacity).max().unwrap_or(0);
        let (classes, stride) = (self.parts.classes, self.parts.train.rows.stride);
        MlrScratch {
            buffers: match self.precision {
                Precision::Double => AnyBuffers::Double(Buffers::new(classes, stride, capacity)),
                Precision::Mixed => AnyBuffers::Mixed(Buffers::new(classes, stride, capacity)),
            },
            delta: vec![0.0; self.weights()],
            operated: vec![0.0; self.weights()],
            gradient: vec![0.0; self.dim()],
        }
    }

    /// Length of an array that keeps `width` numbers per training sample between sweeps.
    pub fn state_len(&self, width: usize) -> usize {
        self.parts.train.state_len(width)
    }

    /// Distance of two classes in the scores of a [`Tile`] of training samples.
    pub fn tile_capacity(&self) -> usize {
        self.parts.train.capacity
    }

    /// One pass over the training samples: for every tile, the scores `W D`, the visitor, and, with
    /// `product`, the accumulation of the data times what the visitor left in the scores.
    ///
    /// `weights: p x K`; `state: state_len(width)`, `width` numbers per sample that last, handed to
    /// the visitor tile by tile; `product: p x K` becomes `sum_j d_j r_jᵀ`, not divided by `N`.
    /// Returns the sums the visitor kept, reduced in fixed order.
    pub fn sweep(
        &self,
        weights: &[f64],
        width: usize,
        state: &mut [f64],
        product: Option<&mut [f64]>,
        scratch: &mut MlrScratch,
        visit: impl Fn(&mut Tile<'_>) + Sync,
    ) -> [f64; SUMS] {
        debug_assert_eq!(weights.len(), self.dim());
        debug_assert_eq!(state.len(), self.state_len(width));
        let sweep = Sweep { samples: &self.parts.train, batch: None, width };
        Self::run(sweep, weights, state, product, scratch, visit)
    }

    pub(super) fn run(
        sweep: Sweep<'_>,
        weights: &[f64],
        state: &mut [f64],
        product: Option<&mut [f64]>,
        scratch: &mut MlrScratch,
        visit: impl Fn(&mut Tile<'_>) + Sync,
    ) -> [f64; SUMS] {
        match &mut scratch.buffers {
            AnyBuffers::Double(buffers) => sweep.run(weights, state, product, buffers, &visit),
            AnyBuffers::Mixed(buffers) => sweep.run(weights, state, product, buffers, &visit),
        }
    }

    /// Sum of the misfits over `samples`, and the number classified right.
    pub(super) fn assess(samples: &Samples, x: &[f64], scratch: &mut MlrScratch) -> (f64, f64) {
        let sweep = Sweep { samples, batch: None, width: 0 };
        let sums = Self::run(sweep, x, &mut [], None, scratch, misfit_and_correct);
        (sums[0], sums[1])
    }

    /// What `term(scores, capacity, sample of the tile, label)` finds of each of `samples`, in their
    /// order.
    pub(super) fn assess_each(
        samples: &Samples,
        x: &[f64],
        scratch: &mut MlrScratch,
        term: impl Fn(&[f64], usize, usize, u16) -> f64 + Sync,
    ) -> Vec<f64> {
        let mut terms = vec![0.0; samples.state_len(1)];
        let sweep = Sweep { samples, batch: None, width: 1 };
        Self::run(sweep, x, &mut terms, None, scratch, |tile| {
            for (j, (&label, found)) in tile.labels.iter().zip(&mut *tile.state).enumerate() {
                *found = term(tile.scores, tile.capacity, j, label);
            }
        });
        terms.truncate(samples.rows.samples);
        terms
    }

    /// Joint value and gradient, with the sum of the training misfits and the number of training
    /// samples classified right, from one pass.
    pub(super) fn assess_train(&self, x: &[f64], scratch: &mut MlrScratch) -> (f64, f64, f64) {
        let mut gradient = std::mem::take(&mut scratch.gradient);
        let sums = self.sweep(x, 0, &mut [], Some(&mut gradient), scratch, misfit_and_correct);
        let value = self.finish(x, sums[0], Some(&mut gradient), scratch);
        scratch.gradient = gradient;
        (value, sums[0], sums[1])
    }

    /// Divides by the number of samples and adds the Tikhonov term.
    fn finish(
        &self,
        x: &[f64],
        misfit: f64,
        gradient: Option<&mut [f64]>,
        scratch: &mut MlrScratch,
    ) -> f64 {
        let over_n = 1.0 / self.samples() as f64;
        match gradient {
            None => misfit * over_n + self.tikhonov(x, None, scratch),
            Some(g) => {
                g.iter_mut().for_each(|g| *g *= over_n);
                misfit * over_n + self.tikhonov(x, Some(g), scratch)
            }
        }
    }

    /// `(α/2) ‖L (W - W_ref)ᵀ‖²`; adds its gradient to `g`.
    fn tikhonov(&self, x: &[f64], mut g: Option<&mut [f64]>, scratch: &mut MlrScratch) -> f64 {
        if self.ridge_weight <= 0.0 {
            return 0.0;
        }
        let MlrScratch { delta, operated, .. } = scratch;
        let mut square = 0.0;
        for block in 0..self.parts.classes {
            self.ridge_block(block, x, delta);
            if let Some(prior) = &self.prior {
                self.ridge_block(block, prior, operated);
                delta.iter_mut().zip(&*operated).for_each(|(d, w)| *d -= w);
            }
            self.operator.apply(delta, operated);
            square += operated.iter().map(|v| v * v).sum::<f64>();
            if let Some(g) = g.as_deref_mut() {
                self.operator.apply(operated, delta);
                self.add_ridge(block, delta, g);
            }
        }
        0.5 * self.ridge_weight * square
    }

    /// The vector of `x` that the operator sees as its `block`: the weights of that class, unless the
    /// defect of the release is wanted.
    fn ridge_block(&self, block: usize, x: &[f64], to: &mut [f64]) {
        if self.defects.interleaved_ridge {
            let from = to.len() * block;
            to.iter_mut().enumerate().for_each(|(i, v)| *v = x[self.interleaved(from + i)]);
        } else {
            to.copy_from_slice(&x[to.len() * block..][..to.len()]);
        }
    }

    /// Adds `α v` to what [`ridge_block`](Self::ridge_block) reads.
    fn add_ridge(&self, block: usize, v: &[f64], g: &mut [f64]) {
        let from = v.len() * block;
        if self.defects.interleaved_ridge {
            for (i, v) in v.iter().enumerate() {
                g[self.interleaved(from + i)] += self.ridge_weight * v;
            }
        } else {
            for (g, v) in g[from..].iter_mut().zip(v) {
                *g += self.ridge_weight * v;
            }
        }
    }

    /// Where entry `place` of the weights in class-fastest order stands in a point.
    fn interleaved(&self, place: usize) -> usize {
        place % self.parts.classes * self.weights() + place / self.parts.classes
    }
}

fn residuals(tile: &mut Tile<'_>, probabilities: bool) -> f64 {
    let Tile { scores, capacity, labels, .. } = tile;
    Arch::new().dispatch(Residuals { scores, capacity: *capacity, labels, probabilities })
}

fn misfit(tile: &mut Tile<'_>) {
    tile.sums[0] += residuals(tile, false);
}

fn misfit_and_correct(tile: &mut Tile<'_>) {
    tile.sums[1] += super::softmax::correct(tile.scores, tile.capacity, tile.labels) as f64;
    misfit(tile);
}

impl Value for Mlr {
    fn value(&self, x: &[f64], scratch: &mut MlrScratch) -> f64 {
        let sums = self.sweep(x, 0, &mut [], None, scratch, misfit);
        self.finish(x, sums[0], None, scratch)
    }
}

impl Gradient for Mlr {
    fn value_gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut MlrScratch) -> f64 {
        let sums = self.sweep(x, 0, &mut [], Some(g), scratch, misfit);
        self.finish(x, sums[0], Some(g), scratch)
    }
}

impl HessianVector for Mlr {
    type Linearization = Linearization;

    fn linearization(&self) -> Linearization {
        Linearization { probabilities: vec![0.0; self.state_len(self.parts.classes)] }
    }

    fn linearize(&self, x: &[f64], at: &mut Linearization, scratch: &mut MlrScratch) {
        self.sweep(x, self.parts.classes, &mut at.probabilities, None, scratch, |tile| {
            residuals(tile, true);
            tile.state.copy_from_slice(&tile.scores[..tile.state.len()]);
        });
    }

    fn hessian_vector(
        &self,
        at: &Linearization,
        v: &[f64],
        hv: &mut [f64],
        scratch: &mut MlrScratch,
    ) {
        let damping = self.defects.hessian_damping;
        self.sweep(v, 0, &mut [], Some(hv), scratch, |tile| {
            let capacity = tile.capacity;
            let scores = &mut tile.scores[..capacity * self.parts.classes];
            let start = tile.first * self.parts.classes;
            let probabilities = &at.probabilities[start..start + scores.len()];
            Arch::new().dispatch(Curvature { scores, probabilities, capacity, damping });
        });
        let over_n = 1.0 / self.samples() as f64;
        hv.iter_mut().for_each(|h| *h *= over_n);
        if self.ridge_weight > 0.0 {
            let MlrScratch { delta, operated, .. } = scratch;
            for block in 0..self.parts.classes {
                self.ridge_block(block, v, delta);
                self.operator.apply(delta, operated);
                self.operator.apply(operated, delta);
                self.add_ridge(block, delta, hv);
            }
        }
    }
}

impl BatchGradient for Mlr {
    /// The mean over the batch of the gradients of the misfits, plus the gradient of the Tikhonov
    /// term. An empty batch leaves the latter.
    fn batch_gradient(&self, batch: Batch<'_>, x: &[f64], g: &mut [f64], scratch: &mut MlrScratch) {
        let sweep = Sweep { samples: &self.parts.train, batch: Some(batch.terms), width: 0 };
        Self::run(sweep, x, &mut [], Some(g), scratch, misfit);
        let over_n = 1.0 / batch.terms.len().max(1) as f64;
        g.iter_mut().for_each(|g| *g *= over_n);
        self.tikhonov(x, Some(g), scratch);
    }
}
