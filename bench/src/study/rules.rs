//! The small tables: seeds, sampling, stop rules, limits.

use std::ops::Range;

use super::Limits;
use super::fields::{only, suggestion};
use super::node::{Content, Found, Node};
use crate::cell::{Cell, Sampling, StopRule, Unit};
use crate::outputs::Wanted;

const STOP_RULES: [&str; 6] =
    ["iterations", "samples", "seconds", "target", "plateau", "divergence"];

/// Fewest and most repetitions, and the root seed.
pub(super) fn seeds(root: &Node) -> Found<(Range<u64>, u64)> {
    let Some(node) = root.field("seeds") else { return Ok((10..10, 0)) };
    only(node, "[seeds]", &["min", "max", "root"])?;
    let min = node.require("[seeds]", "min")?.as_count("min", 1)?;
    let max = node.field("max").map_or(Ok(min), |max| max.as_count("max", 1))?;
    if max < min {
        let line = node.field("max").unwrap_or(node);
        return Err(line.finding(format!("`max` = {max} is below `min` = {min}")));
    }
    if max > Cell::FIRST_TUNE_SEED {
        return Err(node.finding(format!("`max` must be at most {}", Cell::FIRST_TUNE_SEED)));
    }
    let root = node.field("root").map_or(Ok(0), |root| root.as_count("root", 0))?;
    Ok((min..max, root))
}

/// The table of sampling points; every iteration where there is none.
pub(super) fn sampling(node: Option<&Node>) -> Found<Sampling> {
    let Some(node) = node else { return Ok(Sampling::Every { n: 1, unit: Unit::default() }) };
    let rule = node.require("[sampling]", "rule")?;
    let keys = match rule.as_text("rule")? {
        "every" => ["rule", "unit", "n"],
        "geometric" => ["rule", "unit", "factor"],
        "list" => ["rule", "unit", "points"],
        other => {
            let hint = suggestion(other, &["every", "geometric", "list"]);
            return Err(rule.finding(format!("no sampling rule named `{other}`{hint}")));
        }
    };
    only(node, "[sampling]", &keys)?;
    let unit = node.field("unit").map_or(Ok(Unit::Iterations), unit)?;
    let value = node.require("[sampling]", keys[2])?;
    Ok(match keys[2] {
        "n" => Sampling::Every { n: value.as_count("n", 1)?, unit },
        "factor" => Sampling::Geometric { factor: value.as_number_above("factor", 1.0)?, unit },
        _ => {
            let mut points: Vec<u64> = Vec::new();
            for item in value.as_list("points")? {
                let point = item.as_count("points", 1)?;
                if points.last().is_some_and(|last| *last >= point) {
                    return Err(item.finding(format!("`points` must rise; {point} does not")));
                }
                points.push(point);
            }
            Sampling::List { points, unit }
        }
    })
}

fn unit(node: &Node) -> Found<Unit> {
    Ok(match node.as_text("unit")? {
        "iterations" => Unit::Iterations,
        "samples" => Unit::Samples,
        "proxes" => Unit::Proxes,
        other => {
            let hint = suggestion(other, &["iterations", "samples", "proxes"]);
            return Err(node.finding(format!("no unit named `{other}`{hint}")));
        }
    })
}

/// Stop rules: `any = [ {..}, .. ]`, or the rules as keys of the table itself.
pub(super) fn stop(node: &Node, place: &str) -> Found<Vec<StopRule>> {
    let table = node.as_table(place)?;
    let Some(any) = table.get("any") else {
        if table.fields.is_empty() {
            return Err(node.finding(format!("{place} has no rule")));
        }
        return table.fields.iter().map(|(name, value)| rule(name, value, place)).collect();
    };
    if let Some((other, field)) = table.fields.iter().find(|(name, _)| name != "any") {
        return Err(field.finding(format!(
            "{place} holds either `any` or the rules themselves; move `{other}` into `any`"
        )));
    }
    let mut rules = Vec::new();
    for item in any.as_list("any")? {
        match item.as_table("any")?.fields.as_slice() {
            [(name, value)] => rules.push(rule(name, value, place)?),
            _ => return Err(item.finding("a stop rule is a table with one key")),
        }
    }
    Ok(rules)
}

