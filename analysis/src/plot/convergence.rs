//! Convergence: median lines with 10–90 % bands over seeds, target, end marks.

use super::axis::{Axis, Scale};
use super::curves::{Curve, End};
use super::frame::Frame;
use super::geometry::{Point, Rect, along, clip_line, clip_polygon};
use super::names::{self, Named, Obstacles};
use super::scene::{About, Anchor, Scene, Stroke};
use super::style::{self, INK, MM, PAPER, PT, SOFT};
use super::text::Label;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Curves in the order of the paper's solvers.
    pub curves: Vec<Curve>,
    /// Scales of x and y.
    pub scales: (Scale, Scale),
    /// Title of x with its unit.
    pub x_title: String,
    /// Title of y with its unit.
    pub y_title: String,
    /// Level to reach.
    pub target: Option<f64>,
    /// Values of y below are not shown.
    pub floor: Option<f64>,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// Where the names of the curves are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    /// Beside the curves.
    Beside,
    /// At the right of the axes.
    Gutter,
    /// In a strip above the axes.
    Strip,
}

const STRIP_ROW: f64 = 3.8 * MM;
const NAME_STEP: f64 = 9.4 * PT;

/// Draws the chart; also says where the names went.
pub fn draw(chart: &Chart) -> (Scene, Names) {
    let names: Vec<Label> = chart.curves.iter().map(|curve| name(curve, 7.5)).collect();
    let plain = Layout::new(chart, 0.0, 0.0);
    if let Some((places, size)) =
        names::place(&plain.frame.rect, &plain.named(chart, &names), &plain.obstacles(chart))
    {
        let mut scene = plain.scene(chart);
        for (curve, at) in chart.curves.iter().zip(places) {
            scene.text(at, Anchor::Start, name(curve, size));
        }
        return (plain.finish(chart, scene), Names::Beside);
    }
    let at_edge =
        plain.ends.iter().flatten().filter(|end| end.0 > plain.frame.rect.right - 0.5 * MM);
    if 5 * at_edge.count() >= 3 * chart.curves.len() {
        let widest = names.iter().map(Label::width).fold(0.0, f64::max);
        if widest < 0.3 * chart.width * MM {
            let layout = Layout::new(chart, 0.0, widest + 2.6 * MM);
            let mut scene = layout.scene(chart);
            layout.draw_gutter(chart, &mut scene);
            return (layout.finish(chart, scene), Names::Gutter);
        }
    }
    let rows = strip_rows(chart, chart.width * MM - plain.frame.rect.left - 1.2 * MM);
    let layout = Layout::new(chart, STRIP_ROW * rows.len() as f64, 0.0);
    let mut scene = layout.scene(chart);
    layout.draw_strip(chart, &rows, &mut scene);
    (layout.finish(chart, scene), Names::Strip)
}

fn name(curve: &Curve, size: f64) -> Label {
    let text = match curve.reached {
        Some(reached) if reached < curve.runs => {
            format!("{}, {reached}/{}", curve.name, curve.runs)
        }
        _ => curve.name.clone(),
    };
    Label::new(&super::text::escape(&text), size, look(curve).0.text)
}

fn look(curve: &Curve) -> (style::Look, &'static [f64]) {
    style::of(curve.place, curve.variant)
}

/// Everything with a place on paper.
struct Layout {
    height: f64,
    frame: Frame,
    /// Visible pieces of each median.
    lines: Vec<Vec<Vec<Point>>>,
    /// Visible part of each band.
    bands: Vec<Vec<Point>>,
    /// Markers of each curve.
    markers: Vec<Vec<Point>>,
    /// Last point of each curve, if it lies inside the axes.
    ends: Vec<Option<Point>>,
    target: Option<(f64, Label, Option<Point>)>,
}

