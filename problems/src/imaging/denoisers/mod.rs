//! Denoisers.

#[cfg(test)]
mod jacobian;
mod network;
mod nonlocal;
#[cfg(feature = "onnx")]
mod onnx;
mod sharpening;
mod tangent;
mod total_variation;
mod wavelet;

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use self::network::Network;
use self::nonlocal::Nonlocal;
use self::sharpening::Sharpening;
pub use self::tangent::Tangent;
use self::total_variation::TotalVariation;
use self::wavelet::Wavelet;
use crate::data::Folders;
use crate::imaging::ImageChoice;
use crate::{DataError, Seed, SetupError, require, require_positive};

/// The denoiser of a problem, and how points are brought to what it expects.
///
/// ```toml
/// denoiser = { method = { total-variation = {} } }
/// denoiser = { method = { wavelet = { levels = 3 } }, range = [-0.01, 0.01] }
/// denoiser = { method = { network = { path = "dncnn.safetensors" } }, nonnegative = true }
/// denoiser = { method = { onnx = { path = "drunet.onnx", output = "image" } } }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DenoiserChoice {
    /// Which one.
    pub method: DenoiserMethod,
    /// The values that become 0 and 1 before it and come back after it. Strengths are in the mapped
    /// measure.
    #[serde(default = "DenoiserChoice::unit")]
    pub range: [f64; 2],
    /// Values below 0 are set to 0 before it. The composition is averaged if the denoiser is firmly
    /// nonexpansive, but not always with constant 1/2.
    #[serde(default)]
    pub nonnegative: bool,
    /// Of a complex unknown the imaginary part is set to 0, instead of denoised like the real one.
    #[serde(default)]
    pub real: bool,
}

impl DenoiserChoice {
    fn unit() -> [f64; 2] {
        [0.0, 1.0]
    }
}

/// A denoiser of one plane. The strength of a call is what the table says.
///
/// | method | strength | what is proven |
/// |---|---|---|
/// | `total-variation` | weight `λ` | proximal map, within its gap |
/// | `wavelet`, `spins = false` | threshold | proximal map |
/// | `wavelet` | threshold | firmly nonexpansive |
/// | `nonlocal-means` | share `s` in [0, 1] of the way to the mean | proximal map, linear |
/// | `network`, `onnx` | noise level, a standard deviation | nothing |
/// | `sharpening`, a control | share of the detail that is added | expansive, linear |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DenoiserMethod {
    /// Total variation.
    TotalVariation {
        /// The length of the gradient; otherwise the sum of the moduli of its two entries.
        #[serde(default = "yes")]
        isotropic: bool,
        /// Duality gap a pixel at which it ends.
        #[serde(default = "gap")]
        tolerance: f64,
        /// At most so many iterations.
        #[serde(default = "many")]
        iterations: u64,
    },
    /// Soft thresholds of Haar wavelets.
    Wavelet {
        /// Levels, at least 1; `2^levels` divides both extents.
        #[serde(default = "two")]
        levels: u32,
        /// The mean over all shifts.
        #[serde(default = "yes")]
        spins: bool,
    },
    /// Symmetric, doubly stochastic non-local means with weights from a fixed image.
    NonlocalMeans {
        /// The image that the weights come from, of the shape of the unknown.
        guide: ImageChoice,
        /// Patches have sides of `2 patch + 1`.
        #[serde(default = "three")]
        patch: usize,
        /// Pixels within `window` rows and columns are averaged, at least 1.
        #[serde(default = "five")]
        window: usize,
        /// Distance of patches at which weights have fallen to `1/e`: the root of the sum of squares
        /// over a patch.
        #[serde(default = "tenth")]
        scale: f64,
    },
    /// A network in a file of safetensors.
    Network {
        /// The file, in the current directory or in a data folder.
        path: PathBuf,
    },
    /// Adds detail instead of taking it away: what the theory excludes.
    Sharpening {},
    /// A network in an ONNX file with one input `[1, 1, rows, columns]` of single precision; in programs
    /// that were built with the feature `onnx`.
    Onnx {
        /// The file.
        path: PathBuf,
        /// What its output is, of the shape of the input.
        output: NetworkOutput,
        /// The noise level that it was trained at: it is scaled to others. Without one it is applied as
        /// it is, whatever the strength.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<f64>,
    },
}

