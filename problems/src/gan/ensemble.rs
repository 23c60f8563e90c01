//! What is measured on an ensemble of paths of a population game.
//!
//! Every number is a mean over the paths and stands beside its Monte-Carlo standard error, NaN for one
//! path, in a column of its own: `theta` and `theta-error`. In more than one dimension a path
//! contributes the mean over the coordinates of a player.
//!
//! | columns | function of a path |
//! |---|---|
//! | `theta`, `omega` | `θ`, `ω` |
//! | `theta-square`, `theta-omega`, `omega-square` | `θ²`, `θω`, `ω²` |
//! | `tanh-theta`, `tanh-omega` | `tanh θ`, `tanh ω`: bounded, with bounded derivatives |
//! | `distance-square` | `|x - c|²` from the centre `c` of the relations, the sum over all coordinates |
//! | `fdr1`, `fdr1-theta`, `fdr1-omega`, `fdr2`, each `-left`, `-right`, `-gap` | the two sides of a relation and left minus right ([`relations`](super::relations)) |
//! | `distance` | `|x - x*|` from the point of rest of the drift, of games in the plane |
//! | `mean-distance`, `covariance-distance` | from the stationary law: `|m̂ - m|`, `|Ĉ - C|_F / |C|_F` |
//! | `wasserstein` | 2-Wasserstein distance between the normal laws with those moments |
//!
//! The relations and the last two rows need a [`Law`], the last two one that is normal.

use std::borrow::Cow;

use faer::Mat;

use super::gaussian::Gaussian;
use super::law::Law;
use super::relations::Relations;
use crate::{Better, Diffusion, Metric, Output, Seed, SetupError, Split};

/// Traces that the relations need at one point, of the minimizer and the maximizer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traces {
    /// `Tr Σ` of one pair.
    pub variance: [f64; 2],
    /// `Tr(Σ ∇²Φ)` of one pair in the player's own coordinates.
    pub curvature: [f64; 2],
}

/// What an ensemble of a game needs beside its diffusion.
pub(super) trait Observed: Diffusion {
    /// Coordinates of the minimizer, which come first.
    fn minimizer(&self) -> usize;
    /// The traces at `x`.
    fn traces(&self, x: &[f64], scratch: &mut Self::Scratch) -> Traces;
    /// What to observe.
    fn observables(&self) -> &Observables;
    /// Writes the drift of one pair made from its `normals`, and says so; `false` where the mean over a
    /// mini-batch follows from [`Diffusion::batch_noise`] exactly.
    fn pair(&self, _x: &[f64], _normals: &[f64], _b: &mut [f64]) -> bool {
        false
    }
    /// Writes further functions of a path with drift `b`, in the order of their names.
    fn extra(&self, _x: &[f64], _b: &[f64], _out: &mut [f64]) {}
}

/// The functions and laws of one instance.
#[derive(Clone, Debug)]
pub(super) struct Observables {
    pub(super) metrics: Vec<Metric>,
    center: Vec<f64>,
    relations: Option<Relations>,
    law: Option<Gaussian>,
    quantiles: usize,
    extra: usize,
}

const MOMENTS: [&str; 8] = [
    "theta",
    "omega",
    "theta-square",
    "theta-omega",
    "omega-square",
    "tanh-theta",
    "tanh-omega",
    "distance-square",
];

impl Observables {
    /// Those of a game with `names` of further functions; relations about `center` if `law` is given,
    /// the second one only where there is a payoff to both players.
    pub(super) fn new(
        law: Option<&Law>,
        center: Vec<f64>,
        zero_sum: bool,
        gaussian: Option<Gaussian>,
        names: &[&str],
    ) -> Self {
        let relations = law.map(|law| Relations::new(law, center.clone(), zero_sum));
        let mut metrics: Vec<Metric> = Vec::new();
        let mut push = |name: String| {
            metrics.push(diagnostic(name.clone()));
            metrics.push(diagnostic(format!("{name}-error")));
        };
        MOMENTS.iter().for_each(|name| push((*name).to_owned()));
        for name in relations.iter().flat_map(Relations::names) {
            ["left", "right", "gap"].iter().for_each(|side| push(format!("{name}-{side}")));
        }
        names.iter().for_each(|name| push((*name).to_owned()));
        // The one number of a path that its method makes small.
        let distance = metrics.iter_mut().find(|metric| metric.name == "distance-square");
        distance.into_iter().for_each(|metric| metric.better = Better::Lower);
        if gaussian.is_some() {
            for name in ["mean-distance", "covariance-distance", "wasserstein"] {
                metrics.push(Metric::new(name, Better::Lower, Split::None));
            }
        }
        Self { metrics, center, relations, law: gaussian, quantiles: 0, extra: names.len() }
    }

    /// The law that starts and distances refer to, for the parameter `name`.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] if there is none.
    pub(super) fn gaussian(
        &self,
        name: &'static str,
        value: String,
    ) -> Result<&Gaussian, SetupError> {
        self.law.as_ref().ok_or(SetupError::Parameter {
            name,
            value,
            admissible: "only with a `law` that is known and normal: name one, or leave this out",
        })
    }

    /// A draw from that law, if there is one.
    pub(super) fn draw(&self, seed: Seed, x: &mut [f64]) {
        match &self.law {
            Some(law) => law.draw(seed, x),
            None => x.fill(f64::NAN), // the set-up refuses such a start
        }
    }

    /// Leaves behind the quantiles of the first `count` paths in that law.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] if there is none.
    pub(super) fn leave_quantiles(&mut self, count: usize) -> Result<(), SetupError> {
        self.gaussian("quantiles", count.to_string())?;
        self.quantiles = count;
        Ok(())
    }

