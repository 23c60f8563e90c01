//! `order`: the order of a discretization, from errors on a ladder of steps.

use std::collections::BTreeMap;

use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::{directional, extreme, within};
use super::scaling::Ladder;
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, At, Center, Mistake, require};
use crate::number::Failed;
use crate::statistics::bootstrap::DRAWS;
use crate::statistics::order::{Fit, Reference, Rung, check, coupled, deterministic, ladder};
use crate::statistics::{Evidence, Interval, detectable, equivalence};
use crate::verdict::{Detectable, Row, Side, decide};

/// `order`: `error(h) ≈ C h^p` along a sweep of steps, or in the rows of a probe.
///
/// Deterministic claims are answered by the successive orders of the two finest steps. A probe with a
/// column of standard errors gives one weighted fit per seed. Runs of a sweep, whose steps share their
/// noise within a seed, are resampled seed by seed with the whole ladder.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Order {
    /// Column that holds the signed error.
    pub metric: String,
    /// Row of each run of the sweep; a probe gives all its rows.
    #[serde(default)]
    pub at: At,
    /// The sweep axis, or the probe's column, that holds the step.
    pub against: String,
    /// The probe's column of standard errors of the error.
    #[serde(default)]
    pub deviation: Option<String>,
    /// The solver.
    #[serde(default)]
    pub solver: Option<String>,
    /// Or the probe.
    #[serde(default)]
    pub probe: Option<String>,
    /// Claimed order, at least this.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Claimed order, exactly this to the margin.
    #[serde(default)]
    pub value: Option<f64>,
    /// Slack on the order; 0.2 for `at-least`, 0.4 for a simulated `value`, 0.1 for a deterministic
    /// one.
    #[serde(default)]
    pub margin: Option<f64>,
    /// The value that errors are taken against, for the floor of rounding.
    #[serde(default)]
    pub reference: f64,
    /// Bound on the error of that value.
    #[serde(default)]
    pub reference_error: f64,
    /// The probe's column of what the discretization of the reference adds to the error: an error that
    /// is not 20 times as large gives no verdict.
    #[serde(default)]
    pub reference_column: Option<String>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// Share of an error that its reference may add to it.
const REFERENCE: f64 = 0.05;

impl Order {
    fn claimed(&self) -> f64 {
        self.value.or(self.at_least).unwrap_or(f64::NAN)
    }

    fn margin(&self, exact: bool) -> f64 {
        let default = match (self.at_least, exact) {
            (Some(_), _) => 0.2,
            (None, true) => 0.1,
            (None, false) => 0.4,
        };
        self.margin.unwrap_or(default)
    }

