//! One file against what is staged for it.

use super::Change;
use crate::codec::staging_index::Staged;
use crate::model::EntryKind;
use crate::sys::{FileKind, Stat};

/// What a file or link is as an entry, where `staged` tells what a bit that means nothing would say.
/// `None` for what no dataset can hold as a file.
pub(super) fn entry_kind(stat: &Stat, staged: Option<EntryKind>, executable_bit: bool) -> Option<EntryKind> {
    match stat.kind {
        FileKind::Symlink => Some(EntryKind::Symlink),
        FileKind::File if !executable_bit && staged == Some(EntryKind::Executable) => {
            Some(EntryKind::Executable)
        }
        FileKind::File if executable_bit && stat.executable() => Some(EntryKind::Executable),
        FileKind::File => Some(EntryKind::File),
        FileKind::Directory | FileKind::Other => None,
    }
}

/// How a file or link that is there differs from what is staged; `None` when it does not.
pub(super) fn compare(staged: &Staged, kind: EntryKind, stat: &Stat) -> Option<Change> {
    let size = stat.size;
    if staged.kind != kind && staged.kind != EntryKind::ExternalLink {
        return Some(Change::Modified { from: staged.kind, to: kind, size });
    }
    if staged.size != size {
        return Some(Change::Modified { from: staged.kind, to: kind, size });
    }
    // There is only one empty file.
    let proved =
        (size == 0 && staged.kind == kind) || staged.stat.is_some_and(|facts| facts.proves_unchanged(stat));
    (!proved).then_some(Change::MaybeModified { kind, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::staging_index::StatFacts;
    use crate::model::ObjectId;

    const STAT: Stat =
        Stat { kind: FileKind::File, size: 5, mtime_ns: 1, ctime_ns: 2, inode: 3, device: 4, mode: 0o644 };

    fn staged(kind: EntryKind, size: u64) -> Staged {
        let stat = Some(StatFacts::of_written(&STAT));
        Staged { kind, size, id: ObjectId::Sha256([1; 32]), stat, absent: false }
    }

    #[test]
    fn kinds_sizes_and_facts_count() {
        use Change::{MaybeModified, Modified};
        use EntryKind::{Executable, ExternalLink, File, Symlink};
        let differs = |staged: &Staged, stat: &Stat| {
            compare(staged, entry_kind(stat, Some(staged.kind), true).unwrap(), stat)
        };
        let executable = Stat { mode: 0o755, ..STAT };
        let empty = Stat { size: 0, mtime_ns: 99, ..STAT };
        let touched = Stat { mtime_ns: 99, ..STAT };
        assert_eq!(differs(&staged(File, 5), &STAT), None);
        assert_eq!(differs(&staged(File, 6), &STAT), Some(Modified { from: File, to: File, size: 5 }));
        assert_eq!(differs(&staged(File, 5), &touched), Some(MaybeModified { kind: File, size: 5 }));
        assert_eq!(
            differs(&Staged { stat: None, ..staged(File, 5) }, &STAT),
            Some(MaybeModified { kind: File, size: 5 })
        );
        assert_eq!(
            differs(&staged(File, 5), &executable),
            Some(Modified { from: File, to: Executable, size: 5 })
        );
        assert_eq!(differs(&staged(Symlink, 5), &STAT), Some(Modified { from: Symlink, to: File, size: 5 }));
        assert_eq!(differs(&staged(File, 0), &empty), None);
        assert_eq!(differs(&staged(ExternalLink, 5), &STAT), None);
        assert_eq!(differs(&staged(ExternalLink, 5), &touched), Some(MaybeModified { kind: File, size: 5 }));
    }

    #[test]
    fn a_bit_that_means_nothing_is_what_is_staged() {
        let executable = Stat { mode: 0o755, ..STAT };
        assert_eq!(entry_kind(&executable, None, false), Some(EntryKind::File));
        assert_eq!(entry_kind(&STAT, Some(EntryKind::Executable), false), Some(EntryKind::Executable));
        assert_eq!(entry_kind(&STAT, Some(EntryKind::Executable), true), Some(EntryKind::File));
        assert_eq!(entry_kind(&Stat { kind: FileKind::Other, ..STAT }, None, true), None);
    }
}
