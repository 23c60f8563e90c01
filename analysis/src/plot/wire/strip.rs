//! `kind = "strip"`: one number per run.

use super::{Context, Drawn, Place, words};
use crate::load::Run;
use crate::plot::axis::Scale;
use crate::plot::replicates::{self, Column, Replicates};
use crate::plot::spec::Spec;
use crate::plot::title;

impl Context<'_> {
    pub(super) fn strip(&self, place: &Place<'_>) -> Drawn {
        let spec = place.spec;
        let y = Spec::need(place.item, spec.y.as_ref(), "a metric: y = \"...\"")?;
        let Some(metric) = self.metric(place, "y", y)? else { return Ok(None) };
        let columns = self.numbers(place, y)?;
        let scale = spec.scale.map_or_else(|| usual(&columns), |scale| scale.both().1);
        let most = columns.iter().map(|column| column.values.len()).max().unwrap_or(0);
        let shown = if most > replicates::DOTS {
            "boxes from quartile to quartile with lines from the 10 % to the 90 % quantile"
        } else {
            "every seed a dot"
        };
        let caption = format!("{}{}: {shown}, the bar is the median.", place.said(), words(y));
        let data = Replicates {
            columns,
            scale,
            title: title(y, &metric.unit),
            width: spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((replicates::strip(&data), caption)))
    }

    /// The number of every run of a place, by curve and seed.
    pub(super) fn numbers(
        &self,
        place: &Place<'_>,
        column: &str,
    ) -> Result<Vec<Column>, converge_bench::study::StudyError> {
        let mut columns = Vec::new();
        for group in self.groups(place) {
            let mut values = Vec::new();
            for (planned, record) in &group.runs {
                let run = Run { label: &planned.label, record };
                if let Some(value) = place.number(&run, column, &place.spec.at)? {
                    values.push((planned.label.seed, value));
                }
            }
            let name = place.spec.label(&group.name);
            columns.push(Column { name, place: group.place, values });
        }
        Ok(columns)
    }
}

/// A log scale where positive numbers span more than a factor of 20.
pub(super) fn usual(columns: &[Column]) -> Scale {
    let values = columns.iter().flat_map(|c| c.values.iter().map(|v| v.1));
    let values = values.filter(|v| v.is_finite());
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
    if low > 0.0 && high > 20.0 * low { Scale::Log } else { Scale::Linear }
}
