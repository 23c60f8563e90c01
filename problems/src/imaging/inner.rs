//! Proximal maps without a closed form.

use serde::{Deserialize, Serialize};

use super::operators::{Operator, Room};
use super::{Loss, Measurements};
use crate::numerics::conjugate_gradient::ConjugateGradient;
use crate::numerics::vector::{axpy, dot, norm};
use crate::{Inner, SetupError, require, require_positive};

/// When an inner solver stops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct InnerChoice {
    /// Least squares: `‖r‖ <= tolerance · ‖right side‖` of the normal equations; their matrix is at
    /// least `I`, so the error is at most `‖r‖`. Convex terms: a duality gap of at most
    /// `tolerance · (1 + value)`; half the squared error is at most the gap. Amplitudes, for which no
    /// bound is known: a relative change of at most `tolerance`. Intensities: a gradient of at most
    /// `tolerance · (1 + ‖v‖)`.
    pub tolerance: f64,
    /// At most so many iterations, or of amplitudes so many rounds.
    pub iterations: u64,
}

impl Default for InnerChoice {
    fn default() -> Self {
        Self { tolerance: 1e-9, iterations: 2000 }
    }
}

impl InnerChoice {
    pub(super) fn check(self) -> Result<(), SetupError> {
        require_positive("inner.tolerance", self.tolerance)?;
        require("inner.iterations", self.iterations, self.iterations >= 1, "at least 1")
    }
}

/// What the last proximal maps left, for inner solvers to start from.
#[derive(Clone, Debug)]
pub struct Warm {
    /// The last answer; empty where it is not needed.
    pub(super) x: Vec<f64>,
    /// Dual variables of all measurements, in the domain of the conjugate; empty likewise.
    pub(super) dual: Vec<f64>,
    /// Whether `x` is one.
    pub(super) started: bool,
}

/// Temporaries of inner solvers; those that a problem does not need are empty.
#[derive(Clone, Debug)]
pub(super) struct Buffers {
    pub(super) cg: ConjugateGradient,
    pub(super) right: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    pub(super) old_x: Vec<f64>,
    /// Dual variables before the last step, predictions of both.
    pub(super) duals: [Vec<f64>; 3],
    /// Measurements with phases.
    pub(super) target: Measurements,
}

/// `min_x ‖x - v‖²/2 + weight Σ_{i in terms} f_i(x)` against `data`.
#[derive(Clone, Copy)]
pub(super) struct Pull<'a> {
    pub(super) operator: &'a dyn Operator,
    pub(super) terms: &'a [u32],
    pub(super) weight: f64,
    pub(super) data: &'a Measurements,
    pub(super) inner: InnerChoice,
    /// From above, of the stacked blocks; used by the dual method alone.
    pub(super) norm_squared: f64,
}

/// What all inner solvers need of the scratch: the operator's temporaries and a block of measurements.
pub(super) struct Work<'a> {
    pub(super) room: &'a mut Room,
    pub(super) block: &'a mut [f64],
}

/// A step that lowers the value by less than this share of it is lost in its rounding.
const ROUNDING: f64 = 1e-14;

