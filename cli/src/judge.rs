//! `converge check`, `draw`, `report`: what the runs in the store say.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use converge_analysis::verdict::{self, Verdict};
use converge_analysis::{plot, report as html, table};
use converge_bench::conduct;
use converge_bench::record::Record;
use converge_bench::study::{Paper, Planned, Size, Study};

use crate::args::{CheckArgs, DrawArgs, SelectArgs};
use crate::context::{Context, Usage};
use crate::exit;

/// A study with its runs.
pub(crate) struct Loaded {
    pub(crate) study: Study,
    pub(crate) paper: Paper,
    pub(crate) runs: Vec<(Planned, Option<Record>)>,
}

/// A study with its runs and verdicts.
pub(crate) struct Judged {
    pub(crate) study: Study,
    pub(crate) paper: Paper,
    pub(crate) runs: Vec<(Planned, Option<Record>)>,
    pub(crate) verdicts: Vec<Verdict>,
}

impl Judged {
    fn measured(&self) -> bool {
        self.runs.iter().any(|(_, record)| record.is_some())
    }
}

/// Loads the runs of each study; names files of the store that were skipped, each once.
pub(crate) fn load(
    context: &Context,
    studies: Vec<(Study, Paper)>,
    keep_older: bool,
) -> Result<Vec<Loaded>> {
    let store = context.store()?;
    let code = Context::code(keep_older);
    let mut loaded = Vec::with_capacity(studies.len());
    let mut warned = Vec::new();
    for (study, paper) in studies {
        // As many repetitions as there are, up to the most that the study allows.
        let (runs, problems) = conduct::runs(&study, &store, 0..study.seeds.end, code);
        for problem in problems {
            let text = problem.to_string();
            if !warned.contains(&text) {
                eprintln!("warning: {text}");
                warned.push(text);
            }
        }
        loaded.push(Loaded { study, paper, runs });
    }
    Ok(loaded)
}

/// Loads the runs of each study and answers its claims.
pub(crate) fn judge(
    context: &Context,
    studies: Vec<(Study, Paper)>,
    keep_older: bool,
) -> Result<Vec<Judged>> {
    let mut judged = Vec::with_capacity(studies.len());
    for Loaded { study, paper, runs } in load(context, studies, keep_older)? {
        let verdicts = converge_analysis::check(&study, &paper, &runs).map_err(Usage::from)?;
        judged.push(Judged { study, paper, runs, verdicts });
    }
    // What concerns all claims together: the adjusted values, and what changed since last time.
    let mut all: Vec<Verdict> = judged.iter_mut().flat_map(|j| j.verdicts.drain(..)).collect();
    verdict::adjust(&mut all);
    verdict::flag_changes(&mut all, &verdict::read(&verdicts_path(context)).unwrap_or_default());
    for verdict in all {
        let home = judged.iter_mut().find(|judged| {
            judged.study.paper == verdict.paper && judged.study.name == verdict.study
        });
        home.expect("a verdict comes from one of the studies").verdicts.push(verdict);
    }
    Ok(judged)
}

/// The verdicts of the last check.
fn verdicts_path(context: &Context) -> PathBuf {
    context.store_dir().join("verdicts.json")
}

/// Prints the table and writes `verdicts.json`; returns the exit code.
pub(crate) fn answer(context: &Context, judged: &[Judged], strict: bool) -> Result<u8> {
    let verdicts: Vec<Verdict> =
        judged.iter().flat_map(|judged| judged.verdicts.iter().cloned()).collect();
    verdict::write(&verdicts, &verdicts_path(context))?;
    let measured = judged.iter().any(Judged::measured);
    context.print(&verdicts, || {
        table::render(
            &verdicts,
            context.terminal.width,
            context.terminal.colors,
            context.terminal.unicode,
        )
    })?;
    let code = verdict::exit_code(&verdicts, strict);
    Ok(if measured { code } else { exit::NOTHING_MEASURED })
}

