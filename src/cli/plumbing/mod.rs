//! Commands for scripts. Each prints one line for one thing, and nothing else.

pub(crate) mod for_each_ref;
pub(crate) mod fsck;
pub(crate) mod index;
pub(crate) mod merge;
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

/// The bytes of a path that [`quote_path`] put in quotes; `None` when the quotes or an escape are broken.
fn unquote_path(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut path = Vec::with_capacity(rest.len());
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'\\' {
            path.push(*byte);
            continue;
        }
        let (escape, behind) = rest.split_first()?;
        rest = behind;
        path.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'"' | b'\\' => *escape,
            b'0'..=b'3' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                let octal = std::str::from_utf8(digits).ok()?;
                (escape - b'0') << 6 | u8::from_str_radix(octal, 8).ok()?
            }
            _ => return None,
        });
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_come_off_again() {
        for path in [&b"a\nb\t\"\\\xff\x01"[..], "\u{85}\n".as_bytes(), b"\""] {
            assert_eq!(unquote_path(quote_path(path).as_bytes()).as_deref(), Some(path));
        }
        for bad in [r#"""#, r#""\"#, r#""\x""#, r#""\39""#, r#""\3""#, "plain"] {
            assert_eq!(unquote_path(bad.as_bytes()), None, "{bad}");
        }
    }
}
