//! The proximal map of the softmax misfit, many samples at a time.
//!
//! ```text
//! z = argmin lse(z) - z_y + (s/2) ‖z - v‖²
//! ```
//!
//! Samples lie along lanes: a block of [`LANES`] of them iterates together until the last one has
//! converged, so that every loop fills the registers of the machine.

use converge_problems::numerics::{exp, ln, ln_1p};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Samples that iterate together; divides the capacity of every tile.
const LANES: usize = 16;
/// Iterations before a block is given up.
const LIMIT: usize = 100;
/// A Newton step of at most this range leaves an error of its square.
const SMALL: f64 = 1e-7;

/// How the per-sample problems are solved. Both are exact to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxMethod {
    /// Newton in `z`, the Hessian `s I + diag(p) - p pᵀ` inverted by Sherman and Morrison, damped by
    /// `ln(1 + r) / r` with `r` the range of the step. The third derivative of lse along a step is
    /// bounded by its second times that range, so the damped step descends from any start without a
    /// line search, and the damping fades quadratically. One exponential per class and iteration.
    #[default]
    Newton,
    /// Newton in the scalar `τ = lse(z)`: `sum_i s ω(v_i + c_i/s - τ - ln s) = 1` with the Wright omega
    /// function; convex and decreasing in `τ`, monotone from the left.
    Scalar,
}

/// The problems of a tile of samples.
///
/// ```
/// use converge_solvers::{ProxMethod, SoftmaxProx};
/// // Two classes, one sample of the first; the tile has room for 16.
/// let (v, mut z) = (vec![0.0; 32], vec![0.0; 32]);
/// let mut work = vec![0.0; SoftmaxProx::work_len(2)];
/// let prox = SoftmaxProx {
///     method: ProxMethod::Newton,
///     penalty: 1.0,
///     reference: &v,
///     z: &mut z,
///     capacity: 16,
///     labels: &[0],
///     work: &mut work,
/// };
/// prox.solve();
/// // p_0 - 1 + s z_0 = 0
/// let p = z[0].exp() / (z[0].exp() + z[16].exp());
/// assert!((p - 1.0 + z[0]).abs() < 1e-15);
/// ```
pub struct SoftmaxProx<'a> {
    /// How they are solved.
    pub method: ProxMethod,
    /// `s > 0`.
    pub penalty: f64,
    /// `(capacity, classes)`, sample index fastest: `v`.
    pub reference: &'a [f64],
    /// The same shape: a start on entry, the minimizer on return.
    pub z: &'a mut [f64],
    /// Room for samples, a multiple of 16: the distance of two classes.
    pub capacity: usize,
    /// Label of each sample, at most `capacity` of them.
    pub labels: &'a [u16],
    /// Temporaries: [`work_len`](SoftmaxProx::work_len) numbers, arbitrary on entry.
    pub work: &'a mut [f64],
}

impl SoftmaxProx<'_> {
    /// Length of the temporaries.
    pub const fn work_len(classes: usize) -> usize {
        4 * LANES * classes
    }

    /// Solves them.
    pub fn solve(self) -> ProxEffort {
        Arch::new().dispatch(self)
    }
}

/// The problems of many samples, tile after tile as [`AdmmSoftmaxState::split`] keeps them, over the
/// threads of the pool: the step in the split variable alone, without a look at the data. For
/// measurements; the method itself solves each tile while its data are in the cache.
///
/// [`AdmmSoftmaxState::split`]: crate::AdmmSoftmaxState::split
pub struct SoftmaxProxTiles<'a> {
    /// How they are solved.
    pub method: ProxMethod,
    /// `s > 0`.
    pub penalty: f64,
    /// Number of classes `K`.
    pub classes: usize,
    /// Room of a tile for samples, a multiple of 16.
    pub capacity: usize,
    /// For every tile `(capacity, classes)`: `v`.
    pub reference: &'a [f64],
    /// The same shape: where the iterations start.
    pub start: &'a [f64],
    /// The same shape: the minimizers.
    pub z: &'a mut [f64],
    /// Label of each sample.
    pub labels: &'a [u16],
}

