//! Every method for the least-squares problem of ADMM-Softmax, against a dense QR of the stacked
//! matrix, and inside the outer iteration.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

use converge_problems::data::{Dataset, DatasetChoice, Features, Samples, Shape};
use converge_problems::mlr::{Amount, Bias, Mlr, MlrConfig, Precision, Ridge, SplitChoice};
use converge_problems::{Gradient, Problem, Seed};
use converge_solvers::{
    Adaptation, AdmmSoftmax, Balancing, Iterative, LeastSquares, LeastSquaresSystem, NewtonCg,
    Preconditioner, RidgeClassifier, Right, Solver, Tolerance, check,
};
use faer::Mat;
use faer::linalg::solvers::SolveLstsq;
use rand::RngExt;

const CLASSES: usize = 3;

/// Images of `rows x 5` with two nearly dead features: one zero in all samples but one, one zero
/// everywhere.
fn problem(samples: usize, rows: usize, change: impl Fn(&mut MlrConfig)) -> Mlr {
    let inputs = rows * 5;
    let mut rng = Seed::root(21).child("least squares").rng();
    let labels: Vec<u16> = (0..samples).map(|_| rng.random_range(0..CLASSES as u16)).collect();
    let mut values: Vec<f64> = labels
        .iter()
        .flat_map(|&y| (0..inputs).map(move |i| if i % 3 == y as usize { 0.6 } else { 0.2 }))
        .map(|mean| mean + rng.random_range(-1.0..1.0))
        .collect();
    for (j, row) in values.chunks_exact_mut(inputs).enumerate() {
        row[1] = if j == 0 { 1e-3 } else { 0.0 };
        row[2] = 0.0;
    }
    let data = Dataset {
        name: "images".into(),
        shape: Shape { channels: 1, rows, columns: 5 },
        classes: CLASSES,
        train: Samples { features: Features::F64(values), labels },
        test: None,
        checksum: String::new(),
    };
    let mut config = MlrConfig::new(DatasetChoice::Named("images".into()));
    config.split = SplitChoice { test: Some(Amount::Count(0)), ..SplitChoice::ALL };
    change(&mut config);
    Mlr::new(&data, &config, Seed::root(1), None).unwrap()
}

fn iterative(preconditioner: Preconditioner, tolerance: Tolerance) -> Iterative {
    Iterative { preconditioner, tolerance, iterations: 5000 }
}

const PRECONDITIONERS: [Preconditioner; 4] = [
    Preconditioner::None,
    Preconditioner::Jacobi,
    Preconditioner::Sine,
    Preconditioner::Nystroem { rank: 8 },
];

const DIRECT: [LeastSquares; 4] =
    [LeastSquares::Cholesky, LeastSquares::Qr, LeastSquares::Eigen, LeastSquares::Woodbury];

fn inner(tolerance: Tolerance) -> Vec<LeastSquares> {
    let all = PRECONDITIONERS.map(|p| iterative(p, tolerance));
    all.into_iter().flat_map(|i| [LeastSquares::Cg(i), LeastSquares::Lsqr(i)]).collect()
}

/// Every method that fits the sizes.
fn methods(mlr: &Mlr, tolerance: Tolerance) -> Vec<LeastSquares> {
    let fits = |m: &LeastSquares| *m != LeastSquares::Woodbury || mlr.samples() < mlr.weights();
    DIRECT.into_iter().filter(fits).chain(inner(tolerance)).collect()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// `F`, `[sample][class]`.
fn targets(mlr: &Mlr) -> Vec<[f64; CLASSES]> {
    let mut rng = Seed::root(5).child("targets").rng();
    (0..mlr.samples()).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0))).collect()
}

