//! The append-only file of one process.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Store, StoreError, at, frame, pack, upkeep};
use crate::record::Record;

/// Records after which a journal becomes a pack.
pub(super) const SEAL_RECORDS: usize = 1000;
/// Bytes after which it does, so that sealing fits into memory.
pub(super) const SEAL_BYTES: u64 = 256 << 20;

/// The append-only file of one process. A kill at any moment leaves a prefix of whole records.
///
/// Its owner holds an exclusive lock on it, which the system drops however the process ends: a
/// journal whose lock can be taken has no owner any more and is adopted.
///
/// An append is one write to the system, without `fsync`: it survives any end of the process, and a
/// power cut costs the records since the last seal at most, which a resumed run computes again.
/// Packs are synced before their journal goes.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    length: u64,
    records: usize,
    /// When to seal next, in records and bytes; moved on when sealing fails.
    due: (usize, u64),
}

impl Journal {
    pub(super) fn create(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { store: store.clone(), open: Some(Open::create(store)?) })
    }

    /// Appends a record and flushes it to the system; seals a pack every 1,000 records.
    ///
    /// A pack that cannot be written then is not an error here: the journal stays and grows, and
    /// [`seal`](Journal::seal) tries again.
    ///
    /// # Errors
    /// A full disk, for one, or a record whose columns differ in length: the record is not stored,
    /// the earlier ones are.
    pub fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(Open::create(&self.store)?),
        };
        check(record).map_err(at(&open.path))?;
        let bytes = frame::record(record).map_err(at(&open.path))?;
        if let Err(error) = open.file.write_all(&bytes) {
            // What was written of the record would stand in the way of the next one.
            let undone = open.file.set_len(open.length);
            let undone = undone.and_then(|()| open.file.seek(SeekFrom::Start(open.length)));
            let rest = match undone {
                Ok(_) => "the record is not stored",
                Err(_) => "the record is not stored, its beginning stays and will be skipped",
            };
            return Err(at(&open.path)(format!("{error}; {rest}")));
        }
        open.length += bytes.len() as u64;
        open.records += 1;
        if open.records >= open.due.0 || open.length >= open.due.1 {
            open.due = (open.records + SEAL_RECORDS, open.length + SEAL_BYTES);
            let _stays_and_is_tried_again = self.roll();
        }
        Ok(())
    }

    /// Seals what is left into a pack and removes the journal; then merges small packs.
    ///
    /// # Errors
    /// If the pack cannot be written; the journal stays.
    pub fn seal(mut self) -> Result<Option<PathBuf>, StoreError> {
        let Some(sealed) = self.roll()? else { return Ok(None) };
        // Merging is upkeep: if it fails, everything is where it was, and the next command tries again.
        let guard = self.store.lock()?;
        let merged = upkeep::merge(&self.store, &guard).unwrap_or_default();
        Ok(Some(merged.get(&sealed).cloned().unwrap_or(sealed)))
    }

    /// Turns the journal into a pack.
    fn roll(&mut self) -> Result<Option<PathBuf>, StoreError> {
        let Some(open) = &self.open else { return Ok(None) };
        let _guard = self.store.lock()?;
        let scan = frame::scan(&fs::read(&open.path).map_err(at(&open.path))?);
        let sealed = match &scan.records[..] {
            [] => None,
            records => Some(pack::write(&self.store.traces(), &scan.machine, records)?),
        };
        retire(&open.path, &scan)?;
        self.open = None;
        Ok(sealed)
    }
}

/// Takes a journal whose whole records are in a pack out of the way: removed, or, if some of its
/// bytes could not be read, kept under a name that says so.
pub(super) fn retire(path: &Path, scan: &frame::Scan) -> Result<(), StoreError> {
    if scan.damage.is_empty() {
        fs::remove_file(path).map_err(at(path))
    } else {
        fs::rename(path, path.with_extension("damaged")).map_err(at(path))
    }
}

impl Open {
    fn create(store: &Store) -> Result<Self, StoreError> {
        let traces = store.traces();
        for number in 0_u32.. {
            let path = traces.join(format!("{}-{number}.journal", std::process::id()));
            let mut file = match File::create_new(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(at(&path)(error)),
            };
            // Another process may take the file for abandoned between its creation and our lock;
            // it then is gone or locked, and we take another.
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => continue,
                Err(fs::TryLockError::Error(error)) => return Err(at(&path)(error)),
            }
            if !is_same_file(&file, &path) {
                continue;
            }
            let mut head = frame::MAGIC.to_vec();
            head.extend(frame::machine(&super::machine()));
            file.write_all(&head).map_err(at(&path))?;
            let length = head.len() as u64;
            return Ok(Self { path, file, length, records: 0, due: (SEAL_RECORDS, SEAL_BYTES) });
        }
        unreachable!("a folder does not hold 2^32 journals of one process")
    }
}

/// Whether `path` still names the open `file`.
pub(super) fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// A record that a pack can hold: rectangular traces, arrays as long as their shapes say.
fn check(record: &Record) -> Result<(), String> {
    let trace = &record.trace;
    let rows = trace.rows();
    if let Some(column) = trace.columns.iter().find(|column| column.values.len() != rows) {
        return Err(format!(
            "run {}: column {} has {} rows where the first has {rows}",
            record.identity,
            column.metric.name,
            column.values.len()
        ));
    }
    if !trace.digests.is_empty() && trace.digests.len() != rows {
        return Err(format!(
            "run {}: {} digests for {rows} rows",
            record.identity,
            trace.digests.len()
        ));
    }
    for array in &record.arrays {
        let size = array.output.shape.iter().try_fold(1_usize, |n, &extent| n.checked_mul(extent));
        if size != Some(array.values.len()) {
            return Err(format!(
                "run {}: output {} of shape {:?} has {} numbers",
                record.identity,
                array.output.name,
                array.output.shape,
                array.values.len()
            ));
        }
    }
    Ok(())
}
