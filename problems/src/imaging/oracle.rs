//! Proximal maps.

use super::denoisers::{Denoiser, DenoiserRoom};
use super::inner::{Buffers, Pull, Warm, Work};
use super::operators::Room;
use super::{Imaging, Loss, Measurements, Unknown};
use crate::numerics::conjugate_gradient::ConjugateGradient;
use crate::numerics::vector::axpy;
use crate::{Batch, BatchProx, Denoise, Inner, Problem, Prox, Seed};

/// Temporaries of [`Imaging`].
#[derive(Clone, Debug)]
pub struct ImagingScratch {
    pub(super) room: Room,
    /// Predictions of a block, and a second copy of them.
    pub(super) block: Vec<f64>,
    pub(super) other: Vec<f64>,
    inner: Buffers,
    denoiser: DenoiserRoom,
    /// All terms, and a start that knows nothing, for the proximal map of all of them.
    all: Vec<u32>,
    cold: Warm,
}

impl Imaging {
    /// Whether every batch has a closed form for every data term.
    fn is_tight(&self) -> bool {
        let all: Vec<u32> = (0..self.operator.blocks() as u32).collect();
        self.operator.tight(&all).is_some()
    }

    /// Whether some proximal map goes by the dual.
    pub(super) fn needs_dual(&self) -> bool {
        matches!(self.loss, Loss::L1 | Loss::Huber(_) | Loss::AmplitudeL1) && !self.is_tight()
    }

    /// Numbers that an operator gives for block `block`.
    pub(super) fn numbers(&self, block: usize) -> usize {
        self.operator.entries(block) * if self.operator.complex() { 2 } else { 1 }
    }

    pub(super) fn new_scratch(&self) -> ImagingScratch {
        let blocks = 0..self.operator.blocks();
        let longest = blocks.clone().map(|block| self.numbers(block)).max().unwrap_or(0);
        let all: usize = blocks.clone().map(|block| self.numbers(block)).sum();
        let (closed, tight) = (self.operator.solves_least_squares(), self.is_tight());
        let convex = matches!(self.loss, Loss::LeastSquares | Loss::L1 | Loss::Huber(_));
        let zeros = |wanted: bool, n: usize| vec![0.0; if wanted { n } else { 0 }];
        let point = |wanted: bool| zeros(wanted && !tight, self.dim());
        let squares = matches!(self.loss, Loss::LeastSquares | Loss::Amplitude) && !closed;
        let rounds = self.loss.is_phaseless() && self.loss != Loss::Intensity && !tight;
        let descent = self.loss == Loss::Intensity;
        let duals = || zeros(self.needs_dual(), all);
        ImagingScratch {
            room: self.operator.room(),
            block: vec![0.0; longest],
            other: vec![0.0; longest],
            inner: Buffers {
                cg: ConjugateGradient::new(if squares && !tight { self.dim() } else { 0 }),
                right: point(squares || descent),
                gradient: point(squares || descent),
                old_x: point(!convex),
                duals: [duals(), duals(), duals()],
                target: Measurements::zeros(
                    blocks.map(|block| if rounds { self.numbers(block) } else { 0 }),
                ),
            },
            denoiser: self.denoiser.as_ref().map(Denoiser::room).unwrap_or_default(),
            all: (0..self.operator.blocks() as u32).collect(),
            cold: self.new_warm(),
        }
    }

    pub(super) fn new_warm(&self) -> Warm {
        let by_dual = matches!(self.loss, Loss::L1 | Loss::Huber(_));
        let closed = self.loss == Loss::LeastSquares && self.operator.solves_least_squares();
        let x = if by_dual || closed || self.is_tight() { 0 } else { self.dim() };
        let all: usize = (0..self.operator.blocks()).map(|block| self.numbers(block)).sum();
        let dual = if self.needs_dual() { all } else { 0 };
        Warm { x: vec![0.0; x], dual: vec![0.0; dual], started: false }
    }

    /// `v + A'(prox(A v) - A v) / c`, see [`separable`](super::separable).
    fn tight_prox(
        &self,
        c: f64,
        terms: &[u32],
        weight: f64,
        v: &[f64],
        x: &mut [f64],
        scratch: &mut ImagingScratch,
    ) {
        let ImagingScratch { room, block: w, other, .. } = scratch;
        let complex = self.operator.complex();
        for (i, &term) in terms.iter().enumerate() {
            let block = term as usize;
            let w = &mut w[..self.numbers(block)];
            self.operator.forward(block, v, w, room);
            if terms.len() == 1 && w.len() == v.len() {
                // A square A: v = A' A v / c.
                self.loss.prox(complex, c * weight, w, self.data.block(block));
                x.fill(0.0);
                self.operator.adjoint(block, c.recip(), w, x, room);
                return;
            }
            let moved = &mut other[..w.len()];
            moved.copy_from_slice(w);
            self.loss.prox(complex, c * weight, moved, self.data.block(block));
            axpy(-1.0, w, moved);
            if i == 0 {
                x.copy_from_slice(v);
            }
            self.operator.adjoint(block, c.recip(), moved, x, room);
        }
    }

