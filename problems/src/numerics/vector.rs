//! The few vector operations that methods share. Sums run in one fixed order, so results do not
//! depend on threads.

/// Partial sums kept side by side, so that the loop vectorises and rounding grows eight times slower.
const LANES: usize = 8;

/// `aᵀb`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    debug_assert_eq!(a.len(), b.len());
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// `‖a‖₂`.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `y ← y + factor·x`.
pub fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    debug_assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// `out ← x + factor·d`.
pub fn add_scaled(x: &[f64], factor: f64, d: &[f64], out: &mut [f64]) {
    debug_assert!(x.len() == d.len() && x.len() == out.len());
    for ((out, x), d) in out.iter_mut().zip(x).zip(d) {
        *out = x + factor * d;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_adds_every_entry_whatever_the_length() {
        for n in 0..40_u32 {
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let expected = f64::from(n) * (f64::from(n) - 1.0) * (2.0 * f64::from(n) - 1.0) / 6.0;
            assert!((dot(&a, &a) - expected).abs() < 1e-9, "length {n}");
        }
    }

    #[test]
    fn add_scaled_agrees_with_axpy() {
        let (x, d) = ([1.0, 2.0, 3.0], [0.5, -1.0, 4.0]);
        let (mut out, mut y) = ([0.0; 3], x);
        add_scaled(&x, 2.0, &d, &mut out);
        axpy(2.0, &d, &mut y);
        assert_eq!(out.map(f64::to_bits), y.map(f64::to_bits));
    }
}
