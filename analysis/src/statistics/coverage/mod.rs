//! Coverage of the procedures on synthetic repetitions with known truth, in tables that
//! `cargo test` prints.
//!
//! A row passes if its misses are what they should be: nominal where the procedure is exact, at most
//! nominal where it is conservative, and equal to the rates in the documentation where its
//! assumptions fail, so that the rates written there stay true. Limits are exact and leave a
//! false-fail rate of 1e-6 a row; the seeds are fixed, so what passes once passes always, and rotate
//! where [`rotation`] says so.

mod counts;
mod ledgers;
mod means;
mod power;
mod sequential;
mod targets;

use std::fmt::Write as _;
use std::io::Write as _;

use rand_pcg::Pcg64;

use super::Interval;
use super::distribution::{normal_quantile, uniform};
use super::failure::{Table as Failures, fisher};
use super::testing::{Declared, generator, rotation};

const REPETITIONS: u64 = 2000;
/// Repetitions behind rates that were measured with these tests and have no other source.
const MANY: u64 = 40_000;
const ALPHA: f64 = 0.05;

/// A law to draw one number from.
type Law = fn(&mut Pcg64) -> f64;

/// A law with its name, its truth, and the documented rates of the procedures.
struct Case<R>(&'static str, Law, f64, R);

fn normal(rng: &mut Pcg64) -> f64 {
    normal_quantile(uniform(rng))
}

/// Logarithm standard normal: median 1, mean e^½.
fn log_normal(rng: &mut Pcg64) -> f64 {
    normal(rng).exp()
}

/// Student's law with three degrees of freedom: symmetric, heavy tails.
fn student3(rng: &mut Pcg64) -> f64 {
    let z = normal(rng);
    let square: f64 = (0..3).map(|_| normal(rng).powi(2)).sum();
    z / (square / 3.0).sqrt()
}

/// What a pair of runs of equal methods differs by when either is log-normal: symmetric.
fn log_normal_pair(rng: &mut Pcg64) -> f64 {
    log_normal(rng) - log_normal(rng)
}

fn exponential(rng: &mut Pcg64) -> f64 {
    -uniform(rng).ln()
}

fn sample(rng: &mut Pcg64, count: usize, law: Law) -> Vec<f64> {
    (0..count).map(|_| law(rng)).collect()
}

/// How often the truth was missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Misses {
    /// The interval, or the verdict, was wholly above the truth.
    above: u64,
    /// Wholly below.
    below: u64,
    /// Repetitions.
    of: u64,
}

impl Misses {
    fn note(&mut self, above: bool, below: bool) {
        self.above += u64::from(above);
        self.below += u64::from(below);
        self.of += 1;
    }

    fn note_interval(&mut self, found: Interval, truth: f64) {
        self.note(found.lower > truth, found.upper < truth);
    }

    fn both(&self) -> u64 {
        self.above + self.below
    }
}

/// Repeats `draw` [`REPETITIONS`] times from one seed and counts, for each procedure, on which side
/// its interval misses the truth.
fn misses<const K: usize>(
    seed: u64,
    truth: f64,
    mut draw: impl FnMut(&mut Pcg64) -> [Interval; K],
) -> [Misses; K] {
    let mut rng = generator(seed);
    let mut all = [Misses::default(); K];
    for _ in 0..REPETITIONS {
        for (misses, found) in all.iter_mut().zip(draw(&mut rng)) {
            misses.note_interval(found, truth);
        }
    }
    all
}

/// What a row must show; rates in percent.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// Both sides together are nominal, exactly.
    Nominal,
    /// Neither side nor both together exceed the nominal rate.
    AtMost,
    /// The sides have these rates, measured on so many other repetitions.
    Rates(f64, f64, u64),
    /// Both sides together have this rate, measured on so many other repetitions.
    Rate(f64, u64),
    /// Both sides together have this rate, known exactly.
    Exactly(f64),
    /// Both sides together do not exceed this rate.
    Within(f64),
    /// At least this share, as power.
    AtLeast(f64),
}

