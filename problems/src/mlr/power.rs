//! Powers of `LᵀL`, by sine transforms.

use std::sync::Arc;

use rustdct::{DctPlanner, Dst1};

use super::RidgeOperator;
use crate::data::Shape;

/// `(LᵀL)^e` of one class, as a map of vectors of length `p`.
///
/// The sine transform of type I diagonalises the Laplacian of an image, so that every power is two
/// two-dimensional transforms per channel, about `20 p ln p` flops; for the identity it is nothing.
/// The temporaries are its own: a thread that applies it needs a clone.
#[derive(Clone)]
pub struct RidgePower {
    inputs: usize,
    bias: f64,
    sine: Option<Sine>,
}

#[derive(Clone)]
struct Sine {
    shape: Shape,
    /// Along a row, along a column.
    transforms: [Arc<dyn Dst1<f64>>; 2],
    /// Powers of the eigenvalues times the normalisation of the transforms, `(rows, columns)`, row
    /// index fastest.
    diagonal: Vec<f64>,
    turned: Vec<f64>,
    scratch: Vec<f64>,
}

impl std::fmt::Debug for RidgePower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shape = self.sine.as_ref().map(|sine| sine.shape);
        f.debug_struct("RidgePower").field("shape", &shape).finish_non_exhaustive()
    }
}

impl RidgeOperator {
    /// `(LᵀL)^exponent`; `None` if the exponent is negative and the bias free, for `LᵀL` is then
    /// singular.
    pub fn power(&self, exponent: f64) -> Option<RidgePower> {
        if exponent < 0.0 && self.is_singular() {
            return None;
        }
        let sine = self.laplacian.map(|shape| Sine::new(shape, self.inputs, exponent));
        let bias = self.bias.powi(2).powf(exponent);
        Some(RidgePower { inputs: self.inputs, bias, sine })
    }
}

impl RidgePower {
    /// `x ← (LᵀL)^e x` for every class of `x`, `p x K` (or any whole number of columns).
    pub fn apply(&mut self, x: &mut [f64]) {
        for column in x.chunks_exact_mut(self.inputs + 1) {
            column[self.inputs] *= self.bias;
            let Some(sine) = &mut self.sine else { continue };
            let size = sine.shape.rows * sine.shape.columns;
            column[..self.inputs].chunks_exact_mut(size).for_each(|image| sine.image(image));
        }
    }
}

impl Sine {
    fn new(shape: Shape, inputs: usize, exponent: f64) -> Self {
        let Shape { rows, columns, .. } = shape;
        let mut planner = DctPlanner::new();
        let transforms = [planner.plan_dst1(columns), planner.plan_dst1(rows)];
        let room = transforms.iter().map(|t| t.get_scratch_len()).max().unwrap_or(0);
        // The eigenvalues of -T_n n² are 4 n² sin²(πi / 2(n + 1)).
        let line = |n: usize| {
            (1..=n).map(move |i| {
                let angle = std::f64::consts::FRAC_PI_2 * i as f64 / (n + 1) as f64;
                (2.0 * n as f64 * angle.sin()).powi(2) / inputs as f64
            })
        };
        // A transform there and back multiplies by (n + 1) / 2.
        let norm = 4.0 / ((rows + 1) * (columns + 1)) as f64;
        let diagonal = line(columns)
            .flat_map(|across| line(rows).map(move |down| (across + down).powf(2.0 * exponent)))
            .map(|power| norm * power)
            .collect();
        let (turned, scratch) = (vec![0.0; rows * columns], vec![0.0; room]);
        Self { shape, transforms, diagonal, turned, scratch }
    }

    fn image(&mut self, x: &mut [f64]) {
        let Self { shape: Shape { rows, columns, .. }, transforms, diagonal, turned, scratch } =
            self;
        let (rows, columns, [across, down]) = (*rows, *columns, &*transforms);
        let mut all = |transform: &Arc<dyn Dst1<f64>>, lines: &mut [f64]| {
            let scratch = &mut scratch[..transform.get_scratch_len()];
            for line in lines.chunks_exact_mut(transform.len()) {
                // rustdct 0.7.1 takes two numbers of the scratch for the zeros they are at first.
                scratch.fill(0.0);
                transform.process_dst1_with_scratch(line, scratch);
            }
        };
        all(across, x);
        turn(x, columns, turned);
        all(down, turned);
        turned.iter_mut().zip(&*diagonal).for_each(|(x, d)| *x *= d);
        all(down, turned);
        turn(turned, rows, x);
        all(across, x);
    }
}

