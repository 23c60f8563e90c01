//! Packs: their layout, and how they are written.
//!
//! A pack is an HDF5 file behind a user block of 512 bytes, which says in plain text what the file
//! is, how long it is and what the digest of the rest is. So a foreign, truncated or damaged file is
//! told apart before the HDF5 library parses it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use converge_problems::{Better, Metric, Split};
use converge_solvers::Work;
use hdf5::types::{VarLenArray, VarLenUnicode};
use hdf5::{Dataset, Group, H5Type, Location};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::frame::Stored;
use super::{StoreError, at};
use crate::cell::Cell;
use crate::environment;
use crate::record::{Column, Status};

/// Version of the layout. A reader refuses newer ones.
pub(super) const SCHEMA: u32 = 1;
/// Length of the user block.
pub(super) const BLOCK: usize = 512;
/// First line of the user block.
pub(super) const TITLE: &str = "converge pack";
/// Fill value of counts: no count reaches it.
const NO_COUNT: u64 = u64::MAX;
/// Elements per chunk at most: 128 KiB.
const CHUNK: usize = 16_384;
const DEFLATE: u8 = 4;

/// A row of `/runs`.
#[derive(Clone, Debug, H5Type)]
#[repr(C)]
pub(super) struct Run {
    pub(super) identity: VarLenUnicode,
    /// Row of `/configurations`.
    pub(super) configuration: u32,
    /// Row of `/columns`.
    pub(super) columns: u32,
    pub(super) seed: u64,
    /// Identity of the reference run; empty if there is none.
    pub(super) reference: VarLenUnicode,
    /// First row in every data set under `/trace`.
    pub(super) offset: u64,
    /// Number of rows there.
    pub(super) rows: u64,
    pub(super) status: VarLenUnicode,
    pub(super) reason: VarLenUnicode,
    pub(super) setup_seconds: f64,
    /// In the order of `Work::NAMES`.
    pub(super) setup_work: VarLenArray<u64>,
    pub(super) timed: bool,
    pub(super) concurrency: u32,
    pub(super) threads: u32,
    pub(super) code: VarLenUnicode,
    pub(super) started: f64,
    pub(super) peak_bytes: u64,
    /// JSON object.
    pub(super) facts: VarLenUnicode,
    /// Digest of the whole record.
    pub(super) digest: u64,
}

/// A row of `/arrays`.
#[derive(Clone, Debug, H5Type)]
#[repr(C)]
pub(super) struct ArrayRow {
    /// Row of `/runs`.
    pub(super) run: u64,
    pub(super) name: VarLenUnicode,
    /// First element in `/output/<name>`.
    pub(super) offset: u64,
    pub(super) size: u64,
    /// Extent of each axis, slowest first.
    pub(super) shape: VarLenArray<u64>,
}

/// Writes `records`, which are not empty, into a new pack in the folder `traces`; the caller holds
/// the store's lock. The name of a pack is a digest of its records: sealing the same journal again
/// after a crash makes the same pack, not a second one.
pub(super) fn write(
    traces: &Path,
    machine: &str,
    records: &[Stored],
) -> Result<PathBuf, StoreError> {
    let plan = Plan::of(records);
    let name = format!("pack-{:016x}", plan.digest());
    let path = traces.join(&name).with_extension("h5");
    if path.exists() && super::read::verify(&path).is_ok() {
        return Ok(path);
    }
    let temporary = traces.join(&name).with_extension("tmp");
    // The library locks what it writes, and a process started meanwhile inherits the open file with
    // its lock: readers would be refused as long as that process lives. So the pack is a copy that
    // the library never held open.
    let raw = traces.join(format!("{name}-raw")).with_extension("tmp");
    let written = fill(&raw, machine, &plan)
        .map_err(at(&raw))
        .and_then(|()| fs::copy(&raw, &temporary).map(drop).map_err(at(&temporary)))
        .and_then(|()| fs::remove_file(&raw).map_err(at(&raw)))
        .and_then(|()| stamp(&temporary).map_err(at(&temporary)))
        .and_then(|()| fs::rename(&temporary, &path).map_err(at(&path)))
        .and_then(|()| sync_folder(traces).map_err(at(traces)));
    if let Err(error) = written {
        // The next holder of the lock removes it if this does not.
        for left in [&raw, &temporary] {
            let _best_effort = fs::remove_file(left);
        }
        return Err(error);
    }
    Ok(path)
}

