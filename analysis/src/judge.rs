//! Each kind of test, from the runs of one variant to a finding.

use crate::claim::{
    Answer, Better, Bound, Center, Claim, Condition, Equal, Faster, Mistake, Names, Ratio, Share,
    Test,
};
use crate::load::Run;
use crate::number::{Failed, Number, Selection, clock_flag, number, pairs, singles};
use crate::statistics::mean::{Moments, guarded, guarded_evidence};
use crate::statistics::median::{median, order_interval, sign_evidence};
use crate::statistics::survival::{Reach, tally};
use crate::statistics::win::{self, Tally};
use crate::statistics::{Evidence, Interval, detectable, equivalence, mixture, proportion};
use crate::verdict::{Detectable, Side, decide};
use converge_bench::record::Status;
use converge_bench::study::Label;
use converge_problems::Better as Direction;

/// Fewest seeds of an interval for a mean.
const SEEDS_MEAN: usize = 5;
/// Fewest pairs of a win test.
const PAIRS_WIN: u64 = 8;
/// Fewest seeds of a share.
const SEEDS_SHARE: u64 = 10;

/// What a test is given beside its claim.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// The runs of the variant that the claim concerns.
    pub runs: Vec<Run<'a>>,
    /// Error probability after the claim's share of the budget.
    pub alpha: f64,
    /// Seeds are added until verdicts are clear.
    pub sequential: bool,
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
    fn nothing(statistic: String, failed: Failed) -> Self {
        Self {
            procedure: "none",
            statistic,
            unit: String::new(),
            estimate: f64::NAN,
            interval: Interval::LINE,
            evidence: None,
            threshold: f64::NAN,
            margin: 0.0,
            side: Side::Above,
            answer: Answer::NoVerdict,
            seeds: 0,
            detectable: None,
            flags: Vec::new(),
            failed,
        }
    }
}

/// Answers a claim on the runs of one variant.
///
/// # Errors
/// A [`Mistake`] in the claim, such as a name that selects nothing.
pub fn judge(claim: &Claim, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let exact = claim.deterministic;
    let mut finding = match &claim.test {
        Test::AtMost(test) => bound(test, Side::Below, exact, setting, "test.at-most")?,
        Test::AtLeast(test) => bound(test, Side::Above, exact, setting, "test.at-least")?,
        Test::Better(test) => better(test, exact, setting)?,
        Test::Ratio(test) => ratio(test, exact, setting)?,
        Test::Equal(test) => equal(test, exact, setting)?,
        Test::Faster(test) => faster(test, exact, setting)?,
        Test::Rate(test) => crate::rate::judge(test, exact, setting)?,
        Test::Share(test) => share(test, setting)?,
    };
    if let Some(flag) = clock_flag(&setting.runs, &claim.test.metrics()) {
        finding.withhold(flag);
    }
    Ok(finding)
}

impl Test {
    /// Names of the columns it reads.
    pub fn metrics(&self) -> Vec<&str> {
        match self {
            Self::AtMost(test) | Self::AtLeast(test) => vec![&test.metric],
            Self::Better(test) => vec![&test.metric],
            Self::Ratio(test) => vec![&test.metric],
            Self::Equal(test) => vec![&test.metric],
            Self::Faster(test) => vec![&test.metric, &test.cost],
            Self::Rate(test) => vec![&test.metric, &test.against],
            Self::Share(test) => match &test.test {
                Condition::AtMost(test) | Condition::AtLeast(test) => vec![&test.metric],
                Condition::Ratio(test) => vec![&test.metric],
            },
        }
    }

    /// Its name in a study file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AtMost(_) => "at-most",
            Self::AtLeast(_) => "at-least",
            Self::Better(_) => "better",
            Self::Ratio(_) => "ratio",
            Self::Equal(_) => "equal",
            Self::Faster(_) => "faster",
            Self::Rate(_) => "rate",
            Self::Share(_) => "share",
        }
    }
}

