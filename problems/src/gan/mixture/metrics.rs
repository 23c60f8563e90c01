//! What is measured of a pair of networks: means over the paths of an ensemble.

use rand::RngExt;

use super::{MixtureGan, MixtureScratch, data};
use crate::gan::law::Law;
use crate::{Better, Metric, Problem, Seed, Split};

/// Directions of the sliced distance.
const DIRECTIONS: usize = 32;

/// Latents and reals that metrics look at, with what does not depend on the networks.
#[derive(Clone, Debug, Default)]
pub(super) struct Evaluation {
    pub(super) latents: Vec<f64>,
    pub(super) reals: Vec<f64>,
    /// Places of the gradient penalty.
    pub(super) between: Vec<f64>,
    directions: Vec<[f64; 2]>,
    /// Sorted projections of the reals, one direction after the other.
    projections: Vec<f64>,
    law: Option<Law>,
}

impl Evaluation {
    pub(super) fn new(latents: Vec<f64>, reals: Vec<f64>, law: Option<Law>, seed: Seed) -> Self {
        let directions = data::directions(DIRECTIONS, seed);
        let mut projected = Vec::new();
        let mut projections = Vec::new();
        for direction in &directions {
            data::projections(&reals, *direction, &mut projected);
            projections.extend_from_slice(&projected);
        }
        let mut rng = seed.child("between").rng();
        let between = (0..reals.len() / 2).map(|_| rng.random()).collect();
        Self { latents, reals, between, directions, projections, law }
    }
}

/// The metrics, in the order of their row. Each is a mean over paths; that of the distance has its
/// standard error beside it.
///
/// | column | |
/// |---|---|
/// | `sliced-wasserstein` | root of the mean squared 2-Wasserstein distance between projections of fakes and of as many reals |
/// | `sliced-wasserstein-error` | its standard error over paths |
/// | `quality` | share of fakes within three deviations of a mode |
/// | `modes` | share of modes with at least a fifth of their share of such fakes |
/// | `payoff` | mean payoff of a pair, without regularization |
/// | `field-theta`, `field-omega` | norms of the mean field |
/// | `fdr1-left`, `-right`, `-gap` | `x·g` of the mean field and `β⁻¹ Tr Σ` of the pairs: [`relations`](crate::gan::relations), about the origin; with a `law` only |
pub(super) fn list(law: bool) -> Vec<Metric> {
    let mut list = vec![
        Metric::new("sliced-wasserstein", Better::Lower, Split::Validation),
        Metric::diagnostic("sliced-wasserstein-error"),
        Metric::new("quality", Better::Higher, Split::Validation),
        Metric::new("modes", Better::Higher, Split::Validation),
        Metric::diagnostic("payoff"),
        Metric::diagnostic("field-theta"),
        Metric::diagnostic("field-omega"),
    ];
    if law {
        list.extend(["fdr1-left", "fdr1-right", "fdr1-gap"].map(Metric::diagnostic));
    }
    list
}

impl MixtureGan {
    pub(super) fn measure(&self, x: &[f64], row: &mut [f64], scratch: &mut MixtureScratch) {
        row.fill(0.0);
        let paths = (x.len() / self.dim()) as f64;
        let mut squares = 0.0;
        for x in x.chunks_exact(self.dim()) {
            let distance = self.measure_fakes(x, row, scratch);
            squares += distance * distance;
            self.measure_field(x, row, scratch);
        }
        row.iter_mut().for_each(|value| *value /= paths);
        // Of one path 0/0: no error is known.
        row[1] = ((squares / paths - row[0] * row[0]).max(0.0) / (paths - 1.0)).sqrt();
        row.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = f64::NAN);
    }

    /// Adds the metrics of the fakes; returns the distance.
    fn measure_fakes(&self, x: &[f64], row: &mut [f64], scratch: &mut MixtureScratch) -> f64 {
        let MixtureScratch { room, fakes, projected, .. } = scratch;
        self.generate(&x[..self.generator.parameters()], fakes, room);
        let count = fakes.len() / 2;
        let mut squared = 0.0;
        let reals = self.evaluation.projections.chunks_exact(count);
        for (direction, reals) in self.evaluation.directions.iter().zip(reals) {
            data::projections(fakes, *direction, projected);
            squared += data::squared_distance(projected, reals) / DIRECTIONS as f64;
        }
        let reach = 9.0 * self.deviation * self.deviation;
        let (mut good, mut covered) = (0, 0);
        for center in &self.centers {
            let near = |y: &[f64]| (y[0] - center[0]).powi(2) + (y[1] - center[1]).powi(2) < reach;
            let caught = fakes.chunks_exact(2).filter(|y| near(y)).count();
            good += caught;
            covered += usize::from(5 * caught * self.centers.len() >= count);
        }
        let distance = squared.sqrt();
        row[0] += distance;
        // Modes that overlap may count a fake twice.
        row[2] += (good as f64 / count as f64).min(1.0);
        row[3] += covered as f64 / self.centers.len() as f64;
        distance
    }

    /// Adds the metrics of the field, pair by pair.
    fn measure_field(&self, x: &[f64], row: &mut [f64], scratch: &mut MixtureScratch) {
        let MixtureScratch { room, pair, field, .. } = scratch;
        let count = self.evaluation.between.len();
        field.fill(0.0);
        let (mut payoff, mut square) = (0.0, 0.0);
        for k in 0..count {
            payoff += self.evaluation_pair(k, x, pair, room) / count as f64;
            for (sum, g) in field.iter_mut().zip(&*pair) {
                *sum += g / count as f64;
                square += g * g / count as f64;
            }
        }
        let (theta, omega) = field.split_at(self.generator.parameters());
        let norm = |g: &[f64]| g.iter().map(|g| g * g).sum::<f64>();
        let lengths = [norm(theta), norm(omega)];
        row[4] += payoff;
        row[5] += lengths[0].sqrt();
        row[6] += lengths[1].sqrt();
        if let Some(law) = &self.evaluation.law {
            let left: f64 = x.iter().zip(&*field).map(|(x, g)| x * g).sum();
            let unbiased = count as f64 / (count - 1) as f64;
            let variance = (square - lengths[0] - lengths[1]) * unbiased;
            let right = 0.5 * law.noise() * variance;
            for (place, value) in row[7..].iter_mut().zip([left, right, left - right]) {
                *place += value;
            }
        }
    }
}
