//! Arrays as files hold them, and how they become samples.

use std::path::Path;

use super::{Features, Shape};
use crate::DataError;

/// Numbers with extents, slowest first (row-major): samples, then what a sample holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) extents: Vec<usize>,
    pub(super) values: Features,
    /// Every element is a pair of values, its real and its imaginary part.
    pub(super) complex: bool,
}

/// Element type of a binary array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Unsigned(usize),
    Signed(usize),
    Float(usize),
}

impl Element {
    /// Bytes per number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Unsigned(size) | Self::Signed(size) | Self::Float(size) => size,
        }
    }

    /// The numbers in `bytes`; `None` if an integer has no exact double.
    pub(super) fn decode(self, bytes: Vec<u8>, big_endian: bool) -> Option<Features> {
        let size = self.size();
        // Little-endian, filled up to eight bytes.
        let words = |bytes: &[u8]| {
            let mut word = [0_u8; 8];
            word[..size].copy_from_slice(bytes);
            if big_endian {
                word[..size].reverse();
            }
            u64::from_le_bytes(word)
        };
        let shift = 64 - 8 * size as u32;
        let exact = |integer: i128| (integer.unsigned_abs() <= 1 << 53).then_some(integer as f64);
        match self {
            Self::Unsigned(1) => Some(Features::U8 { values: bytes, scale: 1.0 }),
            Self::Float(4) => Some(Features::F32(
                bytes.chunks_exact(4).map(|b| f32::from_bits(words(b) as u32)).collect(),
            )),
            Self::Float(_) => Some(Features::F64(
                bytes.chunks_exact(8).map(|b| f64::from_bits(words(b))).collect(),
            )),
            Self::Unsigned(_) => {
                let numbers = bytes.chunks_exact(size).map(|b| exact(i128::from(words(b))));
                numbers.collect::<Option<Vec<f64>>>().map(Features::F64)
            }
            Self::Signed(_) => {
                let signed = |b| i128::from((words(b) << shift).cast_signed() >> shift);
                let numbers = bytes.chunks_exact(size).map(|b| exact(signed(b)));
                numbers.collect::<Option<Vec<f64>>>().map(Features::F64)
            }
        }
    }
}

/// Elements of an array with these extents; `None` if their number does not fit 64 bits.
pub(super) fn elements(extents: &[u64]) -> Option<u64> {
    extents.iter().try_fold(1_u64, |product, &extent| product.checked_mul(extent))
}

impl Features {
    /// The same numbers in the narrowest type that holds them exactly.
    pub(super) fn narrow(self) -> Self {
        let byte = |v: f64| f64::from(v as u8).to_bits() == v.to_bits();
        let single = |v: f64| f64::from(v as f32).to_bits() == v.to_bits();
        match self {
            Self::F32(values) if values.iter().all(|&v| byte(f64::from(v))) => {
                Self::U8 { values: values.into_iter().map(|v| v as u8).collect(), scale: 1.0 }
            }
            Self::F64(values) if values.iter().all(|&v| byte(v)) => {
                Self::U8 { values: values.into_iter().map(|v| v as u8).collect(), scale: 1.0 }
            }
            Self::F64(values) if values.iter().all(|&v| single(v)) => {
                Self::F32(values.into_iter().map(|v| v as f32).collect())
            }
            other => other,
        }
    }

    /// The same numbers divided by `peak`.
    pub(super) fn divided_by(self, peak: f64) -> Self {
        match self {
            Self::U8 { values, scale } => Self::U8 { values, scale: scale / peak },
            Self::F32(values) => {
                Self::F64(values.into_iter().map(|v| f64::from(v) / peak).collect())
            }
            Self::F64(values) => Self::F64(values.into_iter().map(|v| v / peak).collect()),
            Self::Streamed(streamed) => Self::Streamed(streamed.divided_by(peak)),
        }
    }
}

/// Samples as read: features, and labels as they stand in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) shape: Shape,
    pub(super) features: Features,
    pub(super) labels: Vec<i64>,
}

impl Table {
    /// Joins an array of features (`path`) with one of labels.
    pub(super) fn join(
        path: &Path,
        features: Array,
        labels_path: &Path,
        labels: &Array,
    ) -> Result<Self, DataError> {
        for (path, array) in [(path, &features), (labels_path, labels)] {
            if array.complex {
                return Err(DataError::new(path, "holds complex numbers; samples are real"));
            }
        }
        let samples = features.extents.first().copied().unwrap_or(0);
        let shape = match features.extents.get(1..).unwrap_or(&[]) {
            [] => Shape { channels: 1, rows: 1, columns: 1 },
            &[columns] => Shape { channels: 1, rows: 1, columns },
            &[rows, columns] => Shape { channels: 1, rows, columns },
            &[channels, rows, columns] => Shape { channels, rows, columns },
            more => {
                return Err(DataError::new(
                    path,
                    format!(
                        "samples have {} extents, at most 3 (channels, rows, columns) are known",
                        more.len()
                    ),
                ));
            }
        };
        let labels = integers(labels_path, labels)?;
        if labels.len() != samples {
            return Err(DataError::new(
                labels_path,
                format!("{} labels, but {} holds {samples} samples", labels.len(), path.display()),
            ));
        }
        let table = Self { shape, features: features.values.narrow(), labels };
        table.check(path)?;
        Ok(table)
    }

    /// Refuses empty tables and numbers that are not finite.
    pub(super) fn check(&self, path: &Path) -> Result<(), DataError> {
        let inputs = self.shape.inputs();
        if self.labels.is_empty() || inputs == 0 {
            let found = format!("no numbers: {} samples of {inputs} inputs", self.labels.len());
            return Err(DataError::new(path, found));
        }
        let bad = match &self.features {
            // Streamed numbers were checked when their file was opened.
            Features::U8 { .. } | Features::Streamed(_) => None,
            Features::F32(values) => values.iter().position(|v| !v.is_finite()),
            Features::F64(values) => values.iter().position(|v| !v.is_finite()),
        };
        match bad {
            None => Ok(()),
            Some(i) => Err(DataError::new(
                path,
                format!(
                    "input {} of sample {} is {}, not a finite number (both from 0)",
                    i % inputs,
                    i / inputs,
                    self.features.get(i)
                ),
            )),
        }
    }
}

/// A number as a class label.
pub(super) fn integer(value: f64) -> Option<i64> {
    (value.fract().abs() <= 0.0 && value.abs() <= 9e15).then_some(value as i64)
}

fn integers(path: &Path, labels: &Array) -> Result<Vec<i64>, DataError> {
    if labels.extents.iter().skip(1).any(|&extent| extent != 1) {
        let found =
            format!("labels have extents {:?}, one number a sample is needed", labels.extents);
        return Err(DataError::new(path, found));
    }
    (0..labels.values.len())
        .map(|i| {
            let value = labels.values.get(i);
            integer(value).ok_or_else(|| {
                DataError::new(path, format!("label {i} (from 0) is {value}, not an integer"))
            })
        })
        .collect()
}
