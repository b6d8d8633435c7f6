//! The plan onto the disk: first what goes, then, in parallel, what comes.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::check::Plan;
use super::undo::{self, Done, Written, content_of};
use super::{CheckoutError, CheckoutStats, Content, Context};
use crate::codec::pack::RecordKind;
use crate::model::{BlobId, EntryKind, RepoPath};
use crate::store::BlobReader;
use crate::sys::{CreateOptions, File, IoContext, Stat};
use crate::worktree::{IndexEditor, MaterializeError, Staged, StatFacts, Target};

/// Files that a thread takes at once.
const BATCH: usize = 64;
/// A file of at least this size is written by threads of its own.
pub(super) const LARGE: u64 = 32 * 1024 * 1024;
/// Bytes that go from the reading thread to the hashing and the writing one at once.
const BLOCK_LEN: usize = 1024 * 1024;

pub(super) type WriteItem = (RepoPath, Content, Target);

pub(super) fn carry_out(
    context: &Context<'_>,
    index: &mut IndexEditor,
    plan: Plan,
) -> Result<CheckoutStats, CheckoutError> {
    let all = plan.len();
    let mut done = Done::default();
    let worked = work(context, index, plan, &mut done);
    worked.map_err(|error| undo::after(context, index, done, all, error))
}

fn work(
    context: &Context<'_>,
    index: &mut IndexEditor,
    plan: Plan,
    done: &mut Done,
) -> Result<CheckoutStats, CheckoutError> {
    let written = plan.write.iter().filter_map(|(_, content, _)| context.to_write(content));
    let bytes = written.map(|content| content.size).sum();
    context.monitor.progress.phase("Writing files", Some(plan.write.len() as u64), Some(bytes));
    let mut stats = CheckoutStats { unchanged: plan.keep.len() as u64, ..Default::default() };
    for (path, content, stat) in plan.keep {
        let facts = stat.map(|stat| StatFacts::of_read(&stat, index.opened_ns()));
        index.set(&path, staged(&content, facts))?;
    }
    for path in plan.clear {
        context.monitor.interrupt.check()?;
        context.materializer.clear(&path).map_err(plain)?;
    }
    for (path, target) in plan.remove {
        context.monitor.interrupt.check()?;
        let before = index.get(&path)?.filter(|_| target != Target::Absent).map(content_of);
        context.materializer.remove(&path, target, |_| false).map_err(plain)?;
        index.remove(&path)?;
        stats.removed += 1;
        done.removed.extend(before.map(|before| (path, before)));
    }
    for path in plan.remove_folders {
        let was_staged = index.get(&path)?.is_some();
        context.materializer.remove_folder(&path, |_| false).map_err(plain)?;
        index.remove(&path)?;
        done.folders.extend(was_staged.then_some(path));
    }
    write_items(context, plan.write, &mut |item, stat| note(index, item, stat, &mut stats, done))?;
    Ok(stats)
}

/// What is done with a path that was written: the item, and the facts of what is there now.
type EachWritten<'a> = &'a mut dyn FnMut(&WriteItem, Option<Stat>) -> Result<(), CheckoutError>;

/// Writes paths, the small ones side by side.
pub(super) fn write_items(
    context: &Context<'_>,
    items: Vec<WriteItem>,
    each: EachWritten<'_>,
) -> Result<(), CheckoutError> {
    let (large, small): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|(_, content, _)| content.size >= LARGE);
    write_small(context, &small, each)?;
    for item in large {
        context.monitor.interrupt.check()?;
        let stat = write_large(context, &item).map_err(|error| error.about(&item.0))?;
        each(&item, stat)?;
        context.monitor.progress.advance(1, 0);
    }
    Ok(())
}

pub(super) fn plain(error: MaterializeError<std::convert::Infallible>) -> CheckoutError {
    match error {
        MaterializeError::Io(error) => CheckoutError::Io(error),
        MaterializeError::InTheWay { path } => CheckoutError::InTheWay { path },
        MaterializeError::Changed { path } => CheckoutError::Changed { path },
        MaterializeError::Content(never) => match never {},
    }
}

pub(super) const fn staged(content: &Content, stat: Option<StatFacts>) -> Staged {
    Staged { kind: content.kind, size: content.size, id: content.id, stat, absent: false }
}

/// Notes a written path in the index.
pub(super) fn note(
    index: &mut IndexEditor,
    item: &WriteItem,
    stat: Option<Stat>,
    stats: &mut CheckoutStats,
    done: &mut Done,
) -> Result<(), CheckoutError> {
    let (path, content, target) = item;
    done.written.push(Written::new(index, path, *target)?);
    index.set(path, staged(content, stat.map(|stat| StatFacts::of_written(&stat))))?;
    // A link that stays one has no file.
    if stat.is_some() || content.kind != EntryKind::ExternalLink {
        stats.written += 1;
        stats.bytes += content.size;
    }
    Ok(())
}

