//! One pass over the data: tile after tile, scores, a map of them, and accumulation.
//!
//! Every oracle is a sweep. The samples are cut into tiles that fit a cache, the second one where
//! rows are short enough; a tile is read once, its scores `W D` are formed, a visitor maps them (to
//! residuals of the softmax, to the right-hand side of ADMM, ...) and the product of the tile with
//! the result is added up while the tile is still in the cache. Tiles are gathered into a fixed
//! number of chunks, whose sums are reduced in order: results do not depend on the number of threads
//! by a single bit.

use pulp::Arch;

use super::kernels::{Accumulate, PAD, Scores};
use super::rows::{Element, Rows, Terms, TileBuffer};

/// Chunks of a sweep. Divisible by 1, 2, 3, 4, 6, 8, 12: even loads for usual numbers of threads.
const CHUNKS: usize = 24;
/// Bytes of a tile in the type of its products: of one that the second-level cache holds, and where
/// that has no room for [`PAD`] samples, of one in the next cache, since then the weights and the sums
/// should pass less often.
const TILE_BYTES: usize = 384 << 10;
const LONG_TILE_BYTES: usize = 2 << 20;
/// Multiply-adds below which a sweep stays on the calling thread.
const SERIAL_BELOW: usize = 1 << 20;
/// Numbers that a visitor adds up beside the product.
pub const SUMS: usize = 12;

/// Samples with their labels, cut into tiles.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    pub(crate) rows: Rows,
    pub(crate) labels: Vec<u16>,
    /// Samples of a tile, a multiple of 16.
    pub(crate) capacity: usize,
}

impl Samples {
    pub(crate) fn new(rows: Rows, labels: Vec<u16>, scalar_bytes: usize) -> Self {
        let row = (rows.stride * scalar_bytes).max(1);
        let small = TILE_BYTES / row;
        let fits = if small >= PAD { small } else { LONG_TILE_BYTES / row };
        let even = rows.samples.div_ceil(CHUNKS).max(2 * PAD);
        let capacity = (fits.min(even).clamp(PAD, 16 * PAD) / PAD) * PAD;
        Self { rows, labels, capacity }
    }

    /// Length of an array that keeps `width` numbers per sample between sweeps.
    pub(crate) fn state_len(&self, width: usize) -> usize {
        self.rows.samples.div_ceil(self.capacity) * self.capacity * width
    }
}

/// A tile in the hands of a visitor.
pub struct Tile<'a> {
    /// Number of the first sample; a multiple of [`capacity`](Tile::capacity). In a batch, the
    /// position in the batch.
    pub first: usize,
    /// Samples that are there.
    pub samples: usize,
    /// Room for samples, a multiple of 16: the distance of two classes in [`scores`](Tile::scores).
    pub capacity: usize,
    /// Labels of the samples.
    pub labels: &'a [u16],
    /// `(capacity, classes)`, sample index fastest: the scores `W D` on entry; what the visitor
    /// leaves here is multiplied by the data. Entries beyond `samples` are the bias on entry and
    /// ignored afterwards.
    pub scores: &'a mut [f64],
    /// The part of the sweep's state that belongs to this tile: `capacity * width` numbers.
    pub state: &'a mut [f64],
    /// Temporaries of the visitor: `64 * classes` numbers, arbitrary on entry.
    pub work: &'a mut [f64],
    /// Sums of the chunk.
    pub sums: &'a mut [f64; SUMS],
}

/// Buffers of one thread.
#[derive(Clone, Debug)]
struct Worker<T> {
    rows: TileBuffer<T>,
    scores: Vec<f64>,
    right: Vec<T>,
    labels: Vec<u16>,
    work: Vec<f64>,
}

/// Temporaries of sweeps over samples of one shape.
#[derive(Clone, Debug)]
pub(crate) struct Buffers<T> {
    classes: usize,
    stride: usize,
    capacity: usize,
    weights: Vec<T>,
    bias: Vec<f64>,
    workers: Vec<Worker<T>>,
    /// Per chunk `(stride, classes)`, then the sum of the mapped scores, one per class.
    partial: Vec<f64>,
    sums: Vec<[f64; SUMS]>,
}

impl<T: Element> Buffers<T> {
    pub(crate) fn new(classes: usize, stride: usize, capacity: usize) -> Self {
        let mut buffers = Self {
            classes,
            stride,
            capacity,
            weights: vec![T::default(); classes * stride],
            bias: vec![0.0; classes],
            workers: Vec::new(),
            partial: vec![0.0; CHUNKS * (classes * stride + classes)],
            sums: vec![[0.0; SUMS]; CHUNKS],
        };
        buffers.grow(rayon::current_num_threads());
        buffers
    }

