//! Links to files of this machine.

use super::{blob_id, is_there, kinds, put};
use crate::support::repo::{assert_whole, open_real};
use crate::support::sandbox::Sandbox;

/// A repository beside a folder `src` of three files, one of them large.
fn linked() -> Sandbox {
    let sandbox = Sandbox::repository();
    put(&sandbox, "src/a.txt", "one");
    put(&sandbox, "src/b.csv", "two,2");
    put(&sandbox, "src/sub/large.bin", large());
    sandbox.ok(["add", "--link", "../src/", "--to", "data"]);
    sandbox
}

fn large() -> Vec<u8> {
    crate::transfer::large(7)
}

fn committed() -> Sandbox {
    let sandbox = linked();
    sandbox.ok(["commit", "-m", "Links"]);
    sandbox
}

#[test]
fn a_folder_is_linked_to_and_nothing_appears() {
    let sandbox = linked();
    assert!(!is_there(&sandbox, "data"));
    let status = sandbox.json(["status", "--json"]);
    let staged = status["staged"].as_array().unwrap();
    assert_eq!(staged.len(), 3);
    assert!(staged.iter().all(|change| change["kind"] == "link"), "{status}");
    assert!(sandbox.ok(["status"]).contains("data/a.txt (link)"));
    sandbox.ok(["commit", "-m", "Links"]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    assert!(kinds(&sandbox).iter().all(|(_, kind)| kind == "link"), "{:?}", kinds(&sandbox));
    let info = sandbox.json(["info", "--json"]);
    assert!(info.to_string().contains(&(8 + (3 << 20)).to_string()), "{info}");
    let listed = sandbox.ok(["ls", "-l", "data"]);
    assert!(listed.contains("data/a.txt  -> file://"), "{listed}");
    let lines = sandbox.ok(["ls", "--json", "data/a.txt"]);
    let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&line["kind"], &line["link"]["bytes"]), (&"link".into(), &3.into()));
    assert_whole(&open_real(&sandbox.work()));
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn what_is_linked_to_again_is_no_change_and_a_dry_run_does_nothing() {
    let sandbox = linked();
    let again = sandbox.json(["add", "--link", "../src/", "--to", "data", "--json"]);
    assert_eq!((&again["unchanged"]["files"], again["changes"].as_array().unwrap().len()), (&3.into(), 0));
    put(&sandbox, "src/new.txt", "new");
    let plan = sandbox.json(["add", "--link", "../src/", "--to", "data", "--json", "--dry-run"]);
    assert_eq!(plan["added"]["files"], 1);
    assert_eq!(sandbox.json(["status", "--json"])["staged"].as_array().unwrap().len(), 3);
    let done = sandbox.json(["add", "--link", "../src/", "--to", "data", "--json"]);
    assert_eq!(done["changes"], plan["changes"]);
}

