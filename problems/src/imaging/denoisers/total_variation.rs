//! Total variation.

use pulp::{Arch, Simd, WithSimd};

/// The proximal map of the total variation: `min_x ‖x - v‖²/2 + λ Σ |D x|` with forward differences
/// `D`, zero across the border; `|·|` is the length of the two differences of a pixel (isotropic), or
/// the sum of their moduli (anisotropic).
///
/// By the dual: `x = v - λ D'p` with `|p| <= 1`, accelerated projected gradients of step `1/(8 λ)` that
/// restart where they turn back (Beck and Teboulle, IEEE Trans. Image Process. 18, 2009), from `p = 0`.
/// Every tenth iteration the duality gap `λ (Σ |D x| - <p, D x>)` is looked at, which bounds half the
/// squared error; it ends at `tolerance` times the number of pixels.
#[derive(Clone, Debug)]
pub(super) struct TotalVariation {
    pub(super) shape: [usize; 2],
    pub(super) isotropic: bool,
    pub(super) tolerance: f64,
    pub(super) iterations: u64,
}

/// Numbers that are worked on side by side.
const LANES: usize = 8;
/// Iterations between two looks at the gap.
const LOOK: u64 = 10;

impl TotalVariation {
    /// Numbers of the scratch: four fields of differences, an image.
    pub(super) fn room(&self) -> usize {
        5 * self.shape[0] * self.shape[1]
    }

    /// Writes the denoised image; returns the gap.
    pub(super) fn denoise(&self, v: &[f64], weight: f64, x: &mut [f64], room: &mut [f64]) -> f64 {
        if weight <= 0.0 {
            x.copy_from_slice(v);
            return 0.0;
        }
        let n = v.len();
        room.fill(0.0);
        let (mut p, rest) = room.split_at_mut(2 * n);
        let (mut old_p, image) = rest.split_at_mut(2 * n);
        // The image and the one before it change places; the last one is copied to `x` if it is not there.
        let (mut now, mut before) = (image, &mut *x);
        now.copy_from_slice(v);
        before.copy_from_slice(v);
        let target = self.tolerance * n as f64;
        let mut gap = self.gap(weight, p, now);
        let (mut momentum, mut iterations) = (1.0_f64, 0);
        while gap > target && iterations < self.iterations {
            iterations += 1;
            let next = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
            let push = (momentum - 1.0) / next;
            momentum = next;
            let turning = self.ascend(weight, push, [now, before], p, old_p);
            std::mem::swap(&mut p, &mut old_p);
            std::mem::swap(&mut now, &mut before);
            self.primal(weight, v, p, now);
            if turning > 0.0 {
                momentum = 1.0;
            }
            if iterations % LOOK == 0 || iterations == self.iterations {
                gap = self.gap(weight, p, now);
            }
        }
        if iterations % 2 == 0 {
            before.copy_from_slice(now);
        }
        gap
    }

    /// The two differences at pixel `i`.
    #[inline(always)]
    fn differences(&self, x: &[f64], i: usize) -> [f64; 2] {
        let [rows, _] = self.shape;
        let down = if i % rows + 1 < rows { x[i + 1] - x[i] } else { 0.0 };
        let right = if i + rows < x.len() { x[i + rows] - x[i] } else { 0.0 };
        [down, right]
    }

    /// `|d|`. Without the care of `hypot` about overflow: differences of images are far from it.
    #[inline(always)]
    fn size(&self, [a, b]: [f64; 2]) -> f64 {
        if self.isotropic { (a * a + b * b).sqrt() } else { a.abs() + b.abs() }
    }

