//! Study files: read with spans, checked, resolved to cells.
//!
//! A study is one TOML file, `figures/<paper>/<study>.toml`: what runs, what must hold, what is
//! drawn. Every mistake is an error `file:line: finding` that suggests the nearest name. Keys are
//! kebab-case.
//!
//! # Head
//!
//! | key | meaning |
//! |---|---|
//! | `schema` | version of the format, 1; required |
//! | `title` | one line; required |
//! | `paper` | folder of the paper; default: the folder that the file is in |
//! | `base` | the variant that the file itself describes; default `corrected` |
//! | `outputs` | names of arrays to keep of each run, below; default none |
//!
//! An array is of the last row, `"iterate"`, or of the one that a metric selects,
//! `"test-accuracy at best validation-loss"`, within a budget of `iteration`, `samples` or `passes` too:
//! `"image at best objective within 100 iteration"`. Runs of a tuning leave none.
//!
//! # What runs
//!
//! Every solver runs on every problem, with every seed; every probe runs with every seed.
//!
//! ```toml
//! [problem.mnist]
//! kind    = "mlr"                          # default: the name of the section
//! dataset = "mnist"                        # the other keys belong to the kind
//!
//! [solver.admm-softmax]
//! penalty  = { sweep = [1e-3, 1e-2] }      # an axis; a plain list is a list
//! problems = ["mnist"]                     # only on these; default: on all
//!
//! [probe.identities]
//! kind  = "softmax-identities"
//! timed = false                            # default; true for a probe that measures time
//! ```
//!
//! A table `{ sweep = [..] }` may stand for any value in these sections; several axes make a
//! product. Axes are called by their path, `solver.admm-softmax.penalty`, and a curve by its solver
//! and their values, `admm-softmax (penalty 0.001)`. Names consist of letters, digits, `-` and `_`;
//! a probe shares no name with a solver or a problem.
//!
//! # Repetitions, sampling, ends
//!
//! ```toml
//! [seeds]
//! min  = 10              # required; without the table 10 repetitions
//! max  = 40              # default: min; more than min only while a verdict is open
//! root = 0               # all random numbers come from it; default 0
//!
//! [sampling]             # default: every iteration
//! rule   = "geometric"   # with `factor` above 1; or "every" with `n`; or "list" with `points`
//! factor = 1.3
//! unit   = "iterations"  # default; or "samples", "proxes"
//!
//! [stop]                 # required where there are solvers; a run ends at the first that holds
//! any = [
//!   { iterations = 500 },
//!   { samples = 1000000 },
//!   { seconds = 60 },                                              # steps only
//!   { target = { metric = "objective-gap", value = 1e-10 } },
//!   { plateau = { metric = "validation-loss", patience = 10, relative = 1e-3 } },
//!   { divergence = { metric = "objective", factor = 1e6 } },
//! ]
//!
//! [limits]               # of one cell; passing them is a failure, not an end
//! seconds = 600          # default
//! memory  = "8 GiB"      # B, kB, KiB, MB, MiB, GB, GiB, TB, TiB; default: unbounded
//! ```
//!
//! The rules can also stand in the table itself: `stop = { iterations = 500, seconds = 60 }`.
//! Metrics of the test split are refused in stop rules and in tuning, whose trials do not measure them.
//!
//! # Reference and tuning
//!
//! ```toml
//! [reference]                              # its last iterate is x* of the instance
//! solver   = "newton-cg"                   # a section without sweep, or { kind = "newton-cg", .. }
//! stop     = { iterations = 100 }          # as [stop]; required
//! sampling = { rule = "every", n = 1 }     # as [sampling]; default: every iteration
//! problems = ["mnist"]                     # default: those of the solver section
//!
//! [tune]
//! trials = 20                              # of each solver
//! seeds  = 3                               # repetitions of its own; default 1
//! per-repetition = true                    # a tuning of its own for every repetition; default false
//! stop   = { samples = 100000 }            # default: as [stop]
//! best   = { metric = "validation-loss", at = "end" }    # or at = "best"; default "end"
//! [tune.over.sgd]
//! step-size = { log = [1e-3, 1.0] }
//! momentum  = { linear = [0.0, 0.99] }
//! batch     = { log = [8, 512], whole = true }           # whole numbers
//! schedule  = { grid = ["constant", "cosine"] }
//! [tune.over.newton-cg.problem]            # of the problem that this solver is given
//! ridge.laplacian = { log = [1e-8, 1e-2] }
//! ```
//!
//! Trials fill the ranges with a low-discrepancy sequence that the root seed shifts. The one with
//! the best median over the tuning seeds runs in the main stage; of two as good the earlier. With one
//! tuning for all repetitions a verdict is one on the values that were chosen; with `per-repetition`
//! trials and their instances are drawn anew each time, and the spread of the repetitions is that of
//! the method with its tuning.
//!
//! # Variants and sizes
//!
//! `[variant.NAME]` is laid over the file for a variant of what runs; `[quick]` and `[full]` over
//! that for the two other sizes, and `[quick.variant.NAME]` over all. In them:
//!
//! - sections, headers and dotted keys merge key by key: `split.test = 0.1` adds to the split;
//! - a value in braces replaces the old one whole: after `split = { test = 0.1 }` nothing is left of
//!   the old split. `seeds`, `limits`, `tune` and `reference` merge however they are written;
//! - a section with another `kind`, a table with another `rule`, a sweep, and `stop` in the other of
//!   its two forms replace the old one whole;
//! - `problem.NAME = false` removes a section, as it does for solvers, probes, claims and plots;
//!   `tune = false` and `reference = false` remove these tables.
//!
//! A variant changes `problem`, `solver`, `probe`, `reference`, `tune`, `sampling`, `stop`, `limits`
//! and `outputs`; a size also `seeds`, `claim` and `plot`.
//!
//! # Claims and plots
//!
//! `[claim.NAME]` and `[plot.NAME]` are read by the analysis. Here the names in them are checked:
//! `problem`, `solver`, `solvers`, `than`, `probe`, `field`, `claims` name sections (or curves) of the study, one or
//! a list. A cell is *timed*, that is, runs alone, where a stop rule counts seconds or a claim or
//! plot that concerns it uses a name ending in `seconds` or `total-passes`, and where a probe says `timed = true`.

