//! Which of two methods fails less often (9.2): exact `McNemar` for runs that share their seeds,
//! Boschloo and Fisher for independent ones.
//!
//! Sources: R. Boschloo, Raised conditional level of significance for the 2×2-table when testing the
//! equality of two probabilities, 1970, Statistica Neerlandica 24; R. Fisher, 1935; Q. `McNemar`,
//! 1947.

use super::Evidence;
use super::distribution::{binomial_mass, binomial_upper, hypergeometric_mass};

/// Fewest runs of either method behind a verdict.
pub const FEWEST: u64 = 10;

/// Failures of two methods over independent seeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    /// Failures of a.
    pub failed_a: u64,
    /// Runs of a.
    pub runs_a: u64,
    /// Failures of b.
    pub failed_b: u64,
    /// Runs of b.
    pub runs_b: u64,
}

impl Table {
    /// The same runs with a and b exchanged.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            failed_a: self.failed_b,
            runs_a: self.runs_b,
            failed_b: self.failed_a,
            runs_b: self.runs_a,
        }
    }
}

/// p-values of "a fails less often than b" for runs that share their seeds, from the discordant
/// seeds: `only_a` where only a failed, `only_b` where only b did. The sign test on them.
pub fn mcnemar(only_a: u64, only_b: u64) -> Evidence {
    let discordant = only_a + only_b;
    Evidence {
        support: binomial_upper(only_b, discordant, 0.5),
        refute: binomial_upper(only_a, discordant, 0.5),
    }
}

/// p-values of "a fails less often than b" by Fisher's exact test: conditional on all failures,
/// conservative (true size at 5 % two-sided 0.1–2.5 % up to twenty seeds). A second view.
pub fn fisher(table: &Table) -> Evidence {
    Evidence { support: fisher_less(table), refute: fisher_less(&table.swapped()) }
}

/// p-values of "a fails less often than b" by Boschloo's test: the largest probability, over the
/// common failure probability, of a Fisher p-value as small as the observed one. Exact and never
/// less powerful than Fisher.
pub fn boschloo(table: &Table) -> Evidence {
    Evidence { support: boschloo_less(table), refute: boschloo_less(&table.swapped()) }
}

/// `P(failures of a ≤ observed)` given the failures of both.
fn fisher_less(table: &Table) -> f64 {
    let Table { failed_a, runs_a, failed_b, runs_b } = *table;
    let (failed, runs) = (failed_a + failed_b, runs_a + runs_b);
    (0..=failed_a)
        .map(|count| hypergeometric_mass(count, runs_a, failed, runs))
        .sum::<f64>()
        .min(1.0)
}

/// Grid over the common probability, then golden section around its best point.
const GRID: u32 = 1000;

fn boschloo_less(table: &Table) -> f64 {
    let Table { runs_a, runs_b, .. } = *table;
    // Equal p-values differ in their last bits.
    let observed = fisher_less(table) * (1.0 + 1e-12);
    // Fisher's p-value falls with the failures of b: per count of a, the first count of b as extreme.
    let first: Vec<u64> = (0..=runs_a)
        .map(|failed_a| {
            (0..=runs_b)
                .find(|failed_b| {
                    let other = Table { failed_a, failed_b: *failed_b, ..*table };
                    fisher_less(&other) <= observed
                })
                .unwrap_or(runs_b + 1)
        })
        .collect();
    let probability = |p: f64| {
        let masses = |runs: u64| (0..=runs).map(move |count| binomial_mass(count, runs, p));
        // tails[k] = P(failures of b ≥ k).
        let mut tails: Vec<f64> = masses(runs_b).chain([0.0]).collect();
        for k in (0..tails.len() - 1).rev() {
            tails[k] += tails[k + 1];
        }
        masses(runs_a).zip(&first).map(|(mass, from)| mass * tails[*from as usize]).sum::<f64>()
    };
    let best = (1..GRID)
        .map(|i| f64::from(i) / f64::from(GRID))
        .map(|p| (p, probability(p)))
        .fold((0.5, 0.0), |best, next| if next.1 > best.1 { next } else { best });
    let step = 1.0 / f64::from(GRID);
    golden(best.0 - step, best.0 + step, probability).max(best.1).min(1.0)
}

/// The largest value of `f` in `[low, high]`, where it has one hump.
fn golden(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    let inner = |low: f64, high: f64| (high - ratio * (high - low), low + ratio * (high - low));
    let (mut left, mut right) = inner(low, high);
    let (mut at_left, mut at_right) = (f(left), f(right));
    // 0.618⁴⁰ = 4e-9 of two grid steps: flat to the last digit at the top of a smooth hump.
    for _ in 0..40 {
        if at_left < at_right {
            low = left;
            (left, at_left) = (right, at_right);
            right = inner(low, high).1;
            at_right = f(right);
        } else {
            high = right;
            (right, at_right) = (left, at_left);
            left = inner(low, high).0;
            at_left = f(left);
        }
    }
    at_left.max(at_right)
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    const TABLE: Table = Table { failed_a: 1, runs_a: 10, failed_b: 6, runs_b: 10 };

    #[test]
    fn fisher_matches_scipy() {
        let found = fisher(&TABLE);
        assert_close(found.support, 0.028_637_770_9, 1e-9);
        assert_close(found.two_sided(), 0.057_275_541_8, 1e-9);
        assert_close(fisher(&TABLE.swapped()).refute, found.support, 1e-14);
    }

    #[test]
    fn boschloo_matches_scipy() {
        // boschloo_exact takes its groups from the columns: ((1, 6), (9, 4)) are these runs.
        assert_close(boschloo(&TABLE).support, 0.011_389_991_255_7, 1e-9);
        // With ((1, 9), (6, 4)) it compares 1 of 7 with 9 of 13.
        let columns = Table { failed_a: 1, runs_a: 7, failed_b: 9, runs_b: 13 };
        assert_close(boschloo(&columns).support, 0.013_122_284_37, 1e-9);
        assert_close(boschloo(&columns).two_sided(), 0.026_244_568_74, 1e-9);
    }

    #[test]
    fn boschloo_is_never_less_powerful_than_fisher() {
        for failed_a in 0..=6 {
            for failed_b in 0..=8 {
                let table = Table { failed_a, runs_a: 6, failed_b, runs_b: 8 };
                let (raised, fisher) = (boschloo(&table), fisher(&table));
                assert!(raised.support <= fisher.support + 1e-12, "{table:?}");
                assert!(raised.refute <= fisher.refute + 1e-12, "{table:?}");
            }
        }
    }

    #[test]
    fn mcnemar_matches_statsmodels() {
        assert_close(mcnemar(1, 8).two_sided(), 0.039_062_5, 1e-12);
        assert!(mcnemar(1, 8).support < mcnemar(1, 8).refute);
        assert_eq!(mcnemar(0, 0), Evidence::NONE);
    }

    #[test]
    fn equal_failures_are_no_evidence() {
        let table = Table { failed_a: 0, runs_a: 5, failed_b: 0, runs_b: 5 };
        assert!(boschloo(&table).support > 1.0 - 1e-12);
        assert!(fisher(&table).refute > 1.0 - 1e-12);
    }
}
