//! Publishing a file survives crashes and failures, and the backends that show it are sharp enough to
//! show the opposite.

use std::path::Path;
use std::sync::Arc;

use dsv::sys::{CreateOptions, Fs, OsFs, PendingFile, is_temp_name, publish};

use crate::support::crash::{CrashImage, CrashPlan};
use crate::support::fault::{Fault, FaultPlan, Scope};
use crate::support::record::{Recording, RecordingFs};
use crate::support::scratch;

/// Longer than a page, so that halves and tears show.
const OLD: &[u8] = &[b'o'; 6_000];
const NEW: &[u8] = &[b'n'; 9_000];

/// Records what is done to a folder that holds `file` with the old content.
fn record(act: impl FnOnce(&Arc<dyn Fs>, &Path)) -> Recording {
    let folder = scratch();
    std::fs::write(folder.path().join("file"), OLD).unwrap();
    let recorder = RecordingFs::new(folder.path());
    act(&(Arc::clone(&recorder) as Arc<dyn Fs>), folder.path());
    recorder.mark("done");
    recorder.recording()
}

/// The content of `file` in each image, and whether the crash came after the end.
fn outcomes(recording: &Recording) -> Vec<(Option<Vec<u8>>, bool)> {
    let mut found = Vec::new();
    recording
        .for_each_crash(CrashPlan::default(), |image| found.push((content(image), image.passed("done"))));
    found
}

fn content(image: &CrashImage<'_>) -> Option<Vec<u8>> {
    std::fs::read(image.root.join("file")).ok()
}

fn only_temporaries_beside(folder: &Path, expected: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name();
        let name = name.to_str().unwrap();
        assert!(expected.contains(&name) || is_temp_name(name.as_bytes()), "{name}");
    }
}

#[test]
fn a_crash_shows_the_old_or_the_new_content_whole() {
    let recording = record(|fs, folder| publish(fs, &folder.join("file"), NEW).unwrap());
    let mut olds = 0;
    let images = recording.for_each_crash(CrashPlan::default(), |image| {
        let content = content(image).expect("the name is never gone");
        if image.passed("done") {
            assert!(content == NEW, "a published file must survive");
        }
        assert!(content == OLD || content == NEW, "{} bytes, neither old nor new", content.len());
        olds += usize::from(content == OLD);
        only_temporaries_beside(image.root, &["file"]);
    });
    assert!(images > 6 && olds > 0 && olds < images, "{olds} of {images} images are old");
}

#[test]
fn many_published_files_share_one_directory_sync() {
    let recording = record(|fs, folder| {
        for number in 0..3 {
            let mut pending = PendingFile::create(fs, folder).unwrap();
            pending.write_all(NEW).unwrap();
            pending.publish_without_dir_sync(format!("new-{number}")).unwrap();
        }
        fs.sync_dir(folder).unwrap();
    });
    recording.for_each_crash(CrashPlan::default(), |image| {
        let found: Vec<_> = (0..3).map(|n| std::fs::read(image.root.join(format!("new-{n}"))).ok()).collect();
        assert!(found.iter().flatten().all(|content| content == NEW), "half a file");
        assert!(found.is_sorted_by_key(Option::is_none), "an earlier name came after a later one");
        assert!(!image.passed("done") || found.iter().all(Option::is_some), "a synced name is gone");
    });
}

#[test]
fn a_write_in_place_is_found_to_tear() {
    let recording = record(|fs, folder| {
        let mut file =
            fs.create(&folder.join("file"), CreateOptions { append: true, ..Default::default() }).unwrap();
        file.set_len(0).unwrap();
        file.write_all(NEW).unwrap();
        file.sync().unwrap();
    });
    let outcomes = outcomes(&recording);
    let torn = |content: &Option<Vec<u8>>| content.as_deref().is_some_and(|c| c != OLD && c != NEW);
    assert!(outcomes.iter().any(|(content, _)| torn(content)));
    assert!(outcomes.iter().all(|(content, done)| !done || content.as_deref() == Some(NEW)), "it was synced");
}

#[test]
fn a_rename_without_sync_is_found_to_empty_the_file() {
    let recording = record(|fs, folder| {
        let mut pending = PendingFile::create(fs, folder).unwrap();
        pending.write_all(NEW).unwrap();
        pending.place_as("file").unwrap();
        fs.sync_dir(folder).unwrap();
    });
    let found = outcomes(&recording);
    for expected in [&b""[..], &NEW[..4_500], &[0; 9_000]] {
        assert!(found.iter().any(|(content, done)| *done && content.as_deref() == Some(expected)));
    }
}