pub(super) fn write_small(
    context: &Context<'_>,
    items: &[WriteItem],
    each: EachWritten<'_>,
) -> Result<(), CheckoutError> {
    let next = AtomicUsize::new(0);
    let (done_out, written) = crossbeam_channel::bounded::<Vec<(usize, Option<Stat>)>>(64);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..context.monitor.threads.max(1))
            .map(|_| {
                let done_out = done_out.clone();
                let next = &next;
                scope.spawn(move || {
                    loop {
                        let start = next.fetch_add(BATCH, Ordering::Relaxed);
                        if start >= items.len() {
                            return Ok(());
                        }
                        let mut batch = Vec::with_capacity(BATCH);
                        let written = write_batch(context, items, start, &mut batch);
                        // What was written is told also when the next file failed; the receiver outlives this.
                        let _ = done_out.send(batch);
                        if written.is_err() {
                            // What the others would write from here on is taken back anyway.
                            next.fetch_max(items.len(), Ordering::Relaxed);
                        }
                        written?;
                    }
                })
            })
            .collect();
        drop(done_out);
        let mut noted = Ok(());
        for batch in &written {
            for (number, stat) in batch {
                if noted.is_ok() {
                    noted = each(&items[number], stat);
                }
            }
        }
        let joined = workers.into_iter().map(|w| w.join().unwrap_or_else(|p| std::panic::resume_unwind(p)));
        joined.fold(noted, Result::and)
    })
}

fn write_batch(
    context: &Context<'_>,
    items: &[WriteItem],
    start: usize,
    done: &mut Vec<(usize, Option<Stat>)>,
) -> Result<(), CheckoutError> {
    let mut bytes = 0;
    let end = (start + BATCH).min(items.len());
    for (number, item) in items.iter().enumerate().take(end).skip(start) {
        context.monitor.interrupt.check()?;
        done.push((number, write_one(context, item).map_err(|error| error.about(&item.0))?));
        bytes += item.1.size;
    }
    context.monitor.progress.advance((end - start) as u64, bytes);
    Ok(())
}

/// Writes a path on the caller's thread; returns its facts, which an empty directory has none of.
fn write_one(context: &Context<'_>, item: &WriteItem) -> Result<Option<Stat>, CheckoutError> {
    let (path, content, target) = item;
    let Some(content) = &context.to_write(content) else {
        context.materializer.remove(path, *target, |_| false).map_err(plain)?;
        return Ok(None);
    };
    let written = match content.kind {
        EntryKind::Directory => context.materializer.make_folder(path).map(|()| None),
        EntryKind::Symlink => {
            let link = whole(context, path, content)?;
            context.materializer.write_symlink(path, *target, &link).map(Some)
        }
        EntryKind::File | EntryKind::Executable | EntryKind::ExternalLink => {
            let options = create_options(context, content);
            if let Some(bytes) = small_blob(context, path, content)? {
                let write = |file: &mut dyn File| write_all(context, path, file, &bytes);
                context.materializer.write_file(path, *target, options, content.size, write).map(Some)
            } else {
                let write = |file: &mut dyn File| stream(context, path, content, file);
                context.materializer.write_file(path, *target, options, content.size, write).map(Some)
            }
        }
    };
    written.map_err(CheckoutError::from_materialize)
}

/// Large files are kept out of the page cache: they would drive everything else out of it.
const fn create_options(context: &Context<'_>, content: &Content) -> CreateOptions {
    let executable = matches!(content.kind, EntryKind::Executable);
    let stream = content.size >= LARGE;
    CreateOptions { executable, append: false, stream, read_only: context.read_only }
}

type WriteResult = Result<(), MaterializeError<CheckoutError>>;

fn write_all(context: &Context<'_>, path: &RepoPath, file: &mut dyn File, bytes: &[u8]) -> WriteResult {
    Ok(file.write_all(bytes).at("write", context.materializer.locate(path)?)?)
}

/// The bytes of a blob that is stored whole, verified; `None` when it is stored as chunks.
fn small_blob(
    context: &Context<'_>,
    path: &RepoPath,
    content: &Content,
) -> Result<Option<Vec<u8>>, CheckoutError> {
    let id = BlobId::new(content.id);
    // To look for a whole blob that is not there would list the folder of packs, for each large file.
    if context.db.contains(RecordKind::ChunkedBlob, id.as_bytes())? {
        return Ok(None);
    }
    let Some(bytes) = context.db.try_get(RecordKind::Blob, id.as_bytes())? else { return Ok(None) };
    check_len(path, content, bytes.len() as u64)?;
    verify(path, content, Sha256::digest(&bytes).into())?;
    Ok(Some(bytes))
}

