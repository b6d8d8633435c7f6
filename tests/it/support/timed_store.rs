//! A store in memory whose clock a test moves, and of which each request can be met before it is done.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What several clients see: objects, when they were written, and what time it is.
#[derive(Debug)]
pub(crate) struct Bucket {
    objects: InMemory,
    written: Mutex<HashMap<Path, i64>>,
    clock: AtomicI64,
}

impl Bucket {
    pub(crate) fn new(seconds: i64) -> Arc<Self> {
        let (objects, written) = (InMemory::new(), Mutex::default());
        Arc::new(Self { objects, written, clock: AtomicI64::new(seconds) })
    }

    /// Another bucket with the same objects and clock.
    pub(crate) fn fork(&self) -> Arc<Self> {
        Arc::new(Self {
            objects: self.objects.fork(),
            written: Mutex::new(self.written.lock().unwrap().clone()),
            clock: AtomicI64::new(self.now()),
        })
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Moves the clock on.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The keys and lengths of all objects.
    pub(crate) fn sizes(&self) -> Vec<(String, u64)> {
        let listed = futures_util::FutureExt::now_or_never(self.objects.list(None).collect::<Vec<_>>());
        let mut sizes: Vec<_> = listed
            .unwrap()
            .into_iter()
            .map(|meta| meta.map(|meta| (meta.location.to_string(), meta.size)).unwrap())
            .collect();
        sizes.sort();
        sizes
    }

    fn dated(&self, mut meta: ObjectMeta) -> ObjectMeta {
        let written = self.written.lock().unwrap().get(&meta.location).copied().unwrap_or(0);
        meta.last_modified = chrono_of(meta.last_modified, written);
        meta
    }
}

/// The time of so many seconds, of the type that the store uses.
fn chrono_of<T: std::ops::Add<std::time::Duration, Output = T> + From<std::time::SystemTime>>(
    _: T,
    seconds: i64,
) -> T {
    T::from(std::time::SystemTime::UNIX_EPOCH) + std::time::Duration::from_secs(seconds as u64)
}

/// What is done before a request, of which it is told the number and `put some/key`; an error is the request's answer.
pub(crate) type Meet = Box<dyn FnMut(usize, &str) -> Result<()> + Send>;

/// One client's way to a bucket.
pub(crate) struct TimedStore {
    bucket: Arc<Bucket>,
    meet: Mutex<(usize, Option<Meet>)>,
}

impl TimedStore {
    pub(crate) fn new(bucket: &Arc<Bucket>) -> Arc<Self> {
        Arc::new(Self { bucket: Arc::clone(bucket), meet: Mutex::new((0, None)) })
    }

    /// As [`TimedStore::new`]; `meet` is called before each request, by one at a time.
    pub(crate) fn met(bucket: &Arc<Bucket>, meet: Meet) -> Arc<Self> {
        Arc::new(Self { bucket: Arc::clone(bucket), meet: Mutex::new((0, Some(meet))) })
    }

    fn meet(&self, what: &str, path: &str) -> Result<()> {
        let mut meet = self.meet.lock().unwrap();
        let (count, meet) = &mut *meet;
        *count += 1;
        meet.as_mut().map_or(Ok(()), |meet| meet(*count, &format!("{what} {path}")))
    }

    fn meet_list(
        &self,
        prefix: Option<&Path>,
        listed: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        if let Err(error) = self.meet("list", prefix.map_or("", AsRef::as_ref)) {
            return stream::iter([Err(error)]).boxed();
        }
        let bucket = Arc::clone(&self.bucket);
        listed.map(move |meta| meta.map(|meta| bucket.dated(meta))).boxed()
    }
}

impl fmt::Debug for TimedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimedStore")
    }
}

impl fmt::Display for TimedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimedStore")
    }
}

#[async_trait]
impl ObjectStore for TimedStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.meet("put", path.as_ref())?;
        let done = self.bucket.objects.put_opts(path, payload, options).await?;
        self.bucket.written.lock().unwrap().insert(path.clone(), self.bucket.now());
        Ok(done)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.bucket.objects.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.meet(if options.head { "head" } else { "get" }, path.as_ref())?;
        let mut result = self.bucket.objects.get_opts(path, options).await?;
        result.meta = self.bucket.dated(result.meta);
        Ok(result)
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.bucket.objects.get_ranges(path, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.meet("delete", "") {
            Err(error) => stream::iter([Err(error)]).boxed(),
            Ok(()) => self.bucket.objects.delete_stream(paths),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.meet_list(prefix, self.bucket.objects.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.meet_list(prefix, self.bucket.objects.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.meet("folders", prefix.map_or("", AsRef::as_ref))?;
        self.bucket.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.bucket.objects.copy_opts(from, to, options).await
    }
}
