//! Measurements by a dense matrix: one of independent normal numbers, or the user's.

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use super::{Operator, Room, norm};
use crate::imaging::ArrayFile;
use crate::numerics::vector::{axpy, dot};
use crate::{DataError, Seed, SetupError, require};

/// `A` of `m x n`, its rows dealt to the blocks in groups of nearly equal size.
///
/// Holds `8 m n` bytes; a product reads them once.
#[derive(Debug)]
pub struct Matrix {
    dim: usize,
    /// Rows of every block, one after the other.
    rows: Vec<Vec<f64>>,
    seed: Seed,
    about: String,
}

/// A matrix in a file.
///
/// ```toml
/// operator = { matrix = { path = "a.npy" } }                            # y = A @ x.ravel() in NumPy
/// operator = { matrix = { path = "a.mat.h5", dataset = "A", pixels = "column-major" } }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MatrixChoice {
    /// The file: an array of measurements x pixels.
    pub path: PathBuf,
    /// NPZ and HDF5: the name of the array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Which pixel belongs to which column.
    #[serde(default)]
    pub pixels: Pixels,
}

/// An order of pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pixels {
    /// Row after row, as `x.ravel()` in NumPy.
    #[default]
    RowMajor,
    /// Column after column, as `x(:)` in MATLAB.
    ColumnMajor,
}

/// `m x dim` entries `N(0, 1/m)`, `m = measurements >= blocks >= 1`.
pub fn gaussian(dim: usize, measurements: usize, blocks: usize, seed: Seed) -> Matrix {
    let cut = |block: usize| block * measurements / blocks;
    let block = |i: usize| {
        let entries = (cut(i + 1) - cut(i)) * dim;
        normal(entries, measurements, seed.child("rows").index(i as u64))
    };
    let about = format!("gaussian, {measurements} x {dim}");
    Matrix { dim, rows: (0..blocks).map(block).collect(), seed, about }
}

/// Numbers `N(0, 1/m)`.
pub(super) fn normal(count: usize, m: usize, seed: Seed) -> Vec<f64> {
    let scale = (m as f64).sqrt().recip();
    let mut rng = seed.rng();
    (0..count)
        .map(|_| {
            let number: f64 = StandardNormal.sample(&mut rng);
            scale * number
        })
        .collect()
}

impl MatrixChoice {
    /// The matrix for images of `rows x columns`, in `blocks` groups of rows.
    ///
    /// # Errors
    /// [`SetupError`] if the file cannot be read, or does not fit the image or the blocks.
    pub fn build(
        &self,
        [rows, columns]: [usize; 2],
        blocks: usize,
        seed: Seed,
    ) -> Result<Matrix, SetupError> {
        let file = ArrayFile { path: self.path.clone(), dataset: self.dataset.clone() };
        let numbers = file.read()?;
        numbers.real("a matrix")?;
        let dim = rows * columns;
        let error = |finding: String| DataError::new(&self.path, finding);
        let &[measurements, found] = &numbers.extents[..] else {
            let extents = &numbers.extents;
            let found = format!("has extents {extents:?}, a matrix has two: measurements, pixels");
            return Err(error(found).into());
        };
        if found != dim {
            let found = format!(
                "has {found} columns, an image of {rows} x {columns} has {dim} pixels: correct \
                 `shape`, or transpose the matrix"
            );
            return Err(error(found).into());
        }
        let admissible = "at most the number of rows of the matrix";
        require("blocks", blocks, blocks <= measurements, admissible)?;
        let mut values = numbers.values;
        if self.pixels == Pixels::RowMajor {
            let mut turned = vec![0.0; dim];
            for row in values.chunks_exact_mut(dim) {
                for (i, turned) in turned.iter_mut().enumerate() {
                    *turned = row[i % rows * columns + i / rows];
                }
                row.copy_from_slice(&turned);
            }
        }
        if values.iter().all(|&value| value.abs() <= 0.0) {
            return Err(error("holds zeros alone: nothing is measured".into()).into());
        }
        let cut = |block: usize| block * measurements / blocks * dim;
        let about =
            format!("{measurements} x {dim} of {} ({})", self.path.display(), numbers.checksum);
        let rows = (0..blocks).map(|i| values[cut(i)..cut(i + 1)].to_vec()).collect();
        Ok(Matrix { dim, rows, seed, about })
    }
}

