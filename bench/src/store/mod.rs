//! The store: a folder of HDF5 packs and open journals. The one place that knows HDF5.
//!
//! ```text
//! lock               held while packs are written, merged or removed
//! traces/*.journal   what running processes have finished: one file each, locked by its owner
//! traces/*.h5        packs: written whole, renamed into place, never modified
//! traces/*.damaged   journals with unreadable bytes; what is whole in them is in packs
//! ```
//!
//! # A pack
//!
//! ```text
//! first 512 bytes   plain text: schema, length of the file, XXH3-128 of all that follows
//! attributes        schema, format, written_by (JSON), machine (JSON), digest (of the records)
//! /configurations   JSON, each once: the cell without its seed and reference
//! /columns          JSON lists of data sets under /trace: the columns that a run has, in its order
//! /runs             one line per run: identity, configuration and columns (line numbers of the
//!                   tables above), seed, reference, offset, rows, status, reason, setup_seconds,
//!                   setup_work, timed, concurrency, threads, code, started, peak_bytes, facts
//!                   (JSON), digest
//! /trace/<column>   all rows of all runs, one run after the other: run r has the rows
//!                   offset[r] .. offset[r] + rows[r] of every column
//! /arrays           one line per array: run (line number), name, offset, size, shape
//! /output/<name>    the numbers of all arrays of that name, one after the other, row-major
//! ```
//!
//! Columns are chunked, shuffled and deflated. Metrics are f64; counts and digests are u64. Every
//! column is as long as all runs together, so one pair of offset and rows serves all; where a run
//! lacks a column nothing is stored and readers see the fill value (NaN, or 2⁶⁴ − 1 for counts).
//! A NaN in a column that `/columns` lists for the run was measured and is not finite; in any other
//! it was not measured. Attributes of a column: name, role (`metric`, `count`, `digest`), units,
//! direction, split, description. Columns of one name that differ in these lie in data sets of
//! their own (`loss`, `loss~2`).
//!
//! # Reading a pack without this program
//!
//! h5py:
//! ```python
//! pack = h5py.File("pack.h5")
//! run  = pack["runs"][0]
//! loss = pack["trace/test-loss"][run["offset"] : run["offset"] + run["rows"]]
//! ```
//! pandas (and `.to_xarray()` from there):
//! ```python
//! runs  = pd.DataFrame({name: pack["runs"][name] for name in ("identity", "seed", "rows", "status")})
//! trace = pd.DataFrame({name: c[:] for name, c in pack["trace"].items()}, index=runs.index.repeat(runs["rows"]))
//! trace = trace.join(runs)
//! ```
//! MATLAB:
//! ```matlab
//! runs = h5read("pack.h5", "/runs");
//! loss = h5read("pack.h5", "/trace/test-loss");
//! loss = loss(runs.offset(1) + 1 : runs.offset(1) + runs.rows(1));
//! ```
//! Julia:
//! ```julia
//! pack = h5open("pack.h5")
//! run  = read(pack["runs"])[1]
//! loss = pack["trace/test-loss"][run.offset + 1 : run.offset + run.rows]
//! ```

mod frame;
mod journal;
mod pack;
mod read;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::cell::{Cell, Identity};
use crate::environment;
use crate::record::{Header, Record};

pub use journal::Journal;
use read::{Pack, Unusable};

/// A file of the store that cannot be used, or an operation on it that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {finding}", path.display())]
pub struct StoreError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong, and the remedy.
    pub finding: String,
}

/// A folder that holds traces: `traces/*.h5` (packs) and `traces/*.journal`.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// One attempt at a cell, without its rows.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What ran.
    pub cell: Cell,
    /// How it went.
    pub header: Header,
    /// Rows of its trace.
    pub rows: u64,
    /// The file that holds it.
    pub file: PathBuf,
}

/// Everything in the store, without rows.
#[derive(Debug, Default)]
pub struct Survey {
    /// All attempts at each cell, oldest first.
    pub attempts: BTreeMap<Identity, Vec<Summary>>,
    /// Files that were skipped, and why.
    pub problems: Vec<StoreError>,
}

