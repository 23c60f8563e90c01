//! Oracles against a straightforward `f64` reference, and what must not depend on how they run.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::check;
use crate::data::{Features, Samples as DataSamples};
use crate::{Batch, BatchGradient, Gradient, HessianVector, Problem};

/// Sum of the magnitudes that enter a result, times this, bounds the error of `f64` oracles.
const DOUBLE: f64 = 1e-13;
/// The same for `f32` products: `sqrt(inputs) * eps` with room.
const MIXED: f64 = 2e-6;

#[derive(Clone, Copy, Debug)]
enum Kind {
    U8,
    F32,
    F64,
}

fn dataset(samples: usize, inputs: usize, classes: usize, kind: Kind) -> Dataset {
    let mut rng = Seed::root(5).child("mlr test").rng();
    let count = samples * inputs;
    let features = match kind {
        Kind::U8 => Features::U8 {
            values: (0..count).map(|_| rng.random_range(0..=255)).collect(),
            scale: 1.0 / 255.0,
        },
        Kind::F32 => Features::F32((0..count).map(|_| rng.random_range(-1.0..1.0)).collect()),
        Kind::F64 => Features::F64((0..count).map(|_| rng.random_range(-1.0..1.0)).collect()),
    };
    let labels = (0..samples).map(|_| rng.random_range(0..classes as u16)).collect();
    Dataset {
        name: "random".into(),
        shape: Shape { channels: 1, rows: 1, columns: inputs },
        classes,
        train: DataSamples { features, labels },
        test: None,
        checksum: String::new(),
    }
}

fn config() -> MlrConfig {
    let none = Some(Amount::Count(0));
    let split = SplitChoice { validation: none, test: none, ..SplitChoice::ALL };
    MlrConfig { split, ..MlrConfig::new(DatasetChoice::Named("random".into())) }
}

fn point(mlr: &Mlr, seed: u64) -> Vec<f64> {
    let mut rng = Seed::root(seed).child("point").rng();
    let over = 1.0 / (mlr.weights() as f64).sqrt();
    (0..mlr.dim())
        .map(|_| over * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, &mut rng))
        .collect()
}

/// Value and gradient of the misfit and the identity ridge, formula by formula.
fn plain(mlr: &Mlr, free: bool, x: &[f64]) -> (f64, Vec<f64>) {
    let (p, n) = (mlr.weights(), mlr.samples());
    let mut g = vec![0.0; x.len()];
    let mut value = 0.0;
    for j in 0..n {
        let d: Vec<f64> = (0..p).map(|i| mlr.feature(i, j)).collect();
        let z: Vec<f64> = x.chunks(p).map(|w| w.iter().zip(&d).map(|(w, d)| w * d).sum()).collect();
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = z.iter().map(|z| (z - max).exp()).sum();
        let y = mlr.labels()[j] as usize;
        value += max + total.ln() - z[y];
        for (k, g) in g.chunks_mut(p).enumerate() {
            let r = (z[k] - max).exp() / total - f64::from(u8::from(k == y));
            g.iter_mut().zip(&d).for_each(|(g, d)| *g += r * d);
        }
    }
    value /= n as f64;
    let alpha = mlr.ridge_weight();
    for (i, (g, w)) in g.iter_mut().zip(x).enumerate() {
        *g /= n as f64;
        if !(free && i % p == p - 1) {
            *g += alpha * w;
            value += 0.5 * alpha * w * w;
        }
    }
    (value, g)
}

fn assert_close(ours: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}[{i}]: {a} against {b}, gap {}", (a - b).abs());
    }
}

