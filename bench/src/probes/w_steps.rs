//! The least-squares problems that a run of ADMM-Softmax poses, solved and timed by any method.

use converge_problems::data::{Dataset, DatasetChoice, Features, Samples, Shape};
use converge_problems::data::{Model, Synthetic};
use converge_problems::mlr::{
    Amount, FeatureChoice, Mlr, MlrConfig, RandomConvolution, Ridge, RidgeOperator, SplitChoice,
};
use converge_problems::{Problem, Seed, SetupError, require};
use converge_solvers::{AdmmSoftmax, LeastSquares, LeastSquaresSystem, Right, Solver};
use serde::Deserialize;

use super::admm::{Variables, start};
use crate::clock::{Clock, Monotonic};
use crate::registry::ProbeError;

/// Sizes and parameters of the runs: every number of samples with every size of the images.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WSteps {
    /// Numbers of samples `N`.
    pub samples: Vec<usize>,
    /// Edges of the square images; `p` is filters times the square of an edge, and 1.
    pub edges: Vec<usize>,
    /// Random filters: channels of the features.
    pub filters: usize,
    /// Classes `K`.
    pub classes: usize,
    /// Weight `α` of the Laplacian.
    pub ridge: f64,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations of the run.
    pub steps: usize,
    /// Measurements of everything timed; the smallest counts.
    pub repeats: u32,
}

/// What one method took.
pub(super) struct Measured {
    pub(super) setup: f64,
    /// Seconds of each W-step.
    pub(super) solves: Vec<f64>,
    /// Passes over the data per W-step.
    pub(super) passes: f64,
    /// Largest relative distance of a `W` from that of the run.
    pub(super) error: f64,
}

impl Measured {
    pub(super) fn total(&self) -> f64 {
        self.setup + self.solves.iter().sum::<f64>()
    }

    /// Set-up and the first `steps` W-steps; beyond those measured the mean of their second half,
    /// when warm starts have settled.
    pub(super) fn after(&self, steps: usize) -> f64 {
        let measured = self.solves.iter().take(steps).sum::<f64>();
        let late = &self.solves[self.solves.len() / 2..];
        let rest = steps.saturating_sub(self.solves.len()) as f64;
        self.setup + measured + rest * late.iter().sum::<f64>() / late.len().max(1) as f64
    }
}

/// Right-hand sides and solutions of a run.
pub(super) struct Recording {
    pub(super) problem: Mlr,
    ratio: f64,
    steps: Vec<Posed>,
}

struct Posed {
    /// `D (Z + U)ᵀ`.
    right: Vec<f64>,
    /// `Z` and `U`, tile by tile.
    split: Vec<f64>,
    change: f64,
    solution: Vec<f64>,
}

