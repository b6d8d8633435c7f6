//! The stable names of everything that can go wrong.

use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident => $text:literal,)+) => {
        /// The stable kind of an error. The list only grows; exit codes, HTTP statuses and Python
        /// classes follow from it by an exhaustive match.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$doc])* $variant,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The kebab-case name, the same for ever.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

kinds! {
    /// The command line or a parameter makes no sense.
    Usage => "usage",
    /// A dataset name, label, tag, configuration key or id is malformed.
    InvalidName => "invalid-name",
    /// A path cannot be part of a dataset.
    InvalidPath => "invalid-path",
    /// A path lies outside the worktree.
    OutsideWorktree => "outside-worktree",
    /// No `.dsv` here or above.
    NotARepository => "not-a-repository",
    /// A revision, object, path or key does not exist.
    NotFound => "not-found",
    /// A revision or id prefix has several meanings.
    Ambiguous => "ambiguous",
    /// What was to be created exists.
    AlreadyExists => "already-exists",
    /// There is nothing to do, for example nothing staged.
    NothingToDo => "nothing-to-do",
    /// The two things compared differ, or a verification found differences.
    Differences => "differences",
    /// Uncommitted changes would be lost.
    WouldOverwrite => "would-overwrite",
    /// A ref moved meanwhile, or two sides changed one thing.
    Conflict => "conflict",
    /// Another process holds the lock.
    Locked => "locked",
    /// The operation is not allowed in this state.
    Refused => "refused",
    /// A file kept changing while it was read.
    FileChanged => "file-changed",
    /// A socket, pipe or device, which no dataset can hold.
    UnsupportedFile => "unsupported-file",
    /// A repository or object of a newer format or with an unknown feature.
    UnsupportedFormat => "unsupported-format",
    /// Stored bytes are damaged.
    Corrupt => "corrupt",
    /// `fsck` or `verify` found damage.
    DamageFound => "damage-found",
    /// The operating system denies access.
    PermissionDenied => "permission-denied",
    /// The disk or the quota is full.
    DiskFull => "disk-full",
    /// Any other failure of the operating system.
    Io => "io",
    /// The person or a signal ended the operation.
    Interrupted => "interrupted",
    /// A bug in dsv.
    Internal => "internal",
    /// The remote cannot be reached, or the connection to it failed.
    RemoteUnreachable => "remote-unreachable",
    /// The remote does not accept the credentials, or does not allow this.
    RemoteDenied => "remote-denied",
    /// The remote's bucket or container does not exist.
    RemoteNotFound => "remote-not-found",
    /// Any other failure of a remote.
    Remote => "remote",
    /// What an external link leads to is not what was recorded.
    SourceChanged => "source-changed",
}

impl ErrorKind {
    /// The kind of a failure of the operating system.
    pub fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        match error.kind() {
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::PermissionDenied,
            Io::StorageFull | Io::QuotaExceeded => Self::DiskFull,
            Io::NotFound => Self::NotFound,
            Io::Interrupted => Self::Interrupted,
            _ => Self::Io,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_kebab_case() {
        let names: std::collections::HashSet<_> = ErrorKind::ALL.iter().map(|k| k.as_str()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }
}
