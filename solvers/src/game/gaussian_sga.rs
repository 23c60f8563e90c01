//! Stochastic gradient descent–ascent with Gaussian gradient noise: the chain beside its diffusion.

use std::ops::Range;

use converge_problems::{Diffusion, Game, Metric, Seed, SetupError, require, require_positive};
use serde::{Deserialize, Serialize};

use super::schedule::Rates;
use super::{Fdr, Order, Schedule, rate_columns, write_rates};
use crate::ensemble::{AdvanceLanes, Ensemble, Grain, Lanes, advance, advance_each};
use crate::sde::{Brownian, Noise};
use crate::{Breakdown, Solver, Step, Work};

/// An ensemble of stochastic gradient descent–ascent whose gradient noise is made from the Brownian
/// motion of the diffusion that stands for it.
///
/// ```text
/// ω⁺ = ω + η_ω (b_ω(θ, ω) + ε_ω),   k times, each with its own part of the noise
/// θ⁺ = θ + η_θ (b_θ(θ, ω⁺ or ω) + ε_θ)
/// ```
///
/// with the mean field `b = (-∇_θ Φ; ∇_ω Φ)` and `ε = S ξ/√B`, or the exact noise of a mini-batch where it
/// is a function of Gaussian numbers.
///
/// | symbol | field |
/// |---|---|
/// | `η_θ` | `learning_rate` |
/// | `η_ω/η_θ` | `ratio` |
/// | `k` | `discriminator_steps` |
/// | `B`, or `η/B = 2/β` | `noise` |
///
/// `ξ` is the normalised sum of `resolution` sub-increments of the step: an
/// [`Integrator`](crate::Integrator) with the same seed and resolution integrates the same motion. Whether
/// the players see one mini-batch or two is in the problem's `S`: both half-steps get the same normals, of
/// which a game with separate batches gives each player its own.
///
/// Needs: [`Game`] and [`Diffusion`]. Cost of a step: simultaneous one, alternating `k + 1` evaluations of
/// field and noise. Holds 2 points and 2 increments a lane.
///
/// Source: H. Cao, X. Guo, Approximation and convergence of GANs training: an SDE approach, arXiv
/// 2006.02047, for the chains; simultaneous, with one substep of Euler–Maruyama, it is that scheme bit by
/// bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GaussianSga {
    /// `η_θ > 0`.
    pub learning_rate: f64,
    /// `η_ω/η_θ > 0`.
    pub ratio: f64,
    /// Who moves when.
    pub order: Order,
    /// `k`, at least 1; 1 for simultaneous updates.
    pub discriminator_steps: u64,
    /// The strength of the noise.
    pub noise: Noise,
    /// Its law.
    pub gradient_noise: GradientNoise,
    /// Sub-increments of the Brownian motion in a step: a multiple of `k`.
    pub resolution: u64,
    /// Drives half of the paths by the mirrored motion, as in [`Integrator`](crate::Integrator).
    pub antithetic: bool,
    /// How the learning rates fall; with rates that change, no time stands for a step.
    pub schedule: Schedule,
    /// Number of paths, at least 1.
    pub paths: usize,
}

/// The law of the gradient noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GradientNoise {
    /// Gaussian, with the covariance of a mini-batch.
    #[default]
    Gaussian,
    /// That of a mini-batch; needs `noise = { batch = B }` with whole `B`.
    MiniBatch,
}

impl Default for GaussianSga {
    fn default() -> Self {
        Self {
            learning_rate: 0.1,
            ratio: 1.0,
            order: Order::Alternating,
            discriminator_steps: 1,
            noise: Noise::Batch(10.0),
            gradient_noise: GradientNoise::Gaussian,
            resolution: 1,
            antithetic: false,
            schedule: Schedule::Constant,
            paths: 1,
        }
    }
}

/// What a path owns that watches its relation.
#[derive(Clone)]
struct Own {
    rates: Rates,
    /// Squared norms of the last fields of both players.
    squares: [f64; 2],
}

