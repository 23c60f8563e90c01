//! Limits of stochastic tests (10): what a random assertion may show, computed from what it declares.
//!
//! An assertion declares how often it may fail although all is right, what discrepancy it must find,
//! and how often it may miss that. Sample sizes and tolerances follow; none is typed. The normal law
//! is not trusted at one in a million for skewed or heavy numbers: there, count or bound. A suite
//! fails falsely at most at the sum of its rates: 300 assertions at 1e-6 once in 3,300 runs with
//! fresh seeds. Such runs set the environment variable `CONVERGE_TEST_ROTATION` ([`generator`]); a
//! failure is replayed with its number, then tried on two others, and never run until it passes.
//!
//! ```
//! use converge_analysis::statistics::testing::Declared;
//! let declared = Declared::default();
//! // A coin: 10,000 tosses, however it falls one time in a million.
//! assert_eq!(declared.counts(10_000, 0.5), 4755..=5245);
//! // How many tosses tell 0.5 from 0.55?
//! assert!(declared.bounded_samples(0.05) > 10_000 / 4);
//! ```

use std::ops::RangeInclusive;

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::distribution::{binomial_mass, bisect, normal_quantile, student_quantile};

/// Fewest samples of [`Declared::studentized_tolerance`]: Student's quantile at one in a million is
/// 49.5, 11.6, 7.07 and 5.22 at 5, 10, 20 and 100 samples.
pub const FEWEST: usize = 100;

/// Cells of [`Declared::cells`].
pub const CELLS: usize = 16;

/// What a stochastic assertion declares.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Declared {
    /// Probability of failing although all is right, both sides together.
    pub false_fail: f64,
    /// Probability of passing although the discrepancy is there.
    pub false_pass: f64,
}

impl Default for Declared {
    /// One in a million, and one in a thousand.
    fn default() -> Self {
        Self { false_fail: 1e-6, false_pass: 1e-3 }
    }
}

impl Declared {
    /// Samples with known standard deviation whose mean finds a shift of `discrepancy`:
    /// `⌈((z_{1−a/2} + z_{1−b}) σ/Δ)²⌉`.
    pub fn mean_samples(&self, deviation: f64, discrepancy: f64) -> u64 {
        let quantiles = self.quantile() + normal_quantile(1.0 - self.false_pass);
        (quantiles * deviation / discrepancy).powi(2).ceil() as u64
    }

    /// Tolerance of the mean of `samples` with known standard deviation: `z_{1−a/2} σ/√n`.
    pub fn mean_tolerance(&self, deviation: f64, samples: usize) -> f64 {
        self.quantile() * deviation / (samples as f64).sqrt()
    }

    /// Tolerance of the mean of `samples` whose standard deviation was estimated from them.
    ///
    /// # Panics
    /// Below [`FEWEST`] samples, where the estimate is too rough to mean anything.
    pub fn studentized_tolerance(&self, deviation: f64, samples: usize) -> f64 {
        assert!(samples >= FEWEST, "{samples} samples, at least {FEWEST} are needed");
        let quantile = student_quantile(1.0 - 0.5 * self.false_fail, samples as f64 - 1.0);
        quantile * deviation / (samples as f64).sqrt()
    }

    /// Samples in [0, 1] of any law whose mean finds a shift of `discrepancy`, by Hoeffding's
    /// inequality both ways: `⌈ln(2/a) (1 + √(ln(1/b)/ln(2/a)))²/(2Δ²)⌉`.
    pub fn bounded_samples(&self, discrepancy: f64) -> u64 {
        let (fail, pass) = ((2.0 / self.false_fail).ln(), (1.0 / self.false_pass).ln());
        let parts = 1.0 + (pass / fail).sqrt();
        (fail * parts * parts / (2.0 * discrepancy * discrepancy)).ceil() as u64
    }

