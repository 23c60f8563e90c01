//! `converge`: the front door. Arguments in, exit code out; no logic of its own.

mod args;
mod context;
mod data;
mod export;
mod forget;
mod judge;
mod list;
mod output;
mod plan;
mod progress;
mod reconstruct;
mod replay;
mod run;
mod status;
mod terminal;
mod work;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use context::{Context, Usage};

/// Exit codes of the command line; those of verdicts come from the analysis.
pub(crate) mod exit {
    pub(crate) const OK: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const NOTHING_MEASURED: u8 = 6;
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command(&cli) {
        Ok(code) => code.into(),
        Err(error) => {
            // The one place that prints an error.
            eprintln!("error: {error:#}");
            let usage = error.chain().any(<dyn std::error::Error>::is::<Usage>);
            if usage { exit::USAGE.into() } else { exit::FAILED.into() }
        }
    }
}

fn command(cli: &Cli) -> Result<u8> {
    let context = || Context::new(&cli.global);
    match &cli.command {
        Command::Run(args) => return run::run(&context(), args),
        Command::Check(args) => return judge::check(&context(), args),
        Command::Plan(args) => plan::plan(&context(), args)?,
        Command::Reconstruct(args) => return reconstruct::reconstruct(&context(), args),
        Command::Draw(args) => return judge::draw(&context(), args),
        Command::Report(args) => judge::report(&context(), args)?,
        Command::List(args) => list::list(&context(), args.what)?,
        Command::Status(args) => status::status(&context(), args)?,
        Command::Replay(args) => replay::replay(&context(), args)?,
        Command::Data(command) => data::data(&context(), command)?,
        Command::Export(args) => export::export(&context(), args)?,
        Command::Forget(args) => forget::forget(&context(), args)?,
        Command::Completions { shell } => {
            clap_complete::generate(
                *shell,
                &mut Cli::command(),
                "converge",
                &mut std::io::stdout(),
            );
        }
        Command::Worker => converge_bench::worker::serve(&context().registry)?,
    }
    Ok(exit::OK)
}