/// The solution by Householder QR of `[Dᵀ; √r L]`, dense.
fn reference(mlr: &Mlr, targets: &[[f64; CLASSES]], ratio: f64) -> Vec<f64> {
    let (p, n) = (mlr.weights(), mlr.samples());
    let mut ridge = Mat::<f64>::zeros(p, p);
    let mut unit = vec![0.0; p];
    for j in 0..p {
        unit[j] = ratio.sqrt();
        mlr.operator().apply(&unit, ridge.col_as_slice_mut(j));
        unit[j] = 0.0;
    }
    let zero = vec![0.0; p * CLASSES];
    let prior = mlr.prior().unwrap_or(&zero);
    let stacked =
        Mat::from_fn(n + p, p, |i, j| if i < n { mlr.feature(j, i) } else { ridge[(i - n, j)] });
    let right = Mat::from_fn(n + p, CLASSES, |i, k| {
        if i < n {
            targets[i][k]
        } else {
            (0..p).map(|j| ridge[(i - n, j)] * prior[k * p + j]).sum()
        }
    });
    let x = stacked.qr().solve_lstsq(right);
    (0..CLASSES).flat_map(|k| x.col_as_slice(k)[..p].to_vec()).collect()
}

/// Solves from `w` and returns the residual of the normal equations as the method reports it.
fn solve(
    system: &mut LeastSquaresSystem,
    mlr: &Mlr,
    targets: &[[f64; CLASSES]],
    w: &mut [f64],
) -> Option<Vec<f64>> {
    let p = mlr.weights();
    let mut product = vec![0.0; p * CLASSES];
    for (j, f) in targets.iter().enumerate() {
        for (k, f) in f.iter().enumerate() {
            for i in 0..p {
                product[k * p + i] += mlr.feature(i, j) * f;
            }
        }
    }
    let capacity = mlr.tile_capacity();
    let data = |first: usize, to: &mut [f64]| {
        for (j, f) in targets[first..].iter().take(capacity).enumerate() {
            for (k, f) in f.iter().enumerate() {
                to[k * capacity + j] = *f;
            }
        }
    };
    let right = Right { product: &product, data: &data, step: f64::NAN };
    system.solve(mlr, &right, w, &mut mlr.scratch()).unwrap();
    system.residual().map(<[f64]>::to_vec)
}

/// `b - (G + r LᵀL) W`, plainly.
fn residual(mlr: &Mlr, targets: &[[f64; CLASSES]], ratio: f64, w: &[f64]) -> Vec<f64> {
    let p = mlr.weights();
    let (mut once, mut twice) = (vec![0.0; p], vec![0.0; p]);
    let mut all = Vec::new();
    for (k, w) in w.chunks_exact(p).enumerate() {
        let prior = mlr.prior().map_or(vec![0.0; p], |all| all[k * p..(k + 1) * p].to_vec());
        let delta: Vec<f64> = prior.iter().zip(w).map(|(r, w)| r - w).collect();
        mlr.operator().apply(&delta, &mut once);
        mlr.operator().apply(&once, &mut twice);
        let mut e: Vec<f64> = twice.iter().map(|v| ratio * v).collect();
        for (j, f) in targets.iter().enumerate() {
            let score: f64 = (0..p).map(|i| mlr.feature(i, j) * w[i]).sum();
            e.iter_mut().enumerate().for_each(|(i, e)| *e += mlr.feature(i, j) * (f[k] - score));
        }
        all.extend(e);
    }
    all
}

