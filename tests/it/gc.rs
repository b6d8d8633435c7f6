//! `gc` removes what nothing needs, and nothing else, whatever happens while it does.

use std::path::Path;
use std::time::Duration;

use dsv::codec::pack::RecordKind;
use dsv::model::ErrorKind;
use dsv::plumbing::host::{Fs, OsFs};
use dsv::porcelain::gc::Options;
use dsv::store::consolidate::rewrite_packs;

use crate::support::crash::CrashPlan;
use crate::support::fault::{Fault, FaultPlan, Scope};
use crate::support::mini::{Files, Mini, files, noise};
use crate::support::record::RecordingFs;
use crate::support::scratch;
use crate::support::tree::{Node, read_tree, write_tree};

/// Days: more than the time of grace, and than what refs named is kept.
const LONG: i64 = 91;

fn content(seed: u64) -> Files {
    files([("a.csv", noise(seed, 2000)), ("b/c.csv", noise(seed + 1000, 2000))])
}

/// All files below a folder but for locks, which hold nothing.
fn contents(folder: &Path) -> Vec<(std::path::PathBuf, Node)> {
    let is_lock = |path: &Path| path.to_str().is_some_and(|path| path.contains("lock"));
    read_tree(folder).into_iter().filter(|(path, _)| !is_lock(path)).collect()
}

#[test]
fn what_is_in_use_stays_and_the_rest_goes() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let kept: Vec<_> = (0..3).map(|n| (mini.commit(&format!("1.0.{n}"), &content(n)), content(n))).collect();
    let (tagged, detached) = (kept[1].0, kept[0].0);
    // `cats` begins anew: what it was is in use by a tag and by HEAD alone, the newest by nothing.
    mini.tag(tagged, "gold");
    mini.detach(detached);
    mini.move_ref(None);
    let newest = mini.commit("2.0.0", &content(7));
    mini.stage(&files([("staged.csv", noise(50, 500))]));
    mini.write(|writer, compressor| writer.put_small_blob(&noise(60, 5000), compressor).unwrap());
    let before = mini.object_files("").len();

    let young = mini.gc(&Options::default()).unwrap();
    assert!(young.done && young.plan.is_empty(), "{young:?}");
    mini.wait_days(LONG);
    let plan = mini.gc(&Options { dry_run: true, ..Default::default() }).unwrap();
    assert!(!plan.done && plan.plan.freed() > 5000);
    assert_eq!(mini.object_files("").len(), before);

    let done = mini.gc(&Options::default()).unwrap();
    assert_eq!((done.done, &done.plan), (true, &plan.plan));
    let mini = Mini::open(folder.path());
    assert!(mini.fsck(true).is_whole(), "{:?}", mini.fsck(true));
    for (version, files) in &kept[..2] {
        assert!(mini.has(version, files));
    }
    assert!(mini.has(&newest, &content(7)));
    assert_eq!(mini.staged("staged.csv").unwrap(), noise(50, 500));
    assert!(!mini.has(&kept[2].0, &kept[2].1), "nothing refers to it");
    let again = mini.gc(&Options { grace: Some(Duration::ZERO), ..Default::default() }).unwrap();
    assert_eq!(again.plan.remove.len(), 0, "{again:?}");
}

#[test]
fn what_refs_named_of_late_stays() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let version = mini.commit("1.0.0", &content(1));
    mini.move_ref(None);
    // The packs are old, the move of the ref is not.
    make_old(&mini);
    mini.gc(&Options::default()).unwrap();
    assert!(Mini::open(folder.path()).has(&version, &content(1)));
    mini.wait_days(LONG);
    assert!(mini.gc(&Options::default()).unwrap().plan.keep.is_empty());
    assert!(mini.object_files(".pack").is_empty());
}