/// What a network gives for a noisy image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkOutput {
    /// The denoised image.
    Image,
    /// The noise, which is subtracted.
    Residual,
}

fn yes() -> bool {
    true
}

fn gap() -> f64 {
    1e-9
}

fn many() -> u64 {
    2000
}

fn two() -> u32 {
    2
}

fn three() -> usize {
    3
}

fn five() -> usize {
    5
}

fn tenth() -> f64 {
    0.1
}

/// What is proven of a denoiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// It is the proximal map of a convex function.
    ProximalMap,
    /// `‖Da - Db‖² <= <Da - Db, a - b>`: averaged with constant 1/2.
    FirmlyNonexpansive,
    /// `D = I/3 + 2N/3` with `‖Na - Nb‖ <= ‖a - b‖`: averaged with constant 2/3, as two firmly
    /// nonexpansive maps one after the other are (Ogura and Yamada, Numer. Funct. Anal. Optim. 23,
    /// 2002). So it is nonexpansive.
    Averaged,
    /// Nothing.
    None,
}

impl Guarantee {
    fn text(self) -> &'static str {
        match self {
            Self::ProximalMap => "proximal map",
            Self::FirmlyNonexpansive => "firmly nonexpansive",
            Self::Averaged => "averaged with constant 2/3",
            Self::None => "nothing proven",
        }
    }
}

/// A denoiser ready for images of one shape.
#[derive(Clone, Debug)]
pub(super) struct Denoiser {
    method: Method,
    range: [f64; 2],
    nonnegative: bool,
    real: bool,
    size: usize,
    about: String,
}

#[derive(Clone, Debug)]
enum Method {
    TotalVariation(TotalVariation),
    Wavelet(Wavelet),
    Nonlocal(Nonlocal),
    Network(Network),
    Sharpening(Sharpening),
    #[cfg(feature = "onnx")]
    Onnx(onnx::Onnx),
}

/// Temporaries of a denoiser.
#[derive(Clone, Debug, Default)]
pub(super) struct DenoiserRoom {
    plane: Vec<f64>,
    doubles: Vec<f64>,
    singles: Vec<f32>,
}

impl DenoiserChoice {
    pub(super) fn build(
        &self,
        shape @ [rows, columns]: [usize; 2],
        seed: Seed,
    ) -> Result<Denoiser, SetupError> {
        let (method, about) = match &self.method {
            DenoiserMethod::TotalVariation { isotropic, tolerance, iterations } => {
                require_positive("denoiser.tolerance", *tolerance)?;
                require("denoiser.iterations", iterations, *iterations >= 1, "at least 1")?;
                let (isotropic, tolerance, iterations) = (*isotropic, *tolerance, *iterations);
                let map = TotalVariation { shape, isotropic, tolerance, iterations };
                (Method::TotalVariation(map), "total variation".to_owned())
            }
            DenoiserMethod::Wavelet { levels, spins } => {
                let divides = |extent: usize| extent.trailing_zeros() >= *levels;
                let holds = *levels >= 1 && divides(rows) && divides(columns);
                let admissible = "at least 1, and 2^levels divides rows and columns";
                require("denoiser.levels", levels, holds, admissible)?;
                let map = Wavelet { shape, levels: *levels, spins: *spins };
                (Method::Wavelet(map), "haar wavelets".to_owned())
            }
            DenoiserMethod::NonlocalMeans { guide, patch, window, scale } => {
                require_positive("denoiser.scale", *scale)?;
                let least = rows.min(columns);
                let fits = *window >= 1 && 2 * window < least;
                let admissible = "at least 1, and 2 window + 1 at most rows and columns";
                require("denoiser.window", window, fits, admissible)?;
                let admissible = "2 patch + 1 at most rows and columns";
                require("denoiser.patch", patch, 2 * patch < least, admissible)?;
                let (guide, name) = guide.load(seed)?;
                guide.check_shape("rows and columns of the guide", shape)?;
                let map = Nonlocal::new(&guide, *patch, *window, *scale);
                (Method::Nonlocal(map), format!("non-local means guided by {name}"))
            }
            DenoiserMethod::Network { path } => {
                let (network, sum) = Network::read(path, shape)?;
                (Method::Network(network), format!("{} ({sum})", path.display()))
            }
            DenoiserMethod::Sharpening {} => {
                (Method::Sharpening(Sharpening { shape }), "sharpening".to_owned())
            }
            DenoiserMethod::Onnx { path, output, level } => {
                level.map_or(Ok(()), |level| require_positive("denoiser.level", level))?;
                read_onnx(path, shape, *output, *level)?
            }
        };
        let [low, high] = self.range;
        let range = low.is_finite() && high.is_finite() && low < high;
        require("denoiser.range", format!("{:?}", self.range), range, "two finite rising numbers")?;
        let (nonnegative, real, size) = (self.nonnegative, self.real, rows * columns);
        let mut denoiser = Denoiser { method, range: self.range, nonnegative, real, size, about };
        denoiser.about = format!("{}, {}", denoiser.about, denoiser.guarantee().text());
        Ok(denoiser)
    }
}

