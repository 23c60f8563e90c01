//! The least-squares problem of ADMM-Softmax, with one method a file.
//!
//! ```text
//! min ½ ‖F - W D‖² + (r/2) ‖L (W - W_ref)ᵀ‖²  :  (G + r LᵀL) Wᵀ = D Fᵀ + r LᵀL W_refᵀ,   G = D Dᵀ
//! ```
//!
//! with the features `D` (`p x N`) and the Tikhonov operator of an [`Mlr`], one right-hand side per
//! class, `r = α/ρ`. The same matrix comes back at every iteration, so a method has a set-up and a
//! solve; another `r` is a third operation, [`LeastSquaresSystem::set_ratio`].

mod cg;
mod cholesky;
mod dense;
mod eigen;
mod lsqr;
mod nystroem;
mod preconditioner;
mod qr;
mod spectral;
mod tolerance;
mod triangular;
mod woodbury;

use converge_problems::mlr::{Mlr, MlrScratch};
use converge_problems::{Problem, Seed, SetupError, require};
use serde::{Deserialize, Serialize};

pub use self::cholesky::Cholesky;
pub use self::preconditioner::Preconditioner;
pub use self::tolerance::Tolerance;

use self::cg::Cg;
use self::eigen::Eigen;
use self::lsqr::Lsqr;
use self::qr::Qr;
use self::woodbury::Woodbury;
use crate::vector::axpy;
use crate::{Breakdown, Work};

/// How the least-squares problem is solved.
///
/// Set-up, a solve and a changed ratio in flops, for `N` samples, `p` weights, `K` classes; a pass
/// is `4 N p K` flops and a reading of the data; memory in doubles beside the data:
///
/// | method | set-up | solve | changed `r` | memory |
/// |---|---|---|---|---|
/// | `cholesky` | `N p² + p³/3` | `2 p² K` | `p³/3` | `p²` |
/// | `qr` | `4 N p² + 4 p³` | `4 p² K` and a pass | `10 p³/3` | `2 p² + N K` (set-up `6 p²`) |
/// | `eigen` | `N p² + 9 p³` | `4 p² K` | none | `p²` (set-up `3 p²`) |
/// | `woodbury` | `N² p + N³/3` | `2 N p K + 2 N² K` | `N³/3` | `N p + N²` |
/// | `cg` | 5 passes | a pass an iteration | none | `6 p K` |
/// | `lsqr` | 5 passes | a pass an iteration, and one | none | `(N + 7 p) K` |
///
/// The 5 passes are `diag(G)` and the bound of `‖D‖₂`; a sketch adds its own. Direct methods are exact to rounding. `cholesky`, `eigen` and `woodbury` square the condition of
/// the stacked matrix `[Dᵀ; √r L]`; `qr` and `lsqr` do not. `eigen` and `woodbury` need `LᵀL`
/// nonsingular, `woodbury` also `r > 0`. The factorisation of `cholesky` and `woodbury` and all solves
/// use the threads of the pool, those of `qr` and `eigen` one; bits depend on none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LeastSquares {
    /// Cholesky factorisation of the normal matrix, scaled to a unit diagonal.
    #[default]
    Cholesky,
    /// Householder QR of the stacked matrix, panel by panel over the samples; solved by corrected
    /// semi-normal equations. The normal matrix is never formed.
    ///
    /// Source: Å. Björck, Stability analysis of the method of seminormal equations, Linear Algebra
    /// Appl. 88/89 (1987); the panels: J. Demmel et al., SIAM J. Sci. Comput. 34 (2012), sequential
    /// TSQR.
    Qr,
    /// Eigendecomposition of `M^(-1/2) G M^(-1/2)`, `M = LᵀL`: every ratio is solved by two products.
    Eigen,
    /// Kernel matrix of the samples, `N x N`, instead of the normal matrix: for `N < p`.
    Woodbury,
    /// Conjugate gradients from the last solution.
    Cg(Iterative),
    /// LSQR from the last solution: Golub–Kahan bidiagonalisation of the stacked matrix.
    ///
    /// Source: C. C. Paige and M. A. Saunders, ACM Trans. Math. Softw. 8 (1982) 43–71.
    Lsqr(Iterative),
}

/// Parameters of the methods that need no `p x p` matrix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Iterative {
    /// What the iteration is preconditioned with.
    pub preconditioner: Preconditioner,
    /// When a solve ends.
    pub tolerance: Tolerance,
    /// Iterations after which it ends in any case, at least 1: the residual that is left is part of
    /// the outer method's own.
    pub iterations: u64,
}

impl Default for Iterative {
    fn default() -> Self {
        Self {
            preconditioner: Preconditioner::default(),
            tolerance: Tolerance::default(),
            iterations: 1000,
        }
    }
}

