//! What a finished cell leaves: header, trace, outputs.

use std::collections::BTreeMap;

use converge_problems::{Metric, Output};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Identity};

/// How a run ended. Every run ends in exactly one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status", content = "reason")]
pub enum Status {
    /// A target was reached.
    Target,
    /// The method's own test of convergence held; also the end of a probe that ran through.
    Converged,
    /// A metric stopped improving.
    Plateau,
    /// Iterations, samples or seconds were used up.
    Budget,
    /// A metric left every bound.
    Diverged,
    /// The numerics gave out.
    Breakdown(String),
    /// The cell's limit of wall-clock seconds passed.
    TimedOut,
    /// A panic, an abort or a signal.
    Crashed(String),
    /// The allocator gave up, or the system killed the worker near its limit.
    OutOfMemory,
    /// Ended from outside before it was done.
    Interrupted,
}

impl Status {
    /// Whether the run is a result; the others are attempts.
    pub fn is_result(&self) -> bool {
        !matches!(self, Self::TimedOut | Self::Crashed(_) | Self::OutOfMemory | Self::Interrupted)
    }

    /// The word of the status, without its reason.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Converged => "converged",
            Self::Plateau => "plateau",
            Self::Budget => "budget",
            Self::Diverged => "diverged",
            Self::Breakdown(_) => "breakdown",
            Self::TimedOut => "timed-out",
            Self::Crashed(_) => "crashed",
            Self::OutOfMemory => "out-of-memory",
            Self::Interrupted => "interrupted",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Breakdown(reason) | Self::Crashed(reason) => {
                write!(f, "{}: {reason}", self.word())
            }
            _ => f.write_str(self.word()),
        }
    }
}

/// The fact that holds the model time of an iteration, of runs whose method integrates in time.
pub const TIME_STEP: &str = "time-step";

/// What is known of a run beside its rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// How it ended.
    #[serde(flatten)]
    pub status: Status,
    /// Seconds of set-up: Gram matrices, factorisations.
    pub setup_seconds: f64,
    /// Work of set-up, in the order of `Work::NAMES`.
    pub setup_work: Vec<u64>,
    /// Whether its seconds may be compared: it ran alone.
    pub timed: bool,
    /// Cells that ran at the same time, itself included.
    pub concurrency: u32,
    /// Threads of its worker.
    pub threads: u32,
    /// Digest of the code that can change its numbers.
    pub code: String,
    /// Start, in seconds since 1970.
    pub started: f64,
    /// Largest resident memory of the worker during the cell, in bytes, an instance that it took over
    /// from the cell before included; 0 where the system does not tell.
    pub peak_bytes: u64,
    /// Facts of the instance: checksum of the data, precision.
    pub facts: BTreeMap<String, String>,
}

/// One column of a trace.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Column {
    /// Name, unit, direction, split.
    pub metric: Metric,
    /// One number per row; NaN is "not finite". Counts are stored as u64 in packs.
    pub values: Vec<f64>,
}

/// The rows of a run: the columns `iteration`, `seconds`, `off-schedule` (1 on a row that a time
/// budget ended on), the counts of `Work::NAMES`, then metrics and diagnostics.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    /// The columns, all of the same length.
    pub columns: Vec<Column>,
    /// Chained digest of the iterate at each row; empty for probes.
    pub digests: Vec<u64>,
}

impl Trace {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// The column named `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.metric.name == name)
    }
}

/// An array that a run left behind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Array {
    /// Name and shape.
    pub output: Output,
    /// The numbers, row-major.
    pub values: Vec<f64>,
}

/// A finished cell.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Hash of `cell`.
    pub identity: Identity,
    /// What ran.
    pub cell: Cell,
    /// How it went.
    pub header: Header,
    /// Its rows.
    pub trace: Trace,
    /// What it left behind.
    pub arrays: Vec<Array>,
}
