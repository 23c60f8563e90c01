//! One step of every method for games, on an ensemble of the linear–quadratic game in the plane: the
//! random numbers that it needs beside the raw generator, and its operations beside the limits of the
//! machine.

mod support;

use std::hint::black_box;

use converge_bench::clock::{Clock, ProcessorTime};
use converge_problems::gan::{LqGan, LqGanConfig};
use converge_problems::numerics::Normals;
use converge_problems::{Build, Problem, Seed};
use converge_solvers::{
    Consensus, EulerMaruyama, ExactLinear, Extragradient, GaussianSga, Optimistic, Platen, Sga,
    Solver, WeakHeun,
};

use crate::support::{Cost, Suite};

/// Paths of the integrators and the chain with their noise: their points fill a second-level cache.
const PATHS: usize = 50_000;
/// Paths of the methods that draw mini-batches, each from a seed of its own.
const DRAWN: usize = 1000;
/// What a field takes in the plane: two products of two numbers and a constant each.
const FIELD: f64 = 8.0;

/// Times steps, one after the other. `normals` and `flops` are those of a path and a step.
fn step<S: Solver<LqGan>>(suite: &mut Suite, solver: &S, normals: f64, flops: f64) {
    let problem = LqGan::build(&LqGanConfig::default(), Seed::root(0), None);
    let problem = problem.expect("the default is admissible");
    let paths = solver.points();
    let mut x = vec![0.0; 2 * paths];
    problem.start(Seed::root(0), &mut x);
    let mut state = solver.init(&problem, &x, Seed::root(1)).expect("the default is admissible");
    let cost =
        Cost { double: flops * paths as f64, numbers: normals * paths as f64, ..Cost::default() };
    suite.measure_with("game", &format!("{}, {paths} paths", S::ID), cost, |iterations| {
        let mut clock = ProcessorTime::start();
        for _ in 0..iterations {
            solver.step(&problem, &mut state).expect("it does not break down");
        }
        clock.now()
    });
}

fn main() {
    let mut suite = Suite::new();
    let (paths, substeps) = (PATHS, 1);
    // The yardstick of the integrators.
    let (normals, mut numbers) = (Normals::new(Seed::root(1)), vec![0.0; 256]);
    let cost = Cost { numbers: 2.0 * paths as f64, ..Cost::default() };
    suite.measure("game", &format!("the normals of a step alone, {paths} paths"), cost, || {
        for first in (0..2 * paths).step_by(numbers.len()) {
            normals.fill(0, 0, first, &mut numbers);
            black_box(&numbers);
        }
    });
    // A move is two multiply-adds a coordinate, a noise one product.
    let euler = FIELD + 10.0;
    step(&mut suite, &EulerMaruyama { paths, substeps, ..EulerMaruyama::default() }, 2.0, euler);
    let eight = EulerMaruyama { paths, substeps: 8, ..EulerMaruyama::default() };
    step(&mut suite, &eight, 16.0, 8.0 * euler);
    let heun = WeakHeun { paths, substeps, ..WeakHeun::default() };
    step(&mut suite, &heun, 2.0, 2.0 * FIELD + 22.0);
    let exact = ExactLinear { paths, substeps, ..ExactLinear::default() };
    step(&mut suite, &exact, 2.0, 18.0);
    let platen = Platen { paths, substeps, ..Platen::default() };
    step(&mut suite, &platen, 2.0, 2.0 * FIELD + 130.0);
    let chain = GaussianSga { paths, ..GaussianSga::default() };
    step(&mut suite, &chain, 2.0, 2.0 * euler);
    // A mini-batch of Gaussian data is drawn through its mean.
    let paths = DRAWN;
    step(&mut suite, &Sga { paths, ..Sga::default() }, 4.0, 2.0 * FIELD);
    step(&mut suite, &Extragradient { paths, ..Extragradient::default() }, 4.0, 2.0 * FIELD);
    step(&mut suite, &Optimistic { paths, ..Optimistic::default() }, 2.0, FIELD);
    step(&mut suite, &Consensus { paths, ..Consensus::default() }, 6.0, 3.0 * FIELD);
    suite.finish();
}
