//! The linear–quadratic game: a Gaussian whose mean is learned by a linear discriminator.
//!
//! Generator `z ↦ z + θ`, discriminator `x ↦ ω·x`, both in `n` dimensions, data `x` with mean `μ` and
//! covariance `C_x`, latent `z` with mean 0 and covariance `C_z`, and a random anchor `a` of the
//! generator with mean 0 and covariance `A₀`:
//!
//! ```text
//! Φ = ω·(μ - θ) - (λ/2)|ω|² + (κ/2) E|θ - a|²
//! g_θ = κθ - ω,   g_ω = μ - θ - λω,   Σ_θ = κ² A₀,   Σ_ω = C_x + C_z
//! ```
//!
//! `(λ/2)|ω|²` is the zero-centred gradient penalty R1 of a linear discriminator and its weight decay
//! at once. The drift is linear and the noise constant, so that every chain and every diffusion of this
//! game has a known law. With `κ = λ = 0` it is the bilinear game, a rotation without a stationary law.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::affine::AffineGame;
use super::closed::Closed;
use super::covariance::{Covariance, root};
use super::ensemble::{Observables, Observed, Traces};
use super::gaussian::Gaussian;
use super::law::{Dynamic, Law, no_law};
use super::lyapunov;
use super::population::{PopulationScratch, Start, population_game, spread};
use crate::{Build, Correction, Diffusion, Linear, LinearDiffusion, Seed, SetupError, require};

/// A section `[problem.NAME]` of kind `lq-gan`. The default is the scalar test vector of the suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LqGanConfig {
    /// `n`, of each player.
    pub dimension: usize,
    /// `κ >= 0`.
    pub kappa: f64,
    /// `λ >= 0`.
    pub lambda: f64,
    /// `μ`, the same in every coordinate.
    pub mean: f64,
    /// `A₀`.
    pub anchor_covariance: Covariance,
    /// `C_x`.
    pub data_covariance: Covariance,
    /// `C_z`.
    pub latent_covariance: Covariance,
    /// Where paths start.
    pub start: Start,
    /// The stationary law to compare with; left out, there is none.
    pub law: Option<Law>,
    /// The centre of the relations; left out, the point of rest.
    pub center: Option<Vec<f64>>,
    /// Paths whose quantile in the stationary law is left behind as output `law-quantiles`.
    pub quantiles: usize,
}

impl Default for LqGanConfig {
    fn default() -> Self {
        Self {
            dimension: 1,
            kappa: 0.5,
            lambda: 1.0,
            mean: 1.0,
            anchor_covariance: Covariance::Isotropic(2.0),
            data_covariance: Covariance::Isotropic(1.0),
            latent_covariance: Covariance::Isotropic(0.5),
            start: Start::Point(vec![2.0, -1.0]),
            law: None,
            center: None,
            quantiles: 0,
        }
    }
}

/// An instance. A point is `(θ; ω)`, `2 n` numbers; so are the noises, `κ a` and `x - μ - z` of a pair.
pub struct LqGan {
    closed: Closed,
    mean: f64,
    n: usize,
    noise: Mat<f64>,
    /// By row of `S`, its entries that are not zero: column, value. A row of zeros keeps one.
    rows: Vec<Vec<(usize, f64)>>,
    traces: Traces,
    start: Option<Vec<f64>>,
    observables: Observables,
}

population_game!(LqGan, |game| 2 * game.n, |_| 0);

impl LqGan {
    /// The scalar game's closed forms; those of the game in `n` dimensions are the same with matrices
    /// for `q`.
    pub fn closed(&self) -> Closed {
        self.closed
    }

    /// The game as a random affine map.
    pub fn affine(&self) -> AffineGame {
        let (n, size) = (self.n, 2 * self.n + 1);
        let mut drift = Mat::zeros(size, size);
        for i in 0..n {
            drift[(i, i)] = -self.closed.kappa;
            drift[(i, n + i)] = 1.0;
            drift[(n + i, i)] = -1.0;
            drift[(n + i, n + i)] = -self.closed.lambda;
            drift[(n + i, size - 1)] = self.mean;
        }
        let column = |k: usize| {
            let entry = |i: usize, j: usize| j + 1 == size && i + 1 < size;
            Mat::from_fn(size, size, |i, j| if entry(i, j) { self.noise[(i, k)] } else { 0.0 })
        };
        AffineGame::new(drift, (0..2 * n).map(column).collect(), n)
    }

