//! Feature maps: raw, standardized, random convolution.

use pulp::{Simd, WithSimd};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::data::{Dataset, Features, Shape};
use crate::numerics::exp;
use crate::{Seed, SetupError, require};

/// How features are made of the numbers of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FeatureChoice {
    /// The numbers as they are.
    #[default]
    Raw,
    /// `(x - mean) / deviation`, both over the training samples (deviation with `1/N`); a number
    /// that never varies becomes zero.
    Standardized,
    /// One layer of random filters with periodic boundary, then tanh.
    RandomConvolution(RandomConvolution),
}

/// Random features ("extreme learning"): `tanh` of the correlation of the images with seeded square
/// filters, entries `N(0, 1)`, no bias, periodic boundary. Several input channels are summed. The
/// features are ordered filter after filter.
///
/// The defaults are those of the released MNIST runs of ADMM-Softmax. `pool` gives their reduced
/// form; `grid` and `normalize` make the small last map, normalised sample by sample, that stands
/// in for the frozen network of their CIFAR-10 runs, which cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RandomConvolution {
    /// Number of filters: image channels of the features.
    pub filters: usize,
    /// Rows and columns of a filter, odd.
    pub size: usize,
    /// Filters are divided by this; for raw bytes about their root mean square times the root of
    /// the inputs of a filter, or every tanh saturates.
    pub scale: f64,
    /// The images are first averaged over squares of this side, which divides theirs.
    pub pool: usize,
    /// The maps are averaged to `grid x grid` cells of nearly equal size; 0 keeps them.
    pub grid: usize,
    /// Each sample's features are shifted to mean 0 and divided by their deviation (`n - 1`), or by
    /// `1/√n` if that is larger.
    pub normalize: bool,
}

impl Default for RandomConvolution {
    fn default() -> Self {
        Self { filters: 9, size: 3, scale: 1.0, pool: 1, grid: 0, normalize: false }
    }
}

impl RandomConvolution {
    fn check(self, input: Shape) -> Result<(), SetupError> {
        let Self { filters, size, scale, pool, grid, .. } = self;
        require("features.filters", filters, filters > 0, "at least 1")?;
        require("features.scale", scale, scale > 0.0 && scale.is_finite(), "a positive number")?;
        let divides = |side: usize| pool > 0 && side.is_multiple_of(pool);
        let fits = divides(input.rows) && divides(input.columns);
        require("features.pool", pool, fits, "a divisor of the sides of the images")?;
        let least = input.rows.min(input.columns) / pool;
        let odd = size % 2 == 1 && size <= least;
        require("features.size", size, odd, "odd, at most a side of the pooled images")?;
        require("features.grid", grid, grid <= least, "at most a side of the pooled images")
    }

    /// The images that are convolved.
    fn pooled(self, input: Shape) -> Shape {
        Shape { rows: input.rows / self.pool, columns: input.columns / self.pool, ..input }
    }

    /// Extent of the features.
    fn shape(self, input: Shape) -> Shape {
        let pooled = self.pooled(input);
        let (rows, columns) = match self.grid {
            0 => (pooled.rows, pooled.columns),
            grid => (grid, grid),
        };
        Shape { channels: self.filters, rows, columns }
    }
}

/// A feature map whose statistics and filters are fixed.
#[derive(Debug)]
pub(crate) enum FeatureMap {
    Raw,
    Standardized {
        mean: Vec<f64>,
        over_deviation: Vec<f64>,
    },
    /// Filters of all input channels, then of the next output channel.
    Convolution {
        choice: RandomConvolution,
        filters: Vec<f64>,
        input: Shape,
    },
}

