//! Time averages along long paths: moments at rest, and both sides of the relations.

use converge_problems::{
    Better, Diffusion, Game, Metric, Seed, SetupError, Split, require, require_positive,
};
use converge_solvers::{EulerMaruyama, GaussianSga, Heun, Noise, Solver};
use serde::Deserialize;

use super::affine_game::{Chain, Flow};
use super::path_game::{Course, PathGame, WithGame, with_scheme};
use crate::registry::{Probe, ProbeError};

/// Means along paths of a diffusion or a chain, over the paths and over `every` steps: one row. Relations
/// are those of the `law` of the game, about its centre `c`; `r = -𝓛f`, left side less right side, has the
/// error of a martingale, whose variance per unit of time is `|σᵀ∇f|²`.
///
/// | column | number |
/// |---|---|
/// | `time` | at the first step of the row |
/// | `theta`, `omega`, `theta-square`, `theta-omega`, `omega-square`, `tanh-theta`, `tanh-omega` | moments |
/// | `theta-variance`, `covariance`, `omega-variance` | `(θ-c_θ)²`, `(θ-c_θ)(ω-c_ω)`, `(ω-c_ω)²` |
/// | `fdr1`, `fdr1-theta`, `fdr1-omega`, `fdr2`, each `-gap`, `-right` | `r`, the right side |
/// | each `-noise` | `|σᵀ∇f|²` over the number of paths |
/// | each `-function` | `f` at the first step of the row |
/// | `chain-gap` | `fdr1-gap` less `(η/2) |g|²`: 0 in the mean of the simultaneous chain at rest |
///
/// `f` is `½|x-c|²`, of both players or one, and the payoff `Φ`, which is integrated along the segment from
/// the centre. A diffusion is integrated by the stochastic Heun scheme in steps `h = η / substeps`, whose
/// averages are off by a relative `O(h²)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PathAverages {
    /// The game, with a `law` of a diffusion for the relations; paths start where it says.
    pub game: PathGame,
    /// What runs.
    pub dynamic: PathDynamic,
    /// `η`: the time between two points of an average.
    pub learning_rate: f64,
    /// The strength of the noise of what runs.
    pub noise: Noise,
    /// Substeps of the integrator in it.
    pub substeps: u64,
    /// Steps of a row.
    pub every: u64,
    /// Time of a path.
    pub time: f64,
    /// Paths of a seed.
    pub paths: usize,
    /// `c`, in place of that of the game.
    pub center: [f64; 2],
}

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathDynamic {
    /// A diffusion.
    Flow(Flow),
    /// A chain.
    Chain(Chain),
}

/// Columns that the metrics of the game have.
const MOMENTS: [&str; 7] =
    ["theta", "omega", "theta-square", "theta-omega", "omega-square", "tanh-theta", "tanh-omega"];
const SPREADS: [&str; 3] = ["theta-variance", "covariance", "omega-variance"];
const RELATIONS: [&str; 4] = ["fdr1", "fdr1-theta", "fdr1-omega", "fdr2"];
const SIDES: [&str; 2] = ["gap", "right"];

impl Probe for PathAverages {
    const ID: &'static str = "path-averages";
    const ABOUT: &'static str = "moments and relations of a game, averaged along long paths";

    fn columns(&self) -> Vec<Metric> {
        let number = |name: String| Metric {
            name: name.into(),
            unit: "".into(),
            better: Better::Neither,
            split: Split::None,
        };
        let sides = RELATIONS.iter().flat_map(|f| SIDES.map(|side| format!("{f}-{side}")));
        let parts =
            RELATIONS.iter().flat_map(|f| ["noise", "function"].map(|p| format!("{f}-{p}")));
        let plain = MOMENTS.iter().chain(&SPREADS).map(ToString::to_string);
        std::iter::once(Metric::diagnostic("time"))
            .chain(plain.chain(sides).chain(parts).chain(["chain-gap".into()]).map(number))
            .collect()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("learning-rate", self.learning_rate)?;
        require_positive("time", self.time)?;
        require("every", self.every, self.every >= 1, "at least 1")?;
        require("paths", self.paths, self.paths >= 1, "at least 1")?;
        self.game.about(self.center).with(seed.child("game"), Averages { of: self, seed, push })
    }
}

