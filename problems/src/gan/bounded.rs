//! A game with a bounded drift: smooth, with bounded derivatives, and dissipative, as theorems on the
//! ergodicity of such diffusions ask.
//!
//! ```text
//! Φ = tanh(ω)(μ - tanh θ) - λ(√(1 + ω²) - 1) + κ(√(1 + θ²) - 1)
//! g_θ = -tanh(ω) sech²θ + κθ/√(1 + θ²),   g_ω = sech²ω (μ - tanh θ) - λω/√(1 + ω²)
//! ```
//!
//! The gradient of a pair has additive Gaussian noise of the same variance for both players. Nothing is
//! closed-form; reference values come from the Fokker–Planck equation
//! ([`fokker_planck`](super::fokker_planck)).

use serde::{Deserialize, Serialize};

use super::ensemble::Traces;
use super::law::Law;
use super::plane::{Pair, Plane, PlaneGame, Setting};
use super::population::Start;
use crate::numerics::tanh;
use crate::{SetupError, require, require_positive};

/// A section `[problem.NAME]` of kind `bounded-gan`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BoundedGanConfig {
    /// `κ > 0`.
    pub kappa: f64,
    /// `λ > 0`.
    pub lambda: f64,
    /// `μ`.
    pub mean: f64,
    /// Variance of the noise of a pair in each coordinate, `>= 0`.
    pub noise_variance: f64,
    /// Where paths start.
    pub start: Start,
    /// The stationary law whose noise the relations take.
    pub law: Option<Law>,
    /// The centre of the relations; left out, the point of rest.
    pub center: Option<Vec<f64>>,
}

impl Default for BoundedGanConfig {
    fn default() -> Self {
        Self {
            kappa: 0.5,
            lambda: 1.0,
            mean: 0.5,
            noise_variance: 1.0,
            start: Start::Point(vec![2.0, -2.0]),
            law: None,
            center: None,
        }
    }
}

/// The bounded game.
pub type BoundedGan = PlaneGame<Bounded>;

/// The model behind [`BoundedGan`].
#[derive(Clone, Debug)]
pub struct Bounded {
    kappa: f64,
    lambda: f64,
    mean: f64,
    deviation: f64,
    rest: Pair,
}

/// `x/√(1 + x²)` and its derivative.
#[inline(always)]
fn pull(x: f64) -> (f64, f64) {
    let inverse = (1.0 + x * x).sqrt().recip();
    (x * inverse, inverse * inverse * inverse)
}

impl Plane for Bounded {
    const ID: &'static str = "bounded-gan";
    const ABOUT: &'static str = "bounded smooth drift with additive noise, no closed form";
    const NOISES: usize = 2;
    type Config = BoundedGanConfig;

    fn new(config: &BoundedGanConfig) -> Result<(Self, Setting), SetupError> {
        let BoundedGanConfig { kappa, lambda, mean, noise_variance, .. } = *config;
        require_positive("kappa", kappa)?;
        require_positive("lambda", lambda)?;
        require("mean", mean, mean.is_finite(), "a finite number")?;
        let noise = noise_variance >= 0.0 && noise_variance.is_finite();
        require("noise-variance", noise_variance, noise, "a finite number of at least 0")?;
        let deviation = noise_variance.sqrt();
        let mut model = Self { kappa, lambda, mean, deviation, rest: [0.0; 2] };
        model.rest = model.find_rest()?;
        let setting =
            Setting { start: config.start.clone(), law: config.law, center: config.center.clone() };
        Ok((model, setting))
    }

    #[inline(always)]
    fn drift(&self, [theta, omega]: Pair) -> Pair {
        let (t, w) = (tanh(theta), tanh(omega));
        [
            w * (1.0 - t * t) - self.kappa * pull(theta).0,
            (1.0 - w * w) * (self.mean - t) - self.lambda * pull(omega).0,
        ]
    }

    #[inline(always)]
    fn jacobian(&self, [theta, omega]: Pair) -> [Pair; 2] {
        let (t, w) = (tanh(theta), tanh(omega));
        let (st, sw) = (1.0 - t * t, 1.0 - w * w);
        [
            [-2.0 * w * t * st - self.kappa * pull(theta).1, sw * st],
            [-sw * st, -2.0 * w * sw * (self.mean - t) - self.lambda * pull(omega).1],
        ]
    }

    #[inline(always)]
    fn noise(&self, _: Pair, [a, b, _]: [f64; 3]) -> Pair {
        [self.deviation * a, self.deviation * b]
    }

    fn traces(&self, x: Pair) -> Traces {
        let variance = self.deviation * self.deviation;
        let [[a, _], [_, e]] = self.jacobian(x);
        Traces { variance: [variance; 2], curvature: [-variance * a, variance * e] }
    }

    fn rest(&self) -> Pair {
        self.rest
    }
}

impl Bounded {
    /// Newton's method on the drift from the origin, with steps halved while the drift grows.
    fn find_rest(&self) -> Result<Pair, SetupError> {
        let size = |x: Pair| self.drift(x).iter().map(|b| b * b).sum::<f64>();
        let mut x = [0.0, 0.0];
        for _ in 0..100 {
            let [b0, b1] = self.drift(x);
            let [[a, c], [d, e]] = self.jacobian(x);
            let determinant = a * e - c * d;
            let step = [(c * b1 - e * b0) / determinant, (d * b0 - a * b1) / determinant];
            let mut length = 1.0;
            let moved = |length: f64| [x[0] + length * step[0], x[1] + length * step[1]];
            while length > 1e-6 && size(moved(length)) > size(x) {
                length *= 0.5;
            }
            x = moved(length);
            if size(x) < 1e-28 {
                return Ok(x);
            }
        }
        Err(SetupError::Numerics(
            "no point of rest of bounded-gan found: change mean or kappa".into(),
        ))
    }
}