impl Test {
    /// Whether the cell of `label` has a say in the answer.
    pub fn concerns(&self, label: &Label) -> bool {
        let any = |solvers: &[&String], problem: &Option<String>| {
            let names = Names::Several(solvers.iter().map(ToString::to_string).collect());
            Selection { solver: Some(&names), problem: problem.as_deref(), probe: None }
                .holds(label)
        };
        match self {
            Self::AtMost(test) | Self::AtLeast(test) => selection(test).holds(label),
            Self::Better(test) => any(&[&test.solver, &test.than], &test.problem),
            Self::Ratio(test) => any(&[&test.solver, &test.than], &test.problem),
            Self::Faster(test) => any(&[&test.solver, &test.than], &test.problem),
            Self::Rate(test) => any(&[&test.solver], &test.problem),
            Self::Equal(test) => match &test.probe {
                Some(probe) => {
                    Selection { probe: Some(probe), ..Selection::default() }.holds(label)
                }
                None => {
                    let solvers: Vec<&String> = test.solver.iter().chain(&test.than).collect();
                    any(&solvers, &test.problem)
                }
            },
            Self::Share(test) => match &test.test {
                Condition::AtMost(test) | Condition::AtLeast(test) => selection(test).holds(label),
                Condition::Ratio(test) => any(&[&test.solver, &test.than], &test.problem),
            },
        }
    }
}

fn selection(test: &Bound) -> Selection<'_> {
    Selection {
        solver: test.solver.as_ref(),
        problem: test.problem.as_deref(),
        probe: test.probe.as_deref(),
    }
}

/// Whether a number keeps its limit, with 64 units of rounding.
fn keeps(x: f64, limit: f64, side: Side) -> bool {
    let slack = 64.0 * f64::EPSILON * limit.abs();
    if side == Side::Below { x <= limit + slack } else { x >= limit - slack }
}

