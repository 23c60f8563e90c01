//! The verdict: its record, its rule, its file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::claim::Answer;
use crate::statistics::ledger::holm_of_claims;
use crate::statistics::{Evidence, Interval};

/// Where the estimate must lie for the claim to be supported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Above the threshold.
    Above,
    /// Below the threshold.
    Below,
    /// Within the margin of the threshold.
    Within,
}

/// The smallest difference that had probability 0.9 of a clear verdict.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Detectable {
    /// The difference, a factor, or a win probability.
    pub value: f64,
    /// Its unit.
    pub unit: String,
}

/// The number of one seed.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Number of the repetition.
    pub seed: u64,
    /// Its number, on the scale of the estimate.
    #[serde(with = "extended")]
    #[schemars(with = "extended::Extended")]
    pub value: f64,
}

/// The answer to one claim for one variant, with all that it rests on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// Folder name of the paper.
    pub paper: String,
    /// Name of the study.
    pub study: String,
    /// Name of the claim.
    pub claim: String,
    /// The sentence.
    pub text: String,
    /// Where in the paper.
    #[serde(rename = "where")]
    pub place: String,
    /// Hash of the claim's section: a changed claim shows as changed.
    pub hash: String,
    /// `published`, `released` or `corrected`.
    pub variant: String,
    /// `quick`, `default` or `full`.
    pub size: String,
    /// A trial of the machinery on small data: no verdict on the paper.
    pub trial: bool,
    /// The answer.
    pub answer: Answer,
    /// What was expected, if the study says.
    pub expected: Option<Answer>,
    /// Kind of the test.
    pub kind: String,
    /// Name of the procedure.
    pub procedure: String,
    /// What was estimated.
    pub statistic: String,
    /// Its unit; empty when there is none.
    pub unit: String,
    /// The estimate; NaN where nothing was measured.
    #[serde(with = "extended")]
    #[schemars(with = "extended::Extended")]
    pub estimate: f64,
    /// Lower end of its interval.
    #[serde(with = "extended")]
    #[schemars(with = "extended::Extended")]
    pub lower: f64,
    /// Upper end of its interval.
    #[serde(with = "extended")]
    #[schemars(with = "extended::Extended")]
    pub upper: f64,
    /// Level of the interval, after the claim's share of the error budget.
    pub level: f64,
    /// The threshold, declared margin included; the center of the margin for `within`.
    #[serde(with = "extended")]
    #[schemars(with = "extended::Extended")]
    pub threshold: f64,
    /// The declared margin.
    #[serde(with = "extended")]
    #[schemars(with = "extended::Extended")]
    pub margin: f64,
    /// The side of the threshold that supports the claim.
    pub side: Side,
    /// Against "not supported": small speaks for the claim. Absent for deterministic claims.
    pub p_support: Option<f64>,
    /// Against "not refuted": small speaks against the claim.
    pub p_refute: Option<f64>,
    /// `p_support` adjusted by Holm over all claims of the paper that were checked together. For
    /// information: verdicts rest on fixed shares of the error budget.
    #[serde(default)]
    pub holm_support: Option<f64>,
    /// `p_refute` adjusted likewise.
    #[serde(default)]
    pub holm_refute: Option<f64>,
    /// Seeds used.
    pub seeds: usize,
    /// Looks taken at the seeds as they came; 1 where their number was fixed. With more, the
    /// p-values are anytime-valid: `1/p` is the largest evidence of any look.
    #[serde(default)]
    pub looks: usize,
    /// The number of each seed.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// What could have been found.
    pub detectable: Option<Detectable>,
    /// Remarks that qualify the answer.
    pub flags: Vec<String>,
    /// Cells that left no number of their own, by status, or `missing`. Outcomes of the method
    /// count as its worst value; the others leave their seed out.
    pub failed: BTreeMap<String, usize>,
    /// Digest of the traces it rests on.
    pub digest: String,
    /// Digest of the code that made them.
    pub code: String,
    /// Revision of the program that judged.
    pub revision: String,
    /// The machine that judged.
    pub machine: String,
}

