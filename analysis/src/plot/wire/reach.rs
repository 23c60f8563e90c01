//! `kind = "time-to-target"`, and the costs to a target that a profile takes too.

use converge_bench::record::{Record, Status};
use converge_bench::study::{Planned, StudyError};
use converge_problems::{Better, Metric};

use super::{Context, Drawn, Place, words};
use crate::load::Run;
use crate::plot::curves::Group;
use crate::plot::spec::{Scales, Spec};
use crate::plot::time_to_target::{self, Attempts, TimeToTarget};
use crate::plot::{axis::Scale, number, text, title};
use crate::statistics::survival::Reach;

/// A target on a metric, and what reaching it costs.
pub(super) struct Goal<'a> {
    pub(super) cost: &'a str,
    pub(super) metric: Metric,
    pub(super) unit: String,
    pub(super) target: f64,
}

impl Goal<'_> {
    /// When a run reached the target; `None` if the run says nothing about its method.
    pub(super) fn reach(&self, planned: &Planned, record: &Record) -> Option<Reach> {
        let run = Run { label: &planned.label, record };
        if !run.is_outcome() {
            return None;
        }
        let (Some(cost), Some(metric)) = (run.series(self.cost), run.series(&self.metric.name))
        else {
            return Some(Reach::Never);
        };
        let reached = |row: usize| match self.metric.better {
            Better::Higher => metric.values[row] >= self.target,
            _ => metric.values[row] <= self.target,
        };
        // Only a budget censors: whoever stopped elsewhere stopped of its own doing.
        let missed = |last| {
            if record.header.status == Status::Budget { Reach::Beyond(last) } else { Reach::Never }
        };
        Some(Reach::first(&cost.values, reached, missed))
    }

    /// The goal in markup.
    fn markup(&self) -> String {
        let sign = if self.metric.better == Better::Higher { "≥" } else { "≤" };
        let name = text::escape(&self.metric.name.replace('-', " "));
        format!("{name} {sign} {}", number::short(self.target))
    }

    /// The goal in a caption.
    pub(super) fn words(&self) -> String {
        number::as_characters(&self.markup()).replace('\\', "")
    }
}

impl Context<'_> {
    /// The goal of a plot; nothing where no run is there.
    pub(super) fn goal<'p>(&self, place: &'p Place<'_>) -> Result<Option<Goal<'p>>, StudyError> {
        let (item, spec) = (place.item, place.spec);
        let y = Spec::need(item, spec.y.as_ref(), "a metric: y = \"...\"")?;
        let target = *Spec::need(item, spec.target.as_ref(), "a target = 1e-6")?;
        let cost = spec.x.as_deref().unwrap_or("iteration");
        let Some(metric) = self.metric(place, "y", y)? else { return Ok(None) };
        let Some(measured) = self.metric(place, "x", cost)? else { return Ok(None) };
        Ok(Some(Goal { cost, metric, unit: measured.unit.to_string(), target }))
    }

    pub(super) fn time_to_target(&self, place: &Place<'_>) -> Drawn {
        let Some(goal) = self.goal(place)? else { return Ok(None) };
        let attempts = |group: &Group<'_>| Attempts {
            name: place.spec.label(&group.name),
            place: group.place,
            variant: group.variant,
            runs: group
                .runs
                .iter()
                .filter_map(|(planned, record)| goal.reach(planned, record))
                .map(|reach| match reach {
                    Reach::At(cost) => (cost, true),
                    Reach::Beyond(budget) => (budget, false),
                    Reach::Never => (f64::INFINITY, false),
                })
                .collect(),
        };
        let solvers: Vec<Attempts> = self.groups(place).iter().map(attempts).collect();
        let solvers: Vec<Attempts> = solvers.into_iter().filter(|s| !s.runs.is_empty()).collect();
        if solvers.is_empty() {
            return Ok(None);
        }
        let caption = format!(
            "{}Share of runs that reached {}, against {}: product-limit curves{}; strokes mark runs \
             whose budget ended before, triangles on the axis the restricted mean up to {}.",
            place.said(),
            goal.words(),
            words(goal.cost),
            if solvers.len() <= time_to_target::BANDED { " with pointwise 95 % bands" } else { "" },
            number::as_characters(&number::rounded(time_to_target::budget(&solvers), 3)),
        );
        let scale = place.spec.scale.map_or(Scale::Log, |scale: Scales| scale.both().0);
        let data = TimeToTarget {
            solvers,
            scale,
            title: title(goal.cost, &goal.unit),
            goal: goal.markup(),
            alpha: 0.05,
            width: place.spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((time_to_target::draw(&data).0, caption)))
    }
}
