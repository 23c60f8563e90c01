//! Claims on rates: one slope per seed, the window and its neighbors.

use converge_bench::cell::StopRule;

use crate::claim::{Answer, Center, Mistake, Rate, RateKind};
use crate::judge::{Finding, Setting, directional, wins};
use crate::load::Run;
use crate::number::{Failed, singles};
use crate::statistics::mean::{Moments, guarded};
use crate::statistics::slope::{self, Kind, Slope, Window};
use crate::verdict::Side;

/// Answers a claim on a rate.
///
/// # Errors
/// A [`Mistake`] in the claim.
pub fn judge(test: &Rate, exact: bool, setting: &Setting<'_>) -> Result<Finding, Mistake> {
    let path = "test.rate";
    let kind = match test.kind {
        RateKind::Linear => Kind::Linear,
        RateKind::Sublinear => Kind::Sublinear,
    };
    let claimed = if kind == Kind::Linear { test.at_most.ln() } else { test.at_most };
    let margin = test.margin.unwrap_or(match kind {
        Kind::Linear => 0.05 * claimed.abs(),
        Kind::Sublinear => 0.1,
    });
    let mut failed = Failed::new();
    let runs =
        singles(&setting.runs, &test.solver, test.problem.as_deref(), !exact, path, "solver")?;
    let runs: Vec<Run<'_>> = runs
        .into_values()
        .filter(|run| {
            let outcome = run.is_outcome();
            if !outcome {
                *failed.entry(run.record.header.status.word().to_owned()).or_insert(0) += 1;
            }
            outcome
        })
        .collect();
    let Some(window) = window(test, kind, &runs)? else {
        let mut finding = directional(&[], 0.0, Side::Below, Center::Win, setting, false);
        finding.answer = Answer::NoVerdict;
        finding.failed = failed;
        return Ok(finding);
    };
    let curves = runs.iter().map(|run| Curve::of(run, test)).collect::<Result<Vec<_>, _>>()?;
    let slopes: Vec<Slope> =
        curves.iter().map(|curve| curve.slope(kind, window, claimed)).collect();
    for slope in &slopes {
        let word = match slope {
            Slope::Fit { .. } => continue,
            Slope::FloorLimited { .. } => "floor-limited",
            Slope::Unusable => "no usable curve",
        };
        *failed.entry(word.to_owned()).or_insert(0) += 1;
    }
    let threshold = claimed + margin;
    let mut finding = answer(&slopes, threshold, exact, setting);
    sensitivity(&mut finding, &curves, kind, window, claimed, threshold, exact, setting);
    curvature(&mut finding, &slopes, margin, setting.alpha);
    let what = if kind == Kind::Linear { "factor per count" } else { "exponent" };
    finding.statistic = format!("{what} of {} on [{}, {}]", test.metric, window.from, window.to);
    finding.margin = margin;
    finding.failed = failed;
    if kind == Kind::Linear && finding.side == Side::Below {
        finding.estimate = finding.estimate.exp();
        finding.interval = finding.interval.map(f64::exp);
        finding.threshold = finding.threshold.exp();
        finding.margin = threshold.exp() - claimed.exp();
        if let Some(detectable) = &mut finding.detectable {
            detectable.value *= finding.estimate; // first order in the small slope difference
        }
    }
    Ok(finding)
}

