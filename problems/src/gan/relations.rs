//! Fluctuation–dissipation relations: two expectations that are equal at rest.
//!
//! The generator of `dX = b dt + √(η/B) S dW` gives `E 𝓛f = 0` at rest for every smooth `f`, with
//! `β⁻¹ = η/2B` and a constant centre `c`:
//!
//! | name | `f` | left | right |
//! |---|---|---|---|
//! | `fdr1-theta` | `½|θ - c_θ|²` | `-(θ - c_θ)·b_θ` | `β⁻¹ Tr Σ_θ` |
//! | `fdr1-omega` | `½|ω - c_ω|²` | `-(ω - c_ω)·b_ω` | `β⁻¹ Tr Σ_ω` |
//! | `fdr1` | their sum | sum | sum |
//! | `fdr2` | `Φ` | `-∇Φ·b` | `β⁻¹ [Tr(Σ_θ ∇²_θ Φ) + Tr(Σ_ω ∇²_ω Φ)]` |
//!
//! With the plain drift `b₀ = (-∇_θ Φ; ∇_ω Φ)` the left sides are `θ·g_θ`, `-ω·g_ω` and
//! `|g_θ|² - |g_ω|²`. With a corrected drift they hold as well, `b₀ + η b₁` in place of `b₀`.
//!
//! The chain of simultaneous updates obeys the first three at any learning rate if `(η/2)|g|²` of the
//! player is added to the right: `|x⁺ - c|²` and `|x - c|²` have one mean at rest. There is no
//! counterpart of `fdr2`. The relation of the alternating chain is about a point between two updates,
//! which no iterate shows; its moments are in [`affine`](super::affine).
//!
//! Any constant centre is right; one near the mean makes the relations sharp. A centre made from the
//! same paths is not constant and biases them.

use super::ensemble::Traces;
use super::law::{Dynamic, Law};
use crate::Correction;

/// The relations of one law.
#[derive(Clone, Debug)]
pub(super) struct Relations {
    center: Vec<f64>,
    step_size: f64,
    /// `β⁻¹`.
    temperature: f64,
    of: Dynamic,
    zero_sum: bool,
}

impl Relations {
    pub(super) fn new(law: &Law, center: Vec<f64>, zero_sum: bool) -> Self {
        let Law { step_size, of, .. } = *law;
        Self { center, step_size, temperature: 0.5 * law.noise(), of, zero_sum }
    }

    /// Names of the relations that hold at rest.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let count = match self.of {
            Dynamic::Alternating => 0,
            Dynamic::Simultaneous => 3,
            _ => 3 + usize::from(self.zero_sum),
        };
        ["fdr1", "fdr1-theta", "fdr1-omega", "fdr2"].into_iter().take(count)
    }

    /// The correction that the drift has.
    pub(super) fn correction(&self) -> Option<Correction> {
        self.of.correction()
    }

    /// Writes left, right and left minus right of each relation at `x`. `drift`, `correction`: `b₀`,
    /// `b₁`.
    pub(super) fn sides(
        &self,
        x: &[f64],
        minimizer: usize,
        drift: &[f64],
        correction: &[f64],
        traces: &Traces,
        out: &mut [f64],
    ) {
        let eta = if self.correction().is_some() { self.step_size } else { 0.0 };
        let b = |i: usize| drift[i] + eta * correction[i];
        let (mut dissipation, mut field, mut power) = ([0.0; 2], [0.0; 2], 0.0);
        for i in 0..x.len() {
            let player = usize::from(i >= minimizer);
            dissipation[player] -= (x[i] - self.center[i]) * b(i);
            field[player] += drift[i] * drift[i];
            // ∇Φ is -b₀ in the minimizer's coordinates, b₀ in the others.
            power += if player == 0 { drift[i] * b(i) } else { -drift[i] * b(i) };
        }
        let of_chain = if self.of == Dynamic::Simultaneous { 0.5 * self.step_size } else { 0.0 };
        let fluctuation =
            [0, 1].map(|p| self.temperature * traces.variance[p] + of_chain * field[p]);
        let all = [
            (dissipation[0] + dissipation[1], fluctuation[0] + fluctuation[1]),
            (dissipation[0], fluctuation[0]),
            (dissipation[1], fluctuation[1]),
            (power, self.temperature * (traces.curvature[0] + traces.curvature[1])),
        ];
        for (out, (left, right)) in out.chunks_exact_mut(3).zip(all) {
            out.copy_from_slice(&[left, right, left - right]);
        }
    }
}