#[test]
fn value_and_gradient_equal_the_plain_formulas_for_every_storage_and_shape() {
    let shapes = [
        (1, 1, 1),
        (1, 3, 4),
        (37, 15, 2),
        (70, 16, 3),
        (131, 17, 10),
        (40, 900, 7),
        (33, 65, 26),
        (70, 6_200, 3),
    ];
    for (samples, inputs, classes) in shapes {
        for kind in [Kind::U8, Kind::F32, Kind::F64] {
            for (precision, tolerance) in [(Precision::Double, DOUBLE), (Precision::Mixed, MIXED)] {
                for bias in [Bias::Regularized, Bias::Free] {
                    let data = dataset(samples, inputs, classes, kind);
                    let config = MlrConfig { bias, precision, ..config() };
                    let mlr = Mlr::new(&data, &config, Seed::root(1), None).unwrap();
                    let x = point(&mlr, 2);
                    let (value, gradient) = plain(&mlr, bias == Bias::Free, &x);
                    let (mut g, mut scratch) = (vec![f64::NAN; x.len()], mlr.scratch());
                    let ours = mlr.value_gradient(&x, &mut g, &mut scratch);
                    let what = format!("{samples}x{inputs}x{classes} {kind:?} {precision:?}");
                    assert_close(&[ours], &[value], tolerance * value.max(1.0), &what);
                    assert_close(&g, &gradient, tolerance, &what);
                    let alone = mlr.value(&x, &mut scratch);
                    assert_eq!(alone.to_bits(), ours.to_bits(), "{what}");
                }
            }
        }
    }
}

#[test]
fn double_precision_keeps_the_features_that_mixed_precision_rounds() {
    let data = dataset(20, 12, 3, Kind::F64);
    let data = Dataset { shape: Shape { channels: 1, rows: 3, columns: 4 }, ..data };
    let convolution = FeatureChoice::RandomConvolution(features::RandomConvolution::default());
    for features in [FeatureChoice::Raw, FeatureChoice::Standardized, convolution] {
        for storage in [Storage::Memory, Storage::Recompute] {
            let all = |precision| {
                let config = MlrConfig { features, storage, precision, ..config() };
                let mlr = Mlr::new(&data, &config, Seed::root(1), None).unwrap();
                let inputs = mlr.weights() - 1;
                let places = (0..20).flat_map(|j| (0..inputs).map(move |i| (i, j)));
                places.map(|(i, j)| mlr.feature(i, j)).collect::<Vec<_>>()
            };
            let double = all(Precision::Double);
            let rounded: Vec<_> = double.iter().map(|v| f64::from(*v as f32)).collect();
            assert!(all(Precision::Mixed) == rounded, "mixed: {features:?}, {storage:?}");
            assert!(double != rounded, "double: {features:?}, {storage:?}");
        }
    }
}

#[test]
fn derivatives_pass_the_difference_check() {
    let data = dataset(60, 12, 4, Kind::F64);
    let shape = Shape { channels: 1, rows: 3, columns: 4 };
    for ridge in [Ridge::Identity(0.1), Ridge::Laplacian(0.1)] {
        for bias in [Bias::Regularized, Bias::Free] {
            let config = MlrConfig { ridge, bias, ..config() };
            let data = Dataset { shape, ..data.clone() };
            let mlr = Mlr::new(&data, &config, Seed::root(1), None).unwrap();
            let mlr = mlr.with_prior(&vec![0.3; 13 * 4]).unwrap();
            let x = point(&mlr, 3);
            let report = check::gradient(&mlr, &x, Seed::root(7), 5);
            assert!(report.holds() && report.ratio.is_some(), "{ridge:?} {report:?}");
            let report = check::hessian(&mlr, &x, Seed::root(8), 5);
            assert!(report.holds() && report.ratio.is_some(), "{ridge:?} {report:?}");
        }
    }
}

