//! `rate`: a curve falls at least as fast as a rate; one slope per seed, the window and its neighbors.

use converge_bench::cell::StopRule;
use converge_bench::study::Label;
use serde::Deserialize;

use super::infer::{counts_wins, directional, plan_mean, wins};
use super::{Finding, Kind, Setting};
use crate::claim::{Answer, Center, Mistake, require};
use crate::load::Run;
use crate::number::{Failed, singles};
use crate::statistics::mean::{Moments, guarded};
use crate::statistics::slope::{self, Floor, Kind as Shape, Slope, Window};
use crate::verdict::{Detectable, Row, Side};

/// `rate`. An upper bound: a faster slope supports it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// A gap, residual or distance: positive.
    pub metric: String,
    /// Shape of the decrease.
    pub kind: RateKind,
    /// Linear: the factor per count, in (0, 1). Sublinear: the exponent, below 0.
    pub at_most: f64,
    /// What counts.
    #[serde(default = "default_against")]
    pub against: String,
    /// First and last count; by default the last two decades (sublinear) or nine tenths (linear)
    /// of the iteration budget.
    #[serde(default)]
    pub window: Option<[f64; 2]>,
    /// Smallest gap that is not noise; by default 64 units of rounding of the objective.
    #[serde(default)]
    pub floor: Option<f64>,
    /// Width of the certificate of f*, of which the floor is then twenty times.
    #[serde(default)]
    pub reference_error: f64,
    /// Slack: 0.1 on an exponent, 5 % of ln q0 on a factor.
    #[serde(default)]
    pub margin: Option<f64>,
    /// The solver.
    pub solver: String,
    /// Problem, if the study has several.
    #[serde(default)]
    pub problem: Option<String>,
}

fn default_against() -> String {
    "iteration".to_owned()
}

/// Shape of a decrease in a study file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateKind {
    /// By a factor per count.
    Linear,
    /// By a power of the count.
    Sublinear,
}

/// Relative rounding of a run's oracles.
pub(super) fn epsilon(run: &Run<'_>) -> f64 {
    let mixed = run.record.header.facts.get("precision").is_some_and(|p| p.contains("f32"));
    if mixed { f64::from(f32::EPSILON) } else { f64::EPSILON }
}

/// The claim in the unit of slopes.
#[derive(Clone, Copy)]
struct Asked {
    shape: Shape,
    window: Window,
    claimed: f64,
    threshold: f64,
}

impl Rate {
    fn shape(&self) -> Shape {
        match self.kind {
            RateKind::Linear => Shape::Linear,
            RateKind::Sublinear => Shape::Sublinear,
        }
    }

    /// The claimed slope and the slack on it.
    fn claimed(&self) -> (f64, f64) {
        match self.kind {
            RateKind::Linear => {
                let claimed = self.at_most.ln();
                (claimed, self.margin.unwrap_or(0.05 * claimed.abs()))
            }
            RateKind::Sublinear => (self.at_most, self.margin.unwrap_or(0.1)),
        }
    }
}

impl Kind for Rate {
    fn validate(&self, path: &str) -> Result<(), Mistake> {
        let at = format!("{path}.at-most");
        match self.kind {
            RateKind::Linear => {
                let factor = self.at_most > 0.0 && self.at_most < 1.0;
                require(factor, &at, "a factor between 0 and 1")
            }
            RateKind::Sublinear => {
                require(self.at_most < 0.0, &at, "an exponent below 0, such as -1 for 1/k")
            }
        }
    }

    fn columns(&self) -> Vec<&str> {
        vec![&self.metric, &self.against]
    }

    fn concerns(&self, label: &Label) -> bool {
        super::concerns(label, &[&self.solver], self.problem.as_deref())
    }

