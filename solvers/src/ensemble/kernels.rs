//! What happens to a tile of paths between the oracles: layouts, moves, the look for runaways.
//!
//! Loops over lanes, to be inlined into the run-time dispatch of a tile. What becomes of a lane depends
//! on nothing but the lane: the same operations in the same order, whatever the width of tile or
//! registers.

/// Copies points, one after the other, into lanes: `lanes[i * width + l] = points[l * dim + i]`.
#[inline(always)]
pub(super) fn gather(dim: usize, points: &[f64], lanes: &mut [f64]) {
    let width = points.len() / dim;
    if dim == 2 {
        // A constant stride becomes loads and shuffles.
        let (first, second) = lanes.split_at_mut(width);
        for ((a, b), point) in first.iter_mut().zip(second).zip(points.chunks_exact(2)) {
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

/// Copies lanes back into points. Whether all numbers are at most `bound` in absolute value; NaN is not.
#[inline(always)]
pub(super) fn scatter(dim: usize, lanes: &[f64], points: &mut [f64], bound: f64) -> bool {
    let width = points.len() / dim;
    // No early end: this vectorises.
    let mut within = true;
    if dim == 2 {
        let (first, second) = lanes.split_at(width);
        for ((a, b), point) in first.iter().zip(second).zip(points.chunks_exact_mut(2)) {
            (point[0], point[1]) = (*a, *b);
            within &= (a.abs() <= bound) & (b.abs() <= bound);
        }
    } else {
        for (i, lane) in lanes.chunks_exact(width).enumerate() {
            for (lane, x) in lane.iter().zip(points[i..].iter_mut().step_by(dim)) {
                *x = *lane;
                within &= lane.abs() <= bound;
            }
        }
    }
    within
}

/// `y ← y + factor · x`, with one rounding.
#[inline(always)]
pub(crate) fn add_scaled_to(factor: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = factor.mul_add(*x, *y);
    }
}

/// `x ← x + h · drift + amplitude · noise`.
#[inline(always)]
pub(crate) fn advance(x: &mut [f64], h: f64, drift: &[f64], amplitude: f64, noise: &[f64]) {
    for ((x, b), n) in x.iter_mut().zip(drift).zip(noise) {
        *x = amplitude.mul_add(*n, h.mul_add(*b, *x));
    }
}

/// The same with a length of step and an amplitude of every lane: `h`, `amplitude` of length `width`.
#[inline(always)]
pub(crate) fn advance_each(
    x: &mut [f64],
    h: &[f64],
    drift: &[f64],
    amplitude: &[f64],
    noise: &[f64],
) {
    let width = h.len();
    let rows = x.chunks_exact_mut(width);
    for ((x, b), n) in rows.zip(drift.chunks_exact(width)).zip(noise.chunks_exact(width)) {
        let lanes = x.iter_mut().zip(b).zip(n).zip(h).zip(amplitude);
        for ((((x, b), n), h), amplitude) in lanes {
            *x = amplitude.mul_add(*n, h.mul_add(*b, *x));
        }
    }
}
