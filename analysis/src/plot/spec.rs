//! A section `[plot.NAME]` of a study file: its keys, and which kind of figure takes which.
//!
//! | kind | shows | keys beside `caption`, `width-mm` |
//! |---|---|---|
//! | `convergence` (default) | median and 10–90 % band over seeds, or mean and the band of its `error` | `y`, `x`, `scale`, `target`, `floor`, `holds`, `error`, `theory` |
//! | `order` | errors on a ladder of steps, with the claimed orders as bands | `y`, `x`, `orders`, `error` |
//! | `slope` | a rate with its window, and its dependence on the window | `claim`, or `y`, `solvers`, `rate`, `window`; `x`, `floor`, `scale` |
//! | `time-to-target` | share of runs that reached the target, against cost | `y`, `target`, `x`, `scale` |
//! | `profile` | share of problems solved, against ratio to the best or cost | `y`, `target`, `x`, `ratio` |
//! | `strip`, `box` | every seed; a box above 40 | `y`, `at`, `scale` |
//! | `paired` | one line per seed between two solvers, and the effect | `claim`, or `y`, `solvers`, `than`; `at`, `scale` |
//! | `cost` | set-up and steps as stacked bars | `x` |
//! | `heat-map` | a number over two axes | `x`, `y`, `value`, `at`, `scale`, `region` |
//! | `forest` | the verdicts | |
//! | `images` | output arrays as images | `output`, `reference`, `window`, `zoom`, `joined` |
//! | `phase-portrait` | two columns against each other | `x`, `y`, `equilibria`, `field` |
//! | `density` | a column or an output array against its law | `y` or `output`, `coordinate`, `after`, `theory` |
//!
//! All but `forest` take `problem`, `solvers` and `labels` (short names of curves). Images of all problems
//! are in one figure with `joined = true`, for problems that differ in what is done with one image; there
//! `labels` also take `curve on problem`. Those that look
//! at columns take `probe`, a name or a list, in place of problem and solvers.

use std::collections::BTreeMap;

use converge_bench::study::{Item, StudyError};
use serde::Deserialize;

use super::axis::Scale;
use crate::claim::{At, Names};
use crate::judge::RateKind;

/// The kinds of figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    #[default]
    Convergence,
    Order,
    Slope,
    TimeToTarget,
    Profile,
    #[serde(alias = "box")]
    Strip,
    Paired,
    Cost,
    HeatMap,
    Forest,
    Images,
    PhasePortrait,
    Density,
}

impl Kind {
    /// Keys that it takes, beside those of all kinds.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Convergence => {
                &["x", "y", "scale", "target", "floor", "holds", "error", "theory", "probe"]
            }
            Self::Order => &["x", "y", "orders", "error", "probe"],
            Self::Slope => &["claim", "x", "y", "rate", "window", "floor", "scale"],
            Self::TimeToTarget => &["x", "y", "target", "scale"],
            Self::Profile => &["x", "y", "target", "ratio"],
            Self::Strip => &["y", "at", "scale", "probe"],
            Self::Paired => &["claim", "y", "than", "at", "scale"],
            Self::Cost => &["x"],
            Self::HeatMap => &["x", "y", "value", "at", "scale", "region", "probe"],
            Self::Forest => &[],
            Self::Images => &["output", "reference", "window", "zoom", "joined"],
            Self::PhasePortrait => &["x", "y", "equilibria", "field", "probe"],
            Self::Density => &["y", "output", "coordinate", "after", "theory", "probe"],
        }
    }
}

/// Scales of both axes; figures with one number per run look at the last word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scales {
    LogLog,
    LinearLog,
    LogLinear,
    Linear,
    Log,
    /// Of ratios: centred at 1.
    Ratio,
}

impl Scales {
    /// Scales of x and y.
    pub(super) fn both(self) -> (Scale, Scale) {
        match self {
            Self::LogLog | Self::Log => (Scale::Log, Scale::Log),
            Self::LinearLog => (Scale::Linear, Scale::Log),
            Self::LogLinear => (Scale::Log, Scale::Linear),
            Self::Linear => (Scale::Linear, Scale::Linear),
            Self::Ratio => (Scale::Log2, Scale::Log2),
        }
    }
}

/// A point of rest of a phase portrait.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Equilibrium {
    pub(super) at: [f64; 2],
    #[serde(default)]
    pub(super) stable: bool,
}

/// An order that a ladder of errors is held against.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Claimed {
    pub(super) value: f64,
    pub(super) margin: f64,
}

