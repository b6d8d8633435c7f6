//! What a person may write for a version: no bytes panic, and names that are taken are names.
#![no_main]

use dsv::model::{DatasetName, Label, RepoPath, TagName};
use dsv::plumbing::rev_parse::Revision;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Revision::parse(bytes);
    let _ = RepoPath::new(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = DatasetName::new(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(tag) = TagName::new(text) {
        assert_eq!(tag.as_str(), text);
    }
    if let Ok(label) = text.parse::<Label>() {
        assert_eq!(label.to_string().parse::<Label>().as_ref(), Ok(&label));
    }
});
