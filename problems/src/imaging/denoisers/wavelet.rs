//! Soft thresholds of Haar wavelets.

use super::soft;

/// Soft threshold of the details of an orthonormal Haar transform of so many levels; the coarse image
/// is kept. With cycle spinning the mean over all `2^levels x 2^levels` circular shifts of the image.
///
/// Alone it is the proximal map of `threshold · ‖details‖₁`; the mean of such maps is firmly
/// nonexpansive. Both extents are multiples of `2^levels`.
#[derive(Clone, Debug)]
pub(super) struct Wavelet {
    pub(super) shape: [usize; 2],
    pub(super) levels: u32,
    pub(super) spins: bool,
}

impl Wavelet {
    /// Numbers of the scratch: a shifted image, and two lines.
    pub(super) fn room(&self) -> usize {
        let [rows, columns] = self.shape;
        rows * columns + 2 * rows.max(columns)
    }

    /// Writes the denoised image.
    pub(super) fn denoise(&self, v: &[f64], threshold: f64, x: &mut [f64], room: &mut [f64]) {
        let [rows, columns] = self.shape;
        let (image, line) = room.split_at_mut(rows * columns);
        let period = if self.spins { 1 << self.levels } else { 1 };
        let weight = 1.0 / (period * period) as f64;
        x.fill(0.0);
        for right in 0..period {
            for down in 0..period {
                let place = |i: usize| {
                    let (r, c) = ((i % rows + down) % rows, (i / rows + right) % columns);
                    r + rows * c
                };
                image.iter_mut().enumerate().for_each(|(i, pixel)| *pixel = v[place(i)]);
                self.transform(image, line);
                let (coarse_rows, coarse_columns) = (rows >> self.levels, columns >> self.levels);
                for (i, number) in image.iter_mut().enumerate() {
                    if i % rows >= coarse_rows || i / rows >= coarse_columns {
                        *number = soft(*number, threshold);
                    }
                }
                self.inverse(image, line);
                for (i, pixel) in image.iter().enumerate() {
                    x[place(i)] += weight * pixel;
                }
            }
        }
    }

    /// Sums in the first half of every line, differences in the second, both over √2.
    fn transform(&self, image: &mut [f64], line: &mut [f64]) {
        for level in 0..self.levels {
            self.lines(level, image, line, |from, to| {
                let half = from.len() / 2;
                for i in 0..half {
                    let (a, b) = (from[2 * i], from[2 * i + 1]);
                    to[i] = (a + b) * std::f64::consts::FRAC_1_SQRT_2;
                    to[half + i] = (a - b) * std::f64::consts::FRAC_1_SQRT_2;
                }
            });
        }
    }

    fn inverse(&self, image: &mut [f64], line: &mut [f64]) {
        for level in (0..self.levels).rev() {
            self.lines(level, image, line, |from, to| {
                let half = from.len() / 2;
                for i in 0..half {
                    let (a, b) = (from[i], from[half + i]);
                    to[2 * i] = (a + b) * std::f64::consts::FRAC_1_SQRT_2;
                    to[2 * i + 1] = (a - b) * std::f64::consts::FRAC_1_SQRT_2;
                }
            });
        }
    }

    /// One step on all columns and rows of the corner that a level works on; the two commute.
    fn lines(
        &self,
        level: u32,
        image: &mut [f64],
        line: &mut [f64],
        step: impl Fn(&[f64], &mut [f64]),
    ) {
        let [rows, _] = self.shape;
        let [height, width] = self.shape.map(|extent| extent >> level);
        for c in 0..width {
            let column = &mut image[rows * c..][..height];
            step(column, &mut line[..height]);
            column.copy_from_slice(&line[..height]);
        }
        for r in 0..height {
            let row = |c: usize| r + rows * c;
            let (gathered, result) = line.split_at_mut(width);
            gathered.iter_mut().enumerate().for_each(|(c, x)| *x = image[row(c)]);
            step(gathered, &mut result[..width]);
            (0..width).for_each(|c| image[row(c)] = result[c]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wavelet(spins: bool) -> Wavelet {
        Wavelet { shape: [8, 12], levels: 2, spins }
    }

    fn image() -> Vec<f64> {
        (0..96).map(|i| f64::from(i * 37 % 29) / 29.0).collect()
    }

    fn denoise(wavelet: &Wavelet, v: &[f64], threshold: f64) -> Vec<f64> {
        let mut x = vec![0.0; v.len()];
        wavelet.denoise(v, threshold, &mut x, &mut vec![0.0; wavelet.room()]);
        x
    }

    #[test]
    fn without_threshold_nothing_changes_and_with_a_large_one_means_are_left() {
        for spins in [false, true] {
            let same = denoise(&wavelet(spins), &image(), 0.0);
            assert!(same.iter().zip(image()).all(|(a, b)| (a - b).abs() <= 1e-14));
        }
        let means = denoise(&wavelet(false), &image(), 1e3);
        for (i, x) in means.iter().enumerate() {
            let (top, left) = (i % 8 / 4 * 4, i / 8 / 4 * 4);
            let block = (0..16).map(|j| image()[top + j % 4 + 8 * (left + j / 4)]);
            assert!((x - block.sum::<f64>() / 16.0).abs() <= 1e-14, "{i}");
        }
    }

    #[test]
    fn the_transform_keeps_lengths() {
        let (wavelet, mut x) = (wavelet(false), image());
        let before: f64 = x.iter().map(|x| x * x).sum();
        wavelet.transform(&mut x, &mut [0.0; 24]);
        let after: f64 = x.iter().map(|x| x * x).sum();
        assert!((before - after).abs() <= 1e-13 * before);
    }

    #[test]
    fn spinning_makes_it_equivariant_to_shifts() {
        let shifted = |x: &[f64]| -> Vec<f64> {
            (0..96).map(|i| x[(i % 8 + 3) % 8 + 8 * ((i / 8 + 1) % 12)]).collect()
        };
        let wavelet = wavelet(true);
        let a = shifted(&denoise(&wavelet, &image(), 0.1));
        let b = denoise(&wavelet, &shifted(&image()), 0.1);
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-14));
    }
}
