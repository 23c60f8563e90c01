//! The procedures for one number per seed, fixed or valid at every look.

use converge_problems::{Better, Metric};

use super::{Finding, Setting};
use crate::claim::{Answer, Center};
use crate::statistics::mean::{Moments, guarded, guarded_evidence};
use crate::statistics::median::{median, order_interval, sign_evidence};
use crate::statistics::proportion;
use crate::statistics::win::{self, Tally};
use crate::statistics::{Evidence, Interval, bounded, detectable, equivalence, looks, mixture};
use crate::verdict::{Detectable, Row, Side, decide};

/// Fewest seeds of an interval for a mean.
pub(super) const SEEDS_MEAN: usize = 5;
/// Fewest seeds of an interval for a median.
const SEEDS_MEDIAN: usize = 6;
/// Fewest pairs of a win test.
const PAIRS_WIN: u64 = 8;
/// Fewest seeds of a share.
pub(super) const SEEDS_SHARE: u64 = 10;

/// Whether a procedure estimates a share of seeds, whatever the number of each seed was.
pub(super) fn counts_wins(procedure: &str) -> bool {
    matches!(procedure, "win test" | "sign test")
}

/// What stands for the seeds where a claim does not say: the mean of logarithms for what is better
/// lower (times, counts, losses, errors: positive and skewed), the mean for scores, slopes and
/// differences. The rule looks at the metric, never at the data.
pub(super) fn center_of(metric: &Metric) -> Center {
    if metric.better == Better::Lower { Center::LogMean } else { Center::Mean }
}

/// The numbers of `rows`.
pub(super) fn values(rows: &[Row]) -> Vec<f64> {
    rows.iter().map(|row| row.value).collect()
}

fn sign(side: Side) -> f64 {
    if side == Side::Below { -1.0 } else { 1.0 }
}

fn oriented(evidence: Evidence, side: Side) -> Evidence {
    if side == Side::Below { evidence.mirrored() } else { evidence }
}

/// `θ > null` or `θ < null` on one number per seed, in the order of the seeds. Falls back to wins
/// where a mean is undefined.
pub(super) fn directional(
    rows: &[Row],
    null: f64,
    side: Side,
    center: Center,
    setting: &Setting<'_>,
) -> Finding {
    let x = values(rows);
    let toward = |x: f64| sign(side) * (x - null);
    if setting.exact {
        let all = x.iter().all(|x| toward(*x) > 0.0);
        return extreme(
            rows,
            null,
            side,
            0.0,
            if all { Answer::Supported } else { Answer::Refuted },
        );
    }
    let finite = x.iter().all(|x| x.is_finite());
    if center == Center::Win || !finite || (center == Center::Median && setting.sequential) {
        let signs: Vec<Row> =
            rows.iter().map(|row| Row { seed: row.seed, value: toward(row.value) }).collect();
        let mut finding = wins(&signs, setting);
        finding.rows = rows.to_vec();
        if !finite && center != Center::Win {
            finding.flags.push("a run without a finite number: wins in place of a mean".to_owned());
        }
        return finding;
    }
    if center == Center::Median {
        let evidence = oriented(sign_evidence(&x, null), side);
        let interval = order_interval(&x, setting.alpha).map_or(Interval::LINE, |found| found.0);
        let mut finding = Finding {
            procedure: "order statistics",
            estimate: median(&x),
            interval,
            evidence: Some(evidence),
            answer: decide(interval, evidence, null, side, 0.0, setting.alpha),
            ..extreme(rows, null, side, 0.0, Answer::Inconclusive)
        };
        if x.len() < SEEDS_MEDIAN {
            finding.withhold("too few seeds");
        }
        return finding;
    }
    let moments = Moments::of(&x);
    if moments.is_constant() {
        let gap = toward(moments.mean);
        let answer = if gap > 0.0 {
            Answer::Supported
        } else if gap < 0.0 {
            Answer::Refuted
        } else {
            Answer::Inconclusive
        };
        return unvaried(extreme(rows, null, side, 0.0, answer), setting.alpha);
    }
    let mut finding = start(rows, &moments, null, side, 0.0, setting);
    if finding.seeds < SEEDS_MEAN {
        return finding;
    }
    let (interval, evidence, looks) = magnitude(&x, null, setting);
    let evidence = oriented(evidence, side);
    finding.looks = looks;
    finding.interval = interval;
    finding.evidence = Some(evidence);
    finding.answer = decide(interval, evidence, null, side, 0.0, setting.alpha);
    let value = detectable_mean(x.len(), moments.deviation, setting);
    finding.detectable = Some(Detectable { value, unit: String::new() });
    if moments.skewness.abs() > 1.5 && x.len() >= 10 {
        finding.flags.push("skewed raw mean".to_owned());
    }
    finding
}

