//! The runner against a fake process and a fake clock.

use std::sync::{Arc, Mutex};

use converge_problems::Output;
use converge_solvers::Breakdown;

use super::*;
use crate::process::Burst;

/// A clock that only moves when the fake process, or a measurement, moves it.
#[derive(Clone, Default)]
struct FakeClock(Arc<Mutex<f64>>);

impl FakeClock {
    fn pass(&self, seconds: f64) {
        *self.0.lock().unwrap() += seconds;
    }
}

impl Clock for FakeClock {
    fn now(&mut self) -> f64 {
        *self.0.lock().unwrap()
    }
}

/// Halves `x` each step: `loss` is x, `train-loss` what `loss_at` says.
struct Fake {
    clock: FakeClock,
    x: f64,
    steps: u64,
    samples: u64,
    samples_per_step: u64,
    seconds_per_step: f64,
    seconds_per_evaluation: f64,
    loss_at: fn(u64) -> f64,
    converges_at: u64,
    breaks_at: u64,
    broken: bool,
    bursts: u64,
    digests: Vec<(u64, u64)>,
}

impl Fake {
    fn new() -> Self {
        Self {
            clock: FakeClock::default(),
            x: 1.0,
            steps: 0,
            samples: 0,
            samples_per_step: 7,
            seconds_per_step: 0.25,
            seconds_per_evaluation: 100.0,
            loss_at: |n| 1.0 / (1.0 + n as f64),
            converges_at: u64::MAX,
            breaks_at: u64::MAX,
            broken: false,
            bursts: 0,
            digests: Vec::new(),
        }
    }

    fn run(&mut self, sampling: &Sampling, rules: &[StopRule]) -> Run {
        let mut clock = self.clock.clone();
        run(self, &mut clock, sampling, rules, &[]).unwrap()
    }
}

impl Process for Fake {
    fn columns(&self) -> Vec<Metric> {
        vec![Metric::new("loss", Better::Lower, Split::Train)]
    }

    fn outputs(&self) -> Vec<Output> {
        ["iterate", "negative"].map(|name| Output { name: name.into(), shape: vec![1] }).into()
    }

    fn setup_work(&self) -> Work {
        Work::default()
    }

    fn advance(&mut self, until: Until, steps: u64) -> Result<Burst, Failure> {
        self.bursts += 1;
        let breakdown = Failure::Breakdown(Breakdown::LineSearch);
        if self.broken {
            return Err(breakdown);
        }
        let mut burst = Burst::default();
        while burst.steps < steps
            && !match until {
                Until::Iterations(n) | Until::Proxes(n) => self.steps >= n,
                Until::Samples(n) => self.samples >= n,
            }
        {
            self.clock.pass(self.seconds_per_step);
            if self.steps + 1 == self.breaks_at {
                self.broken = true;
                if burst.steps == 0 {
                    return Err(breakdown);
                }
                break;
            }
            self.x *= 0.5;
            self.steps += 1;
            self.samples += self.samples_per_step;
            burst.steps += 1;
            burst.work += Work { samples: self.samples_per_step, proxes: 1, ..Work::default() };
            if self.steps == self.converges_at {
                burst.converged = true;
                break;
            }
        }
        Ok(burst)
    }

    fn evaluate(&mut self, row: &mut [f64]) -> Result<(), Failure> {
        self.clock.pass(self.seconds_per_evaluation);
        row[0] = (self.loss_at)(self.steps);
        self.digests.push((self.steps, self.digest()));
        Ok(())
    }

    fn terms(&self) -> Option<usize> {
        Some(14)
    }

    fn output(&mut self, index: usize, out: &mut [f64]) -> Result<(), Failure> {
        self.output_of(index, &[self.x], out)
    }

    fn output_of(&mut self, index: usize, iterate: &[f64], out: &mut [f64]) -> Result<(), Failure> {
        out[0] = if index == 0 { iterate[0] } else { -iterate[0] };
        Ok(())
    }

    fn digest(&self) -> u64 {
        self.x.to_bits()
    }
}

fn every(n: u64) -> Sampling {
    Sampling::Every { n, unit: Unit::Iterations }
}

fn values(run: &Run, name: &str) -> Vec<f64> {
    run.trace.column(name).unwrap().values.clone()
}

