use super::network::{Activation, Network};
use super::*;
use crate::check;
use crate::{Gradient, Value};

/// A scalar function of one player's parameters whose gradient is the player's field, for the check of
/// derivatives.
struct Side {
    game: MixtureGan,
    player: usize,
    /// The point whose other player's part is held.
    at: Vec<f64>,
}

impl Side {
    fn whole(&self, x: &[f64]) -> Vec<f64> {
        let mut whole = self.at.clone();
        whole[self.game.players()[self.player].clone()].copy_from_slice(x);
        whole
    }
}

impl Problem for Side {
    type Scratch = MixtureScratch;
    fn dim(&self) -> usize {
        self.game.players()[self.player].len()
    }
    fn scratch(&self) -> MixtureScratch {
        self.game.scratch()
    }
    fn start(&self, _: Seed, x: &mut [f64]) {
        x.copy_from_slice(&self.at[self.game.players()[self.player].clone()]);
    }
    fn metrics(&self) -> &[Metric] {
        &[]
    }
    fn evaluate(&self, _: &[f64], _: &mut [f64], _: &mut MixtureScratch) {}
}

fn softplus(t: f64) -> f64 {
    if t > 0.0 { t + (-t).exp().ln_1p() } else { t.exp().ln_1p() }
}

/// `D(x)` and `∇D(x)`, written down once more without the network's own code.
fn plain(network: Network, w: &[f64], x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let h = network.hidden;
    let phi = |a: f64| match network.activation {
        Activation::Tanh => (a.tanh(), 1.0 - a.tanh().powi(2)),
        Activation::Relu => (a.max(0.0), if a > 0.0 { 1.0 } else { 0.0 }),
    };
    let inputs = network.inputs;
    let units: Vec<(f64, f64)> = (0..h)
        .map(|k| phi((0..inputs).map(|i| w[i * h + k] * x[i]).sum::<f64>() + w[inputs * h + k]))
        .collect();
    let second = &w[(inputs + 1) * h..];
    let outputs = network.outputs;
    let out = (0..outputs)
        .map(|o| {
            (0..h).map(|k| second[o * h + k] * units[k].0).sum::<f64>() + second[outputs * h + o]
        })
        .collect();
    let slope =
        (0..inputs).map(|i| (0..h).map(|k| second[k] * units[k].1 * w[i * h + k]).sum()).collect();
    (out, slope)
}

impl Value for Side {
    fn value(&self, x: &[f64], _: &mut MixtureScratch) -> f64 {
        let whole = self.whole(x);
        let game = &self.game;
        let (theta, omega) = whole.split_at(game.generator.parameters());
        let (latents, reals) = game.samples.as_ref().unwrap();
        let count = reals.len() / 2;
        let mut sum = 0.0;
        for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
            let size = game.generator.inputs;
            let real = &reals[2 * j..][..2];
            let fake = plain(game.generator, theta, &latents[i * size..][..size]).0;
            let d = |x: &[f64]| plain(game.discriminator, omega, x).0[0];
            let (of_real, of_fake) = (d(real), d(&fake));
            sum += match (self.player, game.loss) {
                (0, Loss::Wasserstein) => -of_fake,
                (0, Loss::Minimax) => -softplus(of_fake),
                (0, Loss::NonSaturating) => softplus(-of_fake),
                (_, Loss::Wasserstein) => of_fake - of_real,
                _ => softplus(-of_real) + softplus(of_fake),
            };
            let slope = plain(game.discriminator, omega, real).1;
            if let (1, Regularization::R1(weight)) = (self.player, game.regularization) {
                sum += 0.5 * weight * (slope[0].powi(2) + slope[1].powi(2));
            }
        }
        sum / (count * count) as f64
    }
}

impl Gradient for Side {
    fn value_gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut MixtureScratch) -> f64 {
        let whole = self.whole(x);
        let terms: Vec<u32> = (0..self.game.terms().unwrap() as u32).collect();
        let batch = Batch { terms: &terms, draw: Seed::root(0) };
        self.game.player_field(self.player, batch, &whole, g, scratch);
        self.value(x, scratch)
    }
}

fn small() -> MixtureGanConfig {
    MixtureGanConfig {
        generator: 5,
        discriminator: 9,
        latent: 3,
        samples: Some(4),
        evaluation: 50,
        ..Default::default()
    }
}

fn build(config: &MixtureGanConfig) -> (MixtureGan, Vec<f64>) {
    let game = MixtureGan::build(config, Seed::root(3), None).unwrap();
    let mut x = vec![0.0; game.dim()];
    game.start(Seed::root(4), &mut x);
    (game, x)
}

