//! Names beside curves: each close to its own line, none on anything else — or none at all.

use std::collections::BTreeMap;

use super::geometry::{Point, Rect, along, inside};
use super::style::{MM, PT};
use super::text::Label;

/// Ink is sampled this densely.
const SAMPLE: f64 = 0.3 * MM;
/// Side of the cells that ink is sorted into; the largest distance looked at.
const REACH: f64 = 8.0 * PT;

/// A curve on paper that wants its name beside it.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name, in the curve's color.
    pub label: Label,
    /// Visible pieces of the line.
    pub line: Vec<Vec<Point>>,
    /// The visible band; may be empty.
    pub band: Vec<Point>,
}

/// Other ink.
#[derive(Clone, Debug, Default)]
pub struct Obstacles {
    /// Fits, annotations' edges.
    pub lines: Vec<Vec<Point>>,
    /// Boxes of annotations, markers and end marks.
    pub boxes: Vec<Rect>,
    /// Heights of horizontal reference lines.
    pub references: Vec<f64>,
}

/// Sorted samples of ink with the curve they belong to; `None` for nobody's.
struct Ink {
    cells: BTreeMap<(i32, i32), Vec<(Point, Owner)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Line(usize),
    Band(usize),
    Other,
}

impl Ink {
    fn of(curves: &[Named], obstacles: &Obstacles) -> Self {
        let mut ink = Self { cells: BTreeMap::new() };
        for (i, curve) in curves.iter().enumerate() {
            for piece in &curve.line {
                ink.add(piece, Owner::Line(i));
            }
            let mut edge = curve.band.clone();
            edge.extend(curve.band.first());
            ink.add(&edge, Owner::Band(i));
        }
        for line in &obstacles.lines {
            ink.add(line, Owner::Other);
        }
        ink
    }

    fn add(&mut self, line: &[Point], owner: Owner) {
        for point in along(line, 0.0, SAMPLE) {
            self.cells.entry(cell(point)).or_default().push((point, owner));
        }
    }

    /// Distances from a box to its own line, its own band and the rest, each at most [`REACH`].
    fn distances(&self, rect: &Rect, own: usize) -> (f64, f64, f64) {
        let (mut line, mut band, mut rest) = (REACH, REACH, REACH);
        let wide = rect.grown(REACH);
        let (from, to) = (cell((wide.left, wide.top)), cell((wide.right, wide.bottom)));
        for column in from.0..=to.0 {
            for (_, points) in self.cells.range((column, from.1)..=(column, to.1)) {
                for &(point, owner) in points {
                    let distance = rect.distance(point);
                    let least = match owner {
                        Owner::Line(i) if i == own => &mut line,
                        Owner::Band(i) if i == own => &mut band,
                        _ => &mut rest,
                    };
                    *least = least.min(distance);
                }
            }
        }
        (line, band, rest)
    }
}

fn cell(p: Point) -> (i32, i32) {
    ((p.0 / REACH).floor() as i32, (p.1 / REACH).floor() as i32)
}

/// The box of a label whose baseline starts at `at`, from cap height to a little under the line.
pub fn label_box(at: Point, label: &Label) -> Rect {
    Rect {
        left: at.0,
        right: at.0 + label.width(),
        top: at.1 - label.cap(),
        bottom: at.1 + 0.12 * label.size,
    }
}

/// Baselines of all names, or `None` if one of them finds no place: names in a figure are either
/// all beside their curves or all elsewhere.
pub fn place(axes: &Rect, curves: &[Named], obstacles: &Obstacles) -> Option<(Vec<Point>, f64)> {
    [(7.5, 2.0), (7.0, 1.4)].into_iter().find_map(|(points, clearance)| {
        let sized: Vec<Named> = curves
            .iter()
            .map(|curve| {
                let mut curve = curve.clone();
                curve.label.size = points * PT;
                curve
            })
            .collect();
        try_place(axes, &sized, obstacles, clearance * PT).map(|places| (places, points))
    })
}

fn try_place(
    axes: &Rect,
    curves: &[Named],
    obstacles: &Obstacles,
    clearance: f64,
) -> Option<Vec<Point>> {
    let ink = Ink::of(curves, obstacles);
    let mut taken: Vec<Rect> = Vec::new();
    let mut places = Vec::new();
    for (own, curve) in curves.iter().enumerate() {
        let (width, height) = (curve.label.width(), curve.label.cap() + 0.12 * curve.label.size);
        let mut best: Option<(f64, Point)> = None;
        let samples = curve.line.iter().flat_map(|piece| along(piece, 0.0, 3.0 * SAMPLE));
        for sample in samples {
            for (right, down) in offsets() {
                let left = sample.0 + right * (width / 2.0 + 7.0 * PT) - width / 2.0;
                let top = sample.1 + down * (height / 2.0 + 7.0 * PT) - height / 2.0;
                let rect = Rect { left, top, right: left + width, bottom: top + height };
                if !axes.grown(-2.5 * PT).contains(&rect)
                    || taken.iter().any(|other| other.gap(&rect) < clearance)
                    || obstacles.boxes.iter().any(|other| other.gap(&rect) < clearance)
                    || obstacles
                        .references
                        .iter()
                        .any(|&y| y > rect.top - PT && y < rect.bottom + PT)
                {
                    continue;
                }
                let (line, band, rest) = ink.distances(&rect, own);
                let near = line.min(band);
                // Nearer to another curve than to its own, a name would be misread.
                let misread = rest < clearance.max(near);
                let beside = (1.5 * PT..=7.0 * PT).contains(&near);
                if !beside || misread || covers(curves, &rect) {
                    continue;
                }
                let band = if curve.band.is_empty() { line } else { band };
                let score = rest - 0.9 * band - 0.9 * line;
                if best.is_none_or(|(least, _)| score > least + 1e-9) {
                    best = Some((score, (left, top + curve.label.cap())));
                }
            }
        }
        let (_, at) = best?;
        taken.push(label_box(at, &curve.label));
        places.push(at);
    }
    Some(places)
}

