//! `converge export`: the traces of studies for other tools.

use anyhow::Result;
use converge_analysis::export::{self, Names, Run};

use crate::args::{ExportArgs, ExportFormat, ExportNames};
use crate::context::Context;
use crate::judge;

pub(crate) fn export(context: &Context, args: &ExportArgs) -> Result<()> {
    let studies = judge::load(context, context.studies(&args.select)?, false)?;
    let runs: Vec<Run<'_>> = studies
        .iter()
        .flat_map(|loaded| {
            loaded.runs.iter().filter_map(|(planned, record)| {
                Some(Run {
                    paper: &loaded.study.paper,
                    study: &loaded.study.name,
                    label: &planned.label,
                    record: record.as_ref()?,
                })
            })
        })
        .collect();
    let names = match args.names {
        ExportNames::Converge => Names::Converge,
        ExportNames::Benchopt => Names::Benchopt,
    };
    let default = |ending: &str| context.store_dir().join(format!("traces.{ending}"));
    let (path, lines) = match args.to {
        ExportFormat::Parquet => {
            let path = args.output.clone().unwrap_or_else(|| default("parquet"));
            let lines = export::parquet(&runs, names, &path)?;
            (path, lines)
        }
        ExportFormat::Csv => {
            let path = args.output.clone().unwrap_or_else(|| default("csv"));
            let lines = export::csv(&runs, names, &path)?;
            (path, lines)
        }
    };
    context.print(&path, || format!("{} runs, {lines} lines in {}", runs.len(), path.display()))
}