#[test]
fn patterns_and_single_files_are_linked_to() {
    let sandbox = Sandbox::repository();
    for path in ["src/a.csv", "src/b.csv", "src/c.txt", "src/d/e.csv"] {
        put(&sandbox, path, path);
    }
    let root = sandbox.root().display().to_string();
    let linked = |urls: &[&str]| -> Vec<String> {
        let done = sandbox.json([&["add", "--link", "--json", "--dry-run"], urls].concat());
        let changes = done["changes"].as_array().unwrap().iter();
        changes.map(|change| change["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(linked(&[&format!("file://{root}/src/*.csv")]), ["src/a.csv", "src/b.csv"]);
    assert_eq!(linked(&["../src/**/*.csv", "--to", "x"]), ["x/a.csv", "x/b.csv", "x/d/e.csv"]);
    assert_eq!(linked(&["../src/", "--non-recursive"]), ["src/a.csv", "src/b.csv", "src/c.txt"]);
    assert_eq!(linked(&["../src"]).len(), 4);
    assert_eq!(linked(&["../src/a.csv"]), ["a.csv"]);
    assert_eq!(linked(&["../src/a.csv", "--to", "y/z.csv"]), ["y/z.csv"]);
    assert_eq!(linked(&["../src/a.csv", "--to", "y/"]), ["y/a.csv"]);
    assert_eq!(linked(&["../src/a.csv", "../src/c.txt", "--to", "y"]), ["y/a.csv", "y/c.txt"]);
    for nothing in ["../src/nope.csv", "../src/*.jpg", "../nope/"] {
        let told = sandbox.fails(3, ["add", "--link", nothing]);
        assert!(told.contains("there is nothing at"), "{told}");
    }
    sandbox.fails(3, ["add", "--link", "../src/a.csv", "../src/d/../a.csv", "--to", "y"]);
}

#[test]
fn a_link_takes_no_files_place() {
    let sandbox = Sandbox::repository();
    put(&sandbox, "src/a", "one");
    sandbox.write("a", "mine");
    let told = sandbox.fails(3, ["add", "--link", "../src/a"]);
    assert!(told.contains("'a' is a file here that is not tracked"), "{told}");
    sandbox.write("d/b", "mine");
    sandbox.ok(["add", "."]);
    for to in ["a", "a/below", "d"] {
        let told = sandbox.fails(3, ["add", "--link", "../src/a", "--to", to]);
        assert!(told.contains("is a file of the dataset, and no link"), "{told}");
    }
    assert_eq!(sandbox.json(["status", "--json"])["staged"].as_array().unwrap().len(), 2);
}

#[test]
fn links_are_brought_when_asked_for_by_path() {
    let sandbox = committed();
    assert_eq!(sandbox.ok(["cat", "HEAD:data/a.txt"]), "one");
    sandbox.ok(["restore", "."]);
    assert!(!is_there(&sandbox, "data"));
    sandbox.ok(["restore", "data/sub"]);
    assert_eq!(sandbox.read("data/sub/large.bin"), large());
    assert!(!is_there(&sandbox, "data/a.txt"));
    sandbox.ok(["checkout", "HEAD", "--", "data/*.csv"]);
    assert_eq!(sandbox.read("data/b.csv"), b"two,2");
    sandbox.ok(["checkout", "HEAD", "--links"]);
    assert_eq!(sandbox.read("data/a.txt"), b"one");
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    // What is as the link says stays a link, even when it was touched.
    let file = std::fs::File::options().write(true).open(sandbox.work().join("data/a.txt")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(9)).unwrap();
    sandbox.ok(["add", "."]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    assert!(kinds(&sandbox).iter().all(|(_, kind)| kind == "link"));
    sandbox.write("data/a.txt", "owl");
    let status = sandbox.json(["status", "--json"]);
    assert_eq!(status["changed"][0]["change"], "modified", "{status}");
    sandbox.fails(3, ["restore", "data/a.txt"]);
    sandbox.ok(["restore", "--force", "data/a.txt"]);
    assert_eq!(sandbox.read("data/a.txt"), b"one");
    // What a person writes in its place is a file.
    sandbox.write("data/a.txt", "owl");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Mine"]);
    assert_eq!(kinds(&sandbox)[0], ("data/a.txt".to_owned(), "file".to_owned()));
    // Back to the link: the file goes, and nothing is brought.
    sandbox.ok(["checkout", "HEAD~1"]);
    assert!(!is_there(&sandbox, "data/a.txt") && is_there(&sandbox, "data/b.csv"));
}

#[test]
fn links_move_and_go_without_files() {
    let sandbox = committed();
    sandbox.ok(["mv", "data/sub", "moved"]);
    sandbox.ok(["mv", "data/a.txt", "z.txt"]);
    assert!(!is_there(&sandbox, "moved") && !is_there(&sandbox, "z.txt"));
    sandbox.ok(["restore", "z.txt"]);
    sandbox.ok(["mv", "z.txt", "y.txt"]);
    assert_eq!(sandbox.read("y.txt"), b"one");
    let status = sandbox.json(["status", "--json"]);
    assert_eq!(status["changed"].as_array().unwrap().len(), 0, "{status}");
    assert!(
        status["staged"].as_array().unwrap().iter().all(|change| change["change"] == "renamed"),
        "{status}"
    );
    sandbox.ok(["commit", "-m", "Moved"]);
    sandbox.ok(["rm", "data/b.csv", "y.txt"]);
    assert!(!is_there(&sandbox, "y.txt"));
    sandbox.ok(["commit", "-m", "Removed"]);
    assert_eq!(kinds(&sandbox), [("moved/large.bin".to_owned(), "link".to_owned())]);
}

#[test]
fn verify_tells_links_that_are_elsewhere() {
    let sandbox = committed();
    let told = sandbox.ok(["verify"]);
    assert!(told.contains("0 files") && told.contains("3 external links not brought"), "{told}");
    sandbox.ok(["restore", "data"]);
    let told = sandbox.ok(["verify"]);
    assert!(told.contains("3 files") && !told.contains("not brought"), "{told}");
    sandbox.write("data/a.txt", "owl");
    assert!(sandbox.run(["verify"]).expect(1).text(&sandbox).contains("different  data/a.txt"));
}

#[test]
fn what_was_read_is_not_read_again() {
    let sandbox = committed();
    sandbox.ok(["cat", "HEAD:data/a.txt"]);
    sandbox.ok(["restore", "data"]);
    std::fs::remove_dir_all(sandbox.root().join("src")).unwrap();
    std::fs::remove_dir_all(sandbox.work().join("data")).unwrap();
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    assert_eq!(sandbox.ok(["cat", "HEAD:data/a.txt"]), "one");
    sandbox.ok(["restore", "data"]);
    assert_eq!(sandbox.read("data/sub/large.bin"), large());
    // Nothing refers to it: it goes with the garbage, and then the source is missed.
    sandbox.ok(["gc", "--grace", "0s"]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    let told = sandbox.fails(3, ["cat", "HEAD:data/a.txt"]);
    assert!(told.contains("which is gone"), "{told}");
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn a_changed_source_is_told_and_nothing_is_written() {
    let sandbox = committed();
    put(&sandbox, "src/b.csv", "three");
    let told = sandbox.fails(3, ["restore", "data"]);
    for part in
        ["'data/b.csv' links to 'file://", "which changed: recorded were 5 bytes", "dsv add --refresh"]
    {
        assert!(told.contains(part), "{told}");
    }
    assert!(!is_there(&sandbox, "data"));
    let failed = sandbox.run(["restore", "data/b.csv", "--json"]).expect(3);
    assert!(failed.err.contains("\"kind\":\"source-changed\""), "{}", failed.err);
    let failed = sandbox.run(["cat", "HEAD:data/b.csv"]).expect(3);
    assert!(failed.out.is_empty());
    // The others can be had.
    sandbox.ok(["restore", "data/a.txt"]);
}

#[test]
fn a_source_with_the_same_facts_and_other_bytes_is_told() {
    let sandbox = committed();
    sandbox.ok(["cat", "HEAD:data/a.txt"]);
    sandbox.ok(["gc", "--grace", "0s"]);
    let path = sandbox.root().join("src/a.txt");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"owl", 0).unwrap();
    file.set_modified(modified).unwrap();
    let told = sandbox.fails(3, ["cat", "HEAD:data/a.txt"]);
    assert!(told.contains("other bytes than were recorded"), "{told}");
}

#[test]
fn refresh_takes_what_is_there_now() {
    let sandbox = committed();
    put(&sandbox, "src/b.csv", "three,3");
    let plan = sandbox.json(["add", "--refresh", "--dry-run", "--json"]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    let done = sandbox.json(["add", "--refresh", "--json"]);
    assert_eq!((&plan["modified"], &plan["changes"]), (&done["modified"], &done["changes"]));
    assert_eq!((&done["modified"]["files"], &done["unchanged"]["files"]), (&1.into(), &2.into()));
    sandbox.ok(["commit", "-m", "Newer"]);
    assert_eq!(sandbox.ok(["cat", "HEAD:data/b.csv"]), "three,3");
    assert!(sandbox.fails(3, ["cat", "HEAD~1:data/b.csv"]).contains("which changed"));
    let diff = sandbox.ok(["diff", "HEAD~1", "HEAD"]);
    assert!(diff.contains("modified") && diff.contains("data/b.csv"), "{diff}");
    std::fs::remove_file(sandbox.root().join("src/a.txt")).unwrap();
    let told = sandbox.run(["add", "--refresh"]).expect(1).text(&sandbox);
    assert!(told.contains("1 source is gone, still linked to") && told.contains("data/a.txt"), "{told}");
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    sandbox.ok(["add", "--refresh", "--update"]);
    let status = sandbox.json(["status", "--json"]);
    assert_eq!(
        (&status["staged"][0]["change"], &status["staged"][0]["path"]),
        (&"removed".into(), &"data/a.txt".into())
    );
    sandbox.fails(3, ["add", "--refresh", "nope"]);
}

#[test]
fn materialized_links_are_the_files_that_they_led_to() {
    let sandbox = committed();
    let plan = sandbox.json(["materialize", "data", "--dry-run", "--json"]);
    assert_eq!(plan["stored"]["files"], 3);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    let done = sandbox.json(["materialize", "data/sub", "data/a.txt", "--json"]);
    let ids: Vec<_> = done["files"].as_array().unwrap().iter().map(|file| file["id"].clone()).collect();
    assert_eq!(ids, [blob_id(b"one"), blob_id(&large())]);
    sandbox.ok(["commit", "-m", "Stored"]);
    assert_eq!(sandbox.read("data/sub/large.bin"), large());
    std::fs::remove_dir_all(sandbox.root().join("src")).unwrap();
    sandbox.ok(["gc", "--grace", "0s"]);
    std::fs::remove_dir_all(sandbox.work().join("data")).unwrap();
    sandbox.ok(["restore", "data/sub", "data/a.txt"]);
    assert_eq!(sandbox.read("data/sub/large.bin"), large());
    assert_eq!(kinds(&sandbox).iter().filter(|(_, kind)| kind == "link").count(), 1);
    sandbox.fails(3, ["materialize", "data/b.csv"]);
    let told = sandbox.fails(3, ["materialize", "data/a.txt"]);
    assert!(told.contains("there is no external link"), "{told}");
}

#[test]
fn secrets_in_urls_are_refused_and_stored_nowhere() {
    let sandbox = Sandbox::repository();
    for url in [
        "https://user:hunter2@example.org/x",
        "https://example.org/x?X-Amz-Signature=hunter2",
        "s3://key:hunter2@bucket/x",
        "s3://bucket/x?X-Amz-Signature=hunter2",
        "az://container/x?sig=hunter2",
    ] {
        let failed = sandbox.run(["add", "--link", url]).expect(2);
        assert!(!failed.err.contains("hunter2") && failed.err.contains("hint: "), "{}", failed.err);
    }
    assert!(!is_there(&sandbox, ".dsv/index/journal"));
}

#[test]
fn hostile_links_of_others_are_damage() {
    let sandbox = Sandbox::repository();
    for text in [
        r#"{"size":3,"url":"https://user:pw@h/x"}"#,
        r#"{"size":3,"url":"file:///a/../../etc/passwd"}"#,
        r#"{"url":"file:///etc/passwd","size":3}"#,
        "no link",
    ] {
        let id = sandbox.run_with_input(["hash-object", "-w", "--stdin"], text.as_bytes()).expect(0);
        let id = String::from_utf8(id.out).unwrap();
        let tree = format!("link {}\tx\n", id.trim());
        let told = sandbox.run_with_input(["mktree"], tree.as_bytes()).expect(4);
        assert!(told.err.contains("external link"), "{}", told.err);
    }
}