impl FeatureMap {
    /// Fixes the map on the training samples `train` of `data`.
    pub(crate) fn new(
        choice: FeatureChoice,
        data: &Dataset,
        train: &[usize],
        seed: Seed,
    ) -> Result<Self, SetupError> {
        match choice {
            FeatureChoice::Raw => Ok(Self::Raw),
            FeatureChoice::Standardized => {
                let inputs = data.shape.inputs();
                let mut row = vec![0.0; inputs];
                let mut mean = vec![0.0; inputs];
                for &j in train {
                    read(&data.train.features, j, &mut row);
                    mean.iter_mut().zip(&row).for_each(|(m, x)| *m += x);
                }
                mean.iter_mut().for_each(|m| *m /= train.len() as f64);
                let mut square = vec![0.0; inputs];
                for &j in train {
                    read(&data.train.features, j, &mut row);
                    for ((s, x), m) in square.iter_mut().zip(&row).zip(&mean) {
                        *s += (x - m) * (x - m);
                    }
                }
                // Rounding of the mean leaves a constant with a deviation of about eps |mean|.
                let over_deviation = square.iter().zip(&mean).map(|(s, m)| {
                    let deviation = (s / train.len() as f64).sqrt();
                    if deviation > 1e-14 * m.abs() { 1.0 / deviation } else { 0.0 }
                });
                Ok(Self::Standardized { over_deviation: over_deviation.collect(), mean })
            }
            FeatureChoice::RandomConvolution(choice) => {
                choice.check(data.shape)?;
                let mut rng = seed.child("filters").rng();
                let count = choice.filters * data.shape.channels * choice.size * choice.size;
                let mut entry = || -> f64 { StandardNormal.sample(&mut rng) };
                let filters = (0..count).map(|_| entry() / choice.scale).collect();
                Ok(Self::Convolution { choice, filters, input: data.shape })
            }
        }
    }

    /// Extent of the features of one sample.
    pub(crate) fn shape(&self, input: Shape) -> Shape {
        match self {
            Self::Convolution { choice, input, .. } => choice.shape(*input),
            _ => input,
        }
    }

    /// The features of the samples `order`.
    pub(crate) fn rows(
        &self,
        features: &Features,
        shape: Shape,
        order: &[usize],
        single: bool,
    ) -> Rows {
        let inputs = shape.inputs();
        match self {
            Self::Raw => Rows::new(features, inputs, order, single),
            Self::Standardized { .. } | Self::Convolution { .. } => {
                let outputs = self.shape(shape).inputs();
                Rows::generate(order.len(), outputs, single, |j, row| {
                    let mut sample = vec![0.0; inputs];
                    read(features, order[j], &mut sample);
                    self.apply(&sample, shape, row, &mut Vec::new());
                })
            }
        }
    }

    /// The features of one sample of this shape; what stands in `scratch` is of no account.
    pub(crate) fn apply(
        &self,
        sample: &[f64],
        shape: Shape,
        out: &mut [f64],
        scratch: &mut Vec<f64>,
    ) {
        match self {
            Self::Raw => out.copy_from_slice(sample),
            Self::Standardized { mean, over_deviation } => {
                let statistics = mean.iter().zip(over_deviation);
                for ((out, x), (m, s)) in out.iter_mut().zip(sample).zip(statistics) {
                    *out = (x - m) * s;
                }
            }
            Self::Convolution { choice, filters, .. } => {
                convolve(*choice, filters, sample, shape, out, scratch);
            }
        }
    }
}

/// The features of one image.
fn convolve(
    choice: RandomConvolution,
    filters: &[f64],
    image: &[f64],
    input: Shape,
    out: &mut [f64],
    scratch: &mut Vec<f64>,
) {
    let shape = choice.pooled(input);
    let pooled;
    let image = if choice.pool == 1 {
        image
    } else {
        pooled = average(image, input, (shape.rows, shape.columns));
        &pooled
    };
    let (size, arch) = (choice.size, pulp::Arch::new());
    let image = Halo::new(image, shape, size, scratch);
    if choice.grid == 0 {
        arch.dispatch(Convolve { image, filters, out });
    } else {
        let maps = Shape { channels: choice.filters, ..shape };
        let mut whole = vec![0.0; maps.inputs()];
        arch.dispatch(Convolve { image, filters, out: &mut whole });
        out.copy_from_slice(&average(&whole, maps, (choice.grid, choice.grid)));
    }
    if choice.normalize {
        normalize(out);
    }
}

