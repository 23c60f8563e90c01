//! Laws, orders and couplings on games whose moments are known.

use converge_problems::gan::affine::{AffineStep, Moments};
use converge_problems::gan::{
    BoundedGan, BoundedGanConfig, LqGan, LqGanConfig, ScaleGan, ScaleGanConfig,
};
use converge_problems::{Build, Correction, Diffusion, Game, Problem, Seed};

use super::*;
use crate::{GaussianSga, GradientNoise, Order, Solver};

/// Test functions: both means, all second moments.
const MOMENTS: [(usize, usize); 5] = [(0, 2), (1, 2), (0, 0), (0, 1), (1, 1)];

fn lq() -> LqGan {
    LqGan::build(&LqGanConfig::default(), Seed::root(0), None).unwrap()
}

fn scale() -> ScaleGan {
    ScaleGan::build(&ScaleGanConfig::default(), Seed::root(0), None).unwrap()
}

fn start() -> Moments {
    Moments::of_point(&[2.0, -1.0])
}

/// Means of a method against moments in closed form, each within 4 standard errors: for five numbers
/// a false alarm once in 3000 seeds.
fn has_moments<P: Problem, S: Solver<P>>(solver: &S, problem: &P, steps: u64, expected: &Moments) {
    let ends = endpoints(problem, solver, steps, Seed::root(21)).unwrap();
    for (i, j) in MOMENTS {
        let f = |x: &[f64]| x[i] * x.get(j).copied().unwrap_or(1.0);
        let Estimate { mean, standard_error } =
            Estimate::of(&coupled_samples(2, &[(1.0, &ends)], false, f));
        let known = expected.second(i, j);
        let gap = (mean - known).abs();
        assert!(gap <= 4.0 * standard_error, "{}: E x{i} x{j} = {mean}, not {known}", S::ID);
    }
}

#[test]
fn euler_and_heun_have_the_moments_of_their_recursions() {
    let problem = lq();
    for drift in [Drift::FirstOrder, Drift::CorrectedAlternating, Drift::CorrectedSimultaneous] {
        let law = problem.affine().diffusion(0.1, 10.0, drift.correction());
        let (substeps, paths) = (2, 20_000);
        let euler = EulerMaruyama { drift, substeps, paths, ..EulerMaruyama::default() };
        has_moments(&euler, &problem, 20, &law.euler(0.05).repeat(&start(), 40));
        let heun = WeakHeun { drift, substeps, paths, ..WeakHeun::default() };
        has_moments(&heun, &problem, 20, &law.heun(0.05).repeat(&start(), 40));
    }
}

#[test]
fn exact_transitions_have_the_moments_of_the_equation_whatever_the_step() {
    let problem = lq();
    for drift in [Drift::FirstOrder, Drift::CorrectedAlternating] {
        let law = problem.affine().diffusion(0.5, 10.0, drift.correction());
        for substeps in [1, 3] {
            let learning_rate = 0.5;
            let paths = 20_000;
            let exact =
                ExactLinear { learning_rate, drift, substeps, paths, ..ExactLinear::default() };
            has_moments(&exact, &problem, 4, &law.flow(&start(), 2.0));
        }
    }
}

#[test]
fn noise_that_depends_on_the_point_has_the_moments_of_its_recursion() {
    let problem = scale();
    let law = problem.model().affine().diffusion(0.1, 4.0, None);
    let (noise, paths) = (Noise::Batch(4.0), 40_000);
    let euler = EulerMaruyama { substeps: 1, noise, paths, ..EulerMaruyama::default() };
    has_moments(&euler, &problem, 20, &law.euler(0.1).repeat(&start(), 20));
}

#[test]
fn the_regime_of_a_fixed_temperature_keeps_its_noise() {
    let problem = lq();
    // η/B = 2/β: a batch of β η/2.
    let law = problem.affine().diffusion(0.2, 0.2 * 20.0 / 2.0, None);
    let (noise, learning_rate, paths) = (Noise::InverseTemperature(20.0), 0.2, 20_000);
    let euler =
        EulerMaruyama { noise, learning_rate, paths, substeps: 1, ..EulerMaruyama::default() };
    has_moments(&euler, &problem, 10, &law.euler(0.2).repeat(&start(), 10));
}

fn chain(order: Order, gradient_noise: GradientNoise, paths: usize) -> GaussianSga {
    GaussianSga { order, gradient_noise, paths, noise: Noise::Batch(4.0), ..GaussianSga::default() }
}

