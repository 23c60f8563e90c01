//! Known numbers of a game in the plane, computed again.

use std::collections::BTreeMap;

use converge_problems::gan::affine::{AffineGame, AffineStep, Moments};
use converge_problems::gan::lyapunov::{gap, spectral_radius};
use converge_problems::{
    Better, Correction, Metric, Seed, SetupError, Split, require, require_positive,
};
use faer::{Mat, Scale};
use serde::Deserialize;

use super::affine_game::Game;
use crate::registry::{Probe, ProbeError};

/// Numbers that a study lists, against what moments of first and second order and eigenvalues give. One
/// row for every number:
///
/// | column | number |
/// |---|---|
/// | `found`, `known` | computed, and listed |
/// | `difference` | `|found - known|` |
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GameVector {
    /// The game.
    pub game: Game,
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch: f64,
    /// Where `mean`, `spread` and `moments` start.
    pub start: [f64; 2],
    /// At what time they are taken: a multiple of `η`.
    pub time: f64,
    /// The numbers.
    pub known: Known,
}

/// Lists of known numbers, those of a dynamic under its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Known {
    /// The point of rest.
    pub rest: Vec<f64>,
    /// Real and imaginary part of the slowest eigenvalue of the decay `K`.
    pub eigenvalue: Vec<f64>,
    /// `θθ`, `θω`, `ωω` of the stationary covariance.
    pub covariance: BTreeMap<DynamicName, Vec<f64>>,
    /// Spectral radius of a mean step, or of the flow of length `η`.
    pub radius: BTreeMap<DynamicName, Vec<f64>>,
    /// `K₁` of a corrected drift `-(K + η K₁)(x - x*)`, row by row.
    pub correction: BTreeMap<DynamicName, Vec<f64>>,
    /// `E θ`, `E ω` at `time`.
    pub mean: BTreeMap<DynamicName, Vec<f64>>,
    /// `θθ`, `θω`, `ωω` of the covariance at `time`.
    pub spread: BTreeMap<DynamicName, Vec<f64>>,
    /// `E θ`, `E ω`, `E θ²`, `E θω`, `E ω²` at `time`.
    pub moments: BTreeMap<DynamicName, Vec<f64>>,
}

/// A dynamic by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DynamicName {
    /// The chain of simultaneous updates.
    Simultaneous,
    /// The chain of alternating updates.
    Alternating,
    /// SDE-0.
    FirstOrder,
    /// SDE-1 of simultaneous updates.
    CorrectedSimultaneous,
    /// SDE-1 of alternating updates.
    CorrectedAlternating,
}

impl DynamicName {
    fn correction(self) -> Option<Correction> {
        match self {
            Self::CorrectedSimultaneous => Some(Correction::Simultaneous),
            Self::CorrectedAlternating => Some(Correction::Alternating),
            _ => None,
        }
    }
}

/// A list that is known, and what was found.
type Pair<'a> = (&'a [f64], Vec<f64>);
/// Numbers of moments.
type Read = fn(&Moments) -> Vec<f64>;

fn covariance(at: &Moments) -> Vec<f64> {
    vec![at.covariance(0, 0), at.covariance(0, 1), at.covariance(1, 1)]
}

fn mean(at: &Moments) -> Vec<f64> {
    vec![at.mean(0), at.mean(1)]
}

fn all(at: &Moments) -> Vec<f64> {
    vec![at.mean(0), at.mean(1), at.second(0, 0), at.second(0, 1), at.second(1, 1)]
}

impl GameVector {
    fn step(&self, game: &AffineGame, kind: DynamicName) -> Option<AffineStep> {
        match kind {
            DynamicName::Simultaneous => Some(game.simultaneous(self.learning_rate, self.batch)),
            DynamicName::Alternating => Some(game.alternating(self.learning_rate, self.batch)),
            _ => None,
        }
    }

    fn at_rest(&self, game: &AffineGame, kind: DynamicName) -> Result<Moments, SetupError> {
        let found = match self.step(game, kind) {
            Some(step) => step.stationary(),
            None => game.diffusion(self.learning_rate, self.batch, kind.correction()).stationary(),
        };
        found.map_err(|unstable| SetupError::Numerics(unstable.to_string()))
    }

    fn at_time(&self, game: &AffineGame, kind: DynamicName) -> Moments {
        let start = Moments::of_point(&self.start);
        let steps = (self.time / self.learning_rate).round();
        match self.step(game, kind) {
            Some(step) => step.repeat(&start, steps as usize),
            None => game
                .diffusion(self.learning_rate, self.batch, kind.correction())
                .flow(&start, self.time),
        }
    }

    /// The decay `K` of the mean of the flow: an Euler step of length 1 moves it by `I - K`.
    fn decay(&self, game: &AffineGame, correction: Option<Correction>) -> Mat<f64> {
        let step = game.diffusion(self.learning_rate, self.batch, correction).euler(1.0);
        Mat::<f64>::identity(2, 2) - step.mean().submatrix(0, 0, 2, 2)
    }

