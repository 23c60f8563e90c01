//! Consensus optimization.

use converge_problems::{Game, Seed, SetupError, require, require_positive};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use crate::ensemble::{Ensemble, Grain, Path};
use crate::vector::norm;
use crate::{Breakdown, Solver, Step, Work};

/// Consensus optimization: descent–ascent that also descends on the squared norm of its field.
///
/// ```text
/// x⁺ = x - η (f + γ Jᵀ f),   J = ∇f,   f = f(x; batch)
/// ```
///
/// The Jacobian of a zero-sum game is `[A C; -Cᵀ D]` with symmetric `A` and `D`, so its transpose is
/// `P J P`, where `P` changes the sign of the maximizer: `Jᵀ f = P J (P f)` is a derivative of the field
/// along `P f`, taken as a central difference on the same mini-batch. On a quadratic game that is exact but
/// for rounding, elsewhere to `O(ε²)`, `ε = 10⁻⁵` relative to the point.
///
/// | symbol | field |
/// |---|---|
/// | `η` | `learning_rate` |
/// | `γ` | `weight`; with `γ → ∞` and `ηγ` kept it is Hamiltonian gradient descent |
///
/// Needs: [`Game`]. Cost of a step: three fields. Holds three fields and a point.
///
/// Source: L. Mescheder, S. Nowozin, A. Geiger, The numerics of GANs, Advances in
/// Neural Information Processing Systems 30, 2017, algorithm 2. On a
/// mini-batch `Jᵀ f` is the gradient of `½ |f|²` of that batch, a biased one of the mean field's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Consensus {
    /// `η > 0`, of both players.
    pub learning_rate: f64,
    /// `γ >= 0`.
    pub weight: f64,
    /// Pairs in a mini-batch, at least 1.
    pub batch: usize,
    /// Number of paths, at least 1.
    pub paths: usize,
}

impl Default for Consensus {
    fn default() -> Self {
        Self { learning_rate: 0.1, weight: 1.0, batch: 10, paths: 1 }
    }
}

/// State of [`Consensus`].
#[derive(Clone)]
pub struct ConsensusState<W> {
    ensemble: Ensemble<W, Draw>,
    steps: u64,
}

/// Length of a half of the difference, relative to `max(|x|, 1)`: about the cube root of the rounding
/// of a number, where truncation and rounding are alike.
const DIFFERENCE: f64 = 1e-5;

impl<P: Game> Solver<P> for Consensus {
    const ID: &'static str = "consensus";
    const ABOUT: &'static str =
        "Consensus optimization: descent-ascent regularised by its field's norm";
    type State = ConsensusState<P::Scratch>;

    fn points(&self) -> usize {
        self.paths
    }

    fn time_step(&self) -> Option<f64> {
        Some(self.learning_rate)
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        require_positive("learning-rate", self.learning_rate)?;
        let weight = self.weight >= 0.0 && self.weight.is_finite();
        require("weight", self.weight, weight, "a finite number of at least 0")?;
        let (dim, draw) = (problem.dim(), Draw::new(problem, self.batch, seed)?);
        let (shape, scratch) = ((self.paths, dim), problem.scratch());
        let ensemble =
            Ensemble::new(x0, shape, Grain::Path, 4 * dim, scratch, |path| Some(draw.of(path)))?;
        Ok(ConsensusState { ensemble, steps: 0 })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let ConsensusState { ensemble, steps } = state;
        let (step, players) = (*steps, problem.players());
        ensemble.advance_paths(|Path { x, own: draw, work, scratch }| {
            let (field, work) = work.split_at_mut(x.len());
            let (point, work) = work.split_at_mut(x.len());
            let (above, below) = work.split_at_mut(x.len());
            let batch = draw.batch(step);
            problem.batch_gradient(batch, x, field, scratch);
            let length = norm(field);
            if length > 0.0 {
                let epsilon = DIFFERENCE * norm(x).max(1.0) / length;
                for (step, to) in [(epsilon, &mut *above), (-epsilon, &mut *below)] {
                    // P f
                    for (range, sign) in players.iter().zip([1.0, -1.0]) {
                        for i in range.clone() {
                            point[i] = x[i] + sign * step * field[i];
                        }
                    }
                    problem.batch_gradient(batch, point, to, scratch);
                }
                for (range, sign) in players.iter().zip([1.0, -1.0]) {
                    for i in range.clone() {
                        let derivative = (above[i] - below[i]) / (2.0 * epsilon);
                        field[i] += self.weight * sign * derivative;
                    }
                }
            }
            for (player, range) in players.iter().enumerate() {
                let x = &mut x[range.clone()];
                let field = &field[range.clone()];
                x.iter_mut().zip(field).for_each(|(x, f)| *x -= self.learning_rate * f);
                problem.project(player, x);
            }
        })?;
        *steps += 1;
        let gradients = 3 * self.paths as u64;
        let samples = gradients * self.batch as u64;
        Ok(Step { work: Work { samples, gradients, ..Work::default() }, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        state.ensemble.points()
    }
}