#[test]
fn chains_have_the_moments_of_their_recursions() {
    fn both<P: Game + Diffusion>(problem: &P, steps: [AffineStep; 2]) {
        for (order, step) in [Order::Simultaneous, Order::Alternating].into_iter().zip(steps) {
            for gradient_noise in [GradientNoise::Gaussian, GradientNoise::MiniBatch] {
                let solver = chain(order, gradient_noise, 40_000);
                has_moments(&solver, problem, 20, &step.repeat(&start(), 20));
            }
        }
    }
    let affine = lq().affine();
    both(&lq(), [affine.simultaneous(0.1, 4.0), affine.alternating(0.1, 4.0)]);
    let affine = scale().model().affine();
    both(&scale(), [affine.simultaneous(0.1, 4.0), affine.alternating(0.1, 4.0)]);
}

#[test]
fn several_steps_of_the_discriminator_have_independent_noise() {
    let (problem, affine) = (lq(), lq().affine());
    let (discriminator_steps, resolution) = (3, 6);
    let solver = GaussianSga {
        discriminator_steps,
        resolution,
        ..chain(Order::Alternating, GradientNoise::Gaussian, 40_000)
    };
    let (mine, other) = (affine.half(0, 0.1, 4.0), affine.half(1, 0.1, 4.0));
    let expected = (0..10).fold(start(), |at, _| mine.apply(&other.repeat(&at, 3)));
    has_moments(&solver, &problem, 10, &expected);
}

