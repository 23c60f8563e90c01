//! One process driven to its end: clock, sampling points, stop rules, rows.
//!
//! Timing model: `seconds = Σ over bursts of advance`. The clock is read twice per burst and stands
//! still while a row is measured, so neither metrics nor diagnostics are in it, nor the set-up.
//! What is measured never changes what is computed: a burst ends early or late, steps are the same.

use converge_problems::{Better, Metric, Seed, Split};
use converge_solvers::{Breakdown, Work};

use crate::cell::{Sampling, StopRule, Unit};
use crate::clock::Clock;
use crate::outputs::{OutputError, Outputs};
use crate::process::{Failure, Process, Until, chain};
use crate::record::{Array, Column, Status, Trace};
use crate::registry::{ErasedProbe, ProbeError};
use crate::schedule::{Schedule, ScheduleError};
use crate::stop::{Stop, StopError};

/// How long a burst lasts while a time budget is watched, in seconds.
const LOOK: f64 = 1e-3;

/// Tables that do not fit the run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The sampling table.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The stop rules.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// The outputs.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How.
    pub status: Status,
    /// Its rows.
    pub trace: Trace,
    /// What it left behind.
    pub arrays: Vec<Array>,
}

/// Columns that every run has before those of its problem and solver.
pub fn leading_columns() -> Vec<Metric> {
    let count = |name: &'static str| Metric::new(name, Better::Lower, Split::None);
    let mut columns = vec![count("iteration"), count("seconds").in_unit("s")];
    columns.push(Metric::diagnostic("off-schedule"));
    columns.extend(Work::NAMES.map(count));
    columns
}

/// Drives `process` from its start point to its end and keeps the `outputs` that are named.
///
/// Row 0 is the start point; then one row per sampling point, and one where the run ends if that is
/// between two. Budgets of iterations and samples end exactly (samples with the step that reaches
/// them). A budget of seconds is looked at about every millisecond; the row it ends on is marked
/// `off-schedule` unless it is a sampling point. The row of a breakdown counts the step that broke
/// down as an iteration, and none of its work.
///
/// # Errors
/// [`RunError`] if the tables do not fit the columns of the process; nothing has run then.
pub fn run(
    process: &mut dyn Process,
    clock: &mut dyn Clock,
    sampling: &Sampling,
    rules: &[StopRule],
    outputs: &[String],
) -> Result<Run, RunError> {
    let columns = process.columns();
    let schedule = Schedule::new(sampling)?;
    let stop = Stop::new(rules, &columns)?;
    let outputs = Outputs::new(outputs, process)?;
    let mut course = Course::new(stop, outputs, columns);
    let status = course.follow(schedule, process, clock);
    let Course { trace, outputs, .. } = course;
    Ok(match outputs.take(process) {
        Ok(arrays) => Run { status, trace, arrays },
        Err(failure) => Run { status: status_of(failure), trace, arrays: Vec::new() },
    })
}

/// Runs a probe; the rows it pushed are kept however it ended.
///
/// # Panics
/// If a row has another length than the probe has columns: a mistake in the probe.
pub fn probe(probe: &dyn ErasedProbe, seed: Seed) -> (Trace, Result<(), ProbeError>) {
    let metrics = leading_columns().into_iter().take(2).chain(probe.columns());
    let mut columns: Vec<Column> =
        metrics.map(|metric| Column { metric, values: Vec::new() }).collect();
    let mut rows = 0_u64;
    let result = probe.run(seed, &mut |row| {
        assert_eq!(row.len() + 2, columns.len(), "a probe pushes one number per column");
        for (column, &value) in columns.iter_mut().zip([rows as f64, 0.0].iter().chain(row)) {
            column.values.push(value);
        }
        rows += 1;
    });
    (Trace { columns, digests: Vec::new() }, result)
}

/// Rows of a run, and where it stands.
struct Course {
    stop: Stop,
    outputs: Outputs,
    trace: Trace,
    row: Vec<f64>,
    iterations: u64,
    work: Work,
    seconds: f64,
    /// Steps that take about [`LOOK`] seconds.
    chunk: u64,
}

/// Why the steps towards a sampling point ended.
enum Arrival {
    Point,
    Spent,
    Converged,
    Failed(Failure),
}

impl Course {
    fn new(stop: Stop, outputs: Outputs, metrics: Vec<Metric>) -> Self {
        let row = vec![f64::NAN; metrics.len()];
        let columns = leading_columns()
            .into_iter()
            .chain(metrics)
            .map(|metric| Column { metric, values: Vec::new() })
            .collect();
        let trace = Trace { columns, digests: Vec::new() };
        let (iterations, work, seconds, chunk) = (0, Work::default(), 0.0, 1);
        Self { stop, outputs, trace, row, iterations, work, seconds, chunk }
    }

