//! Where a long list of entries is cut into nodes: by content, so that equal lists are cut equally
//! whatever the history of their edits, and an edit moves few cuts.

/// Fewest items of a node that is not the last.
pub const MIN_ITEMS: usize = 32;
/// Most items of a node.
pub const MAX_ITEMS: usize = 512;
/// A node ends after an item whose hash has these bits all zero: once in 128 on average.
pub const MASK: u64 = 127;

/// Decides the cuts of one list, item by item.
///
/// The decision depends only on the items since the last cut, so it can start anew at any cut.
#[derive(Debug, Clone, Default)]
pub struct Splitter {
    items: usize,
}

impl Splitter {
    /// Takes the hash of the next item; true when the node ends after it.
    pub const fn ends_after(&mut self, hash: u64) -> bool {
        self.items += 1;
        let cut = (self.items >= MIN_ITEMS && hash & MASK == 0) || self.items >= MAX_ITEMS;
        if cut {
            self.items = 0;
        }
        cut
    }
}

/// The hash of a tree entry: xxh3-64 of its name with the node's level as seed.
///
/// Names alone decide, so that a file whose content changes moves no cut.
pub fn name_hash(name: &[u8], level: u8) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(name, u64::from(level))
}

/// The hash of an item of a chunk list: the first 8 bytes of its id, which is a hash already,
/// rotated by the level.
pub fn chunk_hash(id: &[u8; 32], level: u8) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id;
    u64::from_le_bytes([a, b, c, d, e, f, g, h]).rotate_right(u32::from(level) * 7)
}
