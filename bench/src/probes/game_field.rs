//! The field of a game in the plane: arrows of a phase portrait.

use converge_problems::gan::{
    BoundedGan, BoundedGanConfig, DiracGan, DiracGanConfig, LqGan, LqGanConfig, ScaleGan,
    ScaleGanConfig,
};
use converge_problems::{Build, Diffusion, Metric, Problem, Seed, SetupError, require};
use serde::Deserialize;

use crate::registry::{Probe, ProbeError};

/// A game of one number against one number.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanarGame {
    /// Linear–quadratic, additive noise.
    LqGan(LqGanConfig),
    /// Scale generator, noise that depends on the point.
    ScaleGan(ScaleGanConfig),
    /// Point mass against a line.
    DiracGan(DiracGanConfig),
    /// Bounded drift, additive noise.
    BoundedGan(BoundedGanConfig),
}

/// A map of the plane.
pub(super) type Map = Box<dyn Fn([f64; 2]) -> [f64; 2] + Send>;

impl PlanarGame {
    /// The drift `b₀ = (-∇_θ Φ; ∇_ω Φ)`.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters or more than one coordinate a player.
    pub(super) fn drift(&self, seed: Seed) -> Result<Map, SetupError> {
        match self {
            Self::LqGan(config) => {
                require("game.dimension", config.dimension, config.dimension == 1, "1")?;
                built::<LqGan>(config, seed)
            }
            Self::ScaleGan(config) => built::<ScaleGan>(config, seed),
            Self::DiracGan(config) => built::<DiracGan>(config, seed),
            Self::BoundedGan(config) => built::<BoundedGan>(config, seed),
        }
    }
}

fn built<P: Build + Diffusion>(config: &P::Config, seed: Seed) -> Result<Map, SetupError> {
    let game = P::build(config, seed, None)?;
    Ok(Box::new(move |x| {
        let (mut b, mut scratch) = ([0.0; 2], Problem::scratch(&game));
        game.drift(&x, &mut b, &mut scratch);
        b
    }))
}

/// The drift of a game on a grid of the plane: one row for every place, `theta`, `omega`, and the drift there,
/// `theta-drift`, `omega-drift`. Row by row from the lower left corner.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GameField {
    /// The game.
    pub game: PlanarGame,
    /// Lower left corner of the grid.
    pub from: [f64; 2],
    /// Upper right corner of the grid.
    pub to: [f64; 2],
    /// Places along a side, at least 2.
    #[serde(default = "usual")]
    pub points: usize,
}

/// Places along a side that a portrait of usual size has room for.
fn usual() -> usize {
    13
}

impl Probe for GameField {
    const ID: &'static str = "game-field";
    const ABOUT: &'static str = "the drift of a game in the plane on a grid";

    fn columns(&self) -> Vec<Metric> {
        ["theta", "omega", "theta-drift", "omega-drift"].map(Metric::diagnostic).to_vec()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let Self { from, to, points, .. } = self;
        require("points", points, (2..=1000).contains(points), "from 2 to 1000")?;
        let rises = (0..2).all(|i| from[i] < to[i] && (to[i] - from[i]).is_finite());
        require("to", format!("{to:?}"), rises, "beyond `from` in both coordinates")?;
        let drift = self.game.drift(seed)?;
        let at = |i: usize, k: usize| from[i] + (to[i] - from[i]) * k as f64 / (points - 1) as f64;
        for row in 0..*points {
            for column in 0..*points {
                let x = [at(0, column), at(1, row)];
                let b = drift(x);
                push(&[x[0], x[1], b[0], b[1]]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_field_covers_the_grid_and_vanishes_at_rest() {
        let probe: GameField = serde_json::from_value(json!({
            "game": { "dirac-gan": { "gradient-penalty": 0.5 } },
            "from": [-1.0, -2.0], "to": [1.0, 2.0], "points": 3,
        }))
        .unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec())).unwrap();
        assert_eq!(rows.len(), 9);
        assert!(rows[0][..2].iter().zip([-1.0, -2.0]).all(|(a, b)| (a - b).abs() < 1e-15));
        assert!(rows[8][..2].iter().zip([1.0, 2.0]).all(|(a, b)| (a - b).abs() < 1e-15));
        // The middle is the point of rest; right of it, where ω = 0, only the maximizer moves: by θ/2.
        assert!(rows[4][2].abs() < 1e-15 && rows[4][3].abs() < 1e-15, "{:?}", rows[4]);
        assert!(rows[5][2].abs() < 1e-15 && (rows[5][3] - 0.5).abs() < 1e-15, "{:?}", rows[5]);
    }

    #[test]
    fn a_grid_without_extent_is_refused() {
        let probe: GameField = serde_json::from_value(json!({
            "game": { "lq-gan": {} }, "from": [0.0, 0.0], "to": [1.0, 0.0],
        }))
        .unwrap();
        let error = probe.run(Seed::root(0), &mut |_| {}).unwrap_err().to_string();
        assert!(error.starts_with("to = "), "{error}");
    }
}
