//! Least squares with a known minimum.

use converge_problems::{
    Batch, BatchGradient, Better, Gradient, HessianVector, Metric, Problem, Seed, Split, Value,
};
use rand::RngExt;

use crate::vector::{axpy, dot};

/// Ridge least squares with a known minimum, the smallest problem with every capability.
///
/// ```text
/// f(x) = 1 + (1/n) Σ_i ½ (aᵢᵀx - bᵢ)² + (λ/2) ‖x - x*‖²,   b = A x*,   λ = 0.01
/// ```
///
/// so `x*` is the minimum and `f(x*) = 1`, whose rounding hides the last of every gap as in a real
/// objective. Every term is minimal at `x*`, so stochastic gradients vanish there too.
#[derive(Clone, Debug)]
pub struct LeastSquares {
    inputs: usize,
    /// Rows `aᵢ` one after the other: `samples x inputs`.
    a: Vec<f64>,
    b: Vec<f64>,
    minimizer: Vec<f64>,
    metrics: Vec<Metric>,
}

const RIDGE: f64 = 0.01;

impl LeastSquares {
    /// `samples` rows of `inputs` uniform numbers in `[-1, 1)`, drawn from root seed `root`; column
    /// `j` is scaled by `1/(1+j)`, which makes the problem ill-conditioned as `inputs` grows.
    pub fn new(samples: usize, inputs: usize, root: u64) -> Self {
        let mut rng = Seed::root(root).child("least-squares").rng();
        let mut a = vec![0.0; samples * inputs];
        for row in a.chunks_exact_mut(inputs) {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = rng.random_range(-1.0..1.0) / (1.0 + j as f64);
            }
        }
        let minimizer: Vec<f64> = (0..inputs).map(|_| rng.random_range(-1.0..1.0)).collect();
        let b = a.chunks_exact(inputs).map(|row| dot(row, &minimizer)).collect();
        let metrics = vec![
            Metric::new("objective", Better::Lower, Split::Train),
            Metric::new("distance", Better::Lower, Split::None),
        ];
        Self { inputs, a, b, minimizer, metrics }
    }

    /// `x*`.
    pub fn minimizer(&self) -> &[f64] {
        &self.minimizer
    }

    fn rows(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.a.chunks_exact(self.inputs).zip(self.b.iter().copied())
    }

    fn ridge(&self, x: &[f64]) -> f64 {
        let squares = x.iter().zip(&self.minimizer).map(|(x, m)| (x - m) * (x - m));
        0.5 * RIDGE * squares.sum::<f64>()
    }

    fn ridge_gradient(&self, x: &[f64], g: &mut [f64]) {
        for ((g, x), m) in g.iter_mut().zip(x).zip(&self.minimizer) {
            *g = RIDGE * (x - m);
        }
    }
}

impl Problem for LeastSquares {
    type Scratch = ();

    fn dim(&self) -> usize {
        self.inputs
    }
    fn terms(&self) -> Option<usize> {
        Some(self.b.len())
    }
    fn scratch(&self) -> Self::Scratch {}
    fn start(&self, seed: Seed, x: &mut [f64]) {
        let mut rng = seed.rng();
        for x in x.iter_mut() {
            *x = rng.random_range(-3.0..3.0);
        }
    }
    fn metrics(&self) -> &[Metric] {
        &self.metrics
    }
    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut Self::Scratch) {
        row[0] = self.value(x, scratch);
        row[1] = (self.ridge(x) * 2.0 / RIDGE).sqrt();
    }
}

impl Value for LeastSquares {
    fn value(&self, x: &[f64], (): &mut Self::Scratch) -> f64 {
        let squares: f64 = self.rows().map(|(a, b)| (dot(a, x) - b).powi(2)).sum();
        1.0 + 0.5 * squares / self.b.len() as f64 + self.ridge(x)
    }
}

impl Gradient for LeastSquares {
    fn value_gradient(&self, x: &[f64], g: &mut [f64], (): &mut Self::Scratch) -> f64 {
        self.ridge_gradient(x, g);
        let samples = self.b.len() as f64;
        let mut squares = 0.0;
        for (a, b) in self.rows() {
            let residual = dot(a, x) - b;
            squares += residual * residual;
            axpy(residual / samples, a, g);
        }
        1.0 + 0.5 * squares / samples + self.ridge(x)
    }
}

impl HessianVector for LeastSquares {
    type Linearization = ();

    fn linearization(&self) -> Self::Linearization {}

    fn linearize(&self, _: &[f64], (): &mut Self::Linearization, (): &mut Self::Scratch) {}

    fn hessian_vector(&self, (): &(), v: &[f64], hv: &mut [f64], (): &mut Self::Scratch) {
        for (hv, v) in hv.iter_mut().zip(v) {
            *hv = RIDGE * v;
        }
        for (a, _) in self.rows() {
            axpy(dot(a, v) / self.b.len() as f64, a, hv);
        }
    }
}

impl BatchGradient for LeastSquares {
    fn batch_gradient(&self, batch: Batch<'_>, x: &[f64], g: &mut [f64], (): &mut Self::Scratch) {
        self.ridge_gradient(x, g);
        for &term in batch.terms {
            let start = term as usize * self.inputs;
            let a = &self.a[start..start + self.inputs];
            let residual = dot(a, x) - self.b[term as usize];
            axpy(residual / batch.terms.len() as f64, a, g);
        }
    }
}
