//! Identities, monotonicity and limits of ADMM-Softmax and of what it is compared with.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

use converge_problems::data::{Dataset, DatasetChoice, Features, Samples, Shape};
use converge_problems::mlr::{Amount, Bias, Mlr, MlrConfig, Precision, Ridge, SplitChoice};
use converge_problems::{Gradient, Problem, Seed, Value};
use converge_solvers::{
    AdmmSoftmax, AdmmSoftmaxState, Balancing, BoundMajorizer, Dual, NewtonCg, ProxMethod,
    RidgeClassifier, Solver, check,
};
use rand::RngExt;

/// Overlapping Gaussian classes.
fn problem(samples: usize, inputs: usize, classes: usize, change: impl Fn(&mut MlrConfig)) -> Mlr {
    let mut rng = Seed::root(11).child("admm test").rng();
    let labels: Vec<u16> = (0..samples).map(|_| rng.random_range(0..classes as u16)).collect();
    let values = labels
        .iter()
        .flat_map(|&y| (0..inputs).map(move |i| if i % 7 == y as usize % 7 { 0.4 } else { 0.0 }))
        .map(|mean| mean + rng.random_range(-1.0..1.0))
        .collect();
    let data = Dataset {
        name: "gaussian".into(),
        shape: Shape { channels: 1, rows: 3, columns: inputs / 3 },
        classes,
        train: Samples { features: Features::F64(values), labels },
        test: None,
        checksum: String::new(),
    };
    let mut config = MlrConfig::new(DatasetChoice::Named("gaussian".into()));
    config.split = SplitChoice { test: Some(Amount::Count(0)), ..SplitChoice::ALL };
    change(&mut config);
    Mlr::new(&data, &config, Seed::root(1), None).unwrap()
}

fn small() -> Mlr {
    problem(120, 15, 4, |_| {})
}

fn start(solver: &AdmmSoftmax, mlr: &Mlr) -> AdmmSoftmaxState {
    solver.init(mlr, &vec![0.0; mlr.dim()], Seed::root(0)).unwrap()
}

fn steps<S: Solver<Mlr>>(solver: &S, mlr: &Mlr, count: usize) -> Vec<f64> {
    let mut state = solver.init(mlr, &vec![0.0; mlr.dim()], Seed::root(0)).unwrap();
    for _ in 0..count {
        solver.step(mlr, &mut state).unwrap();
    }
    solver.iterate(&state).to_vec()
}

