//! The cells of a study, stage by stage.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::resolve::Plan;
use super::section::{Case, Point};
use super::tune::{Trial, Tune, median, problem_with_trial, trial_of, with_trial};
use super::{Choices, Instance, Key, Label, Planned, Study};
use crate::cell::{Cell, Identity, Sampling, Section, Stage, StopRule, Task, Unit};
use crate::record::Record;

/// One run of the tuning stage.
struct Attempt {
    key: Key,
    trial: usize,
    values: Trial,
    planned: Planned,
}

/// The trials of one tuned curve by number: their values, and what each repetition cost.
type Costs = BTreeMap<usize, (Trial, Vec<f64>)>;

pub(super) fn cells(
    study: &Study,
    stage: Stage,
    seeds: Range<u64>,
    choices: &Choices,
) -> Vec<Planned> {
    let mut planned = match stage {
        Stage::Reference => references(study, &seeds),
        Stage::Tune => attempts(study, &seeds).into_iter().map(|attempt| attempt.planned).collect(),
        Stage::Main => main(study, &seeds, choices),
    };
    gather(&mut planned);
    planned
}

/// Brings cells of one instance together, in order of first appearance, and gives labels of one
/// cell the same `timed`.
fn gather(planned: &mut Vec<Planned>) {
    let mut order = BTreeMap::new();
    let mut timed: BTreeMap<Identity, bool> = BTreeMap::new();
    let mut keyed: Vec<(usize, Identity, Planned)> = Vec::with_capacity(planned.len());
    for one in planned.drain(..) {
        let identity = one.cell.identity();
        *timed.entry(identity.clone()).or_default() |= one.timed;
        let instance = one.cell.instance_key();
        let next = order.len();
        keyed.push((*order.entry(instance).or_insert(next), identity, one));
    }
    keyed.sort_by_key(|(place, ..)| *place);
    planned.extend(keyed.into_iter().map(|(_, identity, mut one)| {
        one.timed = timed[&identity];
        one
    }));
}

fn main(study: &Study, seeds: &Range<u64>, choices: &Choices) -> Vec<Planned> {
    let mut planned = Vec::new();
    for plan in &study.plans {
        for (problem, at) in each(&plan.problems) {
            for seed in seeds.clone() {
                let reference =
                    reference(study, plan, problem, at, seed).map(|cell| cell.identity());
                for (solver, point) in each(&plan.solvers).filter(|(s, _)| s.meets(&problem.name)) {
                    let label = label(plan, problem, at, &solver.name, point, seed);
                    let chosen = match &plan.tune {
                        Some(tune) if tune.tunes(&solver.name) => {
                            // Its tuning is not finished.
                            let Some(chosen) = chosen(tune, &label, solver, study.root, choices)
                            else {
                                continue;
                            };
                            chosen
                        }
                        _ => Trial::new(),
                    };
                    let (at, point) = (problem_with_trial(at, &chosen), with_trial(point, &chosen));
                    let cell = Cell {
                        reference: reference.clone(),
                        ..run(study, plan, Stage::Main, seed, (problem, &at), (solver, &point))
                    };
                    planned.push(study.place(plan, label, cell));
                }
            }
        }
        for (probe, point) in each(&plan.probes) {
            for seed in seeds.clone() {
                planned.push(probe_cell(study, plan, probe, point, seed));
            }
        }
    }
    planned
}

fn references(study: &Study, seeds: &Range<u64>) -> Vec<Planned> {
    let mut planned = Vec::new();
    for plan in &study.plans {
        let Some(reference) = &plan.reference else { continue };
        let tuned: Vec<u64> = plan
            .tune
            .iter()
            .flat_map(|tune| tune.draws(seeds).flat_map(|draw| tune.repetitions(draw)))
            .collect();
        for (problem, at) in each(&plan.problems) {
            for number in seeds.clone().chain(tuned.iter().copied()) {
                let Some(cell) = self::reference(study, plan, problem, at, number) else {
                    continue;
                };
                let solver = &reference.solver.name;
                let label = label(plan, problem, at, solver, &reference.point, number);
                planned.push(study.place(plan, label, cell));
            }
        }
    }
    planned
}

