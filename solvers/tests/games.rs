//! Every method for games and every integrator: restarts, threads, chunks, divergence.

use converge_problems::gan::{BoundedGan, BoundedGanConfig, LqGan, LqGanConfig};
use converge_problems::{Build, Problem, Seed};
use converge_solvers::check::{self, Counted};
use converge_solvers::{
    Consensus, Drift, EulerMaruyama, ExactLinear, Extragradient, Fdr, GaussianSga, GradientNoise,
    Optimistic, Order, Platen, Schedule, Sga, Solver, WeakHeun, endpoints,
};

fn problem() -> LqGan {
    LqGan::build(&LqGanConfig::default(), Seed::root(1), None).expect("the default is admissible")
}

/// The methods with so many paths, each handed to a function that is generic in it.
macro_rules! every_method {
    ($paths:expr, $visit:ident($($argument:expr),*)) => {
        let paths = $paths;
        let drift = Drift::CorrectedAlternating;
        let schedule = Schedule::Fdr(Fdr { window: 4, ..Fdr::default() });
        $visit(&EulerMaruyama { paths, drift, ..EulerMaruyama::default() }, $($argument),*);
        $visit(&WeakHeun { paths, antithetic: true, ..WeakHeun::default() }, $($argument),*);
        $visit(&ExactLinear { paths, drift, ..ExactLinear::default() }, $($argument),*);
        $visit(&Platen { paths, substeps: 2, resolution: 4, ..Platen::default() }, $($argument),*);
        $visit(&GaussianSga { paths, schedule: schedule.clone(), ..GaussianSga::default() }, $($argument),*);
        $visit(&Sga { paths, schedule, momentum: 0.1, ..Sga::default() }, $($argument),*);
        let order = Order::Simultaneous;
        $visit(&GaussianSga { paths, order, resolution: 4, ..GaussianSga::default() }, $($argument),*);
        $visit(&Sga { paths, order, ..Sga::default() }, $($argument),*);
        $visit(&Extragradient { paths, ..Extragradient::default() }, $($argument),*);
        $visit(&Optimistic { paths, ..Optimistic::default() }, $($argument),*);
        $visit(&Consensus { paths, ..Consensus::default() }, $($argument),*);
    };
}

#[test]
fn every_method_restarts_bit_equal_and_is_not_changed_by_observing() {
    fn visit<S: Solver<LqGan>>(solver: &S, problem: &LqGan) {
        check::restarts(solver, problem, 12);
        check::observing_changes_nothing(solver, problem, 12);
    }
    every_method!(37, visit(&problem()));
}

#[test]
fn every_method_counts_its_work() {
    fn visit<S: Solver<Counted<LqGan>>>(solver: &S) {
        check::counts_its_work(solver, &Counted::new(problem()), 12);
    }
    every_method!(19, visit());
    let mini = GaussianSga {
        gradient_noise: GradientNoise::MiniBatch,
        discriminator_steps: 2,
        resolution: 2,
        ..GaussianSga::default()
    };
    visit(&GaussianSga { paths: 300, ..mini });
    let (order, shared_batch) = (Order::Simultaneous, true);
    visit(&Sga { order, shared_batch, ..Sga::default() });
    visit(&Sga { discriminator_steps: 3, ..Sga::default() });
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    fn visit<S: Solver<LqGan>>(solver: &S, problem: &LqGan) {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bits(&endpoints(problem, solver, 6, Seed::root(2)).unwrap()))
        };
        let expected = run(1);
        for threads in [2, 3, 8] {
            assert_eq!(run(threads), expected, "{}: {threads} threads", S::ID);
        }
    }
    every_method!(1100, visit(&problem()));
}

#[test]
fn one_path_is_the_first_of_the_ensemble() {
    fn visit<S: Solver<LqGan>>(solver: &S, problem: &LqGan, first: &mut Vec<Vec<u64>>) {
        let ends = endpoints(problem, solver, 10, Seed::root(3)).unwrap();
        first.push(bits(&ends[..2]));
    }
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    every_method!(1, visit(&problem(), &mut alone));
    every_method!(700, visit(&problem(), &mut together));
    assert_eq!(alone, together);
}

#[test]
fn nonlinear_games_run_with_every_scheme_for_any_drift() {
    fn visit<S: Solver<BoundedGan>>(solver: &S, problem: &BoundedGan) {
        let ends = endpoints(problem, solver, 50, Seed::root(4)).unwrap();
        // The drift points inwards with the strength of min(κ, λ) = 1/2 outside of a ball.
        assert!(ends.iter().all(|x| x.abs() < 4.0), "{}", S::ID);
    }
    let problem = BoundedGan::build(&BoundedGanConfig::default(), Seed::root(1), None).unwrap();
    assert_eq!(problem.dim(), 2);
    let paths = 300;
    for drift in [Drift::FirstOrder, Drift::CorrectedAlternating, Drift::CorrectedSimultaneous] {
        visit(&EulerMaruyama { paths, drift, ..EulerMaruyama::default() }, &problem);
        visit(&WeakHeun { paths, drift, ..WeakHeun::default() }, &problem);
        visit(&Platen { paths, drift, ..Platen::default() }, &problem);
    }
    visit(&Sga { paths, ..Sga::default() }, &problem);
}
