//! A file of settings: no bytes panic, whichever setting is asked for.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use dsv::plumbing::host::OsFs;
use dsv::porcelain::settings::Settings;

/// A file of this process's own, in memory where the system has a place for that.
fn file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        folder.join(format!("dsv-fuzz-config-{}", std::process::id()))
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    std::fs::write(file(), bytes).expect("a file can be written");
    if let Ok(settings) = Settings::read(&OsFs, Some(file()), None) {
        let _ = (settings.list(), settings.unknown(), settings.lock_timeout(), settings.store_path());
    }
});