    fn grow(&mut self, threads: usize) {
        let Self { classes, stride, capacity, .. } = *self;
        self.workers.resize_with(threads.min(CHUNKS).max(self.workers.len()), || Worker {
            rows: TileBuffer::new(capacity, stride),
            scores: vec![0.0; capacity * classes],
            right: vec![T::default(); capacity * classes],
            labels: vec![0; capacity],
            work: vec![0.0; 64 * classes],
        });
    }

    /// Takes over the weights, `(inputs + 1, classes)` with the bias last, times the scale of the
    /// stored numbers.
    fn pack(&mut self, weights: &[f64], scale: f64) {
        let rows = weights.len() / self.classes;
        for ((packed, bias), column) in self
            .weights
            .chunks_exact_mut(self.stride)
            .zip(&mut self.bias)
            .zip(weights.chunks_exact(rows))
        {
            for (to, &from) in packed.iter_mut().zip(&column[..rows - 1]) {
                *to = T::from_f64(scale * from);
            }
            *bias = column[rows - 1];
        }
    }
}

/// What a sweep visits.
#[derive(Clone, Copy)]
pub(crate) struct Sweep<'a> {
    pub(crate) samples: &'a Samples,
    /// A batch instead of all samples.
    pub(crate) batch: Option<&'a [u32]>,
    /// Numbers of state per sample.
    pub(crate) width: usize,
}

impl Sweep<'_> {
    fn terms(&self) -> usize {
        self.batch.map_or(self.samples.rows.samples, <[u32]>::len)
    }

    /// Runs the sweep at `weights`, `(inputs + 1, classes)` with the bias last. With `product`, of
    /// the shape of the weights, writes `sum_j d_j r_jᵀ` over what the visitor left in the scores,
    /// the constant feature last. Returns the visitor's sums.
    pub(crate) fn run<T: Element>(
        &self,
        weights: &[f64],
        state: &mut [f64],
        product: Option<&mut [f64]>,
        buffers: &mut Buffers<T>,
        visit: &(impl Fn(&mut Tile<'_>) + Sync),
    ) -> [f64; SUMS] {
        let (classes, stride) = (buffers.classes, buffers.stride);
        let tiles = self.terms().div_ceil(self.samples.capacity);
        let chunks = tiles.min(CHUNKS);
        let threads = if self.terms() * stride * classes < SERIAL_BELOW {
            1
        } else {
            rayon::current_num_threads().clamp(1, chunks.max(1))
        };
        buffers.pack(weights, self.samples.rows.scale);
        buffers.grow(threads);
        let Buffers { weights: packed, bias, workers, partial, sums, .. } = buffers;
        let part = classes * (stride + 1);
        let accumulate = product.is_some();
        let job =
            Job { sweep: *self, weights: packed, bias, stride, accumulate, tiles, chunks, visit };
        if threads == 1 {
            job.run(0, &mut workers[0], partial, &mut sums[..chunks], state);
        } else {
            rayon::scope(|scope| {
                let (mut partial, mut sums, mut state) = (&mut partial[..], &mut sums[..], state);
                for (t, worker) in workers.iter_mut().take(threads).enumerate() {
                    let (from, to) = (t * chunks / threads, (t + 1) * chunks / threads);
                    let (mine, rest) = partial.split_at_mut((to - from) * part);
                    partial = rest;
                    let (my_sums, rest) = sums.split_at_mut(to - from);
                    sums = rest;
                    let numbers = (job.first_tile(to) - job.first_tile(from)) * job.tile_state();
                    let (my_state, rest) = state.split_at_mut(numbers);
                    state = rest;
                    let job = &job;
                    scope.spawn(move |_| job.run(from, worker, mine, my_sums, my_state));
                }
            });
        }
        let mut total = [0.0; SUMS];
        for sum in &sums[..chunks] {
            for (to, from) in total.iter_mut().zip(sum) {
                *to += from;
            }
        }
        if let Some(product) = product {
            reduce(&partial[..chunks * part], self.samples.rows.scale, stride, classes, product);
        }
        total
    }
}

/// Adds the partial products of the chunks in order and undoes the padding.
fn reduce(partial: &[f64], scale: f64, stride: usize, classes: usize, product: &mut [f64]) {
    let rows = product.len() / classes;
    Arch::new().dispatch(|| {
        for (k, column) in product.chunks_exact_mut(rows).enumerate() {
            column.fill(0.0);
            let (bias, inputs) = column.split_last_mut().expect("a column ends with its bias");
            for chunk in partial.chunks_exact(classes * (stride + 1)) {
                let (sums, constant) = chunk.split_at(classes * stride);
                for (to, from) in inputs.iter_mut().zip(&sums[k * stride..]) {
                    *to += from;
                }
                *bias += constant[k];
            }
            inputs.iter_mut().for_each(|value| *value *= scale);
        }
    });
}

/// What all threads of a sweep share.
struct Job<'a, T, F> {
    sweep: Sweep<'a>,
    weights: &'a [T],
    bias: &'a [f64],
    stride: usize,
    accumulate: bool,
    tiles: usize,
    chunks: usize,
    visit: &'a F,
}