/// Every run's number against a limit.
fn bound(
    test: &Bound,
    side: Side,
    exact: bool,
    setting: &Setting<'_>,
    path: &str,
) -> Result<Finding, Mistake> {
    let mut failed = Failed::new();
    let mut numbers = Vec::new();
    for run in selection(test).of(&setting.runs) {
        if let Some(number) = number(&run, &test.metric, &test.at, path, &mut failed)? {
            numbers.push((run, number));
        }
    }
    let statistic = match side {
        Side::Below => format!("largest {}", test.metric),
        _ => format!("smallest {}", test.metric),
    };
    let Some((_, first)) = numbers.first() else {
        return Ok(Finding::nothing(statistic, failed));
    };
    let unit = first.metric.unit.to_string();
    let mut seeds: Vec<u64> = numbers.iter().map(|(run, _)| run.label.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let worst = numbers
        .iter()
        .reduce(|a, b| {
            let worse =
                if side == Side::Below { b.1.value > a.1.value } else { b.1.value < a.1.value };
            if worse { b } else { a }
        })
        .expect("not empty: checked above");
    let values = || numbers.iter().map(|(_, number)| number.value);
    let mut flags = Vec::new();
    let answer = if !keeps(worst.1.value, test.limit, side) {
        flags.push(format!(
            "violated by {} on {}, seed {}",
            worst.0.label.curve(),
            worst.0.label.problem,
            worst.0.label.seed
        ));
        Answer::Refuted
    } else if exact {
        Answer::Supported
    } else if seeds.len() < SEEDS_MEAN {
        flags.push("too few seeds".to_owned());
        Answer::Inconclusive
    } else {
        let new = 1.0 - proportion::unanimous(seeds.len() as u64, setting.alpha);
        flags.push(format!(
            "no violation over {} seeds: a new one violates with probability at most {new:.2}",
            seeds.len()
        ));
        Answer::Supported
    };
    Ok(Finding {
        procedure: if exact { "tolerance" } else { "bound on every run" },
        statistic,
        unit,
        estimate: worst.1.value,
        interval: Interval::new(
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        ),
        evidence: None,
        threshold: test.limit,
        margin: 0.0,
        side,
        answer,
        seeds: seeds.len(),
        detectable: None,
        flags,
        failed,
    })
}

/// Numbers of two solvers, pair by pair; a pair that lacks one is left out and counted.
struct Paired {
    a: Vec<f64>,
    b: Vec<f64>,
    failed: Failed,
    first: Option<Number>,
}

/// Reads the pairs of a comparison; `ats` are the rows of the two.
fn paired(
    setting: &Setting<'_>,
    metric: &str,
    ats: (&crate::claim::At, &crate::claim::At),
    solvers: (&str, &str),
    problem: Option<&str>,
    exact: bool,
    path: &str,
) -> Result<Paired, Mistake> {
    let mut found = Paired { a: Vec::new(), b: Vec::new(), failed: Failed::new(), first: None };
    for (a, b) in pairs(&setting.runs, solvers.0, solvers.1, problem, !exact, path)? {
        let a = number(&a, metric, ats.0, path, &mut found.failed)?;
        let b = number(&b, metric, ats.1, path, &mut found.failed)?;
        if let (Some(a), Some(b)) = (a, b) {
            found.a.push(a.value);
            found.b.push(b.value);
            found.first.get_or_insert(a);
        }
    }
    Ok(found)
}

fn better(test: &Better, exact: bool, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let path = "test.better";
    let than_at = test.than_at.as_ref().unwrap_or(&test.at);
    let solvers = (test.solver.as_str(), test.than.as_str());
    let problem = test.problem.as_deref();
    let found = paired(setting, &test.metric, (&test.at, than_at), solvers, problem, exact, path)?;
    let statistic = format!("{}, {} − {}", test.metric, test.solver, test.than);
    let Some(first) = found.first.clone() else {
        return Ok(Finding::nothing(statistic, found.failed));
    };
    let (side, threshold) = match first.metric.better {
        Direction::Higher => (Side::Above, test.margin),
        Direction::Lower => (Side::Below, -test.margin),
        Direction::Neither => {
            let finding = format!("`{}` has no better direction", test.metric);
            return Err(Mistake::new(format!("{path}.metric"), finding));
        }
    };
    let center = test.center.unwrap_or(Center::Mean);
    let positive = found.a.iter().chain(&found.b).all(|x| *x > 0.0 && x.is_finite());
    if center == Center::LogMean && positive {
        // The margin of a log mean is a share: better by a factor of at least 1 + margin.
        let limit = (1.0 + test.margin).ln() * threshold_sign(side);
        let logs = differences(&found, f64::ln);
        let statistic = format!("{}, {} / {}", test.metric, test.solver, test.than);
        let finding = directional(&logs, limit, side, Center::Mean, setting, exact);
        return Ok(exponential(
            Finding { statistic, failed: found.failed, ..finding },
            test.margin,
        ));
    }
    let center = if center == Center::LogMean { Center::Win } else { center };
    let differences = differences(&found, |x| x);
    let finding = directional(&differences, threshold, side, center, setting, exact);
    Ok(finish(finding, statistic, &first, found.failed, test.margin))
}

fn ratio(test: &Ratio, exact: bool, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let path = "test.ratio";
    let than_at = test.than_at.as_ref().unwrap_or(&test.at);
    let solvers = (test.solver.as_str(), test.than.as_str());
    let problem = test.problem.as_deref();
    let found = paired(setting, &test.metric, (&test.at, than_at), solvers, problem, exact, path)?;
    let statistic = format!("{}, {} / {}", test.metric, test.solver, test.than);
    if found.first.is_none() {
        return Ok(Finding::nothing(statistic, found.failed));
    }
    let side = if test.at_most.is_some() { Side::Below } else { Side::Above };
    if found.a.iter().chain(&found.b).any(|x| *x <= 0.0) {
        let mut finding = Finding::nothing(statistic, found.failed);
        finding.answer = Answer::Inconclusive;
        finding.flags.push("a ratio needs positive numbers".to_owned());
        return Ok(finding);
    }
    let logs = differences(&found, f64::ln);
    let finding = directional(&logs, test.limit().ln(), side, Center::Mean, setting, exact);
    Ok(exponential(Finding { statistic, failed: found.failed, ..finding }, 0.0))
}

fn equal(test: &Equal, exact: bool, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let path = "test.equal";
    let problem = test.problem.as_deref();
    let name = test.solver.as_deref().or(test.probe.as_deref()).unwrap_or_default();
    let (differences, first, failed, statistic) = if let Some(than) = &test.than {
        let than_at = test.than_at.as_ref().unwrap_or(&test.at);
        let ats = (&test.at, than_at);
        let found = paired(setting, &test.metric, ats, (name, than), problem, exact, path)?;
        let statistic = format!("{}, {name} − {than}", test.metric);
        (differences(&found, |x| x), found.first, found.failed, statistic)
    } else {
        let value = test.value.unwrap_or(0.0);
        let mut failed = Failed::new();
        let mut differences = Vec::new();
        let mut first = None;
        for run in singles(&setting.runs, name, problem, !exact, path, "solver")?.values() {
            if let Some(number) = number(run, &test.metric, &test.at, path, &mut failed)? {
                differences.push(number.value - value);
                first.get_or_insert(number);
            }
        }
        (differences, first, failed, format!("{}, {name} − {value}", test.metric))
    };
    let Some(first) = first else { return Ok(Finding::nothing(statistic, failed)) };
    let finding = within(&differences, test.margin, setting, exact);
    Ok(finish(finding, statistic, &first, failed, test.margin))
}

fn faster(test: &Faster, exact: bool, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let path = "test.faster";
    let mut failed = Failed::new();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let problem = test.problem.as_deref();
    for (one, other) in pairs(&setting.runs, &test.solver, &test.than, problem, !exact, path)? {
        if !one.is_outcome() || !other.is_outcome() {
            for run in [one, other].iter().filter(|run| !run.is_outcome()) {
                *failed.entry(run.record.header.status.word().to_owned()).or_insert(0) += 1;
            }
            continue;
        }
        let target = target(test, &one, &other)?;
        a.push(reach(test, &one, target, &mut failed)?);
        b.push(reach(test, &other, target, &mut failed)?);
    }
    let by = if test.factor > 1.0 { format!(" by {}", test.factor) } else { String::new() };
    let statistic =
        format!("share of seeds, {} before {} in {}{by}", test.solver, test.than, test.cost);
    if a.is_empty() {
        return Ok(Finding::nothing(statistic, failed));
    }
    let counts = tally(&a, &b, test.factor);
    // The outcomes in the order of the seeds, so that earlier looks count.
    let signs: Vec<f64> =
        (0..a.len()).map(|i| crate::statistics::survival::duel(a[i], b[i], test.factor)).collect();
    let mut finding = wins(&signs, setting, exact);
    finding.statistic = statistic;
    finding.failed = failed;
    if a.iter().chain(&b).all(|reach| !matches!(reach, Reach::At(_))) {
        finding.withhold("no run reached the target");
    }
    if counts.undecidable > 0 {
        finding.flags.push(format!("{} pairs undecided by their budgets", counts.undecidable));
    }
    let medians = [&a, &b].map(|side| median(&side.iter().map(|r| r.time()).collect::<Vec<_>>()));
    finding.flags.push(format!("median {} {:.4} against {:.4}", test.cost, medians[0], medians[1]));
    Ok(finding)
}

/// The value to reach: declared, or a share of the way to the best that either run reaches.
pub(crate) fn target(test: &Faster, a: &Run<'_>, b: &Run<'_>) -> Result<f64, Mistake> {
    let path = "test.faster";
    if let Some(target) = test.target {
        return Ok(target);
    }
    let share = test.share_of_best.unwrap_or(1.0);
    let mut best: Option<f64> = None;
    let mut start = f64::NAN;
    for run in [a, b] {
        let Some(series) = run.series(&test.metric) else { continue };
        start = series.values.first().copied().unwrap_or(f64::NAN);
        if let Some(row) = crate::number::best_row(&series.metric, &series.values, path)? {
            let x = series.values[row];
            best = Some(best.map_or(x, |best| match series.metric.better {
                Direction::Higher => best.max(x),
                _ => best.min(x),
            }));
        }
    }
    Ok(best.map_or(f64::NAN, |best| start + share * (best - start)))
}

/// When a run reached the target. A run that used up its budget is censored there; one that ended
/// for any other reason never reaches it.
pub(crate) fn reach(
    test: &Faster,
    run: &Run<'_>,
    target: f64,
    failed: &mut Failed,
) -> Result<Reach, Mistake> {
    let column = |name: &str, key: &str| {
        run.series(name).ok_or_else(|| {
            Mistake::new(format!("test.faster.{key}"), format!("no column `{name}`"))
        })
    };
    if run.record.trace.rows() == 0 {
        return Ok(Reach::Never);
    }
    let metric = column(&test.metric, "metric")?;
    let cost = column(&test.cost, "cost")?;
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
        *failed.entry(format!("target not reached ({})", status.word())).or_insert(0) += 1;
    }
    Ok(found)
}

