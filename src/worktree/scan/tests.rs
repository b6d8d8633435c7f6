#![expect(
    clippy::disallowed_methods,
    reason = "the tests prepare files behind the back of the code under test"
)]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{Interrupt, NoProgress, ObjectId};
use crate::sys::{LockMode, OsFs, SystemClock, Wait, acquire};
use crate::worktree::{IndexEditor, Staged, StatFacts};

struct Fixture {
    folder: tempfile::TempDir,
    fs: Arc<dyn Fs>,
    threads: usize,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap(), fs: OsFs::new(), threads: 3 };
        std::fs::create_dir_all(fixture.root().join(".dsv/index")).unwrap();
        fixture
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn write(&self, path: impl AsRef<Path>, content: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn mkdir(&self, path: &str) {
        std::fs::create_dir_all(self.root().join(path)).unwrap();
    }

    fn link(&self, target: &str, path: &str) {
        std::os::unix::fs::symlink(target, self.root().join(path)).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.root().join(path);
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
    }

    fn index(&self) -> StagingIndex {
        StagingIndex::open(&*self.fs, &self.root().join(".dsv/index")).unwrap()
    }

    fn edit(&self) -> IndexEditor {
        let interrupt = Interrupt::new();
        let wait = Wait {
            timeout: Duration::from_secs(10),
            clock: &SystemClock,
            interrupt: &interrupt,
            on_wait: &mut |_| (),
        };
        let lock =
            acquire(&*self.fs, &self.folder.path().join("lock"), LockMode::Exclusive, "test", wait).unwrap();
        IndexEditor::open(&self.fs, &self.root().join(".dsv/index"), lock).unwrap()
    }

    fn monitor<'a>(&self, interrupt: &'a Interrupt) -> Monitor<'a> {
        Monitor { progress: &NoProgress, interrupt, threads: self.threads }
    }

    fn scan(&self, options: &ScanOptions) -> ScanOutcome {
        let interrupt = Interrupt::new();
        scan(&*self.fs, &self.root(), &self.index(), options, self.monitor(&interrupt)).unwrap()
    }

    /// Stages everything as it is now, and trusts it.
    fn stage_all(&self) {
        let outcome = self.scan(&files());
        let mut editor = self.edit();
        for Difference { path, change } in outcome.differences {
            let kind = match change {
                Change::Vanished { .. } => {
                    editor.remove(&path).unwrap();
                    continue;
                }
                Change::Modified { to: kind, .. }
                | Change::MaybeModified { kind, .. }
                | Change::Untracked { kind, .. } => kind,
            };
            let stat = self.fs.stat(&self.root().join(std::ffi::OsStr::from_bytes(path.as_bytes()))).unwrap();
            let size = if kind.is_dir() { 0 } else { stat.size };
            let facts = StatFacts::of_written(&stat);
            let staged = Staged {
                kind,
                size,
                id: ObjectId::Sha256([1; 32]),
                stat: Some(facts).filter(|_| !kind.is_dir()),
                absent: false,
            };
            editor.set(&path, staged).unwrap();
        }
        std::thread::sleep(Duration::from_millis(30));
        editor.save().unwrap();
    }

    fn all(&self) -> Vec<String> {
        told(&self.scan(&files()))
    }
}

fn files() -> ScanOptions {
    ScanOptions { untracked: UntrackedMode::Files, ..ScanOptions::default() }
}

fn roots(paths: &[&str]) -> ScanOptions {
    ScanOptions { roots: paths.iter().map(|path| RepoPath::new(*path).unwrap()).collect(), ..files() }
}

/// Differences in short: `-` vanished, `!` modified, `?` maybe, `+` untracked.
fn told(outcome: &ScanOutcome) -> Vec<String> {
    let tell = |Difference { path, change }: &Difference| match change {
        Change::Vanished { .. } => format!("-{path}"),
        Change::Modified { from, to, .. } if from != to => {
            format!("!{path} {}>{}", from.as_str(), to.as_str())
        }
        Change::Modified { .. } => format!("!{path}"),
        Change::MaybeModified { .. } => format!("?{path}"),
        Change::Untracked { kind: EntryKind::Directory, files, bytes } => format!("+{path}/ {files} {bytes}"),
        Change::Untracked { .. } => format!("+{path}"),
    };
    outcome.differences.iter().map(tell).collect()
}

