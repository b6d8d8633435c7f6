//! Versions that were deleted while others came after them: their manifests stay, so that a line of versions stays one, and
//! their trees need not.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::model::VersionId;

/// Tells which versions were deleted.
type Source = Arc<dyn Fn() -> HashSet<VersionId> + Send + Sync>;

/// The deleted versions, as far as they are known; found out when somebody asks for the first time.
#[derive(Default)]
pub struct Tombstones {
    source: OnceLock<Source>,
    known: RwLock<Option<Arc<HashSet<VersionId>>>>,
}

impl fmt::Debug for Tombstones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tombstones").finish_non_exhaustive()
    }
}

impl Tombstones {
    /// Says who knows; only the first one counts.
    pub fn set_source(&self, source: impl Fn() -> HashSet<VersionId> + Send + Sync + 'static) {
        let _ = self.source.set(Arc::new(source));
    }

    /// The source is asked again, the next time: it may know more.
    pub fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// All of them.
    pub fn all(&self) -> Arc<HashSet<VersionId>> {
        if let Some(known) = &*self.known.read().unwrap_or_else(PoisonError::into_inner) {
            return Arc::clone(known);
        }
        let known = Arc::new(self.source.get().map(|source| source()).unwrap_or_default());
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        known
    }

    /// Whether a version was deleted.
    pub fn contains(&self, id: &VersionId) -> bool {
        self.all().contains(id)
    }
}
