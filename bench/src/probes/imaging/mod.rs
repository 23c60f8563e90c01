//! Probes of image reconstruction: certificates of denoisers, identities of operators and proximal
//! maps, bounds of the theory, costs.
//!
//! Source: "Scalable Plug-and-Play ADMM with Convergence Guarantees", IEEE Trans. Comput. Imaging 7
//! (2021), 849-863, arXiv 2006.03224, by its specification, whose sections and claims are named.

mod adjoints;
mod certificates;
mod contraction;
mod identities;
mod iteration;
mod memory;
mod networks;
mod proxes;
mod refusal;
mod residual_bound;
mod sampling;
mod step_cost;
#[cfg(test)]
mod tests;
mod variational;

use converge_problems::Seed;
use rand_distr::{Distribution, StandardNormal};

pub use adjoints::OperatorAdjoints;
pub use certificates::DenoiserCertificate;
pub use contraction::ContractionBound;
pub use identities::PnpIdentities;
pub use memory::ImagingMemory;
pub use networks::{NetworkDenoising, NetworkGolden};
pub use proxes::{MaskedProx, PhaselessProx};
pub use refusal::GradientRefusal;
pub use residual_bound::ResidualBound;
pub use sampling::MinibatchUnbiased;
pub use step_cost::ImagingStepCost;
pub use variational::VariationalAgreement;

/// Standard normal numbers.
fn normals(count: usize, seed: Seed) -> Vec<f64> {
    let mut rng = seed.rng();
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}
