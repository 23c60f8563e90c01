//! What a section of a study file says.

use serde::{Deserialize, Serialize};

use super::operators::{
    CodedDiffraction, Codes, FourierSamples, IntensityDiffractionChoice, Kernel, Mask,
    MatrixChoice, Operator, RandomCosine, TiledGaussian, Tomography, Unknown, blur, gaussian,
};
use super::{ArrayFile, DenoiserChoice, ImageChoice, InnerChoice, Loss, Noise};
use crate::{Seed, SetupError, require};

/// A section `[problem.NAME]` of kind `imaging` or `smooth-imaging`.
///
/// ```toml
/// [problem.phase-retrieval]
/// kind      = "imaging"
/// image     = { phantom = { kind = "shepp-logan", rows = 64, columns = 64 } }
/// operator  = { coded-diffraction = { unknown = "complex" } }
/// data-term = "amplitude"
/// blocks    = 6
/// noise     = { snr-db = 25 }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImagingConfig {
    /// The truth. Measurements are simulated from it, unless they are given; then it is only compared
    /// with, and may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageChoice>,
    /// Subtracts the mean of every plane of the truth, which the phase channel of intensity
    /// diffraction does not see.
    #[serde(default)]
    pub zero_mean: bool,
    /// Rows and columns, where there is no truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<[usize; 2]>,
    /// The forward model.
    pub operator: OperatorChoice,
    /// Number of components `b`; 1 by default, and for Gaussian tiles their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<usize>,
    /// The data term.
    #[serde(default)]
    pub data_term: Loss,
    /// Noise of simulated measurements.
    #[serde(default)]
    pub noise: Noise,
    /// Measurements of the user's, an array as [`layouts`](super::operators::Operator::layouts) of the
    /// operator says; complex ones as such, or as pairs in a last extent of 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurements: Option<ArrayFile>,
    /// When proximal maps without a closed form are exact enough.
    #[serde(default)]
    pub inner: InnerChoice,
    /// The denoiser, for methods that use one; none changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoiser: Option<DenoiserChoice>,
}

impl ImagingConfig {
    /// Simulated, noiseless least squares in one block.
    pub fn new(image: ImageChoice, operator: OperatorChoice) -> Self {
        Self {
            image: Some(image),
            zero_mean: false,
            shape: None,
            operator,
            blocks: None,
            data_term: Loss::LeastSquares,
            noise: Noise::default(),
            measurements: None,
            inner: InnerChoice::default(),
            denoiser: None,
        }
    }
}

/// A forward model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum OperatorChoice {
    /// A matrix of independent normal numbers, its rows in groups.
    Gaussian {
        /// Measurements over pixels.
        ratio: f64,
    },
    /// A matrix in a file, its rows in groups.
    Matrix(MatrixChoice),
    /// A Gaussian matrix for every square tile of the image.
    GaussianTiles {
        /// Measurements over pixels.
        ratio: f64,
        /// Side of a tile.
        side: usize,
    },
    /// Random signs, a cosine transform, a random part of its numbers: random measurements without a
    /// matrix.
    RandomCosine {
        /// Measurements over pixels, at most 1.
        ratio: f64,
    },
    /// Samples of the Fourier transform.
    Fourier {
        /// Which.
        mask: Mask,
        /// What a pixel is.
        #[serde(default)]
        unknown: Unknown,
    },
    /// Coded diffraction patterns, one a block.
    CodedDiffraction {
        /// Where the codes come from.
        #[serde(default)]
        codes: Codes,
        /// What a pixel is.
        #[serde(default)]
        unknown: Unknown,
    },
    /// Blur with periodic boundary, one exposure a block.
    Blur {
        /// Kernels, taken in turn.
        kernels: Vec<Kernel>,
    },
    /// Intensity diffraction tomography, one light a block.
    IntensityDiffraction(IntensityDiffractionChoice),
    /// Parallel-beam tomography.
    Tomography {
        /// Views, equally spaced over half a turn.
        views: usize,
        /// Detectors a view; by default as many as the diagonal needs.
        #[serde(default)]
        detectors: Option<usize>,
    },
}

impl OperatorChoice {
    /// What a pixel of the unknown is.
    pub(super) fn unknown(&self) -> Unknown {
        match self {
            Self::Fourier { unknown, .. } | Self::CodedDiffraction { unknown, .. } => *unknown,
            _ => Unknown::Real,
        }
    }

    /// The operator on images of `rows x columns`.
    pub(super) fn build(
        &self,
        shape @ [rows, columns]: [usize; 2],
        blocks: Option<usize>,
        seed: Seed,
    ) -> Result<Box<dyn Operator>, SetupError> {
        let dim = rows * columns;
        let count = blocks.unwrap_or(1);
        // Indices of terms and frequencies are 32 bits wide.
        let most = u32::MAX as usize;
        require("blocks", count, (1..=most).contains(&count), "at least 1")?;
        require("image", format!("{rows} x {columns}"), dim <= most, "fewer than 2^32 pixels")?;
        let measurements = |ratio: f64, most: f64| {
            let holds = ratio > 0.0 && ratio <= most;
            let admissible = if most > 1.0 { "above 0, at most 100" } else { "above 0, at most 1" };
            require("operator.ratio", ratio, holds, admissible)?;
            let m = (ratio * dim as f64).round() as usize;
            require("blocks", count, m >= count, "at most the number of measurements")?;
            Ok::<usize, SetupError>(m)
        };
        Ok(match self {
            Self::Gaussian { ratio } => {
                Box::new(gaussian(dim, measurements(*ratio, 100.0)?, count, seed))
            }
            Self::Matrix(choice) => Box::new(choice.build(shape, count, seed)?),
            Self::GaussianTiles { ratio, side } => {
                let ratio = *ratio;
                let holds = ratio > 0.0 && ratio <= 100.0;
                require("operator.ratio", ratio, holds, "above 0, at most 100")?;
                require("operator.side", side, *side >= 1, "at least 1")?;
                let tiles = TiledGaussian::new(shape, *side, ratio, seed);
                let one_each = blocks.is_none_or(|blocks| blocks == tiles.blocks());
                require("blocks", count, one_each, "left out, or the number of tiles")?;
                Box::new(tiles)
            }
            Self::RandomCosine { ratio } => {
                Box::new(RandomCosine::new(dim, measurements(*ratio, 1.0)?, count, seed))
            }
            Self::Fourier { mask, unknown } => {
                Box::new(FourierSamples::new(shape, mask.places(shape, count, seed)?, *unknown))
            }
            Self::CodedDiffraction { codes, unknown } => {
                Box::new(CodedDiffraction::new(shape, count, codes, *unknown, seed)?)
            }
            Self::Blur { kernels } => Box::new(blur(shape, count, kernels)?),
            Self::IntensityDiffraction(choice) => Box::new(choice.build(shape, count)?),
            Self::Tomography { views, detectors } => {
                let enough = "at least one view for every block";
                require("operator.views", views, *views >= count, enough)?;
                let some = detectors.is_none_or(|detectors| detectors >= 1);
                let found = detectors.unwrap_or_default();
                require("operator.detectors", found, some, "at least 1")?;
                Box::new(Tomography::new(shape, *views, count, *detectors))
            }
        })
    }
}
