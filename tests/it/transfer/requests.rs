//! How many requests things take, and how many bytes: counted, and pinned.

use std::sync::Arc;

use dsv::model::{DatasetName, Interrupt, Monitor, Time, VersionId};
use dsv::plumbing::transfer::index::RemoteIndex;
use dsv::plumbing::transfer::{FetchOptions, Peer, PushOptions, PushOutcome, fetch, log, push};
use dsv::porcelain::{Repository, add, commit};
use dsv::remote::{Client, RemoteUrl, RequestStats};
use dsv::store::{ObjectDb, StoreOptions};
use object_store::memory::InMemory;
use tempfile::TempDir;

use crate::support::repo::{create, monitor};
use crate::support::scratch;

static NEVER: Interrupt = Interrupt::new();

struct World {
    folder: TempDir,
    repo: Repository,
    client: Client,
}

impl World {
    fn new() -> Self {
        let folder = scratch();
        let repo = create(folder.path());
        let url = RemoteUrl::parse("s3://bucket/prefix", folder.path()).unwrap();
        let client = Client::with_store(Arc::new(InMemory::new()), url).unwrap();
        Self { folder, repo, client }
    }

    fn commit(&self, files: std::ops::Range<usize>, text: &str) -> VersionId {
        for number in files {
            let folder = self.folder.path().join(format!("d{}", number % 7));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("f{number}")), format!("{text} {number}")).unwrap();
        }
        add::run(&self.repo, &add::Options { paths: vec![".".into()], ..Default::default() }, &monitor())
            .unwrap();
        let options = commit::Options { message: Some(text.to_owned()), ..Default::default() };
        commit::run(&self.repo, &options, &monitor()).unwrap().id
    }

    fn peer(&self, cache: &str) -> Peer<'_> {
        Peer {
            client: &self.client,
            interrupt: &NEVER,
            fs: self.repo.fs(),
            cache: self.folder.path().join(".dsv/cache").join(cache),
            fresh: false,
        }
    }

    fn push(&self, tip: VersionId) -> (PushOutcome, RequestStats) {
        let before = self.client.stats();
        let options = PushOptions {
            expected: None,
            who: "Ada".to_owned(),
            host: "lab".to_owned(),
            time: Time { seconds: 0, offset: 0 },
            why: "push".to_owned(),
        };
        let outcome =
            push(&self.peer("ada"), self.repo.db(), &cats(), tip, &options, &Monitor::quiet()).unwrap();
        (outcome, since(before, self.client.stats()))
    }

    /// Fetches all of the dataset into a database of its own.
    fn fetch(&self, db: &Arc<ObjectDb>, complete: &[VersionId]) -> RequestStats {
        let before = self.client.stats();
        let peer = self.peer("bob");
        let entry = log::newest(&peer, &cats()).unwrap().unwrap();
        let mut index = RemoteIndex::new(&peer, entry.segments.clone()).unwrap();
        let options = FetchOptions { complete: complete.to_vec(), ..Default::default() };
        fetch(&peer, db, &mut index, &[entry.version.unwrap()], &options, &Monitor::quiet()).unwrap();
        since(before, self.client.stats())
    }

    fn empty_db(&self) -> Arc<ObjectDb> {
        let objects = self.folder.path().join(".dsv/other/objects");
        Arc::new(ObjectDb::open(Arc::clone(self.repo.fs()), &objects, StoreOptions::default()).unwrap())
    }
}

fn cats() -> DatasetName {
    DatasetName::new("cats").unwrap()
}

fn since(before: RequestStats, now: RequestStats) -> RequestStats {
    RequestStats {
        gets: now.gets - before.gets,
        heads: now.heads - before.heads,
        puts: now.puts - before.puts,
        deletes: now.deletes - before.deletes,
        others: now.others - before.others,
        bytes_sent: now.bytes_sent - before.bytes_sent,
        bytes_received: now.bytes_received - before.bytes_received,
    }
}

#[test]
fn a_push_is_some_requests_whatever_the_number_of_files() {
    let world = World::new();
    let (outcome, stats) = world.push(world.commit(0..3000, "first"));
    assert_eq!((outcome.packs, outcome.versions), (2, 1));
    assert!(stats.requests() <= 18, "{stats:?}");

    // Nothing to do: the head, and that there is no newer entry.
    let (outcome, stats) = world.push(outcome.entry.version.unwrap());
    assert!(!outcome.moved);
    assert_eq!((stats.requests(), stats.gets), (2, 2), "{stats:?}");

    // A change of one file costs what it costs.
    let (outcome, stats) = world.push(world.commit(5..6, "second"));
    assert!(outcome.moved && stats.requests() <= 16, "{stats:?}");
    // The change, and the small segment that its records are merged into.
    assert!(stats.bytes_sent < 200_000, "{stats:?}");
}

#[test]
fn a_clone_is_some_requests_and_a_fetch_of_a_change_costs_the_change() {
    let world = World::new();
    let first = world.commit(0..3000, "first");
    world.push(first);
    let db = world.empty_db();
    let stats = world.fetch(&db, &[]);
    assert!(stats.requests() <= 12, "{stats:?}");
    world.push(world.commit(5..6, "second"));
    let stats = world.fetch(&db, &[first]);
    assert!(stats.requests() <= 12, "{stats:?}");
    assert!(stats.bytes_received < 200_000, "{stats:?}");
}

#[test]
fn many_small_pushes_do_not_make_many_segments() {
    let world = World::new();
    world.push(world.commit(0..200, "first"));
    for round in 0..30 {
        let (outcome, _) = world.push(world.commit(round..round + 1, &format!("round {round}")));
        assert!(outcome.entry.segments.len() <= 12, "{}", outcome.entry.segments.len());
    }
    let db = world.empty_db();
    world.fetch(&db, &[]);
}
