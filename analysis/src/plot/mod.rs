//! Figures: from runs and verdicts to SVG.
//!
//! A figure is first a [`scene::Scene`] in units of 10 µm, then a file. The same input gives the
//! same bytes: whole numbers, fixed order, no dates.

pub mod axis;
pub mod convergence;
pub mod curves;
pub mod font;
pub mod forest;
pub mod frame;
pub mod geometry;
pub mod names;
pub mod number;
pub mod replicates;
pub mod scene;
pub mod style;
pub mod svg;
pub mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use converge_bench::cell::Task;
use converge_bench::record::Record;
use converge_bench::study::{Item, Size, Study, StudyError};
use converge_problems::Better;
use serde::Deserialize;

use self::axis::Scale;
use self::curves::{Curve, Runs, Selection};
use self::scene::{About, Scene};
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
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Convergence,
    Strip,
    Paired,
    Forest,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Scales {
    LogLog,
    LinearLog,
    LogLinear,
    Linear,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Row {
    Start,
    #[default]
    End,
    Best,
    Min,
    Max,
}

/// A section `[plot.NAME]` of a study file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    kind: Kind,
    /// Column along x; `iteration` if left out.
    x: Option<String>,
    /// Metric; needed by all kinds but `forest`.
    y: Option<String>,
    scale: Option<Scales>,
    problem: Option<String>,
    #[serde(default)]
    solvers: Vec<String>,
    /// The other solver of a paired figure.
    than: Option<String>,
    at: Option<Row>,
    target: Option<f64>,
    floor: Option<f64>,
    caption: Option<String>,
    /// Short names of curves.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(rename = "width_mm", alias = "width-mm")]
    width: Option<f64>,
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

/// Draws all plots of a study, and its verdicts as a forest, into `dir`; returns the files.
///
/// # Errors
/// [`PlotError`] at the first section or file that fails.
pub fn draw(
    study: &Study,
    runs: &Runs,
    verdicts: &[Verdict],
    dir: &Path,
) -> Result<Vec<PathBuf>, PlotError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PlotError::File { path, source }
    };
    std::fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut files = Vec::new();
    for figure in figures(study, runs, verdicts)? {
        let path = dir.join(format!("{}.svg", figure.name));
        std::fs::write(&path, &figure.svg).map_err(failed(&path))?;
        files.push(path);
    }
    Ok(files)
}

/// All figures of a study, drawn. Plots without a single run are left out.
///
/// # Errors
/// [`PlotError::Study`] at the first section that is wrong.
pub fn figures(study: &Study, runs: &Runs, verdicts: &[Verdict]) -> Result<Vec<Figure>, PlotError> {
    let order = curves::paper_order(study);
    let context = Context { study, runs, verdicts, order: &order };
    let mut figures = Vec::new();
    let mut has_forest = false;
    for item in &study.plots {
        let spec: Spec = item.read()?;
        has_forest |= spec.kind == Kind::Forest;
        figures.extend(context.plot(item, &spec)?);
    }
    if !has_forest && !verdicts.is_empty() {
        figures.extend(context.forest("verdicts", None));
    }
    Ok(figures)
}

struct Context<'a> {
    study: &'a Study,
    runs: &'a Runs,
    verdicts: &'a [Verdict],
    order: &'a [String],
}

