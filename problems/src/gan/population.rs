//! What games over a population share: starts, temporaries, mini-batches.

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::ensemble::{Observation, Observed};
use crate::{Batch, Seed, SetupError};

/// Where the paths start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Start {
    /// Draws from a law.
    Drawn(Drawn),
    /// A point: one number per coordinate, or one per player for all of its coordinates.
    Point(Vec<f64>),
}

/// A law that starts are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drawn {
    /// The stationary law, where it is normal: nothing has to burn in.
    Stationary,
}

impl Start {
    /// The point of length `dim`, `minimizer` coordinates of which belong to the minimizer; `None` for
    /// draws.
    ///
    /// # Errors
    /// [`SetupError::Shape`] for another length, [`SetupError::Parameter`] for what is not finite.
    pub(super) fn point(
        &self,
        dim: usize,
        minimizer: usize,
    ) -> Result<Option<Vec<f64>>, SetupError> {
        let Self::Point(values) = self else { return Ok(None) };
        spread("start", values, dim, minimizer).map(Some)
    }
}

/// A point from one number per coordinate or one per player.
///
/// # Errors
/// [`SetupError::Shape`] for another length, [`SetupError::Parameter`] for what is not finite.
pub(super) fn spread(
    name: &'static str,
    values: &[f64],
    dim: usize,
    minimizer: usize,
) -> Result<Vec<f64>, SetupError> {
    if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
        crate::require(name, bad, false, "finite numbers")?;
    }
    match values {
        values if values.len() == dim => Ok(values.to_vec()),
        [theta, omega] => {
            Ok((0..dim).map(|i| if i < minimizer { *theta } else { *omega }).collect())
        }
        _ => Err(SetupError::Shape { what: name, expected: dim, found: values.len() }),
    }
}

/// Temporaries of a population game.
#[derive(Clone, Debug)]
pub struct PopulationScratch {
    pub(super) observation: Observation,
    /// Of the game itself.
    pub(super) tile: Vec<f64>,
    drift: Vec<f64>,
    noise: Vec<f64>,
    normals: Vec<f64>,
}

impl PopulationScratch {
    /// Temporaries for points of length `dim`, with `tile` numbers for the game itself.
    pub(super) fn new(dim: usize, noises: usize, tile: usize) -> Self {
        Self {
            observation: Observation::default(),
            tile: vec![0.0; tile],
            drift: vec![0.0; dim],
            noise: vec![0.0; dim],
            normals: vec![0.0; noises],
        }
    }
}

/// Writes start points: `point`, or draws from the stationary law of the problem.
pub(super) fn start<P: Observed>(problem: &P, point: Option<&[f64]>, seed: Seed, x: &mut [f64]) {
    for (i, x) in (0..).zip(x.chunks_exact_mut(problem.dim())) {
        match point {
            Some(point) => x.copy_from_slice(point),
            None => problem.observables().draw(seed.index(i), x),
        }
    }
}

/// Writes the descent field of a mini-batch at `x` for the coordinates in `span`.
///
/// The mini-batch is drawn pair by pair, or at once where its mean has a known law. `batch.draw`
/// decides all normals.
pub(super) fn field<P: Observed<Scratch = PopulationScratch>>(
    problem: &P,
    batch: Batch<'_>,
    x: &[f64],
    span: std::ops::Range<usize>,
    g: &mut [f64],
    scratch: &mut PopulationScratch,
) {
    let mut drift = std::mem::take(&mut scratch.drift);
    let mut noise = std::mem::take(&mut scratch.noise);
    let mut normals = std::mem::take(&mut scratch.normals);
    let mut rng = batch.draw.rng();
    let pairs = batch.terms.len();
    normals.fill_with(|| StandardNormal.sample(&mut rng));
    if problem.pair(x, &normals, &mut drift) {
        for _ in 1..pairs {
            normals.fill_with(|| StandardNormal.sample(&mut rng));
            problem.pair(x, &normals, &mut noise);
            drift.iter_mut().zip(&noise).for_each(|(sum, b)| *sum += b);
        }
        g.iter_mut().zip(&drift[span]).for_each(|(g, sum)| *g = -sum / pairs as f64);
    } else {
        problem.drift(x, &mut drift, scratch);
        problem.batch_noise(pairs, x, &normals, &mut noise, scratch);
        for ((g, b), noise) in g.iter_mut().zip(&drift[span.clone()]).zip(&noise[span]) {
            *g = -(b + noise);
        }
    }
    (scratch.drift, scratch.noise, scratch.normals) = (drift, noise, normals);
}

/// Implements [`Problem`](crate::Problem), [`BatchGradient`](crate::BatchGradient) and
/// [`Game`](crate::Game) for a population game with fields `observables` and `start` and the methods of
/// [`Observed`].
macro_rules! population_game {
    ($game:ty $(where $model:ident: $bound:path)?, $dim:expr, $tile:expr) => {
        impl$(<$model: $bound>)? crate::Problem for $game {
            type Scratch = $crate::gan::population::PopulationScratch;

            fn dim(&self) -> usize {
                let dim: fn(&Self) -> usize = $dim;
                dim(self)
            }

            fn scratch(&self) -> Self::Scratch {
                let tile: fn(&Self) -> usize = $tile;
                let noises = crate::Diffusion::noises(self);
                Self::Scratch::new(self.dim(), noises, tile(self))
            }

            fn start(&self, seed: crate::Seed, x: &mut [f64]) {
                $crate::gan::population::start(self, self.start.as_deref(), seed, x);
            }

            fn metrics(&self) -> &[crate::Metric] {
                &self.observables.metrics
            }

            fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut Self::Scratch) {
                let mut room = std::mem::take(&mut scratch.observation);
                $crate::gan::ensemble::evaluate(self, x, row, scratch, &mut room);
                scratch.observation = room;
            }

            fn outputs(&self) -> Vec<crate::Output> {
                self.observables.outputs()
            }

            fn output(&self, _: usize, x: &[f64], out: &mut [f64], _: &mut Self::Scratch) {
                self.observables.output(x, self.dim(), out);
            }

            fn facts(&self) -> Vec<(&'static str, String)> {
                vec![("precision", "f64".to_owned())]
            }
        }

        impl$(<$model: $bound>)? crate::BatchGradient for $game {
            fn batch_gradient(
                &self,
                batch: crate::Batch<'_>,
                x: &[f64],
                g: &mut [f64],
                scratch: &mut Self::Scratch,
            ) {
                $crate::gan::population::field(self, batch, x, 0..x.len(), g, scratch);
            }
        }

        impl$(<$model: $bound>)? crate::Game for $game {
            fn players(&self) -> [std::ops::Range<usize>; 2] {
                let minimizer = $crate::gan::ensemble::Observed::minimizer(self);
                [0..minimizer, minimizer..crate::Problem::dim(self)]
            }

            fn player_field(
                &self,
                player: usize,
                batch: crate::Batch<'_>,
                x: &[f64],
                g: &mut [f64],
                scratch: &mut Self::Scratch,
            ) {
                let span = self.players()[player].clone();
                $crate::gan::population::field(self, batch, x, span, g, scratch);
            }
        }
    };
}
pub(super) use population_game;
