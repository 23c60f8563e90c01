//! Resident memory of processes, where the system tells.

/// Largest resident memory of process `pid` (`self` for this one) in bytes since it started, or since
/// [`reset_peak`].
pub(crate) fn peak_bytes(pid: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Lets the peak of this process start anew from what is resident now. Where the system refuses, the
/// old peak stays, which is never too low.
pub(crate) fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_sees_what_is_held_and_forgets_it_after_a_reset() {
        if peak_bytes("self").is_none() {
            eprintln!("skipped: this system does not tell the memory of a process");
            return;
        }
        let held = std::hint::black_box(vec![1_u8; 64 << 20]);
        let with = peak_bytes("self").unwrap();
        assert!(with >= held.len() as u64);
        drop(held);
        reset_peak();
        // Other tests of this process hold memory, too; what was given back is less than the peak.
        assert!(peak_bytes("self").unwrap() <= with);
    }
}
