//! Which data a study asks for.

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;

use super::Synthetic;

/// A data set as a study names it: `"mnist"`, `{ path = "train.csv", ... }` or
/// `{ synthetic = { samples = 500, ... } }`.
///
/// ```
/// use converge_problems::data::DatasetChoice;
/// let named: DatasetChoice = serde_json::from_str(r#""digits""#).unwrap();
/// assert_eq!(named, DatasetChoice::Named("digits".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum DatasetChoice {
    /// A set of the catalogue.
    Named(String),
    /// Files of the user's.
    Files(Box<Files>),
    /// Generated data.
    Synthetic {
        /// How it is generated.
        synthetic: Synthetic,
    },
}

/// Form of a data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// IDX arrays, the form of MNIST; features and labels in two files.
    Idx,
    /// LIBSVM/SVMlight text.
    Libsvm,
    /// Comma-separated text, one sample a line.
    Csv,
    /// NumPy array; features and labels in two files.
    Npy,
    /// NumPy archive; features and labels are two arrays of it.
    Npz,
    /// HDF5; features and labels are two data sets of it.
    Hdf5,
}

/// Where the class stands in a line of CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Number of the column, from 0; negative numbers count from the end.
    Index(i64),
    /// Name in the header line.
    Name(String),
}

/// Files of the user's, and how to read them. Paths are relative to the current directory.
///
/// ```toml
/// dataset = { path = "train.csv", label = "species" }
/// dataset = { path = "train-images.gz", labels-path = "train-labels.gz", peak = 255 }
/// dataset = { path = "all.npz", features = "x_train", labels = "y_train" }
/// dataset = { path = "large.h5", stream = true }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Files {
    /// Training samples: the features and, where the form allows it, the labels.
    pub path: PathBuf,
    /// Test samples, in the same form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_path: Option<PathBuf>,
    /// Labels of the training samples (IDX and NPY, which hold one array a file).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_path: Option<PathBuf>,
    /// Labels of the test samples (IDX and NPY).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels_path: Option<PathBuf>,
    /// Form of the files; by default told from the ending of `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// CSV: column of the class, the last one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Column>,
    /// NPZ and HDF5: name of the array of training features, `features` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// NPZ and HDF5: name of the array of training labels, `labels` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// NPZ and HDF5: name of the array of test features, in `test-path` if given, else in `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_features: Option<String>,
    /// NPZ and HDF5: name of the array of test labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<String>,
    /// Extent of one sample as `[channels, rows, columns]`; by default that of the array, or a
    /// plain vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<[usize; 3]>,
    /// The stored number that becomes 1: 255 maps bytes to [0, 1]. By default numbers stay as
    /// they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<f64>,
    /// LIBSVM: numbers per sample; by default the largest index of all files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<usize>,
    /// Number of classes, labelled 0, 1, ...; by default the distinct labels of the training
    /// samples in rising order are the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// NPY and HDF5: features stay in the file and are read tile by tile, in every sweep again, for
    /// data that do not fit the memory. Results are those of the same file in memory, to the bit.
    ///
    /// NPY has to be unpacked, row-major and of type `u1`, `<f4` or `<f8`. A data set of HDF5 that lies
    /// in one piece is read like NPY; one in chunks through the library, which serves one thread at a
    /// time and allocates for every read. When it is opened the file is read twice: for its checksum,
    /// and to find that every number is finite.
    ///
    /// Samples are read in the order of the split, by default a random one: one read a sample, about
    /// half as fast as in order as long as the system keeps the file in memory, and as slow as the disk
    /// finds places otherwise. `split = { in-order = true }` reads the file from front to end; chunks
    /// cannot be streamed in another order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
}

impl<'de> Deserialize<'de> for DatasetChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = DatasetChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a data set, { path = \"...\" } or { synthetic = { ... } }")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<DatasetChoice, E> {
        Ok(DatasetChoice::Named(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DatasetChoice, A::Error> {
        // The first key tells the two tables apart, so that errors inside keep their place.
        let Some(first) = map.next_key::<String>()? else {
            return Err(Error::custom("an empty table: give `path` or `synthetic`"));
        };
        if first != "synthetic" {
            let rest = MapAccessDeserializer::new(WithFirst { first: Some(first), map });
            return Ok(DatasetChoice::Files(Box::new(Files::deserialize(rest)?)));
        }
        let synthetic = map.next_value()?;
        match map.next_key::<String>()? {
            None => Ok(DatasetChoice::Synthetic { synthetic }),
            Some(key) => Err(Error::custom(format!("`{key}` does not go with `synthetic`"))),
        }
    }
}

/// A map whose first key was taken already.
struct WithFirst<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithFirst<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(json: &str) -> Result<DatasetChoice, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn each_of_the_three_forms_survives_the_round_trip() {
        for json in [
            r#""mnist""#,
            r#"{"path":"a.csv","label":"species","shape":[1,2,3]}"#,
            r#"{"format":"npz","path":"b","features":"x"}"#,
            r#"{"synthetic":{"samples":10,"label-noise":0.25}}"#,
        ] {
            let first = choice(json).unwrap();
            let again = choice(&serde_json::to_string(&first).unwrap()).unwrap();
            assert_eq!(first, again, "{json}");
        }
    }

    #[test]
    fn errors_name_what_is_wrong_and_what_would_be_right() {
        for (json, words) in [
            ("3", "the name of a data set"),
            ("{}", "give `path` or `synthetic`"),
            (r#"{"path":"a.csv","labl":0}"#, "unknown field `labl`"),
            (r#"{"label":0}"#, "missing field `path`"),
            (r#"{"synthetic":{"sampels":3}}"#, "unknown field `sampels`"),
            (r#"{"synthetic":{},"path":"a"}"#, "`path` does not go with `synthetic`"),
            (r#"{"path":"a","synthetic":{}}"#, "unknown field `synthetic`"),
            (r#"{"path":"a","format":"xls"}"#, "unknown variant `xls`"),
        ] {
            let message = choice(json).unwrap_err().to_string();
            assert!(message.contains(words), "{json}: {message}");
        }
    }
}
