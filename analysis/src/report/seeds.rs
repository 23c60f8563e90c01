//! Every seed as a dot: the numbers that a verdict is made of.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::look;
use crate::plot::forest;
use crate::verdict::Verdict;

const WIDTH: f64 = 640.0;
/// Room at each side for half a dot.
const INSET: f64 = 12.0;
/// Baseline of the dots.
const BASE: f64 = 60.0;
const HEIGHT: f64 = 88.0;
/// Dots nearer than this stand on one another.
const PITCH: f64 = 9.0;

/// The numbers of one variant of a claim.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Seeds {
    /// Seed and number, on the scale of the estimate or, behind a share of seeds, of the contrast.
    values: Vec<(u64, f64)>,
    /// Where the claim holds, in the unit of the numbers.
    holds: (f64, f64),
    /// Estimate and interval, where they are in that unit: a share of seeds is not.
    interval: Option<[f64; 3]>,
}

impl Seeds {
    /// The numbers of a verdict; `None` if it has none.
    pub(super) fn of(verdict: &Verdict) -> Option<Self> {
        let rows = verdict.rows.iter().filter(|row| !row.value.is_nan());
        let values: Vec<(u64, f64)> = rows.map(|row| (row.seed, row.value)).collect();
        // Behind a share of seeds stands what each seed said: kept or not, won or lost by so much.
        let is_share = verdict.statistic.starts_with("share of seeds");
        let holds = match (is_share, verdict.kind.as_str()) {
            (false, _) => forest::holding(verdict),
            (true, "share") => (0.5, f64::INFINITY),
            (true, _) => (0.0, f64::INFINITY),
        };
        let interval = (!is_share && verdict.estimate.is_finite()).then_some([
            verdict.estimate,
            verdict.lower,
            verdict.upper,
        ]);
        (!values.is_empty()).then_some(Self { values, holds, interval })
    }

    /// Ends of an axis that shows the numbers, the threshold and the interval.
    pub(super) fn reach(&self) -> (f64, f64) {
        let ends = [self.holds.0, self.holds.1].into_iter();
        let numbers = self.values.iter().map(|(_, value)| *value);
        ends.chain(numbers)
            .chain(self.interval.into_iter().flatten())
            .filter(|x| x.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)))
    }

    /// The dots on an axis from `low` to `high`, logarithmic where that shows more.
    pub(super) fn draw(&self, (low, high): (f64, f64)) -> String {
        let log = is_log(low, high);
        let mut svg = format!(
            "<svg class=\"seeds\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.sentence()
        );
        let x = |value: f64| {
            let share = match (log, high > low) {
                (_, false) => 0.5,
                (true, _) => (value / low).ln() / (high / low).ln(),
                (false, _) => (value - low) / (high - low),
            };
            // A number at or below 0 on a logarithmic axis, or infinite, stands at the end.
            let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
            (INSET + share * (WIDTH - 2.0 * INSET)).round()
        };
        let (from, to) = self.holds;
        let left = if from.is_finite() { x(from) } else { 0.0 };
        let right = if to.is_finite() { x(to) } else { WIDTH };
        if !from.is_nan() && right > left {
            let _ = write!(
                svg,
                "<rect class=\"t\" x=\"{left}\" y=\"0\" width=\"{:.1}\" height=\"{HEIGHT}\"/>",
                right - left
            );
        }
        for edge in [from, to].into_iter().filter(|edge| edge.is_finite()) {
            let _ = write!(svg, "<path class=\"l\" d=\"M{} 0V{HEIGHT}\"/>", x(edge));
        }
        let _ = write!(svg, "<path class=\"l\" d=\"M0 {}H{WIDTH}\"/>", BASE + 5.0);
        // Dots are round caps of strokes without length: a tenth of the bytes of circles.
        svg += "<path class=\"d\" d=\"";
        for (at, height) in stacked(&self.values, x) {
            let _ = write!(svg, "M{at} {height:.0}h0");
        }
        svg += "\"/>";
        if let Some([estimate, lower, upper]) = self.interval {
            let (a, b) = (x(lower).min(x(upper)), x(lower).max(x(upper)));
            let y = BASE + 16.0;
            let _ = write!(
                svg,
                "<path class=\"m\" d=\"M{a} {y}H{b}M{a} {}V{}M{b} {}V{}\" stroke-width=\"2\"/>\
                 <circle class=\"m\" cx=\"{}\" cy=\"{y}\" r=\"4\"/>",
                y - 5.0,
                y + 5.0,
                y - 5.0,
                y + 5.0,
                x(estimate)
            );
        }
        svg + "</svg>"
    }

    /// What is seen, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let by_value = |a: &&(u64, f64), b: &&(u64, f64)| a.1.total_cmp(&b.1);
        let least = self.values.iter().min_by(by_value);
        let most = self.values.iter().max_by(by_value);
        match (least, most) {
            (Some(least), Some(most)) => format!(
                "{}, from {} (seed {}) to {} (seed {})",
                super::plural(self.values.len(), "seed"),
                look::shown(least.1),
                least.0,
                look::shown(most.1),
                most.0
            ),
            _ => String::new(),
        }
    }

    /// All numbers, for reading and copying.
    pub(super) fn list(&self) -> String {
        let parts: Vec<String> = self
            .values
            .iter()
            .map(|(seed, value)| format!("{seed}: {}", look::shown(*value)))
            .collect();
        parts.join(" · ")
    }
}

