//! The smallest difference that a clear verdict has probability 0.9 to find, in the unit of the
//! claim. Computed at the observed spread, never at the observed effect.

use super::distribution::{binomial_upper, bisect, student_quantile};
use super::win::{Tally, evidence};

/// Probability of the clear verdict.
const POWER: f64 = 0.9;

/// Of the mean of `count` numbers with standard deviation `deviation`: Student's two quantiles.
pub fn mean(count: usize, deviation: f64, alpha: f64) -> f64 {
    let freedom = count as f64 - 1.0;
    let quantiles = student_quantile(1.0 - 0.5 * alpha, freedom) + student_quantile(POWER, freedom);
    quantiles * deviation / (count as f64).sqrt()
}

/// The smallest margin within which equal methods are called equal.
pub fn margin(count: usize, deviation: f64, alpha: f64) -> f64 {
    let freedom = count as f64 - 1.0;
    let quantiles = student_quantile(1.0 - 0.5 * alpha, freedom)
        + student_quantile(0.5 * (1.0 + POWER), freedom);
    quantiles * deviation / (count as f64).sqrt()
}

/// Of the t-mixture with at most `count` numbers: its half-width in place of Student's. Within a
/// fifth of the simulated values (5.4, 1.72, 1.05, 0.70, 0.44 deviations at 5, 10, 20, 40, 100
/// seeds and alpha 0.05): the random deviation makes five seeds worse, earlier looks many better.
pub fn mixture(count: usize, deviation: f64, alpha: f64) -> f64 {
    let quantiles =
        super::mixture::critical(count, alpha) + student_quantile(POWER, count as f64 - 1.0);
    quantiles * deviation / (count as f64).sqrt()
}

/// Smallest win probability that the sign test over `pairs` pairs finds; `None` if not even
/// unanimous pairs suffice.
pub fn sign(pairs: u64, alpha: f64) -> Option<f64> {
    let needed = (0..=pairs).find(|wins| binomial_upper(*wins, pairs, 0.5) <= 0.5 * alpha)?;
    Some(bisect(0.5, 1.0, |p| binomial_upper(needed, pairs, p) < POWER))
}

/// Smallest win probability that the win test finds when it looks after each of at most `pairs`
/// pairs; `None` if not even unanimous pairs suffice.
pub fn win(pairs: u64, alpha: f64) -> Option<f64> {
    // decides[n][w]: whether w wins of n pairs decide; the same for every win probability.
    let decides: Vec<Vec<bool>> = (0..=pairs)
        .map(|n| {
            (0..=n)
                .map(|wins| {
                    let tally = Tally { wins, losses: n - wins, ..Tally::default() };
                    evidence(&tally).support <= 0.5 * alpha
                })
                .collect()
        })
        .collect();
    let found = |p: f64| supported(&decides, p);
    (found(1.0) >= POWER).then(|| bisect(0.5, 1.0, |p| found(p) < POWER))
}

/// Probability that some look decides, by dynamic programming over (pairs, wins).
fn supported(decides: &[Vec<bool>], p: f64) -> f64 {
    let mut open = vec![1.0];
    let mut done = 0.0;
    for row in &decides[1..] {
        let mut next = vec![0.0; row.len()];
        for (wins, mass) in open.iter().enumerate() {
            next[wins] += mass * (1.0 - p);
            next[wins + 1] += mass * p;
        }
        for (mass, decided) in next.iter_mut().zip(row) {
            if *decided {
                done += *mass;
                *mass = 0.0;
            }
        }
        open = next;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    #[test]
    fn means_match_their_table() {
        for (n, expected) in [(5, 1.93), (10, 1.15), (20, 0.765), (40, 0.526), (50, 0.468)] {
            assert!((mean(n, 1.0, 0.05) - expected).abs() < 0.006, "n = {n}");
        }
        for (n, expected) in [(5, 2.20), (10, 1.30), (20, 0.855), (40, 0.586)] {
            assert!((margin(n, 1.0, 0.05) - expected).abs() < 0.006, "n = {n}");
        }
    }

    #[test]
    fn the_mixture_is_within_a_fifth_of_its_simulated_values() {
        for (n, simulated) in [(5, 5.4), (10, 1.72), (20, 1.05), (40, 0.70), (100, 0.44)] {
            let ratio = mixture(n, 1.0, 0.05) / simulated;
            assert!((0.8..1.2).contains(&ratio), "n = {n}: {ratio}");
        }
    }

    #[test]
    fn win_probabilities_match_their_table() {
        for (pairs, expected) in [(10, 0.987), (20, 0.899), (40, 0.803), (100, 0.703)] {
            let found = win(pairs, 0.05).unwrap();
            assert!((found - expected).abs() < 6e-4, "{pairs} pairs: {found}");
        }
        assert_eq!(win(7, 0.05), None);
    }

    #[test]
    fn operating_numbers_of_the_win_test_match_their_table() {
        let rows = |pairs: u64| -> Vec<Vec<bool>> {
            (0..=pairs)
                .map(|n| {
                    (0..=n)
                        .map(|wins| {
                            let tally = Tally { wins, losses: n - wins, ..Tally::default() };
                            evidence(&tally).support <= 0.025
                        })
                        .collect()
                })
                .collect()
        };
        let (by20, by40) = (rows(20), rows(40));
        for (p, at20, at40) in [
            (1.0, 1.0, 1.0),
            (0.9, 0.903, 0.999),
            (0.8, 0.513, 0.891),
            (0.7, 0.183, 0.434),
            (0.6, 0.044, 0.092),
            (0.5, 0.008, 0.011),
        ] {
            assert!((supported(&by20, p) - at20).abs() < 6e-4, "p = {p}");
            assert!((supported(&by40, p) - at40).abs() < 6e-4, "p = {p}");
        }
        assert!((supported(&by40, 0.5) - 0.0107).abs() < 6e-5);
    }

    #[test]
    fn sign_test_needs_six_unanimous_pairs_at_95_percent() {
        assert_eq!(sign(5, 0.05), None);
        let found = sign(6, 0.05).unwrap();
        assert_close(found, 0.9_f64.powf(1.0 / 6.0), 1e-12);
    }
}
