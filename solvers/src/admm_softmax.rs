//! ADMM-Softmax: a factored least-squares problem and a small problem per sample, in turn.

use converge_problems::mlr::sweep::Tile;
use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Metric, Problem, Seed, SetupError, require, require_positive};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use crate::normal::Normal;
use crate::softmax_prox::{ProxMethod, SoftmaxProx};
use crate::{Breakdown, Solver, Step, Work, require_finite};

/// Alternating direction method of multipliers for multinomial logistic regression, split at the
/// scores.
///
/// Solves `min φ(Z) + (α/2) ‖L (W - W_ref)ᵀ‖²` subject to `Z = W D`, with `φ` the mean cross-entropy
/// of `N` samples (see [`converge_problems::mlr`]).
///
/// ```text
/// (1) W⁺ = argmin (α/2) ‖L (W - W_ref)ᵀ‖² + (ρ/2) ‖Z - W D + U‖²
///        : (ρ G + α LᵀL) W⁺ᵀ = ρ D (Z + U)ᵀ + α LᵀL W_refᵀ,   G = D Dᵀ
///     H  = θ W⁺ D + (1 - θ) Z
/// (2) Z⁺ = argmin φ(Z) + (ρ/2) ‖Z - H + U‖²,   sample by sample
/// (3) U⁺ = U + Z⁺ - H
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `s = ρ N`, the penalty in units of one sample | `penalty` |
/// | `θ`, over-relaxation, between 0 and 2 | `relaxation` |
/// | how (2) is solved | `prox` |
/// | how `U⁺` is formed | `dual` |
/// | residual balancing | `balancing` |
///
/// Starts at `W = x0`, `Z = W D`, `U = 0`. From `x0 = 0` without reference weights the first step
/// leaves `W = 0` and the second gives the [ridge classifier](crate::RidgeClassifier).
///
/// Needs: [`Mlr`] itself, for its Gram matrix and its sweep. Set-up: one product `N p²` flops, one
/// Cholesky factorisation `p³/3`, one pass for `Z`. A step reads the data once (scores, (2), (3) and
/// the next right-hand side `D (Z + U)ᵀ`, tile after tile): `4 N p K + 2 p² K` flops beside (2), which takes
/// `i K` exponentials and about `30 i K` flops per sample for `i` Newton iterations; bytes: the stored
/// data, the factor twice, and `4 N K` doubles. Holds the Gram matrix if it balances, the factor,
/// `2 N K + 4 p K` doubles.
///
/// Diagnostics: `primal-residual` `‖Z - W D‖`; `dual-residual`
/// `‖ρ D (Z⁺ - Z - (1 - θ)(Z - W⁺D))ᵀ‖`, which for `θ = 1` is the usual `ρ D (Z⁺ - Z)ᵀ`; `penalty` `s`;
/// `certificate` `‖D‖₂ / (2N) · primal + dual`, an upper bound of `‖∇J(W)‖`, with `‖D‖₂` bounded by the
/// smaller of the Frobenius and the row-sum norm of `G`. None of them costs a pass: with
/// `P = D Zᵀ`, `B = D (Z + U)ᵀ` and `G W⁺ᵀ = B - (α/ρ) LᵀL (W⁺ - W_ref)ᵀ` from (1),
/// `2 P⁺ = B⁺ - (1 - θ) B - θ (α/ρ) LᵀL (W⁺ - W_ref)ᵀ + (2 - θ) P`; rounding in `P` shrinks from step to step
/// for `θ > 0`. They are NaN before the first step.
///
/// In mixed precision the products with the data are `f32`; factor, (2) and (3) stay `f64`.
///
/// A proximal map that needs more than 100 iterations ends the run ([`Breakdown::NotConverged`]). Not
/// checked: the conditioning of the normal matrix.
///
/// Source: "ADMM-Softmax: An ADMM Approach for Multinomial Logistic Regression", ETNA 52 (2020),
/// 214–229, and its release. Deviations: Cholesky with diagonal scaling instead of QR of the normal
/// matrix, exact per-sample prox instead of a joint Newton-CG, one pass instead of three, the dual
/// residual of the relaxed method. Over-relaxation and balancing: Boyd et al., Found. Trends Mach. Learn. 3
/// (2011), sections 3.4.1 and 3.4.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AdmmSoftmax {
    /// `s = ρ N > 0`.
    pub penalty: f64,
    /// `0 < θ < 2`.
    pub relaxation: f64,
    /// Solver of the per-sample problems.
    pub prox: ProxMethod,
    /// How the multiplier is formed.
    pub dual: Dual,
    /// Residual balancing; off by default, as in the published runs.
    pub balancing: Option<Balancing>,
}

