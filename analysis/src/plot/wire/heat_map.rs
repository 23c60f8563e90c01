//! `kind = "heat-map"`: a number over two sweep axes, or over a column of whole numbers and a sweep.

use std::collections::BTreeMap;

use converge_bench::record::Record;
use converge_bench::study::{Planned, StudyError};
use serde_json::Value;

use super::{Context, Drawn, Place, words};
use crate::claim::At;
use crate::load::Run;
use crate::plot::axis::Scale;
use crate::plot::curves::quantile;
use crate::plot::heat_map::{self, Cell, HeatMap};
use crate::plot::spec::Spec;
use crate::plot::{convergence, number, text, title};

/// Most categories of an axis.
const MOST: usize = 12;

/// What an axis of the map goes over.
enum Over {
    /// A sweep axis: dotted paths that end alike, of which each run has at most one.
    Sweep(Vec<String>),
    /// A column of whole numbers.
    Column(String),
}

/// Numbers of the runs of one cell, and why the others have none.
#[derive(Default)]
struct Gathered {
    values: Vec<f64>,
    failed: BTreeMap<&'static str, usize>,
}

impl Context<'_> {
    pub(super) fn heat_map(&self, place: &Place<'_>) -> Drawn {
        let (item, spec) = (place.item, place.spec);
        let x = Spec::need(item, spec.x.as_ref(), "a sweep axis or a column: x = \"penalty\"")?;
        let y = Spec::need(item, spec.y.as_ref(), "a sweep axis or a column: y = \"iteration\"")?;
        let value = Spec::need(item, spec.value.as_ref(), "a metric: value = \"...\"")?;
        let Some(metric) = self.metric(place, "value", value)? else { return Ok(None) };
        let (over_x, over_y) = (self.over(place, "x", x)?, self.over(place, "y", y)?);
        let (Some(over_x), Some(over_y)) = (over_x, over_y) else { return Ok(None) };
        if matches!((&over_x, &over_y), (Over::Column(_), Over::Column(_))) {
            return Err(item.error("y", "one axis of a heat map has to be a sweep"));
        }
        // Keys that sort as numbers do.
        let mut cells: BTreeMap<(Key, Key), Gathered> = BTreeMap::new();
        for group in self.groups(place) {
            for (planned, record) in &group.runs {
                let (xs, ys) = (over_x.keys(planned, record), over_y.keys(planned, record));
                for (x, at_x) in &xs {
                    for (y, at_y) in &ys {
                        let cell = cells.entry((x.clone(), y.clone())).or_default();
                        let at = at_x.as_ref().or(at_y.as_ref()).unwrap_or(&spec.at);
                        cell.take(place, planned, record, value, at)?;
                    }
                }
            }
        }
        let mut columns: Vec<Key> = cells.keys().map(|key| key.0.clone()).collect();
        let mut rows: Vec<Key> = cells.keys().map(|key| key.1.clone()).collect();
        for (keys, key, over) in [(&mut columns, "x", &over_x), (&mut rows, "y", &over_y)] {
            keys.sort();
            keys.dedup();
            if keys.len() <= MOST {
                continue;
            }
            if let Over::Sweep(_) = over {
                let finding =
                    format!("{} values are too many for cells; at most {MOST}", keys.len());
                return Err(item.error(key, finding));
            }
            // Rows of a trace at even distances in their order, the first and the last among them.
            let last = keys.len() - 1;
            *keys = (0..MOST).map(|i| keys[i * last / (MOST - 1)].clone()).collect();
        }
        if columns.is_empty() || rows.is_empty() {
            return Ok(None);
        }
        let counts = cells.values().map(Gathered::count);
        let note = convergence::count(counts);
        let shown = |row: &Key| -> Vec<Cell> {
            columns
                .iter()
                .map(|column| {
                    cells.get(&(column.clone(), row.clone())).map_or(Cell::Missing, Gathered::cell)
                })
                .collect()
        };
        let shown: Vec<Vec<Cell>> = rows.iter().map(shown).collect();
        let scale = spec.scale.map_or_else(|| usual(&shown), |scale| scale.both().1);
        let region = spec
            .region
            .and_then(|region| Some([span(&columns, region.x)?, span(&rows, region.y)?]));
        let mut caption = format!(
            "{}{}: median over seeds; hatched cells have no number in most runs, for the reason said",
            place.said(),
            words(value),
        );
        if region.is_some() {
            caption += "; the claimed region is outlined";
        }
        caption.push('.');
        let data = HeatMap {
            columns: columns.iter().map(Key::label).collect(),
            rows: rows.iter().map(Key::label).collect(),
            cells: shown,
            titles: (over_x.title(), over_y.title()),
            title: title(value, &metric.unit),
            scale,
            region,
            note,
            width: spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((heat_map::draw(&data), caption)))
    }

    /// What a name of an axis means: a sweep of the runs, by its path or the end of it, or a column.
    fn over(&self, place: &Place<'_>, key: &str, name: &str) -> Result<Option<Over>, StudyError> {
        let groups = self.groups(place);
        let mut paths: Vec<String> = groups
            .iter()
            .flat_map(|group| &group.runs)
            .flat_map(|(planned, _)| planned.label.sweep.keys())
            .filter(|path| *path == name || path.rsplit('.').next() == Some(name))
            .cloned()
            .collect();
        paths.sort();
        paths.dedup();
        if paths.is_empty() {
            return Ok(self.metric(place, key, name)?.map(|_| Over::Column(name.to_owned())));
        }
        let runs = groups.iter().flat_map(|group| &group.runs);
        let several = |(planned, _): &(&Planned, _)| {
            paths.iter().filter(|path| planned.label.sweep.contains_key(*path)).count() > 1
        };
        if runs.copied().any(|run| several(&run)) {
            let finding = format!("several sweeps are called so: `{}`", paths.join("`, `"));
            return Err(place.item.error(key, finding));
        }
        Ok(Some(Over::Sweep(paths)))
    }
}

