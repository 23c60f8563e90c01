//! Exact first and second moments of games whose pair gradients are affine in the point.
//!
//! In homogeneous coordinates `y = (θ, ω, 1)` the drift of such a game is `F y` and its noise
//! `Σ_k G_k y ξ_k` with independent standard `ξ_k`; chains, diffusions and their discretizations are
//! random linear maps of `y`, and `Y = E y yᵀ`, which holds first and second moments, obeys linear
//! equations without an error of closure:
//!
//! ```text
//! chain      y ← (C + Σ_k N_k ξ_k) y                     Y ← C Y Cᵀ + Σ_k N_k Y N_kᵀ
//! diffusion  dy = F y dt + √(η/B) Σ_k G_k y dW_k         Y' = F Y + Y Fᵀ + (η/B) Σ_k G_k Y G_kᵀ
//! ```
//!
//! With `E_θ`, `E_ω` the projections onto the players, the corrected drift of a diffusion is
//! `F + η F₁`, where `F₁ = C₂ - ½ F²` and `C₂` is the second-order term of the step: nothing for a
//! simultaneous one, `E_θ F E_ω F` for an alternating one, and `(1/B) Σ_k E_θ G_k E_ω G_k` more where
//! both half-steps share a mini-batch.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Scale};

use super::exponential::exponential;
use super::lyapunov::{Unstable, spectral_radius};
use crate::Correction;

/// The matrix with these rows.
pub(super) fn matrix<const N: usize>(rows: [[f64; N]; N]) -> Mat<f64> {
    Mat::from_fn(N, N, |i, j| rows[i][j])
}

/// First and second moments `E y yᵀ` of `y = (x, 1)`: `(dim + 1) x (dim + 1)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments(pub Mat<f64>);

impl Moments {
    /// Those of a fixed point.
    pub fn of_point(x: &[f64]) -> Self {
        let y = |i: usize| x.get(i).copied().unwrap_or(1.0);
        Self(Mat::from_fn(x.len() + 1, x.len() + 1, |i, j| y(i) * y(j)))
    }

    /// Length of the point.
    pub fn dim(&self) -> usize {
        self.0.nrows() - 1
    }

    /// `E x_i`.
    pub fn mean(&self, i: usize) -> f64 {
        self.0[(i, self.dim())]
    }

    /// `E x_i x_j`.
    pub fn second(&self, i: usize, j: usize) -> f64 {
        self.0[(i, j)]
    }

    /// `Cov(x_i, x_j)`.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        self.second(i, j) - self.mean(i) * self.mean(j)
    }
}

/// A random linear map `y ← (C + Σ_k N_k ξ_k) y` with independent standard `ξ_k`.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineStep {
    mean: Mat<f64>,
    noises: Vec<Mat<f64>>,
}

impl AffineStep {
    /// `C`.
    pub fn mean(&self) -> MatRef<'_, f64> {
        self.mean.as_ref()
    }

    /// The moments after a step from `at`.
    #[must_use]
    pub fn apply(&self, at: &Moments) -> Moments {
        let Moments(y) = at;
        let mut next = &self.mean * y * self.mean.transpose();
        for n in &self.noises {
            next += n * y * n.transpose();
        }
        Moments(next)
    }

    /// The moments after `steps` steps from `at`.
    #[must_use]
    pub fn repeat(&self, at: &Moments, steps: usize) -> Moments {
        (0..steps).fold(at.clone(), |at, _| self.apply(&at))
    }

    /// The moments that a step leaves as they are.
    ///
    /// # Errors
    /// [`Unstable`] if the second moments grow.
    pub fn stationary(&self) -> Result<Moments, Unstable> {
        let operator = self.operator();
        let size = operator.nrows();
        let radius = spectral_radius(operator.submatrix(0, 0, size - 1, size - 1));
        if radius < 1.0 {
            let identity = Mat::<f64>::identity(size, size);
            Ok(fixed(identity - operator, self.mean.nrows()))
        } else {
            Err(Unstable::Step { radius })
        }
    }

    /// `Y ↦ C Y Cᵀ + Σ N_k Y N_kᵀ` on the entries of `Y`, column by column.
    fn operator(&self) -> Mat<f64> {
        let mut operator = products(self.mean.as_ref(), self.mean.as_ref());
        for n in &self.noises {
            operator += products(n.as_ref(), n.as_ref());
        }
        operator
    }
}

/// `Y ↦ A Y Bᵀ` on the entries of `Y`, column by column.
fn products(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.nrows();
    Mat::from_fn(n * n, n * n, |row, column| a[(row % n, column % n)] * b[(row / n, column / n)])
}

