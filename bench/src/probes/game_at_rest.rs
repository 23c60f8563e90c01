//! What holds of a game's chain and diffusion at rest, by exact moments.

use converge_problems::gan::affine::{AffineGame, AffineStep};
use converge_problems::gan::lyapunov::{spectral_abscissa, spectral_radius};
use converge_problems::gan::{LqGan, LqGanConfig};
use converge_problems::{
    Better, Build, Correction, Metric, Seed, SetupError, Split, require, require_positive,
};
use rand::RngExt;
use serde::Deserialize;

use super::affine_game::Game;
use crate::registry::{Probe, ProbeError};

/// Relations at the stationary moments of a game in the plane. One row for every learning rate; with
/// `g` the field and `Σ` the covariance of a pair's, `B` pairs a step:
///
/// | column | number |
/// |---|---|
/// | `learning-rate` | `η` |
/// | `chain-violation` | largest gap of `E x·g = (η/2) (E|g|² + Tr Σ/B)` over players, both at once and in turn |
/// | `flow-violation` | the same of `E x·g = η Tr Σ / (2B)` on the diffusion |
/// | `flow-relation-on-chain` | the diffusion's relation, both players, on the simultaneous chain: its relative excess |
/// | `curvature-violation` | gap of `E(|g_θ|² - |g_ω|²) = η Tr(Σ ∇²Φ) / (2B)` on the diffusion |
/// | `spread-excess` | largest variance of the simultaneous chain over that of the diffusion, minus 1 |
/// | `radius-simultaneous`, `radius-alternating` | spectral radii of the mean steps |
/// | `rotation-violation` | distance of these radii from `√(1 + η²)` and 1, those of the bilinear game |
/// | `growth-simultaneous`, `growth-alternating` | growth rates of the means of the corrected diffusions |
/// | `growth-violation` | distance of these rates from `η/2` and 0, those of the bilinear game |
///
/// Without a stationary law the relations are NaN.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GameAtRest {
    /// The game.
    pub game: Game,
    /// `B`.
    pub batch: f64,
    /// Learning rates.
    pub learning_rates: Vec<f64>,
}

impl Probe for GameAtRest {
    const ID: &'static str = "game-at-rest";
    const ABOUT: &'static str =
        "relations at the stationary moments of a game's chain and diffusion";

    fn columns(&self) -> Vec<Metric> {
        let number = |name| Metric::new(name, Better::Neither, Split::None);
        let names = [
            "chain-violation",
            "flow-violation",
            "flow-relation-on-chain",
            "curvature-violation",
            "spread-excess",
            "radius-simultaneous",
            "radius-alternating",
            "rotation-violation",
            "growth-simultaneous",
            "growth-alternating",
            "growth-violation",
        ];
        std::iter::once(Metric::diagnostic("learning-rate"))
            .chain(names.into_iter().map(number))
            .collect()
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("batch", self.batch)?;
        let some = !self.learning_rates.is_empty();
        require("learning-rates", self.learning_rates.len(), some, "at least one")?;
        let game = self.game.affine(seed)?;
        for &eta in &self.learning_rates {
            require_positive("learning-rates", eta)?;
            let [chain, flow, excess, curvature, spread] =
                relations(&game, eta, self.batch).unwrap_or([f64::NAN; 5]);
            let radius = |step: &AffineStep| spectral_radius(step.mean().submatrix(0, 0, 2, 2));
            let both = radius(&game.simultaneous(eta, self.batch));
            let turns = radius(&game.alternating(eta, self.batch));
            let rotation = (both - eta.hypot(1.0)).abs().max((turns - 1.0).abs());
            let growth = |correction| {
                let diffusion = game.diffusion(eta, self.batch, Some(correction));
                spectral_abscissa(diffusion.drift().submatrix(0, 0, 2, 2))
            };
            let growths = [Correction::Simultaneous, Correction::Alternating].map(growth);
            let drifting = (growths[0] - 0.5 * eta).abs().max(growths[1].abs());
            push(&[
                eta, chain, flow, excess, curvature, spread, both, turns, rotation, growths[0],
                growths[1], drifting,
            ]);
        }
        Ok(())
    }
}

/// Absolute: the sides are small differences of moments of order 1, whose rounding they keep.
fn gap(a: f64, b: f64) -> f64 {
    (a - b).abs()
}

/// The five numbers; none without a stationary law.
fn relations(game: &AffineGame, eta: f64, batch: f64) -> Option<[f64; 5]> {
    let both = game.simultaneous(eta, batch).stationary().ok()?;
    let turns = game.alternating(eta, batch).stationary().ok()?;
    let flow = game.diffusion(eta, batch, None).stationary().ok()?;
    let of = game.sides(&both);
    // The minimizer looks at where the maximizer went.
    let (first, second) = (game.sides(&turns), game.sides(&game.half(1, eta, batch).apply(&turns)));
    let noisy = |of: &converge_problems::gan::affine::Sides, player: usize| {
        0.5 * eta * (of.field[player] + of.variance[player] / batch)
    };
    let chain = [
        gap(of.dissipation[0], noisy(&of, 0)),
        gap(of.dissipation[1], noisy(&of, 1)),
        gap(second.dissipation[0], noisy(&second, 0)),
        gap(first.dissipation[1], noisy(&first, 1)),
    ];
    let half = 0.5 * eta / batch;
    let rest = game.sides(&flow);
    let diffusion =
        [0, 1].map(|player| gap(rest.dissipation[player], half * rest.variance[player]));
    let sum = |x: [f64; 2]| x[0] + x[1];
    let excess = sum(of.dissipation) / (half * sum(of.variance)) - 1.0;
    let curvature = gap(rest.field[0] - rest.field[1], half * sum(rest.curvature));
    let spread = [0, 1].map(|i| both.covariance(i, i) / flow.covariance(i, i) - 1.0);
    let largest = |x: &[f64]| x.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
    Some([largest(&chain), largest(&diffusion), excess, curvature, largest(&spread)])
}

