//! The one place where failures become text, JSON and exit codes.

use std::error::Error;
use std::io::{self, Write};

use serde::Serialize;

use crate::model::{ErrorKind, NameError};
use crate::plumbing::checkout::CheckoutError;
use crate::plumbing::history::HistoryError;
use crate::plumbing::host::IoError;
use crate::plumbing::rebase;
use crate::plumbing::rev_parse::RevError;
use crate::plumbing::stage::StageError;
use crate::plumbing::store_files::StoreFilesError;
use crate::plumbing::{StoreError, TreeError, cat_file, commit_tree, index_pack, mktree, refs, update_index};
use crate::porcelain;
use crate::porcelain::draft::DraftError;
use crate::porcelain::settings::SettingsError;
use crate::porcelain::sync::SyncError;

use super::ui::{Palette, count, tame};

/// An error of a layer below that can say what kind it is and what to do next.
pub(crate) trait Explained: Error + Send + Sync {
    /// Its stable kind.
    fn kind(&self) -> ErrorKind;

    /// What the person can do next, when there is something.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Everything that it is about, where the message only tells how many, each on a line.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Details that a person is shown; a program gets them all.
const MAX_DETAILS: usize = 10;

/// Why a command ended without doing what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    hint: Option<String>,
    details: Vec<String>,
    cause: Box<dyn Error + Send + Sync>,
}

impl<E: Explained + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { kind: error.kind(), hint: error.hint(), details: error.details(), cause: Box::new(error) }
    }
}

/// An argument passed the parser and still makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageError {
    message: String,
    hint: Option<String>,
}

impl UsageError {
    /// A message, and what to do next.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

impl Explained for UsageError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Standard output or a file named on the command line cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {0}")]
pub(crate) struct StreamError(&'static str, #[source] io::Error);

impl StreamError {
    /// For failures to write to standard output.
    pub(crate) fn output(cause: io::Error) -> Self {
        Self("write the output", cause)
    }

    /// For failures to read standard input.
    pub(crate) fn input(cause: io::Error) -> Self {
        Self("read standard input", cause)
    }
}

impl Explained for StreamError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::of_io(&self.1)
    }
}

impl Explained for porcelain::Error {
    fn kind(&self) -> ErrorKind {
        Self::kind(self)
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Stage(StageError::Problems { problems, .. }) => {
                problems.iter().map(|problem| one_line(problem)).collect()
            }
            Self::Stage(StageError::Store(StoreFilesError::Files { problems, .. })) => {
                problems.iter().map(|problem| one_line(problem)).collect()
            }
            Self::Rebase(rebase::Error::Conflict { paths }) => {
                paths.iter().map(ToString::to_string).collect()
            }
            Self::Merge(error) => error.details(),
            Self::Checkout(CheckoutError::WouldOverwrite { obstacles })
            | Self::Draft(DraftError::InTheWay(CheckoutError::WouldOverwrite { obstacles }))
            | Self::Sync(SyncError::InTheWay(CheckoutError::WouldOverwrite { obstacles })) => {
                obstacles.iter().map(|(path, why)| format!("{path} ({})", why.as_str())).collect()
            }
            Self::Rev(RevError::Ambiguous { candidates, .. }) => {
                candidates.iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Explained for SettingsError {
    fn kind(&self) -> ErrorKind {
        Self::kind(self)
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

/// Errors of operations that say what kind they are and no more.
macro_rules! explained_by_kind {
    ($($error:ty),+) => {
        $(
            impl Explained for $error {
                fn kind(&self) -> ErrorKind {
                    Self::kind(self)
                }
            }
        )+
    };
}

explained_by_kind!(commit_tree::Error, index_pack::Error);

/// The same with advice of their own, and that of the database for what it is to blame for.
macro_rules! explained_with_hint {
    ($($error:ty: $($pattern:pat => $hint:expr),+;)+) => {
        $(
            impl Explained for $error {
                fn kind(&self) -> ErrorKind {
                    Self::kind(self)
                }

                fn hint(&self) -> Option<String> {
                    let hint: &str = match self {
                        Self::Store(error) => return porcelain::store_hint(error),
                        $($pattern => $hint,)+
                        _ => return None,
                    };
                    Some(hint.to_owned())
                }
            }
        )+
    };
}

const ENTRY_LINES: &str =
    "lines are as 'dsv ls-tree' prints them: KIND ID<TAB>NAME, with file, exec, symlink or dir for KIND";

explained_with_hint! {
    mktree::Error: Self::Malformed { .. } | Self::UnknownKind { .. } | Self::Id(_) => ENTRY_LINES;
    update_index::Error: Self::Malformed { .. } | Self::UnknownKind { .. } | Self::Id(_) =>
        "lines are as 'dsv ls-files -s' prints them: KIND ID [SIZE]<TAB>PATH";
    refs::Error: Self::NoVersion(_) => "'dsv log --all' lists the versions";
}

/// Errors of layers below that the porcelain knows advice for.
macro_rules! by_way_of_porcelain {
    ($($error:ty),+) => {
        $(
            impl From<$error> for Failure {
                fn from(error: $error) -> Self {
                    porcelain::Error::from(error).into()
                }
            }
        )+
    };
}

by_way_of_porcelain!(cat_file::Error, HistoryError, IoError, NameError, StoreError, TreeError);

/// What the renderers return errors of: everything they do is write to standard output.
impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        StreamError::output(cause).into()
    }
}

/// The exit code of each kind of error. 0 is for what was done, and 1 also for commands that were
/// asked a question and found that the answer is no.
pub(crate) const fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::NothingToDo | ErrorKind::Differences | ErrorKind::DamageFound => 1,
        ErrorKind::Usage | ErrorKind::InvalidName | ErrorKind::InvalidPath | ErrorKind::OutsideWorktree => 2,
        ErrorKind::NotARepository
        | ErrorKind::NotFound
        | ErrorKind::Ambiguous
        | ErrorKind::AlreadyExists
        | ErrorKind::WouldOverwrite
        | ErrorKind::Conflict
        | ErrorKind::Locked
        | ErrorKind::Refused
        | ErrorKind::FileChanged
        | ErrorKind::SourceChanged
        | ErrorKind::UnsupportedFile
        | ErrorKind::UnsupportedFormat
        | ErrorKind::PermissionDenied
        | ErrorKind::DiskFull
        | ErrorKind::Io => 3,
        ErrorKind::Corrupt => 4,
        ErrorKind::RemoteUnreachable
        | ErrorKind::RemoteDenied
        | ErrorKind::RemoteNotFound
        | ErrorKind::Remote => 5,
        ErrorKind::Internal => 70,
        ErrorKind::Interrupted => 130,
    }
}

/// The error as one document, with `--json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    error: Body<'a>,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    kind: &'static str,
    message: String,
    causes: Vec<String>,
    details: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    exit_code: u8,
}