#[test]
fn an_instance_made_out_of_another_is_the_one_that_is_built() {
    let choice: DatasetChoice = serde_json::from_value(serde_json::json!("digits")).unwrap();
    let of = MlrConfig {
        features: serde_json::from_value(
            serde_json::json!({ "random-convolution": { "filters": 2 } }),
        )
        .unwrap(),
        ..MlrConfig::new(choice)
    };
    let kin = Mlr::build(&of, Seed::root(3), None).unwrap();
    let damped = Defects { interleaved_ridge: true, hessian_damping: 0.1, leaking_split: false };
    let reference = point(&kin, 4);
    for (config, reference) in [
        (MlrConfig { ridge: Ridge::Laplacian(0.3), ..of.clone() }, None),
        (MlrConfig { bias: Bias::Free, ..of.clone() }, None),
        (MlrConfig { defects: damped, ..of.clone() }, Some(&reference[..])),
    ] {
        let ours = Mlr::rebuild(&kin, &of, &config, reference).unwrap().unwrap();
        let built = Mlr::build(&config, Seed::root(3), reference).unwrap();
        assert!(Arc::ptr_eq(&ours.parts, &kin.parts));
        assert_eq!((ours.metrics(), ours.facts()), (built.metrics(), built.facts()));
        let x = point(&kin, 5);
        let measure = |mlr: &Mlr| {
            let (mut scratch, mut row) = (mlr.scratch(), vec![f64::NAN; mlr.metrics().len()]);
            mlr.evaluate(&x, &mut row, &mut scratch);
            let mut product = vec![f64::NAN; x.len()];
            let mut at = mlr.linearization();
            mlr.linearize(&x, &mut at, &mut scratch);
            mlr.hessian_vector(&at, &x, &mut product, &mut scratch);
            (row, product)
        };
        assert_eq!(measure(&ours), measure(&built));
        assert_ne!(measure(&ours), measure(&kin));
    }
    let leaking = Defects { leaking_split: true, ..Defects::default() };
    let balanced = SplitChoice { balanced: true, ..of.split };
    for config in [
        MlrConfig { features: FeatureChoice::Raw, ..of.clone() },
        MlrConfig { storage: Storage::Recompute, ..of.clone() },
        MlrConfig { precision: Precision::Mixed, ..of.clone() },
        MlrConfig { split: balanced, ..of.clone() },
        MlrConfig { defects: leaking, ..of.clone() },
        MlrConfig { dataset: DatasetChoice::Named("mnist".into()), ..of.clone() },
    ] {
        assert!(Mlr::rebuild(&kin, &of, &config, None).is_none(), "{config:?}");
    }
    let negative = MlrConfig { ridge: Ridge::Identity(-1.0), ..of.clone() };
    assert!(Mlr::rebuild(&kin, &of, &negative, None).unwrap().is_err());
}

#[test]
fn trials_measure_what_is_read_but_no_test_samples_and_share_their_gram_matrix() {
    let choice: DatasetChoice = serde_json::from_value(serde_json::json!("digits")).unwrap();
    let of = MlrConfig::new(choice);
    let other = MlrConfig { ridge: Ridge::Identity(0.5), ..of.clone() };
    let plain = Mlr::build(&of, Seed::root(3), None).unwrap();
    let gram = plain.gram();
    assert!(plain.parts.gram.get().is_none(), "a run must not hold a matrix more");

    let first = Mlr::build(&of, Seed::root(3), None).unwrap().for_trials(&["objective".into()]);
    let names = |mlr: &Mlr| mlr.metrics().iter().map(|m| m.name.clone()).collect::<Vec<_>>();
    let tests = ["test-loss", "test-accuracy"];
    let mut expected = names(&plain);
    expected.retain(|name| !tests.contains(&&**name));
    assert_eq!(names(&plain).len(), expected.len() + tests.len());
    assert_eq!((names(&first), first.outputs().len()), (expected, 0));
    assert_eq!(first.gram(), gram);

    let next = Mlr::rebuild(&first, &of, &other, None).unwrap().unwrap();
    let next = next.for_trials(&["validation-loss".into()]);
    assert_eq!(names(&next), ["validation-loss", "validation-accuracy"]);
    let kept: *const _ = first.parts.gram.get().unwrap();
    assert!(std::ptr::eq(kept, next.parts.gram.get().unwrap()));
    assert_eq!(next.gram(), gram);
    // A run of the same repetition measures everything again.
    let run = Mlr::rebuild(&next, &other, &of, None).unwrap().unwrap();
    assert_eq!((names(&run), run.outputs()), (names(&plain), plain.outputs()));
}