#[test]
fn a_run_has_row_zero_every_point_and_its_end() {
    let mut fake = Fake::new();
    let run = fake.run(&every(4), &[StopRule::Iterations(10)]);
    assert_eq!(run.status, Status::Budget);
    assert_eq!(values(&run, "iteration"), [0.0, 4.0, 8.0, 10.0]);
    assert_eq!(values(&run, "samples"), [0.0, 28.0, 56.0, 70.0]);
    assert_eq!(values(&run, "off-schedule"), [0.0; 4]);
    assert_eq!(run.trace.digests.len(), 4);
    assert!(run.trace.columns.iter().all(|column| column.values.len() == 4));
}

#[test]
fn seconds_exclude_evaluation() {
    let mut fake = Fake::new();
    let run = fake.run(&every(4), &[StopRule::Iterations(10)]);
    assert_eq!(values(&run, "seconds"), [0.0, 1.0, 2.0, 2.5]);
}

#[test]
fn a_time_budget_ends_within_one_step_off_schedule_and_moves_no_point() {
    let mut fake = Fake::new();
    let run = fake.run(&every(4), &[StopRule::Seconds(2.6)]);
    assert_eq!(run.status, Status::Budget);
    assert_eq!(values(&run, "iteration"), [0.0, 4.0, 8.0, 11.0]);
    assert_eq!(values(&run, "off-schedule"), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(values(&run, "seconds"), [0.0, 1.0, 2.0, 2.75]);
}

#[test]
fn a_time_budget_that_ends_on_a_sampling_point_is_on_schedule() {
    let run = Fake::new().run(&every(4), &[StopRule::Seconds(2.0)]);
    assert_eq!(values(&run, "iteration"), [0.0, 4.0, 8.0]);
    assert_eq!(values(&run, "off-schedule"), [0.0; 3]);
}

#[test]
fn a_time_budget_is_looked_at_about_every_millisecond() {
    let mut fake = Fake::new();
    fake.seconds_per_step = 1e-7;
    let run = fake.run(&every(u64::MAX), &[StopRule::Seconds(0.5)]);
    let overrun = values(&run, "seconds")[1] - 0.5;
    assert!((0.0..2e-3).contains(&overrun), "{overrun}");
    assert!(fake.bursts < 600, "{} bursts in half a second", fake.bursts);
}

#[test]
fn without_a_time_budget_a_point_takes_one_burst() {
    let mut fake = Fake::new();
    fake.run(&every(100), &[StopRule::Iterations(1000)]);
    assert_eq!(fake.bursts, 10);
}

#[test]
fn a_sample_budget_ends_with_the_step_that_reaches_it() {
    let run = Fake::new().run(&every(4), &[StopRule::Samples(40)]);
    assert_eq!(values(&run, "samples"), [0.0, 28.0, 42.0]);
    let proxes = Sampling::Every { n: 4, unit: Unit::Proxes };
    let run = Fake::new().run(&proxes, &[StopRule::Samples(40)]);
    assert_eq!(values(&run, "samples"), [0.0, 28.0, 42.0]);
}

#[test]
fn points_in_samples_that_one_step_passes_together_are_one_row() {
    let sampling = Sampling::Every { n: 3, unit: Unit::Samples };
    let run = Fake::new().run(&sampling, &[StopRule::Iterations(4)]);
    assert_eq!(values(&run, "iteration"), [0.0, 1.0, 2.0, 3.0, 4.0]);
    let sampling = Sampling::Every { n: 14, unit: Unit::Samples };
    let run = Fake::new().run(&sampling, &[StopRule::Iterations(5)]);
    assert_eq!(values(&run, "iteration"), [0.0, 2.0, 4.0, 5.0]);
}

#[test]
fn no_budget_at_all_leaves_row_zero() {
    let run = Fake::new().run(&every(1), &[StopRule::Iterations(0)]);
    assert_eq!((run.status.clone(), run.trace.rows()), (Status::Budget, 1));
}

#[test]
fn a_list_that_is_used_up_runs_on_to_the_budget() {
    let sampling = Sampling::List { points: vec![2], unit: Unit::Iterations };
    let run = Fake::new().run(&sampling, &[StopRule::Iterations(9)]);
    assert_eq!(values(&run, "iteration"), [0.0, 2.0, 9.0]);
}

#[test]
fn metrics_end_runs_on_the_row_where_they_hold() {
    let target = StopRule::Target { metric: "loss".into(), value: 0.2 };
    let run = Fake::new().run(&every(1), &[target, StopRule::Iterations(100)]);
    assert_eq!((run.status.clone(), run.trace.rows()), (Status::Target, 5));

    let mut fake = Fake::new();
    fake.loss_at = |n| if n < 3 { 3.0 - n as f64 } else { 1.5 };
    let plateau = StopRule::Plateau { metric: "loss".into(), patience: 4, relative: 0.0 };
    let run = fake.run(&every(1), &[plateau, StopRule::Iterations(100)]);
    assert_eq!((run.status.clone(), run.trace.rows()), (Status::Plateau, 7));
}

#[test]
fn a_diverging_run_keeps_its_rows_that_are_not_finite() {
    let mut fake = Fake::new();
    fake.loss_at = |n| if n < 2 { 1.0 } else { f64::NAN };
    let divergence = StopRule::Divergence { metric: "loss".into(), factor: 10.0 };
    let run = fake.run(&every(1), &[divergence, StopRule::Iterations(100)]);
    assert_eq!(run.status, Status::Diverged);
    assert_eq!(run.trace.rows(), 3);
    assert!(values(&run, "loss")[2].is_nan());
}

#[test]
fn nan_rows_alone_end_nothing() {
    let mut fake = Fake::new();
    fake.loss_at = |_| f64::NAN;
    let target = StopRule::Target { metric: "loss".into(), value: 0.2 };
    let run = fake.run(&every(1), &[target, StopRule::Iterations(5)]);
    assert_eq!((run.status.clone(), run.trace.rows()), (Status::Budget, 6));
}

#[test]
fn convergence_ends_between_points_and_a_target_on_the_same_row_comes_first() {
    let mut fake = Fake::new();
    fake.converges_at = 6;
    let run = fake.run(&every(4), &[StopRule::Iterations(100)]);
    assert_eq!(run.status, Status::Converged);
    assert_eq!(values(&run, "iteration"), [0.0, 4.0, 6.0]);
    assert_eq!(values(&run, "off-schedule"), [0.0; 3]);

    let mut fake = Fake::new();
    fake.converges_at = 6;
    let target = StopRule::Target { metric: "loss".into(), value: 0.15 };
    let run = fake.run(&every(4), &[target, StopRule::Iterations(100)]);
    assert_eq!(run.status, Status::Target);
}

#[test]
fn a_breakdown_measures_its_last_row_and_loses_no_counted_step() {
    for (table, iterations) in [(4, vec![0.0, 4.0, 7.0]), (6, vec![0.0, 6.0, 7.0])] {
        let mut fake = Fake::new();
        fake.breaks_at = 7;
        let run = fake.run(&every(table), &[StopRule::Iterations(100)]);
        assert_eq!(run.status, Status::Breakdown("line search found no step".into()));
        assert_eq!(values(&run, "iteration"), iterations);
        assert_eq!(values(&run, "samples").last(), Some(&42.0));
        assert_eq!(values(&run, "seconds").last(), Some(&1.75));
    }
}

#[test]
fn a_method_that_sees_its_iterate_leave_ends_as_diverged() {
    let status = |breakdown| status_of(Failure::Breakdown(breakdown));
    assert_eq!(status(Breakdown::Diverged { factor: 1e6 }), Status::Diverged);
    let words = "iterate is not finite".to_owned();
    assert_eq!(status(Breakdown::NotFinite("iterate")), Status::Breakdown(words));
}

#[test]
fn sampling_tables_change_no_iterate() {
    let tables = [
        every(1),
        every(u64::MAX),
        Sampling::Geometric { factor: 1.3, unit: Unit::Iterations },
        Sampling::Every { n: 11, unit: Unit::Samples },
    ];
    let runs: Vec<Vec<(u64, u64)>> = tables
        .iter()
        .map(|table| {
            let mut fake = Fake::new();
            fake.run(table, &[StopRule::Iterations(50), StopRule::Seconds(1e9)]);
            fake.digests
        })
        .collect();
    assert_eq!(runs[0].len(), 51);
    for run in &runs {
        assert!(run.len() >= 2);
        assert!(run.iter().all(|row| runs[0].contains(row)));
    }
}

#[test]
fn digests_chain_so_that_equal_last_digests_mean_equal_rows() {
    let digests = |table| Fake::new().run(&table, &[StopRule::Iterations(6)]).trace.digests;
    assert_eq!(digests(every(2)), digests(every(2)));
    assert_ne!(digests(every(2)).last(), digests(every(3)).last());
}

/// The outputs of a fake of six steps, whose loss is best at the second and the fourth.
fn kept(names: &[&str], breaks_at: u64) -> Result<Vec<(String, f64)>, RunError> {
    let mut fake = Fake::new();
    fake.breaks_at = breaks_at;
    fake.loss_at = |n| [9.0, f64::NAN, 1.0, 5.0, 1.0, 3.0, 4.0][n as usize];
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let (mut clock, rules) = (fake.clock.clone(), [StopRule::Iterations(6)]);
    let run = run(&mut fake, &mut clock, &every(1), &rules, &names)?;
    Ok(run.arrays.into_iter().map(|kept| (kept.output.name.into(), kept.values[0])).collect())
}

#[test]
fn an_output_is_of_the_last_row_or_of_the_best_one() {
    // The iterate after n steps is 2⁻ⁿ; a step reads half of the terms. Of two as good the later.
    for (name, value) in [
        ("iterate", 1.0 / 64.0),
        ("iterate at best loss", 1.0 / 16.0),
        ("negative at best loss", -1.0 / 16.0),
        ("negative at best loss within 3 iteration", -0.25),
        ("iterate at best loss within 1 passes", 0.25),
        ("iterate at best loss within 13 samples", 1.0),
    ] {
        assert_eq!(kept(&[name], u64::MAX).unwrap(), [(name.to_owned(), value)]);
    }
    let both = kept(&["iterate", "negative at best loss"], u64::MAX).unwrap();
    assert_eq!(both.iter().map(|kept| kept.1).collect::<Vec<_>>(), [1.0 / 64.0, -1.0 / 16.0]);
    // What was selected before a breakdown is kept.
    let name = "iterate at best loss";
    assert_eq!(kept(&[name], 4).unwrap(), [(name.to_owned(), 0.25)]);
    // Nothing was within the budget.
    assert_eq!(kept(&["iterate at best loss within -1 samples"], u64::MAX).unwrap(), []);
}

#[test]
fn outputs_that_do_not_fit_are_named() {
    for (name, said) in [
        ("image", "no output named image; there are iterate, negative"),
        ("iterate at best lost", "no metric named lost; there are loss"),
        ("iterate at best test-loss", "test-loss looks at the test split"),
        ("iterate at end", "`iterate at end` is neither"),
        ("iterate at best loss within 3 seconds", "with iteration, samples or passes"),
    ] {
        let error = kept(&[name], u64::MAX).unwrap_err().to_string();
        assert!(error.starts_with("outputs: ") && error.contains(said), "{error}");
    }
}

#[test]
fn a_process_that_stands_still_does_not_hang_the_runner() {
    let mut fake = Fake::new();
    fake.samples_per_step = 0;
    let mut still = Still(fake);
    let mut clock = FakeClock::default();
    let run = run(&mut still, &mut clock, &every(1), &[StopRule::Iterations(5)], &[]).unwrap();
    assert!(matches!(run.status, Status::Crashed(_)));
}

/// Never steps.
struct Still(Fake);

impl Process for Still {
    fn columns(&self) -> Vec<Metric> {
        self.0.columns()
    }
    fn outputs(&self) -> Vec<Output> {
        self.0.outputs()
    }
    fn setup_work(&self) -> Work {
        Work::default()
    }
    fn advance(&mut self, _: Until, _: u64) -> Result<Burst, Failure> {
        Ok(Burst::default())
    }
    fn evaluate(&mut self, row: &mut [f64]) -> Result<(), Failure> {
        self.0.evaluate(row)
    }
    fn output(&mut self, index: usize, out: &mut [f64]) -> Result<(), Failure> {
        self.0.output(index, out)
    }
    fn output_of(&mut self, index: usize, iterate: &[f64], out: &mut [f64]) -> Result<(), Failure> {
        self.0.output_of(index, iterate, out)
    }
    fn digest(&self) -> u64 {
        self.0.digest()
    }
}