#[cfg(feature = "onnx")]
fn read_onnx(
    path: &Path,
    shape: [usize; 2],
    output: NetworkOutput,
    level: Option<f64>,
) -> Result<(Method, String), SetupError> {
    let (network, sum) = onnx::Onnx::read(path, shape, output, level)?;
    Ok((Method::Onnx(network), format!("{} ({sum})", path.display())))
}

#[cfg(not(feature = "onnx"))]
fn read_onnx(
    path: &Path,
    _shape: [usize; 2],
    _output: NetworkOutput,
    _level: Option<f64>,
) -> Result<(Method, String), SetupError> {
    let finding = "ONNX networks are read by programs that were built with `--features onnx`, which \
                   this one was not";
    Err(DataError::new(path, finding).into())
}

/// The bytes of a file of weights, in the current directory or in a data folder.
fn file(path: &Path) -> Result<Vec<u8>, SetupError> {
    let here = path.is_file().then(|| path.to_owned());
    let place = here.or_else(|| Folders::from_environment().find(path)).ok_or_else(|| {
        SetupError::MissingData {
            name: path.display().to_string(),
            remedy: "no such file in the current directory, nor in a data folder (CONVERGE_DATA)"
                .into(),
        }
    })?;
    let failed = |e| DataError::new(path, format!("cannot be read: {e}"));
    Ok(std::fs::read(place).map_err(failed)?)
}

impl Denoiser {
    /// What is proven of it, clipping included.
    pub(super) fn guarantee(&self) -> Guarantee {
        let own = match &self.method {
            Method::Network(_) | Method::Sharpening(_) => Guarantee::None,
            #[cfg(feature = "onnx")]
            Method::Onnx(_) => Guarantee::None,
            Method::Wavelet(map) if map.spins => Guarantee::FirmlyNonexpansive,
            Method::Wavelet(_) | Method::TotalVariation(_) | Method::Nonlocal(_) => {
                Guarantee::ProximalMap
            }
        };
        if self.nonnegative && own != Guarantee::None { Guarantee::Averaged } else { own }
    }

    /// What it is, for the header of a run.
    pub(super) fn about(&self) -> &str {
        &self.about
    }

    pub(super) fn room(&self) -> DenoiserRoom {
        let (doubles, singles) = match &self.method {
            Method::TotalVariation(map) => (map.room(), 0),
            Method::Wavelet(map) => (map.room(), 0),
            Method::Nonlocal(_) | Method::Sharpening(_) => (0, 0),
            Method::Network(network) => (0, network.room()),
            #[cfg(feature = "onnx")]
            Method::Onnx(_) => (0, 0),
        };
        DenoiserRoom {
            plane: vec![0.0; self.size],
            doubles: vec![0.0; doubles],
            singles: vec![0.0; singles],
        }
    }

