//! Non-local means that are symmetric.

use crate::imaging::Image;

/// Non-local means with weights from a fixed guide, made symmetric and doubly stochastic, so that the
/// map is linear with a symmetric matrix whose eigenvalues are in [0, 1]: the proximal map of a convex
/// quadratic.
///
/// With periodic boundary, `d = (d_r, d_c)` the offset of two pixels, `P_i` the patch of the guide about
/// pixel `i`, and `S` the radius of the window:
///
/// ```text
/// K_ij = tri(d_r) tri(d_c) exp(-‖P_i - P_j‖²/h²),  tri(d) = 1 - |d|/(S + 1) for |d| <= S
/// B = diag(K 1)^(-1/2) K diag(K 1)^(-1/2),  α = max_i (B 1)_i,  W = B/α + diag(1 - B 1/α)
/// ```
///
/// `tri` has a transform that is nowhere negative, so `K` is positive semidefinite (Schur's product),
/// and so is `W`, whose rows add up to 1 (specification 4.3 of scalable PnP-ADMM, after Sreehari et al.,
/// IEEE Trans. Comput. Imaging 2, 2016). The patch distance is the sum of squares over the patch. With
/// strength `s` in [0, 1] the map is `(1 - s) I + s W`.
///
/// Holds about `2 (2 S + 1)²` bytes a pixel: weights in single precision, one for every pair, so that the
/// matrix is symmetric to the bit.
#[derive(Clone, Debug)]
pub(super) struct Nonlocal {
    shape: [usize; 2],
    /// One offset of every pair of opposite ones.
    offsets: Vec<[usize; 2]>,
    /// Of every offset the entries of `B/α` between each pixel and the one that far away.
    weights: Vec<Vec<f32>>,
    /// What is left for the pixel itself.
    diagonal: Vec<f64>,
}

impl Nonlocal {
    /// Weights from `guide`; window and patch are squares of odd sides that the image holds.
    pub(super) fn new(guide: &Image, patch: usize, window: usize, scale: f64) -> Self {
        let shape @ [rows, columns] = [guide.rows, guide.columns];
        let mut offsets = Vec::new();
        for right in 0..=window {
            // Above it in its own column are the opposites of those below.
            let first = usize::from(right == 0);
            offsets.extend((first..=window).map(|down| [down, right]));
            if right > 0 {
                offsets.extend((1..=window).map(|up| [rows - up, right]));
            }
        }
        let mut nonlocal = Self { shape, offsets, weights: Vec::new(), diagonal: Vec::new() };
        let tri = |d: usize, n: usize| 1.0 - d.min(n - d) as f64 / (window + 1) as f64;
        let kernel = |&[down, right]: &[usize; 2]| -> Vec<f64> {
            let far = nonlocal.far(down, right);
            let square: Vec<f64> = (0..rows * columns)
                .map(|i| (guide.pixels[i] - guide.pixels[far(i)]).powi(2))
                .collect();
            let distance = boxes(&square, shape, patch);
            let share = tri(down, rows) * tri(right, columns);
            distance.iter().map(|d| share * (-d / (scale * scale)).exp()).collect()
        };
        let mut kernels: Vec<Vec<f64>> = nonlocal.offsets.iter().map(kernel).collect();
        // K has ones on its diagonal.
        let sums = nonlocal.sums(&kernels, &vec![1.0; rows * columns]);
        for (weights, &[down, right]) in kernels.iter_mut().zip(&nonlocal.offsets) {
            let far = nonlocal.far(down, right);
            for (i, weight) in weights.iter_mut().enumerate() {
                *weight /= (sums[i] * sums[far(i)]).sqrt();
            }
        }
        let own: Vec<f64> = sums.iter().map(|sum| sum.recip()).collect();
        let largest = nonlocal.sums(&kernels, &own).into_iter().fold(0.0, f64::max);
        let rounded = |weights: &Vec<f64>| weights.iter().map(|w| (w / largest) as f32).collect();
        nonlocal.weights = kernels.iter().map(rounded).collect();
        // Rows add up to 1 with the weights as they were rounded.
        let kept: Vec<Vec<f64>> = nonlocal
            .weights
            .iter()
            .map(|weights| weights.iter().map(|&weight| f64::from(weight)).collect())
            .collect();
        let others = nonlocal.sums(&kept, &vec![0.0; rows * columns]);
        nonlocal.diagonal = others.iter().map(|sum| 1.0 - sum).collect();
        nonlocal
    }

    /// The pixel that is so far down and right of another.
    fn far(&self, down: usize, right: usize) -> impl Fn(usize) -> usize + use<> {
        let [rows, columns] = self.shape;
        move |i| (i % rows + down) % rows + rows * ((i / rows + right) % columns)
    }

    /// The row sums of a symmetric matrix with these entries and this diagonal.
    fn sums(&self, kernels: &[Vec<f64>], diagonal: &[f64]) -> Vec<f64> {
        let mut sums = diagonal.to_vec();
        for (weights, &[down, right]) in kernels.iter().zip(&self.offsets) {
            let far = self.far(down, right);
            for (i, weight) in weights.iter().enumerate() {
                sums[i] += weight;
                sums[far(i)] += weight;
            }
        }
        sums
    }