/// The guard against an empty comparison: Euler–Maruyama with the chain's own step is the chain.
#[test]
fn euler_with_one_substep_is_the_simultaneous_chain_bit_by_bit() {
    for noise in [Noise::Batch(10.0), Noise::InverseTemperature(200.0)] {
        for resolution in [1, 4] {
            let (paths, substeps) = (300, 1);
            let euler =
                EulerMaruyama { noise, substeps, resolution, paths, ..EulerMaruyama::default() };
            let order = Order::Simultaneous;
            let chain = GaussianSga { order, noise, resolution, paths, ..GaussianSga::default() };
            let a = endpoints(&lq(), &euler, 50, Seed::root(3)).unwrap();
            let b = endpoints(&lq(), &chain, 50, Seed::root(3)).unwrap();
            assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}

/// `E f` of every moment with `substeps`, all driven by one motion of `resolution`, minus the same with
/// twice as many: what halving the step changes, with little noise.
fn change<P: Diffusion, S: Scheme<P>>(
    problem: &P,
    integrator: &Integrator<S>,
    substeps: u64,
    (i, j): (usize, usize),
) -> Estimate {
    let ends = |substeps: u64| {
        let integrator = Integrator { substeps, ..integrator.clone() };
        endpoints(problem, &integrator, 1, Seed::root(31)).unwrap()
    };
    let (coarse, fine) = (ends(substeps), ends(2 * substeps));
    let f = |x: &[f64]| x[i] * x.get(j).copied().unwrap_or(1.0);
    Estimate::of(&coupled_samples(2, &[(1.0, &coarse), (-1.0, &fine)], false, f))
}

/// Halving the step divides the weak error by `2^order`. The next term of the expansion and noise are
/// allowed for: 15 % and 4 standard errors.
fn halving_divides_by<P: Diffusion, S: Scheme<P>>(
    problem: &P,
    integrator: &Integrator<S>,
    order: i32,
    moment: (usize, usize),
) {
    let [first, second] = [4, 8].map(|substeps| change(problem, integrator, substeps, moment));
    let ratio = 2.0_f64.powi(order);
    let gap = (first.mean - ratio * second.mean).abs();
    let error = first.standard_error.hypot(ratio * second.standard_error);
    assert!(gap <= 0.15 * first.mean.abs() + 4.0 * error, "{first:?} {second:?}, order {order}");
    // The test says something only where the change is seen.
    assert!(first.mean.abs() >= 10.0 * first.standard_error, "{first:?}");
}

#[test]
fn halving_the_step_shows_the_weak_order_for_constant_noise() {
    let (learning_rate, noise, resolution) = (0.5, Noise::InverseTemperature(60.0), 16);
    let paths = 200_000;
    let euler =
        EulerMaruyama { learning_rate, noise, resolution, paths, ..EulerMaruyama::default() };
    let heun = WeakHeun { learning_rate, noise, resolution, paths, ..WeakHeun::default() };
    // Moments whose first coefficient does not nearly vanish at these settings: by the recursions, ratios of
    // 2.01, 1.98 and 4.20, 4.18.
    for (of_euler, of_heun) in [((0, 2), (1, 2)), ((0, 0), (1, 1))] {
        halving_divides_by(&lq(), &euler, 1, of_euler);
        halving_divides_by(&lq(), &heun, 2, of_heun);
    }
}

/// Errors of the five moments after one substep of length `h` from a point, without Monte Carlo: the normals
/// are the three nodes of Gauss and Hermite, exact for what is of degree 5 in each, in two copies that differ
/// in the bit that Platen's signs come from, so that these are uncorrelated.
fn local_errors<S: Scheme<ScaleGan>>(problem: &ScaleGan, h: f64) -> [f64; 5] {
    const VARIANCE: f64 = 0.5;
    let nodes: Vec<(f64, f64)> = [(-3.0_f64.sqrt(), 1.0), (0.0, 4.0), (3.0_f64.sqrt(), 1.0)]
        .into_iter()
        .flat_map(|(node, weight)| {
            let bits = node.to_bits() & !256;
            [bits, bits | 256].map(|bits| (f64::from_bits(bits), weight / 12.0))
        })
        .collect();
    let (count, noises) = (nodes.len(), problem.noises());
    let width = count.pow(noises as u32);
    let node = |noise: usize, lane: usize| nodes[lane / count.pow(noise as u32) % count];
    let dw: Vec<f64> = (0..noises * width).map(|i| node(i / width, i % width).0).collect();
    let mut x = [2.0, -1.0].map(|x| vec![x; width]).concat();
    let amplitude = (VARIANCE * h).sqrt();
    let equation = Equation { learning_rate: 1.0, correction: None, h, amplitude };
    let constants = S::prepare(problem, &equation).unwrap();
    let mut work = vec![f64::NAN; S::work(problem) * width];
    let (dw, work, mut scratch) = (&dw[..], &mut work[..], problem.scratch());
    let tile = Tile { x: &mut x, dw, work, scratch: &mut scratch };
    S::substep(problem, &equation, &constants, tile);
    let known = problem.model().affine().diffusion(VARIANCE, 1.0, None).flow(&start(), h);
    MOMENTS.map(|(i, j)| {
        let means = (0..width).map(|l| {
            let weight: f64 = (0..noises).map(|noise| node(noise, l).1).product();
            let factor = if j == 2 { 1.0 } else { x[j * width + l] };
            weight * x[i * width + l] * factor
        });
        means.sum::<f64>() - known.second(i, j)
    })
}

/// One order more in a single step than after many.
#[test]
fn schemes_have_their_weak_order_where_noise_depends_on_the_point() {
    fn order<S: Scheme<ScaleGan>>(problem: &ScaleGan) -> f64 {
        let [coarse, fine] = [1.0 / 64.0, 1.0 / 128.0].map(|h| local_errors::<S>(problem, h));
        // The slowest of the moments.
        let orders = coarse.iter().zip(fine).map(|(coarse, fine)| (coarse / fine).abs().log2());
        orders.fold(f64::INFINITY, f64::min)
    }
    let problem = scale();
    assert!((order::<Euler>(&problem) - 2.0).abs() <= 0.1);
    assert!((order::<Heun>(&problem) - 2.0).abs() <= 0.1);
    assert!((order::<PlatenScheme>(&problem) - 3.0).abs() <= 0.1);
}

#[test]
fn sharing_the_motion_brings_a_chain_and_its_diffusion_together() {
    let problem = lq();
    let (paths, resolution) = (4000, 16);
    let chain =
        GaussianSga { order: Order::Simultaneous, resolution, paths, ..GaussianSga::default() };
    let exact = ExactLinear { substeps: 16, paths, ..ExactLinear::default() };
    let a = endpoints(&problem, &chain, 20, Seed::root(6)).unwrap();
    let b = endpoints(&problem, &exact, 20, Seed::root(6)).unwrap();
    let other = endpoints(&problem, &exact, 20, Seed::root(7)).unwrap();
    let square = |x: &[f64]| x[0] * x[0];
    let coupled = Estimate::of(&coupled_samples(2, &[(1.0, &a), (-1.0, &b)], false, square));
    let apart = Estimate::of(&coupled_samples(2, &[(1.0, &a), (-1.0, &other)], false, square));
    // The specification's 2.72e-5 against 5.7e-3 in variance: a factor of 200, with room for 32 substeps
    // there and 16 here.
    assert!(apart.standard_error.powi(2) >= 100.0 * coupled.standard_error.powi(2));
    // The weak error of E θ² in closed form.
    let affine = problem.affine();
    let known = affine.simultaneous(0.1, 10.0).repeat(&start(), 20).second(0, 0)
        - affine.diffusion(0.1, 10.0, None).flow(&start(), 2.0).second(0, 0);
    assert!((known + 2.7357e-2).abs() <= 1e-6);
    assert!((coupled.mean - known).abs() <= 4.0 * coupled.standard_error, "{coupled:?}, {known}");
}

/// The weak error of `E θω` after the time 2 on the bounded game, chain less diffusion, antithetic.
fn bounded_error(order: Order, drift: Drift, noise: Noise, learning_rate: f64) -> Estimate {
    let problem = BoundedGan::build(&BoundedGanConfig::default(), Seed::root(0), None).unwrap();
    let (resolution, substeps, antithetic, paths) = (16, 16, true, 16_000);
    let steps = (2.0 / learning_rate).round() as u64;
    let chain = GaussianSga {
        learning_rate,
        order,
        noise,
        resolution,
        antithetic,
        paths,
        ..GaussianSga::default()
    };
    let heun = WeakHeun {
        learning_rate,
        noise,
        drift,
        substeps,
        antithetic,
        paths,
        ..WeakHeun::default()
    };
    let chain = endpoints(&problem, &chain, steps, Seed::root(12)).unwrap();
    let heun = endpoints(&problem, &heun, steps, Seed::root(12)).unwrap();
    let parts = [(1.0, &chain[..]), (-1.0, &heun[..])];
    Estimate::of(&coupled_samples(2, &parts, true, |x| x[0] * x[1]))
}

/// What no recursion can say: the orders of chains against their diffusions in a nonlinear game. Ratios
/// are allowed the next term of the expansion, 15 %, and 4 standard errors.
#[test]
fn a_corrected_drift_follows_a_nonlinear_chain_to_second_order() {
    let (batch, fixed) = (Noise::Batch(10.0), Noise::InverseTemperature(20.0));
    for (order, drift, noise, ratio) in [
        (Order::Alternating, Drift::CorrectedAlternating, batch, 4.0),
        (Order::Simultaneous, Drift::CorrectedSimultaneous, batch, 4.0),
        (Order::Simultaneous, Drift::FirstOrder, fixed, 2.0),
    ] {
        let [coarse, fine] = [0.1, 0.05].map(|eta| bounded_error(order, drift, noise, eta));
        let gap = (coarse.mean - ratio * fine.mean).abs();
        let error = coarse.standard_error.hypot(ratio * fine.standard_error);
        assert!(gap <= 0.15 * coarse.mean.abs() + 4.0 * error, "{order:?}: {coarse:?} {fine:?}");
        assert!(coarse.mean.abs() >= 20.0 * coarse.standard_error, "{coarse:?}");
    }
}

#[test]
fn two_numbers_of_substeps_extrapolate_the_error_of_euler_away() {
    let problem = lq();
    let at = |substeps: u64| {
        let (paths, resolution) = (20_000, 8);
        let euler = EulerMaruyama { substeps, resolution, paths, ..EulerMaruyama::default() };
        endpoints(&problem, &euler, 20, Seed::root(8)).unwrap()
    };
    let (coarse, fine) = (at(4), at(8));
    let f = |x: &[f64]| x[1] * x[1];
    let known = problem.affine().diffusion(0.1, 10.0, None).flow(&start(), 2.0).second(1, 1);
    let plain = Estimate::of(&coupled_samples(2, &[(1.0, &fine)], false, f));
    let parts = [(2.0, &fine[..]), (-1.0, &coarse[..])];
    let better = Estimate::of(&coupled_samples(2, &parts, false, f));
    assert!((plain.mean - known).abs() > 4.0 * plain.standard_error, "{plain:?} {known}");
    // What is left is of second order, h² = 1.6e-4 times derivatives of order one.
    assert!(
        (better.mean - known).abs() <= 4.0 * better.standard_error + 2e-4,
        "{better:?} {known}"
    );
}

#[test]
fn antithetic_pairs_remove_the_noise_of_a_mean_with_linear_drift() {
    let problem = lq();
    let heun = WeakHeun { antithetic: true, paths: 320, ..WeakHeun::default() };
    let ends = endpoints(&problem, &heun, 20, Seed::root(9)).unwrap();
    let estimate = Estimate::of(&coupled_samples(2, &[(1.0, &ends)], true, |x| x[0]));
    let law = problem.affine().diffusion(0.1, 10.0, None);
    let known = law.heun(0.1 / 8.0).repeat(&start(), 160).mean(0);
    // 160 steps of a few roundings each.
    assert!(estimate.standard_error <= 1e-14 && (estimate.mean - known).abs() <= 1e-13);
}

#[test]
fn a_control_variate_with_known_moments_reduces_the_error() {
    let (problem, twin) = (scale(), lq());
    let (paths, noise, resolution) = (4000, Noise::Batch(10.0), 8);
    let heun = WeakHeun { noise, resolution, paths, ..WeakHeun::default() };
    // The same drift, nearly the same noise, moments known: the linear game of the same damping.
    let ends = endpoints(&problem, &heun, 20, Seed::root(4)).unwrap();
    let control = endpoints(&twin, &heun, 20, Seed::root(4)).unwrap();
    let f = |x: &[f64]| x[1] * x[1];
    let samples = coupled_samples(2, &[(1.0, &ends)], false, f);
    let controls = coupled_samples(2, &[(1.0, &control)], false, f);
    let law = twin.affine().diffusion(0.1, 10.0, None);
    let known = law.heun(0.1 / 8.0).repeat(&start(), 160).second(1, 1);
    let (plain, better) =
        (Estimate::of(&samples), Estimate::controlled(&samples, &controls, known));
    let exact =
        problem.model().affine().diffusion(0.1, 10.0, None).flow(&start(), 2.0).second(1, 1);
    assert!(better.standard_error < 0.9 * plain.standard_error);
    assert!((better.mean - exact).abs() <= 4.0 * better.standard_error);
}

/// 4 standard errors and the tolerance of the bias: a false alarm once in 16,000 seeds.
#[test]
fn multilevel_estimation_meets_its_tolerance() {
    let problem = lq();
    let (learning_rate, noise) = (1.0, Noise::InverseTemperature(20.0));
    let euler = EulerMaruyama { learning_rate, noise, substeps: 2, ..EulerMaruyama::default() };
    let multilevel = Multilevel { tolerance: 4e-3, order: 1.0, paths: 1000, levels: 12 };
    let estimate = multilevel.run(&problem, &euler, 2, Seed::root(2), |x| x[0] * x[0]).unwrap();
    let known = problem.affine().diffusion(1.0, 10.0, None).flow(&start(), 2.0).second(0, 0);
    assert!(estimate.standard_error <= 4e-3 && estimate.bias <= 4e-3 / 1.4);
    let bound = 4.0 * estimate.standard_error + 4e-3;
    assert!((estimate.mean - known).abs() <= bound, "{estimate:?} {known}");
    // Coupled levels need fewer and fewer paths.
    let [first, .., last] = &estimate.levels[..] else { panic!("three levels or more") };
    assert!(first.paths > 4 * last.paths, "{estimate:?}");
    let few = Multilevel { levels: 2, tolerance: 1e-3, ..multilevel };
    let error = few.run(&problem, &euler, 2, Seed::root(2), |x| x[0] * x[0]).unwrap_err();
    assert_eq!(error.to_string(), "multilevel estimation did not converge");
}

#[test]
fn impossible_settings_name_their_field() {
    let message = |solver: EulerMaruyama| {
        solver.init(&lq(), &[2.0, -1.0], Seed::root(0)).err().expect("it is refused").to_string()
    };
    let default = EulerMaruyama::default;
    assert!(
        message(EulerMaruyama { learning_rate: 0.0, ..default() }).starts_with("learning-rate = 0")
    );
    assert!(message(EulerMaruyama { resolution: 12, ..default() }).starts_with("resolution = 12"));
    let cold = Noise::InverseTemperature(-1.0);
    assert!(
        message(EulerMaruyama { noise: cold, ..default() })
            .starts_with("noise.inverse-temperature = -1")
    );
    assert!(message(EulerMaruyama { paths: 2, ..default() }).contains("expected 4, found 2"));
}

#[test]
fn sections_of_a_study_are_read() {
    let text = r#"{"learning-rate": 0.05, "noise": {"batch": 20}, "drift": "corrected-alternating",
        "substeps": 4, "resolution": 8, "paths": 100}"#;
    let read: WeakHeun = serde_json::from_str(text).unwrap();
    let expected = WeakHeun {
        learning_rate: 0.05,
        noise: Noise::Batch(20.0),
        drift: Drift::CorrectedAlternating,
        substeps: 4,
        resolution: 8,
        paths: 100,
        ..WeakHeun::default()
    };
    assert_eq!(read, expected);
    assert_eq!(read.drift.correction(), Some(Correction::Alternating));
    assert!(serde_json::from_str::<WeakHeun>(r#"{"step-size": 1}"#).is_err());
}
