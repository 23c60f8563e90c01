//! How cells are conducted from the command line.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use converge_bench::conduct::Options;
use converge_bench::worker::Spawn;

use crate::args::WorkArgs;

/// Starts workers: this binary, called as `converge worker`.
pub(crate) fn spawn() -> Result<Spawn> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    Ok(Arc::new(move || {
        let mut command = std::process::Command::new(&program);
        command.arg("worker");
        command
    }))
}

/// A flag that Ctrl-C sets; a second one ends the program at once.
pub(crate) fn interrupt() -> Result<Arc<AtomicBool>> {
    let interrupt = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupt);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .context("Ctrl-C cannot be caught")?;
    Ok(interrupt)
}

/// The options of a run.
pub(crate) fn options(args: &WorkArgs, catch_interrupts: bool) -> Result<Options> {
    let interrupt = if catch_interrupts { interrupt()? } else { Arc::default() };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = match args.jobs {
        0 => (cores / args.threads as usize).max(1),
        jobs => jobs,
    };
    Ok(Options {
        jobs,
        threads: args.threads,
        retry: args.retry,
        keep_older: args.keep_older,
        worker: spawn()?,
        interrupt,
    })
}
