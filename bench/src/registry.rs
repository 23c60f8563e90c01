//! What can run: problems, the solvers that fit them, probes.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use converge_problems::{Build, Metric, Problem, Seed, SetupError};
use converge_solvers::{EnsembleError, Solver};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::process::{Failure, Process, Stepper};

/// A problem instance with its type erased, shared by all solvers of a repetition.
pub type Instance = Arc<dyn Any + Send + Sync>;

/// Rows that no solver makes: a moment recursion, an identity, a cost model measured.
pub trait Probe: DeserializeOwned + Send {
    /// Stable kebab-case name.
    const ID: &'static str;
    /// One sentence for listings.
    const ABOUT: &'static str;
    /// What each pushed row holds, in order.
    fn columns(&self) -> Vec<Metric>;
    /// Pushes rows. A probe that measures time measures it with [`crate::clock`].
    ///
    /// # Errors
    /// [`ProbeError`] when it cannot be set up or gives out; the rows so far are kept.
    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError>;
}

/// Why a probe ended early.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Its numerics gave out.
    #[error(transparent)]
    Breakdown(#[from] converge_solvers::Breakdown),
}

/// A section of a study file that does not fit what it configures.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The section does not deserialise: the path inside it, and why.
    #[error("{path}: {reason}")]
    Config {
        /// Dotted path inside the section, empty for the section itself.
        path: String,
        /// What serde says.
        reason: String,
    },
    /// No such kind.
    #[error("no {what} named {name}")]
    Unknown {
        /// `problem`, `solver` or `probe`.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Both exist, but the problem lacks what the solver needs.
    #[error("solver {solver} is not made for problem {problem}")]
    Unfit {
        /// Problem kind.
        problem: String,
        /// Solver kind.
        solver: String,
        /// Solvers that fit the problem.
        fitting: Vec<String>,
    },
    /// Building failed.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Stable name.
    pub id: &'static str,
    /// One sentence.
    pub about: &'static str,
}

type BuildFn = fn(&Value, Seed, Option<&[f64]>) -> Result<Instance, RegistryError>;
type CheckFn = fn(&Value) -> Result<(), RegistryError>;
type RebuildFn =
    fn(&Instance, &Value, &Value, Option<&[f64]>) -> Result<Option<Instance>, RegistryError>;
