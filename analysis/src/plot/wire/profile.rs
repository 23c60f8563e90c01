//! `kind = "profile"`: costs to a target over problems, solvers and seeds.

use super::{Context, Drawn, Place, words};
use crate::plot::curves::{self, Selection};
use crate::plot::profile::{self, Profile, Steps, ratios};
use crate::plot::title;
use crate::statistics::survival::Reach;

impl Context<'_> {
    pub(super) fn profile(&self, place: &Place<'_>, problems: &[String]) -> Drawn {
        let Some(goal) = self.goal(place)? else { return Ok(None) };
        let ratio = place.spec.ratio.unwrap_or(true);
        // Solvers that ran on every problem, each with its costs by problem and seed.
        let mut solvers: Vec<(String, usize, usize, Vec<Vec<(u64, f64)>>)> = Vec::new();
        for (p, problem) in problems.iter().enumerate() {
            let selection = Selection { problem, ..place.selection() };
            for group in curves::groups(self.runs, &selection, &self.order) {
                let costs = group.runs.iter().filter_map(|(planned, record)| {
                    let reach: Reach = goal.reach(planned, record)?;
                    Some((planned.label.seed, reach.time()))
                });
                let costs: Vec<(u64, f64)> = costs.collect();
                match solvers.iter_mut().find(|solver| solver.0 == group.name) {
                    Some(solver) if solver.3.len() == p => solver.3.push(costs),
                    None if p == 0 => {
                        solvers.push((group.name, group.place, group.variant, vec![costs]));
                    }
                    _ => {}
                }
            }
        }
        solvers.retain(|solver| solver.3.len() == problems.len());
        if solvers.is_empty() {
            return Ok(None);
        }
        let costs = shared(&solvers.iter().map(|solver| &solver.3).collect::<Vec<_>>());
        let values = if ratio { ratios(&costs) } else { costs };
        let steps = solvers.iter().zip(&values).map(|((name, place_of, variant, _), values)| {
            Steps::of(&place.spec.label(name), *place_of, *variant, values)
        });
        let caption = format!(
            "{}Share of the {} of this study on which {} is reached within {}; the numbers at the \
             right edge are the shares solved at all. On these problems alone: there are no bands.",
            place.said(),
            if problems.len() == 1 {
                "problem".into()
            } else {
                format!("{} problems", problems.len())
            },
            goal.words(),
            if ratio {
                format!("a factor of the least {} of these solvers", words(goal.cost))
            } else {
                words(goal.cost)
            },
        );
        let data = Profile {
            solvers: steps.collect(),
            title: if ratio {
                format!("{}, ratio to the best", words(goal.cost))
            } else {
                title(goal.cost, &goal.unit)
            },
            ratio,
            problems: problems.len(),
            width: place.spec.width(85.0),
            trial: self.trial(),
            about: self.about(&caption),
        };
        Ok(Some((profile::draw(&data).0, caption)))
    }
}

/// Costs of each solver by problem, of the seeds that all solvers have there, in their order.
fn shared(solvers: &[&Vec<Vec<(u64, f64)>>]) -> Vec<Vec<Vec<f64>>> {
    let cost = |costs: &[(u64, f64)], seed: u64| {
        costs.iter().find(|(other, _)| *other == seed).map(|(_, cost)| *cost)
    };
    let by_problem = |solver: &Vec<Vec<(u64, f64)>>| -> Vec<Vec<f64>> {
        let problem = |(p, costs): (usize, &Vec<(u64, f64)>)| {
            let all = |seed: &u64| solvers.iter().all(|other| cost(&other[p], *seed).is_some());
            costs.iter().filter(|(seed, _)| all(seed)).map(|(_, cost)| *cost).collect()
        };
        solver.iter().enumerate().map(problem).collect()
    };
    solvers.iter().map(|solver| by_problem(solver)).collect()
}