/// 13 × 9 places of the box around a sample, in shares of the farthest.
fn offsets() -> impl Iterator<Item = (f64, f64)> {
    (-6..=6_i32).flat_map(|i| (-4..=4_i32).map(move |j| (f64::from(i) / 6.0, f64::from(j) / 4.0)))
}

/// Whether part of the box lies in a band.
fn covers(curves: &[Named], rect: &Rect) -> bool {
    let middle = f64::midpoint(rect.left, rect.right);
    let height = f64::midpoint(rect.top, rect.bottom);
    let mut probes = rect.corners().to_vec();
    probes.extend([(middle, height), (middle, rect.top), (middle, rect.bottom)]);
    curves
        .iter()
        .filter(|curve| curve.band.len() > 2)
        .any(|curve| probes.iter().any(|&p| inside(p, &curve.band)))
}

/// Heights near `wanted`, at least `step` apart and inside `low..=high` where they fit: the least
/// total displacement (isotonic regression by pooling adjacent violators).
pub fn spread(wanted: &[f64], step: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, &i) in order.iter().enumerate() {
        pools.push((wanted[i] - step * rank as f64, 1));
        while pools.len() > 1 && pools[pools.len() - 2].0 > pools[pools.len() - 1].0 {
            let (a, n) = pools.pop().unwrap_or_default();
            let last = pools.len() - 1;
            let (b, m) = pools[last];
            pools[last] = ((a * n as f64 + b * m as f64) / (n + m) as f64, n + m);
        }
    }
    let room = step * wanted.len().saturating_sub(1) as f64;
    let top = (high - room).max(low);
    let flat = pools.into_iter().flat_map(|(mean, count)| std::iter::repeat_n(mean, count));
    let mut places = vec![0.0; wanted.len()];
    for (rank, (height, &i)) in flat.zip(&order).enumerate() {
        places[i] = height.clamp(low, top) + step * rank as f64;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::style::INK;

    const AXES: Rect = Rect { left: 0.0, top: 0.0, right: 7000.0, bottom: 4700.0 };

    fn straight(name: &str, from: f64, to: f64) -> Named {
        Named {
            label: Label::new(name, 7.5, INK),
            line: vec![vec![(0.0, from), (7000.0, to)]],
            band: vec![
                (0.0, from - 60.0),
                (7000.0, to - 60.0),
                (7000.0, to + 60.0),
                (0.0, from + 60.0),
            ],
        }
    }

    #[test]
    fn names_stand_near_their_own_line_and_clear_of_all_others() {
        let curves = [
            straight("first", 200.0, 2000.0),
            straight("second", 1500.0, 3000.0),
            straight("third", 4500.0, 2500.0),
        ];
        let (places, points) = place(&AXES, &curves, &Obstacles::default()).unwrap();
        let boxes: Vec<Rect> = places
            .iter()
            .zip(&curves)
            .map(|(&at, curve)| label_box(at, &Label::new(&curve.label.plain(), points, INK)))
            .collect();
        for (i, rect) in boxes.iter().enumerate() {
            for (j, curve) in curves.iter().enumerate() {
                let near = along(&curve.line[0], 0.0, 5.0)
                    .into_iter()
                    .map(|p| rect.distance(p))
                    .fold(f64::INFINITY, f64::min);
                if i == j {
                    assert!(near > 1.4 * PT && near < 16.0 * PT, "{i}: {near}");
                } else {
                    assert!(near > 1.9 * PT, "{i} meets {j}");
                }
            }
            assert!(boxes[..i].iter().all(|other| other.gap(rect) >= 1.9 * PT));
        }
    }

    #[test]
    fn a_crowded_figure_gets_no_names_at_all() {
        let curves: Vec<Named> = (0..24)
            .map(|i| straight("a name of some length", f64::from(i) * 200.0, f64::from(i) * 200.0))
            .collect();
        assert!(place(&AXES, &curves, &Obstacles::default()).is_none());
    }

    #[test]
    fn spreading_moves_little_and_keeps_the_step() {
        assert_eq!(spread(&[0.0, 100.0], 10.0, 0.0, 200.0), vec![0.0, 100.0]);
        assert_eq!(spread(&[50.0, 50.0], 10.0, 0.0, 200.0), vec![45.0, 55.0]);
        assert_eq!(spread(&[199.0, 198.0], 10.0, 0.0, 200.0), vec![200.0, 190.0]);
        let tight = spread(&[3.0, 1.0, 2.0, 90.0], 10.0, 0.0, 100.0);
        let mut sorted = tight.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|w| w[1] - w[0] >= 10.0 - 1e-9) && sorted[0] >= 0.0);
    }
}
