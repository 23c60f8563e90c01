//! Ensembles: many paths of one method, advanced side by side.
//!
//! The iterate is one flat array, `paths x dim`, a point after the other. Paths are cut into a fixed
//! number of chunks that threads take; every chunk keeps its own buffers, so a step allocates nothing.
//! Within a chunk, diffusions advance a *tile* of paths at a time, turned into lanes (coordinate-major)
//! for as many substeps as a step has: memory is read and written once a step. No path looks at another
//! and its noise depends on its number alone, so that neither the cut nor the threads change a bit.

mod kernels;

use converge_problems::{SetupError, TILE, numerics::BLOCK};
use pulp::{Arch, Simd, WithSimd};

use crate::Breakdown;
pub(crate) use kernels::{add_scaled_to, advance, advance_each};

/// Chunks of an ensemble. Divisible by 1, 2, 3, 4, 6, 8, 12: even loads for usual numbers of threads.
const CHUNKS: usize = 24;
/// A path is lost beyond this many times the largest coordinate of the start, or 1 if that is larger: noise
/// leads away from a start near the origin.
const FAR: f64 = 1e6;

/// The paths of a method, with temporaries `W` of every chunk and what every path owns, `E`.
#[derive(Clone)]
pub(crate) struct Ensemble<W, E> {
    /// `paths x dim` numbers from `first`, which begin a cache line.
    x: Vec<f64>,
    first: usize,
    dim: usize,
    /// Paths of a tile.
    tile: usize,
    /// Temporaries of a lane or path.
    work: usize,
    chunks: Vec<Chunk<W, E>>,
    /// Largest coordinate of a path that is not lost.
    bound: f64,
}

#[derive(Clone)]
struct Chunk<W, E> {
    /// Paths of the chunk: whole tiles, but for the last.
    paths: usize,
    /// Of each path, or empty.
    own: Vec<E>,
    scratch: W,
    /// The tile in lanes, `dim x width`, then the temporaries of the method, with room to begin a cache
    /// line: registers of 64 bytes that cross one are loaded and stored at half the speed.
    room: Vec<f64>,
    lost: bool,
}

/// Numbers of a cache line.
const LINE: usize = 8;

/// Index of the first number that begins a cache line; there are at least [`LINE`] numbers.
fn line_start(x: &[f64]) -> usize {
    x.as_ptr().align_offset(size_of::<[f64; LINE]>()).min(LINE - 1)
}

/// How paths are cut.
#[derive(Clone, Copy)]
pub(crate) enum Grain {
    /// One path at a time; every path may be a task.
    Path,
    /// Tiles in lanes; a task is at least one whole tile.
    Tile,
}

/// A tile in the hands of a method.
pub(crate) struct Lanes<'a, W, E> {
    /// Number of the first path, a multiple of [`BLOCK`].
    pub(crate) first: usize,
    /// Paths in the tile.
    pub(crate) width: usize,
    /// `dim x width`.
    pub(crate) x: &'a mut [f64],
    /// What the paths own; empty if nothing.
    pub(crate) own: &'a mut [E],
    /// As many numbers a lane as the ensemble was made with; what they hold is arbitrary.
    pub(crate) work: &'a mut [f64],
    /// Temporaries of the oracles.
    pub(crate) scratch: &'a mut W,
}

/// What a method does to a tile. Runs under run-time dispatch, so that implementations, and the oracles
/// they call, are `#[inline(always)]` where their loops are to use the widest registers.
pub(crate) trait AdvanceLanes<W, E>: Sync {
    fn advance(&self, lanes: Lanes<'_, W, E>);
}

/// A path in the hands of a method.
pub(crate) struct Path<'a, W, E> {
    /// `dim`.
    pub(crate) x: &'a mut [f64],
    /// What it owns.
    pub(crate) own: &'a mut E,
    /// As many numbers as the ensemble was made with; what they hold is arbitrary.
    pub(crate) work: &'a mut [f64],
    /// Temporaries of the oracles.
    pub(crate) scratch: &'a mut W,
}

