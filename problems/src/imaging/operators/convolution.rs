//! Circular convolutions of several planes: blur, and microscopy with partially coherent light.

use num_complex::Complex;

use super::illumination::IntensityDiffraction;
use super::unknown::load;
use super::{Layout, Operator, Room, complex_mut};
use crate::imaging::Measurements;
use crate::numerics::Fourier;

/// Measurement `i` is the sum of the circular convolutions of the real planes `x_c` with kernels whose
/// transfer functions are `H_ic`; these are conjugate at opposite frequencies, so measurements are real:
///
/// ```text
/// A_i x = Fᴴ Σ_c H_ic F x_c
/// ```
///
/// Once [turned](Operator::turn_unitarily) measurements are `F A_i x`, complex, and least squares cost
/// one transform of every plane there and back, whatever the number of blocks.
#[derive(Debug)]
pub struct Convolution {
    fourier: Fourier,
    planes: usize,
    transfers: Transfers,
    /// `max_ν Σ_c |H_ic(ν)|²` of every block.
    norms: Vec<f64>,
    turned: bool,
    /// Whether the sums over all blocks are made and kept.
    precomputes: bool,
    sums: Option<Sums>,
    about: String,
}

/// Sums over all blocks, as the system of [`Operator::least_squares`] has them without their weight.
#[derive(Debug)]
struct Sums {
    /// `Σ h_iᴴ Y_i`, plane after plane.
    right: Vec<Complex<f64>>,
    /// The lower triangle of `Σ h_iᴴ h_i`.
    normal: Vec<Complex<f64>>,
}

/// Where transfer functions are.
#[derive(Debug)]
pub(super) enum Transfers {
    /// In memory: of every block the grids of all planes, one after the other. Block `i` has those
    /// number `i` modulo their number.
    Stored(Vec<Vec<Complex<f64>>>),
    /// Computed when they are asked for, so that memory does not grow with the blocks.
    Computed(Box<IntensityDiffraction>),
}

impl Transfers {
    /// The grids of all planes of a block.
    fn of<'a>(&'a self, block: usize, room: &'a mut [Complex<f64>]) -> &'a [Complex<f64>] {
        match self {
            Self::Stored(tables) => &tables[block % tables.len()],
            Self::Computed(source) => {
                source.write(block, room);
                room
            }
        }
    }
}

impl Convolution {
    pub(super) fn new(
        [rows, columns]: [usize; 2],
        blocks: usize,
        planes: usize,
        transfers: Transfers,
        about: String,
    ) -> Self {
        let fourier = Fourier::new(rows, columns);
        let size = fourier.size();
        let mut room = vec![Complex::default(); planes * size];
        let norm = |block| {
            let table = transfers.of(block, &mut room);
            let power =
                |place: usize| (0..planes).map(|c| table[c * size + place].norm_sqr()).sum::<f64>();
            (0..size).map(power).fold(0.0, f64::max)
        };
        let norms = (0..blocks).map(norm).collect();
        let (turned, precomputes, sums) = (false, false, None);
        Self { fourier, planes, transfers, norms, turned, precomputes, sums, about }
    }

    /// Makes the sums over all blocks once, when measurements are turned, so that the map of all of them
    /// costs the same for any number: `16 (c + c²)` bytes a pixel for `c` planes.
    #[must_use]
    pub(super) fn precomputing(mut self) -> Self {
        self.precomputes = true;
        self
    }

    /// Adds a block to the sums of its normal matrix and its right side, with a weight.
    fn accumulate(
        &self,
        block: usize,
        weight: f64,
        data: &Measurements,
        [right, tables, normal]: [&mut Vec<Complex<f64>>; 3],
    ) {
        let (size, planes) = (self.fourier.size(), self.planes);
        let y: &[Complex<f64>] = bytemuck::cast_slice(data.block(block));
        let table = self.transfers.of(block, tables);
        for c in 0..planes {
            let h = &table[c * size..][..size];
            for ((right, h), y) in right[c * size..][..size].iter_mut().zip(h).zip(y) {
                *right += h.conj() * y.scale(weight);
            }
            // The lower triangle, entry (c, d) of all frequencies together.
            for d in 0..=c {
                let normal = &mut normal[(c * planes + d) * size..][..size];
                let other = &table[d * size..][..size];
                for ((normal, h), other) in normal.iter_mut().zip(h).zip(other) {
                    *normal += h.conj() * other.scale(weight);
                }
            }
        }
    }

