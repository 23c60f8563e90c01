//! The exponential of a matrix, and the transitions of linear diffusions made from it.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Scale};

/// Coefficients of the diagonal Padé approximant of order 13, divided by the first.
const PADE: [f64; 14] = [
    1.0,
    0.5,
    0.12,
    1.833_333_333_333_333_3e-2,
    1.992_753_623_188_405_8e-3,
    1.630_434_782_608_695_7e-4,
    1.035_196_687_370_600_5e-5,
    5.175_983_436_853_002e-7,
    2.043_151_356_652_501e-8,
    6.306_022_705_717_596e-10,
    1.483_770_048_404_140_2e-11,
    2.529_153_491_597_966e-13,
    2.810_170_546_219_962_3e-15,
    1.544_049_750_670_308_8e-17,
];

/// The largest 1-norm that the approximant of order 13 takes to rounding (Higham 2005, table 2.3).
const REACH: f64 = 5.371_920_351_148_152;

/// `e^A`, `n x n`: scaling, the Padé approximant of order 13, squaring.
///
/// Source: N. J. Higham, The scaling and squaring method for the matrix exponential revisited, SIAM
/// J. Matrix Anal. Appl. 26 (2005), algorithm 2.3 without its lower orders.
pub fn exponential(a: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.nrows();
    let norm = (0..n).map(|j| (0..n).map(|i| a[(i, j)].abs()).sum()).fold(0.0, f64::max);
    let squarings = if norm > REACH { (norm / REACH).log2().ceil() as i32 } else { 0 };
    let a = Scale(0.5_f64.powi(squarings)) * a;
    let a2 = &a * &a;
    let a4 = &a2 * &a2;
    let a6 = &a4 * &a2;
    let identity = Mat::<f64>::identity(n, n);
    let polynomial = |c: [f64; 4]| {
        Scale(c[0]) * &identity + Scale(c[1]) * &a2 + Scale(c[2]) * &a4 + Scale(c[3]) * &a6
    };
    let high = |c: [f64; 3]| &a6 * (Scale(c[0]) * &a2 + Scale(c[1]) * &a4 + Scale(c[2]) * &a6);
    let odd =
        polynomial([PADE[1], PADE[3], PADE[5], PADE[7]]) + high([PADE[9], PADE[11], PADE[13]]);
    let odd = &a * odd;
    let even =
        polynomial([PADE[0], PADE[2], PADE[4], PADE[6]]) + high([PADE[8], PADE[10], PADE[12]]);
    let mut result = (&even - &odd).partial_piv_lu().solve(&even + &odd);
    for _ in 0..squarings {
        result = &result * &result;
    }
    result
}

/// What `dX = -K X dt + σ dW` does in a time `t`: `X_t = mean · X_0 + noise` with noise of covariance
/// `covariance`.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// `e^{-Kt}`: `n x n`.
    pub mean: Mat<f64>,
    /// `∫_0^t e^{-Ks} σσᵀ e^{-Ks}ᵀ ds`: `n x n`.
    pub covariance: Mat<f64>,
}

/// The transition over a time `t >= 0`. `K`, `noise = σσᵀ`: `n x n`; `K` may be anything, unstable
/// too.
///
/// Both come from one exponential of twice the order over a time so short that nothing cancels
/// (C. Van Loan, Computing integrals involving the matrix exponential, IEEE Trans. Automat. Control 23,
/// 1978), then doubled: `C(2t) = C(t) + E C(t) Eᵀ`, `E ← E²`.
pub fn transition(decay: MatRef<'_, f64>, noise: MatRef<'_, f64>, t: f64) -> Transition {
    let n = decay.nrows();
    let size = t * decay.norm_l2();
    let doublings = if size > 1.0 { size.log2().ceil() as i32 } else { 0 };
    let step = t * 0.5_f64.powi(doublings);
    let mut block = Mat::<f64>::zeros(2 * n, 2 * n);
    for j in 0..n {
        for i in 0..n {
            block[(i, j)] = -step * decay[(i, j)];
            block[(i, n + j)] = step * noise[(i, j)];
            block[(n + i, n + j)] = step * decay[(j, i)];
        }
    }
    let block = exponential(block.as_ref());
    let mut mean = block.submatrix(0, 0, n, n).to_owned();
    let mut covariance = block.submatrix(0, n, n, n) * mean.transpose();
    for _ in 0..doublings {
        covariance = &covariance + &mean * &covariance * mean.transpose();
        mean = &mean * &mean;
    }
    let covariance = Scale(0.5) * (&covariance + covariance.transpose());
    Transition { mean, covariance }
}

#[cfg(test)]
mod tests {
    use faer::mat;

    use super::super::lyapunov;
    use super::*;

    fn close(a: &Mat<f64>, b: &Mat<f64>, relative: f64) {
        let gap = (a - b).norm_max();
        assert!(gap <= relative * b.norm_max(), "{a:?} {b:?}: {gap}");
    }

    #[test]
    fn exponentials_of_rotations_and_jordan_blocks_are_known() {
        for angle in [1e-9_f64, 0.3, 3.0, 40.0] {
            let (s, c) = angle.sin_cos();
            let found = exponential(mat![[0.0, -angle], [angle, 0.0]].as_ref());
            // Each of the squarings doubles a relative error of rounding.
            close(&found, &mat![[c, -s], [s, c]], 8.0 * f64::EPSILON * angle.max(1.0));
        }
        let found = exponential(mat![[-2.0, 1.0], [0.0, -2.0]].as_ref());
        let e = (-2.0_f64).exp();
        close(&found, &mat![[e, e], [0.0, e]], 8.0 * f64::EPSILON);
    }

    #[test]
    fn a_transition_is_the_stationary_covariance_less_what_is_left_of_it() {
        let decay = mat![[0.5, -1.0], [1.0, 1.0]];
        let noise = mat![[0.005, 0.001], [0.001, 0.015]];
        let rest = lyapunov::continuous(decay.as_ref(), noise.as_ref()).unwrap();
        for t in [1e-3, 0.1, 2.0, 50.0] {
            let Transition { mean, covariance } = transition(decay.as_ref(), noise.as_ref(), t);
            close(&mean, &exponential((Scale(-t) * &decay).as_ref()), 1e-13);
            let expected = &rest - &mean * &rest * mean.transpose();
            // The difference loses the digits of rest / covariance, which is at most 1/t.
            close(&covariance, &expected, 64.0 * f64::EPSILON * (1.0 / t).max(1.0));
        }
    }

    #[test]
    fn a_rotation_spreads_without_bound() {
        let decay = mat![[0.0, -1.0], [1.0, 0.0]];
        let noise = Mat::<f64>::identity(2, 2);
        let found = transition(decay.as_ref(), noise.as_ref(), 30.0);
        // The noise is isotropic and the rotation keeps lengths: the covariance is t I.
        close(&found.covariance, &(Scale(30.0) * Mat::<f64>::identity(2, 2)), 1e-13);
    }
}
