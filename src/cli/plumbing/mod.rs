//! Commands for scripts. Each prints one line for one thing, and nothing else.

pub(crate) mod for_each_ref;
pub(crate) mod fsck;
pub(crate) mod objects;
pub(crate) mod packs;
pub(crate) mod refs;
pub(crate) mod trees;

use std::io::{self, Write};

use crate::model::quote_path;

/// Ends a line with a path: quoted if need be, or as it is with a NUL behind it.
pub(crate) fn end_with_path(out: &mut dyn Write, path: &[u8], nul: bool) -> io::Result<()> {
    if nul {
        out.write_all(path)?;
        out.write_all(b"\0")
    } else {
        writeln!(out, "{}", quote_path(path))
    }
}
