//! Forward operators in blocks, each with its adjoint and with what it can solve in closed form.

mod blur;
mod coded;
mod convolution;
mod cosine;
mod fourier_samples;
mod illumination;
mod layout;
mod masks;
mod matrix;
pub(crate) mod norm;
#[cfg(test)]
mod tests;
mod tiles;
mod tomography;
mod unknown;

use bytemuck::cast_slice_mut;
use num_complex::Complex;

use super::Measurements;

pub use blur::{Kernel, blur};
pub use coded::{CodedDiffraction, Codes};
pub use convolution::Convolution;
pub use cosine::RandomCosine;
pub use fourier_samples::FourierSamples;
pub use illumination::{IntensityDiffractionChoice, Lights, TransferStorage};
pub use layout::Layout;
pub use masks::{Mask, VariableDensity};
pub use matrix::{Matrix, MatrixChoice, Pixels, gaussian};
pub use tiles::TiledGaussian;
pub use tomography::Tomography;
pub use unknown::Unknown;

/// A linear operator in `b` blocks, `A_i: R^dim -> R^m` or `C^m`.
///
/// A complex measurement is a pair of numbers, real part first, and the adjoint is that of the real
/// inner product `Re <A x, y>`: for a real unknown the real part of the complex adjoint. Points are as
/// [`Imaging`](super::Imaging) says. What a [`Room`] holds on entry never changes a result.
pub trait Operator: std::fmt::Debug + Send + Sync {
    /// Length of `x`.
    fn dim(&self) -> usize;

    /// Number of blocks `b`.
    fn blocks(&self) -> usize;

    /// Measurements of a block, a complex one counted once.
    fn entries(&self, block: usize) -> usize;

    /// Whether measurements are complex.
    fn complex(&self) -> bool;

    /// How arrays that hold all measurements may be laid out, the usual one first.
    fn layouts(&self) -> Vec<Layout<'_>> {
        vec![Layout::list("measurements", (0..self.blocks()).map(|block| self.entries(block)))]
    }

    /// Temporaries.
    fn room(&self) -> Room {
        Room::default()
    }

    /// `y ← A_i x`.
    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], room: &mut Room);

    /// `x ← x + factor A_i' y`.
    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], room: &mut Room);

    /// `‖A_i‖²`, exact or from above; for matrices of random numbers an estimate that is raised by its
    /// expected error.
    fn norm_squared(&self, block: usize) -> f64;

    /// `c` where the stacked blocks `terms`, which are distinct, have `A A' = c I`.
    fn tight(&self, _terms: &[u32]) -> Option<f64> {
        None
    }

    /// Whether [`least_squares`](Self::least_squares) has an answer for every batch.
    fn solves_least_squares(&self) -> bool {
        false
    }

    /// Writes `argmin_x ‖x - v‖²/2 + (weight/2) Σ ‖A_i x - y_i‖²`, the sum over the distinct blocks
    /// `terms`, in closed form.
    ///
    /// # Panics
    /// If [`solves_least_squares`](Self::solves_least_squares) is false.
    fn least_squares(
        &self,
        _terms: &[u32],
        _weight: f64,
        _data: &Measurements,
        _v: &[f64],
        _x: &mut [f64],
        _room: &mut Room,
    ) {
        unreachable!("asked only where it is offered");
    }

    /// Passes to measurements that are a unitary map of these, where least squares are cheaper that
    /// way; called once, with simulated or read measurements, if the data term is least squares.
    fn turn_unitarily(&mut self, _data: &mut Measurements) {}

    /// Facts for the header of every run.
    fn facts(&self) -> Vec<(&'static str, String)>;
}

/// Temporaries of an operator.
#[derive(Clone, Debug, Default)]
pub struct Room {
    pub(super) grids: Vec<Vec<Complex<f64>>>,
    pub(super) lines: Vec<Complex<f64>>,
    pub(super) numbers: Vec<f64>,
}

/// A vector of complex measurements.
fn complex_mut(y: &mut [f64]) -> &mut [Complex<f64>] {
    cast_slice_mut(y)
}
