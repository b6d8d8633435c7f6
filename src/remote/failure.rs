//! Sorts the failures of the layer below into what can be done about them.

use std::error::Error;
use std::io;

use super::cause::{Answer, Break, Cause, CredentialsError, Transport, deepest, tidy};
use super::error::{Action, RemoteError};
use super::url::{RemoteUrl, Scheme};

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The object is not there.
    Absent,
    /// The object is there and should not be.
    Exists,
    Credentials,
    Denied,
    NoBucket,
    WrongRegion,
    ClockSkew,
    Unreachable,
    Broken,
    Busy,
    /// What was asked for is not to be had from this server.
    Unsupported,
    Other,
}

/// A failure of one attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) class: Class,
    pub(super) cause: Cause,
}

impl Failure {
    /// A transfer that broke.
    pub(super) fn broken(how: Break, detail: impl Into<String>) -> Self {
        Transport { how, detail: detail.into() }.into()
    }

    /// Whether the same request may succeed a little later.
    pub(super) fn may_pass(&self) -> bool {
        match self.class {
            Class::Broken | Class::Busy => true,
            Class::Unreachable => !self.is_transport(Break::Tls),
            _ => false,
        }
    }

    /// Whether the way broke in this way.
    pub(super) fn is_transport(&self, how: Break) -> bool {
        matches!(&self.cause, Cause::Transport(broken) if broken.how == how)
    }
}

impl Failure {
    /// The failure as the layers above see it.
    pub(super) fn into_error(
        self,
        url: RemoteUrl,
        endpoint: Option<String>,
        action: Action,
        key: &str,
    ) -> RemoteError {
        let (key, source) = (key.to_owned(), self.cause);
        // Nobody looks for an object where one is to be written or listed: it is the bucket that is missing.
        let is_bucket = matches!(action, Action::Write | Action::List) && url.scheme() != Scheme::File;
        let class = if self.class == Class::Absent && is_bucket { Class::NoBucket } else { self.class };
        match class {
            Class::Credentials => RemoteError::Credentials { url, source },
            Class::Denied => RemoteError::Denied { url, key, action, source },
            Class::NoBucket => RemoteError::NoBucket { url, source },
            Class::ClockSkew => RemoteError::ClockSkew { url, source },
            Class::Unreachable => RemoteError::Unreachable { url, endpoint, source },
            Class::Broken => RemoteError::Broken { url, key, action, source },
            Class::Busy => RemoteError::Busy { url, source },
            Class::WrongRegion => {
                let region = match &source {
                    Cause::Answer(answer) => answer.region.clone(),
                    _ => None,
                };
                RemoteError::WrongRegion { url, region, source }
            }
            Class::Absent | Class::Exists | Class::Unsupported | Class::Other => {
                RemoteError::Other { url, key, action, source }
            }
        }
    }
}

impl From<Answer> for Failure {
    fn from(answer: Answer) -> Self {
        Self { class: class_of(&answer), cause: Cause::Answer(answer) }
    }
}

impl From<Transport> for Failure {
    fn from(broken: Transport) -> Self {
        let class = match broken.how {
            Break::Dns | Break::Refused | Break::Connect | Break::Tls | Break::ConnectTimeout => {
                Class::Unreachable
            }
            Break::Stalled | Break::Reset | Break::Protocol => Class::Broken,
        };
        Self { class, cause: Cause::Transport(broken) }
    }
}

/// Whoever gives no credentials is told as such, unless the way to him broke or he asks to come again.
impl From<&CredentialsError> for Failure {
    fn from(error: &CredentialsError) -> Self {
        let known = match (&error.answer, &error.broken) {
            (Some(answer), _) => Self::from(answer.clone()),
            (_, Some(broken)) => Self::from(broken.clone()),
            _ => Self { class: Class::Credentials, cause: Cause::Other(error.text.clone()) },
        };
        let stands = known.class == Class::Busy || (known.may_pass() && !error.of_machine);
        Self { class: if stands { known.class } else { Class::Credentials }, ..known }
    }
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        if let Some(of_credentials) = find::<CredentialsError>(&error) {
            return of_credentials.into();
        }
        if let Some(answer) = find::<Answer>(&error) {
            return answer.clone().into();
        }
        if let Some(broken) = find::<Transport>(&error) {
            return broken.clone().into();
        }
        let of_system = find::<io::Error>(&error);
        let class = match &error {
            object_store::Error::NotFound { .. } => Class::Absent,
            object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => {
                Class::Exists
            }
            object_store::Error::PermissionDenied { .. } => Class::Denied,
            object_store::Error::Unauthenticated { .. } => Class::Credentials,
            object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. } => {
                Class::Unsupported
            }
            _ => of_system.map_or(Class::Other, class_of_io),
        };
        let cause = of_system.map_or_else(|| Cause::Other(tidy(&deepest(&error))), |e| Cause::Io(same(e)));
        Self { class, cause }
    }
}

