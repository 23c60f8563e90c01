//! How far apart colors look, to eyes of four kinds. Tests only.
//!
//! CIEDE2000: G. Sharma, W. Wu, E. Dalal, The CIEDE2000 color-difference formula, 2005, Color Res.
//! Appl. 30, 21–30. Sights: G. Machado, M. Oliveira, L. Fernandes, A physiologically-based model
//! for simulation of color vision deficiency, 2009, IEEE Trans. Vis. Comput. Graph. 15, table 1 at
//! severity 1, on linear sRGB.

use super::style::{Color, INCONCLUSIVE, LOOKS, REFUTED, SUPPORTED, dark};

type Matrix = [[f64; 3]; 3];

const SIGHTS: [Matrix; 4] = [
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    // Protanopia.
    [
        [0.152_286, 1.052_583, -0.204_868],
        [0.114_503, 0.786_281, 0.099_216],
        [-0.003_882, -0.048_116, 1.051_998],
    ],
    // Deuteranopia.
    [
        [0.367_322, 0.860_646, -0.227_968],
        [0.280_085, 0.672_501, 0.047_413],
        [-0.011_820, 0.042_940, 0.968_881],
    ],
    // Tritanopia.
    [
        [1.255_528, -0.076_749, -0.178_779],
        [-0.078_411, 0.930_809, 0.147_602],
        [0.004_733, 0.691_367, 0.303_900],
    ],
];

/// Linear sRGB to XYZ under D65 (IEC 61966-2-1).
const XYZ: Matrix = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];
const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];

fn times(matrix: &Matrix, x: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
}

/// L*, a*, b* of a color as one kind of eye sees it.
fn lab(color: Color, sight: &Matrix) -> [f64; 3] {
    let linear = [color.0, color.1, color.2].map(|byte| {
        let c = f64::from(byte) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let seen = times(sight, linear).map(|c| c.clamp(0.0, 1.0));
    let xyz = times(&XYZ, seen);
    let f = |i: usize| {
        let t = xyz[i] / WHITE[i];
        if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 }
    };
    [116.0 * f(1) - 16.0, 500.0 * (f(0) - f(1)), 200.0 * (f(1) - f(2))]
}

/// CIEDE2000 of two colors in L*, a*, b*; equations 2 to 22 of Sharma et al.
fn difference(one: [f64; 3], other: [f64; 3]) -> f64 {
    let chroma = |lab: [f64; 3]| lab[1].hypot(lab[2]);
    let seventh = |c: f64| (c.powi(7) / (c.powi(7) + 25.0_f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - seventh(f64::midpoint(chroma(one), chroma(other))));
    let polar = |lab: [f64; 3]| {
        let a = (1.0 + g) * lab[1];
        let hue = if a == 0.0 && lab[2] == 0.0 { 0.0 } else { lab[2].atan2(a).to_degrees() };
        (a.hypot(lab[2]), hue.rem_euclid(360.0))
    };
    let ((c1, h1), (c2, h2)) = (polar(one), polar(other));
    let gray = c1 * c2 == 0.0;
    let turn = if gray { 0.0 } else { (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0 };
    // Half a turn apart, the sign is that of the paper's case distinction.
    let turn = if (turn + 180.0).abs() < 1e-12 && h2 > h1 { 180.0 } else { turn };
    let (dl, dc) = (other[0] - one[0], c2 - c1);
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = (f64::midpoint(one[0], other[0]), f64::midpoint(c1, c2));
    let h = match (gray, (h1 - h2).abs() > 180.0) {
        (true, _) => h1 + h2,
        (false, false) => f64::midpoint(h1, h2),
        (false, true) if h1 + h2 < 360.0 => f64::midpoint(h1, h2) + 180.0,
        (false, true) => f64::midpoint(h1, h2) - 180.0,
    };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0)
        - 0.20 * cos(4.0 * h - 63.0);
    let turned = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let off = (l - 50.0).powi(2);
    let sl = 1.0 + 0.015 * off / (20.0 + off).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let rotation = -(2.0 * turned).to_radians().sin() * 2.0 * seventh(c);
    let (x, y, z) = (dl / sl, dc / sc, dh / sh);
    (x * x + y * y + z * z + rotation * y * z).sqrt()
}

/// The smallest difference of any two colors to any of the four kinds of eyes.
fn least(colors: &[Color]) -> f64 {
    let mut least = f64::INFINITY;
    for sight in &SIGHTS {
        let seen: Vec<[f64; 3]> = colors.iter().map(|&color| lab(color, sight)).collect();
        for (i, &one) in seen.iter().enumerate() {
            least = seen[..i].iter().map(|&other| difference(one, other)).fold(least, f64::min);
        }
    }
    least
}

/// In tenths, as the guide states them.
fn tenths(x: f64) -> u32 {
    (10.0 * x).round() as u32
}

#[test]
fn ciede2000_matches_the_vectors_of_its_paper() {
    for (one, other, expected) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373),
        ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
    ] {
        let found = difference(one, other);
        assert!((found - expected).abs() < 5e-5, "{found} in place of {expected}");
    }
}

#[test]
fn curves_differ_to_every_kind_of_eye_as_far_as_the_guide_says() {
    let print: Vec<Color> = LOOKS.iter().map(|look| look.color).collect();
    let screen: Vec<Color> = LOOKS.iter().map(|look| look.dark).collect();
    let found = |colors: &[Color]| [4, 6, 8].map(|n| tenths(least(&colors[..n])));
    assert_eq!(found(&print), [171, 110, 110]);
    assert_eq!(found(&screen), [157, 157, 94]);
}

#[test]
fn verdicts_differ_to_every_kind_of_eye() {
    let light = [SUPPORTED, REFUTED, INCONCLUSIVE];
    assert_eq!([tenths(least(&light)), tenths(least(&light.map(dark)))], [171, 146]);
}
