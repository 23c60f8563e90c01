//! Two-dimensional Fourier transforms with held plans.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Side of the squares in which a grid is turned: two of them fit the first cache.
const SQUARE: usize = 16;

/// The unitary transform of a complex grid of `rows x columns`, `n = rows · columns`:
///
/// ```text
/// X(k, l) = (1/√n) Σ x(r, c) exp(-2πi (k r / rows + l c / columns))
/// ```
///
/// Grids are column-major, frequencies row by row: what the transforms along the columns leave is
/// turned once and not turned back, so that a pair of transforms costs two transpositions, not four.
/// Either way destroys its input. Cost: about `5 n log₂ n` flops.
///
/// ```
/// # use converge_problems::numerics::Fourier;
/// # use rustfft::num_complex::Complex;
/// let fourier = Fourier::new(2, 3);
/// let (mut grid, mut frequencies) = (vec![Complex::new(1.0, 0.0); 6], vec![Complex::default(); 6]);
/// let mut room = vec![Complex::default(); fourier.room()];
/// fourier.forward(&mut grid, &mut frequencies, &mut room);
/// assert!((frequencies[0].re - 6.0_f64.sqrt()).abs() < 1e-12 && frequencies[1].norm() < 1e-12);
/// ```
#[derive(Clone)]
pub struct Fourier {
    rows: usize,
    columns: usize,
    down: Arc<dyn Fft<f64>>,
    across: Arc<dyn Fft<f64>>,
    across_back: Arc<dyn Fft<f64>>,
    down_back: Arc<dyn Fft<f64>>,
}

impl std::fmt::Debug for Fourier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fourier({} x {})", self.rows, self.columns)
    }
}