/// State of [`GaussianSga`].
#[derive(Clone)]
pub struct GaussianSgaState<W> {
    ensemble: Ensemble<W, Own>,
    /// Of all paths that do not watch.
    rates: Rates,
    brownian: Brownian,
    /// Pairs in a batch, for [`GradientNoise::MiniBatch`].
    batch: Option<usize>,
    steps: u64,
}

/// A tile on its way through a step.
struct Turn<'a, P: Diffusion> {
    solver: &'a GaussianSga,
    problem: &'a P,
    batch: Option<usize>,
    /// Of both players, if no path watches.
    rates: [f64; 2],
    width: usize,
    x: &'a mut [f64],
    own: &'a mut [Own],
    b: &'a mut [f64],
    noise: &'a mut [f64],
    h: &'a mut [f64],
    amplitude: &'a mut [f64],
    scratch: &'a mut P::Scratch,
}

impl<P: Diffusion> Turn<'_, P> {
    /// Field and noise at where the players are now.
    #[inline(always)]
    fn look(&mut self, dw: &[f64]) {
        self.problem.drift(self.x, self.b, self.scratch);
        match self.batch {
            Some(batch) => {
                self.problem.batch_noise(batch, self.x, dw, self.noise, self.scratch);
            }
            None => self.problem.noise(self.x, dw, self.noise, self.scratch),
        }
    }

    /// Moves one player, whose coordinates are `range`.
    #[inline(always)]
    fn go(&mut self, player: usize, range: Range<usize>) {
        let rows = range.start * self.width..range.end * self.width;
        if let Some(fdr) = self.solver.schedule.fdr() {
            self.watch(fdr, player, range);
            let (x, drift, noise) =
                (&mut self.x[rows.clone()], &self.b[rows.clone()], &self.noise[rows]);
            advance_each(x, self.h, drift, self.amplitude, noise);
        } else {
            let (h, amplitude) = (self.rates[player], self.amplitude(self.rates[player]));
            let (x, drift, noise) =
                (&mut self.x[rows.clone()], &self.b[rows.clone()], &self.noise[rows]);
            advance(x, h, drift, amplitude, noise);
        }
    }

    /// What multiplies the noise at a learning rate.
    fn amplitude(&self, rate: f64) -> f64 {
        match self.batch {
            Some(_) => rate,
            None => self.solver.noise.amplitude(rate, rate),
        }
    }

    /// Sets the rates of the lanes, and shows both sides of the relation to the paths.
    fn watch(&mut self, fdr: &Fdr, player: usize, range: Range<usize>) {
        for l in 0..self.width {
            let rate = self.own[l].rates.now[player];
            (self.h[l], self.amplitude[l]) = (rate, self.amplitude(rate));
            let share = self.amplitude[l] / rate;
            let (mut along, mut square) = (0.0, 0.0);
            for i in range.clone() {
                let at = i * self.width + l;
                let field = -share.mul_add(self.noise[at], self.b[at]);
                along += (self.x[at] - fdr.center(i)) * field;
                square += field * field;
            }
            let own = &mut self.own[l];
            own.rates.see(player, [along, 0.5 * rate * own.squares[player]]);
            own.squares[player] = square;
        }
    }
}

/// A step of the chain.
struct Updates<'a, P> {
    solver: &'a GaussianSga,
    problem: &'a P,
    brownian: &'a Brownian,
    batch: Option<usize>,
    rates: [f64; 2],
    step: u64,
}