/// A right-hand side `D Fᵀ`, as product and as data.
pub struct Right<'a> {
    /// `D Fᵀ`, `p x K`.
    pub product: &'a [f64],
    /// Writes `F` of the tile whose first sample is given: `(tile_capacity, K)`, sample index
    /// fastest.
    pub data: &'a (dyn Fn(usize, &mut [f64]) + Sync),
    /// `‖F - F_before‖`, or `√(‖ΔZ‖² + ‖ΔU‖²)` where `F = Z + U`; NaN in the first solve. Only
    /// [`Tolerance::Relative`] reads it.
    pub step: f64,
}

/// Work of one solve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Passes over the data.
    pub passes: u64,
    /// Systems solved with a factorisation at hand.
    pub solves: u64,
    /// Iterations, of all classes together.
    pub iterations: u64,
}

/// A least-squares problem that is set up: the part of a solver's state that solves it.
#[derive(Clone, Debug)]
pub struct LeastSquaresSystem {
    method: Method,
    ratio: f64,
    data_norm: f64,
    /// `b`, `p x K`.
    right: Vec<f64>,
    class: [Vec<f64>; 2],
}

#[derive(Clone, Debug)]
enum Method {
    Cholesky(Cholesky),
    Qr(Box<Qr>),
    Eigen(Eigen),
    Woodbury(Box<Woodbury>),
    Cg(Box<Cg>),
    Lsqr(Box<Lsqr>),
}

impl LeastSquares {
    fn name(&self) -> &'static str {
        match self {
            Self::Cholesky => "cholesky",
            Self::Qr => "qr",
            Self::Eigen => "eigen",
            Self::Woodbury => "woodbury",
            Self::Cg(_) => "cg",
            Self::Lsqr(_) => "lsqr",
        }
    }

    /// The parameters, if the method iterates.
    pub fn iterative(&self) -> Option<&Iterative> {
        match self {
            Self::Cg(iterative) | Self::Lsqr(iterative) => Some(iterative),
            _ => None,
        }
    }

    /// Refuses what cannot work on `problem`.
    fn check(&self, problem: &Mlr, ratio: f64) -> Result<(), SetupError> {
        let refuse = |admissible| {
            let (name, value) = ("least-squares", self.name().to_owned());
            Err(SetupError::Parameter { name, value, admissible })
        };
        let singular = problem.operator().is_singular();
        if let Some(Iterative { preconditioner, tolerance, iterations }) = self.iterative() {
            tolerance.check()?;
            require("least-squares.iterations", *iterations, *iterations > 0, "at least 1")?;
            return preconditioner.check(problem, ratio);
        }
        match self {
            Self::Eigen | Self::Woodbury if singular => {
                refuse("cholesky or qr where the bias is free, for LᵀL is then singular")
            }
            Self::Woodbury if ratio <= 0.0 => {
                refuse("cholesky, qr or eigen where the Tikhonov term has no weight")
            }
            Self::Woodbury if problem.samples() >= problem.weights() => {
                refuse("cholesky, qr or eigen unless there are fewer samples than weights")
            }
            _ => Ok(()),
        }
    }

    /// Work of [`LeastSquaresSystem::new`].
    pub fn setup_work(&self, problem: &Mlr) -> Work {
        let sketch = |iterative: &Iterative| match iterative.preconditioner {
            Preconditioner::Nystroem { rank } => rank.div_ceil(problem.classes()) as u64,
            _ => 0,
        };
        let (passes, factorizations) = match self {
            Self::Cholesky | Self::Qr | Self::Eigen => (1, 1),
            Self::Woodbury => (2 + spectral::PASSES, 1),
            Self::Cg(iterative) | Self::Lsqr(iterative) => {
                (1 + spectral::PASSES + sketch(iterative), 0)
            }
        };
        let samples = passes * problem.samples() as u64;
        Work { samples, factorizations, ..Work::default() }
    }
}

impl LeastSquaresSystem {
    /// Sets the system up for `r = ratio >= 0`. `seed` keys what is drawn at random.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] for a method that cannot work on the problem,
    /// [`SetupError::Numerics`] if the normal matrix is not positive definite to working precision.
    pub fn new(
        choice: &LeastSquares,
        problem: &Mlr,
        ratio: f64,
        seed: Seed,
    ) -> Result<Self, SetupError> {
        choice.check(problem, ratio)?;
        let seed = seed.child("least-squares");
        let (method, data_norm) = match choice {
            LeastSquares::Cholesky => {
                let gram = problem.gram();
                let norm = spectral::of_gram(&gram);
                let operator = problem.operator();
                (Method::Cholesky(Cholesky::factor(gram, 1.0, operator, ratio)?), norm)
            }
            LeastSquares::Qr => {
                let qr = Qr::new(problem, ratio)?;
                let norm = qr.data_norm();
                (Method::Qr(Box::new(qr)), norm)
            }
            LeastSquares::Eigen => {
                let gram = problem.gram();
                let norm = spectral::of_gram(&gram);
                (Method::Eigen(Eigen::new(problem, gram, ratio)?), norm)
            }
            LeastSquares::Woodbury => {
                let norm = spectral::of_data(problem, &problem.gram_diagonal());
                (Method::Woodbury(Box::new(Woodbury::new(problem, ratio)?)), norm)
            }
            LeastSquares::Cg(iterative) => {
                let diagonal = problem.gram_diagonal();
                let norm = spectral::of_data(problem, &diagonal);
                let cg = Cg::new(*iterative, problem, ratio, &diagonal, seed)?;
                (Method::Cg(Box::new(cg)), norm)
            }
            LeastSquares::Lsqr(iterative) => {
                let diagonal = problem.gram_diagonal();
                let norm = spectral::of_data(problem, &diagonal);
                let lsqr = Lsqr::new(*iterative, problem, ratio, &diagonal, seed)?;
                (Method::Lsqr(Box::new(lsqr)), norm)
            }
        };
        let class = [vec![0.0; problem.weights()], vec![0.0; problem.weights()]];
        Ok(Self { method, ratio, data_norm, right: vec![0.0; problem.dim()], class })
    }

