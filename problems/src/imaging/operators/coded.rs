//! Coded diffraction patterns.

use num_complex::Complex;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Layout, Operator, Room, Unknown, complex_mut};
use crate::imaging::{ArrayFile, Measurements};
use crate::numerics::Fourier;
use crate::{DataError, Seed, SetupError};

/// `A_i = F diag(a_i)` with the unitary transform `F`, so that `A_i' A_i = diag(|a_i|²)`. Where all codes
/// have modulus 1, `A_i` is unitary for a complex unknown.
///
/// Source: "Online Regularization by Denoising with Applications to Phase Retrieval", ICCV Workshops
/// 2019, and its release for the codes of [`Codes::Signs`].
#[derive(Debug)]
pub struct CodedDiffraction {
    fourier: Fourier,
    unknown: Unknown,
    /// Grids of all blocks, column-major.
    codes: Vec<Vec<Complex<f64>>>,
    /// `|a_i|²`, empty where all are 1.
    weights: Vec<Vec<f64>>,
}

/// Where the codes of coded diffraction come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codes {
    /// Phases uniform on the circle.
    #[default]
    Uniform,
    /// As the release of online RED draws them: real part `±U[0, 1]`, imaginary part `±√(1 - re²)`,
    /// signs independent. The phases crowd near `±π/2`.
    Signs,
    /// A complex or real array of patterns x rows x columns.
    File(ArrayFile),
}

/// Codes this close to modulus 1 are divided by it: what single precision leaves of one.
const ROUNDING: f64 = 1e-6;

impl CodedDiffraction {
    /// Draws or reads the codes of `blocks` patterns of `rows x columns`.
    ///
    /// # Errors
    /// [`SetupError`] for a file that cannot be read or does not fit, and for a pattern of zeros.
    pub fn new(
        shape @ [rows, columns]: [usize; 2],
        blocks: usize,
        codes: &Codes,
        unknown: Unknown,
        seed: Seed,
    ) -> Result<Self, SetupError> {
        if let Codes::File(file) = codes {
            return Self::read(shape, blocks, file, unknown);
        }
        let code = |block: usize| {
            let mut rng = seed.index(block as u64).rng();
            let draw = |_| match codes {
                Codes::Uniform | Codes::File(_) => {
                    Complex::cis(rng.random_range(0.0..std::f64::consts::TAU))
                }
                Codes::Signs => {
                    let mut sign = || if rng.random::<bool>() { 1.0 } else { -1.0 };
                    let signs = [sign(), sign()];
                    let re: f64 = rng.random();
                    Complex::new(signs[0] * re, signs[1] * (1.0 - re * re).sqrt())
                }
            };
            (0..rows * columns).map(draw).collect()
        };
        let codes = (0..blocks).map(code).collect();
        Ok(Self { fourier: Fourier::new(rows, columns), unknown, codes, weights: Vec::new() })
    }

    fn read(
        [rows, columns]: [usize; 2],
        blocks: usize,
        file: &ArrayFile,
        unknown: Unknown,
    ) -> Result<Self, SetupError> {
        let fourier = Fourier::new(rows, columns);
        let numbers = file.read()?;
        let error = |finding: String| DataError::new(&file.path, finding);
        let layout = Layout::images("patterns", blocks, [rows, columns]);
        if !layout.fits(&numbers.extents) {
            let found = &numbers.extents;
            return Err(error(format!("has extents {found:?}; the codes are {layout}")).into());
        }
        let value = |place: usize| {
            if numbers.complex {
                Complex::new(numbers.values[2 * place], numbers.values[2 * place + 1])
            } else {
                numbers.values[place].into()
            }
        };
        let size = fourier.size();
        let mut codes: Vec<Vec<Complex<f64>>> = (0..blocks)
            .map(|block| (0..size).map(|i| value((layout.place)(block, i))).collect())
            .collect();
        if let Some(block) = codes.iter().position(|code| code.iter().all(|a| a.norm() <= 0.0)) {
            return Err(error(format!("pattern {block} (from 0) lets nothing through")).into());
        }
        let unit = codes.iter().flatten().all(|a| (a.norm() - 1.0).abs() <= ROUNDING);
        let weights = if unit {
            codes.iter_mut().flatten().for_each(|a| *a = a.unscale(a.norm()));
            Vec::new()
        } else {
            codes.iter().map(|code| code.iter().map(Complex::norm_sqr).collect()).collect()
        };
        Ok(Self { fourier, unknown, codes, weights })
    }

