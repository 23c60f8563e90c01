//! From a study and its runs to verdicts.

use std::collections::BTreeSet;

use converge_bench::conduct::{self, Advisor, Round};
use converge_bench::environment;
use converge_bench::store::Store;
use converge_bench::study::{Item, Label, Paper, Size, Study, StudyError};
use converge_problems::Seed;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::claim::{Answer, Claim};
use crate::judge::{Finding, Setting, judge};
use crate::load::{Gathered, Run, runs};
use crate::number::Failed;
use crate::verdict::{Detectable, Verdict};

/// Answers the claims of a study, for each of its variants, in file order.
///
/// # Errors
/// A mistake in a claim, at its line.
pub fn check(
    study: &Study,
    paper: &Paper,
    gathered: &[Gathered],
) -> Result<Vec<Verdict>, StudyError> {
    let claims = read(study)?;
    let named = names(&claims);
    let mut verdicts = Vec::new();
    for (item, claim) in &claims {
        let (weight, flag) = weight(paper, &named, &item.name, claim.deterministic);
        // A variant is not compared with itself.
        let judged = |name: &&String| {
            claim.test.baseline() != Some(name.as_str())
                && claim.variants.as_ref().is_none_or(|names| names.contains(name))
        };
        for variant in study.variants.iter().filter(judged) {
            let mut verdict = answer(study, item, claim, variant, weight, gathered)?;
            verdict.flags.extend(flag.clone());
            verdicts.push(verdict);
        }
    }
    Ok(verdicts)
}

/// Checks the claims of a study before anything runs: what needs no column of a run.
///
/// # Errors
/// A mistake in a claim, at its line.
pub fn validate(study: &Study) -> Result<(), StudyError> {
    read(study).map(drop)
}

/// The claims of a study, read and checked.
fn read(study: &Study) -> Result<Vec<(&Item, Claim)>, StudyError> {
    let read = |item: &'_ Item| {
        let claim: Claim = item.read()?;
        claim.validate().map_err(|mistake| item.error(&mistake.path, mistake.finding))?;
        let known = |path: &str, name: &str| {
            let names = study.variants.join("`, `");
            let holds = study.variants.iter().any(|variant| variant == name);
            let error = || item.error(path, format!("no variant named `{name}`: `{names}`"));
            holds.then_some(()).ok_or_else(error)
        };
        if let Some(base) = claim.test.baseline() {
            known(&format!("test.{}.from", claim.test.name()), base)?;
        }
        claim.variants.iter().flatten().try_for_each(|name| known("variants", name))?;
        Ok(claim)
    };
    study.claims.iter().map(|item| Ok((item, read(item)?))).collect()
}

/// Their names, and which are deterministic.
fn names<'a>(claims: &'a [(&'a Item, Claim)]) -> Vec<(&'a str, bool)> {
    claims.iter().map(|(item, claim)| (item.name.as_str(), claim.deterministic)).collect()
}

/// Share of the error budget of a claim: of its own name, or of the name before the first dash,
/// divided among the claims of the study that share it; an equal share where the paper's file has
/// none, which is flagged.
fn weight(
    paper: &Paper,
    claims: &[(&str, bool)],
    name: &str,
    deterministic: bool,
) -> (f64, Option<String>) {
    if deterministic {
        return (1.0, None);
    }
    let budgeted = |name: &str| {
        let base = name.split('-').next().unwrap_or(name);
        [name, base].into_iter().find(|key| paper.weights.contains_key(*key)).map(str::to_owned)
    };
    let stochastic = || claims.iter().filter(|(_, deterministic)| !deterministic);
    match budgeted(name) {
        Some(key) => {
            let sharing = stochastic().filter(|(name, _)| budgeted(name).as_ref() == Some(&key));
            (paper.weights[&key] / sharing.count().max(1) as f64, None)
        }
        None => (
            1.0 / stochastic().count().max(1) as f64,
            Some("no weight in the paper's file".to_owned()),
        ),
    }
}

/// What one claim can find with the seeds that its study allows.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reach {
    /// Name of the claim.
    pub claim: String,
    /// Most seeds of the study.
    pub seeds: u64,
    /// Level of the interval, after the claim's share of the error budget.
    pub level: f64,
    /// The smallest difference with probability 0.9 of a clear verdict: at the spread of the runs in
    /// the store where there are some, else in standard deviations. `None` where seeds do not decide:
    /// deterministic claims and tests on ranks.
    pub detectable: Option<Detectable>,
    /// Whether the spread is that of runs.
    pub observed: bool,
}

