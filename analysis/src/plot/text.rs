//! Text of figures: a tiny markup, measured and placed run by run.
//!
//! `*x*` is oblique, `!x!` bold, `_{k}` lowered, `^{−2}` raised; a backslash makes the next
//! character plain. Whatever does not parse is shown as it stands.

use super::font::{self, Slant};
use super::style::{Color, PT};

/// Size of raised and lowered text, as a share of the size.
const SCRIPT: f64 = 0.70;
const RAISE: f64 = 0.36;
const LOWER: f64 = -0.16;

/// A piece of a label in one face and one size.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// What it says.
    pub text: String,
    /// Face.
    pub slant: Slant,
    /// Size as a share of the label's.
    pub scale: f64,
    /// Baseline above the label's, in em of the label.
    pub raise: f64,
}

impl Run {
    /// Advance in em of the label.
    pub fn width(&self) -> f64 {
        font::width(&self.text, self.slant) * self.scale
    }
}

/// A label that knows its size: parsed markup at a size in points.
#[derive(Clone, PartialEq, Debug)]
pub struct Label {
    /// Pieces from left to right.
    pub runs: Vec<Run>,
    /// Size in units of 10 µm.
    pub size: f64,
    /// Color.
    pub color: Color,
}

impl Label {
    /// Parses `markup` for a label of `points` pt.
    pub fn new(markup: &str, points: f64, color: Color) -> Self {
        Self { runs: parse(markup), size: points * PT, color }
    }

    /// Width in units of 10 µm.
    pub fn width(&self) -> f64 {
        self.runs.iter().map(Run::width).sum::<f64>() * self.size
    }

    /// Height from the baseline to the top of a capital, in units of 10 µm.
    pub fn cap(&self) -> f64 {
        font::CAP_HEIGHT * self.size
    }

    /// Made smaller until it is at most `room` wide, to `least` pt at the least.
    #[must_use]
    pub fn narrowed(mut self, room: f64, least: f64) -> Self {
        while self.width() > room && self.size > least * PT + 1e-9 {
            self.size = (self.size - 0.2 * PT).max(least * PT);
        }
        self
    }

    /// Plain names of one size, `points` pt or less, so that each is at most `room` wide; what is too
    /// wide at `least` pt is cut.
    pub fn column(names: &[(&str, Color)], points: f64, least: f64, room: f64) -> Vec<Self> {
        let whole = |&(name, color): &(&str, Color)| Self::new(&escape(name), points, color);
        let sizes = names.iter().map(|name| whole(name).narrowed(room, least).size);
        let size = sizes.fold(points * PT, f64::min) / PT;
        names.iter().map(|(name, color)| Self::cut(name, size, *color, room)).collect()
    }

    /// Plain `text` at `points` pt, cut with `…` (at a word, where one ends in its second half) so
    /// that it is at most `room` wide.
    pub fn cut(text: &str, points: f64, color: Color, room: f64) -> Self {
        let whole = Self::new(&escape(text), points, color);
        if whole.width() <= room {
            return whole;
        }
        let mut kept: Vec<char> = text.chars().collect();
        loop {
            kept.pop();
            let shown: String = kept.iter().collect();
            let word = shown.rfind(' ').filter(|&at| at > shown.len() / 2);
            let shown = &shown[..word.unwrap_or(shown.len())];
            let label = Self::new(&format!("{}…", escape(shown)), points, color);
            if label.width() <= room || kept.is_empty() {
                return label;
            }
        }
    }

    /// The characters without markup.
    pub fn plain(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }
}

/// Makes `text` stand for itself in markup.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '!' | '_' | '^' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A column's name in words, in markup: parts that are names of Greek letters become the letters, ratios
/// of signals go by their capitals.
pub fn spoken(column: &str) -> String {
    let word = |word: &str| match word {
        "theta" => "*θ*".to_owned(),
        "omega" => "*ω*".to_owned(),
        "psnr" | "snr" | "ssim" => word.to_uppercase(),
        _ => escape(word),
    };
    column.split('-').map(word).collect::<Vec<_>>().join(" ")
}

/// A power of ten as axes write it: `1`, `10`, `10^{−3}`.
pub fn power_of_ten(exponent: i32) -> String {
    match exponent {
        0 => "1".to_owned(),
        1 => "10".to_owned(),
        _ => format!("10^{{{}}}", minus(&exponent.to_string())),
    }
}

