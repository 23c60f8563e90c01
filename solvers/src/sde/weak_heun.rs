//! The stochastic Heun scheme for additive noise.

use converge_problems::{Diffusion, SetupError};

use super::integrator::{Equation, Integrator, Scheme, Tile};
use crate::ensemble::{add_scaled_to, advance};

/// Stochastic Heun, weak order 2 for constant `S`:
///
/// ```text
/// Y = X + h b(X) + √(v h) S(X) ξ
/// X⁺ = X + ½ h (b(X) + b(Y)) + √(v h) S(X) ξ
/// ```
///
/// For a linear drift `-K x` the matrix of a step is `I - hK + h²K²/2` and its noise `(I - hK/2) S`. Where
/// `S` varies, the weak error is `O(h² + v h)`: second order in the drift, first in the noise that the
/// drift does not see; [`Platen`](super::Platen) is of second order there.
///
/// Cost of a step: two drifts and one noise. Holds 4 points a lane.
///
/// Source: Kloeden and Platen 1992, (15.1.5) for additive noise; G. Milstein, M. Tretyakov, Numerical
/// methods in the weak sense for stochastic differential equations with small noise, SIAM J. Numer.
/// Anal. 34 (1997), for small noise.
pub type WeakHeun = Integrator<Heun>;

/// The scheme of [`WeakHeun`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heun;

impl<P: Diffusion> Scheme<P> for Heun {
    const ID: &'static str = "weak-heun";
    const ABOUT: &'static str = "Stochastic Heun: weak order 2 for constant noise";
    const DRIFTS: u64 = 2;
    type Constants = ();

    fn prepare(_problem: &P, _equation: &Equation) -> Result<(), SetupError> {
        Ok(())
    }

    fn work(problem: &P) -> usize {
        4 * problem.dim()
    }

    #[inline(always)]
    fn substep(problem: &P, equation: &Equation, (): &(), tile: Tile<'_, P::Scratch>) {
        let Tile { x, dw, work, scratch } = tile;
        let Equation { h, amplitude, .. } = *equation;
        let (b, work) = work.split_at_mut(x.len());
        let (noise, work) = work.split_at_mut(x.len());
        let (y, temporary) = work.split_at_mut(x.len());
        equation.drift(problem, x, b, temporary, scratch);
        problem.noise(x, dw, noise, scratch);
        y.copy_from_slice(x);
        advance(y, h, b, amplitude, noise);
        // The noise and half of the first drift; then the room of that drift is free.
        advance(x, 0.5 * h, b, amplitude, noise);
        equation.drift(problem, y, b, temporary, scratch);
        add_scaled_to(0.5 * h, b, x);
    }
}
