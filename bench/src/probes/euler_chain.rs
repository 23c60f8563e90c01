//! The guard against an empty comparison: one scheme that is the chain itself.

use converge_problems::{Better, Diffusion, Game, Metric, Seed, Split, require, require_positive};
use converge_solvers::{EulerMaruyama, GaussianSga, Noise, Order};
use serde::Deserialize;

use super::path_game::{Course, PathGame, WithGame};
use crate::registry::{Probe, ProbeError};

/// Euler–Maruyama of the diffusion without correction beside the simultaneous chain with Gaussian noise,
/// driven by the same normals. One row after every step:
///
/// | column | number |
/// |---|---|
/// | `step` | number of the step |
/// | `differing` | coordinates of all paths whose bits differ |
/// | `difference` | the largest difference |
///
/// With one substep there is none: such a scheme must not stand for the diffusion.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EulerChain {
    /// The game; both start where it says.
    pub game: PathGame,
    /// The strength of the noise.
    pub noise: Noise,
    /// `η`.
    pub learning_rate: f64,
    /// Substeps of the scheme in a step of the chain.
    pub substeps: u64,
    /// Steps of the chain.
    pub steps: u64,
    /// Paths.
    pub paths: usize,
}

impl Probe for EulerChain {
    const ID: &'static str = "euler-chain";
    const ABOUT: &'static str = "Euler-Maruyama beside the chain that it is with one substep";

    fn columns(&self) -> Vec<Metric> {
        vec![
            Metric::diagnostic("step"),
            Metric::new("differing", Better::Lower, Split::None),
            Metric::new("difference", Better::Lower, Split::None),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("learning-rate", self.learning_rate)?;
        require("steps", self.steps, self.steps >= 1, "at least 1")?;
        self.game.with(seed.child("game"), Beside { of: self, seed, push })
    }
}

/// The rows of a probe.
struct Beside<'a> {
    of: &'a EulerChain,
    seed: Seed,
    push: &'a mut dyn FnMut(&[f64]),
}

impl WithGame for Beside<'_> {
    fn run<P: Game + Diffusion>(self, game: &P) -> Result<(), ProbeError> {
        let Self { of, seed, push } = self;
        let &EulerChain { noise, learning_rate, substeps, paths, .. } = of;
        let euler =
            EulerMaruyama { learning_rate, noise, substeps, paths, ..EulerMaruyama::default() };
        let chain = GaussianSga {
            learning_rate,
            noise,
            order: Order::Simultaneous,
            resolution: substeps,
            paths,
            ..GaussianSga::default()
        };
        let mut start = vec![0.0; 2 * paths];
        game.start(seed.child("start"), &mut start);
        let noise = seed.child("noise");
        let mut a = Course::new(game, &euler, &start, noise)?;
        let mut b = Course::new(game, &chain, &start, noise)?;
        for step in 1..=of.steps {
            a.step()?;
            b.step()?;
            let pairs = a.points().iter().zip(b.points());
            let (mut differing, mut difference) = (0.0, 0.0_f64);
            for (a, b) in pairs {
                if a.to_bits() != b.to_bits() {
                    differing += 1.0;
                }
                difference = difference.max((a - b).abs());
            }
            push(&[step as f64, differing, difference]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_substep_is_the_chain_and_two_are_not() {
        for game in [json!({ "lq-gan": {} }), json!({ "covariance-gan": {} })] {
            let last = |substeps: u64| {
                let probe: EulerChain = serde_json::from_value(json!({
                    "game": game, "noise": { "batch": 10.0 }, "learning-rate": 0.05,
                    "substeps": substeps, "steps": 30, "paths": 100,
                }))
                .unwrap();
                let mut rows = Vec::new();
                probe.run(Seed::root(2), &mut |row| rows.push(row.to_vec())).unwrap();
                rows.pop().unwrap()
            };
            let (one, two) = (last(1), last(2));
            assert!(one[1] <= 0.0 && one[2] <= 0.0, "{one:?}");
            assert!(two[1] > 190.0 && two[2] > 1e-3, "{two:?}");
        }
    }
}
