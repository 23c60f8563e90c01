//! The grammar of claims: one sentence of a paper as an executable test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer to a claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The whole interval lies past the threshold.
    Supported,
    /// The whole interval lies on the other side.
    Refuted,
    /// Neither; the detectable difference says how little was known.
    Inconclusive,
    /// Nothing was measured.
    NoVerdict,
}

impl Answer {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Refuted => "refuted",
            Self::Inconclusive => "inconclusive",
            Self::NoVerdict => "no verdict",
        }
    }
}

/// A claim as a study declares it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Claim {
    /// The sentence.
    pub text: String,
    /// Where in the paper.
    #[serde(default, rename = "where")]
    pub place: String,
    /// What is tested.
    pub test: Test,
    /// What should come out, for all variants or by variant.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Confidence before the claim's share of the error budget.
    #[serde(default = "default_level")]
    pub level: f64,
    /// An identity or a bound without randomness: tested against its tolerance, costs no error
    /// budget.
    #[serde(default)]
    pub deterministic: bool,
}

fn default_level() -> f64 {
    0.95
}

/// The expected answers.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Expect {
    /// The same for every variant.
    All(Answer),
    /// By variant; those left out are not judged as expected or not.
    Of(BTreeMap<String, Answer>),
}

impl Expect {
    /// What is expected of a variant.
    pub fn of(&self, variant: &str) -> Option<Answer> {
        match self {
            Self::All(answer) => Some(*answer),
            Self::Of(answers) => answers.get(variant).copied(),
        }
    }
}

/// The kinds of tests.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Every run's number is at most a limit.
    AtMost(Bound),
    /// Every run's number is at least a limit.
    AtLeast(Bound),
    /// One solver is better than another by more than a margin.
    Better(Better),
    /// The ratio of two solvers is at most or at least a factor.
    Ratio(Ratio),
    /// Two solvers, or a solver and a value, agree within a margin.
    Equal(Equal),
    /// One solver reaches a target at a lower cost than another.
    Faster(Faster),
    /// A curve falls at least as fast as a rate.
    Rate(Rate),
    /// A share of the seeds satisfies a condition.
    Share(Share),
}

/// Names of solver sections or curves: one or several.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Names {
    /// Whether `name` is among them.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(names) => names.iter().any(|one| one == name),
        }
    }
}

/// Which row of a run gives its number.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(try_from = "Place")]
pub enum At {
    /// The last row.
    #[default]
    End,
    /// Row 0.
    Start,
    /// The best row of the metric itself; ties to the later row. Refused for the test split.
    Best,
    /// The row where another metric is best; ties to the later row. It may not look at the test split.
    BestOf(String),
    /// The largest value.
    Max,
    /// The smallest value.
    Min,
    /// The last row at or before a value of a column.
    Column {
        /// Name of the column.
        name: String,
        /// Its value.
        value: f64,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Word(String),
    Column(BTreeMap<String, f64>),
}

impl TryFrom<Place> for At {
    type Error = String;

    fn try_from(place: Place) -> Result<Self, String> {
        const ADMISSIBLE: &str = "`at` is \"end\", \"start\", \"best\", \"best-<metric>\", \"max\", \
                                  \"min\", or a column with a value, such as { iteration = 200 }";
        match place {
            Place::Word(word) => Ok(match word.as_str() {
                "end" => Self::End,
                "start" => Self::Start,
                "best" => Self::Best,
                "max" => Self::Max,
                "min" => Self::Min,
                other => match other.strip_prefix("best-") {
                    Some(metric) if !metric.is_empty() => Self::BestOf(metric.to_owned()),
                    _ => return Err(format!("{ADMISSIBLE}; found \"{other}\"")),
                },
            }),
            Place::Column(columns) => match columns.into_iter().collect::<Vec<_>>().as_slice() {
                [(name, value)] => Ok(Self::Column { name: name.clone(), value: *value }),
                _ => Err(ADMISSIBLE.to_owned()),
            },
        }
    }
}

/// The number that stands for one number per seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Center {
    /// The mean.
    Mean,
    /// The mean of logarithms: a ratio of geometric means.
    LogMean,
    /// The median.
    Median,
    /// The share of seeds that win.
    Win,
}