    /// Transfer functions of a block: the grids of all planes, frequencies row by row.
    pub fn transfer(&self, block: usize) -> Vec<Complex<f64>> {
        let mut room = vec![Complex::default(); self.planes * self.fourier.size()];
        self.transfers.of(block, &mut room).to_vec()
    }
}

impl Operator for Convolution {
    fn dim(&self) -> usize {
        self.planes * self.fourier.size()
    }

    fn blocks(&self) -> usize {
        self.norms.len()
    }

    fn entries(&self, _block: usize) -> usize {
        self.fourier.size()
    }

    fn complex(&self) -> bool {
        self.turned
    }

    /// One image a block.
    fn layouts(&self) -> Vec<Layout<'_>> {
        vec![Layout::images("blocks", self.blocks(), self.fourier.shape())]
    }

    fn room(&self) -> Room {
        let (size, planes) = (self.fourier.size(), self.planes);
        let computed = matches!(self.transfers, Transfers::Computed(_));
        let tables = if computed { planes } else { 0 };
        let normal = if self.turned { planes * planes } else { 0 };
        // Work, frequencies, measured, right sides, tables, and normal matrices.
        let grids = [1, 1, 1, planes, tables, normal];
        let grids = grids.map(|count| vec![Complex::default(); count * size]).into();
        let lines = vec![Complex::default(); self.fourier.room()];
        Room { grids, lines, numbers: Vec::new() }
    }

    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], room: &mut Room) {
        let Room { grids, lines, .. } = room;
        let [work, frequencies, sum, _, tables, ..] = &mut grids[..] else { return };
        let size = self.fourier.size();
        let table = self.transfers.of(block, tables);
        sum.fill(Complex::default());
        for (x, table) in x.chunks_exact(size).zip(table.chunks_exact(size)) {
            load(x, work);
            self.fourier.forward(work, frequencies, lines);
            for ((sum, h), u) in sum.iter_mut().zip(table).zip(&*frequencies) {
                *sum += h * u;
            }
        }
        if self.turned {
            complex_mut(y).copy_from_slice(sum);
        } else {
            self.fourier.inverse(sum, work, lines);
            y.iter_mut().zip(&*work).for_each(|(y, work)| *y = work.re);
        }
    }

    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], room: &mut Room) {
        let Room { grids, lines, .. } = room;
        let [work, frequencies, measured, _, tables, ..] = &mut grids[..] else { return };
        let size = self.fourier.size();
        if self.turned {
            measured.copy_from_slice(bytemuck::cast_slice(y));
        } else {
            load(y, work);
            self.fourier.forward(work, measured, lines);
        }
        let table = self.transfers.of(block, tables);
        for (x, table) in x.chunks_exact_mut(size).zip(table.chunks_exact(size)) {
            for ((to, h), y) in frequencies.iter_mut().zip(table).zip(&*measured) {
                *to = h.conj() * y;
            }
            self.fourier.inverse(frequencies, work, lines);
            x.iter_mut().zip(&*work).for_each(|(x, work)| *x += factor * work.re);
        }
    }

    fn norm_squared(&self, block: usize) -> f64 {
        self.norms[block]
    }

    fn solves_least_squares(&self) -> bool {
        self.turned
    }

    /// At every frequency `(I + w Σ_i h_iᴴ h_i) X = U + w Σ_i h_iᴴ Y_i`, where the row `h_i` holds the
    /// `H_ic` of all planes: a Hermitian system as large as the number of planes.
    fn least_squares(
        &self,
        terms: &[u32],
        weight: f64,
        data: &Measurements,
        v: &[f64],
        x: &mut [f64],
        room: &mut Room,
    ) {
        let (size, planes) = (self.fourier.size(), self.planes);
        let Room { grids, lines, .. } = room;
        for (v, c) in v.chunks_exact(size).zip(0..) {
            let [work, _, _, right, ..] = &mut grids[..] else { return };
            load(v, work);
            self.fourier.forward(work, &mut right[c * size..][..size], lines);
        }
        let [_, _, _, right, tables, normal, ..] = &mut grids[..] else { return };
        if let Some(sums) = self.sums.as_ref().filter(|_| terms.len() == self.blocks()) {
            for (to, sum) in right.iter_mut().zip(&sums.right) {
                *to += sum.scale(weight);
            }
            for (to, sum) in normal.iter_mut().zip(&sums.normal) {
                *to = sum.scale(weight);
            }
        } else {
            normal.fill(Complex::default());
            for &term in terms {
                self.accumulate(term as usize, weight, data, [right, tables, normal]);
            }
        }
        let [work, _, _, right, _, normal, ..] = &mut grids[..] else { return };
        solve(planes, size, normal, right);
        for (x, c) in x.chunks_exact_mut(size).zip(0..) {
            self.fourier.inverse(&mut right[c * size..][..size], work, lines);
            x.iter_mut().zip(&*work).for_each(|(x, work)| *x = work.re);
        }
    }

    fn turn_unitarily(&mut self, data: &mut Measurements) {
        let size = self.fourier.size();
        let mut turned = Measurements::zeros((0..data.blocks()).map(|_| 2 * size));
        let (mut grid, mut lines) =
            (vec![Complex::default(); size], vec![Complex::default(); self.fourier.room()]);
        for block in 0..data.blocks() {
            load(data.block(block), &mut grid);
            let y = complex_mut(turned.block_mut(block));
            self.fourier.forward(&mut grid, y, &mut lines);
        }
        *data = turned;
        self.turned = true;
        if self.precomputes {
            let zeros = |count: usize| vec![Complex::default(); count * size];
            let (mut right, mut normal) = (zeros(self.planes), zeros(self.planes * self.planes));
            let mut tables = zeros(self.planes);
            for block in 0..self.blocks() {
                self.accumulate(block, 1.0, data, [&mut right, &mut tables, &mut normal]);
            }
            self.sums = Some(Sums { right, normal });
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let bytes = match &self.transfers {
            Transfers::Stored(tables) => {
                tables.iter().map(Vec::len).sum::<usize>() * size_of::<Complex<f64>>()
            }
            Transfers::Computed(_) => 0,
        };
        vec![("operator", self.about.clone()), ("transfer-bytes", bytes.to_string())]
    }
}

