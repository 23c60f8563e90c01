//! What is measured, and how it may be used.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Which direction of a metric is the better one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Smaller is better.
    Lower,
    /// Larger is better.
    Higher,
    /// Neither: a diagnostic.
    Neither,
}

/// Which part of the data a metric looks at. Tuning and stopping refuse [`Split::Test`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// What the method trains on.
    Train,
    /// What selects.
    Validation,
    /// What is looked at once.
    Test,
    /// No data in it.
    None,
}

/// One column of a trace.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Metric {
    /// Stable kebab-case name.
    pub name: Cow<'static, str>,
    /// Unit for axis titles; empty when there is none.
    pub unit: Cow<'static, str>,
    /// The better direction.
    pub better: Better,
    /// The part of the data it looks at.
    pub split: Split,
}

impl Metric {
    /// A metric without unit.
    pub const fn new(name: &'static str, better: Better, split: Split) -> Self {
        Self { name: Cow::Borrowed(name), unit: Cow::Borrowed(""), better, split }
    }

    /// A diagnostic without unit, direction or data: residuals, step lengths, counters.
    pub const fn diagnostic(name: &'static str) -> Self {
        Self::new(name, Better::Neither, Split::None)
    }

    /// The same metric in `unit`.
    #[must_use]
    pub fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = Cow::Borrowed(unit);
        self
    }
}

/// An array that a run leaves behind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Output {
    /// Stable kebab-case name.
    pub name: Cow<'static, str>,
    /// Extent of each axis, slowest first.
    pub shape: Vec<usize>,
}
