#!/usr/bin/env bash
# Installs the tools that `python3 benches/whole --peers all` measures beside dsv, each pinned to a version.
#
#     benches/peers.sh [FOLDER] [--with-xvc]
#
# Debian's packages need root and Debian 12; without them those peers are left out. The others go below FOLDER
# (target/peers unless told), and nothing else is touched. xvc is compiled, which takes a quarter of an hour.
set -euo pipefail

cd "$(dirname "$0")/.."
folder=${CARGO_TARGET_DIR:-target}/peers
with_xvc=no
for argument in "$@"; do
    case $argument in
        --with-xvc) with_xvc=yes ;;
        *) folder=$argument ;;
    esac
done

debian=(borgbackup=1.2.4-1 restic=0.14.0-1+b5 git-annex=10.20230126-3 git-lfs=3.3.0-1+deb12u1)
python=(dvc==3.67.1 oxenai==0.65.1 hf-xet==1.8.0)
xvc=0.7.1-alpha.3

if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${debian[@]}"
else
    echo "not root on Debian: ${debian[*]} are left out unless they are there" >&2
fi

mkdir -p "$folder"
[ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "${python[@]}"

if [ $with_xvc = yes ] && [ ! -x "$folder/bin/xvc" ]; then
    # Its own lock file, since newer releases of what it needs ask for a newer compiler; no cloud storage.
    cargo install --locked --no-default-features --root "$folder" --version "$xvc" xvc \
        || echo "xvc $xvc did not compile; it is left out" >&2
fi
