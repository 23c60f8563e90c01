//! Reading packs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use converge_problems::{Metric, Output};
use hdf5::types::VarLenUnicode;
use hdf5::{H5Type, Location};
use serde_json::Value;

use super::frame::Stored;
use super::pack::{self, ArrayRow, BLOCK, Run, SCHEMA, TITLE};
use super::{StoreError, at};
use crate::cell::{Cell, Identity};
use crate::record::{Array, Column, Header, Record, Trace};

/// Why a pack cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It is no longer there: merged into another one since the folder was listed.
    Gone,
    /// It is foreign, truncated, damaged or newer.
    Bad(String),
}

impl From<hdf5::Error> for Unusable {
    fn from(error: hdf5::Error) -> Self {
        Self::Bad(error.to_string())
    }
}

impl From<String> for Unusable {
    fn from(finding: String) -> Self {
        Self::Bad(finding)
    }
}

/// Checks the user block against the bytes of the file, before any of it is parsed as HDF5.
pub(super) fn verify(path: &Path) -> Result<(), Unusable> {
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Unusable::Gone,
        _ => Unusable::Bad(error.to_string()),
    };
    let mut file = File::open(path).map_err(io)?;
    let mut block = Vec::with_capacity(BLOCK);
    (&mut file).take(BLOCK as u64).read_to_end(&mut block).map_err(io)?;
    let hdf5 = block.starts_with(b"\x89HDF\r\n\x1a\n");
    let block = String::from_utf8_lossy(&block);
    let mut lines = block.lines();
    if lines.next() != Some(TITLE) {
        let kind = if hdf5 { "an HDF5 file, but " } else { "" };
        return Err(format!("{kind}not a pack of this program").into());
    }
    let mut field = |name: &str| {
        let (found, value) = lines.next()?.split_once(' ')?;
        (found == name).then_some(value.trim())
    };
    let schema = field("schema").and_then(|schema| schema.parse().ok());
    if let Some(schema) = schema.filter(|&schema: &u32| schema > SCHEMA) {
        return Err(format!(
            "a pack of schema {schema}; this program reads up to {SCHEMA}: use a newer one"
        )
        .into());
    }
    let length: Option<u64> = field("bytes").and_then(|length| length.parse().ok());
    let digest = field("xxh3-128").and_then(|digest| u128::from_str_radix(digest, 16).ok());
    let (Some(_), Some(length), Some(digest)) = (schema, length, digest) else {
        return Err(String::from("its first 512 bytes are damaged").into());
    };
    let (rest, found) = pack::digest_rest(&mut file).map_err(io)?;
    let total = rest + BLOCK as u64;
    if total != length {
        let kind = if total < length { "truncated" } else { "overlong" };
        return Err(format!("{kind}: {total} bytes of {length}").into());
    }
    if found != digest {
        return Err(String::from("damaged: its digest is not the one it was written with").into());
    }
    Ok(())
}

/// An open pack with its tables, without its columns.
pub(super) struct Pack {
    pub(super) path: PathBuf,
    pub(super) machine: String,
    pub(super) runs: Vec<Run>,
    file: hdf5::File,
    configurations: Vec<Cell>,
    sets: Vec<Vec<String>>,
}

/// One column's data set, read where it is needed.
enum Values {
    Metrics(Vec<f64>),
    Counts(Vec<u64>),
}

struct Series {
    metric: Option<Metric>,
    /// Row of the data set at which `values` begins.
    start: usize,
    values: Values,
}

impl Pack {
    /// Verifies and opens a pack.
    pub(super) fn open(path: &Path) -> Result<Self, Unusable> {
        verify(path)?;
        let open = || -> Result<Self, Unusable> {
            let file = hdf5::File::open(path)?;
            let machine = attribute(&file, "machine")?;
            let runs: Vec<Run> = file.dataset("runs")?.read_raw()?;
            let configurations = strings(&file, "configurations")?
                .iter()
                .map(|text| cell(text).map_err(|error| format!("/configurations: {error}")))
                .collect::<Result<_, _>>()?;
            let sets = strings(&file, "columns")?
                .iter()
                .map(|text| {
                    serde_json::from_str(text).map_err(|error| format!("/columns: {error}"))
                })
                .collect::<Result<_, _>>()?;
            let path = path.to_path_buf();
            Ok(Self { path, machine, runs, file, configurations, sets })
        };
        open().map_err(|error| if path.exists() { error } else { Unusable::Gone })
    }

