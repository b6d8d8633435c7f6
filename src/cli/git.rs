//! Asks git what only git knows.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::porcelain::GitStatus;

/// Runs the program `git`.
#[derive(Debug)]
pub(crate) struct GitProgram;

impl GitStatus for GitProgram {
    fn is_dirty(&self, root: &Path) -> Option<bool> {
        let output = Command::new("git")
            .args(["--no-optional-locks", "status", "--porcelain", "--untracked-files=no"])
            .current_dir(root)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then_some(!output.stdout.is_empty())
    }
}
