//! `faster`: one solver reaches a target at a lower cost than another.

use converge_bench::record::Status;
use converge_bench::study::Label;
use converge_problems::Better as Direction;
use serde::Deserialize;

use super::infer::{directional, extreme, plan_mean, plan_wins, wins};
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, Center, Mistake, require};
use crate::load::Run;
use crate::number::{Failed, best_row, pairs};
use crate::statistics::bootstrap::DRAWS;
use crate::statistics::log_rank::{LogRank, Stratum, permuted};
use crate::statistics::median::median;
use crate::statistics::running_time::{self, Spent, ln_ratio};
use crate::statistics::survival::{Reach, duel, tally};
use crate::statistics::{Interval, detectable};
use crate::verdict::{Detectable, Row, Side, decide};

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
    /// What is compared.
    #[serde(default)]
    pub by: By,
    /// Cost at which every run counts as ended; needed by `restricted-mean`.
    #[serde(default)]
    pub budget: Option<f64>,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

/// What `faster` compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Which run of a pair is first: valid for any law of the costs, censored ones included.
    #[default]
    Wins,
    /// The mean cost within the budget, paired by seed.
    RestrictedMean,
    /// The whole product-limit curves: the log-rank test, by swapping the runs of a seed.
    Curve,
    /// The total cost of restarting until one run succeeds, failures counted.
    RestartCost,
}

/// Fewest seeds of a verdict on restart costs: their interval covers 92 % at ten, 93 % at twenty.
const SEEDS_RESTART: usize = 20;

fn default_cost() -> String {
    "seconds".to_owned()
}

fn one() -> f64 {
    1.0
}

/// When the two runs of each seed reached their target.
struct Reaches {
    seeds: Vec<u64>,
    a: Vec<Reach>,
    b: Vec<Reach>,
    failed: Failed,
}

/// When a run's `metric` reached `target`, in units of `cost`. A run that used up its budget is
/// censored there; one that ended for any other reason never reaches it.
pub(super) fn reach(
    run: &Run<'_>,
    metric: &str,
    target: f64,
    cost: &str,
    path: &str,
    failed: &mut Failed,
) -> Result<Reach, Mistake> {
    let column = |name: &str, key: &str| {
        run.series(name)
            .ok_or_else(|| Mistake::new(format!("{path}.{key}"), format!("no column `{name}`")))
    };
    if run.record.trace.rows() == 0 {
        return Ok(Reach::Never);
    }
    let metric = column(metric, "metric")?;
    let cost = column(cost, "cost")?;
    let status = &run.record.header.status;
    let found = Reach::first(
        &cost.values,
        |row| match metric.metric.better {
            Direction::Higher => metric.values[row] >= target,
            _ => metric.values[row] <= target,
        },
        |last| if *status == Status::Budget { Reach::Beyond(last) } else { Reach::Never },
    );
    if !matches!(found, Reach::At(_)) {
        failed.note(format!("target not reached ({})", status.word()), run.label);
    }
    Ok(found)
}

impl Faster {
    fn read(&self, setting: &Setting<'_>, path: &str) -> Result<Reaches, Mistake> {
        let mut found =
            Reaches { seeds: Vec::new(), a: Vec::new(), b: Vec::new(), failed: Failed::new() };
        let problem = self.problem.as_deref();
        let one_problem = !setting.exact;
        for (one, other) in
            pairs(&setting.runs, &self.solver, &self.than, problem, one_problem, path)?
        {
            if !one.is_outcome() || !other.is_outcome() {
                for run in [one, other].iter().filter(|run| !run.is_outcome()) {
                    found.failed.note(run.record.header.status.word(), run.label);
                }
                continue;
            }
            let target = self.goal(&one, &other, path)?;
            found.seeds.push(one.label.seed);
            found.a.push(reach(&one, &self.metric, target, &self.cost, path, &mut found.failed)?);
            found.b.push(reach(&other, &self.metric, target, &self.cost, path, &mut found.failed)?);
        }
        Ok(found)
    }

    /// The value to reach: declared, or a share of the way to the best that either run reaches.
    fn goal(&self, a: &Run<'_>, b: &Run<'_>, path: &str) -> Result<f64, Mistake> {
        if let Some(target) = self.target {
            return Ok(target);
        }
        let share = self.share_of_best.unwrap_or(1.0);
        let mut best: Option<f64> = None;
        let mut start = f64::NAN;
        for run in [a, b] {
            let Some(series) = run.series(&self.metric) else { continue };
            start = series.values.first().copied().unwrap_or(f64::NAN);
            if let Some(row) = best_row(&series.metric, &series.values, path)? {
                let x = series.values[row];
                best = Some(best.map_or(x, |best| match series.metric.better {
                    Direction::Higher => best.max(x),
                    _ => best.min(x),
                }));
            }
        }
        Ok(best.map_or(f64::NAN, |best| start + share * (best - start)))
    }

