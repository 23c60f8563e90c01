//! From the runs of one variant to the answer of one claim: one kind of test a file.
//!
//! A kind is a struct that mirrors its table in a study file and implements `Kind`. It reduces the
//! runs of each seed to one number and hands the numbers to `infer`, which knows the procedures:
//! an interval of fixed size, or one that is valid at every look where seeds are added.
//!
//! | a claim says | kind | number of a seed | fixed seeds | seeds added |
//! |---|---|---|---|---|
//! | A better than B | `better` | paired difference, or log ratio for what is better lower | guarded Student | t-mixture, or declared looks |
//! | … for other samples too | `better`, `samples = true` | differences of the terms | Student over repetitions and samples | – |
//! | A usually better | `better`, `center = "win"` | win, tie, loss | sign test | win test |
//! | k times fewer | `ratio` | log ratio of the pair | guarded Student | t-mixture |
//! | reaches the target sooner | `faster` | win at the factor | sign test | win test |
//! | … in the mean, as a curve, with restarts | `faster`, `by` | `min(T, τ)`; score; cost | guarded Student; log-rank by swaps; bootstrap of the expected running time | t-mixture; –; – |
//! | a mean or median against a value | `mean` | the number | guarded Student on logs or scores; order statistics; betting for a known range | t-mixture; win test; betting |
//! | falls as `k^-p`, `q^k` | `rate` | slope on the window | guarded Student, win test at the floor | t-mixture |
//! | stays below `c_k` | `below-curve` | largest `gap/c_k`, or `gap/c_k` at ten places | every run; Bonferroni | the same |
//! | bound, identity, invariant | `at-most`, `at-least` | largest violation | every run, exact probability of a new violation | the same |
//! | what a variant does to A against B | `shift` | difference of paired differences | guarded Student | t-mixture |
//! | several of these at once | `all` | – | each at the level of the claim | the same |
//! | in most repetitions | `share` | yes or no | Clopper–Pearson | win test |
//! | order of a discretization | `order` | ladder of errors | weighted fit; seeds resampled | –; one fit per seed |
//! | a relation holds, an invariant is kept | `relation` | time average after a stationarity check | equivalence; error of the martingale, if it is recorded; initial monotone sequence within one run | equivalence, t-mixture |
//! | decays at a rate | `decay` | the whole path | resampled seeds | – |
//! | equal, comparable | `equal` | paired difference | equivalence | equivalence, t-mixture |
//! | grows as a power, does not depend | `scaling` | log-log slope | equivalence, or guarded Student | t-mixture |
//! | varies less | `spread` | paired absolute deviations | Brown–Forsythe | – |
//! | fails less often | `fails-less` | which one fails | sign test on the seeds that differ | win test |
//! | monotone along a list | `trend` | ranks | Page; sign tests of every step | – |
//! | follows a law | `law` | draws | Dvoretzky–Kiefer–Wolfowitz | – |
//! | best over many problems | `profile`, `interquartile` | profile difference by problem; interquartile mean | guarded Student | –; t-mixture |
//!
//! A kind without a procedure that is valid at every look refuses a study that adds seeds, and names
//! what to use.

mod all;
mod better;
mod bound;
mod curve;
mod decay;
mod equal;
mod failure;
mod faster;
pub(crate) mod infer;
mod interquartile;
mod law;
mod mean;
mod order;
mod paired;
mod profile;
mod rate;
mod ratio;
mod relation;
mod samples;
mod scaling;
mod share;
mod shift;
mod spread;
mod trend;

use converge_bench::study::Label;
use converge_problems::Seed;
use rand_pcg::Pcg64;
use serde::Deserialize;

pub use self::better::Better;
pub use self::bound::Bound;
pub use self::faster::Faster;
pub use self::rate::{Rate, RateKind};
pub use self::ratio::Ratio;
use crate::claim::{Answer, Claim, Mistake, Names};
use crate::load::Run;
use crate::number::{Failed, Selection, clock_flag};
use crate::statistics::{Evidence, Interval};
use crate::verdict::{Detectable, Row, Side};

