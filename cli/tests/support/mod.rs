//! A folder with studies, and the binary to run on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// An empty folder with one paper and no data directory but what the program brings.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(folder.path().join("figures/tiny")).unwrap();
        std::fs::write(
            folder.path().join("figures/tiny/paper.toml"),
            "title = \"A tiny paper\"\nidentifier = \"none\"\n\n[claims]\nT1 = { weight = 1.0, text = \"It descends.\" }\n",
        )
        .unwrap();
        Self { folder }
    }

    /// Writes `figures/tiny/<name>.toml`.
    pub(crate) fn study(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(format!("figures/tiny/{name}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("results")
    }

    /// The binary with `arguments`, in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("CONVERGE_DATA", self.path().join("no-data"))
            .env("CONVERGE_CACHE", self.path().join("cache"))
            .env_remove("CONVERGE_STORE")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Files of the store that hold traces.
    pub(crate) fn trace_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.store().join("traces"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default();
        files.sort();
        files
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A study of `lbfgs` and `newton-cg` on the embedded digits that ends in well under a second.
pub(crate) const TINY: &str = r#"schema = 1
paper = "tiny"
title = "Descent on the digits"

[problem.digits]
kind = "mlr"
dataset = "digits"
ridge = { identity = 1e-2 }

[solver.lbfgs]
[solver.newton-cg]

[seeds]
min = 5
max = 5
[sampling]
rule = "every"
n = 1
[stop]
any = [{ iterations = 10 }]

[claim.T1]
text = "The objective falls below its start."
test = { at-most = { metric = "objective", at = "end", limit = 2.0 } }
expect = "supported"
deterministic = true

[plot.descent]
x = "iteration"
y = "objective"
scale = "linear-log"
"#;
