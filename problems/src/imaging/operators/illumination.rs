//! Intensity diffraction tomography: a weakly scattering sample under light from many angles.

use num_complex::Complex;
use serde::{Deserialize, Serialize};

use super::Convolution;
use super::convolution::Transfers;
use crate::numerics::Fourier;
use crate::{SetupError, require, require_positive};

/// The linear model of intensity diffraction tomography under the first Born approximation.
///
/// The unknown is the contrast of permittivity, real part `ε_re` and imaginary part `ε_im`, in slices
/// at depths `z`; the intensity under light `i` less its background is, at frequency `ν`,
///
/// ```text
/// Y_i = Σ_z P_iz F ε_re,z + Q_iz F ε_im,z
/// P = ½ Δz k² { [C₋ sin φ₋ G₋ + C₊ sin φ₊ G₊] + j [C₋ cos φ₋ G₋ - C₊ cos φ₊ G₊] }
/// Q = ½ Δz k² { -[C₋ cos φ₋ G₋ + C₊ cos φ₊ G₊] + j [C₋ sin φ₋ G₋ - C₊ sin φ₊ G₊] }
/// η∓ = √(1 - λ² |ν ∓ ν_i|²),  η_i = √(1 - λ² |ν_i|²),  G∓ = 1/(k n₀ η∓),
/// φ∓ = k n₀ z (η∓ - η_i),  C∓ = 1 where |ν ∓ ν_i| <= NA/λ, else 0,  k = 2π/λ
/// ```
///
/// `P` vanishes at frequency 0: the phase channel does not see the mean. The tables are made conjugate
/// at opposite frequencies on the first row and column of an even grid too, where the grid does not
/// tell `ν` from `-ν`. All are divided by one number, so that `‖(1/b) Σ A_i' A_i‖ = 1`.
///
/// Planes of a point: `ε_re` of every slice, then, if asked for, `ε_im` of every slice.
///
/// Source: specification 3.5 of scalable PnP-ADMM (arXiv 2006.03224), after the open implementation of
/// annular illumination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct IntensityDiffractionChoice {
    /// `λ` in micrometres.
    pub wavelength: f64,
    /// `NA` of the objective, below 1.
    pub aperture: f64,
    /// Side of a pixel in the sample, in micrometres.
    pub pixel: f64,
    /// Refractive index `n₀` of the medium.
    pub index: f64,
    /// Thickness `Δz` of a slice in micrometres.
    pub thickness: f64,
    /// Depths `z` of the slices in micrometres.
    pub depths: Vec<f64>,
    /// Also the imaginary part.
    pub absorption: bool,
    /// Where the lights are.
    pub lights: Lights,
    /// Where the transfer functions are.
    pub transfers: TransferStorage,
    /// Least squares: sums over all lights are made once and kept, so that the proximal map of all of
    /// them costs no more than that of one.
    pub precomputed: bool,
}

/// Where the lights of intensity diffraction tomography are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lights {
    /// On the spiral of a sunflower that fills the aperture: light `i` at radius `√((i + ½)/b)`, each
    /// turned by the golden angle from the last.
    #[default]
    Spiral,
    /// On a ring at nine tenths of the aperture, equally spaced.
    Ring,
}

/// Where transfer functions are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferStorage {
    /// Computed once and kept: 16 bytes per pixel, block and plane.
    #[default]
    Memory,
    /// Computed anew whenever a block is used, the same to the bit.
    Recompute,
}

impl Default for IntensityDiffractionChoice {
    fn default() -> Self {
        Self {
            wavelength: 0.515,
            aperture: 0.65,
            pixel: 6.5 / 40.0,
            index: 1.33,
            thickness: 0.8,
            depths: vec![0.0],
            absorption: false,
            lights: Lights::Spiral,
            transfers: TransferStorage::Memory,
            precomputed: false,
        }
    }
}

impl IntensityDiffractionChoice {
    /// Planes of a point.
    pub fn planes(&self) -> usize {
        self.depths.len() * if self.absorption { 2 } else { 1 }
    }

