//! What claims and plots speak of: the names they use, and whether they look at seconds.

use super::fields::{known_name, nearest};
use super::node::{Content, Found, Node};

/// The names that a study offers.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) problems: Vec<String>,
    pub(super) solvers: Vec<String>,
    pub(super) probes: Vec<String>,
    /// Names of curves: solvers with the values of their sweeps.
    pub(super) curves: Vec<String>,
    pub(super) claims: Vec<String>,
}

/// What one claim or plot looks at. Empty lists stand for all.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Scope {
    problems: Vec<String>,
    solvers: Vec<String>,
    seconds: bool,
}

impl Scope {
    /// Whether it looks at the seconds of a curve of a solver on a problem.
    pub(super) fn times(&self, problem: &str, solver: &str, curve: &str) -> bool {
        let solver = |name: &String| name == solver || name == curve;
        self.seconds
            && (self.problems.is_empty() || self.problems.iter().any(|name| name == problem))
            && (self.solvers.is_empty() || self.solvers.iter().any(solver))
    }
}

/// The scope of the `test` of a claim.
pub(super) fn claim(node: &Node, names: &Names) -> Found<Scope> {
    let mut scope = Scope::default();
    if let Some(test) = node.field("test") {
        walk(test, names, &mut scope)?;
        // Time to a target is in seconds where the claim does not say otherwise.
        scope.seconds |= faster_without_cost(test);
    }
    Ok(scope)
}

/// The scope of a plot.
pub(super) fn plot(node: &Node, names: &Names) -> Found<Scope> {
    let mut scope = Scope::default();
    walk(node, names, &mut scope)?;
    Ok(scope)
}

fn walk(node: &Node, names: &Names, scope: &mut Scope) -> Found<()> {
    match &node.content {
        Content::Text(text) => scope.seconds |= is_seconds(text),
        Content::List(items) => items.iter().try_for_each(|item| walk(item, names, scope))?,
        Content::Table(table) => {
            for (key, value) in &table.fields {
                match key.as_str() {
                    "caption" | "title" | "text" => {}
                    "problem" | "problems" | "than-problem" => {
                        scope.problems.extend(look_up(value, key, "problem", &[&names.problems])?);
                    }
                    "solver" | "solvers" | "than" => {
                        let known = [&names.solvers, &names.curves];
                        scope.solvers.extend(look_up(value, key, "solver", &known)?);
                    }
                    "probe" | "probes" => {
                        scope.solvers.extend(look_up(value, key, "probe", &[&names.probes])?);
                    }
                    "claim" | "claims" => {
                        look_up(value, key, "claim", &[&names.claims])?;
                    }
                    // What a plot is held against says nothing of the curves that it looks at.
                    "field" => {
                        look_up(value, key, "probe", &[&names.probes])?;
                    }
                    "theory" => walk(value, names, &mut Scope::default())?,
                    key => {
                        scope.seconds |= is_seconds(key);
                        walk(value, names, scope)?;
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// `seconds`, `total-seconds`, `setup-seconds`: a column or a budget; `total-passes` counts a set-up
/// by its seconds.
fn is_seconds(name: &str) -> bool {
    matches!(name, "seconds" | "total-passes")
        || (name.ends_with("-seconds") && !name.contains(' '))
}

fn faster_without_cost(node: &Node) -> bool {
    match &node.content {
        Content::Table(table) => table.fields.iter().any(|(key, value)| {
            (key == "faster" && value.field("cost").is_none()) || faster_without_cost(value)
        }),
        Content::List(items) => items.iter().any(faster_without_cost),
        _ => false,
    }
}

fn look_up(value: &Node, key: &str, what: &str, known: &[&Vec<String>]) -> Found<Vec<String>> {
    let all: Vec<&str> = known.iter().flat_map(|names| names.iter().map(String::as_str)).collect();
    let mut found = Vec::new();
    for (node, name) in value.as_names(key)? {
        // Curves are many and long: they are listed only when one is near.
        let short: Vec<&str> = known[0].iter().map(String::as_str).collect();
        let listed = if nearest(name, &all).is_some() { &all } else { &short };
        if !all.contains(&name) {
            known_name(node, what, name, listed)?;
        }
        found.push(name.to_owned());
    }
    Ok(found)
}
