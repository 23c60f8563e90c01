//! Real and complex unknowns.

use num_complex::Complex;
use serde::{Deserialize, Serialize};

/// What a pixel of the unknown is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// A real number: a point is one plane.
    #[default]
    Real,
    /// A complex number: a point is the plane of real parts and the plane of imaginary parts.
    Complex,
}

impl Unknown {
    /// Planes of a point.
    pub fn planes(self) -> usize {
        match self {
            Self::Real => 1,
            Self::Complex => 2,
        }
    }

    /// `grid ← x`.
    pub(super) fn load(self, x: &[f64], grid: &mut [Complex<f64>]) {
        match self {
            Self::Real => load(x, grid),
            Self::Complex => {
                let (re, im) = x.split_at(grid.len());
                for ((grid, re), im) in grid.iter_mut().zip(re).zip(im) {
                    *grid = Complex::new(*re, *im);
                }
            }
        }
    }

    /// `x ← x + factor grid`, of a real unknown the real part.
    pub(super) fn add(self, factor: f64, grid: &[Complex<f64>], x: &mut [f64]) {
        let (re, im) = x.split_at_mut(grid.len());
        re.iter_mut().zip(grid).for_each(|(x, grid)| *x += factor * grid.re);
        if self == Self::Complex {
            im.iter_mut().zip(grid).for_each(|(x, grid)| *x += factor * grid.im);
        }
    }
}

/// `grid ← x`, one real plane.
pub(super) fn load(x: &[f64], grid: &mut [Complex<f64>]) {
    grid.iter_mut().zip(x).for_each(|(grid, x)| *grid = Complex::new(*x, 0.0));
}