/// The run that finds the reference point of an instance, if the study wants one.
fn reference(study: &Study, plan: &Plan, problem: &Case, at: &Point, seed: u64) -> Option<Cell> {
    let reference = plan.reference.as_ref().filter(|reference| reference.meets(&problem.name))?;
    let solver = (&reference.solver, &reference.point);
    Some(Cell {
        sampling: reference.sampling.clone(),
        stop: reference.stop.clone(),
        outputs: vec!["iterate".into()],
        metrics: Vec::new(),
        ..run(study, plan, Stage::Reference, seed, (problem, at), solver)
    })
}

fn attempts(study: &Study, seeds: &Range<u64>) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for plan in &study.plans {
        let Some(tune) = &plan.tune else { continue };
        for (problem, at) in each(&plan.problems) {
            for draw in tune.draws(seeds) {
                for seed in tune.repetitions(draw) {
                    attempts.extend(trials(study, plan, tune, draw, seed, (problem, at)));
                }
            }
        }
    }
    attempts
}

/// The runs of a repetition of a tuning.
fn trials(
    study: &Study,
    plan: &Plan,
    tune: &Tune,
    draw: u64,
    seed: u64,
    (problem, at): (&Case, &Point),
) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let reference = reference(study, plan, problem, at, seed).map(|cell| cell.identity());
    for (solver, point) in each(&plan.solvers).filter(|(s, _)| s.meets(&problem.name)) {
        let trials = tune.of(&solver.name, study.root, draw);
        for (trial, values) in trials.into_iter().enumerate() {
            let mut label = label(plan, problem, at, &solver.name, point, seed);
            let key = key(&label, draw);
            label.sweep.extend(
                values
                    .iter()
                    .map(|(path, value)| (format!("solver.{}.{path}", solver.name), value.json())),
            );
            let (at, point) = (problem_with_trial(at, &values), with_trial(point, &values));
            let mut cell = run(study, plan, Stage::Tune, seed, (problem, &at), (solver, &point));
            cell.reference.clone_from(&reference);
            cell.outputs.clear();
            if let Some(stop) = &tune.stop {
                cell.stop.clone_from(stop);
            }
            cell.metrics = tune.reads(&cell.stop);
            let planned = study.place(plan, label, cell);
            attempts.push(Attempt { key, trial, values, planned });
        }
    }
    attempts
}

/// What [`Study::choose`] answers.
pub(super) fn choose(study: &Study, tuned: &[(Planned, Option<Record>)]) -> Option<Choices> {
    let records: BTreeMap<Identity, &Record> = tuned
        .iter()
        .filter_map(|(_, record)| record.as_ref().map(|record| (record.identity.clone(), record)))
        .collect();
    let mut costs: BTreeMap<Key, Costs> = BTreeMap::new();
    let mut measured: BTreeMap<Key, bool> = BTreeMap::new();
    let mut unfinished = BTreeSet::new();
    for attempt in attempts(study, &(0..study.seeds.end)) {
        let plan = study.plans.iter().find(|plan| plan.variant == attempt.key.variant)?;
        let tune = plan.tune.as_ref()?;
        let Some(record) = records.get(&attempt.planned.cell.identity()) else {
            if !tune.per_repetition {
                return None;
            }
            unfinished.insert(attempt.key);
            continue;
        };
        let cost = tune.cost(record);
        *measured.entry(attempt.key.clone()).or_default() |= cost.is_some();
        let trials = costs.entry(attempt.key).or_default();
        let (_, costs) = trials.entry(attempt.trial).or_insert((attempt.values, Vec::new()));
        costs.push(cost.unwrap_or(f64::INFINITY));
    }
    costs.retain(|key, _| !unfinished.contains(key));
    let nothing_yet = costs.is_empty() && !unfinished.is_empty();
    if nothing_yet || costs.keys().any(|key| !measured[key]) {
        return None;
    }
    let choice = |(key, trials): (_, Costs)| {
        let best = trials
            .into_values()
            .map(|(values, costs)| (median(costs), values))
            .reduce(|best, next| if next.0 < best.0 { next } else { best });
        let values = best.map_or_else(Vec::new, |(_, values)| values);
        (key, values.into_iter().map(|(path, value)| (path, value.json())).collect())
    };
    Some(costs.into_iter().map(choice).collect())
}

