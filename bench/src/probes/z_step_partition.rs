//! The step in the split variable: alone, together, on any number of threads.

use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{
    Better, Build, Gradient, HessianVector, Metric, Problem, Seed, SetupError, Split, Value,
    require,
};
use converge_solvers::{AdmmSoftmax, Breakdown, NewtonCg, Solver};
use rayon::ThreadPoolBuilder;
use serde::Deserialize;

use super::admm::{Variables, start};
use super::plain::Plain;
use crate::registry::{Probe, ProbeError};

/// Runs ADMM-Softmax on pools of several numbers of threads, and solves each of its steps in the
/// split variable once more as one joint problem in all `K N` unknowns. One row per iteration:
///
/// | column | number |
/// |---|---|
/// | `thread-difference` | largest absolute difference of `Z` from that of the first number of threads |
/// | `joint-difference` | largest absolute difference of `Z` from the joint minimiser by Newton-CG |
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ZStepPartition {
    /// The instance.
    pub problem: MlrConfig,
    /// Penalty per sample `s > 0`.
    pub penalty: f64,
    /// Iterations.
    pub iterations: u32,
    /// Numbers of threads, at least one of them.
    pub threads: Vec<usize>,
}

impl Probe for ZStepPartition {
    const ID: &'static str = "z-step-partition";
    const ABOUT: &'static str =
        "the step in the split variable over threads, and as a joint problem";

    fn columns(&self) -> Vec<Metric> {
        ["thread-difference", "joint-difference"]
            .map(|name| Metric::new(name, Better::Lower, Split::None))
            .to_vec()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let some = !self.threads.is_empty() && self.threads.iter().all(|&threads| threads > 0);
        require("threads", self.threads.len(), some, "numbers of at least 1")?;
        let problem = Mlr::build(&self.problem, seed, None)?;
        let runs = self
            .threads
            .iter()
            .map(|&threads| self.split_variables(&problem, threads, seed))
            .collect::<Result<Vec<_>, _>>()?;
        let joint = self.joint_differences(&problem, seed)?;
        for (iteration, joint) in joint.into_iter().enumerate() {
            let differences =
                runs.iter().map(|run| largest_difference(&run[iteration], &runs[0][iteration]));
            push(&[differences.fold(0.0, f64::max), joint]);
        }
        Ok(())
    }
}

impl ZStepPartition {
    fn solver(&self) -> AdmmSoftmax {
        AdmmSoftmax { penalty: self.penalty, ..AdmmSoftmax::default() }
    }

