//! A density against its theory: step histogram with a pointwise band, the law as a line, and the
//! tails once more on a log scale.

use super::axis::{Axis, Scale};
use super::chart::legend::{self, Entry, Sample};
use super::frame::Frame;
use super::geometry::{Point, Rect, along, clip_line, clip_polygon};
use super::scene::{About, Anchor, Scene, Stroke, TRIAL};
use super::style::{self, INK, MM, PT};
use super::text::Label;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Density {
    /// Limits of the bins, one more than there are bins.
    pub edges: Vec<f64>,
    /// Density in each bin.
    pub heights: Vec<f64>,
    /// Lower and upper limit of each; empty without a band.
    pub band: (Vec<f64>, Vec<f64>),
    /// The law: places and densities; empty without one.
    pub theory: Vec<(f64, f64)>,
    /// Name of the histogram.
    pub name: String,
    /// Place of its solver in the paper.
    pub place: usize,
    /// Lines in the corner, in markup: the distance with its interval.
    pub words: Vec<String>,
    /// Title of x with its unit.
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

/// Width of a bin after Freedman and Diaconis (1981), `2 IQR n^{−1/3}`; `None` without spread.
pub fn bin_width(sorted: &[f64]) -> Option<f64> {
    let quarter = |share| crate::align::quantile(sorted, share);
    let width = 2.0 * (quarter(0.75) - quarter(0.25)) / (sorted.len() as f64).cbrt();
    (width > 0.0 && width.is_finite()).then_some(width)
}

/// Heights of the two panels.
const MAIN: f64 = 36.0 * MM;
const TAIL: f64 = 20.0 * MM;
const BETWEEN: f64 = 2.6 * MM;

/// Draws both panels.
pub fn draw(data: &Density) -> Scene {
    let width = data.width * MM;
    let look = style::of(data.place, 0).0;
    let mut entries = vec![Entry { sample: Sample::Fill(look.color, 20), name: data.name.clone() }];
    if !data.theory.is_empty() {
        entries.push(Entry { sample: Sample::Line(INK, &[], None), name: "theory".into() });
    }
    let trial = if data.trial { TRIAL } else { 0.0 };
    let strip = 1.8 * MM + trial;
    let top = strip + legend::height(&entries, width - 14.0 * MM);
    let x = Axis::over(Scale::Linear, data.edges.iter().copied(), 0.0, 1.0);
    let heights = || data.heights.iter().chain(&data.band.1).copied();
    let law = || data.theory.iter().map(|p| p.1);
    let main = Axis::over(Scale::Linear, heights().chain(law()).chain([0.0]), MAIN, 0.0);
    let least = data.heights.iter().copied().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
    let tails = heights().chain(law()).filter(|h| *h >= least / 3.0);
    let tail = Axis::over(Scale::Log, tails, TAIL, 0.0);
    let left = Frame::left_margin(&main).max(Frame::left_margin(&tail));
    let right = width - Frame::right_margin(&x.clone().moved(left, width));
    let upper = Rect { left, right, top, bottom: top + MAIN };
    let lower_top = upper.bottom + BETWEEN;
    let lower = Rect { left, right, top: lower_top, bottom: lower_top + TAIL };
    let mut scene = Scene::new(width, (lower.bottom + 8.6 * MM).round(), data.about.clone());
    legend::draw(&mut scene, &entries, (left, strip), width - 14.0 * MM);
    let upper = Frame::new(upper, x.clone(), main);
    let lower = Frame::new(lower, x, tail);
    for frame in [&upper, &lower] {
        frame.draw_grid(&mut scene);
        histogram(&mut scene, data, frame, look.color);
        for piece in theory(data, frame) {
            scene.line(piece, Stroke::solid(INK, 1.1));
        }
    }
    corner(&mut scene, data, &upper);
    upper.draw_ticks(&mut scene, false);
    upper.draw_left(&mut scene, "density");
    lower.draw_bottom(&mut scene, &data.title, &data.note);
    lower.draw_left(&mut scene, "tails");
    if data.trial {
        scene.trial_mark();
    }
    scene
}

fn theory(data: &Density, frame: &Frame) -> Vec<Vec<Point>> {
    let points = data.theory.iter().filter_map(|&(x, y)| frame.point(x, y));
    clip_line(&points.collect::<Vec<_>>(), &frame.rect)
}

/// Bars with an outline of steps, and a darker box from limit to limit in each.
fn histogram(scene: &mut Scene, data: &Density, frame: &Frame, color: style::Color) {
    let rect = frame.rect;
    let level =
        |height: f64| frame.y.place(height).map_or(rect.bottom, |y| y.clamp(rect.top, rect.bottom));
    let place = |edge: f64| frame.x.place(edge).unwrap_or(rect.left);
    let mut outline = Vec::new();
    for (edges, &height) in data.edges.windows(2).zip(&data.heights) {
        outline.extend([(place(edges[0]), level(height)), (place(edges[1]), level(height))]);
    }
    let (Some(first), Some(last)) = (outline.first().copied(), outline.last().copied()) else {
        return;
    };
    let mut area = vec![(first.0, rect.bottom)];
    area.extend(&outline);
    area.push((last.0, rect.bottom));
    scene.area(clip_polygon(&area, &rect), color, 20);
    for (i, edges) in data.edges.windows(2).enumerate() {
        let (Some(low), Some(high)) = (data.band.0.get(i), data.band.1.get(i)) else { continue };
        let (left, right) = (place(edges[0]), place(edges[1]));
        let cell = Rect { left, right, top: level(*high), bottom: level(*low) };
        if cell.bottom > cell.top {
            scene.cell(&cell, color, 35);
        }
    }
    scene.line(outline, Stroke::solid(color, 0.6));
}

/// Words in the upper corner that has more room.
fn corner(scene: &mut Scene, data: &Density, frame: &Frame) {
    let labels: Vec<Label> = data.words.iter().map(|text| Label::new(text, 7.0, INK)).collect();
    let widest = labels.iter().map(Label::width).fold(0.0, f64::max);
    let step = 3.1 * MM;
    let height = step * labels.len() as f64;
    let inside = frame.rect.grown(-1.2 * MM);
    let tops = data.edges.windows(2).zip(&data.heights).flat_map(|(edges, height)| {
        let y = frame.y.place(*height);
        edges.iter().filter_map(|&x| Some((frame.x.place(x)?, y?))).collect::<Vec<_>>()
    });
    let mut ink: Vec<Point> = tops.collect();
    ink.extend(theory(data, frame).iter().flat_map(|piece| along(piece, 0.0, 0.3 * MM)));
    let places = [inside.left, inside.right - widest].map(|left| {
        let area =
            Rect { left, right: left + widest, top: inside.top, bottom: inside.top + height };
        let free = ink.iter().map(|&p| area.distance(p)).fold(f64::INFINITY, f64::min);
        (free, left)
    });
    let left = if places[0].0 > places[1].0 { places[0].1 } else { places[1].1 };
    for (i, label) in labels.into_iter().enumerate() {
        let at = (left, inside.top + label.cap() + step * i as f64 + 0.2 * PT);
        scene.text(at, Anchor::Start, label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_follow_freedman_and_diaconis() {
        let sorted: Vec<f64> = (0..1000).map(|i| f64::from(i) / 999.0).collect();
        assert!((bin_width(&sorted).unwrap() - 0.1).abs() < 1e-12);
        assert!(bin_width(&[1.0; 30]).is_none());
    }
}
