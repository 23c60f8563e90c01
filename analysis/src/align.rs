//! Curves of several runs on one axis: medians and bands over seeds.

use crate::load::Run;
use crate::statistics::Interval;

/// The quantile of a sorted list at `level` by linear interpolation between order statistics,
/// `h = level (B − 1)` (numpy's default, "type 7"). An infinite neighbor with weight makes it
/// infinite; between two infinities it is the lower one. NaN if the list is empty.
pub fn quantile(sorted: &[f64], level: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = level.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let weight = place - place.floor();
    if weight <= 0.0 || sorted[below].is_infinite() {
        return sorted[below];
    }
    sorted[below] + weight * (sorted[below + 1] - sorted[below])
}

/// A curve of one run: rising places and the value held from each on.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Places on the axis, rising.
    pub x: Vec<f64>,
    /// Values.
    pub y: Vec<f64>,
}

impl Curve {
    /// The metric `y` of a run over its column `x`; `None` if it lacks either.
    pub fn of(run: &Run<'_>, x: &str, y: &str) -> Option<Self> {
        Some(Self { x: run.series(x)?.values.into_owned(), y: run.series(y)?.values.into_owned() })
    }

    /// The last value recorded at or before `x`; `None` before the first row and after the last.
    pub fn at(&self, x: f64) -> Option<f64> {
        let row = self.x.partition_point(|place| *place <= x).checked_sub(1)?;
        let ended = self.x.last().is_some_and(|last| x > *last);
        if ended { None } else { self.y.get(row).copied() }
    }
}

/// Median and 10–90 % band of a group of curves.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Band {
    /// Places on the axis.
    pub x: Vec<f64>,
    /// Median over the runs that are alive there.
    pub median: Vec<f64>,
    /// 10 % and 90 % quantiles.
    pub spread: Vec<Interval>,
}

/// Aligns curves on the union of their places, each holding its last value, and takes median and
/// band. The band ends where fewer than half of the runs are alive; NaN counts as the worst end,
/// above every number.
pub fn band(curves: &[Curve]) -> Band {
    let mut places: Vec<f64> = curves.iter().flat_map(|curve| curve.x.iter().copied()).collect();
    places.sort_by(f64::total_cmp);
    places.dedup_by(|a, b| a.total_cmp(b).is_eq());
    let mut band = Band::default();
    for x in places {
        let mut alive: Vec<f64> = curves
            .iter()
            .filter_map(|curve| curve.at(x))
            .map(|y| if y.is_nan() { f64::INFINITY } else { y })
            .collect();
        if alive.is_empty() || 2 * alive.len() < curves.len() {
            // Curves on clocks start a little apart: only an end ends the band.
            if band.x.is_empty() {
                continue;
            }
            break;
        }
        alive.sort_by(f64::total_cmp);
        band.x.push(x);
        band.median.push(quantile(&alive, 0.5));
        band.spread.push(Interval::new(quantile(&alive, 0.1), quantile(&alive, 0.9)));
    }
    band
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::assert_close;

    #[test]
    fn quantiles_match_numpy() {
        // numpy.quantile([1, 2, 4, 8], [0, .1, .5, .9, 1])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (level, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert_close(quantile(&sorted, level), expected, 1e-14);
        }
    }

    #[test]
    fn an_infinite_neighbor_counts_only_with_weight() {
        let sorted = [1.0, 2.0, f64::INFINITY];
        assert_close(quantile(&sorted, 0.5), 2.0, 1e-15);
        assert!(quantile(&sorted, 0.6).is_infinite());
        assert!(quantile(&[f64::INFINITY; 2], 0.3).is_infinite());
        let low = quantile(&[f64::NEG_INFINITY, 1.0], 0.5);
        assert!(low.is_infinite() && low < 0.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_curve_holds_its_value_until_its_end() {
        let curve = Curve { x: vec![0.0, 10.0], y: vec![5.0, 3.0] };
        assert_eq!(curve.at(-1.0), None);
        assert_eq!(curve.at(9.0), Some(5.0));
        assert_eq!(curve.at(10.0), Some(3.0));
        assert_eq!(curve.at(11.0), None);
    }

    #[test]
    fn a_band_ends_where_fewer_than_half_are_alive() {
        let curve = |last: usize, y: f64| Curve {
            x: (0..=last).map(|k| k as f64).collect(),
            y: vec![y; last + 1],
        };
        let found = band(&[curve(2, 1.0), curve(4, 2.0), curve(4, 3.0), curve(9, 4.0)]);
        assert_eq!(found.x, [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(found.median[..3], [2.5; 3]);
        assert_eq!(found.median[3..], [3.0; 2]);
        assert_close(found.spread[0].lower, 1.3, 1e-14);
        assert_close(found.spread[0].upper, 3.7, 1e-14);
    }
}
