//! The report: one self-contained HTML file that works offline.
//!
//! The page carries a policy that allows its one script and its one style sheet by their hashes
//! and nothing else. The template escapes; only our own SVG is put in as it is. The same input
//! gives the same bytes: its time is that of the newest run.

mod thumbnail;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use askama::Template;
use converge_bench::record::Status;
use converge_bench::study::{Paper, Study};
use sha2::{Digest, Sha256};

use crate::plot::{self, PlotError, curves::Runs, forest, number, style};
use crate::verdict::{Answer, Verdict};

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

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    script: String,
    script_hash: String,
    style: String,
    style_hash: String,
    summary: String,
    trial: bool,
    bar_text: String,
    bars: Vec<Bar>,
    chips: Vec<Chip>,
    variants: Vec<String>,
    rows: Vec<Row>,
    figures: Vec<Drawn>,
    cells: Vec<CellRow>,
    machine: Vec<(String, String)>,
    words: &'static [(&'static str, &'static str)],
}

struct Bar {
    class: &'static str,
    x: usize,
    width: usize,
}

struct Chip {
    group: &'static str,
    value: &'static str,
    symbol: &'static str,
    word: &'static str,
    count: usize,
}

#[derive(Default)]
struct Row {
    paper: String,
    /// Title of the paper on its first row; empty on the others.
    head: String,
    counts: String,
    claim: String,
    address: String,
    previous: String,
    next: String,
    title: String,
    text: String,
    place: String,
    variant: String,
    class: &'static str,
    symbol: &'static str,
    answer: &'static str,
    unexpected: bool,
    notes: Vec<String>,
    failed: String,
    thumbnail: String,
    estimate: String,
    interval: String,
    statistic: String,
    seeds: usize,
    figures: String,
    facts: Vec<(String, String)>,
    command: String,
}

struct Drawn {
    id: String,
    svg: String,
    caption: String,
    wide: bool,
}

struct CellRow {
    study: String,
    variant: String,
    problem: String,
    solver: String,
    squares: String,
    ends: String,
    reasons: Vec<String>,
}

const WORDS: &[(&str, &str)] = &[
    ("claim", "One sentence of a paper as an executable test on the runs of a study."),
    (
        "verdict",
        "Supported, refuted or inconclusive, with its interval, level and number of seeds.",
    ),
    ("supported", "The whole interval lies where the claim holds."),
    ("refuted", "The whole interval lies where the claim does not hold."),
    (
        "inconclusive",
        "The interval lies on both sides; the report says what difference would have been detected.",
    ),
    ("seed", "One repetition: the unit over which every interval is taken."),
    ("run", "One solver on one problem with one seed, or one probe with one seed."),
    ("study", "One file that says what runs, what must hold and what is drawn."),
    (
        "variant",
        "Published: what a paper says. Released: what its code does. Corrected: what we hold to be right.",
    ),
    ("step time", "Seconds inside the steps of a solver; set-up is counted apart."),
    (
        "trial",
        "A run of quick size on small data: it tries the machinery and is no verdict on a paper.",
    ),
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
    let mut page = page(inputs)?;
    page.style = format!("{STYLE}{}", dark_figures());
    SCRIPT.clone_into(&mut page.script);
    page.style_hash = hash(&page.style);
    page.script_hash = hash(&page.script);
    Ok(page.render()?)
}