/// Averages every image of `shape` over `rows x columns` cells of nearly equal size.
fn average(images: &[f64], shape: Shape, (rows, columns): (usize, usize)) -> Vec<f64> {
    let mut out = Vec::with_capacity(shape.channels * rows * columns);
    let cell = |i: usize, cells: usize, side: usize| (i * side / cells, (i + 1) * side / cells);
    for image in images.chunks_exact(shape.rows * shape.columns) {
        for (top, bottom) in (0..rows).map(|r| cell(r, rows, shape.rows)) {
            for (left, right) in (0..columns).map(|c| cell(c, columns, shape.columns)) {
                let line = |r: usize| &image[r * shape.columns..][left..right];
                let sum: f64 = (top..bottom).map(|r| line(r).iter().sum::<f64>()).sum();
                out.push(sum / ((bottom - top) * (right - left)) as f64);
            }
        }
    }
    out
}

/// Mean 0 and deviation 1, or less where the deviation is below `1/√n`.
fn normalize(x: &mut [f64]) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let square: f64 = x.iter().map(|x| (x - mean) * (x - mean)).sum();
    let deviation = (square / (n - 1.0).max(1.0)).sqrt().max(n.sqrt().recip());
    x.iter_mut().for_each(|x| *x = (*x - mean) / deviation);
}

/// Writes the numbers of sample `j`.
fn read(features: &Features, j: usize, row: &mut [f64]) {
    let range = j * row.len()..(j + 1) * row.len();
    match features {
        Features::U8 { values, scale } => {
            row.iter_mut().zip(&values[range]).for_each(|(x, &v)| *x = scale * f64::from(v));
        }
        Features::F32(values) => {
            row.iter_mut().zip(&values[range]).for_each(|(x, &v)| *x = f64::from(v));
        }
        Features::F64(values) => row.copy_from_slice(&values[range]),
        Features::Streamed(streamed) => streamed.row(j, row),
    }
}

/// The correlations of an image with all filters, then tanh.
struct Convolve<'a> {
    image: Halo<'a>,
    /// `size x size` for every pair of channels, input channel fastest.
    filters: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { image, filters, out } = self;
        let Shape { channels, rows, columns } = image.shape;
        let (pixels, taps) = (rows * columns, channels * image.size * image.size);
        let mut maps = out.chunks_exact_mut(FILTERS * pixels);
        let mut groups = filters.chunks_exact(FILTERS * taps);
        for (out, filters) in maps.by_ref().zip(groups.by_ref()) {
            image.correlate::<S, FILTERS>(simd, filters, out);
        }
        let rest = maps.into_remainder().chunks_exact_mut(pixels);
        for (out, filter) in rest.zip(groups.remainder().chunks_exact(taps)) {
            image.correlate::<S, 1>(simd, filter, out);
        }
        for x in out.iter_mut() {
            // tanh x with an absolute error of a few eps, which is all that a feature needs.
            *x = 1.0 - 2.0 / (exp(2.0 * *x) + 1.0);
        }
    }
}

/// Filters whose sums are in registers at the same time, and registers of neighbors of each.
const FILTERS: usize = 4;
const NEIGHBORS: usize = 2;

/// An image continued periodically to all sides by the reach of a filter.
#[derive(Clone, Copy)]
struct Halo<'a> {
    values: &'a [f64],
    /// Of the image without its margin.
    shape: Shape,
    size: usize,
}