/// The parameters of a tuned solver: the chosen ones; before the choice those of the first trial, and
/// none where the tuning of this repetition alone is not finished.
fn chosen(
    tune: &Tune,
    label: &Label,
    solver: &Case,
    root: u64,
    choices: &Choices,
) -> Option<Trial> {
    let draw = tune.draw(label.seed);
    match choices.get(&key(label, draw)) {
        Some(choice) => Some(trial_of(choice)),
        None if choices.is_empty() || !tune.per_repetition => {
            tune.of(&solver.name, root, draw).into_iter().next()
        }
        None => None,
    }
}

/// What tuning chooses for: a curve on a problem, in a variant.
fn key(label: &Label, draw: u64) -> Key {
    let curve = format!("{}/{}", label.problem, label.curve());
    Key { variant: label.variant.clone(), curve, draw }
}

fn each(cases: &[Case]) -> impl Iterator<Item = (&Case, &Point)> {
    cases.iter().flat_map(|case| case.points.iter().map(move |point| (case, point)))
}

fn section(case: &Case, point: &Point) -> Section {
    Section { kind: case.kind.clone(), config: point.config.clone() }
}

fn label(plan: &Plan, problem: &Case, at: &Point, solver: &str, point: &Point, seed: u64) -> Label {
    let mut sweep = at.sweep.clone();
    sweep.extend(point.sweep.clone());
    Label {
        variant: plan.variant.clone(),
        problem: problem.name.clone(),
        solver: solver.to_owned(),
        sweep,
        seed: seed % Cell::FIRST_TUNE_SEED,
    }
}

/// A run as the main stage wants it, without a reference.
fn run(
    study: &Study,
    plan: &Plan,
    stage: Stage,
    seed: u64,
    problem: (&Case, &Point),
    solver: (&Case, &Point),
) -> Cell {
    let task =
        Task::Run { problem: section(problem.0, problem.1), solver: section(solver.0, solver.1) };
    Cell {
        schema: Cell::SCHEMA,
        task,
        root: study.root,
        seed,
        stage,
        sampling: plan.sampling.clone(),
        stop: plan.stop.clone(),
        reference: None,
        outputs: plan.outputs.clone(),
        metrics: Vec::new(),
    }
}

fn probe_cell(study: &Study, plan: &Plan, probe: &Case, point: &Point, seed: u64) -> Planned {
    let label = Label {
        variant: plan.variant.clone(),
        problem: probe.name.clone(),
        solver: probe.name.clone(),
        sweep: point.sweep.clone(),
        seed,
    };
    let cell = Cell {
        schema: Cell::SCHEMA,
        task: Task::Probe { probe: section(probe, point) },
        root: study.root,
        seed,
        stage: Stage::Main,
        sampling: Sampling::List { points: Vec::new(), unit: Unit::Iterations },
        stop: Vec::new(),
        reference: None,
        outputs: Vec::new(),
        metrics: Vec::new(),
    };
    let mut planned = study.place(plan, label, cell);
    planned.timed |= probe.timed;
    planned
}

impl Study {
    /// Puts a cell in its place. It is timed where a stop rule counts seconds, and in the main
    /// stage where a claim or plot looks at its seconds.
    fn place(&self, plan: &Plan, label: Label, cell: Cell) -> Planned {
        let curve = label.curve();
        let looked_at =
            || self.scopes.iter().any(|scope| scope.times(&label.problem, &label.solver, &curve));
        let timed = cell.stop.iter().any(|rule| matches!(rule, StopRule::Seconds(_)))
            || (cell.stage == Stage::Main && looked_at());
        Planned { label, cell, timed, limits: plan.limits }
    }
}

pub(super) fn instances(study: &Study) -> Vec<Instance> {
    let mut instances: Vec<Instance> = Vec::new();
    for plan in &study.plans {
        for (problem, at) in each(&plan.problems) {
            let instance = Instance {
                problem: problem.name.clone(),
                sweep: at.sweep.clone(),
                section: section(problem, at),
            };
            if !instances.contains(&instance) {
                instances.push(instance);
            }
        }
    }
    instances
}
