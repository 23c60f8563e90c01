//! Conjugate gradients on the normal equations, all classes in one pass over the data.

use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Problem, Seed, SetupError};

use super::preconditioner::Preconditioning;
use super::{Effort, Iterative, Right, add_pull};
use crate::vector::{axpy, dot, norm};
use crate::{Breakdown, require_finite};

/// Solves after which `G Wᵀ` is computed afresh, one pass: updates add up their rounding.
const REFRESH: u64 = 64;

/// Preconditioned conjugate gradients from the last solution, with scalars of its own for every
/// class. `G Wᵀ` is carried along, so that the first residual costs no pass, whatever `b` and `r` are
/// by then.
#[derive(Clone, Debug)]
pub(super) struct Cg {
    parameters: Iterative,
    preconditioning: Preconditioning,
    /// `G Wᵀ` of the last solution, unless the first solve is to come.
    image: Vec<f64>,
    residual: Vec<f64>,
    preconditioned: Vec<f64>,
    direction: Vec<f64>,
    /// The normal matrix times the direction.
    product: Vec<f64>,
    classes: Vec<Class>,
    class: [Vec<f64>; 2],
    solves: u64,
}

/// Scalars of a class.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    /// `rᵀ (T Tᵀ) r`.
    energy: f64,
    /// What the direction before counts in the next.
    factor: f64,
    /// `‖r‖`, also after the solve.
    size: f64,
    /// The residual is small enough at this.
    bound: f64,
}

impl Class {
    fn runs(&self) -> bool {
        self.size > self.bound && self.energy > 0.0
    }
}

impl Cg {
    pub(super) fn new(
        parameters: Iterative,
        problem: &Mlr,
        ratio: f64,
        diagonal: &[f64],
        seed: Seed,
    ) -> Result<Self, SetupError> {
        let zeros = || vec![0.0; problem.dim()];
        let choice = parameters.preconditioner;
        Ok(Self {
            parameters,
            preconditioning: Preconditioning::new(choice, problem, ratio, diagonal, seed)?,
            image: zeros(),
            residual: zeros(),
            preconditioned: zeros(),
            direction: zeros(),
            product: zeros(),
            classes: vec![Class::default(); problem.classes()],
            class: [vec![0.0; problem.weights()], vec![0.0; problem.weights()]],
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
        let Self {
            parameters,
            preconditioning,
            image,
            residual: r,
            preconditioned: z,
            direction: d,
            product,
            classes,
            class,
            solves,
        } = self;
        let p = problem.weights();
        let mut effort = Effort::default();
        if solves.is_multiple_of(REFRESH) {
            // Zero weights, the usual start, need no pass.
            image.fill(0.0);
            if norm(w) > 0.0 {
                problem.sweep(w, 0, &mut [], Some(image), scratch, |_| {});
                effort.passes += 1;
            }
        }
        *solves += 1;
        // r = b - G W - r LᵀL W.
        r.iter_mut().zip(b).zip(&*image).for_each(|((r, b), g)| *r = b - g);
        add_pull(problem, -ratio, w, None, r, class);
        let step = data_norm * right.step / (classes.len() as f64).sqrt();
        for (c, (b, r)) in classes.iter_mut().zip(b.chunks_exact(p).zip(r.chunks_exact(p))) {
            c.bound = parameters.tolerance.bound(*solves, norm(b), c.size, step);
            c.size = norm(r);
        }
        let mut iterations = 0;
        loop {
            // z = T Tᵀ r, whose energy is that of Tᵀ r.
            z.copy_from_slice(r);
            preconditioning.apply_transposed(z);
            for (c, z) in classes.iter_mut().zip(z.chunks_exact(p)) {
                let before = std::mem::replace(&mut c.energy, dot(z, z));
                c.factor = if iterations == 0 { 0.0 } else { c.energy / before };
            }
            if iterations == parameters.iterations || !classes.iter().any(Class::runs) {
                break;
            }
            preconditioning.apply(z);
            for ((c, d), z) in classes.iter().zip(d.chunks_exact_mut(p)).zip(z.chunks_exact(p)) {
                for (d, z) in d.iter_mut().zip(z) {
                    *d = if c.factor > 0.0 { z + c.factor * *d } else { *z };
                }
            }
            iterations += 1;
            effort.passes += 1;
            problem.sweep(d, 0, &mut [], Some(product), scratch, |_| {});
            add_pull(problem, ratio, d, None, product, class);
            for (k, c) in classes.iter_mut().enumerate().filter(|(_, c)| c.runs()) {
                let part = k * p..(k + 1) * p;
                let (d, product) = (&d[part.clone()], &product[part.clone()]);
                let curvature = dot(d, product);
                effort.iterations += 1;
                if curvature <= 0.0 {
                    // The matrix is not indefinite: this is rounding, and no step goes further.
                    c.bound = f64::INFINITY;
                    continue;
                }
                let step = c.energy / curvature;
                axpy(step, d, &mut w[part.clone()]);
                axpy(-step, product, &mut r[part.clone()]);
                c.size = norm(&r[part]);
            }
        }
        require_finite("least-squares residual", r)?;
        image.iter_mut().zip(b).zip(&*r).for_each(|((g, b), r)| *g = b - r);
        add_pull(problem, -ratio, w, None, image, class);
        Ok(effort)
    }
}
