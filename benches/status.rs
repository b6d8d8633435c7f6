//! `status` over files that did not change, beside the floor: `lstat` of the same files by one thread.
//!
//! The tree is small enough for a bench of the parts; a million files are measured by the whole commands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use dsv::model::{Interrupt, Monitor, ObjectId};
use dsv::sys::{CreateOptions, Fs, LockMode, OsFs, SystemClock, Wait, acquire, bytes_to_path};
use dsv::worktree::{Change, IndexEditor, ScanOptions, Staged, StagingIndex, StatFacts, UntrackedMode, scan};

/// A fifth of them in one folder.
const FILES: usize = 20_000;

pub(crate) fn all(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let fs = OsFs::new();
    let (root, index) = (folder.path().join("work"), folder.path().join("index"));
    let folders = make_files(&*fs, &root);
    stage(&fs, &root, &index, &folder.path().join("lock"));
    let mut group = criterion.benchmark_group("status");
    group.throughput(Throughput::Elements(FILES as u64)).sample_size(20);
    group.bench_function("unchanged", |b| {
        b.iter(|| {
            let index = StagingIndex::open(&*fs, &index).unwrap();
            let outcome = scan(&*fs, &root, &index, &ScanOptions::default(), Monitor::quiet()).unwrap();
            assert_eq!((outcome.differences.len(), outcome.counts.stats), (0, FILES as u64));
        })
    });
    group.bench_function("floor-lstat", |b| {
        b.iter(|| {
            let listed = folders.iter().map(|folder| {
                let folder = fs.list(&root.join(folder)).unwrap();
                folder.entries().unwrap().iter().map(|(name, _)| folder.stat(name).unwrap().size).sum::<u64>()
            });
            assert_eq!(listed.sum::<u64>(), 0);
        })
    });
    group.finish();
}

/// Makes empty files and returns their folders.
fn make_files(fs: &dyn Fs, root: &Path) -> Vec<String> {
    let folders: Vec<_> = std::iter::once("big".to_owned()).chain((0..80).map(|n| format!("d{n}"))).collect();
    for folder in &folders {
        let count = if folder == "big" { FILES / 5 } else { FILES / 100 };
        fs.create_dir_all(&root.join(folder)).unwrap();
        for n in 0..count {
            fs.create(&root.join(folder).join(format!("f{n:06}")), CreateOptions::default()).unwrap();
        }
    }
    folders
}

fn stage(fs: &Arc<dyn Fs>, root: &Path, index: &Path, lock: &Path) {
    let interrupt = Interrupt::new();
    let wait =
        Wait { timeout: Duration::ZERO, clock: &SystemClock, interrupt: &interrupt, on_wait: &mut |_| () };
    let lock = acquire(&**fs, lock, LockMode::Exclusive, "bench", wait).unwrap();
    let mut editor = IndexEditor::open(fs, index, lock).unwrap();
    let options = ScanOptions { untracked: UntrackedMode::Files, ..ScanOptions::default() };
    for found in scan(&**fs, root, &editor, &options, Monitor::quiet()).unwrap().differences {
        let Change::Untracked { kind, bytes, .. } = found.change else { continue };
        let stat = fs.stat(&root.join(bytes_to_path(found.path.as_bytes()).unwrap())).unwrap();
        let stat = Some(StatFacts::of_written(&stat));
        let staged = Staged { kind, size: bytes, id: ObjectId::Sha256([1; 32]), stat, absent: false };
        editor.set(&found.path, staged).unwrap();
    }
    editor.save().unwrap();
}