    /// An upper bound of `‖D‖₂`.
    pub fn data_norm(&self) -> f64 {
        self.data_norm
    }

    /// `r`.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }

    /// Takes another `r`; returns the factorisations done.
    ///
    /// # Errors
    /// [`Breakdown::NotPositiveDefinite`] if the normal matrix is not.
    pub fn set_ratio(&mut self, problem: &Mlr, ratio: f64) -> Result<u64, Breakdown> {
        self.ratio = ratio;
        let done = match &mut self.method {
            Method::Cholesky(cholesky) => cholesky.refactor(1.0, problem.operator(), ratio),
            Method::Qr(qr) => qr.refactor(problem, ratio),
            Method::Woodbury(woodbury) => woodbury.refactor(ratio),
            Method::Eigen(eigen) => {
                return eigen.set_ratio(ratio).map(|()| 0).map_err(|_| indefinite());
            }
            Method::Cg(cg) => return cg.set_ratio(ratio).map(|()| 0).map_err(|_| indefinite()),
            Method::Lsqr(lsqr) => {
                return lsqr.set_ratio(ratio).map(|()| 0).map_err(|_| indefinite());
            }
        };
        done.map(|()| 1).map_err(|_| indefinite())
    }

    /// Writes the solution, `p x K`, over `w`, where iterative methods start. No memory is
    /// allocated.
    ///
    /// # Errors
    /// [`Breakdown::NotFinite`] if an inner iteration leaves the numbers.
    pub fn solve(
        &mut self,
        problem: &Mlr,
        right: &Right<'_>,
        w: &mut [f64],
        scratch: &mut MlrScratch,
    ) -> Result<Effort, Breakdown> {
        let Self { method, ratio, data_norm, right: b, class } = self;
        b.copy_from_slice(right.product);
        if let Some(prior) = problem.prior() {
            add_pull(problem, *ratio, prior, None, b, class);
        }
        let solves = problem.classes() as u64;
        let direct = Effort { solves, ..Effort::default() };
        match method {
            Method::Cholesky(cholesky) => {
                w.copy_from_slice(b);
                cholesky.solve_in_place(w);
                Ok(direct)
            }
            Method::Eigen(eigen) => {
                eigen.solve(b, w);
                Ok(direct)
            }
            Method::Woodbury(woodbury) => {
                woodbury.solve(problem, right, w);
                Ok(direct)
            }
            Method::Qr(qr) => {
                qr.solve(problem, *ratio, right, b, w, class, scratch);
                Ok(Effort { passes: 1, solves: 2 * solves, ..direct })
            }
            Method::Cg(cg) => cg.solve(problem, *ratio, right, *data_norm, b, w, scratch),
            Method::Lsqr(lsqr) => lsqr.solve(problem, *ratio, right, *data_norm, b, w, scratch),
        }
    }

    /// The residual `e = b - (G + r LᵀL) Wᵀ` that the last solve left, `p x K`; `None` where it is
    /// zero to rounding.
    pub fn residual(&self) -> Option<&[f64]> {
        match &self.method {
            Method::Cg(cg) => Some(cg.residual()),
            Method::Lsqr(lsqr) => Some(lsqr.residual()),
            _ => None,
        }
    }
}

fn indefinite() -> Breakdown {
    Breakdown::NotPositiveDefinite("normal matrix")
}

/// `out += ratio LᵀL (w - prior)ᵀ`, class by class.
pub(crate) fn add_pull(
    problem: &Mlr,
    ratio: f64,
    w: &[f64],
    prior: Option<&[f64]>,
    out: &mut [f64],
    [delta, operated]: &mut [Vec<f64>; 2],
) {
    let p = problem.weights();
    for (k, (w, out)) in w.chunks_exact(p).zip(out.chunks_exact_mut(p)).enumerate() {
        delta.copy_from_slice(w);
        if let Some(prior) = prior {
            delta.iter_mut().zip(&prior[k * p..]).for_each(|(d, w)| *d -= w);
        }
        problem.operator().apply(delta, operated);
        problem.operator().apply(operated, delta);
        axpy(ratio, delta, out);
    }
}
