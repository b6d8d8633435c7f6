//! Datasets as people work with them: drafts, states, records, deletion, search.

mod convergence;
mod deletion;
mod drafts;
mod records;
mod search;

use crate::support::rng::Rng;
use crate::support::sandbox::Sandbox;

/// A repository with two datasets: `cats` at 1.0.1 and `dogs` at 1.0.0, which came from `cats@1.0.0`; the folder stands on
/// `cats`.
fn pets() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.write("table.csv", "1\n");
    sandbox.write("images/1.png", "cat");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "First cats"]);
    sandbox.ok(["switch", "-c", "dogs"]);
    sandbox.write("dogs.csv", "rex\n");
    sandbox.write("images/1.png", "dog!");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "First dogs"]);
    sandbox.ok(["switch", "cats"]);
    sandbox.write("table.csv", "1\n2\n");
    sandbox.ok(["commit", "-a", "-m", "More cats"]);
    sandbox
}

/// Bytes that do not compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(seed).fill(&mut bytes);
    bytes
}
