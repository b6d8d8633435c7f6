//! `ls-tree`, `diff-tree`, `write-tree`, `commit-tree`, `cat-file`, `pack-objects`.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use crate::cli::Answer;
use crate::cli::args::plumbing::objects::CatFile;
use crate::cli::args::plumbing::packs::PackObjects;
use crate::cli::args::plumbing::trees::{CommitTree, DiffTree, LsTree, WriteTree};
use crate::cli::error::{Failure, StreamError, UsageError};
use crate::cli::plumbing::end_with_path;
use crate::cli::session::Session;
use crate::model::{DatasetName, Entry, Monitor, Origin, RepoPath, Totals, TreeId, Version};
use crate::plumbing::cat_file::{self, Object, ObjectKind};
use crate::plumbing::diff_tree::{DiffOptions, Rename, TreeChange, collect_changes, take_renames};
use crate::plumbing::labels::LabelChoice;
use crate::plumbing::tree_walk::totals;
use crate::plumbing::write_tree::write_tree as write_index;
use crate::plumbing::{Writer, commit_tree, ls_tree, pack_file_name, pack_objects};
use crate::porcelain::{self, Repository};

/// How lines of trees look.
#[derive(Debug, Clone, Copy, Default)]
struct Form {
    long: bool,
    name_only: bool,
    nul: bool,
    directories: bool,
}

/// `KIND ID`, with `long` also the size, a tab, and the path.
fn entry_line(out: &mut dyn Write, path: &RepoPath, entry: &Entry, form: Form) -> io::Result<()> {
    if !form.name_only {
        write!(out, "{} {}", entry.kind.as_str(), entry.id)?;
        if form.long {
            write!(out, " {}", entry.size)?;
        }
        out.write_all(b"\t")?;
    }
    end_with_path(out, path.as_bytes(), form.nul)
}

/// `dsv ls-tree`
pub(crate) fn ls_tree(args: &LsTree, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let tree = repository.resolve_tree(args.tree.as_encoded_bytes())?;
    let form =
        Form { long: args.long, name_only: args.name_only, nul: args.nul, directories: args.directories };
    list_tree(&repository, &tree, args.recursive, form, session)?;
    Ok(Answer::Yes)
}

fn list_tree(
    repository: &Repository,
    tree: &TreeId,
    recursive: bool,
    form: Form,
    session: &mut Session,
) -> Result<(), Failure> {
    let interrupt = crate::cli::signals::interrupt();
    let monitor = Monitor { interrupt, ..Monitor::quiet() };
    let options = ls_tree::Options { recursive, directories: form.directories };
    ls_tree::run(repository.db(), tree, options, &monitor, &mut |path, entry| -> Result<(), Failure> {
        Ok(entry_line(session.ui.out(), &path, &entry, form)?)
    })
}

/// `dsv diff-tree`
pub(crate) fn diff_tree(args: &DiffTree, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let old = repository.resolve_tree(args.old.as_encoded_bytes())?;
    let new = repository.resolve_tree(args.new.as_encoded_bytes())?;
    let mut changes = collect_changes(repository.db(), Some(&old), Some(&new), DiffOptions::default())?;
    let renames = if args.renames { take_renames(&mut changes) } else { Vec::new() };
    let out = session.ui.out();
    for change in &changes {
        change_line(out, change, args.nul)?;
    }
    for Rename { from, to, entry } in &renames {
        let (kind, id) = (entry.kind.as_str(), entry.id);
        write!(out, "R {kind} {kind} {id} {id}\t")?;
        if args.nul {
            end_with_path(out, from.as_bytes(), true)?;
        } else {
            write!(out, "{from}\t")?;
        }
        end_with_path(out, to.as_bytes(), args.nul)?;
    }
    let same = changes.is_empty() && renames.is_empty();
    Ok(if args.exit_code && !same { Answer::No } else { Answer::Yes })
}