    fn by(&self) -> String {
        if self.factor > 1.0 { format!(" by {}", self.factor) } else { String::new() }
    }

    fn by_wins(&self, reaches: &Reaches, setting: &Setting<'_>) -> Finding {
        let Reaches { seeds, a, b, .. } = reaches;
        // The outcomes in the order of the seeds, so that earlier looks count.
        let rows: Vec<Row> = seeds
            .iter()
            .zip(a.iter().zip(b))
            .map(|(seed, (a, b))| Row { seed: *seed, value: duel(*a, *b, self.factor) })
            .collect();
        let mut finding = wins(&rows, setting);
        let (solver, than, by) = (&self.solver, &self.than, self.by());
        finding.statistic = format!("share of seeds, {solver} before {than} in {}{by}", self.cost);
        let undecidable = tally(a, b, self.factor).undecidable;
        if undecidable > 0 {
            finding.flags.push(format!("{undecidable} pairs undecided by their budgets"));
        }
        finding
    }

    /// Paired differences `factor · min(T_a, τ) − min(T_b, τ)`.
    fn by_restricted_mean(&self, reaches: &Reaches, setting: &Setting<'_>) -> Finding {
        let budget = self.budget.unwrap_or(f64::NAN);
        let rows: Vec<Row> = reaches
            .seeds
            .iter()
            .zip(reaches.a.iter().zip(&reaches.b))
            .map(|(seed, (a, b))| Row {
                seed: *seed,
                value: self.factor * a.within(budget) - b.within(budget),
            })
            .collect();
        let mut finding = directional(&rows, 0.0, Side::Below, Center::Mean, setting);
        let times = if self.factor > 1.0 { format!("{} × ", self.factor) } else { String::new() };
        finding.statistic = format!(
            "restricted mean {} to {budget}, {times}{} − {}",
            self.cost, self.solver, self.than
        );
        let early = |reach: &Reach| matches!(reach, Reach::Beyond(end) if *end < budget);
        if reaches.a.iter().chain(&reaches.b).any(early) {
            finding.withhold("a run ended on its budget before that of the claim");
        }
        finding
    }

    fn by_curve(&self, reaches: &Reaches, setting: &Setting<'_>) -> Finding {
        let observed = |reach: &Reach| match reach {
            Reach::At(time) => (*time, true),
            Reach::Beyond(end) => (*end, false),
            // Not censored where it stopped: that was its own doing.
            Reach::Never => (f64::INFINITY, false),
        };
        let a: Vec<(f64, bool)> = reaches.a.iter().map(observed).collect();
        let b: Vec<(f64, bool)> = reaches.b.iter().map(observed).collect();
        let strata = [Stratum { a: &a, b: &b }];
        let evidence = permuted(&strata, &mut setting.rng("log-rank")).evidence;
        let excess = LogRank::of(&strata).excess();
        let row = |(seed, (a, b)): (&u64, (&Reach, &Reach))| Row {
            seed: *seed,
            value: duel(*a, *b, 1.0),
        };
        let rows: Vec<Row> =
            reaches.seeds.iter().zip(reaches.a.iter().zip(&reaches.b)).map(row).collect();
        // The test has no interval: its p-values alone decide.
        let whole = if evidence.support < evidence.refute {
            Interval::new(0.0, f64::INFINITY)
        } else {
            Interval::new(f64::NEG_INFINITY, 0.0)
        };
        let half = 0.5 * setting.alpha;
        let answer = if evidence.support <= half {
            Answer::Supported
        } else if evidence.refute <= half {
            Answer::Refuted
        } else {
            Answer::Inconclusive
        };
        Finding {
            procedure: "log-rank, permuted",
            statistic: format!(
                "targets that {} reaches above expectation, against {} in {}",
                self.solver, self.than, self.cost
            ),
            estimate: excess,
            interval: if answer == Answer::Inconclusive { Interval::LINE } else { whole },
            evidence: Some(evidence),
            ..extreme(&rows, 0.0, Side::Above, 0.0, answer)
        }
    }

