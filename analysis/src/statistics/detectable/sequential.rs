//! Detectable differences of declared looks and of the win test.

use super::super::distribution::bisect;
use super::super::win::{Tally, evidence};
use super::{POWER, mean};

/// Of declared looks: the last one at `alpha` over their number. An upper bound, since earlier looks
/// help.
pub fn looks(looks: &[usize], deviation: f64, alpha: f64) -> f64 {
    let last = looks.last().copied().unwrap_or(0);
    mean(last, deviation, alpha / looks.len() as f64)
}

/// Smallest win probability that the win test finds when it looks after each of at most `pairs`
/// pairs; `None` if not even unanimous pairs suffice.
pub fn win(pairs: u64, alpha: f64) -> Option<f64> {
    let decides = decides(pairs, alpha);
    let found = |p: f64| supported(&decides, p);
    (found(1.0) >= POWER).then(|| bisect(0.5, 1.0, |p| found(p) < POWER))
}

/// `decides[n][w]`: whether w wins of n pairs decide; the same for every win probability.
fn decides(pairs: u64, alpha: f64) -> Vec<Vec<bool>> {
    let decided = |wins: u64, n: u64| {
        let tally = Tally { wins, losses: n - wins, ..Tally::default() };
        evidence(&tally).support <= 0.5 * alpha
    };
    (0..=pairs).map(|n| (0..=n).map(|wins| decided(wins, n)).collect()).collect()
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
    use super::*;

    #[test]
    fn declared_looks_cost_their_bonferroni_share() {
        let found = looks(&[5, 10, 20, 40], 1.0, 0.05);
        assert!((found / mean(40, 1.0, 0.0125) - 1.0).abs() < 1e-15);
        assert!(found > mean(40, 1.0, 0.05));
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
        let (by20, by40) = (decides(20, 0.05), decides(40, 0.05));
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
}