    /// The operator for images of `rows x columns` and `blocks` lights.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] for impossible numbers, or tables that vanish.
    pub fn build(&self, shape: [usize; 2], blocks: usize) -> Result<Convolution, SetupError> {
        require_positive("wavelength", self.wavelength)?;
        require_positive("pixel", self.pixel)?;
        require_positive("index", self.index)?;
        require_positive("thickness", self.thickness)?;
        let aperture = self.aperture > 0.0 && self.aperture < 1.0;
        require("aperture", self.aperture, aperture, "above 0, below 1")?;
        let depths = !self.depths.is_empty() && self.depths.iter().all(|z| z.is_finite());
        require("depths", format!("{:?}", self.depths), depths, "at least one finite number")?;
        let mut source = IntensityDiffraction {
            choice: self.clone(),
            fourier: Fourier::new(shape[0], shape[1]),
            blocks,
            scale: 1.0,
        };
        let norm = source.norm();
        let admissible = "large enough that the grid has frequencies within the aperture";
        require("pixel", self.pixel, norm > 0.0, admissible)?;
        source.scale = norm.sqrt().recip();
        let about = format!("intensity diffraction, {blocks} lights, {} planes", self.planes());
        let transfers = match self.transfers {
            TransferStorage::Recompute => Transfers::Computed(Box::new(source)),
            TransferStorage::Memory => {
                Transfers::Stored((0..blocks).map(|block| source.table(block)).collect())
            }
        };
        let operator = Convolution::new(shape, blocks, self.planes(), transfers, about);
        Ok(if self.precomputed { operator.precomputing() } else { operator })
    }
}

/// The source of the transfer functions.
#[derive(Clone, Debug)]
pub(super) struct IntensityDiffraction {
    choice: IntensityDiffractionChoice,
    fourier: Fourier,
    blocks: usize,
    scale: f64,
}

impl IntensityDiffraction {
    /// Frequency of light `block` in cycles per micrometre.
    fn light(&self, block: usize) -> [f64; 2] {
        let reach = self.choice.aperture / self.choice.wavelength;
        let share = block as f64 / self.blocks as f64;
        let golden = std::f64::consts::PI * (3.0 - 5.0_f64.sqrt());
        let (radius, angle) = match self.choice.lights {
            Lights::Spiral => ((share + 0.5 / self.blocks as f64).sqrt(), golden * block as f64),
            Lights::Ring => (0.9, std::f64::consts::TAU * share),
        };
        [reach * radius * angle.sin(), reach * radius * angle.cos()]
    }

    fn table(&self, block: usize) -> Vec<Complex<f64>> {
        let mut table = vec![Complex::default(); self.choice.planes() * self.fourier.size()];
        self.write(block, &mut table);
        table
    }

    /// Writes the transfer functions of a block, plane after plane.
    pub(super) fn write(&self, block: usize, table: &mut [Complex<f64>]) {
        let size = self.fourier.size();
        let light = self.light(block);
        let planes = table.len() / size;
        for place in 0..size {
            let here = self.fourier.frequency(place);
            let mirror = self.fourier.mirror(place);
            let there = self.fourier.frequency(mirror);
            let slices = self.choice.depths.len();
            for plane in 0..planes {
                let (z, absorption) = (self.choice.depths[plane % slices], plane >= slices);
                let mut h = self.transfer(light, here, z, absorption);
                // Where -ν is another place its value is the conjugate already.
                if here.iter().zip(&there).any(|(a, b)| (a + b).abs() > 1e-12) {
                    let other = self.transfer(light, there, z, absorption);
                    h = (h + other.conj()).scale(0.5);
                }
                table[plane * size + place] = h.scale(self.scale);
            }
        }
    }

    fn transfer(&self, light: [f64; 2], turns: [f64; 2], z: f64, absorption: bool) -> Complex<f64> {
        let IntensityDiffractionChoice { wavelength, aperture, pixel, index, thickness, .. } =
            self.choice;
        let k = std::f64::consts::TAU / wavelength;
        let eta = |square: f64| (1.0 - wavelength.powi(2) * square).max(0.0).sqrt();
        let own = eta(light[0].powi(2) + light[1].powi(2));
        // (C cos φ G, C sin φ G) of ν ∓ ν_i.
        let side = |sign: f64| {
            let shifted = [turns[0] / pixel - sign * light[0], turns[1] / pixel - sign * light[1]];
            let square = shifted[0].powi(2) + shifted[1].powi(2);
            if square.sqrt() * wavelength > aperture {
                return (0.0, 0.0);
            }
            let eta = eta(square);
            let (sin, cos) = (k * index * z * (eta - own)).sin_cos();
            let green = (k * index * eta).recip();
            (cos * green, sin * green)
        };
        let (minus, plus) = (side(1.0), side(-1.0));
        let parts = if absorption {
            Complex::new(-(minus.0 + plus.0), minus.1 - plus.1)
        } else {
            Complex::new(minus.1 + plus.1, minus.0 - plus.0)
        };
        parts.scale(0.5 * thickness * k * k)
    }

