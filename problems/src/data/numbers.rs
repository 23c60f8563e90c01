//! Plain arrays of numbers of the user's: images, measurements, masks.

use std::path::{Path, PathBuf};

use super::array::Array;
use super::source::{Source, content_sum, file_sum};
use super::{hdf5, npy, npz, picture};
use crate::{DataError, SetupError};

/// An array of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The file.
    pub path: PathBuf,
    /// Extents, slowest first.
    pub extents: Vec<usize>,
    /// Whether every number is complex: a pair of [`values`](Self::values), real part first.
    pub complex: bool,
    /// The numbers, row-major; complex ones as pairs. Integers of a picture are divided by the largest their bits can hold.
    pub values: Vec<f64>,
    /// SHA-256 of the file, hexadecimal; of the unpacked content where that is NPY.
    pub checksum: String,
}

/// Reads an array: PNG, TIFF, NPY, NPZ or HDF5, told by the ending of `path`. `dataset` names the
/// array in NPZ and HDF5.
///
/// # Errors
/// [`SetupError::MissingData`] if there is no such file; [`SetupError::Data`] if it cannot be read, is
/// of another kind, or holds a number that is not finite.
pub fn numbers(path: &Path, dataset: Option<&str>) -> Result<Numbers, SetupError> {
    let error = |finding: String| DataError::new(path, finding);
    if !path.is_file() {
        return Err(SetupError::MissingData {
            name: path.display().to_string(),
            remedy: "no such file; paths are relative to the current directory".into(),
        });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let named =
        || dataset.ok_or_else(|| error("holds arrays by name: name one, as `dataset`".to_owned()));
    let (array, checksum) = match name.rsplit('.').next().unwrap_or_default() {
        "npy" => (npy::read(&mut Source::open(path)?)?, content_sum(path)?),
        "npz" => (npz::read(path, named()?)?, file_sum(path)?),
        "h5" | "hdf5" | "he5" => (hdf5::read(path, named()?)?, file_sum(path)?),
        "png" => (picture::png(path)?, file_sum(path)?),
        "tif" | "tiff" => (picture::tiff(path)?, file_sum(path)?),
        ending => {
            let found = format!("ends in `{ending}`; .png, .tif, .npy, .npz and .h5 are read");
            return Err(error(found).into());
        }
    };
    let values: Vec<f64> = (0..array.values.len()).map(|i| array.values.get(i)).collect();
    if values.is_empty() {
        return Err(error(format!("holds no number: its extents are {:?}", array.extents)).into());
    }
    if let Some(i) = values.iter().position(|value| !value.is_finite()) {
        let mut rest = if array.complex { i / 2 } else { i };
        let mut index: Vec<usize> = array
            .extents
            .iter()
            .rev()
            .map(|&extent| {
                let digit = rest % extent;
                rest /= extent;
                digit
            })
            .collect();
        index.reverse();
        let found =
            format!("holds {} at {index:?} (from 0); every number has to be finite", values[i]);
        return Err(error(found).into());
    }
    let (path, Array { extents, complex, .. }) = (path.to_owned(), array);
    Ok(Numbers { path, extents, complex, values, checksum })
}

#[cfg(test)]
mod tests {
    use super::super::npy::tests::file;
    use super::*;

    fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn npy(values: &[f64], shape: &str) -> Vec<u8> {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
        file(&header, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())
    }

    #[test]
    fn an_array_is_read_with_its_extents() {
        let (_folder, path) = write("a.npy", &npy(&[1.0, -2.0, 3.5, 0.0, 1e300, 6.0], "(2, 3)"));
        let array = numbers(&path, None).unwrap();
        assert_eq!(array.extents, [2, 3]);
        assert_eq!(array.values[4].to_bits(), 1e300_f64.to_bits());
    }

    #[test]
    fn errors_name_the_place_and_the_remedy() {
        let nan = npy(&[1.0, 2.0, 3.0, f64::NAN], "(2, 2)");
        for (name, bytes, dataset, words) in [
            ("a.npy", nan, None, "holds NaN at [1, 1] (from 0)"),
            ("a.npy", npy(&[], "(0, 2)"), None, "holds no number: its extents are [0, 2]"),
            ("a.h5", vec![0; 4], None, "name one, as `dataset`"),
            ("a.h5", vec![0; 4], Some("y"), "is not HDF5"),
            ("a.bmp", vec![0; 4], None, "ends in `bmp`"),
            ("a.png", vec![0; 4], None, "a.png"),
            ("a.tif", vec![0; 4], None, "a.tif"),
        ] {
            let (_folder, path) = write(name, &bytes);
            let message = numbers(&path, dataset).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        let message = numbers(Path::new("nowhere.npy"), None).unwrap_err().to_string();
        assert!(message.contains("no such file"), "{message}");
    }
}
