//! The linear rate of IPA where every step contracts.

use converge_problems::imaging::{Imaging, ImagingConfig, Loss};
use converge_problems::numerics::vector::{axpy, norm};
use converge_problems::{
    Better, Metric, Problem, Seed, SetupError, Split, require, require_positive,
};
use converge_solvers::PnpAdmm;
use faer::{Mat, Side};
use serde::Deserialize;

use super::iteration::Run;
use crate::registry::{Probe, ProbeError};

/// IPA on least squares whose blocks are strongly convex, with a linear symmetric denoiser, so that all
/// maps are matrices: `μ` is the least eigenvalue of all `A_i' A_i`, `ε = ‖I - D‖`. With `T_i = I - S_i`,
///
/// ```text
/// η = (1 + ε + εγμ + 2ε²γμ) / (1 + γμ + 2εγμ)                      ‖T_i‖ <= η where γ > ε/(μ(1 + ε - 2ε²))
/// ‖x_k - x*‖ <= η^(k-1) (2R + 4γL) + 4γL/(1 - η)
/// ```
///
/// `R = max_k ‖x_k - x*‖`, and `L` the largest `‖u - G_i(u)‖/γ` and `‖u - G(u)‖/γ` at the points visited
/// and at the fixed point, which is what the proof uses. One row an iteration of every penalty:
///
/// | column | number |
/// |---|---|
/// | `penalty`, `iteration` | `γ`, `k` |
/// | `residual-norm` | `ε`: 0 where the denoiser does nothing |
/// | `factor` | `η`; NaN where its condition does not hold, and so what follows from it |
/// | `contraction` | `max_i ‖T_i‖` |
/// | `contraction-share` | their quotient |
/// | `distance`, `bound` | the sides |
/// | `share` | their quotient |
///
/// Source: specification 6.3, C19 and C20, after Ryu et al. 2019.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ContractionBound {
    /// The instance: least squares, at most 1024 unknowns, a linear denoiser.
    pub problem: ImagingConfig,
    /// The method, but for the penalty.
    pub solver: PnpAdmm,
    /// `γ`.
    pub penalties: Vec<f64>,
    /// Iterations.
    pub iterations: u32,
}

/// Most iterations to the fixed point.
const REFERENCE: u32 = 3000;
/// They end where a step is this short, relative.
const SETTLED: f64 = 1e-13;

impl Probe for ContractionBound {
    const ID: &'static str = "contraction-bound";
    const ABOUT: &'static str = "linear rate of IPA against the bound of its theory";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![
            Metric::diagnostic("penalty"),
            Metric::diagnostic("iteration"),
            Metric::diagnostic("residual-norm"),
            lower("factor"),
            lower("contraction"),
            lower("contraction-share"),
            lower("distance"),
            lower("bound"),
            lower("share"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let loss = self.problem.data_term;
        require(
            "problem.data-term",
            format!("{loss:?}"),
            loss == Loss::LeastSquares,
            "least-squares",
        )?;
        let problem = Imaging::new(&self.problem, seed)?;
        let dim = problem.dim();
        require("problem.image", format!("{dim} pixels"), dim <= 1024, "at most 1024 pixels")?;
        let convexity = convexity(&problem)?;
        for &penalty in &self.penalties {
            require_positive("penalties", penalty)?;
            let solver = PnpAdmm { penalty, ..self.solver.clone() };
            let mut run = Run::new(&problem, &solver, seed)?;
            let epsilon = matrix_norm(dim, |u| {
                let d = run.denoise(u);
                u.iter().zip(&d).map(|(u, d)| u - d).collect()
            })?;
            let factor = factor(epsilon, penalty, convexity);
            let contraction = contraction(&problem, &mut run)?;
            for [k, distance, bound] in self.walk(&problem, &solver, factor, seed)? {
                let quotients = [contraction / factor, distance / bound];
                push(&[
                    penalty,
                    k,
                    epsilon,
                    factor,
                    contraction,
                    quotients[0],
                    distance,
                    bound,
                    quotients[1],
                ]);
            }
        }
        Ok(())
    }
}

/// `η`; NaN where the condition on `γ` does not hold.
fn factor(epsilon: f64, penalty: f64, convexity: f64) -> f64 {
    let rest = 1.0 + epsilon - 2.0 * epsilon * epsilon;
    let pull = penalty * convexity;
    if epsilon >= 1.0 || rest <= 0.0 || pull * rest <= epsilon {
        return f64::NAN;
    }
    (1.0 + epsilon + epsilon * pull + 2.0 * epsilon * epsilon * pull)
        / (1.0 + pull + 2.0 * epsilon * pull)
}

