//! LSQR on the stacked matrix, all classes in one pass over the data.

use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Problem, Seed, SetupError};

use super::preconditioner::Preconditioning;
use super::{Effort, Iterative, Right};
use crate::vector::{axpy, dot, norm};
use crate::{Breakdown, require_finite};

/// Golub–Kahan bidiagonalisation of `A = [Dᵀ; √r L] T` from the last solution, with scalars of its
/// own for every class; `x = x₀ + T y`.
///
/// One pass an iteration: while a tile is in the cache, its part of `u` is updated from `A v` and
/// multiplied by the data. `u` is left without its norm, which is known only after the pass.
#[derive(Clone, Debug)]
pub(super) struct Lsqr {
    parameters: Iterative,
    preconditioning: Preconditioning,
    /// `u` over the samples: of every tile `(capacity, K)`, then the sum of squares of each class.
    samples: Vec<f64>,
    /// `u` over the Tikhonov term, `p x K`.
    ridge: Vec<f64>,
    v: Vec<f64>,
    /// `T v`, and other temporaries.
    image: Vec<f64>,
    direction: Vec<f64>,
    /// `y`.
    solution: Vec<f64>,
    /// `Aᵀ u`; after the solve the residual of the normal equations.
    residual: Vec<f64>,
    classes: Vec<Class>,
    /// `α / β` of every class, for the visitor of the sweep.
    weights: Vec<f64>,
    operated: Vec<f64>,
    solves: u64,
}

/// Scalars of a class, named as by Paige and Saunders.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    alpha: f64,
    beta: f64,
    phi_bar: f64,
    rho_bar: f64,
    /// `-φ̄ α c`, at first `β α`: times `T⁻ᵀ v` it is the residual of the normal equations.
    factor: f64,
    size: f64,
    bound: f64,
    ended: bool,
}

impl Class {
    fn runs(&self) -> bool {
        !self.ended && self.size > self.bound
    }
}

impl Lsqr {
    pub(super) fn new(
        parameters: Iterative,
        problem: &Mlr,
        ratio: f64,
        diagonal: &[f64],
        seed: Seed,
    ) -> Result<Self, SetupError> {
        let (zeros, classes) = (|| vec![0.0; problem.dim()], problem.classes());
        let choice = parameters.preconditioner;
        Ok(Self {
            parameters,
            preconditioning: Preconditioning::new(choice, problem, ratio, diagonal, seed)?,
            samples: vec![0.0; problem.state_len(width(problem))],
            ridge: zeros(),
            v: zeros(),
            image: zeros(),
            direction: zeros(),
            solution: zeros(),
            residual: zeros(),
            classes: vec![Class::default(); classes],
            weights: vec![0.0; classes],
            operated: vec![0.0; problem.weights()],
            solves: 0,
        })
    }

    pub(super) fn set_ratio(&mut self, ratio: f64) -> Result<(), SetupError> {
        self.preconditioning.set_ratio(ratio)
    }

    pub(super) fn residual(&self) -> &[f64] {
        &self.residual
    }

    #[expect(clippy::too_many_arguments, reason = "the system's parts, each borrowed on its own")]
    pub(super) fn solve(
        &mut self,
        problem: &Mlr,
        ratio: f64,
        right: &Right<'_>,
        data_norm: f64,
        b: &[f64],
        w: &mut [f64],
        scratch: &mut MlrScratch,
    ) -> Result<Effort, Breakdown> {
        let p = problem.weights();
        let root = ratio.sqrt();
        let mut effort = Effort { passes: 1, ..Effort::default() };
        self.solves += 1;
        // β u = [F - Dᵀ x₀; √r L (x_ref - x₀)].
        self.image.copy_from_slice(w);
        self.weights.fill(f64::NAN);
        self.ridge.fill(0.0);
        self.image.iter_mut().for_each(|x| *x = -*x);
        if let Some(prior) = problem.prior() {
            axpy(1.0, prior, &mut self.image);
        }
        for (u, x) in self.ridge.chunks_exact_mut(p).zip(self.image.chunks_exact(p)) {
            problem.operator().apply(x, u);
            u.iter_mut().for_each(|u| *u *= root);
        }
        self.sweep(problem, w, Some(right), scratch);
        self.back(problem, root);
        // The residual of the normal equations, and what it may be.
        let step = data_norm * right.step / (self.classes.len() as f64).sqrt();
        let tolerance = self.parameters.tolerance;
        for ((c, r), b) in
            self.classes.iter_mut().zip(self.residual.chunks_exact(p)).zip(b.chunks_exact(p))
        {
            c.bound = tolerance.bound(self.solves, norm(b), c.size, step);
            c.size = norm(r);
        }
        self.v.copy_from_slice(&self.residual);
        self.preconditioning.apply_transposed(&mut self.v);
        for (c, v) in self.classes.iter_mut().zip(self.v.chunks_exact_mut(p)) {
            v.iter_mut().for_each(|v| *v *= inverse(c.beta));
            c.alpha = norm(v);
            c.ended = c.alpha <= 0.0;
            v.iter_mut().for_each(|v| *v *= inverse(c.alpha));
            (c.phi_bar, c.rho_bar) = (c.beta, c.alpha);
            c.factor = c.alpha * c.beta;
        }
        self.direction.copy_from_slice(&self.v);
        self.solution.fill(0.0);
        let mut iterations = 0;
        while iterations < self.parameters.iterations && self.classes.iter().any(Class::runs) {
            iterations += 1;
            effort.passes += 1;
            effort.iterations += self.classes.iter().filter(|c| c.runs()).count() as u64;
            self.iterate(problem, root, scratch);
        }
        if iterations > 0 {
            self.preconditioning.apply(&mut self.solution);
            axpy(1.0, &self.solution, w);
        }
        require_finite("least-squares residual", &self.residual)?;
        Ok(effort)
    }