/// A category: numbers by size, everything else by its text.
#[derive(Clone, PartialEq, Debug)]
enum Key {
    Number(f64),
    Text(String),
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => std::cmp::Ordering::Less,
            (Self::Text(_), Self::Number(_)) => std::cmp::Ordering::Greater,
        }
    }
}

impl Key {
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::Text(text.clone()),
            other => Self::Text(other.to_string()),
        }
    }

    fn label(&self) -> String {
        match self {
            // Plain over the range of usual parameters, so that a row of them reads alike.
            Self::Number(x) if *x == 0.0 || (1e-4..1e6).contains(&x.abs()) => {
                text::minus(&x.to_string())
            }
            Self::Number(x) => number::short(*x),
            Self::Text(text) => text::escape(text),
        }
    }
}

impl Over {
    /// Categories of a run, each with the row that it stands for where it is a column.
    fn keys(&self, planned: &Planned, record: &Record) -> Vec<(Key, Option<At>)> {
        match self {
            Self::Sweep(paths) => {
                let values = paths.iter().filter_map(|path| planned.label.sweep.get(path));
                values.map(|value| (Key::of(value), None)).collect()
            }
            Self::Column(name) => {
                let run = Run { label: &planned.label, record };
                let values = run.series(name).map(|series| series.values.into_owned());
                let at = |value: f64| At::Column { name: name.clone(), value };
                values
                    .into_iter()
                    .flatten()
                    .filter(|value| value.is_finite())
                    .map(|value| (Key::Number(value), Some(at(value))))
                    .collect()
            }
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Sweep(paths) => {
                let name = paths.first().and_then(|path| path.rsplit('.').next());
                text::escape(&name.unwrap_or_default().replace('-', " "))
            }
            Self::Column(name) => title(name, ""),
        }
    }
}

impl Gathered {
    fn take(
        &mut self,
        place: &Place<'_>,
        planned: &Planned,
        record: &Record,
        column: &str,
        at: &At,
    ) -> Result<(), StudyError> {
        let run = Run { label: &planned.label, record };
        match place.number(&run, column, at)? {
            Some(value) if value.is_finite() => self.values.push(value),
            _ => *self.failed.entry(record.header.status.word()).or_default() += 1,
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.values.len() + self.failed.values().sum::<usize>()
    }

    /// The median, or the commonest reason where most runs have no number.
    fn cell(&self) -> Cell {
        let failed: usize = self.failed.values().sum();
        if failed > self.values.len() {
            let commonest = self.failed.iter().max_by_key(|(_, count)| **count);
            return Cell::Failed(
                commonest.map_or_else(String::new, |(word, _)| (*word).to_owned()),
            );
        }
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() { Cell::Missing } else { Cell::Value(quantile(&sorted, 0.5, false)) }
    }
}

/// First and last category inside an interval.
fn span(keys: &[Key], [low, high]: [f64; 2]) -> Option<(usize, usize)> {
    let inside = |key: &Key| matches!(key, Key::Number(x) if (low..=high).contains(x));
    Some((keys.iter().position(inside)?, keys.iter().rposition(inside)?))
}

/// A log scale where positive numbers span more than a factor of 20.
fn usual(cells: &[Vec<Cell>]) -> Scale {
    let values = cells.iter().flatten().filter_map(|cell| match cell {
        Cell::Value(value) => Some(*value),
        _ => None,
    });
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
    if low > 0.0 && high > 20.0 * low { Scale::Log } else { Scale::Linear }
}
