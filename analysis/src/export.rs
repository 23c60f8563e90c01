//! Traces as tables for other tools: Parquet and CSV.
//!
//! With the names of this program a table is long: one line per run, row and metric, in the columns
//! `run` (identity), `paper`, `study`, `problem`, `solver` (the curve: with its sweep values),
//! `variant`, `metric`, `seed`, `iteration`, `seconds`, `setup_seconds`, `value`.
//!
//! With the names of benchopt it is wide, as that program's result files are: one line per run and
//! row, in the columns `objective_name` (kind of the problem), `solver_name`, `data_name` (name of
//! the problem), `idx_rep`, `stop_val` (iteration), `time` (seconds of steps), and `objective_*` for
//! everything measured; the metric `objective` is `objective_value`.
//!
//! A value that is not finite is NaN or an infinity; a value that was not measured is null in
//! Parquet, empty in CSV, and has no line in a long table.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use converge_bench::cell::Task;
use converge_bench::record::Record;
use converge_bench::study::Label;
use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

/// Lines per row group, about: what is held in memory at once.
const GROUP: usize = 1 << 19;

/// A run to export.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Folder name of the paper.
    pub paper: &'a str,
    /// Name of the study.
    pub study: &'a str,
    /// Its place in the study.
    pub label: &'a Label,
    /// What it left.
    pub record: &'a Record,
}

/// Whose column names, and with them whose shape of table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Names {
    /// Ours, long.
    #[default]
    Converge,
    /// Those of benchopt, wide.
    Benchopt,
}

/// A table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {finding}", path.display())]
pub struct ExportError {
    /// The file.
    pub path: PathBuf,
    /// What happened.
    pub finding: String,
}

/// Writes `runs` as Parquet (Snappy, dictionaries), whole or not at all; returns the lines written.
///
/// # Errors
/// If the file cannot be written; what was there stays.
pub fn parquet(runs: &[Run<'_>], names: Names, path: &Path) -> Result<u64, ExportError> {
    let mut table = Table::new(runs, names);
    whole(path, |file| {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer =
            SerializedFileWriter::new(file, Arc::new(table.schema()?), Arc::new(properties))?;
        let mut lines = 0;
        for run in runs {
            table.push(run);
            if table.lines >= GROUP {
                lines += table.flush(&mut writer)?;
            }
        }
        lines += table.flush(&mut writer)?;
        writer.close()?;
        Ok(lines)
    })
}

/// Writes `runs` as CSV with a head line, whole or not at all; returns the lines written after it.
///
/// # Errors
/// If the file cannot be written; what was there stays.
pub fn csv(runs: &[Run<'_>], names: Names, path: &Path) -> Result<u64, ExportError> {
    let mut table = Table::new(runs, names);
    whole(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(table.columns.iter().map(|column| &column.name))?;
        let mut lines = 0;
        for run in runs {
            table.push(run);
            for line in 0..table.lines {
                for column in &table.columns {
                    column.write_csv(line, &mut writer)?;
                }
                writer.write_record(None::<&[u8]>)?;
            }
            lines += table.clear();
        }
        writer.flush()?;
        Ok(lines)
    })
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Runs `write` on a temporary file beside `path` and renames it when it is on the disk.
fn whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Outcome<u64>,
) -> Result<u64, ExportError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let attempt = || -> Outcome<u64> {
        let mut file = BufWriter::new(File::create(&temporary)?);
        let lines = write(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&temporary, path)?;
        Ok(lines)
    };
    attempt().map_err(|error| {
        // Nobody reads a temporary file; if it stays, it only takes room.
        let _best_effort = fs::remove_file(&temporary);
        ExportError { path: path.to_path_buf(), finding: error.to_string() }
    })
}

enum Values {
    Text(Vec<ByteArray>),
    Count(Vec<i64>),
    /// `None`: not measured.
    Number(Vec<Option<f64>>),
}

struct Column {
    name: String,
    values: Values,
}

/// The lines of some runs, by column.
struct Table {
    names: Names,
    columns: Vec<Column>,
    lines: usize,
}