/// The same number with true minus signs.
pub fn minus(number: &str) -> String {
    number.replace('-', "−")
}

/// The characters of `markup` without it.
pub fn plain(markup: &str) -> String {
    parse(markup).into_iter().map(|run| run.text).collect()
}

/// Whether a character is never written: controls would make the drawing malformed, a mark of
/// reading direction would turn the rest of the text around.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}'..='\u{ffff}')
}

fn parse(markup: &str) -> Vec<Run> {
    let chars: Vec<char> = markup.chars().filter(|c| !is_hidden(*c)).collect();
    let mut runs: Vec<Run> = Vec::new();
    let (mut oblique, mut bold) = (false, false);
    let mut script: Option<f64> = None;
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        let next = chars.get(i + 1);
        match c {
            '\\' if next.is_some() => {
                push(&mut runs, chars[i + 1], oblique, bold, script);
                i += 1;
            }
            '*' if oblique || closes(&chars, i, '*') => oblique = !oblique,
            '!' if bold || closes(&chars, i, '!') => bold = !bold,
            '_' | '^' if script.is_none() && next == Some(&'{') && closes(&chars, i, '}') => {
                script = Some(if c == '^' { RAISE } else { LOWER });
                i += 1;
            }
            '}' if script.is_some() => script = None,
            _ => push(&mut runs, c, oblique, bold, script),
        }
        i += 1;
    }
    runs
}

fn closes(chars: &[char], from: usize, mark: char) -> bool {
    chars[from + 1..].contains(&mark)
}

fn push(runs: &mut Vec<Run>, c: char, oblique: bool, bold: bool, script: Option<f64>) {
    let slant = match (bold, oblique) {
        (true, _) => Slant::Bold,
        (_, true) => Slant::Oblique,
        _ => Slant::Regular,
    };
    let (scale, raise) = script.map_or((1.0, 0.0), |raise| (SCRIPT, raise));
    match runs.last_mut() {
        Some(last) if last.slant == slant && last.raise.to_bits() == raise.to_bits() => {
            last.text.push(c);
        }
        _ => runs.push(Run { text: c.to_string(), slant, scale, raise }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::style::INK;

    fn words(markup: &str) -> Vec<(String, Slant, f64)> {
        parse(markup).into_iter().map(|run| (run.text, run.slant, run.raise)).collect()
    }

    #[test]
    fn markup_becomes_runs() {
        assert_eq!(
            words("gap *f*(*x*_{k}) 10^{−2}"),
            vec![
                ("gap ".into(), Slant::Regular, 0.0),
                ("f".into(), Slant::Oblique, 0.0),
                ("(".into(), Slant::Regular, 0.0),
                ("x".into(), Slant::Oblique, 0.0),
                ("k".into(), Slant::Regular, LOWER),
                (") 10".into(), Slant::Regular, 0.0),
                ("−2".into(), Slant::Regular, RAISE),
            ]
        );
    }

    #[test]
    fn unfinished_markup_and_escapes_stand_as_they_are() {
        for text in ["a*b", "x_k", "y^2", "z^{2", "5!", "a\\"] {
            assert_eq!(plain(text), text);
        }
        let hostile = "*a*_{b}^{c}!d!\\";
        assert_eq!(plain(&escape(hostile)), hostile);
    }

    #[test]
    fn controls_and_direction_marks_vanish() {
        assert_eq!(plain("a\u{202e}b\nc\u{0}"), "abc");
    }

    #[test]
    fn long_text_is_cut_at_a_word_and_long_labels_become_smaller() {
        let room = Label::new("a short label", 7.0, INK).width();
        let cut = Label::cut("a short label that goes on and on", 7.0, INK, room);
        assert_eq!(cut.plain(), "a short…");
        assert_eq!(Label::cut("a short label", 7.0, INK, room).plain(), "a short label");
        let narrowed = Label::new("a longer label than that", 7.0, INK).narrowed(room, 4.9);
        assert!(narrowed.width() > room && (narrowed.size - 4.9 * PT).abs() < 1e-9);
        assert!(Label::new("a short labels", 7.0, INK).narrowed(room, 4.9).width() <= room);
    }

    #[test]
    fn a_label_is_as_wide_as_its_runs() {
        let label = Label::new("10^{2}", 7.0, INK);
        let expected = (3.0 * 0.572 - 0.572 + 0.7 * 0.572) * 7.0 * PT;
        assert!((label.width() - expected).abs() < 1.0);
    }
}
