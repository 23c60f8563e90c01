//! Exact transitions of linear diffusions.

use converge_problems::gan::exponential::{Transition, transition};
use converge_problems::{LinearDiffusion, SetupError};
use faer::linalg::solvers::Svd;
use faer::{Mat, MatRef, Scale, Side};

use super::integrator::{Equation, Integrator, Scheme, Tile};

/// The exact law of a linear diffusion `dX = -K(X - x*) dt + √v S dW` over a step, whatever its length:
///
/// ```text
/// X⁺ = x* + e^{-Kh} (X - x*) + L ξ,   L Lᵀ = v ∫₀ʰ e^{-Ks} S Sᵀ e^{-Ks}ᵀ ds
/// ```
///
/// with `K + η K₁` for a corrected drift. Of all factors `L` the nearest one to `√(v h) S` is taken (an
/// orthogonal Procrustes problem), so that paths stay close to those of a chain or a scheme with the same
/// Brownian motion, and more so with more substeps; their law does not depend on the substeps.
///
/// Needs: [`LinearDiffusion`]. Set-up: an exponential of order `2 dim`, an eigen- and a singular value
/// decomposition of order `dim`. Cost of a step: `dim (dim + noises)` multiply-adds a path. Holds a point a
/// lane.
///
/// Source: C. Van Loan, Computing integrals involving the matrix exponential, IEEE Trans. Automat. Control 23
/// (1978); P. Schönemann, A generalized solution of the orthogonal Procrustes problem, Psychometrika 31
/// (1966).
pub type ExactLinear = Integrator<Exact>;

/// The scheme of [`ExactLinear`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exact;

/// A transition, matrices row after row.
#[derive(Clone, Debug)]
pub struct AffineMap {
    /// `e^{-Kh}`: `dim x dim`.
    matrix: Vec<f64>,
    /// `x*`: `dim`.
    rest: Vec<f64>,
    /// `L`: `dim x noises`.
    factor: Vec<f64>,
    noises: usize,
}

impl<P: LinearDiffusion> Scheme<P> for Exact {
    const ID: &'static str = "exact-linear";
    const ABOUT: &'static str = "Exact transitions of a linear diffusion";
    const DRIFTS: u64 = 0;
    type Constants = AffineMap;

    fn prepare(problem: &P, equation: &Equation) -> Result<AffineMap, SetupError> {
        let linear = problem.linear();
        let mut decay = linear.decay;
        if let Some(correction) = equation.correction {
            decay += Scale(equation.learning_rate) * problem.linear_correction(correction);
        }
        let Equation { h, amplitude, .. } = *equation;
        // √v S, with columns of zeros where there are fewer noises than coordinates.
        let dim = decay.nrows();
        let noises = dim.max(linear.noise.ncols());
        let step = Mat::from_fn(dim, noises, |i, j| {
            if j < linear.noise.ncols() { amplitude * linear.noise[(i, j)] } else { 0.0 }
        });
        let rate = Scale(1.0 / h) * (&step * step.transpose());
        let Transition { mean, covariance } = transition(decay.as_ref(), rate.as_ref(), h);
        let factor = nearest_factor(covariance.as_ref(), step.as_ref())?;
        let rows = |a: &Mat<f64>| -> Vec<f64> {
            (0..a.nrows()).flat_map(|i| (0..a.ncols()).map(move |j| a[(i, j)])).collect()
        };
        Ok(AffineMap { matrix: rows(&mean), rest: linear.rest, factor: rows(&factor), noises })
    }

    fn noises(_problem: &P, constants: &AffineMap) -> usize {
        constants.noises
    }

    fn work(problem: &P) -> usize {
        problem.dim()
    }

    #[inline(always)]
    fn substep(_problem: &P, _equation: &Equation, map: &AffineMap, tile: Tile<'_, P::Scratch>) {
        let Tile { x, dw, work: next, .. } = tile;
        let (dim, noises) = (map.rest.len(), map.noises);
        let width = x.len() / dim;
        for (x, rest) in x.chunks_exact_mut(width).zip(&map.rest) {
            x.iter_mut().for_each(|x| *x -= rest);
        }
        let rows = map.matrix.chunks_exact(dim).zip(map.factor.chunks_exact(noises));
        for ((next, rest), (matrix, factor)) in
            next.chunks_exact_mut(width).zip(&map.rest).zip(rows)
        {
            next.fill(*rest);
            let mean = x.chunks_exact(width).zip(matrix);
            let noise = dw.chunks_exact(width).zip(factor);
            for (row, c) in mean.chain(noise) {
                next.iter_mut().zip(row).for_each(|(next, v)| *next = c.mul_add(*v, *next));
            }
        }
        x.copy_from_slice(&next[..x.len()]);
    }
}

/// The factor `L` of `covariance = L Lᵀ` nearest to `target` in the Frobenius norm: `C U` with the
/// symmetric root `C` and the isometry `U = P Rᵀ` of `Cᵀ target = P D Rᵀ`. `target`: `dim x noises`, no
/// fewer noises than coordinates.
fn nearest_factor(
    covariance: MatRef<'_, f64>,
    target: MatRef<'_, f64>,
) -> Result<Mat<f64>, SetupError> {
    let stuck =
        |what: &str| SetupError::Numerics(format!("{what} of a transition do not converge"));
    let eigen = covariance.self_adjoint_eigen(Side::Lower).map_err(|_| stuck("eigenvalues"))?;
    let (u, s) = (eigen.U(), eigen.S().column_vector());
    // What rounding leaves below zero counts as zero.
    let scaled = Mat::from_fn(u.nrows(), u.ncols(), |i, j| u[(i, j)] * s[j].max(0.0).sqrt());
    let root = &scaled * u.transpose();
    let svd = Svd::new_thin((&root * target).as_ref()).map_err(|_| stuck("singular values"))?;
    Ok(root * (svd.U() * svd.V().transpose()))
}

#[cfg(test)]
mod tests {
    use faer::mat;

    use super::*;

    #[test]
    fn the_factor_has_the_covariance_and_is_nearest() {
        let covariance = mat![[2.0, 0.3], [0.3, 0.5]];
        let target = mat![[1.4, 0.0, 0.1], [0.1, 0.7, 0.0]];
        let factor = nearest_factor(covariance.as_ref(), target.as_ref()).unwrap();
        assert!((&factor * factor.transpose() - &covariance).norm_max() <= 1e-14);
        // Turning it in any plane takes it away from the target.
        let gap = (&factor - &target).norm_l2();
        for (i, j) in [(0, 1), (0, 2), (1, 2)] {
            for angle in [-0.1_f64, 0.1] {
                let mut turn = Mat::<f64>::identity(3, 3);
                (turn[(i, i)], turn[(j, j)]) = (angle.cos(), angle.cos());
                (turn[(i, j)], turn[(j, i)]) = (-angle.sin(), angle.sin());
                assert!((&factor * turn - &target).norm_l2() >= gap);
            }
        }
    }

    #[test]
    fn a_singular_noise_has_its_factor() {
        let covariance = mat![[0.0, 0.0], [0.0, 4.0]];
        let target = mat![[0.0, 0.0], [0.0, 1.9]];
        let factor = nearest_factor(covariance.as_ref(), target.as_ref()).unwrap();
        assert!((&factor - mat![[0.0, 0.0], [0.0, 2.0]]).norm_max() <= 1e-14);
    }
}