/// Transposes `from`, whose lines have length `width`.
fn turn(from: &[f64], width: usize, to: &mut [f64]) {
    let lines = from.len() / width;
    for (l, line) in from.chunks_exact(width).enumerate() {
        for (i, x) in line.iter().enumerate() {
            to[i * lines + l] = *x;
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, Side};

    use super::*;

    fn operators() -> Vec<RidgeOperator> {
        let shape = |channels, rows, columns| Shape { channels, rows, columns };
        vec![
            RidgeOperator::laplacian(shape(2, 3, 4), false),
            // Long enough for the fast transform.
            RidgeOperator::laplacian(shape(1, 2, 40), false),
            RidgeOperator::laplacian(shape(3, 1, 5), false),
            RidgeOperator::laplacian(shape(2, 1, 1), false),
            RidgeOperator::identity(7, false),
        ]
    }

    fn dense(operator: &RidgeOperator) -> Mat<f64> {
        let p = operator.inputs + 1;
        let mut m = Mat::zeros(p, p);
        operator.add_normal(1.0, &mut m);
        Mat::from_fn(p, p, |i, j| m[(i.max(j), i.min(j))])
    }

    #[test]
    fn powers_are_those_of_the_dense_eigendecomposition() {
        for operator in operators() {
            let p = operator.inputs + 1;
            let m = dense(&operator).self_adjoint_eigen(Side::Lower).unwrap();
            for exponent in [-1.0, -0.5, 0.5, 1.0] {
                let (u, s) = (m.U(), m.S().column_vector());
                let scaled = Mat::from_fn(p, p, |i, j| u[(i, j)] * s[j].powf(exponent));
                let expected = &scaled * u.transpose();
                let size = expected.norm_max();
                let mut power = operator.power(exponent).unwrap();
                for j in 0..p {
                    let mut x = vec![0.0; p];
                    x[j] = 1.0;
                    power.apply(&mut x);
                    for (i, x) in x.iter().enumerate() {
                        // Dense eigenvalues are exact to ε times the largest.
                        let room = 1e-15 * p as f64 * size * s[p - 1] / s[0];
                        let gap = (x - expected[(i, j)]).abs();
                        assert!(gap <= room, "{operator:?}^{exponent} ({i}, {j}): {gap}");
                    }
                }
            }
        }
    }

    #[test]
    fn two_square_roots_are_the_operator_and_its_inverse_undoes_it() {
        for operator in operators() {
            let p = operator.inputs + 1;
            let x: Vec<f64> = (0..2 * p).map(|i| f64::from(i as u32 * 37 % 11) - 5.0).collect();
            let (mut once, mut twice) = (vec![0.0; p], vec![0.0; p]);
            let mut root = operator.power(0.5).unwrap();
            let mut both = x.clone();
            root.apply(&mut both);
            root.apply(&mut both);
            for (x, both) in x.chunks_exact(p).zip(both.chunks_exact(p)) {
                operator.apply(x, &mut once);
                operator.apply(&once, &mut twice);
                let size = twice.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
                for (a, b) in twice.iter().zip(both) {
                    assert!((a - b).abs() <= 1e-12 * size, "{operator:?}: {a} against {b}");
                }
            }
            operator.power(-1.0).unwrap().apply(&mut both);
            for (a, b) in both.iter().zip(&x) {
                assert!((a - b).abs() <= 1e-9, "{operator:?}: {a} against {b}");
            }
        }
    }

    #[test]
    fn a_free_bias_has_no_inverse() {
        let free = RidgeOperator::identity(3, true);
        assert!(free.is_singular() && free.power(-0.5).is_none());
        let mut x = [1.0, 2.0, 3.0, 4.0];
        free.power(0.5).unwrap().apply(&mut x);
        assert_eq!(x.map(f64::to_bits), [1.0, 2.0, 3.0, 0.0].map(f64::to_bits));
    }
}
