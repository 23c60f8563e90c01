//! The Euler–Maruyama scheme.

use converge_problems::{Diffusion, SetupError};

use super::integrator::{Equation, Integrator, Scheme, Tile};
use crate::ensemble::advance;

/// Euler–Maruyama, weak order 1:
///
/// ```text
/// X⁺ = X + h b(X) + √(v h) S(X) ξ
/// ```
///
/// With one substep this *is* the simultaneous chain with Gaussian gradient noise, so it never is the
/// reference that such a chain is compared with: take 8 substeps or more, or extrapolate
/// from two numbers of them ([`coupled_samples`](crate::coupled_samples)).
///
/// Cost of a step: one drift and one noise. Holds 2 points a lane.
///
/// Source: G. Maruyama, Continuous Markov processes and stochastic equations, Rend. Circ. Mat. Palermo
/// 4 (1955); weak order: P. Kloeden, E. Platen, Numerical Solution of Stochastic Differential Equations,
/// 1992, theorem 14.1.5.
pub type EulerMaruyama = Integrator<Euler>;

/// The scheme of [`EulerMaruyama`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Euler;

impl<P: Diffusion> Scheme<P> for Euler {
    const ID: &'static str = "euler-maruyama";
    const ABOUT: &'static str = "Euler-Maruyama: weak order 1, any noise";
    const DRIFTS: u64 = 1;
    type Constants = ();

    fn prepare(_problem: &P, _equation: &Equation) -> Result<(), SetupError> {
        Ok(())
    }

    fn work(problem: &P) -> usize {
        2 * problem.dim()
    }

    #[inline(always)]
    fn substep(problem: &P, equation: &Equation, (): &(), tile: Tile<'_, P::Scratch>) {
        let Tile { x, dw, work, scratch } = tile;
        let Equation { h, amplitude, correction, .. } = *equation;
        if correction.is_none() && problem.explicit_step(h, amplitude, dw, x) {
            return;
        }
        let (b, noise) = work.split_at_mut(x.len());
        equation.drift(problem, x, b, noise, scratch);
        problem.noise(x, dw, noise, scratch);
        advance(x, h, b, amplitude, noise);
    }
}
