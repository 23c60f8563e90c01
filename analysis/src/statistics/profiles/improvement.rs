//! The probability of improvement: how often a run of one solver beats a run of the other, averaged
//! over problems. For one problem and matched seeds it is the win test, [`crate::statistics::win`].
//! Source: R. Agarwal et al., 2021, section 4.3; H. Mann, D. Whitney, 1947.

use rand::RngExt;
use rand_pcg::Pcg64;

use crate::statistics::resampled::Resampled;
use crate::statistics::withheld::Withheld;

/// Which runs meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pairing {
    /// Runs of the same seed, which share data and start.
    Seeds,
    /// All runs of one with all runs of the other.
    All,
}

/// `P(X > Y) + ½ P(X = Y)` of runs `x` and `y` on one problem, higher being better.
pub fn probability(x: &[f64], y: &[f64], pairing: Pairing) -> f64 {
    let score = |x: f64, y: f64| match x.partial_cmp(&y) {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Equal) => 0.5,
        _ => 0.0,
    };
    match pairing {
        Pairing::Seeds => x.iter().zip(y).map(|(x, y)| score(*x, *y)).sum::<f64>() / x.len() as f64,
        Pairing::All => {
            let wins: f64 = x.iter().flat_map(|x| y.iter().map(|y| score(*x, *y))).sum();
            wins / (x.len() * y.len()) as f64
        }
    }
}

/// The mean over problems of [`probability`], from `a[problem][seed]` and `b[problem][seed]`, over
/// resamples within problems: seeds jointly, or those of either solver apart. A claim of improvement
/// asks for a lower limit above ½.
///
/// # Errors
/// No problem, a problem without runs, a score that is not a number, or different seeds where they
/// are paired.
pub fn bootstrap(
    a: &[Vec<f64>],
    b: &[Vec<f64>],
    pairing: Pairing,
    draws: usize,
    rng: &mut Pcg64,
) -> Result<Resampled, Withheld> {
    let few = |what, found, needed| Err(Withheld::TooFew { what, found, needed });
    if a.is_empty() || a.len() != b.len() {
        return few("problems", a.len().min(b.len()), a.len().max(b.len()).max(1));
    }
    if a.iter().chain(b).any(Vec::is_empty) {
        return few("seeds of a problem", 0, 1);
    }
    if let Some(value) = a.iter().chain(b).flatten().find(|value| value.is_nan()) {
        return Err(Withheld::Unusable { what: "a score", value: *value });
    }
    if pairing == Pairing::Seeds {
        same_seeds(a, b)?;
    }
    let count = a.len() as f64;
    let estimate = a.iter().zip(b).map(|(x, y)| probability(x, y, pairing)).sum::<f64>() / count;
    let values: Vec<f64> = (0..draws)
        .map(|_| {
            let drawn = a.iter().zip(b).map(|(x, y)| {
                let rows: Vec<usize> = x.iter().map(|_| rng.random_range(0..x.len())).collect();
                let columns = match pairing {
                    Pairing::Seeds => rows.clone(),
                    Pairing::All => y.iter().map(|_| rng.random_range(0..y.len())).collect(),
                };
                let x: Vec<f64> = rows.iter().map(|row| x[*row]).collect();
                let y: Vec<f64> = columns.iter().map(|column| y[*column]).collect();
                probability(&x, &y, pairing)
            });
            drawn.sum::<f64>() / count
        })
        .collect();
    Ok(Resampled::new(estimate, &values))
}

/// Fails unless both solvers have the same problems and seeds.
pub(super) fn same_seeds(a: &[Vec<f64>], b: &[Vec<f64>]) -> Result<(), Withheld> {
    let lengths = |a: usize, b: usize, what| {
        if a == b {
            Ok(())
        } else {
            Err(Withheld::TooFew { what, found: a.min(b), needed: a.max(b) })
        }
    };
    lengths(a.len(), b.len(), "problems")?;
    a.iter().zip(b).try_for_each(|(a, b)| lengths(a.len(), b.len(), "paired seeds of a problem"))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use rand::SeedableRng;

    use super::*;
    use crate::statistics::assert_close;

    const X: [f64; 3] = [0.9, 0.8, 0.85];
    const Y: [f64; 4] = [0.7, 0.85, 0.6, 0.9];

    #[test]
    fn the_probability_matches_mann_whitney() {
        assert_close(probability(&X, &Y, Pairing::All), 2.0 / 3.0, 1e-12);
        assert_close(probability(&Y, &X, Pairing::All), 1.0 / 3.0, 1e-12);
        // 0.9 > 0.7, 0.8 < 0.85, 0.85 > 0.6.
        assert_close(probability(&X, &Y[..3], Pairing::Seeds), 2.0 / 3.0, 1e-12);
        assert_close(probability(&X, &X, Pairing::Seeds), 0.5, 1e-15);
    }

    #[test]
    fn problems_are_averaged_and_runs_drawn_within_them() {
        let a = vec![X.to_vec(), vec![1.0; 6]];
        let b = vec![Y.to_vec(), vec![0.0; 5]];
        let mut rng = Pcg64::seed_from_u64(1);
        let found = bootstrap(&a, &b, Pairing::All, 999, &mut rng).unwrap();
        assert_close(found.estimate, 0.5 * (2.0 / 3.0 + 1.0), 1e-12);
        let interval = found.interval(0.05);
        // The second problem never varies: its half is certain.
        assert!(interval.lower >= 0.5 && interval.upper <= 1.0, "{interval:?}");
        assert!(interval.upper - interval.lower > 0.1);
    }

    #[test]
    fn pairs_of_one_seed_cancel_what_they_share() {
        // Seeds differ by far more than the solvers, which differ by one sign.
        let x: Vec<f64> = (0..20).map(|seed| f64::from(seed * seed % 17)).collect();
        let y: Vec<f64> = x.iter().map(|x| x - 0.01).collect();
        let mut rng = Pcg64::seed_from_u64(2);
        let paired = bootstrap(from_ref(&x), from_ref(&y), Pairing::Seeds, 199, &mut rng).unwrap();
        assert_close(paired.interval(0.05).lower, 1.0, 1e-15);
        let all = bootstrap(&[x], &[y], Pairing::All, 199, &mut rng).unwrap();
        assert!(all.interval(0.05).lower < 0.5);
    }

    #[test]
    fn problems_that_do_not_match_are_refused() {
        let mut rng = Pcg64::seed_from_u64(3);
        let mut refused = |a: &[Vec<f64>], b: &[Vec<f64>], pairing| {
            bootstrap(a, b, pairing, 9, &mut rng).unwrap_err()
        };
        let (x, y) = (X.to_vec(), Y.to_vec());
        let error = refused(from_ref(&x), &[y], Pairing::Seeds);
        assert!(matches!(error, Withheld::TooFew { found: 3, needed: 4, .. }));
        let error = refused(from_ref(&x), &[], Pairing::All);
        assert!(matches!(error, Withheld::TooFew { what: "problems", .. }));
        let error = refused(from_ref(&x), &[vec![]], Pairing::All);
        assert!(matches!(error, Withheld::TooFew { found: 0, .. }));
        let error = refused(&[x], &[vec![f64::NAN]], Pairing::All);
        assert!(matches!(error, Withheld::Unusable { .. }));
    }
}