impl Context<'_> {
    fn plot(&self, item: &Item, spec: &Spec) -> Result<Vec<Figure>, PlotError> {
        if spec.kind == Kind::Forest {
            return Ok(self.forest(&item.name, spec.caption.as_deref()).into_iter().collect());
        }
        let Some(y) = spec.y.as_deref() else {
            return Err(item.error("", "a plot needs a metric: y = \"...\"").into());
        };
        let problems = self.problems(spec);
        let mut figures = Vec::new();
        for variant in &self.study.variants {
            for problem in &problems {
                let mut solvers = spec.solvers.clone();
                if let Some(than) = &spec.than {
                    solvers.push(than.clone());
                }
                let selection = Selection { variant, problem, solvers: &solvers };
                let mut name = item.name.clone();
                if problems.len() > 1 {
                    name = format!("{name}-{problem}");
                }
                if self.study.variants.len() > 1 {
                    name = format!("{name}-{variant}");
                }
                let place = Place { plot: &item.name, name, y, selection };
                let figure = match spec.kind {
                    Kind::Convergence => self.convergence(spec, &place),
                    _ => self.replicates(spec, &place),
                };
                figures.extend(figure);
            }
        }
        Ok(figures)
    }

    fn problems(&self, spec: &Spec) -> Vec<String> {
        if let Some(problem) = &spec.problem {
            return vec![problem.clone()];
        }
        let mut problems: Vec<String> = Vec::new();
        for (planned, _) in self.runs {
            if matches!(planned.cell.task, Task::Run { .. })
                && !problems.contains(&planned.label.problem)
            {
                problems.push(planned.label.problem.clone());
            }
        }
        problems
    }

    fn convergence(&self, spec: &Spec, place: &Place<'_>) -> Option<Figure> {
        let x = spec.x.as_deref().unwrap_or("iteration");
        let scales = match spec.scale.unwrap_or(Scales::LinearLog) {
            Scales::LogLog => (Scale::Log, Scale::Log),
            Scales::LinearLog => (Scale::Linear, Scale::Log),
            Scales::LogLinear => (Scale::Log, Scale::Linear),
            Scales::Linear => (Scale::Linear, Scale::Linear),
        };
        let log = (scales.0 == Scale::Log, scales.1 == Scale::Log);
        let groups = curves::groups(self.runs, &place.selection, self.order);
        let first: &Record = groups.first()?.runs.first()?.1;
        let curves: Vec<Curve> = groups
            .iter()
            .filter_map(|group| {
                let paths: Vec<_> = group
                    .runs
                    .iter()
                    .filter_map(|(planned, record)| {
                        curves::path(planned, record, x, place.y, log.1)
                    })
                    .collect();
                let (x, [low, median, high]) = curves::summarise(&paths, log);
                let reached = spec.target.map(|target| {
                    let below = |path: &&curves::Path| path.y.iter().any(|y| *y <= target);
                    paths.iter().filter(below).count()
                });
                (!x.is_empty()).then(|| Curve {
                    name: spec.labels.get(&group.name).unwrap_or(&group.name).clone(),
                    place: group.place,
                    variant: group.variant,
                    x,
                    median,
                    low,
                    high,
                    end: curves::common_end(&paths),
                    runs: group.runs.len(),
                    reached,
                })
            })
            .collect();
        if curves.is_empty() {
            return None;
        }
        let names: Vec<&str> = curves.iter().map(|curve| curve.name.as_str()).collect();
        let seeds = curves.iter().map(|curve| curve.runs).max().unwrap_or(0);
        let caption = format!(
            "{}{} against {} for {}: median of {seeds} seeds with the band from the 10 % to the 90 % quantile of the runs{}.",
            sentence(spec.caption.as_deref()),
            text::plain(&title(place.y, "")),
            text::plain(&title(x, "")),
            names.join(", "),
            if curves.iter().any(|c| c.end == curves::End::Censored) {
                "; an open triangle ends runs that used up their budget"
            } else {
                ""
            },
        );
        let chart = convergence::Chart {
            curves,
            scales,
            x_title: title(x, &curves::unit(first, x)),
            y_title: title(place.y, &curves::unit(first, place.y)),
            target: spec.target,
            floor: spec.floor,
            width: spec.width.unwrap_or(85.0).clamp(40.0, 400.0),
            trial: self.study.size == Size::Quick,
            about: self.about(&caption),
        };
        Some(Self::figure(place, caption, &convergence::draw(&chart).0))
    }

    fn replicates(&self, spec: &Spec, place: &Place<'_>) -> Option<Figure> {
        let groups = curves::groups(self.runs, &place.selection, self.order);
        let first: &Record = groups.first()?.runs.first()?.1;
        let metric = &first.trace.column(place.y)?.metric;
        let (better, unit) = (metric.better, metric.unit.to_string());
        let row = spec.at.unwrap_or_default();
        let mut columns: Vec<replicates::Column> = groups
            .iter()
            .map(|group| replicates::Column {
                name: spec.labels.get(&group.name).unwrap_or(&group.name).clone(),
                place: group.place,
                values: group
                    .runs
                    .iter()
                    .filter_map(|(planned, record)| {
                        let values = curves::column(record, place.y)?;
                        Some((planned.label.seed, reduce(&values, row, better)?))
                    })
                    .collect(),
            })
            .collect();
        if let Some(than) = &spec.than {
            // The other solver stands at the right.
            columns.sort_by_key(|column| column.name == *than);
        }
        let log = match spec.scale {
            Some(Scales::LogLog | Scales::LinearLog | Scales::LogLinear) => true,
            Some(Scales::Linear) => false,
            None => wide(&columns),
        };
        let what = text::plain(&title(place.y, ""));
        let caption = match spec.kind {
            Kind::Paired => format!(
                "{}{what}, one line a seed between the two solvers, pairs in which the first is worse in red; bars are medians with quartiles.",
                sentence(spec.caption.as_deref())
            ),
            _ => format!(
                "{}{what}: every seed a dot, the bar is the median.",
                sentence(spec.caption.as_deref())
            ),
        };
        let data = replicates::Replicates {
            columns,
            scale: if log { Scale::Log } else { Scale::Linear },
            title: title(place.y, &unit),
            higher: better == Better::Higher,
            width: spec.width.unwrap_or(85.0).clamp(40.0, 400.0),
            trial: self.study.size == Size::Quick,
            about: self.about(&caption),
        };
        let scene = match spec.kind {
            Kind::Paired => replicates::paired(&data)?,
            _ => replicates::strip(&data),
        };
        Some(Self::figure(place, caption, &scene))
    }

    fn forest(&self, name: &str, caption: Option<&str>) -> Option<Figure> {
        let verdicts: Vec<&Verdict> =
            self.verdicts.iter().filter(|v| v.study == self.study.name).collect();
        if verdicts.is_empty() {
            return None;
        }
        let caption = format!(
            "{}Estimate and interval of each claim; it holds where the whole interval lies in the shaded region.",
            sentence(caption)
        );
        let scene = forest::draw(&verdicts, self.study.size == Size::Quick, self.about(&caption));
        let selection = Selection { variant: "", problem: "", solvers: &[] };
        let place = Place { plot: name, name: name.to_owned(), y: "", selection };
        Some(Self::figure(&place, caption, &scene))
    }

    fn figure(place: &Place<'_>, caption: String, scene: &Scene) -> Figure {
        Figure {
            name: place.name.clone(),
            plot: place.plot.to_owned(),
            variant: place.selection.variant.to_owned(),
            caption,
            svg: svg::write(scene),
        }
    }

    fn about(&self, caption: &str) -> About {
        let claims: Vec<&str> = self.study.claims.iter().map(|claim| claim.name.as_str()).collect();
        let digests: std::collections::BTreeSet<&str> = self
            .verdicts
            .iter()
            .filter(|v| v.study == self.study.name)
            .map(|v| v.digest.as_str())
            .collect();
        let fact = |name: &str, value: String| (name.to_owned(), value);
        About {
            title: self.study.title.clone(),
            description: caption.to_owned(),
            facts: vec![
                fact("study", format!("{}/{}", self.study.paper, self.study.name)),
                fact("claims", claims.join(" ")),
                fact("traces", digests.into_iter().collect::<Vec<_>>().join(" ")),
                fact("version", env!("CARGO_PKG_VERSION").to_owned()),
            ],
        }
    }
}

