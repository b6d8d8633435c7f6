//! stand-in
#![allow(missing_docs)]
pub const MIN: usize = 16 * 1024;
pub const AVG: usize = 64 * 1024;
pub const MAX: usize = 256 * 1024;
#[derive(Debug, Clone, Default)]
pub struct Chunker;
impl Chunker {
    pub fn new() -> Self {
        Self
    }
    pub fn next_cut(&self, data: &[u8], at_end: bool) -> Option<usize> {
        if data.is_empty() || (data.len() < MAX && !at_end) {
            return None;
        }
        Some(data.len().min(AVG))
    }
}
