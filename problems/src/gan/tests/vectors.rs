//! Numbers of the suite's test vectors, to the digits they are given with.

use super::super::affine::{AffineGame, AffineStep, Moments};
use super::super::{Batches, Dynamic, Law, LqGanConfig, ScaleGanConfig};
use super::{lq, scale};
use crate::{Correction, LinearDiffusion};

const SIMULTANEOUS: Option<Correction> = Some(Correction::Simultaneous);
const ALTERNATING: Option<Correction> = Some(Correction::Alternating);
/// Learning rate and batch size of the vectors.
const ETA: f64 = 0.1;
const BATCH: f64 = 10.0;

/// Half a unit of the last of `digits` decimals, and rounding.
fn close(found: &[f64], expected: &[f64], digits: i32) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= 0.5001 * 10.0_f64.powi(-digits) + 1e-14, "{found:?} {expected:?}");
    }
}

fn game() -> AffineGame {
    lq(LqGanConfig::default()).affine()
}

fn second(game: usize) -> AffineGame {
    assert_eq!(game, 2);
    scale(&ScaleGanConfig::default()).affine()
}

fn covariance(at: &Moments) -> [f64; 3] {
    [at.covariance(0, 0), at.covariance(0, 1), at.covariance(1, 1)]
}

fn moments(at: &Moments) -> [f64; 5] {
    [at.mean(0), at.mean(1), at.second(0, 0), at.second(0, 1), at.second(1, 1)]
}

fn start() -> Moments {
    Moments::of_point(&[2.0, -1.0])
}

#[test]
fn the_linear_game_has_its_stationary_covariances() {
    let game = game();
    let (sml, alt) = (game.simultaneous(ETA, BATCH), game.alternating(ETA, BATCH));
    let at_rest =
        |correction| covariance(&game.diffusion(ETA, BATCH, correction).stationary().unwrap());
    close(&at_rest(None), &[0.006_111_111_1, 0.000_555_555_6, 0.006_944_444_4], 10);
    close(&at_rest(SIMULTANEOUS), &[0.006_428_248_4, 0.000_440_060_3, 0.007_026_935_1], 10);
    close(&at_rest(ALTERNATING), &[0.005_426_464_9, 0.000_566_550_3, 0.006_890_958_5], 10);
    let of_chain = |step: &AffineStep| covariance(&step.stationary().unwrap());
    close(&of_chain(&sml), &[0.006_752_737_5, 0.000_420_384_5, 0.007_851_885_1], 10);
    close(&of_chain(&alt), &[0.006_296_175_3, 0.000_936_338_3, 0.007_339_057_1], 10);
}

#[test]
fn the_problem_knows_the_same_stationary_laws_as_its_moments() {
    let (problem, affine) = (lq(LqGanConfig::default()), game());
    for of in [
        Dynamic::Diffusion,
        Dynamic::CorrectedSimultaneous,
        Dynamic::CorrectedAlternating,
        Dynamic::Simultaneous,
        Dynamic::Alternating,
    ] {
        let p = problem.stationary(&Law { step_size: ETA, batch: 10, of }).unwrap();
        let expected = match of {
            Dynamic::Simultaneous => affine.simultaneous(ETA, BATCH).stationary(),
            Dynamic::Alternating => affine.alternating(ETA, BATCH).stationary(),
            _ => affine.diffusion(ETA, BATCH, of.correction()).stationary(),
        };
        let expected = covariance(&expected.unwrap());
        // Differences of second moments of size 0.5 cancel to 1e-3: 1e-16 absolute each.
        close(&[p[(0, 0)], p[(0, 1)], p[(1, 1)]], &expected, 14);
    }
}

#[test]
fn the_linear_game_has_its_corrections_and_radii() {
    let problem = lq(LqGanConfig::default());
    let entries = |correction| {
        let k = problem.linear_correction(correction);
        [k[(0, 0)], k[(0, 1)], k[(1, 0)], k[(1, 1)]]
    };
    close(&entries(Correction::Simultaneous), &[-0.375, -0.75, 0.75, 0.0], 14);
    close(&entries(Correction::Alternating), &[0.625, 0.25, 0.75, 0.0], 14);
    let radius = |step: AffineStep| {
        super::super::lyapunov::spectral_radius(step.mean().submatrix(0, 0, 2, 2))
    };
    close(&[radius(game().simultaneous(ETA, BATCH))], &[0.930_053_761_9], 10);
    close(&[radius(game().alternating(ETA, BATCH))], &[0.924_662_100_4], 10);
    assert!((radius(game().simultaneous(1.0, BATCH)) - 1.0).abs() < 1e-14);
    let alternating = |eta: f64| radius(game().alternating(eta, BATCH));
    assert!(alternating(1.12) < 1.0 && alternating(1.13) > 1.0);
}

