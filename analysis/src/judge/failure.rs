//! `fails-less`: one solver fails less often than another.

use converge_bench::record::Status;
use converge_bench::study::Label;
use converge_problems::Better as Direction;
use serde::Deserialize;

use super::infer::{plan_wins, wins};
use super::{Finding, Kind, Setting};
use crate::claim::{Mistake, require};
use crate::load::Run;
use crate::number::{Failed, pairs};
use crate::verdict::{Detectable, Row};

/// `fails-less`: seeds on which one of the two fails and the other does not, as the exact test for
/// paired proportions counts them; at every look where seeds are added.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FailsLess {
    /// The solver that should fail less often.
    pub solver: String,
    /// The other.
    pub than: String,
    /// A run fails if it never reaches this value of `metric`; without it, if it diverges or breaks
    /// down.
    #[serde(default)]
    pub target: Option<f64>,
    /// Metric of the target.
    #[serde(default)]
    pub metric: Option<String>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

impl FailsLess {
    fn fails(&self, run: &Run<'_>, path: &str) -> Result<bool, Mistake> {
        let (Some(metric), Some(target)) = (&self.metric, self.target) else {
            return Ok(run.is_broken() || !run.record.header.status.is_result());
        };
        if run.record.trace.rows() == 0 {
            return Ok(true);
        }
        let series = run.series(metric).ok_or_else(|| {
            Mistake::new(format!("{path}.metric"), format!("no column `{metric}`"))
        })?;
        let reached = |x: &f64| match series.metric.better {
            Direction::Higher => *x >= target,
            _ => *x <= target,
        };
        Ok(!series.values.iter().any(reached))
    }
}

impl Kind for FailsLess {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        let both = self.target.is_some() == self.metric.is_some();
        require(both, path, "`metric` and `target` together, or neither")
    }

    fn columns(&self) -> Vec<&str> {
        self.metric.iter().map(String::as_str).collect()
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver, &self.than], self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let (mut rows, mut failed) = (Vec::new(), Failed::new());
        let mut counts = [0, 0];
        let problem = self.problem.as_deref();
        for (a, b) in pairs(&setting.runs, &self.solver, &self.than, problem, !setting.exact, path)?
        {
            let lost = |run: &Run<'_>| {
                matches!(run.record.header.status, Status::Crashed(_) | Status::Interrupted)
            };
            if lost(&a) || lost(&b) {
                for run in [a, b].iter().filter(|run| lost(run)) {
                    failed.note("crashed", run.label);
                }
                continue;
            }
            let fails = [self.fails(&a, path)?, self.fails(&b, path)?].map(u8::from);
            counts[0] += u32::from(fails[0]);
            counts[1] += u32::from(fails[1]);
            let value = f64::from(fails[1]) - f64::from(fails[0]);
            rows.push(Row { seed: a.label.seed, value });
        }
        let (solver, than) = (&self.solver, &self.than);
        if rows.is_empty() {
            return Ok(Finding::nothing(format!("failures of {solver} and {than}"), failed));
        }
        let seeds = rows.len();
        let mut finding = wins(&rows, setting);
        finding.statistic =
            format!("share of the seeds on which only one fails, and that is {than}");
        finding.failed = failed;
        finding
            .flags
            .push(format!("{solver} fails {} of {seeds}, {than} {}", counts[0], counts[1]));
        Ok(finding)
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_wins(seeds, alpha, sequential)
    }
}