/// How the scaled multiplier is formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dual {
    /// `U⁺ = U + Z⁺ - H`.
    #[default]
    Explicit,
    /// `U⁺ = (C - softmax(Z⁺)) / s`, the same after an exact (2), free of drift; one more
    /// exponential per class and sample.
    Implicit,
}

/// Residual balancing: the penalty is multiplied by `factor` when the primal residual exceeds `ratio`
/// times the dual one, and divided by it in the opposite case; every change refactors.
///
/// Both residuals are relative, to `‖Z‖` and to `‖ρ D Uᵀ‖`: the absolute ones of the release differ by the
/// units of the scores and by `1/N`, so that balancing them depends on the scale of the data
/// (B. Wohlberg, arXiv 1704.06209).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Balancing {
    /// Above 1.
    pub ratio: f64,
    /// Above 1.
    pub factor: f64,
    /// Changes after which the penalty stays, so that convergence is that of a fixed one.
    pub changes: u32,
}

impl Default for Balancing {
    fn default() -> Self {
        Self { ratio: 10.0, factor: 2.0, changes: 20 }
    }
}

impl Default for AdmmSoftmax {
    fn default() -> Self {
        Self {
            penalty: 0.1,
            relaxation: 1.0,
            prox: ProxMethod::default(),
            dual: Dual::default(),
            balancing: None,
        }
    }
}

/// State of [`AdmmSoftmax`].
#[derive(Clone)]
pub struct AdmmSoftmaxState {
    /// `Wᵀ`, `p x K`.
    w: Vec<f64>,
    /// `Z` then `U` of every tile.
    split: Vec<f64>,
    /// `B = D (Z + U)ᵀ`, `p x K`.
    right: Vec<f64>,
    /// `P = D Zᵀ`, `p x K`.
    product: Vec<f64>,
    /// `(α/ρ) LᵀL (W - W_ref)ᵀ`, `p x K`.
    pull: Vec<f64>,
    next: Vec<f64>,
    class: [Vec<f64>; 2],
    normal: Normal,
    /// Kept for balancing.
    gram: Option<Mat<f64>>,
    /// Upper bound of `‖D‖₂`.
    data_norm: f64,
    penalty: f64,
    changes: u32,
    primal: f64,
    dual: f64,
    /// Both residuals relative to what they are differences of.
    relative: [f64; 2],
    scratch: MlrScratch,
}

impl AdmmSoftmaxState {
    /// `Z` and `U`, tile after tile: for each, `Z` and then `U` as `(tile_capacity, K)`.
    pub fn split(&self) -> &[f64] {
        &self.split
    }
}

/// Upper bound of `‖D‖₂` from `G = D Dᵀ`.
fn data_norm(gram: &Mat<f64>) -> f64 {
    let columns = || (0..gram.ncols()).map(|j| gram.col_as_slice(j));
    let frobenius = columns().map(|c| c.iter().map(|v| v * v).sum::<f64>()).sum::<f64>().sqrt();
    let rows = columns().map(|c| c.iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max);
    frobenius.min(rows).sqrt()
}

impl Solver<Mlr> for AdmmSoftmax {
    const ID: &'static str = "admm-softmax";
    const ABOUT: &'static str =
        "ADMM that splits at the scores: one factorisation, one small problem per sample";
    type State = AdmmSoftmaxState;

