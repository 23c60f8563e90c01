//! `converge run`: runs what is missing, then checks and draws into the store, and says where.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use converge_analysis::Looks;
use converge_analysis::plot::{self, Format};
use converge_bench::conduct::{self, Report};
use converge_bench::plan;

use crate::args::RunArgs;
use crate::context::{Context, Usage};
use crate::judge;
use crate::output::duration;
use crate::progress::Shown;
use crate::{exit, work};

/// Estimates above this are asked about on a terminal.
const LONG: f64 = 3600.0;

pub(crate) fn run(context: &Context, args: &RunArgs) -> Result<u8> {
    let studies = context.studies(&args.select)?;
    for (study, _) in &studies {
        converge_analysis::check::validate(study).map_err(Usage::from)?;
        plot::check(study).map_err(Usage::from)?;
    }
    let store = context.store()?;
    let options = work::options(&args.work, true)?;

    if !args.yes && std::io::stdin().is_terminal() && !context.quiet {
        let seconds: f64 = studies
            .iter()
            .map(|(study, _)| {
                let seeds = 0..study.seeds.start;
                plan::plan(study, &store, seeds, options.counting(), options.jobs)
                    .estimate()
                    .seconds
            })
            .sum();
        if seconds > LONG && !confirmed(seconds)? {
            return Ok(exit::OK);
        }
    }

    let mut reports = Vec::new();
    for (study, paper) in &studies {
        let mut shown = Shown::new(study, context.quiet);
        let mut advisor = Looks::new(paper, Context::code(args.work.keep_older));
        let report = conduct::run_study(study, &store, &options, &mut advisor, &mut shown);
        shown.clear();
        let report = report?;
        Context::warn(&report.problems);
        let interrupted = report.interrupted;
        reports.push((format!("{}/{}", study.paper, study.name), report));
        if interrupted {
            break;
        }
    }
    say_failures(&reports);
    if reports.iter().any(|(_, report)| report.interrupted) {
        let command: Vec<String> = std::env::args().skip(1).collect();
        eprintln!("interrupted; what is done is kept. To go on: converge {}", command.join(" "));
        return Ok(exit::FAILED);
    }

    let judged = judge::judge(context, studies, args.work.keep_older)?;
    let code = judge::answer(context, &judged, args.strict)?;
    let figures = judge::draw_into_store(context, &judged, &[Format::Svg])?;
    let report = judge::write_report(context, &judged)?;
    if !context.quiet && !context.json {
        say_where(context, &reports, figures.len(), &report.display().to_string());
    }
    let failed = reports.iter().any(|(_, report)| !report.failed.is_empty());
    Ok(if failed { exit::FAILED } else { code })
}

fn confirmed(seconds: f64) -> Result<bool> {
    eprint!("This takes about {}. Go on? [y/N] ", duration(seconds));
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// Names the cells that failed or could not run, a few of each kind.
fn say_failures(reports: &[(String, Report)]) {
    const SHOWN: usize = 5;
    for (study, report) in reports {
        for (label, status) in report.failed.iter().take(SHOWN) {
            eprintln!(
                "failed: {study}: {} on {}, seed {}: {status}",
                label.curve(),
                label.problem,
                label.seed
            );
        }
        if report.failed.len() > SHOWN {
            eprintln!(
                "failed: {study}: and {} more; see converge status",
                report.failed.len() - SHOWN
            );
        }
        // One reason stands for all cells that share it.
        let mut reasons: Vec<(&str, usize)> = Vec::new();
        for (_, reason) in &report.skipped {
            match reasons.iter_mut().find(|(known, _)| known == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason, 1)),
            }
        }
        for (reason, count) in reasons {
            eprintln!("skipped: {study}: {count} cells: {reason}");
        }
    }
}

fn say_where(context: &Context, reports: &[(String, Report)], figures: usize, report: &str) {
    let ran: usize = reports.iter().map(|(_, report)| report.ran).sum();
    let done: usize = reports.iter().map(|(_, report)| report.done).sum();
    let seconds: f64 = reports.iter().map(|(_, report)| report.seconds).sum();
    println!();
    println!("{ran} cells ran in {}, {done} were done before.", duration(seconds));
    println!("report   {report}");
    if figures > 0 {
        println!("figures  {} ({figures} files)", context.store_dir().join("figures").display());
    }
    println!("verdicts {}", context.store_dir().join("verdicts.json").display());
}
