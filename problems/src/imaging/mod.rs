//! Image reconstruction from linear and phaseless measurements.
//!
//! With `b` blocks of measurements `y_i` of an unknown image `x`, linear operators `A_i` and a data term
//! `φ` ([`Loss`]) the objective is the mean
//!
//! ```text
//! g(x) = (1/b) Σ_i g_i(x),   g_i(x) = Σ_j φ((A_i x)_j; y_ij)
//! ```
//!
//! There is no regulariser in it: its place is taken by a denoiser ([`Denoise`], [`DenoiserChoice`]), for
//! methods that use one. Two kinds share all of this:
//!
//! - [`Imaging`], `imaging`, takes every data term and offers proximal maps, of all of `g` ([`Prox`])
//!   and of the mean over some blocks ([`BatchProx`]);
//! - [`SmoothImaging`], `smooth-imaging`, takes data terms that have a gradient and offers it too, so
//!   that a gradient method on `l1` is refused before anything runs.
//!
//! A point is one plane of `rows x columns`, column-major; of a complex unknown the plane of real parts
//! and that of imaginary parts; of intensity diffraction one plane a slice and channel. Values are
//! nominally in [0, 1].
//!
//! # Proximal maps
//! [`BatchProx::batch_prox`] takes the first of these that fits:
//! 1. `A A' = c I` of the stacked blocks: in closed form for every data term;
//! 2. least squares with normal equations that a transform diagonalises: in closed form;
//! 3. least squares: conjugate gradients;
//! 4. `l1` and `huber`: an accelerated method on the dual, with its gap;
//! 5. amplitudes: majorization by 2, 3 or 4; intensities: gradient descent. Not convex.
//!
//! | operator | 1 | 2 |
//! |---|---|---|
//! | matrices, tomography | | |
//! | random cosine | yes | |
//! | Fourier samples | complex unknown | yes |
//! | coded diffraction | complex unknown, one block, codes of modulus 1 | yes |
//! | blur, intensity diffraction | | yes |
//!
//! [`InnerChoice`] states when 3 to 5 stop; [`Inner::gap`] is in the measure said there.
//!
//! # Given measurements
//! Measurements are simulated from a true image, or read ([`ImagingConfig::measurements`]) from an array
//! as NumPy holds it, extents of 1 left out at will; complex ones may be pairs in a last extent of 2.
//!
//! | operator | extents | order |
//! |---|---|---|
//! | matrices, Gaussian tiles, random cosine | measurements | block after block |
//! | Fourier samples | rows x columns | `fftshift(fft2(x, norm="ortho"))`, read where the mask samples |
//! | | samples | of the same, row after row |
//! | coded diffraction | patterns x rows x columns | `fft2(code * x, norm="ortho")`, frequency 0 first |
//! | blur, intensity diffraction | blocks x rows x columns | images |
//! | tomography | views x detectors | views in the order of their angles |
//!
//! # Memory
//! Beside what the page of an operator states, 8 bytes a real measurement and 16 a complex one, and the
//! same four times more for data terms that go the way of 4, once of it in every [`Warm`].
//!
//! Source: "Scalable Plug-and-Play ADMM with Convergence Guarantees", IEEE Trans. Comput. Imaging 7
//! (2021), 849-863, arXiv 2006.03224.

mod choice;
mod denoisers;
mod image;
mod inner;
mod loss;
mod measurements;
mod metrics;
mod noise;
pub mod operators;
mod oracle;
mod phantoms;
mod quality;
mod separable;
mod smooth;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use self::denoisers::Denoiser;
use self::operators::{Operator, Unknown, norm};
#[cfg(doc)]
use crate::{BatchProx, Denoise, Inner, Prox};
use crate::{Build, Metric, Seed, SetupError, require};

pub use choice::{ImagingConfig, OperatorChoice};
pub use denoisers::{DenoiserChoice, DenoiserMethod, Guarantee, NetworkOutput, Tangent};
pub use image::{ArrayFile, FileChoice, Image, ImageChoice, PictureSet, SetChoice};
pub use inner::{InnerChoice, Warm};
pub use loss::Loss;
pub use measurements::Measurements;
pub use noise::{Impulses, Noise};
pub use oracle::ImagingScratch;
pub use phantoms::{Phantom, PhantomKind};
pub use quality::{psnr_db, snr_db, ssim};
pub use smooth::SmoothImaging;

