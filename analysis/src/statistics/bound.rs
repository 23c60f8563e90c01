//! An explicit bound `gap ≤ c`: on every recorded row of every run, where one number per run, its
//! largest ratio, tells; or in expectation, at points declared before the data.

use super::mean::{Moments, guarded, guarded_evidence};
use super::slope::{Kind, spread};
use super::{Evidence, Interval, mixture, proportion};

/// Most points of a bound in expectation.
const POINTS: usize = 10;

/// The largest `gap_k / c_k` of a run and the row where it stands; rows with a gap below `floor`
/// are noise and left out. A gap that is not finite violates any bound. `None` where no row is left.
pub fn largest_ratio(gap: &[f64], bound: &[f64], floor: f64) -> Option<(usize, f64)> {
    gap.iter()
        .zip(bound)
        .enumerate()
        .filter(|(_, (gap, _))| gap.is_nan() || **gap >= floor)
        .map(|(row, (gap, bound))| (row, if gap.is_nan() { f64::INFINITY } else { gap / bound }))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Rounding and reference error allowed above 1: `64ε + width/c`, where `width` bounds the error of
/// the reference value and `smallest` is the smallest bound.
pub fn tolerance(width: f64, smallest: f64) -> f64 {
    64.0 * f64::EPSILON + width / smallest
}

/// What runs say of a bound on every run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EveryRun {
    /// The run with the largest ratio.
    pub run: usize,
    /// Its row.
    pub row: usize,
    /// The ratio there.
    pub ratio: f64,
    /// Whether it is above 1 and the tolerance: one such run refutes.
    pub violated: bool,
    /// Without violation: what the probability of a run that violates does not exceed, at the level
    /// 1 − alpha/2. 1 otherwise.
    pub violation: f64,
}

/// Compares the worst row of each run, from [`largest_ratio`], with the bound. `None` where no run
/// has a row above its floor.
pub fn every_run(worst: &[Option<(usize, f64)>], tolerance: f64, alpha: f64) -> Option<EveryRun> {
    let (run, (row, ratio)) = worst
        .iter()
        .enumerate()
        .filter_map(|(run, worst)| worst.map(|worst| (run, worst)))
        .reduce(|best, next| if next.1.1 > best.1.1 { next } else { best })?;
    let violated = ratio > 1.0 + tolerance;
    let runs = worst.iter().flatten().count() as u64;
    let violation = if violated { 1.0 } else { 1.0 - proportion::unanimous(runs, alpha) };
    Some(EveryRun { run, row, ratio, violated, violation })
}

/// At most ten counts with equal ratios, at which a bound in expectation is tested.
pub fn points(from: f64, to: f64) -> Vec<f64> {
    spread(Kind::Sublinear, from.max(1.0), to, POINTS)
}

/// What seeds say of a bound in expectation.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// Mean of `gap/c` at each point.
    pub means: Vec<f64>,
    /// Its interval at each point, at the level 1 − alpha/J for J points.
    pub intervals: Vec<Interval>,
    /// p-values of "the mean is below 1 at every point", J times those of the point that decides:
    /// supported if all upper ends are below 1, refuted if some lower end is above.
    pub evidence: Evidence,
}

/// Tests `E gap ≤ c` from `ratios[seed][point]`, the values of `gap/c`, with guarded Student or, where
/// seeds are looked at one after the other, the t-mixture at this look alone. That the mean of the
/// largest ratio of each run is below 1 would be stronger and is not asked. Iterates that the theorem
/// averages, or takes the best of, are averaged or taken the best of before.
///
/// # Panics
/// If there is no seed, or one lacks a point.
pub fn in_expectation(ratios: &[Vec<f64>], alpha: f64, sequential: bool) -> Expectation {
    let count = ratios.first().expect("a seed").len();
    let share = alpha / count as f64;
    let mut found = Expectation {
        means: Vec::with_capacity(count),
        intervals: Vec::with_capacity(count),
        evidence: Evidence { support: 0.0, refute: 1.0 },
    };
    for point in 0..count {
        let moments = Moments::of(&ratios.iter().map(|seed| seed[point]).collect::<Vec<_>>());
        let (interval, evidence) = below_one(&moments, share, sequential);
        found.means.push(moments.mean);
        found.intervals.push(interval);
        found.evidence.support = found.evidence.support.max(evidence.support);
        found.evidence.refute = found.evidence.refute.min(evidence.refute);
    }
    let adjust = |p: f64| (p * count as f64).min(1.0);
    found.evidence =
        Evidence { support: adjust(found.evidence.support), refute: adjust(found.evidence.refute) };
    found
}

