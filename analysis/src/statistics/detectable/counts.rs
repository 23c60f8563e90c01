//! Detectable differences of the procedures that count.

use super::super::Evidence;
use super::super::distribution::{binomial_mass, binomial_upper, bisect};
use super::super::failure::Table;
use super::super::proportion::unanimous;
use super::POWER;

/// Smallest win probability that the sign test over `pairs` pairs finds; `None` if not even
/// unanimous pairs suffice.
pub fn sign(pairs: u64, alpha: f64) -> Option<f64> {
    let needed = (0..=pairs).find(|wins| binomial_upper(*wins, pairs, 0.5) <= 0.5 * alpha)?;
    Some(bisect(0.5, 1.0, |p| binomial_upper(needed, pairs, p) < POWER))
}

/// Smallest violation probability of a new run that "no violation in `runs` runs" still excludes.
pub fn violation(runs: u64, alpha: f64) -> f64 {
    1.0 - unanimous(runs, alpha)
}

/// Smallest number of failures of b, out of `runs` of either method, that `test` finds significant
/// when a never fails; `None` if not even all.
pub fn failures_from_none(runs: u64, alpha: f64, test: impl Fn(&Table) -> Evidence) -> Option<u64> {
    let table = Table { failed_a: 0, runs_a: runs, failed_b: 0, runs_b: runs };
    (1..=runs).find(|failed_b| test(&Table { failed_b: *failed_b, ..table }).support <= 0.5 * alpha)
}

/// Smallest failure probability of b that `test` (Boschloo or Fisher) finds when a fails with
/// probability `base`, by enumeration of all tables; `None` if not even certain failure. `runs`: of a
/// and of b.
pub fn failures(
    runs: (u64, u64),
    base: f64,
    alpha: f64,
    test: impl Fn(&Table) -> Evidence,
) -> Option<f64> {
    // Evidence rises with the failures of b and falls with those of a: one threshold a count of a,
    // each at or above the last.
    let mut first = 0;
    let thresholds: Vec<u64> = (0..=runs.0)
        .map(|failed_a| {
            let found = |failed_b: u64| {
                let table = Table { failed_a, runs_a: runs.0, failed_b, runs_b: runs.1 };
                test(&table).support <= 0.5 * alpha
            };
            first = (first..=runs.1).find(|failed_b| found(*failed_b)).unwrap_or(runs.1 + 1);
            first
        })
        .collect();
    let power = |p: f64| -> f64 {
        thresholds
            .iter()
            .enumerate()
            .filter(|(_, from)| **from <= runs.1)
            .map(|(failed_a, from)| {
                binomial_mass(failed_a as u64, runs.0, base) * binomial_upper(*from, runs.1, p)
            })
            .sum()
    };
    (power(1.0) >= POWER).then(|| bisect(base, 1.0, |p| power(p) < POWER))
}

#[cfg(test)]
mod tests {
    use super::super::super::assert_close;
    use super::super::super::failure::{boschloo, fisher};
    use super::*;

    #[test]
    fn sign_test_needs_six_unanimous_pairs_at_95_percent() {
        assert_eq!(sign(5, 0.05), None);
        let found = sign(6, 0.05).unwrap();
        assert_close(found, 0.9_f64.powf(1.0 / 6.0), 1e-12);
    }

    #[test]
    fn failures_needed_from_none_match_their_table() {
        for (runs, needed) in [(5, 4), (10, 5), (20, 5)] {
            assert_eq!(failures_from_none(runs, 0.05, fisher), Some(needed), "{runs} runs");
        }
        assert_eq!(failures_from_none(3, 0.05, fisher), None);
    }

    #[test]
    fn no_violation_matches_its_table() {
        for (runs, expected) in [(5, 0.522), (10, 0.308), (20, 0.168)] {
            assert!((violation(runs, 0.05) - expected).abs() < 5e-4);
        }
    }

    #[test]
    fn failures_found_have_their_power_by_enumeration() {
        // A method that never fails: b must reach four of five, so P(Bin(5, p) ≥ 4) = 0.9.
        let found = failures((5, 5), 0.0, 0.05, fisher).unwrap();
        assert_close(binomial_upper(4, 5, found), 0.9, 1e-9);
        let raised = failures((10, 10), 0.1, 0.05, boschloo).unwrap();
        let conservative = failures((10, 10), 0.1, 0.05, fisher).unwrap();
        assert!(raised <= conservative && raised > 0.5, "{raised}, {conservative}");
        assert_eq!(failures((3, 3), 0.0, 0.05, fisher), None);
    }
}