impl WSteps {
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let some = |list: &[usize]| !list.is_empty() && list.iter().all(|&n| n > 0);
        require("samples", self.samples.len(), some(&self.samples), "numbers of at least 1")?;
        require("edges", self.edges.len(), some(&self.edges), "numbers of at least 1")?;
        require("steps", self.steps, self.steps > 0, "at least 1")
    }

    /// Samples and edges of every row.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.edges.iter().flat_map(|&edge| self.samples.iter().map(move |&n| (n, edge)))
    }

    /// Smooth random images, whose spectrum falls like that of photographs (amplitude `1/f`), with
    /// labels of a linear model.
    fn problem(&self, samples: usize, edge: usize, seed: Seed) -> Result<Mlr, SetupError> {
        let shape = Shape { channels: 1, rows: edge, columns: edge };
        let white = Synthetic {
            model: Model::GumbelSoftmax,
            samples,
            inputs: shape.inputs(),
            classes: self.classes,
            signal: 3.0,
            ..Synthetic::default()
        };
        let mut data: Dataset = white.generate(seed.child("data"))?;
        let Features::F64(mut values) = data.train.features else {
            return Err(SetupError::Numerics("synthetic features are doubles".into()));
        };
        let operator = RidgeOperator::laplacian(shape, false);
        let Some(mut smooth) = operator.power(-0.25) else {
            return Err(SetupError::Numerics("the Laplacian has no inverse".into()));
        };
        let mut image = vec![0.0; shape.inputs() + 1];
        for sample in values.chunks_exact_mut(shape.inputs()) {
            image[..sample.len()].copy_from_slice(sample);
            smooth.apply(&mut image);
            sample.copy_from_slice(&image[..sample.len()]);
        }
        let square = values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
        values.iter_mut().for_each(|v| *v /= square.sqrt());
        data.train = Samples { features: Features::F64(values), labels: data.train.labels };
        data.shape = shape;
        let mut config = MlrConfig::new(DatasetChoice::Named("smooth images".into()));
        config.features = FeatureChoice::RandomConvolution(RandomConvolution {
            filters: self.filters,
            ..RandomConvolution::default()
        });
        config.ridge = Ridge::Laplacian(self.ridge);
        config.split = SplitChoice { test: Some(Amount::Count(0)), ..SplitChoice::ALL };
        Mlr::new(&data, &config, seed, None)
    }

    /// Runs ADMM-Softmax with `by` and keeps what it solved.
    pub(super) fn record(
        &self,
        (samples, edge): (usize, usize),
        by: LeastSquares,
        seed: Seed,
    ) -> Result<Recording, ProbeError> {
        let seed = seed.child("w-steps");
        let problem = self.problem(samples, edge, seed)?;
        let solver =
            AdmmSoftmax { penalty: self.penalty, least_squares: by, ..AdmmSoftmax::default() };
        let mut state = start(&solver, &problem, seed)?;
        // The first step leaves zero: it poses nothing.
        solver.step(&problem, &mut state)?;
        let mut before: Option<Variables> = None;
        let mut steps = Vec::with_capacity(self.steps);
        for _ in 0..self.steps {
            let now = Variables::of(&problem, &state);
            let square =
                |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            let change = before.as_ref().map_or(f64::NAN, |before| {
                (square(&now.z, &before.z) + square(&now.u, &before.u)).sqrt()
            });
            before = Some(now);
            let (right, split) = (state.right().to_vec(), state.split().to_vec());
            solver.step(&problem, &mut state)?;
            let solution = Solver::<Mlr>::iterate(&solver, &state).to_vec();
            steps.push(Posed { right, split, change, solution });
        }
        let ratio = problem.ridge_weight() * samples as f64 / self.penalty;
        Ok(Recording { problem, ratio, steps })
    }
}

impl Recording {
    /// Solves all of it by `method`, warm-started, on the threads of the pool. With `again` the
    /// factorisation is done again before every solve but the first, `G` at hand.
    pub(super) fn measure(
        &self,
        method: &LeastSquares,
        again: bool,
        repeats: u32,
        seed: Seed,
    ) -> Result<Measured, ProbeError> {
        let Self { problem, ratio, steps } = self;
        let mut scratch = problem.scratch();
        let mut best = Measured {
            setup: f64::INFINITY,
            solves: vec![f64::INFINITY; steps.len()],
            passes: 0.0,
            error: 0.0,
        };
        let mut clock = Monotonic::start();
        let part = problem.tile_capacity() * problem.classes();
        for _ in 0..repeats.max(1) {
            let begin = clock.now();
            let mut system = LeastSquaresSystem::new(method, problem, *ratio, seed)?;
            best.setup = best.setup.min(clock.now() - begin);
            let mut w = vec![0.0; problem.dim()];
            let mut passes = 0;
            for (k, (posed, seconds)) in steps.iter().zip(&mut best.solves).enumerate() {
                let data = |first: usize, to: &mut [f64]| {
                    let (z, u) = posed.split[2 * first * problem.classes()..].split_at(part);
                    to.iter_mut().zip(z).zip(u).for_each(|((f, z), u)| *f = z + u);
                };
                let right = Right { product: &posed.right, data: &data, step: posed.change };
                let begin = clock.now();
                if again && k > 0 {
                    system.set_ratio(problem, *ratio)?;
                }
                passes += system.solve(problem, &right, &mut w, &mut scratch)?.passes;
                *seconds = seconds.min(clock.now() - begin);
                let (mut gap, mut size) = (0.0, 0.0);
                for (w, x) in w.iter().zip(&posed.solution) {
                    gap += (w - x) * (w - x);
                    size += x * x;
                }
                best.error = best.error.max((gap / size).sqrt());
            }
            best.passes = passes as f64 / steps.len() as f64;
        }
        Ok(best)
    }
}