    /// Denoises every plane of `v`; the second is that of imaginary parts if `complex`.
    pub(super) fn denoise(
        &self,
        complex: bool,
        v: &[f64],
        strength: f64,
        x: &mut [f64],
        room: &mut DenoiserRoom,
    ) {
        let DenoiserRoom { plane, doubles, singles } = room;
        let [low, high] = self.range;
        let width = high - low;
        for (i, (v, x)) in v.chunks_exact(self.size).zip(x.chunks_exact_mut(self.size)).enumerate()
        {
            if complex && self.real && i == 1 {
                x.fill(0.0);
                continue;
            }
            for (to, v) in plane.iter_mut().zip(v) {
                let v = if self.nonnegative { v.max(0.0) } else { *v };
                *to = (v - low) / width;
            }
            match &self.method {
                Method::TotalVariation(map) => {
                    map.denoise(plane, strength, x, doubles);
                }
                Method::Wavelet(map) => map.denoise(plane, strength, x, doubles),
                Method::Nonlocal(map) => map.denoise(plane, strength, x),
                Method::Network(network) => network.denoise(plane, strength, x, singles),
                Method::Sharpening(map) => map.denoise(plane, strength, x),
                #[cfg(feature = "onnx")]
                Method::Onnx(network) => network.denoise(plane, strength, x),
            }
            x.iter_mut().for_each(|x| *x = low + width * *x);
        }
    }
}

impl Denoiser {
    /// The derivative at one plane `v`; only of networks without clipping.
    pub(super) fn tangent(&self, v: &[f64], strength: f64) -> Option<Tangent> {
        match &self.method {
            Method::Network(network) if !self.nonnegative && strength > 0.0 => {
                let [low, high] = self.range;
                let mapped: Vec<f64> = v.iter().map(|v| (v - low) / (high - low)).collect();
                Some(Tangent::new(network, &mapped, strength))
            }
            _ => None,
        }
    }
}

