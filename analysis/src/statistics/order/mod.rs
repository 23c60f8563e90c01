//! The order of a discretization: p in `e(h) ≈ C hᵖ`, from errors on a ladder of steps h.
//!
//! | errors come from | procedure |
//! |---|---|
//! | independent simulations, one for each step | [`Fit`], beside it [`bootstrap`] |
//! | replicas that share their noise over the whole ladder | [`coupled`] |
//! | several seeds, each with a whole ladder | one [`Fit`] a seed, then [`super::mean`] |
//! | no randomness | [`deterministic`] |
//! | no exact value | [`three_grids`] |
//!
//! [`check`] comes first: a ladder with a point in the noise, with both signs or at the error of its
//! reference says nothing of the order, and dropping such a point would choose the answer.
//!
//! Sources: P. Roache, Verification and Validation in Computational Science and Engineering, 1998;
//! P. Kloeden, E. Platen, Numerical Solution of Stochastic Differential Equations, 1992 (weak order).

mod fit;
mod successive;

pub use fit::{Fit, bootstrap, coupled, ladder};
pub use successive::{Extrapolation, Order, deterministic, extrapolate, successive, three_grids};

use super::withheld::Withheld;

/// One step of a ladder.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rung {
    /// Step h > 0, in the unit of model time.
    pub step: f64,
    /// Signed error found at this step.
    pub error: f64,
    /// Standard error of that error.
    pub deviation: f64,
    /// Replicas behind it.
    pub replicas: u64,
}

/// The value that errors are taken against.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reference {
    /// The value.
    pub value: f64,
    /// Bound on its error; 0 if it is exact.
    pub bound: f64,
}

/// Fewest steps of a ladder.
pub const FEWEST: usize = 4;
/// Standard errors that every error of a ladder must reach.
const CLEAR: f64 = 4.0;

/// The rules that a ladder must pass before its order is read, in this order: at least four falling
/// steps with numbers; every error at four standard errors or more; one sign; every error above the
/// floor `max(64ε·|reference|, 20·bound)`.
///
/// # Errors
/// The first rule that fails.
pub fn check(rungs: &[Rung], reference: Reference) -> Result<(), Withheld> {
    if rungs.len() < FEWEST {
        return Err(Withheld::TooFew { what: "steps", found: rungs.len(), needed: FEWEST });
    }
    let mut last = f64::INFINITY;
    for rung in rungs {
        if !(rung.step > 0.0 && rung.step < last) {
            return Err(Withheld::Unusable { what: "a step that must fall", value: rung.step });
        }
        if !rung.error.is_finite() {
            return Err(Withheld::Unusable { what: "an error of the ladder", value: rung.error });
        }
        if !(rung.deviation.is_finite() && rung.deviation >= 0.0) {
            return Err(Withheld::Unusable { what: "a standard error", value: rung.deviation });
        }
        last = rung.step;
    }
    let drowned = |rung: &Rung| rung.error.abs() < CLEAR * rung.deviation;
    if rungs.iter().any(drowned) {
        let needed = rungs.iter().map(|rung| {
            let replicas = rung.replicas as f64;
            let factor = (CLEAR * rung.deviation / rung.error.abs()).powi(2);
            if drowned(rung) { (replicas * factor).ceil() } else { replicas }
        });
        return Err(Withheld::Underpowered { needed: needed.collect() });
    }
    if rungs.iter().any(|rung| rung.error.signum() * rungs[0].error.signum() < 0.0) {
        return Err(Withheld::SignChange);
    }
    let floor = (64.0 * f64::EPSILON * reference.value.abs()).max(20.0 * reference.bound);
    rungs
        .iter()
        .find(|rung| rung.error.abs() < floor || rung.error.abs() <= 0.0)
        .map_or(Ok(()), |rung| Err(Withheld::Floor { step: rung.step, error: rung.error, floor }))
}