/// The rows of a probe.
struct Averages<'a> {
    of: &'a PathAverages,
    seed: Seed,
    push: &'a mut dyn FnMut(&[f64]),
}

impl WithGame for Averages<'_> {
    fn run<P: Game + Diffusion>(self, game: &P) -> Result<(), ProbeError> {
        let Self { of, seed, push } = self;
        let &PathAverages { learning_rate, paths, substeps, .. } = of;
        match of.dynamic {
            PathDynamic::Chain(chain) => {
                let chain = GaussianSga {
                    learning_rate,
                    order: chain.order(),
                    noise: of.noise,
                    paths,
                    ..GaussianSga::default()
                };
                of.follow(game, &chain, of.noise.variance(learning_rate), seed, push)
            }
            PathDynamic::Flow(flow) => {
                let (drift, noise) = flow.simulated(of.noise);
                let settings = EulerMaruyama {
                    learning_rate,
                    noise,
                    drift,
                    substeps,
                    paths,
                    ..EulerMaruyama::default()
                };
                let heun = with_scheme::<Heun>(&settings);
                of.follow(game, &heun, noise.variance(learning_rate), seed, push)
            }
        }
    }
}

impl PathAverages {
    /// Runs a method and pushes its averages; `variance` is what multiplies `S Sᵀ`.
    fn follow<P: Game + Diffusion, S: Solver<P>>(
        &self,
        game: &P,
        solver: &S,
        variance: f64,
        seed: Seed,
        push: &mut dyn FnMut(&[f64]),
    ) -> Result<(), ProbeError> {
        let at = places(game)?;
        let mut x0 = vec![0.0; 2 * self.paths];
        game.start(seed.child("start"), &mut x0);
        let mut course = Course::new(game, solver, &x0, seed.child("noise"))?;
        let mut look = Look::new(game, self.center, variance);
        let mut metrics = vec![0.0; game.metrics().len()];
        let rows = (self.time / (self.learning_rate * self.every as f64)).round() as u64;
        let mut row = vec![0.0; self.columns().len()];
        let last = row.len() - 1;
        let share = (self.every as f64).recip();
        for r in 0..rows {
            row.fill(0.0);
            row[0] = (r * self.every) as f64 * self.learning_rate;
            for step in 0..self.every {
                let x = course.points();
                game.evaluate(x, &mut metrics, &mut look.scratch);
                let (moments, rest) = row[1..].split_at_mut(MOMENTS.len());
                let (spreads, rest) = rest.split_at_mut(SPREADS.len());
                let (sides, rest) = rest.split_at_mut(SIDES.len() * RELATIONS.len());
                let (parts, chain) = rest.split_at_mut(2 * RELATIONS.len());
                for (sum, place) in moments.iter_mut().chain(sides).zip(&at) {
                    *sum += share * metrics[*place];
                }
                let mean = share / self.paths as f64;
                for x in x.chunks_exact(2) {
                    look.at(x);
                    for (sum, v) in spreads.iter_mut().zip(look.spreads) {
                        *sum += mean * v;
                    }
                    chain[0] -= mean * 0.5 * self.learning_rate * look.field;
                    for (part, noise) in parts.chunks_exact_mut(2).zip(look.noises) {
                        part[0] += mean * noise / self.paths as f64;
                    }
                    if step == 0 {
                        for (part, f) in parts.chunks_exact_mut(2).zip(look.functions(x)) {
                            part[1] += f / self.paths as f64;
                        }
                    }
                }
                course.step()?;
            }
            // The relation of both players comes first among the sides.
            let relation = row[1 + MOMENTS.len() + SPREADS.len()];
            row[last] += relation;
            push(&row);
        }
        Ok(())
    }
}

