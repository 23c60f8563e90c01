//! Sections of problems, solvers and probes: kinds, sweeps, and what the registry says of them.

use std::collections::BTreeMap;

use converge_problems::SetupError;
use serde_json::{Map, Value};

use super::fields::{nearest, quoted, suggestion};
use super::node::{Content, Finding, Found, Node, Table};
use crate::registry::RegistryError;

/// Most points of the sweeps of one section.
const MOST_POINTS: usize = 10_000;

/// A named section with its points: one without sweeps, else their product.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) kind_line: usize,
    /// Problems that a solver is restricted to.
    pub(super) problems: Option<Vec<String>>,
    /// A probe that says it measures time.
    pub(super) timed: bool,
    pub(super) points: Vec<Point>,
}

/// One configuration of a section.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// Values of the axes, by dotted path.
    pub(super) sweep: BTreeMap<String, Value>,
    /// The section, with the keys that the study reads itself taken out.
    pub(super) node: Node,
    /// The same as its kind deserialises it.
    pub(super) config: Map<String, Value>,
}

impl Case {
    /// Whether a solver runs on the problem.
    pub(super) fn meets(&self, problem: &str) -> bool {
        self.problems.as_ref().is_none_or(|names| names.iter().any(|name| name == problem))
    }
}

impl Point {
    /// What its kind deserialises.
    pub(super) fn json(&self) -> Value {
        Value::Object(self.config.clone())
    }
}

/// Reads the sections `[what.*]`.
pub(super) fn cases(root: &Node, what: &str) -> Found<Vec<Case>> {
    let Some(node) = root.field(what) else { return Ok(Vec::new()) };
    node.as_table(what)?.fields.iter().map(|(name, node)| case(what, name, node)).collect()
}

/// Reads the section `[what.name]`.
pub(super) fn case(what: &str, name: &str, node: &Node) -> Found<Case> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(
            node.finding(format!("`{name}` is not a name: letters, digits, `-` and `_` make one"))
        );
    }
    let place = format!("{what}.{name}");
    let mut table = node.as_table(&place)?.clone();
    let (kind, kind_line) = match table.remove("kind") {
        Some(kind) => (kind.as_text("kind")?.to_owned(), kind.line),
        None => (name.to_owned(), node.line),
    };
    let mut problems = None;
    if what == "solver"
        && let Some(names) = table.remove("problems")
    {
        let names = names.as_names("problems")?;
        problems = Some(names.into_iter().map(|(_, name)| name.to_owned()).collect());
    }
    let timed = match table.remove("timed") {
        Some(timed) if what == "probe" => timed.as_bool("timed")?,
        Some(other) => {
            table.set("timed", other);
            false
        }
        None => false,
    };
    let node = Node { line: node.line, content: Content::Table(table) };
    let points = expand(&node, &place)?;
    Ok(Case { name: name.to_owned(), kind, kind_line, problems, timed, points })
}

/// The product of all sweeps in a section; the first axis moves slowest.
pub(super) fn expand(node: &Node, place: &str) -> Found<Vec<Point>> {
    let mut variants = vec![(BTreeMap::new(), Table::default())];
    for (name, field) in &node.as_table(place)?.fields {
        let values = alternatives(field, &format!("{place}.{name}"))?;
        if values.len().saturating_mul(variants.len()) > MOST_POINTS {
            return Err(
                field.finding(format!("the sweeps of {place} have over {MOST_POINTS} points"))
            );
        }
        let mut product = Vec::with_capacity(variants.len() * values.len());
        for (sweep, table) in &variants {
            for (more, value) in &values {
                let (mut sweep, mut table) = (sweep.clone(), table.clone());
                sweep.extend(more.clone());
                table.fields.push((name.clone(), value.clone()));
                product.push((sweep, table));
            }
        }
        variants = product;
    }
    let line = node.line;
    let point = |(sweep, table): (_, Table)| Point {
        sweep,
        config: table.json(),
        node: Node { line, content: Content::Table(table) },
    };
    Ok(variants.into_iter().map(point).collect())
}

/// The values that one field takes, each with the axes it fixes.
fn alternatives(node: &Node, path: &str) -> Found<Vec<(BTreeMap<String, Value>, Node)>> {
    let Some(table) = node.table() else { return Ok(vec![(BTreeMap::new(), node.clone())]) };
    let Some(sweep) = table.get("sweep") else {
        let points = expand(node, path)?;
        return Ok(points.into_iter().map(|point| (point.sweep, point.node)).collect());
    };
    if table.fields.len() > 1 {
        return Err(node.finding(format!("the sweep of `{path}` stands beside other keys")));
    }
    let mut values = Vec::new();
    for item in sweep.as_list("sweep")? {
        let json = item.json();
        let axis = BTreeMap::from([(path.to_owned(), json.clone())]);
        if values.iter().any(|(earlier, _)| *earlier == axis) {
            return Err(item.finding(format!("{json} stands twice in the sweep of `{path}`")));
        }
        values.push((axis, item.clone()));
    }
    Ok(values)
}

/// Puts what the registry says of a section at the line it speaks of.
///
/// `section` is what was checked, `place` its name, `kind_line` the line that names its kind.
pub(super) fn explain(
    error: &RegistryError,
    section: &Node,
    place: &str,
    kind_line: usize,
) -> Finding {
    let finding = |text: String| Finding { line: kind_line, text };
    match error {
        RegistryError::Config { path, reason } => mistake(section, place, path, reason),
        RegistryError::Unknown { what, name, known } => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            finding(format!("{place}: no {what} kind named `{name}`{}", suggestion(name, &known)))
        }
        RegistryError::Unfit { problem, solver, fitting } => {
            let fitting: Vec<&str> = fitting.iter().map(String::as_str).collect();
            finding(format!(
                "{place}: solver `{solver}` is not made for problem `{problem}`, which takes {}",
                quoted(&fitting)
            ))
        }
        RegistryError::Setup(error) => {
            let path = match error {
                SetupError::Parameter { name, .. } | SetupError::Shape { what: name, .. } => name,
                _ => "",
            };
            section.deepest(path).finding(format!("{place}: {error}"))
        }
    }
}

/// Puts what serde says of a value at the line of that value, with the nearest name.
pub(super) fn mistake(section: &Node, place: &str, path: &str, reason: &str) -> Finding {
    let node = section.deepest(path);
    let names: Vec<&str> = reason.split('`').skip(1).step_by(2).collect();
    let full = if path.is_empty() { place.to_owned() } else { format!("{place}.{path}") };
    match names.split_first() {
        Some((name, known)) if reason.starts_with("unknown field") => {
            let outside = path.rsplit_once('.').map_or("", |(parent, _)| parent);
            let holder = if node.field(name).is_some() { node } else { section.deepest(outside) };
            let line = holder.field(name).map_or(node.line, |field| field.line);
            let place = full.strip_suffix(&format!(".{name}")).unwrap_or(&full);
            let hint = suggestion(name, known);
            Finding { line, text: format!("unknown key `{name}` in {place}{hint}") }
        }
        Some((name, known)) if reason.starts_with("unknown variant") => {
            let line = node.field(name).map_or(node.line, |field| field.line);
            let hint = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", quoted(known)),
            };
            Finding { line, text: format!("{full}: no alternative `{name}`; {hint}") }
        }
        Some((name, _)) if reason.starts_with("missing field") => {
            node.finding(format!("{full} needs `{name}`"))
        }
        _ => node.finding(format!("{full}: {reason}")),
    }
}
