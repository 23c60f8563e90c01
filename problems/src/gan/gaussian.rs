//! Normal laws: draws, distances, quantiles.

use faer::{Mat, MatRef, Side};
use rand_distr::{Distribution, StandardNormal};

use super::covariance::root;
use crate::{Seed, SetupError};

/// A normal law with its factorisations.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// Mean: `dim`.
    pub mean: Vec<f64>,
    /// Covariance: `dim x dim`.
    pub covariance: Mat<f64>,
    root: Mat<f64>,
    /// `C⁻¹`; where `C` is singular, that on its range.
    inverse: Mat<f64>,
    rank: usize,
}

impl Gaussian {
    /// The law with this mean and this positive semidefinite covariance.
    ///
    /// # Errors
    /// [`SetupError::Numerics`] if its eigenvalues do not converge.
    pub fn new(mean: Vec<f64>, covariance: Mat<f64>) -> Result<Self, SetupError> {
        let n = mean.len();
        let Ok(eigen) = covariance.self_adjoint_eigen(Side::Lower) else {
            return Err(SetupError::Numerics("eigenvalues of a covariance do not converge".into()));
        };
        let (u, s) = (eigen.U(), eigen.S().column_vector());
        let floor = n as f64 * f64::EPSILON * s[n - 1].abs();
        let inverse_of = |j: usize| if s[j] > floor { 1.0 / s[j] } else { 0.0 };
        let scaled = Mat::from_fn(n, n, |i, j| u[(i, j)] * inverse_of(j));
        let inverse = &scaled * u.transpose();
        let rank = (0..n).filter(|&j| s[j] > floor).count();
        Ok(Self { mean, root: root(covariance.as_ref())?, covariance, inverse, rank })
    }

    /// Writes a draw that `seed` decides.
    pub fn draw(&self, seed: Seed, x: &mut [f64]) {
        let mut rng = seed.rng();
        x.copy_from_slice(&self.mean);
        for j in 0..x.len() {
            let normal: f64 = StandardNormal.sample(&mut rng);
            x.iter_mut().enumerate().for_each(|(i, x)| *x += self.root[(i, j)] * normal);
        }
    }

    /// The share of the law closer to its mean than `x`, in the metric of its covariance: uniform on
    /// `[0, 1]` if `x` follows it. For an odd rank NaN.
    ///
    /// The squared distance follows `χ²_r` with the rank `r`, whose distribution function for even `r`
    /// is `1 - e^{-q} Σ_{k < r/2} q^k / k!`, `q = m²/2`.
    pub fn quantile(&self, x: &[f64]) -> f64 {
        if self.rank % 2 == 1 {
            return f64::NAN;
        }
        let off = |i: usize| x[i] - self.mean[i];
        let row = |i: usize| (0..x.len()).map(|j| self.inverse[(i, j)] * off(j)).sum::<f64>();
        let half = 0.5 * (0..x.len()).map(|i| off(i) * row(i)).sum::<f64>();
        let (mut term, mut sum) = (1.0, 0.0);
        for k in 0..self.rank / 2 {
            sum += term;
            term *= half / (k + 1) as f64;
        }
        1.0 - (-half).exp() * sum
    }

    /// The 2-Wasserstein distance to the normal law with the given mean and covariance:
    /// `W² = |m - m'|² + Tr(C + C' - 2 (C^½ C' C^½)^½)` (D. Dowson and B. Landau, The Fréchet distance
    /// between multivariate normal distributions, J. Multivariate Anal. 12, 1982).
    pub fn wasserstein(&self, mean: &[f64], covariance: MatRef<'_, f64>) -> f64 {
        let n = mean.len();
        let between = &self.root * covariance * &self.root;
        let Ok(values) = between.self_adjoint_eigenvalues(Side::Lower) else { return f64::NAN };
        let cross: f64 = values.iter().map(|v| v.max(0.0).sqrt()).sum();
        let shift: f64 = mean.iter().zip(&self.mean).map(|(a, b)| (a - b).powi(2)).sum();
        let traces: f64 = (0..n).map(|i| covariance[(i, i)] + self.covariance[(i, i)]).sum();
        (shift + traces - 2.0 * cross).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use faer::mat;

    use super::*;

    fn law() -> Gaussian {
        Gaussian::new(vec![0.5, -1.0], mat![[2.0, 0.6], [0.6, 0.5]]).unwrap()
    }

    #[test]
    fn the_distance_of_commuting_laws_is_that_of_their_deviations() {
        let a = Gaussian::new(vec![0.0, 0.0], mat![[4.0, 0.0], [0.0, 9.0]]).unwrap();
        let found = a.wasserstein(&[3.0, 4.0], mat![[1.0, 0.0], [0.0, 16.0]].as_ref());
        assert!((found - 27.0_f64.sqrt()).abs() < 1e-14);
        let law = law();
        // A square root of a rounding error: √(8 ε).
        assert!(law.wasserstein(&law.mean, law.covariance.as_ref()) < 1e-7);
    }

    #[test]
    fn draws_have_the_moments_and_uniform_quantiles() {
        let (law, n) = (law(), 40_000);
        let mut x = [0.0; 2];
        let (mut sums, mut quantiles) = ([0.0; 5], [0.0; 2]);
        for i in 0..n {
            law.draw(Seed::root(1).index(i), &mut x);
            let (a, b) = (x[0] - 0.5, x[1] + 1.0);
            [a, b, a * a, a * b, b * b].iter().zip(&mut sums).for_each(|(v, sum)| *sum += v);
            let u = law.quantile(&x);
            quantiles[0] += u;
            quantiles[1] += u * u;
        }
        let n = n as f64;
        // Five standard errors: deviations √2, √.5, 2√2, √(2·.5 + .6²), .5√2 over √n.
        let expected = [0.0, 0.0, 2.0, 0.6, 0.5];
        let spread = [1.5, 0.75, 2.9, 1.2, 0.75];
        for ((sum, e), s) in sums.iter().zip(expected).zip(spread) {
            assert!((sum / n - e).abs() < 5.0 * s / n.sqrt(), "{} {e}", sum / n);
        }
        assert!((quantiles[0] / n - 0.5).abs() < 5.0 * 0.29 / n.sqrt());
        assert!((quantiles[1] / n - 1.0 / 3.0).abs() < 5.0 * 0.3 / n.sqrt());
    }
}
