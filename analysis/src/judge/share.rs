//! `share`: a share of the seeds satisfies a condition.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use serde::Deserialize;

use super::bound::{Bound, keeps};
use super::infer::SEEDS_SHARE;
use super::ratio::Ratio;
use super::{Finding, Kind, Setting};
use crate::claim::{Mistake, require};
use crate::number::{Failed, number};
use crate::statistics::win::{self, Tally};
use crate::statistics::{Evidence, proportion};
use crate::verdict::{Detectable, Row, Side, decide};

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

impl Share {
    /// Whether each seed satisfies the condition, by rising seed.
    fn outcomes(
        &self,
        setting: &Setting<'_>,
        path: &str,
        failed: &mut Failed,
    ) -> Result<BTreeMap<u64, bool>, Mistake> {
        let mut kept = BTreeMap::new();
        match &self.test {
            Condition::AtMost(bound) | Condition::AtLeast(bound) => {
                let below = matches!(self.test, Condition::AtMost(_));
                let side = if below { Side::Below } else { Side::Above };
                for run in bound.selection().of(&setting.runs) {
                    if let Some(number) = number(&run, &bound.metric, &bound.at, path, failed)? {
                        *kept.entry(run.label.seed).or_insert(true) &=
                            keeps(number.value, bound.limit, side);
                    }
                }
            }
            Condition::Ratio(ratio) => {
                let pair = ratio.pair();
                let (solver, than) = (pair.solver, pair.than);
                for (a, b) in pair.runs(setting, false, path)? {
                    let seed = a.label.seed;
                    let a = number(&a, pair.metric, solver.1, path, failed)?;
                    let b = number(&b, pair.metric, than.1, path, failed)?;
                    if let (Some(a), Some(b)) = (a, b) {
                        *kept.entry(seed).or_insert(true) &=
                            keeps(a.value / b.value, ratio.limit(), ratio.side());
                    }
                }
            }
        }
        Ok(kept)
    }
}

impl Kind for Share {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(
            self.at_least > 0.0 && self.at_least < 1.0,
            &format!("{path}.at-least"),
            "a share between 0 and 1",
        )?;
        match &self.test {
            Condition::AtMost(bound) => bound.validate(&format!("{path}.test.at-most")),
            Condition::AtLeast(bound) => bound.validate(&format!("{path}.test.at-least")),
            Condition::Ratio(ratio) => ratio.validate(&format!("{path}.test.ratio")),
        }
    }

    fn columns(&self) -> Vec<&str> {
        match &self.test {
            Condition::AtMost(test) | Condition::AtLeast(test) => vec![&test.metric],
            Condition::Ratio(test) => vec![&test.metric],
        }
    }

    fn concerns(&self, label: &Label) -> bool {
        match &self.test {
            Condition::AtMost(test) | Condition::AtLeast(test) => test.selection().holds(label),
            Condition::Ratio(test) => test.concerns(label),
        }
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let mut failed = Failed::new();
        let kept = self.outcomes(setting, &format!("{path}.test"), &mut failed)?;
        let statistic = "share of seeds that satisfy the condition";
        if kept.is_empty() {
            return Ok(Finding::nothing(statistic, failed));
        }
        let (n, k) = (kept.len() as u64, kept.values().filter(|kept| **kept).count() as u64);
        let null = self.at_least;
        let (interval, evidence) = if setting.sequential {
            let tally = Tally { wins: k, losses: n - k, ..Tally::default() };
            let (mut best, mut wins) = (Evidence::NONE, 0);
            for (look, kept) in kept.values().enumerate() {
                wins += u64::from(*kept);
                let losses = look as u64 + 1 - wins;
                let p = |ln_e: f64| (-ln_e).exp().min(1.0);
                best = best.strongest(Evidence {
                    support: p(win::ln_evidence_above(wins, losses, null)),
                    refute: p(win::ln_evidence_below(wins, losses, null)),
                });
            }
            (win::interval(&tally, setting.alpha), best)
        } else {
            (proportion::clopper_pearson(k, n, setting.alpha), proportion::evidence(k, n, null))
        };
        let number = |(seed, kept): (u64, bool)| Row { seed, value: f64::from(u8::from(kept)) };
        let mut finding = Finding {
            procedure: if setting.sequential { "win test" } else { "Clopper–Pearson" },
            estimate: k as f64 / n as f64,
            interval,
            evidence: Some(evidence),
            threshold: null,
            answer: decide(interval, evidence, null, Side::Above, 0.0, setting.alpha),
            seeds: kept.len(),
            looks: if setting.sequential { kept.len() } else { 1 },
            rows: kept.into_iter().map(number).collect(),
            ..Finding::nothing(statistic, failed)
        };
        if n < SEEDS_SHARE {
            finding.withhold("too few seeds");
        }
        Ok(finding)
    }

    /// The share that all seeds must reach.
    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        let n = seeds as u64;
        let all = |kept: u64| {
            if sequential {
                win::ln_evidence_above(kept, n - kept, self.at_least) >= (2.0 / alpha).ln()
            } else {
                proportion::evidence(kept, n, self.at_least).support <= 0.5 * alpha
            }
        };
        let fewest = (0..=n).find(|kept| all(*kept))?;
        let value = fewest as f64 / seeds as f64;
        Some(Detectable { value, unit: "share of the seeds".to_owned() })
    }
}
