//! The covariance game: a Gaussian whose covariance is learned by a quadratic discriminator.
//!
//! Generator `z ↦ Vz`, discriminator `x ↦ xᵀWx`, data `x ~ N(0, C)`, latent `z ~ N(0, I)`, all of order `d`
//! (C. Daskalakis et al., Training GANs with Optimism, ICLR 2018, here with damping):
//!
//! ```text
//! Φ = Tr(W (C - VVᵀ)) - (λ/2)|W|² + (κ/2)|V|²
//! b_V = (W + Wᵀ) V - κV,   b_W = C - VVᵀ - λW
//! ```
//!
//! The gradient of a pair is quadratic in Gaussian data: with symmetric Gaussian matrices `G`, whose
//! entries have variance 1 off and 2 on the diagonal, `zzᵀ - I` and `G` have one covariance, and
//!
//! ```text
//! S dw = ((W + Wᵀ) V G₁;  L G₂ Lᵀ - V G₃ Vᵀ),   C = L Lᵀ
//! ```
//!
//! For `κ = 0`, `V` is determined up to a rotation from the right: look at `covariance-gap`. In one
//! dimension `{V = 0}` is invariant, and the stationary law of the diffusion with `e = η/B` satisfies
//! identities that hold to any order (the generator applied to `log V` and to `W`), two columns more:
//!
//! | column | mean at rest |
//! |---|---|
//! | `covariance-gap` | `|VVᵀ - C|_F`, no identity |
//! | `log-identity` | `W - κ/2 - 2eW²`: 0 |
//! | `weight-identity` | `C - V² - λW`: 0 |
//!
//! Those of `V²/2` and `W²/2` are the relations `fdr1-theta` and `fdr1-omega` about the origin.

use faer::{Mat, linalg::solvers::Llt};
use serde::{Deserialize, Serialize};

use super::chi_square::chi_square;
use super::covariance::Covariance;
use super::ensemble::{Observables, Observed, Traces};
use super::law::{Dynamic, Law, no_law};
use super::lyapunov::Unstable;
use super::population::{PopulationScratch, Start, population_game, spread};
use super::scale::Batches;
use crate::{Build, Correction, Diffusion, Seed, SetupError, TILE, require};

/// A section `[problem.NAME]` of kind `covariance-gan`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CovarianceGanConfig {
    /// `d`.
    pub dimension: usize,
    /// `κ >= 0`.
    pub kappa: f64,
    /// `λ >= 0`.
    pub lambda: f64,
    /// `C`, positive definite.
    pub data_covariance: Covariance,
    /// Mini-batches of the players.
    pub batches: Batches,
    /// Where paths start: `V` then `W`, each column by column, or two multiples of the identity.
    pub start: Start,
    /// The stationary law whose noise relations and identities take.
    pub law: Option<Law>,
    /// The centre of the relations, as `start`; left out, the origin.
    pub center: Option<Vec<f64>>,
}

impl Default for CovarianceGanConfig {
    fn default() -> Self {
        Self {
            dimension: 1,
            kappa: 0.0,
            lambda: 1.0,
            data_covariance: Covariance::Isotropic(1.0),
            batches: Batches::Fresh,
            start: Start::Point(vec![1.2, 0.2]),
            law: None,
            center: None,
        }
    }
}

/// An instance. A point is `V`, then `W`, each `d x d` column-major.
pub struct CovarianceGan {
    d: usize,
    kappa: f64,
    lambda: f64,
    covariance: Vec<f64>,
    root: Vec<f64>,
    shared: bool,
    start: Option<Vec<f64>>,
    /// `η/B` of the law.
    noise: Option<f64>,
    observables: Observables,
}

population_game!(CovarianceGan, |game| 2 * game.d * game.d, |game| 4 * game.d * game.d * TILE);

impl Build for CovarianceGan {
    const ID: &'static str = "covariance-gan";
    const ABOUT: &'static str = "Gaussian covariance learned by a quadratic discriminator";
    type Config = CovarianceGanConfig;

    fn check(config: &CovarianceGanConfig) -> Result<(), SetupError> {
        Self::build(config, Seed::root(0), None).map(drop)
    }