    /// The stationary law of a dynamic of this game.
    ///
    /// # Errors
    /// [`lyapunov::Unstable`] if there is none.
    pub fn stationary(&self, law: &Law) -> Result<Mat<f64>, lyapunov::Unstable> {
        let (eta, covariance) = (law.step_size, &self.noise * self.noise.transpose());
        let decay = |correction: Option<Correction>| {
            let mut decay = self.linear().decay;
            if let Some(correction) = correction {
                decay += faer::Scale(eta) * self.linear_correction(correction);
            }
            decay
        };
        match law.of {
            Dynamic::Simultaneous | Dynamic::Alternating => {
                let affine = self.affine();
                let batch = law.batch as f64;
                let step = if law.of == Dynamic::Simultaneous {
                    affine.simultaneous(eta, batch)
                } else {
                    affine.alternating(eta, batch)
                };
                let dim = 2 * self.n;
                let mean = step.mean().submatrix(0, 0, dim, dim).to_owned();
                // The noise moves the minimizer directly and, if it answers, through the maximizer.
                let mut through = Mat::<f64>::identity(dim, dim);
                if law.of == Dynamic::Alternating {
                    (0..self.n).for_each(|i| through[(i, self.n + i)] = eta);
                }
                let noise = &through * covariance * through.transpose();
                let noise = faer::Scale(eta * law.noise()) * noise;
                lyapunov::discrete(mean.as_ref(), noise.as_ref())
            }
            _ => {
                let noise = faer::Scale(law.noise()) * covariance;
                lyapunov::continuous(decay(law.of.correction()).as_ref(), noise.as_ref())
            }
        }
    }

    fn rest(closed: Closed, mean: f64, n: usize) -> Vec<f64> {
        let [theta, omega] = closed.rest(mean);
        (0..2 * n).map(|i| if i < n { theta } else { omega }).collect()
    }
}

impl Build for LqGan {
    const ID: &'static str = "lq-gan";
    const ABOUT: &'static str =
        "Gaussian mean learned by a linear discriminator, everything in closed form";
    type Config = LqGanConfig;

    fn check(config: &LqGanConfig) -> Result<(), SetupError> {
        Self::build(config, Seed::root(0), None).map(drop)
    }

    fn build(config: &LqGanConfig, _: Seed, _: Option<&[f64]>) -> Result<Self, SetupError> {
        let n = config.dimension;
        require("dimension", n, (1..=64).contains(&n), "from 1 to 64")?;
        let damping = |v: f64| v >= 0.0 && v.is_finite();
        require("kappa", config.kappa, damping(config.kappa), "a finite number of at least 0")?;
        require("lambda", config.lambda, damping(config.lambda), "a finite number of at least 0")?;
        require("mean", config.mean, config.mean.is_finite(), "a finite number")?;
        let anchor = config.anchor_covariance.matrix("anchor-covariance", n)?;
        let data = config.data_covariance.matrix("data-covariance", n)?;
        let latent = config.latent_covariance.matrix("latent-covariance", n)?;
        let theta = faer::Scale(config.kappa) * root(anchor.as_ref())?;
        let omega = root((data + latent).as_ref())?;
        let mut noise = Mat::<f64>::zeros(2 * n, 2 * n);
        noise.submatrix_mut(0, 0, n, n).copy_from(&theta);
        noise.submatrix_mut(n, n, n, n).copy_from(&omega);
        let kept = |i: usize| {
            let entries = (0..2 * n).map(|j| (j, noise[(i, j)]));
            entries.filter(|&(j, s)| j == i || s.abs() > 0.0).collect()
        };
        let rows = (0..2 * n).map(kept).collect();
        let square = |a: &Mat<f64>| a.norm_l2().powi(2);
        let variance = [square(&theta), square(&omega)];
        // ∇²_θ Φ = κ I, ∇²_ω Φ = -λ I.
        let curvature = [config.kappa * variance[0], -config.lambda * variance[1]];
        let closed = Closed { kappa: config.kappa, lambda: config.lambda };
        let center = match &config.center {
            Some(center) => spread("center", center, 2 * n, n)?,
            None => Self::rest(closed, config.mean, n),
        };
        let mut game = Self {
            closed,
            mean: config.mean,
            n,
            traces: Traces { variance, curvature },
            rows,
            noise,
            start: config.start.point(2 * n, n)?,
            observables: Observables::new(None, Vec::new(), true, None, &[]),
        };
        let gaussian = match &config.law {
            Some(law) => {
                law.check()?;
                let covariance = game.stationary(law).map_err(no_law)?;
                Some(Gaussian::new(Self::rest(closed, config.mean, n), covariance)?)
            }
            None => None,
        };
        game.observables = Observables::new(config.law.as_ref(), center, true, gaussian, &[]);
        if game.start.is_none() {
            game.observables.gaussian("start", "\"stationary\"".into())?;
        }
        if config.quantiles > 0 {
            game.observables.leave_quantiles(config.quantiles)?;
        }
        Ok(game)
    }
}

impl Observed for LqGan {
    fn minimizer(&self) -> usize {
        self.n
    }

    fn traces(&self, _: &[f64], _: &mut PopulationScratch) -> Traces {
        self.traces
    }

    fn observables(&self) -> &Observables {
        &self.observables
    }
}