impl Verdict {
    /// Out of how many the statistic counts, where it is a count, which has no decimals.
    pub fn out_of(&self) -> Option<u32> {
        self.unit.strip_prefix("of ")?.parse().ok()
    }

    /// Whether it came out as expected; `None` where nothing was expected.
    pub fn as_expected(&self) -> Option<bool> {
        self.expected.map(|expected| expected == self.answer)
    }

    /// Whether it is the opposite of what was expected.
    pub fn is_opposite(&self) -> bool {
        matches!(
            (self.expected, self.answer),
            (Some(Answer::Supported), Answer::Refuted) | (Some(Answer::Refuted), Answer::Supported)
        )
    }

    /// Whether more seeds could still make it clear.
    pub fn is_open(&self) -> bool {
        self.answer == Answer::Inconclusive && self.p_support.is_some()
    }
}

/// The rule for directional claims: supported if the whole interval lies past the threshold,
/// refuted if wholly on the other side. An interval and p-values that disagree, as an anytime
/// interval and its evidence may in the third digit, are inconclusive.
pub fn decide(
    interval: Interval,
    evidence: Evidence,
    threshold: f64,
    side: Side,
    margin: f64,
    alpha: f64,
) -> Answer {
    let Interval { lower, upper } = interval;
    let (past, short) = match side {
        Side::Above => (lower > threshold, upper < threshold),
        Side::Below => (upper < threshold, lower > threshold),
        Side::Within => (
            lower > threshold - margin && upper < threshold + margin,
            lower > threshold + margin || upper < threshold - margin,
        ),
    };
    // Rounding must not part an interval's end from its own p-value.
    let enough = |p: f64| p <= 0.5 * alpha * (1.0 + 1e-9);
    match (past && enough(evidence.support), short && enough(evidence.refute)) {
        (true, false) => Answer::Supported,
        (false, true) => Answer::Refuted,
        _ => Answer::Inconclusive,
    }
}

/// Exit code of a set of verdicts: 6 nothing was measured, 4 a verdict opposite to the one
/// expected, 5 inconclusive where a verdict was expected (if `strict`), else 0.
pub fn exit_code(verdicts: &[Verdict], strict: bool) -> u8 {
    let undecided = |verdict: &Verdict| {
        matches!(verdict.answer, Answer::Inconclusive | Answer::NoVerdict)
            && matches!(verdict.expected, Some(Answer::Supported | Answer::Refuted))
    };
    if verdicts.iter().any(Verdict::is_opposite) {
        4
    } else if strict && verdicts.iter().any(undecided) {
        5
    } else if !verdicts.is_empty()
        && verdicts.iter().all(|verdict| verdict.answer == Answer::NoVerdict)
    {
        6
    } else {
        0
    }
}

/// Fills in the values adjusted by Holm, paper by paper and variant by variant.
pub fn adjust(verdicts: &mut [Verdict]) {
    let mut groups: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (place, verdict) in verdicts.iter().enumerate() {
        if verdict.p_support.is_some() && verdict.p_refute.is_some() {
            let key = (verdict.paper.clone(), verdict.variant.clone());
            groups.entry(key).or_default().push(place);
        }
    }
    for places in groups.into_values() {
        let claims: Vec<Evidence> = places
            .iter()
            .map(|place| Evidence {
                support: verdicts[*place].p_support.unwrap_or(1.0),
                refute: verdicts[*place].p_refute.unwrap_or(1.0),
            })
            .collect();
        for (place, adjusted) in places.into_iter().zip(holm_of_claims(&claims)) {
            verdicts[place].holm_support = Some(adjusted.support);
            verdicts[place].holm_refute = Some(adjusted.refute);
        }
    }
}

