//! PnP-ADMM with a proximal map against another method for the same minimum.

use converge_problems::imaging::operators::Room;
use converge_problems::imaging::{
    DenoiserChoice, DenoiserMethod, Imaging, ImagingConfig, ImagingScratch, Loss,
};
use converge_problems::numerics::vector::norm;
use converge_problems::{Better, Metric, Problem, Seed, Split, require, require_positive};
use converge_solvers::{PnpAdmm, StrengthScaling};
use serde::Deserialize;

use super::iteration::Run;
use crate::registry::{Probe, ProbeError};

/// Minimises `g(x) + τ Σ |∇x|` by PnP-ADMM with total variation as the denoiser, and by the primal–dual
/// method of Chambolle and Pock (J. Math. Imaging Vis. 40, 2011), which has no proximal map of `g` and
/// no inner solver in it. One row:
///
/// | column | number |
/// |---|---|
/// | `objective-gap` | difference of the objectives over the smaller one |
/// | `distance` | `‖x - x'‖ / ‖x'‖` |
/// | `objective` | of the primal–dual method |
///
/// Source: C3.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VariationalAgreement {
    /// The instance, `least-squares` or `l1` of real measurements; its denoiser is chosen here.
    pub problem: ImagingConfig,
    /// Weight `τ`.
    pub weight: f64,
    /// Penalty `γ` of PnP-ADMM.
    pub penalty: f64,
    /// Its iterations.
    pub iterations: u32,
    /// Iterations of the primal–dual method.
    pub reference: u32,
    /// Its primal step over its dual ones; changes its speed, not its limit.
    pub ratio: f64,
}

impl Probe for VariationalAgreement {
    const ID: &'static str = "variational-agreement";
    const ABOUT: &'static str = "PnP-ADMM with total variation against a primal-dual method";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![lower("objective-gap"), lower("distance"), lower("objective")]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("weight", self.weight)?;
        require_positive("ratio", self.ratio)?;
        // Half the squared error of a map is at most 1e-13 a pixel.
        let method = DenoiserMethod::TotalVariation {
            isotropic: true,
            tolerance: 1e-13,
            iterations: 20_000,
        };
        let denoiser =
            DenoiserChoice { method, range: [0.0, 1.0], nonnegative: false, real: false };
        let config = ImagingConfig { denoiser: Some(denoiser), ..self.problem.clone() };
        let problem = Imaging::new(&config, seed)?;
        let loss = problem.loss();
        let known = matches!(loss, Loss::LeastSquares | Loss::L1) && !problem.operator().complex();
        require("problem", format!("{loss:?}"), known, "least-squares or l1 of real measurements")?;
        let solver = PnpAdmm {
            penalty: self.penalty,
            strength: self.weight,
            strength_scaling: StrengthScaling::Linear,
            ..PnpAdmm::default()
        };
        let mut run = Run::new(&problem, &solver, seed)?;
        for _ in 0..self.iterations {
            run.step()?;
        }
        let other = PrimalDual::new(&problem, self.weight, self.ratio).run(self.reference);
        let mut scratch = problem.scratch();
        let [ours, theirs] =
            [run.x(), &other].map(|x| objective(&problem, self.weight, x, &mut scratch));
        let gap: Vec<f64> = run.x().iter().zip(&other).map(|(a, b)| a - b).collect();
        push(&[(ours - theirs).abs() / ours.min(theirs), norm(&gap) / norm(&other), theirs]);
        Ok(())
    }
}

fn objective(problem: &Imaging, weight: f64, x: &[f64], scratch: &mut ImagingScratch) -> f64 {
    let mut row = vec![0.0; problem.metrics().len()];
    problem.evaluate(x, &mut row, scratch);
    let rows = problem.shape()[0];
    let variation: f64 = (0..x.len()).map(|i| length(differences(x, rows, i))).sum();
    row[0] + weight * variation
}

/// Forward differences of pixel `i` down and to the right, zero across the border.
fn differences(x: &[f64], rows: usize, i: usize) -> [f64; 2] {
    let down = if i % rows + 1 < rows { x[i + 1] - x[i] } else { 0.0 };
    [down, if i + rows < x.len() { x[i + rows] - x[i] } else { 0.0 }]
}

fn length([a, b]: [f64; 2]) -> f64 {
    a.hypot(b)
}

/// `min_x max_{|p_i| <= τ, q} <∇x, p> + Σ_j (<A_j x - y_j, q_j> - f*(q_j))` with steps
/// `t (8 s + ‖A‖² r) = 1`.
struct PrimalDual<'a> {
    problem: &'a Imaging,
    weight: f64,
    /// `t`, `s`, `r`.
    steps: [f64; 3],
    room: Room,
}

impl<'a> PrimalDual<'a> {
    fn new(problem: &'a Imaging, weight: f64, ratio: f64) -> Self {
        let operator = problem.operator();
        let blocks = 0..operator.blocks();
        // Of the stacked blocks, from above.
        let size = blocks.map(|block| operator.norm_squared(block)).sum::<f64>().sqrt();
        let root = 8.0_f64.sqrt();
        let steps = [ratio / (root + size), 1.0 / (ratio * root), 1.0 / (ratio * size)];
        Self { problem, weight, steps, room: operator.room() }
    }

    fn run(mut self, iterations: u32) -> Vec<f64> {
        let (operator, data) = (self.problem.operator(), self.problem.data());
        let (dim, rows, loss) = (self.problem.dim(), self.problem.shape()[0], self.problem.loss());
        let [t, s, r] = self.steps;
        let mut x = vec![0.0; dim];
        let mut ahead = x.clone();
        let mut p = vec![[0.0; 2]; dim];
        let mut q = vec![0.0; data.values().len()];
        for _ in 0..iterations {
            for (i, p) in p.iter_mut().enumerate() {
                let d = differences(&ahead, rows, i);
                let moved = [p[0] + s * d[0], p[1] + s * d[1]];
                let over = (length(moved) / self.weight).max(1.0);
                *p = moved.map(|m| m / over);
            }
            let mut next = x.clone();
            for (i, p) in p.iter().enumerate() {
                // -t ∇'p.
                if i % rows + 1 < rows {
                    next[i] += t * p[0];
                    next[i + 1] -= t * p[0];
                }
                if i + rows < dim {
                    next[i] += t * p[1];
                    next[i + rows] -= t * p[1];
                }
            }
            for block in 0..operator.blocks() {
                let y = data.block(block);
                let mut predicted = vec![0.0; y.len()];
                operator.forward(block, &ahead, &mut predicted, &mut self.room);
                let q = &mut q[data.range(block)];
                for ((q, w), y) in q.iter_mut().zip(&predicted).zip(y) {
                    *q = dual(loss, *q + r * (w - y), r, operator.blocks() as f64);
                }
                operator.adjoint(block, -t, q, &mut next, &mut self.room);
            }
            for ((ahead, next), x) in ahead.iter_mut().zip(&next).zip(&x) {
                *ahead = 2.0 * next - x;
            }
            x = next;
        }
        x
    }
}

/// The proximal map of the conjugate of `|·|/b` or `|·|²/(2b)`, the measurement already taken off.
fn dual(loss: Loss, q: f64, step: f64, blocks: f64) -> f64 {
    match loss {
        Loss::L1 => q.clamp(-1.0 / blocks, 1.0 / blocks),
        _ => q / (1.0 + step * blocks),
    }
}