impl Diffusion for LqGan {
    fn noises(&self) -> usize {
        2 * self.n
    }

    #[inline(always)]
    fn drift(&self, x: &[f64], b: &mut [f64], _: &mut PopulationScratch) {
        let Closed { kappa, lambda } = self.closed;
        linear(x, b, [[-kappa, 1.0], [-1.0, -lambda]], [0.0, self.mean]);
    }

    #[inline(always)]
    fn correction(
        &self,
        correction: Correction,
        x: &[f64],
        b: &mut [f64],
        _: &mut PopulationScratch,
    ) {
        let [[a, c], [d, e]] = self.correction_block(correction);
        let [theta, omega] = self.closed.rest(self.mean);
        let offset = [a * theta + c * omega, d * theta + e * omega];
        linear(x, b, [[-a, -c], [-d, -e]], offset);
    }

    #[inline(always)]
    fn explicit_step(&self, h: f64, amplitude: f64, dw: &[f64], x: &mut [f64]) -> bool {
        // In the plane: one noise for each player.
        if self.n > 1 {
            return false;
        }
        let Closed { kappa, lambda } = self.closed;
        let [s, t] = [self.noise[(0, 0)], self.noise[(1, 1)]];
        let (theta, omega) = x.split_at_mut(dw.len() / 2);
        let (first, second) = dw.split_at(dw.len() / 2);
        for ((theta, omega), (first, second)) in
            theta.iter_mut().zip(omega).zip(first.iter().zip(second))
        {
            let b = (-kappa).mul_add(*theta, *omega);
            let c = (-lambda).mul_add(*omega, self.mean) - *theta;
            *theta = amplitude.mul_add(s * first, h.mul_add(b, *theta));
            *omega = amplitude.mul_add(t * second, h.mul_add(c, *omega));
        }
        true
    }

    #[inline(always)]
    fn noise(&self, _: &[f64], dw: &[f64], out: &mut [f64], _: &mut PopulationScratch) {
        let width = out.len() / self.rows.len();
        for (out, row) in out.chunks_exact_mut(width).zip(&self.rows) {
            let [first, rest @ ..] = row.as_slice() else { continue };
            let column = |j: usize| &dw[j * width..][..width];
            out.iter_mut().zip(column(first.0)).for_each(|(out, dw)| *out = first.1 * dw);
            for (j, s) in rest {
                out.iter_mut().zip(column(*j)).for_each(|(out, dw)| *out += s * dw);
            }
        }
    }
}

/// `b = A x + c` for a block matrix `A` whose blocks are multiples of the identity.
#[inline(always)]
fn linear(x: &[f64], b: &mut [f64], [[a, c], [d, e]]: [[f64; 2]; 2], offset: [f64; 2]) {
    let (theta, omega) = x.split_at(x.len() / 2);
    let (b_theta, b_omega) = b.split_at_mut(x.len() / 2);
    for ((b, theta), omega) in b_theta.iter_mut().zip(theta).zip(omega) {
        *b = a.mul_add(*theta, c.mul_add(*omega, offset[0]));
    }
    for ((b, theta), omega) in b_omega.iter_mut().zip(theta).zip(omega) {
        *b = d.mul_add(*theta, e.mul_add(*omega, offset[1]));
    }
}

impl LqGan {
    /// `K₁` by players: `½K²` for simultaneous updates; `C = [[-1, -λ], [0, 0]]` less for alternating
    /// ones, `E_θ F E_ω F` of the drift.
    fn correction_block(&self, correction: Correction) -> [[f64; 2]; 2] {
        let Closed { kappa, lambda } = self.closed;
        let half = [
            [0.5 * (kappa * kappa - 1.0), -0.5 * (kappa + lambda)],
            [0.5 * (kappa + lambda), 0.5 * (lambda * lambda - 1.0)],
        ];
        match correction {
            Correction::Simultaneous => half,
            // The anchor's noise does not depend on ω: a shared mini-batch changes nothing.
            Correction::Alternating | Correction::AlternatingShared { .. } => {
                [[half[0][0] + 1.0, half[0][1] + lambda], half[1]]
            }
        }
    }

    /// A matrix of blocks that are multiples of the identity of order `n`.
    fn blocks(&self, block: [[f64; 2]; 2]) -> Mat<f64> {
        let n = self.n;
        Mat::from_fn(2 * n, 2 * n, |i, j| if i % n == j % n { block[i / n][j / n] } else { 0.0 })
    }
}

impl LinearDiffusion for LqGan {
    fn linear(&self) -> Linear {
        let Closed { kappa, lambda } = self.closed;
        Linear {
            decay: self.blocks([[kappa, -1.0], [1.0, lambda]]),
            rest: Self::rest(self.closed, self.mean, self.n),
            noise: self.noise.clone(),
        }
    }

    fn linear_correction(&self, correction: Correction) -> Mat<f64> {
        self.blocks(self.correction_block(correction))
    }
}
