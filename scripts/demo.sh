#!/usr/bin/env bash
# Builds dsv and takes a real dataset through its life: init, add, commit, change, status, diff, log, checkout, verify.
# Each command is shown as it runs.
#
#     scripts/demo.sh [FOLDER]
#
# Works on a copy of FOLDER, which is left as it is. Without one, on two published versions of the npm package vega-datasets,
# or where npm is not to be had, on the files of this repository.
set -euo pipefail

data=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
root=$PWD

cargo build --release --locked --quiet
dsv=${CARGO_TARGET_DIR:-$root/target}/release/dsv

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export DSV_CONFIG=$scratch/config.toml # so that nobody's own settings change what is shown

fetch() { # VERSION: unpacks that version of the dataset as $scratch/VERSION
    mkdir "$scratch/$1"
    (cd "$scratch" && npm pack --silent "vega-datasets@$1" > /dev/null 2>&1) \
        && tar -xzf "$scratch/vega-datasets-$1.tgz" -C "$scratch/$1" --strip-components=2 package/data
}

if [ -n "$data" ]; then
    name=$(basename "$data")
    first=$data
elif command -v npm > /dev/null && fetch 2.5.4 && fetch 2.11.0; then
    name=vega
    first=$scratch/2.5.4
    second=$scratch/2.11.0
else
    name=sources
    first=$scratch/first
    mkdir "$first"
    cp -r src docs Cargo.toml Cargo.lock "$first"
fi

work=$scratch/work/$name
mkdir -p "$scratch/work"
cp -a --reflink=auto "$first" "$work"
rm -rf "$work/.dsv"
cd "$work"

say() { printf '\n# %s\n' "$*"; }
show() { # COMMAND...: shows and runs it
    local line='' word
    for word; do
        case $word in
            *[!A-Za-z0-9_./@:=~,+-]* | '') line+=" ${word@Q}" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '$%s\n' "$line"
    if [ "$1" = dsv ]; then "$dsv" "${@:2}"; else "$@"; fi
}

say "a folder of data: $(find . -type f | wc -l) files, $(du -sh . | cut -f1)"
show dsv init --dataset "$name"
show dsv add .
show dsv commit -m 'As delivered'

if [ -n "${second:-}" ]; then
    say 'the next delivery arrives: the dataset as it was published later'
    find . -mindepth 1 -maxdepth 1 ! -name .dsv -exec rm -rf {} +
    cp -a "$second/." .
else
    say 'a file is changed, one is removed, one is new'
    mapfile -d '' -t files < <(find . -path ./.dsv -prune -o -type f -size -1024k -print0 | sort -z | head -z -n 2)
    if [ ${#files[@]} -gt 0 ]; then printf 'one line more\n' >> "${files[0]}"; fi
    if [ ${#files[@]} -gt 1 ]; then show rm -f "${files[1]}"; fi
    printf 'id,label\n1,cat\n2,dog\n' > labels-of-the-demo.csv
fi
show dsv status
show dsv diff --summary
show dsv add .
show dsv commit -m 'The next delivery' --minor
show dsv log --stat
show dsv diff HEAD~1 HEAD --stat

say 'back to the first version'
show dsv checkout HEAD~1
diff -r --exclude=.dsv "$first" . && echo "# every byte is as in $(basename "$first")"
show dsv verify

say 'and to the newest'
show dsv checkout "$name"
if [ -n "${second:-}" ]; then diff -r --exclude=.dsv "$second" . && echo '# every byte is as it was published'; fi
show dsv verify
show dsv fsck --full
show dsv info
