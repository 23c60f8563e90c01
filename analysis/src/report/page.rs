//! The page as the template sees it: head, ledger, claims, figures, cells, machine, words.

use std::collections::BTreeSet;

use askama::Template;

use super::cells::{self, Matrix};
use super::claims;
use super::machine::{self, Facts};
use super::rows::{self, Row};
use super::traces::Traces;
use super::words::{WORDS, Word};
use super::{Input, ReportError, look, plural, slug};
use crate::claim::Answer;
use crate::plot::{self, Figure};
use crate::verdict::Verdict;

/// What the template fills in.
#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page {
    pub(super) script: String,
    pub(super) script_hash: String,
    pub(super) style: String,
    pub(super) style_hash: String,
    summary: String,
    several_machines: String,
    trial: bool,
    bar_text: String,
    bars: Vec<Bar>,
    chips: Vec<Chip>,
    variants: Vec<String>,
    /// Some claims have names that want a column of their own.
    long_names: bool,
    rows: Vec<Row>,
    claims: Vec<claims::Page>,
    figures: Vec<Printed>,
    matrices: Vec<Matrix>,
    machine: Facts,
    provenance: Facts,
    data: Facts,
    words: &'static [Word],
    /// Looks of curves, as JSON.
    strokes: String,
    /// The runs of each study, as JSON.
    studies: Vec<String>,
}

/// A part of the summary bar, in thousandths of its width.
struct Bar {
    class: &'static str,
    x: usize,
    width: usize,
}

/// A filter with its count.
struct Chip {
    group: &'static str,
    value: &'static str,
    symbol: &'static str,
    word: &'static str,
    count: usize,
}

/// A figure as it is printed.
struct Printed {
    id: String,
    svg: String,
    caption: String,
    study: usize,
    wide: bool,
}

const ANSWERS: [Answer; 4] =
    [Answer::Supported, Answer::Refuted, Answer::Inconclusive, Answer::NoVerdict];

