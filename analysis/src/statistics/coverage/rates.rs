//! Rates of curves (4) and orders of discretizations (5), on planted slopes.

use super::super::contrast::Contrast;
use super::super::detectable;
use super::super::mean::{Moments, guarded, student};
use super::super::order::{Fit, Reference, Rung, bootstrap, check, coupled};
use super::super::slope::{Floor, Kind, Slope, Window, read};
use super::*;

/// Spread of the slopes over seeds, and of the steps of each curve about its line.
const SPREAD: f64 = 0.15;

/// Slopes of `count` curves whose logarithms walk at random about lines of slope `N(mean, 0.15²)`.
fn slopes(rng: &mut Pcg64, count: usize, mean: f64, grid: &[f64]) -> Vec<f64> {
    let window = Window { from: grid[0], to: grid[grid.len() - 1] };
    let floor = Floor::declared(0.0);
    let mut curve = || {
        let slope = mean + SPREAD * normal(rng);
        let mut walk = 0.0;
        let gap: Vec<f64> = grid
            .iter()
            .map(|k| {
                walk += SPREAD * normal(rng);
                (slope * k.ln() + walk).exp()
            })
            .collect();
        match read(Kind::Sublinear, grid, &gap, window, floor, -1.0) {
            Slope::Fit { slope, .. } => slope,
            other => panic!("{other:?}"),
        }
    };
    (0..count).map(|_| curve()).collect()
}

/// Standard deviation of one fitted slope: its own, and what the walk turns a least-squares line by,
/// `Σ_j (Σ_{i≥j} (x_i − x̄)/Sxx)²` steps.
fn deviation(grid: &[f64]) -> f64 {
    let x: Vec<f64> = grid.iter().map(|k| k.ln()).collect();
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let square: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    let turn = |from: usize| x[from..].iter().map(|x| (x - mean) / square).sum::<f64>();
    let turns: f64 = (0..x.len()).map(|from| turn(from).powi(2)).sum();
    SPREAD * (1.0 + turns).sqrt()
}

#[test]
fn slopes_per_seed() {
    // Claimed −1 with the margin 0.1: a seed that falls as k^−0.9 is at its edge.
    const EDGE: f64 = -0.9;
    let grid = Window { from: 10.0, to: 1000.0 }.grid(Kind::Sublinear);
    let spread = deviation(&grid);
    let mut report = Report::new("Rate at the edge of its margin: 4.4, one slope a seed");
    let mut power = Report::of_shares("Rate past its edge by the detectable difference, found");
    for count in [5, 10, 20] {
        let effect = detectable::exact_mean(count, spread, ALPHA);
        let guarded_effect = detectable::guarded(count, spread, ALPHA);
        let mut found = [Misses::default(); 3];
        let [plain, guard, narrow] = misses(count as u64, EDGE, |rng| {
            let moments = Moments::of(&slopes(rng, count, EDGE, &grid));
            let mut planted = |shift: f64| Moments::of(&slopes(rng, count, EDGE + shift, &grid));
            found[0].note(student(&planted(-effect), ALPHA).upper < EDGE, false);
            found[1].note(guarded(&planted(-guarded_effect), ALPHA).upper < EDGE, false);
            found[2].note(guarded(&planted(guarded_effect), ALPHA).lower > EDGE, false);
            let student = student(&moments, ALPHA);
            let narrow = student.map(|end| moments.mean + (end - moments.mean) / 1.3);
            [student, guarded(&moments, ALPHA), narrow]
        });
        report.row(&format!("Student, n = {count}"), plain, &[Expect::Nominal]);
        report.row(&format!("guarded, n = {count}"), guard, &[Expect::AtMost]);
        report.defect(&format!("se / 1.3, n = {count}"), narrow, Expect::Nominal);
        let rows = [("faster, Student", Expect::Exactly(90.0))]
            .into_iter()
            .chain(["faster, guarded", "slower, guarded"].map(|n| (n, Expect::Rate(90.0, 4000))));
        for ((name, expect), found) in rows.zip(found) {
            power.row(&format!("{name}, n = {count}"), found, &[expect]);
        }
    }
    report.finish();
    power.finish();
}

/// Five halved steps with errors `h²`, in units where the smallest is `smallest` standard errors.
fn ladder(rng: &mut Pcg64, smallest: f64) -> Vec<Rung> {
    (0..5)
        .map(|i| Rung {
            step: 0.5_f64.powi(i),
            error: smallest * 4.0_f64.powi(4 - i) + normal(rng),
            deviation: 1.0,
            replicas: 1000,
        })
        .collect()
}

#[test]
fn orders_of_ladders_that_pass_their_guards() {
    let mut report =
        Report::new("Order 2 of five halved steps: 5.2, 5.3, smallest error in standard errors");
    // The shares that pass are in the documentation, of 4,000 ladders each.
    for (seed, smallest, passing) in
        [(1, 4.5, 68.0), (2, 6.0, 98.0), (3, 10.0, 100.0), (4, 30.0, 100.0)]
    {
        let mut passed = Misses::default();
        let [fit, drawn, narrow] = misses(seed, 2.0, |rng| {
            let rungs = loop {
                let rungs = ladder(rng, smallest);
                let passes = check(&rungs, Reference { value: 0.0, bound: 0.0 }).is_ok();
                if passed.of < REPETITIONS {
                    passed.note(passes, false);
                }
                if passes {
                    break rungs;
                }
            };
            let fit = Fit::of(&rungs).contrast();
            let narrow = Contrast { error: fit.error / 1.3, ..fit };
            let drawn = bootstrap(&rungs, 499, rng);
            [fit.interval(ALPHA), drawn.interval(ALPHA), narrow.interval(ALPHA)]
        });
        let name = |what: &str| format!("{smallest}, {what}");
        report.row(&name("weighted fit"), fit, &[Expect::Nominal]);
        report.row(&name("parametric bootstrap"), drawn, &[Expect::Rate(5.3, 20_000)]);
        report.defect(&name("se / 1.3"), narrow, Expect::Nominal);
        report.row(&name("pass the guards"), passed, &[Expect::Rate(passing, 4000)]);
    }
    report.finish();
}

#[test]
fn orders_of_coupled_ladders() {
    let mut report =
        Report::new("Order 2 of four halved steps: 5.3, that share most of their noise");
    let steps = [0.4, 0.2, 0.1, 0.05_f64];
    for (count, known) in [(20, 7.7), (50, 6.4)] {
        let [found] = misses(5, 2.0, |rng| {
            let replicas: Vec<Vec<f64>> = (0..count)
                .map(|_| {
                    let common = 1.0 + 0.3 * normal(rng);
                    steps.iter().map(|h| h * h * (common + 0.1 * normal(rng))).collect()
                })
                .collect();
            [coupled(&steps, &replicas, 399, rng).unwrap().interval(ALPHA)]
        });
        let label = format!("percentiles, {count} replicas");
        report.row(&label, found, &[Expect::Rate(known, 20_000)]);
    }
    report.finish();
}
