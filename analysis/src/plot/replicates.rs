//! One number per run: every seed as a dot with the median as a bar, boxes above forty seeds.

use super::axis::{Axis, Scale};
use super::convergence::count;
use super::curves::quantile;
use super::frame::Frame;
use super::geometry::Rect;
use super::scene::{About, Anchor, Scene, Stroke, TRIAL};
use super::style::{self, Color, INK, MM, PT};
use super::text::Label;

/// The numbers of one solver.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name of the curve.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Seed and number, by rising seed.
    pub values: Vec<(u64, f64)>,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Replicates {
    /// Solvers in order.
    pub columns: Vec<Column>,
    /// Scale of the numbers.
    pub scale: Scale,
    /// Title of the numbers with their unit.
    pub title: String,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// Most seeds that are shown one by one.
pub(super) const DOTS: usize = 40;

/// Every seed as a dot with the median as a bar, one row a solver; boxes above 40 seeds.
pub fn strip(data: &Replicates) -> Scene {
    let row = 6.4 * MM;
    let width = data.width * MM;
    let trial = if data.trial { TRIAL } else { 0.0 };
    let names: Vec<(&str, Color)> =
        data.columns.iter().map(|c| (c.name.as_str(), style::of(c.place, 0).0.text)).collect();
    let names = Label::column(&names, 7.5, 5.5, 0.4 * width);
    let widest = names.iter().map(Label::width).fold(0.0, f64::max);
    let top = 1.8 * MM + trial;
    let bottom = top + row * data.columns.len() as f64;
    let values = data.columns.iter().flat_map(|c| c.values.iter().map(|v| v.1));
    let left = widest + 3.4 * MM;
    let mut x = Axis::over(data.scale, values, left, width - 4.0 * MM);
    x.fine = true;
    let rect = Rect { left, top, right: width - Frame::right_margin(&x), bottom };
    let x = x.moved(rect.left, rect.right);
    let mut scene = Scene::new(width, (bottom + 8.6 * MM).round(), data.about.clone());
    for tick in x.ticks().iter().filter(|tick| tick.label.is_some()) {
        scene.line(vec![(tick.at, top), (tick.at, bottom)], Stroke::solid(style::GRID, 0.4));
    }
    for (i, (column, name)) in data.columns.iter().zip(names).enumerate() {
        let middle = top + row * (i as f64 + 0.5);
        let color = style::of(column.place, 0).0.color;
        scene.text_level((left - 1.8 * MM, middle), Anchor::End, name);
        let mut sorted: Vec<f64> =
            column.values.iter().map(|v| v.1).filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() {
            continue;
        }
        let log = data.scale.is_log();
        if sorted.len() <= DOTS {
            let count = column.values.len().max(2) as f64 - 1.0;
            for (rank, (_, value)) in column.values.iter().enumerate() {
                let Some(at) = x.place(*value) else { continue };
                // Spread by rank of the seed: no generator, and the same seed at the same height.
                let y = middle + (rank as f64 / count - 0.5) * 0.55 * row;
                scene.disc((at, y), 1.1 * PT, color);
            }
        } else {
            let quarter = |share| x.place(quantile(&sorted, share, log)).unwrap_or(left);
            let (a, b) = (quarter(0.25), quarter(0.75));
            let cell =
                Rect { left: a, right: b, top: middle - 0.25 * row, bottom: middle + 0.25 * row };
            scene.area(cell.corners().to_vec(), color, 25);
            let (least, most) = (quarter(0.1), quarter(0.9));
            scene.line(vec![(least, middle), (most, middle)], Stroke::solid(color, 0.7));
        }
        if let Some(median) = x.place(quantile(&sorted, 0.5, log)) {
            let bar = vec![(median, middle - 0.38 * row), (median, middle + 0.38 * row)];
            scene.line(bar, Stroke::solid(INK, 1.2));
        }
    }
    let frame = Frame::new(rect, x, Axis::named(0.0, 1.0, Vec::new()));
    let note = count(data.columns.iter().map(|column| column.values.len()));
    frame.draw_bottom(&mut scene, &data.title, &note);
    if data.trial {
        scene.trial_mark();
    }
    scene
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{samples, svg};

    #[test]
    fn a_strip_shows_every_seed_and_boxes_only_above_forty() {
        let discs = |seeds| svg::write(&strip(&samples::strip(seeds))).matches("<circle").count();
        assert_eq!(discs(20), 60);
        assert_eq!(discs(41), 0);
    }
}
