//! The verdict table of a terminal: one claim a row, numbers never cut, columns aligned over the
//! whole run.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

use crate::claim::Answer;
use crate::verdict::{Side, Verdict, exit_code};

/// Cells of the evidence strip.
const STRIP: usize = 17;
/// From this width on the table has its wide form.
const WIDE: usize = 120;

/// Renders verdicts for `width` cells, with 16-color codes and Unicode if asked. `width` below 40
/// counts as 40.
pub fn render(verdicts: &[Verdict], width: usize, colors: bool, unicode: bool) -> String {
    let style = Style { width: width.max(40), colors, unicode };
    let mut lines = Vec::new();
    let rows: Vec<Row> = verdicts.iter().map(|verdict| Row::of(verdict, &style)).collect();
    let column =
        |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).width()).max().unwrap_or(0);
    let widths = Widths {
        claim: column(|row| &row.claim),
        estimate: column(|row| &row.estimate),
        interval: column(|row| &row.interval),
        statistic: column(|row| &row.statistic).min(30),
        threshold: column(|row| &row.threshold),
        seeds: column(|row| &row.seeds),
        variant: column(|row| &row.variant),
    };
    let variants = verdicts.iter().any(|verdict| verdict.variant != verdicts[0].variant);
    let mut group = None;
    for (verdict, row) in verdicts.iter().zip(&rows) {
        if group != Some(&verdict.paper) {
            group = Some(&verdict.paper);
            lines.push(style.head(verdicts, verdict));
        }
        style.row(verdict, row, &widths, variants, &mut lines);
    }
    lines.extend(style.summary(verdicts));
    lines.iter().map(|line| style.spelled(line.trim_end()) + "\n").collect()
}

struct Style {
    width: usize,
    colors: bool,
    unicode: bool,
}

/// The texts of one row, before they are aligned.
struct Row {
    claim: String,
    estimate: String,
    interval: String,
    statistic: String,
    threshold: String,
    seeds: String,
    variant: String,
}

#[derive(Default)]
struct Widths {
    claim: usize,
    estimate: usize,
    interval: usize,
    statistic: usize,
    threshold: usize,
    seeds: usize,
    variant: usize,
}

impl Row {
    fn of(verdict: &Verdict, style: &Style) -> Self {
        let [estimate, lower, upper] = numbers(verdict);
        let unit = if verdict.unit.is_empty() { "" } else { " " };
        let relation = match verdict.side {
            Side::Above => "> ",
            Side::Below => "< ",
            Side::Within => "within ",
        };
        let limit = if verdict.side == Side::Within { verdict.margin } else { verdict.threshold };
        let measured = verdict.answer != Answer::NoVerdict;
        Self {
            claim: verdict.claim.clone(),
            estimate: if measured {
                format!("{estimate}{unit}{}", verdict.unit)
            } else {
                "–".to_owned()
            },
            interval: if measured { format!("[{lower}, {upper}]") } else { String::new() },
            statistic: style.cut(&verdict.statistic, 30),
            threshold: if measured { format!("{relation}{}", short(limit)) } else { String::new() },
            seeds: verdict.seeds.to_string(),
            variant: verdict.variant.clone(),
        }
    }
}

impl Style {
    /// Paper at the left, level at the right. The budget is by fixed weights.
    fn head(&self, verdicts: &[Verdict], verdict: &Verdict) -> String {
        let mine = || verdicts.iter().filter(|other| other.paper == verdict.paper);
        let claims: std::collections::BTreeSet<(&str, &str)> =
            mine().map(|verdict| (verdict.study.as_str(), verdict.claim.as_str())).collect();
        let trial =
            if mine().any(|verdict| verdict.trial) { "trial of the machinery, " } else { "" };
        let right = format!("{trial}fixed weights, {}", plural(claims.len(), "claim"));
        let gap = self.width.saturating_sub(verdict.paper.width() + right.width()).max(2);
        format!("{}{}{}", verdict.paper, " ".repeat(gap), self.painted("2", &right))
    }

