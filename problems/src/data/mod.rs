//! Data: readers, named sets, embedded sets, synthetic generators.
//!
//! [`load`] turns what a study asks for ([`DatasetChoice`]) into a [`Dataset`]:
//! - a name of the catalogue: `digits` is built in; the others are files (below);
//! - paths: files of the user's as IDX, LIBSVM, CSV, NPY, NPZ or HDF5 ([`Files`]);
//! - `synthetic`: drawn from the seed ([`Synthetic`]).
//!
//! # Where a named set is looked up
//! The first of these that holds all files of the set, each in a folder of the set's name:
//! 1. the folder in the environment variable `CONVERGE_DATA`;
//! 2. `../shared/data` beside the project, whose root is the closest folder above the current one
//!    with a `Cargo.lock`; then `../shared/data` beside the current folder;
//! 3. the cache: the folder in `CONVERGE_CACHE`, otherwise `converge/data` in `XDG_CACHE_HOME` or
//!    `~/.cache`.
//!
//! Packed (`.gz`) and unpacked files are taken alike. What was read must have the SHA-256 in the
//! catalogue, taken of the unpacked content, so that a changed or shortened copy never passes for
//! the published set; it is kept in [`Dataset::checksum`]. Nothing is downloaded by [`load`]: a set
//! that is not here is [`SetupError::MissingData`] with what to do, and only [`fetch`] fetches.
//!
//! # What readers promise
//! A file that is truncated, too long, inconsistent or hostile gives a [`DataError`] with the place
//! and the finding, never a panic. A size that a header promises is compared with what the file can
//! hold before anything is allocated. Labels are integers and their distinct values in rising order
//! are the classes. Features are finite, and kept in the narrowest type that holds them exactly.

mod array;
mod catalog;
mod choice;
mod cifar;
mod csv;
mod digits;
mod entries;
mod fetch;
mod files;
mod folders;
mod hdf5;
#[cfg(test)]
mod hostile;
mod idx;
mod libsvm;
mod npy;
mod npz;
mod numbers;
mod picture;
mod source;
mod streamed;
mod synthetic;

use std::fmt::Write;

use sha2::{Digest, Sha256};

pub use catalog::{FileState, Listing, Place, SumState, list, locate, verify};
pub use choice::{Column, DatasetChoice, Files, Format};
pub use digits::digits;
pub use fetch::{FetchError, Progress, fetch};
pub use folders::Folders;
pub use npy::write as write_npy;
pub use numbers::{Numbers, numbers};
pub use picture::write as write_png;
pub use streamed::Streamed;
pub use synthetic::{Model, Synthetic};

pub(crate) use streamed::Kind;

#[cfg(doc)]
use crate::DataError;
use crate::{Seed, SetupError};

/// Loads or generates a data set. `seed` is used by generated data alone.
///
/// # Errors
/// [`SetupError::MissingData`] if it is not on this machine, [`SetupError::Data`] if it cannot be
/// read, [`SetupError::Parameter`] if generated data is asked for with impossible numbers.
pub fn load(choice: &DatasetChoice, seed: Seed) -> Result<Dataset, SetupError> {
    match choice {
        DatasetChoice::Named(name) => catalog::load(name, &Folders::from_environment()),
        DatasetChoice::Files(files) => files::load(files),
        DatasetChoice::Synthetic { synthetic } => synthetic.generate(seed),
    }
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Numbers of many samples, one sample after the other (column-major, `inputs x samples`), kept in
/// the narrowest type that holds them exactly, or left in their file ([`Files::stream`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Features {
    /// `value = scale * stored`.
    U8 {
        /// Stored bytes.
        values: Vec<u8>,
        /// Factor, 1/255 for pixels in [0, 1].
        scale: f64,
    },
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Left in a file.
    Streamed(Streamed),
}

/// Labelled samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// The features of all samples.
    pub features: Features,
    /// Class of each sample, below [`Dataset::classes`].
    pub labels: Vec<u16>,
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

impl Features {
    /// Numbers held: inputs x samples.
    pub fn len(&self) -> usize {
        match self {
            Self::U8 { values, .. } => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Streamed(streamed) => streamed.samples() * streamed.inputs(),
        }
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at `index`.
    ///
    /// # Panics
    /// If `index` is not below [`Features::len`], or a streamed number can no longer be read.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::U8 { values, scale } => scale * f64::from(values[index]),
            Self::F32(values) => f64::from(values[index]),
            Self::F64(values) => values[index],
            Self::Streamed(streamed) => {
                let mut row = vec![0.0; streamed.inputs()];
                streamed.row(index / row.len(), &mut row);
                row[index % row.len()]
            }
        }
    }
}

/// Extent of one sample: `channels` images of `rows x columns`, row by row, channel after channel.
/// A plain vector has one channel and one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images per sample.
    pub channels: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
}

impl Shape {
    /// Numbers per sample.
    pub fn inputs(self) -> usize {
        self.channels * self.rows * self.columns
    }
}

/// A classification data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name in the catalogue, or path.
    pub name: String,
    /// Extent of one sample.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Training samples.
    pub train: Samples,
    /// Test samples, where the source separates them.
    pub test: Option<Samples>,
    /// SHA-256 over the files read, hexadecimal; for synthetic data of its configuration.
    pub checksum: String,
}
