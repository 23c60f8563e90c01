//! `converge plan`: cells, time, disk and detectable differences before long work.

use std::collections::BTreeSet;

use anyhow::Result;
use converge_analysis::check::Reach;
use converge_bench::cell::{Stage, Task};
use converge_bench::conduct;
use converge_bench::plan;
use converge_bench::store::Store;
use converge_bench::study::{Choices, Paper, Study};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::PlanArgs;
use crate::context::{Context, Usage};
use crate::output::{bytes, duration, table};
use crate::work;

/// A problem of one variant as variants and sizes leave it.
#[derive(Debug, Serialize)]
struct Setting {
    problem: String,
    variant: String,
    config: Map<String, Value>,
}

/// One study at its fewest repetitions.
#[derive(Debug, Serialize)]
struct Line {
    study: String,
    seeds: u64,
    cells: usize,
    to_run: usize,
    seconds: f64,
    bytes: f64,
    unknown: usize,
    /// What the file says at this size, for the eye: what was meant for one size can be left of another.
    problems: Vec<Setting>,
    /// What each claim can find with the most seeds.
    claims: Vec<Reach>,
}

pub(crate) fn plan(context: &Context, args: &PlanArgs) -> Result<()> {
    let studies = context.studies(&args.select)?;
    let store = context.store()?;
    let options = work::options(&args.work, false)?;
    let mut lines = Vec::new();
    for (study, paper) in &studies {
        let seeds = study.seeds.start;
        let plan = plan::plan(study, &store, 0..seeds, options.counting(), options.jobs);
        Context::warn(&plan.problems);
        let estimate = plan.estimate();
        lines.push(Line {
            study: format!("{}/{}", study.paper, study.name),
            seeds,
            cells: plan.stages.iter().map(|stage| stage.cells).sum(),
            to_run: plan.to_run(),
            seconds: estimate.seconds,
            bytes: estimate.bytes,
            unknown: estimate.unknown,
            problems: settings(study),
            claims: reach(study, paper, &store)?,
        });
    }
    context.print(&lines, || {
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|line| {
                let estimate = match (line.to_run, line.unknown) {
                    (0, _) => "nothing to do".to_owned(),
                    (to_run, unknown) if to_run == unknown => {
                        "unknown: nothing in the store is like it".to_owned()
                    }
                    (_, 0) => {
                        format!("about {}, {}", duration(line.seconds), bytes(line.bytes as u64))
                    }
                    (_, unknown) => format!(
                        "about {} and {unknown} cells unlike any before",
                        duration(line.seconds)
                    ),
                };
                vec![
                    line.study.clone(),
                    line.seeds.to_string(),
                    line.cells.to_string(),
                    line.to_run.to_string(),
                    estimate,
                ]
            })
            .collect();
        let head = ["study", "seeds", "cells", "to run", "estimate"];
        let mut text = table(&head, &rows, context.terminal.width);
        text += "\n\nWhat runs at this size, of values that are swept or tuned the first:\n";
        text += &problems(&lines, context.terminal.width);
        text += "\n\nWhat the seeds can find, with probability 0.9:\n";
        text += &differences(&lines, context.terminal.width);
        text
    })
}

/// The problems of a study, each once: a variant that leaves one as it is does not repeat it. Of values
/// that are swept or tuned the first stands for all.
fn settings(study: &Study) -> Vec<Setting> {
    let mut found: Vec<Setting> = Vec::new();
    let mut seen = BTreeSet::new();
    for planned in study.cells(Stage::Main, 0..1, &Choices::new()) {
        let Task::Run { problem, .. } = &planned.cell.task else { continue };
        let label = planned.label;
        let first = seen.insert((label.variant.clone(), label.problem.clone()));
        let known = |one: &Setting| one.problem == label.problem && one.config == problem.config;
        if first && !found.iter().any(known) {
            found.push(Setting {
                problem: label.problem,
                variant: label.variant,
                config: problem.config.clone(),
            });
        }
    }
    found
}

