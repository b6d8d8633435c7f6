//! From a record of metadata to what it leads to.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::RecordKey;
use crate::codec::chunk_list::ChunkList;
use crate::codec::pack::RecordKind;
use crate::codec::tree::{TreeNode, empty_tree};
use crate::codec::{DecodeError, decode_version};
use crate::model::{ObjectId, VersionId};
use crate::store::WHOLE_BLOB_MAX;

/// What a record of metadata leads to: more metadata, and blobs and chunks. The empty tree, which is stored nowhere, is
/// left out, and so are the trees of versions that were deleted.
///
/// # Errors
/// When the bytes are no such record.
pub(super) fn lead_on(
    kind: RecordKind,
    raw: &[u8],
    deleted: &HashSet<VersionId>,
    below: &mut Vec<RecordKey>,
    data: &mut Vec<RecordKey>,
) -> Result<(), DecodeError> {
    match kind {
        RecordKind::Version => {
            let version = decode_version(raw)?;
            below.extend(version.parents.iter().map(|id| (RecordKind::Version, *id.as_bytes())));
            let is_deleted =
                !deleted.is_empty() && deleted.contains(&VersionId::from_bytes(Sha256::digest(raw).into()));
            let has_tree = version.tree != empty_tree() && !is_deleted;
            below.extend(has_tree.then(|| (RecordKind::Tree, *version.tree.as_bytes())));
        }
        RecordKind::Tree => match TreeNode::decode(raw)? {
            TreeNode::Inner { children, .. } => {
                below.extend(children.iter().map(|child| (RecordKind::Tree, *child.id.as_bytes())));
            }
            TreeNode::Leaf(entries) => {
                for entry in entries {
                    let ObjectId::Sha256(id) = entry.id else { continue };
                    if entry.kind.is_dir() {
                        below.extend((id != *empty_tree().as_bytes()).then_some((RecordKind::Tree, id)));
                    } else if entry.blob_len() > WHOLE_BLOB_MAX {
                        below.push((RecordKind::ChunkedBlob, id));
                    } else {
                        data.push((RecordKind::Blob, id));
                    }
                }
            }
        },
        RecordKind::ChunkedBlob | RecordKind::ChunkNode => {
            let list = ChunkList::decode(raw)?;
            let ids = list.pieces.iter().map(|piece| *piece.id.as_bytes());
            if list.level == 0 {
                data.extend(ids.map(|id| (RecordKind::Chunk, id)));
            } else {
                below.extend(ids.map(|id| (RecordKind::ChunkNode, id)));
            }
        }
        RecordKind::Blob | RecordKind::Chunk => {}
    }
    Ok(())
}