impl<'a> Halo<'a> {
    fn new(image: &[f64], shape: Shape, size: usize, values: &'a mut Vec<f64>) -> Self {
        let Shape { rows, columns, .. } = shape;
        let reach = size / 2;
        values.clear();
        for channel in image.chunks_exact(rows * columns) {
            for r in 0..rows + 2 * reach {
                let line = &channel[(r + rows - reach) % rows * columns..][..columns];
                values.extend_from_slice(&line[columns - reach..]);
                values.extend_from_slice(line);
                values.extend_from_slice(&line[..reach]);
            }
        }
        Self { values, shape, size }
    }

    /// The correlations with `F` filters. Every sum goes through the taps in their order, whatever
    /// the registers: the bits depend on neither.
    #[inline(always)]
    fn correlate<S: Simd, const F: usize>(&self, simd: S, filters: &[f64], out: &mut [f64]) {
        let Shape { rows, columns, .. } = self.shape;
        let lanes = size_of::<S::f64s>() / size_of::<f64>();
        for r in 0..rows {
            if columns < lanes {
                for c in 0..columns {
                    self.registers::<pulp::Scalar, F, 1>(pulp::Scalar::new(), filters, r, [c], out);
                }
                continue;
            }
            // The last register ends with the line; it may cover some columns again.
            let places = columns.div_ceil(lanes);
            let place = |v: usize| (v * lanes).min(columns - lanes);
            for v in (0..places - places % NEIGHBORS).step_by(NEIGHBORS) {
                let places = [place(v), place(v + 1)];
                self.registers::<S, F, NEIGHBORS>(simd, filters, r, places, out);
            }
            if places % NEIGHBORS > 0 {
                self.registers::<S, F, 1>(simd, filters, r, [place(places - 1)], out);
            }
        }
    }

