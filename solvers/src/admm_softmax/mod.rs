//! ADMM-Softmax: a least-squares problem and a small problem per sample, in turn.

mod adaptation;
mod split_step;

use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Metric, Problem, Seed, SetupError, require, require_positive};
use serde::{Deserialize, Serialize};

pub use self::adaptation::{Adaptation, Balancing, Spectral};
use self::adaptation::{CURVATURES, Seen};
use self::split_step::SplitStep;
use crate::anderson::{Anderson, Mixer};
use crate::least_squares::{LeastSquares, LeastSquaresSystem, Right, Tolerance, add_pull};
use crate::softmax_prox::ProxMethod;
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
/// | rule of the penalty: residual balancing or spectral | `adaptation` |
/// | Anderson acceleration | `anderson` |
/// | how (1) is solved | `least_squares` |
///
/// Starts at `W = x0`, `Z = W D`, `U = 0`. From `x0 = 0` without reference weights the first step
/// leaves `W = 0` and the second gives the [ridge classifier](crate::RidgeClassifier).
///
/// Needs: [`Mlr`] itself, for its features and its sweep. Set-up: that of the least-squares method, by
/// default one product `N p²` flops and one Cholesky factorisation `p³/3`, and one pass for `Z`. A step
/// reads the data once (scores, (2), (3) and the next right-hand side `D (Z + U)ᵀ`, tile after tile):
/// `4 N p K` flops beside (1), by default `2 p² K`, and beside (2), which takes `i K` exponentials and
/// about `30 i K` flops per sample for `i` Newton iterations; bytes: the stored data, the factor twice,
/// and `4 N K` doubles. Holds `2 N K + 5 p K` doubles (`3 N K` with a tolerance relative to the last
/// step) and what the method of (1) holds:
///
/// | [`LeastSquares`] | set-up, flops | (1) in a step, flops | after a change of `ρ` | doubles |
/// |---|---|---|---|---|
/// | `cholesky` | `N p² + p³/3` | `2 p² K` | `p³/3` | `p²` |
/// | `qr` | `4 N p² + 4 p³` | `4 p² K` and a pass | `10 p³/3` | `2 p² + N K` |
/// | `eigen` | `N p² + 9 p³` | `4 p² K` | nothing | `p²` |
/// | `woodbury`, for `N < p` | `N² p + N³/3` | `2 N p K + 2 N² K` | `N³/3` | `N p + N²` |
/// | `cg`, `lsqr` | 5 passes | a pass an iteration (`lsqr`: and one) | nothing | `6 p K`, `(N + 7 p) K` |
///
/// Diagnostics: `primal-residual` `‖Z - W D‖`; `dual-residual`
/// `‖ρ D (Z⁺ - Z - (1 - θ)(Z - W⁺D))ᵀ‖`, which for `θ = 1` is the usual `ρ D (Z⁺ - Z)ᵀ`; `penalty` `s`;
/// `certificate` `‖D‖₂ / (2N) · primal + ‖dual + ρ e‖`, an upper bound of `‖∇J(W)‖`, where the dual
/// residual is taken as a matrix, `e` is the residual that an inexact (1) leaves, and `‖D‖₂` an upper
/// bound; `linear-residual` `ρ ‖e‖`, for `cg` and `lsqr` only. None of them costs a pass: with
/// `P = D Zᵀ`, `B = D (Z + U)ᵀ`, `C = (α/ρ) LᵀL (W⁺ - W_ref)ᵀ + e` and `G W⁺ᵀ = B - C` from (1),
/// `2 P⁺ = B⁺ - (1 - θ) B - θ C + (2 - θ) P`; rounding in `P` shrinks from step to step for `θ > 0`. They
/// are NaN before the first step. With Anderson acceleration `rejected-steps` counts the points that were
/// given up.
///
/// Work: `samples` counts every pass, those of inner iterations too; `inner-iterations` adds those of
/// the least-squares method, class by class, to those of (2).
///
/// In mixed precision the products with the data are `f32`; factor, (2) and (3) stay `f64`.
///
/// A proximal map that needs more than 100 iterations ends the run ([`Breakdown::NotConverged`]). Not
/// checked: the conditioning of the normal matrix.
///
/// Source: "ADMM-Softmax: An ADMM Approach for Multinomial Logistic Regression", ETNA 52 (2020),
/// 214–229, and its release. Deviations: by default Cholesky with diagonal scaling instead of QR of the
/// normal matrix, exact per-sample prox instead of a joint Newton-CG, one pass instead of three, the dual
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
    /// How the penalty changes; it stays by default, as in the published runs.
    pub adaptation: Option<Adaptation>,
    /// How (1) is solved.
    pub least_squares: LeastSquares,
    /// Extrapolation of the iteration; off by default.
    pub anderson: Option<Anderson>,
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