impl SoftmaxProxTiles<'_> {
    /// Solves them.
    pub fn solve(self) -> ProxEffort {
        let Self { method, penalty, classes, capacity, reference, start, z, labels } = self;
        let tile = capacity * classes;
        z.par_chunks_mut(tile)
            .zip(reference.par_chunks(tile))
            .zip(start.par_chunks(tile))
            .zip(labels.par_chunks(capacity))
            .map_init(
                || vec![0.0; SoftmaxProx::work_len(classes)],
                |work, (((z, reference), start), labels)| {
                    z.copy_from_slice(start);
                    SoftmaxProx { method, penalty, reference, z, capacity, labels, work }.solve()
                },
            )
            .reduce(
                || ProxEffort { iterations: 0.0, unfinished: 0.0 },
                // Whole numbers: their order does not matter.
                |a, b| ProxEffort {
                    iterations: a.iterations + b.iterations,
                    unfinished: a.unfinished + b.unfinished,
                },
            )
    }
}

/// What a tile took.
#[derive(Clone, Copy, Debug)]
pub struct ProxEffort {
    /// Iterations, summed over samples.
    pub iterations: f64,
    /// Blocks that reached the limit.
    pub unfinished: f64,
}

impl WithSimd for SoftmaxProx<'_> {
    type Output = ProxEffort;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> ProxEffort {
        let Self { method, penalty, reference, z, capacity, labels, work } = self;
        let classes = z.len() / capacity;
        let (z_block, work) = work.split_at_mut(LANES * classes);
        let (v_block, work) = work.split_at_mut(LANES * classes);
        let mut effort = ProxEffort { iterations: 0.0, unfinished: 0.0 };
        for (block, labels) in labels.chunks(LANES).enumerate() {
            let at = block * LANES;
            let columns = || (0..classes).map(move |k| k * capacity + at);
            for (k, from) in columns().enumerate() {
                let to = k * LANES..(k + 1) * LANES;
                z_block[to.clone()].copy_from_slice(&z[from..from + LANES]);
                v_block[to].copy_from_slice(&reference[from..from + LANES]);
            }
            // Missing samples repeat the first, so that they never prolong the loop.
            let mut own = [f64::from(labels[0]); LANES];
            own.iter_mut().zip(labels).for_each(|(o, &y)| *o = f64::from(y));
            for l in labels.len()..LANES {
                for k in 0..classes {
                    z_block[k * LANES + l] = z_block[k * LANES];
                    v_block[k * LANES + l] = v_block[k * LANES];
                }
            }
            let iterations = match method {
                ProxMethod::Newton => newton(penalty, v_block, z_block, &own, work),
                ProxMethod::Scalar => scalar(penalty, v_block, z_block, &own, work),
            };
            effort.iterations += (iterations * labels.len()) as f64;
            effort.unfinished += f64::from(u8::from(iterations >= LIMIT));
            for (k, to) in columns().enumerate() {
                let from = &z_block[k * LANES..(k + 1) * LANES];
                z[to..to + LANES].copy_from_slice(from);
            }
        }
        effort
    }
}

