//! The same problem at other sizes.

use converge_problems::data::DatasetChoice;
use converge_problems::mlr::MlrConfig;
use converge_problems::{SetupError, require};

/// `problem` with so many generated samples and numbers per sample.
///
/// # Errors
/// [`SetupError::Parameter`] if its data are not generated.
pub(super) fn resized(
    problem: &MlrConfig,
    samples: usize,
    inputs: Option<usize>,
) -> Result<MlrConfig, SetupError> {
    let mut problem = problem.clone();
    let generated = matches!(problem.dataset, DatasetChoice::Synthetic { .. });
    require(
        "problem.dataset",
        "a set of one size",
        generated,
        "synthetic, so that its size can vary",
    )?;
    if let DatasetChoice::Synthetic { synthetic } = &mut problem.dataset {
        synthetic.samples = samples;
        synthetic.inputs = inputs.unwrap_or(synthetic.inputs);
    }
    Ok(problem)
}
