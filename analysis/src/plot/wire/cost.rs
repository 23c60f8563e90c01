//! `kind = "cost"`: what runs cost, set-up and steps apart.

use super::{Context, Drawn, Place, words};
use crate::load::Run;
use crate::plot::cost::{self, Bar, Cost};
use crate::plot::spec::Spec;
use crate::plot::{WORK, convergence, title};
use crate::statistics::median::{median, order_interval};

impl Context<'_> {
    pub(super) fn cost(&self, place: &Place<'_>) -> Drawn {
        let spec = place.spec;
        let example = "a cost, such as x = \"total-seconds\" or x = \"gradients\"";
        let x = Spec::need(place.item, spec.x.as_ref(), example)?;
        let Some(metric) = self.metric(place, "x", x)? else { return Ok(None) };
        let mut mixed = false;
        let mut bars = Vec::new();
        let mut counts = Vec::new();
        for group in self.groups(place) {
            let runs: Vec<Run<'_>> =
                group.runs.iter().map(|(p, record)| Run { label: &p.label, record }).collect();
            mixed |= crate::number::clock_flag(&runs, &[x.as_str()]).is_some();
            let costs: Vec<(f64, f64)> = runs.iter().filter_map(|run| parts(run, x)).collect();
            if costs.is_empty() {
                continue;
            }
            let totals: Vec<f64> = costs.iter().map(|(setup, steps)| setup + steps).collect();
            let total = median(&totals);
            // Shares of the mean cost: parts of a median need not add up to it.
            let sum = |f: fn(&(f64, f64)) -> f64| costs.iter().map(f).sum::<f64>();
            let (setup, steps) = (sum(|c| c.0), sum(|c| c.1));
            let share = if setup + steps > 0.0 { setup / (setup + steps) } else { 0.0 };
            let all = group.runs.len();
            counts.push(all);
            bars.push(Bar {
                name: spec.label(&group.name),
                place: group.place,
                parts: vec![share * total, (1.0 - share) * total],
                interval: order_interval(&totals, 0.05).map(|(i, _)| (i.lower, i.upper)),
                note: if costs.len() < all {
                    format!("{}/{all} ran", costs.len())
                } else {
                    String::new()
                },
            });
        }
        if bars.is_empty() {
            return Ok(None);
        }
        let has_setup = bars.iter().any(|bar| bar.parts[0] > 0.0);
        if !has_setup {
            for bar in &mut bars {
                bar.parts.remove(0);
            }
        }
        let mut caption = format!(
            "{}{} of a whole run: median over seeds with its 95 % interval{}",
            place.said(),
            words(x),
            if has_setup { ", divided in the proportion of the means" } else { "" },
        );
        if mixed {
            caption += "; seconds were measured beside other cells, and say little";
        }
        caption.push('.');
        let data = Cost {
            bars,
            parts: if has_setup {
                vec!["set-up".into(), "steps".into()]
            } else {
                vec!["steps".into()]
            },
            title: title(x, &metric.unit),
            note: convergence::count(counts.into_iter()),
            width: spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((cost::draw(&data), caption)))
    }
}

/// Cost of set-up and of the steps at the end of a run.
fn parts(run: &Run<'_>, column: &str) -> Option<(f64, f64)> {
    let header = &run.record.header;
    let last = |name: &str| run.series(name)?.values.last().copied().filter(|v| v.is_finite());
    if column == "total-seconds" {
        return Some((header.setup_seconds, last("seconds")?));
    }
    // Counts of work know that of the set-up; steps alone are in the trace.
    let place = WORK.iter().position(|name| *name == column);
    let setup = place.and_then(|i| header.setup_work.get(i)).copied().unwrap_or(0);
    Some((setup as f64, last(column)?))
}
