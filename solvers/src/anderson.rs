//! Anderson acceleration of a fixed-point iteration, with a safeguard.

use converge_problems::{SetupError, require};
use nalgebra::SMatrix;
use serde::{Deserialize, Serialize};

use crate::vector::{axpy, dot};

/// Type-II Anderson acceleration with restart.
///
/// With `g_k = T(x_k)` and `f_k = g_k - x_k`, the next point is `Σ α_i g_i` over the last `memory + 1`
/// pairs, the weights summing to 1 and minimising `‖Σ α_i f_i‖`, regularised. The safeguard: a point
/// whose `‖f‖` is above `growth` times that of the pair it was made from is given up for the plain
/// `g` it replaced, and the memory is cleared. ADMM never increases `‖f‖` by itself, so that the
/// accelerated method falls back to it and keeps its convergence.
///
/// Source: D. G. Anderson, J. ACM 12 (1965) 547–560; H. Walker, P. Ni, SIAM J. Numer. Anal. 49 (2011)
/// 1715–1735; a safeguard on the residual as in J. Zhang, B. O'Donoghue, S. Boyd, SIAM J. Optim. 30
/// (2020) 3170–3197. Deviation: their bound falls with the number of accelerated steps, ours is the
/// last residual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Anderson {
    /// Earlier pairs, from 1 to 10.
    pub memory: usize,
    /// Added to the Gram matrix of the `f`, times its trace.
    pub regularization: f64,
    /// Largest ratio of a new `‖f‖` to the last one.
    pub growth: f64,
}

impl Default for Anderson {
    fn default() -> Self {
        Self { memory: 5, regularization: 1e-10, growth: 1.0 }
    }
}

impl Anderson {
    /// # Errors
    /// [`SetupError::Parameter`] for an inadmissible constant.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let held = (1..PAIRS).contains(&self.memory);
        require("anderson.memory", self.memory, held, "from 1 to 10")?;
        let (weight, growth) = (self.regularization, self.growth);
        require("anderson.regularization", weight, weight > 0.0 && weight < 1.0, "in (0, 1)")?;
        require("anderson.growth", growth, growth >= 1.0 && growth.is_finite(), "at least 1")
    }
}

/// Most pairs held.
const PAIRS: usize = 11;

/// The last pairs, with the arrays that follow the point linearly.
#[derive(Clone, Debug)]
pub(crate) struct Mixer {
    anderson: Anderson,
    /// The point that the map was last applied to.
    input: Vec<f64>,
    values: Vec<Vec<f64>>,
    residuals: Vec<Vec<f64>>,
    tails: Vec<[Vec<f64>; 2]>,
    /// `<f_i, f_j>`.
    products: [[f64; PAIRS]; PAIRS],
    /// Slot of the newest pair.
    newest: usize,
    count: usize,
    /// `‖f‖` of the pair that the last point was made from; infinite if that was a plain step.
    bound: f64,
    started: bool,
    rejected: u64,
}

impl Mixer {
    /// For points of `dim` numbers and two followers of `tail` numbers.
    pub(crate) fn new(anderson: Anderson, dim: usize, tail: usize) -> Self {
        let slots = anderson.memory + 1;
        Self {
            anderson,
            input: vec![0.0; dim],
            values: vec![vec![0.0; dim]; slots],
            residuals: vec![vec![0.0; dim]; slots],
            tails: (0..slots).map(|_| [vec![0.0; tail], vec![0.0; tail]]).collect(),
            products: [[0.0; PAIRS]; PAIRS],
            newest: 0,
            count: 0,
            bound: f64::INFINITY,
            started: false,
            rejected: 0,
        }
    }

    /// Points given up so far.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Forgets the pairs; the next step is plain.
    pub(crate) fn restart(&mut self) {
        (self.count, self.bound, self.started) = (0, f64::INFINITY, false);
    }

    /// Takes `x = T(input)` with its followers and leaves the next input in their place.
    pub(crate) fn mix(&mut self, x: &mut [f64], tails: [&mut Vec<f64>; 2]) {
        let Self { anderson, input, values, residuals, products, newest, count, .. } = self;
        let slots = anderson.memory + 1;
        if !self.started {
            // Where the map was applied to is not known yet.
            self.started = true;
            input.copy_from_slice(x);
            return;
        }
        let slot = (*newest + 1) % slots;
        let f = &mut residuals[slot];
        f.iter_mut().zip(&*x).zip(&*input).for_each(|((f, x), input)| *f = x - input);
        let square = dot(f, f);
        if square.sqrt() > anderson.growth * self.bound || !square.is_finite() {
            // Back to the plain step that this point stood for.
            self.rejected += 1;
            x.copy_from_slice(&values[*newest]);
            for (tail, kept) in tails.into_iter().zip(&self.tails[*newest]) {
                tail.copy_from_slice(kept);
            }
            input.copy_from_slice(x);
            (*count, self.bound) = (0, f64::INFINITY);
            return;
        }
        values[slot].copy_from_slice(x);
        for (kept, tail) in self.tails[slot].iter_mut().zip(&tails) {
            kept.copy_from_slice(tail);
        }
        *newest = slot;
        *count = (*count + 1).min(slots);
        let slot_of = |age: usize| (slot + slots - age) % slots;
        for age in 0..*count {
            let other = slot_of(age);
            let product = dot(&residuals[slot], &residuals[other]);
            (products[slot][other], products[other][slot]) = (product, product);
        }
        let Some(weights) = weights(anderson, products, *count, slot_of) else {
            input.copy_from_slice(x);
            self.bound = f64::INFINITY;
            return;
        };
        x.fill(0.0);
        for (age, weight) in weights.iter().enumerate().take(*count) {
            axpy(*weight, &values[slot_of(age)], x);
        }
        for (follower, tail) in tails.into_iter().enumerate() {
            tail.fill(0.0);
            for (age, weight) in weights.iter().enumerate().take(*count) {
                axpy(*weight, &self.tails[slot_of(age)][follower], tail);
            }
        }
        input.copy_from_slice(x);
        self.bound = square.sqrt();
    }
}

