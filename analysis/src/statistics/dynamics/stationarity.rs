//! Whether a run has settled. A run that has not gives no verdict at all.

use super::autocovariance::Autocovariances;
use super::drift::{Drift, drift};
use super::ess::{bulk_ess, ess};
use super::mixing::{RHat, r_hat, split};
use crate::statistics::mean::Moments;
use crate::statistics::withheld::Withheld;

/// A drift of batch means below this p-value is one.
const DRIFT: f64 = 0.01;
/// Smallest effective size that is reported at all.
const LEAST_ESS: f64 = 100.0;
/// Smallest effective size for a relation: its terms are variances, which settle more slowly.
const RELATION_ESS: f64 = 400.0;
/// Fewest values of a run: twenty batches of twenty.
const FEWEST: usize = 400;

/// Values to drop at the start of a run of `count`: `ln(10⁶)/gap`, where a spectral gap per value is
/// known, so that the start is forgotten to 10⁻⁶; a fifth of the run otherwise.
pub fn burn_in(count: usize, gap: Option<f64>) -> usize {
    let values = gap.map_or(0.2 * count as f64, |gap| 1e6_f64.ln() / gap);
    (values.ceil() as usize).min(count)
}

/// What the checks found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stationarity {
    /// Split rank-normalized R̂ and its bound.
    pub r_hat: RHat,
    /// Effective size of all runs together.
    pub ess: f64,
    /// Drift of batch means.
    pub drift: Drift,
}

/// Checks runs from which the burn-in was dropped; of runs of different length, the last values of
/// each.
///
/// # Errors
/// A run is too short, has a value that is not finite, or does not vary.
///
/// # Panics
/// If there is no run.
pub fn stationarity(chains: &[&[f64]]) -> Result<Stationarity, Withheld> {
    let shortest = chains.iter().map(|chain| chain.len()).min().expect("a run to check");
    if shortest < FEWEST {
        return Err(Withheld::TooFew { what: "values of a run", found: shortest, needed: FEWEST });
    }
    for chain in chains {
        if let Some(value) = chain.iter().find(|value| !value.is_finite()) {
            return Err(Withheld::Unusable { what: "a value of the run", value: *value });
        }
        if Moments::of(chain).is_constant() {
            return Err(Withheld::NoVariation);
        }
    }
    let chunks = split(chains);
    let ess = match chains {
        [chain] => ess(&Autocovariances::of(chain)),
        _ => bulk_ess(&chunks),
    };
    Ok(Stationarity { r_hat: r_hat(&chunks), ess, drift: drift(chains) })
}

impl Stationarity {
    /// Fails unless the runs look settled and are worth 100 independent values. A claim on a relation
    /// gives its `margin`: the drift over the run must then also stay below half of it, and the
    /// effective size reach 400.
    ///
    /// # Errors
    /// The first rule that fails.
    pub fn check(&self, margin: Option<f64>) -> Result<(), Withheld> {
        let r_hat = self.r_hat.value();
        if r_hat > self.r_hat.bound {
            return Err(Withheld::PartsDiffer { r_hat, bound: self.r_hat.bound });
        }
        if self.drift.p < DRIFT {
            return Err(Withheld::Drift { change: self.drift.over_the_run(), p: self.drift.p });
        }
        let change = self.drift.over_the_run().abs();
        if let Some(margin) = margin.filter(|margin| change > 0.5 * margin) {
            return Err(Withheld::DriftNearMargin { change, margin });
        }
        let needed = if margin.is_some() { RELATION_ESS } else { LEAST_ESS };
        if self.ess < needed {
            return Err(Withheld::EffectiveSize { found: self.ess, needed });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_chain;
    use super::*;

    #[test]
    fn a_settled_run_passes_and_its_burn_in_is_a_fifth() {
        let x = test_chain(1, 5000);
        let settled = &x[burn_in(x.len(), None)..];
        assert_eq!(settled.len(), 4000);
        assert_eq!(stationarity(&[settled]).unwrap().check(None), Ok(()));
        assert_eq!(burn_in(1000, Some(0.3)), 47); // 13.8155/0.3 = 46.05
        assert_eq!(burn_in(40, Some(0.3)), 40);
    }

    #[test]
    fn a_drift_of_one_deviation_is_found() {
        let x: Vec<f64> =
            test_chain(1, 4000).iter().enumerate().map(|(i, x)| x + 1e-4 * i as f64).collect();
        let found = stationarity(&[&x]).unwrap().check(None);
        assert!(matches!(found, Err(Withheld::PartsDiffer { .. })), "{found:?}");
    }

    #[test]
    fn a_relation_asks_for_less_drift_than_half_its_margin() {
        let found = stationarity(&[&test_chain(1, 4000)]).unwrap();
        let change = found.drift.over_the_run().abs();
        assert_eq!(found.check(Some(2.1 * change)), Ok(()));
        assert!(matches!(found.check(Some(1.9 * change)), Err(Withheld::DriftNearMargin { .. })));
    }

    #[test]
    fn a_settled_run_worth_few_values_is_refused_and_a_relation_wants_more() {
        // Effective size about N·3/17.
        let found = stationarity(&[&test_chain(1, 400)]).unwrap();
        assert!(
            matches!(found.check(None), Err(Withheld::EffectiveSize { found, .. }) if found < 100.0)
        );
        let found = stationarity(&[&test_chain(1, 1000)]).unwrap();
        assert_eq!(found.check(None), Ok(()));
        assert!(matches!(
            found.check(Some(1.0)),
            Err(Withheld::EffectiveSize { needed, .. }) if needed > 399.0
        ));
    }

    #[test]
    fn chains_in_different_places_are_not_settled() {
        let a = test_chain(1, 1000);
        let b: Vec<f64> = test_chain(2, 1000).iter().map(|x| x + 1.0).collect();
        let found = stationarity(&[&a, &b]).unwrap().check(None);
        assert!(matches!(found, Err(Withheld::PartsDiffer { .. })));
    }

    #[test]
    fn runs_without_variation_or_numbers_say_so() {
        assert_eq!(stationarity(&[&[1.0; 500]]), Err(Withheld::NoVariation));
        let mut x = test_chain(1, 500);
        x[77] = f64::INFINITY;
        assert!(matches!(stationarity(&[&x]), Err(Withheld::Unusable { .. })));
        assert!(matches!(
            stationarity(&[&x[..399]]),
            Err(Withheld::TooFew { found: 399, needed: 400, .. })
        ));
    }
}
