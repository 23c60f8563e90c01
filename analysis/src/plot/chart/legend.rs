//! A strip of names above the axes: samples of the lines, as many rows as they need.

use super::Line;
use crate::plot::geometry::Rect;
use crate::plot::scene::{Anchor, Scene, Stroke};
use crate::plot::style::{Color, INK, MM, Marker};
use crate::plot::text::{Label, escape};

const ROW: f64 = 3.8 * MM;
const SAMPLE: f64 = 6.0 * MM;
const GAP: f64 = 1.2 * MM;
const BETWEEN: f64 = 3.5 * MM;

/// What stands beside a name.
#[derive(Clone, PartialEq, Debug)]
pub enum Sample {
    /// A piece of line with its marker.
    Line(Color, &'static [f64], Option<Marker>),
    /// A filled box: color and opacity in hundredths.
    Fill(Color, u8),
}

/// A name with its sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The sample.
    pub sample: Sample,
    /// The name, plain.
    pub name: String,
}

impl Entry {
    /// The entry of a line.
    pub fn of(line: &Line) -> Self {
        let (look, dash) = line.look();
        let sample = Sample::Line(look.color, dash, Some(look.marker));
        Self { sample, name: line.name.clone() }
    }

    fn label(&self, room: f64) -> Label {
        Label::new(&escape(&self.name), 7.0, INK).narrowed(room - self.sample_width() - GAP, 4.9)
    }

    fn sample_width(&self) -> f64 {
        if matches!(self.sample, Sample::Fill(..)) { 0.5 * SAMPLE } else { SAMPLE }
    }
}

/// Entries to rows that are at most `room` wide: their indices, and where each begins.
fn rows(entries: &[Entry], room: f64) -> Vec<Vec<(usize, f64)>> {
    let mut rows: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    let mut used = 0.0;
    for (i, entry) in entries.iter().enumerate() {
        let width = entry.sample_width() + GAP + entry.label(room).width();
        if used > 0.0 && used + width > room {
            rows.push(Vec::new());
            used = 0.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((i, used));
        }
        used += width + BETWEEN;
    }
    rows
}

/// Height of the strip.
pub fn height(entries: &[Entry], room: f64) -> f64 {
    ROW * rows(entries, room).len() as f64
}

/// Draws the strip with its upper left corner at `at`.
pub fn draw(scene: &mut Scene, entries: &[Entry], at: (f64, f64), room: f64) {
    for (r, row) in rows(entries, room).iter().enumerate() {
        let y = at.1 + ROW * (r as f64 + 0.3);
        for &(i, begin) in row {
            let entry = &entries[i];
            let (x, width) = (at.0 + begin, entry.sample_width());
            match entry.sample {
                Sample::Line(color, dash, marker) => {
                    let stroke = Stroke::dashed(color, 1.1, dash).with_dash_at(width / 2.0);
                    scene.line(vec![(x, y), (x + width, y)], stroke);
                    if let Some(marker) = marker {
                        scene.marker((x + width / 2.0, y), marker, color);
                    }
                }
                Sample::Fill(color, alpha) => {
                    let half = 0.9 * MM;
                    let area = Rect { left: x, right: x + width, top: y - half, bottom: y + half };
                    scene.cell(&area, color, alpha);
                }
            }
            scene.text_level((x + width + GAP, y), Anchor::Start, entry.label(room));
        }
    }
}
