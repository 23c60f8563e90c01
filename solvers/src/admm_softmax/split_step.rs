//! The step in the split variable and the dual, on a tile.

use converge_problems::mlr::sweep::Tile;
use pulp::{Arch, Simd, WithSimd};

use super::Dual;
use crate::softmax_prox::{ProxMethod, SoftmaxProx};

/// (2) and (3).
pub(super) struct SplitStep {
    pub(super) classes: usize,
    pub(super) s: f64,
    pub(super) rho: f64,
    pub(super) theta: f64,
    pub(super) method: ProxMethod,
    pub(super) dual: Dual,
    /// The last `Z` is kept.
    pub(super) keeps_last: bool,
    /// The spectral rule looks at this step.
    pub(super) spectral: bool,
}

impl SplitStep {
    /// On a tile; leaves `Z⁺ + U⁺` in the scores and `‖Z⁺ - W D‖²`, the iterations, the unfinished
    /// blocks, `‖Z⁺‖²`, where the last `Z` is kept `‖ΔZ‖² + ‖ΔU‖²`, and where the spectral rule looks
    /// its six products in the sums.
    pub(super) fn run(&self, tile: &mut Tile<'_>) {
        let Self { classes, s, theta, method, dual, .. } = *self;
        let Tile { samples, capacity, labels, scores, state, work, sums, .. } = tile;
        let (capacity, arch) = (*capacity, Arch::new());
        let part = capacity * classes;
        let (z, rest) = state.split_at_mut(part);
        let (u, rest) = rest.split_at_mut(part);
        let (last, memory) = rest.split_at_mut(if self.keeps_last { part } else { 0 });
        let scores = &mut scores[..part];
        if self.keeps_last {
            last.copy_from_slice(z);
        }
        if self.spectral {
            // With the old Z and U, before they are overwritten.
            let [multiplier, fitted, ..] = parts(memory, part);
            let products = &mut sums[5..8];
            for k in 0..classes {
                for i in k * capacity..k * capacity + *samples {
                    let new = self.rho * (u[i] + z[i] - scores[i]);
                    let (dy, dh) = (new - multiplier[i], scores[i] - fitted[i]);
                    products[0] += dy * dy;
                    products[1] += dh * dy;
                    products[2] += dh * dh;
                    (multiplier[i], fitted[i]) = (new, scores[i]);
                }
            }
        }
        // The prox's argument v = θ W D + (1 - θ) Z - U takes the place of U.
        arch.dispatch(Argument { scores, z, u, theta });
        let prox = SoftmaxProx { method, penalty: s, reference: u, z, capacity, labels, work };
        let effort = prox.solve();
        sums[1] += effort.iterations;
        sums[2] += effort.unfinished;
        if self.keeps_last {
            sums[4] += movement(scores, z, last, capacity, *samples, theta);
        }
        let [gap, size] = arch.dispatch(Update { scores, z, u, capacity, samples: *samples });
        sums[0] += gap;
        sums[3] += size;
        if dual == Dual::Implicit {
            implicit_dual(z, u, scores, capacity, labels, s);
        }
        if *samples < capacity {
            // Room without samples: whatever reads Z and U whole finds zeros there.
            for part in [&mut *z, &mut *u] {
                part.chunks_exact_mut(capacity).for_each(|class| class[*samples..].fill(0.0));
            }
        }
        if self.spectral {
            let [_, _, multiplier, split] = parts(memory, part);
            let products = &mut sums[8..11];
            for k in 0..classes {
                for i in k * capacity..k * capacity + *samples {
                    let new = self.rho * u[i];
                    // The constraint counts Z negatively.
                    let (dy, dg) = (new - multiplier[i], split[i] - z[i]);
                    products[0] += dy * dy;
                    products[1] += dg * dy;
                    products[2] += dg * dg;
                    (multiplier[i], split[i]) = (new, z[i]);
                }
            }
        }
    }
}

/// What the spectral rule remembers: `ŷ = ρ(U + Z - W⁺D)`, `W⁺D`, `y⁺ = ρU⁺` and `Z⁺`.
fn parts(memory: &mut [f64], part: usize) -> [&mut [f64]; 4] {
    let mut chunks = memory.chunks_exact_mut(part);
    std::array::from_fn(|_| chunks.next().expect("the split has room for what is remembered"))
}

/// `‖ΔZ‖² + ‖ΔU‖²` of the samples of a tile, with `ΔU = Z⁺ - θ W D - (1 - θ) Z`.
fn movement(
    scores: &[f64],
    z: &[f64],
    last: &[f64],
    capacity: usize,
    samples: usize,
    theta: f64,
) -> f64 {
    let columns = scores.chunks_exact(capacity).zip(z.chunks_exact(capacity));
    let mut square = 0.0;
    for ((score, z), last) in columns.zip(last.chunks_exact(capacity)) {
        for ((score, z), last) in score[..samples].iter().zip(z).zip(last) {
            let dual = z - theta * score - (1.0 - theta) * last;
            square += (z - last) * (z - last) + dual * dual;
        }
    }
    square
}

struct Argument<'a> {
    scores: &'a [f64],
    z: &'a [f64],
    u: &'a mut [f64],
    theta: f64,
}

impl WithSimd for Argument<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((u, score), z) in self.u.iter_mut().zip(self.scores).zip(self.z) {
            *u = self.theta * score + (1.0 - self.theta) * z - *u;
        }
    }
}

/// `U⁺ = Z⁺ - v` over `v`, `Z⁺ + U⁺` over the scores; returns `‖Z⁺ - scores‖²` and `‖Z⁺‖²`.
struct Update<'a> {
    scores: &'a mut [f64],
    z: &'a [f64],
    u: &'a mut [f64],
    capacity: usize,
    samples: usize,
}

impl WithSimd for Update<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 2] {
        let Self { scores, z, u, capacity, samples } = self;
        let (mut squares, mut sizes) = ([0.0; 8], [0.0; 8]);
        let columns = scores.chunks_exact_mut(capacity).zip(z.chunks_exact(capacity));
        for ((score, z), u) in columns.zip(u.chunks_exact_mut(capacity)) {
            for (j, ((score, z), u)) in
                score[..samples].iter_mut().zip(z).zip(u.iter_mut()).enumerate()
            {
                let gap = z - *score;
                squares[j % 8] += gap * gap;
                sizes[j % 8] += z * z;
                *u = z - *u;
                *score = z + *u;
            }
        }
        [squares.iter().sum(), sizes.iter().sum()]
    }
}

/// `U = (C - softmax(Z)) / s` (identity I1), and `Z + U` into the scores.
fn implicit_dual(
    z: &[f64],
    u: &mut [f64],
    scores: &mut [f64],
    capacity: usize,
    labels: &[u16],
    s: f64,
) {
    for (j, &label) in labels.iter().enumerate() {
        let column = || z.iter().skip(j).step_by(capacity);
        let max = column().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = column().map(|z| (z - max).exp()).sum();
        let mut others = 0.0;
        for (k, z) in column().enumerate().filter(|(k, _)| *k != label as usize) {
            let p = (z - max).exp() / total;
            others += p;
            u[k * capacity + j] = -p / s;
        }
        u[label as usize * capacity + j] = others / s;
        for (k, z) in column().enumerate() {
            scores[k * capacity + j] = z + u[k * capacity + j];
        }
    }
}