impl Table {
    fn new(runs: &[Run<'_>], names: Names) -> Self {
        let texts = |names: &[&str]| names.iter().map(|name| Column::text(name)).collect();
        let mut columns: Vec<Column> = match names {
            Names::Converge => {
                texts(&["run", "paper", "study", "problem", "solver", "variant", "metric"])
            }
            Names::Benchopt => texts(&["objective_name", "solver_name", "data_name"]),
        };
        match names {
            Names::Converge => {
                columns.extend(["seed", "iteration"].map(Column::count));
                columns.extend(["seconds", "setup_seconds", "value"].map(Column::number));
            }
            Names::Benchopt => {
                columns.extend(["idx_rep", "stop_val"].map(Column::count));
                columns.push(Column::number("time"));
                for metric in runs.iter().flat_map(|run| measured(run.record)) {
                    let name = benchopt_name(&metric.metric.name);
                    if columns.iter().all(|column| column.name != name) {
                        columns.push(Column::number(&name));
                    }
                }
            }
        }
        Self { names, columns, lines: 0 }
    }

    fn push(&mut self, run: &Run<'_>) {
        match self.names {
            Names::Converge => self.push_long(run),
            Names::Benchopt => self.push_wide(run),
        }
    }

    fn push_long(&mut self, run: &Run<'_>) {
        let record = run.record;
        let texts = [
            &record.identity.0,
            run.paper,
            run.study,
            &run.label.problem,
            &run.label.curve(),
            &run.label.variant,
        ]
        .map(ByteArray::from);
        let metrics: Vec<ByteArray> =
            measured(record).map(|column| ByteArray::from(&*column.metric.name)).collect();
        for row in 0..record.trace.rows() {
            let (iteration, seconds) = (iteration(record, row), at(record, "seconds", row));
            for (metric, column) in metrics.iter().zip(measured(record)) {
                let texts = texts.iter().chain([metric]).cloned().map(Cell::Text);
                let counts = [run.label.seed.cast_signed(), iteration].map(Cell::Count);
                let numbers =
                    [seconds, Some(record.header.setup_seconds), Some(column.values[row])];
                self.line(texts.chain(counts).chain(numbers.map(Cell::Number)));
            }
        }
    }

    fn push_wide(&mut self, run: &Run<'_>) {
        let record = run.record;
        let kind = match &record.cell.task {
            Task::Run { problem, .. } => &problem.kind,
            Task::Probe { probe } => &probe.kind,
        };
        let texts = [kind.as_str(), &run.label.curve(), &run.label.problem].map(ByteArray::from);
        // The columns of this run in the order of the table, which has those of other runs too.
        let places: Vec<Option<&converge_bench::record::Column>> = self.columns[6..]
            .iter()
            .map(|slot| {
                measured(record).find(|column| benchopt_name(&column.metric.name) == slot.name)
            })
            .collect();
        for row in 0..record.trace.rows() {
            let texts = texts.iter().cloned().map(Cell::Text);
            let counts = [run.label.seed.cast_signed(), iteration(record, row)].map(Cell::Count);
            let numbers = places.iter().map(|column| column.map(|column| column.values[row]));
            let numbers = std::iter::once(at(record, "seconds", row)).chain(numbers);
            self.line(texts.chain(counts).chain(numbers.map(Cell::Number)));
        }
    }

    fn line(&mut self, cells: impl Iterator<Item = Cell>) {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (&mut column.values, cell) {
                (Values::Text(values), Cell::Text(value)) => values.push(value),
                (Values::Count(values), Cell::Count(value)) => values.push(value),
                (Values::Number(values), Cell::Number(value)) => values.push(value),
                _ => unreachable!("lines are built in the order of the columns"),
            }
        }
        self.lines += 1;
    }

    fn schema(&self) -> parquet::errors::Result<Type> {
        let fields = self.columns.iter().map(|column| column.field().map(Arc::new));
        Type::group_type_builder("traces").with_fields(fields.collect::<Result<_, _>>()?).build()
    }

    /// Writes the lines as one row group and drops them; returns their number.
    fn flush<W: Write + Send>(&mut self, writer: &mut SerializedFileWriter<W>) -> Outcome<u64> {
        if self.lines == 0 {
            return Ok(0);
        }
        let mut group = writer.next_row_group()?;
        for column in &self.columns {
            let mut target = group.next_column()?.expect("as many columns as the schema has");
            match &column.values {
                Values::Text(values) => {
                    target.typed::<ByteArrayType>().write_batch(values, None, None)?
                }
                Values::Count(values) => {
                    target.typed::<Int64Type>().write_batch(values, None, None)?
                }
                Values::Number(values) => {
                    let present: Vec<i16> =
                        values.iter().map(|value| value.is_some().into()).collect();
                    let values: Vec<f64> = values.iter().copied().flatten().collect();
                    target.typed::<DoubleType>().write_batch(&values, Some(&present), None)?
                }
            };
            target.close()?;
        }
        group.close()?;
        Ok(self.clear())
    }

    fn clear(&mut self) -> u64 {
        for column in &mut self.columns {
            match &mut column.values {
                Values::Text(values) => values.clear(),
                Values::Count(values) => values.clear(),
                Values::Number(values) => values.clear(),
            }
        }
        std::mem::take(&mut self.lines) as u64
    }
}

