//! The kernels of multinomial logistic regression and of ADMM-Softmax, each with the operations and
//! bytes of its mathematics beside the limits of the machine.
//!
//! `N` samples, `p` weights per class with the bias, `K` classes; pixels are stored as bytes. What
//! the maps of the scores cost (some 50 operations a score) is left out beside the products with
//! the data.

#[path = "support/images.rs"]
mod images;
mod support;

use std::hint::black_box;

use converge_problems::data::Features;
use converge_problems::mlr::{Mlr, Precision};
use converge_problems::numerics::Normals;
use converge_problems::{Batch, BatchGradient, Gradient, HessianVector, Problem, Seed};
use converge_solvers::{ProxMethod, SoftmaxProx};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use crate::images::{CLASSES, images, instance, weights};
use crate::support::{Cost, Suite};

/// Samples and pixels of MNIST.
const SAMPLES: usize = 60_000;
const PIXELS: usize = 784;
/// Samples of a mini-batch.
const BATCH: usize = 128;

/// Two products of the data with as many columns as classes, `4 N p K` operations in the precision of
/// the oracle, and `bytes` moved.
fn two_products(problem: &Mlr, samples: usize, bytes: f64) -> Cost {
    let flops = 4.0 * (samples * problem.weights() * problem.classes()) as f64;
    match problem.precision() {
        Precision::Double => Cost { double: flops, bytes, ..Cost::default() },
        Precision::Mixed => Cost { single: flops, bytes, ..Cost::default() },
    }
}

/// Joint value and gradient: `4 N p K` operations, the stored data read once.
///
/// Hessian product: the same, and the `8 N K` bytes of the probabilities.
///
/// Gradient of a mini-batch `B`: `4 |B| p K`, and `p |B|` bytes from anywhere in the data.
fn oracles(suite: &mut Suite) {
    for (precision, name) in [(Precision::Double, "double"), (Precision::Mixed, "mixed")] {
        let problem = images(SAMPLES, PIXELS, precision);
        let (x, mut scratch) = (weights(&problem), problem.scratch());
        let mut g = vec![0.0; problem.dim()];
        let data = (SAMPLES * PIXELS) as f64;

        let cost = two_products(&problem, SAMPLES, data);
        suite.measure("mlr", &format!("value-gradient, {name}"), cost, || {
            black_box(problem.value_gradient(&x, &mut g, &mut scratch));
        });

        let mut at = problem.linearization();
        problem.linearize(&x, &mut at, &mut scratch);
        let cost = two_products(&problem, SAMPLES, data + 8.0 * (SAMPLES * CLASSES) as f64);
        suite.measure("mlr", &format!("hessian-vector, {name}"), cost, || {
            problem.hessian_vector(&at, &x, &mut g, &mut scratch);
            black_box(&g);
        });

        let mut rng = Seed::root(1).child("batch").rng();
        let mut terms = [0; BATCH];
        let cost = two_products(&problem, BATCH, (BATCH * PIXELS) as f64);
        suite.measure("mlr", &format!("batch gradient of {BATCH}, {name}"), cost, || {
            terms.fill_with(|| rng.random_range(0..SAMPLES as u32));
            let batch = Batch { terms: &terms, draw: Seed::root(1) };
            problem.batch_gradient(batch, &x, &mut g, &mut scratch);
            black_box(&g);
        });
    }

    // Data that are doubles have to come from memory whole: 8 bytes for 4 K operations.
    let samples = SAMPLES / 4;
    let normal = StandardNormal.sample_iter(Seed::root(1).child("features").rng());
    let features = Features::F64(normal.take(samples * PIXELS).collect());
    let problem = instance(features, PIXELS, Precision::Double);
    let (x, mut scratch) = (weights(&problem), problem.scratch());
    let mut g = vec![0.0; problem.dim()];
    let cost = two_products(&problem, samples, 8.0 * (samples * PIXELS) as f64);
    suite.measure("mlr", "value-gradient, double, stored as f64", cost, || {
        black_box(problem.value_gradient(&x, &mut g, &mut scratch));
    });
}