fn share(test: &Share, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let path = "test.share.test";
    let mut failed = Failed::new();
    let mut kept = std::collections::BTreeMap::<u64, bool>::new();
    match &test.test {
        Condition::AtMost(bound) | Condition::AtLeast(bound) => {
            let below = matches!(test.test, Condition::AtMost(_));
            let side = if below { Side::Below } else { Side::Above };
            for run in selection(bound).of(&setting.runs) {
                if let Some(number) = number(&run, &bound.metric, &bound.at, path, &mut failed)? {
                    *kept.entry(run.label.seed).or_insert(true) &=
                        keeps(number.value, bound.limit, side);
                }
            }
        }
        Condition::Ratio(ratio) => {
            let side = if ratio.at_most.is_some() { Side::Below } else { Side::Above };
            let than_at = ratio.than_at.as_ref().unwrap_or(&ratio.at);
            let problem = ratio.problem.as_deref();
            for (a, b) in pairs(&setting.runs, &ratio.solver, &ratio.than, problem, false, path)? {
                let seed = a.label.seed;
                let a = number(&a, &ratio.metric, &ratio.at, path, &mut failed)?;
                let b = number(&b, &ratio.metric, than_at, path, &mut failed)?;
                if let (Some(a), Some(b)) = (a, b) {
                    *kept.entry(seed).or_insert(true) &=
                        keeps(a.value / b.value, ratio.limit(), side);
                }
            }
        }
    }
    let statistic = "share of seeds that satisfy the condition".to_owned();
    if kept.is_empty() {
        return Ok(Finding::nothing(statistic, failed));
    }
    let (n, k) = (kept.len() as u64, kept.values().filter(|kept| **kept).count() as u64);
    let outcomes: Vec<bool> = kept.into_values().collect();
    let null = test.at_least;
    let (interval, evidence) = if setting.sequential {
        let tally = Tally { wins: k, losses: n - k, ..Tally::default() };
        let mut best = Evidence { support: 1.0, refute: 1.0 };
        let mut wins = 0;
        for (look, kept) in outcomes.iter().enumerate() {
            wins += u64::from(*kept);
            let losses = look as u64 + 1 - wins;
            let p = |ln_e: f64| (-ln_e).exp().min(1.0);
            best.support = best.support.min(p(win::ln_evidence_above(wins, losses, null)));
            best.refute = best.refute.min(p(win::ln_evidence_below(wins, losses, null)));
        }
        (win::interval(&tally, setting.alpha), best)
    } else {
        (proportion::clopper_pearson(k, n, setting.alpha), proportion::evidence(k, n, null))
    };
    let answer = decide(interval, evidence, null, Side::Above, 0.0, setting.alpha);
    let mut finding = Finding {
        procedure: if setting.sequential { "win test" } else { "Clopper–Pearson" },
        statistic,
        unit: String::new(),
        estimate: k as f64 / n as f64,
        interval,
        evidence: Some(evidence),
        threshold: null,
        margin: 0.0,
        side: Side::Above,
        answer,
        seeds: outcomes.len(),
        detectable: None,
        flags: Vec::new(),
        failed,
    };
    if n < SEEDS_SHARE {
        finding.withhold("too few seeds");
    }
    Ok(finding)
}