impl Layout {
    /// Lays the chart out with `above` more room above the axes and `beside` at their right.
    fn new(chart: &Chart, above: f64, beside: f64) -> Self {
        let width = chart.width * MM;
        let panel = if chart.width > 100.0 { 0.6 } else { 0.68 } * width;
        let height = (panel / 50.0).round() * 50.0 + above;
        let (x, y) = axes(chart);
        let trial = if chart.trial { 2.4 * MM } else { 0.0 };
        let mut rect = Rect {
            left: 0.0,
            top: 1.8 * MM + above + trial,
            right: 0.0,
            bottom: height - 8.6 * MM,
        };
        let y = y.moved(rect.bottom, rect.top);
        rect.left = Frame::left_margin(&y);
        rect.right = width - Frame::right_margin(&x.clone().moved(rect.left, width)).max(beside);
        let frame = Frame::new(rect, x, y);
        let mut layout = Self {
            height,
            frame,
            lines: Vec::new(),
            bands: Vec::new(),
            markers: Vec::new(),
            ends: Vec::new(),
            target: None,
        };
        for (i, curve) in chart.curves.iter().enumerate() {
            layout.lay(i, chart.curves.len(), curve);
        }
        layout.target = chart.target.and_then(|target| layout.lay_target(target));
        layout
    }

    fn lay(&mut self, index: usize, count: usize, curve: &Curve) {
        let rect = self.frame.rect;
        let places = |values: &[f64]| -> Vec<Point> {
            curve.x.iter().zip(values).filter_map(|(&x, &y)| self.frame.point(x, y)).collect()
        };
        let line = places(&curve.median);
        let mut band = places(&curve.high);
        band.extend(places(&curve.low).into_iter().rev());
        let pieces = clip_line(&line, &rect);
        let step = 10.5 * MM;
        let phase = 3.0 * MM + step * index as f64 / count.max(1) as f64;
        let inner = rect.grown(-3.0 * PT);
        let mut walked = 0.0;
        let mut markers = Vec::new();
        for piece in &pieces {
            // The phase runs on over the pieces.
            let start = (phase - walked).rem_euclid(step);
            let start = if walked < phase { phase - walked } else { start };
            markers.extend(along(piece, start, step).into_iter().filter(|&p| inner.holds(p)));
            walked += super::geometry::length(piece);
        }
        let end = line.last().copied().filter(|&p| rect.grown(0.5).holds(p));
        if let Some(end) = end {
            markers.retain(|p| (p.0 - end.0).hypot(p.1 - end.1) > 5.0 * PT);
        }
        self.bands.push(clip_polygon(&band, &rect));
        self.lines.push(pieces);
        self.markers.push(markers);
        self.ends.push(end);
    }

    /// Place of the target line and of its label, which stands where no curve is.
    fn lay_target(&self, target: f64) -> Option<(f64, Label, Option<Point>)> {
        let rect = self.frame.rect;
        let y = self.frame.y.place(target).filter(|&y| y > rect.top && y < rect.bottom)?;
        let label = Label::new(&format!("target {}", super::number::short(target)), 7.0, SOFT);
        let ends = [rect.left + 1.6 * PT, rect.right - label.width() - 1.6 * PT];
        let heights = [y + label.cap() + 2.4 * PT, y - 2.4 * PT];
        let free = |at: &Point| {
            let area = names::label_box(*at, &label);
            let clear = |line: &[Point]| {
                along(line, 0.0, 0.3 * MM).iter().all(|&p| area.distance(p) > 1.4 * PT)
            };
            rect.contains(&area)
                && self.lines.iter().flatten().all(|line| clear(line))
                && self.bands.iter().all(|band| clear(band))
                && self.markers.iter().flatten().all(|&p| area.distance(p) > 3.5 * PT)
                && self.ends.iter().flatten().all(|&p| area.distance(p) > 4.5 * PT)
        };
        let place =
            ends.into_iter().flat_map(|x| heights.into_iter().map(move |y| (x, y))).find(free);
        Some((y, label, place))
    }

    fn named(&self, chart: &Chart, names: &[Label]) -> Vec<Named> {
        (0..chart.curves.len())
            .map(|i| Named {
                label: names[i].clone(),
                line: self.lines[i].clone(),
                band: self.bands[i].clone(),
            })
            .collect()
    }

