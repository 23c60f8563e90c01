//! Multinomial logistic regression.
//!
//! With `N` training samples, their `p = inputs + 1` features `d_j` (the last one constant 1), `K`
//! classes, labels `y_j` and weights `W` (`K x p`), the objective is
//!
//! ```text
//! J(W) = (1/N) sum_j [ lse(W d_j) - (W d_j)_{y_j} ]  +  (α/2) ‖L (W - W_ref)ᵀ‖²
//! ```
//!
//! the mean cross-entropy plus a Tikhonov term with the same operator `L` for every class: the
//! identity, or the Laplacian of each image channel ([`RidgeOperator`]). `W_ref` is zero unless set.
//! The bias is an ordinary weight with its own diagonal entry in `L`; with [`Bias::Free`] that entry
//! is zero, the convention of general-purpose libraries.
//!
//! A point is `Wᵀ`, `p x K` column-major: the `p` weights of class 0, bias last, then of class 1.
//!
//! # Precision
//! Features are kept as bytes, `f32` or `f64`, in the narrowest type that holds them exactly.
//! In [`Precision::Double`] all arithmetic is `f64`. In [`Precision::Mixed`] the products with the
//! data are `f32` inside a tile of at most 256 samples and added up in `f64` over tiles; softmax,
//! losses, regulariser and all reductions are `f64`; features that are not exact in `f32` are
//! rounded to it once. Objective and gradient then agree with `f64` to about `1e-7` relative to the
//! sums of absolute values they are made of.
//!
//! Every oracle reads the data once ([`sweep`]). Results do not depend on the number of threads.
//!
//! # Memory
//! Bytes held by an instance: the features of all parts, padded to a multiple of 16 per sample; 2 per
//! sample for labels; and in each scratch `192 K p` for partial products and about 0.5 MiB per thread.
//! A solver adds what its page says: ADMM-Softmax two `p x p` matrices, of which one stays, and `16 K N`.
//! While an instance is built from an array in memory, the array is there beside the padded features:
//! twice the data. Two things make data fit that do not:
//!
//! - [`Files::stream`](crate::data::Files::stream) leaves features in their file: 4 bytes per sample
//!   instead, and the bytes of a tile per thread;
//! - [`Storage::Recompute`] keeps the numbers that a feature map takes, streamed or not, and computes
//!   its features in every tile: for random features of images a `1/(8 filters)` of the memory, in
//!   return for a pass several times as long, the longer the smaller the images.
//!
//! Neither changes a bit of any result. Streamed from the system's cache, a pass over bytes in the
//! order of the file takes somewhat longer than over stored ones, in random order about twice as long;
//! the probe `storage-equality` measures it.
//!
//! Source: "ADMM-Softmax: An ADMM Approach for Multinomial Logistic Regression", ETNA 52 (2020),
//! 214-229, and the authors' release, whose conventions this module follows.

mod convolution;
mod features;
mod gram;
mod kernels;
mod metrics;
mod objective;
mod power;
mod real;
mod ridge;
mod rows;
mod softmax;
mod split;
pub mod sweep;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use faer::Mat;
use serde::{Deserialize, Serialize};

use self::features::FeatureMap;
use self::rows::Rows;
use self::sweep::Samples;
use crate::data::{self, Dataset, DatasetChoice, Features, Shape};
use crate::{Build, Metric, Seed, SetupError, Split, Value, require};

pub use features::{FeatureChoice, RandomConvolution};
pub use objective::{Linearization, MlrScratch};
pub use power::RidgePower;
pub use ridge::RidgeOperator;
pub use split::{Amount, SplitChoice};

/// The Tikhonov term: its operator and its weight `α >= 0`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ridge {
    /// `L` is the identity.
    Identity(f64),
    /// `L` is the Laplacian of every image channel, divided by the number of features.
    Laplacian(f64),
}

/// What the Tikhonov term does to the bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// An ordinary weight with its own diagonal entry.
    #[default]
    Regularized,
    /// Left alone.
    Free,
}

/// Arithmetic of the products with the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// `f64` throughout.
    #[default]
    Double,
    /// `f32` products inside a tile, `f64` accumulation over tiles.
    Mixed,
}

