//! The two skinny products of a tile, and the conversion of stored numbers.
//!
//! A tile is a block of samples small enough for the second-level cache, one padded row of
//! features per sample. With few classes the products are limited by loads, not by arithmetic, so
//! both keep a block of sums in registers: 4 x 5 where there are 32 of them, 9 loads for 20
//! multiply-adds, and 2 x 5 where there are 16, which 4 x 5 would spill. The sums are the same, bit for
//! bit.

use pulp::{Simd, WithSimd};

use super::real::Real;
use crate::data::Kind;
use crate::numerics::memory::{LINE, prefetch};

/// Rows are padded to a multiple of this many numbers: the widest register of `f32`.
pub(crate) const PAD: usize = 16;
/// Classes of one register block.
const CLASSES: usize = 5;
/// Samples, or registers of features, of one register block: with 32 registers, and with fewer.
const ROWS: usize = 4;
const FEW_ROWS: usize = 2;
/// Registers from which a block of the larger size fits.
const MANY_REGISTERS: usize = 32;
/// Bytes of weights that stay in the first-level cache while the samples of a tile pass.
const WEIGHT_BYTES: usize = 16 << 10;

/// Splits `count` classes into blocks of nearly equal width, at most [`CLASSES`] each.
#[inline(always)]
fn class_blocks(count: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = count.div_ceil(CLASSES);
    (0..blocks).map(move |b| (b * count / blocks, (b + 1) * count / blocks))
}

/// `scores(k, j) = bias(k) + sum_i weights(i, k) rows(i, j)`.
#[expect(clippy::struct_field_names, reason = "the output bears the name of the formula")]
pub(crate) struct Scores<'a, T> {
    /// `(stride, samples)`, one sample after the other.
    pub rows: &'a [T],
    /// Padded numbers per row.
    pub stride: usize,
    /// `(stride, classes)`, zero in the padding.
    pub weights: &'a [T],
    /// One per class.
    pub bias: &'a [f64],
    /// `(capacity, classes)`: all samples of class 0, then of class 1, ...
    pub scores: &'a mut [f64],
    /// Distance of two classes in `scores`.
    pub capacity: usize,
}

impl<T: Real> WithSimd for Scores<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, stride, weights, bias, scores, capacity } = self;
        for (k, &b) in bias.iter().enumerate() {
            scores[k * capacity..(k + 1) * capacity].fill(b);
        }
        // Equal blocks of features, a multiple of the padding each.
        let width = CLASSES * stride * size_of::<T>();
        let blocks = width.div_ceil(WEIGHT_BYTES);
        let step = stride.div_ceil(blocks.max(1)).next_multiple_of(PAD);
        for from in (0..stride).step_by(step) {
            let block = Block { rows, stride, weights, from, to: (from + step).min(stride) };
            for (first, last) in class_blocks(bias.len()) {
                match last - first {
                    1 => block.classes::<S, 1>(simd, first, scores, capacity),
                    2 => block.classes::<S, 2>(simd, first, scores, capacity),
                    3 => block.classes::<S, 3>(simd, first, scores, capacity),
                    4 => block.classes::<S, 4>(simd, first, scores, capacity),
                    _ => block.classes::<S, CLASSES>(simd, first, scores, capacity),
                }
            }
        }
    }
}

/// Features `from..to` of all rows.
struct Block<'a, T> {
    rows: &'a [T],
    stride: usize,
    weights: &'a [T],
    from: usize,
    to: usize,
}

