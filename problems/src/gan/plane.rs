//! Games of one number against one number, written once for all.

use serde::de::DeserializeOwned;

use super::affine::matrix;
use super::ensemble::{Observables, Observed, Traces};
use super::law::{Dynamic, Law, no_law};
use super::lyapunov;
use super::population::{PopulationScratch, Start, population_game, spread};
use crate::{Build, Correction, Diffusion, Seed, SetupError};

/// A point `(θ, ω)`, or two numbers that belong to the players.
pub type Pair = [f64; 2];

/// What a game in the plane is: its drift with derivative, and the noise of a pair.
///
/// Everything runs lane by lane inside vectorised loops: implementations are branch-free and
/// `#[inline(always)]`.
pub trait Plane: Send + Sync + Sized + 'static {
    /// Stable name of the problem.
    const ID: &'static str;
    /// One sentence for listings.
    const ABOUT: &'static str;
    /// Standard normals per pair.
    const NOISES: usize;
    /// The section of the study file.
    type Config: DeserializeOwned;

    /// Reads the section.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters.
    fn new(config: &Self::Config) -> Result<(Self, Setting), SetupError>;

    /// `b₀`.
    fn drift(&self, x: Pair) -> Pair;

    /// `∇b₀`: rows are components of `b₀`, columns coordinates.
    fn jacobian(&self, x: Pair) -> [Pair; 2];

    /// `S(x) dw`; `dw` has [`NOISES`](Self::NOISES) numbers, the rest is 0.
    fn noise(&self, x: Pair, dw: [f64; 3]) -> Pair;

    /// The term of order `1/B` in the minimizer's `b₁` for alternating updates that share a
    /// mini-batch: the covariance of `∂b_θ/∂ω` and `b_ω` of one pair.
    fn shared(&self, _x: Pair) -> f64 {
        0.0
    }

    /// The traces of the relations.
    fn traces(&self, x: Pair) -> Traces;

    /// Whether both players see one payoff, whose gradients the drift is made of.
    fn is_zero_sum(&self) -> bool {
        true
    }

    /// A point of rest of the drift.
    fn rest(&self) -> Pair;

    /// Writes the drift of one pair, made from its standard normals, and says that it did. Left out where
    /// the mean over a mini-batch is `b₀ + S normals / √B` exactly.
    fn pair(&self, _x: Pair, _normals: [f64; 3]) -> Option<Pair> {
        None
    }
}

/// What every section of a game in the plane has.
pub struct Setting {
    /// Where paths start.
    pub start: Start,
    /// The stationary law whose noise the relations take.
    pub law: Option<Law>,
    /// The centre of the relations; left out, the point of rest.
    pub center: Option<Vec<f64>>,
}

/// An instance of a game in the plane.
pub struct PlaneGame<M> {
    model: M,
    start: Option<Vec<f64>>,
    observables: Observables,
}

population_game!(PlaneGame<M> where M: Plane, |_| 2, |_| 0);

impl<M: Plane> PlaneGame<M> {
    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }
}

impl<M: Plane> Build for PlaneGame<M> {
    const ID: &'static str = M::ID;
    const ABOUT: &'static str = M::ABOUT;
    type Config = M::Config;

    fn check(config: &M::Config) -> Result<(), SetupError> {
        Self::build(config, Seed::root(0), None).map(drop)
    }

    fn build(config: &M::Config, _: Seed, _: Option<&[f64]>) -> Result<Self, SetupError> {
        let (model, setting) = M::new(config)?;
        let rest = model.rest();
        if let Some(law) = &setting.law {
            law.check()?;
            require_stable(&model, law)?;
        }
        let center = match &setting.center {
            Some(center) => spread("center", center, 2, 1)?,
            None => rest.to_vec(),
        };
        let zero_sum = model.is_zero_sum();
        let names = ["distance"];
        let observables = Observables::new(setting.law.as_ref(), center, zero_sum, None, &names);
        let start = setting.start.point(2, 1)?;
        if start.is_none() {
            observables.gaussian("start", "\"stationary\"".into())?;
        }
        Ok(Self { model, start, observables })
    }
}

