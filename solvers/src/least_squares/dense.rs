//! Dense kernels that use the threads of the pool and give the same bits for every number of them.
//!
//! faer's own parallel kernels cut the work by the number of threads. Here the cuts are fixed, each
//! task is one of faer's sequential kernels, and tasks never share an output.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{self, LltRegularization};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Columns of a step of the factorisation.
const BLOCK: usize = 256;
/// Columns of the trailing matrix that one task updates.
const COLUMNS: usize = 128;
/// Rows of a panel that one task solves, or multiplies.
const ROWS: usize = 256;
/// Order below which everything stays on the calling thread.
const SERIAL_BELOW: usize = 512;

/// A pivot that is not positive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indefinite;

/// Cholesky factor of the matrix whose lower triangle is that of `a`, over it; the strict upper
/// triangle stays as it is. `p³/3` flops.
pub(super) fn cholesky(mut a: MatMut<'_, f64>) -> Result<(), Indefinite> {
    let p = a.nrows();
    let mut corner = Mat::zeros(p.min(BLOCK), p.min(BLOCK));
    let spec = faer::Spec::default();
    let request = factor::cholesky_in_place_scratch::<f64>(p.min(BLOCK), Par::Seq, spec);
    let mut memory = MemBuffer::new(request);
    for from in (0..p).step_by(BLOCK) {
        let width = BLOCK.min(p - from);
        let trailing = a.rb_mut().submatrix_mut(from, from, p - from, p - from);
        let (panel, rest) = trailing.split_at_col_mut(width);
        let (mut diagonal, mut below) = panel.split_at_row_mut(width);
        // In a copy, for faer's kernel may use the other triangle.
        let mut corner = corner.as_mut().submatrix_mut(0, 0, width, width);
        corner.copy_from(diagonal.rb());
        let stack = MemStack::new(&mut memory);
        let regularization = LltRegularization::default();
        factor::cholesky_in_place(corner.rb_mut(), regularization, Par::Seq, stack, spec)
            .map_err(|_| Indefinite)?;
        for j in 0..width {
            for i in j..width {
                diagonal[(i, j)] = corner[(i, j)];
            }
        }
        let lower = diagonal.rb();
        let solve = |rows: MatMut<'_, f64>| {
            solve_lower_triangular_in_place(lower, rows.transpose_mut(), Par::Seq);
        };
        let rest = rest.split_at_row_mut(width).1;
        if p < SERIAL_BELOW {
            solve(below.rb_mut());
        } else {
            below.rb_mut().par_row_chunks_mut(ROWS).for_each(solve);
        }
        let below = below.rb();
        rest.par_col_chunks_mut(COLUMNS).enumerate().for_each(|(b, block)| {
            let (first, width) = (b * COLUMNS, block.ncols());
            let rows = below.subrows(first, below.nrows() - first);
            let across = rows.subrows(0, width).transpose();
            let (square, rest) = block.split_at_row_mut(first).1.split_at_row_mut(width);
            triangular::matmul(
                square,
                BlockStructure::TriangularLower,
                Accum::Add,
                rows.subrows(0, width),
                BlockStructure::Rectangular,
                across,
                BlockStructure::Rectangular,
                -1.0,
                Par::Seq,
            );
            let rows = rows.subrows(width, rows.nrows() - width);
            matmul(rest, Accum::Add, rows, across, -1.0, Par::Seq);
        });
    }
    Ok(())
}

/// `out = a b`: rows of `out` shared among the threads.
pub(super) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>, mut out: MatMut<'_, f64>) {
    if a.nrows().max(a.ncols()) < SERIAL_BELOW {
        return matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
    }
    out.rb_mut().par_row_chunks_mut(ROWS).enumerate().for_each(|(c, rows)| {
        let a = a.subrows(c * ROWS, rows.nrows());
        matmul(rows, Accum::Replace, a, b, 1.0, Par::Seq);
    });
}

/// Lower triangle of `yᵀ y`, zeros added to the rest of the diagonal blocks. `n² p` flops for `p x n`.
pub(super) fn gram(y: MatRef<'_, f64>) -> Mat<f64> {
    let n = y.ncols();
    let mut kernel = Mat::zeros(n, n);
    kernel.as_mut().par_col_chunks_mut(COLUMNS).enumerate().for_each(|(b, block)| {
        let (first, width) = (b * COLUMNS, block.ncols());
        let below = y.subcols(first, n - first).transpose();
        let across = y.subcols(first, width);
        matmul(block.split_at_row_mut(first).1, Accum::Replace, below, across, 1.0, Par::Seq);
    });
    kernel
}

/// Columns of `b` as a matrix.
pub(super) fn view(b: &[f64], rows: usize) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(b, rows, b.len() / rows)
}

/// Columns of `b` as a matrix.
pub(super) fn view_mut(b: &mut [f64], rows: usize) -> MatMut<'_, f64> {
    let columns = b.len() / rows;
    MatMut::from_column_major_slice_mut(b, rows, columns)
}
