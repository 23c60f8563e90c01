//! Which frequencies are sampled, and in which block.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::imaging::ArrayFile;
use crate::numerics::Fourier;
use crate::{Seed, SetupError, require, require_positive};

/// A mask of frequencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mask {
    /// This many lines through frequency 0 at the angles `0, π/L, 2π/L, ...`, points rounded half up to
    /// the grid. Line `l` is in block `l mod b`; a point of several lines is in the first one's.
    Radial(usize),
    /// Random frequencies, dense near 0.
    VariableDensity(VariableDensity),
    /// The nonzero pixels of an array, frequency 0 at `(rows / 2, columns / 2)`, rounded down; spread
    /// over the blocks at random.
    File(ArrayFile),
}

/// A share of all frequencies, drawn without replacement with probabilities that go with
/// `(1 - |k|)^power`, where `|k|` is the distance from 0 over the largest one; spread over the blocks
/// at random.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VariableDensity {
    /// Share of the frequencies, above 0, at most 1.
    pub ratio: f64,
    /// How fast the density falls.
    #[serde(default = "VariableDensity::default_power")]
    pub power: f64,
    /// Radius, in steps of the grid, within which every frequency is taken first.
    #[serde(default)]
    pub center: f64,
}

impl VariableDensity {
    fn default_power() -> f64 {
        3.0
    }
}

impl Mask {
    /// The frequencies of each of `blocks` blocks, as [`Fourier::place`] counts them.
    ///
    /// # Errors
    /// [`SetupError`] for impossible numbers, a file that does not fit, or a block without samples.
    pub fn places(
        &self,
        [rows, columns]: [usize; 2],
        blocks: usize,
        seed: Seed,
    ) -> Result<Vec<Vec<u32>>, SetupError> {
        let fourier = Fourier::new(rows, columns);
        let places = match self {
            Self::Radial(lines) => {
                let enough = "at least one line for every block";
                require("mask.radial", lines, *lines >= blocks, enough)?;
                radial(&fourier, [rows, columns], *lines, blocks)
            }
            Self::VariableDensity(density) => {
                spread(density.draw(&fourier, [rows, columns], seed)?, blocks, seed)
            }
            Self::File(file) => {
                let image = file.read()?.image()?;
                image.check_shape("rows and columns of the mask", [rows, columns])?;
                let half = [(rows / 2).cast_signed(), (columns / 2).cast_signed()];
                let nonzero = (0..rows * columns).filter(|&i| image.pixels[i].abs() > 0.0);
                let places = nonzero.map(|i| {
                    let (k, l) = ((i % rows).cast_signed(), (i / rows).cast_signed());
                    fourier.place(k - half[0], l - half[1]) as u32
                });
                spread(places.collect(), blocks, seed)
            }
        };
        let samples: usize = places.iter().map(Vec::len).sum();
        require("mask", format!("{samples} frequencies"), samples > 0, "a mask that samples some")?;
        let filled = places.iter().filter(|block| !block.is_empty()).count();
        let admissible = "at most as many as the mask has frequencies for";
        require("blocks", blocks, filled == blocks, admissible)?;
        Ok(places)
    }
}

fn radial(
    fourier: &Fourier,
    [rows, columns]: [usize; 2],
    lines: usize,
    blocks: usize,
) -> Vec<Vec<u32>> {
    let mut owners = BTreeMap::new();
    let half = [(rows / 2) as f64, (columns / 2) as f64];
    let nearest = |x: f64| (x + 0.5).floor() as isize;
    for line in 0..lines {
        let (sin, cos) = (std::f64::consts::PI * line as f64 / lines as f64).sin_cos();
        // Steps of one along the faster axis, to the border on both sides.
        let longest = sin.abs().max(cos.abs());
        let reach = half[0].max(half[1]) as isize;
        for step in -reach..=reach {
            let along = step as f64 / longest;
            let (k, l) = (along * sin, along * cos);
            let inside = |k: f64, n: usize| {
                let place = nearest(k) + (n / 2).cast_signed();
                (0..n.cast_signed()).contains(&place)
            };
            if inside(k, rows) && inside(l, columns) {
                let place = fourier.place(nearest(k), nearest(l)) as u32;
                owners.entry(place).or_insert(line % blocks);
            }
        }
    }
    let mut places = vec![Vec::new(); blocks];
    owners.iter().for_each(|(&place, &block)| places[block].push(place));
    places
}

/// A random share of `places` for every block, equally many but for one.
fn spread(mut places: Vec<u32>, blocks: usize, seed: Seed) -> Vec<Vec<u32>> {
    places.shuffle(&mut seed.child("blocks").rng());
    let cut = |i: usize| i * places.len() / blocks;
    let mut spread: Vec<Vec<u32>> =
        (0..blocks).map(|i| places[cut(i)..cut(i + 1)].to_vec()).collect();
    spread.iter_mut().for_each(|block| block.sort_unstable());
    spread
}

