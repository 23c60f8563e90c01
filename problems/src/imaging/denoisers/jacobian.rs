//! How steep denoisers and their residuals `v - D(v)` are, measured on pictures.

use rand_distr::{Distribution, StandardNormal};

use super::network::tests::one_layer;
use super::tests::proven;
use super::*;
use crate::data::{Folders, numbers};
use crate::imaging::{Phantom, PhantomKind};
use crate::numerics::vector::norm;

/// Side of a patch: its Jacobian is a matrix that is formed whole.
const SIDE: usize = 12;
/// Half the step of the differences: far above rounding, and what is left over of an iteration.
const STEP: f64 = 1e-3;

/// Patches with noise of deviation 0.05: of BSD68 where it is on this machine, else textures.
fn patches() -> (Vec<Vec<f64>>, &'static str) {
    let folders = Folders::from_environment().search;
    let picture = |number: usize| {
        let file = format!("images/bsd68/test{number:03}.png");
        let path = folders.iter().map(|f| f.join(&file)).find(|path| path.is_file())?;
        let image = numbers(&path, None).ok()?.image().ok()?;
        // Away from the border, where pictures have frames.
        let pixel = |i: usize| image.pixels[120 + i % SIDE + image.rows * (140 + i / SIDE)];
        Some((0..SIDE * SIDE).map(pixel).collect())
    };
    let found: Option<Vec<Vec<f64>>> = [1, 7, 20].into_iter().map(picture).collect();
    let (mut patches, source) = found.map_or_else(
        || {
            let texture = Phantom { kind: PhantomKind::Texture, rows: SIDE, columns: SIDE };
            let draw = |i| texture.draw(Seed::root(i)).unwrap().pixels;
            ((0..3).map(draw).collect(), "textures")
        },
        |patches| (patches, "BSD68"),
    );
    let mut rng = Seed::root(11).child("patches").rng();
    for pixel in patches.iter_mut().flatten() {
        let noise: f64 = StandardNormal.sample(&mut rng);
        *pixel += 0.05 * noise;
    }
    (patches, source)
}

/// Largest quotients `‖F(v + h d) - F(v - h d)‖ / ‖2 h d‖` that were found, of `F = D` and `F = I - D`,
/// along the direction `d` of the largest singular value of the Jacobian: its columns by central
/// differences, `d` by power iteration on `J'J`. A Lipschitz constant bounds the quotient exactly,
/// wherever the denoiser has kinks.
fn slopes(denoiser: &Denoiser, strength: f64, v: &[f64]) -> [f64; 2] {
    let n = v.len();
    let mut room = denoiser.room();
    let mut difference = |d: &[f64]| -> Vec<f64> {
        let mut side = |step: f64| -> Vec<f64> {
            let at: Vec<f64> = v.iter().zip(d).map(|(v, d)| v + step * d).collect();
            let mut x = vec![0.0; n];
            denoiser.denoise(false, &at, strength, &mut x, &mut room);
            x
        };
        let (ahead, behind) = (side(STEP), side(-STEP));
        ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * STEP)).collect()
    };
    let mut jacobian = faer::Mat::<f64>::zeros(n, n);
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        for (i, slope) in difference(&unit).into_iter().enumerate() {
            jacobian[(i, j)] = slope;
        }
    }
    let residual = faer::Mat::<f64>::identity(n, n) - &jacobian;
    let mut steepest = |jacobian: &faer::Mat<f64>, of_residual: bool| {
        let mut rng = Seed::root(5).child("power").rng();
        let mut d: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
        for _ in 0..300 {
            let x = faer::ColRef::from_slice(&d);
            let next = jacobian.transpose() * (jacobian * x);
            let length = next.norm_l2();
            d.iter_mut().enumerate().for_each(|(i, d)| *d = next[i] / length);
        }
        let mut moved = difference(&d);
        if of_residual {
            moved.iter_mut().zip(&d).for_each(|(moved, d)| *moved = d - *moved);
        }
        norm(&moved) / norm(&d)
    };
    [steepest(&jacobian, false), steepest(&residual, true)]
}