/// An error measured as a norm, freed from the part that noise adds: `√max(0, ‖e‖² − s²)`, with s²
/// the summed variance of the components. A norm is never negative and noise only lengthens it, so
/// an order read from raw norms tends to 0 as the steps shrink.
pub fn debiased(norm: f64, deviation: f64) -> f64 {
    (norm * norm - deviation * deviation).max(0.0).sqrt()
}

/// The ladder of the test vector.
#[cfg(test)]
pub(crate) const LADDER: [Rung; 4] = [
    Rung { step: 0.2, error: 0.0412, deviation: 4e-4, replicas: 1000 },
    Rung { step: 0.1, error: 0.0101, deviation: 3e-4, replicas: 1000 },
    Rung { step: 0.05, error: 0.00262, deviation: 2e-4, replicas: 1000 },
    Rung { step: 0.025, error: 0.00061, deviation: 1e-4, replicas: 1000 },
];

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    const EXACT: Reference = Reference { value: 1.0, bound: 0.0 };

    fn with(index: usize, change: impl Fn(&mut Rung)) -> Vec<Rung> {
        let mut rungs = LADDER.to_vec();
        change(&mut rungs[index]);
        rungs
    }

    #[test]
    fn the_test_ladder_passes() {
        assert_eq!(check(&LADDER, EXACT), Ok(()));
    }

    #[test]
    fn a_point_in_the_noise_names_the_replicas_it_needs() {
        let rungs = with(3, |rung| rung.deviation = 4e-4);
        let Err(Withheld::Underpowered { needed }) = check(&rungs, EXACT) else { panic!() };
        // 1000·(4·4e-4/6.1e-4)² = 6879.9.
        assert_eq!(needed, [1000.0, 1000.0, 1000.0, 6880.0]);
        let rungs = with(3, |rung| rung.error = 0.0);
        let Err(Withheld::Underpowered { needed }) = check(&rungs, EXACT) else { panic!() };
        assert!(needed[3].is_infinite());
    }

    #[test]
    fn both_signs_say_nothing_of_the_order() {
        let rungs = with(3, |rung| rung.error = -0.00061);
        assert_eq!(check(&rungs, EXACT), Err(Withheld::SignChange));
        let mirrored: Vec<Rung> =
            LADDER.iter().map(|rung| Rung { error: -rung.error, ..*rung }).collect();
        assert_eq!(check(&mirrored, EXACT), Ok(()));
    }

    #[test]
    fn an_error_near_that_of_its_reference_is_refused() {
        let found = check(&LADDER, Reference { value: 1.0, bound: 4e-5 });
        assert_eq!(found, Err(Withheld::Floor { step: 0.025, error: 0.00061, floor: 8e-4 }));
        let found = check(&LADDER, Reference { value: 1e11, bound: 0.0 });
        assert!(matches!(found, Err(Withheld::Floor { step, .. }) if (step - 0.025).abs() < 1e-15));
        assert_eq!(check(&LADDER, Reference { value: 1e10, bound: 3e-5 }), Ok(()));
    }

    #[test]
    fn an_exact_zero_has_no_logarithm_and_stops_at_the_floor() {
        let rungs = with(3, |rung| (rung.error, rung.deviation) = (0.0, 0.0));
        let found = check(&rungs, Reference { value: 0.0, bound: 0.0 });
        assert!(matches!(found, Err(Withheld::Floor { .. })));
    }

    #[test]
    fn a_ladder_without_numbers_or_in_disorder_is_refused() {
        assert!(matches!(
            check(&LADDER[..3], EXACT),
            Err(Withheld::TooFew { found: 3, needed: 4, .. })
        ));
        let refused = |change: fn(&mut Rung)| {
            matches!(check(&with(1, change), EXACT), Err(Withheld::Unusable { .. }))
        };
        assert!(refused(|rung| rung.error = f64::NAN));
        assert!(refused(|rung| rung.deviation = f64::INFINITY));
        assert!(refused(|rung| rung.step = 0.2));
    }

    #[test]
    fn a_norm_loses_what_noise_added() {
        assert_close(debiased(5.0, 3.0), 4.0, 1e-15);
        assert!(debiased(1.0, 2.0).abs() < f64::MIN_POSITIVE);
    }
}
