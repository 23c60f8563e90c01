//! The ledger: one row for each claim and variant.

use std::collections::BTreeMap;

use super::progress::{self, Progress};
use super::{Input, look, plural, slug, thumbnail};
use crate::claim::Answer;
use crate::verdict::{Side, Verdict};

/// A verdict as a word with its symbol and class.
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) symbol: &'static str,
    pub(super) word: String,
}

impl Badge {
    pub(super) fn of(verdict: &Verdict, progress: Progress) -> Self {
        let (class, symbol) = class(progress.answer(verdict));
        match progress {
            Progress::Done => Self { class, symbol, word: verdict.answer.word().to_owned() },
            Progress::NotRun => Self { class, symbol, word: "not run".to_owned() },
            Progress::Partly { done, of } => {
                Self { class, symbol: "…", word: format!("{done} of {of} seeds done") }
            }
        }
    }
}

/// Class and symbol of an answer.
pub(super) fn class(answer: Answer) -> (&'static str, &'static str) {
    match answer {
        Answer::Supported => ("supported", "✓"),
        Answer::Refuted => ("refuted", "✗"),
        Answer::Inconclusive => ("inconclusive", "?"),
        Answer::NoVerdict => ("none", "–"),
    }
}

/// A row of the ledger.
pub(super) struct Row {
    pub(super) paper: String,
    /// Title of the paper on its first row; empty on the others.
    pub(super) head: String,
    /// Verdicts of the paper by answer, on the same row.
    pub(super) counts: String,
    pub(super) claim: String,
    pub(super) address: String,
    pub(super) text: String,
    /// Where in the paper.
    pub(super) place: String,
    pub(super) variant: String,
    /// The first row of its variant, whose word is explained.
    pub(super) explained: bool,
    pub(super) study: String,
    pub(super) badge: Badge,
    pub(super) unexpected: bool,
    /// The claim reads otherwise now.
    pub(super) changed: bool,
    pub(super) notes: Vec<String>,
    pub(super) failed: String,
    pub(super) thumbnail: String,
    pub(super) estimate: String,
    pub(super) interval: String,
    pub(super) statistic: String,
    pub(super) seeds: usize,
    /// What the row is sorted by; empty sorts last.
    pub(super) keys: Keys,
    pub(super) answer: Answer,
}

/// Sort keys of a row.
pub(super) struct Keys {
    pub(super) order: usize,
    pub(super) verdict: usize,
    /// Distance from the threshold in half-widths of the interval, positive where the claim holds.
    pub(super) evidence: String,
    pub(super) estimate: String,
}

impl Row {
    /// The row of one verdict. Its place among the others comes later.
    pub(super) fn of(input: &Input<'_>, verdict: &Verdict) -> Self {
        let progress = Progress::of(input, verdict);
        let measured = progress != Progress::NotRun;
        let (estimate, interval) = look::estimate(verdict);
        let answer = progress.answer(verdict);
        let changed = progress::changed(input, verdict).is_some();
        let key = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
        Self {
            paper: verdict.paper.clone(),
            head: String::new(),
            counts: String::new(),
            claim: verdict.claim.clone(),
            address: address(verdict),
            text: verdict.text.clone(),
            place: verdict.place.clone(),
            variant: verdict.variant.clone(),
            explained: false,
            study: verdict.study.clone(),
            badge: Badge::of(verdict, progress),
            unexpected: progress == Progress::Done && verdict.as_expected() == Some(false),
            changed,
            notes: notes(input, verdict, progress, changed),
            failed: if measured { failed(verdict) } else { String::new() },
            thumbnail: thumbnail::draw(verdict, progress == Progress::Done),
            estimate: with_unit(&estimate, &verdict.unit),
            interval,
            statistic: verdict.statistic.clone(),
            seeds: verdict.seeds,
            keys: Keys {
                order: 0,
                verdict: answer as usize,
                evidence: key(evidence(verdict)),
                estimate: key(verdict.estimate),
            },
            answer,
        }
    }
}

/// The note on a verdict of quick size.
pub(super) const TRIAL: &str = "trial size";

/// The rows of all studies, by paper, in file order within it.
pub(super) fn rows(inputs: &[Input<'_>]) -> Vec<Row> {
    let verdicts = || inputs.iter().flat_map(|input| input.verdicts);
    // Where every verdict is a trial, the head of the page says so once.
    let mixed = !verdicts().all(|verdict| verdict.trial);
    let row = |input: &Input<'_>, verdict: &Verdict| {
        let mut row = Row::of(input, verdict);
        if mixed && verdict.trial {
            row.notes.push(TRIAL.to_owned());
        }
        row
    };
    let mut rows: Vec<Row> = inputs
        .iter()
        .flat_map(|input| input.verdicts.iter().map(|verdict| row(input, verdict)))
        .collect();
    rows.sort_by(|a, b| a.paper.cmp(&b.paper));
    let mut counts: BTreeMap<String, BTreeMap<Answer, usize>> = BTreeMap::new();
    for row in &rows {
        *counts.entry(row.paper.clone()).or_default().entry(row.answer).or_default() += 1;
    }
    let mut seen: Vec<String> = Vec::new();
    let mut last: Option<String> = None;
    for (order, row) in rows.iter_mut().enumerate() {
        row.keys.order = order;
        row.explained = !seen.contains(&row.variant);
        if row.explained {
            seen.push(row.variant.clone());
        }
        if last.as_ref() == Some(&row.paper) {
            continue;
        }
        last = Some(row.paper.clone());
        let input = inputs.iter().find(|input| input.study.paper == row.paper);
        row.head = input.map_or_else(|| row.paper.clone(), |input| input.paper.title.clone());
        let parts: Vec<String> =
            counts[&row.paper].iter().map(|(a, n)| format!("{n} {}", a.word())).collect();
        row.counts = parts.join(", ");
    }
    rows
}