fn differences(found: &Paired, f: impl Fn(f64) -> f64) -> Vec<f64> {
    // Two infinite numbers differ by nothing known: a tie.
    let difference = |(a, b): (&f64, &f64)| {
        if a.is_infinite() && a.total_cmp(b).is_eq() { 0.0 } else { f(*a) - f(*b) }
    };
    found.a.iter().zip(&found.b).map(difference).collect()
}

fn threshold_sign(side: Side) -> f64 {
    if side == Side::Below { -1.0 } else { 1.0 }
}

/// Names and unit of a difference of `first`'s metric; a win share has no unit.
fn finish(
    mut finding: Finding,
    statistic: String,
    first: &Number,
    failed: Failed,
    margin: f64,
) -> Finding {
    finding.failed = failed;
    finding.margin = margin;
    if is_win(&finding) {
        finding.statistic = format!("share of seeds with the claimed {statistic}");
        return finding;
    }
    finding.statistic = statistic;
    finding.unit = first.metric.unit.to_string();
    if let Some(detectable) = &mut finding.detectable {
        detectable.unit.clone_from(&finding.unit);
    }
    finding
}

/// A finding on logarithms as one on ratios.
fn exponential(mut finding: Finding, margin: f64) -> Finding {
    finding.margin = margin;
    if is_win(&finding) {
        finding.statistic = format!("share of seeds with the claimed {}", finding.statistic);
        return finding;
    }
    finding.estimate = finding.estimate.exp();
    finding.interval = finding.interval.map(f64::exp);
    finding.threshold = finding.threshold.exp();
    if let Some(detectable) = &mut finding.detectable {
        *detectable = Detectable { value: detectable.value.exp(), unit: "times".to_owned() };
    }
    finding
}