/// The symmetric `Y` with `operator Y = 0` and `Y = 1` in the last entry, whose own equation is
/// `0 = 0`.
fn fixed(mut operator: Mat<f64>, n: usize) -> Moments {
    let last = n * n - 1;
    (0..=last).for_each(|column| operator[(last, column)] = 0.0);
    operator[(last, last)] = 1.0;
    let right = Mat::from_fn(last + 1, 1, |row, _| if row == last { 1.0 } else { 0.0 });
    let y = operator.partial_piv_lu().solve(&right);
    Moments(Mat::from_fn(n, n, |i, j| 0.5 * (y[(i + j * n, 0)] + y[(j + i * n, 0)])))
}

/// A diffusion `dy = F y dt + Σ_k G_k y dW_k`.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineDiffusion {
    drift: Mat<f64>,
    noises: Vec<Mat<f64>>,
}

impl AffineDiffusion {
    /// `F`, `(dim + 1) x (dim + 1)`: the drift of the mean.
    #[must_use]
    pub fn drift(&self) -> MatRef<'_, f64> {
        self.drift.as_ref()
    }

    /// The moments a time `t` after `at`.
    #[must_use]
    pub fn flow(&self, at: &Moments, t: f64) -> Moments {
        let n = self.drift.nrows();
        let flow = exponential((Scale(t) * self.generator()).as_ref());
        let from = Mat::from_fn(n * n, 1, |row, _| at.0[(row % n, row / n)]);
        let y = flow * from;
        Moments(Mat::from_fn(n, n, |i, j| y[(i + j * n, 0)]))
    }

    /// The moments at rest.
    ///
    /// # Errors
    /// [`Unstable`] if the second moments grow.
    pub fn stationary(&self) -> Result<Moments, Unstable> {
        let generator = self.generator();
        let size = generator.nrows();
        super::lyapunov::gap(
            (Scale(-1.0) * generator.submatrix(0, 0, size - 1, size - 1)).as_ref(),
        )?;
        Ok(fixed(generator, self.drift.nrows()))
    }

    /// A step of the Euler–Maruyama scheme of length `h`.
    pub fn euler(&self, h: f64) -> AffineStep {
        let n = self.drift.nrows();
        AffineStep {
            mean: Mat::<f64>::identity(n, n) + Scale(h) * &self.drift,
            noises: self.noises.iter().map(|g| Scale(h.sqrt()) * g).collect(),
        }
    }

    /// A step of length `h` of Heun's scheme, which evaluates the drift once more at the end of an
    /// Euler step: of weak order 2 if the noise is additive.
    pub fn heun(&self, h: f64) -> AffineStep {
        let n = self.drift.nrows();
        let half = Mat::<f64>::identity(n, n) + Scale(0.5 * h) * &self.drift;
        AffineStep {
            mean: Mat::<f64>::identity(n, n) + Scale(h) * (&self.drift * &half),
            noises: self.noises.iter().map(|g| Scale(h.sqrt()) * (&half * g)).collect(),
        }
    }

    /// `Y ↦ F Y + Y Fᵀ + Σ G_k Y G_kᵀ`.
    fn generator(&self) -> Mat<f64> {
        let n = self.drift.nrows();
        let identity = Mat::<f64>::identity(n, n);
        let mut generator = products(self.drift.as_ref(), identity.as_ref())
            + products(identity.as_ref(), self.drift.as_ref());
        for g in &self.noises {
            generator += products(g.as_ref(), g.as_ref());
        }
        generator
    }
}

/// Expectations that fluctuation–dissipation relations compare, of the minimizer and the maximizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sides {
    /// `E x·g` of the player's coordinates and its descent field.
    pub dissipation: [f64; 2],
    /// `E |g|²`.
    pub field: [f64; 2],
    /// `E Tr Σ` of one pair.
    pub variance: [f64; 2],
    /// `E Tr(Σ ∇²Φ)` of one pair, in the player's coordinates.
    pub curvature: [f64; 2],
}

/// A game with affine pair gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineGame {
    drift: Mat<f64>,
    noises: Vec<Mat<f64>>,
    minimizer: usize,
}

impl AffineGame {
    /// A game with drift `F` and noises `G_k`, `(dim + 1) x (dim + 1)` with a last row of zeros, and
    /// `minimizer` coordinates of the minimizer, which come first.
    ///
    /// # Panics
    /// If the shapes do not agree.
    pub fn new(drift: Mat<f64>, noises: Vec<Mat<f64>>, minimizer: usize) -> Self {
        let n = drift.nrows();
        let shapes = noises.iter().all(|g| g.shape() == (n, n)) && drift.shape() == (n, n);
        assert!(shapes && minimizer < n, "shapes of an affine game");
        Self { drift, noises, minimizer }
    }

