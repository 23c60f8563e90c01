//! What an iteration of IPA costs as its batch grows.

use converge_problems::imaging::{Imaging, ImagingConfig};
use converge_problems::{Better, Metric, Seed, Split, require};
use converge_solvers::{Breakdown, PnpAdmm};
use serde::Deserialize;

use super::iteration::Run;
use crate::probes::timing::seconds;
use crate::registry::{Probe, ProbeError};

/// Times an iteration of PnP-ADMM for rising batches. Timing model: the smallest of `repeats`
/// measurements. One row for every batch:
///
/// | column | number |
/// |---|---|
/// | `batch` | `p` |
/// | `iteration-seconds` | of an iteration |
/// | `explained` | the share `R²` of the variance of the seconds so far that the line `a + c p` explains; NaN for fewer than 3 batches |
/// | `full-share` | the seconds over those of the last batch of the list, measured first |
///
/// Source: specification 2.9 and C18.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImagingStepCost {
    /// The instance.
    pub problem: ImagingConfig,
    /// The method, but for its batch.
    pub solver: PnpAdmm,
    /// Batches, rising.
    pub batches: Vec<usize>,
    /// Measurements of each time.
    pub repeats: u32,
}

impl Probe for ImagingStepCost {
    const ID: &'static str = "imaging-step-cost";
    const ABOUT: &'static str = "time of an iteration of IPA against the size of its batch";

    fn columns(&self) -> Vec<Metric> {
        vec![
            Metric::diagnostic("batch"),
            Metric::new("iteration-seconds", Better::Lower, Split::None).in_unit("s"),
            Metric::new("explained", Better::Higher, Split::None),
            Metric::new("full-share", Better::Lower, Split::None),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let rising = self.batches.windows(2).all(|pair| pair[0] < pair[1]);
        require("batches", format!("{:?}", self.batches), rising, "rising numbers")?;
        let problem = Imaging::new(&self.problem, seed)?;
        let time = |batch: usize| -> Result<f64, ProbeError> {
            let solver = PnpAdmm { batch: Some(batch), ..self.solver.clone() };
            let mut run = Run::new(&problem, &solver, seed)?;
            let mut broken = false;
            let time = seconds(self.repeats, || broken |= run.step().is_err());
            if broken { Err(Breakdown::NotFinite("iterate").into()) } else { Ok(time) }
        };
        let Some(&largest) = self.batches.last() else { return Ok(()) };
        let full = time(largest)?;
        let mut points = Vec::new();
        for &batch in &self.batches {
            let seconds = time(batch)?;
            points.push((batch as f64, seconds));
            push(&[batch as f64, seconds, explained(&points), seconds / full]);
        }
        Ok(())
    }
}

/// `R²` of the least-squares line; NaN for fewer than three points.
fn explained(points: &[(f64, f64)]) -> f64 {
    if points.len() < 3 {
        return f64::NAN;
    }
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let sum = |f: fn(f64, f64) -> f64| points.iter().map(|p| f(p.0 - x, p.1 - y)).sum::<f64>();
    let (cross, across, up) = (sum(|x, y| x * y), sum(|x, _| x * x), sum(|_, y| y * y));
    cross * cross / (across * up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_explains_all_and_a_parabola_about_its_middle_nothing() {
        let line: Vec<_> = (0..5).map(|i| (f64::from(i), 2.0 * f64::from(i) + 1.0)).collect();
        assert!((explained(&line) - 1.0).abs() <= 1e-12);
        let bowl: Vec<_> = (-2..3).map(|i| (f64::from(i), f64::from(i * i))).collect();
        assert!(explained(&bowl) <= 1e-12);
        assert!(explained(&line[..2]).is_nan());
    }
}
