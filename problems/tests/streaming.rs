//! Features that are streamed or computed anew give what stored features give, to the bit; files that
//! cannot be streamed are refused, and one that is cut while it is read ends the oracle with a message.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use converge_problems::data::DatasetChoice;
use converge_problems::mlr::{Mlr, MlrConfig};
use converge_problems::{
    Batch, BatchGradient, Build, Gradient, HessianVector, Problem, Seed, Value,
};
use rand::RngExt;
use serde_json::{Value as Json, json};

const SAMPLES: usize = 700;
const CLASSES: usize = 4;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Numbers {
    U8,
    F32,
    F64,
    /// Bytes, written as doubles.
    Whole,
    /// Single precision, written as doubles.
    Single,
}

const ALL: [Numbers; 5] =
    [Numbers::U8, Numbers::F32, Numbers::F64, Numbers::Whole, Numbers::Single];

impl Numbers {
    fn descr(self) -> &'static str {
        match self {
            Self::U8 => "|u1",
            Self::F32 => "<f4",
            _ => "<f8",
        }
    }

    fn values(self, count: usize) -> Vec<f64> {
        let mut rng = Seed::root(3).child("file").rng();
        let mut number = || match self {
            Self::U8 | Self::Whole => f64::from(rng.random::<u8>()),
            Self::F32 | Self::Single => f64::from(rng.random_range(-1.0_f32..1.0)),
            Self::F64 => rng.random_range(-1.0..1.0),
        };
        (0..count).map(|_| number()).collect()
    }

    fn bytes(self, values: &[f64]) -> Vec<u8> {
        match self {
            Self::U8 => values.iter().map(|&v| v as u8).collect(),
            Self::F32 => values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

fn npy(descr: &str, order: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers);
    bytes
}

fn labels() -> Vec<u8> {
    let mut rng = Seed::root(4).child("labels").rng();
    (0..SAMPLES).map(|_| rng.random_range(0..CLASSES as u8)).collect()
}

/// Writes `x.npy`, `y.npy`.
fn write_npy(folder: &Path, kind: Numbers, extents: &[usize]) {
    let values = kind.values(SAMPLES * extents.iter().product::<usize>());
    let shape: Vec<String> =
        std::iter::once(&SAMPLES).chain(extents).map(usize::to_string).collect();
    let shape = format!("({})", shape.join(", "));
    let file = npy(kind.descr(), "False", &shape, &kind.bytes(&values));
    fs::write(folder.join("x.npy"), file).unwrap();
    let file = npy("|u1", "False", &format!("({SAMPLES},)"), &labels());
    fs::write(folder.join("y.npy"), file).unwrap();
}

/// Writes `x.h5` with the same numbers, in chunks of so many samples if not in one piece.
fn write_hdf5(folder: &Path, kind: Numbers, inputs: usize, chunk: Option<(usize, usize)>) {
    fn write<T: hdf5::H5Type>(
        file: &hdf5::File,
        values: Vec<T>,
        inputs: usize,
        chunk: Option<(usize, usize)>,
    ) -> hdf5::Result<()> {
        let builder = file.new_dataset::<T>();
        let builder = match chunk {
            Some(chunk) => builder.chunk(chunk).deflate(3),
            None => builder,
        };
        builder.shape((SAMPLES, inputs)).create("features")?.write_raw(&values)
    }
    let values = kind.values(SAMPLES * inputs);
    let file = hdf5::File::create(folder.join("x.h5")).unwrap();
    match kind {
        Numbers::U8 => {
            write(&file, values.iter().map(|&v| v as u8).collect(), inputs, chunk).unwrap();
        }
        Numbers::F32 => {
            write(&file, values.iter().map(|&v| v as f32).collect(), inputs, chunk).unwrap();
        }
        _ => write(&file, values, inputs, chunk).unwrap(),
    }
    file.new_dataset_builder().with_data(&labels()).create("labels").unwrap();
}

fn in_folder(mut files: Json, folder: &Path) -> Json {
    for key in ["path", "labels-path"] {
        if let Some(name) = files.get(key).and_then(Json::as_str) {
            let path = folder.join(name).to_str().unwrap().to_owned();
            files[key] = json!(path);
        }
    }
    files
}

fn build(folder: &Path, files: Json, rest: Json) -> Result<Mlr, String> {
    let mut section = json!({ "dataset": in_folder(files, folder) });
    section.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let config: MlrConfig = serde_json::from_value(section).unwrap();
    Mlr::build(&config, Seed::root(1), None).map_err(|error| error.to_string())
}

/// Everything an oracle gives, as bits, on a pool of so many threads.
fn oracles(mlr: &Mlr, threads: usize) -> Vec<u64> {
    let mut rng = Seed::root(6).child("point").rng();
    let mut point = || (0..mlr.dim()).map(|_| rng.random_range(-0.1..0.1)).collect::<Vec<f64>>();
    let (x, v) = (point(), point());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut scratch = mlr.scratch();
        let mut vectors = [(); 3].map(|()| vec![0.0; x.len()]);
        let [g, hv, batch] = &mut vectors;
        let mut numbers = vec![mlr.value(&x, &mut scratch)];
        numbers.push(mlr.value_gradient(&x, g, &mut scratch));
        let mut at = mlr.linearization();
        mlr.linearize(&x, &mut at, &mut scratch);
        mlr.hessian_vector(&at, &v, hv, &mut scratch);
        let terms: Vec<u32> = (0..mlr.samples() as u32).step_by(3).rev().collect();
        mlr.batch_gradient(Batch { terms: &terms, draw: Seed::root(0) }, &x, batch, &mut scratch);
        let mut row = vec![0.0; mlr.metrics().len()];
        mlr.evaluate(&x, &mut row, &mut scratch);
        let gram = mlr.gram();
        numbers.extend(vectors.iter().flatten().chain(&row));
        numbers.extend((0..gram.ncols()).flat_map(|j| gram.col_as_slice(j)));
        numbers.into_iter().map(f64::to_bits).collect()
    })
}

