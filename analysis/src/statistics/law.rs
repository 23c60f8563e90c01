//! Whether draws follow a claimed law (9.5), as a distance with a confidence band: a large p-value of
//! a goodness-of-fit test is no support.
//!
//! The distance is the largest gap D between distribution functions; the inequality of Dvoretzky,
//! Kiefer and Wolfowitz bounds its error for independent draws of any law (thin to the effective
//! sample size first). Source: P. Massart, The tight constant in the Dvoretzky–Kiefer–Wolfowitz
//! inequality, 1990, Ann. Probab. 18.

use super::{Evidence, Interval};

/// The largest gap between two distribution functions, with the error of its estimate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Distance {
    /// Observed distance D.
    pub value: f64,
    /// `Σ 1/√(2n)` over the samples.
    scale: f64,
    /// Samples whose errors add up.
    samples: u32,
}

impl Distance {
    /// From the empirical law of `x` to the distribution function `cdf`.
    pub fn to_law(x: &[f64], cdf: impl Fn(f64) -> f64) -> Self {
        let mut sorted = x.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let value = sorted
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let claimed = cdf(*x);
                ((i + 1) as f64 / n - claimed).max(claimed - i as f64 / n)
            })
            .fold(0.0, f64::max);
        Self { value, scale: scale(x.len()), samples: 1 }
    }

    /// Between the empirical laws of two independent samples.
    pub fn between(x: &[f64], y: &[f64]) -> Self {
        let sorted = |x: &[f64]| {
            let mut sorted = x.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let (a, b) = (sorted(x), sorted(y));
        let share = |sorted: &[f64], at: f64| {
            sorted.partition_point(|x| *x <= at) as f64 / sorted.len() as f64
        };
        let value = a
            .iter()
            .chain(&b)
            .map(|at| (share(&a, *at) - share(&b, *at)).abs())
            .fold(0.0, f64::max);
        Self { value, scale: scale(x.len()) + scale(y.len()), samples: 2 }
    }

    /// How far the observed distance may be from the true one: `ε = √(ln(2/α)/(2n))`, the sum of both
    /// at α/2 for two samples.
    pub fn error(&self, alpha: f64) -> f64 {
        (2.0 * f64::from(self.samples) / alpha).ln().sqrt() * self.scale
    }

    /// Interval for the true distance. A lower end above 0 says "not identical", no more.
    pub fn interval(&self, alpha: f64) -> Interval {
        let error = self.error(alpha);
        Interval::new((self.value - error).max(0.0), (self.value + error).min(1.0))
    }

    /// p-values of "the distance is below `margin`", which agree with [`interval`](Self::interval):
    /// supported where D + ε < margin, refuted where D − ε > margin.
    pub fn evidence(&self, margin: f64) -> Evidence {
        let p = |gap: f64| {
            let sure = f64::from(self.samples) * (-(gap.max(0.0) / self.scale).powi(2)).exp();
            sure.min(1.0)
        };
        Evidence { support: p(margin - self.value), refute: p(self.value - margin) }
    }
}

fn scale(count: usize) -> f64 {
    1.0 / (2.0 * count as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    fn uniform(x: f64) -> f64 {
        x.clamp(0.0, 1.0)
    }

    #[test]
    fn error_of_a_thousand_draws_matches_its_vector() {
        let x: Vec<f64> = (0..1000).map(|i| (f64::from(i) + 0.5) / 1000.0).collect();
        let found = Distance::to_law(&x, uniform);
        assert_close(found.error(0.05), 0.042_946_940_83, 1e-9);
        assert_close(found.value, 0.0005, 1e-9);
    }

    #[test]
    fn distances_match_scipy() {
        // kstest((.1, .4, .7), 'uniform') and ks_2samp((1, 2, 3), (2.5, 4)).
        assert_close(Distance::to_law(&[0.7, 0.1, 0.4], uniform).value, 0.3, 1e-12);
        assert_close(Distance::between(&[1.0, 2.0, 3.0], &[2.5, 4.0]).value, 2.0 / 3.0, 1e-12);
    }

    #[test]
    fn two_samples_add_both_errors_at_half_the_level() {
        let (x, y) = ([0.1; 200], [0.1; 800]);
        let found = Distance::between(&x, &y);
        let one = |n: f64| ((2.0_f64 / 0.025).ln() / (2.0 * n)).sqrt();
        assert_close(found.error(0.05), one(200.0) + one(800.0), 1e-12);
        assert!(found.value.abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn evidence_and_interval_agree_at_the_ends() {
        let x: Vec<f64> = (0..400).map(|i| (f64::from(i) / 400.0).powf(1.5)).collect();
        for found in [Distance::to_law(&x, uniform), Distance::between(&x, &x[..300])] {
            let Interval { lower, upper } = found.interval(0.05);
            assert_close(found.evidence(upper).support, 0.025, 1e-9);
            if lower > 0.0 {
                assert_close(found.evidence(lower).refute, 0.025, 1e-9);
            }
        }
    }
}
