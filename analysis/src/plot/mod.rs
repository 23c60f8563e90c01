//! Figures: from runs and verdicts to SVG.
//!
//! A figure is first a [`scene::Scene`] in units of 10 µm, then a file. The same input gives the
//! same bytes: whole numbers, fixed order, no dates.

pub mod axis;
pub mod chart;
pub mod colormap;
pub mod convergence;
pub mod cost;
pub mod curves;
pub mod density;
pub mod font;
pub mod forest;
pub mod frame;
pub mod geometry;
pub mod heat_map;
pub mod images;
pub mod names;
pub mod number;
pub mod order;
pub mod paired;
pub mod phase;
pub mod print;
pub mod profile;
pub mod replicates;
pub mod scene;
pub mod slope;
mod spec;
pub mod style;
pub mod svg;
pub mod text;
pub mod time_to_target;
mod wire;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod vision;

use std::path::{Path, PathBuf};

use converge_bench::study::{Study, StudyError};

use self::curves::Runs;
pub use self::print::Format;
use self::spec::{Kind, Spec};
use self::wire::Context;
use crate::verdict::Verdict;

/// A figure that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The section of the study file.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// The file.
    #[error("{}: {source}", path.display())]
    File {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        source: std::io::Error,
    },
    /// A figure that could not be turned into another format.
    #[error("{}: {reason}", path.display())]
    Print {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        reason: String,
    },
}

/// A drawn figure before it is a file.
#[derive(Clone, Debug)]
pub struct Figure {
    /// File name without its ending: the plot, then problem and variant where there are several.
    pub name: String,
    /// Name of the plot's section.
    pub plot: String,
    /// Variant that it shows; empty if it shows all.
    pub variant: String,
    /// What is seen, in a sentence.
    pub caption: String,
    /// The drawing.
    pub svg: String,
}

/// Draws all plots of a study, and its verdicts as a forest, into `dir`, each in all `formats`;
/// returns the files.
///
/// # Errors
/// [`PlotError`] at the first section or file that fails.
pub fn draw(
    study: &Study,
    runs: &Runs,
    verdicts: &[Verdict],
    formats: &[Format],
    dir: &Path,
) -> Result<Vec<PathBuf>, PlotError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PlotError::File { path, source }
    };
    std::fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut files = Vec::new();
    for figure in figures(study, runs, verdicts)? {
        for &format in formats {
            let path = dir.join(format!("{}.{}", figure.name, format.ending()));
            let bytes = print::file(&figure.svg, format)
                .map_err(|reason| PlotError::Print { path: path.clone(), reason })?;
            std::fs::write(&path, bytes).map_err(failed(&path))?;
            files.push(path);
        }
    }
    Ok(files)
}

/// Reads the plots of a study without drawing them: what is wrong in a section is known before
/// anything runs.
///
/// # Errors
/// The first mistake, at its line.
pub fn check(study: &Study) -> Result<(), StudyError> {
    study.plots.iter().try_for_each(|item| Spec::read(item).map(drop))
}

/// All figures of a study, drawn. Plots without a single run are left out.
///
/// # Errors
/// [`PlotError::Study`] at the first section that is wrong.
pub fn figures(study: &Study, runs: &Runs, verdicts: &[Verdict]) -> Result<Vec<Figure>, PlotError> {
    let context = Context { study, runs, verdicts, order: curves::paper_order(study) };
    let mut figures = Vec::new();
    let mut has_forest = false;
    for item in &study.plots {
        let spec = Spec::read(item)?;
        has_forest |= spec.kind == Kind::Forest;
        figures.extend(context.plot(item, &spec)?);
    }
    if !has_forest {
        figures.extend(context.forest("verdicts", None));
    }
    Ok(figures)
}

/// Title of an axis in markup: the name in words, then the unit.
pub fn title(column: &str, unit: &str) -> String {
    match column {
        "iteration" => "iteration".to_owned(),
        // Set-up is left out, and the title says so.
        "seconds" => "step time, s".to_owned(),
        "total-seconds" => "time with set-up, s".to_owned(),
        "passes" => "work, data passes".to_owned(),
        "proxes" => "work, proximal maps".to_owned(),
        _ if WORK.contains(&column) => format!("work, {}", text::spoken(column)),
        _ => plain_title(column, unit),
    }
}

/// The same where a column only bears the name of a count of work, as columns of probes may.
pub fn plain_title(column: &str, unit: &str) -> String {
    let name = text::spoken(column);
    if unit.is_empty() { name } else { format!("{name}, {}", text::escape(unit)) }
}

/// Columns that count work, as every trace of a solver has them.
const WORK: [&str; 8] = [
    "samples",
    "values",
    "gradients",
    "hessian-vectors",
    "solves",
    "factorizations",
    "proxes",
    "inner-iterations",
];
