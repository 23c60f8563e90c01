//! Axes: ranges that end on round numbers, and ticks that can be read.
//!
//! Log axes count in whole exponents; `key_points` of plotters takes a ceiling of a quotient of
//! logarithms and loses the lowest tick for ranges that start at 1e-1, 1e-2, 1e-3, ….

use super::frame::TICK;
use super::style::{INK, MM};
use super::text::{Label, minus, power_of_ten};

/// How an axis maps values to paper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scale {
    /// Proportional.
    Linear,
    /// Proportional to the logarithm; values up to 0 have no place.
    Log,
    /// As [`Log`](Self::Log), with ticks at powers of two: for ratios.
    Log2,
}

impl Scale {
    /// Whether equal steps on paper are equal factors.
    pub fn is_log(self) -> bool {
        self != Self::Linear
    }

    /// Value to exponent; not finite for what has no place.
    fn forward(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            _ if value <= 0.0 => f64::NAN,
            Self::Log => value.log10(),
            Self::Log2 => value.log2(),
        }
    }

    fn back(self, exponent: f64) -> f64 {
        match self {
            Self::Linear => exponent,
            Self::Log => 10_f64.powf(exponent),
            Self::Log2 => exponent.exp2(),
        }
    }
}

/// A tick.
#[derive(Clone, PartialEq, Debug)]
pub struct Tick {
    /// Place on paper.
    pub at: f64,
    /// Long rather than short.
    pub major: bool,
    /// Markup beside it.
    pub label: Option<String>,
}

/// An axis laid on paper.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    scale: Scale,
    /// Ends in values; in exponents on a log axis.
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    step: f64,
    /// Power of ten that the labels leave out: it belongs into the title.
    pub factor: i32,
    /// Labels 1, 2, 5 on log axes up to two decades, not only up to one.
    pub fine: bool,
    /// Ticks by name in place of numbers.
    named: Vec<(f64, String)>,
}

impl Axis {
    /// An axis over the finite ones of `values`, from `start` to `end` on paper.
    pub fn over(scale: Scale, values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let usable = values.map(|value| scale.forward(value)).filter(|x| x.is_finite());
        let (low, high) =
            usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let one = scale.forward(1.0);
        let (low, high) = if low > high { (one, one) } else { (low, high) };
        let (low, high, step) = match scale {
            Scale::Log => snap_log(low, high),
            Scale::Log2 => snap_log2(low, high),
            Scale::Linear => snap_linear(low, high),
        };
        let reach = low.abs().max(high.abs());
        let factor = if scale.is_log() || (1e-3..1e4).contains(&reach) {
            0
        } else {
            3 * (reach.log10() / 3.0).floor() as i32
        };
        Self { scale, low, high, start, end, step, factor, fine: false, named: Vec::new() }
    }

    /// A linear axis from `low` to `high` with ticks of its own.
    pub fn named(low: f64, high: f64, ticks: Vec<(f64, String)>) -> Self {
        let (scale, step) = (Scale::Linear, high - low);
        Self { scale, low, high, start: 0.0, end: 1.0, step, factor: 0, fine: false, named: ticks }
    }

    /// The same axis elsewhere on paper.
    #[must_use]
    pub fn moved(mut self, start: f64, end: f64) -> Self {
        (self.start, self.end) = (start, end);
        self
    }

    /// Whether it is logarithmic.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Ends in values.
    pub fn range(&self) -> (f64, f64) {
        (self.scale.back(self.low), self.scale.back(self.high))
    }

    /// Ends on paper.
    pub fn ends(&self) -> (f64, f64) {
        (self.start, self.end)
    }

