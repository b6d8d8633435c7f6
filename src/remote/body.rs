//! What is written to a remote.

use bytes::Bytes;
use object_store::PutPayload;

/// Longest slice of a body that is handed on at once, in bytes: progress is seen slice by slice.
const SLICE: usize = 1 << 20;

/// The bytes of one object to be written, in pieces that are never copied, not for a retry either.
#[derive(Clone, Default)]
pub struct PutBody {
    pieces: Vec<Bytes>,
    len: u64,
}

impl PutBody {
    /// A body without bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, mut bytes: Bytes) {
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            self.pieces.push(bytes.split_to(bytes.len().min(SLICE)));
        }
    }

    /// Number of bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn payload(&self) -> PutPayload {
        self.pieces.iter().cloned().collect()
    }
}

impl std::fmt::Debug for PutBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PutBody({} bytes)", self.len)
    }
}

impl<T: Into<Bytes>> From<T> for PutBody {
    fn from(bytes: T) -> Self {
        let mut body = Self::new();
        body.push(bytes.into());
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_are_handed_on_in_slices() {
        let mut body = PutBody::from(vec![7; 2 * SLICE + 1]);
        body.push(Bytes::from_static(b"end"));
        let lengths: Vec<_> = body.payload().iter().map(Bytes::len).collect();
        assert_eq!(lengths, [SLICE, SLICE, 1, 3]);
        assert_eq!((body.len(), body.is_empty()), (2 * SLICE as u64 + 4, false));
        assert!(PutBody::from(Vec::new()).is_empty());
    }
}
