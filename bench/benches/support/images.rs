//! Random data of the size of MNIST, so that a benchmark runs anywhere.

use converge_problems::data::{Dataset, DatasetChoice, Features, Samples, Shape};
use converge_problems::mlr::{Amount, Mlr, MlrConfig, Precision, SplitChoice};
use converge_problems::{Problem, Seed};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Classes of every instance.
pub(crate) const CLASSES: usize = 10;

/// Uniform bytes with scale 1/255, as pixels are, and uniform labels: all of them train, with an
/// identity ridge of 1e-2.
pub(crate) fn images(samples: usize, inputs: usize, precision: Precision) -> Mlr {
    let mut rng = Seed::root(1).child("pixels").rng();
    let values = (0..samples * inputs).map(|_| rng.random()).collect();
    instance(Features::U8 { values, scale: 1.0 / 255.0 }, inputs, precision)
}

/// An instance on `features` with uniform labels.
pub(crate) fn instance(features: Features, inputs: usize, precision: Precision) -> Mlr {
    let mut rng = Seed::root(1).child("labels").rng();
    let samples = features.len() / inputs;
    let labels = (0..samples).map(|_| rng.random_range(0..CLASSES as u16)).collect();
    let name = String::from("random");
    let config = MlrConfig {
        split: SplitChoice { test: Some(Amount::Count(0)), ..SplitChoice::ALL },
        precision,
        ..MlrConfig::new(DatasetChoice::Named(name.clone()))
    };
    let data = Dataset {
        name,
        shape: Shape { channels: 1, rows: 1, columns: inputs },
        classes: CLASSES,
        train: Samples { features, labels },
        test: None,
        checksum: String::new(),
    };
    Mlr::new(&data, &config, Seed::root(1), None).expect("the settings are admissible")
}

/// Normal weights whose scores have a deviation of about 1.
pub(crate) fn weights(problem: &Mlr) -> Vec<f64> {
    let over = 2.0 / (problem.weights() as f64).sqrt();
    let normal = StandardNormal.sample_iter(Seed::root(1).child("weights").rng());
    normal.map(|v: f64| over * v).take(problem.dim()).collect()
}
