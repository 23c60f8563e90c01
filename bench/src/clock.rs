//! The one place that reads a clock, so that a test can put its own in.

use std::time::Instant;

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

/// Seconds since 1970 on the system's calendar clock; for headers, never for durations.
#[allow(clippy::disallowed_methods, reason = "this is the module that may")]
pub fn unix_seconds() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |elapsed| elapsed.as_secs_f64())
}
