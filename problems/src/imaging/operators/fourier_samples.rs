//! Samples of the Fourier transform, as in magnetic resonance imaging with one coil.

use num_complex::Complex;

use super::{Layout, Operator, Room, Unknown, complex_mut};
use crate::imaging::Measurements;
use crate::numerics::Fourier;

/// `A_i = M_i F`: the unitary transform at the frequencies of block `i`. No frequency is in two blocks.
///
/// Of a complex unknown `A A' = I`. A real unknown is seen by a frequency and its negative alike, and
/// the real part of the complex proximal map is not its proximal map unless the mask is its own
/// mirror image; the one here is (specification 2.8.3 of scalable PnP-ADMM).
#[derive(Debug)]
pub struct FourierSamples {
    fourier: Fourier,
    unknown: Unknown,
    /// Places of the frequencies of every block, in the order of its measurements.
    places: Vec<Vec<u32>>,
}

impl FourierSamples {
    /// `places[i]` are the frequencies of block `i`, as [`Fourier::place`] counts them.
    pub fn new([rows, columns]: [usize; 2], places: Vec<Vec<u32>>, unknown: Unknown) -> Self {
        Self { fourier: Fourier::new(rows, columns), unknown, places }
    }

    /// The frequencies of a block, in the order of its measurements.
    pub fn places(&self, block: usize) -> &[u32] {
        &self.places[block]
    }
}

impl Operator for FourierSamples {
    fn dim(&self) -> usize {
        self.unknown.planes() * self.fourier.size()
    }

    fn blocks(&self) -> usize {
        self.places.len()
    }

    fn entries(&self, block: usize) -> usize {
        self.places[block].len()
    }

    fn complex(&self) -> bool {
        true
    }

    /// The whole plane of frequencies with 0 at `(rows / 2, columns / 2)`, rounded down, as a mask has
    /// it; or its samples alone, row after row of that plane.
    fn layouts(&self) -> Vec<Layout<'_>> {
        let [rows, columns] = self.fourier.shape();
        let center = move |place: usize| {
            let (k, l) = (place / columns + rows / 2, place % columns + columns / 2);
            k % rows * columns + l % columns
        };
        let mut sampled: Vec<usize> =
            self.places.iter().flatten().map(|&place| center(place as usize)).collect();
        sampled.sort_unstable();
        let at = move |block: usize, entry: usize| center(self.places[block][entry] as usize);
        vec![
            Layout::new([("rows", rows), ("columns", columns)], at),
            Layout::new([("samples", sampled.len())], move |block, entry| {
                sampled.partition_point(|&other| other < at(block, entry))
            }),
        ]
    }

    fn room(&self) -> Room {
        let grid = vec![Complex::default(); self.fourier.size()];
        let lines = vec![Complex::default(); self.fourier.room()];
        Room { grids: vec![grid.clone(), grid], lines, numbers: vec![0.0; self.fourier.size()] }
    }

    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], room: &mut Room) {
        let Room { grids, lines, .. } = room;
        let [grid, frequencies, ..] = &mut grids[..] else { return };
        self.unknown.load(x, grid);
        self.fourier.forward(grid, frequencies, lines);
        for (y, &place) in complex_mut(y).iter_mut().zip(&self.places[block]) {
            *y = frequencies[place as usize];
        }
    }

    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], room: &mut Room) {
        let Room { grids, lines, .. } = room;
        let [grid, frequencies, ..] = &mut grids[..] else { return };
        frequencies.fill(Complex::default());
        let y: &[Complex<f64>] = bytemuck::cast_slice(y);
        for (y, &place) in y.iter().zip(&self.places[block]) {
            frequencies[place as usize] = *y;
        }
        self.fourier.inverse(frequencies, grid, lines);
        self.unknown.add(factor, grid, x);
    }

    fn norm_squared(&self, _block: usize) -> f64 {
        1.0
    }

    fn tight(&self, _terms: &[u32]) -> Option<f64> {
        (self.unknown == Unknown::Complex).then_some(1.0)
    }

    fn solves_least_squares(&self) -> bool {
        true
    }

    /// `Z = (U + w Y) / (1 + w M)` for a complex unknown. For a real one `M` and `Y` become
    /// `(M + J M)/2` and `(Y + J Ȳ)/2`, where `J` mirrors frequencies.
    fn least_squares(
        &self,
        terms: &[u32],
        weight: f64,
        data: &Measurements,
        v: &[f64],
        x: &mut [f64],
        room: &mut Room,
    ) {
        let Room { grids, lines, numbers } = room;
        let [grid, frequencies, ..] = &mut grids[..] else { return };
        self.unknown.load(v, grid);
        self.fourier.forward(grid, frequencies, lines);
        numbers.fill(1.0);
        for &term in terms {
            let y: &[Complex<f64>] = bytemuck::cast_slice(data.block(term as usize));
            for (y, &place) in y.iter().zip(&self.places[term as usize]) {
                let place = place as usize;
                match self.unknown {
                    Unknown::Complex => {
                        frequencies[place] += y.scale(weight);
                        numbers[place] += weight;
                    }
                    Unknown::Real => {
                        let (half, mirror) = (0.5 * weight, self.fourier.mirror(place));
                        frequencies[place] += y.scale(half);
                        numbers[place] += half;
                        frequencies[mirror] += y.conj().scale(half);
                        numbers[mirror] += half;
                    }
                }
            }
        }
        frequencies.iter_mut().zip(&*numbers).for_each(|(z, weight)| *z = z.unscale(*weight));
        self.fourier.inverse(frequencies, grid, lines);
        x.fill(0.0);
        self.unknown.add(1.0, grid, x);
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let samples: usize = self.places.iter().map(Vec::len).sum();
        let share = samples as f64 / self.fourier.size() as f64;
        vec![("operator", format!("{samples} Fourier samples, a share of {share:.4}"))]
    }
}
