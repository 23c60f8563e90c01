//! Multilevel Monte Carlo over the substeps of an integrator.

use converge_problems::{Diffusion, Seed, require, require_positive};

use super::coupled::{EnsembleError, coupled_samples, endpoints};
use super::integrator::{Integrator, Scheme};
use crate::Breakdown;

/// `E f(X)` of a diffusion after a number of steps of the chain, to a root-mean-square error of
/// `tolerance`, from coupled differences of an integrator with `m 2^l` and `m 2^(l-1)` substeps.
///
/// ```text
/// E f ≈ Σ_l (1/N_l) Σ_i (f(X^l) - f(X^(l-1))),   N_l ∝ √(V_l / C_l)
/// ```
///
/// Half of the squared tolerance is for the variance, half for the bias, which is estimated from the means
/// of the last two levels with the weak order `α` of the scheme.
///
/// Source: M. Giles, Multilevel Monte Carlo path simulation, Oper. Res. 56 (2008) 607–617; the test of the
/// bias as in M. Giles, Multilevel Monte Carlo methods, Acta Numerica 24 (2015), section 3.
#[derive(Clone, Debug, PartialEq)]
pub struct Multilevel {
    /// Root-mean-square error asked for, above 0.
    pub tolerance: f64,
    /// Weak order `α` of the scheme, above 0.
    pub order: f64,
    /// Paths of the first look at a level, and at least of every further one; at least 2.
    pub paths: usize,
    /// Levels beside the coarsest, at most; at least 2.
    pub levels: usize,
}

/// What was estimated on a level.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Substeps of the finer of the two ensembles.
    pub substeps: u64,
    /// Paths.
    pub paths: u64,
    /// Mean of the difference.
    pub mean: f64,
    /// Variance of the difference.
    pub variance: f64,
    sums: [f64; 2],
}

impl Level {
    /// Substeps of a path and a step, of both ensembles.
    fn cost(&self, level: usize) -> f64 {
        self.substeps as f64 * if level == 0 { 1.0 } else { 1.5 }
    }

    fn add(&mut self, samples: &[f64]) {
        self.paths += samples.len() as u64;
        for x in samples {
            self.sums = [self.sums[0] + x, self.sums[1] + x * x];
        }
        let n = self.paths as f64;
        self.mean = self.sums[0] / n;
        self.variance = ((self.sums[1] - n * self.mean * self.mean) / (n - 1.0)).max(0.0);
    }
}

/// The estimate, and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct MultilevelEstimate {
    /// The sum of the means of all levels.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The estimated bias of the finest level.
    pub bias: f64,
    /// Coarsest first.
    pub levels: Vec<Level>,
}

impl Multilevel {
    /// Runs it. `integrator.substeps` are those of the coarsest level; its resolution and its number of
    /// paths are not looked at.
    ///
    /// # Errors
    /// [`EnsembleError`] if parameters are inadmissible, an ensemble fails, or the finest level allowed has
    /// too large a bias.
    pub fn run<P: Diffusion, S: Scheme<P>>(
        &self,
        problem: &P,
        integrator: &Integrator<S>,
        steps: u64,
        seed: Seed,
        f: impl Fn(&[f64]) -> f64,
    ) -> Result<MultilevelEstimate, EnsembleError> {
        require_positive("tolerance", self.tolerance)?;
        require_positive("order", self.order)?;
        require("paths", self.paths, self.paths >= 2, "at least 2")?;
        require("levels", self.levels, (2..32).contains(&self.levels), "from 2 to 31")?;
        let sample = |level: usize, taken: u64, paths: usize| -> Result<Vec<f64>, EnsembleError> {
            let seed = seed.child("level").index(level as u64).index(taken);
            let resolution = integrator.substeps << level;
            let at = |substeps: u64| {
                let integrator = Integrator {
                    substeps,
                    resolution,
                    paths,
                    antithetic: false,
                    ..integrator.clone()
                };
                endpoints(problem, &integrator, steps, seed)
            };
            let fine = at(resolution)?;
            if level == 0 {
                return Ok(coupled_samples(problem.dim(), &[(1.0, &fine)], false, &f));
            }
            let coarse = at(resolution / 2)?;
            Ok(coupled_samples(problem.dim(), &[(1.0, &fine), (-1.0, &coarse)], false, &f))
        };
        let mut levels = Vec::new();
        let mut finest = 2;
        loop {
            for level in levels.len()..=finest {
                let substeps = integrator.substeps << level;
                let mut new = Level { substeps, ..Level::default() };
                new.add(&sample(level, 0, self.paths)?);
                levels.push(new);
            }
            self.fill_up(&mut levels, &sample)?;
            let bias = self.bias(&levels);
            if bias <= self.tolerance / std::f64::consts::SQRT_2 {
                let variance: f64 = levels.iter().map(|l| l.variance / l.paths as f64).sum();
                return Ok(MultilevelEstimate {
                    mean: levels.iter().map(|level| level.mean).sum(),
                    standard_error: variance.sqrt(),
                    bias,
                    levels,
                });
            }
            if finest == self.levels {
                return Err(Breakdown::NotConverged("multilevel estimation").into());
            }
            finest += 1;
        }
    }

    /// Takes samples until every level has as many as the variance asks for.
    fn fill_up(
        &self,
        levels: &mut [Level],
        sample: &impl Fn(usize, u64, usize) -> Result<Vec<f64>, EnsembleError>,
    ) -> Result<(), EnsembleError> {
        loop {
            let costs = levels.iter().enumerate().map(|(l, level)| level.cost(l));
            let total: f64 = costs.zip(levels.iter()).map(|(c, l)| (c * l.variance).sqrt()).sum();
            let mut enough = true;
            for (l, level) in levels.iter_mut().enumerate() {
                let share = (level.variance / level.cost(l)).sqrt();
                let wanted = (2.0 * share * total / self.tolerance.powi(2)).ceil() as u64;
                if wanted > level.paths {
                    let more = ((wanted - level.paths) as usize).max(self.paths);
                    level.add(&sample(l, level.paths, more)?);
                    enough = false;
                }
            }
            if enough {
                return Ok(());
            }
        }
    }

    /// What the levels that are not there would add: the last mean over `2^α - 1`, or the one before it
    /// over that and `2^α`, whichever is larger.
    fn bias(&self, levels: &[Level]) -> f64 {
        let ratio = 2.0_f64.powf(self.order);
        let [.., before, last] = levels else { return f64::INFINITY };
        (before.mean.abs() / ratio).max(last.mean.abs()) / (ratio - 1.0)
    }
}