#[test]
fn the_interleaved_ridge_of_the_release_is_its_kronecker_form() {
    let data = dataset(60, 12, 3, Kind::F64);
    let data = Dataset { shape: Shape { channels: 1, rows: 3, columns: 4 }, ..data };
    let defects = Defects { interleaved_ridge: true, ..Defects::default() };
    let with = |weight| {
        let config = MlrConfig { ridge: Ridge::Laplacian(weight), defects, ..config() };
        Mlr::new(&data, &config, Seed::root(1), None).unwrap()
    };
    let (mlr, bare) = (with(2.0), with(0.0));
    let x = point(&mlr, 3);
    let (p, classes) = (mlr.weights(), mlr.classes());
    // vec(W), classes fastest, against blockdiag(L, ..., L).
    let flat: Vec<f64> =
        (0..p * classes).map(|place| x[place % classes * p + place / classes]).collect();
    let mut operated = vec![0.0; p];
    let square: f64 = flat
        .chunks_exact(p)
        .map(|block| {
            mlr.operator().apply(block, &mut operated);
            operated.iter().map(|v| v * v).sum::<f64>()
        })
        .sum();
    let mut scratch = mlr.scratch();
    let ridge = mlr.value(&x, &mut scratch) - bare.value(&x, &mut bare.scratch());
    assert!((ridge - square).abs() <= 1e-13 * square.max(1.0), "{ridge} against {square}");
    let right = MlrConfig { ridge: Ridge::Laplacian(2.0), ..config() };
    let right = Mlr::new(&data, &right, Seed::root(1), None).unwrap();
    let other = right.value(&x, &mut right.scratch());
    assert!((mlr.value(&x, &mut scratch) - other).abs() > 1e-3 * square);
    for report in
        [check::gradient(&mlr, &x, Seed::root(4), 5), check::hessian(&mlr, &x, Seed::root(5), 5)]
    {
        assert!(report.holds() && report.ratio.is_some(), "{report:?}");
    }
}

#[test]
fn damping_adds_to_products_with_the_hessian_alone() {
    let data = dataset(50, 6, 3, Kind::F64);
    let defects = Defects { hessian_damping: 1e-3, ..Defects::default() };
    let damped = MlrConfig { defects, ..config() };
    let damped = Mlr::new(&data, &damped, Seed::root(1), None).unwrap();
    let mlr = Mlr::new(&data, &config(), Seed::root(1), None).unwrap();
    let (x, v) = (point(&mlr, 1), point(&mlr, 2));
    let product = |mlr: &Mlr| {
        let (mut at, mut scratch, mut hv) =
            (mlr.linearization(), mlr.scratch(), vec![0.0; x.len()]);
        mlr.linearize(&x, &mut at, &mut scratch);
        mlr.hessian_vector(&at, &v, &mut hv, &mut scratch);
        hv
    };
    let gram = mlr.gram();
    let expected: Vec<f64> = product(&mlr)
        .iter()
        .enumerate()
        .map(|(at, h)| {
            let (k, i) = (at / gram.nrows(), at % gram.nrows());
            let gv: f64 = (0..gram.nrows()).map(|j| gram[(i, j)] * v[k * gram.nrows() + j]).sum();
            h + 1e-3 * gv / 50.0
        })
        .collect();
    assert_close(&product(&damped), &expected, 1e-12, "damped product");
    let values = [&mlr, &damped].map(|mlr| mlr.value(&x, &mut mlr.scratch()).to_bits());
    assert_eq!(values[0], values[1]);
}

#[test]
fn a_batch_of_all_terms_gives_the_gradient() {
    let mlr = Mlr::new(&dataset(300, 20, 5, Kind::U8), &config(), Seed::root(1), None).unwrap();
    let (x, mut scratch) = (point(&mlr, 4), mlr.scratch());
    let (mut full, mut batch) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    mlr.gradient(&x, &mut full, &mut scratch);
    let terms: Vec<u32> = (0..300).rev().collect();
    mlr.batch_gradient(Batch { terms: &terms, draw: Seed::root(0) }, &x, &mut batch, &mut scratch);
    assert_close(&batch, &full, 1e-14, "full batch");
}