    fn ladder(&self) -> Ladder<'_> {
        Ladder {
            metric: &self.metric,
            at: &self.at,
            against: &self.against,
            deviation: self.deviation.as_deref(),
            solver: self.solver.as_deref(),
            probe: self.probe.as_deref(),
            problem: self.problem.as_deref(),
        }
    }

    fn reference(&self) -> Reference {
        Reference { value: self.reference, bound: self.reference_error }
    }

    /// The largest share of an error that its reference adds, over all seeds and steps.
    fn reference_share(
        &self,
        name: &str,
        setting: &Setting<'_>,
        path: &str,
    ) -> Result<f64, Mistake> {
        let ladder = self.ladder();
        let errors = ladder.rungs(setting, path, &mut Failed::new())?;
        let parts = Ladder { metric: name, ..ladder };
        let parts =
            parts.rungs(setting, &format!("{path}.reference-column"), &mut Failed::new())?;
        let pairs = errors.values().flatten().zip(parts.values().flatten());
        Ok(pairs.map(|(error, part)| (part.error / error.error).abs()).fold(0.0, f64::max))
    }

    /// The interval and p-values of an order against the claim.
    fn decided(
        &self,
        rows: &[Row],
        estimate: f64,
        interval: Interval,
        above: impl Fn(f64) -> Evidence,
        setting: &Setting<'_>,
    ) -> Finding {
        let (claimed, margin) = (self.claimed(), self.margin(setting.exact));
        let (null, side, evidence) = if self.value.is_some() {
            (claimed, Side::Within, equivalence::evidence(claimed, margin, above))
        } else {
            (claimed - margin, Side::Above, above(claimed - margin))
        };
        let width = if side == Side::Within { margin } else { 0.0 };
        let answer = decide(interval, evidence, null, side, width, setting.alpha);
        Finding {
            estimate,
            interval,
            evidence: Some(evidence),
            margin,
            ..extreme(rows, null, side, margin, answer)
        }
    }

    /// Errors without randomness.
    fn exactly(&self, ladders: &BTreeMap<u64, Vec<Rung>>) -> Finding {
        let (claimed, margin) = (self.claimed(), self.margin(true));
        let upper = if self.value.is_some() { claimed + margin } else { f64::INFINITY };
        let band = Interval::new(claimed - margin, upper);
        let mut answers = Vec::new();
        let mut rows = Vec::new();
        for (seed, rungs) in ladders {
            answers.push(deterministic(rungs, claimed, band));
            let orders = crate::statistics::order::successive(rungs);
            let value = orders.last().map_or(f64::NAN, |order| order.order);
            rows.push(Row { seed: *seed, value });
        }
        let answer = if answers.iter().all(|answer| *answer == Some(true)) {
            Answer::Supported
        } else if answers.contains(&Some(false)) {
            Answer::Refuted
        } else {
            Answer::Inconclusive
        };
        let side = if self.value.is_some() { Side::Within } else { Side::Above };
        let null = if self.value.is_some() { claimed } else { claimed - margin };
        Finding {
            procedure: "successive orders",
            margin,
            ..extreme(&rows, null, side, margin, answer)
        }
    }

    /// One fit per seed where each brings standard errors of its own.
    fn by_fits(&self, ladders: &BTreeMap<u64, Vec<Rung>>, setting: &Setting<'_>) -> Finding {
        let mut rows = Vec::new();
        let mut fits = Vec::new();
        let mut reason = None;
        for (seed, rungs) in ladders {
            if let Err(withheld) = check(rungs, self.reference()) {
                reason.get_or_insert(format!("seed {seed}: {withheld}"));
                continue;
            }
            let fit = Fit::of(rungs);
            rows.push(Row { seed: *seed, value: fit.order });
            fits.push(fit);
        }
        let mut finding = match fits.as_slice() {
            [] => self.decided(&rows, f64::NAN, Interval::LINE, |_| Evidence::NONE, setting),
            [fit] => {
                let order = fit.contrast();
                let interval = order.interval(setting.alpha);
                let above = |null: f64| order.evidence(null);
                let mut finding = self.decided(&rows, fit.order, interval, above, setting);
                finding.procedure = "weighted fit of one ladder";
                let value = detectable::normal(fit.error, setting.alpha);
                finding.detectable = Some(Detectable { value, unit: String::new() });
                finding
            }
            _ => {
                let (claimed, margin) = (self.claimed(), self.margin(false));
                if self.value.is_some() {
                    within(&rows, claimed, margin, Center::Mean, setting)
                } else {
                    directional(&rows, claimed - margin, Side::Above, Center::Mean, setting)
                }
            }
        };
        if fits.iter().any(|fit| !fit.is_asymptotic()) {
            finding.flags.push("not yet asymptotic: no single power fits the ladder".to_owned());
        }
        if let Some(reason) = reason {
            finding.withhold(reason);
        }
        finding
    }

    /// Whole seeds resampled: the steps of a seed share its noise.
    fn by_seeds(&self, ladders: &BTreeMap<u64, Vec<Rung>>, setting: &Setting<'_>) -> Finding {
        let steps: Vec<f64> = ladders
            .values()
            .next()
            .map_or_else(Vec::new, |rungs| rungs.iter().map(|r| r.step).collect());
        let replicas: Vec<Vec<f64>> =
            ladders.values().map(|rungs| rungs.iter().map(|rung| rung.error).collect()).collect();
        let rungs = ladder(&steps, &replicas);
        // A seed's own order is shown, never inferred from: its errors may have either sign.
        let rows: Vec<Row> = ladders
            .iter()
            .map(|(seed, rungs)| Row { seed: *seed, value: Fit::of(&unweighted(rungs)).order })
            .collect();
        let withheld = check(&rungs, self.reference()).err();
        let resampled = coupled(&steps, &replicas, DRAWS, &mut setting.rng("order"));
        let mut finding = match &resampled {
            Ok(resampled) => {
                let interval = resampled.interval(setting.alpha);
                let above = |null: f64| resampled.evidence(null);
                self.decided(&rows, resampled.estimate, interval, above, setting)
            }
            Err(_) => self.decided(&rows, f64::NAN, Interval::LINE, |_| Evidence::NONE, setting),
        };
        finding.procedure = "weighted fit, seeds resampled";
        if rungs.len() > 2 && !Fit::of(&rungs).is_asymptotic() {
            finding.flags.push("not yet asymptotic: no single power fits the ladder".to_owned());
        }
        for reason in withheld.into_iter().chain(resampled.err()) {
            finding.withhold(reason.to_string());
        }
        finding
    }
}

