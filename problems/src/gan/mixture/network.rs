//! Networks with one hidden layer, their derivatives, and the derivative of their input gradient.

use serde::{Deserialize, Serialize};

use crate::numerics::tanh;

/// The nonlinearity `φ` of the hidden layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The hyperbolic tangent.
    #[default]
    Tanh,
    /// The positive part; its second derivative is taken to be 0 everywhere.
    Relu,
}

/// `x ↦ W₂ φ(W₁x + b₁) + b₂`.
///
/// The parameters are one array: `W₁` column by column, `b₁`, `W₂` row by row, `b₂`, so that all inner
/// loops run along the hidden layer. They vectorise inside `pulp`'s run-time dispatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) outputs: usize,
    pub(super) activation: Activation,
}

/// The parameters of a network, or their gradient.
struct Parts<'a> {
    /// Columns of `W₁`, then `b₁`.
    first: &'a [f64],
    /// Rows of `W₂`.
    second: &'a [f64],
    bias: &'a [f64],
}

const LANES: usize = 8;

/// `aᵀb`, eight sums side by side.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + tail
}

#[inline(always)]
fn add(factor: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}

impl Network {
    pub(super) fn parameters(&self) -> usize {
        self.hidden * (self.inputs + 1) + self.outputs * (self.hidden + 1)
    }

    fn parts<'a>(&self, w: &'a [f64]) -> Parts<'a> {
        let (first, rest) = w.split_at(self.hidden * (self.inputs + 1));
        let (second, bias) = rest.split_at(self.hidden * self.outputs);
        Parts { first, second, bias }
    }

    /// Standard deviation of each parameter at the start: one over the root of the number of inputs of
    /// its unit, and 0 for the biases.
    pub(super) fn spread(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { inputs, hidden, outputs, .. } = *self;
        let scale = |fan: usize| (fan as f64).sqrt().recip();
        std::iter::repeat_n(scale(inputs), inputs * hidden)
            .chain(std::iter::repeat_n(0.0, hidden))
            .chain(std::iter::repeat_n(scale(hidden), hidden * outputs))
            .chain(std::iter::repeat_n(0.0, outputs))
    }

    /// Writes the hidden layer and the outputs.
    #[inline(always)]
    pub(super) fn forward(&self, w: &[f64], x: &[f64], hidden: &mut [f64], out: &mut [f64]) {
        let Parts { first, second, bias } = self.parts(w);
        let mut columns = first.chunks_exact(self.hidden);
        hidden.fill(0.0);
        for (x, column) in x.iter().zip(&mut columns) {
            add(*x, column, hidden);
        }
        columns.for_each(|bias| add(1.0, bias, hidden));
        match self.activation {
            Activation::Tanh => hidden.iter_mut().for_each(|h| *h = tanh(*h)),
            Activation::Relu => hidden.iter_mut().for_each(|h| *h = h.max(0.0)),
        }
        for ((out, row), bias) in out.iter_mut().zip(second.chunks_exact(self.hidden)).zip(bias) {
            *out = dot(row, hidden) + bias;
        }
    }

    /// `φ'` from the value of `φ`.
    #[inline(always)]
    fn slope(&self, value: f64) -> f64 {
        match self.activation {
            Activation::Tanh => 1.0 - value * value,
            Activation::Relu => {
                if value > 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
        }
    }

    /// `φ''` from the value of `φ`.
    #[inline(always)]
    fn curve(&self, value: f64) -> f64 {
        match self.activation {
            Activation::Tanh => -2.0 * value * (1.0 - value * value),
            Activation::Relu => 0.0,
        }
    }

    /// Adds the gradient of `c·out` in the parameters to `gradient`, for the hidden layer of the last
    /// [`forward`](Self::forward). `room`: at least `hidden`.
    #[inline(always)]
    pub(super) fn backward(
        &self,
        w: &[f64],
        x: &[f64],
        hidden: &[f64],
        c: &[f64],
        gradient: &mut [f64],
        room: &mut [f64],
    ) {
        let room = &mut room[..self.hidden];
        self.pull(w, hidden, c, room);
        let (first, rest) = gradient.split_at_mut(self.hidden * (self.inputs + 1));
        let (second, bias) = rest.split_at_mut(self.hidden * self.outputs);
        let inputs = x.iter().chain(&[1.0]);
        inputs.zip(first.chunks_exact_mut(self.hidden)).for_each(|(x, g)| add(*x, room, g));
        let rows = second.chunks_exact_mut(self.hidden).zip(bias);
        for ((row, bias), c) in rows.zip(c) {
            add(*c, hidden, row);
            *bias += c;
        }
    }

    /// Writes the gradient of `c·out` before the nonlinearity: `φ'(a) ∘ (W₂ᵀc)`.
    #[inline(always)]
    fn pull(&self, w: &[f64], hidden: &[f64], c: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        let rows = self.parts(w).second.chunks_exact(self.hidden);
        c.iter().zip(rows).for_each(|(c, row)| add(*c, row, out));
        out.iter_mut().zip(hidden).for_each(|(out, h)| *out *= self.slope(*h));
    }

    /// Writes the gradient of `c·out` in the inputs. `room`: at least `hidden`.
    #[inline(always)]
    pub(super) fn input_gradient(
        &self,
        w: &[f64],
        hidden: &[f64],
        c: &[f64],
        out: &mut [f64],
        room: &mut [f64],
    ) {
        let room = &mut room[..self.hidden];
        self.pull(w, hidden, c, room);
        let columns = self.parts(w).first.chunks_exact(self.hidden);
        out.iter_mut().zip(columns).for_each(|(out, column)| *out = dot(column, room));
    }

    /// Adds the gradient in the parameters of `q·r`, where `r = W₁ᵀ s`, `s = φ'(a) ∘ w₂` is the input
    /// gradient of a network with one output and `q` is held fixed. `room`: `2 hidden`.
    ///
    /// `∂W₁ = s qᵀ + t xᵀ`, `∂b₁ = t`, `∂w₂ = φ'(a) ∘ W₁q` with `t = w₂ ∘ φ''(a) ∘ W₁q`.
    #[inline(always)]
    pub(super) fn input_gradient_backward(
        &self,
        w: &[f64],
        x: &[f64],
        hidden: &[f64],
        q: &[f64],
        gradient: &mut [f64],
        room: &mut [f64],
    ) {
        let Parts { first, second, .. } = self.parts(w);
        let (along, rest) = room.split_at_mut(self.hidden);
        let t = &mut rest[..self.hidden];
        along.fill(0.0);
        q.iter()
            .zip(first.chunks_exact(self.hidden))
            .for_each(|(q, column)| add(*q, column, along));
        for (((t, along), h), w2) in t.iter_mut().zip(&*along).zip(hidden).zip(second) {
            *t = w2 * self.curve(*h) * along;
        }
        let (d_first, d_rest) = gradient.split_at_mut(self.hidden * (self.inputs + 1));
        let inputs = x.iter().chain(&[1.0]);
        inputs.zip(d_first.chunks_exact_mut(self.hidden)).for_each(|(x, g)| add(*x, t, g));
        for ((g, along), h) in d_rest.iter_mut().zip(&*along).zip(hidden) {
            *g += self.slope(*h) * along;
        }
        let s = t;
        for ((s, w2), h) in s.iter_mut().zip(second).zip(hidden) {
            *s = w2 * self.slope(*h);
        }
        q.iter().zip(d_first.chunks_exact_mut(self.hidden)).for_each(|(q, g)| add(*q, s, g));
    }
}
