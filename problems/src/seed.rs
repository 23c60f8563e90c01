//! Seeds: named, hierarchical, with no entropy anywhere.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use sha2::{Digest, Sha256};

/// A node of the tree of seeds: 256 bits, reached from a root number by labels and indices.
///
/// Two nodes with different paths have unrelated generators, so a path of an ensemble, a split of
/// the data and the order of a solver's batches each get a child of their own and results do not
/// depend on the order in which they are drawn.
///
/// ```
/// use converge_problems::Seed;
/// let data = Seed::root(7).child("data");
/// assert_eq!(data, Seed::root(7).child("data"));
/// assert_ne!(data.child("split"), data.child("spli").child("t"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The root of the tree number `n`.
    pub fn root(n: u64) -> Self {
        Self::hash(*b"root", &[0; 32], &n.to_le_bytes())
    }

    /// The child named `label`. Labels are length-prefixed, so paths cannot run into each other.
    #[must_use]
    pub fn child(self, label: &str) -> Self {
        Self::hash(*b"name", &self.0, label.as_bytes())
    }

    /// The child number `index`.
    #[must_use]
    pub fn index(self, index: u64) -> Self {
        Self::hash(*b"indx", &self.0, &index.to_le_bytes())
    }

    /// A generator whose whole state and stream come from this node.
    pub fn rng(self) -> Pcg64 {
        Pcg64::from_seed(self.0)
    }

    /// Half of the bits, as the key of a counter-based generator. Not of the stream of
    /// [`rng`](Seed::rng), which is seeded with the node itself: a child's.
    pub fn words(self) -> [u64; 2] {
        let Self(bytes) = self.child("words");
        let word = |at: usize| {
            bytes[at..at + 8].iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
        };
        [word(0), word(8)]
    }

    fn hash(kind: [u8; 4], parent: &[u8; 32], label: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(kind);
        hasher.update(parent);
        hasher.update((label.len() as u64).to_le_bytes());
        hasher.update(label);
        Self(hasher.finalize().into())
    }
}
