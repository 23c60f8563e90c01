//! Orders of discretizations: errors on ladders of steps, each with a band that a claimed order leaves to
//! it, and the order found at the right.

use super::axis::{Axis, Scale};
use super::chart::{self, Chart, Line};
use super::scene::{About, Scene};
use super::text::minus;

/// The errors of one method over its steps.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// Its name.
    pub name: String,
    /// Place of its look.
    pub place: usize,
    /// Place among the variants of one look.
    pub variant: usize,
    /// Steps, rising.
    pub steps: Vec<f64>,
    /// Sizes of the errors, above 0.
    pub errors: Vec<f64>,
    /// Lower and upper ends of intervals of the errors; empty without noise.
    pub intervals: Vec<(f64, f64)>,
    /// A claimed order and what may be off, if there is one.
    pub claimed: Option<(f64, f64)>,
    /// The order found.
    pub order: Option<f64>,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Orders {
    /// Ladders in the order of their looks.
    pub ladders: Vec<Ladder>,
    /// Titles with units.
    pub titles: (String, String),
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// Draws the ladders on logarithmic axes.
pub fn draw(data: &Orders) -> Scene {
    let lines: Vec<Line> = data.ladders.iter().map(line).collect();
    let xs = lines.iter().flat_map(|line| line.x.iter().copied());
    let ys = lines.iter().flat_map(|line| line.y.iter().chain(&line.band.0).chain(&line.band.1));
    let axes =
        (Axis::over(Scale::Log, xs, 0.0, 1.0), Axis::over(Scale::Log, ys.copied(), 0.0, 1.0));
    let chart = Chart {
        note: "at the right: order".to_owned(),
        trial: data.trial,
        about: data.about.clone(),
        ..Chart::new(lines, axes, data.titles.clone(), data.width)
    };
    chart::draw(&chart).0
}

fn line(ladder: &Ladder) -> Line {
    // Through the finest step: the order is a statement about small ones.
    let edge = |side: f64| -> Vec<f64> {
        let Some((order, margin)) = ladder.claimed else { return Vec::new() };
        let (Some(finest), Some(least)) = (ladder.steps.first(), ladder.errors.first()) else {
            return Vec::new();
        };
        let height = |step: &f64| least * (step / finest).powf(order + side * margin);
        ladder.steps.iter().map(height).collect()
    };
    let intervals = ladder.steps.iter().zip(&ladder.intervals);
    Line {
        name: ladder.name.clone(),
        place: ladder.place,
        variant: ladder.variant,
        x: ladder.steps.clone(),
        y: ladder.errors.clone(),
        marked: true,
        whiskers: intervals.map(|(step, (low, high))| (*step, *low, *high)).collect(),
        band: (edge(-1.0), edge(1.0)),
        closing: ladder.order.map(|order| minus(&format!("{order:.2}"))),
        ..Line::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_opens_from_the_finest_step() {
        let ladder = Ladder {
            steps: vec![0.1, 0.2, 0.4],
            errors: vec![1e-3, 4e-3, 1.6e-2],
            claimed: Some((2.0, 0.5)),
            ..Ladder::default()
        };
        let (low, high) = line(&ladder).band;
        assert!((low[0] - 1e-3).abs() < 1e-18 && (high[0] - 1e-3).abs() < 1e-18);
        assert!((low[2] - 1e-3 * 4.0_f64.powf(1.5)).abs() < 1e-12, "{low:?}");
        assert!((high[2] - 1e-3 * 4.0_f64.powf(2.5)).abs() < 1e-12, "{high:?}");
        assert!(line(&Ladder { claimed: None, ..ladder }).band.0.is_empty());
    }
}
