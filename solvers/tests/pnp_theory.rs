//! What plug-and-play ADMM converges to, and how fast, against independent computations.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

mod support;

use converge_problems::imaging::{Imaging, Loss};
use converge_problems::{BatchProx, Denoise, Problem, Seed, Value as _};
use converge_solvers::{PnpAdmm, Selection, Solver, check};
use faer::Mat;
use serde_json::json;
use support::{batch, config, difference, distance, norm, smooth};

/// Rows and columns of the images of C3.
const SIDE: usize = 32;

/// The two differences of every pixel, zero across the border.
fn differences(x: &[f64], side: usize, out: &mut [[f64; 2]]) {
    for (i, out) in out.iter_mut().enumerate() {
        let down = if i % side + 1 < side { x[i + 1] - x[i] } else { 0.0 };
        let right = if i + side < x.len() { x[i + side] - x[i] } else { 0.0 };
        *out = [down, right];
    }
}

/// Adds `factor` times the adjoint of [`differences`] of `p` to `x`.
fn add_adjoint(p: &[[f64; 2]], side: usize, factor: f64, x: &mut [f64]) {
    for (i, [down, right]) in p.iter().enumerate() {
        if i % side + 1 < side {
            x[i + 1] += factor * down;
            x[i] -= factor * down;
        }
        if i + side < x.len() {
            x[i + side] += factor * right;
            x[i] -= factor * right;
        }
    }
}

/// `min_x (1/b) Σ_i f_i(x) + weight TV(x)`, `f` least squares or `l1`.
struct Variational<'a> {
    problem: &'a Imaging,
    loss: Loss,
    weight: f64,
}

impl Variational<'_> {
    fn forward(&self, x: &[f64]) -> Vec<f64> {
        let (operator, data) = (self.problem.operator(), self.problem.data());
        let mut room = operator.room();
        let mut w = vec![0.0; data.values().len()];
        for block in 0..data.blocks() {
            operator.forward(block, x, &mut w[data.range(block)], &mut room);
        }
        w
    }

    fn value(&self, x: &[f64]) -> f64 {
        let gaps = difference(&self.forward(x), self.problem.data().values());
        let misfit: f64 = match self.loss {
            Loss::L1 => gaps.iter().map(|d| d.abs()).sum(),
            _ => 0.5 * norm(&gaps).powi(2),
        };
        let mut p = vec![[0.0; 2]; x.len()];
        differences(x, SIDE, &mut p);
        let variation: f64 = p.iter().map(|[a, b]| a.hypot(*b)).sum();
        misfit / self.problem.data().blocks() as f64 + self.weight * variation
    }

    /// The primal–dual method of A. Chambolle and T. Pock (J. Math. Imaging Vis. 40, 2011) on both terms,
    /// with `τ σ (‖A‖² + 8) = 1`.
    fn primal_dual(&self, norm_squared: f64, steps: usize) -> Vec<f64> {
        let (operator, data) = (self.problem.operator(), self.problem.data());
        let (blocks, y) = (data.blocks() as f64, data.values());
        let tau = 0.3;
        let sigma = 1.0 / (tau * (norm_squared + 8.0));
        let n = self.problem.dim();
        let (mut x, mut ahead) = (vec![0.0; n], vec![0.0; n]);
        let (mut q, mut p) = (vec![0.0; y.len()], vec![[0.0; 2]; n]);
        let (mut step, mut room) = (p.clone(), operator.room());
        for _ in 0..steps {
            for ((q, w), y) in q.iter_mut().zip(self.forward(&ahead)).zip(y) {
                let to = *q + sigma * (w - y);
                *q = match self.loss {
                    Loss::L1 => to.clamp(-1.0 / blocks, 1.0 / blocks),
                    _ => to / (1.0 + sigma * blocks),
                };
            }
            differences(&ahead, SIDE, &mut step);
            for (p, step) in p.iter_mut().zip(&step) {
                let to = [p[0] + sigma * step[0], p[1] + sigma * step[1]];
                let over = (to[0].hypot(to[1]) / self.weight).max(1.0);
                *p = to.map(|to| to / over);
            }
            ahead.copy_from_slice(&x);
            for block in 0..data.blocks() {
                operator.adjoint(block, -tau, &q[data.range(block)], &mut x, &mut room);
            }
            add_adjoint(&p, SIDE, -tau, &mut x);
            ahead.iter_mut().zip(&x).for_each(|(old, x)| *old = 2.0 * x - *old);
        }
        x
    }
}

