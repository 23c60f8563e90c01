//! Closed forms of the scalar linear–quadratic game.
//!
//! With `K = [[κ, -1], [1, λ]]`, `q_θ = Σ_θ/β`, `q_ω = Σ_ω/β` and `Δ = (κ + λ)(1 + κλ)`, everything
//! about the Ornstein–Uhlenbeck process `dX = -K (X - x*) dt + σ dW` is elementary.

/// The scalar game, by its damping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closed {
    /// `κ`, of the minimizer.
    pub kappa: f64,
    /// `λ`, of the maximizer.
    pub lambda: f64,
}

impl Closed {
    /// The point of rest `(μ, κμ)/(1 + κλ)`.
    pub fn rest(self, mean: f64) -> [f64; 2] {
        let scale = mean / (1.0 + self.kappa * self.lambda);
        [scale, self.kappa * scale]
    }

    /// The eigenvalue of `K` with the smaller real part, as real and imaginary part `>= 0`:
    /// `(κ + λ)/2 - √((κ - λ)²/4 - 1)`.
    pub fn slowest(self) -> (f64, f64) {
        let half = 0.5 * (self.kappa + self.lambda);
        let square = 0.25 * (self.kappa - self.lambda).powi(2) - 1.0;
        if square >= 0.0 { (half - square.sqrt(), 0.0) } else { (half, (-square).sqrt()) }
    }

    /// The stationary covariance `(P_θθ, P_θω, P_ωω)` of the diffusion for noise `q_θ`, `q_ω`:
    ///
    /// ```text
    /// P_θθ = [q_ω + q_θ (1 + λ² + κλ)]/Δ    P_θω = (κ q_ω - λ q_θ)/Δ    P_ωω = [q_θ + q_ω (1 + κ² + κλ)]/Δ
    /// ```
    pub fn covariance(self, q: [f64; 2]) -> [f64; 3] {
        let Self { kappa, lambda } = self;
        let product = kappa * lambda;
        let delta = (kappa + lambda) * (1.0 + product);
        [
            (q[1] + q[0] * (1.0 + lambda * lambda + product)) / delta,
            (kappa * q[1] - lambda * q[0]) / delta,
            (q[0] + q[1] * (1.0 + kappa * kappa + product)) / delta,
        ]
    }

    /// The largest learning rate below which the mean of the simultaneous chain is stable:
    /// the least `2 Re ℓ/|ℓ|²` over the eigenvalues `ℓ` of `K`; not above 0 if there is none.
    pub fn stable_step(self) -> f64 {
        let (real, imaginary) = self.slowest();
        let other = self.kappa + self.lambda - real;
        if imaginary > 0.0 {
            2.0 * real / (real * real + imaginary * imaginary)
        } else if real > 0.0 {
            2.0 / other
        } else {
            2.0 * real.min(0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LQ: Closed = Closed { kappa: 0.5, lambda: 1.0 };

    #[test]
    fn the_first_test_vector_is_reproduced() {
        let [theta, omega] = LQ.rest(1.0);
        assert!((theta - 2.0 / 3.0).abs() < 1e-15 && (omega - 1.0 / 3.0).abs() < 1e-15);
        let (real, imaginary) = LQ.slowest();
        assert!((real - 0.75).abs() < 1e-15 && (imaginary - 0.968_245_836_6).abs() < 5e-11);
        let expected = [0.006_111_111_1, 0.000_555_555_6, 0.006_944_444_4];
        for (found, expected) in LQ.covariance([0.0025, 0.0075]).iter().zip(expected) {
            assert!((found - expected).abs() < 5.1e-11, "{found} {expected}");
        }
        assert!((LQ.stable_step() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn equal_damping_and_noise_spread_evenly() {
        let [a, b, c] = Closed { kappa: 0.7, lambda: 0.7 }.covariance([0.1, 0.1]);
        assert!((a - 0.1 / 0.7).abs() < 1e-15 && b.abs() < 1e-17 && (c - a).abs() < 1e-16);
    }

    #[test]
    fn real_eigenvalues_and_rotations_have_their_stable_steps() {
        // K has the eigenvalues 3 and 1/3 + ... of a trace of 4 and a determinant of 1 + 3·1 = 4: both 2.
        assert!((Closed { kappa: 3.0, lambda: 1.0 }.stable_step() - 1.0).abs() < 1e-7);
        let overdamped = Closed { kappa: 5.0, lambda: 0.2 };
        let (slow, none) = overdamped.slowest();
        assert!(none.abs() <= 0.0);
        assert!((overdamped.stable_step() - 2.0 / (5.2 - slow)).abs() < 1e-15);
        assert!(Closed { kappa: 0.0, lambda: 0.0 }.stable_step().abs() <= 0.0);
    }
}
