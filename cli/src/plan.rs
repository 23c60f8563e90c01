//! `converge plan`: cells, time, disk and detectable differences before long work.

use anyhow::Result;
use converge_analysis::check::Reach;
use converge_bench::conduct;
use converge_bench::plan;
use converge_bench::store::Store;
use converge_bench::study::{Paper, Study};
use serde::Serialize;

use crate::args::PlanArgs;
use crate::context::{Context, Usage};
use crate::output::{bytes, duration, table};
use crate::work;

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
        text += "\n\nWhat the seeds can find, with probability 0.9:\n";
        text += &differences(&lines, context.terminal.width);
        text
    })
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