fn assert_equal(stored: &Mlr, other: &Mlr, what: &str) {
    let expected = oracles(stored, 1);
    for threads in [1, 2, 3, 8] {
        assert!(oracles(other, threads) == expected, "{what}, {threads} threads");
    }
}

#[test]
fn streamed_arrays_give_the_bits_of_stored_ones() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ALL {
        write_npy(folder.path(), kind, &[37]);
        for precision in ["double", "mixed"] {
            for (peak, in_order) in [(None, false), (Some(255.0), true)] {
                let mut files = json!({ "path": "x.npy", "labels-path": "y.npy" });
                if let Some(peak) = peak {
                    files["peak"] = json!(peak);
                }
                let rest = json!({ "precision": precision, "split": { "in-order": in_order } });
                let stored = build(folder.path(), files.clone(), rest.clone()).unwrap();
                files["stream"] = json!(true);
                let streamed = build(folder.path(), files, rest).unwrap();
                assert!(streamed.facts().iter().any(|(_, fact)| fact.ends_with(", streamed")));
                assert_equal(&stored, &streamed, &format!("{kind:?} {precision} {peak:?}"));
            }
        }
    }
}

#[test]
fn streamed_hdf5_gives_the_bits_of_stored_arrays_in_one_piece_and_in_chunks() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ALL {
        for chunk in [None, Some((64, 37)), Some((100, 10))] {
            write_hdf5(folder.path(), kind, 37, chunk);
            let rest = json!({ "split": { "in-order": true } });
            let stored = build(folder.path(), json!({ "path": "x.h5" }), rest.clone()).unwrap();
            let streamed = json!({ "path": "x.h5", "stream": true });
            let streamed = build(folder.path(), streamed, rest).unwrap();
            assert_equal(&stored, &streamed, &format!("{kind:?} {chunk:?}"));
        }
    }
}