impl Failure {
    /// The same with other advice.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The stable kind.
    pub(crate) const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The exit code that follows from the kind.
    pub(crate) const fn exit_code(&self) -> u8 {
        exit_code(self.kind)
    }

    /// Whether the reader of our output went away, as `head` does: that is no error.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&*self.cause);
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// Writes the error for a person.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) fn write_text(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let Palette { error, hint, .. } = palette;
        let mut chain = chain(&*self.cause).into_iter();
        let message = chain.next().unwrap_or_default();
        writeln!(out, "{error}error{error:#}: {}", tame(&message))?;
        for cause in chain {
            writeln!(out, "  because: {}", tame(&cause))?;
        }
        for detail in self.details.iter().take(MAX_DETAILS) {
            writeln!(out, "  {}", tame(detail))?;
        }
        let more = self.details.len().saturating_sub(MAX_DETAILS) as u64;
        if more > 0 {
            writeln!(out, "  and {} more", count(more))?;
        }
        if let Some(text) = &self.hint {
            writeln!(out, "{hint}hint{hint:#}: {}", tame(text))?;
        }
        Ok(())
    }

    /// Writes the error for a program.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut chain = chain(&*self.cause).into_iter();
        let body = Body {
            kind: self.kind.as_str(),
            message: chain.next().unwrap_or_default(),
            causes: chain.collect(),
            details: &self.details,
            hint: self.hint.clone(),
            exit_code: self.exit_code(),
        };
        serde_json::to_writer(&mut *out, &Document { error: body })?;
        writeln!(out)
    }
}

/// The message and the causes below it in one line, for warnings.
pub(crate) fn one_line(error: &(dyn Error + 'static)) -> String {
    chain(error).join(": ")
}

/// The message and the causes below it, without those that only repeat the one above.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut lines = vec![readable(error)];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = readable(error);
        if !text.is_empty() && lines.last().is_none_or(|above| !above.contains(&text)) {
            lines.push(text);
        }
        cause = error.source();
    }
    lines
}

/// The message of one error of a chain; of an error of the operating system without its number.
fn readable(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) if text.ends_with(')') => text[..at].to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the pack 'x.pack'")]
    struct Upper(#[source] Lower);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the pack 'x.pack'")]
    struct Lower(#[source] io::Error);

    impl Explained for Upper {
        fn kind(&self) -> ErrorKind {
            ErrorKind::PermissionDenied
        }

        fn hint(&self) -> Option<String> {
            Some("check who owns the folder".to_owned())
        }
    }

    fn failure(kind: io::ErrorKind) -> Failure {
        Upper(Lower(io::Error::new(kind, "permission denied"))).into()
    }

    #[test]
    fn people_read_message_causes_and_hint() {
        let mut out = Vec::new();
        failure(io::ErrorKind::PermissionDenied).write_text(&mut out, &Palette::plain()).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        error: cannot open the pack 'x.pack'
          because: permission denied
        hint: check who owns the folder
        ");
    }

    #[test]
    fn programs_read_one_document() {
        let mut out = Vec::new();
        failure(io::ErrorKind::PermissionDenied).write_json(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"{"error":{"kind":"permission-denied","message":"cannot open the pack 'x.pack'","causes":["permission denied"],"details":[],"hint":"check who owns the folder","exit_code":3}}"#);
    }

    #[test]
    fn a_reader_that_went_away_is_found_below_the_causes() {
        assert!(failure(io::ErrorKind::BrokenPipe).is_broken_pipe());
        assert!(!failure(io::ErrorKind::PermissionDenied).is_broken_pipe());
    }

    /// The page says the same as the code, kind for kind.
    #[test]
    fn the_page_of_errors_is_true() {
        let page = include_str!("../../docs/errors.md");
        let mut listed: Vec<(String, u8)> = Vec::new();
        for line in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 4, "kind, exit code, meaning, what to do: {line}");
            assert!(cells[2].len() > 10 && cells[3].len() > 10, "{line}");
            listed.push((cells[0].trim_matches('`').to_owned(), cells[1].parse().unwrap()));
        }
        let known: Vec<(String, u8)> =
            ErrorKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), exit_code(*kind))).collect();
        assert_eq!(listed, known);
    }
}
