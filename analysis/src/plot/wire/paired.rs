//! `kind = "paired"`: two solvers seed by seed, and what the pairs say together.

use converge_bench::study::StudyError;
use converge_problems::{Better as Direction, Seed};
use rand::RngExt;

use super::strip::usual;
use super::{Context, Drawn, Place, words};
use crate::claim::{At, Center, Claim};
use crate::judge::{Better, Ratio, Test};
use crate::load::Run;
use crate::plot::axis::Scale;
use crate::plot::paired::{self, Effect, Paired, pairs};
use crate::plot::replicates::Column;
use crate::plot::spec::Spec;
use crate::plot::title;
use crate::statistics::mean::{Moments, guarded};
use crate::statistics::median::{median, order_interval};

/// Bootstrap resamples whose density is drawn.
const RESAMPLES: usize = 1999;

/// Two solvers and the number they are compared by.
struct Comparison {
    metric: String,
    at: [At; 2],
    solvers: [String; 2],
    /// Where the claim names them; else that of the figure.
    problems: [Option<String>; 2],
    /// Where the claim holds in the unit of the effect, from the metric's direction.
    holds: Box<dyn Fn(Direction) -> (f64, f64)>,
    /// Ratios rather than differences, where the claim says so.
    ratio: Option<bool>,
    /// What stands for the seeds is their median, not their mean.
    median: bool,
}

impl Context<'_> {
    pub(super) fn paired(&self, place: &Place<'_>) -> Drawn {
        let comparison = self.comparison(place)?;
        let own = Place { solvers: &comparison.solvers, name: place.name.clone(), ..*place };
        let Some(metric) = self.metric(&own, "y", &comparison.metric)? else { return Ok(None) };
        let mut columns = Vec::new();
        let problems = comparison.problems.each_ref().map(|p| p.as_deref().unwrap_or(own.problem));
        for (k, solver) in comparison.solvers.iter().enumerate() {
            let side = Place { problem: problems[k], name: own.name.clone(), ..own };
            let mut column = self.column(&side, solver, &comparison.metric, &comparison.at[k])?;
            if problems[0] != problems[1] {
                column.name = place.spec.label(&format!("{solver} on {}", problems[k]));
                column.place = k;
            }
            columns.push(column);
        }
        let Ok(columns) = <[Column; 2]>::try_from(columns) else { return Ok(None) };
        let scale = match (place.spec.scale, comparison.ratio) {
            (Some(scale), _) => scale.both().1,
            (None, Some(ratio)) => {
                if ratio {
                    Scale::Log
                } else {
                    Scale::Linear
                }
            }
            (None, None) => usual(&columns),
        };
        let found = pairs(&columns);
        let log = scale.is_log() && found.iter().all(|(a, b)| *a > 0.0 && *b > 0.0);
        let verdict =
            place.spec.claim.as_ref().and_then(|claim| self.verdict(claim, place.variant));
        let judged = verdict
            .filter(|v| v.lower.is_finite() && v.upper.is_finite() && !v.procedure.contains("test"))
            .map(|v| (v.estimate, (v.lower, v.upper)));
        let holds = (comparison.holds)(metric.better);
        let holds = match (log, comparison.ratio) {
            // Differences were claimed, ratios are shown: better is better all the same.
            (true, None | Some(false)) => (holds.0.exp(), holds.1.exp()),
            _ => holds,
        };
        let purpose = format!("{}/{}/{}", self.study.paper, self.study.name, place.item.name);
        let effect = effect(&found, log, comparison.median, judged, holds, &purpose);
        let what = words(&comparison.metric);
        let caption = format!(
            "{}{what}, one line a seed, pairs in which {} is worse in red; bars are medians with \
             quartiles. At the right {} of the pairs, their {} with its {} interval and bootstrap \
             density; {}.",
            place.said(),
            columns[0].name,
            if log { "the ratios" } else { "the differences" },
            match (comparison.median, log) {
                (true, _) => "median",
                (false, true) => "geometric mean",
                (false, false) => "mean",
            },
            verdict.filter(|_| judged.is_some()).map_or_else(
                || "95 %".to_owned(),
                |v| format!("{} %", crate::plot::number::short(100.0 * v.level))
            ),
            if place.spec.claim.is_some() {
                "the claim holds where the whole interval lies in the shaded region"
            } else {
                "the first solver is better in the shaded region"
            },
        );
        let data = Paired {
            columns,
            scale,
            title: title(&comparison.metric, &metric.unit),
            higher: metric.better == Direction::Higher,
            effect,
            width: place.spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(paired::draw(&data).map(|scene| (scene, caption)))
    }

    fn column(
        &self,
        place: &Place<'_>,
        solver: &str,
        metric: &str,
        at: &At,
    ) -> Result<Column, StudyError> {
        let groups = self.groups(place);
        let named = |name: &str| name == solver;
        let mut own = groups.iter().filter(|group| named(&group.solver) || named(&group.name));
        let empty = || Column { name: place.spec.label(solver), place: 0, values: Vec::new() };
        let Some(group) = own.next() else { return Ok(empty()) };
        if own.next().is_some() {
            let finding = format!(
                "`{solver}` names several curves, one per sweep value; name one, such as \"{}\"",
                group.name
            );
            return Err(place.item.error("solvers", finding));
        }
        let mut values = Vec::new();
        for (planned, record) in &group.runs {
            let run = Run { label: &planned.label, record };
            if let Some(value) = place.number(&run, metric, at)? {
                values.push((planned.label.seed, value));
            }
        }
        Ok(Column { name: place.spec.label(&group.name), place: group.place, values })
    }

    /// What the plot's claim compares, or the plot itself.
    fn comparison(&self, place: &Place<'_>) -> Result<Comparison, StudyError> {
        let (item, spec) = (place.item, place.spec);
        let Some(name) = &spec.claim else {
            let metric =
                Spec::need(item, spec.y.as_ref(), "a claim = \"...\", or a metric: y = \"...\"")?;
            let than = Spec::need(item, spec.than.as_ref(), "the other solver: than = \"...\"")?;
            let [solver] = &spec.solvers[..] else {
                return Err(item.error("solvers", "a paired plot is of one solver against another"));
            };
            return Ok(Comparison {
                metric: metric.clone(),
                at: [spec.at.clone(), spec.at.clone()],
                solvers: [solver.clone(), than.clone()],
                problems: [None, None],
                holds: Box::new(|better| side(better, 0.0)),
                ratio: None,
                median: false,
            });
        };
        let claim = self.study.claims.iter().find(|claim| claim.name == *name);
        let claim =
            claim.ok_or_else(|| item.error("claim", format!("no claim is named `{name}`")))?;
        let read: Claim = claim.read()?;
        match read.test {
            Test::Better(better) => {
                let Better { metric, at, solver, than, than_at, margin, center, .. } = better;
                let problems = [better.problem.clone(), better.than_problem.or(better.problem)];
                let ratio = center == Some(Center::LogMean);
                // The margin of a log mean is a share.
                let holds = move |better| {
                    let (low, high) =
                        side(better, if ratio { (1.0 + margin).ln() } else { margin });
                    if ratio { (low.exp(), high.exp()) } else { (low, high) }
                };
                Ok(Comparison {
                    metric,
                    at: [at.clone(), than_at.unwrap_or(at)],
                    solvers: [solver, than],
                    problems,
                    holds: Box::new(holds),
                    ratio: Some(ratio),
                    median: center == Some(Center::Median),
                })
            }
            Test::Ratio(ratio) => {
                let Ratio { metric, at, solver, than, than_at, at_most, at_least, .. } = ratio;
                let problems = [ratio.problem.clone(), ratio.than_problem.or(ratio.problem)];
                let holds = (at_least.unwrap_or(0.0), at_most.unwrap_or(f64::INFINITY));
                Ok(Comparison {
                    metric,
                    at: [at.clone(), than_at.unwrap_or(at)],
                    solvers: [solver, than],
                    problems,
                    holds: Box::new(move |_| holds),
                    ratio: Some(true),
                    median: false,
                })
            }
            _ => Err(item.error("claim", format!("`{name}` compares no two solvers"))),
        }
    }
}