fn page(inputs: &[Input<'_>]) -> Result<Page, ReportError> {
    let verdicts: Vec<&Verdict> = inputs.iter().flat_map(|input| input.verdicts).collect();
    let count = |answer: Answer| verdicts.iter().filter(|v| v.answer == answer).count();
    let mut rows = Vec::new();
    let mut figures = Vec::new();
    let mut cells = Vec::new();
    for input in inputs {
        let drawn = draw(input)?;
        rows.extend(input.verdicts.iter().map(|verdict| row(input, verdict, &drawn)));
        figures.extend(drawn.into_iter().map(|(_, drawn)| drawn));
        cells.extend(cell_rows(input));
    }
    rows.sort_by(|a, b| a.paper.cmp(&b.paper));
    group(&mut rows, &verdicts, inputs);
    let answers = [Answer::Supported, Answer::Refuted, Answer::Inconclusive, Answer::NoVerdict];
    let mut x = 0;
    let total = verdicts.len().max(1);
    let bars = answers
        .iter()
        .filter(|answer| count(**answer) > 0)
        .map(|&answer| {
            let from = x;
            x += 1000 * count(answer) / total;
            Bar { class: bar_class(answer), x: from, width: (x - from).saturating_sub(2) }
        })
        .collect();
    let mut chips: Vec<Chip> = answers
        .iter()
        .map(|&answer| Chip {
            group: "answer",
            value: class(answer),
            symbol: symbol(answer),
            word: answer.word(),
            count: count(answer),
        })
        .collect();
    let surprises = verdicts.iter().filter(|v| v.as_expected() == Some(false)).count();
    chips.push(Chip {
        group: "expected",
        value: "unexpected",
        symbol: "",
        word: "not as expected",
        count: surprises,
    });
    let variants: BTreeSet<String> = verdicts.iter().map(|v| v.variant.clone()).collect();
    let parts: Vec<String> =
        answers.iter().map(|&a| format!("{} {}", count(a), a.word())).collect();
    Ok(Page {
        script: String::new(),
        script_hash: String::new(),
        style: String::new(),
        style_hash: String::new(),
        summary: summary(inputs, &verdicts),
        trial: verdicts.iter().any(|v| v.trial),
        bar_text: parts.join(", "),
        bars,
        chips,
        variants: variants.into_iter().collect(),
        rows,
        figures,
        cells,
        machine: machine(inputs, &verdicts),
        words: WORDS,
    })
}

/// Figures of a study with the variant they show.
fn draw(input: &Input<'_>) -> Result<Vec<(String, Drawn)>, ReportError> {
    let drawn = plot::figures(input.study, input.runs, input.verdicts)?;
    Ok(drawn
        .into_iter()
        .map(|figure| {
            let id =
                slug(&format!("figure/{}/{}/{}", input.study.paper, input.study.name, figure.name));
            let caption =
                format!("{}. {}", input.study.title.trim_end_matches('.'), figure.caption);
            let wide = figure.variant.is_empty();
            (figure.variant, Drawn { id, svg: figure.svg, caption, wide })
        })
        .collect())
}

fn row(input: &Input<'_>, verdict: &Verdict, drawn: &[(String, Drawn)]) -> Row {
    let estimate = number::as_characters(&forest::estimate(verdict));
    let (estimate, interval) = estimate.split_once(' ').unwrap_or((&estimate, ""));
    let unit = if verdict.unit.is_empty() { String::new() } else { format!(" {}", verdict.unit) };
    let mut notes = Vec::new();
    if let (Some(expected), Some(false)) = (verdict.expected, verdict.as_expected()) {
        notes.push(format!("expected: {}", expected.word()));
    }
    if let (Answer::Inconclusive, Some(detectable)) = (verdict.answer, &verdict.detectable) {
        let value = number::as_characters(&number::short(detectable.value));
        notes.push(format!("would detect {value} {}", detectable.unit).trim_end().to_owned());
    }
    if verdict.trial {
        notes.push("trial size".to_owned());
    }
    let figures: Vec<&str> = drawn
        .iter()
        .filter(|(variant, _)| *variant == verdict.variant)
        .map(|(_, drawn)| drawn.id.as_str())
        .collect();
    let size = match verdict.size.as_str() {
        "default" => String::new(),
        size => format!(" --{size}"),
    };
    let study = format!("{}/{}", verdict.paper, verdict.study);
    let place = [verdict.place.as_str(), &verdict.variant, &verdict.study]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    Row {
        paper: verdict.paper.clone(),
        claim: verdict.claim.clone(),
        address: slug(&format!("/claim/{study}/{}/{}", verdict.claim, verdict.variant)),
        title: input.paper.title.clone(),
        text: verdict.text.clone(),
        place,
        variant: verdict.variant.clone(),
        class: class(verdict.answer),
        symbol: symbol(verdict.answer),
        answer: verdict.answer.word(),
        unexpected: verdict.as_expected() == Some(false),
        notes,
        failed: failed(verdict),
        thumbnail: thumbnail::draw(verdict),
        estimate: format!("{estimate}{unit}"),
        interval: interval.to_owned(),
        statistic: verdict.statistic.clone(),
        seeds: verdict.seeds,
        figures: figures.join(" "),
        facts: facts(verdict),
        command: format!("converge check {study}{size} --claim {}", verdict.claim),
        ..Row::default()
    }
}

fn failed(verdict: &Verdict) -> String {
    let parts: Vec<String> =
        verdict.failed.iter().map(|(status, count)| format!("{count} {status}")).collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("cells without a number: {}", parts.join(", "))
    }
}

