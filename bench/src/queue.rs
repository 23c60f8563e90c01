//! Cells in the order they run: by instance, so that a worker builds each instance once, and by
//! problem, since instances of one problem and repetition may share what is costly to make.

use std::collections::{BTreeMap, VecDeque};

use crate::study::Planned;

/// Cells grouped by instance. A worker stays with its group, then takes a fresh one of the same
/// problem and repetition, then one of those that no other worker is at, then any, and helps with the
/// longest group when none is fresh.
pub(crate) struct Queue {
    groups: Vec<Group>,
    /// Where each worker was last.
    places: BTreeMap<usize, Place>,
}

/// Number of the repetition and name of the problem.
type Place = (u64, String);

struct Group {
    cells: VecDeque<Planned>,
    place: Place,
    worker: Option<usize>,
}

impl Queue {
    pub(crate) fn new(cells: Vec<Planned>) -> Self {
        let mut groups: BTreeMap<(u64, String), Group> = BTreeMap::new();
        for planned in cells {
            // By repetition first: a sweep that ends early has whole repetitions.
            let key = (planned.cell.seed, planned.cell.instance_key());
            let group = groups.entry(key).or_insert_with(|| Group {
                cells: VecDeque::new(),
                place: (planned.cell.seed, planned.label.problem.clone()),
                worker: None,
            });
            group.cells.push_back(planned);
        }
        Self { groups: groups.into_values().collect(), places: BTreeMap::new() }
    }

    /// The next cell of worker number `worker`.
    pub(crate) fn next(&mut self, worker: usize) -> Option<Planned> {
        self.groups.retain(|group| !group.cells.is_empty());
        let Self { groups, places } = self;
        let own = groups.iter().position(|group| group.worker == Some(worker));
        let fresh = |fits: &dyn Fn(&Place) -> bool| {
            groups.iter().position(|group| group.worker.is_none() && fits(&group.place))
        };
        let near = || fresh(&|place| places.get(&worker) == Some(place));
        let apart = || fresh(&|place| !places.values().any(|taken| taken == place));
        let any = || fresh(&|_| true);
        let longest = || (0..groups.len()).max_by_key(|&i| groups[i].cells.len());
        let index = own.or_else(near).or_else(apart).or_else(any).or_else(longest)?;
        let group = &mut groups[index];
        group.worker.get_or_insert(worker);
        places.insert(worker, group.place.clone());
        group.cells.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::cell::{Cell, Sampling, Section, Stage, Task, Unit};
    use crate::study::{Label, Limits};

    /// Two cells for each of three ridges, on two problems, in two repetitions.
    fn cells() -> Vec<Planned> {
        let mut cells = Vec::new();
        for seed in 0..2 {
            for problem in ["letters", "digits"] {
                for (ridge, solver) in [1, 2, 3].into_iter().flat_map(|r| [(r, "a"), (r, "b")]) {
                    let config = json!({ "of": problem, "ridge": ridge });
                    let section = |kind: &str, config: serde_json::Value| Section {
                        kind: kind.into(),
                        config: config.as_object().cloned().unwrap_or_else(Map::new),
                    };
                    cells.push(Planned {
                        label: Label {
                            variant: "corrected".into(),
                            problem: problem.into(),
                            solver: solver.into(),
                            sweep: BTreeMap::new(),
                            seed,
                        },
                        cell: Cell {
                            schema: Cell::SCHEMA,
                            task: Task::Run {
                                problem: section("mlr", config),
                                solver: section(solver, json!({})),
                            },
                            root: 0,
                            seed,
                            stage: Stage::Main,
                            sampling: Sampling::List { points: vec![], unit: Unit::default() },
                            stop: Vec::new(),
                            reference: None,
                            outputs: Vec::new(),
                            metrics: Vec::new(),
                        },
                        timed: false,
                        limits: Limits { seconds: 1.0, memory: None },
                    });
                }
            }
        }
        cells
    }

    #[test]
    fn a_worker_stays_with_its_instance_and_then_with_its_problem() {
        let mut queue = Queue::new(cells());
        let mut taken = [Vec::new(), Vec::new()];
        for turn in 0.. {
            let Some(planned) = queue.next(turn % 2) else { break };
            let place = format!("{} {}", planned.label.seed, planned.label.problem);
            taken[turn % 2].push((place, planned.cell.instance_key()));
        }
        for (taken, places) in
            taken.iter().zip([["0 digits", "1 digits"], ["0 letters", "1 letters"]])
        {
            assert_eq!(taken.len(), 12);
            let mut seen: Vec<&str> = taken.iter().map(|(place, _)| place.as_str()).collect();
            seen.dedup();
            assert_eq!(seen, places);
            let mut instances: Vec<&str> = taken.iter().map(|(_, key)| key.as_str()).collect();
            instances.dedup();
            assert_eq!(instances.len(), 6);
        }
    }

    #[test]
    fn workers_help_each_other_once_no_problem_is_left() {
        let mut queue = Queue::new(cells());
        let mut left = cells().len();
        // Only one of them asks in the first repetition; every cell runs once.
        for _ in 0..12 {
            left -= usize::from(queue.next(0).is_some());
        }
        for turn in 0..left {
            assert!(queue.next(turn % 3).is_some(), "turn {turn}");
        }
        assert!((0..3).all(|worker| queue.next(worker).is_none()));
    }
}
