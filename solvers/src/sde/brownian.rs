//! The Brownian motion that chains and diffusions share.

use converge_problems::numerics::{BLOCK, Normals};
use converge_problems::{Seed, SetupError, require};

use crate::ensemble::add_scaled_to;

/// Brownian increments of paths, a pure function of (seed, path, step of the chain, sub-increment).
///
/// Every step of the chain, of any length, has `substeps` independent sub-increments. An integrator
/// with as many steps or a divisor of it, and the chain itself, take normalised sums of them: the same
/// seed and `substeps` make two methods share one Brownian motion.
///
/// With `antithetic`, the paths `16k + 8 + l` are driven by the negative of the motion of the paths
/// `16k + l`, `l < 8`: means over such pairs lose the odd part of their noise, and their errors must be
/// taken over pairs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Brownian {
    normals: Normals,
    substeps: u64,
    antithetic: bool,
}

impl Brownian {
    /// The motion of `seed` with so many sub-increments in a step of the chain.
    pub fn new(seed: Seed, substeps: u64, antithetic: bool) -> Self {
        Self { normals: Normals::new(seed), substeps, antithetic }
    }

    /// Checks that a step of `parts` parts can be made from `substeps` sub-increments.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] naming `resolution` otherwise.
    pub(crate) fn require(substeps: u64, parts: u64) -> Result<(), SetupError> {
        let holds = substeps > 0 && parts > 0 && substeps.is_multiple_of(parts);
        require(
            "resolution",
            substeps,
            holds,
            "a multiple of the substeps, or of discriminator-steps",
        )
    }

    /// Writes the increment over one of `parts` equal parts of step `step`, divided by its standard
    /// deviation: standard normals for the paths `first..`. `out`: `noises x width`; `first` is a
    /// multiple of 16. `temporary`: `width`.
    ///
    /// # Panics
    /// If `parts` does not divide the sub-increments.
    pub fn fill(
        &self,
        step: u64,
        (part, parts): (u64, u64),
        first: usize,
        width: usize,
        out: &mut [f64],
        temporary: &mut [f64],
    ) {
        assert!(self.substeps.is_multiple_of(parts), "parts divide the sub-increments");
        let merged = self.substeps / parts;
        let start = step * self.substeps + part * merged;
        let scale = (merged as f64).sqrt().recip();
        for (noise, row) in out.chunks_exact_mut(width).enumerate() {
            self.normals.fill(start, noise, first, row);
            if merged > 1 {
                for sub in start + 1..start + merged {
                    self.normals.fill(sub, noise, first, temporary);
                    add_scaled_to(1.0, temporary, row);
                }
                row.iter_mut().for_each(|sum| *sum *= scale);
            }
            if self.antithetic {
                for block in row.chunks_mut(BLOCK) {
                    let (here, mirrored) = block.split_at_mut((BLOCK / 2).min(block.len()));
                    mirrored.iter_mut().zip(here).for_each(|(m, h)| *m = -*h);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(brownian: Brownian, part: (u64, u64)) -> Vec<f64> {
        let (mut out, mut temporary) = (vec![0.0; 3 * 40], vec![0.0; 40]);
        brownian.fill(5, part, 16, 40, &mut out, &mut temporary);
        out
    }

    #[test]
    fn parts_add_up_to_the_increment_of_the_step() {
        let brownian = Brownian::new(Seed::root(1), 12, false);
        let whole = part(brownian, (0, 1));
        for parts in [2, 3, 4, 6, 12] {
            let mut sum = vec![0.0; whole.len()];
            for i in 0..parts {
                add_scaled_to((parts as f64).sqrt().recip(), &part(brownian, (i, parts)), &mut sum);
            }
            // Sums of 12 numbers below 6 in another order.
            assert!(
                sum.iter().zip(&whole).all(|(a, b)| (a - b).abs() <= 24.0 * 6.0 * f64::EPSILON)
            );
        }
    }

    #[test]
    fn a_whole_step_is_standard_normal() {
        let brownian = Brownian::new(Seed::root(2), 8, false);
        let (mut out, mut temporary) = (vec![0.0; 1 << 20], vec![0.0; 1 << 20]);
        brownian.fill(0, (0, 1), 0, 1 << 20, &mut out, &mut temporary);
        let n = out.len() as f64;
        // 4 standard errors: each fails by chance once in 16,000 seeds.
        let mean = out.iter().sum::<f64>() / n;
        let square = out.iter().map(|x| x * x).sum::<f64>() / n;
        assert!(mean.abs() <= 4.0 / n.sqrt() && (square - 1.0).abs() <= 4.0 * (2.0 / n).sqrt());
    }

    #[test]
    fn antithetic_paths_mirror_their_partners() {
        let plain = part(Brownian::new(Seed::root(1), 4, false), (1, 2));
        let mirrored = part(Brownian::new(Seed::root(1), 4, true), (1, 2));
        for (plain, mirrored) in plain.chunks(40).zip(mirrored.chunks(40)) {
            for l in 0..40 {
                let expected = if l % 16 < 8 { plain[l] } else { -plain[l - 8] };
                assert_eq!(mirrored[l].to_bits(), expected.to_bits());
            }
        }
    }
}
