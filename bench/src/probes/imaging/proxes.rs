//! Closed forms of proximal maps against searches.

use converge_problems::imaging::operators::{Codes, Mask, Unknown};
use converge_problems::imaging::{
    ImageChoice, Imaging, ImagingConfig, Loss, Noise, OperatorChoice,
};
use converge_problems::numerics::Fourier;
use converge_problems::numerics::vector::{axpy, norm};
use converge_problems::{Batch, BatchProx, Better, Metric, Problem, Seed, Split, require_positive};
use num_complex::Complex;
use serde::Deserialize;

use super::normals;
use crate::registry::{Probe, ProbeError};

/// The proximal maps of moduli of coded diffraction with a complex unknown, pixel by pixel of the
/// diffraction pattern: with `w = A v` and `w' = A x` the map minimises, of every pixel,
/// `|w' - w|²/2 + γ φ(w'; y)`. One row a data term, `amplitude`, `amplitude-l1`, `intensity`:
///
/// | column | number |
/// |---|---|
/// | `data-term` | 1, 2, 3 |
/// | `distance` | largest distance of `w'` from the best point on the ray through `w`, by a grid and golden sections |
/// | `excess` | largest excess of its value over the best of that and of `directions` points around `w'` |
///
/// Source: specification 2.8.6 and C27.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PhaselessProx {
    /// The image that is measured.
    pub image: ImageChoice,
    /// Penalty `γ`.
    pub penalty: f64,
    /// Points around every answer, off the ray too.
    pub directions: u32,
}

/// Points of the grid of moduli.
const GRID: u32 = 400;

impl Probe for PhaselessProx {
    const ID: &'static str = "phaseless-prox";
    const ABOUT: &'static str = "closed forms of coded diffraction against searches pixel by pixel";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![Metric::diagnostic("data-term"), lower("distance"), lower("excess")]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("penalty", self.penalty)?;
        for (loss, place) in
            [Loss::Amplitude, Loss::AmplitudeL1, Loss::Intensity].into_iter().zip(1_u32..)
        {
            let operator = OperatorChoice::CodedDiffraction {
                codes: Codes::Uniform,
                unknown: Unknown::Complex,
            };
            let config = ImagingConfig {
                data_term: loss,
                noise: Noise { snr_db: Some(25.0), impulses: None },
                ..ImagingConfig::new(self.image.clone(), operator)
            };
            let problem = Imaging::new(&config, seed)?;
            // Points near the image: moduli of both sides of the measured ones.
            let mut v = problem.truth().unwrap_or_default().to_vec();
            axpy(0.3, &normals(v.len(), seed.child("v")), &mut v);
            let mut x = vec![0.0; v.len()];
            let batch = Batch { terms: &[0], draw: seed };
            problem.batch_prox(
                batch,
                &v,
                self.penalty,
                &mut x,
                &mut problem.warm(),
                &mut problem.scratch(),
            );
            let [before, after] = [&v, &x].map(|point| patterns(&problem, point));
            let mut rng = seed.child("directions").rng();
            let (mut distance, mut excess) = (0.0_f64, f64::NEG_INFINITY);
            for ((w, found), y) in before.iter().zip(&after).zip(problem.data().block(0)) {
                let value = |z: Complex<f64>| {
                    0.5 * (z - w).norm_sqr() + self.penalty * term(loss, z.norm(), *y)
                };
                let ray = |rho: f64| *w / w.norm() * rho;
                let best =
                    search(2.0 * (w.norm() + y.abs().max(y.abs().sqrt())), |rho| value(ray(rho)));
                distance = distance.max((found - ray(best)).norm());
                let here = value(*found);
                excess = excess.max(here - value(ray(best)));
                for _ in 0..self.directions {
                    let size = 10.0_f64.powf(rand::RngExt::random_range(&mut rng, -4.0..0.0));
                    let angle = rand::RngExt::random_range(&mut rng, 0.0..std::f64::consts::TAU);
                    excess = excess.max(here - value(found + Complex::from_polar(size, angle)));
                }
            }
            push(&[f64::from(place), distance, excess]);
        }
        Ok(())
    }
}

/// `A x` as complex numbers.
fn patterns(problem: &Imaging, x: &[f64]) -> Vec<Complex<f64>> {
    let operator = problem.operator();
    let mut y = vec![0.0; 2 * operator.entries(0)];
    operator.forward(0, x, &mut y, &mut operator.room());
    y.chunks_exact(2).map(|pair| Complex::new(pair[0], pair[1])).collect()
}

