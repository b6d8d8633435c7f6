//! Why a request failed: what a server answered, or how the way to it broke. No text in here is secret.

use std::error::Error;
use std::fmt;
use std::io;

/// Longest text of a server that is kept, in characters.
const MAX_TEXT: usize = 300;

/// A server's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The server's own word for it, such as `AccessDenied`; empty when it gave none.
    pub code: String,
    /// The server's explanation, shortened; empty when it gave none.
    pub message: String,
    /// The region that the bucket is in, where the server tells it.
    pub region: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// How the way to a server broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The name of the host leads nowhere.
    Dns,
    /// Nothing listens there.
    Refused,
    /// No connection, for another reason.
    Connect,
    /// The server's certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// No connection within the time that is allowed for it.
    ConnectTimeout,
    /// No byte moved for longer than is allowed.
    Stalled,
    /// The connection ended early.
    Reset,
    /// Something else, for example an answer that is no HTTP.
    Protocol,
}

impl Break {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "the name of the host cannot be resolved",
            Self::Refused => "the connection is refused",
            Self::Connect => "no connection can be made",
            Self::Tls => "no secure connection can be made",
            Self::ConnectTimeout => "no connection could be made in time",
            Self::Stalled => "nothing moved for too long",
            Self::Reset => "the connection was cut",
            Self::Protocol => "the exchange failed",
        }
    }
}

/// A request that got no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// How it broke.
    pub how: Break,
    /// More about it, in the words of the layer below; may be empty.
    pub detail: String,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.how.as_str())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

impl std::error::Error for Transport {}

#[cfg(feature = "s3")]
impl CredentialsError {
    /// For a reason that has only a text.
    pub(super) fn other(text: String) -> Self {
        Self { text, answer: None, broken: None, of_machine: false }
    }
}

/// Why a request failed, by what is known about it.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The server refused it.
    #[error(transparent)]
    Answer(#[from] Answer),
    /// It got no answer.
    #[error(transparent)]
    Transport(#[from] Transport),
    /// The operating system failed, with a folder.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Anything else, by its text.
    #[error("{0}")]
    Other(String),
}

/// No credentials were given.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct CredentialsError {
    /// Why.
    pub(super) text: String,
    /// What was answered, if anything was.
    pub(super) answer: Option<Answer>,
    /// How the way broke, if it did.
    pub(super) broken: Option<Transport>,
    /// Whether a service was asked that only machines of a cloud have.
    pub(super) of_machine: bool,
}

/// The text of the last cause: those above it repeat it, with URLs.
pub(super) fn deepest(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(error) = at {
        text = error.to_string();
        at = error.source();
    }
    text
}

/// One line of printable text, not too long, without what may be secret.
pub(super) fn tidy(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    let line = without_queries(&line);
    match line.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// Cuts the query from every URL, since signatures and tokens travel there.
fn without_queries(text: &str) -> String {
    let clean = |word: &str| match (word.contains("://"), word.split_once('?')) {
        (true, Some((url, _))) => format!("{url}?…"),
        _ => word.to_owned(),
    };
    text.split(' ').map(clean).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_in_a_line() {
        let answer = |code: &str, message: &str| {
            Answer { status: 403, code: code.into(), message: message.into(), region: None }.to_string()
        };
        assert_eq!(answer("", ""), "the server answered 403");
        assert_eq!(answer("AccessDenied", "No."), "the server answered 403 AccessDenied: No.");
    }

    #[test]
    fn texts_of_others_are_short_and_without_queries() {
        assert_eq!(tidy("a\nb"), "a");
        assert_eq!(tidy("at https://h/x?sig=abc now"), "at https://h/x?… now");
        assert_eq!(tidy(&"x".repeat(1000)).chars().count(), MAX_TEXT + 1);
    }
}
