//! `converge forget`: removes runs by selector.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use converge_bench::cell::{Identity, Task};
use converge_bench::environment::code_digest;
use converge_bench::store::Summary;

use crate::args::ForgetArgs;
use crate::context::{Context, Usage};

/// One condition on a run.
enum Selector {
    Identity(String),
    Status(String),
    Problem(String),
    Solver(String),
    Probe(String),
    Stale,
}

impl Selector {
    fn parse(text: &str) -> Result<Self, Usage> {
        match text.split_once('=') {
            Some(("status", word)) => Ok(Self::Status(word.to_owned())),
            Some(("problem", kind)) => Ok(Self::Problem(kind.to_owned())),
            Some(("solver", kind)) => Ok(Self::Solver(kind.to_owned())),
            Some(("probe", kind)) => Ok(Self::Probe(kind.to_owned())),
            Some((name, _)) => Err(Usage::Said(format!(
                "no selector is named {name}: status, problem, solver, probe, stale or an identity"
            ))),
            None if text == "stale" => Ok(Self::Stale),
            None if text.len() >= 4 && text.chars().all(|c| c.is_ascii_hexdigit()) => {
                Ok(Self::Identity(text.to_ascii_lowercase()))
            }
            None => Err(Usage::Said(format!(
                "{text} is no selector: at least 4 hexadecimal digits of an identity, `stale`, or \
                 one of status=, problem=, solver=, probe="
            ))),
        }
    }

    fn holds(&self, identity: &Identity, run: &Summary) -> bool {
        match (self, &run.cell.task) {
            (Self::Identity(start), _) => identity.0.starts_with(start),
            (Self::Status(word), _) => run.header.status.word() == word,
            (Self::Stale, _) => run.header.code != code_digest(),
            (Self::Problem(kind), Task::Run { problem, .. }) => problem.kind == *kind,
            (Self::Solver(kind), Task::Run { solver, .. }) => solver.kind == *kind,
            (Self::Probe(kind), Task::Probe { probe }) => probe.kind == *kind,
            _ => false,
        }
    }
}

pub(crate) fn forget(context: &Context, args: &ForgetArgs) -> Result<()> {
    let selectors: Vec<Selector> =
        args.selectors.iter().map(|text| Selector::parse(text)).collect::<Result<_, _>>()?;
    let store = context.store()?;
    store.adopt()?;
    let survey = store.survey();
    Context::warn(&survey.problems);
    // A cell goes with all its attempts when its newest one is meant.
    let chosen: BTreeSet<Identity> = survey
        .attempts
        .iter()
        .filter(|(identity, attempts)| {
            attempts.last().is_some_and(|run| selectors.iter().all(|s| s.holds(identity, run)))
        })
        .map(|(identity, _)| identity.clone())
        .collect();
    if chosen.is_empty() {
        bail!(Usage::Said("no run is meant by this".to_owned()));
    }
    if args.dry_run {
        return context.print(&chosen, || format!("{} cells would go", chosen.len()));
    }
    let count = store.forget(&chosen)?;
    context.print(&count, || format!("{count} runs of {} cells are gone", chosen.len()))
}
