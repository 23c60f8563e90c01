//! What a plot of a study puts on its axes, as far as the interactive curves follow it.

use converge_bench::study::Item;

/// Axes of a plot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plot {
    /// Column along x.
    pub(super) x: String,
    /// Metric, if it names one.
    pub(super) y: Option<String>,
    /// Whether x and y are logarithmic, if it says so.
    pub(super) log: Option<(bool, bool)>,
    /// Problem, if it names one.
    pub(super) problem: Option<String>,
}

impl Plot {
    /// Reads a section `[plot.NAME]`; whatever else it says belongs to the figures.
    pub(super) fn of(item: &Item) -> Self {
        let text = |key: &str| item.value.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let log = match text("scale").as_deref() {
            Some("log-log") => Some((true, true)),
            Some("log-linear") => Some((true, false)),
            Some("linear-log") => Some((false, true)),
            Some("linear") => Some((false, false)),
            _ => None,
        };
        let x = text("x").unwrap_or_else(|| "iteration".to_owned());
        Self { x, y: text("y"), log, problem: text("problem") }
    }
}