    /// Tolerance of the mean of `samples` in [0, 1] of any law: `√(ln(2/a)/(2n))`.
    pub fn bounded_tolerance(&self, samples: usize) -> f64 {
        ((2.0 / self.false_fail).ln() / (2.0 * samples as f64)).sqrt()
    }

    /// Exact limits of a count with law `Bin(trials, p)`: from the smallest k with `P(≤ k) ≥ a/2` to
    /// the smallest with `P(> k) ≤ a/2`.
    pub fn counts(&self, trials: u64, p: f64) -> RangeInclusive<u64> {
        let half = 0.5 * self.false_fail;
        lower_limit(trials, p, half)..=upper_limit(trials, p, half)
    }

    /// The upper limit alone, for a count that may fall short: conservative procedures.
    pub fn at_most(&self, trials: u64, p: f64) -> u64 {
        upper_limit(trials, p, self.false_fail)
    }

    /// The lower limit alone, for a count that may exceed: power.
    pub fn at_least(&self, trials: u64, p: f64) -> u64 {
        lower_limit(trials, p, self.false_fail)
    }

    /// The smallest true rate above `p` that [`counts`](Self::counts) finds: its count stays within
    /// the limits with probability `false_pass` at most.
    pub fn detectable_rate(&self, trials: u64, p: f64) -> f64 {
        let highest = *self.counts(trials, p).end();
        bisect(p, 1.0, |rate| {
            let within: f64 = (0..=highest).map(|k| binomial_mass(k, trials, rate)).sum();
            within > self.false_pass
        })
    }

    /// Whether a sampler follows its law: `levels` are its draws through their distribution function,
    /// so uniform in [0, 1], counted in sixteen equal cells at a sixteenth of the false-fail rate.
    /// Returns the first cell out of its limits, with its count.
    ///
    /// # Errors
    /// The cell and its count.
    pub fn cells(&self, levels: &[f64]) -> Result<(), (usize, u64)> {
        let mut counts = [0_u64; CELLS];
        for level in levels {
            counts[((level * CELLS as f64) as usize).min(CELLS - 1)] += 1;
        }
        let cell = Self { false_fail: self.false_fail / CELLS as f64, ..*self };
        let limits = cell.counts(levels.len() as u64, 1.0 / CELLS as f64);
        let out = counts.iter().position(|count| !limits.contains(count));
        out.map_or(Ok(()), |place| Err((place, counts[place])))
    }

    fn quantile(&self) -> f64 {
        normal_quantile(1.0 - 0.5 * self.false_fail)
    }
}

