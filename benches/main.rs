//! The parts' benchmarks, one module each: `cargo bench --bench main [FILTER]`.

mod chunk;

fn main() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    chunk::all(&mut criterion);
    criterion.final_summary();
}