impl Pull<'_> {
    fn blocks(&self) -> impl Iterator<Item = usize> + '_ {
        self.terms.iter().map(|&term| term as usize)
    }

    /// Least squares by the normal equations `(I + w Σ A_i'A_i) x = v + w Σ A_i'y_i`, in closed form
    /// or by conjugate gradients for the correction of the last answer.
    pub(super) fn least_squares(
        &self,
        v: &[f64],
        x: &mut [f64],
        warm: &mut Warm,
        buffers: &mut Buffers,
        work: &mut Work<'_>,
    ) -> Inner {
        let Self { operator, terms, weight, data, inner, .. } = *self;
        if operator.solves_least_squares() {
            operator.least_squares(terms, weight, data, v, x, work.room);
            return Inner::default();
        }
        let Buffers { cg, right, gradient, .. } = buffers;
        right.copy_from_slice(v);
        for block in self.blocks() {
            operator.adjoint(block, weight, data.block(block), right, work.room);
        }
        let mut apply = |x: &[f64], out: &mut [f64]| {
            out.copy_from_slice(x);
            for block in self.blocks() {
                let y = &mut work.block[..data.block(block).len()];
                operator.forward(block, x, y, work.room);
                operator.adjoint(block, weight, y, out, work.room);
            }
        };
        x.copy_from_slice(if warm.started { &warm.x } else { v });
        apply(x, gradient);
        axpy(-1.0, right, gradient);
        let (start, target) = (norm(gradient), inner.tolerance * norm(right));
        let mut left = Inner { iterations: 0, gap: start };
        if start > target {
            let solved = cg.solve(gradient, target / start, inner.iterations, apply);
            axpy(1.0, &cg.solution, x);
            left = Inner { iterations: solved.products, gap: cg.residual_norm() };
        }
        warm.keep(x);
        left
    }

    /// Convex terms by their dual,
    ///
    /// ```text
    /// min_q (w/2) ‖A'q‖² - <q, A v> + φ*(q),   x = v - w A'q
    /// ```
    ///
    /// with accelerated proximal gradients of step `1/(w ‖A‖²)` that restart where they turn back
    /// (Beck and Teboulle 2009; O'Donoghue and Candès 2015). The predictions `A x` are kept beside the
    /// dual variables, so that those of the extrapolated point cost nothing, nor does the gap
    /// `w (φ(A x) + φ*(q) - <q, A x>)` (specification 2.8.5). An iteration is one product there and
    /// one back.
    pub(super) fn dual(
        &self,
        loss: Loss,
        v: &[f64],
        x: &mut [f64],
        warm: &mut Warm,
        buffers: &mut Buffers,
        work: &mut Work<'_>,
    ) -> Inner {
        let Self { operator, weight, data, inner, .. } = *self;
        let [old_q, at, old_at] = &mut buffers.duals;
        let (q, room, extrapolated) = (&mut warm.dual, &mut *work.room, &mut *work.block);
        let step = (weight * self.norm_squared).recip();
        // x and A x of the dual variables at hand, their gap and the value.
        let mut primal = |q: &[f64], x: &mut [f64], at: &mut [f64]| {
            x.copy_from_slice(v);
            for block in self.blocks() {
                operator.adjoint(block, -weight, &q[data.range(block)], x, room);
            }
            let (mut value, mut gap) = (0.0, 0.0);
            for block in self.blocks() {
                let (y, q) = (data.block(block), &q[data.range(block)]);
                let at = &mut at[data.range(block)];
                operator.forward(block, x, at, room);
                let term = loss.value(operator.complex(), at, y);
                value += term;
                gap += term + loss.conjugate(q, y) - dot(q, at);
            }
            (weight * gap, 0.5 * distance_squared(x, v) + weight * value)
        };
        let (mut gap, mut value) = primal(q, x, at);
        for range in self.blocks().map(|block| data.range(block)) {
            old_q[range.clone()].copy_from_slice(&q[range.clone()]);
            old_at[range.clone()].copy_from_slice(&at[range]);
        }
        let (mut momentum, mut iterations) = (1.0_f64, 0);
        while gap > inner.tolerance * (1.0 + value) && iterations < inner.iterations {
            iterations += 1;
            let next = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
            let push = (momentum - 1.0) / next;
            momentum = next;
            let mut turning = 0.0;
            for block in self.blocks() {
                let (range, y) = (data.range(block), data.block(block));
                let (q, old_q) = (&mut q[range.clone()], &mut old_q[range.clone()]);
                let (at, old_at) = (&mut at[range.clone()], &mut old_at[range]);
                // The extrapolated q̃ = q + push (q - old q) and d = A x̃ - y in place of the old ones.
                let extrapolated = &mut extrapolated[..y.len()];
                for ((old, q), kept) in old_q.iter_mut().zip(&*q).zip(&mut *extrapolated) {
                    *old = q + push * (q - *old);
                    *kept = *old;
                }
                for ((old, at), y) in old_at.iter_mut().zip(&*at).zip(y) {
                    *old = at + push * (at - *old) - y;
                }
                loss.dual_step(operator.complex(), step, old_at, old_q);
                for ((new, q), kept) in old_q.iter().zip(&*q).zip(&*extrapolated) {
                    turning += (kept - new) * (new - q);
                }
                q.swap_with_slice(old_q);
                at.swap_with_slice(old_at);
            }
            (gap, value) = primal(q, x, at);
            if turning > 0.0 {
                momentum = 1.0;
            }
        }
        Inner { iterations, gap }
    }

    /// Amplitudes by majorization: in every round the measurements get the phases of the prediction,
    /// and what is left is `least-squares` or `l1` against them, which is nowhere below the term and
    /// equal to it where the round starts. The objective never rises; the limit is a stationary point,
    /// not always the best one.
    pub(super) fn amplitudes(
        &self,
        loss: Loss,
        v: &[f64],
        x: &mut [f64],
        warm: &mut Warm,
        buffers: &mut Buffers,
        work: &mut Work<'_>,
    ) -> Inner {
        let Self { operator, data, inner, .. } = *self;
        let mut target = std::mem::take(&mut buffers.target);
        let mut old_x = std::mem::take(&mut buffers.old_x);
        let mut spent = Inner { iterations: 0, gap: f64::INFINITY };
        let known = loss.with_known_phases();
        x.copy_from_slice(if warm.started { &warm.x } else { v });
        for _ in 0..inner.iterations {
            for block in self.blocks() {
                let w = &mut work.block[..target.block(block).len()];
                operator.forward(block, x, w, work.room);
                Loss::with_phases(
                    operator.complex(),
                    w,
                    data.block(block),
                    target.block_mut(block),
                );
            }
            old_x.copy_from_slice(x);
            let round = Pull { data: &target, ..*self };
            let solved = if known == Loss::L1 {
                round.dual(known, v, x, warm, buffers, work)
            } else {
                round.least_squares(v, x, warm, buffers, work)
            };
            spent.iterations += 1 + solved.iterations;
            let size = norm(x);
            let change = distance_squared(x, &old_x).sqrt();
            spent.gap = if size > 0.0 { change / size } else { change };
            if spent.gap <= inner.tolerance {
                break;
            }
        }
        warm.keep(x);
        buffers.target = target;
        buffers.old_x = old_x;
        spent
    }

    /// Intensities by gradient descent with the steps of Barzilai and Borwein (1988), halved until the
    /// value falls; a stationary point, not always the best one.
    pub(super) fn intensities(
        &self,
        loss: Loss,
        v: &[f64],
        x: &mut [f64],
        warm: &mut Warm,
        buffers: &mut Buffers,
        work: &mut Work<'_>,
    ) -> Inner {
        let Self { operator, weight, data, inner, .. } = *self;
        let Buffers { right: old_gradient, gradient, old_x, .. } = buffers;
        let mut evaluate = |x: &[f64], gradient: &mut [f64]| {
            gradient.iter_mut().zip(x).zip(v).for_each(|((g, x), v)| *g = x - v);
            let mut value = 0.5 * dot(gradient, gradient);
            for block in self.blocks() {
                let width = if operator.complex() { 2 } else { 1 };
                let w = &mut work.block[..width * data.block(block).len()];
                operator.forward(block, x, w, work.room);
                value += weight * loss.differentiate(operator.complex(), w, data.block(block));
                operator.adjoint(block, weight, w, gradient, work.room);
            }
            value
        };
        x.copy_from_slice(if warm.started { &warm.x } else { v });
        let target = inner.tolerance * (1.0 + norm(v));
        let mut value = evaluate(x, gradient);
        let mut spent = Inner { iterations: 0, gap: norm(gradient) };
        let mut step = 1.0;
        'descent: while spent.gap > target && spent.iterations < inner.iterations {
            old_x.copy_from_slice(x);
            old_gradient.copy_from_slice(gradient);
            let (start, slope) = (value, spent.gap * spent.gap);
            loop {
                spent.iterations += 1;
                x.iter_mut().zip(&*old_x).zip(&*old_gradient).for_each(|((x, old), g)| {
                    *x = old - step * g;
                });
                value = evaluate(x, gradient);
                if value <= start - 1e-4 * step * slope + ROUNDING * start {
                    break;
                }
                step *= 0.5;
                if spent.iterations >= inner.iterations || step * slope <= ROUNDING * start {
                    // Nothing lower is to be found.
                    x.copy_from_slice(old_x);
                    break 'descent;
                }
            }
            let moved = distance_squared(x, old_x);
            let bent: f64 = x
                .iter()
                .zip(&*old_x)
                .zip(gradient.iter().zip(&*old_gradient))
                .map(|((x, old), (g, old_g))| (x - old) * (g - old_g))
                .sum();
            step = if bent > 0.0 { moved / bent } else { 1.0 };
            spent.gap = norm(gradient);
        }
        warm.keep(x);
        spent
    }
}

impl Warm {
    /// One without room, to stand in while another is in use.
    pub(super) fn empty() -> Self {
        Self { x: Vec::new(), dual: Vec::new(), started: false }
    }

    /// As new, in the same memory.
    pub(super) fn forget(&mut self) {
        self.dual.fill(0.0);
        self.started = false;
    }

    fn keep(&mut self, x: &[f64]) {
        self.x.copy_from_slice(x);
        self.started = true;
    }
}

fn distance_squared(x: &[f64], v: &[f64]) -> f64 {
    x.iter().zip(v).map(|(x, v)| (x - v).powi(2)).sum()
}