    fn follow(
        &mut self,
        mut schedule: Schedule,
        process: &mut dyn Process,
        clock: &mut dyn Clock,
    ) -> Status {
        let unit = schedule.unit();
        if let Some(end) = self.measure(process, false) {
            return end;
        }
        if self.spent() {
            return Status::Budget;
        }
        loop {
            let point = schedule.after(self.count(unit));
            let arrival = self.advance(process, clock, unit, point);
            if let Arrival::Failed(Failure::Breakdown(_)) = arrival {
                self.iterations += 1;
            }
            let on_point = point.is_some_and(|point| self.count(unit) >= point);
            let end = self.measure(process, self.out_of_time() && !on_point);
            return match (arrival, end) {
                (Arrival::Failed(failure), _) => status_of(failure),
                (_, Some(end @ (Status::Target | Status::Diverged | Status::Crashed(_)))) => end,
                (Arrival::Converged, _) => Status::Converged,
                (_, Some(end)) => end,
                (Arrival::Spent, None) => Status::Budget,
                (Arrival::Point, None) => continue,
            };
        }
    }

    /// Steps until the sampling point, a budget, or the end of the process.
    fn advance(
        &mut self,
        process: &mut dyn Process,
        clock: &mut dyn Clock,
        unit: Unit,
        point: Option<u64>,
    ) -> Arrival {
        loop {
            let (until, steps) = self.burst(unit, point);
            let on = clock.now();
            let burst = process.advance(until, steps);
            let off = clock.now();
            let burst = match burst {
                Ok(burst) => burst,
                Err(failure) => {
                    self.seconds += off - on;
                    return Arrival::Failed(failure);
                }
            };
            let seconds = burst.seconds.unwrap_or(off - on);
            self.seconds += seconds;
            self.iterations += burst.steps;
            self.work += burst.work;
            if burst.converged {
                return Arrival::Converged;
            }
            if self.spent() {
                return Arrival::Spent;
            }
            if point.is_some_and(|point| self.count(unit) >= point) {
                return Arrival::Point;
            }
            if burst.steps == 0 {
                // The failure that cut the last burst short comes with the next call; a process
                // that neither steps nor fails would never end.
                return Arrival::Failed(Failure::External {
                    reason: "the process makes no more steps".into(),
                    stderr: String::new(),
                });
            }
            // Doubles at most, so that one fast step does not hide the slow ones after it.
            let fitting = (LOOK * burst.steps as f64 / seconds.max(1e-12)) as u64;
            self.chunk = fitting.clamp(1, self.chunk.saturating_mul(2));
        }
    }

    /// The next burst: no further than the sampling point or any budget of counts.
    fn burst(&self, unit: Unit, point: Option<u64>) -> (Until, u64) {
        let left = |target: u64| target.saturating_sub(self.iterations);
        let mut steps = self.stop.iterations.map_or(u64::MAX, left);
        if self.stop.seconds.is_some() {
            steps = steps.min(self.chunk);
        }
        let mut until = Until::Iterations(u64::MAX);
        match (unit, point) {
            (Unit::Iterations, Some(point)) => steps = steps.min(left(point)),
            (_, Some(point)) => until = unit.until(point),
            (_, None) => {}
        }
        if let Some(samples) = self.stop.samples {
            match until {
                Until::Samples(point) => until = Until::Samples(point.min(samples)),
                Until::Iterations(_) => until = Until::Samples(samples),
                // One call watches one count; the other is watched here, step by step.
                Until::Proxes(_) => steps = steps.min(1),
            }
        }
        (until, steps)
    }

    /// Measures the iterate and pushes the row. The end, if a metric or a failure ends the run.
    fn measure(&mut self, process: &mut dyn Process, off_schedule: bool) -> Option<Status> {
        self.row.fill(f64::NAN);
        if let Err(failure) = process.evaluate(&mut self.row) {
            return Some(status_of(failure));
        }
        let leading = [self.iterations as f64, self.seconds, f64::from(u8::from(off_schedule))];
        let counts = self.work.to_array().map(|count| count as f64);
        let values = leading.iter().chain(&counts).chain(&self.row);
        for (column, &value) in self.trace.columns.iter_mut().zip(values) {
            column.values.push(value);
        }
        let previous = self.trace.digests.last().copied().unwrap_or(0);
        self.trace.digests.push(chain(previous, process.digest()));
        let samples = self.work.samples;
        if let Err(failure) = self.outputs.observe(&self.row, self.iterations, samples, process) {
            return Some(status_of(failure));
        }
        self.stop.observe(&self.row)
    }

    fn count(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Iterations => self.iterations,
            Unit::Samples => self.work.samples,
            Unit::Proxes => self.work.proxes,
        }
    }

    fn spent(&self) -> bool {
        self.stop.spent(self.iterations, self.work.samples, self.seconds)
    }

    fn out_of_time(&self) -> bool {
        let Some(limit) = self.stop.seconds else { return false };
        // A budget of counts that ends on the same step is what a repetition ends on, too.
        let counts = self.stop.iterations.is_some_and(|n| self.iterations >= n)
            || self.stop.samples.is_some_and(|n| self.work.samples >= n);
        self.seconds >= limit && !counts
    }
}

fn status_of(failure: Failure) -> Status {
    match failure {
        Failure::Breakdown(Breakdown::Diverged { .. }) => Status::Diverged,
        Failure::Breakdown(breakdown) => Status::Breakdown(breakdown.to_string()),
        Failure::External { reason, stderr } if stderr.is_empty() => Status::Crashed(reason),
        Failure::External { reason, stderr } => Status::Crashed(format!("{reason}: {stderr}")),
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
