//! Cells in the order they run: by instance, so that a worker builds each instance once.

use std::collections::{BTreeMap, VecDeque};

use crate::study::Planned;

/// Cells grouped by instance. A worker stays with its group, then takes a fresh one, then helps
/// with the longest that is left.
pub(crate) struct Queue {
    groups: Vec<Group>,
}

struct Group {
    cells: VecDeque<Planned>,
    worker: Option<usize>,
}

impl Queue {
    pub(crate) fn new(cells: Vec<Planned>) -> Self {
        let mut groups: BTreeMap<(u64, String), VecDeque<Planned>> = BTreeMap::new();
        for planned in cells {
            // By repetition first: a sweep that ends early has whole repetitions.
            let key = (planned.cell.seed, planned.cell.instance_key());
            groups.entry(key).or_default().push_back(planned);
        }
        let groups = groups.into_values().map(|cells| Group { cells, worker: None }).collect();
        Self { groups }
    }

    /// The next cell of worker number `worker`.
    pub(crate) fn next(&mut self, worker: usize) -> Option<Planned> {
        self.groups.retain(|group| !group.cells.is_empty());
        let own = self.groups.iter().position(|group| group.worker == Some(worker));
        let fresh = || self.groups.iter().position(|group| group.worker.is_none());
        let longest = || (0..self.groups.len()).max_by_key(|&i| self.groups[i].cells.len());
        let index = own.or_else(fresh).or_else(longest)?;
        let group = &mut self.groups[index];
        group.worker.get_or_insert(worker);
        group.cells.pop_front()
    }
}