    /// One step from `p + push (p - old)` along the differences of the image that belongs to it, an
    /// extrapolation of the last two, projected, in place of `old`. Returns how far the step turns back
    /// from the last one.
    fn ascend(
        &self,
        weight: f64,
        push: f64,
        images: [&[f64]; 2],
        p: &[f64],
        old: &mut [f64],
    ) -> f64 {
        let [rows, _] = self.shape;
        let n = images[0].len();
        let ((p_down, p_right), (old_down, old_right)) = (p.split_at(n), old.split_at_mut(n));
        let mut turning = 0.0;
        for start in (0..n).step_by(rows) {
            let column = start..start + rows;
            let here = images.map(|x| &x[column.clone()]);
            // Beyond the last column there is no difference.
            let next = images.map(|x| x.get(start + rows..start + 2 * rows));
            turning += Arch::new().dispatch(Column {
                isotropic: self.isotropic,
                step: 1.0 / (8.0 * weight),
                push,
                here,
                next: [0, 1].map(|k| next[k].unwrap_or(here[k])),
                p: [&p_down[column.clone()], &p_right[column.clone()]],
                old: [&mut old_down[column.clone()], &mut old_right[column]],
            });
        }
        turning
    }

    /// `x = v - λ D'p`, `(D'p)_i = p_{i-1} - p_i` along both axes; `p` is 0 across the border.
    fn primal(&self, weight: f64, v: &[f64], p: &[f64], x: &mut [f64]) {
        let [rows, _] = self.shape;
        let (down, right) = p.split_at(v.len());
        for (c, x) in x.chunks_exact_mut(rows).enumerate() {
            let column = rows * c..rows * (c + 1);
            let before = if c > 0 { Some(&right[column.start - rows..column.start]) } else { None };
            let (down, right) = (&down[column.clone()], &right[column.clone()]);
            Arch::new().dispatch(Primal { weight, v: &v[column], down, right, before, x });
        }
    }

    fn gap(&self, weight: f64, p: &[f64], x: &[f64]) -> f64 {
        let (down, right) = p.split_at(x.len());
        let one = |i: usize| {
            let d = self.differences(x, i);
            self.size(d) - down[i] * d[0] - right[i] * d[1]
        };
        weight * (0..x.len()).map(one).sum::<f64>()
    }
}

/// The dual step on one column, compiled for the widest registers there are.
struct Column<'a> {
    isotropic: bool,
    step: f64,
    push: f64,
    /// Of the image and the one before it: this column and the next one.
    here: [&'a [f64]; 2],
    next: [&'a [f64]; 2],
    /// Of the differences down and to the right.
    p: [&'a [f64]; 2],
    old: [&'a mut [f64]; 2],
}

impl WithSimd for Column<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        simd.vectorize(
            #[inline(always)]
            || self.ascend(),
        )
    }
}

impl Column<'_> {
    #[inline(always)]
    fn ascend(self) -> f64 {
        let Self { isotropic, step, push, here, next, p: [p_down, p_right], old } = self;
        let [old_down, old_right] = old;
        let one = |d: [f64; 2], at: [f64; 2], old: [f64; 2]| {
            let from: [f64; 2] = std::array::from_fn(|k| at[k] + push * (at[k] - old[k]));
            let to: [f64; 2] = std::array::from_fn(|k| from[k] + step * d[k]);
            let to = if isotropic {
                let square = to[0] * to[0] + to[1] * to[1];
                let length = if square > 1.0 { square.sqrt() } else { 1.0 };
                to.map(|t| t / length)
            } else {
                to.map(|t| t.clamp(-1.0, 1.0))
            };
            let turn = |k: usize| (from[k] - to[k]) * (to[k] - at[k]);
            (to, turn(0) + turn(1))
        };
        let extrapolated = |[x, old]: [&[f64]; 2], i: usize| x[i] + push * (x[i] - old[i]);
        let last = p_down.len() - 1;
        let whole = last / LANES * LANES;
        // Partial sums side by side, so that the loop vectorises.
        let mut turning = [0.0; LANES];
        for start in (0..whole).step_by(LANES) {
            for (lane, turning) in turning.iter_mut().enumerate() {
                let i = start + lane;
                let x = extrapolated(here, i);
                let d = [extrapolated(here, i + 1) - x, extrapolated(next, i) - x];
                let (to, turn) = one(d, [p_down[i], p_right[i]], [old_down[i], old_right[i]]);
                (old_down[i], old_right[i]) = (to[0], to[1]);
                *turning += turn;
            }
        }
        let mut rest = 0.0;
        for i in whole..=last {
            let x = extrapolated(here, i);
            let down = if i < last { extrapolated(here, i + 1) - x } else { 0.0 };
            let d = [down, extrapolated(next, i) - x];
            let (to, turn) = one(d, [p_down[i], p_right[i]], [old_down[i], old_right[i]]);
            (old_down[i], old_right[i]) = (to[0], to[1]);
            rest += turn;
        }
        turning.iter().sum::<f64>() + rest
    }
}

