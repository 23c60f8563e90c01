//! Where data sets lie on this machine.

use std::env;
use std::path::{Path, PathBuf};

/// The folders that are searched, in order, and the one that downloads go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Folders that hold a folder for each data set.
    pub search: Vec<PathBuf>,
    /// The cache, also searched, last.
    pub cache: Option<PathBuf>,
}

impl Folders {
    /// The folders of this process, see [`crate::data`].
    pub fn from_environment() -> Self {
        let variable =
            |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let current = env::current_dir().unwrap_or_default();
        let mut search: Vec<PathBuf> = variable("CONVERGE_DATA").into_iter().collect();
        for root in [project_root(&current), Some(&*current)].into_iter().flatten() {
            let shared = root.parent().unwrap_or(root).join("shared").join("data");
            if !search.contains(&shared) {
                search.push(shared);
            }
        }
        let cache = variable("CONVERGE_CACHE").or_else(|| {
            let base = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
            let base = base.or_else(|| variable("HOME").map(|home| home.join(".cache")));
            base.map(|base| base.join("converge").join("data"))
        });
        Self { search, cache }
    }

    /// The first file of that path in any of the folders.
    pub(crate) fn find(&self, file: impl AsRef<Path>) -> Option<PathBuf> {
        self.all().map(|folder| folder.join(&file)).find(|path| path.is_file())
    }

    /// Every folder, in the order of the search.
    pub(super) fn all(&self) -> impl Iterator<Item = &Path> {
        self.search.iter().chain(&self.cache).map(PathBuf::as_path)
    }
}

/// The closest folder above `current`, itself included, that holds a lock file of Cargo.
fn project_root(current: &Path) -> Option<&Path> {
    current.ancestors().find(|folder| folder.join("Cargo.lock").is_file())
}