/// Whether an axis is better logarithmic: positive over more than a factor of 20.
fn is_log(low: f64, high: f64) -> bool {
    low > 0.0 && high > 20.0 * low
}

/// Place of each number and its height, each dot on those before it that it would cover.
fn stacked(values: &[(u64, f64)], x: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let mut columns: BTreeMap<i64, usize> = BTreeMap::new();
    let place = |&(_, value): &(u64, f64)| (x(value) / PITCH).round() as i64;
    let most = values.iter().map(place).fold(BTreeMap::new(), |mut counts, column| {
        *counts.entry(column).or_insert(0_usize) += 1;
        counts
    });
    let tallest = most.values().copied().max().unwrap_or(1).max(2);
    let step = PITCH.min((BASE - 6.0) / (tallest - 1) as f64);
    values
        .iter()
        .map(|value| {
            let column = place(value);
            let below = columns.entry(column).or_default();
            let height = BASE - step * *below as f64;
            *below += 1;
            (x(value.1), height)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::forest::tests::verdict;
    use crate::verdict::{Answer, Row};

    fn seeds(values: &[f64]) -> Seeds {
        Seeds {
            values: values.iter().enumerate().map(|(seed, v)| (seed as u64, *v)).collect(),
            holds: (f64::NEG_INFINITY, 1.0),
            interval: Some([0.5, 0.4, 0.6]),
        }
    }

    #[test]
    fn behind_a_share_of_seeds_a_seed_that_wins_lies_where_the_claim_holds() {
        let mut verdict =
            verdict("C1", Answer::Supported, [0.9, 0.6, 1.0, 0.5], "share of seeds that win");
        verdict.rows = vec![Row { seed: 0, value: 0.3 }, Row { seed: 1, value: f64::NAN }];
        let seeds = Seeds::of(&verdict).unwrap();
        assert_eq!((seeds.values.as_slice(), seeds.holds.0), (&[(0, 0.3)][..], 0.0));
        assert!(seeds.interval.is_none());
        verdict.kind = "share".into();
        assert!((Seeds::of(&verdict).unwrap().holds.0 - 0.5).abs() < 1e-15);
        verdict.rows.clear();
        assert!(Seeds::of(&verdict).is_none());
    }

    #[test]
    fn every_seed_is_a_dot_with_its_number() {
        let seeds = seeds(&[0.4, 0.5, 0.5, 0.6]);
        let svg = seeds.draw(seeds.reach());
        assert_eq!(svg.matches("h0").count(), 4);
        assert_eq!(seeds.reach(), (0.4, 1.0));
        assert_eq!(seeds.sentence(), "4 seeds, from 0.4 (seed 0) to 0.6 (seed 3)");
        assert_eq!(seeds.list(), "0: 0.4 · 1: 0.5 · 2: 0.5 · 3: 0.6");
    }

    #[test]
    fn dots_of_one_place_stand_on_one_another_inside_the_picture() {
        let values: Vec<(u64, f64)> = (0..100).map(|seed| (seed, 1.0)).collect();
        let dots = stacked(&values, |_| 100.0);
        assert!(dots.iter().all(|(_, y)| (0.0..=BASE).contains(y)));
        assert!(dots.windows(2).all(|pair| pair[1].1 < pair[0].1));
    }

    #[test]
    fn infinite_numbers_and_missing_thresholds_draw_nothing_wrong() {
        let mut seeds = seeds(&[f64::INFINITY, 2.0, 1e-9]);
        seeds.holds = (f64::NAN, f64::NAN);
        let svg = seeds.draw(seeds.reach());
        assert!(!svg.contains("NaN") && !svg.contains("inf\""));
        assert!(seeds.list().contains("0: ∞"));
    }
}