#[test]
fn a_pack_of_which_little_is_in_use_is_rewritten() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let (wanted, unwanted) = (noise(1, 3000), noise(2, 30_000));
    // Both in one pack.
    mini.write(|writer, compressor| {
        writer.put_small_blob(&unwanted, compressor).unwrap();
        writer.put_small_blob(&wanted, compressor).unwrap();
    });
    let files = files([("a.csv", wanted)]);
    let version = mini.commit("1.0.0", &files);
    mini.wait_days(LONG);
    let done = mini.gc(&Options::default()).unwrap();
    assert_eq!(done.plan.rewrite.len(), 1, "{done:?}");
    assert!(done.plan.freed() > 30_000);
    let mini = Mini::open(folder.path());
    assert!(mini.has(&version, &files));
    assert!(mini.fsck(true).is_whole());
    let left: u64 = mini.object_files(".pack").iter().map(|pack| pack.metadata().unwrap().len()).sum();
    assert_eq!(left, done.plan.kept());
}

#[test]
fn what_crashes_left_is_swept() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let version = mini.commit("1.0.0", &content(1));
    let name = ".tmp-dsv-12345-0badcafe-7";
    for place in ["objects", "index", "refs/datasets", "events"] {
        let place = folder.path().join(".dsv").join(place);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(name), b"half").unwrap();
        std::fs::write(place.join(".tmp-dsv-notes"), b"of the user").unwrap();
    }
    // What a checkout left in the worktree; in a repository of its own one may be at work.
    for place in ["images/raw", "nested/.dsv", "nested/images"] {
        std::fs::create_dir_all(folder.path().join(place)).unwrap();
    }
    std::fs::write(folder.path().join("images/raw").join(name), b"half").unwrap();
    std::fs::write(folder.path().join("nested/images").join(name), b"half").unwrap();
    // A pack whose index was never written.
    let listed = mini.object_files(".idx");
    mini.write(|writer, compressor| writer.put_small_blob(&noise(60, 5000), compressor).unwrap());
    let new = mini.object_files(".idx").into_iter().find(|index| !listed.contains(index)).unwrap();
    std::fs::remove_file(new).unwrap();
    let packs = mini.object_files(".pack").len();

    let young = mini.gc(&Options::default()).unwrap();
    assert_eq!((young.plan.temporaries.len(), young.plan.unlisted.len()), (5, 0));
    assert!(!folder.path().join("images/raw").join(name).exists());
    assert!(folder.path().join("nested/images").join(name).exists());
    mini.wait_days(LONG);
    let old = mini.gc(&Options::default()).unwrap();
    assert_eq!((old.plan.temporaries.len(), old.plan.unlisted.len()), (0, 1));
    assert_eq!(mini.object_files(".pack").len(), packs - 1);
    assert_eq!(mini.object_files(".tmp-dsv-notes").len(), 1);
    assert!(mini.has(&version, &content(1)));
}

#[test]
fn all_repositories_of_a_shared_store_are_asked() {
    let folder = scratch();
    let (store, one, two) =
        (folder.path().join("store"), folder.path().join("one"), folder.path().join("two"));
    std::fs::create_dir_all(&one).unwrap();
    std::fs::create_dir_all(&two).unwrap();
    let first = Mini::init_with(&one, Some(store.clone()));
    let second = Mini::init_with(&two, Some(store));
    let version = second.commit("1.0.0", &content(1));
    first.commit("1.0.0", &content(2));
    first.move_ref(None);
    first.wait_days(LONG);
    let freed = first.gc(&Options::default()).unwrap().plan.freed();
    assert!(freed > 0);
    assert!(Mini::open(&two).has(&version, &content(1)));

    // One that cannot be read, or is gone, stops it.
    let head = two.join(".dsv/HEAD");
    let good = std::fs::read(&head).unwrap();
    std::fs::write(&head, b"garbage").unwrap();
    let error = first.gc(&Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("two/.dsv"), "{error}");
    std::fs::write(&head, good).unwrap();
    std::fs::rename(&two, folder.path().join("elsewhere")).unwrap();
    let error = first.gc(&Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap().contains("--forget-missing"));
    let forgotten = first.gc(&Options { forget_missing: true, ..Default::default() }).unwrap();
    assert!(!forgotten.plan.remove.is_empty());
    assert!(first.object_files(".pack").is_empty());
}

