//! One number per run: strips of all seeds, and paired differences.

use super::axis::{Axis, Scale};
use super::curves::quantile;
use super::frame::Frame;
use super::geometry::Rect;
use super::scene::{About, Anchor, Scene, Stroke, axis_stroke};
use super::style::{self, INK, MM, PAIR, PT, REFUTED, SOFT};
use super::text::{Label, escape};

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
    /// Solvers in order; a paired figure takes the first two.
    pub columns: Vec<Column>,
    /// Scale of the numbers.
    pub scale: Scale,
    /// Title of the numbers with their unit.
    pub title: String,
    /// Larger is better.
    pub higher: bool,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

const DOTS: usize = 40;

/// Every seed as a dot with the median as a bar, one row a solver; boxes above 40 seeds.
pub fn strip(data: &Replicates) -> Scene {
    let row = 6.4 * MM;
    let width = data.width * MM;
    let trial = if data.trial { 2.4 * MM } else { 0.0 };
    let names: Vec<Label> = data
        .columns
        .iter()
        .map(|c| Label::new(&escape(&c.name), 7.5, style::of(c.place, 0).0.text))
        .collect();
    let widest = names.iter().map(Label::width).fold(0.0, f64::max).min(0.45 * width);
    let top = 1.8 * MM + trial;
    let bottom = top + row * data.columns.len() as f64;
    let values = data.columns.iter().flat_map(|c| c.values.iter().map(|v| v.1));
    let left = widest + 3.4 * MM;
    let x = Axis::over(data.scale, values, left, width - 4.0 * MM);
    let rect = Rect { left, top, right: width - Frame::right_margin(&x), bottom };
    let x = x.moved(rect.left, rect.right);
    let mut scene = Scene::new(width, (bottom + 8.6 * MM).round(), data.about.clone());
    for tick in x.ticks().iter().filter(|tick| tick.label.is_some()) {
        scene.line(vec![(tick.at, top), (tick.at, bottom)], Stroke::solid(style::GRID, 0.4));
    }
    for (i, (column, name)) in data.columns.iter().zip(names).enumerate() {
        let middle = top + row * (i as f64 + 0.5);
        let color = style::of(column.place, 0).0.color;
        let name = fitted(name, widest);
        scene.text_level((left - 1.8 * MM, middle), Anchor::End, name);
        let mut sorted: Vec<f64> =
            column.values.iter().map(|v| v.1).filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() {
            continue;
        }
        let log = data.scale == Scale::Log;
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
    bottom_axis(&mut scene, &x, &rect, &data.title);
    note(&mut scene, data, rect.bottom);
    scene
}

fn fitted(mut label: Label, room: f64) -> Label {
    while label.width() > room && label.size > 4.9 * PT {
        label.size -= 0.2 * PT;
    }
    label
}

fn bottom_axis(scene: &mut Scene, x: &Axis, rect: &Rect, title: &str) {
    scene.line(vec![(rect.left, rect.bottom), (rect.right, rect.bottom)], axis_stroke());
    for tick in x.ticks() {
        let length = if tick.major { 3.0 * PT } else { 1.6 * PT };
        scene.line(
            vec![(tick.at, rect.bottom), (tick.at, rect.bottom + length)],
            Stroke::solid(INK, 0.6),
        );
        if let Some(text) = tick.label {
            let label = Label::new(&text, super::frame::TICK, INK);
            scene.text((tick.at, rect.bottom + 4.8 * PT + label.cap()), Anchor::Middle, label);
        }
    }
    let title = super::frame::with_factor(title, x.factor);
    let label = Label::new(&title, super::frame::TITLE, INK);
    scene.text(
        (f64::midpoint(rect.left, rect.right), rect.bottom + 7.5 * MM),
        Anchor::Middle,
        label,
    );
}

fn note(scene: &mut Scene, data: &Replicates, bottom: f64) {
    let count = data.columns.iter().map(|c| c.values.len()).max().unwrap_or(0);
    let label = Label::new(&format!("*n* = {count}"), 6.5, SOFT);
    scene.text((scene.width - 1.2 * MM, bottom + 7.5 * MM), Anchor::End, label);
    if data.trial {
        scene.trial_mark();
    }
}

/// Left one line per seed between two solvers, worse pairs in red; right the differences (ratios
/// on a log scale), one dot a pair, with median and quartiles.
pub fn paired(data: &Replicates) -> Option<Scene> {
    let [first, second] = data.columns.get(..2)? else { return None };
    let pairs: Vec<(f64, f64)> = first
        .values
        .iter()
        .filter_map(|(seed, a)| {
            let b = second.values.iter().find(|(other, _)| other == seed)?.1;
            (a.is_finite() && b.is_finite()).then_some((*a, b))
        })
        .collect();
    let log = data.scale == Scale::Log && pairs.iter().all(|(a, b)| *a > 0.0 && *b > 0.0);
    let scale = if log { Scale::Log } else { Scale::Linear };
    let width = data.width * MM;
    let height = 58.0 * MM;
    let trial = if data.trial { 2.4 * MM } else { 0.0 };
    let (top, bottom) = (1.8 * MM + trial, height - 8.6 * MM);
    let values = pairs.iter().flat_map(|(a, b)| [*a, *b]);
    let y = Axis::over(scale, values, bottom, top);
    let left = Frame::left_margin(&y);
    let rect = Rect { left, top, right: 0.6 * width, bottom };
    let mut scene = Scene::new(width, height, data.about.clone());
    let (xa, xb) =
        (rect.left + 0.28 * (rect.right - rect.left), rect.left + 0.72 * (rect.right - rect.left));
    for tick in y.ticks().iter().filter(|tick| tick.label.is_some()) {
        scene.line(
            vec![(rect.left, tick.at), (rect.right, tick.at)],
            Stroke::solid(style::GRID, 0.4),
        );
    }
    let worse = |a: f64, b: f64| if data.higher { a < b } else { a > b };
    // The worse pairs last, so that none hides.
    for red in [false, true] {
        for &(a, b) in pairs.iter().filter(|(a, b)| worse(*a, *b) == red) {
            if let (Some(ya), Some(yb)) = (y.place(a), y.place(b)) {
                let color = if red { REFUTED } else { PAIR };
                scene.line(vec![(xa, ya), (xb, yb)], Stroke::solid(color, 0.6));
            }
        }
    }
    for (x, column, side) in [(xa, first, -1.0), (xb, second, 1.0)] {
        let mut sorted: Vec<f64> =
            pairs.iter().map(|p| if side < 0.0 { p.0 } else { p.1 }).collect();
        sorted.sort_by(f64::total_cmp);
        let color = style::of(column.place, 0).0;
        summary(&mut scene, &y, x + side * 2.6 * MM, &sorted, log, color.color);
        let label = fitted(
            Label::new(&escape(&column.name), 7.5, color.text),
            0.5 * (rect.right - rect.left) - 1.0 * MM,
        );
        scene.text((x + side * 2.0 * MM, bottom + 3.9 * MM), Anchor::Middle, label);
    }
    let frame = Frame { rect, x: Axis::over(Scale::Linear, std::iter::empty(), 0.0, 1.0), y };
    frame.draw_left(&mut scene, &data.title);
    scene.line(vec![(rect.left, bottom), (rect.right, bottom)], axis_stroke());
    differences(&mut scene, &pairs, log, (rect.right, width - 2.0 * MM, top, bottom), &worse);
    note(&mut scene, data, bottom);
    Some(scene)
}

/// Median as a bar and quartiles as an interval at one x.
fn summary(scene: &mut Scene, y: &Axis, x: f64, sorted: &[f64], log: bool, color: style::Color) {
    if sorted.is_empty() {
        return;
    }
    let at = |share| y.place(quantile(sorted, share, log));
    if let (Some(a), Some(m), Some(b)) = (at(0.25), at(0.5), at(0.75)) {
        scene.line(vec![(x, a), (x, b)], Stroke::solid(color, 1.5));
        scene.line(vec![(x - 1.1 * MM, m), (x + 1.1 * MM, m)], Stroke::solid(color, 1.5));
    }
}

fn differences(
    scene: &mut Scene,
    pairs: &[(f64, f64)],
    log: bool,
    (from, right, top, bottom): (f64, f64, f64, f64),
    worse: &dyn Fn(f64, f64) -> bool,
) {
    let differences: Vec<f64> =
        pairs.iter().map(|(a, b)| if log { a / b } else { a - b }).collect();
    let same = if log { 1.0 } else { 0.0 };
    let scale = if log { Scale::Log } else { Scale::Linear };
    let axis = Axis::over(scale, differences.iter().copied().chain([same]), bottom, top);
    let left = from + Frame::left_margin(&axis);
    let rect = Rect { left, top, right, bottom };
    let frame =
        Frame { rect, x: Axis::over(Scale::Linear, std::iter::empty(), 0.0, 1.0), y: axis.clone() };
    if let Some(level) = axis.place(same) {
        scene.line(vec![(left, level), (right, level)], Stroke::dots(SOFT, 0.6));
    }
    let count = pairs.len().max(2) as f64 - 1.0;
    for (rank, (&(a, b), &d)) in pairs.iter().zip(&differences).enumerate() {
        let Some(y) = axis.place(d) else { continue };
        let x = left + (0.5 + 0.4 * rank as f64 / count) * (right - left);
        scene.disc((x, y), 1.1 * PT, if worse(a, b) { REFUTED } else { PAIR });
    }
    let mut sorted = differences;
    sorted.sort_by(f64::total_cmp);
    summary(scene, &axis, left + 0.25 * (right - left), &sorted, log, INK);
    frame.draw_left(scene, if log { "ratio" } else { "difference" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::svg;

    pub(crate) fn data(seeds: u64) -> Replicates {
        let column = |name: &str, place: usize, shift: f64| Column {
            name: name.into(),
            place,
            values: (0..seeds)
                .map(|s| (s, 0.9 + shift + 0.01 * ((s * 7 % 11) as f64 / 11.0)))
                .collect(),
        };
        let mut columns = vec![column("admm-softmax", 0, 0.004), column("lbfgs-10", 1, 0.0)];
        for (rank, value) in columns[1].values.iter_mut().enumerate() {
            value.1 += if rank % 3 == 0 { 0.006 } else { -0.002 };
        }
        Replicates {
            columns,
            scale: Scale::Linear,
            title: "test accuracy".into(),
            higher: true,
            width: 85.0,
            trial: false,
            about: About::default(),
        }
    }

    fn discs(svg: &str) -> usize {
        svg.matches("<circle").count()
    }

    #[test]
    fn a_strip_shows_every_seed_and_boxes_only_above_forty() {
        assert_eq!(discs(&svg::write(&strip(&data(20)))), 40);
        assert_eq!(discs(&svg::write(&strip(&data(41)))), 0);
    }

    #[test]
    fn a_paired_figure_has_a_line_and_a_dot_per_pair_and_shows_worse_pairs_in_red() {
        let svg = svg::write(&paired(&data(12)).unwrap());
        assert_eq!(discs(&svg), 12);
        assert_eq!(svg.matches(&format!("stroke=\"{}\"", REFUTED.code())).count(), 4);
        let mut alone = data(3);
        alone.columns.truncate(1);
        assert!(paired(&alone).is_none());
    }

    #[test]
    fn labels_stay_on_the_page() {
        for scene in [strip(&data(20)), paired(&data(12)).unwrap()] {
            for (text, area) in scene.label_boxes() {
                assert!(area.left >= 0.0 && area.right <= scene.width, "{text}: {area:?}");
            }
        }
    }
}
