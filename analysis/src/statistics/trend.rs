//! Monotone trend over conditions in a predicted order (9.4): Page's test on the ranks within each
//! seed.
//!
//! Support says "not all equal, in this order", not that every step is ordered: that is the
//! conjunction of the claims on neighboring pairs ([`ordering`]). "No trend" is no verdict. Source:
//! E. Page, Ordered hypotheses for multiple treatments: a significance test for linear ranks, 1963,
//! JASA 58.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::Evidence;
use super::bootstrap::DRAWS;
use super::distribution::{normal_lower, normal_upper};
use super::rank::average_ranks;

/// Most conditions whose permutations are enumerated.
const ENUMERATED: usize = 6;

/// The seeds' values in ranks, conditions in the predicted order.
#[derive(Clone, PartialEq, Debug)]
pub struct Trend {
    ranks: Vec<Vec<f64>>,
}

impl Trend {
    /// Of rows, one a seed, each with the value of every condition in the predicted rising order.
    ///
    /// # Panics
    /// If the rows differ in length.
    pub fn of<R: AsRef<[f64]>>(rows: &[R]) -> Self {
        let ranks: Vec<Vec<f64>> = rows.iter().map(|row| average_ranks(row.as_ref())).collect();
        assert!(ranks.windows(2).all(|two| two[0].len() == two[1].len()), "rows of unequal length");
        Self { ranks }
    }

    /// Page's `L = Σ_j j R_j` with `R_j` the rank sum of condition j; large for a rising trend.
    pub fn statistic(&self) -> f64 {
        self.ranks.iter().map(|row| score(row)).sum()
    }

    /// p-values of "rising" by the normal law, without correction for ties or continuity: mean
    /// `n k(k+1)²/4`, variance `n k²(k+1)²(k−1)/144`.
    pub fn normal_evidence(&self) -> Evidence {
        let (n, k) = (self.ranks.len() as f64, self.conditions() as f64);
        let mean = 0.25 * n * k * (k + 1.0).powi(2);
        let variance = n * k * k * (k + 1.0).powi(2) * (k - 1.0) / 144.0;
        if variance <= 0.0 {
            return Evidence::NONE;
        }
        let z = (self.statistic() - mean) / variance.sqrt();
        Evidence { support: normal_upper(z), refute: normal_lower(z) }
    }

    /// Exact p-values of "rising": the law of L over all permutations within seeds, by convolution;
    /// ties keep their shared ranks. For more than six conditions, [`DRAWS`] random permutations.
    pub fn evidence(&self, rng: &mut Pcg64) -> Evidence {
        if self.conditions() > ENUMERATED {
            self.drawn_evidence(rng)
        } else {
            self.exact_evidence()
        }
    }

    fn exact_evidence(&self) -> Evidence {
        // Doubled, so that shared ranks are whole numbers.
        let whole = |row: &[f64]| row.iter().map(|rank| (2.0 * rank).round() as usize).collect();
        let rows: Vec<Vec<usize>> = self.ranks.iter().map(|row| whole(row)).collect();
        let observed: usize = rows.iter().map(|row| whole_score(row)).sum();
        let law = rows.iter().fold(vec![1.0], |law, row| convolve(&law, &row_law(row)));
        Evidence {
            support: law[observed..].iter().rev().sum::<f64>().min(1.0),
            refute: law[..=observed].iter().sum::<f64>().min(1.0),
        }
    }

    fn drawn_evidence(&self, rng: &mut Pcg64) -> Evidence {
        let observed = self.statistic();
        // L moves in steps of ½: half of that tells equal from different.
        let (mut above, mut below) = (1, 1);
        let mut rows = self.ranks.clone();
        for _ in 0..DRAWS {
            let mut sum = 0.0;
            for row in &mut rows {
                for last in (1..row.len()).rev() {
                    row.swap(last, rng.random_range(0..=last));
                }
                sum += score(row);
            }
            above += usize::from(sum > observed - 0.25);
            below += usize::from(sum < observed + 0.25);
        }
        let all = (DRAWS + 1) as f64;
        Evidence { support: above as f64 / all, refute: below as f64 / all }
    }

    fn conditions(&self) -> usize {
        self.ranks.first().map_or(0, Vec::len)
    }
}

/// p-values of a full ordering from those of its neighboring pairs: supported if all are, refuted if
/// one is.
pub fn ordering(pairs: &[Evidence]) -> Evidence {
    let support = pairs.iter().map(|pair| pair.support).fold(0.0, f64::max);
    let refute = pairs.iter().map(|pair| pair.refute).fold(1.0, f64::min);
    if pairs.is_empty() {
        return Evidence::NONE;
    }
    Evidence { support, refute: (pairs.len() as f64 * refute).min(1.0) }
}

