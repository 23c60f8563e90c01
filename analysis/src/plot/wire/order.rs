//! `kind = "order"`: errors on a ladder of steps, with the claimed orders as bands.

use super::{Context, Drawn, Place, words};
use crate::plot::curves::{self, Group};
use crate::plot::order::{Ladder, Orders, draw};
use crate::plot::spec::{Claimed, Spec};
use crate::plot::{number, plain_title};
use crate::statistics::order::{Fit, Rung, successive};

/// Half the width of a 95 % interval in standard errors.
const HALF: f64 = 1.96;

impl Context<'_> {
    pub(super) fn order(&self, place: &Place<'_>) -> Drawn {
        let (item, spec) = (place.item, place.spec);
        let y = Spec::need(item, spec.y.as_ref(), "a column of errors: y = \"...\"")?;
        if spec.probe.is_empty() {
            let finding = "this kind of plot needs probes: probe = [\"...\"]";
            return Err(item.error("", finding));
        }
        let bad = |order: &&Claimed| !(order.value > 0.0 && order.margin > 0.0);
        if let Some(Claimed { value, margin }) = spec.orders.iter().find(bad) {
            let finding = format!("an order of {value} within {margin}: both have to be above 0");
            return Err(item.error("orders", finding));
        }
        let x = spec.x.as_deref().unwrap_or("learning-rate");
        let Some(step) = self.metric(place, "x", x)? else { return Ok(None) };
        let Some(metric) = self.metric(place, "y", y)? else { return Ok(None) };
        if let Some(error) = &spec.error {
            self.metric(place, "error", error)?;
        }
        let groups = self.groups(place);
        let ladders: Vec<Ladder> =
            groups.iter().filter_map(|group| ladder(group, spec, x, y)).collect();
        if ladders.is_empty() {
            return Ok(None);
        }
        let caption = caption(place, x, y);
        let error = plain_title(y, &metric.unit);
        let data = Orders {
            ladders,
            titles: (plain_title(x, &step.unit), format!("error of {error}")),
            width: spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((draw(&data), caption)))
    }
}

fn caption(place: &Place<'_>, x: &str, y: &str) -> String {
    let spec = place.spec;
    let found = if spec.error.is_some() {
        ", with 95 % intervals; the numbers at the right are orders of weighted fits"
    } else {
        "; the numbers at the right are the orders between the two finest steps"
    };
    let claimed = |order: &Claimed| {
        format!("{} ± {}", number::short(order.value), number::short(order.margin))
    };
    let claimed: Vec<String> = spec.orders.iter().map(claimed).collect();
    let bands = if claimed.is_empty() {
        String::new()
    } else {
        format!("; bands are orders {} through the finest step", claimed.join(" and "))
    };
    format!("{}Size of the error of {} against {}{found}{bands}.", place.said(), words(y), words(x))
}

/// The ladder of the first seed of a probe. The band that it gets is that of the nearest claimed order.
fn ladder(group: &Group<'_>, spec: &Spec, x: &str, y: &str) -> Option<Ladder> {
    let (planned, record) = group.runs.first()?;
    let column = |name: &str| curves::column(planned, record, name);
    let (steps, errors) = (column(x)?, column(y)?);
    let deviations = match &spec.error {
        Some(name) => column(name)?,
        None => vec![0.0; errors.len()],
    };
    let rows = steps.into_iter().zip(errors).zip(deviations);
    let rung = |((step, error), deviation)| Rung { step, error, deviation, replicas: 1 };
    let mut rungs: Vec<Rung> = rows.map(rung).collect();
    rungs.retain(|rung| rung.step > 0.0 && rung.error.abs() > 0.0 && rung.error.is_finite());
    rungs.sort_by(|a, b| b.step.total_cmp(&a.step));
    let order = if spec.error.is_some() && rungs.len() > 2 {
        Some(Fit::of(&rungs).order)
    } else {
        successive(&rungs).last().map(|order| order.order)
    };
    let order = order.filter(|order| order.is_finite());
    let nearest = order.and_then(|order| {
        let distance = |claimed: &Claimed| (claimed.value - order).abs();
        spec.orders.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    });
    rungs.reverse();
    let interval = |rung: &Rung| {
        let (error, half) = (rung.error.abs(), HALF * rung.deviation);
        // A logarithmic axis has no 0: an interval that holds it leaves the axes.
        ((error - half).max(f64::MIN_POSITIVE), error + half)
    };
    (!rungs.is_empty()).then(|| Ladder {
        name: spec.label(&group.name),
        place: group.place,
        variant: group.variant,
        steps: rungs.iter().map(|rung| rung.step).collect(),
        errors: rungs.iter().map(|rung| rung.error.abs()).collect(),
        intervals: spec.error.iter().flat_map(|_| rungs.iter().map(interval)).collect(),
        claimed: nearest.map(|claimed| (claimed.value, claimed.margin)),
        order,
    })
}
