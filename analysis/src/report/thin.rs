//! Long traces with fewer rows, and the same picture.
//!
//! Of the rows that fall into one pixel column of a plot the first, the last, the lowest and the
//! highest are kept with their true places: the polyline through them covers the same pixels as the
//! whole (Jugel, Jerzak, Hackenbroich, Markl, *M4: a visualization-oriented time series data
//! aggregation*, PVLDB 7, 2014). Keeping minimum and maximum alone bends the lines between columns.

/// Traces with more rows are thinned.
const ROWS: usize = 400;
/// Width of the plot, in pixels, along a logarithmic axis.
const WIDTH: f64 = 1600.0;

/// The rows to keep, rising; `None` where all are. `x` are the rising places, `columns` the numbers
/// drawn over them, `marks` rows that are looked at one by one.
pub(super) fn kept(x: &[f64], columns: &[&[f64]], marks: &[usize]) -> Option<Vec<usize>> {
    if x.len() <= ROWS {
        return None;
    }
    let last = x.len() - 1;
    let start = x.iter().copied().find(|x| *x > 0.0)?;
    let range = (x[last] / start).ln().max(f64::MIN_POSITIVE);
    // Row 0 stands at 0, left of every logarithmic axis.
    let pixel = |x: f64| if x > 0.0 { (WIDTH * (x / start).ln() / range) as i64 } else { -1 };
    let mut keep = vec![false; x.len()];
    keep[0] = true;
    keep[last] = true;
    for &row in marks.iter().filter(|row| **row <= last) {
        keep[row] = true;
    }
    for values in columns {
        let mut from = 0;
        while from < x.len() {
            // One pixel column, and in it rows that are all finite or all not: a gap stays a gap.
            let same = |&row: &usize| {
                pixel(x[row]) == pixel(x[from])
                    && values[row].is_finite() == values[from].is_finite()
            };
            let to = (from..x.len()).take_while(same).last().unwrap_or(from);
            keep[from] = true;
            keep[to] = true;
            let by_value = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]);
            for row in [(from..=to).min_by(by_value), (from..=to).max_by(by_value)] {
                keep[row.unwrap_or(from)] = true;
            }
            from = to + 1;
        }
    }
    Some((0..x.len()).filter(|row| keep[*row]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HEIGHT: f64 = 900.0;

    /// Pixels of a polyline on logarithmic axes over the given ranges; NaN breaks it.
    fn raster(x: &[f64], y: &[f64], ranges: [[f64; 2]; 2]) -> BTreeSet<(i64, i64)> {
        let place = |v: f64, [low, high]: [f64; 2], size: f64| {
            (size * (v / low).ln() / (high / low).ln()).floor() as i64
        };
        let mut pixels = BTreeSet::new();
        let mut before: Option<(i64, i64)> = None;
        for (x, y) in x.iter().zip(y).filter(|(x, _)| **x > 0.0) {
            if y.is_nan() {
                before = None;
                continue;
            }
            let here = (place(*x, ranges[0], WIDTH), place(*y, ranges[1], HEIGHT));
            let from = before.unwrap_or(here);
            let steps = (here.0 - from.0).abs().max((here.1 - from.1).abs()).max(1);
            for step in 0..=steps {
                let t = step as f64 / steps as f64;
                let along = |a: i64, b: i64| (a as f64 + t * (b - a) as f64).round() as i64;
                pixels.insert((along(from.0, here.0), along(from.1, here.1)));
            }
            before = Some(here);
        }
        pixels
    }

    fn assert_same_picture(x: &[f64], y: &[f64]) -> usize {
        let rows = kept(x, &[y], &[]).unwrap();
        let at = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        let positive = || y.iter().copied().filter(|y| !y.is_nan());
        let low = positive().fold(f64::INFINITY, f64::min);
        let high = positive().fold(0.0, f64::max);
        let ranges = [[x[1], x[x.len() - 1]], [low, high]];
        let (whole, thinned) = (raster(x, y, ranges), raster(&at(x), &at(y), ranges));
        let near = |pixels: &BTreeSet<(i64, i64)>, (a, b): (i64, i64)| {
            (-1..=1).any(|i| (-1..=1).any(|j| pixels.contains(&(a + i, b + j))))
        };
        assert!(whole.iter().all(|&pixel| near(&thinned, pixel)), "ink is lost");
        assert!(thinned.iter().all(|&pixel| near(&whole, pixel)), "ink is added");
        rows.len()
    }

    /// A reproducible number in (0, 1) for each row.
    fn noise(row: usize) -> f64 {
        let hash = (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((hash ^ (hash >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / 2_f64.powi(53)
    }

    #[test]
    fn thinning_changes_no_pixel() {
        let x: Vec<f64> = (0..60_000).map(f64::from).collect();
        let smooth: Vec<f64> = x.iter().map(|k| 1.0 / (1.0 + k)).collect();
        let noisy: Vec<f64> =
            (0..x.len()).map(|row| (1e-3 + noise(row)) / (1.0 + x[row]).sqrt()).collect();
        let mut spiky = smooth.clone();
        for row in [17, 901, 20_011, 59_998] {
            spiky[row] = 1e3;
        }
        let mut broken = noisy.clone();
        broken[30_000..30_400].fill(f64::NAN);
        broken[777] = f64::NAN;
        for y in [smooth, noisy, spiky, broken] {
            let rows = assert_same_picture(&x, &y);
            assert!(rows < 6_404, "{rows} rows for four a column");
        }
    }

    #[test]
    fn short_traces_are_whole_and_marked_rows_stay() {
        let x: Vec<f64> = (0..5_000).map(f64::from).collect();
        assert_eq!(kept(&x[..400], &[&x[..400]], &[]), None);
        let flat = vec![1.0; x.len()];
        let rows = kept(&x, &[&flat], &[4_321]).unwrap();
        assert!(rows.contains(&4_321) && rows.contains(&0) && rows.contains(&4_999));
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn every_column_of_a_run_keeps_its_own_spikes() {
        let x: Vec<f64> = (0..5_000).map(f64::from).collect();
        let (mut one, mut other) = (vec![1.0; x.len()], vec![1.0; x.len()]);
        one[4_000] = 9.0;
        other[4_001] = 9.0;
        let rows = kept(&x, &[&one, &other], &[]).unwrap();
        assert!(rows.contains(&4_000) && rows.contains(&4_001));
    }
}
