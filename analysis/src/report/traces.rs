//! The curves of a study as the page carries them: one block of data, decoded when it is looked at.
//!
//! Columns that several runs share, such as iterations, are stored once. A trace of many rows is
//! thinned so that no pixel changes.

use std::collections::{BTreeMap, BTreeSet};

use converge_bench::cell::{StopRule, Task};
use converge_bench::record::{Record, Status};
use converge_bench::study::{Label, Planned, Study};
use converge_problems::Better;
use serde::Serialize;
use serde_json::{Value, json};

use super::encode::{Column, Scale, differences, packed};
use super::look::{self, Look};
use super::{plotted, thin};
use crate::claim::Claim;
use crate::load::Run;
use crate::plot::curves::{Runs, paper_order};

/// Digits of an identity that the page carries: enough to name a run among millions.
const DIGITS: usize = 12;

/// A column that can be an axis.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Axis {
    /// Name in the trace.
    pub(super) name: String,
    /// Title with its unit.
    title: String,
    /// The better direction: −1 lower, 1 higher, 0 neither.
    pub(super) better: i8,
}

/// A curve: the runs of one solver on one problem in one variant, over seeds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Curve {
    pub(super) variant: usize,
    pub(super) problem: usize,
    /// Solver with its sweep values.
    pub(super) name: String,
    #[serde(flatten)]
    look: Look,
    /// Place of what ran among the configurations.
    configuration: usize,
    /// Whether it is a probe: it has runs, and no line.
    pub(super) probe: bool,
}

/// Curve, seed, place of the status if it ran, rows, start of the identity, columns of the costs and
/// then of the metrics where they were measured, place of the reason if there is one.
type RunRow = (usize, u64, Option<usize>, usize, String, Vec<Option<usize>>, Option<usize>);

/// All that the page knows of the runs of a study.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Traces {
    study: String,
    title: String,
    pub(super) variants: Vec<String>,
    pub(super) problems: Vec<String>,
    pub(super) costs: Vec<Axis>,
    pub(super) metrics: Vec<Axis>,
    pub(super) curves: Vec<Curve>,
    statuses: [&'static str; 10],
    runs: Vec<RunRow>,
    reasons: Vec<String>,
    configurations: Vec<String>,
    /// Numbers, scale, low, high of each column, in the order of the words.
    columns: Vec<(usize, u8, f64, f64)>,
    /// Words of all columns, packed.
    words: String,
}

/// Words of [`Status`], each at the place that [`status`] gives.
pub(super) const STATUSES: [&str; 10] = [
    "target",
    "converged",
    "plateau",
    "budget",
    "diverged",
    "breakdown",
    "timed-out",
    "crashed",
    "out-of-memory",
    "interrupted",
];

/// The word of a cell that left nothing.
pub(super) const NOT_RUN: &str = "not run";

fn status(status: &Status) -> Option<usize> {
    STATUSES.iter().position(|word| *word == status.word())
}

impl Traces {
    /// Gathers and encodes the runs of a study. Seeds that are not asked for yet are left out.
    pub(super) fn of(study: &Study, runs: &Runs) -> Self {
        let wanted: Vec<&(Planned, Option<Record>)> = runs
            .iter()
            .filter(|(planned, record)| record.is_some() || planned.label.seed < study.seeds.start)
            .collect();
        let mut problems: Vec<String> = Vec::new();
        for (planned, _) in &wanted {
            if !problems.contains(&planned.label.problem) {
                problems.push(planned.label.problem.clone());
            }
        }
        let (costs, metrics) = axes(study, &wanted);
        let mut traces = Self {
            study: format!("{}/{}", study.paper, study.name),
            title: study.title.clone(),
            variants: study.variants.clone(),
            problems,
            costs,
            metrics,
            curves: Vec::new(),
            statuses: STATUSES,
            runs: Vec::new(),
            reasons: Vec::new(),
            configurations: Vec::new(),
            columns: Vec::new(),
            words: String::new(),
        };
        let places = traces.curves(study, &wanted);
        let mut words = Words::default();
        for ((planned, record), curve) in wanted.iter().zip(places) {
            let row = traces.run(planned, record.as_ref(), curve, &mut words);
            traces.runs.push(row);
        }
        traces.runs.sort_by_key(|row| (row.0, row.1));
        traces.columns = words.columns;
        traces.words = packed(&words.differences);
        traces
    }

