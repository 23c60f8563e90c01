//! A study's runs as the analysis sees them: numbers by name, recorded or derived.

use std::borrow::Cow;

use converge_bench::record::{Record, Status, TIME_STEP};
use converge_bench::study::{Label, Planned};
use converge_problems::{Better, Metric, Split};

/// One finished cell in its place. Borrows both: traces can be large.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its place in the study.
    pub label: &'a Label,
    /// What it left.
    pub record: &'a Record,
}

/// A cell of the study with what it left, if anything: as `bench::runs` gathers them.
pub type Gathered = (Planned, Option<Record>);

/// The runs that have ended, attempts that failed included.
pub fn runs(gathered: &[Gathered]) -> Vec<Run<'_>> {
    gathered
        .iter()
        .filter_map(|(planned, record)| {
            record.as_ref().map(|record| Run { label: &planned.label, record })
        })
        .collect()
}

/// One number per row, with its meaning.
#[derive(Clone, PartialEq, Debug)]
pub struct Series<'a> {
    /// Name, unit, direction, split.
    pub metric: Cow<'a, Metric>,
    /// The numbers.
    pub values: Cow<'a, [f64]>,
}

impl<'a> Run<'a> {
    /// The column `name` of the trace, or a derived one: `total-seconds` (set-up and steps),
    /// `passes` (samples over the number of terms, where the problem has terms), `total-passes`
    /// (`passes` and those that would have taken as long as the set-up at the run's own mean speed) and
    /// `model-time` (iterations times the time that one stands for, where the method integrates in time).
    pub fn series(&self, name: &str) -> Option<Series<'a>> {
        let trace = &self.record.trace;
        if let Some(column) = trace.column(name) {
            return Some(Series {
                metric: Cow::Borrowed(&column.metric),
                values: Cow::Borrowed(&column.values),
            });
        }
        let facts = &self.record.header.facts;
        // The data terms of the objective: a problem that learns calls them its training set.
        let terms = || facts.get("terms").or_else(|| facts.get("train"))?.parse::<f64>().ok();
        let derived = |from: &str, metric: Metric, f: &dyn Fn(f64) -> f64| {
            let values = trace.column(from)?.values.iter().map(|x| f(*x)).collect();
            Some(Series { metric: Cow::Owned(metric), values: Cow::Owned(values) })
        };
        match name {
            "total-seconds" => {
                let setup = self.record.header.setup_seconds;
                let metric = Metric::new("total-seconds", Better::Lower, Split::None).in_unit("s");
                derived("seconds", metric, &|seconds| setup + seconds)
            }
            "passes" => {
                let terms = terms()?;
                let metric = Metric::new("passes", Better::Lower, Split::None);
                derived("samples", metric, &|samples| samples / terms)
            }
            "total-passes" => {
                let terms = terms()?;
                let last = |name| trace.column(name)?.values.last().copied();
                let speed = last("samples")? / terms / last("seconds")?;
                let setup = self.record.header.setup_seconds * speed;
                let metric = Metric::new("total-passes", Better::Lower, Split::None);
                derived("samples", metric, &|samples| samples / terms + setup)
            }
            "model-time" => {
                let step = facts.get(TIME_STEP)?.parse::<f64>().ok()?;
                let metric = Metric::diagnostic("model-time");
                derived("iteration", metric, &|iterations| iterations * step)
            }
            _ => None,
        }
    }

    /// A number of the header: `setup-seconds`, `peak-bytes` (where the system told), or `rows`.
    pub fn header_number(&self, name: &str) -> Option<(Metric, f64)> {
        match name {
            "setup-seconds" => Some((
                Metric::new("setup-seconds", Better::Lower, Split::None).in_unit("s"),
                self.record.header.setup_seconds,
            )),
            "peak-bytes" if self.record.header.peak_bytes > 0 => Some((
                Metric::new("peak-bytes", Better::Lower, Split::None).in_unit("B"),
                self.record.header.peak_bytes as f64,
            )),
            "rows" => Some((
                Metric::new("rows", Better::Neither, Split::None),
                self.record.trace.rows() as f64,
            )),
            _ => None,
        }
    }

    /// Whether the method left every bound or broke down.
    pub fn is_broken(&self) -> bool {
        matches!(self.record.header.status, Status::Diverged | Status::Breakdown(_))
    }

    /// Whether the run says something about its method: a result, or an end at a declared limit.
    pub fn is_outcome(&self) -> bool {
        !matches!(self.record.header.status, Status::Crashed(_) | Status::Interrupted)
    }
}

/// Whether a metric is read off a clock.
pub fn is_clocked(name: &str) -> bool {
    matches!(name, "seconds" | "total-seconds" | "setup-seconds" | "total-passes")
}