/// What each claim of a study can find, in file order.
///
/// # Errors
/// A mistake in a claim, at its line.
pub fn reach(
    study: &Study,
    paper: &Paper,
    gathered: &[Gathered],
) -> Result<Vec<Reach>, StudyError> {
    let claims = read(study)?;
    let verdicts = check(study, paper, gathered)?;
    let named = names(&claims);
    let sequential = study.seeds.end > study.seeds.start;
    let most = study.seeds.end;
    let reach = claims.iter().map(|(item, claim)| {
        let (weight, _) = weight(paper, &named, &item.name, claim.deterministic);
        let alpha = (1.0 - claim.level) * weight;
        let kind = claim.test.kind().1;
        let plan = |seeds: usize| {
            if claim.deterministic { None } else { kind.plan(seeds, alpha, sequential) }
        };
        let planned = plan(most as usize);
        let verdict = verdicts.iter().find(|verdict| verdict.claim == item.name);
        // The spread does not change with seeds: what was detectable shrinks as the plan does.
        let seen = verdict.and_then(|verdict| {
            let found = verdict.detectable.as_ref()?;
            let (now, then) = (plan(verdict.seeds)?, planned.as_ref()?);
            let share = then.value / now.value;
            let value = match (now.unit.as_str(), found.unit.as_str()) {
                ("sd" | "sd of margin", "times") => found.value.powf(share),
                ("sd" | "sd of margin", _) => found.value * share,
                _ => return None,
            };
            value.is_finite().then(|| Detectable { value, unit: found.unit.clone() })
        });
        Reach {
            claim: item.name.clone(),
            seeds: most,
            level: 1.0 - if claim.deterministic { 0.0 } else { alpha },
            observed: seen.is_some(),
            detectable: seen.or(planned),
        }
    });
    Ok(reach.collect())
}

fn answer(
    study: &Study,
    item: &Item,
    claim: &Claim,
    variant: &str,
    weight: f64,
    gathered: &[Gathered],
) -> Result<Verdict, StudyError> {
    let sequential = study.seeds.end > study.seeds.start;
    // What no test of the claim looks at cannot change its answer.
    let looks_at = |name: &str| name == variant || claim.test.baseline() == Some(name);
    let concerns = |label: &Label| looks_at(&label.variant) && claim.test.concerns(label);
    let mine = || gathered.iter().filter(|(planned, _)| concerns(&planned.label));
    let mut runs = runs(gathered);
    runs.retain(|run| concerns(run.label));
    // The order of the seeds: sums and looks depend on it.
    runs.sort_by(|a, b| {
        let key = |run: &Run<'_>| (run.label.seed, run.label.problem.clone(), run.label.curve());
        key(a).cmp(&key(b))
    });
    let alpha = if claim.deterministic { 0.0 } else { (1.0 - claim.level) * weight };
    let setting = Setting {
        runs,
        alpha,
        sequential,
        looks: claim.looks.clone(),
        exact: claim.deterministic,
        draws: Seed::root(0).child(&item.hash()),
    };
    let mut finding = if setting.runs.is_empty() {
        Finding::nothing("", Failed::new())
    } else {
        judge(claim, &setting).map_err(|mistake| item.error(&mistake.path, mistake.finding))?
    };
    // Seeds that are still to come are not missing; those below the declared minimum are.
    let missing: Vec<&Label> = mine()
        .filter(|(planned, record)| record.is_none() && planned.label.seed < study.seeds.start)
        .map(|(planned, _)| &planned.label)
        .collect();
    let lost = setting.runs.iter().filter(|run| !run.is_outcome()).count();
    if finding.answer != Answer::NoVerdict && missing.len() + lost > 0 {
        for label in &missing {
            finding.failed.note("missing", label);
        }
        let reason = format!("{} cells without a result", missing.len() + lost);
        // One violation refutes a bound on every run, whatever the others do.
        if finding.procedure == "bound on every run" && finding.answer == Answer::Refuted {
            finding.flags.push(reason);
        } else {
            finding.withhold(reason);
        }
    }
    let codes: BTreeSet<&str> =
        setting.runs.iter().map(|run| run.record.header.code.as_str()).collect();
    if codes.len() > 1 {
        finding.withhold("runs of different code");
    }
    let code = codes.into_iter().collect::<Vec<_>>().join(" ");
    let labels = setting.runs.iter().map(|run| run.label);
    let tuned: BTreeSet<&str> = labels
        .filter(|label| study.shares_tuning(&label.variant, &label.solver))
        .map(|label| label.solver.as_str())
        .collect();
    if finding.answer != Answer::NoVerdict && !tuned.is_empty() {
        let names = tuned.into_iter().collect::<Vec<_>>().join(", ");
        finding
            .flags
            .push(format!("one tuning for all seeds, another may answer otherwise: {names}"));
    }
    Ok(record(study, item, claim, variant, &setting, finding, code))
}

