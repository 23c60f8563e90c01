//! Solves with a lower triangular factor for a few right-hand sides at once.
//!
//! With few columns these are limited by reading the factor, so it is read once each way, in long runs
//! down its columns. The cuts are fixed: every number of threads gives the same bits.

use converge_problems::numerics::memory::prefetch;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{MatMut, MatRef};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Columns of a step. The corner of a step is solved by one thread, the rest is shared.
const BLOCK: usize = 128;
/// Columns of the factor that one pass down the right-hand sides subtracts.
const GROUP: usize = 8;
/// Rows of a task of the forward solve: its right-hand sides stay in the first caches.
const ROWS: usize = 512;
/// Columns of a task of the backward solve.
const STRIP: usize = 16;
/// Right-hand sides of a register block.
const CLASSES: usize = 5;
/// Registers of rows in a register block of the forward solve, columns of the factor in one of the
/// backward solve: 20 sums where there are [`MANY_REGISTERS`], 10 where there are fewer.
const SIDE: usize = 4;
const FEW_SIDE: usize = 2;
const MANY_REGISTERS: usize = 32;
/// Order below which everything stays on the calling thread.
const SERIAL_BELOW: usize = 512;

/// `b ← L⁻ᵀ L⁻¹ b` with the lower triangle of `l`, for every column of `b`. `2 p²` flops a column.
///
/// # Panics
/// If the columns of `l` or `b` are not contiguous.
pub(super) fn solve(l: MatRef<'_, f64>, mut b: MatMut<'_, f64>) {
    forward(l, b.rb_mut());
    backward(l, b);
}

/// `b ← L⁻¹ b`.
fn forward(l: MatRef<'_, f64>, mut b: MatMut<'_, f64>) {
    let (p, arch) = (l.nrows(), Arch::new());
    for from in (0..p).step_by(BLOCK) {
        let to = (from + BLOCK).min(p);
        let (mut solved, below) = b.rb_mut().split_at_row_mut(from).1.split_at_row_mut(to - from);
        for group in (from..to).step_by(GROUP) {
            let end = (group + GROUP).min(to);
            let rest = solved.rb_mut().split_at_row_mut(group - from).1;
            let (mut x, rest) = rest.split_at_row_mut(end - group);
            for mut x in x.rb_mut().col_iter_mut() {
                for j in group..end {
                    let mut value = x[j - group];
                    for i in group..j {
                        value = (-l[(j, i)]).mul_add(x[i - group], value);
                    }
                    x[j - group] = value / l[(j, j)];
                }
            }
            subtract(l.submatrix(end, group, to - end, end - group), x.rb(), rest, arch);
        }
        let (panel, solved) = (l.submatrix(to, from, p - to, to - from), solved.rb());
        let task = |(c, rows): (usize, MatMut<'_, f64>)| {
            subtract(panel.subrows(c * ROWS, rows.nrows()), solved, rows, arch);
        };
        if p < SERIAL_BELOW {
            task((0, below));
        } else {
            below.par_row_chunks_mut(ROWS).enumerate().for_each(task);
        }
    }
}

/// `b ← L⁻ᵀ b`.
fn backward(l: MatRef<'_, f64>, mut b: MatMut<'_, f64>) {
    let (p, arch) = (l.nrows(), Arch::new());
    for from in (0..p).step_by(BLOCK).rev() {
        let to = (from + BLOCK).min(p);
        let (mut block, solved) = b.rb_mut().split_at_row_mut(from).1.split_at_row_mut(to - from);
        let (panel, solved) = (l.submatrix(to, from, p - to, to - from), solved.rb());
        let task = |(c, rows): (usize, MatMut<'_, f64>)| {
            subtract_transposed(panel.subcols(c * STRIP, rows.nrows()), solved, rows, arch);
        };
        if p < SERIAL_BELOW {
            task((0, block.rb_mut()));
        } else {
            block.rb_mut().par_row_chunks_mut(STRIP).enumerate().for_each(task);
        }
        for group in (from..to).step_by(GROUP).rev() {
            let end = (group + GROUP).min(to);
            let rest = block.rb_mut().split_at_row_mut(group - from).1;
            let (mut x, rest) = rest.split_at_row_mut(end - group);
            let panel = l.submatrix(end, group, to - end, end - group);
            subtract_transposed(panel, rest.rb(), x.rb_mut(), arch);
            for mut x in x.col_iter_mut() {
                for j in (group..end).rev() {
                    let mut value = x[j - group];
                    for i in j + 1..end {
                        value = (-l[(i, j)]).mul_add(x[i - group], value);
                    }
                    x[j - group] = value / l[(j, j)];
                }
            }
        }
    }
}

