//! `converge data`: what there is, where it lies, bring it here, check it.

use anyhow::{Result, bail};
use converge_problems::data::{self, Folders, Place, SumState};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::DataCommand;
use crate::context::{Context, Usage};
use crate::output::table;

pub(crate) fn data(context: &Context, command: &DataCommand) -> Result<()> {
    let folders = Folders::from_environment();
    match command {
        DataCommand::List => list(context, &folders),
        DataCommand::Where => places(context, &folders),
        DataCommand::Fetch { names } => {
            names.iter().try_for_each(|name| fetch(context, name, &folders))
        }
        DataCommand::Verify { names } => verify(context, names, &folders),
    }
}

fn list(context: &Context, folders: &Folders) -> Result<()> {
    let sets = data::list(folders);
    context.print(&sets, || {
        let rows: Vec<Vec<String>> = sets
            .iter()
            .map(|set| {
                let place = match &set.place {
                    Place::BuiltIn => "built in".to_owned(),
                    Place::Folder(folder) => folder.display().to_string(),
                    Place::Absent { remedy, .. } => format!("not here: {remedy}"),
                };
                vec![set.name.to_owned(), set.about.to_owned(), set.terms.to_owned(), place]
            })
            .collect();
        table(&["data set", "about", "terms", "place"], &rows, context.terminal.width)
    })
}

fn places(context: &Context, folders: &Folders) -> Result<()> {
    let rows: Vec<Vec<String>> = folders
        .search
        .iter()
        .chain(&folders.cache)
        .map(|folder| {
            let state = if folder.is_dir() { "" } else { "not there" };
            vec![folder.display().to_string(), state.to_owned()]
        })
        .collect();
    context.print(&rows, || table(&["searched in this order", ""], &rows, context.terminal.width))
}

fn fetch(context: &Context, name: &str, folders: &Folders) -> Result<()> {
    let bar = if context.quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
    bar.set_style(
        ProgressStyle::with_template("{msg}  {bar:20}  {bytes}/{total_bytes}  {bytes_per_sec}")
            .expect("the template is a constant"),
    );
    let fetched = data::fetch(name, folders, &mut |progress| {
        bar.set_message(progress.file.to_owned());
        bar.set_length(progress.total.unwrap_or(progress.done));
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    let folder = fetched?;
    context.print(&folder, || format!("{name} is in {}", folder.display()))
}

fn verify(context: &Context, names: &[String], folders: &Folders) -> Result<()> {
    let all: Vec<String> = data::list(folders)
        .into_iter()
        .filter(|set| !names.is_empty() || matches!(set.place, Place::Folder(_)))
        .map(|set| set.name.to_owned())
        .collect();
    let mut states = Vec::new();
    for name in if names.is_empty() { &all } else { names } {
        let Some(files) = data::verify(name, folders) else {
            bail!(Usage::Said(format!(
                "no data set is named {name}; there are {}",
                all.join(", ")
            )));
        };
        states.extend(files.into_iter().map(|file| (name.clone(), file)));
    }
    context.print(&states, || {
        let rows: Vec<Vec<String>> = states
            .iter()
            .map(|(name, file)| {
                let state = match &file.state {
                    SumState::Good => "good".to_owned(),
                    SumState::Unknown { found } => format!("no sum is known here; has {found}"),
                    SumState::Absent => "not here".to_owned(),
                    SumState::Wrong { .. } => "another file: its SHA-256 differs".to_owned(),
                    SumState::Unreadable(reason) => format!("unreadable: {reason}"),
                };
                vec![name.clone(), file.path.display().to_string(), state]
            })
            .collect();
        table(&["data set", "file", "checksum"], &rows, context.terminal.width)
    })?;
    let whole = |state: &SumState| matches!(state, SumState::Good | SumState::Unknown { .. });
    if states.iter().any(|(_, file)| !whole(&file.state)) {
        bail!("not every file is the published one");
    }
    Ok(())
}
