//! Coverage of profiles, interquartile means and probabilities of improvement, on synthetic scores
//! with known truth. Limits are exact binomial limits with a false-fail rate of 1e-6 per assertion at
//! the rate named beside them.

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::Interval;
use super::distribution::{normal, normal_lower};
use super::mean::{Moments, guarded};
use super::profiles::improvement::{self, Pairing};
use super::profiles::{Place, interquartile, performance};

const ALPHA: f64 = 0.05;

fn misses(interval: Interval, truth: f64) -> usize {
    usize::from(interval.lower > truth || interval.upper < truth)
}

/// Standard normal scores of five problems.
fn scores(seeds: usize, generator: &mut Pcg64) -> Vec<Vec<f64>> {
    (0..5).map(|_| (0..seeds).map(|_| normal(generator)).collect()).collect()
}

#[test]
fn interquartile_means_keep_their_table() {
    // Measured rates 0.092, 0.065 and 0.062 at 5, 10 and 20 seeds.
    for (seed, seeds, allowed) in [(1, 5, 124..=250), (2, 10, 80..=187), (3, 20, 75..=180)] {
        let mut generator = Pcg64::seed_from_u64(seed);
        let (mut missed, mut narrow) = (0, 0);
        for _ in 0..2000 {
            let scores = scores(seeds, &mut generator);
            let found = interquartile::resample(&[&scores], 499, &mut generator, |means| means[0]);
            let interval = found.interval(ALPHA);
            missed += misses(interval, 0.0);
            let defect = |end: f64| found.estimate + (end - found.estimate) / 1.3;
            narrow += misses(interval.map(defect), 0.0);
        }
        assert!(allowed.contains(&missed), "{seeds} seeds: {missed}");
        assert!(!allowed.contains(&narrow), "the planted defect passed: {narrow}");
    }
}

#[test]
fn interquartile_means_per_seed_cover_by_student() {
    let mut generator = Pcg64::seed_from_u64(4);
    let missed: usize = (0..2000)
        .map(|_| {
            let means = interquartile::per_seed(&scores(10, &mut generator)).unwrap();
            misses(guarded(&Moments::of(&means), ALPHA), 0.0)
        })
        .sum();
    // At most 0.05 of 2,000.
    assert!(missed <= 149, "{missed}");
}

/// Misses over 1,000 sets of problems with five seeds and two solvers, whose log ratio of costs is
/// `N(0.3, 1)` over problems and `N(·, 0.25)` over seeds: of the difference at the ratio 2 by problem
/// and by percentiles, of the area up to 8, and of the simultaneous band of the first solver.
fn profile_misses(seed: u64, problems: usize) -> [usize; 4] {
    const SHIFT: f64 = 0.3;
    let first = |ratio: f64| normal_lower((ratio.ln() - SHIFT) / 1.25_f64.sqrt());
    let second = |ratio: f64| normal_lower((ratio.ln() + SHIFT) / 1.25_f64.sqrt());
    let middle = |cell: u32| 2.0_f64.powf(3.0 * (f64::from(cell) + 0.5) / 1000.0);
    let area: f64 =
        (0..1000).map(middle).map(|ratio| first(ratio) - second(ratio)).sum::<f64>() * 3.0 / 1000.0;
    let difference = first(2.0) - second(2.0);
    let mut generator = Pcg64::seed_from_u64(seed);
    let mut missed = [0; 4];
    for _ in 0..1000 {
        let costs: Vec<Vec<Vec<f64>>> = (0..problems)
            .map(|_| {
                let problem = SHIFT + normal(&mut generator);
                let mut ratio = || (problem + 0.5 * normal(&mut generator)).exp();
                (0..5).map(|_| vec![ratio(), 1.0]).collect()
            })
            .collect();
        let found = performance(&costs).unwrap();
        let numbers = Moments::of(&found.by_problem(0, 1, &Place::At(2.0)));
        missed[0] += misses(guarded(&numbers, ALPHA), difference);
        let places = [(1, Place::At(2.0), difference), (2, Place::Over(1.0..8.0), area)];
        for (at, place, truth) in places {
            let drawn = found.difference(0, 1, &place, 199, &mut generator);
            missed[at] += misses(drawn.interval(ALPHA), truth);
        }
        // Between two steps the profile stands still while the truth rises.
        let band = &found.bands(199, ALPHA, &mut generator)[0];
        let ends = band.ratios.iter().skip(1).copied().chain([f64::INFINITY]);
        missed[3] += usize::from(band.ratios.iter().zip(ends).zip(&band.simultaneous).any(
            |((ratio, end), interval)| {
                first(*ratio) < interval.lower || first(end) > interval.upper + 1e-12
            },
        ));
    }
    missed
}

#[test]
fn profiles_of_twenty_problems_are_covered() {
    let [by_problem, difference, area, band] = profile_misses(5, 20);
    // At most 0.05 of 1,000; then 0.065, 0.07 and 0.06, as measured.
    assert!(by_problem <= 86, "{by_problem}");
    assert!((30..=106).contains(&difference), "{difference}");
    assert!((34..=113).contains(&area), "{area}");
    assert!((27..=100).contains(&band), "{band}");
}

#[test]
fn eight_problems_are_covered_by_problem_and_not_by_percentiles() {
    let [by_problem, difference, ..] = profile_misses(6, 8);
    assert!(by_problem <= 86, "{by_problem}");
    // 0.106 of 1,000, as measured.
    assert!((62..=156).contains(&difference), "{difference}");
}

#[test]
fn probabilities_of_improvement_are_covered_between_equal_solvers() {
    // Measured 0.055 to 0.065 at ten seeds and twenty; limits at 0.06.
    for (seed, seeds) in [(7, 10), (8, 20)] {
        for pairing in [Pairing::Seeds, Pairing::All] {
            let mut generator = Pcg64::seed_from_u64(seed);
            let mut missed = 0;
            for _ in 0..1000 {
                let (a, b) = (scores(seeds, &mut generator), scores(seeds, &mut generator));
                let found = improvement::bootstrap(&a, &b, pairing, 199, &mut generator).unwrap();
                missed += misses(found.interval(ALPHA), 0.5);
            }
            assert!((27..=100).contains(&missed), "{seeds} {pairing:?}: {missed}");
        }
    }
}
