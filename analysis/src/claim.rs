//! The grammar of claims: one sentence of a paper as an executable test.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::Test;

/// The answer to a claim.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
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
    /// The variants it is judged in; left out, all of them.
    #[serde(default)]
    pub variants: Option<Vec<String>>,
    /// An identity or a bound without randomness: tested against its tolerance, costs no error
    /// budget.
    #[serde(default)]
    pub deterministic: bool,
    /// Numbers of seeds at which alone the claim is looked at where seeds are added: more power for
    /// few looks. Left out, every seed is a look.
    #[serde(default)]
    pub looks: Vec<usize>,
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
    /// The row where another metric is best among those up to a budget.
    BestWithin {
        /// The metric that selects.
        metric: String,
        /// What the budget counts, such as `total-seconds` or `passes`.
        column: String,
        /// The budget.
        limit: f64,
    },
    /// The largest value.
    Max,
    /// The smallest value.
    Min,
    /// The mean over the rows.
    Mean,
    /// The mean over the rows from a value of a column on.
    MeanFrom {
        /// Name of the column.
        name: String,
        /// Its value at the first of these rows.
        value: f64,
    },
    /// A quantile over the rows.
    Quantile(f64),
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
    Within(Within),
    MeanFrom(MeanFrom),
    Column(BTreeMap<String, f64>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Within {
    best: String,
    within: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct MeanFrom {
    mean_from: BTreeMap<String, f64>,
}

impl TryFrom<Place> for At {
    type Error = String;

    fn try_from(place: Place) -> Result<Self, String> {
        const ADMISSIBLE: &str = "`at` is \"end\", \"start\", \"best\", \"best-<metric>\", \"max\", \
                                  \"min\", \"mean\", { mean-from = { iteration = 900 } }, \
                                  { quantile = 0.9 }, a column with a value, such \
                                  as { iteration = 200 }, or { best = \"<metric>\", within = { \
                                  total-seconds = 60 } }";
        match place {
            Place::Word(word) => Ok(match word.as_str() {
                "end" => Self::End,
                "start" => Self::Start,
                "best" => Self::Best,
                "max" => Self::Max,
                "min" => Self::Min,
                "mean" => Self::Mean,
                other => match other.strip_prefix("best-") {
                    Some(metric) if !metric.is_empty() => Self::BestOf(metric.to_owned()),
                    _ => return Err(format!("{ADMISSIBLE}; found \"{other}\"")),
                },
            }),
            Place::Within(Within { best, within }) => {
                let mut within = within.into_iter();
                match (within.next(), within.next()) {
                    (Some((column, limit)), None) => {
                        Ok(Self::BestWithin { metric: best, column, limit })
                    }
                    _ => Err(ADMISSIBLE.to_owned()),
                }
            }
            Place::MeanFrom(MeanFrom { mean_from }) => {
                let mut columns = mean_from.into_iter();
                match (columns.next(), columns.next()) {
                    (Some((name, value)), None) => Ok(Self::MeanFrom { name, value }),
                    _ => Err(ADMISSIBLE.to_owned()),
                }
            }
            Place::Column(columns) => match columns.into_iter().collect::<Vec<_>>().as_slice() {
                [(name, level)] if name == "quantile" && (0.0..=1.0).contains(level) => {
                    Ok(Self::Quantile(*level))
                }
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
        let rising = self.looks.windows(2).all(|two| two[0] < two[1]);
        let enough = self.looks.first().is_none_or(|first| *first >= 5);
        require(rising && enough, "looks", "rising numbers of seeds, the first at least 5")?;
        let (name, kind) = self.test.kind();
        kind.validate(&format!("test.{name}"))
    }
}

/// In words, after the name of the metric and a comma.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("at the end"),
            Self::Start => f.write_str("at the start"),
            Self::Best => f.write_str("at its best"),
            Self::BestOf(metric) => write!(f, "at best {metric}"),
            Self::BestWithin { metric, column, limit } => {
                write!(f, "at best {metric} within {limit} {column}")
            }
            Self::Max => f.write_str("largest"),
            Self::Min => f.write_str("smallest"),
            Self::Mean => f.write_str("mean"),
            Self::MeanFrom { name, value } => write!(f, "mean from {name} {value}"),
            Self::Quantile(level) => write!(f, "quantile {level}"),
            Self::Column { name, value } => write!(f, "at {name} {value}"),
        }
    }
}

impl At {
    /// Refuses a selection that looks at the test split, which the names of metrics tell.
    pub(crate) fn validate(&self, metric: &str, path: &str) -> Result<(), Mistake> {
        let selects = match self {
            Self::Best => metric,
            Self::BestOf(other) | Self::BestWithin { metric: other, .. } => other,
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

/// # Errors
/// A [`Mistake`] at `path` that says what it needs, unless `holds`.
pub(crate) fn require(holds: bool, path: &str, admissible: &str) -> Result<(), Mistake> {
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
            json!({ "better": { "metric": "test-loss", "solver": "a", "than": "b", "at":
                { "best": "validation-loss", "within": { "total-seconds": 60 } } } }),
            json!({ "shift": { "metric": "test-loss", "solver": "a", "than": "b", "from": "corrected" } }),
            json!({ "all": [
                { "better": { "metric": "test-accuracy", "solver": "a", "than": "b" } },
                { "ratio": { "metric": "test-loss", "solver": "a", "than": "b", "at-most": 1 } },
            ] }),
            json!({ "share": { "at-least": 0.9, "test": { "at-most":
                { "metric": "objective", "limit": 1, "solver": ["a", "b"], "at": { "samples": 1e6 } } } } }),
            json!({ "mean": { "metric": "test-accuracy", "solver": "a", "at-least": 0.9 } }),
            json!({ "mean": { "metric": "share", "probe": "p", "at-most": 0.1, "range": [0, 1] } }),
            json!({ "below-curve": { "metric": "objective-gap", "solver": "a", "constant": 2, "power": -1 } }),
            json!({ "below-curve": { "metric": "gap", "solver": "a", "bound": "theory", "at": [10, 100] } }),
            json!({ "fails-less": { "solver": "a", "than": "b" } }),
            json!({ "spread": { "metric": "objective", "solver": "a", "than": "b" } }),
            json!({ "trend": { "metric": "objective", "solvers": ["a", "b", "c"], "every-step": true } }),
            json!({ "trend": { "metric": "objective", "solver": "a", "over": "penalty", "falling": true } }),
            json!({ "scaling": { "metric": "seconds", "solver": "a", "against": "samples", "value": 1, "margin": 0.1 } }),
            json!({ "faster": { "metric": "objective", "target": 1, "solver": "a", "than": "b",
                "by": "restricted-mean", "budget": 100 } }),
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
        let within = json!({ "best": "test-loss", "within": { "passes": 9 } });
        for at in [json!("best"), json!("best-test-loss"), within] {
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
            json!({ "all": [] }),
            json!({ "all": [{ "ratio": { "metric": "x", "solver": "a", "than": "b" } }] }),
            json!({ "mean": { "metric": "x", "solver": "a" } }),
            json!({ "mean": { "metric": "x", "solver": "a", "at-most": 1, "range": [1, 0] } }),
            json!({ "below-curve": { "metric": "x", "solver": "a", "constant": 1 } }),
            json!({ "fails-less": { "solver": "a", "than": "b", "target": 1 } }),
            json!({ "trend": { "metric": "x", "solvers": ["a", "b"] } }),
            json!({ "scaling": { "metric": "x", "solver": "a", "against": "n", "value": 1 } }),
            json!({ "faster": { "metric": "x", "target": 1, "solver": "a", "than": "b",
                "by": "restricted-mean" } }),
        ] {
            assert!(claim(test.clone()).unwrap().validate().is_err(), "{test}");
        }
    }
}