/// The data term of a modulus, as its definition says.
fn term(loss: Loss, rho: f64, y: f64) -> f64 {
    match loss {
        Loss::AmplitudeL1 => (rho - y).abs(),
        Loss::Intensity => 0.5 * (rho * rho - y).powi(2),
        _ => 0.5 * (rho - y).powi(2),
    }
}

/// Where a function on `[0, end]` is least: the best point of a grid, then golden sections around it.
fn search(end: f64, value: impl Fn(f64) -> f64) -> f64 {
    let step = end / f64::from(GRID);
    let least = (0..=GRID)
        .map(|i| f64::from(i) * step)
        .reduce(|a, b| if value(b) < value(a) { b } else { a })
        .unwrap_or_default();
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = ((least - step).max(0.0), least + step);
    for _ in 0..60 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if value(a) < value(b) { high = b } else { low = a }
    }
    f64::midpoint(low, high)
}

/// Least squares with Fourier samples of a real image: what is left of the equation of optimality
/// `x - v + γ A'(A x - y) = 0`, over `‖v‖`. One row:
///
/// | column | number |
/// |---|---|
/// | `violation` | of the map with the symmetrised mask |
/// | `naive` | of the real part of the complex map, `Re Fᴴ((F v + γ y) / (1 + γ M))` |
///
/// Source: specification 2.8.3 and C28.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MaskedProx {
    /// The image that is measured.
    pub image: ImageChoice,
    /// Which frequencies.
    pub mask: Mask,
    /// Penalty `γ`.
    pub penalty: f64,
}

impl Probe for MaskedProx {
    const ID: &'static str = "masked-prox";
    const ABOUT: &'static str =
        "proximal map of Fourier samples of real images against its equation";

    fn columns(&self) -> Vec<Metric> {
        let lower = |name| Metric::new(name, Better::Lower, Split::None);
        vec![lower("violation"), lower("naive")]
    }

    fn run(&self, seed: Seed, push: &mut dyn FnMut(&[f64])) -> Result<(), ProbeError> {
        require_positive("penalty", self.penalty)?;
        let operator = OperatorChoice::Fourier { mask: self.mask.clone(), unknown: Unknown::Real };
        let config = ImagingConfig {
            noise: Noise { snr_db: Some(30.0), impulses: None },
            ..ImagingConfig::new(self.image.clone(), operator)
        };
        let problem = Imaging::new(&config, seed)?;
        let v = normals(problem.dim(), seed.child("v"));
        let mut x = vec![0.0; v.len()];
        let batch = Batch { terms: &[0], draw: seed };
        problem.batch_prox(
            batch,
            &v,
            self.penalty,
            &mut x,
            &mut problem.warm(),
            &mut problem.scratch(),
        );
        let naive = self.naive(&problem, &v, seed)?;
        push(&[self.residual(&problem, &v, &x), self.residual(&problem, &v, &naive)]);
        Ok(())
    }
}

impl MaskedProx {
    fn residual(&self, problem: &Imaging, v: &[f64], x: &[f64]) -> f64 {
        let (operator, data) = (problem.operator(), problem.data().block(0));
        let mut room = operator.room();
        let mut y = vec![0.0; data.len()];
        operator.forward(0, x, &mut y, &mut room);
        axpy(-1.0, data, &mut y);
        let mut left: Vec<f64> = x.iter().zip(v).map(|(x, v)| x - v).collect();
        operator.adjoint(0, self.penalty, &y, &mut left, &mut room);
        norm(&left) / norm(v)
    }

    /// The real part of the map for a complex unknown.
    fn naive(&self, problem: &Imaging, v: &[f64], seed: Seed) -> Result<Vec<f64>, ProbeError> {
        let [rows, columns] = problem.shape();
        let fourier = Fourier::new(rows, columns);
        let size = fourier.size();
        let places = self.mask.places([rows, columns], 1, seed.child("operator"))?;
        let mut grid: Vec<Complex<f64>> = v.iter().map(|v| Complex::new(*v, 0.0)).collect();
        let mut frequencies = vec![Complex::default(); size];
        let mut lines = vec![Complex::default(); fourier.room()];
        fourier.forward(&mut grid, &mut frequencies, &mut lines);
        let data = problem.data().block(0).chunks_exact(2);
        for (place, y) in places[0].iter().zip(data) {
            let z = &mut frequencies[*place as usize];
            *z = (*z + Complex::new(y[0], y[1]) * self.penalty) / (1.0 + self.penalty);
        }
        fourier.inverse(&mut frequencies, &mut grid, &mut lines);
        Ok(grid.iter().map(|z| z.re).collect())
    }
}
