//! Public networks against their published numbers.

use std::path::PathBuf;

use converge_problems::imaging::operators::Kernel;
use converge_problems::imaging::{
    DenoiserChoice, DenoiserMethod, ImageChoice, Imaging, ImagingConfig, OperatorChoice,
    PictureSet, SetChoice, psnr_db,
};
use converge_problems::numerics::vector::{axpy, norm};
use converge_problems::{
    Better, Denoise, Metric, Problem, Seed, SetupError, Split, require, require_positive,
};
use rayon::prelude::*;
use serde::Deserialize;

use super::normals;
use crate::registry::{Probe, ProbeError};

/// Networks on the image `((7 r + 3 c) mod 16)/15` of 16 x 16, against numbers of the frameworks that
/// the weights come from. One row a network:
///
/// | column | number |
/// |---|---|
/// | `network` | its place in the list, from 1 |
/// | `violation` | largest difference of the entries (0, 0), (7, 7), (15, 3); of the norm over 16; of the sum over 256 |
///
/// Source: C25.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkGolden {
    /// The networks.
    pub networks: Vec<Golden>,
}

/// A network and its numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Golden {
    /// Its file, as in the denoiser of a problem.
    pub path: PathBuf,
    /// The level it was trained at, or is told.
    pub strength: f64,
    /// Sum, norm, and the three entries of the denoised image.
    pub expected: [f64; 5],
}

impl Probe for NetworkGolden {
    const ID: &'static str = "network-golden";
    const ABOUT: &'static str = "public networks against numbers of their frameworks";

    fn columns(&self) -> Vec<Metric> {
        vec![Metric::diagnostic("network"), Metric::new("violation", Better::Lower, Split::None)]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        let v: Vec<f64> =
            (0..256).map(|i| f64::from((7 * (i % 16) + 3 * (i / 16)) % 16) / 15.0).collect();
        for (golden, place) in self.networks.iter().zip(1_u32..) {
            let problem = with_network(&golden.path, None, [16, 16], seed)?;
            let mut x = vec![0.0; 256];
            problem.denoise(&v, golden.strength, &mut x, &mut problem.scratch());
            let found = [x.iter().sum(), norm(&x), x[0], x[7 + 16 * 7], x[15 + 16 * 3]];
            let scale = [256.0, 16.0, 1.0, 1.0, 1.0];
            let gaps = (0..5).map(|i| (found[i] - golden.expected[i]).abs() / scale[i]);
            push(&[f64::from(place), gaps.fold(0.0, f64::max)]);
        }
        Ok(())
    }
}

/// A network on the first `pictures` pictures of BSD68 at full size, with noise of its level and no
/// clipping. One row a picture:
///
/// | column | number |
/// |---|---|
/// | `picture` | its number |
/// | `noisy-psnr`, `psnr` | before and after, in dB |
/// | `mean-psnr` | the mean of `psnr` so far |
///
/// Pictures are spread over the threads of the worker; no number depends on theirs. Source: C24.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkDenoising {
    /// The file of the network.
    pub path: PathBuf,
    /// Deviation of the noise, and the strength.
    pub noise: f64,
    /// At most 68.
    pub pictures: usize,
}

impl Probe for NetworkDenoising {
    const ID: &'static str = "network-denoising";
    const ABOUT: &'static str = "what a network leaves of the noise on BSD68";

    fn columns(&self) -> Vec<Metric> {
        let psnr = |name| Metric::new(name, Better::Higher, Split::None).in_unit("dB");
        vec![Metric::diagnostic("picture"), psnr("noisy-psnr"), psnr("psnr"), psnr("mean-psnr")]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("noise", self.noise)?;
        require("pictures", self.pictures, (1..=68).contains(&self.pictures), "from 1 to 68")?;
        let ratios: Result<Vec<[f64; 2]>, SetupError> =
            (1..=self.pictures).into_par_iter().map(|number| self.ratios(number, seed)).collect();
        let mut sum = 0.0;
        for ([noisy, psnr], place) in ratios?.into_iter().zip(1_u32..) {
            sum += psnr;
            push(&[f64::from(place), noisy, psnr, sum / f64::from(place)]);
        }
        Ok(())
    }
}

impl NetworkDenoising {
    fn ratios(&self, number: usize, seed: Seed) -> Result<[f64; 2], SetupError> {
        let set =
            SetChoice { name: PictureSet::Bsd68, number: Some(number), reduce: 1, side: None };
        let image = ImageChoice::Set(set);
        let problem = with_network(&self.path, Some(image), [1, 1], seed)?;
        let truth = problem.truth().unwrap_or_default();
        let mut v = truth.to_vec();
        axpy(self.noise, &normals(v.len(), seed.child("noise").index(number as u64)), &mut v);
        let mut x = vec![0.0; v.len()];
        problem.denoise(&v, self.noise, &mut x, &mut problem.scratch());
        Ok([psnr_db(&v, truth), psnr_db(&x, truth)])
    }
}

/// A problem with this denoiser; without an image it is of `shape` and gray.
fn with_network(
    path: &std::path::Path,
    image: Option<ImageChoice>,
    [rows, columns]: [usize; 2],
    seed: Seed,
) -> Result<Imaging, SetupError> {
    use converge_problems::imaging::{Phantom, PhantomKind};
    // Only its extents matter where there is no picture.
    let phantom = Phantom { kind: PhantomKind::ZonePlate, rows, columns };
    let image = image.unwrap_or(ImageChoice::Phantom(phantom));
    let method = DenoiserMethod::Network { path: path.to_owned() };
    let denoiser = DenoiserChoice { method, range: [0.0, 1.0], nonnegative: false, real: false };
    // An operator is part of every problem; this one changes nothing.
    let operator = OperatorChoice::Blur { kernels: vec![Kernel::Uniform(1)] };
    let config = ImagingConfig { denoiser: Some(denoiser), ..ImagingConfig::new(image, operator) };
    Imaging::new(&config, seed)
}
