//! Opens the store behind a URL.

use std::sync::Arc;

use object_store::local::LocalFileSystem;

use super::client::Opened;
use super::error::RemoteError;
use super::options::RemoteOptions;
use super::url::{RemoteUrl, Scheme};

/// Opens the store behind a URL, without a request.
///
/// # Errors
/// When the configuration makes no sense.
pub(super) fn open(url: &RemoteUrl, _options: &RemoteOptions) -> Result<Opened, RemoteError> {
    match url.scheme() {
        Scheme::File => {
            // All folders hang below the root, so that one which does not exist yet can be opened too.
            let store = LocalFileSystem::new().with_fsync(true);
            Ok(Opened::plain(Arc::new(store), false))
        }
        scheme => Err(RemoteError::Configuration {
            url: url.clone(),
            why: format!("this dsv was built without support for {}://", scheme.as_str()),
        }),
    }
}
