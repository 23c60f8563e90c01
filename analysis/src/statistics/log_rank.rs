//! Whether one method reaches its targets sooner than the other over the whole curve: the log-rank
//! test, stratified by target or problem (3.4).
//!
//! Weak where the curves cross, and it has no interval: a second view unless the claim is about
//! curves. Source: N. Mantel, Evaluation of survival data and two new rank order statistics arising
//! in its consideration, 1966, Cancer Chemother. Rep. 50.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::Evidence;
use super::bootstrap::DRAWS;
use super::distribution::{normal_lower, normal_upper};

/// Up to so many seeds all `2^n` swaps are taken.
const ENUMERATED: usize = 12;
/// Fewest events of each method for the normal law.
pub const FEWEST: usize = 20;

/// The runs of both methods at one target or problem: `(time, reached)`, censored at `time` if not
/// reached. Under the permutation test, place i of every list is seed i.
#[derive(Clone, Copy, Debug)]
pub struct Stratum<'a> {
    /// Runs of the method that the claim says is sooner.
    pub a: &'a [(f64, bool)],
    /// Runs of the other.
    pub b: &'a [(f64, bool)],
}

/// The log-rank sums over all strata.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct LogRank {
    /// Events of `a`, O.
    pub observed: f64,
    /// Their expectation E if the curves are equal.
    pub expected: f64,
    /// Hypergeometric variance V of O − E.
    pub variance: f64,
    /// Events of `a` and of `b`.
    pub events: (usize, usize),
}

impl LogRank {
    /// Sums over `strata`.
    pub fn of(strata: &[Stratum<'_>]) -> Self {
        let mut all = Self::default();
        for stratum in strata {
            for time in event_times(stratum) {
                let at_risk =
                    |runs: &[(f64, bool)]| runs.iter().filter(|run| run.0 >= time).count();
                let events = |runs: &[(f64, bool)]| {
                    runs.iter().filter(|run| run.1 && run.0.total_cmp(&time).is_eq()).count()
                };
                let (n1, n2) = (at_risk(stratum.a), at_risk(stratum.b));
                let (d1, d2) = (events(stratum.a), events(stratum.b));
                let (n, d, share) =
                    ((n1 + n2) as f64, (d1 + d2) as f64, n1 as f64 / (n1 + n2) as f64);
                all.observed += d1 as f64;
                all.expected += d * share;
                if n1 + n2 > 1 {
                    all.variance += d * share * (1.0 - share) * (n - d) / (n - 1.0);
                }
                all.events.0 += d1;
                all.events.1 += d2;
            }
        }
        all
    }

    /// `U = O − E`, positive where `a` reaches sooner.
    pub fn excess(&self) -> f64 {
        self.observed - self.expected
    }

    /// `Z = U/√V`; its square is χ² with one degree of freedom.
    pub fn standardized(&self) -> f64 {
        self.excess() / self.variance.sqrt()
    }

    /// p-values of "`a` reaches sooner" by the normal law. For [`FEWEST`] events a method, and only
    /// where the strata are independent: targets of the same runs are not.
    pub fn evidence(&self) -> Evidence {
        if self.variance <= 0.0 {
            return Evidence::NONE;
        }
        let z = self.standardized();
        Evidence { support: normal_upper(z), refute: normal_lower(z) }
    }
}

/// p-values of the permutation test, and the two-sided one (by |U|).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Permuted {
    /// Of "`a` reaches sooner".
    pub evidence: Evidence,
    /// Of "the curves differ".
    pub two_sided: f64,
}

