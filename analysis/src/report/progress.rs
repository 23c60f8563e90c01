//! How far the runs behind a verdict are.

use std::collections::BTreeMap;

use super::Input;
use crate::claim::{Answer, Claim};
use crate::verdict::Verdict;

/// How far the runs are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// Nothing ran.
    NotRun,
    /// Some of the seeds that the study asks for are still to come: no verdict yet.
    Partly {
        /// Seeds with all their cells.
        done: usize,
        /// Seeds asked for.
        of: usize,
    },
    /// The verdict stands.
    Done,
}

impl Progress {
    /// Of the cells that the claim of a verdict looks at.
    pub(super) fn of(input: &Input<'_>, verdict: &Verdict) -> Self {
        let Some(claim) = claim(input, verdict) else { return Self::Done };
        let mut seeds: BTreeMap<u64, bool> = BTreeMap::new();
        let mut any = false;
        for (planned, record) in input.runs {
            let label = &planned.label;
            if label.variant != verdict.variant || !claim.test.concerns(label) {
                continue;
            }
            any |= record.is_some();
            if label.seed < input.study.seeds.start {
                *seeds.entry(label.seed).or_insert(true) &= record.is_some();
            }
        }
        let done = seeds.values().filter(|done| **done).count();
        match (any, seeds.len()) {
            (_, 0) => Self::Done,
            (false, _) => Self::NotRun,
            (true, of) if done < of => Self::Partly { done, of },
            _ => Self::Done,
        }
    }

    /// The answer as far as it can be given.
    pub(super) fn answer(self, verdict: &Verdict) -> Answer {
        if self == Self::Done { verdict.answer } else { Answer::NoVerdict }
    }
}

/// The claim of a verdict as the study declares it now.
pub(super) fn claim(input: &Input<'_>, verdict: &Verdict) -> Option<Claim> {
    let item = input.study.claims.iter().find(|item| item.name == verdict.claim)?;
    item.read().ok()
}

/// Whether the study declares the claim differently from what the verdict answers: the hash of the
/// claim now. `None` if it is the same, or the study has none of that name.
pub(super) fn changed(input: &Input<'_>, verdict: &Verdict) -> Option<String> {
    let item = input.study.claims.iter().find(|item| item.name == verdict.claim)?;
    Some(item.hash()).filter(|hash| *hash != verdict.hash)
}
