//! What integrators of stochastic differential equations share.

use std::fmt::Debug;
use std::marker::PhantomData;

use converge_problems::{Correction, Diffusion, Seed, SetupError, require_positive};
use serde::{Deserialize, Serialize};

use super::{Brownian, Noise};
use crate::ensemble::{AdvanceLanes, Ensemble, Grain, Lanes, add_scaled_to};
use crate::{Breakdown, Solver, Step, Work};

/// The drift of the stochastic differential equation that stands for a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// `b₀`, the mean field.
    #[default]
    FirstOrder,
    /// `b₀ + η b₁` of the alternating chain.
    CorrectedAlternating,
    /// `b₀ + η b₁` of the simultaneous chain.
    CorrectedSimultaneous,
    /// The same for the alternating chain whose half-steps share one mini-batch of so many pairs.
    CorrectedAlternatingShared(usize),
}

impl Drift {
    /// The order of updates whose `b₁` is added.
    pub fn correction(self) -> Option<Correction> {
        match self {
            Self::FirstOrder => None,
            Self::CorrectedAlternating => Some(Correction::Alternating),
            Self::CorrectedSimultaneous => Some(Correction::Simultaneous),
            Self::CorrectedAlternatingShared(batch) => {
                Some(Correction::AlternatingShared { batch })
            }
        }
    }
}

/// An ensemble of paths of the diffusion that stands for a chain with learning rate `η`,
///
/// ```text
/// dX = (b₀(X) + η b₁(X)) dt + √v S(X) dW,   v = η/B or 2/β
/// ```
///
/// integrated by the scheme `S`. One step is one step of the chain, the time `η`, in `substeps` steps of
/// the scheme.
///
/// | symbol | field |
/// |---|---|
/// | `η` | `learning_rate` |
/// | `v` | `noise` |
/// | `b₁` or none | `drift` |
/// | `m`, with `h = η/m` | `substeps` |
///
/// The Brownian motion has `resolution` sub-increments in a step, or `substeps` if that is 0. A chain
/// ([`GaussianSga`](crate::GaussianSga)) with the same seed and resolution is driven by the same motion;
/// so is the same equation with other substeps: see [`Brownian`].
///
/// Both players have one learning rate. With `r = η_ω/η_θ` the equation is that of `η = η_θ` and of the game
/// whose maximizer's gradients are `r` times as long.
///
/// Needs: [`Diffusion`], for which a scheme may ask more. Memory does not depend on the number of
/// steps: the points, and buffers of a tile for each chunk of paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Integrator<S> {
    /// `η > 0`.
    pub learning_rate: f64,
    /// The strength of the noise.
    pub noise: Noise,
    /// Whether the drift is corrected, and for which chain.
    pub drift: Drift,
    /// Steps of the scheme in a step of the chain, at least 1.
    pub substeps: u64,
    /// Sub-increments of the Brownian motion in a step, a multiple of the substeps; 0: as many.
    pub resolution: u64,
    /// Drives half of the paths by the mirrored motion. Errors of means over paths must then be taken
    /// over pairs, which the metrics of a problem do not.
    pub antithetic: bool,
    /// Number of paths, at least 1.
    pub paths: usize,
    /// The scheme.
    #[serde(skip)]
    pub scheme: PhantomData<S>,
}

impl<S> Default for Integrator<S> {
    fn default() -> Self {
        Self {
            learning_rate: 0.1,
            noise: Noise::Batch(10.0),
            drift: Drift::FirstOrder,
            substeps: 8,
            resolution: 0,
            antithetic: false,
            paths: 1,
            scheme: PhantomData,
        }
    }
}

/// One step of an integrator on a tile of paths.
pub trait Scheme<P: Diffusion>: Clone + Debug + Default + Send + Sync + 'static {
    /// Name of the solver.
    const ID: &'static str;
    /// One sentence for listings.
    const ABOUT: &'static str;
    /// Evaluations of the drift in a step.
    const DRIFTS: u64;
    /// What is computed once.
    type Constants: Clone + Send + Sync;

    /// Computes it.
    ///
    /// # Errors
    /// [`SetupError`] if the problem lacks what the scheme needs.
    fn prepare(problem: &P, equation: &Equation) -> Result<Self::Constants, SetupError>;

    /// Length of the increment of the motion of one path.
    fn noises(problem: &P, _constants: &Self::Constants) -> usize {
        problem.noises()
    }

    /// Temporaries of a lane.
    fn work(problem: &P) -> usize;

    /// Moves a tile over the time `h`.
    fn substep(
        problem: &P,
        equation: &Equation,
        constants: &Self::Constants,
        tile: Tile<'_, P::Scratch>,
    );
}

