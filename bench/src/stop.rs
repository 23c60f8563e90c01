//! Stop rules: what ends a run, asked once per measured row.

use converge_problems::{Better, Metric, Split};

use crate::cell::StopRule;
use crate::record::Status;

/// A stop rule that does not fit the columns of the run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// No such column.
    #[error("stop: no metric named {metric}; there are {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        metric: String,
        /// The columns there are.
        known: Vec<String>,
    },
    /// A column of the test split may not end a run: that would select on the test data.
    #[error("stop: {0} looks at the test split, which no stop rule may")]
    Test(String),
    /// A column without a better direction has no target and no plateau.
    #[error("stop: {0} has no better direction")]
    Directionless(String),
    /// A bound that can never hold, or always does.
    #[error("stop: {0}")]
    Value(String),
    /// Nothing bounds the run.
    #[error("stop: no rule bounds the run; add iterations, samples or seconds")]
    Endless,
}

/// What a metric must do to end a run.
#[derive(Clone, Debug)]
enum Watch {
    Target { value: f64, better: Better },
    Plateau { patience: u64, relative: f64, better: Better, best: f64, waited: u64 },
    Divergence { factor: f64, start: Option<f64> },
}

/// The stop rules of one run, with what they remember of its rows.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Steps at which the run ends.
    pub iterations: Option<u64>,
    /// Data terms read at which the run ends.
    pub samples: Option<u64>,
    /// Seconds inside `advance` at which the run ends.
    pub seconds: Option<f64>,
    watches: Vec<(usize, Watch)>,
}

impl Stop {
    /// Fits `rules` to the columns of a run.
    ///
    /// # Errors
    /// [`StopError`] for unknown metrics, metrics of the test split, impossible values, and rules
    /// of which none is a budget: such a run need not end.
    pub fn new(rules: &[StopRule], columns: &[Metric]) -> Result<Self, StopError> {
        let find = |name: &String| {
            let index =
                columns.iter().position(|column| column.name == *name).ok_or_else(|| {
                    StopError::Unknown {
                        metric: name.clone(),
                        known: columns.iter().map(|column| column.name.to_string()).collect(),
                    }
                })?;
            match columns[index].split {
                Split::Test => Err(StopError::Test(name.clone())),
                _ => Ok((index, columns[index].better)),
            }
        };
        let directed = |name: &String| match find(name)? {
            (_, Better::Neither) => Err(StopError::Directionless(name.clone())),
            found => Ok(found),
        };
        let mut stop = Self { iterations: None, samples: None, seconds: None, watches: Vec::new() };
        for rule in rules {
            match rule {
                StopRule::Iterations(n) => {
                    stop.iterations = Some(stop.iterations.map_or(*n, |m| m.min(*n)));
                }
                StopRule::Samples(n) => {
                    stop.samples = Some(stop.samples.map_or(*n, |m| m.min(*n)));
                }
                StopRule::Seconds(seconds) => {
                    admit(*seconds >= 0.0, "seconds are 0 or more")?;
                    stop.seconds = Some(stop.seconds.map_or(*seconds, |s| s.min(*seconds)));
                }
                StopRule::Target { metric, value } => {
                    admit(value.is_finite(), "a target is a finite number")?;
                    let (index, better) = directed(metric)?;
                    stop.watches.push((index, Watch::Target { value: *value, better }));
                }
                StopRule::Plateau { metric, patience, relative } => {
                    admit(*patience > 0, "the patience of a plateau is at least 1 row")?;
                    admit(*relative >= 0.0, "the improvement of a plateau is 0 or more")?;
                    let (index, better) = directed(metric)?;
                    let best = if better == Better::Lower { f64::INFINITY } else { -f64::INFINITY };
                    let (patience, relative) = (*patience, *relative);
                    let watch = Watch::Plateau { patience, relative, better, best, waited: 0 };
                    stop.watches.push((index, watch));
                }
                StopRule::Divergence { metric, factor } => {
                    admit(*factor > 1.0, "the factor of a divergence is above 1")?;
                    let (index, _) = find(metric)?;
                    stop.watches.push((index, Watch::Divergence { factor: *factor, start: None }));
                }
            }
        }
        if stop.iterations.is_none() && stop.samples.is_none() && stop.seconds.is_none() {
            return Err(StopError::Endless);
        }
        Ok(stop)
    }

    /// Whether counts or seconds are used up.
    pub fn spent(&self, iterations: u64, samples: u64, seconds: f64) -> bool {
        self.iterations.is_some_and(|n| iterations >= n)
            || self.samples.is_some_and(|n| samples >= n)
            || self.seconds.is_some_and(|limit| seconds >= limit)
    }

    /// Looks at the next measured row, row 0 first. The end, if a metric ends the run: a target
    /// before a divergence before a plateau.
    pub fn observe(&mut self, row: &[f64]) -> Option<Status> {
        let rank = |status: &Status| match status {
            Status::Target => 0,
            Status::Diverged => 1,
            _ => 2,
        };
        self.watches
            .iter_mut()
            .filter_map(|(index, watch)| watch.observe(row[*index]))
            .min_by_key(rank)
    }
}

