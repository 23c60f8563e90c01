//! Operators against their adjoints and their stated norms.

use converge_problems::imaging::operators::Operator;
use converge_problems::imaging::{Imaging, ImagingConfig};
use converge_problems::numerics::vector::{dot, norm};
use converge_problems::{Better, Metric, Seed, Split, require};
use serde::Deserialize;

use super::normals;
use crate::registry::{Probe, ProbeError};

/// For each of `problems`, in order, over `pairs` pairs of random vectors in every block:
///
/// | column | number |
/// |---|---|
/// | `operator` | its place in the list, from 1 |
/// | `adjoint-violation` | largest `\|<A x, y> - <x, A' y>\| / (‖A x‖ ‖y‖)` |
/// | `norm-share` | largest `‖A_i‖² / stated`, the norm by power iteration: at most 1 |
///
/// Source: specification 3 and C26.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperatorAdjoints {
    /// Instances; image, noise and data term do not matter.
    pub problems: Vec<ImagingConfig>,
    /// Pairs of vectors, at least 1.
    pub pairs: u32,
}

/// Steps of the power iteration.
const STEPS: usize = 100;

impl Probe for OperatorAdjoints {
    const ID: &'static str = "operator-adjoints";
    const ABOUT: &'static str = "adjoints and norms of imaging operators on random vectors";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![Metric::diagnostic("operator"), lower("adjoint-violation"), lower("norm-share")]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require("pairs", self.pairs, self.pairs >= 1, "at least 1")?;
        for (config, place) in self.problems.iter().zip(1_u32..) {
            let seed = seed.index(u64::from(place));
            let problem = Imaging::new(config, seed)?;
            let operator = problem.operator();
            let (mut violation, mut share) = (0.0_f64, 0.0_f64);
            for block in 0..operator.blocks() {
                let seed = seed.child("block").index(block as u64);
                for pair in 0..u64::from(self.pairs) {
                    violation = violation.max(gap(operator, block, seed.index(pair)));
                }
                let found = norm_squared(operator, block, seed.child("power"));
                share = share.max(found / operator.norm_squared(block));
            }
            push(&[f64::from(place), violation, share]);
        }
        Ok(())
    }
}

/// Numbers that a block gives.
fn numbers(operator: &dyn Operator, block: usize) -> usize {
    operator.entries(block) * if operator.complex() { 2 } else { 1 }
}

fn gap(operator: &dyn Operator, block: usize, seed: Seed) -> f64 {
    let (x, y) = (
        normals(operator.dim(), seed.child("x")),
        normals(numbers(operator, block), seed.child("y")),
    );
    let (mut ax, mut back, mut room) = (vec![0.0; y.len()], vec![0.0; x.len()], operator.room());
    operator.forward(block, &x, &mut ax, &mut room);
    operator.adjoint(block, 1.0, &y, &mut back, &mut room);
    (dot(&ax, &y) - dot(&x, &back)).abs() / (norm(&ax) * norm(&y))
}

/// `‖A_i‖²` from below.
fn norm_squared(operator: &dyn Operator, block: usize, seed: Seed) -> f64 {
    let mut x = normals(operator.dim(), seed);
    let (mut y, mut room) = (vec![0.0; numbers(operator, block)], operator.room());
    let mut largest = 0.0;
    for _ in 0..STEPS {
        let length = norm(&x);
        if length == 0.0 {
            break;
        }
        x.iter_mut().for_each(|x| *x /= length);
        operator.forward(block, &x, &mut y, &mut room);
        largest = dot(&y, &y);
        x.fill(0.0);
        operator.adjoint(block, 1.0, &y, &mut x, &mut room);
    }
    largest
}