/// Damped Newton. `work: 2 * LANES * classes`. Returns the iterations.
#[inline(always)]
#[expect(clippy::float_cmp, reason = "class numbers, whole, held as lanes of f64")]
fn newton(s: f64, v: &[f64], z: &mut [f64], own: &[f64; LANES], work: &mut [f64]) -> usize {
    let (p, step) = work.split_at_mut(z.len());
    for iteration in 1..=LIMIT {
        let mut max = [f64::NEG_INFINITY; LANES];
        for z in z.chunks_exact(LANES) {
            for l in 0..LANES {
                max[l] = if z[l] > max[l] { z[l] } else { max[l] };
            }
        }
        let (mut others, mut total) = ([0.0; LANES], [0.0; LANES]);
        for (k, (z, p)) in z.chunks_exact(LANES).zip(p.chunks_exact_mut(LANES)).enumerate() {
            for l in 0..LANES {
                let e = exp(z[l] - max[l]);
                p[l] = e;
                total[l] += e;
                // 1 - p_y is the sum of the others, without cancellation.
                others[l] += if own[l] == k as f64 { 0.0 } else { e };
            }
        }
        let mut over = [0.0; LANES];
        for l in 0..LANES {
            over[l] = 1.0 / total[l];
        }
        // d = 1/(s + p); step = d∘g + (p∘d) (Σ p∘d∘g) / (s Σ p∘d).
        let (mut projected, mut weight) = ([0.0; LANES], [0.0; LANES]);
        let columns = z.chunks_exact(LANES).zip(v.chunks_exact(LANES));
        let outputs = p.chunks_exact_mut(LANES).zip(step.chunks_exact_mut(LANES));
        for (k, ((z, v), (p, step))) in columns.zip(outputs).enumerate() {
            for l in 0..LANES {
                let probability = p[l] * over[l];
                let residual = if own[l] == k as f64 { -others[l] * over[l] } else { probability };
                let gradient = s.mul_add(z[l] - v[l], residual);
                let d = 1.0 / (s + probability);
                let q = probability * d;
                p[l] = q;
                step[l] = d * gradient;
                projected[l] += q * gradient;
                weight[l] += q;
            }
        }
        let mut shift = [0.0; LANES];
        for l in 0..LANES {
            shift[l] = projected[l] / (s * weight[l]);
        }
        let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        for (q, step) in p.chunks_exact(LANES).zip(step.chunks_exact_mut(LANES)) {
            for l in 0..LANES {
                let x = q[l].mul_add(shift[l], step[l]);
                step[l] = x;
                low[l] = if x < low[l] { x } else { low[l] };
                high[l] = if x > high[l] { x } else { high[l] };
            }
        }
        let mut worst = 0.0;
        let mut damping = [0.0; LANES];
        for l in 0..LANES {
            let range = high[l] - low[l];
            damping[l] = if range > 1e-8 { ln_1p(range) / range } else { 1.0 };
            // The length counts too: a common shift of all scores has no range.
            let length = if high[l] > -low[l] { high[l] } else { -low[l] };
            worst = if length > worst { length } else { worst };
        }
        for (z, step) in z.chunks_exact_mut(LANES).zip(step.chunks_exact(LANES)) {
            for l in 0..LANES {
                z[l] -= damping[l] * step[l];
            }
        }
        if worst <= SMALL {
            return iteration;
        }
    }
    LIMIT
}

