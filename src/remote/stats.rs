//! What was sent to a remote and what came back, as it went over the wire.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of requests and bytes. Retries count like all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestStats {
    /// Requests for an object or a listing.
    pub gets: u64,
    /// Requests for an object's facts alone.
    pub heads: u64,
    /// Requests that write an object.
    pub puts: u64,
    /// Requests that remove an object.
    pub deletes: u64,
    /// All other requests.
    pub others: u64,
    /// Bytes of the bodies that were sent.
    pub bytes_sent: u64,
    /// Bytes of the bodies that were received.
    pub bytes_received: u64,
}

impl RequestStats {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            gets: self.gets + other.gets,
            heads: self.heads + other.heads,
            puts: self.puts + other.puts,
            deletes: self.deletes + other.deletes,
            others: self.others + other.others,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            bytes_received: self.bytes_received + other.bytes_received,
        }
    }

    /// Requests of any kind.
    pub const fn requests(&self) -> u64 {
        self.gets + self.heads + self.puts + self.deletes + self.others
    }
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Head,
    Put,
    Delete,
    #[cfg(feature = "cloud")]
    Other,
}

/// The counters behind [`RequestStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    gets: AtomicU64,
    heads: AtomicU64,
    puts: AtomicU64,
    deletes: AtomicU64,
    others: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

impl Counters {
    pub(super) fn request(&self, verb: Verb) {
        let counter = match verb {
            Verb::Get => &self.gets,
            Verb::Head => &self.heads,
            Verb::Put => &self.puts,
            Verb::Delete => &self.deletes,
            #[cfg(feature = "cloud")]
            Verb::Other => &self.others,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.bytes_received.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> RequestStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RequestStats {
            gets: get(&self.gets),
            heads: get(&self.heads),
            puts: get(&self.puts),
            deletes: get(&self.deletes),
            others: get(&self.others),
            bytes_sent: get(&self.bytes_sent),
            bytes_received: get(&self.bytes_received),
        }
    }
}
