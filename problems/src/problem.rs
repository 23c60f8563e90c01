//! What a problem is: a space of points, a start, metrics, outputs.

use serde::de::DeserializeOwned;

use crate::{Metric, Output, Seed, SetupError};

/// One mathematical instance: data, oracles, metrics.
///
/// A point is a flat `&[f64]` of length [`dim`](Problem::dim); an iterate whose length is a
/// multiple of it is an ensemble, one chunk per path. Oracles are pure functions of their
/// arguments: what a `Scratch` holds on entry never changes a result, and neither does the number
/// of threads.
pub trait Problem: Send + Sync + 'static {
    /// Temporaries of the oracles.
    type Scratch: Clone + Send;

    /// Length of a point.
    fn dim(&self) -> usize;

    /// Number of data terms that one full oracle call reads; `None` for a population or no data.
    fn terms(&self) -> Option<usize> {
        None
    }

    /// Fresh temporaries. Allocates; the oracles do not.
    fn scratch(&self) -> Self::Scratch;

    /// Writes start points: `x` holds any whole number of points, point `i` drawn from `(seed, i)`.
    fn start(&self, seed: Seed, x: &mut [f64]);

    /// What [`evaluate`](Problem::evaluate) measures, in the order of its row.
    fn metrics(&self) -> &[Metric];

    /// Measures `x` (one or more points) into `row`, one number per metric. A number that cannot
    /// be computed is NaN. Outside the clock.
    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut Self::Scratch);

    /// Arrays that a finished run leaves behind, beside its iterate.
    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    /// Writes the output number `index` at `x`.
    fn output(&self, _index: usize, _x: &[f64], _out: &mut [f64], _scratch: &mut Self::Scratch) {}

    /// Facts for the header of every run: `checksum` of the data, `precision` of the oracles (the
    /// numerical floor of a rate is that of `f32` where it names that type), and what else tells two
    /// instances apart.
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A problem that can be built from a section of a study file.
pub trait Build: Problem + Sized {
    /// Stable kebab-case name, as in `kind = "mlr"`.
    const ID: &'static str;
    /// One sentence for listings.
    const ABOUT: &'static str;
    /// The section of the study file.
    type Config: DeserializeOwned;

    /// Checks the values of a section before anything runs, as far as that needs no data; other mistakes
    /// are found when an instance is built.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters.
    fn check(_config: &Self::Config) -> Result<(), SetupError> {
        Ok(())
    }

    /// Builds the instance of repetition `seed`. `reference` is the point that the study's
    /// `[reference]` stage found for this instance, if it has one.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters, missing or unreadable data.
    fn build(
        config: &Self::Config,
        seed: Seed,
        reference: Option<&[f64]>,
    ) -> Result<Self, SetupError>;

    /// The instance of `config`, sharing with `kin`, an instance of the same repetition built from
    /// `of`, what both hold. `None`, the default, where they have nothing to share. Otherwise it equals
    /// what [`build`](Build::build) makes bit for bit.
    fn rebuild(
        _kin: &Self,
        _of: &Self::Config,
        _config: &Self::Config,
        _reference: Option<&[f64]>,
    ) -> Option<Result<Self, SetupError>> {
        None
    }

    /// The instance as trials of a tuning meet it: without the metrics and outputs of test data, which
    /// selection must not look at. It may leave out metrics that are not among `_metrics`, the names that
    /// the tuning reads, unless that is empty. All else stays as it is, bit for bit. It may keep what the
    /// set-ups of trials have in common, since nobody times them. The default is the instance itself.
    #[must_use]
    fn for_trials(self, _metrics: &[String]) -> Self {
        self
    }
}
