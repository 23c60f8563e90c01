//! Profiles over many problems: the share solved within a factor of the best solver (E. Dolan,
//! J. Moré, Benchmarking optimization software with performance profiles, 2002, Math. Program. 91),
//! or within a cost (J. Moré, S. Wild, Benchmarking derivative-free optimization algorithms, 2009,
//! SIAM J. Optim. 20). Steps, a band where one is given, the share solved at the right edge.

use super::axis::{Axis, Scale};
use super::chart::{self, Chart, Line, Names, stepped};
use super::scene::{About, Scene};
use crate::statistics::Interval;
use crate::statistics::profiles::Band;

/// The step curve of one solver.
#[derive(Clone, Debug)]
pub struct Steps {
    /// Name of the curve.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Place among the hyper-parameter variants of the solver.
    pub variant: usize,
    /// Where it jumps, rising.
    pub at: Vec<f64>,
    /// Share solved from there on.
    pub share: Vec<f64>,
    /// Lower and upper limit of the share at each jump; empty without a band.
    pub band: (Vec<f64>, Vec<f64>),
}

impl Steps {
    /// The steps of a profile, with the pointwise band; that of the whole curve hides all others.
    pub fn of(name: &str, place: usize, variant: usize, profile: &Band) -> Self {
        let edge = |end: fn(&Interval) -> f64| profile.pointwise.iter().map(end).collect();
        Self {
            name: name.to_owned(),
            place,
            variant,
            at: profile.ratios.clone(),
            share: profile.shares.clone(),
            band: (edge(|band| band.lower), edge(|band| band.upper)),
        }
    }
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Solvers in the order of the paper.
    pub solvers: Vec<Steps>,
    /// Title of the ratio or cost.
    pub title: String,
    /// Whether x is a ratio to the best, which begins at 1.
    pub ratio: bool,
    /// Number of problems.
    pub problems: usize,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// Draws the profile; also says where the names went.
pub fn draw(data: &Profile) -> (Scene, Names) {
    let jumps = data.solvers.iter().flat_map(|steps| steps.at.iter().copied());
    let begin = data.ratio.then_some(1.0);
    // Room behind the last jump, so that its height is seen.
    let jumps = jumps.flat_map(|at| [at, 1.1 * at]).filter(|at| !data.ratio || *at >= 1.0);
    let x = Axis::over(Scale::Log2, jumps.chain(begin), 0.0, 1.0);
    let (low, high) = x.range();
    let lines = data.solvers.iter().map(|steps| line(steps, low, high)).collect();
    let fifths = ["0", "0.2", "0.4", "0.6", "0.8", "1"];
    let fifths = fifths.iter().enumerate().map(|(i, name)| (0.2 * i as f64, (*name).to_owned()));
    // A little above 1, so that a curve at 1 is not the frame.
    let y = Axis::named(0.0, 1.04, fifths.collect());
    let titles = (data.title.clone(), "share of problems solved".to_owned());
    chart::draw(&Chart {
        note: match data.problems {
            1 => "1 problem".to_owned(),
            n => format!("{n} problems"),
        },
        trial: data.trial,
        about: data.about.clone(),
        ..Chart::new(lines, (x, y), titles, data.width)
    })
}

fn line(steps: &Steps, low: f64, high: f64) -> Line {
    // Values at or before the left edge are where the curve begins.
    let begins = steps.at.iter().rposition(|&at| at <= low * (1.0 + 1e-12));
    let after = begins.map_or(0, |i| i + 1);
    let corners = |y: &[f64]| {
        let before = begins.map_or(0.0, |i| y[i]);
        let (mut x, mut corners) = stepped(&steps.at[after..], &y[after..], before, high);
        x.insert(0, low);
        corners.insert(0, before);
        (x, corners)
    };
    let (x, y) = corners(&steps.share);
    let edge = |band: &Vec<f64>| if band.is_empty() { Vec::new() } else { corners(band).1 };
    let solved = steps.share.last().copied().unwrap_or(0.0);
    Line {
        name: steps.name.clone(),
        place: steps.place,
        variant: steps.variant,
        x,
        y,
        band: (edge(&steps.band.0), edge(&steps.band.1)),
        closing: Some(format!("{solved:.2}")),
        ..Line::default()
    }
}