impl<P: Game + Diffusion> AdvanceLanes<P::Scratch, Own> for Updates<'_, P> {
    #[inline(always)]
    fn advance(&self, lanes: Lanes<'_, P::Scratch, Own>) {
        let Self { solver, problem, brownian, batch, rates, step } = *self;
        let Lanes { first, width, x, own, work, scratch } = lanes;
        let [generator, discriminator] = problem.players();
        let turns = solver.discriminator_steps;
        let (dw, work) = work.split_at_mut(problem.noises() * width);
        let (temporary, work) = work.split_at_mut(width);
        let (h, work) = work.split_at_mut(width);
        let (amplitude, work) = work.split_at_mut(width);
        let (b, noise) = work.split_at_mut(x.len());
        let mut turn =
            Turn { solver, problem, batch, rates, width, x, own, b, noise, h, amplitude, scratch };
        match solver.order {
            Order::Simultaneous => {
                brownian.fill(step, (0, 1), first, width, dw, temporary);
                turn.look(dw);
                turn.go(1, discriminator);
                turn.go(0, generator);
            }
            Order::Alternating => {
                for part in 0..turns {
                    brownian.fill(step, (part, turns), first, width, dw, temporary);
                    turn.look(dw);
                    turn.go(1, discriminator.clone());
                }
                if turns > 1 {
                    brownian.fill(step, (0, 1), first, width, dw, temporary);
                }
                turn.look(dw);
                turn.go(0, generator);
            }
        }
        if let Some(fdr) = solver.schedule.fdr() {
            turn.own.iter_mut().for_each(|own| own.rates.close(fdr));
        }
    }
}

impl<P: Game + Diffusion> Solver<P> for GaussianSga {
    const ID: &'static str = "gaussian-sga";
    const ABOUT: &'static str =
        "Stochastic gradient descent-ascent whose noise is that of its diffusion";
    type State = GaussianSgaState<P::Scratch>;

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
        self.noise.require()?;
        self.schedule.require(problem.dim())?;
        Brownian::require(self.resolution, self.discriminator_steps)?;
        let batch = match (self.gradient_noise, self.noise) {
            (GradientNoise::Gaussian, _) => None,
            (GradientNoise::MiniBatch, Noise::Batch(size))
                if size >= 1.0 && size.fract() <= 0.0 =>
            {
                Some(size as usize)
            }
            (GradientNoise::MiniBatch, noise) => {
                let value = format!("{noise:?}");
                require(
                    "noise",
                    value,
                    false,
                    "{ batch = B } with whole B where gradient-noise = \"mini-batch\"",
                )?;
                None
            }
        };
        let rates =
            Rates::new(&self.schedule, [self.learning_rate, self.learning_rate * self.ratio]);
        let watching = Own { rates: rates.clone(), squares: [0.0; 2] };
        let own = |_| self.schedule.fdr().map(|_| watching.clone());
        // Increment, one row to add up, field, noise, steps, amplitudes.
        let work = problem.noises() + 2 * problem.dim() + 3;
        let shape = (self.paths, problem.dim());
        Ok(GaussianSgaState {
            ensemble: Ensemble::new(x0, shape, Grain::Tile, work, problem.scratch(), own)?,
            rates,
            brownian: Brownian::new(seed, self.resolution, self.antithetic),
            batch,
            steps: 0,
        })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let GaussianSgaState { ensemble, rates, brownian, batch, steps } = state;
        rates.plan(&self.schedule, *steps);
        let (batch, rates, step) = (*batch, rates.now, *steps);
        ensemble.advance_lanes(&Updates { solver: self, problem, brownian, batch, rates, step })?;
        *steps += 1;
        let gradients = self.order.evaluations(self.discriminator_steps) * self.paths as u64;
        let samples = batch.map_or(0, |batch| batch as u64 * gradients);
        Ok(Step { work: Work { samples, gradients, ..Work::default() }, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        state.ensemble.points()
    }

    fn diagnose(&self, _: &P, state: &Self::State, _: &mut P::Scratch, row: &mut [f64]) {
        match self.schedule {
            Schedule::Fdr(_) => write_rates(state.ensemble.own().map(|own| &own.rates), row),
            _ => write_rates(std::iter::once(&state.rates), row),
        }
    }
}
