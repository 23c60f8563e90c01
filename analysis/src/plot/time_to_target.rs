//! Time to a target: the share of runs that have reached it against cost, failures included.
//!
//! Product-limit steps with pointwise bands (statistics: [`survival`](crate::statistics::survival)),
//! strokes where runs were censored, the restricted mean as a triangle on the axis.

use super::axis::{Axis, Scale};
use super::chart::{self, Chart, Line, Names, stepped};
use super::convergence::count;
use super::scene::{About, Scene};
use crate::statistics::survival::{Drop, product_limit, restricted_mean, survival_interval};

/// The runs of one solver.
#[derive(Clone, Debug)]
pub struct Attempts {
    /// Name of the curve.
    pub name: String,
    /// Place of the solver in the paper.
    pub place: usize,
    /// Place among the hyper-parameter variants of the solver.
    pub variant: usize,
    /// Cost at the target, and `true`; or cost at which the budget ended, and `false`. A run that
    /// can never reach it has infinite cost and `false`.
    pub runs: Vec<(f64, bool)>,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct TimeToTarget {
    /// Solvers in the order of the paper.
    pub solvers: Vec<Attempts>,
    /// Scale of the cost.
    pub scale: Scale,
    /// Title of the cost with its unit.
    pub title: String,
    /// What reaching means, in markup, such as `gap ≤ 10^{−6}`.
    pub goal: String,
    /// Error probability of the pointwise bands.
    pub alpha: f64,
    /// Width in mm.
    pub width: f64,
    /// A drawing of quick results.
    pub trial: bool,
    /// What the figure says about itself.
    pub about: About,
}

/// The budget that all solvers share: the smallest of the largest observed costs. Restricted means
/// are up to here.
pub fn budget(solvers: &[Attempts]) -> f64 {
    let last = |solver: &Attempts| {
        let finite = solver.runs.iter().map(|run| run.0).filter(|cost| cost.is_finite());
        let most = finite.fold(0.0, f64::max);
        // Observed to the end: whoever has reached it, or never can, stays where it is.
        let censored = solver.runs.iter().any(|&(cost, reached)| !reached && cost.is_finite());
        if censored { most } else { f64::INFINITY }
    };
    let shared = solvers.iter().map(last).fold(f64::INFINITY, f64::min);
    if shared.is_finite() { shared } else { most(solvers) }
}

/// The largest finite cost.
fn most(solvers: &[Attempts]) -> f64 {
    let costs = solvers.iter().flat_map(|solver| solver.runs.iter().map(|run| run.0));
    costs.filter(|cost| cost.is_finite()).fold(0.0, f64::max)
}

/// Most solvers whose bands can be told apart.
pub const BANDED: usize = 4;

/// Draws the curves; also says where the names went.
pub fn draw(data: &TimeToTarget) -> (Scene, Names) {
    let (most, shared) = (most(&data.solvers), budget(&data.solvers));
    let costs = data.solvers.iter().flat_map(|solver| solver.runs.iter().map(|run| run.0));
    let least = costs.filter(|&cost| cost > 0.0).fold(f64::INFINITY, f64::min);
    // A little before the first event, so that its step is seen.
    let first = if data.scale.is_log() { 0.8 * least } else { 0.0 };
    let x = Axis::over(data.scale, [first, most].into_iter(), 0.0, 1.0);
    let range = x.range();
    let banded = data.solvers.len() <= BANDED;
    let lines = data.solvers.iter().map(|s| line(s, data.alpha, banded, range, shared)).collect();
    let ticks = vec![(0.0, "0".into()), (0.5, "½".into()), (1.0, "1".into())];
    let y = Axis::named(0.0, 1.06, ticks);
    let titles = (data.title.clone(), format!("share of runs with {}", data.goal));
    chart::draw(&Chart {
        note: count(data.solvers.iter().map(|solver| solver.runs.len())),
        trial: data.trial,
        about: data.about.clone(),
        ..Chart::new(lines, (x, y), titles, data.width)
    })
}

fn line(solver: &Attempts, alpha: f64, banded: bool, range: (f64, f64), shared: f64) -> Line {
    let curve = product_limit(&solver.runs);
    let reached = solver.runs.iter().filter(|run| run.1).count();
    let all = solver.runs.len();
    // A run whose budget ended is not known afterwards; whoever has arrived stays.
    let censored = solver.runs.iter().filter(|run| !run.1 && run.0.is_finite());
    let end = censored.clone().map(|run| run.0).reduce(f64::max).unwrap_or(range.1);
    let end = curve.last().map_or(end, |drop| drop.time.max(end));
    let times: Vec<f64> = curve.iter().map(|drop| drop.time).collect();
    let share: Vec<f64> = curve.iter().map(|drop| 1.0 - drop.survival).collect();
    let (low, high) = bands(&curve, alpha);
    // Nobody has arrived before the first step: there the curve would be the axis.
    let steps = |y: &[f64]| stepped(&times, y, 0.0, end);
    let at = |cost: f64| {
        let before = curve.iter().rev().find(|drop| drop.time <= cost);
        before.map_or(0.0, |drop| 1.0 - drop.survival)
    };
    let (x, y) = steps(&share);
    Line {
        name: if reached < all {
            format!("{}, {reached}/{all}", solver.name)
        } else {
            solver.name.clone()
        },
        place: solver.place,
        variant: solver.variant,
        x,
        y,
        band: if banded { (steps(&low).1, steps(&high).1) } else { Default::default() },
        ticks: censored.map(|run| (run.0, at(run.0))).collect(),
        foot: (shared > 0.0).then(|| restricted_mean(&solver.runs, shared).value),
        ..Line::default()
    }
}

/// Pointwise band of the share at each step. The share never falls, so where Greenwood's variance
/// is not defined, at share 1, the last lower limit stands.
fn bands(curve: &[Drop], alpha: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for step in 0..curve.len() {
        let (least, most) = survival_interval(curve, step, alpha)
            .map_or((low.last().copied().unwrap_or(0.0), 1.0), |s| (1.0 - s.upper, 1.0 - s.lower));
        low.push(least);
        high.push(most);
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::samples;

    #[test]
    fn failures_stay_in_the_denominator() {
        let never = Attempts {
            name: "a".into(),
            place: 0,
            variant: 0,
            runs: vec![(1.0, true), (2.0, true), (f64::INFINITY, false), (f64::INFINITY, false)],
        };
        let line = line(&never, 0.05, true, (0.5, 4.0), 4.0);
        assert!((line.y.last().unwrap() - 0.5).abs() < 1e-12, "{:?}", line.y);
        assert!((line.x.last().unwrap() - 4.0).abs() < 1e-12, "diverged runs are known to the end");
        assert_eq!(line.name, "a, 2/4");
        // (1 + 2 + 4 + 4) / 4
        assert!((line.foot.unwrap() - 2.75).abs() < 1e-12);
        assert!(line.ticks.is_empty());
    }

    #[test]
    fn a_censored_curve_ends_where_its_last_budget_ended() {
        let runs = vec![(1.0, true), (3.0, false), (2.0, false)];
        let censored = Attempts { name: "a".into(), place: 0, variant: 0, runs };
        let line = line(&censored, 0.05, true, (0.5, 9.0), 3.0);
        assert!((line.x.last().unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(line.ticks.len(), 2);
    }

    #[test]
    fn every_band_holds_its_step_and_every_censored_run_has_a_tick() {
        let data = samples::time_to_target();
        for solver in &data.solvers {
            let curve = product_limit(&solver.runs);
            let (low, high) = bands(&curve, data.alpha);
            for (drop, (low, high)) in curve.iter().zip(low.iter().zip(&high)) {
                let share = 1.0 - drop.survival;
                assert!(*low <= share + 1e-12 && share <= high + 1e-12);
            }
        }
    }
}
