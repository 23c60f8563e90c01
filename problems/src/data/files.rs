//! Files of the user's: from paths to a data set.

use std::path::Path;

use super::array::Table;
use super::source::{Source, content_sum, file_sum};
use super::streamed::Streamed;
use super::{
    Column, Dataset, Files, Format, Samples, Shape, csv, hdf5, idx, libsvm, npy, npz, sha256,
};
use crate::{DataError, SetupError, require_positive};

/// Reads the files that `files` names.
pub(super) fn load(files: &Files) -> Result<Dataset, SetupError> {
    if let Some(peak) = files.peak {
        require_positive("peak", peak)?;
    }
    let named = [&files.test_path, &files.labels_path, &files.test_labels_path];
    if files.stream && !matches!(format(files)?, Format::Npy | Format::Hdf5) {
        return Err(DataError::new(
            &files.path,
            "cannot be streamed: `stream` goes with NPY and HDF5; convert it, or leave `stream` out",
        )
        .into());
    }
    let mut sums = Vec::new();
    for path in std::iter::once(&files.path).chain(named.into_iter().flatten()) {
        if !path.is_file() {
            return Err(SetupError::MissingData {
                name: path.display().to_string(),
                remedy: "no such file; paths are relative to the current directory".into(),
            });
        }
        // A file that is streamed is not packed, and may be larger than what is read into memory.
        sums.push(if files.stream || matches!(format(files)?, Format::Npz | Format::Hdf5) {
            file_sum(path)?
        } else {
            content_sum(path)?
        });
    }
    let (train, test) = tables(files, format(files)?)?;
    let name = files.path.display().to_string();
    Ok(assemble(&name, &files.path, train, test, files.classes, files.shape, files.peak, &sums)?)
}

/// Training and test tables.
fn tables(files: &Files, format: Format) -> Result<(Table, Option<Table>), DataError> {
    match format {
        Format::Csv => {
            let label = files.label.clone().unwrap_or(Column::Index(-1));
            let read = |path: &Path| csv::read(&mut Source::open(path)?, &label);
            let test = files.test_path.as_deref().map(read).transpose()?;
            Ok((read(&files.path)?, test))
        }
        Format::Libsvm => sparse(&files.path, files.test_path.as_deref(), files.inputs),
        Format::Idx | Format::Npy => {
            let array = |path: &Path| {
                let mut source = Source::open(path)?;
                if format == Format::Idx { idx::read(&mut source) } else { npy::read(&mut source) }
            };
            let join = |path: &Path, labels: Option<&Path>, key| {
                let labels = labels.ok_or_else(|| {
                    DataError::new(
                        path,
                        format!("holds one array: name that of the labels, `{key}`"),
                    )
                })?;
                let features = if files.stream { Streamed::npy(path) } else { array(path) };
                Table::join(path, features?, labels, &array(labels)?)
            };
            let train = join(&files.path, files.labels_path.as_deref(), "labels-path")?;
            let test_labels = files.test_labels_path.as_deref();
            let test = files.test_path.as_deref();
            let test = test.map(|path| join(path, test_labels, "test-labels-path")).transpose()?;
            Ok((train, test))
        }
        Format::Npz | Format::Hdf5 => {
            let join = |path: &Path, features: &str, labels: &str| {
                let read = if format == Format::Npz { npz::read } else { hdf5::read };
                let values = if files.stream { Streamed::hdf5 } else { read };
                Table::join(path, values(path, features)?, path, &read(path, labels)?)
            };
            let features = files.features.as_deref().unwrap_or("features");
            let labels = files.labels.as_deref().unwrap_or("labels");
            let train = join(&files.path, features, labels)?;
            let wanted = files.test_path.is_some() || files.test_features.is_some();
            let test_path = files.test_path.as_deref().unwrap_or(&files.path);
            let test_features = files.test_features.as_deref().unwrap_or(features);
            let test_labels = files.test_labels.as_deref().unwrap_or(labels);
            let test = wanted.then(|| join(test_path, test_features, test_labels)).transpose()?;
            Ok((train, test))
        }
    }
}

