//! What a figure consists of, in units of 10 µm, before it becomes a file.

use super::geometry::{Point, Rect};
use super::style::{Color, INK, MM, Marker, PAPER, PT};
use super::text::Label;

/// A line's look.
#[derive(Clone, PartialEq, Debug)]
pub struct Stroke {
    /// Color.
    pub color: Color,
    /// Width in units of 10 µm.
    pub width: f64,
    /// Lengths of dashes and gaps in units of 10 µm; empty for a solid line.
    pub dash: Vec<f64>,
    /// Where in the pattern the line starts.
    pub phase: f64,
    /// Rounded ends: with dashes of length 0, dots.
    pub round: bool,
}

impl Stroke {
    /// A solid line of `points` pt.
    pub fn solid(color: Color, points: f64) -> Self {
        Self { color, width: points * PT, dash: Vec::new(), phase: 0.0, round: false }
    }

    /// A line of `points` pt with a pattern in multiples of its width.
    pub fn dashed(color: Color, points: f64, pattern: &[f64]) -> Self {
        let width = points * PT;
        let dash = pattern.iter().map(|part| part * width).collect();
        Self { color, width, dash, phase: 0.0, round: false }
    }

    /// The same line with the middle of its longest dash at `place`, where a marker would hide a
    /// dot.
    #[must_use]
    pub fn with_dash_at(mut self, place: f64) -> Self {
        let period: f64 = self.dash.iter().sum();
        if period > 0.0 {
            // The first dash of every pattern is its longest.
            self.phase = (self.dash[0] / 2.0 - place).rem_euclid(period);
        }
        self
    }

    /// Round dots of `points` pt.
    pub fn dots(color: Color, points: f64) -> Self {
        let width = points * PT;
        Self { color, width, dash: vec![0.0, 2.2 * width], phase: 0.0, round: true }
    }
}

/// Room above a figure that says it is a trial.
pub const TRIAL: f64 = 3.0 * MM;

/// One thing on paper.
#[derive(Clone, PartialEq, Debug)]
pub enum Mark {
    /// A polyline.
    Line {
        /// Corners.
        points: Vec<Point>,
        /// Look.
        stroke: Stroke,
    },
    /// A filled polygon.
    Area {
        /// Corners.
        points: Vec<Point>,
        /// Color.
        color: Color,
        /// Opacity in hundredths.
        alpha: u8,
    },
    /// A filled disc.
    Disc {
        /// Center.
        center: Point,
        /// Radius in units of 10 µm.
        radius: f64,
        /// Color.
        color: Color,
    },
    /// Gray pixels without smoothing.
    Image {
        /// Where.
        area: Rect,
        /// Pixels of a row.
        columns: usize,
        /// Gray values row by row, from black (0) to white (255).
        pixels: Vec<u8>,
    },
    /// A label.
    Text {
        /// Left end of the baseline; the lower end if it stands upright.
        at: Point,
        /// What it says.
        label: Label,
        /// Reads upwards.
        upright: bool,
    },
}

/// Where a label's anchor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// What a figure says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct About {
    /// One line.
    pub title: String,
    /// What is seen, in a sentence or two.
    pub description: String,
    /// Study, claims, digest, version: in the order they are to be written.
    pub facts: Vec<(String, String)>,
}

/// A page with marks, drawn in order.
#[derive(Clone, PartialEq, Debug)]
pub struct Scene {
    /// Width in units of 10 µm.
    pub width: f64,
    /// Height in units of 10 µm.
    pub height: f64,
    /// What is on it.
    pub marks: Vec<Mark>,
    /// What it says about itself.
    pub about: About,
}

impl Scene {
    /// An empty white page.
    pub fn new(width: f64, height: f64, about: About) -> Self {
        let page = Rect { left: 0.0, top: 0.0, right: width, bottom: height };
        let mut scene = Self { width, height, marks: Vec::new(), about };
        scene.area(page.corners().to_vec(), PAPER, 100);
        scene
    }

