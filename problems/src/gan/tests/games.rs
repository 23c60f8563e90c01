//! What holds of every game: derivatives, noises, tiles, mini-batches.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::super::ensemble::Observed;
use super::super::population::PopulationScratch;
use super::super::{
    Batches, BoundedGan, BoundedGanConfig, CovarianceGan, CovarianceGanConfig, DiracGan,
    DiracGanConfig, Loss, LqGan, LqGanConfig, ScaleGan, ScaleGanConfig, Start,
};
use crate::{Batch, Build, Correction, Diffusion, Game, Seed};

/// Calls `check` with one instance of every game over a population.
fn each(mut check: impl FnMut(&str, &dyn Erased)) {
    let rows = vec![vec![1.0, 0.3], vec![0.3, 0.5]];
    let covariance = super::super::Covariance::Full(rows);
    let built = Seed::root(0);
    let lq =
        LqGanConfig { dimension: 2, data_covariance: covariance.clone(), ..Default::default() };
    check("lq-gan", &LqGan::build(&lq, built, None).unwrap());
    for batches in [Batches::Fresh, Batches::Shared] {
        let scale = ScaleGanConfig { batches, ..Default::default() };
        check("scale-gan", &ScaleGan::build(&scale, built, None).unwrap());
        for (dimension, data_covariance) in
            [(1, super::super::Covariance::Isotropic(1.3)), (2, covariance.clone())]
        {
            let start = Start::Point(vec![1.0, 0.0]);
            let config = CovarianceGanConfig {
                dimension,
                data_covariance,
                kappa: 0.1,
                batches,
                start,
                ..Default::default()
            };
            check("covariance-gan", &CovarianceGan::build(&config, built, None).unwrap());
        }
    }
    check("bounded-gan", &BoundedGan::build(&BoundedGanConfig::default(), built, None).unwrap());
    for loss in [Loss::Wasserstein, Loss::Minimax, Loss::NonSaturating] {
        let config = DiracGanConfig {
            loss,
            gradient_penalty: 0.3,
            instance_noise: 0.4,
            ..Default::default()
        };
        check("dirac-gan", &DiracGan::build(&config, built, None).unwrap());
    }
}

/// A game with its type erased.
trait Erased {
    fn game(&self) -> &dyn Shape;
}

