//! Measurements and parts of operators that are given in files.

use super::*;

#[test]
fn measurements_come_from_a_file_and_have_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("y.npy");
    let file = ArrayFile { path: path.clone(), dataset: None };
    let operator = OperatorChoice::Tomography { views: 3, detectors: Some(5) };
    let choice = ImagingConfig {
        image: None,
        shape: Some([4, 5]),
        measurements: Some(file),
        ..ImagingConfig::new(phantom(4, 5), operator)
    };
    let y: Vec<f64> = (0..15).map(f64::from).collect();
    std::fs::write(&path, npy(&y, "(3, 5)")).unwrap();
    let imaging = Imaging::new(&choice, Seed::root(0)).unwrap();
    assert_eq!(imaging.data().block(0).len(), 15);
    // Without a truth there is nothing to compare with.
    assert_eq!((imaging.metrics().len(), imaging.outputs().len()), (2, 1));
    let mut row = [0.0; 2];
    imaging.evaluate(&[0.0; 20], &mut row, &mut imaging.scratch());
    assert!((row[1] - 1.0).abs() <= 1e-15, "{row:?}");
    std::fs::write(&path, npy(&y[..14], "(14,)")).unwrap();
    let message = Imaging::new(&choice, Seed::root(0)).unwrap_err().to_string();
    assert!(
        message.contains("has extents [14] of real numbers; measurements here are 3 views x 5"),
        "{message}"
    );
    std::fs::write(&path, npy(&[0.0; 15], "(3, 5)")).unwrap();
    let message = Imaging::new(&choice, Seed::root(0)).unwrap_err().to_string();
    assert!(message.contains("holds zeros alone"), "{message}");
    std::fs::write(&path, npy(&[f64::NAN; 15], "(15,)")).unwrap();
    let message = Imaging::new(&choice, Seed::root(0)).unwrap_err().to_string();
    assert!(message.contains("holds NaN at [0]"), "{message}");
}

/// Arrays as other programs hold them: transforms with frequency 0 first or in the middle, images
/// row by row, a sinogram in the order of its angles.
#[test]
fn measurements_that_were_simulated_elsewhere_give_the_same_instance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("y.npy");
    for (operator, blocks) in operators() {
        let simulated =
            ImagingConfig { noise: Noise::default(), ..config(&operator, blocks, Loss::L1) };
        let simulated = Imaging::new(&simulated, Seed::root(0)).unwrap();
        for layout in simulated.operator.layouts() {
            let pairs = simulated.pairs();
            let width = if pairs { 2 } else { 1 };
            let mut values = vec![0.0; width * layout.size()];
            for block in 0..blocks {
                for (entry, y) in simulated.data.block(block).chunks_exact(width).enumerate() {
                    let place = width * (layout.place)(block, entry);
                    values[place..place + width].copy_from_slice(y);
                }
            }
            let extents: Vec<usize> = layout.axes.iter().map(|&(_, extent)| extent).collect();
            let write = |extents: &[usize], complex: bool| {
                crate::data::write_npy(&path, extents, complex, &values).unwrap();
                let given = ImagingConfig {
                    noise: Noise::default(),
                    measurements: Some(ArrayFile { path: path.clone(), dataset: None }),
                    ..config(&operator, blocks, Loss::L1)
                };
                Imaging::new(&given, Seed::root(0))
            };
            assert_eq!(write(&extents, pairs).unwrap().data, simulated.data, "{operator:?}");
            assert_eq!(write(&[layout.size()], pairs).unwrap().data, simulated.data);
            if pairs {
                let paired: Vec<usize> = extents.iter().copied().chain([2]).collect();
                assert_eq!(write(&paired, false).unwrap().data, simulated.data);
                let message = write(&[2 * layout.size()], false).unwrap_err().to_string();
                assert!(message.contains("complex or in pairs"), "{message}");
            }
        }
    }
}

