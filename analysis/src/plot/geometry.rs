//! Plane geometry on paper: clipping, walking along a line, distances.

/// A place on paper in units of 10 µm; y grows downwards.
pub type Point = (f64, f64);

/// An upright rectangle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rect {
    /// Least x.
    pub left: f64,
    /// Least y.
    pub top: f64,
    /// Largest x.
    pub right: f64,
    /// Largest y.
    pub bottom: f64,
}

impl Rect {
    /// Corners in order.
    pub fn corners(&self) -> [Point; 4] {
        [
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        ]
    }

    /// Grown by `by` on every side; negative shrinks.
    #[must_use]
    pub fn grown(&self, by: f64) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }

    /// Whether a point is inside or on the edge.
    pub fn holds(&self, p: Point) -> bool {
        p.0 >= self.left && p.0 <= self.right && p.1 >= self.top && p.1 <= self.bottom
    }

    /// Whether `other` is wholly inside.
    pub fn contains(&self, other: &Self) -> bool {
        self.holds((other.left, other.top)) && self.holds((other.right, other.bottom))
    }

    /// Distance of a point from the rectangle, 0 inside.
    pub fn distance(&self, p: Point) -> f64 {
        let dx = (self.left - p.0).max(p.0 - self.right).max(0.0);
        let dy = (self.top - p.1).max(p.1 - self.bottom).max(0.0);
        dx.hypot(dy)
    }

    /// Distance of two rectangles, 0 if they meet.
    pub fn gap(&self, other: &Self) -> f64 {
        let dx = (self.left - other.right).max(other.left - self.right).max(0.0);
        let dy = (self.top - other.bottom).max(other.top - self.bottom).max(0.0);
        dx.hypot(dy)
    }
}

/// Cuts a polyline to a rectangle, segment by segment (Liang–Barsky): the pieces inside.
pub fn clip_line(points: &[Point], rect: &Rect) -> Vec<Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = clip_segment(pair[0], pair[1], rect) else { continue };
        match pieces.last_mut() {
            Some(piece) if piece.last().is_some_and(|&last| near(last, from)) => piece.push(to),
            _ => pieces.push(vec![from, to]),
        }
    }
    pieces
}

fn clip_segment(a: Point, b: Point, rect: &Rect) -> Option<(Point, Point)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    let sides = [
        (-dx, a.0 - rect.left),
        (dx, rect.right - a.0),
        (-dy, a.1 - rect.top),
        (dy, rect.bottom - a.1),
    ];
    for (towards, room) in sides {
        if towards.abs() < f64::MIN_POSITIVE {
            if room < 0.0 {
                return None;
            }
        } else if towards < 0.0 {
            enter = enter.max(room / towards);
        } else {
            leave = leave.min(room / towards);
        }
    }
    let at = |t: f64| (a.0 + t * dx, a.1 + t * dy);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

fn near(a: Point, b: Point) -> bool {
    (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6
}

/// Cuts a polygon to a rectangle (Sutherland–Hodgman); empty if nothing is left.
pub fn clip_polygon(points: &[Point], rect: &Rect) -> Vec<Point> {
    type Side = (fn(Point, &Rect) -> f64, fn(&Rect) -> f64, bool);
    let sides: [Side; 4] = [
        (|p, r| p.0 - r.left, |r| r.left, true),
        (|p, r| r.right - p.0, |r| r.right, true),
        (|p, r| p.1 - r.top, |r| r.top, false),
        (|p, r| r.bottom - p.1, |r| r.bottom, false),
    ];
    let mut polygon = points.to_vec();
    for (inside, edge, vertical) in sides {
        let mut kept = Vec::with_capacity(polygon.len() + 4);
        for (i, &b) in polygon.iter().enumerate() {
            let a = polygon[(i + polygon.len() - 1) % polygon.len()];
            let (da, db) = (inside(a, rect), inside(b, rect));
            if (da < 0.0) != (db < 0.0) {
                let t = da / (da - db);
                let (x, y) = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
                kept.push(if vertical { (edge(rect), y) } else { (x, edge(rect)) });
            }
            if db >= 0.0 {
                kept.push(b);
            }
        }
        polygon = kept;
    }
    polygon
}

/// Points along a polyline at `phase`, `phase + step`, … of its length.
pub fn along(points: &[Point], phase: f64, step: f64) -> Vec<Point> {
    let mut found = Vec::new();
    let (mut walked, mut next) = (0.0, phase);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        while length > 0.0 && next <= walked + length {
            let t = (next - walked) / length;
            found.push((x0 + t * (x1 - x0), y0 + t * (y1 - y0)));
            next += step;
        }
        walked += length;
    }
    found
}

/// Length of a polyline.
pub fn length(points: &[Point]) -> f64 {
    points.windows(2).map(|p| (p[1].0 - p[0].0).hypot(p[1].1 - p[0].1)).sum()
}

/// Whether a point is inside a polygon (even–odd).
pub fn inside(p: Point, polygon: &[Point]) -> bool {
    let mut odd = false;
    for (i, &b) in polygon.iter().enumerate() {
        let a = polygon[(i + polygon.len() - 1) % polygon.len()];
        if (a.1 > p.1) != (b.1 > p.1) && p.0 < a.0 + (p.1 - a.1) / (b.1 - a.1) * (b.0 - a.0) {
            odd = !odd;
        }
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Rect = Rect { left: 0.0, top: 0.0, right: 10.0, bottom: 10.0 };

    #[test]
    fn a_line_that_leaves_and_returns_becomes_two_pieces() {
        let line = [(-5.0, 5.0), (5.0, 5.0), (5.0, 20.0), (8.0, 20.0), (8.0, 2.0)];
        let pieces = clip_line(&line, &BOX);
        assert_eq!(
            pieces,
            vec![vec![(0.0, 5.0), (5.0, 5.0), (5.0, 10.0)], vec![(8.0, 10.0), (8.0, 2.0)],]
        );
    }

    #[test]
    fn clipping_a_band_cuts_its_edges_where_they_cross() {
        // A wedge whose foot lies below the box: clamping its corner would bend the edge.
        let wedge = [(2.0, 0.0), (8.0, 0.0), (5.0, 20.0)];
        let cut = clip_polygon(&wedge, &BOX);
        assert!(cut.iter().all(|&p| BOX.grown(1e-9).holds(p)));
        assert!(
            cut.iter().any(|&p| near(p, (3.5, 10.0))) && cut.iter().any(|&p| near(p, (6.5, 10.0)))
        );
        assert!(clip_polygon(&[(20.0, 0.0), (30.0, 0.0), (25.0, 5.0)], &BOX).is_empty());
    }

    #[test]
    fn walking_keeps_equal_steps_over_corners() {
        let line = [(0.0, 0.0), (3.0, 0.0), (3.0, 4.0)];
        assert_eq!(along(&line, 1.0, 4.0), vec![(1.0, 0.0), (3.0, 2.0)]);
        assert!((length(&line) - 7.0).abs() < 1e-12);
    }

    #[test]
    fn even_odd_tells_inside_from_outside() {
        let square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)];
        assert!(inside((1.0, 1.0), &square) && !inside((5.0, 1.0), &square));
    }
}
