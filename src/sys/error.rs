//! What failed, on which path.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::{ErrorKind, quote_path};

/// A failure of the operating system on one path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", shown(.path))]
pub struct IoError {
    /// The file or directory.
    pub path: PathBuf,
    /// What was tried, as a verb in the infinitive: `read`, `create`, `rename`.
    pub action: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

impl IoError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::of_io(&self.source)
    }

    /// Whether the path does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// The path in quotes of one kind or the other.
pub(super) fn shown(path: &Path) -> String {
    let text = quote_path(path.as_os_str().as_encoded_bytes());
    if text.starts_with('"') { text } else { format!("'{text}'") }
}

/// Tells a failure of the operating system what it was about.
pub trait IoContext<T> {
    /// Names the action, a verb in the infinitive, and the path.
    ///
    /// # Errors
    /// The failure that was there before, with its context.
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, IoError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T, IoError> {
        self.map_err(|source| IoError { path: path.as_ref().to_owned(), action, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_action_and_path_and_not_the_cause() {
        let failure = || io::Result::<()>::Err(io::ErrorKind::StorageFull.into());
        let error = failure().at("write", "a/b c").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DiskFull);
        assert_eq!(error.to_string(), "cannot write 'a/b c'");
        let error = failure().at("read", "a\nb").unwrap_err();
        assert_eq!(error.to_string(), r#"cannot read "a\nb""#);
    }
}