impl<T: Real> Block<'_, T> {
    #[inline(always)]
    fn classes<S: Simd, const C: usize>(
        &self,
        simd: S,
        class: usize,
        scores: &mut [f64],
        capacity: usize,
    ) {
        let w: [&[T::Vector<S>]; C] = std::array::from_fn(|c| {
            let start = (class + c) * self.stride;
            T::vectors::<S>(&self.weights[start + self.from..start + self.to])
        });
        let out = &mut scores[class * capacity..];
        match (S::REGISTER_COUNT >= MANY_REGISTERS, class == 0) {
            (true, true) => self.blocks::<S, C, ROWS, true>(simd, &w, out, capacity),
            (true, false) => self.blocks::<S, C, ROWS, false>(simd, &w, out, capacity),
            (false, true) => self.blocks::<S, C, FEW_ROWS, true>(simd, &w, out, capacity),
            (false, false) => self.blocks::<S, C, FEW_ROWS, false>(simd, &w, out, capacity),
        }
    }

    #[inline(always)]
    fn blocks<S: Simd, const C: usize, const R: usize, const AHEAD: bool>(
        &self,
        simd: S,
        w: &[&[T::Vector<S>]; C],
        out: &mut [f64],
        capacity: usize,
    ) {
        let samples = self.rows.len() / self.stride;
        let whole = samples / R * R;
        for j in (0..whole).step_by(R) {
            self.samples::<S, C, R, AHEAD>(simd, w, j, out, capacity);
        }
        for j in whole..samples {
            self.samples::<S, C, 1, false>(simd, w, j, out, capacity);
        }
    }

    /// With `AHEAD`, the first reading of a block, asks for the same features of the next rows: a row is
    /// too short a stretch for the processor to guess them, and without a product nothing else asks.
    #[inline(always)]
    fn samples<S: Simd, const C: usize, const R: usize, const AHEAD: bool>(
        &self,
        simd: S,
        w: &[&[T::Vector<S>]; C],
        sample: usize,
        out: &mut [f64],
        capacity: usize,
    ) {
        let n = w[0].len();
        let w: [&[T::Vector<S>]; C] = std::array::from_fn(|c| &w[c][..n]);
        let d: [&[T::Vector<S>]; R] = std::array::from_fn(|r| {
            let start = (sample + r) * self.stride;
            &T::vectors::<S>(&self.rows[start + self.from..start + self.to])[..n]
        });
        let mut sums = [[T::splat(simd, T::default()); C]; R];
        for v in 0..n {
            if AHEAD {
                for r in 0..R {
                    let row = (sample + R + r) * self.stride + self.from;
                    prefetch(self.rows, row * size_of::<T>() + v * size_of::<T::Vector<S>>());
                }
            }
            let x: [T::Vector<S>; R] = std::array::from_fn(|r| d[r][v]);
            for c in 0..C {
                let weight = w[c][v];
                for r in 0..R {
                    sums[r][c] = T::mul_add(simd, x[r], weight, sums[r][c]);
                }
            }
        }
        for (c, column) in out.chunks_mut(capacity).take(C).enumerate() {
            for r in 0..R {
                column[sample + r] += T::sum(simd, sums[r][c]);
            }
        }
    }
}

/// `sums(i, k) += sum_j rows(i, j) right(j, k)`: products in `T`, added to `f64`.
pub(crate) struct Accumulate<'a, T> {
    /// `(stride, samples)`.
    pub rows: &'a [T],
    /// Padded numbers per row.
    pub stride: usize,
    /// `(capacity, classes)`.
    pub right: &'a [T],
    /// Distance of two classes in `right`.
    pub capacity: usize,
    /// `(stride, classes)`.
    pub sums: &'a mut [f64],
    /// Start from zero, whatever the sums are.
    pub fresh: bool,
    /// The rows of the next tile, if they are stored in this type. Asked for in equal shares: this
    /// product leaves the memory idle, and the next scores would wait for it.
    pub ahead: &'a [T],
}

impl<T: Real> WithSimd for Accumulate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= MANY_REGISTERS {
            self.strips::<S, ROWS>(simd);
        } else {
            self.strips::<S, FEW_ROWS>(simd);
        }
    }
}

