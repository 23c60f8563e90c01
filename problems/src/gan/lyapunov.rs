//! Stationary covariances of linear dynamics.

use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, MatRef};

/// Why a linear dynamic has no stationary law.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unstable {
    /// An eigenvalue of the decay `K` of `dX = -K X dt + ...` is not right of the imaginary axis.
    #[error(
        "the decay has the eigenvalue {real:.6} {imaginary:+.6}i, not right of the imaginary axis"
    )]
    Decay {
        /// Real part, the smallest of all.
        real: f64,
        /// Imaginary part.
        imaginary: f64,
    },
    /// The matrix `M` of a step `x ← M x + ...` has a spectral radius of at least 1.
    #[error("a step has the spectral radius {radius:.6}, not below 1")]
    Step {
        /// The radius.
        radius: f64,
    },
    /// An entry is not finite.
    #[error("an entry of the dynamic is not finite")]
    NotFinite,
}

/// The eigenvalue of `decay` with the smallest real part: what relaxes last.
///
/// # Errors
/// [`Unstable`] if it is not right of the imaginary axis: no stationary law exists.
pub fn gap(decay: MatRef<'_, f64>) -> Result<(f64, f64), Unstable> {
    let slowest = eigenvalues(decay)?
        .into_iter()
        .reduce(|a, b| if b.0 < a.0 { b } else { a })
        .ok_or(Unstable::NotFinite)?;
    let (real, imaginary) = slowest;
    // Rounding moves a multiple eigenvalue on the axis by about √ε of the size.
    let floor = f64::EPSILON * decay.norm_l2();
    if real > floor { Ok(slowest) } else { Err(Unstable::Decay { real, imaginary }) }
}

/// The largest modulus of an eigenvalue of `step`, which must be square. Infinite if an entry is not
/// finite.
pub fn spectral_radius(step: MatRef<'_, f64>) -> f64 {
    eigenvalues(step).map_or(f64::INFINITY, |values| {
        values.into_iter().fold(0.0, |max, (re, im)| f64::max(max, re.hypot(im)))
    })
}

/// The largest real part of an eigenvalue of `drift`, which must be square: `dx = drift x dt` grows at this
/// rate. Infinite if an entry is not finite.
pub fn spectral_abscissa(drift: MatRef<'_, f64>) -> f64 {
    eigenvalues(drift).map_or(f64::INFINITY, |values| {
        values.into_iter().fold(f64::NEG_INFINITY, |max, (re, _)| max.max(re))
    })
}

fn eigenvalues(a: MatRef<'_, f64>) -> Result<Vec<(f64, f64)>, Unstable> {
    let finite = (0..a.ncols()).all(|j| (0..a.nrows()).all(|i| a[(i, j)].is_finite()));
    let values = if finite { a.eigenvalues().ok() } else { None };
    Ok(values.ok_or(Unstable::NotFinite)?.into_iter().map(|z| (z.re, z.im)).collect())
}

/// The covariance `P` of `dX = -K X dt + σ dW` at rest: `K P + P Kᵀ = Q`, `Q = σ σᵀ`.
///
/// The Cayley transform with shift `s = √(|λ|_min |λ|_max)` makes it the equation of a step,
/// `P = A P Aᵀ + 2s R Q Rᵀ` with `R = (K + s)⁻¹`, `A = R (K - s)`, whose eigenvalues are
/// `(λ - s)/(λ + s)`. `K`, `Q`: `n x n`.
///
/// # Errors
/// [`Unstable`] unless all eigenvalues of `K` are right of the imaginary axis.
pub fn continuous(decay: MatRef<'_, f64>, noise: MatRef<'_, f64>) -> Result<Mat<f64>, Unstable> {
    gap(decay)?;
    let moduli: Vec<f64> = eigenvalues(decay)?.into_iter().map(|(re, im)| re.hypot(im)).collect();
    let extreme = |pick: fn(f64, f64) -> f64| moduli.iter().copied().reduce(pick).unwrap_or(1.0);
    let shift = (extreme(f64::min) * extreme(f64::max)).sqrt();
    let identity = Mat::<f64>::identity(decay.nrows(), decay.ncols());
    let plus = decay + faer::Scale(shift) * &identity;
    let minus = decay - faer::Scale(shift) * &identity;
    let inverse = plus.partial_piv_lu().inverse();
    let drive = faer::Scale(2.0 * shift) * (&inverse * noise * inverse.transpose());
    Ok(doubled(&inverse * minus, drive))
}

