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
    assert_snapshot!(sandbox.ok(["ls-tree", "HEAD"]), @r"
    dir 3168c7af4bcc72f1e98bf873cccfd0a5f5e51e17c819bdc54d28ba87b67cbb9e	images
    file 2a2b86e74ffd5e6a9b75e52a105cf9d02920837179f8e8961aa15411d380f7a3	points.csv
    file 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824	readme
    ");
    assert_snapshot!(sandbox.ok(["ls-tree", "-r", "-l", "HEAD~1"]), @r"
    file c22d26d33c5783cf2bd157ba48eefa471ac49ab7bc71d5e8d5977eedd2c91726 10	images/a.png
    file 81bf9fa83c6f7f151bd491a98cd7d933de3965289e3ebd77c6c425f7eaa16392 8	points.csv
    ");
    assert_eq!(sandbox.ok(["ls-tree", "-z", "--name-only", "HEAD:images"]), "b.png\0");
    assert_snapshot!(sandbox.ok(["diff-tree", "-M", "HEAD~1", "HEAD"]), @r"
    M file file 81bf9fa83c6f7f151bd491a98cd7d933de3965289e3ebd77c6c425f7eaa16392 2a2b86e74ffd5e6a9b75e52a105cf9d02920837179f8e8961aa15411d380f7a3	points.csv
    A - file - 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824	readme
    R file file c22d26d33c5783cf2bd157ba48eefa471ac49ab7bc71d5e8d5977eedd2c91726 c22d26d33c5783cf2bd157ba48eefa471ac49ab7bc71d5e8d5977eedd2c91726	images/a.png	images/b.png
    ");
    assert_eq!(sandbox.run(["diff-tree", "--exit-code", "HEAD~1", "HEAD"]).code, 1);
    assert_eq!(sandbox.ok(["cat-file", "-t", "HEAD:points.csv"]), "blob\n");
    assert_eq!(sandbox.ok(["cat-file", "-s", "HEAD:points.csv"]), "12\n");
    assert_eq!(sandbox.ok(["cat-file", "blob", "HEAD:points.csv"]), "x,y\n1,2\n3,4\n");
    assert_snapshot!(sandbox.ok(["cat-file", "-p", "cats@1.1.0"]), @r"
    tree a6cad67a6226f5994e37f854ec0c78eec692d6a0bf7b8c545ae9bb56a571510b
    parent 20a31b90731d0f0b5eedd381e5e079abc4c9fe4c5ca4cc61157c96f417801e90
    dataset cats
    label 1.1.0
    author Eva Example <eva@example.org>
    time 2026-11-23T14:05:09+01:00
    files 3
    bytes 27
    meta rows=2
    command dsv commit -m 'Second version' --minor --meta rows=2

    Second version
    ");
    assert_snapshot!(sandbox.fails(2, ["cat-file", "version", "HEAD:points.csv"]), @r"
    error: 'HEAD:points.csv' is a blob, not a version
    hint: cat-file -t tells the type
    ");
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
    assert_snapshot!(sandbox.fails(3, ["rev-parse", "cats@7"]), @r"
    error: there is no 'cats@7'
    hint: the newest version is cats@1.1.0; 'dsv log cats' lists all
    ");
    assert_snapshot!(sandbox.fails(3, ["rev-parse", "dags"]), @r"
    error: there is no dataset, tag or version 'dags'
    hint: did you mean cats?
    ");
}
