//! The monotone quantities of the ADMM theory.

use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{Better, Build, Metric, Problem, Seed, Split, require};
use converge_solvers::{AdmmSoftmax, NewtonCg, Solver};
use serde::Deserialize;

use super::admm::{Variables, start};
use super::plain::{Plain, distance_squared};
use crate::registry::{Probe, ProbeError};

/// Runs ADMM-Softmax and checks two inequalities at every iteration. One row per iteration from the
/// second on:
///
/// | column | inequality | number |
/// |---|---|---|
/// | `lyapunov` | | `V = ρ‖Z - Z*‖² + ρ‖U - U*‖²` over its value after the first iteration |
/// | `lyapunov-violation` | T2: `V⁺ <= V - ρ‖r⁺‖² - ρ‖Z⁺ - Z‖²` | excess of the left side over the right, relative to the first `V`; 0 if none |
/// | `decrease-violation` | T3: `‖Z⁺ - Z‖² + ‖U⁺ - U‖²` never grows | excess over the last value, relative to the first; 0 if none |
///
/// `Z* = W* D` and `U* = (C - softmax(Z*))/s` come from the minimiser that Newton-CG finds to a
/// gradient norm of 1e-14. The theory is that of relaxation 1 and a fixed penalty.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdmmMonotonicity {
    /// The instance.
    pub problem: MlrConfig,
    /// The method.
    #[serde(default)]
    pub solver: AdmmSoftmax,
    /// Iterations, at least 2.
    pub iterations: u32,
}

/// Newton steps granted to find the minimiser.
const NEWTON_STEPS: usize = 100;

impl Probe for AdmmMonotonicity {
    const ID: &'static str = "admm-monotonicity";
    const ABOUT: &'static str = "violations of the monotonicity of ADMM, T2 and T3";

    fn columns(&self) -> Vec<Metric> {
        ["lyapunov", "lyapunov-violation", "decrease-violation"]
            .map(|name| Metric::new(name, Better::Lower, Split::None))
            .to_vec()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let unrelaxed = (self.solver.relaxation - 1.0).abs() <= f64::EPSILON;
        require("relaxation", self.solver.relaxation, unrelaxed, "1, which the theory is about")?;
        let problem = Mlr::build(&self.problem, seed, None)?;
        let plain = Plain::new(&problem);
        let penalty = self.solver.penalty;
        let limit = limit(&problem, &plain, penalty, seed)?;
        let rho = penalty / plain.samples as f64;
        let lyapunov = |at: &Variables| {
            rho * (distance_squared(&at.z, &limit.z) + distance_squared(&at.u, &limit.u))
        };

        let mut state = start(&self.solver, &problem, seed)?;
        self.solver.step(&problem, &mut state)?;
        let mut last = Variables::of(&problem, &state);
        let first_value = lyapunov(&last);
        let mut last_value = first_value;
        let mut changes: Option<(f64, f64)> = None; // the first and the last
        for _ in 1..self.iterations {
            self.solver.step(&problem, &mut state)?;
            let now = Variables::of(&problem, &state);
            let fitted = plain.scores(self.solver.iterate(&state));
            let value = lyapunov(&now);
            let in_z = distance_squared(&now.z, &last.z);
            let promised = last_value - rho * (distance_squared(&now.z, &fitted) + in_z);
            let change = in_z + distance_squared(&now.u, &last.u);
            let (first_change, last_change) = changes.unwrap_or((change, change));
            push(&[
                value / first_value,
                ((value - promised) / first_value).max(0.0),
                ((change - last_change) / first_change).max(0.0),
            ]);
            changes = Some((first_change, change));
            (last, last_value) = (now, value);
        }
        Ok(())
    }
}

/// `Z*` and `U*`.
fn limit(problem: &Mlr, plain: &Plain, penalty: f64, seed: Seed) -> Result<Variables, ProbeError> {
    let newton = NewtonCg { gradient_tolerance: 1e-14, ..NewtonCg::default() };
    let mut state = newton.init(problem, &vec![0.0; problem.dim()], seed)?;
    for _ in 0..NEWTON_STEPS {
        // A breakdown here is the floor of rounding: no step lowers the gradient any more.
        if newton.step(problem, &mut state).map_or(true, |step| step.converged) {
            break;
        }
    }
    let z = plain.scores(Solver::<Mlr>::iterate(&newton, &state));
    let u = plain.residuals(&z).into_iter().map(|r| r / penalty).collect();
    Ok(Variables { z, u })
}
