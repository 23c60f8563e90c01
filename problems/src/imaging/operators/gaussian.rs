//! Random measurements by matrices of independent normal numbers.

use rand_distr::{Distribution, StandardNormal};

use super::{Operator, Room, norm};
use crate::Seed;
use crate::numerics::vector::{axpy, dot};

/// `A` of `m x n` entries `N(0, 1/m)`, its rows dealt to the blocks in groups of nearly equal size.
///
/// Holds `8 m n` bytes; a product reads them once.
#[derive(Debug)]
pub struct Gaussian {
    dim: usize,
    /// Rows of every block, one after the other.
    rows: Vec<Vec<f64>>,
    seed: Seed,
}

impl Gaussian {
    /// `measurements >= blocks >= 1`.
    pub fn new(dim: usize, measurements: usize, blocks: usize, seed: Seed) -> Self {
        let cut = |block: usize| block * measurements / blocks;
        let block = |i: usize| {
            let entries = (cut(i + 1) - cut(i)) * dim;
            normal(entries, measurements, seed.child("rows").index(i as u64))
        };
        Self { dim, rows: (0..blocks).map(block).collect(), seed }
    }
}

/// Numbers `N(0, 1/m)`.
fn normal(count: usize, m: usize, seed: Seed) -> Vec<f64> {
    let scale = (m as f64).sqrt().recip();
    let mut rng = seed.rng();
    (0..count)
        .map(|_| {
            let number: f64 = StandardNormal.sample(&mut rng);
            scale * number
        })
        .collect()
}

impl Operator for Gaussian {
    fn dim(&self) -> usize {
        self.dim
    }

    fn blocks(&self) -> usize {
        self.rows.len()
    }

    fn entries(&self, block: usize) -> usize {
        self.rows[block].len() / self.dim
    }

    fn complex(&self) -> bool {
        false
    }

    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], _room: &mut Room) {
        for (y, row) in y.iter_mut().zip(self.rows[block].chunks_exact(self.dim)) {
            *y = dot(row, x);
        }
    }

    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], _room: &mut Room) {
        for (y, row) in y.iter().zip(self.rows[block].chunks_exact(self.dim)) {
            axpy(factor * y, row, x);
        }
    }

    fn norm_squared(&self, block: usize) -> f64 {
        norm::squared(self, &[block], self.seed.child("norm").index(block as u64))
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let entries: usize = self.rows.iter().map(Vec::len).sum();
        vec![("operator", format!("gaussian, {} x {}", entries / self.dim, self.dim))]
    }
}

/// One [`Gaussian`] matrix for every tile of the image: block `i` measures tile `i` alone.
///
/// Tiles are squares, cut at the last row and column of them; a tile of `t` pixels gets
/// `round(ratio · t)` measurements, at least one, with entries `N(0, 1/m_t)`. Holds
/// `8 ratio · tile² n` bytes.
#[derive(Debug)]
pub struct TiledGaussian {
    shape: [usize; 2],
    tiles: Vec<Tile>,
    seed: Seed,
}

#[derive(Debug)]
struct Tile {
    /// First row and column.
    corner: [usize; 2],
    /// Rows and columns.
    extent: [usize; 2],
    /// Rows of the matrix, one after the other.
    matrix: Vec<f64>,
}

impl TiledGaussian {
    /// Tiles of `side >= 1` pixels, `0 < ratio`.
    pub fn new(shape: [usize; 2], side: usize, ratio: f64, seed: Seed) -> Self {
        let mut tiles = Vec::new();
        for column in (0..shape[1]).step_by(side) {
            for row in (0..shape[0]).step_by(side) {
                let extent = [side.min(shape[0] - row), side.min(shape[1] - column)];
                let pixels = extent[0] * extent[1];
                let measurements = ((ratio * pixels as f64).round() as usize).max(1);
                let draw = seed.child("tile").index(tiles.len() as u64);
                let matrix = normal(measurements * pixels, measurements, draw);
                tiles.push(Tile { corner: [row, column], extent, matrix });
            }
        }
        Self { shape, tiles, seed }
    }
}

impl Tile {
    /// The columns of the tile as ranges of a point of so many `rows`.
    fn columns(&self, rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        let [row, column] = self.corner;
        let [height, width] = self.extent;
        (column..column + width).map(move |c| rows * c + row..rows * c + row + height)
    }

    fn pixels(&self) -> usize {
        self.extent[0] * self.extent[1]
    }
}

impl Operator for TiledGaussian {
    fn dim(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    fn blocks(&self) -> usize {
        self.tiles.len()
    }

    fn entries(&self, block: usize) -> usize {
        self.tiles[block].matrix.len() / self.tiles[block].pixels()
    }

    fn complex(&self) -> bool {
        false
    }

    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], _room: &mut Room) {
        let tile = &self.tiles[block];
        let height = tile.extent[0];
        for (y, row) in y.iter_mut().zip(tile.matrix.chunks_exact(tile.pixels())) {
            let columns = tile.columns(self.shape[0]).zip(row.chunks_exact(height));
            *y = columns.map(|(place, row)| dot(row, &x[place])).sum();
        }
    }

    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], _room: &mut Room) {
        let tile = &self.tiles[block];
        let height = tile.extent[0];
        for (y, row) in y.iter().zip(tile.matrix.chunks_exact(tile.pixels())) {
            for (place, row) in tile.columns(self.shape[0]).zip(row.chunks_exact(height)) {
                axpy(factor * y, row, &mut x[place]);
            }
        }
    }

    fn norm_squared(&self, block: usize) -> f64 {
        norm::squared(self, &[block], self.seed.child("norm").index(block as u64))
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("operator", format!("gaussian in {} tiles", self.tiles.len()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_is_that_of_the_dense_matrix_within_its_margin() {
        let gaussian = Gaussian::new(60, 41, 3, Seed::root(4));
        for block in 0..3 {
            let m = gaussian.entries(block);
            let dense = faer::Mat::from_fn(m, 60, |i, j| gaussian.rows[block][i * 60 + j]);
            let values = dense.singular_values().unwrap();
            let largest = values[0] * values[0];
            let found = gaussian.norm_squared(block);
            let margin = 1.0 + 0.871 * 60.0_f64.ln() / 49.0;
            assert!(
                found >= largest && found <= largest * margin * (1.0 + 1e-12),
                "{found} {largest}"
            );
        }
    }

    #[test]
    fn rows_are_dealt_evenly_and_have_the_stated_variance() {
        let gaussian = Gaussian::new(50, 100, 7, Seed::root(4));
        let entries: Vec<usize> = (0..7).map(|i| gaussian.entries(i)).collect();
        assert_eq!(entries.iter().sum::<usize>(), 100);
        assert!(entries.iter().all(|&m| m == 14 || m == 15), "{entries:?}");
        let squares: f64 = gaussian.rows.iter().flatten().map(|a| a * a).sum();
        // 5000 squares of mean 1/100: the relative standard error is √(2/5000) = 0.02.
        assert!((squares / 50.0 - 1.0).abs() <= 4.0 * 0.02, "{squares}");
    }

    #[test]
    fn tiles_cover_the_image_once() {
        let tiled = TiledGaussian::new([10, 7], 4, 0.5, Seed::root(1));
        let mut seen = vec![0; 70];
        for tile in &tiled.tiles {
            tile.columns(10).flatten().for_each(|pixel| seen[pixel] += 1);
        }
        assert_eq!((seen, tiled.blocks()), (vec![1; 70], 6));
    }
}
