//! Commands for scripts: one operation each, text in and out.

pub(crate) mod objects;
pub(crate) mod packs;