    fn build(config: &CovarianceGanConfig, _: Seed, _: Option<&[f64]>) -> Result<Self, SetupError> {
        let d = config.dimension;
        require("dimension", d, (1..=16).contains(&d), "from 1 to 16")?;
        let damping = |v: f64| v >= 0.0 && v.is_finite();
        require("kappa", config.kappa, damping(config.kappa), "a finite number of at least 0")?;
        require("lambda", config.lambda, damping(config.lambda), "a finite number of at least 0")?;
        let covariance = config.data_covariance.matrix("data-covariance", d)?;
        let Ok(factor) = Llt::new(covariance.as_ref(), faer::Side::Lower) else {
            let least = covariance.self_adjoint_eigenvalues(faer::Side::Lower);
            return Err(SetupError::Parameter {
                name: "data-covariance",
                value: format!(
                    "a matrix with the eigenvalue {}",
                    least.map_or(f64::NAN, |values| values[0])
                ),
                admissible: "a positive definite matrix",
            });
        };
        let columns = |a: &Mat<f64>| (0..d * d).map(|k| a[(k % d, k / d)]).collect::<Vec<f64>>();
        let point = |name: &'static str, values: &[f64]| match values {
            [v, w] if d > 1 => Ok(identity_multiples(d, *v, *w)),
            values => spread(name, values, 2 * d * d, d * d),
        };
        let start = match &config.start {
            Start::Point(values) => Some(point("start", values)?),
            Start::Drawn(_) => None,
        };
        let center = match &config.center {
            Some(center) => point("center", center)?,
            None => vec![0.0; 2 * d * d],
        };
        if let Some(law) = &config.law {
            law.check()?;
            require_stable(config, covariance.norm_l2()).map_err(no_law)?;
        }
        let diffusion = config.law.filter(|law| law.of == Dynamic::Diffusion);
        let noise = diffusion.as_ref().filter(|_| d == 1).map(Law::noise);
        let names = ["covariance-gap", "log-identity", "weight-identity"];
        let names = if noise.is_some() { &names[..] } else { &names[..1] };
        let observables = Observables::new(config.law.as_ref(), center, true, None, names);
        if start.is_none() {
            observables.gaussian("start", "\"stationary\"".into())?;
        }
        Ok(Self {
            d,
            kappa: config.kappa,
            lambda: config.lambda,
            covariance: columns(&covariance),
            root: columns(&factor.L().to_owned()),
            shared: config.batches == Batches::Shared,
            start,
            noise,
            observables,
        })
    }
}

fn identity_multiples(d: usize, v: f64, w: f64) -> Vec<f64> {
    let identity = |value: f64| (0..d * d).map(move |k| if k % d == k / d { value } else { 0.0 });
    identity(v).chain(identity(w)).collect()
}

/// Without damping of the discriminator the game rotates about its equilibrium for ever: the linearized
/// decay `[[κ, -2σ], [2σ, λ]]` has the trace `κ + λ`. (With `κ > 0` that is the decay at `V = √C`, which
/// is then near the equilibrium, not at it.)
fn require_stable(config: &CovarianceGanConfig, size: f64) -> Result<(), Unstable> {
    let (kappa, lambda) = (config.kappa, config.lambda);
    let sigma = (size / (config.dimension as f64).sqrt()).sqrt();
    let decay = faer::mat![[kappa, -2.0 * sigma], [2.0 * sigma, lambda]];
    super::lyapunov::gap(decay.as_ref()).map(drop)
}

/// Matrices of a tile: entry `(i, j)` of lane `l` at `((i + j d) width) + l`.
#[derive(Clone, Copy)]
struct Tiles {
    d: usize,
    width: usize,
}

impl Tiles {
    fn at(self, i: usize, j: usize) -> std::ops::Range<usize> {
        let start = (i + j * self.d) * self.width;
        start..start + self.width
    }

