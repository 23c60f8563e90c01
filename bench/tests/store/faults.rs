//! Faults, injected for real: processes killed at any moment, torn and flipped bytes, full disks.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use converge_bench::clock::{Clock, Monotonic};
use converge_bench::record::Record;
use converge_bench::store::Store;
use proptest::prelude::*;

use crate::samples::{bits, record};
use crate::{append, assert_holds, assert_same, files, identities, temporary, with_extension};

/// Set in the processes that a test starts from its own binary: the folder of the store.
const STORE: &str = "CONVERGE_TEST_STORE";
/// Number of such a process.
const NUMBER: &str = "CONVERGE_TEST_NUMBER";

/// The store and the number of this process, if a test started it.
fn child() -> Option<(Store, u64)> {
    let dir = std::env::var_os(STORE)?;
    let number = std::env::var(NUMBER).ok()?.parse().ok()?;
    Some((Store::open(dir).unwrap(), number))
}

/// Starts the test `name` of this binary as a process of its own.
fn spawn(name: &str, dir: &Path, number: u64) -> Child {
    // A shell that ignores SIGXFSZ, as the child then does too: a write past the limit is an error.
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(STORE, dir)
        .env(NUMBER, number.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Tells the parent that the record `seed` is stored.
fn acknowledge(seed: u64) {
    let mut out = std::io::stdout();
    writeln!(out, "\nstored {seed}").unwrap();
    out.flush().unwrap();
}

/// The records a process said were stored.
fn acknowledged(child: &mut Child) -> Vec<Record> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let seeds = lines.filter_map(|line| line.strip_prefix("stored ")?.parse().ok());
    seeds.map(|seed| record(seed, 4)).collect()
}

fn assert_contains(store: &Store, records: &[Record]) {
    let loaded = store.load(&identities(records), None);
    assert_same(&loaded.records, records);
}

#[test]
fn kill_9_at_any_moment_loses_nothing_that_was_stored() {
    if let Some((store, number)) = child() {
        // Appends, seals and adopts without end.
        let mut seed = number * 1_000_000;
        loop {
            let mut journal = store.journal().unwrap();
            for _ in 0..23 {
                journal.append(&record(seed, 4)).unwrap();
                acknowledge(seed);
                seed += 1;
            }
            if seed.is_multiple_of(2) {
                drop(journal);
                store.adopt().unwrap();
            } else {
                journal.seal().unwrap();
            }
        }
    }
    let (_dir, store) = temporary();
    let mut all = Vec::new();
    for number in 1..=10_u64 {
        let name = "faults::kill_9_at_any_moment_loses_nothing_that_was_stored";
        let mut child = spawn(name, store.dir(), number);
        // Different moments; nothing is asserted about how far the child came by then.
        std::thread::sleep(Duration::from_millis(60 + number * 7919 % 190));
        child.kill().unwrap();
        child.wait().unwrap();
        all.extend(acknowledged(&mut child));
        assert_contains(&store, &all);
        if number % 3 == 0 {
            for finding in store.adopt().unwrap() {
                assert!(finding.finding.contains("is unfinished"), "{finding}");
            }
            assert!(files(&store).len() <= 1 + all.len() / 500 + 2, "{:?}", files(&store));
            assert!(with_extension(&store, "tmp").is_empty());
            assert_contains(&store, &all);
        }
    }
    assert!(!all.is_empty());
    store.adopt().unwrap();
    // The last append of a killed process may be stored and not acknowledged.
    let survey = store.survey();
    assert!(survey.problems.is_empty(), "{:?}", survey.problems);
    assert!((all.len()..=all.len() + 10).contains(&survey.attempts.len()));
    assert!(survey.attempts.values().all(|attempts| attempts.len() == 1));
}

#[test]
fn processes_that_write_adopt_and_merge_at_once_lose_nothing() {
    const PROCESSES: u64 = 3;
    const RECORDS: u64 = 120;
    if let Some((store, number)) = child() {
        let seeds: Vec<u64> = (0..RECORDS).map(|n| number * 1000 + n).collect();
        for batch in seeds.chunks(11) {
            let mut journal = store.journal().unwrap();
            for &seed in batch {
                journal.append(&record(seed, 4)).unwrap();
            }
            if batch[0].is_multiple_of(3) {
                drop(journal);
            } else {
                journal.seal().unwrap();
            }
            assert!(store.adopt().unwrap().is_empty());
        }
        return;
    }
    let (_dir, store) = temporary();
    let name = "faults::processes_that_write_adopt_and_merge_at_once_lose_nothing";
    let mut children: Vec<Child> =
        (0..PROCESSES).map(|number| spawn(name, store.dir(), number)).collect();
    let mut known = BTreeSet::new();
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        let survey = store.survey();
        assert!(survey.problems.is_empty(), "{:?}", survey.problems);
        let found: BTreeSet<_> = survey.attempts.into_keys().collect();
        assert!(found.is_superset(&known), "a record that was there is gone");
        let loaded = store.load(&found, None);
        assert_eq!(loaded.records.len(), found.len());
        known = found;
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let all: Vec<Record> = (0..PROCESSES)
        .flat_map(|number| (0..RECORDS).map(move |n| record(number * 1000 + n, 4)))
        .collect();
    assert_holds(&store, &all);
    store.adopt().unwrap();
    assert!(files(&store).len() <= 2, "{:?}", files(&store));
    assert_holds(&store, &all);
}

/// A finished journal of `records`, as bytes.
fn journal_bytes(records: &[Record]) -> Vec<u8> {
    let (_dir, store) = temporary();
    let mut journal = store.journal().unwrap();
    records.iter().for_each(|record| journal.append(record).unwrap());
    fs::read(&with_extension(&store, "journal")[0]).unwrap()
}

fn plant(store: &Store, name: &str, bytes: &[u8]) -> PathBuf {
    let path = store.dir().join("traces").join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_tail_torn_at_any_byte_is_dropped_and_named() {
    let records: Vec<Record> = (0..3).map(|seed| record(seed, 1)).collect();
    let wanted = identities(&records);
    let bytes = journal_bytes(&records);
    let ends: Vec<usize> = (0..=3).map(|n| journal_bytes(&records[..n]).len()).collect();
    assert_eq!(ends[3], bytes.len());
    let (_dir, store) = temporary();
    for cut in 0..=bytes.len() {
        plant(&store, "torn.journal", &bytes[..cut]);
        let whole = ends[1..].iter().filter(|&&end| end <= cut).count();
        let loaded = store.load(&wanted, None);
        assert_same(&loaded.records, &records[..whole]);
        // A file that ends between two frames is whole: an owner may have stopped there.
        let between = cut <= 8 || ends.contains(&cut);
        assert_eq!(loaded.problems.len(), usize::from(!between), "cut at {cut}");
    }
    for cut in ends[2] + 1..ends[3] {
        let path = plant(&store, "torn.journal", &bytes[..cut]);
        let findings = store.adopt().unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, path);
        let dropped = format!("{} bytes from byte {} are dropped", cut - ends[2], ends[2]);
        assert!(findings[0].finding.contains(&dropped), "{}", findings[0]);
        assert_eq!(files(&store).len(), 1, "one pack, however often it is adopted");
    }
    assert_holds(&store, &records[..2]);
}

#[test]
fn damage_in_the_middle_costs_the_damaged_record_only_and_the_file_is_kept() {
    let records: Vec<Record> = (0..3).map(|seed| record(seed, 2)).collect();
    let mut bytes = journal_bytes(&records);
    let second = journal_bytes(&records[..1]).len();
    bytes[second + 100] ^= 0x10;
    let (_dir, store) = temporary();
    plant(&store, "7-0.journal", &bytes);
    let left = [records[0].clone(), records[2].clone()];
    assert_same(&store.load(&identities(&records), None).records, &left);
    let findings = store.adopt().unwrap();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].finding.contains(&format!("damaged bytes from byte {second}")));
    assert_eq!(fs::read(&with_extension(&store, "damaged")[0]).unwrap(), bytes);
    let loaded = store.load(&identities(&records), None);
    assert_same(&loaded.records, &left);
    assert!(loaded.problems[0].finding.contains("the file is kept"));
}

