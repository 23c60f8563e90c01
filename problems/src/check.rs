//! Checks of the derivatives of any problem against central differences.
//!
//! With `φ(h) = (f(x + h v) - f(x - h v)) / 2h` and smooth `f`, the error `|φ(h) - ∇f(x)ᵀv|` falls by
//! four when `h` is halved, until rounding of about `eps |f| / h` shows. A derivative is held to be
//! right when the smallest error is below `1e-6` relative and the last halving before rounding
//! quartered it; where the third derivative vanishes there is no such halving and the ratio is not
//! asked for.

use rand_distr::{Distribution, StandardNormal};

use crate::{Gradient, HessianVector, Seed};

/// Halvings of the step.
const HALVINGS: usize = 24;
/// An error counts as truncation when it is this many times the estimated rounding.
const ABOVE_ROUNDING: f64 = 200.0;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Smallest error over the steps, relative to the norm of the derivative times that of the
    /// direction. Worst over the directions.
    pub relative: f64,
    /// Error at a step over the error at half of it, at the smallest step where truncation
    /// dominates; `None` where it never does. Worst over the directions.
    pub ratio: Option<f64>,
}

impl Report {
    /// The derivative is right: relative error at most `1e-6`, ratio within 10 % of 4.
    pub fn holds(self) -> bool {
        self.relative <= 1e-6 && self.ratio.is_none_or(|r| (3.6..=4.4).contains(&r))
    }