    /// See [`Problem::outputs`](crate::Problem::outputs).
    pub(super) fn outputs(&self) -> Vec<Output> {
        let output = Output { name: "law-quantiles".into(), shape: vec![self.quantiles] };
        if self.quantiles > 0 { vec![output] } else { Vec::new() }
    }

    /// Writes the quantiles of the paths in `x`; NaN where there are fewer paths.
    pub(super) fn output(&self, x: &[f64], dim: usize, out: &mut [f64]) {
        let quantile = |x| self.law.as_ref().map_or(f64::NAN, |law| law.quantile(x));
        let paths = x.chunks_exact(dim).map(quantile).chain(std::iter::repeat(f64::NAN));
        out.iter_mut().zip(paths).for_each(|(out, quantile)| *out = quantile);
    }

    /// Numbers that one path contributes.
    fn functions(&self) -> usize {
        MOMENTS.len() + self.relations.as_ref().map_or(0, |r| 3 * r.names().count()) + self.extra
    }
}

fn diagnostic(name: String) -> Metric {
    let name = Cow::Owned(name);
    Metric { name, unit: Cow::Borrowed(""), better: Better::Neither, split: Split::None }
}

/// Temporaries of [`evaluate`], in the scratch of a problem.
#[derive(Clone, Debug, Default)]
pub(super) struct Observation {
    drift: Vec<f64>,
    correction: Vec<f64>,
    values: Vec<f64>,
    /// Sums of values less those of the first path, and of their squares.
    sums: Vec<[f64; 2]>,
    first: Vec<f64>,
}

/// Measures the ensemble `x` into `row`.
pub(super) fn evaluate<P: Observed>(
    problem: &P,
    x: &[f64],
    row: &mut [f64],
    scratch: &mut P::Scratch,
    room: &mut Observation,
) {
    let (dim, observables) = (problem.dim(), problem.observables());
    let functions = observables.functions();
    let Observation { drift, correction, values, sums, first } = room;
    drift.resize(dim, 0.0);
    correction.resize(dim, 0.0);
    values.resize(functions, 0.0);
    first.resize(functions, 0.0);
    sums.clear();
    sums.resize(functions, [0.0; 2]);
    for (path, x) in x.chunks_exact(dim).enumerate() {
        problem.drift(x, drift, scratch);
        let (moments, rest) = values.split_at_mut(MOMENTS.len());
        of_point(x, problem.minimizer(), &observables.center, moments);
        let (sides, extra) = rest.split_at_mut(rest.len() - observables.extra);
        if let Some(relations) = &observables.relations {
            if let Some(order) = relations.correction() {
                problem.correction(order, x, correction, scratch);
            }
            let traces = problem.traces(x, scratch);
            relations.sides(x, problem.minimizer(), drift, correction, &traces, sides);
        }
        problem.extra(x, drift, extra);
        if path == 0 {
            first.copy_from_slice(values);
        }
        for ((sum, value), first) in sums.iter_mut().zip(&*values).zip(&*first) {
            let off = value - first;
            sum[0] += off;
            sum[1] += off * off;
        }
    }
    let paths = (x.len() / dim) as f64;
    let (means, distances) = row.split_at_mut(2 * functions);
    for ((out, sum), first) in means.chunks_exact_mut(2).zip(sums).zip(first) {
        let off = sum[0] / paths;
        out[0] = *first + off;
        // Of one path 0/0: no error is known.
        out[1] = ((sum[1] / paths - off * off).max(0.0) / (paths - 1.0)).sqrt();
    }
    if let Some(law) = &observables.law {
        distances.copy_from_slice(&law_distances(law, x, dim));
    }
}

/// The moments and test functions of a path, means over the coordinates of the players.
fn of_point(x: &[f64], minimizer: usize, center: &[f64], out: &mut [f64]) {
    let (theta, omega) = x.split_at(minimizer);
    let mean = |x: &[f64], f: fn(f64) -> f64| x.iter().map(|&x| f(x)).sum::<f64>() / x.len() as f64;
    let pairs = theta.iter().zip(omega);
    let cross = pairs.map(|(a, b)| a * b).sum::<f64>() / theta.len().min(omega.len()) as f64;
    out.copy_from_slice(&[
        mean(theta, |x| x),
        mean(omega, |x| x),
        mean(theta, |x| x * x),
        cross,
        mean(omega, |x| x * x),
        mean(theta, f64::tanh),
        mean(omega, f64::tanh),
        x.iter().zip(center).map(|(x, c)| (x - c).powi(2)).sum(),
    ]);
}

fn law_distances(law: &Gaussian, x: &[f64], dim: usize) -> [f64; 3] {
    let paths = x.len() / dim;
    if paths < 2 {
        return [f64::NAN; 3];
    }
    let mut mean = law.mean.clone();
    for path in x.chunks_exact(dim) {
        let offs = path.iter().zip(&law.mean).map(|(x, m)| (x - m) / paths as f64);
        mean.iter_mut().zip(offs).for_each(|(mean, off)| *mean += off);
    }
    let mut covariance = Mat::<f64>::zeros(dim, dim);
    for path in x.chunks_exact(dim) {
        for j in 0..dim {
            for i in 0..dim {
                covariance[(i, j)] += (path[i] - mean[i]) * (path[j] - mean[j]);
            }
        }
    }
    let covariance = faer::Scale(1.0 / (paths - 1) as f64) * covariance;
    let shift = mean.iter().zip(&law.mean).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let gap = (&covariance - &law.covariance).norm_l2() / law.covariance.norm_l2();
    [shift, gap, law.wasserstein(&mean, covariance.as_ref())]
}