    fn obstacles(&self, _chart: &Chart) -> Obstacles {
        let around =
            |&(x, y): &Point, by: f64| Rect { left: x, right: x, top: y, bottom: y }.grown(by);
        let mut boxes: Vec<Rect> =
            self.markers.iter().flatten().map(|p| around(p, 2.0 * PT)).collect();
        boxes.extend(self.ends.iter().flatten().map(|p| around(p, 3.5 * PT)));
        let mut references = Vec::new();
        if let Some((y, label, place)) = &self.target {
            references.push(*y);
            boxes.extend(place.map(|at| names::label_box(at, label)));
        }
        Obstacles { lines: Vec::new(), boxes, references }
    }

    /// Grid, target, bands, lines, markers, in this order.
    fn scene(&self, chart: &Chart) -> Scene {
        let rect = self.frame.rect;
        let mut scene = Scene::new(chart.width * MM, self.height, chart.about.clone());
        self.frame.draw_grid(&mut scene);
        for (curve, band) in chart.curves.iter().zip(&self.bands) {
            scene.area(band.clone(), look(curve).0.color, 17);
        }
        if let Some((y, label, place)) = &self.target {
            scene.line(vec![(rect.left, *y), (rect.right, *y)], Stroke::dots(SOFT, 0.6));
            if let Some(at) = place {
                scene.text(*at, Anchor::Start, label.clone());
            }
        }
        for (curve, pieces) in chart.curves.iter().zip(&self.lines) {
            let (look, dash) = look(curve);
            for piece in pieces {
                scene.line(piece.clone(), Stroke::dashed(look.color, 1.1, dash));
            }
        }
        for (curve, markers) in chart.curves.iter().zip(&self.markers) {
            let look = look(curve).0;
            for &at in markers {
                scene.marker(at, look.marker, look.color);
            }
        }
        scene
    }

    /// Axes and end marks over everything, then the notes at the edges.
    fn finish(&self, chart: &Chart, mut scene: Scene) -> Scene {
        self.frame.draw_axes(&mut scene, &chart.x_title, &chart.y_title);
        for (curve, end) in chart.curves.iter().zip(&self.ends) {
            if let Some(end) = end {
                end_mark(&mut scene, *end, curve);
            }
        }
        let runs = |f: fn(usize, usize) -> usize| chart.curves.iter().map(|c| c.runs).reduce(f);
        if let (Some(least), Some(most)) = (runs(usize::min), runs(usize::max)) {
            let text = if least == most {
                format!("*n* = {most}")
            } else {
                format!("*n* = {least}–{most}")
            };
            let label = Label::new(&text, 6.5, SOFT);
            let at = (scene.width - 1.2 * MM, self.frame.rect.bottom + 7.5 * MM);
            scene.text(at, Anchor::End, label);
        }
        if chart.trial {
            scene.trial_mark();
        }
        scene
    }

    fn draw_gutter(&self, chart: &Chart, scene: &mut Scene) {
        let rect = self.frame.rect;
        let last = |i: usize| {
            let piece = self.lines[i].last().and_then(|piece| piece.last());
            piece.map_or(rect.bottom, |p| p.1)
        };
        let wanted: Vec<f64> = (0..chart.curves.len()).map(last).collect();
        let heights =
            names::spread(&wanted, NAME_STEP, rect.top + 3.0 * PT, rect.bottom - 3.0 * PT);
        for (i, curve) in chart.curves.iter().enumerate() {
            let from =
                if self.ends[i].is_some() { rect.right + 3.5 * PT } else { rect.right + 0.5 * PT };
            let to = rect.right + 1.9 * MM;
            let look = look(curve).0;
            let at_edge = self.lines[i]
                .last()
                .and_then(|piece| piece.last())
                .is_some_and(|p| p.0 > rect.right - 0.5 * MM);
            if at_edge {
                scene.line(
                    vec![(from, wanted[i]), (to, heights[i])],
                    Stroke::solid(look.color, 0.6),
                );
            } else {
                // A curve that ends elsewhere is known by its marker.
                scene.marker((to - 1.6 * PT, heights[i]), look.marker, look.color);
            }
            scene.text_level((to + 1.4 * PT, heights[i]), Anchor::Start, name(curve, 7.0));
        }
    }