    /// The identity of a run.
    pub(super) fn identity(&self, run: usize) -> Identity {
        Identity(self.runs[run].identity.to_string())
    }

    /// The cell of a run.
    pub(super) fn cell(&self, run: usize) -> Result<Cell, String> {
        let run = &self.runs[run];
        let mut cell = self
            .configurations
            .get(run.configuration as usize)
            .ok_or_else(|| format!("/runs: there is no configuration {}", run.configuration))?
            .clone();
        cell.seed = run.seed;
        cell.reference = (!run.reference.is_empty()).then(|| Identity(run.reference.to_string()));
        Ok(cell)
    }

    /// The header of a run.
    pub(super) fn header(&self, run: usize) -> Result<Header, String> {
        let run = &self.runs[run];
        let status = pack::status(&run.status, &run.reason)
            .ok_or_else(|| format!("/runs: unknown status {}", run.status.as_str()))?;
        let facts =
            serde_json::from_str(&run.facts).map_err(|error| format!("/runs: facts: {error}"))?;
        Ok(Header {
            status,
            setup_seconds: run.setup_seconds,
            setup_work: run.setup_work.to_vec(),
            timed: run.timed,
            concurrency: run.concurrency,
            threads: run.threads,
            code: run.code.to_string(),
            started: run.started,
            peak_bytes: run.peak_bytes,
            facts,
        })
    }

    /// All runs with their rows.
    pub(super) fn all(&self) -> Result<Vec<Stored>, StoreError> {
        let runs: Vec<usize> = (0..self.runs.len()).collect();
        self.read(&runs).map_err(at(&self.path))
    }

    /// The runs numbered `runs` with their rows. Reads each column once, over the stretch that
    /// holds them.
    pub(super) fn read(&self, runs: &[usize]) -> Result<Vec<Stored>, String> {
        let mut records = Vec::with_capacity(runs.len());
        for &run in runs {
            let record = Record {
                identity: self.identity(run),
                cell: self.cell(run)?,
                header: self.header(run)?,
                trace: Trace::default(),
                arrays: Vec::new(),
            };
            records.push(Stored { record, digest: self.runs[run].digest });
        }
        self.read_traces(runs, &mut records)?;
        self.read_arrays(runs, &mut records)?;
        Ok(records)
    }

    fn set(&self, run: usize) -> Result<&[String], String> {
        let number = self.runs[run].columns as usize;
        let set = self.sets.get(number);
        set.map(Vec::as_slice).ok_or_else(|| format!("/runs: there is no column set {number}"))
    }

    fn span(&self, run: usize) -> Result<std::ops::Range<usize>, String> {
        let Run { offset, rows, .. } = self.runs[run];
        let end = offset.checked_add(rows).ok_or("/runs: an offset overflows")?;
        Ok(offset as usize..end as usize)
    }

    fn read_traces(&self, runs: &[usize], records: &mut [Stored]) -> Result<(), String> {
        let mut hulls: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
        for &run in runs {
            let span = self.span(run)?;
            for name in self.set(run)? {
                let hull = hulls.entry(name).or_insert_with(|| span.clone());
                *hull = hull.start.min(span.start)..hull.end.max(span.end);
            }
        }
        let mut series = BTreeMap::new();
        for (name, hull) in hulls {
            let read = self.series(name, hull);
            series.insert(name, read.map_err(|error| format!("/trace/{name}: {error}"))?);
        }
        for (&run, stored) in runs.iter().zip(records) {
            let span = self.span(run)?;
            for name in self.set(run)? {
                let Series { metric, start, values } = &series[name.as_str()];
                let span = span.start - start..span.end - start;
                let trace = &mut stored.record.trace;
                match (metric, values) {
                    (None, Values::Counts(values)) => trace.digests = values[span].to_vec(),
                    (None, Values::Metrics(_)) => {
                        return Err(format!("/trace/{name}: digests are not whole numbers"));
                    }
                    (Some(metric), values) => {
                        let values = match values {
                            Values::Metrics(values) => values[span].to_vec(),
                            Values::Counts(values) => {
                                values[span].iter().map(|&count| count as f64).collect()
                            }
                        };
                        trace.columns.push(Column { metric: metric.clone(), values });
                    }
                }
            }
        }
        Ok(())
    }

