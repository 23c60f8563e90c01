//! How fast methods approach a point of rest of a game, against the linearization there.

use std::f64::consts::PI;

use converge_problems::gan::lyapunov::spectral_radius;
use converge_problems::gan::{
    Bounded, BoundedGan, BoundedGanConfig, Dirac, DiracGan, DiracGanConfig, Plane, PlaneGame,
};
use converge_problems::{Build, Game, Metric, Seed, SetupError, require, require_positive};
use converge_solvers::{Consensus, Extragradient, Optimistic, Order, Sga, Solver};
use faer::{Mat, Scale};
use serde::Deserialize;

use crate::registry::{Probe, ProbeError};

/// A game in the plane with a point of rest, whose noise is switched off.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiselessGame {
    /// Point mass against a line, without instance noise.
    DiracGan(DiracGanConfig),
    /// Bounded drift, with a noise variance of 0.
    BoundedGan(BoundedGanConfig),
}

/// A method.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GameMethod {
    /// Both players at once.
    Simultaneous,
    /// The maximizer first.
    Alternating,
    /// A look ahead.
    Extragradient,
    /// The last field extrapolated.
    Optimistic,
    /// With descent on the squared field, of this weight.
    Consensus(f64),
}

/// The factor by which a method changes the distance from the point of rest in a step, measured from a
/// start nearby, and the spectral radius of its linearization there. With the derivative `J` of the drift:
///
/// | method | its linear map |
/// |---|---|
/// | simultaneous | `I + ηJ` |
/// | alternating | `I + ηJ`, the minimizer's row at where the maximizer's has led |
/// | extragradient | `I + ηJ + η²J²` |
/// | optimistic | `z ↦ (I + 2ηJ) z - ηJ z₋` |
/// | consensus | `I + ηJ - ηγ JᵀJ` |
///
/// One row for every learning rate: `learning-rate`, `predicted`, `measured`, and `violation`, the distance
/// of their ratio from 1. Measured is a least-squares slope of the logarithm over all steps.
///
/// Source: L. Mescheder, A. Geiger, S. Nowozin, Which training methods for GANs do actually converge?,
/// ICML 2018, for the approach.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GameContraction {
    /// The game.
    pub game: NoiselessGame,
    /// The method.
    pub method: GameMethod,
    /// Learning rates of both players.
    pub learning_rates: Vec<f64>,
    /// Steps, at least 20.
    #[serde(default = "usual")]
    pub steps: u64,
}

fn usual() -> u64 {
    600
}

/// Distance of the start from the point of rest, in each coordinate.
const NEAR: f64 = 1e-4;
/// Distances at which rounding of a point of order 1 begins to show.
const FLOOR: f64 = 1e-11;

impl Probe for GameContraction {
    const ID: &'static str = "game-contraction";
    const ABOUT: &'static str =
        "how fast methods approach a point of rest, against the linearization there";

    fn columns(&self) -> Vec<Metric> {
        ["learning-rate", "predicted", "measured", "violation"].map(Metric::diagnostic).to_vec()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let some = !self.learning_rates.is_empty();
        require("learning-rates", self.learning_rates.len(), some, "at least one")?;
        self.learning_rates.iter().try_for_each(|eta| require_positive("learning-rates", *eta))?;
        require("steps", self.steps, self.steps >= 20, "at least 20")?;
        match &self.game {
            NoiselessGame::DiracGan(config) => {
                let noise = config.instance_noise;
                require(
                    "game.instance-noise",
                    noise,
                    noise <= 0.0,
                    "0: the map must not be noisy",
                )?;
                self.rows::<Dirac>(&DiracGan::build(config, seed, None)?, push)
            }
            NoiselessGame::BoundedGan(config) => {
                let noise = config.noise_variance;
                require(
                    "game.noise-variance",
                    noise,
                    noise <= 0.0,
                    "0: the map must not be noisy",
                )?;
                self.rows::<Bounded>(&BoundedGan::build(config, seed, None)?, push)
            }
        }
    }
}

impl GameContraction {
    fn rows<M: Plane>(
        &self,
        game: &PlaneGame<M>,
        push: &mut dyn FnMut(&[f64]),
    ) -> Result<(), ProbeError> {
        let rest = game.model().rest();
        let jacobian = game.model().jacobian(rest);
        let jacobian = Mat::from_fn(2, 2, |i, j| jacobian[i][j]);
        for &eta in &self.learning_rates {
            let predicted = self.method.radius(&jacobian, eta);
            let measured = self.measured(game, rest, eta)?;
            push(&[eta, predicted, measured, (measured / predicted - 1.0).abs()]);
        }
        Ok(())
    }

    fn measured<P: Game>(&self, game: &P, rest: [f64; 2], eta: f64) -> Result<f64, ProbeError> {
        let chain = |order| Sga { learning_rate: eta, order, batch: 1, ..Sga::default() };
        let distances = match self.method {
            GameMethod::Simultaneous => self.distances(game, &chain(Order::Simultaneous), rest),
            GameMethod::Alternating => self.distances(game, &chain(Order::Alternating), rest),
            GameMethod::Extragradient => {
                let solver = Extragradient { learning_rate: eta, batch: 1, ..Default::default() };
                self.distances(game, &solver, rest)
            }
            GameMethod::Optimistic => {
                let solver = Optimistic { learning_rate: eta, batch: 1, ..Default::default() };
                self.distances(game, &solver, rest)
            }
            GameMethod::Consensus(weight) => {
                let solver = Consensus { learning_rate: eta, weight, batch: 1, paths: 1 };
                self.distances(game, &solver, rest)
            }
        }?;
        Ok(slope(&distances).exp())
    }

