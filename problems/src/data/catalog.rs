//! The named sets: listing, finding, verifying and reading them.

use serde::Serialize;
use std::path::{Path, PathBuf};

use super::entries::{ENTRIES, Entry, FileEntry, Form};
use super::source::{Source, content_sum};
use super::{Column, Dataset, Folders, cifar, csv, digits, files, idx};
use crate::data::array::{Array, Table};
use crate::{DataError, SetupError};

/// Where a set is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the program itself.
    BuiltIn,
    /// Whole, in this folder.
    Folder(PathBuf),
    /// Not on this machine, or not whole.
    Absent {
        /// Folders that were searched.
        searched: Vec<PathBuf>,
        /// What brings it here.
        remedy: String,
    },
}

/// A set, for listings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// Name in a study.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// Licence or terms, and what to cite.
    pub terms: &'static str,
    /// Training and test samples.
    pub samples: [usize; 2],
    /// Channels, rows and columns of a sample.
    pub shape: [usize; 3],
    /// Where it is.
    pub place: Place,
}

/// What a checksum says about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SumState {
    /// It is the published file.
    Good,
    /// It has the form of the published file, whose sum is not known here.
    Unknown {
        /// The SHA-256 found.
        found: String,
    },
    /// It is another one.
    Wrong {
        /// The published SHA-256.
        expected: String,
        /// The one found.
        found: String,
    },
    /// It cannot be read.
    Unreadable(String),
    /// It is not there.
    Absent,
}

/// A file of a set, and what its checksum says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileState {
    /// The file.
    pub path: PathBuf,
    /// What its checksum says.
    pub state: SumState,
}

/// Every set of the catalogue, and where it is.
pub fn list(folders: &Folders) -> Vec<Listing> {
    let built_in = Listing {
        name: "digits",
        about: "handwritten digits, 8 x 8: the test part of optdigits",
        terms: "CC BY 4.0; doi 10.24432/C50P49",
        samples: [1797, 0],
        shape: [1, 8, 8],
        place: Place::BuiltIn,
    };
    let listed = ENTRIES.iter().map(|entry| Listing {
        name: entry.name,
        about: entry.about,
        terms: entry.terms,
        samples: entry.samples,
        shape: entry.shape,
        place: entry.place(folders),
    });
    std::iter::once(built_in).chain(listed).collect()
}

/// Where the set `name` is; `None` if the catalogue has no such set.
pub fn locate(name: &str, folders: &Folders) -> Option<Place> {
    list(folders).into_iter().find(|listing| listing.name == name).map(|listing| listing.place)
}

/// Reads every file of the set `name` and compares checksums; empty for a built-in set, `None` if
/// the catalogue has no such set.
pub fn verify(name: &str, folders: &Folders) -> Option<Vec<FileState>> {
    if name == "digits" {
        return Some(Vec::new());
    }
    let entry = ENTRIES.iter().find(|entry| entry.name == name)?;
    let place = entry.place(folders);
    let state = |file: &FileEntry| match &place {
        Place::Folder(folder) => {
            let path = file.inside(folder).unwrap_or_else(|| folder.join(file.names[0]));
            let state = match entry.sum(&path) {
                Ok(found) if file.sum.is_empty() => SumState::Unknown { found },
                Ok(found) if found == file.sum => SumState::Good,
                Ok(found) => SumState::Wrong { expected: file.sum.into(), found },
                Err(error) => SumState::Unreadable(error.finding),
            };
            FileState { path, state }
        }
        _ => FileState { path: file.names[0].into(), state: SumState::Absent },
    };
    Some(entry.files.iter().map(state).collect())
}

/// Loads the set `name`.
pub(super) fn load(name: &str, folders: &Folders) -> Result<Dataset, SetupError> {
    if name == "digits" {
        return Ok(digits());
    }
    let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) else {
        let names: Vec<_> = ENTRIES.iter().map(|entry| entry.name).collect();
        return Err(SetupError::MissingData {
            name: name.into(),
            remedy: format!(
                "the catalogue has digits, {}; a file of yours is {{ path = \"...\" }}",
                names.join(", ")
            ),
        });
    };
    match entry.place(folders) {
        Place::Folder(folder) => Ok(entry.read(&folder)?),
        Place::Absent { remedy, .. } => Err(SetupError::MissingData { name: name.into(), remedy }),
        Place::BuiltIn => unreachable!("sets that come in files are never built in"),
    }
}

impl FileEntry {
    /// The file in `folder`, under the first of its names that exists.
    pub(super) fn inside(&self, folder: &Path) -> Option<PathBuf> {
        self.names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
    }
}

