//! `kind = "slope"`: the rate of one curve, as a claim declares it or as the plot does.

use std::fmt::Write;

use converge_bench::study::{Item, StudyError};

use super::convergence::{Columns, ends};
use super::{Context, Drawn, Place, words};
use crate::claim::{Claim, Rate, RateKind, Test};
use crate::plot::chart::Fit;
use crate::plot::convergence::Convergence;
use crate::plot::number;
use crate::plot::slope::{Sensitivity, Slope, draw};
use crate::plot::spec::{Scales, Spec};
use crate::plot::text::escape;
use crate::plot::title;
use crate::statistics::mean::{Moments, guarded};
use crate::statistics::slope::{self, Kind, Window, least_squares};

/// A rate to draw: what is measured where, and what is claimed of it.
struct Declared {
    metric: String,
    against: String,
    kind: Kind,
    window: Window,
    floor: f64,
    solver: String,
    /// Slope of the claim and slope of its threshold, margin included.
    claimed: Option<(f64, f64)>,
}

/// Counts and gaps of one run.
type Series = (Vec<f64>, Vec<f64>);

impl Context<'_> {
    pub(super) fn slope(&self, place: &Place<'_>) -> Drawn {
        let declared = self.declared(place)?;
        let kind = declared.kind;
        let scales = place.spec.scale.unwrap_or(match kind {
            Kind::Linear => Scales::LinearLog,
            Kind::Sublinear => Scales::LogLog,
        });
        let solvers = [declared.solver.clone()];
        let own = Place {
            solvers: if place.solvers.is_empty() { &solvers } else { place.solvers },
            name: place.name.clone(),
            ..*place
        };
        let columns = Columns { x: &declared.against, y: &declared.metric, scales, target: None };
        let Some(curves) = self.curves(&own, &columns)? else { return Ok(None) };
        let runs = self.series(&own, &declared);
        let alpha = 0.05;
        let found = slopes(&runs, &declared, declared.window);
        let claim = declared.claimed.map_or_else(String::new, |(slope, _)| {
            format!("claimed: at most {}", shown(slope, kind))
        });
        let window = format!("[{}, {}]", declared.window.from, declared.window.to);
        let mut caption = format!(
            "{}{} of {} against {}",
            place.said(),
            words(&declared.metric),
            declared.solver,
            words(&declared.against),
        );
        let fit = if let Some(found) = &found {
            let _ = write!(
                caption,
                " with the fit over the window {window}, shifted off the data; the interval is over {} \
                 seeds. Below, the same slope with windows that begin earlier or later and end alike; \
                 the declared start is dotted",
                found.len()
            );
            let (mean, interval) = summary(found, alpha);
            let line = line(&runs, &declared, mean);
            let claimed = declared.claimed.map(|(slope, _)| through(&line, slope, kind));
            let text = self.said(place, &declared, mean, interval);
            Fit { line, claimed: claimed.unwrap_or_default(), claim, text }
        } else {
            let _ = write!(
                caption,
                ": fewer than half of the runs have a slope over the window {window}, because they end \
                 or reach the floor inside it"
            );
            let text = format!("no slope over {window}");
            Fit { line: Vec::new(), claimed: Vec::new(), claim, text }
        };
        let sensitivity = sensitivity(&runs, &declared, alpha);
        caption += &ends(&curves.curves);
        caption.push('.');
        let curves = Convergence { about: self.about(&caption), ..curves };
        Ok(Some((draw(&Slope { curves, fit, sensitivity }), caption)))
    }

    /// What the plot's claim says, or the plot itself.
    fn declared(&self, place: &Place<'_>) -> Result<Declared, StudyError> {
        let (item, spec) = (place.item, place.spec);
        let Some(name) = &spec.claim else { return own(item, spec) };
        let claim = self.study.claims.iter().find(|claim| claim.name == *name);
        let claim =
            claim.ok_or_else(|| item.error("claim", format!("no claim is named `{name}`")))?;
        let read: Claim = claim.read()?;
        let Test::Rate(rate) = read.test else {
            return Err(item.error("claim", format!("`{name}` is no claim on a rate")));
        };
        let window = rate.window.or(spec.window).ok_or_else(|| {
            item.error("claim", "the claim has no window; the plot needs one: window = [20, 200]")
        })?;
        let kind = shape(rate.kind);
        let slope = if kind == Kind::Linear { rate.at_most.ln() } else { rate.at_most };
        Ok(Declared {
            claimed: Some((slope, slope + margin(&rate, kind, slope))),
            kind,
            window: Window { from: window[0], to: window[1] },
            floor: rate.floor.or(spec.floor).unwrap_or(0.0),
            metric: rate.metric,
            against: rate.against,
            solver: rate.solver,
        })
    }

    /// The runs of the curve whose rate it is.
    fn series(&self, place: &Place<'_>, declared: &Declared) -> Vec<Series> {
        let groups = self.groups(place);
        let own = groups
            .iter()
            .filter(|group| group.name == declared.solver || group.solver == declared.solver);
        own.take(1)
            .flat_map(|group| &group.runs)
            .filter_map(|(planned, record)| {
                let column = |name: &str| crate::plot::curves::column(planned, record, name);
                Some((column(&declared.against)?, column(&declared.metric)?))
            })
            .collect()
    }

    /// Slope with its interval: that of the verdict where the plot shows a claim, so that figure
    /// and verdict say the same.
    fn said(
        &self,
        place: &Place<'_>,
        declared: &Declared,
        mean: f64,
        interval: (f64, f64),
    ) -> String {
        let verdict =
            place.spec.claim.as_ref().and_then(|claim| self.verdict(claim, place.variant));
        let judged = verdict
            .filter(|v| v.estimate.is_finite() && v.lower.is_finite() && v.upper.is_finite())
            .map(|v| (v.estimate, v.lower, v.upper));
        let through = |slope: f64| if declared.kind == Kind::Linear { slope.exp() } else { slope };
        let (estimate, lower, upper) =
            judged.unwrap_or((through(mean), through(interval.0), through(interval.1)));
        let [estimate, lower, upper] = number::interval(estimate, lower, upper);
        let what = if declared.kind == Kind::Linear { "factor" } else { "slope" };
        if interval.0 >= interval.1 && judged.is_none() {
            return format!("{what} {estimate}");
        }
        format!("{what} {estimate} [{lower}, {upper}]")
    }
}

