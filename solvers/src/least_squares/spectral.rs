//! Upper bounds of `‖D‖₂`.

use converge_problems::Problem;
use converge_problems::mlr::Mlr;
use faer::Mat;

use super::dense;
use crate::vector::{dot, norm};

/// Products with `G` that a bound takes.
pub(super) const PASSES: u64 = 4;

/// The root of the smaller of the Frobenius and the row-sum norm of `G`.
pub(super) fn of_gram(gram: &Mat<f64>) -> f64 {
    let columns = || (0..gram.ncols()).map(|j| gram.col_as_slice(j));
    let frobenius = columns().map(|c| c.iter().map(|v| v * v).sum::<f64>()).sum::<f64>().sqrt();
    let rows = columns().map(|c| c.iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max);
    frobenius.min(rows).sqrt()
}

/// By a few passes over the data; `diagonal` is that of `G`.
pub(super) fn of_data(problem: &Mlr, diagonal: &[f64]) -> f64 {
    let p = problem.weights();
    let (mut v, mut gv) = (vec![0.0; problem.dim()], vec![0.0; problem.dim()]);
    let mut scratch = problem.scratch();
    bound(diagonal.iter().sum(), p, |from, to| {
        v[..p].copy_from_slice(from);
        problem.sweep(&v, 0, &mut [], Some(&mut gv), &mut scratch, |_| {});
        to.copy_from_slice(&gv[..p]);
    })
}

/// From an upper triangular `R` with `RᵀR = G`.
pub(super) fn of_factor(r: &Mat<f64>) -> f64 {
    let p = r.nrows();
    let trace = (0..p).map(|j| dot(r.col_as_slice(j), r.col_as_slice(j))).sum();
    let mut image = vec![0.0; p];
    bound(trace, p, |from, to| {
        dense::product(r.as_ref(), dense::view(from, p), dense::view_mut(&mut image, p));
        dense::product(r.transpose(), dense::view(&image, p), dense::view_mut(to, p));
    })
}

/// `√(bound of λ_max)` for a positive semidefinite matrix of known trace, given by products.
///
/// Power iteration ends with a unit vector of Rayleigh quotient `θ` and residual `η`. Some
/// eigenvalue lies within `η` of `θ`; if the largest is another one, it is at most what the trace
/// leaves: `λ_max <= max(θ, tr - θ) + η`, and `tr` in any case.
fn bound(trace: f64, p: usize, mut apply: impl FnMut(&[f64], &mut [f64])) -> f64 {
    /// Products may be rounded to single precision.
    const SLACK: f64 = 1e-5;
    let (mut v, mut gv) = (vec![(p as f64).sqrt().recip(); p], vec![0.0; p]);
    let mut best = trace;
    for _ in 0..PASSES {
        apply(&v, &mut gv);
        let theta = dot(&v, &gv);
        let gap: f64 = v.iter().zip(&gv).map(|(v, g)| (g - theta * v).powi(2)).sum();
        best = best.min(theta.max(trace - theta) + gap.sqrt());
        let over = norm(&gv).recip();
        if !over.is_finite() {
            break;
        }
        v.iter_mut().zip(&gv).for_each(|(v, g)| *v = over * g);
    }
    (best * (1.0 + SLACK)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_never_below_the_norm_and_close_to_it_where_one_direction_rules() {
        for (second, close) in [(0.1, true), (0.9, false)] {
            let diagonal: Vec<f64> =
                (0..40).map(|i| if i == 3 { 1.0 } else { second / (1.0 + f64::from(i)) }).collect();
            let found = bound(diagonal.iter().sum(), 40, |v, out| {
                out.iter_mut().zip(v).zip(&diagonal).for_each(|((o, v), d)| *o = d * v);
            });
            assert!(found >= 1.0 && (!close || found < 1.05), "{found} with {second}");
        }
    }
}