/// The problems as a table; of a variant what it does not share with the first one.
fn problems(lines: &[Line], width: usize) -> String {
    let mut rows = Vec::new();
    for line in lines {
        for one in &line.problems {
            let study = line.study.rsplit('/').next().unwrap_or(&line.study).to_owned();
            let first = line.problems.iter().find(|first| first.problem == one.problem);
            let base = first.filter(|first| first.variant != one.variant);
            let own = |(name, value): &(&String, &Value)| {
                base.is_none_or(|base| base.config.get(*name) != Some(*value))
            };
            let own: Map<String, Value> =
                one.config.iter().filter(own).map(|(n, v)| (n.clone(), v.clone())).collect();
            let problem = match base {
                Some(_) => format!("{}, {}", one.problem, one.variant),
                None => one.problem.clone(),
            };
            rows.push(vec![study, problem, fields(&own)]);
        }
    }
    table(&["study", "problem", "settings"], &rows, width)
}

/// Settings in the notation of study files, in one line.
fn fields(config: &Map<String, Value>) -> String {
    let fields = config.iter().map(|(name, value)| match value {
        Value::Object(inner) => format!("{name} = {{ {} }}", fields(inner)),
        value => format!("{name} = {value}"),
    });
    fields.collect::<Vec<_>>().join(", ")
}

/// What each claim can find, at the spread of runs of any code in the store.
fn reach(study: &Study, paper: &Paper, store: &Store) -> Result<Vec<Reach>> {
    let (runs, _) = conduct::runs(study, store, 0..study.seeds.end, None);
    Ok(converge_analysis::reach(study, paper, &runs).map_err(Usage::from)?)
}

/// The claims that seeds decide, as a table.
fn differences(lines: &[Line], width: usize) -> String {
    let mut rows = Vec::new();
    for line in lines {
        for reach in &line.claims {
            let Some(found) = &reach.detectable else { continue };
            let unit = match found.unit.as_str() {
                "sd" => "standard deviations over seeds",
                "sd of margin" => "standard deviations of margin",
                unit => unit,
            };
            let note = if reach.observed { ", at the spread of the runs there are" } else { "" };
            let value = format!("{:.3} {unit}{note}", found.value);
            let study = line.study.rsplit('/').next().unwrap_or(&line.study).to_owned();
            let seeds = reach.seeds.to_string();
            rows.push(vec![
                study,
                reach.claim.clone(),
                seeds,
                format!("{:.4}", reach.level),
                value,
            ]);
        }
    }
    table(&["study", "claim", "seeds", "level", "detectable"], &rows, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(variant: &str, config: Value) -> Setting {
        let Value::Object(config) = config else { unreachable!("the tests give objects") };
        Setting { problem: "mnist".into(), variant: variant.into(), config }
    }

    #[test]
    fn settings_read_as_in_a_study_and_a_variant_says_what_it_changes() {
        let features = serde_json::json!({ "random-convolution": { "filters": 9, "pool": 2 } });
        let corrected = serde_json::json!({ "features": features, "ridge": 1e-6 });
        let mut leaking = corrected.clone();
        leaking["ridge"] = serde_json::json!([1.0, 2.0]);
        let line = Line {
            study: "admm-softmax/released".into(),
            seeds: 1,
            cells: 2,
            to_run: 2,
            seconds: 0.0,
            bytes: 0.0,
            unknown: 2,
            problems: vec![setting("corrected", corrected), setting("leaking", leaking)],
            claims: Vec::new(),
        };
        let text = problems(&[line], 200);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let all = "features = { random-convolution = { filters = 9, pool = 2 } }, ridge = 1e-6";
        assert_eq!(lines[1], format!("released  mnist           {all}"));
        assert_eq!(lines[2], "released  mnist, leaking  ridge = [1.0,2.0]");
    }
}