/// Defects of the released code of ADMM-Softmax, each a switch of its own, so that what it does to a
/// comparison can be measured. All are off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Defects {
    /// The oracles (value, gradient, Hessian, batches) apply the operator of the Tikhonov term to the
    /// weights in class-fastest order as if each class were contiguous: `‖L̃ vec(W - W_ref)‖²` with
    /// `L̃ = blockdiag(L, ..., L)` and `vec` running over classes first. Methods that use the operator
    /// itself ([`Mlr::operator`]: ADMM-Softmax, the ridge classifier, the bound majoriser) keep the
    /// right one, as in the release, so that rivals minimise another function.
    pub interleaved_ridge: bool,
    /// `θ >= 0`, added to the Hessian of every sample in its scores: products with the Hessian get
    /// `θ D Dᵀ v / N` on top. Value and gradient stay. The release has `1e-3`.
    pub hessian_damping: f64,
    /// Validation samples are removed from the training samples class by class with indices taken
    /// before the first removal, so that a third of them stays. Needs a balanced validation part.
    pub leaking_split: bool,
}

impl std::fmt::Display for Defects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = [
            self.interleaved_ridge.then(|| "interleaved ridge".to_owned()),
            (self.hessian_damping > 0.0)
                .then(|| format!("Hessian damping {}", self.hessian_damping)),
            self.leaking_split.then(|| "leaking split".to_owned()),
        ];
        let names: Vec<String> = names.into_iter().flatten().collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

/// Where the features of a map other than [`FeatureChoice::Raw`] are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// Computed once and kept.
    #[default]
    Memory,
    /// Computed anew in every tile of every sweep, from the numbers that the data set holds or
    /// streams. The same features to the bit.
    Recompute,
}

/// A section `[problem.NAME]` of kind `mlr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MlrConfig {
    /// The data.
    pub dataset: DatasetChoice,
    /// The feature map.
    #[serde(default)]
    pub features: FeatureChoice,
    /// Where they are.
    #[serde(default)]
    pub storage: Storage,
    /// The Tikhonov term.
    #[serde(default = "MlrConfig::default_ridge")]
    pub ridge: Ridge,
    /// What it does to the bias.
    #[serde(default)]
    pub bias: Bias,
    /// Which samples train, select and test.
    #[serde(default)]
    pub split: SplitChoice,
    /// Arithmetic of the products with the data.
    #[serde(default)]
    pub precision: Precision,
    /// Defects of the released code, to measure what they do.
    #[serde(default)]
    pub defects: Defects,
}

impl MlrConfig {
    /// Raw features of `dataset`, identity ridge of `1e-2`, everything else at its default.
    pub fn new(dataset: DatasetChoice) -> Self {
        Self {
            dataset,
            features: FeatureChoice::Raw,
            storage: Storage::Memory,
            ridge: Self::default_ridge(),
            bias: Bias::Regularized,
            split: SplitChoice::default(),
            precision: Precision::Double,
            defects: Defects::default(),
        }
    }

    /// Weights are finite and not negative.
    fn check(&self) -> Result<(), SetupError> {
        let (Ridge::Identity(ridge) | Ridge::Laplacian(ridge)) = self.ridge;
        let damping = self.defects.hessian_damping;
        for (name, weight) in [("ridge", ridge), ("defects.hessian-damping", damping)] {
            let admissible = weight >= 0.0 && weight.is_finite();
            require(name, weight, admissible, "a finite number, at least 0")?;
        }
        Ok(())
    }

    fn default_ridge() -> Ridge {
        Ridge::Identity(1e-2)
    }
}

/// An instance of multinomial logistic regression.
#[derive(Clone, Debug)]
pub struct Mlr {
    parts: Arc<Parts>,
    ridge_weight: f64,
    operator: RidgeOperator,
    prior: Option<Vec<f64>>,
    precision: Precision,
    defects: Defects,
    metrics: Vec<Metric>,
    reference: Option<Reference>,
    /// Meets the trials of a tuning: measures no test samples, keeps the Gram matrix.
    trials: bool,
    /// Whether the metrics of the training samples are measured.
    measures_training: bool,
}