/// `y ← y - panel x`, [`GROUP`] columns of the panel after the other.
fn subtract(panel: MatRef<'_, f64>, x: MatRef<'_, f64>, mut y: MatMut<'_, f64>, arch: Arch) {
    for group in (0..panel.ncols()).step_by(GROUP) {
        let width = GROUP.min(panel.ncols() - group);
        let (panel, x) = (panel.subcols(group, width), x.subrows(group, width));
        for first in (0..y.ncols()).step_by(CLASSES) {
            let width = CLASSES.min(y.ncols() - first);
            let (x, y) = (x.subcols(first, width), y.rb_mut().subcols_mut(first, width));
            let ahead = first == 0;
            match width {
                1 => arch.dispatch(Subtract::<1> { panel, ahead, x, y }),
                2 => arch.dispatch(Subtract::<2> { panel, ahead, x, y }),
                3 => arch.dispatch(Subtract::<3> { panel, ahead, x, y }),
                4 => arch.dispatch(Subtract::<4> { panel, ahead, x, y }),
                _ => arch.dispatch(Subtract::<CLASSES> { panel, ahead, x, y }),
            }
        }
    }
}

/// `x ← x - panelᵀ y`.
fn subtract_transposed(
    panel: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    mut x: MatMut<'_, f64>,
    arch: Arch,
) {
    for group in (0..panel.ncols()).step_by(SIDE) {
        let width = SIDE.min(panel.ncols() - group);
        let panel = panel.subcols(group, width);
        let mut x = x.rb_mut().subrows_mut(group, width);
        for first in (0..y.ncols()).step_by(CLASSES) {
            let width = CLASSES.min(y.ncols() - first);
            let (y, x) = (y.subcols(first, width), x.rb_mut().subcols_mut(first, width));
            let ahead = first == 0;
            match width {
                1 => arch.dispatch(Dots::<1> { panel, ahead, y, x }),
                2 => arch.dispatch(Dots::<2> { panel, ahead, y, x }),
                3 => arch.dispatch(Dots::<3> { panel, ahead, y, x }),
                4 => arch.dispatch(Dots::<4> { panel, ahead, y, x }),
                _ => arch.dispatch(Dots::<CLASSES> { panel, ahead, y, x }),
            }
        }
    }
}

/// Column `j` of `a`.
#[inline(always)]
fn column(a: MatRef<'_, f64>, j: usize) -> &[f64] {
    a.col(j).try_as_col_major().expect("columns are contiguous").as_slice()
}

/// Bytes from a panel to its right neighbor of the same width.
#[inline(always)]
fn distance(panel: MatRef<'_, f64>) -> usize {
    panel.ncols() * panel.col_stride().unsigned_abs() * size_of::<f64>()
}

/// `y ← y - panel x` for at most [`GROUP`] columns of the panel and `C` right-hand sides.
struct Subtract<'a, const C: usize> {
    panel: MatRef<'a, f64>,
    /// Asks for what is right of the panel, which is read next.
    ahead: bool,
    x: MatRef<'a, f64>,
    y: MatMut<'a, f64>,
}

impl<const C: usize> WithSimd for Subtract<'_, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panel, ahead, x, y } = self;
        let mut columns = y.col_iter_mut();
        let mut y: [&mut [f64]; C] = std::array::from_fn(|_| {
            let column = columns.next().expect("as many columns as classes");
            column.try_as_col_major_mut().expect("columns are contiguous").as_slice_mut()
        });
        if panel.ncols() == GROUP {
            columns_from::<S, C, GROUP>(simd, panel, ahead, x, &mut y);
        } else {
            for j in 0..panel.ncols() {
                let (panel, x) = (panel.subcols(j, 1), x.subrows(j, 1));
                columns_from::<S, C, 1>(simd, panel, false, x, &mut y);
            }
        }
    }
}

#[inline(always)]
fn columns_from<S: Simd, const C: usize, const J: usize>(
    simd: S,
    panel: MatRef<'_, f64>,
    ahead: bool,
    x: MatRef<'_, f64>,
    y: &mut [&mut [f64]; C],
) {
    let rows = panel.nrows();
    let columns: [&[f64]; J] = std::array::from_fn(|j| &column(panel, j)[..rows]);
    let x: [[f64; J]; C] = std::array::from_fn(|c| std::array::from_fn(|j| -x[(j, c)]));
    let lanes = size_of::<S::f64s>() / size_of::<f64>();
    let whole = rows / lanes;
    let next = ahead.then(|| distance(panel));
    let done = if S::REGISTER_COUNT >= MANY_REGISTERS {
        blocks::<S, C, J, SIDE>(simd, &columns, next, &x, y, whole)
    } else {
        blocks::<S, C, J, FEW_SIDE>(simd, &columns, next, &x, y, whole)
    };
    for v in done..whole {
        registers::<S, C, J, 1>(simd, &columns, None, &x, y, v);
    }
    for i in whole * lanes..rows {
        for c in 0..C {
            let mut value = y[c][i];
            for j in 0..J {
                value = columns[j][i].mul_add(x[c][j], value);
            }
            y[c][i] = value;
        }
    }
}

