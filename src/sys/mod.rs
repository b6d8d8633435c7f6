//! The operating system: the only caller of `std::fs`, atomic publishing, locks, the clock.

mod clock;
mod fs;
mod lock;
mod os;
mod paths;
mod publish;

pub use clock::{Clock, FixedClock, SystemClock};
pub use fs::{CreateOptions, Directory, File, FileKind, Fs, LockGuard, LockMode, Map, Stat};
pub use lock::{Lock, LockError, acquire};
pub use os::OsFs;
pub use paths::{bytes_to_path, path_to_bytes};
pub use publish::{PendingFile, TEMP_INFIX, is_temp_name, publish};
