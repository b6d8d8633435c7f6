//! `dsv ls`, `dsv cat`

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::look::{Cat, Ls};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, size};
use crate::model::ErrorKind;
use crate::porcelain::{Repository, cat, ls};

/// Lines that are lined up at once; a longer listing is lined up piece by piece.
const PAGE: usize = 1000;

#[derive(Serialize)]
struct Line {
    path: String,
    kind: &'static str,
    size: u64,
    files: u64,
    id: String,
}

/// Runs `dsv ls`.
pub(crate) fn run(args: &Ls, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = options(args, &repository)?;
    let mut page = Vec::new();
    let mut failed = Ok(());
    let ui = &mut session.ui;
    let monitor = crate::model::Monitor::quiet();
    ls::run(&repository, &options, &monitor, &mut |listed| {
        page.push(listed);
        if page.len() >= PAGE && failed.is_ok() {
            failed = write_page(args, &mut page, ui);
        }
        Ok(())
    })?;
    failed?;
    write_page(args, &mut page, ui)?;
    Ok(Answer::Yes)
}

/// The first argument is a revision when it names one.
fn options(args: &Ls, repository: &Repository) -> Result<ls::Options, Failure> {
    let (tree, paths) = match args.arguments.split_first() {
        None => (None, Vec::new()),
        Some((first, rest)) => match repository.resolve_tree(first.as_bytes()) {
            Ok(tree) => (Some(tree), rest.to_vec()),
            Err(error) if error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::InvalidName => {
                (None, args.arguments.clone())
            }
            Err(error) => return Err(error.into()),
        },
    };
    Ok(ls::Options { tree, paths, recursive: args.recursive })
}

fn write_page(args: &Ls, page: &mut Vec<ls::Listed>, ui: &mut crate::cli::ui::Ui) -> std::io::Result<()> {
    let plain = anstyle::Style::new();
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left, Align::Left], 0);
    for listed in page.drain(..) {
        let entry = &listed.entry;
        if args.json.json {
            ui.json_line(&Line {
                path: String::from_utf8_lossy(listed.path.as_bytes()).into_owned(),
                kind: entry.kind.as_str(),
                size: entry.size,
                files: entry.files,
                id: entry.id.to_hex().to_string(),
            })?;
            continue;
        }
        let slash = if entry.kind.is_dir() { "/" } else { "" };
        let path = format!("{}{slash}", listed.path);
        if args.long {
            let id = entry.id.to_hex_with_len(12).to_string();
            table.row([
                (entry.kind.as_str().to_owned(), plain),
                (size(entry.size), plain),
                (id, ui.palette.id),
                (path, plain),
            ]);
        } else {
            writeln!(ui.out(), "{path}")?;
        }
    }
    table.write(ui.out())
}

/// Runs `dsv cat`.
pub(crate) fn cat(args: &Cat, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let monitor = crate::model::Monitor::quiet();
    cat::run(&repository, args.object.as_bytes(), session.ui.out(), &monitor)?;
    Ok(Answer::Yes)
}