/// The samples of an instance. Instances that differ in the Tikhonov term alone share them.
#[derive(Debug)]
struct Parts {
    train: Samples,
    validation: Option<Samples>,
    test: Option<Samples>,
    /// Place of each test sample among the test samples in the order of the data set.
    test_places: Vec<usize>,
    /// What [`Mlr::gram`] answered to the first trial.
    gram: OnceLock<Mat<f64>>,
    /// Extent of the features of one sample.
    shape: Shape,
    classes: usize,
    dataset: String,
    checksum: String,
}

/// A reference solution and its objective by the same oracle.
#[derive(Clone, Debug)]
struct Reference {
    x: Vec<f64>,
    value: f64,
}

impl Mlr {
    /// An instance on data at hand; `config.dataset` is not looked at. `reference` is a point whose
    /// objective the metric `objective-gap` subtracts.
    ///
    /// # Errors
    /// [`SetupError`] for a negative ridge, an impossible split, data without samples, packed data that
    /// are streamed in random order, or a reference of the wrong length.
    pub fn new(
        data: &Dataset,
        config: &MlrConfig,
        seed: Seed,
        reference: Option<&[f64]>,
    ) -> Result<Self, SetupError> {
        config.check()?;
        Self::on(Arc::new(Parts::new(data, config, seed)?), config, reference)
    }

    /// An instance of a section that was checked.
    fn on(
        parts: Arc<Parts>,
        config: &MlrConfig,
        reference: Option<&[f64]>,
    ) -> Result<Self, SetupError> {
        let (Ridge::Identity(weight) | Ridge::Laplacian(weight)) = config.ridge;
        let (shape, free) = (parts.shape, config.bias == Bias::Free);
        let mut mlr = Self {
            parts,
            operator: match config.ridge {
                Ridge::Identity(_) => RidgeOperator::identity(shape.inputs(), free),
                Ridge::Laplacian(_) => RidgeOperator::laplacian(shape, free),
            },
            ridge_weight: weight,
            prior: None,
            precision: config.precision,
            defects: config.defects,
            metrics: Vec::new(),
            reference: None,
            trials: false,
            measures_training: true,
        };
        mlr.set_reference(reference)?;
        Ok(mlr)
    }

    /// Sets the reference weights `W_ref` of the Tikhonov term, `p x K` like a point.
    ///
    /// # Errors
    /// [`SetupError::Shape`] for another length.
    pub fn with_prior(mut self, weights: &[f64]) -> Result<Self, SetupError> {
        self.check_len("reference weights", weights)?;
        self.prior = Some(weights.to_vec());
        let reference = self.reference.take();
        self.set_reference(reference.as_ref().map(|r| &r.x[..]))?;
        Ok(self)
    }

    fn set_reference(&mut self, reference: Option<&[f64]>) -> Result<(), SetupError> {
        self.reference = match reference {
            None => None,
            Some(x) => {
                self.check_len("reference solution", x)?;
                let value = self.value(x, &mut crate::Problem::scratch(self));
                Some(Reference { x: x.to_vec(), value })
            }
        };
        self.metrics = metrics::list(self);
        Ok(())
    }

    fn check_len(&self, what: &'static str, x: &[f64]) -> Result<(), SetupError> {
        let expected = self.weights() * self.parts.classes;
        if x.len() == expected {
            Ok(())
        } else {
            Err(SetupError::Shape { what, expected, found: x.len() })
        }
    }

    /// The test samples that it measures on.
    fn test(&self) -> Option<&Samples> {
        self.parts.test.as_ref().filter(|_| !self.trials)
    }

    /// Training samples `N`.
    pub fn samples(&self) -> usize {
        self.parts.train.rows.samples
    }

    /// Weights per class `p`: the features and the bias.
    pub fn weights(&self) -> usize {
        self.parts.shape.inputs() + 1
    }

    /// Classes `K`.
    pub fn classes(&self) -> usize {
        self.parts.classes
    }

    /// Bytes of training features, or of what they are computed from, that are held in memory.
    pub fn data_bytes(&self) -> usize {
        self.parts.train.rows.bytes()
    }

    /// Extent of the features of one sample.
    pub fn shape(&self) -> Shape {
        self.parts.shape
    }

    /// Label of every training sample.
    pub fn labels(&self) -> &[u16] {
        &self.parts.train.labels
    }

    /// Weight `α` of the Tikhonov term.
    pub fn ridge_weight(&self) -> f64 {
        self.ridge_weight
    }