fn is_win(finding: &Finding) -> bool {
    matches!(finding.procedure, "win test" | "sign test")
}

/// `θ > null` or `θ < null` on one number per seed, in the order of the seeds. Falls back to wins
/// where a mean is undefined.
pub fn directional(
    x: &[f64],
    null: f64,
    side: Side,
    center: Center,
    setting: &Setting<'_>,
    exact: bool,
) -> Finding {
    let toward = |x: f64| threshold_sign(side) * (x - null);
    if exact {
        let all = x.iter().all(|x| toward(*x) > 0.0);
        return constant(x, null, side, 0.0, if all { Answer::Supported } else { Answer::Refuted });
    }
    let finite = x.iter().all(|x| x.is_finite());
    let signs = || x.iter().map(|x| toward(*x)).collect::<Vec<f64>>();
    if center == Center::Win || !finite || (center == Center::Median && setting.sequential) {
        let mut finding = wins(&signs(), setting, false);
        if !finite && center != Center::Win {
            finding.flags.push("a run without a finite number: wins in place of a mean".to_owned());
        }
        return finding;
    }
    if center == Center::Median {
        let evidence = oriented(sign_evidence(x, null), side);
        let (interval, _) = order_interval(x, setting.alpha).unwrap_or((Interval::LINE, 0.0));
        return Finding {
            procedure: "order statistics",
            answer: decide(interval, evidence, null, side, 0.0, setting.alpha),
            evidence: Some(evidence),
            interval,
            ..constant(&[median(x)], null, side, 0.0, Answer::Inconclusive)
        }
        .of(x.len());
    }
    let moments = Moments::of(x);
    let procedure = if setting.sequential { "t-mixture" } else { "guarded Student" };
    if moments.is_constant() {
        let gap = toward(moments.mean);
        let answer = if gap > 0.0 {
            Answer::Supported
        } else if gap < 0.0 {
            Answer::Refuted
        } else {
            Answer::Inconclusive
        };
        return unvaried(constant(x, null, side, 0.0, answer), setting.alpha);
    }
    let mut finding = constant(&[moments.mean], null, side, 0.0, Answer::Inconclusive);
    finding.procedure = procedure;
    finding.seeds = x.len();
    if x.len() < SEEDS_MEAN {
        finding.interval = Interval::LINE;
        finding.withhold("too few seeds");
        finding.evidence = Some(Evidence { support: 1.0, refute: 1.0 });
        return finding;
    }
    let (interval, evidence) = magnitude(x, &moments, null, setting);
    let evidence = oriented(evidence, side);
    finding.interval = interval;
    finding.evidence = Some(evidence);
    finding.answer = decide(interval, evidence, null, side, 0.0, setting.alpha);
    finding.detectable = Some(Detectable { value: found(&moments, setting), unit: String::new() });
    if moments.skewness.abs() > 1.5 && x.len() >= 10 {
        finding.flags.push("skewed".to_owned());
    }
    finding
}

