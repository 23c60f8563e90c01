//! The rate of one curve: a slope per seed, never a fit to the mean curve, which the slowest seeds
//! carry and whose points share seeds.

use nalgebra::{Matrix2, Vector2};

/// The shape of a decrease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `gap ~ q^k`: the slope of ln gap over k is ln q.
    Linear,
    /// `gap ~ k^−p`: the slope of ln gap over ln k is −p.
    Sublinear,
}

/// Where a slope is read, fixed before the data.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Window {
    /// First count.
    pub from: f64,
    /// Last count.
    pub to: f64,
}

/// Grid points of a fit.
const POINTS: usize = 20;
/// Fewest distinct grid points of a fit.
pub const FEWEST: usize = 8;

impl Window {
    /// The default for a budget of `last` counts: its last two decades, or last nine tenths for
    /// linear rates, and never the first ten counts.
    pub fn of(kind: Kind, last: f64) -> Self {
        let share = if kind == Kind::Sublinear { 100.0 } else { 10.0 };
        Self { from: (last / share).ceil().max(10.0), to: last }
    }

    /// Twenty counts spread over the window, rounded and made unique: geometric for sublinear rates,
    /// so that the many late rows do not rule the fit, arithmetic for linear ones.
    pub fn grid(&self, kind: Kind) -> Vec<f64> {
        let mut grid: Vec<f64> = (0..POINTS)
            .map(|j| j as f64 / (POINTS - 1) as f64)
            .map(|share| match kind {
                Kind::Sublinear => self.from * (self.to / self.from).powf(share),
                Kind::Linear => self.from + share * (self.to - self.from),
            })
            .map(f64::round)
            .collect();
        grid.dedup_by(|a, b| a.total_cmp(b).is_eq());
        grid
    }

    /// Whether the window is wide enough to tell a rate: eight grid points, a factor of four between
    /// its ends for sublinear rates, and a decrease by a factor of ten at the `claimed` slope ln q for
    /// linear ones.
    pub fn is_wide(&self, kind: Kind, claimed: f64) -> bool {
        let enough = match kind {
            Kind::Sublinear => self.to / self.from >= 4.0,
            Kind::Linear => -claimed * (self.to - self.from) >= std::f64::consts::LN_10,
        };
        self.from >= 1.0 && self.grid(kind).len() >= FEWEST && enough
    }
}

/// What a gap must exceed to be more than noise.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Floor {
    /// The curve ends at its first gap below this.
    pub value: f64,
    /// How far f* and the evaluations may be off, all gaps of a curve together.
    pub offset: f64,
}

impl Floor {
    /// `max(64ε·scale, 20·width, 10·noise)`, with `scale` the larger of |f*| and |f at the start|,
    /// `width` that of the certificate of f*, `noise` the standard error of one evaluation, and ε
    /// that of the coarsest arithmetic inside.
    pub fn of(epsilon: f64, scale: f64, width: f64, noise: f64) -> Self {
        Self {
            value: (64.0 * epsilon * scale).max(20.0 * width).max(10.0 * noise),
            offset: (epsilon * scale).max(width).max(noise),
        }
    }

    /// A floor that a claim declares, which says that it is at least twenty times the offset.
    pub fn declared(value: f64) -> Self {
        Self { value, offset: value / 20.0 }
    }

    /// How far the offset can turn a slope that is read over a `width` of the abscissa down to the
    /// gap `smallest`: `1.5 ln(1 + offset/smallest)/width`. The logarithms are off by at most that
    /// one, and on an even grid no such errors turn the line more than a step of them halfway.
    pub fn bias(&self, smallest: f64, width: f64) -> f64 {
        1.5 * (self.offset / smallest).ln_1p() / width
    }
}

/// What a curve says of its rate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Slope {
    /// The slope and its change from the first to the second half of the window.
    Fit {
        /// Least-squares slope b.
        slope: f64,
        /// Slope of the second half minus slope of the first.
        curvature: f64,
        /// How far the slope may be off because f* is, see [`Floor::bias`]: above a quarter of the
        /// margin, the floor is too high for the claim.
        bias: f64,
    },
    /// The curve fell below the floor before half of the window. `faster` says whether it had
    /// already fallen below the claimed decrease when it did.
    FloorLimited {
        /// Faster than claimed.
        faster: bool,
    },
    /// The gap fell below the *negative* floor: f* is not the least value, and no gap of any curve
    /// means what it says.
    BelowReference {
        /// First such row.
        row: usize,
    },
    /// No usable curve: it ended early, or is not positive above the floor.
    Unusable,
}

