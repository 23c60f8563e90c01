//! Forest of verdicts: one row a claim, one small axis for each kind of statistic.

use super::axis::{Axis, Scale};
use super::geometry::{Point, Rect};
use super::number;
use super::scene::{About, Anchor, Scene, Stroke, TRIAL, axis_stroke};
use super::style::{
    Color, HOLDS, INCONCLUSIVE, INK, MM, NO_VERDICT, PAPER, PT, REFUTED, SOFT, SUPPORTED,
};
use super::text::{Label, escape};
use crate::verdict::{Answer, Side, Verdict};

const WIDTH: f64 = 178.0 * MM;
/// Of a row with one or two lines; longer claims make higher rows.
const ROW: f64 = 5.6 * MM;
const LINE: f64 = 2.44 * MM;
const LINES: usize = 4;
const HEAD: f64 = 5.2 * MM;
const FOOT: f64 = 7.4 * MM;
const TEXT: f64 = 6.0 * MM;
const LEFT: f64 = 73.8 * MM;
const RIGHT: f64 = 117.6 * MM;
const NUMBERS: f64 = 121.2 * MM;
const SEEDS: f64 = 157.2 * MM;
const WORD: f64 = 160.0 * MM;

/// Color of an answer.
pub fn color(answer: Answer) -> Color {
    match answer {
        Answer::Supported => SUPPORTED,
        Answer::Refuted => REFUTED,
        Answer::Inconclusive => INCONCLUSIVE,
        Answer::NoVerdict => NO_VERDICT,
    }
}

/// Where a claim holds, in the unit of its estimate.
pub fn holding(verdict: &Verdict) -> (f64, f64) {
    match verdict.side {
        Side::Above => (verdict.threshold, f64::INFINITY),
        Side::Below => (f64::NEG_INFINITY, verdict.threshold),
        Side::Within => (verdict.threshold - verdict.margin, verdict.threshold + verdict.margin),
    }
}

/// Draws the verdicts in their order, grouped by statistic.
pub fn draw(verdicts: &[&Verdict], trial: bool, about: About) -> Scene {
    // A claim that several variants answer is told apart by their names.
    let claim = |verdict: &Verdict| {
        let same = |other: &&&Verdict| other.claim == verdict.claim && other.study == verdict.study;
        let text = verdict.text.trim_end_matches('.');
        let variants = verdicts.iter().filter(same).count();
        Claim::new(
            verdict,
            &if variants > 1 { format!("{}: {text}", verdict.variant) } else { text.into() },
        )
    };
    let groups = groups(verdicts);
    let groups: Vec<Vec<(&Verdict, Claim)>> = groups
        .into_iter()
        .map(|group| group.into_iter().map(|v| (v, claim(v))).collect())
        .collect();
    let rows: f64 = groups.iter().flatten().map(|(_, claim)| claim.height()).sum();
    let top = if trial { TRIAL } else { 0.0 };
    let height = top + HEAD + rows + groups.len() as f64 * FOOT;
    let mut scene = Scene::new(WIDTH, (height / 10.0).round() * 10.0, about);
    if trial {
        scene.trial_mark();
    }
    head(&mut scene, top);
    let mut y = top + HEAD + 0.6 * MM;
    for group in groups {
        let first = group[0].0;
        let axis = axis(&group.iter().map(|(verdict, _)| *verdict).collect::<Vec<_>>());
        for (verdict, claim) in group {
            let height = claim.height();
            row(&mut scene, verdict, claim, &axis, y);
            y += height;
        }
        foot(&mut scene, first, &axis, y);
        y += FOOT;
    }
    scene
}

/// Name and words of a claim as they stand in its row.
struct Claim {
    name: Label,
    /// One line, or several smaller ones.
    lines: Vec<Label>,
}