impl<T: Real> Accumulate<'_, T> {
    /// Features outside: a strip of the tile comes from the second-level cache once and serves all
    /// classes.
    #[inline(always)]
    fn strips<S: Simd, const F: usize>(mut self, simd: S) {
        let vectors = T::vectors::<S>(&self.rows[..self.stride]).len();
        let whole = vectors / F * F;
        for v in (0..whole).step_by(F) {
            self.strip::<S, F>(simd, v);
        }
        for v in whole..vectors {
            self.strip::<S, 1>(simd, v);
        }
    }

    #[inline(always)]
    fn strip<S: Simd, const F: usize>(&mut self, simd: S, vector: usize) {
        let classes = self.sums.len() / self.stride;
        for (first, last) in class_blocks(classes) {
            match last - first {
                1 => self.classes::<S, 1, F>(simd, first, vector),
                2 => self.classes::<S, 2, F>(simd, first, vector),
                3 => self.classes::<S, 3, F>(simd, first, vector),
                4 => self.classes::<S, 4, F>(simd, first, vector),
                _ => self.classes::<S, CLASSES, F>(simd, first, vector),
            }
        }
    }

    /// The classes from `class`; the first ones ask for what comes next.
    #[inline(always)]
    fn classes<S: Simd, const C: usize, const F: usize>(
        &mut self,
        simd: S,
        class: usize,
        vector: usize,
    ) {
        if class == 0 && !self.ahead.is_empty() {
            self.sums::<S, C, F, true>(simd, class, vector);
        } else {
            self.sums::<S, C, F, false>(simd, class, vector);
        }
    }

    #[inline(always)]
    fn sums<S: Simd, const C: usize, const F: usize, const AHEAD: bool>(
        &mut self,
        simd: S,
        class: usize,
        vector: usize,
    ) {
        let rows = T::vectors::<S>(self.rows);
        let per_row = T::vectors::<S>(&self.rows[..self.stride]).len();
        let samples = rows.len() / per_row;
        let right: [&[T]; C] =
            std::array::from_fn(|c| &self.right[(class + c) * self.capacity..][..samples]);
        let mut sums = [[T::splat(simd, T::default()); F]; C];
        for (j, row) in rows.chunks_exact(per_row).enumerate().take(samples) {
            if AHEAD {
                // As many bytes as are read here, at the same distance from the start.
                let share = F * size_of::<T::Vector<S>>();
                let from = (vector * samples + j * F) * size_of::<T::Vector<S>>();
                for line in (0..share).step_by(LINE) {
                    prefetch(self.ahead, from + line);
                }
            }
            let row = &row[vector..vector + F];
            let x: [T::Vector<S>; F] = std::array::from_fn(|f| row[f]);
            for c in 0..C {
                let r = T::splat(simd, right[c][j]);
                for f in 0..F {
                    sums[c][f] = T::mul_add(simd, x[f], r, sums[c][f]);
                }
            }
        }
        let lanes = self.stride / per_row;
        for (c, sums) in sums.iter().enumerate() {
            let start = (class + c) * self.stride + vector * lanes;
            let totals = &mut self.sums[start..start + F * lanes];
            if self.fresh {
                totals.fill(0.0);
            }
            T::add_to(simd, sums, totals);
        }
    }
}

/// Converts stored numbers.
pub(crate) struct Convert<'a, A, B> {
    pub from: &'a [A],
    pub to: &'a mut [B],
}

macro_rules! convert {
    ($from:ty, $to:ty) => {
        impl WithSimd for Convert<'_, $from, $to> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) {
                for (to, &from) in self.to.iter_mut().zip(self.from) {
                    *to = from as $to;
                }
            }
        }
    };
}

convert!(u8, f32);
convert!(u8, f64);
convert!(f32, f32);
convert!(f32, f64);
convert!(f64, f32);
convert!(f64, f64);

/// Converts numbers as they stand in a file, little-endian: divides them where they have a divisor,
/// rounds them to single precision where asked to.
pub(crate) struct Decode<'a, T> {
    pub bytes: &'a [u8],
    pub kind: Kind,
    pub divisor: Option<f64>,
    pub single: bool,
    pub to: &'a mut [T],
}

