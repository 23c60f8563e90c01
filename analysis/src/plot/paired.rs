//! Paired differences: left one line per seed between two solvers, right on an axis of its own the
//! effect with its interval, its bootstrap density and one dot per pair.

use super::axis::{Axis, Scale};
use super::curves::quantile;
use super::frame::{self, Frame};
use super::geometry::Rect;
use super::replicates::Column;
use super::scene::{About, Anchor, Scene, Stroke, TRIAL, axis_stroke};
use super::style::{self, Color, HOLDS, INK, MM, PAIR, PT, REFUTED, SOFT};
use super::text::Label;

/// What the pairs say together, in differences, or in ratios on a log scale.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The estimate.
    pub estimate: f64,
    /// Its interval.
    pub interval: (f64, f64),
    /// Bootstrap estimates: their density is drawn.
    pub resamples: Vec<f64>,
    /// Where the claim holds, infinite ends included.
    pub holds: (f64, f64),
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The two solvers; their numbers are matched by seed.
    pub columns: [Column; 2],
    /// Scale of the numbers: on a log scale pairs become ratios.
    pub scale: Scale,
    /// Title of the numbers with their unit.
    pub title: String,
    /// Larger is better.
    pub higher: bool,
    /// The effect; without it the pairs stand alone.
    pub effect: Option<Effect>,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// Width of the density.
const DENSITY: f64 = 8.0 * MM;

/// Finite pairs by seed, in the order of the first solver's seeds.
pub fn pairs(columns: &[Column; 2]) -> Vec<(f64, f64)> {
    let [first, second] = columns;
    let pair = |(seed, a): &(u64, f64)| {
        let b = second.values.iter().find(|(other, _)| other == seed)?.1;
        (a.is_finite() && b.is_finite()).then_some((*a, b))
    };
    first.values.iter().filter_map(pair).collect()
}

/// Draws the figure; `None` without a pair.
pub fn draw(data: &Paired) -> Option<Scene> {
    let pairs = pairs(&data.columns);
    if pairs.is_empty() {
        return None;
    }
    let log = data.scale.is_log() && pairs.iter().all(|(a, b)| *a > 0.0 && *b > 0.0);
    let width = data.width * MM;
    let height = 58.0 * MM;
    let trial = if data.trial { TRIAL } else { 0.0 };
    let (top, bottom) = (1.8 * MM + trial, height - 8.6 * MM);
    let scale = if log { Scale::Log } else { Scale::Linear };
    let values = pairs.iter().flat_map(|(a, b)| [*a, *b]);
    let mut y = Axis::over(scale, values, bottom, top);
    y.fine = true;
    let left = Frame::left_margin(&y);
    let split = if data.effect.is_some() { left + 0.5 * (width - left - 12.0 * MM) } else { width };
    let rect = Rect { left, top, right: split, bottom };
    let frame = Frame::new(rect, Axis::named(0.0, 1.0, Vec::new()), y);
    let mut scene = Scene::new(width, height, data.about.clone());
    frame.draw_grid(&mut scene);
    let worse = |a: f64, b: f64| if data.higher { a < b } else { a > b };
    lines(&mut scene, data, &pairs, &frame, &worse, log);
    frame.draw_left(&mut scene, &data.title);
    scene.line(vec![(left, bottom), (split, bottom)], axis_stroke());
    if let Some(effect) = &data.effect {
        let axis = effect_axis(effect, &pairs, log, (top, bottom));
        let right = width - right_margin(&axis);
        let area = Rect { left: split + 2.4 * MM, top, right, bottom };
        draw_effect(&mut scene, effect, &pairs, log, &axis, &area, &worse);
        let name = if log { "ratio" } else { "difference" };
        right_axis(&mut scene, &axis, &area, name, &data.title);
    }
    let note = Label::new(&format!("*n* = {}", pairs.len()), 6.5, SOFT);
    scene.text((width - 1.2 * MM, bottom + 7.5 * MM), Anchor::End, note);
    if data.trial {
        scene.trial_mark();
    }
    Some(scene)
}

