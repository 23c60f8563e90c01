//! Platen's explicit scheme of weak order 2.

use converge_problems::{Diffusion, SetupError};

use super::integrator::{Equation, Integrator, Scheme, Tile};
use crate::ensemble::{add_scaled_to, advance};

/// Platen's explicit scheme, weak order 2 for any noise. With `s^j = √v S e_j` and `ΔW = √h ξ`,
///
/// ```text
/// Y = X + h b + Σ_j s^j ΔW^j,   R±^j = X + h b ± √h s^j,   U±^r = X ± √h s^r
/// X⁺ = X + ½ h (b + b(Y))
///   + ¼ Σ_j [(s^j(R₊^j) + s^j(R₋^j) + 2 s^j) ΔW^j + Σ_{r≠j} (s^j(U₊^r) + s^j(U₋^r) - 2 s^j) ΔW^j]
///   + 1/(4√h) Σ_j [(s^j(R₊^j) - s^j(R₋^j)) ((ΔW^j)² - h)
///                  + Σ_{r≠j} (s^j(U₊^r) - s^j(U₋^r)) (ΔW^j ΔW^r + V^{rj})]
/// ```
///
/// with `V^{rj} = -V^{jr} = ±h`, independent signs. The signs come from the increments themselves: the
/// parity of a bit of `ξ^j` and of `ξ^r` far below what the law of the increment shows.
///
/// Cost of a step: two drifts and `n(3n + 1)` columns of `S` for `n` noises: for few of them. Holds 7
/// points and one increment a lane.
///
/// Source: Kloeden and Platen 1992, (15.1.3).
pub type Platen = Integrator<PlatenScheme>;

/// The scheme of [`Platen`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlatenScheme;

impl<P: Diffusion> Scheme<P> for PlatenScheme {
    const ID: &'static str = "platen";
    const ABOUT: &'static str = "Platen's explicit scheme: weak order 2 for any noise";
    const DRIFTS: u64 = 2;
    type Constants = ();

    fn prepare(_problem: &P, _equation: &Equation) -> Result<(), SetupError> {
        Ok(())
    }

    fn work(problem: &P) -> usize {
        7 * problem.dim() + problem.noises()
    }

    #[inline(always)]
    fn substep(problem: &P, equation: &Equation, (): &(), tile: Tile<'_, P::Scratch>) {
        let Tile { x, dw, work, scratch } = tile;
        let Equation { h, amplitude, .. } = *equation;
        let (len, noises) = (x.len(), problem.noises());
        let width = dw.len() / noises;
        let (b, work) = work.split_at_mut(len);
        let (y, work) = work.split_at_mut(len);
        let (next, work) = work.split_at_mut(len);
        let (column, work) = work.split_at_mut(len);
        let (above, work) = work.split_at_mut(len);
        let (below, work) = work.split_at_mut(len);
        let (point, unit) = work.split_at_mut(len);
        let row = |j: usize| j * width..(j + 1) * width;
        unit.fill(0.0);
        equation.drift(problem, x, b, y, scratch);

        // Drift: with the noise of an Euler step in `column`.
        problem.noise(x, dw, column, scratch);
        y.copy_from_slice(x);
        advance(y, h, b, amplitude, column);
        equation.drift(problem, y, above, below, scratch);
        next.copy_from_slice(x);
        add_scaled_to(0.5 * h, b, next);
        add_scaled_to(0.5 * h, above, next);

        // Noise: `amplitude` is √(v h), so `amplitude · column` is √h s^r.
        for r in 0..noises {
            unit[row(r)].fill(1.0);
            problem.noise(x, unit, column, scratch);
            unit[row(r)].fill(0.0);
            for j in 0..noises {
                let of_drift = if j == r { h } else { 0.0 };
                unit[row(j)].fill(1.0);
                for (sign, to) in [(1.0, &mut *above), (-1.0, &mut *below)] {
                    point.copy_from_slice(x);
                    advance(point, of_drift, b, sign * amplitude, column);
                    problem.noise(point, unit, to, scratch);
                }
                // s^j(X), which the own term adds twice and every other takes off twice.
                problem.noise(x, unit, point, scratch);
                unit[row(j)].fill(0.0);
                let (own, other) = (&dw[row(j)], &dw[row(r)]);
                let twice = if j == r { 2.0 } else { -2.0 };
                for i in (0..len).step_by(width) {
                    for l in 0..width {
                        let (xi, rho) = (own[l], other[l]);
                        let area = if j == r { -1.0 } else { antisymmetric(j, r, xi, rho) };
                        let (up, down) = (above[i + l], below[i + l]);
                        let sum = (up + down + twice * point[i + l]) * xi;
                        let difference = (up - down) * (xi * rho + area);
                        next[i + l] += 0.25 * amplitude * (sum + difference);
                    }
                }
            }
        }
        x.copy_from_slice(next);
    }
}

/// `V^{rj}/h`: a sign, the opposite for `(r, j)`, from bits of the two increments that do not show.
#[inline(always)]
fn antisymmetric(j: usize, r: usize, xi: f64, rho: f64) -> f64 {
    let bits = (xi.to_bits() ^ rho.to_bits()) >> 8;
    let sign = if bits & 1 == 0 { 1.0 } else { -1.0 };
    if j < r { sign } else { -sign }
}
