//! Random measurements without a matrix.

use rand::RngExt;
use rand::seq::SliceRandom;
use rustdct::{DctPlanner, TransformType2And3};
use std::sync::Arc;

use super::{Operator, Room};
use crate::Seed;

/// `A = √(n/m) S C D`: random signs `D`, the orthonormal cosine transform `C` of type II of the whole
/// image as one line, `m` of its `n` numbers drawn without replacement and dealt to the blocks.
///
/// Stands in for a matrix of normal numbers where that does not fit: `A A' = (n/m) I`, so that the
/// proximal map of every data term has a closed form; a product costs one transform.
#[derive(Clone)]
pub struct RandomCosine {
    signs: Vec<f64>,
    transform: Arc<dyn TransformType2And3<f64>>,
    /// Places of the numbers of every block.
    places: Vec<Vec<u32>>,
    /// `√(n/m)`.
    scale: f64,
}

impl std::fmt::Debug for RandomCosine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RandomCosine({} blocks of {} numbers)", self.places.len(), self.signs.len())
    }
}

impl RandomCosine {
    /// `dim >= measurements >= blocks >= 1`.
    pub fn new(dim: usize, measurements: usize, blocks: usize, seed: Seed) -> Self {
        let mut rng = seed.child("signs").rng();
        let signs = (0..dim).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect();
        let mut all: Vec<u32> = (0..dim as u32).collect();
        all.shuffle(&mut seed.child("rows").rng());
        let cut = |block: usize| block * measurements / blocks;
        let places = (0..blocks).map(|i| {
            let mut places = all[cut(i)..cut(i + 1)].to_vec();
            places.sort_unstable();
            places
        });
        let transform = DctPlanner::new().plan_dct2(dim);
        let scale = (dim as f64 / measurements as f64).sqrt();
        Self { signs, transform, places: places.collect(), scale }
    }

    /// What the transform of type II lacks to be orthonormal at `place`, times `√(n/m)`.
    fn factor(&self, place: u32) -> f64 {
        let n = self.signs.len() as f64;
        self.scale * if place == 0 { n.recip().sqrt() } else { (2.0 / n).sqrt() }
    }
}

impl Operator for RandomCosine {
    fn dim(&self) -> usize {
        self.signs.len()
    }

    fn blocks(&self) -> usize {
        self.places.len()
    }

    fn entries(&self, block: usize) -> usize {
        self.places[block].len()
    }

    fn complex(&self) -> bool {
        false
    }

    fn room(&self) -> Room {
        let numbers = self.signs.len() + self.transform.get_scratch_len();
        Room { numbers: vec![0.0; numbers], ..Room::default() }
    }

    fn forward(&self, block: usize, x: &[f64], y: &mut [f64], room: &mut Room) {
        let (line, scratch) = room.numbers.split_at_mut(self.signs.len());
        for ((line, x), sign) in line.iter_mut().zip(x).zip(&self.signs) {
            *line = sign * x;
        }
        self.transform.process_dct2_with_scratch(line, scratch);
        for (y, &place) in y.iter_mut().zip(&self.places[block]) {
            *y = self.factor(place) * line[place as usize];
        }
    }

    fn adjoint(&self, block: usize, factor: f64, y: &[f64], x: &mut [f64], room: &mut Room) {
        let (line, scratch) = room.numbers.split_at_mut(self.signs.len());
        line.fill(0.0);
        for (y, &place) in y.iter().zip(&self.places[block]) {
            // The transform of type III halves its first number.
            let twice = if place == 0 { 2.0 } else { 1.0 };
            line[place as usize] = twice * self.factor(place) * y;
        }
        self.transform.process_dct3_with_scratch(line, scratch);
        for ((x, line), sign) in x.iter_mut().zip(&*line).zip(&self.signs) {
            *x += factor * sign * line;
        }
    }

    fn norm_squared(&self, _block: usize) -> f64 {
        self.scale * self.scale
    }

    fn tight(&self, _terms: &[u32]) -> Option<f64> {
        Some(self.scale * self.scale)
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let measurements: usize = self.places.iter().map(Vec::len).sum();
        let text = format!("random cosine, {measurements} x {}", self.signs.len());
        vec![("operator", text)]
    }
}
