//! Feature maps: raw, standardized, random convolution.

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::convolution::{Convolve, Halo};
use super::rows::Rows;
use crate::data::{Dataset, Features, Shape};
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