/// Makes renames and removals in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes the user block of a finished HDF5 file and brings everything to the disk.
fn stamp(path: &Path) -> std::io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    file.seek(SeekFrom::Start(BLOCK as u64))?;
    let (length, digest) = digest_rest(&mut file)?;
    let length = length + BLOCK as u64;
    let mut block = format!("{TITLE}\nschema {SCHEMA}\nbytes {length}\nxxh3-128 {digest:032x}\n");
    block.extend(std::iter::repeat_n(' ', BLOCK - 1 - block.len()));
    block.push('\n');
    file.seek(SeekFrom::Start(0))?;
    file.write_all(block.as_bytes())?;
    file.sync_all()
}

/// Length and digest of what is left to read of `file`.
pub(super) fn digest_rest(file: &mut File) -> std::io::Result<(u64, u128)> {
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((length, hasher.digest128())),
            n => {
                hasher.update(&buffer[..n]);
                length += n as u64;
            }
        }
    }
}

/// What decides whether two columns share a data set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: String,
    unit: String,
    direction: &'static str,
    split: &'static str,
    role: &'static str,
    /// Columns of the same name in one run lie in data sets of their own.
    occurrence: usize,
}

/// A data set under `/trace`.
struct Series {
    key: Key,
    dataset: String,
}

/// Where everything goes.
struct Plan<'a> {
    /// The records with their column sets, those of one set together: a column then is one stretch
    /// per set, and what no run has is never stored.
    runs: Vec<(usize, &'a Stored)>,
    series: Vec<Series>,
    /// For each set its series, in the order of the run's columns.
    sets: Vec<Vec<usize>>,
}

impl<'a> Plan<'a> {
    fn of(records: &'a [Stored]) -> Self {
        let mut known: BTreeMap<Key, usize> = BTreeMap::new();
        let mut datasets: BTreeMap<String, usize> = BTreeMap::new();
        let mut series = Vec::new();
        let mut set_numbers: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut sets = Vec::new();
        let mut runs = Vec::with_capacity(records.len());
        for stored in records {
            let mut set = Vec::new();
            for key in keys(stored) {
                let number = *known.entry(key).or_insert_with_key(|key| {
                    let plain = escape(&key.name);
                    let uses = datasets.entry(plain.clone()).or_default();
                    *uses += 1;
                    let dataset = if *uses == 1 { plain } else { format!("{plain}~{uses}") };
                    series.push(Series { key: key.clone(), dataset });
                    series.len() - 1
                });
                set.push(number);
            }
            let number = *set_numbers.entry(set).or_insert_with_key(|set| {
                sets.push(set.clone());
                sets.len() - 1
            });
            runs.push((number, stored));
        }
        runs.sort_by_key(|(set, _)| *set);
        Self { runs, series, sets }
    }

    /// Digest of the records, independent of their order, of compression and of the library.
    fn digest(&self) -> u64 {
        let mut digests: Vec<u64> = self.runs.iter().map(|(_, stored)| stored.digest).collect();
        digests.sort_unstable();
        let mut hasher = Xxh3::new();
        for digest in digests {
            hasher.update(&digest.to_le_bytes());
        }
        hasher.digest()
    }
}

/// The keys of a run's columns, then of its digests if it has some.
fn keys(stored: &Stored) -> Vec<Key> {
    let trace = &stored.record.trace;
    let mut keys: Vec<Key> = Vec::with_capacity(trace.columns.len() + 1);
    for column in &trace.columns {
        let metric = &column.metric;
        let role = if is_count(column) { "count" } else { "metric" };
        let occurrence = keys.iter().filter(|key| key.name == metric.name).count();
        keys.push(Key {
            name: metric.name.clone().into_owned(),
            unit: metric.unit.clone().into_owned(),
            direction: direction(metric.better),
            split: split(metric.split),
            role,
            occurrence,
        });
    }
    if !trace.digests.is_empty() {
        let (name, unit) = ("digest".into(), String::new());
        let (direction, split) = (direction(Better::Neither), self::split(Split::None));
        keys.push(Key { name, unit, direction, split, role: "digest", occurrence: 0 });
    }
    keys
}

/// Whether a column counts something and all its values are whole numbers that f64 holds exactly.
fn is_count(column: &Column) -> bool {
    let name = &*column.metric.name;
    let counts = ["iteration", "off-schedule"].contains(&name) || Work::NAMES.contains(&name);
    let exact = |value: f64| {
        value <= 9_007_199_254_740_992.0 && (value as u64 as f64).to_bits() == value.to_bits()
    };
    counts && column.values.iter().all(|&value| exact(value))
}

pub(super) fn direction(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::Neither => "neither",
    }
}

pub(super) fn split(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
        Split::None => "none",
    }
}

