//! How the linear–quadratic game relaxes, by exact moments and by simulation.

use converge_problems::gan::affine::{AffineGame, Moments};
use converge_problems::gan::{LqGan, LqGanConfig, Start};
use converge_problems::{
    Better, Build, Metric, Problem, Seed, SetupError, Split, require, require_positive,
};
use converge_solvers::{ExactLinear, GaussianSga, Noise, Order};
use serde::Deserialize;

use super::path_game::Course;
use crate::registry::{Probe, ProbeError};

/// The slow mode of the linear–quadratic game. For a left eigenvector `uᵀ K = ℓ uᵀ`,
///
/// ```text
/// uᵀ (E X_t - x*) = e^{-ℓt} uᵀ (X_0 - x*),   uᵀ (Cov X_t - P) ū = -e^{-2 Re ℓ t} uᵀ P ū
/// ```
///
/// so that both moduli decay without an oscillation, the first at the gap `Re ℓ`, the second at twice that;
/// so does the mean of the simultaneous chain, at `-ln|1 - ηℓ|/η`. `u = (1, ℓ - κ)`, of length 1. One row
/// after every step of the chain, the start included; rates are those of the step that follows:
///
/// | column | number |
/// |---|---|
/// | `time` | `t = nη` |
/// | `flow`, `flow-rate` | modulus of the diffusion, by moments, and its rate |
/// | `spread-rate` | rate of the covariance in that norm |
/// | `chain`, `chain-rate` | the same as `flow` of the simultaneous chain |
/// | `coordinate-rate` | rate of `|E θ_t - θ*|` of the diffusion |
/// | `real`, `imaginary` | `uᵀ (X̄_t - x*)`, `X̄` the mean over exact paths of the diffusion |
/// | `chain-real`, `chain-imaginary` | of the chain |
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinearRelaxation {
    /// The game, with `κ` and `λ` that make it oscillate or not; both start where it says.
    pub game: LqGanConfig,
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch: f64,
    /// Time of the last row.
    pub time: f64,
    /// Paths of a seed.
    pub paths: usize,
}

/// A complex number.
type Complex = [f64; 2];

/// The projection on the slow mode.
struct Mode {
    /// `u₂/u₁` times `u₁`, and `u₁`.
    second: Complex,
    first: f64,
    rest: [f64; 2],
}

impl Mode {
    fn of(game: &LqGan, mean: f64) -> Self {
        let closed = game.closed();
        let (real, imaginary) = closed.slowest();
        let second = [real - closed.kappa, imaginary];
        let first = (1.0 + second[0] * second[0] + second[1] * second[1]).sqrt().recip();
        Self { second: second.map(|v| v * first), first, rest: closed.rest(mean) }
    }

    /// `uᵀ (x - x*)`.
    fn project(&self, x: [f64; 2]) -> Complex {
        let [theta, omega] = [x[0] - self.rest[0], x[1] - self.rest[1]];
        [self.first * theta + self.second[0] * omega, self.second[1] * omega]
    }

    /// `uᵀ C ū` of a symmetric matrix.
    fn square(&self, [a, b, c]: [f64; 3]) -> f64 {
        let second = self.second[0].powi(2) + self.second[1].powi(2);
        self.first.powi(2) * a + 2.0 * self.first * self.second[0] * b + second * c
    }
}

fn modulus([real, imaginary]: Complex) -> f64 {
    real.hypot(imaginary)
}

fn mean(at: &Moments) -> [f64; 2] {
    [at.mean(0), at.mean(1)]
}

/// Moduli at one time, by moments.
#[derive(Clone, Copy)]
struct Moduli {
    flow: f64,
    spread: f64,
    chain: f64,
    coordinate: f64,
}

impl LinearRelaxation {
    /// The moduli after every step, and one step more.
    fn moduli(
        &self,
        game: &AffineGame,
        mode: &Mode,
        steps: usize,
    ) -> Result<Vec<Moduli>, SetupError> {
        let Start::Point(point) = &self.game.start else {
            return Err(SetupError::Parameter {
                name: "game.start",
                value: "\"stationary\"".into(),
                admissible: "a point away from rest",
            });
        };
        let start = Moments::of_point(point);
        let flow = game.diffusion(self.learning_rate, self.batch, None);
        let rest = flow.stationary().map_err(|e| SetupError::Numerics(e.to_string()))?;
        let step = game.simultaneous(self.learning_rate, self.batch);
        let spread = |at: &Moments| {
            let entries = [(0, 0), (0, 1), (1, 1)];
            mode.square(entries.map(|(i, j)| at.covariance(i, j) - rest.covariance(i, j))).abs()
        };
        let mut chain = start.clone();
        let mut moduli = Vec::new();
        for n in 0..=steps + 1 {
            let at = flow.flow(&start, n as f64 * self.learning_rate);
            moduli.push(Moduli {
                flow: modulus(mode.project(mean(&at))),
                spread: spread(&at),
                chain: modulus(mode.project(mean(&chain))),
                coordinate: (at.mean(0) - mode.rest[0]).abs(),
            });
            chain = step.apply(&chain);
        }
        Ok(moduli)
    }
}

