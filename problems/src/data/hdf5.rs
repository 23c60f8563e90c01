//! HDF5: an array is a data set of integers or floating-point numbers, named by its path in the
//! file. The bytes are parsed by the reference library; its own checks decide what is damaged.

use ::hdf5::dataset::Layout;
use ::hdf5::types::{FloatSize, IntSize, TypeDescriptor};
use ::hdf5::{Dataset, Datatype, File, FileBuilder, H5Type};
use std::path::Path;

use super::Features;
use super::array::{Array, elements};
use super::source::{LIMIT, plausible};
use super::streamed::{Kind, Place, bytes};
use crate::DataError;

/// Most bytes of a row of chunks, all chunks that hold parts of the same samples, of a data set that
/// is streamed. Every thread keeps one unpacked.
const BAND: usize = 256 << 20;

/// Reads the data set `name`.
pub(super) fn read(path: &Path, name: &str) -> Result<Array, DataError> {
    let error = |finding: String| DataError::new(path, finding);
    let bytes = std::fs::metadata(path).map_err(|e| error(format!("cannot be read: {e}")))?.len();
    let dataset = open(path, name, &FileBuilder::new())?;
    let extents = dataset.shape();
    let count = elements(&extents.iter().map(|&extent| extent as u64).collect::<Vec<_>>());
    let size = dataset.dtype().map_or(8, |kind| kind.size() as u64);
    if !count.is_some_and(|count| plausible(count, size, bytes) && count <= LIMIT / 8) {
        return Err(error(format!(
            "`{name}` has extents {extents:?}, more numbers than a file of {bytes} bytes can hold: \
             it was never written whole, or is damaged"
        )));
    }
    let finding = |finding| error(format!("`{name}` {finding}"));
    if let Some(values) = pairs(&dataset).map_err(finding)? {
        return Ok(Array { extents, values, complex: true });
    }
    let values = numbers(&dataset).map_err(finding)?;
    Ok(Array { extents, values, complex: false })
}

/// Opens the data set `name`, which has 1 to 4 extents.
fn open(path: &Path, name: &str, builder: &FileBuilder) -> Result<Dataset, DataError> {
    let error = |finding: String| DataError::new(path, finding);
    let file: File = builder
        .open(path)
        .map_err(|e| error(format!("is not HDF5, or damaged or truncated: {e}")))?;
    let dataset = file.dataset(name).map_err(|_| {
        let names: Vec<String> = file
            .datasets()
            .map(|sets| sets.iter().map(|set| set.name().trim_start_matches('/').into()).collect())
            .unwrap_or_default();
        error(format!("no data set `{name}`; at the top it holds: {}", names.join(", ")))
    })?;
    let rank = dataset.ndim();
    if (1..=4).contains(&rank) {
        Ok(dataset)
    } else {
        Err(error(format!("`{name}` has {rank} extents, 1 to 4 are known")))
    }
}

/// Extents, type and place of a data set whose numbers stay in the file of `length` bytes.
///
/// One that lies in one piece is read past the library, by any number of threads at a time. Of one in
/// chunks the library keeps those unpacked that its readers are in.
pub(super) fn layout(
    path: &Path,
    name: &str,
    length: u64,
) -> Result<(Vec<usize>, Kind, Place), DataError> {
    let error = |finding: String| DataError::new(path, format!("`{name}` {finding}"));
    let mut dataset = open(path, name, &FileBuilder::new())?;
    let extents = dataset.shape();
    let damaged = |cause: ::hdf5::Error| error(format!("cannot be read: {cause}"));
    let datatype = dataset.dtype().map_err(damaged)?;
    let (kind, native) = match datatype.to_descriptor().map_err(damaged)? {
        TypeDescriptor::Unsigned(IntSize::U1) => (Kind::U8, Datatype::from_type::<u8>()),
        TypeDescriptor::Float(FloatSize::U4) => (Kind::F32, Datatype::from_type::<f32>()),
        TypeDescriptor::Float(FloatSize::U8) => (Kind::F64, Datatype::from_type::<f64>()),
        other => {
            return Err(error(format!(
                "holds {other}, which cannot be streamed: 8-bit unsigned integers and floats of 32 \
                 and 64 bits can; convert it, or read it without `stream`"
            )));
        }
    };
    let wide: Vec<u64> = extents.iter().map(|&extent| extent as u64).collect();
    let total = bytes(&wide, kind).ok_or_else(|| error(format!("has extents {extents:?}")))?;
    // Where the numbers of the file are those of the memory.
    let native = cfg!(target_endian = "little") && native.is_ok_and(|native| native == datatype);
    match (dataset.layout(), dataset.offset()) {
        (Layout::Contiguous, Some(start)) if native => {
            if start.checked_add(total).is_none_or(|end| end > length) {
                return Err(error(format!(
                    "needs {total} bytes from byte {start}, the file holds {length}: it is \
                     truncated or damaged"
                )));
            }
            return Ok((extents, kind, Place::Bytes(start)));
        }
        (Layout::Contiguous, None) | (Layout::Virtual, _) => {
            return Err(error(
                "has no numbers in this file, or was never written: copy it into one piece with \
                 h5repack, or read it without `stream`"
                    .into(),
            ));
        }
        _ => {}
    }
    if let Some(chunk) = dataset.chunk() {
        let row = wide.iter().skip(1).zip(chunk.iter().skip(1));
        let row: u64 = row.map(|(&extent, &chunk)| extent.next_multiple_of(chunk as u64)).product();
        let band = (row * kind.size() as u64).saturating_mul(chunk[0] as u64);
        if band > BAND as u64 {
            return Err(error(format!(
                "is stored in chunks {chunk:?}: all that hold parts of one sample take {band} bytes, \
                 at most {BAND} can be kept unpacked; rewrite it with fewer samples to a chunk \
                 (h5repack -l), or in one piece (h5repack -l CONTI)"
            )));
        }
        let keep = (band as usize * (rayon::current_num_threads() + 1)).max(1 << 20);
        let mut builder = FileBuilder::new();
        builder.with_fapl(|access| access.chunk_cache(SLOTS, keep, 0.75));
        // Closed first: a file that is open keeps the cache it was opened with.
        drop(dataset);
        dataset = open(path, name, &builder)?;
    }
    Ok((extents, kind, Place::Hyperslabs { dataset, name: name.to_owned() }))
}

