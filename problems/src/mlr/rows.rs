//! The features of a part of the data, stored for the tile kernels.

use pulp::Arch;
use rayon::prelude::*;

use super::kernels::{Convert, PAD};
use super::real::Real;
use crate::data::Features;

/// Features of many samples: one row of `stride` stored numbers per sample, zero beyond the
/// `inputs` that are meant. A stored number times `scale` is the feature; the scale is folded into
/// the weights and the gradient, so bytes stay bytes until a tile is in the cache.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    values: Stored,
    pub(crate) scale: f64,
    pub(crate) stride: usize,
    pub(crate) samples: usize,
}

#[derive(Clone, Debug)]
enum Stored {
    U8(Vec<u8>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Picks the samples `order` out of `values` into padded rows.
fn pad<A: Copy, B: Copy + Default>(
    values: &[A],
    inputs: usize,
    order: &[usize],
    convert: impl Fn(A) -> B,
) -> Vec<B> {
    let stride = inputs.next_multiple_of(PAD);
    let mut padded = vec![B::default(); stride * order.len()];
    for (row, &j) in padded.chunks_exact_mut(stride.max(1)).zip(order) {
        for (to, &from) in row.iter_mut().zip(&values[j * inputs..(j + 1) * inputs]) {
            *to = convert(from);
        }
    }
    padded
}

impl Rows {
    /// The samples `order` of `features`. With `single`, doubles are rounded to single precision.
    pub(crate) fn new(features: &Features, inputs: usize, order: &[usize], single: bool) -> Self {
        let (values, scale) = match features {
            Features::U8 { values, scale } => {
                (Stored::U8(pad(values, inputs, order, |v| v)), *scale)
            }
            Features::F32(values) => (Stored::F32(pad(values, inputs, order, |v| v)), 1.0),
            Features::F64(values) if single => {
                (Stored::F32(pad(values, inputs, order, |v| v as f32)), 1.0)
            }
            Features::F64(values) => (Stored::F64(pad(values, inputs, order, |v| v)), 1.0),
        };
        Self { values, scale, stride: inputs.next_multiple_of(PAD), samples: order.len() }
    }

    /// Rows that `fill` computes: sample `j` into `inputs` numbers. In the pool's threads.
    pub(crate) fn generate(
        samples: usize,
        inputs: usize,
        single: bool,
        fill: impl Fn(usize, &mut [f64]) + Sync,
    ) -> Self {
        let stride = inputs.next_multiple_of(PAD);
        let values = if single {
            let mut values = vec![0.0_f32; stride * samples];
            values.par_chunks_exact_mut(stride).enumerate().for_each_init(
                || vec![0.0; inputs],
                |row, (j, to)| {
                    fill(j, row);
                    to.iter_mut().zip(row).for_each(|(to, from)| *to = *from as f32);
                },
            );
            Stored::F32(values)
        } else {
            let mut values = vec![0.0; stride * samples];
            let rows = values.par_chunks_exact_mut(stride).enumerate();
            rows.for_each(|(j, row)| fill(j, &mut row[..inputs]));
            Stored::F64(values)
        };
        Self { values, scale: 1.0, stride, samples }
    }

    /// Name of the stored type.
    pub(crate) fn stored(&self) -> &'static str {
        match self.values {
            Stored::U8(_) => "u8",
            Stored::F32(_) => "f32",
            Stored::F64(_) => "f64",
        }
    }

    /// Bytes of the stored numbers.
    pub(crate) fn bytes(&self) -> usize {
        let size = match self.values {
            Stored::U8(_) => 1,
            Stored::F32(_) => 4,
            Stored::F64(_) => 8,
        };
        self.stride * self.samples * size
    }

    /// The rows of `terms` as `T`: the stored ones where nothing has to be done, else a copy in
    /// `buffer`.
    pub(crate) fn tile<'a, T: Element>(
        &'a self,
        terms: &Terms<'_>,
        buffer: &'a mut [T],
        arch: Arch,
    ) -> &'a [T] {
        let stride = self.stride;
        match terms {
            Terms::Range(from, to) => {
                let range = from * stride..to * stride;
                if let Some(rows) = T::stored(self) {
                    return &rows[range];
                }
                let buffer = &mut buffer[..range.len()];
                self.convert(range.start, buffer, arch);
                buffer
            }
            Terms::List(list) => {
                let buffer = &mut buffer[..list.len() * stride];
                for (row, &term) in buffer.chunks_exact_mut(stride).zip(*list) {
                    self.convert(term as usize * stride, row, arch);
                }
                buffer
            }
        }
    }

    fn convert<T: Element>(&self, start: usize, to: &mut [T], arch: Arch) {
        let end = start + to.len();
        match &self.values {
            Stored::U8(values) => T::from_u8(&values[start..end], to, arch),
            Stored::F32(values) => T::from_f32(&values[start..end], to, arch),
            Stored::F64(values) => T::from_f64s(&values[start..end], to, arch),
        }
    }

    /// The feature `input` of sample `j`; for tests and set-up, not for loops.
    pub(crate) fn feature(&self, input: usize, j: usize) -> f64 {
        let at = j * self.stride + input;
        match &self.values {
            Stored::U8(values) => self.scale * f64::from(values[at]),
            Stored::F32(values) => f64::from(values[at]),
            Stored::F64(values) => values[at],
        }
    }
}

/// Which samples form a tile.
pub(crate) enum Terms<'a> {
    /// From, to.
    Range(usize, usize),
    /// A batch.
    List(&'a [u32]),
}

/// A scalar type that stored numbers convert to.
pub(crate) trait Element: Real {
    fn stored(rows: &Rows) -> Option<&[Self]>;
    /// The mapped scores in this type: themselves, or a copy in `buffer`.
    fn right<'a>(scores: &'a [f64], buffer: &'a mut [Self], arch: Arch) -> &'a [Self];
    fn from_u8(from: &[u8], to: &mut [Self], arch: Arch);
    fn from_f32(from: &[f32], to: &mut [Self], arch: Arch);
    fn from_f64s(from: &[f64], to: &mut [Self], arch: Arch);
}

macro_rules! element {
    ($type:ty, $variant:ident, $right:item) => {
        impl Element for $type {
            $right
            fn stored(rows: &Rows) -> Option<&[Self]> {
                if let Stored::$variant(values) = &rows.values { Some(values) } else { None }
            }
            fn from_u8(from: &[u8], to: &mut [Self], arch: Arch) {
                arch.dispatch(Convert { from, to });
            }
            fn from_f32(from: &[f32], to: &mut [Self], arch: Arch) {
                arch.dispatch(Convert { from, to });
            }
            fn from_f64s(from: &[f64], to: &mut [Self], arch: Arch) {
                arch.dispatch(Convert { from, to });
            }
        }
    };
}

element!(
    f32,
    F32,
    fn right<'a>(scores: &'a [f64], buffer: &'a mut [Self], arch: Arch) -> &'a [Self] {
        arch.dispatch(Convert { from: scores, to: &mut *buffer });
        buffer
    }
);
element!(
    f64,
    F64,
    fn right<'a>(scores: &'a [f64], _: &'a mut [Self], _: Arch) -> &'a [Self] {
        scores
    }
);