/// The Gram matrix `D Dᵀ`: `N p²` operations for its lower triangle, and the stored data read once.
/// The number of samples falls with `p`; the rate is what counts.
fn gram(suite: &mut Suite) {
    for (p, samples) in [(257, 16_384), (785, 8_192), (2305, 2_048)] {
        let problem = images(samples, p - 1, Precision::Double);
        let cost = Cost {
            double: (samples * p * p) as f64,
            bytes: (samples * (p - 1)) as f64,
            ..Cost::default()
        };
        suite.measure("gram", &format!("p = {p}, {samples} samples"), cost, || {
            black_box(problem.gram());
        });
    }
}

/// The step in the split variable for 10,000 samples, warm as in the middle of a run: it starts at
/// the solution for another argument, 0.1 away in every entry. `10 K` samples and iterations take
///
/// - Newton: 64 operations each, 43 of them the exponential;
/// - scalar: 190 each, nearly all the Wright omega function: an exponential and three logarithms.
///
/// Argument and solution are read, the solution is written: 24 bytes a score.
fn split_step(suite: &mut Suite) {
    // Tiles as the sweep has them for MNIST.
    const CAPACITY: usize = 80;
    const TILES: usize = 125;
    let (samples, penalty) = (CAPACITY * TILES, 0.1);
    let mut rng = Seed::root(1).child("split").rng();
    let mut normals = |deviation: f64| -> Vec<f64> {
        let normal = StandardNormal.sample_iter(&mut rng);
        normal.map(|v: f64| deviation * v).take(samples * CLASSES).collect()
    };
    let (reference, shift) = (normals(3.0), normals(0.1));
    let before: Vec<f64> = reference.iter().zip(&shift).map(|(v, d)| v + d).collect();
    let labels: Vec<u16> = (0..samples).map(|_| rng.random_range(0..CLASSES as u16)).collect();
    let mut work = vec![0.0; SoftmaxProx::work_len(CLASSES)];
    for (method, name, flops) in
        [(ProxMethod::Newton, "newton", 64.0), (ProxMethod::Scalar, "scalar", 190.0)]
    {
        let mut solve = |reference: &[f64], z: &mut [f64]| -> f64 {
            let tiles = reference.chunks_exact(CAPACITY * CLASSES);
            let tiles = tiles.zip(z.chunks_exact_mut(CAPACITY * CLASSES));
            let solved =
                tiles.zip(labels.chunks_exact(CAPACITY)).map(|((reference, z), labels)| {
                    let work = &mut work;
                    let capacity = CAPACITY;
                    let prox =
                        SoftmaxProx { method, penalty, reference, z, capacity, labels, work };
                    prox.solve().iterations
                });
            solved.sum()
        };
        let mut start = before.clone();
        solve(&before, &mut start);
        let mut z = start.clone();
        let iterations = solve(&reference, &mut z);
        let cost = Cost {
            double: flops * iterations * CLASSES as f64,
            bytes: 24.0 * z.len() as f64,
            ..Cost::default()
        };
        let mean = iterations / samples as f64;
        let name = format!("{name}, 10,000 samples, {mean:.1} iterations");
        suite.measure("split step", &name, cost, || {
            z.copy_from_slice(&start);
            black_box(solve(&reference, &mut z));
        });
    }
}

/// Standard normal numbers: those that synthetic data and random filters are made of, one after the other,
/// and those of ensembles, by their address.
fn normals(suite: &mut Suite) {
    let mut numbers = vec![0.0; 1 << 16];
    let addressed = Normals::new(Seed::root(1));
    let cost = Cost { numbers: numbers.len() as f64, ..Cost::default() };
    suite.measure("random", "65,536 standard normals by address", cost, || {
        addressed.fill(0, 0, 0, &mut numbers);
        black_box(&numbers);
    });
    let mut rng = Seed::root(1).rng();
    let cost = Cost { numbers: numbers.len() as f64, ..Cost::default() };
    suite.measure("random", "65,536 standard normals", cost, || {
        numbers.fill_with(|| StandardNormal.sample(&mut rng));
        black_box(&numbers);
    });
}

fn main() {
    let mut suite = Suite::new();
    oracles(&mut suite);
    gram(&mut suite);
    split_step(&mut suite);
    normals(&mut suite);
    suite.finish();
}
