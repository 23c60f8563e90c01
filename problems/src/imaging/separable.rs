//! Proximal maps of the data terms entry by entry.
//!
//! With `A A' = c I` they are all that is needed: `prox_{τ f}` of `f(x) = φ(A x)` moves `v` within the
//! range of `A'` alone, where `‖x - v‖² = ‖A x - A v‖² / c`, so
//!
//! ```text
//! prox_{τ f}(v) = v + A'(prox_{c τ φ}(A v) - A v) / c
//! ```
//!
//! For terms of the distance `d = |w - y|` the map shortens `w - y`; for terms of the modulus `r = |w|`
//! the best phase is that of `w`, and what is left is the scalar problem
//! `min_{ρ >= 0} (ρ - r)²/2 + t φ(ρ; y)` (specification 2.8.6 of scalable PnP-ADMM).

use pulp::{Arch, Simd, WithSimd};

use super::Loss;
use super::loss::modulus;

impl Loss {
    /// `argmin_z φ(z; y) t + |z - w|²/2` in place of `w`, entry by entry.
    pub(super) fn prox(self, complex: bool, t: f64, w: &mut [f64], y: &[f64]) {
        Arch::new().dispatch(Entries { loss: self, complex, t, w, y });
    }
}

/// The loops over all entries, compiled for the widest registers there are.
struct Entries<'a> {
    loss: Loss,
    complex: bool,
    t: f64,
    w: &'a mut [f64],
    y: &'a [f64],
}

impl WithSimd for Entries<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { loss, complex, t, w, y } = self;
        simd.vectorize(
            #[inline(always)]
            || {
                if complex { entries::<2>(loss, t, w, y) } else { entries::<1>(loss, t, w, y) }
            },
        );
    }
}

#[inline(always)]
fn entries<const W: usize>(loss: Loss, t: f64, w: &mut [f64], y: &[f64]) {
    let over = (1.0 + t).recip();
    match loss {
        Loss::LeastSquares => w.iter_mut().zip(y).for_each(|(w, y)| *w = (*w + t * y) * over),
        Loss::L1 => distances::<W>(w, y, |d| (1.0 - t / d).max(0.0)),
        Loss::Huber(delta) => {
            distances::<W>(
                w,
                y,
                |d| if d > delta * (1.0 + t) { 1.0 - t * delta / d } else { over },
            );
        }
        Loss::Amplitude => moduli::<W>(w, y, |r, y| ((r + t * y) * over).max(0.0)),
        Loss::AmplitudeL1 => moduli::<W>(w, y, |r, y| {
            // y + soft(r - y, t), which y >= 0 keeps at least 0.
            let d = r - y;
            (y + (d - t).max(0.0) + (d + t).min(0.0)).max(0.0)
        }),
        Loss::Intensity => moduli::<W>(w, y, |r, y| of_intensity(t, r, y)),
    }
}

/// Shortens every `w - y` by a factor that depends on its length.
#[inline(always)]
fn distances<const W: usize>(w: &mut [f64], y: &[f64], factor: impl Fn(f64) -> f64) {
    for (w, y) in w.as_chunks_mut::<W>().0.iter_mut().zip(y.as_chunks::<W>().0) {
        let d: [f64; W] = std::array::from_fn(|i| w[i] - y[i]);
        let length = modulus(&d);
        let factor = if length > 0.0 { factor(length) } else { 1.0 };
        *w = std::array::from_fn(|i| y[i] + factor * d[i]);
    }
}

/// Gives every `w` a new modulus; a zero has phase 1.
#[inline(always)]
fn moduli<const W: usize>(w: &mut [f64], y: &[f64], rho: impl Fn(f64, f64) -> f64) {
    for (w, y) in w.as_chunks_mut::<W>().0.iter_mut().zip(y) {
        let r = modulus(w);
        let rho = rho(r, *y);
        // No branch: a zero is first moved to 1.
        let zero = r <= 0.0;
        w[0] = if zero { 1.0 } else { w[0] };
        let factor = rho / if zero { 1.0 } else { r };
        w.iter_mut().for_each(|w| *w *= factor);
    }
}

