//! Many problems: performance and data profiles, interquartile means, probability of improvement.
//!
//! The problems are the sample: "better on problems like these" needs at least eight of them, chosen
//! before the runs; with fewer, only seeds are drawn anew and the words are "on these problems".
//! What two solvers differ by is read from one set of resamples of that difference, never from
//! whether two separate bands overlap.
//!
//! | question | procedure | depends on the other solvers |
//! |---|---|---|
//! | share of runs solved within κ units of work | [`data`] | no: preferred |
//! | share of runs within a factor τ of the best | [`performance`] | yes: show it pair by pair |
//! | mean score without its best and worst quarter | [`interquartile`] | no |
//! | how often one is better than the other | [`improvement`] | pair |
//!
//! Sources: E. Dolan, J. Moré, Benchmarking optimization software with performance profiles, 2002,
//! arXiv cs/0102001; J. Moré, S. Wild, Benchmarking derivative-free optimization algorithms, 2009;
//! N. Gould, J. Scott, A note on performance profiles for benchmarking software, 2016; R. Agarwal,
//! M. Schwarzer, P. Castro, A. Courville, M. Bellemare, Deep reinforcement learning at the edge of
//! the statistical precipice, 2021, arXiv 2108.13264.

mod band;
pub mod improvement;
pub mod interquartile;

pub use band::Band;

use std::ops::Range;

use rand::RngExt;
use rand_pcg::Pcg64;

use super::resampled::Resampled;
use super::withheld::Withheld;

/// Fewest problems that stand for others like them.
const FEWEST_PROBLEMS: usize = 8;

/// What a resample stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Seeds were drawn: on these problems.
    TheseProblems,
    /// Problems were drawn, then seeds: on problems like these.
    ProblemsLikeThese,
}

/// Where two profiles are compared, declared before the data.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// At one ratio.
    At(f64),
    /// Over a range of ratios, from 1 for performance profiles: the area `∫ (ρ_a − ρ_b) d log₂ τ`, in
    /// shares times doublings, as the eye sees it on the axis.
    Over(Range<f64>),
}

/// Profiles of several solvers over the same problems and seeds.
#[derive(Clone, PartialEq, Debug)]
pub struct Profiles {
    /// Ratio of each solver at each pair of problem and seed; infinite if not solved.
    ratios: Vec<Vec<f64>>,
    /// The pairs of each problem.
    problems: Vec<Range<usize>>,
}

/// Performance profiles from `costs[problem][seed][solver]`, infinite where the target was not
/// reached: the ratio of a run is its cost over the least cost of its problem and seed. Runs that
/// nobody solved keep an infinite ratio and stay in the denominator; ties count for all winners.
///
/// # Errors
/// No problem, seed or solver, different solvers, or a cost that is negative or not a number: a
/// solver with an undecidable run has no profile.
pub fn performance(costs: &[Vec<Vec<f64>>]) -> Result<Profiles, Withheld> {
    profiles(costs, |_, run| {
        let least = run.iter().copied().fold(f64::INFINITY, f64::min);
        run.iter()
            // A cost of 0 is the best whatever the others cost.
            .map(|cost| if *cost <= least && least.is_finite() { 1.0 } else { cost / least })
            .map(|ratio| if ratio.is_nan() { f64::INFINITY } else { ratio })
            .collect()
    })
}

/// Data profiles from costs as in [`performance`] and the `unit` of each problem: one full pass over
/// the data, or for methods without derivatives one evaluation more than unknowns.
///
/// # Errors
/// As [`performance`]; a unit that is not positive, or not one for each problem.
pub fn data(costs: &[Vec<Vec<f64>>], unit: &[f64]) -> Result<Profiles, Withheld> {
    if unit.len() != costs.len() {
        return Err(Withheld::TooFew { what: "units", found: unit.len(), needed: costs.len() });
    }
    if let Some(unit) = unit.iter().find(|unit| !(**unit > 0.0 && unit.is_finite())) {
        return Err(Withheld::Unusable { what: "a unit", value: *unit });
    }
    profiles(costs, |problem, run| run.iter().map(|cost| cost / unit[problem]).collect())
}

