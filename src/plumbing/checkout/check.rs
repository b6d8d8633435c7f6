//! What would be lost, and what there is to do.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io::{self, BufRead};

use super::{CheckoutError, Content, Context, Obstacle, PathChange};
use crate::model::{BlobId, EntryKind, ObjectId, RepoPath};
use crate::plumbing::hash_file::hash_file;
use crate::plumbing::links::bytes_of;
use crate::sys::{FileKind, IoContext, Stat};
use crate::worktree::{Staged, StagingIndex, Target};

/// Most obstacles that are looked for; more tell nobody more.
const MAX_OBSTACLES: usize = 10_000;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is in the way and goes with all that is in it, since that was forced.
    pub(super) clear: BTreeSet<RepoPath>,
    /// Paths that go.
    pub(super) remove: Vec<(RepoPath, Target)>,
    /// Empty folders that go, unless something is in them or comes into them.
    pub(super) remove_folders: Vec<RepoPath>,
    /// Paths that come or change.
    pub(super) write: Vec<(RepoPath, Content, Target)>,
    /// Paths whose file is right already.
    pub(super) keep: Vec<(RepoPath, Content, Option<Stat>)>,
}

impl Plan {
    /// Paths that are touched.
    pub(super) fn len(&self) -> u64 {
        (self.clear.len() + self.remove.len() + self.remove_folders.len() + self.write.len()) as u64
    }
}

/// What is on the disk at a path.
enum OnDisk {
    Nothing,
    /// A folder on the way is a file or a link.
    Blocked(RepoPath),
    Something(Stat),
}

/// The paths that go; gathered only when somebody asks, which is where files become folders or folders files.
struct Going<'a> {
    changes: &'a [PathChange],
    paths: OnceCell<BTreeSet<&'a RepoPath>>,
}

impl Going<'_> {
    fn contains(&self, path: &RepoPath) -> bool {
        let going = || self.changes.iter().filter(|change| change.new.is_none()).map(|change| &change.path);
        self.paths.get_or_init(|| going().collect()).contains(path)
    }
}

pub(super) fn plan(
    context: &Context<'_>,
    index: &StagingIndex,
    changes: &[PathChange],
) -> Result<Plan, CheckoutError> {
    let mut plan = Plan::default();
    let mut obstacles: Vec<(RepoPath, Obstacle)> = Vec::new();
    let going = Going { changes, paths: OnceCell::new() };
    for change in changes {
        context.monitor.interrupt.check()?;
        let planned = plan_one(context, index, change, &going, &mut plan);
        if let Some(obstacle) = planned.map_err(|error| error.about(&change.path))? {
            // One thing can be in the way of many.
            if obstacles.last() != Some(&obstacle) {
                obstacles.push(obstacle);
            }
            if obstacles.len() >= MAX_OBSTACLES {
                break;
            }
        }
    }
    if obstacles.is_empty() { Ok(plan) } else { Err(CheckoutError::WouldOverwrite { obstacles }) }
}

fn plan_one(
    context: &Context<'_>,
    index: &StagingIndex,
    change: &PathChange,
    going: &Going<'_>,
    plan: &mut Plan,
) -> Result<Option<(RepoPath, Obstacle)>, CheckoutError> {
    let PathChange { path, old, new } = change;
    let lost = |why| Ok(Some((path.clone(), why)));
    let force = context.options.force;
    let staged = index.get(path)?;
    if !force
        && (staged_is_lost(index, change, staged.as_ref())?
            || new.is_some() && staged_below_is_lost(index, path, going)?)
    {
        return lost(Obstacle::Staged);
    }
    let mut target = Target::Absent;
    let mut is_folder = false;
    match on_disk(context, path)? {
        OnDisk::Nothing => {}
        OnDisk::Blocked(by) => {
            if new.is_some() && !goes(index, going, &by)? {
                if !force {
                    let tracked = index.get(&by)?.is_some();
                    return Ok(Some((by, if tracked { Obstacle::Staged } else { Obstacle::Untracked })));
                }
                plan.clear.insert(by);
            }
        }
        OnDisk::Something(stat) if stat.kind == FileKind::Directory => {
            is_folder = true;
            if new.is_some_and(|new| new.kind != EntryKind::Directory)
                && !folder_goes(context, index, path, going, &mut plan.remove_folders)?
            {
                if !force {
                    return lost(Obstacle::Untracked);
                }
                // What is in a repository is nothing that a file of this one could be meant to replace.
                if holds_repository(context, path)? {
                    return Err(CheckoutError::HoldsRepository { path: path.clone() });
                }
                plan.clear.insert(path.clone());
            }
        }
        OnDisk::Something(stat) => {
            // Who forces wants to be rid of whatever is there.
            target = Target::Replace(Some(stat).filter(|_| !force));
            if let Some(new) = new
                && is_already(context, path, new, staged.as_ref(), &stat)?
            {
                plan.keep.push((path.clone(), *new, Some(stat)));
                return Ok(None);
            }
            if new.is_none() && staged.is_none() && old.is_none() {
                return Ok(None);
            }
            if !force && let Some(obstacle) = file_is_lost(context, change, staged.as_ref(), &stat)? {
                return lost(obstacle);
            }
            if new.is_none() && staged.is_none() {
                // Unstaged by hand and left lying: it is nobody's, and stays.
                return Ok(None);
            }
        }
    }
    match new {
        Some(content) if content.kind == EntryKind::Directory && target != Target::Absent => {
            // No folder takes the place of a file in one step.
            plan.remove.push((path.clone(), target));
            plan.write.push((path.clone(), *content, Target::Absent));
        }
        Some(content) => plan.write.push((path.clone(), *content, target)),
        None if is_folder => plan.remove_folders.push(path.clone()),
        None => plan.remove.push((path.clone(), target)),
    }
    Ok(None)
}