    /// Writes the denoised image.
    pub(super) fn denoise(&self, v: &[f64], share: f64, x: &mut [f64]) {
        let [rows, columns] = self.shape;
        let share = share.min(1.0);
        for ((x, v), diagonal) in x.iter_mut().zip(v).zip(&self.diagonal) {
            *x = (1.0 - share + share * diagonal) * v;
        }
        for (weights, &[down, right]) in self.weights.iter().zip(&self.offsets) {
            for c in 0..columns {
                let (here, there) = (rows * c, rows * ((c + right) % columns));
                for r in 0..rows {
                    let (i, j) = (here + r, there + (r + down) % rows);
                    let weight = share * f64::from(weights[i]);
                    x[i] += weight * v[j];
                    x[j] += weight * v[i];
                }
            }
        }
    }
}

/// Sums over the periodic squares of side `2 radius + 1` about every pixel.
fn boxes(x: &[f64], [rows, columns]: [usize; 2], radius: usize) -> Vec<f64> {
    let along = |x: &[f64], n: usize, place: &dyn Fn(usize, usize) -> usize| -> Vec<f64> {
        (0..x.len()).map(|i| (0..=2 * radius).map(|d| x[place(i, d + n - radius)]).sum()).collect()
    };
    let down = along(x, rows, &|i, d| i / rows * rows + (i % rows + d) % rows);
    along(&down, columns, &|i, d| i % rows + rows * ((i / rows + d) % columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guide() -> Image {
        Image::from_fn(9, 12, |r, c| {
            f64::from(u8::from(r > 4)) + 0.05 * ((r * 7 + c * 5) % 4) as f64
        })
    }

    fn matrix(nonlocal: &Nonlocal, n: usize) -> faer::Mat<f64> {
        let mut dense = faer::Mat::zeros(n, n);
        for j in 0..n {
            let (mut unit, mut x) = (vec![0.0; n], vec![0.0; n]);
            unit[j] = 1.0;
            nonlocal.denoise(&unit, 1.0, &mut x);
            x.iter().enumerate().for_each(|(i, x)| dense[(i, j)] = *x);
        }
        dense
    }

    #[test]
    fn the_matrix_is_symmetric_and_stochastic_with_eigenvalues_in_the_unit_interval() {
        for (patch, window) in [(1, 2), (0, 4), (2, 3)] {
            let dense = matrix(&Nonlocal::new(&guide(), patch, window, 0.3), 108);
            for i in 0..108 {
                let row: f64 = (0..108).map(|j| dense[(i, j)]).sum();
                assert!((row - 1.0).abs() <= 1e-14, "row {i}: {row}");
                for j in 0..108 {
                    assert_eq!(dense[(i, j)].to_bits(), dense[(j, i)].to_bits(), "({i}, {j})");
                    assert!(dense[(i, j)] >= 0.0);
                }
            }
            let values = dense.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
            // Weights are rounded to 6e-8 of themselves, and their rows add up to 1.
            assert!(values[0] >= -1e-7 && values[107] <= 1.0 + 1e-12, "{values:?}");
        }
    }

    #[test]
    fn weights_are_those_of_the_definition() {
        let (guide, patch, window, scale) = (guide(), 1, 2, 0.4);
        let dense = matrix(&Nonlocal::new(&guide, patch, window, scale), 108);
        let (rows, columns) = (9, 12);
        let at = |r: usize, c: usize| guide.pixels[r % rows + rows * (c % columns)];
        let kernel = faer::Mat::from_fn(108, 108, |i, j| {
            let far = |a: usize, b: usize, n: usize| {
                let d = (a + n - b) % n;
                d.min(n - d)
            };
            let (d, e) = (far(i % rows, j % rows, rows), far(i / rows, j / rows, columns));
            if d > window || e > window {
                return 0.0;
            }
            let square: f64 = (0..9)
                .map(|p| {
                    let (r, c) = (p % 3 + rows - 1, p / 3 + columns - 1);
                    (at(i % rows + r, i / rows + c) - at(j % rows + r, j / rows + c)).powi(2)
                })
                .sum();
            let tri = |d: usize| 1.0 - d as f64 / 3.0;
            tri(d) * tri(e) * (-square / (scale * scale)).exp()
        });
        let sum = |m: &faer::Mat<f64>, i: usize| (0..108).map(|j| m[(i, j)]).sum::<f64>();
        let sums: Vec<f64> = (0..108).map(|i| sum(&kernel, i)).collect();
        let b = faer::Mat::from_fn(108, 108, |i, j| kernel[(i, j)] / (sums[i] * sums[j]).sqrt());
        let alpha = (0..108).map(|i| sum(&b, i)).fold(0.0, f64::max);
        for i in 0..108 {
            for j in 0..108 {
                let left = if i == j { 1.0 - sum(&b, i) / alpha } else { 0.0 };
                let expected = b[(i, j)] / alpha + left;
                assert!((dense[(i, j)] - expected).abs() <= 1e-7, "({i}, {j})");
            }
        }
    }

    #[test]
    fn half_the_strength_is_half_the_way() {
        let nonlocal = Nonlocal::new(&guide(), 1, 2, 0.3);
        let v: Vec<f64> = (0..108).map(|i| f64::from(i * 31 % 17)).collect();
        let (mut half, mut whole) = (vec![0.0; 108], vec![0.0; 108]);
        nonlocal.denoise(&v, 0.5, &mut half);
        nonlocal.denoise(&v, 1.0, &mut whole);
        for ((half, whole), v) in half.iter().zip(&whole).zip(&v) {
            assert!((half - f64::midpoint(*v, *whole)).abs() <= 1e-13);
        }
    }
}