impl<W: Clone + Send, E: Clone + Send> Ensemble<W, E> {
    /// Starts at `x0`. `work` is the count of temporaries of a lane or path, `own` gives what a path owns by
    /// its number; lanes may own nothing.
    ///
    /// # Errors
    /// [`SetupError::Shape`] if `x0` does not hold `paths` points.
    pub(crate) fn new(
        x0: &[f64],
        (paths, dim): (usize, usize),
        grain: Grain,
        work: usize,
        scratch: W,
        own: impl Fn(usize) -> Option<E>,
    ) -> Result<Self, SetupError> {
        let (expected, found) = (paths * dim, x0.len());
        if expected != found || found == 0 {
            return Err(SetupError::Shape { what: "start points of all paths", expected, found });
        }
        // Narrower with more coordinates, so that a tile and its buffers stay in the nearest cache.
        let tile = match grain {
            Grain::Path => 1,
            Grain::Tile => (2 * TILE / dim).clamp(BLOCK, TILE) / BLOCK * BLOCK,
        };
        // As even as whole tiles can be.
        let tiles = paths.div_ceil(tile);
        let count = tiles.min(CHUNKS);
        let start = |c: usize| (c * tiles / count * tile).min(paths);
        let width = tile.min(paths);
        let chunks = (0..count).map(|c| start(c)..start(c + 1)).map(|paths| Chunk {
            paths: paths.len(),
            own: paths.filter_map(&own).collect(),
            scratch: scratch.clone(),
            room: vec![0.0; (dim + work) * width + LINE],
            lost: false,
        });
        let bound = FAR * x0.iter().fold(1.0_f64, |largest, x| largest.max(x.abs()));
        let chunks = chunks.collect();
        let mut x = vec![0.0; found + LINE];
        let first = line_start(&x);
        x[first..first + found].copy_from_slice(x0);
        x.truncate(first + found);
        Ok(Self { x, first, dim, tile, work, chunks, bound })
    }

    /// `paths x dim`.
    pub(crate) fn points(&self) -> &[f64] {
        &self.x[self.first..]
    }

    /// What the paths own, in their order.
    pub(crate) fn own(&self) -> impl Iterator<Item = &E> {
        self.chunks.iter().flat_map(|chunk| &chunk.own)
    }

    /// Advances all tiles.
    ///
    /// # Errors
    /// [`Breakdown::Diverged`] once a path is lost.
    pub(crate) fn advance_lanes(
        &mut self,
        method: &impl AdvanceLanes<W, E>,
    ) -> Result<(), Breakdown> {
        let (dim, tile, per_lane, bound) = (self.dim, self.tile, self.work, self.bound);
        self.each_chunk(|first, points, chunk| {
            let Chunk { own, scratch, room, lost, .. } = chunk;
            let start = line_start(room);
            let room = &mut room[start..];
            let mut owners = own.chunks_mut(tile);
            for (t, points) in points.chunks_mut(tile * dim).enumerate() {
                let (first, width) = (first + t * tile, points.len() / dim);
                let own = owners.next().unwrap_or_default();
                let (x, work) = room.split_at_mut(width * dim);
                let work = &mut work[..per_lane * width];
                let lanes = Lanes { first, width, x, own, work, scratch };
                let within = Arch::new().dispatch(Turn { method, points, lanes, bound });
                *lost |= !within;
            }
        })
    }

    /// Advances all paths, one by one.
    ///
    /// # Errors
    /// [`Breakdown::Diverged`] once a path is lost.
    pub(crate) fn advance_paths(
        &mut self,
        advance: impl Fn(Path<'_, W, E>) + Sync,
    ) -> Result<(), Breakdown> {
        let (dim, per_path, bound) = (self.dim, self.work, self.bound);
        self.each_chunk(|_, points, chunk| {
            let Chunk { own, scratch, room: work, lost, .. } = chunk;
            let work = &mut work[..per_path];
            for (x, own) in points.chunks_exact_mut(dim).zip(own) {
                advance(Path { x, own, work, scratch });
                // NaN is beyond every bound.
                *lost |= !x.iter().all(|x| x.abs() <= bound);
            }
        })
    }

    fn each_chunk(
        &mut self,
        advance: impl Fn(usize, &mut [f64], &mut Chunk<W, E>) + Sync,
    ) -> Result<(), Breakdown> {
        let Self { x, first, dim, chunks, .. } = self;
        halve(0, *dim, &mut x[*first..], chunks, &advance);
        if chunks.iter().any(|chunk| chunk.lost) {
            return Err(Breakdown::Diverged { factor: FAR });
        }
        Ok(())
    }
}

/// Advances `chunks`, whose first path is number `first` and whose points are `x`: half of them here, the
/// other half on whatever thread is free.
fn halve<W: Send, E: Send>(
    first: usize,
    dim: usize,
    x: &mut [f64],
    chunks: &mut [Chunk<W, E>],
    advance: &(impl Fn(usize, &mut [f64], &mut Chunk<W, E>) + Sync),
) {
    if let [only] = chunks {
        return advance(first, x, only);
    }
    let (left, right) = chunks.split_at_mut(chunks.len() / 2);
    let paths: usize = left.iter().map(|chunk| chunk.paths).sum();
    let (x, y) = x.split_at_mut(paths * dim);
    rayon::join(
        || halve(first, dim, x, left, advance),
        || halve(first + paths, dim, y, right, advance),
    );
}

/// A tile, from its points and back.
struct Turn<'a, M, W, E> {
    method: &'a M,
    points: &'a mut [f64],
    lanes: Lanes<'a, W, E>,
    bound: f64,
}