fn whole(context: &Context<'_>, path: &RepoPath, content: &Content) -> Result<Vec<u8>, CheckoutError> {
    let bytes = context.db.get(RecordKind::Blob, BlobId::new(content.id).as_bytes())?;
    check_len(path, content, bytes.len() as u64)?;
    verify(path, content, Sha256::digest(&bytes).into())?;
    Ok(bytes)
}

/// Demands that a blob is as long as its entry says, before the first byte is written: a chunk list of a few
/// bytes can stand for more than the disk holds, and its hash tells only at the end that it is not what was meant.
fn check_len(path: &RepoPath, content: &Content, stored: u64) -> Result<(), CheckoutError> {
    if stored == content.size {
        Ok(())
    } else {
        Err(CheckoutError::WrongSize { path: path.clone(), size: content.size, stored })
    }
}

fn verify(path: &RepoPath, content: &Content, digest: [u8; 32]) -> Result<(), CheckoutError> {
    if BlobId::from_bytes(digest).object() == content.id {
        Ok(())
    } else {
        Err(CheckoutError::WrongBytes { path: path.clone(), expected: content.id })
    }
}

fn open(context: &Context<'_>, path: &RepoPath, content: &Content) -> Result<BlobReader, CheckoutError> {
    let blob = context.db.open_blob(&BlobId::new(content.id))?;
    check_len(path, content, blob.len())?;
    Ok(blob)
}

/// Copies a blob chunk by chunk on the caller's thread and verifies it.
fn stream(context: &Context<'_>, path: &RepoPath, content: &Content, file: &mut dyn File) -> WriteResult {
    let mut blob = open(context, path, content).map_err(MaterializeError::Content)?;
    let mut sha = Sha256::new();
    loop {
        let chunk = blob.fill().map_err(|e| MaterializeError::Content(e.into()))?;
        if chunk.is_empty() {
            return verify(path, content, sha.finalize().into()).map_err(MaterializeError::Content);
        }
        sha.update(chunk);
        write_all(context, path, file, chunk)?;
        let n = chunk.len();
        blob.consume(n);
    }
}

/// Writes a large file: one thread reads and decompresses, one hashes, the caller's writes.
fn write_large(context: &Context<'_>, item: &WriteItem) -> Result<Option<Stat>, CheckoutError> {
    let (path, content, target) = item;
    let content = &match context.to_write(content) {
        Some(file) if matches!(file.kind, EntryKind::File | EntryKind::Executable) => file,
        _ => return write_one(context, item),
    };
    let options = create_options(context, content);
    let write = |file: &mut dyn File| {
        let (to_hash, hash_in) = crossbeam_channel::bounded::<Arc<Vec<u8>>>(2);
        let (to_write, write_in) = crossbeam_channel::bounded::<Arc<Vec<u8>>>(2);
        std::thread::scope(|scope| {
            let hasher = scope.spawn(move || {
                let mut sha = Sha256::new();
                hash_in.into_iter().for_each(|block| sha.update(&*block));
                <[u8; 32]>::from(sha.finalize())
            });
            let reader = scope.spawn(move || {
                let mut blob = open(context, path, content)?;
                while let Some(block) = read_block(&mut blob)? {
                    context.monitor.interrupt.check()?;
                    let block = Arc::new(block);
                    if to_hash.send(Arc::clone(&block)).is_err() || to_write.send(block).is_err() {
                        break;
                    }
                }
                Ok::<_, CheckoutError>(())
            });
            for block in write_in {
                write_all(context, path, file, &block)?;
                context.monitor.progress.advance(0, block.len() as u64);
            }
            let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let digest = hasher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            read.and_then(|()| verify(path, content, digest)).map_err(MaterializeError::Content)
        })
    };
    let written = context.materializer.write_file(path, *target, options, content.size, write);
    written.map(Some).map_err(CheckoutError::from_materialize)
}

fn read_block(blob: &mut BlobReader) -> Result<Option<Vec<u8>>, CheckoutError> {
    let mut block = Vec::with_capacity(BLOCK_LEN + BLOCK_LEN / 4);
    while block.len() < BLOCK_LEN {
        let chunk = blob.fill()?;
        if chunk.is_empty() {
            break;
        }
        block.extend_from_slice(chunk);
        let n = chunk.len();
        blob.consume(n);
    }
    Ok((!block.is_empty()).then_some(block))
}
