//! Where the records of a remote are: the segments that entries of its logs of refs name.

use super::segment::Segment;
use super::{Peer, RecordKey, TransferError};
use crate::codec::segment::{Placed, Section};
use crate::model::SegmentInfo;

/// Segments that are asked at the same time at the most.
const MAX_WAVE: usize = 8;
/// More records than this are looked up in one segment after the other: each that an earlier one lists costs the later ones nothing then.
const FEW: usize = 16;

/// The segments of one or more entries.
#[derive(Debug, Default)]
pub struct RemoteIndex {
    /// The smallest first: it is read whole by one request, and lists what is newest.
    segments: Vec<Segment>,
}

impl RemoteIndex {
    /// An index over these segments; nothing is read yet.
    ///
    /// # Errors
    /// When what an entry says of one makes no sense.
    pub fn new(
        peer: &Peer<'_>,
        segments: impl IntoIterator<Item = SegmentInfo>,
    ) -> Result<Self, TransferError> {
        let mut index = Self::default();
        index.add(peer, segments)?;
        Ok(index)
    }

    /// Adds segments; those that are there already stay as they are.
    ///
    /// # Errors
    /// As [`RemoteIndex::new`].
    pub fn add(
        &mut self,
        peer: &Peer<'_>,
        segments: impl IntoIterator<Item = SegmentInfo>,
    ) -> Result<(), TransferError> {
        for info in segments {
            if !self.segments.iter().any(|segment| segment.info().name == info.name) {
                self.segments.push(Segment::new(peer, info)?);
            }
        }
        self.segments.sort_by_key(|segment| segment.info().bytes);
        Ok(())
    }

    /// The segments, in order of name.
    pub fn infos(&self) -> Vec<SegmentInfo> {
        let mut infos: Vec<_> = self.segments.iter().map(|segment| segment.info().clone()).collect();
        infos.sort_unstable();
        infos
    }

    /// Where records are, in the order of `keys`; `None` for those that no segment lists.
    ///
    /// # Errors
    /// When the remote fails, or a segment is damaged.
    pub(super) fn find(
        &mut self,
        peer: &Peer<'_>,
        keys: &[RecordKey],
    ) -> Result<Vec<Option<Placed>>, TransferError> {
        let mut places = vec![None; keys.len()];
        for section in [Section::Metadata, Section::Data] {
            let of_section = keys.iter().enumerate().filter(|(_, (kind, _))| Section::of(*kind) == section);
            let mut wanted: Vec<(RecordKey, usize)> = of_section.map(|(at, key)| (*key, at)).collect();
            wanted.sort_unstable_by_key(|((kind, id), _)| (*id, kind.code()));
            let mut rest = self.segments.as_mut_slice();
            let mut width = 1;
            while !wanted.is_empty() && !rest.is_empty() {
                let (wave, behind) = rest.split_at_mut(width.min(rest.len()));
                rest = behind;
                for found in ask(peer, section, wave, &wanted) {
                    for (at, placed) in found? {
                        places[at].get_or_insert(placed);
                    }
                    wanted.retain(|(_, at)| places[*at].is_none());
                    // What the others say does not matter any more, be it that they failed.
                    if wanted.is_empty() {
                        break;
                    }
                }
                // The section of metadata is read whole, for a look-up that may turn out to be in vain.
                let is_cheap = section == Section::Data && wanted.len() <= FEW;
                width = if is_cheap { (width * 2).min(MAX_WAVE) } else { 1 };
            }
        }
        Ok(places)
    }

    /// Gives every record of a section to `each`; what several segments list, as often.
    ///
    /// # Errors
    /// As [`RemoteIndex::find`].
    pub(super) fn each(
        &mut self,
        peer: &Peer<'_>,
        section: Section,
        each: &mut dyn FnMut(&Placed),
    ) -> Result<(), TransferError> {
        self.segments.iter_mut().try_for_each(|segment| segment.each(peer, section, each))
    }