/// Interval and p-values of "the mean is below 1".
fn below_one(moments: &Moments, alpha: f64, sequential: bool) -> (Interval, Evidence) {
    if !moments.deviation.is_finite() || moments.count < 2 {
        return (Interval::LINE, Evidence { support: 1.0, refute: 1.0 });
    }
    if moments.is_constant() {
        // Seeds that share their start: compared directly.
        let p = |against: bool| f64::from(u8::from(against));
        let evidence = Evidence { support: p(moments.mean >= 1.0), refute: p(moments.mean <= 1.0) };
        return (Interval::new(moments.mean, moments.mean), evidence);
    }
    let (interval, evidence) = if sequential {
        (mixture::interval(moments, alpha), mixture::evidence(moments, 1.0))
    } else {
        (guarded(moments, alpha), guarded_evidence(moments, 1.0))
    };
    (interval, evidence.mirrored())
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn the_worst_row_is_named() {
        let (row, ratio) = largest_ratio(&[1.0, 0.9, 0.2], &[2.0, 1.0, 0.5], 0.0).unwrap();
        assert_eq!(row, 1);
        assert_close(ratio, 0.9, 1e-15);
    }

    #[test]
    fn rows_below_the_floor_are_left_out_and_nan_violates() {
        assert_eq!(largest_ratio(&[1e-17], &[1e-20], 1e-15), None);
        assert!(largest_ratio(&[0.1, f64::NAN], &[1.0, 1.0], 0.0).unwrap().1.is_infinite());
    }

    #[test]
    fn an_exact_bound_passes_its_tolerance() {
        let (_, ratio) = largest_ratio(&[0.3], &[0.1 + 0.2], 0.0).unwrap();
        assert!(ratio <= 1.0 + tolerance(0.0, 0.3));
    }

    #[test]
    fn one_run_above_the_bound_refutes_and_none_leaves_a_probability() {
        let worst = [Some((3, 0.5)), None, Some((7, 0.9)), Some((1, 0.2))];
        let found = every_run(&worst, 0.0, 0.05).unwrap();
        assert_eq!((found.run, found.row, found.violated), (2, 7, false));
        assert_close(found.violation, 1.0 - 0.025_f64.powf(1.0 / 3.0), 1e-12);
        let found = every_run(&[Some((0, 0.1)), Some((4, 1.01))], 1e-3, 0.05).unwrap();
        assert_eq!((found.run, found.row, found.violated), (1, 4, true));
        assert_close(found.violation, 1.0, 1e-15);
        assert_eq!(every_run(&[None], 0.0, 0.05), None);
        for (runs, expected) in [(5, 0.522), (10, 0.308), (20, 0.168)] {
            let found = every_run(&vec![Some((0, 0.5)); runs], 0.0, 0.05).unwrap();
            assert!((found.violation - expected).abs() < 5e-4);
        }
    }

    const RATIOS: [[f64; 3]; 6] = [
        [0.8, 0.7, 0.9],
        [0.6, 0.65, 0.7],
        [0.9, 0.85, 0.95],
        [0.7, 0.72, 0.8],
        [0.75, 0.6, 0.85],
        [0.65, 0.8, 0.7],
    ];

    #[test]
    fn upper_limits_in_expectation_match_their_vector() {
        // Student's limits; the guarded ones are never below.
        let expected = [0.889_172_97, 0.853_799_27, 0.965_677_86];
        let seeds = RATIOS.map(|seed| seed.to_vec());
        let found = in_expectation(&seeds, 0.05, false);
        for (point, expected) in expected.into_iter().enumerate() {
            let column: Vec<f64> = RATIOS.iter().map(|seed| seed[point]).collect();
            let student = super::super::mean::student(&Moments::of(&column), 0.05 / 3.0);
            assert_close(student.upper, expected, 1e-8);
            assert!(found.intervals[point].upper >= student.upper - 1e-15);
        }
        assert!(found.intervals.iter().all(|interval| interval.upper < 1.0));
        assert!(found.evidence.support < 0.025 && found.evidence.refute > 0.9);
    }

    #[test]
    fn one_point_above_the_bound_refutes_in_expectation() {
        let seeds = RATIOS.map(|seed| vec![seed[0], seed[1] + 0.8, seed[2]]);
        let found = in_expectation(&seeds, 0.05, false);
        assert!(found.intervals[1].lower > 1.0);
        assert!(found.evidence.refute < 0.025 && found.evidence.support > 0.9);
        // The t-mixture pays for its looks: it is wider, at six seeds by far.
        let looked = in_expectation(&seeds, 0.05, true);
        assert!(looked.intervals[1].lower < found.intervals[1].lower);
    }

    #[test]
    fn a_point_that_all_seeds_share_is_compared_directly() {
        let seeds: Vec<Vec<f64>> = RATIOS.iter().map(|seed| vec![0.5, seed[0]]).collect();
        let found = in_expectation(&seeds, 0.05, false);
        assert_close(found.intervals[0].upper, 0.5, 1e-15);
        assert!(found.evidence.support < 0.025);
        let seeds: Vec<Vec<f64>> = RATIOS.iter().map(|seed| vec![1.5, seed[0]]).collect();
        assert!(in_expectation(&seeds, 0.05, false).evidence.refute < 1e-12);
    }

    #[test]
    fn a_seed_without_a_finite_ratio_leaves_the_mean_unknown() {
        let mut seeds = RATIOS.map(|seed| seed.to_vec());
        seeds[2][1] = f64::INFINITY;
        let found = in_expectation(&seeds, 0.05, false);
        assert_eq!(found.intervals[1], Interval::LINE);
        assert_close(found.evidence.support, 1.0, 1e-15);
    }

    #[test]
    fn points_have_equal_ratios() {
        assert_eq!(points(1.0, 512.0), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]);
        assert_eq!(points(0.0, 4.0), [1.0, 2.0, 3.0, 4.0]);
    }
}
