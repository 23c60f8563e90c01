//! `converge replay`: a recorded cell again, digests compared.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, bail};
use converge_bench::cell::Identity;
use converge_bench::store::Store;
use converge_bench::worker::{Outcome, Request, Worker};
use serde::Serialize;

use crate::args::ReplayArgs;
use crate::context::{Context, Usage};
use crate::work;

/// How the two compare.
#[derive(Debug, Serialize)]
struct Comparison {
    identity: Identity,
    rows: usize,
    equal: bool,
    first_difference: Option<u64>,
    same_code: bool,
}

pub(crate) fn replay(context: &Context, args: &ReplayArgs) -> Result<()> {
    let store = context.store()?;
    let identity = find(&store, &args.run)?;
    let mut wanted = BTreeSet::from([identity.clone()]);
    let mut loaded = store.load(&wanted, None);
    let recorded = loaded.records.remove(&identity).context("the run has no readable record")?;
    let reference = match &recorded.cell.reference {
        None => None,
        Some(reference) => {
            wanted = BTreeSet::from([reference.clone()]);
            let record = store.load(&wanted, None).records.remove(reference);
            let record = record.context("its reference run is not in the store")?;
            let array = record.arrays.into_iter().find(|array| array.output.name == "iterate");
            Some(array.context("its reference run kept no iterate")?.values)
        }
    };
    let request = Request {
        cell: recorded.cell.clone(),
        reference,
        threads: args.threads,
        timed: false,
        concurrency: 1,
        memory: None,
    };
    let never = AtomicBool::new(false);
    let outcome = Worker::new(work::spawn()?).run(&request, f64::INFINITY, &[&never])?;
    let again = match outcome {
        Outcome::Finished(record) => record,
        Outcome::Skipped { reason } => bail!(reason),
    };
    if !again.header.status.is_result() {
        bail!("the run ended as {:?}", again.header.status);
    }
    let rows = recorded.trace.rows().min(again.trace.rows());
    let difference = differing_row(&recorded, &again);
    let iteration = |row: usize| recorded.trace.column("iteration").map(|c| c.values[row] as u64);
    let comparison = Comparison {
        identity,
        rows,
        equal: difference.is_none(),
        first_difference: difference.and_then(iteration),
        same_code: recorded.header.code == again.header.code,
    };
    context.print(&comparison, || match (difference, comparison.same_code) {
        (None, _) => format!("{rows} rows, the same digest at each"),
        (Some(row), true) => format!(
            "the digests differ from iteration {} on, with the same code",
            iteration(row).unwrap_or_default()
        ),
        (Some(row), false) => format!(
            "the digests differ from iteration {} on; the code has changed since",
            iteration(row).unwrap_or_default()
        ),
    })?;
    if difference.is_some() && comparison.same_code {
        bail!("the run is not reproducible");
    }
    Ok(())
}

/// The first row whose digests differ, rows that a time budget ended on left out. Probes have no
/// digests: their columns are compared, but for those in seconds.
fn differing_row(
    a: &converge_bench::record::Record,
    b: &converge_bench::record::Record,
) -> Option<usize> {
    let rows = a.trace.rows().min(b.trace.rows());
    if !a.trace.digests.is_empty() {
        return (0..rows).find(|&row| a.trace.digests[row] != b.trace.digests[row]);
    }
    let reproducible = |name: &str| !name.ends_with("seconds") && !name.ends_with("-ratio");
    a.trace
        .columns
        .iter()
        .zip(&b.trace.columns)
        .filter(|(column, _)| column.metric.unit != "s" && reproducible(&column.metric.name))
        .filter_map(|(x, y)| (0..rows).find(|&r| x.values[r].to_bits() != y.values[r].to_bits()))
        .min()
}

fn find(store: &Store, start: &str) -> Result<Identity> {
    let survey = store.survey();
    let start = start.to_ascii_lowercase();
    let matching: Vec<&Identity> =
        survey.attempts.keys().filter(|identity| identity.0.starts_with(&start)).collect();
    match matching[..] {
        [identity] => Ok(identity.clone()),
        [] => bail!(Usage::Said(format!(
            "no run begins with {start}; `converge status --json` lists them"
        ))),
        _ => bail!(Usage::Said(format!(
            "{} runs begin with {start}; give more digits",
            matching.len()
        ))),
    }
}
