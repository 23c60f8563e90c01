//! The Gram matrix of the features.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use pulp::Arch;
use rayon::prelude::*;

use super::Mlr;
use super::rows::{Terms, TileBuffer};

/// Samples that enter one product.
const PANEL: usize = 512;
/// Columns of the result that one task computes.
const COLUMNS: usize = 128;

impl Mlr {
    /// `G = D Dᵀ` over the training samples, `p x p` with the constant feature last, both triangles,
    /// in `f64` whatever the precision of the oracles.
    ///
    /// Panels of 512 samples are multiplied with faer in blocks of 128 columns; only the lower
    /// triangle is computed. About `N p²` flops. Threads share the blocks of columns, so the result
    /// does not depend on their number.
    pub fn gram(&self) -> Mat<f64> {
        let p = self.weights();
        let rows = &self.train.rows;
        let stride = rows.stride;
        let mut gram = Mat::<f64>::zeros(p, p);
        let mut panel = Mat::<f64>::zeros(p, PANEL);
        let mut buffer = TileBuffer::<f64>::new(PANEL, stride);
        for from in (0..rows.samples).step_by(PANEL) {
            let to = (from + PANEL).min(rows.samples);
            let tile = rows.tile::<f64>(&Terms::Range(from, to), &mut buffer, Arch::new());
            for (j, row) in tile.chunks_exact(stride).enumerate() {
                let column = panel.col_as_slice_mut(j);
                for (to, from) in column.iter_mut().zip(&row[..p - 1]) {
                    *to = rows.scale * from;
                }
                column[p - 1] = 1.0;
            }
            let panel = panel.subcols(0, to - from);
            let blocks = gram.as_mut().par_col_chunks_mut(COLUMNS);
            blocks.enumerate().for_each(|(b, block)| {
                let first = b * COLUMNS;
                let (width, below) = (block.ncols(), panel.subrows(first, p - first));
                let across = panel.subrows(first, width).transpose();
                let block = block.subrows_mut(first, p - first);
                matmul(block, Accum::Add, below, across, 1.0, Par::Seq);
            });
        }
        for j in 0..p {
            for i in 0..j {
                gram[(i, j)] = gram[(j, i)];
            }
        }
        gram
    }
}