    /// `Z` after every iteration, on a pool of its own.
    fn split_variables(
        &self,
        problem: &Mlr,
        threads: usize,
        seed: Seed,
    ) -> Result<Vec<Vec<f64>>, ProbeError> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| SetupError::Numerics(error.to_string()))?;
        let solver = self.solver();
        pool.install(|| {
            let mut state = start(&solver, problem, seed)?;
            (0..self.iterations)
                .map(|_| {
                    solver.step(problem, &mut state)?;
                    Ok(Variables::of(problem, &state).z)
                })
                .collect()
        })
    }

    fn joint_differences(&self, problem: &Mlr, seed: Seed) -> Result<Vec<f64>, ProbeError> {
        let (solver, plain) = (self.solver(), Plain::new(problem));
        let mut state = start(&solver, problem, seed)?;
        let mut last = vec![0.0; plain.samples * plain.classes];
        (0..self.iterations)
            .map(|_| {
                solver.step(problem, &mut state)?;
                let Variables { z, u } = Variables::of(problem, &state);
                let mut center = plain.scores(solver.iterate(&state));
                for (center, u) in center.iter_mut().zip(&last) {
                    *center -= u;
                }
                last = u;
                let joint = JointStep::new(&plain, center, self.penalty).minimize(seed)?;
                Ok(largest_difference(&z, &joint))
            })
            .collect()
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// `min over Z of (1/N) Σ_j [lse(z_j) - c_jᵀ z_j] + (s/2N) ‖Z - V‖²` with all columns in one vector.
struct JointStep {
    classes: usize,
    targets: Vec<f64>,
    center: Vec<f64>,
    penalty: f64,
}

impl JointStep {
    fn new(plain: &Plain, center: Vec<f64>, penalty: f64) -> Self {
        Self { classes: plain.classes, targets: plain.targets(), center, penalty }
    }

    /// The minimiser by Newton-CG. The objective is `s/N`-strongly convex, so `‖∇‖ <= 1e-7 s/N`
    /// puts no entry off by more than `1e-7`, a tenth of what the claim asks for.
    fn minimize(&self, seed: Seed) -> Result<Vec<f64>, ProbeError> {
        let samples = (self.center.len() / self.classes) as f64;
        let newton = NewtonCg {
            gradient_tolerance: 1e-7 * self.penalty / samples,
            products: 500,
            // The value is a plain sum of N terms far larger than their mean, so its rounding is
            // far above that of one term; the slopes of a convex problem decide without it.
            noise: 1e-9,
            ..NewtonCg::default()
        };
        let mut state = newton.init(self, &self.center, seed)?;
        for _ in 0..200 {
            if newton.step(self, &mut state)?.converged {
                return Ok(Solver::<Self>::iterate(&newton, &state).to_vec());
            }
        }
        Err(Breakdown::NotConverged("the joint problem").into())
    }

    /// Softmax of a column into `out`; returns `lse`.
    fn softmax(z: &[f64], out: &mut [f64]) -> f64 {
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for (out, z) in out.iter_mut().zip(z) {
            *out = (z - max).exp();
            sum += *out;
        }
        for out in out {
            *out /= sum;
        }
        max + sum.ln()
    }

    fn samples(&self) -> f64 {
        (self.center.len() / self.classes) as f64
    }
}

impl Problem for JointStep {
    type Scratch = ();

    fn dim(&self) -> usize {
        self.center.len()
    }
    fn scratch(&self) {}
    fn start(&self, _: Seed, x: &mut [f64]) {
        x.copy_from_slice(&self.center);
    }
    fn metrics(&self) -> &[Metric] {
        &[]
    }
    fn evaluate(&self, _: &[f64], _: &mut [f64], (): &mut ()) {}
}

impl Value for JointStep {
    fn value(&self, x: &[f64], (): &mut ()) -> f64 {
        let mut g = vec![0.0; x.len()];
        self.value_gradient(x, &mut g, &mut ())
    }
}

impl Gradient for JointStep {
    fn value_gradient(&self, x: &[f64], g: &mut [f64], (): &mut ()) -> f64 {
        let samples = self.samples();
        let mut value = 0.0;
        let columns = x.chunks_exact(self.classes).zip(g.chunks_exact_mut(self.classes));
        let data =
            self.targets.chunks_exact(self.classes).zip(self.center.chunks_exact(self.classes));
        for ((z, g), (c, v)) in columns.zip(data) {
            value += Self::softmax(z, g);
            for i in 0..self.classes {
                let offset = z[i] - v[i];
                value += 0.5 * self.penalty * offset * offset - c[i] * z[i];
                g[i] = (g[i] - c[i] + self.penalty * offset) / samples;
            }
        }
        value / samples
    }
}

impl HessianVector for JointStep {
    /// Softmax of every column.
    type Linearization = Vec<f64>;

    fn linearization(&self) -> Vec<f64> {
        vec![0.0; self.center.len()]
    }

    fn linearize(&self, x: &[f64], at: &mut Vec<f64>, (): &mut ()) {
        for (z, p) in x.chunks_exact(self.classes).zip(at.chunks_exact_mut(self.classes)) {
            Self::softmax(z, p);
        }
    }

    fn hessian_vector(&self, at: &Vec<f64>, v: &[f64], hv: &mut [f64], (): &mut ()) {
        let samples = self.samples();
        let columns = v.chunks_exact(self.classes).zip(hv.chunks_exact_mut(self.classes));
        for ((v, hv), p) in columns.zip(at.chunks_exact(self.classes)) {
            let mean: f64 = p.iter().zip(v).map(|(p, v)| p * v).sum();
            for i in 0..self.classes {
                hv[i] = (p[i] * (v[i] - mean) + self.penalty * v[i]) / samples;
            }
        }
    }
}
