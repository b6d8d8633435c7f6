//! `dsv add --refresh`: looks at the sources of links again.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;

use super::add::{Stage, list};
use super::{LinkAction, LinkChange, LinkError, StagedLink, link_to, staged_links};
use crate::model::{BlobId, EntryKind, ExternalLink, Monitor, Totals};
use crate::plumbing::links::{LinkWriter, read_link};
use crate::plumbing::sparse::Behind;
use crate::plumbing::transfer::facts_of;
use crate::porcelain::pathspec::Pathspec;
use crate::porcelain::{Error, Repository};
use crate::remote::{Client, ObjectInfo, RemoteError, RemoteUrl, RequestStats, Scheme};
use crate::store::Writer;
use crate::worktree::{IndexEditor, Staged};

/// From so many links on a folder is listed, instead of a question for each.
const MIN_LISTED: usize = 8;
/// Objects that a page of a listing has: when more pages were read than there are links, questions would have been fewer.
const PAGE: usize = 1000;

/// What to look at.
#[derive(Debug, Clone, Default)]
pub struct RefreshOptions {
    /// Paths and patterns; all links when there are none.
    pub paths: Vec<OsString>,
    /// Unstage links whose sources are gone.
    pub update: bool,
    /// Tell what would be staged, and do nothing.
    pub dry_run: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshOutcome {
    /// What was staged, in order of path.
    pub changes: Vec<LinkChange>,
    /// Links whose sources changed, and the bytes that these have now.
    pub modified: Totals,
    /// Links whose sources are what was recorded.
    pub unchanged: Totals,
    /// Links whose sources are gone; they are still staged, unless they were to be removed.
    pub gone: Vec<LinkChange>,
    /// What it took, retries included.
    pub requests: RequestStats,
}

struct Looked {
    link: StagedLink,
    old: ExternalLink,
    key: String,
}

/// Looks at the sources of links again, with one listing for many of them, and stages those that changed.
///
/// # Errors
/// When no link is chosen, or a source cannot be reached: then nothing is staged.
pub fn refresh(
    repo: &Repository,
    options: &RefreshOptions,
    monitor: &Monitor<'_>,
) -> Result<RefreshOutcome, Error> {
    let spec = Pathspec::new(repo, &options.paths)?;
    let mut outcome = RefreshOutcome::default();
    if options.dry_run {
        let links = staged_links(repo, &repo.index()?, &spec)?;
        look_at_all(repo, links, &spec, monitor, &mut |looked, info| outcome.take(&looked, info).map(drop))?;
    } else {
        let mut index = repo.edit_index(monitor)?;
        let _objects = repo.lock_objects(monitor)?;
        let links = staged_links(repo, &index, &spec)?;
        let writer = Writer::new(repo.db())?;
        let mut links_out = LinkWriter::new(&writer)?;
        let behind = Behind::new(repo.db(), &index);
        look_at_all(repo, links, &spec, monitor, &mut |looked, info| match outcome.take(&looked, info)? {
            Some(new) => {
                let (kind, size, id) = (EntryKind::ExternalLink, new.size, links_out.put(&new)?.object());
                let staged = Staged { kind, size, id, stat: None, absent: false };
                index.put(&behind, &looked.link.path, staged)
            }
            None => Ok(()),
        })?;
        if options.update {
            remove_gone(&mut index, &mut outcome)?;
        }
        let stored = writer.finish()?;
        index.save()?;
        repo.note_stored(stored.stored_bytes)?;
    }
    outcome.changes.sort_by(|a, b| a.path.cmp(&b.path));
    outcome.gone.sort_by(|a, b| a.path.cmp(&b.path));
    outcome.requests = repo.links().stats();
    Ok(outcome)
}

fn remove_gone(index: &mut IndexEditor, outcome: &mut RefreshOutcome) -> Result<(), Error> {
    for gone in &outcome.gone {
        index.remove_all(&gone.path)?;
        outcome.changes.push(LinkChange { action: LinkAction::Removed, ..gone.clone() });
    }
    Ok(())
}

impl RefreshOutcome {
    /// Counts what was found of a source; gives back the new link where it changed.
    fn take(&mut self, looked: &Looked, info: Option<ObjectInfo>) -> Result<Option<ExternalLink>, Error> {
        let change = |action, link: &ExternalLink| LinkChange {
            path: looked.link.path.clone(),
            action,
            link: link.clone(),
        };
        let Some(info) = info else {
            self.gone.push(change(LinkAction::Removed, &looked.old));
            return Ok(None);
        };
        let (place, _) = RemoteUrl::of_link(&looked.old.url).map_err(RemoteError::from)?;
        let new = link_to(&place, &info)?;
        let totals = Totals { files: 1, bytes: new.size };
        if looked.old.same_source(&new) {
            self.unchanged = self.unchanged.plus(totals);
            return Ok(None);
        }
        self.modified = self.modified.plus(totals);
        self.changes.push(change(LinkAction::Modified, &new));
        Ok(Some(new))
    }
}

type EachLooked<'a> = &'a mut dyn FnMut(Looked, Option<ObjectInfo>) -> Result<(), Error>;

fn look_at_all(
    repo: &Repository,
    links: Vec<StagedLink>,
    spec: &Pathspec,
    monitor: &Monitor<'_>,
    each: EachLooked<'_>,
) -> Result<(), Error> {
    if links.is_empty() && !spec.is_empty() {
        return Err(LinkError::NoLink { paths: spec.texts() }.into());
    }
    monitor.progress.phase("Looking at sources", Some(links.len() as u64), None);
    let mut places: BTreeMap<String, (RemoteUrl, Vec<Looked>)> = BTreeMap::new();
    for link in links {
        let old = read_link(repo.db(), &BlobId::new(link.staged.id))?;
        let (place, key) = RemoteUrl::of_link(&old.url).map_err(RemoteError::from)?;
        places.entry(place.to_string()).or_insert_with(|| (place, Vec::new())).1.push(Looked {
            link,
            old,
            key,
        });
    }
    for (place, looked) in places.into_values() {
        let client = repo.links().client(&place)?;
        look_at_place(&client, looked, monitor, each)?;
    }
    Ok(())
}

fn look_at_place(
    client: &Client,
    looked: Vec<Looked>,
    monitor: &Monitor<'_>,
    each: EachLooked<'_>,
) -> Result<(), Error> {
    let mut rest = looked;
    let is_web = matches!(client.url().scheme(), Scheme::Http | Scheme::Https);
    if rest.len() >= MIN_LISTED && !is_web {
        let listed = listed(client, &rest, monitor)?;
        if let Some(mut listed) = listed {
            // A listing tells no versions: who recorded one asks for the new one.
            let (ask, told): (Vec<_>, Vec<_>) = rest.into_iter().partition(|one| {
                let found = listed.get(&one.key);
                one.old.version.is_some() && found.is_some_and(|info| !is_same(&one.old, info))
            });
            for one in told {
                monitor.progress.advance(1, 0);
                let info = listed.remove(&one.key);
                each(one, info)?;
            }
            rest = ask;
        }
    }
    let keys: Vec<&str> = rest.iter().map(|one| one.key.as_str()).collect();
    let found = facts_of(client, &keys, monitor)?;
    rest.into_iter().zip(found).try_for_each(|(one, info)| each(one, info))
}

fn is_same(old: &ExternalLink, info: &ObjectInfo) -> bool {
    let etags = old.etag.as_ref().zip(info.etag.as_deref());
    old.size == info.len && etags.is_some_and(|(old, new)| crate::remote::same_etag(old.as_str(), new))
}

/// What a listing of the folder that holds all of these tells of them; `None` when it would cost more than to ask for each.
fn listed(
    client: &Client,
    looked: &[Looked],
    monitor: &Monitor<'_>,
) -> Result<Option<HashMap<String, ObjectInfo>>, Error> {
    let wanted: std::collections::HashSet<&str> = looked.iter().map(|one| one.key.as_str()).collect();
    let folder = common_folder(looked.iter().map(|one| one.key.as_str()));
    let (mut found, mut seen) = (HashMap::with_capacity(looked.len()), 0);
    let (budget, mut is_over) = (looked.len().saturating_mul(PAGE), false);
    let listing = list(client, &folder, monitor, &mut |info| {
        seen += 1;
        is_over = seen > budget;
        if is_over {
            return Err(crate::model::Interrupted.into());
        }
        if wanted.contains(info.key.as_str()) {
            found.insert(info.key.clone(), info);
        }
        Ok(())
    });
    if is_over {
        return Ok(None);
    }
    listing?;
    Ok(Some(found))
}

/// The innermost folder in which all keys are.
fn common_folder<'k>(mut keys: impl Iterator<Item = &'k str>) -> String {
    let folder = |key: &'k str| key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let Some(mut common) = keys.next().map(folder) else { return String::new() };
    for key in keys {
        while !common.is_empty() && !key.strip_prefix(common).is_some_and(|below| below.starts_with('/')) {
            common = folder(common);
        }
    }
    common.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_that_is_listed_holds_all_keys_and_no_more_than_it_must() {
        for (keys, folder) in [
            (&["a/b/x", "a/b/y"][..], "a/b"),
            (&["a/b/x", "a/bc/y"], "a"),
            (&["a/b/c/x", "a/b/y"], "a/b"),
            (&["x", "a/y"], ""),
            (&["a/x"], "a"),
        ] {
            assert_eq!(common_folder(keys.iter().copied()), folder, "{keys:?}");
        }
    }
}