    fn judge(&self, setting: &Setting<'_>, path: &str) -> Result<Finding, Mistake> {
        let (claimed, margin) = self.claimed();
        let mut failed = Failed::new();
        let problem = self.problem.as_deref();
        let found = singles(&setting.runs, &self.solver, problem, !setting.exact, path, "solver")?;
        let mut runs = Vec::new();
        for run in found.into_values() {
            if run.is_outcome() {
                runs.push(run);
            } else {
                failed.note(run.record.header.status.word(), run.label);
            }
        }
        let what = if self.kind == RateKind::Linear { "factor per count" } else { "exponent" };
        let Some(window) = self.window(&runs, path)? else {
            return Ok(Finding::nothing(format!("{what} of {}", self.metric), failed));
        };
        let threshold = claimed + margin;
        let asked = Asked { shape: self.shape(), window, claimed, threshold };
        let curves = runs
            .iter()
            .map(|run| Curve::of(run, self, path))
            .collect::<Result<Vec<_>, Mistake>>()?;
        let slopes = slopes(&curves, asked);
        for (run, (_, slope)) in runs.iter().zip(&slopes) {
            let word = match slope {
                Slope::Fit { .. } => continue,
                Slope::FloorLimited { .. } => "floor-limited",
                Slope::BelowReference { .. } => "below the reference",
                Slope::Unusable => "no usable curve",
            };
            failed.note(word, run.label);
        }
        let mut finding = answer(&slopes, asked, setting);
        sensitivity(&mut finding, &curves, asked, setting);
        curvature(&mut finding, &slopes, margin, setting.alpha);
        reference(&mut finding, &slopes, margin);
        finding.statistic =
            format!("{what} of {} on [{}, {}]", self.metric, window.from, window.to);
        if counts_wins(finding.procedure) {
            finding.statistic = format!("share of seeds with the claimed {}", finding.statistic);
        }
        finding.margin = margin;
        finding.failed = failed;
        if self.kind == RateKind::Linear && finding.side == Side::Below {
            finding.estimate = finding.estimate.exp();
            finding.interval = finding.interval.map(f64::exp);
            finding.threshold = finding.threshold.exp();
            finding.margin = threshold.exp() - claimed.exp();
            finding.rows.iter_mut().for_each(|row| row.value = row.value.exp());
            if let Some(detectable) = &mut finding.detectable {
                // First order in the small difference of slopes.
                detectable.value *= finding.estimate;
            }
        }
        if finding.answer == Answer::Supported {
            finding.flags.push("a bound: the curve falls at least as fast".to_owned());
        }
        Ok(finding)
    }

    fn plan(&self, seeds: usize, alpha: f64, sequential: bool) -> Option<Detectable> {
        plan_mean(seeds, alpha, sequential)
    }
}

impl Rate {
    /// The declared window, or the default one of the iteration budget; `None` without a run.
    fn window(&self, runs: &[Run<'_>], path: &str) -> Result<Option<Window>, Mistake> {
        let Some(first) = runs.first() else { return Ok(None) };
        let budget = || {
            (self.against == "iteration").then_some(())?;
            first.record.cell.stop.iter().find_map(|rule| match rule {
                StopRule::Iterations(count) => Some(*count as f64),
                _ => None,
            })
        };
        let window = match self.window {
            Some([from, to]) => Window { from, to },
            None => Window::of(
                self.shape(),
                budget().ok_or_else(|| {
                    Mistake::new(path, "needs a `window`: no iteration budget gives one")
                })?,
            ),
        };
        if !window.is_wide(self.shape(), self.claimed().0) {
            let finding = format!(
                "the window [{}, {}] is too narrow: it needs {} points, and a factor of 4 for \
                 sublinear rates or a claimed decrease by a factor of 10 for linear ones",
                window.from,
                window.to,
                slope::FEWEST
            );
            return Err(Mistake::new(format!("{path}.window"), finding));
        }
        Ok(Some(window))
    }
}

/// A curve with its floor.
struct Curve {
    seed: u64,
    counts: Vec<f64>,
    gap: Vec<f64>,
    floor: Floor,
    broken: bool,
}

impl Curve {
    fn of(run: &Run<'_>, test: &Rate, path: &str) -> Result<Self, Mistake> {
        let column = |name: &str, key: &str| {
            run.series(name)
                .map(|series| series.values.into_owned())
                .ok_or_else(|| Mistake::new(format!("{path}.{key}"), format!("no column `{name}`")))
        };
        let seed = run.label.seed;
        if run.record.trace.rows() == 0 {
            let floor = Floor::declared(0.0);
            return Ok(Self { seed, counts: vec![], gap: vec![], floor, broken: true });
        }
        let gap = column(&test.metric, "metric")?;
        // A gap is a difference of two objectives: its rounding is theirs.
        let scale = run
            .series("objective")
            .map_or(gap[0].abs(), |objective| objective.values[0].abs().max(gap[0].abs()));
        let floor = test.floor.map_or_else(
            || Floor::of(epsilon(run), scale, test.reference_error, 0.0),
            Floor::declared,
        );
        let counts = column(&test.against, "against")?;
        Ok(Self { seed, counts, gap, floor, broken: run.is_broken() })
    }

