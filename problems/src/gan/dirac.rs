//! The Dirac game: the smallest generative adversarial network, and why damping is needed.
//!
//! Data `δ₀`, generator `δ_θ`, discriminator `x ↦ ωx`, both blurred by instance noise of variance `s²`:
//! fake samples `u = θ + sε`, real ones `v = sε'`. With `f(t) = -log(1 + e^{-t})` for the logistic losses
//! and `f(t) = t` for Wasserstein's,
//!
//! ```text
//! Φ = E f(ωu) + E f(-ωv) - (λ/2) ω²
//! b_θ = -ω E f'(ωu),   b_ω = E u f'(ωu) - E v f'(-ωv) - λω
//! ```
//!
//! and for the non-saturating loss `b_θ = -ω E f'(-ωu)`. `λ` is the weight of R1, the zero-centred
//! gradient penalty. At the equilibrium 0, where `f'(0)` is ½ or 1 and `f''(0)` is -¼ or 0, the linearized
//! drift has the eigenvalues `-ρ/2 ± √(ρ²/4 - f'(0)²)` with the damping `ρ = λ + 2 s² |f''(0)|`: without R1
//! or instance noise it is a rotation.
//!
//! Expectations are Gauss–Hermite sums of 24 nodes; without instance noise they are exact, and so is the
//! Wasserstein loss.
//!
//! Source: L. Mescheder, A. Geiger, S. Nowozin, Which Training Methods for GANs do actually Converge?,
//! ICML 2018; the noisy linearization is derived here.

use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

use super::ensemble::Traces;
use super::law::Law;
use super::plane::{Pair, Plane, PlaneGame, Setting};
use super::population::Start;
use crate::numerics::exp;
use crate::{SetupError, require};

/// The loss of a game of networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Difference of means of the discriminator.
    Wasserstein,
    /// The logistic payoff, seen by both players.
    #[default]
    Minimax,
    /// The same for the discriminator; the generator maximizes the log-probability that it fools it.
    NonSaturating,
}

/// A section `[problem.NAME]` of kind `dirac-gan`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DiracGanConfig {
    /// The loss.
    pub loss: Loss,
    /// `λ >= 0`, weight of R1.
    pub gradient_penalty: f64,
    /// `s² >= 0`, variance of the instance noise.
    pub instance_noise: f64,
    /// Where paths start.
    pub start: Start,
    /// The stationary law whose noise the relations take.
    pub law: Option<Law>,
    /// The centre of the relations; left out, the equilibrium 0.
    pub center: Option<Vec<f64>>,
}

impl Default for DiracGanConfig {
    fn default() -> Self {
        Self {
            loss: Loss::Minimax,
            gradient_penalty: 0.0,
            instance_noise: 0.0,
            start: Start::Point(vec![1.0, 1.0]),
            law: None,
            center: None,
        }
    }
}

/// The Dirac game.
pub type DiracGan = PlaneGame<Dirac>;

/// The model behind [`DiracGan`].
#[derive(Clone, Debug)]
pub struct Dirac {
    loss: Loss,
    penalty: f64,
    /// Instance noise `sε` and its probability.
    nodes: Vec<(f64, f64)>,
    deviation: f64,
}

/// Nodes of a quadrature of smooth functions of a standard normal: polynomials up to degree 47.
const NODES: usize = 24;

/// Nodes and weights of the Gauss–Hermite rule for a standard normal: eigenvalues of the Jacobi matrix
/// with off-diagonal `√k`, and squares of the first entries of its eigenvectors (G. Golub and J. Welsch,
/// Calculation of Gauss quadrature rules, Math. Comp. 23, 1969).
fn hermite(count: usize) -> Result<Vec<(f64, f64)>, SetupError> {
    let jacobi =
        Mat::from_fn(
            count,
            count,
            |i, j| {
                if i.abs_diff(j) == 1 { (i.max(j) as f64).sqrt() } else { 0.0 }
            },
        );
    let Ok(eigen) = jacobi.self_adjoint_eigen(Side::Lower) else {
        return Err(SetupError::Numerics("nodes of a quadrature do not converge".into()));
    };
    let (u, s) = (eigen.U(), eigen.S().column_vector());
    Ok((0..count).map(|k| (s[k], u[(0, k)].powi(2))).collect())
}

impl Dirac {
    /// `f'(t)` and `f''(t)`.
    #[inline(always)]
    fn slope(&self, t: f64) -> (f64, f64) {
        if self.loss == Loss::Wasserstein {
            return (1.0, 0.0);
        }
        let down = 1.0 / (1.0 + exp(t));
        (down, -down * (1.0 - down))
    }

