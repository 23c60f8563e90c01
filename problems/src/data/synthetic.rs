//! Generated classification data with known difficulty.
//!
//! Features live in *whitened* coordinates u, where the noise has unit covariance, and are mapped
//! to x = S u with S = Q diag(√λ) Qᵀ, `λ_i = κ^(-i/(p-1))` for i = 0..p, so that S S has condition
//! number κ and largest eigenvalue 1; Q is a product of random reflections, so that no coordinate
//! is an eigenvector. Distances below are in u, that is in units of the standard deviation within
//! a class (Mahalanobis).

use rand::RngExt;
use rand_distr::{Distribution, Gumbel, StandardNormal};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{Dataset, Features, Samples, Shape, sha256};
use crate::{Seed, SetupError, require, require_positive};

/// Where labels come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Gaussian classes: y uniform, u = `m_y` + z with z standard normal. The centres `m_k` are random
    /// and scaled so that the closest two are 2·`margin` apart: two classes then have the Bayes
    /// error Φ(-`margin`).
    #[default]
    GaussianClasses,
    /// Labels of a linear model: u standard normal, y = argmax over k of `(W u + g)_k` with independent
    /// standard Gumbel g, that is `P(y = k | u) = softmax(W u)_k`, the model behind multinomial logistic
    /// regression. The weights are normal with variance `signal`²/p: every logit has standard
    /// deviation close to `signal`.
    GumbelSoftmax,
}

/// What to generate. Every field has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Synthetic {
    /// Where labels come from.
    pub model: Model,
    /// Training samples.
    pub samples: usize,
    /// Test samples from the same distribution; 0: no test part.
    pub test_samples: usize,
    /// Numbers per sample p.
    pub inputs: usize,
    /// Classes K.
    pub classes: usize,
    /// Condition number κ ≥ 1 of the covariance within a class.
    pub condition: f64,
    /// Gaussian classes: half the distance of the closest centres.
    pub margin: f64,
    /// Gumbel-softmax: standard deviation of a logit.
    pub signal: f64,
    /// Share of labels replaced by another class, drawn uniformly; training and test alike.
    pub label_noise: f64,
    /// Gaussian classes: shorten each z until u keeps the distance `margin`/2 from every plane half
    /// way between its own centre and another. A linear classifier then separates the samples
    /// exactly: the one with weights `m_k` and offsets `-|m_k|²/2`.
    pub separable: bool,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            model: Model::GaussianClasses,
            samples: 1000,
            test_samples: 0,
            inputs: 16,
            classes: 4,
            condition: 1.0,
            margin: 2.0,
            signal: 1.0,
            label_noise: 0.0,
            separable: false,
        }
    }
}

/// Reflections in Q.
const REFLECTIONS: u64 = 4;

impl Synthetic {
    /// Generates the data set. Samples are drawn one after the other, so that a larger set begins
    /// with the smaller one of the same seed; training and test samples are independent.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] for sizes of zero, fewer than two classes, values outside their
    /// ranges, or a combination that contradicts itself.
    pub fn generate(&self, seed: Seed) -> Result<Dataset, SetupError> {
        self.check()?;
        let seed = seed.child("synthetic");
        let truth = Truth::new(self, seed);
        let test = (self.test_samples > 0)
            .then(|| truth.draw(self, self.test_samples, seed.child("test").rng()));
        Ok(Dataset {
            name: "synthetic".into(),
            shape: Shape { channels: 1, rows: 1, columns: self.inputs },
            classes: self.classes,
            train: truth.draw(self, self.samples, seed.child("train").rng()),
            test,
            checksum: sha256(format!("{self:?} {seed:?}").as_bytes()),
        })
    }

    fn check(&self) -> Result<(), SetupError> {
        require("samples", self.samples, self.samples > 0, "at least 1")?;
        require("inputs", self.inputs, self.inputs > 0, "at least 1")?;
        require("classes", self.classes, (2..=65_536).contains(&self.classes), "from 2 to 65536")?;
        let numbers = (self.samples.saturating_add(self.test_samples)).saturating_mul(self.inputs);
        require("samples", self.samples, numbers <= 1 << 32, "at most 2^32 numbers in all")?;
        require_positive("condition", self.condition)?;
        require("condition", self.condition, self.condition >= 1.0, "at least 1")?;
        require_positive("margin", self.margin)?;
        require_positive("signal", self.signal)?;
        let noise = (0.0..=1.0).contains(&self.label_noise);
        require("label-noise", self.label_noise, noise, "a share from 0 to 1")?;
        if self.separable {
            let gaussian = self.model == Model::GaussianClasses;
            require("separable", true, gaussian, "only with model = \"gaussian-classes\"")?;
            let clean = self.label_noise <= 0.0;
            require("separable", true, clean, "only without label-noise, which breaks it")?;
        }
        Ok(())
    }
}

