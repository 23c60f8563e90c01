//! Tuning: the trials of each solver, and the choice among them.

use std::collections::BTreeSet;
use std::ops;

use serde_json::Value;
use sha2::{Digest, Sha256};

use converge_problems::Better;

use super::fields::{known_name, only, suggestion};
use super::node::{Content, Found, Node, Table};
use super::rules;
use super::section::{Case, Point};
use crate::cell::{Cell, StopRule};
use crate::record::Record;

/// The table `[tune]`.
#[derive(Clone, Debug)]
pub(super) struct Tune {
    pub(super) trials: u64,
    pub(super) seeds: u64,
    /// Every repetition of the main stage has a tuning of its own.
    pub(super) per_repetition: bool,
    pub(super) stop: Option<Vec<StopRule>>,
    metric: String,
    best_row: bool,
    over: Vec<(String, Vec<Axis>)>,
}

/// A hyper-parameter and where it is looked for.
#[derive(Clone, Debug)]
struct Axis {
    path: String,
    line: usize,
    range: Range,
}

#[derive(Clone, Debug)]
enum Range {
    Log { low: f64, high: f64, whole: bool },
    Linear { low: f64, high: f64, whole: bool },
    Grid(Vec<Node>),
}

/// Values of one trial, by path inside the solver's section; those that start with `problem.` belong
/// to the section of the problem that the solver is given.
pub(super) type Trial = Vec<(String, Node)>;

/// Start of the paths that belong to the problem.
const PROBLEM: &str = "problem.";

impl Tune {
    pub(super) fn read(node: &Node, solvers: &[Case]) -> Found<Self> {
        only(node, "[tune]", &["trials", "over", "best", "seeds", "per-repetition", "stop"])?;
        let trials = node.require("[tune]", "trials")?.as_count("trials", 1)?;
        let seeds = node.field("seeds").map_or(Ok(1), |seeds| seeds.as_count("seeds", 1))?;
        let per_repetition = node.field("per-repetition");
        let per_repetition = per_repetition.map_or(Ok(false), |v| v.as_bool("per-repetition"))?;
        let stop = node.field("stop").map(|stop| rules::stop(stop, "tune.stop")).transpose()?;
        let best = node.require("[tune]", "best")?;
        only(best, "tune.best", &["metric", "at"])?;
        let metric = best.require("tune.best", "metric")?.as_open_metric("metric", "tuning")?;
        let best_row = match best.field("at") {
            None => false,
            Some(at) => match at.as_text("at")? {
                "end" => false,
                "best" => true,
                other => {
                    let hint = suggestion(other, &["end", "best"]);
                    return Err(at.finding(format!("tune.best: no `at` named `{other}`{hint}")));
                }
            },
        };
        let known: Vec<&str> = solvers.iter().map(|case| case.name.as_str()).collect();
        let mut over = Vec::new();
        for (name, fields) in &node.require("[tune]", "over")?.as_table("over")?.fields {
            known_name(fields, "solver", name, &known)?;
            let mut axes = Vec::new();
            collect(fields, name, "", &mut axes)?;
            if axes.is_empty() {
                return Err(fields.finding(format!("tune.over.{name} names no field")));
            }
            over.push((name.clone(), axes));
        }
        if over.is_empty() {
            return Err(node.finding("tune.over names no solver"));
        }
        Ok(Self { trials, seeds, per_repetition, stop, metric, best_row, over })
    }

    /// The tunings that these repetitions of the main stage need.
    pub(super) fn draws(&self, seeds: &ops::Range<u64>) -> ops::Range<u64> {
        if self.per_repetition { seeds.clone() } else { 0..1 }
    }

    /// The tuning that this repetition of the main stage has.
    pub(super) fn draw(&self, seed: u64) -> u64 {
        if self.per_repetition { seed } else { 0 }
    }

    /// Repetitions of a tuning, in the numbers of the tuning stage.
    pub(super) fn repetitions(&self, draw: u64) -> ops::Range<u64> {
        let first = Cell::FIRST_TUNE_SEED + draw * self.seeds;
        first..first + self.seeds
    }

    /// Whether the solver is tuned.
    pub(super) fn tunes(&self, solver: &str) -> bool {
        self.over.iter().any(|(name, _)| name == solver)
    }

