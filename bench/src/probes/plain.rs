//! The model written down once more, dense and slow, to check the fast one against.

use converge_problems::mlr::Mlr;
use faer::Mat;

/// Training data as a dense matrix. Score arrays are `(classes, samples)`, class index fastest.
pub(super) struct Plain {
    pub(super) weights: usize,
    pub(super) classes: usize,
    pub(super) samples: usize,
    /// `D`: `(weights, samples)`, feature index fastest, the constant feature last.
    pub(super) features: Vec<f64>,
    labels: Vec<u16>,
}

impl Plain {
    pub(super) fn new(problem: &Mlr) -> Self {
        let (weights, samples) = (problem.weights(), problem.samples());
        let features = (0..samples)
            .flat_map(|sample| (0..weights).map(move |input| (input, sample)))
            .map(|(input, sample)| problem.feature(input, sample))
            .collect();
        let labels = problem.labels().to_vec();
        Self { weights, classes: problem.classes(), samples, features, labels }
    }

    /// `W D` for a point, `p x K` column-major.
    pub(super) fn scores(&self, point: &[f64]) -> Vec<f64> {
        let mut scores = Vec::with_capacity(self.samples * self.classes);
        for sample in self.features.chunks_exact(self.weights) {
            for weights in point.chunks_exact(self.weights) {
                scores.push(weights.iter().zip(sample).map(|(w, d)| w * d).sum());
            }
        }
        scores
    }

    /// `C`: one-hot labels.
    pub(super) fn targets(&self) -> Vec<f64> {
        let mut targets = vec![0.0; self.samples * self.classes];
        for (target, &label) in targets.chunks_exact_mut(self.classes).zip(&self.labels) {
            target[label as usize] = 1.0;
        }
        targets
    }

    /// `C - softmax(Z)`, minus the gradient of the loss of every sample in its scores.
    pub(super) fn residuals(&self, scores: &[f64]) -> Vec<f64> {
        let mut residuals = self.targets();
        let columns = scores.chunks_exact(self.classes);
        for (residual, score) in residuals.chunks_exact_mut(self.classes).zip(columns) {
            let max = score.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = score.iter().map(|z| (z - max).exp()).sum();
            for (r, z) in residual.iter_mut().zip(score) {
                *r -= (z - max).exp() / sum;
            }
        }
        residuals
    }

    /// `D Rᵀ` for scores-shaped `R`, as a `p x K` matrix.
    pub(super) fn times_transposed(&self, right: &[f64]) -> Mat<f64> {
        let mut product = Mat::zeros(self.weights, self.classes);
        let columns = right.chunks_exact(self.classes);
        for (sample, right) in self.features.chunks_exact(self.weights).zip(columns) {
            for (k, r) in right.iter().enumerate() {
                for (i, d) in sample.iter().enumerate() {
                    product[(i, k)] += d * r;
                }
            }
        }
        product
    }

    /// `G = D Dᵀ`.
    pub(super) fn gram(&self) -> Mat<f64> {
        let mut gram = Mat::zeros(self.weights, self.weights);
        for sample in self.features.chunks_exact(self.weights) {
            for (j, dj) in sample.iter().enumerate() {
                for (i, di) in sample.iter().enumerate() {
                    gram[(i, j)] += di * dj;
                }
            }
        }
        gram
    }
}

/// `‖a‖₂`.
pub(super) fn norm(a: &[f64]) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// `‖a - b‖₂²`.
pub(super) fn distance_squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Largest absolute sum over a class axis of length `classes`, relative to the largest entry.
pub(super) fn class_sums(scores: &[f64], classes: usize) -> f64 {
    let largest = scores.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let sums = scores.chunks_exact(classes).map(|column| column.iter().sum::<f64>().abs());
    if largest > 0.0 { sums.fold(0.0, f64::max) / largest } else { 0.0 }
}
