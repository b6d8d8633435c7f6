use proptest::prelude::*;

use super::*;
use crate::sys::{CreateOptions, OsFs};

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    OsFs.create_dir_all(path.parent().unwrap()).unwrap();
    OsFs.create(&path, CreateOptions::default()).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn commit_branch_and_remote_are_read_from_loose_and_packed_refs() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    write(folder.path(), ".git/HEAD", "ref: refs/heads/topic/x\n");
    write(
        folder.path(),
        ".git/config",
        "[core]\n\tbare = false\n[remote \"other\"]\n\turl = a\n[remote \"origin\"]\n\turl = https://eva:token@example.org/r.git?x=1\n",
    );
    let data = folder.path().join("data/deep");
    OsFs.create_dir_all(&data).unwrap();
    let git = GitWorktree::find(&OsFs, &data).unwrap();
    assert_eq!(git.root, folder.path());
    assert_eq!(git.origin(&OsFs), None, "nothing is committed yet");

    write(folder.path(), ".git/packed-refs", &format!("# pack-refs\n{one} refs/heads/topic/x\n^{two}\n"));
    let origin = git.origin(&OsFs).unwrap();
    assert_eq!((origin.commit, origin.branch.as_deref()), (one, Some("topic/x")));
    assert_eq!(origin.remote.unwrap(), "https://example.org/r.git");

    write(folder.path(), ".git/refs/heads/topic/x", &format!("{two}\n"));
    assert_eq!(git.origin(&OsFs).unwrap().commit, two);
}

#[test]
fn linked_worktrees_and_detached_heads() {
    let folder = tempfile::tempdir().unwrap();
    let id = "a".repeat(64);
    write(folder.path(), "main/.git/HEAD", "ref: refs/heads/main\n");
    write(folder.path(), "main/.git/worktrees/w/HEAD", &format!("{id}\n"));
    write(folder.path(), "main/.git/worktrees/w/commondir", "../..\n");
    write(folder.path(), "w/.git", "gitdir: ../main/.git/worktrees/w\n");
    let git = GitWorktree::find(&OsFs, &folder.path().join("w")).unwrap();
    let origin = git.origin(&OsFs).unwrap();
    assert_eq!((origin.commit, origin.branch, origin.remote), (id, None, None));
}

#[test]
fn refs_that_lead_in_circles_or_out_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), ".git/HEAD", "ref: refs/heads/a\n");
    write(folder.path(), ".git/refs/heads/a", "ref: refs/heads/a\n");
    let git = GitWorktree::find(&OsFs, folder.path()).unwrap();
    assert_eq!(git.origin(&OsFs), None);
    OsFs.remove_file(&folder.path().join(".git/refs/heads/a")).unwrap();
    write(folder.path(), ".git/refs/heads/a", "ref: ../outside\n");
    write(folder.path(), "outside", &"3".repeat(40));
    assert_eq!(git.origin(&OsFs), None);
}

#[test]
fn nothing_secret_stays_in_a_url() {
    for (url, clean) in [
        ("https://ghp_token@github.com/a/b", "https://github.com/a/b"),
        ("https://u:p@w@host:8443/a#frag", "https://host:8443/a"),
        ("ssh://git:pw@host:22/a", "ssh://git@host:22/a"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("/srv/repo", "/srv/repo"),
        ("https://host", "https://host"),
        ("https://host?token=1", "https://host"),
    ] {
        assert_eq!(without_credentials(url), clean);
    }
}

#[test]
fn git_passes_over_what_the_dataset_holds() {
    let folder = tempfile::tempdir().unwrap();
    let fs = OsFs::new();
    let path = |text: &str| RepoPath::new(text).unwrap();
    write(folder.path(), "data/a.csv", "");
    write(folder.path(), "odd[1]*.csv", "");
    write(folder.path(), ".gitignore", "target");
    let add = |paths: &[(&str, bool)]| {
        let paths = paths.iter().map(|(text, is_dir)| (path(text), *is_dir)).collect();
        GitignoreFile::read(&*fs, folder.path()).unwrap().add(&fs, &paths).unwrap()
    };
    assert_eq!(add(&[("odd[1]*.csv", false), ("data", true)]), ["/data/", r"/odd\[1\]\*.csv"]);
    let known = [("data", true), ("data/a.csv", false), ("odd[1]*.csv", false), ("target", false)];
    assert_eq!(add(&known), [""; 0]);
    let text = fs.read(&folder.path().join(".gitignore")).unwrap();
    assert_eq!(text, b"target\n/data/\n/odd\\[1\\]\\*.csv\n");
    // A line that takes a path back is a decision, too.
    fs.remove_file(&folder.path().join(".gitignore")).unwrap();
    write(folder.path(), ".gitignore", "!/data/\n");
    assert_eq!(add(&[("data", true)]), [""; 0]);

    write(folder.path(), "new.txt", "");
    write(folder.path(), ".dsv/format", "");
    let top = top_level(&*fs, folder.path()).unwrap();
    assert_eq!(top.len(), 3, "{top:?}");
}

proptest! {
    #[test]
    fn any_configuration_and_url_never_panic(text in "(\\[remote \"origin\"\\]\n)?.{0,80}", url in ".{0,60}") {
        let _ = remote_url(&text, "origin");
        let _ = without_credentials(&url);
        let _ = commit_id(&text);
    }

    #[test]
    fn a_pattern_covers_its_path(name in "[^/\0\n\r]{1,12}", is_dir: bool) {
        let Ok(path) = RepoPath::new(name.as_bytes()) else { return Ok(()) };
        let Some(line) = pattern(&path, is_dir) else {
            let last = name.chars().last().unwrap();
            prop_assert!(last.is_whitespace() && !last.is_ascii() && !is_dir, "{}", name);
            return Ok(());
        };
        let mut builder = ignore::gitignore::GitignoreBuilder::new("/");
        builder.add_line(None, &line).unwrap();
        let ignore = builder.build().unwrap();
        prop_assert!(ignore.matched(Path::new("/").join(&name), is_dir).is_ignore(), "{}", line);
    }
}
