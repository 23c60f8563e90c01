//! The densities of the players of a game at rest: what histograms are held against.

use std::f64::consts::PI;

use converge_problems::gan::fokker_planck::FokkerPlanck;
use converge_problems::gan::{BoundedGanConfig, Dynamic, Law, LqGan, LqGanConfig};
use converge_problems::{
    Better, Build, Metric, Seed, SetupError, Split, require, require_positive,
};
use serde::Deserialize;
use statrs::function::erf::erfc;

use super::game_field::PlanarGame;
use crate::registry::{Probe, ProbeError};

/// A game whose law at rest is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestingGame {
    /// Linear–quadratic: normal, from its covariance.
    LqGan(LqGanConfig),
    /// Bounded drift: from the Fokker–Planck equation, for the diffusion without correction.
    BoundedGan(BoundedGanConfig),
}

/// Marginal laws of both players at rest, of the dynamic that `law` in the section of the game names. One
/// row for every place:
///
/// | column | number |
/// |---|---|
/// | `theta`, `omega` | a place on the axis of the player |
/// | `theta-density`, `omega-density` | the density there |
/// | `theta-below`, `omega-below` | the probability below |
///
/// The Fokker–Planck equation is solved on `[-radius, radius]²` with `cells x cells` cells, whose midpoints
/// are the places; its densities are right to second order in their width.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GameDensity {
    /// The game.
    pub game: RestingGame,
    /// Half the side of the square of the Fokker–Planck equation.
    #[serde(default = "radius")]
    pub radius: f64,
    /// Cells along its side.
    #[serde(default = "cells")]
    pub cells: usize,
}

fn radius() -> f64 {
    3.0
}

fn cells() -> usize {
    120
}

/// Places of a normal law, and how many deviations they reach.
const PLACES: i32 = 320;
const REACH: f64 = 8.0;

/// Place, density and probability below, along one axis.
type Marginal = Vec<[f64; 3]>;

impl Probe for GameDensity {
    const ID: &'static str = "game-density";
    const ABOUT: &'static str = "densities of the players of a game at rest";

    fn columns(&self) -> Vec<Metric> {
        let number = |name| Metric::new(name, Better::Neither, Split::None);
        let names =
            ["theta", "theta-density", "theta-below", "omega", "omega-density", "omega-below"];
        names.map(number).to_vec()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let [theta, omega] = match &self.game {
            RestingGame::LqGan(config) => of_linear(config, seed)?,
            RestingGame::BoundedGan(config) => self.of_bounded(config, seed)?,
        };
        for (theta, omega) in theta.iter().zip(&omega) {
            push(&[theta[0], theta[1], theta[2], omega[0], omega[1], omega[2]]);
        }
        Ok(())
    }
}

/// The law of the game's section.
fn law(law: Option<Law>) -> Result<Law, SetupError> {
    law.ok_or(SetupError::Parameter {
        name: "game.law",
        value: "none".into(),
        admissible: "a `law` with its step-size and batch",
    })
}

fn of_linear(config: &LqGanConfig, seed: Seed) -> Result<[Marginal; 2], SetupError> {
    require("game.dimension", config.dimension, config.dimension == 1, "1")?;
    let law = law(config.law)?;
    let game = LqGan::build(config, seed, None)?;
    let covariance = game.stationary(&law);
    let covariance = covariance.map_err(|reason| SetupError::Numerics(reason.to_string()))?;
    let mean = game.closed().rest(config.mean);
    Ok([0, 1].map(|i| normal(mean[i], covariance[(i, i)].sqrt())))
}

fn normal(mean: f64, deviation: f64) -> Marginal {
    let at = |k: i32| {
        let z = REACH * f64::from(2 * k - PLACES) / f64::from(PLACES);
        let density = (-0.5 * z * z).exp() / (deviation * (2.0 * PI).sqrt());
        [mean + deviation * z, density, 0.5 * erfc(-z / 2.0_f64.sqrt())]
    };
    (0..=PLACES).map(at).collect()
}