    fn diagnostics(&self, _problem: &Mlr) -> Vec<Metric> {
        ["primal-residual", "dual-residual", "penalty", "certificate"]
            .map(Metric::diagnostic)
            .to_vec()
    }

    fn init(&self, problem: &Mlr, x0: &[f64], _: Seed) -> Result<AdmmSoftmaxState, SetupError> {
        require_positive("penalty", self.penalty)?;
        let admissible = self.relaxation > 0.0 && self.relaxation < 2.0;
        require("relaxation", self.relaxation, admissible, "between 0 and 2, both excluded")?;
        if let Some(Balancing { ratio, factor, .. }) = self.balancing {
            require("balancing.ratio", ratio, ratio > 1.0, "above 1")?;
            require("balancing.factor", factor, factor > 1.0, "above 1")?;
        }
        let (p, classes, dim) = (problem.weights(), problem.classes(), problem.dim());
        if x0.len() != dim {
            return Err(SetupError::Shape { what: "start", expected: dim, found: x0.len() });
        }
        let gram = problem.gram();
        let rho = self.penalty / problem.samples() as f64;
        let alpha = problem.ridge_weight();
        let normal = Normal::factor(&gram, 1.0, problem.operator(), alpha / rho)?;
        let mut scratch = problem.scratch();
        // Z = W D, U = 0; so B = P = G Wᵀ.
        let mut split = vec![0.0; problem.state_len(2 * classes)];
        problem.sweep(x0, 2 * classes, &mut split, None, &mut scratch, |tile| {
            let len = tile.capacity * classes;
            tile.state[..len].copy_from_slice(&tile.scores[..len]);
        });
        let mut product = vec![0.0; dim];
        let to = MatMut::from_column_major_slice_mut(&mut product, p, classes);
        let w = MatRef::from_column_major_slice(x0, p, classes);
        matmul(to, Accum::Replace, gram.as_ref(), w, 1.0, Par::Seq);
        Ok(AdmmSoftmaxState {
            w: x0.to_vec(),
            split,
            right: product.clone(),
            product,
            pull: vec![0.0; dim],
            next: vec![0.0; dim],
            class: [vec![0.0; p], vec![0.0; p]],
            normal,
            data_norm: data_norm(&gram),
            gram: self.balancing.map(|_| gram),
            penalty: self.penalty,
            changes: 0,
            primal: f64::NAN,
            dual: f64::NAN,
            relative: [f64::NAN; 2],
            scratch,
        })
    }

    fn setup_work(&self, problem: &Mlr) -> Work {
        Work { samples: 2 * problem.samples() as u64, factorizations: 1, ..Work::default() }
    }

    fn step(&self, problem: &Mlr, state: &mut AdmmSoftmaxState) -> Result<Step, Breakdown> {
        let factorizations = self.balance(problem, state)?;
        let AdmmSoftmaxState {
            w, split, right, product, pull, next, class, normal, scratch, ..
        } = state;
        let (classes, theta, s) = (problem.classes(), self.relaxation, state.penalty);
        let rho = s / problem.samples() as f64;
        let ratio = problem.ridge_weight() / rho;

        // (1), divided by ρ.
        w.copy_from_slice(right);
        if let Some(prior) = problem.prior() {
            normal_ridge(problem, ratio, prior, None, pull, class);
            w.iter_mut().zip(&*pull).for_each(|(w, c)| *w += c);
        }
        normal.solve_in_place(w);
        require_finite("iterate", w)?;
        normal_ridge(problem, ratio, w, problem.prior(), pull, class);

        // (2), (3) and the next right-hand side, in one pass.
        let sums = problem.sweep(w, 2 * classes, split, Some(next), scratch, |tile| {
            split_step(tile, classes, s, theta, self.prox, self.dual);
        });
        let [primal, inner, unfinished, scores, ..] = sums;
        if unfinished > 0.0 {
            return Err(Breakdown::NotConverged("proximal map"));
        }

        // P⁺, then the dual residual ρ [P⁺ - (2 - θ) P + (1 - θ) G Wᵀ].
        let (mut dual, mut multiplier) = (0.0, 0.0);
        for (((p, b), b_next), c) in
            product.iter_mut().zip(right.iter()).zip(next.iter()).zip(&*pull)
        {
            let gw = b - c;
            let new = 0.5 * (b_next - (1.0 - theta) * b - theta * c + (2.0 - theta) * *p);
            let gap = new - (2.0 - theta) * *p + (1.0 - theta) * gw;
            dual += gap * gap;
            multiplier += (b_next - new) * (b_next - new);
            *p = new;
        }
        std::mem::swap(right, next);
        state.primal = primal.sqrt();
        state.dual = rho * dual.sqrt();
        state.relative = [(primal / scores).sqrt(), (dual / multiplier).sqrt()];
        let samples = problem.samples() as u64;
        let work = Work {
            samples,
            solves: classes as u64,
            proxes: samples,
            inner: inner as u64,
            factorizations,
            ..Work::default()
        };
        Ok(Step { work, converged: false })
    }

