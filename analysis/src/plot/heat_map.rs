//! A number over two categories: colored cells with their values, a bar for the colors, failures
//! hatched, the claimed region outlined.

use super::axis::{Axis, Scale};
use super::colormap::{Colormap, text_on};
use super::frame::{self, Frame};
use super::geometry::{Rect, clip_line};
use super::number;
use super::scene::{About, Anchor, Scene, Stroke, TRIAL, axis_stroke};
use super::style::{Color, INK, MM, PAPER, PT, SOFT};
use super::text::Label;

/// What a cell shows.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// A number.
    Value(f64),
    /// Why there is none.
    Failed(String),
    /// Never run.
    Missing,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct HeatMap {
    /// Labels from left to right, in markup.
    pub columns: Vec<String>,
    /// Labels from bottom to top, in markup.
    pub rows: Vec<String>,
    /// Cells of each row, in the order of both.
    pub cells: Vec<Vec<Cell>>,
    /// Titles of columns and rows.
    pub titles: (String, String),
    /// Title of the numbers with their unit.
    pub title: String,
    /// Scale of the colors; [`Scale::Log2`] for ratios.
    pub scale: Scale,
    /// Columns and rows, first and last, of the claimed region.
    pub region: Option<[(usize, usize); 2]>,
    /// Said at the bottom right.
    pub note: String,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// Width of the color bar and its distance from the cells.
const BAR: f64 = 2.6 * MM;
const BAR_GAP: f64 = 2.4 * MM;

/// Draws the map.
pub fn draw(data: &HeatMap) -> Scene {
    let width = data.width * MM;
    let trial = if data.trial { TRIAL } else { 0.0 };
    let values = data.cells.iter().flatten().filter_map(|cell| match cell {
        Cell::Value(value) => Some(*value),
        _ => None,
    });
    let map = Colormap::over(data.scale, values);
    let y = categories(&data.rows);
    let (least, most) = map.range();
    let bar = Axis::over(data.scale, [least, most].into_iter(), 30.0 * MM, 0.0);
    let left = Frame::left_margin(&y);
    let right = width - BAR_GAP - BAR - bar_margin(&bar);
    let step = (right - left) / data.columns.len().max(1) as f64;
    // Cells are at most square, and never too low for their numbers.
    let row = (0.68 * step).clamp(4.2 * MM, 9.0 * MM);
    let top = 1.8 * MM + trial;
    let bottom = top + row * data.rows.len() as f64;
    let rect = Rect { left, top, right, bottom };
    let frame = Frame::new(rect, categories(&data.columns), y);
    let mut scene = Scene::new(width, (bottom + 8.6 * MM).round(), data.about.clone());
    let area = |column: usize, line: usize| Rect {
        left: left + step * column as f64,
        right: left + step * (column + 1) as f64,
        top: bottom - row * (line + 1) as f64,
        bottom: bottom - row * line as f64,
    };
    for (line, cells) in data.cells.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            fill(&mut scene, cell, &area(column, line), &map);
        }
    }
    if let Some([(first, last), (low, high)]) = data.region {
        let (a, b) = (area(first, low), area(last, high));
        let region = Rect { left: a.left, bottom: a.bottom, right: b.right, top: b.top };
        scene.frame(&region.grown(-0.5 * PT), Stroke::solid(PAPER, 2.2));
        scene.frame(&region.grown(-0.5 * PT), Stroke::solid(INK, 1.1));
    }
    frame.draw_axes(&mut scene, &data.titles.0, &data.titles.1, &data.note);
    draw_bar(&mut scene, data, &map, &bar, &rect);
    if data.trial {
        scene.trial_mark();
    }
    scene
}

/// Categories at the middles of equal steps.
fn categories(names: &[String]) -> Axis {
    let middle = |(i, name): (usize, &String)| (i as f64 + 0.5, name.clone());
    Axis::named(0.0, names.len().max(1) as f64, names.iter().enumerate().map(middle).collect())
}