impl Entry {
    /// The first folder that holds all files.
    fn place(&self, folders: &Folders) -> Place {
        let candidates: Vec<PathBuf> = folders
            .all()
            .flat_map(|root| self.folders.iter().map(|name| root.join(name)))
            .collect();
        let whole =
            candidates.iter().find(|folder| self.files.iter().all(|f| f.inside(folder).is_some()));
        match whole {
            Some(folder) => Place::Folder(folder.clone()),
            None => {
                Place::Absent { remedy: self.remedy(folders, &candidates), searched: candidates }
            }
        }
    }

    fn remedy(&self, folders: &Folders, candidates: &[PathBuf]) -> String {
        let begun = candidates.iter().find_map(|folder| {
            let missing = |f: &&FileEntry| f.inside(folder).is_none();
            let absent: Vec<_> = self.files.iter().filter(missing).map(|f| f.names[0]).collect();
            (absent.len() < self.files.len())
                .then(|| format!("{} lacks {}; ", folder.display(), absent.join(", ")))
        });
        let begun = begun.unwrap_or_default();
        let place = self.folders[0];
        if self.mirrors.is_empty() {
            let cache = folders.cache.as_deref().map_or_else(
                || format!("a folder {place}, and set CONVERGE_DATA to the folder that holds it"),
                |cache| cache.join(place).display().to_string(),
            );
            format!("{begun}{} in {cache}", self.by_hand)
        } else {
            format!(
                "{begun}run `converge data fetch {}`, or set CONVERGE_DATA to the folder that holds \
                 {place}/",
                self.name
            )
        }
    }

    /// Identity of a file of this set, see [`FileEntry::sum`].
    pub(super) fn sum(&self, path: &Path) -> Result<String, DataError> {
        match self.form {
            Form::Libsvm => {
                let inputs = self.shape.iter().product();
                Ok(number_sum(&files::sparse(path, None, Some(inputs))?.0))
            }
            Form::Idx | Form::Csv16 | Form::Cifar => content_sum(path),
        }
    }

    /// Reads and checks the files in `folder`, which holds all of them.
    fn read(&self, folder: &Path) -> Result<Dataset, DataError> {
        let paths: Vec<PathBuf> = self
            .files
            .iter()
            .map(|f| f.inside(folder).unwrap_or_else(|| folder.join(f.names[0])))
            .collect();
        let (train, test, peak, sums) = match self.form {
            Form::Idx => {
                let mut sums = Vec::new();
                let arrays = paths
                    .iter()
                    .map(|path| {
                        let mut source = Source::open(path)?;
                        let array = idx::read(&mut source)?;
                        sums.push(source.checksum());
                        Ok(array)
                    })
                    .collect::<Result<Vec<Array>, DataError>>()?;
                let [images, labels, test_images, test_labels] =
                    <[Array; 4]>::try_from(arrays).expect("four files are listed");
                let train = Table::join(&paths[0], images, &paths[1], &labels)?;
                let test = Table::join(&paths[2], test_images, &paths[3], &test_labels)?;
                (train, test, Some(255.0), sums)
            }
            Form::Csv16 => {
                let mut sums = Vec::new();
                let mut table = |path: &Path| {
                    let mut source = Source::open(path)?;
                    let table = csv::read(&mut source, &Column::Index(-1))?;
                    sums.push(source.checksum());
                    Ok::<_, DataError>(table)
                };
                (table(&paths[0])?, table(&paths[1])?, Some(16.0), sums)
            }
            Form::Cifar => {
                let mut sums = Vec::new();
                let mut table = |paths: &[PathBuf], samples: usize| {
                    let mut table = cifar::empty();
                    for path in paths {
                        let mut source = Source::open(path)?;
                        cifar::read(&mut source, (samples / paths.len()) as u64, &mut table)?;
                        sums.push(source.checksum());
                    }
                    Ok::<_, DataError>(table)
                };
                let (test, train) = paths.split_last().expect("files are listed");
                let train = table(train, self.samples[0])?;
                (train, table(std::slice::from_ref(test), self.samples[1])?, None, sums)
            }
            Form::Libsvm => {
                let inputs = self.shape.iter().product();
                let (train, test) = files::sparse(&paths[0], Some(&paths[1]), Some(inputs))?;
                let test = test.expect("a test file was given");
                let sums = vec![number_sum(&train), number_sum(&test)];
                (train, test, None, sums)
            }
        };
        for ((path, file), found) in paths.iter().zip(self.files).zip(&sums) {
            if !file.sum.is_empty() && file.sum != found {
                return Err(DataError::new(
                    path,
                    format!(
                        "is not the published file of {}: SHA-256 {found}, expected {}. Remove it \
                         and fetch it again, or use it as {{ path = \"...\" }}",
                        self.name, file.sum
                    ),
                ));
            }
        }
        let path = &paths[0];
        files::assemble(self.name, path, train, Some(test), None, Some(self.shape), peak, &sums)
    }
}

