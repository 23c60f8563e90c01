//! The shortest time of some work.

use crate::clock::{Clock, Monotonic};

/// Seconds below which a measurement repeats the work, so that the clock's own cost is nothing.
const SHORTEST: f64 = 1e-3;

/// Seconds of one call of `work`: the smallest of `repeats` measurements, each of as many calls as
/// last a millisecond, after one call that is not counted.
///
/// The smallest, not the mean: whatever else the machine does only ever adds.
pub(super) fn seconds(repeats: u32, mut work: impl FnMut()) -> f64 {
    let mut clock = Monotonic::start();
    let mut measure = |calls: u32| {
        let start = clock.now();
        for _ in 0..calls {
            work();
        }
        clock.now() - start
    };
    let first = measure(1).max(1e-9);
    let calls = (SHORTEST / first).ceil().clamp(1.0, 1e6) as u32;
    (0..repeats.max(1)).map(|_| measure(calls) / f64::from(calls)).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_work_is_repeated_and_long_work_is_not() {
        let mut calls = 0;
        let time = seconds(2, || calls += 1);
        assert!(time > 0.0 && calls > 100, "{calls} calls of {time} s");
        let mut calls = 0;
        let time = seconds(3, || {
            calls += 1;
            std::thread::sleep(std::time::Duration::from_millis(2));
        });
        assert!(time >= 0.002);
        assert_eq!(calls, 4, "one before and one a repeat");
    }
}
