//! Sampling points: fixed before the run, never dependent on values or time.

use crate::cell::{Sampling, Unit};
use crate::process::Until;

/// A sampling table that no run can follow.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("sampling: {0}")]
pub struct ScheduleError(String);

/// The sampling points of a run after row 0, rising. Ends with a list, or where counts overflow.
#[derive(Clone, Debug)]
pub struct Schedule {
    sampling: Sampling,
    unit: Unit,
    last: u64,
    taken: usize,
}

impl Schedule {
    /// The points of `sampling`.
    ///
    /// # Errors
    /// If a distance is 0, a factor is not a finite number above 1, or a list does not rise.
    pub fn new(sampling: &Sampling) -> Result<Self, ScheduleError> {
        let unit = match sampling {
            Sampling::Every { n: 0, .. } => {
                return Err(ScheduleError("the distance of points is at least 1".into()));
            }
            Sampling::Geometric { factor, .. } if !(*factor > 1.0 && factor.is_finite()) => {
                return Err(ScheduleError(format!(
                    "the factor is a finite number above 1, not {factor}"
                )));
            }
            Sampling::List { points, .. } if !points.is_sorted_by(|a, b| a < b) => {
                return Err(ScheduleError("the points of a list rise".into()));
            }
            Sampling::Every { unit, .. }
            | Sampling::Geometric { unit, .. }
            | Sampling::List { unit, .. } => *unit,
        };
        Ok(Self { sampling: sampling.clone(), unit, last: 0, taken: 0 })
    }

    /// In what the points are counted.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The first remaining point above `count`; a step that reads many samples may pass several
    /// points, which are then one row.
    pub fn after(&mut self, count: u64) -> Option<u64> {
        self.find(|&point| point > count)
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let point = match &self.sampling {
            Sampling::Every { n, .. } => self.last.checked_add(*n)?,
            Sampling::Geometric { factor, .. } => {
                let next = (self.last as f64 * factor).round();
                // Beyond 2^53 neighbouring counts are not told apart.
                if next >= 9e15 {
                    return None;
                }
                (next as u64).max(self.last + 1)
            }
            Sampling::List { points, .. } => *points.get(self.taken)?,
        };
        self.taken += 1;
        self.last = point;
        Some(point)
    }
}

impl Unit {
    /// The target of an [`advance`](crate::process::Process::advance) to `count` of this unit.
    pub fn until(self, count: u64) -> Until {
        match self {
            Self::Iterations => Until::Iterations(count),
            Self::Samples => Until::Samples(count),
            Self::Proxes => Until::Proxes(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(sampling: &Sampling, count: usize) -> Vec<u64> {
        Schedule::new(sampling).unwrap().take(count).collect()
    }

    #[test]
    fn every_counts_in_equal_distances() {
        let sampling = Sampling::Every { n: 5, unit: Unit::Iterations };
        assert_eq!(points(&sampling, 4), [5, 10, 15, 20]);
    }

    #[test]
    fn geometric_points_start_at_one_and_always_rise() {
        let sampling = Sampling::Geometric { factor: 1.3, unit: Unit::Samples };
        let points = points(&sampling, 30);
        assert_eq!(points[..8], [1, 2, 3, 4, 5, 7, 9, 12]);
        assert!(points.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn geometric_points_end_before_counts_overflow() {
        let sampling = Sampling::Geometric { factor: 1e6, unit: Unit::Iterations };
        assert_eq!(points(&sampling, 10), [1, 1_000_000, 1_000_000_000_000]);
    }

    #[test]
    fn a_list_is_followed_as_it_stands_and_passed_points_are_skipped() {
        let sampling = Sampling::List { points: vec![2, 3, 7, 100], unit: Unit::Iterations };
        assert_eq!(points(&sampling, 10), [2, 3, 7, 100]);
        let mut schedule = Schedule::new(&sampling).unwrap();
        assert_eq!(schedule.after(5), Some(7));
        assert_eq!(schedule.after(100), None);
    }

    #[test]
    fn impossible_tables_are_refused() {
        for sampling in [
            Sampling::Every { n: 0, unit: Unit::Iterations },
            Sampling::Geometric { factor: 1.0, unit: Unit::Iterations },
            Sampling::Geometric { factor: f64::NAN, unit: Unit::Iterations },
            Sampling::List { points: vec![3, 3], unit: Unit::Iterations },
        ] {
            assert!(Schedule::new(&sampling).is_err(), "{sampling:?}");
        }
    }
}
