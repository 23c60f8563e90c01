//! `kind = "convergence"`: median and band of every curve.

use super::{Context, Drawn, Place, words};
use crate::plot::convergence::{self, Convergence};
use crate::plot::curves::{self, Curve, End, Group, Path};
use crate::plot::spec::{Scales, Spec};
use crate::plot::{plain_title, text, title};

/// What a set of curves is drawn over.
pub(super) struct Columns<'a> {
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    pub(super) scales: Scales,
    pub(super) target: Option<f64>,
}

impl Context<'_> {
    pub(super) fn convergence(&self, place: &Place<'_>) -> Drawn {
        let spec = place.spec;
        let y = Spec::need(place.item, spec.y.as_ref(), "a metric: y = \"...\"")?;
        let columns = Columns {
            x: spec.x.as_deref().unwrap_or("iteration"),
            y,
            scales: spec.scale.unwrap_or(Scales::LinearLog),
            target: spec.target,
        };
        let Some(data) = self.curves(place, &columns)? else { return Ok(None) };
        let names: Vec<&str> = data.curves.iter().map(|curve| curve.name.as_str()).collect();
        let seeds = data.curves.iter().map(|curve| curve.runs).max().unwrap_or(0);
        let mut caption = format!(
            "{}{} against {} for {}: median of {seeds} seeds with the band from the 10 % to the 90 % \
             quantile of the runs",
            place.said(),
            words(columns.y),
            words(columns.x),
            names.join(", "),
        );
        caption += &ends(&data.curves);
        if spec.holds.is_some() {
            caption += "; the claim holds in the shaded region";
        }
        caption.push('.');
        let data = Convergence { about: self.about(&caption), ..data };
        Ok(Some((convergence::draw(&data).0, caption)))
    }

    /// The curves of a place; nothing where no run has both columns.
    pub(super) fn curves(
        &self,
        place: &Place<'_>,
        columns: &Columns<'_>,
    ) -> Result<Option<Convergence>, converge_bench::study::StudyError> {
        let Some(metric) = self.metric(place, "y", columns.y)? else { return Ok(None) };
        let Some(cost) = self.metric(place, "x", columns.x)? else { return Ok(None) };
        let scales = columns.scales.both();
        let log = (scales.0.is_log(), scales.1.is_log());
        let reaches = |y: f64, target: f64| match metric.better {
            converge_problems::Better::Higher => y >= target,
            _ => y <= target,
        };
        let curve = |group: &Group<'_>| -> Option<Curve> {
            let paths = group.runs.iter().filter_map(|(planned, record)| {
                curves::path(planned, record, columns.x, columns.y, log.1)
            });
            let paths: Vec<Path> = paths.collect();
            let (x, [low, median, high]) = curves::summarise(&paths, log);
            let reached = columns.target.map(|target| {
                paths.iter().filter(|path| path.y.iter().any(|y| reaches(*y, target))).count()
            });
            (!x.is_empty()).then(|| Curve {
                name: place.spec.label(&group.name),
                place: group.place,
                variant: group.variant,
                x,
                median,
                low,
                high,
                end: curves::common_end(&paths),
                runs: group.runs.len(),
                reached,
            })
        };
        let curves: Vec<Curve> = self.groups(place).iter().filter_map(curve).collect();
        Ok((!curves.is_empty()).then(|| Convergence {
            curves,
            scales,
            x_title: (if place.selection().probe { plain_title } else { title })(
                columns.x, &cost.unit,
            ),
            y_title: title(columns.y, &metric.unit),
            target: columns.target,
            floor: place.spec.floor,
            holds: place.spec.holds.map(|[low, high]| (low, high)),
            width: place.spec.width(85.0),
            trial: self.trial(),
            about: crate::plot::scene::About::default(),
        }))
    }
}

/// What the end marks mean, of those that are there.
pub(super) fn ends(curves: &[Curve]) -> String {
    let meaning = |end| match end {
        End::Reached => "a disc ends runs that reached their target or converged",
        End::Censored => "an open triangle ends runs that used up their budget",
        End::Diverged => "a cross ends runs that diverged",
        End::Broken => "a plus ends runs that broke down",
    };
    let all = [End::Reached, End::Censored, End::Diverged, End::Broken];
    let shown = all.into_iter().filter(|end| curves.iter().any(|curve| curve.end == *end));
    let shown: Vec<&str> = shown.map(meaning).collect();
    if shown.is_empty() { String::new() } else { format!("; {}", text::escape(&shown.join("; "))) }
}
