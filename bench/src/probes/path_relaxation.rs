//! How a diffusion without closed forms relaxes, by simulation beside a twin at rest.

use converge_problems::{Better, Diffusion, Game, Metric, Seed, Split, require, require_positive};
use converge_solvers::{Estimate, EulerMaruyama, Heun, Noise, endpoints};
use serde::Deserialize;

use super::affine_game::Flow;
use super::path_game::{Course, Observable, PathGame, WithGame, with_scheme};
use crate::registry::{Probe, ProbeError};

/// `E f(X_t) - E f` at rest, of a diffusion with additive noise. Every path `X` runs beside a twin `Y` that
/// the same Brownian motion drives and that has been at rest since a time `settle` before the start: what
/// is averaged is `f(X_t) - f(Y_t)`, which fades path by path, so that its noise fades with its mean. One
/// row for every `interval`, the start included:
///
/// | column | number |
/// |---|---|
/// | `time` | `t` |
/// | `minimizer`, `maximizer`, `minimizer-tanh`, `maximizer-tanh` | means for `θ`, `ω`, `tanh θ`, `tanh ω` |
/// | each with `-deviation` | its standard error over the paths |
///
/// Integrated by the stochastic Heun scheme with steps `h = interval / substeps`; it multiplies a linear
/// mode `e^{-ℓh}` by a relative `1 + (ℓh)³/6`, which changes a rate by about a relative `(|ℓ|h)²/6`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PathRelaxation {
    /// The game; paths start where it says.
    pub game: PathGame,
    /// The strength of the noise, a temperature: no learning rate is meant.
    pub noise: Noise,
    /// Time between two rows.
    pub interval: f64,
    /// Substeps of the integrator in it.
    pub substeps: u64,
    /// Time of the last row.
    pub time: f64,
    /// How long the twins run before.
    pub settle: f64,
    /// Paths of a seed.
    pub paths: usize,
}

/// The functions of `(θ, ω)` that are followed.
const FUNCTIONS: [Observable; 4] = [
    ("minimizer", |x| x[0]),
    ("maximizer", |x| x[1]),
    ("minimizer-tanh", |x| x[0].tanh()),
    ("maximizer-tanh", |x| x[1].tanh()),
];

impl Probe for PathRelaxation {
    const ID: &'static str = "path-relaxation";
    const ABOUT: &'static str = "decay of means of a diffusion to those at rest, beside a twin";

    fn columns(&self) -> Vec<Metric> {
        let number = |name: String| Metric {
            name: name.into(),
            unit: "".into(),
            better: Better::Neither,
            split: Split::None,
        };
        let columns = FUNCTIONS
            .iter()
            .flat_map(|(name, _)| ["", "-deviation"].map(|part| number(format!("{name}{part}"))));
        std::iter::once(Metric::diagnostic("time")).chain(columns).collect()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("interval", self.interval)?;
        require_positive("time", self.time)?;
        require_positive("settle", self.settle)?;
        require("paths", self.paths, self.paths >= 2, "at least 2")?;
        self.game.with(seed.child("game"), Twins { of: self, seed, push })
    }
}

/// The rows of a probe.
struct Twins<'a> {
    of: &'a PathRelaxation,
    seed: Seed,
    push: &'a mut dyn FnMut(&[f64]),
}

impl WithGame for Twins<'_> {
    fn run<P: Game + Diffusion>(self, game: &P) -> Result<(), ProbeError> {
        let Self { of, seed, push } = self;
        let (drift, noise) = Flow::FirstOrder.simulated(of.noise);
        let settings = EulerMaruyama {
            learning_rate: of.interval,
            noise,
            drift,
            substeps: of.substeps,
            paths: of.paths,
            ..EulerMaruyama::default()
        };
        let heun = with_scheme::<Heun>(&settings);
        let count = |time: f64| (time / of.interval).round() as u64;
        let twins = endpoints(game, &heun, count(of.settle), seed.child("settle"))?;
        let mut start = vec![0.0; twins.len()];
        game.start(seed.child("start"), &mut start);
        let motion = seed.child("motion");
        let mut paths = Course::new(game, &heun, &start, motion)?;
        let mut twins = Course::new(game, &heun, &twins, motion)?;
        for step in 0..=count(of.time) {
            let pairs = || paths.points().chunks_exact(2).zip(twins.points().chunks_exact(2));
            let mut row = vec![step as f64 * of.interval];
            for (_, f) in FUNCTIONS {
                let gaps: Vec<f64> = pairs().map(|(x, y)| f(x) - f(y)).collect();
                let estimate = Estimate::of(&gaps);
                row.extend([estimate.mean, estimate.standard_error]);
            }
            push(&row);
            paths.step()?;
            twins.step()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// On the linear game the difference of a path and its twin has no noise but that of the twin's place.
    #[test]
    fn a_linear_game_relaxes_as_its_mean_does() {
        let probe: PathRelaxation = serde_json::from_value(json!({
            "game": { "lq-gan": {} }, "noise": { "inverse-temperature": 200.0 }, "interval": 0.25,
            "substeps": 10, "time": 4.0, "settle": 15.0, "paths": 2000,
        }))
        .unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(1), &mut |row| rows.push(row.to_vec())).unwrap();
        assert!(rows.iter().all(|row| row.len() == probe.columns().len()) && rows.len() == 17);
        let game = converge_problems::gan::LqGanConfig::default();
        let game = <converge_problems::gan::LqGan as converge_problems::Build>::build(
            &game,
            Seed::root(0),
            None,
        )
        .unwrap();
        let start = converge_problems::gan::affine::Moments::of_point(&[2.0, -1.0]);
        for row in &rows {
            let known = game.affine().diffusion(0.1, 10.0, None).flow(&start, row[0]);
            let known = [known.mean(0) - 2.0 / 3.0, known.mean(1) - 1.0 / 3.0];
            for (place, known) in [1, 3].into_iter().zip(known) {
                // 5 standard errors and the scheme's own: 4 · (1.2 · 0.025)²/6 of a mean below 2.
                let allowed = 5.0 * row[place + 1] + 1.2e-3;
                assert!((row[place] - known).abs() <= allowed, "{row:?} {known}");
            }
        }
        // The noise fades as the mean does: e^{-3} in 4 units of time.
        assert!(rows[16][2] < 0.1 * rows[0][2], "{rows:?}");
    }
}