impl GameDensity {
    fn of_bounded(
        &self,
        config: &BoundedGanConfig,
        seed: Seed,
    ) -> Result<[Marginal; 2], SetupError> {
        let law = law(config.law)?;
        let plain = law.of == Dynamic::Diffusion;
        require("game.law.of", format!("{:?}", law.of), plain, "\"diffusion\"")?;
        require_positive("game.noise-variance", config.noise_variance)?;
        require_positive("radius", self.radius)?;
        require("cells", self.cells, (10..=400).contains(&self.cells), "from 10 to 400")?;
        let drift = PlanarGame::BoundedGan(config.clone()).drift(seed)?;
        let equation = FokkerPlanck {
            drift: &drift,
            diffusivity: 0.5 * law.noise() * config.noise_variance,
            radius: self.radius,
            cells: self.cells,
        };
        let rest = equation.solve(0.5);
        let width = 2.0 * self.radius / self.cells as f64;
        let marginal = |player: usize| {
            let mut below = 0.0;
            let cell = |k: usize| {
                let place = width.mul_add(k as f64 + 0.5, -self.radius);
                let here = |x: [f64; 2]| (x[player] - place).abs() < 0.5 * width;
                let mass = rest.mean(|x| f64::from(u8::from(here(x))));
                below += mass;
                // Half of the cell lies below its midpoint.
                [place, mass / width, below - 0.5 * mass]
            };
            (0..self.cells).map(cell).collect()
        };
        Ok([marginal(0), marginal(1)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rows(config: Value) -> Result<Vec<Vec<f64>>, ProbeError> {
        let probe: GameDensity = serde_json::from_value(config).unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec()))?;
        Ok(rows)
    }

    /// Mass, mean and variance of a marginal by the trapezoidal rule.
    fn moments(rows: &[Vec<f64>], at: usize) -> [f64; 3] {
        let width = rows[1][at] - rows[0][at];
        let sum = |f: &dyn Fn(f64) -> f64| {
            rows.iter().map(|row| row[at + 1] * f(row[at])).sum::<f64>() * width
        };
        let mean = sum(&|x| x);
        [sum(&|_| 1.0), mean, sum(&|x| (x - mean).powi(2))]
    }

    /// Test vector LQ-1 of the specification, SDE-0.
    #[test]
    fn the_linear_game_rests_in_its_normal_law() {
        let law = json!({ "step-size": 0.1, "batch": 10 });
        let rows = rows(json!({ "game": { "lq-gan": { "law": law } } })).unwrap();
        let known = [[2.0 / 3.0, 0.006_111_111_1], [1.0 / 3.0, 0.006_944_444_4]];
        for (at, [mean, variance]) in [0, 3].into_iter().zip(known) {
            let found = moments(&rows, at);
            assert!((found[0] - 1.0).abs() < 1e-12, "{found:?}");
            assert!((found[1] - mean).abs() < 1e-12, "{found:?}");
            assert!((found[2] - variance).abs() < 1e-9, "{found:?}");
            assert!((rows[160][at + 2] - 0.5).abs() < 1e-12, "half lies below the mean");
        }
    }

    /// Reference values of the specification, I4, at 2/β = 0.1: to second order in the cells.
    #[test]
    fn the_bounded_game_rests_where_the_fokker_planck_equation_says() {
        let law = json!({ "step-size": 0.1, "batch": 1 });
        let game = json!({ "bounded-gan": { "noise-variance": 1.0, "law": law } });
        let rows = rows(json!({ "game": game, "cells": 60 })).unwrap();
        let known = [[0.350_558, 0.210_387], [0.184_509, 0.096_947]];
        for (at, [mean, square]) in [0, 3].into_iter().zip(known) {
            let found = moments(&rows, at);
            assert!((found[0] - 1.0).abs() < 1e-10, "{found:?}");
            assert!((found[1] - mean).abs() < 2e-3, "{found:?}");
            assert!((found[2] + found[1].powi(2) - square).abs() < 2e-3, "{found:?}");
            assert!((rows[59][at + 2] - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_game_without_a_law_is_refused() {
        let message = rows(json!({ "game": { "lq-gan": {} } })).unwrap_err().to_string();
        assert!(message.starts_with("game.law = none"), "{message}");
    }
}
