//! One order from a whole ladder: a weighted line through ln |e| over ln h.

use rand_pcg::Pcg64;

use super::Rung;
use crate::statistics::distribution::{
    chi_square_upper, normal_lower, normal_quantile, normal_upper, uniform,
};
use crate::statistics::log_line::log_line;
use crate::statistics::mean::Moments;
use crate::statistics::resampled::{Resampled, index};
use crate::statistics::withheld::Withheld;
use crate::statistics::{Evidence, Interval};

/// A lack of fit below this probability says "not yet asymptotic".
const MISFIT: f64 = 0.01;
/// Fewest replicas whose percentiles are an interval.
const FEWEST_REPLICAS: usize = 20;

/// The weighted fit of `ln |e| = ln C + p ln h` with weights `(e/s)²`: the errors are known, so
/// residuals do not rescale them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fit {
    /// Order p.
    pub order: f64,
    /// Its standard error.
    pub error: f64,
    /// `ln C`.
    pub intercept: f64,
    /// Lack of fit Q.
    pub misfit: f64,
    /// Degrees of freedom of Q, two fewer than steps.
    pub freedom: usize,
}

impl Fit {
    /// Fits a ladder that passed [`check`](super::check) and has positive standard errors.
    ///
    /// Fit the ladder without its first rung beside it: that is how sensitive the order is to the
    /// largest step, which is never dropped from the verdict.
    pub fn of(rungs: &[Rung]) -> Self {
        let line = log_line(
            &rungs.iter().map(|rung| rung.step.ln()).collect::<Vec<_>>(),
            &rungs.iter().map(|rung| rung.error).collect::<Vec<_>>(),
            &rungs.iter().map(|rung| rung.deviation).collect::<Vec<_>>(),
        );
        Self {
            order: line.slope,
            error: line.error,
            intercept: line.intercept,
            misfit: line.misfit,
            freedom: rungs.len().saturating_sub(2),
        }
    }

    /// `P(χ² ≥ Q)`: the probability of a lack of fit this large if the power law holds.
    pub fn misfit_p(&self) -> f64 {
        chi_square_upper(self.misfit, self.freedom as f64)
    }

    /// Whether the ladder is compatible with one power law; if not, it is not yet asymptotic.
    pub fn is_asymptotic(&self) -> bool {
        self.misfit_p() >= MISFIT
    }

    /// `p ± z·se`.
    pub fn interval(&self, alpha: f64) -> Interval {
        let half = normal_quantile(1.0 - 0.5 * alpha) * self.error;
        Interval::new(self.order - half, self.order + half)
    }

    /// p-values of "the order exceeds `null`".
    pub fn evidence(&self, null: f64) -> Evidence {
        let z = (self.order - null) / self.error;
        Evidence { support: normal_upper(z), refute: normal_lower(z) }
    }
}

/// The parametric bootstrap beside [`Fit`]: errors drawn anew from `N(e, s²)` at every step, refitted
/// with weights from the drawn errors. Independent steps only.
pub fn bootstrap(rungs: &[Rung], draws: usize, generator: &mut Pcg64) -> Resampled {
    let mut drawn = rungs.to_vec();
    let orders = (0..draws)
        .map(|_| {
            for (drawn, rung) in drawn.iter_mut().zip(rungs) {
                drawn.error = rung.error + rung.deviation * normal_quantile(uniform(generator));
            }
            Fit::of(&drawn).order
        })
        .collect();
    Resampled::new(Fit::of(rungs).order, orders)
}

/// The ladder of `replicas`, each a row of signed errors at `steps`: means and their standard errors.
///
/// # Panics
/// If there is no replica, or one lacks a step.
pub fn ladder(steps: &[f64], replicas: &[Vec<f64>]) -> Vec<Rung> {
    steps
        .iter()
        .enumerate()
        .map(|(column, step)| {
            let moments = Moments::of(&replicas.iter().map(|row| row[column]).collect::<Vec<_>>());
            Rung {
                step: *step,
                error: moments.mean,
                deviation: moments.error(),
                replicas: replicas.len() as u64,
            }
        })
        .collect()
}