/// `at-most`, `at-least`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bound {
    /// Column, derived column or header number.
    pub metric: String,
    /// The limit.
    pub limit: f64,
    /// Row; for a probe, `max` for `at-most` and `min` for `at-least` are what "every row" means.
    #[serde(default)]
    pub at: At,
    /// Solvers; all if left out.
    #[serde(default)]
    pub solver: Option<Names>,
    /// Problem; all if left out.
    #[serde(default)]
    pub problem: Option<String>,
    /// A probe, in place of solver and problem.
    #[serde(default)]
    pub probe: Option<String>,
}

/// `better`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Better {
    /// Column; its direction says what better means.
    pub metric: String,
    /// Row of the solver.
    #[serde(default)]
    pub at: At,
    /// The solver that should be better.
    pub solver: String,
    /// The other.
    pub than: String,
    /// Row of the other, if different.
    #[serde(default)]
    pub than_at: Option<At>,
    /// Difference that matters.
    #[serde(default)]
    pub margin: f64,
    /// What stands for the seeds.
    #[serde(default, alias = "centre")]
    pub center: Option<Center>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// `ratio`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ratio {
    /// Column, positive.
    pub metric: String,
    /// Row of the solver.
    #[serde(default)]
    pub at: At,
    /// Numerator.
    pub solver: String,
    /// Denominator.
    pub than: String,
    /// Row of the denominator, if different.
    #[serde(default)]
    pub than_at: Option<At>,
    /// Claimed upper limit of the ratio.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// Claimed lower limit of the ratio.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// `equal`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Equal {
    /// Column.
    pub metric: String,
    /// Row.
    #[serde(default)]
    pub at: At,
    /// The solver.
    #[serde(default)]
    pub solver: Option<String>,
    /// A probe, in place of the solver; needs `value`.
    #[serde(default)]
    pub probe: Option<String>,
    /// The other solver.
    #[serde(default)]
    pub than: Option<String>,
    /// Row of the other, if different.
    #[serde(default)]
    pub than_at: Option<At>,
    /// A value, in place of the other solver.
    #[serde(default)]
    pub value: Option<f64>,
    /// Difference that does not matter, above 0.
    pub margin: f64,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// `faster`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Faster {
    /// Metric of the target.
    pub metric: String,
    /// Value to reach.
    #[serde(default)]
    pub target: Option<f64>,
    /// Or: share of the way from the start to the best value that either run of the pair reaches.
    #[serde(default)]
    pub share_of_best: Option<f64>,
    /// What is counted: `seconds`, `total-seconds`, `samples`, `iteration`, or any rising column.
    #[serde(default = "default_cost")]
    pub cost: String,
    /// The solver that should be faster.
    pub solver: String,
    /// The other.
    pub than: String,
    /// How many times faster.
    #[serde(default = "one")]
    pub factor: f64,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

fn default_cost() -> String {
    "seconds".to_owned()
}

fn one() -> f64 {
    1.0
}

/// `rate`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// A gap, residual or distance: positive.
    pub metric: String,
    /// Shape of the decrease.
    pub kind: RateKind,
    /// Linear: the factor per count, in (0, 1). Sublinear: the exponent, below 0.
    pub at_most: f64,
    /// What counts.
    #[serde(default = "default_against")]
    pub against: String,
    /// First and last count; by default the last two decades (sublinear) or nine tenths (linear)
    /// of the iteration budget.
    #[serde(default)]
    pub window: Option<[f64; 2]>,
    /// Smallest gap that is not noise; by default 64 units of rounding of the objective.
    #[serde(default)]
    pub floor: Option<f64>,
    /// Slack: 0.1 on an exponent, 5 % of ln q0 on a factor.
    #[serde(default)]
    pub margin: Option<f64>,
    /// The solver.
    pub solver: String,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

fn default_against() -> String {
    "iteration".to_owned()
}

/// Shape of a decrease in a study file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateKind {
    /// By a factor per count.
    Linear,
    /// By a power of the count.
    Sublinear,
}

/// `share`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Share {
    /// Claimed share of the seeds, in (0, 1).
    pub at_least: f64,
    /// What each seed is asked.
    pub test: Condition,
}