    fn worst(self, other: Self) -> Self {
        let off = |r: f64| (r / 4.0).ln().abs();
        let ratio = match (self.ratio, other.ratio) {
            (Some(a), Some(b)) => Some(if off(a) >= off(b) { a } else { b }),
            (a, b) => a.or(b),
        };
        let relative =
            if other.relative.is_nan() { f64::NAN } else { self.relative.max(other.relative) };
        Self { relative, ratio }
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn direction(dim: usize, seed: Seed) -> Vec<f64> {
    let mut rng = seed.rng();
    let mut v: Vec<f64> = (0..dim).map(|_| StandardNormal.sample(&mut rng)).collect();
    let length = norm(&v);
    v.iter_mut().for_each(|v| *v /= length);
    v
}

/// Errors of the central differences of a vector-valued function along `v` at `x`, halving the
/// step; `function` writes into its second argument. `size` bounds the rounding: the magnitude of
/// the values.
fn compare(
    x: &[f64],
    v: &[f64],
    expected: &[f64],
    scale: f64,
    mut function: impl FnMut(&[f64], &mut [f64]),
) -> Report {
    let n = expected.len();
    let (mut plus, mut minus, mut at) = (vec![0.0; n], vec![0.0; n], x.to_vec());
    let mut step = 0.1 * (1.0 + norm(x) / (x.len() as f64).sqrt());
    let mut report = Report { relative: f64::INFINITY, ratio: None };
    let mut last: Option<f64> = None;
    for _ in 0..=HALVINGS {
        let mut shift = |h: f64, out: &mut [f64]| {
            at.iter_mut().zip(x.iter().zip(v)).for_each(|(a, (x, v))| *a = x + h * v);
            function(&at, out);
        };
        shift(step, &mut plus);
        shift(-step, &mut minus);
        let error = plus.iter().zip(&minus).zip(expected).map(|((p, m), e)| {
            let gap = (p - m) / (2.0 * step) - e;
            gap * gap
        });
        let error = error.sum::<f64>().sqrt();
        if error.is_nan() {
            return Report { relative: f64::NAN, ratio: None };
        }
        let rounding = f64::EPSILON * norm(&plus).max(norm(&minus)) / step;
        if let Some(last) = last
            && error > ABOVE_ROUNDING * rounding
        {
            report.ratio = Some(last / error);
        }
        last = Some(error);
        report.relative = report.relative.min(error / scale.max(f64::MIN_POSITIVE));
        step *= 0.5;
    }
    report
}

/// Compares the gradient at `x` with differences of the value along `directions` random directions.
///
/// ```
/// # use converge_problems::{Seed, check, data, mlr::{Mlr, MlrConfig}};
/// let data = data::load(&data::DatasetChoice::Named("digits".into()), Seed::root(0)).unwrap();
/// let config = MlrConfig::new(data::DatasetChoice::Named("digits".into()));
/// let mlr = Mlr::new(&data, &config, Seed::root(0), None).unwrap();
/// assert!(check::gradient(&mlr, &vec![0.01; 650], Seed::root(1), 2).holds());
/// ```
pub fn gradient<P: Gradient>(problem: &P, x: &[f64], seed: Seed, directions: u64) -> Report {
    let mut scratch = problem.scratch();
    let mut g = vec![0.0; x.len()];
    problem.gradient(x, &mut g, &mut scratch);
    let size = norm(&g);
    (0..directions)
        .map(|i| {
            let v = direction(x.len(), seed.index(i));
            let slope: f64 = g.iter().zip(&v).map(|(g, v)| g * v).sum();
            // A random direction meets the gradient at about ‖g‖ / √dim.
            let scale = slope.abs().max(size / (x.len() as f64).sqrt());
            compare(x, &v, &[slope], scale, |x, f| f[0] = problem.value(x, &mut scratch))
        })
        .reduce(Report::worst)
        .unwrap_or(Report { relative: 0.0, ratio: None })
}

/// Compares products with the Hessian at `x` with differences of the gradient.
pub fn hessian<P: HessianVector>(problem: &P, x: &[f64], seed: Seed, directions: u64) -> Report {
    let mut scratch = problem.scratch();
    let mut at = problem.linearization();
    problem.linearize(x, &mut at, &mut scratch);
    let mut hv = vec![0.0; x.len()];
    (0..directions)
        .map(|i| {
            let v = direction(x.len(), seed.index(i));
            problem.hessian_vector(&at, &v, &mut hv, &mut scratch);
            let gradient = |x: &[f64], g: &mut [f64]| problem.gradient(x, g, &mut scratch);
            compare(x, &v, &hv, norm(&hv), gradient)
        })
        .reduce(Report::worst)
        .unwrap_or(Report { relative: 0.0, ratio: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, Problem, Value};

    /// `f(x) = sum exp(x_i)`, with a gradient that is wrong by a factor.
    struct Exponentials {
        factor: f64,
    }

    impl Problem for Exponentials {
        type Scratch = ();
        fn dim(&self) -> usize {
            3
        }
        fn scratch(&self) {}
        fn start(&self, _: Seed, x: &mut [f64]) {
            x.fill(0.0);
        }
        fn metrics(&self) -> &[Metric] {
            &[]
        }
        fn evaluate(&self, _: &[f64], _: &mut [f64], (): &mut ()) {}
    }

    impl Value for Exponentials {
        fn value(&self, x: &[f64], (): &mut ()) -> f64 {
            x.iter().map(|x| x.exp()).sum()
        }
    }

    impl Gradient for Exponentials {
        fn value_gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut ()) -> f64 {
            g.iter_mut().zip(x).for_each(|(g, x)| *g = self.factor * x.exp());
            self.value(x, scratch)
        }
    }

    impl HessianVector for Exponentials {
        type Linearization = Vec<f64>;
        fn linearization(&self) -> Vec<f64> {
            vec![0.0; 3]
        }
        fn linearize(&self, x: &[f64], at: &mut Vec<f64>, (): &mut ()) {
            at.copy_from_slice(x);
        }
        fn hessian_vector(&self, at: &Vec<f64>, v: &[f64], hv: &mut [f64], (): &mut ()) {
            hv.iter_mut().zip(at.iter().zip(v)).for_each(|(h, (x, v))| *h = x.exp() * v);
        }
    }

    const X: [f64; 3] = [0.3, -0.7, 1.1];

    #[test]
    fn right_derivatives_hold_with_quartered_errors() {
        let right = Exponentials { factor: 1.0 };
        let report = gradient(&right, &X, Seed::root(1), 5);
        assert!(report.holds() && report.ratio.is_some(), "{report:?}");
        let report = hessian(&right, &X, Seed::root(2), 5);
        assert!(report.holds() && report.ratio.is_some(), "{report:?}");
    }

    #[test]
    fn a_gradient_wrong_in_the_fifth_digit_fails() {
        let wrong = Exponentials { factor: 1.000_01 };
        let report = gradient(&wrong, &X, Seed::root(1), 5);
        assert!(!report.holds() && report.relative > 1e-6, "{report:?}");
        assert!(!hessian(&wrong, &X, Seed::root(1), 5).holds());
    }

    #[test]
    fn a_gradient_that_is_not_a_number_fails() {
        assert!(!gradient(&Exponentials { factor: f64::NAN }, &X, Seed::root(1), 2).holds());
    }
}