/// Seed and slope of each run that has one, in the unit of the verdict's estimate: the exponent, or
/// the factor per count.
///
/// # Errors
/// A [`Mistake`] in the claim.
pub(crate) fn slopes(test: &Rate, runs: &[Run<'_>]) -> Result<Vec<(u64, f64)>, Mistake> {
    let (kind, claimed) = match test.kind {
        RateKind::Linear => (Kind::Linear, test.at_most.ln()),
        RateKind::Sublinear => (Kind::Sublinear, test.at_most),
    };
    let problem = test.problem.as_deref();
    let found = singles(runs, &test.solver, problem, false, "test.rate", "solver")?;
    let runs: Vec<Run<'_>> = found.into_values().filter(Run::is_outcome).collect();
    let Some(window) = window(test, kind, &runs)? else { return Ok(Vec::new()) };
    let mut slopes = Vec::new();
    for run in &runs {
        if let Slope::Fit { slope, .. } = Curve::of(run, test)?.slope(kind, window, claimed) {
            let value = if kind == Kind::Linear { slope.exp() } else { slope };
            slopes.push((run.label.seed, value));
        }
    }
    Ok(slopes)
}

/// The declared window, or the default one of the iteration budget.
fn window(test: &Rate, kind: Kind, runs: &[Run<'_>]) -> Result<Option<Window>, Mistake> {
    let Some(first) = runs.first() else { return Ok(None) };
    let budget = || {
        (test.against == "iteration").then_some(())?;
        first.record.cell.stop.iter().find_map(|rule| match rule {
            StopRule::Iterations(count) => Some(*count as f64),
            _ => None,
        })
    };
    let window = match test.window {
        Some([from, to]) => Window { from, to },
        None => Window::of(
            kind,
            budget().ok_or_else(|| {
                Mistake::new("test.rate", "needs a `window`: no iteration budget gives one")
            })?,
        ),
    };
    if !window.is_wide(kind) {
        let finding = format!(
            "the window [{}, {}] is too narrow: it needs {} points, and a factor of 4 for \
             sublinear rates",
            window.from,
            window.to,
            slope::FEWEST
        );
        return Err(Mistake::new("test.rate.window", finding));
    }
    Ok(Some(window))
}

/// A curve with its floor.
struct Curve {
    counts: Vec<f64>,
    gap: Vec<f64>,
    floor: f64,
    broken: bool,
}

impl Curve {
    fn of(run: &Run<'_>, test: &Rate) -> Result<Self, Mistake> {
        let column = |name: &str, key: &str| {
            run.series(name).map(|series| series.values.into_owned()).ok_or_else(|| {
                Mistake::new(format!("test.rate.{key}"), format!("no column `{name}`"))
            })
        };
        if run.record.trace.rows() == 0 {
            return Ok(Self { counts: Vec::new(), gap: Vec::new(), floor: 0.0, broken: true });
        }
        let gap = column(&test.metric, "metric")?;
        // A gap is a difference of two objectives: its rounding is theirs.
        let scale = run
            .series("objective")
            .map_or(gap[0].abs(), |objective| objective.values[0].abs().max(gap[0].abs()));
        let mixed = run.record.header.facts.get("precision").is_some_and(|word| word == "mixed");
        let epsilon = if mixed { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let floor = test.floor.unwrap_or_else(|| slope::floor(epsilon, scale, 0.0, 0.0));
        Ok(Self { counts: column(&test.against, "against")?, gap, floor, broken: run.is_broken() })
    }

    fn slope(&self, kind: Kind, window: Window, claimed: f64) -> Slope {
        if self.broken || self.counts.is_empty() {
            return Slope::Unusable;
        }
        slope::read(kind, &self.counts, &self.gap, window, self.floor, claimed)
    }
}

/// Slopes to an answer. Seeds that hit the floor early but already below the claimed line are wins;
/// a diverged or unusable curve loses.
fn answer(slopes: &[Slope], threshold: f64, exact: bool, setting: &Setting<'_>) -> Finding {
    let fits: Vec<f64> = slopes
        .iter()
        .filter_map(|slope| match slope {
            Slope::Fit { slope, .. } => Some(*slope),
            _ => None,
        })
        .collect();
    if fits.len() == slopes.len() {
        return directional(&fits, threshold, Side::Below, Center::Mean, setting, exact);
    }
    let signs: Vec<f64> = slopes
        .iter()
        .map(|slope| match slope {
            Slope::Fit { slope, .. } => threshold - slope,
            Slope::FloorLimited { faster: true } => 1.0,
            Slope::FloorLimited { faster: false } => f64::NAN,
            Slope::Unusable => -1.0,
        })
        .collect();
    let mut finding = wins(&signs, setting, exact);
    let limited = slopes.iter().filter(|slope| matches!(slope, Slope::FloorLimited { .. })).count();
    if limited > 0 {
        finding.flags.push("floor-limited".to_owned());
    }
    let unknown = signs.iter().filter(|sign| sign.is_nan()).count();
    if 5 * unknown > signs.len() {
        finding.withhold("more than a fifth of the seeds end at the floor");
    }
    finding
}

/// Marks the finding if any of the nine neighboring windows has the opposite clear answer.
#[expect(clippy::too_many_arguments, reason = "one call, all of it the frame of the same fit")]
fn sensitivity(
    finding: &mut Finding,
    curves: &[Curve],
    kind: Kind,
    window: Window,
    claimed: f64,
    threshold: f64,
    exact: bool,
    setting: &Setting<'_>,
) {
    let opposite = match finding.answer {
        Answer::Supported => Answer::Refuted,
        Answer::Refuted => Answer::Supported,
        _ => return,
    };
    let parts: Vec<String> = window
        .neighbors()
        .into_iter()
        .filter(|window| window.to > window.from && window.is_wide(kind))
        .filter(|window| {
            let slopes: Vec<Slope> =
                curves.iter().map(|curve| curve.slope(kind, *window, claimed)).collect();
            answer(&slopes, threshold, exact, setting).answer == opposite
        })
        .map(|window| format!("[{}, {}]", window.from, window.to))
        .collect();
    if !parts.is_empty() {
        finding.flags.push(format!(
            "window-sensitive: {} on {}",
            opposite.word(),
            parts.join(", ")
        ));
    }
}

/// Says when the slope still changes by more than the margin inside the window.
fn curvature(finding: &mut Finding, slopes: &[Slope], margin: f64, alpha: f64) {
    let changes: Vec<f64> = slopes
        .iter()
        .filter_map(|slope| match slope {
            Slope::Fit { curvature, .. } => Some(*curvature),
            _ => None,
        })
        .collect();
    if changes.len() < 5 {
        return;
    }
    let moments = Moments::of(&changes);
    let interval = guarded(&moments, alpha);
    if interval.lower > margin || interval.upper < -margin {
        finding.flags.push("not yet in the asymptotic regime".to_owned());
    }
}
