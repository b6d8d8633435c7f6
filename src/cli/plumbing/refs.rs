//! `rev-parse`, `rev-list`, `merge-base`, `update-ref`, `show-ref`, `symbolic-ref`.

use crate::cli::Answer;
use crate::cli::args::plumbing::refs::{MergeBase, RevList, RevParse, ShowRef, SymbolicRef, UpdateRef};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::model::{DATASET_REFS, Expected, Head, ObjectId, RefName, VersionId};
use crate::plumbing::{merge_base, refs, rev_list};
use crate::porcelain::{self, Repository};

/// Fewest digits of a short id.
const SHORT: usize = 7;

/// `dsv rev-parse`
pub(crate) fn rev_parse(args: &RevParse, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    if args.show_toplevel {
        writeln!(session.ui.out(), "{}", repository.root().display())?;
    }
    if args.dsv_dir {
        writeln!(session.ui.out(), "{}", repository.layout().dsv.display())?;
    }
    for text in &args.revisions {
        let id = repository.resolve(text.as_encoded_bytes())?.id;
        if args.short {
            writeln!(session.ui.out(), "{}", shortest(&repository, &id))?;
        } else {
            writeln!(session.ui.out(), "{id}")?;
        }
    }
    Ok(Answer::Yes)
}

/// As few digits as name this object and no other.
fn shortest(repository: &Repository, id: &ObjectId) -> String {
    let hex = id.to_string();
    let unique = |digits: &usize| {
        repository.resolve(&hex.as_bytes()[..*digits]).is_ok_and(|resolved| resolved.id == *id)
    };
    let digits = (SHORT..hex.len()).find(unique).unwrap_or(hex.len());
    hex[..digits].to_owned()
}

/// `dsv rev-list`
pub(crate) fn rev_list(args: &RevList, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let interrupt = crate::cli::signals::interrupt();
    let names = repository.names(interrupt);
    let mut starts: Vec<VersionId> = Vec::new();
    let mut options = rev_list::Options {
        limit: args.limit,
        first_parent: args.first_parent,
        ..rev_list::Options::default()
    };
    if args.all {
        starts.extend(repository.refs().list()?.into_iter().map(|(_, id)| id));
        starts.extend(repository.refs().head_version()?);
    }
    for text in &args.revisions {
        let (include, exclude) = names.range(text).map_err(porcelain::Error::from)?;
        starts.extend(include);
        options.exclude.extend(exclude);
    }
    let listed = session.monitored(|monitor| rev_list::run(repository.db(), &starts, &options, monitor))?;
    if args.count {
        writeln!(session.ui.out(), "{}", listed.len())?;
        return Ok(Answer::Yes);
    }
    for version in &listed {
        write!(session.ui.out(), "{}", version.id)?;
        if args.parents {
            version.version.parents.iter().try_for_each(|parent| write!(session.ui.out(), " {parent}"))?;
        }
        writeln!(session.ui.out())?;
    }
    Ok(Answer::Yes)
}

/// `dsv merge-base`
pub(crate) fn merge_base(args: &MergeBase, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let (one, other) = (repository.resolve_version(&args.one)?, repository.resolve_version(&args.other)?);
    let interrupt = crate::cli::signals::interrupt();
    let bases = merge_base::run(repository.db(), &one, &other, interrupt)?;
    if args.is_ancestor {
        return Ok(if bases.contains(&one) { Answer::Yes } else { Answer::No });
    }
    let shown = if args.all { bases.len() } else { 1 };
    for id in bases.iter().take(shown) {
        writeln!(session.ui.out(), "{id}")?;
    }
    Ok(if bases.is_empty() { Answer::No } else { Answer::Yes })
}

/// `dsv update-ref`
pub(crate) fn update_ref(args: &UpdateRef, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let name = RefName::from_any(&args.name)?;
    let expected = match &args.expect {
        Some(text) => Expected::Is(repository.resolve_version(text)?),
        None if args.absent => Expected::Absent,
        None => Expected::Any,
    };
    let new = args.new.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
    let note = repository.note(args.message.as_deref().unwrap_or("update-ref"))?;
    session.monitored(|monitor| -> Result<(), Failure> {
        let lock = repository.lock_refs(monitor)?;
        Ok(refs::update_ref(repository.db(), repository.refs(), &lock, &name, expected, new, &note)?)
    })?;
    Ok(Answer::Yes)
}

/// `dsv show-ref`
pub(crate) fn show_ref(args: &ShowRef, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let mut found = false;
    if args.head
        && let Some(id) = repository.refs().head_version()?
    {
        writeln!(session.ui.out(), "{id} HEAD")?;
        found = true;
    }
    let wanted = |name: &str| {
        args.patterns.is_empty()
            || args.patterns.iter().any(|pattern| {
                name.strip_suffix(pattern.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            })
    };
    for (name, id) in refs::for_each_ref(repository.refs(), "")? {
        let name = name.to_string();
        if wanted(&name) {
            writeln!(session.ui.out(), "{id} {name}")?;
            found = true;
        }
    }
    Ok(if found { Answer::Yes } else { Answer::No })
}

/// `dsv symbolic-ref`
pub(crate) fn symbolic_ref(args: &SymbolicRef, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    if let Some(target) = &args.target {
        let head = match RefName::from_any(target)? {
            RefName::Dataset(name) => Head::Dataset(name),
            RefName::Head => repository.refs().head()?,
            RefName::Tracking(..) => return Err(refs::Error::Tracking.into()),
        };
        let note = repository.note("symbolic-ref")?;
        session.monitored(|monitor| -> Result<(), Failure> {
            let lock = repository.lock_refs(monitor)?;
            Ok(repository.refs().set_head(&lock, None, &head, &note)?)
        })?;
        return Ok(Answer::Yes);
    }
    let Head::Dataset(name) = repository.refs().head()? else { return Ok(Answer::No) };
    let prefix = if args.short { "" } else { DATASET_REFS };
    writeln!(session.ui.out(), "{prefix}{name}")?;
    Ok(Answer::Yes)
}