    fn slope(&self, asked: Asked) -> Slope {
        if self.broken || self.counts.is_empty() {
            return Slope::Unusable;
        }
        let Asked { shape, window, claimed, .. } = asked;
        slope::read(shape, &self.counts, &self.gap, window, self.floor, claimed)
    }
}

/// One slope per seed.
fn slopes(curves: &[Curve], asked: Asked) -> Vec<(u64, Slope)> {
    curves.iter().map(|curve| (curve.seed, curve.slope(asked))).collect()
}

/// Slopes to an answer. Seeds that hit the floor early but already below the claimed line are wins;
/// a diverged or unusable curve loses.
fn answer(slopes: &[(u64, Slope)], asked: Asked, setting: &Setting<'_>) -> Finding {
    let threshold = asked.threshold;
    let fits: Vec<Row> = slopes
        .iter()
        .filter_map(|(seed, slope)| match slope {
            Slope::Fit { slope, .. } => Some(Row { seed: *seed, value: *slope }),
            _ => None,
        })
        .collect();
    if fits.len() == slopes.len() {
        return directional(&fits, threshold, Side::Below, Center::Mean, setting);
    }
    let signs: Vec<Row> = slopes
        .iter()
        .map(|(seed, slope)| {
            let value = match slope {
                Slope::Fit { slope, .. } => threshold - slope,
                Slope::FloorLimited { faster: true } => 1.0,
                Slope::FloorLimited { faster: false } | Slope::BelowReference { .. } => f64::NAN,
                Slope::Unusable => -1.0,
            };
            Row { seed: *seed, value }
        })
        .collect();
    let mut finding = wins(&signs, setting);
    let limited =
        slopes.iter().filter(|(_, slope)| matches!(slope, Slope::FloorLimited { .. })).count();
    if limited > 0 {
        finding.flags.push("floor-limited".to_owned());
    }
    let unknown = signs.iter().filter(|sign| sign.value.is_nan()).count();
    if 5 * unknown > signs.len() {
        finding.withhold("more than a fifth of the seeds end at the floor");
    }
    finding
}

/// Marks the finding if any of the nine neighboring windows has the opposite clear answer.
fn sensitivity(finding: &mut Finding, curves: &[Curve], asked: Asked, setting: &Setting<'_>) {
    let opposite = match finding.answer {
        Answer::Supported => Answer::Refuted,
        Answer::Refuted => Answer::Supported,
        _ => return,
    };
    let Asked { shape, window, claimed, .. } = asked;
    let infer = |window| {
        let there = Asked { window, ..asked };
        answer(&slopes(curves, there), there, setting).answer
    };
    let parts: Vec<String> = slope::sensitivity(shape, window, claimed, infer)
        .into_iter()
        .filter(|cell| cell.found == Some(opposite))
        .map(|cell| format!("[{}, {}]", cell.window.from, cell.window.to))
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
fn curvature(finding: &mut Finding, slopes: &[(u64, Slope)], margin: f64, alpha: f64) {
    let changes: Vec<f64> = slopes
        .iter()
        .filter_map(|(_, slope)| match slope {
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

/// Withholds the answer where the reference value is wrong or not good enough.
fn reference(finding: &mut Finding, slopes: &[(u64, Slope)], margin: f64) {
    if slopes.iter().any(|(_, slope)| matches!(slope, Slope::BelowReference { .. })) {
        finding.withhold("error in the reference: a gap is negative beyond its floor");
    }
    let biases = slopes.iter().map(|(_, slope)| match slope {
        Slope::Fit { bias, .. } => *bias,
        _ => 0.0,
    });
    if biases.fold(0.0, f64::max) > 0.25 * margin {
        finding.withhold("floor too high");
    }
}
