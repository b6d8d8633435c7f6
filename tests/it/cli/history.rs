//! Plumbing of trees, versions and refs.

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

/// Two versions of a small dataset.
fn two_versions() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.write("points.csv", "x,y\n1,2\n");
    sandbox.write("images/a.png", "not really");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "First version"]);
    sandbox.write("points.csv", "x,y\n1,2\n3,4\n");
    sandbox.write("readme", "hello");
    std::fs::rename(sandbox.work().join("images/a.png"), sandbox.work().join("images/b.png")).unwrap();
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Second version", "--minor", "--meta", "rows=2"]);
    sandbox
}

#[test]
fn trees_and_objects_are_listed() {
    let sandbox = two_versions();
    assert_snapshot!(sandbox.ok(["ls-tree", "HEAD"]), @"");
    assert_snapshot!(sandbox.ok(["ls-tree", "-r", "-l", "HEAD~1"]), @"");
    assert_eq!(sandbox.ok(["ls-tree", "-z", "--name-only", "HEAD:images"]), "b.png\0");
    assert_snapshot!(sandbox.ok(["diff-tree", "-M", "HEAD~1", "HEAD"]), @"");
    assert_eq!(sandbox.run(["diff-tree", "--exit-code", "HEAD~1", "HEAD"]).code, 1);
    assert_eq!(sandbox.ok(["cat-file", "-t", "HEAD:points.csv"]), "blob\n");
    assert_eq!(sandbox.ok(["cat-file", "-s", "HEAD:points.csv"]), "12\n");
    assert_eq!(sandbox.ok(["cat-file", "blob", "HEAD:points.csv"]), "x,y\n1,2\n3,4\n");
    assert_snapshot!(sandbox.ok(["cat-file", "-p", "cats@1.1.0"]), @"");
    assert_snapshot!(sandbox.fails(2, ["cat-file", "version", "HEAD:points.csv"]), @"");
    assert_eq!(sandbox.ok(["write-tree"]), sandbox.ok(["rev-parse", "HEAD:"]));
}

#[test]
fn revisions_and_refs() {
    let sandbox = two_versions();
    let (first, second) = (sandbox.ok(["rev-parse", "HEAD~1"]), sandbox.ok(["rev-parse", "cats"]));
    assert_eq!(sandbox.ok(["rev-list", "HEAD"]), format!("{second}{first}"));
    assert_eq!(sandbox.ok(["rev-list", "--count", "cats@1.0.0..cats"]), "1\n");
    assert_eq!(sandbox.ok(["rev-parse", "--short", "HEAD"]).trim().len(), 7);
    assert_eq!(sandbox.ok(["merge-base", "HEAD", "HEAD~1"]), first);
    sandbox.run(["merge-base", "--is-ancestor", "HEAD~1", "HEAD"]).expect(0);
    sandbox.run(["merge-base", "--is-ancestor", "HEAD", "HEAD~1"]).expect(1);
    sandbox.ok(["update-ref", "--absent", "refs/datasets/dogs", "HEAD~1"]);
    sandbox.fails(3, ["update-ref", "--absent", "refs/datasets/dogs", "HEAD"]);
    sandbox.fails(3, ["update-ref", "--expect", "HEAD", "refs/datasets/dogs", "HEAD"]);
    let refs = sandbox.ok(["for-each-ref", "--format", "%(refname:short) %(label) %(files) %(HEAD)"]);
    assert_eq!(refs, "cats 1.1.0 3 *\ndogs 1.0.0 2  \n");
    assert_eq!(sandbox.ok(["show-ref", "dogs"]), format!("{} refs/datasets/dogs\n", first.trim()));
    sandbox.ok(["update-ref", "-d", "refs/datasets/dogs"]);
    sandbox.run(["show-ref", "dogs"]).expect(1);
    assert_eq!(sandbox.ok(["symbolic-ref", "HEAD"]), "refs/datasets/cats\n");
    let version = sandbox.ok(["commit-tree", "HEAD:", "-p", "HEAD", "-m", "By script"]);
    assert_eq!(sandbox.ok(["cat-file", "-t", version.trim()]), "version\n");
    assert_snapshot!(sandbox.fails(3, ["rev-parse", "cats@7"]), @"");
    assert_snapshot!(sandbox.fails(3, ["rev-parse", "dags"]), @"");
}
