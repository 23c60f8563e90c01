//! From the runs of a study to what the kinds of figures draw, one file a kind.

mod arrays;
mod convergence;
mod cost;
mod density;
mod forest;
mod heat_map;
mod order;
mod paired;
mod profile;
mod reach;
mod slope;
mod strip;
mod table;

use std::collections::BTreeSet;

use converge_bench::cell::Task;
use converge_bench::record::Record;
use converge_bench::study::{Item, Planned, Size, Study, StudyError};
use converge_problems::Metric;

use super::curves::{self, Group, Runs, Selection};
use super::scene::{About, Scene};
use super::spec::{Kind, Spec};
use super::{Figure, svg, text};
use crate::claim::{At, Mistake};
use crate::load::Run;
use crate::number::{Failed, number};
use crate::verdict::Verdict;

/// A study with what is known of it.
pub(super) struct Context<'a> {
    pub(super) study: &'a Study,
    pub(super) runs: &'a Runs,
    pub(super) verdicts: &'a [Verdict],
    /// Solvers in the order that gives them their looks.
    pub(super) order: Vec<String>,
}

/// One figure of a plot: what of the study it looks at.
struct Place<'a> {
    item: &'a Item,
    spec: &'a Spec,
    name: String,
    variant: &'a str,
    problem: &'a str,
    solvers: &'a [String],
}

/// What a kind makes of a place: nothing where no run is there yet.
type Drawn = Result<Option<(Scene, String)>, StudyError>;

impl Context<'_> {
    /// The figures of a plot: one for each variant and problem it shows.
    pub(super) fn plot(&self, item: &Item, spec: &Spec) -> Result<Vec<Figure>, StudyError> {
        if spec.kind == Kind::Forest {
            return Ok(self.forest(&item.name, spec.caption.as_deref()).into_iter().collect());
        }
        let mut solvers =
            if spec.probe.is_empty() { spec.solvers.clone() } else { spec.probe.clone() };
        solvers.extend(spec.than.clone());
        let problems = self.problems(spec);
        if let (true, Some((planned, _))) = (problems.is_empty(), self.runs.first()) {
            let probe = &planned.label.problem;
            let finding = format!("the study has no solvers; name its probe: probe = \"{probe}\"");
            return Err(item.error("", finding));
        }
        // A profile is over problems, and images may be: one figure for all.
        let one = spec.kind == Kind::Profile || spec.joined;
        let panels = if one { vec![String::new()] } else { problems.clone() };
        let mut figures = Vec::new();
        for variant in &self.study.variants {
            for problem in &panels {
                let mut name = item.name.clone();
                if panels.len() > 1 {
                    name = format!("{name}-{problem}");
                }
                if self.study.variants.len() > 1 {
                    name = format!("{name}-{variant}");
                }
                let place = Place { item, spec, name, variant, problem, solvers: &solvers };
                let drawn = match spec.kind {
                    Kind::Convergence => self.convergence(&place),
                    Kind::Order => self.order(&place),
                    Kind::Slope => self.slope(&place),
                    Kind::TimeToTarget => self.time_to_target(&place),
                    Kind::Profile => self.profile(&place, &problems),
                    Kind::Strip => self.strip(&place),
                    Kind::Paired => self.paired(&place),
                    Kind::Cost => self.cost(&place),
                    Kind::HeatMap => self.heat_map(&place),
                    Kind::Images => self.images(&place, &problems),
                    Kind::PhasePortrait => self.phase_portrait(&place),
                    Kind::Density => self.density(&place),
                    Kind::Forest => Ok(None),
                }?;
                figures.extend(drawn.map(|(scene, caption)| Figure {
                    name: place.name.clone(),
                    plot: item.name.clone(),
                    variant: variant.clone(),
                    caption,
                    svg: svg::write(&scene),
                }));
            }
        }
        Ok(figures)
    }

    /// Problems that a plot shows: its own, or all of the study in their order; probes have none.
    fn problems(&self, spec: &Spec) -> Vec<String> {
        if !spec.probe.is_empty() {
            return vec![String::new()];
        }
        if let Some(one) = &spec.problem {
            return vec![one.clone()];
        }
        let mut problems: Vec<String> = Vec::new();
        for (planned, _) in self.runs {
            let problem = &planned.label.problem;
            if matches!(planned.cell.task, Task::Run { .. }) && !problems.contains(problem) {
                problems.push(problem.clone());
            }
        }
        problems
    }

    /// The runs of a place by curve.
    fn groups(&self, place: &Place<'_>) -> Vec<Group<'_>> {
        curves::groups(self.runs, &place.selection(), &self.order)
    }

    /// The metric of a column in the first run that has it; `None` where nothing has run.
    ///
    /// # Errors
    /// If runs are there and none of them, on any problem or variant, has the column.
    fn metric(
        &self,
        place: &Place<'_>,
        key: &str,
        column: &str,
    ) -> Result<Option<Metric>, StudyError> {
        let found = |planned: &Planned, record: &Record| {
            let run = Run { label: &planned.label, record };
            run.series(column).map(|series| series.metric.into_owned())
        };
        let here =
            self.groups(place).iter().flat_map(|group| &group.runs).find_map(|(p, r)| found(p, r));
        if here.is_some() {
            return Ok(here);
        }
        let mut names = BTreeSet::new();
        for (planned, record) in self.runs {
            let Some(record) = record else { continue };
            if !place.concerns(planned) || record.trace.rows() == 0 {
                continue;
            }
            if found(planned, record).is_some() {
                return Ok(None);
            }
            names.extend(record.trace.columns.iter().map(|c| c.metric.name.as_ref()));
        }
        if names.is_empty() {
            return Ok(None);
        }
        let names: Vec<&str> = names.into_iter().collect();
        let finding = format!("no run has a column `{column}`; there are `{}`", names.join("`, `"));
        Err(place.item.error(key, finding))
    }

    fn trial(&self) -> bool {
        self.study.size == Size::Quick
    }

    /// The verdict on a claim for a variant.
    fn verdict(&self, claim: &str, variant: &str) -> Option<&Verdict> {
        self.verdicts
            .iter()
            .find(|v| v.study == self.study.name && v.claim == claim && v.variant == variant)
    }

    fn about(&self, caption: &str) -> About {
        let claims: Vec<&str> = self.study.claims.iter().map(|claim| claim.name.as_str()).collect();
        let digests: BTreeSet<&str> = self
            .verdicts
            .iter()
            .filter(|v| v.study == self.study.name)
            .map(|v| v.digest.as_str())
            .collect();
        let fact = |name: &str, value: String| (name.to_owned(), value);
        About {
            title: self.study.title.clone(),
            description: caption.to_owned(),
            facts: vec![
                fact("study", format!("{}/{}", self.study.paper, self.study.name)),
                fact("claims", claims.join(" ")),
                fact("traces", digests.into_iter().collect::<Vec<_>>().join(" ")),
                fact("version", env!("CARGO_PKG_VERSION").to_owned()),
            ],
        }
    }
}