    /// What the generator's `b_θ = -ω h(ωu)` has for `h`, and its derivative.
    #[inline(always)]
    fn pull(&self, t: f64) -> (f64, f64) {
        let (h, dh) = self.slope(if self.loss == Loss::NonSaturating { -t } else { t });
        (h, if self.loss == Loss::NonSaturating { -dh } else { dh })
    }

    /// Means and variances of the drifts of the players over one pair.
    #[inline(always)]
    fn moments(&self, [theta, omega]: Pair) -> (Pair, Pair) {
        let (mut first, mut fake, mut real) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        for &(noise, weight) in &self.nodes {
            let u = theta + noise;
            let own = -omega * self.pull(omega * u).0;
            let of_fake = u * self.slope(omega * u).0;
            let of_real = -noise * self.slope(-omega * noise).0;
            for (sum, value) in [(&mut first, own), (&mut fake, of_fake), (&mut real, of_real)] {
                sum[0] += weight * value;
                sum[1] += weight * value * value;
            }
        }
        let spread = |sum: Pair| {
            let variance = sum[1] - sum[0] * sum[0];
            if variance > 0.0 { variance } else { 0.0 }
        };
        (
            [first[0], fake[0] + real[0] - self.penalty * omega],
            [spread(first), spread(fake) + spread(real)],
        )
    }
}

impl Plane for Dirac {
    const ID: &'static str = "dirac-gan";
    const ABOUT: &'static str = "a point mass learned by a line, with R1 and instance noise";
    const NOISES: usize = 3;
    type Config = DiracGanConfig;

    fn new(config: &DiracGanConfig) -> Result<(Self, Setting), SetupError> {
        let DiracGanConfig { loss, gradient_penalty, instance_noise, .. } = *config;
        for (name, value) in
            [("gradient-penalty", gradient_penalty), ("instance-noise", instance_noise)]
        {
            let holds = value >= 0.0 && value.is_finite();
            require(name, value, holds, "a finite number of at least 0")?;
        }
        let deviation = instance_noise.sqrt();
        let nodes = if deviation > 0.0 {
            hermite(NODES)?.into_iter().map(|(node, weight)| (deviation * node, weight)).collect()
        } else {
            vec![(0.0, 1.0)]
        };
        let setting =
            Setting { start: config.start.clone(), law: config.law, center: config.center.clone() };
        Ok((Self { loss, penalty: gradient_penalty, nodes, deviation }, setting))
    }

    #[inline(always)]
    fn drift(&self, x: Pair) -> Pair {
        self.moments(x).0
    }

    #[inline(always)]
    fn jacobian(&self, [theta, omega]: Pair) -> [Pair; 2] {
        let mut jacobian = [[0.0, 0.0], [0.0, -self.penalty]];
        for &(noise, weight) in &self.nodes {
            let u = theta + noise;
            let (pull, pull_slope) = self.pull(omega * u);
            let (slope, curve) = self.slope(omega * u);
            let real = self.slope(-omega * noise).1;
            jacobian[0][0] -= weight * omega * omega * pull_slope;
            jacobian[0][1] -= weight * (pull + omega * u * pull_slope);
            jacobian[1][0] += weight * (slope + omega * u * curve);
            jacobian[1][1] += weight * (u * u * curve + noise * noise * real);
        }
        jacobian
    }

    /// Players draw pairs of their own; the covariance is diagonal.
    #[inline(always)]
    fn noise(&self, x: Pair, [own, other, _]: [f64; 3]) -> Pair {
        let variances = self.moments(x).1;
        [variances[0].sqrt() * own, variances[1].sqrt() * other]
    }

    fn traces(&self, x: Pair) -> Traces {
        let variance = self.moments(x).1;
        let [[a, _], [_, e]] = self.jacobian(x);
        Traces { variance, curvature: [-variance[0] * a, variance[1] * e] }
    }

    fn is_zero_sum(&self) -> bool {
        self.loss != Loss::NonSaturating
    }

    fn rest(&self) -> Pair {
        [0.0, 0.0]
    }

    fn pair(&self, [theta, omega]: Pair, normals: [f64; 3]) -> Option<Pair> {
        let [own, fake, real] = normals.map(|normal| self.deviation * normal);
        let u = theta + fake;
        Some([
            -omega * self.pull(omega * (theta + own)).0,
            u * self.slope(omega * u).0 - real * self.slope(-omega * real).0 - self.penalty * omega,
        ])
    }
}