fn record(
    study: &Study,
    item: &Item,
    claim: &Claim,
    variant: &str,
    setting: &Setting<'_>,
    finding: Finding,
    code: String,
) -> Verdict {
    Verdict {
        paper: study.paper.clone(),
        study: study.name.clone(),
        claim: item.name.clone(),
        text: claim.text.clone(),
        place: claim.place.clone(),
        hash: item.hash(),
        variant: variant.to_owned(),
        size: match study.size {
            Size::Quick => "quick",
            Size::Default => "default",
            Size::Full => "full",
        }
        .to_owned(),
        trial: study.size == Size::Quick,
        answer: finding.answer,
        expected: claim.expect.as_ref().and_then(|expect| expect.of(variant)),
        kind: claim.test.name().to_owned(),
        procedure: finding.procedure.to_owned(),
        statistic: finding.statistic,
        unit: finding.unit,
        estimate: finding.estimate,
        lower: finding.interval.lower,
        upper: finding.interval.upper,
        level: 1.0 - setting.alpha,
        threshold: finding.threshold,
        margin: finding.margin,
        side: finding.side,
        p_support: finding.evidence.map(|evidence| evidence.support),
        p_refute: finding.evidence.map(|evidence| evidence.refute),
        holm_support: None,
        holm_refute: None,
        seeds: finding.seeds,
        looks: finding.looks,
        rows: finding.rows,
        detectable: finding.detectable,
        flags: finding.flags,
        failed: finding.failed.counts(),
        digest: digest(&setting.runs),
        code,
        revision: environment::revision().unwrap_or_default().to_owned(),
        machine: machine(),
    }
}

/// Digest of the traces: identities, statuses, chained digests and numbers, in the order of the
/// identities. Seconds are part of it: a repeated timing is another measurement.
fn digest(runs: &[Run<'_>]) -> String {
    let mut records: Vec<_> = runs.iter().map(|run| run.record).collect();
    records.sort_by(|a, b| a.identity.cmp(&b.identity));
    let mut hash = Sha256::new();
    for record in records {
        hash.update(record.identity.0.as_bytes());
        hash.update(record.header.status.word().as_bytes());
        for digest in &record.trace.digests {
            hash.update(digest.to_le_bytes());
        }
        for column in &record.trace.columns {
            hash.update(column.metric.name.as_bytes());
            for x in &column.values {
                hash.update(x.to_le_bytes());
            }
        }
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().take(16).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

/// Processor and cores of this machine.
fn machine() -> String {
    let machine = environment::machine();
    format!("{}, {} cores, {}", machine.processor, machine.cores, machine.system)
}

/// Looks at the verdicts after every round, and asks for more seeds while one is open. Only
/// procedures that are valid at every look are used, because such a study declares `seeds.max`
/// above `seeds.min`.
#[derive(Clone, Copy, Debug)]
pub struct Looks<'a> {
    paper: &'a Paper,
    code: Option<&'a str>,
}

impl<'a> Looks<'a> {
    /// Weighs claims by `paper`; takes runs of the code digest `code`, or of any.
    pub fn new(paper: &'a Paper, code: Option<&'a str>) -> Self {
        Self { paper, code }
    }
}

impl Advisor for Looks<'_> {
    fn next_round(&mut self, study: &Study, store: &Store, seeds: u64) -> Round {
        if study.seeds.end <= study.seeds.start {
            return Round::Done;
        }
        let (gathered, _) = conduct::runs(study, store, 0..seeds, self.code);
        // A mistake in a claim ends the rounds; whoever checks the study reports it at its line.
        check(study, self.paper, &gathered)
            .ok()
            .and_then(|verdicts| more_seeds(study, &verdicts, seeds))
            .map_or(Round::Done, Round::Seeds)
    }
}

/// How many seeds the next round should have in all: half as many again while a verdict is open,
/// at most the study's maximum; `None` when every verdict is clear, the seeds are used up, or their
/// number is fixed.
pub fn more_seeds(study: &Study, verdicts: &[Verdict], have: u64) -> Option<u64> {
    let open = verdicts.iter().any(Verdict::is_open);
    let next = (have + have.div_ceil(2)).max(study.seeds.start).min(study.seeds.end);
    (open && study.seeds.end > study.seeds.start && next > have).then_some(next)
}