fn facts(verdict: &Verdict) -> Vec<(String, String)> {
    let shown = |value: f64| number::as_characters(&number::short(value));
    let holds = match forest::holding(verdict) {
        (low, high) if low.is_finite() && high.is_finite() => {
            format!("between {} and {}", shown(low), shown(high))
        }
        (low, _) if low.is_finite() => format!("above {}", shown(low)),
        (_, high) => format!("below {}", shown(high)),
    };
    let mut facts = vec![
        ("statistic", verdict.statistic.clone()),
        ("holds", holds),
        ("margin", shown(verdict.margin)),
        ("procedure", verdict.procedure.clone()),
        ("level", number::short(verdict.level)),
        ("expected", verdict.expected.map_or("nothing declared", Answer::word).to_owned()),
    ];
    if let Some(detectable) = &verdict.detectable {
        facts.push(("would detect", format!("{} {}", shown(detectable.value), detectable.unit)));
    }
    if let (Some(support), Some(refute)) = (verdict.p_support, verdict.p_refute) {
        facts.push(("p for, p against", format!("{}, {}", shown(support), shown(refute))));
    }
    if !verdict.failed.is_empty() {
        facts.push(("failed", failed(verdict)));
    }
    facts.extend(verdict.flags.iter().map(|flag| ("remark", flag.clone())));
    facts.extend([
        ("size", verdict.size.clone()),
        ("claim hash", verdict.hash.clone()),
        ("traces", verdict.digest.clone()),
        ("code", verdict.code.clone()),
    ]);
    facts
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Heads of papers, and the way from claim to claim.
fn group(rows: &mut [Row], verdicts: &[&Verdict], inputs: &[Input<'_>]) {
    let addresses: Vec<String> = rows.iter().map(|row| row.address.clone()).collect();
    let mut last: Option<String> = None;
    for (i, row) in rows.iter_mut().enumerate() {
        row.previous = i.checked_sub(1).map_or(String::new(), |i| addresses[i].clone());
        row.next = addresses.get(i + 1).cloned().unwrap_or_default();
        if last.as_deref() == Some(&row.paper) {
            continue;
        }
        last = Some(row.paper.clone());
        let title = inputs.iter().find(|input| input.study.paper == row.paper);
        row.head = title.map_or_else(|| row.paper.clone(), |input| input.paper.title.clone());
        let mut counts: BTreeMap<Answer, usize> = BTreeMap::new();
        for verdict in verdicts.iter().filter(|v| v.paper == row.paper) {
            *counts.entry(verdict.answer).or_default() += 1;
        }
        let parts: Vec<String> = counts.iter().map(|(a, n)| format!("{n} {}", a.word())).collect();
        row.counts = parts.join(", ");
    }
}

fn summary(inputs: &[Input<'_>], verdicts: &[&Verdict]) -> String {
    let papers: BTreeSet<&str> = inputs.iter().map(|input| input.study.paper.as_str()).collect();
    let runs = inputs.iter().flat_map(|input| input.runs).filter(|(_, r)| r.is_some()).count();
    let newest = inputs
        .iter()
        .flat_map(|input| input.runs)
        .filter_map(|(_, record)| record.as_ref())
        .map(|record| record.header.started)
        .fold(0.0, f64::max);
    let mut text = format!(
        "{}, {}, {}",
        plural(papers.len(), "paper"),
        plural(verdicts.len(), "claim"),
        plural(runs, "run")
    );
    if newest > 0.0 {
        text += "; newest run of ";
        text += &utc(newest);
    }
    text + "."
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Day and minute of seconds since 1970 (civil calendar from days, H. Hinnant's algorithm).
fn utc(seconds: f64) -> String {
    let seconds = seconds as i64;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest % 3600 / 60)
}

fn cell_rows(input: &Input<'_>) -> Vec<CellRow> {
    let mut order: Vec<[String; 3]> = Vec::new();
    for (planned, _) in input.runs {
        let label = &planned.label;
        let key = [label.variant.clone(), label.problem.clone(), label.curve()];
        if !order.contains(&key) {
            order.push(key);
        }
    }
    let row = |[variant, problem, solver]: [String; 3]| {
        let mut found: Vec<_> = input
            .runs
            .iter()
            .filter(|(p, _)| {
                p.label.variant == variant
                    && p.label.problem == problem
                    && p.label.curve() == solver
            })
            .collect();
        found.sort_by_key(|(planned, _)| planned.label.seed);
        let status = |record: &Option<_>| {
            record.as_ref().map(|r: &converge_bench::record::Record| r.header.status.clone())
        };
        let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
        let mut reasons = Vec::new();
        for (planned, record) in &found {
            let status = status(record);
            *ends.entry(status.as_ref().map_or("not run", Status::word)).or_default() += 1;
            let reason = match &status {
                Some(Status::Breakdown(reason) | Status::Crashed(reason)) => reason.as_str(),
                Some(Status::TimedOut | Status::OutOfMemory | Status::Interrupted) => "",
                _ => continue,
            };
            let word = status.as_ref().map_or("", Status::word);
            let identity = planned.cell.identity();
            reasons.push(format!(
                "seed {}: {word} {reason} (converge replay {identity})",
                planned.label.seed
            ));
        }
        let counted: Vec<String> = ends.iter().map(|(word, n)| format!("{n} {word}")).collect();
        CellRow {
            study: input.study.name.clone(),
            variant,
            problem,
            solver,
            squares: found.iter().map(|(_, record)| sign(status(record).as_ref())).collect(),
            ends: counted.join(", "),
            reasons,
        }
    };
    order.into_iter().map(row).collect()
}

fn sign(status: Option<&Status>) -> char {
    match status {
        None => '·',
        Some(Status::Target | Status::Converged) => '●',
        Some(Status::Plateau | Status::Budget) => '○',
        Some(Status::Diverged) => '×',
        Some(Status::Breakdown(_)) => '+',
        Some(_) => '!',
    }
}

fn machine(inputs: &[Input<'_>], verdicts: &[&Verdict]) -> Vec<(String, String)> {
    let headers =
        || inputs.iter().flat_map(|i| i.runs).filter_map(|(_, r)| r.as_ref()).map(|r| &r.header);
    let listed = |values: BTreeSet<String>| {
        values.into_iter().filter(|v| !v.is_empty()).collect::<Vec<_>>().join("; ")
    };
    let facts = [
        ("machine", listed(verdicts.iter().map(|v| v.machine.clone()).collect())),
        ("revision", listed(verdicts.iter().map(|v| v.revision.clone()).collect())),
        ("code of the runs", listed(headers().map(|h| h.code.clone()).collect())),
        ("threads of a worker", listed(headers().map(|h| h.threads.to_string()).collect())),
        ("cells at a time", listed(headers().map(|h| h.concurrency.to_string()).collect())),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn class(answer: Answer) -> &'static str {
    match answer {
        Answer::Supported => "supported",
        Answer::Refuted => "refuted",
        Answer::Inconclusive => "inconclusive",
        Answer::NoVerdict => "none",
    }
}

fn bar_class(answer: Answer) -> &'static str {
    match answer {
        Answer::Supported => "fill-supported",
        Answer::Refuted => "fill-refuted",
        Answer::Inconclusive => "fill-inconclusive",
        Answer::NoVerdict => "fill-none",
    }
}

fn symbol(answer: Answer) -> &'static str {
    match answer {
        Answer::Supported => "✓",
        Answer::Refuted => "✗",
        Answer::Inconclusive => "?",
        Answer::NoVerdict => "–",
    }
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

/// Rules that repaint figures on the dark card: attributes give way to style sheets.
fn dark_figures() -> String {
    let looks =
        style::LOOKS.iter().flat_map(|look| [(look.color, look.dark), (look.text, look.dark)]);
    let mut pairs: Vec<(String, String)> =
        looks.chain(style::DARK).map(|(light, dark)| (light.code(), dark.code())).collect();
    pairs.sort();
    pairs.dedup_by(|a, b| a.0 == b.0);
    let rule = |(light, dark): &(String, String)| {
        let root = ":root[data-theme=dark] figure ";
        format!(
            "{root}[fill=\"{light}\"]{{fill:{dark}}}\n{root}[stroke=\"{light}\"]{{stroke:{dark}}}\n"
        )
    };
    pairs.iter().map(rule).collect()
}

/// SHA-256 in base64, as content security policies want it.
fn hash(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in Sha256::digest(text.as_bytes()).chunks(3) {
        let padded = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = padded.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
