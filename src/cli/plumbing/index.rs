//! `ls-files`, `update-index`, `read-tree`, `mktree`.

use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::Path;

use crate::cli::Answer;
use crate::cli::args::plumbing::index::{LsFiles, Mktree, ReadTree, UpdateIndex};
use crate::cli::error::{Failure, StreamError, UsageError};
use crate::cli::plumbing::{end_with_path, unquote_path};
use crate::cli::session::Session;
use crate::model::{Monitor, RepoPath};
use crate::plumbing::read_tree::read_tree as stage_tree;
use crate::plumbing::update_index::{self, Update};
use crate::plumbing::{Writer, mktree as make_tree, tree_edit};
use crate::porcelain::{self, Repository, add};

/// `dsv ls-files`
pub(crate) fn ls_files(args: &LsFiles, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let index = repository.index()?;
    let mut roots =
        args.paths.iter().map(|path| repository.repo_path(path)).collect::<Result<Vec<_>, _>>()?;
    if roots.is_empty() {
        roots.push(RepoPath::root());
    }
    let named = roots.iter().filter(|root| !root.is_root());
    if let Some(path) = repository.first_not_staged(named)? {
        return Err(porcelain::Error::NoMatch { paths: vec![path.to_string()] }.into());
    }
    let mut paths = Vec::new();
    for root in &roots {
        if index.get(root).map_err(porcelain::Error::from)?.is_some() {
            paths.push(root.clone());
        }
        for entry in index.iter_below(root) {
            paths.push(entry.map_err(porcelain::Error::from)?.path);
        }
    }
    paths.sort_unstable();
    paths.dedup();
    for path in &paths {
        let Some(staged) = index.get(path).map_err(porcelain::Error::from)? else { continue };
        let out = session.ui.out();
        if args.stage || args.stage_info {
            write!(out, "{} {} {}", staged.kind.as_str(), staged.id, staged.size)?;
            match staged.stat.filter(|_| args.stage_info) {
                Some(facts) => {
                    write!(out, " {} {} {} {:o}", facts.mtime_ns, facts.ctime_ns, facts.inode, facts.mode)?
                }
                None if args.stage_info => out.write_all(b" - - - -")?,
                None => {}
            }
            out.write_all(b"\t")?;
        }
        end_with_path(out, path.as_bytes(), args.nul)?;
    }
    if let (true, Some(tree)) = (index.is_sparse(), index.known_tree()) {
        session.ui.talk(&format!("the rest is not checked out, and staged as it is in the tree {tree}"));
    }
    Ok(Answer::Yes)
}

/// `dsv update-index`
pub(crate) fn update_index(args: &UpdateIndex, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    if !args.paths.is_empty() && !args.force_remove {
        if !args.add {
            all_staged(&repository, &args.paths)?;
        }
        let options = add::Options { paths: args.paths.clone(), update: !args.add, ..Default::default() };
        session.monitored(|monitor| add::run(&repository, &options, monitor))?;
        return Ok(Answer::Yes);
    }
    let mut updates = Vec::new();
    for path in &args.paths {
        updates.push(Update { path: repository.repo_path(Path::new(path))?, entry: None });
    }
    for text in &args.cacheinfo {
        updates.push(cacheinfo(text.as_encoded_bytes())?);
    }
    if args.index_info {
        for line in lines_of_stdin(args.nul)? {
            updates.push(update_index::parse_line(&line)?);
        }
    }
    session.monitored(|monitor| -> Result<(), Failure> {
        let mut index = repository.edit_index(monitor)?;
        update_index::run(repository.db(), &mut index, &updates)?;
        Ok(index.save().map_err(porcelain::Error::from)?)
    })?;
    Ok(Answer::Yes)
}

/// Demands that something is staged at or below each path.
fn all_staged(repository: &Repository, paths: &[OsString]) -> Result<(), Failure> {
    let paths = paths.iter().map(|path| repository.repo_path(Path::new(path)));
    let paths = paths.collect::<Result<Vec<_>, _>>()?;
    match repository.first_not_staged(&paths)? {
        Some(path) => {
            Err(UsageError::new(format!("'{path}' is not staged yet"), "--add stages what is new").into())
        }
        None => Ok(()),
    }
}

/// `KIND,ID,PATH`
fn cacheinfo(text: &[u8]) -> Result<Update, Failure> {
    let mut parts = text.splitn(3, |byte| *byte == b',');
    let (Some(kind), Some(id), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        let message = format!("'{}' is not KIND,ID,PATH", String::from_utf8_lossy(text));
        return Err(UsageError::new(message, "see dsv help update-index").into());
    };
    Ok(update_index::parse_line(&[kind, b" ", id, b"\t", path].concat())?)
}

/// The lines of standard input that are not empty. Without `nul` the part behind the tab is unquoted.
fn lines_of_stdin(nul: bool) -> Result<Vec<Vec<u8>>, Failure> {
    let end = if nul { 0 } else { b'\n' };
    let lines = io::stdin().lock().split(end).collect::<io::Result<Vec<_>>>().map_err(StreamError::input)?;
    let unquoted = |line: Vec<u8>| match line.iter().position(|byte| *byte == b'\t') {
        Some(tab) if !nul && line.get(tab + 1) == Some(&b'"') => {
            let name = unquote_path(&line[tab + 1..]).ok_or_else(|| {
                let message = format!("'{}' is quoted wrongly", String::from_utf8_lossy(&line[tab + 1..]));
                UsageError::new(message, "use -z to give paths as they are")
            })?;
            Ok([&line[..=tab], &name].concat())
        }
        _ => Ok(line),
    };
    lines.into_iter().filter(|line| !line.is_empty()).map(unquoted).collect()
}

/// `dsv read-tree`
pub(crate) fn read_tree(args: &ReadTree, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let tree = match &args.tree {
        Some(text) => repository.resolve_tree(text.as_encoded_bytes())?,
        None => tree_edit::empty_tree(),
    };
    session.monitored(|monitor| -> Result<(), Failure> {
        let mut index = repository.edit_index_anew(tree, monitor)?;
        stage_tree(repository.db(), &mut index, &tree).map_err(porcelain::Error::from)?;
        Ok(index.save().map_err(porcelain::Error::from)?)
    })?;
    Ok(Answer::Yes)
}

/// `dsv mktree`
pub(crate) fn mktree(args: &Mktree, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let entries = lines_of_stdin(args.nul)?;
    let entries = entries.iter().map(|line| make_tree::parse_line(line)).collect::<Result<Vec<_>, _>>()?;
    let written = session.monitored(|monitor| store_tree(&repository, entries, monitor))?;
    writeln!(session.ui.out(), "{}", written.id)?;
    Ok(Answer::Yes)
}

fn store_tree(
    repository: &Repository,
    entries: Vec<make_tree::NewEntry>,
    monitor: &Monitor<'_>,
) -> Result<tree_edit::WrittenTree, Failure> {
    let _objects = repository.lock_objects(monitor)?;
    let writer = Writer::new(repository.db())?;
    let written = make_tree::run(&writer, entries)?;
    writer.finish()?;
    Ok(written)
}