#[test]
fn nothing_is_removed_when_something_in_use_is_damaged() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    mini.commit("1.0.0", &content(1));
    mini.write(|writer, compressor| writer.put_small_blob(&noise(60, 5000), compressor).unwrap());
    mini.wait_days(LONG);
    for ending in [".pack", ".idx"] {
        let whole = read_tree(folder.path());
        for file in mini.object_files(ending) {
            std::fs::remove_file(&file).unwrap();
            let before = contents(folder.path());
            let damaged = Mini::open(folder.path());
            damaged.wait_days(LONG);
            if let Err(error) = damaged.gc(&Options::default()) {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                assert_eq!(contents(folder.path()), before);
            }
            write_tree(&whole, folder.path());
        }
    }
    let index = mini.object_files(".idx").remove(0);
    let mut bytes = std::fs::read(&index).unwrap();
    bytes[1] = b'?';
    std::fs::remove_file(&index).unwrap();
    std::fs::write(&index, bytes).unwrap();
    let error = Mini::open(folder.path()).gc(&Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("nothing was removed"), "{error}");
}

/// A repository of which some is garbage, some shares a pack with garbage, and some is staged.
fn half_used(folder: &Path) -> (dsv::model::VersionId, Files) {
    let mini = Mini::init(folder);
    mini.commit("1.0.0", &content(1));
    mini.move_ref(None);
    let kept = content(2);
    mini.write(|writer, compressor| {
        writer.put_small_blob(&noise(70, 9000), compressor).unwrap();
        writer.put_small_blob(&kept["a.csv"], compressor).unwrap();
    });
    let version = mini.commit("2.0.0", &kept);
    mini.stage(&files([("staged.csv", noise(50, 500))]));
    (version, kept)
}

fn assert_all_there(folder: &Path, version: &dsv::model::VersionId, kept: &Files) {
    let mini = Mini::open(folder);
    let outcome = mini.fsck(true);
    assert!(outcome.is_whole(), "{outcome:?}");
    assert!(mini.has(version, kept));
    assert_eq!(mini.staged("staged.csv").unwrap(), noise(50, 500));
}

#[test]
fn a_crash_at_any_moment_loses_nothing() {
    let folder = scratch();
    let (version, kept) = half_used(folder.path());
    let recorder = RecordingFs::new(folder.path());
    let fs: std::sync::Arc<dyn Fs> = recorder.clone();
    let mini = Mini::try_open(fs, folder.path()).unwrap();
    mini.wait_days(LONG);
    let done = mini.gc(&Options::default()).unwrap();
    assert!(!done.plan.remove.is_empty() && !done.plan.rewrite.is_empty(), "{done:?}");
    drop(mini);
    let images = recorder.recording().for_each_crash(CrashPlan::default(), |image| {
        assert_all_there(image.root, &version, &kept);
        // The next run brings it to its end.
        let mini = Mini::open(image.root);
        mini.wait_days(2 * LONG);
        mini.gc(&Options::default()).unwrap();
        assert_all_there(image.root, &version, &kept);
    });
    assert!(images > 20, "{images}");
}

#[test]
fn any_failing_call_loses_nothing() {
    let folder = scratch();
    let (version, kept) = half_used(folder.path());
    let whole = read_tree(folder.path());
    let hits: u64 = FaultPlan::all()
        .into_iter()
        .map(|plan| {
            plan.sweep(|fs| {
                write_tree(&whole, folder.path());
                let fs: std::sync::Arc<dyn Fs> = fs.clone();
                if let Ok(mini) = Mini::try_open(fs, folder.path()) {
                    mini.wait_days(LONG);
                    if let Err(error) = mini.gc(&Options::default()) {
                        let kind = error.kind();
                        assert!(!matches!(kind, ErrorKind::Internal | ErrorKind::Corrupt), "{error}: {kind}");
                    }
                }
                assert_all_there(folder.path(), &version, &kept);
            })
        })
        .sum();
    assert!(hits > 100, "{hits}");
}

