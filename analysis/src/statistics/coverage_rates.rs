//! Coverage, false alarms and power of orders of discretizations and of rates of curves, on planted
//! slopes. Limits are exact binomial limits with a false-fail rate of 1e-6 per assertion.

use std::ops::RangeInclusive;

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::distribution::normal;
use super::mean::{Moments, guarded, guarded_evidence, student};
use super::order::{Fit, Reference, Rung, bootstrap, check, coupled};
use super::slope::{Floor, Kind, Slope, Window, read};
use super::{Interval, detectable};

const ALPHA: f64 = 0.05;
const REPETITIONS: usize = 2000;
/// 0.05 of 2,000, and the upper limit alone at 0.025 a side.
const NOMINAL: RangeInclusive<usize> = 56..=151;
const SIDE_AT_MOST: usize = 86;

fn misses(interval: Interval, truth: f64) -> usize {
    usize::from(interval.lower > truth || interval.upper < truth)
}

/// Five halved steps with errors `h²` in units where the smallest is `smallest` standard errors.
fn ladder(smallest: f64, generator: &mut Pcg64) -> Vec<Rung> {
    (0..5)
        .map(|i| Rung {
            step: 0.5_f64.powi(i),
            error: smallest * 4.0_f64.powi(4 - i) + normal(generator),
            deviation: 1.0,
            replicas: 1000,
        })
        .collect()
}

#[test]
fn fits_of_ladders_that_pass_their_guards_cover_the_order() {
    // Shares that pass the guards: 0.68, 0.98, 1 and 1 of the first 2,000.
    let pass = [1257..=1461, 1926..=1987, 1999..=2000, 2000..=2000];
    for ((seed, smallest), pass) in [(1, 4.5), (2, 6.0), (3, 10.0), (4, 30.0)].into_iter().zip(pass)
    {
        let mut generator = Pcg64::seed_from_u64(seed);
        let (mut tried, mut passed, mut early) = (0, 0, 0);
        let (mut fit, mut drawn, mut narrow) = (0, 0, 0);
        while passed < REPETITIONS {
            let rungs = ladder(smallest, &mut generator);
            let passes = check(&rungs, Reference { value: 0.0, bound: 0.0 }).is_ok();
            tried += 1;
            early += usize::from(passes && tried <= REPETITIONS);
            if !passes {
                continue;
            }
            passed += 1;
            let found = Fit::of(&rungs);
            fit += misses(found.interval(ALPHA), 2.0);
            narrow += misses(Fit { error: found.error / 1.3, ..found }.interval(ALPHA), 2.0);
            drawn += misses(bootstrap(&rungs, 499, &mut generator).interval(ALPHA), 2.0);
        }
        assert!(pass.contains(&early), "{smallest}: {early} passed");
        assert!(NOMINAL.contains(&fit) && NOMINAL.contains(&drawn), "{smallest}: {fit}, {drawn}");
        assert!(!NOMINAL.contains(&narrow), "the planted defect passed: {narrow}");
    }
}

#[test]
fn whole_replicas_cover_the_order_of_a_coupled_ladder_as_percentiles_do() {
    let steps = [0.4, 0.2, 0.1, 0.05_f64];
    // Percentiles are too narrow: measured 0.078 at 20 replicas and 0.066 at 50.
    for (count, allowed) in [(20, 101..=218), (50, 81..=189)] {
        let mut generator = Pcg64::seed_from_u64(5);
        let mut missed = 0;
        for _ in 0..REPETITIONS {
            let replicas: Vec<Vec<f64>> = (0..count)
                .map(|_| {
                    let common = 1.0 + 0.3 * normal(&mut generator);
                    steps.iter().map(|h| h * h * (common + 0.1 * normal(&mut generator))).collect()
                })
                .collect();
            let found = coupled(&steps, &replicas, 399, &mut generator).unwrap();
            missed += misses(found.interval(ALPHA), 2.0);
        }
        assert!(allowed.contains(&missed), "{count}: {missed}");
    }
}