/// Tables of LIBSVM files, with as many inputs as the larger of the two has.
pub(super) fn sparse(
    train_path: &Path,
    test_path: Option<&Path>,
    inputs: Option<usize>,
) -> Result<(Table, Option<Table>), DataError> {
    let read = |path: &Path| libsvm::read(&mut Source::open(path)?);
    let (train, test) = (read(train_path)?, test_path.map(read).transpose()?);
    let largest = train.inputs.max(test.as_ref().map_or(0, |test| test.inputs));
    let (inputs, given) = (inputs.unwrap_or(largest), inputs.is_some());
    let dense = |sparse: libsvm::Sparse, path: &Path| {
        sparse.dense(inputs, given).map_err(|finding| DataError::new(path, finding))
    };
    let test = match (test, test_path) {
        (Some(test), Some(path)) => Some(dense(test, path)?),
        _ => None,
    };
    Ok((dense(train, train_path)?, test))
}

/// The form of the files: as given, or told from the ending, `.gz` left aside.
fn format(files: &Files) -> Result<Format, DataError> {
    if let Some(format) = files.format {
        return Ok(format);
    }
    let name = files.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit(['.', '-']).next().unwrap_or_default() {
        "csv" => Ok(Format::Csv),
        "npy" => Ok(Format::Npy),
        "npz" => Ok(Format::Npz),
        "h5" | "hdf5" => Ok(Format::Hdf5),
        "libsvm" | "svmlight" | "svm" => Ok(Format::Libsvm),
        "idx" | "ubyte" => Ok(Format::Idx),
        _ => Err(DataError::new(
            &files.path,
            "its ending does not tell its form: give `format` (idx, libsvm, csv, npy, npz, hdf5)",
        )),
    }
}

/// Numbers the classes, checks that training and test part agree, and makes the data set. `path` is
/// the training file, for errors.
#[expect(clippy::too_many_arguments, reason = "the parts of a data set, each once")]
pub(super) fn assemble(
    name: &str,
    path: &Path,
    train: Table,
    test: Option<Table>,
    classes: Option<usize>,
    shape: Option<[usize; 3]>,
    peak: Option<f64>,
    sums: &[String],
) -> Result<Dataset, DataError> {
    let error = |finding: String| DataError::new(path, finding);
    let inputs = train.shape.inputs();
    if let Some(test) = test.as_ref().filter(|test| test.shape.inputs() != inputs) {
        let found = test.shape.inputs();
        return Err(error(format!("{inputs} inputs, but the test samples have {found}")));
    }
    let shape =
        shape.map_or(train.shape, |[channels, rows, columns]| Shape { channels, rows, columns });
    let extent = shape.channels.checked_mul(shape.rows).and_then(|n| n.checked_mul(shape.columns));
    if extent != Some(inputs) {
        let Shape { channels, rows, columns } = shape;
        let asked = format!("[{channels}, {rows}, {columns}]");
        return Err(error(format!(
            "shape = {asked} does not hold the {inputs} inputs of a sample"
        )));
    }
    let known: Vec<i64> = if let Some(classes) = classes {
        (0_i64..).take(classes.min((1 << 16) + 1)).collect()
    } else {
        let mut distinct = train.labels.clone();
        distinct.sort_unstable();
        distinct.dedup();
        distinct
    };
    if !(2..=1 << 16).contains(&known.len()) {
        let found = known.len();
        return Err(error(format!("{found} classes; from 2 to 65536 classes are needed")));
    }
    let samples = |table: Table, part: &str| {
        let class = |(i, label): (usize, &i64)| {
            known.binary_search(label).map(|class| class as u16).map_err(|_| {
                let (first, last) = (known[0], known[known.len() - 1]);
                let count = known.len();
                error(format!(
                    "label {label} of {part} sample {i} (from 0) is none of the {count} classes \
                     labelled from {first} to {last}"
                ))
            })
        };
        let labels = table.labels.iter().enumerate().map(class).collect::<Result<_, _>>()?;
        let features = match peak {
            Some(peak) => table.features.divided_by(peak),
            None => table.features,
        };
        Ok(Samples { features, labels })
    };
    Ok(Dataset {
        name: name.into(),
        shape,
        classes: known.len(),
        train: samples(train, "training")?,
        test: test.map(|test| samples(test, "test")).transpose()?,
        checksum: if let [sum] = sums { sum.clone() } else { sha256(sums.concat().as_bytes()) },
    })
}