    /// Registers of line `r` from the columns `places` on.
    #[inline(always)]
    fn registers<S: Simd, const F: usize, const V: usize>(
        &self,
        simd: S,
        filters: &[f64],
        r: usize,
        places: [usize; V],
        out: &mut [f64],
    ) {
        let Shape { channels, rows, columns } = self.shape;
        let (size, lanes) = (self.size, size_of::<S::f64s>() / size_of::<f64>());
        let taps = channels * size * size;
        let filters: [&[f64]; F] = std::array::from_fn(|f| &filters[f * taps..(f + 1) * taps]);
        let (width, height) = (columns + size - 1, rows + size - 1);
        let mut sums = [[simd.splat_f64s(0.0); V]; F];
        let mut tap = 0;
        for channel in 0..channels {
            for dr in 0..size {
                let line = &self.values[(channel * height + r + dr) * width..][..width];
                for dc in 0..size {
                    let x: [S::f64s; V] = std::array::from_fn(|v| {
                        let from = places[v] + dc;
                        S::as_simd_f64s(&line[from..from + lanes]).0[0]
                    });
                    for f in 0..F {
                        let w = simd.splat_f64s(filters[f][tap]);
                        for v in 0..V {
                            sums[f][v] = simd.add_f64s(sums[f][v], simd.mul_f64s(w, x[v]));
                        }
                    }
                    tap += 1;
                }
            }
        }
        for (f, sums) in sums.iter().enumerate() {
            for (place, sum) in places.iter().zip(sums) {
                let from = (f * rows + r) * columns + place;
                S::as_mut_simd_f64s(&mut out[from..from + lanes]).0[0] = *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Samples;

    fn images() -> Dataset {
        let shape = Shape { channels: 2, rows: 3, columns: 4 };
        let values = (0..48).map(|i| f64::from(i * 37 % 11) / 10.0).collect();
        let train = Samples { features: Features::F64(values), labels: vec![0, 1] };
        let (name, checksum) = (String::new(), String::new());
        Dataset { name, shape, classes: 2, train, test: None, checksum }
    }

    #[test]
    fn convolution_is_the_periodic_correlation_channel_after_channel() {
        let data = images();
        let choice = RandomConvolution { filters: 3, ..RandomConvolution::default() };
        let choice = FeatureChoice::RandomConvolution(choice);
        let map = FeatureMap::new(choice, &data, &[0, 1], Seed::root(3)).unwrap();
        let FeatureMap::Convolution { filters, .. } = &map else { panic!("a convolution") };
        let rows = map.rows(&data.train.features, data.shape, &[1, 0], false);
        let Features::F64(values) = &data.train.features else { panic!("doubles") };
        for f in 0..3 {
            for r in 0..3 {
                for c in 0..4 {
                    let mut sum = 0.0;
                    for channel in 0..2 {
                        for dr in 0..3 {
                            for dc in 0..3 {
                                let at = (r + dr + 2) % 3 * 4 + (c + dc + 3) % 4;
                                let x = values[24 + channel * 12 + at];
                                sum += filters[9 * (2 * f + channel) + 3 * dr + dc] * x;
                            }
                        }
                    }
                    let ours = rows.feature(f * 12 + r * 4 + c, 0);
                    assert!((ours - sum.tanh()).abs() <= 4e-15, "{ours} against {}", sum.tanh());
                }
            }
        }
    }

    /// Lines shorter than a register, lines that end inside one, groups of filters and what remains.
    #[test]
    fn every_width_and_instruction_set_gives_the_plain_sums() {
        for (channels, rows, columns, size) in
            [(1, 3, 3, 3), (3, 7, 14, 5), (2, 5, 16, 3), (1, 4, 28, 3)]
        {
            let shape = Shape { channels, rows, columns };
            let number = |i: usize| (i * 7919 % 1009) as f64 / 1009.0 - 0.5;
            let image: Vec<f64> = (0..shape.inputs()).map(number).collect();
            let (count, taps, pixels) = (6, channels * size * size, rows * columns);
            let filters: Vec<f64> = (0..count * taps).map(|i| number(i + 3)).collect();
            let mut expected = vec![0.0; count * pixels];
            for (i, sum) in expected.iter_mut().enumerate() {
                let (f, r, c) = (i / pixels, i % pixels / columns, i % columns);
                for tap in 0..taps {
                    let (channel, dr, dc) = (tap / (size * size), tap / size % size, tap % size);
                    let (y, x) = (r + rows + dr - size / 2, c + columns + dc - size / 2);
                    let at = channel * pixels + y % rows * columns + x % columns;
                    *sum += filters[f * taps + tap] * image[at];
                }
                *sum = 1.0 - 2.0 / (exp(2.0 * *sum) + 1.0);
            }
            let check = |out: &[f64]| {
                let gap = |(a, b): (&f64, &f64)| (a - b).abs();
                let most = out.iter().zip(&expected).map(gap).fold(0.0, f64::max);
                assert!(most <= 4.0 * f64::EPSILON, "{shape:?}: {most}");
            };
            let mut out = vec![f64::NAN; count * pixels];
            let mut margin = Vec::new();
            let image = Halo::new(&image, shape, size, &mut margin);
            let mut run = |task: &dyn Fn(Convolve<'_>)| {
                out.fill(f64::NAN);
                task(Convolve { image, filters: &filters, out: &mut out });
                check(&out);
            };
            run(&|convolve| pulp::Scalar::new().vectorize(convolve));
            run(&|convolve| pulp::Arch::new().dispatch(convolve));
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                run(&|convolve| Simd::vectorize(simd, convolve));
            }
        }
    }

    #[test]
    fn pooling_scale_grid_and_normalisation_are_what_they_say() {
        let shape = Shape { channels: 1, rows: 4, columns: 6 };
        let image: Vec<f64> = (0..24_u32).map(|i| f64::from(i * 7 % 12)).collect();
        let halves = average(&image, shape, (2, 3));
        let corner = (image[0] + image[1] + image[6] + image[7]) / 4.0;
        assert!(halves.len() == 6 && (halves[0] - corner).abs() <= 1e-15);
        // Uneven cells: columns 0, 1..3, 3, 4..6 of six.
        let uneven = average(&image, shape, (1, 4));
        let column = |c: usize| (0..4).map(|r| image[6 * r + c]).sum::<f64>() / 4.0;
        assert!((uneven[0] - column(0)).abs() <= 1e-14);
        assert!((uneven[1] - 0.5 * (column(1) + column(2))).abs() <= 1e-14);

        let train = Samples { features: Features::F64(image.clone()), labels: vec![0] };
        let (name, checksum) = (String::new(), String::new());
        let data = Dataset { name, shape, classes: 2, train, test: None, checksum };
        let rows = |choice: RandomConvolution| {
            let choice = FeatureChoice::RandomConvolution(choice);
            let map = FeatureMap::new(choice, &data, &[0], Seed::root(5)).unwrap();
            let rows = map.rows(&data.train.features, shape, &[0], false);
            let inputs = map.shape(shape).inputs();
            (0..inputs).map(|i| rows.feature(i, 0)).collect::<Vec<f64>>()
        };
        let plain = RandomConvolution { filters: 2, scale: 20.0, ..RandomConvolution::default() };
        let maps = rows(plain);
        let small = rows(RandomConvolution { grid: 2, ..plain });
        let of_maps = average(&maps, Shape { channels: 2, ..shape }, (2, 2));
        assert_eq!(small, of_maps);
        // Small features stay below the floor of the deviation, 1/√32 here, large ones do not.
        for scale in [200.0, 2.0] {
            let choice = RandomConvolution { filters: 8, grid: 2, scale, ..plain };
            let small = rows(choice);
            let normal = rows(RandomConvolution { normalize: true, ..choice });
            let mean = small.iter().sum::<f64>() / 32.0;
            let square: f64 = small.iter().map(|x| (x - mean) * (x - mean)).sum();
            let (deviation, floor) = ((square / 31.0).sqrt(), 32_f64.sqrt().recip());
            assert_eq!(deviation > floor, scale < 100.0, "{deviation}");
            for (x, y) in small.iter().zip(&normal) {
                assert!((y - (x - mean) / deviation.max(floor)).abs() <= 1e-14);
            }
        }
    }

    #[test]
    fn impossible_convolutions_are_named() {
        let data = images();
        for (choice, field) in [
            (RandomConvolution { filters: 0, ..Default::default() }, "features.filters = 0"),
            (RandomConvolution { size: 2, ..Default::default() }, "features.size = 2"),
            (RandomConvolution { pool: 2, ..Default::default() }, "features.pool = 2"),
            (RandomConvolution { grid: 4, ..Default::default() }, "features.grid = 4"),
            (RandomConvolution { scale: 0.0, ..Default::default() }, "features.scale = 0"),
        ] {
            let choice = FeatureChoice::RandomConvolution(choice);
            let error = FeatureMap::new(choice, &data, &[0], Seed::root(0)).err().unwrap();
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }

    #[test]
    fn standardized_features_have_mean_zero_and_deviation_one_or_zero() {
        let shape = Shape { channels: 1, rows: 1, columns: 2 };
        let values = vec![1.0, 0.1, 2.0, 0.1, 6.0, 0.1];
        let train = Samples { features: Features::F64(values), labels: vec![0, 1, 0] };
        let (name, checksum) = (String::new(), String::new());
        let data = Dataset { name, shape, classes: 2, train, test: None, checksum };
        let map =
            FeatureMap::new(FeatureChoice::Standardized, &data, &[0, 1, 2], Seed::root(0)).unwrap();
        let rows = map.rows(&data.train.features, shape, &[0, 1, 2], false);
        let x: Vec<f64> = (0..3).map(|j| rows.feature(0, j)).collect();
        assert!(x.iter().sum::<f64>().abs() <= 1e-15);
        assert!((x.iter().map(|v| v * v).sum::<f64>() / 3.0 - 1.0).abs() <= 1e-15);
        assert!((0..3).all(|j| rows.feature(1, j).abs() <= 0.0));
    }
}
