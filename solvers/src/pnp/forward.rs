//! What the forward–backward methods share: a gradient step, then the denoiser.

use converge_problems::{Batch, BatchGradient, Denoise, Metric, Problem, Seed, SetupError};

use super::denoising::Denoising;
use super::gradients::Gradients;
use super::selection::Draws;
use super::settled::Settled;
use super::{Decay, Selection, StepSize, all_terms, distance_squared, observe, write};
use crate::vector::add_scaled;
use crate::{Breakdown, Step, Work, require_finite};

/// The parameters of one of the methods,
///
/// ```text
/// x⁺ = D_σ(q - γ ∇g_I(q)),   q⁺ = x⁺ + β (x⁺ - x)
/// ```
///
/// with `β = 0`, or `β = (t - 1)/t⁺`, `t⁺ = (1 + √(1 + 4t²))/2` where `accelerate`.
pub(super) struct Forward {
    pub(super) step_size: StepSize,
    pub(super) step_schedule: Decay,
    pub(super) denoising: Denoising,
    /// The field and the number of blocks a step.
    pub(super) batch: (&'static str, Option<usize>),
    pub(super) selection: Selection,
    pub(super) accelerate: bool,
    pub(super) residual_every: u64,
    pub(super) tolerance: f64,
}

/// State of [`PnpIsta`](super::PnpIsta), [`PnpFista`](super::PnpFista), [`PnpSgd`](super::PnpSgd).
#[derive(Clone)]
pub struct ForwardState<S> {
    x: Vec<f64>,
    /// `q`; empty without acceleration, when it is `x`.
    ahead: Vec<f64>,
    /// The gradient, then the point to denoise.
    gradient: Vec<f64>,
    /// The next `x`.
    next: Vec<f64>,
    /// `t`.
    momentum: f64,
    /// `γ` before its schedule.
    step_size: f64,
    gradients: Gradients<S>,
    draws: Draws,
    steps: u64,
    seed: Seed,
    settled: Settled,
}

impl Forward {
    pub(super) fn diagnostics(&self) -> Vec<Metric> {
        let full = (self.residual_every > 0).then_some("fixed-point-residual");
        let strength = self.denoising.changes(self.step_schedule).then_some("strength");
        let always = ["change", "step-size"];
        full.into_iter().chain(always).chain(strength).map(Metric::diagnostic).collect()
    }

    /// Work of the search for a step size.
    pub(super) fn setup_work<P: Problem>(&self, problem: &P) -> Work {
        self.step_size.work(self.curvature_terms(problem).len())
    }

    /// The blocks whose mean the method goes down: those it will never leave, or all.
    fn curvature_terms<P: Problem>(&self, problem: &P) -> Vec<u32> {
        let (batch, rule) = (self.batch, self.selection);
        if rule == Selection::Fixed
            && let Ok(mut draws) = Draws::new(problem.terms(), batch, rule, Seed::root(0))
        {
            draws.advance();
            return draws.last().to_vec();
        }
        all_terms(problem)
    }

    pub(super) fn init<P: BatchGradient + Denoise>(
        &self,
        problem: &P,
        x0: &[f64],
        seed: Seed,
    ) -> Result<ForwardState<P::Scratch>, SetupError> {
        self.denoising.check()?;
        let settled = Settled::new(self.tolerance)?;
        let draws = Draws::new(problem.terms(), self.batch, self.selection, seed)?;
        let terms = self.curvature_terms(problem);
        let step_size = self.step_size.find(problem, &terms, 0.0, x0, seed)?;
        self.step_schedule.check(step_size)?;
        Ok(ForwardState {
            x: x0.to_vec(),
            ahead: if self.accelerate { x0.to_vec() } else { Vec::new() },
            gradient: vec![0.0; x0.len()],
            next: vec![0.0; x0.len()],
            momentum: 1.0,
            step_size,
            gradients: Gradients::new(problem, draws.size()),
            draws,
            steps: 0,
            seed: seed.child("draw"),
            settled,
        })
    }

    /// `γ` of step `step`.
    fn step_at<S>(&self, state: &ForwardState<S>, step: u64) -> f64 {
        self.step_schedule.at(state.step_size, step)
    }

    pub(super) fn step<P: BatchGradient + Denoise>(
        &self,
        problem: &P,
        state: &mut ForwardState<P::Scratch>,
    ) -> Result<Step, Breakdown> {
        let step_size = self.step_at(state, state.steps);
        let ForwardState { x, ahead, gradient, next, momentum, gradients, draws, steps, .. } =
            state;
        draws.advance();
        let (terms, draw) = (draws.last(), state.seed.index(*steps));
        let q: &[f64] = if self.accelerate { ahead } else { x };
        gradients.of(problem, terms, draw, q, gradient);
        gradient.iter_mut().zip(q).for_each(|(g, q)| *g = q - step_size * *g);
        let at = (*steps, step_size);
        self.denoising.apply(problem, at, gradient, next, gradients.scratch());
        let converged = state.settled.see(x, next, self.tolerance);
        if self.accelerate {
            let t = 0.5 * (1.0 + (1.0 + 4.0 * *momentum * *momentum).sqrt());
            let beta = (*momentum - 1.0) / t;
            for ((q, next), x) in ahead.iter_mut().zip(&*next).zip(&*x) {
                *q = next + beta * (next - x);
            }
            *momentum = t;
        }
        std::mem::swap(x, next);
        *steps += 1;
        require_finite("iterate", x)?;
        let samples = terms.len() as u64;
        Ok(Step { work: Work { samples, gradients: 1, ..Work::default() }, converged })
    }

    /// `‖x - D(x - γ ∇g(x))‖²` with all blocks, where it is due; the change, `γ`, and `σ` if it changes.
    pub(super) fn diagnose<P: BatchGradient + Denoise>(
        &self,
        problem: &P,
        state: &ForwardState<P::Scratch>,
        scratch: &mut P::Scratch,
        row: &mut [f64],
    ) {
        let residual =
            observe(self.residual_every, state.steps, || self.residual(problem, state, scratch));
        let last = state.steps.saturating_sub(1);
        let step_size = self.step_at(state, last);
        let others = [state.settled.change, step_size, self.denoising.strength(last, step_size)];
        write(row, residual.into_iter().chain(others));
    }

    fn residual<P: BatchGradient + Denoise>(
        &self,
        problem: &P,
        state: &ForwardState<P::Scratch>,
        scratch: &mut P::Scratch,
    ) -> f64 {
        let x = &state.x;
        let (mut g, mut v) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let all = all_terms(problem);
        let step_size = self.step_at(state, state.steps);
        problem.batch_gradient(Batch { terms: &all, draw: state.seed }, x, &mut g, scratch);
        add_scaled(x, -step_size, &g, &mut v);
        self.denoising.apply(problem, (state.steps, step_size), &v, &mut g, scratch);
        distance_squared(x, &g)
    }
}

impl<S> ForwardState<S> {
    /// The point that the metrics see.
    pub(super) fn x(&self) -> &[f64] {
        &self.x
    }

    /// The blocks of the last step, ascending.
    pub fn blocks(&self) -> &[u32] {
        self.draws.last()
    }

    /// `γ` before its schedule.
    pub fn step_size(&self) -> f64 {
        self.step_size
    }
}
