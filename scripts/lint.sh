#!/usr/bin/env bash
# Formatting and lints.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --check
cargo clippy --locked --all-targets --all-features -- -D warnings
