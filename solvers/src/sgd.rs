//! Stochastic gradient descent with momentum.

use converge_problems::{
    Batch, BatchGradient, Metric, Seed, SetupError, require, require_positive,
};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::{Breakdown, Solver, Step, Work, require_finite};

/// Stochastic gradient descent with heavy-ball momentum, every term once per epoch in a fresh order.
///
/// Solves `min (1/n) Σ f_i(x) + r(x)`, or the mean over a population.
///
/// ```text
/// v⁺ = μ v + η_e g,   g = (1/|B|) Σ_{i in B} ∇f_i(x) + ∇r(x)
/// x⁺ = x - v⁺,        η_e = η / (1 + δ e),   e = epochs finished
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `η` | `step_size` |
/// | `μ` | `momentum` |
/// | `\|B\|` | `batch` |
/// | `δ` | `decay` |
///
/// A step is one batch, never an epoch. The order of an epoch is a uniform permutation drawn from
/// (seed, epoch). An incomplete last batch is dropped unless `keep_last`; terms in it have their turn
/// in another epoch. A batch that asks for more terms than there are takes all of them. On a
/// population a batch is `batch` draws.
///
/// Needs: [`BatchGradient`]. Cost of a step: one gradient of a batch and `3 dim` multiply-adds; an
/// epoch shuffles its terms once. Holds 3 vectors and the permutation.
///
/// Not checked: that the step size is small enough; a run may diverge, which is a result.
///
/// Source: B. Polyak, Some methods of speeding up the convergence of iteration methods, USSR Comput.
/// Math. 4 (1964) 1–17, for the momentum; the update and the dropped batch as in the released code of
/// ADMM-Softmax (arXiv 1901.09450), whose constant step is `decay = 0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Sgd {
    /// `η > 0`.
    pub step_size: f64,
    /// `0 <= μ < 1`.
    pub momentum: f64,
    /// Terms per batch, at least 1.
    pub batch: usize,
    /// `δ >= 0`; 0 keeps the step constant.
    pub decay: f64,
    /// Also use the incomplete batch at the end of an epoch.
    pub keep_last: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { step_size: 0.1, momentum: 0.9, batch: 128, decay: 0.0, keep_last: false }
    }
}

/// State of [`Sgd`].
#[derive(Clone)]
pub struct SgdState<W> {
    x: Vec<f64>,
    velocity: Vec<f64>,
    gradient: Vec<f64>,
    /// The order of this epoch.
    terms: Vec<u32>,
    /// Terms of this epoch already used.
    used: usize,
    epoch: u64,
    steps: u64,
    seed: Seed,
    scratch: W,
}

impl<P: BatchGradient> Solver<P> for Sgd {
    const ID: &'static str = "sgd";
    const ABOUT: &'static str = "Stochastic gradient descent with heavy-ball momentum";
    type State = SgdState<P::Scratch>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        vec![Metric::diagnostic("epoch")]
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        require_positive("step-size", self.step_size)?;
        require(
            "momentum",
            self.momentum,
            (0.0..1.0).contains(&self.momentum),
            "a number in [0, 1)",
        )?;
        require("batch", self.batch, self.batch >= 1, "at least 1")?;
        require(
            "decay",
            self.decay,
            self.decay >= 0.0 && self.decay.is_finite(),
            "a finite number of at least 0",
        )?;
        let terms = problem.terms().unwrap_or(self.batch);
        require("terms", terms, terms >= 1, "at least 1 data term")?;
        let mut state = SgdState {
            x: x0.to_vec(),
            velocity: vec![0.0; x0.len()],
            gradient: vec![0.0; x0.len()],
            terms: (0..terms as u32).collect(),
            used: 0,
            epoch: 0,
            steps: 0,
            seed,
            scratch: problem.scratch(),
        };
        shuffle(&mut state.terms, seed.child("epoch").index(0));
        Ok(state)
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let SgdState { x, velocity, gradient, terms, used, epoch, steps, seed, scratch } = state;
        let size = self.batch.min(terms.len());
        let left = terms.len() - *used;
        if left == 0 || (left < size && !self.keep_last) {
            *epoch += 1;
            *used = 0;
            shuffle(terms, seed.child("epoch").index(*epoch));
        }
        let end = (*used + size).min(terms.len());
        let batch = Batch { terms: &terms[*used..end], draw: seed.child("draw").index(*steps) };
        let samples = batch.terms.len() as u64;
        problem.batch_gradient(batch, x, gradient, scratch);
        let step_size = self.step_size / (1.0 + self.decay * *epoch as f64);
        for ((x, v), g) in x.iter_mut().zip(&mut *velocity).zip(&*gradient) {
            *v = self.momentum * *v + step_size * g;
            *x -= *v;
        }
        *used = end;
        *steps += 1;
        require_finite("iterate", x)?;
        Ok(Step { work: Work { samples, gradients: 1, ..Work::default() }, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        &state.x
    }

    fn diagnose(&self, _: &P, state: &Self::State, _: &mut P::Scratch, row: &mut [f64]) {
        row[0] = state.epoch as f64;
    }
}

/// A uniform permutation of `0..n` from the seed alone, whatever order `terms` is in.
fn shuffle(terms: &mut [u32], seed: Seed) {
    let mut rng = seed.rng();
    // Inside out: position i takes a random earlier entry, which takes i.
    for i in 0..terms.len() {
        let j = rng.random_range(0..=i);
        terms[i] = terms[j];
        terms[j] = i as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_permutation_that_the_seed_alone_decides() {
        let mut first: Vec<u32> = (0..101).collect();
        shuffle(&mut first, Seed::root(3));
        let mut second: Vec<u32> = (0..101).rev().collect();
        shuffle(&mut second, Seed::root(3));
        assert_eq!(first, second);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..101).collect::<Vec<u32>>());
        shuffle(&mut second, Seed::root(4));
        assert_ne!(first, second);
    }
}
