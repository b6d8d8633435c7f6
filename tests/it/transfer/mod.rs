//! Versions between repositories and remotes.

mod gc;
mod get;
mod kills;
mod lies;
mod partial;
mod races;
mod requests;
mod share;

use std::path::{Path, PathBuf};

use crate::support::sandbox::Sandbox;

/// Two people and a folder that both can reach.
pub(crate) struct Two {
    pub(crate) sandbox: Sandbox,
}

impl Two {
    /// Ada, in `work`, has a dataset `cats` of some files and one large one, and has pushed it.
    pub(crate) fn pushed() -> Self {
        let two = Self::committed();
        two.ok(&["push"]);
        two
    }

    /// The same before the push.
    pub(crate) fn committed() -> Self {
        let sandbox = Sandbox::repository();
        for number in 0..40 {
            sandbox.write(&format!("d{}/f{number}", number % 4), format!("content of {number}"));
        }
        sandbox.write("large.bin", large(0));
        sandbox.ok(["add", "."]);
        sandbox.ok(["commit", "-m", "First"]);
        let two = Self { sandbox };
        let bucket = two.bucket();
        std::fs::create_dir(&bucket).unwrap();
        two.ok(&["remote", "add", "origin", bucket.to_str().unwrap()]);
        two
    }

    pub(crate) fn bucket(&self) -> PathBuf {
        self.sandbox.root().join("bucket")
    }

    /// Runs a command in Ada's folder.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.sandbox.ok(arguments)
    }

    /// Runs a command in a folder beside Ada's.
    pub(crate) fn other(&self, name: &str, arguments: &[&str]) -> String {
        let folder = format!("../{name}");
        self.sandbox.ok([&["-C", &folder], arguments].concat())
    }

    /// Runs a command in a folder beside Ada's, which must end with this code; returns what it said.
    pub(crate) fn other_fails(&self, name: &str, code: i32, arguments: &[&str]) -> String {
        let folder = format!("../{name}");
        self.sandbox.fails(code, [&["-C", &folder], arguments].concat())
    }

    /// Clones the dataset into a folder beside Ada's.
    pub(crate) fn clone(&self, name: &str) -> String {
        let folder = format!("../{name}");
        self.ok(&["clone", self.bucket().to_str().unwrap(), &folder])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.sandbox.root().join(name)
    }

    /// Every file of the bucket, by its key.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.bucket(), &self.bucket(), &mut keys);
        keys.sort();
        keys
    }

    /// The keys that begin with a text.
    pub(crate) fn keys_below(&self, prefix: &str) -> Vec<String> {
        self.keys().into_iter().filter(|key| key.starts_with(prefix)).collect()
    }
}

fn collect(root: &Path, folder: &Path, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, keys);
        } else {
            keys.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// Three mebibytes without structure, other ones for each seed.
pub(crate) fn large(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 3 << 20];
    crate::support::rng::Rng::new(seed + 1).fill(&mut bytes);
    bytes
}
