//! Every method on a small problem with a known answer.

use converge_problems::{
    Batch, BatchGradient, Better, Gradient, Metric, Problem, Seed, SetupError, Split, Value,
};
use converge_solvers::check::{self, Counted, LeastSquares};
use converge_solvers::{
    Breakdown, Lbfgs, NewtonCg, ReleasedLbfgs, ReleasedNewton, Seeding, Sgd, Solver,
};

fn problem() -> LeastSquares {
    LeastSquares::new(60, 8, 1)
}

fn sgd() -> Sgd {
    Sgd { step_size: 0.2, momentum: 0.9, batch: 16, ..Sgd::default() }
}

/// `‖x - x*‖_∞` after the run ends.
fn error<S: Solver<LeastSquares>>(solver: &S, steps: usize) -> f64 {
    let problem = problem();
    let rows = check::trajectory(solver, &problem, Seed::root(5), steps);
    let last = rows.last().expect("row 0 is there");
    last.iter().zip(problem.minimizer()).map(|(x, m)| (x - m).abs()).fold(0.0, f64::max)
}

#[test]
fn every_method_restarts_bit_equal() {
    check::restarts(&Lbfgs::default(), &problem(), 30);
    check::restarts(&Lbfgs { memory: 2, ..Lbfgs::default() }, &problem(), 30);
    check::restarts(&NewtonCg::default(), &problem(), 30);
    check::restarts(&ReleasedNewton::default(), &problem(), 4);
    check::restarts(&ReleasedLbfgs::default(), &problem(), 4);
    check::restarts(&sgd(), &problem(), 30);
}

#[test]
fn observing_changes_no_method() {
    check::observing_changes_nothing(&Lbfgs::default(), &problem(), 30);
    check::observing_changes_nothing(&NewtonCg::default(), &problem(), 30);
    check::observing_changes_nothing(&ReleasedNewton::default(), &problem(), 4);
    check::observing_changes_nothing(&ReleasedLbfgs::default(), &problem(), 4);
    check::observing_changes_nothing(&sgd(), &problem(), 30);
}

#[test]
fn every_method_counts_its_work() {
    check::counts_its_work(&Lbfgs::default(), &Counted::new(problem()), 40);
    check::counts_its_work(&NewtonCg::default(), &Counted::new(problem()), 40);
    check::counts_its_work(&ReleasedNewton::default(), &Counted::new(problem()), 4);
    check::counts_its_work(&ReleasedLbfgs::default(), &Counted::new(problem()), 4);
    check::counts_its_work(&sgd(), &Counted::new(problem()), 40);
    let keeping = Sgd { keep_last: true, ..sgd() };
    check::counts_its_work(&keeping, &Counted::new(problem()), 40);
}

#[test]
fn every_method_reaches_the_known_minimum() {
    // ‖∇f‖ <= 1e-12 and a smallest eigenvalue of at least 0.01.
    assert!(error(&Lbfgs::default(), 200) <= 1e-10);
    assert!(error(&Lbfgs { memory: 3, ..Lbfgs::default() }, 200) <= 1e-10);
    assert!(error(&NewtonCg::default(), 30) <= 1e-10);
    // Their searches compare values alone, so they end where a decrease is rounding.
    // The cap makes the first three steps moves of length 1.
    assert!(error(&ReleasedNewton::default(), 5) <= 1e-3);
    assert!(error(&ReleasedLbfgs::default(), 4) <= 1e-7);
    let scaled =
        ReleasedLbfgs { seed: Seeding::Scaled, scaled_decrease: true, ..ReleasedLbfgs::default() };
    assert!(error(&scaled, 25) <= 1e-4);
    // Every term is minimal at x*, so a constant step converges.
    assert!(error(&sgd(), 20_000) <= 1e-8);
    assert!(error(&Sgd { keep_last: true, ..sgd() }, 20_000) <= 1e-8);
}

#[test]
fn no_perturbation_of_a_found_minimum_lowers_the_objective() {
    let problem = problem();
    for rows in [
        check::trajectory(&Lbfgs::default(), &problem, Seed::root(5), 200),
        check::trajectory(&NewtonCg::default(), &problem, Seed::root(5), 30),
    ] {
        let x = rows.last().expect("row 0 is there");
        check::no_perturbation_lowers(&problem, x, 0.0);
    }
}

