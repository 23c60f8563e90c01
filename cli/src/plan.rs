//! `converge plan`: cells, time and disk before long work.

use anyhow::Result;
use converge_bench::plan;
use serde::Serialize;

use crate::args::PlanArgs;
use crate::context::Context;
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
}

pub(crate) fn plan(context: &Context, args: &PlanArgs) -> Result<()> {
    let studies = context.studies(&args.select)?;
    let store = context.store()?;
    let options = work::options(&args.work, false)?;
    let mut lines = Vec::new();
    for (study, _) in &studies {
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
        table(&head, &rows, context.terminal.width)
    })
}