/// The oracles of a game, on fresh scratch.
trait Shape {
    fn sizes(&self) -> (usize, usize, usize);
    fn drift(&self, x: &[f64]) -> Vec<f64>;
    fn correction(&self, correction: Correction, x: &[f64]) -> Vec<f64>;
    fn noise(&self, x: &[f64], dw: &[f64]) -> Vec<f64>;
    fn batch_noise(&self, batch: usize, x: &[f64], normals: &[f64]) -> Vec<f64>;
    fn traces(&self, x: &[f64]) -> super::super::ensemble::Traces;
    fn field(&self, player: usize, batch: Batch<'_>, x: &[f64]) -> Vec<f64>;
    fn whole_field(&self, batch: Batch<'_>, x: &[f64]) -> Vec<f64>;
}

impl<P: Observed<Scratch = PopulationScratch> + Game> Erased for P {
    fn game(&self) -> &dyn Shape {
        self
    }
}

impl<P: Observed<Scratch = PopulationScratch> + Game> Shape for P {
    fn sizes(&self) -> (usize, usize, usize) {
        (self.dim(), Observed::minimizer(self), self.noises())
    }
    fn drift(&self, x: &[f64]) -> Vec<f64> {
        let mut b = vec![f64::NAN; x.len()];
        Diffusion::drift(self, x, &mut b, &mut self.scratch());
        b
    }
    fn correction(&self, correction: Correction, x: &[f64]) -> Vec<f64> {
        let mut b = vec![f64::NAN; x.len()];
        Diffusion::correction(self, correction, x, &mut b, &mut self.scratch());
        b
    }
    fn noise(&self, x: &[f64], dw: &[f64]) -> Vec<f64> {
        let mut out = vec![f64::NAN; x.len()];
        Diffusion::noise(self, x, dw, &mut out, &mut self.scratch());
        out
    }
    fn batch_noise(&self, batch: usize, x: &[f64], normals: &[f64]) -> Vec<f64> {
        let mut out = vec![f64::NAN; x.len()];
        Diffusion::batch_noise(self, batch, x, normals, &mut out, &mut self.scratch());
        out
    }
    fn traces(&self, x: &[f64]) -> super::super::ensemble::Traces {
        Observed::traces(self, x, &mut self.scratch())
    }
    fn field(&self, player: usize, batch: Batch<'_>, x: &[f64]) -> Vec<f64> {
        let mut g = vec![f64::NAN; self.players()[player].len()];
        self.player_field(player, batch, x, &mut g, &mut self.scratch());
        g
    }
    fn whole_field(&self, batch: Batch<'_>, x: &[f64]) -> Vec<f64> {
        let mut g = vec![f64::NAN; x.len()];
        self.batch_gradient(batch, x, &mut g, &mut self.scratch());
        g
    }
}

fn point(dim: usize, seed: u64) -> Vec<f64> {
    let mut rng = Seed::root(seed).child("point").rng();
    (0..dim).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = Seed::root(seed).child("normals").rng();
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// `(∇b₀) v` by central differences, whose error is about 1e-10 here.
fn derivative(game: &dyn Shape, x: &[f64], v: &[f64]) -> Vec<f64> {
    let h = 1e-5;
    let moved = |h: f64| game.drift(&x.iter().zip(v).map(|(x, v)| x + h * v).collect::<Vec<_>>());
    moved(h).iter().zip(moved(-h)).map(|(a, b)| (a - b) / (2.0 * h)).collect()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64, name: &str) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{name}: {found:?} {expected:?}");
    }
}

#[test]
fn corrections_are_what_the_updates_leave_of_the_second_order() {
    each(|name, erased| {
        let game = erased.game();
        let (dim, minimizer, _) = game.sizes();
        for seed in 0..4 {
            let x = point(dim, seed);
            let b = game.drift(&x);
            let square = derivative(game, &x, &b);
            let sml: Vec<f64> = square.iter().map(|s| -0.5 * s).collect();
            close(&game.correction(Correction::Simultaneous, &x), &sml, 1e-8, name);
            // The minimizer's part of (∇b₀) (0; b_ω).
            let of_omega: Vec<f64> =
                b.iter().enumerate().map(|(i, b)| if i < minimizer { 0.0 } else { *b }).collect();
            let answer = derivative(game, &x, &of_omega);
            let alt: Vec<f64> = sml
                .iter()
                .zip(&answer)
                .enumerate()
                .map(|(i, (s, a))| if i < minimizer { s + a } else { *s })
                .collect();
            close(&game.correction(Correction::Alternating, &x), &alt, 1e-8, name);
        }
    });
}

#[test]
fn traces_are_those_of_the_noise_and_the_second_derivatives() {
    each(|name, erased| {
        let game = erased.game();
        let (dim, minimizer, noises) = game.sizes();
        let mut x = point(dim, 5);
        if name == "covariance-gan" && dim > 2 {
            x[6] = x[5]; // W is symmetric along every path
        }
        let (mut variance, mut curvature) = ([0.0; 2], [0.0; 2]);
        for k in 0..noises {
            let unit: Vec<f64> = (0..noises).map(|i| if i == k { 1.0 } else { 0.0 }).collect();
            let s = game.noise(&x, &unit);
            for player in 0..2 {
                let own = |i: usize| (i < minimizer) == (player == 0);
                let s: Vec<f64> =
                    s.iter().enumerate().map(|(i, s)| if own(i) { *s } else { 0.0 }).collect();
                variance[player] += s.iter().map(|s| s * s).sum::<f64>();
                let sign = if player == 0 { -1.0 } else { 1.0 };
                let hs = derivative(game, &x, &s);
                curvature[player] += sign * s.iter().zip(hs).map(|(s, h)| s * h).sum::<f64>();
            }
        }
        let traces = game.traces(&x);
        close(&traces.variance, &variance, 1e-12, name);
        if !name.starts_with("dirac") {
            close(&traces.curvature, &curvature, 1e-8, name);
        }
    });
}

#[test]
fn a_tile_holds_the_numbers_of_its_lanes_to_the_bit() {
    each(|name, erased| {
        let game = erased.game();
        let (dim, _, noises) = game.sizes();
        let width = 5;
        let points: Vec<Vec<f64>> = (0..width).map(|l| point(dim, 10 + l as u64)).collect();
        let dws: Vec<Vec<f64>> = (0..width).map(|l| normals(noises, 20 + l as u64)).collect();
        let tile = |lanes: &[Vec<f64>]| -> Vec<f64> {
            (0..lanes[0].len() * width).map(|k| lanes[k % width][k / width]).collect()
        };
        let (x, dw) = (tile(&points), tile(&dws));
        let shared = Correction::AlternatingShared { batch: 3 };
        let found = [
            game.drift(&x),
            game.correction(Correction::Alternating, &x),
            game.correction(shared, &x),
            game.noise(&x, &dw),
            game.batch_noise(7, &x, &dw),
        ];
        for (lane, (x, dw)) in points.iter().zip(&dws).enumerate() {
            let expected = [
                game.drift(x),
                game.correction(Correction::Alternating, x),
                game.correction(shared, x),
                game.noise(x, dw),
                game.batch_noise(7, x, dw),
            ];
            for (found, expected) in found.iter().zip(expected) {
                for (i, e) in expected.iter().enumerate() {
                    assert_eq!(found[i * width + lane].to_bits(), e.to_bits(), "{name} {i}");
                }
            }
        }
    });
}

#[test]
fn mini_batches_have_the_mean_and_the_covariance_of_their_pairs() {
    let draws = 20_000;
    each(|name, erased| {
        let game = erased.game();
        let (dim, _, noises) = game.sizes();
        let x = point(dim, 30);
        let drift = game.drift(&x);
        let mut covariance = vec![0.0; dim * dim];
        for k in 0..noises {
            let unit: Vec<f64> = (0..noises).map(|i| if i == k { 1.0 } else { 0.0 }).collect();
            let s = game.noise(&x, &unit);
            (0..dim * dim).for_each(|c| covariance[c] += s[c % dim] * s[c / dim]);
        }
        for batch in [1, 3] {
            let terms = vec![0; batch];
            let (mut mean, mut square) = (vec![0.0; dim], vec![0.0; dim * dim]);
            for i in 0..draws {
                let draw = Seed::root(1).index(i);
                let g = game.whole_field(Batch { terms: &terms, draw }, &x);
                let off: Vec<f64> = g.iter().zip(&drift).map(|(g, b)| -g - b).collect();
                mean.iter_mut().zip(&off).for_each(|(m, o)| *m += o);
                (0..dim * dim).for_each(|c| square[c] += off[c % dim] * off[c / dim]);
            }
            let n = draws as f64;
            for i in 0..dim {
                // Five standard errors, and rounding where nothing is random.
                let error = (covariance[i + i * dim] / batch as f64 / n).sqrt();
                assert!((mean[i] / n).abs() <= 5.0 * error + 1e-12, "{name} {batch} {i}");
            }
            for c in 0..dim * dim {
                let (i, j) = (c % dim, c / dim);
                let scale = (covariance[i + i * dim] * covariance[j + j * dim]).sqrt();
                // Fourth moments of a product of two squares of normals: kurtosis up to 15 for one pair.
                let error = scale / batch as f64 * (15.0 / n).sqrt();
                let found = square[c] / n * batch as f64;
                let gap = (found - covariance[c]).abs() / batch as f64;
                assert!(
                    gap <= 5.0 * error + 1e-12,
                    "{name} {batch} {i} {j}: {found} {}",
                    covariance[c]
                );
            }
        }
    });
}

#[test]
fn a_player_sees_its_part_of_the_field() {
    each(|name, erased| {
        let game = erased.game();
        let (dim, minimizer, _) = game.sizes();
        let x = point(dim, 40);
        let batch = Batch { terms: &[0; 6], draw: Seed::root(2) };
        let whole = game.whole_field(batch, &x);
        assert_eq!(game.field(0, batch, &x), whole[..minimizer], "{name}");
        assert_eq!(game.field(1, batch, &x), whole[minimizer..], "{name}");
    });
}

#[test]
fn the_shared_term_is_the_covariance_of_slope_and_step() {
    // Affine games know it from their matrices.
    let config = ScaleGanConfig { batches: Batches::Shared, ..Default::default() };
    let game = ScaleGan::build(&config, Seed::root(0), None).unwrap();
    let correction = Correction::AlternatingShared { batch: 4 };
    let expected = game.model().affine().correction(correction);
    let x = [0.7, -0.4];
    let found = Shape::correction(&game, correction, &x);
    for i in 0..2 {
        let e = expected[(i, 0)] * x[0] + expected[(i, 1)] * x[1] + expected[(i, 2)];
        assert!((found[i] - e).abs() < 1e-14);
    }
    // The covariance game: E (D + Dᵀ) V (zzᵀ - I) with D = -V (zzᵀ - I) Vᵀ, by draws.
    let covariance = super::super::Covariance::Isotropic(1.0);
    let config = CovarianceGanConfig {
        dimension: 2,
        batches: Batches::Shared,
        data_covariance: covariance,
        ..Default::default()
    };
    let game = CovarianceGan::build(&config, Seed::root(0), None).unwrap();
    let x = [0.8, 0.3, -0.2, 0.6, 0.5, 0.1, 0.1, -0.3];
    let with = Shape::correction(&game, Correction::AlternatingShared { batch: 1 }, &x);
    let without = Shape::correction(&game, Correction::Alternating, &x);
    let v = faer::mat![[x[0], x[2]], [x[1], x[3]]];
    let (mut sum, mut square) = ([0.0; 4], [0.0; 4]);
    let n = 100_000;
    let z = normals(2 * n, 3);
    for z in z.chunks_exact(2) {
        let m = faer::mat![[z[0] * z[0] - 1.0, z[0] * z[1]], [z[0] * z[1], z[1] * z[1] - 1.0]];
        let value = faer::Scale(-2.0) * (&v * &m * v.transpose() * &v * &m);
        for k in 0..4 {
            sum[k] += value[(k % 2, k / 2)];
            square[k] += value[(k % 2, k / 2)].powi(2);
        }
    }
    for k in 0..4 {
        let (mean, n) = (sum[k] / n as f64, n as f64);
        let error = ((square[k] / n - mean * mean) / n).sqrt();
        assert!((with[k] - without[k] - mean).abs() < 5.0 * error, "{k}: {mean} {error}");
        assert_eq!(with[4 + k].to_bits(), without[4 + k].to_bits());
    }
}

#[test]
fn the_generator_gives_the_identities_of_the_covariance_game() {
    let law = super::super::Law { step_size: 0.1, batch: 20, of: super::super::Dynamic::default() };
    let config = CovarianceGanConfig { kappa: 0.2, law: Some(law), ..Default::default() };
    let game = CovarianceGan::build(&config, Seed::root(0), None).unwrap();
    let e = 0.1 / 20.0;
    let x = [0.8, 0.3];
    let b = Shape::drift(&game, &x);
    let variance: f64 = Shape::traces(&game, &x).variance[0];
    let mut extra = [0.0; 3];
    game.extra(&x, &b, &mut extra);
    // 𝓛 log V = b_V/V - ½ e Σ_V/V².
    let generator = b[0] / x[0] - 0.5 * e * variance / (x[0] * x[0]);
    assert!((generator - 2.0 * extra[1]).abs() < 1e-14, "{generator} {extra:?}");
    assert!((extra[2] - (1.0 - 0.64 - 0.3)).abs() < 1e-15 && (extra[0] - 0.36).abs() < 1e-15);
}

#[test]
fn the_dirac_game_is_damped_by_its_penalty_and_its_noise() {
    for (loss, slope, curve) in [
        (Loss::Wasserstein, 1.0, 0.0),
        (Loss::Minimax, 0.5, 0.25),
        (Loss::NonSaturating, 0.5, 0.25),
    ] {
        for (gradient_penalty, instance_noise) in [(0.0, 0.0), (0.3, 0.0), (0.0, 0.4), (0.2, 0.1)] {
            let config =
                DiracGanConfig { loss, gradient_penalty, instance_noise, ..Default::default() };
            let game = DiracGan::build(&config, Seed::root(0), None).unwrap();
            let rho = gradient_penalty + 2.0 * instance_noise * curve;
            let columns = [[1.0, 0.0], [0.0, 1.0]].map(|v| derivative(&game, &[0.0, 0.0], &v));
            close(&columns[0], &[0.0, slope], 1e-8, "θ");
            close(&columns[1], &[-slope, -rho], 1e-8, "ω");
        }
    }
}