/// The permutation test: the methods of a seed are swapped jointly in all strata, all `2^n` ways up
/// to twelve seeds, [`DRAWS`] random ways beyond. Valid also for several targets of the same runs.
///
/// # Panics
/// If the lists of runs differ in length: then they are not paired by seed.
pub fn permuted(strata: &[Stratum<'_>], rng: &mut Pcg64) -> Permuted {
    let seeds = strata.first().map_or(0, |stratum| stratum.a.len());
    // A swap leaves the pooled numbers at risk, so U is a sum of one fixed score a run: its event
    // minus the pooled cumulative hazard (Nelson–Aalen) at its time.
    let mut scores = vec![[0.0; 2]; seeds];
    for stratum in strata {
        assert!(
            stratum.a.len() == seeds && stratum.b.len() == seeds,
            "{} and {} runs of {seeds} seeds",
            stratum.a.len(),
            stratum.b.len()
        );
        let hazard = hazard(stratum);
        let score = |run: &(f64, bool)| {
            let passed = hazard.iter().take_while(|step| step.0 <= run.0).last();
            f64::from(u8::from(run.1)) - passed.map_or(0.0, |step| step.1)
        };
        for (seed, (a, b)) in stratum.a.iter().zip(stratum.b).enumerate() {
            scores[seed][0] += score(a);
            scores[seed][1] += score(b);
        }
    }
    let observed: f64 = scores.iter().map(|pair| pair[0]).sum();
    // Equal sums differ in their last bits.
    let slack = 1e-12 * scores.iter().flatten().map(|score| score.abs()).sum::<f64>();
    let (mut above, mut below, mut beyond) = (0_usize, 0_usize, 0_usize);
    let mut count = |value: f64| {
        above += usize::from(value >= observed - slack);
        below += usize::from(value <= observed + slack);
        beyond += usize::from(value.abs() >= observed.abs() - slack);
    };
    let all = if seeds <= ENUMERATED {
        for code in 0..1_usize << seeds {
            count(scores.iter().enumerate().map(|(seed, pair)| pair[code >> seed & 1]).sum());
        }
        1 << seeds
    } else {
        // The observed assignment is one of the ways.
        count(observed);
        for _ in 0..DRAWS {
            count(scores.iter().map(|pair| pair[usize::from(rng.random::<bool>())]).sum());
        }
        DRAWS + 1
    };
    let share = |count: usize| count as f64 / all as f64;
    Permuted {
        evidence: Evidence { support: share(above), refute: share(below) },
        two_sided: share(beyond),
    }
}

/// Distinct times of events of either method, rising.
fn event_times(stratum: &Stratum<'_>) -> Vec<f64> {
    let mut times: Vec<f64> =
        stratum.a.iter().chain(stratum.b).filter(|run| run.1).map(|run| run.0).collect();
    times.sort_by(f64::total_cmp);
    times.dedup_by(|a, b| a.total_cmp(b).is_eq());
    times
}

/// Pooled cumulative hazard `Σ d/n` at each event time.
fn hazard(stratum: &Stratum<'_>) -> Vec<(f64, f64)> {
    let pooled: Vec<(f64, bool)> = stratum.a.iter().chain(stratum.b).copied().collect();
    let mut sum = 0.0;
    event_times(stratum)
        .into_iter()
        .map(|time| {
            let at_risk = pooled.iter().filter(|run| run.0 >= time).count();
            let events =
                pooled.iter().filter(|run| run.1 && run.0.total_cmp(&time).is_eq()).count();
            sum += events as f64 / at_risk as f64;
            (time, sum)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::assert_close;
    use super::*;

    fn runs(times: [f64; 8], reached: [u8; 8]) -> Vec<(f64, bool)> {
        times.iter().zip(reached).map(|(time, reached)| (*time, reached == 1)).collect()
    }

    fn first() -> Vec<(f64, bool)> {
        runs([3.0, 5.0, 5.0, 7.0, 8.0, 12.0, 12.0, 15.0], [1, 1, 1, 0, 1, 1, 0, 0])
    }

    fn second() -> Vec<(f64, bool)> {
        runs([6.0, 9.0, 9.0, 10.0, 14.0, 15.0, 15.0, 15.0], [1, 1, 0, 1, 1, 0, 0, 0])
    }

    fn rng() -> Pcg64 {
        Pcg64::seed_from_u64(1)
    }

    #[test]
    fn unstratified_test_matches_lifelines() {
        let (a, b) = (first(), second());
        let found = LogRank::of(&[Stratum { a: &a, b: &b }]);
        assert_close(found.standardized().powi(2), 1.130_649_403, 1e-9);
        assert_close(found.evidence().two_sided(), 0.287_636_862_5, 1e-9);
        assert_eq!(found.events, (5, 4));
    }

    #[test]
    fn stratified_test_matches_statsmodels() {
        let strata = [1, 1, 2, 2, 1, 2, 1, 2];
        let split = |runs: &[(f64, bool)], stratum: i32| -> Vec<(f64, bool)> {
            runs.iter().zip(strata).filter(|(_, s)| *s == stratum).map(|(run, _)| *run).collect()
        };
        let (a, b) = (first(), second());
        let parts: Vec<_> = [1, 2].iter().map(|s| (split(&a, *s), split(&b, *s))).collect();
        let strata: Vec<Stratum<'_>> = parts.iter().map(|(a, b)| Stratum { a, b }).collect();
        let found = LogRank::of(&strata);
        assert_close(found.observed, 5.0, 1e-12);
        assert_close(found.expected, 3.311_904_762, 1e-9);
        assert_close(found.variance, 1.884_620_181, 1e-9);
        assert_close(found.standardized().powi(2), 1.512_063_577, 1e-9);
        assert_close(found.evidence().two_sided(), 0.218_824_472_7, 1e-9);
    }

    #[test]
    fn permutation_over_all_swaps_matches_its_vector() {
        let (a, b) = (first(), second());
        let strata = [Stratum { a: &a, b: &b }];
        assert_close(LogRank::of(&strata).excess(), 1.514_843_490, 1e-9);
        let found = permuted(&strata, &mut rng());
        assert_close(found.evidence.support, 0.078_125, 1e-12);
        assert_close(found.two_sided, 0.156_25, 1e-12);
    }

    #[test]
    fn scores_of_the_permutation_sum_to_the_excess() {
        // Every swap of one seed, computed from its own table, against the sum of fixed scores.
        let (a, b) = (first(), second());
        for seed in 0..8 {
            let (mut swapped_a, mut swapped_b) = (a.clone(), b.clone());
            std::mem::swap(&mut swapped_a[seed], &mut swapped_b[seed]);
            let stratum = Stratum { a: &swapped_a, b: &swapped_b };
            let hazard = hazard(&stratum);
            let sum: f64 = swapped_a
                .iter()
                .map(|run| {
                    let passed = hazard.iter().rfind(|step| step.0 <= run.0);
                    f64::from(u8::from(run.1)) - passed.map_or(0.0, |step| step.1)
                })
                .sum();
            assert_close(sum, LogRank::of(&[stratum]).excess(), 1e-12);
        }
    }

    #[test]
    fn a_target_counted_twice_changes_no_permutation_p_value() {
        let (a, b) = (first(), second());
        let one = Stratum { a: &a, b: &b };
        let once = permuted(&[one], &mut rng());
        assert_eq!(once, permuted(&[one, one], &mut rng()));
        // The normal law would count the same events twice.
        let twice = LogRank::of(&[one, one]).evidence().support;
        assert!(twice < LogRank::of(&[one]).evidence().support);
    }

    #[test]
    fn many_seeds_are_drawn_and_agree_with_the_direction() {
        let a: Vec<(f64, bool)> = (0..16).map(|i| (1.0 + f64::from(i) * 0.1, true)).collect();
        let b: Vec<(f64, bool)> = (0..16).map(|i| (2.0 + f64::from(i) * 0.1, i % 4 > 0)).collect();
        let found = permuted(&[Stratum { a: &a, b: &b }], &mut rng());
        assert!(found.evidence.support < 0.001 && found.evidence.refute > 0.99, "{found:?}");
        let mirror = permuted(&[Stratum { a: &b, b: &a }], &mut rng());
        assert!(mirror.evidence.refute < 0.001, "{mirror:?}");
    }

    #[test]
    fn no_event_is_no_evidence() {
        let none = [(4.0, false), (5.0, false)];
        let strata = [Stratum { a: &none, b: &none }];
        assert_eq!(LogRank::of(&strata).evidence(), Evidence::NONE);
        assert_eq!(permuted(&strata, &mut rng()).evidence, Evidence::NONE);
    }
}
