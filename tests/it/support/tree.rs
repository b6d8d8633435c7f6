//! A folder's content as a value.

use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Directory,
    File { bytes: Arc<Vec<u8>>, executable: bool },
    Symlink(Vec<u8>),
}

/// Everything below a folder by its path relative to it; a directory comes before what it holds.
pub(crate) type Tree = BTreeMap<PathBuf, Node>;

/// Reads a folder. Sockets, pipes and devices are passed over.
pub(crate) fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    read_into(root, Path::new(""), &mut tree);
    tree
}

fn read_into(root: &Path, below: &Path, tree: &mut Tree) {
    for entry in std::fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            tree.insert(path.clone(), Node::Directory);
            read_into(root, &path, tree);
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path()).unwrap().into_os_string().into_vec();
            tree.insert(path, Node::Symlink(target));
        } else if kind.is_file() {
            let bytes = Arc::new(std::fs::read(entry.path()).unwrap());
            let executable = entry.metadata().unwrap().mode() & 0o100 != 0;
            tree.insert(path, Node::File { bytes, executable });
        }
    }
}

/// Makes a folder hold this tree and nothing else. What is there already is left alone, which for a row
/// of trees that differ little saves most of the work.
pub(crate) fn write_tree(tree: &Tree, root: &Path) {
    let present = read_tree(root);
    for (path, node) in present.iter().rev() {
        match (node, tree.get(path)) {
            (Node::Directory, Some(Node::Directory)) => {}
            (Node::Directory, _) => std::fs::remove_dir(root.join(path)).unwrap(),
            (_, wanted) if wanted != Some(node) => std::fs::remove_file(root.join(path)).unwrap(),
            _ => {}
        }
    }
    for (path, node) in tree.iter().filter(|(path, node)| present.get(*path) != Some(node)) {
        let path = root.join(path);
        match node {
            Node::Directory => std::fs::create_dir(&path).unwrap(),
            Node::Symlink(target) => {
                std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), &path).unwrap();
            }
            Node::File { bytes, executable } => {
                std::fs::write(&path, bytes.as_slice()).unwrap();
                if *executable {
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
                }
            }
        }
    }
}

/// A number that differs for trees that differ.
pub(crate) fn fingerprint(tree: &Tree) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for (path, node) in tree {
        field(path.as_os_str().as_bytes());
        match node {
            Node::Directory => field(b"directory"),
            Node::Symlink(target) => {
                field(b"symlink");
                field(target);
            }
            Node::File { bytes, executable } => {
                field(if *executable { b"executable" } else { b"file" });
                field(bytes);
            }
        }
    }
    hasher.digest()
}