    /// Place of a value on paper, outside the ends too; `None` for what has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let at = self.along(self.scale.forward(value));
        at.is_finite().then_some(at)
    }

    /// The value at a place on paper.
    pub fn value(&self, at: f64) -> f64 {
        let share = (at - self.start) / (self.end - self.start);
        self.scale.back(self.low + share * (self.high - self.low))
    }

    /// Place of an exponent (of a value on a linear axis).
    fn along(&self, exponent: f64) -> f64 {
        let share = (exponent - self.low) / (self.high - self.low);
        self.start + share * (self.end - self.start)
    }

    /// The ticks from low to high.
    pub fn ticks(&self) -> Vec<Tick> {
        if !self.named.is_empty() {
            let tick = |(value, name): &(f64, String)| Tick {
                at: self.along(*value),
                major: true,
                label: Some(name.clone()),
            };
            return self.named.iter().map(tick).collect();
        }
        match self.scale {
            Scale::Log => self.log_ticks(),
            Scale::Log2 => self.log2_ticks(),
            Scale::Linear => self.linear_ticks(),
        }
    }

    fn log_ticks(&self) -> Vec<Tick> {
        let (first, last) = (ceil(self.low), floor(self.high));
        let decade = (self.end - self.start).abs() / (self.high - self.low);
        let stride = [1, 2, 3, 5, 10, 20, 50, 100]
            .into_iter()
            .find(|&n| f64::from(n) * decade >= 7.0 * MM)
            .unwrap_or(200);
        let labelled = (first..=last).filter(|e| e.rem_euclid(stride) == 0).count();
        let most = if self.fine { 2.0 } else { 1.0 };
        let few = labelled < 2 || self.high - self.low <= most + 1e-9;
        let minors = few || decade >= 9.0 * MM && self.high - self.low <= 6.0 + 1e-9;
        let mut ticks = Vec::new();
        for exponent in floor(self.low)..=ceil(self.high) {
            for digit in 1..=9_i32 {
                let position = f64::from(exponent) + f64::from(digit).log10();
                if position < self.low - 1e-9 || position > self.high + 1e-9 {
                    continue;
                }
                let major = digit == 1;
                if !major && !minors {
                    continue;
                }
                let label = if few && matches!(digit, 1 | 2 | 5) {
                    Some(small_number(digit, exponent))
                } else if major && !few && exponent.rem_euclid(stride) == 0 {
                    Some(power_of_ten(exponent))
                } else {
                    None
                };
                ticks.push(Tick {
                    at: self.along(position),
                    major: major || label.is_some(),
                    label,
                });
            }
        }
        ticks
    }

    fn log2_ticks(&self) -> Vec<Tick> {
        let doubling = (self.end - self.start).abs() / (self.high - self.low);
        let stride = (1..64).find(|&n| f64::from(n) * doubling >= 6.0 * MM).unwrap_or(64);
        (ceil(self.low)..=floor(self.high))
            .map(|exponent| {
                let label = (exponent.rem_euclid(stride) == 0).then(|| power_of_two(exponent));
                Tick { at: self.along(f64::from(exponent)), major: label.is_some(), label }
            })
            .collect()
    }

    /// Decimals of the labels of a linear axis.
    pub fn decimals(&self) -> usize {
        let step = self.step / 10_f64.powi(self.factor);
        let whole = |d: &i32| {
            let scaled = step * 10_f64.powi(*d);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        };
        (0..12).find(whole).unwrap_or(0) as usize
    }

    fn linear_ticks(&self) -> Vec<Tick> {
        let step = self.step / 10_f64.powi(self.factor);
        let decimals = self.decimals();
        let (first, last) = (ceil(self.low / self.step), floor(self.high / self.step));
        let text = |k: i32| minus(&format!("{:.decimals$}", f64::from(k) * step));
        // Room of a label along the axis: its height on an upright one, else its width.
        let room = if self.end < self.start {
            3.4 * MM
        } else {
            let widest = (first..=last).map(|k| Label::new(&text(k), TICK, INK).width());
            widest.fold(0.0, f64::max) + 1.2 * MM
        };
        let between = (self.end - self.start).abs() * self.step / (self.high - self.low);
        let stride =
            [1, 2, 5, 10].into_iter().find(|&n| f64::from(n) * between >= room).unwrap_or(20);
        (first..=last)
            .map(|k| {
                let value = f64::from(k) * self.step;
                // Thinned labels keep zero, and their ticks.
                let label = (k.rem_euclid(stride) == 0).then(|| text(k));
                Tick { at: self.along(value), major: true, label }
            })
            .collect()
    }
}