/// `|θ| < margin` on one number per seed.
fn within(x: &[f64], margin: f64, setting: &Setting<'_>, exact: bool) -> Finding {
    let inside = |x: f64| x.abs() <= margin;
    if exact {
        let all = x.iter().all(|x| inside(*x));
        let answer = if all { Answer::Supported } else { Answer::Refuted };
        return constant(x, 0.0, Side::Within, margin, answer);
    }
    if x.iter().any(|x| !x.is_finite()) {
        let mut finding = constant(x, 0.0, Side::Within, margin, Answer::Inconclusive);
        finding.withhold("a run without a finite number");
        return finding;
    }
    let moments = Moments::of(x);
    if moments.is_constant() {
        let answer = if inside(moments.mean) { Answer::Supported } else { Answer::Refuted };
        return unvaried(constant(x, 0.0, Side::Within, margin, answer), setting.alpha);
    }
    let mut finding = constant(&[moments.mean], 0.0, Side::Within, margin, Answer::Inconclusive);
    finding.seeds = x.len();
    finding.procedure =
        if setting.sequential { "equivalence, t-mixture" } else { "equivalence, guarded Student" };
    if x.len() < SEEDS_MEAN {
        finding.interval = Interval::LINE;
        finding.withhold("too few seeds");
        finding.evidence = Some(Evidence { support: 1.0, refute: 1.0 });
        return finding;
    }
    let evidence =
        equivalence::evidence(0.0, margin, |null| magnitude(x, &moments, null, setting).1);
    finding.interval = magnitude(x, &moments, 0.0, setting).0;
    finding.evidence = Some(evidence);
    finding.answer = decide(finding.interval, evidence, 0.0, Side::Within, margin, setting.alpha);
    let value = detectable::margin(x.len(), moments.deviation, setting.alpha);
    finding.detectable = Some(Detectable { value, unit: String::new() });
    finding
}

/// Interval and evidence of a mean: fixed or, with every look so far, anytime.
fn magnitude(
    x: &[f64],
    moments: &Moments,
    null: f64,
    setting: &Setting<'_>,
) -> (Interval, Evidence) {
    if !setting.sequential {
        return (guarded(moments, setting.alpha), guarded_evidence(moments, null));
    }
    let mut best = Evidence { support: 1.0, refute: 1.0 };
    for count in SEEDS_MEAN..=x.len() {
        let look = Moments::of(&x[..count]);
        if look.is_constant() {
            continue;
        }
        let found = mixture::evidence(&look, null);
        best.support = best.support.min(found.support);
        best.refute = best.refute.min(found.refute);
    }
    (mixture::interval(moments, setting.alpha), best)
}

fn found(moments: &Moments, setting: &Setting<'_>) -> f64 {
    let f = if setting.sequential { detectable::mixture } else { detectable::mean };
    f(moments.count, moments.deviation, setting.alpha)
}

