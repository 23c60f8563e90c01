//! Noise of simulated measurements.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::numerics::vector::{axpy, norm};
use crate::{Seed, SetupError, require};

/// Noise that is added to simulated measurements. Both parts may be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Noise {
    /// Normal noise at this signal-to-noise ratio in dB over all blocks, exact and not only in
    /// expectation: `e = w (‖y‖ / ‖w‖) 10^(-snr/20)` for a standard normal `w`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
    /// Outliers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impulses: Option<Impulses>,
}

/// Bernoulli-Gaussian noise: each number of the measurements is hit with probability `share`, by a
/// normal number whose deviation is `scale` times that of the measurements about their mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Impulses {
    /// From 0 to 1.
    pub share: f64,
    /// At least 0.
    pub scale: f64,
}

impl Default for Impulses {
    fn default() -> Self {
        Self { share: 0.1, scale: 1.0 }
    }
}

impl std::fmt::Display for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.snr_db {
            None => f.write_str("no normal noise")?,
            Some(snr) => write!(f, "normal noise at {snr} dB")?,
        }
        match self.impulses {
            None => Ok(()),
            Some(Impulses { share, scale }) => write!(f, ", impulses {share} x {scale}"),
        }
    }
}

impl Noise {
    /// Adds the noise to the numbers of all blocks.
    pub(super) fn add(self, y: &mut [f64], seed: Seed) -> Result<(), SetupError> {
        let clean = y.to_vec();
        if let Some(snr) = self.snr_db {
            require("noise.snr-db", snr, snr.is_finite(), "a finite number")?;
            let mut rng = seed.child("normal").rng();
            let w: Vec<f64> = clean.iter().map(|_| StandardNormal.sample(&mut rng)).collect();
            axpy(norm(&clean) / norm(&w) * 10.0_f64.powf(-snr / 20.0), &w, y);
        }
        if let Some(Impulses { share, scale }) = self.impulses {
            require("noise.impulses.share", share, (0.0..=1.0).contains(&share), "from 0 to 1")?;
            let holds = scale >= 0.0 && scale.is_finite();
            require("noise.impulses.scale", scale, holds, "a finite number, at least 0")?;
            let mean = clean.iter().sum::<f64>() / clean.len() as f64;
            let square: f64 = clean.iter().map(|y| (y - mean).powi(2)).sum();
            let deviation = scale * (square / clean.len() as f64).sqrt();
            let mut rng = seed.child("impulses").rng();
            for y in y {
                let (hit, size): (f64, f64) = (rng.random(), StandardNormal.sample(&mut rng));
                if hit < share {
                    *y += deviation * size;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_exact() {
        let clean: Vec<f64> = (0..500).map(|i| f64::from(i % 13)).collect();
        let mut y = clean.clone();
        Noise { snr_db: Some(25.0), impulses: None }.add(&mut y, Seed::root(1)).unwrap();
        axpy(-1.0, &clean, &mut y);
        let found = 20.0 * (norm(&clean) / norm(&y)).log10();
        // Rounding of the sums, in units of 8.7 dB.
        assert!((found - 25.0).abs() <= 1e-11, "{found}");
    }

    #[test]
    fn impulses_hit_their_share() {
        let clean: Vec<f64> = (0..10_000).map(|i| f64::from(i % 7)).collect();
        let mut y = clean.clone();
        let noise =
            Noise { impulses: Some(Impulses { share: 0.1, scale: 3.0 }), ..Noise::default() };
        noise.add(&mut y, Seed::root(1)).unwrap();
        axpy(-1.0, &clean, &mut y);
        let hit = y.iter().filter(|e| e.abs() > 0.0).count() as f64;
        // Four deviations of a binomial number, √(10⁴ · 0.09) = 30.
        assert!((hit - 1000.0).abs() <= 120.0, "{hit}");
        let deviation = (y.iter().map(|e| e * e).sum::<f64>() / hit).sqrt();
        // The digits 0 to 6 have deviation 2; a deviation of 1000 numbers is good to 2.3 %.
        assert!((deviation / 6.0 - 1.0).abs() <= 4.0 * 0.023, "{deviation}");
    }

    #[test]
    fn impossible_noise_is_refused() {
        let noise =
            Noise { impulses: Some(Impulses { share: 1.5, scale: 1.0 }), ..Noise::default() };
        let message = noise.add(&mut [1.0], Seed::root(0)).unwrap_err().to_string();
        assert!(message.contains("noise.impulses.share = 1.5"), "{message}");
    }
}