/// The covariance `P` of `x ← M x + noise` at rest, for noise of covariance `Q`:
/// `P = M P Mᵀ + Q`. `M`, `Q`: `n x n`.
///
/// # Errors
/// [`Unstable`] unless the spectral radius of `M` is below 1.
pub fn discrete(step: MatRef<'_, f64>, noise: MatRef<'_, f64>) -> Result<Mat<f64>, Unstable> {
    let radius = spectral_radius(step);
    if radius < 1.0 {
        Ok(doubled(step.to_owned(), noise.to_owned()))
    } else {
        Err(Unstable::Step { radius })
    }
}

/// `Σ_k A^k Q A^kᵀ` by `P ← P + A P Aᵀ`, `A ← A²`: after `k` rounds `2^k` terms (R. A. Smith, Matrix
/// equation XA + BX = C, SIAM J. Appl. Math. 16, 1968).
fn doubled(mut a: Mat<f64>, mut sum: Mat<f64>) -> Mat<f64> {
    loop {
        let more = &a * &sum * a.transpose();
        sum += &more;
        a = &a * &a;
        // Below rounding, or not a number: there is nothing left to add.
        let adds = more.norm_max() > 0.1 * f64::EPSILON * sum.norm_max();
        if !adds {
            // Rounding leaves the halves different; they are equal.
            return faer::Scale(0.5) * (&sum + sum.transpose());
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::Seed;
    use faer::mat;

    fn random(n: usize, seed: u64) -> Mat<f64> {
        let mut rng = Seed::root(seed).rng();
        Mat::from_fn(n, n, |_, _| rng.random_range(-1.0..1.0))
    }

    #[test]
    fn the_continuous_solution_satisfies_its_equation() {
        for n in 1..8 {
            let identity = Mat::<f64>::identity(n, n);
            // Eigenvalues of the random part lie within about n/√3 of 0.
            let decay = random(n, 1) + faer::Scale(n as f64) * identity;
            let root = random(n, 2);
            let noise = &root * root.transpose();
            let p = continuous(decay.as_ref(), noise.as_ref()).unwrap();
            let gap = &decay * &p + &p * decay.transpose() - &noise;
            // Rounding times the size of the products and the condition, below 100 here.
            let bound = 100.0 * f64::EPSILON * (decay.norm_l2() * p.norm_l2() + noise.norm_l2());
            assert!(gap.norm_max() <= bound, "{n}: {} {bound}", gap.norm_max());
        }
    }

    #[test]
    fn the_discrete_solution_satisfies_its_equation_close_to_the_border_too() {
        let turn = 0.3_f64;
        for radius in [0.1, 0.9, 0.999_999] {
            let step = mat![[turn.cos(), -turn.sin()], [turn.sin(), turn.cos()]];
            let step = faer::Scale(radius) * step;
            let noise = mat![[1.0, 0.2], [0.2, 0.5]];
            let p = discrete(step.as_ref(), noise.as_ref()).unwrap();
            let gap = &step * &p * step.transpose() + &noise - &p;
            assert!(gap.norm_max() <= 10.0 * f64::EPSILON * p.norm_max(), "{radius}");
        }
    }

    #[test]
    fn dynamics_without_a_stationary_law_name_their_eigenvalue() {
        let rotation = mat![[0.0, -1.0], [1.0, 0.0]];
        let noise = Mat::<f64>::identity(2, 2);
        match continuous(rotation.as_ref(), noise.as_ref()) {
            Err(Unstable::Decay { real, imaginary }) => {
                assert!(real.abs() < 1e-15 && (imaginary.abs() - 1.0).abs() < 1e-15);
            }
            other => panic!("{other:?}"),
        }
        let growing = mat![[1.1, 0.0], [0.0, 0.5]];
        match discrete(growing.as_ref(), noise.as_ref()) {
            Err(Unstable::Step { radius }) => assert!((radius - 1.1).abs() < 1e-15),
            other => panic!("{other:?}"),
        }
        let broken = mat![[f64::NAN, 0.0], [0.0, 1.0]];
        assert_eq!(continuous(broken.as_ref(), noise.as_ref()), Err(Unstable::NotFinite));
    }
}