/// `θ > null` or `θ < null` for the mean of numbers in `[low, high]`, valid at any number of seeds
/// and for any law: the betting interval.
pub(super) fn bounded_mean(
    rows: &[Row],
    range: [f64; 2],
    null: f64,
    side: Side,
    setting: &Setting<'_>,
) -> Finding {
    let [low, high] = range;
    let x = values(rows);
    let unit: Vec<f64> = x.iter().map(|x| (x - low) / (high - low)).collect();
    let mut finding = extreme(rows, null, side, 0.0, Answer::Inconclusive);
    finding.estimate = Moments::of(&x).mean;
    finding.procedure = "betting";
    finding.looks = x.len();
    if x.len() < SEEDS_MEAN {
        finding.interval = Interval::LINE;
        finding.withhold("too few seeds");
        return finding;
    }
    let interval = bounded::interval(&unit, setting.alpha).map(|end| low + end * (high - low));
    let null_unit = ((null - low) / (high - low)).clamp(0.0, 1.0);
    let evidence = oriented(bounded::evidence(&unit, null_unit, setting.alpha), side);
    finding.interval = interval;
    finding.evidence = Some(evidence);
    finding.answer = decide(interval, evidence, null, side, 0.0, setting.alpha);
    finding
}

/// `|θ - center| < margin` on one number per seed, for the mean or the median.
pub(super) fn within(
    rows: &[Row],
    null: f64,
    margin: f64,
    center: Center,
    setting: &Setting<'_>,
) -> Finding {
    let x = values(rows);
    let inside = |x: f64| (x - null).abs() <= margin;
    if setting.exact {
        let all = x.iter().all(|x| inside(*x));
        let answer = if all { Answer::Supported } else { Answer::Refuted };
        return extreme(rows, null, Side::Within, margin, answer);
    }
    if center == Center::Median {
        return within_median(rows, null, margin, setting);
    }
    if x.iter().any(|x| !x.is_finite()) {
        let mut finding = extreme(rows, null, Side::Within, margin, Answer::Inconclusive);
        finding.withhold("a run without a finite number");
        return finding;
    }
    let moments = Moments::of(&x);
    if moments.is_constant() {
        let answer = if inside(moments.mean) { Answer::Supported } else { Answer::Refuted };
        return unvaried(extreme(rows, null, Side::Within, margin, answer), setting.alpha);
    }
    let mut finding = start(rows, &moments, null, Side::Within, margin, setting);
    finding.procedure = match finding.procedure {
        "t-mixture" => "equivalence, t-mixture",
        "declared looks" => "equivalence, declared looks",
        _ => "equivalence, guarded Student",
    };
    if finding.seeds < SEEDS_MEAN {
        return finding;
    }
    let evidence = equivalence::evidence(null, margin, |null| magnitude(&x, null, setting).1);
    let (interval, _, looks) = magnitude(&x, null, setting);
    finding.looks = looks;
    finding.interval = interval;
    finding.evidence = Some(evidence);
    finding.answer = decide(interval, evidence, null, Side::Within, margin, setting.alpha);
    let value = planned_margin(x.len(), moments.deviation, setting.alpha, setting.sequential);
    finding.detectable = Some(Detectable { value, unit: String::new() });
    finding
}

fn within_median(rows: &[Row], null: f64, margin: f64, setting: &Setting<'_>) -> Finding {
    let x = values(rows);
    let interval = order_interval(&x, setting.alpha).map_or(Interval::LINE, |found| found.0);
    let evidence = equivalence::evidence(null, margin, |null| sign_evidence(&x, null));
    let mut finding = Finding {
        procedure: "equivalence, order statistics",
        estimate: median(&x),
        interval,
        evidence: Some(evidence),
        answer: decide(interval, evidence, null, Side::Within, margin, setting.alpha),
        ..extreme(rows, null, Side::Within, margin, Answer::Inconclusive)
    };
    if x.len() < SEEDS_MEDIAN {
        finding.withhold("too few seeds");
    }
    finding
}

/// A finding on a mean before its interval: inconclusive, and said so if the seeds are too few.
fn start(
    rows: &[Row],
    moments: &Moments,
    null: f64,
    side: Side,
    margin: f64,
    setting: &Setting<'_>,
) -> Finding {
    let mut finding = extreme(rows, null, side, margin, Answer::Inconclusive);
    finding.procedure = match (setting.sequential, setting.looks.is_empty()) {
        (false, _) => "guarded Student",
        (true, true) => "t-mixture",
        (true, false) => "declared looks",
    };
    finding.estimate = moments.mean;
    if rows.len() < SEEDS_MEAN {
        finding.interval = Interval::LINE;
        finding.evidence = Some(Evidence::NONE);
        finding.withhold("too few seeds");
    }
    finding
}