/// Whether a folder is a repository, dsv's or git's, or holds one.
fn holds_repository(context: &Context<'_>, folder: &RepoPath) -> Result<bool, CheckoutError> {
    let absolute = context.materializer.locate(folder)?;
    let entries = context.db.fs().list(&absolute).and_then(|dir| dir.entries()).at("list", &absolute)?;
    for (name, kind) in entries {
        if matches!(name.as_slice(), b".git" | b".dsv") {
            return Ok(true);
        }
        // What cannot be a path of ours cannot be looked into by one.
        if kind == FileKind::Directory
            && let Ok(name) = crate::model::EntryName::new(name)
            && holds_repository(context, &folder.join(&name))?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file goes by a change of its own. One that nobody tracks any more stays, though it goes from the
/// versions.
fn goes(index: &StagingIndex, going: &Going<'_>, path: &RepoPath) -> Result<bool, CheckoutError> {
    Ok(going.contains(path) && index.get(path)?.is_some())
}

/// Whether what is staged is neither what the change starts from nor what it leads to.
fn staged_is_lost(
    index: &StagingIndex,
    change: &PathChange,
    staged: Option<&Staged>,
) -> Result<bool, CheckoutError> {
    let same = |content: &Option<Content>| match (content, staged) {
        (Some(content), Some(staged)) => content.is(staged),
        (None, None) => true,
        _ => false,
    };
    if same(&change.old) || same(&change.new) {
        return Ok(false);
    }
    // An empty directory is no entry any more as soon as something was staged below it.
    let filled =
        change.old.is_some_and(|old| old.kind == EntryKind::Directory) && index.has_below(&change.path)?;
    Ok(!filled)
}

/// Whether something that stays is staged below a path that becomes an entry, with which it would go.
fn staged_below_is_lost(
    index: &StagingIndex,
    path: &RepoPath,
    going: &Going<'_>,
) -> Result<bool, CheckoutError> {
    if !index.has_below(path)? {
        return Ok(false);
    }
    for entry in index.iter_below(path) {
        if !going.contains(&entry?.path) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn on_disk(context: &Context<'_>, path: &RepoPath) -> Result<OnDisk, CheckoutError> {
    let fs = &**context.db.fs();
    let absolute = context.materializer.locate(path)?;
    match fs.stat(&absolute) {
        // A link above the path leads elsewhere: then the path itself is not on our disk.
        Ok(stat) => {
            Ok(context.materializer.obstacle_above(path)?.map_or(OnDisk::Something(stat), OnDisk::Blocked))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(context.materializer.obstacle_above(path)?.map_or(OnDisk::Nothing, OnDisk::Blocked))
        }
        Err(error) => Ok(Err(error).at("stat", &absolute)?),
    }
}

/// Whether the file is what it is to become, by its facts or its bytes.
fn is_already(
    context: &Context<'_>,
    path: &RepoPath,
    new: &Content,
    staged: Option<&Staged>,
    stat: &Stat,
) -> Result<bool, CheckoutError> {
    if !kind_fits(new.kind, stat) || stat.size != new.size {
        return Ok(false);
    }
    if let Some(staged) = staged
        && staged.stat.is_some_and(|facts| facts.proves_unchanged(stat))
    {
        return Ok(new.is(staged));
    }
    is_content(context, path, new.kind, &new.id)
}

const fn kind_fits(kind: EntryKind, stat: &Stat) -> bool {
    match kind {
        EntryKind::File => matches!(stat.kind, FileKind::File) && !stat.executable(),
        EntryKind::Executable => matches!(stat.kind, FileKind::File) && stat.executable(),
        EntryKind::Symlink => matches!(stat.kind, FileKind::Symlink),
        EntryKind::Directory => matches!(stat.kind, FileKind::Directory),
        EntryKind::ExternalLink => matches!(stat.kind, FileKind::File),
    }
}

/// Why replacing or removing this file would lose something; `None` when it would not.
fn file_is_lost(
    context: &Context<'_>,
    change: &PathChange,
    staged: Option<&Staged>,
    stat: &Stat,
) -> Result<Option<Obstacle>, CheckoutError> {
    if let Some(staged) = staged {
        let same_size = stat.size == staged.size;
        if same_size && staged.stat.is_some_and(|facts| facts.proves_unchanged(stat)) {
            return Ok(None);
        }
        if same_size
            && kind_fits(staged.kind, stat)
            && is_content(context, &change.path, staged.kind, &staged.id)?
        {
            return Ok(None);
        }
    }
    if let Some(new) = &change.new
        && is_beginning(context, &change.path, new, stat)?
    {
        return Ok(None);
    }
    match (staged, &change.new) {
        (Some(_), _) => Ok(Some(Obstacle::Modified)),
        // It goes from the versions and was never staged here: it stays as it is.
        (None, None) => Ok(None),
        (None, Some(_)) => Ok(Some(Obstacle::Untracked)),
    }
}

/// Whether a file holds the bytes of an entry; of a link, those that it was found to lead to.
fn is_content(
    context: &Context<'_>,
    path: &RepoPath,
    kind: EntryKind,
    id: &ObjectId,
) -> Result<bool, CheckoutError> {
    let Some(expected) = bytes_of(context.db, kind, id)? else { return Ok(false) };
    Ok(hash(context, path)? == Some(expected))
}

fn hash(context: &Context<'_>, path: &RepoPath) -> Result<Option<crate::model::ObjectId>, CheckoutError> {
    let absolute = context.materializer.locate(path)?;
    match hash_file(&**context.db.fs(), &absolute, context.monitor.interrupt) {
        Ok((id, _, _)) => Ok(Some(id.object())),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        // Whoever forces need not know what is replaced.
        Err(error) if context.options.force && error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => {
            context.monitor.interrupt.check()?;
            Ok(Err(error).at("read", &absolute)?)
        }
    }
}

/// Whether the file holds the first bytes of what it is to become: what a checkout that was ended in the
/// middle leaves behind, and no loss. The executable bit is there from the creation on, so where it differs
/// a person changed it.
fn is_beginning(
    context: &Context<'_>,
    path: &RepoPath,
    new: &Content,
    stat: &Stat,
) -> Result<bool, CheckoutError> {
    let regular = matches!(new.kind, EntryKind::File | EntryKind::Executable | EntryKind::ExternalLink);
    if !regular || !kind_fits(new.kind, stat) || stat.size > new.size {
        return Ok(false);
    }
    let Some(blob) = bytes_of(context.db, new.kind, &new.id)?.map(BlobId::new) else { return Ok(false) };
    // What a link leads to is not asked for to know that.
    if new.kind == EntryKind::ExternalLink && !context.db.contains_blob(&blob)? {
        return Ok(false);
    }
    let absolute = context.materializer.locate(path)?;
    let mut file = context.db.fs().open_nofollow(&absolute).at("open", &absolute)?;
    let mut blob = context.db.open_blob(&blob)?;
    let mut buf = vec![0; 64 * 1024];
    loop {
        context.monitor.interrupt.check()?;
        let n = file.read(&mut buf).at("read", &absolute)?;
        if n == 0 {
            return Ok(true);
        }
        let mut rest = &buf[..n];
        while !rest.is_empty() {
            let stored = blob.fill()?;
            let common = stored.len().min(rest.len());
            if common == 0 || stored[..common] != rest[..common] {
                return Ok(false);
            }
            blob.consume(common);
            rest = &rest[common..];
        }
    }
}

/// Whether a folder holds nothing but what goes and other such folders; these and itself are noted, the
/// innermost first.
fn folder_goes(
    context: &Context<'_>,
    index: &StagingIndex,
    folder: &RepoPath,
    going: &Going<'_>,
    folders: &mut Vec<RepoPath>,
) -> Result<bool, CheckoutError> {
    let absolute = context.materializer.locate(folder)?;
    let entries = context.db.fs().list(&absolute).and_then(|dir| dir.entries()).at("list", &absolute)?;
    for (name, kind) in entries {
        let Ok(name) = crate::model::EntryName::new(name) else { return Ok(false) };
        let path = folder.join(&name);
        let goes = match kind {
            FileKind::Directory => folder_goes(context, index, &path, going, folders)?,
            _ => goes(index, going, &path)?,
        };
        if !goes {
            return Ok(false);
        }
    }
    folders.push(folder.clone());
    Ok(true)
}