mod cells;
mod fields;
mod mention;
mod model;
mod node;
mod overlay;
mod paper;
mod resolve;
mod rules;
mod section;
#[cfg(test)]
mod tests;
mod tune;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::model::Model;
pub use self::paper::{NoStudy, Paper, paper_solvers};

use self::mention::{Names, Scope};
use self::node::{Finding, Found, Node};
use self::resolve::{Plan, resolve};
use crate::cell::{Cell, Section, Stage, canonical};
use crate::record::Record;
use crate::registry::Registry;

/// A mistake in a study or model file. Displays as `file:line: finding`, with the nearest name and remedy.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}: {finding}", path.display())]
pub struct StudyError {
    /// The file.
    pub path: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, with a suggestion where one is near.
    pub finding: String,
}

impl StudyError {
    fn new(path: &Path, finding: Finding) -> Self {
        Self { path: path.to_owned(), line: finding.line, finding: finding.text }
    }
}

/// Which of the three sizes of a study runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Size {
    /// Seconds, on embedded data: a trial of the machinery, never a verdict on the paper.
    Quick,
    /// Minutes on two cores.
    #[default]
    Default,
    /// The paper's.
    Full,
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Quick => "quick",
            Self::Default => "default",
            Self::Full => "full",
        })
    }
}

/// The limits of one cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Bytes of address space, if bounded.
    pub memory: Option<u64>,
}

/// Where a cell stands in its study. Not part of its identity: studies share cells.
#[derive(Clone, PartialEq, Debug)]
pub struct Label {
    /// `published`, `released` or `corrected`.
    pub variant: String,
    /// Name of the problem section; of the probe section for probes.
    pub problem: String,
    /// Name of the solver section; the probe section again for probes.
    pub solver: String,
    /// Values of the sweep axes, by dotted path such as `solver.admm-softmax.penalty`.
    pub sweep: BTreeMap<String, Value>,
    /// Number of the repetition.
    pub seed: u64,
}

impl Label {
    /// Name of the curve: the solver, with its sweep values in parentheses.
    pub fn curve(&self) -> String {
        if self.sweep.is_empty() {
            return self.solver.clone();
        }
        let values: Vec<String> = self
            .sweep
            .iter()
            .map(|(path, value)| {
                let name = path.rsplit('.').next().unwrap_or(path);
                format!("{name} {value}")
            })
            .collect();
        format!("{} ({})", self.solver, values.join(", "))
    }
}

/// A cell in its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Planned {
    /// Its place in the study.
    pub label: Label,
    /// What runs.
    pub cell: Cell,
    /// A claim, plot or stop rule looks at its seconds.
    pub timed: bool,
    /// Its limits.
    pub limits: Limits,
}

