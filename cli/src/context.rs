//! What every command needs: the registry, the store, the studies asked for, the terminal.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use converge_bench::environment;
use converge_bench::registry::Registry;
use converge_bench::store::{Store, StoreError};
use converge_bench::study::{NoStudy, Paper, Study, StudyError};

use crate::args::{Global, SelectArgs};
use crate::terminal::Terminal;

/// A mistake of the caller; ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Usage {
    #[error(transparent)]
    Study(#[from] StudyError),
    #[error(transparent)]
    NoStudy(#[from] NoStudy),
    #[error("{0}")]
    Said(String),
}

pub(crate) struct Context {
    pub(crate) registry: Registry,
    pub(crate) terminal: Terminal,
    pub(crate) quiet: bool,
    pub(crate) json: bool,
    store: PathBuf,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        let mut registry = Registry::default();
        converge_bench::catalog::register(&mut registry);
        Self {
            registry,
            terminal: Terminal::detect(global.color),
            quiet: global.quiet,
            json: global.json,
            store: global.store.clone(),
        }
    }

    pub(crate) fn store_dir(&self) -> &Path {
        &self.store
    }

    /// Opens the store, creating its folder.
    pub(crate) fn store(&self) -> Result<Store> {
        Store::open(&self.store).context("the store cannot be opened; --store DIR chooses another")
    }

    /// The studies asked for, read and resolved, each with its paper; all of them for none named.
    pub(crate) fn studies(&self, select: &SelectArgs) -> Result<Vec<(Study, Paper)>, Usage> {
        let figures = Path::new("figures");
        let mut paths = Vec::new();
        if select.studies.is_empty() {
            paths = Study::discover(figures, None)?;
        }
        for argument in &select.studies {
            for path in Study::discover(figures, Some(argument))? {
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        paths
            .into_iter()
            .map(|path| {
                let study = Study::read(&path, select.size.size(), &self.registry)?;
                let study = match select.seeds {
                    Some(count) => study.with_seeds(count),
                    None => study,
                };
                let study = match select.root {
                    Some(root) => study.with_root(root),
                    None => study,
                };
                let paper = Paper::read(path.parent().unwrap_or(Path::new(".")))?;
                Ok((study, paper))
            })
            .collect()
    }

    /// Digest of the code whose results count; none when all code counts.
    pub(crate) fn code(keep_older: bool) -> Option<&'static str> {
        (!keep_older).then(environment::code_digest)
    }

    /// Prints `value` as JSON, or the text for people.
    pub(crate) fn print(
        &self,
        value: &impl serde::Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        use std::io::Write;
        let text = if self.json { serde_json::to_string_pretty(value)? } else { text() };
        // A reader that has seen enough (`| head`) closes the pipe: not an error.
        match writeln!(std::io::stdout(), "{text}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    /// Names files of the store that were skipped.
    pub(crate) fn warn(problems: &[StoreError]) {
        for problem in problems {
            eprintln!("warning: {problem}");
        }
    }
}
