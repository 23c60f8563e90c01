//! `kind = "images"` and `kind = "phase-portrait"`: arrays and columns as pictures.

use std::fmt::Write;

use converge_bench::record::{Array, Record};

use super::{Context, Drawn, Place, words};
use crate::plot::curves::{self, Group};
use crate::plot::images::{self, Images, Picture, Quality, psnr_db};
use crate::plot::phase::{self, Phase, Trajectory};
use crate::plot::spec::Spec;
use crate::plot::{convergence, title};
use crate::statistics::mean::{Moments, guarded};

/// The array of that name that a run left behind.
pub(super) fn array<'r>(record: &'r Record, name: &str) -> Option<&'r Array> {
    record.arrays.iter().find(|array| array.output.name == name)
}

impl Context<'_> {
    /// Output arrays of images, columns the slower axis, as images: of the first seed, with its quality
    /// and that over all. Of several planes the first. Joined, of all `problems`.
    pub(super) fn images(&self, place: &Place<'_>, problems: &[String]) -> Drawn {
        let (item, spec) = (place.item, place.spec);
        let output = Spec::need(item, spec.output.as_ref(), "an array: output = \"...\"")?;
        let own = [place.problem.to_owned()];
        let problems = if spec.joined { problems } else { &own[..] };
        let mut groups: Vec<Group<'_>> = Vec::new();
        for problem in problems {
            for mut group in self.groups(&Place { problem, name: place.name.clone(), ..*place }) {
                let joined = format!("{} on {problem}", group.name);
                let name = spec.labels.get(&joined).filter(|_| spec.joined);
                group.name = name.cloned().unwrap_or_else(|| spec.label(&group.name));
                groups.push(group);
            }
        }
        let records =
            || groups.iter().flat_map(|group| group.runs.iter().map(|(_, record)| *record));
        if records().next().is_none() {
            return Ok(None);
        }
        let Some(first) = records().find_map(|record| array(record, output)) else {
            let finding = format!(
                "no run left an array `{output}` behind; name it in the study: outputs = [\"{output}\"]"
            );
            return Err(item.error("output", finding));
        };
        let (planes, columns, rows) = match first.output.shape[..] {
            [columns, rows] => (1, columns, rows),
            [planes, columns, rows] => (planes, columns, rows),
            _ => {
                let finding = format!(
                    "an image has two dimensions, or planes before them, and `{output}` the shape {:?}",
                    first.output.shape
                );
                return Err(item.error("output", finding));
            }
        };
        let reference = spec.reference.as_ref().map(|name| {
            let found = records().find_map(|record| array(record, name));
            found.ok_or_else(|| item.error("reference", format!("no run left an array `{name}`")))
        });
        let reference = reference.transpose()?;
        let mut pictures: Vec<Picture> = reference
            .iter()
            .map(|array| Picture {
                name: "reference".into(),
                pixels: array.values.clone(),
                psnr: None,
            })
            .collect();
        pictures.extend(groups.iter().filter_map(|group| picture(place, group, output)));
        let seeds = groups.iter().map(|group| group.runs.len());
        let mut caption = format!(
            "{}{} of the first seed, pixel by pixel, all in the same window of gray; the square is \
             shown two and a half times as large in the corner",
            place.said(),
            words(output),
        );
        if planes > 1 {
            let _ = write!(caption, "; the first of {planes} planes");
        }
        if reference.is_some() {
            caption += "; peak signal-to-noise ratio of the image";
        }
        if pictures.iter().any(|picture| picture.psnr.is_some_and(|quality| quality.mean.is_some()))
        {
            caption += ", and its mean with the 95 % interval over seeds";
        }
        caption.push('.');
        let data = Images {
            shape: (rows, columns),
            pictures,
            window: spec.window.map_or(images::UNIT, |[low, high]| (low, high)),
            zoom: spec.zoom,
            note: convergence::count(seeds),
            width: spec.width(178.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((images::draw(&data), caption)))
    }

    /// Two columns of each run against each other; the median run would be no path, so at most
    /// three seeds of each curve are shown.
    pub(super) fn phase_portrait(&self, place: &Place<'_>) -> Drawn {
        const SEEDS: usize = 3;
        let (item, spec) = (place.item, place.spec);
        let x = Spec::need(item, spec.x.as_ref(), "a column: x = \"...\"")?;
        let y = Spec::need(item, spec.y.as_ref(), "a column: y = \"...\"")?;
        let Some(across) = self.metric(place, "x", x)? else { return Ok(None) };
        let Some(up) = self.metric(place, "y", y)? else { return Ok(None) };
        let groups = self.groups(place);
        let mut trajectories = Vec::new();
        for group in &groups {
            for (planned, record) in group.runs.iter().take(SEEDS) {
                let column = |name: &str| curves::column(planned, record, name);
                let (Some(xs), Some(ys)) = (column(x), column(y)) else { continue };
                let points = xs.into_iter().zip(ys).filter(|(x, y)| x.is_finite() && y.is_finite());
                trajectories.push(Trajectory {
                    name: spec.label(&group.name),
                    place: group.place,
                    variant: group.variant,
                    points: points.collect(),
                    end: curves::end(&record.header.status),
                });
            }
        }
        let field = match &spec.field {
            None => Vec::new(),
            Some(probe) => {
                let columns =
                    [x.as_str(), y.as_str(), &format!("{x}-drift"), &format!("{y}-drift")];
                let Some([xs, ys, us, vs]) = self.table(place, probe, "field", columns)? else {
                    return Ok(None);
                };
                let (places, directions) = (xs.into_iter().zip(ys), us.into_iter().zip(vs));
                places.zip(directions).collect()
            }
        };
        let most = groups.iter().map(|group| group.runs.len().min(SEEDS)).max().unwrap_or(0);
        let mut caption = format!(
            "{}{} against {}: {most} seeds of each, on equal scales, from the disc along the arrows",
            place.said(),
            words(y),
            words(x),
        );
        if !spec.equilibria.is_empty() {
            caption += "; points of rest are filled if stable, open if not";
        }
        caption.push('.');
        let data = Phase {
            trajectories,
            equilibria: spec.equilibria.iter().map(|e| ((e.at[0], e.at[1]), e.stable)).collect(),
            field,
            titles: (title(x, &across.unit), title(y, &up.unit)),
            note: format!(
                "{most} of {} seeds",
                groups.iter().map(|g| g.runs.len()).max().unwrap_or(0)
            ),
            width: spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((phase::draw(&data), caption)))
    }
}

/// The first seed's image, and its quality over the seeds where there is a reference.
fn picture(place: &Place<'_>, group: &Group<'_>, output: &str) -> Option<Picture> {
    let (_, first) = group.runs.iter().find(|(_, record)| array(record, output).is_some())?;
    let truth = |record: &Record| {
        let own = place.spec.reference.as_ref().and_then(|name| array(record, name));
        own.map(|array| array.values.clone())
    };
    let quality: Vec<f64> = group
        .runs
        .iter()
        .filter_map(|(_, record)| Some(psnr_db(&truth(record)?, &array(record, output)?.values)))
        .filter(|psnr| psnr.is_finite())
        .collect();
    let pixels = array(first, output)?.values.clone();
    let psnr = truth(first).map(|truth| Quality {
        shown: psnr_db(&truth, &pixels),
        mean: (quality.len() >= 5).then(|| Moments::of(&quality)).and_then(|moments| {
            let interval = (!moments.is_constant()).then(|| guarded(&moments, 0.05))?;
            Some((moments.mean, (interval.lower, interval.upper)))
        }),
    });
    let name = group.name.clone();
    Some(Picture { name, pixels, psnr })
}