fn profiles(
    costs: &[Vec<Vec<f64>>],
    ratios_of: impl Fn(usize, &[f64]) -> Vec<f64>,
) -> Result<Profiles, Withheld> {
    let solvers = costs.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let mut profiles = Profiles { ratios: vec![Vec::new(); solvers], problems: Vec::new() };
    let few = |what, found: usize, needed: usize| Err(Withheld::TooFew { what, found, needed });
    if costs.is_empty() {
        return few("problems", 0, 1);
    }
    for (problem, seeds) in costs.iter().enumerate() {
        if seeds.is_empty() {
            return few("seeds of a problem", 0, 1);
        }
        let start = profiles.ratios.first().map_or(0, Vec::len);
        for run in seeds {
            if run.len() < solvers.max(1) {
                return few("solvers at a seed", run.len(), solvers.max(1));
            }
            if let Some(cost) = run.iter().find(|cost| cost.is_nan() || **cost < 0.0) {
                return Err(Withheld::Unusable { what: "a cost", value: *cost });
            }
            let ratios = ratios_of(problem, run);
            profiles.ratios.iter_mut().zip(ratios).for_each(|(all, ratio)| all.push(ratio));
        }
        profiles.problems.push(start..start + seeds.len());
    }
    Ok(profiles)
}

impl Profiles {
    /// The share of runs of `solver` with a ratio of at most `ratio`: a mean over problems of means
    /// over seeds.
    pub fn share(&self, solver: usize, ratio: f64) -> f64 {
        let weights = self.weights();
        weights
            .iter()
            .enumerate()
            .map(|(run, weight)| weight * self.within(solver, run, ratio))
            .sum()
    }

    /// Whether a run is solved within `ratio`, as 1 or 0.
    fn within(&self, solver: usize, run: usize, ratio: f64) -> f64 {
        let found = self.ratios[solver][run];
        f64::from(u8::from(found.is_finite() && found <= ratio))
    }

    /// What resamples of these profiles stand for.
    pub fn scope(&self) -> Scope {
        if self.problems.len() < FEWEST_PROBLEMS {
            Scope::TheseProblems
        } else {
            Scope::ProblemsLikeThese
        }
    }

    /// The profile of `a` minus that of `b` at the declared `place`, with its resamples, as a figure
    /// shows it beside the bands. Percentiles are too narrow for a verdict, see
    /// [`by_problem`](Self::by_problem).
    pub fn difference(
        &self,
        a: usize,
        b: usize,
        place: &Place,
        draws: usize,
        rng: &mut Pcg64,
    ) -> Resampled {
        let numbers = self.numbers(a, b, place);
        let mean = |weights: &[f64]| weights.iter().zip(&numbers).map(|(w, x)| w * x).sum::<f64>();
        let mut weights = self.weights();
        let estimate = mean(&weights);
        let values: Vec<f64> = (0..draws)
            .map(|_| {
                self.draw(&mut weights, rng);
                mean(&weights)
            })
            .collect();
        Resampled::new(estimate, &values)
    }

    /// The same difference, one number a problem, whose mean is the difference of the profiles: for
    /// an interval of [`mean`](super::mean) with the problem as its unit, which a verdict should use.
    /// Measured misses of both at nominal 5 %, two solvers, five seeds, the share within a factor of
    /// two:
    ///
    /// | problems | percentiles | guarded Student |
    /// |---|---|---|
    /// | 8 | 9.7 % | 3.4 % |
    /// | 20 | 7.0 % | 3.7 % |
    pub fn by_problem(&self, a: usize, b: usize, place: &Place) -> Vec<f64> {
        let numbers = self.numbers(a, b, place);
        let mean =
            |runs: &Range<usize>| numbers[runs.clone()].iter().sum::<f64>() / runs.len() as f64;
        self.problems.iter().map(mean).collect()
    }