/// SHA-256 of the numbers of a table, sample by sample: the label as a 64-bit integer, then the
/// inputs as doubles, little-endian.
fn number_sum(table: &Table) -> String {
    let inputs = table.shape.inputs();
    let mut bytes = Vec::with_capacity(8 * (table.features.len() + table.labels.len()));
    for (sample, label) in table.labels.iter().enumerate() {
        bytes.extend(label.to_le_bytes());
        for i in 0..inputs {
            bytes.extend(table.features.get(sample * inputs + i).to_le_bytes());
        }
    }
    super::sha256(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn here(folder: &Path) -> Folders {
        Folders { search: vec![folder.into()], cache: Some(folder.join("cache")) }
    }

    #[test]
    fn sets_on_this_machine_have_the_published_sums_and_counts() {
        let folders = Folders::from_environment();
        for entry in &ENTRIES {
            if !matches!(entry.place(&folders), Place::Folder(_)) {
                eprintln!("{} is not on this machine: skipped", entry.name);
                continue;
            }
            let data = load(entry.name, &folders).unwrap();
            let test = data.test.unwrap();
            assert_eq!([data.train.len(), test.len()], entry.samples, "{}", entry.name);
            assert_eq!(data.classes, 10, "{}", entry.name);
            let states = verify(entry.name, &folders).unwrap();
            assert!(states.iter().all(|file| file.state == SumState::Good), "{states:?}");
            if entry.name == "mnist" {
                let ones = data.train.labels.iter().filter(|&&label| label == 1).count();
                assert_eq!(ones, 6742);
                let n = data.train.features.len();
                let mean = (0..n).map(|i| data.train.features.get(i)).sum::<f64>() / n as f64;
                assert!((mean - 0.1307).abs() < 1e-4, "{mean}");
            }
        }
    }

    #[test]
    fn an_absent_set_is_missing_data_with_the_command_that_brings_it() {
        let empty = tempfile::tempdir().unwrap();
        for (name, words) in [
            ("mnist", "run `converge data fetch mnist`"),
            ("usps", "run bunzip2 on them in"),
            ("mnits", "the catalogue has digits, mnist"),
        ] {
            match load(name, &here(empty.path())) {
                Err(SetupError::MissingData { remedy, .. }) => {
                    assert!(remedy.contains(words), "{remedy}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        let states = verify("mnist", &here(empty.path())).unwrap();
        assert!(states.iter().all(|file| file.state == SumState::Absent));
        assert_eq!(locate("digits", &here(empty.path())), Some(Place::BuiltIn));
        assert_eq!(locate("mnits", &here(empty.path())), None);
    }

    #[test]
    fn a_folder_that_lacks_files_is_named_with_them() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("optdigits")).unwrap();
        fs::write(folder.path().join("optdigits/optdigits.tra"), "1").unwrap();
        let Some(Place::Absent { remedy, .. }) = locate("optdigits", &here(folder.path())) else {
            panic!("not whole");
        };
        assert!(remedy.contains("lacks optdigits.tes"), "{remedy}");
    }

    #[test]
    fn a_changed_file_is_refused_with_both_sums() {
        let folder = tempfile::tempdir().unwrap();
        let set = folder.path().join("digits");
        fs::create_dir(&set).unwrap();
        let line = |class: usize| format!("{}{class}\n", "3,".repeat(64));
        let text: String = (0..10).map(line).collect();
        fs::write(set.join("optdigits.tra"), &text).unwrap();
        fs::write(set.join("optdigits.tes"), &text).unwrap();
        let message = load("optdigits", &here(folder.path())).unwrap_err().to_string();
        let found = content_sum(&set.join("optdigits.tra")).unwrap();
        assert!(message.contains("optdigits.tra: is not the published file"), "{message}");
        assert!(message.contains(&found) && message.contains("e1b683cc21"), "{message}");
        let states = verify("optdigits", &here(folder.path())).unwrap();
        let wrong = SumState::Wrong { expected: ENTRIES[3].files[0].sum.into(), found };
        assert_eq!(states[0].state, wrong);
    }

    #[test]
    fn the_sum_of_libsvm_text_does_not_depend_on_its_spacing() {
        let table = |text: &[u8]| {
            let mut source = Source::new(Path::new("memory"), text, 100, 100);
            super::super::libsvm::read(&mut source).unwrap().dense(2, true).unwrap()
        };
        let sum = number_sum(&table(b"1 1:-1 2:0.5\n"));
        assert_eq!(sum, number_sum(&table(b"1  1:-1.000000 2:5e-1 \n")));
        assert_ne!(sum, number_sum(&table(b"1 1:-1 2:0.25\n")));
    }
}
