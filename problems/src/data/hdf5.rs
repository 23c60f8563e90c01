//! HDF5: an array is a data set of integers or floating-point numbers, named by its path in the
//! file. The bytes are parsed by the reference library; its own checks decide what is damaged.

use ::hdf5::types::{FloatSize, IntSize, TypeDescriptor};
use ::hdf5::{Dataset, File};
use std::path::Path;

use super::Features;
use super::array::{Array, elements};
use super::source::{LIMIT, plausible};
use crate::DataError;

/// Reads the data set `name`.
pub(super) fn read(path: &Path, name: &str) -> Result<Array, DataError> {
    let error = |finding: String| DataError::new(path, finding);
    let bytes = std::fs::metadata(path).map_err(|e| error(format!("cannot be read: {e}")))?.len();
    let file = File::open(path)
        .map_err(|e| error(format!("is not HDF5, or damaged or truncated: {e}")))?;
    let dataset = file.dataset(name).map_err(|_| {
        let names: Vec<String> = file
            .datasets()
            .map(|sets| sets.iter().map(|set| set.name().trim_start_matches('/').into()).collect())
            .unwrap_or_default();
        error(format!("no data set `{name}`; at the top it holds: {}", names.join(", ")))
    })?;
    let extents = dataset.shape();
    if !(1..=4).contains(&extents.len()) {
        let rank = extents.len();
        return Err(error(format!("`{name}` has {rank} extents, 1 to 4 are known")));
    }
    let count = elements(&extents.iter().map(|&extent| extent as u64).collect::<Vec<_>>());
    let size = dataset.dtype().map_or(8, |kind| kind.size() as u64);
    if !count.is_some_and(|count| plausible(count, size, bytes) && count <= LIMIT / 8) {
        return Err(error(format!(
            "`{name}` has extents {extents:?}, more numbers than a file of {bytes} bytes can hold: \
             it was never written whole, or is damaged"
        )));
    }
    let values = numbers(&dataset).map_err(|finding| error(format!("`{name}` {finding}")))?;
    Ok(Array { extents, values })
}

/// All numbers of a data set.
fn numbers(dataset: &Dataset) -> Result<Features, String> {
    let damaged = |error: ::hdf5::Error| format!("cannot be read: {error}");
    let kind = dataset.dtype().and_then(|kind| kind.to_descriptor()).map_err(damaged)?;
    let exact = |integer: i128| (integer.unsigned_abs() <= 1 << 53).then_some(integer as f64);
    let beyond = || "holds integers beyond 2^53, which have no exact double".to_owned();
    match kind {
        TypeDescriptor::Unsigned(IntSize::U1) => {
            let values = dataset.read_raw().map_err(damaged)?;
            Ok(Features::U8 { values, scale: 1.0 })
        }
        TypeDescriptor::Unsigned(_) => {
            let values = dataset.read_raw::<u64>().map_err(damaged)?;
            let values: Option<_> = values.into_iter().map(|v| exact(v.into())).collect();
            values.map(Features::F64).ok_or_else(beyond)
        }
        TypeDescriptor::Integer(_) => {
            let values = dataset.read_raw::<i64>().map_err(damaged)?;
            let values: Option<_> = values.into_iter().map(|v| exact(v.into())).collect();
            values.map(Features::F64).ok_or_else(beyond)
        }
        TypeDescriptor::Boolean => {
            let values = dataset.read_raw::<bool>().map_err(damaged)?;
            Ok(Features::U8 { values: values.into_iter().map(u8::from).collect(), scale: 1.0 })
        }
        TypeDescriptor::Float(FloatSize::U4) => {
            dataset.read_raw().map(Features::F32).map_err(damaged)
        }
        TypeDescriptor::Float(_) => dataset.read_raw().map(Features::F64).map_err(damaged),
        other => Err(format!("holds {other}; integers, booleans and floats are read")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::hostile::{Damage, fixed};
    use super::*;
    use proptest::prelude::*;

    /// Writes a file with `write`, damages its bytes, reads `name`.
    fn array(
        write: impl FnOnce(&File) -> ::hdf5::Result<()>,
        damage: impl FnOnce(Vec<u8>) -> Vec<u8>,
        name: &str,
    ) -> Result<Array, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        write(&File::create(&path).unwrap()).unwrap();
        let bytes = damage(std::fs::read(&path).unwrap());
        std::fs::write(&path, bytes).unwrap();
        read(&path, name).map_err(|error| error.to_string())
    }

    fn two_sets(file: &File) -> ::hdf5::Result<()> {
        file.new_dataset_builder().with_data(&[1_i32, -2, 3]).create("labels")?;
        let part = file.create_group("part")?;
        part.new_dataset::<f32>().shape((2, 3)).create("features")?.write_raw(&[0.5_f32; 6])?;
        Ok(())
    }

    #[test]
    fn integers_and_floats_are_read_by_path() {
        let found = array(two_sets, |bytes| bytes, "labels").unwrap();
        assert_eq!(found, Array { extents: vec![3], values: Features::F64(vec![1.0, -2.0, 3.0]) });
        let found = array(two_sets, |bytes| bytes, "part/features").unwrap();
        assert_eq!(found, Array { extents: vec![2, 3], values: Features::F32(vec![0.5; 6]) });
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let message = array(two_sets, |bytes| bytes, "x").unwrap_err();
        assert!(message.contains("no data set `x`; at the top it holds: labels"), "{message}");
        let message = array(two_sets, |bytes| bytes[..300].to_vec(), "labels").unwrap_err();
        assert!(message.contains("damaged or truncated"), "{message}");
        let bomb = |file: &File| {
            file.new_dataset::<f64>()
                .chunk((1 << 10,))
                .shape((1_usize << 50,))
                .create("x")
                .map(drop)
        };
        let message = array(bomb, |bytes| bytes, "x").unwrap_err();
        assert!(message.contains("more numbers than a file of"), "{message}");
        let big =
            |file: &File| file.new_dataset_builder().with_data(&[u64::MAX]).create("x").map(drop);
        let message = array(big, |bytes| bytes, "x").unwrap_err();
        assert!(message.contains("integers beyond 2^53"), "{message}");
    }

    proptest! {
        #![proptest_config(fixed(48))]

        #[test]
        fn what_was_written_is_read(values in prop::collection::vec(any::<f64>(), 1..30)) {
            let write = |file: &File| {
                file.new_dataset_builder().with_data(&values).create("x").map(drop)
            };
            let found = array(write, |bytes| bytes, "x").unwrap().values;
            for (i, value) in values.iter().enumerate() {
                prop_assert_eq!(found.get(i).to_bits(), value.to_bits());
            }
        }

        #[test]
        fn damage_gives_an_array_or_an_error(damage in Damage::any()) {
            if let Ok(array) = array(two_sets, |bytes| damage.done_to(&bytes), "labels") {
                prop_assert_eq!(array.extents.iter().product::<usize>(), array.values.len());
            }
        }
    }
}
