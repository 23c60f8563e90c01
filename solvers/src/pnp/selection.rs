//! Which blocks a step looks at.

use converge_problems::{Seed, SetupError, require};
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// A rule for the `p` distinct blocks of step `k` out of `b` (section 2.2). With `p = b` every rule takes
/// all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Uniform and independent of other steps; the rule of the analysis.
    #[default]
    Iid,
    /// A random permutation consumed `p` at a time, then another. What is left of one when `p` does not
    /// divide `b` is dropped; these blocks have their turn in another.
    Epoch,
    /// `k p, …, k p + p - 1` modulo `b`.
    Cyclic,
    /// `⌊j b/p⌋ + k` modulo `b`: evenly spaced, all advanced by one at every step.
    Comb,
    /// `⌊j b/p⌋`: evenly spaced and never another; a method on part of the measurements.
    Fixed,
}

/// The blocks of one step after the other.
#[derive(Clone)]
pub(super) struct Draws {
    rule: Selection,
    /// `b`.
    blocks: usize,
    /// The blocks of the last step, ascending, so that their order changes no sum.
    batch: Vec<u32>,
    /// A permutation of all blocks, where the rule is random.
    order: Vec<u32>,
    /// How many of them this epoch has used.
    used: usize,
    step: u64,
    rng: Pcg64,
}