    /// `‖(1/b) Σ A_i' A_i‖`: the largest eigenvalue over all frequencies of `(1/b) Σ h_iᴴ h_i`.
    fn norm(&self) -> f64 {
        let (size, planes) = (self.fourier.size(), self.choice.planes());
        let mut normal = vec![Complex::<f64>::default(); planes * planes * size];
        for block in 0..self.blocks {
            let table = self.table(block);
            for c in 0..planes {
                for d in 0..=c {
                    let normal = &mut normal[(c * planes + d) * size..][..size];
                    let (h, other) = (&table[c * size..][..size], &table[d * size..][..size]);
                    for ((normal, h), other) in normal.iter_mut().zip(h).zip(other) {
                        *normal += h.conj() * other;
                    }
                }
            }
        }
        let largest =
            |place: usize| {
                let at = |c: usize, d: usize| normal[(c * planes + d) * size + place];
                if planes == 1 {
                    return at(0, 0).re;
                }
                let matrix = faer::Mat::from_fn(planes, planes, |c, d| {
                    if c >= d { at(c, d) } else { at(d, c).conj() }
                });
                // Ascending; NaN where the iteration gives out, which the caller refuses.
                let values = matrix.self_adjoint_eigenvalues(faer::Side::Lower);
                values.ok().and_then(|values| values.last().copied()).unwrap_or(f64::NAN)
            };
        (0..size).map(largest).fold(0.0, f64::max) / self.blocks as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::Operator;
    use super::*;
    use crate::imaging::Measurements;

    fn choice(absorption: bool) -> IntensityDiffractionChoice {
        // Wider than the aperture needs, so that the pupil reaches the last frequencies.
        let depths = vec![-2.0, 1.5];
        IntensityDiffractionChoice { pixel: 0.3, depths, absorption, ..Default::default() }
    }

    #[test]
    fn tables_are_conjugate_at_opposite_frequencies_and_blind_to_the_mean_phase() {
        let fourier = Fourier::new(8, 6);
        let operator = choice(true).build([8, 6], 5).unwrap();
        for block in 0..5 {
            for (plane, table) in operator.transfer(block).chunks_exact(48).enumerate() {
                for (place, h) in table.iter().enumerate() {
                    let other = table[fourier.mirror(place)].conj();
                    assert!((h - other).norm() <= 1e-12, "block {block}, plane {plane}, {place}");
                }
                let seen = table[0].norm() > 1e-3;
                assert_eq!(seen, plane >= 2, "block {block}, plane {plane}");
            }
        }
    }

    #[test]
    fn the_mean_of_the_normal_operators_has_norm_one() {
        for absorption in [false, true] {
            let operator = choice(absorption).build([8, 6], 5).unwrap();
            let mut room = operator.room();
            let mut x: Vec<f64> =
                (0..operator.dim()).map(|i| f64::from(i as u32 * 37 % 11) - 5.0).collect();
            let mut y = vec![0.0; 48];
            let mut norm = 0.0;
            // The eigenvalues of a grid this small lie apart; 3000 steps reach the first.
            for _ in 0..3000 {
                let mut next = vec![0.0; x.len()];
                for block in 0..5 {
                    operator.forward(block, &x, &mut y, &mut room);
                    operator.adjoint(block, 0.2, &y, &mut next, &mut room);
                }
                norm = next.iter().map(|x| x * x).sum::<f64>().sqrt();
                x = next.iter().map(|x| x / norm).collect();
            }
            assert!((norm - 1.0).abs() <= 1e-6, "{absorption}: {norm}");
        }
    }

    #[test]
    fn sums_that_are_kept_are_those_of_all_blocks() {
        let plain = choice(true);
        let kept = IntensityDiffractionChoice { precomputed: true, ..plain.clone() };
        let answers = [plain, kept].map(|choice| {
            let mut operator = choice.build([8, 6], 5).unwrap();
            let mut data = Measurements::zeros([48; 5]);
            let number = |i: usize| ((i * 37) % 101) as f64 / 101.0 - 0.5;
            data.values_mut().iter_mut().enumerate().for_each(|(i, y)| *y = number(i));
            operator.turn_unitarily(&mut data);
            let v: Vec<f64> = (0..operator.dim()).map(|i| number(i + 7)).collect();
            let mut room = operator.room();
            [vec![0, 1, 2, 3, 4], vec![1, 3]].map(|terms| {
                let mut x = vec![0.0; v.len()];
                operator.least_squares(&terms, 3.0, &data, &v, &mut x, &mut room);
                x
            })
        });
        for (plain, kept) in answers[0].iter().flatten().zip(answers[1].iter().flatten()) {
            assert!((plain - kept).abs() <= 1e-13, "{plain} {kept}");
        }
    }

    #[test]
    fn tables_computed_anew_are_those_that_are_kept() {
        let kept = choice(true);
        let again =
            IntensityDiffractionChoice { transfers: TransferStorage::Recompute, ..kept.clone() };
        let (kept, again) = (kept.build([8, 6], 3).unwrap(), again.build([8, 6], 3).unwrap());
        for block in 0..3 {
            let pairs = kept.transfer(block).into_iter().zip(again.transfer(block));
            for (a, b) in pairs {
                assert_eq!((a.re.to_bits(), a.im.to_bits()), (b.re.to_bits(), b.im.to_bits()));
            }
        }
    }
}
