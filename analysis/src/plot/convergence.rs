//! Convergence: median lines with 10–90 % bands over seeds, target, end marks.

use super::axis::{Axis, Scale};
use super::chart::{self, Chart, Line, Names};
use super::curves::{Curve, End};
use super::number;
use super::scene::{About, Scene};
use super::style;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Convergence {
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
    /// Heights between which a claim holds.
    pub holds: Option<(f64, f64)>,
    /// What the curves are held against, in ink.
    pub theory: Option<Theory>,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// A curve that no run made.
#[derive(Clone, Debug)]
pub struct Theory {
    /// Its name.
    pub name: String,
    /// Places.
    pub x: Vec<f64>,
    /// Values.
    pub y: Vec<f64>,
}

impl Theory {
    /// The line, in ink: it belongs to no solver.
    fn line(&self) -> Line {
        let (name, x, y) = (self.name.clone(), self.x.clone(), self.y.clone());
        Line { name, place: style::INK_PLACE, x, y, ..Line::default() }
    }
}

/// Draws the curves; also says where the names went.
pub fn draw(data: &Convergence) -> (Scene, Names) {
    chart::draw(&chart(data))
}

pub(super) fn chart(data: &Convergence) -> Chart {
    // Over the curves, so that a band does not hide it.
    let theory = data.theory.iter().map(Theory::line);
    let lines = data.curves.iter().map(line).chain(theory).collect();
    let titles = (data.x_title.clone(), data.y_title.clone());
    Chart {
        reference: data.target.map(|target| (target, format!("target {}", number::short(target)))),
        holds: data.holds,
        note: count(data.curves.iter().map(|curve| curve.runs)),
        trial: data.trial,
        about: data.about.clone(),
        ..Chart::new(lines, axes(data), titles, data.width)
    }
}

/// The number of runs behind each line, as a note.
pub(super) fn count(runs: impl Iterator<Item = usize> + Clone) -> String {
    match (runs.clone().min(), runs.max()) {
        (Some(least), Some(most)) if least < most => format!("*n* = {least}–{most}"),
        (_, Some(most)) => format!("*n* = {most}"),
        _ => String::new(),
    }
}

fn line(curve: &Curve) -> Line {
    let name = match curve.reached {
        Some(reached) if reached < curve.runs => {
            format!("{}, {reached}/{}", curve.name, curve.runs)
        }
        _ => curve.name.clone(),
    };
    Line {
        name,
        place: curve.place,
        variant: curve.variant,
        x: curve.x.clone(),
        y: curve.median.clone(),
        band: (curve.low.clone(), curve.high.clone()),
        end: Some(curve.end),
        ..Line::default()
    }
}

fn axes(data: &Convergence) -> (Axis, Axis) {
    let (x_scale, y_scale) = data.scales;
    let theory = || data.theory.iter();
    let xs = data.curves.iter().flat_map(|curve| curve.x.iter().copied());
    let xs = xs.chain(theory().flat_map(|theory| theory.x.iter().copied()));
    let x = Axis::over(x_scale, xs, 0.0, 1.0);
    let starts = data.curves.iter().filter_map(|curve| curve.median.first());
    let first = starts.copied().fold(f64::NEG_INFINITY, f64::max);
    let curves = || data.curves.iter();
    let all = || {
        let bands = curves().flat_map(|c| c.low.iter().chain(&c.high).copied());
        bands.chain(theory().flat_map(|theory| theory.y.iter().copied()))
    };
    let most = all().filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    // A curve that diverges leaves the axes; the others stay readable.
    let diverges = curves().any(|curve| curve.end == End::Diverged);
    let reach = if y_scale.is_log() { 1e3 } else { 3.0 };
    let top = if diverges && first > 0.0 { most.min(first * reach) } else { most };
    let floor = match data.floor {
        Some(floor) => floor,
        None if y_scale.is_log() => top * 1e-16,
        None => f64::NEG_INFINITY,
    };
    let holds = data.holds.into_iter().flat_map(|(low, high)| [low, high]);
    let ys: Vec<f64> = all().filter(|v| v.is_finite()).map(|v| v.clamp(floor, top)).collect();
    // A little past the target, so that its line is not the axis.
    let least = ys.iter().copied().fold(f64::INFINITY, f64::min);
    let past = |target: f64| {
        if y_scale.is_log() { target / 1.5 } else { target - 0.04 * (top - target.min(least)) }
    };
    let target = data.target.map(past);
    (x, Axis::over(y_scale, ys.into_iter().chain(target).chain(holds), 0.0, 1.0))
}

#[cfg(test)]
#[path = "convergence_tests.rs"]
mod tests;
