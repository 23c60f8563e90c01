//! `all`: several tests hold together.

use converge_bench::study::Label;
use serde::Deserialize;

use super::{Finding, Kind, Setting, Test};
use crate::claim::{Answer, Mistake, require};
use crate::number::Failed;
use crate::statistics::{Evidence, Interval};
use crate::table::short;
use crate::verdict::{Detectable, Side};

/// `all = [ { better = { .. } }, .. ]`: a conjunction, as "on two data sets".
///
/// Each test keeps the whole error probability for support: all of them have to support the claim, so
/// that a false support needs a false one of the test that fails (the intersection–union test). One
/// refutation refutes, so refutations share the error probability equally.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct All(Vec<Test>);

impl All {
    fn parts(&self) -> impl Iterator<Item = (usize, &'static str, &dyn Kind)> {
        self.0.iter().enumerate().map(|(number, test)| {
            let (name, kind) = test.kind();
            (number, name, kind)
        })
    }
}

/// What a part that does not support the claim found: `inconclusive, 0.1 [-0.2, 0.3], a`. The number
/// stands first, where a narrow terminal does not cut it. It is refuted at its share of the error
/// probability only.
fn found(finding: &Finding, refuted: bool) -> String {
    let answer = match (refuted, finding.answer) {
        (true, _) => Answer::Refuted,
        (false, Answer::NoVerdict) => return Answer::NoVerdict.word().to_owned(),
        (false, _) => Answer::Inconclusive,
    };
    let Finding { statistic, unit, estimate, interval, .. } = finding;
    let [estimate, lower, upper] = [*estimate, interval.lower, interval.upper].map(short);
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("{}, {estimate}{unit} [{lower}, {upper}], {statistic}", answer.word())
}

impl Kind for All {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(!self.0.is_empty(), path, "at least one test")?;
        for (number, name, kind) in self.parts() {
            let path = format!("{path}[{number}].{name}");
            require(kind.baseline().is_none(), &path, "a test that stands in one variant")?;
            kind.validate(&path)?;
        }
        Ok(())
    }

    fn columns(&self) -> Vec<&str> {
        self.0.iter().flat_map(|test| test.kind().1.columns()).collect()
    }

    fn concerns(&self, label: &Label) -> bool {
        self.0.iter().any(|test| test.concerns(label))
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let count = self.0.len();
        let shared = Setting { alpha: setting.alpha / count as f64, ..setting.clone() };
        let statistic = "tests that hold";
        let (mut supported, mut refuted, mut nothing) = (0, 0, 0);
        let (mut failed, mut flags) = (Failed::new(), Vec::new());
        // The parts that do not support the claim, refuted or not, with what they found.
        let mut short = Vec::new();
        let (mut support, mut refute) = (0.0_f64, 1.0_f64);
        let (mut seeds, mut looks, mut has_evidence) = (usize::MAX, 0, true);
        for (number, name, kind) in self.parts() {
            let mut part = setting.clone();
            part.runs.retain(|run| kind.concerns(run.label));
            let path = format!("{path}[{number}].{name}");
            let alone = kind.judge(&part, &path)?;
            part.alpha = shared.alpha;
            let strict = kind.judge(&part, &path)?;
            supported += usize::from(alone.answer == Answer::Supported);
            refuted += usize::from(strict.answer == Answer::Refuted);
            nothing += usize::from(alone.answer == Answer::NoVerdict);
            if alone.answer != Answer::Supported {
                let refuted = strict.answer == Answer::Refuted;
                short.push((refuted, format!("test {}: {}", number + 1, found(&alone, refuted))));
            }
            match alone.evidence {
                Some(evidence) => {
                    support = support.max(evidence.support);
                    refute = refute.min(evidence.refute * count as f64);
                }
                None => has_evidence = false,
            }
            seeds = seeds.min(alone.seeds);
            looks = looks.max(alone.looks);
            failed.merge(alone.failed);
            for flag in alone.flags {
                let flag = format!("test {}: {flag}", number + 1);
                if !flags.contains(&flag) {
                    flags.push(flag);
                }
            }
        }
        if nothing == count {
            return Ok(Finding::nothing(statistic, failed));
        }
        let answer = if supported == count {
            Answer::Supported
        } else if refuted > 0 {
            Answer::Refuted
        } else {
            Answer::Inconclusive
        };
        let decisive = short.into_iter().filter(|(is, _)| *is == (answer == Answer::Refuted));
        flags.splice(0..0, decisive.map(|(_, text)| text));
        Ok(Finding {
            procedure: "intersection of tests",
            statistic: statistic.to_owned(),
            unit: format!("of {count}"),
            estimate: supported as f64,
            interval: Interval { lower: supported as f64, upper: (count - refuted) as f64 },
            evidence: has_evidence.then(|| Evidence { support, refute: refute.min(1.0) }),
            // Only whole numbers occur: above this means all.
            threshold: count as f64 - 0.5,
            side: Side::Above,
            answer,
            seeds,
            looks,
            flags,
            ..Finding::nothing("", failed)
        })
    }

    fn plan(&self, _: usize, _: f64, _: bool) -> Option<Detectable> {
        // Each part has its own unit.
        None
    }
}