    fn iterate(&mut self, problem: &Mlr, root: f64, scratch: &mut MlrScratch) {
        let p = problem.weights();
        // β u⁺ = A v - α u.
        let mut image = std::mem::take(&mut self.image);
        image.copy_from_slice(&self.v);
        self.preconditioning.apply(&mut image);
        for (k, c) in self.classes.iter().enumerate() {
            // A class that has ended keeps its v; its u must not grow.
            let weight = if c.runs() { c.alpha * inverse(c.beta) } else { 0.0 };
            self.weights[k] = weight;
            problem.operator().apply(&image[k * p..(k + 1) * p], &mut self.operated);
            for (u, x) in self.ridge[k * p..(k + 1) * p].iter_mut().zip(&self.operated) {
                *u = root * x - weight * *u;
            }
        }
        self.sweep(problem, &image, None, scratch);
        self.image = image;
        self.back(problem, root);
        // α v⁺ = Aᵀ u⁺ - β v.
        self.preconditioning.apply_transposed(&mut self.residual);
        for (k, c) in self.classes.iter_mut().enumerate() {
            let part = k * p..(k + 1) * p;
            let (v, next) = (&mut self.v[part.clone()], &self.residual[part.clone()]);
            if !c.runs() {
                continue;
            }
            let over = inverse(c.beta);
            v.iter_mut().zip(next).for_each(|(v, next)| *v = over * next - c.beta * *v);
            c.alpha = norm(v);
            let over = inverse(c.alpha);
            v.iter_mut().for_each(|v| *v *= over);
            let rho = c.rho_bar.hypot(c.beta);
            let (cosine, sine) = (c.rho_bar / rho, c.beta / rho);
            let (theta, phi) = (sine * c.alpha, cosine * c.phi_bar);
            c.rho_bar = -cosine * c.alpha;
            c.phi_bar *= sine;
            c.factor = -c.phi_bar * c.alpha * cosine;
            c.ended = c.alpha <= 0.0 || c.beta <= 0.0;
            axpy(phi / rho, &self.direction[part.clone()], &mut self.solution[part.clone()]);
            for (d, v) in self.direction[part].iter_mut().zip(&*v) {
                *d = v - theta / rho * *d;
            }
        }
        // e = -φ̄ α c T⁻ᵀ v.
        for ((c, e), v) in
            self.classes.iter().zip(self.residual.chunks_exact_mut(p)).zip(self.v.chunks_exact(p))
        {
            e.iter_mut().zip(v).for_each(|(e, v)| *e = c.factor * v);
        }
        self.preconditioning.undo_transposed(&mut self.residual);
        for (c, e) in self.classes.iter_mut().zip(self.residual.chunks_exact(p)) {
            c.size = norm(e);
        }
    }

    /// Updates `u` over the samples and forms `D u` in the residual: `u = F - Dᵀ x` with a right-hand
    /// side, else `u = Dᵀ x - weight u`. Leaves the norms of the whole `u` in the classes.
    fn sweep(
        &mut self,
        problem: &Mlr,
        x: &[f64],
        right: Option<&Right<'_>>,
        scratch: &mut MlrScratch,
    ) {
        let (p, classes) = (problem.weights(), problem.classes());
        let (width, weights) = (width(problem), &self.weights);
        let product = Some(&mut self.residual[..]);
        problem.sweep(x, width, &mut self.samples, product, scratch, |tile| {
            let (u, squares) = tile.state.split_at_mut(tile.capacity * classes);
            if let Some(right) = right {
                (right.data)(tile.first, u);
            }
            let parts = u.chunks_exact_mut(tile.capacity).zip(squares);
            for ((u, square), (score, weight)) in
                parts.zip(tile.scores.chunks_exact_mut(tile.capacity).zip(weights))
            {
                let pairs = u.iter_mut().zip(score.iter_mut());
                if right.is_some() {
                    pairs.for_each(|(u, s)| (*u, *s) = (*u - *s, *u - *s));
                } else {
                    pairs.for_each(|(u, s)| {
                        *u = *s - weight * *u;
                        *s = *u;
                    });
                }
                let u = &u[..tile.samples];
                *square = dot(u, u);
            }
        });
        let capacity = problem.tile_capacity();
        for (k, c) in self.classes.iter_mut().enumerate() {
            let tiles = self.samples.chunks_exact(capacity * width);
            let square: f64 = tiles.map(|tile| tile[capacity * classes + k]).sum();
            let ridge = &self.ridge[k * p..(k + 1) * p];
            if right.is_some() || c.runs() {
                c.beta = (square + dot(ridge, ridge)).sqrt();
            }
        }
    }

    /// Adds `√r Lᵀ u` of the Tikhonov term to the residual.
    fn back(&mut self, problem: &Mlr, root: f64) {
        let p = problem.weights();
        for (u, to) in self.ridge.chunks_exact(p).zip(self.residual.chunks_exact_mut(p)) {
            problem.operator().apply(u, &mut self.operated);
            axpy(root, &self.operated, to);
        }
    }
}

/// Numbers of state per sample: `u`, and room for one sum per class in every tile.
fn width(problem: &Mlr) -> usize {
    problem.classes() + problem.classes().div_ceil(problem.tile_capacity())
}

/// `1/x`, and 0 for 0: a class that is solved exactly stays where it is.
fn inverse(x: f64) -> f64 {
    if x > 0.0 { 1.0 / x } else { 0.0 }
}