    /// The same game where the players draw mini-batches of their own: no noise acts on both.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let parts = |g| [self.part(0, g), self.part(1, g)];
        let noises = self.noises.iter().flat_map(parts).filter(|g| g.norm_max() > 0.0).collect();
        Self { noises, ..self.clone() }
    }

    /// `E_θ A` or `E_ω A`.
    fn part(&self, player: usize, a: &Mat<f64>) -> Mat<f64> {
        let n = a.nrows();
        Mat::from_fn(n, n, |i, j| {
            let own = usize::from(i >= self.minimizer);
            if own == player && i + 1 < n { a[(i, j)] } else { 0.0 }
        })
    }

    /// The step of both players at once with learning rate `η` and mini-batches of `batch` pairs.
    pub fn simultaneous(&self, eta: f64, batch: f64) -> AffineStep {
        let n = self.drift.nrows();
        let scale = eta / batch.sqrt();
        AffineStep {
            mean: Mat::<f64>::identity(n, n) + Scale(eta) * &self.drift,
            noises: self.noises.iter().map(|g| Scale(scale) * g).collect(),
        }
    }

    /// The step of one player alone.
    pub fn half(&self, player: usize, eta: f64, batch: f64) -> AffineStep {
        let n = self.drift.nrows();
        let scale = eta / batch.sqrt();
        AffineStep {
            mean: Mat::<f64>::identity(n, n) + Scale(eta) * self.part(player, &self.drift),
            noises: self.noises.iter().map(|g| Scale(scale) * self.part(player, g)).collect(),
        }
    }

    /// The step of the maximizer, then the answer of the minimizer. Noises that act on both players
    /// are those of one mini-batch for both half-steps: `ξ² = 1 + √2 h(ξ)` with a standard `h(ξ)`
    /// that is uncorrelated with all else.
    pub fn alternating(&self, eta: f64, batch: f64) -> AffineStep {
        let first = self.half(1, eta, batch);
        let second = self.half(0, eta, batch);
        let mut mean = &second.mean * &first.mean;
        let mut noises = Vec::new();
        for (k, (w, t)) in first.noises.iter().zip(&second.noises).enumerate() {
            let both = t * w;
            mean += &both;
            noises.push(t * &first.mean + &second.mean * w);
            noises.push(Scale(std::f64::consts::SQRT_2) * both);
            for j in 0..k {
                noises.push(t * &first.noises[j] + &second.noises[j] * w);
            }
        }
        AffineStep { mean, noises }
    }

    /// `F₁` of the corrected drift `F + η F₁`.
    pub fn correction(&self, correction: Correction) -> Mat<f64> {
        let f = &self.drift;
        let mut first = Scale(-0.5) * (f * f);
        if correction != Correction::Simultaneous {
            first += self.part(0, f) * self.part(1, f);
        }
        if let Correction::AlternatingShared { batch } = correction {
            for g in &self.noises {
                first += Scale(1.0 / batch as f64) * (self.part(0, g) * self.part(1, g));
            }
        }
        first
    }

    /// The diffusion at learning rate `η` and batch size `batch`, with the corrected drift if one is
    /// named. An infinite batch size leaves the ordinary differential equation.
    pub fn diffusion(
        &self,
        eta: f64,
        batch: f64,
        correction: Option<Correction>,
    ) -> AffineDiffusion {
        let scale = (eta / batch).sqrt();
        let first = correction.map(|correction| self.correction(correction));
        let drift = match first {
            Some(first) => &self.drift + Scale(eta) * first,
            None => self.drift.clone(),
        };
        AffineDiffusion { drift, noises: self.noises.iter().map(|g| Scale(scale) * g).collect() }
    }

    /// The expectations of the relations at moments `at`, about the origin.
    pub fn sides(&self, at: &Moments) -> Sides {
        let n = self.drift.nrows();
        let Moments(y) = at;
        let spans = [0..self.minimizer, self.minimizer..n - 1];
        let trace = |a: &Mat<f64>| spans.clone().map(|span| span.map(|i| a[(i, i)]).sum::<f64>());
        let mut covariance = Mat::<f64>::zeros(n, n);
        for g in &self.noises {
            covariance += g * y * g.transpose();
        }
        // The block of a player's own second derivatives: -∂b_θ/∂θ and ∂b_ω/∂ω.
        let curved = |player: usize| {
            let span = spans[player].clone();
            let sign = if player == 0 { -1.0 } else { 1.0 };
            let row = |i: usize| span.clone().map(move |j| (i, j));
            let entries = span.clone().flat_map(row);
            entries.map(|(i, j)| sign * covariance[(i, j)] * self.drift[(j, i)]).sum()
        };
        Sides {
            dissipation: trace(&(&self.drift * y)).map(|b| -b),
            field: trace(&(&self.drift * y * self.drift.transpose())),
            variance: trace(&covariance),
            curvature: [curved(0), curved(1)],
        }
    }
}
