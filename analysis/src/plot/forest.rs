//! Forest of verdicts: one row a claim, one small axis for each kind of statistic.

use super::axis::{Axis, Scale};
use super::geometry::{Point, Rect};
use super::number;
use super::scene::{About, Anchor, Scene, Stroke, axis_stroke};
use super::style::{
    Color, HOLDS, INCONCLUSIVE, INK, MM, NO_VERDICT, PAPER, PT, REFUTED, SOFT, SUPPORTED,
};
use super::text::{Label, escape};
use crate::verdict::{Answer, Side, Verdict};

const WIDTH: f64 = 178.0 * MM;
const ROW: f64 = 5.6 * MM;
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
    let groups = groups(verdicts);
    let rows: usize = groups.iter().map(Vec::len).sum();
    let top = if trial { 3.0 * MM } else { 0.0 };
    let height = top + HEAD + rows as f64 * ROW + groups.len() as f64 * FOOT;
    let mut scene = Scene::new(WIDTH, (height / 10.0).round() * 10.0, about);
    if trial {
        scene.trial_mark();
    }
    head(&mut scene, top);
    let mut y = top + HEAD + 0.6 * MM;
    for group in groups {
        let axis = axis(&group);
        for verdict in &group {
            row(&mut scene, verdict, &axis, y);
            y += ROW;
        }
        foot(&mut scene, group[0], &axis, y);
        y += FOOT;
    }
    scene
}

/// Verdicts of one statistic and unit share an axis.
fn groups<'a>(verdicts: &[&'a Verdict]) -> Vec<Vec<&'a Verdict>> {
    let mut groups: Vec<Vec<&Verdict>> = Vec::new();
    for verdict in verdicts {
        let same =
            |other: &Verdict| other.statistic == verdict.statistic && other.unit == verdict.unit;
        match groups.iter_mut().find(|group| same(group[0])) {
            Some(group) => group.push(verdict),
            None => groups.push(vec![verdict]),
        }
    }
    groups
}