/// The generator of a stochastic test: of `seed`, the same in every run, moved by [`rotation`].
pub fn generator(seed: u64) -> Pcg64 {
    // Odd, so that rotations of one seed differ; large, so that they meet no other seed.
    Pcg64::seed_from_u64(seed.wrapping_add(rotation().wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// The number in the environment variable `CONVERGE_TEST_ROTATION`, 0 where it is not set: a nightly
/// run sets it, and prints it beside its tables.
///
/// # Panics
/// If the variable holds anything but a number.
pub fn rotation() -> u64 {
    std::env::var("CONVERGE_TEST_ROTATION").map_or(0, |text| {
        text.parse().unwrap_or_else(|_| panic!("CONVERGE_TEST_ROTATION is not a number: {text}"))
    })
}

/// The smallest k with `P(Bin ≤ k) ≥ tail`.
fn lower_limit(trials: u64, p: f64, tail: f64) -> u64 {
    let mut below = 0.0;
    (0..=trials)
        .find(|k| {
            below += binomial_mass(*k, trials, p);
            below >= tail
        })
        .unwrap_or(trials)
}

/// The smallest k with `P(Bin > k) ≤ tail`.
fn upper_limit(trials: u64, p: f64, tail: f64) -> u64 {
    // By symmetry: the largest number of failures that must be left.
    let mut above = 0.0;
    (0..=trials)
        .rev()
        .find(|k| {
            above += binomial_mass(*k, trials, p);
            above > tail
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::super::distribution::uniform;
    use super::*;

    #[test]
    fn quantiles_and_sample_sizes_match_their_vectors() {
        let declared = Declared::default();
        assert_close(declared.quantile(), 4.891_638_476, 1e-9);
        assert_eq!(declared.mean_samples(1.0, 0.1), 6372);
        for (samples, expected) in [(5, 49.5), (10, 11.6), (20, 7.07), (100, 5.22)] {
            let found = student_quantile(1.0 - 5e-7, f64::from(samples - 1));
            // Printed with three digits.
            assert_close(found, expected, 5e-3);
        }
    }

    #[test]
    fn limits_of_coverage_tests_match_their_vectors() {
        let declared = Declared::default();
        assert_eq!(declared.counts(2000, 0.05), 56..=151);
        assert_eq!(declared.counts(2000, 0.025), 20..=88);
        assert_eq!(declared.counts(10_000, 0.05), 397..=610);
        assert_eq!(declared.counts(10_000, 0.025), 177..=330);
        assert_eq!(declared.at_most(2000, 0.05), 149);
        assert_eq!(declared.at_most(2000, 0.025), 86);
        assert_eq!(declared.at_most(10_000, 0.05), 607);
        assert_eq!(declared.at_most(10_000, 0.025), 328);
    }

    #[test]
    fn rates_found_match_their_vectors() {
        let declared = Declared::default();
        assert!((declared.detectable_rate(2000, 0.05) - 0.095).abs() < 2e-3);
        assert!((declared.detectable_rate(10_000, 0.05) - 0.069).abs() < 2e-3);
    }

    #[test]
    fn limits_leave_their_tails() {
        let declared = Declared { false_fail: 0.01, false_pass: 1e-3 };
        let tail = |range: std::ops::RangeInclusive<u64>| -> f64 {
            range.map(|k| binomial_mass(k, 40, 0.3)).sum()
        };
        let limits = declared.counts(40, 0.3);
        let (low, high) = (*limits.start(), *limits.end());
        assert!(tail(0..=low) >= 0.005 && tail(0..=low - 1) < 0.005);
        assert!(tail(high + 1..=40) <= 0.005 && tail(high..=40) > 0.005);
        assert_eq!(declared.counts(40, 0.0), 0..=0);
        assert_eq!(declared.counts(40, 1.0), 40..=40);
    }

    #[test]
    fn samples_and_tolerances_belong_together() {
        // At the sample size for Δ, tolerance and the tail of a shifted mean add up to Δ.
        let declared = Declared::default();
        let samples = declared.mean_samples(2.0, 0.1) as usize;
        let power = normal_quantile(0.999) * 2.0 / (samples as f64).sqrt();
        assert_close(declared.mean_tolerance(2.0, samples) + power, 0.1, 1e-3);
        let samples = declared.bounded_samples(0.05) as usize;
        let power = ((1e3_f64).ln() / (2.0 * samples as f64)).sqrt();
        assert_close(declared.bounded_tolerance(samples) + power, 0.05, 1e-3);
        assert!(declared.studentized_tolerance(1.0, 100) > declared.mean_tolerance(1.0, 100));
    }

    #[test]
    #[should_panic(expected = "99 samples")]
    fn an_estimated_deviation_needs_a_hundred_samples() {
        let _ = Declared::default().studentized_tolerance(1.0, 99);
    }

    #[test]
    fn cells_accept_a_uniform_law_and_find_a_bent_one() {
        let mut rng = generator(1);
        let levels: Vec<f64> = (0..20_000).map(|_| uniform(&mut rng)).collect();
        assert_eq!(Declared::default().cells(&levels), Ok(()));
        let bent: Vec<f64> = levels.iter().map(|level| level.powf(1.2)).collect();
        assert!(matches!(Declared::default().cells(&bent), Err((0, count)) if count > 1250));
    }
}