impl Claim {
    fn new(verdict: &Verdict, text: &str) -> Self {
        let name = Label::new(&format!("!{}!", escape(&verdict.claim)), 7.0, INK);
        let room = LEFT - Self::start(&name) - 2.0 * MM;
        let whole = Label::new(&escape(text), 7.0, INK);
        if whole.width() <= room {
            return Self { name, lines: vec![whole] };
        }
        let fits = |words: &str| Label::new(&escape(words), 6.2, INK).width() <= room;
        let mut lines = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let ends = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]);
            // A word that is too long for a line is cut.
            let at = ends.clone().filter(|&at| fits(&rest[..at])).max();
            let at = at.or_else(|| ends.min()).unwrap_or(rest.len());
            let last = lines.len() + 1 == LINES;
            let line = if last { rest } else { &rest[..at] };
            lines.push(Label::cut(line, 6.2, INK, room));
            rest = rest[line.len()..].trim_start();
        }
        Self { name, lines }
    }

    /// Where the words begin.
    fn start(name: &Label) -> f64 {
        (0.4 * MM + name.width() + 1.6 * MM).max(TEXT)
    }

    fn height(&self) -> f64 {
        match self.lines.len() {
            ..=2 => ROW,
            lines => lines as f64 * LINE + 1.2 * MM,
        }
    }

    fn draw(self, scene: &mut Scene, middle: f64) {
        let start = Self::start(&self.name);
        scene.text_level((0.4 * MM, middle), Anchor::Start, self.name);
        let mut y = middle - (self.lines.len() - 1) as f64 / 2.0 * LINE;
        for line in self.lines {
            scene.text_level((start, y), Anchor::Start, line);
            y += LINE;
        }
    }
}

/// Whether the estimate is a share of the seeds. A claim on a magnitude becomes one where a run has
/// no finite number: then its statistic still names the magnitude.
fn is_share(verdict: &Verdict) -> bool {
    matches!(verdict.procedure.as_str(), "win test" | "sign test")
        || verdict.statistic.contains("share of")
}

/// Verdicts of one statistic and unit share an axis.
fn groups<'a>(verdicts: &[&'a Verdict]) -> Vec<Vec<&'a Verdict>> {
    let mut groups: Vec<Vec<&Verdict>> = Vec::new();
    for verdict in verdicts {
        let key = |v: &Verdict| (v.statistic.clone(), v.unit.clone(), is_share(v));
        let same = |other: &Verdict| key(other) == key(verdict);
        match groups.iter_mut().find(|group| same(group[0])) {
            Some(group) => group.push(verdict),
            None => groups.push(vec![verdict]),
        }
    }
    groups
}

fn axis(group: &[&Verdict]) -> Axis {
    if group.iter().all(|v| is_share(v)) {
        return Axis::over(Scale::Linear, [0.0, 1.0].into_iter(), LEFT, RIGHT);
    }
    if let Some(count) = group[0].out_of() {
        let ticks = (0..=count).map(|k| (f64::from(k), k.to_string())).collect();
        return Axis::named(-0.25, f64::from(count) + 0.25, ticks).moved(LEFT, RIGHT);
    }
    let values = || {
        group.iter().flat_map(|v| {
            let (low, high) = holding(v);
            let threshold = if v.side == Side::Within { [low, high] } else { [v.threshold; 2] };
            [v.estimate, v.lower, v.upper].into_iter().chain(threshold).filter(|x| x.is_finite())
        })
    };
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
    };
    let (mut low, mut high) = ends(&mut values());
    // Sizes far below their limits: an interval that reaches 0 leaves a log axis at its end.
    let sizes = ends(&mut group.iter().flat_map(|v| [v.estimate, v.threshold]));
    if low <= 0.0 && sizes.0 > 0.0 && sizes.1 > 20.0 * sizes.0 {
        (low, high) = (sizes.0 / 10.0, high.max(sizes.1));
    }
    let is_ratio =
        group.iter().all(|v| v.statistic.contains("ratio") || v.statistic.contains("factor"));
    let scale = match low > 0.0 {
        // Ratios up to a few doublings are read in powers of two.
        true if is_ratio && high / low < 100.0 => Scale::Log2,
        true if is_ratio || high / low > 20.0 => Scale::Log,
        _ => Scale::Linear,
    };
    let room = if scale.is_log() {
        [low / (high / low).powf(0.08), high * (high / low).powf(0.08)]
    } else {
        [low - 0.08 * (high - low), high + 0.08 * (high - low)]
    };
    let mut axis = Axis::over(scale, room.into_iter().filter(|v| v.is_finite()), LEFT, RIGHT);
    axis.fine = true;
    axis
}