/// Records read in full.
#[derive(Debug, Default)]
pub struct Loaded {
    /// For each wanted cell its newest result, or its newest attempt if none is a result.
    pub records: BTreeMap<Identity, Record>,
    /// Files that were skipped, and why.
    pub problems: Vec<StoreError>,
}

/// An error about `path`.
fn at<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> StoreError + use<'_, E> {
    move |error| StoreError { path: path.to_path_buf(), finding: error.to_string() }
}

/// The lock of a store: its holder is the only one who writes or removes packs.
struct Guard {
    _file: File,
}

impl Store {
    /// Opens the store in `dir`, creating the folder if it is not there.
    ///
    /// # Errors
    /// If the folder cannot be created or written.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let store = Self { dir: dir.into() };
        let traces = store.traces();
        fs::create_dir_all(&traces).map_err(at(&traces))?;
        store.lock_file()?;
        Ok(store)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A new journal that only this process writes.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        Journal::create(self)
    }

    /// Seals the journals of processes that are no longer alive into packs, removes what they left
    /// of unfinished packs, and merges small packs; returns what had to be dropped (torn tails) or
    /// skipped. Waits while another process seals.
    ///
    /// # Errors
    /// If a pack cannot be written.
    pub fn adopt(&self) -> Result<Vec<StoreError>, StoreError> {
        let guard = self.lock()?;
        upkeep::sweep(self, &guard);
        let findings = upkeep::adopt(self, &guard)?;
        upkeep::merge(self, &guard)?;
        Ok(findings)
    }

    /// Reads all headers.
    pub fn survey(&self) -> Survey {
        let mut survey = Survey::default();
        let mut seen = BTreeSet::new();
        let mut problems = Vec::new();
        let mut add = |digest, identity, summary| {
            if seen.insert(digest) {
                survey.attempts.entry(identity).or_default().push(summary);
            }
        };
        for (path, stored) in self.journaled(&mut problems) {
            let Record { identity, cell, header, trace, .. } = stored.record;
            let rows = trace.rows() as u64;
            add(stored.digest, identity, Summary { cell, header, rows, file: path });
        }
        for pack in self.packs(&mut problems) {
            for (number, run) in pack.runs.iter().enumerate() {
                match pack.cell(number).and_then(|cell| Ok((cell, pack.header(number)?))) {
                    Ok((cell, header)) => {
                        let file = pack.path.clone();
                        let summary = Summary { cell, header, rows: run.rows, file };
                        add(run.digest, pack.identity(number), summary);
                    }
                    Err(finding) => problems.push(at(&pack.path)(finding)),
                }
            }
        }
        survey.problems = problems;
        for attempts in survey.attempts.values_mut() {
            attempts.sort_by(|a, b| a.header.started.total_cmp(&b.header.started));
        }
        survey
    }

    /// Reads the wanted records. With `code` given, records of other code are passed over.
    pub fn load(&self, wanted: &BTreeSet<Identity>, code: Option<&str>) -> Loaded {
        let mut problems = Vec::new();
        let mut best: BTreeMap<Identity, (Rank, Place)> = BTreeMap::new();
        let mut offer = |identity: Identity, found: &str, rank: Rank, place: Place| {
            if wanted.contains(&identity) && code.is_none_or(|code| code == found) {
                match best.entry(identity) {
                    std::collections::btree_map::Entry::Vacant(slot) => {
                        slot.insert((rank, place));
                    }
                    std::collections::btree_map::Entry::Occupied(mut slot) => {
                        if rank.is_above(&slot.get().0) {
                            slot.insert((rank, place));
                        }
                    }
                }
            }
        };
        let journaled = self.journaled(&mut problems);
        for (number, (_, stored)) in journaled.iter().enumerate() {
            let header = &stored.record.header;
            let rank = Rank { result: header.status.is_result(), started: header.started };
            offer(stored.record.identity.clone(), &header.code, rank, Place::Journal(number));
        }
        let packs = self.packs(&mut problems);
        for (pack, file) in packs.iter().enumerate() {
            for (number, run) in file.runs.iter().enumerate() {
                let status = pack::status(&run.status, &run.reason);
                let result = status.is_some_and(|status| status.is_result());
                let rank = Rank { result, started: run.started };
                offer(file.identity(number), &run.code, rank, Place::Pack(pack, number));
            }
        }
        let mut loaded = Loaded::default();
        let mut of_pack: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (_, place) in best.into_values() {
            match place {
                Place::Journal(number) => {
                    let record = journaled[number].1.record.clone();
                    loaded.records.insert(record.identity.clone(), record);
                }
                Place::Pack(pack, run) => of_pack.entry(pack).or_default().push(run),
            }
        }
        for (pack, mut runs) in of_pack {
            runs.sort_unstable();
            match packs[pack].read(&runs) {
                Ok(records) => loaded.records.extend(
                    records
                        .into_iter()
                        .map(|stored| (stored.record.identity.clone(), stored.record)),
                ),
                Err(finding) => problems.push(at(&packs[pack].path)(finding)),
            }
        }
        loaded.problems = problems;
        loaded
    }

    /// Removes runs by rewriting the files that hold them; returns how many records went.
    ///
    /// # Errors
    /// If a pack cannot be written, or a running process holds one of the runs in its journal;
    /// nothing is lost then.
    pub fn forget(&self, identities: &BTreeSet<Identity>) -> Result<usize, StoreError> {
        let guard = self.lock()?;
        upkeep::forget(self, &guard, identities)
    }

    fn traces(&self) -> PathBuf {
        self.dir.join("traces")
    }

    fn lock_file(&self) -> Result<File, StoreError> {
        let path = self.dir.join("lock");
        File::options().create(true).append(true).open(&path).map_err(at(&path))
    }

    /// Waits for the lock of the store.
    fn lock(&self) -> Result<Guard, StoreError> {
        let file = self.lock_file()?;
        file.lock().map_err(at(&self.dir.join("lock")))?;
        Ok(Guard { _file: file })
    }

    /// Files with an extension, by name.
    fn list(&self, extension: &str) -> Vec<PathBuf> {
        // A folder that cannot be listed holds nothing that could be read.
        let entries = fs::read_dir(self.traces()).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .collect();
        paths.sort();
        paths
    }

    /// The records of all journals. They are read before packs are listed: what is sealed in
    /// between then shows up twice rather than not at all.
    fn journaled(&self, problems: &mut Vec<StoreError>) -> Vec<(PathBuf, frame::Stored)> {
        let mut records = Vec::new();
        for path in self.list("journal") {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    problems.push(at(&path)(error));
                    continue;
                }
            };
            let scan = frame::scan(&bytes);
            problems.extend(scan.damage.iter().map(|finding| at(&path)(finding)));
            if let Some(torn) = &scan.torn {
                // A living owner is in the middle of an append.
                let owned = File::open(&path).is_ok_and(|file| file.try_lock_shared().is_err());
                if !owned {
                    problems.push(at(&path)(torn));
                }
            }
            records.extend(scan.records.into_iter().map(|stored| (path.clone(), stored)));
        }
        for path in self.list("damaged") {
            problems.push(at(&path)(
                "a journal with damaged bytes; its whole records are in packs, the file is kept as it was",
            ));
        }
        records
    }

    /// All readable packs. Lists again when a pack was merged away meanwhile, so that none of its
    /// records is missed.
    fn packs(&self, problems: &mut Vec<StoreError>) -> Vec<Pack> {
        let mut packs = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let mut gone = false;
            for path in self.list("h5") {
                if seen.insert(path.clone()) {
                    match Pack::open(&path) {
                        Ok(pack) => packs.push(pack),
                        Err(Unusable::Gone) => gone = true,
                        Err(Unusable::Bad(finding)) => problems.push(at(&path)(finding)),
                    }
                }
            }
            if !gone {
                return packs;
            }
        }
    }
}

/// What makes one attempt preferable to another: being a result, then being newer.
struct Rank {
    result: bool,
    started: f64,
}

impl Rank {
    fn is_above(&self, other: &Self) -> bool {
        self.result.cmp(&other.result).then(self.started.total_cmp(&other.started)).is_gt()
    }
}

/// Where a record is.
enum Place {
    Journal(usize),
    Pack(usize, usize),
}

/// This machine, as a JSON object: what timings depend on.
fn machine() -> String {
    serde_json::to_string(&environment::machine()).expect("facts of a machine are plain data")
}