/// Draws every plot into the store.
pub(crate) fn draw_into_store(context: &Context, judged: &[Judged]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for judged in judged.iter().filter(|judged| judged.measured()) {
        let study = &judged.study;
        let folder = context.store_dir().join("figures").join(&study.paper).join(&study.name);
        files.extend(draw_study(judged, &folder)?);
    }
    Ok(files)
}

fn draw_study(judged: &Judged, folder: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    Ok(plot::draw(&judged.study, &judged.runs, &judged.verdicts, folder)?)
}

/// Writes the report into the store.
pub(crate) fn write_report(context: &Context, judged: &[Judged]) -> Result<PathBuf> {
    let path = context.store_dir().join("report.html");
    let inputs: Vec<html::Input<'_>> = judged
        .iter()
        .map(|judged| html::Input {
            study: &judged.study,
            paper: &judged.paper,
            runs: &judged.runs,
            verdicts: &judged.verdicts,
        })
        .collect();
    html::write(&inputs, &path)?;
    Ok(path)
}

pub(crate) fn check(context: &Context, args: &CheckArgs) -> Result<u8> {
    let studies = context.studies(&args.select)?;
    let mut judged = judge(context, studies, false)?;
    if !args.claim.is_empty() {
        let known: Vec<String> =
            judged.iter().flat_map(|j| j.study.claims.iter().map(|c| c.name.clone())).collect();
        if let Some(unknown) = args.claim.iter().find(|claim| !known.contains(claim)) {
            bail!(Usage::Said(format!("no claim is named {unknown}: {}", known.join(", "))));
        }
        for judged in &mut judged {
            judged.verdicts.retain(|verdict| args.claim.contains(&verdict.claim));
        }
    }
    answer(context, &judged, args.strict)
}

pub(crate) fn draw(context: &Context, args: &DrawArgs) -> Result<u8> {
    let judged = judge(context, context.studies(&args.select)?, false)?;
    let mut files = draw_into_store(context, &judged)?;
    if args.publish {
        files.extend(publish(&judged)?);
    }
    if files.is_empty() {
        eprintln!(
            "nothing to draw: no run of these studies is in {}",
            context.store_dir().display()
        );
        return Ok(exit::NOTHING_MEASURED);
    }
    context.print(&files, || {
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join("\n")
    })?;
    Ok(exit::OK)
}

/// Writes figures and verdicts beside the study files: from complete results of default or full
/// size alone.
fn publish(judged: &[Judged]) -> Result<Vec<PathBuf>> {
    for Judged { study, runs, .. } in judged {
        let name = format!("{}/{}", study.paper, study.name);
        if study.size == Size::Quick {
            bail!(Usage::Said(format!("{name}: quick results are trials and are not published")));
        }
        let wanted = study.seeds.start;
        let missing = runs
            .iter()
            .filter(|(planned, record)| {
                planned.label.seed < wanted
                    && record.as_ref().is_none_or(|record| !record.header.status.is_result())
            })
            .count();
        if runs.is_empty() || missing > 0 {
            bail!(Usage::Said(format!(
                "{name}: {missing} of its cells have no result; `converge run {name}` first"
            )));
        }
    }
    let mut files = Vec::new();
    for one in judged {
        let folder = one.study.path.parent().unwrap_or(Path::new("."));
        // Drawn aside first, so that a figure that fails leaves the published ones as they were.
        let aside = tempfile::tempdir_in(folder)?;
        for figure in draw_study(one, aside.path())? {
            let Some(name) = figure.file_name() else { continue };
            let target = folder.join(format!("{}-{}", one.study.name, name.to_string_lossy()));
            std::fs::rename(&figure, &target)?;
            files.push(target);
        }
        let verdicts = folder.join(format!("{}-verdicts.json", one.study.name));
        verdict::write(&one.verdicts, &verdicts)?;
        files.push(verdicts);
    }
    Ok(files)
}

pub(crate) fn report(context: &Context, select: &SelectArgs) -> Result<()> {
    let judged = judge(context, context.studies(select)?, false)?;
    let path = write_report(context, &judged)?;
    context.print(&path, || path.display().to_string())
}
