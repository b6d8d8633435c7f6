#!/usr/bin/env bash
# Formatting and lints.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --check
cargo clippy --locked --all-targets --all-features -- -D warnings
# Without the cloud, as the fuzz targets take it.
cargo clippy --locked --lib --no-default-features -- -D warnings
