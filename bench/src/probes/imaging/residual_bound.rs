//! The bound on the mean residual of IPA.

use converge_problems::imaging::operators::Operator;
use converge_problems::imaging::{Imaging, ImagingConfig, Loss};
use converge_problems::numerics::vector::{dot, norm};
use converge_problems::{Better, Metric, Seed, Split, require};
use converge_solvers::{PnpAdmm, Selection};
use serde::Deserialize;

use super::iteration::Run;
use crate::registry::{Probe, ProbeError};

/// Both sides of
///
/// ```text
/// (1/t) Σ_{k <= t} ‖S(v_k)‖²  <=  (R + 2γL)²/t + 4γLR + 12γ²L²
/// ```
///
/// for IPA on data terms whose terms are Lipschitz with `L_i <= L = max_i √m_i ‖A_i‖` (complex
/// measurements counted once), with `R = max_k ‖x_k - x*‖` measured and `x*` from `reference` iterations of
/// PnP-ADMM. One row for every penalty, batch and rule of selection, in this order of loops:
///
/// | column | number |
/// |---|---|
/// | `penalty`, `batch`, `rule` | `γ`, `p`, and the place of the rule in the list, from 1 |
/// | `mean-residual`, `bound` | the sides |
/// | `share` | their quotient |
///
/// Source: specification 6.2 and C4; derived there, without a use of randomness.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResidualBound {
    /// The instance, with `l1`.
    pub problem: ImagingConfig,
    /// The method, but for what the lists say.
    pub solver: PnpAdmm,
    /// `γ`.
    pub penalties: Vec<f64>,
    /// `p`.
    pub batches: Vec<usize>,
    /// Rules.
    pub selections: Vec<Selection>,
    /// `t`.
    pub iterations: u32,
    /// Iterations to the fixed point.
    pub reference: u32,
}

impl Probe for ResidualBound {
    const ID: &'static str = "residual-bound";
    const ABOUT: &'static str = "mean fixed-point residual of IPA against the bound of its theory";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![
            Metric::diagnostic("penalty"),
            Metric::diagnostic("batch"),
            Metric::diagnostic("rule"),
            lower("mean-residual"),
            lower("bound"),
            lower("share"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let loss = self.problem.data_term;
        require(
            "problem.data-term",
            format!("{loss:?}"),
            loss == Loss::L1,
            "l1, whose terms are Lipschitz",
        )?;
        let problem = Imaging::new(&self.problem, seed)?;
        let lipschitz = lipschitz(problem.operator());
        for &penalty in &self.penalties {
            let fixed = self.fixed_point(&problem, penalty, seed)?;
            for &batch in &self.batches {
                for (&selection, rule) in self.selections.iter().zip(1_u32..) {
                    let solver =
                        PnpAdmm { penalty, batch: Some(batch), selection, ..self.solver.clone() };
                    let [mean, radius] = self.walk(&problem, &solver, &fixed, seed)?;
                    let (reach, t) = (penalty * lipschitz, f64::from(self.iterations));
                    let bound = (radius + 2.0 * reach).powi(2) / t
                        + 4.0 * reach * radius
                        + 12.0 * reach * reach;
                    push(&[penalty, batch as f64, f64::from(rule), mean, bound, mean / bound]);
                }
            }
        }
        Ok(())
    }
}

impl ResidualBound {
    /// `x*` of PnP-ADMM.
    fn fixed_point(
        &self,
        problem: &Imaging,
        penalty: f64,
        seed: Seed,
    ) -> Result<Vec<f64>, ProbeError> {
        let solver = PnpAdmm { penalty, batch: None, ..self.solver.clone() };
        let mut run = Run::new(problem, &solver, seed)?;
        for _ in 0..self.reference {
            run.step()?;
        }
        Ok(run.x().to_vec())
    }

    /// The mean of `‖S(v)‖²` and the largest distance of `x` from the fixed point.
    fn walk(
        &self,
        problem: &Imaging,
        solver: &PnpAdmm,
        fixed: &[f64],
        seed: Seed,
    ) -> Result<[f64; 2], ProbeError> {
        let mut run = Run::new(problem, solver, seed)?;
        let all = run.all();
        let distance =
            |x: &[f64]| norm(&x.iter().zip(fixed).map(|(x, f)| x - f).collect::<Vec<f64>>());
        let (mut sum, mut radius) = (0.0, distance(run.x()));
        for _ in 0..self.iterations {
            run.step()?;
            let v = run.state.fixed_point_variable().to_vec();
            let residual = run.residual(&all, &v);
            sum += dot(&residual, &residual);
            radius = radius.max(distance(run.x()));
        }
        Ok([sum / f64::from(self.iterations), radius])
    }
}

/// `max_i √m_i ‖A_i‖`.
fn lipschitz(operator: &dyn Operator) -> f64 {
    let of = |block| (operator.entries(block) as f64 * operator.norm_squared(block)).sqrt();
    (0..operator.blocks()).map(of).fold(0.0, f64::max)
}