#[test]
fn what_is_proven_of_a_denoiser_bounds_its_slopes_on_patches() {
    let (patches, source) = patches();
    let shape = [SIDE, SIDE];
    // A total variation within 1e-14 a pixel is good to √(2 · 144 · 1e-14) = 2e-6 on either side of a
    // step of 2e-3.
    let room = 1.003;
    let clipped = DenoiserChoice {
        method: DenoiserMethod::Wavelet { levels: 2, spins: true },
        range: [0.0, 1.0],
        nonnegative: true,
        real: false,
    };
    let mut denoisers = proven(shape, 1e-14);
    denoisers.push(clipped.build(shape, Seed::root(3)).unwrap());
    for denoiser in denoisers {
        // The residual of (1 - α) I + α N is α (I - N).
        let residual = match denoiser.guarantee() {
            Guarantee::ProximalMap | Guarantee::FirmlyNonexpansive => 1.0,
            Guarantee::Averaged => 4.0 / 3.0,
            Guarantee::None => unreachable!("all of these are proven"),
        };
        for patch in &patches {
            let found = slopes(&denoiser, 0.05, patch);
            eprintln!(
                "{}, {source}: slope of D {:.4}, of I - D {:.4}",
                denoiser.about(),
                found[0],
                found[1]
            );
            assert!(found[0] <= room, "{}: {found:?}", denoiser.about());
            assert!(found[1] <= residual * room, "{}: {found:?}", denoiser.about());
        }
    }
}

/// Nothing is proven of networks. Some were trained with normalised layers, whose residual was meant to
/// have this Lipschitz constant at most.
const MEANT: [(&str, Option<f64>); 6] = [
    ("realsn_simplecnn_s15", Some(1.0)),
    ("realsn_simplecnn_s40", Some(1.0)),
    ("async_red_dncnnstar_s5", Some(1.0)),
    ("bcred_dncnnstar_residual_lc2_s5", Some(2.0)),
    ("simplecnn_s15", None),
    ("kair_dncnn17_s25", None),
];

#[test]
fn networks_that_were_normalised_keep_their_constant_on_patches() {
    let (patches, source) = patches();
    let folders = Folders::from_environment().search;
    let mut largest_free: f64 = 0.0;
    let mut seen = 0;
    for (name, meant) in MEANT {
        let file = format!("denoisers/{name}.safetensors");
        let path = folders.iter().map(|f| f.join(&file)).find(|path| path.is_file());
        let Some(path) = path else { continue };
        seen += 1;
        let choice = DenoiserChoice {
            method: DenoiserMethod::Network { path },
            range: [0.0, 1.0],
            nonnegative: false,
            real: false,
        };
        let denoiser = choice.build([SIDE, SIDE], Seed::root(3)).unwrap();
        assert_eq!(denoiser.guarantee(), Guarantee::None);
        let Method::Network(network) = &denoiser.method else { unreachable!("it is one") };
        let strength = network.level.unwrap_or(0.05);
        let found: Vec<f64> =
            patches.iter().map(|patch| slopes(&denoiser, strength, patch)[1]).collect();
        let largest = found.iter().copied().fold(0.0, f64::max);
        eprintln!("{name}, {source}: slopes of I - D {found:.3?}");
        match meant {
            // Singular values of layers were estimated in training, on images of another size.
            Some(meant) => assert!(largest <= 1.05 * meant, "{name}: {found:?}"),
            None => largest_free = largest_free.max(largest),
        }
    }
    if seen < MEANT.len() {
        eprintln!("skipped: {} networks are not on this machine", MEANT.len() - seen);
        return;
    }
    // What was not normalised is steeper: the measurement can fail.
    assert!(largest_free > 1.05, "{largest_free}");
}

#[test]
fn a_residual_that_is_too_steep_is_seen() {
    // The residual is 1.5 v.
    let mut weights = [0.0; 9];
    weights[4] = 1.5;
    let network = one_layer(&weights, 0.0, 25.5, [SIDE, SIDE]);
    let denoiser = Denoiser {
        method: Method::Network(network),
        range: [0.0, 1.0],
        nonnegative: false,
        real: false,
        size: SIDE * SIDE,
        about: String::new(),
    };
    let [own, residual] = slopes(&denoiser, 0.1, &patches().0[0]);
    // Numbers near 1 in single precision, over steps of 2e-3.
    assert!((own - 0.5).abs() <= 1e-3 && (residual - 1.5).abs() <= 1e-3, "{own} {residual}");
}
