#!/usr/bin/env bash
# Installs whatever the tests need and runs them all. Ends with one line that counts them.
#
# DSV_FUZZ_SECONDS is how long each fuzz target runs (5).
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-$PWD/target}/tools
log=$(mktemp)
trap 'rm -f "$log"' EXIT

title() { printf '\n== %s\n' "$1"; }

title 'what the tests need'
scripts/setup-tests.sh

title 'formatting and lints'
scripts/lint.sh

title 'dependencies'
if [ -x "$tools/bin/cargo-deny" ]; then
    "$tools/bin/cargo-deny" --locked check licenses bans sources
    # The list of advisories is fetched from the network, which may not be there.
    if "$tools/bin/cargo-deny" fetch db > /dev/null 2>&1; then
        "$tools/bin/cargo-deny" --locked check --disable-fetch advisories
    else
        echo 'advisories: not checked, their list cannot be fetched from here'
    fi
else
    echo 'not checked: no cargo-deny'
fi

title 'tests of the benchmark scripts'
python3 -m unittest discover -s benches/whole -p 'test_*.py' 2>&1

title 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --all-features --quiet
cargo test --locked --all-features --doc 2>&1 | tee "$log"

if [ -d tests/fuzz ]; then
    title 'fuzzing, briefly'
    scripts/fuzz.sh "${DSV_FUZZ_SECONDS:-5}"
fi

title 'servers for the tests of remotes'
# One that is installed and does not come up fails here; one that cannot be installed is named in what follows.
trap 'scripts/servers.sh stop; rm -f "$log"' EXIT
servers=$(scripts/servers.sh start)
while read -r server; do
    [ -z "$server" ] || export "${server?}"
    echo "$server"
done <<< "$servers"

title 'tests'
cargo test --locked --all-features --lib --bins --tests 2>&1 | tee -a "$log"

awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
    END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }' "$log"