/// The win test on signs in the order of the seeds: positive wins, NaN is undecidable.
pub fn wins(signs: &[f64], setting: &Setting<'_>, exact: bool) -> Finding {
    let tally = Tally::of_signs(signs);
    let (interval, evidence) = if setting.sequential {
        let mut best = Evidence { support: 1.0, refute: 1.0 };
        for look in 1..=signs.len() {
            let found = win::evidence(&Tally::of_signs(&signs[..look]));
            best.support = best.support.min(found.support);
            best.refute = best.refute.min(found.refute);
        }
        (win::interval(&tally, setting.alpha), best)
    } else {
        let Tally { wins, losses, undecidable, .. } = tally;
        let decided = wins + losses + undecidable;
        let lower = proportion::clopper_pearson(wins, decided.max(1), setting.alpha).lower;
        let upper = if decided == 0 {
            1.0
        } else {
            proportion::clopper_pearson(wins + undecidable, decided, setting.alpha).upper
        };
        (Interval::new(lower, upper), win::fixed_evidence(&tally))
    };
    let answer = decide(interval, evidence, 0.5, Side::Above, 0.0, setting.alpha);
    let reach = if setting.sequential { detectable::win } else { detectable::sign };
    let mut finding = Finding {
        procedure: if setting.sequential { "win test" } else { "sign test" },
        statistic: "share of seeds that win".to_owned(),
        estimate: tally.share(),
        interval,
        evidence: Some(evidence),
        answer,
        seeds: signs.len(),
        detectable: reach(tally.pairs(), setting.alpha)
            .map(|value| Detectable { value, unit: "win probability".to_owned() }),
        ..constant(&[0.5], 0.5, Side::Above, 0.0, answer)
    };
    if exact {
        let all = tally.losses == 0 && tally.undecidable == 0 && tally.wins > 0;
        finding.answer = if all { Answer::Supported } else { Answer::Refuted };
        finding.evidence = None;
        finding.detectable = None;
        finding.procedure = "tolerance";
    } else if tally.pairs() < PAIRS_WIN {
        finding.withhold("too few seeds");
    }
    if tally.ties > 0 {
        finding.flags.push(format!("{} ties", tally.ties));
    }
    finding
}

fn oriented(evidence: Evidence, side: Side) -> Evidence {
    if side == Side::Below { evidence.mirrored() } else { evidence }
}

impl Finding {
    /// The same from `seeds` seeds.
    fn of(mut self, seeds: usize) -> Self {
        self.seeds = seeds;
        self
    }
}

/// A finding without inference: the number farthest from support stands for all.
fn constant(x: &[f64], null: f64, side: Side, margin: f64, answer: Answer) -> Finding {
    let farther = |a: f64, b: f64| match side {
        Side::Above => b < a,
        Side::Below => b > a,
        Side::Within => (b - null).abs() > (a - null).abs(),
    };
    let estimate =
        x.iter().copied().reduce(|a, b| if farther(a, b) { b } else { a }).unwrap_or(f64::NAN);
    Finding {
        procedure: "tolerance",
        statistic: String::new(),
        unit: String::new(),
        estimate,
        interval: Interval::new(
            x.iter().copied().fold(f64::INFINITY, f64::min),
            x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
        evidence: None,
        threshold: null,
        margin,
        side,
        answer,
        seeds: x.len(),
        detectable: None,
        flags: Vec::new(),
        failed: Failed::new(),
    }
}

/// Numbers that are equal to rounding: the threshold decides, the number of seeds says how surely a
/// new one behaves the same.
fn unvaried(mut finding: Finding, alpha: f64) -> Finding {
    finding.procedure = "no variation";
    let same = proportion::unanimous(finding.seeds as u64, alpha);
    finding.flags.push(format!(
        "no variation over {} seeds: a new one behaves the same with probability at least {same:.2}",
        finding.seeds
    ));
    if finding.seeds < SEEDS_MEAN {
        finding.withhold("too few seeds");
    }
    finding
}