fn class_of_io(error: &io::Error) -> Class {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Class::Denied,
        io::ErrorKind::NotFound => Class::Absent,
        io::ErrorKind::AlreadyExists => Class::Exists,
        _ => Class::Other,
    }
}

/// A copy of an error that cannot be cloned.
fn same(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| io::Error::new(error.kind(), tidy(&error.to_string())), io::Error::from_raw_os_error)
}

/// The first error of a type in a chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        at = error.source();
    }
    None
}

/// What an answer means: by the server's word where there is one, else by the status.
fn class_of(answer: &Answer) -> Class {
    match answer.code.as_str() {
        "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" => Class::NoBucket,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "ExpiredToken"
        | "TokenRefreshRequired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "AuthenticationFailed"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "invalid_grant"
        | "invalid_client" => Class::Credentials,
        "RequestTimeTooSkewed" | "RequestExpired" => Class::ClockSkew,
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" | "IncorrectEndpoint" => {
            Class::WrongRegion
        }
        "SlowDown"
        | "ServerBusy"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "OperationAborted"
        | "ConditionalRequestConflict"
        | "InternalError"
        | "rateLimitExceeded" => Class::Busy,
        "RequestTimeout" => Class::Broken,
        "NoSuchKey" | "BlobNotFound" => Class::Absent,
        "BlobAlreadyExists" | "PreconditionFailed" => Class::Exists,
        "NotImplemented" => Class::Unsupported,
        _ => class_of_status(answer.status),
    }
}

const fn class_of_status(status: u16) -> Class {
    match status {
        301 | 302 | 307 | 308 => Class::WrongRegion,
        401 => Class::Credentials,
        403 => Class::Denied,
        404 => Class::Absent,
        405 | 501 => Class::Unsupported,
        409 | 412 => Class::Exists,
        408 => Class::Broken,
        425 | 429 | 500 | 502 | 503 | 504 => Class::Busy,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Failure {
        Answer { status, code: code.into(), message: String::new(), region: None }.into()
    }

    #[test]
    fn the_word_of_a_server_goes_before_its_status() {
        assert_eq!(answer(403, "RequestTimeTooSkewed").class, Class::ClockSkew);
        assert_eq!(answer(403, "SignatureDoesNotMatch").class, Class::Credentials);
        assert_eq!(answer(403, "AccessDenied").class, Class::Denied);
        assert_eq!(answer(400, "AuthorizationHeaderMalformed").class, Class::WrongRegion);
        assert_eq!(answer(409, "ConditionalRequestConflict").class, Class::Busy);
        assert_eq!(answer(409, "BlobAlreadyExists").class, Class::Exists);
        assert_eq!(answer(404, "NoSuchBucket").class, Class::NoBucket);
        assert_eq!(answer(501, "").class, Class::Unsupported);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, passes) in
            [(429, true), (500, true), (503, true), (403, false), (400, false), (501, false)]
        {
            assert_eq!(answer(status, "").may_pass(), passes, "{status}");
        }
        for (how, passes) in
            [(Break::Reset, true), (Break::Stalled, true), (Break::Dns, true), (Break::Tls, false)]
        {
            assert_eq!(Failure::broken(how, "").may_pass(), passes, "{how:?}");
        }
    }

    #[test]
    fn a_typed_cause_is_found_below_others() {
        let inner = Transport { how: Break::Reset, detail: String::new() };
        let error = object_store::Error::Generic { store: "S3", source: Box::new(inner) };
        assert!(Failure::from(error).is_transport(Break::Reset));
        let system = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = object_store::Error::Generic { store: "local", source: Box::new(system) };
        assert_eq!(Failure::from(error).class, Class::Denied);
    }
}