/// Solves `(I + N) x = r` at every one of `size` frequencies, by Cholesky's factorisation; `n x n`
/// entries of `N` and `n` of `r`, each entry of all frequencies together. Answers replace `r`.
fn solve(n: usize, size: usize, normal: &mut [Complex<f64>], right: &mut [Complex<f64>]) {
    for place in 0..size {
        let at = |c: usize, d: usize| (c * n + d) * size + place;
        for c in 0..n {
            for d in 0..=c {
                let mut entry = normal[at(c, d)];
                if c == d {
                    entry += 1.0;
                }
                for k in 0..d {
                    entry -= normal[at(c, k)] * normal[at(d, k)].conj();
                }
                // I + N is at least I, so the pivots are at least 1.
                normal[at(c, d)] = if c == d {
                    Complex::new(entry.re.sqrt(), 0.0)
                } else {
                    entry.unscale(normal[at(d, d)].re)
                };
            }
        }
        for c in 0..n {
            let mut entry = right[c * size + place];
            for k in 0..c {
                entry -= normal[at(c, k)] * right[k * size + place];
            }
            right[c * size + place] = entry.unscale(normal[at(c, c)].re);
        }
        for c in (0..n).rev() {
            let mut entry = right[c * size + place];
            for k in c + 1..n {
                entry -= normal[at(k, c)].conj() * right[k * size + place];
            }
            right[c * size + place] = entry.unscale(normal[at(c, c)].re);
        }
    }
}