#[test]
fn batch_gradients_average_to_the_gradient() {
    let mlr = Mlr::new(&dataset(90, 20, 5, Kind::F32), &config(), Seed::root(1), None).unwrap();
    let (x, mut scratch) = (point(&mlr, 4), mlr.scratch());
    let (mut full, mut mean, mut part) =
        (vec![0.0; x.len()], vec![0.0; x.len()], vec![0.0; x.len()]);
    mlr.gradient(&x, &mut full, &mut scratch);
    for j in 0..9 {
        let terms: Vec<u32> = (0..10).map(|i| 9 * i + j).collect();
        mlr.batch_gradient(
            Batch { terms: &terms, draw: Seed::root(0) },
            &x,
            &mut part,
            &mut scratch,
        );
        mean.iter_mut().zip(&part).for_each(|(m, g)| *m += g / 9.0);
    }
    assert_close(&mean, &full, 1e-14, "mean over batches");
}

#[test]
fn results_are_equal_to_the_bit_for_1_2_3_and_8_threads() {
    for precision in [Precision::Double, Precision::Mixed] {
        let config = MlrConfig { precision, ..config() };
        let mlr =
            Mlr::new(&dataset(3_001, 60, 10, Kind::U8), &config, Seed::root(1), None).unwrap();
        let (x, v) = (point(&mlr, 1), point(&mlr, 2));
        let all = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut scratch = mlr.scratch();
                let (mut g, mut hv) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                let value = mlr.value_gradient(&x, &mut g, &mut scratch);
                let mut at = mlr.linearization();
                mlr.linearize(&x, &mut at, &mut scratch);
                mlr.hessian_vector(&at, &v, &mut hv, &mut scratch);
                let gram = mlr.gram();
                let gram = (0..gram.ncols()).flat_map(|j| gram.col_as_slice(j).to_vec());
                let numbers = [value].into_iter().chain(g).chain(hv).chain(gram);
                numbers.map(f64::to_bits).collect::<Vec<_>>()
            })
        };
        let one = all(1);
        for threads in [2, 3, 8] {
            assert_eq!(one, all(threads), "{threads} threads, {precision:?}");
        }
    }
}

#[test]
fn the_gram_matrix_is_that_of_the_features() {
    let mlr = Mlr::new(&dataset(700, 150, 2, Kind::U8), &config(), Seed::root(1), None).unwrap();
    let gram = mlr.gram();
    for (i, j) in [(0, 0), (3, 140), (140, 3), (150, 150), (150, 7), (130, 129)] {
        let sum: f64 = (0..700).map(|s| mlr.feature(i, s) * mlr.feature(j, s)).sum();
        assert!((gram[(i, j)] - sum).abs() <= 1e-12 * sum, "G({i}, {j})");
    }
    for (i, square) in mlr.gram_diagonal().iter().enumerate() {
        assert!((square - gram[(i, i)]).abs() <= 1e-12 * square, "G({i}, {i})");
    }
}

#[test]
fn a_shift_of_all_scores_changes_nothing_and_permuted_samples_change_rounding_only() {
    let config = MlrConfig { ridge: Ridge::Identity(0.0), ..config() };
    let data = dataset(200, 10, 4, Kind::F64);
    let mlr = Mlr::new(&data, &config, Seed::root(1), None).unwrap();
    let other = Mlr::new(&data, &config, Seed::root(2), None).unwrap();
    let (x, mut scratch) = (point(&mlr, 1), mlr.scratch());
    let value = mlr.value(&x, &mut scratch);
    assert_close(&[other.value(&x, &mut scratch)], &[value], 1e-14, "permuted");
    let mut shifted = x.clone();
    shifted.iter_mut().skip(10).step_by(11).for_each(|b| *b += 100.0);
    assert_close(&[mlr.value(&shifted, &mut scratch)], &[value], 1e-12, "shifted");
}

