//! What the inner iterations are preconditioned with.

use converge_problems::mlr::{Mlr, RidgePower};
use converge_problems::{Seed, SetupError, require};
use serde::{Deserialize, Serialize};

use super::cholesky::indefinite;
use super::nystroem::Nystroem;

/// An approximation `T Tᵀ` of `(G + r LᵀL)⁻¹`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Preconditioner {
    /// The identity.
    None,
    /// The diagonal of the normal matrix.
    #[default]
    Jacobi,
    /// `M = LᵀL` by sine transforms: the whole Tikhonov term, nothing of the data. Good where that
    /// term rules; needs a bias that is not free.
    Sine,
    /// `M`, and in its coordinates the leading eigenspace of the data: a randomised Nyström
    /// approximation of `M^(-1/2) G M^(-1/2)`. Set-up: `rank / K` passes and `2 p rank²` flops; an
    /// application: `8 p rank K` flops beside the transforms.
    ///
    /// Source: Z. Frangella, J. A. Tropp and M. Udell, Randomized Nyström preconditioning, SIAM J.
    /// Matrix Anal. Appl. 44 (2023), algorithm 2.1 and equation (1.3).
    Nystroem {
        /// Directions, from 1 to `p`.
        rank: usize,
    },
}

impl Preconditioner {
    pub(super) fn check(self, problem: &Mlr, ratio: f64) -> Result<(), SetupError> {
        let name = "least-squares.preconditioner";
        if let Self::Nystroem { rank } = self {
            let within = rank >= 1 && rank <= problem.weights();
            require("least-squares.preconditioner.nystroem.rank", rank, within, "from 1 to p")?;
        }
        let sine = match self {
            Self::None | Self::Jacobi => return Ok(()),
            Self::Sine => "sine",
            Self::Nystroem { .. } => "nystroem",
        };
        let regular = !problem.operator().is_singular();
        require(name, sine, regular, "none or jacobi where the bias is free")?;
        require(name, sine, ratio > 0.0, "none or jacobi where the Tikhonov term has no weight")
    }
}

/// A preconditioner that is set up.
#[derive(Clone, Debug)]
pub(super) enum Preconditioning {
    None,
    Jacobi { gram: Vec<f64>, ridge: Vec<f64>, root: Vec<f64> },
    Sine { inverse_root: RidgePower, root: RidgePower },
    Nystroem { inverse_root: RidgePower, root: RidgePower, data: Box<Nystroem> },
}

impl Preconditioning {
    pub(super) fn new(
        choice: Preconditioner,
        problem: &Mlr,
        ratio: f64,
        diagonal: &[f64],
        seed: Seed,
    ) -> Result<Self, SetupError> {
        let power = |exponent| problem.operator().power(exponent).ok_or_else(indefinite);
        let mut made = match choice {
            Preconditioner::None => Self::None,
            Preconditioner::Jacobi => Self::Jacobi {
                gram: diagonal.to_vec(),
                ridge: problem.operator().normal_diagonal(),
                root: vec![0.0; diagonal.len()],
            },
            Preconditioner::Sine => Self::Sine { inverse_root: power(-0.5)?, root: power(0.5)? },
            Preconditioner::Nystroem { rank } => {
                let (mut inverse_root, root) = (power(-0.5)?, power(0.5)?);
                let data = Nystroem::new(problem, rank, &mut inverse_root, seed)?;
                Self::Nystroem { inverse_root, root, data: Box::new(data) }
            }
        };
        made.set_ratio(ratio)?;
        Ok(made)
    }

    pub(super) fn set_ratio(&mut self, ratio: f64) -> Result<(), SetupError> {
        match self {
            Self::None | Self::Sine { .. } => {}
            Self::Jacobi { gram, ridge, root } => {
                for ((root, g), m) in root.iter_mut().zip(gram).zip(ridge) {
                    *root = (*g + ratio * *m).sqrt();
                    if *root <= 0.0 || !root.is_finite() {
                        return Err(indefinite());
                    }
                }
            }
            Self::Nystroem { data, .. } => data.set_ratio(ratio),
        }
        Ok(())
    }

    /// `x ← T x`, `p x K`.
    pub(super) fn apply(&mut self, x: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Jacobi { root, .. } => per_weight(x, root, |x, d| x / d),
            Self::Sine { inverse_root, .. } => inverse_root.apply(x),
            Self::Nystroem { inverse_root, data, .. } => {
                data.apply(x);
                inverse_root.apply(x);
            }
        }
    }

    /// `x ← Tᵀ x`.
    pub(super) fn apply_transposed(&mut self, x: &mut [f64]) {
        match self {
            Self::Nystroem { inverse_root, data, .. } => {
                inverse_root.apply(x);
                data.apply(x);
            }
            _ => self.apply(x),
        }
    }

    /// `x ← T⁻ᵀ x`.
    pub(super) fn undo_transposed(&mut self, x: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Jacobi { root, .. } => per_weight(x, root, |x, d| x * d),
            Self::Sine { root, .. } => root.apply(x),
            Self::Nystroem { root, data, .. } => {
                data.undo(x);
                root.apply(x);
            }
        }
    }
}

fn per_weight(x: &mut [f64], factors: &[f64], map: impl Fn(f64, f64) -> f64) {
    for column in x.chunks_exact_mut(factors.len()) {
        column.iter_mut().zip(factors).for_each(|(x, d)| *x = map(*x, *d));
    }
}