#[test]
fn a_truncated_pack_is_named_and_kept() {
    let (_dir, store) = temporary();
    let records: Vec<Record> = (0..3).map(|seed| record(seed, 50)).collect();
    let pack = append(&store, &records).unwrap();
    let bytes = fs::read(&pack).unwrap();
    for cut in (0..bytes.len()).step_by(97).chain([511, 512, 513, bytes.len() - 1]) {
        fs::write(&pack, &bytes[..cut]).unwrap();
        let loaded = store.load(&identities(&records), None);
        assert!(loaded.records.is_empty());
        assert_eq!(loaded.problems.len(), 1, "cut at {cut}");
        assert_eq!(loaded.problems[0].path, pack);
        assert_eq!(store.survey().problems.len(), 1);
    }
    assert!(store.adopt().unwrap().is_empty());
    assert_eq!(files(&store), [pack]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..Default::default()
    })]

    #[test]
    fn no_flipped_byte_of_a_journal_is_taken_for_whole(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
    ) {
        let records: Vec<Record> = (0..4).map(|seed| record(seed, 2)).collect();
        let ends: Vec<usize> = (0..=4).map(|n| journal_bytes(&records[..n]).len()).collect();
        let clean = journal_bytes(&records);
        let mut bytes = clean.clone();
        for (at, flip) in flips {
            bytes[at.index(clean.len())] ^= flip;
        }
        prop_assume!(bytes != clean);
        let intact: Vec<Record> = (0..4)
            .filter(|&n| bytes[ends[n]..ends[n + 1]] == clean[ends[n]..ends[n + 1]])
            .map(|n| records[n].clone())
            .collect();
        let (_dir, store) = temporary();
        plant(&store, "flipped.journal", &bytes);
        let loaded = store.load(&identities(&records), None);
        assert_same(&loaded.records, &intact);
        prop_assert!(!loaded.problems.is_empty());
        prop_assert!(!store.adopt().unwrap().is_empty());
        assert_same(&store.load(&identities(&records), None).records, &intact);
    }

    #[test]
    fn no_flipped_byte_of_a_pack_is_taken_for_whole(
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let (_dir, store) = temporary();
        let records: Vec<Record> = (0..3).map(|seed| record(seed, 30)).collect();
        let pack = append(&store, &records).unwrap();
        let mut bytes = fs::read(&pack).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&pack, &bytes).unwrap();
        let loaded = store.load(&identities(&records), None);
        if loaded.problems.is_empty() {
            // Only the padding of the first 512 bytes says nothing.
            prop_assert!(at < 512);
            assert_same(&loaded.records, &records);
        } else {
            prop_assert!(loaded.records.is_empty());
        }
    }
}

