//! Weak errors of a diffusion against its chain, by simulation.

use converge_problems::{
    Better, Diffusion, Game, Metric, Seed, SetupError, Split, require, require_positive,
};
use converge_solvers::{
    Estimate, EulerMaruyama, GaussianSga, GradientNoise, Noise, coupled_samples, endpoints,
};
use serde::Deserialize;

use super::affine_game::{Chain, Flow};
use super::path_game::{FlowMethod, Observable, Parts, PathGame, WithGame};
use crate::registry::{Probe, ProbeError};

/// Moments of the chain after `time / η` steps minus those of the flow at `time`, for a game `(θ; ω)` in
/// the plane, means over paths. Chain and flow are driven by one Brownian motion, and half of the paths by
/// the mirrored one; learning rates have noise of their own. One row for every learning rate:
///
/// | column | number |
/// |---|---|
/// | `learning-rate` | `η` |
/// | `minimizer`, `maximizer`, `minimizer-squared`, `product`, `maximizer-squared` | signed errors of `E θ`, `E ω`, `E θ²`, `E θω`, `E ω²` |
/// | each with `-deviation` | its standard error |
/// | each with `-size` | its modulus |
/// | each with `-reference` | what the discretization of the flow adds to it |
///
/// The flow is integrated to second order in `h = η / substeps`. What its discretization leaves is a third
/// of what halving the number of its substeps changes, on the same motion.
///
/// Source: Li, Tai and E, "Stochastic modified equations and dynamics of stochastic gradient algorithms
/// I", JMLR 20 (2019), for the approach; Talay and Tubaro 1990 for the error of an integrator.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WeakErrors {
    /// The game; both start where it says.
    pub game: PathGame,
    /// The order of the updates.
    pub chain: Chain,
    /// What it is compared with.
    pub flow: Flow,
    /// The strength of the noise of the chain.
    pub noise: Noise,
    /// Its law.
    #[serde(default)]
    pub gradient_noise: GradientNoise,
    /// How the flow is integrated.
    pub integrator: FlowMethod,
    /// Substeps of the integrator in a step of the chain, a multiple of 4.
    pub substeps: u64,
    /// Learning rates, rising, each a whole fraction of `time`.
    pub learning_rates: Vec<f64>,
    /// Paths at each of them, multiples of 16.
    pub paths: Vec<usize>,
    /// `T`.
    pub time: f64,
}

/// The functions of `(θ, ω)` whose means are compared.
const MOMENTS: [Observable; 5] = [
    ("minimizer", |x| x[0]),
    ("maximizer", |x| x[1]),
    ("minimizer-squared", |x| x[0] * x[0]),
    ("product", |x| x[0] * x[1]),
    ("maximizer-squared", |x| x[1] * x[1]),
];

impl Probe for WeakErrors {
    const ID: &'static str = "weak-errors";
    const ABOUT: &'static str =
        "weak errors of diffusions against chains of games, by coupled simulation";

    fn columns(&self) -> Vec<Metric> {
        let number = |name: String| Metric {
            name: name.into(),
            unit: "".into(),
            better: Better::Neither,
            split: Split::None,
        };
        let columns = MOMENTS.iter().flat_map(|(name, _)| {
            ["", "-deviation", "-reference", "-size"].map(|part| number(format!("{name}{part}")))
        });
        std::iter::once(Metric::diagnostic("learning-rate")).chain(columns).collect()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("time", self.time)?;
        let some = !self.learning_rates.is_empty();
        require("learning-rates", self.learning_rates.len(), some, "at least one")?;
        let same = self.paths.len() == self.learning_rates.len();
        require("paths", self.paths.len(), same, "one number for each learning rate")?;
        self.game.with(seed.child("game"), Ladder { of: self, seed, push })
    }
}

impl WeakErrors {
    /// The steps of the chain.
    fn steps(&self, eta: f64) -> Result<u64, SetupError> {
        require_positive("learning-rates", eta)?;
        let steps = (self.time / eta).round();
        let whole = (steps * eta - self.time).abs() <= 1e-9 * self.time;
        require("learning-rates", eta, whole, "a whole fraction of time")?;
        Ok(steps as u64)
    }
}

/// The rows of a probe.
struct Ladder<'a> {
    of: &'a WeakErrors,
    seed: Seed,
    push: &'a mut dyn FnMut(&[f64]),
}

