//! From which size, and from which iteration, one method is cheaper than another.

use converge_problems::{Better, Metric, Seed, Split};
use converge_solvers::LeastSquares;
use serde::Deserialize;

use super::w_steps::{Measured, WSteps};
use crate::registry::{Probe, ProbeError};

/// Solves the W-steps of a run by `method` and by `than`, one after the other on the same right-hand
/// sides, as [`LeastSquaresMethods`](super::LeastSquaresMethods) does.
///
/// One row for every number of samples and size of the images:
///
/// | column | number |
/// |---|---|
/// | `samples`, `weights` | `N`, `p` |
/// | `total-ratio` | total time of `method` over that of `than` |
/// | `break-even` | smallest number of W-steps after which `method` has taken less in total, set-up included; infinite if there is none up to 10,000 |
/// | `crossover` | size at which the totals are equal, interpolated on logarithms between the last two rows with the ratio on both sides of 1; NaN if there are none |
///
/// The size is the one of `N` and `p` that changes from row to row (`p`, if both do). Timing model: the
/// smallest of `repeats` measurements of the set-up and of each W-step.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeastSquaresCrossover {
    /// The method.
    pub method: LeastSquares,
    /// What it is compared with.
    pub than: LeastSquares,
    /// `than` factors the matrix again before every solve, the Gram matrix at hand, as a method
    /// without memory of its factorisation does.
    #[serde(default)]
    pub refactor: bool,
    /// What they solve.
    pub run: WSteps,
}

/// W-steps after which a break-even is not looked for.
const LONGEST: usize = 10_000;

impl Probe for LeastSquaresCrossover {
    const ID: &'static str = "least-squares-crossover";
    const ABOUT: &'static str = "size and iteration from which one least-squares method is cheaper";

    fn columns(&self) -> Vec<Metric> {
        vec![
            Metric::diagnostic("samples"),
            Metric::diagnostic("weights"),
            Metric::new("total-ratio", Better::Lower, Split::None),
            Metric::new("break-even", Better::Lower, Split::None),
            Metric::diagnostic("crossover"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let Self { method, than, refactor, run } = self;
        run.check()?;
        let along_samples = run.edges.len() == 1;
        let (mut last, mut crossover): (Option<(f64, f64)>, f64) = (None, f64::NAN);
        for (samples, edge) in run.sizes() {
            let recording = run.record((samples, edge), LeastSquares::Cholesky, seed)?;
            let mine = recording.measure(method, false, run.repeats, seed)?;
            let mut other = recording.measure(than, *refactor, run.repeats, seed)?;
            if *refactor && method == than {
                // The same work, measured twice: its noise is no difference.
                other.setup = mine.setup;
            }
            let weights = recording.problem.weights();
            let size = if along_samples { samples } else { weights } as f64;
            let ratio = mine.total() / other.total();
            if let Some(found) = last.and_then(|last| crossing(last, (size, ratio))) {
                crossover = found;
            }
            last = Some((size, ratio));
            push(&[samples as f64, weights as f64, ratio, break_even(&mine, &other), crossover]);
        }
        Ok(())
    }
}

/// Smallest number of steps after which `mine` has taken less than `other`.
fn break_even(mine: &Measured, other: &Measured) -> f64 {
    let first = (1..=LONGEST).find(|&steps| mine.after(steps) < other.after(steps));
    first.map_or(f64::INFINITY, |steps| steps as f64)
}

/// Where the ratio is 1 on the straight line between two points, all on logarithms.
fn crossing((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> Option<f64> {
    let (below, above) = (y0.ln(), y1.ln());
    let between = below * above <= 0.0 && below.to_bits() != above.to_bits();
    between.then(|| (x0.ln() + (x1 / x0).ln() * below / (below - above)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(setup: f64, solve: f64) -> Measured {
        Measured { setup, solves: vec![solve; 4], passes: 0.0, error: 0.0 }
    }

    #[test]
    fn curves_of_powers_cross_where_they_do() {
        let ratio = |x: f64| 100.0 / x.powf(1.5);
        let expected = 100.0_f64.powf(1.0 / 1.5);
        let found = crossing((10.0, ratio(10.0)), (40.0, ratio(40.0))).unwrap();
        assert!((found - expected).abs() < 1e-10);
        assert!(crossing((30.0, ratio(30.0)), (40.0, ratio(40.0))).is_none());
    }

    #[test]
    fn a_set_up_pays_off_after_as_many_steps_as_it_saves() {
        let (cached, again) = (measured(10.0, 1.0), measured(0.0, 3.0));
        assert!((break_even(&cached, &again) - 6.0).abs() < 1e-12, "10 + k < 3 k from k = 6");
        assert!(break_even(&again, &cached) <= 1.0);
        assert!(break_even(&measured(1.0, 3.0), &measured(0.0, 3.0)).is_infinite());
    }
}