impl<M: AdvanceLanes<W, E>, W, E> WithSimd for Turn<'_, M, W, E> {
    /// Whether no path is lost.
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let Self { method, points, lanes, bound } = self;
        let Lanes { first, width, x, own, work, scratch } = lanes;
        let dim = x.len() / width;
        kernels::gather(dim, points, x);
        method.advance(Lanes { first, width, x: &mut *x, own, work, scratch });
        kernels::scatter(dim, x, points, bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects coordinate `i` of path `p` at `p dim + i`, and negates it.
    struct Negate;

    impl AdvanceLanes<(), u32> for Negate {
        fn advance(&self, lanes: Lanes<'_, (), u32>) {
            let Lanes { first, width, x, own, work, .. } = lanes;
            let dim = x.len() / width;
            assert_eq!((own.len(), work.len()), (width, width));
            assert!(first.is_multiple_of(BLOCK));
            for (i, row) in x.chunks_exact_mut(width).enumerate() {
                for (l, x) in row.iter_mut().enumerate() {
                    assert!((*x - ((first + l) * dim + i) as f64).abs() <= 0.0);
                    *x = -*x;
                }
            }
            own.iter_mut().for_each(|met| *met += 1);
        }
    }

    /// Sends one path of the second tile to a number.
    struct Send(f64);

    impl AdvanceLanes<(), ()> for Send {
        fn advance(&self, lanes: Lanes<'_, (), ()>) {
            if lanes.first > 0 {
                lanes.x[3] = self.0;
            }
        }
    }

    /// Lanes and points agree for every shape, and every path is met once under its own number.
    #[test]
    fn every_path_is_advanced_once_under_its_number() {
        for dim in 1..6 {
            for paths in [1, 2, 15, 16, 17, 255, 256, 257, 1000, 6200] {
                let x0: Vec<f64> = (0..paths * dim).map(|i| i as f64).collect();
                let mut ensemble =
                    Ensemble::new(&x0, (paths, dim), Grain::Tile, 1, (), |_| Some(0_u32)).unwrap();
                ensemble.advance_lanes(&Negate).unwrap();
                assert!(ensemble.points().iter().zip(&x0).all(|(x, x0)| (x + x0).abs() <= 0.0));
                assert_eq!(ensemble.own().filter(|met| **met == 1).count(), paths);
                let mut single =
                    Ensemble::new(&x0, (paths, dim), Grain::Path, 0, (), Some).unwrap();
                single
                    .advance_paths(|Path { x, own: number, .. }| {
                        assert!((x[0] - (*number * dim) as f64).abs() <= 0.0);
                        x.iter_mut().for_each(|x| *x = -*x);
                    })
                    .unwrap();
                assert_eq!(single.points(), ensemble.points());
            }
        }
    }

    #[test]
    fn one_path_far_away_or_not_a_number_ends_the_run() {
        for value in [2.1e6, -2.1e6, f64::NAN, f64::INFINITY] {
            let mut ensemble =
                Ensemble::new(&[2.0; 600], (300, 2), Grain::Tile, 0, (), |_| None::<()>).unwrap();
            assert_eq!(ensemble.advance_lanes(&Send(1.9e6)), Ok(()));
            let lost = Err(Breakdown::Diverged { factor: 1e6 });
            assert_eq!(ensemble.advance_lanes(&Send(value)), lost);
        }
    }

    #[test]
    fn a_start_near_the_origin_leaves_room_for_noise() {
        let mut ensemble =
            Ensemble::new(&[1e-9; 600], (300, 2), Grain::Tile, 0, (), |_| None::<()>).unwrap();
        assert_eq!(ensemble.advance_lanes(&Send(1.0)), Ok(()));
    }

    #[test]
    fn a_start_of_another_size_is_refused() {
        let Err(error) = Ensemble::new(&[0.0; 5], (3, 2), Grain::Tile, 0, (), |_| None::<()>)
        else {
            panic!("5 numbers are no 3 points");
        };
        assert!(matches!(error, SetupError::Shape { expected: 6, found: 5, .. }));
    }
}