#[test]
fn the_linear_game_has_its_moments_after_twenty_steps() {
    let game = game();
    let sml = game.simultaneous(ETA, BATCH).repeat(&start(), 20);
    let alt = game.alternating(ETA, BATCH).repeat(&start(), 20);
    let flow = |correction| game.diffusion(ETA, BATCH, correction).flow(&start(), 2.0);
    let mean = |at: &Moments| [at.mean(0), at.mean(1)];
    close(&mean(&sml), &[0.301_858_34, 0.276_597_32], 8);
    close(&mean(&alt), &[0.358_262_54, 0.234_081_79], 8);
    close(&mean(&flow(None)), &[0.345_069_03, 0.224_511_87], 8);
    close(&mean(&flow(SIMULTANEOUS)), &[0.306_931_19, 0.275_672_03], 8);
    close(&mean(&flow(ALTERNATING)), &[0.358_154_60, 0.232_164_64], 8);
    close(&covariance(&sml), &[0.006_388_39, 0.000_623_58, 0.007_299_89], 8);
    close(&covariance(&alt), &[0.006_051_22, 0.001_078_33, 0.006_905_22], 8);
    close(&covariance(&flow(None)), &[0.005_791_57, 0.000_744_83, 0.006_505_52], 8);
}

/// `E f(chain) - E f(diffusion)` at time 2.
fn error(
    game: &AffineGame,
    alternates: bool,
    correction: Option<Correction>,
    batch: f64,
    eta: f64,
    f: fn(&Moments) -> f64,
) -> f64 {
    let step =
        if alternates { game.alternating(eta, BATCH) } else { game.simultaneous(eta, BATCH) };
    let chain = step.repeat(&start(), (2.0 / eta).round() as usize);
    f(&chain) - f(&game.diffusion(eta, batch, correction).flow(&start(), 2.0))
}

#[test]
fn weak_errors_of_the_linear_game_are_those_of_the_table() {
    let game = game();
    let omega: fn(&Moments) -> f64 = |at| at.mean(1);
    let theta_square: fn(&Moments) -> f64 = |at| at.second(0, 0);
    let theta_omega: fn(&Moments) -> f64 = |at| at.second(0, 1);
    let none = f64::INFINITY;
    for (alternates, correction, batch, f, expected) in [
        (false, None, BATCH, omega, [5.2085e-2, 2.5044e-2, 1.2286e-2, 6.0860e-3]),
        (false, None, BATCH, theta_square, [-2.7357e-2, -1.3828e-2, -6.9471e-3, -3.4814e-3]),
        (
            false,
            SIMULTANEOUS,
            BATCH,
            theta_square,
            [-2.8093e-3, -7.1967e-4, -1.8177e-4, -4.5655e-5],
        ),
        (true, None, BATCH, omega, [9.5699e-3, 4.4470e-3, 2.1432e-3, 1.0520e-3]),
        (true, ALTERNATING, BATCH, omega, [1.9171e-3, 4.6750e-4, 1.1547e-4, 2.8695e-5]),
        (true, ALTERNATING, BATCH, theta_omega, [1.0910e-3, 2.5699e-4, 6.2386e-5, 1.5370e-5]),
        (true, ALTERNATING, BATCH, |at| at.mean(0), [1.0794e-4, 5.0678e-6, -1.4512e-6, -7.0172e-7]),
        (false, None, none, |at| at.second(1, 1), [3.3400e-2, 1.5315e-2, 7.3407e-3, 3.5945e-3]),
    ] {
        for (eta, expected) in [0.1, 0.05, 0.025, 0.0125].into_iter().zip(expected) {
            let found = error(&game, alternates, correction, batch, eta, f);
            // Five digits are given.
            let same = (found / expected - 1.0).abs() < 5e-5;
            assert!(same, "{alternates} {correction:?} {eta}: {found} {expected}");
        }
    }
}