/// A name as HDF5 allows it in a path: without slashes, not a lone dot.
pub(super) fn escape(name: &str) -> String {
    match name {
        "" => "%".into(),
        "." => "%2E".into(),
        _ => name.replace('%', "%25").replace('/', "%2F").replace('~', "%7E").replace('\0', "%00"),
    }
}

/// Text for HDF5, whose strings end at a zero byte.
fn text(text: &str) -> VarLenUnicode {
    text.replace('\0', "\u{FFFD}").parse().expect("no zero byte is left")
}

fn fill(path: &Path, machine: &str, plan: &Plan<'_>) -> hdf5::Result<()> {
    let file = hdf5::File::with_options()
        .with_fcpl(|create| create.userblock(BLOCK as u64))
        .create(path)?;
    let digest = format!("{:016x}", plan.digest());
    file.new_attr::<u32>().create("schema")?.write_scalar(&SCHEMA)?;
    for (name, value) in [
        ("format", TITLE),
        ("written_by", &written_by()),
        ("machine", machine),
        ("digest", &digest),
    ] {
        set(&file, name, value)?;
    }
    write_runs(&file, plan)?;
    let trace = file.create_group("trace")?;
    for number in 0..plan.series.len() {
        write_series(&trace, plan, number)?;
    }
    write_arrays(&file, plan)?;
    file.flush()?;
    file.close()
}

/// The program that writes a pack, as a JSON object. What ran is the `code` of each run.
fn written_by() -> String {
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": environment::revision(),
        "dirty": environment::dirty(),
        "code": environment::code_digest(),
    })
    .to_string()
}

fn set(location: &Location, name: &str, value: &str) -> hdf5::Result<()> {
    location.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&text(value))
}

fn reason(status: &Status) -> &str {
    match status {
        Status::Breakdown(reason) | Status::Crashed(reason) => reason,
        _ => "",
    }
}

/// The status of a word and a reason.
pub(super) fn status(word: &str, reason: &str) -> Option<Status> {
    let reason = reason.to_owned();
    Some(match word {
        "target" => Status::Target,
        "converged" => Status::Converged,
        "plateau" => Status::Plateau,
        "budget" => Status::Budget,
        "diverged" => Status::Diverged,
        "breakdown" => Status::Breakdown(reason),
        "timed-out" => Status::TimedOut,
        "crashed" => Status::Crashed(reason),
        "out-of-memory" => Status::OutOfMemory,
        "interrupted" => Status::Interrupted,
        _ => return None,
    })
}

/// The configuration that repetitions share: the cell without its seed and reference.
fn configuration(cell: &Cell) -> String {
    let mut value = serde_json::to_value(cell).expect("a cell is plain data");
    if let Value::Object(map) = &mut value {
        map.shift_remove("seed");
        map.shift_remove("reference");
    }
    value.to_string()
}

fn write_runs(file: &hdf5::File, plan: &Plan<'_>) -> hdf5::Result<()> {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut configurations = Vec::new();
    let mut runs = Vec::with_capacity(plan.runs.len());
    let mut offset = 0;
    for (set, stored) in &plan.runs {
        let (record, header) = (&stored.record, &stored.record.header);
        let rows = record.trace.rows() as u64;
        let next = configurations.len() as u32;
        let number =
            *numbers.entry(configuration(&record.cell)).or_insert_with_key(|configuration| {
                configurations.push(text(configuration));
                next
            });
        let facts = serde_json::to_string(&header.facts).expect("a map of strings is plain data");
        runs.push(Run {
            identity: text(&record.identity.0),
            configuration: number,
            columns: *set as u32,
            seed: record.cell.seed,
            reference: text(record.cell.reference.as_ref().map_or("", |identity| &identity.0)),
            offset,
            rows,
            status: text(header.status.word()),
            reason: text(reason(&header.status)),
            setup_seconds: header.setup_seconds,
            setup_work: VarLenArray::from_slice(&header.setup_work),
            timed: header.timed,
            concurrency: header.concurrency,
            threads: header.threads,
            code: text(&header.code),
            started: header.started,
            peak_bytes: header.peak_bytes,
            facts: text(&facts),
            digest: stored.digest,
        });
        offset += rows;
    }
    let sets: Vec<VarLenUnicode> = plan
        .sets
        .iter()
        .map(|set| set.iter().map(|&number| plan.series[number].dataset.as_str()).collect())
        .map(|names: Vec<&str>| text(&Value::from(names).to_string()))
        .collect();
    file.new_dataset_builder().with_data(&configurations).create("configurations")?;
    file.new_dataset_builder().with_data(&sets).create("columns")?;
    let table = file.new_dataset_builder().with_data(&runs).create("runs")?;
    set(&table, "setup_work", &Work::NAMES.join(" "))
}