    /// Distances from the point of rest after every step, until rounding shows.
    fn distances<P: Game, S: Solver<P>>(
        &self,
        game: &P,
        solver: &S,
        rest: [f64; 2],
    ) -> Result<Vec<f64>, ProbeError> {
        let start = rest.map(|x| x + NEAR);
        let mut state = solver.init(game, &start, Seed::root(0))?;
        let mut distances = Vec::new();
        for _ in 0..self.steps {
            solver.step(game, &mut state)?;
            let x = solver.iterate(&state);
            let distance = (x[0] - rest[0]).hypot(x[1] - rest[1]);
            // Near the origin floating point has no floor.
            if distance < FLOOR * (rest[0].hypot(rest[1])).min(1.0) || distance <= 0.0 {
                break;
            }
            distances.push(distance);
        }
        if distances.len() < 20 {
            let text =
                "the method is at rest within 20 steps: a smaller learning rate shows its rate";
            return Err(SetupError::Numerics(text.into()).into());
        }
        Ok(distances)
    }
}

/// Least-squares slope of the logarithms, under weights that rise from 0 and fall to 0 as a squared sine:
/// they hold off fast modes at the start, and the wave that a rotation lays over the line at the ends.
fn slope(distances: &[f64]) -> f64 {
    let (count, middle) = (distances.len() as f64, 0.5 * (distances.len() - 1) as f64);
    let (mut product, mut square) = (0.0, 0.0);
    for (k, distance) in distances.iter().enumerate() {
        let weight = (PI * (k as f64 + 0.5) / count).sin().powi(2);
        let off = k as f64 - middle;
        product += weight * off * distance.ln();
        square += weight * off * off;
    }
    product / square
}

impl GameMethod {
    /// The spectral radius of the linear map.
    fn radius(self, jacobian: &Mat<f64>, eta: f64) -> f64 {
        let identity = Mat::<f64>::identity(2, 2);
        let step = Scale(eta) * jacobian;
        let map = match self {
            Self::Simultaneous => identity + step,
            Self::Alternating => {
                let mut both = &identity + &step;
                let answer = both.row(1).to_owned();
                // θ moves along its own row at (θ, ω⁺).
                let through = step[(0, 1)];
                both[(0, 0)] = 1.0 + step[(0, 0)] + through * answer[0];
                both[(0, 1)] = through * answer[1];
                both
            }
            Self::Extragradient => &identity + &step + &step * &step,
            Self::Optimistic => {
                let mut map = Mat::zeros(4, 4);
                map.submatrix_mut(0, 0, 2, 2).copy_from(&identity + Scale(2.0) * &step);
                map.submatrix_mut(0, 2, 2, 2).copy_from(-&step);
                map.submatrix_mut(2, 0, 2, 2).copy_from(&identity);
                map
            }
            Self::Consensus(weight) => {
                identity + &step - Scale(eta * weight) * (jacobian.transpose() * jacobian)
            }
        };
        spectral_radius(map.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rows(config: Value) -> Result<Vec<Vec<f64>>, ProbeError> {
        let probe: GameContraction = serde_json::from_value(config).unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec()))?;
        Ok(rows)
    }

    /// The undamped Dirac game rotates with f'(0) = 1/2: closed forms in η/2.
    #[test]
    fn the_undamped_game_has_its_closed_radii() {
        let eta: f64 = 0.2;
        let half = 0.5 * eta;
        let rotation = half * half;
        for (method, known) in [
            (json!("simultaneous"), (1.0 + rotation).sqrt()),
            (json!("alternating"), 1.0),
            (json!("extragradient"), (1.0 - rotation + rotation * rotation).sqrt()),
            (json!({ "consensus": 1.0 }), (1.0 - 0.25 * eta).hypot(half)),
        ] {
            let rows = rows(json!({
                "game": { "dirac-gan": {} }, "method": method, "learning-rates": [eta],
            }))
            .unwrap();
            assert!((rows[0][1] - known).abs() < 1e-12, "{method}: {rows:?}");
            assert!(rows[0][3] < 1e-4, "{method}: {rows:?}");
        }
    }

    #[test]
    fn methods_contract_as_their_linearizations_where_the_game_is_damped() {
        let methods = [
            json!("simultaneous"),
            json!("alternating"),
            json!("extragradient"),
            json!("optimistic"),
            json!({ "consensus": 0.5 }),
        ];
        for method in methods {
            for game in [
                json!({ "dirac-gan": { "gradient-penalty": 0.5 } }),
                json!({ "bounded-gan": { "noise-variance": 0.0 } }),
            ] {
                let rows = rows(json!({
                    "game": game, "method": method, "learning-rates": [0.05, 0.2],
                }))
                .unwrap();
                for row in rows {
                    assert!(row[1] < 1.0 && row[3] < 1e-3, "{method} on {game}: {row:?}");
                }
            }
        }
    }

    #[test]
    fn a_noisy_game_is_refused() {
        let message = rows(json!({
            "game": { "dirac-gan": { "instance-noise": 1.0 } },
            "method": "simultaneous", "learning-rates": [0.1],
        }))
        .unwrap_err()
        .to_string();
        assert!(message.starts_with("game.instance-noise"), "{message}");
    }
}