impl Expect {
    fn holds(self, found: &Misses) -> bool {
        let declared = Declared::default();
        let Misses { above, below, of } = *found;
        let nominal = |rate: f64, count: u64| count <= declared.at_most(of, rate);
        match self {
            Self::Nominal => declared.counts(of, ALPHA).contains(&found.both()),
            Self::AtMost => {
                nominal(0.5 * ALPHA, above)
                    && nominal(0.5 * ALPHA, below)
                    && nominal(ALPHA, found.both())
            }
            Self::Rates(one, other, runs) => {
                agree(above, of, one, runs) && agree(below, of, other, runs)
            }
            Self::Rate(rate, runs) => agree(found.both(), of, rate, runs),
            Self::Exactly(rate) => declared.counts(of, 0.01 * rate).contains(&found.both()),
            Self::Within(rate) => found.both() <= declared.at_most(of, 0.01 * rate),
            Self::AtLeast(rate) => found.both() >= declared.at_least(of, 0.01 * rate),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Nominal => "nominal 5.0".to_owned(),
            Self::AtMost => "at most 2.5 / 2.5".to_owned(),
            Self::Rates(above, below, _) => format!("known {above:.1} / {below:.1}"),
            Self::Rate(rate, _) => format!("known {rate:.1}"),
            Self::Exactly(rate) => format!("exactly {rate:.2}"),
            Self::Within(rate) => format!("at most {rate:.1}"),
            Self::AtLeast(rate) => format!("at least {rate:.0}"),
        }
    }
}

/// Whether `count` of `of` and a share of `percent` in `runs` other repetitions are draws of one
/// rate: Fisher's test at 1e-6.
fn agree(count: u64, of: u64, percent: f64, runs: u64) -> bool {
    let known = (0.01 * percent * runs as f64).round() as u64;
    let table = Failures { failed_a: count, runs_a: of, failed_b: known, runs_b: runs };
    fisher(&table).two_sided() >= Declared::default().false_fail
}

/// A table that is printed whole, and then fails if a row does.
struct Report {
    text: String,
    failed: Vec<String>,
}

impl Report {
    fn new(title: &str) -> Self {
        Self::titled(&format!("{title}; % above / below the truth"))
    }

    /// For shares that have no sides: power, false alarms.
    fn of_shares(title: &str) -> Self {
        Self::titled(&format!("{title}; %"))
    }

    fn titled(title: &str) -> Self {
        let rotated = match rotation() {
            0 => String::new(),
            rotation => format!(" (rotation {rotation})"),
        };
        Self { text: format!("\n{title}{rotated}\n"), failed: Vec::new() }
    }

    /// A row that must show all that is asked.
    fn row(&mut self, label: &str, found: Misses, expects: &[Expect]) {
        let holds = expects.iter().all(|expect| expect.holds(&found));
        self.line(label, found, expects, holds, ["ok", "OUT OF ITS LIMITS"]);
    }

    /// A planted defect, or a procedure known to fail: it must miss what is asked.
    fn defect(&mut self, label: &str, found: Misses, expect: Expect) {
        self.line(label, found, &[expect], !expect.holds(&found), ["found", "NOT FOUND"]);
    }

    fn line(
        &mut self,
        label: &str,
        found: Misses,
        expects: &[Expect],
        passes: bool,
        marks: [&str; 2],
    ) {
        let percent = |count: u64| 100.0 * count as f64 / found.of as f64;
        let sides = |expect: &Expect| {
            matches!(expect, Expect::Nominal | Expect::AtMost | Expect::Rates(..))
        };
        let rates = if expects.iter().any(sides) {
            format!("{:5.1} / {:4.1}", percent(found.above), percent(found.below))
        } else {
            format!("{:5.1}       ", percent(found.both()))
        };
        let asked: Vec<String> = expects.iter().map(|expect| expect.text()).collect();
        let mark = marks[usize::from(!passes)];
        let line = format!("  {label:<44}{rates}   {:<36}{mark}", asked.join(", "));
        let _ = writeln!(self.text, "{line}");
        if !passes {
            self.failed.push(line);
        }
    }

    fn finish(self) {
        show(&self.text);
        assert!(self.failed.is_empty(), "{}", self.failed.join("\n"));
    }
}

/// Prints past the capture of the test runner: `cargo test` shows the tables.
fn show(text: &str) {
    std::io::stdout().lock().write_all(text.as_bytes()).expect("standard output");
}

#[test]
fn rows_are_told_apart() {
    let found = |above, below| Misses { above, below, of: 2000 };
    assert!(Expect::Nominal.holds(&found(50, 50)) && !Expect::Nominal.holds(&found(20, 20)));
    assert!(Expect::AtMost.holds(&found(0, 0)) && !Expect::AtMost.holds(&found(90, 0)));
    assert!(Expect::Rates(16.0, 0.1, 10_000).holds(&found(320, 2)));
    assert!(!Expect::Rates(16.0, 0.1, 10_000).holds(&found(220, 2)));
    assert!(Expect::AtLeast(90.0).holds(&found(1790, 0)));
    assert!(!Expect::AtLeast(90.0).holds(&found(1700, 0)));
    assert!(Expect::Exactly(5.0).holds(&found(50, 50)));
    assert!(!Expect::Rate(5.0, 10_000).holds(&found(100, 100)));
}