#[test]
fn fields_are_gradients_of_what_the_players_minimize() {
    for loss in [Loss::Wasserstein, Loss::Minimax, Loss::NonSaturating] {
        for regularization in [Regularization::None, Regularization::R1(0.7)] {
            for activation in [Activation::Tanh, Activation::Relu] {
                for player in 0..2 {
                    let config = MixtureGanConfig { activation, loss, regularization, ..small() };
                    let (game, at) = build(&config);
                    let x = at[game.players()[player].clone()].to_vec();
                    let report = check::gradient(&Side { game, player, at }, &x, Seed::root(5), 4);
                    // Kinks of the positive part spoil the rate of the differences, not their limit.
                    let smooth = activation == Activation::Tanh;
                    let holds = if smooth { report.holds() } else { report.relative < 1e-6 };
                    assert!(
                        holds,
                        "{loss:?} {regularization:?} {activation:?} {player}: {report:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_gradient_penalty_pulls_the_slope_towards_one() {
    for activation in [Activation::Tanh, Activation::Relu] {
        let network = Network { inputs: 2, hidden: 7, outputs: 1, activation };
        let w: Vec<f64> = (0..network.parameters()).map(|k| (1.3 * k as f64).sin()).collect();
        let x = [0.3, -0.8];
        let penalty = |w: &[f64]| {
            let slope = plain(network, w, &x).1;
            (slope[0].hypot(slope[1]) - 1.0).powi(2)
        };
        let (mut hidden, mut score) = (vec![0.0; 7], [0.0]);
        let (mut slope, mut room) = ([0.0; 2], vec![0.0; 14]);
        network.forward(&w, &x, &mut hidden, &mut score);
        network.input_gradient(&w, &hidden, &[1.0], &mut slope, &mut room);
        let length = slope[0].hypot(slope[1]);
        let q = slope.map(|r| 2.0 * (1.0 - 1.0 / length) * r);
        let mut found = vec![0.0; network.parameters()];
        network.input_gradient_backward(&w, &x, &hidden, &q, &mut found, &mut room);
        for k in 0..w.len() {
            let moved = |h: f64| {
                let mut w = w.clone();
                w[k] += h;
                penalty(&w)
            };
            // Central differences at 1e-5 err by about 1e-10.
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((found[k] - expected).abs() < 1e-8, "{k}: {} {expected}", found[k]);
        }
    }
}

#[test]
fn a_batch_is_the_mean_of_its_terms() {
    let config = MixtureGanConfig { regularization: Regularization::R1(0.1), ..small() };
    let (game, x) = build(&config);
    let field = |terms: &[u32]| {
        let mut g = vec![f64::NAN; x.len()];
        let batch = Batch { terms, draw: Seed::root(1) };
        game.batch_gradient(batch, &x, &mut g, &mut game.scratch());
        g
    };
    let (both, first, second) = (field(&[3, 14]), field(&[3]), field(&[14]));
    for ((b, f), s) in both.iter().zip(&first).zip(&second) {
        assert!((b - 0.5 * (f + s)).abs() < 1e-15);
    }
}

#[test]
fn players_of_a_population_draw_for_themselves_and_the_same_either_way() {
    let regularization = Regularization::GradientPenalty(2.0);
    let (game, x) = build(&MixtureGanConfig { samples: None, regularization, ..small() });
    assert_eq!(game.terms(), None);
    let batch = Batch { terms: &[0; 3], draw: Seed::root(6) };
    let mut whole = vec![0.0; x.len()];
    let mut scratch = game.scratch();
    game.batch_gradient(batch, &x, &mut whole, &mut scratch);
    for player in 0..2 {
        let span = game.players()[player].clone();
        let mut g = vec![0.0; span.len()];
        game.player_field(player, batch, &x, &mut g, &mut scratch);
        assert_eq!(g, whole[span]);
    }
}

#[test]
fn the_weight_bound_holds_from_the_start_and_needs_wasserstein() {
    let regularization = Regularization::WeightBound(0.05);
    let config = MixtureGanConfig { loss: Loss::Wasserstein, regularization, ..small() };
    let (game, mut x) = build(&config);
    let span = game.players()[1].clone();
    assert!(x[span.clone()].iter().all(|w| w.abs() <= 0.05));
    x[span.start] = 3.0;
    game.project(1, &mut x[span.clone()]);
    assert!((x[span.start] - 0.05).abs() < 1e-18);
    let minimax = MixtureGanConfig { loss: Loss::Minimax, ..config };
    let error = MixtureGan::build(&minimax, Seed::root(0), None).err().unwrap().to_string();
    assert!(error.contains("regularization.weight-bound") && error.contains("wasserstein"));
}

#[test]
fn reals_in_place_of_fakes_have_full_quality() {
    let config = MixtureGanConfig { evaluation: 2000, samples: None, ..small() };
    let (game, x) = build(&config);
    let mut row = vec![f64::NAN; game.metrics().len()];
    game.evaluate(&x, &mut row, &mut game.scratch());
    assert!(row[0] > 0.5 && row[1].is_nan() && row[2] < 0.5, "{row:?}");
    // Other draws of the same mixture: within sampling error of distance 0, 98.9 % within three deviations.
    let mut scratch = game.scratch();
    let (_, reals) = game.draw(2000, Seed::root(9));
    let mut squared = 0.0;
    let mut projected = Vec::new();
    for direction in data::directions(32, Seed::root(1)) {
        data::projections(&reals, direction, &mut projected);
        let ours = projected.clone();
        data::projections(&game.evaluation.reals, direction, &mut projected);
        squared += data::squared_distance(&ours, &projected) / 32.0;
    }
    assert!(squared.sqrt() < 0.2, "{squared}");
    game.generate(&x[..game.generator.parameters()], &mut scratch.fakes, &mut scratch.room);
    let mut output = vec![0.0; 4000];
    game.output(0, &x, &mut output, &mut scratch.clone());
    assert_eq!(output, scratch.fakes);
}

#[test]
fn the_relation_of_networks_has_a_positive_fluctuation() {
    let law = super::super::Law { step_size: 0.1, batch: 8, of: super::super::Dynamic::default() };
    let (game, x) = build(&MixtureGanConfig { law: Some(law), ..small() });
    let mut row = vec![f64::NAN; game.metrics().len()];
    let twice = [x.clone(), x].concat();
    game.evaluate(&twice, &mut row, &mut game.scratch());
    let [left, right, gap] = row[7..] else { panic!("three columns") };
    assert!(right > 0.0 && (left - right - gap).abs() < 1e-12);
    assert!(row[1].abs() < 1e-7); // two equal paths
}
