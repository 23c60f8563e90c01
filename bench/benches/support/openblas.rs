//! The system's OpenBLAS with its LAPACK, for comparison. Matrices are column-major slices.
#![expect(unsafe_code, reason = "foreign functions; every length is checked before the call")]

use cblas::{Layout, Part, Transpose};

mod ffi {
    unsafe extern "C" {
        pub(super) fn openblas_set_num_threads(threads: i32);
    }
}

/// A size as these libraries take it.
fn int(size: usize) -> i32 {
    i32::try_from(size).expect("a matrix of a benchmark is small")
}

/// Keeps OpenBLAS on the calling thread.
pub(crate) fn one_thread() {
    // SAFETY: a plain setter of OpenBLAS, called before any of its kernels.
    unsafe { ffi::openblas_set_num_threads(1) }
}

/// `c = a b` with `a: m x k`, `b: k x n`, `c: m x n`.
pub(crate) fn product(a: &[f64], b: &[f64], c: &mut [f64], [m, n, k]: [usize; 3]) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    let [rows, columns, inner] = [m, n, k].map(int);
    let (layout, plain) = (Layout::ColumnMajor, Transpose::None);
    // SAFETY: the slices hold the matrices, whose leading dimensions are their numbers of rows.
    unsafe {
        cblas::dgemm(
            layout, plain, plain, rows, columns, inner, 1.0, a, rows, b, inner, 0.0, c, rows,
        );
    }
}

/// [`product`] in single precision.
pub(crate) fn product_single(a: &[f32], b: &[f32], c: &mut [f32], [m, n, k]: [usize; 3]) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    let [rows, columns, inner] = [m, n, k].map(int);
    let (layout, plain) = (Layout::ColumnMajor, Transpose::None);
    // SAFETY: the slices hold the matrices, whose leading dimensions are their numbers of rows.
    unsafe {
        cblas::sgemm(
            layout, plain, plain, rows, columns, inner, 1.0, a, rows, b, inner, 0.0, c, rows,
        );
    }
}

/// The lower triangle of `a aᵀ`, `a: p x n`, into that of `c: p x p`.
pub(crate) fn gram(a: &[f64], c: &mut [f64], [p, n]: [usize; 2]) {
    assert!(a.len() == p * n && c.len() == p * p);
    let (order, inner) = (int(p), int(n));
    let (layout, part, plain) = (Layout::ColumnMajor, Part::Lower, Transpose::None);
    // SAFETY: the slices hold the matrices, whose leading dimensions are their numbers of rows.
    unsafe { cblas::dsyrk(layout, part, plain, order, inner, 1.0, a, order, 0.0, c, order) }
}

/// The Cholesky factor of the lower triangle of `a: p x p`, in place.
pub(crate) fn cholesky(a: &mut [f64], p: usize) {
    assert_eq!(a.len(), p * p);
    let (order, mut info) = (int(p), 0);
    // SAFETY: the slice holds the matrix, whose leading dimension is its order.
    unsafe { lapack::dpotrf(b'L', order, a, order, &mut info) }
    assert_eq!(info, 0, "it is positive definite");
}

/// What the QR factorisation of an `m x n` matrix needs beside the matrix.
pub(crate) struct QrRoom {
    rows: usize,
    columns: usize,
    tau: Vec<f64>,
    work: Vec<f64>,
}

impl QrRoom {
    /// As much as LAPACK asks for.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let mut room = Self { rows, columns, tau: vec![0.0; rows.min(columns)], work: vec![0.0] };
        let length = room.call(&mut [], -1);
        room.work = vec![0.0; length];
        room
    }

    /// Factors `a`, or with `length = -1` returns the length of `work` that is best.
    fn call(&mut self, a: &mut [f64], length: i32) -> usize {
        let Self { rows, columns, tau, work } = self;
        let (rows, columns, mut info) = (int(*rows), int(*columns), 0);
        // SAFETY: with `length = -1` nothing but the first number of `work` is touched; otherwise
        // the caller has checked that `a` holds the matrix, and `work` has `length` numbers.
        unsafe { lapack::dgeqrf(rows, columns, a, rows, tau, work, length, &mut info) }
        assert_eq!(info, 0, "the arguments are admissible");
        work[0] as usize
    }
}

/// The QR factorisation of `a`, in place.
pub(crate) fn qr(a: &mut [f64], room: &mut QrRoom) {
    assert_eq!(a.len(), room.rows * room.columns);
    room.call(a, int(room.work.len()));
}
