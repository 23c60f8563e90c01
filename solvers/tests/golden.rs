//! Recorded traces: counts exact, numbers to 1e-9 relative.
//!
//! A deliberate change of a method changes its file: run with `CONVERGE_RECORD=1` and review the
//! difference.

use std::fmt::Write as _;
use std::path::Path;

use converge_problems::{Problem, Seed};
use converge_solvers::check::LeastSquares;
use converge_solvers::{Lbfgs, NewtonCg, Sgd, Solver};

/// One line a row: samples, values, gradients and Hessian products of the step, then the metrics.
fn trace<S: Solver<LeastSquares>>(solver: &S, steps: usize) -> String {
    let problem = LeastSquares::new(60, 8, 1);
    let mut x0 = vec![0.0; problem.dim()];
    problem.start(Seed::root(9), &mut x0);
    let mut state = solver.init(&problem, &x0, Seed::root(10)).expect("it sets up");
    let mut text = String::new();
    for _ in 0..steps {
        let work = solver.step(&problem, &mut state).expect("it steps").work;
        let mut row = [0.0; 2];
        problem.evaluate(solver.iterate(&state), &mut row, &mut ());
        let counts = [work.samples, work.values, work.gradients, work.hessian_vectors];
        let counts = counts.map(|count| count.to_string()).join(" ");
        writeln!(text, "{counts} {:.16e} {:.16e}", row[0], row[1]).expect("a string takes text");
    }
    text
}

fn agrees(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("CONVERGE_RECORD").is_some() {
        std::fs::write(&path, found).expect("the file is written");
    }
    let expected = std::fs::read_to_string(&path).expect("the file is there");
    assert_eq!(expected.lines().count(), found.lines().count(), "{name}: rows");
    for (number, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        for (expected, found) in expected.split(' ').zip(found.split(' ')) {
            let same = if expected.contains('.') {
                let number = |text: &str| text.parse::<f64>().expect("a number");
                let (a, b) = (number(expected), number(found));
                (a - b).abs() <= 1e-9 * a.abs()
            } else {
                expected == found
            };
            assert!(same, "{name}:{}: expected {expected}, found {found}", number + 1);
        }
    }
}

#[test]
fn traces_are_as_recorded() {
    // Short of the rounding floor, where a last bit of the machine's would show.
    agrees("lbfgs.txt", &trace(&Lbfgs::default(), 12));
    agrees("lbfgs-memory-2.txt", &trace(&Lbfgs { memory: 2, ..Lbfgs::default() }, 12));
    agrees("newton-cg.txt", &trace(&NewtonCg::default(), 4));
    let sgd = Sgd { step_size: 0.2, batch: 16, ..Sgd::default() };
    agrees("sgd.txt", &trace(&sgd, 30));
    agrees("sgd-decay.txt", &trace(&Sgd { decay: 0.1, keep_last: true, ..sgd }, 30));
}