#[test]
fn gradients_fall_far_below_the_rounding_of_values() {
    let problem = problem();
    let mut g = vec![0.0; problem.dim()];
    let mut floor = |rows: Vec<Vec<f64>>| {
        problem.value_gradient(rows.last().expect("row 0 is there"), &mut g, &mut ());
        g.iter().map(|g| g * g).sum::<f64>().sqrt()
    };
    let quasi = Lbfgs { gradient_tolerance: 1e-15, ..Lbfgs::default() };
    assert!(floor(check::trajectory(&quasi, &problem, Seed::root(5), 500)) <= 1e-15);
    let newton = NewtonCg { gradient_tolerance: 1e-15, ..NewtonCg::default() };
    assert!(floor(check::trajectory(&newton, &problem, Seed::root(5), 50)) <= 1e-15);
}

#[test]
fn a_full_batch_without_momentum_is_gradient_descent() {
    let problem = problem();
    let solver = Sgd { step_size: 0.3, momentum: 0.0, batch: 1000, ..Sgd::default() };
    let rows = check::trajectory(&solver, &problem, Seed::root(6), 25);
    let mut x = rows[0].clone();
    let mut g = vec![0.0; x.len()];
    for row in &rows[1..] {
        problem.gradient(&x, &mut g, &mut ());
        for (x, g) in x.iter_mut().zip(&g) {
            *x -= 0.3 * g;
        }
        // The order of the terms differs, so the sums round differently: ε times the length of a
        // sum times the size of an entry, for each step.
        for (a, b) in x.iter().zip(row) {
            assert!((a - b).abs() <= 25.0 * 60.0 * f64::EPSILON * 10.0, "{a} against {b}");
        }
    }
}

#[test]
fn an_epoch_drops_or_keeps_its_incomplete_batch() {
    let problem = Counted::new(LeastSquares::new(10, 3, 2));
    let sizes = |keep_last| {
        let solver = Sgd { batch: 4, keep_last, ..Sgd::default() };
        let mut state = solver.init(&problem, &[0.0; 3], Seed::root(1)).unwrap();
        (0..6).map(|_| solver.step(&problem, &mut state).unwrap().work.samples).collect::<Vec<_>>()
    };
    assert_eq!(sizes(false), [4, 4, 4, 4, 4, 4]);
    assert_eq!(sizes(true), [4, 4, 2, 4, 4, 2]);
}

#[test]
fn a_decaying_step_is_divided_by_the_epochs_done() {
    let problem = LeastSquares::new(8, 2, 3);
    let constant = Sgd { step_size: 1e-9, momentum: 0.0, batch: 8, ..Sgd::default() };
    let decaying = Sgd { decay: 0.5, ..constant.clone() };
    let lengths = |solver: &Sgd| {
        let rows = check::trajectory(solver, &problem, Seed::root(2), 3);
        rows.windows(2).map(|pair| (pair[1][0] - pair[0][0]).abs()).collect::<Vec<_>>()
    };
    // Steps this short leave the gradient as it is; one step is one epoch.
    for (epoch, (long, short)) in lengths(&constant).into_iter().zip(lengths(&decaying)).enumerate()
    {
        let expected = 1.0 + 0.5 * epoch as f64;
        assert!((long / short / expected - 1.0).abs() < 1e-5, "epoch {epoch}");
    }
}

#[test]
fn a_run_that_starts_at_the_minimum_has_converged() {
    let problem = problem();
    let mut state = Solver::<LeastSquares>::init(
        &Lbfgs::default(),
        &problem,
        problem.minimizer(),
        Seed::root(0),
    )
    .unwrap();
    let step = Lbfgs::default().step(&problem, &mut state).unwrap();
    assert!(step.converged);
    assert_eq!(step.work.gradients, 1);
}

#[test]
fn a_capped_step_moves_no_entry_further_than_the_cap() {
    let problem = problem();
    let solver = ReleasedNewton { step_cap: 0.01, ..ReleasedNewton::default() };
    let rows = check::trajectory(&solver, &problem, Seed::root(5), 3);
    for pair in rows.windows(2) {
        let moves = pair[0].iter().zip(&pair[1]).map(|(a, b)| (a - b).abs());
        let largest = moves.fold(0.0, f64::max);
        assert!((largest - 0.01).abs() <= 1e-15, "{largest}");
    }
}