#[test]
fn a_damaged_pack_is_not_rewritten_and_the_others_are() {
    let folder = scratch();
    let (version, kept) = half_used(folder.path());
    let mini = Mini::open(folder.path());
    mini.wait_days(LONG);
    let plan = mini.gc(&Options { dry_run: true, ..Default::default() }).unwrap().plan;
    let pack = &plan.rewrite[0].path;
    let mut bytes = std::fs::read(pack).unwrap();
    let end = bytes.len() - 40;
    bytes[end] ^= 1;
    std::fs::write(pack, bytes).unwrap();
    let done = mini.gc(&Options::default()).unwrap();
    assert_eq!(done.damaged, std::slice::from_ref(pack));
    assert!(pack.exists());
    assert!(Mini::open(folder.path()).has(&version, &kept));
}

#[test]
fn packs_are_rewritten_record_for_record() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let version = mini.commit("1.0.0", &content(1));
    let db = mini.repo.db();
    let packs = db.indexes().iter().flat_map(|index| index.packs()).collect();
    let before = mini.object_files(".pack").len();
    let done = rewrite_packs(db, &packs, |_, _, _| true, &dsv::model::Interrupt::new()).unwrap();
    assert_eq!((done.records, done.damaged.len()), (5, 0));
    assert!(mini.object_files(".pack").len() < before);
    assert!(mini.has(&version, &content(1)));
    assert!(Mini::try_open(OsFs::new(), folder.path()).unwrap().fsck(true).is_whole());
}

/// Two repositories of one store.
fn sharing(folder: &Path) -> (Mini, Mini) {
    let store = folder.join("store");
    let make = |name: &str| {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        Mini::init_with(&folder.join(name), Some(store.clone()))
    };
    (make("one"), make("two"))
}

#[test]
fn a_copied_or_moved_repository_of_a_shared_store_is_found() {
    let folder = scratch();
    let (first, second) = sharing(folder.path());
    second.commit("1.0.0", &content(1));
    let copy = folder.path().join("copy");
    write_copy(&folder.path().join("two"), &copy);
    let copied = Mini::open(&copy);
    let version = copied.commit("2.0.0", &content(2));
    first.wait_days(LONG);
    first.gc(&Options::default()).unwrap();
    assert!(Mini::open(&copy).has(&version, &content(2)));

    // Moved, and found by the first command that runs in it.
    let moved = folder.path().join("moved");
    std::fs::rename(&copy, &moved).unwrap();
    let error = first.gc(&Options::default()).unwrap_err();
    assert!(error.hint().unwrap().contains("moved"), "{:?}", error.hint());
    Mini::open(&moved);
    first.gc(&Options { forget_missing: true, ..Default::default() }).unwrap();
    assert!(Mini::open(&moved).has(&version, &content(2)));

    // The list was lost with the copy open: who writes is on it again.
    let writer = Mini::open(&moved);
    std::fs::remove_dir_all(first.repo.layout().store_users()).unwrap();
    let version = writer.commit("3.0.0", &content(3));
    first.gc(&Options::default()).unwrap();
    assert!(Mini::open(&moved).has(&version, &content(3)));
}

fn write_copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    write_tree(&read_tree(from), to);
}

/// Makes the packs look old; what refs named does not.
fn make_old(mini: &Mini) {
    let old = std::time::SystemTime::now() - Duration::from_secs(LONG.unsigned_abs() * 24 * 60 * 60);
    for pack in mini.object_files(".pack") {
        std::fs::File::options().write(true).open(pack).unwrap().set_modified(old).unwrap();
    }
}

