//! The Tikhonov term `(α/2) ‖L (W - W_ref)ᵀ‖²` and its operator.

use faer::Mat;

use crate::data::Shape;

/// The symmetric operator `L` of one class, and `LᵀL`.
///
/// The identity, or the Laplacian of every image channel: with `T_n = tridiag(1, -2, 1)`,
/// `Δ = I ⊗ T_n1/h1² + T_n2/h2² ⊗ I`, `h = 1/n`, and `m` features,
/// `L = blockdiag(Δ, ..., Δ, 1) / m`: the entry of the bias is divided by `m` too. With a free bias
/// its entry is zero.
#[derive(Clone, Debug, PartialEq)]
pub struct RidgeOperator {
    pub(super) laplacian: Option<Shape>,
    pub(super) inputs: usize,
    /// Diagonal entry of `L` for the bias.
    pub(super) bias: f64,
}

impl RidgeOperator {
    /// The identity on `inputs` weights and, unless it is free, the bias.
    pub fn identity(inputs: usize, free_bias: bool) -> Self {
        Self { laplacian: None, inputs, bias: if free_bias { 0.0 } else { 1.0 } }
    }

    /// The per-channel Laplacian on images of `shape`.
    pub fn laplacian(shape: Shape, free_bias: bool) -> Self {
        let inputs = shape.inputs();
        let bias = if free_bias { 0.0 } else { 1.0 / inputs as f64 };
        Self { laplacian: Some(shape), inputs, bias }
    }

    /// Whether `LᵀL` is singular, which it is with a free bias only.
    pub fn is_singular(&self) -> bool {
        self.bias <= 0.0
    }

    /// `y = L x`, both of length `inputs + 1`.
    pub fn apply(&self, x: &[f64], y: &mut [f64]) {
        y[self.inputs] = self.bias * x[self.inputs];
        let Some(shape) = self.laplacian else {
            y[..self.inputs].copy_from_slice(&x[..self.inputs]);
            return;
        };
        let (rows, columns) = (shape.rows, shape.columns);
        let over_m = 1.0 / self.inputs as f64;
        let (down, across) = ((rows * rows) as f64 * over_m, (columns * columns) as f64 * over_m);
        let size = rows * columns;
        let images =
            x[..self.inputs].chunks_exact(size).zip(y[..self.inputs].chunks_exact_mut(size));
        for (x, y) in images {
            // Without a branch in the loops, which become registers; zero around the image.
            for r in 0..rows {
                let row = |r: usize| &x[r * columns..(r + 1) * columns];
                let (own, y) = (row(r), &mut y[r * columns..(r + 1) * columns]);
                let up = (r > 0).then(|| row(r - 1));
                let below = (r + 1 < rows).then(|| row(r + 1));
                for (c, (y, own)) in y.iter_mut().zip(own).enumerate() {
                    let (up, below) = (up.map_or(0.0, |x| x[c]), below.map_or(0.0, |x| x[c]));
                    *y = down * (up - 2.0 * own + below);
                }
                for (y, x) in y[1..].iter_mut().zip(own.windows(3)) {
                    *y += across * (x[0] - 2.0 * x[1] + x[2]);
                }
                let right = own.get(1).unwrap_or(&0.0);
                y[0] += across * (0.0 - 2.0 * own[0] + right);
                if let [.., left, last] = own {
                    y[columns - 1] += across * (left - 2.0 * last + 0.0);
                }
            }
        }
    }

    /// `diag(LᵀL)`, `inputs + 1` numbers.
    pub fn normal_diagonal(&self) -> Vec<f64> {
        let mut diagonal = vec![1.0; self.inputs + 1];
        diagonal[self.inputs] = self.bias * self.bias;
        let Some(Shape { rows, columns, .. }) = self.laplacian else { return diagonal };
        let over_m = 1.0 / self.inputs as f64;
        let (down, across) = ((rows * rows) as f64 * over_m, (columns * columns) as f64 * over_m);
        for (i, d) in diagonal[..self.inputs].iter_mut().enumerate() {
            let (r, c) = (i / columns % rows, i % columns);
            // The square of a column of L: its center and the neighbors that are there.
            let vertical = u8::from(r > 0) + u8::from(r + 1 < rows);
            let horizontal = u8::from(c > 0) + u8::from(c + 1 < columns);
            *d = 4.0 * (down + across).powi(2)
                + f64::from(vertical) * down * down
                + f64::from(horizontal) * across * across;
        }
        diagonal
    }

