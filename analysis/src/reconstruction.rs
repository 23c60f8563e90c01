//! What `converge reconstruct` leaves in a folder: the image, the trace, a report, a figure.
//!
//! | file | holds |
//! |---|---|
//! | `image.npy` | the image, rows x columns; of a complex unknown complex numbers; of several planes planes x rows x columns |
//! | `image.png` | the same in 16 bits of gray, of a complex unknown the modulus; `image-1.png`, ... of several planes |
//! | `trace.csv` | one line a sampled iteration: counts, seconds, metrics, residuals |
//! | `report.json` | how it ended, first and last value of every column, the facts of the instance, the whole configuration |
//! | `convergence.svg` | misfit and residuals against iterations |

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use converge_bench::reconstruct::is_count;
use converge_bench::record::{Array, Column, Record};
use converge_problems::DataError;
use converge_problems::data::{write_npy, write_png};
use serde_json::{Value, json};

use crate::plot::axis::{Axis, Scale};
use crate::plot::chart::{self, Chart, Line};
use crate::plot::scene::About;
use crate::plot::svg;

/// Width of the figure in mm: one column of a page.
const WIDTH: f64 = 88.0;

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Gray values shown as black and as white.
    pub window: [f64; 2],
}

/// Makes sure that files can be written into `folder`, which is made where it is missing.
///
/// # Errors
/// [`DataError`] with the folder and the reason.
pub fn prepare(folder: &Path) -> Result<(), DataError> {
    let failed = |e| DataError::new(folder, format!("cannot be written to: {e}"));
    fs::create_dir_all(folder).map_err(failed)?;
    let trial = folder.join(".converge-trial");
    File::create(&trial).map_err(failed)?;
    fs::remove_file(&trial).map_err(failed)
}

/// Writes everything into `folder`. Without a `window` of gray values the least becomes black, the
/// largest white.
///
/// # Errors
/// [`DataError`] at the first file that cannot be written.
///
/// # Panics
/// If the record holds no image: it is not that of a reconstruction.
pub fn write(
    record: &Record,
    folder: &Path,
    window: Option<[f64; 2]>,
) -> Result<Written, DataError> {
    let image = Picture::of(record);
    let mut files = Vec::new();
    let mut file = |name: &str| {
        let path = folder.join(name);
        files.push(path.clone());
        path
    };
    let (extents, complex, values) = image.numbers();
    write_npy(&file("image.npy"), &extents, complex, &values)?;
    let planes = image.gray();
    let window = window.unwrap_or_else(|| range(&planes));
    for (i, plane) in planes.iter().enumerate() {
        let name =
            if planes.len() == 1 { "image.png".into() } else { format!("image-{}.png", i + 1) };
        write_png(&file(&name), image.shape, plane, window)?;
    }
    csv(record, &file("trace.csv"))?;
    if let Some(figure) = figure(record) {
        text(&file("convergence.svg"), &figure)?;
    }
    let path = file("report.json");
    let report = report(record, &files, window);
    text(&path, &format!("{report:#}\n"))?;
    Ok(Written { files, window })
}

fn text(path: &Path, text: &str) -> Result<(), DataError> {
    fs::write(path, text).map_err(|e| DataError::new(path, format!("cannot be written: {e}")))
}

/// The image of a record.
struct Picture<'a> {
    shape: [usize; 2],
    complex: bool,
    /// Planes one after the other, column-major.
    values: &'a [f64],
}

impl<'a> Picture<'a> {
    fn of(record: &'a Record) -> Self {
        let image = record.arrays.iter().find(|array| array.output.name == "image");
        let Array { output, values } = image.expect("a reconstruction keeps its image");
        // Columns are the slower axis.
        let [_, columns, rows] = output.shape[..] else { unreachable!("planes of an image") };
        let complex = record.header.facts.get("unknown").is_some_and(|kind| kind == "complex");
        Self { shape: [rows, columns], complex, values }
    }

    /// Extents, whether numbers are complex, and the numbers, row-major.
    fn numbers(&self) -> (Vec<usize>, bool, Vec<f64>) {
        let [rows, columns] = self.shape;
        let size = rows * columns;
        let planes = self.values.len() / size;
        let place = |i: usize| i / columns + rows * (i % columns);
        let (mut extents, mut values) =
            (vec![rows, columns], Vec::with_capacity(self.values.len()));
        if self.complex {
            for i in 0..size {
                values.extend([self.values[place(i)], self.values[size + place(i)]]);
            }
        } else {
            for plane in self.values.chunks_exact(size) {
                values.extend((0..size).map(|i| plane[place(i)]));
            }
            if planes > 1 {
                extents.insert(0, planes);
            }
        }
        (extents, self.complex, values)
    }

