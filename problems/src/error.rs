//! What can go wrong before the clock starts.

use std::path::PathBuf;

/// A problem or a solver could not be set up: the caller's fault or the data's, never the method's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A parameter outside its admissible set.
    #[error("{name} = {value} is not admissible: {admissible}")]
    Parameter {
        /// Name as in the study file.
        name: &'static str,
        /// The value found.
        value: String,
        /// The admissible set, in words.
        admissible: &'static str,
    },
    /// Two lengths that must agree do not.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What was measured.
        what: &'static str,
        /// The length that was needed.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// A data set that is not on this machine. Its cells are skipped, not failed.
    #[error("data set {name} is not here: {remedy}")]
    MissingData {
        /// Name of the data set or path of the file.
        name: String,
        /// What brings it here.
        remedy: String,
    },
    /// Data that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A set-up computation broke down, such as the factorisation of an indefinite matrix.
    #[error("set-up broke down: {0}")]
    Numerics(String),
    /// A problem that needs a reference solution was built without one.
    #[error("{0} needs a [reference] in the study")]
    NeedsReference(&'static str),
}

/// A file that is not what it should be. Names the file, the place and the finding.
#[derive(Debug, thiserror::Error)]
#[error("{}: {finding}", path.display())]
pub struct DataError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, where in the file, and the remedy where one is known.
    pub finding: String,
}

impl DataError {
    /// An error about `path`.
    pub fn new(path: impl Into<PathBuf>, finding: impl Into<String>) -> Self {
        Self { path: path.into(), finding: finding.into() }
    }
}

/// Checks that a parameter is finite and positive.
///
/// # Errors
/// [`SetupError::Parameter`] that names it otherwise.
pub fn require_positive(name: &'static str, value: f64) -> Result<(), SetupError> {
    require(name, value, value > 0.0 && value.is_finite(), "a finite number above 0")
}

/// Checks that a parameter satisfies `admissible`.
///
/// # Errors
/// [`SetupError::Parameter`] that names it otherwise.
pub fn require(
    name: &'static str,
    value: impl ToString,
    holds: bool,
    admissible: &'static str,
) -> Result<(), SetupError> {
    if holds {
        Ok(())
    } else {
        Err(SetupError::Parameter { name, value: value.to_string(), admissible })
    }
}
