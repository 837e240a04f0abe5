//! The two things that the host asks of the system and that Rust has no face for.
#![expect(unsafe_code, reason = "the C library's functions have no other face here")]

use std::{mem, time::Duration};

/// The time for which this thread has had a processor. What other processes take does not count.
pub(super) fn thread_time() -> Duration {
    // SAFETY: a `timespec` is two integers, for which zeros are valid; the call writes into it alone.
    let time = unsafe {
        let mut time: libc::timespec = mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time
    };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Gives memory that is free back to the system, where the allocator can: a compiler takes tens of megabytes for a
/// moment, which would be kept.
pub(super) fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes no pointers, may be called at any time and from any thread, and gives back only pages
    // in which nothing is allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_while_a_thread_computes_and_stands_still_while_it_sleeps() {
        let began = thread_time();
        while thread_time() == began {
            std::hint::spin_loop();
        }
        let before = thread_time();
        std::thread::sleep(Duration::from_millis(100));
        assert!(thread_time() - before < Duration::from_millis(50));
    }
}