    /// The data as JSON that may stand inside a script element.
    pub(super) fn json(&self) -> String {
        super::inside_script(&serde_json::to_string(self).unwrap_or_default())
    }

    /// Place of the curve that a run belongs to.
    pub(super) fn place(&self, label: &Label) -> Option<usize> {
        let name = label.curve();
        self.curves.iter().position(|curve| {
            curve.name == name
                && self.variants[curve.variant] == label.variant
                && self.problems[curve.problem] == label.problem
        })
    }

    /// How the runs of a curve ended, by rising seed.
    pub(super) fn ends(&self, curve: usize) -> impl Iterator<Item = &'static str> {
        let mine = self.runs.iter().filter(move |row| row.0 == curve);
        mine.map(|row| row.2.map_or(NOT_RUN, |place| STATUSES[place]))
    }

    /// Fills in curves and configurations; returns the curve of each run.
    fn curves(&mut self, study: &Study, wanted: &[&(Planned, Option<Record>)]) -> Vec<usize> {
        let labels: Vec<&Label> = wanted.iter().map(|(planned, _)| &planned.label).collect();
        let looks = look::looks(&labels, &paper_order(study));
        let mut known: BTreeMap<(usize, usize, String), usize> = BTreeMap::new();
        let mut places = Vec::with_capacity(wanted.len());
        for ((planned, _), look) in wanted.iter().zip(looks) {
            let label = &planned.label;
            let place = |names: &[String], name: &str| names.iter().position(|known| known == name);
            let variant = place(&self.variants, &label.variant).unwrap_or(0);
            let problem = place(&self.problems, &label.problem).unwrap_or(0);
            let key = (variant, problem, label.curve());
            if let Some(&place) = known.get(&key) {
                places.push(place);
                continue;
            }
            let configuration = place_of(&mut self.configurations, configuration(planned));
            let probe = matches!(planned.cell.task, Task::Probe { .. });
            let name = label.curve();
            let curve = Curve { variant, problem, name, look, configuration, probe };
            places.push(self.curves.len());
            known.insert(key, self.curves.len());
            self.curves.push(curve);
        }
        places
    }

    fn run(
        &mut self,
        planned: &Planned,
        record: Option<&Record>,
        curve: usize,
        words: &mut Words,
    ) -> RunRow {
        let identity = planned.cell.identity().0;
        let identity = identity.get(..DIGITS).unwrap_or(&identity).to_owned();
        let seed = planned.label.seed;
        let Some(record) = record else {
            return (curve, seed, None, 0, identity, Vec::new(), None);
        };
        let run = Run { label: &planned.label, record };
        let reason = match &record.header.status {
            Status::Breakdown(reason) | Status::Crashed(reason) => {
                Some(place_of(&mut self.reasons, reason.clone()))
            }
            _ => None,
        };
        let columns =
            if self.curves[curve].probe { Vec::new() } else { self.columns_of(&run, words) };
        let rows = record.trace.rows();
        (curve, seed, status(&record.header.status), rows, identity, columns, reason)
    }

    /// Encodes the columns of a run that axes show, thinned alike.
    fn columns_of(&self, run: &Run<'_>, words: &mut Words) -> Vec<Option<usize>> {
        let read = |axes: &[Axis]| -> Vec<Option<Vec<f64>>> {
            axes.iter().map(|axis| Some(run.series(&axis.name)?.values.into_owned())).collect()
        };
        let (costs, metrics) = (read(&self.costs), read(&self.metrics));
        let count = run.series("iteration").map(|series| series.values.into_owned());
        let drawn: Vec<&[f64]> = metrics.iter().flatten().map(Vec::as_slice).collect();
        let kept = count.and_then(|x| thin::kept(&x, &drawn, &targets(run)));
        let mut add = |axis: &Axis, values: Option<Vec<f64>>| {
            let mut values = values?;
            if let Some(rows) = &kept {
                values = rows.iter().map(|row| values[*row]).collect();
            }
            let exact = (axis.name == "iteration").then(|| Column::of_counts(&values)).flatten();
            Some(words.add(exact.unwrap_or_else(|| Column::of(&values))))
        };
        let axes = self.costs.iter().chain(&self.metrics);
        axes.zip(costs.into_iter().chain(metrics)).map(|(axis, values)| add(axis, values)).collect()
    }
}

