//! Plug-and-play ADMM, with all blocks of measurements at every step or some.

use converge_problems::{Batch, BatchProx, Denoise, Metric, Seed, SetupError, require_positive};
use serde::{Deserialize, Serialize};

use super::denoising::Denoising;
use super::maps::Maps;
use super::selection::Draws;
use super::settled::Settled;
use super::{Decay, Reading, Selection, StrengthScaling, distance_squared, observe, write};
use crate::vector::add_scaled;
use crate::{Breakdown, Solver, Step, require_finite};

/// PnP-ADMM, and with a `batch` below the number of blocks its incremental form IPA.
///
/// Looks for `x = D(v)` with `0 ∈ γ ∂g(x) - (v - D(v))`, `g = (1/b) Σ g_i`; with `D = prox_{γ h}` that is
/// `min g(x) + h(x)`.
///
/// ```text
/// z⁺ = Ĝ(x + s)            prox_{γ g} of all blocks, or of the batch I of this step
/// x⁺ = D_σ(z⁺ - s)
/// s⁺ = s + x⁺ - z⁺,        s = 0 at the start
/// ```
///
/// | symbol | field |
/// |---|---|
/// | `γ` | `penalty`, `penalty-schedule` |
/// | `σ` | `strength`, `strength-schedule`, `strength-scaling` |
/// | `D` in place of `D_α = (1 - α) I + α D` | `denoiser-weight` is `α` |
/// | `p = \|I\|` | `batch` |
/// | `Ĝ` | `reading` |
/// | `I` | `selection` |
///
/// There is one `z` and one `s`, however many blocks. With `v = z⁺ - s`, `s⁺ = D(v) - v`, and with
/// `S = D - G(2D - I)` a step is `v⁺ = v - S_I(v)`; its fixed points with all blocks are the zeros of `S`.
/// When a schedule changes `γ`, `s` stays as it is, for `s = -R(v)` does not name `γ`.
///
/// Diagnostics:
/// - `fixed-point-residual`: `‖S(v)‖² = ‖x - G(x + s)‖²` with all blocks, at the penalty of the next step,
///   in rows whose step is a multiple of `residual-every`; at the start with its `x` in place of `D(v)`;
/// - `batch-residual`: `‖S_I(v)‖²` at the `v` before the last step, with its batch;
/// - `primal-residual`: `‖x - z‖`;
/// - `change`: of the last step, relative;
/// - `inner-gap`: the largest that inner solvers left in the last step, in the measure of the problem;
/// - `penalty` and `strength` of the last step, if they change.
///
/// Needs: [`BatchProx`], [`Denoise`]. Cost of a step: `p` proximal maps, as one or one by one; one
/// denoising; about 15 `dim` operations. Holds 4 vectors and what the problem's inner solvers start from;
/// with `reading = "avg"` 14 vectors more.
///
/// Not checked: that `g` is convex and `D` firmly nonexpansive, as the convergence theory asks.
///
/// Source: S. Venkatakrishnan, C. Bouman, B. Wohlberg, Plug-and-play priors for model based
/// reconstruction, IEEE Global Conf. Signal Inf. Process. 2013, 945-948; the incremental form: arXiv 2006.03224, sections 2.1 and 2.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PnpAdmm {
    /// `γ > 0`, the step of the proximal maps of the *mean* data term.
    pub penalty: f64,
    /// How it changes.
    pub penalty_schedule: Decay,
    /// `σ >= 0`, in the measure of the denoiser.
    pub strength: f64,
    /// How it changes.
    pub strength_schedule: Decay,
    /// What it is multiplied by.
    pub strength_scaling: StrengthScaling,
    /// `α > 0`: below 1 damps the denoiser, above 1 goes beyond it. With `D` firmly nonexpansive `D_α`
    /// is so up to 1 and nonexpansive up to 2.
    pub denoiser_weight: f64,
    /// Blocks a step, all of them if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// What the map of several blocks is.
    pub reading: Reading,
    /// Which blocks.
    pub selection: Selection,
    /// Steps between two looks at the residual with all blocks; 0 leaves its column out.
    pub residual_every: u64,
    /// The run has converged after three steps with a relative change below this; 0 never.
    pub tolerance: f64,
}

impl Default for PnpAdmm {
    fn default() -> Self {
        Self {
            penalty: 1.0,
            penalty_schedule: Decay::Constant,
            strength: 0.02,
            strength_schedule: Decay::Constant,
            strength_scaling: StrengthScaling::None,
            denoiser_weight: 1.0,
            batch: None,
            reading: Reading::Joint,
            selection: Selection::Iid,
            residual_every: 1,
            tolerance: 0.0,
        }
    }
}

impl PnpAdmm {
    fn denoising(&self) -> Denoising {
        Denoising {
            strength: self.strength,
            schedule: self.strength_schedule,
            scaling: self.strength_scaling,
            weight: self.denoiser_weight,
        }
    }

    fn penalty_at(&self, step: u64) -> f64 {
        self.penalty_schedule.at(self.penalty, step)
    }