    fn radius(&self, game: &AffineGame, kind: DynamicName) -> f64 {
        if let Some(step) = self.step(game, kind) {
            return spectral_radius(step.mean().submatrix(0, 0, 2, 2));
        }
        let decay = self.decay(game, kind.correction());
        let slowest = gap(decay.as_ref()).map_or(f64::NAN, |(real, _)| real);
        (-slowest * self.learning_rate).exp()
    }

    /// Listed and computed numbers, list by list.
    fn lists(&self, game: &AffineGame) -> Result<Vec<Pair<'_>>, SetupError> {
        let known = &self.known;
        let mut lists: Vec<Pair<'_>> = Vec::new();
        if !known.rest.is_empty() {
            lists.push((&known.rest, mean(&self.at_rest(game, DynamicName::FirstOrder)?)));
        }
        if !known.eigenvalue.is_empty() {
            let (real, imaginary) = gap(self.decay(game, None).as_ref())
                .map_err(|unstable| SetupError::Numerics(unstable.to_string()))?;
            lists.push((&known.eigenvalue, vec![real, imaginary.abs()]));
        }
        for (kind, list) in &known.covariance {
            lists.push((list, covariance(&self.at_rest(game, *kind)?)));
        }
        for (kind, list) in &known.radius {
            lists.push((list, vec![self.radius(game, *kind)]));
        }
        for (kind, list) in &known.correction {
            let corrected = kind.correction();
            require(
                "known.correction",
                format!("{kind:?}"),
                corrected.is_some(),
                "a corrected drift",
            )?;
            let scale = Scale(self.learning_rate.recip());
            let first = scale * (self.decay(game, corrected) - self.decay(game, None));
            lists.push((list, vec![first[(0, 0)], first[(0, 1)], first[(1, 0)], first[(1, 1)]]));
        }
        let parts: [(_, Read); 3] =
            [(&known.mean, mean), (&known.spread, covariance), (&known.moments, all)];
        for (lists_of, of) in parts {
            for (kind, list) in lists_of {
                lists.push((list, of(&self.at_time(game, *kind))));
            }
        }
        Ok(lists)
    }
}

impl Probe for GameVector {
    const ID: &'static str = "game-vector";
    const ABOUT: &'static str = "known numbers of a game in the plane, computed again";

    fn columns(&self) -> Vec<Metric> {
        vec![
            Metric::new("found", Better::Neither, Split::None),
            Metric::new("known", Better::Neither, Split::None),
            Metric::new("difference", Better::Lower, Split::None),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("learning-rate", self.learning_rate)?;
        require_positive("batch", self.batch)?;
        require_positive("time", self.time)?;
        let game = self.game.affine(seed)?;
        let lists = self.lists(&game)?;
        require("known", lists.len(), !lists.is_empty(), "at least one number")?;
        for (known, found) in lists {
            if known.len() != found.len() {
                let (expected, found) = (found.len(), known.len());
                return Err(SetupError::Shape { what: "a list of known", expected, found }.into());
            }
            for (known, found) in known.iter().zip(found) {
                push(&[found, *known, (found - known).abs()]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(known: serde_json::Value) -> Result<Vec<Vec<f64>>, ProbeError> {
        let probe: GameVector = serde_json::from_value(json!({
            "game": { "lq-gan": {} }, "learning-rate": 0.1, "batch": 10.0, "start": [2.0, -1.0],
            "time": 2.0, "known": known,
        }))
        .unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec()))?;
        Ok(rows)
    }

    #[test]
    fn numbers_of_the_specification_are_found() {
        let rows = rows(json!({
            "rest": [2.0 / 3.0, 1.0 / 3.0],
            "eigenvalue": [0.75, 0.968_245_836_6],
            "covariance": { "alternating": [0.006_296_175_3, 0.000_936_338_3, 0.007_339_057_1] },
            "radius": { "simultaneous": [0.930_053_761_9], "first-order": [0.927_743_486_3] },
            "correction": { "corrected-alternating": [0.625, 0.25, 0.75, 0.0] },
            "mean": { "first-order": [0.345_069_03, 0.224_511_87] },
            "spread": { "simultaneous": [0.006_388_39, 0.000_623_58, 0.007_299_89] },
        }))
        .unwrap();
        assert_eq!(rows.len(), 18);
        assert!(rows.iter().all(|row| row[2] < 6e-9), "{rows:?}");
        // One digit off shows.
        let off = self::rows(json!({ "rest": [0.666_666_7, 0.333_333_3] })).unwrap();
        assert!(off[0][2] > 3e-8);
    }

    #[test]
    fn lists_of_another_length_or_dynamic_are_refused() {
        for (known, expected) in [
            (json!({ "rest": [1.0] }), "expected 2, found 1"),
            (json!({ "correction": { "alternating": [0.0, 0.0, 0.0, 0.0] } }), "a corrected drift"),
            (json!({}), "at least one number"),
        ] {
            let message = rows(known).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