fn ceil(x: f64) -> i32 {
    (x - 1e-9).ceil() as i32
}

fn floor(x: f64) -> i32 {
    (x + 1e-9).floor() as i32
}

/// Outwards to decades, or to half decades where decades would waste over a fifth.
fn snap_log(low: f64, high: f64) -> (f64, f64, f64) {
    let (decade_low, decade_high) = (f64::from(floor(low)), f64::from(ceil(high)));
    let span = decade_high - decade_low;
    if span > 0.0 && (high - low) / span >= 0.8 {
        return (decade_low, decade_high, 1.0);
    }
    let (mut half_low, mut half_high) =
        (f64::from(floor(2.0 * low)) / 2.0, f64::from(ceil(2.0 * high)) / 2.0);
    if half_high - half_low < 0.25 {
        half_low -= 0.5;
        half_high += 0.5;
    }
    (half_low, half_high, 1.0)
}

/// Outwards to powers of two.
fn snap_log2(low: f64, high: f64) -> (f64, f64, f64) {
    let (low, high) = (f64::from(floor(low)), f64::from(ceil(high)));
    if high > low { (low, high, 1.0) } else { (low - 1.0, high + 1.0, 1.0) }
}

/// Outwards to multiples of a 1-2-5 step that gives 4 to 7 labels.
fn snap_linear(low: f64, high: f64) -> (f64, f64, f64) {
    let pad = if high - low < 1e-12 * high.abs().max(low.abs()) || high <= low {
        if low.abs() < f64::MIN_POSITIVE { 0.5 } else { low.abs() * 0.05 }
    } else {
        0.0
    };
    let (low, high) = (low - pad, high + pad);
    let rough = (high - low) / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0, 20.0]
        .map(|m| m * power)
        .into_iter()
        .find(|step| {
            let labels = ((high / step - 1e-9).ceil() - (low / step + 1e-9).floor()) + 1.0;
            labels <= 7.0
        })
        .unwrap_or(rough);
    ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step, step)
}

/// `digit`·10^`exponent` as a plain number where that is short.
fn small_number(digit: i32, exponent: i32) -> String {
    match exponent {
        0..=3 => format!("{digit}{}", "0".repeat(exponent as usize)),
        -3..0 => format!("0.{}{digit}", "0".repeat((-exponent - 1) as usize)),
        _ if digit == 1 => power_of_ten(exponent),
        _ => format!("{digit}·{}", power_of_ten(exponent)),
    }
}

