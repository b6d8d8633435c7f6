//! The real binary in a world of its own: no environment, a home and a clock that never change.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::scratch;

/// The clock of every sandbox.
pub(crate) const NOW: &str = "2026-11-23T14:05:09+01:00";

/// A folder with a home and a place to work, removed when dropped.
pub(crate) struct Sandbox {
    root: TempDir,
    variables: Vec<(String, String)>,
}

/// What a run of the binary left: code, standard output, standard error.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    line: String,
}

impl Sandbox {
    /// An empty sandbox; the place to work is `work`, which is no repository yet.
    pub(crate) fn new() -> Self {
        let root = scratch();
        std::fs::create_dir(root.path().join("home")).unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        Self { root, variables: Vec::new() }
    }

    /// A sandbox whose `work` is a repository with the dataset `cats`.
    pub(crate) fn repository() -> Self {
        let sandbox = Self::new();
        sandbox.ok(["init", "--dataset", "cats"]);
        sandbox
    }

    /// Sets a variable of the environment for all later runs.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The folder where commands run.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// The folder above it, which holds `home`, too.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes a file below `work`, and the folders above it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Reads a file below `work`.
    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.work().join(path)).unwrap()
    }

    /// Flips a byte of the content of a file, which is stored as it is.
    pub(crate) fn damage(&self, content: &[u8]) {
        let objects = std::fs::read_dir(self.work().join(".dsv/objects")).unwrap();
        let paths = objects.map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "pack")) {
            let mut bytes = std::fs::read(&path).unwrap();
            if let Some(at) = bytes.windows(content.len()).position(|window| window == content) {
                bytes[at] ^= 1;
                std::fs::remove_file(&path).unwrap();
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }

    /// The binary, ready to run in `work`; whoever needs more than [`Sandbox::run`] starts here.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dsv"));
        command
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("USER", "eva")
            .env("HOSTNAME", "lab")
            .env("TZ", "UTC")
            .env("DSV_NOW", NOW)
            .env("DSV_THREADS", "2")
            .env("DSV_AUTHOR_NAME", "Eva Example")
            .env("DSV_AUTHOR_EMAIL", "eva@example.org")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary with these arguments.
    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        self.run_with_input(arguments, b"")
    }

    /// Runs the binary with these arguments and these bytes on its standard input.
    pub(crate) fn run_with_input(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &[u8],
    ) -> Run {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output: Output = std::thread::scope(|scope| {
            scope.spawn(move || {
                // A command that does not read its input is as good as one that does.
                let _ = stdin.write_all(input);
            });
            child.wait_with_output().unwrap()
        });
        Run {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr)
                .replace(&self.root.path().display().to_string(), "$ROOT"),
            line,
        }
    }

    /// Runs the binary as somebody who is refused what the modes of files refuse; of whoever may do everything, as
    /// another person.
    #[cfg(unix)]
    pub(crate) fn run_as_nobody(&self, arguments: &[&str]) -> Run {
        use std::os::unix::process::CommandExt;
        let binary = self.root().join("dsv");
        if !binary.exists() {
            std::fs::copy(env!("CARGO_BIN_EXE_dsv"), &binary).unwrap();
        }
        let mut command = Command::new(&binary);
        command.args(arguments).env_clear().env("HOME", "/nonexistent").current_dir(self.work());
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(self.root()).status().unwrap();
            assert!(owned.success());
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            err: err.replace(&self.root().display().to_string(), "$ROOT"),
            line: format!("{arguments:?}"),
        }
    }

    /// Runs the binary, which must succeed, and returns its standard output.
    pub(crate) fn ok(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        self.run(arguments).expect(0).text(self)
    }

    /// Runs the binary, which must end with this code, and returns its standard error.
    pub(crate) fn fails(&self, code: i32, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        self.run(arguments).expect(code).err
    }

    /// Runs the binary with `--json` among the arguments and parses its answer.
    pub(crate) fn json(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> serde_json::Value {
        let run = self.run(arguments).expect(0);
        serde_json::from_slice(&run.out).unwrap_or_else(|error| panic!("{}: {error}", run.line))
    }
}

impl Run {
    /// Demands this exit code.
    pub(crate) fn expect(self, code: i32) -> Self {
        let out = String::from_utf8_lossy(&self.out);
        assert_eq!(self.code, code, "dsv {}\nstdout:\n{out}\nstderr:\n{}", self.line, self.err);
        self
    }

    /// Standard output as text, with the sandbox's folder written as `$ROOT`.
    pub(crate) fn text(&self, sandbox: &Sandbox) -> String {
        String::from_utf8(self.out.clone())
            .unwrap()
            .replace(&sandbox.root.path().display().to_string(), "$ROOT")
    }
}