/// Spread of the slopes over seeds and of the steps of each curve about its line.
const SPREAD: f64 = 0.15;

/// Slopes of `count` curves whose logarithms walk at random about lines of slope `N(mean, 0.15²)`.
fn slopes(count: usize, mean: f64, grid: &[f64], generator: &mut Pcg64) -> Vec<f64> {
    let window = Window { from: grid[0], to: grid[grid.len() - 1] };
    let floor = Floor::declared(0.0);
    (0..count)
        .map(|_| {
            let slope = mean + SPREAD * normal(generator);
            let mut walk = 0.0;
            let gap: Vec<f64> = grid
                .iter()
                .map(|k| {
                    walk += SPREAD * normal(generator);
                    (slope * k.ln() + walk).exp()
                })
                .collect();
            let Slope::Fit { slope, .. } = read(Kind::Sublinear, grid, &gap, window, floor, -1.0)
            else {
                panic!("no fit")
            };
            slope
        })
        .collect()
}

/// Standard deviation of one fitted slope: its own, and what the walk turns a least-squares line by,
/// `Σ_j (Σ_{i≥j} (x_i − x̄)/Sxx)²` steps.
fn deviation(grid: &[f64]) -> f64 {
    let x: Vec<f64> = grid.iter().map(|k| k.ln()).collect();
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let square: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    let turns: f64 = (0..x.len())
        .map(|from| (x[from..].iter().map(|x| (x - mean) / square).sum::<f64>()).powi(2))
        .sum();
    SPREAD * (1.0 + turns).sqrt()
}

#[test]
fn rates_at_the_edge_of_the_margin_are_rarely_called_and_planted_ones_are_found() {
    const EDGE: f64 = -0.9; // claimed −1, margin 0.1
    let grid = Window { from: 10.0, to: 1000.0 }.grid(Kind::Sublinear);
    // Student finds the detectable difference with probability 0.89; the guard costs power at few
    // seeds: measured 0.75, 0.845 and 0.89 at 5, 10 and 20.
    for (seed, count, power) in [(6, 5, 1403..=1593), (7, 10, 1608..=1766), (8, 20, 1709..=1845)] {
        let mut generator = Pcg64::seed_from_u64(seed);
        let difference = detectable::mean(count, deviation(&grid), ALPHA);
        let (mut faster, mut slower, mut narrow) = (0, 0, 0);
        let (mut plain, mut found, mut refuted) = (0, 0, 0);
        for _ in 0..REPETITIONS {
            let moments = Moments::of(&slopes(count, EDGE, &grid, &mut generator));
            let interval = guarded(&moments, ALPHA);
            faster += usize::from(interval.upper < EDGE);
            slower += usize::from(interval.lower > EDGE);
            let defect = |end: f64| moments.mean + (end - moments.mean) / 1.3;
            narrow += misses(student(&moments, ALPHA).map(defect), EDGE);
            let moments = Moments::of(&slopes(count, EDGE - difference, &grid, &mut generator));
            plain += usize::from(student(&moments, ALPHA).upper < EDGE);
            found += usize::from(guarded_evidence(&moments, EDGE).refute <= 0.5 * ALPHA);
            let moments = Moments::of(&slopes(count, EDGE + difference, &grid, &mut generator));
            refuted += usize::from(guarded_evidence(&moments, EDGE).support <= 0.5 * ALPHA);
        }
        assert!(faster <= SIDE_AT_MOST && slower <= SIDE_AT_MOST, "{count}: {faster}, {slower}");
        assert!(!NOMINAL.contains(&narrow), "the planted defect passed: {narrow}");
        // 0.89 of 2,000.
        assert!((1709..=1845).contains(&plain), "{count}: {plain}");
        assert!(power.contains(&found) && power.contains(&refuted), "{count}: {found}, {refuted}");
    }
}