/// Refuses a law of a dynamic whose linearization at the point of rest is unstable.
fn require_stable<M: Plane>(model: &M, law: &Law) -> Result<(), SetupError> {
    let eta = law.step_size;
    let [[a, c], [d, e]] = model.jacobian(model.rest());
    let step = |m: [Pair; 2]| {
        let radius = lyapunov::spectral_radius(matrix(m).as_ref());
        if radius < 1.0 { Ok(()) } else { Err(lyapunov::Unstable::Step { radius }) }
    };
    match law.of {
        Dynamic::Simultaneous => step([[1.0 + eta * a, eta * c], [eta * d, 1.0 + eta * e]]),
        Dynamic::Alternating => step([
            [1.0 + eta * a + eta * eta * c * d, eta * c * (1.0 + eta * e)],
            [eta * d, 1.0 + eta * e],
        ]),
        _ => lyapunov::gap(matrix([[-a, -c], [-d, -e]]).as_ref()).map(drop),
    }
    .map_err(no_law)
}

impl<M: Plane> Observed for PlaneGame<M> {
    fn minimizer(&self) -> usize {
        1
    }

    fn traces(&self, x: &[f64], _: &mut PopulationScratch) -> Traces {
        self.model.traces([x[0], x[1]])
    }

    fn pair(&self, x: &[f64], normals: &[f64], b: &mut [f64]) -> bool {
        let normal = |k: usize| normals.get(k).copied().unwrap_or(0.0);
        let drift = self.model.pair([x[0], x[1]], [normal(0), normal(1), normal(2)]);
        if let Some(drift) = drift {
            b.copy_from_slice(&drift);
        }
        drift.is_some()
    }

    fn observables(&self) -> &Observables {
        &self.observables
    }

    /// The distance from the point of rest of the drift.
    fn extra(&self, x: &[f64], _: &[f64], out: &mut [f64]) {
        let rest = self.model.rest();
        out[0] = (x[0] - rest[0]).hypot(x[1] - rest[1]);
    }
}

/// Writes `f` of every lane of `x`, two rows, into those of `out`.
#[inline(always)]
fn lanes(x: &[f64], out: &mut [f64], f: impl Fn(Pair) -> Pair) {
    let (theta, omega) = x.split_at(x.len() / 2);
    let (first, second) = out.split_at_mut(theta.len());
    for (((first, second), theta), omega) in first.iter_mut().zip(second).zip(theta).zip(omega) {
        [*first, *second] = f([*theta, *omega]);
    }
}

impl<M: Plane> Diffusion for PlaneGame<M> {
    fn noises(&self) -> usize {
        M::NOISES
    }

    #[inline(always)]
    fn drift(&self, x: &[f64], b: &mut [f64], _: &mut PopulationScratch) {
        lanes(x, b, |x| self.model.drift(x));
    }

    #[inline(always)]
    fn correction(
        &self,
        correction: Correction,
        x: &[f64],
        b: &mut [f64],
        _: &mut PopulationScratch,
    ) {
        // The minimizer answers to ω + η b_ω, or it does not.
        let (answers, shared) = match correction {
            Correction::Simultaneous => (0.0, 0.0),
            Correction::Alternating => (1.0, 0.0),
            Correction::AlternatingShared { batch } => (1.0, (batch as f64).recip()),
        };
        lanes(x, b, |x| {
            let [theta, omega] = self.model.drift(x);
            let [[a, c], [d, e]] = self.model.jacobian(x);
            let answer = answers * c * omega + shared * self.model.shared(x);
            [answer - 0.5 * (a * theta + c * omega), -0.5 * (d * theta + e * omega)]
        });
    }

    #[inline(always)]
    fn noise(&self, x: &[f64], dw: &[f64], out: &mut [f64], _: &mut PopulationScratch) {
        let width = out.len() / 2;
        let (theta, omega) = x.split_at(width);
        let (first, second) = out.split_at_mut(width);
        let row = |k: usize| if k < M::NOISES { &dw[k * width..][..width] } else { &dw[..width] };
        let rows = row(0).iter().zip(row(1)).zip(row(2));
        let points = theta.iter().zip(omega);
        for (((first, second), (theta, omega)), ((a, b), c)) in
            first.iter_mut().zip(second).zip(points).zip(rows)
        {
            let b = if M::NOISES > 1 { *b } else { 0.0 };
            let c = if M::NOISES > 2 { *c } else { 0.0 };
            [*first, *second] = self.model.noise([*theta, *omega], [*a, b, c]);
        }
    }
}