#[cfg(test)]
mod tests {
    use super::super::{DatasetChoice, Features};
    use super::*;
    use crate::Seed;
    use std::fs;

    /// Loads `{ ... }` after writing these files; `DIR` in the text is their folder.
    fn load(files: &[(&str, &[u8])], choice: &str) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let choice = choice.replace("DIR", folder.path().to_str().unwrap());
        let choice: DatasetChoice = serde_json::from_str(&choice).unwrap();
        super::super::load(&choice, Seed::root(0)).map_err(|error| error.to_string())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    const IMAGES: &[u8] = &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 255];
    const LABELS: &[u8] = &[0, 0, 8, 1, 0, 0, 0, 2, 7, 3];
    const IDX: &str = r#"{"path":"DIR/x.gz","labels-path":"DIR/y","format":"idx","peak":255}"#;

    #[test]
    fn images_and_labels_join_and_distinct_labels_become_classes() {
        let data = load(&[("x.gz", &gzip(IMAGES)), ("y", LABELS)], IDX).unwrap();
        assert_eq!(data.shape, Shape { channels: 1, rows: 1, columns: 2 });
        assert_eq!((data.classes, &data.train.labels[..]), (2, &[1, 0][..]));
        let values = vec![10, 20, 30, 255];
        assert_eq!(data.train.features, Features::U8 { values, scale: 1.0 / 255.0 });
        // Packed and unpacked files have one checksum.
        let plain = load(&[("x.gz", IMAGES), ("y", LABELS)], IDX).unwrap();
        assert_eq!(plain.checksum, data.checksum);
    }

    #[test]
    fn test_samples_follow_the_classes_of_the_training_samples() {
        let libsvm = |test: &[u8]| {
            let choice = r#"{"path":"DIR/a.libsvm","test-path":"DIR/b"}"#;
            load(&[("a.libsvm", b"-1 1:2\n1 2:3\n"), ("b", test)], choice)
        };
        let data = libsvm(b"1 3:1\n").unwrap();
        assert_eq!((data.shape.inputs(), data.train.features.len()), (3, 6));
        assert_eq!(data.test.unwrap().labels, [1]);
        let message = libsvm(b"5 3:1\n").unwrap_err();
        assert!(
            message.contains("label 5 of test sample 0 (from 0) is none of the 2"),
            "{message}"
        );
    }

    #[test]
    fn errors_name_the_file_and_the_finding() {
        let csv: &[u8] = b"1,2,0\n3,4,1\n";
        let nan = [&[0, 0, 0x0d, 1, 0, 0, 0, 2][..], &[0; 4], &f32::NAN.to_be_bytes()].concat();
        for (files, choice, words) in [
            (&[("a", csv)][..], r#"{"path":"DIR/a"}"#, "give `format`"),
            (&[("a", csv)], r#"{"path":"DIR/b.csv"}"#, "no such file"),
            (&[("a.csv", csv)], r#"{"path":"DIR/a.csv","classes":1}"#, "1 classes; from 2"),
            (&[("a.csv", b"1,0\n2,0\n")], r#"{"path":"DIR/a.csv"}"#, "1 classes; from 2"),
            (
                &[("a.csv", csv)],
                r#"{"path":"DIR/a.csv","shape":[1,2,2]}"#,
                "shape = [1, 2, 2] does not hold the 2 inputs",
            ),
            (&[("a.csv", csv)], r#"{"path":"DIR/a.csv","peak":0}"#, "peak = 0 is not admissible"),
            (&[("x.gz", IMAGES)], r#"{"path":"DIR/x.gz","format":"idx"}"#, "`labels-path`"),
            (&[("x.gz", IMAGES), ("y", &[0, 0, 8, 1, 0, 0, 0, 1, 7])], IDX, "1 labels, but"),
            (&[("x.gz", &nan), ("y", LABELS)], IDX, "input 0 of sample 1 is NaN"),
            (&[("x.gz", &gzip(IMAGES)[..20]), ("y", LABELS)], IDX, "x.gz"),
            (
                &[("a.csv", b"1,2,0\n3,4,2\n")],
                r#"{"path":"DIR/a.csv","classes":2}"#,
                "label 2 of training sample 1",
            ),
        ] {
            let message = load(files, choice).unwrap_err();
            assert!(message.contains(words), "{choice}: {message}");
        }
    }
}