    /// A column's data set over the rows `hull`.
    fn series(&self, name: &str, hull: std::ops::Range<usize>) -> Result<Series, Unusable> {
        let dataset = self.file.dataset(&format!("trace/{name}"))?;
        if dataset.size() < hull.end {
            return Err(format!("{} rows where {} are needed", dataset.size(), hull.end).into());
        }
        let role = attribute(&dataset, "role")?;
        let metric = match role.as_str() {
            "digest" => None,
            _ => Some(
                pack::metric(
                    attribute(&dataset, "name")?,
                    attribute(&dataset, "units")?,
                    &attribute(&dataset, "direction")?,
                    &attribute(&dataset, "split")?,
                )
                .ok_or_else(|| String::from("its attributes do not describe a metric"))?,
            ),
        };
        let start = hull.start;
        let values = if role == "metric" {
            Values::Metrics(slice(&dataset, hull)?)
        } else {
            Values::Counts(slice(&dataset, hull)?)
        };
        Ok(Series { metric, start, values })
    }

    fn read_arrays(&self, runs: &[usize], records: &mut [Stored]) -> Result<(), String> {
        let rows: Vec<ArrayRow> =
            self.file.dataset("arrays").and_then(|d| d.read_raw()).map_err(|e| e.to_string())?;
        let places: BTreeMap<u64, usize> =
            runs.iter().enumerate().map(|(place, &run)| (run as u64, place)).collect();
        for row in rows {
            let Some(&place) = places.get(&row.run) else { continue };
            let name = row.name.to_string();
            let read = || -> Result<Vec<f64>, Unusable> {
                let end =
                    row.offset.checked_add(row.size).ok_or_else(|| String::from("overflow"))?;
                let dataset = self.file.dataset(&format!("output/{}", pack::escape(&name)))?;
                slice(&dataset, row.offset as usize..end as usize)
            };
            let values = read().map_err(|error| format!("/output/{name}: {error}"))?;
            let shape = row.shape.iter().map(|&extent| extent as usize).collect();
            let output = Output { name: name.into(), shape };
            records[place].record.arrays.push(Array { output, values });
        }
        Ok(())
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => f.write_str("no longer there"),
            Self::Bad(finding) => f.write_str(finding),
        }
    }
}

fn slice<T: H5Type>(
    dataset: &hdf5::Dataset,
    range: std::ops::Range<usize>,
) -> Result<Vec<T>, Unusable> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    if dataset.size() < range.end {
        return Err(format!("{} numbers where {} are needed", dataset.size(), range.end).into());
    }
    if range == (0..dataset.size()) {
        return Ok(dataset.read_raw()?);
    }
    Ok(dataset.read_slice_1d::<T, _>(range)?.into_raw_vec_and_offset().0)
}

fn attribute(location: &Location, name: &str) -> hdf5::Result<String> {
    Ok(location.attr(name)?.read_scalar::<VarLenUnicode>()?.to_string())
}

fn strings(file: &hdf5::File, name: &str) -> hdf5::Result<Vec<VarLenUnicode>> {
    file.dataset(name)?.read_raw()
}

/// The cell of a configuration, with seed 0 and no reference.
fn cell(text: &str) -> Result<Cell, serde_json::Error> {
    let mut value: Value = serde_json::from_str(text)?;
    if let Value::Object(map) = &mut value {
        map.insert("seed".into(), 0.into());
        map.insert("reference".into(), Value::Null);
    }
    serde_json::from_value(value)
}