/// Where the first solver is better by more than a margin, in differences.
fn side(better: Direction, margin: f64) -> (f64, f64) {
    if better == Direction::Higher { (margin, f64::INFINITY) } else { (f64::NEG_INFINITY, -margin) }
}

/// Mean or median difference (ratio where `log`) with its interval and bootstrap copies; `None` with
/// fewer than six pairs, which have no interval.
fn effect(
    pairs: &[(f64, f64)],
    log: bool,
    of_median: bool,
    judged: Option<(f64, (f64, f64))>,
    holds: (f64, f64),
    purpose: &str,
) -> Option<Effect> {
    let x: Vec<f64> = pairs.iter().map(|(a, b)| if log { (a / b).ln() } else { a - b }).collect();
    if x.len() < 6 {
        return None;
    }
    let back = |value: f64| if log { value.exp() } else { value };
    let center =
        |x: &[f64]| if of_median { median(x) } else { x.iter().sum::<f64>() / x.len() as f64 };
    let interval =
        if of_median { order_interval(&x, 0.05)?.0 } else { guarded(&Moments::of(&x), 0.05) };
    let own = (back(center(&x)), (back(interval.lower), back(interval.upper)));
    let (estimate, interval) = judged.unwrap_or(own);
    let mut rng = Seed::root(0).child("bootstrap of a figure").child(purpose).rng();
    let mut resample = || -> f64 {
        let drawn: Vec<f64> = (0..x.len()).map(|_| x[rng.random_range(0..x.len())]).collect();
        back(center(&drawn))
    };
    let resamples = (0..RESAMPLES).map(|_| resample()).collect();
    Some(Effect { estimate, interval, resamples, holds })
}
