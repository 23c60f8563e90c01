//! What of a study is done: the set difference between its cells and the store.

use std::collections::BTreeMap;

use crate::cell::Identity;
use crate::environment::code_digest;
use crate::record::{Header, Status};
use crate::store::Survey;
use crate::study::Planned;

/// Attempts at a cell that failed, after which it runs only when asked for.
const ATTEMPTS: usize = 2;

/// Which stored runs count.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    /// Threads that a timed run must have had.
    pub threads: u32,
    /// Failed cells run again.
    pub retry: bool,
    /// Results of older code count.
    pub keep_older: bool,
}

/// Where a cell stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The store has a result that counts.
    Done,
    /// The store has a result of other code.
    Stale,
    /// The store has a result, but its seconds do not count: other threads, or not alone.
    Untimed,
    /// It never ran, or was interrupted.
    Missing,
    /// It failed and runs once more.
    Retry(Status),
    /// It failed and runs only when asked for.
    Failed(Status),
}

impl Standing {
    /// Whether it runs.
    pub fn runs(&self) -> bool {
        !matches!(self, Self::Done | Self::Failed(_))
    }
}

/// All attempts, of the store and of this process.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    attempts: BTreeMap<Identity, Vec<Header>>,
}

impl Ledger {
    /// The attempts in `survey`.
    pub fn new(survey: &Survey) -> Self {
        let headers = |attempts: &Vec<crate::store::Summary>| {
            attempts.iter().map(|attempt| attempt.header.clone()).collect()
        };
        Self {
            attempts: survey.attempts.iter().map(|(id, all)| (id.clone(), headers(all))).collect(),
        }
    }

    /// Adds an attempt.
    pub fn enter(&mut self, identity: Identity, header: Header) {
        self.attempts.entry(identity).or_default().push(header);
    }

    /// All attempts at a cell, oldest first.
    pub fn attempts(&self, identity: &Identity) -> &[Header] {
        self.attempts.get(identity).map_or(&[], Vec::as_slice)
    }

    /// Where `planned` stands.
    pub fn standing(&self, planned: &Planned, counting: Counting) -> Standing {
        let attempts = self.attempts(&planned.cell.identity());
        let own = |header: &&Header| counting.keep_older || header.code == code_digest();
        let clean = |header: &Header| {
            !planned.timed
                || (header.timed && header.concurrency == 1 && header.threads == counting.threads)
        };
        let result = |header: &&Header| header.status.is_result();
        if attempts.iter().filter(own).filter(result).any(clean) {
            return Standing::Done;
        }
        let failed: Vec<&Status> = attempts
            .iter()
            .filter(own)
            .map(|header| &header.status)
            .filter(|status| !status.is_result() && **status != Status::Interrupted)
            .collect();
        if let Some(&last) = failed.last() {
            return if failed.len() < ATTEMPTS || counting.retry {
                Standing::Retry(last.clone())
            } else {
                Standing::Failed(last.clone())
            };
        }
        if attempts.iter().filter(own).any(|header| header.status.is_result()) {
            return Standing::Untimed;
        }
        if attempts.iter().any(|header| header.status.is_result()) {
            return Standing::Stale;
        }
        Standing::Missing
    }
}