/// Whole blocks of `R` of the first `whole` registers of rows; returns how many registers they are.
#[inline(always)]
fn blocks<S: Simd, const C: usize, const J: usize, const R: usize>(
    simd: S,
    columns: &[&[f64]; J],
    next: Option<usize>,
    x: &[[f64; J]; C],
    y: &mut [&mut [f64]; C],
    whole: usize,
) -> usize {
    let done = whole / R * R;
    for v in (0..done).step_by(R) {
        registers::<S, C, J, R>(simd, columns, next, x, y, v);
    }
    done
}

/// `R` registers of rows from number `vector` on. Asks for the same rows of the columns `next` bytes
/// further.
#[inline(always)]
fn registers<S: Simd, const C: usize, const J: usize, const R: usize>(
    simd: S,
    columns: &[&[f64]; J],
    next: Option<usize>,
    x: &[[f64; J]; C],
    y: &mut [&mut [f64]; C],
    vector: usize,
) {
    let mut sums: [[S::f64s; R]; C] = std::array::from_fn(|c| {
        let y = &S::as_simd_f64s(y[c]).0[vector..vector + R];
        std::array::from_fn(|r| y[r])
    });
    if let Some(next) = next {
        for column in columns {
            for r in 0..R {
                prefetch(column, next + (vector + r) * size_of::<S::f64s>());
            }
        }
    }
    for j in 0..J {
        let l = &S::as_simd_f64s(columns[j]).0[vector..vector + R];
        let l: [S::f64s; R] = std::array::from_fn(|r| l[r]);
        for c in 0..C {
            let x = simd.splat_f64s(x[c][j]);
            for r in 0..R {
                sums[c][r] = simd.mul_add_e_f64s(l[r], x, sums[c][r]);
            }
        }
    }
    for c in 0..C {
        S::as_mut_simd_f64s(y[c]).0[vector..vector + R].copy_from_slice(&sums[c]);
    }
}

/// `x ← x - panelᵀ y` for at most [`SIDE`] columns of the panel and `C` right-hand sides.
struct Dots<'a, const C: usize> {
    panel: MatRef<'a, f64>,
    /// Asks for what is right of the panel, which is read next.
    ahead: bool,
    y: MatRef<'a, f64>,
    x: MatMut<'a, f64>,
}

impl<const C: usize> WithSimd for Dots<'_, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panel, ahead, y, mut x } = self;
        let y: [&[f64]; C] = std::array::from_fn(|c| column(y, c));
        if panel.ncols() == SIDE && S::REGISTER_COUNT >= MANY_REGISTERS {
            dots::<S, C, SIDE>(simd, panel, ahead, &y, x);
        } else if panel.ncols() == SIDE {
            for j in (0..SIDE).step_by(FEW_SIDE) {
                let panel = panel.subcols(j, FEW_SIDE);
                let x = x.rb_mut().subrows_mut(j, FEW_SIDE);
                dots::<S, C, FEW_SIDE>(simd, panel, ahead, &y, x);
            }
        } else {
            for j in 0..panel.ncols() {
                let (panel, x) = (panel.subcols(j, 1), x.rb_mut().subrows_mut(j, 1));
                dots::<S, C, 1>(simd, panel, false, &y, x);
            }
        }
    }
}

#[inline(always)]
fn dots<S: Simd, const C: usize, const J: usize>(
    simd: S,
    panel: MatRef<'_, f64>,
    ahead: bool,
    y: &[&[f64]; C],
    mut x: MatMut<'_, f64>,
) {
    let rows = panel.nrows();
    let columns: [&[f64]; J] = std::array::from_fn(|j| &column(panel, j)[..rows]);
    let l: [&[S::f64s]; J] = std::array::from_fn(|j| S::as_simd_f64s(columns[j]).0);
    let whole = l[0].len();
    let l: [&[S::f64s]; J] = std::array::from_fn(|j| &l[j][..whole]);
    let right: [&[S::f64s]; C] = std::array::from_fn(|c| &S::as_simd_f64s(y[c]).0[..whole]);
    let mut sums = [[simd.splat_f64s(0.0); J]; C];
    let next = distance(panel);
    for v in 0..whole {
        if ahead {
            for column in columns {
                prefetch(column, next + v * size_of::<S::f64s>());
            }
        }
        let l: [S::f64s; J] = std::array::from_fn(|j| l[j][v]);
        for c in 0..C {
            let y = right[c][v];
            for j in 0..J {
                sums[c][j] = simd.mul_add_e_f64s(l[j], y, sums[c][j]);
            }
        }
    }
    let lanes = size_of::<S::f64s>() / size_of::<f64>();
    for c in 0..C {
        for j in 0..J {
            let mut value = simd.reduce_sum_f64s(sums[c][j]);
            for i in whole * lanes..rows {
                value = columns[j][i].mul_add(y[c][i], value);
            }
            x[(j, c)] -= value;
        }
    }
}