/// Flags the claims whose text or test is not what it was when `before` was written.
pub fn flag_changes(verdicts: &mut [Verdict], before: &[Verdict]) {
    for verdict in verdicts {
        let same = |old: &&Verdict| {
            (&old.paper, &old.study, &old.claim, &old.variant, &old.size)
                == (&verdict.paper, &verdict.study, &verdict.claim, &verdict.variant, &verdict.size)
        };
        if let Some(old) = before.iter().find(same).filter(|old| old.hash != verdict.hash) {
            let flag = format!("claim changed since its last verdict, {}", old.answer.word());
            verdict.flags.push(flag);
        }
    }
}

/// Reads what [`write()`] wrote; `None` if there is no such file or another program wrote it.
pub fn read(path: &Path) -> Option<Vec<Verdict>> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Writes `verdicts.json`: under a temporary name first, then renamed, so that a reader never meets
/// half a file.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(verdicts: &[Verdict], path: &Path) -> std::io::Result<()> {
    // A name of its own: two processes may judge the same store at once.
    let temporary = path.with_extension(format!("json.{}.partial", std::process::id()));
    let mut text = serde_json::to_string_pretty(verdicts).map_err(std::io::Error::other)?;
    text.push('\n');
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(temporary, path)
}

/// Numbers that may be infinite, which JSON has no word for: `"inf"`, `"-inf"`, and null for NaN.
mod extended {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde::{Deserialize, Deserializer, Serializer};

    /// How such a number looks in the schema.
    pub(super) struct Extended;