type ForTrialsFn = fn(Instance, &[String]) -> Instance;
type MetricsFn = fn(&Instance) -> Vec<Metric>;
type FactsFn = fn(&Instance) -> Vec<(&'static str, String)>;
type StartFn = fn(&Instance, &Value, Seed, Seed) -> Result<Box<dyn Process>, RegistryError>;
type ProbeFn = fn(&Value) -> Result<Box<dyn ErasedProbe>, RegistryError>;

struct ProblemEntry {
    about: &'static str,
    check: CheckFn,
    build: BuildFn,
    rebuild: RebuildFn,
    for_trials: ForTrialsFn,
    metrics: MetricsFn,
    facts: FactsFn,
}

struct PairEntry {
    about: &'static str,
    check: CheckFn,
    start: StartFn,
}

struct ProbeEntry {
    about: &'static str,
    load: ProbeFn,
}

/// A probe with its type erased.
pub trait ErasedProbe: Send {
    /// See [`Probe::columns`].
    fn columns(&self) -> Vec<Metric>;
    /// See [`Probe::run`].
    ///
    /// # Errors
    /// As [`Probe::run`].
    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError>;
}

impl<T: Probe> ErasedProbe for T {
    fn columns(&self) -> Vec<Metric> {
        Probe::columns(self)
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        Probe::run(self, seed, push)
    }
}

/// The list of all pairs and probes. A crate of others exports `fn register(&mut Registry)`.
#[derive(Default)]
pub struct Registry {
    problems: BTreeMap<&'static str, ProblemEntry>,
    pairs: BTreeMap<(&'static str, &'static str), PairEntry>,
    probes: BTreeMap<&'static str, ProbeEntry>,
}

impl Registry {
    /// Registers problem `P`, for solvers that come from elsewhere.
    pub fn problem<P: Build>(&mut self) -> &mut Self {
        self.problems.entry(P::ID).or_insert(ProblemEntry {
            about: P::ABOUT,
            check: |config| Ok(P::check(&parse::<P::Config>(config)?)?),
            build: |config, seed, reference| {
                let config = parse::<P::Config>(config)?;
                Ok(Arc::new(P::build(&config, seed, reference)?))
            },
            rebuild: |kin, of, config, reference| {
                let (of, config) = (parse::<P::Config>(of)?, parse::<P::Config>(config)?);
                let instance = P::rebuild(&typed::<P>(kin), &of, &config, reference);
                Ok(instance.transpose()?.map(|instance| Arc::new(instance) as Instance))
            },
            for_trials: for_trials::<P>,
            metrics: |instance| typed::<P>(instance).metrics().to_vec(),
            facts: |instance| {
                let problem = typed::<P>(instance);
                let terms = problem.terms().map(|terms| ("terms", terms.to_string()));
                problem.facts().into_iter().chain(terms).collect()
            },
        });
        self
    }

    /// Registers solver `S` for problem `P`. A pair that lacks a capability does not compile.
    pub fn pair<P: Build, S: Solver<P>>(&mut self) -> &mut Self {
        self.problem::<P>();
        self.pairs.insert(
            (P::ID, S::ID),
            PairEntry {
                about: S::ABOUT,
                check: |config| parse::<S>(config).map(drop),
                start: |instance, config, start, noise| {
                    let solver = parse::<S>(config)?;
                    Ok(Box::new(Stepper::new(typed::<P>(instance), solver, start, noise)?))
                },
            },
        );
        self
    }

    /// Registers probe `T`.
    pub fn probe<T: Probe + 'static>(&mut self) -> &mut Self {
        self.probes.insert(
            T::ID,
            ProbeEntry { about: T::ABOUT, load: |config| Ok(Box::new(parse::<T>(config)?)) },
        );
        self
    }

    /// Problems, solvers and probes, each sorted by name.
    pub fn problems(&self) -> Vec<Entry> {
        self.problems.iter().map(|(&id, entry)| Entry { id, about: entry.about }).collect()
    }

    /// Solvers that fit `problem`, or all of them.
    pub fn solvers(&self, problem: Option<&str>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self
            .pairs
            .iter()
            .filter(|((p, _), _)| problem.is_none_or(|problem| *p == problem))
            .map(|(&(_, id), entry)| Entry { id, about: entry.about })
            .collect();
        entries.sort_by_key(|entry| entry.id);
        entries.dedup();
        entries
    }

    /// The registered probes.
    pub fn probes(&self) -> Vec<Entry> {
        self.probes.iter().map(|(&id, entry)| Entry { id, about: entry.about }).collect()
    }

    /// Checks the section of a problem without building it, its values as far as [`Build::check`] does.
    ///
    /// # Errors
    /// Any [`RegistryError`] but `Unfit`.
    pub fn check_problem(&self, kind: &str, config: &Value) -> Result<(), RegistryError> {
        (self.find_problem(kind)?.check)(config)
    }

    /// Checks the section of a solver, and that it fits the problem.
    ///
    /// # Errors
    /// [`RegistryError`], all but `Setup`.
    pub fn check_solver(
        &self,
        problem: &str,
        kind: &str,
        config: &Value,
    ) -> Result<(), RegistryError> {
        (self.find_pair(problem, kind)?.check)(config)
    }

    /// Builds an instance.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    pub fn build(
        &self,
        kind: &str,
        config: &Value,
        seed: Seed,
        reference: Option<&[f64]>,
    ) -> Result<Instance, RegistryError> {
        (self.find_problem(kind)?.build)(config, seed, reference)
    }

    /// Builds an instance out of one of the same kind and repetition, built from `of`, if the two
    /// can share anything.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    pub fn rebuild(
        &self,
        kind: &str,
        kin: &Instance,
        of: &Value,
        config: &Value,
        reference: Option<&[f64]>,
    ) -> Result<Option<Instance>, RegistryError> {
        (self.find_problem(kind)?.rebuild)(kin, of, config, reference)
    }

    /// An instance of problem `kind` for the trials of a tuning that reads `metrics`
    /// ([`Build::for_trials`]).
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    ///
    /// # Panics
    /// If anybody else holds the instance.
    pub fn for_trials(
        &self,
        kind: &str,
        instance: Instance,
        metrics: &[String],
    ) -> Result<Instance, RegistryError> {
        Ok((self.find_problem(kind)?.for_trials)(instance, metrics))
    }

    /// Metrics of an instance of problem `kind`.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    pub fn metrics(&self, kind: &str, instance: &Instance) -> Result<Vec<Metric>, RegistryError> {
        Ok((self.find_problem(kind)?.metrics)(instance))
    }

    /// Facts of an instance, for the header of its runs; its number of data terms is `terms`.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    pub fn facts(
        &self,
        kind: &str,
        instance: &Instance,
    ) -> Result<Vec<(&'static str, String)>, RegistryError> {
        Ok((self.find_problem(kind)?.facts)(instance))
    }

    /// Sets a solver up on an instance of problem `kind`: the part that is timed as set-up.
    ///
    /// # Errors
    /// Any [`RegistryError`].
    pub fn start(
        &self,
        problem: &str,
        instance: &Instance,
        solver: &str,
        config: &Value,
        start: Seed,
        noise: Seed,
    ) -> Result<Box<dyn Process>, RegistryError> {
        (self.find_pair(problem, solver)?.start)(instance, config, start, noise)
    }

    /// Loads a probe from its section.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] or [`RegistryError::Config`].
    pub fn load_probe(
        &self,
        kind: &str,
        config: &Value,
    ) -> Result<Box<dyn ErasedProbe>, RegistryError> {
        let entry = self.probes.get(kind).ok_or_else(|| RegistryError::Unknown {
            what: "probe",
            name: kind.to_owned(),
            known: self.probes.keys().map(ToString::to_string).collect(),
        })?;
        (entry.load)(config)
    }

    fn find_problem(&self, kind: &str) -> Result<&ProblemEntry, RegistryError> {
        self.problems.get(kind).ok_or_else(|| RegistryError::Unknown {
            what: "problem",
            name: kind.to_owned(),
            known: self.problems.keys().map(ToString::to_string).collect(),
        })
    }

    fn find_pair(&self, problem: &str, solver: &str) -> Result<&PairEntry, RegistryError> {
        self.find_problem(problem)?;
        if let Some(entry) = self
            .pairs
            .iter()
            .find_map(|((p, s), entry)| (*p == problem && *s == solver).then_some(entry))
        {
            return Ok(entry);
        }
        let names = |entries: Vec<Entry>| entries.iter().map(|e| e.id.to_owned()).collect();
        if self.solvers(None).iter().any(|entry| entry.id == solver) {
            Err(RegistryError::Unfit {
                problem: problem.to_owned(),
                solver: solver.to_owned(),
                fitting: names(self.solvers(Some(problem))),
            })
        } else {
            Err(RegistryError::Unknown {
                what: "solver",
                name: solver.to_owned(),
                known: names(self.solvers(Some(problem))),
            })
        }
    }
}