/// 2^`exponent` as a ratio is said: a whole number, a fraction, or the power where both are long.
fn power_of_two(exponent: i32) -> String {
    match exponent {
        0..=10 => (1_u32 << exponent).to_string(),
        -6..0 => format!("1/{}", 1_u32 << -exponent),
        _ => format!("2^{{{}}}", minus(&exponent.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().filter_map(|tick| tick.label).collect()
    }

    fn log(low: f64, high: f64, length_mm: f64) -> Axis {
        Axis::over(Scale::Log, [low, high].into_iter(), 0.0, length_mm * MM)
    }

    #[test]
    fn the_lowest_decade_keeps_its_tick() {
        for exponent in [-1, -2, -3, -4, -6, -9, -12] {
            let axis = log(10_f64.powi(exponent), 10.0, 200.0);
            assert_eq!(labels(&axis)[0], power_of_ten(exponent), "{exponent}");
            assert!(axis.ticks()[0].at.abs() < 1e-6);
        }
    }

    #[test]
    fn crowded_decades_are_thinned_but_keep_their_ticks() {
        let axis = log(1e-8, 1.0, 47.0);
        assert_eq!(labels(&axis), ["10^{−8}", "10^{−6}", "10^{−4}", "10^{−2}", "1"]);
        assert_eq!(axis.ticks().iter().filter(|tick| tick.major).count(), 9);
    }

    #[test]
    fn minors_appear_only_on_wide_decades() {
        assert!(log(1.0, 1e4, 71.0).ticks().len() > 5 + 4 * 8 - 1);
        assert_eq!(log(1.0, 1e4, 30.0).ticks().len(), 5);
    }

    #[test]
    fn under_one_decade_the_labels_are_1_2_5() {
        assert_eq!(labels(&log(0.4, 0.9, 40.0)), ["0.5", "1"]);
        assert_eq!(labels(&log(0.11, 0.9, 40.0)), ["0.1", "0.2", "0.5", "1"]);
    }

    #[test]
    fn ranges_snap_outwards_and_waste_little() {
        assert_eq!(log(1.0, 1e4, 70.0).range(), (1.0, 1e4));
        let (low, high) = log(1.0, 150.0, 70.0).range();
        assert!((low - 1.0).abs() < 1e-12 && (high - 10_f64.powf(2.5)).abs() < 1e-6);
    }

    #[test]
    fn linear_labels_share_their_decimals_and_lie_on_1_2_5_steps() {
        let axis = Axis::over(Scale::Linear, [0.0, 1.0].into_iter(), 0.0, 70.0 * MM);
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        for (low, high) in [(0.0, 7.3), (-3.1, 2.2), (0.91, 0.934), (12.0, 12.0), (-5e-4, 8e-4)] {
            let axis = Axis::over(Scale::Linear, [low, high].into_iter(), 0.0, 70.0 * MM);
            let count = labels(&axis).len();
            assert!((3..=7).contains(&count), "{low} {high}: {:?}", labels(&axis));
        }
    }

    #[test]
    fn labels_that_would_meet_are_thinned_around_zero_and_keep_their_ticks() {
        let axis = Axis::over(Scale::Linear, [-0.38, 0.18].into_iter(), 16.0 * MM, 0.0);
        assert_eq!(axis.ticks().len(), 7);
        assert_eq!(labels(&axis), ["−0.4", "−0.2", "0.0", "0.2"]);
        let narrow = Axis::over(Scale::Linear, [-0.38, 0.18].into_iter(), 0.0, 20.0 * MM);
        assert!(labels(&narrow).contains(&"0.0".to_owned()) && labels(&narrow).len() < 5);
    }

    #[test]
    fn a_common_factor_leaves_the_labels() {
        let axis = Axis::over(Scale::Linear, [0.0, 5e5].into_iter(), 0.0, 70.0 * MM);
        assert_eq!(axis.factor, 3);
        assert_eq!(labels(&axis)[1], "100");
    }

    #[test]
    fn ratios_have_ticks_at_powers_of_two() {
        let axis = Axis::over(Scale::Log2, [0.3, 3.0].into_iter(), 0.0, 40.0 * MM);
        assert_eq!(labels(&axis), ["1/4", "1/2", "1", "2", "4"]);
        let long = Axis::over(Scale::Log2, [1.0, 4000.0].into_iter(), 0.0, 40.0 * MM);
        assert_eq!(labels(&long), ["1", "4", "16", "64", "256", "1024", "2^{12}"]);
        assert!((axis.place(1.0).unwrap() - 20.0 * MM).abs() < 1e-9);
    }

    #[test]
    fn named_ticks_stand_at_their_values() {
        let halves = vec![(0.0, "0".into()), (0.5, "½".into()), (1.0, "1".into())];
        let axis = Axis::named(0.0, 1.0, halves).moved(100.0, 0.0);
        assert_eq!(labels(&axis), ["0", "½", "1"]);
        assert!((axis.ticks()[1].at - 50.0).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_place_is_not_placed() {
        let axis = log(1.0, 10.0, 10.0);
        assert!(axis.place(0.0).is_none() && axis.place(f64::NAN).is_none());
        assert!((axis.place(10.0).unwrap() - 1000.0).abs() < 1e-9);
    }
}
