//! Probes: identities, monotonicity, moments and costs, each against the plainest arithmetic.
//!
//! Those of games (`affine_game`, `path_game` and what uses them) follow from "SDE approximations of GANs training and its
//! long-run behavior", arXiv 2006.02047, and moment recursions; those of images are in `imaging`. Source of all others: "ADMM-Softmax: An ADMM Approach for Multinomial Logistic Regression",
//! ETNA 52 (2020), 214-229, and what follows from it: I1 to I4 and T2, T3 are named where they are
//! checked.

mod admm;
mod admm_monotonicity;
mod affine_game;
mod dual_share;
mod euler_chain;
mod fokker_planck;
mod game_at_rest;
mod game_contraction;
mod game_density;
mod game_field;
mod game_moments;
mod game_vector;
mod imaging;
mod iteration_cost;
mod least_squares_cost;
mod least_squares_crossover;
mod least_squares_methods;
mod linear_relaxation;
mod memory_bound;
mod moment_errors;
mod path_averages;
mod path_game;
mod path_relaxation;
mod plain;
mod sizes;
mod softmax_identities;
mod storage_equality;
#[cfg(test)]
mod tests;
mod thread_scaling;
mod timing;
mod w_steps;
mod weak_errors;
mod z_step_partition;

pub use admm_monotonicity::AdmmMonotonicity;
pub use affine_game::{Chain, Flow, Game};
pub use dual_share::DualShare;
pub use euler_chain::EulerChain;
pub use fokker_planck::FokkerPlanckValues;
pub use game_at_rest::{GameAtRest, LyapunovForms};
pub use game_contraction::{GameContraction, GameMethod, NoiselessGame};
pub use game_density::{GameDensity, RestingGame};
pub use game_field::{GameField, PlanarGame};
pub use game_moments::GameMoments;
pub use game_vector::{DynamicName, GameVector, Known};
pub use imaging::{
    ContractionBound, DenoiserCertificate, GradientRefusal, ImagingMemory, ImagingStepCost,
    MaskedProx, MinibatchUnbiased, NetworkDenoising, NetworkGolden, OperatorAdjoints,
    PhaselessProx, PnpIdentities, ResidualBound, VariationalAgreement,
};
pub use iteration_cost::IterationCost;
pub use least_squares_cost::LeastSquaresCost;
pub use least_squares_crossover::LeastSquaresCrossover;
pub use least_squares_methods::LeastSquaresMethods;
pub use linear_relaxation::LinearRelaxation;
pub use memory_bound::MemoryBound;
pub use moment_errors::MomentErrors;
pub use path_averages::{PathAverages, PathDynamic};
pub use path_game::{FlowMethod, PathGame};
pub use path_relaxation::PathRelaxation;
pub use softmax_identities::SoftmaxIdentities;
pub use storage_equality::StorageEquality;
pub use thread_scaling::{StrongScaling, WeakScaling};
pub use w_steps::WSteps;
pub use weak_errors::WeakErrors;
pub use z_step_partition::ZStepPartition;