impl Default for AdmmSoftmax {
    fn default() -> Self {
        Self {
            penalty: 0.1,
            relaxation: 1.0,
            prox: ProxMethod::default(),
            dual: Dual::default(),
            adaptation: None,
            least_squares: LeastSquares::default(),
            anderson: None,
        }
    }
}

/// State of [`AdmmSoftmax`].
#[derive(Clone)]
pub struct AdmmSoftmaxState {
    /// `Wᵀ`, `p x K`.
    w: Vec<f64>,
    /// `Z` then `U` of every tile; then the last `Z`, if a tolerance is relative to the last step;
    /// then what the spectral rule remembers.
    split: Vec<f64>,
    /// `B = D (Z + U)ᵀ`, `p x K`.
    right: Vec<f64>,
    /// `P = D Zᵀ`, `p x K`.
    product: Vec<f64>,
    /// `(α/ρ) LᵀL (W - W_ref)ᵀ`, `p x K`.
    pull: Vec<f64>,
    next: Vec<f64>,
    class: [Vec<f64>; 2],
    system: LeastSquaresSystem,
    penalty: f64,
    changes: u32,
    primal: f64,
    dual: f64,
    /// `ρ ‖e‖`.
    linear: f64,
    /// The dual residual with what (1) left.
    stationarity: f64,
    /// `√(‖ΔZ‖² + ‖ΔU‖²)`, where a tolerance asks for it.
    change: f64,
    /// Both residuals relative to what they are differences of.
    relative: [f64; 2],
    /// What the spectral rule saw in the last step; NaN where it did not look.
    curvatures: [f64; CURVATURES],
    steps: u64,
    mixer: Option<Mixer>,
    scratch: MlrScratch,
}

impl AdmmSoftmaxState {
    /// `Z` and `U`, tile after tile: for each, `Z` and then `U` as `(tile_capacity, K)`; with a
    /// relative tolerance of the inner iterations, the last `Z` too, and with the spectral rule
    /// four more arrays.
    pub fn split(&self) -> &[f64] {
        &self.split
    }

    /// `D (Z + U)ᵀ`, `p x K`: the right-hand side of the next least-squares problem, without its
    /// reference weights.
    pub fn right(&self) -> &[f64] {
        &self.right
    }
}

impl Solver<Mlr> for AdmmSoftmax {
    const ID: &'static str = "admm-softmax";
    const ABOUT: &'static str =
        "ADMM that splits at the scores: one factorisation, one small problem per sample";
    type State = AdmmSoftmaxState;

    fn diagnostics(&self, _problem: &Mlr) -> Vec<Metric> {
        let names = ["primal-residual", "dual-residual", "penalty", "certificate"];
        // Direct methods leave nothing but rounding.
        let inner = self.least_squares.iterative().map(|_| "linear-residual");
        let given_up = self.anderson.map(|_| "rejected-steps");
        names.into_iter().chain(inner).chain(given_up).map(Metric::diagnostic).collect()
    }

