//! The mini-batches of a path.

use converge_problems::{Batch, Problem, Seed, SetupError, require};
use rand::RngExt;

/// Draws the mini-batches of a path, with replacement, so that steps are independent: a pure function of
/// (seed, path, number of the batch).
#[derive(Clone)]
pub(super) struct Draw {
    seed: Seed,
    /// Terms there are; `None`: a population, whose problem draws itself.
    count: Option<usize>,
    terms: Vec<u32>,
}

impl Draw {
    /// Batches of `size` terms; [`of`](Draw::of) makes them those of a path.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] for an empty batch or data without terms.
    pub(super) fn new<P: Problem>(
        problem: &P,
        size: usize,
        seed: Seed,
    ) -> Result<Self, SetupError> {
        require("batch", size, size >= 1, "at least 1")?;
        let count = problem.terms();
        require("terms", count.unwrap_or(1), count != Some(0), "at least 1 data term")?;
        Ok(Self { seed: seed.child("draw"), count, terms: (0..size as u32).collect() })
    }

    /// The draws of path `path`.
    pub(super) fn of(&self, path: usize) -> Self {
        Self { seed: self.seed.index(path as u64), ..self.clone() }
    }

    /// Batch number `index`.
    pub(super) fn batch(&mut self, index: u64) -> Batch<'_> {
        let draw = self.seed.index(index);
        if let Some(count) = self.count {
            let mut rng = draw.child("terms").rng();
            self.terms.fill_with(|| rng.random_range(0..count as u32));
        }
        Batch { terms: &self.terms, draw }
    }
}
