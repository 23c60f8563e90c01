//! Gradients of pairs and of mini-batches.

use pulp::{Arch, Simd, WithSimd};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use super::network::{Network, dot};
use super::{Loss, MixtureGan, Regularization, data};
use crate::Batch;
use crate::numerics::{exp, ln_1p};

/// Temporaries of a pair.
#[derive(Clone, Debug)]
pub(super) struct Room {
    latent: Vec<f64>,
    real: [f64; 2],
    fake: [f64; 2],
    generator: Vec<f64>,
    fooled: Vec<f64>,
    convinced: Vec<f64>,
    /// Twice the wider hidden layer.
    free: Vec<f64>,
}

impl Room {
    pub(super) fn new(game: &MixtureGan) -> Self {
        let (generator, discriminator) = (game.generator.hidden, game.discriminator.hidden);
        Self {
            latent: vec![0.0; game.generator.inputs],
            real: [0.0; 2],
            fake: [0.0; 2],
            generator: vec![0.0; generator],
            fooled: vec![0.0; discriminator],
            convinced: vec![0.0; discriminator],
            free: vec![0.0; 2 * generator.max(discriminator)],
        }
    }
}

/// `1/(1 + e^{-t})`.
#[inline(always)]
fn sigmoid(t: f64) -> f64 {
    1.0 / (1.0 + exp(-t))
}

/// `log(1 + eᵗ)`, without overflow.
#[inline(always)]
pub(super) fn softplus(t: f64) -> f64 {
    t.max(0.0) + ln_1p(exp(-t.abs()))
}

impl MixtureGan {
    /// Derivative of what the generator minimizes in `D(y)`.
    #[inline(always)]
    fn pull(&self, fake: f64) -> f64 {
        match self.loss {
            Loss::Wasserstein => -1.0,
            Loss::Minimax => -sigmoid(fake),
            Loss::NonSaturating => -sigmoid(-fake),
        }
    }

    /// Derivatives of what the discriminator minimizes in `D(x)` and `D(y)`.
    #[inline(always)]
    fn push(&self, real: f64, fake: f64) -> [f64; 2] {
        match self.loss {
            Loss::Wasserstein => [-1.0, 1.0],
            Loss::Minimax | Loss::NonSaturating => [-sigmoid(-real), sigmoid(fake)],
        }
    }

    /// The payoff of a pair, without regularization: minus what the discriminator minimizes.
    pub(super) fn payoff(&self, real: f64, fake: f64) -> f64 {
        match self.loss {
            Loss::Wasserstein => real - fake,
            Loss::Minimax | Loss::NonSaturating => -softplus(-real) - softplus(fake),
        }
    }

    /// Adds the descent field of the pair in `room` to `theta` and `omega`, those that are asked for.
    /// `between` places the gradient penalty.
    #[inline(always)]
    fn add_pair(
        &self,
        x: &[f64],
        theta: Option<&mut [f64]>,
        omega: Option<&mut [f64]>,
        between: f64,
        room: &mut Room,
    ) {
        let (w_theta, w_omega) = x.split_at(self.generator.parameters());
        let Room { latent, real, fake, generator, fooled, convinced, free } = room;
        let mut score = [0.0];
        self.generator.forward(w_theta, latent, generator, fake);
        self.discriminator.forward(w_omega, fake, fooled, &mut score);
        let of_fake = score[0];
        if let Some(theta) = theta {
            let mut pulled = [0.0; 2];
            let pull = [self.pull(of_fake)];
            self.discriminator.input_gradient(w_omega, fooled, &pull, &mut pulled, free);
            self.generator.backward(w_theta, latent, generator, &pulled, theta, free);
        }
        let Some(omega) = omega else { return };
        self.discriminator.forward(w_omega, real, convinced, &mut score);
        let [of_real, of_fake] = self.push(score[0], of_fake);
        self.discriminator.backward(w_omega, real, convinced, &[of_real], omega, free);
        self.discriminator.backward(w_omega, fake, fooled, &[of_fake], omega, free);
        let mut slope = [0.0; 2];
        match self.regularization {
            Regularization::None | Regularization::WeightBound(_) => {}
            Regularization::R1(weight) => {
                self.discriminator.input_gradient(w_omega, convinced, &[1.0], &mut slope, free);
                let q = slope.map(|r| weight * r);
                self.discriminator
                    .input_gradient_backward(w_omega, real, convinced, &q, omega, free);
            }
            Regularization::GradientPenalty(weight) => {
                let at = [0, 1].map(|k| between * real[k] + (1.0 - between) * fake[k]);
                self.discriminator.forward(w_omega, &at, fooled, &mut score);
                self.discriminator.input_gradient(w_omega, fooled, &[1.0], &mut slope, free);
                let length = dot(&slope, &slope).sqrt();
                // At a vanishing slope the penalty has a kink; 0 is one of its derivatives.
                let factor = if length > 0.0 { 2.0 * weight * (1.0 - 1.0 / length) } else { 0.0 };
                let q = slope.map(|r| factor * r);
                self.discriminator.input_gradient_backward(w_omega, &at, fooled, &q, omega, free);
            }
        }
    }