/// Flips a bit of a record.
fn damage(mini: &Mini, kind: RecordKind, id: &[u8; 32]) {
    let place = mini.repo.db().locate(kind, id).unwrap().unwrap();
    let pack = mini.objects().join(dsv::store::pack_file_name(&place.pack));
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[place.locator.offset as usize + 60] ^= 1;
    std::fs::write(pack, bytes).unwrap();
}

#[test]
fn what_another_repository_named_of_late_hides_no_damage() {
    let folder = scratch();
    let (first, second) = sharing(folder.path());
    // The first one has left the version, which the second one is on.
    let version = first.commit("1.0.0", &content(1));
    first.move_ref(None);
    second.move_ref(Some(version));
    let tree = first.repo.db().version(&version).unwrap().tree;
    damage(&first, RecordKind::Tree, tree.as_bytes());
    make_old(&first);
    let before = contents(folder.path());
    let error = Mini::open(&folder.path().join("one")).gc(&Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_failing_disk_is_no_hole_in_what_was_named_of_late() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let version = mini.commit("1.0.0", &content(1));
    mini.move_ref(None);
    let whole = read_tree(folder.path());
    let plan = FaultPlan { scope: Scope::Reads, ..FaultPlan::once(Fault::Io) };
    plan.sweep(|fs| {
        write_tree(&whole, folder.path());
        make_old(&mini);
        let fs: std::sync::Arc<dyn Fs> = fs.clone();
        if let Ok(mini) = Mini::try_open(fs, folder.path()) {
            let _ = mini.gc(&Options::default());
        }
        assert!(Mini::open(folder.path()).has(&version, &content(1)));
    });
}

#[test]
fn a_flipped_line_of_an_index_costs_no_record() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let (wanted, unwanted) = (noise(1, 3000), noise(2, 30_000));
    mini.write(|writer, compressor| {
        writer.put_small_blob(&unwanted, compressor).unwrap();
        writer.put_small_blob(&wanted, compressor).unwrap();
    });
    mini.commit("1.0.0", &files([("a.csv", wanted)]));
    let index = mini.object_files(".idx");
    let whole = read_tree(folder.path());
    for index in index {
        for back in [10, 20, 30, 40, 60] {
            let mut bytes = std::fs::read(&index).unwrap();
            let at = bytes.len() - back;
            bytes[at] ^= 1;
            std::fs::remove_file(&index).unwrap();
            std::fs::write(&index, bytes).unwrap();
            let before = contents(folder.path());
            let damaged = Mini::open(folder.path());
            damaged.wait_days(LONG);
            let error = damaged.gc(&Options::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(contents(folder.path()) == before, "{} {back}", index.display());
            write_tree(&whole, folder.path());
        }
    }
}

#[test]
fn what_gc_removed_meanwhile_is_not_taken_for_there() {
    use dsv::porcelain::{branch, tag};
    let folder = scratch();
    let first = Mini::init(folder.path());
    let version = first.commit("1.0.0", &content(1));
    first.move_ref(None);
    // Open packs and an old snapshot: all could still be read.
    assert!(first.has(&version, &content(1)));
    let second = Mini::open(folder.path());
    second.wait_days(LONG);
    second.gc(&Options::default()).unwrap();

    let monitor = dsv::model::Monitor::quiet();
    let options = branch::Options::Create { name: "late".parse().unwrap(), at: Some(version), force: false };
    assert!(branch::run(&first.repo, &options, &monitor).is_err());
    let first = Mini::open(folder.path());
    let version = first.commit("1.0.0", &content(3));
    first.move_ref(None);
    assert!(first.has(&version, &content(3)));
    second.gc(&Options::default()).unwrap();
    let options = tag::Options::Add { tag: "gold".parse().unwrap(), version: Some(version) };
    assert!(tag::run(&first.repo, &options, &monitor).is_err());
}
