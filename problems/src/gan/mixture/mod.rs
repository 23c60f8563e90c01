//! The mixture game: a generator and a discriminator network with one hidden layer each, on a Gaussian
//! mixture in the plane. Nothing is closed-form.
//!
//! With latents `z ~ N(0, I)`, fakes `y = G_θ(z)`, reals `x` and `s(t) = log(1 + eᵗ)`, the gradient of a pair
//! is that of
//!
//! | loss | generator minimizes | discriminator minimizes |
//! |---|---|---|
//! | Wasserstein | `-D(y)` | `D(y) - D(x)` |
//! | minimax | `-s(D(y))` | `s(-D(x)) + s(D(y))` |
//! | non-saturating | `s(-D(y))` | the same |
//!
//! plus, for the discriminator, what [`Regularization`] says. Derivatives are exact, in `f64`.
//!
//! With `samples = n`, `n` latents and `n` reals are drawn once and the terms are all `n²` pairs: term
//! `i n + j` is latent `i` with real `j`. Without, both are drawn anew for every pair, from `Batch::draw`.
//!
//! A point is `(θ; ω)`, each the parameters of a network.

mod data;
mod metrics;
mod network;
mod payoff;
#[cfg(test)]
mod tests;

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

pub use self::data::Mixture;
use self::metrics::Evaluation;
pub use self::network::Activation;
use self::network::Network;
use self::payoff::Room;
use super::dirac::Loss;
use super::law::Law;
use crate::{
    Batch, BatchGradient, Build, Game, Metric, Output, Problem, Seed, SetupError, require,
    require_positive,
};

/// What keeps the discriminator smooth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Regularization {
    /// Nothing.
    #[default]
    None,
    /// `(γ/2)|∇D(x)|²` at the reals, with this `γ > 0`.
    R1(f64),
    /// `γ(|∇D(u)| - 1)²` at a uniform point `u` between the real and the fake of a pair, which the
    /// generator does not see; with this `γ > 0`.
    GradientPenalty(f64),
    /// Parameters of the discriminator within this bound, which is above 0: only for Wasserstein's loss.
    WeightBound(f64),
}

/// A section `[problem.NAME]` of kind `mixture-gan`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MixtureGanConfig {
    /// Where the modes are.
    pub mixture: Mixture,
    /// Standard deviation of a mode, above 0.
    pub deviation: f64,
    /// Numbers in a latent, from 1 to 256.
    pub latent: usize,
    /// Hidden units of the generator, from 1 to 4096.
    pub generator: usize,
    /// Hidden units of the discriminator, from 1 to 4096.
    pub discriminator: usize,
    /// Nonlinearity of both.
    pub activation: Activation,
    /// The loss.
    pub loss: Loss,
    /// What keeps the discriminator smooth.
    pub regularization: Regularization,
    /// Latents and reals drawn once, from 1 to 65,535 of each; left out, a population.
    pub samples: Option<usize>,
    /// Latents and reals that metrics look at, from 2 to 65,535 of each; not those of `samples`.
    pub evaluation: usize,
    /// Learning rate and batch size of the diffusion whose relation is measured; left out, none is.
    pub law: Option<Law>,
}

impl Default for MixtureGanConfig {
    fn default() -> Self {
        Self {
            mixture: Mixture::Ring { modes: 8, radius: 2.0 },
            deviation: 0.05,
            latent: 2,
            generator: 32,
            discriminator: 32,
            activation: Activation::Tanh,
            loss: Loss::NonSaturating,
            regularization: Regularization::None,
            samples: None,
            evaluation: 512,
            law: None,
        }
    }
}

/// An instance.
pub struct MixtureGan {
    generator: Network,
    discriminator: Network,
    loss: Loss,
    regularization: Regularization,
    centers: Vec<[f64; 2]>,
    deviation: f64,
    /// Latents, then reals, one after the other.
    samples: Option<(Vec<f64>, Vec<f64>)>,
    evaluation: Evaluation,
    metrics: Vec<Metric>,
}

/// Temporaries of the mixture game.
#[derive(Clone, Debug)]
pub struct MixtureScratch {
    room: Room,
    pair: Vec<f64>,
    field: Vec<f64>,
    fakes: Vec<f64>,
    projected: Vec<f64>,
}

impl MixtureGan {
    /// Draws `count` latents and reals.
    fn draw(&self, count: usize, seed: Seed) -> (Vec<f64>, Vec<f64>) {
        let (mut z, mut x) = (vec![0.0; count * self.generator.inputs], vec![0.0; 2 * count]);
        let mut rng = seed.child("latents").rng();
        z.fill_with(|| StandardNormal.sample(&mut rng));
        let mut rng = seed.child("reals").rng();
        for x in x.chunks_exact_mut(2) {
            data::draw(&self.centers, self.deviation, &mut rng, x);
        }
        (z, x)
    }
}

impl Build for MixtureGan {
    const ID: &'static str = "mixture-gan";
    const ABOUT: &'static str = "networks with one hidden layer on a Gaussian mixture in the plane";
    type Config = MixtureGanConfig;

    fn check(config: &MixtureGanConfig) -> Result<(), SetupError> {
        Self::build(config, Seed::root(0), None).map(drop)
    }

