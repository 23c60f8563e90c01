//! The folder of a paper: its file, its studies, the order of its curves.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::fields::{nearest, only};
use super::node::{Finding, Found, Node};
use super::{StudyError, parse_file};

/// What a paper's `paper.toml` says.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Folder name under `figures/`.
    pub id: String,
    /// Title of the paper.
    pub title: String,
    /// DOI, arXiv number.
    pub identifier: String,
    /// Share of the error budget of each claim; sums to 1 over those that are not deterministic.
    pub weights: BTreeMap<String, f64>,
    /// The sentences of the claims, in the order of the file.
    pub texts: Vec<(String, String)>,
}

impl Paper {
    /// Reads `paper.toml`, given by its path, by that of its folder or of a folder of further studies in
    /// that.
    ///
    /// ```toml
    /// title      = "A paper"
    /// identifier = "arXiv:1234.56789"
    /// [claims]
    /// C1 = { weight = 0.4, text = "It converges." }
    /// C2 = { weight = 0.6, text = "It does so faster." }
    /// I1 = { text = "An identity: tested exactly, it needs no share." }
    /// ```
    ///
    /// # Errors
    /// [`StudyError`] at the first mistake.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        // The folder of a bare file name is empty.
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let path = if path.is_dir() { file_of(path) } else { path.to_owned() };
        let full = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let folder = full.parent().and_then(Path::file_name);
        let id = folder.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        parse_file(&path, |root| Self::of(root, id))
    }

    fn of(root: &Node, id: String) -> Found<Self> {
        only(root, "a paper", &["title", "identifier", "claims"])?;
        let text = |name: &str| Ok(root.require("a paper", name)?.as_text(name)?.to_owned());
        let (title, identifier) = (text("title")?, text("identifier")?);
        let mut paper = Self { id, title, identifier, weights: BTreeMap::new(), texts: Vec::new() };
        let claims = root.require("a paper", "claims")?;
        for (name, claim) in &claims.as_table("claims")?.fields {
            let place = format!("claims.{name}");
            only(claim, &place, &["weight", "text"])?;
            let text = claim.require(&place, "text")?.as_text("text")?;
            paper.texts.push((name.clone(), text.to_owned()));
            if let Some(weight) = claim.field("weight") {
                paper.weights.insert(name.clone(), weight.as_number_above("weight", 0.0)?);
            }
        }
        let sum: f64 = paper.weights.values().sum();
        if !paper.weights.is_empty() && (sum - 1.0).abs() > 1e-6 {
            return Err(claims.finding(format!("the weights of the claims sum to {sum:.6}, not 1")));
        }
        Ok(paper)
    }

    /// The claim of the paper that a claim of a study belongs to: `C2` for `C2` and `C2-seconds`.
    pub fn claim_of<'n>(&self, name: &'n str) -> Option<&'n str> {
        let known = |name: &str| self.texts.iter().any(|(claim, _)| claim == name);
        let ends = name.match_indices('-').map(|(at, _)| at).rev();
        std::iter::once(name.len()).chain(ends).map(|end| &name[..end]).find(|name| known(name))
    }

    /// The share of a claim of a study, by its own name or that of the claim it belongs to.
    pub fn weight(&self, name: &str) -> Option<f64> {
        self.weights.get(self.claim_of(name)?).copied()
    }
}

/// The file of the paper that a folder of studies belongs to.
fn file_of(folder: &Path) -> PathBuf {
    let own = folder.join("paper.toml");
    let full = std::path::absolute(folder).unwrap_or_default();
    let above = full.parent().map(|above| above.join("paper.toml"));
    above.filter(|above| above.is_file() && !own.is_file()).unwrap_or(own)
}

/// An argument that names no study.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no study at `{argument}`{hint}")]
pub struct NoStudy {
    /// The argument.
    pub argument: String,
    /// What to do instead.
    pub hint: String,
}

/// Study files under `figures`: all of them, or those that `argument` names. It may be a file, a
/// folder, the name of a paper, of a study, or `paper/study`. A folder of a paper stands for the studies
/// in it, not for further ones in folders of its own (`paper/folder`).
pub(super) fn discover(figures: &Path, argument: Option<&str>) -> Result<Vec<PathBuf>, NoStudy> {
    let all = studies_below(figures);
    let Some(argument) = argument else {
        let hint = "; a study is a file figures/<paper>/<study>.toml".to_owned();
        let none = NoStudy { argument: figures.display().to_string(), hint };
        return if all.is_empty() { Err(none) } else { Ok(all) };
    };
    let path = Path::new(argument);
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if path.is_dir() {
        let own = studies_in(path);
        let found = if own.is_empty() { studies_below(path) } else { own };
        let hint = "; the folder holds none".to_owned();
        let none = NoStudy { argument: argument.into(), hint };
        return if found.is_empty() { Err(none) } else { Ok(found) };
    }
    let names = |path: &PathBuf| {
        let inside = path.strip_prefix(figures).unwrap_or(path);
        let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let paper = text(inside.iter().next());
        let study = text(inside.file_stem());
        let folder = text(inside.parent().map(Path::as_os_str));
        [format!("{paper}/{study}"), study, folder]
    };
    let matches: Vec<PathBuf> = all
        .iter()
        .filter(|path| names(path).iter().any(|name| name == argument))
        .cloned()
        .collect();
    if !matches.is_empty() {
        return Ok(matches);
    }
    let known: Vec<String> = all.iter().flat_map(names).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = match nearest(argument, &known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => "; `converge list studies` shows what there is".into(),
    };
    Err(NoStudy { argument: argument.into(), hint })
}

/// The study files of a folder, sorted.
fn studies_in(folder: &Path) -> Vec<PathBuf> {
    sorted(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .filter(|path| path.file_name().is_some_and(|name| name != "paper.toml"))
        .collect()
}

/// The study files of the folders in a folder, and of those in them.
fn studies_below(folder: &Path) -> Vec<PathBuf> {
    let folders = sorted(folder).into_iter().filter(|path| path.is_dir());
    folders.flat_map(|path| [studies_in(&path), studies_below(&path)].concat()).collect()
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// Names of the solver and probe sections of all studies in a paper's folder, in order of first
/// mention, so that a curve looks the same in every figure of a paper.
///
/// # Errors
/// [`StudyError`] for a file that is not TOML.
pub fn paper_solvers(folder: &Path) -> Result<Vec<String>, StudyError> {
    let mut names: Vec<String> = Vec::new();
    for path in studies_in(folder) {
        for name in parse_file(&path, |root| Ok(mentioned(root)))? {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// Names of sections in the order of the lines they stand on.
fn mentioned(root: &Node) -> Vec<String> {
    let mut places: Vec<&Node> = vec![root];
    for size in ["quick", "full"] {
        places.extend(root.field(size));
    }
    let variants: Vec<&Node> = places
        .iter()
        .filter_map(|place| place.field("variant")?.table())
        .flat_map(|table| table.fields.iter().map(|(_, variant)| variant))
        .collect();
    places.extend(variants);
    let mut names: Vec<(usize, String)> = Vec::new();
    for place in places {
        for what in ["solver", "probe"] {
            let Some(sections) = place.field(what).and_then(Node::table) else { continue };
            let lines = sections.fields.iter().map(|(name, node)| (node.line, name.clone()));
            names.extend(lines);
        }
    }
    names.sort_by_key(|(line, _)| *line);
    names.into_iter().map(|(_, name)| name).collect()
}

/// An error about a file that cannot be opened.
pub(super) fn unreadable(error: &std::io::Error) -> Finding {
    Finding { line: 1, text: format!("cannot be read: {error}") }
}
