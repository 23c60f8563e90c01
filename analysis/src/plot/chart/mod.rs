//! Lines in axes with their names: what convergence, slopes, times to target, profiles and window
//! sensitivity share.
//!
//! Names stand beside the curves where all find a place, else at the right, else in a strip above
//! the axes: one style in a figure, and never on data.

mod fit;
mod layout;
pub mod legend;
mod marks;

pub use self::fit::Fit;
pub(super) use self::marks::end_mark;

use super::axis::Axis;
use super::curves::End;
use super::names;
use super::scene::{About, Anchor, Scene};
use super::style::{self, MM};
use super::text::{Label, escape};

use self::layout::Layout;

/// A line with what belongs to it, in values.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Place among the hyper-parameter variants of the solver.
    pub variant: usize,
    /// Corners: where.
    pub x: Vec<f64>,
    /// Corners: what.
    pub y: Vec<f64>,
    /// Markers stand on the corners, as for a few measured places, not along the line.
    pub marked: bool,
    /// Upright intervals: where, from, to.
    pub whiskers: Vec<(f64, f64, f64)>,
    /// Lower and upper edge of the band, over the same places; empty without a band.
    pub band: (Vec<f64>, Vec<f64>),
    /// How it ended; no mark where that says nothing.
    pub end: Option<End>,
    /// Short upright strokes on the line: runs that were censored there.
    pub ticks: Vec<(f64, f64)>,
    /// A small triangle on the horizontal axis.
    pub foot: Option<f64>,
    /// A number at the right edge.
    pub closing: Option<String>,
}

impl Line {
    /// Look and dash.
    fn look(&self) -> (style::Look, &'static [f64]) {
        style::of(self.place, self.variant)
    }

    fn label(&self, size: f64) -> Label {
        Label::new(&escape(&self.name), size, self.look().0.text)
    }
}

/// Corners of a step function that jumps to `y[i]` at `x[i]` and keeps it until `end`.
pub fn stepped(x: &[f64], y: &[f64], before: f64, end: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    let mut last = before;
    for (&x, &y) in x.iter().zip(y) {
        xs.extend([x, x]);
        ys.extend([last, y]);
        last = y;
    }
    xs.push(end);
    ys.push(last);
    (xs, ys)
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Lines in the order of the paper's solvers.
    pub lines: Vec<Line>,
    /// Axes; where they stand on paper is decided here.
    pub axes: (Axis, Axis),
    /// Titles with units.
    pub titles: (String, String),
    /// A dotted level with its label.
    pub reference: Option<(f64, String)>,
    /// Heights between which a claim holds.
    pub holds: Option<(f64, f64)>,
    /// A dotted upright line: a declared window, a declared ratio.
    pub upright: Option<f64>,
    /// A fitted rate.
    pub fit: Option<Fit>,
    /// Whether the lines are named.
    pub named: bool,
    /// Said at the bottom right, such as the number of runs.
    pub note: String,
    /// Width in mm.
    pub width: f64,
    /// Height in mm where it is not the usual share of the width.
    pub height: Option<f64>,
    /// Least room at the left of the axes in units of 10 µm, so that panels line up.
    pub left: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

impl Chart {
    /// A named chart of `width` mm without anything beside its lines.
    pub fn new(lines: Vec<Line>, axes: (Axis, Axis), titles: (String, String), width: f64) -> Self {
        Self {
            lines,
            axes,
            titles,
            reference: None,
            holds: None,
            upright: None,
            fit: None,
            named: true,
            note: String::new(),
            width,
            height: None,
            left: 0.0,
            trial: false,
            about: About::default(),
        }
    }
}

/// Where the names of the lines are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    /// Beside the curves.
    Beside,
    /// At the right of the axes.
    Gutter,
    /// In a strip above the axes.
    Strip,
}

/// Draws the chart; also says where the names went.
pub fn draw(chart: &Chart) -> (Scene, Names) {
    let plain = Layout::new(chart, 0.0, 0.0);
    if !chart.named {
        return (plain.finish(chart, plain.scene(chart)), Names::Beside);
    }
    let labels: Vec<Label> = chart.lines.iter().map(|line| line.label(7.5)).collect();
    let closing = chart.lines.iter().any(|line| line.closing.is_some());
    if !closing
        && let Some((places, size)) =
            names::place(&plain.frame.rect, &plain.named(&labels), &plain.obstacles())
    {
        let mut scene = plain.scene(chart);
        for (line, at) in chart.lines.iter().zip(places) {
            scene.text(at, Anchor::Start, line.label(size));
        }
        return (plain.finish(chart, scene), Names::Beside);
    }
    let right = plain.frame.rect.right - 0.5 * MM;
    let at_edge = plain.lasts.iter().flatten().filter(|last| last.0 > right).count();
    let widest = chart.lines.iter().map(|line| layout::gutter_label(line).width());
    let widest = widest.fold(0.0, f64::max);
    if 5 * at_edge >= 3 * chart.lines.len() && widest < 0.3 * chart.width * MM {
        let layout = Layout::new(chart, 0.0, widest + layout::ELBOW);
        let mut scene = layout.scene(chart);
        layout.draw_gutter(chart, &mut scene, layout::gutter_label);
        return (layout.finish(chart, scene), Names::Gutter);
    }
    // Numbers at the right edge stay there, whatever becomes of the names.
    let widest = chart.lines.iter().map(|line| layout::closing_label(line).width());
    let beside = if closing { widest.fold(0.0, f64::max) + layout::ELBOW } else { 0.0 };
    let entries: Vec<legend::Entry> = chart.lines.iter().map(legend::Entry::of).collect();
    let room = chart.width * MM - plain.frame.rect.left - 1.2 * MM;
    // The tick of a diverged curve stands 2 mm above the axes.
    let fled = chart.lines.iter().any(|line| matches!(line.end, Some(End::Diverged | End::Broken)));
    let above = legend::height(&entries, room) + if fled { 2.2 * MM } else { 0.0 };
    let layout = Layout::new(chart, above, beside);
    let mut scene = layout.scene(chart);
    let top = Layout::top(chart);
    legend::draw(&mut scene, &entries, (layout.frame.rect.left, top), room);
    if closing {
        layout.draw_gutter(chart, &mut scene, layout::closing_label);
    }
    (layout.finish(chart, scene), Names::Strip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_keeps_its_value_until_the_next_jump() {
        let (x, y) = stepped(&[1.0, 3.0], &[0.5, 1.0], 0.0, 4.0);
        assert_eq!(x, [1.0, 1.0, 3.0, 3.0, 4.0]);
        assert_eq!(y, [0.0, 0.5, 0.5, 1.0, 1.0]);
    }
}
