//! A profile as a figure draws it, with its bands.

use rand_pcg::Pcg64;

use super::Profiles;
use crate::align::quantile;
use crate::statistics::Interval;

/// A profile: right-continuous steps, 0 before the first place.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Band {
    /// Where the share rises, rising; finite.
    pub ratios: Vec<f64>,
    /// Share from there on.
    pub shares: Vec<f64>,
    /// Percentile interval at each place alone.
    pub pointwise: Vec<Interval>,
    /// `share ± c`, c the quantile of the largest distance over all places, clipped to [0, 1]: holds
    /// the whole profile at once.
    pub simultaneous: Vec<Interval>,
}

impl Profiles {
    /// The profile of each solver with bands from `draws` resamples, the same for all solvers.
    pub fn bands(&self, draws: usize, alpha: f64, rng: &mut Pcg64) -> Vec<Band> {
        let start = rng.clone();
        (0..self.ratios.len())
            .map(|solver| {
                *rng = start.clone();
                self.band(solver, draws, alpha, rng)
            })
            .collect()
    }

    fn band(&self, solver: usize, draws: usize, alpha: f64, rng: &mut Pcg64) -> Band {
        let ratios = &self.ratios[solver];
        let mut order: Vec<usize> =
            (0..ratios.len()).filter(|run| ratios[*run].is_finite()).collect();
        order.sort_by(|a, b| ratios[*a].total_cmp(&ratios[*b]));
        let steps: Vec<&[usize]> =
            order.chunk_by(|a, b| ratios[*a].total_cmp(&ratios[*b]).is_eq()).collect();
        let shares = |weights: &[f64]| -> Vec<f64> {
            steps
                .iter()
                .scan(0.0, |share, runs| {
                    *share += runs.iter().map(|run| weights[*run]).sum::<f64>();
                    Some(*share)
                })
                .collect()
        };
        let mut weights = self.weights();
        let mut band = Band {
            ratios: steps.iter().map(|runs| ratios[runs[0]]).collect(),
            shares: shares(&weights),
            ..Band::default()
        };
        let mut values = vec![Vec::with_capacity(draws); steps.len()];
        let mut farthest = Vec::with_capacity(draws);
        for _ in 0..draws {
            self.draw(&mut weights, rng);
            let drawn = shares(&weights);
            let distances =
                drawn.iter().zip(&band.shares).map(|(drawn, share)| (drawn - share).abs());
            farthest.push(distances.fold(0.0, f64::max));
            values.iter_mut().zip(drawn).for_each(|(values, share)| values.push(share));
        }
        farthest.sort_by(f64::total_cmp);
        let reach = quantile(&farthest, 1.0 - alpha);
        for (values, share) in values.iter_mut().zip(&band.shares) {
            values.sort_by(f64::total_cmp);
            band.pointwise.push(Interval::new(
                quantile(values, 0.5 * alpha),
                quantile(values, 1.0 - 0.5 * alpha),
            ));
            band.simultaneous
                .push(Interval::new((share - reach).max(0.0), (share + reach).min(1.0)));
        }
        band
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::{performance, test_costs};
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn a_band_follows_its_profile() {
        let costs: Vec<_> = test_costs().into_iter().cycle().take(20).collect();
        let found = performance(&costs).unwrap();
        let bands = found.bands(499, 0.05, &mut Pcg64::seed_from_u64(1));
        assert_eq!(bands.len(), 3);
        // Ratios 30/10, 60/50 and 21/7; the second problem is never solved.
        assert_eq!(bands[2].ratios, [1.2, 3.0]);
        for (solver, band) in bands.iter().enumerate() {
            for (ratio, share) in band.ratios.iter().zip(&band.shares) {
                assert_close(*share, found.share(solver, *ratio), 1e-12);
            }
            for ((share, point), all) in
                band.shares.iter().zip(&band.pointwise).zip(&band.simultaneous)
            {
                assert!(point.lower <= share + 1e-12 && share - 1e-12 <= point.upper);
                assert!(0.0 <= all.lower && all.lower <= *share + 1e-12);
                assert!(share - 1e-12 <= all.upper && all.upper <= 1.0);
            }
        }
    }

    #[test]
    fn the_simultaneous_band_is_as_wide_as_its_widest_place_asks() {
        let costs: Vec<_> = test_costs().into_iter().cycle().take(20).collect();
        let found = performance(&costs).unwrap();
        let band = &found.bands(499, 0.05, &mut Pcg64::seed_from_u64(2))[2];
        let half = |interval: &Interval| 0.5 * (interval.upper - interval.lower);
        // At a share of a quarter nothing is clipped.
        assert!(half(&band.simultaneous[0]) >= half(&band.pointwise[0]) - 1e-12);
        assert!(half(&band.simultaneous[0]) < 1.5 * half(&band.pointwise[0]));
    }

    #[test]
    fn all_solvers_meet_the_same_resamples_and_the_generator_moves_on() {
        let costs: Vec<_> = vec![vec![vec![1.0, 1.0], vec![2.0, 2.0]]; 10];
        let mut rng = Pcg64::seed_from_u64(3);
        let before = rng.clone();
        let bands = performance(&costs).unwrap().bands(99, 0.05, &mut rng);
        assert_eq!(bands[0], bands[1]);
        assert_ne!(before, rng);
    }
}
