//! What a denoiser must satisfy, measured.

use converge_problems::imaging::{
    DenoiserChoice, ImageChoice, Imaging, ImagingConfig, ImagingScratch, OperatorChoice, Tangent,
    operators::Kernel,
};
use converge_problems::numerics::vector::{axpy, dot, norm};
use converge_problems::{Better, Denoise, Metric, Problem, Seed, Split, require, require_positive};
use serde::Deserialize;

use super::normals;
use crate::registry::{Probe, ProbeError};

/// Certificates of a denoiser `D` at a strength, around noisy images: `crops` rows, each of another
/// image (drawn ones and pictures without a number) and other noise.
///
/// | column | number |
/// |---|---|
/// | `firmness` | least `<Da - Db, a - b> / ‖Da - Db‖²` over the pairs: at least 1 if `D` is firmly nonexpansive |
/// | `expansion` | largest `‖Da - Db‖ / ‖a - b‖` over the pairs: at most 1 if `D` is nonexpansive |
/// | `residual-jacobian` | `‖J_R‖`, `R = I - D`, at a noisy image |
/// | `jacobian` | `‖J_D‖` |
/// | `reflected-jacobian` | `‖J_{2D - I}‖`: at most 1 if `D` is firmly nonexpansive |
///
/// Every second pair are two draws of the noise, the others are a tenth of its deviation apart.
/// Spectral norms are found by power iteration, so that they are
/// bounds from below: of networks with exact products with the Jacobian and its transpose
/// ([`Tangent`]), of other denoisers, whose Jacobians are symmetric, with central differences of 0.05
/// times the noise: a mean of Jacobians along the way, for which the bounds hold as well. A proximal
/// map is only as exact as its tolerance, and so are its differences.
///
/// Source: specification 4, 6.1 and C21 to C23.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DenoiserCertificate {
    /// The denoiser.
    pub denoiser: DenoiserChoice,
    /// Its strength.
    pub strength: f64,
    /// Images.
    pub image: ImageChoice,
    /// Deviation of the noise.
    pub noise: f64,
    /// Images with noise that are looked at.
    pub crops: u32,
    /// Pairs in all.
    pub pairs: u32,
    /// Power iterations of each norm.
    pub iterations: u32,
}

/// Length of a central difference, over the norm of the noise.
const STEP: f64 = 0.05;
/// How far the closer pairs are apart, over the norm of the noise.
const CLOSE: f64 = 0.1;

impl Probe for DenoiserCertificate {
    const ID: &'static str = "denoiser-certificate";
    const ABOUT: &'static str = "firmness and Jacobian norms of a denoiser on noisy images";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![
            Metric::diagnostic("crop"),
            Metric::new("firmness", Better::Higher, Split::None),
            lower("expansion"),
            lower("residual-jacobian"),
            lower("jacobian"),
            lower("reflected-jacobian"),
        ]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("strength", self.strength)?;
        require_positive("noise", self.noise)?;
        require("crops", self.crops, self.crops >= 1, "at least 1")?;
        require("pairs", self.pairs, self.pairs >= self.crops, "at least as many as crops")?;
        for crop in 0..self.crops {
            let seed = seed.child("crop").index(u64::from(crop));
            let mut map = Map::new(self, seed)?;
            let pairs = self.pairs * (crop + 1) / self.crops - self.pairs * crop / self.crops;
            let (mut firmness, mut expansion) = (f64::INFINITY, 0.0_f64);
            for pair in 0..u64::from(pairs) {
                let seed = seed.child("pair").index(pair);
                let a = map.noisy(seed.child("a"));
                let mut b = if pair % 2 == 0 { map.noisy(seed.child("b")) } else { a.clone() };
                if pair % 2 == 1 {
                    axpy(CLOSE * self.noise, &normals(b.len(), seed.child("b")), &mut b);
                }
                let (da, db) = (map.denoise(&a), map.denoise(&b));
                let gap: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
                let moved: Vec<f64> = da.iter().zip(&db).map(|(a, b)| a - b).collect();
                let square = dot(&moved, &moved);
                if square > 0.0 {
                    firmness = firmness.min(dot(&moved, &gap) / square);
                }
                expansion = expansion.max((square / dot(&gap, &gap)).sqrt());
            }
            let at = map.noisy(seed.child("at"));
            let norms = map.norms(&at, self.iterations, seed.child("power"));
            push(&[f64::from(crop), firmness, expansion, norms[0], norms[1], norms[2]]);
        }
        Ok(())
    }
}

/// A denoiser with an image.
struct Map {
    problem: Imaging,
    scratch: ImagingScratch,
    strength: f64,
    noise: f64,
    image: Vec<f64>,
}

impl Map {
    fn new(probe: &DenoiserCertificate, seed: Seed) -> Result<Self, ProbeError> {
        // An operator is part of every problem; this one changes nothing.
        let operator = OperatorChoice::Blur { kernels: vec![Kernel::Uniform(1)] };
        let config = ImagingConfig {
            denoiser: Some(probe.denoiser.clone()),
            ..ImagingConfig::new(probe.image.clone(), operator)
        };
        let problem = Imaging::new(&config, seed)?;
        let image = problem.truth().unwrap_or_default().to_vec();
        let scratch = problem.scratch();
        Ok(Self { problem, scratch, strength: probe.strength, noise: probe.noise, image })
    }

    fn noisy(&self, seed: Seed) -> Vec<f64> {
        let mut v = self.image.clone();
        axpy(self.noise, &normals(v.len(), seed), &mut v);
        v
    }

    fn denoise(&mut self, v: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; v.len()];
        self.problem.denoise(v, self.strength, &mut x, &mut self.scratch);
        x
    }

    /// `‖J_R‖`, `‖J_D‖` and `‖J_{2D - I}‖` at `v`. All are `‖own I + times J‖`.
    fn norms(&mut self, v: &[f64], iterations: u32, seed: Seed) -> [f64; 3] {
        let start = normals(v.len(), seed);
        let mut tangent = self.problem.denoiser_tangent(v, self.strength);
        [(1.0, -1.0), (0.0, 1.0), (-1.0, 2.0)].map(|(own, times)| {
            let mut u = start.clone();
            let mut largest = 0.0;
            for _ in 0..iterations {
                let length = norm(&u);
                if length == 0.0 {
                    break;
                }
                u.iter_mut().for_each(|u| *u /= length);
                let along = self.product(v, &u, tangent.as_mut(), false);
                let mut image: Vec<f64> =
                    along.iter().zip(&u).map(|(j, u)| own * u + times * j).collect();
                largest = norm(&image);
                let back = self.product(v, &image, tangent.as_mut(), true);
                image.iter_mut().zip(&back).for_each(|(i, j)| *i = own * *i + times * j);
                u = image;
            }
            largest
        })
    }

    /// `J u`, or `Jᵀ u`.
    fn product(
        &mut self,
        v: &[f64],
        u: &[f64],
        tangent: Option<&mut Tangent>,
        transposed: bool,
    ) -> Vec<f64> {
        if let Some(tangent) = tangent {
            let mut out = vec![0.0; u.len()];
            if transposed {
                tangent.apply_transposed(u, &mut out);
            } else {
                tangent.apply(u, &mut out);
            }
            return out;
        }
        let length = norm(u);
        if length == 0.0 {
            return vec![0.0; u.len()];
        }
        let step = STEP * self.noise * (v.len() as f64).sqrt() / length;
        let [ahead, behind] = [step, -step].map(|step| {
            let mut moved = v.to_vec();
            axpy(step, u, &mut moved);
            self.denoise(&moved)
        });
        ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * step)).collect()
    }
}