    /// Operator `L` of the Tikhonov term.
    pub fn operator(&self) -> &RidgeOperator {
        &self.operator
    }

    /// Reference weights `W_ref`, `p x K`, if they are not zero.
    pub fn prior(&self) -> Option<&[f64]> {
        self.prior.as_deref()
    }

    /// Arithmetic of the products with the data.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Feature `input` of training sample `sample`, 1 for `input = p - 1`. For tests and checks.
    pub fn feature(&self, input: usize, sample: usize) -> f64 {
        if input + 1 == self.weights() { 1.0 } else { self.parts.train.rows.feature(input, sample) }
    }
}

impl Parts {
    fn new(data: &Dataset, config: &MlrConfig, seed: Seed) -> Result<Self, SetupError> {
        require("classes", data.classes, data.classes >= 1, "at least 1")?;
        for part in [Some(&data.train), data.test.as_ref()].into_iter().flatten() {
            if let (Features::Streamed(streamed), false) = (&part.features, config.split.in_order) {
                streamed.check_any_order()?;
            }
        }
        let partition = config.split.partition(data, config.defects.leaking_split, seed)?;
        let map = FeatureMap::new(config.features, data, &partition.train, seed.child("features"))?;
        let map = Arc::new(map);
        let shape = map.shape(data.shape);
        let single = config.precision == Precision::Mixed;
        let scalar_bytes = if single { 4 } else { 8 };
        let part = |source: &data::Samples, order: &[usize]| {
            let stored = config.storage == Storage::Memory || matches!(*map, FeatureMap::Raw);
            let rows = if stored {
                map.rows(&source.features, data.shape, order, single)
            } else {
                let numbers = Rows::new(&source.features, data.shape.inputs(), order, false);
                Rows::mapped(numbers, Arc::clone(&map), data.shape, shape.inputs(), single)
            };
            Samples::new(rows, order.iter().map(|&j| source.labels[j]).collect(), scalar_bytes)
        };
        let some = |source: &data::Samples, order: &[usize]| {
            (!order.is_empty()).then(|| part(source, order))
        };
        Ok(Self {
            train: part(&data.train, &partition.train),
            validation: some(&data.train, &partition.validation),
            test: some(data.test.as_ref().unwrap_or(&data.train), &partition.test),
            test_places: split::places(&partition.test),
            gram: OnceLock::new(),
            shape,
            classes: data.classes,
            dataset: data.name.clone(),
            checksum: data.checksum.clone(),
        })
    }
}

impl Build for Mlr {
    const ID: &'static str = "mlr";
    const ABOUT: &'static str = "multinomial logistic regression with a Tikhonov term";
    type Config = MlrConfig;

    fn check(config: &MlrConfig) -> Result<(), SetupError> {
        config.check()
    }

    fn build(
        config: &MlrConfig,
        seed: Seed,
        reference: Option<&[f64]>,
    ) -> Result<Self, SetupError> {
        let data = data::load(&config.dataset, seed.child("data"))?;
        Self::new(&data, config, seed, reference)
    }

    /// Samples are shared by instances that differ in the Tikhonov term, or in defects beside the
    /// leaking split.
    fn rebuild(
        kin: &Self,
        of: &MlrConfig,
        config: &MlrConfig,
        reference: Option<&[f64]>,
    ) -> Option<Result<Self, SetupError>> {
        let samples = |config: &MlrConfig| MlrConfig {
            ridge: MlrConfig::default_ridge(),
            bias: Bias::default(),
            defects: Defects { leaking_split: config.defects.leaking_split, ..Defects::default() },
            ..config.clone()
        };
        (samples(of) == samples(config)).then(|| {
            config.check()?;
            Self::on(Arc::clone(&kin.parts), config, reference)
        })
    }

    /// Measures no test samples; the training samples, for which a row needs a pass with its gradient,
    /// only where a metric of theirs is read.
    fn for_trials(mut self, metrics: &[String]) -> Self {
        self.trials = true;
        let read =
            |metric: &Metric| metrics.is_empty() || metrics.iter().any(|n| metric.name == *n);
        self.measures_training =
            self.metrics.iter().any(|metric| metric.split == Split::Train && read(metric));
        self.metrics = metrics::list(&self);
        self
    }
}
