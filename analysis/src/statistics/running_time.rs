//! Expected running time (3.5): the total cost of restarting a method until one run succeeds,
//! failures counted.
//!
//! `ERT = Σ min(T_i, τ_i) / #successes`. Source: N. Hansen, A. Auger, D. Brockhoff, D. Tušar,
//! T. Tušar, COCO: performance assessment, 2016, arXiv 1605.03560.

use rand_pcg::Pcg64;

use super::Interval;
use super::bootstrap::{Replicates, replicates};
use super::proportion::clopper_pearson;
use super::resampled::Resampled;

/// A run: what it spent before its target or its end, and whether it reached the target.
pub type Spent = (f64, bool);

/// Fewest seeds and fewest successes of an interval; below, only [`lower_bound`] is left. The
/// percentile interval covers 80.6 % at five seeds, 91.7 % at ten.
pub const FEWEST: (usize, usize) = (10, 3);

/// The expected running time; infinite without a success.
pub fn expected(runs: &[Spent]) -> f64 {
    ln_expected(runs.iter().copied()).exp()
}

/// Whether `runs` have the seeds and successes for an interval.
pub fn is_estimable(runs: &[Spent]) -> bool {
    runs.len() >= FEWEST.0 && successes(runs) >= FEWEST.1
}

/// Replicates of `ln ERT` over resampled seeds, failures included. A resample without success is
/// infinite and stands last.
pub fn ln_replicates(runs: &[Spent], draws: usize, rng: &mut Pcg64) -> Replicates {
    Replicates::of(replicates(runs, draws, rng, |runs| ln_expected(runs.iter().copied())))
}

/// Percentile interval of the expected running time, read on the logarithm.
pub fn interval(runs: &[Spent], alpha: f64, draws: usize, rng: &mut Pcg64) -> Interval {
    ln_replicates(runs, draws, rng).interval(alpha).map(f64::exp)
}

/// `ln(ERT_a/ERT_b)` over resampled seeds, each with the run of a and the run of b; NaN if neither
/// method ever succeeds. For equal methods at twenty seeds its interval covers 93 % where 95 % is
/// asked.
pub fn ln_ratio(pairs: &[(Spent, Spent)], draws: usize, rng: &mut Pcg64) -> Resampled {
    let statistic = |pairs: &[(Spent, Spent)]| {
        ln_expected(pairs.iter().map(|pair| pair.0)) - ln_expected(pairs.iter().map(|pair| pair.1))
    };
    Resampled::new(statistic(pairs), &replicates(pairs, draws, rng, statistic))
}

/// Lower confidence bound of the expected running time at `budget`, at the level 1 − alpha/2:
/// `τ(1 − p_u)/p_u` with `p_u` the upper limit of the success probability (`1 − (α/2)^{1/n}` where no
/// run succeeded), because every failure costs the whole budget.
pub fn lower_bound(successes: u64, runs: u64, budget: f64, alpha: f64) -> f64 {
    let most = clopper_pearson(successes, runs, alpha).upper;
    budget * (1.0 - most) / most
}

fn successes(runs: &[Spent]) -> usize {
    runs.iter().filter(|run| run.1).count()
}

fn ln_expected(runs: impl Iterator<Item = Spent>) -> f64 {
    let (total, reached) =
        runs.fold((0.0, 0_u32), |(total, count), run| (total + run.0, count + u32::from(run.1)));
    if reached == 0 { f64::INFINITY } else { (total / f64::from(reached)).ln() }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::assert_close;
    use super::super::bootstrap::DRAWS;
    use super::*;

    const RUNS: [Spent; 8] = [
        (3.0, true),
        (5.0, true),
        (5.0, true),
        (7.0, false),
        (8.0, true),
        (12.0, true),
        (12.0, false),
        (15.0, false),
    ];

    fn rng() -> Pcg64 {
        Pcg64::seed_from_u64(1)
    }

    #[test]
    fn expected_running_time_matches_its_vector() {
        assert_close(expected(&RUNS), 13.4, 1e-12);
        assert!(expected(&[(15.0, false); 8]).is_infinite());
    }

    #[test]
    fn bound_without_success_matches_its_vector() {
        assert_close(lower_bound(0, 8, 15.0, 0.05), 25.604_558_83, 1e-9);
    }

    #[test]
    fn the_bound_falls_with_successes_and_vanishes_where_all_succeed() {
        let bounds: Vec<f64> = (0..=8).map(|k| lower_bound(k, 8, 15.0, 0.05)).collect();
        assert!(bounds.windows(2).all(|pair| pair[1] < pair[0]));
        assert!(bounds[8].abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn five_seeds_enumerate_and_sort_hopeless_resamples_last() {
        // Two successes of five: (3/5)⁵ = 7.8 % of the resamples have none.
        let found = ln_replicates(&RUNS[3..8], DRAWS, &mut rng());
        let hopeless = found.values().iter().filter(|value| value.is_infinite()).count();
        assert_eq!(hopeless, 3_usize.pow(5));
        assert!(interval(&RUNS[3..8], 0.05, DRAWS, &mut rng()).upper.is_infinite());
    }

    #[test]
    fn few_seeds_or_successes_leave_only_the_bound() {
        assert!(!is_estimable(&RUNS));
        let long: Vec<Spent> = RUNS.iter().chain(&RUNS[..2]).copied().collect();
        assert!(is_estimable(&long));
        assert!(!is_estimable(&[(1.0, false); 12]));
    }

    #[test]
    fn a_method_against_itself_has_ratio_one_exactly() {
        let pairs: Vec<_> = RUNS.iter().map(|run| (*run, *run)).collect();
        let found = ln_ratio(&pairs, 999, &mut rng());
        assert!(found.estimate.abs() < f64::MIN_POSITIVE);
        assert_eq!(found.interval(0.05), Interval::new(0.0, 0.0));
    }

    #[test]
    fn a_resample_where_neither_succeeds_widens_both_ends() {
        // One success each in six: (5/6)⁶ = 33 % of the resamples of the common seed have none.
        let mut pairs = [((9.0, false), (9.0, false)); 6];
        pairs[0] = ((1.0, true), (2.0, true));
        let found = ln_ratio(&pairs, DRAWS, &mut rng());
        assert_eq!(found.interval(0.05), Interval::LINE);
        let evidence = found.evidence(0.0);
        assert!(evidence.support > 0.3 && evidence.refute > 0.3, "{evidence:?}");
    }

    #[test]
    fn twice_the_cost_is_ratio_two() {
        let pairs: Vec<_> = RUNS.iter().map(|run| ((2.0 * run.0, run.1), *run)).collect();
        let found = ln_ratio(&pairs, 999, &mut rng());
        assert_close(found.estimate, 2.0_f64.ln(), 1e-12);
        let evidence = |ratio: f64| found.evidence(ratio.ln());
        assert!(evidence(1.5).support < 0.002 && evidence(3.0).refute < 0.002);
    }
}