    /// The first field of the problem that is tuned, if any is: its line and path.
    pub(super) fn of_problem(&self) -> Option<(usize, &str)> {
        let mut axes = self.over.iter().flat_map(|(_, axes)| axes);
        let axis = axes.find(|axis| axis.path.starts_with(PROBLEM))?;
        Some((axis.line, &axis.path))
    }

    /// The trials of a solver in a tuning; none if it is not tuned.
    ///
    /// Log and linear ranges are filled by a Kronecker sequence: coordinate `j` of trial `k` is
    /// the fraction of `u_j + k / φ^j`, where `φ^(d+1) = φ + 1` for `d` fields (the golden ratio
    /// for one) and the shift `u_j` depends on the root seed, the tuning, the solver and the field.
    /// A solver with grids alone takes them evenly from the product.
    pub(super) fn of(&self, solver: &str, root: u64, draw: u64) -> Vec<Trial> {
        let Some((_, axes)) = self.over.iter().find(|(name, _)| name == solver) else {
            return Vec::new();
        };
        let sizes: Option<Vec<usize>> = axes.iter().map(Axis::grid_size).collect();
        if let Some(sizes) = sizes {
            let product = sizes.iter().fold(1_u128, |product, size| product * *size as u128);
            return (0..self.trials)
                .map(|k| {
                    let mut index = u128::from(k) * product / u128::from(self.trials);
                    let pick = |(axis, size): (&Axis, &usize)| {
                        let at = (index % *size as u128) as f64 + 0.5;
                        index /= *size as u128;
                        axis.at(at / *size as f64)
                    };
                    axes.iter().zip(&sizes).map(pick).collect()
                })
                .collect();
        }
        let ratio = ratio(axes.len());
        let shifts: Vec<f64> =
            axes.iter().map(|axis| fraction(root, draw, solver, &axis.path)).collect();
        let trial = |k: u64| {
            let mut step = 1.0;
            let value = |(axis, shift): (&Axis, &f64)| {
                step /= ratio;
                axis.at((shift + k as f64 * step).fract())
            };
            axes.iter().zip(&shifts).map(value).collect()
        };
        (0..self.trials).map(trial).collect()
    }

    /// The metrics that a trial which `stop` ends is read for, sorted.
    pub(super) fn reads(&self, stop: &[StopRule]) -> Vec<String> {
        let watched = stop.iter().filter_map(StopRule::metric);
        let names: BTreeSet<&str> = watched.chain([self.metric.as_str()]).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// What a run cost, smaller is better: infinite where it has no number. `None` if the run did
    /// not measure the metric at all.
    pub(super) fn cost(&self, record: &Record) -> Option<f64> {
        if !record.header.status.is_result() {
            return Some(f64::INFINITY);
        }
        let column = record.trace.column(&self.metric)?;
        let sign = if column.metric.better == Better::Higher { -1.0 } else { 1.0 };
        let costs = column.values.iter().map(|value| sign * value);
        let cost = if self.best_row {
            costs.filter(|cost| !cost.is_nan()).fold(f64::INFINITY, f64::min)
        } else {
            column.values.last().map_or(f64::INFINITY, |value| sign * value)
        };
        Some(if cost.is_nan() { f64::INFINITY } else { cost })
    }
}

impl Axis {
    fn grid_size(&self) -> Option<usize> {
        match &self.range {
            Range::Grid(values) => Some(values.len()),
            _ => None,
        }
    }

