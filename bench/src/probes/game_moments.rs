//! Exact moments of a game's diffusion on its way to rest.

use converge_problems::gan::affine::Moments;
use converge_problems::{Metric, Seed, require, require_positive};
use serde::Deserialize;

use super::affine_game::Game;
use crate::registry::{Probe, ProbeError};

/// Moments of the diffusion without correction from a fixed start, for a game `(θ; ω)` in the plane whose
/// moments close. One row for every time:
///
/// | column | number |
/// |---|---|
/// | `model-time` | `t` |
/// | `theta`, `omega` | means |
/// | `theta-square`, `theta-omega`, `omega-square` | second moments |
/// | `fdr1-gap` | left minus right of the first fluctuation–dissipation relation about the mean at rest |
///
/// With the centre `c`, `fdr1-gap` is `-d/dt E |X - c|²/2`: it vanishes at rest, and an ensemble on its way
/// there has to show it. Without a law at rest it is NaN.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GameMoments {
    /// The game.
    pub game: Game,
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch: f64,
    /// Where all paths start.
    pub start: [f64; 2],
    /// The last time.
    pub time: f64,
    /// Rows, at least 2.
    pub points: usize,
}

impl Probe for GameMoments {
    const ID: &'static str = "game-moments";
    const ABOUT: &'static str = "exact moments of a game's diffusion on its way to rest";

    fn columns(&self) -> Vec<Metric> {
        let names = [
            "model-time",
            "theta",
            "omega",
            "theta-square",
            "theta-omega",
            "omega-square",
            "fdr1-gap",
        ];
        names.map(Metric::diagnostic).to_vec()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let (eta, batch) = (self.learning_rate, self.batch);
        require_positive("learning-rate", eta)?;
        require_positive("batch", batch)?;
        require_positive("time", self.time)?;
        require("points", self.points, self.points >= 2, "at least 2")?;
        let game = self.game.affine(seed)?;
        let flow = game.diffusion(eta, batch, None);
        // A step without noise moves the mean by η times the mean of the drift.
        let step = game.simultaneous(1.0, f64::INFINITY);
        let center = flow.stationary().map_or([f64::NAN; 2], |rest| [rest.mean(0), rest.mean(1)]);
        let start = Moments::of_point(&self.start);
        for k in 0..self.points {
            let time = self.time * k as f64 / (self.points - 1) as f64;
            let at = flow.flow(&start, time);
            let next = step.apply(&at);
            let sides = game.sides(&at);
            let gap: f64 = (0..2)
                .map(|i| {
                    let drift = next.mean(i) - at.mean(i);
                    let dissipation = sides.dissipation[i] + center[i] * drift;
                    dissipation - 0.5 * eta / batch * sides.variance[i]
                })
                .sum();
            let seconds = [at.second(0, 0), at.second(0, 1), at.second(1, 1)];
            push(&[time, at.mean(0), at.mean(1), seconds[0], seconds[1], seconds[2], gap]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(game: &serde_json::Value, points: usize) -> Vec<Vec<f64>> {
        let probe: GameMoments = serde_json::from_value(json!({
            "game": game, "learning-rate": 0.1, "batch": 10.0, "start": [2.0, -1.0],
            "time": 2.0, "points": points,
        }))
        .unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec())).unwrap();
        rows
    }

    /// Test vector LQ-1 of the specification, SDE-0 at time 2.
    #[test]
    fn moments_are_those_that_are_known() {
        let last = rows(&json!({ "lq-gan": {} }), 3).pop().unwrap();
        assert!((last[1] - 0.345_069_03).abs() < 1e-8, "{last:?}");
        assert!((last[2] - 0.224_511_87).abs() < 1e-8, "{last:?}");
        assert!((last[3] - last[1] * last[1] - 0.005_791_57).abs() < 1e-8, "{last:?}");
    }

    /// The relation's gap is the rate at which the paths approach the centre, by central differences.
    #[test]
    fn the_gap_is_how_fast_the_distance_falls() {
        for game in [json!({ "lq-gan": {} }), json!({ "scale-gan": {} })] {
            let rows = rows(&game, 2001);
            let probe: Game = serde_json::from_value(game).unwrap();
            let rest = probe.affine(Seed::root(0)).unwrap();
            let rest = rest.diffusion(0.1, 10.0, None).stationary().unwrap();
            let half_distance = |row: &[f64]| {
                let c = [rest.mean(0), rest.mean(1)];
                let square = |i: usize, second: f64| second - 2.0 * c[i] * row[1 + i] + c[i] * c[i];
                0.5 * (square(0, row[3]) + square(1, row[5]))
            };
            for k in [1, 500, 1999] {
                let fall = (half_distance(&rows[k - 1]) - half_distance(&rows[k + 1])) / 2e-3;
                assert!((fall - rows[k][6]).abs() < 1e-5, "{fall} {}", rows[k][6]);
            }
        }
    }
}