    /// Puts pair `term` into `room`, drawing it if there are no samples.
    fn take(&self, term: u32, rng: &mut Pcg64, room: &mut Room) {
        if let Some((latents, reals)) = &self.samples {
            let count = reals.len() / 2;
            let (i, j) = (term as usize / count, term as usize % count);
            let size = self.generator.inputs;
            room.latent.copy_from_slice(&latents[i * size..][..size]);
            room.real.copy_from_slice(&reals[2 * j..][..2]);
        } else {
            room.latent.fill_with(|| StandardNormal.sample(rng));
            data::draw(&self.centers, self.deviation, rng, &mut room.real);
        }
    }

    /// Writes the mean descent field of `batch` for the players asked for. Over a population the players
    /// draw for themselves, whether they move together or in turn.
    pub(super) fn batch_field<'a>(
        &self,
        batch: Batch<'_>,
        x: &[f64],
        mut theta: Option<&'a mut [f64]>,
        mut omega: Option<&'a mut [f64]>,
        room: &mut Room,
    ) {
        for g in [&mut theta, &mut omega].into_iter().flatten() {
            g.fill(0.0);
        }
        let (reborrowed, other) = (theta.as_deref_mut(), omega.as_deref_mut());
        Arch::new().dispatch(Sum { game: self, batch, x, theta: reborrowed, omega: other, room });
        let scale = (batch.terms.len() as f64).recip();
        for g in [theta, omega].into_iter().flatten() {
            g.iter_mut().for_each(|g| *g *= scale);
        }
    }

    /// Writes the field of pair `k` of the evaluation, both players, and returns its payoff.
    pub(super) fn evaluation_pair(
        &self,
        k: usize,
        x: &[f64],
        g: &mut [f64],
        room: &mut Room,
    ) -> f64 {
        let size = self.generator.inputs;
        room.latent.copy_from_slice(&self.evaluation.latents[k * size..][..size]);
        room.real.copy_from_slice(&self.evaluation.reals[2 * k..][..2]);
        g.fill(0.0);
        let between = self.evaluation.between[k];
        let (theta, omega) = g.split_at_mut(self.generator.parameters());
        let (theta, omega, game) = (Some(theta), Some(omega), self);
        Arch::new().dispatch(Pair { game, x, theta, omega, between, room });
        let w = &x[self.generator.parameters()..];
        let (mut real, mut fake) = ([0.0], [0.0]);
        let Room { real: at, fake: made, convinced, .. } = room;
        self.discriminator.forward(w, at, convinced, &mut real);
        self.discriminator.forward(w, made, convinced, &mut fake);
        self.payoff(real[0], fake[0])
    }

    /// Writes the fakes of the evaluation's latents.
    pub(super) fn generate(&self, theta: &[f64], out: &mut [f64], room: &mut Room) {
        Arch::new().dispatch(Fakes { game: self, theta, out, room });
    }
}

// What runs under run-time dispatch: structs, as the body of a closure is not inlined into it.

/// The sum of the descent fields of a mini-batch for the players asked for.
struct Sum<'a> {
    game: &'a MixtureGan,
    batch: Batch<'a>,
    x: &'a [f64],
    theta: Option<&'a mut [f64]>,
    omega: Option<&'a mut [f64]>,
    room: &'a mut Room,
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { game, batch, x, mut theta, mut omega, room } = self;
        if game.samples.is_some() {
            let mut rng = batch.draw.rng();
            for &term in batch.terms {
                game.take(term, &mut rng, room);
                let between = rng.random();
                game.add_pair(x, theta.as_deref_mut(), omega.as_deref_mut(), between, room);
            }
            return;
        }
        if let Some(theta) = theta {
            let mut rng = batch.draw.child("minimizer").rng();
            for &term in batch.terms {
                game.take(term, &mut rng, room);
                game.add_pair(x, Some(&mut *theta), None, 0.0, room);
            }
        }
        if let Some(omega) = omega {
            let mut rng = batch.draw.child("maximizer").rng();
            for &term in batch.terms {
                game.take(term, &mut rng, room);
                let between = rng.random();
                game.add_pair(x, None, Some(&mut *omega), between, room);
            }
        }
    }
}

/// The descent field of the pair in `room`.
struct Pair<'a> {
    game: &'a MixtureGan,
    x: &'a [f64],
    theta: Option<&'a mut [f64]>,
    omega: Option<&'a mut [f64]>,
    between: f64,
    room: &'a mut Room,
}

impl WithSimd for Pair<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { game, x, theta, omega, between, room } = self;
        game.add_pair(x, theta, omega, between, room);
    }
}

/// The fakes of the evaluation's latents.
struct Fakes<'a> {
    game: &'a MixtureGan,
    theta: &'a [f64],
    out: &'a mut [f64],
    room: &'a mut Room,
}

impl WithSimd for Fakes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { game, theta, out, room } = self;
        let Network { inputs, .. } = game.generator;
        let latents = game.evaluation.latents.chunks_exact(inputs);
        for (z, fake) in latents.zip(out.chunks_exact_mut(2)) {
            game.generator.forward(theta, z, &mut room.generator, fake);
        }
    }
}
