//! The one list of what is built in.

use converge_problems::gan::{BoundedGan, CovarianceGan, DiracGan, LqGan, MixtureGan, ScaleGan};
use converge_problems::imaging::{Imaging, SmoothImaging};
use converge_problems::mlr::Mlr;
use converge_problems::{Build, Diffusion, Game};
use converge_solvers::{
    AdmmSoftmax, BoundMajorizer, Consensus, EulerMaruyama, ExactLinear, Extragradient, GaussianSga,
    Lbfgs, NewtonCg, Optimistic, Platen, PnpAdmm, PnpFista, PnpIsta, PnpSgd, Red, ReleasedLbfgs,
    ReleasedNewton, RidgeClassifier, Sga, Sgd, WeakHeun,
};

use crate::probes::{
    AdmmMonotonicity, ContractionBound, DenoiserCertificate, DualShare, EulerChain,
    FokkerPlanckValues, GameAtRest, GameContraction, GameDensity, GameField, GameMoments,
    GameVector, GradientRefusal, ImagingMemory, ImagingStepCost, IterationCost, LeastSquaresCost,
    LeastSquaresCrossover, LeastSquaresMethods, LinearRelaxation, LyapunovForms, MaskedProx,
    MemoryBound, MinibatchUnbiased, MomentErrors, NetworkDenoising, NetworkGolden,
    OperatorAdjoints, PathAverages, PathRelaxation, PhaselessProx, PnpIdentities, ResidualBound,
    SoftmaxIdentities, StorageEquality, StrongScaling, VariationalAgreement, WeakErrors,
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
        // Its data terms need not have a gradient, so that gradient methods do not fit.
        .pair::<Imaging, PnpAdmm>()
        .pair::<SmoothImaging, Lbfgs>()
        .pair::<SmoothImaging, PnpAdmm>()
        .pair::<SmoothImaging, PnpFista>()
        .pair::<SmoothImaging, PnpIsta>()
        .pair::<SmoothImaging, PnpSgd>()
        .pair::<SmoothImaging, Red>()
        .pair::<SmoothImaging, Sgd>();
    game_and_diffusion::<BoundedGan>(registry);
    game_and_diffusion::<CovarianceGan>(registry);
    game_and_diffusion::<DiracGan>(registry);
    game_and_diffusion::<LqGan>(registry);
    game_and_diffusion::<ScaleGan>(registry);
    registry.pair::<LqGan, ExactLinear>();
    game::<MixtureGan>(registry);
    registry
        .probe::<AdmmMonotonicity>()
        .probe::<ContractionBound>()
        .probe::<DenoiserCertificate>()
        .probe::<DualShare>()
        .probe::<EulerChain>()
        .probe::<FokkerPlanckValues>()
        .probe::<GameAtRest>()
        .probe::<GameContraction>()
        .probe::<GameDensity>()
        .probe::<GameField>()
        .probe::<GameMoments>()
        .probe::<GameVector>()
        .probe::<GradientRefusal>()
        .probe::<ImagingMemory>()
        .probe::<ImagingStepCost>()
        .probe::<IterationCost>()
        .probe::<LeastSquaresCost>()
        .probe::<LeastSquaresCrossover>()
        .probe::<LeastSquaresMethods>()
        .probe::<LinearRelaxation>()
        .probe::<LyapunovForms>()
        .probe::<MaskedProx>()
        .probe::<MemoryBound>()
        .probe::<MinibatchUnbiased>()
        .probe::<MomentErrors>()
        .probe::<NetworkDenoising>()
        .probe::<NetworkGolden>()
        .probe::<OperatorAdjoints>()
        .probe::<PathAverages>()
        .probe::<PathRelaxation>()
        .probe::<PhaselessProx>()
        .probe::<PnpIdentities>()
        .probe::<ResidualBound>()
        .probe::<SoftmaxIdentities>()
        .probe::<StorageEquality>()
        .probe::<StrongScaling>()
        .probe::<VariationalAgreement>()
        .probe::<WeakErrors>()
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

#[cfg(test)]
mod tests {
    use converge_problems::Seed;
    use serde_json::json;

    use super::*;
    use crate::registry::RegistryError;

    /// C10 of scalable PnP-ADMM: gradient methods do not apply to `l1`.
    #[test]
    fn a_gradient_method_on_l1_is_refused_whichever_kind_is_asked() {
        let mut registry = Registry::default();
        register(&mut registry);
        let config = json!({
            "image": { "phantom": { "kind": "texture", "rows": 8, "columns": 8 } },
            "operator": { "gaussian": { "ratio": 0.7 } },
            "data-term": "l1",
        });
        let instance = registry.build("imaging", &config, Seed::root(0), None).unwrap();
        let seed = Seed::root(1);
        for method in ["lbfgs", "pnp-fista", "pnp-ista", "pnp-sgd", "red", "sgd"] {
            match registry.start("imaging", &instance, method, &json!({}), seed, seed).err() {
                Some(RegistryError::Unfit { problem, solver, fitting }) => {
                    assert_eq!((&*problem, &*solver), ("imaging", method));
                    assert_eq!(fitting, ["pnp-admm"]);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(registry.start("imaging", &instance, "pnp-admm", &json!({}), seed, seed).is_ok());
        let refused = registry.build("smooth-imaging", &config, Seed::root(0), None).err();
        let message = refused.unwrap().to_string();
        assert!(message.contains("data-term = L1 is not admissible"), "{message}");
    }

    #[test]
    fn gradient_descent_restores_a_blurred_image() {
        let mut registry = Registry::default();
        register(&mut registry);
        let config = json!({
            "image": { "phantom": { "kind": "ellipses", "rows": 24, "columns": 20 } },
            "operator": { "blur": { "kernels": [{ "gaussian": { "size": 5, "deviation": 0.7 } }] } },
        });
        let instance = registry.build("smooth-imaging", &config, Seed::root(0), None).unwrap();
        let seed = Seed::root(1);
        let mut process =
            registry.start("smooth-imaging", &instance, "lbfgs", &json!({}), seed, seed).unwrap();
        let columns = process.columns();
        let psnr = columns.iter().position(|metric| metric.name == "psnr").unwrap();
        let mut row = vec![0.0; columns.len()];
        process.evaluate(&mut row).unwrap();
        let before = row[psnr];
        process.advance(crate::process::Until::Iterations(200), 200).unwrap();
        process.evaluate(&mut row).unwrap();
        // Without noise, and with no frequency lost, the truth is the only minimiser.
        assert!(row[psnr] > 60.0 && before < 20.0, "{before} dB, then {} dB", row[psnr]);
    }
}
