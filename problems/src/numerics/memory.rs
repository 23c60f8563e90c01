//! Hints about memory: what will be read soon, what is large.
#![expect(unsafe_code, reason = "hints take addresses; they change no byte and cannot fault")]

/// Bytes of a cache line.
pub const LINE: usize = 64;

/// Asks for the cache line `at` bytes behind the start of `slice`, into the second-level cache; at best
/// inside the slice, harmless beyond it. Does nothing on processors without the instruction.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        let address = slice.as_ptr().cast::<i8>().wrapping_add(at);
        // SAFETY: a prefetch is a hint; no address makes it fault.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}

/// Asks for large pages under a slice that has not been written yet: long reads then miss the table of
/// pages less often. Linux only, and only where its policy is `madvise`; elsewhere nothing happens.
pub fn expect_large<T>(slice: &mut [T]) {
    /// Size of a large page on the usual machines.
    #[cfg(target_os = "linux")]
    const LARGE: usize = 2 << 20;
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};
        let address = slice.as_mut_ptr().addr();
        let (from, to) = (address.next_multiple_of(LARGE), address + size_of_val(slice));
        if from + LARGE <= to {
            let length = (to - from) / LARGE * LARGE;
            let start = slice.as_mut_ptr().wrapping_byte_add(from - address);
            // SAFETY: whole pages inside the slice; the advice leaves their contents as they are. A
            // refusal only costs speed.
            let _ = unsafe { madvise(start.cast(), length, Advice::LinuxHugepage) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = slice;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_leave_every_number_as_it_is() {
        for count in [0, 1, 1000, 600_000, 1_000_000] {
            let mut numbers: Vec<f64> = vec![0.0; count];
            expect_large(&mut numbers);
            assert!(numbers.iter().all(|x| x.to_bits() == 0));
            numbers.iter_mut().enumerate().for_each(|(i, x)| *x = i as f64);
            expect_large(&mut numbers);
            prefetch(&numbers, 0);
            prefetch(&numbers, 8 * count + 4096);
            assert!(numbers.iter().enumerate().all(|(i, x)| x.to_bits() == (i as f64).to_bits()));
        }
    }
}