impl Draws {
    /// Batches of `batch` blocks out of `terms`, all of them without a number.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] for a population, or a batch of no block or of more than there are.
    pub(super) fn new(
        terms: Option<usize>,
        (field, batch): (&'static str, Option<usize>),
        rule: Selection,
        seed: Seed,
    ) -> Result<Self, SetupError> {
        let found = terms.map_or_else(|| "a population".to_owned(), |b| b.to_string());
        let blocks = terms.unwrap_or(0);
        require("blocks", found, blocks >= 1, "at least 1 block of measurements")?;
        let size = batch.unwrap_or(blocks);
        let admissible = "at least 1 and at most the number of blocks";
        require(field, size, (1..=blocks).contains(&size), admissible)?;
        let random = size < blocks && matches!(rule, Selection::Iid | Selection::Epoch);
        Ok(Self {
            rule,
            blocks,
            batch: (0..size as u32).collect(),
            order: (0..if random { blocks as u32 } else { 0 }).collect(),
            used: blocks,
            step: 0,
            rng: seed.child("selection").rng(),
        })
    }

    /// Number of blocks of a step, `p`.
    pub(super) fn size(&self) -> usize {
        self.batch.len()
    }

    /// The blocks of the last step.
    pub(super) fn last(&self) -> &[u32] {
        &self.batch
    }

    /// Chooses the blocks of the next step, distinct and ascending.
    pub(super) fn advance(&mut self) {
        let (size, blocks) = (self.batch.len(), self.blocks);
        if size == blocks {
            return;
        }
        let at = self.step as usize % blocks;
        match self.rule {
            Selection::Iid => {
                shuffle(&mut self.order, size, &mut self.rng);
                self.batch.copy_from_slice(&self.order[..size]);
            }
            Selection::Epoch => {
                if self.used + size > blocks {
                    shuffle(&mut self.order, blocks, &mut self.rng);
                    self.used = 0;
                }
                self.batch.copy_from_slice(&self.order[self.used..][..size]);
                self.used += size;
            }
            Selection::Cyclic => self.place(|j| at * size + j),
            Selection::Comb => self.place(|j| j * blocks / size + at),
            Selection::Fixed => self.place(|j| j * blocks / size),
        }
        self.batch.sort_unstable();
        self.step += 1;
    }

    fn place(&mut self, of: impl Fn(usize) -> usize) {
        for (j, block) in self.batch.iter_mut().enumerate() {
            *block = (of(j) % self.blocks) as u32;
        }
    }
}

/// Puts a uniform choice of `count` entries, in uniform order, to the front.
fn shuffle(order: &mut [u32], count: usize, rng: &mut Pcg64) {
    for i in 0..count {
        let j = rng.random_range(i..order.len());
        order.swap(i, j);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Selection; 5] =
        [Selection::Iid, Selection::Epoch, Selection::Cyclic, Selection::Comb, Selection::Fixed];

    fn draws(blocks: usize, batch: usize, rule: Selection) -> Draws {
        Draws::new(Some(blocks), ("batch", Some(batch)), rule, Seed::root(5)).unwrap()
    }

    fn batches(blocks: usize, batch: usize, rule: Selection, steps: usize) -> Vec<Vec<u32>> {
        let mut draws = draws(blocks, batch, rule);
        let one = |_| {
            draws.advance();
            draws.last().to_vec()
        };
        (0..steps).map(one).collect()
    }

    #[test]
    fn blocks_are_distinct_ascending_and_in_range() {
        for rule in RULES {
            for (b, p) in [(1, 1), (7, 1), (7, 3), (12, 5), (12, 12), (60, 6)] {
                for batch in batches(b, p, rule, 50) {
                    assert!(batch.is_sorted_by(|a, b| a < b), "{rule:?}: {batch:?}");
                    assert!(batch.len() == p && batch[p - 1] < b as u32, "{rule:?}: {batch:?}");
                }
            }
        }
    }

    #[test]
    fn every_block_has_its_turn_once_a_cycle() {
        let times = |batches: &[Vec<u32>]| {
            let mut times = vec![0; 12];
            batches.iter().flatten().for_each(|&block| times[block as usize] += 1);
            times
        };
        for rule in [Selection::Epoch, Selection::Cyclic] {
            for epoch in batches(12, 4, rule, 30).chunks_exact(3) {
                assert_eq!(times(epoch), [1; 12], "{rule:?}");
            }
        }
        // All teeth of the comb pass over all blocks once in 12 steps.
        assert_eq!(times(&batches(12, 4, Selection::Comb, 12)), [4; 12]);
        // A cycle of 5 blocks a step closes after 12 steps.
        assert_eq!(times(&batches(12, 5, Selection::Cyclic, 12)), [5; 12]);
        // A permutation of which 2 are dropped.
        let epoch = times(&batches(12, 5, Selection::Epoch, 2));
        assert!(epoch.iter().all(|&times| times <= 1) && epoch.iter().sum::<u32>() == 10);
    }

    #[test]
    fn combs_advance_and_fixed_blocks_stay() {
        let comb = batches(7, 3, Selection::Comb, 4);
        assert_eq!(comb, [[0, 2, 4], [1, 3, 5], [2, 4, 6], [0, 3, 5]]);
        assert_eq!(batches(7, 3, Selection::Fixed, 2), [[0, 2, 4], [0, 2, 4]]);
        assert_eq!(batches(7, 3, Selection::Cyclic, 3), [[0, 1, 2], [3, 4, 5], [0, 1, 6]]);
    }

    /// C30: every block, and every pair, as often as it should be, within 4.5 standard errors: false alarms
    /// in 0.1 % of seeds over all 156 comparisons.
    #[test]
    fn random_rules_take_every_block_and_every_pair_equally_often() {
        let (b, p, steps) = (12, 5, 20_000);
        for rule in [Selection::Iid, Selection::Epoch] {
            let batches = batches(b, p, rule, steps);
            let check = |share: f64, found: usize, what: &str| {
                let n = steps as f64;
                let error = (share * (1.0 - share) / n).sqrt();
                let gap = found as f64 / n - share;
                assert!(gap.abs() <= 4.5 * error, "{rule:?}, {what}: {gap} ± {error}");
            };
            let holds = |i: usize, batch: &Vec<u32>| batch.contains(&(i as u32));
            for i in 0..b {
                let found = batches.iter().filter(|batch| holds(i, batch)).count();
                check(p as f64 / b as f64, found, &format!("{i}"));
                for j in 0..i {
                    let found =
                        batches.iter().filter(|batch| holds(i, batch) && holds(j, batch)).count();
                    let share = (p * (p - 1)) as f64 / (b * (b - 1)) as f64;
                    check(share, found, &format!("{i} and {j}"));
                }
            }
        }
    }

    #[test]
    fn impossible_batches_are_refused() {
        let refuse = |terms, batch| {
            let error = Draws::new(terms, ("batch", batch), Selection::Iid, Seed::root(0)).err();
            error.map(|error| error.to_string()).unwrap_or_default()
        };
        let words = "is not admissible: at least 1 and at most the number of blocks";
        assert_eq!(refuse(Some(5), Some(0)), format!("batch = 0 {words}"));
        assert_eq!(refuse(Some(5), Some(6)), format!("batch = 6 {words}"));
        assert!(refuse(None, Some(1)).starts_with("blocks = a population"));
        assert_eq!(draws(5, 5, Selection::Iid).size(), 5);
    }
}