/// Reads the slope of one curve. Rows at or just before the grid points are used; the curve is cut
/// at its first gap below `floor`. `claimed` is the slope of the claim (−p or ln q).
pub fn read(
    kind: Kind,
    counts: &[f64],
    gap: &[f64],
    window: Window,
    floor: Floor,
    claimed: f64,
) -> Slope {
    if let Some(row) = gap.iter().position(|gap| *gap < -floor.value) {
        return Slope::BelowReference { row };
    }
    let cut = gap.iter().position(|gap| *gap < floor.value).unwrap_or(gap.len());
    let reaches = |rows: usize| rows > 0 && counts[rows - 1] >= window.to * (1.0 - 1e-12);
    if cut == gap.len() && !reaches(cut) {
        return Slope::Unusable;
    }
    let mut rows: Vec<usize> = window
        .grid(kind)
        .iter()
        .filter(|k| cut == gap.len() || cut == 0 || **k <= counts[cut - 1])
        .filter_map(|k| counts[..cut].partition_point(|count| count <= k).checked_sub(1))
        .collect();
    rows.dedup();
    let abscissa = |k: f64| if kind == Kind::Sublinear { k.max(1.0).ln() } else { k };
    let x: Vec<f64> = rows.iter().map(|row| abscissa(counts[*row])).collect();
    let y: Vec<f64> = rows.iter().map(|row| gap[*row].ln()).collect();
    if y.iter().any(|y| !y.is_finite()) {
        return Slope::Unusable;
    }
    let width = abscissa(window.to) - abscissa(window.from);
    let covered = x.last().map_or(0.0, |last| last - x[0]);
    if cut < gap.len() && (rows.len() < FEWEST || covered < 0.5 * width) {
        // The claimed line starts at the window, or at the first row of a curve that is at its floor
        // by then. It is compared at the row that fell below: there the gap is the floor or less.
        let start = counts.partition_point(|count| *count <= window.from).saturating_sub(1);
        let start = if start < cut { start } else { 0 };
        let line = gap[start].ln() + claimed * (abscissa(counts[cut]) - abscissa(counts[start]));
        return Slope::FloorLimited { faster: cut > 0 && floor.value.ln() <= line };
    }
    if rows.len() < FEWEST {
        return Slope::Unusable;
    }
    let half = x.len() / 2;
    let curvature =
        least_squares(&x[half..], &y[half..]).0 - least_squares(&x[..half], &y[..half]).0;
    let smallest = rows.iter().map(|row| gap[*row]).fold(f64::INFINITY, f64::min);
    Slope::Fit { slope: least_squares(&x, &y).0, curvature, bias: floor.bias(smallest, covered) }
}

/// One of the nine windows around a declared one.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell<T> {
    /// What the declared start is multiplied by: ½, 1, 2.
    pub start: f64,
    /// What the declared end is multiplied by: ½, ¾, 1.
    pub end: f64,
    /// The window.
    pub window: Window,
    /// What the claim comes to there; `None` where the window is too narrow for a rate.
    pub found: Option<T>,
}

/// The table of sensitivity to the window, starts over ends, row by row: `infer` draws from a window
/// what the claim draws from the declared one, which is the last cell of the middle row. The declared
/// window decides; a clear answer against its own in another cell makes the claim sensitive to the
/// window.
pub fn sensitivity<T>(
    kind: Kind,
    window: Window,
    claimed: f64,
    infer: impl Fn(Window) -> T,
) -> Vec<Cell<T>> {
    [0.5, 1.0, 2.0]
        .into_iter()
        .flat_map(|start| [0.5, 0.75, 1.0].map(|end| (start, end)))
        .map(|(start, end)| {
            let window = Window { from: (start * window.from).max(1.0), to: end * window.to };
            let wide = window.to > window.from && window.is_wide(kind, claimed);
            Cell { start, end, window, found: wide.then(|| infer(window)) }
        })
        .collect()
}

/// Slope and intercept of the unweighted least-squares line, from its normal equations about the
/// first point.
pub fn least_squares(x: &[f64], y: &[f64]) -> (f64, f64) {
    let (Some(&x0), Some(&y0)) = (x.first(), y.first()) else { return (f64::NAN, f64::NAN) };
    let mut normal = Matrix2::zeros();
    let mut right = Vector2::zeros();
    for (x, y) in x.iter().zip(y) {
        let row = Vector2::new(x - x0, 1.0);
        normal += row * row.transpose();
        right += row * (y - y0);
    }
    normal.try_inverse().map_or((f64::NAN, f64::NAN), |inverse| {
        let fit = inverse * right;
        (fit[0], y0 + fit[1] - fit[0] * x0)
    })
}