fn head(scene: &mut Scene, top: f64) {
    let y = top + 3.1 * MM;
    let word = |text: &str| Label::new(text, 7.0, SOFT);
    scene.text((0.4 * MM, y), Anchor::Start, word("claim"));
    scene.text((f64::midpoint(LEFT, RIGHT), y), Anchor::Middle, word("holds in the shaded region"));
    scene.text((NUMBERS, y), Anchor::Start, word("estimate [interval]"));
    scene.text((SEEDS, y), Anchor::End, word("seeds"));
    scene.text((WORD, y), Anchor::Start, word("verdict"));
    scene.line(vec![(0.0, top + HEAD - 0.7 * MM), (WIDTH, top + HEAD - 0.7 * MM)], axis_stroke());
}

fn row(scene: &mut Scene, verdict: &Verdict, claim: Claim, axis: &Axis, y: f64) {
    let bottom = y + claim.height();
    let middle = f64::midpoint(y, bottom);
    let color = color(verdict.answer);
    let place = |value: f64| {
        if value == f64::INFINITY {
            return RIGHT;
        }
        axis.place(value).unwrap_or(LEFT).clamp(LEFT, RIGHT)
    };
    let (low, high) = holding(verdict);
    let cell = Rect {
        left: place(low),
        right: place(high),
        top: y + 0.25 * MM,
        bottom: bottom - 0.25 * MM,
    };
    scene.area(cell.corners().to_vec(), HOLDS, 100);
    for end in [low, high].into_iter().filter(|end| end.is_finite()) {
        let x = place(end);
        scene.line(vec![(x, cell.top), (x, cell.bottom)], Stroke::solid(INK, 0.8));
    }
    if verdict.estimate.is_finite() {
        scene.interval(place(verdict.lower), place(verdict.upper), middle, color);
        mark(scene, verdict.answer, (place(verdict.estimate), middle));
        if let (Answer::Inconclusive, Some(detectable)) = (verdict.answer, &verdict.detectable) {
            let centre = verdict.threshold;
            let ends = if axis.scale().is_log() {
                [centre * detectable.value, centre / detectable.value]
            } else {
                [centre + detectable.value, centre - detectable.value]
            };
            for x in ends.into_iter().filter_map(|end| axis.place(end)) {
                if (LEFT..=RIGHT).contains(&x) {
                    let tick = vec![(x, cell.top + 0.5 * MM), (x, cell.bottom - 0.5 * MM)];
                    scene.line(tick, Stroke::dots(INCONCLUSIVE, 0.7));
                }
            }
        }
    }
    claim.draw(scene, middle);
    let numbers = Label::new(&shown(verdict), 7.0, INK);
    scene.text_level(
        (NUMBERS, middle),
        Anchor::Start,
        numbers.narrowed(SEEDS - NUMBERS - 9.0 * MM, 4.9),
    );
    scene.text_level(
        (SEEDS, middle),
        Anchor::End,
        Label::new(&verdict.seeds.to_string(), 7.0, INK),
    );
    let word = Label::new(&format!("!{}!", verdict.answer.word()), 7.0, color);
    scene.text_level((WORD, middle), Anchor::Start, word);
}

/// Estimate and interval with the power of ten that they share written once, or out of how many
/// they count.
fn shown(verdict: &Verdict) -> String {
    let text = estimate(verdict);
    if verdict.out_of().is_some() {
        let (count, interval) = text.split_once(' ').unwrap_or((&text, ""));
        return format!("{count} {} {interval}", verdict.unit).trim_end().to_owned();
    }
    let power = |part: &str| part.rsplit_once('·').map(|(_, power)| power.to_owned());
    let parts: Vec<&str> =
        text.split([' ', '[', ',', ']']).filter(|part| !part.is_empty()).collect();
    match parts.first().and_then(|part| power(part)) {
        Some(shared)
            if parts.len() == 3
                && parts.iter().all(|part| power(part).as_ref() == Some(&shared)) =>
        {
            let bare: Vec<&str> =
                parts.iter().filter_map(|part| Some(part.rsplit_once('·')?.0)).collect();
            format!("({} [{}, {}])·{shared}", bare[0], bare[1], bare[2])
        }
        _ => text,
    }
}

