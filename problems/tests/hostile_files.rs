//! No damage to a data file makes a reader panic or allocate beyond a bound.
#![allow(unsafe_code, reason = "a counting allocator has to implement an unsafe trait")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use converge_problems::Seed;
use converge_problems::data::{DatasetChoice, load};
use rand::RngExt;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a small damaged file may take: a text whose index grew becomes at most 2^20 numbers, held
/// as doubles and once more in a narrower type, beside buffers of 64 KiB.
const BOUND: usize = 16 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(extents: &[u32], numbers: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, extents.len() as u8];
    bytes.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
    bytes.extend(numbers);
    bytes
}

fn npy(shape: &str, numbers: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers);
    bytes
}

/// Damages the file at `path` in 400 ways and loads `choice` after each; gives the number of errors.
fn attack(path: &Path, choice: &str, whole: &[u8]) -> usize {
    let choice: DatasetChoice =
        serde_json::from_str(&choice.replace("DIR", path.parent().unwrap().to_str().unwrap()))
            .unwrap();
    std::fs::write(path, whole).unwrap();
    load(&choice, Seed::root(0)).expect("the undamaged file loads");
    let mut rng = Seed::root(1).child(&path.display().to_string()).rng();
    let mut errors = 0;
    for _ in 0..400 {
        let mut bytes = whole.to_vec();
        for _ in 0..rng.random_range(0..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        if rng.random_range(0..3) == 0 {
            bytes.truncate(rng.random_range(0..bytes.len()));
        }
        std::fs::write(path, bytes).unwrap();
        PEAK.store(HELD.load(Ordering::Relaxed), Ordering::Relaxed);
        let before = HELD.load(Ordering::Relaxed);
        errors += usize::from(load(&choice, Seed::root(0)).is_err());
        let used = PEAK.load(Ordering::Relaxed) - before;
        assert!(used < BOUND, "{}: {used} bytes", path.display());
    }
    errors
}

// One test, so that no other thread allocates meanwhile.
#[test]
fn damaged_files_give_data_or_errors_within_a_bound_of_memory() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let labels = idx(&[6], &[0, 1, 2, 0, 1, 2]);
    std::fs::write(at("labels"), &labels).unwrap();
    std::fs::write(at("labels.npy"), npy("(6,)", &[0, 1, 2, 0, 1, 2])).unwrap();
    let images = idx(&[6, 2, 3], &[7; 36]);
    let text = b"1 1:0.5 3:2\n2 2:7 3:1e-3\n1 1:1\n2 3:4\n";
    let table = b"a,b,class\n1,2.5,0\n3,4,1\n5,6,0\n";
    let idx_choice = r#"{"path":"DIR/x","labels-path":"DIR/labels","format":"idx"}"#;
    let mut errors = Vec::new();
    errors.push(attack(&at("x"), idx_choice, &images));
    errors.push(attack(&at("x"), idx_choice, &gzip(&images)));
    let libsvm = r#"{"path":"DIR/t","format":"libsvm"}"#;
    errors.push(attack(&at("t"), libsvm, text));
    errors.push(attack(&at("t"), libsvm, &gzip(text)));
    errors.push(attack(&at("t.csv"), r#"{"path":"DIR/t.csv"}"#, table));
    let npy_choice = r#"{"path":"DIR/x.npy","labels-path":"DIR/labels.npy"}"#;
    errors.push(attack(&at("x.npy"), npy_choice, &npy("(6, 6)", &[3; 36])));
    let file = hdf5::File::create(at("a.h5")).unwrap();
    file.new_dataset_builder().with_data(&[0_u8, 1, 1]).create("labels").unwrap();
    file.new_dataset::<f64>().shape((3, 4)).create("features").unwrap();
    file.close().unwrap();
    let whole = std::fs::read(at("a.h5")).unwrap();
    errors.push(attack(&at("a.h5"), r#"{"path":"DIR/a.h5"}"#, &whole));
    // Damage that goes unnoticed is possible (a pixel), but most of it must not.
    assert!(errors.iter().all(|&count| count > 40), "{errors:?}");

    // A gzip bomb: 64 MiB of zeros in 64 KiB, behind a header that promises less, and more.
    for (count, words) in [(10_u32, "more bytes follow"), (100 << 20, "promises")] {
        std::fs::write(at("x"), gzip(&idx(&[count], &vec![0; 64 << 20]))).unwrap();
        let choice = idx_choice.replace("DIR", folder.path().to_str().unwrap());
        let choice: DatasetChoice = serde_json::from_str(&choice).unwrap();
        PEAK.store(HELD.load(Ordering::Relaxed), Ordering::Relaxed);
        let before = HELD.load(Ordering::Relaxed);
        let message = load(&choice, Seed::root(0)).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        // The longer promise is read to its end before it is found broken.
        let allowed = if count == 10 { BOUND } else { 160 << 20 };
        assert!(PEAK.load(Ordering::Relaxed) - before < allowed);
    }
}