    /// Adds `weight * LᵀL` to the lower triangle (and the diagonal) of `a`, of order `inputs + 1`.
    pub fn add_normal(&self, weight: f64, a: &mut Mat<f64>) {
        let order = self.inputs + 1;
        a[(self.inputs, self.inputs)] += weight * self.bias * self.bias;
        let Some(shape) = self.laplacian else {
            for i in 0..self.inputs {
                a[(i, i)] += weight;
            }
            return;
        };
        // A column of LᵀL couples pixels at most two rows apart.
        let reach = 2 * shape.columns;
        let (mut unit, mut once, mut twice) =
            (vec![0.0; order], vec![0.0; order], vec![0.0; order]);
        for j in 0..self.inputs {
            unit[j] = 1.0;
            self.apply(&unit, &mut once);
            self.apply(&once, &mut twice);
            unit[j] = 0.0;
            for i in j..=(j + reach).min(self.inputs - 1) {
                a[(i, j)] += weight * twice[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laplacian_equals_its_kronecker_form() {
        let shape = Shape { channels: 2, rows: 3, columns: 4 };
        let (n1, n2, m) = (4, 3, 24);
        let t = |n: usize, i: usize, j: usize| match i.abs_diff(j) {
            0 => -2.0 * (n * n) as f64,
            1 => (n * n) as f64,
            _ => 0.0,
        };
        let dense = Mat::from_fn(m + 1, m + 1, |i, j| {
            if i == m || j == m {
                return if i == j { 1.0 / m as f64 } else { 0.0 };
            }
            if i / 12 != j / 12 {
                return 0.0;
            }
            // Columns are the fastest index.
            let (i1, i2, j1, j2) = (i % 12 % n1, i % 12 / n1, j % 12 % n1, j % 12 / n1);
            let mut v = 0.0;
            if i2 == j2 {
                v += t(n1, i1, j1);
            }
            if i1 == j1 {
                v += t(n2, i2, j2);
            }
            v / m as f64
        });
        let operator = RidgeOperator::laplacian(shape, false);
        let mut normal = Mat::zeros(m + 1, m + 1);
        operator.add_normal(2.0, &mut normal);
        let expected = &dense * dense.transpose();
        let (mut x, mut y) = (vec![0.0; m + 1], vec![0.0; m + 1]);
        for j in 0..=m {
            x[j] = 1.0;
            operator.apply(&x, &mut y);
            x[j] = 0.0;
            for i in 0..=m {
                assert!((y[i] - dense[(i, j)]).abs() <= 1e-14, "L({i}, {j})");
                if i == j {
                    let gap = operator.normal_diagonal()[i] - expected[(i, i)];
                    assert!(gap.abs() <= 1e-14, "diagonal {i}");
                }
                if i >= j {
                    let gap = normal[(i, j)] - 2.0 * expected[(i, j)];
                    assert!(gap.abs() <= 1e-14, "LᵀL({i}, {j})");
                }
            }
        }
    }

    #[test]
    fn bias_entry_follows_the_convention() {
        let x = [1.0, 2.0, 3.0];
        let mut y = [0.0; 3];
        RidgeOperator::identity(2, false).apply(&x, &mut y);
        assert_eq!(y.map(f64::to_bits), x.map(f64::to_bits));
        RidgeOperator::identity(2, true).apply(&x, &mut y);
        assert!(y[2].abs() <= 0.0);
        let shape = Shape { channels: 1, rows: 1, columns: 2 };
        RidgeOperator::laplacian(shape, false).apply(&x, &mut y);
        assert!((y[2] - 1.5).abs() <= 1e-16);
    }
}