#[test]
fn logits_a_thousand_apart_stay_finite() {
    for precision in [Precision::Double, Precision::Mixed] {
        let config = MlrConfig { precision, ridge: Ridge::Identity(0.0), ..config() };
        let mlr = Mlr::new(&dataset(50, 3, 3, Kind::U8), &config, Seed::root(1), None).unwrap();
        let mut x = vec![0.0; 12];
        (x[3], x[11]) = (1000.0, -1000.0);
        let (mut g, mut scratch) = (vec![0.0; 12], mlr.scratch());
        let value = mlr.value_gradient(&x, &mut g, &mut scratch);
        let wrong: f64 = mlr.labels().iter().map(|&y| [0.0, 1000.0, 2000.0][y as usize]).sum();
        assert_close(&[value], &[wrong / 50.0], 1e-10, "value");
        assert!(g.iter().all(|g| g.is_finite()));
    }
}

/// Parts of so different sizes have tiles of different sizes, and share the buffers of the largest.
#[test]
fn a_part_with_smaller_tiles_has_no_more_classes() {
    let data = dataset(3000, 6, 3, Kind::F32);
    for (validation, test) in [(120, 60), (1200, 1700)] {
        for precision in [Precision::Double, Precision::Mixed] {
            let (validation, test) = (Some(Amount::Count(validation)), Some(Amount::Count(test)));
            let split = SplitChoice { validation, test, ..SplitChoice::ALL };
            let mlr = MlrConfig { split, precision, ..config() };
            let mlr = Mlr::new(&data, &mlr, Seed::root(1), None).unwrap();
            let of = |part: &Option<Samples>| part.as_ref().unwrap().capacity;
            let capacities = [mlr.parts.train.capacity, of(&mlr.parts.validation)];
            assert_ne!(capacities[0], capacities[1]);
            let (mut row, mut scratch) = (vec![0.0; 8], mlr.scratch());
            // Scores that are left behind are not those of more classes.
            mlr.evaluate(&point(&mlr, 1), &mut row, &mut scratch);
            mlr.evaluate(&vec![0.0; mlr.dim()], &mut row, &mut scratch);
            let ln3 = 3.0_f64.ln();
            assert_close(&[row[2], row[4], row[6]], &[ln3; 3], 1e-14, "losses at zero");
            let first = |labels: &[u16]| {
                labels.iter().filter(|&&y| y == 0).count() as f64 / labels.len() as f64
            };
            let parts = [&mlr.parts.validation, &mlr.parts.test].map(|p| p.as_ref().unwrap());
            let expected = [&mlr.parts.train, parts[0], parts[1]].map(|part| first(&part.labels));
            assert_close(&[row[3], row[5], row[7]], &expected, 1e-14, "accuracies at zero");
        }
    }
}

#[test]
fn metrics_follow_the_parts_and_the_reference() {
    let data = dataset(120, 6, 3, Kind::F32);
    let config = MlrConfig::new(DatasetChoice::Named("random".into()));
    let mlr = Mlr::new(&data, &config, Seed::root(1), None).unwrap();
    let names = |mlr: &Mlr| mlr.metrics().iter().map(|m| m.name.to_string()).collect::<Vec<_>>();
    let all = [
        "objective",
        "gradient-norm",
        "train-loss",
        "train-accuracy",
        "validation-loss",
        "validation-accuracy",
        "test-loss",
        "test-accuracy",
        "objective-gap",
        "distance",
    ];
    assert_eq!(names(&mlr), all[..8]);
    let x = point(&mlr, 1);
    let mlr = Mlr::new(&data, &config, Seed::root(1), Some(&x)).unwrap();
    assert_eq!(names(&mlr), all);
    let mut row = vec![0.0; 10];
    mlr.evaluate(&x, &mut row, &mut mlr.scratch());
    assert!(row[8].abs() <= 0.0 && row[9].abs() <= 0.0, "at the reference");
    mlr.evaluate(&vec![0.0; x.len()], &mut row, &mut mlr.scratch());
    let first = mlr.labels().iter().filter(|&&y| y == 0).count() as f64 / 80.0;
    let ln3 = 3.0_f64.ln();
    assert_close(&row[..1], &[ln3], 1e-14, "objective at zero");
    assert_close(
        &row[2..5],
        &[ln3, first, ln3],
        1e-14,
        "losses at zero; the first class wins ties",
    );
    assert_close(&row[9..], &[1.0], 1e-14, "distance of zero");
}

