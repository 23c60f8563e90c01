//! Why a procedure gives no verdict. Each reason is a rule fixed before the data and carries the
//! numbers that broke it.

use thiserror::Error;

/// A reason for "inconclusive".
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum Withheld {
    /// Fewer numbers than the procedure needs.
    #[error("{found} {what}, at least {needed} are needed")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many the procedure needs.
        needed: usize,
    },
    /// A value is not a number, or a step or an error is not positive where it must be.
    #[error("{what} is {value}")]
    Unusable {
        /// What it is.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// An error of the ladder is below four standard errors.
    #[error(
        "errors drown in noise; replicas needed for each step, coarsest first: {}",
        list(needed)
    )]
    Underpowered {
        /// Replicas that each step needs, coarsest first; infinite where the error vanishes.
        needed: Vec<f64>,
    },
    /// The errors of a ladder do not have one sign: the leading term does not rule.
    #[error("the error changes sign in the ladder")]
    SignChange,
    /// An error of the ladder is too close to the error of its reference.
    #[error("the error {error:e} at the step {step} is below the floor {floor:e} of its reference")]
    Floor {
        /// Step.
        step: f64,
        /// Error found there.
        error: f64,
        /// What it must exceed.
        floor: f64,
    },
    /// No order explains the three values.
    #[error("the differences of the three grids follow no order in [0.1, 10]")]
    NoOrder,
    /// A run or a sample is constant to rounding.
    #[error("no variation: the values are equal to rounding")]
    NoVariation,
    /// The parts of a run, or the runs, do not look alike.
    #[error("not stationary: R̂ is {r_hat:.4}, above {bound:.4}")]
    PartsDiffer {
        /// R̂ found.
        r_hat: f64,
        /// Bound for this effective size.
        bound: f64,
    },
    /// Batch means drift.
    #[error("not stationary: batch means change by {change:.3e} over the run (p = {p:.2e})")]
    Drift {
        /// Change over the run.
        change: f64,
        /// Two-sided p-value.
        p: f64,
    },
    /// Batch means drift by more than half the margin of the claim.
    #[error(
        "not stationary: batch means change by {change:.3e}, more than half the margin {margin:.3e}"
    )]
    DriftNearMargin {
        /// Size of the change over the run.
        change: f64,
        /// Margin of the claim.
        margin: f64,
    },
    /// Too few effectively independent values.
    #[error("the effective size is {found:.0}, at least {needed:.0} are needed")]
    EffectiveSize {
        /// Effective size.
        found: f64,
        /// What is needed.
        needed: f64,
    },
    /// Two estimates of the error of an average disagree.
    #[error(
        "autocorrelation not resolved: the standard errors {primary:.3e} and {second:.3e} differ by \
         more than {:.0} %", 100.0 * allowed
    )]
    Unresolved {
        /// Primary standard error.
        primary: f64,
        /// From batch means.
        second: f64,
        /// Relative difference allowed.
        allowed: f64,
    },
    /// The boundary term of a residual is not small.
    #[error("the boundary term {term:.3e} is not below the standard error {error:.3e}")]
    Boundary {
        /// Boundary term.
        term: f64,
        /// Standard error.
        error: f64,
    },
    /// The means of a decay have both signs.
    #[error("the mean changes sign before it is lost in noise: it oscillates")]
    Oscillates,
    /// No damped oscillation fits.
    #[error("no damped oscillation fits")]
    NoOscillation,
}

/// Whole numbers with commas.
fn list(numbers: &[f64]) -> String {
    let words: Vec<String> = numbers.iter().map(|number| format!("{number:.0}")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_carries_its_numbers() {
        let reason = Withheld::Underpowered { needed: vec![1000.0, 25_600.0, f64::INFINITY] };
        assert_eq!(
            reason.to_string(),
            "errors drown in noise; replicas needed for each step, coarsest first: 1000, 25600, inf"
        );
    }
}
