//! `converge reconstruct`: an image from the user's own measurements, with a report of convergence.

use std::sync::atomic::Ordering;

use anyhow::Result;
use converge_analysis::reconstruction::{self, Written};
use converge_bench::cell::StopRule;
use converge_bench::reconstruct::Prepared;
use converge_bench::record::{Record, Status};
use converge_bench::study::Model;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::args::ReconstructArgs;
use crate::context::{Context, Usage};
use crate::output::{duration, table};
use crate::{exit, work};

pub(crate) fn reconstruct(context: &Context, args: &ReconstructArgs) -> Result<u8> {
    let given = args.measurements.as_deref().map(|path| (path, args.dataset.as_deref()));
    let model = Model::read(&args.model, given, &context.registry).map_err(Usage::from)?;
    let said = |error: String| Usage::Said(error);
    reconstruction::prepare(&args.output)
        .map_err(|error| said(format!("{error}; --output DIR chooses another folder")))?;
    let prepared = Prepared::new(&model, &context.registry, args.threads)
        .map_err(|error| said(error.to_string()))?;
    let interrupt = work::interrupt()?;

    let bar = bar(context, &model);
    let misfit = prepared.columns().iter().position(|metric| metric.name == "misfit");
    let mut watch = |iteration: u64, row: &[f64]| {
        bar.set_position(iteration);
        if let Some(misfit) = misfit.and_then(|index| row.get(index)) {
            bar.set_message(format!("misfit {misfit:.2e}"));
        }
    };
    let record = prepared.run(&mut watch, &interrupt);
    bar.finish_and_clear();
    let written = reconstruction::write(&record, &args.output, args.window)?;
    context.print(&summary(&record, &written), || text(context, args, &record, &written))?;
    if interrupt.load(Ordering::SeqCst) {
        eprintln!("interrupted: the image is that of the last iteration");
    }
    Ok(if record.header.status.is_result() && !broken(&record) { exit::OK } else { exit::FAILED })
}

/// Whether there is no image worth having.
fn broken(record: &Record) -> bool {
    matches!(record.header.status, Status::Diverged | Status::Breakdown(_))
}

/// A bar where the number of iterations is known, a counter where not.
fn bar(context: &Context, model: &Model) -> ProgressBar {
    if context.quiet {
        return ProgressBar::hidden();
    }
    let most = model.cell.stop.iter().find_map(|rule| match rule {
        StopRule::Iterations(most) => Some(*most),
        _ => None,
    });
    let (bar, template) = match most {
        Some(most) => (ProgressBar::new(most), "{bar:20}  {pos}/{len}  {msg}  {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner}  {pos} iterations  {msg}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}

/// For `--json`: how it ended, the last value of every column, the files.
fn summary(record: &Record, written: &Written) -> serde_json::Value {
    let columns: serde_json::Map<String, serde_json::Value> = reconstruction::results(record)
        .map(|column| (column.metric.name.to_string(), json!(column.values.last())))
        .collect();
    json!({
        "status": record.header.status.to_string(),
        "iterations": reconstruction::last(record, "iteration"),
        "seconds": reconstruction::last(record, "seconds"),
        "columns": columns,
        "window": written.window,
        "files": written.files,
    })
}

fn text(
    context: &Context,
    args: &ReconstructArgs,
    record: &Record,
    Written { files, window: [black, white] }: &Written,
) -> String {
    let last = |name: &str| reconstruction::last(record, name).unwrap_or(f64::NAN);
    let how = match &record.header.status {
        Status::Budget => "ended with its budget".to_owned(),
        Status::Target => "reached its target".to_owned(),
        status => status.to_string(),
    };
    // Residuals of a step are not there before the first.
    let number = |value: Option<&f64>| match value {
        Some(value) if value.is_finite() => format!("{value:.4e}"),
        _ => "-".to_owned(),
    };
    let rows: Vec<Vec<String>> = reconstruction::results(record)
        .map(|column| {
            let unit = &column.metric.unit;
            let name = &column.metric.name;
            let name = if unit.is_empty() { name.to_string() } else { format!("{name} ({unit})") };
            vec![name, number(column.values.first()), number(column.values.last())]
        })
        .collect();
    let names: Vec<_> = files.iter().filter_map(|path| path.file_name()).collect();
    let names: Vec<_> = names.into_iter().map(|name| name.to_string_lossy()).collect();
    format!(
        "{how} after {} iterations, {} of steps and {} of set-up\n\n{}\n\n{}: {}\nimage.png shows \
         {black:.4} as black, {white:.4} as white",
        last("iteration"),
        duration(last("seconds")),
        duration(record.header.setup_seconds),
        table(&["", "start", "end"], &rows, context.terminal.width),
        args.output.display(),
        names.join(", "),
    )
}
