//! `converge status`: what is done, failed, stale, missing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use converge_bench::cell::{Identity, Stage};
use converge_bench::conduct;
use converge_bench::environment::code_digest;
use converge_bench::ledger::{Counting, Ledger, Standing};
use converge_bench::store::Survey;
use converge_bench::study::{Choices, Planned, Study};
use serde::Serialize;

use crate::args::SelectArgs;
use crate::context::Context;
use crate::output::table;

/// Where the cells of one study stand.
#[derive(Debug, Default, Serialize)]
struct Counts {
    study: String,
    done: usize,
    missing: usize,
    stale: usize,
    failed: usize,
}

/// One run that counts.
#[derive(Debug, Serialize)]
struct RunLine {
    identity: Identity,
    status: String,
    rows: u64,
    digest: Option<String>,
}

pub(crate) fn status(context: &Context, select: &SelectArgs) -> Result<()> {
    let studies = context.studies(select)?;
    let store = context.store()?;
    let survey = store.survey();
    Context::warn(&survey.problems);
    let ledger = Ledger::new(&survey);
    let mut counts = Vec::new();
    let mut failures = Vec::new();
    for (study, _) in &studies {
        let (choices, _) = conduct::choices(study, &store, Some(code_digest()));
        let (line, failed) = count(study, &ledger, choices.as_ref());
        counts.push(line);
        failures.extend(failed);
    }
    let results: BTreeSet<Identity> = results(&survey);
    let loaded = store.load(&results, Some(code_digest()));
    let runs: Vec<RunLine> = loaded
        .records
        .iter()
        .map(|(identity, record)| RunLine {
            identity: identity.clone(),
            status: record.header.status.word().to_owned(),
            rows: record.trace.rows() as u64,
            digest: record.trace.digests.last().map(|digest| format!("{digest:016x}")),
        })
        .collect();
    let problems: Vec<String> = survey.problems.iter().map(ToString::to_string).collect();
    let json = serde_json::json!({ "studies": counts, "runs": runs, "problems": problems });
    context.print(&json, || {
        let rows: Vec<Vec<String>> = counts
            .iter()
            .map(|line| {
                let numbers = [line.done, line.missing, line.stale, line.failed];
                std::iter::once(line.study.clone()).chain(numbers.map(|n| n.to_string())).collect()
            })
            .collect();
        let head = ["study", "done", "missing", "stale", "failed"];
        let mut text = table(&head, &rows, context.terminal.width);
        for failure in failures {
            text += &format!("\nfailed: {failure}");
        }
        text
    })
}

/// Identities with a result of this code.
fn results(survey: &Survey) -> BTreeSet<Identity> {
    survey
        .attempts
        .iter()
        .filter(|(_, attempts)| {
            attempts.iter().any(|attempt| {
                attempt.header.status.is_result() && attempt.header.code == code_digest()
            })
        })
        .map(|(identity, _)| identity.clone())
        .collect()
}

fn count(study: &Study, ledger: &Ledger, choices: Option<&Choices>) -> (Counts, Vec<String>) {
    let counting = |planned: &Planned| Counting {
        // Any number of threads will do here: `run` knows which are wanted.
        threads: ledger.attempts(&planned.cell.identity()).last().map_or(1, |h| h.threads),
        retry: false,
        keep_older: false,
    };
    let seeds = 0..study.seeds.start;
    let none = Choices::new();
    let mut cells: BTreeMap<Identity, Planned> = BTreeMap::new();
    for stage in [Stage::Reference, Stage::Tune, Stage::Main] {
        for planned in study.cells(stage, seeds.clone(), choices.unwrap_or(&none)) {
            cells.insert(planned.cell.identity(), planned);
        }
    }
    let mut line = Counts { study: format!("{}/{}", study.paper, study.name), ..Counts::default() };
    let mut failed = Vec::new();
    for (identity, planned) in cells {
        match ledger.standing(&planned, counting(&planned)) {
            Standing::Done => line.done += 1,
            Standing::Missing => line.missing += 1,
            Standing::Stale | Standing::Untimed => line.stale += 1,
            Standing::Retry(status) | Standing::Failed(status) => {
                line.failed += 1;
                let label = &planned.label;
                failed.push(format!(
                    "{identity} {}/{} seed {}: {}",
                    label.curve(),
                    label.problem,
                    label.seed,
                    status.word()
                ));
            }
        }
    }
    (line, failed)
}