    /// The code of a block, `rows x columns`, column-major.
    pub fn code(&self, block: usize) -> &[Complex<f64>] {
        &self.codes[block]
    }
}

impl Operator for CodedDiffraction {
    fn dim(&self) -> usize {
        self.unknown.planes() * self.fourier.size()
    }

    fn blocks(&self) -> usize {
        self.codes.len()
    }

    fn entries(&self, _block: usize) -> usize {
        self.fourier.size()
    }

    fn complex(&self) -> bool {
        true
    }

    /// One plane of frequencies a pattern, 0 first, as `numpy.fft.fft2` has them.
    fn layouts(&self) -> Vec<Layout<'_>> {
        let ([rows, columns], size) = (self.fourier.shape(), self.fourier.size());
        let axes = [("patterns", self.blocks()), ("rows", rows), ("columns", columns)];
        vec![Layout::new(axes, move |block, entry| block * size + entry)]
    }

    fn room(&self) -> Room {
        let grid = vec![Complex::default(); self.fourier.size()];
        let lines = vec![Complex::default(); self.fourier.room()];
        Room { grids: vec![grid.clone(), grid], lines, numbers: Vec::new() }
    }

    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], room: &mut Room) {
        let Room { grids, lines, .. } = room;
        let (grid, code) = (&mut grids[0], &self.codes[block]);
        match self.unknown {
            Unknown::Real => {
                for ((grid, a), x) in grid.iter_mut().zip(code).zip(x) {
                    *grid = a.scale(*x);
                }
            }
            Unknown::Complex => {
                let (re, im) = x.split_at(code.len());
                for (((grid, a), re), im) in grid.iter_mut().zip(code).zip(re).zip(im) {
                    *grid = a * Complex::new(*re, *im);
                }
            }
        }
        self.fourier.forward(grid, complex_mut(y), lines);
    }

    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], room: &mut Room) {
        let Room { grids, lines, .. } = room;
        let [grid, frequencies, ..] = &mut grids[..] else { return };
        frequencies.copy_from_slice(bytemuck::cast_slice(y));
        self.fourier.inverse(frequencies, grid, lines);
        let (re, im) = x.split_at_mut(grid.len());
        let turned = grid.iter().zip(&self.codes[block]).map(|(grid, a)| a.conj() * grid);
        if self.unknown == Unknown::Real {
            re.iter_mut().zip(turned).for_each(|(x, grid)| *x += factor * grid.re);
        } else {
            for ((re, im), grid) in re.iter_mut().zip(im).zip(turned) {
                *re += factor * grid.re;
                *im += factor * grid.im;
            }
        }
    }

    fn norm_squared(&self, block: usize) -> f64 {
        self.weights.get(block).map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max))
    }

    fn tight(&self, terms: &[u32]) -> Option<f64> {
        let unitary = self.unknown == Unknown::Complex && self.weights.is_empty();
        (unitary && terms.len() == 1).then_some(1.0)
    }

    fn solves_least_squares(&self) -> bool {
        true
    }

    /// `A_i' A_i = diag(|a_i|²)`, so `x = (v + w Σ A_i' y_i) / (1 + w Σ |a_i|²)`.
    fn least_squares(
        &self,
        terms: &[u32],
        weight: f64,
        data: &Measurements,
        v: &[f64],
        x: &mut [f64],
        room: &mut Room,
    ) {
        x.copy_from_slice(v);
        for &term in terms {
            let block = term as usize;
            self.adjoint(block, weight, data.block(block), x, room);
        }
        if self.weights.is_empty() {
            let over = (1.0 + weight * terms.len() as f64).recip();
            x.iter_mut().for_each(|x| *x *= over);
            return;
        }
        let size = self.fourier.size();
        for (i, x) in x.iter_mut().enumerate() {
            let power = terms.iter().map(|&term| self.weights[term as usize][i % size]);
            *x /= 1.0 + weight * power.sum::<f64>();
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("operator", format!("coded diffraction, {} patterns", self.blocks()))]
    }
}