impl Place<'_> {
    fn selection(&self) -> Selection<'_> {
        Selection {
            variant: self.variant,
            problem: self.problem,
            solvers: self.solvers,
            probe: !self.spec.probe.is_empty(),
        }
    }

    /// Whether a cell belongs to the plot on some problem and variant.
    fn concerns(&self, planned: &Planned) -> bool {
        let variant = planned.label.variant.as_str();
        let problem = self.spec.problem.as_deref().unwrap_or_default();
        Selection { variant, problem, ..self.selection() }.holds(planned)
    }

    /// The caption's own sentence, with a space behind it.
    fn said(&self) -> String {
        self.spec.caption.as_ref().map(|text| format!("{} ", text.trim())).unwrap_or_default()
    }

    /// An error about a value that a reduction to one number found.
    fn mistake(&self, mistake: &Mistake) -> StudyError {
        let key = if mistake.path.rsplit('.').next() == Some("at") { "at" } else { "y" };
        self.item.error(key, mistake.finding.clone())
    }

    /// The number of one run at the plot's row; `None` where it has none.
    fn number(&self, run: &Run<'_>, column: &str, at: &At) -> Result<Option<f64>, StudyError> {
        let found = number(run, column, at, "", &mut Failed::new());
        Ok(found.map_err(|mistake| self.mistake(&mistake))?.map(|number| number.value))
    }
}

/// A column in a caption.
fn words(column: &str) -> String {
    match column {
        "seconds" => "step time".to_owned(),
        "total-seconds" => "time with set-up".to_owned(),
        "passes" => "passes over the data".to_owned(),
        "proxes" => "proximal maps".to_owned(),
        _ => text::plain(&text::spoken(column)),
    }
}

#[cfg(test)]
mod game_tests;
#[cfg(test)]
mod tests;
