//! The normal matrix of least squares on the features, factored once and solved many times.

use converge_problems::SetupError;
use converge_problems::mlr::RidgeOperator;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{self, LltRegularization};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, MatMut, Par};

/// Cholesky factor of `S A S`, `A = g G + r LᵀL`, with `S = diag(A)^(-1/2)`: directions that are
/// nearly dead in `G` are scaled up before rounding can swallow them.
#[derive(Clone, Debug)]
pub(crate) struct Normal {
    lower: Mat<f64>,
    scale: Vec<f64>,
}

impl Normal {
    /// Factors `gram_weight * gram + ridge_weight * LᵀL`. About `p³/3` flops, one matrix held.
    ///
    /// # Errors
    /// [`SetupError::Numerics`] if the matrix is not positive definite to working precision.
    pub(crate) fn factor(
        gram: &Mat<f64>,
        gram_weight: f64,
        operator: &RidgeOperator,
        ridge_weight: f64,
    ) -> Result<Self, SetupError> {
        let mut normal = Self { lower: gram.clone(), scale: vec![0.0; gram.nrows()] };
        normal.refactor(gram, gram_weight, operator, ridge_weight)?;
        Ok(normal)
    }

    /// The same for other weights, in the memory at hand.
    pub(crate) fn refactor(
        &mut self,
        gram: &Mat<f64>,
        gram_weight: f64,
        operator: &RidgeOperator,
        ridge_weight: f64,
    ) -> Result<(), SetupError> {
        let p = gram.nrows();
        let Self { lower, scale } = self;
        for j in 0..p {
            let (to, from) = (lower.col_as_slice_mut(j), gram.col_as_slice(j));
            to[j..].iter_mut().zip(&from[j..]).for_each(|(to, from)| *to = gram_weight * from);
            to[..j].fill(0.0);
        }
        operator.add_normal(ridge_weight, lower);
        let message = || SetupError::Numerics("the normal matrix is not positive definite".into());
        for (j, s) in scale.iter_mut().enumerate() {
            let diagonal = lower[(j, j)];
            if diagonal <= 0.0 || !diagonal.is_finite() {
                return Err(message());
            }
            *s = 1.0 / diagonal.sqrt();
        }
        for j in 0..p {
            let column = &mut lower.col_as_slice_mut(j)[j..];
            column.iter_mut().zip(&scale[j..]).for_each(|(a, s)| *a *= s * scale[j]);
        }
        let parameters = faer::Spec::default();
        let request = factor::cholesky_in_place_scratch::<f64>(p, Par::Seq, parameters);
        let mut memory = MemBuffer::new(request);
        let regularization = LltRegularization::default();
        let stack = MemStack::new(&mut memory);
        factor::cholesky_in_place(lower.as_mut(), regularization, Par::Seq, stack, parameters)
            .map_err(|_| message())?;
        Ok(())
    }

    /// Solves `A x = b` for every column of `b`, `p x K` column-major. `2 p² K` flops, no memory.
    pub(crate) fn solve_in_place(&self, b: &mut [f64]) {
        let p = self.scale.len();
        let scaled = |b: &mut [f64]| {
            for column in b.chunks_exact_mut(p) {
                column.iter_mut().zip(&self.scale).for_each(|(b, s)| *b *= s);
            }
        };
        scaled(b);
        let columns = b.len() / p;
        let mut right = MatMut::from_column_major_slice_mut(&mut *b, p, columns);
        solve_lower_triangular_in_place(self.lower.as_ref(), right.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.lower.transpose(), right, Par::Seq);
        scaled(b);
    }
}
