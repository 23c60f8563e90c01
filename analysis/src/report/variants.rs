//! What a variant changes, in a sentence made from what really ran.

use std::collections::BTreeMap;

use converge_bench::cell::Task;
use converge_bench::study::{Label, Planned};
use serde_json::{Value, json};

use super::Input;

/// Most differences that are spelled out.
const NAMED: usize = 6;

/// How the cells of a variant differ from those of the study's first; empty where there is only
/// one.
pub(super) fn difference(input: &Input<'_>, variant: &str) -> String {
    let Some(base) = input.study.variants.first().filter(|_| input.study.variants.len() > 1) else {
        return String::new();
    };
    if base == variant {
        return "What the study file itself describes.".to_owned();
    }
    let (before, after) = (sections(input, base), sections(input, variant));
    let mut found: Vec<String> = Vec::new();
    for (name, value) in &after {
        match before.get(name) {
            Some(old) => compare(name, old, value, &mut found),
            None => found.push(format!("{name} is added")),
        }
    }
    found.extend(
        before.keys().filter(|name| !after.contains_key(*name)).map(|n| format!("{n} is left out")),
    );
    if found.is_empty() {
        return format!("Runs the same cells as {base}.");
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("Against {base}: {}{more}.", found.join("; "))
}

/// Sections of a variant as they ran, by name: the first cell that has one.
fn sections(input: &Input<'_>, variant: &str) -> BTreeMap<String, Value> {
    let mut sections = BTreeMap::new();
    let mut note = |name: String, value: Value| {
        sections.entry(name).or_insert(value);
    };
    let mine = input.runs.iter().map(|(planned, _)| planned);
    for Planned { label, cell, .. } in mine.filter(|planned| planned.label.variant == variant) {
        let Label { problem: name, .. } = label;
        match &cell.task {
            Task::Run { problem, solver } => {
                note(format!("problem {name}"), json!(problem));
                note(format!("solver {}", label.curve()), json!(solver));
                note("stop".to_owned(), json!(cell.stop));
                note("sampling".to_owned(), json!(cell.sampling));
            }
            Task::Probe { probe } => note(format!("probe {name}"), json!(probe)),
        }
    }
    sections
}

/// Notes each leaf that differs, by its path.
fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    if let (Value::Object(before), Value::Object(after)) = (before, after) {
        let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
        keys.sort();
        keys.dedup();
        let null = Value::Null;
        for key in keys {
            // Configurations lie one level deeper than they stand in a study file.
            let path = if key == "config" { path.to_owned() } else { format!("{path}.{key}") };
            let side = |map: &serde_json::Map<String, Value>| map.get(key).unwrap_or(&null).clone();
            compare(&path, &side(before), &side(after), found);
        }
        return;
    }
    let shown = |value: &Value| match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    found.push(format!("{path} is {}, not {}", shown(after), shown(before)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_path() {
        let mut found = Vec::new();
        let before = json!({ "kind": "sgd", "config": { "step-size": 0.1, "batch": 8 } });
        let after = json!({ "kind": "sgd", "config": { "step-size": 0.2, "clip": 1 } });
        compare("solver sgd", &before, &after, &mut found);
        assert_eq!(
            found,
            [
                "solver sgd.batch is absent, not 8",
                "solver sgd.clip is 1, not absent",
                "solver sgd.step-size is 0.2, not 0.1"
            ]
        );
    }
}
