//! Dense kernels of faer beside nalgebra's and, with the feature `openblas`, those of OpenBLAS and
//! its LAPACK: the figures that the choice of faer rests on.
//!
//! Same sizes, one thread, column-major. A factorisation is timed with the copy of its input that
//! each library needs: 1 % of the time from order 785 upwards.

#[cfg(feature = "openblas")]
#[path = "support/openblas.rs"]
mod openblas;
mod support;

use std::hint::black_box;

use converge_problems::Seed;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par, Side};
use nalgebra::{Cholesky, DMatrix, QR};
use rand_distr::{Distribution, StandardNormal};

use crate::support::{Cost, Suite};

/// A matrix of standard normals.
fn normal(rows: usize, columns: usize) -> Mat<f64> {
    let mut rng = Seed::root(1).child("matrix").index((rows * columns) as u64).rng();
    Mat::from_fn(rows, columns, |_, _| StandardNormal.sample(&mut rng))
}

fn to_nalgebra<T: nalgebra::Scalar>(a: &Mat<T>) -> DMatrix<T> {
    DMatrix::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)].clone())
}

/// The product of an `m x k` and a `k x n` matrix: `2 m n k` operations. Square ones, and the skinny
/// one that scores of 10 classes are: why the oracles of `mlr` have kernels of their own.
fn product(suite: &mut Suite) {
    for (m, k, n) in [(256, 256, 256), (1024, 1024, 1024), (10, 785, 4096)] {
        let flops = 2.0 * (m * n * k) as f64;
        let (a, b) = (normal(m, k), normal(k, n));
        let group = format!("product, {m} x {k} x {n}");

        let cost = Cost { double: flops, ..Cost::default() };
        let mut c = Mat::zeros(m, n);
        suite.measure(&group, "f64, faer", cost, || {
            matmul(c.as_mut(), Accum::Replace, a.as_ref(), b.as_ref(), 1.0, Par::Seq);
            black_box(&c);
        });
        let (na, nb, mut nc) = (to_nalgebra(&a), to_nalgebra(&b), to_nalgebra(&c));
        suite.measure(&group, "f64, nalgebra", cost, || {
            nc.gemm(1.0, &na, &nb, 0.0);
            black_box(&nc);
        });
        #[cfg(feature = "openblas")]
        suite.measure(&group, "f64, openblas", cost, || {
            openblas::product(na.as_slice(), nb.as_slice(), nc.as_mut_slice(), [m, n, k]);
            black_box(&nc);
        });

        let cost = Cost { single: flops, ..Cost::default() };
        let single = |a: &Mat<f64>| Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] as f32);
        let (a, b, mut c) = (single(&a), single(&b), single(&c));
        suite.measure(&group, "f32, faer", cost, || {
            matmul(c.as_mut(), Accum::Replace, a.as_ref(), b.as_ref(), 1.0, Par::Seq);
            black_box(&c);
        });
        let (na, nb, mut nc) = (to_nalgebra(&a), to_nalgebra(&b), to_nalgebra(&c));
        suite.measure(&group, "f32, nalgebra", cost, || {
            nc.gemm(1.0, &na, &nb, 0.0);
            black_box(&nc);
        });
        #[cfg(feature = "openblas")]
        suite.measure(&group, "f32, openblas", cost, || {
            openblas::product_single(na.as_slice(), nb.as_slice(), nc.as_mut_slice(), [m, n, k]);
            black_box(&nc);
        });
    }
}

/// The lower triangle of `A Aᵀ`, `A` of `p x n`: `n p²` operations. nalgebra has no such product, so it
/// computes both triangles, with the transpose at hand.
fn gram(suite: &mut Suite) {
    let (p, n) = (785, 2048);
    let a = normal(p, n);
    let group = format!("gram, {p} x {n}");
    let cost = Cost { double: (n * p * p) as f64, ..Cost::default() };
    let mut c = Mat::zeros(p, p);
    suite.measure(&group, "f64, faer", cost, || {
        triangular::matmul(
            c.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            a.as_ref(),
            BlockStructure::Rectangular,
            a.transpose(),
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
        black_box(&c);
    });
    let (na, mut nc) = (to_nalgebra(&a), DMatrix::zeros(p, p));
    let transpose = na.transpose();
    suite.measure(&group, "f64, nalgebra", cost, || {
        nc.gemm(1.0, &na, &transpose, 0.0);
        black_box(&nc);
    });
    #[cfg(feature = "openblas")]
    suite.measure(&group, "f64, openblas", cost, || {
        openblas::gram(na.as_slice(), nc.as_mut_slice(), [p, n]);
        black_box(&nc);
    });
}

/// Cholesky factorisation of order `p`, one of the problem's own sizes: `p³/3` operations.
fn cholesky(suite: &mut Suite) {
    for p in [257, 785, 2305] {
        let root = normal(p, p);
        let a = &root * root.transpose() + Mat::<f64>::identity(p, p);
        let group = format!("cholesky, {p}");
        let cost = Cost { double: (p as f64).powi(3) / 3.0, ..Cost::default() };
        suite.measure(&group, "f64, faer", cost, || {
            black_box(a.llt(Side::Lower).expect("it is positive definite"));
        });
        let na = to_nalgebra(&a);
        suite.measure(&group, "f64, nalgebra", cost, || {
            black_box(Cholesky::new(na.clone()).expect("it is positive definite"));
        });
        #[cfg(feature = "openblas")]
        suite.measure(&group, "f64, openblas", cost, || {
            let mut factor = na.clone();
            openblas::cholesky(factor.as_mut_slice(), p);
            black_box(factor);
        });
    }
}

/// QR factorisation of an `m x n` matrix by Householder reflections: `2 n² (m - n/3)` operations.
fn qr(suite: &mut Suite) {
    for (m, n) in [(512, 512), (10_000, 100)] {
        let a = normal(m, n);
        let group = format!("qr, {m} x {n}");
        let flops = 2.0 * (n * n) as f64 * (m as f64 - n as f64 / 3.0);
        let cost = Cost { double: flops, ..Cost::default() };
        suite.measure(&group, "f64, faer", cost, || {
            black_box(a.qr());
        });
        let na = to_nalgebra(&a);
        suite.measure(&group, "f64, nalgebra", cost, || {
            black_box(QR::new(na.clone()));
        });
        #[cfg(feature = "openblas")]
        {
            let mut room = openblas::QrRoom::new(m, n);
            suite.measure(&group, "f64, openblas", cost, || {
                let mut factor = na.clone();
                openblas::qr(factor.as_mut_slice(), &mut room);
                black_box(factor);
            });
        }
    }
}

fn main() {
    #[cfg(feature = "openblas")]
    openblas::one_thread();
    let mut suite = Suite::new();
    product(&mut suite);
    gram(&mut suite);
    cholesky(&mut suite);
    qr(&mut suite);
    suite.finish();
}
