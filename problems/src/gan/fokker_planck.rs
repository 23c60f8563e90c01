//! The Fokker–Planck equation of a plane drift with additive noise: stationary moments and the rate at
//! which laws relax, without randomness.
//!
//! The density of `dX = b dt + √(2q) dW` obeys `∂p/∂t = -∇·(b p - q ∇p)`. On a square `[-R, R]²` of
//! `n x n` cells of width `h` with walls that nothing crosses, the flux between two cells is that of the
//! one-dimensional equation with a constant drift between their midpoints,
//!
//! ```text
//! F = (q/h) [β(-bh/q) p_left - β(bh/q) p_right],   β(x) = x / (eˣ - 1)
//! ```
//!
//! (D. Scharfetter and H. Gummel, IEEE Trans. Electron Devices 16, 1969): probability is conserved, and
//! densities stay positive, whatever `h`; the error is of second order. The columns of the generator `A`
//! sum to zero, so `s - A` with `s > 0` is an M-matrix and its block elimination, row of cells by row of
//! cells, needs no pivots. It costs `4 n⁴` flops and `8 n³` bytes.

use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, MatRef};

use super::plane::Pair;

/// A plane drift with additive noise on a square.
pub struct FokkerPlanck<'a> {
    /// `b`.
    pub drift: &'a dyn Fn(Pair) -> Pair,
    /// `q`, half the variance per unit of time.
    pub diffusivity: f64,
    /// `R`.
    pub radius: f64,
    /// `n`.
    pub cells: usize,
}

/// What relaxes last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// Rate of decay.
    pub rate: f64,
    /// Frequency of the oscillation, in radians per unit of time; 0 if there is none.
    pub frequency: f64,
}

/// The solution on one grid.
#[derive(Clone, Debug)]
pub struct Relaxation {
    density: Vec<f64>,
    midpoints: Vec<f64>,
    /// Modes by rising rate, a pair that oscillates once.
    pub modes: Vec<Mode>,
    /// Largest rate of change of a cell of the density, relative to its largest cell: 0 but for rounding.
    pub residual: f64,
}

impl Relaxation {
    /// The stationary mean of `f`.
    pub fn mean(&self, f: impl Fn(Pair) -> f64) -> f64 {
        let n = self.midpoints.len();
        let value = |k: usize| f([self.midpoints[k % n], self.midpoints[k / n]]);
        self.density.iter().enumerate().map(|(k, p)| p * value(k)).sum()
    }
}

/// The Bernoulli function `x/(eˣ - 1)`.
fn bernoulli(x: f64) -> f64 {
    if x.abs() < 1e-10 { 1.0 - 0.5 * x } else { x / x.exp_m1() }
}

/// Rates of the jumps of a cell to its neighbors and out of it, per cell `i + j n`.
struct Generator {
    n: usize,
    /// To the cells at `i + 1`, `i - 1`, `j + 1`, `j - 1`.
    rates: Vec<[f64; 4]>,
}

/// Krylov vectors for the slow modes: the shift separates them so well that their residuals reach
/// rounding after about 40.
const KRYLOV: usize = 60;
/// Solves for the stationary density: the shifted generator contracts all else by a third at least.
const SOLVES: usize = 60;

impl FokkerPlanck<'_> {
    /// Solves for the stationary density and the slow modes. `shift`, positive and of the size of the
    /// rates sought, is where the spectrum is looked at from.
    pub fn solve(&self, shift: f64) -> Relaxation {
        let n = self.cells;
        let generator = self.generator();
        let eliminated = Eliminated::new(&generator, shift);
        let mut density = vec![1.0 / (n * n) as f64; n * n];
        for _ in 0..SOLVES {
            eliminated.solve(&mut density);
            let mass: f64 = density.iter().sum();
            density.iter_mut().for_each(|p| *p /= mass);
        }
        let mut change = vec![0.0; n * n];
        generator.apply(&density, &mut change);
        let largest = |x: &[f64]| x.iter().fold(0.0, |max, v| f64::max(max, v.abs()));
        let residual = largest(&change) / largest(&density);
        let modes = slow_modes(&eliminated, shift, n);
        Relaxation { density, midpoints: self.midpoints(), modes, residual }
    }

    fn width(&self) -> f64 {
        2.0 * self.radius / self.cells as f64
    }

    fn midpoints(&self) -> Vec<f64> {
        (0..self.cells).map(|i| -self.radius + (i as f64 + 0.5) * self.width()).collect()
    }

    fn generator(&self) -> Generator {
        let (n, h, q) = (self.cells, self.width(), self.diffusivity);
        let at = self.midpoints();
        let scale = q / (h * h);
        let mut rates = vec![[0.0; 4]; n * n];
        for j in 0..n {
            for i in 0..n {
                if i + 1 < n {
                    let b = (self.drift)([at[i] + 0.5 * h, at[j]])[0] * h / q;
                    rates[i + j * n][0] = scale * bernoulli(-b);
                    rates[i + 1 + j * n][1] = scale * bernoulli(b);
                }
                if j + 1 < n {
                    let b = (self.drift)([at[i], at[j] + 0.5 * h])[1] * h / q;
                    rates[i + j * n][2] = scale * bernoulli(-b);
                    rates[i + (j + 1) * n][3] = scale * bernoulli(b);
                }
            }
        }
        Generator { n, rates }
    }
}