/// `max_i ‖T_i‖`, the linear part of `v - S_i(v)`.
fn contraction(problem: &Imaging, run: &mut Run<'_>) -> Result<f64, ProbeError> {
    let dim = problem.dim();
    let mut largest = 0.0_f64;
    for block in run.all() {
        let offset = run.residual(&[block], &vec![0.0; dim]);
        let norm = matrix_norm(dim, |u| {
            let s = run.residual(&[block], u);
            u.iter().zip(&s).zip(&offset).map(|((u, s), o)| u - (s - o)).collect()
        })?;
        largest = largest.max(norm);
    }
    Ok(largest)
}

impl ContractionBound {
    /// Iteration, distance and bound.
    fn walk(
        &self,
        problem: &Imaging,
        solver: &PnpAdmm,
        factor: f64,
        seed: Seed,
    ) -> Result<Vec<[f64; 3]>, ProbeError> {
        let gap = |a: &[f64], b: &[f64]| {
            let mut gap = a.to_vec();
            axpy(-1.0, b, &mut gap);
            norm(&gap)
        };
        let full = PnpAdmm { batch: None, ..solver.clone() };
        let mut whole = Run::new(problem, &full, seed)?;
        let mut fixed = whole.x().to_vec();
        for _ in 0..REFERENCE {
            whole.step()?;
            let moved = gap(whole.x(), &fixed);
            fixed.copy_from_slice(whole.x());
            if moved <= SETTLED * norm(&fixed) {
                break;
            }
        }
        let rest = norm(whole.state.multiplier());
        let mut run = Run::new(problem, solver, seed)?;
        let (all, penalty) = (run.all(), solver.penalty);
        let (mut distances, mut lipschitz) = (Vec::new(), rest / penalty);
        let mut radius = gap(run.x(), &fixed);
        for _ in 0..self.iterations {
            let u: Vec<f64> =
                run.x().iter().zip(run.state.multiplier()).map(|(x, s)| x + s).collect();
            for blocks in all.chunks(1).chain([&all[..]]) {
                let z = run.map(blocks, &u);
                lipschitz = lipschitz.max(gap(&u, &z) / penalty);
            }
            run.step()?;
            let distance = gap(run.x(), &fixed);
            radius = radius.max(distance);
            distances.push(distance);
        }
        let reach = 4.0 * penalty * lipschitz;
        let bound = |k: u32| {
            factor.powf(f64::from(k) - 1.0) * (2.0 * radius + reach) + reach / (1.0 - factor)
        };
        let rows = (1..=self.iterations).zip(distances);
        Ok(rows.map(|(k, distance)| [f64::from(k), distance, bound(k)]).collect())
    }
}

/// Of a linear map by its matrix.
fn matrix_norm(dim: usize, mut map: impl FnMut(&[f64]) -> Vec<f64>) -> Result<f64, SetupError> {
    let values = matrix(dim, dim, &mut map).singular_values();
    let values = values.map_err(|e| SetupError::Numerics(format!("singular values: {e:?}")))?;
    Ok(values.first().copied().unwrap_or(0.0))
}

fn matrix(rows: usize, columns: usize, map: &mut impl FnMut(&[f64]) -> Vec<f64>) -> Mat<f64> {
    let mut matrix = Mat::zeros(rows, columns);
    for j in 0..columns {
        let mut unit = vec![0.0; columns];
        unit[j] = 1.0;
        for (i, x) in map(&unit).into_iter().enumerate() {
            matrix[(i, j)] = x;
        }
    }
    matrix
}

/// `μ`: the least eigenvalue of all `A_i' A_i`.
fn convexity(problem: &Imaging) -> Result<f64, SetupError> {
    let (operator, dim) = (problem.operator(), problem.dim());
    let mut room = operator.room();
    let mut least = f64::INFINITY;
    for block in 0..operator.blocks() {
        let count = operator.entries(block) * if operator.complex() { 2 } else { 1 };
        let a = matrix(count, dim, &mut |x: &[f64]| {
            let mut y = vec![0.0; count];
            operator.forward(block, x, &mut y, &mut room);
            y
        });
        let normal = a.transpose() * &a;
        let values = normal.self_adjoint_eigenvalues(Side::Lower);
        let values = values.map_err(|e| SetupError::Numerics(format!("eigenvalues: {e:?}")))?;
        least = least.min(values.first().copied().unwrap_or(0.0));
    }
    require(
        "problem.operator",
        format!("least eigenvalue {least:e}"),
        least > 1e-8,
        "blocks that see every image",
    )?;
    Ok(least)
}
