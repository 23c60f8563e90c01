//! The limits of the machine, measured: arithmetic, memory, random numbers.

use std::fmt;
use std::hint::black_box;

use converge_bench::clock::{Clock, ProcessorTime};
use converge_problems::Seed;
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, Mat, Par};
use rand::RngExt;

use super::Cost;

/// Trials of each limit; the fastest counts.
const TRIALS: usize = 20;
/// Order of the matrices whose product measures arithmetic.
const ORDER: usize = 1024;
/// Numbers in each of the three arrays of the triad: 192 MiB in all, beyond any cache.
const TRIAD: usize = 8 << 20;
/// Random numbers drawn in a trial.
const DRAWS: usize = 1 << 24;

/// Counts per second that one thread reaches at best.
pub(crate) struct Limits {
    /// Operations of a product of two matrices in `f64`, `2 n³` for order `n`.
    double: f64,
    /// The same in `f32`.
    single: f64,
    /// Bytes of the triad `a = b + s c`: two arrays read and one written, 24 bytes per number (what
    /// a cache reads before it writes is not counted).
    bytes: f64,
    /// Numbers of 64 bits from the raw generator.
    numbers: f64,
}

impl Limits {
    pub(crate) fn measure() -> Self {
        Self {
            double: product(1.0_f64, 2.0),
            single: product(1.0_f32, 2.0),
            bytes: triad(),
            numbers: generator(),
        }
    }

    /// The higher of both, each.
    pub(crate) fn or_better(self, other: &Self) -> Self {
        Self {
            double: self.double.max(other.double),
            single: self.single.max(other.single),
            bytes: self.bytes.max(other.bytes),
            numbers: self.numbers.max(other.numbers),
        }
    }

    /// The rates of a kernel that took `seconds`, each with its share of the limit. Operations in
    /// `f32` and `f64` have one rate and one share: of the time that both would take at the limit.
    pub(crate) fn compare(&self, cost: Cost, seconds: f64) -> String {
        let Cost { double, single, bytes, numbers } = cost;
        let mut rates = Vec::new();
        let mut rate = |count: f64, unit: &str, least: f64| {
            if count > 0.0 {
                let (rate, share) = (count * 1e-9 / seconds, 100.0 * least / seconds);
                rates.push(format!("{rate:8.2} {unit} {share:4.0} %"));
            }
        };
        rate(double + single, "GFLOP/s", double / self.double + single / self.single);
        rate(bytes, "GB/s", bytes / self.bytes);
        rate(numbers, "numbers/ns", numbers / self.numbers);
        rates.join("  ")
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { double, single, bytes, numbers } = *self;
        write!(
            f,
            "product {:.1} GFLOP/s in f64 and {:.1} in f32, triad {:.1} GB/s, generator {:.2} numbers/ns",
            1e-9 * double,
            1e-9 * single,
            1e-9 * bytes,
            1e-9 * numbers
        )
    }
}

/// `count` over the seconds of the fastest of [`TRIALS`] calls.
fn fastest(count: f64, mut trial: impl FnMut()) -> f64 {
    let seconds = (0..TRIALS).map(|_| {
        let mut clock = ProcessorTime::start();
        trial();
        clock.now()
    });
    count / seconds.fold(f64::INFINITY, f64::min)
}

fn product<T: ComplexField + Copy>(one: T, two: T) -> f64 {
    let a = Mat::full(ORDER, ORDER, one);
    let b = Mat::full(ORDER, ORDER, two);
    let mut c = Mat::zeros(ORDER, ORDER);
    fastest(2.0 * (ORDER as f64).powi(3), || {
        matmul(c.as_mut(), Accum::Replace, a.as_ref(), b.as_ref(), one, Par::Seq);
        black_box(&c);
    })
}

fn triad() -> f64 {
    let (b, c) = (vec![1.0; TRIAD], vec![2.0; TRIAD]);
    let mut a = vec![0.0; TRIAD];
    fastest(24.0 * TRIAD as f64, || {
        for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
            *a = b + 3.0 * c;
        }
        black_box(&mut a);
    })
}

fn generator() -> f64 {
    let mut rng = Seed::root(0).rng();
    fastest(DRAWS as f64, || {
        let sum = (0..DRAWS).fold(0_u64, |sum, _| sum.wrapping_add(rng.random()));
        black_box(sum);
    })
}