/// `argmin_{ρ >= 0} (ρ - r)²/2 + t (ρ² - y)²/2`: the largest root of `p(ρ) = 2tρ³ + (1 - 2ty)ρ - r`.
///
/// For `r > 0` it is the only positive one, since `p(0) < 0` and `p` has at most one minimum there; for
/// `r = 0` the roots are 0 and, where `2ty > 1`, the better one `√((2ty - 1)/2t)`. Newton's method from
/// above falls to it, because `p` is convex and rising there.
#[inline(always)]
fn of_intensity(t: f64, r: f64, y: f64) -> f64 {
    let slope = 1.0 - 2.0 * t * y;
    // p >= 0 here: tρ³ >= r and tρ³ >= -slope ρ.
    let mut rho = (r / t).cbrt().max((-slope / t).max(0.0).sqrt());
    // The start is at most 2^(1/3) or √2 times the root or in the range where the linear part rules, so
    // that a few steps do; the limit is for numbers that are not finite.
    for _ in 0..100 {
        let cubic = 2.0 * t * rho * rho;
        let next = rho - ((cubic + slope) * rho - r) / (3.0 * cubic + slope);
        if next.is_nan() || next >= rho {
            break;
        }
        rho = next;
    }
    rho
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::loss::ALL;
    use super::*;
    use crate::Seed;

    /// `t φ(z; y) + |z - w|²/2`.
    fn objective(loss: Loss, complex: bool, t: f64, z: &[f64], w: &[f64], y: &[f64]) -> f64 {
        let square: f64 = z.iter().zip(w).map(|(z, w)| (z - w).powi(2)).sum();
        t * loss.value(complex, z, y) + 0.5 * square
    }

    /// A weight, an entry and its measurement; now and then an entry is 0 and a modulus negative.
    fn cases(loss: Loss, complex: bool) -> Vec<(f64, Vec<f64>, Vec<f64>)> {
        let mut rng = Seed::root(8).child("separable").rng();
        (0..200)
            .map(|i| {
                let mut number = || rng.random_range(-2.0..2.0);
                let width = if complex { 2 } else { 1 };
                let scale = if i % 10 == 0 { 0.0 } else { 1.0 };
                let w: Vec<f64> = (0..width).map(|_| scale * number()).collect();
                let mut y: Vec<f64> = (0..width).map(|_| number()).collect();
                if loss.is_phaseless() {
                    y.truncate(1);
                    y[0] += 1.0;
                }
                (rng.random_range(0.05..3.0), w, y)
            })
            .collect()
    }

    #[test]
    fn no_point_is_better_than_the_prox() {
        let mut rng = Seed::root(9).child("others").rng();
        for loss in ALL {
            for complex in [false, true] {
                for (t, w, y) in cases(loss, complex) {
                    let mut best = w.clone();
                    loss.prox(complex, t, &mut best, &y);
                    let least = objective(loss, complex, t, &best, &w, &y);
                    for i in 0..300 {
                        // Points everywhere, then ever closer.
                        let radius = 3.0 * 0.5_f64.powi(i / 12);
                        let z: Vec<f64> =
                            best.iter().map(|b| b + radius * rng.random_range(-1.0..1.0)).collect();
                        let other = objective(loss, complex, t, &z, &w, &y);
                        assert!(
                            least <= other + 1e-12 * (1.0 + least),
                            "{loss:?} at {w:?}, {y:?}, t = {t}: {least} against {other} at {z:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn amplitudes_and_intensities_agree_with_a_grid_of_moduli() {
        for loss in [Loss::Amplitude, Loss::AmplitudeL1, Loss::Intensity] {
            for (t, w, y) in cases(loss, true) {
                let mut best = w.clone();
                loss.prox(true, t, &mut best, &y);
                let r = w[0].hypot(w[1]);
                let cost =
                    |rho: f64| 0.5 * (rho - r).powi(2) + t * loss.value(true, &[rho, 0.0], &y);
                let grid = (0..100_000).map(|i| f64::from(i) * 1e-4).map(cost);
                let least = grid.fold(f64::INFINITY, f64::min);
                let found = cost(best[0].hypot(best[1]));
                // C27. The grid comes within 5e-5 of the best: at a kink of slope at most t + |ρ - r| <= 6
                // that costs 3e-4, elsewhere half the curvature of at most 200 times its square.
                let room = if loss == Loss::AmplitudeL1 { 3e-4 } else { 2.5e-7 };
                assert!(
                    found <= least + 1e-12 && found >= least - room,
                    "{loss:?}: {found} against {least}"
                );
            }
        }
    }

    #[test]
    fn a_zero_gets_the_phase_one() {
        let mut w = [0.0, 0.0];
        Loss::Amplitude.prox(true, 1.0, &mut w, &[3.0]);
        assert_eq!(w.map(f64::to_bits), [1.5, 0.0].map(f64::to_bits));
        let mut w = [0.0, 0.0];
        Loss::Intensity.prox(true, 1.0, &mut w, &[4.5]);
        assert!((w[0] - 2.0).abs() <= 1e-15 && w[1].abs() <= 0.0);
    }
}