/// A chunked, compressed one-dimensional data set that reads as `fill` where nothing is written.
fn series<T: H5Type + Into<hdf5::types::OwnedDynValue>>(
    group: &Group,
    name: &str,
    length: usize,
    fill: T,
) -> hdf5::Result<Dataset> {
    group
        .new_dataset::<T>()
        .shape((length,))
        .chunk((length.clamp(1, CHUNK),))
        .shuffle()
        .deflate(DEFLATE)
        .fill_value(fill)
        .obj_track_times(false)
        .create(name)
}

fn write_series(trace: &Group, plan: &Plan<'_>, number: usize) -> hdf5::Result<()> {
    let Series { key, dataset: name } = &plan.series[number];
    let total = plan.runs.iter().map(|(_, stored)| stored.record.trace.rows()).sum();
    let dataset = match key.role {
        "metric" => series(trace, name, total, f64::NAN)?,
        _ => series(trace, name, total, NO_COUNT)?,
    };
    let mut start = 0;
    for stretch in plan.runs.chunk_by(|a, b| a.0 == b.0) {
        let rows: usize = stretch.iter().map(|(_, stored)| stored.record.trace.rows()).sum();
        let place = plan.sets[stretch[0].0].iter().position(|&member| member == number);
        if let Some(place) = place.filter(|_| rows > 0) {
            let traces = stretch.iter().map(|(_, stored)| &stored.record.trace);
            if key.role == "digest" {
                let values: Vec<u64> =
                    traces.flat_map(|trace| trace.digests.iter().copied()).collect();
                dataset.write_slice(&values, start..start + rows)?;
            } else {
                let values = traces.flat_map(|trace| trace.columns[place].values.iter().copied());
                if key.role == "count" {
                    let values: Vec<u64> = values.map(|value| value as u64).collect();
                    dataset.write_slice(&values, start..start + rows)?;
                } else {
                    let values: Vec<f64> = values.collect();
                    dataset.write_slice(&values, start..start + rows)?;
                }
            }
        }
        start += rows;
    }
    for (name, value) in [
        ("name", key.name.as_str()),
        ("role", key.role),
        ("units", &key.unit),
        ("direction", key.direction),
        ("split", key.split),
        ("description", &describe(key)),
    ] {
        set(&dataset, name, value)?;
    }
    Ok(())
}

/// A sentence for whoever opens a pack without our documentation.
fn describe(key: &Key) -> String {
    let sentence = match key.role {
        "digest" => return "chained digest of the iterate up to each row".into(),
        "count" => format!("{} since the start of the run", key.name),
        _ => match key.split {
            "none" => key.name.clone(),
            split => format!("{} on the {split} split", key.name),
        },
    };
    let unit = if key.unit.is_empty() { String::new() } else { format!(", in {}", key.unit) };
    let better = match key.direction {
        "neither" => "",
        "lower" => "; lower is better",
        _ => "; higher is better",
    };
    format!("{sentence}{unit}{better}")
}

fn write_arrays(file: &hdf5::File, plan: &Plan<'_>) -> hdf5::Result<()> {
    let mut outputs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut rows = Vec::new();
    for (run, (_, stored)) in plan.runs.iter().enumerate() {
        for array in &stored.record.arrays {
            let values = outputs.entry(&array.output.name).or_default();
            let shape: Vec<u64> = array.output.shape.iter().map(|&extent| extent as u64).collect();
            rows.push(ArrayRow {
                run: run as u64,
                name: text(&array.output.name),
                offset: values.len() as u64,
                size: array.values.len() as u64,
                shape: VarLenArray::from_slice(&shape),
            });
            values.extend_from_slice(&array.values);
        }
    }
    file.new_dataset_builder().with_data(&rows).create("arrays")?;
    let group = file.create_group("output")?;
    for (name, values) in outputs {
        let dataset = series(&group, &escape(name), values.len(), f64::NAN)?;
        if !values.is_empty() {
            dataset.write_slice(&values, 0..values.len())?;
        }
        set(&dataset, "name", name)?;
    }
    Ok(())
}

/// The metric that the attributes of a column describe.
pub(super) fn metric(name: String, unit: String, direction: &str, split: &str) -> Option<Metric> {
    let better = match direction {
        "lower" => Better::Lower,
        "higher" => Better::Higher,
        "neither" => Better::Neither,
        _ => return None,
    };
    let split = match split {
        "train" => Split::Train,
        "validation" => Split::Validation,
        "test" => Split::Test,
        "none" => Split::None,
        _ => return None,
    };
    Some(Metric { name: name.into(), unit: unit.into(), better, split })
}