/// What a claim tests: the tables that may stand in `test = { ... }`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Several tests hold together.
    All(all::All),
    /// Every run's number is at most a limit.
    AtMost(bound::AtMost),
    /// Every run's number is at least a limit.
    AtLeast(bound::AtLeast),
    /// One solver is better than another by more than a margin.
    Better(better::Better),
    /// A curve stays below an explicit bound, on every run or in the mean.
    BelowCurve(curve::BelowCurve),
    /// A mean over the seeds decays to its limit at a rate.
    Decay(decay::Decay),
    /// Two solvers, or a solver and a value, agree within a margin.
    Equal(equal::Equal),
    /// One solver fails less often than another.
    FailsLess(failure::FailsLess),
    /// One solver reaches a target at a lower cost than another.
    Faster(faster::Faster),
    /// One solver's interquartile mean over many problems is better than another's.
    Interquartile(interquartile::Interquartile),
    /// Numbers that runs leave behind follow a law.
    Law(law::Law),
    /// The center of one number per seed is at most or at least a value.
    Mean(mean::Mean),
    /// Errors fall with the step of a discretization at an order.
    Order(order::Order),
    /// One solver solves more of many problems than another.
    Profile(profile::Profile),
    /// A curve falls at least as fast as a rate.
    Rate(rate::Rate),
    /// The ratio of two solvers is at most or at least a factor.
    Ratio(ratio::Ratio),
    /// The stationary mean of a column is a value: a relation holds, an invariant is kept.
    Relation(relation::Relation),
    /// A number grows with a parameter as a power, or does not depend on it.
    Scaling(scaling::Scaling),
    /// A share of the seeds satisfies a condition.
    Share(share::Share),
    /// The advantage of a solver is larger in one variant than in another.
    Shift(shift::Shift),
    /// One solver varies less over the seeds than another.
    Spread(spread::Spread),
    /// A number rises along an ordered list of solvers.
    Trend(trend::Trend),
}

impl Test {
    /// Its name in a study file, and the test behind it.
    pub(crate) fn kind(&self) -> (&'static str, &dyn Kind) {
        match self {
            Self::All(test) => ("all", test),
            Self::AtMost(test) => ("at-most", test),
            Self::AtLeast(test) => ("at-least", test),
            Self::Better(test) => ("better", test),
            Self::BelowCurve(test) => ("below-curve", test),
            Self::Decay(test) => ("decay", test),
            Self::Equal(test) => ("equal", test),
            Self::FailsLess(test) => ("fails-less", test),
            Self::Faster(test) => ("faster", test),
            Self::Interquartile(test) => ("interquartile", test),
            Self::Law(test) => ("law", test),
            Self::Mean(test) => ("mean", test),
            Self::Order(test) => ("order", test),
            Self::Profile(test) => ("profile", test),
            Self::Rate(test) => ("rate", test),
            Self::Ratio(test) => ("ratio", test),
            Self::Relation(test) => ("relation", test),
            Self::Scaling(test) => ("scaling", test),
            Self::Share(test) => ("share", test),
            Self::Shift(test) => ("shift", test),
            Self::Spread(test) => ("spread", test),
            Self::Trend(test) => ("trend", test),
        }
    }

    /// Its name in a study file.
    pub fn name(&self) -> &'static str {
        self.kind().0
    }

    /// Whether the cell of `label` has a say in the answer.
    pub fn concerns(&self, label: &Label) -> bool {
        self.kind().1.concerns(label)
    }

    /// The variant whose runs it is judged against, beside those of its own.
    pub fn baseline(&self) -> Option<&str> {
        self.kind().1.baseline()
    }
}

/// A kind of test. Paths are dotted places inside the claim, such as `test.better`.
pub(crate) trait Kind {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first [`Mistake`].
    fn validate(&self, path: &str) -> Result<(), Mistake>;

    /// Names of the columns it reads.
    fn columns(&self) -> Vec<&str>;

    /// Whether the cell of `label` has a say in the answer.
    fn concerns(&self, label: &Label) -> bool;

    /// The variant whose runs it needs beside those of the variant that is judged.
    fn baseline(&self) -> Option<&str> {
        None
    }

    /// Answers on the runs of one variant, and of its [`baseline`](Kind::baseline).
    ///
    /// # Errors
    /// A [`Mistake`] in the claim, such as a column that no run has.
    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake>;

    /// What the test can find with this number of seeds before there are any: in standard
    /// deviations of its number over seeds where it is a magnitude. `None` if seeds do not decide.
    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable>;
}

/// What a test is given beside its claim.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// The runs of the variant that the claim concerns.
    pub runs: Vec<Run<'a>>,
    /// Error probability after the claim's share of the budget.
    pub alpha: f64,
    /// Seeds are added until verdicts are clear.
    pub sequential: bool,
    /// Numbers of seeds at which alone a sequential claim is looked at; empty for every seed.
    pub looks: Vec<usize>,
    /// An identity or a bound without randomness: tested against its tolerance.
    pub exact: bool,
    /// Keys the resampling of this claim: the same claim on the same numbers answers the same.
    pub draws: Seed,
}

