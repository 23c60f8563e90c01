//! Householder QR of the stacked matrix, which never squares its condition.

use converge_problems::SetupError;
use converge_problems::mlr::{Mlr, MlrScratch};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::qr::no_pivoting::factor;
use faer::{Mat, MatRef, Par};

use super::cholesky::indefinite;
use super::{Right, add_pull, dense, spectral, triangular};

/// `R` of `[Dᵀ; √r L]`, the data first: rows of large norm on top keep Householder's method accurate
/// row by row. `R` of the data alone is kept, so that another `r` does not read them again.
#[derive(Clone, Debug)]
pub(super) struct Qr {
    /// `R` of `Dᵀ`.
    data: Mat<f64>,
    /// `Rᵀ` of the stacked matrix.
    lower: Mat<f64>,
    /// `F`, tile by tile.
    targets: Vec<f64>,
    correction: Vec<f64>,
}

impl Qr {
    pub(super) fn new(problem: &Mlr, ratio: f64) -> Result<Self, SetupError> {
        let (p, samples, classes) = (problem.weights(), problem.samples(), problem.classes());
        // As many samples at a time as R has rows: what R costs again is then one half.
        let height = p.max(64);
        let mut data = Mat::zeros(p, p);
        let mut columns = Mat::zeros(p, height.min(samples));
        for from in (0..samples).step_by(height) {
            let count = height.min(samples - from);
            problem.columns(from, columns.as_mut().subcols_mut(0, count));
            data = stack(data.as_ref(), columns.subcols(0, count).transpose());
        }
        drop(columns);
        let mut qr = Self {
            lower: Mat::zeros(p, p),
            data,
            targets: vec![0.0; problem.state_len(classes)],
            correction: vec![0.0; p * classes],
        };
        qr.refactor(problem, ratio)?;
        Ok(qr)
    }

    pub(super) fn refactor(&mut self, problem: &Mlr, ratio: f64) -> Result<(), SetupError> {
        let p = problem.weights();
        let mut ridge = Mat::zeros(p, p);
        let mut unit = vec![0.0; p];
        for j in 0..p {
            unit[j] = ratio.sqrt();
            problem.operator().apply(&unit, ridge.col_as_slice_mut(j));
            unit[j] = 0.0;
        }
        self.lower = stack(self.data.as_ref(), ridge.as_ref()).transpose().to_owned();
        let pivots = (0..p).map(|i| self.lower[(i, i)].abs());
        let (low, high) =
            pivots.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        // A NaN is no pivot either.
        if low > f64::EPSILON * high { Ok(()) } else { Err(indefinite()) }
    }

    pub(super) fn data_norm(&self) -> f64 {
        spectral::of_factor(&self.data)
    }

    /// Corrected semi-normal equations: `RᵀR x = b`, then once more for the residual of the data.
    #[expect(clippy::too_many_arguments, reason = "the system's parts, each borrowed on its own")]
    pub(super) fn solve(
        &mut self,
        problem: &Mlr,
        ratio: f64,
        right: &Right<'_>,
        b: &[f64],
        w: &mut [f64],
        class: &mut [Vec<f64>; 2],
        scratch: &mut MlrScratch,
    ) {
        let Self { lower, targets, correction, .. } = self;
        let (p, classes) = (problem.weights(), problem.classes());
        w.copy_from_slice(b);
        triangular::solve(lower.as_ref(), dense::view_mut(w, p));
        problem.sweep(w, classes, targets, Some(correction), scratch, |tile| {
            (right.data)(tile.first, tile.state);
            tile.scores.iter_mut().zip(&*tile.state).for_each(|(s, f)| *s = f - *s);
        });
        add_pull(problem, -ratio, w, problem.prior(), correction, class);
        triangular::solve(lower.as_ref(), dense::view_mut(correction, p));
        w.iter_mut().zip(&*correction).for_each(|(w, d)| *w += d);
    }
}

/// `R` of `[upper; below]`, `p x p`.
fn stack(upper: MatRef<'_, f64>, below: MatRef<'_, f64>) -> Mat<f64> {
    let p = upper.ncols();
    let mut all = Mat::zeros(p + below.nrows(), p);
    all.as_mut().subrows_mut(0, p).copy_from(upper);
    all.as_mut().subrows_mut(p, below.nrows()).copy_from(below);
    let block = factor::recommended_block_size::<f64>(all.nrows(), p);
    let spec = faer::Spec::default();
    let request = factor::qr_in_place_scratch::<f64>(all.nrows(), p, block, Par::Seq, spec);
    let mut memory = MemBuffer::new(request);
    let mut reflectors = Mat::zeros(block, p);
    let stack = MemStack::new(&mut memory);
    factor::qr_in_place(all.as_mut(), reflectors.as_mut(), Par::Seq, stack, spec);
    Mat::from_fn(p, p, |i, j| if i <= j { all[(i, j)] } else { 0.0 })
}