/// A condition on one seed.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Its runs' numbers are at most a limit.
    AtMost(Bound),
    /// Its runs' numbers are at least a limit.
    AtLeast(Bound),
    /// Its ratio of two solvers is at most or at least a factor.
    Ratio(Ratio),
}

/// A mistake in a claim: dotted path inside its section, and the finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Where.
    pub path: String,
    /// What, with the remedy.
    pub finding: String,
}

impl Mistake {
    /// A mistake at `path`.
    pub fn new(path: impl Into<String>, finding: impl Into<String>) -> Self {
        Self { path: path.into(), finding: finding.into() }
    }
}

impl Claim {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first [`Mistake`].
    pub fn validate(&self) -> Result<(), Mistake> {
        require(self.level > 0.0 && self.level < 1.0, "level", "a confidence between 0 and 1")?;
        match &self.test {
            Test::AtMost(bound) => bound.validate("test.at-most"),
            Test::AtLeast(bound) => bound.validate("test.at-least"),
            Test::Better(test) => {
                test.at.validate(&test.metric, "test.better.at")?;
                require(test.margin >= 0.0, "test.better.margin", "a margin of at least 0")
            }
            Test::Ratio(test) => test.validate("test.ratio"),
            Test::Equal(test) => {
                test.at.validate(&test.metric, "test.equal.at")?;
                require(test.margin > 0.0, "test.equal.margin", "a margin above 0")?;
                require(
                    test.solver.is_some() != test.probe.is_some(),
                    "test.equal",
                    "either `solver` or `probe`",
                )?;
                require(
                    test.than.is_some() != test.value.is_some(),
                    "test.equal",
                    "either `than` or `value`",
                )?;
                require(
                    test.probe.is_none() || test.value.is_some(),
                    "test.equal",
                    "a `value` to compare the probe with",
                )
            }
            Test::Faster(test) => {
                require(
                    test.target.is_some() != test.share_of_best.is_some(),
                    "test.faster",
                    "either `target` or `share-of-best`",
                )?;
                require(test.factor > 0.0, "test.faster.factor", "a factor above 0")?;
                let share = test.share_of_best.is_none_or(|share| share > 0.0 && share <= 1.0);
                require(share, "test.faster.share-of-best", "a share in (0, 1]")
            }
            Test::Rate(test) => match test.kind {
                RateKind::Linear => require(
                    test.at_most > 0.0 && test.at_most < 1.0,
                    "test.rate.at-most",
                    "a factor between 0 and 1",
                ),
                RateKind::Sublinear => require(
                    test.at_most < 0.0,
                    "test.rate.at-most",
                    "an exponent below 0, such as -1 for 1/k",
                ),
            },
            Test::Share(test) => {
                require(
                    test.at_least > 0.0 && test.at_least < 1.0,
                    "test.share.at-least",
                    "a share between 0 and 1",
                )?;
                match &test.test {
                    Condition::AtMost(bound) => bound.validate("test.share.test.at-most"),
                    Condition::AtLeast(bound) => bound.validate("test.share.test.at-least"),
                    Condition::Ratio(ratio) => ratio.validate("test.share.test.ratio"),
                }
            }
        }
    }
}

impl At {
    /// Refuses a selection that looks at the test split, which the names of metrics tell.
    fn validate(&self, metric: &str, path: &str) -> Result<(), Mistake> {
        let selects = match self {
            Self::Best => metric,
            Self::BestOf(other) => other,
            _ => return Ok(()),
        };
        if selects.starts_with("test-") {
            let finding = format!(
                "`{selects}` looks at the test split and may not select a row: \
                 use \"best-validation-loss\" or \"end\""
            );
            return Err(Mistake::new(path, finding));
        }
        Ok(())
    }
}

impl Bound {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(!self.limit.is_nan(), &format!("{path}.limit"), "a number")?;
        require(
            self.probe.is_none() || (self.solver.is_none() && self.problem.is_none()),
            path,
            "either `probe`, or `solver` and `problem`",
        )
    }
}

