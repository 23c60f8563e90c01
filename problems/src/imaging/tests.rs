//! What the problem as a whole promises.

mod given;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::loss::ALL;
use super::operators::{
    Codes, IntensityDiffractionChoice, Kernel, Mask, TransferStorage, VariableDensity,
};
use super::*;
use crate::numerics::vector::norm;
use crate::{
    Batch, BatchGradient, BatchProx, Denoise, Gradient, Inner, Problem, Prox, Value, check,
};

const SHAPE: [usize; 2] = [6, 9];

fn phantom(rows: usize, columns: usize) -> ImageChoice {
    ImageChoice::Phantom(Phantom { kind: PhantomKind::Ellipses, rows, columns })
}

/// Every operator, small, with the number of its blocks.
fn operators() -> Vec<(OperatorChoice, usize)> {
    let density = VariableDensity { ratio: 0.5, power: 2.0, center: 1.0 };
    let mut list = vec![
        (OperatorChoice::Gaussian { ratio: 0.7 }, 3),
        (OperatorChoice::GaussianTiles { ratio: 0.6, side: 5 }, 4),
        (OperatorChoice::RandomCosine { ratio: 0.6 }, 3),
        (OperatorChoice::Tomography { views: 5, detectors: None }, 3),
        (
            OperatorChoice::Blur {
                kernels: vec![
                    Kernel::Motion { length: 3.0, degrees: 40.0 },
                    Kernel::Gaussian { size: 3, deviation: 0.8 },
                ],
            },
            2,
        ),
        (
            OperatorChoice::IntensityDiffraction(IntensityDiffractionChoice {
                pixel: 0.3,
                absorption: true,
                ..Default::default()
            }),
            4,
        ),
    ];
    for unknown in [Unknown::Real, Unknown::Complex] {
        let mask = Mask::VariableDensity(density);
        list.push((OperatorChoice::Fourier { mask, unknown }, 3));
        list.push((OperatorChoice::CodedDiffraction { codes: Codes::Uniform, unknown }, 3));
    }
    list
}

fn config(operator: &OperatorChoice, blocks: usize, loss: Loss) -> ImagingConfig {
    ImagingConfig {
        blocks: Some(blocks),
        data_term: loss,
        noise: Noise { snr_db: Some(20.0), impulses: None },
        inner: InnerChoice { tolerance: 1e-11, iterations: 50_000 },
        ..ImagingConfig::new(phantom(SHAPE[0], SHAPE[1]), operator.clone())
    }
}

fn normal(n: usize, label: &str) -> Vec<f64> {
    let mut rng = Seed::root(3).child(label).rng();
    (0..n).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// A point not far from the truth.
fn near(imaging: &Imaging, label: &str) -> Vec<f64> {
    let truth = imaging.truth().unwrap();
    truth.iter().zip(normal(truth.len(), label)).map(|(t, e)| t + 0.3 * e).collect()
}

fn batch(terms: &[u32]) -> Batch<'_> {
    Batch { terms, draw: Seed::root(0) }
}

/// `f_B(x) + ‖x - v‖²/(2 step)`.
fn objective(imaging: &Imaging, terms: &[u32], v: &[f64], step: f64, x: &[f64]) -> f64 {
    let mut scratch = imaging.scratch();
    let blocks = terms.iter().map(|&term| term as usize);
    let mean = imaging.add_terms(blocks, (terms.len() as f64).recip(), x, None, &mut scratch);
    let square: f64 = x.iter().zip(v).map(|(x, v)| (x - v).powi(2)).sum();
    mean + square / (2.0 * step)
}