    /// `out += factor · op(a) b` with `op` the transpose or not, lane by lane.
    #[inline(always)]
    fn product(self, factor: f64, a: &[f64], transposed: bool, b: &[f64], out: &mut [f64]) {
        for j in 0..self.d {
            for k in 0..self.d {
                for i in 0..self.d {
                    let left = if transposed { self.at(k, i) } else { self.at(i, k) };
                    let pairs = a[left].iter().zip(&b[self.at(k, j)]);
                    for (out, (a, b)) in out[self.at(i, j)].iter_mut().zip(pairs) {
                        *out += factor * a * b;
                    }
                }
            }
        }
    }

    /// `out += factor · a bᵀ`, lane by lane.
    #[inline(always)]
    fn outer(self, factor: f64, a: &[f64], b: &[f64], out: &mut [f64]) {
        for j in 0..self.d {
            for k in 0..self.d {
                for i in 0..self.d {
                    let pairs = a[self.at(i, k)].iter().zip(&b[self.at(j, k)]);
                    for (out, (a, b)) in out[self.at(i, j)].iter_mut().zip(pairs) {
                        *out += factor * a * b;
                    }
                }
            }
        }
    }

    /// The symmetric matrix of `packed`, the lower triangle column by column, its diagonal times
    /// `diagonal`.
    #[inline(always)]
    fn unpack(self, diagonal: f64, packed: &[f64], out: &mut [f64]) {
        let mut rows = packed.chunks_exact(self.width);
        for j in 0..self.d {
            for i in j..self.d {
                let Some(row) = rows.next() else { return };
                let scale = if i == j { diagonal } else { 1.0 };
                for at in [self.at(i, j), self.at(j, i)] {
                    out[at].iter_mut().zip(row).for_each(|(out, v)| *out = scale * v);
                }
            }
        }
    }

    /// `out += L g Lᵀ` for one lower triangular `L` of all lanes; `room` is as large as `g`.
    #[inline(always)]
    fn congruence(self, lower: &[f64], g: &[f64], room: &mut [f64], out: &mut [f64]) {
        let d = self.d;
        room.fill(0.0);
        for j in 0..d {
            for k in 0..d {
                for i in k..d {
                    let l = lower[i + k * d];
                    let right = &g[self.at(k, j)];
                    room[self.at(i, j)].iter_mut().zip(right).for_each(|(out, g)| *out += l * g);
                }
            }
        }
        for j in 0..d {
            for k in 0..=j {
                let l = lower[j + k * d];
                for i in 0..d {
                    let left = &room[self.at(i, k)];
                    out[self.at(i, j)].iter_mut().zip(left).for_each(|(out, r)| *out += l * r);
                }
            }
        }
    }
}

impl CovarianceGan {
    fn tiles(&self, x: &[f64]) -> Tiles {
        Tiles { d: self.d, width: x.len() / (2 * self.d * self.d) }
    }

    /// The derivative of the drift at `x` along `v`: added to `out` times `factor`.
    #[inline(always)]
    fn along(&self, factor: f64, x: &[f64], v: &[f64], out: &mut [f64]) {
        let tiles = self.tiles(x);
        let half = x.len() / 2;
        let (scale, weight) = x.split_at(half);
        let (d_scale, d_weight) = v.split_at(half);
        let (out_scale, out_weight) = out.split_at_mut(half);
        for (left, right) in [(d_weight, scale), (weight, d_scale)] {
            tiles.product(factor, left, false, right, out_scale);
            tiles.product(factor, left, true, right, out_scale);
        }
        for (out, d) in out_scale.iter_mut().zip(d_scale) {
            *out -= factor * self.kappa * d;
        }
        tiles.outer(-factor, d_scale, scale, out_weight);
        tiles.outer(-factor, scale, d_scale, out_weight);
        for (out, d) in out_weight.iter_mut().zip(d_weight) {
            *out -= factor * self.lambda * d;
        }
    }

    /// Writes `((W + Wᵀ) V G₁; L G₂ Lᵀ - V G₃ Vᵀ)` for symmetric `G` in place of Gaussian ones.
    #[inline(always)]
    fn respond(
        &self,
        x: &[f64],
        [own, data, other]: [&[f64]; 3],
        out: &mut [f64],
        room: &mut [f64],
    ) {
        let tiles = self.tiles(x);
        let half = x.len() / 2;
        let (scale, weight) = x.split_at(half);
        let (out_scale, out_weight) = out.split_at_mut(half);
        let room = &mut room[..half];
        out_scale.fill(0.0);
        out_weight.fill(0.0);
        room.fill(0.0);
        tiles.product(1.0, scale, false, own, room);
        tiles.product(1.0, weight, false, room, out_scale);
        tiles.product(1.0, weight, true, room, out_scale);
        tiles.congruence(&self.root, data, room, out_weight);
        room.fill(0.0);
        tiles.product(1.0, scale, false, other, room);
        tiles.outer(-1.0, room, scale, out_weight);
    }