impl<T: Element, F: Fn(&mut Tile<'_>) + Sync> Job<'_, T, F> {
    fn first_tile(&self, chunk: usize) -> usize {
        chunk * self.tiles / self.chunks
    }

    fn tile_state(&self) -> usize {
        self.sweep.samples.capacity * self.sweep.width
    }

    /// Runs as many chunks from number `from` as `sums` has room for.
    fn run(
        &self,
        from: usize,
        worker: &mut Worker<T>,
        partial: &mut [f64],
        sums: &mut [[f64; SUMS]],
        state: &mut [f64],
    ) {
        let classes = self.bias.len();
        let part = classes * (self.stride + 1);
        let first = self.first_tile(from);
        for (c, sums) in sums.iter_mut().enumerate() {
            let partial = &mut partial[c * part..(c + 1) * part];
            sums.fill(0.0);
            let begin = self.first_tile(from + c);
            for tile in begin..self.first_tile(from + c + 1) {
                let start = (tile - first) * self.tile_state();
                let state = &mut state[start..start + self.tile_state()];
                self.tile(tile, tile == begin, worker, partial, sums, state);
            }
        }
    }

    /// The first tile of a chunk starts its sums, in `partial`, from zero.
    fn tile(
        &self,
        tile: usize,
        fresh: bool,
        worker: &mut Worker<T>,
        partial: &mut [f64],
        sums: &mut [f64; SUMS],
        state: &mut [f64],
    ) {
        let arch = Arch::new();
        let Samples { rows: samples, labels, capacity } = self.sweep.samples;
        let (stride, capacity) = (self.stride, *capacity);
        let classes = self.bias.len();
        let (from, to) = (tile * capacity, ((tile + 1) * capacity).min(self.sweep.terms()));
        let (terms, labels) = match self.sweep.batch {
            None => (Terms::Range(from, to), &labels[from..to]),
            Some(batch) => {
                let batch = &batch[from..to];
                for (label, &term) in worker.labels.iter_mut().zip(batch) {
                    *label = labels[term as usize];
                }
                (Terms::List(batch), &worker.labels[..batch.len()])
            }
        };
        let rows = samples.tile(&terms, &mut worker.rows, arch);
        // Buffers have room for the tiles of all parts, and a part of few samples has smaller ones: what lies
        // beyond would pass for more classes.
        let scores = &mut worker.scores[..capacity * classes];
        arch.dispatch(Scores {
            rows,
            stride,
            weights: self.weights,
            bias: self.bias,
            scores,
            capacity,
        });
        (self.visit)(&mut Tile {
            first: from,
            samples: to - from,
            capacity,
            labels,
            scores,
            state,
            work: &mut worker.work,
            sums,
        });
        if self.accumulate {
            let (product, constant) = partial.split_at_mut(classes * stride);
            if fresh {
                constant.fill(0.0);
            }
            for (total, column) in constant.iter_mut().zip(scores.chunks_exact(capacity)) {
                *total += column[..to - from].iter().sum::<f64>();
            }
            let right = T::right(scores, &mut worker.right[..capacity * classes], arch);
            let next = Terms::Range(to, (to + capacity).min(self.sweep.terms()));
            let all = self.sweep.batch.is_none();
            let ahead = if all { samples.stored(&next).unwrap_or_default() } else { &[] };
            let sums = product;
            arch.dispatch(Accumulate { rows, stride, right, capacity, sums, fresh, ahead });
        }
    }
}