    /// What each run adds to the difference at `place`.
    fn numbers(&self, a: usize, b: usize, place: &Place) -> Vec<f64> {
        let held = |solver: usize, run: usize| match place {
            Place::At(ratio) => self.within(solver, run, *ratio),
            // A run adds its share from its ratio to the end of the range.
            Place::Over(range) => {
                (range.end / self.ratios[solver][run].clamp(range.start, range.end)).log2()
            }
        };
        (0..self.ratios[a].len()).map(|run| held(a, run) - held(b, run)).collect()
    }

    /// Weight of each run: equal over problems, then over the seeds of a problem.
    fn weights(&self) -> Vec<f64> {
        let problems = self.problems.len() as f64;
        self.problems
            .iter()
            .flat_map(|runs| std::iter::repeat_n(1.0 / (problems * runs.len() as f64), runs.len()))
            .collect()
    }

    /// Weights of a resample: problems with replacement, then seeds of each drawn problem with
    /// replacement and all solvers together; seeds alone where the problems are too few.
    fn draw(&self, weights: &mut [f64], rng: &mut Pcg64) {
        weights.fill(0.0);
        let count = self.problems.len();
        for problem in 0..count {
            let problem = match self.scope() {
                Scope::TheseProblems => problem,
                Scope::ProblemsLikeThese => rng.random_range(0..count),
            };
            let runs = self.problems[problem].clone();
            let weight = 1.0 / (count * runs.len()) as f64;
            for _ in runs.clone() {
                weights[runs.start + rng.random_range(0..runs.len())] += weight;
            }
        }
    }
}

