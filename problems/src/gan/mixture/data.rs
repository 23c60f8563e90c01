//! Gaussian mixtures in the plane, and distances of samples from them.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::{Seed, SetupError, require, require_positive};

/// Where the modes are. All have the same weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mixture {
    /// On a circle about the origin.
    Ring {
        /// Number of modes, at least 1.
        modes: usize,
        /// Radius of the circle.
        radius: f64,
    },
    /// On a square grid about the origin.
    Grid {
        /// Modes along a side, at least 1.
        side: usize,
        /// Distance of neighbors.
        spacing: f64,
    },
}

impl Mixture {
    /// The centers of the modes.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] for sizes of zero.
    pub(super) fn centers(self) -> Result<Vec<[f64; 2]>, SetupError> {
        match self {
            Self::Ring { modes, radius } => {
                require(
                    "mixture.ring.modes",
                    modes,
                    (1..=1024).contains(&modes),
                    "from 1 to 1024",
                )?;
                require_positive("mixture.ring.radius", radius)?;
                let angle = |k: usize| std::f64::consts::TAU * k as f64 / modes as f64;
                let at = |k| [radius * f64::cos(angle(k)), radius * f64::sin(angle(k))];
                Ok((0..modes).map(at).collect())
            }
            Self::Grid { side, spacing } => {
                require("mixture.grid.side", side, (1..=32).contains(&side), "from 1 to 32")?;
                require_positive("mixture.grid.spacing", spacing)?;
                let middle = 0.5 * (side - 1) as f64;
                let at = |k: usize| spacing * (k as f64 - middle);
                Ok((0..side * side).map(|k| [at(k % side), at(k / side)]).collect())
            }
        }
    }
}

/// Writes a draw: a mode, then its Gaussian.
pub(super) fn draw(centers: &[[f64; 2]], deviation: f64, rng: &mut Pcg64, x: &mut [f64]) {
    let center = centers[rng.random_range(0..centers.len())];
    for (x, c) in x.iter_mut().zip(center) {
        let normal: f64 = StandardNormal.sample(rng);
        *x = c + deviation * normal;
    }
}

/// Unit vectors, evenly spaced over the half circle with a random first angle.
pub(super) fn directions(count: usize, seed: Seed) -> Vec<[f64; 2]> {
    let step = std::f64::consts::PI / count as f64;
    let first = step * seed.rng().random::<f64>();
    (0..count).map(|k| first + step * k as f64).map(|a| [a.cos(), a.sin()]).collect()
}

/// Projections of points onto a direction, sorted.
pub(super) fn projections(points: &[f64], direction: [f64; 2], out: &mut Vec<f64>) {
    out.clear();
    out.extend(points.chunks_exact(2).map(|x| x[0] * direction[0] + x[1] * direction[1]));
    out.sort_unstable_by(f64::total_cmp);
}

/// The 2-Wasserstein distance of two sorted samples of equal size on the line, squared.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_and_grids_are_centered() {
        for mixture in [
            Mixture::Ring { modes: 8, radius: 2.0 },
            Mixture::Ring { modes: 5, radius: 1.0 },
            Mixture::Grid { side: 5, spacing: 1.0 },
        ] {
            let centers = mixture.centers().unwrap();
            for k in 0..2 {
                assert!(centers.iter().map(|c| c[k]).sum::<f64>().abs() < 1e-14);
            }
        }
        let error = Mixture::Ring { modes: 0, radius: 1.0 }.centers().unwrap_err().to_string();
        assert!(error.starts_with("mixture.ring.modes = 0"), "{error}");
    }

    #[test]
    fn a_shift_moves_samples_by_its_length_over_the_root_of_two() {
        // The mean of (s·d)² over directions d in the plane is |s|²/2.
        let points: Vec<f64> = (0..200).map(|k| f64::from(k * 37 % 101)).collect();
        let moved: Vec<f64> =
            points.chunks_exact(2).flat_map(|x| [x[0] + 3.0, x[1] - 4.0]).collect();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let directions = directions(16, Seed::root(1));
        let mut sum = 0.0;
        for direction in &directions {
            projections(&points, *direction, &mut a);
            projections(&moved, *direction, &mut b);
            sum += squared_distance(&a, &b);
        }
        assert!((sum / 16.0 - 12.5).abs() < 1e-10, "{sum}");
    }
}