/// What the labels follow, in whitened coordinates.
struct Truth {
    inputs: usize,
    /// Centres `m_k` or weights `w_k`, one class after the other.
    directions: Vec<f64>,
    /// `|m_k - m_l|`, `classes x classes`; empty for Gumbel-softmax.
    distances: Vec<f64>,
    /// √λ.
    spread: Vec<f64>,
    /// Unit normals of the reflections whose product is Q.
    mirrors: Vec<Vec<f64>>,
}

impl Truth {
    fn new(spec: &Synthetic, seed: Seed) -> Self {
        let Synthetic { inputs, classes, .. } = *spec;
        let mut rng = seed.child("directions").rng();
        let mut directions: Vec<f64> =
            (0..inputs * classes).map(|_| StandardNormal.sample(&mut rng)).collect();
        let mut distances = Vec::new();
        match spec.model {
            Model::GumbelSoftmax => {
                let scale = spec.signal / (inputs as f64).sqrt();
                for w in &mut directions {
                    *w *= scale;
                }
            }
            Model::GaussianClasses => {
                let pairs = || directions.chunks_exact(inputs);
                distances =
                    pairs().flat_map(|a| pairs().map(move |b| distance(a, b))).collect::<Vec<_>>();
                let closest =
                    distances.iter().copied().filter(|&d| d > 0.0).fold(f64::INFINITY, f64::min);
                let scale = 2.0 * spec.margin / closest;
                for m in directions.iter_mut().chain(&mut distances) {
                    *m *= scale;
                }
            }
        }
        let exponent = |i: usize| -0.5 * i as f64 / (inputs - 1).max(1) as f64;
        let mirrors = (0..REFLECTIONS)
            .map(|i| {
                let mut rng = seed.child("rotation").index(i).rng();
                let v: Vec<f64> = (0..inputs).map(|_| StandardNormal.sample(&mut rng)).collect();
                let norm = dot(&v, &v).sqrt();
                v.into_iter().map(|c| c / norm).collect()
            })
            .collect();
        Self {
            inputs,
            directions,
            distances,
            spread: (0..inputs).map(|i| spec.condition.powf(exponent(i))).collect(),
            mirrors,
        }
    }

    fn direction(&self, class: usize) -> &[f64] {
        &self.directions[class * self.inputs..][..self.inputs]
    }

    fn draw(&self, spec: &Synthetic, samples: usize, mut rng: Pcg64) -> Samples {
        let mut values = vec![0.0; samples * self.inputs];
        let mut labels = Vec::with_capacity(samples);
        let gumbel = Gumbel::new(0.0, 1.0).expect("a unit scale is admissible");
        for u in values.chunks_exact_mut(self.inputs) {
            let mut class = rng.random_range(0..spec.classes);
            u.fill_with(|| StandardNormal.sample(&mut rng));
            match spec.model {
                Model::GaussianClasses => {
                    let shorten =
                        if spec.separable { self.room(class, u, spec.margin) } else { 1.0 };
                    for (u, m) in u.iter_mut().zip(self.direction(class)) {
                        *u = m + shorten * *u;
                    }
                }
                Model::GumbelSoftmax => {
                    let mut best = f64::NEG_INFINITY;
                    for k in 0..spec.classes {
                        let score = dot(self.direction(k), u) + gumbel.sample(&mut rng);
                        if score > best {
                            (best, class) = (score, k);
                        }
                    }
                }
            }
            // Drawn for every sample, so that the noise level does not move what follows.
            let (flip, other) = (rng.random::<f64>(), rng.random_range(1..spec.classes));
            if flip < spec.label_noise {
                class = (class + other) % spec.classes;
            }
            labels.push(class as u16);
            self.stretch(u);
        }
        Samples { features: Features::F64(values), labels }
    }

    /// The largest t ≤ 1 for which `m_y + t z` keeps `margin`/2 from every plane half way between `m_y`
    /// and another centre.
    fn room(&self, class: usize, z: &[f64], margin: f64) -> f64 {
        let (own, classes) = (self.direction(class), self.directions.len() / self.inputs);
        let mut t = 1.0_f64;
        for other in (0..classes).filter(|&k| k != class) {
            let apart = self.distances[class * classes + other];
            let towards = (dot(self.direction(other), z) - dot(own, z)) / apart;
            if towards > 0.0 {
                t = t.min((0.5 * apart - 0.5 * margin) / towards);
            }
        }
        t
    }