/// Interval and evidence of a mean, and the looks taken: fixed, at declared looks, or at every seed.
fn magnitude(x: &[f64], null: f64, setting: &Setting<'_>) -> (Interval, Evidence, usize) {
    let moments = Moments::of(x);
    if !setting.sequential {
        return (guarded(&moments, setting.alpha), guarded_evidence(&moments, null), 1);
    }
    if !setting.looks.is_empty() {
        let taken = setting.looks.iter().filter(|look| **look <= x.len()).count();
        let interval = looks::interval(x, &setting.looks, setting.alpha);
        return (interval, looks::evidence(x, &setting.looks, null), taken);
    }
    let mut best = Evidence::NONE;
    for count in SEEDS_MEAN..=x.len() {
        let look = Moments::of(&x[..count]);
        if !look.is_constant() {
            best = best.strongest(mixture::evidence(&look, null));
        }
    }
    (mixture::interval(&moments, setting.alpha), best, x.len() + 1 - SEEDS_MEAN)
}

/// The difference of a mean that is found with probability 0.9.
pub(super) fn detectable_mean(seeds: usize, deviation: f64, setting: &Setting<'_>) -> f64 {
    planned_mean(seeds, deviation, setting.alpha, setting.sequential)
}

/// As [`detectable_mean`], before there are seeds.
pub(super) fn planned_mean(seeds: usize, deviation: f64, alpha: f64, sequential: bool) -> f64 {
    let f = if sequential { detectable::mixture } else { detectable::guarded };
    f(seeds, deviation, alpha)
}

/// The smallest margin within which equal means are shown to be equal.
pub(super) fn planned_margin(seeds: usize, deviation: f64, alpha: f64, sequential: bool) -> f64 {
    let f = if sequential { detectable::mixture_margin } else { detectable::guarded_margin };
    f(seeds, deviation, alpha)
}

/// In standard deviations of the number of a seed.
pub(super) fn plan_mean(seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
    if seeds < SEEDS_MEAN {
        return None;
    }
    let value = planned_mean(seeds, 1.0, alpha, sequential);
    Some(Detectable { value, unit: "sd".to_owned() })
}

/// As a probability to win a pair.
pub(super) fn plan_wins(seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
    let reach = if sequential { detectable::win } else { detectable::sign };
    let value = reach(seeds as u64, alpha)?;
    Some(Detectable { value, unit: "win probability".to_owned() })
}

/// The plan of a center.
pub(super) fn plan_center(
    center: Option<Center>,
    seeds: usize,
    alpha: f64,
    sequential: bool,
) -> Option<Detectable> {
    match center {
        Some(Center::Win | Center::Median) => plan_wins(seeds, alpha, sequential),
        _ => plan_mean(seeds, alpha, sequential),
    }
}

/// The win test on signs in the order of the seeds: positive wins, NaN is undecidable.
pub(super) fn wins(rows: &[Row], setting: &Setting<'_>) -> Finding {
    let signs = values(rows);
    let tally = Tally::of_signs(&signs);
    let (interval, evidence) = if setting.sequential {
        let best = (1..=signs.len())
            .map(|look| win::evidence(&Tally::of_signs(&signs[..look])))
            .fold(Evidence::NONE, Evidence::strongest);
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
    let mut finding = Finding {
        procedure: if setting.sequential { "win test" } else { "sign test" },
        statistic: "share of seeds that win".to_owned(),
        estimate: tally.share(),
        interval,
        evidence: Some(evidence),
        looks: if setting.sequential { signs.len() } else { 1 },
        detectable: plan_wins(tally.pairs() as usize, setting.alpha, setting.sequential),
        ..extreme(rows, 0.5, Side::Above, 0.0, answer)
    };
    if setting.exact {
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

/// A finding without inference: the number farthest from support stands for all.
pub(super) fn extreme(rows: &[Row], null: f64, side: Side, margin: f64, answer: Answer) -> Finding {
    let x = values(rows);
    let farther = |a: f64, b: f64| match side {
        Side::Above => b < a,
        Side::Below => b > a,
        Side::Within => (b - null).abs() > (a - null).abs(),
    };
    let estimate =
        x.iter().copied().reduce(|a, b| if farther(a, b) { b } else { a }).unwrap_or(f64::NAN);
    Finding {
        procedure: "tolerance",
        estimate,
        interval: Interval::new(
            x.iter().copied().fold(f64::INFINITY, f64::min),
            x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
        threshold: null,
        margin,
        side,
        answer,
        seeds: x.len(),
        looks: 1,
        rows: rows.to_vec(),
        ..Finding::nothing("", crate::number::Failed::new())
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
