//! Solvers: one method a file, each a record of hyper-parameters with a state that owns what moves.

mod admm_softmax;
mod anderson;
mod armijo;
mod bound_majorizer;
pub mod check;
mod ensemble;
mod game;
mod lbfgs;
mod least_squares;
mod line_search;
mod newton_cg;
mod pairs;
mod pnp;
mod released_lbfgs;
mod released_newton;
mod ridge_classifier;
mod sde;
mod sgd;
mod softmax_prox;
mod solver;

use converge_problems::numerics::{conjugate_gradient as cg, vector};

pub use admm_softmax::{Adaptation, AdmmSoftmax, AdmmSoftmaxState, Balancing, Dual, Spectral};
pub use anderson::Anderson;
pub use bound_majorizer::{BoundMajorizer, BoundMajorizerState};
pub use game::{
    Consensus, ConsensusState, Extragradient, ExtragradientState, Fdr, GaussianSga,
    GaussianSgaState, GradientNoise, Optimistic, OptimisticState, Order, Players, Schedule, Sga,
    SgaState,
};
pub use lbfgs::{Lbfgs, LbfgsState};
pub use least_squares::{
    Cholesky, Effort, Iterative, LeastSquares, LeastSquaresSystem, Preconditioner, Right, Tolerance,
};
pub use newton_cg::{NewtonCg, NewtonCgState};
pub use pnp::{
    Decay, ForwardState, PnpAdmm, PnpAdmmState, PnpFista, PnpIsta, PnpSgd, Reading, Red, RedState,
    Selection, StepSize, StrengthScaling,
};
pub use released_lbfgs::{ReleasedLbfgs, ReleasedLbfgsState, Seeding};
pub use released_newton::{ReleasedNewton, ReleasedNewtonState};
pub use ridge_classifier::{RidgeClassifier, RidgeClassifierState};
pub use sde::{
    AffineMap, Brownian, Drift, EnsembleError, Equation, Estimate, Euler, EulerMaruyama, Exact,
    ExactLinear, Heun, Integrator, IntegratorState, Level, Multilevel, MultilevelEstimate, Noise,
    Platen, PlatenScheme, Scheme, Tile, WeakHeun, coupled_samples, endpoints,
};
pub use sgd::{Sgd, SgdState};
pub use softmax_prox::{ProxEffort, ProxMethod, SoftmaxProx, SoftmaxProxTiles};
pub use solver::{Breakdown, Solver, Step, Work, require_finite};
