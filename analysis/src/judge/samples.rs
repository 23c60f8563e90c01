//! Differences that hold for other samples than those that were measured on.

use super::infer::SEEDS_MEAN;
use super::{Finding, Setting};
use crate::claim::Mistake;
use crate::statistics::crossed::Crossed;
use crate::statistics::failure::mcnemar;
use crate::table::short;
use crate::verdict::{Side, decide};

/// Level of the tests of single repetitions in the remark.
const SINGLE: f64 = 0.05;

/// Terms of the two solvers of a pair, one number a sample.
type Terms<'a> = [&'a [f64]; 2];

/// Widens a finding on the mean of paired differences by the draw of the samples. `terms` reads them,
/// repetition by repetition.
///
/// # Errors
/// A [`Mistake`] of `terms`, or where seeds are added or repetitions have different numbers of samples.
pub(super) fn over_samples<'a>(
    finding: &mut Finding,
    terms: impl FnOnce() -> Result<Vec<Terms<'a>>, Mistake>,
    setting: &Setting<'_>,
    path: &str,
) -> Result<(), Mistake> {
    setting.require_fixed(path, "a claim without `samples`")?;
    if finding.procedure != "guarded Student" {
        finding.withhold("not known for other samples: no mean over repetitions");
        return Ok(());
    }
    if finding.seeds < SEEDS_MEAN {
        return Ok(());
    }
    let rows = terms()?;
    let samples = rows[0][0].len();
    if rows.iter().flatten().any(|terms| terms.len() != samples) {
        let text = "repetitions were measured on different numbers of samples";
        return Err(Mistake::new(format!("{path}.samples"), text));
    }
    let differences: Vec<Vec<f64>> =
        rows.iter().map(|[a, b]| a.iter().zip(*b).map(|(a, b)| a - b).collect()).collect();
    let crossed = Crossed::of(&differences);
    let evidence = crossed.evidence(finding.threshold);
    let evidence = if finding.side == Side::Below { evidence.mirrored() } else { evidence };
    finding.procedure = "Student over repetitions and samples";
    finding.interval = crossed.interval(setting.alpha);
    finding.evidence = Some(evidence);
    finding.answer =
        decide(finding.interval, evidence, finding.threshold, finding.side, 0.0, setting.alpha);
    if let Some(detectable) = &mut finding.detectable {
        detectable.value *= crossed.error() / crossed.repetitions.error();
    }
    let [repetitions, others] = [crossed.repetitions.error(), crossed.sample_error].map(short);
    finding.flags.push(format!(
        "standard error {repetitions} by seed, {others} by sample, {samples} of these{}",
        single_repetitions(&rows, finding.side)
    ));
    Ok(())
}

/// What `McNemar`'s test says of each repetition, where a term is a hit or a miss; else nothing.
fn single_repetitions(rows: &[Terms<'_>], side: Side) -> String {
    let is_hit = |x: &f64| [0.0, 1.0].iter().any(|hit| (x - hit).abs() <= 0.0);
    if !rows.iter().flatten().all(|terms| terms.iter().all(is_hit)) {
        return String::new();
    }
    let agree = rows.iter().filter(|[a, b]| {
        let only = |one: &[f64], other: &[f64]| {
            one.iter().zip(other).filter(|(one, other)| one > other).count() as u64
        };
        let (more, fewer) = (only(a, b), only(b, a));
        let evidence =
            if side == Side::Below { mcnemar(more, fewer) } else { mcnemar(fewer, more) };
        evidence.support <= SINGLE
    });
    let (agree, all) = (agree.count(), rows.len());
    format!("; McNemar's test at {SINGLE} agrees with {agree} of {all} seeds")
}
