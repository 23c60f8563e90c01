//! Evidence at a glance: 132 × 26 px, the threshold in the middle, the right side always "holds".

use std::fmt::Write as _;

use crate::verdict::{Answer, Side, Verdict};

const MIDDLE: i32 = 66;
/// Pixels of one half-width of the interval.
const HALF: f64 = 20.0;

/// The picture of a verdict as SVG; an empty frame where nothing was measured, a hollow mark where
/// the verdict is not `done`.
pub(super) fn draw(verdict: &Verdict, done: bool) -> String {
    let threshold = verdict.threshold;
    let finite = verdict.estimate.is_finite() && threshold.is_finite();
    let spread = (verdict.upper - verdict.lower) / 2.0;
    let within = verdict.side == Side::Within;
    // An exact number has no width: it is shown at half the reach, on its side.
    let distance = (verdict.estimate - threshold).abs();
    let half = if spread.is_finite() && spread > 0.0 {
        spread
    } else if within && verdict.margin > 0.0 {
        verdict.margin
    } else {
        (distance / 1.5).max(f64::MIN_POSITIVE)
    };
    // A clear answer shrinks its interval rather than leave the picture.
    let half = if within || !distance.is_finite() { half } else { half.max(distance / 2.0) };
    let sign = if verdict.side == Side::Below { -1.0 } else { 1.0 };
    let x = |value: f64| {
        let share = (sign * (value - threshold) / half).clamp(-3.0, 3.0);
        MIDDLE + (share * HALF).round() as i32
    };
    let mut svg = String::from("<svg class=\"thumb\" viewBox=\"0 0 132 26\" aria-hidden=\"true\">");
    let (from, to) = if within {
        let reach = if finite { x(threshold + verdict.margin) - MIDDLE } else { 22 };
        (MIDDLE - reach.abs().max(1), MIDDLE + reach.abs().max(1))
    } else {
        (MIDDLE, 130)
    };
    let edges: &[i32] = if within { &[from, to] } else { &[from] };
    let _ = write!(
        svg,
        "<rect class=\"t\" x=\"{from}\" y=\"2\" width=\"{}\" height=\"22\"/>",
        to - from
    );
    for edge in edges {
        let _ = write!(svg, "<path class=\"l\" d=\"M{edge} 2V24\"/>");
    }
    if finite {
        let (at, a, b) = (x(verdict.estimate), x(verdict.lower), x(verdict.upper));
        let (low, high) = (a.min(b), a.max(b));
        let _ = write!(
            svg,
            "<path class=\"m\" d=\"M{low} 13H{high}M{low} 9V17M{high} 9V17\" stroke-width=\"{}\"/>",
            if done { 2 } else { 1 }
        );
        let answer = if done { verdict.answer } else { Answer::NoVerdict };
        let _ = match answer {
            Answer::Supported => write!(svg, "<circle class=\"m\" cx=\"{at}\" cy=\"13\" r=\"3\"/>"),
            Answer::Refuted => {
                write!(svg, "<path class=\"m\" d=\"M{at} 8l5 5-5 5-5-5z\"/>")
            }
            _ => write!(
                svg,
                "<rect class=\"h\" x=\"{}\" y=\"10\" width=\"6\" height=\"6\" stroke-width=\"2\"/>",
                at - 3
            ),
        };
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::forest::tests::verdict;

    #[test]
    fn the_side_that_holds_is_always_the_right_one() {
        let below = verdict("C1", Answer::Supported, [0.4, 0.3, 0.5, 1.0], "ratio");
        let mut above = verdict("C1", Answer::Supported, [1.6, 1.5, 1.7, 1.0], "ratio");
        above.side = Side::Above;
        assert_eq!(draw(&below, true), draw(&above, true));
        assert!(draw(&below, true).contains("cx=\"106\""));
        assert!(draw(&below, true).len() < 500);
    }

    #[test]
    fn without_numbers_nothing_is_marked() {
        let none = verdict("C1", Answer::NoVerdict, [f64::NAN; 4], "ratio");
        assert!(!draw(&none, true).contains("NaN") && !draw(&none, true).contains("class=\"m\""));
    }
}
