//! The one list of what is built in.

use converge_problems::gan::{BoundedGan, CovarianceGan, DiracGan, LqGan, ScaleGan};
use converge_problems::mlr::Mlr;
use converge_problems::{Build, Diffusion, Game};
use converge_solvers::{
    AdmmSoftmax, BoundMajorizer, Consensus, EulerMaruyama, ExactLinear, Extragradient, GaussianSga,
    Lbfgs, NewtonCg, Optimistic, Platen, ReleasedLbfgs, ReleasedNewton, RidgeClassifier, Sga, Sgd,
    WeakHeun,
};

use crate::probes::{
    AdmmMonotonicity, DualShare, IterationCost, LeastSquaresCost, LeastSquaresCrossover,
    LeastSquaresMethods, MemoryBound, SoftmaxIdentities, StorageEquality, StrongScaling,
    WeakScaling, ZStepPartition,
};
use crate::registry::Registry;

/// Registers every built-in pair and probe.
pub fn register(registry: &mut Registry) {
    registry
        .pair::<Mlr, AdmmSoftmax>()
        .pair::<Mlr, BoundMajorizer>()
        .pair::<Mlr, Lbfgs>()
        .pair::<Mlr, NewtonCg>()
        .pair::<Mlr, ReleasedLbfgs>()
        .pair::<Mlr, ReleasedNewton>()
        .pair::<Mlr, RidgeClassifier>()
        .pair::<Mlr, Sgd>();
    game_and_diffusion::<BoundedGan>(registry);
    game_and_diffusion::<CovarianceGan>(registry);
    game_and_diffusion::<DiracGan>(registry);
    game_and_diffusion::<LqGan>(registry);
    game_and_diffusion::<ScaleGan>(registry);
    registry.pair::<LqGan, ExactLinear>();
    registry
        .probe::<AdmmMonotonicity>()
        .probe::<DualShare>()
        .probe::<IterationCost>()
        .probe::<LeastSquaresCost>()
        .probe::<LeastSquaresCrossover>()
        .probe::<LeastSquaresMethods>()
        .probe::<MemoryBound>()
        .probe::<SoftmaxIdentities>()
        .probe::<StorageEquality>()
        .probe::<StrongScaling>()
        .probe::<WeakScaling>()
        .probe::<ZStepPartition>();
}

/// The methods of a game.
fn game<P: Build + Game>(registry: &mut Registry) {
    registry
        .pair::<P, Consensus>()
        .pair::<P, Extragradient>()
        .pair::<P, Optimistic>()
        .pair::<P, Sga>();
}

/// The methods of a game, and the integrators of its diffusion.
fn game_and_diffusion<P: Build + Game + Diffusion>(registry: &mut Registry) {
    game::<P>(registry);
    registry
        .pair::<P, EulerMaruyama>()
        .pair::<P, GaussianSga>()
        .pair::<P, Platen>()
        .pair::<P, WeakHeun>();
}
