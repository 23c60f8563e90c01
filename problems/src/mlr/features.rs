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
    /// One layer of random 3x3 filters with periodic boundary, then tanh.
    RandomConvolution(RandomConvolution),
}

/// Random features ("extreme learning"): `tanh` of the correlation of the images with seeded 3x3
/// filters, entries `N(0, 1)`, no bias, periodic boundary. Several input channels are summed. The
/// features are ordered filter after filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RandomConvolution {
    /// Number of filters: image channels of the features.
    #[serde(default = "nine")]
    pub filters: usize,
}

fn nine() -> usize {
    9
}

/// A feature map whose statistics and filters are fixed.
#[derive(Debug)]
pub(crate) enum FeatureMap {
    Raw,
    Standardized { mean: Vec<f64>, over_deviation: Vec<f64> },
    Convolution { filters: Vec<[f64; 9]>, shape: Shape },
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
            FeatureChoice::RandomConvolution(RandomConvolution { filters }) => {
                require("filters", filters, filters > 0, "at least 1")?;
                let mut rng = seed.child("filters").rng();
                let filters = (0..filters * data.shape.channels)
                    .map(|_| std::array::from_fn(|_| StandardNormal.sample(&mut rng)))
                    .collect();
                Ok(Self::Convolution { filters, shape: data.shape })
            }
        }
    }

    /// Extent of the features of one sample.
    pub(crate) fn shape(&self, input: Shape) -> Shape {
        match self {
            Self::Convolution { filters, shape } => {
                Shape { channels: filters.len() / shape.channels, ..*shape }
            }
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
                    self.apply(&sample, shape, row);
                })
            }
        }
    }

    /// The features of one sample of this shape.
    pub(crate) fn apply(&self, sample: &[f64], shape: Shape, out: &mut [f64]) {
        match self {
            Self::Raw => out.copy_from_slice(sample),
            Self::Standardized { mean, over_deviation } => {
                let statistics = mean.iter().zip(over_deviation);
                for ((out, x), (m, s)) in out.iter_mut().zip(sample).zip(statistics) {
                    *out = (x - m) * s;
                }
            }
            Self::Convolution { filters, .. } => {
                pulp::Arch::new().dispatch(Convolve { image: sample, filters, shape, out });
            }
        }
    }
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

struct Convolve<'a> {
    image: &'a [f64],
    filters: &'a [[f64; 9]],
    shape: Shape,
    out: &'a mut [f64],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { image, filters, shape: Shape { channels, rows, columns }, out } = self;
        let size = rows * columns;
        out.fill(0.0);
        for (out, filters) in out.chunks_exact_mut(size).zip(filters.chunks_exact(channels)) {
            for (image, filter) in image.chunks_exact(size).zip(filters) {
                for (r, out) in out.chunks_exact_mut(columns).enumerate() {
                    for (dr, weights) in filter.chunks_exact(3).enumerate() {
                        let from = (r + rows + dr - 1) % rows * columns;
                        let line = &image[from..from + columns];
                        for (dc, w) in weights.iter().enumerate() {
                            // out[c] += w line[c + dc - 1], periodic: two runs without a division.
                            let shift = (columns + dc - 1) % columns;
                            let (head, tail) = out.split_at_mut(columns - shift);
                            head.iter_mut().zip(&line[shift..]).for_each(|(o, x)| *o += w * x);
                            tail.iter_mut().zip(&line[..shift]).for_each(|(o, x)| *o += w * x);
                        }
                    }
                }
            }
        }
        for x in out.iter_mut() {
            // tanh x with an absolute error of a few eps, which is all that a feature needs.
            *x = 1.0 - 2.0 / (exp(2.0 * *x) + 1.0);
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
        let choice = FeatureChoice::RandomConvolution(RandomConvolution { filters: 3 });
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
                                sum += filters[2 * f + channel][3 * dr + dc] * x;
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