/// The number nearest to `x` that is `threshold` closer to 0, or 0.
fn soft(x: f64, threshold: f64) -> f64 {
    (x - threshold).max(0.0) + (x + threshold).min(0.0)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::Seed;
    use crate::imaging::{Phantom, PhantomKind};
    use crate::numerics::vector::dot;

    fn build(shape: [usize; 2], method: DenoiserMethod) -> Denoiser {
        let choice = DenoiserChoice { method, range: [0.0, 1.0], nonnegative: false, real: false };
        choice.build(shape, Seed::root(3)).unwrap()
    }

    /// The ellipses that a test below denoises.
    fn guide(rows: usize, columns: usize) -> ImageChoice {
        ImageChoice::Phantom(Phantom { kind: PhantomKind::Ellipses, rows, columns })
    }

    pub(super) fn proven(shape: [usize; 2], tolerance: f64) -> Vec<Denoiser> {
        let variation =
            |isotropic| DenoiserMethod::TotalVariation { isotropic, tolerance, iterations: 20_000 };
        let wavelet = |spins| DenoiserMethod::Wavelet { levels: 2, spins };
        let guide = guide(shape[0], shape[1]);
        let means = DenoiserMethod::NonlocalMeans { guide, patch: 1, window: 3, scale: 0.3 };
        [variation(true), variation(false), wavelet(false), wavelet(true), means]
            .map(|method| build(shape, method))
            .into()
    }

    fn denoise(denoiser: &Denoiser, v: &[f64], strength: f64) -> Vec<f64> {
        let mut x = vec![0.0; v.len()];
        denoiser.denoise(false, v, strength, &mut x, &mut denoiser.room());
        x
    }

    #[test]
    fn what_is_called_firmly_nonexpansive_is_on_pairs_of_images() {
        // C21 of scalable PnP-ADMM, on noisy pictures: far apart, and so close that the pair measures
        // the derivative.
        let mut rng = Seed::root(7).child("pairs").rng();
        for denoiser in proven([16, 24], 1e-14) {
            assert!(matches!(
                denoiser.guarantee(),
                Guarantee::ProximalMap | Guarantee::FirmlyNonexpansive
            ));
            for pair in 0..40 {
                let picture = |kind| {
                    Phantom { kind, rows: 16, columns: 24 }.draw(Seed::root(pair)).unwrap().pixels
                };
                let mut noisy = |x: &[f64], size: f64| -> Vec<f64> {
                    x.iter().map(|x| x + size * rng.random_range(-1.0..1.0)).collect()
                };
                let a = noisy(&picture(PhantomKind::Ellipses), 0.2);
                let b = if pair % 2 == 0 {
                    noisy(&picture(PhantomKind::Texture), 0.2)
                } else {
                    noisy(&a, 0.01)
                };
                let (da, db) = (denoise(&denoiser, &a, 0.1), denoise(&denoiser, &b, 0.1));
                let gap: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
                let moved: Vec<f64> = da.iter().zip(&db).map(|(a, b)| a - b).collect();
                // The gap of 1e-14 · 384 leaves errors of 3e-6 in either image.
                let room = 1e-5 * dot(&gap, &gap).sqrt();
                let (square, product) = (dot(&moved, &moved), dot(&moved, &gap));
                assert!(square <= product + room, "{}: {square} {product}", denoiser.about());
            }
        }
    }

    #[test]
    fn noise_of_a_piecewise_constant_image_falls() {
        let truth = Phantom { kind: PhantomKind::Ellipses, rows: 64, columns: 96 };
        let truth = truth.draw(Seed::root(3)).unwrap().pixels;
        let mut rng = Seed::root(2).rng();
        let v: Vec<f64> = truth.iter().map(|t| t + 0.2 * rng.random_range(-1.0..1.0)).collect();
        let error = |x: &[f64]| x.iter().zip(&truth).map(|(x, t)| (x - t).powi(2)).sum::<f64>();
        for denoiser in proven([64, 96], 1e-6) {
            let strength = if matches!(denoiser.method, Method::Nonlocal(_)) { 1.0 } else { 0.1 };
            let x = denoise(&denoiser, &v, strength);
            assert!(error(&x) < 0.8 * error(&v), "{}", denoiser.about());
        }
    }

    #[test]
    fn range_clip_and_realness_act_outside_the_denoiser() {
        let method = DenoiserMethod::Wavelet { levels: 1, spins: false };
        let choice = DenoiserChoice { method, range: [-1.0, 3.0], nonnegative: true, real: true };
        let denoiser = choice.build([2, 2], Seed::root(3)).unwrap();
        assert_eq!(denoiser.guarantee(), Guarantee::Averaged);
        let v = [1.0, -5.0, 2.0, 1.0, 9.0, 9.0, 9.0, 9.0];
        let mut x = [f64::NAN; 8];
        denoiser.denoise(true, &v, 100.0, &mut x, &mut denoiser.room());
        // All details fall: what is left is the mean of 1, 0, 2 and 1.
        for (i, x) in x.iter().enumerate() {
            assert!((x - if i < 4 { 1.0 } else { 0.0 }).abs() <= 1e-14, "{i}: {x}");
        }
    }

    #[test]
    fn impossible_denoisers_are_refused() {
        let wavelet = |levels| DenoiserMethod::Wavelet { levels, spins: true };
        let nonlocal = |rows, window| DenoiserMethod::NonlocalMeans {
            guide: guide(rows, 12),
            patch: 1,
            window,
            scale: 0.1,
        };
        let missing = DenoiserMethod::Network { path: "none.safetensors".into() };
        let onnx = |level| {
            let output = NetworkOutput::Image;
            DenoiserMethod::Onnx { path: "none.onnx".into(), output, level }
        };
        let built = cfg!(feature = "onnx");
        let absent =
            if built { "data set none.onnx is not here" } else { "built with `--features onnx`" };
        for (method, range, words) in [
            (wavelet(3), [0.0, 1.0], "denoiser.levels = 3"),
            (wavelet(0), [0.0, 1.0], "denoiser.levels = 0"),
            (wavelet(1), [1.0, 1.0], "denoiser.range = [1.0, 1.0]"),
            (nonlocal(8, 4), [0.0, 1.0], "denoiser.window = 4"),
            (nonlocal(9, 3), [0.0, 1.0], "rows and columns of the guide: expected 8, found 9"),
            (missing, [0.0, 1.0], "data set none.safetensors is not here"),
            (onnx(None), [0.0, 1.0], absent),
            (onnx(Some(-1.0)), [0.0, 1.0], "denoiser.level = -1"),
        ] {
            let choice = DenoiserChoice { method, range, nonnegative: false, real: false };
            let message = choice.build([8, 12], Seed::root(3)).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
