//! One file an operation: what git calls plumbing. Each takes handles of the layers below and typed
//! options, and returns a typed outcome.

pub mod cache;
pub mod cat_file;
mod check_records;
pub mod checkout;
pub mod chunk_file;
pub mod commit_tree;
pub mod count_objects;
pub mod diff_index;
pub mod diff_text;
pub mod diff_tree;
pub mod fsck;
pub mod gc;
pub mod git;
pub mod hash_file;
pub mod hash_object;
pub mod history;
pub mod host;
pub mod index_pack;
pub mod labels;
pub mod links;
pub mod ls_tree;
pub mod merge_base;
pub mod merge_tree;
pub mod mktree;
pub mod overlay_tree;
pub mod pack_objects;
pub mod reachable;
pub mod read_tree;
pub mod rebase;
pub mod refresh;
pub mod refs;
pub mod rev_list;
pub mod rev_parse;
pub mod scan_worktree;
pub mod shares;
pub mod show_index;
pub mod sparse;
pub mod stage;
pub mod store_files;
#[cfg(test)]
mod test_history;
#[cfg(test)]
mod test_index;
pub mod transfer;
pub mod tree_edit;
mod tree_error;
pub mod tree_walk;
pub mod update_index;
pub mod usage;
pub mod verify_pack;
mod work_stack;
pub mod write_tree;

/// What operations take and return of the store.
pub use crate::store::{StoreError, Writer, pack_file_name};
pub use check_records::{BadRecord, check_record};
pub use tree_error::TreeError;
