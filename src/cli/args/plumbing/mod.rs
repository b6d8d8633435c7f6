//! Commands for scripts: one operation each, text in and out.

pub(crate) mod index;
pub(crate) mod merge;
pub(crate) mod objects;
pub(crate) mod packs;
pub(crate) mod refs;
pub(crate) mod trees;
