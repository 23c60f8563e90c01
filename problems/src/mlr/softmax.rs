//! Maps of a tile's scores: softmax residuals, losses, Hessian products, predictions.
//!
//! All of them run over lanes of [`LANES`] samples, so that the loops compile to full registers.
//! Arithmetic is `f64` in both precisions: with few classes it costs little beside the products.

use pulp::{Simd, WithSimd};

use crate::numerics::{exp, ln_1p};

/// Samples that are mapped together; divides the capacity of every tile.
const LANES: usize = 16;

/// Scores to residuals `softmax(z) - c`, and the sum of the misfits `lse(z) - z_y`.
///
/// With `m = max z` and `S` the sum of `exp(z_i - m)` over all classes but one that attains the
/// maximum, the misfit is `(m - z_y) + log1p(S)` and, where `y` attains the maximum,
/// `p_y - 1 = -S / (1 + S)`: no cancellation for tiny misfits, no overflow for scores far apart.
pub(crate) struct Residuals<'a> {
    pub scores: &'a mut [f64],
    pub capacity: usize,
    pub labels: &'a [u16],
    /// Leave the probabilities themselves, for a linearization.
    pub probabilities: bool,
}

impl WithSimd for Residuals<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Self { scores, capacity, labels, probabilities } = self;
        let mut loss = 0.0;
        for (block, labels) in labels.chunks(LANES).enumerate() {
            let at = block * LANES;
            let mut max = [f64::NEG_INFINITY; LANES];
            for column in scores.chunks_exact(capacity) {
                for (m, &z) in max.iter_mut().zip(&column[at..at + LANES]) {
                    *m = if z > *m { z } else { *m };
                }
            }
            let mut own = [0.0; LANES];
            for (l, &label) in labels.iter().enumerate() {
                own[l] = scores[label as usize * capacity + at + l];
            }
            // Sum over the classes below the maximum, and how many attain it.
            let (mut below, mut attained) = ([0.0; LANES], [0.0; LANES]);
            for column in scores.chunks_exact_mut(capacity) {
                let column = &mut column[at..at + LANES];
                for l in 0..LANES {
                    let z = column[l];
                    let e = exp(z - max[l]);
                    let top = z >= max[l];
                    below[l] += if top { 0.0 } else { e };
                    attained[l] += if top { 1.0 } else { 0.0 };
                    column[l] = e;
                }
            }
            let (mut misfit, mut scale, mut own_residual) =
                ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            for l in 0..LANES {
                let others = below[l] + (attained[l] - 1.0);
                scale[l] = 1.0 / (1.0 + others);
                misfit[l] = (max[l] - own[l]) + ln_1p(others);
                own_residual[l] = -others * scale[l];
            }
            for column in scores.chunks_exact_mut(capacity) {
                for (e, s) in column[at..at + LANES].iter_mut().zip(&scale) {
                    *e *= s;
                }
            }
            for (l, &label) in labels.iter().enumerate() {
                loss += misfit[l];
                if !probabilities {
                    let p = &mut scores[label as usize * capacity + at + l];
                    *p = if own[l] >= max[l] { own_residual[l] } else { *p - 1.0 };
                }
            }
        }
        loss
    }
}

/// Scores `t` of a direction to `p∘t - p (pᵀt) + θ t`, the softmax Hessian with damping `θ` applied to
/// them.
pub(crate) struct Curvature<'a> {
    pub scores: &'a mut [f64],
    pub probabilities: &'a [f64],
    pub capacity: usize,
    pub damping: f64,
}

impl WithSimd for Curvature<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { scores, probabilities, capacity, damping } = self;
        for at in (0..capacity).step_by(LANES) {
            let mut mean = [0.0; LANES];
            for (t, p) in scores.chunks_exact(capacity).zip(probabilities.chunks_exact(capacity)) {
                for ((m, t), p) in mean.iter_mut().zip(&t[at..at + LANES]).zip(&p[at..at + LANES]) {
                    *m += t * p;
                }
            }
            for (t, p) in
                scores.chunks_exact_mut(capacity).zip(probabilities.chunks_exact(capacity))
            {
                let t = &mut t[at..at + LANES];
                for ((m, t), p) in mean.iter().zip(t).zip(&p[at..at + LANES]) {
                    *t = p * (*t - m) + damping * *t;
                }
            }
        }
    }
}

