//! Coded diffraction patterns.

use num_complex::Complex;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Operator, Room, Unknown, complex_mut};
use crate::Seed;
use crate::imaging::Measurements;
use crate::numerics::Fourier;

/// `A_i = F diag(a_i)` with the unitary transform `F` and codes of modulus 1, so that `A_i` is unitary
/// for a complex unknown, and `A_i' A_i = I` for a real one.
///
/// Source: "Online Regularization by Denoising with Applications to Phase Retrieval", ICCV Workshops
/// 2019, and its release for the codes of [`Codes::Signs`].
#[derive(Debug)]
pub struct CodedDiffraction {
    fourier: Fourier,
    unknown: Unknown,
    /// Grids of all blocks, column-major.
    codes: Vec<Vec<Complex<f64>>>,
}

/// Where the codes of coded diffraction come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codes {
    /// Phases uniform on the circle.
    #[default]
    Uniform,
    /// As the release of online RED draws them: real part `±U[0, 1]`, imaginary part `±√(1 - re²)`,
    /// signs independent. The phases crowd near `±π/2`.
    Signs,
}

impl CodedDiffraction {
    /// Draws the codes of `blocks` patterns of `rows x columns`.
    pub fn new(
        [rows, columns]: [usize; 2],
        blocks: usize,
        codes: Codes,
        unknown: Unknown,
        seed: Seed,
    ) -> Self {
        let code = |block: usize| {
            let mut rng = seed.index(block as u64).rng();
            let draw = |_| match codes {
                Codes::Uniform => Complex::cis(rng.random_range(0.0..std::f64::consts::TAU)),
                Codes::Signs => {
                    let mut sign = || if rng.random::<bool>() { 1.0 } else { -1.0 };
                    let signs = [sign(), sign()];
                    let re: f64 = rng.random();
                    Complex::new(signs[0] * re, signs[1] * (1.0 - re * re).sqrt())
                }
            };
            (0..rows * columns).map(draw).collect()
        };
        Self {
            fourier: Fourier::new(rows, columns),
            unknown,
            codes: (0..blocks).map(code).collect(),
        }
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

    fn norm_squared(&self, _block: usize) -> f64 {
        1.0
    }

    fn tight(&self, terms: &[u32]) -> Option<f64> {
        (self.unknown == Unknown::Complex && terms.len() == 1).then_some(1.0)
    }

    fn solves_least_squares(&self) -> bool {
        true
    }

    /// `A_i' A_i = I`, so `x = (v + w Σ A_i' y_i) / (1 + w p)`.
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
        let over = (1.0 + weight * terms.len() as f64).recip();
        x.iter_mut().for_each(|x| *x *= over);
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("operator", format!("coded diffraction, {} patterns", self.blocks()))]
    }
}