enum Cell {
    Text(ByteArray),
    Count(i64),
    Number(Option<f64>),
}

impl Column {
    fn text(name: &str) -> Self {
        Self { name: name.into(), values: Values::Text(Vec::new()) }
    }

    fn count(name: &str) -> Self {
        Self { name: name.into(), values: Values::Count(Vec::new()) }
    }

    fn number(name: &str) -> Self {
        Self { name: name.into(), values: Values::Number(Vec::new()) }
    }

    fn field(&self) -> parquet::errors::Result<Type> {
        let (physical, converted, repetition) = match self.values {
            Values::Text(_) => (Physical::BYTE_ARRAY, ConvertedType::UTF8, Repetition::REQUIRED),
            Values::Count(_) => (Physical::INT64, ConvertedType::NONE, Repetition::REQUIRED),
            Values::Number(_) => (Physical::DOUBLE, ConvertedType::NONE, Repetition::OPTIONAL),
        };
        Type::primitive_type_builder(&self.name, physical)
            .with_converted_type(converted)
            .with_repetition(repetition)
            .build()
    }

    fn write_csv<W: Write>(&self, line: usize, writer: &mut csv::Writer<W>) -> csv::Result<()> {
        match &self.values {
            Values::Text(values) => writer.write_field(values[line].data()),
            Values::Count(values) => writer.write_field(values[line].to_string()),
            // `{:?}` is the shortest text that reads back as the same number, with an exponent
            // where that is shorter.
            Values::Number(values) => match values[line] {
                Some(value) => writer.write_field(format!("{value:?}")),
                None => writer.write_field(""),
            },
        }
    }
}

/// The columns that are not where a row stands but what was found there.
fn measured(record: &Record) -> impl Iterator<Item = &converge_bench::record::Column> {
    let places = ["iteration", "seconds"];
    record.trace.columns.iter().filter(move |column| !places.contains(&&*column.metric.name))
}

fn at(record: &Record, name: &str, row: usize) -> Option<f64> {
    record.trace.column(name).map(|column| column.values[row])
}

fn iteration(record: &Record, row: usize) -> i64 {
    at(record, "iteration", row).map_or(row as f64, |iteration| iteration) as i64
}