/// Newton in τ. `work: 2 * LANES * classes`. Returns the iterations.
#[inline(always)]
#[expect(clippy::float_cmp, reason = "class numbers, whole, held as lanes of f64")]
fn scalar(s: f64, v: &[f64], z: &mut [f64], own: &[f64; LANES], work: &mut [f64]) -> usize {
    let shifted = &mut work[..z.len()];
    let mut low = [f64::NEG_INFINITY; LANES];
    for (k, (v, x)) in v.chunks_exact(LANES).zip(shifted.chunks_exact_mut(LANES)).enumerate() {
        for l in 0..LANES {
            x[l] = v[l] + if own[l] == k as f64 { 1.0 / s } else { 0.0 };
            low[l] = if x[l] > low[l] { x[l] } else { low[l] };
        }
    }
    // At max v - 1/s the largest term alone is at least 1.
    low.iter_mut().for_each(|t| *t -= 1.0 / s);
    let log_s = ln(s);
    let mut tau = [f64::NEG_INFINITY; LANES];
    let mut total = [0.0; LANES];
    for z in z.chunks_exact(LANES) {
        for l in 0..LANES {
            tau[l] = if z[l] > tau[l] { z[l] } else { tau[l] };
        }
    }
    for z in z.chunks_exact(LANES) {
        for l in 0..LANES {
            total[l] += exp(z[l] - tau[l]);
        }
    }
    for l in 0..LANES {
        let start = tau[l] + ln(total[l]);
        tau[l] = if start > low[l] { start } else { low[l] };
    }
    let mut iterations = LIMIT;
    for iteration in 1..=LIMIT {
        let (mut value, mut slope) = ([-1.0; LANES], [0.0; LANES]);
        for x in shifted.chunks_exact(LANES) {
            for l in 0..LANES {
                let omega = wright_omega(x[l] - tau[l] - log_s);
                value[l] += s * omega;
                slope[l] += s * omega / (1.0 + omega);
            }
        }
        let mut worst = 0.0;
        for l in 0..LANES {
            let next = tau[l] + value[l] / slope[l];
            let next = if next > low[l] { next } else { low[l] };
            let scale = if tau[l].abs() > 1.0 { tau[l].abs() } else { 1.0 };
            let change = (next - tau[l]).abs() / scale;
            worst = if change > worst { change } else { worst };
            tau[l] = next;
        }
        if worst <= SMALL {
            iterations = iteration;
            break;
        }
    }
    for (x, z) in shifted.chunks_exact(LANES).zip(z.chunks_exact_mut(LANES)) {
        for l in 0..LANES {
            let omega = wright_omega(x[l] - tau[l] - log_s);
            // ln p + τ is well scaled; where p underflows, v - p/s is exact.
            z[l] = if omega > 1e-290 { ln(omega) + log_s + tau[l] } else { x[l] - omega };
        }
    }
    iterations
}

/// The Wright omega function of a real argument: `ω + ln ω = x`.
///
/// A series in `eˣ`, a Taylor polynomial at 1 or an asymptotic guess, then two steps of the fourth-order
/// iteration of Fritsch, Shafer and Crowley (Comm. ACM 16 (1973) 123–124): full precision.
#[inline(always)]
pub(crate) fn wright_omega(x: f64) -> f64 {
    let e = exp(if x > 0.0 { 0.0 } else { x });
    let left = e * (1.0 - e + 1.5 * e * e);
    let y = x - 1.0;
    let middle = 1.0 + y * (0.5 + y * (1.0 / 16.0 - y / 192.0));
    let above = if x > 3.0 { x } else { 3.0 };
    let log = ln(above);
    let right = above - log + log / above;
    let guess = if x < -1.0 { left } else { middle };
    let guess = if x > 3.0 { right } else { guess };
    let mut omega = if guess > 1e-30 { guess } else { 1e-30 };
    for _ in 0..2 {
        let r = x - omega - ln(omega);
        let q = 2.0 * (1.0 + omega) * (1.0 + omega + r * (2.0 / 3.0));
        omega *= 1.0 + r / (1.0 + omega) * (q - r) / (q - 2.0 * r);
    }
    // Below -40, ω = eˣ to rounding.
    if x < -40.0 { e } else { omega }
}

#[cfg(test)]
mod tests {
    use converge_problems::Seed;
    use rand::RngExt;

    use super::*;

    #[test]
    fn omega_satisfies_its_equation() {
        for i in -4000..4000 {
            let x = f64::from(i) / 100.0;
            let omega = wright_omega(x);
            let gap = omega + omega.ln() - x;
            assert!(gap.abs() <= 4e-16 * (x.abs() + omega.abs() + 1.0), "ω({x}) = {omega}: {gap}");
        }
        assert!((wright_omega(-100.0) / (-100.0_f64).exp() - 1.0).abs() <= 1e-15);
    }

