#!/usr/bin/env bash
# Runs every fuzz target, or the ones named, for so many seconds each.
#
#     scripts/fuzz.sh [SECONDS] [TARGET...]
#
# Works with a stable toolchain: coverage needs no unstable flag, and the address sanitizer, which would, has little to
# find in code without `unsafe`.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-$PWD/target}/tools
fuzz=$(command -v "$tools/bin/cargo-fuzz" || command -v cargo-fuzz) || {
    echo 'not fuzzed: no cargo-fuzz (scripts/setup-tests.sh installs it)' >&2
    exit 0
}
seconds=${1:-60}
shift || true
if [ $# = 0 ]; then
    mapfile -t targets < <("$fuzz" list --fuzz-dir tests/fuzz)
    set -- "${targets[@]}"
fi
for target; do
    echo "-- $target, $seconds s"
    mkdir -p "tests/fuzz/corpus/$target" "tests/fuzz/seeds/$target"
    # What is found goes to the first folder; the second holds real encodings to begin with.
    "$fuzz" run --fuzz-dir tests/fuzz --sanitizer none "$target" \
        "tests/fuzz/corpus/$target" "tests/fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -verbosity=0 -print_final_stats=1
done
