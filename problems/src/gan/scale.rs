//! The scale game: a Gaussian whose scale is learned by a linear discriminator, with noise that depends
//! on the point.
//!
//! Generator `z ↦ θz` with `z ~ (m, τ²)`, data `x ~ (μ, s²)`, discriminator `x ↦ ωx`, all scalar:
//!
//! ```text
//! Φ = ω(μ - mθ) - (λ/2)ω² + (κ/2)θ²
//! g_θ = κθ - mω,   g_ω = μ - mθ - λω,   Σ_θ = τ² ω²,   Σ_ω = s² + τ² θ²
//! ```
//!
//! The gradient of a pair is linear in `(z, x)` and affine in the point, so that mini-batches are
//! Gaussian to the letter and first and second moments are exact ([`affine`](super::affine)).

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::affine::{AffineGame, matrix};
use super::ensemble::Traces;
use super::law::Law;
use super::plane::{Pair, Plane, PlaneGame, Setting};
use super::population::Start;
use crate::{SetupError, require};

/// Whose mini-batches the two players look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batches {
    /// Each its own, independent of the other's.
    #[default]
    Fresh,
    /// One for both, with simultaneous and with alternating updates. The noises of the players are then
    /// correlated, and for alternating updates the drift of a diffusion needs a term more
    /// ([`Correction::AlternatingShared`](crate::Correction)).
    Shared,
}

/// A section `[problem.NAME]` of kind `scale-gan`. The default is the second test vector of the suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ScaleGanConfig {
    /// `κ >= 0`.
    pub kappa: f64,
    /// `λ >= 0`.
    pub lambda: f64,
    /// `μ`.
    pub data_mean: f64,
    /// `s² >= 0`.
    pub data_variance: f64,
    /// `m`.
    pub latent_mean: f64,
    /// `τ² >= 0`.
    pub latent_variance: f64,
    /// Mini-batches of the players.
    pub batches: Batches,
    /// Where paths start.
    pub start: Start,
    /// The stationary law whose noise the relations take.
    pub law: Option<Law>,
    /// The centre of the relations; left out, the point of rest.
    pub center: Option<Vec<f64>>,
}

impl Default for ScaleGanConfig {
    fn default() -> Self {
        Self {
            kappa: 0.5,
            lambda: 1.0,
            data_mean: 1.0,
            data_variance: 1.0,
            latent_mean: 1.0,
            latent_variance: 0.5,
            batches: Batches::Fresh,
            start: Start::Point(vec![2.0, -1.0]),
            law: None,
            center: None,
        }
    }
}

/// The scale game.
pub type ScaleGan = PlaneGame<Scale>;

/// The model behind [`ScaleGan`].
#[derive(Clone, Debug)]
pub struct Scale {
    kappa: f64,
    lambda: f64,
    data: (f64, f64),
    latent: (f64, f64),
    shared: bool,
}

impl Scale {
    /// The game as a random affine map, with the normals of [`Plane::noise`].
    pub fn affine(&self) -> AffineGame {
        let (Self { kappa, lambda, .. }, (mu, s), (m, tau)) = (self, self.data, self.latent);
        let zero = [0.0; 3];
        let drift = matrix([[-kappa, m, 0.0], [-m, -lambda, mu], zero]);
        let own = matrix([[0.0, tau, 0.0], zero, zero]);
        let other = matrix([zero, [-tau, 0.0, 0.0], zero]);
        let data = matrix([zero, [0.0, 0.0, s], zero]);
        let noises: Vec<Mat<f64>> =
            if self.shared { vec![own + other, data] } else { vec![own, data, other] };
        AffineGame::new(drift, noises, 1)
    }
}

impl Plane for Scale {
    const ID: &'static str = "scale-gan";
    const ABOUT: &'static str =
        "Gaussian scale learned by a linear discriminator, noise that depends on the point";
    /// The generator's latent, the data, the discriminator's latent; shared mini-batches leave the last
    /// one unused.
    const NOISES: usize = 3;
    type Config = ScaleGanConfig;

    fn new(config: &ScaleGanConfig) -> Result<(Self, Setting), SetupError> {
        let ScaleGanConfig { kappa, lambda, data_variance, latent_variance, .. } = *config;
        for (name, value) in [
            ("kappa", kappa),
            ("lambda", lambda),
            ("data-variance", data_variance),
            ("latent-variance", latent_variance),
        ] {
            let holds = value >= 0.0 && value.is_finite();
            require(name, value, holds, "a finite number of at least 0")?;
        }
        for (name, value) in [("data-mean", config.data_mean), ("latent-mean", config.latent_mean)]
        {
            require(name, value, value.is_finite(), "a finite number")?;
        }
        let model = Self {
            kappa,
            lambda,
            data: (config.data_mean, data_variance.sqrt()),
            latent: (config.latent_mean, latent_variance.sqrt()),
            shared: config.batches == Batches::Shared,
        };
        let setting =
            Setting { start: config.start.clone(), law: config.law, center: config.center.clone() };
        Ok((model, setting))
    }

    #[inline(always)]
    fn drift(&self, [theta, omega]: Pair) -> Pair {
        let (m, mu) = (self.latent.0, self.data.0);
        [m * omega - self.kappa * theta, mu - m * theta - self.lambda * omega]
    }

    #[inline(always)]
    fn jacobian(&self, _: Pair) -> [Pair; 2] {
        let m = self.latent.0;
        [[-self.kappa, m], [-m, -self.lambda]]
    }

    #[inline(always)]
    fn noise(&self, [theta, omega]: Pair, [own, data, other]: [f64; 3]) -> Pair {
        let (s, tau) = (self.data.1, self.latent.1);
        let latent = if self.shared { own } else { other };
        [tau * omega * own, s * data - tau * theta * latent]
    }

    /// `Cov(z, x - θz - λω) = -τ² θ`.
    #[inline(always)]
    fn shared(&self, [theta, _]: Pair) -> f64 {
        -self.latent.1 * self.latent.1 * theta
    }

    fn traces(&self, [theta, omega]: Pair) -> Traces {
        let (s, tau) = (self.data.1, self.latent.1);
        let variance = [(tau * omega).powi(2), s * s + (tau * theta).powi(2)];
        Traces { variance, curvature: [self.kappa * variance[0], -self.lambda * variance[1]] }
    }

    /// `(mμ, κμ)/(m² + κλ)`; the origin where nothing pulls.
    fn rest(&self) -> Pair {
        let (m, mu) = (self.latent.0, self.data.0);
        let determinant = m * m + self.kappa * self.lambda;
        if determinant > 0.0 {
            [m * mu / determinant, self.kappa * mu / determinant]
        } else {
            [0.0, 0.0]
        }
    }
}
