//! Data terms: what the distance of a measurement from its prediction costs.

use serde::{Deserialize, Serialize};

use crate::{SetupError, require_positive};

/// A data term `f_i(x) = Σ φ(w_j; y_j)` over the entries of `w = A_i x`, real or complex, and of the
/// measurements `y`.
///
/// With `d = |w - y|` and `r = |w|` (specification 1.1 of scalable PnP-ADMM, arXiv 2006.03224):
///
/// | name | `φ` | convex | gradient |
/// |---|---|---|---|
/// | `least-squares` | `d²/2` | yes | yes |
/// | `l1` | `d` | yes | no |
/// | `huber = δ` | `d²/2` up to `d = δ`, then `δ d - δ²/2` | yes | yes |
/// | `amplitude` | `(r - y)²/2` | no | but at `r = 0`, where 0 is taken |
/// | `amplitude-l1` | `\|r - y\|` | no | no |
/// | `intensity` | `(r² - y)²/2` | no | yes |
///
/// The last three measure moduli alone: their `y` are real. An amplitude that noise made negative is
/// set to 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Half the squared distance.
    #[default]
    LeastSquares,
    /// The distance.
    L1,
    /// Half the squared distance near zero, linear beyond `δ`.
    Huber(f64),
    /// Half the squared distance of moduli.
    Amplitude,
    /// The distance of moduli.
    AmplitudeL1,
    /// Half the squared distance of squared moduli.
    Intensity,
}

impl Loss {
    /// Checks `δ`.
    pub(super) fn check(self) -> Result<(), SetupError> {
        match self {
            Self::Huber(delta) => require_positive("data-term.huber", delta),
            _ => Ok(()),
        }
    }

    /// Whether only moduli are measured.
    pub fn is_phaseless(self) -> bool {
        matches!(self, Self::Amplitude | Self::AmplitudeL1 | Self::Intensity)
    }

    /// Whether it has a gradient (almost) everywhere that vanishes where the term is least.
    pub fn is_smooth(self) -> bool {
        !matches!(self, Self::L1 | Self::AmplitudeL1)
    }

    /// What is measured of `w`: itself, its moduli or their squares.
    pub(super) fn observe(self, complex: bool, w: &[f64], y: &mut [f64]) {
        match self {
            Self::LeastSquares | Self::L1 | Self::Huber(_) => y.copy_from_slice(w),
            Self::Amplitude | Self::AmplitudeL1 => {
                moduli(complex, w, y, f64::sqrt);
            }
            Self::Intensity => moduli(complex, w, y, |squared| squared),
        }
    }

    /// `Σ φ(w; y)`.
    pub(super) fn value(self, complex: bool, w: &[f64], y: &[f64]) -> f64 {
        if complex { self.value_of::<2>(w, y) } else { self.value_of::<1>(w, y) }
    }

    fn value_of<const W: usize>(self, w: &[f64], y: &[f64]) -> f64 {
        let w = w.as_chunks::<W>().0;
        if self.is_phaseless() {
            return w.iter().zip(y).map(|(w, y)| self.of_modulus(modulus(w), *y)).sum();
        }
        let y = y.as_chunks::<W>().0;
        w.iter().zip(y).map(|(w, y)| self.of_distance(modulus(&difference(w, y)))).sum()
    }

    fn of_distance(self, d: f64) -> f64 {
        match self {
            Self::L1 => d,
            Self::Huber(delta) if d > delta => delta * (d - 0.5 * delta),
            _ => 0.5 * d * d,
        }
    }

    fn of_modulus(self, r: f64, y: f64) -> f64 {
        match self {
            Self::AmplitudeL1 => (r - y).abs(),
            Self::Intensity => 0.5 * (r * r - y).powi(2),
            _ => 0.5 * (r - y).powi(2),
        }
    }