    fn iterate<'s>(&self, state: &'s AdmmSoftmaxState) -> &'s [f64] {
        &state.w
    }

    fn diagnose(
        &self,
        problem: &Mlr,
        state: &AdmmSoftmaxState,
        _: &mut MlrScratch,
        row: &mut [f64],
    ) {
        let samples = problem.samples() as f64;
        let certificate = state.data_norm / (2.0 * samples) * state.primal + state.dual;
        row.copy_from_slice(&[state.primal, state.dual, state.penalty, certificate]);
    }
}

impl AdmmSoftmax {
    /// Changes the penalty if the residuals ask for it; returns the factorisations done.
    fn balance(&self, problem: &Mlr, state: &mut AdmmSoftmaxState) -> Result<u64, Breakdown> {
        let (Some(Balancing { ratio, factor, changes }), Some(gram)) =
            (self.balancing, &state.gram)
        else {
            return Ok(0);
        };
        let [primal, dual] = state.relative;
        let change = if primal > ratio * dual {
            factor
        } else if dual > ratio * primal {
            1.0 / factor
        } else {
            return Ok(0);
        };
        if state.changes >= changes {
            return Ok(0);
        }
        state.changes += 1;
        state.penalty *= change;
        // y = ρ U stays: U, and D Uᵀ = B - P, shrink as ρ grows.
        let classes = problem.classes();
        for tile in state.split.chunks_exact_mut(2 * classes * problem.tile_capacity()) {
            let half = tile.len() / 2;
            tile[half..].iter_mut().for_each(|u| *u /= change);
        }
        for (b, p) in state.right.iter_mut().zip(&state.product) {
            *b = p + (*b - p) / change;
        }
        let ridge = problem.ridge_weight() * problem.samples() as f64 / state.penalty;
        state
            .normal
            .refactor(gram, 1.0, problem.operator(), ridge)
            .map_err(|_| Breakdown::NotPositiveDefinite("normal matrix"))?;
        Ok(1)
    }
}

/// `out = ratio LᵀL (w - prior)ᵀ`, class by class.
fn normal_ridge(
    problem: &Mlr,
    ratio: f64,
    w: &[f64],
    prior: Option<&[f64]>,
    out: &mut [f64],
    [delta, operated]: &mut [Vec<f64>; 2],
) {
    let p = problem.weights();
    for (k, (w, out)) in w.chunks_exact(p).zip(out.chunks_exact_mut(p)).enumerate() {
        delta.copy_from_slice(w);
        if let Some(prior) = prior {
            delta.iter_mut().zip(&prior[k * p..]).for_each(|(d, w)| *d -= w);
        }
        problem.operator().apply(delta, operated);
        problem.operator().apply(operated, out);
        out.iter_mut().for_each(|v| *v *= ratio);
    }
}