    fn row(
        &self,
        verdict: &Verdict,
        row: &Row,
        widths: &Widths,
        variants: bool,
        lines: &mut Vec<String>,
    ) {
        let (symbol, color) = match verdict.answer {
            Answer::Supported => ("✓", "32"),
            Answer::Refuted => ("✗", "31"),
            Answer::Inconclusive => ("?", "35"),
            Answer::NoVerdict => ("–", "2"),
        };
        let symbol = pad(&self.spelled(symbol), if self.unicode { 1 } else { 2 });
        let word = pad(verdict.answer.word(), 12);
        let left = symbol.width() + 1 + widths.claim + 1;
        let mut line = format!(
            "{} {} {} {} {}",
            self.painted(color, &symbol),
            pad(&row.claim, widths.claim),
            self.painted(color, &word),
            pad(&row.estimate, widths.estimate),
            pad(&row.interval, widths.interval),
        );
        let mut used = left + 12 + 1 + widths.estimate + 1 + widths.interval;
        if self.width >= WIDE {
            let extra = format!(
                " {} {} {} {} {}",
                Self::strip(verdict),
                pad(&row.threshold, widths.threshold),
                pad(&row.seeds, widths.seeds),
                pad(&row.variant, widths.variant),
                pad(&row.statistic, widths.statistic),
            );
            used += extra.width();
            line.push_str(&extra);
        } else if variants {
            used += 1 + widths.variant;
            line.push(' ');
            line.push_str(&pad(&row.variant, widths.variant));
        }
        let indent = " ".repeat(left);
        let room = self.width.saturating_sub(used + 1);
        if room >= 16 {
            line.push(' ');
            line.push_str(&self.cut(&verdict.text, room));
            lines.push(line);
        } else {
            lines.push(line);
            lines.push(format!("{indent}{}", self.cut(&verdict.text, self.width - left)));
        }
        for note in notes(verdict) {
            let note = self.cut(&note, self.width - left);
            lines.push(format!("{indent}{}", self.painted("2", &note)));
        }
    }

    /// Where the interval lies against the threshold: `│` threshold, `●` estimate.
    fn strip(verdict: &Verdict) -> String {
        let mut cells = vec!['·'; STRIP];
        let middle = STRIP / 2;
        let (lower, upper) = (verdict.lower, verdict.upper);
        let known = verdict.answer != Answer::NoVerdict && verdict.threshold.is_finite();
        let reach = [lower, upper, verdict.estimate]
            .into_iter()
            .filter(|x| x.is_finite())
            .map(|x| (x - verdict.threshold).abs())
            .fold(verdict.margin.abs(), f64::max);
        if !known || reach <= 0.0 {
            return cells.into_iter().collect();
        }
        // The side that holds is at the right.
        let sign = if verdict.side == Side::Below { -1.0 } else { 1.0 };
        let place = |x: f64| {
            let share = (sign * (x - verdict.threshold) / reach).clamp(-1.0, 1.0);
            (middle as f64 + share * middle as f64).round() as usize
        };
        let (from, to) = (place(lower).min(place(upper)), place(lower).max(place(upper)));
        for cell in &mut cells[from..=to] {
            *cell = '═';
        }
        if verdict.side == Side::Within {
            cells[place(verdict.threshold - verdict.margin)] = '│';
            cells[place(verdict.threshold + verdict.margin)] = '│';
        } else {
            cells[middle] = '│';
        }
        if verdict.estimate.is_finite() {
            cells[place(verdict.estimate)] = '●';
        }
        cells.into_iter().collect()
    }

    fn summary(&self, verdicts: &[Verdict]) -> Vec<String> {
        let count = |answer: Answer| verdicts.iter().filter(|v| v.answer == answer).count();
        let parts: Vec<String> =
            [Answer::Supported, Answer::Refuted, Answer::Inconclusive, Answer::NoVerdict]
                .into_iter()
                .filter(|answer| count(*answer) > 0)
                .map(|answer| format!("{} {}", count(answer), answer.word()))
                .collect();
        let surprises = verdicts.iter().filter(|v| v.as_expected() == Some(false)).count();
        let mut line = plural(verdicts.len(), "verdict");
        if !parts.is_empty() {
            line += &format!(": {}", parts.join(", "));
        }
        line.push('.');
        if surprises > 0 {
            line += &format!(" {surprises} not as expected.");
        }
        match exit_code(verdicts, false) {
            0 => {}
            code => line += &format!(" (exit {code})"),
        }
        let mut lines = vec![line];
        if verdicts.iter().any(|verdict| verdict.trial) {
            lines.push("trial: quick size, no verdict on the paper.".to_owned());
        }
        lines.extend(self.next(verdicts));
        lines
    }

