//! One step of each solver on multinomial logistic regression of a sixth of the size of MNIST, with
//! the operations and bytes of its mathematics beside the limits of the machine, and one joint value
//! and gradient as the yardstick of a pass over the data.

#[path = "support/images.rs"]
mod images;
mod support;

use std::hint::black_box;

use converge_bench::clock::{Clock, ProcessorTime};
use converge_problems::mlr::{Mlr, Precision};
use converge_problems::{Gradient, Problem, Seed};
use converge_solvers::{
    AdmmSoftmax, BoundMajorizer, Lbfgs, NewtonCg, RidgeClassifier, Sgd, Solver, Work,
};

use crate::images::{images, weights};
use crate::support::{Cost, Suite};

const SAMPLES: usize = 10_000;
const PIXELS: usize = 784;
/// Steps before the one that is timed: no start-up is in it.
const BEFORE: usize = 4;

/// What a step costs, from the work that it reports. A sample that is read takes `2 p K` operations
/// for its scores and, unless only the scores are wanted, `2 p K` for its share of the product with
/// the data, both in the precision of the problem; a linear solve takes `2 p²` operations in `f64`.
/// Bytes: the stored data once a pass; the factor twice, once for each triangular solve.
///
/// Only a linearization wants the scores alone; it is the pass of Newton-CG that is neither a
/// gradient nor a product. Maps of the scores (softmax, the split step of ADMM) are left out.
fn cost(problem: &Mlr, work: Work) -> Cost {
    let (p, classes) = (problem.weights() as f64, problem.classes() as f64);
    let read = work.samples as f64;
    let scores_alone = if work.hessian_vectors > 0 {
        read - ((work.gradients + work.hessian_vectors) * problem.samples() as u64) as f64
    } else {
        0.0
    };
    let products = 2.0 * p * classes * (2.0 * read - scores_alone);
    let solves = 2.0 * p * p * work.solves as f64;
    let factor = if work.solves > 0 { 16.0 * p * p } else { 0.0 };
    let bytes = read * (p - 1.0) + factor;
    match problem.precision() {
        Precision::Double => Cost { double: products + solves, bytes, ..Cost::default() },
        Precision::Mixed => Cost { double: solves, single: products, bytes, ..Cost::default() },
    }
}

/// Times the same step again and again, from copies of one state; copying is outside the clock.
fn step<S: Solver<Mlr>>(suite: &mut Suite, solver: &S, problem: &Mlr, name: &str) {
    let x0 = vec![0.0; problem.dim()];
    let mut state = solver.init(problem, &x0, Seed::root(1)).expect("the settings are admissible");
    for _ in 0..BEFORE {
        solver.step(problem, &mut state).expect("it does not break down");
    }
    let work = solver.step(problem, &mut state.clone()).expect("it does not break down").work;
    suite.measure_with("step", &format!("{}, {name}", S::ID), cost(problem, work), |iterations| {
        let mut seconds = 0.0;
        for _ in 0..iterations {
            let mut state = state.clone();
            let mut clock = ProcessorTime::start();
            let step = solver.step(problem, &mut state);
            seconds += clock.now();
            step.expect("it does not break down");
        }
        seconds
    });
}

fn main() {
    let mut suite = Suite::new();
    for (precision, name) in [(Precision::Double, "double"), (Precision::Mixed, "mixed")] {
        let problem = images(SAMPLES, PIXELS, precision);
        let (x, mut scratch) = (weights(&problem), problem.scratch());
        let mut g = vec![0.0; problem.dim()];
        let pass = cost(&problem, Work::value_gradients(1, SAMPLES as u64));
        suite.measure("step", &format!("one value-gradient, {name}"), pass, || {
            black_box(problem.value_gradient(&x, &mut g, &mut scratch));
        });
        step(&mut suite, &AdmmSoftmax::default(), &problem, name);
        step(&mut suite, &BoundMajorizer::default(), &problem, name);
        step(&mut suite, &Lbfgs::default(), &problem, name);
        step(&mut suite, &NewtonCg::default(), &problem, name);
        step(&mut suite, &RidgeClassifier::default(), &problem, name);
        step(&mut suite, &Sgd { step_size: 1e-3, ..Sgd::default() }, &problem, name);
    }
    suite.finish();
}
