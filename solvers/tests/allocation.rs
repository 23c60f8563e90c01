//! After warm-up no step of any method allocates. A binary of its own: the allocator is global.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait; this one only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use converge_problems::data::{DatasetChoice, Files};
use converge_problems::gan::{LqGan, LqGanConfig, MixtureGan, MixtureGanConfig};
use converge_problems::imaging::{ImagingConfig, SmoothImaging};
use converge_problems::mlr::{
    Amount, FeatureChoice, Mlr, MlrConfig, Precision, RandomConvolution, SplitChoice, Storage,
};
use converge_problems::{Batch, BatchGradient, BatchProx, Build, Denoise, Problem, Prox, Seed};
use converge_solvers::check::LeastSquares;
use converge_solvers::{
    AdmmSoftmax, BoundMajorizer, Consensus, Drift, Dual, EulerMaruyama, ExactLinear, Extragradient,
    Fdr, GaussianSga, Iterative, Lbfgs, NewtonCg, Optimistic, Platen, PnpAdmm, PnpFista, PnpIsta,
    PnpSgd, Preconditioner, ProxMethod, Reading, Red, RidgeClassifier, Schedule, Selection, Sga,
    Sgd, Solver, Tolerance, WeakHeun,
};

/// Counts what this thread allocates, so that tests beside it do not show.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of 20 steps after 3 of warm-up.
fn allocations<P: Problem, S: Solver<P>>(solver: &S, problem: &P) -> u64 {
    let mut x0 = vec![0.0; problem.dim() * solver.points()];
    problem.start(Seed::root(1).child("start"), &mut x0);
    let mut state = solver.init(problem, &x0, Seed::root(1).child("noise")).expect("it sets up");
    let mut run = |steps: usize| {
        for _ in 0..steps {
            solver.step(problem, &mut state).expect("it steps");
        }
    };
    run(3);
    let before = ALLOCATIONS.with(Cell::get);
    run(20);
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_counter_sees_an_allocation() {
    let before = ALLOCATIONS.with(Cell::get);
    let held = std::hint::black_box(vec![0_u8; 64]);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 1, "{}", held.len());
}

#[test]
fn steps_allocate_nothing() {
    let problem = LeastSquares::new(60, 8, 1);
    let lbfgs = Lbfgs { memory: 4, ..Lbfgs::default() };
    assert_eq!(allocations(&lbfgs, &problem), 0, "lbfgs");
    assert_eq!(allocations(&NewtonCg::default(), &problem), 0, "newton-cg");
    // 3 steps an epoch: the shuffle is seen too.
    assert_eq!(allocations(&Sgd { batch: 16, ..Sgd::default() }, &problem), 0, "sgd");
}

#[test]
fn steps_on_streamed_and_recomputed_features_allocate_nothing_at_one_thread() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let npy = |name: &str, shape: &str, numbers: &[u8]| {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(numbers);
        std::fs::write(folder.path().join(name), bytes).expect("it is writable");
        folder.path().join(name)
    };
    let numbers: Vec<u8> = (0..300 * 36).map(|i| (i * i % 251) as u8).collect();
    let labels: Vec<u8> = (0..300).map(|j| (j % 3) as u8).collect();
    let path = npy("x.npy", "(300, 6, 6)", &numbers);
    let labels_path = Some(npy("y.npy", "(300,)", &labels));
    let peak = Some(255.0);
    let files = Files { path, labels_path, peak, stream: true, ..Files::default() };
    let dataset = DatasetChoice::Files(Box::new(files));
    for features in [
        FeatureChoice::Raw,
        FeatureChoice::Standardized,
        FeatureChoice::RandomConvolution(RandomConvolution {
            filters: 2,
            ..RandomConvolution::default()
        }),
    ] {
        let storage = Storage::Recompute;
        let config = MlrConfig { features, storage, ..MlrConfig::new(dataset.clone()) };
        let problem = Mlr::build(&config, Seed::root(1), None).expect("the file is there");
        assert_eq!(allocations(&AdmmSoftmax::default(), &problem), 0, "{features:?}");
        assert_eq!(allocations(&Sgd::default(), &problem), 0, "{features:?}");
    }
}

