//! `dsv for-each-ref`

use crate::cli::Answer;
use crate::cli::args::plumbing::refs::ForEachRef;
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::model::{DATASET_REFS, Head, RefName, Version, VersionId};
use crate::plumbing::refs;

/// A piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Field(Field),
}

/// What can stand in `%(…)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    RefName,
    RefNameShort,
    ObjectName,
    ObjectNameShort,
    Label,
    Subject,
    Author,
    Date,
    Files,
    Bytes,
    Head,
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "refname" => Self::RefName,
            "refname:short" => Self::RefNameShort,
            "objectname" => Self::ObjectName,
            "objectname:short" => Self::ObjectNameShort,
            "label" => Self::Label,
            "subject" => Self::Subject,
            "author" => Self::Author,
            "date" => Self::Date,
            "files" => Self::Files,
            "bytes" => Self::Bytes,
            "HEAD" => Self::Head,
            _ => return None,
        })
    }
}

/// Reads a format.
fn parse(format: &str) -> Result<Vec<Piece>, UsageError> {
    let hint = "fields are in 'dsv help for-each-ref'";
    let mut pieces = Vec::new();
    let mut text = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            text.push(b'%');
            rest = behind;
        } else if let Some((name, behind)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            let unknown = || UsageError::new(format!("there is no field %({name})"), hint);
            let field = Field::of(name).ok_or_else(unknown)?;
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Field(field));
            rest = behind;
        } else if let Some(byte) = rest.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            text.push(byte);
            rest = &rest[2..];
        } else {
            return Err(UsageError::new(
                "a % in the format means nothing; write %% for a percent sign",
                hint,
            ));
        }
    }
    text.extend_from_slice(rest.as_bytes());
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

fn value(field: Field, name: &RefName, id: &VersionId, version: &Version, head: &Head) -> String {
    let full = name.to_string();
    match field {
        Field::RefNameShort => full.strip_prefix(DATASET_REFS).unwrap_or(&full).to_owned(),
        Field::RefName => full,
        Field::ObjectName => id.to_string(),
        Field::ObjectNameShort => id.short(12),
        Field::Label => version.label.to_string(),
        Field::Subject => version.subject().to_owned(),
        Field::Author => version.author.to_string(),
        Field::Date => version.time.to_string(),
        Field::Files => version.totals.files.to_string(),
        Field::Bytes => version.totals.bytes.to_string(),
        Field::Head => {
            let current = head.dataset().is_some_and(|dataset| RefName::Dataset(dataset.clone()) == *name);
            if current { "*" } else { " " }.to_owned()
        }
    }
}

/// Runs it.
pub(crate) fn run(args: &ForEachRef, session: &mut Session) -> Result<Answer, Failure> {
    let format = parse(&args.format)?;
    let repository = session.repository()?;
    let head = repository.refs().head()?;
    let prefixes = if args.patterns.is_empty() { vec![String::new()] } else { args.patterns.clone() };
    let mut listed = Vec::new();
    for prefix in &prefixes {
        listed.extend(refs::for_each_ref(repository.refs(), prefix)?);
    }
    listed.sort_unstable();
    listed.dedup();
    for (name, id) in listed.iter().take(args.count.unwrap_or(usize::MAX)) {
        let version = repository.db().version(id)?;
        for piece in &format {
            match piece {
                Piece::Text(text) => session.ui.out().write_all(text)?,
                Piece::Field(field) => {
                    write!(session.ui.out(), "{}", value(*field, name, id, &version, &head))?;
                }
            }
        }
        writeln!(session.ui.out())?;
    }
    Ok(Answer::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let pieces = parse("%(label)%00a%%b%(HEAD)").unwrap();
        assert_eq!(
            pieces,
            [
                Piece::Text(Vec::new()),
                Piece::Field(Field::Label),
                Piece::Text(b"\0a%b".to_vec()),
                Piece::Field(Field::Head),
                Piece::Text(Vec::new()),
            ]
        );
        for bad in ["%(nothing)", "%", "%(label", "%zz", "%é"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