fn rule(name: &str, value: &Node, place: &str) -> Found<StopRule> {
    let metric = |value: &Node| {
        value.require(name, "metric")?.as_open_metric("metric", &format!("a {name} rule"))
    };
    Ok(match name {
        "iterations" => StopRule::Iterations(value.as_count(name, 1)?),
        "samples" => StopRule::Samples(value.as_count(name, 1)?),
        "seconds" => StopRule::Seconds(value.as_number_above(name, 0.0)?),
        "target" => {
            only(value, name, &["metric", "value"])?;
            let metric = metric(value)?;
            StopRule::Target { metric, value: value.require(name, "value")?.as_number("value")? }
        }
        "plateau" => {
            only(value, name, &["metric", "patience", "relative"])?;
            let metric = metric(value)?;
            let patience = value.require(name, "patience")?.as_count("patience", 1)?;
            let relative = value.field("relative");
            let relative =
                relative.map_or(Ok(0.0), |node| match node.as_number("relative")? {
                    value if value >= 0.0 => Ok(value),
                    value => Err(node.finding(format!("`relative` must not be negative: {value}"))),
                })?;
            StopRule::Plateau { metric, patience, relative }
        }
        "divergence" => {
            only(value, name, &["metric", "factor"])?;
            let metric = metric(value)?;
            let factor = value.require(name, "factor")?.as_number_above("factor", 1.0)?;
            StopRule::Divergence { metric, factor }
        }
        other => {
            let hint = suggestion(other, &STOP_RULES);
            return Err(value.finding(format!("no stop rule named `{other}` in {place}{hint}")));
        }
    })
}

/// The limits of a cell; 600 seconds and no bound of memory where there are none.
pub(super) fn limits(node: Option<&Node>) -> Found<Limits> {
    let mut limits = Limits { seconds: 600.0, memory: None };
    let Some(node) = node else { return Ok(limits) };
    only(node, "[limits]", &["seconds", "memory"])?;
    if let Some(seconds) = node.field("seconds") {
        limits.seconds = seconds.as_number_above("seconds", 0.0)?;
    }
    if let Some(memory) = node.field("memory") {
        limits.memory = Some(bytes(memory)?);
    }
    Ok(limits)
}

/// `"8 GiB"`, or a number of bytes.
fn bytes(node: &Node) -> Found<u64> {
    if let Content::Integer(_) = node.content {
        return node.as_count("memory", 1);
    }
    let text = node.as_text("memory")?;
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = text[..text.len() - digits.len()].parse::<f64>().ok();
    let scale = match digits.trim() {
        "B" => Some(1.0),
        "KiB" => Some(1024.0),
        "MiB" => Some(1024.0 * 1024.0),
        "GiB" => Some(1024.0 * 1024.0 * 1024.0),
        "TiB" => Some(1024.0 * 1024.0 * 1024.0 * 1024.0),
        "kB" => Some(1e3),
        "MB" => Some(1e6),
        "GB" => Some(1e9),
        "TB" => Some(1e12),
        _ => None,
    };
    match (number, scale) {
        (Some(number), Some(scale)) if number * scale >= 1.0 => Ok((number * scale) as u64),
        _ => Err(node.finding(format!("`{text}` is not an amount of memory, such as \"8 GiB\""))),
    }
}

/// Names of the arrays to keep.
pub(super) fn outputs(node: Option<&Node>) -> Found<Vec<String>> {
    let Some(node) = node else { return Ok(Vec::new()) };
    match &node.content {
        Content::List(items) if items.is_empty() => Ok(Vec::new()),
        Content::List(_) => {
            let mut names = Vec::new();
            for (node, name) in node.as_names("outputs")? {
                Wanted::parse(name).map_err(|error| node.finding(error.to_string()))?;
                names.push(name.to_owned());
            }
            Ok(names)
        }
        _ => Err(node.mismatch("outputs", "a list of names")),
    }
}
