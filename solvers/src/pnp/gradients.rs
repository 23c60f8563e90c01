//! Gradients of a batch of blocks, in parts.

use converge_problems::{Batch, BatchGradient, Seed};

use super::deal;
use crate::vector::axpy;

/// Parts that a batch is cut into at most: even loads for usual numbers of threads.
const PARTS: usize = 8;

/// `∇g_I`, the blocks of a batch cut into consecutive parts that threads take. The cut depends on the size of
/// the batch alone and sums run in its order, so that threads change no bit.
#[derive(Clone)]
pub(super) struct Gradients<S> {
    parts: Vec<Part<S>>,
}

#[derive(Clone)]
struct Part<S> {
    scratch: S,
    /// Of the blocks of the part; empty where there is one part.
    gradient: Vec<f64>,
}

impl<S: Clone + Send> Gradients<S> {
    /// For batches of `size` blocks.
    pub(super) fn new<P: BatchGradient<Scratch = S>>(problem: &P, size: usize) -> Self {
        let count = size.clamp(1, PARTS);
        let room = if count > 1 { problem.dim() } else { 0 };
        let part = Part { scratch: problem.scratch(), gradient: vec![0.0; room] };
        Self { parts: vec![part; count] }
    }

    /// Temporaries of the oracles.
    pub(super) fn scratch(&mut self) -> &mut S {
        &mut self.parts[0].scratch
    }

    /// `g ← ∇g_I(x)`.
    pub(super) fn of<P: BatchGradient<Scratch = S>>(
        &mut self,
        problem: &P,
        terms: &[u32],
        draw: Seed,
        x: &[f64],
        g: &mut [f64],
    ) {
        if let [only] = &mut self.parts[..] {
            problem.batch_gradient(Batch { terms, draw }, x, g, &mut only.scratch);
            return;
        }
        let count = self.parts.len();
        let cut = |part: usize| part * terms.len() / count..(part + 1) * terms.len() / count;
        deal(0, &mut self.parts, &|number, part| {
            let batch = Batch { terms: &terms[cut(number)], draw };
            problem.batch_gradient(batch, x, &mut part.gradient, &mut part.scratch);
        });
        g.fill(0.0);
        for (number, part) in self.parts.iter().enumerate() {
            axpy(cut(number).len() as f64 / terms.len() as f64, &part.gradient, g);
        }
    }
}