    fn by_restart_cost(&self, reaches: &Reaches, setting: &Setting<'_>) -> Finding {
        let ends = reaches.a.iter().chain(&reaches.b);
        let longest = ends
            .filter_map(|reach| match reach {
                Reach::At(time) | Reach::Beyond(time) => Some(*time),
                Reach::Never => None,
            })
            .fold(0.0, f64::max);
        let spent = |reach: &Reach| -> Spent {
            match reach {
                Reach::At(time) => (*time, true),
                Reach::Beyond(end) => (*end, false),
                Reach::Never => (self.budget.unwrap_or(longest), false),
            }
        };
        let pairs: Vec<(Spent, Spent)> =
            reaches.a.iter().zip(&reaches.b).map(|(a, b)| (spent(a), spent(b))).collect();
        let limit = 1.0 / self.factor;
        let ratio = ln_ratio(&pairs, DRAWS, &mut setting.rng("restart-cost"));
        let interval = ratio.interval(setting.alpha).map(f64::exp);
        let evidence = ratio.evidence(limit.ln()).mirrored();
        let row = |(seed, (a, b)): (&u64, &(Spent, Spent))| Row { seed: *seed, value: a.0 / b.0 };
        let rows: Vec<Row> = reaches.seeds.iter().zip(&pairs).map(row).collect();
        let answer = decide(interval, evidence, limit, Side::Below, 0.0, setting.alpha);
        let mut finding = Finding {
            procedure: "expected running time, bootstrap",
            statistic: format!(
                "expected {} until success, {} / {}",
                self.cost, self.solver, self.than
            ),
            estimate: ratio.estimate.exp(),
            interval,
            evidence: Some(evidence),
            ..extreme(&rows, limit, Side::Below, 0.0, answer)
        };
        for (name, side) in [(&self.solver, 0), (&self.than, 1)] {
            let runs: Vec<Spent> =
                pairs.iter().map(|(a, b)| if side == 0 { *a } else { *b }).collect();
            if !running_time::is_estimable(&runs) {
                let (seeds, successes) = running_time::FEWEST;
                finding.withhold(format!(
                    "{name} has fewer than {seeds} seeds or {successes} successes"
                ));
            }
        }
        if pairs.len() < SEEDS_RESTART {
            finding.withhold(format!(
                "too few seeds: below {SEEDS_RESTART} the interval covers less than 93 %"
            ));
        }
        finding
    }
}

impl Kind for Faster {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        require(
            self.target.is_some() != self.share_of_best.is_some(),
            path,
            "either `target` or `share-of-best`",
        )?;
        require(self.factor > 0.0, &format!("{path}.factor"), "a factor above 0")?;
        let share = self.share_of_best.is_none_or(|share| share > 0.0 && share <= 1.0);
        require(share, &format!("{path}.share-of-best"), "a share in (0, 1]")?;
        let budget = self.budget.is_none_or(|budget| budget > 0.0 && budget.is_finite());
        require(budget, &format!("{path}.budget"), "a cost above 0")?;
        require(
            self.by != By::RestrictedMean || self.budget.is_some(),
            path,
            "a `budget`, the cost up to which means are taken",
        )?;
        let plain = self.by != By::Curve || self.factor.to_bits() == 1.0_f64.to_bits();
        require(plain, &format!("{path}.factor"), "no factor where whole curves are compared")
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric, &self.cost]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver, &self.than], self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let by = format!("{path}.by");
        match self.by {
            By::Curve => setting.require_fixed(&by, "by = \"wins\"")?,
            By::RestartCost => setting.require_fixed(&by, "by = \"restricted-mean\"")?,
            By::Wins | By::RestrictedMean => {}
        }
        let reaches = self.read(setting, path)?;
        if reaches.a.is_empty() {
            let statistic = format!("{} against {} in {}", self.solver, self.than, self.cost);
            return Ok(Finding::nothing(statistic, reaches.failed));
        }
        let mut finding = match self.by {
            By::Wins => self.by_wins(&reaches, setting),
            By::RestrictedMean => self.by_restricted_mean(&reaches, setting),
            By::Curve => self.by_curve(&reaches, setting),
            By::RestartCost => self.by_restart_cost(&reaches, setting),
        };
        let times = |side: &[Reach]| side.iter().map(|reach| reach.time()).collect::<Vec<_>>();
        let medians = [&reaches.a, &reaches.b].map(|side| median(&times(side)));
        finding.failed = reaches.failed;
        if reaches.a.iter().chain(&reaches.b).all(|reach| !matches!(reach, Reach::At(_))) {
            finding.withhold("no run reached the target");
        }
        finding
            .flags
            .push(format!("median {} {:.4} against {:.4}", self.cost, medians[0], medians[1]));
        Ok(finding)
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        match self.by {
            By::Wins => plan_wins(seeds, alpha, sequential),
            By::RestrictedMean | By::RestartCost => plan_mean(seeds, alpha, sequential),
            // Every run an event.
            By::Curve => {
                let value = detectable::hazard_ratio(2.0 * seeds as f64, alpha);
                Some(Detectable { value, unit: "hazard ratio".to_owned() })
            }
        }
    }
}