impl Operator for Matrix {
    fn dim(&self) -> usize {
        self.dim
    }

    fn blocks(&self) -> usize {
        self.rows.len()
    }

    fn entries(&self, block: usize) -> usize {
        self.rows[block].len() / self.dim
    }

    fn complex(&self) -> bool {
        false
    }

    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], _room: &mut Room) {
        for (y, row) in y.iter_mut().zip(self.rows[block].chunks_exact(self.dim)) {
            *y = dot(row, x);
        }
    }

    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], _room: &mut Room) {
        for (y, row) in y.iter().zip(self.rows[block].chunks_exact(self.dim)) {
            axpy(factor * y, row, x);
        }
    }

    fn norm_squared(&self, block: usize) -> f64 {
        norm::squared(self, &[block], self.seed.child("norm").index(block as u64))
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("operator", self.about.clone())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_is_that_of_the_dense_matrix_within_its_margin() {
        let matrix = gaussian(60, 41, 3, Seed::root(4));
        for block in 0..3 {
            let m = matrix.entries(block);
            let dense = faer::Mat::from_fn(m, 60, |i, j| matrix.rows[block][i * 60 + j]);
            let values = dense.singular_values().unwrap();
            let largest = values[0] * values[0];
            let found = matrix.norm_squared(block);
            let margin = 1.0 + 0.871 * 60.0_f64.ln() / 49.0;
            assert!(
                found >= largest && found <= largest * margin * (1.0 + 1e-12),
                "{found} {largest}"
            );
        }
    }

    #[test]
    fn rows_are_dealt_evenly_and_have_the_stated_variance() {
        let matrix = gaussian(50, 100, 7, Seed::root(4));
        let entries: Vec<usize> = (0..7).map(|i| matrix.entries(i)).collect();
        assert_eq!(entries.iter().sum::<usize>(), 100);
        assert!(entries.iter().all(|&m| m == 14 || m == 15), "{entries:?}");
        let squares: f64 = matrix.rows.iter().flatten().map(|a| a * a).sum();
        // 5000 squares of mean 1/100: the relative standard error is √(2/5000) = 0.02.
        assert!((squares / 50.0 - 1.0).abs() <= 4.0 * 0.02, "{squares}");
    }

    #[test]
    fn a_matrix_of_a_file_takes_pixels_in_either_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let values: Vec<f64> = (0..30).map(|i| f64::from(i * 7 % 11)).collect();
        crate::data::write_npy(&path, &[5, 6], false, &values).unwrap();
        let (rows, columns) = (2, 3);
        // Column-major, as a point.
        let x: Vec<f64> = (0..6).map(f64::from).collect();
        for pixels in [Pixels::RowMajor, Pixels::ColumnMajor] {
            let choice = MatrixChoice { path: path.clone(), dataset: None, pixels };
            let matrix = choice.build([rows, columns], 2, Seed::root(1)).unwrap();
            assert_eq!((matrix.entries(0), matrix.entries(1)), (2, 3));
            let mut y = vec![0.0; 3];
            matrix.forward(1, &x, &mut y, &mut Room::default());
            for (i, y) in y.iter().enumerate() {
                let row = &values[6 * (i + 2)..6 * (i + 3)];
                let pixel = |place: usize| match pixels {
                    Pixels::RowMajor => x[place / columns + rows * (place % columns)],
                    Pixels::ColumnMajor => x[place],
                };
                let expected: f64 = row.iter().enumerate().map(|(j, a)| a * pixel(j)).sum();
                assert!((y - expected).abs() <= 1e-12, "{pixels:?}: {y} {expected}");
            }
            let message = choice.build([3, 3], 1, Seed::root(1)).unwrap_err().to_string();
            assert!(message.contains("has 6 columns, an image of 3 x 3 has 9 pixels"), "{message}");
            let message = choice.build([2, 3], 6, Seed::root(1)).unwrap_err().to_string();
            assert!(message.contains("blocks = 6 is not admissible"), "{message}");
        }
    }
}
