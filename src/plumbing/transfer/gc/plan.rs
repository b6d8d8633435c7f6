//! Which packs are given up, so that what is in use of them is copied to new ones.

use std::collections::HashSet;

use crate::codec::pack_index::PackName;
use crate::codec::segment::Section;

/// Of the bytes in use, in percent, so many that are not may lie in packs that stay.
const MAX_DEAD: u64 = 5;
/// A pack with fewer bytes is small.
const SMALL_PACK: u64 = 8 * 1024 * 1024;
/// When there are more small packs of a section than this, they are made into larger ones.
const MAX_SMALL_PACKS: usize = 8;

/// A pack that the newest entries name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackUse {
    /// The pack.
    pub(super) name: PackName,
    /// What it holds.
    pub(super) section: Section,
    /// Its bytes.
    pub(super) len: u64,
    /// Bytes that it would have with nothing but what is in use; 0 when nothing is.
    pub(super) live: u64,
}

impl PackUse {
    const fn dead(&self) -> u64 {
        self.len.saturating_sub(self.live)
    }
}

/// The packs that are given up: those of which nothing is in use; those of which the largest share is not, until little of that is left;
/// and the small ones, when there are many.
pub(super) fn give_up(mut packs: Vec<PackUse>) -> HashSet<PackName> {
    let live: u64 = packs.iter().map(|pack| pack.live).sum();
    // The larger the share that is not in use, the less is copied for what is won. Names only make the order the same each time.
    packs.sort_unstable_by(|a, b| {
        let share = |pack: &PackUse, of: &PackUse| u128::from(pack.dead()) * u128::from(of.len);
        share(b, a).cmp(&share(a, b)).then(a.name.cmp(&b.name))
    });
    let (unused, used): (Vec<_>, Vec<_>) = packs.into_iter().partition(|pack| pack.live == 0);
    let mut dead: u64 = used.iter().map(PackUse::dead).sum();
    let worst = used.iter().take_while(|pack| {
        let is_too_much = dead.saturating_mul(100) > live.saturating_mul(MAX_DEAD);
        dead -= pack.dead();
        is_too_much
    });
    let worst = worst.count();
    let (worst, kept) = used.split_at(worst);
    let mut given_up: HashSet<PackName> = unused.iter().chain(worst).map(|pack| pack.name).collect();
    for section in [Section::Metadata, Section::Data] {
        let is_small = |pack: &&PackUse| pack.section == section && pack.len < SMALL_PACK;
        let small: Vec<PackName> = kept.iter().filter(is_small).map(|pack| pack.name).collect();
        if small.len() > MAX_SMALL_PACKS {
            given_up.extend(small);
        }
    }
    given_up
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn pack(name: u8, len: u64, live: u64) -> PackUse {
        PackUse { name: [name; 32], section: Section::Data, len, live }
    }

    fn names(packs: &[PackUse]) -> Vec<u8> {
        let mut names: Vec<u8> = give_up(packs.to_vec()).iter().map(|name| name[0]).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_deadest_go_until_little_is_left() {
        let large = 32 * MIB;
        assert!(names(&[]).is_empty());
        assert_eq!(names(&[pack(1, large, large), pack(2, large, 0)]), [2]);
        // 3 % of each are nothing to worry about, 10 % are.
        assert!(names(&[pack(1, large, large / 100 * 97), pack(2, large, large / 100 * 97)]).is_empty());
        assert_eq!(names(&[pack(1, large, large / 10 * 9), pack(2, large, large / 10 * 9)]), [1, 2]);
        // The one with the larger share goes, and with it enough.
        assert_eq!(names(&[pack(1, large, large / 100 * 96), pack(2, large, large / 2)]), [2]);
    }

    #[test]
    fn small_ones_go_when_they_are_many() {
        let small: Vec<_> = (0..9).map(|name| pack(name, MIB, MIB)).collect();
        assert!(names(&small[..8]).is_empty());
        assert_eq!(names(&small).len(), 9);
        let mut mixed = small.clone();
        mixed[0].section = Section::Metadata;
        assert!(names(&mixed).is_empty());
        mixed[1].len = SMALL_PACK;
        mixed[1].live = SMALL_PACK;
        assert!(names(&mixed).is_empty());
    }

    proptest! {
        #[test]
        fn little_that_is_not_in_use_stays(packs in proptest::collection::vec((0u64..40 * MIB, 0u64..101), 0..40)) {
            let pack = |(name, (len, share)): (usize, (u64, u64))| pack(name as u8, len, len * share / 100);
            let packs: Vec<_> = packs.into_iter().enumerate().map(pack).collect();
            let given_up = give_up(packs.clone());
            let kept = packs.iter().filter(|pack| !given_up.contains(&pack.name));
            let kept_dead: u64 = kept.map(PackUse::dead).sum();
            let live: u64 = packs.iter().map(|pack| pack.live).sum();
            prop_assert!(kept_dead * 100 <= live * MAX_DEAD);
        }
    }
}
