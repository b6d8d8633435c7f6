//! An object store in memory of which chosen calls go wrong.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use dsv::remote::{Answer, Break, Transport};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What happens to one call.
#[derive(Debug, Clone)]
pub(crate) enum Mishap {
    /// It goes well.
    None,
    /// It is done so much later.
    Late(Duration),
    /// It fails in this way, with nothing done.
    Fails(Trouble),
    /// It is done, and its answer is lost.
    AnswerLost,
    /// Of a read, only so many bytes come, and then the end.
    Truncated(usize),
    /// Of a read or listing, so many bytes or entries come, and then nothing more, for ever.
    Stalls(usize),
}

/// How a call fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    Reset,
    /// An answer with this status and this word.
    Answer(u16, &'static str),
}

impl Trouble {
    fn error(self) -> object_store::Error {
        let source: Box<dyn std::error::Error + Send + Sync> = match self {
            Self::Reset => Box::new(Transport { how: Break::Reset, detail: String::new() }),
            Self::Answer(status, code) => {
                Box::new(Answer { status, code: code.to_owned(), message: String::new(), region: None })
            }
        };
        object_store::Error::Generic { store: "flaky", source }
    }
}

/// A store in memory. Each call takes the next mishap that was planned; without one it goes well.
#[derive(Debug, Default)]
pub(crate) struct FlakyStore {
    inner: InMemory,
    plan: Mutex<VecDeque<Mishap>>,
    calls: Mutex<Vec<String>>,
}

impl FlakyStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Plans what happens to the next calls.
    pub(crate) fn plan(&self, mishaps: &[Mishap]) {
        *self.plan.lock().unwrap() = mishaps.iter().cloned().collect();
    }

    /// The calls until now, as `get some/key`; forgets them.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Whether all that was planned has happened.
    pub(crate) fn is_done(&self) -> bool {
        self.plan.lock().unwrap().is_empty()
    }

    /// Notes a call, and what is to happen to it before it is done.
    async fn meet(&self, call: &str, path: &str) -> Result<Mishap> {
        self.calls.lock().unwrap().push(format!("{call} {path}"));
        let mishap = self.plan.lock().unwrap().pop_front().unwrap_or(Mishap::None);
        match mishap {
            Mishap::Fails(trouble) => return Err(trouble.error()),
            Mishap::Late(by) => tokio::time::sleep(by).await,
            _ => {}
        }
        Ok(mishap)
    }
}

impl fmt::Display for FlakyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlakyStore")
    }
}

/// What is answered after the call was done.
fn answer<T>(mishap: &Mishap, done: Result<T>) -> Result<T> {
    if matches!(mishap, Mishap::AnswerLost) { Err(Trouble::Reset.error()) } else { done }
}

fn cut(bytes: Bytes, mishap: &Mishap) -> BoxStream<'static, Result<Bytes>> {
    match mishap {
        Mishap::Truncated(len) => stream::iter([Ok(bytes.slice(..*len))]).boxed(),
        Mishap::Stalls(len) => stream::iter([Ok(bytes.slice(..*len))]).chain(stream::pending()).boxed(),
        _ => stream::iter([Ok(bytes)]).boxed(),
    }
}

#[async_trait]
impl ObjectStore for FlakyStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mishap = self.meet("put", path.as_ref()).await?;
        answer(&mishap, self.inner.put_opts(path, payload, options).await)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let call = if options.head { "head" } else { "get" };
        let mishap = self.meet(call, path.as_ref()).await?;
        let mut result = answer(&mishap, self.inner.get_opts(path, options).await)?;
        if matches!(mishap, Mishap::Truncated(_) | Mishap::Stalls(_)) {
            let (meta, range, attributes) =
                (result.meta.clone(), result.range.clone(), result.attributes.clone());
            let bytes = result.bytes().await?;
            let payload = GetResultPayload::Stream(cut(bytes, &mishap));
            result = GetResult { payload, meta, range, attributes, extensions: Default::default() };
        }
        Ok(result)
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(path, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.calls.lock().unwrap().push("delete".to_owned());
        match self.plan.lock().unwrap().pop_front() {
            Some(Mishap::Fails(trouble)) => stream::iter([Err(trouble.error())]).boxed(),
            _ => self.inner.delete_stream(paths),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.flaky_list(prefix, self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.flaky_list(prefix, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mishap = self.meet("folders", prefix.map_or("", AsRef::as_ref)).await?;
        answer(&mishap, self.inner.list_with_delimiter(prefix).await)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

impl FlakyStore {
    fn flaky_list(
        &self,
        prefix: Option<&Path>,
        whole: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.calls.lock().unwrap().push(format!("list {}", prefix.map_or("", AsRef::as_ref)));
        match self.plan.lock().unwrap().pop_front() {
            Some(Mishap::Fails(trouble)) => stream::iter([Err(trouble.error())]).boxed(),
            Some(Mishap::Truncated(count)) => {
                whole.take(count).chain(stream::iter([Err(Trouble::Reset.error())])).boxed()
            }
            Some(Mishap::Stalls(count)) => whole.take(count).chain(stream::pending()).boxed(),
            _ => whole,
        }
    }
}
