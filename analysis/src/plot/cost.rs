//! What methods cost: one bar a solver from 0, set-up and steps stacked, the total at its end.

use super::axis::{Axis, Scale};
use super::chart::legend::{self, Entry, Sample};
use super::frame::Frame;
use super::geometry::Rect;
use super::scene::{About, Anchor, Scene, Stroke, TRIAL};
use super::style::{self, Color, INK, MM, PAPER, PT};
use super::text::Label;

/// The cost of one solver.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Name of the curve.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Its parts in the order of [`Cost::parts`]; their sum is the total.
    pub parts: Vec<f64>,
    /// Interval of the total, if there is one.
    pub interval: Option<(f64, f64)>,
    /// What is to be said of it, such as `3/20 reached`.
    pub note: String,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Solvers in the order of the paper.
    pub bars: Vec<Bar>,
    /// Names of the parts.
    pub parts: Vec<String>,
    /// Title of the cost with its unit.
    pub title: String,
    /// Said at the bottom right.
    pub note: String,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

const ROW: f64 = 6.4 * MM;
/// Opacity of the parts, in hundredths: told apart on gray paper too.
const TONES: [u8; 4] = [100, 50, 22, 10];

/// Draws the bars.
pub fn draw(data: &Cost) -> Scene {
    let width = data.width * MM;
    let names: Vec<(&str, Color)> =
        data.bars.iter().map(|bar| (bar.name.as_str(), style::of(bar.place, 0).0.text)).collect();
    let names = Label::column(&names, 7.5, 5.5, 0.36 * width);
    let reach = |bar: &Bar| bar.interval.map_or(0.0, |i| i.1).max(bar.parts.iter().sum());
    let x = Axis::over(Scale::Linear, data.bars.iter().map(reach).chain([0.0]), 0.0, 0.4 * width);
    let decimals = decimals(data, &x);
    let ends: Vec<Label> = data.bars.iter().map(|bar| end(bar, x.factor, decimals)).collect();
    let widest = |labels: &[Label]| labels.iter().map(Label::width).fold(0.0, f64::max);
    let left = widest(&names) + 3.0 * MM;
    let parts: Vec<Entry> = data
        .parts
        .iter()
        .zip(TONES)
        .map(|(name, tone)| Entry { sample: Sample::Fill(INK, tone), name: name.clone() })
        .collect();
    let trial = if data.trial { TRIAL } else { 0.0 };
    let above = if parts.len() > 1 { legend::height(&parts, width - left) } else { 0.0 };
    let top = 1.8 * MM + trial + above;
    let bottom = top + ROW * data.bars.len() as f64;
    // The numbers stand behind the longest bar.
    let right = width - (widest(&ends) + 2.4 * MM).max(Frame::right_margin(&x));
    let rect = Rect { left, top, right, bottom };
    let y = Axis::named(0.0, 1.0, Vec::new());
    let frame = Frame::new(rect, x, y);
    let mut scene = Scene::new(width, (bottom + 8.6 * MM).round(), data.about.clone());
    if parts.len() > 1 {
        legend::draw(&mut scene, &parts, (left, 1.8 * MM + trial), width - left);
    }
    for (i, ((bar, name), end)) in data.bars.iter().zip(names).zip(ends).enumerate() {
        let middle = top + ROW * (i as f64 + 0.5);
        scene.text_level((left - 1.8 * MM, middle), Anchor::End, name);
        row(&mut scene, bar, &frame.x, middle);
        let behind = frame.x.place(reach(bar)).unwrap_or(left) + 1.4 * MM;
        scene.text_level((behind, middle), Anchor::Start, end);
    }
    frame.draw_bottom(&mut scene, &data.title, &data.note);
    scene.line(vec![(left, top), (left, bottom + 0.3 * PT)], super::scene::axis_stroke());
    if data.trial {
        scene.trial_mark();
    }
    scene
}

/// Decimals of the values, the same in all rows: one more than the axis has, and enough for a digit
/// of the smallest that is not 0.
fn decimals(data: &Cost, x: &Axis) -> usize {
    let totals = data.bars.iter().map(|bar| bar.parts.iter().sum::<f64>());
    let least = totals.filter(|total| *total > 0.0).fold(f64::INFINITY, f64::min);
    let needed = -(least / 10_f64.powi(x.factor)).log10().floor();
    (x.decimals() + 1).max(needed.clamp(0.0, 5.0) as usize)
}

/// Value and note at the end of a bar.
fn end(bar: &Bar, factor: i32, decimals: usize) -> Label {
    let total: f64 = bar.parts.iter().sum();
    let text = format!("{:.decimals$}", total / 10_f64.powi(factor));
    let between = if bar.note.is_empty() { "" } else { ", " };
    Label::new(&[&text, between, &super::text::escape(&bar.note)].concat(), 7.0, INK)
}

fn row(scene: &mut Scene, bar: &Bar, x: &Axis, middle: f64) {
    let color = style::of(bar.place, 0).0.color;
    let (upper, lower) = (middle - 0.28 * ROW, middle + 0.28 * ROW);
    let mut from = 0.0;
    for (part, tone) in bar.parts.iter().zip(TONES) {
        let ends = (x.place(from), x.place(from + part));
        from += part;
        if let (Some(left), Some(right)) = ends {
            scene.cell(&Rect { left, right, top: upper, bottom: lower }, color, tone);
        }
    }
    if let (Some(left), Some(right)) = (x.place(0.0), x.place(from)) {
        // An outline, or the lightest part would end nowhere on paper.
        scene.frame(&Rect { left, right, top: upper, bottom: lower }, Stroke::solid(color, 0.5));
    }
    if let Some((low, high)) =
        bar.interval.and_then(|(low, high)| Some((x.place(low)?, x.place(high)?)))
    {
        // A rim of paper, so that it is seen on the darkest bar.
        scene.line(vec![(low, middle), (high, middle)], Stroke::solid(PAPER, 1.8));
        scene.line(vec![(low, middle), (high, middle)], Stroke::solid(INK, 0.8));
        for end in [low, high] {
            let cap = vec![(end, middle - 1.6 * PT), (end, middle + 1.6 * PT)];
            scene.line(cap, Stroke::solid(INK, 0.8));
        }
    }
}