#[test]
fn a_layout_is_that_of_numpy() {
    // One point at (1, 2) of 4 x 6: its transform has entries exp(-2πi (k/4 + 2l/6)) / √24.
    let (rows, columns) = (4, 6);
    let mut x = vec![0.0; 24];
    x[1 + rows * 2] = 1.0;
    let wave = |k: usize, l: usize| {
        let turns = k as f64 / 4.0 + 2.0 * l as f64 / 6.0;
        num_complex::Complex::cis(-std::f64::consts::TAU * turns).unscale(24.0_f64.sqrt())
    };
    let build = |operator: &OperatorChoice| {
        operator.build([rows, columns], Some(1), Seed::root(0)).unwrap()
    };
    let entries = |operator: &dyn super::operators::Operator| {
        let width = if operator.complex() { 2 } else { 1 };
        let mut y = vec![0.0; width * operator.entries(0)];
        operator.forward(0, &x, &mut y, &mut operator.room());
        y
    };
    let (unknown, codes) = (Unknown::Real, Codes::Uniform);
    let fourier = OperatorChoice::Fourier { mask: Mask::Radial(4), unknown };
    let fourier = build(&fourier);
    let y = entries(&*fourier);
    let place = &fourier.layouts()[0].place;
    for (entry, y) in y.chunks_exact(2).enumerate() {
        let centered = place(0, entry);
        let (k, l) = ((centered / columns + 2) % rows, (centered % columns + 3) % columns);
        let gap = num_complex::Complex::new(y[0], y[1]) - wave(k, l);
        assert!(gap.norm() <= 1e-14, "({k}, {l}): {gap}");
    }
    // The modulus of a shifted point does not know the codes; its phase does at the point alone.
    let coded = build(&OperatorChoice::CodedDiffraction { codes, unknown });
    let y = entries(&*coded);
    let place = &coded.layouts()[0].place;
    let at = |k: usize, l: usize| {
        let entry = (0..24).find(|&entry| place(0, entry) == k * columns + l).unwrap();
        num_complex::Complex::new(y[2 * entry], y[2 * entry + 1])
    };
    for (k, l) in [(1, 0), (0, 1), (3, 5)] {
        let gap = at(k, l) / at(0, 0) - wave(k, l) / wave(0, 0);
        assert!(gap.norm() <= 1e-13, "({k}, {l}): {gap}");
    }
    // A uniform blur of one pixel is the image.
    let blur = build(&OperatorChoice::Blur { kernels: vec![Kernel::Uniform(1)] });
    let y = entries(&*blur);
    let entry = (0..24).find(|&entry| blur.layouts()[0].place.as_ref()(0, entry) == columns + 2);
    assert!((y[entry.unwrap()] - 1.0).abs() <= 1e-14);
}

#[test]
fn codes_of_a_file_may_have_any_modulus() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.npy");
    let file = ArrayFile { path: path.clone(), dataset: None };
    let shape @ [rows, columns] = [4, 3];
    let unknown = Unknown::Complex;
    let choice = OperatorChoice::CodedDiffraction { codes: Codes::File(file), unknown };
    let build = || choice.build(shape, Some(2), Seed::root(0));
    let write = |extents: &[usize], complex: bool, values: &[f64]| {
        crate::data::write_npy(&path, extents, complex, values).unwrap();
    };
    let values = normal(48, "codes");
    write(&[2, rows, columns], true, &values);
    let operator = build().unwrap();
    assert_eq!(operator.tight(&[0]), None);
    // The minimizer has a vanishing gradient: x - v + w Σ A'(A x - y).
    let (v, y) = (normal(24, "v"), normal(48, "y"));
    let mut data = Measurements::zeros([24, 24]);
    data.values_mut().copy_from_slice(&y);
    let (mut x, mut room) = (vec![0.0; 24], operator.room());
    operator.least_squares(&[0, 1], 0.7, &data, &v, &mut x, &mut room);
    let mut gradient: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x - v).collect();
    for block in 0..2 {
        let mut w = vec![0.0; 24];
        operator.forward(block, &x, &mut w, &mut room);
        w.iter_mut().zip(data.block(block)).for_each(|(w, y)| *w -= y);
        operator.adjoint(block, 0.7, &w, &mut gradient, &mut room);
    }
    assert!(norm(&gradient) <= 1e-12 * norm(&y), "{}", norm(&gradient));
    let largest = values.as_chunks::<2>().0[..12].iter().map(|[a, b]| a * a + b * b);
    assert!((operator.norm_squared(0) - largest.fold(0.0, f64::max)).abs() <= 1e-12);
    // Signs are codes of modulus 1.
    let signs: Vec<f64> = (0..24).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 }).collect();
    write(&[2, rows, columns], false, &signs);
    assert_eq!(build().unwrap().tight(&[1]), Some(1.0));
    write(&[2, columns, rows], false, &signs);
    let message = build().unwrap_err().to_string();
    assert!(message.contains("has extents [2, 3, 4]; the codes are 2 patterns x 4"), "{message}");
    write(&[2, rows, columns], false, &[[1.0; 12], [0.0; 12]].concat());
    let message = build().unwrap_err().to_string();
    assert!(message.contains("pattern 1 (from 0) lets nothing through"), "{message}");
}