/// The image of dual variables on one column, compiled for the widest registers there are.
struct Primal<'a> {
    weight: f64,
    v: &'a [f64],
    down: &'a [f64],
    right: &'a [f64],
    /// `right` of the column before this one.
    before: Option<&'a [f64]>,
    x: &'a mut [f64],
}

impl WithSimd for Primal<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        simd.vectorize(
            #[inline(always)]
            || self.write(),
        );
    }
}

impl Primal<'_> {
    #[inline(always)]
    fn write(self) {
        let Self { weight, v, down, right, before, x } = self;
        x[0] = v[0] + weight * (down[0] + right[0]);
        let inner = x[1..].iter_mut().zip(&v[1..]).zip(down.windows(2)).zip(&right[1..]);
        for (((x, v), down), right) in inner {
            *x = v + weight * (down[1] - down[0] + right);
        }
        for (x, right) in x.iter_mut().zip(before.unwrap_or_default()) {
            *x -= weight * right;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::Seed;

    fn total_variation(shape: [usize; 2], isotropic: bool) -> TotalVariation {
        TotalVariation { shape, isotropic, tolerance: 1e-13, iterations: 100_000 }
    }

    fn denoise(map: &TotalVariation, v: &[f64], weight: f64) -> (Vec<f64>, f64) {
        let mut x = vec![0.0; v.len()];
        let gap = map.denoise(v, weight, &mut x, &mut vec![0.0; map.room()]);
        (x, gap)
    }

    fn objective(map: &TotalVariation, v: &[f64], weight: f64, x: &[f64]) -> f64 {
        let square: f64 = x.iter().zip(v).map(|(x, v)| (x - v).powi(2)).sum();
        let variation: f64 = (0..x.len()).map(|i| map.size(map.differences(x, i))).sum();
        0.5 * square + weight * variation
    }

    #[test]
    fn no_point_is_better_and_the_gap_is_reached() {
        let mut rng = Seed::root(5).child("images").rng();
        for isotropic in [false, true] {
            let map = total_variation([7, 10], isotropic);
            for weight in [0.01, 0.1, 1.0, 100.0] {
                let v: Vec<f64> = (0..70).map(|_| rng.random_range(0.0..1.0)).collect();
                let (x, gap) = denoise(&map, &v, weight);
                assert!(gap <= 1e-13 * 70.0, "{gap}");
                let least = objective(&map, &v, weight, &x);
                for i in 0..200 {
                    let radius = 0.5_f64.powi(i / 8);
                    let z: Vec<f64> =
                        x.iter().map(|x| x + radius * rng.random_range(-1.0..1.0)).collect();
                    assert!(least <= objective(&map, &v, weight, &z) + 1e-11, "{weight} {i}");
                }
            }
        }
    }

    #[test]
    fn a_line_of_two_levels_shrinks_by_the_weight_over_the_lengths() {
        // Seven zeros and three ones: the levels move towards each other by λ/7 and λ/3.
        let v: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i >= 7))).collect();
        for shape in [[10, 1], [1, 10]] {
            let (x, _) = denoise(&total_variation(shape, true), &v, 0.3);
            for (i, x) in x.iter().enumerate() {
                let expected = if i >= 7 { 0.9 } else { 0.3 / 7.0 };
                // Half the squared error is at most the gap of 1e-12.
                assert!((x - expected).abs() <= 1.5e-6, "{i}: {x}");
            }
        }
    }

    #[test]
    fn a_large_weight_leaves_the_mean_and_none_the_image() {
        let v: Vec<f64> = (0..24).map(|i| f64::from(i * 7 % 5)).collect();
        let map = total_variation([4, 6], true);
        let mean = v.iter().sum::<f64>() / 24.0;
        assert!(denoise(&map, &v, 1e3).0.iter().all(|x| (x - mean).abs() <= 2e-6));
        let same = denoise(&map, &v, 0.0).0;
        assert!(same.iter().zip(&v).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