    /// A polyline; fewer than two points draw nothing.
    pub fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.marks.push(Mark::Line { points, stroke });
        }
    }

    /// A filled polygon.
    pub fn area(&mut self, points: Vec<Point>, color: Color, alpha: u8) {
        if points.len() > 2 {
            self.marks.push(Mark::Area { points, color, alpha });
        }
    }

    /// A filled rectangle.
    pub fn cell(&mut self, area: &Rect, color: Color, alpha: u8) {
        self.area(area.corners().to_vec(), color, alpha);
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, area: &Rect, stroke: Stroke) {
        let [a, b, c, d] = area.corners();
        // Over the first side again, so that the joint is closed.
        self.line(vec![a, b, c, d, a, b], stroke);
    }

    /// A filled disc.
    pub fn disc(&mut self, center: Point, radius: f64, color: Color) {
        self.marks.push(Mark::Disc { center, radius, color });
    }

    /// Gray pixels, row by row.
    pub fn image(&mut self, area: &Rect, columns: usize, pixels: Vec<u8>) {
        self.marks.push(Mark::Image { area: *area, columns, pixels });
    }

    /// A label on the baseline through `at`; an empty one is nothing.
    pub fn text(&mut self, at: Point, anchor: Anchor, label: Label) {
        if label.runs.is_empty() {
            return;
        }
        let shift = shift(anchor, label.width());
        self.marks.push(Mark::Text { at: (at.0 - shift, at.1), label, upright: false });
    }

    /// A label centred on `at` in height.
    pub fn text_level(&mut self, at: Point, anchor: Anchor, label: Label) {
        let half = label.cap() / 2.0;
        self.text((at.0, at.1 + half), anchor, label);
    }

    /// A label that reads upwards, centred on `at` along its length, baseline at `at.0`.
    pub fn text_upright(&mut self, at: Point, label: Label) {
        let half = label.width() / 2.0;
        self.marks.push(Mark::Text { at: (at.0, at.1 + half), label, upright: true });
    }

    /// A solver's marker: white inside, outlined.
    pub fn marker(&mut self, center: Point, marker: Marker, color: Color) {
        let outline = 0.8 * PT;
        match marker {
            Marker::Circle => {
                let radius = 1.45 * PT;
                self.disc(center, radius + outline / 2.0, color);
                self.disc(center, radius - outline / 2.0, PAPER);
            }
            Marker::Polygon(corners, turn) => {
                // Equal area to the disc, so that no shape shouts.
                let n = f64::from(corners);
                let share = n / 2.0 * (std::f64::consts::TAU / n).sin();
                let radius = 1.45 * PT * (std::f64::consts::PI / share).sqrt();
                let corner = |k: u8| {
                    let angle =
                        f64::from(turn).to_radians() + std::f64::consts::TAU * f64::from(k) / n;
                    (center.0 + radius * angle.sin(), center.1 - radius * angle.cos())
                };
                let mut points: Vec<Point> = (0..corners).map(corner).collect();
                self.area(points.clone(), PAPER, 100);
                // Over the first side again, so that the joint is closed.
                points.extend([corner(0), corner(1)]);
                self.line(points, Stroke::solid(color, 0.8));
            }
        }
    }

    /// An interval bar with end caps of 4 pt.
    pub fn interval(&mut self, from: f64, to: f64, y: f64, color: Color) {
        self.line(vec![(from, y), (to, y)], Stroke::solid(color, 1.5));
        for x in [from, to] {
            let cap = vec![(x, y - 2.0 * PT), (x, y + 2.0 * PT)];
            self.line(cap, Stroke::solid(color, 1.0));
        }
    }

    /// Stretches the page over a height that has changed.
    pub fn grow_page(&mut self) {
        let page = Rect { left: 0.0, top: 0.0, right: self.width, bottom: self.height };
        self.marks[0] = Mark::Area { points: page.corners().to_vec(), color: PAPER, alpha: 100 };
    }

    /// All of `other` but its page, moved by `(right, down)`.
    pub fn append(&mut self, other: Self, (right, down): Point) {
        let moved = |p: Point| (p.0 + right, p.1 + down);
        self.marks.extend(other.marks.into_iter().skip(1).map(|mark| match mark {
            Mark::Line { points, stroke } => {
                Mark::Line { points: points.into_iter().map(moved).collect(), stroke }
            }
            Mark::Area { points, color, alpha } => {
                Mark::Area { points: points.into_iter().map(moved).collect(), color, alpha }
            }
            Mark::Disc { center, radius, color } => {
                Mark::Disc { center: moved(center), radius, color }
            }
            Mark::Image { area, columns, pixels } => {
                let (left, top) = moved((area.left, area.top));
                let (right, bottom) = moved((area.right, area.bottom));
                Mark::Image { area: Rect { left, top, right, bottom }, columns, pixels }
            }
            Mark::Text { at, label, upright } => Mark::Text { at: moved(at), label, upright },
        }));
    }

    /// Says that the figure is a trial of the machinery, at the top right.
    pub fn trial_mark(&mut self) {
        let label = Label::new("trial size, no verdict on the paper", 6.5, super::style::SOFT);
        self.text((self.width - 1.2 * MM, 7.4 * PT), Anchor::End, label);
    }

    /// Boxes of all labels, for tests of what meets what.
    pub fn label_boxes(&self) -> Vec<(String, Rect)> {
        let boxed = |mark: &Mark| match mark {
            Mark::Text { at, label, upright } => {
                let (w, cap) = (label.width(), label.cap());
                let rect = if *upright {
                    Rect { left: at.0 - cap, right: at.0, top: at.1 - w, bottom: at.1 }
                } else {
                    Rect { left: at.0, right: at.0 + w, top: at.1 - cap, bottom: at.1 }
                };
                Some((label.plain(), rect))
            }
            _ => None,
        };
        self.marks.iter().filter_map(boxed).collect()
    }
}

/// An axis line or a major tick.
pub fn axis_stroke() -> Stroke {
    Stroke::solid(INK, 0.6)
}

fn shift(anchor: Anchor, width: f64) -> f64 {
    match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    }
}
