//! The pairs of limited-memory BFGS and its two-loop recursion.
//!
//! Source: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed. 2006, algorithm 7.4.

use crate::vector::{add_scaled, axpy, dot};

/// The last `m` pairs in a ring.
#[derive(Clone)]
pub(crate) struct Pairs {
    dim: usize,
    s: Vec<f64>,
    y: Vec<f64>,
    /// `sᵀy` of each slot.
    curvatures: Vec<f64>,
    /// Coefficients of the first loop.
    alphas: Vec<f64>,
    /// The slot that the next pair takes.
    next: usize,
    pub(crate) count: usize,
    /// Scale of the seed matrix `γ I`: `sᵀy / yᵀy` of the newest pair.
    pub(crate) gamma: f64,
}

impl Pairs {
    pub(crate) fn new(memory: usize, dim: usize) -> Self {
        Self {
            dim,
            s: vec![0.0; memory * dim],
            y: vec![0.0; memory * dim],
            curvatures: vec![0.0; memory],
            alphas: vec![0.0; memory],
            next: 0,
            count: 0,
            gamma: f64::NAN,
        }
    }

    /// Stores `s = to - from`, `y = g_to - g_from` over the oldest pair, unless its curvature is
    /// rounding.
    pub(crate) fn push(&mut self, from: &[f64], to: &[f64], g_from: &[f64], g_to: &[f64]) {
        let room = self.next * self.dim..(self.next + 1) * self.dim;
        let (s, y) = (&mut self.s[room.clone()], &mut self.y[room]);
        add_scaled(to, -1.0, from, s);
        add_scaled(g_to, -1.0, g_from, y);
        let (sy, yy) = (dot(s, y), dot(y, y));
        if sy > f64::EPSILON * yy {
            self.curvatures[self.next] = sy;
            self.gamma = sy / yy;
            self.next = (self.next + 1) % self.curvatures.len();
            self.count = (self.count + 1).min(self.curvatures.len());
        } else if self.count == self.curvatures.len() {
            // The refused pair has overwritten the oldest.
            self.count -= 1;
        }
    }

    /// `d ← -H g`, the two-loop recursion; `seed` multiplies by the inverse of the seed matrix.
    pub(crate) fn direction(&mut self, g: &[f64], d: &mut [f64], seed: impl FnOnce(&mut [f64])) {
        let memory = self.curvatures.len();
        let slot = |age: usize| (self.next + memory - 1 - age) % memory;
        let vector = |slot: usize| slot * self.dim..(slot + 1) * self.dim;
        for (d, g) in d.iter_mut().zip(g) {
            *d = -g;
        }
        for i in (0..self.count).map(slot) {
            self.alphas[i] = dot(&self.s[vector(i)], d) / self.curvatures[i];
            axpy(-self.alphas[i], &self.y[vector(i)], d);
        }
        seed(d);
        for i in (0..self.count).rev().map(slot) {
            let beta = dot(&self.y[vector(i)], d) / self.curvatures[i];
            axpy(self.alphas[i] - beta, &self.s[vector(i)], d);
        }
    }

    /// Forgets the pairs, not the scale.
    pub(crate) fn forget(&mut self) {
        self.count = 0;
    }
}