/// The order where the steps share their noise, so that their errors are correlated: whole replicas
/// are drawn with replacement, each with its ladder, and refitted with weights from the drawn means
/// and the standard errors of the data. Percentiles of the result are the primary interval.
///
/// # Errors
/// Fewer than twenty replicas.
pub fn coupled(
    steps: &[f64],
    replicas: &[Vec<f64>],
    draws: usize,
    generator: &mut Pcg64,
) -> Result<Resampled, Withheld> {
    if replicas.len() < FEWEST_REPLICAS {
        return Err(Withheld::TooFew {
            what: "replicas",
            found: replicas.len(),
            needed: FEWEST_REPLICAS,
        });
    }
    let rungs = ladder(steps, replicas);
    let mut drawn = rungs.clone();
    let orders = (0..draws)
        .map(|_| {
            drawn.iter_mut().for_each(|rung| rung.error = 0.0);
            for _ in replicas {
                let row = &replicas[index(generator, replicas.len())];
                drawn.iter_mut().zip(row).for_each(|(rung, error)| rung.error += error);
            }
            drawn.iter_mut().for_each(|rung| rung.error /= replicas.len() as f64);
            Fit::of(&drawn).order
        })
        .collect();
    Ok(Resampled::new(Fit::of(&rungs).order, orders))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::LADDER;
    use super::*;
    use crate::statistics::{assert_close, equivalence};

    #[test]
    fn the_fit_matches_statsmodels() {
        let fit = Fit::of(&LADDER);
        assert_close(fit.order, 2.014_448_146, 1e-9);
        assert_close(fit.error, 0.032_723_564_3, 1e-9);
        assert_close(fit.intercept, 0.052_364_583_27, 1e-9);
        assert_close(fit.misfit, 0.362_472_001, 1e-9);
        assert_close(fit.misfit_p(), 0.834_238_454_8, 1e-9);
        let interval = fit.interval(0.05);
        assert_close(interval.lower, 1.950_311_139, 1e-9);
        assert_close(interval.upper, 2.078_585_154, 1e-9);
        assert!(fit.is_asymptotic());
    }

    #[test]
    fn order_two_is_supported_and_order_three_refuted() {
        let fit = Fit::of(&LADDER);
        assert!(fit.evidence(2.0 - 0.2).support < 1e-6);
        assert!(fit.evidence(3.0 - 0.2).refute < 1e-6);
        let within = equivalence::evidence(2.0, 0.4, |null| fit.evidence(null));
        assert!(within.support < 1e-6);
        assert_close(fit.evidence(fit.interval(0.05).lower).support, 0.025, 1e-9);
    }

    #[test]
    fn a_bent_ladder_is_not_asymptotic_and_its_tail_is() {
        // e = h² + 40 h⁴ bends over the first steps.
        let rungs: Vec<Rung> = [0.4, 0.2, 0.1, 0.05, 0.025_f64]
            .iter()
            .map(|step| {
                let error = step.powi(2) + 40.0 * step.powi(4);
                Rung { step: *step, error, deviation: 0.02 * error, replicas: 1000 }
            })
            .collect();
        assert!(!Fit::of(&rungs).is_asymptotic());
        assert!(Fit::of(&rungs[3..]).order < Fit::of(&rungs).order - 0.3);
    }

    #[test]
    fn the_bootstrap_agrees_with_the_fit_where_errors_are_small() {
        let fit = Fit::of(&LADDER);
        let found = bootstrap(&LADDER, 9999, &mut Pcg64::seed_from_u64(1)).interval(0.05);
        let interval = fit.interval(0.05);
        // The largest relative error of a step is 0.16: its logarithm is off from normal at the
        // second order, 0.16²·se of the order; quantiles of 9,999 draws are good to 3 % of se.
        assert!((found.lower - interval.lower).abs() < 0.2 * fit.error, "{found:?}");
        assert!((found.upper - interval.upper).abs() < 0.2 * fit.error, "{found:?}");
        let again = bootstrap(&LADDER, 9999, &mut Pcg64::seed_from_u64(1)).interval(0.05);
        assert_eq!(found, again);
    }

    /// Errors `h²·(1 + 0.3 a)` with a common `a`, and a little noise of their own.
    fn coupled_replicas(steps: &[f64], count: usize) -> Vec<Vec<f64>> {
        let mut generator = Pcg64::seed_from_u64(2);
        let mut normal = || normal_quantile(uniform(&mut generator));
        (0..count)
            .map(|_| {
                let common = 1.0 + 0.3 * normal();
                steps.iter().map(|h| h * h * (common + 0.02 * normal())).collect()
            })
            .collect()
    }

    #[test]
    fn shared_noise_cancels_in_the_order_of_a_coupled_ladder() {
        let steps = [0.2, 0.1, 0.05, 0.025];
        let replicas = coupled_replicas(&steps, 50);
        let found = coupled(&steps, &replicas, 1999, &mut Pcg64::seed_from_u64(3)).unwrap();
        let interval = found.interval(0.05);
        assert!(interval.lower < 2.0 && 2.0 < interval.upper, "{interval:?}");
        // The fit takes the common factor for noise of each step: some ten times too wide.
        let naive = Fit::of(&ladder(&steps, &replicas)).interval(0.05);
        assert!(interval.upper - interval.lower < 0.3 * (naive.upper - naive.lower));
        assert!(found.evidence(1.8).support < 0.001);
    }

    #[test]
    fn few_replicas_have_no_percentiles() {
        let steps = [0.2, 0.1, 0.05, 0.025];
        let replicas = coupled_replicas(&steps, 19);
        let found = coupled(&steps, &replicas, 99, &mut Pcg64::seed_from_u64(3));
        assert_eq!(found, Err(Withheld::TooFew { what: "replicas", found: 19, needed: 20 }));
    }
}
