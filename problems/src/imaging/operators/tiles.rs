//! Random measurements tile by tile.

use super::matrix::normal;
use super::{Operator, Room, norm};
use crate::Seed;
use crate::numerics::vector::{axpy, dot};

/// One matrix of independent normal numbers for every tile of the image: block `i` measures tile `i` alone.
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
    fn tiles_cover_the_image_once() {
        let tiled = TiledGaussian::new([10, 7], 4, 0.5, Seed::root(1));
        let mut seen = vec![0; 70];
        for tile in &tiled.tiles {
            tile.columns(10).flatten().for_each(|pixel| seen[pixel] += 1);
        }
        assert_eq!((seen, tiled.blocks()), (vec![1; 70], 6));
    }
}
