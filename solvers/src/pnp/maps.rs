//! The proximal map of a batch of blocks, in its two readings.

use converge_problems::{Batch, BatchProx, Inner, Seed};
use serde::{Deserialize, Serialize};

use super::{all_terms, deal};
use crate::Work;
use crate::vector::axpy;

/// What `Ĝ(u)` of a batch `I` of `p` blocks is (section 2.2). The readings agree at `p = 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// `prox_{γ g_I}(u)` with `g_I = (1/p) Σ_{i in I} g_i`: with all blocks PnP-ADMM.
    #[default]
    Joint,
    /// `(1/p) Σ_{i in I} prox_{γ g_i}(u)`: one map a block, all at once.
    Avg,
}

/// Lanes that the maps of an average are dealt to, by the number of their block. A prime, so that evenly
/// spaced blocks do not meet in one lane.
const LANES: usize = 7;

/// The maps of one sequence of batches, with what their inner solvers start from. Sums run within lanes,
/// then over lanes, in an order that threads do not change.
#[derive(Clone)]
pub(super) struct Maps<W, S> {
    /// One, or those of an average.
    lanes: Vec<Lane<W, S>>,
    average: bool,
}

#[derive(Clone)]
struct Lane<W, S> {
    warm: W,
    scratch: S,
    /// An answer and their sum; empty where there is one lane.
    answer: Vec<f64>,
    sum: Vec<f64>,
    /// How many there are in the sum.
    count: usize,
    spent: Spent,
}

/// What the inner solvers of a step did.
#[derive(Clone, Copy, Default)]
pub(super) struct Spent {
    proxes: u64,
    samples: u64,
    inner: u64,
    /// The largest gap they left.
    pub(super) gap: f64,
}

impl Spent {
    /// An inner iteration reads the blocks of its map once, as the map itself does.
    fn add(&mut self, blocks: usize, inner: Inner) {
        self.proxes += blocks as u64;
        self.samples += blocks as u64 * (1 + inner.iterations);
        self.inner += inner.iterations;
        self.gap = self.gap.max(inner.gap);
    }

    pub(super) fn work(self) -> Work {
        let Self { proxes, samples, inner, .. } = self;
        Work { samples, proxes, inner, ..Work::default() }
    }
}

impl<W: Clone + Send, S: Clone + Send> Maps<W, S> {
    /// For batches of `size` of `blocks` blocks.
    pub(super) fn new<P: BatchProx<Warm = W, Scratch = S>>(
        problem: &P,
        reading: Reading,
        (size, blocks): (usize, usize),
    ) -> Self {
        let average = reading == Reading::Avg && size > 1;
        let room = if average { problem.dim() } else { 0 };
        let lane = Lane {
            warm: problem.warm(),
            scratch: problem.scratch(),
            answer: vec![0.0; room],
            sum: vec![0.0; room],
            count: 0,
            spent: Spent::default(),
        };
        Self { lanes: vec![lane; if average { LANES.min(blocks) } else { 1 }], average }
    }

    /// Temporaries of the oracles.
    pub(super) fn scratch(&mut self) -> &mut S {
        &mut self.lanes[0].scratch
    }

    /// `z ← Ĝ(u)`.
    pub(super) fn apply<P: BatchProx<Warm = W, Scratch = S>>(
        &mut self,
        problem: &P,
        batch: Batch<'_>,
        step: f64,
        u: &[f64],
        z: &mut [f64],
    ) -> Spent {
        let mut spent = Spent::default();
        if !self.average {
            let Lane { warm, scratch, .. } = &mut self.lanes[0];
            let inner = problem.batch_prox(batch, u, step, z, warm, scratch);
            spent.add(batch.terms.len(), inner);
            return spent;
        }
        let count = self.lanes.len();
        deal(0, &mut self.lanes, &|number, lane| {
            (lane.count, lane.spent) = (0, Spent::default());
            for term in batch.terms.iter().filter(|&&term| term as usize % count == number) {
                let one = Batch { terms: std::slice::from_ref(term), draw: batch.draw };
                // The first answer is the sum so far.
                let to = if lane.count == 0 { &mut lane.sum } else { &mut lane.answer };
                let inner = problem.batch_prox(one, u, step, to, &mut lane.warm, &mut lane.scratch);
                if lane.count > 0 {
                    axpy(1.0, &lane.answer, &mut lane.sum);
                }
                lane.count += 1;
                lane.spent.add(1, inner);
            }
        });
        z.fill(0.0);
        for lane in self.lanes.iter().filter(|lane| lane.count > 0) {
            axpy((batch.terms.len() as f64).recip(), &lane.sum, z);
            let Spent { proxes, samples, inner, gap } = lane.spent;
            spent.proxes += proxes;
            spent.samples += samples;
            spent.inner += inner;
            spent.gap = spent.gap.max(gap);
        }
        spent
    }

    /// `z ← G(u)`, the map of all blocks, from a copy of what inner solvers have: for observers.
    pub(super) fn full<P: BatchProx<Warm = W, Scratch = S>>(
        &self,
        problem: &P,
        step: f64,
        u: &[f64],
        z: &mut [f64],
        scratch: &mut S,
    ) {
        let all = all_terms(problem);
        let batch = Batch { terms: &all, draw: Seed::root(0).child("observer") };
        problem.batch_prox(batch, u, step, z, &mut self.lanes[0].warm.clone(), scratch);
    }
}
