//! Numbers that stay in their file and are read where they are needed.
//!
//! Reads are positioned reads (`pread`) into buffers of the caller, from any number of threads. A
//! memory map would save a copy in the cache of the processor, but a file that is cut while it is
//! mapped ends the process with a signal that names neither the file nor the place.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::hdf5::{Hyperslab, SliceOrIndex};
use ndarray::IxDyn;

use super::array::{Array, elements};
use super::{Features, hdf5, npy};
use crate::DataError;

/// Bytes of a block of the pass that checks a file when it is opened.
const BLOCK: usize = 1 << 20;

/// Type of a number in the file, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    F32,
    F64,
}

impl Kind {
    /// Bytes per number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Its name in facts and errors.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

/// Where the numbers lie.
#[derive(Debug)]
pub(super) enum Place {
    /// One sample after the other from this byte on.
    Bytes(u64),
    /// In an HDF5 data set that the library has to put together.
    Hyperslabs { dataset: ::hdf5::Dataset, name: String },
}

/// Samples of a file that is kept open. Copies share it.
///
/// Equal in every number to what [`load`](super::load) makes of the same file without streaming:
/// when it is opened, one pass finds whether the numbers are finite and which is the narrowest type
/// that holds them all, and bytes among them are scaled as bytes are.
#[derive(Clone, Debug)]
pub struct Streamed {
    file: Arc<Opened>,
    /// The stored number that becomes 1.
    peak: Option<f64>,
}

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    file: File,
    /// Bytes of the file when it was opened.
    length: u64,
    place: Place,
    kind: Kind,
    /// The narrowest type that holds all numbers.
    narrow: Kind,
    samples: usize,
    inputs: usize,
}

impl PartialEq for Streamed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
            && self.peak.map(f64::to_bits) == other.peak.map(f64::to_bits)
    }
}

impl Streamed {
    /// An NPY file, its numbers left where they are.
    pub(super) fn npy(path: &Path) -> Result<Array, DataError> {
        let (file, length) = open(path)?;
        let (extents, kind, start) = npy::layout(path, &file, length)?;
        Self::checked(path, file, length, extents, kind, Place::Bytes(start))
    }

    /// The data set `name` of an HDF5 file, its numbers left where they are.
    pub(super) fn hdf5(path: &Path, name: &str) -> Result<Array, DataError> {
        let (file, length) = open(path)?;
        let (extents, kind, place) = hdf5::layout(path, name, length)?;
        Self::checked(path, file, length, extents, kind, place)
    }

    fn checked(
        path: &Path,
        file: File,
        length: u64,
        extents: Vec<usize>,
        kind: Kind,
        place: Place,
    ) -> Result<Array, DataError> {
        let error = |finding: String| DataError::new(path, finding);
        let samples = extents.first().copied().unwrap_or(0);
        let inputs: usize = extents.iter().skip(1).product();
        if samples == 0 || inputs == 0 {
            return Err(error(format!("no numbers: {samples} samples of {inputs} inputs")));
        }
        if u32::try_from(samples).is_err() {
            return Err(error(format!("{samples} samples, at most {} can be streamed", u32::MAX)));
        }
        let path = path.to_owned();
        let mut opened = Opened { path, file, length, place, kind, narrow: kind, samples, inputs };
        opened.narrow = opened.check()?;
        let values = Features::Streamed(Self { file: Arc::new(opened), peak: None });
        Ok(Array { extents, values, complex: false })
    }