/// Estimate and interval in markup.
pub fn estimate(verdict: &Verdict) -> String {
    if !verdict.estimate.is_finite() {
        return "–".to_owned();
    }
    let values = [verdict.estimate, verdict.lower, verdict.upper];
    let [estimate, lower, upper] = if verdict.out_of().is_some() {
        values.map(number::short)
    } else {
        number::interval(values[0], values[1], values[2])
    };
    if verdict.lower >= verdict.upper {
        return estimate;
    }
    format!("{estimate} [{lower}, {upper}]")
}

/// The mark of an answer: disc, filled diamond, hollow square.
pub fn mark(scene: &mut Scene, answer: Answer, at: Point) {
    let color = color(answer);
    let r = 2.3 * PT;
    let diamond =
        |r: f64| vec![(at.0, at.1 - r), (at.0 + r, at.1), (at.0, at.1 + r), (at.0 - r, at.1)];
    let square = |r: f64| {
        vec![(at.0 - r, at.1 - r), (at.0 + r, at.1 - r), (at.0 + r, at.1 + r), (at.0 - r, at.1 + r)]
    };
    match answer {
        Answer::Supported => scene.disc(at, 2.0 * PT, color),
        Answer::Refuted => scene.area(diamond(1.2 * r), color, 100),
        Answer::Inconclusive | Answer::NoVerdict => {
            scene.area(square(0.85 * r), color, 100);
            scene.area(square(0.45 * r), PAPER, 100);
        }
    }
}

fn foot(scene: &mut Scene, first: &Verdict, axis: &Axis, y: f64) {
    scene.line(vec![(LEFT, y), (RIGHT, y)], axis_stroke());
    let mut labels: Vec<(f64, Label)> = Vec::new();
    for tick in axis.ticks() {
        let length = if tick.major { 2.0 * PT } else { 1.2 * PT };
        scene.line(vec![(tick.at, y), (tick.at, y + length)], Stroke::solid(INK, 0.5));
        labels.extend(tick.label.map(|text| (tick.at, Label::new(&text, 6.5, INK))));
    }
    // Every label, or every second, or …: the closest that keeps them apart. Zero stays.
    let is_zero = |label: &Label| label.plain().chars().all(|c| matches!(c, '0' | '.'));
    let zero = labels.iter().position(|(_, label)| is_zero(label)).unwrap_or(0);
    let apart = |stride: &usize| {
        let kept: Vec<_> = labels.iter().skip(zero % stride).step_by(*stride).collect();
        kept.windows(2).all(|pair| {
            pair[1].0 - pair[0].0 > f64::midpoint(pair[0].1.width(), pair[1].1.width()) + 1.2 * MM
        })
    };
    let stride = (1..=labels.len().max(1)).find(apart).unwrap_or(1);
    let mut leftmost = LEFT;
    for (at, label) in labels.into_iter().skip(zero % stride).step_by(stride) {
        leftmost = leftmost.min(at - label.width() / 2.0);
        scene.text((at, y + 3.2 * MM), Anchor::Middle, label);
    }
    let unit = match (first.unit.as_str(), axis.factor) {
        ("", 0) => String::new(),
        (unit, 0) => format!(", {}", escape(unit)),
        (unit, factor) => format!(", {} {}", super::text::power_of_ten(factor), escape(unit)),
    };
    let share = is_share(first) && !first.statistic.contains("share of");
    let statistic = format!("{}{}", if share { "share of wins, " } else { "" }, first.statistic);
    let label = Label::new(&format!("{}{unit}", escape(&statistic)), 6.5, SOFT);
    let right = (LEFT - 4.2 * MM).min(leftmost - 1.6 * MM);
    let label = label.narrowed(right - 0.4 * MM, 4.9);
    scene.text((right, y + 3.2 * MM), Anchor::End, label);
}

#[cfg(test)]
#[path = "forest_tests.rs"]
pub(crate) mod tests;