fn lines(
    scene: &mut Scene,
    data: &Paired,
    pairs: &[(f64, f64)],
    frame: &Frame,
    worse: &dyn Fn(f64, f64) -> bool,
    log: bool,
) {
    let rect = frame.rect;
    let at = |share: f64| rect.left + share * (rect.right - rect.left);
    let (xa, xb) = (at(0.28), at(0.72));
    // The worse pairs last, so that none hides.
    for red in [false, true] {
        for &(a, b) in pairs.iter().filter(|(a, b)| worse(*a, *b) == red) {
            if let (Some(ya), Some(yb)) = (frame.y.place(a), frame.y.place(b)) {
                let color = if red { REFUTED } else { PAIR };
                scene.line(vec![(xa, ya), (xb, yb)], Stroke::solid(color, 0.6));
            }
        }
    }
    let ends = [pairs.iter().map(|p| p.0).collect(), pairs.iter().map(|p| p.1).collect()];
    let half = 0.5 * (rect.right - rect.left) - 0.6 * MM;
    let names: Vec<(&str, Color)> =
        data.columns.iter().map(|c| (c.name.as_str(), style::of(c.place, 0).0.text)).collect();
    let mut names = Label::column(&names, 7.5, 5.5, half).into_iter();
    for (i, (column, mut sorted)) in data.columns.iter().zip::<[Vec<f64>; 2]>(ends).enumerate() {
        sorted.sort_by(f64::total_cmp);
        let look = style::of(column.place, 0).0;
        let (x, side) = if i == 0 { (xa, -1.0) } else { (xb, 1.0) };
        summary(scene, &frame.y, x + side * 2.6 * MM, &sorted, log, look.color);
        let middle = at(0.25 + 0.5 * i as f64);
        if let Some(name) = names.next() {
            scene.text((middle, rect.bottom + 3.9 * MM), Anchor::Middle, name);
        }
    }
}

/// Median as a bar and quartiles as an interval at one x.
fn summary(scene: &mut Scene, y: &Axis, x: f64, sorted: &[f64], log: bool, color: Color) {
    let at = |share| y.place(quantile(sorted, share, log));
    if let (Some(a), Some(m), Some(b)) = (at(0.25), at(0.5), at(0.75)) {
        scene.line(vec![(x, a), (x, b)], Stroke::solid(color, 1.5));
        scene.line(vec![(x - 1.1 * MM, m), (x + 1.1 * MM, m)], Stroke::solid(color, 1.5));
    }
}

fn effects(pairs: &[(f64, f64)], log: bool) -> Vec<f64> {
    pairs.iter().map(|(a, b)| if log { a / b } else { a - b }).collect()
}

fn effect_axis(
    effect: &Effect,
    pairs: &[(f64, f64)],
    log: bool,
    (top, bottom): (f64, f64),
) -> Axis {
    let scale = if log { Scale::Log2 } else { Scale::Linear };
    let (low, high) = effect.interval;
    let shown = [effect.estimate, low, high, effect.holds.0, effect.holds.1];
    let same = if log { 1.0 } else { 0.0 };
    let values = effects(pairs, log).into_iter().chain(shown).chain([same]);
    Axis::over(scale, values.filter(|v| v.is_finite()), bottom, top)
}

/// Room for the labels and the title of the right-hand axis.
fn right_margin(axis: &Axis) -> f64 {
    let labels = axis.ticks().into_iter().filter_map(|tick| tick.label);
    let widest = labels.map(|text| Label::new(&text, frame::TICK, INK).width()).fold(0.0, f64::max);
    4.2 * PT + widest + 1.0 * MM + 0.76 * frame::TITLE * PT + 0.6 * MM
}

fn draw_effect(
    scene: &mut Scene,
    effect: &Effect,
    pairs: &[(f64, f64)],
    log: bool,
    axis: &Axis,
    area: &Rect,
    worse: &dyn Fn(f64, f64) -> bool,
) {
    let level =
        |value: f64, open: f64| axis.place(value).unwrap_or(open).clamp(area.top, area.bottom);
    let (low, high) = effect.holds;
    let holds = Rect { top: level(high, area.top), bottom: level(low, area.bottom), ..*area };
    scene.cell(&holds, HOLDS, 100);
    for y in [low, high].into_iter().filter_map(|end| axis.place(end)) {
        scene.line(vec![(area.left, y), (area.right, y)], Stroke::solid(INK, 0.8));
    }
    let same = if log { 1.0 } else { 0.0 };
    let is_drawn = [low, high].iter().any(|end| (end - same).abs() < 1e-12);
    if let Some(y) = axis.place(same).filter(|_| !is_drawn) {
        scene.line(vec![(area.left, y), (area.right, y)], Stroke::dots(SOFT, 0.6));
    }
    let base = area.right - 1.4 * MM - DENSITY;
    density(scene, &effect.resamples, axis, base);
    let (from, to) = (level(effect.interval.0, area.bottom), level(effect.interval.1, area.top));
    scene.line(vec![(base, from), (base, to)], Stroke::solid(INK, 1.5));
    for y in [from, to] {
        scene.line(vec![(base - 2.0 * PT, y), (base + 2.0 * PT, y)], Stroke::solid(INK, 1.0));
    }
    scene.disc((base, level(effect.estimate, area.bottom)), 2.0 * PT, INK);
    let count = pairs.len().max(2) as f64 - 1.0;
    let (left, room) = (area.left + 1.6 * MM, base - area.left - 4.6 * MM);
    for (rank, (&(a, b), effect)) in pairs.iter().zip(effects(pairs, log)).enumerate() {
        // Spread by rank of the seed: no generator, and the same seed at the same place.
        let x = left + room * rank as f64 / count;
        if let Some(y) = axis.place(effect) {
            scene.disc((x, y), 1.1 * PT, if worse(a, b) { REFUTED } else { PAIR });
        }
    }
}