impl Page {
    /// Gathers everything; script and style come later.
    pub(super) fn of(inputs: &[Input<'_>]) -> Result<Self, ReportError> {
        let rows = rows::rows(inputs);
        let mut claims = Vec::new();
        let mut figures = Vec::new();
        let mut matrices = Vec::new();
        let mut studies = Vec::new();
        for (place, input) in inputs.iter().enumerate() {
            let traces = Traces::of(input.study, input.runs);
            let drawn = draw(input)?;
            claims.extend(claims::pages(input, place, &traces, &drawn));
            figures.extend(drawn.into_iter().map(|drawn| printed(input, place, drawn)));
            matrices.extend(cells::matrices(input, place, &traces));
            studies.push(traces.json());
        }
        link(&mut claims, &rows);
        let count = |answer: Answer| rows.iter().filter(|row| row.answer == answer).count();
        let unexpected = rows.iter().filter(|row| row.unexpected).count();
        let parts: Vec<String> =
            ANSWERS.iter().map(|&a| format!("{} {}", count(a), a.word())).collect();
        let variants: BTreeSet<String> = rows.iter().map(|row| row.variant.clone()).collect();
        Ok(Self {
            script: String::new(),
            script_hash: String::new(),
            style: String::new(),
            style_hash: String::new(),
            summary: summary(inputs),
            several_machines: machine::several(inputs),
            trial: inputs.iter().flat_map(|input| input.verdicts).any(|v| v.trial),
            bar_text: parts.join(", "),
            bars: bars(rows.len(), count),
            chips: chips(count, unexpected),
            variants: variants.into_iter().collect(),
            long_names: rows.iter().any(|row| row.claim.chars().count() > 6),
            rows,
            claims,
            figures,
            matrices,
            machine: machine::here(),
            provenance: machine::provenance(inputs),
            data: machine::data(inputs),
            words: WORDS,
            strokes: super::inside_script(&look::strokes().to_string()),
            studies,
        })
    }
}

/// Figures of a study with their identities on the page.
fn draw(input: &Input<'_>) -> Result<Vec<(Figure, String)>, ReportError> {
    let (paper, study) = (&input.study.paper, &input.study.name);
    let figures = plot::figures(input.study, input.runs, input.verdicts)?;
    let named = |figure: Figure| {
        let id = slug(&format!("figure/{paper}/{study}/{}", figure.name));
        (figure, id)
    };
    Ok(figures.into_iter().map(named).collect())
}

fn printed(input: &Input<'_>, study: usize, (figure, id): (Figure, String)) -> Printed {
    let title = input.study.title.trim_end_matches('.');
    let caption = format!("{title}. {}", figure.caption);
    Printed { id, svg: figure.svg, caption, study, wide: figure.variant.is_empty() }
}

/// The way from claim to claim, in the order of the ledger.
fn link(claims: &mut [claims::Page], rows: &[Row]) {
    let page = |row: &Row| row.address.split('?').next().unwrap_or_default().to_owned();
    let mut order: Vec<String> = rows.iter().map(page).collect();
    let mut seen = BTreeSet::new();
    order.retain(|address| seen.insert(address.clone()));
    for claim in claims {
        let Some(at) = order.iter().position(|address| *address == claim.address) else { continue };
        claim.previous = at.checked_sub(1).map_or(String::new(), |i| order[i].clone());
        claim.next = order.get(at + 1).cloned().unwrap_or_default();
    }
}

fn bars(total: usize, count: impl Fn(Answer) -> usize) -> Vec<Bar> {
    let mut before = 0;
    let mut bar = |answer: Answer| {
        let x = 1000 * before / total.max(1);
        before += count(answer);
        let end = 1000 * before / total.max(1);
        let class = match answer {
            Answer::Supported => "fill-supported",
            Answer::Refuted => "fill-refuted",
            Answer::Inconclusive => "fill-inconclusive",
            Answer::NoVerdict => "fill-none",
        };
        // Two thousandths of air, but not after the last.
        let air = if end < 1000 { 2 } else { 0 };
        Bar { class, x, width: (end - x).saturating_sub(air) }
    };
    ANSWERS.into_iter().map(&mut bar).filter(|bar| bar.width > 0).collect()
}

fn chips(count: impl Fn(Answer) -> usize, unexpected: usize) -> Vec<Chip> {
    let of_answer = |answer: Answer| {
        let (value, symbol) = rows::class(answer);
        Chip { group: "answer", value, symbol, word: answer.word(), count: count(answer) }
    };
    let mut chips: Vec<Chip> = ANSWERS.into_iter().map(of_answer).collect();
    chips.push(Chip {
        group: "expected",
        value: "unexpected",
        symbol: "",
        word: "not as expected",
        count: unexpected,
    });
    chips
}

/// What the report rests on, in a sentence. Its time is that of the newest run.
fn summary(inputs: &[Input<'_>]) -> String {
    let papers: BTreeSet<&str> = inputs.iter().map(|input| input.study.paper.as_str()).collect();
    let verdicts = || inputs.iter().flat_map(|input| input.verdicts);
    let claims: BTreeSet<(&str, &str, &str)> =
        verdicts().map(|v| (v.paper.as_str(), v.study.as_str(), v.claim.as_str())).collect();
    let records = || inputs.iter().flat_map(|i| i.runs).filter_map(|(_, r)| r.as_ref());
    let newest = records().map(|record| record.header.started).fold(0.0, f64::max);
    let revisions: BTreeSet<&str> =
        verdicts().map(|v: &Verdict| v.revision.as_str()).filter(|r| !r.is_empty()).collect();
    let mut text = format!(
        "{}, {}, {}",
        plural(papers.len(), "paper"),
        plural(claims.len(), "claim"),
        plural(records().count(), "run")
    );
    if newest > 0.0 {
        text = format!("{text}; newest run of {}", utc(newest));
    }
    if let [revision] = revisions.into_iter().collect::<Vec<_>>()[..] {
        text = format!("{text}; revision {}", revision.get(..7).unwrap_or(revision));
    }
    text + "."
}

/// Day and minute of seconds since 1970 (civil calendar from days, H. Hinnant's algorithm).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_calendar_days() {
        assert_eq!(utc(0.0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_400.0), "2000-02-29 00:00 UTC");
        assert_eq!(utc(1_735_689_599.0), "2024-12-31 23:59 UTC");
    }

    #[test]
    fn the_bar_is_as_long_as_its_parts() {
        let parts = bars(3, |answer| usize::from(answer != Answer::Refuted));
        assert_eq!(parts.len(), 3);
        assert_eq!(parts.iter().map(|bar| bar.x).collect::<Vec<_>>(), [0, 333, 666]);
        assert_eq!(parts.iter().map(|bar| bar.width).collect::<Vec<_>>(), [331, 331, 334]);
        assert!(bars(0, |_| 0).is_empty());
    }
}
