//! Arrays that a run leaves behind: of its last row, or of the row that a metric selects.

use converge_problems::{Better, Metric, Output, Split};

use crate::process::{Failure, Process};
use crate::record::Array;

/// Outputs that do not fit the run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// Not a name.
    #[error("outputs: {0}")]
    Malformed(String),
    /// No such output.
    #[error("outputs: no output named {name}; there are {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The outputs there are.
        known: Vec<String>,
    },
    /// No such column.
    #[error("outputs: no metric named {metric}; there are {}", known.join(", "))]
    UnknownMetric {
        /// The name asked for.
        metric: String,
        /// The columns there are.
        known: Vec<String>,
    },
    /// A column of the test split may not select.
    #[error("outputs: {0} looks at the test split, which may select no row")]
    Test(String),
    /// A column without a better direction has no best row.
    #[error("outputs: {0} has no better direction")]
    Directionless(String),
    /// Passes over data that the problem does not have.
    #[error("outputs: the problem has no data terms, so that there are no passes")]
    Termless,
}

/// An output by its name in a study, `NAME`, `NAME at best METRIC` or
/// `NAME at best METRIC within LIMIT COLUMN`: of the last row, or of the best one within a budget of
/// `iteration`, `samples` or `passes`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted<'a> {
    /// The output.
    pub name: &'a str,
    /// What selects its row; the last one if `None`.
    pub best: Option<Best<'a>>,
}

/// What selects a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best<'a> {
    /// The metric that is best there, of two as good the later.
    pub metric: &'a str,
    /// The budget that rows stay within.
    pub within: Option<(f64, Count)>,
}

/// In what a budget is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    /// Steps.
    Iterations,
    /// Data terms read.
    Samples,
    /// Data terms read, over those of the problem.
    Passes,
}

impl<'a> Wanted<'a> {
    /// Takes a name apart.
    ///
    /// # Errors
    /// [`OutputError::Malformed`], or [`OutputError::Test`] for a metric that may not select.
    pub fn parse(text: &'a str) -> Result<Self, OutputError> {
        let Some((name, rest)) = text.split_once(" at ") else {
            return Ok(Self { name: text, best: None });
        };
        let best = match rest.split(' ').collect::<Vec<_>>()[..] {
            ["best", metric] => Best { metric, within: None },
            ["best", metric, "within", limit, column] => {
                let count = match column {
                    "iteration" => Some(Count::Iterations),
                    "samples" => Some(Count::Samples),
                    "passes" => Some(Count::Passes),
                    _ => None,
                };
                let limit = limit.parse().ok().filter(|limit: &f64| limit.is_finite());
                let within = limit.zip(count).ok_or_else(|| malformed(text))?;
                Best { metric, within: Some(within) }
            }
            _ => return Err(malformed(text)),
        };
        if best.metric.starts_with("test-") {
            return Err(OutputError::Test(best.metric.to_owned()));
        }
        Ok(Self { name, best: Some(best) })
    }
}

fn malformed(text: &str) -> OutputError {
    OutputError::Malformed(format!(
        "`{text}` is neither \"NAME\" nor \"NAME at best METRIC\" nor \"NAME at best METRIC within \
         LIMIT COLUMN\", with iteration, samples or passes as the column"
    ))
}

/// The outputs of one run, with what they remember of its rows.
#[derive(Clone, Debug)]
pub struct Outputs {
    wanted: Vec<Kept>,
    /// Selections, each once however many outputs it has.
    selections: Vec<Selection>,
}

/// An output to keep.
#[derive(Clone, Debug)]
struct Kept {
    index: usize,
    output: Output,
    /// Number of its selection; the last row if `None`.
    selection: Option<usize>,
}

/// A row to select, and the iterate of the best one so far.
#[derive(Clone, Debug)]
struct Selection {
    column: usize,
    better: Better,
    within: Option<(f64, Count)>,
    best: f64,
    iterate: Vec<f64>,
}