    /// Numbers of one sample.
    pub fn inputs(&self) -> usize {
        self.file.inputs
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.file.samples
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Type of the numbers in the file.
    pub(crate) fn kind(&self) -> Kind {
        self.file.kind
    }

    /// Whether the numbers are bytes, whatever their type in the file: a byte keeps its value, and
    /// the factor stands in [`scale`](Self::scale).
    fn bytes(&self) -> bool {
        self.file.narrow == Kind::U8
    }

    /// A stored number, divided by the peak where that is not in the scale, times this is the
    /// feature.
    pub(crate) fn scale(&self) -> f64 {
        match self.peak {
            Some(peak) if self.bytes() => 1.0 / peak,
            _ => 1.0,
        }
    }

    /// What stored numbers are divided by.
    pub(crate) fn divisor(&self) -> Option<f64> {
        self.peak.filter(|_| !self.bytes())
    }

    /// That its samples can be read in any order without unpacking chunks for each of them.
    ///
    /// # Errors
    /// [`DataError`] with the remedies otherwise.
    pub(crate) fn check_any_order(&self) -> Result<(), DataError> {
        match &self.file.place {
            Place::Bytes(_) => Ok(()),
            Place::Hyperslabs { name, .. } => Err(self.file.error(format!(
                "`{name}` is stored in chunks, which would be unpacked for every sample in random \
                 order: say split = {{ in-order = true }} if its order means nothing, or rewrite it \
                 in one piece (h5repack -l CONTI)"
            ))),
        }
    }

    pub(super) fn divided_by(self, peak: f64) -> Self {
        Self { peak: Some(peak), ..self }
    }

    /// Reads the samples from number `first` on, as many as fill `bytes`, as they are stored.
    ///
    /// # Panics
    /// If the file no longer holds them: oracles return numbers, and the panic with its message is
    /// what ends the cell. The message names the file, the place and the samples.
    pub(crate) fn read(&self, first: usize, bytes: &mut [u8]) {
        if let Err(error) = self.file.read(first, bytes) {
            panic!("{error}");
        }
    }

    /// Tells the system that `count` samples from number `first` on are read next, so that the disk
    /// works while the processor does.
    pub(crate) fn expect(&self, first: usize, count: usize) {
        #[cfg(target_os = "linux")]
        if let Place::Bytes(start) = self.file.place {
            let row = (self.file.inputs * self.file.kind.size()) as u64;
            let (from, length) = (start + first as u64 * row, count as u64 * row);
            let length = std::num::NonZeroU64::new(length);
            // A hint: nothing is lost if the system does not take it.
            let _ =
                rustix::fs::fadvise(&self.file.file, from, length, rustix::fs::Advice::WillNeed);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (first, count);
    }

    /// The features of sample `j`; for set-up, not for loops.
    pub(crate) fn row(&self, j: usize, row: &mut [f64]) {
        let mut bytes = vec![0; row.len() * self.kind().size()];
        self.read(j, &mut bytes);
        let (scale, divisor) = (self.scale(), self.divisor());
        let feature = |v: f64| scale * divisor.map_or(v, |divisor| v / divisor);
        numbers(&bytes, self.kind(), |i, v| row[i] = feature(v));
    }
}

/// Calls `visit` with the position and the value of every number.
fn numbers(bytes: &[u8], kind: Kind, mut visit: impl FnMut(usize, f64)) {
    match kind {
        Kind::U8 => bytes.iter().enumerate().for_each(|(i, &v)| visit(i, f64::from(v))),
        Kind::F32 => {
            let (words, _) = bytes.as_chunks::<4>();
            words.iter().enumerate().for_each(|(i, &v)| visit(i, f32::from_le_bytes(v).into()));
        }
        Kind::F64 => {
            let (words, _) = bytes.as_chunks::<8>();
            words.iter().enumerate().for_each(|(i, &v)| visit(i, f64::from_le_bytes(v)));
        }
    }
}

impl Opened {
    fn error(&self, finding: String) -> DataError {
        DataError::new(&self.path, finding)
    }

    /// That the file has become shorter, and what to do.
    fn cut(&self) -> String {
        let now = self.file.metadata().map_or(0, |file| file.len());
        let before = self.length;
        format!(
            "the file holds {now} bytes, {before} when it was opened: leave it alone while runs read it"
        )
    }

    fn read(&self, first: usize, bytes: &mut [u8]) -> Result<(), DataError> {
        let row = self.inputs * self.kind.size();
        let last = first + bytes.len() / row - 1;
        match &self.place {
            Place::Bytes(start) => {
                let at = start + first as u64 * row as u64;
                self.file.read_exact_at(bytes, at).map_err(|cause| {
                    let place =
                        format!("samples {first} to {last}, from byte {at}, cannot be read");
                    self.error(if cause.kind() == ErrorKind::UnexpectedEof {
                        format!("{place}: {}", self.cut())
                    } else {
                        format!("{place}: {cause}")
                    })
                })
            }
            Place::Hyperslabs { dataset, name } => {
                let error = |cause: String| {
                    self.error(format!(
                        "rows {first} to {last} of `{name}` cannot be read: {cause}"
                    ))
                };
                hyperslab(dataset, self.kind, first..last + 1, bytes)
                    .map_err(|cause| error(cause.to_string()))?;
                // The library fills with zeros what lies beyond the end of a file that was cut.
                if self.file.metadata().is_ok_and(|file| file.len() < self.length) {
                    return Err(error(self.cut()));
                }
                Ok(())
            }
        }
    }

    /// Reads everything once: every number is finite, and the narrowest type that holds them all.
    fn check(&self) -> Result<Kind, DataError> {
        let row = self.inputs * self.kind.size();
        let step = (BLOCK / row).clamp(1, self.samples);
        let mut buffer = vec![0; step * row];
        let (mut byte, mut single, mut bad) = (true, true, None);
        for first in (0..self.samples).step_by(step) {
            let bytes = &mut buffer[..step.min(self.samples - first) * row];
            self.read(first, bytes)?;
            numbers(bytes, self.kind, |i, v| {
                byte &= f64::from(v as u8).to_bits() == v.to_bits();
                single &= f64::from(v as f32).to_bits() == v.to_bits();
                if !v.is_finite() && bad.is_none() {
                    bad = Some((i, v));
                }
            });
            if let Some((i, v)) = bad {
                return Err(self.error(format!(
                    "input {} of sample {} is {v}, not a finite number (both from 0)",
                    i % self.inputs,
                    first + i / self.inputs
                )));
            }
        }
        Ok(if byte {
            Kind::U8
        } else if single {
            Kind::F32
        } else {
            Kind::F64
        })
    }
}

/// Reads rows of a data set through the library, which converts their byte order.
fn hyperslab(
    dataset: &::hdf5::Dataset,
    kind: Kind,
    rows: std::ops::Range<usize>,
    bytes: &mut [u8],
) -> ::hdf5::Result<()> {
    fn read<T: ::hdf5::H5Type + Copy, const N: usize>(
        dataset: &::hdf5::Dataset,
        rows: std::ops::Range<usize>,
        bytes: &mut [u8],
        encode: impl Fn(T) -> [u8; N],
    ) -> ::hdf5::Result<()> {
        let all = std::iter::repeat_n(SliceOrIndex::from(..), dataset.ndim() - 1);
        let slab: Vec<SliceOrIndex> = std::iter::once(rows.into()).chain(all).collect();
        let found = dataset.read_slice::<T, _, IxDyn>(Hyperslab::from(slab))?;
        let (words, _) = bytes.as_chunks_mut::<N>();
        words.iter_mut().zip(found.iter()).for_each(|(to, &from)| *to = encode(from));
        Ok(())
    }
    match kind {
        Kind::U8 => read(dataset, rows, bytes, |v: u8| [v]),
        Kind::F32 => read(dataset, rows, bytes, f32::to_le_bytes),
        Kind::F64 => read(dataset, rows, bytes, f64::to_le_bytes),
    }
}

fn open(path: &Path) -> Result<(File, u64), DataError> {
    let failed = |error| DataError::new(path, format!("cannot be read: {error}"));
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok((file, length))
}

/// Bytes that an array of these extents takes; `None` if their number does not fit 64 bits.
pub(super) fn bytes(extents: &[u64], kind: Kind) -> Option<u64> {
    elements(extents)?.checked_mul(kind.size() as u64)
}
