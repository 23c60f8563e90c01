//! The features of a part of the data, for the tile kernels: stored, in a file, or computed.

use std::sync::Arc;

use pulp::Arch;
use rayon::prelude::*;

use super::features::FeatureMap;
use super::kernels::{Convert, Decode, PAD};
use super::real::Real;
use crate::data::{Features, Shape, Streamed};
use crate::numerics::memory::expect_large;

/// Features of many samples: one row of `stride` stored numbers per sample, zero beyond the
/// `inputs` that are meant. A stored number times `scale` is the feature; the scale is folded into
/// the weights and the gradient, so bytes stay bytes until a tile is in the cache.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    values: Stored,
    inputs: usize,
    pub(crate) scale: f64,
    pub(crate) stride: usize,
    pub(crate) samples: usize,
}

#[derive(Clone, Debug)]
enum Stored {
    U8(Vec<u8>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// Left in a file: `order` says where each sample stands there. With `single`, numbers are
    /// rounded to single precision.
    Streamed {
        data: Streamed,
        order: Vec<u32>,
        single: bool,
    },
    /// Computed from rows of the numbers that the map takes.
    Mapped {
        source: Box<Rows>,
        map: Arc<FeatureMap>,
        shape: Shape,
        single: bool,
    },
}

/// Temporaries of [`Rows::tile`]. What a kind of rows does not use stays empty; the rest grows with
/// the first tile.
#[derive(Clone, Debug)]
pub(crate) struct TileBuffer<T> {
    rows: Vec<T>,
    /// A run of samples as they stand in a file.
    bytes: Vec<u8>,
    /// Rows that a feature map takes, and one row that it gives.
    source: Vec<f64>,
    mapped: Vec<f64>,
    /// What the map itself needs.
    scratch: Vec<f64>,
}

impl<T: Element> TileBuffer<T> {
    /// For tiles of at most `samples` rows of `stride` numbers.
    pub(crate) fn new(samples: usize, stride: usize) -> Self {
        let rows = vec![T::default(); samples * stride];
        let [source, mapped, scratch] = [const { Vec::new() }; 3];
        Self { rows, bytes: Vec::new(), source, mapped, scratch }
    }
}

/// The first `count` numbers of a vector that grows where it has fewer.
fn first<T: Copy + Default>(vector: &mut Vec<T>, count: usize) -> &mut [T] {
    if vector.len() < count {
        vector.resize(count, T::default());
    }
    &mut vector[..count]
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
    expect_large(&mut padded);
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
            Features::Streamed(data) => {
                let order = order.iter().map(|&j| j as u32).collect();
                (Stored::Streamed { data: data.clone(), order, single }, data.scale())
            }
        };
        Self { values, inputs, scale, stride: inputs.next_multiple_of(PAD), samples: order.len() }
    }

    /// Rows of `outputs` features that `map` makes, tile by tile, of the rows `source` of images of
    /// `shape`. With `single`, features are rounded to single precision.
    pub(crate) fn mapped(
        source: Self,
        map: Arc<FeatureMap>,
        shape: Shape,
        outputs: usize,
        single: bool,
    ) -> Self {
        let samples = source.samples;
        let values = Stored::Mapped { source: Box::new(source), map, shape, single };
        let stride = outputs.next_multiple_of(PAD);
        Self { values, inputs: outputs, scale: 1.0, stride, samples }
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
            expect_large(&mut values);
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
            expect_large(&mut values);
            let rows = values.par_chunks_exact_mut(stride).enumerate();
            rows.for_each(|(j, row)| fill(j, &mut row[..inputs]));
            Stored::F64(values)
        };
        Self { values, inputs, scale: 1.0, stride, samples }
    }

    /// Where the numbers are, and of which type.
    pub(crate) fn storage(&self) -> String {
        match &self.values {
            Stored::U8(_) => "u8".into(),
            Stored::F32(_) => "f32".into(),
            Stored::F64(_) => "f64".into(),
            Stored::Streamed { data, .. } => format!("{}, streamed", data.kind().name()),
            Stored::Mapped { source, .. } => format!("computed from {}", source.storage()),
        }
    }

    /// Bytes held in memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.values {
            Stored::U8(values) => values.len(),
            Stored::F32(values) => 4 * values.len(),
            Stored::F64(values) => 8 * values.len(),
            Stored::Streamed { order, .. } => 4 * order.len(),
            Stored::Mapped { source, .. } => source.bytes(),
        }
    }

    /// The rows of `terms` where they are stored in a row as `T`.
    pub(crate) fn stored<T: Element>(&self, terms: &Terms<'_>) -> Option<&[T]> {
        match (terms, T::stored(self)) {
            (&Terms::Range(from, to), Some(rows)) => {
                Some(&rows[from * self.stride..to * self.stride])
            }
            _ => None,
        }
    }

    /// The rows of `terms` as `T`: the stored ones where nothing has to be done, else a copy in
    /// `buffer`.
    ///
    /// # Panics
    /// If a file that is streamed can no longer be read ([`Streamed::read`]).
    pub(crate) fn tile<'a, T: Element>(
        &'a self,
        terms: &Terms<'_>,
        buffer: &'a mut TileBuffer<T>,
        arch: Arch,
    ) -> &'a [T] {
        if let Some(rows) = self.stored(terms) {
            return rows;
        }
        let TileBuffer { rows, bytes, source, mapped, scratch } = buffer;
        let to = &mut rows[..terms.len() * self.stride];
        if let Stored::Mapped { source: images, map, shape, single } = &self.values {
            let inputs = first(source, terms.len() * images.stride);
            images.fill(terms, inputs, bytes, arch);
            let mapped = first(mapped, self.inputs);
            let rows = to.chunks_exact_mut(self.stride).zip(inputs.chunks_exact_mut(images.stride));
            for (row, image) in rows {
                let image = &mut image[..images.inputs];
                image.iter_mut().for_each(|x| *x *= images.scale);
                map.apply(image, *shape, mapped, scratch);
                if *single {
                    mapped.iter_mut().for_each(|x| *x = f64::from(*x as f32));
                }
                let (features, padding) = row.split_at_mut(self.inputs);
                T::from_f64s(mapped, features, arch);
                padding.fill(T::default());
            }
        } else {
            self.fill(terms, to, bytes, arch);
        }
        to
    }

    /// Writes the rows of `terms`, stored or streamed.
    fn fill<T: Element>(&self, terms: &Terms<'_>, to: &mut [T], bytes: &mut Vec<u8>, arch: Arch) {
        let stride = self.stride;
        match (&self.values, terms) {
            (Stored::Streamed { data, order, single }, _) => {
                let places = terms.len();
                let place = |i: usize| order[terms.sample(i)] as usize;
                let row = self.inputs * data.kind().size();
                let bytes = first(bytes, places * row);
                for (from, to_place) in runs(places, place) {
                    let bytes = &mut bytes[..(to_place - from) * row];
                    data.read(place(from), bytes);
                    let rows = to[from * stride..to_place * stride].chunks_exact_mut(stride);
                    for (row, bytes) in rows.zip(bytes.chunks_exact(row)) {
                        let (features, padding) = row.split_at_mut(self.inputs);
                        let (kind, divisor) = (data.kind(), data.divisor());
                        arch.dispatch(Decode {
                            bytes,
                            kind,
                            divisor,
                            single: *single,
                            to: features,
                        });
                        padding.fill(T::default());
                    }
                }
                // The tile that most likely comes next.
                if let Terms::Range(_, next) = *terms {
                    let ahead = &order[next..(next + places).min(order.len())];
                    for (from, to) in runs(ahead.len(), |i| ahead[i] as usize) {
                        data.expect(ahead[from] as usize, to - from);
                    }
                }
            }
            (_, Terms::Range(from, _)) => self.convert(from * stride, to, arch),
            (_, Terms::List(list)) => {
                for (row, &term) in to.chunks_exact_mut(stride).zip(*list) {
                    self.convert(term as usize * stride, row, arch);
                }
            }
        }
    }

    fn convert<T: Element>(&self, start: usize, to: &mut [T], arch: Arch) {
        let end = start + to.len();
        match &self.values {
            Stored::U8(values) => T::from_u8(&values[start..end], to, arch),
            Stored::F32(values) => T::from_f32(&values[start..end], to, arch),
            Stored::F64(values) => T::from_f64s(&values[start..end], to, arch),
            Stored::Streamed { .. } | Stored::Mapped { .. } => {
                unreachable!("`fill` reads these, `tile` computes those")
            }
        }
    }

    /// The feature `input` of sample `j`; for tests and set-up, not for loops.
    pub(crate) fn feature(&self, input: usize, j: usize) -> f64 {
        let mut buffer = TileBuffer::<f64>::new(1, self.stride);
        self.scale * self.tile(&Terms::Range(j, j + 1), &mut buffer, Arch::new())[input]
    }
}

/// Runs of places that follow each other: from, to.
fn runs(count: usize, place: impl Fn(usize) -> usize) -> impl Iterator<Item = (usize, usize)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        if from >= count {
            return None;
        }
        let start = from;
        from += 1;
        while from < count && place(from) == place(start) + from - start {
            from += 1;
        }
        Some((start, from))
    })
}

/// Which samples form a tile.
pub(crate) enum Terms<'a> {
    /// From, to.
    Range(usize, usize),
    /// A batch.
    List(&'a [u32]),
}

impl Terms<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Range(from, to) => to - from,
            Self::List(list) => list.len(),
        }
    }

    fn sample(&self, i: usize) -> usize {
        match self {
            Self::Range(from, _) => from + i,
            Self::List(list) => list[i] as usize,
        }
    }
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