/// `Z` and `U` as `[sample][class]`.
fn split(mlr: &Mlr, state: &AdmmSoftmaxState) -> [Vec<Vec<f64>>; 2] {
    let (classes, capacity) = (mlr.classes(), mlr.tile_capacity());
    let part = |which: usize| {
        (0..mlr.samples())
            .map(|j| {
                let tile = j / capacity * 2 * classes * capacity + which * classes * capacity;
                (0..classes).map(|k| state.split()[tile + k * capacity + j % capacity]).collect()
            })
            .collect()
    };
    [part(0), part(1)]
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// `x` without the mean over classes.
fn centered(x: &[f64], p: usize) -> Vec<f64> {
    let over = p as f64 / x.len() as f64;
    let mean = |i: usize| x.iter().skip(i).step_by(p).sum::<f64>() * over;
    let means: Vec<f64> = (0..p).map(mean).collect();
    x.iter().enumerate().map(|(i, x)| x - means[i % p]).collect()
}

/// The minimizer, by Newton's method to rounding.
fn minimizer(mlr: &Mlr) -> Vec<f64> {
    let x = steps(&NewtonCg::default(), mlr, 30);
    let mut g = vec![0.0; x.len()];
    mlr.gradient(&x, &mut g, &mut mlr.scratch());
    assert!(norm(&g) <= 1e-11, "gradient {}", norm(&g));
    x
}

const PROXES: [ProxMethod; 2] = [ProxMethod::Newton, ProxMethod::Scalar];

#[test]
fn i1_the_multiplier_is_the_scaled_residual_of_z() {
    let mlr = small();
    for (prox, relaxation) in PROXES.into_iter().flat_map(|p| [(p, 1.0), (p, 1.6)]) {
        for dual in [Dual::Explicit, Dual::Implicit] {
            let solver =
                AdmmSoftmax { penalty: 0.05, relaxation, prox, dual, ..AdmmSoftmax::default() };
            let mut state = start(&solver, &mlr);
            for _ in 0..5 {
                solver.step(&mlr, &mut state).unwrap();
                let [z, u] = split(&mlr, &state);
                for ((z, u), &y) in z.iter().zip(&u).zip(mlr.labels()) {
                    let total: f64 = z.iter().map(|z| z.exp()).sum();
                    for (k, (z, u)) in z.iter().zip(u).enumerate() {
                        let c = f64::from(u8::from(k == y as usize));
                        let expected = (c - z.exp() / total) / 0.05;
                        assert!((u - expected).abs() <= 1e-10, "{prox:?} {u} against {expected}");
                        assert!(u.abs() <= 1.0 / 0.05 + 1e-10);
                    }
                }
            }
        }
    }
}

#[test]
fn i2_sums_over_classes_stay_zero() {
    let mlr = small();
    let solver = AdmmSoftmax { relaxation: 1.5, ..AdmmSoftmax::default() };
    let mut state = start(&solver, &mlr);
    for _ in 0..20 {
        solver.step(&mlr, &mut state).unwrap();
    }
    let w = solver.iterate(&state);
    for i in 0..mlr.weights() {
        assert!(w.iter().skip(i).step_by(mlr.weights()).sum::<f64>().abs() <= 1e-11);
    }
    for part in split(&mlr, &state) {
        assert!(part.iter().all(|z| z.iter().sum::<f64>().abs() <= 1e-10));
    }
}

#[test]
fn i3_the_second_iterate_is_the_ridge_classifier() {
    for ridge in [Ridge::Identity(1e-2), Ridge::Laplacian(1e-6)] {
        let mlr = problem(120, 15, 4, |config| config.ridge = ridge);
        for penalty in [4e-3, 0.1, 2.0] {
            let first = steps(&AdmmSoftmax { penalty, ..AdmmSoftmax::default() }, &mlr, 1);
            assert!(norm(&first) <= 0.0, "the first step leaves zero");
            let admm = steps(&AdmmSoftmax { penalty, ..AdmmSoftmax::default() }, &mlr, 2);
            let ridge = steps(&RidgeClassifier { penalty, ..RidgeClassifier::default() }, &mlr, 1);
            assert!(distance(&admm, &ridge) <= 1e-9 * norm(&ridge), "s = {penalty}");
        }
    }
}

#[test]
fn i4_the_certificate_bounds_the_gradient_and_vanishes() {
    for (relaxation, bias) in
        [(1.0, Bias::Regularized), (1.7, Bias::Regularized), (0.6, Bias::Free)]
    {
        let mlr = problem(120, 15, 4, |config| config.bias = bias);
        let solver = AdmmSoftmax { relaxation, ..AdmmSoftmax::default() };
        let mut state = start(&solver, &mlr);
        let mut scratch = mlr.scratch();
        let (mut g, mut row) = (vec![0.0; mlr.dim()], [0.0; 4]);
        for k in 0..200 {
            solver.step(&mlr, &mut state).unwrap();
            mlr.gradient(solver.iterate(&state), &mut g, &mut scratch);
            solver.diagnose(&mlr, &state, &mut scratch, &mut row);
            assert!(
                norm(&g) <= row[3] * (1.0 + 1e-9) + 1e-14,
                "step {k}: {} > {}",
                norm(&g),
                row[3]
            );
        }
        assert!(row[3] <= 1e-5, "certificate {} with θ = {relaxation}", row[3]);
    }
}

#[test]
fn the_dual_residual_is_that_of_its_definition() {
    let mlr = small();
    let solver = AdmmSoftmax::default();
    let mut state = start(&solver, &mlr);
    let rho = solver.penalty / mlr.samples() as f64;
    let mut row = [0.0; 4];
    for _ in 0..10 {
        let [before, _] = split(&mlr, &state);
        solver.step(&mlr, &mut state).unwrap();
        let [after, _] = split(&mlr, &state);
        let mut square = 0.0;
        for i in 0..mlr.weights() {
            for k in 0..mlr.classes() {
                let sum: f64 = (0..mlr.samples())
                    .map(|j| mlr.feature(i, j) * (after[j][k] - before[j][k]))
                    .sum();
                square += (rho * sum).powi(2);
            }
        }
        solver.diagnose(&mlr, &state, &mut mlr.scratch(), &mut row);
        assert!((row[1] - square.sqrt()).abs() <= 1e-11 * square.sqrt().max(1e-3));
    }
}

#[test]
fn t2_and_t3_lyapunov_values_fall_and_steps_shrink() {
    let mlr = small();
    let solver = AdmmSoftmax::default();
    let mut state = start(&solver, &mlr);
    let mut limit = start(&solver, &mlr);
    for _ in 0..3000 {
        solver.step(&mlr, &mut limit).unwrap();
    }
    let target = split(&mlr, &limit);
    let gap = |a: &[Vec<f64>], b: &[Vec<f64>]| -> f64 {
        a.iter().zip(b).map(|(a, b)| distance(a, b).powi(2)).sum()
    };
    let mut row = [0.0; 4];
    solver.step(&mlr, &mut state).unwrap();
    let mut last = split(&mlr, &state);
    let (mut value, mut change) =
        (gap(&last[0], &target[0]) + gap(&last[1], &target[1]), f64::INFINITY);
    for k in 0..60 {
        solver.step(&mlr, &mut state).unwrap();
        let now = split(&mlr, &state);
        solver.diagnose(&mlr, &state, &mut mlr.scratch(), &mut row);
        let next = gap(&now[0], &target[0]) + gap(&now[1], &target[1]);
        let (dz, du) = (gap(&now[0], &last[0]), gap(&now[1], &last[1]));
        let room = 1e-10 * value + 1e-18;
        assert!(next <= value - row[0].powi(2) - dz + room, "T2 at step {k}");
        assert!(dz + du <= change * (1.0 + 1e-9) + 1e-18, "T3 at step {k}");
        (value, change, last) = (next, dz + du, now);
    }
}

#[test]
fn every_variant_reaches_the_minimizer() {
    for bias in [Bias::Regularized, Bias::Free] {
        let mlr = problem(120, 15, 4, |config| config.bias = bias);
        let expected = minimizer(&mlr);
        let base = AdmmSoftmax::default();
        let variants = [
            base.clone(),
            AdmmSoftmax { prox: ProxMethod::Scalar, ..base.clone() },
            AdmmSoftmax { relaxation: 1.6, dual: Dual::Implicit, ..base.clone() },
            AdmmSoftmax { penalty: 1.0, balancing: Some(Balancing::default()), ..base.clone() },
        ];
        for solver in variants {
            let x = steps(&solver, &mlr, 1500);
            // A free bias may shift all classes alike without changing the objective.
            let (x, expected) = (centered(&x, mlr.weights()), centered(&expected, mlr.weights()));
            let gap = distance(&x, &expected) / norm(&expected);
            assert!(gap <= 1e-8, "{bias:?} {solver:?}: {gap}");
        }
    }
}

#[test]
fn reference_weights_move_the_minimizer_of_every_method() {
    let mut rng = Seed::root(3).child("prior").rng();
    let prior: Vec<f64> = (0..16 * 4).map(|_| rng.random_range(-0.5..0.5)).collect();
    let mlr = problem(120, 15, 4, |config| config.ridge = Ridge::Identity(0.1));
    let mlr = mlr.with_prior(&prior).unwrap();
    let expected = minimizer(&mlr);
    let admm = steps(&AdmmSoftmax::default(), &mlr, 600);
    assert!(distance(&admm, &expected) <= 1e-8 * norm(&expected));
    let bound = steps(&BoundMajorizer::default(), &mlr, 2000);
    assert!(distance(&bound, &expected) <= 1e-8 * norm(&expected));
}

#[test]
fn the_majorizer_descends_at_every_step_to_the_minimizer() {
    let mlr = small();
    let solver = BoundMajorizer::default();
    let mut state = solver.init(&mlr, &vec![0.0; mlr.dim()], Seed::root(0)).unwrap();
    let mut scratch = mlr.scratch();
    let mut value = mlr.value(solver.iterate(&state), &mut scratch);
    for k in 0..300 {
        solver.step(&mlr, &mut state).unwrap();
        let next = mlr.value(solver.iterate(&state), &mut scratch);
        assert!(next <= value + 1e-15, "step {k}: {next} after {value}");
        value = next;
    }
    let x = steps(&solver, &mlr, 2000);
    assert!(distance(&x, &minimizer(&mlr)) <= 1e-8 * norm(&x));
    let stops = BoundMajorizer { gradient_tolerance: 1e3 };
    let mut state = stops.init(&mlr, &vec![0.0; mlr.dim()], Seed::root(0)).unwrap();
    assert!(stops.step(&mlr, &mut state).unwrap().converged);
}

#[test]
fn mixed_precision_reaches_nearly_the_same_point_without_drift() {
    let mlr = small();
    let mixed = problem(120, 15, 4, |config| config.precision = Precision::Mixed);
    let expected = minimizer(&mlr);
    for count in [300, 1500] {
        let x = steps(&AdmmSoftmax::default(), &mixed, count);
        let gap = distance(&x, &expected) / norm(&expected);
        assert!(gap <= 2e-5, "after {count} steps: {gap}");
    }
}

#[test]
fn iterates_are_equal_to_the_bit_for_1_2_3_and_8_threads() {
    // Large enough that the sweep uses the threads.
    let mlr = problem(4_000, 60, 6, |_| {});
    let solver = AdmmSoftmax { balancing: Some(Balancing::default()), ..AdmmSoftmax::default() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| steps(&solver, &mlr, 6)).into_iter().map(f64::to_bits).collect::<Vec<_>>()
    };
    let one = run(1);
    assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn restarts_and_observation_change_nothing() {
    let mlr = small();
    let admm = AdmmSoftmax { balancing: Some(Balancing::default()), ..AdmmSoftmax::default() };
    check::restarts(&admm, &mlr, 8);
    check::observing_changes_nothing(&admm, &mlr, 8);
    check::restarts(&BoundMajorizer::default(), &mlr, 8);
    check::restarts(&RidgeClassifier::default(), &mlr, 2);
}

#[test]
fn inadmissible_parameters_are_named() {
    let mlr = small();
    let error = |solver: AdmmSoftmax| {
        let x0 = vec![0.0; mlr.dim()];
        solver.init(&mlr, &x0, Seed::root(0)).err().expect("inadmissible").to_string()
    };
    let message = error(AdmmSoftmax { penalty: 0.0, ..AdmmSoftmax::default() });
    assert!(message.starts_with("penalty = 0"), "{message}");
    let message = error(AdmmSoftmax { relaxation: 2.0, ..AdmmSoftmax::default() });
    assert!(message.starts_with("relaxation = 2"), "{message}");
    // Without a ridge and with a dead feature nothing holds its weight.
    let data = Dataset {
        name: String::new(),
        shape: Shape { channels: 1, rows: 1, columns: 2 },
        classes: 2,
        train: Samples { features: Features::F64(vec![1.0, 0.0, 2.0, 0.0]), labels: vec![0, 1] },
        test: None,
        checksum: String::new(),
    };
    let mut config = MlrConfig::new(DatasetChoice::Named(String::new()));
    (config.ridge, config.split) = (Ridge::Identity(0.0), SplitChoice::ALL);
    let singular = Mlr::new(&data, &config, Seed::root(0), None).unwrap();
    let error = AdmmSoftmax::default().init(&singular, &[0.0; 6], Seed::root(0)).err();
    assert!(error.expect("singular").to_string().contains("not positive definite"));
}