fn parse<T: DeserializeOwned>(config: &Value) -> Result<T, RegistryError> {
    serde_path_to_error::deserialize(config).map_err(|error| RegistryError::Config {
        path: error.path().to_string().trim_matches('.').to_owned(),
        reason: error.inner().to_string(),
    })
}

/// # Panics
/// If `instance` was built as another kind, which only a bug in the runner can do.
fn typed<P: Problem>(instance: &Instance) -> Arc<P> {
    Arc::clone(instance).downcast().expect("instance and problem kind come from one section")
}

/// # Panics
/// If anybody else holds the instance, which only a bug in the worker can do.
fn for_trials<P: Build>(instance: Instance, metrics: &[String]) -> Instance {
    let problem = typed::<P>(&instance);
    drop(instance);
    let problem = Arc::into_inner(problem).expect("the worker has just built it");
    Arc::new(problem.for_trials(metrics))
}

impl From<EnsembleError> for ProbeError {
    fn from(error: EnsembleError) -> Self {
        match error {
            EnsembleError::Setup(error) => Self::Setup(error),
            EnsembleError::Breakdown(breakdown) => Self::Breakdown(breakdown),
        }
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Breakdown(breakdown) => Self::Breakdown(breakdown),
            ProbeError::Setup(error) => {
                Self::External { reason: error.to_string(), stderr: String::new() }
            }
        }
    }
}
