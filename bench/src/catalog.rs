//! The one list of what is built in.

use converge_problems::imaging::{Imaging, SmoothImaging};
use converge_problems::mlr::Mlr;
use converge_solvers::{
    AdmmSoftmax, BoundMajorizer, Lbfgs, NewtonCg, ReleasedLbfgs, ReleasedNewton, RidgeClassifier,
    Sgd,
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
        .pair::<Mlr, Sgd>()
        .pair::<SmoothImaging, Lbfgs>()
        .pair::<SmoothImaging, Sgd>();
    // Its data terms need not have a gradient: made for methods that use proximal maps.
    registry.problem::<Imaging>();
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
