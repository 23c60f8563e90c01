//! Games without noise against recursions written out, and chains against known moments.

use converge_problems::gan::affine::Moments;
use converge_problems::gan::{Covariance, LqGan, LqGanConfig, Start};
use converge_problems::{Build, Problem, Seed};

use super::*;
use crate::{Breakdown, Estimate, Noise, Solver, check, coupled_samples, endpoints};

/// `κ` and `λ` of a game without any noise around the origin.
fn silent(kappa: f64, lambda: f64) -> LqGan {
    let none = || Covariance::Isotropic(0.0);
    let config = LqGanConfig {
        kappa,
        lambda,
        mean: 0.0,
        anchor_covariance: none(),
        data_covariance: none(),
        latent_covariance: none(),
        start: Start::Point(vec![1.0, 0.5]),
        ..LqGanConfig::default()
    };
    LqGan::build(&config, Seed::root(0), None).unwrap()
}

/// Growth of the distance to the origin per step, over 200 steps.
fn growth<S: Solver<LqGan>>(solver: &S, problem: &LqGan) -> f64 {
    let rows = check::trajectory(solver, problem, Seed::root(1), 200);
    let size = |x: &[f64]| x[0].hypot(x[1]);
    (size(&rows[200]) / size(&rows[0])).powf(1.0 / 200.0)
}

/// The bilinear game with `η = 0.1` rotates; what a step multiplies the distance by is known.
#[test]
fn the_bilinear_game_shows_the_growth_of_every_method() {
    let (game, eta) = (silent(0.0, 0.0), 0.1_f64);
    let order = Order::Simultaneous;
    // 200 roundings of 1e-16, and the root of them.
    let close = |found: f64, expected: f64| assert!((found - expected).abs() <= 1e-13, "{found}");
    close(growth(&Sga { order, ..Sga::default() }, &game), (1.0 + eta * eta).sqrt());
    let shared = Sga { order, shared_batch: true, ..Sga::default() };
    close(growth(&shared, &game), (1.0 + eta * eta).sqrt());
    let gaussian = GaussianSga { order, ..GaussianSga::default() };
    close(growth(&gaussian, &game), (1.0 + eta * eta).sqrt());
    // 1 - η² ± iη of the extragradient; 1 - ηγ ± iη of consensus.
    close(growth(&Extragradient::default(), &game), (1.0 - eta * eta).hypot(eta));
    let consensus = growth(&Consensus { weight: 0.5, ..Consensus::default() }, &game);
    // A difference quotient rounds to ε/1e-5 of a field, times ηγ.
    assert!((consensus - (1.0 - 0.5 * eta).hypot(eta)).abs() <= 1e-11, "{consensus}");
    // The optimistic method's roots solve z² - (1 + 2iη) z + iη = 0; the larger one is 1 - η² + O(η³).
    let optimistic = growth(&Optimistic::default(), &game);
    assert!(optimistic < 1.0 - 0.4 * eta * eta, "{optimistic}");
    // det M = 1: alternating updates keep an ellipse, negative momentum contracts it.
    let alternating = growth(&Sga::default(), &game);
    assert!((alternating - 1.0).abs() <= eta / 200.0, "{alternating}");
    let negative = growth(&Sga { momentum: -0.3, ..Sga::default() }, &game);
    assert!(negative < 0.999 && negative < alternating, "{negative}");
}

#[test]
fn every_parameter_of_descent_ascent_does_what_its_recursion_says() {
    let (kappa, lambda) = (0.3, 0.2);
    let solver = Sga {
        learning_rate: 0.1,
        ratio: 1.5,
        discriminator_steps: 2,
        momentum: 0.25,
        schedule: Schedule::StepDecay { every: 4, factor: 0.5 },
        ..Sga::default()
    };
    let rows = check::trajectory(&solver, &silent(kappa, lambda), Seed::root(1), 12);
    let ([mut x, mut y], [mut u, mut v]) = ([1.0, 0.5], [0.0, 0.0]);
    for (n, row) in rows.iter().skip(1).enumerate() {
        let eta = 0.1 * 0.5_f64.powf((n / 4) as f64);
        for _ in 0..2 {
            v = 0.25 * v + (x + lambda * y);
            y -= 1.5 * eta * v;
        }
        u = 0.25 * u + (kappa * x - y);
        x -= eta * u;
        assert!((x - row[0]).abs() <= 1e-14 && (y - row[1]).abs() <= 1e-14, "step {n}");
    }
}

/// Five moments within 4 standard errors: a false alarm once in 3000 seeds.
#[test]
fn mini_batches_give_the_moments_of_the_chain() {
    let problem = LqGan::build(&LqGanConfig::default(), Seed::root(0), None).unwrap();
    let affine = problem.affine();
    let steps = [affine.simultaneous(0.1, 10.0), affine.alternating(0.1, 10.0)];
    for (order, step) in [Order::Simultaneous, Order::Alternating].into_iter().zip(steps) {
        let solver = Sga { order, paths: 4000, ..Sga::default() };
        let ends = endpoints(&problem, &solver, 20, Seed::root(5)).unwrap();
        let expected = step.repeat(&Moments::of_point(&[2.0, -1.0]), 20);
        for (i, j) in [(0, 2), (1, 2), (0, 0), (0, 1), (1, 1)] {
            let f = |x: &[f64]| x[i] * x.get(j).copied().unwrap_or(1.0);
            let Estimate { mean, standard_error } =
                Estimate::of(&coupled_samples(2, &[(1.0, &ends)], false, f));
            let gap = (mean - expected.second(i, j)).abs();
            assert!(gap <= 4.0 * standard_error, "{order:?}, E x{i} x{j} = {mean}");
        }
    }
}