struct Place<'a> {
    plot: &'a str,
    name: String,
    y: &'a str,
    selection: Selection<'a>,
}

fn sentence(caption: Option<&str>) -> String {
    caption.map(|text| format!("{} ", text.trim())).unwrap_or_default()
}

fn wide(columns: &[replicates::Column]) -> bool {
    let values = || columns.iter().flat_map(|c| c.values.iter().map(|v| v.1));
    let (low, high) = values().fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
    low > 0.0 && high > 20.0 * low
}

fn reduce(values: &[f64], row: Row, better: Better) -> Option<f64> {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    match (row, better) {
        (Row::Start, _) => values.first().copied(),
        (Row::End, _) | (Row::Best, Better::Neither) => values.last().copied(),
        (Row::Max, _) | (Row::Best, Better::Higher) => finite().reduce(f64::max),
        (Row::Min, _) | (Row::Best, Better::Lower) => finite().reduce(f64::min),
    }
}

/// Title of an axis in markup: the name in words, then the unit.
pub fn title(column: &str, unit: &str) -> String {
    match column {
        "iteration" => "iteration".to_owned(),
        // Set-up is left out, and the title says so.
        "seconds" => "step time, s".to_owned(),
        "total-seconds" => "time with set-up, s".to_owned(),
        "passes" => "work, data passes".to_owned(),
        _ if WORK.contains(&column) => format!("work, {}", text::escape(&column.replace('-', " "))),
        _ => {
            let name = text::escape(&column.replace('-', " "));
            if unit.is_empty() { name } else { format!("{name}, {}", text::escape(unit)) }
        }
    }
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