/// Letter, kinds, ids, a tab, and the path; `-` for what is not there.
fn change_line(out: &mut dyn Write, change: &TreeChange, nul: bool) -> io::Result<()> {
    let letter = match (&change.old, &change.new) {
        (None, _) => 'A',
        (Some(_), None) => 'D',
        (Some(old), Some(new)) if old.kind == new.kind => 'M',
        (Some(_), Some(_)) => 'T',
    };
    let kind = |entry: &Option<Entry>| entry.as_ref().map_or("-", |entry| entry.kind.as_str());
    let id = |entry: &Option<Entry>| entry.as_ref().map_or_else(|| "-".to_owned(), |e| e.id.to_string());
    let (old, new) = (&change.old, &change.new);
    write!(out, "{letter} {} {} {} {}\t", kind(old), kind(new), id(old), id(new))?;
    end_with_path(out, change.path.as_bytes(), nul)
}

/// `dsv write-tree`
pub(crate) fn write_tree(_: &WriteTree, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let written = session.monitored(|monitor| -> Result<_, Failure> {
        let mut index = repository.edit_index(monitor)?;
        let _objects = repository.lock_objects(monitor)?;
        let writer = Writer::new(repository.db())?;
        let written = write_index(&mut index, &writer).map_err(porcelain::Error::from)?;
        writer.finish()?;
        index.save().map_err(porcelain::Error::from)?;
        Ok(written)
    })?;
    writeln!(session.ui.out(), "{}", written.id)?;
    Ok(Answer::Yes)
}

/// `dsv commit-tree`
pub(crate) fn commit_tree(args: &CommitTree, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let tree = repository.resolve_tree(args.tree.as_encoded_bytes())?;
    let parents: Vec<_> =
        args.parents.iter().map(|text| repository.resolve_version(text)).collect::<Result<_, _>>()?;
    let dataset = match (&args.dataset, repository.refs().head()?.dataset(), parents.first()) {
        (Some(name), ..) => DatasetName::new(name.as_str())?,
        (None, Some(name), _) => name.clone(),
        (None, None, Some(parent)) => repository.db().version(parent)?.dataset,
        (None, None, None) => {
            return Err(UsageError::new("HEAD is on no dataset", "name one with --dataset").into());
        }
    };
    let mut options = commit_tree::Options {
        tree,
        totals: Totals::default(),
        parents,
        dataset: repository.known_as(&dataset)?,
        label: match &args.label {
            Some(label) => LabelChoice::Exactly(label.parse()?),
            None => LabelChoice::Patch,
        },
        author: repository.author()?,
        time: repository.now(),
        message: args.message.join("\n\n"),
        metadata: args
            .meta
            .iter()
            .map(|text| crate::cli::metadata(text))
            .collect::<Result<BTreeMap<_, _>, _>>()?,
        origin: Origin { git: None, command: repository.env().command.clone() },
    };
    let id = session.monitored(|monitor| -> Result<_, Failure> {
        let _objects = repository.lock_objects(monitor)?;
        // Looked up only now: nothing may remove the tree between the look at it and the version.
        options.totals = totals(repository.db(), &tree)?;
        let writer = Writer::new(repository.db())?;
        let (id, _) = commit_tree::run(&writer, options, monitor.interrupt)?;
        writer.finish()?;
        Ok(id)
    })?;
    writeln!(session.ui.out(), "{id}")?;
    Ok(Answer::Yes)
}

/// `dsv cat-file`
pub(crate) fn cat_file(args: &CatFile, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let resolved = repository.resolve(args.object.as_encoded_bytes())?;
    let (db, mut kind, id) = (repository.db(), resolved.kind, resolved.id);
    if let Some(wanted) = args.expected.as_deref().and_then(ObjectKind::from_word) {
        kind = expect_kind(&repository, &resolved, wanted, args)?;
    }
    if args.show_type {
        writeln!(session.ui.out(), "{}", kind.as_str())?;
    } else if args.show_size {
        writeln!(session.ui.out(), "{}", cat_file::len_of(db, kind, &id)?)?;
    } else if let (true, Object::Version(version)) = (args.pretty, cat_file::read(db, kind, &id)?) {
        version_text(session.ui.out(), &version)?;
    } else if args.pretty && kind == ObjectKind::Tree {
        list_tree(&repository, &TreeId::new(id), false, Form::default(), session)?;
    } else {
        let id = if args.expected.is_some() { expected_id(&repository, kind, &resolved)? } else { id };
        cat_file::copy(db, kind, &id, session.ui.out(), crate::cli::signals::interrupt())?;
    }
    Ok(Answer::Yes)
}

