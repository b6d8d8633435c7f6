//! Two repositories that share no database, and a bucket whose clock the test moves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsv::codec::json_line::decode_condemned;
use dsv::codec::segment::{PAGE_LEN, Page, Section, SegmentHead};
use dsv::model::{DatasetName, Expected, Head, Interrupt, Monitor, RefEntry, Time, VersionId};
use dsv::plumbing::transfer::gc::{GcOptions, GcOutcome, gc};
use dsv::plumbing::transfer::index::RemoteIndex;
use dsv::plumbing::transfer::log::Appended;
use dsv::plumbing::transfer::{
    FetchOptions, Peer, PushOptions, PushOutcome, TransferError, VerifyOptions, fetch, log, push, verify,
};
use dsv::porcelain::{Repository, add, checkout, commit};
use dsv::remote::{Client, RemoteOptions, RemoteUrl, keys};
use dsv::store::{ObjectDb, StoreOptions};
use object_store::ObjectStore;
use tempfile::TempDir;

use crate::support::repo::{create, monitor};
use crate::support::rng::Rng;
use crate::support::scratch;
use crate::support::timed_store::{Bucket, TimedStore};

/// The time of grace of these tests, in seconds.
pub(super) const GRACE: i64 = 1000;
/// More than that.
pub(super) const LONG: i64 = GRACE + 10;
/// When they begin.
pub(super) const START: i64 = 1_000_000;

pub(super) static NEVER: Interrupt = Interrupt::new();

pub(super) fn dataset(name: &str) -> DatasetName {
    DatasetName::new(name).unwrap()
}

/// A repository, which the tests share and only read once it has its versions.
pub(super) struct Home {
    pub(super) folder: TempDir,
    pub(super) repo: Repository,
}

impl Home {
    pub(super) fn new() -> Self {
        let folder = scratch();
        let repo = create(folder.path());
        Self { folder, repo }
    }

    /// Writes files of random bytes, which depend on the seed.
    pub(super) fn write(&self, files: std::ops::Range<usize>, len: usize, seed: u64) {
        for number in files {
            let folder = self.folder.path().join(format!("d{}", number % 3));
            std::fs::create_dir_all(&folder).unwrap();
            let mut bytes = vec![0; len];
            Rng::new(seed * 1000 + number as u64).fill(&mut bytes);
            std::fs::write(folder.join(format!("f{number}")), bytes).unwrap();
        }
    }

    pub(super) fn commit(&self, message: &str) -> VersionId {
        let options = add::Options { paths: vec![".".into()], ..Default::default() };
        add::run(&self.repo, &options, &monitor()).unwrap();
        let options = commit::Options { message: Some(message.to_owned()), ..Default::default() };
        commit::run(&self.repo, &options, &monitor()).unwrap().id
    }

    /// Begins another line of versions at one of them.
    pub(super) fn switch(&self, name: &str, version: VersionId) {
        let head = Head::Dataset(dataset(name));
        let options =
            checkout::Options { head, version: Some(version), create: true, force: true, sparse: None };
        checkout::run(&self.repo, &options, &monitor()).unwrap();
    }
}

/// One who works on a bucket: a repository, a way to the bucket, and a cache.
pub(super) struct Actor<'a> {
    home: &'a Home,
    client: Client,
    cache: PathBuf,
}

impl<'a> Actor<'a> {
    pub(super) fn new(home: &'a Home, bucket: &Arc<Bucket>, cache: &Path) -> Self {
        Self::on(home, TimedStore::new(bucket), cache)
    }

    pub(super) fn on(home: &'a Home, store: Arc<dyn ObjectStore>, cache: &Path) -> Self {
        let url = RemoteUrl::parse("s3://bucket", Path::new("/")).unwrap();
        let options = RemoteOptions { retries: 0, ..RemoteOptions::default() };
        let client = Client::with_store_and_options(store, url, &options).unwrap();
        Self { home, client, cache: cache.to_owned() }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn peer(&self) -> Peer<'_> {
        let (client, fs, cache) = (&self.client, self.home.repo.fs(), self.cache.clone());
        Peer { client, interrupt: &NEVER, fs, cache, fresh: false }
    }

    pub(super) fn push(
        &self,
        name: &str,
        tip: VersionId,
        expected: Option<Expected>,
    ) -> Result<PushOutcome, TransferError> {
        let options = PushOptions {
            expected,
            who: "Ada".to_owned(),
            host: "lab".to_owned(),
            time: Time { seconds: 0, offset: 0 },
            why: "push".to_owned(),
        };
        push(&self.peer(), self.home.repo.db(), &dataset(name), tip, &options, &monitor())
    }

    pub(super) fn gc(&self) -> Result<GcOutcome, TransferError> {
        self.gc_with(false, START)
    }

    pub(super) fn gc_with(&self, dry_run: bool, now: i64) -> Result<GcOutcome, TransferError> {
        self.gc_for(GRACE, dry_run, now)
    }