/// Yaida's rule on the simultaneous chain: paths cut by themselves, and settle near the rest.
#[test]
fn a_relation_that_holds_cuts_the_rate_of_its_path() {
    let problem = LqGan::build(&LqGanConfig::default(), Seed::root(0), None).unwrap();
    let order = Order::Simultaneous;
    for players in [Players::Joint, Players::Each] {
        let fdr = Fdr { players, ..Fdr::default() };
        let schedule = Schedule::Fdr(fdr);
        let solver =
            GaussianSga { order, schedule: schedule.clone(), paths: 16, ..GaussianSga::default() };
        let constant = GaussianSga { order, paths: 16, ..GaussianSga::default() };
        let mut x = [2.0, -1.0].repeat(16);
        problem.start(Seed::root(0), &mut x);
        let mut state = solver.init(&problem, &x, Seed::root(7)).unwrap();
        let mut reference = constant.init(&problem, &x, Seed::root(7)).unwrap();
        for _ in 0..40_000 {
            solver.step(&problem, &mut state).unwrap();
            constant.step(&problem, &mut reference).unwrap();
        }
        let spread = |x: &[f64]| -> f64 {
            x.chunks(2).map(|x| (x[0] - 2.0 / 3.0).powi(2) + (x[1] - 1.0 / 3.0).powi(2)).sum()
        };
        let falling = spread(Solver::<LqGan>::iterate(&solver, &state));
        let staying = spread(Solver::<LqGan>::iterate(&constant, &reference));
        assert!(falling < 0.3 * staying, "{players:?}: {falling} against {staying}");
        let mut row = [0.0; 3];
        solver.diagnose(&problem, &state, &mut problem.scratch(), &mut row);
        assert!(row[2] >= 1.0 && row[0] < 0.06, "{row:?}");
        assert_eq!(Solver::<LqGan>::time_step(&solver), None);
        assert_eq!(Solver::<LqGan>::time_step(&constant), Some(0.1));

        // One path of the mini-batch chain watches the same relation.
        let single = Sga { order, schedule, ..Sga::default() };
        let mut state = single.init(&problem, &x[..2], Seed::root(7)).unwrap();
        for _ in 0..40_000 {
            single.step(&problem, &mut state).unwrap();
        }
        single.diagnose(&problem, &state, &mut problem.scratch(), &mut row);
        assert!(row[2] >= 1.0, "{row:?}");
    }
}

/// Descent–ascent of the test vector is stable up to `η = 1`; beyond, the run ends while its numbers
/// are still small.
#[test]
fn a_rate_beyond_stability_ends_early_as_diverged() {
    let problem = LqGan::build(&LqGanConfig::default(), Seed::root(0), None).unwrap();
    let order = Order::Simultaneous;
    let run = |learning_rate: f64| {
        let solver = GaussianSga { learning_rate, order, ..GaussianSga::default() };
        let mut state = solver.init(&problem, &[2.0, -1.0], Seed::root(1)).unwrap();
        let end = (0..2000).find_map(|_| solver.step(&problem, &mut state).err());
        (end, Solver::<LqGan>::iterate(&solver, &state).to_vec())
    };
    assert_eq!(run(0.95).0, None);
    let (end, x) = run(1.3);
    assert_eq!(end, Some(Breakdown::Diverged { factor: 1e6 }));
    assert!(x.iter().all(|x| x.abs() < 1e8), "{x:?}");
}

#[test]
fn impossible_settings_name_their_field() {
    let problem = silent(0.5, 1.0);
    let message = |solver: GaussianSga| {
        let error = solver.init(&problem, &[1.0, 0.5], Seed::root(0)).err();
        error.expect("it is refused").to_string()
    };
    let default = GaussianSga::default;
    let text = message(GaussianSga {
        gradient_noise: GradientNoise::MiniBatch,
        noise: Noise::Batch(2.5),
        ..default()
    });
    assert!(text.starts_with("noise = Batch(2.5)"), "{text}");
    let order = Order::Simultaneous;
    let text = message(GaussianSga { order, discriminator_steps: 2, ..default() });
    assert!(text.starts_with("discriminator-steps = 2"), "{text}");
    let text = message(GaussianSga { discriminator_steps: 2, resolution: 3, ..default() });
    assert!(text.starts_with("resolution = 3"), "{text}");
    let error = Sga { momentum: 1.0, ..Sga::default() }.init(&problem, &[1.0, 0.5], Seed::root(0));
    assert!(error.err().expect("refused").to_string().starts_with("momentum = 1"));
    let error = Sga { batch: 0, ..Sga::default() }.init(&problem, &[1.0, 0.5], Seed::root(0));
    assert!(error.err().expect("refused").to_string().starts_with("batch = 0"));
}
