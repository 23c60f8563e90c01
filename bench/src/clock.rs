//! The one place that reads a clock, so that a test can put its own in.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// A monotone clock in seconds.
pub trait Clock: Send {
    /// Seconds since some fixed moment.
    fn now(&mut self) -> f64;
}

/// The machine's monotone clock.
#[derive(Debug)]
pub struct Monotonic(Instant);

impl Monotonic {
    /// A clock that starts now.
    #[allow(clippy::disallowed_methods, reason = "this is the module that may")]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&mut self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The processor time of this process, all threads together: what a computation took, without the
/// turns that the system gave to other processes meanwhile.
#[derive(Debug)]
pub struct ProcessorTime(f64);

impl ProcessorTime {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self(processor_seconds())
    }
}

impl Clock for ProcessorTime {
    fn now(&mut self) -> f64 {
        processor_seconds() - self.0
    }
}

fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// Seconds since 1970 on the system's calendar clock; for headers, never for durations.
#[allow(clippy::disallowed_methods, reason = "this is the module that may")]
pub fn unix_seconds() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_counts_the_work_of_other_threads() {
        let mut clock = ProcessorTime::start();
        let work = || {
            let mut clock = ProcessorTime::start();
            while clock.now() < 0.02 {
                std::hint::spin_loop();
            }
        };
        std::thread::spawn(work).join().expect("it ends");
        assert!(clock.now() >= 0.02);
    }
}