impl Outputs {
    /// Fits the `names` that a study wants to what `process` offers.
    ///
    /// # Errors
    /// [`OutputError`] for names that are not there, and for what may not or cannot select.
    pub fn new(names: &[String], process: &dyn Process) -> Result<Self, OutputError> {
        let (columns, offered) = (process.columns(), process.outputs());
        let mut outputs = Self { wanted: Vec::new(), selections: Vec::new() };
        for text in names {
            let Wanted { name, best } = Wanted::parse(text)?;
            let index = offered.iter().position(|output| output.name == name).ok_or_else(|| {
                let known = offered.iter().map(|output| output.name.to_string()).collect();
                OutputError::Unknown { name: name.to_owned(), known }
            })?;
            let output = Output { name: text.clone().into(), shape: offered[index].shape.clone() };
            let selection = best.map(|best| outputs.select(best, &columns, process)).transpose()?;
            outputs.wanted.push(Kept { index, output, selection });
        }
        Ok(outputs)
    }

    /// The number of a selection.
    fn select(
        &mut self,
        best: Best<'_>,
        columns: &[Metric],
        process: &dyn Process,
    ) -> Result<usize, OutputError> {
        let metric = best.metric.to_owned();
        let column = columns.iter().position(|column| column.name == metric).ok_or_else(|| {
            let known = columns.iter().map(|column| column.name.to_string()).collect();
            OutputError::UnknownMetric { metric: metric.clone(), known }
        })?;
        let better = columns[column].better;
        if columns[column].split == Split::Test {
            return Err(OutputError::Test(metric));
        }
        if better == Better::Neither {
            return Err(OutputError::Directionless(metric));
        }
        let mut within = best.within;
        if let Some((limit, count @ Count::Passes)) = &mut within {
            let terms = process.terms().ok_or(OutputError::Termless)?;
            (*limit, *count) = (*limit * terms as f64, Count::Samples);
        }
        let same = |s: &Selection| s.column == column && s.within == within;
        Ok(self.selections.iter().position(same).unwrap_or_else(|| {
            let (best, iterate) = (f64::NAN, Vec::new());
            self.selections.push(Selection { column, better, within, best, iterate });
            self.selections.len() - 1
        }))
    }

    /// Looks at a row of metrics and diagnostics, and keeps the iterate where it is the best so far.
    ///
    /// # Errors
    /// [`Failure::External`] from outside programs.
    pub fn observe(
        &mut self,
        row: &[f64],
        iterations: u64,
        samples: u64,
        process: &mut dyn Process,
    ) -> Result<(), Failure> {
        for selection in &mut self.selections {
            let value = row[selection.column];
            let within = selection.within.is_none_or(|(limit, count)| match count {
                Count::Iterations => iterations as f64 <= limit,
                Count::Samples | Count::Passes => samples as f64 <= limit,
            });
            let beats = match selection.better {
                Better::Lower => value <= selection.best,
                _ => value >= selection.best,
            };
            if within && !value.is_nan() && (beats || selection.best.is_nan()) {
                selection.best = value;
                let size = process.outputs()[0].shape.iter().product();
                selection.iterate.resize(size, 0.0);
                process.output(0, &mut selection.iterate)?;
            }
        }
        Ok(())
    }

    /// The arrays, at the end of the run. What no row was selected for is left out.
    ///
    /// # Errors
    /// [`Failure::External`] from outside programs.
    pub fn take(self, process: &mut dyn Process) -> Result<Vec<Array>, Failure> {
        let mut arrays = Vec::with_capacity(self.wanted.len());
        for Kept { index, output, selection } in self.wanted {
            let mut values = vec![0.0; output.shape.iter().product()];
            match selection.map(|number| &self.selections[number].iterate) {
                None => process.output(index, &mut values)?,
                Some(iterate) if iterate.is_empty() => continue,
                Some(iterate) => process.output_of(index, iterate, &mut values)?,
            }
            arrays.push(Array { output, values });
        }
        Ok(arrays)
    }
}