    /// `Σ φ(w; y)`, and its derivative in `w` in place of `w`: the gradient of a term is `A'` of it.
    /// Where there is none, the subgradient of least modulus.
    pub(super) fn differentiate(self, complex: bool, w: &mut [f64], y: &[f64]) -> f64 {
        let value = self.value(complex, w, y);
        if complex {
            self.derivative::<2>(w, y);
        } else {
            self.derivative::<1>(w, y);
        }
        value
    }

    fn derivative<const W: usize>(self, w: &mut [f64], y: &[f64]) {
        let w = w.as_chunks_mut::<W>().0;
        if self.is_phaseless() {
            for (w, y) in w.iter_mut().zip(y) {
                let r = modulus(w);
                let factor = match self {
                    Self::Intensity => 2.0 * (r * r - y),
                    _ if r <= 0.0 => 0.0,
                    Self::AmplitudeL1 if r < *y => -1.0 / r,
                    Self::AmplitudeL1 => f64::from(r > *y) / r,
                    _ => 1.0 - y / r,
                };
                w.iter_mut().for_each(|w| *w *= factor);
            }
            return;
        }
        for (w, y) in w.iter_mut().zip(y.as_chunks::<W>().0) {
            *w = difference(w, y);
            let d = modulus(w);
            let factor = match self {
                Self::L1 if d > 0.0 => d.recip(),
                Self::Huber(delta) if d > delta => delta / d,
                _ => 1.0,
            };
            w.iter_mut().for_each(|w| *w *= factor);
        }
    }

    /// `Σ φ*(q; y)` for `q` in the domain of the conjugate, of the convex terms:
    /// `φ*(q) = Re(q̄ y)`, plus `|q|²/2` but for `l1`.
    pub(super) fn conjugate(self, q: &[f64], y: &[f64]) -> f64 {
        let square = if self == Self::L1 { 0.0 } else { 0.5 };
        q.iter().zip(y).map(|(q, y)| q * (y + square * q)).sum()
    }

    /// One step of length `step` on the dual of a convex term, from `q` along `d = w - y`:
    /// `argmin_p φ*(p) - Re(p̄ w) + |p - q|² / (2 step)`, in place of `q`.
    pub(super) fn dual_step(self, complex: bool, step: f64, d: &[f64], q: &mut [f64]) {
        let (shrink, limit) = match self {
            Self::L1 => (1.0, 1.0),
            Self::Huber(delta) => ((1.0 + step).recip(), delta),
            _ => ((1.0 + step).recip(), f64::INFINITY),
        };
        q.iter_mut().zip(d).for_each(|(q, d)| *q = shrink * (*q + step * d));
        if complex { clip::<2>(limit, q) } else { clip::<1>(limit, q) }
    }

    /// The measurements with the phases of `w`: the amplitude terms are at most the same terms
    /// without moduli against these, and equal to them at `w`, since `||a| - y| <= |a - y p|` for
    /// any phase `p` and `y >= 0`. A zero has phase 1.
    pub(super) fn with_phases(complex: bool, w: &[f64], y: &[f64], target: &mut [f64]) {
        fn of<const W: usize>(w: &[f64], y: &[f64], target: &mut [f64]) {
            let (w, target) = (w.as_chunks::<W>().0, target.as_chunks_mut::<W>().0);
            for ((w, y), target) in w.iter().zip(y).zip(target) {
                let r = modulus(w);
                if r > 0.0 {
                    target.iter_mut().zip(w).for_each(|(t, w)| *t = y * w / r);
                } else {
                    *target = [0.0; W];
                    target[0] = *y;
                }
            }
        }
        if complex { of::<2>(w, y, target) } else { of::<1>(w, y, target) }
    }

    /// The term without moduli that [`with_phases`](Self::with_phases) speaks of.
    pub(super) fn with_known_phases(self) -> Self {
        if self == Self::AmplitudeL1 { Self::L1 } else { Self::LeastSquares }
    }
}