/// How many samples have their label as the class of the largest score; the first class wins ties.
pub(crate) fn correct(scores: &[f64], capacity: usize, labels: &[u16]) -> usize {
    let wins = |(j, label): (usize, &u16)| usize::from(is_correct(scores, capacity, j, *label));
    labels.iter().enumerate().map(wins).sum()
}

/// Whether `label` is the class of the largest score of sample `j`; the first class wins ties.
pub(crate) fn is_correct(scores: &[f64], capacity: usize, j: usize, label: u16) -> bool {
    let own = scores[label as usize * capacity + j];
    let mut before = scores.iter().skip(j).step_by(capacity).take(label as usize);
    let mut after = scores.iter().skip(j).step_by(capacity).skip(label as usize + 1);
    before.all(|&z| z < own) && after.all(|&z| z <= own)
}

/// The misfit of sample `j`, as [`Residuals`] adds them up.
pub(crate) fn misfit(scores: &[f64], capacity: usize, j: usize, label: u16) -> f64 {
    let all = || scores.iter().skip(j).step_by(capacity);
    let own = scores[label as usize * capacity + j];
    let max = all().fold(f64::NEG_INFINITY, |m, &z| if z > m { z } else { m });
    let below: f64 = all().filter(|&&z| z < max).map(|&z| exp(z - max)).sum();
    let attained = all().filter(|&&z| z >= max).count();
    (max - own) + ln_1p(below + (attained as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use super::*;

    fn residuals(z: &[f64], label: u16) -> (f64, Vec<f64>) {
        let mut scores = vec![0.0; LANES * z.len()];
        for (k, z) in z.iter().enumerate() {
            scores[k * LANES] = *z;
        }
        let map = Residuals {
            scores: &mut scores,
            capacity: LANES,
            labels: &[label],
            probabilities: false,
        };
        let loss = Arch::new().dispatch(map);
        (loss, scores.iter().step_by(LANES).copied().collect())
    }

    #[test]
    fn logits_a_thousand_apart_give_exact_losses_and_residuals() {
        let (loss, r) = residuals(&[1000.0, 0.0, -1000.0], 0);
        assert!(loss.abs() <= 0.0 && r.iter().all(|v| v.abs() <= 0.0));
        let (loss, r) = residuals(&[1000.0, 0.0, -1000.0], 2);
        assert!((loss - 2000.0).abs() <= 1e-12);
        assert!((r[0] - 1.0).abs() <= 1e-15 && r[1].abs() <= 0.0 && (r[2] + 1.0).abs() <= 1e-15);
    }

    #[test]
    fn tiny_misfits_keep_their_digits() {
        let (loss, r) = residuals(&[50.0, 0.0], 0);
        let exact = (-50.0_f64).exp();
        assert!((loss / exact - 1.0).abs() <= 1e-14, "{loss}");
        assert!((r[0] / -exact - 1.0).abs() <= 1e-14, "{}", r[0]);
    }

    #[test]
    fn ties_count_every_class_that_attains_the_maximum() {
        let (loss, r) = residuals(&[3.0, 3.0, 3.0, 3.0], 1);
        assert!((loss - 4.0_f64.ln()).abs() <= 1e-15);
        for (k, r) in r.iter().enumerate() {
            let expected = 0.25 - if k == 1 { 1.0 } else { 0.0 };
            assert!((r - expected).abs() <= 1e-16);
        }
    }

    #[test]
    fn a_score_that_is_not_a_number_reaches_the_loss() {
        assert!(residuals(&[0.0, f64::NAN, 1.0], 0).0.is_nan());
        assert!(!residuals(&[f64::INFINITY, 0.0, 1.0], 1).0.is_finite());
    }

    #[test]
    fn the_first_class_wins_ties() {
        let scores = [1.0, 2.0, 1.0, 2.0];
        assert_eq!(correct(&scores, 2, &[0, 0]), 2);
        assert_eq!(correct(&scores, 2, &[1, 1]), 0);
    }
}
