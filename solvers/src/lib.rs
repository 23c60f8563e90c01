//! Solvers: one method a file, each a record of hyper-parameters with a state that owns what moves.

mod admm_softmax;
mod bound_majorizer;
mod cg;
pub mod check;
mod lbfgs;
mod line_search;
mod newton_cg;
mod normal;
mod ridge_classifier;
mod sgd;
mod softmax_prox;
mod solver;
mod vector;

pub use admm_softmax::{AdmmSoftmax, AdmmSoftmaxState, Balancing, Dual};
pub use bound_majorizer::{BoundMajorizer, BoundMajorizerState};
pub use lbfgs::{Lbfgs, LbfgsState};
pub use newton_cg::{NewtonCg, NewtonCgState};
pub use ridge_classifier::{RidgeClassifier, RidgeClassifierState};
pub use sgd::{Sgd, SgdState};
pub use softmax_prox::{ProxEffort, ProxMethod, SoftmaxProx, SoftmaxProxTiles};
pub use solver::{Breakdown, Solver, Step, Work, require_finite};