/// The costs of the test vector, one seed.
#[cfg(test)]
pub(crate) fn test_costs() -> Vec<Vec<Vec<f64>>> {
    [[10.0, 12.0, 30.0], [5.0, 4.0, f64::INFINITY], [100.0, 50.0, 60.0], [7.0, 7.0, 21.0]]
        .iter()
        .map(|run| vec![run.to_vec()])
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::assert_close;
    use super::*;

    fn assert_shares(profiles: &Profiles, ratio: f64, expected: [f64; 3]) {
        for (solver, expected) in expected.into_iter().enumerate() {
            let found = profiles.share(solver, ratio);
            assert!((found - expected).abs() < 1e-15, "solver {solver} at {ratio}: {found}");
        }
    }

    #[test]
    fn profiles_match_their_vectors() {
        let found = performance(&test_costs()).unwrap();
        assert_shares(&found, 1.0, [0.5, 0.75, 0.0]);
        assert_shares(&found, 1.5, [0.75, 1.0, 0.25]);
        assert_shares(&found, 3.0, [1.0, 1.0, 0.75]);
        let found = data(&test_costs(), &[2.0, 2.0, 10.0, 3.0]).unwrap();
        assert_shares(&found, 10.0, [1.0, 1.0, 0.5]);
        assert_shares(&found, 30.0, [1.0, 1.0, 0.75]);
    }

    #[test]
    fn a_problem_that_nobody_solves_stays_in_the_denominator() {
        let mut costs = test_costs();
        costs.push(vec![vec![f64::INFINITY; 3]]);
        let found = performance(&costs).unwrap();
        assert_shares(&found, 1e9, [0.8, 0.8, 0.6]);
    }

    #[test]
    fn a_cost_of_zero_is_best_and_its_ties_win_too() {
        let found = performance(&[vec![vec![0.0, 0.0, 1.0]]]).unwrap();
        assert_shares(&found, 1.0, [1.0, 1.0, 0.0]);
        assert_shares(&found, 1e300, [1.0, 1.0, 0.0]);
    }

    #[test]
    fn problems_weigh_the_same_however_many_seeds_they_have() {
        let solved = vec![1.0];
        let failed = vec![f64::INFINITY];
        let found =
            performance(&[vec![solved.clone(), failed.clone(), failed], vec![solved]]).unwrap();
        assert_close(found.share(0, 1.0), 0.5 * (1.0 / 3.0 + 1.0), 1e-15);
    }

    #[test]
    fn costs_without_an_answer_are_refused() {
        let mut costs = test_costs();
        costs[1][0][2] = f64::NAN;
        assert!(matches!(performance(&costs), Err(Withheld::Unusable { what: "a cost", .. })));
        costs[1][0].pop();
        assert!(matches!(performance(&costs), Err(Withheld::TooFew { found: 2, needed: 3, .. })));
        assert!(matches!(performance(&[]), Err(Withheld::TooFew { what: "problems", .. })));
        assert!(matches!(performance(&[vec![]]), Err(Withheld::TooFew { found: 0, .. })));
        assert!(matches!(performance(&[vec![vec![]]]), Err(Withheld::TooFew { found: 0, .. })));
        let units = [2.0, 2.0, 0.0, 3.0];
        assert!(matches!(data(&test_costs(), &units), Err(Withheld::Unusable { .. })));
        assert!(matches!(data(&test_costs(), &units[..3]), Err(Withheld::TooFew { .. })));
    }

    #[test]
    fn an_area_is_the_integral_of_the_difference() {
        let found = performance(&test_costs()).unwrap();
        let mut rng = Pcg64::seed_from_u64(1);
        let area = found.difference(1, 2, &Place::Over(1.0..4.0), 0, &mut rng).estimate;
        // Midpoints of 40,000 cells; four jumps each misplace at most one cell of size 5e-5.
        let cells = 40_000;
        let sum: f64 = (0..cells)
            .map(|i| 2.0_f64.powf(2.0 * (f64::from(i) + 0.5) / f64::from(cells)))
            .map(|ratio| found.share(1, ratio) - found.share(2, ratio))
            .sum();
        assert!((area - 2.0 * sum / f64::from(cells)).abs() < 4e-4, "{area}");
    }

    #[test]
    fn numbers_by_problem_average_to_the_difference() {
        let costs = vec![
            vec![vec![1.0, 2.0], vec![3.0, 2.0], vec![1.0, 1.0]],
            vec![vec![4.0, 1.0]],
            vec![vec![1.0, 9.0], vec![2.0, 2.5]],
        ];
        let found = performance(&costs).unwrap();
        assert_eq!(found.by_problem(0, 1, &Place::At(1.0)), [0.0, -1.0, 1.0]);
        for place in [Place::At(1.6), Place::Over(1.0..4.0)] {
            let all = found.difference(0, 1, &place, 0, &mut Pcg64::seed_from_u64(1)).estimate;
            let mean = found.by_problem(0, 1, &place).iter().sum::<f64>() / 3.0;
            assert!((all - mean).abs() < 1e-14, "{all} {mean}");
        }
    }

    #[test]
    fn few_problems_speak_for_themselves_only() {
        let found = performance(&test_costs()).unwrap();
        assert_eq!(found.scope(), Scope::TheseProblems);
        // One seed a problem leaves nothing to draw.
        let mut rng = Pcg64::seed_from_u64(2);
        let interval = found.difference(0, 2, &Place::At(1.5), 99, &mut rng).interval(0.05);
        assert_close(interval.lower, 0.5, 1e-12);
        assert_close(interval.upper, 0.5, 1e-12);
        let many: Vec<_> = test_costs().into_iter().cycle().take(8).collect();
        let found = performance(&many).unwrap();
        assert_eq!(found.scope(), Scope::ProblemsLikeThese);
        let interval = found.difference(0, 2, &Place::At(1.5), 999, &mut rng).interval(0.05);
        assert!(interval.lower < 0.3 && interval.upper > 0.7, "{interval:?}");
    }

    #[test]
    fn the_difference_of_a_solver_to_itself_never_varies() {
        let many: Vec<_> = test_costs().into_iter().cycle().take(12).collect();
        let found = performance(&many).unwrap();
        let same = found.difference(1, 1, &Place::At(1.5), 99, &mut Pcg64::seed_from_u64(3));
        assert!(same.interval(0.05).upper.abs() < 1e-15);
        assert_close(same.evidence(0.0).support, 1.0, 1e-15);
    }
}