    /// Normals of one symmetric matrix.
    fn packed(&self) -> usize {
        self.d * (self.d + 1) / 2
    }

    /// The normals of the three matrices.
    fn split<'a>(&self, normals: &'a [f64], width: usize) -> [&'a [f64]; 3] {
        let size = self.packed() * width;
        let other = if self.shared { 0 } else { 2 };
        [0, 1, other].map(|k| &normals[k * size..][..size])
    }
}

impl Observed for CovarianceGan {
    fn minimizer(&self) -> usize {
        self.d * self.d
    }

    /// With `E GMG = Mᵀ + Tr(M) I`: `Tr Σ_V = (1 + d)|HV|²`, `H = W + Wᵀ`, and
    /// `Tr Σ_W = |C|² + (Tr C)² + |VᵀV|² + (Tr VᵀV)²`.
    fn traces(&self, x: &[f64], _: &mut PopulationScratch) -> Traces {
        let d = self.d;
        let matrix = |x: &[f64]| Mat::from_fn(d, d, |i, j| x[i + j * d]);
        let (v, w) = (matrix(&x[..d * d]), matrix(&x[d * d..]));
        let trace = |a: &Mat<f64>| (0..d).map(|i| a[(i, i)]).sum::<f64>();
        let quartic = |a: &Mat<f64>| a.norm_l2().powi(2) + trace(a).powi(2);
        let h = &w + w.transpose();
        let hv = &h * &v;
        let gram = v.transpose() * &v;
        let order = (1 + d) as f64;
        let variance =
            [order * hv.norm_l2().powi(2), quartic(&matrix(&self.covariance)) + quartic(&gram)];
        // ∇²_V Φ maps dV to κ dV - H dV.
        let curved = self.kappa * hv.norm_l2().powi(2) - trace(&(hv.transpose() * &h * &hv));
        Traces { variance, curvature: [order * curved, -self.lambda * variance[1]] }
    }

    fn observables(&self) -> &Observables {
        &self.observables
    }

    fn extra(&self, x: &[f64], b: &[f64], out: &mut [f64]) {
        let half = x.len() / 2;
        // b_W + λW = C - VVᵀ.
        let gap = b[half..].iter().zip(&x[half..]).map(|(b, w)| (b + self.lambda * w).powi(2));
        out[0] = gap.sum::<f64>().sqrt();
        if let (Some(e), [_, log, weight]) = (self.noise, out) {
            let w = x[1];
            *log = w - 0.5 * self.kappa - 2.0 * e * w * w;
            *weight = b[1];
        }
    }
}

impl Diffusion for CovarianceGan {
    fn noises(&self) -> usize {
        3 * self.packed()
    }

    #[inline(always)]
    fn drift(&self, x: &[f64], b: &mut [f64], _: &mut PopulationScratch) {
        let tiles = self.tiles(x);
        let half = x.len() / 2;
        let (scale, weight) = x.split_at(half);
        let (b_scale, b_weight) = b.split_at_mut(half);
        b_scale.iter_mut().zip(scale).for_each(|(b, v)| *b = -self.kappa * v);
        tiles.product(1.0, weight, false, scale, b_scale);
        tiles.product(1.0, weight, true, scale, b_scale);
        let rows = b_weight.chunks_exact_mut(tiles.width).zip(weight.chunks_exact(tiles.width));
        for ((b, w), c) in rows.zip(&self.covariance) {
            b.iter_mut().zip(w).for_each(|(b, w)| *b = c - self.lambda * w);
        }
        tiles.outer(-1.0, scale, scale, b_weight);
    }

