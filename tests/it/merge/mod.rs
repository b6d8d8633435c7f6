//! Merges, reverts and picks, by the program and by the library.

mod flow;
mod pick;
mod pull;
mod safety;
mod shapes;
mod sparse;

use crate::support::sandbox::Sandbox;

/// Writes files, removes those of which nothing is given, and makes a version.
pub(crate) fn version(sandbox: &Sandbox, message: &str, files: &[(&str, Option<&[u8]>)]) {
    for (path, content) in files {
        match content {
            Some(content) => sandbox.write(path, content),
            None => std::fs::remove_file(sandbox.work().join(path)).unwrap(),
        }
    }
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-q", "-m", message]);
}

/// A dataset `cats` and a dataset `exp` that began at its first version; each then has a version of its own. The worktree is on `cats`.
pub(crate) fn apart(
    base: &[(&str, Option<&[u8]>)],
    ours: &[(&str, Option<&[u8]>)],
    theirs: &[(&str, Option<&[u8]>)],
) -> Sandbox {
    let sandbox = Sandbox::repository();
    version(&sandbox, "Base", base);
    sandbox.ok(["switch", "-q", "-c", "exp"]);
    version(&sandbox, "Theirs", theirs);
    sandbox.ok(["switch", "-q", "cats"]);
    version(&sandbox, "Ours", ours);
    sandbox
}

/// What is in the worktree, in the index, and where the dataset is.
pub(crate) fn state(sandbox: &Sandbox) -> (crate::support::tree::Tree, String, String) {
    let files = crate::support::repo::worktree(&sandbox.work());
    (files, sandbox.ok(["ls-files", "-s"]), sandbox.ok(["rev-parse", "HEAD"]))
}

/// Two binary files that both changed, one that theirs removed and one that ours did, and paths that only one side touched.
pub(crate) fn in_conflict() -> Sandbox {
    apart(
        &[
            ("a.bin", Some(b"\0base")),
            ("b.bin", Some(b"\0base b")),
            ("gone.bin", Some(b"\0gone")),
            ("mine.bin", Some(b"\0mine")),
            ("same", Some(b"same")),
        ],
        &[
            ("a.bin", Some(b"\0ours")),
            ("b.bin", Some(b"\0ours b!")),
            ("gone.bin", Some(b"\0gone, changed")),
            ("mine.bin", None),
            ("ours/new", Some(b"o")),
        ],
        &[
            ("a.bin", Some(b"\0theirs")),
            ("b.bin", Some(b"\0theirs b")),
            ("gone.bin", None),
            ("mine.bin", Some(b"\0mine, changed")),
            ("theirs/new", Some(b"t")),
        ],
    )
}
