//! Many paths in few lines: folders stand for what they hold.

use std::ops::Range;

use crate::model::{RepoPath, Totals, quote_path};

/// One path and what it counts for.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Where.
    pub(crate) path: RepoPath,
    /// A directory that already stands for what is in it.
    pub(crate) is_dir: bool,
    /// Files and bytes.
    pub(crate) totals: Totals,
}

/// One line: a path, or a folder with all its paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The path, quoted if need be; a folder's ends in a slash.
    pub(crate) text: String,
    /// Files and bytes.
    pub(crate) totals: Totals,
    /// Whether it is a folder.
    pub(crate) is_dir: bool,
}

/// At most so many rows, and how many items are left out of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folded {
    /// The rows in byte order of path.
    pub(crate) rows: Vec<Row>,
    /// Rows at the end that were one too many: what they stood for.
    pub(crate) left_out: Totals,
}

/// A part of the items: one item, or those below a folder.
#[derive(Debug, Clone)]
struct Part {
    range: Range<usize>,
    /// Length of the folder's path, without a slash; `None` for a single item.
    folder: Option<usize>,
}

/// Folds items, which are in byte order of path, into at most `limit` rows: folders are opened, the one with the
/// fewest parts first, as long as there is room.
pub(crate) fn fold(items: &[Item], limit: usize) -> Folded {
    let mut parts = children(items, &(0..items.len()), 0, usize::MAX).unwrap_or_default();
    loop {
        let room = limit.saturating_sub(parts.len()) + 1;
        let open = parts.iter().enumerate().filter_map(|(at, part)| {
            let below = part.folder.and_then(|len| children(items, &part.range, len + 1, room))?;
            Some((below.len(), at, below))
        });
        let Some((_, at, below)) = open.min_by_key(|(len, at, _)| (*len, *at)) else { break };
        parts.splice(at..=at, below);
    }
    let row = |part: &Part| {
        let first = &items[part.range.start];
        let totals = items[part.range.clone()].iter().fold(Totals::default(), |sum, i| sum.plus(i.totals));
        let is_dir = part.folder.is_some() || first.is_dir;
        let bytes = first.path.as_bytes();
        let text = quote_path(&bytes[..part.folder.unwrap_or(bytes.len())]);
        let text = if is_dir { format!("{text}/") } else { text };
        Row { text, totals, is_dir }
    };
    let shown = parts.len().min(limit);
    let left_out = parts[shown..].iter().map(&row).fold(Totals::default(), |sum, row| sum.plus(row.totals));
    Folded { rows: parts[..shown].iter().map(row).collect(), left_out }
}

/// What lies directly below a folder whose path with the slash has `prefix` bytes; `None` when that are more than
/// `limit` parts.
fn children(items: &[Item], range: &Range<usize>, prefix: usize, limit: usize) -> Option<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut at = range.start;
    while at < range.end {
        if parts.len() == limit {
            return None;
        }
        let path = items[at].path.as_bytes();
        let slash = path.get(prefix..).and_then(|rest| rest.iter().position(|b| *b == b'/'));
        let Some(folder) = slash.map(|slash| prefix + slash) else {
            parts.push(Part { range: at..at + 1, folder: None });
            at += 1;
            continue;
        };
        let name = &path[..=folder];
        let below = items[at..range.end].partition_point(|item| item.path.as_bytes().starts_with(name));
        parts.push(Part { range: at..at + below, folder: Some(folder) });
        at += below;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(paths: &[&str]) -> Vec<Item> {
        let mut paths: Vec<RepoPath> = paths.iter().map(|path| RepoPath::new(*path).unwrap()).collect();
        paths.sort();
        let totals = Totals { files: 1, bytes: 10 };
        paths.into_iter().map(|path| Item { path, is_dir: false, totals }).collect()
    }

    fn shown(folded: &Folded) -> Vec<String> {
        folded.rows.iter().map(|row| format!("{} {}", row.text, row.totals.files)).collect()
    }

    #[test]
    fn few_paths_are_all_shown() {
        let folded = fold(&items(&["b/c/d", "a", "b/e"]), 5);
        assert_eq!(shown(&folded), ["a 1", "b/c/d 1", "b/e 1"]);
        assert_eq!(folded.left_out, Totals::default());
        assert_eq!(shown(&fold(&[], 5)), Vec::<String>::new());
    }

    #[test]
    fn folders_stand_for_many() {
        let many: Vec<String> = (0..100).map(|n| format!("raw/images/{n}")).collect();
        let mut paths: Vec<&str> = many.iter().map(String::as_str).collect();
        paths.extend(["a", "raw-data", "small/x", "small/y"]);
        let folded = fold(&items(&paths), 6);
        assert_eq!(shown(&folded), ["a 1", "raw-data 1", "raw/images/ 100", "small/x 1", "small/y 1"]);
    }

    #[test]
    fn a_flat_folder_is_cut_off() {
        let many: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
        let paths: Vec<&str> = many.iter().map(String::as_str).collect();
        let folded = fold(&items(&paths), 10);
        assert_eq!(folded.rows.len(), 10);
        assert_eq!(folded.left_out, Totals { files: 90, bytes: 900 });
    }
}
