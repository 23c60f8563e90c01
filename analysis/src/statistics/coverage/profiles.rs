//! Profiles, interquartile means and probabilities of improvement over problems (8).

use super::super::distribution::normal_lower;
use super::super::mean::{Moments, guarded};
use super::super::profiles::improvement::{self, Pairing};
use super::super::profiles::{Place, interquartile, performance};
use super::*;

/// Standard normal scores of five problems.
fn scores(rng: &mut Pcg64, seeds: usize) -> Vec<Vec<f64>> {
    (0..5).map(|_| sample(rng, seeds, normal)).collect()
}

#[test]
fn interquartile_means() {
    let mut report = Report::new("Interquartile mean of five problems: 8.4, normal scores");
    for (seed, seeds, known) in [(1, 5, 8.8), (2, 10, 6.8), (3, 20, 6.1)] {
        let expect = Expect::Rate(known, 30_000);
        let [drawn, narrow, per_seed] = misses(seed, 0.0, |rng| {
            let scores = scores(rng, seeds);
            let found = interquartile::resample(&[&scores], 499, rng, |means| means[0]);
            let drawn = found.interval(ALPHA);
            let narrow = drawn.map(|end| found.estimate + (end - found.estimate) / 1.3);
            let means = interquartile::per_seed(&scores).unwrap();
            [drawn, narrow, guarded(&Moments::of(&means), ALPHA)]
        });
        report.row(&format!("percentiles, {seeds} seeds"), drawn, &[expect]);
        report.defect(&format!("divided by 1.3, {seeds} seeds"), narrow, expect);
        report.row(
            &format!("one mean a seed, guarded, {seeds} seeds"),
            per_seed,
            &[Expect::AtMost],
        );
    }
    report.finish();
}

/// Shift of the log ratio of costs, `N(0.3, 1)` over problems with `N(0, 0.25)` over seeds.
const SHIFT: f64 = 0.3;

/// The true profile of the first solver: shifted by [`SHIFT`]; of the second with its negative.
fn profile(ratio: f64, shift: f64) -> f64 {
    normal_lower((ratio.ln() - shift) / 1.25_f64.sqrt())
}

fn difference(ratio: f64) -> f64 {
    profile(ratio, SHIFT) - profile(ratio, -SHIFT)
}

/// Misses over 1,000 sets of problems with five seeds: of the difference at the ratio 2 by problem and
/// by percentiles, of the area up to 8, and of the simultaneous band of the first solver.
fn profile_misses(seed: u64, problems: usize) -> [Misses; 4] {
    let middle = |cell: u32| 2.0_f64.powf(3.0 * (f64::from(cell) + 0.5) / 1000.0);
    let area = (0..1000).map(|cell| difference(middle(cell))).sum::<f64>() * 3.0 / 1000.0;
    let mut rng = generator(seed);
    let mut missed = [Misses::default(); 4];
    for _ in 0..1000 {
        let costs: Vec<Vec<Vec<f64>>> = (0..problems)
            .map(|_| {
                let problem = SHIFT + normal(&mut rng);
                (0..5).map(|_| vec![(problem + 0.5 * normal(&mut rng)).exp(), 1.0]).collect()
            })
            .collect();
        let found = performance(&costs).unwrap();
        let numbers = Moments::of(&found.by_problem(0, 1, &Place::At(2.0)));
        missed[0].note_interval(guarded(&numbers, ALPHA), difference(2.0));
        let drawn = found.difference(0, 1, &Place::At(2.0), 199, &mut rng);
        missed[1].note_interval(drawn.interval(ALPHA), difference(2.0));
        let drawn = found.difference(0, 1, &Place::Over(1.0..8.0), 199, &mut rng);
        missed[2].note_interval(drawn.interval(ALPHA), area);
        // Between two steps the profile stands still while the truth rises.
        let band = &found.bands(199, ALPHA, &mut rng)[0];
        let ends = band.ratios.iter().skip(1).copied().chain([f64::INFINITY]);
        let rows = || band.ratios.iter().zip(ends.clone()).zip(&band.simultaneous);
        missed[3].note(
            rows().any(|((ratio, _), interval)| profile(*ratio, SHIFT) < interval.lower),
            rows().any(|((_, end), interval)| profile(end, SHIFT) > interval.upper + 1e-12),
        );
    }
    missed
}

#[test]
fn performance_profiles() {
    let mut report = Report::new("Performance profiles of two solvers: 8.3, five seeds a problem");
    let [numbers, drawn, area, band] = profile_misses(5, 20);
    report.row("20 problems, a number each, guarded", numbers, &[Expect::AtMost]);
    report.row("20 problems, difference, percentiles", drawn, &[Expect::Rate(7.0, 10_000)]);
    report.row("20 problems, area, percentiles", area, &[Expect::Rate(7.5, 10_000)]);
    report.row("20 problems, simultaneous band", band, &[Expect::Rate(5.5, 10_000)]);
    let [numbers, drawn, ..] = profile_misses(6, 8);
    report.row("8 problems, a number each, guarded", numbers, &[Expect::AtMost]);
    report.row("8 problems, difference, percentiles", drawn, &[Expect::Rate(9.7, 10_000)]);
    report.finish();
}

#[test]
fn probabilities_of_improvement() {
    let mut report =
        Report::new("Probability of improvement between equal solvers: 8.5, five problems");
    for (seeds, known) in [(10, [5.8, 6.1]), (20, [5.7, 6.2])] {
        for (pairing, known) in [Pairing::Seeds, Pairing::All].into_iter().zip(known) {
            let [found] = misses(7, 0.5, |rng| {
                let (a, b) = (scores(rng, seeds), scores(rng, seeds));
                [improvement::bootstrap(&a, &b, pairing, 199, rng).unwrap().interval(ALPHA)]
            });
            report.row(
                &format!("{pairing:?}, {seeds} seeds"),
                found,
                &[Expect::Rate(known, 20_000)],
            );
        }
    }
    report.finish();
}
