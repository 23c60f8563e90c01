//! The report: one self-contained HTML file that works offline.
//!
//! The page carries a policy that allows its one script and its one style sheet by their hashes
//! and nothing else. The template escapes; only our own SVG is put in as it is, and data lies in
//! blocks of JSON that no parser of markup reads. The same input gives the same bytes: its time is
//! that of the newest run.
//!
//! | view | address | made from |
//! |---|---|---|
//! | ledger | `#/` | `rows`, `thumbnail`, `progress` |
//! | a claim | `#/claim/PAPER/STUDY/CLAIM?variant=NAME` | `claims`, `seeds`, `variants` |
//! | curves | `#/curves?study=…&x=…&y=…&hide=…` | `traces`, `encode`, `thin`, `plotted`, `look` |
//! | cells, machine, words | `#/cells`, `#/machine`, `#/words?at=WORD` | `cells`, `machine`, `words` |

mod cells;
mod claims;
mod encode;
mod look;
mod machine;
mod page;
mod plotted;
mod progress;
mod rows;
mod seeds;
mod thin;
mod thumbnail;
mod traces;
mod variants;
mod words;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use askama::Template;
use converge_bench::study::{Paper, Study};
use sha2::{Digest, Sha256};

use crate::plot::{PlotError, curves::Runs};
use crate::verdict::Verdict;

/// A study with all that is known about it.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The study.
    pub study: &'a Study,
    /// Its paper.
    pub paper: &'a Paper,
    /// Its runs.
    pub runs: &'a Runs,
    /// Its verdicts.
    pub verdicts: &'a [Verdict],
}

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A figure in it.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The template; a value that cannot be shown.
    #[error(transparent)]
    Template(#[from] askama::Error),
    /// The file.
    #[error("{}: {source}", path.display())]
    File {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        source: std::io::Error,
    },
}

/// Style sheets in the order of the page.
const STYLES: [&str; 6] = [
    include_str!("../../templates/report/tokens.css"),
    include_str!("../../templates/report/frame.css"),
    include_str!("../../templates/report/ledger.css"),
    include_str!("../../templates/report/claim.css"),
    include_str!("../../templates/report/curves.css"),
    include_str!("../../templates/report/print.css"),
];

/// Modules of the page's script: one scope, each file uses those before it.
const SCRIPTS: [&str; 12] = [
    include_str!("../../templates/report/page.js"),
    include_str!("../../templates/report/numbers.js"),
    include_str!("../../templates/report/data.js"),
    include_str!("../../templates/report/bands.js"),
    include_str!("../../templates/report/paint.js"),
    include_str!("../../templates/report/plot.js"),
    include_str!("../../templates/report/controls.js"),
    include_str!("../../templates/report/ledger.js"),
    include_str!("../../templates/report/claim.js"),
    include_str!("../../templates/report/cells.js"),
    include_str!("../../templates/report/routes.js"),
    include_str!("../../templates/report/keys.js"),
];

/// The plotting library, third-party and unchanged; its licence goes with it.
const UPLOT: [&str; 3] = [
    include_str!("../../assets/uplot/uPlot.iife.min.js"),
    include_str!("../../assets/uplot/uPlot.min.css"),
    include_str!("../../assets/uplot/LICENSE"),
];

/// Writes the report on `inputs` to `path`, under a temporary name first.
///
/// # Errors
/// [`ReportError`] if a figure cannot be drawn or the file cannot be written.
pub fn write(inputs: &[Input<'_>], path: &Path) -> Result<(), ReportError> {
    let html = render(inputs)?;
    let failed = |source| ReportError::File { path: path.to_owned(), source };
    let aside = path.with_extension(format!("html.{}", std::process::id()));
    std::fs::write(&aside, html).map_err(failed)?;
    std::fs::rename(&aside, path).map_err(failed)
}

/// The report on `inputs` as HTML.
///
/// # Errors
/// [`ReportError`] if a figure cannot be drawn.
pub fn render(inputs: &[Input<'_>]) -> Result<String, ReportError> {
    let mut page = page::Page::of(inputs)?;
    page.style = style();
    page.script = script();
    page.style_hash = hash(&page.style);
    page.script_hash = hash(&page.script);
    Ok(page.render()?)
}

fn style() -> String {
    [UPLOT[1], "\n"].into_iter().chain(STYLES).collect::<String>() + &look::colors()
}

fn script() -> String {
    let [uplot, _, licence] = UPLOT;
    // The library's first line is a comment with its address; this page names no address.
    let code = uplot.split_once('\n').map_or(uplot, |(_, code)| code);
    format!(
        "\"use strict\";\n(() => {{\n/* uPlot 1.6.32\n{licence}*/\n{code}\n{}}})();\n",
        SCRIPTS.concat()
    )
}

/// A count with its word; thousands apart.
fn plural(count: usize, word: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if count == 1 { format!("1 {word}") } else { format!("{text} {word}s") }
}

/// JSON that no parser of markup takes for a tag.
fn inside_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// An address that needs no escaping: what is not a letter, digit, `/`, `-`, `_` or `.` becomes `~`
/// and its code.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.') {
            slug.push(c);
        } else {
            let _ = write!(slug, "~{:x}", c as u32);
        }
    }
    slug
}

/// SHA-256 in base64, as content security policies want it.
fn hash(text: &str) -> String {
    encode::base64(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests;
