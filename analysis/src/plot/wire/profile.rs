//! `kind = "profile"`: costs to a target over problems, solvers and seeds.

use converge_problems::Seed;

use super::reach::Goal;
use super::{Context, Drawn, Place, words};
use crate::plot::curves::{self, Selection};
use crate::plot::profile::{self, Profile, Steps};
use crate::plot::{text, title};
use crate::statistics::profiles::{Scope, data, performance};

/// Resamples behind a band.
const DRAWS: usize = 1999;

/// Costs by problem, each with its seeds.
type Costs = Vec<Vec<(u64, f64)>>;

/// One curve of the profile.
struct Solver {
    name: String,
    place: usize,
    variant: usize,
    costs: Costs,
}

impl Context<'_> {
    pub(super) fn profile(&self, place: &Place<'_>, problems: &[String]) -> Drawn {
        let Some(goal) = self.goal(place)? else { return Ok(None) };
        let ratio = place.spec.ratio.unwrap_or(true);
        let solvers = self.solvers(place, problems, &goal);
        if solvers.is_empty() {
            return Ok(None);
        }
        let costs = shared(&solvers);
        let found = if ratio { performance(&costs) } else { data(&costs, &vec![1.0; costs.len()]) };
        // Nothing to draw while a problem lacks a seed that all solvers have.
        let Ok(profiles) = found else { return Ok(None) };
        let draws = Seed::root(0).child(&self.study.name).child(&place.name);
        let bands = profiles.bands(DRAWS, 0.05, &mut draws.rng());
        let steps = solvers.iter().zip(&bands).map(|(solver, band)| {
            Steps::of(&place.spec.label(&solver.name), solver.place, solver.variant, band)
        });
        let scope = match profiles.scope() {
            Scope::TheseProblems => {
                "Bands are 95 % at each place, on these problems: seeds drawn anew"
            }
            Scope::ProblemsLikeThese => {
                "Bands are 95 % at each place, on problems like these: problems, then seeds drawn anew"
            }
        };
        let within = if ratio {
            format!("a factor of the least {} of these solvers", words(goal.cost))
        } else {
            words(goal.cost)
        };
        let counted = match problems.len() {
            1 => "problem".to_owned(),
            n => format!("{n} problems"),
        };
        let caption = format!(
            "{}Share of the {counted} of this study on which {} is reached within {within}; the numbers \
             at the right edge are the shares solved at all. {scope}.",
            place.said(),
            goal.words(),
        );
        let data = Profile {
            solvers: steps.collect(),
            title: if ratio {
                format!("{}, ratio to the best", text::escape(&words(goal.cost)))
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

    /// The curves that ran on every problem, with what the goal cost them.
    fn solvers(&self, place: &Place<'_>, problems: &[String], goal: &Goal<'_>) -> Vec<Solver> {
        let mut solvers: Vec<Solver> = Vec::new();
        for (p, problem) in problems.iter().enumerate() {
            let selection = Selection { problem, ..place.selection() };
            for group in curves::groups(self.runs, &selection, &self.order) {
                let costs = group.runs.iter().filter_map(|(planned, record)| {
                    let reach = goal.reach(planned, record)?;
                    Some((planned.label.seed, reach.time()))
                });
                let costs = costs.collect();
                let (name, place, variant) = (group.name, group.place, group.variant);
                match solvers.iter_mut().find(|solver| solver.name == name) {
                    Some(solver) if solver.costs.len() == p => solver.costs.push(costs),
                    None if p == 0 => {
                        solvers.push(Solver { name, place, variant, costs: vec![costs] });
                    }
                    _ => {}
                }
            }
        }
        solvers.retain(|solver| solver.costs.len() == problems.len());
        solvers
    }
}

/// Costs by problem, seed and solver, of the seeds that all solvers have there, in their order.
fn shared(solvers: &[Solver]) -> Vec<Vec<Vec<f64>>> {
    let cost = |costs: &[(u64, f64)], seed: u64| {
        costs.iter().find(|(other, _)| *other == seed).map(|(_, cost)| *cost)
    };
    let problems = solvers.first().map_or(0, |solver| solver.costs.len());
    let seeds = |p: usize| solvers[0].costs[p].iter().map(|(seed, _)| *seed);
    let of_seed = |p: usize, seed: u64| -> Option<Vec<f64>> {
        solvers.iter().map(|solver| cost(&solver.costs[p], seed)).collect()
    };
    (0..problems).map(|p| seeds(p).filter_map(|seed| of_seed(p, seed)).collect()).collect()
}
