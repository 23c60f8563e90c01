//! Damaged files for the tests of the readers.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed};
use std::path::Path;

use super::source::{LIMIT, Source};

/// A configuration without entropy.
pub(super) fn fixed(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() }
}

/// Bytes as if they came from an unpacked file.
pub(super) fn source(bytes: &[u8]) -> Source<&[u8]> {
    Source::new(Path::new("memory"), bytes, bytes.len() as u64, LIMIT)
}

/// What happens to a file: some bytes change, it is cut, something is appended.
#[derive(Clone, Debug)]
pub(super) struct Damage {
    changes: Vec<(Index, u8)>,
    cut: Option<Index>,
    tail: Vec<u8>,
}

impl Damage {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let changes = prop::collection::vec(any::<(Index, u8)>(), 0..6);
        let cut = prop::option::weighted(0.3, any::<Index>());
        let tail = prop_oneof![3 => Just(Vec::new()), 1 => any::<Vec<u8>>()];
        (changes, cut, tail).prop_map(|(changes, cut, tail)| Self { changes, cut, tail })
    }

    pub(super) fn done_to(&self, file: &[u8]) -> Vec<u8> {
        let mut bytes = file.to_vec();
        for (index, value) in &self.changes {
            let index = index.index(bytes.len());
            bytes[index] = *value;
        }
        if let Some(cut) = self.cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(&self.tail);
        bytes
    }
}