#[test]
fn parameters_out_of_range_are_named_with_their_value() {
    let problem = problem();
    let refused = |error: Result<(), SetupError>| match error.unwrap_err() {
        SetupError::Parameter { name, value, .. } => (name, value),
        other => panic!("{other}"),
    };
    let x0 = vec![0.0; problem.dim()];
    let lbfgs = Lbfgs { memory: 0, ..Lbfgs::default() };
    assert_eq!(refused(lbfgs.init(&problem, &x0, Seed::root(0)).map(drop)), ("memory", "0".into()));
    let newton = NewtonCg { forcing: 1.0, ..NewtonCg::default() };
    assert_eq!(
        refused(newton.init(&problem, &x0, Seed::root(0)).map(drop)),
        ("forcing", "1".into())
    );
    let sgd = Sgd { momentum: 1.0, ..Sgd::default() };
    assert_eq!(refused(sgd.init(&problem, &x0, Seed::root(0)).map(drop)), ("momentum", "1".into()));
    let sgd = Sgd { step_size: -0.5, ..Sgd::default() };
    assert_eq!(
        refused(sgd.init(&problem, &x0, Seed::root(0)).map(drop)),
        ("step-size", "-0.5".into())
    );
}

#[test]
fn a_divergent_step_is_a_breakdown_with_its_reason() {
    let problem = problem();
    let solver = Sgd { step_size: 1e3, ..sgd() };
    let mut state = solver.init(&problem, &[1.0; 8], Seed::root(0)).unwrap();
    let end = (0..10_000).find_map(|_| solver.step(&problem, &mut state).err());
    assert_eq!(end, Some(Breakdown::NotFinite("iterate")));
}

/// The banana-shaped valley `100 (x₁ - x₀²)² + (1 - x₀)²`, not convex, minimum `(1, 1)`.
struct Rosenbrock;

static ROSENBROCK: [Metric; 1] = [Metric::new("objective", Better::Lower, Split::Train)];

impl Problem for Rosenbrock {
    type Scratch = ();
    fn dim(&self) -> usize {
        2
    }
    fn scratch(&self) {}
    fn start(&self, _: Seed, x: &mut [f64]) {
        x.copy_from_slice(&[-1.2, 1.0]);
    }
    fn metrics(&self) -> &[Metric] {
        &ROSENBROCK
    }
    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut ()) {
        row[0] = self.value(x, scratch);
    }
}

impl Value for Rosenbrock {
    fn value(&self, x: &[f64], (): &mut ()) -> f64 {
        100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)
    }
}

impl Gradient for Rosenbrock {
    fn value_gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut ()) -> f64 {
        let valley = x[1] - x[0] * x[0];
        g[0] = -400.0 * x[0] * valley - 2.0 * (1.0 - x[0]);
        g[1] = 200.0 * valley;
        self.value(x, scratch)
    }
}

/// A population: the gradient of a batch is its size times a constant, whatever its terms.
impl BatchGradient for Rosenbrock {
    fn batch_gradient(&self, batch: Batch<'_>, _: &[f64], g: &mut [f64], (): &mut ()) {
        g.fill(batch.terms.len() as f64);
    }
}

#[test]
fn lbfgs_follows_a_curved_valley_in_few_evaluations() {
    let problem = Counted::new(Rosenbrock);
    let rows = check::trajectory(&Lbfgs::default(), &problem, Seed::root(0), 100);
    let x = rows.last().expect("row 0 is there");
    assert!((x[0] - 1.0).abs() + (x[1] - 1.0).abs() <= 1e-10, "{x:?}");
    // Reference implementations need 40 to 60 from this start.
    let evaluations = problem.take().gradients;
    assert!(evaluations <= 65, "{evaluations} evaluations");
}

#[test]
fn a_population_gives_batches_of_the_asked_size() {
    let solver = Sgd { step_size: 1.0, momentum: 0.0, batch: 7, ..Sgd::default() };
    let rows = check::trajectory(&solver, &Rosenbrock, Seed::root(0), 1);
    assert!((rows[0][0] - rows[1][0] - 7.0).abs() <= 1e-12);
}