    /// Whether no segment is there.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}

/// Looks up records in several segments at the same time; the answers are in their order.
fn ask(
    peer: &Peer<'_>,
    section: Section,
    segments: &mut [Segment],
    wanted: &[(RecordKey, usize)],
) -> Vec<Result<Vec<(usize, Placed)>, TransferError>> {
    let look = |segment: &mut Segment| {
        let mut found = Vec::new();
        segment.find(peer, section, wanted, &mut |at, placed| found.push((at, placed)))?;
        Ok(found)
    };
    let Some((first, others)) = segments.split_first_mut() else { return Vec::new() };
    std::thread::scope(|scope| {
        let others: Vec<_> = others.iter_mut().map(|segment| scope.spawn(move || look(segment))).collect();
        let mut answers = vec![look(first)];
        for other in others {
            answers.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        answers
    })
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;
    use futures_util::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::path::Path as StorePath;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
        PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    };
    use sha2::{Digest, Sha256};
    use tokio::sync::Barrier;

    use super::*;
    use crate::codec::pack::RecordKind;
    use crate::codec::segment::encode_segment;
    use crate::model::{Interrupt, ObjectId};
    use crate::remote::{Client, RemoteUrl, keys};
    use crate::sys::{Fs, OsFs};

    /// A store of which each read waits until all of its group are there: the first one has as many as the first number says, and so on.
    #[derive(Debug)]
    struct Meeting {
        objects: InMemory,
        reads: AtomicUsize,
        groups: Vec<Arc<Barrier>>,
    }

    impl std::fmt::Display for Meeting {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Meeting")
        }
    }

    impl Meeting {
        fn new(groups: &[usize]) -> Self {
            let group = |size: &usize| std::iter::repeat_n(Arc::new(Barrier::new(*size)), *size);
            let groups = groups.iter().flat_map(group).collect();
            Self { objects: InMemory::new(), reads: AtomicUsize::new(0), groups }
        }
    }

    #[async_trait]
    impl ObjectStore for Meeting {
        async fn get_opts(&self, path: &StorePath, options: GetOptions) -> Result<GetResult> {
            let number = self.reads.fetch_add(1, Ordering::SeqCst);
            let alone = || object_store::Error::NotImplemented {
                operation: String::new(),
                implementer: "nobody else came".to_owned(),
            };
            let group = self.groups.get(number).ok_or_else(alone)?;
            tokio::time::timeout(Duration::from_secs(20), group.wait()).await.map_err(|_| alone())?;
            self.objects.get_opts(path, options).await
        }

        async fn put_opts(
            &self,
            path: &StorePath,
            payload: PutPayload,
            options: PutOptions,
        ) -> Result<PutResult> {
            self.objects.put_opts(path, payload, options).await
        }

        async fn put_multipart_opts(
            &self,
            path: &StorePath,
            options: PutMultipartOptions,
        ) -> Result<Box<dyn MultipartUpload>> {
            self.objects.put_multipart_opts(path, options).await
        }

        async fn get_ranges(&self, path: &StorePath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
            self.objects.get_ranges(path, ranges).await
        }

        fn delete_stream(
            &self,
            paths: BoxStream<'static, Result<StorePath>>,
        ) -> BoxStream<'static, Result<StorePath>> {
            self.objects.delete_stream(paths)
        }

        fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.objects.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
            self.objects.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
            self.objects.copy_opts(from, to, options).await
        }
    }

    /// Records of one segment, so many that it is not read whole; each segment has one more than the one before.
    const RECORDS: u32 = 24_000;

    fn id(segment: u32, record: u32) -> [u8; 32] {
        Sha256::digest([segment.to_le_bytes(), record.to_le_bytes()].concat()).into()
    }

    /// Looks up these records in seven segments, of a store that lets reads wait for each other; returns where they were found, by the
    /// segments' numbers, and the number of reads.
    fn find(groups: &[usize], ids: &[[u8; 32]]) -> (Vec<Option<u8>>, usize) {
        let (found, reads) = find_without(0, groups, ids);
        (found.unwrap(), reads)
    }

    /// The same where one segment is missing.
    fn find_without(
        missing: u32,
        groups: &[usize],
        ids: &[[u8; 32]],
    ) -> (std::result::Result<Vec<Option<u8>>, TransferError>, usize) {
        let store = Arc::new(Meeting::new(groups));
        let folder = tempfile::tempdir().unwrap();
        let url = RemoteUrl::parse("s3://bucket", Path::new("/")).unwrap();
        let client = Client::with_store(Arc::clone(&store) as Arc<dyn ObjectStore>, url).unwrap();
        let (fs, interrupt): (Arc<dyn Fs>, _) = (OsFs::new(), Interrupt::new());
        let (client, interrupt, fs, cache) = (&client, &interrupt, &fs, folder.path().to_owned());
        let peer = Peer { client, interrupt, fs, cache, fresh: false };
        let kind = RecordKind::Blob;
        let infos = (1..8).map(|segment: u32| {
            let pack = [segment as u8; 32];
            let placed = |record| {
                let id = id(segment, record);
                Placed { id, kind, pack, offset: 5, stored_len: 10, raw_len: 10 }
            };
            let mut data: Vec<Placed> = (0..RECORDS + segment).map(placed).collect();
            // One that all but the first one list.
            data.extend((segment > 1).then(|| Placed { id: id(0, 1), ..data[0] }));
            data.sort_unstable_by_key(Placed::key);
            let bytes = encode_segment(&[], &data);
            let name = ObjectId::Sha256(Sha256::digest(&bytes).into()).to_string();
            let (len, records) = (bytes.len() as u64, data.len() as u64);
            if segment != missing {
                client.put(&keys::segment(&name), &bytes.into(), interrupt).unwrap();
            }
            SegmentInfo { name, bytes: len, metadata_bytes: 0, records }
        });
        let mut index = RemoteIndex::new(&peer, infos).unwrap();
        let keys: Vec<RecordKey> = ids.iter().map(|id| (kind, *id)).collect();
        let found = index.find(&peer, &keys);
        let pack_of = |placed: Option<Placed>| placed.map(|placed| placed.pack[0]);
        (found.map(|found| found.into_iter().map(pack_of).collect()), store.reads.load(Ordering::SeqCst))
    }

    #[test]
    fn segments_are_asked_at_the_same_time_and_not_more_often() {
        // None lists it, or the last one: each is asked once, as one after the other would be.
        assert_eq!(find(&[1, 2, 4], &[id(0, 0)]), (vec![None], 7));
        assert_eq!(find(&[1, 2, 4], &[id(7, 5)]), (vec![Some(7)], 7));
        // The first one is asked alone; then only those of the same wave are asked in vain.
        assert_eq!(find(&[1], &[id(1, 5)]), (vec![Some(1)], 1));
        assert_eq!(find(&[1, 2], &[id(2, 5)]), (vec![Some(2)], 3));
        // Of what several list the first one's word counts.
        assert_eq!(find(&[1, 1, 2, 2, 4], &[id(0, 1), id(7, 5)]), (vec![Some(2), Some(7)], 10));
    }

    #[test]
    fn a_segment_that_need_not_be_asked_may_be_missing() {
        let (found, _) = find_without(3, &[1, 2], &[id(2, 5)]);
        assert_eq!(found.unwrap(), [Some(2)]);
        let (found, _) = find_without(3, &[1, 2], &[id(7, 5)]);
        assert!(matches!(found, Err(TransferError::MissingObject { .. })), "{found:?}");
    }

    #[test]
    fn many_records_are_looked_up_in_one_segment_after_the_other() {
        let ids: Vec<[u8; 32]> = (0..FEW as u32 + 1).map(|record| id(2, record)).collect();
        // So many that either of the segments is read whole, and the third one not at all.
        assert_eq!(find(&[1, 1], &ids), (vec![Some(2); ids.len()], 2));
    }
}
