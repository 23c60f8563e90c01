//! Images from measurements in files: what a practitioner meets.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails, fails the test")]

#[expect(dead_code, reason = "studies are of no use here")]
mod support;

use std::path::Path;

use converge_problems::Seed;
use converge_problems::data::{numbers, write_npy};
use converge_problems::imaging::operators::{Codes, Kernel, Mask, Unknown};
use converge_problems::imaging::{
    ImageChoice, Imaging, ImagingConfig, Loss, Noise, OperatorChoice, Phantom, PhantomKind, psnr_db,
};
use support::{Workshop, stderr, stdout};

const SIDE: usize = 32;

fn truth() -> ImageChoice {
    ImageChoice::Phantom(Phantom { kind: PhantomKind::SheppLogan, rows: SIDE, columns: SIDE })
}

/// Simulates measurements, writes them as NumPy would, and returns the true image.
fn simulate(path: &Path, config: &ImagingConfig) -> Vec<f64> {
    // With the terms that keep measurements as they are measured.
    let imaging = Imaging::new(config, Seed::root(7)).unwrap();
    let layout = &imaging.operator().layouts()[0];
    let pairs = imaging.operator().complex() && !imaging.loss().is_phaseless();
    let width = if pairs { 2 } else { 1 };
    let mut values = vec![0.0; width * layout.size()];
    for block in 0..imaging.operator().blocks() {
        for (entry, y) in imaging.data().block(block).chunks_exact(width).enumerate() {
            let place = width * (layout.place)(block, entry);
            values[place..place + width].copy_from_slice(y);
        }
    }
    let extents: Vec<usize> = layout.axes.iter().map(|&(_, extent)| extent).collect();
    write_npy(path, &extents, pairs, &values).unwrap();
    imaging.truth().unwrap().to_vec()
}

/// The real plane of `image.npy`, column-major.
fn image(folder: &Path) -> Vec<f64> {
    let array = numbers(&folder.join("image.npy"), None).unwrap();
    let width = if array.complex { 2 } else { 1 };
    (0..SIDE * SIDE).map(|i| array.values[width * (i % SIDE * SIDE + i / SIDE)]).collect()
}

/// The model in the README, at this size.
const FOURIER: &str = r#"schema = 1

[problem]
shape     = [32, 32]
operator  = { fourier = { mask = { file = { path = "mask.npy" } } } }
data-term = "l1"
denoiser  = { method = { total-variation = { tolerance = 1e-7 } } }

[solver]
kind     = "pnp-admm"
penalty  = 0.5
strength = 0.01
tolerance = 1e-5

[stop]
iterations = 150
"#;

/// A mask of about half of all frequencies, all of those near the middle.
fn write_mask(path: &Path) {
    let taken = |i: usize| {
        let (k, l) = ((i / SIDE).abs_diff(SIDE / 2), (i % SIDE).abs_diff(SIDE / 2));
        f64::from(u8::from(k.max(l) <= 6 || i * 7919 % 5 < 2))
    };
    let mask: Vec<f64> = (0..SIDE * SIDE).map(taken).collect();
    write_npy(path, &[SIDE, SIDE], false, &mask).unwrap();
}

fn fourier(workshop: &Workshop) -> ImagingConfig {
    let path = workshop.path().join("mask.npy");
    write_mask(&path);
    let mask = Mask::File(converge_problems::imaging::ArrayFile { path, dataset: None });
    let operator = OperatorChoice::Fourier { mask, unknown: Unknown::Real };
    ImagingConfig {
        data_term: Loss::L1,
        noise: Noise { snr_db: Some(40.0), impulses: None },
        ..ImagingConfig::new(truth(), operator)
    }
}