    pub(super) fn batch_prox_of(
        &self,
        terms: &[u32],
        v: &[f64],
        step: f64,
        x: &mut [f64],
        warm: &mut Warm,
        scratch: &mut ImagingScratch,
    ) -> Inner {
        debug_assert!(v.len() == self.dim() && x.len() == self.dim());
        let weight = step / terms.len() as f64;
        if let Some(c) = self.operator.tight(terms) {
            self.tight_prox(c, terms, weight, v, x, scratch);
            return Inner::default();
        }
        let pull = Pull {
            operator: &*self.operator,
            terms,
            weight,
            data: &self.data,
            inner: self.inner,
            norm_squared: self.norms.of(terms),
        };
        let ImagingScratch { room, block, inner: buffers, .. } = scratch;
        let work = &mut Work { room, block };
        match self.loss {
            Loss::LeastSquares => pull.least_squares(v, x, warm, buffers, work),
            Loss::L1 | Loss::Huber(_) => pull.dual(self.loss, v, x, warm, buffers, work),
            Loss::Amplitude | Loss::AmplitudeL1 => {
                pull.amplitudes(self.loss, v, x, warm, buffers, work)
            }
            Loss::Intensity => pull.intensities(self.loss, v, x, warm, buffers, work),
        }
    }

    pub(super) fn prox_of_all(
        &self,
        v: &[f64],
        step: f64,
        x: &mut [f64],
        scratch: &mut ImagingScratch,
    ) {
        let all = std::mem::take(&mut scratch.all);
        let mut cold = std::mem::replace(&mut scratch.cold, Warm::empty());
        cold.forget();
        self.batch_prox_of(&all, v, step, x, &mut cold, scratch);
        scratch.all = all;
        scratch.cold = cold;
    }

    /// `(factor) Σ_{i in terms} f_i(x)`, and its gradient added to `g` where that is asked for.
    pub(super) fn add_terms(
        &self,
        terms: impl Iterator<Item = usize>,
        factor: f64,
        x: &[f64],
        mut g: Option<&mut [f64]>,
        scratch: &mut ImagingScratch,
    ) -> f64 {
        let complex = self.operator.complex();
        let mut value = 0.0;
        for block in terms {
            let (w, y) = (&mut scratch.block[..self.numbers(block)], self.data.block(block));
            self.operator.forward(block, x, w, &mut scratch.room);
            value += match g.as_deref_mut() {
                None => self.loss.value(complex, w, y),
                Some(g) => {
                    let value = self.loss.differentiate(complex, w, y);
                    self.operator.adjoint(block, factor, w, g, &mut scratch.room);
                    value
                }
            };
        }
        factor * value
    }
}

impl Prox for Imaging {
    fn prox(&self, v: &[f64], step: f64, x: &mut [f64], scratch: &mut ImagingScratch) {
        self.prox_of_all(v, step, x, scratch);
    }
}

impl BatchProx for Imaging {
    type Warm = Warm;

    fn warm(&self) -> Warm {
        self.new_warm()
    }

    fn batch_prox(
        &self,
        batch: Batch<'_>,
        v: &[f64],
        step: f64,
        x: &mut [f64],
        warm: &mut Warm,
        scratch: &mut ImagingScratch,
    ) -> Inner {
        self.batch_prox_of(batch.terms, v, step, x, warm, scratch)
    }
}

impl Denoise for Imaging {
    fn denoise(&self, v: &[f64], strength: f64, x: &mut [f64], scratch: &mut ImagingScratch) {
        match &self.denoiser {
            None => x.copy_from_slice(v),
            Some(denoiser) => {
                let complex = self.unknown == Unknown::Complex;
                denoiser.denoise(complex, v, strength, x, &mut scratch.denoiser);
            }
        }
    }
}

impl Imaging {
    /// Zero; where only moduli are measured 0.01, since these terms have no gradient, or none that
    /// helps, at zero (as the release of online RED starts).
    pub(super) fn write_start(&self, _seed: Seed, x: &mut [f64]) {
        x.fill(if self.loss.is_phaseless() { 0.01 } else { 0.0 });
    }
}