    fn correction(
        &self,
        correction: Correction,
        x: &[f64],
        b: &mut [f64],
        scratch: &mut PopulationScratch,
    ) {
        let (tiles, half) = (self.tiles(x), x.len() / 2);
        let mut room = std::mem::take(&mut scratch.tile);
        let (drift, rest) = room.split_at_mut(x.len());
        self.drift(x, drift, scratch);
        b.fill(0.0);
        self.along(-0.5, x, drift, b);
        if correction != Correction::Simultaneous {
            // (∂b_V/∂W) b_W.
            tiles.product(1.0, &drift[half..], false, &x[..half], &mut b[..half]);
            tiles.product(1.0, &drift[half..], true, &x[..half], &mut b[..half]);
        }
        if let Correction::AlternatingShared { batch } = correction {
            // E (dW + dWᵀ) V zzᵀ with dW = -V(zzᵀ - I)Vᵀ: -2 V(A + Tr(A) I), A = VᵀV.
            let (gram, factor) = (&mut rest[..half], -2.0 / batch as f64);
            gram.fill(0.0);
            tiles.product(1.0, &x[..half], true, &x[..half], gram);
            for lane in 0..tiles.width {
                let diagonal = |i: usize| tiles.at(i, i).start + lane;
                let trace: f64 = (0..self.d).map(|i| gram[diagonal(i)]).sum();
                (0..self.d).for_each(|i| gram[diagonal(i)] += trace);
            }
            tiles.product(factor, &x[..half], false, gram, &mut b[..half]);
        }
        scratch.tile = room;
    }

    fn noise(&self, x: &[f64], dw: &[f64], out: &mut [f64], scratch: &mut PopulationScratch) {
        let (tiles, half) = (self.tiles(x), x.len() / 2);
        let mut room = std::mem::take(&mut scratch.tile);
        let (matrices, rest) = room.split_at_mut(3 * half);
        for (packed, matrix) in
            self.split(dw, tiles.width).into_iter().zip(matrices.chunks_exact_mut(half))
        {
            tiles.unpack(std::f64::consts::SQRT_2, packed, matrix);
        }
        let mut matrices = matrices.chunks_exact(half);
        let symmetric = [(); 3].map(|()| matrices.next().unwrap_or(&[]));
        self.respond(x, symmetric, out, rest);
        scratch.tile = room;
    }

    /// The mean of `zzᵀ - I` over a mini-batch by Bartlett's decomposition: `B⁻¹ T Tᵀ - I` with a lower
    /// triangular `T` of standard normals and, on the diagonal of column `j`, the root of a `χ²` with
    /// `B - j` degrees of freedom, the quantile of its normal; from column `B` on, nothing.
    fn batch_noise(
        &self,
        batch: usize,
        x: &[f64],
        normals: &[f64],
        out: &mut [f64],
        scratch: &mut PopulationScratch,
    ) {
        let (tiles, half, d) = (self.tiles(x), x.len() / 2, self.d);
        let mut room = std::mem::take(&mut scratch.tile);
        let (matrices, rest) = room.split_at_mut(3 * half);
        let scale = (batch as f64).recip();
        let factor = &mut rest[..half];
        for (packed, matrix) in
            self.split(normals, tiles.width).into_iter().zip(matrices.chunks_exact_mut(half))
        {
            factor.fill(0.0);
            let mut rows = packed.chunks_exact(tiles.width);
            for (i, j) in (0..d).flat_map(|j| (j..d).map(move |i| (i, j))) {
                let (Some(row), true) = (rows.next(), j < batch) else { continue };
                for (t, normal) in factor[tiles.at(i, j)].iter_mut().zip(row) {
                    *t = if i == j { chi_square(batch - j, *normal).sqrt() } else { *normal };
                }
            }
            matrix.fill(0.0);
            tiles.outer(scale, factor, factor, matrix);
            (0..d).for_each(|i| matrix[tiles.at(i, i)].iter_mut().for_each(|m| *m -= 1.0));
        }
        let mut matrices = matrices.chunks_exact(half);
        let symmetric = [(); 3].map(|()| matrices.next().unwrap_or(&[]));
        self.respond(x, symmetric, out, rest);
        scratch.tile = room;
    }
}