fn axis(group: &[&Verdict]) -> Axis {
    let values = || {
        group.iter().flat_map(|v| {
            let (low, high) = holding(v);
            let threshold = if v.side == Side::Within { [low, high] } else { [v.threshold; 2] };
            [v.estimate, v.lower, v.upper].into_iter().chain(threshold).filter(|x| x.is_finite())
        })
    };
    let (low, high) =
        values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let is_ratio =
        group.iter().all(|v| v.statistic.contains("ratio") || v.statistic.contains("factor"));
    let scale =
        if low > 0.0 && (is_ratio || high / low > 20.0) { Scale::Log } else { Scale::Linear };
    let room = match scale {
        Scale::Log => [low / (high / low).powf(0.08), high * (high / low).powf(0.08)],
        Scale::Linear => [low - 0.08 * (high - low), high + 0.08 * (high - low)],
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

fn row(scene: &mut Scene, verdict: &Verdict, axis: &Axis, y: f64) {
    let middle = y + ROW / 2.0;
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
        bottom: y + ROW - 0.25 * MM,
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
            let ends = if axis.scale() == Scale::Log {
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
    let identity = Label::new(&format!("!{}!", escape(&verdict.claim)), 7.0, INK);
    let start = (0.4 * MM + identity.width() + 1.6 * MM).max(TEXT);
    scene.text_level((0.4 * MM, middle), Anchor::Start, identity);
    let text = verdict.text.trim_end_matches('.');
    scene.text_level((start, middle), Anchor::Start, cut(text, 7.0, LEFT - start - 2.0 * MM));
    let numbers = Label::new(&estimate(verdict), 7.0, INK);
    scene.text_level(
        (NUMBERS, middle),
        Anchor::Start,
        narrowed(numbers, SEEDS - NUMBERS - 9.0 * MM),
    );
    scene.text_level(
        (SEEDS, middle),
        Anchor::End,
        Label::new(&verdict.seeds.to_string(), 7.0, INK),
    );
    let word = Label::new(&format!("!{}!", verdict.answer.word()), 7.0, color);
    scene.text_level((WORD, middle), Anchor::Start, word);
}

/// Estimate and interval in markup.
pub fn estimate(verdict: &Verdict) -> String {
    if !verdict.estimate.is_finite() {
        return "–".to_owned();
    }
    let [estimate, lower, upper] = number::interval(verdict.estimate, verdict.lower, verdict.upper);
    if verdict.lower >= verdict.upper {
        return estimate;
    }
    format!("{estimate} [{lower}, {upper}]")
}

fn narrowed(mut label: Label, room: f64) -> Label {
    while label.width() > room && label.size > 4.9 * PT {
        label.size -= 0.2 * PT;
    }
    label
}

/// A label cut at a word where it would be too wide.
fn cut(text: &str, size: f64, room: f64) -> Label {
    let whole = Label::new(&escape(text), size, INK);
    if whole.width() <= room {
        return whole;
    }
    let mut kept: Vec<char> = text.chars().collect();
    loop {
        kept.pop();
        let shown: String = kept.iter().collect();
        let at_word = shown.rfind(' ').filter(|&at| at > shown.len() / 2);
        let label = Label::new(
            &format!("{}…", escape(&shown[..at_word.unwrap_or(shown.len())])),
            size,
            INK,
        );
        if label.width() <= room || kept.is_empty() {
            return label;
        }
    }
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
    // Every label, or every second, or …: the closest that keeps them apart.
    let apart = |stride: &usize| {
        let kept: Vec<_> = labels.iter().step_by(*stride).collect();
        kept.windows(2).all(|pair| {
            pair[1].0 - pair[0].0 > f64::midpoint(pair[0].1.width(), pair[1].1.width()) + 1.2 * MM
        })
    };
    let stride = (1..=labels.len().max(1)).find(apart).unwrap_or(1);
    for (at, label) in labels.into_iter().step_by(stride) {
        scene.text((at, y + 3.2 * MM), Anchor::Middle, label);
    }
    let unit = match (first.unit.as_str(), axis.factor) {
        ("", 0) => String::new(),
        (unit, 0) => format!(", {}", escape(unit)),
        (unit, factor) => format!(", {} {}", super::text::power_of_ten(factor), escape(unit)),
    };
    let label = Label::new(&format!("{}{unit}", escape(&first.statistic)), 6.5, SOFT);
    let label = narrowed(label, LEFT - 6.0 * MM);
    scene.text((LEFT - 4.2 * MM, y + 3.2 * MM), Anchor::End, label);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plot::svg;

    pub(crate) fn verdict(
        claim: &str,
        answer: Answer,
        values: [f64; 4],
        statistic: &str,
    ) -> Verdict {
        let [estimate, lower, upper, threshold] = values;
        Verdict {
            paper: "admm-softmax".into(),
            study: "generalisation".into(),
            claim: claim.into(),
            text: "ADMM-Softmax reaches the target loss in fewer data passes than L-BFGS.".into(),
            place: "abstract".into(),
            hash: "9f3ce21a".into(),
            variant: "corrected".into(),
            size: "default".into(),
            trial: false,
            answer,
            expected: Some(Answer::Supported),
            kind: "ratio".into(),
            procedure: "paired interval of the mean".into(),
            statistic: statistic.into(),
            unit: String::new(),
            estimate,
            lower,
            upper,
            level: 0.95,
            threshold,
            margin: 0.0,
            side: Side::Below,
            p_support: Some(0.01),
            p_refute: Some(0.9),
            holm_support: None,
            holm_refute: None,
            seeds: 20,
            looks: 1,
            rows: Vec::new(),
            detectable: None,
            flags: Vec::new(),
            failed: std::collections::BTreeMap::new(),
            digest: "4b7d2e1f".into(),
            code: "c0de".into(),
            revision: "abc".into(),
            machine: "x".into(),
        }
    }

    pub(crate) fn sample() -> Vec<Verdict> {
        let mut inconclusive = verdict(
            "C7",
            Answer::Inconclusive,
            [0.91, 0.71, 1.17, 1.0],
            "paired ratio of time to target",
        );
        inconclusive.detectable =
            Some(crate::verdict::Detectable { value: 1.3, unit: "ratio".into() });
        let mut within =
            verdict("C5", Answer::Supported, [0.003, -0.009, 0.016, 0.0], "relative residual");
        within.side = Side::Within;
        within.margin = 0.02;
        within.expected = None;
        let mut none =
            verdict("C9", Answer::NoVerdict, [f64::NAN; 4], "difference of test accuracy");
        none.threshold = 0.0;
        none.seeds = 0;
        vec![
            verdict(
                "C2",
                Answer::Supported,
                [0.43, 0.36, 0.52, 1.0],
                "paired ratio of time to target",
            ),
            verdict(
                "C3",
                Answer::Refuted,
                [1.46, 1.18, 1.83, 1.0],
                "paired ratio of time to target",
            ),
            inconclusive,
            within,
            none,
        ]
    }

    #[test]
    fn every_row_has_claim_numbers_seeds_and_word() {
        let verdicts = sample();
        let scene = draw(&verdicts.iter().collect::<Vec<_>>(), true, About::default());
        let texts: Vec<String> = scene.label_boxes().into_iter().map(|(text, _)| text).collect();
        for wanted in [
            "C2",
            "C7",
            "0.43 [0.36, 0.52]",
            "supported",
            "refuted",
            "inconclusive",
            "no verdict",
            "–",
        ] {
            assert!(texts.iter().any(|text| text == wanted), "{wanted} in {texts:?}");
        }
        assert_eq!(
            svg::write(&scene),
            svg::write(&draw(&verdicts.iter().collect::<Vec<_>>(), true, About::default()))
        );
    }

    #[test]
    fn labels_of_a_forest_stay_apart_and_on_the_page() {
        let mut verdicts = sample();
        verdicts[0].claim = "C2-a-rather-long-name".into();
        verdicts[0].text = "word ".repeat(60);
        verdicts[1].estimate = 1.234_567e-12;
        let scene = draw(&verdicts.iter().collect::<Vec<_>>(), false, About::default());
        let boxes = scene.label_boxes();
        for (i, (one, a)) in boxes.iter().enumerate() {
            assert!(a.right <= scene.width && a.left >= 0.0 && a.bottom <= scene.height, "{one}");
            assert!(boxes[..i].iter().all(|(other, b)| a.gap(b) > 0.0 || one == other), "{one}");
        }
    }
}