#[test]
fn steps_on_logistic_regression_allocate_nothing_at_one_thread() {
    for precision in [Precision::Double, Precision::Mixed] {
        let config =
            MlrConfig { precision, ..MlrConfig::new(DatasetChoice::Named("digits".into())) };
        let problem = Mlr::build(&config, Seed::root(1), None).expect("embedded data");
        // Serial whatever the machine: digits lie below the size that uses threads.
        let admm = AdmmSoftmax::default();
        assert_eq!(allocations(&admm, &problem), 0, "admm-softmax");
        let anderson = Some(converge_solvers::Anderson::default());
        let anderson = AdmmSoftmax { anderson, ..admm.clone() };
        assert_eq!(allocations(&anderson, &problem), 0, "admm-softmax, accelerated");
        let scalar = AdmmSoftmax { prox: ProxMethod::Scalar, dual: Dual::Implicit, ..admm };
        assert_eq!(allocations(&scalar, &problem), 0, "admm-softmax, scalar prox");
        assert_eq!(allocations(&RidgeClassifier::default(), &problem), 0, "ridge-classifier");
        assert_eq!(allocations(&BoundMajorizer::default(), &problem), 0, "bound-majorizer");
        if precision == Precision::Double {
            // In mixed precision they meet the rounding of the objective within these steps and end.
            assert_eq!(allocations(&Lbfgs::default(), &problem), 0, "lbfgs");
            assert_eq!(allocations(&NewtonCg::default(), &problem), 0, "newton-cg");
        }
        assert_eq!(allocations(&Sgd::default(), &problem), 0, "sgd");
    }
}

#[test]
fn no_method_of_least_squares_allocates_in_a_step() {
    use converge_solvers::LeastSquares::{Cg, Cholesky, Eigen, Lsqr, Qr, Woodbury};
    let nystroem = Preconditioner::Nystroem { rank: 5 };
    let inner = [Preconditioner::None, Preconditioner::Jacobi, Preconditioner::Sine, nystroem]
        .map(|preconditioner| Iterative {
            preconditioner,
            tolerance: Tolerance::Relative { sigma: 0.5 },
            ..Iterative::default()
        })
        .into_iter()
        .flat_map(|inner| [Cg(inner), Lsqr(inner)]);
    let mut config = MlrConfig::new(DatasetChoice::Named("digits".into()));
    // Fewer samples than weights.
    config.split = SplitChoice { test: Some(Amount::Count(1740)), ..SplitChoice::ALL };
    let problem = Mlr::build(&config, Seed::root(1), None).expect("embedded data");
    for least_squares in [Cholesky, Qr, Eigen, Woodbury].into_iter().chain(inner) {
        let admm = AdmmSoftmax { least_squares, ..AdmmSoftmax::default() };
        assert_eq!(allocations(&admm, &problem), 0, "{least_squares:?}");
    }
}

#[test]
fn oracles_of_images_allocate_nothing() {
    let operators = [
        r#"{"gaussian":{"ratio":0.7}}"#,
        r#"{"random-cosine":{"ratio":0.7}}"#,
        r#"{"fourier":{"mask":{"radial":7}}}"#,
        r#"{"coded-diffraction":{"unknown":"complex"}}"#,
        r#"{"blur":{"kernels":[{"uniform":3}]}}"#,
        r#"{"tomography":{"views":6}}"#,
        r#"{"intensity-diffraction":{"transfers":"recompute"}}"#,
    ];
    let losses = [r#""least-squares""#, r#"{"huber":0.1}"#, r#""amplitude""#, r#""intensity""#];
    for operator in operators {
        for loss in losses {
            let json = format!(
                r#"{{"image":{{"phantom":{{"kind":"ellipses","rows":16,"columns":12}}}},"blocks":3,
                    "operator":{operator},"data-term":{loss},"inner":{{"iterations":20}},
                    "denoiser":{{"method":{{"total-variation":{{}}}}}}}}"#
            );
            let config: ImagingConfig = serde_json::from_str(&json).expect("it is read");
            let problem = SmoothImaging::new(&config, Seed::root(0)).expect("it sets up");
            let (mut scratch, mut warm) = (problem.scratch(), problem.warm());
            let (v, mut x) = (vec![0.3; problem.dim()], vec![0.0; problem.dim()]);
            let mut run = || {
                let batch = Batch { terms: &[2, 0], draw: Seed::root(0) };
                problem.batch_prox(batch, &v, 0.7, &mut x, &mut warm, &mut scratch);
                problem.prox(&v, 0.7, &mut x, &mut scratch);
                problem.batch_gradient(batch, &v, &mut x, &mut scratch);
                problem.denoise(&v, 0.1, &mut x, &mut scratch);
            };
            run();
            let before = ALLOCATIONS.with(Cell::get);
            run();
            assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0, "{operator} {loss}");
        }
    }
}