#[test]
fn a_full_disk_costs_the_record_that_did_not_fit() {
    if let Some((store, number)) = child() {
        let mut journal = store.journal().unwrap();
        limit_file_size(40_000);
        let mut failed = 0;
        for seed in 0..200 {
            // Small ones still fit behind a large one that did not.
            match journal.append(&record(seed, 4)) {
                Ok(()) => acknowledge(seed),
                Err(error) => {
                    assert!(error.finding.contains("the record is not stored"), "{error}");
                    failed += 1;
                }
            }
        }
        assert!(failed > 0);
        if number == 1 {
            limit_file_size(2_000);
            let error = journal.seal().unwrap_err();
            assert!(error.path.extension().is_some_and(|extension| extension == "tmp"), "{error}");
        }
        return;
    }
    for number in 0..2 {
        let (_dir, store) = temporary();
        let name = "faults::a_full_disk_costs_the_record_that_did_not_fit";
        let mut child = spawn(name, store.dir(), number);
        let stored = acknowledged(&mut child);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!String::from_utf8_lossy(&output.stderr).contains("HDF5-DIAG"));
        assert!(stored.len() > 10);
        assert_eq!(files(&store).len(), 1, "the journal, no half-written pack");
        assert_holds(&store, &stored);
        assert!(store.adopt().unwrap().is_empty());
        assert_holds(&store, &stored);
    }
}

fn limit_file_size(bytes: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), maximum }).unwrap();
}

#[test]
fn what_a_killed_process_left_of_a_pack_is_swept_away() {
    let (_dir, store) = temporary();
    append(&store, &[record(1, 4)]);
    plant(&store, "pack-0123456789abcdef.tmp", b"\0\0half a pack");
    assert_holds(&store, &[record(1, 4)]);
    store.adopt().unwrap();
    assert!(with_extension(&store, "tmp").is_empty());
    assert_holds(&store, &[record(1, 4)]);
}

#[test]
fn a_thousand_cells_killed_half_way_end_once_each_in_three_files() {
    if let Some((store, number)) = child() {
        store.adopt().unwrap();
        let done = store.survey().attempts;
        let mut journal = store.journal().unwrap();
        let missing = (0..1000)
            .map(|seed| record(seed, 4))
            .filter(|record| !done.contains_key(&record.identity));
        for (stored, record) in (1..).zip(missing) {
            journal.append(&record).unwrap();
            if stored == number {
                acknowledge(record.cell.seed);
                std::thread::park();
            }
        }
        journal.seal().unwrap();
        return;
    }
    let (_dir, store) = temporary();
    let name = "faults::a_thousand_cells_killed_half_way_end_once_each_in_three_files";
    for _ in 0..3 {
        let mut child = spawn(name, store.dir(), 270);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.starts_with("stored")));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = spawn(name, store.dir(), 0).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Vec<Record> = (0..1000).map(|seed| record(seed, 4)).collect();
    assert_holds(&store, &all);
    assert!(store.survey().attempts.values().all(|attempts| attempts.len() == 1));
    assert!(files(&store).len() <= 3, "{:?}", files(&store));
}

#[test]
fn loading_is_linear_in_the_number_of_cells() {
    let (_dir, store) = temporary();
    let records: Vec<Record> = (0..4000).map(|seed| record(seed, 10)).collect();
    append(&store, &records);
    let mut clock = Monotonic::start();
    let mut seconds = |wanted: &[Record]| {
        let wanted = identities(wanted);
        (0..5)
            .map(|_| {
                let start = clock.now();
                assert_eq!(store.load(&wanted, None).records.len(), wanted.len());
                clock.now() - start
            })
            .fold(f64::INFINITY, f64::min)
    };
    // Reading the tables costs both the same, so the ratio is below that of the counts; reading
    // whole columns once per run would make it 4,000.
    let (few, many) = (seconds(&records[..200]), seconds(&records));
    eprintln!("200 cells {few:.4} s, 4,000 cells {many:.4} s");
    assert!(many < 60.0 * few, "200 cells {few} s, 4,000 cells {many} s");
    assert_eq!(bits(&records[1]), bits(&record(1, 10)));
}