/// The closed forms of the linear–quadratic game against the Lyapunov equation, at `κ`, `λ` and
/// variances drawn anew. One row for every draw: `kappa`, `lambda`, the largest relative difference of
/// the entries of the stationary covariance as `violation`, and as `exchanged` the same of the closed
/// forms whose players have each other's noise.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LyapunovForms {
    /// Draws.
    pub draws: u32,
    /// `κ` and `λ` lie between these, above 0.
    pub range: [f64; 2],
}

impl Probe for LyapunovForms {
    const ID: &'static str = "lyapunov-forms";
    const ABOUT: &'static str =
        "closed forms of a stationary covariance against the Lyapunov equation";

    fn columns(&self) -> Vec<Metric> {
        vec![
            Metric::diagnostic("kappa"),
            Metric::diagnostic("lambda"),
            Metric::new("violation", Better::Lower, Split::None),
            Metric::new("exchanged", Better::Neither, Split::None),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let [low, high] = self.range;
        require("range", format!("{low}, {high}"), 0.0 < low && low < high, "0 < low < high")?;
        let mut rng = seed.child("draws").rng();
        for _ in 0..self.draws {
            let mut draw = || rng.random_range(low..high);
            let [kappa, lambda, anchor, data, latent] = std::array::from_fn(|_| draw());
            let [violation, exchanged] = violations(kappa, lambda, [anchor, data, latent])?;
            push(&[kappa, lambda, violation, exchanged]);
        }
        Ok(())
    }
}

/// Of the closed forms, and of those with exchanged noises.
fn violations(kappa: f64, lambda: f64, variances: [f64; 3]) -> Result<[f64; 2], SetupError> {
    use converge_problems::gan::Covariance;
    let [anchor, data, latent] = variances;
    let game = LqGan::build(
        &LqGanConfig {
            kappa,
            lambda,
            anchor_covariance: Covariance::Isotropic(anchor),
            data_covariance: Covariance::Isotropic(data),
            latent_covariance: Covariance::Isotropic(latent),
            ..LqGanConfig::default()
        },
        Seed::root(0),
        None,
    )?;
    // η/B = 1, so that 1/β is a half.
    let q = [0.5 * kappa * kappa * anchor, 0.5 * (data + latent)];
    let solved = game.affine().diffusion(1.0, 1.0, None).stationary();
    let solved = solved.map_err(|unstable| SetupError::Numerics(unstable.to_string()))?;
    let solved = [solved.covariance(0, 0), solved.covariance(0, 1), solved.covariance(1, 1)];
    Ok([q, [q[1], q[0]]].map(|q| {
        let closed = game.closed().covariance(q);
        // The covariance of the players may vanish: it is measured against their variances.
        let size = [closed[0], (closed[0] * closed[2]).sqrt(), closed[2]];
        (0..3).map(|i| (closed[i] - solved[i]).abs() / size[i]).fold(0.0, f64::max)
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn relations_hold_at_rest_and_the_flows_misses_the_chain_by_an_eighth() {
        let probe: GameAtRest = serde_json::from_value(json!({
            "game": { "lq-gan": {} }, "batch": 10.0, "learning-rates": [0.1],
        }))
        .unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec())).unwrap();
        let row = &rows[0];
        assert!(row[1] < 1e-14 && row[2] < 1e-14 && row[4] < 1e-14, "{row:?}");
        // Of the specification: 0.0112283 against 0.01.
        assert!((row[3] - 0.122_83).abs() < 1e-5, "{row:?}");
    }

    #[test]
    fn the_bilinear_game_has_radii_and_no_rest() {
        let probe: GameAtRest = serde_json::from_value(json!({
            "game": { "lq-gan": { "kappa": 0.0, "lambda": 0.0 } }, "batch": 10.0,
            "learning-rates": [0.1],
        }))
        .unwrap();
        let mut rows = Vec::new();
        probe.run(Seed::root(0), &mut |row| rows.push(row.to_vec())).unwrap();
        assert!(rows[0][1].is_nan() && rows[0][8] < 1e-12, "{rows:?}");
        // Corrected diffusions know it: the simultaneous one grows at half the rate, the other does not.
        assert!((rows[0][9] - 0.05).abs() < 1e-12 && rows[0][11] < 1e-12, "{rows:?}");
    }

    #[test]
    fn closed_forms_solve_the_lyapunov_equation() {
        let probe = LyapunovForms { draws: 20, range: [0.1, 2.0] };
        let (mut worst, mut exchanged) = (0.0_f64, 0.0_f64);
        let mut look = |row: &[f64]| {
            worst = worst.max(row[2]);
            exchanged = exchanged.max(row[3]);
        };
        probe.run(Seed::root(1), &mut look).unwrap();
        assert!(worst < 1e-11 && exchanged > 0.1, "{worst}, {exchanged}");
    }
}