/// `|w|`.
#[inline(always)]
pub(super) fn modulus<const W: usize>(w: &[f64; W]) -> f64 {
    // Images and measurements are far from the range in which squares overflow.
    w.iter().map(|w| w * w).sum::<f64>().sqrt()
}

#[inline(always)]
fn difference<const W: usize>(w: &[f64; W], y: &[f64; W]) -> [f64; W] {
    std::array::from_fn(|i| w[i] - y[i])
}

fn moduli(complex: bool, w: &[f64], y: &mut [f64], of_square: impl Fn(f64) -> f64) {
    if complex {
        let w = w.as_chunks::<2>().0;
        y.iter_mut().zip(w).for_each(|(y, [re, im])| *y = of_square(re * re + im * im));
    } else {
        y.iter_mut().zip(w).for_each(|(y, w)| *y = of_square(w * w));
    }
}

fn clip<const W: usize>(limit: f64, q: &mut [f64]) {
    if limit.is_infinite() {
        return;
    }
    for q in q.as_chunks_mut::<W>().0 {
        let r = modulus(q);
        if r > limit {
            q.iter_mut().for_each(|q| *q *= limit / r);
        }
    }
}

/// Every data term.
#[cfg(test)]
pub(super) const ALL: [Loss; 6] = [
    Loss::LeastSquares,
    Loss::L1,
    Loss::Huber(0.3),
    Loss::Amplitude,
    Loss::AmplitudeL1,
    Loss::Intensity,
];

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::Seed;

    fn random(n: usize, label: &str) -> Vec<f64> {
        let mut rng = Seed::root(2).child(label).rng();
        (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    #[test]
    fn derivatives_are_those_of_the_values() {
        for loss in ALL {
            for complex in [false, true] {
                let (w, mut y) = (random(12, "w"), random(12, "y"));
                if loss.is_phaseless() {
                    y.truncate(if complex { 6 } else { 12 });
                }
                let mut slope = w.clone();
                loss.differentiate(complex, &mut slope, &y);
                for i in 0..12 {
                    let at = |h: f64| {
                        let mut w = w.clone();
                        w[i] += h;
                        loss.value(complex, &w, &y)
                    };
                    let h = 1e-5;
                    let difference = (at(h) - at(-h)) / (2.0 * h);
                    // Truncation h²/6 times third derivatives of at most 1/r² and 24; rounding ε/h.
                    assert!((difference - slope[i]).abs() <= 1e-7, "{loss:?} {complex} {i}");
                }
            }
        }
    }

    #[test]
    fn conjugates_meet_their_terms_with_equality_at_the_derivative() {
        for loss in [Loss::LeastSquares, Loss::L1, Loss::Huber(0.3)] {
            for complex in [false, true] {
                let (w, y) = (random(20, "w"), random(20, "y"));
                let mut q = w.clone();
                let value = loss.differentiate(complex, &mut q, &y);
                let product: f64 = q.iter().zip(&w).map(|(q, w)| q * w).sum();
                // Fenchel and Young: φ(w) + φ*(q) = <q, w> where q is a derivative at w.
                let gap = value + loss.conjugate(&q, &y) - product;
                assert!(gap.abs() <= 1e-13, "{loss:?}: {gap}");
            }
        }
    }

    #[test]
    fn phases_majorize_and_touch() {
        for loss in [Loss::Amplitude, Loss::AmplitudeL1] {
            let (w, mut y, other) = (random(40, "w"), random(20, "y"), random(40, "other"));
            y.iter_mut().for_each(|y| *y = y.abs());
            let mut target = vec![0.0; 40];
            Loss::with_phases(true, &w, &y, &mut target);
            let known = loss.with_known_phases();
            let gap = known.value(true, &w, &target) - loss.value(true, &w, &y);
            assert!(gap.abs() <= 1e-13, "{gap}");
            assert!(known.value(true, &other, &target) >= loss.value(true, &other, &y));
        }
    }
}