/// The numbers of an equation and a step.
#[derive(Clone, Copy, Debug)]
pub struct Equation {
    /// `η`.
    pub learning_rate: f64,
    /// `b₁` of which chain.
    pub correction: Option<Correction>,
    /// Length of a step of the scheme.
    pub h: f64,
    /// `√(v h)`.
    pub amplitude: f64,
}

/// A tile of paths in the hands of a scheme.
#[derive(Debug)]
pub struct Tile<'a, W> {
    /// `dim x width`.
    pub x: &'a mut [f64],
    /// Standard normals: `noises x width`.
    pub dw: &'a [f64],
    /// Temporaries, as many a lane as [`Scheme::work`] says.
    pub work: &'a mut [f64],
    /// Temporaries of the oracles.
    pub scratch: &'a mut W,
}

impl Equation {
    /// Writes the drift `b₀ + η b₁`. `x`, `b`, `temporary`: `dim x width`.
    #[inline(always)]
    pub(super) fn drift<P: Diffusion>(
        &self,
        problem: &P,
        x: &[f64],
        b: &mut [f64],
        temporary: &mut [f64],
        scratch: &mut P::Scratch,
    ) {
        problem.drift(x, b, scratch);
        if let Some(correction) = self.correction {
            problem.correction(correction, x, temporary, scratch);
            add_scaled_to(self.learning_rate, temporary, b);
        }
    }
}

/// State of an [`Integrator`].
#[derive(Clone)]
pub struct IntegratorState<W, C> {
    ensemble: Ensemble<W, ()>,
    brownian: Brownian,
    equation: Equation,
    constants: C,
    steps: u64,
}

/// A step of the chain.
struct Substeps<'a, P: Diffusion, S: Scheme<P>> {
    problem: &'a P,
    equation: &'a Equation,
    constants: &'a S::Constants,
    brownian: &'a Brownian,
    step: u64,
    count: u64,
}

impl<P: Diffusion, S: Scheme<P>> AdvanceLanes<P::Scratch, ()> for Substeps<'_, P, S> {
    #[inline(always)]
    fn advance(&self, lanes: Lanes<'_, P::Scratch, ()>) {
        let Self { problem, equation, constants, brownian, step, count } = *self;
        let Lanes { first, width, x, work, scratch, .. } = lanes;
        let (dw, work) = work.split_at_mut(S::noises(problem, constants) * width);
        let (temporary, work) = work.split_at_mut(width);
        for part in 0..count {
            brownian.fill(step, (part, count), first, width, dw, temporary);
            let tile = Tile { x: &mut *x, dw, work: &mut *work, scratch: &mut *scratch };
            S::substep(problem, equation, constants, tile);
        }
    }
}

impl<P: Diffusion, S: Scheme<P>> Solver<P> for Integrator<S> {
    const ID: &'static str = S::ID;
    const ABOUT: &'static str = S::ABOUT;
    type State = IntegratorState<P::Scratch, S::Constants>;

    fn points(&self) -> usize {
        self.paths
    }

    fn time_step(&self) -> Option<f64> {
        Some(self.learning_rate)
    }

    fn init(&self, problem: &P, x0: &[f64], seed: Seed) -> Result<Self::State, SetupError> {
        require_positive("learning-rate", self.learning_rate)?;
        self.noise.require()?;
        let resolution = if self.resolution == 0 { self.substeps } else { self.resolution };
        Brownian::require(resolution, self.substeps)?;
        let h = self.learning_rate / self.substeps as f64;
        let equation = Equation {
            learning_rate: self.learning_rate,
            correction: self.drift.correction(),
            h,
            amplitude: self.noise.amplitude(self.learning_rate, h),
        };
        let constants = S::prepare(problem, &equation)?;
        // The increment, and one row to add sub-increments up.
        let work = S::noises(problem, &constants) + 1 + S::work(problem);
        let shape = (self.paths, problem.dim());
        Ok(IntegratorState {
            ensemble: Ensemble::new(x0, shape, Grain::Tile, work, problem.scratch(), |_| None)?,
            brownian: Brownian::new(seed, resolution, self.antithetic),
            equation,
            constants,
            steps: 0,
        })
    }

    fn step(&self, problem: &P, state: &mut Self::State) -> Result<Step, Breakdown> {
        let IntegratorState { ensemble, brownian, equation, constants, steps } = state;
        let (step, count) = (*steps, self.substeps);
        ensemble.advance_lanes(&Substeps::<P, S> {
            problem,
            equation,
            constants,
            brownian,
            step,
            count,
        })?;
        *steps += 1;
        let gradients = S::DRIFTS * self.substeps * self.paths as u64;
        Ok(Step { work: Work { gradients, ..Work::default() }, converged: false })
    }

    fn iterate<'s>(&self, state: &'s Self::State) -> &'s [f64] {
        state.ensemble.points()
    }
}