    /// The value at `u` in [0, 1) of the range.
    fn at(&self, u: f64) -> (String, Node) {
        let whole_or = |value: f64, low: f64, high: f64, whole: bool| {
            if whole {
                return Content::Integer(value.round().clamp(low, high) as i64);
            }
            // Four digits: no one tunes finer, and the last bits of `powf` differ by platform.
            let value: f64 = format!("{value:.3e}").parse().unwrap_or(value);
            Content::Float(value.clamp(low, high))
        };
        let content = match &self.range {
            Range::Log { low, high, whole } => {
                whole_or(low * (high / low).powf(u), *low, *high, *whole)
            }
            Range::Linear { low, high, whole } => {
                whole_or(low + u * (high - low), *low, *high, *whole)
            }
            Range::Grid(values) => values[(u * values.len() as f64) as usize].content.clone(),
        };
        (self.path.clone(), Node { line: self.line, content })
    }
}

/// Reads `{ field = { log | linear | grid }, table = { field = .. } }`.
fn collect(node: &Node, solver: &str, prefix: &str, axes: &mut Vec<Axis>) -> Found<()> {
    for (name, value) in &node.as_table(&format!("tune.over.{solver}"))?.fields {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let place = format!("tune.over.{solver}.{path}");
        let table = value.as_table(&place)?;
        let range = ["log", "linear", "grid"].into_iter().find(|key| table.get(key).is_some());
        match range {
            None if table.fields.iter().all(|(_, field)| field.table().is_some()) => {
                collect(value, solver, &path, axes)?;
            }
            None => {
                return Err(value.finding(format!("{place} needs one of `log`, `linear`, `grid`")));
            }
            Some(kind) => {
                axes.push(Axis {
                    path,
                    line: value.line,
                    range: self::range(value, kind, &place)?,
                });
            }
        }
    }
    Ok(())
}

fn range(node: &Node, kind: &str, place: &str) -> Found<Range> {
    let values = node.require(place, kind)?;
    if kind == "grid" {
        only(node, place, &["grid"])?;
        return Ok(Range::Grid(values.as_list("grid")?.to_vec()));
    }
    only(node, place, &[kind, "whole"])?;
    let whole = node.field("whole").map_or(Ok(false), |whole| whole.as_bool("whole"))?;
    let [low, high] = values.as_list(kind)? else {
        return Err(values.finding(format!("`{kind}` takes two ends")));
    };
    let (low, high) = (low.as_number(kind)?, high.as_number(kind)?);
    if low >= high {
        return Err(values.finding(format!("the ends of `{kind}` must rise: {low}, {high}")));
    }
    if kind == "log" && low <= 0.0 {
        return Err(values.finding(format!("the ends of `log` must be above 0, not {low}")));
    }
    Ok(match kind {
        "log" => Range::Log { low, high, whole },
        _ => Range::Linear { low, high, whole },
    })
}

/// The root above 1 of `x^(d+1) = x + 1`.
fn ratio(fields: usize) -> f64 {
    let mut x = 2.0_f64;
    for _ in 0..60 {
        x = (1.0 + x).powf(1.0 / (fields as f64 + 1.0));
    }
    x
}

/// A number in [0, 1) that depends on its labels alone.
fn fraction(root: u64, draw: u64, solver: &str, path: &str) -> f64 {
    let place = format!("{root}\n{solver}\n{path}");
    let hash = Sha256::digest(if draw == 0 { place } else { format!("{place}\n{draw}") });
    let head = hash.iter().take(6).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    head as f64 / (1_u64 << 48) as f64
}

/// A point of a solver with the values of a trial in it.
pub(super) fn with_trial(point: &Point, trial: &Trial) -> Point {
    let own = trial.iter().filter(|(path, _)| !path.starts_with(PROBLEM));
    with_values(point, own.map(|(path, value)| (path.as_str(), value)))
}

/// A point of a problem with the values of a trial in it.
pub(super) fn problem_with_trial(point: &Point, trial: &Trial) -> Point {
    let own = trial.iter().filter_map(|(path, value)| Some((path.strip_prefix(PROBLEM)?, value)));
    with_values(point, own)
}

fn with_values<'t>(point: &Point, values: impl Iterator<Item = (&'t str, &'t Node)>) -> Point {
    let mut table = point.node.table().cloned().unwrap_or_default();
    for (path, value) in values {
        put(&mut table, path, value.clone());
    }
    Point {
        sweep: point.sweep.clone(),
        config: table.json(),
        node: Node { line: point.node.line, content: Content::Table(table) },
    }
}

fn put(table: &mut Table, path: &str, value: Node) {
    let Some((head, rest)) = path.split_once('.') else { return table.set(path, value) };
    if table.get(head).is_none_or(|node| node.table().is_none()) {
        let empty = Content::Table(Table::default());
        table.set(head, Node { line: value.line, content: empty });
    }
    if let Some(Node { content: Content::Table(inner), .. }) = table.get_mut(head) {
        put(inner, rest, value);
    }
}

/// A trial out of the choices of an earlier stage.
pub(super) fn trial_of<'c>(choice: impl IntoIterator<Item = (&'c String, &'c Value)>) -> Trial {
    choice.into_iter().map(|(path, value)| (path.clone(), Node::of_json(value))).collect()
}

/// The median; infinite costs count as such.
pub(super) fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    let middle = costs.len() / 2;
    match costs.len() {
        0 => f64::INFINITY,
        length if length % 2 == 1 => costs[middle],
        _ => f64::midpoint(costs[middle - 1], costs[middle]),
    }
}