#[test]
fn the_library_converts_the_byte_order_of_what_it_streams() {
    let folder = tempfile::tempdir().unwrap();
    write_hdf5(folder.path(), Numbers::F32, 6, None);
    let stored =
        build(folder.path(), json!({ "path": "x.h5" }), json!({ "split": { "in-order": true } }))
            .unwrap();
    // The class of the type is followed by its bit field, whose first bit is the byte order.
    let mut bytes = fs::read(folder.path().join("x.h5")).unwrap();
    let little = [0x11, 0x20, 0x1f, 0x00, 4, 0, 0, 0];
    let at = bytes.windows(8).position(|window| window == little).unwrap();
    bytes[at + 1] |= 1;
    let first = Numbers::F32.bytes(&Numbers::F32.values(SAMPLES * 6));
    let data = bytes.windows(64).position(|window| window == &first[..64]).unwrap();
    for word in bytes[data..data + first.len()].chunks_exact_mut(4) {
        word.reverse();
    }
    fs::write(folder.path().join("x.h5"), bytes).unwrap();
    let files = json!({ "path": "x.h5", "stream": true });
    let rest = json!({ "split": { "in-order": true } });
    let streamed = build(folder.path(), files, rest).unwrap();
    assert_equal(&stored, &streamed, "big-endian");
}

#[test]
fn features_that_are_computed_anew_give_the_bits_of_stored_ones() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, maps) in [
        (Numbers::U8, json!([{ "random-convolution": { "filters": 3 } }, "standardized", "raw"])),
        (Numbers::F64, json!([{ "random-convolution": { "filters": 2 } }, "standardized"])),
    ] {
        write_npy(folder.path(), kind, &[2, 5, 4]);
        let files = json!({ "path": "x.npy", "labels-path": "y.npy", "peak": 255 });
        let mut streamed = files.clone();
        streamed["stream"] = json!(true);
        for map in maps.as_array().unwrap() {
            for precision in ["double", "mixed"] {
                let rest = json!({ "features": map, "precision": precision });
                let mut anew = rest.clone();
                anew["storage"] = json!("recompute");
                let stored = build(folder.path(), files.clone(), rest.clone()).unwrap();
                for (files, rest) in [(&files, &anew), (&streamed, &anew), (&streamed, &rest)] {
                    let other = build(folder.path(), files.clone(), rest.clone()).unwrap();
                    assert_equal(&stored, &other, &format!("{kind:?} {map} {precision} {rest}"));
                }
            }
        }
    }
}

#[test]
fn files_that_cannot_be_streamed_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let refused = |path: &str| {
        let files = json!({ "path": path, "labels-path": "y.npy", "stream": true });
        build(folder.path(), files, json!({})).unwrap_err()
    };
    write("y.npy", &npy("|u1", "False", "(2,)", &[0, 1]));
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
    let nan = [1.0, f64::NAN].map(f64::to_le_bytes).concat();
    for (bytes, words) in [
        (npy("|u1", "False", "(2, 3)", &[1; 5]), "holds 75: it is truncated"),
        (npy("|u1", "False", "(2, 3)", &[1; 7]), "more follows its array"),
        (npy("<i4", "False", "(2, 3)", &[1; 24]), "u1, <f4 and <f8 can"),
        (npy(">f8", "False", "(2, 3)", &[1; 48]), "u1, <f4 and <f8 can"),
        (npy("<f8", "True", "(2, 3)", &[1; 48]), "numpy.ascontiguousarray"),
        (npy("|u1", "False", "(4294967296, 4294967296)", &[1]), "overflow"),
        (npy("|u1", "False", "(0, 3)", &[]), "no numbers: 0 samples"),
        (npy("|u1", "False", "(3, 1)", &[1; 3]), "2 labels, but"),
        (npy("<f8", "False", "(2, 1)", &nan), "input 0 of sample 1 is NaN"),
        (gzip.to_vec(), "unpack it"),
        (b"PK\x03\x04aaaaaaa".to_vec(), "is not NPY"),
    ] {
        write("x.npy", &bytes);
        let message = refused("x.npy");
        assert!(message.contains(words) && message.contains("x.npy"), "{words}: {message}");
    }
    write("x.csv", b"1,2,0\n3,4,1\n");
    let message = refused("x.csv");
    assert!(message.contains("`stream` goes with NPY and HDF5"), "{message}");
}