/// The same rungs with equal relative errors.
fn unweighted(rungs: &[Rung]) -> Vec<Rung> {
    rungs.iter().map(|rung| Rung { deviation: rung.error.abs(), ..*rung }).collect()
}

impl Kind for Order {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        self.at.validate(&self.metric, &format!("{path}.at"))?;
        require(self.solver.is_some() != self.probe.is_some(), path, "either `solver` or `probe`")?;
        let one = self.at_least.is_some() != self.value.is_some();
        require(one, path, "either `at-least` or `value`")?;
        let margin = self.margin.is_none_or(|margin| margin > 0.0);
        require(margin, &format!("{path}.margin"), "a margin above 0")?;
        let errors = self.deviation.is_none() || self.probe.is_some();
        require(errors, &format!("{path}.deviation"), "a `probe` whose rows have standard errors")?;
        let reference = self.reference_column.is_none() || self.probe.is_some();
        require(reference, &format!("{path}.reference-column"), "a `probe`")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric]
    }

    fn concerns(&self, label: &Label) -> bool {
        self.ladder().concerns(label)
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let mut failed = Failed::new();
        let mut ladders = self.ladder().rungs(setting, path, &mut failed)?;
        let most = ladders.values().map(Vec::len).max().unwrap_or(0);
        ladders.retain(|_, rungs| rungs.len() == most && most > 0);
        let statistic = format!("order of {} in {}", self.metric, self.against);
        let Some(rungs) = ladders.values().next() else {
            return Ok(Finding::nothing(statistic, failed));
        };
        let ends = (rungs[0].step, rungs[rungs.len() - 1].step);
        let statistic = format!("{statistic}, {} steps from {} to {}", most, ends.0, ends.1);
        let mut finding = if setting.exact {
            self.exactly(&ladders)
        } else if self.deviation.is_some() {
            self.by_fits(&ladders, setting)
        } else {
            setting.require_fixed(path, "a probe with standard errors")?;
            self.by_seeds(&ladders, setting)
        };
        finding.statistic = statistic;
        finding.failed = failed;
        if let Some(name) = &self.reference_column {
            let share = self.reference_share(name, setting, path)?;
            let words = format!("the reference adds at most {:.2} % of an error", 100.0 * share);
            if share < REFERENCE { finding.flags.push(words) } else { finding.withhold(words) }
        }
        Ok(finding)
    }

    fn plan(&self, _: usize, _: f64, _: bool) -> Option<Detectable> {
        None
    }
}