    fn init(&self, problem: &Mlr, x0: &[f64], seed: Seed) -> Result<AdmmSoftmaxState, SetupError> {
        self.check()?;
        let (p, classes, dim) = (problem.weights(), problem.classes(), problem.dim());
        if x0.len() != dim {
            return Err(SetupError::Shape { what: "start", expected: dim, found: x0.len() });
        }
        let rho = self.penalty / problem.samples() as f64;
        let ratio = problem.ridge_weight() / rho;
        let system = LeastSquaresSystem::new(&self.least_squares, problem, ratio, seed)?;
        let mut scratch = problem.scratch();
        // Z = W D, U = 0; so B = P = G Wᵀ.
        let width = self.width() * classes;
        let mut split = vec![0.0; problem.state_len(width)];
        let mut product = vec![0.0; dim];
        problem.sweep(x0, width, &mut split, Some(&mut product), &mut scratch, |tile| {
            let len = tile.capacity * classes;
            tile.state[..len].copy_from_slice(&tile.scores[..len]);
        });
        // What the map takes is Z and U; B and P follow linearly.
        let mixer = self.anderson.map(|anderson| Mixer::new(anderson, split.len(), dim));
        Ok(AdmmSoftmaxState {
            w: x0.to_vec(),
            mixer,
            split,
            right: product.clone(),
            product,
            pull: vec![0.0; dim],
            next: vec![0.0; dim],
            class: [vec![0.0; p], vec![0.0; p]],
            system,
            penalty: self.penalty,
            changes: 0,
            primal: f64::NAN,
            dual: f64::NAN,
            linear: f64::NAN,
            stationarity: f64::NAN,
            change: f64::NAN,
            relative: [f64::NAN; 2],
            curvatures: [f64::NAN; CURVATURES],
            steps: 0,
            scratch,
        })
    }

    fn setup_work(&self, problem: &Mlr) -> Work {
        let mut work = self.least_squares.setup_work(problem);
        work.samples += problem.samples() as u64;
        work
    }

    fn step(&self, problem: &Mlr, state: &mut AdmmSoftmaxState) -> Result<Step, Breakdown> {
        let factorizations = self.adapt(problem, state)?;
        let AdmmSoftmaxState {
            w,
            split,
            right,
            product,
            pull,
            next,
            class,
            system,
            mixer,
            scratch,
            ..
        } = state;
        let (classes, theta, s) = (problem.classes(), self.relaxation, state.penalty);
        let (rho, width) = (s / problem.samples() as f64, self.width() * classes);

        // (1), divided by ρ, with the residual e = B - (α/ρ) LᵀL (W - W_ref)ᵀ - G Wᵀ.
        let capacity = problem.tile_capacity();
        let data = |first: usize, to: &mut [f64]| {
            let (z, u) = split[first * width..].split_at(capacity * classes);
            to.iter_mut().zip(z).zip(u).for_each(|((f, z), u)| *f = z + u);
        };
        let target = Right { product: right, data: &data, step: state.change };
        let effort = system.solve(problem, &target, w, scratch)?;
        require_finite("iterate", w)?;
        pull.fill(0.0);
        add_pull(problem, system.ratio(), w, problem.prior(), pull, class);

        // (2), (3) and the next right-hand side, in one pass.
        let step = SplitStep {
            classes,
            s,
            rho,
            theta,
            method: self.prox,
            dual: self.dual,
            keeps_last: self.keeps_last(),
            spectral: self.spectral().is_some_and(|rule| rule.looks_at(state.steps)),
        };
        let sums = problem.sweep(w, width, split, Some(next), scratch, |tile| step.run(tile));
        let [primal, inner, unfinished, scores, moved] = [0, 1, 2, 3, 4].map(|i| sums[i]);
        if step.spectral && self.spectral().is_some_and(|rule| rule.remembers(state.steps)) {
            state.curvatures.copy_from_slice(&sums[5..5 + CURVATURES]);
        }
        state.steps += 1;
        if unfinished > 0.0 {
            return Err(Breakdown::NotConverged("proximal map"));
        }

        // P⁺, then the dual residual ρ [P⁺ - (2 - θ) P + (1 - θ) G Wᵀ]; with e it is what the
        // gradient of the Lagrangian is at the new iterates.
        let (mut dual, mut multiplier, mut stationarity, mut linear) = (0.0, 0.0, 0.0, 0.0);
        let residual = system.residual();
        for (i, (((p, b), b_next), c)) in
            product.iter_mut().zip(right.iter()).zip(next.iter()).zip(&*pull).enumerate()
        {
            let e = residual.map_or(0.0, |e| e[i]);
            let c = c + e;
            let gw = b - c;
            let new = 0.5 * (b_next - (1.0 - theta) * b - theta * c + (2.0 - theta) * *p);
            let gap = new - (2.0 - theta) * *p + (1.0 - theta) * gw;
            dual += gap * gap;
            stationarity += (gap + e) * (gap + e);
            linear += e * e;
            multiplier += (b_next - new) * (b_next - new);
            *p = new;
        }
        std::mem::swap(right, next);
        if let Some(mixer) = mixer {
            mixer.mix(split, [right, product]);
        }
        state.primal = primal.sqrt();
        state.dual = rho * dual.sqrt();
        state.stationarity = rho * stationarity.sqrt();
        state.linear = rho * linear.sqrt();
        state.change = moved.sqrt();
        state.relative = [(primal / scores).sqrt(), (dual / multiplier).sqrt()];
        let samples = problem.samples() as u64;
        let work = Work {
            samples: (1 + effort.passes) * samples,
            solves: effort.solves,
            proxes: samples,
            inner: inner as u64 + effort.iterations,
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
        let certificate =
            state.system.data_norm() / (2.0 * samples) * state.primal + state.stationarity;
        let (head, rest) = row.split_at_mut(4);
        head.copy_from_slice(&[state.primal, state.dual, state.penalty, certificate]);
        let inner = self.least_squares.iterative().map(|_| state.linear);
        let rejected = state.mixer.as_ref().map(|mixer| mixer.rejected() as f64);
        for (place, value) in rest.iter_mut().zip(inner.into_iter().chain(rejected)) {
            *place = value;
        }
    }
}

impl AdmmSoftmax {
    fn check(&self) -> Result<(), SetupError> {
        require_positive("penalty", self.penalty)?;
        let theta = self.relaxation;
        let admissible = theta > 0.0 && theta < 2.0;
        require("relaxation", theta, admissible, "between 0 and 2, both excluded")?;
        if let Some(adaptation) = self.adaptation {
            adaptation.check(theta)?;
        }
        if let Some(anderson) = self.anderson {
            anderson.check()?;
            let alone = "absent beside a spectral penalty or a tolerance relative to the last step";
            require("anderson.memory", anderson.memory, self.width() == 2, alone)?;
        }
        Ok(())
    }

