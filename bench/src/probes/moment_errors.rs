//! Weak errors of a diffusion against its chain, without any simulation.

use converge_problems::gan::affine::Moments;
use converge_problems::{Better, Metric, Seed, Split, require, require_positive};
use serde::Deserialize;

use super::affine_game::{Chain, Flow, Game};
use crate::registry::{Probe, ProbeError};

/// Moments of the chain after `time / η` steps minus those of the flow at `time`, both by exact
/// recursions, for a game `(θ; ω)` in the plane whose moments close. One row for every learning rate:
///
/// | column | number |
/// |---|---|
/// | `learning-rate` | `η` |
/// | `minimizer`, `maximizer` | signed errors of `E θ`, `E ω` |
/// | `minimizer-squared`, `product`, `maximizer-squared` | of `E θ²`, `E θω`, `E ω²` |
/// | `maximizer-gain` | how many times larger the error of `E ω` is without the correction of the drift |
///
/// Source: Li, Tai and E, "Stochastic modified equations and dynamics of stochastic gradient algorithms
/// I", JMLR 20 (2019), for the approach.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MomentErrors {
    /// The game.
    pub game: Game,
    /// The order of the updates.
    pub chain: Chain,
    /// What it is compared with.
    pub flow: Flow,
    /// The flow takes the noises of the players for independent, whether they are or not.
    #[serde(default)]
    pub ignore_sharing: bool,
    /// Pairs a step, `B`.
    pub batch: f64,
    /// Learning rates, each a whole fraction of `time`.
    pub learning_rates: Vec<f64>,
    /// `T`.
    pub time: f64,
    /// Where both start.
    pub start: [f64; 2],
}

impl Probe for MomentErrors {
    const ID: &'static str = "moment-errors";
    const ABOUT: &'static str = "weak errors of diffusions against chains of games, by moments";

    fn columns(&self) -> Vec<Metric> {
        let error = |name| Metric::new(name, Better::Neither, Split::None);
        let errors =
            ["minimizer", "maximizer", "minimizer-squared", "product", "maximizer-squared"];
        std::iter::once(Metric::diagnostic("learning-rate"))
            .chain(errors.into_iter().chain(["maximizer-gain"]).map(error))
            .collect()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("batch", self.batch)?;
        require_positive("time", self.time)?;
        let some = !self.learning_rates.is_empty();
        require("learning-rates", self.learning_rates.len(), some, "at least one")?;
        let game = self.game.affine(seed)?;
        let approximated = if self.ignore_sharing { game.fresh() } else { game.clone() };
        let start = Moments::of_point(&self.start);
        let (batch, correction) = self.flow.of(self.batch);
        for &eta in &self.learning_rates {
            require_positive("learning-rates", eta)?;
            let steps = (self.time / eta).round();
            let whole = (steps * eta - self.time).abs() <= 1e-9 * self.time;
            require("learning-rates", eta, whole, "a whole fraction of time")?;
            let chain = self.chain.step(&game, eta, self.batch).repeat(&start, steps as usize);
            let flow =
                |correction| approximated.diffusion(eta, batch, correction).flow(&start, self.time);
            let uncorrected = chain.mean(1) - flow(None).mean(1);
            let of = |at: &Moments| {
                [at.mean(0), at.mean(1), at.second(0, 0), at.second(0, 1), at.second(1, 1)]
            };
            let (chain, flow) = (of(&chain), of(&flow(correction)));
            let mut row = [eta; 7];
            for (error, (chain, flow)) in row[1..].iter_mut().zip(chain.iter().zip(flow)) {
                *error = chain - flow;
            }
            row[6] = (uncorrected / row[2]).abs();
            push(&row);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(config: &serde_json::Value) -> Result<Vec<Vec<f64>>, ProbeError> {
        let probe: MomentErrors = serde_json::from_value(config.clone()).unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec()))?;
        Ok(rows)
    }

    fn config() -> serde_json::Value {
        json!({
            "game": { "lq-gan": {} }, "chain": "simultaneous", "flow": "first-order",
            "batch": 10.0, "learning-rates": [0.1, 0.05], "time": 2.0, "start": [2.0, -1.0],
        })
    }

    /// The table of the specification, I1.
    #[test]
    fn errors_are_those_that_are_known() {
        let rows = rows(&config()).unwrap();
        for (row, known) in rows.iter().zip([[5.2085e-2, -2.7357e-2], [2.5044e-2, -1.3828e-2]]) {
            assert!((row[2] - known[0]).abs() < 1e-6, "{row:?}");
            assert!((row[3] - known[1]).abs() < 1e-6, "{row:?}");
            assert!((row[6] - 1.0).abs() < 1e-12, "nothing is corrected: {row:?}");
        }
    }

    #[test]
    fn a_rate_that_misses_the_end_is_refused() {
        let mut config = config();
        config["learning-rates"] = json!([0.3]);
        let message = rows(&config).unwrap_err().to_string();
        assert!(message.contains("whole fraction"), "{message}");
    }
}