/// What a figure is held against: a law for a density, a table for a density or for curves.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Theory {
    /// Normal with mean and standard deviation.
    Normal { mean: f64, deviation: f64 },
    /// Exponential with its rate, from 0.
    Exponential { rate: f64 },
    /// Uniform between two ends.
    Uniform { from: f64, to: f64 },
    /// The rows of a probe: of curves its column over that of x; of a density the places in `column`,
    /// the density in `column-density` and the probability below in `column-below`.
    Table { probe: String, column: String },
}

/// Columns and rows of the claimed region of a heat map, as values of the axes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Region {
    pub(super) x: [f64; 2],
    pub(super) y: [f64; 2],
}

/// The section as it stands in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Spec {
    #[serde(default)]
    pub(super) kind: Kind,
    pub(super) x: Option<String>,
    pub(super) y: Option<String>,
    pub(super) value: Option<String>,
    pub(super) scale: Option<Scales>,
    pub(super) problem: Option<String>,
    /// Probes, in place of problem and solvers.
    #[serde(default, deserialize_with = "one_or_several")]
    pub(super) probe: Vec<String>,
    #[serde(default)]
    pub(super) solvers: Vec<String>,
    pub(super) than: Option<String>,
    pub(super) claim: Option<String>,
    pub(super) rate: Option<RateKind>,
    #[serde(default)]
    pub(super) at: At,
    pub(super) target: Option<f64>,
    pub(super) floor: Option<f64>,
    pub(super) window: Option<[f64; 2]>,
    pub(super) holds: Option<[f64; 2]>,
    pub(super) ratio: Option<bool>,
    pub(super) region: Option<Region>,
    pub(super) output: Option<String>,
    /// Place of the number within each point of an output array of shape (points, coordinates).
    pub(super) coordinate: Option<usize>,
    /// Column of standard errors.
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) orders: Vec<Claimed>,
    pub(super) reference: Option<String>,
    pub(super) zoom: Option<[usize; 3]>,
    #[serde(default)]
    pub(super) joined: bool,
    #[serde(default)]
    pub(super) equilibria: Vec<Equilibrium>,
    /// A probe whose rows are places and directions.
    pub(super) field: Option<String>,
    pub(super) after: Option<f64>,
    pub(super) theory: Option<Theory>,
    pub(super) caption: Option<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(alias = "width_mm")]
    pub(super) width_mm: Option<f64>,
}

fn one_or_several<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match Names::deserialize(from)? {
        Names::One(name) => vec![name],
        Names::Several(names) => names,
    })
}

/// Keys of every kind; `forest` takes the first three.
const COMMON: [&str; 6] = ["kind", "caption", "width-mm", "problem", "solvers", "labels"];

impl Spec {
    /// Reads a section, and refuses keys that its kind would not look at.
    ///
    /// # Errors
    /// [`StudyError`] at the line of the mistake.
    pub(super) fn read(item: &Item) -> Result<Self, StudyError> {
        let spec: Self = item.read()?;
        let own = spec.kind.keys();
        let common = if spec.kind == Kind::Forest { &COMMON[..3] } else { &COMMON[..] };
        let keys = item.value.as_object().into_iter().flat_map(|section| section.keys());
        for key in keys {
            let known = key.replace('_', "-");
            if !own.contains(&known.as_str()) && !common.contains(&known.as_str()) {
                let all: Vec<&str> = own.iter().chain(common).copied().collect();
                let finding = format!(
                    "this kind of plot does not use `{key}`; it takes `{}`",
                    all.join("`, `")
                );
                return Err(item.error(key, finding));
            }
        }
        if !spec.probe.is_empty() && (spec.problem.is_some() || !spec.solvers.is_empty()) {
            return Err(item.error("probe", "a probe stands in place of problem and solvers"));
        }
        Ok(spec)
    }

    /// The value of a key that the kind needs.
    ///
    /// # Errors
    /// [`StudyError`] that shows how it is written.
    pub(super) fn need<'s, T>(
        item: &Item,
        value: Option<&'s T>,
        example: &str,
    ) -> Result<&'s T, StudyError> {
        value.ok_or_else(|| item.error("", format!("this kind of plot needs {example}")))
    }

    /// Width in mm: what a study says, within reason.
    pub(super) fn width(&self, usual: f64) -> f64 {
        self.width_mm.unwrap_or(usual).clamp(40.0, 400.0)
    }

    /// The short name of a curve.
    pub(super) fn label(&self, curve: &str) -> String {
        self.labels.get(curve).cloned().unwrap_or_else(|| curve.to_owned())
    }
}