#[test]
fn hdf5_that_cannot_be_streamed_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let refused = |write: &dyn Fn(&hdf5::File) -> hdf5::Result<()>| {
        let file = hdf5::File::create(&path).unwrap();
        file.new_dataset_builder().with_data(&labels()).create("labels").unwrap();
        write(&file).unwrap();
        drop(file);
        build(folder.path(), json!({ "path": "x.h5", "stream": true }), json!({})).unwrap_err()
    };
    let message =
        refused(&|file| file.new_dataset::<i32>().shape((SAMPLES, 2)).create("features").map(drop));
    assert!(message.contains("`features` holds int32, which cannot be streamed"), "{message}");
    let message = refused(&|file| {
        let builder = file.new_dataset::<f64>().chunk((1 << 20, 64));
        builder.shape((1 << 20, 64)).create("features").map(drop)
    });
    assert!(message.contains("h5repack -l"), "{message}");
    let message =
        refused(&|file| file.new_dataset::<f64>().shape((SAMPLES, 2)).create("features").map(drop));
    assert!(message.contains("was never written"), "{message}");
    let message = refused(&|file| file.new_dataset::<f64>().create("features").map(drop));
    assert!(message.contains("has 0 extents"), "{message}");
    write_hdf5(folder.path(), Numbers::F64, 9, Some((50, 9)));
    let files = json!({ "path": "x.h5", "stream": true });
    let message = build(folder.path(), files.clone(), json!({})).unwrap_err();
    assert!(message.contains("in-order = true"), "{message}");
    write_hdf5(folder.path(), Numbers::F64, 9, None);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1000]).unwrap();
    let message = build(folder.path(), files, json!({})).unwrap_err();
    assert!(message.contains("truncated"), "{message}");
}

/// The message of the panic that an oracle ends with once the last part of `name` is gone.
fn message_when_cut(folder: &Path, name: &str, files: Json) -> String {
    let mlr = build(folder, files, json!({ "split": { "in-order": true } })).unwrap();
    let mut scratch = mlr.scratch();
    let (x, mut g) = (vec![0.0; mlr.dim()], vec![0.0; mlr.dim()]);
    mlr.value_gradient(&x, &mut g, &mut scratch);
    let file = fs::OpenOptions::new().write(true).open(folder.join(name)).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length / 2).unwrap();
    let ended = catch_unwind(AssertUnwindSafe(|| mlr.value_gradient(&x, &mut g, &mut scratch)));
    ended.unwrap_err().downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_file_that_is_cut_while_it_is_read_ends_with_file_and_place() {
    let folder = tempfile::tempdir().unwrap();
    write_npy(folder.path(), Numbers::F64, &[30]);
    let files = json!({ "path": "x.npy", "labels-path": "y.npy", "stream": true });
    let message = message_when_cut(folder.path(), "x.npy", files);
    for words in ["x.npy", "from byte ", "samples ", "bytes, 168073 when it was opened"] {
        assert!(message.contains(words), "{words}: {message}");
    }
    let files = json!({ "path": "x.h5", "stream": true });
    write_hdf5(folder.path(), Numbers::F64, 30, None);
    let message = message_when_cut(folder.path(), "x.h5", files.clone());
    assert!(message.contains("x.h5") && message.contains("from byte "), "{message}");
    // The library itself would give zeros for chunks that are gone.
    write_hdf5(folder.path(), Numbers::F64, 30, Some((50, 30)));
    let message = message_when_cut(folder.path(), "x.h5", files);
    assert!(message.contains("x.h5: rows ") && message.contains("of `features`"), "{message}");
}

#[test]
fn a_section_with_streaming_survives_the_round_trip() {
    let json = r#"{"path":"a.npy","labels-path":"b.npy","stream":true}"#;
    let choice: DatasetChoice = serde_json::from_str(json).unwrap();
    assert_eq!(
        serde_json::to_string(&choice).unwrap(),
        r#"{"path":"a.npy","labels-path":"b.npy","stream":true}"#
    );
    let plain = json.replace(r#","stream":true"#, "");
    let choice: DatasetChoice = serde_json::from_str(&plain).unwrap();
    assert_eq!(serde_json::to_string(&choice).unwrap(), plain);
}