#[test]
fn c3_with_a_true_proximal_map_the_limit_solves_the_variational_problem() {
    let denoiser =
        json!({ "method": { "total-variation": { "tolerance": 1e-14, "iterations": 20_000 } } });
    // Rows of an orthonormal matrix: maps are exact and ‖A‖ = 1.
    let operator = json!({ "random-cosine": { "ratio": 0.7 } });
    for (name, loss, penalty, weight) in
        [("least-squares", Loss::LeastSquares, 2.0, 0.01), ("l1", Loss::L1, 0.5, 0.05)]
    {
        let problem = config(SIDE, operator.clone(), 4, name, &denoiser);
        let c = problem.operator().tight(&[0, 1, 2, 3]).unwrap();
        let solver = PnpAdmm { penalty, strength: penalty * weight, ..PnpAdmm::default() };
        let rows = check::trajectory(&solver, &problem, Seed::root(1), 300);
        let x = rows.last().unwrap();
        let variational = Variational { problem: &problem, loss, weight };
        let reference = variational.primal_dual(c, 20_000);
        let (value, least) = (variational.value(x), variational.value(&reference));
        let gap = distance(x, &reference) / norm(&reference);
        assert!((value - least).abs() <= 1e-6 * least, "{name}: {value} against {least}");
        assert!(gap <= 1e-3, "{name}: {gap}");
        // Far from where both began.
        assert!(variational.value(&rows[0]) > 1.5 * least, "{name}");
    }
}

/// Strongly convex blocks and a linear denoiser.
struct Contraction {
    problem: Imaging,
    solver: PnpAdmm,
    /// The smallest curvature of a block.
    mu: f64,
    /// `‖R‖`.
    epsilon: f64,
}

const PIXELS: usize = 64;

impl Contraction {
    fn new(selection: Selection) -> Self {
        let guide = json!({ "phantom": { "kind": "texture", "rows": 8, "columns": 8 } });
        let means = json!({ "guide": guide, "patch": 1, "window": 2, "scale": 0.5 });
        let denoiser = json!({ "method": { "nonlocal-means": means } });
        // Each of 3 blocks has 4 measurements a pixel.
        let operator = json!({ "gaussian": { "ratio": 12.0 } });
        let problem = config(8, operator, 3, "least-squares", &denoiser);
        let solver = PnpAdmm {
            penalty: 8.0,
            strength: 0.3,
            batch: Some(1),
            selection,
            ..PnpAdmm::default()
        };
        let curvatures = (0..3).map(|block| {
            let operator = problem.operator();
            let mut room = operator.room();
            let normal = matrix(|x, image| {
                let mut w = vec![0.0; operator.entries(block)];
                operator.forward(block, x, &mut w, &mut room);
                image.fill(0.0);
                operator.adjoint(block, 1.0, &w, image, &mut room);
            });
            normal.self_adjoint_eigenvalues(faer::Side::Lower).unwrap()[0]
        });
        let mu = curvatures.fold(f64::INFINITY, f64::min);
        let mut scratch = problem.scratch();
        let residual = matrix(|x, out| {
            problem.denoise(x, solver.strength, out, &mut scratch);
            out.iter_mut().zip(x).for_each(|(out, x)| *out = x - *out);
        });
        let epsilon = norm_of(&residual);
        Self { problem, solver, mu, epsilon }
    }

    /// The formula of Theorem 2 (section 6.3).
    fn factor(&self) -> f64 {
        let (e, gm) = (self.epsilon, self.solver.penalty * self.mu);
        assert!(e / (1.0 + e - 2.0 * e * e) < gm, "the condition of the theorem: {e}, {gm}");
        (1.0 + e + e * gm + 2.0 * e * e * gm) / (1.0 + gm + 2.0 * e * gm)
    }

    /// `T_i(v) = v - D(v) + G_i(2 D(v) - v)`.
    fn map(&self, terms: &[u32], v: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; PIXELS];
        let mut scratch = self.problem.scratch();
        self.problem.denoise(v, self.solver.strength, &mut x, &mut scratch);
        let u: Vec<f64> = x.iter().zip(v).map(|(x, v)| 2.0 * x - v).collect();
        let z = self.prox(terms, &u);
        v.iter().zip(&x).zip(z).map(|((v, x), z)| v - x + z).collect()
    }

    fn prox(&self, terms: &[u32], u: &[f64]) -> Vec<f64> {
        let (mut z, mut warm) = (vec![0.0; PIXELS], self.problem.warm());
        let (penalty, mut scratch) = (self.solver.penalty, self.problem.scratch());
        self.problem.batch_prox(batch(terms), u, penalty, &mut z, &mut warm, &mut scratch);
        z
    }
}

/// The matrix of a linear map.
fn matrix(mut map: impl FnMut(&[f64], &mut [f64])) -> Mat<f64> {
    let (mut unit, mut column) = (vec![0.0; PIXELS], vec![0.0; PIXELS]);
    let mut matrix = Mat::zeros(PIXELS, PIXELS);
    for j in 0..PIXELS {
        unit.fill(0.0);
        unit[j] = 1.0;
        map(&unit, &mut column);
        (0..PIXELS).for_each(|i| matrix[(i, j)] = column[i]);
    }
    matrix
}

/// The largest singular value.
fn norm_of(matrix: &Mat<f64>) -> f64 {
    matrix.singular_values().unwrap()[0]
}