    fn draw_strip(&self, chart: &Chart, rows: &[Vec<usize>], scene: &mut Scene) {
        let left = self.frame.rect.left;
        let top = 1.8 * MM + if chart.trial { 2.4 * MM } else { 0.0 };
        for (r, row) in rows.iter().enumerate() {
            let y = top + STRIP_ROW * (r as f64 + 0.3);
            let mut x = left;
            for &i in row {
                let curve = &chart.curves[i];
                let (look, dash) = look(curve);
                let sample = vec![(x, y), (x + 6.0 * MM, y)];
                scene.line(sample, Stroke::dashed(look.color, 1.1, dash));
                scene.marker((x + 3.0 * MM, y), look.marker, look.color);
                let label = Label { color: INK, ..name(curve, 7.0) };
                let width = label.width();
                scene.text_level((x + 7.2 * MM, y), Anchor::Start, label);
                x += 7.2 * MM + width + 3.5 * MM;
            }
        }
    }
}

/// Curves to rows of the strip.
fn strip_rows(chart: &Chart, room: f64) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = 0.0;
    for (i, curve) in chart.curves.iter().enumerate() {
        let width = 7.2 * MM + name(curve, 7.0).width();
        if used > 0.0 && used + width > room {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += width + 3.5 * MM;
        if let Some(row) = rows.last_mut() {
            row.push(i);
        }
    }
    rows
}

fn axes(chart: &Chart) -> (Axis, Axis) {
    let (x_scale, y_scale) = chart.scales;
    let xs = chart.curves.iter().flat_map(|curve| curve.x.iter().copied());
    let x = Axis::over(x_scale, xs, 0.0, 1.0);
    let starts = chart.curves.iter().filter_map(|curve| curve.median.first());
    let first = starts.copied().fold(f64::NEG_INFINITY, f64::max);
    let curves = || chart.curves.iter();
    let all = || curves().flat_map(|c| c.low.iter().chain(&c.high).copied());
    let most = all().filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    // A curve that diverges leaves the axes; the others stay readable.
    let diverges = curves().any(|curve| curve.end == End::Diverged);
    let top = if diverges && y_scale == Scale::Log { most.min(first * 1e3) } else { most };
    let floor = match (chart.floor, y_scale) {
        (Some(floor), _) => floor,
        (None, Scale::Log) => top * 1e-16,
        (None, Scale::Linear) => f64::NEG_INFINITY,
    };
    let ys = all().filter(|v| v.is_finite()).map(|v| v.clamp(floor, top)).chain(chart.target);
    (x, Axis::over(y_scale, ys, 0.0, 1.0))
}

fn end_mark(scene: &mut Scene, at: Point, curve: &Curve) {
    let color = look(curve).0.color;
    let r = 2.2 * PT;
    match curve.end {
        End::Reached => scene.disc(at, 1.9 * PT, color),
        End::Censored => {
            let corners =
                [(at.0 + 1.3 * r, at.1), (at.0 - 0.5 * r, at.1 - r), (at.0 - 0.5 * r, at.1 + r)];
            scene.area(corners.to_vec(), PAPER, 100);
            let mut outline = corners.to_vec();
            outline.extend([corners[0], corners[1]]);
            scene.line(outline, Stroke::solid(color, 0.9));
        }
        End::Diverged => {
            let arms = [
                [(at.0 - r, at.1 - r), (at.0 + r, at.1 + r)],
                [(at.0 - r, at.1 + r), (at.0 + r, at.1 - r)],
                [(at.0, at.1), (at.0, at.1 - 2.0 * MM)],
            ];
            for arm in arms {
                scene.line(arm.to_vec(), Stroke::solid(color, 0.9));
            }
        }
        End::Broken => {
            let arms = [[(at.0 - r, at.1), (at.0 + r, at.1)], [(at.0, at.1 - r), (at.0, at.1 + r)]];
            for arm in arms {
                scene.line(arm.to_vec(), Stroke::solid(color, 0.9));
            }
        }
    }
}

#[cfg(test)]
#[path = "convergence_tests.rs"]
mod tests;