#[test]
fn every_method_solves_to_its_tolerance_also_after_the_ratio_has_changed() {
    for (ridge, ratios) in
        [(Ridge::Identity(1e-2), [0.3, 20.0]), (Ridge::Laplacian(1e-2), [0.1, 5.0])]
    {
        // More samples than weights, and fewer.
        for samples in [90, 20] {
            let mlr = problem(samples, 6, |config| config.ridge = ridge);
            let prior: Vec<f64> = (0..mlr.dim()).map(|i| f64::from(i as u32 % 7) * 0.1).collect();
            for mlr in [mlr.clone(), mlr.with_prior(&prior).unwrap()] {
                let targets = targets(&mlr);
                for method in methods(&mlr, Tolerance::Fixed(1e-11)) {
                    let seed = Seed::root(9);
                    let mut system =
                        LeastSquaresSystem::new(&method, &mlr, ratios[0], seed).unwrap();
                    let mut w = vec![0.0; mlr.dim()];
                    for ratio in [ratios[0], ratios[1], ratios[0]] {
                        system.set_ratio(&mlr, ratio).unwrap();
                        solve(&mut system, &mlr, &targets, &mut w);
                        let expected = reference(&mlr, &targets, ratio);
                        let gap = distance(&w, &expected) / norm(&expected);
                        // The condition is below 1e5.
                        assert!(gap <= 1e-7, "{ridge:?} {samples} {method:?} {ratio}: {gap:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_residual_that_inner_iterations_report_is_the_true_one_and_within_the_tolerance() {
    let mlr = problem(90, 6, |config| config.ridge = Ridge::Laplacian(1e-2));
    let targets = targets(&mlr);
    for tolerance in [1e-1, 1e-3, 1e-6] {
        for method in inner(Tolerance::Fixed(tolerance)) {
            let mut system = LeastSquaresSystem::new(&method, &mlr, 0.5, Seed::root(9)).unwrap();
            let mut w = vec![0.1; mlr.dim()];
            let reported = solve(&mut system, &mlr, &targets, &mut w).unwrap();
            let found = residual(&mlr, &targets, 0.5, &w);
            let right = norm(&residual(&mlr, &targets, 0.5, &vec![0.0; mlr.dim()]));
            assert!(distance(&reported, &found) <= 1e-9 * right, "{method:?}");
            assert!(norm(&found) <= tolerance * right, "{method:?}: {:e}", norm(&found) / right);
        }
    }
}

#[test]
fn the_bound_of_the_norm_of_the_data_is_one_and_of_its_size() {
    let mlr = problem(20, 6, |_| {});
    let gram = mlr.gram();
    let largest = gram.self_adjoint_eigenvalues(faer::Side::Lower).unwrap().last().unwrap().sqrt();
    for method in methods(&mlr, Tolerance::default()) {
        let system = LeastSquaresSystem::new(&method, &mlr, 1.0, Seed::root(9)).unwrap();
        let bound = system.data_norm();
        assert!(bound >= largest && bound <= 3.0 * largest, "{method:?}: {bound} of {largest}");
    }
}

fn run(solver: &AdmmSoftmax, mlr: &Mlr, steps: usize) -> Vec<f64> {
    let mut state = solver.init(mlr, &vec![0.0; mlr.dim()], Seed::root(3)).unwrap();
    for _ in 0..steps {
        solver.step(mlr, &mut state).unwrap();
    }
    solver.iterate(&state).to_vec()
}

#[test]
fn iterates_of_admm_do_not_depend_on_the_method() {
    let rule = Adaptation::Balancing(Balancing { ratio: 2.0, ..Balancing::default() });
    for adaptation in [None, Some(rule)] {
        for samples in [90, 20] {
            let mlr = problem(samples, 6, |config| config.ridge = Ridge::Laplacian(1e-2));
            let base = AdmmSoftmax { relaxation: 1.3, adaptation, ..AdmmSoftmax::default() };
            let expected = run(&base, &mlr, 30);
            for least_squares in methods(&mlr, Tolerance::Fixed(1e-10)) {
                let x = run(&AdmmSoftmax { least_squares, ..base.clone() }, &mlr, 30);
                let gap = distance(&x, &expected) / norm(&expected);
                let room = if least_squares.iterative().is_some() { 1e-6 } else { 1e-8 };
                assert!(gap <= room, "{least_squares:?} with {adaptation:?}: {gap:e}");
            }
        }
    }
}

/// Loose, and loose in every way.
const RULES: [Tolerance; 3] = [
    Tolerance::Fixed(0.1),
    Tolerance::Summable { first: 0.1, power: 1.5 },
    Tolerance::Relative { sigma: 0.5 },
];

#[test]
fn the_certificate_bounds_the_gradient_under_loose_tolerances() {
    let mlr = problem(90, 6, |config| config.ridge = Ridge::Laplacian(1e-2));
    let mut scratch = mlr.scratch();
    for tolerance in RULES {
        for (least_squares, relaxation) in
            inner(tolerance).into_iter().flat_map(|m| [(m, 1.0), (m, 1.6)])
        {
            let rule = Balancing { ratio: 2.0, ..Balancing::default() };
            let adaptation = Some(Adaptation::Balancing(rule));
            let solver =
                AdmmSoftmax { relaxation, least_squares, adaptation, ..AdmmSoftmax::default() };
            let mut state = solver.init(&mlr, &vec![0.0; mlr.dim()], Seed::root(3)).unwrap();
            let (mut g, mut row) = (vec![0.0; mlr.dim()], [0.0; 5]);
            let mut left = 0.0_f64;
            for k in 0..60 {
                solver.step(&mlr, &mut state).unwrap();
                mlr.gradient(solver.iterate(&state), &mut g, &mut scratch);
                solver.diagnose(&mlr, &state, &mut scratch, &mut row);
                let room = row[3] * (1.0 + 1e-9) + 1e-14;
                assert!(norm(&g) <= room, "{solver:?} step {k}: {} > {}", norm(&g), row[3]);
                left = left.max(row[4]);
            }
            assert!(left > 0.0, "loose solves leave something");
        }
    }
}

#[test]
fn inexact_methods_reach_the_minimizer_under_summable_and_relative_rules() {
    // A ridge that holds the dead features: weak directions hardly show in a residual.
    let mlr = problem(90, 6, |config| config.ridge = Ridge::Identity(1e-1));
    let newton = NewtonCg::default();
    let mut state = newton.init(&mlr, &vec![0.0; mlr.dim()], Seed::root(0)).unwrap();
    for _ in 0..30 {
        newton.step(&mlr, &mut state).unwrap();
    }
    let expected = Solver::<Mlr>::iterate(&newton, &state).to_vec();
    for tolerance in [RULES[2], Tolerance::Summable { first: 0.1, power: 2.5 }] {
        for least_squares in inner(tolerance) {
            let solver = AdmmSoftmax { least_squares, ..AdmmSoftmax::default() };
            let x = run(&solver, &mlr, 1500);
            let gap = distance(&x, &expected) / norm(&expected);
            assert!(gap <= 1e-6, "{least_squares:?}: {gap:e}");
        }
    }
}

#[test]
fn the_relative_rule_saves_passes() {
    let mlr = problem(90, 6, |config| config.ridge = Ridge::Laplacian(1e-2));
    let passes = |tolerance| {
        let least_squares = LeastSquares::Cg(iterative(Preconditioner::Jacobi, tolerance));
        let solver = AdmmSoftmax { least_squares, ..AdmmSoftmax::default() };
        let mut state = solver.init(&mlr, &vec![0.0; mlr.dim()], Seed::root(3)).unwrap();
        (0..100).map(|_| solver.step(&mlr, &mut state).unwrap().work.samples).sum::<u64>()
    };
    let (exact, relative) = (passes(Tolerance::Fixed(1e-10)), passes(RULES[2]));
    assert!(3 * relative < exact, "{relative} against {exact}");
}

#[test]
fn ridge_classifiers_agree_too() {
    let mlr = problem(20, 6, |config| config.ridge = Ridge::Laplacian(1e-2));
    let run = |least_squares| {
        let solver = RidgeClassifier { least_squares, ..RidgeClassifier::default() };
        let mut state = solver.init(&mlr, &vec![0.0; mlr.dim()], Seed::root(3)).unwrap();
        solver.step(&mlr, &mut state).unwrap();
        Solver::<Mlr>::iterate(&solver, &state).to_vec()
    };
    let expected = run(LeastSquares::Cholesky);
    for method in methods(&mlr, Tolerance::Fixed(1e-11)) {
        let gap = distance(&run(method), &expected) / norm(&expected);
        assert!(gap <= 1e-7, "{method:?}: {gap:e}");
    }
}

#[test]
fn bits_are_equal_for_1_2_3_and_8_threads() {
    // Of more than one block: 756 weights, and 600 samples of a kernel.
    let mlr = problem(600, 151, |config| config.ridge = Ridge::Laplacian(1e-2));
    for least_squares in methods(&mlr, Tolerance::Fixed(1e-2)) {
        let solver = AdmmSoftmax { least_squares, ..AdmmSoftmax::default() };
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let x = pool.install(|| run(&solver, &mlr, 3));
            x.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        let one = bits(1);
        for threads in [2, 3, 8] {
            assert!(bits(threads) == one, "{least_squares:?}, {threads} threads");
        }
    }
}

#[test]
fn restarts_and_observation_change_nothing() {
    let mlr = problem(20, 6, |config| config.ridge = Ridge::Laplacian(1e-2));
    for least_squares in methods(&mlr, RULES[2]) {
        let rule = Balancing { ratio: 2.0, ..Balancing::default() };
        let adaptation = Some(Adaptation::Balancing(rule));
        let solver = AdmmSoftmax { least_squares, adaptation, ..AdmmSoftmax::default() };
        check::restarts(&solver, &mlr, 6);
        check::observing_changes_nothing(&solver, &mlr, 6);
    }
}

#[test]
fn mixed_precision_serves_every_method() {
    let change = |config: &mut MlrConfig| {
        config.ridge = Ridge::Laplacian(1e-2);
        config.precision = Precision::Mixed;
    };
    let mlr = problem(20, 6, change);
    let expected = run(&AdmmSoftmax::default(), &mlr, 20);
    for least_squares in methods(&mlr, Tolerance::Fixed(1e-5)) {
        let x = run(&AdmmSoftmax { least_squares, ..AdmmSoftmax::default() }, &mlr, 20);
        let gap = distance(&x, &expected) / norm(&expected);
        assert!(gap <= 1e-2, "{least_squares:?}: {gap:e}");
    }
}

#[test]
fn impossible_choices_are_refused_by_name_with_a_remedy() {
    let message = |mlr: &Mlr, method: LeastSquares| {
        let made = LeastSquaresSystem::new(&method, mlr, mlr.ridge_weight(), Seed::root(0));
        made.expect_err("impossible").to_string()
    };
    let free = problem(20, 6, |config| config.bias = Bias::Free);
    let tall = problem(90, 6, |_| {});
    let bare = problem(20, 6, |config| config.ridge = Ridge::Identity(0.0));
    let with = |p, t| LeastSquares::Cg(iterative(p, t));
    let (none, usual) = (Preconditioner::None, Tolerance::default());
    let nystroem = |rank| with(Preconditioner::Nystroem { rank }, usual);
    let cases = [
        (&free, LeastSquares::Eigen, "least-squares = eigen", "cholesky or qr"),
        (&free, LeastSquares::Woodbury, "least-squares = woodbury", "cholesky or qr"),
        (&tall, LeastSquares::Woodbury, "least-squares = woodbury", "fewer samples"),
        (&bare, LeastSquares::Woodbury, "least-squares = woodbury", "no weight"),
        (&free, with(Preconditioner::Sine, usual), "preconditioner = sine", "none or jacobi"),
        (&bare, nystroem(3), "preconditioner = nystroem", "none or jacobi"),
        (&tall, nystroem(0), "rank = 0", "from 1 to p"),
        (&tall, with(none, Tolerance::Fixed(0.0)), "tolerance.fixed = 0", "above 0"),
        (&tall, with(none, Tolerance::Relative { sigma: 1.0 }), "sigma = 1", "between 0 and 1"),
    ];
    for (mlr, method, name, remedy) in cases {
        let text = message(mlr, method);
        assert!(text.contains(name) && text.contains(remedy), "{text}");
    }
    let flat = Tolerance::Summable { first: 1.0, power: 1.0 };
    assert!(message(&tall, with(none, flat)).contains("power = 1"));
    // Without a ridge a dead feature leaves the matrix singular.
    for method in [LeastSquares::Cholesky, LeastSquares::Qr, LeastSquares::Eigen] {
        assert!(message(&bare, method).contains("not positive definite"), "{method:?}");
    }
    assert!(message(&bare, with(Preconditioner::Jacobi, usual)).contains("not positive definite"));
}

#[test]
fn configurations_read_as_the_documentation_writes_them() {
    let read = |text: &str| serde_json::from_str::<AdmmSoftmax>(text).map(|s| s.least_squares);
    assert_eq!(read("{}").unwrap(), LeastSquares::Cholesky);
    assert_eq!(read(r#"{"least-squares": "eigen"}"#).unwrap(), LeastSquares::Eigen);
    let text = r#"{"least-squares": {"cg": {"preconditioner": {"nystroem": {"rank": 9}},
        "tolerance": {"relative": {"sigma": 0.5}}, "iterations": 7}}}"#;
    let expected = Iterative {
        preconditioner: Preconditioner::Nystroem { rank: 9 },
        tolerance: Tolerance::Relative { sigma: 0.5 },
        iterations: 7,
    };
    assert_eq!(read(text).unwrap(), LeastSquares::Cg(expected));
    assert!(read(r#"{"least-squares": {"lsqr": {"precision": 1}}}"#).is_err());
}