    /// Planes to look at, column-major.
    fn gray(&self) -> Vec<Vec<f64>> {
        let size = self.shape[0] * self.shape[1];
        if self.complex {
            let (re, im) = self.values.split_at(size);
            return vec![re.iter().zip(im).map(|(re, im)| re.hypot(*im)).collect()];
        }
        self.values.chunks_exact(size).map(<[f64]>::to_vec).collect()
    }
}

/// Least and largest finite number.
fn range(planes: &[Vec<f64>]) -> [f64; 2] {
    let finite = || planes.iter().flatten().copied().filter(|value| value.is_finite());
    [finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max)]
}

fn csv(record: &Record, path: &Path) -> Result<(), DataError> {
    let failed = |e: csv::Error| DataError::new(path, format!("cannot be written: {e}"));
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    let columns = &record.trace.columns;
    writer.write_record(columns.iter().map(|c| c.metric.name.as_ref())).map_err(failed)?;
    for row in 0..record.trace.rows() {
        let values = columns.iter().map(|column| column.values[row].to_string());
        writer.write_record(values).map_err(failed)?;
    }
    writer.flush().map_err(|e| failed(e.into()))
}

/// Columns that are results, not counts.
pub fn results(record: &Record) -> impl Iterator<Item = &Column> {
    record.trace.columns.iter().filter(|column| !is_count(&column.metric.name))
}

/// The last value of a column.
pub fn last(record: &Record, name: &str) -> Option<f64> {
    record.trace.column(name)?.values.last().copied()
}

fn report(record: &Record, files: &[PathBuf], window: [f64; 2]) -> Value {
    let ends = |column: &Column| {
        let values = [column.values.first(), column.values.last()];
        let [first, last] = values.map(|value| value.copied().unwrap_or(f64::NAN));
        json!({ "unit": column.metric.unit, "first": first, "last": last })
    };
    let columns: serde_json::Map<String, Value> =
        results(record).map(|column| (column.metric.name.to_string(), ends(column))).collect();
    let names: Vec<_> = files.iter().filter_map(|path| path.file_name()).collect();
    let names: Vec<_> = names.into_iter().map(|name| name.to_string_lossy()).collect();
    let header = &record.header;
    json!({
        "schema": 1,
        "status": header.status.word(),
        "ended": header.status.to_string(),
        "iterations": last(record, "iteration"),
        "seconds": last(record, "seconds"),
        "setup_seconds": header.setup_seconds,
        "threads": header.threads,
        "peak_bytes": header.peak_bytes,
        "columns": columns,
        "window": window,
        "files": names,
        "facts": header.facts,
        "configuration": record.cell,
        "identity": record.identity,
        "code": header.code,
    })
}

/// Misfit and residuals, each over its first value; `None` where fewer than two rows show any.
fn figure(record: &Record) -> Option<String> {
    let iterations = &record.trace.columns.first()?.values;
    let shown = |column: &&Column| {
        column.metric.name == "misfit" || column.metric.name.contains("residual")
    };
    let lines: Vec<Line> = results(record)
        .filter(shown)
        .filter_map(|column| line(column, iterations))
        .enumerate()
        .map(|(place, line)| Line { place, ..line })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let all = |of: fn(&Line) -> &Vec<f64>| lines.iter().flat_map(move |l| of(l).iter().copied());
    let axes = (
        Axis::over(Scale::Linear, all(|line| &line.x), 0.0, 1.0),
        Axis::over(Scale::Log, all(|line| &line.y), 0.0, 1.0),
    );
    let titles = ("iterations".to_owned(), "relative to the first value".to_owned());
    let title = "Convergence of the reconstruction".to_owned();
    let about = About { title, ..About::default() };
    let chart = Chart { about, ..Chart::new(lines, axes, titles, WIDTH) };
    Some(svg::write(&chart::draw(&chart).0))
}

fn line(column: &Column, iterations: &[f64]) -> Option<Line> {
    let measured = iterations.iter().zip(&column.values);
    let measured = measured.filter(|(_, y)| y.is_finite() && **y > 0.0);
    let (x, y): (Vec<f64>, Vec<f64>) = measured.map(|(x, y)| (*x, *y)).unzip();
    let first = *y.first()?;
    let y: Vec<f64> = y.into_iter().map(|y| y / first).collect();
    (y.len() > 1).then(|| Line { name: column.metric.name.to_string(), x, y, ..Line::default() })
}