fn score(row: &[f64]) -> f64 {
    row.iter().enumerate().map(|(j, rank)| (j + 1) as f64 * rank).sum()
}

fn whole_score(row: &[usize]) -> usize {
    row.iter().enumerate().map(|(j, rank)| (j + 1) * rank).sum()
}

/// The law of a row's score over all permutations of its ranks; index = score.
fn row_law(row: &[usize]) -> Vec<f64> {
    let mut sorted = row.to_vec();
    sorted.sort_unstable();
    let mut law = vec![0.0; whole_score(&sorted) + 1];
    let mut count = 0.0;
    permutations(&mut sorted, 0, &mut |row| {
        law[whole_score(row)] += 1.0;
        count += 1.0;
    });
    law.iter().map(|mass| mass / count).collect()
}

/// Visits every arrangement of `row[fixed..]`.
fn permutations(row: &mut [usize], fixed: usize, visit: &mut impl FnMut(&[usize])) {
    if fixed == row.len() {
        visit(row);
    }
    for next in fixed..row.len() {
        row.swap(fixed, next);
        permutations(row, fixed + 1, visit);
        row.swap(fixed, next);
    }
}

fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate() {
        for (j, b) in b.iter().enumerate() {
            sum[i + j] += a * b;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::assert_close;
    use super::super::testing::Declared;
    use super::*;

    const ROWS: [[f64; 4]; 5] = [
        [3.1, 3.4, 3.3, 4.0],
        [2.0, 2.6, 2.4, 2.9],
        [1.1, 1.0, 1.9, 2.2],
        [4.0, 4.4, 4.9, 4.6],
        [2.5, 2.7, 3.1, 3.0],
    ];

    fn rng() -> Pcg64 {
        Pcg64::seed_from_u64(1)
    }

    #[test]
    fn page_matches_scipy() {
        let trend = Trend::of(&ROWS);
        assert_close(trend.statistic(), 145.0, 1e-12);
        assert_close(trend.evidence(&mut rng()).support, 0.000_446_963_212_1, 1e-9);
        assert_close(trend.normal_evidence().support, 0.000_972_886_846_9, 1e-9);
    }

    #[test]
    fn drawn_permutations_agree_with_the_exact_law() {
        let rows = [[1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]];
        let trend = Trend::of(&rows);
        let exact = trend.evidence(&mut rng()).support;
        let drawn = trend.drawn_evidence(&mut rng()).support;
        let hits = (drawn * (DRAWS + 1) as f64).round() as u64 - 1;
        assert!(
            Declared::default().counts(DRAWS as u64, exact).contains(&hits),
            "{drawn}, {exact}"
        );
    }

    #[test]
    fn the_reversed_order_exchanges_support_and_refutation() {
        let reversed: Vec<Vec<f64>> =
            ROWS.iter().map(|row| row.iter().rev().copied().collect()).collect();
        let found = Trend::of(&ROWS).evidence(&mut rng());
        let mirror = Trend::of(&reversed).evidence(&mut rng());
        assert_close(mirror.refute, found.support, 1e-12);
        assert_close(mirror.support, found.refute, 1e-12);
    }

    #[test]
    fn tied_rows_speak_for_no_order() {
        let tied = Trend::of(&[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]);
        assert_eq!(tied.evidence(&mut rng()), Evidence::NONE);
        // One tie: two of the three places of the rank 3 … by hand: ranks (1.5, 1.5, 3) score
        // 1.5 + 3 + 9 = 13.5, the largest of three equally likely scores.
        let one = Trend::of(&[[1.0, 1.0, 2.0]]);
        assert_close(one.evidence(&mut rng()).support, 1.0 / 3.0, 1e-14);
    }

    #[test]
    fn seven_conditions_are_permuted_at_random() {
        let rows = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]; 4];
        let found = Trend::of(&rows).evidence(&mut rng());
        assert_close(found.support, 1.0 / (DRAWS + 1) as f64, 1e-12);
        assert_close(found.refute, 1.0, 1e-12);
    }

    #[test]
    fn an_ordering_needs_all_pairs_and_falls_with_one() {
        let pair = |support: f64, refute: f64| Evidence { support, refute };
        let found = ordering(&[pair(0.001, 0.999), pair(0.02, 0.98), pair(0.01, 0.99)]);
        assert_close(found.support, 0.02, 1e-15);
        assert_close(found.refute, 1.0, 1e-15);
        let found = ordering(&[pair(0.001, 0.999), pair(0.99, 0.005)]);
        assert_close(found.refute, 0.01, 1e-15);
        assert_eq!(ordering(&[]), Evidence::NONE);
    }
}
