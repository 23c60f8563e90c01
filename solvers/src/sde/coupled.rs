//! Differences of coupled ensembles: weak errors with little noise.

use converge_problems::{Problem, Seed, SetupError};

use crate::{Breakdown, Solver};

/// Why an ensemble could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum EnsembleError {
    /// It could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Its numerics gave out.
    #[error(transparent)]
    Breakdown(#[from] Breakdown),
}

/// Where the paths of a method are after `steps` steps, from the problem's start: `paths x dim`.
///
/// Methods that are driven by one [`Brownian`](crate::Brownian) motion are coupled by giving them one seed:
///
/// ```
/// use converge_problems::gan::{LqGan, LqGanConfig};
/// use converge_problems::{Build, Seed};
/// use converge_solvers::{Estimate, ExactLinear, GaussianSga, Order, coupled_samples, endpoints};
/// # fn main() -> Result<(), converge_solvers::EnsembleError> {
/// let seed = Seed::root(1);
/// let game = LqGan::build(&LqGanConfig::default(), seed, None)?;
/// let (order, resolution, paths) = (Order::Simultaneous, 16, 1000);
/// let chain = GaussianSga { order, resolution, paths, ..GaussianSga::default() };
/// let diffusion = ExactLinear { substeps: 16, paths, ..ExactLinear::default() };
/// let chain = endpoints(&game, &chain, 20, seed)?;
/// let diffusion = endpoints(&game, &diffusion, 20, seed)?;
/// let samples = coupled_samples(2, &[(1.0, &chain), (-1.0, &diffusion)], false, |x| x[0] * x[0]);
/// let weak_error = Estimate::of(&samples);
/// assert!((weak_error.mean + 0.0274).abs() < 4.0 * weak_error.standard_error);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`EnsembleError`] if set-up or a step fails.
pub fn endpoints<P: Problem, S: Solver<P>>(
    problem: &P,
    solver: &S,
    steps: u64,
    seed: Seed,
) -> Result<Vec<f64>, EnsembleError> {
    let mut x = vec![0.0; problem.dim() * solver.points()];
    problem.start(seed.child("start"), &mut x);
    let mut state = solver.init(problem, &x, seed.child("noise"))?;
    for _ in 0..steps {
        solver.step(problem, &mut state)?;
    }
    x.copy_from_slice(solver.iterate(&state));
    Ok(x)
}

/// A mean over independent samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl Estimate {
    /// Of two samples or more.
    pub fn of(samples: &[f64]) -> Self {
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let squares: f64 = samples.iter().map(|x| (x - mean).powi(2)).sum();
        Self { mean, standard_error: (squares / (n * (n - 1.0))).sqrt() }
    }

    /// Of `samples` with the control variate `controls`, whose expectation is `known`:
    /// `x - c (y - E y)`, `c` the regression of `x` on `y`.
    ///
    /// `c` comes from the same samples, a bias of order `1/n` beside a standard error of `1/√n`. The
    /// linearization of a game, driven by the same motion, is a control whose moments are known.
    pub fn controlled(samples: &[f64], controls: &[f64], known: f64) -> Self {
        let (x, y) = (Self::of(samples).mean, Self::of(controls).mean);
        let pairs = samples.iter().zip(controls);
        let [covariance, variance] = pairs.fold([0.0; 2], |[covariance, variance], (a, b)| {
            [covariance + (a - x) * (b - y), variance + (b - y).powi(2)]
        });
        let c = if variance > 0.0 { covariance / variance } else { 0.0 };
        let corrected: Vec<f64> =
            samples.iter().zip(controls).map(|(x, y)| x - c * (y - known)).collect();
        Self::of(&corrected)
    }
}

/// `Σ weight f(x)` of every path over coupled ensembles `(weight, paths x dim)`.
///
/// A chain less its diffusion is the weak error, `[(1, chain), (-1, diffusion)]`; with an integrator of
/// first order at `m` and `2m` substeps, `[(1, chain), (-2, fine), (1, coarse)]` extrapolates its error away
/// (D. Talay, L. Tubaro, Expansion of the global error for numerical schemes solving stochastic
/// differential equations, Stoch. Anal. Appl. 8 (1990)).
///
/// If the ensembles are antithetic, mirrored paths are averaged, so that samples are independent again;
/// their number must be a multiple of 16.
///
/// # Panics
/// If the ensembles differ in length, or antithetic paths lack partners.
pub fn coupled_samples(
    dim: usize,
    ensembles: &[(f64, &[f64])],
    antithetic: bool,
    f: impl Fn(&[f64]) -> f64,
) -> Vec<f64> {
    let paths = ensembles[0].1.len() / dim;
    assert!(ensembles.iter().all(|(_, x)| x.len() == paths * dim), "ensembles of one size");
    let mut samples: Vec<f64> = (0..paths)
        .map(|p| {
            let terms = ensembles.iter().map(|(weight, x)| weight * f(&x[p * dim..(p + 1) * dim]));
            terms.sum()
        })
        .collect();
    if antithetic {
        assert!(paths.is_multiple_of(16), "antithetic paths come in blocks of 16");
        for block in 0..paths / 16 {
            for l in 0..8 {
                let mean = 0.5 * (samples[16 * block + l] + samples[16 * block + 8 + l]);
                samples[8 * block + l] = mean;
            }
        }
        samples.truncate(paths / 2);
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_a_mean_with_its_standard_error() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 6.0]);
        assert!((estimate.mean - 3.0).abs() <= 1e-15);
        // Sum of squares 14, over 4 · 3.
        assert!((estimate.standard_error - (14.0_f64 / 12.0).sqrt()).abs() <= 1e-15);
    }

    #[test]
    fn a_control_removes_the_noise_it_explains() {
        let controls = [0.3, -1.0, 0.5, 2.0, -0.4];
        let samples = controls.map(|y| 2.0 * y + 7.0);
        let estimate = Estimate::controlled(&samples, &controls, 0.1);
        assert!((estimate.mean - 7.2).abs() <= 1e-14 && estimate.standard_error <= 1e-14);
    }

    #[test]
    fn mirrored_paths_are_averaged() {
        let x: Vec<f64> = (0..32).map(f64::from).collect();
        let y = vec![1.0; 32];
        let samples = coupled_samples(1, &[(1.0, &x), (-2.0, &y)], true, |x| x[0]);
        let expected: Vec<f64> =
            (0..8).map(|l| f64::from(l) + 2.0).chain((0..8).map(|l| f64::from(l) + 18.0)).collect();
        assert!(samples.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-14));
        assert_eq!(samples.len(), 16);
    }
}
