//! `index-pack`, `verify-pack`, `show-index`.

use crate::cli::Answer;
use crate::cli::args::plumbing::packs::{IndexPack, ShowIndex, VerifyPack};
use crate::cli::error::{Failure, one_line};
use crate::cli::session::Session;
use crate::cli::ui::{plural, size};
use crate::model::{ErrorKind, ObjectId};
use crate::plumbing::{index_pack, pack_file_name, show_index, verify_pack};

/// `dsv index-pack`
pub(crate) fn index_pack(args: &IndexPack, session: &mut Session) -> Result<Answer, Failure> {
    let fs = session.environment().fs;
    let pack = session.env.cwd.join(&args.pack);
    let options = index_pack::Options { output: args.output.as_ref().map(|file| session.env.cwd.join(file)) };
    let outcome = session.monitored(|monitor| index_pack::run(&fs, &pack, &options, monitor))?;
    writeln!(session.ui.out(), "{}", outcome.index.display())?;
    Ok(Answer::Yes)
}

/// `dsv verify-pack`
pub(crate) fn verify_pack(args: &VerifyPack, session: &mut Session) -> Result<Answer, Failure> {
    let fs = session.environment().fs;
    let mut answer = Answer::Yes;
    for path in &args.packs {
        let full = session.env.cwd.join(path);
        let checked = session.monitored(|monitor| verify_pack::run(&*fs, &full, monitor));
        let out = session.ui.out();
        let outcome = match checked {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                writeln!(out, "{}: damaged: {}", path.display(), one_line(&error))?;
                answer = Answer::No;
                continue;
            }
            checked => checked?,
        };
        if args.verbose {
            for (offset, info) in &outcome.records {
                let (id, kind) = (ObjectId::Sha256(info.id), info.kind.as_str());
                writeln!(out, "{id} {kind:<12} {:>8} {:>8} {offset:>9}", info.raw_len, info.stored_len)?;
            }
        }
        for bad in &outcome.bad {
            let (id, kind) = (ObjectId::Sha256(bad.info.id), bad.info.kind.as_str());
            writeln!(out, "{}: damaged {kind} {id} at byte {}: {}", path.display(), bad.offset, bad.error)?;
            answer = Answer::No;
        }
        if outcome.bad.is_empty() {
            let records = plural(outcome.records.len() as u64, "record", "records");
            writeln!(out, "{}: ok, {records}, {}", path.display(), size(outcome.len))?;
        }
    }
    Ok(answer)
}

/// `dsv show-index`
pub(crate) fn show_index(args: &ShowIndex, session: &mut Session) -> Result<Answer, Failure> {
    let fs = session.environment().fs;
    for path in &args.indexes {
        let full = session.env.cwd.join(path);
        show_index::run(&*fs, &full, |pack, entry| -> Result<(), Failure> {
            let (id, at) = (ObjectId::Sha256(entry.id), &entry.locator);
            let (kind, pack) = (at.kind.as_str(), pack_file_name(pack));
            writeln!(
                session.ui.out(),
                "{id} {kind:<12} {:>8} {:>8} {:>9} {pack}",
                at.raw_len,
                at.stored_len,
                at.offset
            )?;
            Ok(())
        })?;
    }
    Ok(Answer::Yes)
}