    impl JsonSchema for Extended {
        fn schema_name() -> Cow<'static, str> {
            "Number".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A number; \"inf\" or \"-inf\"; null where it is none.",
                "anyOf": [
                    { "type": "number" },
                    { "type": "string", "enum": ["inf", "-inf"] },
                    { "type": "null" },
                ],
            })
        }
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Word(String),
        Missing(()),
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if x.is_nan() {
            serializer.serialize_none()
        } else if x.is_finite() {
            serializer.serialize_f64(*x)
        } else {
            serializer.serialize_str(if *x > 0.0 { "inf" } else { "-inf" })
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Number::deserialize(deserializer)? {
            Number::Finite(x) => Ok(x),
            Number::Word(word) => word.parse().map_err(serde::de::Error::custom),
            Number::Missing(()) => Ok(f64::NAN),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn verdict(claim: &str, answer: Answer, expected: Option<Answer>) -> Verdict {
        Verdict {
            paper: "admm-softmax".into(),
            study: "generalisation".into(),
            claim: claim.into(),
            text: "ADMM-Softmax generalises better than a quasi-Newton method.".into(),
            place: "abstract".into(),
            hash: "00".into(),
            variant: "corrected".into(),
            size: "default".into(),
            trial: false,
            answer,
            expected,
            kind: "better".into(),
            procedure: "guarded Student".into(),
            statistic: "test-accuracy, a − b".into(),
            unit: String::new(),
            estimate: 0.08,
            lower: -0.0531,
            upper: 0.2049,
            level: 0.95,
            threshold: 0.001,
            margin: 0.001,
            side: Side::Above,
            p_support: Some(0.1),
            p_refute: Some(0.9),
            holm_support: None,
            holm_refute: None,
            seeds: 10,
            looks: 1,
            rows: vec![Row { seed: 0, value: 0.1 }, Row { seed: 1, value: f64::INFINITY }],
            detectable: Some(Detectable { value: 0.15, unit: String::new() }),
            flags: Vec::new(),
            failed: BTreeMap::new(),
            digest: "00".into(),
            code: "00".into(),
            revision: String::new(),
            machine: String::new(),
        }
    }

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/verdicts.schema.json");
        let schema = schemars::schema_for!(Vec<Verdict>);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("CONVERGE_RECORD").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap();
        assert_eq!(published, text, "CONVERGE_RECORD=1 writes it anew");
        // Every field of a written verdict is in it.
        let written = serde_json::to_value(verdict("C1", Answer::Supported, None)).unwrap();
        let properties = &schema.as_value()["$defs"]["Verdict"]["properties"];
        for key in written.as_object().unwrap().keys() {
            assert!(properties.get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn adjusted_values_are_those_of_holm_over_all_claims() {
        let mut verdicts: Vec<Verdict> = [0.001, 0.2]
            .map(|p| Verdict {
                p_support: Some(p),
                p_refute: Some(1.0 - p),
                ..verdict("C", Answer::Inconclusive, None)
            })
            .into();
        adjust(&mut verdicts);
        // Four hypotheses, the smallest times four, the next times three.
        assert!((verdicts[0].holm_support.unwrap() - 0.004).abs() < 1e-15);
        assert!((verdicts[1].holm_support.unwrap() - 0.6).abs() < 1e-15);
        assert!((verdicts[0].holm_refute.unwrap() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_changed_claim_is_flagged_with_its_last_answer() {
        let old = verdict("C1", Answer::Refuted, None);
        let mut now = [Verdict { hash: "01".into(), ..old.clone() }, old.clone()];
        flag_changes(&mut now, &[old]);
        assert!(now[0].flags[0].contains("changed") && now[0].flags[0].contains("refuted"));
        assert!(now[1].flags.is_empty());
    }

    #[test]
    fn the_whole_interval_decides() {
        let sure = Evidence { support: 0.0, refute: 0.0 };
        let answer =
            |lower, upper, side| decide(Interval::new(lower, upper), sure, 1.0, side, 0.5, 0.05);
        for (lower, upper, side, expected) in [
            (1.1, 2.0, Side::Above, Answer::Supported),
            (0.1, 0.9, Side::Above, Answer::Refuted),
            (0.9, 1.1, Side::Above, Answer::Inconclusive),
            (1.0, 2.0, Side::Above, Answer::Inconclusive),
            (1.1, 2.0, Side::Below, Answer::Refuted),
            (0.1, 0.9, Side::Below, Answer::Supported),
            (0.6, 1.4, Side::Within, Answer::Supported),
            (0.4, 1.4, Side::Within, Answer::Inconclusive),
            (1.6, 1.7, Side::Within, Answer::Refuted),
        ] {
            assert_eq!(answer(lower, upper, side), expected, "[{lower}, {upper}] {side:?}");
        }
    }

    #[test]
    fn an_interval_without_evidence_is_inconclusive() {
        let weak = Evidence { support: 0.03, refute: 1.0 };
        let interval = Interval::new(1.1, 2.0);
        assert_eq!(decide(interval, weak, 1.0, Side::Above, 0.0, 0.05), Answer::Inconclusive);
    }

    #[test]
    fn exit_codes_follow_their_order() {
        use Answer::{Inconclusive, NoVerdict, Refuted, Supported};
        let good = verdict("C1", Supported, Some(Supported));
        let opposite = verdict("C2", Refuted, Some(Supported));
        let open = verdict("C3", Inconclusive, Some(Supported));
        let nothing = verdict("C4", NoVerdict, Some(Supported));
        assert_eq!(exit_code(std::slice::from_ref(&good), true), 0);
        assert_eq!(exit_code(&[good.clone(), open.clone(), opposite], true), 4);
        assert_eq!(exit_code(&[good.clone(), open.clone()], false), 0);
        assert_eq!(exit_code(&[good, open], true), 5);
        assert_eq!(exit_code(std::slice::from_ref(&nothing), false), 6);
        assert_eq!(exit_code(&[], true), 0);
    }

    #[test]
    fn the_file_holds_infinite_and_missing_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts.json");
        let mut written = verdict("C1", Answer::Inconclusive, None);
        written.upper = f64::INFINITY;
        written.lower = f64::NEG_INFINITY;
        write(std::slice::from_ref(&written), &path).unwrap();
        let read: Vec<Verdict> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, [written.clone()]);
        written.estimate = f64::NAN;
        write(&[written], &path).unwrap();
        let read: Vec<Verdict> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert!(read[0].estimate.is_nan());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