#[test]
fn frequencies_in_a_file_become_an_image_with_a_report() {
    let workshop = Workshop::new();
    let truth = simulate(&workshop.path().join("kspace.npy"), &fourier(&workshop));
    std::fs::write(workshop.path().join("model.toml"), FOURIER).unwrap();
    let output = workshop.run(&["reconstruct", "model.toml", "kspace.npy", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for word in ["misfit", "fixed-point-residual", "image.npy", "trace.csv", "as black"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let out = workshop.path().join("out");
    // Noise at 40 dB spreads over half of the frequencies; the image is piecewise constant, for which
    // total variation fills the others in. Zeros in their place reach 20 dB.
    let found = psnr_db(&image(&out), &truth);
    assert!(found >= 28.0, "{found} dB");
    let report = std::fs::read_to_string(out.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let misfit = &report["columns"]["misfit"];
    assert!(misfit["last"].as_f64() < misfit["first"].as_f64(), "{misfit}");
    assert_eq!(report["facts"]["measurements"], "kspace.npy");
    let iterations = report["iterations"].as_f64().unwrap();
    let trace = std::fs::read_to_string(out.join("trace.csv")).unwrap();
    assert_eq!(trace.lines().count(), 2 + iterations as usize);
    assert!(trace.starts_with("iteration,seconds,"), "{trace}");
    let svg = std::fs::read_to_string(out.join("convergence.svg")).unwrap();
    assert!(svg.contains("fixed-point-residual"));
    // The window is that of the image, so that black and white are in the picture.
    let png = numbers(&out.join("image.png"), None).unwrap();
    assert_eq!(png.extents, [SIDE, SIDE]);
    let ends = [0.0_f64, 1.0].map(|end| png.values.iter().any(|v| (v - end).abs() <= 1e-12));
    assert_eq!(ends, [true, true]);
    // A list of the samples alone gives the same.
    let spectrum = numbers(&workshop.path().join("kspace.npy"), None).unwrap();
    let mask = numbers(&workshop.path().join("mask.npy"), None).unwrap().values;
    let samples: Vec<f64> = (0..SIDE * SIDE)
        .filter(|&i| mask[i] > 0.0)
        .flat_map(|i| [spectrum.values[2 * i], spectrum.values[2 * i + 1]])
        .collect();
    let path = workshop.path().join("samples.npy");
    write_npy(&path, &[samples.len() / 2], true, &samples).unwrap();
    let output = workshop.run(&["reconstruct", "model.toml", "samples.npy", "-o", "again", "-q"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let again = image(&workshop.path().join("again"));
    assert!(again.iter().zip(image(&out)).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn moduli_become_a_complex_image_and_a_blur_with_several_kernels_a_real_one() {
    let workshop = Workshop::new();
    let codes = workshop.path().join("codes.npy");
    // Phases of four values from the high bits of a linear congruence (Knuth's MMIX).
    let mut state = 1_u64;
    let mut phase = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]][(state >> 62) as usize]
    };
    let values: Vec<f64> = (0..4 * SIDE * SIDE).flat_map(|_| phase()).collect();
    write_npy(&codes, &[4, SIDE, SIDE], true, &values).unwrap();
    let file = converge_problems::imaging::ArrayFile { path: codes, dataset: None };
    let unknown = Unknown::Complex;
    let operator = OperatorChoice::CodedDiffraction { codes: Codes::File(file), unknown };
    let config = ImagingConfig {
        blocks: Some(4),
        data_term: Loss::Amplitude,
        noise: Noise { snr_db: Some(40.0), impulses: None },
        ..ImagingConfig::new(truth(), operator)
    };
    let target = simulate(&workshop.path().join("moduli.npy"), &config);
    let model = r#"schema = 1
[problem]
shape = [32, 32]
blocks = 4
operator = { coded-diffraction = { codes = { file = { path = "codes.npy" } }, unknown = "complex" } }
data-term = "amplitude"
measurements = { path = "moduli.npy" }
denoiser = { method = { total-variation = { tolerance = 1e-7 } }, real = true }
[solver]
kind = "pnp-admm"
strength = 0.002
[stop]
iterations = 200
[sampling]
rule = "every"
n = 50
"#;
    std::fs::write(workshop.path().join("model.toml"), model).unwrap();
    let output = workshop.run(&["reconstruct", "model.toml", "--output", "out", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["iterations"], 200.0);
    let out = workshop.path().join("out");
    assert!(numbers(&out.join("image.npy"), None).unwrap().complex);
    // The sign of the whole image is not measured.
    let mut found = image(&out);
    let along: f64 = found.iter().zip(&target).map(|(x, t)| x * t).sum();
    found.iter_mut().for_each(|x| *x *= along.signum());
    let found = psnr_db(&found, &target[..SIDE * SIDE]);
    // Four patterns measure 4096 moduli of 1024 real pixels: noise at 40 dB is what is left.
    assert!(found >= 28.0, "{found} dB");

    let kernels = vec![
        Kernel::Gaussian { size: 5, deviation: 1.0 },
        Kernel::Motion { length: 3.0, degrees: 0.0 },
    ];
    let config = ImagingConfig {
        blocks: Some(2),
        data_term: Loss::L1,
        noise: Noise { snr_db: Some(40.0), impulses: None },
        ..ImagingConfig::new(truth(), OperatorChoice::Blur { kernels })
    };
    let target = simulate(&workshop.path().join("blurred.npy"), &config);
    // Kinds, too, are found: this method needs gradients.
    let model = r#"schema = 1
[problem]
shape = [32, 32]
blocks = 2
operator = { blur = { kernels = [{ gaussian = { size = 5, deviation = 1.0 } }, { motion = { length = 3, degrees = 0 } }] } }
[solver]
kind = "lbfgs"
[stop]
iterations = 30
"#;
    std::fs::write(workshop.path().join("model.toml"), model).unwrap();
    let output = workshop.run(&[
        "reconstruct",
        "model.toml",
        "blurred.npy",
        "--output",
        "out",
        "--window",
        "0,1",
        "-q",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("0.0000 as black, 1.0000 as white"), "{}", stdout(&output));
    // Better than either exposure as it is.
    let blurred = numbers(&workshop.path().join("blurred.npy"), None).unwrap().values;
    let exposure: Vec<f64> =
        (0..SIDE * SIDE).map(|i| blurred[i % SIDE * SIDE + i / SIDE]).collect();
    let (found, before) = (psnr_db(&image(&out), &target), psnr_db(&exposure, &target));
    assert!(found >= before + 3.0, "{found} dB against {before}");
}

#[test]
fn bad_input_is_one_clear_message_before_anything_runs() {
    let workshop = Workshop::new();
    simulate(&workshop.path().join("kspace.npy"), &fourier(&workshop));
    let write = |name: &str, extents: &[usize], complex: bool, values: &[f64]| {
        write_npy(&workshop.path().join(name), extents, complex, values).unwrap();
    };
    write("small.npy", &[16, 16], true, &[1.0; 512]);
    write("real.npy", &[SIDE, SIDE], false, &[1.0; SIDE * SIDE]);
    write("nan.npy", &[SIDE, SIDE], true, &[f64::NAN; 2 * SIDE * SIDE]);
    write("nothing.npy", &[SIDE, SIDE], false, &[0.0; SIDE * SIDE]);
    std::fs::write(workshop.path().join("file"), "").unwrap();
    let onnx = if cfg!(feature = "onnx") { "net.onnx is not here" } else { "--features onnx" };
    // What is changed in the model, the measurements, the output, the words.
    for (from, to, measurements, output, words) in [
        ("", "", "none.npy", "out", "none.npy is not here: no such file"),
        ("", "", "small.npy", "out", "small.npy: has extents [16, 16] of complex numbers"),
        ("", "", "real.npy", "out", "real.npy: has extents [32, 32] of real numbers"),
        ("", "", "nan.npy", "out", "nan.npy: holds NaN at [0, 0] (from 0)"),
        ("", "", "kspace.npy", "file/out", "file/out: cannot be written to"),
        ("mask.npy", "nothing.npy", "kspace.npy", "out", "mask = 0 frequencies"),
        ("mask.npy", "small.npy", "kspace.npy", "out", "small.npy: holds complex numbers"),
        (
            "penalty ",
            "penalyt ",
            "kspace.npy",
            "out",
            ":11: unknown key `penalyt` in solver; did you mean `penalty`?",
        ),
        (
            "pnp-admm",
            "pnp-amdm",
            "kspace.npy",
            "out",
            ":10: solver: no solver kind named `pnp-amdm`; did you mean `pnp-admm`?",
        ),
        ("fourier", "fuorier", "kspace.npy", "out", "did you mean `fourier`?"),
        (
            "shape ",
            "shaep ",
            "kspace.npy",
            "out",
            ":4: unknown key `shaep` in problem; did you mean `shape`?",
        ),
        ("0.5", "-0.5", "kspace.npy", "out", "penalty = -0.5 is not admissible"),
        (
            "iterations = 150",
            "target = { metric = \"misfot\", value = 1e-3 }",
            "kspace.npy",
            "out",
            "misfot",
        ),
        (
            "total-variation = { tolerance = 1e-7 }",
            "network = { path = \"none.safetensors\" }",
            "kspace.npy",
            "out",
            "none.safetensors is not here",
        ),
        (
            "total-variation = { tolerance = 1e-7 }",
            "onnx = { path = \"net.onnx\", output = \"image\" }",
            "kspace.npy",
            "out",
            onnx,
        ),
    ] {
        std::fs::write(workshop.path().join("model.toml"), FOURIER.replace(from, to)).unwrap();
        let result = workshop.run(&["reconstruct", "model.toml", measurements, "-o", output]);
        let text = stderr(&result);
        assert_eq!(result.status.code(), Some(2), "{words}: {text}");
        assert!(text.contains(words), "{words}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        assert!(stdout(&result).is_empty() && !workshop.path().join("out/image.npy").exists());
    }
    let result = workshop.run(&["reconstruct", "model.toml", "kspace.npy", "--window", "1,0"]);
    assert_eq!(result.status.code(), Some(2));
    assert!(stderr(&result).contains("two rising numbers"), "{}", stderr(&result));
}