fn problems(outcome: &ScanOutcome) -> Vec<String> {
    outcome.problems.iter().map(ToString::to_string).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_is_not_staged_is_told_file_by_file_or_folder_by_folder() {
    let fixture = Fixture::new();
    fixture.write("a", "1");
    fixture.write("d/x", "22");
    fixture.write("d/e/y", "333");
    fixture.mkdir("empty/inner");
    fixture.mkdir("d/hollow");
    assert_eq!(fixture.all(), ["+a", "+d/e/y", "+d/hollow/ 0 0", "+d/x", "+empty/inner/ 0 0"]);
    let short = fixture.scan(&ScanOptions::default());
    assert_eq!(told(&short), ["+a", "+d/ 2 5", "+empty/ 0 0"]);
    let none = fixture.scan(&ScanOptions { untracked: UntrackedMode::None, ..ScanOptions::default() });
    assert_eq!((told(&none).len(), none.counts.stats), (0, 0));
}

#[test]
fn nothing_changed_is_nothing_told_with_one_stat_for_each_file() {
    let fixture = Fixture::new();
    fixture.mkdir("empty");
    fixture.link("a", "link");
    for n in 0..50 {
        fixture.write(format!("d{}/f{n}", n % 7), "content");
    }
    fixture.stage_all();
    let outcome = fixture.scan(&files());
    assert_eq!(told(&outcome), NOTHING);
    let unchanged = Totals { files: 51, bytes: 50 * 7 + 1 };
    assert_eq!(outcome.counts, ScanCounts { listed: 9, stats: 51, unchanged });
}

#[test]
fn a_large_directory_is_cut_into_batches_without_loss() {
    let fixture = Fixture::new();
    for n in (0..5000).filter(|n| n % 10 != 0) {
        fixture.write(format!("big/f{n:04}"), "");
    }
    fixture.stage_all();
    assert_eq!(fixture.all(), NOTHING);
    let mut expected = Vec::new();
    for n in 0..5000 {
        match n % 500 {
            0 => {
                fixture.write(format!("big/f{n:04}"), "");
                expected.push(format!("+big/f{n:04}"));
            }
            1 | 499 => {
                fixture.remove(&format!("big/f{n:04}"));
                expected.push(format!("-big/f{n:04}"));
            }
            2 => {
                fixture.write(format!("big/f{n:04}"), "longer");
                expected.push(format!("!big/f{n:04}"));
            }
            _ => {}
        }
    }
    assert_eq!(fixture.all(), expected);
    // Names beyond all that are there, before and behind.
    let names: Vec<_> = (3..5000).map(|n| format!("big/f{n:04}")).collect();
    names.iter().filter(|name| fixture.root().join(name).exists()).for_each(|name| fixture.remove(name));
    assert_eq!(fixture.all().iter().filter(|line| line.starts_with('-')).count(), 4500 - 1);
}

#[test]
fn every_kind_of_change() {
    let fixture = Fixture::new();
    for name in ["same", "size", "touch", "exec", "to-link", "to-dir", "gone", "to-socket"] {
        fixture.write(name, "12345");
    }
    fixture.write("dir/a", "1");
    fixture.write("dir/b/c", "1");
    fixture.write("dir-gone/b/c", "1");
    fixture.mkdir("empty");
    fixture.mkdir("empty-gone");
    fixture.mkdir("empty-to-file");
    fixture.mkdir("empty-filled");
    fixture.link("same", "link");
    fixture.stage_all();
    assert_eq!(fixture.all(), NOTHING);

    fixture.write("size", "123456");
    fixture.write("touch", "54321");
    std::fs::set_permissions(fixture.root().join("exec"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for name in
        ["to-link", "to-dir", "gone", "dir", "dir-gone", "empty-gone", "empty-to-file", "link", "to-socket"]
    {
        fixture.remove(name);
    }
    fixture.link("same", "to-link");
    fixture.write("to-dir/in", "1");
    fixture.write("dir", "now a file");
    fixture.write("empty-to-file", "1");
    fixture.write("empty-filled/in", "1");
    fixture.link("other", "link");
    let _socket = std::os::unix::net::UnixListener::bind(fixture.root().join("to-socket")).unwrap();
    let outcome = fixture.scan(&files());
    assert_eq!(
        told(&outcome),
        [
            "+dir",
            "-dir-gone/b/c",
            "-dir/a",
            "-dir/b/c",
            "+empty-filled/in",
            "-empty-gone",
            "-empty-to-file",
            "+empty-to-file",
            "!exec file>exec",
            "-gone",
            "!link",
            "!size",
            "-to-dir",
            "+to-dir/in",
            "!to-link file>symlink",
            "-to-socket",
            "?touch",
        ]
    );
    assert_eq!(problems(&outcome), ["to-socket is a socket, a pipe or a device"]);
    fixture.stage_all();
    assert_eq!(fixture.all(), NOTHING);
}

#[test]
fn a_folder_that_lost_its_files_is_an_empty_folder() {
    let fixture = Fixture::new();
    fixture.write("d/x", "1");
    fixture.stage_all();
    fixture.remove("d/x");
    assert_eq!(fixture.all(), ["+d/ 0 0", "-d/x"]);
    fixture.stage_all();
    assert_eq!(fixture.all(), NOTHING);
    assert!(fixture.index().get(&RepoPath::new("d").unwrap()).unwrap().unwrap().kind.is_dir());
}

#[test]
fn ignored_is_no_data_unless_it_is_staged() {
    let fixture = Fixture::new();
    fixture.write("kept.log", "1");
    fixture.write("cache/kept", "1");
    fixture.stage_all();
    fixture.write(".dsvignore", "*.log\ncache/\n{bad\n");
    fixture.write("new.log", "1");
    fixture.write("cache/new", "1");
    fixture.mkdir("cache/empty");
    fixture.write("d/.dsvignore", "!new.log\n");
    fixture.write("d/new.log", "1");
    fixture.write("only-ignored/x.log", "1");
    fixture.write(".git/config", "1");
    fixture.write("sub/.git", "gitdir: elsewhere");
    fixture.write(".tmp-dsv-12-ab-3", "left over");
    fixture.write(".gitignore", "*\n");
    let outcome = fixture.scan(&files());
    assert_eq!(told(&outcome), ["+.dsvignore", "+.gitignore", "+d/.dsvignore", "+d/new.log"]);
    assert!(problems(&outcome)[0].starts_with(".dsvignore line 3 is skipped"), "{:?}", outcome.problems);
    fixture.write("kept.log", "changed");
    fixture.remove("cache/kept");
    assert_eq!(fixture.all()[2..], ["-cache/kept", "+d/.dsvignore", "+d/new.log", "!kept.log"]);
    let short = fixture.scan(&ScanOptions::default());
    assert_eq!(told(&short)[3..], ["+d/ 2 10", "!kept.log"]);
}

#[test]
fn only_what_is_asked_for_is_looked_at() {
    let fixture = Fixture::new();
    for path in ["a", "d/x", "d/y", "d/e/z", "other/x"] {
        fixture.write(path, "1");
    }
    fixture.stage_all();
    for path in ["a", "d/x", "d/y", "d/e/z", "other/x"] {
        fixture.write(path, "22");
    }
    assert_eq!(told(&fixture.scan(&roots(&["d/x"]))), ["!d/x"]);
    assert_eq!(told(&fixture.scan(&roots(&["d/e", "a", "d", "d/x"]))), ["!a", "!d/e/z", "!d/x", "!d/y"]);
    assert_eq!(told(&fixture.scan(&roots(&["", "d"]))).len(), 5);
    let missing = fixture.scan(&roots(&["nope", "d/nope/x", "a/below"]));
    assert_eq!(
        missing.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a/below", "d/nope/x", "nope"]
    );
    fixture.remove("d");
    assert_eq!(told(&fixture.scan(&roots(&["d/e"]))), ["-d/e/z"]);
    assert_eq!(told(&fixture.scan(&roots(&["d/x"]))), ["-d/x"]);
    fixture.write("d", "a file now");
    assert_eq!(told(&fixture.scan(&roots(&["d"]))), ["+d", "-d/e/z", "-d/x", "-d/y"]);
}

#[test]
fn asking_for_what_is_ignored_is_told() {
    let fixture = Fixture::new();
    fixture.write("kept.log", "1");
    fixture.stage_all();
    fixture.write(".dsvignore", "*.log\ncache\n");
    fixture.write("new.log", "1");
    fixture.write("cache/x", "1");
    fixture.write("kept.log", "22");
    let outcome = fixture.scan(&roots(&["new.log", "cache/x", "cache", "kept.log"]));
    assert_eq!(told(&outcome), ["!kept.log"]);
    assert_eq!(outcome.ignored.iter().map(ToString::to_string).collect::<Vec<_>>(), ["cache", "new.log"]);
    let below = fixture.scan(&roots(&["cache/x"]));
    assert_eq!((told(&below).len(), below.ignored.len()), (0, 1));
}

#[test]
fn links_are_never_followed() {
    let fixture = Fixture::new();
    fixture.write("d/x", "1");
    fixture.link("..", "d/loop");
    fixture.link("/", "outside");
    fixture.link("self", "self");
    assert_eq!(fixture.all(), ["+d/loop", "+d/x", "+outside", "+self"]);
    let beyond = fixture.scan(&roots(&["outside/etc"]));
    assert_eq!(problems(&beyond), ["outside/etc lies beyond the symbolic link outside"]);
    assert_eq!(beyond.problems[0].kind(), ErrorKind::OutsideWorktree);
    fixture.stage_all();
    // A folder that became a link holds nothing any more.
    fixture.remove("d");
    fixture.link("/", "d");
    assert_eq!(fixture.all(), ["+d", "-d/loop", "-d/x"]);
}

#[test]
fn another_repository_is_left_alone() {
    let fixture = Fixture::new();
    fixture.write("sub/x", "1");
    fixture.stage_all();
    fixture.mkdir("sub/.dsv");
    fixture.write("sub/y", "1");
    fixture.mkdir("new/inner/.dsv");
    fixture.write("new/inner/x", "1");
    let outcome = fixture.scan(&files());
    assert_eq!(told(&outcome), NOTHING);
    let expected = [
        "new/inner is another repository; its files are not looked at",
        "sub is another repository; its files are not looked at",
    ];
    assert_eq!(problems(&outcome), expected);
    assert_eq!(problems(&fixture.scan(&roots(&["sub/y"]))), expected[1..]);
    assert_eq!(told(&fixture.scan(&ScanOptions::default())), NOTHING);
}

#[test]
fn what_cannot_be_in_a_dataset_is_a_problem() {
    let fixture = Fixture::new();
    fixture.mkdir("d/.DSV");
    fixture.mkdir("d/.Git");
    fixture.write(Path::new(std::ffi::OsStr::from_bytes(b"odd\xff\nname")), "1");
    let _socket = std::os::unix::net::UnixListener::bind(fixture.root().join("socket")).unwrap();
    let outcome = fixture.scan(&files());
    assert_eq!(told(&outcome), [r#"+"odd\377\nname""#]);
    let kinds: Vec<_> = outcome.problems.iter().map(Problem::kind).collect();
    assert_eq!(kinds, [ErrorKind::InvalidPath, ErrorKind::InvalidPath, ErrorKind::UnsupportedFile]);
}

#[test]
fn very_deep_folders_are_problems_and_nothing_worse() {
    let fixture = Fixture::new();
    let name = "n".repeat(200);
    let mut deep = fixture.root();
    for _ in 0..15 {
        deep.push(&name);
    }
    std::fs::create_dir_all(&deep).unwrap();
    // Beyond what a path may have, step by step from within.
    let mut at = std::fs::File::open(&deep).unwrap();
    for _ in 0..10 {
        rustix::fs::mkdirat(&at, &name, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        at = rustix::fs::openat(&at, &name, flags, rustix::fs::Mode::empty()).unwrap().into();
    }
    let outcome = fixture.scan(&files());
    assert_eq!(told(&outcome), NOTHING);
    assert!(matches!(outcome.problems.as_slice(), [Problem { what: ProblemKind::Unreadable(_), .. }]));
}

#[test]
fn an_interrupt_ends_the_scan() {
    let fixture = Fixture::new();
    fixture.write("a", "1");
    let interrupt = Interrupt::new();
    interrupt.set();
    let outcome =
        scan(&*fixture.fs, &fixture.root(), &fixture.index(), &files(), fixture.monitor(&interrupt));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Interrupted);
}

#[test]
fn a_damaged_index_ends_the_scan() {
    let fixture = Fixture::new();
    for n in 0..20_000 {
        fixture.write(format!("f{n}"), "");
    }
    fixture.stage_all();
    let base = fixture.root().join(".dsv/index/base-0000000000000001.idx");
    let mut bytes = std::fs::read(&base).unwrap();
    bytes[5000] ^= 1;
    std::fs::remove_file(&base).unwrap();
    std::fs::write(&base, bytes).unwrap();
    let interrupt = Interrupt::new();
    let outcome =
        scan(&*fixture.fs, &fixture.root(), &fixture.index(), &files(), fixture.monitor(&interrupt));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn the_sink_gets_everything_in_parts() {
    let fixture = Fixture::new();
    for n in 0..3000 {
        fixture.write(format!("d{}/f{n}", n % 3), "");
    }
    let parts = Mutex::new(Vec::new());
    let interrupt = Interrupt::new();
    let sink = |part: Vec<Difference>| parts.lock().unwrap().push(part.len());
    scan_with(&*fixture.fs, &fixture.root(), &fixture.index(), &files(), fixture.monitor(&interrupt), &sink)
        .unwrap();
    let parts = parts.into_inner().unwrap();
    assert_eq!(parts.iter().sum::<usize>(), 3000);
    assert!(parts.len() > 2);
}

/// What is at a path, in the plainest way.
#[derive(Debug, Clone, PartialEq)]
enum Thing {
    File(u8),
    Link(u8),
    EmptyDir,
}

fn any_tree() -> impl Strategy<Value = BTreeMap<String, Thing>> {
    let thing = prop_oneof![
        4 => (1u8..4).prop_map(Thing::File),
        1 => (1u8..4).prop_map(Thing::Link),
        1 => Just(Thing::EmptyDir),
    ];
    proptest::collection::btree_map("[ab](/[ab-]){0,3}", thing, 0..25).prop_map(|tree| {
        let mut kept: BTreeMap<String, Thing> = BTreeMap::new();
        for (path, thing) in tree {
            let clash = kept.keys().any(|other| {
                path.starts_with(&format!("{other}/")) || other.starts_with(&format!("{path}/"))
            });
            if !clash {
                kept.insert(path, thing);
            }
        }
        kept
    })
}

/// Makes the worktree the tree, touching only what differs.
fn make(fixture: &Fixture, before: &BTreeMap<String, Thing>, after: &BTreeMap<String, Thing>) {
    let remove: Vec<_> = before.iter().filter(|(path, thing)| after.get(*path) != Some(thing)).collect();
    for (path, _) in &remove {
        fixture.remove(path);
    }
    for (path, _) in remove {
        let mut dir = Path::new(path).parent();
        while let Some(empty) = dir.filter(|dir| !dir.as_os_str().is_empty()) {
            let _ = std::fs::remove_dir(fixture.root().join(empty));
            dir = empty.parent();
        }
    }
    for (path, thing) in after.iter().filter(|(path, thing)| before.get(*path) != Some(thing)) {
        match thing {
            Thing::File(size) => fixture.write(path, &"x".repeat(usize::from(*size))),
            Thing::Link(size) => {
                std::fs::create_dir_all(fixture.root().join(path).parent().unwrap()).unwrap();
                fixture.link(&"t".repeat(usize::from(*size)), path);
            }
            Thing::EmptyDir => fixture.mkdir(path),
        }
    }
}

fn kind(thing: &Thing) -> &'static str {
    match thing {
        Thing::File(_) => "file",
        Thing::Link(_) => "symlink",
        Thing::EmptyDir => "dir",
    }
}

/// What a scan must tell, from the two trees alone.
fn expected(before: &BTreeMap<String, Thing>, after: &BTreeMap<String, Thing>) -> Vec<String> {
    let mut lines = Vec::new();
    let paths: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let untracked = |path: &str, thing: &Thing| {
        if *thing == Thing::EmptyDir { format!("+{path}/ 0 0") } else { format!("+{path}") }
    };
    // An empty folder that something was put into is still a folder: only what is in it is told.
    let filled = |path: &str| after.keys().any(|other| other.starts_with(&format!("{path}/")));
    for path in paths {
        match (before.get(path), after.get(path)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if *a == Thing::EmptyDir || *b == Thing::EmptyDir => {
                lines.push(format!("-{path}"));
                lines.push(untracked(path, b));
            }
            (Some(a), Some(b)) if kind(a) != kind(b) => {
                lines.push(format!("!{path} {}>{}", kind(a), kind(b)))
            }
            (Some(_), Some(_)) => lines.push(format!("!{path}")),
            (Some(Thing::EmptyDir), None) if filled(path) => {}
            (Some(_), None) => lines.push(format!("-{path}")),
            (None, Some(b)) => lines.push(untracked(path, b)),
            (None, None) => {}
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_scan_tells_the_difference_of_two_trees(before in any_tree(), after in any_tree(), threads in 1usize..4) {
        let fixture = Fixture { threads, ..Fixture::new() };
        make(&fixture, &BTreeMap::new(), &before);
        fixture.stage_all();
        prop_assert_eq!(fixture.all(), NOTHING);
        make(&fixture, &before, &after);
        prop_assert_eq!(fixture.all(), expected(&before, &after));
    }
}
