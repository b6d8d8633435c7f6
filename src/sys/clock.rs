//! The clock, as a value that goes down.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::model::Time;

/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;

/// Tells the time and passes it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Nanoseconds since the epoch, comparable with the times of [`super::Stat`].
    fn now_ns(&self) -> i64;

    /// The local time.
    fn now(&self) -> Time;

    /// Returns after this long.
    fn sleep(&self, duration: Duration);
}

/// The clock and time zone of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ns(&self) -> i64 {
        i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
    }

    fn now(&self) -> Time {
        let now = jiff::Zoned::now();
        Time { seconds: now.timestamp().as_second(), offset: now.offset().seconds() }
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A clock that stands still until it is moved; to sleep moves it.
#[derive(Debug)]
pub struct FixedClock {
    nanoseconds: AtomicI64,
    offset: i32,
}

impl FixedClock {
    /// A clock that shows this time.
    pub const fn new(time: Time) -> Self {
        Self { nanoseconds: AtomicI64::new(time.seconds.saturating_mul(NANOS)), offset: time.offset }
    }

    /// Moves the clock to so many nanoseconds since the epoch.
    pub fn set_ns(&self, nanoseconds: i64) {
        self.nanoseconds.store(nanoseconds, Ordering::Relaxed);
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let step = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        self.nanoseconds.fetch_add(step, Ordering::Relaxed);
    }
}

impl Clock for FixedClock {
    fn now_ns(&self) -> i64 {
        self.nanoseconds.load(Ordering::Relaxed)
    }

    fn now(&self) -> Time {
        Time { seconds: self.now_ns().div_euclid(NANOS), offset: self.offset }
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_agrees_with_itself() {
        let seconds = SystemClock.now_ns() / NANOS;
        assert!(seconds.abs_diff(SystemClock.now().seconds) <= 2);
        assert!(seconds > 1_700_000_000);
    }

    #[test]
    fn a_fixed_clock_moves_when_told() {
        let clock = FixedClock::new(Time { seconds: 100, offset: 3600 });
        assert_eq!(clock.now(), Time { seconds: 100, offset: 3600 });
        clock.sleep(Duration::from_millis(1500));
        assert_eq!(clock.now().seconds, 101);
        assert_eq!(clock.now_ns(), 101_500_000_000);
        clock.set_ns(-1);
        assert_eq!(clock.now().seconds, -1);
    }
}
