//! Opens the store behind a URL.

use std::sync::Arc;

use object_store::local::LocalFileSystem;

use super::client::Opened;
use super::error::RemoteError;
use super::options::RemoteOptions;
use super::url::{RemoteUrl, Scheme};

#[cfg(feature = "cloud")]
pub(super) use wire::{Wire, no_retries};

/// Opens the store behind a URL, without a request.
///
/// # Errors
/// When the configuration makes no sense.
pub(super) fn open(url: &RemoteUrl, options: &RemoteOptions) -> Result<Opened, RemoteError> {
    let opened = match url.scheme() {
        // All folders hang below the root, so that one which does not exist yet can be opened too.
        Scheme::File => Ok(Opened::plain(Arc::new(LocalFileSystem::new().with_fsync(true)), false)),
        #[cfg(feature = "s3")]
        Scheme::S3 => super::s3::open(url, options),
        #[cfg(feature = "gcs")]
        Scheme::Gcs => super::gcs::open(url, options),
        #[cfg(feature = "azure")]
        Scheme::Azure => super::azure::open(url, options),
        #[cfg(feature = "cloud")]
        Scheme::Https | Scheme::Http => super::web::open(url, options),
        #[cfg(not(all(feature = "s3", feature = "gcs", feature = "azure")))]
        scheme => {
            let _ = options;
            Err(format!("this dsv was built without support for {}://", scheme.as_str()))
        }
    };
    opened.map_err(|why| RemoteError::Configuration { url: url.clone(), why })
}

#[cfg(feature = "cloud")]
mod wire {
    use std::sync::Arc;
    use std::time::Duration;

    use object_store::{ObjectStore, RetryConfig};

    use super::{Opened, RemoteOptions};
    use crate::remote::cause::{deepest, tidy};
    use crate::remote::http::Connector;
    use crate::remote::network::Network;
    use crate::remote::stats::Counters;

    /// What a store of the cloud is built with.
    pub(in crate::remote) struct Wire {
        network: Arc<Network>,
        counters: Arc<Counters>,
        idle: Duration,
        host: Option<String>,
    }

    impl Wire {
        /// `host` holds the objects; what is sent to others is about credentials. Without it all is about objects.
        ///
        /// # Errors
        /// What is wrong with certificates or proxies.
        pub(in crate::remote) fn new(options: &RemoteOptions, host: Option<String>) -> Result<Self, String> {
            let network = Arc::new(Network::new(options)?);
            Ok(Self { network, counters: Arc::default(), idle: options.idle_timeout, host })
        }

        /// The same for web servers, which may send to another address.
        ///
        /// # Errors
        /// What is wrong with certificates or proxies.
        pub(in crate::remote) fn of_web(options: &RemoteOptions) -> Result<Self, String> {
            let network = Arc::new(Network::new(options)?.following());
            Ok(Self { network, counters: Arc::default(), idle: options.idle_timeout, host: None })
        }

        pub(in crate::remote) fn connector(&self) -> Connector {
            Connector::new(
                Arc::clone(&self.network),
                Arc::clone(&self.counters),
                self.idle,
                self.host.clone(),
            )
        }

        #[cfg(feature = "s3")]
        pub(in crate::remote) fn network(&self) -> Arc<Network> {
            Arc::clone(&self.network)
        }

        /// Why a store could not be built, in a line.
        pub(in crate::remote) fn describe(&self, error: &object_store::Error) -> String {
            tidy(&deepest(error))
        }

        pub(in crate::remote) fn opened(
            self,
            store: Arc<dyn ObjectStore>,
            endpoint: Option<String>,
        ) -> Opened {
            Opened { store, counters: self.counters, counts: true, sorted: true, endpoint }
        }
    }

    /// Requests are sent again by the client, which knows what may be.
    pub(in crate::remote) fn no_retries() -> RetryConfig {
        RetryConfig { max_retries: 0, ..RetryConfig::default() }
    }
}