/// An instance of image reconstruction.
#[derive(Debug)]
pub struct Imaging {
    shape: [usize; 2],
    unknown: Unknown,
    operator: Box<dyn Operator>,
    loss: Loss,
    data: Measurements,
    truth: Option<Vec<f64>>,
    /// The point that a reference stage found.
    reference: Option<Vec<f64>>,
    inner: InnerChoice,
    norms: Norms,
    denoiser: Option<Denoiser>,
    metrics: Vec<Metric>,
    facts: Vec<(&'static str, String)>,
}

/// Squared norms of operators, from above; empty where no proximal map needs them.
#[derive(Clone, Debug, Default)]
struct Norms {
    blocks: Vec<f64>,
    all: f64,
}

impl Norms {
    fn new(operator: &dyn Operator, seed: Seed) -> Self {
        let all: Vec<usize> = (0..operator.blocks()).collect();
        let blocks: Vec<f64> = all.iter().map(|&block| operator.norm_squared(block)).collect();
        let stacked = norm::squared(operator, &all, seed.child("norm"));
        Self { all: stacked.min(blocks.iter().sum()), blocks }
    }

    /// Of stacked blocks.
    fn of(&self, terms: &[u32]) -> f64 {
        let sum: f64 = terms.iter().filter_map(|&term| self.blocks.get(term as usize)).sum();
        sum.min(self.all)
    }
}

impl Imaging {
    /// An instance of `config`.
    ///
    /// # Errors
    /// [`SetupError`] for inadmissible parameters, an image or measurements that are not here, cannot
    /// be read or do not fit each other, and for neither of them.
    pub fn new(config: &ImagingConfig, seed: Seed) -> Result<Self, SetupError> {
        config.data_term.check()?;
        config.inner.check()?;
        let image = config.image.as_ref().map(|image| image.load(seed.child("image").index(0)));
        let image = image.transpose()?;
        let shape = match (&image, config.shape) {
            (Some((image, _)), None) => [image.rows, image.columns],
            (Some((image, _)), Some(shape)) => {
                image.check_shape("rows and columns of the image", shape)?;
                shape
            }
            (None, Some(shape)) => shape,
            (None, None) => {
                return Err(SetupError::Parameter {
                    name: "shape",
                    value: "left out".into(),
                    admissible: "[rows, columns], where there is no image",
                });
            }
        };
        let positive = shape[0] >= 1 && shape[1] >= 1;
        require("shape", format!("{shape:?}"), positive, "at least 1 row and column")?;
        let operator = config.operator.build(shape, config.blocks, seed.child("operator"))?;
        let unknown = config.operator.unknown();
        let name = image.as_ref().map_or("none", |(_, name)| name).to_owned();
        let truth = match (&config.image, image) {
            (Some(choice), Some((image, _))) => {
                Some(planes(config, choice, image, operator.dim(), seed)?)
            }
            _ => None,
        };
        let denoiser = config.denoiser.as_ref();
        let denoiser =
            denoiser.map(|choice| choice.build(shape, seed.child("denoiser"))).transpose()?;
        let mut imaging = Self {
            shape,
            unknown,
            loss: config.data_term,
            data: room(&*operator, config.data_term),
            operator,
            truth,
            reference: None,
            inner: config.inner,
            norms: Norms::default(),
            denoiser,
            metrics: Vec::new(),
            facts: vec![("image", name)],
        };
        imaging.measure(config, seed)?;
        imaging.prepare(seed);
        Ok(imaging)
    }

    /// With the metric `distance` to a point that a reference stage found.
    ///
    /// # Errors
    /// [`SetupError::Shape`] for another length.
    pub fn with_reference(mut self, point: &[f64]) -> Result<Self, SetupError> {
        let (expected, found) = (self.operator.dim(), point.len());
        if expected != found {
            return Err(SetupError::Shape { what: "reference solution", expected, found });
        }
        self.reference = Some(point.to_vec());
        self.metrics = metrics::list(&self);
        Ok(self)
    }

    /// Reads the measurements, or simulates them.
    fn measure(&mut self, config: &ImagingConfig, seed: Seed) -> Result<(), SetupError> {
        if let Some(file) = &config.measurements {
            let simulated = "left out, for it is added to simulated measurements alone";
            require("noise", config.noise, config.noise == Noise::default(), simulated)?;
            self.data.fill(&file.read()?, &*self.operator, self.pairs())?;
            self.facts.push(("measurements", file.path.display().to_string()));
        } else if let Some(truth) = &self.truth {
            let width = if self.operator.complex() { 2 } else { 1 };
            let mut room = self.operator.room();
            for block in 0..self.operator.blocks() {
                let mut w = vec![0.0; width * self.operator.entries(block)];
                self.operator.forward(block, truth, &mut w, &mut room);
                let y = self.data.block_mut(block);
                self.loss.observe(self.operator.complex(), &w, y);
            }
            config.noise.add(self.data.values_mut(), seed.child("noise"))?;
            self.facts.push(("measurements", format!("simulated, {}", config.noise)));
        } else {
            return Err(SetupError::Parameter {
                name: "image",
                value: "left out".into(),
                admissible: "an image to simulate measurements from, or `measurements`",
            });
        }
        if matches!(self.loss, Loss::Amplitude | Loss::AmplitudeL1) {
            self.data.values_mut().iter_mut().for_each(|y| *y = y.max(0.0));
        }
        Ok(())
    }