#[test]
fn no_plug_and_play_method_allocates_in_a_step() {
    let json = r#"{"image":{"phantom":{"kind":"ellipses","rows":16,"columns":12}},"blocks":6,
                   "operator":{"gaussian":{"ratio":0.7}},"inner":{"iterations":20},
                   "denoiser":{"method":{"wavelet":{"levels":2}}}}"#;
    let config: ImagingConfig = serde_json::from_str(json).expect("it is read");
    let problem = SmoothImaging::new(&config, Seed::root(0)).expect("it sets up");
    // Blocks that threads share are met by one worker, which is this closure's.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    pool.install(|| {
        assert_eq!(allocations(&PnpAdmm::default(), &problem), 0, "pnp-admm");
        for reading in [Reading::Joint, Reading::Avg] {
            for selection in [Selection::Iid, Selection::Epoch, Selection::Comb] {
                let batch = Some(4);
                let solver = PnpAdmm { batch, reading, selection, ..PnpAdmm::default() };
                assert_eq!(allocations(&solver, &problem), 0, "{reading:?} {selection:?}");
            }
        }
        assert_eq!(allocations(&PnpIsta::default(), &problem), 0, "pnp-ista");
        assert_eq!(allocations(&PnpFista::default(), &problem), 0, "pnp-fista");
        let sgd = PnpSgd { batch: 4, momentum: true, ..PnpSgd::default() };
        assert_eq!(allocations(&sgd, &problem), 0, "pnp-sgd");
        assert_eq!(allocations(&Red::default(), &problem), 0, "red");
    });
}

#[test]
fn no_method_for_games_allocates_in_a_step() {
    let problem = LqGan::build(&LqGanConfig::default(), Seed::root(1), None).expect("it builds");
    let drift = Drift::CorrectedSimultaneous;
    // One chunk of paths, so that this thread does all the work; two rows of the record.
    let schedule = || Schedule::Fdr(Fdr { window: 4, ..Fdr::default() });
    let paths = 100;
    let euler = EulerMaruyama { paths, drift, ..EulerMaruyama::default() };
    assert_eq!(allocations(&euler, &problem), 0, "euler-maruyama");
    let heun = WeakHeun { paths, drift, ..WeakHeun::default() };
    assert_eq!(allocations(&heun, &problem), 0, "weak-heun");
    assert_eq!(allocations(&ExactLinear { paths, ..ExactLinear::default() }, &problem), 0, "exact");
    assert_eq!(allocations(&Platen { paths, ..Platen::default() }, &problem), 0, "platen");
    let chain =
        GaussianSga { paths, schedule: schedule(), resolution: 4, ..GaussianSga::default() };
    assert_eq!(allocations(&chain, &problem), 0, "gaussian-sga");
    assert_eq!(allocations(&Sga { schedule: schedule(), ..Sga::default() }, &problem), 0, "sga");
    assert_eq!(allocations(&Extragradient::default(), &problem), 0, "extragradient");
    assert_eq!(allocations(&Optimistic::default(), &problem), 0, "optimistic");
    assert_eq!(allocations(&Consensus::default(), &problem), 0, "consensus");
}

/// So the memory of a run does not depend on how many steps it takes.
#[test]
fn no_method_allocates_in_a_step_of_the_game_of_networks() {
    for config in [
        r#"{ "generator": 8, "discriminator": 8, "regularization": { "r1": 0.1 } }"#,
        r#"{ "generator": 8, "discriminator": 8, "loss": "wasserstein",
             "regularization": { "gradient-penalty": 1.0 }, "samples": 50 }"#,
    ] {
        let parsed: MixtureGanConfig = serde_json::from_str(config).expect("it is read");
        let problem = MixtureGan::build(&parsed, Seed::root(1), None).expect("it builds");
        assert_eq!(allocations(&Sga::default(), &problem), 0, "sga, {config}");
        assert_eq!(allocations(&Extragradient::default(), &problem), 0, "extragradient, {config}");
        assert_eq!(allocations(&Optimistic::default(), &problem), 0, "optimistic, {config}");
        assert_eq!(allocations(&Consensus::default(), &problem), 0, "consensus, {config}");
    }
}
