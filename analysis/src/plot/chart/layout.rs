//! Everything of a chart with its place on paper.

use super::fit::{self, Placed};
use super::{Chart, Line, marks};
use crate::plot::curves::End;
use crate::plot::frame::Frame;
use crate::plot::geometry::{Point, Rect, along, clip_line, clip_polygon, inside, length};
use crate::plot::names::{self, Named, Obstacles};
use crate::plot::scene::{Anchor, Scene, Stroke, TRIAL};
use crate::plot::style::{HOLDS, INK, MM, PT, SOFT};
use crate::plot::text::Label;

/// Between two names in the gutter.
const NAME_STEP: f64 = 9.4 * PT;
/// From the axes to the names in the gutter, with a little room behind them.
pub(super) const ELBOW: f64 = 3.4 * MM;
/// Between two markers of a line.
const MARKER_STEP: f64 = 10.5 * MM;

pub(super) struct Layout {
    width: f64,
    height: f64,
    pub(super) frame: Frame,
    /// Visible pieces of each line.
    pub(super) pieces: Vec<Vec<Vec<Point>>>,
    /// Visible part of each band.
    pub(super) bands: Vec<Vec<Point>>,
    /// Markers of each line.
    pub(super) markers: Vec<Vec<Point>>,
    /// Where each line ends, if its end mark has a place.
    ends: Vec<Option<Point>>,
    /// Last visible point of each line.
    pub(super) lasts: Vec<Option<Point>>,
    /// Censor ticks of each line.
    ticks: Vec<Vec<Point>>,
    /// Height of the reference line, its label, and where that has a place.
    reference: Option<(f64, Label, Option<Point>)>,
    fit: Option<Placed>,
}

impl Layout {
    /// Lays the chart out with `above` more room above the axes and `beside` at their right.
    pub(super) fn new(chart: &Chart, above: f64, beside: f64) -> Self {
        let width = chart.width * MM;
        let panel = if chart.width > 100.0 { 0.6 } else { 0.68 } * width;
        let panel = chart.height.map_or((panel / 50.0).round() * 50.0, |height| height * MM);
        // Where the words of a fit find no place on the data side, they take a row of their own.
        let mut layout = Self::at(chart, width, panel + above, above, beside);
        if layout.fit.as_ref().is_some_and(Placed::is_silent) {
            let above = above + fit::ROW;
            layout = Self::at(chart, width, panel + above, above, beside);
        }
        layout
    }

    fn at(chart: &Chart, width: f64, height: f64, above: f64, beside: f64) -> Self {
        let top = Self::top(chart) + above;
        let mut rect = Rect { left: 0.0, top, right: 0.0, bottom: height - 8.6 * MM };
        let (x, y) = chart.axes.clone();
        let y = y.moved(rect.bottom, rect.top);
        rect.left = Frame::left_margin(&y).max(chart.left);
        rect.right = width - Frame::right_margin(&x.clone().moved(rect.left, width)).max(beside);
        let mut layout = Self {
            width,
            height,
            frame: Frame::new(rect, x, y),
            pieces: Vec::new(),
            bands: Vec::new(),
            markers: Vec::new(),
            ends: Vec::new(),
            lasts: Vec::new(),
            ticks: Vec::new(),
            reference: None,
            fit: None,
        };
        for (i, line) in chart.lines.iter().enumerate() {
            layout.lay(i, chart, line);
        }
        let fit = chart.fit.as_ref();
        layout.fit = fit.map(|fit| fit.placed(&layout.frame, &|area| layout.clearance(area)));
        let reference = chart.reference.as_ref();
        layout.reference = reference.and_then(|(level, text)| layout.lay_reference(*level, text));
        layout
    }

    /// Upper edge of what stands above the axes.
    pub(super) fn top(chart: &Chart) -> f64 {
        1.8 * MM + if chart.trial { TRIAL } else { 0.0 }
    }

    fn lay(&mut self, index: usize, chart: &Chart, line: &Line) {
        let count = chart.lines.len();
        let rect = self.frame.rect;
        let places = |values: &[f64]| -> Vec<Point> {
            line.x.iter().zip(values).filter_map(|(&x, &y)| self.frame.point(x, y)).collect()
        };
        let points = places(&line.y);
        let mut band = places(&line.band.1);
        band.extend(places(&line.band.0).into_iter().rev());
        let pieces = clip_line(&points, &rect);
        let last = pieces.last().and_then(|piece| piece.last()).copied();
        let inner = points.last().copied().filter(|&p| rect.grown(0.5).holds(p));
        // A curve that leaves the axes upwards has diverged there for the eye.
        let fled = |end: &End| matches!(end, End::Diverged | End::Broken);
        let end = inner.or_else(|| line.end.as_ref().filter(|end| fled(end)).and(last));
        let step = MARKER_STEP;
        let phase = 3.0 * MM + step * index as f64 / count.max(1) as f64;
        let mut walked = 0.0;
        let mut markers = Vec::new();
        for piece in &pieces {
            // The phase runs on over the pieces.
            let start =
                if walked < phase { phase - walked } else { (phase - walked).rem_euclid(step) };
            let free = rect.grown(-3.0 * PT);
            markers.extend(along(piece, start, step).into_iter().filter(|&p| free.holds(p)));
            walked += length(piece);
        }
        if line.marked {
            markers = points.iter().copied().filter(|&p| rect.grown(0.5).holds(p)).collect();
        }
        // Markers tell curves apart; a single one needs none.
        if !chart.named {
            markers.clear();
        }
        if let (Some(end), Some(_)) = (end, line.end) {
            markers.retain(|p| (p.0 - end.0).hypot(p.1 - end.1) > 5.0 * PT);
        }
        let ticks: Vec<Point> = line
            .ticks
            .iter()
            .filter_map(|&(x, y)| self.frame.point(x, y))
            .filter(|&p| rect.grown(0.5).holds(p))
            .collect();
        markers.retain(|m| ticks.iter().all(|t| (m.0 - t.0).hypot(m.1 - t.1) > 3.0 * PT));
        self.bands.push(clip_polygon(&band, &rect));
        self.pieces.push(pieces);
        self.markers.push(markers);
        self.ends.push(end.filter(|_| line.end.is_some()));
        self.lasts.push(last);
        self.ticks.push(ticks);
    }

