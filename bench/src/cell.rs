//! A cell: everything that decides the numbers of one run, and its identity.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use converge_problems::Seed;

/// Hash of a full configuration: 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(pub String);

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A kind with its configuration.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Registered name.
    pub kind: String,
    /// What the kind deserialises.
    pub config: Map<String, Value>,
}

/// What runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Task {
    /// A solver on a problem.
    Run {
        /// The problem.
        problem: Section,
        /// The solver.
        solver: Section,
    },
    /// A probe.
    Probe {
        /// The probe.
        probe: Section,
    },
}

/// When in a study a cell runs. Each stage draws from seeds of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Finds the reference point of an instance.
    Reference,
    /// Selects hyper-parameters on validation metrics.
    Tune,
    /// What claims and plots look at.
    Main,
}

/// In what sampling points are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Steps of the solver.
    #[default]
    Iterations,
    /// Data terms read.
    Samples,
    /// Proximal maps.
    Proxes,
}

/// Which points are measured; fixed before the run. Row 0 and the last row always are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sampling {
    /// Every `n` counts.
    Every {
        /// The distance, at least 1.
        n: u64,
        /// What is counted.
        #[serde(default)]
        unit: Unit,
    },
    /// 1 and then each point `factor` times the last, rounded, at least 1 further.
    Geometric {
        /// Above 1.
        factor: f64,
        /// What is counted.
        #[serde(default)]
        unit: Unit,
    },
    /// Exactly these, rising.
    List {
        /// The points.
        points: Vec<u64>,
        /// What is counted.
        #[serde(default)]
        unit: Unit,
    },
}

/// A reason to end a run. A run ends at the first that holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum StopRule {
    /// Steps.
    Iterations(u64),
    /// Data terms read.
    Samples(u64),
    /// Seconds inside `advance`; the same accumulator as the column `seconds`.
    Seconds(f64),
    /// A metric at or past a value, in its better direction.
    Target {
        /// Metric, not of the test split.
        metric: String,
        /// The value.
        value: f64,
    },
    /// No improvement of a metric over the last `patience` measured rows.
    Plateau {
        /// Metric, not of the test split.
        metric: String,
        /// Rows.
        patience: u64,
        /// Improvement that counts, relative to the best value so far.
        #[serde(default)]
        relative: f64,
    },
    /// A metric that is not finite, or `factor` times as far from 0 as at the start.
    Divergence {
        /// Metric.
        metric: String,
        /// Above 1.
        factor: f64,
    },
}

impl StopRule {
    /// The metric it looks at.
    pub fn metric(&self) -> Option<&str> {
        match self {
            Self::Target { metric, .. }
            | Self::Plateau { metric, .. }
            | Self::Divergence { metric, .. } => Some(metric),
            Self::Iterations(_) | Self::Samples(_) | Self::Seconds(_) => None,
        }
    }
}

/// Everything that decides the numbers of one run. Its hash is the run's [`Identity`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Version of this record.
    pub schema: u32,
    /// What runs.
    pub task: Task,
    /// The study's root seed.
    pub root: u64,
    /// Number of the repetition.
    pub seed: u64,
    /// The stage.
    pub stage: Stage,
    /// Which points are measured; empty lists for probes.
    pub sampling: Sampling,
    /// When it ends.
    pub stop: Vec<StopRule>,
    /// The run whose final iterate is the reference point of the instance.
    pub reference: Option<Identity>,
    /// Arrays to keep, by name ([`Wanted`](crate::outputs::Wanted)); `iterate` is always on offer.
    pub outputs: Vec<String>,
    /// Metrics that the tuning reads, in its trials: the problem may leave out the others. Elsewhere
    /// empty, and all are measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

impl Cell {
    /// Version of the record that this code writes.
    pub const SCHEMA: u32 = 1;

    /// Repetitions from this number on belong to tuning: their instances are drawn apart from
    /// those of the main stage, whichever stage looks at them.
    pub const FIRST_TUNE_SEED: u64 = 1 << 32;

    /// The hash of the canonical JSON of the cell: keys sorted, no spaces.
    ///
    /// # Panics
    /// Never: a cell serialises.
    pub fn identity(&self) -> Identity {
        let value = serde_json::to_value(self).expect("a cell is plain data");
        let hash = Sha256::digest(canonical(&value).as_bytes());
        let high = hash.iter().take(16).fold(0, |high, &byte| high << 8 | u128::from(byte));
        Identity(format!("{high:032x}"))
    }

    /// Seed of the instance: data and splits. It depends on problem kind, root and repetition
    /// only, so all solvers and variants of a repetition meet the same draw.
    pub fn instance_seed(&self) -> Seed {
        self.repetition().child("instance")
    }

    /// Seed of the start point.
    pub fn start_seed(&self) -> Seed {
        self.repetition().child("start")
    }

    /// Seed of the solver's noise.
    pub fn noise_seed(&self) -> Seed {
        self.repetition().child("noise")
    }

    /// What the instance is built from: equal keys, equal instances. Empty for probes.
    pub fn instance_key(&self) -> String {
        match &self.task {
            Task::Run { problem, .. } => canonical(&serde_json::json!([
                problem.kind,
                problem.config,
                self.root,
                self.seed,
                self.stage == Stage::Tune,
                self.metrics,
                self.reference,
            ])),
            Task::Probe { .. } => String::new(),
        }
    }

    fn repetition(&self) -> Seed {
        let kind = match &self.task {
            Task::Run { problem, .. } => &problem.kind,
            Task::Probe { probe } => &probe.kind,
        };
        // A reference belongs to the instance of the stage that uses it.
        let tuning = self.stage == Stage::Tune || self.seed >= Self::FIRST_TUNE_SEED;
        let stage = if tuning { "tune" } else { "main" };
        Seed::root(self.root).child(stage).child(kind).index(self.seed)
    }
}

/// JSON with sorted keys and no spaces: equal values have equal texts.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let fields: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&map[key])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}
