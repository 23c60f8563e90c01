//! Correlations of images with many small filters, in registers.

use pulp::{Simd, WithSimd};

use crate::data::Shape;
use crate::numerics::exp;

/// The correlations of an image with all filters, then tanh.
pub(super) struct Convolve<'a> {
    pub(super) image: Halo<'a>,
    /// `size x size` for every pair of channels, input channel fastest.
    pub(super) filters: &'a [f64],
    pub(super) out: &'a mut [f64],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { image, filters, out } = self;
        let Shape { channels, rows, columns } = image.shape;
        let (pixels, taps) = (rows * columns, channels * image.size * image.size);
        let mut maps = out.chunks_exact_mut(FILTERS * pixels);
        let mut groups = filters.chunks_exact(FILTERS * taps);
        for (out, filters) in maps.by_ref().zip(groups.by_ref()) {
            image.correlate::<S, FILTERS>(simd, filters, out);
        }
        let rest = maps.into_remainder().chunks_exact_mut(pixels);
        for (out, filter) in rest.zip(groups.remainder().chunks_exact(taps)) {
            image.correlate::<S, 1>(simd, filter, out);
        }
        for x in out.iter_mut() {
            // tanh x with an absolute error of a few eps, which is all that a feature needs.
            *x = 1.0 - 2.0 / (exp(2.0 * *x) + 1.0);
        }
    }
}

/// Filters whose sums are in registers at the same time, and registers of neighbors of each.
const FILTERS: usize = 4;
const NEIGHBORS: usize = 2;

/// An image continued periodically to all sides by the reach of a filter.
#[derive(Clone, Copy)]
pub(super) struct Halo<'a> {
    values: &'a [f64],
    /// Of the image without its margin.
    shape: Shape,
    size: usize,
}

impl<'a> Halo<'a> {
    pub(super) fn new(image: &[f64], shape: Shape, size: usize, values: &'a mut Vec<f64>) -> Self {
        let Shape { rows, columns, .. } = shape;
        let reach = size / 2;
        values.clear();
        for channel in image.chunks_exact(rows * columns) {
            for r in 0..rows + 2 * reach {
                let line = &channel[(r + rows - reach) % rows * columns..][..columns];
                values.extend_from_slice(&line[columns - reach..]);
                values.extend_from_slice(line);
                values.extend_from_slice(&line[..reach]);
            }
        }
        Self { values, shape, size }
    }

    /// The correlations with `F` filters. Every sum goes through the taps in their order, whatever
    /// the registers: the bits depend on neither.
    #[inline(always)]
    fn correlate<S: Simd, const F: usize>(&self, simd: S, filters: &[f64], out: &mut [f64]) {
        let Shape { rows, columns, .. } = self.shape;
        let lanes = size_of::<S::f64s>() / size_of::<f64>();
        for r in 0..rows {
            if columns < lanes {
                for c in 0..columns {
                    self.registers::<pulp::Scalar, F, 1>(pulp::Scalar::new(), filters, r, [c], out);
                }
                continue;
            }
            // The last register ends with the line; it may cover some columns again.
            let places = columns.div_ceil(lanes);
            let place = |v: usize| (v * lanes).min(columns - lanes);
            for v in (0..places - places % NEIGHBORS).step_by(NEIGHBORS) {
                let places = [place(v), place(v + 1)];
                self.registers::<S, F, NEIGHBORS>(simd, filters, r, places, out);
            }
            if places % NEIGHBORS > 0 {
                self.registers::<S, F, 1>(simd, filters, r, [place(places - 1)], out);
            }
        }
    }

    /// Registers of line `r` from the columns `places` on.
    #[inline(always)]
    fn registers<S: Simd, const F: usize, const V: usize>(
        &self,
        simd: S,
        filters: &[f64],
        r: usize,
        places: [usize; V],
        out: &mut [f64],
    ) {
        let Shape { channels, rows, columns } = self.shape;
        let (size, lanes) = (self.size, size_of::<S::f64s>() / size_of::<f64>());
        let taps = channels * size * size;
        let filters: [&[f64]; F] = std::array::from_fn(|f| &filters[f * taps..(f + 1) * taps]);
        let (width, height) = (columns + size - 1, rows + size - 1);
        let mut sums = [[simd.splat_f64s(0.0); V]; F];
        let mut tap = 0;
        for channel in 0..channels {
            for dr in 0..size {
                let line = &self.values[(channel * height + r + dr) * width..][..width];
                for dc in 0..size {
                    let x: [S::f64s; V] = std::array::from_fn(|v| {
                        let from = places[v] + dc;
                        S::as_simd_f64s(&line[from..from + lanes]).0[0]
                    });
                    for f in 0..F {
                        let w = simd.splat_f64s(filters[f][tap]);
                        for v in 0..V {
                            sums[f][v] = simd.add_f64s(sums[f][v], simd.mul_f64s(w, x[v]));
                        }
                    }
                    tap += 1;
                }
            }
        }
        for (f, sums) in sums.iter().enumerate() {
            for (place, sum) in places.iter().zip(sums) {
                let from = (f * rows + r) * columns + place;
                S::as_mut_simd_f64s(&mut out[from..from + lanes]).0[0] = *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines shorter than a register, lines that end inside one, groups of filters and what remains.
    #[test]
    fn every_width_and_instruction_set_gives_the_plain_sums() {
        for (channels, rows, columns, size) in
            [(1, 3, 3, 3), (3, 7, 14, 5), (2, 5, 16, 3), (1, 4, 28, 3)]
        {
            let shape = Shape { channels, rows, columns };
            let number = |i: usize| (i * 7919 % 1009) as f64 / 1009.0 - 0.5;
            let image: Vec<f64> = (0..shape.inputs()).map(number).collect();
            let (count, taps, pixels) = (6, channels * size * size, rows * columns);
            let filters: Vec<f64> = (0..count * taps).map(|i| number(i + 3)).collect();
            let mut expected = vec![0.0; count * pixels];
            for (i, sum) in expected.iter_mut().enumerate() {
                let (f, r, c) = (i / pixels, i % pixels / columns, i % columns);
                for tap in 0..taps {
                    let (channel, dr, dc) = (tap / (size * size), tap / size % size, tap % size);
                    let (y, x) = (r + rows + dr - size / 2, c + columns + dc - size / 2);
                    let at = channel * pixels + y % rows * columns + x % columns;
                    *sum += filters[f * taps + tap] * image[at];
                }
                *sum = 1.0 - 2.0 / (exp(2.0 * *sum) + 1.0);
            }
            let check = |out: &[f64]| {
                let gap = |(a, b): (&f64, &f64)| (a - b).abs();
                let most = out.iter().zip(&expected).map(gap).fold(0.0, f64::max);
                assert!(most <= 4.0 * f64::EPSILON, "{shape:?}: {most}");
            };
            let mut out = vec![f64::NAN; count * pixels];
            let mut margin = Vec::new();
            let image = Halo::new(&image, shape, size, &mut margin);
            let mut run = |task: &dyn Fn(Convolve<'_>)| {
                out.fill(f64::NAN);
                task(Convolve { image, filters: &filters, out: &mut out });
                check(&out);
            };
            run(&|convolve| pulp::Scalar::new().vectorize(convolve));
            run(&|convolve| pulp::Arch::new().dispatch(convolve));
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                run(&|convolve| Simd::vectorize(simd, convolve));
            }
        }
    }
}
