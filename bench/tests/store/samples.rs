//! Records to store.

use std::collections::BTreeMap;

use converge_bench::cell::{Cell, Identity, Sampling, Section, Stage, StopRule, Task, Unit};
use converge_bench::record::{Array, Column, Header, Record, Status, Trace};
use converge_problems::{Better, Metric, Output, Split};
use serde_json::json;

pub(crate) fn section(kind: &str, config: serde_json::Value) -> Section {
    let serde_json::Value::Object(config) = config else { panic!("a section is a table") };
    Section { kind: kind.into(), config }
}

pub(crate) fn cell(seed: u64) -> Cell {
    Cell {
        schema: Cell::SCHEMA,
        task: Task::Run {
            problem: section("mlr", json!({"dataset": "digits", "ridge": {"identity": 1e-4}})),
            solver: section("lbfgs", json!({"memory": 10, "names": ["ρ", "ε"], "z": 1, "a": null})),
        },
        root: 7,
        seed,
        stage: Stage::Main,
        sampling: Sampling::Every { n: 1, unit: Unit::Iterations },
        stop: vec![StopRule::Iterations(10)],
        reference: (seed % 2 == 1).then(|| Identity(format!("{seed:032x}"))),
        outputs: vec!["iterate".into()],
        metrics: Vec::new(),
    }
}

pub(crate) fn header(status: Status, started: f64) -> Header {
    Header {
        status,
        setup_seconds: 0.25,
        setup_work: vec![0, 0, 0, 0, 0, 1, 0, 0],
        timed: true,
        concurrency: 1,
        threads: 2,
        code: "code-a".into(),
        started,
        peak_bytes: 1 << 40,
        facts: BTreeMap::from([
            ("terms".into(), "1797".into()),
            ("précision".into(), "double".into()),
        ]),
    }
}

pub(crate) fn column(metric: Metric, values: Vec<f64>) -> Column {
    Column { metric, values }
}

/// A run of `rows` rows with every kind of number that a trace may hold.
pub(crate) fn record(seed: u64, rows: usize) -> Record {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 4.0, 1e300];
    let wave = |row: usize| match row % 8 {
        place if place < odd.len() && seed.is_multiple_of(3) => odd[place],
        _ => (row as f64 + 0.1).sin() / (seed as f64 + 1.0),
    };
    let rising: Vec<f64> = (0..rows).map(|row| row as f64).collect();
    let cell = cell(seed);
    Record {
        identity: cell.identity(),
        cell,
        header: header(Status::Budget, 1_700_000_000.5 + seed as f64),
        trace: Trace {
            columns: vec![
                column(Metric::diagnostic("iteration"), rising.clone()),
                column(
                    Metric::diagnostic("seconds").in_unit("s"),
                    rising.iter().map(|row| row * 1e-3).collect(),
                ),
                column(
                    Metric::diagnostic("samples"),
                    rising.iter().map(|row| row * 1797.0).collect(),
                ),
                column(
                    Metric::new("test-accuracy", Better::Higher, Split::Test),
                    (0..rows).map(wave).collect(),
                ),
            ],
            digests: (0..rows as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect(),
        },
        arrays: vec![Array {
            output: Output { name: "iterate".into(), shape: vec![2, 3] },
            values: vec![1.0, f64::NAN, -0.0, 2.5, f64::INFINITY, seed as f64],
        }],
    }
}

/// A probe: other columns, no digests, no arrays.
pub(crate) fn probe(seed: u64, rows: usize) -> Record {
    let mut record = record(seed, rows);
    record.cell.task = Task::Probe { probe: section("identities", json!({})) };
    record.identity = record.cell.identity();
    record.trace.digests.clear();
    record.arrays.clear();
    record.trace.columns.truncate(2);
    record.trace.columns.push(column(
        Metric::new("residual / ρ", Better::Lower, Split::None),
        (0..rows).map(|row| -(row as f64)).collect(),
    ));
    record
}

/// The bytes of a record: equal exactly if every bit is, which `==` is not where there are NaN.
pub(crate) fn bits(record: &Record) -> Vec<u8> {
    rmp_serde::to_vec_named(record).unwrap()
}