    /// u ← Q diag(√λ) Qᵀ u.
    fn stretch(&self, u: &mut [f64]) {
        for v in &self.mirrors {
            reflect(u, v);
        }
        for (u, s) in u.iter_mut().zip(&self.spread) {
            *u *= s;
        }
        for v in self.mirrors.iter().rev() {
            reflect(u, v);
        }
    }
}

/// u ← u - 2 v vᵀu, for |v| = 1.
fn reflect(u: &mut [f64], v: &[f64]) {
    let projection = 2.0 * dot(u, v);
    for (u, v) in u.iter_mut().zip(v) {
        *u -= projection * v;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(spec: &Synthetic, seed: u64) -> Dataset {
        spec.generate(Seed::root(seed)).unwrap()
    }

    fn values(samples: &Samples) -> &[f64] {
        let Features::F64(values) = &samples.features else { panic!("drawn in f64") };
        values
    }

    /// The truth behind `draw(spec, seed)`, and its samples in whitened coordinates.
    fn whitened(spec: &Synthetic, seed: u64) -> (Truth, Vec<f64>, Vec<u16>) {
        let data = draw(spec, seed);
        let mut truth = Truth::new(spec, Seed::root(seed).child("synthetic"));
        for s in &mut truth.spread {
            *s = 1.0 / *s;
        }
        let mut u = values(&data.train).to_vec();
        u.chunks_exact_mut(spec.inputs).for_each(|u| truth.stretch(u));
        (truth, u, data.train.labels)
    }

    #[test]
    fn covariance_within_a_class_has_the_condition_number_asked_for() {
        let spec = Synthetic {
            samples: 40_000,
            inputs: 6,
            classes: 3,
            condition: 50.0,
            ..Synthetic::default()
        };
        let data = draw(&spec, 1);
        let mut sums = [[0.0; 7]; 3];
        for (x, &y) in values(&data.train).chunks_exact(6).zip(&data.train.labels) {
            let sum = &mut sums[usize::from(y)];
            sum[6] += 1.0;
            (0..6).for_each(|i| sum[i] += x[i]);
        }
        let mut covariance = faer::Mat::<f64>::zeros(6, 6);
        for (x, &y) in values(&data.train).chunks_exact(6).zip(&data.train.labels) {
            let sum = &sums[usize::from(y)];
            let z: Vec<f64> = (0..6).map(|i| x[i] - sum[i] / sum[6]).collect();
            for (i, j) in (0..36).map(|k| (k / 6, k % 6)) {
                covariance[(i, j)] += z[i] * z[j] / 40_000.0;
            }
        }
        let eigenvalues = covariance.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
        // Extreme eigenvalues are off by about 2√(6/40000) = 2.4 %; 12 % is beyond five standard
        // errors of their ratio: false-fail rate below 1e-5.
        assert!((eigenvalues[5] - 1.0).abs() < 0.06, "{eigenvalues:?}");
        assert!((eigenvalues[5] / eigenvalues[0] / 50.0 - 1.0).abs() < 0.12, "{eigenvalues:?}");
    }

    #[test]
    fn separable_classes_come_with_a_linear_classifier_that_makes_no_mistake() {
        for (inputs, classes, margin) in [(2, 10, 0.05), (16, 4, 0.5), (40, 3, 2.0), (1, 5, 1.0)] {
            let spec = Synthetic {
                samples: 2000,
                inputs,
                classes,
                margin,
                condition: 100.0,
                separable: true,
                ..Synthetic::default()
            };
            let (truth, u, labels) = whitened(&spec, 2);
            for (u, y) in u.chunks_exact(inputs).zip(labels.into_iter().map(usize::from)) {
                for k in (0..classes).filter(|&k| k != y) {
                    let (own, other) = (truth.direction(y), truth.direction(k));
                    let score =
                        dot(own, u) - dot(other, u) - 0.5 * (dot(own, own) - dot(other, other));
                    let gap = score / truth.distances[y * classes + k];
                    assert!(gap > 0.499 * margin, "{inputs} {classes} {margin}: {gap}");
                }
            }
        }
    }

    #[test]
    fn two_classes_have_the_bayes_error_of_their_margin() {
        let spec = Synthetic {
            samples: 20_000,
            classes: 2,
            margin: 1.0,
            condition: 10.0,
            ..Synthetic::default()
        };
        let (truth, u, labels) = whitened(&spec, 3);
        let wrong = u.chunks_exact(16).zip(labels).filter(|(u, y)| {
            let nearer = distance(u, truth.direction(1)) < distance(u, truth.direction(0));
            u16::from(nearer) != *y
        });
        // Binomial with p = Φ(-1); five standard deviations: false-fail rate 6e-7.
        let (p, n) = (0.158_655, 20_000.0_f64);
        assert!((wrong.count() as f64 - p * n).abs() < 5.0 * (n * p * (1.0 - p)).sqrt());
    }

    #[test]
    fn noise_replaces_the_asked_share_of_labels_and_nothing_else() {
        let clean = Synthetic { samples: 10_000, ..Synthetic::default() };
        let noisy = Synthetic { label_noise: 0.1, ..clean.clone() };
        let (clean, noisy) = (draw(&clean, 4), draw(&noisy, 4));
        assert_eq!(clean.train.features, noisy.train.features);
        let pairs = clean.train.labels.iter().zip(&noisy.train.labels);
        let flipped = pairs.filter(|(a, b)| a != b).count() as f64;
        // Binomial(10000, 0.1), standard deviation 30; five of them: false-fail rate 6e-7.
        assert!((flipped - 1000.0).abs() < 150.0, "{flipped}");
    }

    #[test]
    fn gumbel_labels_follow_the_softmax_of_the_logits() {
        let spec = Synthetic {
            model: Model::GumbelSoftmax,
            samples: 20_000,
            signal: 2.0,
            condition: 30.0,
            ..Synthetic::default()
        };
        let (truth, u, labels) = whitened(&spec, 5);
        let mut square = 0.0;
        for class in 0..4 {
            // Σ over samples of u_0 (1{y = k} - p_k): zero mean under the model.
            let (mut sum, mut variance) = (0.0, 0.0);
            for (u, &y) in u.chunks_exact(16).zip(&labels) {
                let logits: Vec<f64> = (0..4).map(|k| dot(truth.direction(k), u)).collect();
                square += logits[class] * logits[class] / 80_000.0;
                let total: f64 = logits.iter().map(|z| z.exp()).sum();
                let p = logits[class].exp() / total;
                let hit = if usize::from(y) == class { 1.0 } else { 0.0 };
                sum += u[0] * (hit - p);
                variance += u[0] * u[0] * p * (1.0 - p);
            }
            // Five standard deviations, four classes: false-fail rate 3e-6.
            assert!(sum.abs() < 5.0 * variance.sqrt(), "{class}: {sum} {variance}");
        }
        // |w|² of four classes: χ² with 64 degrees, so √ within 5 standard deviations (44 %).
        assert!((square.sqrt() / 2.0 - 1.0).abs() < 0.45, "{square}");
    }

    #[test]
    fn a_larger_set_begins_with_the_smaller_one() {
        let small = Synthetic { samples: 50, test_samples: 5, ..Synthetic::default() };
        let large = Synthetic { samples: 60, ..small.clone() };
        let (a, b) = (draw(&small, 6), draw(&large, 6));
        assert_eq!(values(&a.train)[..], values(&b.train)[..50 * 16]);
        assert_eq!(a.test, b.test);
        assert_ne!(a.checksum, b.checksum);
        assert_ne!(a.train, draw(&small, 7).train);
    }

    #[test]
    fn impossible_requests_name_the_parameter() {
        let ok = Synthetic::default();
        for (spec, parameter) in [
            (Synthetic { samples: 0, ..ok.clone() }, "samples"),
            (Synthetic { samples: 1 << 40, ..ok.clone() }, "samples"),
            (Synthetic { classes: 1, ..ok.clone() }, "classes"),
            (Synthetic { condition: 0.5, ..ok.clone() }, "condition"),
            (Synthetic { margin: f64::NAN, ..ok.clone() }, "margin"),
            (Synthetic { label_noise: 1.5, ..ok.clone() }, "label-noise"),
            (Synthetic { separable: true, label_noise: 0.1, ..ok.clone() }, "separable"),
            (Synthetic { separable: true, model: Model::GumbelSoftmax, ..ok }, "separable"),
        ] {
            match spec.generate(Seed::root(0)) {
                Err(SetupError::Parameter { name, .. }) => assert_eq!(name, parameter),
                other => panic!("{parameter}: {other:?}"),
            }
        }
    }
}
