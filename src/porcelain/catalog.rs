//! Every version that is known here, with its record: what lists and searches look through.
//!
//! There is no file of it that could be out of date: manifests and events are read as they are, ten thousand of them in
//! some hundredths of a second.

use std::collections::{BTreeMap, HashMap};

use super::{Error, Repository};
use crate::model::{DatasetName, FoldedRecord, Monitor, Version, VersionId, VersionState};
use crate::plumbing::history::all_here;
use crate::store::Events;

/// A version that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: VersionId,
    /// Its manifest.
    pub version: Version,
    /// What the dataset that it was made for is called now.
    pub dataset: DatasetName,
    /// What its events amount to.
    pub record: FoldedRecord,
}

impl Known {
    /// `vision/cats@1.2.0`, by the dataset's name of today.
    pub fn full_label(&self) -> String {
        format!("{}@{}", self.dataset, self.version.label)
    }

    /// Its state here.
    pub const fn state(&self) -> VersionState {
        self.record.state()
    }
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    /// In no definite order, those that were deleted among them.
    pub versions: Vec<Known>,
}

impl Catalog {
    /// Reads all that these versions lead to, as far as it is here. A dataset that is in `datasets` is not taken for another one
    /// that was renamed.
    ///
    /// # Errors
    /// When a version is damaged; when interrupted.
    pub(super) fn read(
        repo: &Repository,
        events: &Events,
        datasets: &[DatasetName],
        tips: impl IntoIterator<Item = VersionId>,
        monitor: &Monitor<'_>,
    ) -> Result<Self, Error> {
        let versions = all_here(repo.db(), tips, monitor)?;
        let mut records: BTreeMap<VersionId, FoldedRecord> = events.records();
        let mut names = Names::new(events, datasets);
        let known = versions.into_iter().map(|(id, version)| Known {
            id,
            dataset: names.today(&version.dataset),
            record: records.remove(&id).unwrap_or_default(),
            version,
        });
        Ok(Self { versions: known.collect() })
    }
}

/// What datasets are called that had another name.
struct Names {
    renamed: HashMap<DatasetName, DatasetName>,
}

impl Names {
    fn new(events: &Events, datasets: &[DatasetName]) -> Self {
        let mut renamed = HashMap::new();
        for name in datasets {
            for former in events.known_as(name).former {
                if datasets.binary_search(&former).is_err() {
                    renamed.insert(former, name.clone());
                }
            }
        }
        Self { renamed }
    }

    fn today(&mut self, name: &DatasetName) -> DatasetName {
        self.renamed.get(name).unwrap_or(name).clone()
    }
}