#[test]
fn schemes_have_their_own_stationary_covariances() {
    // σσᵀ = diag(0.1, 0.3) at η/B = 0.2.
    let diffusion = game().diffusion(1.0, 5.0, None);
    let exact = covariance(&diffusion.stationary().unwrap());
    close(&exact, &[0.122_222_2, 0.011_111_1, 0.138_888_9], 7);
    let euler = covariance(&diffusion.euler(0.1).stationary().unwrap());
    close(&euler, &[0.135_054_7, 0.008_407_7, 0.157_037_7], 7);
    let worst = |step: AffineStep| {
        let found = covariance(&step.stationary().unwrap());
        found.iter().zip(exact).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max)
    };
    let ladder = [0.1, 0.05, 0.025, 0.0125];
    close(
        &ladder.map(|h| worst(diffusion.euler(h))),
        &[0.018_149, 0.008_613, 0.004_199, 0.002_074],
        6,
    );
    close(&ladder.map(|h| worst(diffusion.heun(h))), &[6.950e-4, 1.757e-4, 4.412e-5, 1.105e-5], 7);
}

#[test]
fn alternation_keeps_the_bilinear_game_from_growing() {
    let bilinear = LqGanConfig { kappa: 0.0, lambda: 0.0, ..LqGanConfig::default() };
    let (problem, game) = (lq(bilinear.clone()), lq(bilinear).affine());
    let radius = |step: &AffineStep| {
        super::super::lyapunov::spectral_radius(step.mean().submatrix(0, 0, 2, 2))
    };
    for eta in [0.01_f64, 0.1, 0.5] {
        let grown = radius(&game.simultaneous(eta, BATCH));
        assert!((grown - (1.0 + eta * eta).sqrt()).abs() < 1e-15);
        assert!((radius(&game.alternating(eta, BATCH)) - 1.0).abs() < 1e-14);
    }
    let decay = |c| problem.linear_correction(c);
    let (sml, alt) = (decay(Correction::Simultaneous), decay(Correction::Alternating));
    close(&[sml[(0, 0)], sml[(0, 1)], sml[(1, 0)], sml[(1, 1)]], &[-0.5, 0.0, 0.0, -0.5], 15);
    close(&[alt[(0, 0)], alt[(0, 1)], alt[(1, 0)], alt[(1, 1)]], &[0.5, 0.0, 0.0, -0.5], 15);
}

#[test]
fn the_scale_game_has_its_stationary_covariances() {
    let game = second(2);
    let at_rest = |at: Result<Moments, _>| covariance(&at.unwrap());
    close(
        &at_rest(game.diffusion(ETA, BATCH, None).stationary()),
        &[0.003_041_648_4, 0.001_230_826_7, 0.004_887_888_5],
        10,
    );
    close(
        &at_rest(game.simultaneous(ETA, BATCH).stationary()),
        &[0.003_388_145_9, 0.001_140_104_4, 0.005_539_889_3],
        10,
    );
    close(
        &at_rest(game.alternating(ETA, BATCH).stationary()),
        &[0.003_154_311_1, 0.001_506_013_9, 0.005_180_315_7],
        10,
    );
}

#[test]
fn the_scale_game_has_its_moments_at_time_two() {
    let (game, batch) = (second(2), 4.0);
    let flow = |correction| moments(&game.diffusion(ETA, batch, correction).flow(&start(), 2.0));
    close(
        &moments(&game.alternating(ETA, batch).repeat(&start(), 20)),
        &[0.358_262_54, 0.234_081_79, 0.136_265_43, 0.087_039_13, 0.066_364_71],
        8,
    );
    close(
        &moments(&game.simultaneous(ETA, batch).repeat(&start(), 20)),
        &[0.301_858_34, 0.276_597_32, 0.099_759_26, 0.085_694_23, 0.088_749_55],
        8,
    );
    close(&flow(None), &[0.345_069_03, 0.224_511_87, 0.126_609_71, 0.080_171_64, 0.061_223_04], 8);
    close(
        &flow(ALTERNATING),
        &[0.358_154_6, 0.232_164_64, 0.134_654_13, 0.085_791_92, 0.064_683_98],
        8,
    );
    close(
        &flow(SIMULTANEOUS),
        &[0.306_931_19, 0.275_672_03, 0.102_298_6, 0.086_929_14, 0.086_672_2],
        7,
    );
}

/// Last slopes of the five moments along a ladder of learning rates.
fn slopes(errors: impl Fn(f64) -> [f64; 5]) -> [f64; 5] {
    let (coarse, fine) = (errors(0.0125), errors(0.006_25));
    std::array::from_fn(|i| (coarse[i] / fine[i]).abs().log2())
}

