//! The stochastic extragradient method.

use converge_problems::{Game, Seed, SetupError, require_positive};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use crate::ensemble::{Ensemble, Grain, Path};
use crate::{Breakdown, Solver, Step, Work};

/// Extragradient: a look ahead, and a step with the field found there.
///
/// ```text
/// y = x - η f(x; batch),   x⁺ = x - η f(y; batch')
/// ```
///
/// `f = (∇_θ Φ; -∇_ω Φ)` is the descent field, `η` that of each player. `batch'` is fresh, or `batch` again
/// if `shared_batch`.
///
/// Needs: [`Game`]. Cost of a step: two fields. Holds a field and a point.
///
/// Source: G. Korpelevich, The extragradient method for finding saddle points, Matecon 12 (1976); stochastic,
/// with one or two batches: K. Mishchenko et al., Revisiting stochastic extragradient, AISTATS 2020.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Extragradient {
    /// `η_θ > 0`.
    pub learning_rate: f64,
    /// `η_ω/η_θ > 0`.
    pub ratio: f64,
    /// Pairs in a mini-batch, at least 1.
    pub batch: usize,
    /// One mini-batch for both fields.
    pub shared_batch: bool,
    /// Number of paths, at least 1.
    pub paths: usize,
}

impl Default for Extragradient {
    fn default() -> Self {
        Self { learning_rate: 0.1, ratio: 1.0, batch: 10, shared_batch: false, paths: 1 }
    }
}

/// State of [`Extragradient`].
#[derive(Clone)]
pub struct ExtragradientState<W> {
    ensemble: Ensemble<W, Draw>,
    steps: u64,
}

impl<P: Game> Solver<P> for Extragradient {
    const ID: &'static str = "extragradient";
    const ABOUT: &'static str = "Stochastic extragradient for games";
    type State = ExtragradientState<P::Scratch>;

    fn points(&self) -> usize {
        self.paths
    }

    fn time_step(&self) -> Option<f64> {
        Some(self.learning_rate)
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        require_positive("learning-rate", self.learning_rate)?;
        require_positive("ratio", self.ratio)?;
        let (dim, draw) = (problem.dim(), Draw::new(problem, self.batch, seed)?);
        let (shape, scratch) = ((self.paths, dim), problem.scratch());
        let ensemble =
            Ensemble::new(x0, shape, Grain::Path, 2 * dim, scratch, |path| Some(draw.of(path)))?;
        Ok(ExtragradientState { ensemble, steps: 0 })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let ExtragradientState { ensemble, steps } = state;
        let (step, players) = (*steps, problem.players());
        let rates = [self.learning_rate, self.learning_rate * self.ratio];
        ensemble.advance_paths(|Path { x, own: draw, work, scratch }| {
            let (field, ahead) = work.split_at_mut(x.len());
            let [first, second] =
                if self.shared_batch { [step; 2] } else { [2 * step, 2 * step + 1] };
            let go = |from: &mut [f64], field: &[f64]| {
                for (player, (range, rate)) in players.iter().zip(rates).enumerate() {
                    let x = &mut from[range.clone()];
                    x.iter_mut().zip(&field[range.clone()]).for_each(|(x, f)| *x -= rate * f);
                    problem.project(player, x);
                }
            };
            problem.batch_gradient(draw.batch(first), x, field, scratch);
            ahead.copy_from_slice(x);
            go(ahead, field);
            problem.batch_gradient(draw.batch(second), ahead, field, scratch);
            go(x, field);
        })?;
        *steps += 1;
        let gradients = 2 * self.paths as u64;
        let samples = gradients * self.batch as u64;
        Ok(Step { work: Work { samples, gradients, ..Work::default() }, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        state.ensemble.points()
    }
}