fn benchopt_name(metric: &str) -> String {
    match metric {
        "objective" => "objective_value".into(),
        other => format!("objective_{}", other.replace('-', "_")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use converge_bench::cell::{self, Identity, Sampling, Stage, Unit};
    use converge_bench::record::{Column, Header, Status, Trace};
    use converge_problems::Metric;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;

    fn record(kind: &str, columns: &[(&'static str, &[f64])]) -> Record {
        let section =
            |kind: &str| cell::Section { kind: kind.into(), config: serde_json::Map::new() };
        let columns = columns.iter().map(|&(name, values)| Column {
            metric: Metric::diagnostic(name),
            values: values.to_vec(),
        });
        Record {
            identity: Identity("ab".into()),
            cell: cell::Cell {
                schema: 1,
                task: Task::Run { problem: section(kind), solver: section("sgd") },
                root: 0,
                seed: 3,
                stage: Stage::Main,
                sampling: Sampling::Every { n: 1, unit: Unit::Iterations },
                stop: Vec::new(),
                reference: None,
                outputs: Vec::new(),
                metrics: Vec::new(),
            },
            header: Header {
                status: Status::Budget,
                setup_seconds: 0.5,
                setup_work: Vec::new(),
                timed: false,
                concurrency: 1,
                threads: 1,
                code: String::new(),
                started: 0.0,
                peak_bytes: 0,
                facts: BTreeMap::new(),
            },
            trace: Trace { columns: columns.collect(), digests: Vec::new() },
            arrays: Vec::new(),
        }
    }

    fn label(solver: &str) -> Label {
        Label {
            variant: "corrected".into(),
            problem: "digits, \"small\"".into(),
            solver: solver.into(),
            sweep: BTreeMap::from([("solver.sgd.step-size".into(), 0.1.into())]),
            seed: 3,
        }
    }

    /// Two runs with different metrics, one of them with numbers that are not finite.
    fn with_runs(test: impl FnOnce(&[Run<'_>], &Path)) {
        let first = record(
            "mlr",
            &[
                ("iteration", &[0.0, 2.0]),
                ("seconds", &[0.0, 1e-7]),
                ("objective", &[f64::NAN, 1.0 / 3.0]),
                ("test-loss", &[f64::INFINITY, 1e300]),
            ],
        );
        let second =
            record("mlr", &[("iteration", &[0.0]), ("seconds", &[0.0]), ("objective", &[-2.0])]);
        let (a, b) = (label("sgd"), label("lbfgs"));
        let runs = [(&a, &first), (&b, &second)].map(|(label, record)| Run {
            paper: "p",
            study: "s",
            label,
            record,
        });
        test(&runs, tempfile::tempdir().unwrap().path());
    }

    fn lines(path: &Path) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
        reader.records().map(|line| line.unwrap().iter().map(String::from).collect()).collect()
    }

    #[test]
    fn a_long_csv_has_a_line_per_run_row_and_metric() {
        with_runs(|runs, dir| {
            let path = dir.join("traces.csv");
            assert_eq!(csv(runs, Names::Converge, &path).unwrap(), 5);
            let lines = lines(&path);
            assert_eq!(
                lines[0].join(" "),
                "run paper study problem solver variant metric seed iteration seconds \
                 setup_seconds value"
            );
            let head = ["ab", "p", "s", "digits, \"small\"", "sgd (step-size 0.1)", "corrected"];
            let tail = |metric, iteration, seconds, value| {
                [metric, "3", iteration, seconds, "0.5", value].map(String::from)
            };
            assert_eq!(lines[1][..6], head);
            assert_eq!(lines[1][6..], tail("objective", "0", "0.0", "NaN"));
            assert_eq!(lines[2][6..], tail("test-loss", "0", "0.0", "inf"));
            assert_eq!(lines[3][6..], tail("objective", "2", "1e-7", "0.3333333333333333"));
            assert_eq!(lines[4][6..], tail("test-loss", "2", "1e-7", "1e300"));
            assert_eq!(lines[5][6..], tail("objective", "0", "0.0", "-2.0"));
            let left: Vec<_> = fs::read_dir(dir).unwrap().collect();
            assert_eq!(left.len(), 1, "no temporary file stays");
        });
    }

    #[test]
    fn a_benchopt_csv_is_wide_and_leaves_empty_what_was_not_measured() {
        with_runs(|runs, dir| {
            let path = dir.join("traces.csv");
            assert_eq!(csv(runs, Names::Benchopt, &path).unwrap(), 3);
            let lines = lines(&path);
            assert_eq!(
                lines[0].join(" "),
                "objective_name solver_name data_name idx_rep stop_val time objective_value \
                 objective_test_loss"
            );
            assert_eq!(lines[2][3..], ["3", "2", "1e-7", "0.3333333333333333", "1e300"]);
            assert_eq!(lines[3][1], "lbfgs (step-size 0.1)");
            assert_eq!(lines[3][3..], ["3", "0", "0.0", "-2.0", ""]);
        });
    }

    #[test]
    fn parquet_reads_back_bit_for_bit() {
        with_runs(|runs, dir| {
            for (names, lines, value) in [(Names::Converge, 5, 11), (Names::Benchopt, 3, 6)] {
                let path = dir.join("traces.parquet");
                assert_eq!(parquet(runs, names, &path).unwrap(), lines);
                let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
                let rows: Vec<Vec<Field>> = reader
                    .get_row_iter(None)
                    .unwrap()
                    .map(|row| row.unwrap().into_columns().into_iter().map(|(_, f)| f).collect())
                    .collect();
                assert_eq!(rows.len() as u64, lines);
                let bits = |field: &Field| match field {
                    Field::Double(value) => value.to_bits(),
                    other => panic!("{other}"),
                };
                assert_eq!(bits(&rows[0][value]), f64::NAN.to_bits());
                let last = rows.last().unwrap();
                assert_eq!(bits(&last[value]), (-2.0_f64).to_bits());
                if names == Names::Benchopt {
                    assert_eq!(last[value + 1], Field::Null);
                    assert_eq!(rows[1][1], Field::Str("sgd (step-size 0.1)".into()));
                    assert_eq!(rows[1][4], Field::Long(2));
                }
            }
        });
    }

    #[test]
    fn a_failed_export_names_the_file_and_keeps_what_was_there() {
        with_runs(|runs, dir| {
            let path = dir.join("missing").join("traces.csv");
            assert_eq!(csv(runs, Names::Converge, &path).unwrap_err().path, path);
            let folder = dir.join("folder");
            fs::create_dir(&folder).unwrap();
            assert!(parquet(runs, Names::Converge, &folder).is_err());
            assert!(folder.is_dir());
            assert_eq!(fs::read_dir(dir).unwrap().count(), 1);
        });
    }

    #[test]
    fn no_runs_make_an_empty_table() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(csv(&[], Names::Benchopt, &dir.path().join("a.csv")).unwrap(), 0);
        let path = dir.path().join("a.parquet");
        assert_eq!(parquet(&[], Names::Converge, &path).unwrap(), 0);
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    }
}
