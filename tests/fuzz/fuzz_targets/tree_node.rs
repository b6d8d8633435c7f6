//! A node of a tree: no bytes panic, and what decodes has no other encoding.
#![no_main]

use dsv::codec::tree::TreeNode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(node) = TreeNode::decode(bytes) {
        assert_eq!(node.encode(), bytes);
        let _ = (node.totals(), node.entry_count(), node.level());
    }
});