#[test]
fn the_terms_of_a_test_metric_have_it_as_their_mean_and_keep_the_places_of_the_data_set() {
    let whole = dataset(220, 6, 3, Kind::F32);
    let mut data = dataset(120, 6, 3, Kind::F32);
    data.test = Some(whole.train);
    for precision in [Precision::Double, Precision::Mixed] {
        let config = MlrConfig { precision, split: SplitChoice::ALL, ..config() };
        let of = |seed: u64| {
            let mlr = Mlr::new(&data, &config, Seed::root(seed), None).unwrap();
            let (x, mut scratch) = (point(&mlr, 1), mlr.scratch());
            let mut row = vec![0.0; mlr.metrics().len()];
            mlr.evaluate(&x, &mut row, &mut scratch);
            let terms: Vec<Vec<f64>> = (mlr.outputs().iter().enumerate())
                .map(|(index, output)| {
                    let mut out = vec![f64::NAN; output.shape[0]];
                    mlr.output(index, &x, &mut out, &mut scratch);
                    let at = mlr.metrics().iter().position(|m| m.name == output.name).unwrap();
                    let mean = out.iter().sum::<f64>() / out.len() as f64;
                    assert_close(&[mean], &[row[at]], 1e-13, &output.name);
                    out
                })
                .collect();
            assert_eq!((terms.len(), terms[0].len()), (2, 220));
            assert!(terms[1].iter().all(|hit| [0.0, 1.0].contains(hit)));
            terms
        };
        // Another seed has another order of the samples. The point is the same.
        let [one, other] = [1, 2].map(of);
        assert_eq!(one[1], other[1], "{precision:?}");
        assert_close(&one[0], &other[0], 1e-5, "losses");
    }
    let mlr = Mlr::new(&dataset(20, 6, 3, Kind::F32), &config(), Seed::root(1), None).unwrap();
    assert!(mlr.outputs().is_empty());
}

#[test]
fn wrong_settings_are_named() {
    let data = dataset(12, 6, 3, Kind::F32);
    let bad = MlrConfig { ridge: Ridge::Identity(-1.0), ..config() };
    let error = Mlr::new(&data, &bad, Seed::root(1), None).unwrap_err().to_string();
    assert!(error.starts_with("ridge = -1"), "{error}");
    let error = Mlr::new(&data, &config(), Seed::root(1), Some(&[0.0; 4])).unwrap_err();
    assert!(matches!(error, SetupError::Shape { expected: 21, found: 4, .. }), "{error}");
}

#[test]
fn a_section_of_a_study_is_read() {
    let section = serde_json::json!({
        "dataset": "digits",
        "features": { "random-convolution": { "filters": 3 } },
        "ridge": { "laplacian": 1e-6 },
        "bias": "free",
        "split": { "train": 0.5, "validation": 100, "balanced": true },
        "precision": "mixed",
    });
    let config: MlrConfig = serde_json::from_value(section).unwrap();
    assert_eq!(config.ridge, Ridge::Laplacian(1e-6));
    assert_eq!(config.split.validation, Some(Amount::Count(100)));
    let mlr = Mlr::build(&config, Seed::root(3), None).unwrap();
    assert_eq!((mlr.weights(), mlr.classes()), (3 * 64 + 1, 10));
    assert!(serde_json::from_str::<MlrConfig>(r#"{ "dataset": "digits", "rigde": 1 }"#).is_err());
}
