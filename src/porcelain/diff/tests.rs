use super::*;
use crate::model::VersionId;
use crate::plumbing::diff_text::LineChange;
use crate::plumbing::host::publish;
use crate::plumbing::tree_edit::empty_tree;
use crate::porcelain::{Environment, add, cat, commit, info, init, ls};

struct Sandbox {
    _folder: tempfile::TempDir,
    repo: Repository,
}

impl Sandbox {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = Environment::system(folder.path());
        init::run(&env, &init::Options::default(), &Monitor::quiet()).unwrap();
        let repo = Repository::discover(env).unwrap();
        Self { _folder: folder, repo }
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.repo.root().join(path);
        self.repo.fs().create_dir_all(path.parent().unwrap()).unwrap();
        publish(self.repo.fs(), &path, bytes.as_ref()).unwrap();
    }

    fn remove(&self, path: &str) {
        self.repo.fs().remove_file(&self.repo.root().join(path)).unwrap();
    }

    fn add(&self) {
        let options = add::Options { paths: vec![".".into()], ..Default::default() };
        add::run(&self.repo, &options, &Monitor::quiet()).unwrap();
    }

    fn commit(&self) -> (VersionId, TreeId) {
        self.add();
        let options = commit::Options { message: Some("m".to_owned()), ..Default::default() };
        let outcome = commit::run(&self.repo, &options, &Monitor::quiet()).unwrap();
        (outcome.id, outcome.version.tree)
    }

    fn diff(&self, sides: Sides, paths: &[&str]) -> Outcome {
        let paths = paths.iter().map(|path| (*path).into()).collect();
        let options = Options { sides, paths, totals_only: false };
        run(&self.repo, &options, &Monitor::quiet()).unwrap()
    }

    fn ls(&self, paths: &[&str], recursive: bool) -> Vec<String> {
        let paths = paths.iter().map(|path| (*path).into()).collect();
        let mut listed = Vec::new();
        ls::run(&self.repo, &ls::Options { paths, recursive, tree: None }, &Monitor::quiet(), &mut |line| {
            listed.push(line.path.to_string());
            Ok(())
        })
        .unwrap();
        listed
    }
}

/// `M path` for each change, `R from to` for each rename.
fn shown(outcome: &Outcome) -> Vec<String> {
    let changes = outcome.changes.iter().map(|change| {
        let letter = match (&change.old, &change.new) {
            (Some(_), Some(_)) => 'M',
            (None, _) => 'A',
            (_, None) => 'D',
        };
        format!("{letter} {}", change.path)
    });
    let renames = outcome.renames.iter().map(|rename| format!("R {} {}", rename.from, rename.to));
    changes.chain(renames).collect()
}

#[test]
fn all_pairs_of_sides() {
    let sandbox = Sandbox::new();
    for (path, text) in [("a.csv", "1\n2\n3\n"), ("dir/b.csv", "b\n"), ("dir/c.csv", "c\n"), ("gone", "g\n")]
    {
        sandbox.write(path, text);
    }
    let (_, first) = sandbox.commit();
    assert!(shown(&sandbox.diff(Sides::Worktree, &[])).is_empty());

    sandbox.write("a.csv", "1\ntwo\n3\n");
    sandbox.remove("dir/b.csv");
    sandbox.write("moved/b.csv", "b\n");
    sandbox.add();
    sandbox.write("dir/c.csv", "longer\n");
    sandbox.remove("gone");
    sandbox.write("untracked", "u\n");
    assert_eq!(shown(&sandbox.diff(Sides::Worktree, &[])), ["M dir/c.csv", "D gone"]);
    let staged = sandbox.diff(Sides::Staged(None), &[]);
    assert_eq!(shown(&staged), ["M a.csv", "R dir/b.csv moved/b.csv"]);
    assert_eq!(staged.totals.modified, Totals { files: 1, bytes: 8 });
    assert_eq!(staged.totals.renamed, Totals { files: 1, bytes: 2 });
    let all = ["M a.csv", "M dir/c.csv", "D gone", "R dir/b.csv moved/b.csv"];
    assert_eq!(shown(&sandbox.diff(Sides::TreeAndWorktree(first), &[])), all);
    assert_eq!(shown(&sandbox.diff(Sides::TreeAndWorktree(first), &["dir"])), ["D dir/b.csv", "M dir/c.csv"]);
    assert_eq!(shown(&sandbox.diff(Sides::Worktree, &["*.csv"])), Vec::<String>::new());
    assert_eq!(shown(&sandbox.diff(Sides::Staged(Some(first)), &["*.csv"])), ["M a.csv"]);
    // What is staged and taken back in the worktree differs from neither.
    sandbox.write("a.csv", "1\n2\n3\n");
    assert!(!shown(&sandbox.diff(Sides::TreeAndWorktree(first), &[])).contains(&"M a.csv".to_owned()));

    let (_, second) = sandbox.commit();
    let trees = sandbox.diff(Sides::Trees(first, second), &[]);
    assert_eq!(shown(&trees), ["M dir/c.csv", "D gone", "A untracked", "R dir/b.csv moved/b.csv"]);
    let totals_only = Options { sides: Sides::Trees(first, second), paths: vec![], totals_only: true };
    assert_eq!(run(&sandbox.repo, &totals_only, &Monitor::quiet()).unwrap().totals, trees.totals);
    let from_nothing = Options { sides: Sides::Trees(empty_tree(), first), ..totals_only };
    let outcome = run(&sandbox.repo, &from_nothing, &Monitor::quiet());
    assert!(outcome.is_ok_and(|outcome| outcome.totals.added == Totals { files: 4, bytes: 12 }));
}

