//! Axes on a page: spines, ticks, grid, titles.

use super::axis::Axis;
use super::geometry::{Point, Rect};
use super::scene::{Anchor, Scene, Stroke, axis_stroke};
use super::style::{GRID, INK, MM, PT, SOFT};
use super::text::Label;

/// Size of tick labels in pt.
pub const TICK: f64 = 7.0;
/// Size of axis titles in pt.
pub const TITLE: f64 = 8.0;
const GAP: f64 = 4.2 * PT;
const MAJOR: f64 = 3.0 * PT;
const MINOR: f64 = 1.6 * PT;

/// Two axes in a box.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Left, top, right and bottom of the axes.
    pub rect: Rect,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
}

impl Frame {
    /// Axes laid into `rect`.
    pub fn new(rect: Rect, x: Axis, y: Axis) -> Self {
        let (x, y) = (x.moved(rect.left, rect.right), y.moved(rect.bottom, rect.top));
        Self { rect, x, y }
    }

    /// The place of a pair of values; `None` where one of them has none.
    pub fn point(&self, x: f64, y: f64) -> Option<Point> {
        Some((self.x.place(x)?, self.y.place(y)?))
    }

    /// Horizontal lines at labelled ticks: drawn before everything else.
    pub fn draw_grid(&self, scene: &mut Scene) {
        for tick in self.y.ticks().iter().filter(|tick| tick.label.is_some()) {
            if (tick.at - self.rect.bottom).abs() > 1.0 {
                let line = vec![(self.rect.left, tick.at), (self.rect.right, tick.at)];
                scene.line(line, Stroke::solid(GRID, 0.4));
            }
        }
    }

    /// Left and bottom spine with their ticks, labels and titles, and a note at the bottom right.
    pub fn draw_axes(&self, scene: &mut Scene, x_title: &str, y_title: &str, note: &str) {
        self.draw_bottom(scene, x_title, note);
        self.draw_left(scene, y_title);
    }

    /// The bottom spine with its ticks, labels and title, and a note at the right.
    pub fn draw_bottom(&self, scene: &mut Scene, x_title: &str, note: &str) {
        let Rect { left, right, bottom, .. } = self.rect;
        self.draw_ticks(scene, true);
        let note = Label::new(note, 6.5, SOFT);
        let edge = scene.width - 1.2 * MM;
        let title = Label::new(&with_factor(x_title, self.x.factor), TITLE, INK);
        // Beside the note: centred on the axis where there is room, else as far left as it takes.
        let free = edge - note.width() - if note.runs.is_empty() { 0.0 } else { 2.0 * MM };
        let title = title.narrowed(free - 0.4 * MM, 6.5);
        let half = title.width() / 2.0;
        let middle = f64::midpoint(left, right).min(free - half).max(0.4 * MM + half);
        scene.text((middle, bottom + 7.5 * MM), Anchor::Middle, title);
        scene.text((edge, bottom + 7.5 * MM), Anchor::End, note);
    }

    /// The bottom spine with its ticks, and their labels if `labelled`.
    pub fn draw_ticks(&self, scene: &mut Scene, labelled: bool) {
        let Rect { left, right, bottom, .. } = self.rect;
        scene.line(vec![(left, bottom), (right, bottom)], axis_stroke());
        for tick in self.x.ticks() {
            let length = if tick.major { MAJOR } else { MINOR };
            let width = if tick.major { 0.6 } else { 0.45 };
            let line = vec![(tick.at, bottom), (tick.at, bottom + length)];
            scene.line(line, Stroke::solid(INK, width));
            if let Some(text) = tick.label.filter(|_| labelled) {
                let label = Label::new(&text, TICK, INK);
                // Raised exponents do not pull the label off its tick.
                scene.text((tick.at, bottom + GAP + label.cap() + 0.6 * PT), Anchor::Middle, label);
            }
        }
    }

    /// The left spine with its ticks, labels and title.
    pub fn draw_left(&self, scene: &mut Scene, y_title: &str) {
        let Rect { left, top, bottom, .. } = self.rect;
        // Over the corner, so that it is closed.
        scene.line(vec![(left, top), (left, bottom + 0.3 * PT)], axis_stroke());
        let mut widest = 0.0_f64;
        for tick in self.y.ticks() {
            let length = if tick.major { MAJOR } else { MINOR };
            let width = if tick.major { 0.6 } else { 0.45 };
            scene.line(vec![(left - length, tick.at), (left, tick.at)], Stroke::solid(INK, width));
            if let Some(text) = &tick.label {
                let label = Label::new(text, TICK, INK);
                widest = widest.max(label.width());
                scene.text_level((left - GAP, tick.at), Anchor::End, label);
            }
        }
        let title = Label::new(&with_factor(y_title, self.y.factor), TITLE, INK);
        let title = title.narrowed(bottom - top + 9.0 * MM, 6.5);
        let descent = super::font::DESCENT * title.size;
        let baseline = left - GAP - widest - 1.1 * MM - descent;
        let reach = title.width() / 2.0;
        let centre = f64::midpoint(top, bottom).max(reach + 40.0);
        scene.text_upright((baseline, centre), title);
    }

    /// What has to be free at the left of the axes for ticks and title.
    pub fn left_margin(y: &Axis) -> f64 {
        let widest = y
            .ticks()
            .iter()
            .filter_map(|tick| tick.label.as_ref())
            .map(|text| Label::new(text, TICK, INK).width())
            .fold(0.0, f64::max);
        (GAP + widest + 1.1 * MM + (super::font::DESCENT + 0.76) * TITLE * PT + 0.4 * MM)
            .max(11.4 * MM)
    }

    /// What has to be free at the right of the axes for the last tick label.
    pub fn right_margin(x: &Axis) -> f64 {
        let last = x
            .ticks()
            .into_iter()
            .filter_map(|tick| tick.label)
            .next_back()
            .map_or(0.0, |text| Label::new(&text, TICK, INK).width());
        (last / 2.0 + 0.5 * MM).max(1.2 * MM)
    }
}

/// A title with the power of ten that the labels leave out.
pub fn with_factor(title: &str, factor: i32) -> String {
    if factor == 0 {
        return title.to_owned();
    }
    let power = super::text::power_of_ten(factor);
    // A unit follows the factor; a title without unit gets one.
    match title.rsplit_once(", ") {
        Some((name, unit)) => format!("{name}, {power} {unit}"),
        None => format!("{title}, {power}"),
    }
}
