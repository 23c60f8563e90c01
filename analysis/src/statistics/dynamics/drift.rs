//! Drift of batch means: a line through twenty of them.

use crate::statistics::distribution::student_upper;
use crate::statistics::slope::least_squares;

/// Batches.
const BATCHES: usize = 20;

/// The least-squares line of batch means over their index.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drift {
    /// Change from one batch to the next.
    pub slope: f64,
    /// Student ratio, 18 degrees of freedom.
    pub t: f64,
    /// Two-sided p-value. Measured size of the test at 0.01 for AR(1) with coefficient 0.5, 0.9, 0.99
    /// and 10⁴ values: 0.010, 0.013, 0.020.
    pub p: f64,
}

impl Drift {
    /// Change over the whole run, in the unit of the values.
    pub fn over_the_run(&self) -> f64 {
        BATCHES as f64 * self.slope
    }
}

/// Drift of runs that are averaged batch by batch; what twenty does not divide falls off at the
/// start.
///
/// # Panics
/// If there is no run, or one has fewer than twenty values.
pub fn drift(chains: &[&[f64]]) -> Drift {
    assert!(!chains.is_empty(), "drift of no run");
    let mut means = [0.0; BATCHES];
    for chain in chains {
        let length = chain.len() / BATCHES;
        assert!(length > 0, "a run of {} values has no {BATCHES} batches", chain.len());
        let batches = chain[chain.len() - BATCHES * length..].chunks(length);
        for (mean, batch) in means.iter_mut().zip(batches) {
            *mean += batch.iter().sum::<f64>() / (length * chains.len()) as f64;
        }
    }
    let index: Vec<f64> = (0..BATCHES).map(|i| i as f64).collect();
    let (slope, intercept) = least_squares(&index, &means);
    let residual: f64 =
        index.iter().zip(&means).map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
    let freedom = BATCHES as f64 - 2.0;
    let n = BATCHES as f64;
    // Σ(i − ī)² of 0..n is n(n² − 1)/12.
    let error = (residual / freedom / (n * (n * n - 1.0) / 12.0)).sqrt();
    let t = slope / error;
    Drift { slope, t, p: (2.0 * student_upper(t.abs(), freedom)).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::super::test_chain;
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn the_line_matches_scipy() {
        let found = drift(&[&test_chain(1, 1000)]);
        assert_close(found.slope, 9.532_857_835e-4, 1e-9);
        assert_close(found.t, 0.176_427_280_4, 1e-9);
        assert_close(found.p, 0.861_928_110_4, 1e-9);
        assert_close(found.over_the_run(), 20.0 * 9.532_857_835e-4, 1e-9);
    }

    #[test]
    fn a_planted_drift_is_found_and_averaged_over_runs() {
        let planted = |number: u64| -> Vec<f64> {
            test_chain(number, 2000)
                .iter()
                .enumerate()
                .map(|(i, x)| x + i as f64 / 2000.0)
                .collect()
        };
        let (a, b) = (planted(1), planted(2));
        let found = drift(&[&a, &b]);
        assert!(found.p < 1e-4, "{found:?}");
        let alone = (drift(&[&a]).slope, drift(&[&b]).slope);
        assert_close(found.slope, 0.5 * (alone.0 + alone.1), 1e-12);
    }
}
