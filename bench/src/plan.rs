//! What a study would run, and what that would cost.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use crate::cell::{Cell, Identity, Stage, Task};
use crate::conduct::choices;
use crate::environment::code_digest;
use crate::ledger::{Counting, Ledger, Standing};
use crate::store::{Store, StoreError, Summary, Survey};
use crate::study::{Choices, Study};

/// Name of the header's fact that holds the seconds a cell took in its worker, all included.
pub const CELL_SECONDS: &str = "cell-seconds";

/// What one stage would run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StagePlan {
    /// The stage.
    pub stage: Stage,
    /// Cells in all; cells that several places of the study share count once.
    pub cells: usize,
    /// Cells with a result that counts.
    pub done: usize,
    /// Cells to run that never had a result, or only one whose seconds do not count.
    pub missing: usize,
    /// Cells to run whose result is of other code.
    pub stale: usize,
    /// Cells to run once more after a failure.
    pub retry: usize,
    /// Cells that failed and run only when asked for.
    pub failed: usize,
    /// Estimate for the cells to run.
    pub estimate: Estimate,
}

/// Cost of the cells to run, from runs of the same problem and solver in the store.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Estimate {
    /// Wall-clock seconds: timed cells one after the other, the others side by side.
    pub seconds: f64,
    /// Bytes on disk.
    pub bytes: f64,
    /// Cells to run that nothing in the store is like; they are not in the sums.
    pub unknown: usize,
}

/// What a study would run.
#[derive(Debug)]
pub struct Plan {
    /// The stages that have cells, in their order.
    pub stages: Vec<StagePlan>,
    /// Files of the store that were skipped.
    pub problems: Vec<StoreError>,
}

impl Plan {
    /// Cells to run.
    pub fn to_run(&self) -> usize {
        self.stages.iter().map(|stage| stage.missing + stage.stale + stage.retry).sum()
    }

    /// The cost of all stages.
    pub fn estimate(&self) -> Estimate {
        self.stages.iter().fold(Estimate::default(), |sum, stage| Estimate {
            seconds: sum.seconds + stage.estimate.seconds,
            bytes: sum.bytes + stage.estimate.bytes,
            unknown: sum.unknown + stage.estimate.unknown,
        })
    }
}

/// Plans the repetitions `start..end` of `study` on `jobs` workers.
pub fn plan(
    study: &Study,
    store: &Store,
    Range { start, end }: Range<u64>,
    counting: Counting,
    jobs: usize,
) -> Plan {
    let survey = store.survey();
    let ledger = Ledger::new(&survey);
    let costs = Costs::new(&survey);
    let code = (!counting.keep_older).then(code_digest);
    let (choices, _) = choices(study, store, code);
    let choices = choices.unwrap_or_default();
    let stages = [Stage::Reference, Stage::Tune, Stage::Main]
        .into_iter()
        .filter_map(|stage| {
            let choices = if stage == Stage::Main { &choices } else { &Choices::new() };
            let planned = study.cells(stage, start..end, choices);
            let mut row = StagePlan {
                stage,
                cells: 0,
                done: 0,
                missing: 0,
                stale: 0,
                retry: 0,
                failed: 0,
                estimate: Estimate::default(),
            };
            let mut seen = BTreeSet::new();
            for planned in planned {
                if !seen.insert(planned.cell.identity()) {
                    continue;
                }
                row.cells += 1;
                let standing = ledger.standing(&planned, counting);
                match standing {
                    Standing::Done => row.done += 1,
                    Standing::Missing | Standing::Untimed => row.missing += 1,
                    Standing::Stale => row.stale += 1,
                    Standing::Retry(_) => row.retry += 1,
                    Standing::Failed(_) => row.failed += 1,
                }
                if standing.runs() {
                    let side_by_side = if planned.timed { 1 } else { jobs.max(1) };
                    match costs.of(&planned.cell) {
                        Some((seconds, bytes)) => {
                            row.estimate.seconds += seconds / side_by_side as f64;
                            row.estimate.bytes += bytes;
                        }
                        None => row.estimate.unknown += 1,
                    }
                }
            }
            (row.cells > 0).then_some(row)
        })
        .collect();
    Plan { stages, problems: survey.problems }
}

/// Mean seconds and bytes of stored runs: of the very cell, else of its kinds.
struct Costs {
    own: BTreeMap<Identity, Mean>,
    kinds: BTreeMap<(String, String), Mean>,
}

#[derive(Clone, Copy, Default)]
struct Mean {
    seconds: f64,
    bytes: f64,
    count: usize,
}

impl Costs {
    fn new(survey: &Survey) -> Self {
        let mut runs_in: BTreeMap<&PathBuf, usize> = BTreeMap::new();
        for summary in survey.attempts.values().flatten() {
            *runs_in.entry(&summary.file).or_default() += 1;
        }
        let size = |summary: &Summary| {
            let bytes = std::fs::metadata(&summary.file).map_or(0, |file| file.len());
            bytes as f64 / runs_in[&summary.file] as f64
        };
        let mut costs = Self { own: BTreeMap::new(), kinds: BTreeMap::new() };
        for (identity, attempts) in &survey.attempts {
            for summary in attempts.iter().filter(|s| s.header.status.is_result()) {
                let fact = summary.header.facts.get(CELL_SECONDS);
                let Some(seconds) = fact.and_then(|fact| fact.parse().ok()) else { continue };
                let bytes = size(summary);
                costs.own.entry(identity.clone()).or_default().add(seconds, bytes);
                costs.kinds.entry(kinds(&summary.cell)).or_default().add(seconds, bytes);
            }
        }
        costs
    }

    fn of(&self, cell: &Cell) -> Option<(f64, f64)> {
        let mean = self.own.get(&cell.identity()).or_else(|| self.kinds.get(&kinds(cell)))?;
        Some((mean.seconds / mean.count as f64, mean.bytes / mean.count as f64))
    }
}

impl Mean {
    fn add(&mut self, seconds: f64, bytes: f64) {
        self.seconds += seconds;
        self.bytes += bytes;
        self.count += 1;
    }
}

fn kinds(cell: &Cell) -> (String, String) {
    match &cell.task {
        Task::Run { problem, solver } => (problem.kind.clone(), solver.kind.clone()),
        Task::Probe { probe } => (String::new(), probe.kind.clone()),
    }
}