/// A slope as it is said: a factor per count for linear rates.
fn shown(slope: f64, kind: Kind) -> String {
    number::short(if kind == Kind::Linear { slope.exp() } else { slope })
}

fn shape(kind: RateKind) -> Kind {
    match kind {
        RateKind::Linear => Kind::Linear,
        RateKind::Sublinear => Kind::Sublinear,
    }
}

/// The slack of a claim, as its test takes it.
fn margin(rate: &Rate, kind: Kind, claimed: f64) -> f64 {
    rate.margin.unwrap_or(if kind == Kind::Linear { 0.05 * claimed.abs() } else { 0.1 })
}

/// A rate that the plot declares without a claim.
fn own(item: &Item, spec: &Spec) -> Result<Declared, StudyError> {
    let metric = Spec::need(item, spec.y.as_ref(), "a claim = \"...\", or a metric: y = \"...\"")?;
    let window =
        Spec::need(item, spec.window.as_ref(), "a window = [20, 200], fixed before the data")?;
    let [solver] = &spec.solvers[..] else {
        return Err(item.error("solvers", "a slope is of one curve: solvers = [\"...\"]"));
    };
    Ok(Declared {
        metric: metric.clone(),
        against: spec.x.clone().unwrap_or_else(|| "iteration".to_owned()),
        kind: shape(spec.rate.unwrap_or(RateKind::Sublinear)),
        window: Window { from: window[0], to: window[1] },
        floor: spec.floor.unwrap_or(0.0),
        solver: solver.clone(),
        claimed: None,
    })
}