#[test]
fn shared_mini_batches_cost_an_order_until_the_diffusion_knows_of_them() {
    let shared = scale(&ScaleGanConfig { batches: Batches::Shared, ..Default::default() }).affine();
    let fresh = shared.fresh();
    let batch = 4.0;
    let ladder = |game: &AffineGame, of: &AffineGame, alternates: bool, correction: Correction| {
        slopes(|eta| {
            let step = if alternates {
                game.alternating(eta, batch)
            } else {
                game.simultaneous(eta, batch)
            };
            let chain = moments(&step.repeat(&start(), (2.0 / eta).round() as usize));
            let flow = moments(&of.diffusion(eta, batch, Some(correction)).flow(&start(), 2.0));
            std::array::from_fn(|i| chain[i] - flow[i])
        })
    };
    let known = Correction::AlternatingShared { batch: 4 };
    close(&ladder(&shared, &shared, true, known), &[1.96, 2.00, 2.00, 2.02, 2.01], 2);
    close(
        &ladder(&shared, &shared, false, Correction::Simultaneous),
        &[2.01, 2.06, 1.99, 2.03, 2.02],
        2,
    );
    let unknown = ladder(&shared, &fresh, true, Correction::Alternating);
    assert!(unknown.iter().all(|slope| *slope < 1.2), "{unknown:?}");
    // The same game as that of players who draw for themselves, its noises in another order.
    let drawn = scale(&ScaleGanConfig::default()).affine();
    let rest = |game: &AffineGame| moments(&game.simultaneous(ETA, batch).stationary().unwrap());
    close(&rest(&fresh), &rest(&drawn), 14);
}

#[test]
fn relations_hold_at_rest_to_rounding() {
    let (eta, noise) = (ETA, ETA / BATCH);
    let sides =
        |game: &AffineGame| game.sides(&game.diffusion(eta, BATCH, None).stationary().unwrap());
    let of = sides(&game());
    close(&of.dissipation, &[0.5 * noise * 0.5, 0.5 * noise * 1.5], 14);
    close(&of.variance, &[0.5, 1.5], 14);
    close(&of.field, &[0.007_916_67, 0.014_166_67], 8);
    close(&[0.5 * noise * (of.curvature[0] + of.curvature[1])], &[-0.00625], 14);
    close(&[of.field[0] - of.field[1]], &[-0.00625], 14);
    let of = sides(&second(2));
    close(&of.dissipation, &[2.899_975e-4, 6.118_715e-3], 9);
    close(&of.variance.map(|v| 0.5 * noise * v), &of.dissipation, 14);
    close(&[of.field[0] - of.field[1]], &[-5.973_716e-3], 9);
    close(&[0.5 * noise * (of.curvature[0] + of.curvature[1])], &[of.field[0] - of.field[1]], 14);
}

#[test]
fn chains_obey_their_own_relations_and_miss_that_of_the_diffusion_by_the_field() {
    for game in [game(), second(2)] {
        let rest = game.simultaneous(ETA, BATCH).stationary().unwrap();
        let of = game.sides(&rest);
        let noisy = [0, 1].map(|p| 0.5 * ETA * (of.field[p] + of.variance[p] / BATCH));
        close(&of.dissipation, &noisy, 14);
        // Between the half-steps the minimizer looks at where the maximizer went.
        let rest = game.alternating(ETA, BATCH).stationary().unwrap();
        let after = game.half(1, ETA, BATCH).apply(&rest);
        let (of, between) = (game.sides(&rest), game.sides(&after));
        let theta = 0.5 * ETA * (between.field[0] + between.variance[0] / BATCH);
        let omega = 0.5 * ETA * (of.field[1] + of.variance[1] / BATCH);
        close(&[between.dissipation[0], of.dissipation[1]], &[theta, omega], 14);
    }
    let of = |step: AffineStep| game().sides(&step.stationary().unwrap()).dissipation;
    let (sml, alt) = (of(game().simultaneous(ETA, BATCH)), of(game().alternating(ETA, BATCH)));
    close(&[sml[0] + sml[1], alt[0] + alt[1]], &[0.011_228_3, 0.010_487_1], 7);
    let rest = game().alternating(ETA, BATCH).stationary().unwrap();
    let between = game().sides(&game().half(1, ETA, BATCH).apply(&rest));
    close(&[between.dissipation[0], alt[1]], &[0.002_935_000_7, 0.008_275_395_5], 10);
}