#[cfg(test)]
mod tests {
    use converge_problems::Seed;
    use faer::Mat;
    use rand::RngExt;

    use super::*;

    /// A factor with a diagonal that keeps its condition small, and right-hand sides.
    fn instance(p: usize, classes: usize) -> (Mat<f64>, Mat<f64>) {
        let mut rng = Seed::root(p as u64).child("triangular").rng();
        let scale = 1.0 / (p as f64).sqrt();
        let l = Mat::from_fn(p, p, |i, j| {
            let entry: f64 = rng.random_range(-1.0..1.0);
            // The other triangle must not be read.
            if i < j { f64::NAN } else { scale * entry + if i == j { 2.0 } else { 0.0 } }
        });
        let b = Mat::from_fn(p, classes, |_, _| rng.random_range(-1.0..1.0));
        (l, b)
    }

    fn threads<R: Send>(count: usize, task: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap().install(task)
    }

    #[test]
    fn the_solution_satisfies_the_system() {
        for (p, classes) in [(1, 1), (7, 2), (8, 3), (129, 4), (300, 11), (700, 10), (1100, 6)] {
            let (l, b) = instance(p, classes);
            let mut x = b.clone();
            solve(l.as_ref(), x.as_mut());
            let lower = Mat::from_fn(p, p, |i, j| if i < j { 0.0 } else { l[(i, j)] });
            let residual = &lower * (lower.transpose() * &x) - &b;
            let bound = 1e-13 * (p as f64).sqrt() * 16.0 * x.norm_max();
            assert!(residual.norm_max() <= bound, "p = {p}, K = {classes}: {residual:?}");
        }
    }

    /// The parts of a solve with the instructions of `simd`, against sums one by one.
    fn check<S: Simd>(simd: S) {
        let (l, b) = instance(61, CLASSES);
        let (panel, top) = (l.submatrix(20, 3, 41, GROUP), b.subrows(0, GROUP));
        let mut y = b.subrows(20, 41).to_owned();
        simd.vectorize(Subtract::<CLASSES> { panel, ahead: true, x: top, y: y.as_mut() });
        let expected = b.subrows(20, 41) - panel * top;
        assert!((&y - &expected).norm_max() <= 1e-14, "{y:?}");
        for width in [SIDE, 3] {
            let (panel, y) = (panel.subcols(0, width), b.subrows(20, 41));
            let mut x = b.subrows(0, width).to_owned();
            let expected = &x - panel.transpose() * y;
            simd.vectorize(Dots::<CLASSES> { panel, ahead: true, y, x: x.as_mut() });
            assert!((&x - &expected).norm_max() <= 1e-14, "{x:?}");
        }
    }

    /// Blocks differ with the number of registers, so that one processor alone would not run them all.
    #[test]
    fn every_instruction_set_solves() {
        check(pulp::Scalar::new());
        #[cfg(target_arch = "x86_64")]
        {
            pulp::x86::V3::try_new().into_iter().for_each(check);
            pulp::x86::V4::try_new().into_iter().for_each(check);
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_threads() {
        let (l, b) = instance(1300, 7);
        let solved = |count| {
            let mut x = b.clone();
            threads(count, || solve(l.as_ref(), x.as_mut()));
            x
        };
        let one = solved(1);
        for count in [2, 3, 8] {
            let other = solved(count);
            let same = (0..7).all(|k| {
                let (a, b) = (column(one.as_ref(), k), column(other.as_ref(), k));
                a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            });
            assert!(same, "{count} threads");
        }
    }

    #[test]
    fn a_right_hand_side_alone_gives_the_bits_it_gives_among_others() {
        let (l, b) = instance(600, 7);
        let mut all = b.clone();
        solve(l.as_ref(), all.as_mut());
        for k in 0..7 {
            let mut alone = b.subcols(k, 1).to_owned();
            solve(l.as_ref(), alone.as_mut());
            let (a, b) = (column(alone.as_ref(), 0), column(all.as_ref(), k));
            assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()), "column {k}");
        }
    }
}
