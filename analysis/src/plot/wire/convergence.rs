//! `kind = "convergence"`: median and band of every curve.

use super::{Context, Drawn, Place, words};
use crate::plot::convergence::{self, Convergence, Theory};
use crate::plot::curves::{self, Curve, End, Group, Path};
use crate::plot::spec::{self, Scales, Spec};
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
        let over = if seeds == 1 { "one seed".to_owned() } else { format!("{seeds} seeds") };
        let statistic = match &spec.error {
            Some(error) => format!(
                "mean of {over} with its pointwise 95 % interval, from the standard errors in {}",
                words(error)
            ),
            None => format!(
                "median of {over} with the band from the 10 % to the 90 % quantile of the runs"
            ),
        };
        let mut caption = format!(
            "{}{} against {} for {}: {statistic}",
            place.said(),
            words(columns.y),
            words(columns.x),
            names.join(", "),
        );
        if let Some(theory) = &data.theory {
            caption += &format!("; the line in ink is {}", theory.name);
        }
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
        let error = place.spec.error.as_deref();
        if let Some(error) = error
            && self.metric(place, "error", error)?.is_none()
        {
            return Ok(None);
        }
        let theory = match &place.spec.theory {
            None => None,
            Some(theory) => match self.theory(place, theory, columns.x)? {
                None => return Ok(None),
                known => known,
            },
        };
        let curve = |group: &Group<'_>| -> Option<Curve> {
            let paths = group.runs.iter().filter_map(|(planned, record)| {
                curves::path(planned, record, columns.x, columns.y, log.1)
            });
            let paths: Vec<Path> = paths.collect();
            let (x, [low, median, high]) = match error {
                Some(error) => within_errors(group, &paths, columns.x, error),
                None => curves::summarise(&paths, log),
            };
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
            theory,
            width: place.spec.width(85.0),
            trial: self.trial(),
            about: crate::plot::scene::About::default(),
        }))
    }
}

impl Context<'_> {
    /// The curve of a table over `x`; `None` where its probe has not run.
    fn theory(
        &self,
        place: &Place<'_>,
        theory: &spec::Theory,
        x: &str,
    ) -> Result<Option<Theory>, converge_bench::study::StudyError> {
        let spec::Theory::Table { probe, column } = theory else {
            let finding = "curves are held against a table = { probe = \"...\", column = \"...\" }";
            return Err(place.item.error("theory", finding));
        };
        let table = self.table(place, probe, "theory", [x, column])?;
        Ok(table.map(|[x, y]| Theory { name: place.spec.label(probe), x, y }))
    }
}

/// Half the width of a 95 % interval in standard errors.
const HALF: f64 = 1.96;

/// Mean over the seeds and its interval from the standard error that each row brings, at the places
/// that all seeds have. Paths are independent over seeds, so their errors add in squares.
fn within_errors(
    group: &Group<'_>,
    paths: &[Path],
    x: &str,
    error: &str,
) -> (Vec<f64>, [Vec<f64>; 3]) {
    let errors: Vec<Path> = group
        .runs
        .iter()
        .filter_map(|(planned, record)| curves::path(planned, record, x, error, false))
        .collect();
    let at = |path: &Path, place: f64| {
        let index = path.x.iter().position(|x| (x - place).abs() <= 1e-9 * place.abs())?;
        Some(path.y[index])
    };
    let (mut places, mut bands) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for &place in paths.first().map_or(&[][..], |path| &path.x) {
        let values: Option<Vec<f64>> = paths.iter().map(|path| at(path, place)).collect();
        let errors: Option<Vec<f64>> = errors.iter().map(|path| at(path, place)).collect();
        let (Some(values), Some(errors)) = (values, errors) else { continue };
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half = HALF * errors.iter().map(|e| e * e).sum::<f64>().sqrt() / n;
        places.push(place);
        for (band, value) in bands.iter_mut().zip([mean - half, mean, mean + half]) {
            band.push(value);
        }
    }
    (places, bands)
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
