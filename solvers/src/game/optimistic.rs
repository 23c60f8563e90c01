//! The optimistic gradient method.

use converge_problems::{Game, Seed, SetupError, require_positive};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use crate::ensemble::{Ensemble, Grain, Path};
use crate::{Breakdown, Solver, Step, Work};

/// Optimistic gradient descent–ascent: the last field extrapolated, one new field a step.
///
/// ```text
/// x⁺ = x - 2η f(x; batch) + η f(x₋; batch₋)
/// ```
///
/// with the field of the step before, in the first step that of this one. On a bilinear game its last
/// iterate converges where simultaneous descent–ascent spirals outwards.
///
/// Needs: [`Game`]. Cost of a step: one field. Holds two fields.
///
/// Source: C. Daskalakis et al., Training GANs with optimism, ICLR 2018.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Optimistic {
    /// `η_θ > 0`.
    pub learning_rate: f64,
    /// `η_ω/η_θ > 0`.
    pub ratio: f64,
    /// Pairs in a mini-batch, at least 1.
    pub batch: usize,
    /// Number of paths, at least 1.
    pub paths: usize,
}

impl Default for Optimistic {
    fn default() -> Self {
        Self { learning_rate: 0.1, ratio: 1.0, batch: 10, paths: 1 }
    }
}

/// State of [`Optimistic`].
#[derive(Clone)]
pub struct OptimisticState<W> {
    /// Every path owns its draws and its last field.
    ensemble: Ensemble<W, (Draw, Vec<f64>)>,
    steps: u64,
}

impl<P: Game> Solver<P> for Optimistic {
    const ID: &'static str = "optimistic";
    const ABOUT: &'static str = "Optimistic stochastic gradient descent-ascent";
    type State = OptimisticState<P::Scratch>;

    fn points(&self) -> usize {
        self.paths
    }

    fn time_step(&self) -> Option<f64> {
        Some(self.learning_rate)
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        require_positive("learning-rate", self.learning_rate)?;
        require_positive("ratio", self.ratio)?;
        let dim = problem.dim();
        let draw = Draw::new(problem, self.batch, seed)?;
        let own = |path: usize| Some((draw.of(path), vec![0.0; dim]));
        let (shape, scratch) = ((self.paths, dim), problem.scratch());
        let ensemble = Ensemble::new(x0, shape, Grain::Path, dim, scratch, own)?;
        Ok(OptimisticState { ensemble, steps: 0 })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let OptimisticState { ensemble, steps } = state;
        let (step, players) = (*steps, problem.players());
        let rates = [self.learning_rate, self.learning_rate * self.ratio];
        ensemble.advance_paths(|Path { x, own: (draw, last), work: field, scratch }| {
            problem.batch_gradient(draw.batch(step), x, field, scratch);
            if step == 0 {
                last.copy_from_slice(field);
            }
            for (player, (range, rate)) in players.iter().zip(rates).enumerate() {
                let x = &mut x[range.clone()];
                let fields = field[range.clone()].iter().zip(&last[range.clone()]);
                x.iter_mut().zip(fields).for_each(|(x, (f, last))| *x -= rate * (2.0 * f - last));
                problem.project(player, x);
            }
            last.copy_from_slice(field);
        })?;
        *steps += 1;
        let gradients = self.paths as u64;
        let samples = gradients * self.batch as u64;
        Ok(Step { work: Work { samples, gradients, ..Work::default() }, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        state.ensemble.points()
    }
}
