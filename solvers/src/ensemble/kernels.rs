//! What happens to a tile of paths between the oracles: layouts, moves, the look for runaways.
//!
//! Loops over lanes that vectorise under run-time dispatch. What becomes of a lane depends on nothing
//! but the lane: the same operations in the same order, whatever the width of tile or registers.

use pulp::{Arch, Simd, WithSimd};

/// Copies points, one after the other, into lanes: `lanes[i * width + l] = points[l * dim + i]`.
pub(super) fn gather(dim: usize, points: &[f64], lanes: &mut [f64]) {
    Arch::new().dispatch(Gather { dim, points, lanes });
}

/// Copies lanes back into points.
pub(super) fn scatter(dim: usize, lanes: &[f64], points: &mut [f64]) {
    Arch::new().dispatch(Scatter { dim, lanes, points });
}

/// Whether all entries are at most `bound` in absolute value; NaN is not.
pub(super) fn within(x: &[f64], bound: f64) -> bool {
    Arch::new().dispatch(Within { x, bound })
}

/// `y ← y + factor · x`, with one rounding.
pub(crate) fn add_scaled_to(factor: f64, x: &[f64], y: &mut [f64]) {
    Arch::new().dispatch(Add { factor, x, y });
}

/// A move along a drift and a noise.
pub(crate) struct Move<'a> {
    pub(crate) x: &'a mut [f64],
    /// Length of the step.
    pub(crate) h: f64,
    pub(crate) drift: &'a [f64],
    /// What multiplies the noise.
    pub(crate) amplitude: f64,
    pub(crate) noise: &'a [f64],
}

impl Move<'_> {
    /// `x ← x + h · drift + amplitude · noise`.
    pub(crate) fn go(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { x, h, drift, amplitude, noise } = self;
        for ((x, b), n) in x.iter_mut().zip(drift).zip(noise) {
            *x = amplitude.mul_add(*n, h.mul_add(*b, *x));
        }
    }
}

/// The same move with a step and an amplitude of each lane: `h`, `amplitude` of length `width`.
pub(crate) struct MoveLanes<'a> {
    pub(crate) x: &'a mut [f64],
    pub(crate) h: &'a [f64],
    pub(crate) drift: &'a [f64],
    pub(crate) amplitude: &'a [f64],
    pub(crate) noise: &'a [f64],
}

impl MoveLanes<'_> {
    /// `x ← x + h · drift + amplitude · noise`, lane by lane.
    pub(crate) fn go(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for MoveLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { x, h, drift, amplitude, noise } = self;
        let width = h.len();
        let rows = x.chunks_exact_mut(width);
        for ((x, b), n) in rows.zip(drift.chunks_exact(width)).zip(noise.chunks_exact(width)) {
            for l in 0..width {
                x[l] = amplitude[l].mul_add(n[l], h[l].mul_add(b[l], x[l]));
            }
        }
    }
}

/// `out ← shift + matrix · (x - shift) + factor · normals`, the same for every lane.
pub(crate) struct Affine<'a> {
    /// `dim x dim`, row after row.
    pub(crate) matrix: &'a [f64],
    /// `dim`.
    pub(crate) shift: &'a [f64],
    /// `dim x noises`, row after row.
    pub(crate) factor: &'a [f64],
    /// `dim x width`; the shift is taken off.
    pub(crate) x: &'a mut [f64],
    /// `noises x width`.
    pub(crate) normals: &'a [f64],
    /// `dim x width`.
    pub(crate) out: &'a mut [f64],
}

impl Affine<'_> {
    /// Does it.
    pub(crate) fn go(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Affine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { matrix, shift, factor, x, normals, out } = self;
        let dim = shift.len();
        let (width, noises) = (x.len() / dim, factor.len() / dim);
        for (x, s) in x.chunks_exact_mut(width).zip(shift) {
            x.iter_mut().for_each(|x| *x -= s);
        }
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            out.fill(shift[i]);
            let terms = x.chunks_exact(width).zip(&matrix[i * dim..(i + 1) * dim]);
            let random = normals.chunks_exact(width).zip(&factor[i * noises..(i + 1) * noises]);
            for (row, c) in terms.chain(random) {
                for (out, v) in out.iter_mut().zip(row) {
                    *out = c.mul_add(*v, *out);
                }
            }
        }
    }
}

struct Gather<'a> {
    dim: usize,
    points: &'a [f64],
    lanes: &'a mut [f64],
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { dim, points, lanes } = self;
        let width = points.len() / dim;
        if dim == 2 {
            // A constant stride becomes loads and shuffles.
            let (first, second) = lanes.split_at_mut(width);
            let rows = first.iter_mut().zip(second);
            for ((a, b), point) in rows.zip(points.chunks_exact(2)) {
                (*a, *b) = (point[0], point[1]);
            }
        } else {
            for (i, lane) in lanes.chunks_exact_mut(width).enumerate() {
                for (lane, x) in lane.iter_mut().zip(points[i..].iter().step_by(dim)) {
                    *lane = *x;
                }
            }
        }
    }
}

struct Scatter<'a> {
    dim: usize,
    lanes: &'a [f64],
    points: &'a mut [f64],
}

impl WithSimd for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { dim, lanes, points } = self;
        let width = points.len() / dim;
        if dim == 2 {
            let (first, second) = lanes.split_at(width);
            let rows = first.iter().zip(second);
            for ((a, b), point) in rows.zip(points.chunks_exact_mut(2)) {
                (point[0], point[1]) = (*a, *b);
            }
        } else {
            for (i, lane) in lanes.chunks_exact(width).enumerate() {
                for (lane, x) in lane.iter().zip(points[i..].iter_mut().step_by(dim)) {
                    *x = *lane;
                }
            }
        }
    }
}

struct Within<'a> {
    x: &'a [f64],
    bound: f64,
}

impl WithSimd for Within<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        // No early end: this vectorises.
        self.x.iter().fold(true, |all, x| all & (x.abs() <= self.bound))
    }
}

struct Add<'a> {
    factor: f64,
    x: &'a [f64],
    y: &'a mut [f64],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y = self.factor.mul_add(*x, *y);
        }
    }
}
