//! The store as its users see it: what goes in comes out, whatever happens in between.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

mod faults;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use converge_bench::cell::Identity;
use converge_bench::record::{Record, Status};
use converge_bench::store::Store;
use converge_problems::{Better, Metric, Split};
use samples::{bits, column, probe, record};

fn files(store: &Store) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(store.dir().join("traces"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn with_extension(store: &Store, extension: &str) -> Vec<PathBuf> {
    files(store)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect()
}

fn identities(records: &[Record]) -> BTreeSet<Identity> {
    records.iter().map(|record| record.identity.clone()).collect()
}

fn append(store: &Store, records: &[Record]) -> Option<PathBuf> {
    let mut journal = store.journal().unwrap();
    for record in records {
        journal.append(record).unwrap();
    }
    journal.seal().unwrap()
}

fn assert_same(loaded: &BTreeMap<Identity, Record>, records: &[Record]) {
    assert_eq!(loaded.len(), records.len());
    for record in records {
        assert_eq!(bits(&loaded[&record.identity]), bits(record), "run {}", record.identity);
    }
}

fn assert_holds(store: &Store, records: &[Record]) {
    let loaded = store.load(&identities(records), None);
    assert_eq!(loaded.problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    assert_same(&loaded.records, records);
    assert_eq!(store.survey().attempts.len(), records.len());
}

fn temporary() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    (dir, store)
}

#[test]
fn every_bit_of_a_record_survives_journal_and_pack() {
    let (_dir, store) = temporary();
    let mut records: Vec<Record> = (0..5).map(|seed| record(seed, 20 + seed as usize)).collect();
    records.push(record(5, 0));
    records.extend((6..9).map(|seed| probe(seed, 3)));
    records.push(record(9, 40_000));
    for (number, status) in [
        Status::Target,
        Status::Converged,
        Status::Plateau,
        Status::Diverged,
        Status::Breakdown("curvature < 0".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let mut record = record(10 + number as u64, 4);
        record.header.status = status;
        records.push(record);
    }
    // The same name with other attributes, a count that is not whole, and a name twice in a run.
    let mut odd = record(20, 2);
    odd.trace.columns[3].metric.split = Split::Validation;
    odd.trace.columns[2].values[1] = 0.5;
    odd.trace
        .columns
        .push(column(Metric::new("loss", Better::Lower, Split::Train), vec![1.0, 2.0]));
    odd.trace
        .columns
        .push(column(Metric::new("loss", Better::Lower, Split::Train), vec![3.0, 4.0]));
    records.push(odd);

    let mut journal = store.journal().unwrap();
    for record in &records {
        journal.append(record).unwrap();
    }
    assert_holds(&store, &records);
    assert_eq!(with_extension(&store, "h5").len(), 0);
    let pack = journal.seal().unwrap().unwrap();
    assert_eq!(files(&store), [pack]);
    assert_holds(&store, &records);

    // A part of them, so that columns are read from their middle.
    for wanted in records.chunks(2) {
        assert_same(&store.load(&identities(wanted), None).records, wanted);
    }
}

#[test]
fn an_empty_journal_leaves_nothing() {
    let (_dir, store) = temporary();
    assert!(store.journal().unwrap().seal().unwrap().is_none());
    drop(store.journal().unwrap());
    assert!(store.adopt().unwrap().is_empty());
    assert!(files(&store).is_empty());
}

#[test]
fn a_pack_is_sealed_every_thousand_records() {
    let (_dir, store) = temporary();
    let records: Vec<Record> = (0..1003).map(|seed| record(seed, 2)).collect();
    let mut journal = store.journal().unwrap();
    for record in &records {
        journal.append(record).unwrap();
    }
    assert_eq!(with_extension(&store, "h5").len(), 1);
    assert_eq!(with_extension(&store, "journal").len(), 1);
    assert_holds(&store, &records);
    journal.seal().unwrap();
    assert_eq!(files(&store).len(), 2);
    assert_holds(&store, &records);
}

#[test]
fn a_ragged_record_is_refused_and_the_next_one_is_stored() {
    let (_dir, store) = temporary();
    let mut journal = store.journal().unwrap();
    let mut bad = record(1, 5);
    bad.trace.columns[1].values.pop();
    let error = journal.append(&bad).unwrap_err().to_string();
    assert!(error.contains("column seconds has 4 rows where the first has 5"), "{error}");
    let mut bad = record(1, 5);
    bad.trace.digests.pop();
    assert!(journal.append(&bad).unwrap_err().to_string().contains("4 digests for 5 rows"));
    let mut bad = record(1, 5);
    bad.arrays[0].output.shape = vec![usize::MAX, 2];
    assert!(journal.append(&bad).is_err());
    journal.append(&record(2, 5)).unwrap();
    journal.seal().unwrap();
    assert_holds(&store, &[record(2, 5)]);
}

#[test]
fn the_newest_result_is_loaded_else_the_newest_attempt() {
    let (_dir, store) = temporary();
    let attempt = |status: Status, started: f64, code: &str| {
        let mut record = record(1, 3);
        record.header.status = status;
        record.header.started = started;
        record.header.code = code.into();
        record
    };
    let crashed = |started| attempt(Status::Crashed(format!("signal {started}")), started, "a");
    let wanted = identities(&[record(1, 3)]);
    let started = |code: Option<&str>| {
        let loaded = store.load(&wanted, code);
        loaded.records.values().map(|record| record.header.started).next()
    };
    append(&store, &[crashed(5.0), crashed(2.0)]);
    assert_eq!(started(None), Some(5.0));
    append(&store, &[attempt(Status::Budget, 3.0, "a")]);
    assert_eq!(started(None), Some(3.0));
    append(&store, &[attempt(Status::Diverged, 4.0, "b"), crashed(6.0)]);
    assert_eq!(started(None), Some(4.0));
    assert_eq!(started(Some("a")), Some(3.0));
    assert_eq!(started(Some("c")), None);
    let survey = store.survey();
    let times: Vec<f64> =
        survey.attempts.values().flatten().map(|summary| summary.header.started).collect();
    assert_eq!(times, [2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn copies_of_a_record_count_as_one_attempt() {
    let (dir, store) = temporary();
    let records: Vec<Record> = (0..4).map(|seed| record(seed, 3)).collect();
    let mut journal = store.journal().unwrap();
    records.iter().for_each(|record| journal.append(record).unwrap());
    let path = with_extension(&store, "journal").remove(0);
    let copy = dir.path().join("copy");
    fs::copy(&path, &copy).unwrap();
    let first = journal.seal().unwrap();
    // Killed after the pack was written, before the journal was removed.
    fs::rename(copy, &path).unwrap();
    assert_holds(&store, &records);
    assert!(store.survey().attempts.values().all(|attempts| attempts.len() == 1));
    assert!(store.adopt().unwrap().is_empty());
    assert_eq!(files(&store), [first.unwrap()]);
    assert_holds(&store, &records);
}

#[test]
fn small_packs_are_merged_and_large_ones_are_left_alone() {
    let (_dir, store) = temporary();
    let mut all = Vec::new();
    let large: Vec<Record> = (0..1000).map(|seed| record(seed, 1)).collect();
    append(&store, &large);
    all.extend(large);
    let large = files(&store);
    for batch in 1..12 {
        let records: Vec<Record> = (0..20).map(|n| record(1000 * batch + n, 2)).collect();
        let sealed = append(&store, &records).unwrap();
        assert!(sealed.exists());
        all.extend(records);
        assert!(files(&store).len() <= 3, "{:?}", files(&store));
        assert!(files(&store).contains(&large[0]));
    }
    assert_holds(&store, &all);
}

#[test]
fn forgotten_runs_are_gone_and_the_others_stay() {
    let (_dir, store) = temporary();
    let records: Vec<Record> = (0..6).map(|seed| record(seed, 3)).collect();
    append(&store, &records[..3]);
    append(&store, &records[3..]);
    let gone = identities(&[records[0].clone(), records[4].clone()]);
    assert_eq!(store.forget(&gone).unwrap(), 2);
    assert_eq!(store.forget(&gone).unwrap(), 0);
    let left = [1, 2, 3, 5].map(|number: usize| records[number].clone());
    assert_holds(&store, &left);
    assert!(store.load(&gone, None).records.is_empty());
    assert_eq!(store.forget(&identities(&left)).unwrap(), 4);
    assert!(files(&store).is_empty());

    let mut journal = store.journal().unwrap();
    journal.append(&records[0]).unwrap();
    let error = store.forget(&gone).unwrap_err().to_string();
    assert!(error.contains("a running process is still writing"), "{error}");
    assert_holds(&store, &records[..1]);
    drop(journal);
    assert_eq!(store.forget(&gone).unwrap(), 1);
}

#[test]
fn what_is_not_a_pack_is_named_and_left_alone() {
    let (_dir, store) = temporary();
    let records = [record(1, 3), record(2, 3)];
    let pack = append(&store, &records).unwrap();
    let traces = store.dir().join("traces");
    let bytes = fs::read(&pack).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(traces.join(name), bytes).unwrap();
    write("empty.h5", b"");
    write("text.h5", b"iteration,objective\n0,1\n");
    write("newer.h5", &[b"converge pack\nschema 99\n", &bytes[24..]].concat());
    write("longer.h5", &[&bytes[..], b"x"].concat());
    write("notes.journal", b"not a journal");
    write("README", b"ours");
    let foreign = hdf5::File::create(traces.join("foreign.h5")).unwrap();
    foreign.new_dataset::<f64>().shape((3,)).create("x").unwrap();
    foreign.close().unwrap();
    let before = files(&store);

    let problems = |problems: Vec<converge_bench::store::StoreError>| -> BTreeMap<String, String> {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        problems.into_iter().map(|problem| (name(&problem.path), problem.finding)).collect()
    };
    let expected = [
        ("empty.h5", "not a pack of this program"),
        ("foreign.h5", "an HDF5 file, but not a pack"),
        ("longer.h5", "overlong"),
        ("newer.h5", "schema 99"),
        ("notes.journal", "not a journal of this program"),
        ("text.h5", "not a pack of this program"),
    ];
    for found in [
        problems(store.survey().problems),
        problems(store.load(&identities(&records), None).problems),
    ] {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (name, finding) in expected {
            assert!(found[name].contains(finding), "{name}: {}", found[name]);
        }
    }
    assert_same(&store.load(&identities(&records), None).records, &records);
    let adopted = problems(store.adopt().unwrap());
    assert!(adopted["notes.journal"].contains("left as it is"));
    assert_eq!(files(&store), before);
}
