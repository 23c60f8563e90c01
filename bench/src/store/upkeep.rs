//! What keeps the folder small and whole: adopting, merging, forgetting.
//!
//! Everything here writes the new pack before it removes what the pack replaces, so that a kill
//! leaves copies, never gaps; readers see through copies by the digests of the records. One process
//! at a time does it, under the lock of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::frame::{self, Scan, Stored};
use super::journal::{self, SEAL_BYTES, SEAL_RECORDS};
use super::read::{Pack, Unusable};
use super::{Guard, Store, StoreError, at, pack};
use crate::cell::Identity;

/// Packs with fewer records and bytes than these are merged.
const SMALL_RECORDS: usize = SEAL_RECORDS;
const SMALL_BYTES: u64 = 32 << 20;
/// Small packs per machine that stay as they are; more are merged.
const SMALL_PACKS: usize = 2;

/// Removes what killed processes left of unfinished packs. Whoever holds the lock is the only
/// writer of packs, so any temporary file is left over.
pub(super) fn sweep(store: &Store, _: &Guard) {
    for path in store.list("tmp") {
        // A file that cannot be removed disturbs nobody.
        let _best_effort = fs::remove_file(path);
    }
}

/// A journal without owner, locked by us.
struct Orphan {
    path: PathBuf,
    scan: Scan,
    _lock: File,
}

/// Seals the journals whose owners are gone. Returns what was damaged or torn in them.
pub(super) fn adopt(store: &Store, _: &Guard) -> Result<Vec<StoreError>, StoreError> {
    let mut findings = Vec::new();
    let mut batch: Vec<Orphan> = Vec::new();
    let mut bytes_held = 0;
    for path in store.list("journal") {
        let Some(lock) = abandoned(&path) else { continue };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                findings.push(at(&path)(error));
                continue;
            }
        };
        let scan = frame::scan(&bytes);
        if scan.foreign {
            findings.push(at(&path)("not a journal of this program; it is left as it is"));
            continue;
        }
        bytes_held += bytes.len() as u64;
        let named = scan.damage.iter().chain(&scan.torn);
        findings.extend(named.map(|finding| at(&path)(finding)));
        batch.push(Orphan { path, scan, _lock: lock });
        let records: usize = batch.iter().map(|orphan| orphan.scan.records.len()).sum();
        if records >= SEAL_RECORDS || bytes_held >= SEAL_BYTES {
            seal(store, std::mem::take(&mut batch))?;
            bytes_held = 0;
        }
    }
    seal(store, batch)?;
    Ok(findings)
}

/// Opens and locks a journal if nobody else holds it.
fn abandoned(path: &Path) -> Option<File> {
    let file = File::options().read(true).write(true).open(path).ok()?;
    file.try_lock().ok()?;
    // Its last owner may have sealed and removed it before we had the lock.
    journal::is_same_file(&file, path).then_some(file)
}

fn seal(store: &Store, orphans: Vec<Orphan>) -> Result<(), StoreError> {
    let mut machines: BTreeMap<&str, Vec<Stored>> = BTreeMap::new();
    for Orphan { scan, .. } in &orphans {
        machines.entry(&scan.machine).or_default().extend(scan.records.iter().cloned());
    }
    for (machine, records) in machines {
        if !records.is_empty() {
            pack::write(&store.traces(), machine, &without_copies(records))?;
        }
    }
    for orphan in orphans {
        journal::retire(&orphan.path, &orphan.scan)?;
    }
    Ok(())
}

fn without_copies(mut records: Vec<Stored>) -> Vec<Stored> {
    let mut seen = BTreeSet::new();
    records.retain(|stored| seen.insert(stored.digest));
    records
}

/// Merges small packs of the same machine, all but the largest of them, when there are more than
/// [`SMALL_PACKS`]. Returns which pack replaced which.
///
/// Leaving the largest alone keeps the work low: a record is rewritten a few times on its way into
/// a pack of full size, not once per command.
pub(super) fn merge(store: &Store, _: &Guard) -> Result<BTreeMap<PathBuf, PathBuf>, StoreError> {
    let mut machines: BTreeMap<String, Vec<Pack>> = BTreeMap::new();
    for path in store.list("h5") {
        let small = fs::metadata(&path).is_ok_and(|metadata| metadata.len() < SMALL_BYTES);
        // Packs that cannot be read are named by every survey; here they stay as they are.
        if let Some(pack) = small.then(|| Pack::open(&path).ok()).flatten()
            && pack.runs.len() < SMALL_RECORDS
        {
            machines.entry(pack.machine.clone()).or_default().push(pack);
        }
    }
    let mut replaced = BTreeMap::new();
    for (machine, mut packs) in machines {
        if packs.len() <= SMALL_PACKS {
            continue;
        }
        packs.sort_by_key(|pack| std::cmp::Reverse(pack.runs.len()));
        let mut batch: Vec<Pack> = Vec::new();
        let mut records = 0;
        for pack in packs.drain(1..) {
            records += pack.runs.len();
            batch.push(pack);
            if records >= SEAL_RECORDS {
                replace(store, &machine, std::mem::take(&mut batch), &mut replaced)?;
                records = 0;
            }
        }
        replace(store, &machine, batch, &mut replaced)?;
    }
    Ok(replaced)
}

fn replace(
    store: &Store,
    machine: &str,
    packs: Vec<Pack>,
    replaced: &mut BTreeMap<PathBuf, PathBuf>,
) -> Result<(), StoreError> {
    if packs.len() < 2 {
        return Ok(());
    }
    let mut records = Vec::new();
    for pack in &packs {
        records.extend(pack.all()?);
    }
    let path = pack::write(&store.traces(), machine, &without_copies(records))?;
    for old in packs.into_iter().map(|pack| pack.path).filter(|old| *old != path) {
        fs::remove_file(&old).map_err(at(&old))?;
        replaced.insert(old, path.clone());
    }
    Ok(())
}

/// Rewrites the packs that hold any of `identities`. Returns how many records went.
pub(super) fn forget(
    store: &Store,
    guard: &Guard,
    identities: &BTreeSet<Identity>,
) -> Result<usize, StoreError> {
    adopt(store, guard)?;
    for path in store.list("journal") {
        let Ok(bytes) = fs::read(&path) else { continue };
        let scan = frame::scan(&bytes);
        if scan.records.iter().any(|stored| identities.contains(&stored.record.identity)) {
            return Err(at(&path)("a running process is still writing to it; end that first"));
        }
    }
    let mut forgotten = BTreeSet::new();
    for path in store.list("h5") {
        let pack = match Pack::open(&path) {
            Ok(pack) => pack,
            Err(Unusable::Gone | Unusable::Bad(_)) => continue,
        };
        let (go, stay): (Vec<usize>, Vec<usize>) =
            (0..pack.runs.len()).partition(|&run| identities.contains(&pack.identity(run)));
        if go.is_empty() {
            continue;
        }
        if !stay.is_empty() {
            let records = pack.read(&stay).map_err(at(&path))?;
            pack::write(&store.traces(), &pack.machine, &records)?;
        }
        fs::remove_file(&path).map_err(at(&path))?;
        forgotten.extend(go.into_iter().map(|run| pack.runs[run].digest));
    }
    pack::sync_folder(&store.traces()).map_err(at(&store.traces()))?;
    Ok(forgotten.len())
}