    /// What follows from operator, data term and measurements.
    fn prepare(&mut self, seed: Seed) {
        let mut sum = Sha256::new();
        self.data.values().iter().for_each(|y| sum.update(y.to_le_bytes()));
        let sum =
            sum.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        self.facts.extend([
            ("checksum", sum),
            ("precision", "f64".into()),
            ("unknown", if self.unknown == Unknown::Complex { "complex" } else { "real" }.into()),
            ("data-term", format!("{:?}", self.loss)),
            ("numbers-measured", self.data.values().len().to_string()),
        ]);
        if self.loss == Loss::LeastSquares {
            self.operator.turn_unitarily(&mut self.data);
        }
        self.facts.extend(self.operator.facts());
        let denoiser = self.denoiser.as_ref().map_or("none", Denoiser::about);
        self.facts.push(("denoiser", denoiser.to_owned()));
        if self.needs_dual() {
            self.norms = Norms::new(&*self.operator, seed);
        }
        self.metrics = metrics::list(self);
    }

    /// Whether measurements are pairs.
    fn pairs(&self) -> bool {
        self.operator.complex() && !self.loss.is_phaseless()
    }

    /// Rows and columns of the image.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The forward model.
    pub fn operator(&self) -> &dyn Operator {
        &*self.operator
    }

    /// The data term.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The measurements that the data term compares with, as the operator counts them.
    pub fn data(&self) -> &Measurements {
        &self.data
    }

    /// What is proven of the denoiser; without one nothing is changed, which is a proximal map.
    pub fn guarantee(&self) -> Guarantee {
        self.denoiser.as_ref().map_or(Guarantee::ProximalMap, Denoiser::guarantee)
    }

    /// The derivative of a network denoiser at `v`, one plane; `None` for denoisers of other kinds, whose
    /// derivatives are symmetric where they exist, and for networks with clipping or strength 0.
    pub fn denoiser_tangent(&self, v: &[f64], strength: f64) -> Option<Tangent> {
        self.denoiser.as_ref()?.tangent(v, strength)
    }

    /// The true point, where it is known.
    pub fn truth(&self) -> Option<&[f64]> {
        self.truth.as_deref()
    }
}

/// Zeros for the measurements of an operator.
fn room(operator: &dyn Operator, loss: Loss) -> Measurements {
    let width = if operator.complex() && !loss.is_phaseless() { 2 } else { 1 };
    Measurements::zeros((0..operator.blocks()).map(|block| width * operator.entries(block)))
}

/// The true point: the image in every plane, phantoms drawn anew for each; imaginary parts are zero.
fn planes(
    config: &ImagingConfig,
    choice: &ImageChoice,
    first: Image,
    dim: usize,
    seed: Seed,
) -> Result<Vec<f64>, SetupError> {
    let size = first.pixels.len();
    let mut point = Vec::with_capacity(dim);
    for plane in 0..dim / size {
        let mut pixels = if plane == 0 {
            first.pixels.clone()
        } else if config.operator.unknown() == Unknown::Complex {
            vec![0.0; size]
        } else {
            choice.load(seed.child("image").index(plane as u64))?.0.pixels
        };
        if config.zero_mean {
            let mean = pixels.iter().sum::<f64>() / size as f64;
            pixels.iter_mut().for_each(|pixel| *pixel -= mean);
        }
        point.append(&mut pixels);
    }
    Ok(point)
}

impl Build for Imaging {
    const ID: &'static str = "imaging";
    const ABOUT: &'static str = "image reconstruction, with proximal maps of the data terms";
    type Config = ImagingConfig;

    fn build(
        config: &ImagingConfig,
        seed: Seed,
        reference: Option<&[f64]>,
    ) -> Result<Self, SetupError> {
        let imaging = Self::new(config, seed)?;
        match reference {
            None => Ok(imaging),
            Some(point) => imaging.with_reference(point),
        }
    }
}