/// Places among the metrics of the game: moments, then sides.
fn places<P: Diffusion>(game: &P) -> Result<Vec<usize>, SetupError> {
    let sides = RELATIONS.iter().flat_map(|f| SIDES.map(|side| format!("{f}-{side}")));
    let names = MOMENTS.iter().map(ToString::to_string).chain(sides);
    let metrics = game.metrics();
    names
        .map(|name| {
            let found = metrics.iter().position(|metric| metric.name == name);
            found.ok_or(SetupError::Parameter {
                name: "game.law",
                value: format!("none with the relation {name}"),
                admissible: "the law of a diffusion, { step-size = .., batch = .. }",
            })
        })
        .collect()
}

/// Nodes and weights of Gauss and Legendre on [0, 1], exact for polynomials of degree 15.
const NODES: [(f64, f64); 8] = [
    (0.019_855_071_751_231_88, 0.050_614_268_145_188_13),
    (0.101_666_761_293_186_63, 0.111_190_517_226_687_24),
    (0.237_233_795_041_835_5, 0.156_853_322_938_943_64),
    (0.408_282_678_752_175_1, 0.181_341_891_689_181),
    (0.591_717_321_247_825, 0.181_341_891_689_181),
    (0.762_766_204_958_164_5, 0.156_853_322_938_943_64),
    (0.898_333_238_706_813_4, 0.111_190_517_226_687_24),
    (0.980_144_928_248_768_1, 0.050_614_268_145_188_13),
];

/// What is read off one point, in the order of [`RELATIONS`].
struct Look<'a, P: Diffusion> {
    game: &'a P,
    center: [f64; 2],
    variance: f64,
    scratch: P::Scratch,
    unit: Vec<f64>,
    spreads: [f64; 3],
    noises: [f64; 4],
    /// `|g|²`.
    field: f64,
}

impl<'a, P: Diffusion> Look<'a, P> {
    fn new(game: &'a P, center: [f64; 2], variance: f64) -> Self {
        let (scratch, unit) = (game.scratch(), vec![0.0; game.noises()]);
        let (spreads, noises, field) = ([0.0; 3], [0.0; 4], 0.0);
        Self { game, center, variance, scratch, unit, spreads, noises, field }
    }

    /// `∇Φ = (-b_θ; b_ω)`.
    fn slope(&mut self, x: [f64; 2]) -> [f64; 2] {
        let mut b = [0.0; 2];
        self.game.drift(&x, &mut b, &mut self.scratch);
        [-b[0], b[1]]
    }

    fn off(&self, x: &[f64]) -> [f64; 2] {
        [x[0] - self.center[0], x[1] - self.center[1]]
    }

    fn at(&mut self, x: &[f64]) {
        let off = self.off(x);
        let slope = self.slope([x[0], x[1]]);
        self.spreads = [off[0] * off[0], off[0] * off[1], off[1] * off[1]];
        self.noises = [0.0; 4];
        self.field = slope[0] * slope[0] + slope[1] * slope[1];
        let gradients = [off, [off[0], 0.0], [0.0, off[1]], slope];
        for k in 0..self.unit.len() {
            self.unit[k] = 1.0;
            let mut column = [0.0; 2];
            self.game.noise(x, &self.unit, &mut column, &mut self.scratch);
            self.unit[k] = 0.0;
            for (noise, g) in self.noises.iter_mut().zip(gradients) {
                *noise += self.variance * (column[0] * g[0] + column[1] * g[1]).powi(2);
            }
        }
    }

