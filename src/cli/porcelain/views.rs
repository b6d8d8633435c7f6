//! What several commands show alike: counts, changes, versions.

use serde::Serialize;

use super::record::{NoteLine, note_lines};
use crate::cli::ui::{Palette, plural, size};
use crate::model::{Entry, RepoPath, Totals, Version, VersionId, quote_path};
use crate::plumbing::diff_tree::{DiffTotals, Rename, TreeChange};
use crate::porcelain::{Marks, VersionSummary};

/// Digits of the ids that people see.
pub(crate) const SHORT: usize = 12;

/// A path for a program: as it is when it is UTF-8, else in C quotes as `core.quotePath` writes it.
pub(crate) fn json_path(path: &RepoPath) -> String {
    let bytes = path.as_bytes();
    std::str::from_utf8(bytes).map_or_else(|_| quote_path(bytes), str::to_owned)
}

/// Files and bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Count {
    files: u64,
    bytes: u64,
}

impl From<Totals> for Count {
    fn from(totals: Totals) -> Self {
        Self { files: totals.files, bytes: totals.bytes }
    }
}

/// What a difference amounts to.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sums {
    added: Count,
    modified: Count,
    removed: Count,
    renamed: Count,
}

impl From<&DiffTotals> for Sums {
    fn from(totals: &DiffTotals) -> Self {
        let DiffTotals { added, modified, removed, renamed } = *totals;
        Self {
            added: added.into(),
            modified: modified.into(),
            removed: removed.into(),
            renamed: renamed.into(),
        }
    }
}

/// `3 files added (2.0 KiB), 1 file removed (10 B)`; `no file changed` where nothing did.
pub(crate) fn sums_text(totals: &DiffTotals) -> String {
    let part = |totals: Totals, word: &str| {
        let files = plural(totals.files, "file", "files");
        (totals.files > 0).then(|| format!("{files} {word} ({})", size(totals.bytes)))
    };
    let parts = [
        part(totals.added, "added"),
        part(totals.modified, "modified"),
        part(totals.removed, "removed"),
        part(totals.renamed, "renamed"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "no file changed".to_owned() } else { parts.join(", ") }
}

/// One changed path, for a program.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChangeLine {
    /// `added`, `modified`, `removed` or `renamed`.
    pub(crate) action: &'static str,
    /// Where; of a renamed one, the new path.
    pub(crate) path: String,
    /// The old path of a renamed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) old: Option<Side>,
    /// What is there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new: Option<Side>,
}

/// One side of a change.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Side {
    /// What it is.
    pub(crate) kind: &'static str,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Its id, where it had to be known.
    pub(crate) id: Option<String>,
}

impl From<&Entry> for Side {
    fn from(entry: &Entry) -> Self {
        Self { kind: entry.kind.as_str(), bytes: entry.size, id: Some(entry.id.to_string()) }
    }
}

/// The word for what happened, by which sides there are.
pub(crate) const fn action(old: bool, new: bool) -> &'static str {
    match (old, new) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) => "modified",
    }
}

/// Changes of trees, renames last.
pub(crate) fn change_lines(changes: &[TreeChange], renames: &[Rename]) -> Vec<ChangeLine> {
    let changed = changes.iter().map(|change| ChangeLine {
        action: action(change.old.is_some(), change.new.is_some()),
        path: json_path(&change.path),
        from: None,
        old: change.old.as_ref().map(Side::from),
        new: change.new.as_ref().map(Side::from),
    });
    let renamed = renames.iter().map(|rename| ChangeLine {
        action: "renamed",
        path: json_path(&rename.to),
        from: Some(json_path(&rename.from)),
        old: Some((&rename.entry).into()),
        new: Some((&rename.entry).into()),
    });
    changed.chain(renamed).collect()
}

/// The style for what happened.
pub(crate) fn style(palette: &Palette, action: &str) -> anstyle::Style {
    match action {
        "added" => palette.added,
        "removed" => palette.removed,
        "renamed" => palette.renamed,
        _ => palette.changed,
    }
}

/// ` (HEAD, cats, origin/cats, tag: gold)`, or nothing.
pub(crate) fn marks_text(marks: &Marks, palette: &Palette) -> String {
    let name = palette.name;
    let head = marks.head.then(|| "HEAD".to_owned());
    let datasets = marks.datasets.iter().map(ToString::to_string);
    let tags = marks.tags.iter().map(|tag| format!("tag: {tag}"));
    let tracked = marks.tracked.iter().cloned();
    let record = &marks.record;
    let states = [
        record.published.is_some().then_some("published"),
        record.deleted.is_some().then_some("deleted"),
        record.archived.is_some().then_some("archived"),
    ];
    let states = states.into_iter().flatten().map(str::to_owned);
    let all: Vec<String> =
        head.into_iter().chain(datasets).chain(tracked).chain(tags).chain(states).collect();
    if all.is_empty() { String::new() } else { format!(" ({name}{}{name:#})", all.join(", ")) }
}

/// A version, for a program.
#[derive(Debug, Serialize)]
pub(crate) struct VersionDocument<'a> {
    id: String,
    dataset: &'a str,
    label: String,
    parents: Vec<String>,
    tree: String,
    author: &'a crate::model::Author,
    time: String,
    message: &'a str,
    metadata: &'a std::collections::BTreeMap<String, serde_json::Value>,
    origin: &'a crate::model::Origin,
    files: u64,
    bytes: u64,
    head: bool,
    datasets: Vec<&'a str>,
    /// Of remotes, as `REMOTE/DATASET`.
    tracked: Vec<&'a str>,
    tags: Vec<&'a str>,
    state: &'static str,
    archived: bool,
    description: Option<&'a str>,
    notes: Vec<NoteLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Sums>,
}

impl<'a> VersionDocument<'a> {
    /// All that is known of a version.
    pub(crate) fn new(
        id: &VersionId,
        version: &'a Version,
        marks: &'a Marks,
        changes: Option<&DiffTotals>,
    ) -> Self {
        Self {
            id: id.to_string(),
            dataset: version.dataset.as_str(),
            label: version.label.to_string(),
            parents: version.parents.iter().map(ToString::to_string).collect(),
            tree: version.tree.to_string(),
            author: &version.author,
            time: version.time.to_string(),
            message: &version.message,
            metadata: &version.metadata,
            origin: &version.origin,
            files: version.totals.files,
            bytes: version.totals.bytes,
            head: marks.head,
            datasets: marks.datasets.iter().map(crate::model::DatasetName::as_str).collect(),
            tracked: marks.tracked.iter().map(String::as_str).collect(),
            tags: marks.tags.iter().map(crate::model::TagName::as_str).collect(),
            state: marks.record.state().as_str(),
            archived: marks.record.archived.is_some(),
            description: marks.record.description.as_deref(),
            notes: note_lines(&marks.record),
            changes: changes.map(Sums::from),
        }
    }
}

/// A version in a list, for a program.
#[derive(Debug, Serialize)]
pub(crate) struct SummaryDocument {
    id: String,
    dataset: String,
    label: String,
    time: String,
    subject: String,
    files: u64,
    bytes: u64,
}

impl From<&VersionSummary> for SummaryDocument {
    fn from(summary: &VersionSummary) -> Self {
        Self {
            id: summary.id.to_string(),
            dataset: summary.dataset.to_string(),
            label: summary.label.to_string(),
            time: summary.time.to_string(),
            subject: summary.subject.clone(),
            files: summary.totals.files,
            bytes: summary.totals.bytes,
        }
    }
}
