//! Blur with periodic boundary.

use num_complex::Complex;
use serde::{Deserialize, Serialize};

use super::Convolution;
use super::convolution::Transfers;
use crate::imaging::{ArrayFile, Image};
use crate::numerics::Fourier;
use crate::{SetupError, require, require_positive};

/// A blur kernel; its numbers add up to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kernel {
    /// `exp(-r²/2σ²)` on a square.
    Gaussian {
        /// Rows and columns, odd.
        size: usize,
        /// `σ` in pixels.
        deviation: f64,
    },
    /// A square of equal numbers of this many rows and columns, odd.
    Uniform(usize),
    /// A straight motion.
    Motion {
        /// Its length in pixels.
        length: f64,
        /// Its angle in degrees, counterclockwise from the direction of a row.
        degrees: f64,
    },
    /// An array, divided by its sum. Its center is at `(rows / 2, columns / 2)`, rounded down.
    File(ArrayFile),
}

/// Points along a motion, per pixel.
const POINTS: f64 = 16.0;

impl Kernel {
    fn image(&self) -> Result<Image, SetupError> {
        let odd = |size: usize| require("kernels.size", size, size % 2 == 1, "an odd number");
        let mut image = match self {
            Self::Gaussian { size, deviation } => {
                odd(*size)?;
                require_positive("kernels.deviation", *deviation)?;
                let half = (size / 2) as f64;
                let square = |i: usize| ((i as f64 - half) / deviation).powi(2);
                Image::from_fn(*size, *size, |r, c| (-0.5 * (square(r) + square(c))).exp())
            }
            Self::Uniform(size) => {
                odd(*size)?;
                Image::from_fn(*size, *size, |_, _| 1.0)
            }
            Self::Motion { length, degrees } => {
                require_positive("kernels.length", *length)?;
                require("kernels.degrees", degrees, degrees.is_finite(), "a finite number")?;
                motion(*length, degrees.to_radians())
            }
            Self::File(file) => file.read()?.image()?,
        };
        let sum: f64 = image.pixels.iter().sum();
        require("kernels", sum, sum > 0.0 && sum.is_finite(), "numbers with a positive sum")?;
        image.pixels.iter_mut().for_each(|pixel| *pixel /= sum);
        Ok(image)
    }
}

/// A segment through the center, each of its points spread over the four nearest pixels.
fn motion(length: f64, angle: f64) -> Image {
    let half = (0.5 * length).ceil() as usize;
    let mut image = Image::from_fn(2 * half + 1, 2 * half + 1, |_, _| 0.0);
    let steps = (POINTS * length).ceil();
    for step in 0..=steps as usize {
        let along = length * (step as f64 / steps - 0.5);
        let (r, c) = (half as f64 - along * angle.sin(), half as f64 + along * angle.cos());
        let (down, right) = (r - r.floor(), c - c.floor());
        for (i, a) in [1.0 - down, down].into_iter().enumerate() {
            for (j, b) in [1.0 - right, right].into_iter().enumerate() {
                // An end on the last pixel has nothing beyond it.
                if a * b > 0.0 {
                    let rows = image.rows;
                    image.pixels[(r as usize + i) + rows * (c as usize + j)] += a * b;
                }
            }
        }
    }
    image
}

/// `blocks` exposures of images of `rows x columns`; exposure `i` is blurred by kernel `i` modulo
/// their number.
///
/// # Errors
/// [`SetupError`] for impossible kernels, or ones larger than the image.
pub fn blur(
    [rows, columns]: [usize; 2],
    blocks: usize,
    kernels: &[Kernel],
) -> Result<Convolution, SetupError> {
    require("kernels", "[]", !kernels.is_empty(), "at least one kernel")?;
    let fourier = Fourier::new(rows, columns);
    let size = fourier.size();
    let mut lines = vec![Complex::default(); fourier.room()];
    let mut tables = Vec::new();
    for kernel in kernels {
        let kernel = kernel.image()?;
        let found = format!("{} x {}", kernel.rows, kernel.columns);
        let fits = kernel.rows <= rows && kernel.columns <= columns;
        require("kernels", found, fits, "at most as large as the image")?;
        let mut grid = vec![Complex::<f64>::default(); size];
        for (i, pixel) in kernel.pixels.iter().enumerate() {
            let r = (i % kernel.rows + rows - kernel.rows / 2) % rows;
            let c = (i / kernel.rows + columns - kernel.columns / 2) % columns;
            grid[r + rows * c] += pixel;
        }
        let mut table = vec![Complex::default(); size];
        fourier.forward(&mut grid, &mut table, &mut lines);
        // The transform is unitary; the theorem of convolution wants √n times it.
        let root = (size as f64).sqrt();
        table.iter_mut().for_each(|h| *h = h.scale(root));
        tables.push(table);
    }
    let about = format!("blur, {blocks} exposures, {} kernels", kernels.len());
    Ok(Convolution::new([rows, columns], blocks, 1, Transfers::Stored(tables), about))
}

#[cfg(test)]
mod tests {
    use super::super::Operator;
    use super::*;

    #[test]
    fn a_blur_is_the_circular_convolution() {
        let shape @ [rows, columns] = [7, 10];
        let kernels = [
            Kernel::Motion { length: 3.0, degrees: 30.0 },
            Kernel::Gaussian { size: 5, deviation: 1.0 },
        ];
        let operator = blur(shape, 2, &kernels).unwrap();
        let x: Vec<f64> = (0..70).map(|i| f64::from(i * 37 % 23)).collect();
        let mut y = vec![0.0; 70];
        for (block, kernel) in kernels.iter().enumerate() {
            operator.forward(block, &x, &mut y, &mut operator.room());
            let k = kernel.image().unwrap();
            for (i, y) in y.iter().enumerate() {
                let (r, c) = (i % rows, i / rows);
                let mut sum = 0.0;
                for (j, weight) in k.pixels.iter().enumerate() {
                    let from = (r + rows + k.rows / 2 - j % k.rows) % rows;
                    let of = (c + columns + k.columns / 2 - j / k.rows) % columns;
                    sum += weight * x[from + rows * of];
                }
                assert!((y - sum).abs() <= 1e-12, "block {block}, pixel {i}: {y} against {sum}");
            }
        }
    }

    #[test]
    fn kernels_add_up_to_one_and_a_motion_is_as_long_as_it_says() {
        let motion = Kernel::Motion { length: 8.0, degrees: 0.0 }.image().unwrap();
        assert!((motion.pixels.iter().sum::<f64>() - 1.0).abs() <= 1e-14);
        let middle = motion.rows / 2;
        let row: Vec<f64> =
            (0..motion.columns).map(|c| motion.pixels[middle + motion.rows * c]).collect();
        assert!((row.iter().sum::<f64>() - 1.0).abs() <= 1e-14);
        assert_eq!(row.iter().filter(|&&k| k > 0.0).count(), 9);
    }

    #[test]
    fn kernels_that_cannot_be_are_refused() {
        for (kernel, words) in [
            (Kernel::Uniform(4), "kernels.size = 4"),
            (Kernel::Uniform(9), "kernels = 9 x 9"),
            (Kernel::Gaussian { size: 3, deviation: 0.0 }, "kernels.deviation = 0"),
        ] {
            let message = blur([8, 8], 1, &[kernel]).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