impl VariableDensity {
    fn draw(
        self,
        fourier: &Fourier,
        [rows, columns]: [usize; 2],
        seed: Seed,
    ) -> Result<Vec<u32>, SetupError> {
        let Self { ratio, power, center } = self;
        let share = ratio > 0.0 && ratio <= 1.0;
        require("mask.variable-density.ratio", ratio, share, "above 0, at most 1")?;
        require_positive("mask.variable-density.power", power)?;
        let admissible = "a finite number, at least 0";
        let holds = center >= 0.0 && center.is_finite();
        require("mask.variable-density.center", center, holds, admissible)?;
        let size = rows * columns;
        let distance = |place: usize| {
            let [k, l] = fourier.frequency(place);
            ((k * rows as f64).hypot(l * columns as f64), (2.0 * k).hypot(2.0 * l) / 2.0_f64.sqrt())
        };
        // Weighted sampling without replacement: the largest of u^(1/w) (Efraimidis and Spirakis,
        // Inf. Process. Lett. 97, 2006), as logarithms. A tiny weight keeps the farthest in the draw.
        let mut rng = seed.child("mask").rng();
        let mut keyed: Vec<(f64, u32)> = (0..size)
            .map(|place| {
                let u: f64 = rng.random();
                let (steps, relative) = distance(place);
                let weight = (1.0 - relative).max(0.0).powf(power) + 1e-12;
                let key = if steps <= center { f64::INFINITY } else { u.ln() / weight };
                (key, place as u32)
            })
            .collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let count = (ratio * size as f64).round() as usize;
        Ok(keyed[..count].iter().map(|(_, place)| *place).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(mask: &Mask, shape: [usize; 2], blocks: usize) -> Vec<Vec<u32>> {
        mask.places(shape, blocks, Seed::root(3)).unwrap()
    }

    #[test]
    fn two_radial_lines_are_the_axes() {
        let fourier = Fourier::new(6, 5);
        let mut found = places(&Mask::Radial(2), [6, 5], 2);
        found.iter_mut().for_each(|block| block.sort_unstable());
        let mut row: Vec<u32> = (-2..=2).map(|l| fourier.place(0, l) as u32).collect();
        row.sort_unstable();
        // Frequency 0 belongs to the first line.
        let mut column: Vec<u32> = [-3, -2, -1, 1, 2].map(|k| fourier.place(k, 0) as u32).to_vec();
        column.sort_unstable();
        assert_eq!(found, [row, column]);
    }

    #[test]
    fn no_frequency_is_in_two_blocks() {
        let density = VariableDensity { ratio: 0.3, power: 2.0, center: 2.0 };
        for mask in [Mask::Radial(11), Mask::VariableDensity(density)] {
            let blocks = places(&mask, [20, 15], 4);
            let mut all = blocks.concat();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!((all.len(), blocks.len()), (count, 4), "{mask:?}");
        }
    }

    #[test]
    fn variable_density_takes_its_share_and_all_of_the_center() {
        let density = VariableDensity { ratio: 0.2, power: 3.0, center: 3.0 };
        let fourier = Fourier::new(32, 24);
        let mut all = places(&Mask::VariableDensity(density), [32, 24], 3).concat();
        assert_eq!(all.len(), (0.2 * 32.0 * 24.0_f64).round() as usize);
        all.sort_unstable();
        for (k, l) in [(0, 0), (3, 0), (-2, 2), (0, -3)] {
            assert!(all.binary_search(&(fourier.place(k, l) as u32)).is_ok(), "({k}, {l})");
        }
        let near = all.iter().filter(|&&place| {
            let [k, l] = fourier.frequency(place as usize);
            k.hypot(l) < 0.25
        });
        // A quarter of the radius holds a fifth of the frequencies, and most of the samples.
        assert!(near.count() * 2 > all.len());
    }

    #[test]
    fn a_mask_that_samples_nothing_is_refused() {
        let nothing = VariableDensity { ratio: 1e-9, power: 1.0, center: 0.0 };
        for (mask, words) in [
            (Mask::VariableDensity(nothing), "mask = 0 frequencies is not admissible"),
            (Mask::Radial(0), "mask.radial = 0 is not admissible"),
        ] {
            let message = mask.places([8, 8], 1, Seed::root(0)).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        let few = VariableDensity { ratio: 0.05, power: 1.0, center: 0.0 };
        let message = Mask::VariableDensity(few).places([8, 8], 5, Seed::root(0)).unwrap_err();
        assert!(message.to_string().contains("blocks = 5"), "{message}");
    }
}
