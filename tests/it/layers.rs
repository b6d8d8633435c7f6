//! The layers are law: every import inside the crate points down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A layer and what it may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("codec", &["model"]),
    ("sys", &["model"]),
    ("store", &["model", "codec", "sys"]),
    ("remote", &["model", "codec"]),
    ("worktree", &["model", "codec", "sys"]),
    ("plumbing", &["model", "codec", "sys", "store", "remote", "worktree"]),
    ("porcelain", &["model", "store", "remote", "worktree", "plumbing"]),
    ("cli", &["model", "plumbing", "porcelain"]),
];

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The top-level modules that a source file names behind `crate::`, one by one or in braces.
///
/// Unit tests are left out: they may build what they test with any layer.
fn imports(source: &str) -> Vec<String> {
    let code: String = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut reading = true;
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.push(std::mem::take(&mut word));
                        reading = true;
                        continue;
                    }
                    ':' if depth == 0 => reading = false,
                    c if depth == 0 && reading && (c.is_alphanumeric() || c == '_') => word.push(c),
                    _ => {}
                }
            }
            found.push(word);
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for file in files {
        let relative = file.strip_prefix(&src).unwrap();
        let layer =
            relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let Some(may) = allowed.get(layer) else {
            assert!(
                matches!(layer, "lib" | "main"),
                "{layer} is no layer: add it to the table and to the docs"
            );
            continue;
        };
        if file.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        for import in imports(&std::fs::read_to_string(&file).unwrap()) {
            checked += 1;
            if import != layer && !may.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}", relative.display()));
            }
        }
    }
    assert!(checked > 50, "the test found only {checked} imports: it no longer sees them");
    assert!(wrong.is_empty(), "imports that do not point down:\n{}", wrong.join("\n"));
}

#[test]
fn every_way_to_import_is_seen() {
    assert_eq!(imports("use crate::store::X;"), ["store"]);
    assert_eq!(imports("use crate::{model::{A, B}, sys::C, codec};"), ["model", "sys", "codec"]);
    assert_eq!(imports("fn f() { crate::cli::run() }\n// crate::web::x\n"), ["cli"]);
}

/// The operating system has one caller.
#[test]
fn only_sys_names_the_file_system_of_std() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let outside =
        files.iter().filter(|file| !file.starts_with(src.join("sys")) && !file.ends_with("tests.rs"));
    for file in outside {
        let source = std::fs::read_to_string(file).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        assert!(!code.contains("std::fs"), "{} names std::fs", file.display());
    }
}
