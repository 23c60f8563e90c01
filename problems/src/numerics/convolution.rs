//! Convolutions of 3 x 3 in single precision.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Pixels that are unfolded together: with 64 channels a panel of 2.3 MB, which the second cache holds.
const PIXELS: usize = 1024;

/// What lies beyond the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros.
    Zero,
    /// The opposite side.
    Circular,
}

/// A layer of filters of 3 x 3: correlation with stride 1, output of the size of the input, a bias, and
/// if asked for the positive part.
///
/// ```text
/// y_o(r, c) = b_o + Σ_i Σ_{d, e in -1..=1} w_oi(d, e) x_i(r + d, c + e)
/// ```
///
/// Images are column-major, channel after channel. Bands of columns are unfolded into a panel and
/// multiplied with the filters; one thread, so that no bit depends on their number. Cost:
/// `18 · inputs · outputs` flops a pixel.
#[derive(Clone, Debug)]
pub struct Convolution3x3 {
    inputs: usize,
    outputs: usize,
    /// `(9 inputs) x outputs`, column-major; the order of an unfolded pixel is input, column, row.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Convolution3x3 {
    /// A layer; `weights` are `outputs x inputs x 3 x 3`, row-major, as frameworks keep them; without
    /// `bias` it is zero.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn new(inputs: usize, outputs: usize, weights: &[f32], bias: Option<&[f32]>) -> Self {
        assert_eq!(weights.len(), 9 * inputs * outputs, "weights of a layer");
        let turned = weights
            .as_chunks::<9>()
            .0
            .iter()
            .flat_map(|filter| (0..9).map(|i| filter[i % 3 * 3 + i / 3]));
        let bias = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
        assert_eq!(bias.len(), outputs, "biases of a layer");
        Self { inputs, outputs, weights: turned.collect(), bias }
    }

    /// The layer without its bias.
    #[must_use]
    pub fn linear(&self) -> Self {
        Self { bias: vec![0.0; self.outputs], ..self.clone() }
    }

    /// The adjoint of [`linear`](Self::linear), for either padding.
    #[must_use]
    pub fn adjoint(&self) -> Self {
        let (inputs, outputs) = (self.outputs, self.inputs);
        let weight = |at: usize| {
            let (output, input, tap) = (at / (9 * inputs), at % (9 * inputs) / 9, at % 9);
            self.weights[(input * self.inputs + output) * 9 + 8 - tap]
        };
        let weights = (0..self.weights.len()).map(weight).collect();
        Self { inputs, outputs, weights, bias: vec![0.0; outputs] }
    }

    /// Channels that it takes.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels that it gives.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Numbers of the scratch for images of so many rows.
    pub fn room(&self, rows: usize) -> usize {
        Self::room_of(self.inputs, rows)
    }

    /// The same of a layer that takes so many channels.
    pub fn room_of(inputs: usize, rows: usize) -> usize {
        9 * inputs * rows * band(rows)
    }

    /// Writes the layer's output for `from`, images of `rows x columns`.
    pub fn apply(
        &self,
        [rows, columns]: [usize; 2],
        padding: Padding,
        positive: bool,
        from: &[f32],
        to: &mut [f32],
        room: &mut [f32],
    ) {
        let (size, taps) = (rows * columns, 9 * self.inputs);
        let weights = MatRef::from_column_major_slice(&self.weights, taps, self.outputs);
        for first in (0..columns).step_by(band(rows)) {
            let count = band(rows).min(columns - first);
            let pixels = rows * count;
            let panel = &mut room[..taps * pixels];
            for (input, image) in from.chunks_exact(size).enumerate() {
                for tap in 0..9 {
                    let unfolded = &mut panel[(9 * input + tap) * pixels..][..pixels];
                    for (c, line) in unfolded.chunks_exact_mut(rows).enumerate() {
                        let column = first + c + tap / 3;
                        unfold(image, [rows, columns], column, tap % 3, padding, line);
                    }
                }
            }
            let panel = MatRef::from_column_major_slice(&*panel, pixels, taps);
            let band = &mut to[rows * first..];
            let length = size * (self.outputs - 1) + pixels;
            let band = &mut band[..length];
            let target =
                MatMut::from_column_major_slice_with_stride_mut(band, pixels, self.outputs, size);
            matmul(target, Accum::Replace, panel, weights, 1.0, Par::Seq);
            for (image, bias) in band.chunks_mut(size).zip(&self.bias) {
                for y in &mut image[..pixels] {
                    let sum = *y + bias;
                    *y = if positive { sum.max(0.0) } else { sum };
                }
            }
        }
    }
}

/// Columns of a band.
fn band(rows: usize) -> usize {
    (PIXELS / rows.max(1)).max(1)
}

/// Column `column - 1` of an image, moved up by `shift - 1`.
fn unfold(
    image: &[f32],
    [rows, columns]: [usize; 2],
    column: usize,
    shift: usize,
    padding: Padding,
    line: &mut [f32],
) {
    let inside = (1..=columns).contains(&column);
    if padding == Padding::Zero && !inside {
        line.fill(0.0);
        return;
    }
    let column = &image[rows * ((column + columns - 1) % columns)..][..rows];
    let beyond = |x: f32| if padding == Padding::Circular { x } else { 0.0 };
    match shift {
        0 => {
            line[1..].copy_from_slice(&column[..rows - 1]);
            line[0] = beyond(column[rows - 1]);
        }
        1 => line.copy_from_slice(column),
        _ => {
            line[..rows - 1].copy_from_slice(&column[1..]);
            line[rows - 1] = beyond(column[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::Seed;

    #[test]
    fn a_layer_is_its_defining_sum() {
        let mut rng = Seed::root(3).child("layer").rng();
        let (inputs, outputs) = (3, 5);
        let mut random =
            |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-1.0_f32..1.0)).collect() };
        let (weights, bias) = (random(9 * inputs * outputs), random(outputs));
        let layer = Convolution3x3::new(inputs, outputs, &weights, Some(&bias));
        // Columns longer than a band, bands that do not divide, a single row and column.
        for shape @ [rows, columns] in [[6, 9], [700, 5], [300, 7], [1, 4], [4, 1]] {
            let x = random(inputs * rows * columns);
            for padding in [Padding::Zero, Padding::Circular] {
                let mut y = vec![0.0; outputs * rows * columns];
                let mut room = vec![0.0; layer.room(rows)];
                layer.apply(shape, padding, true, &x, &mut y, &mut room);
                for (i, y) in y.iter().enumerate() {
                    let (o, r, c) = (i / (rows * columns), i % rows, i % (rows * columns) / rows);
                    let mut sum = f64::from(bias[o]);
                    for tap in 0..9 * inputs {
                        let (input, d, e) = (tap / 9, tap % 9 / 3, tap % 3);
                        let (at, of) = (r + d, c + e);
                        let inside = (1..=rows).contains(&at) && (1..=columns).contains(&of);
                        if padding == Padding::Circular || inside {
                            let place =
                                (at + rows - 1) % rows + rows * ((of + columns - 1) % columns);
                            sum += f64::from(weights[o * 9 * inputs + tap])
                                * f64::from(x[input * rows * columns + place]);
                        }
                    }
                    // 28 terms of at most 1, each rounded to 6e-8.
                    let gap = (f64::from(*y) - sum.max(0.0)).abs();
                    assert!(gap <= 28.0 * 28.0 * 6e-8, "{shape:?} {padding:?} {i}: {gap}");
                }
            }
        }
    }
}