/// What tuning chooses for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// Name of the variant.
    pub variant: String,
    /// A curve on a problem, such as `mnist/sgd`.
    pub curve: String,
    /// The repetition, where each is tuned for itself, else 0.
    pub draw: u64,
}

/// Hyper-parameters that the tuning stage chose: dotted path to value.
pub type Choices = BTreeMap<Key, BTreeMap<String, Value>>;

/// A problem as some cells of a study build it.
#[derive(Clone, PartialEq, Debug)]
pub struct Instance {
    /// Name of the problem section.
    pub problem: String,
    /// Values of its sweep axes, by dotted path.
    pub sweep: BTreeMap<String, Value>,
    /// Its kind and configuration.
    pub section: Section,
}

/// A section that a later crate reads: a claim or a plot.
#[derive(Clone, Debug)]
pub struct Item {
    /// Name of the section, such as `C2`.
    pub name: String,
    /// Line of its head.
    pub line: usize,
    /// The whole section.
    pub value: Value,
    path: PathBuf,
    place: String,
    node: Node,
}

impl Item {
    fn new(path: &Path, what: &str, name: &str, node: &Node) -> Self {
        Self {
            name: name.to_owned(),
            line: node.line,
            value: node.json(),
            path: path.to_owned(),
            place: format!("{what}.{name}"),
            node: node.clone(),
        }
    }