impl Fourier {
    /// Plans the transforms of grids of `rows x columns`, at least 1 each.
    pub fn new(rows: usize, columns: usize) -> Self {
        let mut planner = FftPlanner::new();
        Self {
            rows,
            columns,
            down: planner.plan_fft_forward(rows),
            across: planner.plan_fft_forward(columns),
            across_back: planner.plan_fft_inverse(columns),
            down_back: planner.plan_fft_inverse(rows),
        }
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Numbers of a grid.
    pub fn size(&self) -> usize {
        self.rows * self.columns
    }

    /// Numbers of the last argument of the transforms.
    pub fn room(&self) -> usize {
        [&self.down, &self.across, &self.across_back, &self.down_back]
            .map(|plan| plan.get_inplace_scratch_len())
            .into_iter()
            .max()
            .unwrap_or(0)
    }

    /// Writes the transform of `grid`, whose contents are lost.
    pub fn forward(
        &self,
        grid: &mut [Complex<f64>],
        frequencies: &mut [Complex<f64>],
        room: &mut [Complex<f64>],
    ) {
        self.down.process_with_scratch(grid, room);
        turn(grid, self.rows, self.scale(), frequencies);
        self.across.process_with_scratch(frequencies, room);
    }

    /// Writes the inverse transform of `frequencies`, whose contents are lost.
    pub fn inverse(
        &self,
        frequencies: &mut [Complex<f64>],
        grid: &mut [Complex<f64>],
        room: &mut [Complex<f64>],
    ) {
        self.across_back.process_with_scratch(frequencies, room);
        turn(frequencies, self.columns, self.scale(), grid);
        self.down_back.process_with_scratch(grid, room);
    }

    /// Place of frequency `(k, l)`; both count modulo the extents, negative ones from the end.
    pub fn place(&self, k: isize, l: isize) -> usize {
        let wrap = |k: isize, n: usize| k.rem_euclid(n.cast_signed()).cast_unsigned();
        wrap(k, self.rows) * self.columns + wrap(l, self.columns)
    }

    /// Place of the negative of the frequency at `place`.
    pub fn mirror(&self, place: usize) -> usize {
        let (k, l) = (place / self.columns, place % self.columns);
        (self.rows - k) % self.rows * self.columns + (self.columns - l) % self.columns
    }

    /// The frequency at `place` in cycles per pixel, each in `[-1/2, 1/2)`.
    pub fn frequency(&self, place: usize) -> [f64; 2] {
        let centred = |k: usize, n: usize| {
            let k = if 2 * k >= n && n > 1 { k as f64 - n as f64 } else { k as f64 };
            k / n as f64
        };
        [centred(place / self.columns, self.rows), centred(place % self.columns, self.columns)]
    }

    /// `1/√n`, applied while turning.
    fn scale(&self) -> f64 {
        (self.size() as f64).sqrt().recip()
    }
}

/// Writes `factor` times the transpose of `from`, whose lines have length `width`.
fn turn(from: &[Complex<f64>], width: usize, factor: f64, to: &mut [Complex<f64>]) {
    let lines = from.len() / width;
    for line in (0..lines).step_by(SQUARE) {
        let last = (line + SQUARE).min(lines);
        for start in (0..width).step_by(SQUARE) {
            let end = (start + SQUARE).min(width);
            for i in start..end {
                let target = &mut to[i * lines + line..i * lines + last];
                for (l, target) in target.iter_mut().enumerate() {
                    *target = from[(line + l) * width + i].scale(factor);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::Seed;

    fn random(n: usize) -> Vec<Complex<f64>> {
        let mut rng = Seed::root(5).child("fourier").rng();
        (0..n)
            .map(|_| Complex::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
            .collect()
    }

    const SHAPES: [(usize, usize); 6] = [(1, 1), (1, 7), (6, 1), (5, 8), (17, 33), (40, 12)];

    #[test]
    fn frequencies_are_the_defining_sums() {
        for (rows, columns) in SHAPES {
            let fourier = Fourier::new(rows, columns);
            let n = rows * columns;
            let x = random(n);
            let (mut grid, mut found) = (x.clone(), vec![Complex::default(); n]);
            let mut room = vec![Complex::default(); fourier.room()];
            fourier.forward(&mut grid, &mut found, &mut room);
            for k in 0..rows {
                for l in 0..columns {
                    let sum: Complex<f64> = (0..n)
                        .map(|i| {
                            let (r, c) = (i % rows, i / rows);
                            let turns =
                                (k * r) as f64 / rows as f64 + (l * c) as f64 / columns as f64;
                            x[i] * Complex::cis(-std::f64::consts::TAU * turns)
                        })
                        .sum();
                    let place = fourier.place(k.cast_signed(), l.cast_signed());
                    let gap = (found[place] - sum / (n as f64).sqrt()).norm();
                    // n terms of size at most √2, each good to a few units.
                    assert!(gap <= 1e-14 * n as f64, "{rows} x {columns} ({k}, {l}): {gap}");
                }
            }
        }
    }

    #[test]
    fn the_inverse_undoes_the_transform() {
        for (rows, columns) in SHAPES {
            let fourier = Fourier::new(rows, columns);
            let x = random(rows * columns);
            let (mut grid, mut frequencies) = (x.clone(), x.clone());
            let mut room = vec![Complex::default(); fourier.room()];
            fourier.forward(&mut grid, &mut frequencies, &mut room);
            fourier.inverse(&mut frequencies, &mut grid, &mut room);
            for (a, b) in grid.iter().zip(&x) {
                assert!((a - b).norm() <= 1e-14, "{rows} x {columns}: {a} against {b}");
            }
        }
    }

    #[test]
    fn mirrored_frequencies_are_negatives_and_a_real_grid_has_their_conjugates() {
        let fourier = Fourier::new(6, 5);
        assert_eq!(fourier.mirror(fourier.place(2, -1)), fourier.place(-2, 1));
        assert_eq!(fourier.mirror(fourier.place(3, 0)), fourier.place(3, 0));
        let frequency = fourier.frequency(fourier.place(3, -2));
        assert_eq!(frequency.map(f64::to_bits), [-0.5, -0.4].map(f64::to_bits));
        let mut grid: Vec<_> = random(30).iter().map(|x| Complex::new(x.re, 0.0)).collect();
        let mut found = grid.clone();
        fourier.forward(&mut grid, &mut found, &mut vec![Complex::default(); fourier.room()]);
        for (place, x) in found.iter().enumerate() {
            assert!((found[fourier.mirror(place)] - x.conj()).norm() <= 1e-14);
        }
    }
}
