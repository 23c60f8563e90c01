//! A fitted rate beside its curve: line over the window, slope in words, the claimed slope in light.

use crate::plot::frame::Frame;
use crate::plot::geometry::{Point, Rect, along, clip_line};
use crate::plot::scene::{Anchor, Scene, Stroke};
use crate::plot::style::{INK, MM, PT, SOFT};
use crate::plot::text::Label;

/// Distance of the fit from the data.
const SHIFT: f64 = 2.4 * MM;
/// Height of the words where they stand above the axes.
pub(super) const ROW: f64 = 3.4 * MM;

/// A fitted rate in values.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The fitted line over its window, and no farther; empty where there is no slope.
    pub line: Vec<(f64, f64)>,
    /// The claimed line through the middle of the window.
    pub claimed: Vec<(f64, f64)>,
    /// Slope with its interval, in markup.
    pub text: String,
    /// The claim, in markup.
    pub claim: String,
}

/// A fit on paper.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) line: Vec<Point>,
    pub(super) claimed: Vec<Vec<Point>>,
    /// Its words beside it, if they have a place there.
    labels: Vec<(Point, Label)>,
    /// Its words above the axes otherwise.
    row: [Label; 2],
}

impl Fit {
    /// Moves the fit off the data, up or down: to the side where its words are farther from data.
    /// Upright, so that the ends stay at the limits of the window. Where the words have no place on
    /// either side the fit is silent: they belong above the axes.
    pub(super) fn placed(&self, frame: &Frame, ink: &dyn Fn(&Rect) -> f64) -> Placed {
        let on_paper = |values: &[(f64, f64)]| -> Vec<Point> {
            values.iter().filter_map(|&(x, y)| frame.point(x, y)).collect()
        };
        let line = on_paper(&self.line);
        let (Some(&first), Some(&last)) = (line.first(), line.last()) else {
            // No slope: the words say so above the axes.
            let (claimed, labels, row) = (Vec::new(), Vec::new(), self.row());
            return Placed { line, claimed, labels, row };
        };
        let chord = (last.0 - first.0).hypot(last.1 - first.1).max(1.0);
        // So far upright that the distance across is SHIFT.
        let shift = SHIFT * chord / (last.0 - first.0).abs().max(0.2 * chord);
        let side = |down: f64| {
            let moved = |points: &[Point]| -> Vec<Point> {
                points.iter().map(|p| (p.0, p.1 + down)).collect()
            };
            let line = moved(&line);
            let claimed = clip_line(&moved(&on_paper(&self.claimed)), &frame.rect);
            let inside = line.iter().all(|&p| frame.rect.grown(-PT).holds(p));
            let spot = |p: &Point| ink(&Rect { left: p.0, right: p.0, top: p.1, bottom: p.1 });
            let clear = line.iter().map(spot).fold(f64::INFINITY, f64::min);
            // Beyond the axes is worse than on the data.
            let clear = if inside { clear } else { -1.0 };
            let words = self.words(frame, &line, ink).filter(|_| inside);
            let (score, labels) = words.map_or((clear - 100.0 * PT, Vec::new()), |w| (w.1, w.0));
            (score, Placed { line, claimed, labels, row: self.row() })
        };
        let (below, above) = (side(shift), side(-shift));
        if below.0 >= above.0 { below.1 } else { above.1 }
    }

    /// Slope and claim in one row.
    fn row(&self) -> [Label; 2] {
        [Label::new(&self.text, 7.0, INK), Label::new(&self.claim, 6.5, SOFT)]
    }

    /// The words around the fit: of the places along it the one that is farthest from data and
    /// nearest to the fit.
    fn words(
        &self,
        frame: &Frame,
        line: &[Point],
        ink: &dyn Fn(&Rect) -> f64,
    ) -> Option<(Vec<(Point, Label)>, f64)> {
        let text = Label::new(&self.text, 7.0, INK);
        let claim = Label::new(&self.claim, 6.5, SOFT);
        let width = text.width().max(claim.width());
        let (cap, step) = (text.cap(), 3.1 * MM);
        let lines = if claim.runs.is_empty() { 0.0 } else { step };
        let height = cap + lines + 0.12 * text.size;
        let inside = frame.rect.grown(-2.5 * PT);
        let mut best: Option<(f64, Rect)> = None;
        for share in 0..=20 {
            let place = line[(line.len() - 1) * share / 20];
            for gap in [3.0 * PT, 6.0 * PT, 10.0 * PT] {
                for left in [-gap - width, -width / 2.0, gap] {
                    for top in [-gap - height, -height / 2.0, gap] {
                        let (left, top) = (place.0 + left, place.1 + top);
                        let area = Rect { left, right: left + width, top, bottom: top + height };
                        let own = along(line, 0.0, 0.3 * MM).into_iter().map(|p| area.distance(p));
                        let own = own.fold(f64::INFINITY, f64::min);
                        let free = ink(&area);
                        let legal = inside.contains(&area) && free > 2.0 * PT && own > 1.6 * PT;
                        let score = free.min(9.0 * PT) - own;
                        if legal && best.as_ref().is_none_or(|(most, _)| score > *most + 1e-9) {
                            best = Some((score, area));
                        }
                    }
                }
            }
        }
        let (score, area) = best?;
        let mut labels = vec![((area.left, area.top + cap), text)];
        if lines > 0.0 {
            labels.push(((area.left, area.top + cap + step), claim));
        }
        Some((labels, score))
    }
}

impl Placed {
    /// Boxes of its words.
    pub(super) fn boxes(&self) -> impl Iterator<Item = Rect> {
        self.labels.iter().map(|(at, label)| crate::plot::names::label_box(*at, label))
    }

    /// Whether its words have to stand above the axes.
    pub(super) fn is_silent(&self) -> bool {
        self.labels.is_empty()
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Vec<Point>> {
        self.claimed.iter().chain([&self.line]).cloned()
    }

    /// Distance of a box from the fit and its words.
    pub(super) fn distance(&self, area: &Rect) -> f64 {
        let lines = self.lines().flat_map(|line| along(&line, 0.0, 0.3 * MM));
        let lines = lines.map(|p| area.distance(p));
        lines.chain(self.boxes().map(|other| other.gap(area))).fold(f64::INFINITY, f64::min)
    }

    /// Draws the fit; `above` is where words stand that have no place beside it.
    pub(super) fn draw(&self, scene: &mut Scene, above: Point) {
        for piece in &self.claimed {
            scene.line(piece.clone(), Stroke::dashed(SOFT, 0.5, &[4.0, 3.0]));
        }
        scene.line(self.line.clone(), Stroke::solid(INK, 0.7));
        for end in self.line.first().into_iter().chain(self.line.last()) {
            let tick = vec![(end.0, end.1 - 3.0 * PT), (end.0, end.1 + 3.0 * PT)];
            scene.line(tick, Stroke::solid(INK, 0.7));
        }
        for (at, label) in &self.labels {
            scene.text(*at, Anchor::Start, label.clone());
        }
        if self.is_silent() {
            let [text, claim] = self.row.clone();
            let right = above.0 + text.width() + 2.0 * MM;
            scene.text(above, Anchor::Start, text);
            scene.text((right, above.1), Anchor::Start, claim);
        }
    }
}