    /// Collects with a time of grace of so many seconds.
    pub(super) fn gc_for(&self, grace: i64, dry_run: bool, now: i64) -> Result<GcOutcome, TransferError> {
        let options = GcOptions {
            dry_run,
            grace: Duration::from_secs(grace as u64),
            who: "Carl".to_owned(),
            time: Time { seconds: now, offset: 0 },
        };
        gc(&self.peer(), self.home.repo.db(), &options, &monitor())
    }

    /// Demands that all datasets are whole there.
    pub(super) fn assert_whole(&self) {
        let peer = Peer { fresh: true, ..self.peer() };
        let found = verify(&peer, &VerifyOptions::default(), &monitor()).unwrap();
        assert!(found.findings.is_empty(), "{:?}", found.findings);
    }

    /// Demands that all that an entry leads to can be had by one who has nothing.
    pub(super) fn assert_fetched(&self, name: &str, number: Option<u64>) -> VersionId {
        let peer = self.peer();
        let entry = match number {
            Some(number) => log::read_entry(&peer, &dataset(name), number),
            None => log::newest(&peer, &dataset(name)),
        };
        let entry = entry.unwrap().unwrap();
        let folder = scratch();
        let db = ObjectDb::open(Arc::clone(self.home.repo.fs()), folder.path(), StoreOptions::default());
        let mut index = RemoteIndex::new(&peer, entry.segments.clone()).unwrap();
        let tip = entry.version.unwrap();
        let options = FetchOptions::default();
        fetch(&peer, &Arc::new(db.unwrap()), &mut index, &[tip], &options, &Monitor::quiet()).unwrap();
        tip
    }

    /// What the newest list says is condemned.
    pub(super) fn condemned(&self) -> BTreeSet<String> {
        let bytes = self.client.get(keys::CONDEMNED_HEAD, u64::MAX, &NEVER).unwrap();
        let objects = bytes.map_or_else(Vec::new, |bytes| decode_condemned(&bytes).unwrap().objects);
        objects.into_iter().map(|object| object.key).collect()
    }

    /// The keys of the packs that a segment names.
    pub(super) fn packs_of(&self, segment: &str) -> BTreeSet<String> {
        let bytes = self.client.get(segment, u64::MAX, &NEVER).unwrap().unwrap();
        let head = SegmentHead::decode(&bytes).unwrap();
        let mut packs = BTreeSet::new();
        for range in [Section::Metadata, Section::Data].map(|section| head.section(section)) {
            for page in bytes[range.start as usize..range.end as usize].chunks(PAGE_LEN) {
                packs.extend(
                    Page::decode(page).unwrap().entries().iter().map(|placed| keys::pack(&placed.pack)),
                );
            }
        }
        packs
    }

    /// Demands that no segment names a pack that is condemned, unless it is condemned, too.
    pub(super) fn assert_condemned_together(&self, bucket: &Bucket) {
        let condemned = self.condemned();
        for segment in keys_below(bucket, keys::SEGMENTS).iter().filter(|key| !condemned.contains(*key)) {
            let packs = self.packs_of(segment);
            assert!(packs.is_disjoint(&condemned), "{segment} names {packs:?} of {condemned:?}");
        }
    }

    /// Removes a dataset, as an entry does that has no version.
    pub(super) fn remove(&self, name: &str) {
        let newest = log::newest(&self.peer(), &dataset(name)).unwrap().unwrap();
        let entry = RefEntry {
            number: newest.number + 1,
            previous: newest.version,
            version: None,
            write_id: "removed".to_owned(),
            why: "remove".to_owned(),
            ..newest
        };
        assert_eq!(log::append(&self.peer(), &entry).unwrap(), Appended::Won);
    }

    /// The number of the newest entry, and its version.
    pub(super) fn newest(&self, name: &str) -> (u64, Option<VersionId>) {
        let entry = log::newest(&self.peer(), &dataset(name)).unwrap().unwrap();
        (entry.number, entry.version)
    }
}

/// The bytes of all objects below a prefix, and their number.
pub(super) fn below(bucket: &Bucket, prefix: &str) -> (u64, usize) {
    let sizes = bucket.sizes().into_iter().filter(|(key, _)| key.starts_with(prefix));
    let sizes: Vec<u64> = sizes.map(|(_, len)| len).collect();
    (sizes.iter().sum(), sizes.len())
}

/// All packs and segments.
pub(super) fn objects(bucket: &Bucket) -> Vec<String> {
    [keys_below(bucket, keys::SEGMENTS), keys_below(bucket, keys::PACKS)].concat()
}

/// An answer after which nothing is tried again.
pub(super) fn refused() -> object_store::Error {
    object_store::Error::NotImplemented { operation: String::new(), implementer: String::new() }
}

/// Does something in the middle of a request, by a thread of its own, since this one waits for the request.
pub(super) fn aside(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}

/// The keys below a prefix.
pub(super) fn keys_below(bucket: &Bucket, prefix: &str) -> Vec<String> {
    let keys = bucket.sizes().into_iter().map(|(key, _)| key);
    keys.filter(|key| key.starts_with(prefix)).collect()
}

/// Copies a folder of a cache.
pub(super) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
