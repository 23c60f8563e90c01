//! The features as columns, and their Gram matrix.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use pulp::Arch;
use rayon::prelude::*;

use super::Mlr;
use super::rows::{Terms, TileBuffer};

/// Samples that enter one product.
const PANEL: usize = 1024;
/// Columns of the result that one task computes, and those of a large one: a task packs all rows of
/// its product again.
const COLUMNS: [usize; 2] = [256, 512];
/// Order from which a result is large.
const LARGE: usize = 4096;
/// Samples that one task copies.
const FILLED: usize = 64;
/// Edge of the tiles in which a triangle is transposed.
const TILE: usize = 64;
/// Samples of one partial sum of squares.
const SQUARES: usize = 1024;

impl Mlr {
    /// Writes the features of the training samples from number `from` on, one sample a column of
    /// `to`, `p` rows with the constant feature last. Allocates: for set-ups, not for steps.
    ///
    /// # Panics
    /// If `to` is not column-major, has not `p` rows or asks for samples that are not there.
    pub fn columns(&self, from: usize, mut to: MatMut<'_, f64>) {
        let (p, rows) = (self.weights(), &self.parts.train.rows);
        assert!(to.nrows() == p && to.row_stride() == 1, "a column holds every feature");
        to.rb_mut().par_col_chunks_mut(FILLED).enumerate().for_each(|(c, mut block)| {
            let first = from + c * FILLED;
            let mut buffer = TileBuffer::<f64>::new(block.ncols(), rows.stride);
            let terms = Terms::Range(first, first + block.ncols());
            let tile = rows.tile::<f64>(&terms, &mut buffer, Arch::new());
            for (j, row) in tile.chunks_exact(rows.stride).enumerate() {
                let column = block.rb_mut().col_mut(j);
                let Some(column) = column.try_as_col_major_mut() else { return };
                let column = column.as_slice_mut();
                let pairs = column.iter_mut().zip(&row[..p - 1]);
                pairs.for_each(|(to, from)| *to = rows.scale * from);
                column[p - 1] = 1.0;
            }
        });
    }

    /// `G = D Dᵀ` over the training samples, `p x p` with the constant feature last, both triangles,
    /// in `f64` whatever the precision of the oracles.
    ///
    /// Panels of 1024 samples are multiplied with faer in blocks of 256 columns or 512; only the lower
    /// triangle is computed. About `N p²` flops. Threads share the blocks of columns, so the result
    /// does not depend on their number.
    ///
    /// The instance of a tuning's trials computes it for the first of them and keeps it.
    pub fn gram(&self) -> Mat<f64> {
        if self.trials {
            self.parts.gram.get_or_init(|| self.new_gram()).clone()
        } else {
            self.new_gram()
        }
    }

    fn new_gram(&self) -> Mat<f64> {
        let p = self.weights();
        let samples = self.samples();
        let mut gram = Mat::<f64>::zeros(p, p);
        let columns = COLUMNS[usize::from(p >= LARGE)];
        let mut panel = Mat::<f64>::zeros(p, PANEL.min(samples));
        for from in (0..samples).step_by(PANEL) {
            let count = PANEL.min(samples - from);
            self.columns(from, panel.as_mut().subcols_mut(0, count));
            let panel = panel.subcols(0, count);
            let blocks = gram.as_mut().par_col_chunks_mut(columns);
            blocks.enumerate().for_each(|(b, block)| {
                let first = b * columns;
                let rows = panel.subrows(first, p - first);
                let (corner, below) = rows.split_at_row(block.ncols());
                let block = block.split_at_row_mut(first).1;
                let (square, block) = block.split_at_row_mut(corner.nrows());
                triangular::matmul(
                    square,
                    BlockStructure::TriangularLower,
                    Accum::Add,
                    corner,
                    BlockStructure::Rectangular,
                    corner.transpose(),
                    BlockStructure::Rectangular,
                    1.0,
                    Par::Seq,
                );
                matmul(block, Accum::Add, below, corner.transpose(), 1.0, Par::Seq);
            });
        }
        mirror(gram.as_mut());
        gram
    }

    /// `diag(G)`, the sum of the squares of every feature: `p` numbers, one pass over the data.
    pub fn gram_diagonal(&self) -> Vec<f64> {
        let (p, rows) = (self.weights(), &self.parts.train.rows);
        let blocks: Vec<usize> = (0..rows.samples).step_by(SQUARES).collect();
        let parts: Vec<Vec<f64>> = blocks
            .into_par_iter()
            .map(|from| {
                let count = SQUARES.min(rows.samples - from);
                let mut buffer = TileBuffer::<f64>::new(count, rows.stride);
                let terms = Terms::Range(from, from + count);
                let mut sums = vec![0.0; p];
                let tile = rows.tile::<f64>(&terms, &mut buffer, Arch::new());
                for row in tile.chunks_exact(rows.stride) {
                    sums.iter_mut().zip(&row[..p - 1]).for_each(|(s, x)| *s += x * x);
                }
                sums
            })
            .collect();
        let mut diagonal = vec![0.0; p];
        for part in parts {
            diagonal.iter_mut().zip(&part).for_each(|(d, s)| *d += rows.scale * rows.scale * s);
        }
        diagonal[p - 1] = rows.samples as f64;
        diagonal
    }
}

/// The lower triangle into the upper one.
fn mirror(a: MatMut<'_, f64>) {
    let p = a.nrows();
    if p <= TILE {
        return small_mirror(a);
    }
    let half = p / 2;
    let (left, right) = a.split_at_col_mut(half);
    let (first, below) = left.split_at_row_mut(half);
    let (above, last) = right.split_at_row_mut(half);
    rayon::join(|| transpose(below.rb(), above), || rayon::join(|| mirror(first), || mirror(last)));
}

fn small_mirror(mut a: MatMut<'_, f64>) {
    for j in 0..a.ncols() {
        for i in j + 1..a.nrows() {
            a[(j, i)] = a[(i, j)];
        }
    }
}

/// `to = fromᵀ`, by halves down to tiles: whole columns would miss the cache at every number.
fn transpose(from: MatRef<'_, f64>, mut to: MatMut<'_, f64>) {
    let (rows, columns) = from.shape();
    if rows.max(columns) <= TILE {
        to.copy_from(from.transpose());
    } else if rows >= columns {
        let (above, below) = from.split_at_row(rows / 2);
        let (left, right) = to.split_at_col_mut(rows / 2);
        rayon::join(|| transpose(above, left), || transpose(below, right));
    } else {
        let (left, right) = from.split_at_col(columns / 2);
        let (above, below) = to.split_at_row_mut(columns / 2);
        rayon::join(|| transpose(left, above), || transpose(right, below));
    }
}
