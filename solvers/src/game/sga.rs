//! Stochastic gradient descent–ascent on mini-batches.

use converge_problems::{Game, Metric, Seed, SetupError, require, require_positive};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::schedule::Rates;
use super::{Order, Schedule, rate_columns, write_rates};
use crate::ensemble::{Ensemble, Grain, Path};
use crate::vector::dot;
use crate::{Breakdown, Solver, Step, Work};

/// Stochastic gradient descent–ascent, simultaneous or alternating, with `k` steps of the discriminator.
///
/// ```text
/// v_ω⁺ = μ v_ω + f_ω(θ, ω; batch),          ω⁺ = ω - η_ω v_ω⁺,   k times
/// v_θ⁺ = μ v_θ + f_θ(θ, ω⁺ or ω; batch'),   θ⁺ = θ - η_θ v_θ⁺
/// ```
///
/// `f = (∇_θ Φ; -∇_ω Φ)` is the descent field. Batches are drawn with replacement and afresh for every
/// half-step, or once a step if `shared_batch`.
///
/// | symbol | field |
/// |---|---|
/// | `η_θ` | `learning_rate` |
/// | `η_ω/η_θ` | `ratio` |
/// | `μ` | `momentum`, also negative |
/// | `k` | `discriminator_steps` |
///
/// Needs: [`Game`]. Cost of a step: `k + 1` fields of one player. Holds a velocity and a field for each
/// path.
///
/// Source: H. Cao, X. Guo, arXiv 2006.02047, for both orders; M. Heusel et al., GANs trained by a two
/// time-scale update rule, Advances in Neural Information Processing Systems 30, 2017, for the ratio; G. Gidel et al., Negative momentum for improved
/// game dynamics, AISTATS 2019, for `μ < 0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Sga {
    /// `η_θ > 0`.
    pub learning_rate: f64,
    /// `η_ω/η_θ > 0`.
    pub ratio: f64,
    /// Who moves when.
    pub order: Order,
    /// `k`, at least 1; 1 for simultaneous updates.
    pub discriminator_steps: u64,
    /// Pairs in a mini-batch, at least 1.
    pub batch: usize,
    /// One mini-batch for all half-steps of a step.
    pub shared_batch: bool,
    /// `μ` in (-1, 1).
    pub momentum: f64,
    /// How the learning rates fall; with rates that change, no time stands for a step.
    pub schedule: Schedule,
    /// Number of paths, at least 1.
    pub paths: usize,
}

impl Default for Sga {
    fn default() -> Self {
        Self {
            learning_rate: 0.1,
            ratio: 1.0,
            order: Order::Alternating,
            discriminator_steps: 1,
            batch: 10,
            shared_batch: false,
            momentum: 0.0,
            schedule: Schedule::Constant,
            paths: 1,
        }
    }
}

/// What a path owns.
#[derive(Clone)]
struct Own {
    rates: Rates,
    velocity: Vec<f64>,
    draw: Draw,
}

/// State of [`Sga`].
#[derive(Clone)]
pub struct SgaState<W> {
    ensemble: Ensemble<W, Own>,
    steps: u64,
}

impl<P: Game> Solver<P> for Sga {
    const ID: &'static str = "sga";
    const ABOUT: &'static str = "Stochastic gradient descent-ascent, simultaneous or alternating";
    type State = SgaState<P::Scratch>;

    fn points(&self) -> usize {
        self.paths
    }

    fn time_step(&self) -> Option<f64> {
        (self.schedule == Schedule::Constant).then_some(self.learning_rate)
    }

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        rate_columns(&self.schedule)
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        require_positive("learning-rate", self.learning_rate)?;
        require_positive("ratio", self.ratio)?;
        self.order.require(self.discriminator_steps)?;
        require("momentum", self.momentum, self.momentum.abs() < 1.0, "a number in (-1, 1)")?;
        self.schedule.require(problem.dim())?;
        let rates =
            Rates::new(&self.schedule, [self.learning_rate, self.learning_rate * self.ratio]);
        let dim = problem.dim();
        let draw = Draw::new(problem, self.batch, seed)?;
        let own = |path: usize| {
            Some(Own { rates: rates.clone(), velocity: vec![0.0; dim], draw: draw.of(path) })
        };
        let (shape, scratch) = ((self.paths, dim), problem.scratch());
        Ok(SgaState {
            ensemble: Ensemble::new(x0, shape, Grain::Path, dim, scratch, own)?,
            steps: 0,
        })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let SgaState { ensemble, steps } = state;
        let (step, turns) = (*steps, self.discriminator_steps);
        let players = problem.players();
        ensemble.advance_paths(|Path { x, own, work, scratch }| {
            let Own { rates, velocity, draw } = own;
            rates.plan(&self.schedule, step);
            // Numbers of the batches of this step: one for all, or one for each half-step.
            let batch_of =
                |half: u64| if self.shared_batch { step } else { step * (turns + 1) + half };
            let mut go = |player: usize, field: &[f64], x: &mut [f64]| {
                let range = players[player].clone();
                let (x, velocity) = (&mut x[range.clone()], &mut velocity[range.clone()]);
                let rate = rates.now[player];
                if let Some(fdr) = self.schedule.fdr() {
                    let coordinates = range.zip(&*x).zip(field);
                    let along = coordinates.map(|((i, x), f)| (x - fdr.center(i)) * f).sum();
                    let square = dot(velocity, velocity);
                    rates.see(player, [along, 0.5 * rate * (1.0 + self.momentum) * square]);
                }
                for ((x, v), f) in x.iter_mut().zip(velocity).zip(field) {
                    *v = self.momentum * *v + f;
                    *x -= rate * *v;
                }
                problem.project(player, x);
            };
            match self.order {
                Order::Simultaneous if self.shared_batch => {
                    problem.batch_gradient(draw.batch(batch_of(0)), x, work, scratch);
                    go(1, &work[players[1].clone()], x);
                    go(0, &work[players[0].clone()], x);
                }
                Order::Simultaneous => {
                    for player in [1, 0] {
                        let batch = draw.batch(batch_of(1 - player as u64));
                        let field = &mut work[players[player].clone()];
                        problem.player_field(player, batch, x, field, scratch);
                    }
                    go(1, &work[players[1].clone()], x);
                    go(0, &work[players[0].clone()], x);
                }
                Order::Alternating => {
                    for half in 0..=turns {
                        let player = usize::from(half < turns);
                        let field = &mut work[players[player].clone()];
                        let batch = draw.batch(batch_of(half));
                        problem.player_field(player, batch, x, field, scratch);
                        go(player, field, x);
                    }
                }
            }
            if let Some(fdr) = self.schedule.fdr() {
                rates.close(fdr);
            }
        })?;
        *steps += 1;
        let fields = match self.order {
            Order::Simultaneous if self.shared_batch => 1,
            Order::Simultaneous => 2,
            Order::Alternating => turns + 1,
        };
        let gradients = fields * self.paths as u64;
        let samples = gradients * self.batch as u64;
        Ok(Step { work: Work { samples, gradients, ..Work::default() }, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        state.ensemble.points()
    }

    fn diagnose(&self, _: &P, state: &Self::State, _: &mut P::Scratch, row: &mut [f64]) {
        write_rates(state.ensemble.own().map(|own| &own.rates), row);
    }
}
