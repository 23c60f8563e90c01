//! What is measured at a point.

use super::softmax::{is_correct, misfit};
use super::sweep::Samples;
use super::{Mlr, MlrScratch, Precision};
use crate::{Better, Metric, Output, Problem, Seed, Split};

/// The metrics of an instance, in the order of their row.
pub(super) fn list(mlr: &Mlr) -> Vec<Metric> {
    use Better::{Higher, Lower};
    let mut list = Vec::new();
    if mlr.measures_training {
        list.push(Metric::new("objective", Lower, Split::Train));
        list.push(Metric::new("gradient-norm", Lower, Split::Train));
        list.push(Metric::new("train-loss", Lower, Split::Train));
        list.push(Metric::new("train-accuracy", Higher, Split::Train));
    }
    if mlr.parts.validation.is_some() {
        list.push(Metric::new("validation-loss", Lower, Split::Validation));
        list.push(Metric::new("validation-accuracy", Higher, Split::Validation));
    }
    if mlr.test().is_some() {
        list.push(Metric::new("test-loss", Lower, Split::Test));
        list.push(Metric::new("test-accuracy", Higher, Split::Test));
    }
    if mlr.measures_training && mlr.reference.is_some() {
        list.push(Metric::new("objective-gap", Lower, Split::Train));
        list.push(Metric::new("distance", Lower, Split::Train));
    }
    list
}

fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|v| v * v).sum::<f64>().sqrt()
}

impl Problem for Mlr {
    type Scratch = MlrScratch;

    fn dim(&self) -> usize {
        self.weights() * self.parts.classes
    }

    fn terms(&self) -> Option<usize> {
        Some(self.samples())
    }

    fn scratch(&self) -> MlrScratch {
        self.new_scratch()
    }

    /// Zero weights.
    fn start(&self, _seed: Seed, x: &mut [f64]) {
        x.fill(0.0);
    }

    fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// One pass over the training samples, with its gradient, and one over the others. Losses are
    /// means of the misfits without the Tikhonov term; accuracies are fractions.
    fn evaluate(&self, x: &[f64], row: &mut [f64], scratch: &mut MlrScratch) {
        let mut row = row.iter_mut();
        let mut push = |value: f64| {
            if let Some(place) = row.next() {
                *place = if value.is_finite() { value } else { f64::NAN };
            }
        };
        let training = self.measures_training.then(|| self.assess_train(x, scratch));
        if let Some((objective, misfit, correct)) = training {
            push(objective);
            push(norm(scratch.gradient.iter().copied()));
            push(misfit / self.samples() as f64);
            push(correct / self.samples() as f64);
        }
        for part in [self.parts.validation.as_ref(), self.test()].into_iter().flatten() {
            let (misfit, correct) = Self::assess(part, x, scratch);
            push(misfit / part.rows.samples as f64);
            push(correct / part.rows.samples as f64);
        }
        if let (Some(reference), Some((objective, ..))) = (&self.reference, training) {
            push(objective - reference.value);
            let gap = norm(x.iter().zip(&reference.x).map(|(x, r)| x - r));
            push(gap / norm(reference.x.iter().copied()));
        }
    }

    /// `test-loss` and `test-accuracy`: the terms that the metrics of these names are the means of, in
    /// the order of the data set, so that repetitions on the same samples have them in the same places.
    fn outputs(&self) -> Vec<Output> {
        let samples = self.test().map_or(0, |test| test.rows.samples);
        let output = |name: &'static str| Output { name: name.into(), shape: vec![samples] };
        if samples == 0 { Vec::new() } else { ["test-loss", "test-accuracy"].map(output).into() }
    }

    fn output(&self, index: usize, x: &[f64], out: &mut [f64], scratch: &mut MlrScratch) {
        let Some(test) = self.test() else { return };
        let terms = Self::assess_each(test, x, scratch, |scores, capacity, j, label| match index {
            0 => misfit(scores, capacity, j, label),
            _ => f64::from(u8::from(is_correct(scores, capacity, j, label))),
        });
        for (&place, term) in self.parts.test_places.iter().zip(terms) {
            out[place] = term;
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let count = |part: Option<&Samples>| part.map_or(0, |s| s.rows.samples).to_string();
        vec![
            ("dataset", self.parts.dataset.clone()),
            ("checksum", self.parts.checksum.clone()),
            (
                "precision",
                match self.precision {
                    Precision::Double => "f64".into(),
                    Precision::Mixed => "f32 products, f64 accumulation".into(),
                },
            ),
            ("defects", self.defects.to_string()),
            ("stored", self.parts.train.rows.storage()),
            ("data-bytes", self.parts.train.rows.bytes().to_string()),
            ("classes", self.parts.classes.to_string()),
            ("weights", self.weights().to_string()),
            ("train", self.samples().to_string()),
            ("validation", count(self.parts.validation.as_ref())),
            ("test", count(self.test())),
        ]
    }
}