#[test]
fn c20_every_map_contracts_by_the_factor_of_the_theorem() {
    let case = Contraction::new(Selection::Iid);
    let factor = case.factor();
    for terms in [&[0][..], &[1], &[2], &[0, 1, 2]] {
        // The map is affine.
        let origin = case.map(terms, &[0.0; PIXELS]);
        let linear =
            matrix(|x, out| out.copy_from_slice(&difference(&case.map(terms, x), &origin)));
        let found = norm_of(&linear);
        assert!(found <= factor * (1.0 + 1e-6), "{terms:?}: {found} above {factor}");
        assert!(found > 0.1 * factor, "{terms:?}: {found} says nothing against {factor}");
    }
    assert!(factor < 1.0, "{factor}");
}

#[test]
fn c19_distances_from_the_fixed_point_are_below_the_bound_of_the_theorem() {
    let all = [0, 1, 2];
    for selection in [Selection::Iid, Selection::Epoch, Selection::Cyclic] {
        let case = Contraction::new(selection);
        let factor = case.factor();
        let mut fixed = vec![0.0; PIXELS];
        for _ in 0..2000 {
            fixed = case.map(&all, &fixed);
        }
        let mut limit = vec![0.0; PIXELS];
        let (strength, mut scratch) = (case.solver.strength, case.problem.scratch());
        case.problem.denoise(&fixed, strength, &mut limit, &mut scratch);
        let x0 = vec![0.0; PIXELS];
        let mut state = case.solver.init(&case.problem, &x0, Seed::root(5)).unwrap();
        // The largest slope on the visited set: a prox moves its point by the step times a gradient.
        let slopes = |u: &[f64]| {
            let moves = [&[0][..], &[1], &[2], &all].map(|terms| distance(&case.prox(terms, u), u));
            moves.into_iter().fold(0.0, f64::max) / case.solver.penalty
        };
        let last: Vec<f64> = limit.iter().zip(&fixed).map(|(x, v)| 2.0 * x - v).collect();
        let mut slope = slopes(&x0).max(slopes(&last));
        let (mut radius, mut gaps) = (norm(&limit), Vec::new());
        for _ in 0..60 {
            case.solver.step(&case.problem, &mut state).unwrap();
            let x = iterate(&case, &state);
            gaps.push((distance(x, &limit), distance(state.fixed_point_variable(), &fixed)));
            radius = radius.max(distance(x, &limit));
            let u: Vec<f64> = x.iter().zip(state.multiplier()).map(|(x, s)| x + s).collect();
            slope = slope.max(slopes(&u));
        }
        let floor = 4.0 * case.solver.penalty * slope;
        let error = 2.0 * case.solver.penalty * slope;
        for (k, (x, _)) in (0_i32..).zip(&gaps) {
            let bound = factor.powi(k) * (2.0 * radius + floor) + floor / (1.0 - factor);
            assert!(*x <= bound, "{selection:?}, step {}: {x} above {bound}", k + 1);
        }
        // The recursion that the theorem sums up.
        for pair in gaps.windows(2) {
            assert!(pair[1].1 <= factor * pair[0].1 + error, "{selection:?}: {pair:?}");
        }
    }
}

fn iterate<'s>(case: &Contraction, state: &'s <PnpAdmm as Solver<Imaging>>::State) -> &'s [f64] {
    Solver::<Imaging>::iterate(&case.solver, state)
}

#[test]
fn with_all_blocks_distances_fall_geometrically() {
    let case = Contraction::new(Selection::Iid);
    let (solver, factor) = (PnpAdmm { batch: None, ..case.solver.clone() }, case.factor());
    let mut fixed = vec![0.0; PIXELS];
    for _ in 0..2000 {
        fixed = case.map(&[0, 1, 2], &fixed);
    }
    let mut state = solver.init(&case.problem, &vec![0.0; PIXELS], Seed::root(5)).unwrap();
    solver.step(&case.problem, &mut state).unwrap();
    let mut gap = distance(state.fixed_point_variable(), &fixed);
    // Inner solves are good to 1e-9 of their right side.
    while gap > 1e-5 {
        solver.step(&case.problem, &mut state).unwrap();
        let next = distance(state.fixed_point_variable(), &fixed);
        assert!(next <= factor * gap + 1e-7, "{next} after {gap} with factor {factor}");
        gap = next;
    }
}

/// Without a denoiser PnP-ADMM minimises the data term.
#[test]
fn without_strength_the_data_term_is_minimised() {
    let denoiser = json!({ "method": { "wavelet": { "levels": 1 } } });
    let operator = json!({ "gaussian": { "ratio": 3.0 } });
    let problem = smooth(8, operator, 3, "least-squares", &denoiser);
    let solver = PnpAdmm { strength: 0.0, penalty: 5.0, ..PnpAdmm::default() };
    let rows = check::trajectory(&solver, &problem, Seed::root(1), 200);
    let x = rows.last().unwrap();
    let value = problem.value(x, &mut problem.scratch());
    check::no_perturbation_lowers(&problem, x, 1e-10);
    assert!(value < 0.1 * problem.value(&rows[0], &mut problem.scratch()));
}
