//! Methods that need a gradient, where there is none.

use converge_problems::{Better, Metric, Seed, Split};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalog;
use crate::registry::{Probe, ProbeError, Registry, RegistryError};

/// Asks for each of `solvers` on least absolute deviations. One row a solver:
///
/// | column | number |
/// |---|---|
/// | `solver` | its place in the list, from 1 |
/// | `refused` | 1 if kind `imaging` refuses the pair as unfit, and kind `smooth-imaging` the data term, both before anything runs |
/// | `accepted` | 1 if it runs on the same measurements with least squares |
///
/// Source: C10.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GradientRefusal {
    /// Kinds of solvers.
    pub solvers: Vec<String>,
}

impl Probe for GradientRefusal {
    const ID: &'static str = "gradient-refusal";
    const ABOUT: &'static str = "which methods are refused on a data term without gradient";

    fn columns(&self) -> Vec<Metric> {
        let higher = |name| Metric::new(name, Better::Higher, Split::None);
        vec![Metric::diagnostic("solver"), higher("refused"), higher("accepted")]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let mut registry = Registry::default();
        catalog::register(&mut registry);
        for (solver, place) in self.solvers.iter().zip(1_u32..) {
            let unfit = matches!(
                ask(&registry, "imaging", solver, "l1", seed),
                Err(RegistryError::Unfit { .. })
            );
            let kinkless = matches!(
                ask(&registry, "smooth-imaging", solver, "l1", seed),
                Err(RegistryError::Setup(_))
            );
            let accepted = ask(&registry, "smooth-imaging", solver, "least-squares", seed).is_ok();
            let flag = |holds: bool| f64::from(u8::from(holds));
            push(&[f64::from(place), flag(unfit && kinkless), flag(accepted)]);
        }
        Ok(())
    }
}

fn ask(
    registry: &Registry,
    kind: &str,
    solver: &str,
    data_term: &str,
    seed: Seed,
) -> Result<(), RegistryError> {
    let config: Value = json!({
        "image": { "phantom": { "kind": "texture", "rows": 8, "columns": 8 } },
        "operator": { "gaussian": { "ratio": 0.7 } },
        "data-term": data_term,
    });
    let instance = registry.build(kind, &config, seed, None)?;
    registry.start(kind, &instance, solver, &json!({}), seed, seed)?;
    Ok(())
}