impl Generator {
    /// `out = A p`.
    fn apply(&self, p: &[f64], out: &mut [f64]) {
        let n = self.n;
        for (k, out) in out.iter_mut().enumerate() {
            let (i, j) = (k % n, k / n);
            let leaves: f64 = self.rates[k].iter().sum();
            let mut change = -leaves * p[k];
            let mut enter = |from: usize, way: usize| change += self.rates[from][way] * p[from];
            if i > 0 {
                enter(k - 1, 0);
            }
            if i + 1 < n {
                enter(k + 1, 1);
            }
            if j > 0 {
                enter(k - n, 2);
            }
            if j + 1 < n {
                enter(k + n, 3);
            }
            *out = change;
        }
    }
}

/// `s - A`, block tridiagonal with diagonal blocks off the diagonal, eliminated from the first row of
/// cells to the last.
struct Eliminated {
    n: usize,
    /// Inverses of the Schur complements.
    inverses: Vec<Mat<f64>>,
    /// Of the cells of a row: rates to the next row, and back.
    up: Vec<f64>,
    down: Vec<f64>,
}

impl Eliminated {
    fn new(generator: &Generator, shift: f64) -> Self {
        let n = generator.n;
        let up: Vec<f64> = generator.rates.iter().map(|r| r[2]).collect();
        let down: Vec<f64> = generator.rates.iter().map(|r| r[3]).collect();
        let mut inverses: Vec<Mat<f64>> = Vec::with_capacity(n);
        for j in 0..n {
            let rates = &generator.rates[j * n..][..n];
            let mut block = Mat::<f64>::zeros(n, n);
            for (i, r) in rates.iter().enumerate() {
                block[(i, i)] = shift + r.iter().sum::<f64>();
                if i + 1 < n {
                    block[(i + 1, i)] = -r[0];
                    block[(i, i + 1)] = -rates[i + 1][1];
                }
            }
            if let Some(last) = inverses.last() {
                // S = D - (rates up) S⁻¹ (rates down), both diagonal.
                let (up, down) = (&up[(j - 1) * n..][..n], &down[j * n..][..n]);
                for c in 0..n {
                    for r in 0..n {
                        block[(r, c)] -= up[r] * last[(r, c)] * down[c];
                    }
                }
            }
            inverses.push(block.partial_piv_lu().inverse());
        }
        Self { n, inverses, up, down }
    }

    /// `x ← (s - A)⁻¹ x`.
    fn solve(&self, x: &mut [f64]) {
        let n = self.n;
        let times = |inverse: &Mat<f64>, x: &mut [f64]| {
            let product = inverse * MatRef::from_column_major_slice(x, n, 1);
            x.copy_from_slice(product.col_as_slice(0));
        };
        for j in 0..n {
            let (before, row) = x.split_at_mut(j * n);
            let row = &mut row[..n];
            if j > 0 {
                let last = &before[(j - 1) * n..];
                let entering = last.iter().zip(&self.up[(j - 1) * n..][..n]).map(|(x, r)| x * r);
                row.iter_mut().zip(entering).for_each(|(x, e)| *x += e);
            }
            times(&self.inverses[j], row);
        }
        // x_j already holds S_j⁻¹ (right side); what comes back from the row above is S_j⁻¹ (down x).
        let mut room = vec![0.0; n];
        for j in (0..n - 1).rev() {
            let (row, above) = x[j * n..].split_at_mut(n);
            let down = &self.down[(j + 1) * n..][..n];
            let returning = above[..n].iter().zip(down).map(|(x, r)| x * r);
            room.iter_mut().zip(returning).for_each(|(room, r)| *room = r);
            times(&self.inverses[j], &mut room);
            row.iter_mut().zip(&room).for_each(|(x, r)| *x += r);
        }
    }
}

