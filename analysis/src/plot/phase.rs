//! Phase portraits: trajectories with arrow heads on equal scales, equilibria, the field as ticks.

use super::axis::{Axis, Scale};
use super::chart::{end_mark, legend};
use super::curves::End;
use super::frame::Frame;
use super::geometry::{Point, Rect, along, clip_line, length};
use super::scene::{About, Scene, Stroke, TRIAL};
use super::style::{self, Color, INK, MM, PAPER, PT, REST};

/// One path through the plane.
#[derive(Clone, Debug)]
pub struct Trajectory {
    /// Name of the curve.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Place among the hyper-parameter variants of the solver.
    pub variant: usize,
    /// Its points in time order.
    pub points: Vec<(f64, f64)>,
    /// How it ended.
    pub end: End,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Paths, those of one solver one after the other.
    pub trajectories: Vec<Trajectory>,
    /// Points of rest, and whether they are stable.
    pub equilibria: Vec<((f64, f64), bool)>,
    /// Places and directions of the field.
    pub field: Vec<((f64, f64), (f64, f64))>,
    /// Titles with units.
    pub titles: (String, String),
    /// Said at the bottom right.
    pub note: String,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// Draws the portrait.
pub fn draw(data: &Phase) -> Scene {
    let width = data.width * MM;
    let mut entries: Vec<legend::Entry> = Vec::new();
    for path in &data.trajectories {
        let (look, dash) = style::of(path.place, path.variant);
        let sample = legend::Sample::Line(look.color, dash, None);
        let entry = legend::Entry { sample, name: path.name.clone() };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    let trial = if data.trial { TRIAL } else { 0.0 };
    let top = 1.8 * MM + trial + legend::height(&entries, width - 14.0 * MM);
    let (frame, bottom) = frame(data, width, top);
    let rect = frame.rect;
    let mut scene = Scene::new(width, (bottom + 8.6 * MM).round(), data.about.clone());
    let at = (rect.left, 1.8 * MM + trial);
    legend::draw(&mut scene, &entries, at, width - 14.0 * MM);
    for &(place, direction) in &data.field {
        tick(&mut scene, &frame, place, direction);
    }
    for path in &data.trajectories {
        let (look, dash) = style::of(path.place, path.variant);
        let points = path.points.iter().filter_map(|&(x, y)| frame.point(x, y));
        let points: Vec<Point> = points.collect();
        for piece in clip_line(&points, &rect) {
            heads(&mut scene, &piece, look.color);
            scene.line(piece, Stroke::dashed(look.color, 0.6, dash));
        }
        if let Some(&start) = points.first().filter(|&&p| rect.holds(p)) {
            scene.disc(start, 1.2 * PT, look.color);
        }
    }
    for &((x, y), stable) in &data.equilibria {
        let Some(at) = frame.point(x, y).filter(|&p| rect.holds(p)) else { continue };
        scene.disc(at, 2.3 * PT, INK);
        if !stable {
            scene.disc(at, 1.5 * PT, PAPER);
        }
    }
    for path in &data.trajectories {
        let last = path.points.last().and_then(|&(x, y)| frame.point(x, y));
        // A path whose time is up where it has arrived ends under the mark of its point of rest.
        let arrived = |p: &Point| {
            let rests = data.equilibria.iter().filter_map(|&((x, y), _)| frame.point(x, y));
            rests.map(|rest| (p.0 - rest.0).hypot(p.1 - rest.1)).any(|gap| gap < 3.0 * PT)
        };
        let hidden = |p: &Point| path.end == End::Censored && arrived(p);
        if let Some(at) = last.filter(|p| rect.grown(0.5).holds(*p) && !hidden(p)) {
            end_mark(&mut scene, at, path.end, style::of(path.place, path.variant).0.color);
        }
    }
    frame.draw_axes(&mut scene, &data.titles.0, &data.titles.1, &data.note);
    if data.trial {
        scene.trial_mark();
    }
    scene
}

/// Axes of equal scale: the lower of the two ranges is stretched around its middle, to no less than
/// a third of the other.
fn frame(data: &Phase, width: f64, top: f64) -> (Frame, f64) {
    let points = || {
        let paths = data.trajectories.iter().flat_map(|path| path.points.iter().copied());
        paths.chain(data.equilibria.iter().map(|e| e.0)).chain(data.field.iter().map(|f| f.0))
    };
    // About as long as they will be: what their labels are depends on that.
    let over = |values: Vec<f64>| Axis::over(Scale::Linear, values.into_iter(), width, 0.0);
    let xs: Vec<f64> = points().map(|p| p.0).collect();
    let mut ys: Vec<f64> = points().map(|p| p.1).collect();
    let x = over(xs.clone());
    let mut y = over(ys.clone());
    let span = |axis: &Axis| axis.range().1 - axis.range().0;
    if span(&y) < span(&x) / 3.0 {
        let middle = f64::midpoint(y.range().0, y.range().1);
        ys.extend([middle - span(&x) / 6.0, middle + span(&x) / 6.0]);
        y = over(ys);
    }
    let left = Frame::left_margin(&y);
    let wide = width - left - Frame::right_margin(&x.clone().moved(left, width));
    // No higher than wide: a tall portrait becomes narrow.
    let scale = (wide / span(&x)).min(wide / span(&y));
    let right = left + scale * span(&x);
    let bottom = top + scale * span(&y);
    (Frame::new(Rect { left, top, right, bottom }, x, y), bottom)
}

/// A short gray stroke along the field, with its thicker half ahead.
fn tick(scene: &mut Scene, frame: &Frame, (x, y): (f64, f64), (u, v): (f64, f64)) {
    let size = u.hypot(v);
    let Some(at) = frame.point(x, y).filter(|&p| frame.rect.grown(-MM).holds(p)) else {
        return;
    };
    if !(size > 0.0 && size.is_finite()) {
        return;
    }
    let (dx, dy) = (0.8 * MM * u / size, -0.8 * MM * v / size);
    scene.line(vec![(at.0 - dx, at.1 - dy), (at.0 + dx, at.1 + dy)], Stroke::solid(REST, 0.45));
    scene.line(vec![at, (at.0 + dx, at.1 + dy)], Stroke::solid(REST, 0.9));
}

/// Three arrow heads at quarters of the length, if it is long enough for them.
fn heads(scene: &mut Scene, piece: &[Point], color: Color) {
    let whole = length(piece);
    if whole < 8.0 * MM {
        return;
    }
    for quarter in 1..=3 {
        let at = whole * f64::from(quarter) / 4.0;
        // The direction over one millimetre, so that a kink does not turn the head.
        let behind = along(piece, at - 0.5 * MM, whole).first().copied();
        let ahead = along(piece, at + 0.5 * MM, whole).first().copied();
        let (Some(a), Some(b)) = (behind, ahead) else { continue };
        let size = (b.0 - a.0).hypot(b.1 - a.1);
        if size < 0.2 * MM {
            continue;
        }
        let (ux, uy) = ((b.0 - a.0) / size, (b.1 - a.1) / size);
        let tip =
            (f64::midpoint(a.0, b.0) + 1.4 * PT * ux, f64::midpoint(a.1, b.1) + 1.4 * PT * uy);
        let base = (tip.0 - 3.4 * PT * ux, tip.1 - 3.4 * PT * uy);
        let half = 1.5 * PT;
        let corners = vec![
            tip,
            (base.0 - half * uy, base.1 + half * ux),
            (base.0 + half * uy, base.1 - half * ux),
        ];
        scene.area(corners, color, 100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::samples;

    #[test]
    fn both_axes_have_the_same_scale() {
        let mut data = samples::phase();
        for factor in [1.0, 0.05, 4.0] {
            for path in &mut data.trajectories {
                for point in &mut path.points {
                    point.1 *= factor;
                }
            }
            let (frame, _) = frame(&data, 8500.0, 500.0);
            let (a, b, c) = (
                frame.point(0.0, 0.0).unwrap(),
                frame.point(1.0, 0.0).unwrap(),
                frame.point(0.0, 1.0).unwrap(),
            );
            assert!(((b.0 - a.0) - (a.1 - c.1)).abs() < 1e-6 * (b.0 - a.0), "{factor}");
        }
    }
}