impl Ratio {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(
            self.at_most.is_some() != self.at_least.is_some(),
            path,
            "either `at-most` or `at-least`",
        )?;
        require(self.limit() > 0.0, path, "a factor above 0")
    }

    /// The claimed factor.
    pub fn limit(&self) -> f64 {
        self.at_most.or(self.at_least).unwrap_or(f64::NAN)
    }
}

fn require(holds: bool, path: &str, admissible: &str) -> Result<(), Mistake> {
    if holds { Ok(()) } else { Err(Mistake::new(path, format!("needs {admissible}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claim(test: serde_json::Value) -> Result<Claim, serde_json::Error> {
        serde_json::from_value(json!({ "text": "It holds.", "test": test }))
    }

    #[test]
    fn every_kind_of_test_reads() {
        for test in [
            json!({ "at-most": { "metric": "objective", "at": "end", "limit": 2.0 } }),
            json!({ "at-least": { "probe": "identities", "metric": "x", "at": "min", "limit": 0 } }),
            json!({ "better": { "metric": "test-accuracy", "at": "best-validation-loss",
                "problem": "mnist", "solver": "a", "than": "b", "margin": 0.001, "centre": "mean" } }),
            json!({ "ratio": { "metric": "total-seconds", "solver": "a", "than": "b", "at-most": 0.5 } }),
            json!({ "equal": { "metric": "objective", "solver": "a", "than": "b", "margin": 1e-8 } }),
            json!({ "faster": { "metric": "validation-loss", "share-of-best": 0.9,
                "cost": "samples", "solver": "a", "than": "b", "factor": 2.0 } }),
            json!({ "rate": { "metric": "objective-gap", "kind": "linear", "at-most": 0.9,
                "against": "iteration", "window": [10, 100], "floor": 1e-12, "solver": "a" } }),
            json!({ "share": { "at-least": 0.9, "test": { "at-most":
                { "metric": "objective", "limit": 1, "solver": ["a", "b"], "at": { "samples": 1e6 } } } } }),
        ] {
            let claim = claim(test.clone()).unwrap_or_else(|error| panic!("{test}: {error}"));
            assert_eq!(claim.validate(), Ok(()), "{test}");
            assert!((claim.level - 0.95).abs() < 1e-15);
        }
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        let error = claim(json!({ "at-most": { "metric": "x", "limit": 1, "margn": 2 } }));
        assert!(error.unwrap_err().to_string().contains("margn"));
    }

    #[test]
    fn selection_by_the_test_split_is_refused() {
        for at in ["best", "best-test-loss"] {
            let claim = claim(json!({ "better": { "metric": "test-accuracy", "at": at,
                "solver": "a", "than": "b" } }))
            .unwrap();
            let mistake = claim.validate().unwrap_err();
            assert_eq!(mistake.path, "test.better.at");
            assert!(mistake.finding.contains("test split"), "{}", mistake.finding);
        }
    }

    #[test]
    fn a_wrong_place_names_the_admissible_ones() {
        let error = claim(json!({ "at-most": { "metric": "x", "limit": 1, "at": "last" } }));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("\"end\"") && text.contains("last"), "{text}");
    }

    #[test]
    fn expectations_are_for_all_or_by_variant() {
        let all: Expect = serde_json::from_value(json!("refuted")).unwrap();
        assert_eq!(all.of("released"), Some(Answer::Refuted));
        let some: Expect = serde_json::from_value(json!({ "corrected": "supported" })).unwrap();
        assert_eq!(some.of("corrected"), Some(Answer::Supported));
        assert_eq!(some.of("released"), None);
    }

    #[test]
    fn half_declared_tests_are_mistakes() {
        for test in [
            json!({ "ratio": { "metric": "x", "solver": "a", "than": "b" } }),
            json!({ "equal": { "metric": "x", "solver": "a", "margin": 1 } }),
            json!({ "faster": { "metric": "x", "solver": "a", "than": "b" } }),
            json!({ "rate": { "metric": "x", "kind": "sublinear", "at-most": 1, "solver": "a" } }),
            json!({ "share": { "at-least": 1.0, "test": { "at-most": { "metric": "x", "limit": 1 } } } }),
        ] {
            assert!(claim(test.clone()).unwrap().validate().is_err(), "{test}");
        }
    }
}