/// Modes of `A` from the eigenvalues `μ = 1/(s - ℓ)` of `(s - A)⁻¹` on a Krylov space (W. Arnoldi, The
/// principle of minimized iterations, Quart. Appl. Math. 9, 1951), without the stationary one; those of
/// largest modulus, which have converged.
fn slow_modes(eliminated: &Eliminated, shift: f64, n: usize) -> Vec<Mode> {
    let size = n * n;
    let steps = KRYLOV.min(size - 1);
    // A start that favors no symmetry: a linear function of the cell plus a wave.
    let wave = |k: usize| 1.0 + (k % n) as f64 + 1.7 * (k / n) as f64 + (0.37 * k as f64).sin();
    let mut basis = vec![(0..size).map(wave).collect::<Vec<f64>>()];
    let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let length = norm(&basis[0]);
    basis[0].iter_mut().for_each(|v| *v /= length);
    let mut projected = Mat::<f64>::zeros(steps, steps);
    for k in 0..steps {
        let mut next = basis[k].clone();
        eliminated.solve(&mut next);
        // Twice is enough to keep the basis orthogonal to rounding.
        for _ in 0..2 {
            for (i, v) in basis.iter().enumerate() {
                let overlap: f64 = v.iter().zip(&next).map(|(a, b)| a * b).sum();
                projected[(i, k)] += overlap;
                next.iter_mut().zip(v).for_each(|(x, v)| *x -= overlap * v);
            }
        }
        let length = norm(&next);
        if k + 1 < steps {
            projected[(k + 1, k)] = length;
            next.iter_mut().for_each(|v| *v /= length);
            basis.push(next);
        }
    }
    let Ok(values) = projected.eigenvalues() else { return Vec::new() };
    let mut found: Vec<(f64, Mode)> = values
        .into_iter()
        .filter(|mu| mu.im >= 0.0)
        .map(|mu| {
            let square = mu.re * mu.re + mu.im * mu.im;
            let rate = mu.re / square - shift;
            (square, Mode { rate, frequency: mu.im / square })
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    // The largest is 1/s, the stationary law; four more are resolved.
    let mut modes: Vec<Mode> = found.into_iter().skip(1).take(4).map(|(_, mode)| mode).collect();
    modes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    modes
}

#[cfg(test)]
mod tests {
    use super::super::{Bounded, BoundedGanConfig, Plane};
    use super::*;

    #[test]
    fn a_linear_drift_relaxes_at_its_eigenvalues_to_its_covariance() {
        let drift = |[x, y]: Pair| [-0.5 * x + y, -x - y];
        let solve = |cells| {
            FokkerPlanck { drift: &drift, diffusivity: 0.05, radius: 2.5, cells }.solve(0.5)
        };
        let (coarse, fine) = (solve(40), solve(80));
        assert!(fine.residual < 1e-11, "{}", fine.residual);
        // Second order: what is left after extrapolation is of fourth order, (1/20)⁴ of the coarse error.
        let limit = |f: &dyn Fn(&Relaxation) -> f64| f(&fine) + (f(&fine) - f(&coarse)) / 3.0;
        let exact =
            super::super::closed::Closed { kappa: 0.5, lambda: 1.0 }.covariance([0.05, 0.05]);
        assert!((limit(&|r| r.mean(|[x, _]| x * x)) - exact[0]).abs() < 1e-4);
        assert!((limit(&|r| r.mean(|[x, y]| x * y)) - exact[1]).abs() < 1e-4);
        assert!((limit(&|r| r.mean(|[_, y]| y * y)) - exact[2]).abs() < 1e-4);
        assert!((limit(&|r| r.modes[0].rate) - 0.75).abs() < 2e-3);
        assert!((limit(&|r| r.modes[0].frequency) - 0.937_5_f64.sqrt()).abs() < 2e-3);
    }

    #[test]
    fn the_bounded_game_has_its_reference_values() {
        let game = Bounded::new(&BoundedGanConfig::default()).unwrap().0;
        let drift = |x: Pair| game.drift(x);
        let solve = |cells| {
            FokkerPlanck { drift: &drift, diffusivity: 0.05, radius: 3.0, cells }.solve(0.5)
        };
        let (coarse, fine) = (solve(60), solve(120));
        let limit = |f: &dyn Fn(&Relaxation) -> f64| f(&fine) + (f(&fine) - f(&coarse)) / 3.0;
        for (f, expected) in [
            ((|[x, _]: Pair| x) as fn(Pair) -> f64, 0.350_558),
            (|[_, y]| y, 0.184_509),
            (|[x, _]| x * x, 0.210_387),
            (|[_, y]| y * y, 0.096_947),
            (|[x, y]| x * y, 0.051_405),
            (|[x, _]| x.tanh(), 0.313_720),
            (|[_, y]| y.tanh(), 0.172_649),
        ] {
            let found = limit(&|r| r.mean(f));
            assert!((found - expected).abs() < 2e-5, "{found} {expected}");
        }
        let (rate, next) = (limit(&|r| r.modes[0].rate), limit(&|r| r.modes[1].rate));
        assert!((rate - 0.728_674).abs() < 2e-4, "{rate}");
        assert!((limit(&|r| r.modes[0].frequency) - 0.704).abs() < 1e-3);
        assert!((next - 1.168).abs() < 5e-3, "{next}");
        // Both parts of the first relation are the temperature, and so is the second one's balance.
        let relation = limit(&|r| r.mean(|x| -x[0] * game.drift(x)[0]));
        assert!((relation - 0.05).abs() < 2e-5, "{relation}");
        let field = limit(&|r| r.mean(|x| game.drift(x)[0].powi(2) - game.drift(x)[1].powi(2)));
        assert!((field + 0.024_518).abs() < 2e-5, "{field}");
    }
}
