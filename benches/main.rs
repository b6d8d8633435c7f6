//! The parts' benchmarks, one module each: `cargo bench --bench main [FILTER]`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to tell")]

mod chunk;
mod status;
mod tree;

fn main() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    chunk::all(&mut criterion);
    status::all(&mut criterion);
    tree::all(&mut criterion);
    criterion.final_summary();
}
