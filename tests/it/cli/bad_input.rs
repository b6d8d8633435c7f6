//! What people and file systems come up with: each is taken or gets a clear error, and nothing is half done.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

/// Commits everything, empties the worktree, checks it out and demands the same files.
fn comes_back(sandbox: &Sandbox) {
    let before = crate::support::repo::worktree(&sandbox.work());
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "All"]);
    for entry in fs::read_dir(sandbox.work()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == ".dsv" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        } else {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    sandbox.ok(["checkout", "--force", "HEAD"]);
    assert!(before == crate::support::repo::worktree(&sandbox.work()));
    sandbox.ok(["fsck", "--full"]);
    sandbox.ok(["verify"]);
}

#[test]
fn unusual_names_come_back() {
    let sandbox = Sandbox::repository();
    sandbox.write("with space", "1");
    sandbox.write("new\nline", "2");
    sandbox.write("-dash", "3");
    sandbox.write("Case", "4");
    sandbox.write("case", "5");
    sandbox.write("tab\tquote\"back\\slash", "6");
    sandbox.write("ünïcödé/名前", "7");
    sandbox.write(&"n".repeat(255), "8");
    let deep = vec!["d".repeat(60); 60].join("/");
    sandbox.write(&deep, "9");
    let raw = OsString::from_vec(b"not-\xff-utf8".to_vec());
    fs::write(sandbox.work().join(&raw), "10").unwrap();
    comes_back(&sandbox);
    // Lines stay lines, and -z gives the bytes.
    let listed = sandbox.ok(["ls-files"]);
    assert_eq!(listed.lines().count(), 10);
    assert!(listed.contains(r#""new\nline""#) && listed.contains(r#""not-\377-utf8""#), "{listed}");
    let bytes = sandbox.run(["ls-files", "-z"]).expect(0).out;
    assert!(bytes.split(|byte| *byte == 0).any(|path| path == raw.as_bytes()));
    assert_eq!(
        sandbox.run([OsStr::new("cat"), OsStr::from_bytes(b"HEAD:not-\xff-utf8")]).expect(0).out,
        b"10"
    );
    assert!(sandbox.ok(["ls", "--json"]).contains(r#""path":"\"not-\\377-utf8\"""#));
}

#[test]
fn unusual_files_come_back() {
    let sandbox = Sandbox::repository();
    sandbox.write("empty", "");
    fs::create_dir_all(sandbox.work().join("empty folder/in one")).unwrap();
    let sparse = fs::File::create(sandbox.work().join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    std::os::unix::fs::symlink("loop", sandbox.work().join("loop")).unwrap();
    std::os::unix::fs::symlink("..", sandbox.work().join("up")).unwrap();
    std::os::unix::fs::symlink("/nowhere", sandbox.work().join("dangling")).unwrap();
    comes_back(&sandbox);
    let stored = sandbox.json(["info", "--json"]).to_string();
    assert!(sandbox.ok(["ls-tree", "-r", "HEAD"]).contains("symlink "), "{stored}");
}

#[test]
fn sockets_and_pipes_are_named_and_nothing_is_staged() {
    let sandbox = Sandbox::repository();
    sandbox.write("good", "data");
    let _socket = UnixListener::bind(sandbox.work().join("socket")).unwrap();
    assert!(Command::new("mkfifo").arg(sandbox.work().join("pipe")).status().unwrap().success());
    assert_snapshot!(sandbox.fails(3, ["add", "."]), @r"
    error: 2 of the paths cannot be added
      pipe is a socket, a pipe or a device
      socket is a socket, a pipe or a device
    hint: leave them out with a line in .dsvignore, or make them readable; nothing was staged
    ");
    assert_eq!(sandbox.ok(["ls-files"]), "");
    sandbox.write(".dsvignore", "socket\npipe\n");
    sandbox.ok(["add", "."]);
    assert_eq!(sandbox.ok(["ls-files"]), ".dsvignore\ngood\n");
}

#[test]
fn paths_that_are_not_there_or_outside() {
    let sandbox = Sandbox::repository();
    sandbox.write("good", "data");
    assert_snapshot!(sandbox.fails(3, ["add", "good", "missing"]), @r"
    error: 'missing' does not exist and is not staged
    hint: check the spelling; paths are relative to the current folder
    ");
    assert_snapshot!(sandbox.fails(2, ["add", "good", "../home"]), @"error: '../home' is outside of the dataset's folder '$ROOT/work'");
    assert_snapshot!(sandbox.fails(2, ["add", "/etc/hostname"]), @"error: '/etc/hostname' is outside of the dataset's folder '$ROOT/work'");
    assert_snapshot!(sandbox.fails(2, ["add", ".dsv/HEAD"]), @"error: '.dsv' is not allowed as a name in a dataset");
    assert_snapshot!(sandbox.fails(3, ["add", "*.nothing"]), @r"
    error: no file matches '*.nothing'
    hint: '*' stops at '/', '**' does not; '.' stands for the whole folder
    ");
    assert_eq!(sandbox.ok(["ls-files"]), "");
}

#[test]
fn a_file_that_never_rests_is_reported() {
    let sandbox = Sandbox::repository();
    sandbox.write("rests", "data");
    sandbox.write("growing.log", vec![7; 48 << 20]);
    let path = sandbox.work().join("growing.log");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::options().append(true).open(&path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"another line\n").unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let error = sandbox.run(["add", "."]);
        stop.store(true, Ordering::Relaxed);
        let error = error.expect(3).err;
        assert!(error.contains("'growing.log' keeps changing while it is read"), "{error}");
    });
    assert_eq!(sandbox.ok(["ls-files"]), "");
    sandbox.ok(["add", "."]);
    assert_eq!(sandbox.ok(["ls-files"]), "growing.log\nrests\n");
}

#[test]
fn two_adds_at_once_both_count() {
    let sandbox = Sandbox::repository();
    for number in 0..400 {
        sandbox.write(&format!("a/{number}"), format!("a {number}"));
        sandbox.write(&format!("b/{number}"), format!("b {number}"));
    }
    let children: Vec<_> = ["a", "b", "a"]
        .iter()
        .map(|folder| sandbox.command().args(["add", folder]).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(sandbox.ok(["ls-files"]).lines().count(), 800);
    sandbox.ok(["commit", "-m", "Both"]);
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn whoever_waits_too_long_is_told_for_whom() {
    let sandbox = Sandbox::repository();
    sandbox.ok(["config", "core.lock-timeout", "0"]);
    sandbox.write("a", "data");
    let lock = fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(sandbox.work().join(".dsv/locks/index"));
    let lock = lock.unwrap();
    lock.lock().unwrap();
    let error = sandbox.fails(3, ["add", "a"]);
    assert!(error.contains("hint: "), "{error}");
    drop(lock);
    sandbox.ok(["add", "a"]);
}

#[test]
fn an_interrupted_add_changes_nothing() {
    let sandbox = Sandbox::repository();
    sandbox.write("large", vec![42; 300 << 20]);
    let mut child = sandbox.command().args(["add", "large"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(130));
    assert_eq!(sandbox.ok(["ls-files"]), "");
    sandbox.ok(["fsck", "--full"]);
    let left: Vec<_> = fs::read_dir(sandbox.work().join(".dsv/objects"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("tmp"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn what_the_system_refuses_is_told() {
    // Whoever may do everything is refused nothing: then the binary runs as somebody else.
    let sandbox = Sandbox::repository();
    sandbox.write("secret", "data");
    sandbox.write("open", "data");
    let binary = sandbox.root().join("dsv");
    fs::copy(env!("CARGO_BIN_EXE_dsv"), &binary).unwrap();
    let mode = |path: &str, mode| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(sandbox.work().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(arguments).env_clear().env("HOME", "/nonexistent").current_dir(sandbox.work());
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if is_root {
            let owned =
                Command::new("chown").args(["-R", "65534:65534"]).arg(sandbox.root()).status().unwrap();
            assert!(owned.success());
            use std::os::unix::process::CommandExt;
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), error.replace(&sandbox.root().display().to_string(), "$ROOT"))
    };
    mode("secret", 0o000);
    let (code, error) = run(&["add", "."]);
    assert_eq!(code, Some(3), "{error}");
    assert_snapshot!(error, @r"
    error: 1 of the files could not be stored
      cannot open 'secret': Permission denied
    hint: nothing was staged; mend the files or leave them out with .dsvignore, and run it again
    ");
    mode("secret", 0o644);
    assert_eq!(run(&["add", "."]).0, Some(0));
    assert_eq!(run(&["commit", "-q", "-m", "First"]).0, Some(0));
    // A worktree that cannot be written: the checkout says so before it has done anything.
    fs::remove_file(sandbox.work().join("open")).unwrap();
    mode(".", 0o555);
    let (code, error) = run(&["checkout", "--force", "HEAD"]);
    assert_eq!(code, Some(3), "{error}");
    assert_snapshot!(error, @r"
    error: cannot create '$ROOT/work/open'
      because: Permission denied
    hint: see who owns it, and who may read and write there
    ");
    // And a repository that can only be read can be read.
    mode(".", 0o755);
    mode(".dsv/locks", 0o555);
    mode(".dsv/index", 0o555);
    mode(".dsv/objects", 0o555);
    assert_eq!(run(&["status"]).0, Some(0));
    assert_eq!(run(&["log", "-q"]).0, Some(0));
    let (code, error) = run(&["add", "."]);
    assert_eq!(code, Some(3), "{error}");
    for path in [".dsv/locks", ".dsv/index", ".dsv/objects"] {
        mode(path, 0o755);
    }
}

/// A tree as no dsv writes it, whose one entry has a name that is changed behind the encoder's back.
fn hostile_tree(sandbox: &Sandbox, harmless: &str, name: &str) -> String {
    let mini = crate::support::mini::Mini::open(&sandbox.work());
    let files = crate::support::mini::files([(harmless, b"#!/bin/sh\n".to_vec())]);
    let (tree, _) = mini.tree(&files);
    let node = mini.repo.db().tree_node(&tree).unwrap().encode();
    let at = node.windows(harmless.len()).position(|window| window == harmless.as_bytes()).unwrap();
    let mut bytes = node;
    bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
    let id: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&bytes).into();
    mini.write(|writer, compressor| {
        writer.put(dsv::codec::pack::RecordKind::Tree, id, &bytes, compressor).unwrap();
    });
    dsv::model::TreeId::from_bytes(id).to_string()
}

#[test]
fn nothing_gets_into_a_git_repository_or_becomes_a_temporary_file() {
    let sandbox = Sandbox::repository();
    sandbox.write(".git/config", "[core]\n");
    sandbox.write("a", "1");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "One"]);
    for name in [".git/hooks", ".GIT/x", "sub/.git/x", ".tmp-dsv-1-a-1"] {
        let error = sandbox.fails(2, ["mv", "a", name]);
        assert!(error.contains("not allowed as a name"), "{error}");
    }
    let blob = sandbox.ok(["rev-parse", "HEAD:a"]);
    sandbox.fails(2, ["update-index", "--cacheinfo", &format!("exec,{},.git/hooks/pre-commit", blob.trim())]);
    for (harmless, name) in [(".gix", ".git"), (".giX", ".giT"), (".xmp-dsv-1-a-1", ".tmp-dsv-1-a-1")] {
        let tree = hostile_tree(&sandbox, harmless, name);
        sandbox.fails(4, ["ls-tree", &tree]);
        sandbox.fails(4, ["read-tree", &tree]);
        assert!(sandbox.run(["checkout", &tree, "--", "."]).code != 0);
    }
    assert_eq!(sandbox.ok(["ls-files"]), "a\n");
    let inside: Vec<_> = fs::read_dir(sandbox.work().join(".git")).unwrap().collect();
    assert_eq!(inside.len(), 1);
}

#[test]
fn what_is_staged_alone_survives_a_restore_from_a_version() {
    let sandbox = Sandbox::repository();
    sandbox.write("a", "one");
    sandbox.write("b", "one");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "One"]);
    sandbox.write("a", "staged");
    sandbox.ok(["add", "a"]);
    let error = sandbox.fails(3, ["restore", "--source", "HEAD", "a"]);
    assert!(error.contains("staged"), "{error}");
    sandbox.fails(3, ["checkout", "HEAD", "--", "a"]);
    assert_eq!(sandbox.read("a"), b"staged");
    // A removal that is staged is no content that could be lost.
    sandbox.ok(["rm", "b"]);
    sandbox.ok(["restore", "--source", "HEAD", "b"]);
    assert_eq!(sandbox.read("b"), b"one");
    sandbox.ok(["restore", "--force", "--source", "HEAD", "a"]);
    assert_eq!(sandbox.read("a"), b"one");
}

#[test]
fn a_move_goes_to_no_place_beyond_a_link_and_no_deeper_than_a_path_may() {
    let sandbox = Sandbox::repository();
    sandbox.write("a", "1");
    sandbox.write("d/x", "2");
    sandbox.ok(["add", "."]);
    fs::create_dir(sandbox.root().join("outside")).unwrap();
    fs::write(sandbox.root().join("outside/x"), "mine").unwrap();
    std::os::unix::fs::symlink("../outside", sandbox.work().join("link")).unwrap();
    for target in ["link", "link/a", "link/new/a"] {
        let error = sandbox.fails(3, ["mv", "a", target]);
        assert!(error.contains("link"), "{error}");
    }
    // A tracked folder that has become a link: what is there now is not what is tracked.
    fs::remove_dir_all(sandbox.work().join("d")).unwrap();
    std::os::unix::fs::symlink("../outside", sandbox.work().join("d")).unwrap();
    sandbox.fails(3, ["mv", "d/x", "y"]);
    assert_eq!(fs::read_dir(sandbox.root().join("outside")).unwrap().count(), 1);
    assert_eq!(sandbox.read("a"), b"1");
    fs::remove_file(sandbox.work().join("d")).unwrap();

    // Either part is a path, the whole is none.
    let deep = vec!["n"; 600].join("/");
    sandbox.write(&format!("from/{deep}"), "3");
    sandbox.ok(["add", "from"]);
    let error = sandbox.fails(2, ["mv", "from", &vec!["m"; 600].join("/")]);
    assert!(error.contains("too deep"), "{error}");
    assert_eq!(sandbox.read(&format!("from/{deep}")), b"3");
}

#[test]
fn a_restore_beyond_a_link_is_refused() {
    let sandbox = Sandbox::repository();
    sandbox.write("d/x", "1");
    sandbox.ok(["add", "."]);
    fs::remove_dir_all(sandbox.work().join("d")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.work().join("d")).unwrap();
    for paths in ["d/x", "d", "."] {
        let error = sandbox.fails(3, ["restore", paths]);
        assert!(error.contains("d/x (untracked)"), "{error}");
    }
    let error = sandbox.fails(3, ["restore", "--force", "d/x"]);
    assert!(error.contains("'d' is in the way"), "{error}");
    fs::remove_file(sandbox.work().join("d")).unwrap();
    sandbox.ok(["restore", "d/x"]);
    assert_eq!(sandbox.read("d/x"), b"1");
}