/// Address of the page of a claim, without its variant.
pub(super) fn page(verdict: &Verdict) -> String {
    slug(&format!("/claim/{}/{}/{}", verdict.paper, verdict.study, verdict.claim))
}

fn address(verdict: &Verdict) -> String {
    format!("{}?variant={}", page(verdict), slug(&verdict.variant))
}

/// An estimate with its unit.
pub(super) fn with_unit(estimate: &str, unit: &str) -> String {
    if unit.is_empty() { estimate.to_owned() } else { format!("{estimate} {unit}") }
}

/// What the reader must know beside the word: expectation, detectable difference, command.
pub(super) fn notes(
    input: &Input<'_>,
    verdict: &Verdict,
    progress: Progress,
    changed: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    if progress == Progress::NotRun {
        notes.push(run_command(input));
        return notes;
    }
    if changed {
        notes.push("claim changed since this verdict".to_owned());
    }
    if progress == Progress::Done {
        if let (Some(expected), Some(false)) = (verdict.expected, verdict.as_expected()) {
            notes.push(format!("expected: {}", expected.word()));
        }
        if verdict.answer == Answer::Inconclusive {
            notes.push(undecided(verdict).unwrap_or_else(|| would_detect(verdict)));
        }
    }
    notes
}

/// Which tests of several are open: they share no unit in which a difference could be told. Their
/// findings are the flags of the verdict, `test 2: inconclusive, ..`.
fn undecided(verdict: &Verdict) -> Option<String> {
    let open = |flag: &String| {
        let (test, found) = flag.split_once(": ")?;
        let words = [Answer::Inconclusive.word(), Answer::NoVerdict.word()];
        words.iter().any(|word| found.starts_with(word)).then(|| test.to_owned())
    };
    let open: Vec<String> = verdict.flags.iter().filter_map(open).collect();
    (verdict.out_of().is_some() && !open.is_empty())
        .then(|| format!("undecided: {}", open.join(", ")))
}

fn would_detect(verdict: &Verdict) -> String {
    match verdict.detectable.as_ref().filter(|detectable| detectable.value.is_finite()) {
        Some(detectable) => {
            format!("would detect {} {}", look::shown(detectable.value), detectable.unit)
                .trim_end()
                .to_owned()
        }
        None => "detectable difference unknown".to_owned(),
    }
}

/// Cells that left no number, by status.
pub(super) fn failed(verdict: &Verdict) -> String {
    let count: usize = verdict.failed.values().sum();
    let parts: Vec<String> =
        verdict.failed.iter().map(|(status, count)| format!("{count} {status}")).collect();
    if count == 0 {
        String::new()
    } else {
        format!("{} without a number: {}", plural(count, "cell"), parts.join(", "))
    }
}

/// The command that runs a study at its size.
pub(super) fn run_command(input: &Input<'_>) -> String {
    let study = input.study;
    format!(
        "converge run {}{}",
        study_argument(&study.paper, &study.name),
        size(&study.size.to_string())
    )
}

/// The command that answers a claim again.
pub(super) fn check_command(verdict: &Verdict) -> String {
    let study = study_argument(&verdict.paper, &verdict.study);
    format!("converge check {study}{} --claim {}", size(&verdict.size), quoted(&verdict.claim))
}

fn study_argument(paper: &str, study: &str) -> String {
    quoted(&format!("{paper}/{study}"))
}

fn size(size: &str) -> String {
    if size == "default" { String::new() } else { format!(" --{size}") }
}

/// A word that a shell takes as one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Distance of the estimate from the threshold in half-widths, positive where the claim holds.
fn evidence(verdict: &Verdict) -> f64 {
    let half = (verdict.upper - verdict.lower) / 2.0;
    let distance = verdict.estimate - verdict.threshold;
    let inside = match verdict.side {
        Side::Above => distance,
        Side::Below => -distance,
        Side::Within => verdict.margin - distance.abs(),
    };
    if half > 0.0 { inside / half } else { 1e9 * inside.signum() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::forest::tests::verdict;

    #[test]
    fn commands_survive_a_shell() {
        let mut hostile = verdict("it's; rm -r x", Answer::Refuted, [1.0, 0.9, 1.1, 1.0], "s");
        hostile.size = "quick".into();
        assert_eq!(
            check_command(&hostile),
            "converge check admm-softmax/generalisation --quick --claim 'it'\\''s; rm -r x'"
        );
    }

    #[test]
    fn evidence_is_positive_where_the_claim_holds_and_grows_with_certainty() {
        let below = |low: f64, high: f64| {
            evidence(&verdict(
                "C",
                Answer::Supported,
                [f64::midpoint(low, high), low, high, 1.0],
                "s",
            ))
        };
        assert!(below(0.4, 0.6) > below(0.2, 0.8) && below(0.2, 0.8) > 0.0);
        assert!(below(1.2, 1.4) < 0.0);
        let mut within = verdict("C", Answer::Supported, [0.1, 0.0, 0.2, 0.0], "s");
        within.side = Side::Within;
        within.margin = 0.5;
        assert!(evidence(&within) > 0.0);
    }

    #[test]
    fn an_inconclusive_verdict_always_says_what_it_could_have_found() {
        let open = verdict("C", Answer::Inconclusive, [1.0, 0.9, 1.1, 1.0], "s");
        assert_eq!(would_detect(&open), "detectable difference unknown");
        assert_eq!(undecided(&open), None);
        let mut several = open;
        several.unit = "of 3".into();
        several.flags = ["test 1: inconclusive, 0.1 [0, 0.2], loss", "test 3: no verdict"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(undecided(&several).as_deref(), Some("undecided: test 1, test 3"));
    }
}
