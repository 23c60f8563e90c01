//! The games whose paths probes simulate, and the integrators of their diffusions.

use converge_problems::gan::{
    BoundedGan, BoundedGanConfig, CovarianceGan, CovarianceGanConfig, LqGan, LqGanConfig, ScaleGan,
    ScaleGanConfig,
};
use converge_problems::{Build, Diffusion, Game, Problem, Seed, SetupError, require};
use converge_solvers::{
    Breakdown, EnsembleError, Euler, EulerMaruyama, Heun, Integrator, PlatenScheme, Scheme, Solver,
    endpoints,
};
use serde::Deserialize;

use crate::registry::ProbeError;

/// A game in the plane with a diffusion.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathGame {
    /// Linear–quadratic, additive noise.
    LqGan(LqGanConfig),
    /// Scale generator, noise that depends on the point.
    ScaleGan(ScaleGanConfig),
    /// Covariance game in one dimension, nonlinear with noise that depends on the point.
    CovarianceGan(CovarianceGanConfig),
    /// Bounded drift, additive noise.
    BoundedGan(BoundedGanConfig),
}

/// A function of a point `(θ, ω)`, with its name.
pub(super) type Observable = (&'static str, fn(&[f64]) -> f64);

/// What is done with a game whose type is known.
pub(super) trait WithGame {
    /// Does it.
    ///
    /// # Errors
    /// [`ProbeError`] if set-up or numerics fail.
    fn run<P: Game + Diffusion>(self, game: &P) -> Result<(), ProbeError>;
}

impl PathGame {
    /// Builds the game and hands it over.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters or more than one coordinate a player; what `with` says.
    pub(super) fn with(&self, seed: Seed, with: impl WithGame) -> Result<(), ProbeError> {
        match self {
            Self::LqGan(config) => hand_over::<LqGan>(config, seed, with),
            Self::ScaleGan(config) => hand_over::<ScaleGan>(config, seed, with),
            Self::CovarianceGan(config) => hand_over::<CovarianceGan>(config, seed, with),
            Self::BoundedGan(config) => hand_over::<BoundedGan>(config, seed, with),
        }
    }
}

impl PathGame {
    /// The same game with its relations about `center`.
    pub(super) fn about(&self, center: [f64; 2]) -> Self {
        let mut game = self.clone();
        let place = match &mut game {
            Self::LqGan(config) => &mut config.center,
            Self::ScaleGan(config) => &mut config.center,
            Self::CovarianceGan(config) => &mut config.center,
            Self::BoundedGan(config) => &mut config.center,
        };
        *place = Some(center.to_vec());
        game
    }
}

fn hand_over<P: Build + Game + Diffusion>(
    config: &P::Config,
    seed: Seed,
    with: impl WithGame,
) -> Result<(), ProbeError> {
    let game = P::build(config, seed, None)?;
    require("game.dimension", game.dim() / 2, game.dim() == 2, "1")?;
    with.run(&game)
}

/// A method on its way through a game.
pub(super) struct Course<'a, P: Problem, S: Solver<P>> {
    game: &'a P,
    solver: &'a S,
    state: S::State,
}

impl<'a, P: Problem, S: Solver<P>> Course<'a, P, S> {
    /// From `start`: `paths x dim`.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters.
    pub(super) fn new(
        game: &'a P,
        solver: &'a S,
        start: &[f64],
        noise: Seed,
    ) -> Result<Self, SetupError> {
        Ok(Self { game, solver, state: solver.init(game, start, noise)? })
    }

    /// Where the paths are: `paths x dim`.
    pub(super) fn points(&self) -> &[f64] {
        self.solver.iterate(&self.state)
    }

    /// A step.
    ///
    /// # Errors
    /// [`Breakdown`] if a path is lost.
    pub(super) fn step(&mut self) -> Result<(), Breakdown> {
        self.solver.step(self.game, &mut self.state).map(drop)
    }
}

/// A method for the diffusion of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowMethod {
    /// Stochastic Heun: weak order 2 for additive noise.
    WeakHeun,
    /// Platen's explicit scheme: weak order 2 for any noise.
    Platen,
    /// Euler–Maruyama, extrapolated from two numbers of substeps: weak order 2 for any noise.
    EulerMaruyama,
}

/// Where paths of the diffusion end, with different numbers of substeps and one Brownian motion: parts
/// of an estimate, each with its weight.
pub(super) type Parts = Vec<(f64, Vec<f64>)>;

impl FlowMethod {
    /// The parts of an estimate of second order with `at.substeps` substeps at most, a multiple of 4, and
    /// those of the same estimate with half as many.
    ///
    /// # Errors
    /// [`EnsembleError`] if an ensemble cannot be run.
    pub(super) fn parts<P: Diffusion>(
        self,
        game: &P,
        at: &EulerMaruyama,
        steps: u64,
        seed: Seed,
    ) -> Result<[Parts; 2], EnsembleError> {
        let fits = at.substeps >= 4 && at.substeps.is_multiple_of(4);
        require("substeps", at.substeps, fits, "a multiple of 4")?;
        let ends = |halvings: u32| match self {
            Self::WeakHeun => ends::<P, Heun>(game, at, halvings, steps, seed),
            Self::Platen => ends::<P, PlatenScheme>(game, at, halvings, steps, seed),
            Self::EulerMaruyama => ends::<P, Euler>(game, at, halvings, steps, seed),
        };
        let (fine, coarse) = (ends(0)?, ends(1)?);
        if self != Self::EulerMaruyama {
            return Ok([vec![(1.0, fine)], vec![(1.0, coarse)]]);
        }
        let coarsest = ends(2)?;
        Ok([vec![(2.0, fine), (-1.0, coarse.clone())], vec![(2.0, coarse), (-1.0, coarsest)]])
    }
}

/// The same equation in the hands of the scheme `S`.
pub(super) fn with_scheme<S>(of: &EulerMaruyama) -> Integrator<S> {
    let &Integrator {
        learning_rate, noise, drift, substeps, resolution, antithetic, paths, ..
    } = of;
    Integrator {
        learning_rate,
        noise,
        drift,
        substeps,
        resolution,
        antithetic,
        paths,
        ..Integrator::default()
    }
}

/// Where paths end with `at.substeps` halved so many times, driven by the motion of all of them.
fn ends<P: Diffusion, S: Scheme<P>>(
    game: &P,
    at: &EulerMaruyama,
    halvings: u32,
    steps: u64,
    seed: Seed,
) -> Result<Vec<f64>, EnsembleError> {
    let integrator = Integrator {
        substeps: at.substeps >> halvings,
        resolution: at.substeps,
        ..with_scheme::<S>(at)
    };
    endpoints(game, &integrator, steps, seed)
}
