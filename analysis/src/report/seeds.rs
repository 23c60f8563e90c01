//! Every seed as a dot: the numbers that a verdict is made of.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::look;
use crate::claim::{At, Claim, Condition, Mistake, Test};
use crate::judge::{reach, target};
use crate::load::Run;
use crate::number::{Failed, Selection, number, pairs, singles};
use crate::plot::forest;
use crate::rate;
use crate::verdict::{Side, Verdict};

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
    /// One number a seed, by rising seed; the worst of the seed's runs where it has several.
    pub(super) values: Vec<(u64, f64)>,
    /// Where the claim holds, in the unit of the numbers.
    holds: (f64, f64),
    /// Estimate and interval, where they are in that unit: a share of seeds is not.
    interval: Option<[f64; 3]>,
}

impl Seeds {
    /// Reduces runs as the claim says; `None` if there is nothing to show.
    pub(super) fn of(claim: &Claim, verdict: &Verdict, runs: &[Run<'_>]) -> Option<Self> {
        let mine: Vec<Run<'_>> = runs
            .iter()
            .copied()
            .filter(|run| run.label.variant == verdict.variant && claim.test.concerns(run.label))
            .collect();
        let mut values = numbers(&claim.test, &mine).ok()?;
        values.retain(|(_, value)| !value.is_nan());
        values.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let is_share = verdict.statistic.starts_with("share of seeds");
        let holds = if is_share { limits(&claim.test, verdict) } else { forest::holding(verdict) };
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

/// Where a single seed keeps the claim, for claims on a share of the seeds.
fn limits(test: &Test, verdict: &Verdict) -> (f64, f64) {
    let at_most = |limit: f64| (f64::NEG_INFINITY, limit);
    let at_least = |limit: f64| (limit, f64::INFINITY);
    match test {
        Test::Faster(test) => at_most(1.0 / test.factor),
        Test::Share(share) => match &share.test {
            Condition::AtMost(bound) => at_most(bound.limit),
            Condition::AtLeast(bound) => at_least(bound.limit),
            Condition::Ratio(ratio) if ratio.at_most.is_some() => at_most(ratio.limit()),
            Condition::Ratio(ratio) => at_least(ratio.limit()),
        },
        Test::Ratio(ratio) if ratio.at_most.is_some() => at_most(ratio.limit()),
        Test::Ratio(ratio) => at_least(ratio.limit()),
        _ if verdict.side == Side::Below => at_most(-verdict.margin),
        _ => at_least(verdict.margin),
    }
}

/// Seed and number of what a test compares.
fn numbers(test: &Test, runs: &[Run<'_>]) -> Result<Vec<(u64, f64)>, Mistake> {
    match test {
        Test::AtMost(bound) => {
            worst(runs, &bound.metric, &bound.at, bound.probe.as_deref(), f64::max)
        }
        Test::AtLeast(bound) => {
            worst(runs, &bound.metric, &bound.at, bound.probe.as_deref(), f64::min)
        }
        Test::Better(test) => {
            let ats = (&test.at, test.than_at.as_ref().unwrap_or(&test.at));
            let solvers = (test.solver.as_str(), test.than.as_str());
            paired(runs, &test.metric, ats, solvers, test.problem.as_deref(), |a, b| a - b)
        }
        Test::Ratio(test) => ratios(runs, test),
        Test::Equal(test) => {
            let ats = (&test.at, test.than_at.as_ref().unwrap_or(&test.at));
            let name = test.solver.as_deref().or(test.probe.as_deref()).unwrap_or_default();
            if let Some(than) = &test.than {
                let solvers = (name, than.as_str());
                return paired(
                    runs,
                    &test.metric,
                    ats,
                    solvers,
                    test.problem.as_deref(),
                    |a, b| a - b,
                );
            }
            let problem = test.problem.as_deref();
            let mut found = Vec::new();
            for run in singles(runs, name, problem, false, "test.equal", "solver")?.values() {
                let value = number(run, &test.metric, &test.at, "test.equal", &mut Failed::new())?;
                found.extend(
                    value.map(|n| (run.label.seed, n.value - test.value.unwrap_or_default())),
                );
            }
            Ok(found)
        }
        Test::Faster(test) => {
            let mut found = Vec::new();
            let problem = test.problem.as_deref();
            let path = "test.faster";
            for (a, b) in pairs(runs, &test.solver, &test.than, problem, false, path)? {
                let goal = target(test, &a, &b)?;
                let time = |run| Ok(reach(test, run, goal, &mut Failed::new())?.time());
                found.push((a.label.seed, time(&a)? / time(&b)?));
            }
            Ok(found)
        }
        Test::Rate(test) => rate::slopes(test, runs),
        Test::Share(share) => match &share.test {
            Condition::AtMost(bound) => {
                worst(runs, &bound.metric, &bound.at, bound.probe.as_deref(), f64::max)
            }
            Condition::AtLeast(bound) => {
                worst(runs, &bound.metric, &bound.at, bound.probe.as_deref(), f64::min)
            }
            Condition::Ratio(test) => ratios(runs, test),
        },
    }
}

/// The worst number of each seed.
fn worst(
    runs: &[Run<'_>],
    metric: &str,
    at: &At,
    probe: Option<&str>,
    worse: fn(f64, f64) -> f64,
) -> Result<Vec<(u64, f64)>, Mistake> {
    let mut found: BTreeMap<u64, f64> = BTreeMap::new();
    let selection = Selection { probe, ..Selection::default() };
    for run in selection.of(runs) {
        if let Some(number) = number(&run, metric, at, "test", &mut Failed::new())? {
            let seed = found.entry(run.label.seed).or_insert(number.value);
            *seed = worse(*seed, number.value);
        }
    }
    Ok(found.into_iter().collect())
}

fn ratios(runs: &[Run<'_>], test: &crate::claim::Ratio) -> Result<Vec<(u64, f64)>, Mistake> {
    let ats = (&test.at, test.than_at.as_ref().unwrap_or(&test.at));
    let solvers = (test.solver.as_str(), test.than.as_str());
    paired(runs, &test.metric, ats, solvers, test.problem.as_deref(), |a, b| a / b)
}

fn paired(
    runs: &[Run<'_>],
    metric: &str,
    ats: (&At, &At),
    solvers: (&str, &str),
    problem: Option<&str>,
    contrast: fn(f64, f64) -> f64,
) -> Result<Vec<(u64, f64)>, Mistake> {
    let mut found = Vec::new();
    for (one, other) in pairs(runs, solvers.0, solvers.1, problem, false, "test")? {
        let a = number(&one, metric, ats.0, "test", &mut Failed::new())?;
        let b = number(&other, metric, ats.1, "test", &mut Failed::new())?;
        if let (Some(a), Some(b)) = (a, b) {
            found.push((one.label.seed, contrast(a.value, b.value)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(values: &[f64]) -> Seeds {
        Seeds {
            values: values.iter().enumerate().map(|(seed, v)| (seed as u64, *v)).collect(),
            holds: (f64::NEG_INFINITY, 1.0),
            interval: Some([0.5, 0.4, 0.6]),
        }
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