fn fill(scene: &mut Scene, cell: &Cell, area: &Rect, map: &Colormap) {
    let inner = area.grown(-0.15 * PT);
    let middle = (f64::midpoint(area.left, area.right), f64::midpoint(area.top, area.bottom));
    let room = area.right - area.left - 1.2 * MM;
    match cell {
        Cell::Value(value) => {
            let color = map.color(*value);
            scene.cell(&inner, color, 100);
            if area.right - area.left >= 7.0 * MM {
                let text = number::rounded(*value, 2);
                let label = Label::new(&text, 6.5, text_on(color)).narrowed(room, 4.9);
                scene.text_level(middle, Anchor::Middle, label);
            }
        }
        Cell::Failed(reason) => {
            hatch(scene, &inner);
            let label = Label::cut(reason, 5.5, SOFT, room);
            let half = (label.width() / 2.0 + 0.5 * MM, label.cap() / 2.0 + 0.6 * MM);
            let patch = Rect {
                left: middle.0 - half.0,
                right: middle.0 + half.0,
                top: middle.1 - half.1,
                bottom: middle.1 + half.1,
            };
            scene.cell(&patch, PAPER, 100);
            scene.text_level(middle, Anchor::Middle, label);
        }
        Cell::Missing => {
            scene.text_level(middle, Anchor::Middle, Label::new("–", 6.5, SOFT));
        }
    }
}

/// Slanted lines over a box.
fn hatch(scene: &mut Scene, area: &Rect) {
    let step = 1.1 * MM;
    let (width, height) = (area.right - area.left, area.bottom - area.top);
    let count = ((width + height) / step) as usize;
    for i in 1..=count {
        let at = area.left + step * i as f64;
        let line = [(at, area.top), (at - height, area.bottom)];
        for piece in clip_line(&line, area) {
            scene.line(piece, Stroke::solid(HATCH, 0.5));
        }
    }
}

/// Lines of hatching: soft, so that the reason on it reads.
const HATCH: Color = super::style::REST;

/// Room that the bar's labels and title take at its right.
fn bar_margin(bar: &Axis) -> f64 {
    let widest = bar.ticks().into_iter().filter_map(|tick| tick.label);
    let widest = widest.map(|text| Label::new(&text, frame::TICK, INK).width()).fold(0.0, f64::max);
    4.2 * PT + widest + 1.0 * MM + frame::TITLE * PT + 0.4 * MM
}

fn draw_bar(scene: &mut Scene, data: &HeatMap, map: &Colormap, bar: &Axis, cells: &Rect) {
    let height = cells.bottom - cells.top;
    let (left, bottom) = (cells.right + BAR_GAP, cells.bottom);
    let right = left + BAR;
    let (least, most) = map.range();
    let along = |share: f64| match map.scale() {
        Scale::Linear => least + share * (most - least),
        _ => least * (most / least).powf(share),
    };
    let steps = 32;
    for i in 0..steps {
        let (from, to) = (f64::from(i) / f64::from(steps), f64::from(i + 1) / f64::from(steps));
        // Each over the last up to the top, so that no seam shows between two.
        let area = Rect { left, right, bottom: bottom - from * height, top: bottom - height };
        scene.cell(&area, map.color(along(f64::midpoint(from, to))), 100);
    }
    scene.frame(&Rect { left, right, top: bottom - height, bottom }, Stroke::solid(INK, 0.4));
    // The bar ends at the extreme numbers, its ticks at round ones.
    let place = |value: f64| {
        let share = match map.scale() {
            Scale::Linear => (value - least) / (most - least),
            _ => (value / least).ln() / (most / least).ln(),
        };
        bottom - share * height
    };
    let mut widest = 0.0_f64;
    let shown = bar.clone().moved(bottom, bottom - height);
    let mut last = f64::INFINITY;
    for tick in shown.ticks() {
        let Some(text) = tick.label else { continue };
        let value = shown.value(tick.at);
        let at = place(value);
        if at > bottom + 0.5 || at < bottom - height - 0.5 || last - at < 3.0 * MM {
            continue;
        }
        last = at;
        scene.line(vec![(right, at), (right + 2.0 * PT, at)], axis_stroke());
        let label = Label::new(&text, frame::TICK, INK);
        widest = widest.max(label.width());
        scene.text_level((right + 4.2 * PT, at), Anchor::Start, label);
    }
    let title = Label::new(&frame::with_factor(&data.title, bar.factor), frame::TITLE, INK);
    let title = title.narrowed(height + 8.0 * MM, 6.0);
    let centre = f64::midpoint(bottom - height, bottom).max(title.width() / 2.0 + 40.0);
    let baseline = right + 4.2 * PT + widest + 1.0 * MM + title.cap();
    scene.text_upright((baseline, centre), title);
}