impl Watch {
    fn observe(&mut self, value: f64) -> Option<Status> {
        match self {
            // Comparisons with NaN are false: a row that cannot be measured reaches no target.
            Self::Target { value: target, better } => {
                let reached = match better {
                    Better::Higher => value >= *target,
                    _ => value <= *target,
                };
                reached.then_some(Status::Target)
            }
            Self::Plateau { patience, relative, better, best, waited } => {
                let margin = if best.is_finite() { *relative * best.abs() } else { 0.0 };
                let improved = match better {
                    Better::Higher => value > *best + margin,
                    _ => value < *best - margin,
                };
                if improved {
                    *best = value;
                    *waited = 0;
                    return None;
                }
                *waited += 1;
                (*waited >= *patience).then_some(Status::Plateau)
            }
            Self::Divergence { factor, start } => {
                let start = *start.get_or_insert(value.abs());
                // From 0 every distance is infinitely many times as far: only NaN and ∞ count.
                let far = start > 0.0 && value.abs() > *factor * start;
                (!value.is_finite() || far).then_some(Status::Diverged)
            }
        }
    }
}

fn admit(holds: bool, otherwise: &str) -> Result<(), StopError> {
    if holds { Ok(()) } else { Err(StopError::Value(otherwise.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Metric> {
        vec![
            Metric::new("loss", Better::Lower, Split::Train),
            Metric::new("accuracy", Better::Higher, Split::Validation),
            Metric::new("test-loss", Better::Lower, Split::Test),
            Metric::diagnostic("step-length"),
        ]
    }

    fn end(rule: StopRule, index: usize, values: &[f64]) -> Option<(usize, Status)> {
        let mut stop = Stop::new(&[rule, StopRule::Iterations(1000)], &columns()).unwrap();
        values.iter().enumerate().find_map(|(row, &value)| {
            let mut metrics = [0.5; 4];
            metrics[index] = value;
            stop.observe(&metrics).map(|status| (row, status))
        })
    }

    #[test]
    fn a_target_is_reached_in_the_better_direction_and_never_by_nan() {
        let target = |metric: &str, value| StopRule::Target { metric: metric.to_owned(), value };
        assert_eq!(
            end(target("loss", 0.1), 0, &[1.0, f64::NAN, 0.1, 0.0]),
            Some((2, Status::Target))
        );
        assert_eq!(end(target("accuracy", 0.9), 1, &[0.1, 0.95]), Some((1, Status::Target)));
        assert_eq!(end(target("accuracy", 0.9), 1, &[0.1, f64::NAN]), None);
    }

    #[test]
    fn a_plateau_waits_for_its_patience_and_counts_relative_improvements() {
        let plateau = |relative| StopRule::Plateau { metric: "loss".into(), patience: 2, relative };
        let slow = [1.0, 0.99, 0.98, 0.97];
        assert_eq!(end(plateau(0.0), 0, &slow), None);
        assert_eq!(end(plateau(0.05), 0, &slow), Some((2, Status::Plateau)));
        // Drift in steps too small to count adds up to one that counts.
        assert_eq!(end(plateau(0.015), 0, &slow), None);
        assert_eq!(end(plateau(0.0), 0, &[1.0, f64::NAN, f64::NAN]), Some((2, Status::Plateau)));
    }

    #[test]
    fn divergence_is_relative_to_the_start() {
        let rule = || StopRule::Divergence { metric: "loss".into(), factor: 10.0 };
        assert_eq!(end(rule(), 0, &[2.0, 19.0, -20.5]), Some((2, Status::Diverged)));
        assert_eq!(end(rule(), 0, &[2e-9, 1e-8, 3e-8]), Some((2, Status::Diverged)));
        assert_eq!(end(rule(), 0, &[0.0, 5.0, f64::INFINITY]), Some((2, Status::Diverged)));
        assert_eq!(end(rule(), 0, &[f64::NAN]), Some((0, Status::Diverged)));
    }

    #[test]
    fn the_test_split_ends_no_run() {
        for rule in [
            StopRule::Target { metric: "test-loss".into(), value: 0.1 },
            StopRule::Plateau { metric: "test-loss".into(), patience: 3, relative: 0.0 },
            StopRule::Divergence { metric: "test-loss".into(), factor: 10.0 },
        ] {
            let refused = Stop::new(&[rule, StopRule::Iterations(1)], &columns());
            assert_eq!(refused.unwrap_err(), StopError::Test("test-loss".into()));
        }
    }

    #[test]
    fn rules_that_fit_no_column_or_bound_nothing_are_refused() {
        let target = |metric: &str| StopRule::Target { metric: metric.into(), value: 0.1 };
        let new = |rules: &[StopRule]| Stop::new(rules, &columns()).unwrap_err();
        assert!(matches!(new(&[target("los")]), StopError::Unknown { .. }));
        assert!(matches!(new(&[target("step-length")]), StopError::Directionless(_)));
        assert_eq!(new(&[target("loss")]), StopError::Endless);
        assert!(matches!(new(&[StopRule::Seconds(f64::NAN)]), StopError::Value(_)));
    }
}
