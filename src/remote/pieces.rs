//! Bytes as they came from a remote, in pieces: to join them would be to copy every one of them.

use std::ops::Range;

use bytes::Bytes;

/// The bytes of one answer.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// None of them is empty.
    pieces: Vec<Bytes>,
    /// Where each of them begins.
    starts: Vec<usize>,
    len: usize,
}

impl Pieces {
    /// Adds bytes at the end.
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.starts.push(self.len);
            self.len += piece.len();
            self.pieces.push(piece);
        }
    }

    /// Number of bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A part of the bytes, copied only where it lies in more than one piece; `None` where it goes beyond the end.
    pub fn slice(&self, range: Range<usize>) -> Option<Bytes> {
        if range.start > range.end || range.end > self.len {
            return None;
        }
        if range.is_empty() {
            return Some(Bytes::new());
        }
        let first = self.starts.partition_point(|start| *start <= range.start) - 1;
        let within = range.start - self.starts[first];
        if let Some(end) = Some(within + range.len()).filter(|end| *end <= self.pieces[first].len()) {
            return Some(self.pieces[first].slice(within..end));
        }
        let mut joined = Vec::with_capacity(range.len());
        for (piece, start) in self.pieces[first..].iter().zip(&self.starts[first..]) {
            let from = range.start.saturating_sub(*start);
            let to = range.end.saturating_sub(*start).min(piece.len());
            if from >= to {
                break;
            }
            joined.extend_from_slice(&piece[from..to]);
        }
        Some(joined.into())
    }

    /// All of the bytes in one piece.
    pub fn into_bytes(mut self) -> Bytes {
        match self.pieces.len() {
            0 => Bytes::new(),
            1 => self.pieces.remove(0),
            _ => self.pieces.concat().into(),
        }
    }
}

impl From<Bytes> for Pieces {
    fn from(bytes: Bytes) -> Self {
        let mut pieces = Self::default();
        pieces.push(bytes);
        pieces
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_part_is_the_one_of_all_joined(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..6),
        ) {
            let mut pieces = Pieces::default();
            parts.iter().for_each(|part| pieces.push(part.clone().into()));
            let all = parts.concat();
            prop_assert_eq!((pieces.len(), pieces.is_empty()), (all.len(), all.is_empty()));
            for start in 0..=all.len() + 1 {
                for end in 0..=all.len() + 1 {
                    let part = pieces.slice(start..end);
                    prop_assert_eq!(part.as_deref(), all.get(start..end));
                }
            }
            prop_assert_eq!(pieces.into_bytes(), all);
        }
    }

    #[test]
    fn what_lies_in_one_piece_is_not_copied() {
        let mut pieces = Pieces::from(Bytes::from_static(b"one"));
        pieces.push(Bytes::from_static(b"another"));
        let part = pieces.slice(5..8).unwrap();
        assert_eq!(part.as_ptr(), pieces.pieces[1][2..].as_ptr());
    }
}