/// Slots of the library's table of chunks: a prime, and many for each chunk that is kept.
const SLOTS: usize = 100_003;

/// A complex number as h5py writes it.
#[derive(Clone, Copy, H5Type)]
#[repr(C)]
struct Short {
    r: f64,
    i: f64,
}

/// A complex number as MATLAB writes it.
#[derive(Clone, Copy, H5Type)]
#[repr(C)]
struct Long {
    real: f64,
    imag: f64,
}

/// Real and imaginary parts, if the data set is of compounds of two floating-point numbers with the
/// names that h5py or MATLAB gives them.
fn pairs(dataset: &Dataset) -> Result<Option<Features>, String> {
    let damaged = |error: ::hdf5::Error| format!("cannot be read: {error}");
    let kind = dataset.dtype().and_then(|kind| kind.to_descriptor()).map_err(damaged)?;
    let TypeDescriptor::Compound(compound) = kind else { return Ok(None) };
    let floats = compound.fields.iter().all(|field| matches!(field.ty, TypeDescriptor::Float(_)));
    let names: Vec<&str> = compound.fields.iter().map(|field| field.name.as_str()).collect();
    let values = match &names[..] {
        ["r", "i"] if floats => {
            let pairs = dataset.read_raw::<Short>().map_err(damaged)?;
            pairs.into_iter().flat_map(|Short { r, i }| [r, i]).collect()
        }
        ["real", "imag"] if floats => {
            let pairs = dataset.read_raw::<Long>().map_err(damaged)?;
            pairs.into_iter().flat_map(|Long { real, imag }| [real, imag]).collect()
        }
        _ => {
            let names = names.join(", ");
            return Err(format!(
                "holds compounds of {names}; those of two floats r, i or real, imag are read, as \
                 complex numbers"
            ));
        }
    };
    Ok(Some(Features::F64(values)))
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
        assert_eq!(
            found,
            Array { extents: vec![3], values: Features::F64(vec![1.0, -2.0, 3.0]), complex: false }
        );
        let found = array(two_sets, |bytes| bytes, "part/features").unwrap();
        assert_eq!(
            found,
            Array { extents: vec![2, 3], values: Features::F32(vec![0.5; 6]), complex: false }
        );
    }

    #[test]
    fn compounds_of_two_floats_are_complex_numbers() {
        #[derive(Clone, Copy, H5Type)]
        #[repr(C)]
        struct Single {
            r: f32,
            i: f32,
        }
        #[derive(Clone, Copy, H5Type)]
        #[repr(C)]
        struct Other {
            x: f64,
            y: f64,
        }
        let single = |file: &File| {
            let data = [Single { r: 0.5, i: -1.0 }, Single { r: 2.0, i: 3.0 }];
            file.new_dataset_builder().with_data(&data).create("x").map(drop)
        };
        let long = |file: &File| {
            let data = [Long { real: 0.5, imag: -1.0 }, Long { real: 2.0, imag: 3.0 }];
            file.new_dataset_builder().with_data(&data).create("x").map(drop)
        };
        let values = Features::F64(vec![0.5, -1.0, 2.0, 3.0]);
        let expected = Array { extents: vec![2], values, complex: true };
        assert_eq!(array(single, |bytes| bytes, "x").unwrap(), expected);
        assert_eq!(array(long, |bytes| bytes, "x").unwrap(), expected);
        let other = |file: &File| {
            let data = [Other { x: 0.5, y: 1.0 }];
            file.new_dataset_builder().with_data(&data).create("x").map(drop)
        };
        let message = array(other, |bytes| bytes, "x").unwrap_err();
        assert!(message.contains("holds compounds of x, y"), "{message}");
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
