//! How close an image is to the truth.

use num_complex::Complex;

use super::Image;
use crate::numerics::vector::{dot, norm};

/// Peak signal-to-noise ratio in dB: `10 log₁₀(1 / MSE)`, for a peak of 1. Infinite for equal images.
///
/// ```
/// # use converge_problems::imaging::psnr_db;
/// assert!((psnr_db(&[0.1, 0.9], &[0.0, 1.0]) - 20.0).abs() < 1e-12);
/// ```
pub fn psnr_db(x: &[f64], truth: &[f64]) -> f64 {
    let square: f64 = x.iter().zip(truth).map(|(x, t)| (x - t).powi(2)).sum();
    -10.0 * (square / truth.len() as f64).log10()
}

/// Signal-to-noise ratio in dB: `20 log₁₀(‖x*‖ / ‖x - x*‖)` for the truth `x*` (specification 1.3 of
/// scalable PnP-ADMM).
pub fn snr_db(x: &[f64], truth: &[f64]) -> f64 {
    let square: f64 = x.iter().zip(truth).map(|(x, t)| (x - t).powi(2)).sum();
    20.0 * norm(truth).log10() - 10.0 * square.log10()
}

/// Multiplies `x` by the sign or the phase that brings it closest to the truth: what measurements of
/// moduli cannot tell. A complex `x` is its plane of real parts and its plane of imaginary parts.
pub(super) fn align(complex: bool, x: &mut [f64], truth: &[f64]) {
    if !complex {
        if dot(x, truth) < 0.0 {
            x.iter_mut().for_each(|x| *x = -*x);
        }
        return;
    }
    let half = x.len() / 2;
    let (re, im) = x.split_at_mut(half);
    let (truth_re, truth_im) = truth.split_at(half);
    // <x, x*>; the best phase is its conjugate.
    let product =
        Complex::new(dot(re, truth_re) + dot(im, truth_im), dot(im, truth_re) - dot(re, truth_im));
    let length = product.norm();
    if length > 0.0 {
        let phase = product.conj().unscale(length);
        for (re, im) in re.iter_mut().zip(im) {
            let turned = phase * Complex::new(*re, *im);
            (*re, *im) = (turned.re, turned.im);
        }
    }
}

/// Half the side of the window of [`ssim`], `3.5 σ` rounded.
const RADIUS: usize = 5;
/// Deviation of the window in pixels.
const DEVIATION: f64 = 1.5;
/// Numbers that keep quotients of small variances tame, for a range of 1.
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// Mean structural similarity, for values of range 1; NaN where the window does not fit.
///
/// ```text
/// (2 μ_x μ_y + C₁)(2 σ_xy + C₂) / ((μ_x² + μ_y² + C₁)(σ_x² + σ_y² + C₂)),  C₁ = 0.01², C₂ = 0.03²
/// ```
///
/// with moments under a Gaussian window of deviation 1.5 on 11 x 11 pixels, averaged over the places
/// where the window is inside (Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Process. 13, 2004).
/// scikit-image gives the same with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
/// data_range=1`.
pub fn ssim(x: &Image, y: &Image) -> f64 {
    let (rows, columns) = (x.rows, x.columns);
    let side = 2 * RADIUS + 1;
    if rows < side || columns < side {
        return f64::NAN;
    }
    let of_products = |f: &dyn Fn(f64, f64) -> f64| {
        let products: Vec<f64> = x.pixels.iter().zip(&y.pixels).map(|(x, y)| f(*x, *y)).collect();
        windowed(&products, rows, columns)
    };
    let means = [of_products(&|x, _| x), of_products(&|_, y| y)];
    let squares = [of_products(&|x, _| x * x), of_products(&|_, y| y * y)];
    let cross = of_products(&|x, y| x * y);
    let one = |i: usize| {
        let (a, b) = (means[0][i], means[1][i]);
        let (vx, vy, vxy) = (squares[0][i] - a * a, squares[1][i] - b * b, cross[i] - a * b);
        (2.0 * a * b + C1) * (2.0 * vxy + C2) / ((a * a + b * b + C1) * (vx + vy + C2))
    };
    (0..cross.len()).map(one).sum::<f64>() / cross.len() as f64
}

/// Means under the window, where it is inside.
fn windowed(x: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let weight = |i: usize| (-0.5 * ((i as f64 - RADIUS as f64) / DEVIATION).powi(2)).exp();
    let sum: f64 = (0..=2 * RADIUS).map(weight).sum();
    let window: [f64; 2 * RADIUS + 1] = std::array::from_fn(|i| weight(i) / sum);
    let (down, across) = (rows - 2 * RADIUS, columns - 2 * RADIUS);
    let lines = (0..down * columns).map(|i| {
        let start = i % down + rows * (i / down);
        dot(&window, &x[start..start + window.len()])
    });
    let lines: Vec<f64> = lines.collect();
    let both = (0..down * across)
        .map(|i| window.iter().enumerate().map(|(j, w)| w * lines[i + down * j]).sum());
    both.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_their_formulas() {
        let (truth, x) = ([3.0, 4.0], [3.0, 4.5]);
        assert!((snr_db(&x, &truth) - 20.0).abs() <= 1e-12);
        assert!((psnr_db(&x, &truth) - 10.0 * 8.0_f64.log10()).abs() <= 1e-12);
        assert!(psnr_db(&truth, &truth).is_infinite());
    }

    #[test]
    fn alignment_undoes_a_sign_and_a_phase() {
        let truth = [1.0, -2.0, 0.5, 0.3];
        let mut x = truth.map(|t| -t);
        align(false, &mut x, &truth);
        assert_eq!(x.map(f64::to_bits), truth.map(f64::to_bits));
        // (1 + 0.5j, -2 + 0.3j) turned by 0.7.
        let (sin, cos) = 0.7_f64.sin_cos();
        let mut x =
            [cos - 0.5 * sin, -2.0 * cos - 0.3 * sin, 0.5 * cos + sin, 0.3 * cos - 2.0 * sin];
        align(true, &mut x, &truth);
        for (x, t) in x.iter().zip(truth) {
            assert!((x - t).abs() <= 1e-15, "{x} against {t}");
        }
    }

    #[test]
    fn similarity_and_peak_ratio_are_those_of_scikit_image() {
        // scikit-image 0.26.0, structural_similarity with the options above and
        // peak_signal_noise_ratio with data_range=1.
        for (rows, columns, factor, similarity, ratio) in [
            (16, 16, 1.0, 0.948_122_404_909_729_3, 20.004_243_229_276_52),
            (23, 37, 0.8, 0.891_176_993_457_829_3, 16.237_412_249_613_325),
            (40, 11, 0.5, 0.565_783_977_252_285_4, 10.114_596_221_670_507),
        ] {
            let truth = |r: usize, c: usize| ((7 * r + 3 * c) % 16) as f64 / 15.0;
            let shift = |r: usize, c: usize| (((5 * r + 11 * c) % 7) as f64 - 3.0) / 20.0;
            let x = Image::from_fn(rows, columns, truth);
            let y = Image::from_fn(rows, columns, |r, c| factor * truth(r, c) + shift(r, c));
            // Variances are differences of means of squares, of size 1.
            assert!((ssim(&x, &y) - similarity).abs() <= 1e-12, "{}", ssim(&x, &y));
            assert!((psnr_db(&y.pixels, &x.pixels) - ratio).abs() <= 1e-12);
        }
        let small = Image::from_fn(10, 30, |_, _| 0.5);
        assert!(ssim(&small, &small).is_nan());
    }
}
