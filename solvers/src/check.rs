//! Conformance of any solver on any problem, and two small problems with known answers.
//!
//! Every function panics with a sentence that names what does not hold, so that tests of this crate
//! and of others call them directly. Bits are compared, not numbers: `-0.0` is not `0.0`.
//!
//! ```
//! use converge_solvers::{Lbfgs, check};
//! let problem = check::LeastSquares::new(40, 6, 1);
//! check::restarts(&Lbfgs::default(), &problem, 20);
//! check::observing_changes_nothing(&Lbfgs::default(), &problem, 20);
//! check::counts_its_work(&Lbfgs::default(), &check::Counted::new(problem), 20);
//! ```

mod counted;
mod least_squares;

pub use counted::Counted;
pub use least_squares::LeastSquares;

use converge_problems::{Problem, Seed, Value};
use rand::RngExt;

use crate::{Solver, Work};

/// Iterates of up to `steps` steps from the start of `seed`, row 0 first; ends early with the method.
///
/// # Panics
/// If set-up or a step fails, or an iterate is not finite.
pub fn trajectory<P: Problem, S: Solver<P>>(
    solver: &S,
    problem: &P,
    seed: Seed,
    steps: usize,
) -> Vec<Vec<f64>> {
    let mut state = init(solver, problem, seed);
    let mut rows = vec![solver.iterate(&state).to_vec()];
    for _ in 0..steps {
        let step = solver.step(problem, &mut state).expect("the step succeeds");
        rows.push(finite(solver.iterate(&state)));
        if step.converged {
            break;
        }
    }
    rows
}

/// Two states from `init`, and a state cloned half-way, go through the same iterates.
///
/// # Panics
/// If they do not, or as [`trajectory`].
pub fn restarts<P: Problem, S: Solver<P>>(solver: &S, problem: &P, steps: usize) {
    let seed = Seed::root(11);
    let first = trajectory(solver, problem, seed, steps);
    let second = trajectory(solver, problem, seed, steps);
    assert!(same(&first, &second), "{}: two runs from one start differ", S::ID);

    let mut state = init(solver, problem, seed);
    let half = (first.len() - 1) / 2;
    for _ in 0..half {
        solver.step(problem, &mut state).expect("the step succeeds");
    }
    let mut copy = state.clone();
    for (row, expected) in first.iter().enumerate().skip(half + 1) {
        // The original steps first: a state that shared something with its clone would show.
        for (state, which) in [(&mut state, "original"), (&mut copy, "clone")] {
            solver.step(problem, state).expect("the step succeeds");
            let x = solver.iterate(state);
            assert!(same_bits(x, expected), "{}: the {which} leaves the run at row {row}", S::ID);
        }
    }
}

/// Measuring and diagnosing after every step gives the same iterates as never doing it, and measures
/// the same numbers whatever the scratch held before.
///
/// # Panics
/// If not, or as [`trajectory`].
pub fn observing_changes_nothing<P: Problem, S: Solver<P>>(solver: &S, problem: &P, steps: usize) {
    let seed = Seed::root(12);
    let expected = trajectory(solver, problem, seed, steps);
    let mut state = init(solver, problem, seed);
    let mut used = problem.scratch();
    let metrics = problem.metrics().len();
    let columns = metrics + solver.diagnostics(problem).len();
    for (row, expected) in expected.iter().enumerate() {
        if row > 0 {
            solver.step(problem, &mut state).expect("the step succeeds");
        }
        let x = solver.iterate(&state);
        assert!(same_bits(x, expected), "{}: observed, row {row} is another", S::ID);
        let observe = |scratch: &mut P::Scratch| {
            let mut numbers = vec![f64::NAN; columns];
            let (measured, diagnosed) = numbers.split_at_mut(metrics);
            problem.evaluate(solver.iterate(&state), measured, scratch);
            solver.diagnose(problem, &state, scratch, diagnosed);
            numbers
        };
        let (first, second) = (observe(&mut used), observe(&mut problem.scratch()));
        assert!(same_bits(&first, &second), "{}: row {row} depends on the scratch", S::ID);
    }
}

/// The work a solver reports is the work its oracles did: samples, values, gradients, products, proximal
/// maps.
///
/// # Panics
/// If a count differs, or as [`trajectory`].
pub fn counts_its_work<P, S>(solver: &S, problem: &Counted<P>, steps: usize)
where
    P: Problem,
    S: Solver<Counted<P>>,
{
    let of_oracles = |work: Work| Work {
        samples: work.samples,
        values: work.values,
        gradients: work.gradients,
        hessian_vectors: work.hessian_vectors,
        proxes: work.proxes,
        ..Work::default()
    };
    let mut state = init(solver, problem, Seed::root(13));
    let setup = problem.take();
    assert_eq!(setup, of_oracles(solver.setup_work(problem)), "{}: work of set-up", S::ID);
    for row in 1..=steps {
        let step = solver.step(problem, &mut state).expect("the step succeeds");
        assert_eq!(problem.take(), of_oracles(step.work), "{}: work of step {row}", S::ID);
        if step.converged {
            break;
        }
    }
}

/// None of 100 random perturbations of `x`, of lengths from `1e-6` to `1` times `max(‖x‖, 1)`, lowers
/// the objective: what holds at the minimum of a convex function.
///
/// `rounding` is the relative rounding of a value of the objective.
///
/// # Panics
/// If one does.
pub fn no_perturbation_lowers<P: Value>(problem: &P, x: &[f64], rounding: f64) {
    let mut scratch = problem.scratch();
    let value = problem.value(x, &mut scratch);
    let allowed = rounding * value.abs();
    let mut rng = Seed::root(14).child("perturbation").rng();
    let scale = x.iter().map(|v| v * v).sum::<f64>().sqrt().max(1.0);
    for trial in 0..100_i32 {
        let direction: Vec<f64> = x.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        let length = scale * 10_f64.powf(-6.0 * f64::from(trial) / 99.0);
        let unit = length / direction.iter().map(|v| v * v).sum::<f64>().sqrt();
        let moved: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + unit * d).collect();
        let other = problem.value(&moved, &mut scratch);
        assert!(
            other >= value - allowed,
            "a perturbation of length {length:e} lowers the objective by {:e}",
            value - other
        );
    }
}

fn init<P: Problem, S: Solver<P>>(solver: &S, problem: &P, seed: Seed) -> S::State {
    let mut x0 = vec![0.0; problem.dim() * solver.points()];
    problem.start(seed.child("start"), &mut x0);
    solver.init(problem, &x0, seed.child("noise")).expect("the solver sets up")
}

fn finite(x: &[f64]) -> Vec<f64> {
    assert!(x.iter().all(|v| v.is_finite()), "an iterate is not finite");
    x.to_vec()
}

fn same(a: &[Vec<f64>], b: &[Vec<f64>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_bits(a, b))
}

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
