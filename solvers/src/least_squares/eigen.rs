//! One eigendecomposition for every ratio.

use converge_problems::SetupError;
use converge_problems::mlr::{Mlr, RidgePower};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::{Mat, Par};
use rayon::prelude::*;

use super::cholesky::indefinite;
use super::dense;

/// `M^(-1/2) G M^(-1/2) = Q Λ Qᵀ`, so that `(G + r M)⁻¹ = T (Λ + r)⁻¹ Tᵀ` with `T = M^(-1/2) Q`.
#[derive(Clone, Debug)]
pub(super) struct Eigen {
    /// `T`.
    basis: Mat<f64>,
    /// `Λ`, at least 0.
    values: Vec<f64>,
    ratio: f64,
    inner: Vec<f64>,
}

impl Eigen {
    pub(super) fn new(problem: &Mlr, gram: Mat<f64>, ratio: f64) -> Result<Self, SetupError> {
        let p = gram.nrows();
        // Checked before: the operator has an inverse.
        let half = problem.operator().power(-0.5).ok_or_else(indefinite)?;
        let mut white = gram;
        apply(&half, &mut white);
        let mut white = white.transpose().to_owned();
        apply(&half, &mut white);
        let (mut values, mut basis) = (Diag::zeros(p), Mat::zeros(p, p));
        let (vectors, spec) = (ComputeEigenvectors::Yes, faer::Spec::default());
        // In sequence: faer's parallel kernels cut by the number of threads.
        let request = evd::self_adjoint_evd_scratch::<f64>(p, vectors, Par::Seq, spec);
        let mut memory = MemBuffer::new(request);
        let stack = MemStack::new(&mut memory);
        let to = Some(basis.as_mut());
        evd::self_adjoint_evd(white.as_ref(), values.as_mut(), to, Par::Seq, stack, spec)
            .map_err(|_| SetupError::Numerics("the eigendecomposition did not converge".into()))?;
        apply(&half, &mut basis);
        let values = values.column_vector().iter().map(|v| v.max(0.0)).collect();
        let mut eigen = Self { basis, values, ratio, inner: vec![0.0; p * problem.classes()] };
        eigen.set_ratio(ratio)?;
        Ok(eigen)
    }

    pub(super) fn set_ratio(&mut self, ratio: f64) -> Result<(), SetupError> {
        let (low, high) = self
            .values
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
        self.ratio = ratio;
        if low + ratio > f64::EPSILON * high { Ok(()) } else { Err(indefinite()) }
    }

    /// `4 p² K` flops.
    pub(super) fn solve(&mut self, b: &[f64], w: &mut [f64]) {
        let Self { basis, values, ratio, inner } = self;
        let p = values.len();
        dense::product(basis.transpose(), dense::view(b, p), dense::view_mut(inner, p));
        for column in inner.chunks_exact_mut(p) {
            column.iter_mut().zip(&*values).for_each(|(y, v)| *y /= v + *ratio);
        }
        dense::product(basis.as_ref(), dense::view(inner, p), dense::view_mut(w, p));
    }
}

/// Applies a power to every column.
pub(super) fn apply(power: &RidgePower, matrix: &mut Mat<f64>) {
    let columns = matrix.as_mut().par_col_chunks_mut(16);
    columns.for_each_init(
        || power.clone(),
        |power, block| {
            for column in block.col_iter_mut() {
                if let Some(column) = column.try_as_col_major_mut() {
                    power.apply(column.as_slice_mut());
                }
            }
        },
    );
}
