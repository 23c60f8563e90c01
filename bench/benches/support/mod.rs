//! A criterion suite that sets what it measured beside the limits of the machine.
//!
//! Everything runs on one thread, and its processor time is what counts: on a quiet machine that of
//! the wall, on a busy one without the turns of others. Criterion keeps statistics and baselines;
//! the table at the end compares the fastest sample of a kernel with the fastest trial of each limit.

mod limits;

use std::time::Duration;

use converge_bench::clock::{Clock, ProcessorTime};
use criterion::{Criterion, SamplingMode};

use self::limits::Limits;

/// What one call of a kernel needs, in counts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Floating-point operations in `f64`; a fused multiply-add is two.
    pub(crate) double: f64,
    /// Floating-point operations in `f32`.
    pub(crate) single: f64,
    /// Bytes that have to come from or go to main memory, if what does not fit the caches is read
    /// and written once.
    pub(crate) bytes: f64,
    /// Random numbers.
    pub(crate) numbers: f64,
}

struct Row {
    name: String,
    cost: Cost,
    /// Seconds of one call, the mean of each sample.
    seconds: Vec<f64>,
}

/// The benchmarks of one binary.
pub(crate) struct Suite {
    criterion: Criterion,
    rows: Vec<Row>,
    /// Measured after the first kernel, and again at the end: what else the machine does changes.
    limits: Option<Limits>,
}

impl Suite {
    /// A suite with the options of the command line. Puts the whole process on one thread.
    pub(crate) fn new() -> Self {
        faer::set_global_parallelism(faer::Par::Seq);
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
        pool.expect("nothing has used the pool before");
        let criterion = Criterion::default()
            .sample_size(15)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1500))
            .configure_from_args();
        Self { criterion, rows: Vec::new(), limits: None }
    }

    /// Times `routine`. Timing model: `clock; iterations * routine; clock`, divided by `iterations`.
    pub(crate) fn measure(
        &mut self,
        group: &str,
        name: &str,
        cost: Cost,
        mut routine: impl FnMut(),
    ) {
        self.measure_with(group, name, cost, |iterations| {
            let mut clock = ProcessorTime::start();
            for _ in 0..iterations {
                routine();
            }
            clock.now()
        });
    }

    /// The same for a routine that times itself: it returns the seconds of so many calls.
    pub(crate) fn measure_with(
        &mut self,
        group: &str,
        name: &str,
        cost: Cost,
        mut routine: impl FnMut(u64) -> f64,
    ) {
        let mut row = Row { name: format!("{group}/{name}"), cost, seconds: Vec::new() };
        let mut group = self.criterion.benchmark_group(group);
        group.sampling_mode(SamplingMode::Flat).bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let seconds = routine(iterations);
                row.seconds.push(seconds / iterations as f64);
                Duration::from_secs_f64(seconds)
            });
        });
        group.finish();
        // A filter, a listing or a trial leave at most one call: nothing to compare.
        if row.seconds.len() > 1 {
            self.rows.push(row);
            self.limits.get_or_insert_with(Limits::measure);
        }
    }

    /// Prints the table, if anything was measured.
    pub(crate) fn finish(self) {
        self.criterion.final_summary();
        let Some(limits) = self.limits.map(|limits| limits.or_better(&Limits::measure())) else {
            return;
        };
        println!("\nLimits of this machine, one thread: {limits}\n");
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        println!("{:<width$} {:>12}   rates, and their shares of the limits", "kernel", "fastest");
        for Row { name, cost, seconds } in &self.rows {
            let best = seconds.iter().copied().fold(f64::INFINITY, f64::min);
            println!("{name:<width$} {:>9.3} ms   {}", 1e3 * best, limits.compare(*cost, best));
        }
    }
}