/// The kind to print: a version may stand for its tree.
fn expect_kind(
    repository: &Repository,
    resolved: &crate::plumbing::rev_parse::Resolved,
    wanted: ObjectKind,
    args: &CatFile,
) -> Result<ObjectKind, Failure> {
    let stands_for = resolved.kind == ObjectKind::Version && wanted == ObjectKind::Tree;
    // Any bytes can be asked for as a blob, if they are stored as one.
    if resolved.kind == wanted || stands_for {
        return Ok(wanted);
    }
    cat_file::len_of(repository.db(), wanted, &resolved.id).map(|_| wanted).map_err(|_| {
        let (object, is) = (args.object.to_string_lossy(), resolved.kind.as_str());
        let message = format!("'{object}' is a {is}, not a {}", wanted.as_str());
        UsageError::new(message, "cat-file -t tells the type").into()
    })
}

fn expected_id(
    repository: &Repository,
    kind: ObjectKind,
    resolved: &crate::plumbing::rev_parse::Resolved,
) -> Result<crate::model::ObjectId, Failure> {
    Ok(match (kind, resolved.kind, &resolved.version) {
        (ObjectKind::Tree, ObjectKind::Version, Some(version)) => {
            repository.db().version(version)?.tree.object()
        }
        _ => resolved.id,
    })
}

/// A version's manifest as text: a line for each fact, an empty line, the message.
fn version_text(out: &mut dyn Write, version: &Version) -> io::Result<()> {
    writeln!(out, "tree {}", version.tree)?;
    version.parents.iter().try_for_each(|parent| writeln!(out, "parent {parent}"))?;
    writeln!(out, "dataset {}\nlabel {}", version.dataset, version.label)?;
    writeln!(out, "author {}\ntime {}", version.author, version.time)?;
    writeln!(out, "files {}\nbytes {}", version.totals.files, version.totals.bytes)?;
    for (key, value) in &version.metadata {
        writeln!(out, "meta {key}={value}")?;
    }
    if let Some(git) = &version.origin.git {
        writeln!(out, "git-commit {}", git.commit)?;
        git.branch.iter().try_for_each(|branch| writeln!(out, "git-branch {branch}"))?;
        git.dirty.iter().try_for_each(|dirty| writeln!(out, "git-dirty {dirty}"))?;
        git.remote.iter().try_for_each(|remote| writeln!(out, "git-remote {remote}"))?;
    }
    version.origin.command.iter().try_for_each(|command| writeln!(out, "command {command}"))?;
    writeln!(out, "\n{}", version.message)
}

/// `dsv pack-objects`
pub(crate) fn pack_objects(args: &PackObjects, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let lines =
        io::stdin().lock().split(b'\n').collect::<io::Result<Vec<_>>>().map_err(StreamError::input)?;
    let ids: Vec<_> = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| repository.resolve(line).map(|resolved| resolved.id))
        .collect::<Result<_, _>>()?;
    let scope = if args.revs { pack_objects::Scope::Reachable } else { pack_objects::Scope::Objects };
    let folder = session.env.cwd.join(&args.dir);
    let outcome =
        session.monitored(|monitor| pack_objects::run(repository.db(), &ids, scope, &folder, monitor))?;
    for pack in &outcome.packs {
        writeln!(session.ui.out(), "{}", pack_file_name(pack))?;
    }
    Ok(Answer::Yes)
}