#[test]
fn no_point_is_better_than_the_proximal_map() {
    let mut rng = Seed::root(4).child("directions").rng();
    for (operator, blocks) in operators() {
        for loss in ALL {
            let imaging = Imaging::new(&config(&operator, blocks, loss), Seed::root(1)).unwrap();
            let v = near(&imaging, "v");
            let mut scratch = imaging.scratch();
            for terms in [vec![1], (0..blocks as u32).collect::<Vec<u32>>()] {
                let step = 0.4;
                let mut x = vec![f64::NAN; v.len()];
                let mut warm = imaging.warm();
                let inner =
                    imaging.batch_prox(batch(&terms), &v, step, &mut x, &mut warm, &mut scratch);
                let least = objective(&imaging, &terms, &v, step, &x);
                // Terms of moduli are not convex: only points close by are compared, unless a closed
                // form found the best of all.
                let global = !loss.is_phaseless() || inner.iterations == 0;
                for i in 0..100 {
                    let radius =
                        if global { 0.5_f64.powi(i / 4) } else { 1e-4 * 0.5_f64.powi(i / 10) };
                    let z: Vec<f64> =
                        x.iter().map(|x| x + radius * rng.random_range(-1.0..1.0)).collect();
                    let other = objective(&imaging, &terms, &v, step, &z);
                    assert!(
                        least <= other + 1e-10 * (1.0 + least),
                        "{operator:?} {loss:?} {terms:?}: {least} against {other}, {inner:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn inner_solvers_reach_their_tolerance() {
    for (operator, blocks) in operators() {
        for loss in ALL {
            let imaging = Imaging::new(&config(&operator, blocks, loss), Seed::root(1)).unwrap();
            let (v, mut warm) = (near(&imaging, "v"), imaging.warm());
            let (mut x, mut scratch) = (v.clone(), imaging.scratch());
            let inner =
                imaging.batch_prox(batch(&[0, 1]), &v, 0.4, &mut x, &mut warm, &mut scratch);
            // Gaps are relative to the value or the size of the point, both below 100 here; the
            // descent on intensities ends where values round, a gradient of about √1e-14.
            let room = if loss == Loss::Intensity { 1e-6 } else { 1e-9 };
            assert!(inner.gap <= room, "{operator:?} {loss:?}: {inner:?}");
        }
    }
}

#[test]
fn least_squares_in_closed_form_and_by_iteration_agree() {
    // The dual of huber beyond all distances is least squares.
    for (operator, blocks) in operators() {
        let closed = config(&operator, blocks, Loss::LeastSquares);
        let closed = Imaging::new(&closed, Seed::root(1)).unwrap();
        let dual =
            Imaging::new(&config(&operator, blocks, Loss::Huber(1e6)), Seed::root(1)).unwrap();
        let v = near(&closed, "v");
        let (mut a, mut b) = (v.clone(), v.clone());
        closed.prox(&v, 0.7, &mut a, &mut closed.scratch());
        dual.prox(&v, 0.7, &mut b, &mut dual.scratch());
        let gap: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        // A gap of 1e-11 (1 + value), the value below 50, leaves an error of at most √(2 · 5e-10).
        assert!(norm(&gap) <= 3.2e-5, "{operator:?}: {}", norm(&gap));
    }
}

#[test]
fn a_warm_start_saves_iterations_and_keeps_the_answer() {
    let choices = [
        (OperatorChoice::Gaussian { ratio: 0.7 }, Loss::LeastSquares),
        (OperatorChoice::Gaussian { ratio: 0.7 }, Loss::L1),
        (OperatorChoice::Tomography { views: 5, detectors: None }, Loss::Huber(0.1)),
    ];
    for (operator, loss) in choices {
        let imaging = Imaging::new(&config(&operator, 3, loss), Seed::root(1)).unwrap();
        let v = near(&imaging, "v");
        let shifted: Vec<f64> = v.iter().map(|v| v + 1e-5).collect();
        let mut scratch = imaging.scratch();
        let mut call = |v: &[f64], warm: &mut Warm| -> (Vec<f64>, Inner) {
            let mut x = vec![0.0; v.len()];
            let inner = imaging.batch_prox(batch(&[0, 2]), v, 0.4, &mut x, warm, &mut scratch);
            (x, inner)
        };
        let (mut warm, mut cold) = (imaging.warm(), imaging.warm());
        call(&v, &mut warm);
        let (a, warmed) = call(&shifted, &mut warm);
        let (b, from_cold) = call(&shifted, &mut cold);
        assert!(warmed.iterations < from_cold.iterations, "{loss:?}: {warmed:?} {from_cold:?}");
        let gap: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        // As above.
        assert!(norm(&gap) <= 3.2e-5, "{loss:?}: {}", norm(&gap));
    }
}

#[test]
fn what_scratch_holds_changes_nothing() {
    for (operator, blocks) in operators() {
        for loss in ALL {
            let inner = InnerChoice { tolerance: 1e-6, iterations: 20 };
            let config = ImagingConfig { inner, ..config(&operator, blocks, loss) };
            let imaging = Imaging::new(&config, Seed::root(1)).unwrap();
            let (v, w) = (near(&imaging, "v"), near(&imaging, "w"));
            let prox = |scratch: &mut ImagingScratch| {
                let (mut x, mut warm) = (vec![0.0; v.len()], imaging.warm());
                imaging.batch_prox(batch(&[1]), &v, 0.4, &mut x, &mut warm, scratch);
                x.into_iter().map(f64::to_bits).collect::<Vec<u64>>()
            };
            let fresh = prox(&mut imaging.scratch());
            let mut used = imaging.scratch();
            imaging.prox(&w, 2.0, &mut vec![0.0; w.len()], &mut used);
            imaging.evaluate(&w, &mut [0.0; 5], &mut used);
            assert_eq!(fresh, prox(&mut used), "{operator:?} {loss:?}");
        }
    }
}

#[test]
fn the_map_of_all_terms_is_the_joint_one_of_all() {
    let operator = OperatorChoice::Gaussian { ratio: 0.7 };
    for loss in ALL {
        let imaging = Imaging::new(&config(&operator, 3, loss), Seed::root(1)).unwrap();
        let (v, mut scratch) = (near(&imaging, "v"), imaging.scratch());
        let (mut a, mut b) = (v.clone(), v.clone());
        imaging.prox(&v, 0.4, &mut a, &mut scratch);
        let mut warm = imaging.warm();
        imaging.batch_prox(batch(&[0, 1, 2]), &v, 0.4, &mut b, &mut warm, &mut scratch);
        let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<u64>>();
        assert_eq!(bits(&a), bits(&b), "{loss:?}");
    }
}

#[test]
fn gradients_are_those_of_the_objective_and_means_of_batches() {
    for (operator, blocks) in operators() {
        for loss in ALL.into_iter().filter(|loss| loss.is_smooth()) {
            let smooth =
                SmoothImaging::new(&config(&operator, blocks, loss), Seed::root(1)).unwrap();
            let x = near(smooth.imaging(), "x");
            let report = check::gradient(&smooth, &x, Seed::root(2), 3);
            // Second derivatives of huber jump and those of amplitudes grow near zero, so that errors
            // need not be quartered.
            let holds = match loss {
                Loss::Huber(_) | Loss::Amplitude => report.relative <= 1e-6,
                _ => report.holds(),
            };
            assert!(holds, "{operator:?} {loss:?}: {report:?}");
            let (mut g, mut scratch) = (vec![0.0; x.len()], smooth.scratch());
            let value = smooth.value_gradient(&x, &mut g, &mut scratch);
            let same = smooth.value(&x, &mut scratch);
            assert!((value - same).abs() <= 1e-13 * value, "{value} against {same}");
            let (mut sum, mut one) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            for term in 0..blocks as u32 {
                smooth.batch_gradient(batch(&[term]), &x, &mut one, &mut scratch);
                sum.iter_mut().zip(&one).for_each(|(s, g)| *s += g / blocks as f64);
            }
            sum.iter_mut().zip(&g).for_each(|(s, g)| *s -= g);
            assert!(norm(&sum) <= 1e-13 * norm(&g), "{operator:?} {loss:?}");
        }
    }
}

#[test]
fn the_truth_fits_noiseless_measurements_exactly() {
    for (operator, blocks) in operators() {
        for loss in ALL {
            let config =
                ImagingConfig { noise: Noise::default(), ..config(&operator, blocks, loss) };
            let imaging = Imaging::new(&config, Seed::root(1)).unwrap();
            let truth = imaging.truth().unwrap();
            let mut row = vec![0.0; imaging.metrics().len()];
            imaging.evaluate(truth, &mut row, &mut imaging.scratch());
            // Turned measurements are transforms of simulated ones; l1 sums up to 500 roundings.
            assert!(row[0] <= 1e-12 && row[1] <= 1e-14, "{operator:?} {loss:?}: {row:?}");
        }
    }
}

#[test]
fn quality_does_not_see_the_sign_or_phase_that_was_not_measured() {
    let unknown = Unknown::Complex;
    let operator = OperatorChoice::CodedDiffraction { codes: Codes::Signs, unknown };
    let choice = ImagingConfig {
        data_term: Loss::Amplitude,
        blocks: Some(2),
        ..ImagingConfig::new(phantom(16, 12), operator)
    };
    let imaging = Imaging::new(&choice, Seed::root(1)).unwrap();
    let truth = imaging.truth().unwrap();
    let (re, im) = truth.split_at(192);
    assert!(im.iter().all(|x| x.abs() <= 0.0));
    let (sin, cos) = 2.0_f64.sin_cos();
    // 1.1 e^{2j} times the truth.
    let turned: Vec<f64> =
        re.iter().map(|x| 1.1 * cos * x).chain(re.iter().map(|x| 1.1 * sin * x)).collect();
    let mut row = vec![0.0; 5];
    imaging.evaluate(&turned, &mut row, &mut imaging.scratch());
    let names: Vec<&str> = imaging.metrics().iter().map(|metric| &*metric.name).collect();
    assert_eq!(names, ["objective", "misfit", "psnr", "snr", "ssim"]);
    assert!((row[1] - 0.1).abs() <= 1e-12 && (row[3] - 20.0).abs() <= 1e-9, "{row:?}");
    assert!(row[4] > 0.9, "{row:?}");
    let (outputs, mut image) = (imaging.outputs(), vec![0.0; 384]);
    assert_eq!(outputs[0].shape, [2, 12, 16]);
    imaging.output(0, &turned, &mut image, &mut imaging.scratch());
    for (image, truth) in image.iter().zip(truth) {
        assert!((image - 1.1 * truth).abs() <= 1e-14);
    }
}

#[test]
fn a_reference_adds_the_distance_from_it() {
    let choice = config(&OperatorChoice::Gaussian { ratio: 0.7 }, 3, Loss::LeastSquares);
    let dim = Imaging::new(&choice, Seed::root(1)).unwrap().dim();
    let point = vec![2.0; dim];
    let imaging = <Imaging as crate::Build>::build(&choice, Seed::root(1), Some(&point)).unwrap();
    assert_eq!(imaging.metrics().last().unwrap().name, "distance");
    let mut row = vec![0.0; imaging.metrics().len()];
    imaging.evaluate(&vec![1.5; dim], &mut row, &mut imaging.scratch());
    assert!((row.last().unwrap() - 0.25).abs() <= 1e-15, "{row:?}");
    let short = <SmoothImaging as crate::Build>::build(&choice, Seed::root(1), Some(&[1.0]));
    assert!(matches!(short, Err(SetupError::Shape { what: "reference solution", found: 1, .. })));
}

#[test]
fn transfers_computed_anew_change_no_bit() {
    let operator = |transfers| {
        OperatorChoice::IntensityDiffraction(IntensityDiffractionChoice {
            pixel: 0.3,
            absorption: true,
            transfers,
            ..Default::default()
        })
    };
    let prox = |transfers| {
        let config = config(&operator(transfers), 4, Loss::LeastSquares);
        let imaging = Imaging::new(&config, Seed::root(1)).unwrap();
        let v = near(&imaging, "v");
        let mut x = v.clone();
        imaging.prox(&v, 3.0, &mut x, &mut imaging.scratch());
        x.into_iter().map(f64::to_bits).collect::<Vec<u64>>()
    };
    assert_eq!(prox(TransferStorage::Memory), prox(TransferStorage::Recompute));
}

fn parse(json: &str) -> Result<ImagingConfig, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn a_section_is_read_strictly() {
    let phantom = r#"{"phantom":{"kind":"texture","rows":8,"columns":8}}"#;
    let good = format!(
        r#"{{"image":{phantom},"operator":{{"fourier":{{"mask":{{"radial":7}},"unknown":"complex"}}}},
            "data-term":{{"huber":0.1}},"blocks":2,"noise":{{"snr-db":30}},"inner":{{"tolerance":1e-8}}}}"#
    );
    let config = parse(&good).unwrap();
    assert_eq!((config.data_term, config.blocks), (Loss::Huber(0.1), Some(2)));
    assert_eq!(parse(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    for (json, words) in [
        (r#"{"image":IMAGE}"#, "missing field `operator`"),
        (r#"{"image":IMAGE,"operator":{"gauss":{}}}"#, "unknown variant `gauss`"),
        (r#"{"image":IMAGE,"operator":{"gaussian":{"ratio":1,"m":2}}}"#, "unknown field `m`"),
        (r#"{"operator":{"gaussian":{"ratio":1}},"data-term":"l2"}"#, "unknown variant `l2`"),
        (r#"{"operator":{"gaussian":{"ratio":1}},"noize":{}}"#, "unknown field `noize`"),
    ] {
        let message = parse(&json.replace("IMAGE", phantom)).unwrap_err();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn impossible_instances_are_refused_before_anything_runs() {
    let image = r#""image":{"phantom":{"kind":"texture","rows":8,"columns":6}}"#;
    for (json, words) in [
        (r#"{"operator":{"gaussian":{"ratio":1}}}"#, "shape = left out is not admissible"),
        (r#"{"operator":{"gaussian":{"ratio":1}},"shape":[4,4]}"#, "image = left out"),
        (r#"{IMAGE,"operator":{"gaussian":{"ratio":1}},"shape":[8,8]}"#, "expected 8, found 6"),
        (r#"{IMAGE,"operator":{"gaussian":{"ratio":0}}}"#, "operator.ratio = 0"),
        (r#"{IMAGE,"operator":{"gaussian":{"ratio":0.1}},"blocks":9}"#, "blocks = 9"),
        (r#"{IMAGE,"operator":{"gaussian":{"ratio":0.1}},"blocks":0}"#, "blocks = 0"),
        (r#"{IMAGE,"operator":{"random-cosine":{"ratio":1.5}}}"#, "at most 1"),
        (
            r#"{IMAGE,"operator":{"gaussian-tiles":{"ratio":1,"side":4}},"blocks":3}"#,
            "number of tiles",
        ),
        (r#"{IMAGE,"operator":{"fourier":{"mask":{"radial":0}}}}"#, "mask.radial = 0"),
        (r#"{IMAGE,"operator":{"tomography":{"views":2}},"blocks":3}"#, "operator.views = 2"),
        (r#"{IMAGE,"operator":{"blur":{"kernels":[]}}}"#, "kernels = []"),
        (
            r#"{IMAGE,"operator":{"intensity-diffraction":{"aperture":1.2}}}"#,
            "aperture = 1.2 is not admissible",
        ),
        (r#"{IMAGE,"operator":{"gaussian":{"ratio":1}},"data-term":{"huber":-1}}"#, "huber = -1"),
        (
            r#"{IMAGE,"operator":{"gaussian":{"ratio":1}},"measurements":{"path":"no.npy"},"noise":{"snr-db":9}}"#,
            "noise = normal noise at 9 dB is not admissible",
        ),
        (
            r#"{IMAGE,"operator":{"gaussian":{"ratio":1}},"measurements":{"path":"no.npy"}}"#,
            "data set no.npy is not here",
        ),
    ] {
        let config = parse(&json.replace("IMAGE", image)).unwrap();
        let message = Imaging::new(&config, Seed::root(0)).unwrap_err().to_string();
        assert!(message.contains(words), "{json}: {message}");
    }
}

#[test]
fn a_data_term_without_gradient_has_no_smooth_problem() {
    for loss in [Loss::L1, Loss::AmplitudeL1] {
        let config = config(&OperatorChoice::Gaussian { ratio: 0.7 }, 3, loss);
        match SmoothImaging::new(&config, Seed::root(0)) {
            Err(SetupError::Parameter { name: "data-term", value, .. }) => {
                assert_eq!(value, format!("{loss:?}"));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// An NPY file of doubles.
fn npy(values: &[f64], shape: &str) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

#[test]
fn a_mask_without_a_sample_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.npy");
    std::fs::write(&path, npy(&[0.0; 48], "(8, 6)")).unwrap();
    let mask = Mask::File(ArrayFile { path, dataset: None });
    let operator = OperatorChoice::Fourier { mask, unknown: Unknown::Real };
    let config = ImagingConfig::new(phantom(8, 6), operator);
    let message = Imaging::new(&config, Seed::root(0)).unwrap_err().to_string();
    assert!(message.contains("mask = 0 frequencies"), "{message}");
}

/// PnP-ADMM on all blocks (specification 2.1): the squares of `S(v) = z - x` and the last image.
fn pnp_admm(imaging: &Imaging, step: f64, strength: f64, steps: usize) -> (Vec<f64>, Vec<f64>) {
    let n = imaging.dim();
    let (mut scratch, mut warm) = (imaging.scratch(), imaging.warm());
    let all: Vec<u32> = (0..imaging.terms().unwrap() as u32).collect();
    let (mut x, mut z, mut s) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let mut residuals = Vec::new();
    for _ in 0..steps {
        let u: Vec<f64> = x.iter().zip(&s).map(|(x, s)| x + s).collect();
        imaging.batch_prox(batch(&all), &u, step, &mut z, &mut warm, &mut scratch);
        // S(v) = D(v) - G(2 D(v) - v) at the v before.
        residuals.push(x.iter().zip(&z).map(|(x, z)| (x - z).powi(2)).sum());
        let v: Vec<f64> = z.iter().zip(&s).map(|(z, s)| z - s).collect();
        imaging.denoise(&v, strength, &mut x, &mut scratch);
        s = x.iter().zip(&v).map(|(x, v)| x - v).collect();
    }
    (residuals, x)
}

fn denoised(method: DenoiserMethod, loss: Loss) -> Imaging {
    let range = [0.0, 1.0];
    let choice = ImagingConfig {
        blocks: Some(5),
        data_term: loss,
        noise: Noise { snr_db: None, impulses: Some(Impulses::default()) },
        denoiser: Some(DenoiserChoice { method, range, nonnegative: false, real: false }),
        ..ImagingConfig::new(phantom(16, 16), OperatorChoice::Gaussian { ratio: 0.7 })
    };
    Imaging::new(&choice, Seed::root(1)).unwrap()
}

#[test]
fn the_residual_of_the_splitting_method_vanishes_with_a_firm_denoiser() {
    // C7 of scalable PnP-ADMM.
    let imaging = denoised(DenoiserMethod::Wavelet { levels: 2, spins: true }, Loss::L1);
    assert_eq!(imaging.guarantee(), Guarantee::FirmlyNonexpansive);
    let (residuals, _) = pnp_admm(&imaging, 0.2, 0.02, 500);
    assert!(residuals[499] <= 1e-5 * residuals[1], "{} {}", residuals[1], residuals[499]);
}

#[test]
fn with_a_true_proximal_map_its_limit_is_the_minimizer() {
    // C3 of scalable PnP-ADMM: g + (λ/γ) TV, by comparison with other points.
    let variation =
        DenoiserMethod::TotalVariation { isotropic: true, tolerance: 1e-14, iterations: 20_000 };
    let imaging = denoised(variation, Loss::LeastSquares);
    let (step, weight) = (1.0, 0.02);
    let (residuals, x) = pnp_admm(&imaging, step, weight, 400);
    assert!(residuals[399] <= 1e-16, "{}", residuals[399]);
    let mut scratch = imaging.scratch();
    let mut total = |x: &[f64]| {
        let variation: f64 = (0..256)
            .map(|i| {
                let down = if i % 16 < 15 { x[i + 1] - x[i] } else { 0.0 };
                let right = if i < 240 { x[i + 16] - x[i] } else { 0.0 };
                down.hypot(right)
            })
            .sum();
        imaging.add_terms(0..5, 0.2, x, None, &mut scratch) + weight / step * variation
    };
    let least = total(&x);
    let mut rng = Seed::root(6).child("others").rng();
    for i in 0..300 {
        let radius = 0.5_f64.powi(i / 15);
        let z: Vec<f64> = x.iter().map(|x| x + radius * rng.random_range(-1.0..1.0)).collect();
        let other = total(&z);
        // A residual of 1e-8 times slopes of at most 10.
        assert!(least <= other + 1e-7, "{least} against {other} at {radius}");
    }
}