    /// Distance of a box from all data; 0 if it lies on a band.
    fn clearance(&self, area: &Rect) -> f64 {
        let to = |line: &[Point]| {
            along(line, 0.0, 0.3 * MM)
                .into_iter()
                .map(|p| area.distance(p))
                .fold(f64::INFINITY, f64::min)
        };
        if self.bands.iter().any(|band| area.corners().iter().any(|&c| inside(c, band))) {
            return 0.0;
        }
        let lines = self.pieces.iter().flatten().chain(&self.bands).map(|line| to(line));
        let markers = self.markers.iter().flatten().map(|&p| area.distance(p) - 2.0 * PT);
        let ends = self.ends.iter().flatten().map(|&p| area.distance(p) - 3.0 * PT);
        let ticks = self.ticks.iter().flatten().map(|&p| area.distance(p) - 2.0 * PT);
        lines.chain(markers).chain(ends).chain(ticks).fold(f64::INFINITY, f64::min)
    }

    /// Place of the reference line and of its label, which stands where no curve is.
    fn lay_reference(&self, level: f64, text: &str) -> Option<(f64, Label, Option<Point>)> {
        let rect = self.frame.rect;
        let y = self.frame.y.place(level).filter(|&y| y > rect.top && y < rect.bottom)?;
        let label = Label::new(text, 7.0, SOFT);
        let ends = [rect.left + 1.6 * PT, rect.right - label.width() - 1.6 * PT];
        let heights = [y + label.cap() + 2.4 * PT, y - 2.4 * PT];
        let free = |at: &Point| {
            let area = names::label_box(*at, &label);
            let fit = |fit: &Placed| fit.distance(&area) > 1.4 * PT;
            rect.contains(&area)
                && self.clearance(&area) > 1.4 * PT
                && self.fit.as_ref().is_none_or(fit)
        };
        let places = ends.into_iter().flat_map(|x| heights.into_iter().map(move |y| (x, y)));
        let place = places.into_iter().find(free);
        Some((y, label, place))
    }

    pub(super) fn named(&self, labels: &[Label]) -> Vec<Named> {
        let curve = |i: usize| Named {
            label: labels[i].clone(),
            line: self.pieces[i].clone(),
            band: self.bands[i].clone(),
        };
        (0..labels.len()).map(curve).collect()
    }

    pub(super) fn obstacles(&self) -> Obstacles {
        let around =
            |&(x, y): &Point, by: f64| Rect { left: x, right: x, top: y, bottom: y }.grown(by);
        let mut boxes: Vec<Rect> =
            self.markers.iter().flatten().map(|p| around(p, 2.0 * PT)).collect();
        boxes.extend(self.ends.iter().flatten().map(|p| around(p, 3.5 * PT)));
        boxes.extend(self.ticks.iter().flatten().map(|p| around(p, 2.4 * PT)));
        let mut references = Vec::new();
        if let Some((y, label, place)) = &self.reference {
            references.push(*y);
            boxes.extend(place.map(|at| names::label_box(at, label)));
        }
        let mut lines = Vec::new();
        if let Some(fit) = &self.fit {
            lines.extend(fit.lines());
            boxes.extend(fit.boxes());
        }
        Obstacles { lines, boxes, references }
    }

