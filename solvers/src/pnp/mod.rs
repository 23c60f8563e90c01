//! Plug-and-play methods: a denoiser in the place of a regulariser.
//!
//! They look for images that the mean data term and a denoiser `D` agree on,
//!
//! ```text
//! g(x) = (1/b) Σ_i g_i(x),   R(v) = v - D(v)
//! ```
//!
//! | method | fixed points | needs of `g` |
//! |---|---|---|
//! | [`PnpAdmm`], all blocks or some | `x = D(v)`, `0 ∈ γ ∂g(x) - R(v)` | proximal maps |
//! | [`PnpIsta`], [`PnpFista`], [`PnpSgd`] | `x = D(x - γ ∇g(x))` | gradients |
//! | [`Red`] | `∇g(x) + τ R(x) = 0` | gradients |
//!
//! The first two lines have the same fixed points at the same `γ`: with `v = x - γ ∇g(x)` one condition
//! is the other. A data term without gradient has no pair with the last two lines, so that nothing runs.
//!
//! Source: Y. Sun, Z. Wu, X. Xu, B. Wohlberg, U. Kamilov, "Scalable Plug-and-Play ADMM with Convergence
//! Guarantees", IEEE Trans. Comput. Imaging 7 (2021), 849-863, arXiv 2006.03224. Sections are those of the
//! specification of it that this suite was written from.

mod admm;
mod curvature;
mod decay;
mod denoising;
mod fista;
mod forward;
mod gradients;
mod ista;
mod maps;
mod red;
mod selection;
mod settled;
mod sgd;

use converge_problems::Problem;

pub use admm::{PnpAdmm, PnpAdmmState};
pub use curvature::StepSize;
pub use decay::Decay;
pub use denoising::StrengthScaling;
pub use fista::PnpFista;
pub use forward::ForwardState;
pub use ista::PnpIsta;
pub use maps::Reading;
pub use red::{Red, RedState};
pub use selection::Selection;
pub use sgd::PnpSgd;

/// The residual of a full map after so many steps: NaN where it is not due, nothing where it never is.
fn observe(every: u64, steps: u64, residual: impl FnOnce() -> f64) -> Option<f64> {
    (every > 0).then(|| if steps.is_multiple_of(every) { residual() } else { f64::NAN })
}

/// Writes diagnostics in the order of their columns.
fn write(row: &mut [f64], values: impl Iterator<Item = f64>) {
    row.iter_mut().zip(values).for_each(|(place, value)| *place = value);
}

/// `‖a - b‖²`.
fn distance_squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Calls `work` with every item and its number: half of them here, the others on whatever thread is free.
fn deal<T: Send>(first: usize, items: &mut [T], work: &(impl Fn(usize, &mut T) + Sync)) {
    match items {
        [] => {}
        [only] => work(first, only),
        _ => {
            let half = items.len() / 2;
            let (left, right) = items.split_at_mut(half);
            rayon::join(|| deal(first, left, work), || deal(first + half, right, work));
        }
    }
}

/// All blocks of a problem.
fn all_terms<P: Problem>(problem: &P) -> Vec<u32> {
    (0..problem.terms().unwrap_or(0) as u32).collect()
}