impl<T: Real> WithSimd for Decode<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { bytes, kind, divisor, single, to } = self;
        let round = |v: f64| if single { f64::from(v as f32) } else { v };
        match (kind, divisor) {
            // Bytes have their divisor in the scale.
            (Kind::U8, _) => {
                to.iter_mut().zip(bytes).for_each(|(to, &v)| *to = T::from_f64(f64::from(v)));
            }
            (Kind::F32, None) => {
                let words = bytes.as_chunks::<4>().0;
                for (to, &v) in to.iter_mut().zip(words) {
                    *to = T::from_f64(f64::from(f32::from_le_bytes(v)));
                }
            }
            (Kind::F32, Some(divisor)) => {
                let words = bytes.as_chunks::<4>().0;
                for (to, &v) in to.iter_mut().zip(words) {
                    *to = T::from_f64(round(f64::from(f32::from_le_bytes(v)) / divisor));
                }
            }
            (Kind::F64, None) => {
                let words = bytes.as_chunks::<8>().0;
                for (to, &v) in to.iter_mut().zip(words) {
                    *to = T::from_f64(round(f64::from_le_bytes(v)));
                }
            }
            (Kind::F64, Some(divisor)) => {
                let words = bytes.as_chunks::<8>().0;
                for (to, &v) in to.iter_mut().zip(words) {
                    *to = T::from_f64(round(f64::from_le_bytes(v) / divisor));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIDE: usize = 7 * PAD;
    const SAMPLES: usize = 11;
    const CAPACITY: usize = 16;
    const CLASSES: usize = 8;

    fn number(i: usize) -> f64 {
        (i * 7919 % 1009) as f64 / 1009.0 - 0.5
    }

    /// Both products with the instructions of `simd` against their sums, one by one.
    fn check<S: Simd, T: Real>(simd: S, tolerance: f64) {
        let rows: Vec<T> = (0..STRIDE * SAMPLES).map(|i| T::from_f64(number(i))).collect();
        let weights: Vec<T> = (0..STRIDE * CLASSES).map(|i| T::from_f64(number(i + 3))).collect();
        let right: Vec<T> = (0..CAPACITY * CLASSES).map(|i| T::from_f64(number(i + 5))).collect();
        let bias = [0.25; CLASSES];
        let mut scores = vec![f64::NAN; CAPACITY * CLASSES];
        let mut sums = vec![f64::NAN; STRIDE * CLASSES];
        simd.vectorize(Scores {
            rows: &rows,
            stride: STRIDE,
            weights: &weights,
            bias: &bias,
            scores: &mut scores,
            capacity: CAPACITY,
        });
        for fresh in [true, false] {
            simd.vectorize(Accumulate {
                rows: &rows,
                stride: STRIDE,
                right: &right,
                capacity: CAPACITY,
                sums: &mut sums,
                fresh,
                ahead: &[],
            });
        }
        for k in 0..CLASSES {
            for j in 0..SAMPLES {
                let terms =
                    (0..STRIDE).map(|i| number(j * STRIDE + i) * number(k * STRIDE + i + 3));
                let expected = 0.25 + terms.sum::<f64>();
                let found = scores[k * CAPACITY + j];
                assert!((found - expected).abs() <= tolerance, "score {k}, {j}: {found}");
            }
            for i in 0..STRIDE {
                let terms =
                    (0..SAMPLES).map(|j| number(j * STRIDE + i) * number(k * CAPACITY + j + 5));
                let expected = 2.0 * terms.sum::<f64>();
                let found = sums[k * STRIDE + i];
                assert!((found - expected).abs() <= tolerance, "sum {i}, {k}: {found}");
            }
        }
    }

    /// Blocks differ with the number of registers, so that one processor alone would not run them all.
    #[test]
    fn every_instruction_set_gives_the_sums() {
        let (single, double) = (1e-5, 1e-13);
        check::<_, f32>(pulp::Scalar::new(), single);
        check::<_, f64>(pulp::Scalar::new(), double);
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = pulp::x86::V3::try_new() {
                check::<_, f32>(simd, single);
                check::<_, f64>(simd, double);
            }
            if let Some(simd) = pulp::x86::V4::try_new() {
                check::<_, f32>(simd, single);
                check::<_, f64>(simd, double);
            }
        }
    }
}
