//! The operating system: the only caller of `std::fs`, atomic publishing, locks, the clock.

mod clock;
mod error;
mod fs;
mod lock;
mod os;
mod paths;
mod publish;

pub use crate::model::{TEMP_PREFIX, is_temp_name};
pub use clock::{Clock, FixedClock, SystemClock};
pub use error::{IoContext, IoError};
pub use fs::{CreateOptions, Directory, File, FileKind, Fs, LockGuard, LockMode, Map, Stat};
pub use lock::{Lock, LockError, Wait, acquire};
pub use os::OsFs;
pub use paths::{bytes_to_path, path_to_bytes};
pub use publish::{PendingFile, publish, random_hex, temp_name};
