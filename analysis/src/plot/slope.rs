//! A rate: the curve with the fit over its window and the claimed slope, and below it the slope
//! against the start of the window. The second panel is part of the figure, so that nobody leaves
//! it out when it is unpleasant.

use super::axis::{Axis, Scale};
use super::chart::{self, Chart, Fit, Line};
use super::convergence::{self, Convergence};
use super::frame::Frame;
use super::scene::Scene;
use super::style::{self, MM};

/// Height of the panel of window starts in mm.
const PANEL: f64 = 24.0;

/// The slope as the window begins earlier or later.
#[derive(Clone, Debug, Default)]
pub struct Sensitivity {
    /// First counts of the windows, rising.
    pub starts: Vec<f64>,
    /// Mean slope over seeds.
    pub slope: Vec<f64>,
    /// Interval of the mean.
    pub band: (Vec<f64>, Vec<f64>),
    /// First count of the declared window.
    pub declared: f64,
    /// The threshold of the claim, if there is one.
    pub threshold: Option<f64>,
    /// Title of the starts.
    pub title: String,
    /// Title of the slope.
    pub slope_title: String,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Slope {
    /// The curve, with others as company.
    pub curves: Convergence,
    /// The fit.
    pub fit: Fit,
    /// Its dependence on the window.
    pub sensitivity: Sensitivity,
}

/// Draws both panels.
pub fn draw(data: &Slope) -> Scene {
    let mut upper = Chart { fit: Some(data.fit.clone()), ..convergence::chart(&data.curves) };
    let mut lower = panel(&data.sensitivity, data.curves.width);
    // The spines of both panels stand on one line.
    let left = [&upper, &lower].map(|chart| Frame::left_margin(&laid(chart)));
    let left = left[0].max(left[1]);
    (upper.left, lower.left) = (left, left);
    let (mut scene, _) = chart::draw(&upper);
    if data.sensitivity.starts.is_empty() {
        return scene;
    }
    let (below, _) = chart::draw(&lower);
    let down = scene.height;
    scene.height += below.height;
    scene.append(below, (0.0, down));
    scene.grow_page();
    scene
}

/// The axis of y at about its length on paper: what its labels are depends on that.
fn laid(chart: &Chart) -> Axis {
    let height = chart.height.unwrap_or(0.68 * chart.width) - 10.4;
    chart.axes.1.clone().moved(height * MM, 0.0)
}

fn panel(data: &Sensitivity, width: f64) -> Chart {
    let x = Axis::over(Scale::Log, data.starts.iter().copied(), 0.0, 1.0);
    let edges = data.band.0.iter().chain(&data.band.1).copied().filter(|v| v.is_finite());
    let shown: Vec<f64> = edges.chain(data.threshold).collect();
    let (low, high) =
        shown.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    // Room around, so that the threshold is not the frame.
    let room = 0.06 * (high - low);
    let y = Axis::over(Scale::Linear, [low - room, high + room].into_iter(), 0.0, 1.0);
    let line = Line {
        // It belongs to no solver.
        place: style::INK_PLACE,
        x: data.starts.clone(),
        y: data.slope.clone(),
        band: data.band.clone(),
        ..Line::default()
    };
    let titles = (data.title.clone(), data.slope_title.clone());
    Chart {
        reference: data.threshold.map(|threshold| (threshold, "claim".to_owned())),
        upright: Some(data.declared),
        named: false,
        height: Some(PANEL),
        ..Chart::new(vec![line], (x, y), titles, width)
    }
}