/// Encoded columns, equal ones once.
#[derive(Default)]
struct Words {
    columns: Vec<(usize, u8, f64, f64)>,
    differences: Vec<u16>,
    known: BTreeMap<(u64, u64, Vec<u16>), usize>,
}

impl Words {
    fn add(&mut self, column: Column) -> usize {
        let Column { scale, low, high, words } = column;
        let key = (low.to_bits(), high.to_bits(), words);
        if let Some(&place) = self.known.get(&key) {
            return place;
        }
        let numbers = if scale == Scale::Count { key.2.len() / 2 } else { key.2.len() };
        self.differences.extend(differences(&key.2));
        self.columns.push((numbers, scale as u8, low, high));
        self.known.insert(key, self.columns.len() - 1);
        self.columns.len() - 1
    }
}

fn place_of(list: &mut Vec<String>, text: String) -> usize {
    list.iter().position(|known| *known == text).unwrap_or_else(|| {
        list.push(text);
        list.len() - 1
    })
}

/// The first row at each target of the stop rules, which thinning keeps.
fn targets(run: &Run<'_>) -> Vec<usize> {
    let reached = |rule: &StopRule| {
        let StopRule::Target { metric, value } = rule else { return None };
        let series = run.series(metric)?;
        series.values.iter().position(|x| match series.metric.better {
            Better::Higher => x >= value,
            _ => x <= value,
        })
    };
    run.record.cell.stop.iter().filter_map(reached).collect()
}

/// What ran, without its seed.
fn configuration(planned: &Planned) -> String {
    let cell = &planned.cell;
    let mut value = json!(cell.task);
    if let (Value::Object(fields), Task::Run { .. }) = (&mut value, &cell.task) {
        fields.insert("sampling".to_owned(), json!(cell.sampling));
        fields.insert("stop".to_owned(), json!(cell.stop));
    }
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

/// Costs and metrics that the study looks at: those of its plots and claims, and the three costs
/// that every reader asks for.
fn axes(study: &Study, runs: &[&(Planned, Option<Record>)]) -> (Vec<Axis>, Vec<Axis>) {
    let found: Vec<Run<'_>> = runs
        .iter()
        .filter(|(planned, _)| matches!(planned.cell.task, Task::Run { .. }))
        .filter_map(|(planned, record)| {
            Some(Run { label: &planned.label, record: record.as_ref()? })
        })
        .collect();
    let axis = |name: &str| {
        let metric = found.iter().find_map(|run| run.series(name))?.metric;
        let better = match metric.better {
            Better::Lower => -1,
            Better::Higher => 1,
            Better::Neither => 0,
        };
        Some(Axis { name: name.to_owned(), title: look::title(name, &metric.unit), better })
    };
    let work = if axis("passes").is_some() { "passes" } else { "samples" };
    let mut costs = vec!["iteration".to_owned(), "seconds".to_owned(), work.to_owned()];
    let mut metrics: Vec<String> = Vec::new();
    let note = |list: &mut Vec<String>, name: &str| {
        if !list.iter().any(|known| known == name) {
            list.push(name.to_owned());
        }
    };
    let plots: Vec<plotted::Plot> = study.plots.iter().map(plotted::Plot::of).collect();
    for plot in &plots {
        note(&mut costs, &plot.x);
        if let Some(name) = &plot.y {
            note(&mut metrics, name);
        }
    }
    for claim in study.claims.iter().filter_map(|item| item.read::<Claim>().ok()) {
        for name in claim.test.kind().1.columns() {
            note(&mut metrics, name);
        }
    }
    if metrics.is_empty() {
        let named: BTreeSet<String> = found
            .iter()
            .flat_map(|run| &run.record.trace.columns)
            .filter(|column| column.metric.better != Better::Neither)
            .map(|column| column.metric.name.to_string())
            .collect();
        metrics = named.into_iter().collect();
    }
    metrics.retain(|name| !costs.contains(name));
    let read = |names: &[String]| names.iter().filter_map(|name| axis(name)).collect();
    (read(&costs), read(&metrics))
}