#[cfg(test)]
mod tests {
    use super::super::assert_close;
    use super::*;

    const COUNTS: [f64; 6] = [10.0, 20.0, 40.0, 80.0, 160.0, 320.0];
    const GAP: [f64; 6] = [0.103, 0.049, 0.0262, 0.0124, 0.0061, 0.00322];
    const NONE: Floor = Floor { value: 0.0, offset: 0.0 };

    #[test]
    fn fits_match_scipy() {
        let logs = |x: &[f64]| x.iter().map(|x| x.ln()).collect::<Vec<f64>>();
        let (slope, intercept) = least_squares(&logs(&COUNTS), &logs(&GAP));
        assert_close(slope, -1.002_689_363, 1e-9);
        assert_close(intercept, 0.019_829_777_49, 1e-7);
        let (slope, _) = least_squares(&COUNTS[..4], &logs(&GAP[..4]));
        assert_close(slope, -0.027_963_618_71, 1e-9);
    }

    fn curve(last: usize, gap: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let counts: Vec<f64> = (0..=last).map(|k| k as f64).collect();
        let gap = counts.iter().map(|k| gap(*k)).collect();
        (counts, gap)
    }

    #[test]
    fn exact_rates_are_found_without_curvature() {
        let (counts, gap) = curve(1000, |k| 3.0 * (k + f64::EPSILON).powf(-1.5));
        let window = Window::of(Kind::Sublinear, 1000.0);
        let Slope::Fit { slope, curvature, .. } =
            read(Kind::Sublinear, &counts, &gap, window, NONE, -1.5)
        else {
            panic!("no fit")
        };
        assert_close(slope, -1.5, 1e-12);
        assert!(curvature.abs() < 1e-11);
        let (counts, gap) = curve(100, |k| 0.9_f64.powf(k));
        let window = Window::of(Kind::Linear, 100.0);
        let Slope::Fit { slope, .. } = read(Kind::Linear, &counts, &gap, window, NONE, -0.1) else {
            panic!("no fit")
        };
        assert_close(slope, 0.9_f64.ln(), 1e-11);
    }

    #[test]
    fn points_after_the_first_dip_below_the_floor_are_not_used() {
        let (counts, mut gap) = curve(100, |k| 0.9_f64.powf(k));
        for gap in &mut gap[80..] {
            *gap = 1e-3; // noise above the floor, after the dip
        }
        gap[79] = 1e-5;
        let window = Window::of(Kind::Linear, 100.0);
        let Slope::Fit { slope, .. } =
            read(Kind::Linear, &counts, &gap, window, Floor::declared(1e-4), -0.1)
        else {
            panic!("no fit")
        };
        assert_close(slope, 0.9_f64.ln(), 1e-11);
    }

    #[test]
    fn a_curve_at_its_floor_early_counts_as_faster_only_below_the_claimed_line() {
        let (counts, gap) = curve(100, |k| 0.3_f64.powf(k));
        let window = Window::of(Kind::Linear, 100.0);
        let read =
            |claimed| read(Kind::Linear, &counts, &gap, window, Floor::declared(1e-14), claimed);
        assert_eq!(read(0.9_f64.ln()), Slope::FloorLimited { faster: true });
        assert_eq!(read(0.1_f64.ln()), Slope::FloorLimited { faster: false });
    }

    #[test]
    fn a_curve_that_ends_inside_the_window_is_unusable() {
        let (counts, gap) = curve(50, |k| 0.9_f64.powf(k));
        let window = Window::of(Kind::Linear, 100.0);
        assert_eq!(read(Kind::Linear, &counts, &gap, window, NONE, -0.1), Slope::Unusable);
    }

    #[test]
    fn a_curve_at_its_floor_before_the_window_is_measured_from_its_start() {
        // At 1e-14 after 27 of the 30 counts before the window: 0.3^27 = 7.6e-15.
        let (counts, gap) = curve(100, |k| 0.3_f64.powf(k));
        let window = Window { from: 30.0, to: 100.0 };
        let read =
            |claimed| read(Kind::Linear, &counts, &gap, window, Floor::declared(1e-14), claimed);
        assert_eq!(read(0.4_f64.ln()), Slope::FloorLimited { faster: true });
        assert_eq!(read(0.2_f64.ln()), Slope::FloorLimited { faster: false });
    }

