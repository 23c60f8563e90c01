//! Conjugate gradients for symmetric positive definite systems given by products.

use super::vector::{axpy, dot, norm};

/// Vectors of the iteration, held between solves.
#[derive(Clone, Debug)]
pub struct ConjugateGradient {
    /// The solution.
    pub solution: Vec<f64>,
    residual: Vec<f64>,
    direction: Vec<f64>,
    product: Vec<f64>,
}

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solved {
    /// Products taken.
    pub products: u64,
    /// The matrix is not positive definite along a direction; the solution is the one before it.
    pub indefinite: bool,
}

impl ConjugateGradient {
    /// Vectors of length `dim`.
    pub fn new(dim: usize) -> Self {
        let zeros = || vec![0.0; dim];
        Self { solution: zeros(), residual: zeros(), direction: zeros(), product: zeros() }
    }

    /// `‖A x + g‖` at the solution, as the recursion has it.
    pub fn residual_norm(&self) -> f64 {
        norm(&self.residual)
    }

    /// Solves `A x = -g` from `x = 0` until `‖A x + g‖ <= relative·‖g‖` or `products` are spent.
    ///
    /// `apply(v, out)` writes `A v`. If the first direction already shows no positive curvature, the
    /// solution is `-g` itself.
    pub fn solve(
        &mut self,
        g: &[f64],
        relative: f64,
        products: u64,
        mut apply: impl FnMut(&[f64], &mut [f64]),
    ) -> Solved {
        let Self { solution: x, residual: r, direction: p, product: ap } = self;
        x.fill(0.0);
        for ((r, p), g) in r.iter_mut().zip(&mut *p).zip(g) {
            *r = -g;
            *p = -g;
        }
        let mut rr = dot(r, r);
        let target = rr * relative * relative;
        let mut solved = Solved { products: 0, indefinite: false };
        while rr > target && rr > 0.0 && solved.products < products {
            apply(p, ap);
            solved.products += 1;
            let curvature = dot(p, ap);
            if !(curvature > 0.0 && curvature.is_finite()) {
                solved.indefinite = true;
                if solved.products == 1 {
                    x.copy_from_slice(p);
                }
                break;
            }
            let step = rr / curvature;
            axpy(step, p, x);
            axpy(-step, ap, r);
            let previous = std::mem::replace(&mut rr, dot(r, r));
            let factor = rr / previous;
            for (p, r) in p.iter_mut().zip(&*r) {
                *p = r + factor * *p;
            }
        }
        solved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tridiagonal(shift: f64) -> impl Fn(&[f64], &mut [f64]) {
        move |v, out| {
            for i in 0..v.len() {
                let left = if i > 0 { v[i - 1] } else { 0.0 };
                let right = v.get(i + 1).copied().unwrap_or(0.0);
                out[i] = shift * v[i] - left - right;
            }
        }
    }

    #[test]
    fn a_chosen_solution_comes_back_within_the_asked_residual() {
        let apply = tridiagonal(2.5);
        let x: Vec<f64> = (0..50).map(|i| f64::from(i % 7) - 3.0).collect();
        let mut g = vec![0.0; 50];
        apply(&x, &mut g);
        for g in &mut g {
            *g = -*g;
        }
        let mut cg = ConjugateGradient::new(50);
        let solved = cg.solve(&g, 1e-10, 200, &apply);
        assert!(!solved.indefinite && solved.products <= 50);
        let mut residual = vec![0.0; 50];
        apply(&cg.solution, &mut residual);
        axpy(1.0, &g, &mut residual);
        assert!(dot(&residual, &residual).sqrt() <= 2e-10 * dot(&g, &g).sqrt());
    }

    #[test]
    fn an_indefinite_matrix_is_reported_and_leaves_a_descent_direction() {
        let g = [1.0, 0.0, 0.0, -2.0];
        let mut cg = ConjugateGradient::new(4);
        let solved = cg.solve(&g, 1e-10, 10, tridiagonal(-1.0));
        assert_eq!(solved, Solved { products: 1, indefinite: true });
        assert!(dot(&cg.solution, &g) < 0.0);
    }

    #[test]
    fn the_number_of_products_is_bounded() {
        let g = vec![1.0; 50];
        let solved = ConjugateGradient::new(50).solve(&g, 1e-15, 3, tridiagonal(2.0));
        assert_eq!(solved.products, 3);
    }
}