    /// Tint, grid, reference, bands, fit, lines, ticks, markers, in this order.
    pub(super) fn scene(&self, chart: &Chart) -> Scene {
        let rect = self.frame.rect;
        let mut scene = Scene::new(self.width, self.height, chart.about.clone());
        if let Some((low, high)) = chart.holds {
            let place = |value: f64, open: f64| {
                self.frame.y.place(value).unwrap_or(open).clamp(rect.top, rect.bottom)
            };
            let (bottom, top) = (place(low, rect.bottom), place(high, rect.top));
            scene.cell(&Rect { top, bottom, ..rect }, HOLDS, 100);
        }
        self.frame.draw_grid(&mut scene);
        for (line, band) in chart.lines.iter().zip(&self.bands) {
            scene.area(band.clone(), line.look().0.color, 17);
        }
        if let Some((y, label, place)) = &self.reference {
            scene.line(vec![(rect.left, *y), (rect.right, *y)], Stroke::dots(SOFT, 0.6));
            if let Some(at) = place {
                scene.text(*at, Anchor::Start, label.clone());
            }
        }
        if let Some(x) = chart.upright.and_then(|x| self.frame.x.place(x)) {
            scene.line(vec![(x, rect.top), (x, rect.bottom)], Stroke::dots(SOFT, 0.6));
        }
        if let Some(fit) = &self.fit {
            fit.draw(&mut scene, (rect.left, rect.top - 1.4 * MM));
        }
        for (line, pieces) in chart.lines.iter().zip(&self.pieces) {
            let (look, dash) = line.look();
            for piece in pieces {
                scene.line(piece.clone(), Stroke::dashed(look.color, 1.1, dash));
            }
        }
        for (i, line) in chart.lines.iter().enumerate() {
            let look = line.look().0;
            for &(x, from, to) in &line.whiskers {
                let ends = [from, to].map(|y| self.frame.point(x, y));
                if let [Some(from), Some(to)] = ends {
                    for piece in clip_line(&[from, to], &rect) {
                        scene.line(piece, Stroke::solid(look.color, 0.8));
                    }
                }
            }
            for &at in &self.ticks[i] {
                marks::censor_tick(&mut scene, at, look.color);
            }
            for &at in &self.markers[i] {
                scene.marker(at, look.marker, look.color);
            }
        }
        scene
    }

    /// Axes and end marks over everything, then the notes at the edges.
    pub(super) fn finish(&self, chart: &Chart, mut scene: Scene) -> Scene {
        for line in &chart.lines {
            let foot = line.foot.and_then(|x| self.frame.x.place(x));
            if let Some(x) =
                foot.filter(|&x| x >= self.frame.rect.left && x <= self.frame.rect.right)
            {
                marks::foot(&mut scene, (x, self.frame.rect.bottom), line.look().0.color);
            }
        }
        self.frame.draw_axes(&mut scene, &chart.titles.0, &chart.titles.1, &chart.note);
        for (line, at) in chart.lines.iter().zip(&self.ends) {
            if let (Some(at), Some(end)) = (at, line.end) {
                marks::end_mark(&mut scene, *at, end, line.look().0.color);
            }
        }
        if chart.trial {
            scene.trial_mark();
        }
        scene
    }

    /// Labels at the right of the axes, each as near to the end of its line as the others let it.
    pub(super) fn draw_gutter(
        &self,
        chart: &Chart,
        scene: &mut Scene,
        label: impl Fn(&Line) -> Label,
    ) {
        let rect = self.frame.rect;
        let wanted: Vec<f64> =
            self.lasts.iter().map(|last| last.map_or(rect.bottom, |p| p.1)).collect();
        let (low, high) = (rect.top + 3.0 * PT, rect.bottom - 3.0 * PT);
        // Lines that end alike and say the same have one label.
        let alike = |i: usize, j: usize| {
            let text = |i: usize| label(&chart.lines[i]).plain();
            (wanted[i] - wanted[j]).abs() < 1.0 && text(i) == text(j)
        };
        let first = |i: usize| (0..i).find(|&j| alike(i, j)).unwrap_or(i);
        let shown: Vec<usize> = (0..wanted.len()).filter(|&i| first(i) == i).collect();
        let places: Vec<f64> = shown.iter().map(|&i| wanted[i]).collect();
        let spread = names::spread(&places, NAME_STEP, low, high);
        for (&i, &height) in shown.iter().zip(&spread) {
            let line = &chart.lines[i];
            let shared = (i + 1..wanted.len()).any(|j| first(j) == i);
            let gap = if self.ends[i].is_some() { 3.5 * PT } else { 0.5 * PT };
            let to = rect.right + 1.9 * MM;
            let look = line.look().0;
            let at_edge = self.lasts[i].is_some_and(|p| p.0 > rect.right - 0.5 * MM);
            if at_edge {
                let elbow = vec![(rect.right + gap, wanted[i]), (to, height)];
                let color = if shared { INK } else { look.color };
                scene.line(elbow, Stroke::solid(color, 0.6));
            } else {
                // A curve that ends elsewhere is known by its marker.
                scene.marker((to - 1.6 * PT, height), look.marker, look.color);
            }
            let mut label = label(line);
            if shared {
                label.color = INK;
            }
            scene.text_level((to + 1.4 * PT, height), Anchor::Start, label);
        }
    }
}

/// Number and name of a line, for the gutter.
pub(super) fn gutter_label(line: &Line) -> Label {
    let mut text = crate::plot::text::escape(&line.name);
    if let Some(closing) = &line.closing {
        text = format!("{closing} {text}");
    }
    Label::new(&text, 7.0, line.look().0.text)
}

/// The number alone.
pub(super) fn closing_label(line: &Line) -> Label {
    Label::new(line.closing.as_deref().unwrap_or_default(), 7.0, line.look().0.text)
}
