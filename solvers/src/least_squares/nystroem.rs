//! Randomised Nyström approximation of the whitened Gram matrix.

use converge_problems::mlr::{Mlr, Precision, RidgePower};
use converge_problems::{Problem, Seed, SetupError};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, Par};
use rand_distr::{Distribution, StandardNormal};

use super::dense;
use crate::vector::{axpy, dot, norm};

/// `C = M^(-1/2) G M^(-1/2) ≈ U Λ Uᵀ`, and the root of the preconditioner of `C + r I`,
/// `(λ_l + r) U (Λ + r)⁻¹ Uᵀ + (I - U Uᵀ)`.
#[derive(Clone, Debug)]
pub(super) struct Nystroem {
    /// `U`, `p x rank`.
    basis: Mat<f64>,
    /// `Λ`, falling.
    values: Vec<f64>,
    /// Roots of `(λ_l + r) / (λ_i + r)`.
    roots: Vec<f64>,
    /// `rank x K`.
    inner: Vec<f64>,
    image: Vec<f64>,
}

impl Nystroem {
    pub(super) fn new(
        problem: &Mlr,
        rank: usize,
        inverse_root: &mut RidgePower,
        seed: Seed,
    ) -> Result<Self, SetupError> {
        let (p, classes) = (problem.weights(), problem.classes());
        let broken = || SetupError::Numerics("the Nyström sketch broke down".into());
        let test = orthonormal(p, rank, seed);
        // Y = C Ω, as many columns a pass as there are classes.
        let mut sketch = Mat::zeros(p, rank);
        let (mut x, mut gx) = (vec![0.0; p * classes], vec![0.0; p * classes]);
        let mut scratch = problem.scratch();
        for from in (0..rank).step_by(classes) {
            let count = classes.min(rank - from);
            x.fill(0.0);
            for (c, column) in x.chunks_exact_mut(p).take(count).enumerate() {
                column.copy_from_slice(test.col_as_slice(from + c));
            }
            inverse_root.apply(&mut x);
            problem.sweep(&x, 0, &mut [], Some(&mut gx), &mut scratch, |_| {});
            inverse_root.apply(&mut gx);
            for (c, column) in gx.chunks_exact(p).take(count).enumerate() {
                sketch.col_as_slice_mut(from + c).copy_from_slice(column);
            }
        }
        // A shift that keeps the core positive definite in the precision of the products.
        let eps = match problem.precision() {
            Precision::Double => f64::EPSILON,
            Precision::Mixed => f64::from(f32::EPSILON),
        };
        let square: f64 = (0..rank).map(|j| norm(sketch.col_as_slice(j)).powi(2)).sum();
        let shift = ((p as f64).sqrt() * eps * square.sqrt()).max(f64::MIN_POSITIVE);
        for j in 0..rank {
            axpy(shift, test.col_as_slice(j), sketch.col_as_slice_mut(j));
        }
        let mut core = Mat::zeros(rank, rank);
        dense::product(test.transpose(), sketch.as_ref(), core.as_mut());
        dense::cholesky(core.as_mut()).map_err(|_| broken())?;
        solve_lower_triangular_in_place(core.as_ref(), sketch.as_mut().transpose_mut(), Par::Seq);
        let (mut basis, mut values) = (Mat::zeros(p, rank), Diag::zeros(rank));
        let (thin, none, spec) =
            (ComputeSvdVectors::Thin, ComputeSvdVectors::No, faer::Spec::default());
        let request = svd::svd_scratch::<f64>(p, rank, thin, none, Par::Seq, spec);
        let mut memory = MemBuffer::new(request);
        let (stack, to) = (MemStack::new(&mut memory), Some(basis.as_mut()));
        svd::svd(sketch.as_ref(), values.as_mut(), to, None, Par::Seq, stack, spec)
            .map_err(|_| broken())?;
        let values: Vec<f64> =
            values.column_vector().iter().map(|s| (s * s - shift).max(0.0)).collect();
        Ok(Self {
            roots: vec![1.0; rank],
            inner: vec![0.0; rank * classes],
            image: vec![0.0; p * classes],
            basis,
            values,
        })
    }

    pub(super) fn set_ratio(&mut self, ratio: f64) {
        let last = self.values.last().copied().unwrap_or(0.0);
        for (root, value) in self.roots.iter_mut().zip(&self.values) {
            *root = ((last + ratio) / (value + ratio)).sqrt();
        }
    }

    /// `x ← [U diag(roots) Uᵀ + (I - U Uᵀ)] x`.
    pub(super) fn apply(&mut self, x: &mut [f64]) {
        self.scale(x, |root| root - 1.0);
    }

    /// The inverse of [`apply`](Self::apply).
    pub(super) fn undo(&mut self, x: &mut [f64]) {
        self.scale(x, |root| 1.0 / root - 1.0);
    }

    fn scale(&mut self, x: &mut [f64], factor: impl Fn(f64) -> f64) {
        let Self { basis, roots, inner, image, .. } = self;
        let (p, rank) = (basis.nrows(), basis.ncols());
        dense::product(basis.transpose(), dense::view(x, p), dense::view_mut(inner, rank));
        for column in inner.chunks_exact_mut(rank) {
            column.iter_mut().zip(&*roots).for_each(|(y, root)| *y *= factor(*root));
        }
        dense::product(basis.as_ref(), dense::view(inner, rank), dense::view_mut(image, p));
        axpy(1.0, image, x);
    }
}

/// An orthonormal basis of random directions: Gaussian vectors, by Gram and Schmidt, twice.
fn orthonormal(p: usize, rank: usize, seed: Seed) -> Mat<f64> {
    let mut rng = seed.child("sketch").rng();
    let mut basis = Mat::<f64>::zeros(p, rank);
    let mut fresh = vec![0.0; p];
    for j in 0..rank {
        fresh.fill_with(|| StandardNormal.sample(&mut rng));
        for _ in 0..2 {
            for i in 0..j {
                let before = basis.col_as_slice(i);
                axpy(-dot(before, &fresh), before, &mut fresh);
            }
        }
        let size = norm(&fresh).recip();
        basis.col_as_slice_mut(j).iter_mut().zip(&fresh).for_each(|(b, x)| *b = size * x);
    }
    basis
}
