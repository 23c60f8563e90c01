//! What a solver is, and how its steps are counted and end.

use converge_problems::{Metric, Problem, Seed, SetupError};
use serde::{Serialize, de::DeserializeOwned};

/// An iterative method. `self` holds the hyper-parameters and never changes; the state owns
/// everything that lasts: buffers, counters, generators, warm starts.
pub trait Solver<P: Problem>: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Stable kebab-case name, as in `kind = "lbfgs"`.
    const ID: &'static str;
    /// One sentence for listings.
    const ABOUT: &'static str;
    /// All that lasts from step to step.
    type State: Clone + Send;

    /// Number of points an iterate holds; more than one is an ensemble.
    fn points(&self) -> usize {
        1
    }

    /// Model time per step, for methods that integrate in time.
    fn time_step(&self) -> Option<f64> {
        None
    }

    /// Columns that the method adds to a trace.
    fn diagnostics(&self, _problem: &P) -> Vec<Metric> {
        Vec::new()
    }

    /// Checks parameters, allocates, factorises. Timed apart as set-up.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters or a factorisation that fails.
    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError>;

    /// Work that [`init`](Solver::init) did; counted in totals, not in steps.
    fn setup_work(&self, _problem: &P) -> Work {
        Work::default()
    }

    /// One iteration in the sense of the paper.
    ///
    /// # Errors
    /// [`Breakdown`] when the numerics give out; it becomes the end of the run.
    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown>;

    /// The point that the metrics see.
    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64];

    /// Writes the diagnostics of the state, in the order of [`diagnostics`](Solver::diagnostics).
    fn diagnose(
        &self,
        _problem: &P,
        _state: &Self::State,
        _scratch: &mut P::Scratch,
        _row: &mut [f64],
    ) {
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Counts of this step alone.
    pub work: Work,
    /// The method's own test of convergence holds; the run ends.
    pub converged: bool,
}

/// Counts of work. The trace has one column per count, named as in [`Work::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Data terms read, each reading counted: a full pass counts `terms`.
    pub samples: u64,
    /// Values of the objective.
    pub values: u64,
    /// Gradients, full or of a batch.
    pub gradients: u64,
    /// Products with the Hessian.
    pub hessian_vectors: u64,
    /// Linear systems solved with a factorisation at hand, one per right-hand side.
    pub solves: u64,
    /// Matrices factorised.
    pub factorizations: u64,
    /// Proximal maps, one per data term or block.
    pub proxes: u64,
    /// Iterations of inner solvers.
    pub inner: u64,
}

impl Work {
    /// Names of the counts, in the order of [`to_array`](Work::to_array).
    pub const NAMES: [&'static str; 8] = [
        "samples",
        "values",
        "gradients",
        "hessian-vectors",
        "solves",
        "factorizations",
        "proxes",
        "inner-iterations",
    ];

    /// The counts in the order of [`NAMES`](Work::NAMES).
    pub fn to_array(self) -> [u64; 8] {
        [
            self.samples,
            self.values,
            self.gradients,
            self.hessian_vectors,
            self.solves,
            self.factorizations,
            self.proxes,
            self.inner,
        ]
    }

    /// `count` joint values and gradients over `samples` terms in all.
    pub fn value_gradients(count: u64, samples: u64) -> Self {
        Self { samples, values: count, gradients: count, ..Self::default() }
    }
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.samples += other.samples;
        self.values += other.values;
        self.gradients += other.gradients;
        self.hessian_vectors += other.hessian_vectors;
        self.solves += other.solves;
        self.factorizations += other.factorizations;
        self.proxes += other.proxes;
        self.inner += other.inner;
    }
}

/// The numerics gave out. A result of the run, not a failure of the suite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Breakdown {
    /// A quantity that must be finite is not.
    #[error("{0} is not finite")]
    NotFinite(&'static str),
    /// The iterate went beyond `factor` times the largest coordinate of its start, or 1 if that is larger: a
    /// step size beyond stability, seen long before numbers overflow.
    #[error("the iterate left {factor:e} times its start")]
    Diverged {
        /// How far is too far.
        factor: f64,
    },
    /// No step along the direction satisfies the conditions of the line search.
    #[error("line search found no step")]
    LineSearch,
    /// A direction that must descend does not.
    #[error("direction does not descend")]
    NotDescent,
    /// An inner method reached its limit of iterations.
    #[error("{0} did not converge")]
    NotConverged(&'static str),
    /// A matrix that must be positive definite is not.
    #[error("{0} is not positive definite")]
    NotPositiveDefinite(&'static str),
}

/// Checks that every entry is finite.
///
/// # Errors
/// [`Breakdown::NotFinite`] naming `what` otherwise.
pub fn require_finite(what: &'static str, x: &[f64]) -> Result<(), Breakdown> {
    // A sum of x·0 is NaN exactly when an entry is not finite; it vectorises, `all` does not.
    let zero: f64 = x.iter().map(|v| v * 0.0).sum();
    if zero.is_nan() { Err(Breakdown::NotFinite(what)) } else { Ok(()) }
}