impl WithGame for Ladder<'_> {
    fn run<P: Game + Diffusion>(self, game: &P) -> Result<(), ProbeError> {
        let Self { of, seed, push } = self;
        for (i, (&learning_rate, &paths)) in of.learning_rates.iter().zip(&of.paths).enumerate() {
            let steps = of.steps(learning_rate)?;
            let pairs = paths > 0 && paths.is_multiple_of(16);
            require("paths", paths, pairs, "a multiple of 16")?;
            // From the last on: a ladder that is continued to smaller rates keeps its noise.
            let number = of.learning_rates.len() - 1 - i;
            let seed = seed.child("paths").index(number as u64);
            let (antithetic, substeps) = (true, of.substeps);
            let (drift, noise) = of.flow.simulated(of.noise);
            let flow = EulerMaruyama {
                learning_rate,
                noise,
                drift,
                substeps,
                antithetic,
                paths,
                ..EulerMaruyama::default()
            };
            let [fine, coarse] = of.integrator.parts(game, &flow, steps, seed)?;
            let chain = GaussianSga {
                learning_rate,
                order: of.chain.order(),
                noise: of.noise,
                gradient_noise: of.gradient_noise,
                resolution: substeps,
                antithetic,
                paths,
                ..GaussianSga::default()
            };
            let chain = endpoints(game, &chain, steps, seed)?;
            let chain = vec![(1.0, chain)];
            let mut row = vec![learning_rate];
            for (_, f) in MOMENTS {
                let error = difference(&chain, &fine, f);
                let change = difference(&coarse, &fine, f);
                row.extend([error.mean, error.standard_error, change.mean / 3.0, error.mean.abs()]);
            }
            push(&row);
        }
        Ok(())
    }
}

/// `E f` of the estimate `a` less that of `b`.
fn difference(a: &Parts, b: &Parts, f: fn(&[f64]) -> f64) -> Estimate {
    let less = b.iter().map(|(weight, x)| (-weight, &x[..]));
    let parts: Vec<(f64, &[f64])> = a.iter().map(|(w, x)| (*w, &x[..])).chain(less).collect();
    Estimate::of(&coupled_samples(2, &parts, true, f))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(config: serde_json::Value) -> Result<Vec<Vec<f64>>, ProbeError> {
        let probe: WeakErrors = serde_json::from_value(config).unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(1), &mut |row| rows.push(row.to_vec()))?;
        assert!(rows.iter().all(|row| row.len() == probe.columns().len()));
        Ok(rows)
    }

    fn config() -> serde_json::Value {
        json!({
            "game": { "lq-gan": {} }, "chain": "simultaneous", "flow": "first-order",
            "noise": { "batch": 10.0 }, "integrator": "weak-heun", "substeps": 16,
            "learning-rates": [0.05, 0.1], "paths": [3200, 3200], "time": 2.0,
        })
    }

    /// Against the table of the specification, I1; 4 standard errors each: a false alarm once in 4000
    /// seeds.
    #[test]
    fn errors_are_those_that_are_known_whatever_integrates_the_flow() {
        for integrator in ["weak-heun", "platen", "euler-maruyama"] {
            let mut config = config();
            config["integrator"] = json!(integrator);
            let rows = rows(config).unwrap();
            for (row, known) in rows.iter().zip([[2.5044e-2, -1.3828e-2], [5.2085e-2, -2.7357e-2]])
            {
                // The mean of a linear game has no noise on mirrored paths: the reference is what is left.
                for (place, known) in [5, 9].into_iter().zip(known) {
                    let [error, deviation, reference] = row[place..place + 3] else { panic!() };
                    let allowed = 4.0 * deviation + 2.0 * reference.abs() + 1e-6;
                    assert!((error - known).abs() <= allowed, "{integrator} {row:?} {known}");
                    // A 256th part of an error of the same order of magnitude.
                    assert!(reference.abs() < 0.01 * error.abs(), "{integrator} {row:?}");
                }
            }
        }
    }

    #[test]
    fn a_flow_without_noise_keeps_its_distance_at_a_fixed_temperature() {
        let mut config = config();
        config["flow"] = json!("ode");
        config["noise"] = json!({ "inverse-temperature": 20.0 });
        // The variance of θ that is missing is about 0.06, a first-order error at most -0.028.
        for row in rows(config).unwrap() {
            assert!(row[9] > 8.0 * row[10] && row[9] > 0.02, "{row:?}");
        }
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        for (key, value, expected) in [
            ("learning-rates", json!([0.3, 0.1]), "whole fraction"),
            ("paths", json!([16]), "one number for each"),
            ("paths", json!([16, 17]), "multiple of 16"),
            ("substeps", json!(6), "multiple of 4"),
            ("game", json!({ "lq-gan": { "dimension": 2 } }), "game.dimension = 2"),
        ] {
            let mut config = config();
            config[key] = value;
            let message = rows(config).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