#[test]
fn contents_of_texts_binaries_and_large_files() {
    let sandbox = Sandbox::new();
    sandbox.write("text", "1\n2\n3\n");
    sandbox.write("binary", b"\0\x01");
    sandbox.write("large", vec![b'x'; TEXT_LIMIT as usize + 1]);
    let (_, tree) = sandbox.commit();
    sandbox.write("text", "1\ntwo\n3\n");
    sandbox.write("binary", b"\0\x02\x03");
    sandbox.write("large", b"small");
    for sides in [Sides::Worktree, Sides::TreeAndWorktree(tree)] {
        let outcome = sandbox.diff(sides, &[]);
        let contents: Vec<_> =
            outcome.changes.iter().map(|change| content(&sandbox.repo, change).unwrap()).collect();
        assert_eq!(contents[..2], [ContentDiff::Binary, ContentDiff::TooLarge]);
        let ContentDiff::Text(hunks) = &contents[2] else { panic!("{contents:?}") };
        let lines: Vec<_> = hunks[0].lines.iter().map(|line| (line.change, line.text.as_slice())).collect();
        let expected = [
            (LineChange::Same, b"1".as_slice()),
            (LineChange::Removed, b"2"),
            (LineChange::Added, b"two"),
            (LineChange::Same, b"3"),
        ];
        assert_eq!(lines, expected);
    }
}

#[test]
fn listing_printing_and_counting() {
    let sandbox = Sandbox::new();
    let quiet = Monitor::quiet();
    let before = info::run(&sandbox.repo, &info::Options::default(), &quiet).unwrap();
    assert!(before.version.is_none() && before.history == info::HistoryInfo::default());
    for (path, text) in [("a.csv", "equal\n"), ("dir/b.csv", "equal\n"), ("dir/sub/c.txt", "c\n")] {
        sandbox.write(path, text);
    }
    let (id, _) = sandbox.commit();
    assert_eq!(sandbox.ls(&[], false), ["a.csv", "dir"]);
    assert_eq!(sandbox.ls(&["dir"], false), ["dir/b.csv", "dir/sub"]);
    assert_eq!(sandbox.ls(&[], true), ["a.csv", "dir/b.csv", "dir/sub/c.txt"]);
    assert_eq!(sandbox.ls(&["**/*.csv"], false), ["a.csv", "dir/b.csv"]);
    assert_eq!(sandbox.ls(&["dir/s*"], false), ["dir/sub/c.txt"]);
    let options = ls::Options { paths: vec!["nothing".into()], ..Default::default() };
    let missing = ls::run(&sandbox.repo, &options, &quiet, &mut |_| Ok(()));
    assert!(matches!(missing, Err(Error::NoMatch { .. })));

    let mut bytes = Vec::new();
    assert_eq!(cat::run(&sandbox.repo, b"HEAD:dir/b.csv", &mut bytes, &quiet).unwrap(), 6);
    assert_eq!(bytes, b"equal\n");
    assert!(cat::run(&sandbox.repo, b"HEAD:dir", &mut bytes, &quiet).is_err());

    sandbox.write("d", "d");
    sandbox.commit();
    let options = info::Options { version: Some(id) };
    let outcome = info::run(&sandbox.repo, &options, &quiet).unwrap();
    let version = outcome.version.as_ref().unwrap();
    assert_eq!(version.version.totals, Totals { files: 3, bytes: 14 });
    assert_eq!((version.usage.data.records, version.usage.data.raw_bytes), (2, 8));
    assert_eq!(outcome.history.versions, 2);
    assert_eq!(outcome.history.totals, Totals { files: 7, bytes: 29 });
    assert_eq!((outcome.history.usage.data.records, outcome.history.usage.data.raw_bytes), (3, 9));
    assert!(outcome.store_files().bytes > outcome.history.usage.data.stored_bytes);
}
