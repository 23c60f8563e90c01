//! Norms of operators that no formula gives.

use rand_distr::{Distribution, StandardNormal};

use super::Operator;
use crate::Seed;
use crate::numerics::vector::{dot, norm};

/// Products of the power method.
const PRODUCTS: u32 = 50;

/// An estimate of `‖A‖²` of the stacked `blocks` that is meant to be above it.
///
/// The power method from a normal start falls short by an expected share of at most
/// `0.871 ln(n)/(k - 1)` after `k` products (Kuczyński and Woźniakowski, SIAM J. Matrix Anal. Appl. 13,
/// 1992, theorem 3.1); its value is raised by that share. Cost: `k = 50` products there and back.
pub(crate) fn squared(operator: &dyn Operator, blocks: &[usize], seed: Seed) -> f64 {
    let width = if operator.complex() { 2 } else { 1 };
    let mut rng = seed.rng();
    let mut x: Vec<f64> = (0..operator.dim()).map(|_| StandardNormal.sample(&mut rng)).collect();
    let longest = blocks.iter().map(|&block| width * operator.entries(block)).max();
    let mut y = vec![0.0; longest.unwrap_or(0)];
    let mut image = x.clone();
    let mut room = operator.room();
    let mut value = 0.0;
    for _ in 0..PRODUCTS {
        let length = norm(&x);
        if length <= 0.0 {
            return 0.0;
        }
        x.iter_mut().for_each(|x| *x /= length);
        image.fill(0.0);
        // The Rayleigh quotient ‖A x‖² of the unit vector; it rises from step to step.
        value = 0.0;
        for &block in blocks {
            let y = &mut y[..width * operator.entries(block)];
            operator.forward(block, &x, y, &mut room);
            operator.adjoint(block, 1.0, y, &mut image, &mut room);
            value += dot(y, y);
        }
        std::mem::swap(&mut x, &mut image);
    }
    value * (1.0 + 0.871 * (operator.dim() as f64).ln() / f64::from(PRODUCTS - 1))
}