impl Setting<'_> {
    /// A generator for one purpose.
    pub(crate) fn rng(&self, purpose: &str) -> Pcg64 {
        self.draws.child(purpose).rng()
    }

    /// Refuses a procedure that is valid at a fixed number of seeds only.
    ///
    /// # Errors
    /// A [`Mistake`] at `path` where seeds are added.
    pub(crate) fn require_fixed(&self, path: &str, instead: &str) -> Result<(), Mistake> {
        if !self.sequential {
            return Ok(());
        }
        let finding = format!(
            "is valid at a fixed number of seeds only: set seeds.min = seeds.max, or use {instead}"
        );
        Err(Mistake::new(path, finding))
    }
}

/// What a test found.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Name of the procedure.
    pub procedure: &'static str,
    /// What was estimated.
    pub statistic: String,
    /// Unit of the estimate.
    pub unit: String,
    /// The estimate.
    pub estimate: f64,
    /// Its interval.
    pub interval: Interval,
    /// p-values, where the procedure has them.
    pub evidence: Option<Evidence>,
    /// Threshold, margin included.
    pub threshold: f64,
    /// Declared margin.
    pub margin: f64,
    /// The side that supports the claim.
    pub side: Side,
    /// The answer.
    pub answer: Answer,
    /// Seeds used.
    pub seeds: usize,
    /// Looks taken at the seeds as they came; 1 where their number was fixed.
    pub looks: usize,
    /// The number of each seed, on the scale of the estimate.
    pub rows: Vec<Row>,
    /// What could have been found.
    pub detectable: Option<Detectable>,
    /// Remarks.
    pub flags: Vec<String>,
    /// Runs without a number of their own.
    pub failed: Failed,
}

impl Finding {
    /// Makes a clear answer inconclusive, and says why.
    pub fn withhold(&mut self, reason: impl Into<String>) {
        if self.answer != Answer::NoVerdict {
            self.answer = Answer::Inconclusive;
        }
        self.flags.push(reason.into());
    }

    /// Nothing was measured.
    pub(crate) fn nothing(statistic: impl Into<String>, failed: Failed) -> Self {
        Self {
            procedure: "none",
            statistic: statistic.into(),
            unit: String::new(),
            estimate: f64::NAN,
            interval: Interval::LINE,
            evidence: None,
            threshold: f64::NAN,
            margin: 0.0,
            side: Side::Above,
            answer: Answer::NoVerdict,
            seeds: 0,
            looks: 0,
            rows: Vec::new(),
            detectable: None,
            flags: Vec::new(),
            failed,
        }
    }

    /// The same about `statistic` in `unit`.
    pub(crate) fn about(
        mut self,
        statistic: impl Into<String>,
        unit: &str,
        failed: Failed,
    ) -> Self {
        self.failed = failed;
        if infer::counts_wins(self.procedure) {
            // A share has no unit, whatever it is a share of.
            self.statistic = format!("share of seeds with the claimed {}", statistic.into());
            return self;
        }
        self.statistic = statistic.into();
        unit.clone_into(&mut self.unit);
        if let Some(detectable) = &mut self.detectable {
            unit.clone_into(&mut detectable.unit);
        }
        self
    }

    /// A finding on logarithms as one on ratios.
    pub(crate) fn exponential(mut self) -> Self {
        if infer::counts_wins(self.procedure) {
            return self;
        }
        self.estimate = self.estimate.exp();
        self.interval = self.interval.map(f64::exp);
        self.threshold = self.threshold.exp();
        self.rows.iter_mut().for_each(|row| row.value = row.value.exp());
        if let Some(detectable) = &mut self.detectable {
            *detectable = Detectable { value: detectable.value.exp(), unit: "times".to_owned() };
        }
        self
    }
}

/// Answers a claim on the runs of one variant.
///
/// # Errors
/// A [`Mistake`] in the claim, such as a column that no run has.
pub fn judge(claim: &Claim, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let (name, kind) = claim.test.kind();
    let mut finding = kind.judge(setting, &format!("test.{name}"))?;
    if let Some(flag) = clock_flag(&setting.runs, &kind.columns()) {
        finding.withhold(flag);
    }
    Ok(finding)
}

/// Whether the cell of `label` is one of `solvers` on `problem`.
fn concerns(label: &Label, solvers: &[&str], problem: Option<&str>) -> bool {
    let names = Names::Several(solvers.iter().map(ToString::to_string).collect());
    Selection { solver: Some(&names), problem, probe: None }.holds(label)
}

/// Whether the cell of `label` is of `probe`.
fn concerns_probe(label: &Label, probe: &str) -> bool {
    Selection { probe: Some(probe), ..Selection::default() }.holds(label)
}

#[cfg(test)]
mod tests;