/// The mean over paths.
fn average(x: &[f64]) -> [f64; 2] {
    let count = (x.len() / 2) as f64;
    let sum = x.chunks_exact(2).fold([0.0; 2], |sum, x| [sum[0] + x[0], sum[1] + x[1]]);
    sum.map(|sum| sum / count)
}

impl Probe for LinearRelaxation {
    const ID: &'static str = "linear-relaxation";
    const ABOUT: &'static str = "decay of the slow mode of the linear-quadratic game";

    fn columns(&self) -> Vec<Metric> {
        let number = |name| Metric::new(name, Better::Neither, Split::None);
        let names = [
            "flow",
            "flow-rate",
            "spread-rate",
            "chain",
            "chain-rate",
            "coordinate-rate",
            "real",
            "imaginary",
            "chain-real",
            "chain-imaginary",
        ];
        std::iter::once(Metric::diagnostic("time")).chain(names.map(number)).collect()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("time", self.time)?;
        require_positive("batch", self.batch)?;
        require_positive("learning-rate", self.learning_rate)?;
        let plane = self.game.dimension == 1;
        require("game.dimension", self.game.dimension, plane, "1")?;
        let game = LqGan::build(&self.game, seed.child("game"), None)?;
        let mode = Mode::of(&game, self.game.mean);
        let steps = (self.time / self.learning_rate).round() as usize;
        let moduli = self.moduli(&game.affine(), &mode, steps)?;
        let (learning_rate, paths, noise) =
            (self.learning_rate, self.paths, Noise::Batch(self.batch));
        let flow =
            ExactLinear { learning_rate, noise, paths, substeps: 1, ..ExactLinear::default() };
        let order = Order::Simultaneous;
        let chain = GaussianSga { learning_rate, noise, paths, order, ..GaussianSga::default() };
        let mut x0 = vec![0.0; 2 * paths];
        game.start(seed.child("start"), &mut x0);
        let mut flow = Course::new(&game, &flow, &x0, seed.child("flow"))?;
        let mut chain = Course::new(&game, &chain, &x0, seed.child("chain"))?;
        for (n, pair) in moduli.windows(2).take(steps + 1).enumerate() {
            let (here, next) = (pair[0], pair[1]);
            let rate = |of: fn(&Moduli) -> f64| (of(&here) / of(&next)).ln() / learning_rate;
            let [real, imaginary] = mode.project(average(flow.points()));
            let [chain_real, chain_imaginary] = mode.project(average(chain.points()));
            push(&[
                n as f64 * learning_rate,
                here.flow,
                rate(|m| m.flow),
                rate(|m| m.spread),
                here.chain,
                rate(|m| m.chain),
                rate(|m| m.coordinate),
                real,
                imaginary,
                chain_real,
                chain_imaginary,
            ]);
            flow.step()?;
            chain.step()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(config: serde_json::Value) -> Vec<Vec<f64>> {
        let probe: LinearRelaxation = serde_json::from_value(config).unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(1), &mut |row| rows.push(row.to_vec())).unwrap();
        rows
    }

    #[test]
    fn the_slow_mode_has_the_rates_of_the_eigenvalue() {
        let rows = rows(json!({
            "game": {}, "learning-rate": 0.1, "batch": 10.0, "time": 6.0, "paths": 4000,
        }));
        assert_eq!(rows.len(), 61);
        // |1 - 0.1 ℓ|, the spectral radius of the specification.
        let chain = -0.930_053_761_9_f64.ln() / 0.1;
        for row in &rows {
            // 1e-13 of an exponential against 1e-2 that is left, over a step.
            assert!((row[2] - 0.75).abs() < 1e-8 && (row[5] - chain).abs() < 1e-8, "{row:?}");
            // The covariance is a difference of second moments: 1e-16 against 1e-3 e^{-9}.
            assert!((row[3] - 1.5).abs() < 1e-5, "{row:?}");
            // Exact paths: 5 standard errors 0.081/√4000.
            assert!((modulus([row[7], row[8]]) - row[1]).abs() < 6.4e-3, "{row:?}");
            assert!((modulus([row[9], row[10]]) - row[4]).abs() < 6.9e-3, "{row:?}");
        }
        let start = modulus([rows[0][7], rows[0][8]]);
        assert!((start - rows[0][1]).abs() < 1e-14);
        // A coordinate turns about its limit.
        assert!(rows.iter().any(|row| row[6] < 0.0) && rows.iter().any(|row| row[6] > 1.0));
    }

    #[test]
    fn a_start_at_rest_is_refused() {
        let probe: LinearRelaxation = serde_json::from_value(json!({
            "game": { "start": "stationary", "law": { "step-size": 0.1, "batch": 10 } },
            "learning-rate": 0.1, "batch": 10.0, "time": 1.0, "paths": 16,
        }))
        .unwrap();
        let error = probe.run(Seed::root(1), &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains("away from rest"), "{error}");
    }
}