    /// Minimizers of `samples` random problems, class by class.
    fn solve(
        method: ProxMethod,
        s: f64,
        v: &[f64],
        classes: usize,
        labels: &[u16],
    ) -> (Vec<f64>, ProxEffort) {
        let mut z = vec![0.0; v.len()];
        let mut work = vec![0.0; SoftmaxProx::work_len(classes)];
        let capacity = v.len() / classes;
        let (reference, work) = (v, &mut work[..]);
        let prox = SoftmaxProx { method, penalty: s, reference, z: &mut z, capacity, labels, work };
        let effort = prox.solve();
        (z, effort)
    }

    #[test]
    fn both_methods_reach_the_stationary_point_from_zero() {
        let mut rng = Seed::root(4).child("prox").rng();
        for classes in [1, 2, 3, 10, 30] {
            for s in [3e-7, 4e-3, 0.1, 1.0, 10.0] {
                let capacity = 32;
                let labels: Vec<u16> =
                    (0..27).map(|_| rng.random_range(0..classes as u16)).collect();
                let v: Vec<f64> =
                    (0..capacity * classes).map(|_| rng.random_range(-8.0..8.0)).collect();
                for method in [ProxMethod::Newton, ProxMethod::Scalar] {
                    let (z, effort) = solve(method, s, &v, classes, &labels);
                    assert!(effort.unfinished <= 0.0, "{method:?} s = {s}, K = {classes}");
                    for (j, &y) in labels.iter().enumerate() {
                        let z: Vec<f64> = z.iter().skip(j).step_by(capacity).copied().collect();
                        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                        let total: f64 = z.iter().map(|z| (z - max).exp()).sum();
                        for (k, zk) in z.iter().enumerate() {
                            let p = (zk - max).exp() / total;
                            let c = f64::from(u8::from(k == y as usize));
                            let g = p - c + s * (zk - v[k * capacity + j]);
                            let bound = 1e-12 * (1.0 + s);
                            assert!(g.abs() <= bound, "{method:?} s = {s}, K = {classes}: {g}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_over_threads_are_the_tiles_one_by_one() {
        let mut rng = Seed::root(5).child("prox").rng();
        let (classes, capacity, samples) = (3, 32, 75);
        let labels: Vec<u16> = (0..samples).map(|_| rng.random_range(0..3)).collect();
        let reference: Vec<f64> =
            (0..3 * capacity * classes).map(|_| rng.random_range(-8.0..8.0)).collect();
        let start = vec![0.0; reference.len()];
        let (method, penalty) = (ProxMethod::Newton, 0.1);
        let mut expected = Vec::new();
        let mut iterations = 0.0;
        for (v, labels) in reference.chunks(capacity * classes).zip(labels.chunks(capacity)) {
            let (z, effort) = solve(method, penalty, v, classes, labels);
            expected.extend(z);
            iterations += effort.iterations;
        }
        let mut z = vec![f64::NAN; reference.len()];
        let effort = SoftmaxProxTiles {
            method,
            penalty,
            classes,
            capacity,
            reference: &reference,
            start: &start,
            z: &mut z,
            labels: &labels,
        }
        .solve();
        assert!(z.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert!((effort.iterations - iterations).abs() <= 0.0 && effort.unfinished <= 0.0);
    }

    #[test]
    fn the_map_is_nonexpansive() {
        let mut rng = Seed::root(9).child("prox").rng();
        let labels = [0, 3, 1, 2];
        for _ in 0..50 {
            let [a, b]: [Vec<f64>; 2] =
                std::array::from_fn(|_| (0..64).map(|_| rng.random_range(-30.0..30.0)).collect());
            let (za, _) = solve(ProxMethod::Newton, 0.05, &a, 4, &labels);
            let (zb, _) = solve(ProxMethod::Newton, 0.05, &b, 4, &labels);
            for j in 0..4 {
                let gap = |a: &[f64], b: &[f64]| -> f64 {
                    (0..4).map(|k| (a[k * 16 + j] - b[k * 16 + j]).powi(2)).sum()
                };
                assert!(gap(&za, &zb) <= gap(&a, &b) * (1.0 + 1e-12));
            }
        }
    }
}