/// Slopes of the runs that have one over a window; `None` if fewer than half have.
fn slopes(runs: &[Series], declared: &Declared, window: Window) -> Option<Vec<f64>> {
    if !window.is_wide(declared.kind) {
        return None;
    }
    let claimed = declared.claimed.map_or(0.0, |claim| claim.0);
    let found: Vec<f64> = runs
        .iter()
        .filter_map(|(counts, gap)| {
            match slope::read(declared.kind, counts, gap, window, declared.floor, claimed) {
                slope::Slope::Fit { slope, .. } => Some(slope),
                _ => None,
            }
        })
        .collect();
    (2 * found.len() >= runs.len() && !found.is_empty()).then_some(found)
}

/// Mean over seeds and its interval; the mean alone where seeds are few or alike.
fn summary(slopes: &[f64], alpha: f64) -> (f64, (f64, f64)) {
    let moments = Moments::of(slopes);
    if slopes.len() < 5 || moments.is_constant() {
        return (moments.mean, (moments.mean, moments.mean));
    }
    let interval = guarded(&moments, alpha);
    (moments.mean, (interval.lower, interval.upper))
}

/// The mean slope through the mean of the logarithms over the window: what the fits of the seeds
/// have in common.
fn line(runs: &[Series], declared: &Declared, mean: f64) -> Vec<(f64, f64)> {
    let abscissa = |k: f64| if declared.kind == Kind::Sublinear { k.max(1.0).ln() } else { k };
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (counts, gap) in runs {
        for k in declared.window.grid(declared.kind) {
            let row = counts.partition_point(|count| *count <= k).checked_sub(1);
            let value = row.map(|row| gap[row]).filter(|gap| *gap > declared.floor.max(0.0));
            if let Some(value) = value {
                x.push(abscissa(k));
                y.push(value.ln());
            }
        }
    }
    // The centre of all points, from their least-squares line.
    let centre = x.iter().sum::<f64>() / x.len().max(1) as f64;
    let (slope, at_zero) = least_squares(&x, &y);
    let height = at_zero + slope * centre;
    points(declared.window, declared.kind, |k| height + mean * (abscissa(k) - centre))
}

/// Points of a curve of logarithms over a window.
fn points(window: Window, kind: Kind, log: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    (0..=60)
        .map(|i| f64::from(i) / 60.0)
        .map(|share| match kind {
            Kind::Sublinear => window.from * (window.to / window.from).powf(share),
            Kind::Linear => window.from + share * (window.to - window.from),
        })
        .map(|k| (k, log(k).exp()))
        .collect()
}

/// The claimed slope through the middle of a line.
fn through(line: &[(f64, f64)], slope: f64, kind: Kind) -> Vec<(f64, f64)> {
    let abscissa = |k: f64| if kind == Kind::Sublinear { k.max(1.0).ln() } else { k };
    let Some(&(k, y)) = line.get(line.len() / 2) else { return Vec::new() };
    line.iter().map(|&(x, _)| (x, (y.ln() + slope * (abscissa(x) - abscissa(k))).exp())).collect()
}

/// The slope for windows from half to two and a half times the declared start, all to its end.
fn sensitivity(runs: &[Series], declared: &Declared, alpha: f64) -> Sensitivity {
    let Window { from, to } = declared.window;
    let through = |slope: f64| if declared.kind == Kind::Linear { slope.exp() } else { slope };
    let what = if declared.kind == Kind::Linear { "factor" } else { "slope" };
    let mut found = Sensitivity {
        declared: from,
        threshold: declared.claimed.map(|(_, threshold)| through(threshold)),
        title: format!("first {} of the window", escape(&title(&declared.against, ""))),
        slope_title: what.to_owned(),
        ..Sensitivity::default()
    };
    for step in 0..=20 {
        let start = 0.4 * from * 6.25_f64.powf(f64::from(step) / 20.0);
        let window = Window { from: start.max(1.0), to };
        let Some(slopes) = slopes(runs, declared, window) else { continue };
        let (mean, interval) = summary(&slopes, alpha);
        found.starts.push(window.from);
        found.slope.push(through(mean));
        found.band.0.push(through(interval.0));
        found.band.1.push(through(interval.1));
    }
    found
}