/// (2) and (3) on a tile; leaves `Z⁺ + U⁺` in the scores and `‖Z⁺ - W D‖²`, the iterations and the
/// unfinished blocks in the sums.
fn split_step(
    tile: &mut Tile<'_>,
    classes: usize,
    s: f64,
    theta: f64,
    method: ProxMethod,
    dual: Dual,
) {
    let Tile { samples, capacity, labels, scores, state, work, sums, .. } = tile;
    let (capacity, arch) = (*capacity, Arch::new());
    let (z, u) = state.split_at_mut(capacity * classes);
    let scores = &mut scores[..capacity * classes];
    // The prox's argument v = θ W D + (1 - θ) Z - U takes the place of U.
    arch.dispatch(Argument { scores, z, u, theta });
    let prox = SoftmaxProx { method, penalty: s, reference: u, z, capacity, labels, work };
    let effort = prox.solve();
    sums[1] += effort.iterations;
    sums[2] += effort.unfinished;
    let [gap, size] = arch.dispatch(Update { scores, z, u, capacity, samples: *samples });
    sums[0] += gap;
    sums[3] += size;
    if dual == Dual::Implicit {
        implicit_dual(z, u, scores, capacity, labels, s);
    }
}

struct Argument<'a> {
    scores: &'a [f64],
    z: &'a [f64],
    u: &'a mut [f64],
    theta: f64,
}

impl WithSimd for Argument<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((u, score), z) in self.u.iter_mut().zip(self.scores).zip(self.z) {
            *u = self.theta * score + (1.0 - self.theta) * z - *u;
        }
    }
}

/// `U⁺ = Z⁺ - v` over `v`, `Z⁺ + U⁺` over the scores; returns `‖Z⁺ - scores‖²` and `‖Z⁺‖²`.
struct Update<'a> {
    scores: &'a mut [f64],
    z: &'a [f64],
    u: &'a mut [f64],
    capacity: usize,
    samples: usize,
}

impl WithSimd for Update<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 2] {
        let Self { scores, z, u, capacity, samples } = self;
        let (mut squares, mut sizes) = ([0.0; 8], [0.0; 8]);
        let columns = scores.chunks_exact_mut(capacity).zip(z.chunks_exact(capacity));
        for ((score, z), u) in columns.zip(u.chunks_exact_mut(capacity)) {
            for (j, ((score, z), u)) in
                score[..samples].iter_mut().zip(z).zip(u.iter_mut()).enumerate()
            {
                let gap = z - *score;
                squares[j % 8] += gap * gap;
                sizes[j % 8] += z * z;
                *u = z - *u;
                *score = z + *u;
            }
        }
        [squares.iter().sum(), sizes.iter().sum()]
    }
}

/// `U = (C - softmax(Z)) / s` (identity I1), and `Z + U` into the scores.
fn implicit_dual(
    z: &[f64],
    u: &mut [f64],
    scores: &mut [f64],
    capacity: usize,
    labels: &[u16],
    s: f64,
) {
    for (j, &label) in labels.iter().enumerate() {
        let column = || z.iter().skip(j).step_by(capacity);
        let max = column().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = column().map(|z| (z - max).exp()).sum();
        let mut others = 0.0;
        for (k, z) in column().enumerate().filter(|(k, _)| *k != label as usize) {
            let p = (z - max).exp() / total;
            others += p;
            u[k * capacity + j] = -p / s;
        }
        u[label as usize * capacity + j] = others / s;
        for (k, z) in column().enumerate() {
            scores[k * capacity + j] = z + u[k * capacity + j];
        }
    }
}

/// `t` with `s t (eᵗ + K - 1) = K`: the first proximal point from zero is `t (C - 1/K)` (identity I3).
pub(crate) fn first_target(s: f64, classes: usize) -> f64 {
    let k = classes as f64;
    // ln t + ln(eᵗ + K - 1) = ln(K/s) is increasing in t: bisection, then nothing is left to chance.
    let goal = (k / s).ln();
    let side = |t: f64| t.ln() + t + ((k - 1.0) * (-t).exp()).ln_1p() - goal;
    let (mut low, mut high) = (f64::MIN_POSITIVE, 1.0 / s + 1.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if side(middle) < 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