    /// The command that would make the open verdicts clear: four times the seeds halve an interval,
    /// so twice the most seeds used is the next sensible step.
    fn next(&self, verdicts: &[Verdict]) -> Option<String> {
        let open: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.is_open()).collect();
        let first = open.first()?;
        let seeds = 2 * open.iter().map(|verdict| verdict.seeds).max()?.max(SEEDS_HINT);
        let mut names: Vec<&str> = open.iter().map(|verdict| verdict.claim.as_str()).collect();
        names.dedup();
        let studies: BTreeSet<(&str, &str)> =
            open.iter().map(|v| (v.paper.as_str(), v.study.as_str())).collect();
        // By name: a study may stand in a folder of its paper's folder.
        let path = if studies.len() > STUDIES_HINT {
            format!("figures/{}", first.paper)
        } else {
            let names = studies.iter().map(|(paper, study)| format!("{paper}/{study}"));
            names.collect::<Vec<_>>().join(" ")
        };
        let size = if first.trial { " --quick" } else { "" };
        let head = format!("next: converge run {path}{size} --seeds {seeds}");
        let names = self.cut(&names.join(", "), self.width.saturating_sub(head.width() + 5).max(8));
        Some(format!("{head}   {}", self.painted("2", &format!("({names})"))))
    }

    /// Cuts a text at a word to at most `cells` cells, with an ellipsis.
    fn cut(&self, text: &str, cells: usize) -> String {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let spelled = self.spelled(&text);
        if spelled.width() <= cells {
            return spelled;
        }
        let ellipsis = self.spelled("…");
        let room = cells.saturating_sub(ellipsis.width());
        let mut kept = String::new();
        for word in spelled.split_inclusive(' ') {
            if (kept.clone() + word.trim_end()).width() > room {
                break;
            }
            kept.push_str(word);
        }
        if kept.is_empty() {
            for c in spelled.chars() {
                if (kept.clone() + &c.to_string()).width() > room {
                    break;
                }
                kept.push(c);
            }
        }
        kept.trim_end().to_owned() + &ellipsis
    }

    /// The text in the terminal's alphabet.
    fn spelled(&self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        text.chars()
            .map(|c| match c {
                '✓' => "ok".to_owned(),
                '✗' => "NO".to_owned(),
                '?' if text == "?" => "??".to_owned(),
                '–' if text == "–" => "--".to_owned(),
                '…' => "..".to_owned(),
                '–' | '−' => "-".to_owned(),
                '·' => ".".to_owned(),
                '│' => "|".to_owned(),
                '═' => "=".to_owned(),
                '●' => "o".to_owned(),
                c if c.is_ascii() => c.to_string(),
                _ => "?".to_owned(),
            })
            .collect()
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colors { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Most studies that a hint names one by one.
const STUDIES_HINT: usize = 3;
/// Fewest seeds that a hint starts from.
const SEEDS_HINT: usize = 10;

/// What stands under a row: the detectable difference, the expectation, the flags.
fn notes(verdict: &Verdict) -> Vec<String> {
    let mut first = Vec::new();
    if verdict.answer == Answer::Inconclusive
        && let Some(detectable) = verdict.detectable.as_ref().filter(|d| d.value.is_finite())
    {
        let unit = if detectable.unit.is_empty() { "" } else { " " };
        first.push(format!("would detect {}{unit}{}", short(detectable.value), detectable.unit));
    }
    if let Some(expected) = verdict.expected
        && expected != verdict.answer
    {
        first.push(format!("expected {}", expected.word()));
    }
    let first = (!first.is_empty()).then(|| first.join("; "));
    let failed = (!verdict.failed.is_empty()).then(|| {
        let parts: Vec<String> =
            verdict.failed.iter().map(|(word, count)| format!("{count} {word}")).collect();
        parts.join(", ")
    });
    first.into_iter().chain(verdict.flags.iter().cloned()).chain(failed).collect()
}

/// Estimate and ends with the same decimals, so many that the interval's width has two digits;
/// the lower end rounded down, the upper up, so that what is printed holds what was computed.
fn numbers(verdict: &Verdict) -> [String; 3] {
    let (estimate, lower, upper) = (verdict.estimate, verdict.lower, verdict.upper);
    if verdict.out_of().is_some() {
        return [estimate, lower, upper].map(|count| fixed(count, 0, f64::round, false));
    }
    let width = if (upper - lower).is_finite() && upper > lower {
        upper - lower
    } else {
        estimate.abs().max(f64::MIN_POSITIVE)
    };
    let largest = [estimate, lower, upper]
        .into_iter()
        .filter(|x| x.is_finite())
        .fold(0.0_f64, |largest, x| largest.max(x.abs()));
    let digits = 1 - width.log10().floor() as i32;
    // Past five decimals or six digits before the point the exponent is written.
    if largest > 0.0 && (digits > 6 || largest >= 1e6) {
        let exponent = largest.log10().floor() as i32;
        let decimals = (digits + exponent).clamp(1, 6);
        // What would be rounded up to 10.0 has the next exponent.
        let unit = 10.0_f64.powi(decimals);
        let next = i32::from((largest / 10.0_f64.powi(exponent) * unit).ceil() >= 10.0 * unit);
        let (exponent, digits) = (exponent + next, decimals + next);
        return [
            scientific(estimate, exponent, digits, f64::round),
            scientific(lower, exponent, digits, f64::floor),
            scientific(upper, exponent, digits, f64::ceil),
        ];
    }
    let digits = digits.clamp(0, 6);
    let sign = lower < 0.0;
    [
        fixed(estimate, digits, f64::round, sign),
        fixed(lower, digits, f64::floor, sign),
        fixed(upper, digits, f64::ceil, sign),
    ]
}

/// `x` with `digits` decimals, rounded by `round`; with a sign if `signed`.
fn fixed(x: f64, digits: i32, round: impl Fn(f64) -> f64, signed: bool) -> String {
    if x.is_nan() {
        return "–".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "+∞" } else { "−∞" }.to_owned();
    }
    let scale = 10.0_f64.powi(digits);
    let places = x * scale;
    // A number that already has these decimals keeps them, whatever the rounding.
    let nearest = places.round();
    let close = (places - nearest).abs() <= 4.0 * f64::EPSILON * places.abs();
    let rounded = if close { nearest } else { round(places) } / scale;
    let text = format!("{:.*}", digits as usize, rounded.abs());
    let zero = !text.chars().any(|c| c.is_ascii_digit() && c != '0');
    let sign = if zero {
        ""
    } else if rounded < 0.0 {
        "−"
    } else if signed {
        "+"
    } else {
        ""
    };
    format!("{sign}{text}")
}

/// `x` over ten to the `exponent`, with its exponent.
fn scientific(x: f64, exponent: i32, digits: i32, round: impl Fn(f64) -> f64) -> String {
    if !x.is_finite() {
        return fixed(x, 0, round, false);
    }
    let mantissa = fixed(x / 10.0_f64.powi(exponent), digits, round, false);
    format!("{mantissa}e{exponent}").replace("e-", "e−")
}

/// A number in passing: three digits.
pub(crate) fn short(x: f64) -> String {
    if !x.is_finite() {
        return fixed(x, 0, f64::round, false);
    }
    let magnitude = x.abs();
    if magnitude > 0.0 && !(1e-3..1e5).contains(&magnitude) {
        let text = format!("{x:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        return format!("{mantissa}e{exponent}").replace('-', "−");
    }
    let digits = if magnitude > 0.0 { (2 - magnitude.log10().floor() as i32).max(0) } else { 0 };
    let text = format!("{x:.*}", digits as usize);
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    text.replace('-', "−")
}

fn pad(text: &str, cells: usize) -> String {
    format!("{text}{}", " ".repeat(cells.saturating_sub(text.width())))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::tests::verdict;

    fn three() -> Vec<Verdict> {
        let mut first = verdict("C1", Answer::Supported, Some(Answer::Supported));
        first.text = "ADMM-Softmax reaches the target in fewer data passes than SGD.".into();
        (first.estimate, first.lower, first.upper) = (0.43, 0.3612, 0.5191);
        (first.threshold, first.margin, first.side) = (1.0, 0.0, Side::Below);
        let second = verdict("C2", Answer::Inconclusive, Some(Answer::Supported));
        let mut third = verdict("C3", Answer::Refuted, Some(Answer::Supported));
        third.text = "It beats Newton–CG.".into();
        (third.estimate, third.lower, third.upper) = (1.46, 1.184, 1.826);
        (third.threshold, third.margin, third.side) = (1.0, 0.0, Side::Below);
        vec![first, second, third]
    }

    #[test]
    fn eighty_columns_cut_text_and_never_numbers() {
        let text = render(&three(), 80, false, true);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| line.width() <= 80), "{text}");
        assert!(lines[1].starts_with("✓ C1 supported    0.43 "), "{text}");
        assert!(text.contains("[0.36, 0.52]") && text.contains("[−0.06, +0.21]"), "{text}");
        assert!(text.contains("would detect 0.15; expected supported"), "{text}");
        assert!(lines[1].ends_with('…'), "{text}");
        assert!(text.contains("3 verdicts: 1 supported, 1 refuted, 1 inconclusive."), "{text}");
        assert!(text.contains("2 not as expected. (exit 4)"), "{text}");
        assert!(text.contains("next: converge run admm-softmax/generalisation"));
    }

    #[test]
    fn a_hundred_and_twenty_columns_show_the_evidence() {
        let text = render(&three(), 120, false, true);
        assert!(text.lines().all(|line| line.width() <= 120), "{text}");
        let strip = |line: &str| line.chars().filter(|c| "·═│●".contains(*c)).count();
        let rows: Vec<&str> = text.lines().filter(|line| strip(line) > 0).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| strip(row) == STRIP), "{text}");
        // The side that holds is at the right.
        let place = |row: &str, c: char| row.chars().position(|x| x == c).unwrap();
        assert!(place(rows[0], '●') > place(rows[0], '│'));
        assert!(place(rows[2], '●') < place(rows[2], '│'));
    }

    #[test]
    fn ascii_is_ascii_and_colors_change_no_text() {
        let plain = render(&three(), 80, false, false);
        assert!(plain.is_ascii(), "{plain}");
        assert!(plain.contains("ok C1") && plain.contains("?? C2") && plain.contains("NO C3"));
        let colored = render(&three(), 80, true, true);
        let mut stripped = colored.clone();
        for code in ["\u{1b}[0m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[35m"] {
            stripped = stripped.replace(code, "");
        }
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&stripped), trimmed(&render(&three(), 80, false, true)));
        assert!(colored.contains("\u{1b}[32m"));
    }

    #[test]
    fn printed_ends_hold_the_computed_interval() {
        let mut verdict = verdict("C1", Answer::Supported, None);
        (verdict.estimate, verdict.lower, verdict.upper) = (0.5, 0.4449, 0.5551);
        assert_eq!(numbers(&verdict), ["0.50", "0.44", "0.56"].map(str::to_owned));
        (verdict.estimate, verdict.lower, verdict.upper) = (2e-11, 1.04e-11, 3.01e-11);
        let [_, lower, upper] = numbers(&verdict);
        assert_eq!((lower.as_str(), upper.as_str()), ("1.0e−11", "3.1e−11"));
        (verdict.estimate, verdict.lower, verdict.upper) = (9.96e-11, 3.3e-11, 9.97e-11);
        assert_eq!(numbers(&verdict), ["1.00e−10", "0.33e−10", "1.00e−10"].map(str::to_owned));
        (verdict.estimate, verdict.lower, verdict.upper) = (1.0, f64::NEG_INFINITY, f64::INFINITY);
        let [_, lower, upper] = numbers(&verdict);
        assert_eq!((lower.as_str(), upper.as_str()), ("−∞", "+∞"));
    }

    #[test]
    fn a_count_has_no_decimals() {
        let mut verdict = verdict("C1", Answer::Inconclusive, None);
        (verdict.estimate, verdict.lower, verdict.upper) = (1.0, 1.0, 2.0);
        assert_eq!(numbers(&verdict), ["1.0", "1.0", "2.0"].map(str::to_owned));
        verdict.unit = "of 2".into();
        assert_eq!(numbers(&verdict), ["1", "1", "2"].map(str::to_owned));
    }

    #[test]
    fn no_verdicts_are_a_table_too() {
        assert_eq!(render(&[], 80, false, true), "0 verdicts.\n");
    }
}
