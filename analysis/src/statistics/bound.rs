//! An explicit bound `gap ≤ c` on every recorded row of every run: one number per run, its largest
//! ratio. A bound in expectation is a mean of ratios, at places declared before the data, see
//! [`mean`](super::mean).

/// The largest `gap_k / c_k` of a run and the row where it stands; rows with a gap below `floor`
/// are noise and left out. A gap that is not finite violates any bound. `None` where no row is left.
pub fn largest_ratio(gap: &[f64], bound: &[f64], floor: f64) -> Option<(usize, f64)> {
    gap.iter()
        .zip(bound)
        .enumerate()
        .filter(|(_, (gap, _))| gap.is_nan() || **gap >= floor)
        .map(|(row, (gap, bound))| (row, if gap.is_nan() { f64::INFINITY } else { gap / bound }))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Rounding and reference error allowed above 1: `64ε + width/c`, where `width` bounds the error of
/// the reference value and `smallest` is the smallest bound.
pub fn tolerance(width: f64, smallest: f64) -> f64 {
    64.0 * f64::EPSILON + width / smallest
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::super::mean::{Moments, guarded, student};
    use super::*;

    #[test]
    fn the_worst_row_is_named() {
        let (row, ratio) = largest_ratio(&[1.0, 0.9, 0.2], &[2.0, 1.0, 0.5], 0.0).unwrap();
        assert_eq!(row, 1);
        assert_close(ratio, 0.9, 1e-15);
    }

    #[test]
    fn rows_below_the_floor_are_left_out_and_nan_violates() {
        assert_eq!(largest_ratio(&[1e-17], &[1e-20], 1e-15), None);
        assert!(largest_ratio(&[0.1, f64::NAN], &[1.0, 1.0], 0.0).unwrap().1.is_infinite());
    }

    #[test]
    fn an_exact_bound_passes_its_tolerance() {
        let (_, ratio) = largest_ratio(&[0.3], &[0.1 + 0.2], 0.0).unwrap();
        assert!(ratio <= 1.0 + tolerance(0.0, 0.3));
    }

    #[test]
    fn upper_limits_in_expectation_match_their_vector() {
        // Ratios of six seeds at three places: each place has a third of alpha.
        let places = [
            [0.8, 0.6, 0.9, 0.7, 0.75, 0.65],
            [0.7, 0.65, 0.85, 0.72, 0.6, 0.8],
            [0.9, 0.7, 0.95, 0.8, 0.85, 0.7],
        ];
        for (seeds, expected) in places.iter().zip([0.889_172_97, 0.853_799_27, 0.965_677_86]) {
            let moments = Moments::of(seeds);
            assert_close(student(&moments, 0.05 / 3.0).upper, expected, 1e-8);
            assert!(guarded(&moments, 0.05 / 3.0).upper < 1.0);
        }
    }
}