    #[test]
    fn a_gap_below_the_negative_floor_blames_the_reference() {
        let (counts, mut gap) = curve(100, |k| 0.9_f64.powf(k));
        let window = Window::of(Kind::Linear, 100.0);
        gap[90] = -2e-4;
        let read = |floor| read(Kind::Linear, &counts, &gap, window, Floor::declared(floor), -0.1);
        assert_eq!(read(1e-4), Slope::BelowReference { row: 90 });
        assert!(matches!(read(3e-4), Slope::Fit { .. }));
    }

    #[test]
    fn windows_follow_their_defaults() {
        assert_eq!(Window::of(Kind::Sublinear, 5000.0), Window { from: 50.0, to: 5000.0 });
        assert_eq!(Window::of(Kind::Linear, 50.0), Window { from: 10.0, to: 50.0 });
        assert!(!Window { from: 10.0, to: 30.0 }.is_wide(Kind::Sublinear, -1.0));
        assert!(!Window { from: 10.0, to: 15.0 }.is_wide(Kind::Linear, -1.0));
        assert!(Window { from: 10.0, to: 100.0 }.is_wide(Kind::Sublinear, -1.0));
        // A claimed decrease by 0.98⁹⁰ = 0.16 cannot be told from a constant; by 0.97⁹⁰ = 0.064 it can.
        let window = Window { from: 10.0, to: 100.0 };
        assert!(!window.is_wide(Kind::Linear, 0.98_f64.ln()));
        assert!(window.is_wide(Kind::Linear, 0.97_f64.ln()));
    }

    #[test]
    fn the_floor_is_the_largest_of_its_three_parts() {
        let parts = |epsilon, scale, width, noise| {
            let floor = Floor::of(epsilon, scale, width, noise);
            (floor.value, floor.offset)
        };
        let (value, offset) = parts(f64::EPSILON, 2.0, 0.0, 0.0);
        assert_close(value, 128.0 * f64::EPSILON, 1e-15);
        assert_close(offset, 2.0 * f64::EPSILON, 1e-15);
        let (value, offset) = parts(f64::EPSILON, 1.0, 1e-6, 0.0);
        assert_close(value, 2e-5, 1e-15);
        assert_close(offset, 1e-6, 1e-15);
        let (value, offset) = parts(f64::EPSILON, 1.0, 0.0, 1e-3);
        assert_close(value, 1e-2, 1e-15);
        assert_close(offset, 1e-3, 1e-15);
    }

    #[test]
    fn a_wrong_reference_turns_the_slope_by_no_more_than_its_bias() {
        // Two decades down to the floor: 0.016, as close as 20 offsets.
        let floor = Floor::declared(1e-2);
        assert!((floor.bias(1e-2, 100.0_f64.ln()) - 0.016).abs() < 5e-4);
        for offset in [floor.offset, -floor.offset] {
            let (counts, gap) = curve(1000, |k| 10.5 / (k + f64::EPSILON) + offset);
            let window = Window { from: 10.0, to: 1000.0 };
            let Slope::Fit { slope, bias, .. } =
                read(Kind::Sublinear, &counts, &gap, window, floor, -1.0)
            else {
                panic!("no fit")
            };
            assert!((slope + 1.0).abs() < bias, "{slope} {bias}");
            assert!(bias < 0.017);
        }
    }

    #[test]
    fn the_table_shows_nine_windows_and_leaves_out_narrow_ones() {
        let (counts, gap) = curve(1000, |k| 3.0 * (k + f64::EPSILON).powf(-1.5));
        let window = Window { from: 100.0, to: 1000.0 };
        let table = sensitivity(Kind::Sublinear, window, -1.5, |window| {
            match read(Kind::Sublinear, &counts, &gap, window, NONE, -1.5) {
                Slope::Fit { slope, .. } => slope,
                _ => f64::NAN,
            }
        });
        assert_eq!(table.len(), 9);
        assert_eq!(table[5].window, window);
        for cell in &table {
            assert_close(cell.window.from, cell.start * 100.0, 1e-15);
            assert_close(cell.window.to, cell.end * 1000.0, 1e-15);
            // From 200 to 500 and to 750 there is less than a factor of four.
            assert_eq!(cell.found.is_none(), cell.start > 1.5 && cell.end < 0.9);
            if let Some(slope) = cell.found {
                assert_close(slope, -1.5, 1e-12);
            }
        }
    }
}