    /// The names of parameters that change.
    fn changing(&self) -> impl Iterator<Item = &'static str> {
        let penalty = self.penalty_schedule != Decay::Constant;
        let strength = self.denoising().changes(self.penalty_schedule);
        [("penalty", penalty), ("strength", strength)]
            .into_iter()
            .filter_map(|(name, changes)| changes.then_some(name))
    }
}

/// State of [`PnpAdmm`].
#[derive(Clone)]
pub struct PnpAdmmState<W, S> {
    x: Vec<f64>,
    s: Vec<f64>,
    /// `v` of the last step.
    v: Vec<f64>,
    /// `x + s`, then the next `x`.
    room: Vec<f64>,
    maps: Maps<W, S>,
    draws: Draws,
    steps: u64,
    seed: Seed,
    settled: Settled,
    batch_residual: f64,
    primal_residual: f64,
    inner_gap: f64,
}

impl<W, S> PnpAdmmState<W, S> {
    /// The scaled multiplier `s = -R(v)`.
    pub fn multiplier(&self) -> &[f64] {
        &self.s
    }

    /// `v = z - s` of the last step, with the `s` before it: the variable of the fixed-point iteration.
    /// Zero before the first step.
    pub fn fixed_point_variable(&self) -> &[f64] {
        &self.v
    }

    /// The blocks of the last step, ascending.
    pub fn blocks(&self) -> &[u32] {
        self.draws.last()
    }
}

impl<P: BatchProx + Denoise> Solver<P> for PnpAdmm {
    const ID: &'static str = "pnp-admm";
    const ABOUT: &'static str = "Plug-and-play ADMM, on all blocks or incremental (IPA)";
    type State = PnpAdmmState<P::Warm, P::Scratch>;

    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        let full = (self.residual_every > 0).then_some("fixed-point-residual");
        let always = ["batch-residual", "primal-residual", "change", "inner-gap"];
        full.into_iter().chain(always).chain(self.changing()).map(Metric::diagnostic).collect()
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        require_positive("penalty", self.penalty)?;
        self.penalty_schedule.check(self.penalty)?;
        self.denoising().check()?;
        let settled = Settled::new(self.tolerance)?;
        let draws = Draws::new(problem.terms(), ("batch", self.batch), self.selection, seed)?;
        let blocks = problem.terms().unwrap_or(0);
        let zeros = || vec![0.0; x0.len()];
        Ok(PnpAdmmState {
            x: x0.to_vec(),
            s: zeros(),
            v: zeros(),
            room: zeros(),
            maps: Maps::new(problem, self.reading, (draws.size(), blocks)),
            draws,
            steps: 0,
            seed: seed.child("draw"),
            settled,
            batch_residual: f64::NAN,
            primal_residual: f64::NAN,
            inner_gap: f64::NAN,
        })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let PnpAdmmState { x, s, v, room, maps, draws, steps, seed, .. } = state;
        let penalty = self.penalty_at(*steps);
        draws.advance();
        let batch = Batch { terms: draws.last(), draw: seed.index(*steps) };
        add_scaled(x, 1.0, s, room);
        let spent = maps.apply(problem, batch, penalty, room, v); // z⁺ = Ĝ(x + s), kept in v
        state.batch_residual = distance_squared(x, v);
        v.iter_mut().zip(&*s).for_each(|(v, s)| *v -= s);
        self.denoising().apply(problem, (*steps, penalty), v, room, maps.scratch()); // x⁺ = D(v⁺)
        // x⁺ - z⁺ = s⁺ - s.
        let mut primal = 0.0;
        for ((s, x), v) in s.iter_mut().zip(&*room).zip(&*v) {
            let next = x - v;
            primal += (next - *s) * (next - *s);
            *s = next; // s⁺ = s + x⁺ - z⁺
        }
        let converged = state.settled.see(x, room, self.tolerance);
        std::mem::swap(x, room);
        state.primal_residual = primal.sqrt();
        state.inner_gap = spent.gap;
        *steps += 1;
        require_finite("iterate", x)?;
        Ok(Step { work: spent.work(), converged })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        &state.x
    }

    fn diagnose(
        &self,
        problem: &P,
        state: &Self::State,
        scratch: &mut P::Scratch,
        row: &mut [f64],
    ) {
        let residual = observe(self.residual_every, state.steps, || {
            let mut u = vec![0.0; state.x.len()];
            let mut z = u.clone();
            add_scaled(&state.x, 1.0, &state.s, &mut u);
            let penalty = self.penalty_at(state.steps);
            state.maps.full(problem, penalty, &u, &mut z, scratch);
            distance_squared(&state.x, &z)
        });
        let PnpAdmmState { batch_residual, primal_residual, settled, inner_gap, .. } = state;
        let always = [*batch_residual, *primal_residual, settled.change, *inner_gap];
        let last = state.steps.saturating_sub(1);
        let penalty = self.penalty_at(last);
        let changing = self.changing().map(|name| match name {
            "penalty" => penalty,
            _ => self.denoising().strength(last, penalty),
        });
        write(row, residual.into_iter().chain(always).chain(changing));
    }
}