    fn functions(&mut self, x: &[f64]) -> [f64; 4] {
        let off = self.off(x);
        let half = off.map(|v| 0.5 * v * v);
        let mut payoff = 0.0;
        for (node, weight) in NODES {
            let place = [0, 1].map(|i| self.center[i] + node * off[i]);
            let slope = self.slope(place);
            payoff += weight * (slope[0] * off[0] + slope[1] * off[1]);
        }
        [half[0] + half[1], half[0], half[1], payoff]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> serde_json::Value {
        json!({
            "game": { "lq-gan": { "law": { "step-size": 0.1, "batch": 10 } } },
            "dynamic": { "flow": "first-order" }, "noise": { "batch": 10.0 },
            "learning-rate": 0.1, "substeps": 5, "every": 20, "time": 400.0, "paths": 64,
            "center": [0.666_666_666_666_666_6, 0.333_333_333_333_333_3],
        })
    }

    fn rows(config: serde_json::Value) -> Result<(PathAverages, Vec<Vec<f64>>), ProbeError> {
        let probe: PathAverages = serde_json::from_value(config).unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(1), &mut |row| rows.push(row.to_vec()))?;
        Ok((probe, rows))
    }

    /// The average of a column after the first tenth.
    fn average(probe: &PathAverages, rows: &[Vec<f64>], name: &str) -> f64 {
        let place = probe.columns().iter().position(|metric| metric.name == name).unwrap();
        let rows = &rows[rows.len() / 10..];
        rows.iter().map(|row| row[place]).sum::<f64>() / rows.len() as f64
    }

    #[test]
    fn averages_are_those_of_the_stationary_law() {
        let (probe, rows) = rows(config()).unwrap();
        assert_eq!(rows.len(), 200);
        let at = |name: &str| average(&probe, &rows, name);
        // 360 units of time of 64 paths: the relative error of a variance is about 1.1 %.
        for (name, known) in
            [("theta-variance", 0.006_111), ("omega-variance", 0.006_944), ("fdr1-right", 0.01)]
        {
            assert!((at(name) / known - 1.0).abs() < 0.055, "{name} {}", at(name));
        }
        // The variances of the specification, by the number of paths: 1.34722e-4 for FDR1.
        let noise = 64.0 * at("fdr1-noise");
        assert!((noise / 1.347_22e-4 - 1.0).abs() < 0.055, "{noise}");
        // 5 martingale errors over 23,040 units of time.
        for name in RELATIONS {
            let error = (64.0 * at(&format!("{name}-noise")) / 23_040.0).sqrt();
            let gap = at(&format!("{name}-gap"));
            assert!(gap.abs() < 5.0 * error && error > 0.0, "{name} {gap} {error}");
        }
    }

    #[test]
    fn a_chain_obeys_its_own_relation_and_misses_the_diffusions() {
        let mut config = config();
        config["dynamic"] = json!({ "chain": "simultaneous" });
        let (probe, rows) = rows(config).unwrap();
        let at = |name: &str| average(&probe, &rows, name);
        // 5 errors of the martingale over 23,040 units of time; the excess is known, 0.00123.
        let error = (64.0 * at("fdr1-noise") / 23_040.0).sqrt();
        assert!(at("chain-gap").abs() < 5.0 * error, "{} {error}", at("chain-gap"));
        assert!((at("fdr1-gap") - 0.001_23).abs() < 5.0 * error, "{}", at("fdr1-gap"));
    }

    #[test]
    fn a_payoff_is_integrated_along_the_segment() {
        let game = converge_problems::gan::LqGanConfig::default();
        let game = <converge_problems::gan::LqGan as converge_problems::Build>::build(
            &game,
            Seed::root(0),
            None,
        )
        .unwrap();
        let phi = |t: f64, w: f64| w * (1.0 - t) - 0.5 * w * w + 0.25 * t * t;
        let mut look = Look::new(&game, [0.2, -0.3], 0.01);
        let [sum, theta, omega, payoff] = look.functions(&[1.2, 0.7]);
        assert!((payoff - (phi(1.2, 0.7) - phi(0.2, -0.3))).abs() < 1e-14);
        assert!((sum - 1.0).abs() < 1e-15 && (theta + omega - sum).abs() < 1e-15);
    }

    #[test]
    fn relations_need_a_law() {
        let mut config = config();
        config["game"] = json!({ "lq-gan": {} });
        let message = rows(config).unwrap_err().to_string();
        assert!(message.contains("game.law"), "{message}");
    }
}