    /// Changes the penalty if its rule asks for it; returns the factorisations done.
    fn adapt(&self, problem: &Mlr, state: &mut AdmmSoftmaxState) -> Result<u64, Breakdown> {
        let Some(adaptation) = self.adaptation else { return Ok(0) };
        let seen = Seen { relative: state.relative, curvatures: state.curvatures };
        let factor =
            adaptation.factor(problem.samples() as f64, state.penalty, state.changes, &seen);
        state.curvatures = [f64::NAN; CURVATURES];
        if (factor - 1.0).abs() <= 0.0 {
            return Ok(0);
        }
        state.changes += 1;
        state.penalty *= factor;
        // y = ρ U stays: U, and D Uᵀ = B - P, shrink as ρ grows.
        let classes = problem.classes();
        let part = classes * problem.tile_capacity();
        for tile in state.split.chunks_exact_mut(self.width() * part) {
            tile[part..2 * part].iter_mut().for_each(|u| *u /= factor);
        }
        for (b, p) in state.right.iter_mut().zip(&state.product) {
            *b = p + (*b - p) / factor;
        }
        if let Some(mixer) = &mut state.mixer {
            // Another map now: what is known of the last one says nothing.
            mixer.restart();
        }
        let ridge = problem.ridge_weight() * problem.samples() as f64 / state.penalty;
        state.system.set_ratio(problem, ridge)
    }

    /// Whether a tolerance is relative to the last step.
    fn keeps_last(&self) -> bool {
        let iterative = self.least_squares.iterative();
        iterative.is_some_and(|it| matches!(it.tolerance, Tolerance::Relative { .. }))
    }

    /// Numbers of the split per class and sample.
    fn width(&self) -> usize {
        2 + usize::from(self.keeps_last()) + self.spectral().map_or(0, |_| 4)
    }

    fn spectral(&self) -> Option<Spectral> {
        match self.adaptation {
            Some(Adaptation::Spectral(spectral)) => Some(spectral),
            _ => None,
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