/// Density of the resamples beside the interval: Gaussian kernels on paper, their width after
/// Silverman (1986, eq. 3.31).
fn density(scene: &mut Scene, resamples: &[f64], axis: &Axis, base: f64) {
    let mut places: Vec<f64> = resamples.iter().filter_map(|&value| axis.place(value)).collect();
    if places.len() < 10 {
        return;
    }
    places.sort_by(f64::total_cmp);
    let n = places.len() as f64;
    let mean = places.iter().sum::<f64>() / n;
    let deviation = (places.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let quarter = |share| quantile(&places, share, false);
    let spread = deviation.min((quarter(0.75) - quarter(0.25)) / 1.34);
    let kernel = 0.9 * spread * n.powf(-0.2);
    let (first, last) = (places[0], places[places.len() - 1]);
    if !(kernel > 0.0 && last > first) {
        return;
    }
    let steps = 60;
    let heights: Vec<(f64, f64)> = (0..=steps)
        .map(|i| first + (last - first) * f64::from(i) / f64::from(steps))
        .map(|y| {
            let near = places.partition_point(|p| *p < y - 4.0 * kernel);
            let within = places[near..].iter().take_while(|p| **p < y + 4.0 * kernel);
            let sum: f64 = within.map(|p| (-0.5 * ((p - y) / kernel).powi(2)).exp()).sum();
            (y, sum)
        })
        .collect();
    let most = heights.iter().map(|h| h.1).fold(0.0, f64::max);
    let mut outline: Vec<(f64, f64)> =
        heights.iter().map(|&(y, height)| (base + DENSITY * height / most, y)).collect();
    outline.insert(0, (base, first));
    outline.push((base, last));
    scene.area(outline, PAIR, 35);
}

/// The axis at the right, labels and title outside.
fn right_axis(scene: &mut Scene, axis: &Axis, area: &Rect, name: &str, title: &str) {
    scene.line(vec![(area.right, area.top), (area.right, area.bottom)], axis_stroke());
    let mut widest = 0.0_f64;
    for tick in axis.ticks() {
        let length = if tick.major { 3.0 * PT } else { 1.6 * PT };
        let width = if tick.major { 0.6 } else { 0.45 };
        let stroke = Stroke::solid(INK, width);
        scene.line(vec![(area.right, tick.at), (area.right + length, tick.at)], stroke);
        if let Some(text) = &tick.label {
            let label = Label::new(text, frame::TICK, INK);
            widest = widest.max(label.width());
            scene.text_level((area.right + 4.2 * PT, tick.at), Anchor::Start, label);
        }
    }
    // A ratio has no unit; a difference has that of its numbers.
    let unit = title.rsplit_once(", ").map(|(_, unit)| unit);
    let name = match unit {
        Some(unit) if name == "difference" => format!("{name}, {unit}"),
        _ => name.to_owned(),
    };
    let label = Label::new(&frame::with_factor(&name, axis.factor), frame::TITLE, INK);
    let label = label.narrowed(area.bottom - area.top, 6.0);
    let baseline = area.right + 4.2 * PT + widest + 1.0 * MM + label.cap();
    scene.text_upright((baseline, f64::midpoint(area.top, area.bottom)), label);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{samples, svg};

    #[test]
    fn every_pair_has_a_line_and_a_dot_and_worse_pairs_are_red() {
        let data = samples::paired();
        let worse = pairs(&data.columns).iter().filter(|(a, b)| a < b).count();
        assert!(worse > 0);
        let svg = svg::write(&draw(&data).unwrap());
        // A dot a pair and the disc of the estimate.
        assert_eq!(svg.matches("<circle").count(), pairs(&data.columns).len() + 1);
        let red = format!("stroke=\"{}\"", REFUTED.code());
        assert_eq!(svg.matches(&red).count(), worse);
    }

    #[test]
    fn seeds_without_a_partner_make_no_pair() {
        let mut data = samples::paired();
        data.columns[1].values.truncate(3);
        assert_eq!(pairs(&data.columns).len(), 3);
        data.columns[1].values.clear();
        assert!(draw(&data).is_none());
    }
}
