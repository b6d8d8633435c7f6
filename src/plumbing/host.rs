//! The machine below, as values that a face makes and hands down: file system, clock, locks.

pub use crate::sys::{Clock, FixedClock, Fs, IoContext, IoError, Lock, OsFs, SystemClock, publish};