#[test]
fn a_missing_directory_sync_is_found_to_lose_what_was_promised() {
    let recording = record(|fs, folder| {
        let mut pending = PendingFile::create(fs, folder).unwrap();
        pending.write_all(NEW).unwrap();
        pending.publish_without_dir_sync("file").unwrap();
    });
    let found = outcomes(&recording);
    assert!(found.iter().any(|(content, done)| *done && content.as_deref() == Some(OLD)));
    assert!(found.iter().all(|(content, _)| content.as_deref().is_some_and(|c| c == OLD || c == NEW)));
}

#[test]
fn a_directory_whose_own_name_is_not_durable_is_found_to_vanish() {
    let lost = |sync_parent: bool| {
        let recording = record(|fs, folder| {
            fs.create_dir(&folder.join("sub")).unwrap();
            publish(fs, &folder.join("sub/inner"), NEW).unwrap();
            if sync_parent {
                fs.sync_dir(folder).unwrap();
            }
        });
        let mut lost = false;
        recording.for_each_crash(CrashPlan::default(), |image| {
            lost |= image.passed("done") && !image.root.join("sub/inner").exists();
        });
        lost
    };
    assert!(lost(false));
    assert!(!lost(true));
}

#[test]
fn a_rename_between_directories_brings_what_came_before() {
    let recording = record(|fs, folder| {
        fs.create_dir(&folder.join("from")).unwrap();
        fs.create_dir(&folder.join("to")).unwrap();
        fs.sync_dir(folder).unwrap();
        for name in ["early", "moved", "late"] {
            fs.create(&folder.join("from").join(name), CreateOptions::default()).unwrap();
        }
        fs.rename(&folder.join("from/moved"), &folder.join("to/moved")).unwrap();
        fs.remove_file(&folder.join("from/early")).unwrap();
        fs.sync_dir(&folder.join("to")).unwrap();
    });
    let mut undone = 0;
    recording.for_each_crash(CrashPlan::default(), |image| {
        let at = |path: &str| image.root.join(path).exists();
        assert!(!(at("from/moved") && at("to/moved")), "one file under two names");
        if image.passed("done") {
            assert!(at("to/moved") && at("from/late"), "a synced rename or what came before it is lost");
            undone += usize::from(at("from/early"));
        }
    });
    assert!(undone > 0, "a removal that was not synced must be undone somewhere");
}

#[test]
#[should_panic(expected = "changed past the recorder")]
fn a_change_past_the_recorder_is_noticed() {
    let recording = record(|_, folder| std::fs::write(folder.join("other"), b"x").unwrap());
    recording.for_each_crash(CrashPlan::default(), |_| {});
}

#[test]
fn any_failing_call_leaves_the_old_content() {
    for plan in FaultPlan::all() {
        let hits = plan.sweep(|fs| {
            let folder = scratch();
            let path = folder.path().join("file");
            std::fs::write(&path, OLD).unwrap();
            let outcome = publish(&(Arc::clone(fs) as Arc<dyn Fs>), &path, NEW);
            let content = std::fs::read(&path).unwrap();
            match (&outcome, fs.hit()) {
                (Ok(()), hit) => {
                    assert!(hit.is_none(), "the failure was swallowed");
                    assert!(content == NEW);
                    only_temporaries_beside(folder.path(), &["file"]);
                }
                // All is done by then, and only its durability is in doubt.
                (Err(_), Some(hit)) if hit.starts_with("sync directory") => assert!(content == NEW),
                (Err(error), _) => assert!(content == OLD, "{error}"),
            }
            let leftovers = std::fs::read_dir(folder.path()).unwrap().count() - 1;
            assert!(leftovers == 0 || plan.sticky, "a temporary was not removed though it could be");
            only_temporaries_beside(folder.path(), &["file"]);
        });
        let expected = if plan.fault == Fault::TornWrite { 1 } else { 5 };
        assert_eq!(hits, expected, "create, write, sync, rename, sync directory: {plan:?}");
    }
}

#[test]
fn short_reads_are_not_noticed() {
    let folder = scratch();
    let path = folder.path().join("file");
    let content: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &content).unwrap();
    for sticky in [false, true] {
        let plan = FaultPlan { fault: Fault::ShortRead, scope: Scope::Reads, sticky, stride: 1 };
        let hits = plan.sweep(|fs| assert!(fs.read(&path).unwrap() == content));
        assert!(hits > 2);
    }
    let plan = FaultPlan { scope: Scope::Reads, stride: 3, ..FaultPlan::once(Fault::Io) };
    let hits = plan.sweep(|fs| {
        let outcome = fs.read(&path);
        assert_eq!(outcome.is_err(), fs.hit().is_some());
    });
    assert!(hits > 2);
    assert!(OsFs.read(&path).unwrap() == content);
}