    fn build(config: &MixtureGanConfig, seed: Seed, _: Option<&[f64]>) -> Result<Self, SetupError> {
        let MixtureGanConfig { latent, generator, discriminator, activation, .. } = *config;
        require_positive("deviation", config.deviation)?;
        require("latent", latent, (1..=256).contains(&latent), "from 1 to 256")?;
        for (name, units) in [("generator", generator), ("discriminator", discriminator)] {
            require(name, units, (1..=4096).contains(&units), "from 1 to 4096 hidden units")?;
        }
        for (name, count, least) in
            [("samples", config.samples, 1), ("evaluation", Some(config.evaluation), 2)]
        {
            let count = count.unwrap_or(least);
            let holds = (least..=65_535).contains(&count);
            require(name, count, holds, "at most 65535, and at least 1 (evaluation: 2)")?;
        }
        match config.regularization {
            Regularization::None => {}
            Regularization::R1(weight) => require_positive("regularization.r1", weight)?,
            Regularization::GradientPenalty(weight) => {
                require_positive("regularization.gradient-penalty", weight)?;
            }
            Regularization::WeightBound(bound) => {
                require_positive("regularization.weight-bound", bound)?;
                let wasserstein = config.loss == Loss::Wasserstein;
                let admissible = "only with loss = \"wasserstein\"";
                require("regularization.weight-bound", bound, wasserstein, admissible)?;
            }
        }
        if let Some(law) = &config.law {
            law.check()?;
        }
        let mut game = Self {
            generator: Network { inputs: latent, hidden: generator, outputs: 2, activation },
            discriminator: Network { inputs: 2, hidden: discriminator, outputs: 1, activation },
            loss: config.loss,
            regularization: config.regularization,
            centers: config.mixture.centers()?,
            deviation: config.deviation,
            samples: None,
            evaluation: Evaluation::default(),
            metrics: metrics::list(config.law.is_some()),
        };
        game.samples = config.samples.map(|count| game.draw(count, seed.child("samples")));
        let (z, x) = game.draw(config.evaluation, seed.child("evaluation"));
        game.evaluation = Evaluation::new(z, x, config.law, seed.child("directions"));
        Ok(game)
    }
}

impl Problem for MixtureGan {
    type Scratch = MixtureScratch;

    fn dim(&self) -> usize {
        self.generator.parameters() + self.discriminator.parameters()
    }

    fn terms(&self) -> Option<usize> {
        self.samples.as_ref().map(|(_, reals)| (reals.len() / 2).pow(2))
    }

    fn scratch(&self) -> MixtureScratch {
        MixtureScratch {
            room: Room::new(self),
            pair: vec![0.0; self.dim()],
            field: vec![0.0; self.dim()],
            fakes: vec![0.0; self.evaluation.reals.len()],
            projected: Vec::with_capacity(self.evaluation.reals.len() / 2),
        }
    }

    /// Weights with the variance of one over the inputs of their unit, biases zero; within the bound.
    fn start(&self, seed: Seed, x: &mut [f64]) {
        for (i, x) in (0..).zip(x.chunks_exact_mut(self.dim())) {
            let mut rng = seed.index(i).rng();
            let spreads = self.generator.spread().chain(self.discriminator.spread());
            for (x, spread) in x.iter_mut().zip(spreads) {
                let normal: f64 = StandardNormal.sample(&mut rng);
                *x = spread * normal;
            }
            self.project(1, &mut x[self.generator.parameters()..]);
        }
    }

    fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut MixtureScratch) {
        self.measure(x, row, scratch);
    }

    /// Fakes of the first path from the evaluation's latents.
    fn outputs(&self) -> Vec<Output> {
        vec![Output { name: "fakes".into(), shape: vec![self.evaluation.reals.len() / 2, 2] }]
    }

    fn output(&self, _: usize, x: &[f64], out: &mut [f64], scratch: &mut MixtureScratch) {
        self.generate(&x[..self.generator.parameters()], out, &mut scratch.room);
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("precision", "f64".to_owned()),
            ("weights", self.dim().to_string()),
            ("modes", self.centers.len().to_string()),
        ]
    }
}

impl BatchGradient for MixtureGan {
    fn batch_gradient(
        &self,
        batch: Batch<'_>,
        x: &[f64],
        g: &mut [f64],
        scratch: &mut MixtureScratch,
    ) {
        let (theta, omega) = g.split_at_mut(self.generator.parameters());
        self.batch_field(batch, x, Some(theta), Some(omega), &mut scratch.room);
    }
}

impl Game for MixtureGan {
    fn players(&self) -> [std::ops::Range<usize>; 2] {
        let minimizer = self.generator.parameters();
        [0..minimizer, minimizer..self.dim()]
    }

    fn player_field(
        &self,
        player: usize,
        batch: Batch<'_>,
        x: &[f64],
        g: &mut [f64],
        scratch: &mut MixtureScratch,
    ) {
        let (theta, omega) = if player == 0 { (Some(g), None) } else { (None, Some(g)) };
        self.batch_field(batch, x, theta, omega, &mut scratch.room);
    }

    fn project(&self, player: usize, x: &mut [f64]) {
        if let (1, Regularization::WeightBound(bound)) = (player, self.regularization) {
            x.iter_mut().for_each(|x| *x = x.clamp(-bound, bound));
        }
    }
}