/// The weights by age; `None` with fewer than two pairs or a singular system.
fn weights(
    anderson: &Anderson,
    products: &[[f64; PAIRS]; PAIRS],
    count: usize,
    slot_of: impl Fn(usize) -> usize,
) -> Option<[f64; PAIRS]> {
    if count < 2 {
        return None;
    }
    let mut gram = SMatrix::<f64, PAIRS, PAIRS>::identity();
    let mut right = SMatrix::<f64, PAIRS, 1>::zeros();
    let trace: f64 = (0..count).map(|age| products[slot_of(age)][slot_of(age)]).sum();
    for i in 0..count {
        for j in 0..count {
            gram[(i, j)] = products[slot_of(i)][slot_of(j)] / trace;
        }
        gram[(i, i)] += anderson.regularization;
        right[i] = 1.0;
    }
    let solution = gram.cholesky()?.solve(&right);
    let total = solution.sum();
    let weights: [f64; PAIRS] = std::array::from_fn(|i| solution[i] / total);
    weights.iter().all(|weight| weight.is_finite()).then_some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `T(x) = A x + b` with a diagonal `A`, and a follower that is linear in the point.
    fn map(x: &[f64], rates: &[f64]) -> Vec<f64> {
        x.iter().zip(rates).map(|(x, rate)| rate * x + 1.0).collect()
    }

    fn run(anderson: Anderson, rates: &[f64], steps: usize) -> (f64, Mixer) {
        let mut x = vec![0.0; rates.len()];
        let mut mixer = Mixer::new(anderson, x.len(), 1);
        let sum = |x: &[f64]| vec![x.iter().sum::<f64>()];
        for _ in 0..steps {
            x = map(&x, rates);
            let (mut one, mut two) = (sum(&x), sum(&x));
            mixer.mix(&mut x, [&mut one, &mut two]);
            // Followers follow.
            assert!((one[0] - sum(&x)[0]).abs() <= 1e-9 * sum(&x)[0].abs().max(1.0));
            assert_eq!(one[0].to_bits(), two[0].to_bits());
        }
        let error = x.iter().zip(rates).map(|(x, rate)| (x - 1.0 / (1.0 - rate)).abs());
        (error.fold(0.0, f64::max), mixer)
    }

    #[test]
    fn a_linear_map_of_few_rates_is_solved_in_few_steps() {
        let rates = [0.99, 0.9, 0.5, -0.3];
        let (accelerated, _) = run(Anderson::default(), &rates, 14);
        let (plain, _) = run(Anderson { memory: 1, ..Anderson::default() }, &rates, 14);
        assert!(accelerated <= 1e-3, "{accelerated:e}");
        assert!(plain > 1.0, "{plain}");
    }

    #[test]
    fn a_point_that_is_worse_is_given_up() {
        // The rate changes at 3: what is seen below it points to 10, the fixed point is at 34/9.
        let mut mixer = Mixer::new(Anderson::default(), 1, 1);
        let mut x = vec![0.0_f64];
        let mut residual = f64::INFINITY;
        for k in 0..40 {
            let input = x[0];
            x[0] = if input < 3.0 { 0.9 * input + 1.0 } else { 0.1 * input + 3.4 };
            let new = (x[0] - input).abs();
            let (mut one, mut two) = (vec![0.0], vec![0.0]);
            let before = mixer.rejected();
            mixer.mix(&mut x, [&mut one, &mut two]);
            if mixer.rejected() == before && k > 1 {
                assert!(new <= residual + 1e-12, "step {k}: {new} after {residual}");
                residual = new;
            }
        }
        assert!(mixer.rejected() > 0);
        assert!((x[0] - 34.0 / 9.0).abs() < 1e-9, "{}", x[0]);
    }

    #[test]
    fn constants_out_of_range_are_named() {
        let error = |anderson: Anderson| anderson.check().unwrap_err().to_string();
        let base = Anderson::default();
        assert!(error(Anderson { memory: 11, ..base }).starts_with("anderson.memory = 11"));
        assert!(error(Anderson { growth: 0.5, ..base }).starts_with("anderson.growth = 0.5"));
        let error = error(Anderson { regularization: 0.0, ..base });
        assert!(error.starts_with("anderson.regularization = 0"), "{error}");
    }
}
