//! Profiles over many problems: the share solved within a factor of the best solver (E. Dolan,
//! J. Moré, Benchmarking optimization software with performance profiles, 2002, Math. Program. 91),
//! or within a cost (J. Moré, S. Wild, Benchmarking derivative-free optimization algorithms, 2009,
//! SIAM J. Optim. 20). Steps, a band where one is given, the share solved at the right edge.

use super::axis::{Axis, Scale};
use super::chart::{self, Chart, Line, Names, stepped};
use super::scene::{About, Scene};

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
    /// The steps of a solver's costs or ratios: `values[p]` holds those of problem p over its
    /// seeds, infinite where it was not solved. Problems weigh alike, whatever their seeds.
    pub fn of(name: &str, place: usize, variant: usize, values: &[Vec<f64>]) -> Self {
        let mut at: Vec<f64> =
            values.iter().flatten().copied().filter(|value| value.is_finite()).collect();
        at.sort_by(f64::total_cmp);
        at.dedup_by(|a, b| a.total_cmp(b).is_eq());
        let within = |limit: f64| {
            let share = |costs: &Vec<f64>| {
                let solved = costs.iter().filter(|&&cost| cost <= limit).count();
                solved as f64 / costs.len().max(1) as f64
            };
            values.iter().map(share).sum::<f64>() / values.len().max(1) as f64
        };
        let share = at.iter().map(|&limit| within(limit)).collect();
        Self { name: name.to_owned(), place, variant, at, share, band: (Vec::new(), Vec::new()) }
    }
}

/// Ratios of costs to the least cost of any solver, within each problem and seed: `costs[s][p][i]`
/// of solver s. Where nobody solved, all ratios are infinite.
pub fn ratios(costs: &[Vec<Vec<f64>>]) -> Vec<Vec<Vec<f64>>> {
    let best = |problem: usize, seed: usize| {
        let costs = costs.iter().filter_map(|solver| solver.get(problem)?.get(seed));
        costs.copied().fold(f64::INFINITY, f64::min)
    };
    let ratio = |cost: f64, best: f64| if best.is_finite() { cost / best } else { f64::INFINITY };
    let problem = |(p, seeds): (usize, &Vec<f64>)| -> Vec<f64> {
        seeds.iter().enumerate().map(|(i, &cost)| ratio(cost, best(p, i))).collect()
    };
    costs.iter().map(|solver| solver.iter().enumerate().map(problem).collect()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Costs of 4 problems by 3 solvers, one seed each; infinite where not solved.
    fn costs() -> Vec<Vec<Vec<f64>>> {
        let inf = f64::INFINITY;
        [[10.0, 5.0, 100.0, 7.0], [12.0, 4.0, 50.0, 7.0], [30.0, inf, 60.0, 21.0]]
            .map(|solver| solver.map(|cost| vec![cost]).to_vec())
            .to_vec()
    }

    fn at(steps: &Steps, limit: f64) -> f64 {
        steps.at.iter().rposition(|&at| at <= limit).map_or(0.0, |i| steps.share[i])
    }

    #[test]
    fn performance_profiles_match_their_vectors() {
        let ratios = ratios(&costs());
        let shares = |limit: f64| -> Vec<f64> {
            ratios.iter().map(|solver| at(&Steps::of("", 0, 0, solver), limit)).collect()
        };
        assert_eq!(shares(1.0), [0.5, 0.75, 0.0]);
        assert_eq!(shares(1.5), [0.75, 1.0, 0.25]);
        assert_eq!(shares(3.0), [1.0, 1.0, 0.75]);
    }

    #[test]
    fn data_profiles_match_their_vectors() {
        let units = [2.0, 2.0, 10.0, 3.0];
        let scaled: Vec<Vec<Vec<f64>>> = costs()
            .iter()
            .map(|solver| solver.iter().zip(units).map(|(p, unit)| vec![p[0] / unit]).collect())
            .collect();
        let shares = |limit: f64| -> Vec<f64> {
            scaled.iter().map(|solver| at(&Steps::of("", 0, 0, solver), limit)).collect()
        };
        assert_eq!(shares(10.0), [1.0, 1.0, 0.5]);
        assert_eq!(shares(30.0), [1.0, 1.0, 0.75]);
    }

    #[test]
    fn a_problem_that_nobody_solved_stays_in_the_denominator() {
        let costs = vec![vec![vec![1.0], vec![f64::INFINITY]]; 2];
        let steps = Steps::of("", 0, 0, &ratios(&costs)[0]);
        assert_eq!(steps.share, [0.5]);
    }
}