    /// Deserialises the section.
    ///
    /// # Errors
    /// [`StudyError`] that points at the line of the value.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StudyError> {
        serde_path_to_error::deserialize(&self.value).map_err(|error| {
            let path = error.path().to_string();
            let path = path.trim_matches('.');
            let reason = error.inner().to_string();
            StudyError::new(&self.path, section::mistake(&self.node, &self.place, path, &reason))
        })
    }

    /// An error about the value at `path` (dotted) inside the section.
    pub fn error(&self, path: &str, finding: impl Into<String>) -> StudyError {
        StudyError::new(&self.path, self.node.deepest(path).finding(finding))
    }

    /// Hash of the section: SHA-256 of its canonical JSON, hexadecimal. It changes with every
    /// change of the claim, and not with its place in the file or the order of its keys.
    pub fn hash(&self) -> String {
        let hash = Sha256::digest(canonical(&self.value).as_bytes());
        hash.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// A study file, checked and resolved at one size.
#[derive(Clone, Debug)]
pub struct Study {
    /// The file.
    pub path: PathBuf,
    /// Folder name of the paper.
    pub paper: String,
    /// Name of the file without its ending.
    pub name: String,
    /// One line.
    pub title: String,
    /// The size it was resolved at.
    pub size: Size,
    /// Fewest (`start`) and most (`end`) repetitions.
    pub seeds: Range<u64>,
    /// Variants that run, the base first.
    pub variants: Vec<String>,
    /// Names of the solver and probe sections in file order.
    pub solvers: Vec<String>,
    /// The claims in file order.
    pub claims: Vec<Item>,
    /// The plots in file order.
    pub plots: Vec<Item>,
    root: u64,
    plans: Vec<Plan>,
    scopes: Vec<Scope>,
}

impl Study {
    /// Reads, checks and resolves a study file.
    ///
    /// # Errors
    /// [`StudyError`] at the first mistake.
    pub fn read(path: &Path, size: Size, registry: &Registry) -> Result<Self, StudyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| StudyError::new(path, paper::unreadable(&error)))?;
        Self::parse(&text, path, size, registry)
    }

    /// As [`read`](Study::read), with the text of the file at hand.
    ///
    /// # Errors
    /// [`StudyError`] at the first mistake.
    pub fn parse(
        text: &str,
        path: &Path,
        size: Size,
        registry: &Registry,
    ) -> Result<Self, StudyError> {
        Node::parse(text)
            .and_then(|root| Self::of(&root, path, size, registry))
            .map_err(|finding| StudyError::new(path, finding))
    }

    fn of(root: &Node, path: &Path, size: Size, registry: &Registry) -> Found<Self> {
        let resolved = resolve(root, size, registry)?;
        let items = |what: &str, nodes: &[(String, Node)]| {
            nodes.iter().map(|(name, node)| Item::new(path, what, name, node)).collect()
        };
        let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let text = |name: Option<&OsStr>| {
            name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        };
        let mut study = Self {
            path: path.to_owned(),
            paper: match resolved.paper {
                Some(paper) => paper,
                None => text(full.parent().and_then(Path::file_name)),
            },
            name: text(path.file_stem()),
            title: resolved.title,
            size,
            seeds: resolved.seeds,
            variants: resolved.plans.iter().map(|plan| plan.variant.clone()).collect(),
            solvers: Vec::new(),
            claims: items("claim", &resolved.claims),
            plots: items("plot", &resolved.plots),
            root: resolved.root,
            plans: resolved.plans,
            scopes: Vec::new(),
        };
        let names = study.names();
        study.solvers = names.solvers.iter().chain(&names.probes).cloned().collect();
        for (_, node) in &resolved.claims {
            study.scopes.push(mention::claim(node, &names)?);
        }
        for (_, node) in &resolved.plots {
            study.scopes.push(mention::plot(node, &names)?);
        }
        Ok(study)
    }

    /// The names that claims and plots may use, over all variants.
    fn names(&self) -> Names {
        fn add(names: &mut Vec<String>, name: &str) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let mut names = Names::default();
        for plan in &self.plans {
            plan.problems.iter().for_each(|case| add(&mut names.problems, &case.name));
            plan.solvers.iter().for_each(|case| add(&mut names.solvers, &case.name));
            plan.probes.iter().for_each(|case| add(&mut names.probes, &case.name));
        }
        for planned in self.cells(Stage::Main, 0..1, &Choices::new()) {
            if !planned.label.sweep.is_empty() {
                add(&mut names.curves, &planned.label.curve());
            }
        }
        names.claims = self.claims.iter().map(|claim| claim.name.clone()).collect();
        names
    }

    /// Study files under `figures` (`figures/<paper>/<study>.toml`), sorted: all of them, or those
    /// that `argument` names. It may be a file, a folder, the name of a paper, the name of a study,
    /// or `paper/study`.
    ///
    /// # Errors
    /// [`NoStudy`] with the nearest name.
    pub fn discover(figures: &Path, argument: Option<&str>) -> Result<Vec<PathBuf>, NoStudy> {
        paper::discover(figures, argument)
    }

    /// The same study with exactly `count` repetitions, at least one.
    #[must_use]
    pub fn with_seeds(mut self, count: u64) -> Self {
        let count = count.max(1);
        self.seeds = count..count;
        self
    }

    /// The same study with all random numbers from another root.
    #[must_use]
    pub fn with_root(mut self, root: u64) -> Self {
        self.root = root;
        self
    }

    /// Cells of a stage for some repetitions, those of one instance side by side.
    ///
    /// The main stage needs the choices of the tuning; without one, a tuned solver has the values of
    /// its first trial. Where every repetition is tuned for itself and only some are, the cells of the
    /// others are left out. Tuning has repetitions of its own, whatever `seeds` says, unless every
    /// repetition is tuned for itself; the reference stage finds the reference points of `seeds` and of
    /// these. Different labels can share one cell, as when a variant leaves a solver as it is.
    pub fn cells(&self, stage: Stage, seeds: Range<u64>, choices: &Choices) -> Vec<Planned> {
        cells::cells(self, stage, seeds, choices)
    }

    /// What the tuning stage chose, from its finished runs: the trial with the best median over
    /// its repetitions, the earlier one of two as good. `None` while some runs are missing, or if
    /// none of a solver's runs measured the metric; where every repetition is tuned for itself, what
    /// the finished ones chose. Empty for a study that does not tune.
    pub fn choose(&self, tuned: &[(Planned, Option<Record>)]) -> Option<Choices> {
        cells::choose(self, tuned)
    }

    /// Whether all repetitions of a solver in a variant have the values of one tuning.
    pub fn shares_tuning(&self, variant: &str, solver: &str) -> bool {
        let plan = self.plans.iter().find(|plan| plan.variant == variant);
        let tune = plan.and_then(|plan| plan.tune.as_ref());
        tune.is_some_and(|tune| tune.tunes(solver) && !tune.per_repetition)
    }

    /// The problems that runs build, each once.
    pub fn instances(&self) -> Vec<Instance> {
        cells::instances(self)
    }

    /// What results of this size are worth, for titles and tables; empty for the default size.
    pub fn text_of_size(&self) -> &'static str {
        match self.size {
            Size::Quick => "quick: a trial of the machinery, no verdict on the paper",
            Size::Default => "",
            Size::Full => "full size",
        }
    }
}

/// Reads a TOML file and makes something of its tree.
fn parse_file<T>(path: &Path, make: impl FnOnce(&Node) -> Found<T>) -> Result<T, StudyError> {
    std::fs::read_to_string(path)
        .map_err(|error| paper::unreadable(&error))
        .and_then(|text| Node::parse(&text))
        .and_then(|root| make(&root))
        .map_err(|finding| StudyError::new(path, finding))
}
