//! From a parsed command to the function that runs it.

use super::Answer;
use super::args::Command;
use super::error::Failure;
use super::session::Session;
use super::{maintain, plumbing, porcelain};

/// Runs one command.
///
/// # Errors
/// Whatever ended it.
pub(crate) fn run(command: Command, session: &mut Session) -> Result<Answer, Failure> {
    match command {
        Command::Init(args) => porcelain::init::run(&args, session),
        Command::Add(args) => porcelain::add::run(&args, session),
        Command::Rm(args) => porcelain::add::rm(&args, session),
        Command::Mv(args) => porcelain::add::mv(&args, session),
        Command::Restore(args) => porcelain::checkout::restore(&args, session),
        Command::Commit(args) => porcelain::commit::run(&args, session),
        Command::Checkout(args) => porcelain::checkout::run(&args, session),
        Command::Switch(args) => porcelain::checkout::switch(&args, session),
        Command::Status(args) => porcelain::status::run(&args, session),
        Command::Verify(args) => porcelain::verify::run(&args, session),
        Command::Log(args) => porcelain::log::run(&args, session),
        Command::Show(args) => porcelain::log::show(&args, session),
        Command::Diff(args) => porcelain::diff::run(&args, session),
        Command::Ls(args) => porcelain::ls::run(&args, session),
        Command::Cat(args) => porcelain::ls::cat(&args, session),
        Command::Info(args) => porcelain::info::run(&args, session),
        Command::Branch(args) => porcelain::names::branch(&args, session),
        Command::Tag(args) => porcelain::names::tag(&args, session),
        Command::Remote(args) => porcelain::remotes::run(&args, session),
        Command::Clone(args) => porcelain::transfer::clone(&args, session),
        Command::Fetch(args) => porcelain::transfer::fetch(&args, session),
        Command::Pull(args) => porcelain::transfer::pull(&args, session),
        Command::Push(args) => porcelain::transfer::push(&args, session),
        Command::LsRemote(args) => porcelain::transfer::ls_remote(&args, session),
        Command::Evict(args) => porcelain::evict::run(&args, session),
        Command::Get(args) => porcelain::get::run(&args, session),
        Command::Cache(args) => porcelain::cache::run(&args, session),
        Command::Gc(args) => porcelain::gc::run(&args, session),
        Command::Config(args) => porcelain::config::run(&args, session),
        Command::Completions(args) => maintain::completions(&args, session),
        Command::Man(args) => maintain::man(&args, session),
        Command::Help(args) => maintain::help(&args, session),
        Command::HashObject(args) => plumbing::objects::hash_object(&args, session),
        Command::CatFile(args) => plumbing::trees::cat_file(&args, session),
        Command::LsTree(args) => plumbing::trees::ls_tree(&args, session),
        Command::LsFiles(args) => plumbing::index::ls_files(&args, session),
        Command::UpdateIndex(args) => plumbing::index::update_index(&args, session),
        Command::ReadTree(args) => plumbing::index::read_tree(&args, session),
        Command::Mktree(args) => plumbing::index::mktree(&args, session),
        Command::DiffTree(args) => plumbing::trees::diff_tree(&args, session),
        Command::WriteTree(args) => plumbing::trees::write_tree(&args, session),
        Command::CommitTree(args) => plumbing::trees::commit_tree(&args, session),
        Command::PackObjects(args) => plumbing::trees::pack_objects(&args, session),
        Command::RevParse(args) => plumbing::refs::rev_parse(&args, session),
        Command::RevList(args) => plumbing::refs::rev_list(&args, session),
        Command::MergeBase(args) => plumbing::refs::merge_base(&args, session),
        Command::UpdateRef(args) => plumbing::refs::update_ref(&args, session),
        Command::ShowRef(args) => plumbing::refs::show_ref(&args, session),
        Command::ForEachRef(args) => plumbing::for_each_ref::run(&args, session),
        Command::SymbolicRef(args) => plumbing::refs::symbolic_ref(&args, session),
        Command::Fsck(args) => plumbing::fsck::run(&args, session),
        Command::CountObjects(args) => plumbing::objects::count_objects(&args, session),
        Command::ChunkFile(args) => plumbing::objects::chunk_file(&args, session),
        Command::IndexPack(args) => plumbing::packs::index_pack(&args, session),
        Command::VerifyPack(args) => plumbing::packs::verify_pack(&args, session),
        Command::ShowIndex(args) => plumbing::packs::show_index(&args, session),
    }
}
